/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * export_sqlite.h - a trace as one SQLite database: all tables of `export`, indexes and views.
 *
 * Owns:     the tables that only a database has (profiles, accounts, columns), the views.
 * Must not: know the columns of the other tables (export_tables.h does).
 *
 *	intervals, ledger  as the trace is read   \
 *	threads, locks, ...  from the report       > one transaction, then indexes and views
 *
 * Memory: SQLite's page cache and one row. There is no journal: a file that was not finished is not
 * published (output_file.h), so none would ever be rolled back.
 *
 * Built without libsqlite3 it says so (without_sqlite.c).
 */
#ifndef CPT_EXPORT_SQLITE_H
#define CPT_EXPORT_SQLITE_H

#include "analyse.h"

/* Analyses the open trace and writes file, which takes the place of an older one. note: the filters in
 * words, NULL none. opts: filters. 0, or -errno after having said why. */
int export_sqlite__write(struct analysed *a, const char *trace,
			 const struct cpt_analysis_opts *opts, uint64_t step_ns, const char *note,
			 const char *file);

#endif /* CPT_EXPORT_SQLITE_H */
