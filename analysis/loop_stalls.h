/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop_stalls.h - what a loop was blocked in, by kind.
 *
 * Owns:     which stalls are alike, the order of what they cost, the one kind that stands for the rest.
 * Must not: know when they were.
 *
 * Nothing is lost: where a kind finds no place, the two that cost least are one from then on.
 *
 * Private to analysis/.
 */
#ifndef CPT_LOOP_STALLS_H
#define CPT_LOOP_STALLS_H

#include "loop_ledger_facts.h"

struct loop_stalls {
	uint32_t cnt;
	struct cpt_stall tab[CPT_LOOP_STALLS]; /* the one of the rest, if there is one, first */
};

void loop_stalls__add(struct loop_stalls *s, const struct cpt_stall *stall);

/* They, those that cost most first; malloc'd. NULL without memory. */
struct cpt_stall *loop_stalls__rows(const struct loop_stalls *s);

#endif /* CPT_LOOP_STALLS_H */
