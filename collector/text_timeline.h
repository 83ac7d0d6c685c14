/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * text_timeline.h - `report --timeline`: lanes of CPUs and threads in a terminal.
 *
 * Owns:     its layout and glyphs.
 * Must not: look at the terminal (term.h does) or at the trace (lanes.h).
 */
#ifndef CPT_TEXT_TIMELINE_H
#define CPT_TEXT_TIMELINE_H

#include "lanes.h"
#include "text_report.h"

/* Columns of the lanes in this style. */
unsigned int text_timeline__cols(const struct text_style *style);

/* Appends head, verdict and lanes. Failure of memory is in b->failed. */
void text_timeline__add(struct strbuf *b, const struct lanes *lanes,
			const struct text_report_opts *opts);

#endif /* CPT_TEXT_TIMELINE_H */
