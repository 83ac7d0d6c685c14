/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The truth of a run: what a tracer has to find, said by the workload itself, as one line of JSON.
 *
 *   {"workload": NAME, "mode": MODE, "class": the ledger class of most of the run or null,
 * "span_ns": [from, to], "expect": [{"figure": path, "of": path or number, "scope": "run" or
 * "span", "min": x, "max": x, "filter": comm, "needs": what the tracer must be able to tell apart},
 * ...], "facts": {what the workload counted itself}}
 *
 * figure / of (or figure alone) must lie in [min, max]. A path names a key of the tracer's JSON
 * report. The span is the part of the run in which all workers work (CLOCK_MONOTONIC).
 *
 * Texts handed in must live until the truth is printed (literals); truth_path() makes a text that
 * does.
 */
#ifndef WL_TRUTH_H
#define WL_TRUTH_H

#include <stdbool.h>
#include <stdint.h>

#define TRUTH_ROWS_MAX	64
#define TRUTH_FACTS_MAX 96
#define TRUTH_PATHS_MAX 8192

/* Scopes, and what a row may need */
#define TRUTH_RUN     "run"
#define TRUTH_SPAN    "span"
#define TRUTH_FUTEX   "futex"
#define TRUTH_LOOPS   "loops"
#define TRUTH_HOLDERS "holders"
#define TRUTH_SAMPLES "samples" /* recorded with --sample */

#define TRUTH_WINDOW "window_ns"

/* No bound on that side: no figure of a report is negative, and none is infinite. */
#define TRUTH_NO_MIN (-1.0)
#define TRUTH_NO_MAX (__builtin_inf())

struct truth_row {
	const char *figure;
	const char *of_path; /* NULL: of_number, unless that is 0 as well */
	double of_number;
	double min, max; /* TRUTH_NO_MIN, TRUTH_NO_MAX: no bound */
	const char *scope;
	const char *filter; /* NULL: the whole report */
	const char *needs;  /* NULL: must hold in any version */
};

struct truth_fact {
	const char *key;
	const char *text; /* NULL: the number */
	double number;
};

struct truth {
	const char *verdict_class; /* NULL: not determined */
	int64_t span_start_ns, span_end_ns;
	int row_cnt, fact_cnt;
	struct truth_row rows[TRUTH_ROWS_MAX];
	struct truth_fact facts[TRUTH_FACTS_MAX];
	int path_sz;
	char paths[TRUTH_PATHS_MAX];
	int64_t steal_start_ns; /* of all CPUs, when the run began */
};

void truth_init(struct truth *truth);

/* figure / of, or figure alone where of is NULL. The row may be given a filter and needs through
 * the result. */
struct truth_row *truth_expect(struct truth *truth, const char *scope, const char *figure,
			       const char *of, double min, double max);

/* figure / number */
struct truth_row *truth_expect_of(struct truth *truth, const char *scope, const char *figure,
				  double number, double min, double max);

/*
 * A figure in running time against CPU time the workload read from the kernel's own clocks. Those
 * leave out the time a hypervisor took a CPU away from a running thread; a tracer's running time
 * holds it. The upper bound is widened by what the machine lost so since the start of the run.
 */
struct truth_row *truth_expect_cpu(struct truth *truth, const char *scope, const char *figure,
				   int64_t cpu_ns, double min, double max);

/* cpu_time_ns against the CPU time of this process and of the children it waited for; to be called
 * last. */
void truth_expect_own_cpu(struct truth *truth, double min, double max);

void truth_fact(struct truth *truth, const char *key, double number);
void truth_fact_text(struct truth *truth, const char *key, const char *text);

/* A formatted text that lives as long as the truth. */
const char *truth_path(struct truth *truth, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* One line on stdout. Returns 0 or -errno. */
int truth_print(const struct truth *truth, const char *workload, const char *mode);

#endif
