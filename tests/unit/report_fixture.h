/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report_fixture.h - a report drawn by hand, for the tests of what is written from reports.
 *
 * Four threads behind one lock for 2 s on two CPUs, and the main thread that joins them:
 *
 *	main    R|--------------- parked: join ---------------|
 *	w-1..4   |-- one runs, the others wait for the lock --|
 *
 *	window 2.000 s = parallel 0.036 + concurrent 1.938 (contended 1.882, interleaved 0.056)
 *	               + serial 0.018 (running) + idle 0.008 (quiet)
 */
#ifndef CPT_REPORT_FIXTURE_H
#define CPT_REPORT_FIXTURE_H

#include "analysis/report.h"

#define FIXTURE_MS	 UINT64_C(1000000)
#define FIXTURE_THREADS	 256
#define FIXTURE_BINS	 200
#define FIXTURE_START_NS UINT64_C(5000000000)

struct report_fixture {
	struct cpt_report report;
	struct cpt_trace_meta meta;
	struct cpt_trace_close close;
	struct cpt_thread threads[FIXTURE_THREADS];
	struct cpt_bin bins[FIXTURE_BINS];
	struct cpt_path_part path_parts[5];
	uint64_t parallel[3], cores[3], concurrent[6];
	char names[2][CPT_COMM_LEN];
	uint64_t overlap[4];
	char *argv[8];
};

/* Fills f; the report in it points into f and must not be freed. */
void report_fixture(struct report_fixture *f);

/* Appends one thread to the table of threads (its figures are all zero); returns it. */
struct cpt_thread *report_fixture__add_thread(struct report_fixture *f, const char *name);

#endif /* CPT_REPORT_FIXTURE_H */
