/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bounds_facts.h - between what the true figures lie, whatever it was that got lost.
 *
 * Owns:     the pairs that stand beside the report's headline figures.
 * Must not: be guesses: whatever could have happened in what is missing has its figure inside.
 *
 * How they come about: bounds.h.
 */
#ifndef CPT_BOUNDS_FACTS_H
#define CPT_BOUNDS_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "account_facts.h"

struct cpt_ns_bounds {
	uint64_t low,
		high; /* ns of the window, both included; high UINT64_MAX: nothing limits it */
};

struct cpt_real_bounds {
	double low, high; /* both included; high INFINITY: nothing limits it */
};

/* Of [UNKNOWN] both are 0: the truth has no such item. */
struct cpt_budget_bounds {
	struct cpt_ns_bounds total_ns, item_ns[CPT_BUDGET_CNT], reason_ns[CPT_REASON_CNT];
};

struct cpt_demand_bounds {
	struct cpt_ns_bounds total_ns, item_ns[CPT_DEMAND_CNT];
};

struct cpt_bounds {
	bool open; /* some pair is more than its figure twice: something was lost that matters */
	struct cpt_ns_bounds window_ns;
	struct cpt_ns_bounds cpu_time_ns;
	struct cpt_ns_bounds class_ns[CPT_CLASS_CNT]; /* [UNKNOWN]: no class of the truth, 0 */
	struct cpt_ns_bounds split_ns[CPT_SPLIT_CNT]; /* likewise */
	struct cpt_real_bounds parallel_average, tlp, efficiency, concurrent_average;
	/* CPU time and parallel time of any bins of a grid are at most what is told of them and their `more` and
	 * `may_parallel_ns`: the window is certain, and all of the workload was looked at. */
	bool by_bins;
	struct cpt_ns_bounds *profile_ns; /* by number of CPUs that run ours; owned */
	uint32_t profile_cnt;
	bool accounts_open; /* something was lost, and some pair of these is more than its figure twice */
	struct cpt_budget_bounds budget;
	struct cpt_demand_bounds demand;
};

#endif /* CPT_BOUNDS_FACTS_H */
