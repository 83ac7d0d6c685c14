/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lossy.h - what the properties of lost records share: which are lost, and what is said of the rest.
 *
 * Owns:     ways to lose records of a trace taken apart (unmerge.h).
 * Must not: know what is done with a trace beside losing of it.
 */
#ifndef PROPERTIES_LOSSY_H
#define PROPERTIES_LOSSY_H

#include "timeline_gen.h"
#include "unmerge.h"

/* Single records, runs, all of a CPU, the first and the last, of one kind, nearly all. */
void lossy_hot(const struct unmerged *u, bool *lost, struct rng *rng);

/* Of births, execs, renames, ends and changes of affinity; how many. */
uint32_t lossy_life(const struct unmerged *u, bool *lost, struct rng *rng);

/* A task that enters or leaves a CPU needs a ns for it: at no instant does it do so twice, or is woken behind it, or be it that the order
 * of what happened could not be told even with all records. What stands beside the sequence has an instant of its own. */
void lossy_spread(struct gen *g);

/* One pass; closed tells where the trace ends. */
struct cpt_report *lossy_report(const struct cpt_trace_meta *meta, const struct cpt_event *ev,
				size_t cnt, const struct cpt_trace_close *closed,
				const struct cpt_analysis_opts *o);

/* Each pair is what is reported, twice, where nothing is in doubt; and never beside it. Number of those that are. */
int lossy_pairs(const char *what, const struct cpt_report *r);

#endif /* PROPERTIES_LOSSY_H */
