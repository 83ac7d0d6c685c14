// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * carry_say.c - see carry_priv.h: what is kept of the tasks, as events.
 *
 *   waits         NEW EXEC   in─out                      two SWITCH events at out_ns, as one that was found
 *   woken since   NEW EXEC   in─out        WAKE
 *   wants a CPU   NEW EXEC   in─out                      (out: not blocked)
 *   runs          NEW EXEC              in
 *
 * At one instant those of one CPU stand as they can have happened: who left before who came.
 */
#include "carry_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Order at one instant. */
enum rank { RANK_LEADER, RANK_THREAD, RANK_LOSS, RANK_OUT, RANK_WAKE, RANK_IN, RANK_WAKE_RUNNING };

struct said {
	struct cpt_event ev;
	uint32_t rank, seq;
};

struct saying {
	struct said *at;
	struct cpt_info *infos;
	size_t cnt, info_cnt;
};

#define SAID_MAX 5 /* of a task: NEW, EXEC, in, out, WAKE */

static struct cpt_event *add(struct saying *s, uint8_t type, uint64_t ts_ns, enum rank rank)
{
	struct said *said = &s->at[s->cnt];

	memset(said, 0, sizeof(*said));
	said->rank = rank;
	said->seq = (uint32_t)s->cnt++;
	said->ev.type = type;
	said->ev.ts_ns = ts_ns;
	return &said->ev;
}

static struct cpt_info *identity(struct saying *s, const struct kept *k)
{
	struct cpt_info *info = &s->infos[s->info_cnt++];

	memset(info, 0, sizeof(*info));
	info->tid = k->tid;
	info->tgid = k->tgid;
	info->ns_tid = k->ns_tid;
	info->start_boottime_ns = k->start_boottime_ns;
	info->comm = k->comm;
	return info;
}

static uint32_t word_cnt(const uint64_t *bits)
{
	uint32_t cnt = CPT_MASK_WORDS;

	while (cnt && !bits[cnt - 1])
		cnt--;
	return cnt;
}

/* When it was born, and not before who leads its process. */
static uint64_t birth_ns(const struct carry *c, const struct kept *k)
{
	const struct kept *lead = carry__find(c, k->lead);

	return lead && lead->born_ns > k->born_ns ? lead->born_ns : k->born_ns;
}

static void say_who(const struct carry *c, struct saying *s, const struct kept *k)
{
	const bool leads = k->lead == k->id;
	const enum rank rank = leads ? RANK_LEADER : RANK_THREAD;
	const uint64_t ts_ns = birth_ns(c, k);
	struct cpt_event *ev;
	struct cpt_info *info;

	if (!k->named)
		return;
	ev = add(s, CPT_EV_NEW, ts_ns, rank);
	info = identity(s, k);
	info->flags = k->flags | CPT_TASK_FOUND | CPT_TASK_CARRIED;
	info->mask = (struct cpt_mask){k->nr_cpus_allowed, word_cnt(k->mask), k->mask};
	ev->task = k->id;
	/* Who made it may be gone; its process's first is not. */
	ev->other = leads || carry__find(c, k->creator) ? k->creator : k->lead;
	if (!carry__find(c, ev->other))
		ev->other = 0;
	ev->cpu = k->born_cpu;
	ev->info = info;
	if (!k->program || !leads)
		return;
	ev = add(s, CPT_EV_EXEC, ts_ns, rank);
	info = identity(s, k);
	info->filename = k->program->filename;
	info->args = k->program->args;
	info->args_sz = k->program->args_sz;
	ev->task = k->id;
	ev->cpu = k->born_cpu;
	ev->info = info;
}

