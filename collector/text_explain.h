/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * text_explain.h - `report --explain`: how each figure of the report came about.
 *
 * Owns:     the sentence that says what a figure is made of, with the numbers put in.
 * Must not: compute facts; every number shown is one of the report's.
 */
#ifndef CPT_TEXT_EXPLAIN_H
#define CPT_TEXT_EXPLAIN_H

#include "text_report.h"

/* Appends the section. Failure of memory is in out->failed. */
void text_explain__add(struct strbuf *out, const struct cpt_report *r,
		       const struct text_report_opts *opts);

#endif /* CPT_TEXT_EXPLAIN_H */
