/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mark_watch.h - marks of phases, from the probes into the trace.
 *
 * Owns:     at which files programs' marks are listened for, the order of marks in the trace, that `cpartrace mark` is
 *           told they are taken.
 * Must not: fail a recording where programs' marks cannot be had, but for a file that the user named.
 *
 * `cpartrace mark` is heard by the session's own probes. Listened at are, if they have marks, the command's or the
 * named processes' programs as they are at the start, and the files named. What a program executes later is listened at
 * if it is one of these: by then the rights to attach probes have been given up. Of the programs that are recorded others
 * may run, too: these count for the workload alone.
 */
#ifndef CPT_MARK_WATCH_H
#define CPT_MARK_WATCH_H

#include "../analysis/trace_writer.h"
#include "bpf_session.h"
#include "mark_files.h"
#include "rights.h"

struct mark_watch_opts {
	const char *program;	      /* argv[0] of the command, NULL none */
	const struct rights_user *as; /* who executes it; group_cnt 0: we ourselves */
	const uint32_t *pids;	      /* processes that run already */
	uint32_t pid_cnt;
	const struct mark_files *files;
};

struct mark_watch;

/* Once the probes of the session are attached; both are borrowed. NULL with errno and a line in err: no memory, or one
 * of the files has no mark (-ENOENT) or cannot be listened at. A line without that: why the marks that the recorded
 * programs have are not taken. */
struct mark_watch *mark_watch__new(const struct mark_watch_opts *opts, struct bpf_session *session,
				   struct trace_writer *writer, char *err, size_t err_sz);
void mark_watch__free(struct mark_watch *w); /* accepts NULL */

/* Marks go there instead of to the writer. */
void mark_watch__divert(struct mark_watch *w,
			int (*to)(void *ctx, const struct cpt_event *ev, size_t cnt), void *ctx);

/* What was set up to until_ns, into the trace: no later than the events of that time, so that a recording that is cut
 * between two events is cut between the same two marks. 0 or -errno. */
int mark_watch__tick(struct mark_watch *w, uint64_t until_ns);

/* The recording ends: from here on `cpartrace mark` is not told any more that it is heard. Before the session's probes
 * are detached, so that what is told of a mark was so when it was set. */
void mark_watch__leave(struct mark_watch *w);

/* All that is left, for the last time, once the session's probes are detached. lost: CPT_MARK_LOSS_CNT numbers. */
int mark_watch__finish(struct mark_watch *w, uint64_t *lost);

#endif /* CPT_MARK_WATCH_H */
