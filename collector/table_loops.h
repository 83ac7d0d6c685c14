/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* table_loops.h - the tables `loops`, `instances` and `services` of export. */
#ifndef CPT_TABLE_LOOPS_H
#define CPT_TABLE_LOOPS_H

#include "analysis/report.h"

#include "table.h"

extern const struct table_col loop_cols[], instance_cols[], service_cols[];

/* 0 or -errno of the first failed write. */
int write_loops(struct table_out *out, const struct cpt_report *r);
int write_instances(struct table_out *out, const struct cpt_report *r);
int write_services(struct table_out *out, const struct cpt_report *r);

#endif /* CPT_TABLE_LOOPS_H */
