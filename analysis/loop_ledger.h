/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop_ledger.h - one account per event loop: what its thread does between two waits, and in them.
 *
 * Owns:     the table of loops (thread and instance), their times, stalls and dispatches.
 * Must not: classify waits (analysis.c says which is a loop's own), follow operations (loops.h does).
 *
 * A thread is a loop from its first wait for events on. Its state is followed as the timeline does:
 *
 *	blocked in its wait   woken, no CPU   on a CPU   blocked elsewhere   no CPU   its next wait
 *	------ WAITING ------|--- WOKEN ----|- RUNNING -|----- STALLED -----|- READY -|-- WAITING …
 *	                      ends the wait  |<----------- pending ------------------>|
 *
 * What comes behind a wait is a loop's only if the thread waits again: it is pending until then. A
 * thread that ends, or execs, or lives on without waiting again was a loop up to its last return. The
 * times counted are those in which the timeline counts the thread; whether it is a loop is followed
 * outside of them as well.
 *
 * Memory: O(loops), at most LOOPS_MAX, at most LOOPS_OF_THREAD of one thread (more are one, `rest`).
 *
 * Private to analysis/.
 */
#ifndef CPT_LOOP_LEDGER_H
#define CPT_LOOP_LEDGER_H

#include "loop_levels.h"
#include "sysno.h"
#include "tasks.h"

#define LOOPS_MAX	4096u
#define LOOPS_OF_THREAD 64u

struct loop_ledger;
struct task_loop; /* of a thread that waited for events; owned by the ledger, see task.loop */

/* Operations in flight that a loop's thread holds up while it is blocked: its integral up to now, and
 * the count at now. Returns false where that is not known. */
struct loop_flight {
	bool (*read)(void *ctx, const struct task *t, uint32_t instance, uint64_t *integral_ns,
		     uint32_t *now);
	void *ctx;
};

/* NULL with errno. */
struct loop_ledger *loop_ledger__new(void);
void loop_ledger__free(struct loop_ledger *ll); /* accepts NULL */

/* Who is asked for operations in flight; without one that is not known. */
void loop_ledger__set_flight(struct loop_ledger *ll, const struct loop_flight *flight);

/* t, on a CPU so far, is about to block (or was woken on the way to it), for this reason. Only where the
 * reason is event_loop or t has been a loop. 0 or -ENOMEM. */
int loop_ledger__block(struct loop_ledger *ll, struct task *t, const struct cpt_wait *wait,
		       enum cpt_sys sys, enum cpt_reason reason, uint64_t now_ns);

/* t's wait on an instance returned, with so many descriptors; seen by the probe of returns, also where it
 * did not block. fd: of the instance. 0 or -ENOMEM. */
int loop_ledger__returned(struct loop_ledger *ll, struct task *t, uint32_t instance, int32_t fd,
			  uint32_t batch, uint64_t now_ns);

/* A new instance got this descriptor in process proc: what was known by that number is over. */
void loop_ledger__new_instance(struct loop_ledger *ll, const struct tasks *ts, uint32_t proc,
			       int32_t fd, uint32_t instance, uint64_t now_ns);

/* t's state, or whether it is counted, has changed. Only for tasks with t->loop. */
void loop_ledger__update(struct loop_ledger *ll, struct task *t, uint64_t now_ns);

/* t executes another program: what it does from here on is no loop's. */
void loop_ledger__stop(struct loop_ledger *ll, struct task *t, uint64_t now_ns);

/* The facts; ends the accounts at now_ns. out is zeroed; what hangs on it is the caller's also on
 * failure. 0 or -ENOMEM. */
int loop_ledger__take(struct loop_ledger *ll, uint64_t now_ns, struct cpt_loops *out);

#endif /* CPT_LOOP_LEDGER_H */
