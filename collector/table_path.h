/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* table_path.h - the table `path` of export: what each thread adds to the critical path. */
#ifndef CPT_TABLE_PATH_H
#define CPT_TABLE_PATH_H

#include "analysis/report.h"

#include "table.h"

extern const struct table_col path_cols[];

/* A row per thread of the path, and one for all further ones where there are. 0 or -errno of the first
 * failed write. */
int write_path(struct table_out *out, const struct cpt_report *r);

#endif /* CPT_TABLE_PATH_H */
