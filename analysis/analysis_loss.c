// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * analysis_loss.c - lost records: who is in doubt because of them, and how far the window may be off.
 *
 * Lost records (LOSS on one CPU): whatever was off the CPUs, or on that one, may have been woken,
 * run and blocked again unseen, so all of it is UNKNOWN until its next event; and while the hole
 * lasts, a task that leaves another CPU or is born may run there unseen, so it is UNKNOWN too:
 *
 *      CPU 0  ---A---|........ hole ........|---B---      A, and all that is off the CPUs: unknown
 *      CPU 1  -------C-------|      D       |-------      C from its switch-out on: unknown
 *                            ^ its next event is a wake-up that a switch-in brought: certain again
 *
 * To make that cheap, tasks are listed for it only after the first loss: each loss empties the
 * list, each event puts its task back.
 *
 * What bounds follow from a doubt, bounds.h says.
 */
#include "analysis_priv.h"

int analysis_loss__list(struct cpt_analysis *a, struct task *t)
{
	if (a->known_cnt == a->known_cap) {
		uint32_t cap = a->known_cap ? 2 * a->known_cap : 256;
		uint32_t *known = realloc(a->known, cap * sizeof(*known));

		if (!known)
			return -ENOMEM;
		a->known = known;
		a->known_cap = cap;
	}
	a->known[a->known_cnt++] = t->row.id;
	t->in_known = true;
	return 0;
}

static void doubt(struct cpt_analysis *a, struct task *t, uint32_t cpu)
{
	if (!t->live || t->state == CPT_STATE_UNKNOWN)
		return;
	if (t->state == CPT_STATE_RUNNING && t->cpu != cpu)
		return;
	t->wake_pending = false;
	if (t->exited)
		timeline__fade(&a->tl, t);
	keep_wait(a, t);
	bounds__retro(&a->tl, t, a->now_ns);
	set_off(a, t, CPT_STATE_UNKNOWN, CPT_REASON_OTHER); /* it is listed: cannot fail */
}

int analysis_loss__on_loss(struct cpt_analysis *a, const struct cpt_event *ev)
{
	const uint64_t until = ev->until_ns < TS_MAX_NS ? ev->until_ns : TS_MAX_NS;
	uint32_t kept = 0;

	a->counts.lost += ev->count;
	accounts__hole(&a->tl.acc, ev->cpu, until);
	if (until > a->now_ns) {
		if (!a->hole_until_ns[ev->cpu])
			a->holes++;
		if (until > a->hole_until_ns[ev->cpu])
			a->hole_until_ns[ev->cpu] = until;
	} else {
		analysis_loss__end_hole(a, ev->cpu);
	}
	if (!a->tracking) {
		a->tracking = true;
		for (uint32_t id = 1; id < a->tasks.end; id++) {
			struct task *t = tasks__find(&a->tasks, id);

			if (t && t->live && list_known(a, t))
				return -ENOMEM;
		}
	}
	a->cpu_cur[ev->cpu] = 0;
	analysis_loss__set_blind(a, ev->cpu, BLIND_HOLE);
	locks__lost(a->locks);
	for (uint32_t i = 0; i < a->known_cnt; i++) {
		struct task *t = tasks__find(&a->tasks, a->known[i]);

		doubt(a, t, ev->cpu);
		t->in_known = t->live && t->state != CPT_STATE_UNKNOWN;
		if (t->in_known)
			a->known[kept++] = t->row.id;
	}
	a->known_cnt = kept;
	analysis_window__find_stop(a);
	return 0;
}

/* ---- holes and their ends -------------------------------------------------------------------- */

/* A hole of this CPU ends now. What is lost may be of this very ns, though, and still to come as far as
 * other CPUs and births are concerned. */
void analysis_loss__end_hole(struct cpt_analysis *a, uint32_t cpu)
{
	a->hole_end_cpu =
		a->hole_end_ns == a->now_ns && a->hole_end_cpu != cpu ? HOLE_END_MANY : cpu;
	a->hole_end_ns = a->now_ns;
}

void analysis_loss__end_dying(struct cpt_analysis *a)
{
	if (a->holes || !a->tl.dying)
		return;
	timeline__dying(&a->tl, 0);
	a->holes_over++;
}

/* The final switch-out of a task that ended in a hole has come after all: that is over. */
void analysis_loss__end_dying_task(struct cpt_analysis *a, struct task *t,
				   const struct cpt_event *ev)
{
	if (t->dying != 1 + a->holes_over || !(ev->flags & CPT_SW_PREV_DEAD))
		return;
	t->dying = 0;
	timeline__dying(&a->tl, a->tl.dying - 1);
}

/* Its last moment is in a hole: anywhere in it. */
static void die_in_hole(struct cpt_analysis *a, struct task *t)
{
	/* Where nobody is counted yet, or any more for a while, that may begin before the hole is over. */
	const bool counted = t->counted || ((!a->tl.open || a->paused) && t->member);

	for (uint32_t cpu = 0; cpu < a->tl.cpu_cnt; cpu++)
		if (a->hole_until_ns[cpu] > a->dying_until_ns)
			a->dying_until_ns = a->hole_until_ns[cpu];
	analysis_life__die(a, t);
	if (counted && a->window != WINDOW_OVER) {
		timeline__dying(&a->tl, a->tl.dying + 1);
		t->dying = 1 + a->holes_over;
	}
}

