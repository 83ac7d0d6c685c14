/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * grid_facts.h - the run cut into bins of one width: what happened in each, by thread and by CPU.
 *
 * Owns:     the result types of grid.h; part of report.h, which includes it.
 * Must not: contain words for people.
 *
 *            bin 0       bin 1       bin 2            last bin: may be shorter
 *   time   |-----------|-----------|-----------|--- … |----|
 *   ledger   sums        sums        sums               each instant is in exactly one bin
 *   thread   sums of its states in each
 *   path     who is on the critical path where a bin ends, just before the border
 *
 * All values are ns, or integrals of a count over ns; so those of neighbouring bins add up, and what
 * bins [a, b) add up to are the figures of the run looked at from the start of a to the start of b.
 */
#ifndef CPT_GRID_FACTS_H
#define CPT_GRID_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "account_facts.h"
#include "states.h"

#ifndef CPT_GRID_BINS_MAX /* fuzz targets by libFuzzer have fewer: more inputs in the time */
#define CPT_GRID_BINS_MAX 4096
#endif
#define CPT_GRID_THREADS_MAX 64
#define CPT_GRID_LEVELS	     65	  /* of C told apart: 0 to 63, and 64 or more */
#define CPT_GRID_TRAIL_MAX   2048 /* the path is followed through tasks with numbers below this */
#define CPT_GRID_FLIGHTS_MAX 16	  /* epoll instances with a row of their own */
#define CPT_GRID_PART_BITS   20	  /* of fraction, in struct cpt_grid_fixed */
#define CPT_GRID_LOCKS_MAX   32	  /* locks with rows of their own */

/* Rows of a thread: what it did. */
enum cpt_grid_row {
	CPT_GRID_RUNNING,
	CPT_GRID_RUNNABLE,
	CPT_GRID_UNKNOWN,
	CPT_GRID_REASON_FIRST,
	CPT_GRID_ROWS = CPT_GRID_REASON_FIRST + CPT_REASON_CNT
};

/* What is wanted: see struct cpt_analysis_opts. */
struct cpt_grid_opts {
	uint64_t bin_ns;     /* more than CPT_GRID_BINS_MAX of them end the pass with -E2BIG */
	const uint32_t *ids; /* numbers of the threads wanted; borrowed during analysis__new() */
	uint32_t ids_cnt;    /* at most CPT_GRID_THREADS_MAX */
	const struct cpt_grid_way *ways; /* likewise, of epoll instances */
	uint32_t ways_cnt;		 /* at most CPT_GRID_FLIGHTS_MAX */
	const uint32_t *locks;		 /* likewise, numbers of locks: struct cpt_lock.id */
	uint32_t locks_cnt;		 /* at most CPT_GRID_LOCKS_MAX */
	uint32_t tile;			 /* bins that have one overlap matrix; 0: none wanted */
};

/* Operations of an instance that go one way. */
struct cpt_grid_way {
	uint32_t instance; /* as struct cpt_epoll_instance has it */
	bool outbound;
};

struct cpt_grid_bin {
	uint64_t span_ns;
	uint64_t split_ns[CPT_SPLIT_CNT];
	uint64_t running, runnable, waiting, in_flight; /* integrals of R, Q, W, A */
	uint64_t allowed;				/* integral of N_allowed */
	uint64_t more,
		may_parallel_ns; /* as struct cpt_step has them; bounds: cpt_bounds.by_bins */
	uint64_t reason_ns[CPT_REASON_CNT]; /* sums over all threads */
	uint32_t path_id; /* thread on the critical path where it ends, 0 not known */
};

struct cpt_grid_thread {
	uint32_t id;
	uint64_t *row[CPT_GRID_ROWS]; /* by bin; NULL: never in that state */
	/* Its box in the bottle graph, by bin; NULL: never ran. height_ns is the sum of T / R, width the integral of R,
	 * both while it ran. */
	uint64_t *parallel_ns, *width;
	double *height_ns;
};

struct cpt_grid_cpu {
	uint64_t *running_ns; /* by bin: of the workload; NULL: never */
	/* By bin: which of `threads` was on it longest, plus 1; 0 none, or one that is not among them. */
	uint8_t *longest;
};

/* ns + part / 2^CPT_GRID_PART_BITS. */
struct cpt_grid_fixed {
	uint64_t ns;
	uint32_t part;
};

