/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trace_reader_priv.h - what the parts of the reader share: its state, and reading of sections.
 *
 * Owns:     struct trace_reader; which part does what:
 *             trace_reader.c       bytes, blocks, what is returned next
 *             trace_reader_open.c  the header, the walk over all sections, what is found in them at once
 *             trace_reader_late.c  late facts, worked into the blocks of their time
 *             trace_reader_side.c  SAMPLES, LOOPS and MARKS sections
 * Must not: be included by anyone else.
 */
#ifndef CPT_TRACE_READER_PRIV_H
#define CPT_TRACE_READER_PRIV_H

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "late_index.h"
#include "task_census.h"
#include "trace_block.h"
#include "trace_format.h"
#include "trace_late.h"
#include "trace_reader.h"

struct bytes {
	uint8_t *at;
	size_t cap;
};

/* A block that is decoded beside the one that is looked at. */
struct ahead {
	struct cpt_beside beside;
	bool started;
	uint64_t pos; /* of its section */
	struct section s;
	int fd;
	struct block_decoder *decoder; /* NULL: none is decoded ahead */
	struct bytes payload;
	struct cpt_event *events;
	int ret; /* 1: it is sound */
};

/* The side events of one type of section, see above. */
struct side {
	uint16_t type; /* SECTION_* */
	bool any;
	uint64_t last_ns; /* of the walk: of the section before */
	uint64_t pos;	  /* next section to look at */
	struct cpt_event *events;
	uint32_t cnt, at;
	char *names; /* of marks that are among the events */
};

/* In the order in which they stand at an instant. */
enum side_kind { SIDE_MARKS, SIDE_LOOPS, SIDE_SAMPLES, SIDE_CNT };

struct trace_reader {
	int fd;
	uint64_t file_sz;
	uint64_t data_pos; /* first section behind META */
	uint64_t end_pos;  /* end of the sound sections */
	uint64_t pos;	   /* next section */
	uint64_t first_ns, last_ns;
	struct cpt_trace_meta meta;
	struct cpt_trace_close close;
	bool has_close, has_blocks;
	bool cut; /* blocks are missing at its end: there is no closing section, or a damaged block was met */
	struct cpt_words *words; /* NULL: none that is sound */
	uint32_t task_max;
	struct task_census census;
	struct block_decoder *decoder;
	struct bytes payload; /* the current block's: its events point into it */
	struct ahead ahead;
	struct bytes aside; /* any other section's */
	struct late_window late;
	struct late_index late_index;
	uint64_t late_read;	  /* bytes of late facts that were decoded since rewinding */
	struct cpt_event *events; /* the current block */
	size_t event_cnt, event_pos;
	size_t end_idx, wake_idx; /* next of late.at to look at for an end, a wake-up */
	uint64_t block_last_ns;	  /* the next block must not begin before it */
	struct cpt_event late_event;
	struct side sides[SIDE_CNT];
	struct cpt_latencies *latencies; /* NULL: none */
	struct cpt_services *services;	 /* likewise */
	uint16_t minor;			 /* of its format */
	const struct cpt_event *held;	 /* of the blocks, read and not returned yet */
	size_t held_cnt;
	struct cpt_stacks *stacks;
	char incomplete[CPT_TRACE_ERR_LEN];
};

/* ---- trace_reader.c ------------------------------------------------------------------------------ */

/* Why the trace is not whole; the first reason stays. */
__attribute__((format(printf, 2, 3))) void reader__note(struct trace_reader *r, const char *fmt,
							...);
/* 1 all of sz bytes, 0 the file ends before, -errno. */
int reader__read(int fd, void *data, size_t sz, uint64_t pos);
/* Header of the section at pos. 1; 0 none that is sound and whole (says why unless pos is the end);
 * -errno. */
int reader__section(struct trace_reader *r, uint64_t pos, struct section *s);
/* Payload of the section at pos into b. 1, 0 its check sum is wrong (says so), -errno. */
int reader__payload(struct trace_reader *r, struct bytes *b, uint64_t pos, const struct section *s);
/* First event of the block at or after ts_ns, from index lo on. */
size_t reader__find_time(const struct trace_reader *r, size_t lo, uint64_t ts_ns);

static inline uint64_t next_pos(uint64_t pos, const struct section *s)
{
	return pos + SECTION_HEADER_SZ + s->sz;
}

/* ---- trace_reader_open.c: 0 or -errno with a line in err ------------------------------------------ */

int reader_open__refuse(char *err, int ret); /* for -errno; returns it */
int reader_open__header(struct trace_reader *r, struct trace_header *h, char *err);
int reader_open__meta(struct trace_reader *r, char *err);
/* Over all sections, once. 0 or -errno, no line. */
int reader_open__walk(struct trace_reader *r);
/* What the header's promise and the walk's finding come to together. */
void reader_open__judge(struct trace_reader *r, const struct trace_header *h);

/* ---- trace_reader_late.c --------------------------------------------------------------------------- */

/* Fills the window with late facts from from_ns on. 0 or -errno. */
int reader_late__load(struct trace_reader *r, uint64_t from_ns);
/* Ends of waits that began in events[..lim). */
void reader_late__apply(struct trace_reader *r, size_t lim);
/* The next late wake-up, NULL when the window has no more. */
const struct cpt_late *reader_late__wake(struct trace_reader *r);
/* Where it belongs among events[event_pos..lim). */
size_t reader_late__place(const struct trace_reader *r, const struct cpt_late *wake, size_t lim);
/* It is returned, as an event. */
void reader_late__take(struct trace_reader *r, const struct cpt_event **ev, size_t *cnt);

/* ---- trace_reader_side.c --------------------------------------------------------------------------- */

const char *reader_side__name(const struct side *side);
/* Which of the side events comes first, into *first; up to when it goes on before anything else follows, held or
 * of another kind, into *until_ns. *first is NULL when a held event comes before all. 0 or -errno. */
int reader_side__first(struct trace_reader *r, struct side **first, uint64_t *until_ns);
/* Those up to until_ns are returned. */
void reader_side__take(struct side *side, uint64_t until_ns, const struct cpt_event **ev,
		       size_t *cnt);

#endif /* CPT_TRACE_READER_PRIV_H */