void analysis_loss__end_unseen(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev)
{
	timeline__fade(&a->tl, t);
	if (a->hole_until_ns[ev->cpu]) {
		die_in_hole(a, t);
	} else if (a->hole_end_ns == a->now_ns &&
		   (a->hole_end_cpu == ev->cpu || a->hole_end_cpu == HOLE_END_MANY)) {
		/* Lost at the last ns of the hole, or what comes next. */
		a->exit_task = ev->task;
		a->exit_ns = a->now_ns;
		analysis_window__find_stop(a);
	}
}

void analysis_loss__end_exit(struct cpt_analysis *a)
{
	struct task *t = tasks__find(&a->tasks, a->exit_task);

	a->exit_task = 0;
	if (!t || !t->live || t->state != CPT_STATE_UNKNOWN)
		return;
	analysis_life__die(a, t);
	if (a->window == WINDOW_OVER) {
		a->end_guessed = true;
		a->tl.bounds.shorter_ns = 1;
	}
}

int analysis_loss__doubt_found(struct cpt_analysis *a, struct task *t)
{
	const bool ends = a->hole_end_ns == a->now_ns &&
			  (a->hole_end_cpu == t->cpu || a->hole_end_cpu == HOLE_END_MANY);

	if (!a->hole_until_ns[t->cpu] && !ends)
		return 0;
	a->cpu_cur[t->cpu] = 0;
	return set_off(a, t, CPT_STATE_UNKNOWN, CPT_REASON_OTHER);
}

/* ---- who runs where nobody knows ------------------------------------------------------------- */

void analysis_loss__set_blind(struct cpt_analysis *a, uint32_t cpu, uint8_t blind)
{
	const uint64_t *cpus = a->opts.filter.cpus;
	const bool was = a->blind[cpu] != SIGHTED;

	a->blind[cpu] = blind;
	a->blinded = true;
	if (was == (blind != SIGHTED))
		return;
	if (!cpus || (cpu < CPT_MAX_CPUS && cpus[cpu / 64] >> (cpu % 64) & 1))
		timeline__blind(&a->tl, was ? -1 : 1);
}

void analysis_loss__lose_start(struct cpt_analysis *a)
{
	a->start_lost = true;
	for (uint32_t cpu = 0; cpu < a->tl.cpu_cnt; cpu++)
		if (!a->blind[cpu])
			analysis_loss__set_blind(a, cpu, BLIND_START);
}

/* This is where the command is whose exec is lost. */
static __attribute__((noinline)) void find_start(struct cpt_analysis *a)
{
	a->start_lost = false;
	for (uint32_t cpu = 0; cpu < a->tl.cpu_cnt; cpu++)
		if (a->blind[cpu] == BLIND_START)
			analysis_loss__set_blind(a, cpu, SIGHTED);
}

void analysis_loss__look_again(struct cpt_analysis *a, const struct cpt_event *ev)
{
	if (a->blind[ev->cpu] && !a->hole_until_ns[ev->cpu] && !(ev->flags & CPT_SW_FOUND))
		analysis_loss__set_blind(a, ev->cpu, SIGHTED);
	if (a->start_lost && (ev->task == 1 || ev->other == 1))
		find_start(a);
}

/* ---- behind the window ----------------------------------------------------------------------- */

void analysis_loss__may_last(struct cpt_analysis *a, uint64_t at_ns)
{
	if (a->end_guessed && at_ns > a->over_ns && at_ns - a->over_ns > a->tl.bounds.longer_ns)
		a->tl.bounds.longer_ns = at_ns - a->over_ns;
}

void analysis_loss__doubt_waits(struct cpt_analysis *a)
{
	for (uint32_t id = 1; !a->tail_lost && id < a->tasks.end; id++) {
		const struct task *t = tasks__find(&a->tasks, id);

		if (t && t->live)
			bounds__retro(&a->tl, t, a->over_ns);
	}
	a->tail_lost = true;
}

static void lose_tail(struct cpt_analysis *a, const struct cpt_event *ev)
{
	analysis_loss__may_last(a, ev->until_ns < TS_MAX_NS ? ev->until_ns : TS_MAX_NS);
	analysis_loss__doubt_waits(a);
	accounts__hole(&a->tl.acc, ev->cpu, 0);
}

/* Behind the window: what held the CPUs in its last moments is told by their next records. */
int analysis_loss__on_tail(struct cpt_analysis *a, const struct cpt_event *ev)
{
	if (ev->cpu >= a->tl.cpu_cnt)
		return -EINVAL;
	if (ev->type == CPT_EV_SWITCH && ev->task)
		analysis_loss__may_last(a, ev->ts_ns);
	if (ev->type == CPT_EV_SWITCH)
		analysis_switch__see_outgoing(a, ev);
	else if (ev->type == CPT_EV_OCCUPANCY)
		return analysis_switch__on_occupancy(a, ev);
	else if (ev->type == CPT_EV_LOSS)
		lose_tail(a, ev);
	return 0;
}
