/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * diff_book.h - the figures of several runs of two sides, matched by name.
 *
 * Owns:     what is compared: figures by group, name and measure, with a value for each run.
 * Must not: judge differences (diff_result.h), print.
 *
 *	            side A             side B
 *	figure    run 1  run 2 ...   run 1  run 2 ...     what a run does not have is 0
 *
 * Memory: a value per figure and run; figures are as many as names and locks the reports have.
 */
#ifndef CPT_DIFF_BOOK_H
#define CPT_DIFF_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/report.h"

/* X(NAME, "name in JSON", "title in the text") */
/* clang-format off */
#define CPT_DIFF_GROUPS(X)                                                                         \
	X(TIME, "time", "Time")                                                                    \
	X(LEDGER, "ledger", "Where the time went")                                                 \
	X(PARALLELISM, "parallelism", "CPUs busy and things in progress")                          \
	X(PATH, "path", "Work, span and critical path")                                            \
	X(BUDGET, "budget", "Where the CPU time went")                                             \
	X(DEMAND, "demand", "Why ready work did not run")                                          \
	X(LOCK, "lock", "Locks")                                                                   \
	X(LOOP, "loop", "Event loops by name")                                                     \
	X(PATH_NAME, "path_name", "Critical path by name of thread")                               \
	X(THREAD, "thread", "Threads by name")
/* clang-format on */
#define CPT_DIFF_GROUP_ENUM(name, str, title) CPT_DIFF_##name,
enum diff_group { CPT_DIFF_GROUPS(CPT_DIFF_GROUP_ENUM) CPT_DIFF_GROUP_CNT };
#undef CPT_DIFF_GROUP_ENUM

/* X(NAME, "name in JSON") */
#define CPT_DIFF_UNITS(X)                                                                          \
	X(SHARE, "share") /* of the window or of the CPU time allowed, 0..1 */                     \
	X(NS, "ns")                                                                                \
	X(AVERAGE, "average") /* of a count over the window */                                     \
	X(COUNT, "count")
#define CPT_DIFF_UNIT_ENUM(name, str) CPT_DIFF_UNIT_##name,
enum diff_unit { CPT_DIFF_UNITS(CPT_DIFF_UNIT_ENUM) CPT_DIFF_UNIT_CNT };
#undef CPT_DIFF_UNIT_ENUM

#define DIFF_A 0
#define DIFF_B 1

struct diff_figure {
	enum diff_group group;
	enum diff_unit unit;
	char *key;	   /* what is matched by; owned */
	char *name;	   /* as shown, raw bytes; owned */
	const char *what;  /* measure */
	bool main;	   /* of the few that the summary speaks of */
	bool foreign;	   /* tells of the machine, not of the workload: never called a change */
	bool doubtful;	   /* a run knows it in part only: likewise */
	bool whole;	   /* compared only if every run has it: none is no 0 */
	bool events;	   /* a number of events that come as they will */
	uint32_t runs;	   /* how often it was put; of `whole` ones: runs that have it */
	double *values[2]; /* by side, one per run; owned */
	/* Likewise, as if others had taken no CPU (diff_undisturbed.h); owned, NULL not known. */
	double *undisturbed[2];
	double *costs[2]; /* share of the CPU time allowed that it stands for; owned, NULL none */
	double *open[2];  /* how much lost events leave open of the values; owned, NULL not told */
};

/* What runs say of themselves as a whole, one value per run; owned. */
struct diff_runs {
	uint32_t cnt;
	double *window_ns;
	double *disturbed; /* average of tasks kept from CPUs by others, and what was stolen */
	double *unknown;   /* share of the window */
	bool incomplete;   /* one is */
};

struct diff_book {
	struct diff_runs runs[2];     /* by side */
	struct diff_figure **figures; /* in order of first appearance */
	uint32_t cnt, cap;
	void *index; /* of tsearch() */
	bool failed; /* out of memory */
};

/* 0 or -ENOMEM. */
int diff_book__init(struct diff_book *book, uint32_t runs_a, uint32_t runs_b);
/* Takes note of all figures of a report: run `run` of side `side`, each of them once. Failure of memory is in
 * book->failed. */
void diff_book__add(struct diff_book *book, int side, uint32_t run, const struct cpt_report *r);
void diff_book__free(struct diff_book *book);

/* What threads and loops are matched by: the name without what differs from run to run, "worker-12" ->
 * "worker-*", "conn-40312-rd" -> "conn-*-rd". key: CPT_COMM_LEN + 1 bytes. */
void diff_name_key(char *key, const char *name);

const char *diff_group_name(enum diff_group group);
/* Are its figures those of names: locks, threads ...? There can be many, and the largest are compared. */
bool diff_group_is_named(enum diff_group group);
const char *diff_group_title(enum diff_group group);
const char *diff_unit_name(enum diff_unit unit);

#endif /* CPT_DIFF_BOOK_H */
