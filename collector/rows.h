/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rows.h - the table of threads, summed up by thread, process or name, and sorted.
 *
 * Owns:     which threads make one row, the keys to sort by.
 * Must not: print.
 */
#ifndef CPT_ROWS_H
#define CPT_ROWS_H

#include "analysis/report.h"

enum cpt_rows_by {
	CPT_ROWS_AUTO, /* by thread, but many of the same name as one row */
	CPT_ROWS_THREAD,
	CPT_ROWS_PROCESS,
	CPT_ROWS_NAME,
};
extern const char *const cpt_rows_by_words[]; /* "auto", "thread", ...; NULL-terminated */
extern const char *const cpt_sort_words[];    /* NULL-terminated; index = sort key */
#define CPT_SORT_RUNNING 0

struct cpt_row {
	char name[CPT_COMM_LEN + 1]; /* raw; a trailing '*' stands for differing numbers */
	uint32_t id;		     /* of the first thread */
	uint32_t tid;	 /* thread: its tid; process: its pid; else of the first thread */
	uint32_t ns_tid; /* the same in its own PID namespace */
	uint32_t threads;
	uint64_t life_ns, running_ns, runnable_ns, waiting_ns, parked_ns, unknown_ns;
	uint64_t reason_ns[CPT_REASON_CNT];
	uint64_t parallel_ns, alone_ns;
	uint64_t switches, migrations;
	double bottle_height_ns;
};

/* Rows by descending sort key (names and tids ascending). *cnt may be 0. NULL with errno. Caller
 * frees with free(). */
struct cpt_row *rows__build(const struct cpt_report *r, enum cpt_rows_by by, int sort, size_t *cnt);

/* The reason of most of the row's waiting and parked time, CPT_REASON_CNT if there was none. */
enum cpt_reason rows__top_reason(const struct cpt_row *row);

/* "worker-12" -> "worker-*": a final number does not make another pool. key: CPT_COMM_LEN + 1 bytes. */
void rows__pool_name(char *key, const char *name);

#endif /* CPT_ROWS_H */
