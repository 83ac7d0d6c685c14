/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * analysis_step.h - the steps of the pass that nearly every event takes, in line.
 *
 * Owns:     nothing of its own: these are parts of a switch-out and of a wake-up that the usual ones, which
 *           analysis.c has in its loop, share with all others.
 * Must not: be included by anyone but the parts of the pass (analysis_priv.h) that say so below.
 *
 *      the clock            move_to()                    analysis.c, analysis_finish.c
 *      what a wait is       classify()                   analysis.c, analysis_wait.c
 *                           sys_of(), is_watched(),
 *                           note_loop()                  analysis_wait.c
 *      stacks of a wait     take_in_stack()              analysis.c, analysis_switch.c
 *      a task leaves        decide_out(), follow_out()   analysis.c, analysis_switch.c
 *      a wait is ended      note_end()                   analysis.c, analysis_wait.c
 *                           find_waker()                 analysis_wait.c
 */
#ifndef CPT_ANALYSIS_STEP_H
#define CPT_ANALYSIS_STEP_H

#include "analysis_priv.h"
#include "sites.h"
#include "timeline_step.h"

/* ---- time ------------------------------------------------------------------------------------- */

static inline void move_to(struct cpt_analysis *a, uint64_t ts_ns)
{
	if (__builtin_expect(ts_ns >= a->next_stop_ns, 0))
		analysis_window__do_stops(a, ts_ns);
	if (ts_ns > a->now_ns)
		a->now_ns = ts_ns;
	timeline__advance(&a->tl, a->now_ns);
}

/* ---- waits ------------------------------------------------------------------------------------ */

static inline enum cpt_sys sys_of(const struct cpt_analysis *a, const struct cpt_wait *wait)
{
	return wait->sysno < CPT_SYSNO_TABLE_SZ ? (enum cpt_sys)a->sysno[wait->sysno]
						: CPT_SYS_UNKNOWN;
}

static inline struct classified classify(struct cpt_analysis *a, const struct task *t,
					 const struct cpt_event *ev)
{
	const struct wait_memo *memo = wait_memo__at(a->memos, ev->wait);
	enum cpt_reason reason;

	if (t->row.io_worker || !wait_memo__knows(memo, ev->wait, ev->end, t->proc, t->space))
		return analysis_wait__find_out(a, t, ev);
	reason = (enum cpt_reason)memo->reason[ev->end];
	return (struct classified){
		.blocked = {.state =
				    reason_is_parked(reason) ? CPT_STATE_PARKED : CPT_STATE_WAITING,
			    .reason = reason},
		.channel = memo->channel,
		.word = memo->word,
	};
}

/* Which waits are looked at: for a lock, or on what may be a runtime's ceiling, also where they come to
 * their time-out, as those of an interpreter's lock do. */
static inline bool is_watched(enum cpt_reason reason, const struct cpt_wait *wait)
{
	return reason_is_lock(reason) || reason == CPT_REASON_CONDVAR ||
	       (reason == CPT_REASON_SLEEP && object_is_signalled(wait->object));
}

/* Is it the call's descriptor that is waited for? Whatever that is, a task can be stopped in the call, wait
 * for memory that it names, or for a disk behind it. */
static inline bool is_on_channel(enum cpt_reason reason)
{
	return reason != CPT_REASON_STOPPED && reason != CPT_REASON_PAGE_FAULT &&
	       reason != CPT_REASON_DISK;
}

/* t is about to wait: for events, or where an event loop should not. */
static inline int note_loop(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev,
			    enum cpt_reason reason)
{
	if (reason != CPT_REASON_EVENT_LOOP && !(t->watched && t->loop))
		return 0;
	return loop_ledger__block(a->loops, t, ev->wait, sys_of(a, ev->wait), reason, a->now_ns);
}

/* ---- stacks of a wait ------------------------------------------------------------------------- */

static inline void take_out_stack(const struct cpt_analysis *a, struct task *t)
{
	const bool known = t->out_stack_ns == a->now_ns;

	t->wait_user = known ? t->out_user : 0;
	t->wait_kernel = known ? t->out_kernel : 0;
	t->last_site = 0;
}

/* Its last wait was ended by whoever woke it, at the stacks that came with its switch-in. */
static inline int take_in_stack(struct cpt_analysis *a, struct task *t)
{
	const uint32_t site = t->last_site;

	t->last_site = 0;
	if (!site || t->in_stack_ns != a->now_ns)
		return 0;
	return sites__woken(a->sites, site - 1, t->wake_user, t->wake_kernel, t->last_wait_ns);
}

/* ---- a task leaves its CPU -------------------------------------------------------------------- */

/* Who ends a wait that the chain keeps: what a task of the workload ends is not kept, if it is seen. */
static inline enum cpt_waker wait_ender(uint8_t end, enum cpt_reason reason)
{
	if (end == CPT_END_IRQ)
		return waker_of_interrupt(reason);
	return end == CPT_END_FOREIGN ? CPT_WAKER_OUTSIDE : CPT_WAKER_NOBODY;
}

