/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop_ledger_facts.h - what a report says of event loops as threads run them.
 *
 * Owns:     the result types; part of report.h, which includes it.
 * Must not: contain words for people; know of operations in flight more than what stalls held up.
 *
 * A loop here is a thread and what it waits on for events: an epoll instance, a set of descriptors
 * (poll, select), a ring of io_uring. Several threads on one instance are several loops. Its life
 * begins with its first wait and ends when its last one returns; what a thread does later is no part
 * of it. Of a thread with several instances each ns belongs to the one it waited on last, so the lives
 * of its loops add up:
 *
 *	 epoll_wait(5)        dispatching            epoll_wait(7)     epoll_wait(5)
 *	|-- waiting --|woken| on CPU |blocked| on CPU |- waiting -| … |- waiting -|
 *	|<----------------- life of (thread, 5) ----->|<- (thread, 7) ->|<- (thread, 5)
 */
#ifndef CPT_LOOP_LEDGER_FACTS_H
#define CPT_LOOP_LEDGER_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "states.h"

/* What a loop waits on. X(NAME, "name") */
#define CPT_LOOP_KINDS(X) X(EPOLL, "epoll") X(POLL, "poll") X(RING, "io_uring")

#define CPT_LOOP_KIND_ENUM(name, str) CPT_LOOP_KIND_##name,
enum cpt_loop_kind { CPT_LOOP_KINDS(CPT_LOOP_KIND_ENUM) CPT_LOOP_KIND_CNT };
#undef CPT_LOOP_KIND_ENUM

const char *loop_kind_name(enum cpt_loop_kind kind);

/* Kinds of stalls told apart for a loop; the least of more are one, `rest`. */
#define CPT_LOOP_STALLS 16

/* All stalls of one loop in the same call for the same reason: blocked while it should dispatch. */
struct cpt_stall {
	uint16_t sysno; /* CPT_SYSNO_* or a number of the trace's machine */
	uint8_t reason; /* enum cpt_reason */
	uint8_t object; /* CPT_FD_*, CPT_FUTEX_* as in struct cpt_wait */
	bool rest;	/* stands for kinds that found no place: none of the three above */
	uint64_t cnt;
	uint64_t total_ns;
	uint64_t longest_ns;
	uint64_t longest_at_ns; /* CLOCK_MONOTONIC, its start inside the window */
	uint64_t longest_arg0;	/* its first argument: descriptor, address of a futex */
	/* Its stacks (stacks.h), 0 none: where it was called from. Only with --stacks. */
	uint32_t longest_user, longest_kernel;
	/* What it cost others: operations in flight behind it, integrated over it. Where the loop's
	 * `flight_known` is not set: of those of them of which it is known, as the three below. */
	uint64_t delay_ns;
	uint32_t held_up; /* most operations in flight during one of them */
	/* Of total_ns: those with operations in flight, and CPU time that the workload was allowed and did
	 * not use meanwhile. */
	uint64_t behind_ns, unused_ns;
};

/*
 * Exactly, inside window and filter:
 *
 *	life_ns    = waiting_ns + on_cpu_ns + runnable_ns + blocked_ns + unknown_ns
 *	blocked_ns = sum of the stalls' total_ns
 */
