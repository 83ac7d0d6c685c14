/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * text_accounts.h - the parts of the text report about CPU time: what the allowed CPUs did, why
 * ready work did not run, how long it waited.
 */
#ifndef CPT_TEXT_ACCOUNTS_H
#define CPT_TEXT_ACCOUNTS_H

#include "text_report.h"

/* Who the others were, at most max of them: "`stress-ng` (4711) 3.9 s, `make` (4712) 12 ms". Their CPU time
 * is known of the whole recording and of programs that lived to its end alone: none is named that cannot
 * explain a good part, or of a part of the run. Returns the CPU time of those named, ns; 0 none. */
uint64_t add_tenant_names(struct strbuf *b, const struct cpt_report *r, unsigned int max,
			  bool utf8);

/* Each adds nothing where its figures say nothing. */
void add_budget(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts);
void add_demand(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts);

#endif /* CPT_TEXT_ACCOUNTS_H */
