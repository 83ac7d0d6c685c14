// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* script_names.c - see script_names.h. */
#include "script_names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "digits.h"
#include "escape.h"

void script_names__init(struct script_names *n, const char *machine)
{
	memset(n, 0, sizeof(*n));
	sysno_table(machine, n->sys);
}

void script_names__fini(struct script_names *n)
{
	free(n->slots);
	n->slots = NULL;
}

/* The slot of id, or the free one where it belongs. cap > cnt, so there is one. */
static struct script_name *slot_of(struct script_name *slots, size_t cap, uint32_t id)
{
	/* Fibonacci hashing: numbers come in sequence, their products spread. */
	size_t i = (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (cap - 1);

	while (slots[i].id && slots[i].id != id)
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

static int grow(struct script_names *n)
{
	size_t cap = n->cap ? n->cap * 2 : 256, i;
	struct script_name *slots = calloc(cap, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (i = 0; i < n->cap; i++)
		if (n->slots[i].id)
			*slot_of(slots, cap, n->slots[i].id) = n->slots[i];
	free(n->slots);
	n->slots = slots;
	n->cap = cap;
	return 0;
}

static void add_number(struct strbuf *b, char before, uint32_t n)
{
	char *to = strbuf__room(b, 1 + DIGITS_ROOM);

	if (!to)
		return;
	to[0] = before;
	b->len += (size_t)(put_u64(to + 1, n) - to);
}

/* Lines name tasks far more often than tasks get names. 0 or -ENOMEM. */
static int make_label(struct script_name *slot)
{
	struct strbuf b = {0};

	escape_add(&b, slot->comm, strlen(slot->comm), true);
	add_number(&b, '/', slot->tid);
	add_number(&b, '#', slot->id);
	slot->label_len = 0;
	if (!b.failed && b.len <= sizeof(slot->label)) {
		slot->label_len = (uint8_t)b.len;
		memcpy(slot->label, b.s, b.len);
	}
	strbuf__free(&b);
	return slot->label_len ? 0 : -ENOMEM;
}

static struct script_name *known_slot(const struct script_names *n, uint32_t id)
{
	struct script_name *slot = n->cap && id ? slot_of(n->slots, n->cap, id) : NULL;

	return slot && slot->id ? slot : NULL;
}

/* Who comes in waits no longer, though its wake was lost; a wake that comes later ends nothing. */
static void learn_wait(struct script_names *n, const struct cpt_event *ev)
{
	struct script_name *out = known_slot(n, ev->task), *in = known_slot(n, ev->other);

	if (in)
		in->waits = false;
	if (!out)
		return;
	out->waits = ev->flags & CPT_SW_PREV_BLOCKED && ev->wait;
	if (out->waits)
		out->wait = *ev->wait;
}

const struct cpt_wait *script_names__end_wait(struct script_names *n, uint32_t id)
{
	struct script_name *slot = known_slot(n, id);

	if (!slot || !slot->waits)
		return NULL;
	slot->waits = false;
	return &slot->wait;
}

int script_names__learn(struct script_names *n, const struct cpt_event *ev)
{
	struct script_name *slot;

	if (ev->type == CPT_EV_SWITCH) {
		learn_wait(n, ev);
		return 0;
	}
	if ((ev->type != CPT_EV_NEW && ev->type != CPT_EV_EXEC && ev->type != CPT_EV_RENAME) ||
	    !ev->info || !ev->task)
		return 0;
	if (n->cnt * 2 >= n->cap && grow(n) < 0)
		return -ENOMEM;
	slot = slot_of(n->slots, n->cap, ev->task);
	if (!slot->id) {
		slot->id = ev->task;
		n->cnt++;
	}
	if (ev->type != CPT_EV_RENAME) {
		slot->tid = ev->info->tid;
		slot->pid = ev->info->tgid;
	}
	memset(slot->comm, 0, sizeof(slot->comm));
	strncpy(slot->comm, ev->info->comm, sizeof(slot->comm) - 1);
	return make_label(slot);
}

const struct script_name *script_names__find(const struct script_names *n, uint32_t id)
{
	return known_slot(n, id);
}

void script_names__add_task(const struct script_names *n, struct strbuf *b, uint32_t id)
{
	const struct script_name *name = script_names__find(n, id);
	char *to = strbuf__room(b, SCRIPT_LABEL_MAX);

	if (!to)
		return;
	if (!name) {
		strbuf__addc(b, '?');
		add_number(b, '#', id);
		return;
	}
	memcpy(to, name->label, SCRIPT_LABEL_MAX); /* of a size the compiler knows */
	b->len += name->label_len;
}

static enum cpt_sys sys_of(const struct script_names *n, uint16_t sysno)
{
	return sysno < CPT_SYSNO_TABLE_SZ ? (enum cpt_sys)n->sys[sysno] : CPT_SYS_UNKNOWN;
}

/* "(n)" */
static void add_in_brackets(struct strbuf *b, uint32_t n)
{
	add_number(b, '(', n);
	strbuf__addc(b, ')');
}

void script_names__add_syscall(const struct script_names *n, struct strbuf *b, const char *key,
			       uint16_t sysno)
{
	enum cpt_sys sys = sys_of(n, sysno);

	if (sysno == CPT_SYSNO_NONE)
		return;
	strbuf__adds(b, key);
	if (sysno == CPT_SYSNO_OTHER) {
		strbuf__adds(b, "(other)");
		return;
	}
	strbuf__adds(b, sys == CPT_SYS_UNKNOWN ? "syscall" : sys_name(sys));
	add_in_brackets(b, sysno);
}

void script_names__add_object(const struct script_names *n, struct strbuf *b,
			      const struct cpt_wait *w)
{
#define FD_NAME(name, value)	[value] = #name,
#define FUTEX_NAME(name, value) [value] = #name,
	static const char *const fds[CPT_FD_KIND_CNT] = {CPT_FD_KINDS(FD_NAME)};
	static const char *const futexes[CPT_FUTEX_KIND_CNT] = {CPT_FUTEX_KINDS(FUTEX_NAME)};
	bool futex = sys_group(sys_of(n, w->sysno)) == CPT_SYS_GROUP_FUTEX;
	const char *name = NULL, *p;

	if (futex && w->object < CPT_FUTEX_KIND_CNT)
		name = futexes[w->object];
	else if (!futex && w->object < CPT_FD_KIND_CNT)
		name = fds[w->object];
	if (!name || (!futex && w->object == CPT_FD_NONE))
		return;
	strbuf__adds(b, futex ? " futex=" : " on=");
	for (p = name; *p; p++)
		strbuf__addc(b, *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p);
	add_in_brackets(b, w->object);
}

void script_names__add_fd(const struct script_names *n, struct strbuf *b, const struct cpt_wait *w)
{
	const enum cpt_sys_group group = sys_group(sys_of(n, w->sysno));
	const bool poll = group == CPT_SYS_GROUP_POLL;

	if (group == CPT_SYS_GROUP_FUTEX || w->object == CPT_FD_NONE || (poll && w->arg0 != 1))
		return;
	strbuf__adds(b, " fd");
	add_number(b, '=', (uint32_t)(poll ? w->arg1 : w->arg0));
}

void script_names__add_state(struct strbuf *b, uint16_t prev_state)
{
	/* include/linux/sched.h: one bit each, as ps prints them */
	static const struct {
		uint16_t bit;
		char letter;
	} states[] = {{0x1, 'S'},  {0x2, 'D'},	{0x4, 'T'}, {0x8, 't'},
		      {0x10, 'X'}, {0x20, 'Z'}, {0x40, 'P'}};
	char *to;
	size_t i;

	strbuf__adds(b, " state=");
	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (prev_state & states[i].bit)
			strbuf__addc(b, states[i].letter);
	strbuf__addc(b, '(');
	to = strbuf__room(b, DIGITS_ROOM);
	if (to)
		b->len += (size_t)(put_hex(to, prev_state) - to);
	strbuf__addc(b, ')');
}
