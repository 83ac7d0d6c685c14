/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * claims.h - the length of a union of intervals that arrive out of order.
 *
 * Owns:     a stack of disjoint intervals on a line that only grows, and how much of each is covered.
 * Must not: know what the line is.
 *
 *   line   ---[####]------[##..##]----------|   now
 *                                ^ most intervals end here, so most calls touch the top only
 *
 * An interval may be covered in part (nobody knows where). Where two meet that overlap, they become
 * one. That loses nothing as long as what comes later reaches back over the whole of such an interval or
 * not at all, and so it is with neighbours between which nothing begins that is to come: claims__fold()
 * makes room by them in a stack that is full. Where it is full nonetheless its two oldest become one.
 *
 * Private to analysis/.
 */
#ifndef CPT_CLAIMS_H
#define CPT_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#define CLAIMS_MAX 64

struct claim {
	uint64_t from, to, covered;
};

struct claims {
	struct claim at[CLAIMS_MAX]; /* by place, not overlapping */
	uint32_t cnt;
	uint32_t rest;	  /* claims until it is worth while to look for room again */
	uint64_t covered; /* of all, including what was folded away */
};

/* num/den of what is not covered yet in [from, to) now is; num <= den, den > 0. Returns how much that is. */
uint64_t claims__add(struct claims *c, uint64_t from, uint64_t to, uint64_t num, uint64_t den);

/* Whether to look for neighbours that can be made one. */
static inline bool claims__full(const struct claims *c)
{
	return c->cnt == CLAIMS_MAX && !c->rest;
}

/* Of the intervals there are: bit i says that what will be claimed from (or up to) `at` on ends between the ones
 * i - 1 and i, or in one of them, so that these must not become one. */
uint64_t claims__apart(const struct claims *c, uint64_t at);

/* Makes neighbours one, from the oldest on, until half of the stack is free; none that bits of apart part. Where
 * that makes hardly any room the next CLAIMS_MAX claims do without, so that a look at every CPU is paid by many. */
void claims__fold(struct claims *c, uint64_t apart);

/* How much of [from, to), from <= to, is covered. */
uint64_t claims__covered(const struct claims *c, uint64_t from, uint64_t to);

#endif /* CPT_CLAIMS_H */
