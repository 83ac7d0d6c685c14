/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trace_late.h - the part of a trace's late facts that reading has come to.
 *
 * Owns:     a window of late facts, ordered by time, of bounded size however many there are.
 * Must not: do I/O; whoever fills it passes over all late facts of the trace, once for each window.
 *
 *   time ──────►   from              until
 *                    |── in memory ──|   later ones: dropped, the next window finds them again
 */
#ifndef CPT_TRACE_LATE_H
#define CPT_TRACE_LATE_H

#include "merge.h"

struct late_window {
	struct cpt_late *at;
	size_t cnt, cap;
	uint64_t from_ns,
		until_ns; /* complete for from <= ts < until; until UINT64_MAX: to the end */
	bool excess;	  /* more at one instant than a window holds: some are missing */
};

/* Empties the window and starts filling it at from_ns. */
void late_window__begin(struct late_window *w, uint64_t from_ns);
/* 0 or -ENOMEM. */
int late_window__add(struct late_window *w, const struct cpt_late *late);
/* Sorts what was added, by time, then ends before wake-ups, then task. */
void late_window__end(struct late_window *w);
void late_window__clear(struct late_window *w);

#endif /* CPT_TRACE_LATE_H */
