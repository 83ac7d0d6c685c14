/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trace_writer.h - events to a trace file.
 *
 * Owns:     encoding, compression, block size and age, the INCOMPLETE mark.
 * Must not: open files by name, print, know where events come from.
 */
#ifndef CPT_TRACE_WRITER_H
#define CPT_TRACE_WRITER_H

#include "merge.h"
#include "trace.h"
#include "words.h"

struct trace_writer;

/* Starts a trace on fd (regular file, position 0, empty; the caller keeps owning it): writes the
 * header with the INCOMPLETE mark. NULL with errno. */
struct trace_writer *trace_writer__new(int fd, const struct cpt_trace_meta *meta);

/* Events in order of time. 0 or -errno of the failed write; after a failure every call returns it and
 * writes nothing more: what is on disk stays readable up to the last whole block. */
int trace_writer__events(struct trace_writer *w, const struct cpt_event *ev, size_t cnt);
int trace_writer__late(struct trace_writer *w, const struct cpt_late *late);

/* Stacks of switches, samples, steps of loops, marks (CPT_SIDE_EVENTS), each kind in an order of time of its
 * own, apart from the events'. */
int trace_writer__side(struct trace_writer *w, const struct cpt_event *ev, size_t cnt);

/* What the numbers of stacks stand for; once, before closing. */
struct cpt_stacks;
int trace_writer__stacks(struct trace_writer *w, struct cpt_stacks *stacks);

/* A payload of latencies (latencies.h), inbound or outbound ones, at most 4 MiB; nothing where sz is 0. 0 or
 * -errno. */
int trace_writer__latencies(struct trace_writer *w, bool outbound, const uint8_t *payload,
			    size_t sz);
int trace_writer__services(struct trace_writer *w, const uint8_t *payload,
			   size_t sz); /* services.h */

/* Writes what is open, then a section as it came out of another trace of this machine. 0 or -errno. */
struct section;
int trace_writer__section(struct trace_writer *w, const struct section *s, const uint8_t *payload);

/* What was given so far is of the time before: see carry.h. Writes what is open and says so. 0 or -errno. */
int trace_writer__carried(struct trace_writer *w);

/* Bytes that what is open may come to, more rather than less. */
uint64_t trace_writer__open_bytes(const struct trace_writer *w);

/* Writes what is open. 0 or -errno. */
int trace_writer__flush(struct trace_writer *w);

/* A sink for merge__new that calls the first three of these. */
struct cpt_merge_sink trace_writer__sink(struct trace_writer *w);

/* Writes what is open if the first of it, event, sample, step of a loop, mark or late fact, is older than 0.25 s
 * at now_ns. */
int trace_writer__tick(struct trace_writer *w, uint64_t now_ns);

/* Writes what is open and the WORDS section; no events may follow. 0 or -errno. */
int trace_writer__words(struct trace_writer *w, const struct cpt_words *ws);

/* Writes what is open, the closing section, and clears the INCOMPLETE mark last, but for a recording that
 * failed (close->failure): that one says that it is not whole, and why. 0 or -errno. */
int trace_writer__close(struct trace_writer *w, const struct cpt_trace_close *close);

/* 0, or the -errno after which it writes nothing more. */
int trace_writer__err(const struct trace_writer *w);
uint64_t trace_writer__bytes(const struct trace_writer *w); /* written so far */
uint64_t trace_writer__switches(const struct trace_writer *w);
void trace_writer__free(struct trace_writer *w); /* accepts NULL; does not close the fd */

#endif /* CPT_TRACE_WRITER_H */
