/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * phase_facts.h - the phases of a run: what marks in it split it into.
 *
 * Owns:     the result types of phases.h.
 * Must not: be used but through report.h.
 *
 *   window   |--------------|------|-----------|------|-------------|
 *   marks                 "load"  "work"     "load"  "work"
 *   phases    (start)        load   work        load   work            three phases; load has two spans
 *
 * A phase lasts from its mark to the next one, of whatever name, and each name is one phase: its spans are summed.
 * What comes before the first mark is the phase CPT_PHASE_START; a mark of that name goes back to it. So
 * phases cover the window without gap or overlap, and each sum over them is the window's, exactly.
 */
#ifndef CPT_PHASE_FACTS_H
#define CPT_PHASE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "states.h"
#include "../probes/cpt_abi.h"

#define CPT_PHASE_START	  "(start)"
#define CPT_PHASE_REST	  "(other)"	 /* all names beyond CPT_PHASES_MAX - 1 */
#define CPT_PHASE_NO_NAME "(unreadable)" /* marks whose name could not be read */
#define CPT_PHASES_MAX	  1024

struct cpt_phase {
	char name[CPT_MARK_LEN]; /* raw bytes, NUL-terminated */
	uint32_t spans;		 /* that lie in the window, of whatever length */
	uint64_t first_ns; /* CLOCK_MONOTONIC: where its first span begins, cut to the window */
	uint64_t span_ns;  /* sum of its spans = sum of split_ns */
	uint64_t split_ns[CPT_SPLIT_CNT];
	uint64_t class_ns[CPT_CLASS_CNT];
	uint64_t running, runnable, in_progress, in_flight; /* integrals of R, Q, C, A */
	double parallel_average, concurrent_average;
	enum cpt_class verdict; /* as the run's */
	enum cpt_split most;	/* split of the verdict's class that holds most of it */
};

/* A mark within the window. */
struct cpt_mark {
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	uint64_t
		view_ns; /* its place in the report's window: at_ns, but where spans of a phase were put together */
	uint32_t phase; /* index of the phase that begins */
	uint32_t task;	/* number of who set it, 0 outside of the workload */
	uint32_t tid;
	uint32_t flags; /* CPT_MARK_* */
};

struct cpt_phases {
	struct cpt_phase *tab; /* in order of their first spans */
	uint32_t cnt;	       /* 0: no mark concerns the window, which is one phase */
	struct cpt_mark *marks;
	uint32_t marks_cnt;
	uint32_t first;	     /* index of the phase in which the window begins */
	uint64_t marks_more; /* marks beyond CPT_MARKS_MAX: they count, and are not listed */
	uint64_t
		marks_lost; /* that were not recorded: what comes behind them is of the wrong phase */
};

void cpt_phases__free(struct cpt_phases *p); /* what hangs on it */

#endif /* CPT_PHASE_FACTS_H */
