/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * latencies.h - how long the operations of epoll instances took.
 *
 * Owns:     the buckets of the histograms, the bytes of LATENCIES sections, percentiles.
 * Must not: do I/O.
 *
 * Bucket b < 32 holds b ns; above, each doubling has 32 buckets of one width: a bucket is at most 1/32
 * of its value wide. The probes count by the same rule (loops.bpf.h).
 */
#ifndef CPT_LATENCIES_H
#define CPT_LATENCIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../probes/cpt_abi.h"

struct cpt_latency_facts {
	uint64_t cnt, max_ns, p50_ns,
		p99_ns; /* percentiles: middle of the bucket, at most max_ns */
};

/* Instances and their facts, as read. */
struct cpt_latencies;

/* apart: inbound and outbound ones were kept apart (format 1.3 on); else those of inbound payloads are of the
 * instance, whichever way its operations go. NULL without memory. */
struct cpt_latencies *latencies__new(bool apart);
void latencies__free(struct cpt_latencies *l); /* accepts NULL */

/* Of the instance's operations of one direction. All 0 where nothing is known of it. l may be NULL. */
struct cpt_latency_facts latencies__of(const struct cpt_latencies *l, uint32_t instance,
				       bool outbound);

/* Adds what a payload holds; numbers of instances rise, over all payloads of a direction. 0, -ENOMEM,
 * -EBADMSG. */
int latencies__decode(struct cpt_latencies *l, bool outbound, const uint8_t *in, size_t sz);

/* One instance's histogram, CPT_LOOP_BUCKETS counts, for a payload at p, which has room for
 * LATENCIES_ROW_MAX bytes. Returns the byte behind it. */
#define LATENCIES_ROW_MAX (30 + CPT_LOOP_BUCKETS * 20)
uint8_t *latencies__put(uint8_t *p, uint32_t instance, const uint64_t *buckets, uint64_t max_ns);

/* Bucket of a latency, smallest value of a bucket. */
uint32_t loop_bucket(uint64_t ns);
uint64_t loop_bucket_from(uint32_t bucket);

#endif /* CPT_LATENCIES_H */
