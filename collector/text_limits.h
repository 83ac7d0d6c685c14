/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* text_limits.h - the report's part on what held the workload back (text_report.c puts the parts in
 * order). */
#ifndef CPT_TEXT_LIMITS_H
#define CPT_TEXT_LIMITS_H

#include "text_report.h"

/* The limits with their cost, their evidence and what to look at next. Nothing where there are none. */
void add_limits(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts);

#endif /* CPT_TEXT_LIMITS_H */
