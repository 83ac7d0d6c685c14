/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * table_run.h - tables of export about the run as a whole: `run` (its figures in one row), `limits` (what
 * kept it from being more parallel), `latency` (how long ready threads waited) and `ceilings`.
 */
#ifndef CPT_TABLE_RUN_H
#define CPT_TABLE_RUN_H

#include "analysis/report.h"

#include "table.h"

extern const struct table_col run_cols[];
extern const struct table_col limit_cols[];
extern const struct table_col latency_cols[];
extern const struct table_col ceiling_cols[];

/* Each returns 0, -ENOMEM or -errno of the first failed write. */
int write_run(struct table_out *out, const struct cpt_report *r);
/* The limits of the verdict, dearest first; no row where none is named. */
int write_limits(struct table_out *out, const struct cpt_report *r);
/* A row for each thing a stretch of waiting for a CPU can begin with. */
int write_latency(struct table_out *out, const struct cpt_report *r);
int write_ceilings(struct table_out *out, const struct cpt_report *r);

#endif /* CPT_TABLE_RUN_H */
