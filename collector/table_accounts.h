/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* table_accounts.h - the table `accounts` of export: both accounts by item, and the tenants. */
#ifndef CPT_TABLE_ACCOUNTS_H
#define CPT_TABLE_ACCOUNTS_H

#include "analysis/report.h"

#include "table.h"

extern const struct table_col account_cols[];

/* The rows of budget sum to its total, those of demand to its; tenants are no account of their own but say
 * who the others were. 0 or -errno of the first failed write. */
int write_accounts(struct table_out *out, const struct cpt_report *r);

#endif /* CPT_TABLE_ACCOUNTS_H */
