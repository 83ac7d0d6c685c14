/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trace_limits.h - the largest values a trace may hold.
 *
 * Owns:     the caps that merge and writer keep to and that the reader holds every file to, so that
 *           no number in a file decides alone how much memory anybody allocates.
 */
#ifndef CPT_TRACE_LIMITS_H
#define CPT_TRACE_LIMITS_H

#include "trace.h"

/* The highest task number is CPT_TASK_MAX. A reader also refuses numbers above this + the file's size:
 * every task leaves more than one byte behind (where much is lost, of some only the number of a later one tells),
 * so a small file cannot make anyone size a table for millions of them. */
#define CPT_TASK_FREE 65536u

/* Nor may a trace name more different tasks than these + one for so many bytes: task_census.h. */
#define CPT_TASKS_FREE 32768u
#define CPT_TASK_BYTES 8u

/* Highest number of an epoll instance; those beyond are not followed. */
#define CPT_LOOP_NUMBER_MAX 65536u

/* Latest time: differences of two fit a signed number. */
#define CPT_TIME_MAX ((uint64_t)INT64_MAX)

/* Per block. */
#define CPT_BLOCK_EVENTS_MAX 65536u
#define CPT_BLOCK_SHAPES_MAX 4096u
#define CPT_BLOCK_DISK_MAX   (4u << 20) /* bytes of any section's payload */
#define CPT_BLOCK_RAW_MAX    (8u << 20) /* bytes of a block's columns together */

#endif /* CPT_TRACE_LIMITS_H */
