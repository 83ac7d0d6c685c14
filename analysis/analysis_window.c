// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * analysis_window.c - the window, and what else is due at a time.
 *
 * The window of a run:
 *
 *      task 1 execs                     last thread of task 1's process leaves its CPU for good
 *           |<------------------------- window -------------------------->|
 *           |      |<---- --time A,B: accounting only in here ---->|
 *
 * States are followed from the first event on; the timeline accounts only while it is open. What ran
 * already (attached) has a window from meta.start_mono_ns, when all of it was found, to the end of the
 * trace; a trace without either, from its first event. With meta.delay_ns the window opens that much later
 * than the exec.
 */
#include "analysis_priv.h"
#include "timeline_step.h"

void analysis_window__find_stop(struct cpt_analysis *a)
{
	uint64_t next = NO_STOP_NS;

	if (a->window == WINDOW_BEFORE)
		next = a->open_at_ns;
	if (a->window == WINDOW_OPEN && !a->tl.open && a->now_ns <= a->cut_from_ns)
		next = a->cut_from_ns;
	if (a->tl.open && a->cut_to_ns < next)
		next = a->cut_to_ns;
	if (a->window == WINDOW_OPEN && a->opts.end_ns && a->opts.end_ns < next)
		next = a->opts.end_ns;
	if (a->holes)
		for (uint32_t cpu = 0; cpu < a->tl.cpu_cnt; cpu++)
			if (a->hole_until_ns[cpu] && a->hole_until_ns[cpu] < next)
				next = a->hole_until_ns[cpu];
	if (a->exit_task && a->exit_ns < next)
		next = a->exit_ns + 1;
	a->next_stop_ns = next;
}

/* ---- accounting ------------------------------------------------------------------------------ */

void analysis_window__begin_accounting(struct cpt_analysis *a, const struct cpt_event *mark)
{
	if (phases__open(a->phases, &a->tl, real_now(a), mark))
		a->tl.err = -ENOMEM;
	loops__open(a->flights, a->now_ns);
	for (uint32_t id = 1; id < a->tasks.end; id++) {
		struct task *t = tasks__find(&a->tasks, id);

		if (t && t->live) {
			timeline__enter(&a->tl, t);
			tell_watchers(a, t);
		}
	}
}

void analysis_window__open_accounting(struct cpt_analysis *a, const struct cpt_event *mark)
{
	timeline__open(&a->tl, a->now_ns);
	analysis_window__begin_accounting(a, mark);
}

void analysis_window__end_accounting(struct cpt_analysis *a)
{
	phases__close(a->phases, &a->tl);
	for (uint32_t cpu = 0; cpu < a->tl.cpu_cnt && a->tl.open; cpu++) {
		const struct task *t = tasks__find(&a->tasks, a->cpu_cur[cpu]);

		if (t)
			analysis_switch__see_left_out(a, t);
	}
	for (uint32_t id = 1; id < a->tasks.end && a->tl.open; id++) {
		struct task *t = tasks__find(&a->tasks, id);

		if (t && t->counted) {
			t->row.alive_at_end = true;
			timeline__leave(&a->tl, t);
			tell_watchers(a, t);
		}
	}
	if (a->tl.open)
		loops__close(a->flights, a->now_ns);
}

static void close_accounting(struct cpt_analysis *a)
{
	if (a->paused) /* the last span was the last */
		timeline__resume(&a->tl);
	if (a->tl.open)
		path__close(&a->tl.path, &a->tasks);
	if (!a->paused)
		analysis_window__end_accounting(a);
	timeline__close(&a->tl);
}

/* ---- what is due at a time ------------------------------------------------------------------- */

/* The time has come; a command that has ended before it has no window. */
static void open_late(struct cpt_analysis *a)
{
	a->open_at_ns = NO_STOP_NS;
	if (a->meta->flags & CPT_TRACE_ATTACHED || (a->opts.wait_all ? a->all_live : a->root_live))
		analysis_window__open(a);
}

/* What is due at a->now_ns: a hole ends, accounting starts or stops. */
static void do_stop(struct cpt_analysis *a)
{
	for (uint32_t cpu = 0; a->holes && cpu < a->tl.cpu_cnt; cpu++) {
		if (a->hole_until_ns[cpu] && a->hole_until_ns[cpu] <= a->now_ns) {
			a->hole_until_ns[cpu] = 0;
			a->holes--;
			analysis_loss__end_hole(a, cpu);
		}
	}
	analysis_loss__end_dying(a);
	if (a->exit_task && a->now_ns > a->exit_ns)
		analysis_loss__end_exit(a);
	if (a->window == WINDOW_BEFORE && a->now_ns >= a->open_at_ns)
		open_late(a);
	if (a->window == WINDOW_OPEN && a->opts.end_ns && a->now_ns >= a->opts.end_ns) {
		analysis_window__end(a);
		return;
	}
	if (a->tl.open && a->now_ns >= a->cut_to_ns) {
		close_accounting(a);
		a->cut_from_ns = 0; /* not again */
	} else if (a->window == WINDOW_OPEN && !a->tl.open && a->now_ns == a->cut_from_ns &&
		   a->cut_from_ns < a->cut_to_ns && a->in_phase) {
		analysis_window__open_accounting(a, NULL);
	}
}

void analysis_window__do_stops(struct cpt_analysis *a, uint64_t ts_ns)
{
	while (ts_ns >= a->next_stop_ns) {
		a->now_ns = a->next_stop_ns;
		timeline__advance(&a->tl, a->now_ns);
		do_stop(a);
		analysis_window__find_stop(a);
		if (a->next_stop_ns <= a->now_ns) /* nothing left that could be done at this time */
			a->next_stop_ns = a->now_ns + 1;
	}
}

/* ---- the window ------------------------------------------------------------------------------ */

static uint64_t from_start(const struct cpt_analysis *a, uint64_t offset_ns)
{
	return offset_ns < UINT64_MAX - a->window_start_ns ? a->window_start_ns + offset_ns
							   : UINT64_MAX;
}

void analysis_window__open(struct cpt_analysis *a)
{
	const struct cpt_filter *f = &a->opts.filter;

	a->window = WINDOW_OPEN;
	a->window_start_ns = a->now_ns;
	a->cut_from_ns = a->now_ns;
	a->cut_to_ns = UINT64_MAX;
	if (f->have_time) {
		a->cut_from_ns = from_start(a, f->time_from_ns);
		a->cut_to_ns = from_start(a, f->time_to_ns);
	}
	if (a->cut_from_ns == a->now_ns && a->cut_from_ns < a->cut_to_ns && a->in_phase)
		analysis_window__open_accounting(a, NULL);
	analysis_window__find_stop(a);
}

void analysis_window__end(struct cpt_analysis *a)
{
	a->window = WINDOW_OVER;
	a->window_end_ns = real_now(a);
	a->over_ns = a->now_ns;
	a->end_guessed = a->dying_until_ns > a->now_ns;
	analysis_loss__may_last(a, a->dying_until_ns);
	close_accounting(a);
	a->next_stop_ns = NO_STOP_NS;
}
