/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loops.h - operations in flight: of each epoll instance over time, and of each process (L_p).
 *
 * Owns:     instances and the processes that have them; their levels, integrals and counts.
 * Must not: know how an operation is found (the probes do), or what A does to the ledger: it tells the
 *           timeline a process's L_p, which knows how many of its tasks stand for some of them.
 *
 *   LOOP_NEW  ──►  instance ──┐ level (in, out)
 *   LOOP      ──►  instance ──┴─►  process: L_p = in if it serves, else out  ──►  timeline: A
 *
 * Memory: O(instances + their processes). Work: O(1) for an event, but that an instance which ends is looked at
 * once more, and a task when its process comes to have loops; so O(events + tasks) in all, whatever the trace.
 *
 * Private to analysis/.
 */
#ifndef CPT_LOOPS_H
#define CPT_LOOPS_H

#include "latencies.h"
#include "timeline.h"

struct loops;

/* tasks and tl are borrowed, and so is latencies (NULL: none are known). NULL without memory. */
struct loops *loops__new(struct tasks *tasks, struct timeline *tl,
			 const struct cpt_latencies *latencies);
void loops__free(struct loops *l); /* accepts NULL */

/* The events CPT_EV_LOOP_NEW, _LOOP, _LOOP_LOST and _LOOP_END, at now_ns. -errno; 1; 0: a LOOP_NEW that says
 * nothing new, or of nobody. */
int loops__feed(struct loops *l, const struct cpt_event *ev, uint64_t now_ns);

/* t, not counted now, has come alive or become part of its process: it knows its process's loops. */
void loops__alive(struct loops *l, struct task *t);
/* t has died. The last of a process takes its operations with it. */
void loops__died(struct loops *l, struct task *t, uint64_t now_ns);
/* t's process begins another program: what it had in flight is gone. */
void loops__exec(struct loops *l, struct task *t, uint64_t now_ns);

/* Accounting starts (again) or stops. */
void loops__open(struct loops *l, uint64_t now_ns);
void loops__close(struct loops *l, uint64_t now_ns);

/* What instance a loop waits on: its number, 0 not known. fd: epoll descriptor in process proc; below 0: the
 * polls of this task. Of several the latest. */
uint32_t loops__instance_of(const struct loops *l, uint32_t proc, int32_t fd, uint32_t task);

/* Process and descriptor of an instance (fd -1: polls). False if there is none of that number. */
bool loops__whose(const struct loops *l, uint32_t instance, uint32_t *proc, int32_t *fd);

/* Operations in flight of an instance: their number at now_ns, and its integral while accounting up to
 * then, of its direction. False where it is not known. */
bool loops__behind(const struct loops *l, uint32_t instance, uint64_t now_ns, uint64_t *integral_ns,
		   uint32_t *level);

/* Time of CPUs that the workload was allowed so far, while accounting, and has not used. */
uint64_t loops__unused(const struct loops *l);

/* Has this ring an operation that its submitter may be at right now: neither done, nor armed, nor given to a
 * worker? Also where that is not known. */
bool loops__ring_at_work(const struct loops *l, uint32_t instance);

/* Tasks and instances that were looked at beyond the one an event names: what the promise above is about. */
uint64_t loops__steps(const struct loops *l);

/* Rows of the instances whose process was counted, by id; malloc'd. window_start_ns: of the run. 0 or
 * -ENOMEM. */
int loops__take(struct loops *l, uint64_t window_start_ns, struct cpt_epoll_instance **rows,
		uint32_t *cnt);

#endif /* CPT_LOOPS_H */
