// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * analysis_switch.c - who runs where: every switch but the usual one, which analysis.c has in its loop.
 *
 * A CPU runs one task. Keeps the invariant that a RUNNING task is cpu_cur of its CPU, and so R <= the number of
 * CPUs.
 */
#include "analysis_step.h"

/* As set_off(); but while a CPU's records are missing, what is off the others may be on that one. */
static int set_off_unless_hole(struct cpt_analysis *a, struct task *t, enum cpt_state state,
			       enum cpt_reason reason)
{
	return set_off(a, t, in_doubt(a, t->cpu) ? CPT_STATE_UNKNOWN : state, reason);
}

static int switch_out(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev)
{
	struct leaving out;
	int err;

	if (ev->flags & (CPT_SW_PREV_DEAD | CPT_SW_PREV_UNKNOWN)) {
		t->wake_pending = false;
		if (ev->flags & CPT_SW_PREV_UNKNOWN && !(ev->flags & CPT_SW_PREV_DEAD))
			return set_off(a, t, CPT_STATE_UNKNOWN, CPT_REASON_OTHER);
		t->row.voluntary += t->counted;
		analysis_life__die(a, t);
		return 0;
	}
	err = decide_out(a, t, ev, &out);
	if (!err)
		err = set_off_unless_hole(a, t, out.state, out.reason);
	return err ? err : follow_out(a, t, ev, &out);
}

static int switch_in(struct cpt_analysis *a, struct task *t, uint32_t cpu)
{
	t->wake_pending = false;
	t->woken_in_doubt = false;
	if (t->counted && t->state == CPT_STATE_RUNNABLE && t->ready_since_ns >= a->tl.start_ns)
		latency__add(&a->latency[t->ready_kind], a->now_ns - t->ready_since_ns,
			     t->on_cpu_since_ns && t->cpu != cpu);
	t->throttled = false;
	if (t->on_cpu_since_ns && t->cpu != cpu)
		t->row.migrations += t->counted;
	keep_wait(a, t);
	if (t->state == CPT_STATE_RUNNING) { /* still on another CPU by our account */
		a->counts.odd_events++;
		t->row.traced_cpu_ns += a->now_ns - t->on_cpu_since_ns;
		if (a->cpu_cur[t->cpu] == t->row.id)
			a->cpu_cur[t->cpu] = 0;
	}
	if (a->opts.filter.cpus) {
		timeline__leave(&a->tl, t);
		t->cpu = cpu;
		analysis_life__refresh_here(a, t);
		t->state = CPT_STATE_RUNNING;
		timeline__enter(&a->tl, t);
	} else {
		timeline__turn(&a->tl, t, CPT_STATE_RUNNING, CPT_REASON_OTHER, cpu);
	}
	t->on_cpu_since_ns = a->now_ns;
	a->cpu_cur[cpu] = t->row.id;
	a->cpu_ran[cpu] = t;
	tell_watchers(a, t);
	if (a->sites && take_in_stack(a, t))
		return -ENOMEM;
	return list_known(a, t);
}

static __attribute__((noinline)) struct task *find_dead_or_new(struct cpt_analysis *a, uint32_t id,
							       uint32_t cpu)
{
	struct task *t = tasks__get(&a->tasks, id);

	if (!t)
		return NULL;
	if (t->known)
		a->counts.odd_events++; /* it had ended */
	if (analysis_life__come_alive(a, t, CPT_STATE_UNKNOWN, cpu)) {
		errno = ENOMEM;
		return NULL;
	}
	return t;
}

/* The task a switch speaks of. One that was never born in this trace comes alive here. NULL with errno. */
static inline struct task *switch_task(struct cpt_analysis *a, uint32_t id, uint32_t cpu)
{
	struct task *t = tasks__find(&a->tasks, id);

	return t && t->live ? t : find_dead_or_new(a, id, cpu);
}

int analysis_switch__vacate(struct cpt_analysis *a, uint32_t cpu)
{
	struct task *t = a->cpu_cur[cpu] ? tasks__find(&a->tasks, a->cpu_cur[cpu]) : NULL;

	a->cpu_cur[cpu] = 0;
	if (!t || !t->live || t->state != CPT_STATE_RUNNING || t->cpu != cpu)
		return 0;
	a->counts.odd_events++;
	return set_off(a, t, CPT_STATE_UNKNOWN, CPT_REASON_OTHER);
}

/* A switch-out that says nothing new: a rebuilt one that came after the task was seen elsewhere, or
 * the final one of a task whose EXIT already had to stand for it. */
