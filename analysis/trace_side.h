/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trace_side.h - stacks of switches and samples to the payload of a SAMPLES section, and back.
 *
 * Owns:     the bytes of CPT_EV_STACKS and CPT_EV_SAMPLE. They stand beside the blocks, not in them, so
 *           that whoever does not ask for stacks has nothing of them.
 * Must not: do I/O, know what a stack number stands for (stacks.h).
 */
#ifndef CPT_TRACE_SIDE_H
#define CPT_TRACE_SIDE_H

#include "event.h"
#include "trace_limits.h"

#define CPT_SIDE_EVENTS_MAX 65536u /* of a section */

/* Whether ev, to be written behind one at last_ns, is what a section may hold. */
bool side__valid(const struct cpt_event *ev, uint64_t last_ns, uint32_t cpu_cnt, uint32_t task_max);

/* cnt valid events in order of time, at most CPT_SIDE_EVENTS_MAX. malloc'd; NULL with errno. */
uint8_t *side__encode(const struct cpt_event *ev, size_t cnt, size_t *sz);

/* A payload that holds cnt events from first_ns to last_ns, into ev, which has room for them. 0, -ENOMEM,
 * -EBADMSG. */
int side__decode(struct cpt_event *ev, uint32_t cnt, const uint8_t *in, size_t sz,
		 uint64_t first_ns, uint64_t last_ns, uint32_t cpu_cnt, uint32_t task_max);

/* Writes one event behind the one at prev_ns; returns the place behind it, at most entry_max bytes on. */
typedef uint8_t *(*side_put_fn)(uint8_t *p, const struct cpt_event *ev, uint64_t prev_ns);

/* cnt events, each as put writes it, packed. malloc'd; NULL with errno. */
uint8_t *side__encode_as(side_put_fn put, size_t entry_max, const struct cpt_event *ev, size_t cnt,
			 size_t *sz);

/* sz bytes as such sections have them: size, then zlib data. malloc'd; NULL with errno. */
uint8_t *side__pack(const uint8_t *raw, size_t sz, size_t *packed_sz);
/* And back; they come to min to max bytes. 0, -ENOMEM, -EBADMSG. */
int side__unpack(const uint8_t *in, size_t sz, uint64_t min, uint64_t max, uint8_t **raw,
		 size_t *raw_sz);

#endif /* CPT_TRACE_SIDE_H */
