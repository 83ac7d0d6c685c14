// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * path_reference.c - see path_reference.h.
 */
#include "path_reference.h"

#include <string.h>

/* What a task is doing after an event, as far as the trace tells. */
enum doing { GONE, RUNS, READY, BLOCKED, DOUBTFUL };

struct task_then {
	uint8_t doing, reason, name;
	bool counted, early; /* early: woken while it still ran */
	uint32_t cpu;
	uint64_t blocked_at;
};

struct moment {
	struct task_then tasks[GEN_TASKS_MAX + 1];
	uint32_t running; /* counted ones */
};

static struct moment moments[GEN_EVENTS_MAX];

static bool in_list(const uint32_t *list, uint32_t cnt, uint32_t value)
{
	for (uint32_t i = 0; i < cnt; i++)
		if (list[i] == value)
			return true;
	return !cnt;
}

static bool chosen(const struct gen *g, const struct cpt_filter *f, const struct moment *m,
		   uint32_t id)
{
	bool named = !f->comm_cnt;

	for (uint32_t i = 0; i < f->comm_cnt; i++)
		named |= !strcmp(f->comms[i], gen_names[m->tasks[id].name]);
	return named && in_list(f->pids, f->pid_cnt, g->tasks[g->tasks[id].proc].tid) &&
	       in_list(f->tids, f->tid_cnt, g->tasks[id].tid);
}

static enum gen_wait kind_of_wait(const struct cpt_wait *w)
{
	switch (w->sysno) {
	case 0:
		return GEN_WAIT_PIPE;
	case 45:
		return GEN_WAIT_SOCKET;
	case 202:
		return w->object == CPT_FUTEX_MUTEX	? GEN_WAIT_MUTEX
		       : w->object == CPT_FUTEX_CONDVAR ? GEN_WAIT_CONDVAR
							: GEN_WAIT_FUTEX;
	case 230:
		return GEN_WAIT_SLEEP;
	case 17:
		return GEN_WAIT_DISK;
	case 232:
		return GEN_WAIT_EPOLL;
	case 61:
		return GEN_WAIT_CHILD;
	default:
		return GEN_WAIT_KLOCK;
	}
}

/* ---- forwards: who does what ------------------------------------------------------------------- */

static void leave_cpu(const struct gen *g, const struct cpt_filter *f, struct moment *m,
		      const struct cpt_event *ev)
{
	struct task_then *t = &m->tasks[ev->task];
	bool early = t->early;

	t->early = false;
	if (ev->flags & CPT_SW_PREV_DEAD) {
		t->doing = GONE;
	} else if (ev->flags & CPT_SW_PREV_UNKNOWN) {
		t->doing = DOUBTFUL;
	} else if (!(ev->flags & CPT_SW_PREV_BLOCKED) || early) {
		t->doing = READY;
	} else {
		bool filtered = f->pid_cnt || f->tid_cnt || f->comm_cnt;
		bool ours = ev->end == CPT_END_TASK &&
			    (!filtered || (m->tasks[ev->end_waker].cpu != UINT32_MAX &&
					   chosen(g, f, m, ev->end_waker)));

		t->doing = BLOCKED;
		t->reason = (uint8_t)gen_reason(kind_of_wait(ev->wait), ev->end, ours);
		t->blocked_at = ev->ts_ns;
	}
}

static uint8_t number_of_name(const char *name)
{
	uint8_t n = 0;

	while (strcmp(gen_names[n], name))
		n++;
	return n;
}

static void apply(const struct gen *g, const struct cpt_filter *f, struct moment *m,
		  const struct cpt_event *ev)
{
	struct task_then *t = &m->tasks[ev->task];

	switch (ev->type) {
	case CPT_EV_SWITCH:
		if (ev->task)
			leave_cpu(g, f, m, ev);
		if (ev->other) {
			m->tasks[ev->other].doing = RUNS;
			m->tasks[ev->other].cpu = ev->cpu;
			m->tasks[ev->other].early = false;
		}
		break;
	case CPT_EV_WAKE:
		if (t->doing == RUNS)
			t->early = true;
		else if (t->doing != GONE)
			t->doing = READY;
		break;
	case CPT_EV_NEW:
		t->cpu = ev->cpu;
		t->name = number_of_name(ev->info->comm);
		t->doing = ev->task == 1 ? GONE : READY;
		break;
	case CPT_EV_EXEC:
	case CPT_EV_RENAME:
		t->name = number_of_name(ev->info->comm);
		if (t->doing == GONE)
			t->doing = RUNS;
		break;
	default:
		break;
	}
}

static void count(const struct gen *g, const struct cpt_filter *f, struct moment *m)
{
	m->running = 0;
	for (uint32_t id = 1; id <= g->task_cnt; id++) {
		struct task_then *t = &m->tasks[id];

		t->counted = t->doing != GONE && chosen(g, f, m, id) &&
			     (!f->cpus || f->cpus[0] >> t->cpu & 1);
		m->running += t->counted && t->doing == RUNS;
	}
}

/* ---- what an event orders ------------------------------------------------------------------------- */

static bool inside(const struct ref_path *r, const struct cpt_event *ev, uint32_t i)
{
	return i > 1 && ev->ts_ns >= r->from && i < r->stop;
}

/* The counted task whose doing made ev's task go on; 0 nobody's. */
static uint32_t cause(const struct gen *g, uint32_t i)
{
	const struct cpt_event *ev = &g->ev[i];
	const struct moment *before = &moments[i - 1];
	uint32_t by = 0;

	if (ev->type == CPT_EV_NEW)
		by = moments[i].tasks[ev->task].counted ? ev->other : 0;
	else if (ev->type == CPT_EV_WAKE && ev->wake_ctx == CPT_CTX_TASK &&
		 !(ev->flags & CPT_SW_WAKER_FOREIGN) && before->tasks[ev->task].counted)
		by = ev->other;
	return by && before->tasks[by].counted ? by : 0;
}

