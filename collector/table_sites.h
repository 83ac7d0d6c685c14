/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* table_sites.h - the table `sites` of export: where threads waited and computed, by stack. */
#ifndef CPT_TABLE_SITES_H
#define CPT_TABLE_SITES_H

#include "analysis/report.h"

#include "table.h"

extern const struct table_col site_cols[];

/* A row per name, reason and stack; none in a trace without stacks and samples. 0, -ENOMEM or -errno of the
 * first failed write. */
int write_sites(struct table_out *out, const struct cpt_report *r);

#endif /* CPT_TABLE_SITES_H */
