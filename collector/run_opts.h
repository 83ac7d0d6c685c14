/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * run_opts.h - the command lines of `run` and `record`.
 *
 * Owns:     their tables of options and what they mean together. Parsed without BPF or root.
 */
#ifndef CPT_RUN_OPTS_H
#define CPT_RUN_OPTS_H

#include "flight_opts.h"
#include "mark_files.h"
#include "targets.h"
#include "view.h"

struct record_opts {
	const char *output; /* NULL: CPT_TRACE_DEFAULT */
	const char *user;
	uint64_t buffer_sz;	/* per CPU; 0: the default */
	struct targets targets; /* instead of a command */
	uint64_t delay_ns;
	uint64_t duration_ns; /* 0: until the workload ends */
	bool wait_all;
	bool no_budget;
	bool stacks;
	uint32_t sample_hz;	     /* 0: as stacks ask */
	int loops;		     /* enum loops_mode */
	struct flight_opts flight;   /* record alone; neither span nor bytes: no */
	struct trigger_opts trigger; /* likewise */
	struct mark_files marks;     /* to listen at, beside the workload's programs */
	bool strict;
	bool quiet, verbose;
};

/* Is it one that keeps its last part alone? */
bool record_opts__is_flight(const struct record_opts *o);

struct run_opts {
	struct record_opts rec;
	const char *json;	 /* "-": stdout */
	const char *report_file; /* NULL: stderr */
	uint32_t repeat;
	uint32_t in_progress; /* CPT_IN_PROGRESS_* */
	uint32_t top;
	uint32_t width;
};

#define REPEAT_MAX 1000

/* Samples a second of each CPU: no round number, so that it beats with nothing that is one. */
#define CPT_SAMPLE_HZ	  997
#define CPT_SAMPLE_HZ_MAX 10000

/* What is to be sampled: as asked for, or because of --stacks. */
uint32_t record_opts__sample_hz(const struct record_opts *o);

extern const struct cli_option run_options[];
extern const struct cli_option record_options[];

/* What is wrong with the options together, given whether a command follows them; NULL: nothing. */
const char *record_opts__mistake(const struct record_opts *o, bool command);

/* Likewise of `run`. */
const char *run_opts__mistake(const struct run_opts *o, bool command);

/* Defaults. */
void run_opts__init(struct run_opts *o);

#endif /* CPT_RUN_OPTS_H */
