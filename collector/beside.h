/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * beside.h - a second thread that does one job at a time, for readers of traces.
 *
 * Owns:     the thread. It is made with the first job, and only where there is a CPU for it.
 * Must not: know what a job does.
 */
#ifndef CPT_BESIDE_H
#define CPT_BESIDE_H

#include "analysis/trace_reader.h"

struct beside;

/* Has the reader's blocks decoded by a second thread, where this process may use more than one CPU.
 * NULL where not, or without memory: nothing is different then but time. To be freed after the reader.
 */
struct beside *beside__new(struct trace_reader *r);
void beside__free(struct beside *b); /* accepts NULL */

#endif /* CPT_BESIDE_H */