/*
 * What the accounts of a bin are made of. With the sums over some bins, as acct_sums__round() does it:
 *
 *   budget   item and reason rounded to what `allowed - running` sums to, the largest remainders up (counted
 *            to 2^-16 ns, the first of equal ones); then used = running, and the tracer apart from others
 *   demand   cpus, mask, quota as here; placement = idle_ns; others = open_ns - doubt_ns, of which the tracer
 *            has the same share; unknown = here + doubt_ns - idle_ns
 *
 * Equal to the report of that span, to the ns, but for what account_facts.h calls told in proportion, and
 * for a CPU whose records are missing: it stays unknown to the next record, whatever bin that is in.
 */
struct cpt_grid_account {
	struct cpt_grid_fixed
		item[CPT_BUDGET_CNT]; /* CPUs without ours; others include the tracer */
	struct cpt_grid_fixed reason[CPT_REASON_CNT];
	struct cpt_grid_fixed foreign; /* others on CPUs, allowed or not */
	uint64_t demand_ns[CPT_DEMAND_CNT];
	uint64_t open_ns;  /* demand while some allowed CPU did not run ours */
	uint64_t idle_ns;  /* of it: one idled */
	uint64_t doubt_ns; /* of it: one idled, or may have */
};

struct cpt_grid_flight {
	struct cpt_grid_way way;
	uint64_t *level_ns; /* by bin: integral of L while it is known; NULL: always 0 */
	uint64_t *
		known_ns; /* by bin: how long that was, as span_ns - unknown_ns of the instance's row */
};

/*
 * Waits for a lock. Of bins [a, b): waits that began there and those that were open at the start of a are what
 * `waits` of the report counts; different waiters are the bits of all bins together, and more if `others` is set.
 * Who holds it is not told by bins: what comes after a span tells of it, too.
 */
struct cpt_grid_lock {
	uint32_t id; /* as struct cpt_lock has it */
	/* By bin. */
	uint32_t *waits;      /* began */
	uint32_t *open;	      /* were there when it began */
	uint64_t *blocked_ns; /* until the wake, summed over waiters */
	uint64_t *waiters;    /* bit i: threads[i] had a wait there */
	uint8_t *others;      /* 1: another one had */
};

/* For how long threads of two names ran together in a tile. */
struct cpt_grid_together {
	uint64_t ns;
	uint32_t pair; /* cpt_grid_pair() of the names' places in the report's overlap matrix */
};

/* Those that did, pairs rise. */
struct cpt_grid_tile {
	struct cpt_grid_together *tab;
	uint32_t cnt;
};

static inline uint32_t cpt_grid_pair(uint32_t g, uint32_t h)
{
	return g < h ? h * (h + 1) / 2 + g : g * (g + 1) / 2 + h;
}

static inline uint64_t cpt_grid_together_ns(const struct cpt_grid_tile *tile, uint32_t pair)
{
	uint32_t from = 0, to = tile->cnt;

	while (from < to) {
		const uint32_t mid = from + (to - from) / 2;

		if (tile->tab[mid].pair == pair)
			return tile->tab[mid].ns;
		if (tile->tab[mid].pair < pair)
			from = mid + 1;
		else
			to = mid;
	}
	return 0;
}

struct cpt_grid {
	uint64_t bin_ns;
	uint32_t bins_cnt;
	struct cpt_grid_bin *bins;
	uint32_t parallel_cnt;	 /* levels of R: 0 to the number of CPUs */
	uint64_t *parallel_ns;	 /* [bin * parallel_cnt + R] */
	uint64_t *concurrent_ns; /* [bin * CPT_GRID_LEVELS + C] */
	uint32_t threads_cnt;
	struct cpt_grid_thread threads[CPT_GRID_THREADS_MAX];
	uint32_t cpus_cnt;
	struct cpt_grid_cpu *cpus;
	uint32_t flights_cnt;
	struct cpt_grid_flight flights[CPT_GRID_FLIGHTS_MAX];
	uint32_t locks_cnt;
	struct cpt_grid_lock locks[CPT_GRID_LOCKS_MAX];
	uint32_t tile; /* bins; the last tile may have less */
	uint32_t tiles_cnt;
	struct cpt_grid_tile *tiles;
	struct cpt_grid_account *accounts; /* by bin; NULL: too many sets of CPUs to tell apart */
};

void cpt_grid__free(struct cpt_grid *g); /* accepts NULL; frees g itself */

#endif /* CPT_GRID_FACTS_H */
