/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * text_report.h - the report for people.
 *
 * Owns:     layout: order of the parts, columns, bars, colour.
 * Must not: compute facts (analysis does), choose words for figures (words.h does), look at the
 *           terminal or the environment (term.h does).
 */
#ifndef CPT_TEXT_REPORT_H
#define CPT_TEXT_REPORT_H

#include "analysis/report.h"

#include "rows.h"
#include "strbuf.h"

#define CPT_WIDTH_MIN	  60
#define CPT_WIDTH_MAX	  500
#define CPT_WIDTH_DEFAULT 80
#define CPT_TOP_DEFAULT	  10

/* What the place the text goes to can show. */
struct text_style {
	bool utf8;
	bool colour;
	unsigned int width; /* columns, CPT_WIDTH_MIN..CPT_WIDTH_MAX */
};

struct text_report_opts {
	struct text_style style;
	enum cpt_rows_by by;
	int sort;	  /* index into cpt_sort_words */
	unsigned int top; /* rows per table */
	const char
		*note; /* what was asked for beyond the whole run ("only --comm server"), or NULL */
};

/* Appends the report. Failure of memory is in out->failed. */
void text_report__add(struct strbuf *out, const struct cpt_report *r,
		      const struct text_report_opts *opts);

/* Its first two parts alone: what ran, and the verdict. */
void text_report__head(struct strbuf *b, const struct cpt_report *r,
		       const struct text_report_opts *opts);

/* A command as one could type it: words that a shell would take apart are quoted. Raw bytes. */
void text_report__command(struct strbuf *line, char *const *argv);

#endif /* CPT_TEXT_REPORT_H */
