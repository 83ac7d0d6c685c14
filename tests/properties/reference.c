// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * reference.c - see reference.h.
 */
#include "reference.h"

#include <stdlib.h>
#include <string.h>

/* ---- the filter, as its documentation says ------------------------------------------------------ */

static bool in_list(const uint32_t *list, uint32_t cnt, uint32_t value)
{
	for (uint32_t i = 0; i < cnt; i++)
		if (list[i] == value)
			return true;
	return !cnt;
}

static bool identity_fits(const struct cpt_filter *f, uint32_t pid, uint32_t tid, uint8_t name)
{
	bool named = !f->comm_cnt;

	for (uint32_t i = 0; i < f->comm_cnt; i++)
		named |= !strcmp(f->comms[i], gen_names[name]);
	return named && in_list(f->pids, f->pid_cnt, pid) && in_list(f->tids, f->tid_cnt, tid);
}

static bool seg_fits(const struct cpt_filter *f, const struct gen_seg *seg)
{
	return identity_fits(f, seg->pid, seg->tid, seg->name) &&
	       (!f->cpus || f->cpus[0] >> seg->cpu & 1);
}

/* A waker counts if it existed when the wait began and was selected as it was called then. */
static bool waker_fits(const struct gen *g, const struct cpt_filter *f, const struct gen_seg *seg)
{
	const struct gen_task *w = &g->tasks[seg->end_waker];

	if (!seg->end_waker)
		return false;
	if (!f->pid_cnt && !f->tid_cnt && !f->comm_cnt)
		return true;
	return seg->end_waker <= seg->born_cnt &&
	       identity_fits(f, g->tasks[w->proc].tid, w->tid, seg->names_then[seg->end_waker]);
}

/* ---- classes ------------------------------------------------------------------------------------ */

static enum cpt_class certain_class(uint32_t r, uint32_t c)
{
	if (r >= 2)
		return CPT_CLASS_PARALLEL;
	if (c >= 2)
		return CPT_CLASS_CONCURRENT;
	return c ? CPT_CLASS_SERIAL : CPT_CLASS_IDLE;
}

enum cpt_class ref_class(uint32_t running, uint32_t runnable, uint32_t waiting, uint32_t unknown,
			 uint32_t holes)
{
	enum cpt_class cls = certain_class(running, running + runnable + waiting);

	for (uint32_t on = 0; on <= unknown && on <= holes; on++)
		for (uint32_t off = 0; on + off <= unknown; off++)
			if (certain_class(running + on, running + runnable + waiting + on + off) !=
			    cls)
				return CPT_CLASS_UNKNOWN;
	return cls;
}

struct moment {
	uint32_t running, runnable, waiting, locks, asleep, unknown, alive;
	uint32_t in_flight; /* A */
	uint32_t cores;
	uint64_t cpus;	  /* that run ours */
	uint64_t allowed; /* bit set */
	uint64_t ready;	  /* CPUs some ready task is allowed on that no quota holds */
	uint64_t held;	  /* likewise one that is held */
	uint32_t waits[CPT_REASON_CNT];
	uint32_t by_name[GEN_NAMES_CNT];
};

static enum cpt_split moment_split(const struct moment *m)
{
	switch (ref_class(m->running, m->runnable, m->waiting + m->in_flight, m->unknown, 0)) {
	case CPT_CLASS_PARALLEL:
		return m->cores > 1 ? CPT_SPLIT_PARALLEL_MULTI_CORE : CPT_SPLIT_PARALLEL_SMT_ONLY;
	case CPT_CLASS_CONCURRENT:
		if (m->running && m->runnable)
			return CPT_SPLIT_CONCURRENT_INTERLEAVED;
		if (m->running)
			return m->locks ? CPT_SPLIT_CONCURRENT_CONTENDED
					: CPT_SPLIT_CONCURRENT_OVERLAPPED;
		return m->runnable ? CPT_SPLIT_CONCURRENT_STARVED
				   : CPT_SPLIT_CONCURRENT_ALL_WAITING;
	case CPT_CLASS_SERIAL:
		if (m->running)
			return CPT_SPLIT_SERIAL_RUNNING;
		if (m->runnable)
			return CPT_SPLIT_SERIAL_RUNNABLE;
		return m->waiting ? CPT_SPLIT_SERIAL_WAITING : CPT_SPLIT_SERIAL_IN_FLIGHT;
	case CPT_CLASS_IDLE:
		return m->asleep ? CPT_SPLIT_IDLE_ASLEEP : CPT_SPLIT_IDLE_QUIET;
	case CPT_CLASS_UNKNOWN:
	case CPT_CLASS_CNT:
		break;
	}
	return CPT_SPLIT_UNKNOWN;
}

