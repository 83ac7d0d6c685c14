// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * analysis_finish.c - the end of the pass: how far its window may be off, and all facts into the report.
 */
#include "analysis_step.h"
#include "grid.h"
#include "loop_groups.h"

static int take_locks(struct cpt_analysis *a, struct cpt_report *r)
{
	int err = locks__take(a->locks, a->now_ns, &r->locks, &r->locks_cnt);

	if (!err)
		err = wake_edges__link(r->wake_edges, r->wake_edges_cnt, r->locks, r->locks_cnt);
	if (err)
		return err;
	return ceilings__take(a->ceilings, r->window_ns, r->locks, r->locks_cnt, &r->ceilings,
			      &r->ceilings_cnt);
}

static void take_services(const struct cpt_analysis *a, struct cpt_report *r)
{
	for (uint32_t i = 0; i < r->instances_cnt; i++) {
		struct cpt_epoll_instance *in = &r->instances[i];

		in->services_cnt = services__of(a->opts.services, in->id, in->services);
	}
}

static int take_loops(struct cpt_analysis *a, struct cpt_report *r)
{
	int err = loop_ledger__take(a->loops, a->now_ns, &r->loops);

	if (!err)
		err = sqpolls__take(a->sqpolls, &r->sqpolls, &r->sqpolls_cnt);
	return err ? err : loop_groups__find(r);
}

static uint8_t filtered(const struct cpt_filter *f)
{
	return (f->pid_cnt || f->tid_cnt || f->comm_cnt ? CPT_FILTERED_TASKS : 0) |
	       (f->cpus ? CPT_FILTERED_CPUS : 0) |
	       (f->have_time || f->phase_cnt ? CPT_FILTERED_TIME : 0);
}

/* Since when nobody knows whether the command's process is alive; its window was open to the end. */
static uint64_t doubted_since(const struct cpt_analysis *a, bool births_lost)
{
	uint64_t since_ns = a->window_start_ns;

	for (uint32_t id = 1; id < a->tasks.end; id++) {
		const struct task *t = tasks__find(&a->tasks, id);

		if (!t || !t->live || (t->proc != 1 && !a->opts.wait_all))
			continue;
		if (t->state != CPT_STATE_UNKNOWN || (!births_lost && !t->exited))
			return a->window_end_ns;
		if (t->ready_since_ns > since_ns)
			since_ns = t->ready_since_ns;
	}
	return since_ns;
}

static uint64_t before(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How far the window's ends may be from where they are by what is known, and so those of --time. */
static void bound_window(struct cpt_analysis *a, bool open, uint64_t last_ns)
{
	const bool births_lost = a->opts.births_lost;
	struct bounds *b = &a->tl.bounds;
	const uint64_t end_ns = a->window_end_ns, cut_ns = a->cut_to_ns;

	if (!a->meta->argv || a->meta->flags & CPT_TRACE_ATTACHED)
		return;
	if (a->window == WINDOW_BEFORE) { /* its beginning is lost, or it has none */
		if ((births_lost || a->counts.lost) && last_ns > a->meta->start_mono_ns)
			b->longer_ns = last_ns - a->meta->start_mono_ns;
		return;
	}
	/* What opened it may have been a later exec. */
	if (births_lost && a->window_start_ns > a->meta->start_mono_ns)
		b->earlier_ns = a->window_start_ns - a->meta->start_mono_ns;
	if (open)
		b->shorter_ns = end_ns - doubted_since(a, births_lost);
	else if (births_lost && last_ns > end_ns)
		b->longer_ns = last_ns - end_ns;
	b->run_open = b->earlier_ns || b->longer_ns || b->shorter_ns;
	b->longer_ns = before(cut_ns, end_ns + b->longer_ns) - before(cut_ns, end_ns);
	b->shorter_ns = before(cut_ns, end_ns) - before(cut_ns, end_ns - b->shorter_ns);
	if (a->opts.filter.have_time)
		b->shorter_ns += b->earlier_ns;
}

struct cpt_report *analysis__finish(struct cpt_analysis *a,
				    const struct cpt_trace_close *close_facts,
				    const char *incomplete_why, uint64_t last_ns)
{
	struct cpt_report *r = NULL;
	/* What was attached to has no end of its own. */
	bool open = a->window != WINDOW_OVER && !(a->meta->flags & CPT_TRACE_ATTACHED);

	if (a->window == WINDOW_BEFORE && a->open_at_ns < NO_STOP_NS && a->open_at_ns <= last_ns &&
	    !a->err)
		move_to(a, a->open_at_ns);
	if (a->window == WINDOW_OPEN && !a->err) {
		last_ns = last_ns < TS_MAX_NS ? last_ns : TS_MAX_NS;
		a->real_ns = last_ns > a->real_ns ? last_ns : a->real_ns;
		move_to(a, a->paused ? a->now_ns : moved(a, last_ns));
		analysis_window__end(a);
		a->err = a->tl.err ? a->tl.err : a->tl.path.err;
	}
	/* What came next would have told of wake-ups before it. */
	if (a->window == WINDOW_OVER && incomplete_why)
		analysis_loss__doubt_waits(a);
	if (a->err) {
		errno = -a->err;
	} else {
		a->counts.run_ns = a->window_end_ns - a->window_start_ns;
		a->tl.bounds.cut = incomplete_why != NULL;
		bound_window(a, open, last_ns);
		r = summary__report(&a->tl, &a->tasks, &a->wakes, &a->counts, a->meta, close_facts);
		if (r && (take_locks(a, r) || take_loops(a, r) ||
			  loops__take(a->flights, a->window_start_ns, &r->instances,
				      &r->instances_cnt))) {
			report__free(r);
			r = NULL;
			errno = ENOMEM;
		}
		if (r) {
			affinity__take(&a->affinity, &a->tasks, r->window_end_ns, &r->affinity);
			take_services(a, r);
			phases__take(a->phases, &r->phases);
			summary__phases(r);
			/* The kernel's account is of whole lives, by the trace's clock. */
			if (a->skipped_ns)
				r->quality.audit_valid = false;
			memcpy(r->latency, a->latency, sizeof(r->latency));
			for (int i = 0; i < CPT_READY_CNT; i++)
				latency__finish(&r->latency[i]);
			if (a->tl.grid && !(r->grid = grid__take(a->tl.grid))) {
				report__free(r);
				analysis__free(a);
				return NULL;
			}
			r->window_open = open;
			r->filtered = filtered(&a->opts.filter);
			summary__limit_audit(r);
			r->quality.incomplete = incomplete_why != NULL;
			r->quality.incomplete_why = incomplete_why;
		}
	}
	analysis__free(a);
	return r;
}
