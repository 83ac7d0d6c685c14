/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * text_accounts.h - the parts of the text report about CPU time: what the allowed CPUs did, why
 * ready work did not run, how long it waited.
 */
#ifndef CPT_TEXT_ACCOUNTS_H
#define CPT_TEXT_ACCOUNTS_H

#include "text_report.h"

/* Each adds nothing where its figures say nothing. */
void add_budget(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts);
void add_demand(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts);

#endif /* CPT_TEXT_ACCOUNTS_H */
