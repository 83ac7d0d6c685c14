/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * account_facts.h - where the CPU time went, why ready work did not run, and how long it waited.
 *
 * Owns:     the result types of accounts.h and latency.h, and the names of their items.
 * Must not: be used outside of analysis/ but through report.h.
 *
 * Both accounts sum exactly, in ns:
 *
 *   budget   integral of N_allowed = used + others + tracer + placement + quota + no_work + unknown
 *                                    + the sum of reason_ns
 *   demand   integral of Q         = cpus + mask + others + tracer + quota + placement + unknown
 *
 * What is exact. The totals, used, cpus, mask and quota of demand; and who held each CPU, as long as
 * none of its turns idle <-> other went unrecorded. Of turns between two changes of the workload's
 * state the trace holds sums only. A sum is charged exactly in the budget, since the workload's state
 * is one and the same meanwhile. In demand, what such a CPU adds for a task that may also use other
 * CPUs is taken in proportion, as if the CPUs' turns were independent: shared_ns says how much of
 * demand rests on that. The tracer's part is its CPU time as the kernel counts it, in proportion of
 * the foreign time on allowed CPUs to all foreign time; in demand with the same share of `others`. When it
 * used them is not known: a part of the run (--time) has of it what it has of the run's length.
 */
#ifndef CPT_ACCOUNT_FACTS_H
#define CPT_ACCOUNT_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "states.h"

/* Items of the budget beside the reasons. X(NAME, "name", "what it means") */
/* clang-format off */
#define CPT_BUDGET_ITEMS(X)                                                                        \
	X(USED, "used", "ran the workload")                                                        \
	X(OTHERS, "others", "ran other programs")                                                  \
	X(TRACER, "tracer", "ran this tracer")                                                     \
	X(PLACEMENT, "placement", "idle while a ready task was allowed there")                     \
	X(QUOTA, "quota", "idle while the CPU quota held tasks back")                              \
	X(IN_FLIGHT, "in_flight", "idle, operations of event loops under way")                     \
	X(NO_WORK, "no_work", "idle, nothing in progress")                                         \
	X(UNKNOWN, "unknown", "not watched, or events were lost")

#define CPT_DEMAND_ITEMS(X)                                                                        \
	X(CPUS, "cpus", "every CPU ran the workload")                                      \
	X(MASK, "mask", "its affinity mask: all its CPUs ran ours")                     \
	X(OTHERS, "others", "other programs held its CPUs")                      \
	X(TRACER, "tracer", "this tracer held its CPUs")                                               \
	X(QUOTA, "quota", "the CPU quota was used up")                                             \
	X(PLACEMENT, "placement", "a CPU it was allowed on was idle")                              \
	X(UNKNOWN, "unknown", "who held its CPUs is not known")

/* What a runnable stretch began with. */
#define CPT_READY_KINDS(X)                                                                         \
	X(WAKE, "after_wakeup", "woken")                                                           \
	X(PREEMPT, "after_preemption", "preempted or yielded")                                     \
	X(FIRST, "first_run", "born")                                                              \
	X(THROTTLED, "after_throttling", "held by its CPU quota")
/* clang-format on */

#define CPT_BUDGET_ENUM(name, str, text) CPT_BUDGET_##name,
#define CPT_DEMAND_ENUM(name, str, text) CPT_DEMAND_##name,
#define CPT_READY_ENUM(name, str, text)	 CPT_READY_##name,
enum cpt_budget_item { CPT_BUDGET_ITEMS(CPT_BUDGET_ENUM) CPT_BUDGET_CNT };
enum cpt_demand_item { CPT_DEMAND_ITEMS(CPT_DEMAND_ENUM) CPT_DEMAND_CNT };
enum cpt_ready_kind { CPT_READY_KINDS(CPT_READY_ENUM) CPT_READY_CNT };
#undef CPT_BUDGET_ENUM
#undef CPT_DEMAND_ENUM
#undef CPT_READY_ENUM

struct cpt_budget {
	uint64_t total_ns; /* integral of N_allowed */
	uint64_t item_ns[CPT_BUDGET_CNT];
	uint64_t reason_ns[CPT_REASON_CNT]; /* idle CPUs charged to what was waited for */
	/* Of used: while a sibling of its CPU ran other programs, for each such sibling. UINT64_MAX: no
	 * core has siblings. */
	uint64_t siblings_ns;
};

struct cpt_demand {
	uint64_t total_ns; /* integral of Q = sum of the threads' runnable */
	uint64_t item_ns[CPT_DEMAND_CNT];
	uint64_t shared_ns; /* of placement + others: told apart in proportion, see above */
};

/* Buckets: 8 steps to each doubling, so a bucket is at most 1/8 wide; below 16 ns one each. */
#define CPT_LATENCY_STEPS   8
#define CPT_LATENCY_BUCKETS (CPT_LATENCY_STEPS * 61)

/* Runnable stretches that ended in running, from ready to running. */
struct cpt_latency {
	uint64_t cnt, sum_ns, max_ns;
	uint64_t p50_ns, p99_ns; /* upper edge of the bucket, at most max_ns; 0 without stretches */
	uint64_t migrated;	 /* of cnt: began on another CPU than it had last */
	/* Stretches so short that they are the time a CPU needs to wake up and switch, not a choice
	 * of the scheduler's (CPT_LATENCY_SHORT_NS). */
	uint64_t short_cnt, short_ns;
	uint64_t bucket[CPT_LATENCY_BUCKETS];
};

#define CPT_LATENCY_SHORT_NS 100000

/* Smallest value of a bucket. */
uint64_t latency_bucket_from(uint32_t bucket);

const char *budget_name(enum cpt_budget_item item);
const char *budget_text(enum cpt_budget_item item);
const char *demand_name(enum cpt_demand_item item);
const char *demand_text(enum cpt_demand_item item);
const char *ready_name(enum cpt_ready_kind kind);
const char *ready_text(enum cpt_ready_kind kind);

#endif /* CPT_ACCOUNT_FACTS_H */
