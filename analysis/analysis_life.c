// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * analysis_life.c - who lives, who is of the workload, and who is called what.
 *
 * Whatever says who a task is may change whether it is counted, and under which name: it leaves the account
 * before, and enters it again behind that.
 */
#include "analysis_priv.h"

void analysis_life__refresh_here(struct cpt_analysis *a, struct task *t)
{
	bool member = t->chosen && task_is_here(&a->tasks, t);

	if (t->member && !member)
		timeline__drop_mask(&a->tl, t);
	t->member = member;
}

/* Who it is has changed: is it of the workload? Only while the task is out of the counts. */
static void refresh_member(struct cpt_analysis *a, struct task *t)
{
	t->chosen = task_chosen(&a->tasks, t);
	if (t->flight)
		t->flight->chosen |= t->chosen;
	analysis_life__refresh_here(a, t);
}

int analysis_life__come_alive(struct cpt_analysis *a, struct task *t, enum cpt_state state,
			      uint32_t cpu)
{
	if (!t->known && !t->unborn) {
		t->unborn = true;
		a->tl.unborn -= a->tl.unborn != 0;
	}
	t->live = true;
	t->cpu = cpu;
	t->state = state;
	t->ready_kind = CPT_READY_FIRST;
	t->ready_since_ns = a->now_ns;
	a->all_live++;
	if (t->proc == 1)
		a->root_live++;
	refresh_member(a, t);
	if (state == CPT_STATE_RUNNING)
		t->on_cpu_since_ns = a->now_ns;
	loops__alive(a->flights, t);
	timeline__enter(&a->tl, t);
	tell_watchers(a, t);
	return list_known(a, t);
}

void analysis_life__die(struct cpt_analysis *a, struct task *t)
{
	if (t->state == CPT_STATE_RUNNING)
		t->row.traced_cpu_ns += a->now_ns - t->on_cpu_since_ns;
	if (t->counted)
		path__end(&a->tl.path, t);
	timeline__leave(&a->tl, t);
	timeline__drop_mask(&a->tl, t);
	t->state = CPT_STATE_RUNNABLE;
	t->live = false;
	loops__died(a->flights, t, a->now_ns);
	tell_watchers(a, t);
	a->all_live--;
	if (t->proc == 1)
		a->root_live--;
	if (a->window != WINDOW_OPEN || !a->meta->argv)
		return;
	if (a->opts.wait_all ? !a->all_live : t->proc == 1 && !a->root_live)
		analysis_window__end(a);
}

/* ---- events ---------------------------------------------------------------------------------- */

int analysis_life__on_new(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *t = tasks__get(&a->tasks, ev->task);
	struct task *parent = ev->other ? tasks__find(&a->tasks, ev->other) : NULL;
	bool was_root_thread;
	int err;

	if (!t)
		return -errno;
	was_root_thread = t->live && t->proc == 1;
	if (t->unborn && !t->known && a->opts.births_lost) /* none of those that are lost */
		a->tl.unborn++;
	timeline__leave(&a->tl, t);
	timeline__drop_mask(&a->tl, t);
	err = tasks__born(&a->tasks, t, parent, ev->info);
	if (!err)
		err = sqpolls__named(a->sqpolls, t, a->now_ns);
	if (err)
		return err;
	if (!t->live && ev->task == 1 && a->meta->argv &&
	    !(a->meta->flags & CPT_TRACE_ATTACHED)) /* lives from its exec on */
		return 0;
	if (!t->live) {
		/* Births come beside the CPUs' records: it may stand before what is lost at this ns. */
		err = analysis_life__come_alive(a, t,
						a->holes || a->hole_end_ns == a->now_ns
							? CPT_STATE_UNKNOWN
							: CPT_STATE_RUNNABLE,
						ev->cpu);
		if (!err && t->counted && parent && parent->counted && parent != t)
			path__follow(&a->tl.path, t, parent, false);
		return err;
	}
	/* Its first switch was seen before its birth. */
	if (was_root_thread != (t->proc == 1))
		a->root_live += t->proc == 1 ? 1 : -1;
	if (!t->flight)
		loops__alive(a->flights, t);
	refresh_member(a, t);
	timeline__enter(&a->tl, t);
	tell_watchers(a, t);
	return 0;
}

int analysis_life__on_exec(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *t = tasks__get(&a->tasks, ev->task);
	int err;

	if (!t)
		return -errno;
	analysis_switch__see_left_out(a, t);
	loop_ledger__stop(a->loops, t, a->now_ns);
	timeline__leave(&a->tl, t);
	err = tasks__exec(t, ev->info);
	if (err)
		return err;
	t->group = TASK_NONE;
	loops__exec(a->flights, t, a->now_ns);
	if (!t->live) {
		err = analysis_switch__vacate(a, ev->cpu);
		if (err)
			return err;
		/* Where records of this CPU are missing, it may have left it since. */
		a->cpu_cur[ev->cpu] = a->blind[ev->cpu] ? 0 : ev->task;
		err = analysis_life__come_alive(
			a, t, a->blind[ev->cpu] ? CPT_STATE_UNKNOWN : CPT_STATE_RUNNING, ev->cpu);
		if (err)
			return err;
	} else {
		refresh_member(a, t);
	}
	if (ev->task == 1 && a->window == WINDOW_BEFORE && a->open_at_ns == NO_STOP_NS) {
		if (!a->meta->delay_ns)
			analysis_window__open(a);
		else if (a->meta->delay_ns < TS_MAX_NS - a->now_ns)
			a->open_at_ns = a->now_ns + a->meta->delay_ns;
		analysis_window__find_stop(a);
	}
	timeline__enter(&a->tl, t);
	tell_watchers(a, t);
	return 0;
}

int analysis_life__on_rename(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *t = tasks__get(&a->tasks, ev->task);

	if (!t)
		return -errno;
	analysis_switch__see_left_out(a, t);
	timeline__leave(&a->tl, t);
	tasks__rename(t, ev->info);
	t->group = TASK_NONE;
	refresh_member(a, t);
	timeline__enter(&a->tl, t);
	tell_watchers(a, t);
	return sqpolls__named(a->sqpolls, t, a->now_ns);
}

int analysis_life__on_exit(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *t = tasks__get(&a->tasks, ev->task);

	if (!t)
		return -errno;
	t->row.kernel_cpu_ns = ev->info->sum_exec_ns;
	t->exited = true;
	if (t->live && t->state == CPT_STATE_UNKNOWN)
		analysis_loss__end_unseen(a, t, ev);
	return 0;
}

int analysis_life__on_affinity(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *t = tasks__get(&a->tasks, ev->task);
	bool counted;
	uint32_t from;
	int err;

	if (!t)
		return -errno;
	counted = t->counted;
	from = t->mask;
	timeline__leave(&a->tl, t);
	timeline__drop_mask(&a->tl, t);
	err = tasks__affinity(&a->tasks, t, &ev->info->mask);
	timeline__enter(&a->tl, t);
	tell_watchers(a, t);
	if (err || from == TASK_NONE || t->mask == TASK_NONE || from == t->mask)
		return err;
	if (counted)
		return affinity__changed(&a->affinity, &a->tasks, t, from, a->tl.online, a->now_ns);
	if (t->live && a->tl.open)
		affinity__passed_over(&a->affinity, &a->tasks, t, from, a->tl.online, a->now_ns);
	return 0;
}