static void say_out(const struct carry *c, struct saying *s, const struct kept *k)
{
	const uint64_t born_ns = birth_ns(c, k);
	const uint64_t ts_ns = k->out_ns > born_ns ? k->out_ns : born_ns;
	struct cpt_event *ev = add(s, CPT_EV_SWITCH, ts_ns, RANK_OUT);

	ev->cpu = k->cpu;
	ev->flags = CPT_SW_FOUND;
	ev->other = k->id;
	ev = add(s, CPT_EV_SWITCH, ts_ns, RANK_OUT);
	ev->cpu = k->cpu;
	ev->task = k->id;
	ev->flags = CPT_SW_FOUND;
	switch ((enum doing)k->doing) {
	case DOING_WAIT:
		ev->flags |= CPT_SW_PREV_BLOCKED | k->out_flags;
		ev->wait = &k->wait;
		ev->end = k->end;
		ev->end_waker = k->end_waker;
		break;
	case DOING_READY:
		ev->flags |= k->out_flags;
		break;
	case DOING_NOTHING:
		ev->flags |= CPT_SW_PREV_DEAD;
		break;
	case DOING_BORN:
	case DOING_RUN:
	case DOING_DOUBT:
		ev->flags |= CPT_SW_PREV_UNKNOWN;
		break;
	}
}

static void say_wake(struct saying *s, const struct kept *k)
{
	struct cpt_event *ev = add(s, CPT_EV_WAKE, k->wake_ns,
				   k->doing == DOING_RUN ? RANK_WAKE_RUNNING : RANK_WAKE);

	ev->task = k->id;
	ev->other = k->waker;
	ev->cpu = k->wake_cpu;
	ev->wake_ctx = k->wake_ctx;
	ev->flags = k->wake_flags;
	ev->waker_sysno = k->waker_sysno;
}

static void say_task(const struct carry *c, struct saying *s, const struct kept *k)
{
	struct cpt_event *ev;

	say_who(c, s, k);
	if (k->doing == DOING_RUN) {
		ev = add(s, CPT_EV_SWITCH, k->in_ns, RANK_IN);
		ev->cpu = k->cpu;
		ev->flags = CPT_SW_FOUND;
		ev->other = k->id;
	} else if (k->doing != DOING_BORN) {
		say_out(c, s, k);
	}
	if (k->woken && k->doing != DOING_BORN)
		say_wake(s, k);
}

