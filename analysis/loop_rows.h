/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop_rows.h - the table of loops to a report's rows.
 *
 * Private to analysis/.
 */
#ifndef CPT_LOOP_ROWS_H
#define CPT_LOOP_ROWS_H

#include "loop_table.h"

/* Rows of the loops that lived; losses: of LOOP events, in all. What hangs on out is the caller's also on
 * failure. 0 or -ENOMEM. */
int loop_rows__take(struct loop_table *lt, uint32_t losses, struct cpt_loops *out);

#endif /* CPT_LOOP_ROWS_H */
