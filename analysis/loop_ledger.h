/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop_ledger.h - one account per event loop: what its thread does between two waits, and in them.
 *
 * Owns:     the times of loops (thread and instance), what is a stall, what a dispatch.
 * Must not: classify waits (analysis_wait.c says which is a loop's own), follow operations (loops.h does).
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
#include "loops.h"
#include "sysno.h"
#include "tasks.h"

struct loop_ledger;
struct task_loop; /* of a thread that waited for events; owned by the ledger, see task.loop */

/* flights: instances, and what they have in flight; opts: who wants to hear of turns; borrowed. NULL with
 * errno. */
struct loop_ledger *loop_ledger__new(const struct loops *flights,
				     const struct cpt_analysis_opts *opts);
void loop_ledger__free(struct loop_ledger *ll); /* accepts NULL */

/* t, on a CPU so far, is about to block (or was woken on the way to it), for this reason. Only where the
 * reason is event_loop or t has been a loop. 0 or -ENOMEM. */
int loop_ledger__block(struct loop_ledger *ll, struct task *t, const struct cpt_wait *wait,
		       enum cpt_sys sys, enum cpt_reason reason, uint64_t now_ns);

/* LOOP_NEW, LOOP and LOOP_LOST, behind loops__feed(). A new instance ends what was known by its descriptor;
 * returns are counted also where the wait did not block, and show that their thread is a loop still. t:
 * the event's task, NULL not known. 0 or -ENOMEM. */
int loop_ledger__feed(struct loop_ledger *ll, const struct tasks *ts, struct task *t,
		      const struct cpt_event *ev, uint64_t now_ns);

/* t's state, or whether it is counted, has changed. Only for tasks with t->loop. */
void loop_ledger__update(struct loop_ledger *ll, struct task *t, uint64_t now_ns);

/* t executes another program: what it does from here on is no loop's. */
void loop_ledger__stop(struct loop_ledger *ll, struct task *t, uint64_t now_ns);

/* The facts; ends the accounts at now_ns. out is zeroed; what hangs on it is the caller's also on
 * failure. 0 or -ENOMEM. */
int loop_ledger__take(struct loop_ledger *ll, uint64_t now_ns, struct cpt_loops *out);

#endif /* CPT_LOOP_LEDGER_H */
