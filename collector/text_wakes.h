/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* text_wakes.h - the part of `report --explain` that says who ended whose waits, and through which lock. */
#ifndef CPT_TEXT_WAKES_H
#define CPT_TEXT_WAKES_H

#include "text_report.h"

/* Adds nothing where nobody waited. */
void add_wakes(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts);

#endif /* CPT_TEXT_WAKES_H */
