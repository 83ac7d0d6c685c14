/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * path.h - what led to what: the critical path of the run, and its span.
 *
 * Owns:     for each task the chain that led to its present moment and the longest chain of on-CPU
 *           time behind it; both move on with timeline.h's clock.
 * Must not: know events, or decide who woke whom (analysis_step.h does).
 *
 * The chain of a task covers [start of accounting, now] without gaps or overlaps. It grows by what its
 * task does; when a task that waited is woken by a task of the workload, its chain becomes that one's,
 * for what the waker did is why the wait lasted as long as it did:
 *
 *      main    ##### creates A ...... joins A, waits ................###|  end
 *      A            ########### ~~ timer ~~ ####### wakes B ####|ends: wakes main
 *                        \                             ^ B's wait drops out of its chain
 *      path    #####(A)########(A waits: sleep)(A)##############(main)###|
 *
 * A wait that an interrupt or a task outside ended stays in the chain as itself, so do stretches in
 * which a task was ready and no CPU ran it. A birth takes the creator's chain. The chain of the task
 * that ended last is the critical path: its length is the window's, exactly. (Yang and Miller, "Critical
 * path analysis for the execution of parallel and distributed programs", ICDCS'88; Boehme et al.,
 * "Scalable critical-path based performance analysis", IPDPS'12, who walk it backwards through a trace.)
 * It says what this run's length was made of. To shorten something on it helps at most until another
 * chain is the longest; to shorten what is not on it does not help.
 *
 * Chains share their past. They form a tree whose nodes hold sums (chain_sum.h); a task only remembers
 * its sums at the moment its chain began to be its own. A node nobody else hangs on is merged into its
 * only child, so there are at most two nodes for each live task, however long the run:
 *
 *          root --- sum ---+--- sum ---+--- A's own since          A wakes B: B leaves its node, A's own
 *                          |           +--- B's own since          becomes a node, both hang on it
 *                          +--- C's own since
 *
 * A wake-up moves one or two items between small tables; switches cost nothing. Where the path ran when
 * is not kept: segments in time would not be bounded by the number of tasks.
 *
 * Span, T-infinity: the longest chain of on-CPU time in which each piece depends on the one before: by
 * being of one thread, by a birth, or by a wake-up that ended a wait. Waits cost nothing. (Cilkview: He,
 * Leiserson, Leiserson, "The Cilkview scalability analyzer", SPAA'10; work T1 is all CPU time.)
 *
 *      s(wakee) = max(s(wakee), s(waker) at the wake-up)      what the waker does later is not in it
 *      a running task's s grows with its time on a CPU
 *
 * A mutex orders those who hold it, whether a wake-up says so or not: one that finds it free comes after the
 * one that let it go before. That it holds it is seen where a waiter finds it in the lock's word, and where it
 * wakes the next; from there on it is behind all who were seen to let go earlier (locks.c):
 *
 *      A   ####holds####| wakes X                           s(C) = max(s(C), s(A) when A let go)
 *      C   .............. |#holds#########|                    at the instant X finds C in the word
 *      X   ~~~~~~~~~~~~~~~|~~~~ blocks again: C has it
 *
 * What it means, and what not:
 *  - It holds for these threads and for the order in which locks and queues served them: a lock's release
 *    that wakes the next one orders the two, though another order might have done. 100 independent tiles
 *    in a pool of two threads give T1/T-infinity = 2, not 100: each thread does its 50 one after another.
 *  - Only wake-ups that ended a wait (or caught a task about to) are seen. Data that was there before it
 *    was asked for, polling and spinning leave no wake-up: then the true span is longer. So T1/T-infinity
 *    and window/T-infinity are upper bounds, also where events were lost: what is unseen lowers them.
 *  - Interrupts are no dependencies: `current` is only the task they hit (CPT_CTX_SOFTIRQ, _HARDIRQ).
 *  - At a barrier all wait for all, but only the last to arrive wakes anyone. A wake-up from a barrier
 *    counts both ways: the waker goes on only since the woken had arrived, too.
 *
 * Private to analysis/.
 */
#ifndef CPT_PATH_H
#define CPT_PATH_H

#include "chain_sum.h"
#include "tasks.h"

struct timeline;

/* A branching of chains, or a stretch before one; a cache line. Most hold one task's stretch and no
 * more: that item is kept in the node. */
struct path_node {
	uint32_t parent; /* node; free ones: the next free one */
	uint32_t refs;	 /* tasks and nodes that hang on it */
	uint32_t kids;	 /* XOR of those: a task's number, or a node's with PATH_IS_NODE */
	uint32_t key;	 /* of the first item, as in chain_sum.h; 0 none */
	uint64_t ns[CHAIN_SUMS];
	struct chain_sum sum; /* all others; may hold the first one's key, too */
};

#define PATH_IS_NODE 0x80000000u
#define PATH_ROOT    1u /* empty, and never merged */

struct path {
	const struct timeline *tl;
	struct path_node *nodes; /* [0] is none */
	uint32_t node_cnt, node_cap, node_free;
	uint64_t span_ns;     /* longest of the tasks that left the counts */
	uint32_t ended;	      /* task that ended last: its chain is kept; 0 none */
	uint32_t end_id;      /* task whose chain is the path, 0 none */
	uint32_t paused;      /* likewise, should accounting not go on; 0: it does */
	struct chain_sum sum; /* the path's, once closed */
	int err;	      /* -ENOMEM or on_follow's, sticky */
};

/* tl is borrowed; it tells the time and the names of groups. 0 or -ENOMEM. */
int path__init(struct path *p, const struct timeline *tl);
void path__fini(struct path *p);

/* The task joins the counts (before it is marked as having lived), or leaves them. For timeline.c. */
void path__enter(struct path *p, struct task *t);
void path__leave(struct path *p, struct task *t);

/* The task, which was waiting until now or is just born, goes on because of what waker has done; both are
 * counted. barrier: each had waited for the other. */
void path__follow(struct path *p, struct task *t, struct task *waker, bool barrier);

/* Likewise for a task that was caught before it left its CPU: an order, but no wait to be explained. */
void path__order(struct path *p, struct task *t, const struct task *waker);

/* Longest chain of on-CPU time behind the counted task, now; and it is behind one as long as that. */
uint64_t path__span(const struct path *p, const struct task *t);
void path__behind(const struct path *p, struct task *t, uint64_t span_ns);

/* The counted task ends now; to be called before it leaves the counts. */
void path__end(struct path *p, struct task *t);

/* Accounting ends now; all that is live still counts. Chooses the path: of the task that ended last, if
 * now; else of a live one: the first that runs, or the one whose state changed last; else of the one that
 * left last, and the rest of the window is without a task. */
void path__close(struct path *p, const struct tasks *tasks);

/* Accounting pauses, or goes on where it paused; no time passes between. What was live at the pause is what
 * path__close() chooses from if it stays the end. */
void path__pause(struct path *p, const struct tasks *tasks);
void path__resume(struct path *p);

/* The counted task's wait ends now (or comes to a stop: asked again it takes up from there), and stays in
 * its chain. To be called while it is still blocked. */
void path__keep_wait(struct path *p, struct task *t);

/* The facts, once closed (if accounting never opened all is 0). names and threads are the caller's to free,
 * also on failure. 0 or -ENOMEM. */
int path__facts(const struct path *p, const struct tasks *tasks, struct cpt_path *out,
		struct cpt_work_span *ws);

#endif /* CPT_PATH_H */
