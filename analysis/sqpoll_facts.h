/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sqpoll_facts.h - what a report says of kernel threads that poll for the submissions of io_uring rings.
 *
 * Owns:     the result type; part of report.h, which includes it.
 * Must not: be filled in by anybody but sqpoll.c.
 */
#ifndef CPT_SQPOLL_FACTS_H
#define CPT_SQPOLL_FACTS_H

#include <stdint.h>

/* A stretch on a CPU longer than that, in which such a thread neither submitted nor completed anything, is
 * spinning: more than twice the window in which a ring's steps are told together (CPT_LOOP_WINDOW_NS). */
#define CPT_SQPOLL_QUIET_NS 50000u

struct cpt_sqpoll {
	uint32_t id;	      /* of the thread */
	uint64_t running_ns;  /* in the window, while it is counted */
	uint64_t spinning_ns; /* of that, at least */
};

#endif /* CPT_SQPOLL_FACTS_H */
