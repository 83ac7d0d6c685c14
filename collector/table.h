/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * table.h - rows of structs to CSV (RFC 4180) or JSON lines, as they come.
 *
 * Owns:     quoting, the head line. Columns are described by tables that also make their help.
 * Must not: know which tables there are (export_tables.h does), keep rows.
 *
 * CSV lines end with CR LF as RFC 4180 has it; control characters and invalid UTF-8 in strings are
 * escaped as everywhere. JSON lines carry all valid UTF-8 with JSON's own escapes.
 */
#ifndef CPT_TABLE_H
#define CPT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "strbuf.h"

enum table_type {
	TABLE_U16,
	TABLE_U32,
	TABLE_U64,
	TABLE_DOUBLE,  /* at most six decimals */
	TABLE_ROUNDED, /* double, not negative, as a whole number */
	TABLE_BOOL,
	TABLE_STRING, /* const char *; NULL: empty, null in JSON */
	TABLE_COMM,   /* char[CPT_COMM_LEN] */
};

struct table_col {
	const char *name; /* with its unit: _ns; NULL ends the table */
	const char *help;
	enum table_type type;
	size_t off; /* in the row */
};

struct table_out {
	FILE *f;
	bool jsonl;
	const struct table_col *cols;
	struct strbuf line; /* kept between rows; table_out__free */
	struct strbuf keys; /* what stands before each value */
	size_t row_max;	    /* bytes a row may take, but for what is long */
	/* Set: rows go there instead, as they are; f and jsonl do not matter. 0 or -errno. */
	int (*sink)(void *ctx, const struct table_col *cols, const void *row);
	void *sink_ctx;
	const char *note; /* what was asked for beyond the whole run; NULL nothing */
};

/* The head line (CSV only). 0 or -errno. */
int table_out__head(struct table_out *t);
/* One row. 0 or -errno. */
int table_out__row(struct table_out *t, const void *row);
void table_out__free(struct table_out *t); /* not the FILE */

#endif /* CPT_TABLE_H */
