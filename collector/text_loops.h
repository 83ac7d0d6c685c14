/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * text_loops.h - the report's part on event loops, and the sentence on one that is blocked.
 *
 * Owns:     which loops are worth a row, the thresholds and their reasons.
 */
#ifndef CPT_TEXT_LOOPS_H
#define CPT_TEXT_LOOPS_H

#include "text_report.h"

/* Loops, what blocked them, how many ran at once, pools, work handed to threads. Nothing where no thread
 * of the workload waits for events more than in passing. */
void add_loops(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts);

/* "blocked 60 times in clock_nanosleep (sleep): 1.21 s in all, 20.4 ms at most, with up to 16 operations in
 * flight behind it" */
void add_stall_words(struct strbuf *b, const struct cpt_report *r, const struct cpt_loop *l,
		     const struct cpt_stall *s, bool utf8);

/* The loop that was blocked most while others waited for it, in one sentence; nothing where that is less
 * than a twentieth of the window. */
void loops__sentence(struct strbuf *b, const struct cpt_report *r, bool utf8);

#endif /* CPT_TEXT_LOOPS_H */
