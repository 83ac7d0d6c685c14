/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * check.h - runs the analysis over events and holds its report against the definitions.
 *
 * Owns:     the identities every report must satisfy whatever the trace, and the comparison of a
 *           report with the reference. A failed check prints what and where, and the case fails.
 */
#ifndef PROPERTIES_CHECK_H
#define PROPERTIES_CHECK_H

#include "reference.h"

#define STEPS_KEPT 65536u

/* What the callbacks brought in during one pass. */
struct observed {
	uint64_t state_ns[GEN_TASKS_MAX + 1][CPT_STATE_CNT];
	uint64_t reason_ns[GEN_TASKS_MAX + 1][CPT_REASON_CNT];
	uint64_t last_end[GEN_TASKS_MAX + 1];
	uint32_t gaps, disorder, intervals;
	uint64_t step_split[CPT_SPLIT_CNT];
	uint64_t step_running, step_runnable, step_in_progress;
	uint32_t steps;
	uint8_t step_class[STEPS_KEPT]; /* of steps 1 ns wide: their class */
};

/* One pass with o's filter and options, callbacks filled into seen. Fed in random pieces. NULL if the
 * analysis failed (errno). */
struct cpt_report *analyse(const struct cpt_trace_meta *meta, const struct cpt_event *ev,
			   uint32_t cnt, uint64_t last_ns, const struct cpt_analysis_opts *o,
			   struct observed *seen, struct rng *rng);

/* Each returns the number of failed checks and prints them, with `what` naming the case. cut: the span
 * looked at begins or ends where nothing of the tree changed, so that sums of a CPU's turns lie on both
 * sides of it, and their part of the accounts is taken in proportion. */
int check_identities(const struct cpt_report *r, const struct observed *seen, const char *what);
int check_against(const struct cpt_report *r, const struct ref_result *ref, const struct gen *g,
		  bool cut, const char *what);
int check_same(const struct cpt_report *a, const struct cpt_report *b, const char *what);

/* Number of cases: the given one, a part of it (CPT_CASES_PART=4: a quarter), or CPT_CASES; seed: fixed, or CPT_SEED
 * (printed either way). */
uint32_t case_count(uint32_t standard);
uint64_t first_seed(const char *test);

/* Traces of real runs: those of CPT_TRACES, separated by colons, or where that is unset or empty, of the standard list. */
bool own_traces(void);
/* Calls look for each, with what is handed over; returns how many there were. */
uint32_t each_trace(const char *standard,
		    void (*look)(const char *path, uint32_t rounds, struct rng *rng),
		    uint32_t rounds, struct rng *rng);

#endif /* PROPERTIES_CHECK_H */
