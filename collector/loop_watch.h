/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop_watch.h - event loops of a recording: when their probes are needed, and what they say, written.
 *
 * Owns:     --loops: at once, when a loop is first seen, or never; reading what was registered before.
 * Must not: know the recording's other records.
 *
 *   auto   a task blocks in epoll_wait or
 *          io_uring_enter, or twice in poll
 *          or select on a set ── the switch probe says so ── load, attach ── steps from then on
 */
#ifndef CPT_LOOP_WATCH_H
#define CPT_LOOP_WATCH_H

#include <stdbool.h>

#include "../analysis/trace_writer.h"
#include "bpf_session.h"
#include "loop_mode.h"

struct loop_watch;

/* session and writer are borrowed. With LOOPS_ON and LOOPS_FDS the probes are attached, else not
 * yet; released: the workload
 * runs already. NULL with errno and a line in err. */
struct loop_watch *loop_watch__new(enum loops_mode mode, bool released, struct bpf_session *session,
				   struct trace_writer *writer, char *err, size_t err_sz);
/* Events go to `to` from here on instead of a writer; before any. */
void loop_watch__divert(struct loop_watch *w,
			int (*to)(void *ctx, const struct cpt_event *ev, size_t cnt), void *ctx);
/* Will the probes be attached when a loop is seen? Not once they are, or could not be. */
bool loop_watch__may_attach(const struct loop_watch *w);
void loop_watch__free(struct loop_watch *w); /* accepts NULL */

/* At each drain: attaches if a loop was seen, reads what there is, writes what lies before horizon_ns. 0 or
 * -errno, a failure to write. */
int loop_watch__tick(struct loop_watch *w, uint64_t now_ns, uint64_t horizon_ns);

/* The recording is over at end_ns: detaches, writes the rest. Before the last events of the recording are
 * written. 0 or -errno. */
int loop_watch__finish(struct loop_watch *w, uint64_t end_ns);
/* And how long operations took; behind all events. 0 or -errno. */
int loop_watch__write_rows(struct loop_watch *w);

/* CPT_LOOPS_* of trace.h, and what was not followed. */
uint8_t loop_watch__state(const struct loop_watch *w, uint64_t losses[CPT_LOOP_LOSS_CNT]);
/* Why loops are not followed although they should be; NULL: they are, or none were seen. */
const char *loop_watch__failure(const struct loop_watch *w);

#endif /* CPT_LOOP_WATCH_H */
