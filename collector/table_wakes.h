/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* table_wakes.h - the table `wakes` of export: who ends whose waits, through which lock. */
#ifndef CPT_TABLE_WAKES_H
#define CPT_TABLE_WAKES_H

#include "analysis/report.h"

#include "table.h"

extern const struct table_col wake_cols[];

/* A row per edge of the wake graph. 0 or -errno of the first failed write. */
int write_wakes(struct table_out *out, const struct cpt_report *r);

#endif /* CPT_TABLE_WAKES_H */
