/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * path_reference.h - critical path, span and wake graph of a generated run, found slowly.
 *
 * Owns:     a second opinion on analysis/path.h and wakegraph.h: all events are kept, with what every
 *           task was doing after each; the path is walked backwards through them.
 * Must not: be fast, or use anything of analysis/ but its types.
 *
 *   event    0      1      2             3       ...  last
 *            |--------|------|-------------|--- ... -----|      span i: from event i to event i + 1, in
 *              span 0                                            which nothing changes
 */
#ifndef PROPERTIES_PATH_REFERENCE_H
#define PROPERTIES_PATH_REFERENCE_H

#include "timeline_gen.h"

struct ref_part {
	uint64_t serial, parallel, runnable, blocked, unknown;
};

struct ref_edges { /* from waker (0: none of ours) to woken */
	uint64_t cnt[GEN_TASKS_MAX + 1][GEN_TASKS_MAX + 1];
	uint64_t waited[GEN_TASKS_MAX + 1][GEN_TASKS_MAX + 1];
};

struct ref_path {
	uint64_t from, to;
	uint32_t stop;	 /* first event that is not of the window any more */
	uint32_t end_id; /* known where the command's end closed the window; else 0 */
	struct ref_part total, parts[GEN_TASKS_MAX + 1];
	uint64_t absent, reason[CPT_REASON_CNT];
	uint64_t work, span;
	struct ref_edges edges;
};

/* The path that ends with task end_id; its choice is only judged where r->end_id says one. */
void ref_path(const struct gen *g, const struct cpt_analysis_opts *opts, uint32_t end_id,
	      struct ref_path *r);

#endif /* PROPERTIES_PATH_REFERENCE_H */