static bool same_core(const struct gen *g, uint32_t a, uint32_t b)
{
	return a == b || (g->cpus[a].core >= 0 && g->cpus[a].core == g->cpus[b].core);
}

static uint32_t count_cores(const struct gen *g, uint64_t cpus)
{
	uint32_t cnt = 0;

	for (uint32_t a = 0; a < g->cpu_cnt; a++) {
		bool counted = false;

		for (uint32_t b = 0; b < a; b++)
			counted |= (cpus >> b & 1) && same_core(g, a, b);
		cnt += (cpus >> a & 1) && !counted;
	}
	return cnt;
}

/* ---- one stretch --------------------------------------------------------------------------------- */

static enum cpt_reason seg_reason(const struct gen *g, const struct cpt_filter *f,
				  const struct gen_seg *seg)
{
	return gen_reason(seg->wait, seg->end, waker_fits(g, f, seg));
}

static void look(const struct gen *g, const struct cpt_analysis_opts *o, const struct gen_seg *seg,
		 struct moment *m)
{
	enum cpt_reason reason;

	m->alive++;
	m->allowed |= g->masks[seg->mask];
	switch (seg->state) {
	case CPT_STATE_RUNNING:
		m->running++;
		m->cpus |= 1ull << seg->cpu;
		m->by_name[seg->name]++;
		return;
	case CPT_STATE_RUNNABLE:
		m->runnable++;
		*(seg->throttled ? &m->held : &m->ready) |= g->masks[seg->mask];
		return;
	case CPT_STATE_UNKNOWN:
		m->unknown++;
		return;
	case CPT_STATE_WAITING:
	case CPT_STATE_PARKED:
	case CPT_STATE_CNT:
		break;
	}
	reason = seg_reason(g, &o->filter, seg);
	if (!reason_is_parked(reason) ||
	    (reason == CPT_REASON_SLEEP && o->in_progress & CPT_IN_PROGRESS_SLEEP) ||
	    (reason == CPT_REASON_CONDVAR && o->in_progress & CPT_IN_PROGRESS_CONDVAR))
		m->waiting++, m->waits[reason]++;
	m->locks += reason == CPT_REASON_LOCK || reason == CPT_REASON_KERNEL_LOCK;
	m->asleep += reason == CPT_REASON_SLEEP;
}

static void credit_thread(const struct gen *g, const struct cpt_analysis_opts *o,
			  const struct gen_seg *seg, const struct moment *m, uint64_t from,
			  uint64_t to, struct ref_thread *t)
{
	uint64_t span = to - from;

	if (!t->life)
		t->start = from;
	t->end = to;
	t->life += span;
	if (seg->state == CPT_STATE_RUNNING) {
		t->running += span;
		t->cpus |= 1ull << seg->cpu;
		*(m->running > 1 ? &t->parallel : &t->alone) += span;
		t->height += (double)span / m->running;
		t->width += (double)(span * m->running);
		t->cmetric += (double)span / (m->running + m->runnable);
	} else if (seg->state == CPT_STATE_RUNNABLE) {
		t->runnable += span;
	} else if (seg->state == CPT_STATE_UNKNOWN) {
		t->unknown += span;
	} else {
		t->reason[seg_reason(g, &o->filter, seg)] += span;
	}
}

static bool covers(const struct gen_seg *seg, uint64_t from, uint64_t to)
{
	return seg->from <= from && to <= seg->to && seg->from < seg->to;
}

/* ---- the accounts --------------------------------------------------------------------------------- */

enum held_by { HELD_OURS, HELD_OTHERS, HELD_IDLE, HELD_UNKNOWN };

/* A CPU that runs a task the filter leaves out is held by others: nothing else of it is known to be. */
static enum held_by held_by(const struct gen *g, const struct moment *m, uint32_t cpu,
			    uint64_t from, uint64_t to)
{
	if (m->cpus >> cpu & 1)
		return HELD_OURS;
	for (uint32_t i = 0; i < g->hold_cnt; i++) {
		const struct gen_hold *h = &g->holds[i];

		if (h->cpu != cpu || h->from > from || h->to < to || h->from == h->to)
			continue;
		if (g->meta.flags & CPT_TRACE_NO_OCCUPANCY)
			return HELD_UNKNOWN;
		return h->idle ? HELD_IDLE : HELD_OTHERS;
	}
	return HELD_OTHERS;
}

