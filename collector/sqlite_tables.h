/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sqlite_tables.h - tables that only a database has: profiles, and each account for itself.
 *
 * Owns:     their columns; names are a contract.
 */
#ifndef CPT_SQLITE_TABLES_H
#define CPT_SQLITE_TABLES_H

#include "analysis/report.h"

#include "table.h"

struct sqlite_table {
	const char *name; /* NULL ends the list */
	const char *help;
	const struct table_col *cols;
	int (*write)(struct table_out *out, const struct cpt_report *r);
};

extern const struct sqlite_table sqlite_tables[];

#endif /* CPT_SQLITE_TABLES_H */