struct cpt_loop {
	uint32_t id; /* of the thread */
	uint8_t kind;
	bool rest;	   /* stands for all instances of a thread that has too many */
	int32_t fd;	   /* EPOLL, RING: the descriptor waited on; else -1 */
	uint32_t instance; /* number of the epoll instance in the trace, 0 not known */
	uint64_t life_ns;
	uint64_t waiting_ns;
	uint64_t on_cpu_ns;
	uint64_t runnable_ns; /* wanted a CPU and had none, */
	uint64_t woken_ns; /* of that: events were there, it had not yet returned from its wait */
	uint64_t blocked_ns;
	uint64_t unknown_ns;
	uint64_t
		elsewhere_ns; /* not in life: its thread was in another loop of its own meanwhile */
	uint64_t not_back_ns; /* not in life: behind its last return, until it ended or all did */
	uint64_t waits;	      /* begun, that blocked */
	/* Returns that were seen; without records of returns (`iterations_least`) those that blocked. */
	uint64_t iterations;
	uint64_t events; /* descriptors these reported; 0 without such records */
	uint32_t batch_max;
	bool iterations_least;
	bool flight_known;
	/* From a return to the next wait: to the next that blocks where iterations_least. */
	uint64_t dispatches, dispatch_ns; /* whole ones, and their sum */
	uint64_t dispatch_p50_ns, dispatch_p99_ns, dispatch_max_ns;
	struct cpt_stall *stalls; /* owned; most delay first, then longest in all */
	uint32_t stalls_cnt;
};

/* Loops of the same kind whose threads have one name (digits at its end apart). */
struct cpt_loop_pool {
	uint32_t first; /* its first loop: index into the loops */
	uint32_t loops;
	uint64_t on_cpu_ns;  /* in all */
	uint64_t busiest_ns; /* of the one that ran longest */
	uint64_t least_ns;
	double imbalance; /* busiest / average; 1: even; 0 where none ran */
	/* Some may have gone on behind their last return: without records of returns a loop that always
	 * has events looks like one that has stopped. */
	bool doubtful;
};

/* Work handed from a loop to threads that are none, and back: by wake-ups seen, a lower bound. */
struct cpt_offload {
	uint32_t id;	    /* of the loop's thread */
	uint32_t workers;   /* threads it woke from waiting for work, and such that woke it */
	uint32_t answering; /* of those: that woke it */
	uint32_t example;   /* number of the worker woken most often */
	uint64_t handed;    /* wake-ups of workers */
	uint64_t returned;  /* wake-ups of the loop by threads that are none */
	uint64_t to_loops;  /* wake-ups of other loops of the workload */
	uint64_t workers_on_cpu_ns;
};

#define CPT_LOOP_LEVELS 64 /* the last level stands for that many or more */

struct cpt_loops {
	struct cpt_loop *tab; /* by thread, kind, descriptor */
	uint32_t cnt;
	uint32_t untold; /* loops that found no place in the table */
	/* Time in which at least one thread was a loop = sum of level_ns + level_unknown_ns; level_ns[k]:
	 * exactly k of them ran on a CPU at once, dispatching. */
	uint64_t with_loops_ns;
	uint64_t level_ns[CPT_LOOP_LEVELS];
	uint64_t level_unknown_ns; /* events were lost */
	uint32_t level_cnt;	   /* entries of level_ns: highest that is not 0, plus 1 */
	uint32_t peak;		   /* threads that were loops at once */
	struct cpt_loop_pool *pools;
	uint32_t pools_cnt;
	struct cpt_offload *offloads;
	uint32_t offloads_cnt;
};

static inline uint64_t loop_dispatching_ns(const struct cpt_loop *l)
{
	return l->life_ns - l->waiting_ns;
}

/* Of its life: what is known of it, for while events were lost it may have done anything. */
static inline uint64_t loop_known_ns(const struct cpt_loop *l)
{
	return l->life_ns - l->unknown_ns;
}

/* Share of that on a CPU; and what Node calls event loop utilisation: all but the time in the wait, which
 * lasts until the thread runs again. The second counts handlers that block, the first does not. */
double loop_on_cpu(const struct cpt_loop *l);
double loop_utilisation(const struct cpt_loop *l);

/* Events of an average return, and what one of them took: an average dispatch over that batch. 0: not known. */
double loop_batch(const struct cpt_loop *l);
uint64_t loop_service_ns(const struct cpt_loop *l);

void cpt_loops__free(struct cpt_loops *loops); /* what hangs on it; zeroed is fine */

#endif /* CPT_LOOP_LEDGER_FACTS_H */