static void charge_cpu(const struct moment *m, uint32_t cpu, enum held_by by, double span,
		       struct ref_result *r)
{
	if (by == HELD_OURS)
		r->budget[CPT_BUDGET_USED] += span;
	else if (by == HELD_OTHERS)
		r->budget[CPT_BUDGET_OTHERS] += span;
	else if (by == HELD_UNKNOWN)
		r->budget[CPT_BUDGET_UNKNOWN] += span;
	else if (m->ready >> cpu & 1)
		r->budget[CPT_BUDGET_PLACEMENT] += span;
	else if (m->unknown)
		r->budget[CPT_BUDGET_UNKNOWN] += span;
	else if (m->held >> cpu & 1)
		r->budget[CPT_BUDGET_QUOTA] += span;
	else if (!m->waiting)
		r->budget[m->in_flight ? CPT_BUDGET_IN_FLIGHT : CPT_BUDGET_NO_WORK] += span;
	else
		for (int i = 0; i < CPT_REASON_CNT; i++)
			r->budget_reason[i] += span * m->waits[i] / m->waiting;
}

static enum cpt_demand_item why_not(const enum held_by *by, uint32_t cpu_cnt, uint64_t online,
				    uint64_t mask)
{
	uint32_t off = 0, off_mask = 0, idle = 0, unknown = 0;

	for (uint32_t cpu = 0; cpu < cpu_cnt; cpu++) {
		bool allowed = mask >> cpu & 1, counts = online >> cpu & 1;

		off += counts && by[cpu] != HELD_OURS;
		off_mask += counts && allowed && by[cpu] != HELD_OURS;
		idle += counts && allowed && by[cpu] == HELD_IDLE;
		unknown += counts && allowed && by[cpu] == HELD_UNKNOWN;
	}
	if (!off)
		return CPT_DEMAND_CPUS;
	if (!off_mask)
		return CPT_DEMAND_MASK;
	if (idle)
		return CPT_DEMAND_PLACEMENT;
	return unknown ? CPT_DEMAND_UNKNOWN : CPT_DEMAND_OTHERS;
}

static void accounts(const struct gen *g, const struct cpt_analysis_opts *o, const struct moment *m,
		     uint64_t online, uint64_t from, uint64_t to, struct ref_result *r)
{
	enum held_by by[GEN_CPUS_MAX];

	for (uint32_t cpu = 0; cpu < g->cpu_cnt; cpu++) {
		by[cpu] = held_by(g, m, cpu, from, to);
		if (((m->allowed & online) | m->cpus) >> cpu & 1)
			charge_cpu(m, cpu, by[cpu], (double)(to - from), r);
	}
	for (uint32_t i = 0; i < g->seg_cnt; i++) {
		const struct gen_seg *seg = &g->segs[i];

		if (seg->state != CPT_STATE_RUNNABLE || !covers(seg, from, to) ||
		    !seg_fits(&o->filter, seg))
			continue;
		r->demand[seg->throttled ? CPT_DEMAND_QUOTA
					 : why_not(by, g->cpu_cnt, online, g->masks[seg->mask])] +=
			to - from;
	}
}

/* Of every process: operations that none of its tasks, of those looked at, stands for. They count if
 * one of these was seen at its loops. */
static uint32_t unattended(const struct gen *g, const struct cpt_analysis_opts *o, uint64_t from,
			   uint64_t to)
{
	uint32_t sum = 0;

	for (uint32_t f = 0; f < g->flight_cnt; f++) {
		const struct gen_flight *flight = &g->flights[f];
		struct moment m = {0};
		bool polled = false;
		uint32_t standing;

		if (flight->from > from || flight->to < to || flight->from == flight->to)
			continue;
		for (uint32_t i = 0; i < g->seg_cnt; i++) {
			const struct gen_seg *seg = &g->segs[i];
			const struct gen_task *t = &g->tasks[seg->task];

			if (t->proc != flight->proc || !covers(seg, from, to) ||
			    !seg_fits(&o->filter, seg))
				continue;
			look(g, o, seg, &m);
			polled |= t->polls && t->polls_from <= from;
		}
		standing = m.running + m.runnable + m.waiting;
		if (polled && flight->level > standing)
			sum += flight->level - standing;
	}
	return sum;
}

