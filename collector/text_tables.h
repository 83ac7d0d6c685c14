/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* text_tables.h - parts of the text report that are tables (text_report.c puts them in order). */
#ifndef CPT_TEXT_TABLES_H
#define CPT_TEXT_TABLES_H

#include "text_report.h"

/* What the threads were blocked on, summed up over all. */
void add_reasons(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts);
/* The threads that matter. */
void add_thread_rows(struct strbuf *b, const struct cpt_report *r,
		     const struct text_report_opts *opts);
/* Which names ran at the same time, where that says something. */
void add_overlap(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts);

#endif /* CPT_TEXT_TABLES_H */
