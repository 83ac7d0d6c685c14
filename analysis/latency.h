/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * latency.h - how long ready tasks waited for a CPU: histograms of runnable stretches.
 *
 * Owns:     buckets and percentiles of struct cpt_latency.
 * Must not: know tasks.
 *
 * Private to analysis/.
 */
#ifndef CPT_LATENCY_H
#define CPT_LATENCY_H

#include "account_facts.h"

/* One stretch of ns ended in running; migrated: on another CPU than the task was on last. */
static inline void latency__add(struct cpt_latency *l, uint64_t ns, bool migrated)
{
	const uint32_t log2 = ns ? 63 - (uint32_t)__builtin_clzll(ns) : 0;
	const uint32_t bucket =
		ns < 2 * CPT_LATENCY_STEPS
			? (uint32_t)ns
			: (log2 - 2) * CPT_LATENCY_STEPS +
				  (uint32_t)(ns >> (log2 - 3) & (CPT_LATENCY_STEPS - 1));

	l->bucket[bucket]++;
	l->cnt++;
	l->sum_ns += ns;
	l->migrated += migrated;
	if (ns > l->max_ns)
		l->max_ns = ns;
	if (ns <= CPT_LATENCY_SHORT_NS) {
		l->short_cnt++;
		l->short_ns += ns;
	}
}

/* Fills in the percentiles. */
void latency__finish(struct cpt_latency *l);

#endif /* CPT_LATENCY_H */
