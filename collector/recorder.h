/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * recorder.h - one recording, into a trace: a command from its start to its end, or what runs already.
 *
 * Owns:     the order of things: load, fork, attach, mark, release, drain, stop, close.
 * Must not: open the trace by name, print, analyse.
 *
 *   load ── fork (waits) ── attach ── mark ── release ─┬─ drain every 50 ms ─┬─ detach ── rest ── close
 *                                                      └──── until the end ──┘
 *
 * The end is the final switch-out of the last thread of the command's process; with wait_all, of the last
 * task of the workload. What runs already is found instead (attach.h), and the end is that of the processes
 * named, or a signal; either ends with duration_ns:
 *
 *   load ── delay ── attach ── find ── drain every 50 ms ── detach ── rest ── close
 */
#ifndef CPT_RECORDER_H
#define CPT_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "attach.h"
#include "bpf_session.h"
#include "flight.h"
#include "loop_watch.h"
#include "mark_files.h"
#include "places.h"
#include "spawn.h"

#include "../analysis/trace.h"

struct recorder_opts {
	struct spawn_opts spawn; /* argv NULL: what is attached to */
	struct attach *attach;	 /* opened; stays the caller's. NULL: a command */
	struct bpf_session_opts session;
	const char *version;
	int trace_fd;	       /* an empty regular file; stays the caller's */
	struct flight *flight; /* instead of trace_fd; stays the caller's. NULL: all is kept */
	bool wait_all;
	enum loops_mode loops;
	const struct mark_files *marks;
	uint64_t
		delay_ns; /* what comes before counts for nothing: of a command it is in the trace */
	uint64_t
		duration_ns; /* stop so long after the start (and the delay), the command goes on; 0: no */
	/* What cannot be given up once the probes are attached, beside what recording itself needs: RIGHT() of
	 * rights.h. RIGHTS_ALL: everything is kept, another recording follows. */
	uint64_t rights;
	/* Called once the command runs: the moment for the trace to take its place. NULL: nothing to do. */
	void (*released)(void *ctx);
	void *released_ctx;
};

#define RIGHTS_ALL UINT64_MAX

#define CPT_RECORDER_LINE 320

struct recorder_result {
	bool of_command;
	bool released; /* the command ran; else nothing was recorded and the line says why; "": it has been said */
	struct spawn_child child; /* still runs: see recorder__status */
	int status; /* released: the command's own exit status (128 + n: signal n), what was attached to: 0;
			else 125, 126, 127, or 1, 3 */
	int trace_err; /* released: first failure of ours, -errno, what it is in line; the trace is readable
			   up to there */
	char line[CPT_RECORDER_LINE];
	int flight_err;		      /* what a flight kept could not be written: flight__end */
	struct cpt_trace_close close; /* what the closing section says */
	uint64_t located_lost;	      /* records lost at known places */
	uint64_t trace_bytes, switches, tasks;
	char loops_line
		[CPT_RECORDER_LINE]; /* why event loops were not followed; "": they were, or none */
	char marks_line
		[CPT_RECORDER_LINE]; /* why those that programs have are not taken; "": they are */
	struct places_stats places;  /* what it took to know where addresses lie */
};

/* Records. spawn__signals must have been called. 0 if the command was released, whatever came after;
 * -errno if not. */
int recorder__run(const struct recorder_opts *opts, struct recorder_result *res);

/* res->status, once a command that goes on behind its recording has ended. */
int recorder__status(struct recorder_result *res);

#endif /* CPT_RECORDER_H */
