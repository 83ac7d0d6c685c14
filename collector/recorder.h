/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * recorder.h - one recording: a command from its start to its end, into a trace.
 *
 * Owns:     the order of things: load, fork, attach, mark, release, drain, stop, close.
 * Must not: open the trace by name, print, analyse.
 *
 *   load ── fork (waits) ── attach ── mark ── release ─┬─ drain every 50 ms ─┬─ detach ── rest ── close
 *                                                      └──── until the end ──┘
 *
 * The end is the final switch-out of the last thread of the command's process; with wait_all, of the last
 * task of the workload.
 */
#ifndef CPT_RECORDER_H
#define CPT_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf_session.h"
#include "loop_watch.h"
#include "places.h"
#include "spawn.h"

#include "../analysis/trace.h"

struct recorder_opts {
	struct spawn_opts spawn;
	struct bpf_session_opts session;
	const char *version;
	int trace_fd; /* an empty regular file; stays the caller's */
	bool wait_all;
	enum loops_mode loops;
	uint64_t duration_ns; /* stop so long after the start, the command goes on; 0: no */
	/* Called once the command runs: the moment for the trace to take its place. NULL: nothing to do. */
	void (*released)(void *ctx);
	void *released_ctx;
};

#define CPT_RECORDER_LINE 320

struct recorder_result {
	bool released; /* the command ran; else nothing was recorded and the line says why */
	int status; /* released: the command's own exit status (128 + n: signal n); else 125, 126, 127 */
	int trace_err; /* released: first failure of ours, -errno, what it is in line; the trace is readable
			   up to there */
	char line[CPT_RECORDER_LINE];
	struct cpt_trace_close close; /* what the closing section says */
	uint64_t located_lost;	      /* records lost at known places */
	uint64_t trace_bytes, switches, tasks;
	char loops_line
		[CPT_RECORDER_LINE]; /* why event loops were not followed; "": they were, or none */
	struct places_stats places;  /* what it took to know where addresses lie */
};

/* Records. spawn__signals must have been called. 0 if the command was released, whatever came after;
 * -errno if not. */
int recorder__run(const struct recorder_opts *opts, struct recorder_result *res);

#endif /* CPT_RECORDER_H */
