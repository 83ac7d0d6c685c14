// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* script_loops.c - see script_loops.h. */
#include "script_loops.h"

#include <inttypes.h>
#include <stddef.h>

const char *script_loops__kind(uint8_t type)
{
	switch (type) {
	case CPT_EV_LOOP_NEW:
		return "loop_new";
	case CPT_EV_LOOP:
		return "loop";
	case CPT_EV_LOOP_LOST:
		return "loop_lost";
	case CPT_EV_LOOP_END:
		return "loop_end";
	default:
		return NULL;
	}
}

static void add_new(struct strbuf *b, const struct cpt_event *ev)
{
	strbuf__addf(b, " instance=%" PRIu32, ev->other);
	if (ev->flags & CPT_LOOP_POLL)
		strbuf__adds(b, " poll");
	else
		strbuf__addf(b, " %s=%" PRIu32, ev->flags & CPT_LOOP_RING ? "ring" : "epfd",
			     ev->loop_fd);
	if (ev->flags & CPT_LOOP_FOUND)
		strbuf__adds(b, " found");
}

static void add_level(struct strbuf *b, const char *what, const struct cpt_event *ev)
{
	strbuf__addf(b, " %s=%" PRIu32 " peak=%" PRIu32, what, ev->level, ev->peak);
}

static void add_loop(struct strbuf *b, const struct cpt_event *ev)
{
	strbuf__addf(b, " instance=%" PRIu32, ev->other);
	if (ev->flags & CPT_LOOP_EV_TIMERS)
		add_level(b, "timers", ev);
	if (ev->flags & CPT_LOOP_EV_CONNS)
		add_level(b, "connections", ev);
	if (ev->flags & CPT_LOOP_EV_OPS) {
		strbuf__addf(b, " %s opened=%" PRIu32 " completed=%" PRIu32 " cancelled=%" PRIu32,
			     ev->flags & CPT_LOOP_EV_OUT ? "outbound" : "inbound", ev->opened,
			     ev->completed, ev->cancelled);
		add_level(b, "in_flight", ev);
	}
	if (ev->iterations)
		strbuf__addf(b, " turns=%" PRIu32 " events=%" PRIu32, ev->iterations, ev->batch);
}

void script_loops__add(struct strbuf *b, const struct cpt_event *ev)
{
	if (ev->type == CPT_EV_LOOP_NEW)
		add_new(b, ev);
	else if (ev->type == CPT_EV_LOOP_END)
		strbuf__addf(b, " instance=%" PRIu32, ev->other);
	else if (ev->type == CPT_EV_LOOP)
		add_loop(b, ev);
	else
		strbuf__adds(b, "operations are not known until each instance's next record");
}
