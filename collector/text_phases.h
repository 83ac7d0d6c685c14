/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* text_phases.h - the text report's table of phases. */
#ifndef CPT_TEXT_PHASES_H
#define CPT_TEXT_PHASES_H

#include "text_report.h"

/* Nothing where nobody set a mark. */
void add_phases(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts);

/* What a phase was for the most part, in one phrase: "concurrent: one runs, others want its lock". */
void phases__sentence(struct strbuf *b, const struct cpt_phase *f);

#endif /* CPT_TEXT_PHASES_H */