static bool was_off(uint32_t i, uint32_t id)
{
	return moments[i - 1].tasks[id].doing == BLOCKED ||
	       moments[i - 1].tasks[id].doing == DOUBTFUL;
}

/* ---- the figures ---------------------------------------------------------------------------------- */

static uint64_t span_of(const struct gen *g, const struct ref_path *r, uint32_t i)
{
	uint64_t from = g->ev[i].ts_ns, to = i + 1 < g->ev_cnt ? g->ev[i + 1].ts_ns : r->to;

	if (i < 1)
		return 0; /* before the command's exec */
	from = from < r->from ? r->from : from;
	to = to > r->to ? r->to : to;
	return to > from ? to - from : 0;
}

static void find_span(const struct gen *g, struct ref_path *r)
{
	uint64_t s[GEN_TASKS_MAX + 1] = {0};

	for (uint32_t i = 1; i < g->ev_cnt; i++) {
		const uint64_t dt = span_of(g, r, i);

		if (inside(r, &g->ev[i], i)) {
			uint32_t by = cause(g, i), t = g->ev[i].task;

			if (by && s[by] > s[t])
				s[t] = s[by];
		}
		for (uint32_t id = 1; id <= g->task_cnt; id++) {
			if (!moments[i].tasks[id].counted || moments[i].tasks[id].doing != RUNS)
				continue;
			s[id] += dt;
			r->work += dt;
		}
	}
	for (uint32_t id = 1; id <= g->task_cnt; id++)
		if (s[id] > r->span)
			r->span = s[id];
}

static void find_edges(const struct gen *g, struct ref_path *r)
{
	for (uint32_t i = 2; i < g->ev_cnt; i++) {
		const struct cpt_event *ev = &g->ev[i];
		const struct task_then *t = &moments[i - 1].tasks[ev->task];
		uint64_t since = t->blocked_at < r->from ? r->from : t->blocked_at;
		uint32_t by = cause(g, i);

		if (ev->type != CPT_EV_WAKE || !inside(r, ev, i) || !t->counted ||
		    !was_off(i, ev->task))
			continue;
		r->edges.cnt[by][ev->task]++;
		if (t->doing == BLOCKED)
			r->edges.waited[by][ev->task] += ev->ts_ns - since;
	}
}

static void credit(struct ref_path *r, uint32_t i, uint32_t id, uint64_t dt)
{
	const struct task_then *t = &moments[i].tasks[id];
	struct ref_part *both[2] = {&r->total, &r->parts[id]};

	if (!t->counted) {
		r->absent += dt;
		return;
	}
	if (t->doing == BLOCKED)
		r->reason[t->reason] += dt;
	for (int b = 0; b < 2; b++) {
		if (t->doing == RUNS)
			*(moments[i].running > 1 ? &both[b]->parallel : &both[b]->serial) += dt;
		else if (t->doing == READY)
			both[b]->runnable += dt;
		else if (t->doing == BLOCKED)
			both[b]->blocked += dt;
		else
			both[b]->unknown += dt;
	}
}

static void walk_back(const struct gen *g, uint32_t id, struct ref_path *r)
{
	for (uint32_t i = g->ev_cnt - 1; i >= 1; i--) {
		const struct cpt_event *ev = &g->ev[i];

		credit(r, i, id, span_of(g, r, i));
		if (ev->task == id && inside(r, ev, i) && cause(g, i) &&
		    (ev->type == CPT_EV_NEW || was_off(i, id)))
			id = cause(g, i);
	}
}

/* The first event that is not of the window any more. */
static uint32_t find_stop(const struct gen *g, const struct cpt_analysis_opts *o,
			  struct ref_path *r)
{
	bool whole_tree = g->meta.flags & CPT_TRACE_WAIT_ALL;

	for (uint32_t i = 2; i < g->ev_cnt; i++) {
		bool left = false;

		if (g->ev[i].ts_ns >= r->to && r->to < g->window_end)
			return i;
		if (!(g->ev[i].flags & CPT_SW_PREV_DEAD) || g->ev[i].type != CPT_EV_SWITCH)
			continue;
		for (uint32_t id = 1; id <= g->task_cnt; id++)
			left |= moments[i].tasks[id].doing != GONE &&
				(whole_tree || g->tasks[id].proc == 1);
		if (left || (!whole_tree && g->tasks[g->ev[i].task].proc != 1))
			continue;
		if (moments[i - 1].tasks[g->ev[i].task].counted && !o->filter.have_time)
			r->end_id = g->ev[i].task;
		return i;
	}
	return g->ev_cnt;
}

void ref_path(const struct gen *g, const struct cpt_analysis_opts *o, uint32_t end_id,
	      struct ref_path *r)
{
	const struct cpt_filter *f = &o->filter;
	struct moment m = {0};

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
	for (uint32_t id = 1; id <= GEN_TASKS_MAX; id++)
		m.tasks[id].cpu = UINT32_MAX; /* not born */
	for (uint32_t i = 0; i < g->ev_cnt; i++) {
		apply(g, f, &m, &g->ev[i]);
		count(g, f, &m);
		moments[i] = m;
	}
	r->stop = find_stop(g, o, r);
	find_span(g, r);
	find_edges(g, r);
	walk_back(g, end_id, r);
}
