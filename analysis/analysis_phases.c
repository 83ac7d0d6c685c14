// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * analysis_phases.c - marks, and a filter of the phases that they begin.
 *
 * A filter of phases puts their spans one behind the other. States are followed all the time, but between
 * two spans the clock of the analysis stands still and nobody is counted:
 *
 *      trace's clock   |--- load ---|~~~~ work ~~~~|--- load ---|
 *      now_ns          |--- load ---|              |--- load ---|
 *                                   now_ns = trace's clock - skipped_ns
 *
 * So every account runs on as if nothing had been between. What is due at a time (the ends of holes, of --time
 * and of the window) is moved with the clock.
 */
#include "analysis_priv.h"

bool analysis_phases__is_chosen(const struct cpt_analysis *a, const char *name)
{
	const struct cpt_filter *f = &a->opts.filter;
	bool chosen = !f->phase_cnt;

	for (uint32_t i = 0; i < f->phase_cnt && !chosen; i++)
		chosen = !strcmp(f->phases[i], name);
	return chosen;
}

static void pause_accounting(struct cpt_analysis *a)
{
	path__pause(&a->tl.path, &a->tasks);
	analysis_window__end_accounting(a);
	timeline__pause(&a->tl);
	a->paused = true;
	a->gap_from_ns = a->real_ns;
	analysis_window__find_stop(a);
}

/* A time that was due at at_ns, by the clock that has stood still. */
static uint64_t move_due(const struct cpt_analysis *a, uint64_t at_ns, uint64_t gap_ns)
{
	return at_ns > a->now_ns && at_ns - a->now_ns > gap_ns ? at_ns - gap_ns : a->now_ns;
}

static void resume_accounting(struct cpt_analysis *a, const struct cpt_event *mark)
{
	const uint64_t gap_ns = a->real_ns - a->gap_from_ns;

	a->skipped_ns += gap_ns;
	a->paused = false;
	if (a->cut_to_ns != UINT64_MAX)
		a->cut_to_ns = move_due(a, a->cut_to_ns, gap_ns);
	if (a->opts.end_ns)
		a->opts.end_ns = move_due(a, a->opts.end_ns, gap_ns);
	for (uint32_t cpu = 0; a->holes && cpu < a->tl.cpu_cnt; cpu++)
		if (a->hole_until_ns[cpu])
			a->hole_until_ns[cpu] = move_due(a, a->hole_until_ns[cpu], gap_ns);
	for (uint32_t id = 1; id < a->tasks.end; id++) {
		struct task *t = tasks__find(&a->tasks, id);

		if (t)
			t->row.alive_at_end = false;
	}
	if (a->cut_to_ns > a->now_ns) {
		path__resume(&a->tl.path);
		timeline__resume(&a->tl);
		analysis_window__begin_accounting(a, mark);
	} else {
		a->paused = true;
		a->gap_from_ns = a->real_ns;
	}
	analysis_window__find_stop(a);
}

/* A chosen phase begins behind one that is not. */
static void enter_phase(struct cpt_analysis *a, const struct cpt_event *mark)
{
	if (a->window != WINDOW_OPEN)
		return;
	if (a->paused) {
		resume_accounting(a, mark);
	} else if (!a->tl.open && !a->tl.opened && a->now_ns >= a->cut_from_ns &&
		   a->now_ns < a->cut_to_ns) {
		analysis_window__open_accounting(a, mark);
		analysis_window__find_stop(a);
	}
}

int analysis_phases__on_mark(struct cpt_analysis *a, const struct cpt_event *ev)
{
	const bool was_in = a->in_phase;
	int err;

	if (!ev->mark)
		return -EINVAL;
	a->in_phase = analysis_phases__is_chosen(a, phases__name(ev));
	if (was_in && !a->in_phase && a->tl.open)
		pause_accounting(a);
	err = phases__mark(a->phases, &a->tl, ev, real_now(a));
	if (!err && !was_in && a->in_phase)
		enter_phase(a, ev);
	return err;
}

/* While the clock stands, holes end by the trace's, and its instants follow each other. */
static void pass_in_gap(struct cpt_analysis *a, uint64_t to_ns)
{
	const uint64_t by_now_ns = a->now_ns + (to_ns - a->gap_from_ns);

	if (to_ns > a->real_ns) {
		a->hole_end_ns = UINT64_MAX;
		if (a->exit_task)
			analysis_loss__end_exit(a);
	}
	for (uint32_t cpu = 0; a->holes && cpu < a->tl.cpu_cnt; cpu++) {
		const uint64_t until_ns = a->hole_until_ns[cpu];

		if (!until_ns || until_ns > by_now_ns)
			continue;
		a->hole_until_ns[cpu] = 0;
		a->holes--;
		if (until_ns == by_now_ns)
			analysis_loss__end_hole(a, cpu);
	}
	analysis_loss__end_dying(a);
}

struct cpt_event analysis_phases__move_event(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct cpt_event at = *ev;

	if (a->paused)
		pass_in_gap(a, ev->ts_ns);
	a->real_ns = ev->ts_ns;
	at.ts_ns = a->paused ? a->now_ns : moved(a, ev->ts_ns);
	if (ev->type == CPT_EV_LOSS)
		at.until_ns = ev->until_ns > ev->ts_ns ? moved(a, ev->until_ns) : at.ts_ns;
	else if (ev->type == CPT_EV_OCCUPANCY)
		at.occ_since_ns = moved(a, ev->occ_since_ns);
	return at;
}
