/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * text_stacks.h - parts of the text report that rest on stacks and samples.
 *
 * Owns:     busy-waiting beside the profile of CPUs, the table of hot code, the top wait sites.
 */
#ifndef CPT_TEXT_STACKS_H
#define CPT_TEXT_STACKS_H

#include "text_report.h"

/* One line, or none: effective parallelism where there are samples, else storms of sched_yield. */
void text_stacks__spin(struct strbuf *b, const struct cpt_report *r,
		       const struct text_style *style);

/* `report --hot`: by function and by thread name, the share of the wall time beside that of the CPU time. */
void text_stacks__hot(struct strbuf *b, const struct cpt_report *r,
		      const struct text_report_opts *opts);

/* Where threads waited longest, on which stacks, and who woke them. Nothing without --stacks. */
void add_wait_sites(struct strbuf *b, const struct cpt_report *r,
		    const struct text_report_opts *opts);

/* Where the lock was waited for longest, and who let it go there. Nothing without --stacks. */
void text_stacks__lock(struct strbuf *b, const struct cpt_report *r, const struct cpt_lock *l,
		       const struct text_style *style);

/* Threads that call sched_yield so often that it is busy-waiting, and how often a second of their running
 * time they do together. */
uint32_t spin__yielders(const struct cpt_report *r, double *per_sec);

#endif /* CPT_TEXT_STACKS_H */
