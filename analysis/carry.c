// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * carry.c - see carry.h: what tasks do, followed. carry_say.c says it.
 *
 * The states are those of the analysis (analysis_priv.h), by the same events; where that would be in doubt, this is.
 */
#include "carry_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- tables -------------------------------------------------------------------------------------- */

struct carry *carry__new(uint32_t cpu_cnt, bool of_command)
{
	struct carry *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->cpu_cnt = cpu_cnt;
	c->of_command = of_command;
	c->cur = calloc(cpu_cnt, sizeof(*c->cur));
	c->holes = calloc(cpu_cnt, sizeof(*c->holes));
	if (c->cur && c->holes)
		return c;
	carry__free(c);
	errno = ENOMEM;
	return NULL;
}

void carry__free(struct carry *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->kept_cnt; i++)
		free(c->kept[i].program);
	free(c->kept);
	free(c->slot_of);
	free(c->loops);
	free(c->cur);
	free(c->holes);
	free(c);
}

uint32_t carry__tasks(const struct carry *c)
{
	return c->kept_cnt - c->free_cnt;
}

uint32_t carry__highest(const struct carry *c)
{
	return c->highest;
}

static int reserve_id(struct carry *c, uint32_t id)
{
	uint32_t cap = c->slot_cap ? c->slot_cap : 256;
	uint32_t *slots;

	if (id < c->slot_cap)
		return 0;
	while (cap <= id)
		cap *= 2;
	slots = realloc(c->slot_of, cap * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	memset(slots + c->slot_cap, 0, (cap - c->slot_cap) * sizeof(*slots));
	c->slot_of = slots;
	c->slot_cap = cap;
	return 0;
}

struct kept *carry__find(const struct carry *c, uint32_t id)
{
	const uint32_t slot = id && id < c->slot_cap ? c->slot_of[id] : 0;

	return slot ? &c->kept[slot - 1] : NULL;
}

static uint32_t new_slot(struct carry *c)
{
	struct kept *kept;
	uint32_t cap;

	if (c->free_head) {
		const uint32_t slot = c->free_head;

		c->free_head = c->kept[slot - 1].next_free;
		c->free_cnt--;
		return slot;
	}
	if (c->kept_cnt == c->kept_cap) {
		cap = c->kept_cap ? 2 * c->kept_cap : 64;
		kept = realloc(c->kept, cap * sizeof(*kept));
		if (!kept)
			return 0;
		c->kept = kept;
		c->kept_cap = cap;
	}
	return ++c->kept_cnt;
}

/* The task, made where it is not known. NULL with errno. */
static struct kept *get(struct carry *c, uint32_t id, uint64_t ts_ns)
{
	struct kept *k = carry__find(c, id);
	uint32_t slot;

	if (k)
		return k;
	if (!id || id > CPT_TASK_MAX) {
		errno = EINVAL;
		return NULL;
	}
	slot = reserve_id(c, id) ? 0 : new_slot(c);
	if (!slot) {
		errno = ENOMEM;
		return NULL;
	}
	c->slot_of[id] = slot;
	if (id > c->highest)
		c->highest = id;
	k = &c->kept[slot - 1];
	memset(k, 0, sizeof(*k));
	k->id = k->lead = id;
	k->members = 1;
	k->born_ns = k->out_ns = ts_ns;
	k->doing = DOING_DOUBT;
	return k;
}

static void forget(struct carry *c, struct kept *k)
{
	const uint32_t slot = c->slot_of[k->id];

	c->slot_of[k->id] = 0;
	free(k->program);
	memset(k, 0, sizeof(*k));
	k->next_free = c->free_head;
	c->free_head = slot;
	c->free_cnt++;
}

static void forget_if_unneeded(struct carry *c, struct kept *k)
{
	if (k->doing == DOING_NOTHING && !k->made && !(k->lead == k->id && k->members))
		forget(c, k);
}

static void drop_loop(struct carry *c, struct kept_loop *l)
{
	struct kept *by = l->made.type ? carry__find(c, l->made.task) : NULL;

	memset(l, 0, sizeof(*l));
	if (by && by->made) {
		by->made--;
		forget_if_unneeded(c, by);
	}
}

/* One that leads a process is remembered as long as others of it live: they are its threads. With the last of
 * them its loops end. */
static void leave_process(struct carry *c, struct kept *k)
{
	const uint32_t id = k->lead;
	struct kept *lead = carry__find(c, id);

	if (!lead || --lead->members)
		return;
	for (uint32_t i = 0; i < c->loop_cap; i++)
		if (c->loops[i].made.type && c->loops[i].lead == id)
			drop_loop(c, &c->loops[i]);
	lead = carry__find(c, id);
	if (lead && lead != k)
		forget_if_unneeded(c, lead);
}

static void die(struct carry *c, struct kept *k, const struct cpt_event *ev)
{
	const uint32_t id = k->id;

	if (c->cur[k->cpu] == k->id)
		c->cur[k->cpu] = 0;
	k->woken = false;
	k->out_ns = ev->ts_ns;
	k->cpu = ev->cpu;
	leave_process(c, k);
	k->doing = DOING_NOTHING;
	k = carry__find(c, id);
	if (k)
		forget_if_unneeded(c, k);
}

/* ---- states -------------------------------------------------------------------------------------- */

static void doubt(struct kept *k, uint64_t ts_ns)
{
	if (k->doing == DOING_RUN) {
		k->out_ns = ts_ns;
		k->stack_ns = 0;
	}
	k->doing = DOING_DOUBT;
	k->woken = false;
}

static bool in_hole(const struct carry *c, uint64_t ts_ns)
{
	return ts_ns <= c->holes_end_ns && c->holes_end_ns;
}

static void vacate(struct carry *c, uint32_t cpu, uint32_t but, uint64_t ts_ns)
{
	struct kept *k = c->cur[cpu] && c->cur[cpu] != but ? carry__find(c, c->cur[cpu]) : NULL;

	if (k && k->doing == DOING_RUN && k->cpu == cpu)
		doubt(k, ts_ns);
	c->cur[cpu] = 0;
}

/* A switch-out that says nothing new, as analysis_switch.c has it. */
static bool is_old_news(const struct kept *k, const struct cpt_event *ev)
{
	if (!(ev->flags & (CPT_SW_MENDED | CPT_SW_PREV_DEAD)))
		return false;
	if (!k)
		return ev->flags & CPT_SW_PREV_DEAD;
	if (k->doing == DOING_RUN && k->cpu == ev->cpu)
		return false;
	return k->doing == DOING_NOTHING || (ev->flags & CPT_SW_MENDED && k->doing != DOING_DOUBT);
}

static int switch_out(struct carry *c, const struct cpt_event *ev)
{
	struct kept *k = carry__find(c, ev->task);

	if (is_old_news(k, ev))
		return 0;
	if (!k)
		k = get(c, ev->task, ev->ts_ns);
	if (!k)
		return -errno;
	if (ev->flags & CPT_SW_PREV_DEAD) {
		die(c, k, ev);
		return 0;
	}
	k->cpu = ev->cpu;
	k->out_ns = ev->ts_ns;
	k->out_flags = ev->flags & (CPT_SW_PREV_YIELDED | CPT_SW_PREV_THROTTLED);
	k->doing = DOING_READY;
	if (ev->flags & CPT_SW_PREV_UNKNOWN || in_hole(c, ev->ts_ns) ||
	    (ev->flags & CPT_SW_PREV_BLOCKED && !ev->wait)) {
		k->doing = DOING_DOUBT;
	} else if (ev->flags & CPT_SW_PREV_BLOCKED && !k->woken) {
		k->doing = DOING_WAIT;
		k->out_flags = ev->flags & (CPT_SW_PREV_IOWAIT | CPT_SW_PREV_TIMEOUT);
		k->wait = *ev->wait;
		k->end = ev->end;
		k->end_waker = ev->end_waker;
	}
	k->woken = false;
	return 0;
}

static int switch_in(struct carry *c, const struct cpt_event *ev)
{
	struct kept *k = get(c, ev->other, ev->ts_ns);

	if (!k)
		return -errno;
	if (k->doing == DOING_RUN && k->cpu != ev->cpu && c->cur[k->cpu] == k->id)
		c->cur[k->cpu] = 0;
	k->doing = DOING_RUN;
	k->in_ns = ev->ts_ns;
	k->cpu = ev->cpu;
	k->woken = false;
	c->cur[ev->cpu] = k->id;
	return 0;
}

static int on_switch(struct carry *c, const struct cpt_event *ev)
{
	int err = 0;

	if (c->cur[ev->cpu] != ev->task)
		vacate(c, ev->cpu, ev->task, ev->ts_ns);
	c->cur[ev->cpu] = 0;
	if (ev->task)
		err = switch_out(c, ev);
	return err || !ev->other ? err : switch_in(c, ev);
}

static void wake(struct kept *k, const struct cpt_event *ev)
{
	if (k->woken || k->doing == DOING_READY || k->doing == DOING_NOTHING)
		return;
	/* What runs, too: it is on its way out, and will not have waited. */
	k->woken = true;
	k->wake_ns = ev->ts_ns;
	k->wake_ctx = ev->wake_ctx;
	k->wake_flags = ev->flags;
	k->waker_sysno = ev->waker_sysno;
	k->wake_cpu = ev->cpu;
	k->waker = ev->other;
}

/* ---- who they are ------------------------------------------------------------------------------- */

static void take_mask(struct kept *k, const struct cpt_mask *mask)
{
	const uint32_t cnt = mask->word_cnt < CPT_MASK_WORDS ? mask->word_cnt : CPT_MASK_WORDS;

	memset(k->mask, 0, sizeof(k->mask));
	if (cnt)
		memcpy(k->mask, mask->bits, cnt * sizeof(*k->mask));
	k->nr_cpus_allowed = mask->nr_cpus_allowed;
}

static void take_name(struct kept *k, const char *comm)
{
	memset(k->comm, 0, sizeof(k->comm));
	if (comm)
		memcpy(k->comm, comm, strnlen(comm, CPT_COMM_LEN - 1));
}

/* What it shares with who made it: the process, or the program. */
static int take_creator(struct carry *c, struct kept *k)
{
	struct kept *by = carry__find(c, k->creator);
	struct kept *lead = by ? carry__find(c, by->lead) : NULL;

	if (k->flags & CPT_TASK_THREAD && lead) {
		k->lead = lead->id;
		k->members = 0;
		lead->members++;
		return 0;
	}
	if (!lead || !lead->program || k->program)
		return 0;
	k->program = malloc(sizeof(*k->program));
	if (!k->program)
		return -ENOMEM;
	*k->program = *lead->program;
	return 0;
}

static int on_new(struct carry *c, const struct cpt_event *ev)
{
	const bool seen = carry__find(c, ev->task) != NULL;
	struct kept *k = get(c, ev->task, ev->ts_ns);

	if (!k)
		return -errno;
	if (k->named)
		return 0;
	k->named = true;
	k->flags = ev->info->flags;
	k->creator = ev->other;
	k->tid = ev->info->tid;
	k->tgid = ev->info->tgid;
	k->ns_tid = ev->info->ns_tid;
	k->start_boottime_ns = ev->info->start_boottime_ns;
	take_name(k, ev->info->comm);
	take_mask(k, &ev->info->mask);
	if (!seen) {
		k->doing = in_hole(c, ev->ts_ns) ? DOING_DOUBT : DOING_BORN;
		k->cpu = ev->cpu;
		k->born_cpu = ev->cpu;
	}
	return take_creator(c, k);
}

/* A thread that execs takes the place of who led its process, and all others end. */
static void lead_itself(struct carry *c, struct kept *k)
{
	if (k->lead == k->id)
		return;
	leave_process(c, k);
	k->lead = k->id;
	k->members = 1;
	k->flags &= ~(uint32_t)CPT_TASK_THREAD;
}

/* Nothing is in flight any more in the loops of a process that has become another program, or has ended. */
static void end_loops(struct carry *c, uint32_t lead)
{
	for (uint32_t i = 0; i < c->loop_cap; i++)
		if (c->loops[i].made.type && c->loops[i].lead == lead)
			memset(c->loops[i].level, 0, sizeof(c->loops[i].level));
}

static int on_exec(struct carry *c, const struct cpt_event *ev)
{
	struct kept *k = get(c, ev->task, ev->ts_ns);
	const struct cpt_info *info = ev->info;

	if (!k)
		return -errno;
	end_loops(c, k->lead);
	lead_itself(c, k);
	if (!k->program)
		k->program = malloc(sizeof(*k->program));
	if (!k->program)
		return -ENOMEM;
	memset(k->program, 0, sizeof(*k->program));
	if (info->filename)
		memcpy(k->program->filename, info->filename,
		       strnlen(info->filename, CPT_PATH_LEN - 1));
	k->program->args_sz = info->args_sz < CPT_ARGS_LEN ? info->args_sz : CPT_ARGS_LEN;
	if (k->program->args_sz)
		memcpy(k->program->args, info->args, k->program->args_sz);
	k->tid = info->tid;
	k->tgid = info->tgid;
	if (info->ns_tid)
		k->ns_tid = info->ns_tid;
	take_name(k, info->comm);
	/* The command is let go: it runs here. */
	if (c->of_command && k->id == 1 && k->doing == DOING_BORN) {
		vacate(c, ev->cpu, k->id, ev->ts_ns);
		k->doing = DOING_RUN;
		k->in_ns = ev->ts_ns;
		k->cpu = ev->cpu;
		c->cur[ev->cpu] = k->id;
	}
	return 0;
}

/* Its final switch-out may be lost; then this is what is left of it. */
static void on_exit_info(struct carry *c, const struct cpt_event *ev)
{
	struct kept *k = carry__find(c, ev->task);

	if (k && k->doing == DOING_DOUBT)
		die(c, k, ev);
}

static void on_loss(struct carry *c, const struct cpt_event *ev)
{
	c->holes[ev->cpu] = *ev;
	if (ev->until_ns > c->holes_end_ns)
		c->holes_end_ns = ev->until_ns;
	for (uint32_t i = 0; i < c->kept_cnt; i++) {
		struct kept *k = &c->kept[i];

		if (k->id && k->doing != DOING_NOTHING &&
		    (k->doing != DOING_RUN || k->cpu == ev->cpu))
			doubt(k, ev->ts_ns);
	}
	c->cur[ev->cpu] = 0;
}

static int feed_one(struct carry *c, const struct cpt_event *ev)
{
	struct kept *k;

	if (ev->cpu >= c->cpu_cnt)
		return -EINVAL;
	switch (ev->type) {
	case CPT_EV_SWITCH:
		return on_switch(c, ev);
	case CPT_EV_WAKE:
		k = carry__find(c, ev->task);
		if (k)
			wake(k, ev);
		return 0;
	case CPT_EV_NEW:
		return on_new(c, ev);
	case CPT_EV_EXEC:
		return on_exec(c, ev);
	case CPT_EV_RENAME:
		k = carry__find(c, ev->task);
		if (k)
			take_name(k, ev->info->comm);
		return 0;
	case CPT_EV_AFFINITY:
		k = carry__find(c, ev->task);
		if (k)
			take_mask(k, &ev->info->mask);
		return 0;
	case CPT_EV_EXIT:
		on_exit_info(c, ev);
		return 0;
	case CPT_EV_LOSS:
		on_loss(c, ev);
		return 0;
	default:
		return 0;
	}
}

int carry__feed(struct carry *c, const struct cpt_event *ev, size_t cnt)
{
	int err = 0;

	for (size_t i = 0; i < cnt && !err; i++)
		err = feed_one(c, &ev[i]);
	return err;
}

int carry__late(struct carry *c, const struct cpt_late *late)
{
	const struct cpt_event ev = {.ts_ns = late->ts_ns,
				     .wake_ctx = late->wake_ctx,
				     .flags = late->flags,
				     .waker_sysno = late->waker_sysno,
				     .cpu = late->cpu,
				     .other = late->waker};
	struct kept *k = carry__find(c, late->task);

	if (!k)
		return 0;
	if (late->kind == CPT_LATE_END && k->doing == DOING_WAIT && k->out_ns == late->ts_ns) {
		k->end = late->end;
		k->end_waker = late->waker;
	} else if (late->kind == CPT_LATE_WAKE && k->doing != DOING_RUN &&
		   late->ts_ns >= k->out_ns) {
		wake(k, &ev);
	}
	return 0;
}

/* ---- beside the events -------------------------------------------------------------------------- */

static struct kept_loop *loop_of(struct carry *c, uint32_t number)
{
	uint32_t cap = c->loop_cap ? c->loop_cap : 16;
	struct kept_loop *loops;

	if (number < c->loop_cap)
		return &c->loops[number];
	while (cap <= number)
		cap *= 2;
	loops = realloc(c->loops, cap * sizeof(*loops));
	if (!loops)
		return NULL;
	memset(loops + c->loop_cap, 0, (cap - c->loop_cap) * sizeof(*loops));
	c->loops = loops;
	c->loop_cap = cap;
	return &c->loops[number];
}

static enum kept_level level_of(const struct cpt_event *ev)
{
	if (ev->flags & CPT_LOOP_EV_OPS)
		return ev->flags & CPT_LOOP_EV_OUT ? LEVEL_OUT : LEVEL_IN;
	return ev->flags & CPT_LOOP_EV_TIMERS ? LEVEL_TIMERS : LEVEL_CONNS;
}

/* A process that operations come in to is looked at as one that serves. */
static void note_service(struct carry *c, const struct kept_loop *l, const struct cpt_event *ev)
{
	struct kept *lead = carry__find(c, l->lead);

	if (lead && level_of(ev) == LEVEL_IN && ev->opened && !(l->made.flags & CPT_LOOP_RING))
		lead->serves = true;
}

static int side_one(struct carry *c, const struct cpt_event *ev)
{
	struct kept_loop *l;
	struct kept *k;

	if (ev->type == CPT_EV_STACKS) {
		k = carry__find(c, ev->task);
		if (k) {
			k->stack_ns = ev->ts_ns;
			k->stack_cpu = ev->cpu;
			k->user = ev->user;
			k->kernel = ev->kernel;
		}
		return 0;
	}
	if (ev->type == CPT_EV_MARK) {
		c->mark = *ev;
		strncpy(c->mark_name, ev->mark, CPT_MARK_LEN - 1);
		c->mark.mark = c->mark_name;
		return 0;
	}
	if (ev->type == CPT_EV_LOOP_LOST) {
		c->loops_lost = *ev;
		for (uint32_t i = 0; i < c->loop_cap; i++)
			memset(c->loops[i].level, 0, sizeof(c->loops[i].level));
		return 0;
	}
	if (ev->type != CPT_EV_LOOP_NEW && ev->type != CPT_EV_LOOP && ev->type != CPT_EV_LOOP_END)
		return 0;
	if (!ev->other || ev->other > CPT_LOOP_NUMBER_MAX)
		return -EINVAL;
	l = loop_of(c, ev->other);
	if (!l)
		return -ENOMEM;
	k = ev->type == CPT_EV_LOOP_END ? NULL : carry__find(c, ev->task);
	if (ev->type == CPT_EV_LOOP_END) {
		drop_loop(c, l);
	} else if (ev->type == CPT_EV_LOOP_NEW) {
		if (l->made.type || !k)
			return 0;
		l->made = *ev;
		l->lead = k->lead;
		k->made++;
	} else if (l->made.type) {
		l->level[level_of(ev)] = *ev;
		note_service(c, l, ev);
	}
	if (k && k->lead == l->lead)
		k->polls = ev->other;
	return 0;
}

int carry__side(struct carry *c, const struct cpt_event *ev, size_t cnt)
{
	int err = 0;

	for (size_t i = 0; i < cnt && !err; i++)
		err = side_one(c, &ev[i]);
	return err;
}