static void stretch(const struct gen *g, const struct cpt_analysis_opts *o, uint64_t from,
		    uint64_t to, struct ref_result *r)
{
	uint64_t span = to - from, online = 0;
	struct moment m = {0};
	enum cpt_split split;
	uint32_t c;

	for (uint32_t i = 0; i < g->seg_cnt; i++)
		if (covers(&g->segs[i], from, to) && seg_fits(&o->filter, &g->segs[i]))
			look(g, o, &g->segs[i], &m);
	for (uint32_t i = 0; i < g->cpu_cnt; i++)
		online |= (uint64_t)g->cpus[i].online << i;
	m.in_flight = unattended(g, o, from, to);
	accounts(g, o, &m, online, from, to, r);
	m.cores = count_cores(g, m.cpus);
	split = moment_split(&m);
	c = m.running + m.runnable + m.waiting + m.in_flight;

	r->split[split] += span;
	r->profile[m.running] += span; /* who runs is certain, whoever's state is not */
	r->cores[m.cores] += span;
	if (split != CPT_SPLIT_UNKNOWN)
		r->concurrent[c] += span;
	r->allowed[__builtin_popcountll((m.allowed & online) | m.cpus)] += span;
	r->cpu_time += span * m.running;
	r->runnable += span * m.runnable;
	r->in_progress += span * c;
	r->in_flight += span * m.in_flight;
	r->peak_alive = m.alive > r->peak_alive ? m.alive : r->peak_alive;
	r->peak_asleep = m.asleep > r->peak_asleep ? m.asleep : r->peak_asleep;
	for (int a = 0; a < GEN_NAMES_CNT; a++)
		for (int b = 0; b < GEN_NAMES_CNT; b++)
			if (a == b ? m.by_name[a] > 1 : m.by_name[a] && m.by_name[b])
				r->overlap[a][b] += span;
	for (uint32_t i = 0; i < g->seg_cnt; i++)
		if (covers(&g->segs[i], from, to) && seg_fits(&o->filter, &g->segs[i]))
			credit_thread(g, o, &g->segs[i], &m, from, to,
				      &r->threads[g->segs[i].task]);
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static int compare_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void ref_evaluate(const struct gen *g, const struct cpt_analysis_opts *o, struct ref_result *r)
{
	static uint64_t points[2 * GEN_SEGS_MAX + 4 * GEN_EVENTS_MAX + GEN_TASKS_MAX + 2];
	const struct cpt_filter *f = &o->filter;
	size_t cnt = 0;

	memset(r, 0, sizeof(*r));
	r->from = g->window_start;
	r->to = g->window_end;
	if (f->have_time) {
		r->from += f->time_from_ns;
		if (f->time_to_ns < r->to - g->window_start)
			r->to = g->window_start + f->time_to_ns;
		if (r->from > r->to)
			r->from = r->to;
	}
	points[cnt++] = r->from;
	points[cnt++] = r->to;
	for (uint32_t i = 0; i < g->seg_cnt; i++) {
		const uint64_t ends[2] = {g->segs[i].from, g->segs[i].to};

		for (int e = 0; e < 2; e++)
			if (ends[e] > r->from && ends[e] < r->to)
				points[cnt++] = ends[e];
	}
	for (uint32_t i = 0; i < g->hold_cnt; i++)
		if (g->holds[i].from > r->from && g->holds[i].from < r->to)
			points[cnt++] = g->holds[i].from;
	for (uint32_t i = 0; i < g->flight_cnt; i++) {
		const uint64_t ends[2] = {g->flights[i].from, g->flights[i].to};

		for (int e = 0; e < 2; e++)
			if (ends[e] > r->from && ends[e] < r->to)
				points[cnt++] = ends[e];
	}
	for (uint32_t i = 1; i <= g->task_cnt; i++)
		if (g->tasks[i].polls_from > r->from && g->tasks[i].polls_from < r->to)
			points[cnt++] = g->tasks[i].polls_from;
	qsort(points, cnt, sizeof(*points), compare_u64);
	for (size_t i = 0; i + 1 < cnt; i++)
		if (points[i] < points[i + 1])
			stretch(g, o, points[i], points[i + 1], r);
}
