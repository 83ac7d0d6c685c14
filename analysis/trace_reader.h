/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trace_reader.h - a trace file to events.
 *
 * Owns:     validation of every byte, decompression, working in the late facts. What comes out is ordered by time and complete: late
 *           wake-ups stand at their own time, and each blocking switch-out says how it ended.
 * Must not: print, exit, trust the file.
 *
 * Memory: one block, and a window of late facts of at most 20 MiB, whatever the file says. Times are
 * below 2^63; a task's number is at most 65536 + the file's size (and below 2^24), so that a table by
 * task number is a safe thing to have.
 */
#ifndef CPT_TRACE_READER_H
#define CPT_TRACE_READER_H

#include "trace.h"
#include "merge.h"
#include "words.h"

struct trace_reader;
struct cpt_stacks;
struct cpt_latencies;
struct cpt_services;

#define CPT_TRACE_ERR_LEN 256

/* Opens a trace. fd stays the caller's and must be seekable. NULL with errno: EINVAL not a trace,
 * ENOTSUP a version this reader does not know, EBADMSG damaged header, ENODATA empty file, others
 * from the system; err (CPT_TRACE_ERR_LEN bytes) then says it in words, one line. A trace that is
 * damaged or cut off behind its header opens: see trace_reader__incomplete(). */
struct trace_reader *trace_reader__open(int fd, char *err);
void trace_reader__free(struct trace_reader *r); /* accepts NULL */

const struct cpt_trace_meta *trace_reader__meta(const struct trace_reader *r);
/* NULL when the trace has no closing section. */
const struct cpt_trace_close *trace_reader__close_facts(const struct trace_reader *r);

/* What the numbers of stacks stand for; NULL when the trace has none. */
const struct cpt_stacks *trace_reader__stacks(const struct trace_reader *r);

/* How long operations of event loops took; NULL when the trace does not say. */
const struct cpt_latencies *trace_reader__latencies(const struct trace_reader *r);
const struct cpt_services *trace_reader__services(const struct trace_reader *r);

/* The words of the trace's WORDS section, owned by the reader; NULL when it has none that is sound (an
 * older file, one that was cut off): see words__feed(). Names may be added to them. */
struct cpt_words *trace_reader__words(struct trace_reader *r);

/* Why the trace is not whole, in words; NULL when it is. May change from NULL while reading, when a
 * damaged block is met: reading then ends there. */
const char *trace_reader__incomplete(const struct trace_reader *r);

/* Time span by the block headers, without decoding; first = last = start_mono_ns when there are no
 * blocks. */
void trace_reader__span(const struct trace_reader *r, uint64_t *first_ns, uint64_t *last_ns);

/* Next events, CPT_SIDE_EVENTS among them (before all others of their instant). *ev stays valid until the next call. 1 with *cnt > 0, 0 at the end (also at the first
 * damaged block), -errno for system errors. */
int trace_reader__next(struct trace_reader *r, const struct cpt_event **ev, size_t *cnt);

/*
 * Lets the next block be decoded while the caller looks at the one before: start has job(arg) run
 * elsewhere, wait returns when it has ended. At most one job at a time; it touches memory of its own
 * and reads the file. Both are called from within trace_reader__next, _rewind and _free. Without, or
 * when all is done in start, nothing is different but time and a block's worth of memory. 0 or -ENOMEM
 * (then as without).
 */
struct cpt_beside {
	void (*start)(void *ctx, void (*job)(void *arg), void *arg);
	void (*wait)(void *ctx);
	void *ctx;
};
int trace_reader__beside(struct trace_reader *r, const struct cpt_beside *beside);

/* Back to the first event. 0 or -errno. */
int trace_reader__rewind(struct trace_reader *r);

uint64_t trace_reader__file_sz(const struct trace_reader *r);
uint64_t trace_reader__file_pos(const struct trace_reader *r); /* for progress */
/* Bytes of late facts decoded since the first event: how often they had to be gone over. */
uint64_t trace_reader__late_read(const struct trace_reader *r);

#endif /* CPT_TRACE_READER_H */
