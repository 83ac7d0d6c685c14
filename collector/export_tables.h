/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * export_tables.h - the tables `export` writes: what a row is, and its columns.
 *
 * Owns:     the columns; their names are a contract as the keys of the JSON report are.
 */
#ifndef CPT_EXPORT_TABLES_H
#define CPT_EXPORT_TABLES_H

#include "analysis/analysis.h"
#include "analysis/sysno.h"

#include "table.h"

struct export_table {
	const char *name; /* NULL ends the list */
	const char *help;
	const struct table_col *cols;
	/* Set where rows come while the trace is read. */
	int (*on_interval)(void *ctx, const struct cpt_interval *iv);
	int (*on_step)(void *ctx, const struct cpt_step *step);
	/* Set where rows come from the finished report. 0 or -errno of the first failed write. */
	int (*write)(struct table_out *out, const struct cpt_report *r);
};

/* ctx of the callbacks. */
struct export_ctx {
	struct table_out out;
	int err;			 /* first failed write */
	uint8_t sys[CPT_SYSNO_TABLE_SZ]; /* sysno_table() of the trace's machine */
};

extern const struct export_table export_tables[];
extern const char *const export_table_words[]; /* their names, in order; NULL-terminated */

#endif /* CPT_EXPORT_TABLES_H */
