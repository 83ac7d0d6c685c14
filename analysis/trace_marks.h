/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trace_marks.h - marks of phases to the payload of a MARKS section, and back.
 *
 * Owns:     the bytes of CPT_EV_MARK. They stand beside the blocks, as SAMPLES do (trace_side.h), in an order of
 *           time of their own: a reader that does not know them misses the phases and nothing else.
 * Must not: do I/O, know what a phase is.
 */
#ifndef CPT_TRACE_MARKS_H
#define CPT_TRACE_MARKS_H

#include "event.h"
#include "trace_limits.h"

/* Whether ev, to be written behind one at last_ns, is what a section may hold. */
bool mark_side__valid(const struct cpt_event *ev, uint64_t last_ns, uint32_t task_max);

/* cnt valid events in order of time, at most CPT_SIDE_EVENTS_MAX. malloc'd; NULL with errno. */
uint8_t *mark_side__encode(const struct cpt_event *ev, size_t cnt, size_t *sz);

/* A payload that holds cnt events from first_ns to last_ns, into ev, which has room for them. *names is where
 * their names are from then on (what it was is freed; the caller's). 0, -ENOMEM, -EBADMSG. */
int mark_side__decode(struct cpt_event *ev, uint32_t cnt, const uint8_t *in, size_t sz,
		      uint64_t first_ns, uint64_t last_ns, uint32_t task_max, char **names);

#endif /* CPT_TRACE_MARKS_H */
