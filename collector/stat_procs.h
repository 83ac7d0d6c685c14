/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stat_procs.h - CPU time and run-queue waits of processes, from their tasks' accounts.
 *
 * Owns:     a table of bounded size: when it is full, ended processes that used least are added up as
 *           one. Sums are kept whatever happens to rows.
 * Must not: know where the accounts come from.
 *
 * A task's account reaches the table twice at most: as a living task, anew with every look at all of
 * them, and once as its last word. A figure never goes down: a task that ends between the two is
 * missing from one look and back in the next.
 */
#ifndef CPT_STAT_PROCS_H
#define CPT_STAT_PROCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../probes/stat_abi.h"

struct stat_procs;

/* cap: rows kept. NULL if memory is out. */
struct stat_procs *stat_procs__new(uint32_t cap);
void stat_procs__free(struct stat_procs *p);

/* The last word of a task. */
void stat_procs__ended(struct stat_procs *p, const struct cpt_stat_rec *rec);

/* A look at all living tasks: begin, living for each of them, end. */
void stat_procs__begin(struct stat_procs *p);
void stat_procs__living(struct stat_procs *p, const struct cpt_stat_rec *rec);
void stat_procs__end(struct stat_procs *p);
/* Tasks the last look has seen. */
uint32_t stat_procs__living_cnt(const struct stat_procs *p);

/* From here on an interval is counted, or (start) all of it. */
void stat_procs__mark(struct stat_procs *p, bool start);

struct stat_row {
	uint32_t pid;
	uint32_t processes; /* > 1: so many together, pid 0 */
	const char *name;   /* NUL-terminated; lives as long as the table is left alone */
	uint64_t run_ns, wait_ns;
};

struct stat_rows {
	struct stat_row *rows; /* most CPU time first, then most waiting */
	uint32_t cnt;
	struct stat_row others;	  /* all processes that have no row; processes 0: there are none */
	uint64_t run_ns, wait_ns; /* of all */
	uint32_t processes;	  /* that used or waited for a CPU */
};

/* At most top rows since the start (total) or the last mark. 0 or -ENOMEM. The caller frees rows. */
int stat_procs__rows(struct stat_procs *p, bool total, uint32_t top, struct stat_rows *out);

#endif /* CPT_STAT_PROCS_H */
