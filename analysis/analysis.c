// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * analysis.c - see analysis.h: events to states, window, filter.
 *
 * Here are the memory of the pass and its loop over the events. In it, in line, are the switch from one
 * task of ours to another and the wake-up of one that waits, which make up nearly all of a trace; every
 * other event goes to the part that knows it (analysis_priv.h says which):
 *
 *      analysis__feed() --> feed_events() --+--> feed_fast()    --> usual_switch(), end_block()
 *                                           `--> feed_slowly()  --> what is due, then the event's part
 */
#include "analysis.h"

#include "analysis_step.h"
#include "grid.h"
#include "sites.h"

struct cpt_analysis *analysis__new(const struct cpt_trace_meta *meta,
				   const struct cpt_analysis_opts *opts)
{
	struct cpt_analysis *a = calloc(1, sizeof(*a));
	const struct cpt_filter *f = &opts->filter;
	int err = -ENOMEM;

	if (!a)
		return NULL;
	a->meta = meta;
	a->opts = *opts;
	if (meta->flags & CPT_TRACE_WAIT_ALL)
		a->opts.wait_all = true;
	a->filtered = f->pid_cnt || f->tid_cnt || f->comm_cnt;
	a->open_at_ns = NO_STOP_NS;
	if (meta->flags & CPT_TRACE_ATTACHED && meta->start_mono_ns <= TS_MAX_NS)
		a->open_at_ns = meta->start_mono_ns;
	a->next_stop_ns = a->open_at_ns;
	a->hole_end_ns = UINT64_MAX;
	a->in_phase = analysis_phases__is_chosen(a, CPT_PHASE_START);
	a->phases = phases__new();
	sysno_table(meta->machine, a->sysno);
	err = timeline__init(&a->tl, meta, &a->tasks, &a->opts);
	if (err)
		goto out;
	err = tasks__init(&a->tasks, f);
	if (err)
		goto out;
	if (opts->grid) {
		a->opts.step_ns = opts->grid->bin_ns;
		a->tl.emits = true;
		a->tl.grid = grid__new(opts->grid, &a->tl);
		err = a->tl.grid ? 0 : -errno;
		if (err)
			goto out;
		a->tl.acc.bins = grid__accounts(a->tl.grid);
	}
	a->locks = locks__new(&a->tasks, &a->tl.path, opts->words);
	a->ceilings = ceilings__new(&a->tasks, &a->tl, opts->words);
	a->flights = loops__new(&a->tasks, &a->tl, opts->latencies);
	a->loops = loop_ledger__new(a->flights, &a->opts);
	a->sqpolls = sqpolls__new(a->flights);
	a->cpu_cur = calloc(a->tl.cpu_cnt, sizeof(*a->cpu_cur));
	a->cpu_ran = calloc(a->tl.cpu_cnt, sizeof(struct task *));
	a->hole_until_ns = calloc(a->tl.cpu_cnt, sizeof(*a->hole_until_ns));
	a->blind = calloc(a->tl.cpu_cnt, sizeof(*a->blind));
	if (a->locks)
		locks__fill(a->locks, a->tl.grid);
	if (!a->phases || !a->locks || !a->ceilings || !a->loops || !a->flights || !a->sqpolls ||
	    !a->cpu_cur || !a->cpu_ran || !a->hole_until_ns || !a->blind)
		err = -ENOMEM;
	if (meta->sample_hz || meta->stack_flags & CPT_TRACE_STACKS_TAKEN) {
		a->tl.sites = a->sites = sites__new(opts->stacks);
		if (!a->sites)
			err = -ENOMEM;
	}
out:
	if (err) {
		analysis__free(a);
		errno = -err;
		return NULL;
	}
	return a;
}

void analysis__free(struct cpt_analysis *a)
{
	if (!a)
		return;
	grid__free(a->tl.grid);
	tasks__fini(&a->tasks);
	timeline__fini(&a->tl);
	locks__free(a->locks);
	ceilings__free(a->ceilings);
	loop_ledger__free(a->loops);
	loops__free(a->flights);
	sqpolls__free(a->sqpolls);
	wakegraph__fini(&a->wakes);
	affinity__fini(&a->affinity);
	free(a->cpu_cur);
	free(a->cpu_ran);
	free(a->hole_until_ns);
	free(a->blind);
	free(a->known);
	sites__free(a->sites);
	phases__free(a->phases);
	free(a);
}

/* ---- the usual switch and wake-up ------------------------------------------------------------ */

/* A task of ours that runs here makes place for one that waits for a CPU: most switches. next, both tasks
 * being counted and nothing in doubt; NULL for any other. */
static inline struct task *usual_next(const struct cpt_analysis *a, const struct cpt_event *ev,
				      const struct task *prev)
{
	const uint16_t rare = CPT_SW_MENDED | CPT_SW_PREV_DEAD | CPT_SW_PREV_UNKNOWN | CPT_SW_FOUND;
	struct task *next = tasks__find(&a->tasks, ev->other);

	if (!prev || prev->path.id != ev->task || !prev->counted ||
	    prev->state != CPT_STATE_RUNNING || prev->cpu != ev->cpu || !next || !next->counted ||
	    next->state != CPT_STATE_RUNNABLE || ev->flags & rare ||
	    (ev->flags & CPT_SW_PREV_BLOCKED && !ev->wait) || a->opts.filter.cpus || prev->flight ||
	    next->flight || (a->tracking && in_doubt(a, ev->cpu)))
		return NULL;
	return next;
}

static inline __attribute__((always_inline)) int usual_switch(struct cpt_analysis *a,
							      const struct cpt_event *ev,
							      struct task *prev, struct task *next)
{
	const uint64_t now_ns = a->now_ns;
	const bool migrated = next->on_cpu_since_ns && next->cpu != ev->cpu;
	struct leaving out;
	int err = decide_out(a, prev, ev, &out);

	if (err)
		return err;
	if (next->ready_since_ns >= a->tl.start_ns)
		latency__add(&a->latency[next->ready_kind], now_ns - next->ready_since_ns,
			     migrated);
	next->row.migrations += migrated;
	next->wake_pending = false;
	next->throttled = false;
	prev->row.traced_cpu_ns += now_ns - prev->on_cpu_since_ns;
	prev->ready_since_ns = now_ns;
	timeline__swap(&a->tl, prev, out.state, out.reason, next);
	next->on_cpu_since_ns = now_ns;
	a->cpu_cur[ev->cpu] = ev->other;
	a->cpu_ran[ev->cpu] = next;
	tell_watchers(a, prev);
	err = follow_out(a, prev, ev, &out);
	tell_watchers(a, next);
	if (__builtin_expect(a->sites != NULL, 0) && !err)
		err = take_in_stack(a, next);
	if (__builtin_expect(a->tracking, 0) && !err)
		err = list_known(a, prev) || list_known(a, next) ? -ENOMEM : 0;
	return err;
}

static inline __attribute__((always_inline)) int on_switch(struct cpt_analysis *a,
							   const struct cpt_event *ev)
{
	struct task *prev = a->cpu_ran[ev->cpu], *next = NULL;

	a->counts.switches++;
	if (ev->task && a->cpu_cur[ev->cpu] == ev->task)
		next = usual_next(a, ev, prev);
	return next ? usual_switch(a, ev, prev, next) : analysis_switch__other(a, ev);
}

/* The counted task, waiting or parked, becomes runnable. */
static inline __attribute__((always_inline)) int end_block(struct cpt_analysis *a, struct task *t,
							   const struct cpt_event *ev)
{
	const enum cpt_reason reason = t->reason;
	struct task *waker;

	if (__builtin_expect(note_end(a, t, ev, reason, &waker), 0))
		return -ENOMEM;
	t->ready_since_ns = a->now_ns;
	timeline__ready(&a->tl, t);
	tell_watchers(a, t);
	if (__builtin_expect(a->tracking, 0) && list_known(a, t))
		return -ENOMEM;
	if (waker)
		path__follow(&a->tl.path, t, waker, reason == CPT_REASON_BARRIER);
	return 0;
}

static inline __attribute__((always_inline)) int on_wake(struct cpt_analysis *a,
							 const struct cpt_event *ev)
{
	struct task *t = tasks__find(&a->tasks, ev->task);
	int err;

	a->counts.wakes++;
	if (!t || !t->live)
		return 0;
	switch (t->state) {
	case CPT_STATE_RUNNING:
		analysis_wait__wake_early(a, t, ev);
		return 0;
	case CPT_STATE_WAITING:
	case CPT_STATE_PARKED:
		if (t->watched) {
			err = analysis_wait__end_watched(a, t, ev);
			if (err)
				return err;
		}
		return t->counted ? end_block(a, t, ev)
				  : set_off(a, t, CPT_STATE_RUNNABLE, CPT_REASON_OTHER);
	case CPT_STATE_UNKNOWN:
		return analysis_wait__end_doubt(a, t, ev);
	case CPT_STATE_RUNNABLE:
	case CPT_STATE_CNT:
		break;
	}
	return 0;
}

/* ---- the pass -------------------------------------------------------------------------------- */

static __attribute__((noinline)) int feed_one(struct cpt_analysis *a, const struct cpt_event *ev)
{
	if (ev->cpu >= a->tl.cpu_cnt || ev->ts_ns > TS_MAX_NS)
		return -EINVAL;
	move_to(a, ev->ts_ns);
	if (__builtin_expect(a->window == WINDOW_OVER, 0)) /* something on the way there ended it */
		return analysis_loss__on_tail(a, ev);
	switch (ev->type) {
	case CPT_EV_SWITCH:
		if (a->window == WINDOW_BEFORE && a->open_at_ns == NO_STOP_NS &&
		    !a->meta->delay_ns && (ev->task || ev->other)) {
			/* Nothing is of the workload before the command's exec: that is lost. */
			a->counts.odd_events++;
			analysis_window__open(a);
			analysis_loss__lose_start(a);
			if (a->now_ns > a->meta->start_mono_ns)
				a->tl.bounds.earlier_ns = a->now_ns - a->meta->start_mono_ns;
		}
		return on_switch(a, ev);
	case CPT_EV_WAKE:
		return on_wake(a, ev);
	case CPT_EV_NEW:
		return analysis_life__on_new(a, ev);
	case CPT_EV_EXEC:
		return analysis_life__on_exec(a, ev);
	case CPT_EV_RENAME:
		return analysis_life__on_rename(a, ev);
	case CPT_EV_EXIT:
		return analysis_life__on_exit(a, ev);
	case CPT_EV_AFFINITY:
		return analysis_life__on_affinity(a, ev);
	case CPT_EV_LOSS:
		return analysis_loss__on_loss(a, ev);
	case CPT_EV_STACKS:
		return analysis_side__on_stacks(a, ev);
	case CPT_EV_SAMPLE:
		return analysis_side__on_sample(a, ev);
	case CPT_EV_OCCUPANCY:
		return analysis_switch__on_occupancy(a, ev);
	case CPT_EV_LOOP_NEW:
	case CPT_EV_LOOP:
	case CPT_EV_LOOP_LOST:
	case CPT_EV_LOOP_END:
		return analysis_side__on_loop(a, ev);
	case CPT_EV_MARK:
		return analysis_phases__on_mark(a, ev);
	default: /* what newer writers may add */
		return 0;
	}
}

/* With more tasks than the first cache holds, what a task coming up next will be asked is fetched while
 * the events before are worked on. The one that leaves its CPU came a short while ago. */
#define FETCH_AHEAD	4
#define FETCH_TASKS_MIN 40

static inline void fetch_ahead(const struct cpt_analysis *a, const struct cpt_event *ev)
{
	const uint32_t id = ev->type == CPT_EV_SWITCH ? ev->other : ev->task;
	const struct task *t = tasks__find(&a->tasks, id);

	if (!t)
		return;
	for (size_t at = 0; at < offsetof(struct task, known); at += TASK_LINE)
		__builtin_prefetch((const char *)t + at, 1);
	__builtin_prefetch(&t->row.running_ns, 1);
	__builtin_prefetch(&t->row.voluntary, 1);
}

/* Outside of the window, or where anything but an event may be due: no short cut. */
static __attribute__((noinline)) int feed_slowly(struct cpt_analysis *a, const struct cpt_event *ev)
{
	if (a->window == WINDOW_OVER)
		return analysis_loss__on_tail(a, ev);
	a->counts.events++;
	/* Neither a command nor attached: from the first event. */
	if (a->window == WINDOW_BEFORE && !a->meta->argv &&
	    !(a->meta->flags & CPT_TRACE_ATTACHED)) {
		a->now_ns = ev->ts_ns;
		analysis_window__open(a);
	}
	return feed_one(a, ev);
}

/* A switch or a wake-up within the window, before the next stop. */
static inline int feed_fast(struct cpt_analysis *a, const struct cpt_event *ev)
{
	a->counts.events++;
	if (ev->ts_ns > a->now_ns)
		a->now_ns = ev->ts_ns;
	timeline__advance(&a->tl, a->now_ns);
	return ev->type == CPT_EV_SWITCH ? on_switch(a, ev) : on_wake(a, ev);
}

static int feed_events(struct cpt_analysis *a, const struct cpt_event *ev, size_t cnt)
{
	for (const struct cpt_event *end = ev + cnt; ev < end; ev++) {
		int err;

		if (a->tasks.end > FETCH_TASKS_MIN && end - ev > FETCH_AHEAD)
			fetch_ahead(a, ev + FETCH_AHEAD);
		if (__builtin_expect((ev->type == CPT_EV_SWITCH || ev->type == CPT_EV_WAKE) &&
					     ev->ts_ns < a->next_stop_ns &&
					     a->window == WINDOW_OPEN && ev->cpu < a->tl.cpu_cnt,
				     1))
			err = feed_fast(a, ev);
		else
			err = feed_slowly(a, ev);
		if (__builtin_expect(err | a->tl.err | a->tl.path.err, 0)) {
			a->err = err ? err : a->tl.err ? a->tl.err : a->tl.path.err;
			return a->err;
		}
	}
	return 0;
}

int analysis__feed(struct cpt_analysis *a, const struct cpt_event *ev, size_t cnt)
{
	if (a->err)
		return a->err;
	if (!a->opts.filter.phase_cnt)
		return feed_events(a, ev, cnt);
	for (size_t i = 0; i < cnt && !a->err; i++) {
		const struct cpt_event at = analysis_phases__move_event(a, &ev[i]);

		feed_events(a, &at, 1);
	}
	return a->err;
}

const char *analysis__task_name(const struct cpt_analysis *a, uint32_t id)
{
	const struct task *t = id ? tasks__find(&a->tasks, id) : NULL;

	return t ? t->row.name : "";
}

uint32_t analysis__task_tid(const struct cpt_analysis *a, uint32_t id)
{
	const struct task *t = id ? tasks__find(&a->tasks, id) : NULL;

	return t ? t->row.tid : 0;
}
