/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* table_phases.h - the tables `phases` and `marks` of export. */
#ifndef CPT_TABLE_PHASES_H
#define CPT_TABLE_PHASES_H

#include "analysis/report.h"

#include "table.h"

extern const struct table_col phase_cols[], mark_cols[];

/* A row per phase, or per mark. 0 or -errno of the first failed write. */
int write_phases(struct table_out *out, const struct cpt_report *r);
int write_marks(struct table_out *out, const struct cpt_report *r);

#endif /* CPT_TABLE_PHASES_H */
