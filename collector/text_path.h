/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * text_path.h - the section "Critical path": what the run's length was made of, and the bound it sets.
 *
 * Owns:     which lines are worth saying.
 */
#ifndef CPT_TEXT_PATH_H
#define CPT_TEXT_PATH_H

#include "text_report.h"

void add_critical_path(struct strbuf *b, const struct cpt_report *r,
		       const struct text_report_opts *opts);

#endif /* CPT_TEXT_PATH_H */
