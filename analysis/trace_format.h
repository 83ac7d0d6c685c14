/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trace_format.h - the frame of a trace file: file header and sections. FORMAT.md is the page.
 *
 * Owns:     the bytes of the two headers, of the META, CLOSE and LATE payloads, and their checks.
 * Must not: do I/O, know how events lie in a block (trace_block.h).
 */
#ifndef CPT_TRACE_FORMAT_H
#define CPT_TRACE_FORMAT_H

#include "merge.h"
#include "trace_limits.h"

#define CPT_TRACE_MAJOR 1
#define CPT_TRACE_MINOR 5

#define TRACE_HEADER_SZ	  64
#define SECTION_HEADER_SZ 40

#define TRACE_MAGIC_SZ 8
extern const uint8_t trace_magic[TRACE_MAGIC_SZ];

#define TRACE_INCOMPLETE 0x1 /* trace_header.flags: not closed */

struct trace_header {
	uint16_t major, minor;
	uint32_t flags;
	uint64_t closed_sz; /* size of the file once closed, 0 while INCOMPLETE */
};

/* Types of sections; values are on disk. */
#define SECTION_META	1 /* the first section */
#define SECTION_BLOCK	2
#define SECTION_LATE	3
#define SECTION_CLOSE	4 /* the last section of a closed trace */
#define SECTION_WORDS	5 /* since 1.1: words_codec.h */
#define SECTION_STACKS	7 /* what stack numbers stand for: stacks.h */
#define SECTION_SAMPLES 8 /* stacks of switches, samples: trace_side.h */
#define SECTION_LOOPS	9 /* since 1.2: operations of event loops: trace_loops.h */
#define SECTION_LATENCIES                                                                          \
	10 /* since 1.2: how long those took: latencies.h; since 1.3 inbound ones */
#define SECTION_LATENCIES_OUT 11 /* since 1.3: likewise, outbound ones */
#define SECTION_SERVICES      12 /* since 1.4: what descriptors took of turns: services.h */
#define SECTION_CARRIED                                                                            \
	13 /* since 1.5, empty: what stands before it is of the time before (carry.h) */
#define SECTION_ROOM 14 /* since 1.5: nothing, as many bytes as numbers of tasks ask for */

#define SECTION_MARKS 15 /* since 1.5: where phases begin: trace_marks.h */

#define SECTION_CRITICAL 0x1 /* a reader that does not know the type must stop here */

struct section {
	uint16_t type;		    /* SECTION_* */
	uint16_t flags;		    /* SECTION_CRITICAL */
	uint32_t sz;		    /* of the payload */
	uint32_t crc;		    /* of the payload */
	uint64_t first_ns, last_ns; /* BLOCK: of its events; LATE: smallest and largest ts_ns */
	uint32_t cnt;		    /* BLOCK, SAMPLES, LOOPS, MARKS: events; LATE: entries */
};

/* sz bytes of data by zlib's crc32. */
uint32_t trace_crc(const void *data, size_t sz);

void trace_header__encode(uint8_t out[TRACE_HEADER_SZ], const struct trace_header *h);
/* 0, -EINVAL not a trace, -ENOTSUP another major version (h->major and minor are valid), -EBADMSG
 * damaged. */
int trace_header__decode(struct trace_header *h, const uint8_t in[TRACE_HEADER_SZ]);

void section__encode(uint8_t out[SECTION_HEADER_SZ], const struct section *s);
/* 0 or -EBADMSG: not a section's header, or its numbers are out of bounds. */
int section__decode(struct section *s, const uint8_t in[SECTION_HEADER_SZ]);

/* META and CLOSE. Encoding returns malloc'd bytes, *sz of them; NULL without memory or, META, with
 * errno EINVAL when cpu_cnt or cpus are out of range. Overlong strings and argument lists are cut. */
uint8_t *trace_meta__encode(const struct cpt_trace_meta *meta, size_t *sz);
uint8_t *trace_close__encode(const struct cpt_trace_close *close, size_t *sz);

/* 0, -EBADMSG, -ENOMEM. meta's pointers are owned by it until trace_meta__clear. Strings that the
 * trace does not have are "". */
int trace_meta__decode(struct cpt_trace_meta *meta, const uint8_t *in, size_t sz);
void trace_meta__clear(struct cpt_trace_meta *meta);
int trace_close__decode(struct cpt_trace_close *close, const uint8_t *in, size_t sz);

/* One entry of a LATE payload. *prev_ns is the time of the entry before, 0 at first. */
#define LATE_ENTRY_MAX 48
uint8_t *late__encode(uint8_t *out, const struct cpt_late *late, uint64_t *prev_ns);
struct cursor;
/* false: damaged, or beyond cpu_cnt or task_max. */
bool late__decode(struct cursor *c, struct cpt_late *late, uint64_t *prev_ns, uint32_t cpu_cnt,
		  uint32_t task_max);

#endif /* CPT_TRACE_FORMAT_H */
