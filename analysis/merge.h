/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * merge.h - per-CPU records in, one sequence of events ordered by time out.
 *
 * Owns:     ordering, the hold-back, turning the wake-up that a switch-in carries into an event at
 *           its own time, telling each blocking switch-out how that wait ended.
 * Must not: read rings, know files, interpret waits.
 *
 *           drain n-1        drain n          now
 *   ... emitted ...|--- pending (held back) ---|
 *                  ^ horizon = drain time - hold-back, never moves back
 *
 * A record may refer back in time: a switch-in names its wake-up, which can lie before the horizon
 * when the task waited long for a CPU; and a wait may end long after its switch-out was emitted.
 * Both go to the sink's `late` call, for the trace's late table.
 *
 * Events at one instant stand in an order that can have happened, whatever order they arrived in:
 * births and other identity first, then switches, then wake-ups; but a wake-up before the switch-in
 * it belongs to, a task's switch-out before its switch-in elsewhere, and each CPU's own order kept.
 * NEW stands before anything else of its task and EXIT before its final SWITCH even if their times
 * say otherwise.
 *
 * Memory: O(events within the hold-back + tasks).
 */
#ifndef CPT_MERGE_H
#define CPT_MERGE_H

#include "event.h"

struct cpt_merge;

/* A fact that arrived after its place in the sequence had been emitted. */
struct cpt_late {
	uint64_t ts_ns; /* END: of the blocking switch-out it belongs to; WAKE: of the wake-up */
	uint32_t task;
	uint32_t waker;	  /* END: end_waker; WAKE: other */
	uint8_t kind;	  /* CPT_LATE_* */
	uint8_t end;	  /* END: CPT_END_* */
	uint8_t wake_ctx; /* WAKE: CPT_CTX_* */
	uint8_t reserved;
	uint16_t flags; /* WAKE: CPT_SW_WAKER_FOREIGN, CPT_SW_WAKE_ON_WORD */
	uint16_t waker_sysno;
	uint32_t cpu; /* WAKE */
	uint32_t reserved2;
};
#define CPT_LATE_END  1
#define CPT_LATE_WAKE 2

/* Receives the result, in order of time. Pointers in events live until the call returns.
 * Return 0, or -errno to stop (the merge keeps the error and returns it from then on). */
struct cpt_merge_sink {
	int (*events)(void *ctx, const struct cpt_event *ev, size_t cnt);
	int (*late)(void *ctx, const struct cpt_late *late);
	/* CPT_EV_STACKS and CPT_EV_SAMPLE, in their own order of time, those of a stretch before its
	 * events. NULL: not wanted. */
	int (*side)(void *ctx, const struct cpt_event *ev, size_t cnt);
	void *ctx;
};

/* New merger for cpu_cnt CPUs (ids 0..cpu_cnt-1). NULL with errno. */
struct cpt_merge *merge__new(uint32_t cpu_cnt, const struct cpt_merge_sink *sink);
void merge__free(struct cpt_merge *m); /* accepts NULL */

/* cnt consecutive ring records of one CPU, in ring order (CPT_RING_RECS). In those of stacks and samples
 * ids must have been replaced by numbers of stacks (stacks.h; 0 or less: none). The first record of a CPU has seq 0. Gaps in seq become CPT_EV_LOSS events between the neighbours'
 * times (from the last merge__add_attempts, if that is later, and never before the horizon; a rebuilt switch is dated back, what
 * was lost before it may be as well: then from the neighbour's time again). Times
 * that go back within a CPU are clamped. 0 or -errno (-ENOMEM, -EINVAL for a CPU out of range or an
 * unknown type); an error is final. */
int merge__add_ring(struct cpt_merge *m, uint32_t cpu, const void *recs, size_t cnt);

/* Records lost at the end of what cpu delivered so far, known from its attempts counter: attempts, read between
 * from_ns and until_ns, however long that took, and before the ring's head whose records have all been added. All
 * attempts before from_ns are among them, so that what is lost next is not before it; none behind until_ns is, so that
 * what was lost is not behind it. What add_ring later sees as a gap is not counted twice, and a record that comes after
 * all takes its loss back while that has not been emitted. */
int merge__add_attempts(struct cpt_merge *m, uint32_t cpu, uint64_t attempts, uint64_t from_ns,
			uint64_t until_ns);

/* One lifecycle record (struct cpt_rec_head and what follows; head.sz bytes must be valid).
 * NUDGE is accepted and ignored. 0 or -errno. */
int merge__add_life(struct cpt_merge *m, const void *rec, size_t sz);

/* A task, wait->prev, that was found blocked at wait->ts_ns, by somebody on cpu, which ran none of the
 * workload then: it comes in there and leaves at one instant, as wait says. Outside of cpu's sequence.
 * 0 or -errno. */
int merge__add_found(struct cpt_merge *m, uint32_t cpu, const struct cpt_rec_switch *wait);

/* Which record add_ring or add_life refused with -EINVAL, and how it begins (zeros behind its end), for a
 * message; "": none. */
#define CPT_MERGE_REFUSED 128
const char *merge__refused(const struct cpt_merge *m);

/* Says that every record with a time before complete_ns has been added (the time at which the last
 * drain began; at least the next horizon). Wake-ups from then on may have predecessors that have not
 * been seen, so they are not used yet to say how a wait ended. Without any call all are used. */
void merge__complete(struct cpt_merge *m, uint64_t complete_ns);

/* Emits everything before horizon_ns. Whoever calls promises that all records with a smaller time
 * have been added, late wake-ups and ends excepted; one that comes all the same is moved up to the
 * horizon. 0 or -errno. */
int merge__advance(struct cpt_merge *m, uint64_t horizon_ns);

/* Emits the rest. Waits without an end stay CPT_END_OPEN. */
int merge__finish(struct cpt_merge *m);

/* Records lost so far (located ones). */
uint64_t merge__lost(const struct cpt_merge *m);

#endif /* CPT_MERGE_H */
