/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trace_loops.h - events of event loops to the payload of a LOOPS section, and back.
 *
 * Owns:     the bytes of CPT_EV_LOOP_NEW, _LOOP, _LOOP_LOST and _LOOP_END. They stand beside the blocks, as SAMPLES
 *           do (trace_side.h), in an order of time of their own.
 * Must not: do I/O, know what a level means.
 */
#ifndef CPT_TRACE_LOOPS_H
#define CPT_TRACE_LOOPS_H

#include "event.h"
#include "trace_limits.h"

/* A level, and what an event counts, is at most this. */
#define CPT_LOOP_LEVEL_MAX (1u << 24)

static inline bool is_loop_event(uint8_t type)
{
	return type == CPT_EV_LOOP_NEW || type == CPT_EV_LOOP || type == CPT_EV_LOOP_LOST ||
	       type == CPT_EV_LOOP_END;
}

/* Whether ev, to be written behind one at last_ns, is what a section may hold. */
bool loop_side__valid(const struct cpt_event *ev, uint64_t last_ns, uint32_t task_max);

/* cnt valid events in order of time, at most CPT_SIDE_EVENTS_MAX. malloc'd; NULL with errno. */
uint8_t *loop_side__encode(const struct cpt_event *ev, size_t cnt, size_t *sz);

/* A payload that holds cnt events from first_ns to last_ns, into ev, which has room for them. 0, -ENOMEM,
 * -EBADMSG. */
int loop_side__decode(struct cpt_event *ev, uint32_t cnt, const uint8_t *in, size_t sz,
		      uint64_t first_ns, uint64_t last_ns, uint32_t task_max);

#endif /* CPT_TRACE_LOOPS_H */
