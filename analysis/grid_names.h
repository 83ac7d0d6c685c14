/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * grid_names.h - for how long threads of two names ran together, by stretches of some bins.
 *
 * Owns:     struct cpt_grid_tile: the overlap matrix of each stretch.
 * Must not: keep the matrix (the timeline does): it looks at it at the ends of stretches alone.
 *
 *   bins    |--|--|--|--|--|--|--|--|--|-|
 *   tiles   |-----------|-----------|----|      of tile bins; the last one may have less
 *
 * Memory: tiles x pairs of names that ran together there, so who asks for them chooses how many.
 *
 * Private to analysis/.
 */
#ifndef CPT_GRID_NAMES_H
#define CPT_GRID_NAMES_H

#include "grid_facts.h"
#include "timeline.h"

#define GRID_PAIRS_MAX (CPT_OVERLAP_MAX * (CPT_OVERLAP_MAX + 1) / 2)

struct grid_names {
	uint64_t at_ns[GRID_PAIRS_MAX]; /* at the last tile's end, by cpt_grid_pair() */
	uint64_t now_ns[GRID_PAIRS_MAX];
};

/* A tile ends now. 0 or -ENOMEM. */
int grid_names__end_tile(struct grid_names *g, const struct timeline *tl, struct cpt_grid *out);

#endif /* CPT_GRID_NAMES_H */
