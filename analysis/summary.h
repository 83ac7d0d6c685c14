/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * summary.h - from the sums of a finished pass to the report's facts.
 *
 * Owns:     derived figures (averages, TLP, efficiency), the verdict's class, the audit.
 * Must not: account anything itself.
 *
 * Private to analysis/.
 */
#ifndef CPT_SUMMARY_H
#define CPT_SUMMARY_H

#include "timeline.h"
#include "wakegraph.h"

struct cpt_pass_counts {
	uint64_t events, switches, wakes;
	uint64_t lost;	     /* records, by LOSS events */
	uint64_t odd_events; /* contradicted the account and were healed */
	uint64_t run_ns;     /* the window's length, of which --time may have chosen a part */
};

/* Moves the tasks' strings into the report. NULL with errno. */
struct cpt_report *summary__report(struct timeline *tl, struct tasks *tasks,
				   const struct wakegraph *wakes,
				   const struct cpt_pass_counts *counts,
				   const struct cpt_trace_meta *meta,
				   const struct cpt_trace_close *close_facts);

/* What explains how far a thread is off is known of the window and the CPUs looked at, the accounts are of whole lives:
 * where these are not one, nothing is said of single threads. Once all else of the report is there. */
void summary__limit_audit(struct cpt_report *r);

/* What a finished report's phases come to: verdicts, and marks that are missing. */
void summary__phases(struct cpt_report *r);

#endif /* CPT_SUMMARY_H */
