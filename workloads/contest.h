/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A contest: some workers want one thing, and one of them at a time has it.
 *
 *      worker 0   == . . . ==== ~          == holds   . waits for its turn
 *      worker 1   . ==== ~ . . . ====       ~ lets the next in
 *      worker 2   . . . ==== ~ . . . .
 *
 * Each but the first is a moment later than the one before, so that they queue in order; a mode that
 * puts the odd ones on another CPU than the even ones has the next on a CPU where none holds.
 *
 * Owns:     the loop, what each worker measures around taking and holding, and the rows of truth that
 *           follow from it.
 * Must not: know what is taken.
 *
 * It lies in memory that processes share, so that workers may be threads of several.
 */
#ifndef WL_CONTEST_H
#define WL_CONTEST_H

#include <pthread.h>
#include <stdatomic.h>

#include "common.h"

#define CONTEST_WORKERS_MAX 64

/* Of the workers' CPU time, where stretches are long: see finish_contest(). */
#define LEAST_CPU	0.9
#define LEAST_CPU_SHORT 0.3 /* where the work is nothing but wake-ups */

struct contest;

struct contender {
	struct contest *contest;
	pthread_t thread;
	int index;
	int cpu; /* -1: wherever the scheduler likes */
	int fd;	 /* of a file it locks */
	int64_t start_ns, end_ns, cpu_ns, delay_ns;
	int64_t wait_ns; /* around taking: blocked, and the wake-up's delay with it */
	int64_t wait_cpu_ns, wait_delay_ns; /* of that on a CPU, and ready for one */
	int64_t longest_ns;
	int64_t waits;				     /* how often it gave up its CPU in that */
	int64_t times;				     /* how often it held */
	int64_t hold_ns, hold_cpu_ns, hold_delay_ns; /* by the clock, on a CPU, ready for one */
};

struct contest {
	struct wl_run *run;
	void (*take)(struct contender *c);
	void (*hold)(struct contender *c);
	void (*give)(struct contender *c);
	int64_t worker_cnt;
	bool first_counts; /* only the first worker's holds are items: it holds, the others want */
	pthread_barrier_t gate;
	_Atomic int64_t items; /* left to do: once each, by who holds */
	_Atomic int64_t turn;  /* how often it was taken so far */
	_Atomic int64_t done_ns;
	atomic_int inside, overlaps, shared_by; /* shared_by: how many may hold at once, 1 if 0 */
	struct contender workers[CONTEST_WORKERS_MAX];
};

/* A contest of worker_cnt workers over items holds; take, hold and give are for the mode to fill in. */
struct contest *make_contest(struct wl_run *run, int64_t worker_cnt, int64_t items);

/* The odd workers on another CPU than the even ones, where there are two. */
void spread_contenders(struct contest *c);

/* One worker, from start to end: a thread's body. */
void *contend(void *contender);

/* Starts workers from to to - 1 as threads, and joins them. */
void run_contenders(struct contest *c, int64_t from, int64_t to);

/* Sums over the workers; the span of the truth is set from the moment all were there to the last
 * hold's end. */
struct contender contest_totals(struct contest *c);

/*
 * What a tracer has to say of a wait for it: reason, in threads[name=worker], the lock's row by its
 * symbol (NULL: it has none), with the workload's own figures. Also the facts.
 */
void expect_contest(struct contest *c, const char *state, const char *reason, const char *symbol,
		    const char *kind);

/* threads and processes that took part, their CPU time (of the kernel's account at least that share is
 * found); to be called last. */
void finish_contest(struct contest *c, double threads, double processes, double least_cpu);

#endif
