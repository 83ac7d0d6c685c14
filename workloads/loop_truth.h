/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a tracer has to find of the operations that a server or a client on event loops had in
 * flight: rows of truth from the log it kept itself.
 */
#ifndef WL_LOOP_TRUTH_H
#define WL_LOOP_TRUTH_H

#include "net.h"

/* Whose operations they are. */
struct loop_side {
	const char *filter;    /* name of its tasks; NULL: the whole report */
	const char *direction; /* "inbound", "outbound" */
	const struct op_log *log;
	bool one_instance; /* all of them on one epoll instance: it has a peak and percentiles. Of several
			    * the peaks do not come at one time, and percentiles cannot be added. */
	int late; /* operations that have ended, which the log may still hold as others begin: one for
		   * each thread beside the first */
	int epfd; /* the one instance of several that this is about; 0: all of the direction */
};

/* Of so many loops of a pool each is judged by itself. */
#define LOOPS_JUDGED 4

/*
 * The number completed exactly, the mean within 5 %, the peak within 2 %, percentiles within 5 % or
 * 10 us of those of a rank close by: some stamps are late, for their thread lost its CPU between the
 * system call and its look at the clock. The truth's span must be known.
 */
void expect_in_flight(struct truth *truth, const struct loop_side *side);

/* The concurrency level of a server filtered by name: its operations in flight, within 5 %. */
void expect_level(struct truth *truth, const struct loop_side *side);

#endif
