/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * unmerge.h - a trace's events as the kernel would have sent them, some of its records left out.
 *
 * Owns:     records made of events: each CPU's ring with its sequence, and the lifecycle ring.
 * Must not: know what analysis makes of them.
 *
 *   events ──► rings, life ──► any subset is dropped ──► merge ──► events with LOSS, counters
 */
#ifndef PROPERTIES_UNMERGE_H
#define PROPERTIES_UNMERGE_H

#include "../../analysis/merge.h"
#include "../../analysis/trace.h"
#include "rng.h"

struct unmerged;

/* All of cnt events but what is beside the sequence. NULL without memory. */
struct unmerged *unmerge__new(uint32_t cpu_cnt, const struct cpt_event *ev, size_t cnt);

/* More of them, behind those so far. 0 or -ENOMEM. */
int unmerge__add(struct unmerged *u, const struct cpt_event *ev, size_t cnt);
void unmerge__free(struct unmerged *u);

size_t unmerge__hot(const struct unmerged *u);	/* records of all rings, in order of time */
size_t unmerge__life(const struct unmerged *u); /* lifecycle records, likewise */
uint32_t unmerge__hot_cpu(const struct unmerged *u, size_t i);
uint32_t unmerge__life_type(const struct unmerged *u, size_t i); /* CPT_REC_* */

/* What comes of it where hot and life say which records are lost (NULL: none): the rings are drained at
 * random moments, and their counters of attempts read. cnt events, good until the next call or the end. */
const struct cpt_event *unmerge__merged(struct unmerged *u, const bool *hot, const bool *life,
					struct rng *rng, size_t *cnt);

#endif /* PROPERTIES_UNMERGE_H */
