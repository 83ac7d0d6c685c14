/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * table_text.h - a table of a report as `export` writes it.
 */
#ifndef TABLE_TEXT_H
#define TABLE_TEXT_H

#include "analysis/report.h"
#include "collector/table.h"

/* Its head, in csv, and all rows. The caller frees it. */
char *table_text(const struct table_col *cols,
		 int (*write)(struct table_out *, const struct cpt_report *),
		 const struct cpt_report *r, bool jsonl);

#endif /* TABLE_TEXT_H */
