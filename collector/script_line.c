// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* script_line.c - see script_line.h. */
#include "script_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "digits.h"

/* Written in one piece; small enough to stay in the nearest cache until then. */
#define WRITE_AT 16384

void script_lines__fini(struct script_lines *l)
{
	strbuf__free(&l->out);
}

static void set_second(struct script_lines *l, uint64_t second)
{
	l->second = second;
	l->second_len =
		(uint32_t)snprintf(l->second_text, sizeof(l->second_text), "%7" PRIu64 ".", second);
}

void script_lines__begin(struct script_lines *l, uint64_t ts_ns, uint32_t cpu, const char *kind)
{
	const uint64_t second = ts_ns / 1000000000;
	const size_t kind_len = strlen(kind);
	char *to = strbuf__room(&l->out, sizeof(l->second_text) + 2 * DIGITS_ROOM + kind_len + 9);
	char *const from = to;

	if (!to)
		return;
	if (second != l->second || !l->second_len)
		set_second(l, second);
	memcpy(to, l->second_text, sizeof(l->second_text));
	to = put_9_digits(to + l->second_len, (uint32_t)(ts_ns % 1000000000));
	memcpy(to, " [00", 4);
	to = put_u64(to + (cpu < 10 ? 4 : cpu < 100 ? 3 : 2), cpu);
	memcpy(to, "] ", 2);
	memset(to + 2, ' ', 10);
	memcpy(to + 2, kind, kind_len);
	to += 2 + (kind_len > 9 ? kind_len : 9);
	*to++ = ' ';
	l->out.len += (size_t)(to - from);
}

static void add_hex(struct strbuf *b, const char *key, uint64_t n)
{
	const size_t len = strlen(key);
	char *to = strbuf__room(b, len + DIGITS_ROOM);

	if (!to)
		return;
	memcpy(to, key, len);
	b->len += (size_t)(put_hex(to + len, n) - to);
}

static void make_wait(struct strbuf *b, const struct script_names *names, const struct cpt_wait *w)
{
	script_names__add_syscall(names, b, " in=", w->sysno);
	script_names__add_object(names, b, w);
	add_hex(b, " args=", w->arg0);
	add_hex(b, ",", w->arg1);
	add_hex(b, ",", w->arg2);
	script_names__add_state(b, w->prev_state);
	if (w->wait_flags & CPT_WAIT_IOWAIT)
		strbuf__adds(b, " iowait");
	if (w->wait_flags & CPT_WAIT_TIMEOUT)
		strbuf__adds(b, " timeout");
}

static bool same_wait(const struct cpt_wait *a, const struct cpt_wait *b)
{
	return a->arg0 == b->arg0 && a->arg1 == b->arg1 && a->arg2 == b->arg2 &&
	       a->sysno == b->sysno && a->prev_state == b->prev_state && a->object == b->object &&
	       a->wait_flags == b->wait_flags;
}

/* Multiplicative, by the golden ratio. */
static struct script_wait *wait_slot(struct script_lines *l, const struct cpt_wait *w)
{
	const uint64_t mul = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t h = (w->arg0 ^ w->arg1 << 17 ^ w->arg2) * mul;

	h = (h ^ h >> 32 ^
	     ((uint64_t)w->sysno << 32 | (uint64_t)w->prev_state << 16 | w->object << 8 |
	      w->wait_flags)) *
	    mul;
	return &l->waits[h >> 32 & (SCRIPT_WAITS - 1)];
}

void script_lines__add_wait(struct script_lines *l, const struct script_names *names,
			    const struct cpt_wait *w)
{
	struct script_wait *known = wait_slot(l, w);
	const size_t from = l->out.len;

	if (known->len && same_wait(&known->wait, w)) {
		strbuf__add(&l->out, known->text, known->len);
		return;
	}
	make_wait(&l->out, names, w);
	if (l->out.failed || l->out.len - from > sizeof(known->text))
		return;
	known->wait = *w;
	known->len = (uint16_t)(l->out.len - from);
	memcpy(known->text, l->out.s + from, known->len);
}

int script_lines__flush(struct script_lines *l)
{
	const size_t len = l->out.len;

	if (l->out.failed)
		return -ENOMEM;
	l->out.len = 0;
	errno = 0;
	if (len && fwrite(l->out.s, 1, len, stdout) != len)
		return errno ? -errno : -EIO;
	return 0;
}

int script_lines__end(struct script_lines *l)
{
	strbuf__addc(&l->out, '\n');
	return l->out.len >= WRITE_AT || l->out.failed ? script_lines__flush(l) : 0;
}