static bool is_old_news(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *t;

	if (!(ev->flags & (CPT_SW_MENDED | CPT_SW_PREV_DEAD)))
		return false;
	t = tasks__find(&a->tasks, ev->task);
	if (!t || !t->known || (t->live && t->state == CPT_STATE_RUNNING && t->cpu == ev->cpu))
		return false;
	if (t->dying)
		analysis_loss__end_dying_task(a, t, ev);
	return !t->live || (ev->flags & CPT_SW_MENDED && t->state != CPT_STATE_UNKNOWN);
}

/* t, which came unseen, leaves the CPU. The wake-up that ended its doubt may have come when it ran here already, and
 * so have ended the wait that begins now. */
static __attribute__((noinline)) int leave_unseen(struct cpt_analysis *a, struct task *t,
						  const struct cpt_event *ev)
{
	const bool early = t->woken_in_doubt;
	int err;

	if (t->state != CPT_STATE_UNKNOWN)
		a->counts.odd_events++;
	err = switch_in(a, t, ev->cpu);
	if (err)
		return err;
	a->cpu_cur[ev->cpu] = 0;
	err = switch_out(a, t, ev);
	if (err || !early || !t->live ||
	    (t->state != CPT_STATE_WAITING && t->state != CPT_STATE_PARKED))
		return err;
	return set_off(a, t, CPT_STATE_UNKNOWN, CPT_REASON_OTHER);
}

/* ---- what holds the CPUs that run none of ours ----------------------------------------------- */

void analysis_switch__see_left_out(struct cpt_analysis *a, const struct task *t)
{
	if (t->live && t->state == CPT_STATE_RUNNING && !t->counted)
		accounts__seen(&a->tl.acc, t->cpu, ACCT_OTHER, 0, 0, 0);
}

void analysis_switch__see_outgoing(struct cpt_analysis *a, const struct cpt_event *ev)
{
	enum acct_kind kind = ev->flags & CPT_SW_PREV_IDLE ? ACCT_IDLE : ACCT_OTHER;
	const struct task *t;

	if (!a->tl.acc.cpus[ev->cpu].open)
		return;
	if (ev->task) {
		/* One of the tree that the filter leaves out; or one that came unseen. */
		t = tasks__find(&a->tasks, ev->task);
		if (!t || t->member)
			return;
		if (t->state != CPT_STATE_RUNNING || t->cpu != ev->cpu)
			kind = ACCT_UNKNOWN;
	} else if (a->meta->flags & CPT_TRACE_NO_OCCUPANCY) {
		kind = ACCT_UNKNOWN;
	}
	accounts__seen(&a->tl.acc, ev->cpu, kind, 0, 0, 0);
}

int analysis_switch__on_occupancy(struct cpt_analysis *a, const struct cpt_event *ev)
{
	if (a->blind[ev->cpu] && !a->hole_until_ns[ev->cpu] && ev->occ_next != CPT_KIND_OURS)
		analysis_loss__set_blind(a, ev->cpu, SIGHTED);
	if (a->meta->flags & CPT_TRACE_NO_OCCUPANCY)
		return 0;
	accounts__seen(&a->tl.acc, ev->cpu, ev->occ_kind == CPT_KIND_IDLE ? ACCT_IDLE : ACCT_OTHER,
		       ev->occ_since_ns, ev->occ_idle_ns, ev->occ_other_ns);
	return 0;
}

/* ---- the switch ------------------------------------------------------------------------------ */

int analysis_switch__other(struct cpt_analysis *a, const struct cpt_event *ev)
{
	uint32_t cpu = ev->cpu;
	struct task *t;
	int err;

	a->counts.switches -= (ev->flags & CPT_SW_FOUND) != 0;
	if (__builtin_expect(a->blinded, 0))
		analysis_loss__look_again(a, ev);
	analysis_switch__see_outgoing(a, ev);
	if (a->cpu_cur[cpu] != ev->task) {
		err = analysis_switch__vacate(a, cpu);
		if (err)
			return err;
	}
	if (ev->task && !is_old_news(a, ev)) {
		t = switch_task(a, ev->task, cpu);
		if (!t)
			return -errno;
		if (t->state != CPT_STATE_RUNNING || t->cpu != cpu) {
			err = leave_unseen(a, t, ev);
		} else {
			a->cpu_cur[cpu] = 0;
			err = switch_out(a, t, ev);
		}
		if (err || a->window == WINDOW_OVER)
			return err;
	}
	if (!ev->other)
		return 0;
	t = switch_task(a, ev->other, cpu);
	if (!t)
		return -errno;
	err = switch_in(a, t, cpu);
	return !err && ev->flags & CPT_SW_FOUND ? analysis_loss__doubt_found(a, t) : err;
}
