/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dump_trace.h - everything a trace says, as text: one line per fact, nothing left out.
 */
#ifndef DUMP_TRACE_H
#define DUMP_TRACE_H

#include <stdio.h>

/* 0, or -errno when it does not open or a read fails (what was read is dumped, then the reason). */
int dump_trace(int fd, FILE *out);

#endif /* DUMP_TRACE_H */