static int by_time(const void *a, const void *b)
{
	const struct said *x = a, *y = b;

	if (x->ev.ts_ns != y->ev.ts_ns)
		return x->ev.ts_ns < y->ev.ts_ns ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int hand_over(struct saying *s, int (*to)(void *, const struct cpt_event *, size_t),
		     void *ctx)
{
	int err = 0;

	qsort(s->at, s->cnt, sizeof(*s->at), by_time);
	for (size_t i = 0; i < s->cnt && !err; i++)
		err = to(ctx, &s->at[i].ev, 1);
	return err;
}

static int say_tasks(const struct carry *c, const struct cpt_merge_sink *to)
{
	const size_t tasks = carry__tasks(c);
	struct saying s = {0};
	int err = -ENOMEM;

	s.at = malloc((tasks * SAID_MAX + c->cpu_cnt) * sizeof(*s.at) + 1);
	s.infos = malloc(tasks * 2 * sizeof(*s.infos) + 1);
	if (s.at && s.infos) {
		for (uint32_t i = 0; i < c->kept_cnt; i++)
			if (c->kept[i].id)
				say_task(c, &s, &c->kept[i]);
		for (uint32_t cpu = 0; cpu < c->cpu_cnt; cpu++)
			if (c->holes[cpu].type)
				*add(&s, CPT_EV_LOSS, c->holes[cpu].ts_ns, RANK_LOSS) =
					c->holes[cpu];
		err = hand_over(&s, to->events, to->ctx);
	}
	free(s.at);
	free(s.infos);
	return err;
}

static void copy(struct saying *s, const struct cpt_event *ev, enum rank rank)
{
	if (ev->type)
		*add(s, ev->type, ev->ts_ns, rank) = *ev;
}

static void say_stacks(struct saying *s, const struct kept *k)
{
	struct cpt_event *ev;

	if (!k->id || k->doing != DOING_WAIT || !k->stack_ns || k->stack_ns != k->out_ns)
		return;
	ev = add(s, CPT_EV_STACKS, k->stack_ns, RANK_OUT);
	ev->cpu = k->stack_cpu;
	ev->task = k->id;
	ev->user = k->user;
	ev->kernel = k->kernel;
}

/* What stands beside the events stands before those of its instant: behind a birth is later. */
static uint64_t behind_birth(const struct carry *c, const struct kept *k, uint64_t ts_ns)
{
	const uint64_t born_ns = birth_ns(c, k);

	return ts_ns > born_ns ? ts_ns : born_ns + 1;
}

/* Who is seen at the instance: says again what was said last of it, or that it is there. */
static void say_poller(const struct carry *c, struct saying *s, const struct kept *k)
{
	const struct kept_loop *l = k->polls < c->loop_cap ? &c->loops[k->polls] : NULL;
	const struct kept *by;
	struct cpt_event *ev;
	int level = 0;

	if (!k->id || !l || !l->made.type || k->lead != l->lead || k->doing == DOING_NOTHING)
		return;
	while (level < LEVEL_CONNS && !l->level[level].type)
		level++;
	by = carry__find(c, l->made.task);
	ev = add(s, CPT_EV_LOOP, by ? behind_birth(c, by, l->made.ts_ns) : l->made.ts_ns, RANK_OUT);
	ev->other = k->polls;
	ev->flags = CPT_LOOP_EV_CONNS;
	if (l->level[level].type) {
		*ev = l->level[level];
		ev->opened = ev->completed = ev->cancelled = ev->batch = ev->iterations = 0;
	}
	ev->ts_ns = behind_birth(c, k, ev->ts_ns);
	ev->task = k->id;
}

static void say_loop(const struct carry *c, struct saying *s, const struct kept_loop *l)
{
	const struct kept *lead = carry__find(c, l->lead), *by = carry__find(c, l->made.task);
	struct cpt_event *ev;

	if (!l->made.type || !lead || !by)
		return;
	ev = add(s, CPT_EV_LOOP_NEW, l->made.ts_ns, RANK_LEADER);
	*ev = l->made;
	ev->ts_ns = behind_birth(c, by, ev->ts_ns);
	if (lead->serves && !(l->made.flags & CPT_LOOP_RING)) {
		struct cpt_event *served = add(s, CPT_EV_LOOP, ev->ts_ns, RANK_THREAD);

		served->other = l->made.other;
		served->flags = CPT_LOOP_EV_OPS;
		served->opened = 1;
	}
	for (int level = 0; level < LEVEL_CNT; level++)
		copy(s, &l->level[level], RANK_WAKE);
}

/* The phase that goes on. Who set it may be gone, and have no number in what follows. */
static void say_mark(const struct carry *c, struct saying *s)
{
	struct cpt_event mark = c->mark;

	if (mark.task && !carry__find(c, mark.task)) {
		mark.task = 0;
		mark.flags |= CPT_MARK_OUTSIDE;
	}
	copy(s, &mark, RANK_LEADER);
}

static int say_side(const struct carry *c, const struct cpt_merge_sink *to)
{
	struct saying s = {0};
	int err;

	if (!to->side)
		return 0;
	s.at = malloc((2 * (size_t)carry__tasks(c) + c->loop_cap * (size_t)(2 + LEVEL_CNT) + 2) *
		      sizeof(*s.at));
	if (!s.at)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->kept_cnt; i++) {
		say_stacks(&s, &c->kept[i]);
		say_poller(c, &s, &c->kept[i]);
	}
	copy(&s, &c->loops_lost, RANK_LEADER);
	say_mark(c, &s);
	for (uint32_t i = 0; i < c->loop_cap; i++)
		say_loop(c, &s, &c->loops[i]);
	err = hand_over(&s, to->side, to->ctx);
	free(s.at);
	return err;
}

int carry__say(struct carry *c, const struct cpt_merge_sink *to)
{
	int err = say_side(c, to);

	return err ? err : say_tasks(c, to);
}
