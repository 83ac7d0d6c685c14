/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * affinity_facts.h - what a report says of affinity masks that changed during the run.
 *
 * Owns:     the result types; part of report.h, which includes it.
 * Must not: contain words for people.
 *
 * No event tells of a mask: it is compared at switches, and read ten times a second. So a change is known
 * when its thread was next switched, or was next looked at. Where it has as many CPUs as before and the same of
 * the first 64, it is known when next looked at.
 */
#ifndef CPT_AFFINITY_FACTS_H
#define CPT_AFFINITY_FACTS_H

#include <stdint.h>

#include "../probes/cpt_abi.h"

#define CPT_AFFINITY_MAX                                                                           \
	1024 /* changes that are kept: those before which a mask was held longest */

struct cpt_affinity_change {
	uint64_t at_ns;					   /* CLOCK_MONOTONIC */
	uint32_t id;					   /* of the thread */
	uint64_t from[CPT_MASK_WORDS], to[CPT_MASK_WORDS]; /* CPUs online alone */
	/* How long it had the one and then the other, inside the window: since the change before or its
	 * start, and to the next one or its end. */
	uint64_t from_ns, to_ns;
};

struct cpt_affinity {
	struct cpt_affinity_change *at; /* in order */
	uint32_t cnt;
	uint64_t changes; /* of all threads looked at, kept or not */
	uint32_t threads; /* whose mask changed */
};

#endif /* CPT_AFFINITY_FACTS_H */
