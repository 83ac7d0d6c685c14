/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lanes.h - who did what when, in columns: what timelines are drawn from.
 *
 * Owns:     which threads and CPUs have a lane, the columns' borders, the time each state has in each.
 * Must not: draw.
 *
 *                  | column 0 | column 1 | column 2 |
 *      worker 1002   running 7  running 2   lock 10      every ns of a thread's life is in one column
 *                    lock 3     lock 8                   and one state; all columns sum to the report's
 *      CPU 0         busy 7     busy 2      busy 0       figures
 *
 * Two passes: the first tells the window and whose lane it is worth. Memory: lanes times columns.
 */
#ifndef CPT_LANES_H
#define CPT_LANES_H

#include "analyse.h"

#define LANES_COLS_MAX 4096
#define LANES_CPUS_MAX 64 /* lanes of CPUs; those that were run on first */

struct lane_cell {
	uint64_t ns[CPT_STATE_CNT];
	uint64_t lock_ns; /* of ns[CPT_STATE_WAITING]: for locks of whatever kind */
	uint64_t path_ns; /* of the critical path */
};

/* A thread's. */
struct lane {
	const struct cpt_thread *thread; /* of the report */
	struct lane_cell *cells;	 /* one per column */
};

struct lane_cpu {
	uint32_t cpu;
	uint64_t busy_ns;
	uint64_t *ns; /* one per column: of the workload */
};

struct lanes {
	const struct cpt_report *r; /* of both passes, the analysed's */
	uint64_t start_ns, span_ns; /* the window looked at */
	uint32_t cols;		    /* at most span_ns */
	struct lane *threads;	    /* in order of birth */
	uint32_t threads_cnt;
	uint32_t threads_left; /* that have none */
	struct lane_cpu
		*cpus; /* in their order; those it ran on, and idle ones where there are few */
	uint32_t cpus_cnt, cpus_left;

	/* private */
	uint32_t *lane_of; /* by number of the thread: 1 + its lane, 0 none */
	uint32_t ids;	   /* numbers below which lane_of has places */
	uint32_t *cpu_of;  /* by CPU: likewise */
	uint32_t cpu_ids;
	int err;
};

/* Both passes over the trace that a has opened, with opts' filter; the report is left in a. At most `top`
 * threads, those that had most in progress. 0, or -errno after having said why; free it in any case. */
int lanes__make(struct lanes *l, struct analysed *a, const char *path,
		const struct cpt_analysis_opts *opts, uint32_t cols, uint32_t top);
void lanes__free(struct lanes *l);

/* Start of a column, relative to the window; cols: its end. */
uint64_t lanes__col_ns(const struct lanes *l, uint32_t col);

/* C, or R, on average over a column: by the report's bins, which may be wider than it. */
double lanes__level(const struct lanes *l, uint32_t col, bool in_progress);

#endif /* CPT_LANES_H */
