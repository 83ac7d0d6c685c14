/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * affinity.h - which threads' masks changed, when, from what to what.
 *
 * Owns:     the list of changes, its bound, how long each mask was held.
 * Must not: know events, or what masks do to the accounts (accounts.h does).
 *
 * Private to analysis/.
 */
#ifndef CPT_AFFINITY_H
#define CPT_AFFINITY_H

#include "affinity_facts.h"
#include "tasks.h"

struct affinity {
	struct cpt_affinity
		facts; /* from_ns is told at once, to_ns by the next change or the end */
	uint32_t cap;
	uint64_t held_ns[CPT_AFFINITY_MAX]; /* from_ns of those that are kept */
};

void affinity__fini(struct affinity *a);

/* t, counted, has another mask from now_ns on: up to then it had the one with index `from`. Only CPUs that
 * are online (CPT_MASK_WORDS words) tell masks apart. 0 or -ENOMEM. */
int affinity__changed(struct affinity *a, const struct tasks *tasks, struct task *t, uint32_t from,
		      const uint64_t *online, uint64_t now_ns);

/* Likewise while t is not counted, though its time passes: what it had is over, and this is no row. */
void affinity__passed_over(struct affinity *a, const struct tasks *tasks, struct task *t,
			   uint32_t from, const uint64_t *online, uint64_t now_ns);

/* The facts; accounting ends at end_ns. They are the caller's to free (affinity.at). */
void affinity__take(struct affinity *a, const struct tasks *tasks, uint64_t end_ns,
		    struct cpt_affinity *out);

#endif /* CPT_AFFINITY_H */
