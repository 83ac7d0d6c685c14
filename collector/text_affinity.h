/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* text_affinity.h - affinity masks that changed during the run, for people (text_report.c puts the parts in
 * order). */
#ifndef CPT_TEXT_AFFINITY_H
#define CPT_TEXT_AFFINITY_H

#include "text_report.h"

/* "0-3,8"; bits: CPT_MASK_WORDS words. */
void add_cpu_list(struct strbuf *b, const uint64_t *bits);

/* Which thread's mask changed when, and how long it had each. Nothing where none did but at its thread's
 * start. */
void add_affinity(struct strbuf *b, const struct cpt_report *r,
		  const struct text_report_opts *opts);

#endif /* CPT_TEXT_AFFINITY_H */