/* What becomes of a task that leaves its CPU, alive and known. */
struct leaving {
	enum cpt_state state;
	enum cpt_reason reason;
	bool passes;		     /* it was woken on its way out */
	const struct cpt_word *word; /* of a wait */
};

/* Notes down all of that in the task but its state. 0 or -ENOMEM. */
static inline int decide_out(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev,
			     struct leaving *out)
{
	const bool wake_pending = t->wake_pending;
	struct classified found;

	*out = (struct leaving){.state = CPT_STATE_RUNNABLE, .reason = CPT_REASON_OTHER};
	t->wake_pending = false;
	if (!(ev->flags & CPT_SW_PREV_BLOCKED)) {
		t->row.involuntary += t->counted;
		if (ev->flags & CPT_SW_PREV_YIELDED)
			t->row.yields += t->counted;
		t->throttled = ev->flags & CPT_SW_PREV_THROTTLED;
		t->ready_kind = t->throttled ? CPT_READY_THROTTLED : CPT_READY_PREEMPT;
		return 0;
	}
	t->row.voluntary += t->counted && !(ev->flags & CPT_SW_FOUND);
	t->ready_kind = CPT_READY_WAKE;
	/* Woken between leaving the run queue and the switch: it is runnable at once. */
	out->passes = wake_pending;
	if (wake_pending)
		return 0;
	if (!ev->wait) {
		out->state = CPT_STATE_UNKNOWN;
		return 0;
	}
	found = classify(a, t, ev);
	out->state = found.blocked.state;
	out->reason = found.blocked.reason;
	out->word = found.word;
	if (out->reason == CPT_REASON_STOPPED && analysis_wait__note_stopped_call(a, t, ev->wait))
		return -ENOMEM;
	if (a->sites)
		take_out_stack(a, t);
	if (a->tl.emits)
		t->word = out->word;
	t->sysno = ev->wait->sysno;
	t->end_waker = ev->end == CPT_END_TASK ? ev->end_waker : 0;
	t->path.what = chain_wait(out->reason, wait_ender(ev->end, out->reason));
	t->path.blocked_ns = a->now_ns;
	t->path.channel = is_on_channel(out->reason) ? found.channel : 0;
	return note_loop(a, t, ev, out->reason);
}

/* What is left to be done once the task has turned: who keeps accounts of its wait hears of it. */
static inline int follow_out(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev,
			     const struct leaving *out)
{
	if (out->passes)
		return analysis_wait__pass(a, t, ev);
	if (out->state == CPT_STATE_RUNNABLE || t->state == CPT_STATE_UNKNOWN ||
	    !is_watched(out->reason, ev->wait))
		return 0;
	return analysis_wait__begin(a, t, ev->wait, out->word, out->reason);
}

/* ---- a wait is ended -------------------------------------------------------------------------- */

/* The counted task whose doing a wake-up is; NULL: an interrupt's, or somebody's outside. */
static inline struct task *find_waker(const struct cpt_analysis *a, const struct task *t,
				      const struct cpt_event *ev, enum cpt_waker *by)
{
	struct task *waker;
	uint32_t id;

	switch (cpt_wake_end(ev->wake_ctx, ev->flags, ev->other, &id)) {
	case CPT_END_TASK:
		waker = tasks__find(&a->tasks, id);
		*by = waker && waker->counted && waker != t ? CPT_WAKER_TASK : CPT_WAKER_OUTSIDE;
		return *by == CPT_WAKER_TASK ? waker : NULL;
	case CPT_END_FOREIGN:
		*by = CPT_WAKER_OUTSIDE;
		return NULL;
	default:
		*by = CPT_WAKER_INTERRUPT;
		return NULL;
	}
}

/* The lock or the descriptor the present wait is for, as the graph of wake-ups has it; 0 none. */
static inline uint32_t goes_through(const struct task *t, enum cpt_reason reason)
{
	if (reason == CPT_REASON_UNKNOWN)
		return 0;
	return reason_is_lock(reason) ? locks__waited(t, reason) : t->path.channel;
}

/* The wait of the counted task ends: who ended it, and how long it was, goes into the graph of wake-ups.
 * The waker, NULL: none that is counted. 0 or -ENOMEM. */
static inline int note_end(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev,
			   enum cpt_reason reason, struct task **ender)
{
	uint64_t since_ns = t->path.blocked_ns;
	enum cpt_waker by;
	struct task *waker = find_waker(a, t, ev, &by);

	*ender = waker;
	if (by == CPT_WAKER_INTERRUPT)
		by = waker_of_interrupt(reason);
	if (since_ns < a->tl.start_ns)
		since_ns = a->tl.start_ns;
	if (reason == CPT_REASON_UNKNOWN) {
		since_ns = a->now_ns;
	} else if (!waker) {
		t->path.what = chain_wait(reason, by);
		path__keep_wait(&a->tl.path, t);
	}
	return wakegraph__add(&a->wakes,
			      wake_key(by, waker ? waker->path.id : 0, t->path.id, reason),
			      goes_through(t, reason), a->now_ns - since_ns, &t->path.edge);
}

#endif /* CPT_ANALYSIS_STEP_H */
