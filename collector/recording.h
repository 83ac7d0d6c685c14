/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * recording.h - one recording into a trace file that `run` and `record` make alike.
 *
 * Owns:     the file of the trace, what the recorder is told, and what is said of how it went.
 * Must not: analyse or report.
 */
#ifndef CPT_RECORDING_H
#define CPT_RECORDING_H

#include "output_file.h"
#include "recorder.h"
#include "run_opts.h"

struct recording {
	struct output_file trace; /* none of a flight */
	int misplaced;		  /* why it could not take its place at once; it has been said */
	struct flight *flight;	  /* NULL: all is kept */
	struct recorder_result res;
	bool failed; /* something of ours failed after the release; it has been said */
	bool lost;   /* it was removed, or its directory, while it was recorded; it has been said */
	bool left; /* it could not be put in its place: it stays where it is, which has been said */
};

/* Once per program, before the first recording: signals, output levels. */
void recording__begin(const struct record_opts *o);

/* Runs argv, or attaches to what o->targets says where argv is NULL, and records it to path. 0 if something
 * was recorded: the trace is open in rec->trace then, to be read and closed by recording__end. Else it has
 * been said why, and the exit status is returned. dir_fd: path's directory, where a recording into it was made
 * before; -1. rights: as recorder_opts has it, of the caller. */
int recording__make(struct recording *rec, const struct record_opts *o, int dir_fd,
		    const char *path, char *const *argv, uint64_t rights);
void recording__end(struct recording *rec);

/* What the program returns for a recording that was made; waits for a command that goes on. */
int recording__status(struct recording *rec, const struct record_opts *o);

#endif /* CPT_RECORDING_H */
