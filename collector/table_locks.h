/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* table_locks.h - the table `locks` of export. */
#ifndef CPT_TABLE_LOCKS_H
#define CPT_TABLE_LOCKS_H

#include "analysis/report.h"

#include "table.h"

extern const struct table_col lock_cols[];

/* 0 or -errno of the first failed write. */
int write_locks(struct table_out *out, const struct cpt_report *r);

#endif /* CPT_TABLE_LOCKS_H */
