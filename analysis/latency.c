// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * latency.c - see latency.h.
 *
 *   bucket   0 .. 15        16 .. 23                    24 .. 31
 *   from     0 .. 15 ns     16, 18, .. 30 (step 2)      32, 36, .. 60 (step 4)      and so on
 */
#include "latency.h"

uint64_t latency_bucket_from(uint32_t bucket)
{
	const uint32_t octave = bucket / CPT_LATENCY_STEPS;

	if (octave < 2)
		return bucket;
	return (uint64_t)(CPT_LATENCY_STEPS + bucket % CPT_LATENCY_STEPS) << (octave - 1);
}

/* The smallest upper edge below which at least `per_mille` of the stretches lie. */
static uint64_t percentile(const struct cpt_latency *l, uint64_t per_mille)
{
	const uint64_t want = l->cnt - l->cnt * (1000 - per_mille) / 1000;
	uint64_t seen = 0;

	for (uint32_t i = 0; i + 1 < CPT_LATENCY_BUCKETS; i++) {
		seen += l->bucket[i];
		if (seen >= want && seen) {
			const uint64_t edge = latency_bucket_from(i + 1) - 1;

			return edge < l->max_ns ? edge : l->max_ns;
		}
	}
	return l->max_ns;
}

void latency__finish(struct cpt_latency *l)
{
	if (!l->cnt)
		return;
	l->p50_ns = percentile(l, 500);
	l->p99_ns = percentile(l, 990);
}
