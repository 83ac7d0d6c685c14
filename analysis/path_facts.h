/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * path_facts.h - facts about what led to what: wake graph, critical path, work and span.
 *
 * Owns:     the result types report.h hangs into struct cpt_report.
 * Must not: know how they are found (path.h, wakegraph.h).
 */
#ifndef CPT_PATH_FACTS_H
#define CPT_PATH_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "../probes/cpt_abi.h"
#include "states.h"

/* Who ended a wait, where it was no task of the workload. X(NAME, "name", "what it means") */
/* clang-format off */
#define CPT_WAKERS(X)                                                                              \
	X(TASK, "task", "a thread of the workload")                                                \
	X(TIMER, "timer", "the clock: the wait was for time to pass")                              \
	X(DEVICE, "device", "an interrupt that brought data: disk, network")                       \
	X(INTERRUPT, "interrupt", "an interrupt, not told apart: a time-out, a device")            \
	X(OUTSIDE, "outside", "a task outside the workload")                                       \
	X(NOBODY, "nobody", "nobody seen: the wait did not end, or its end was lost")
/* clang-format on */

#define CPT_WAKER_ENUM(name, str, text) CPT_WAKER_##name,
enum cpt_waker { CPT_WAKERS(CPT_WAKER_ENUM) CPT_WAKER_CNT };
#undef CPT_WAKER_ENUM

const char *waker_name(enum cpt_waker by);
const char *waker_text(enum cpt_waker by); /* one phrase for people */

/* An interrupt ended a wait for this reason: which kind of interrupt that tells. */
enum cpt_waker waker_of_interrupt(enum cpt_reason reason);

/* "pipe", "sock_serving"; NULL for CPT_FD_NONE and beyond the list. */
const char *fd_kind_name(uint8_t kind);

/* What a wait was for that was not known. */
#define CPT_REASON_UNKNOWN CPT_REASON_CNT

/* One edge of the wake graph. */
struct cpt_wake_edge {
	enum cpt_waker by;
	uint32_t waker; /* TASK: its number; 0 with TASK: threads folded into one ("other") */
	uint32_t wakee; /* number; 0 folded */
	enum cpt_reason reason; /* what the wait was for, or CPT_REASON_UNKNOWN */
	uint32_t lock; /* reason is one for a lock: index + 1 into the report's locks; 0 none */
	/* Else the one descriptor it waited on, as the wakee's process numbers it; -1: none of those of
	 * channel.h, several, or folded. */
	int32_t fd;
	uint8_t fd_kind;    /* of that: CPT_FD_* */
	uint64_t cnt;	    /* waits it ended */
	uint64_t waited_ns; /* how long they had lasted, inside the window */
};

/* What one thread (or one name) adds to the path. */
struct cpt_path_part {
	uint32_t id; /* thread: its number; 0: of a name, or folded */
	uint32_t tid, pid;
	char name[CPT_COMM_LEN]; /* raw bytes */
	uint64_t serial_ns;	 /* on a CPU, none other of the workload was (R = 1) */
	uint64_t parallel_ns;	 /* on a CPU, others too */
	uint64_t runnable_ns;
	uint64_t blocked_ns; /* waits in the path: no task of the workload ended them */
	uint64_t unknown_ns; /* events were lost */
	uint64_t total_ns;   /* sum of those above */
};

#define CPT_PATH_PARTS_MAX 64

/* The critical path: see path.h. All of length_ns is in exactly one of serial, parallel, runnable,
 * reason_ns, unknown and absent; and the threads' (names') totals + absent are length_ns as well. */
struct cpt_path {
	uint64_t length_ns; /* = window */
	uint32_t end_id;    /* thread at whose end (or at the window's) it ends; 0: there is none */
	uint64_t serial_ns, parallel_ns, runnable_ns, unknown_ns;
	uint64_t absent_ns; /* before the first task looked at was born, or after the last ended */
	uint64_t reason_ns[CPT_REASON_CNT];
	uint64_t by_waker_ns[CPT_WAKER_CNT]; /* the same waits by who ended them; [TASK] is 0 */
	uint64_t known_waker_ns;       /* length but unknown, absent and waits ended by NOBODY */
	struct cpt_path_part *threads; /* largest first */
	uint32_t threads_cnt;
	struct cpt_path_part other;  /* all further threads */
	struct cpt_path_part *names; /* largest first; the last may be CPT_NAME_OTHER */
	uint32_t names_cnt;
};

/* Work and span, on-CPU time only: see path.h for what the span means and does not. */
struct cpt_work_span {
	uint64_t work_ns;     /* T1: = cpu_time_ns */
	uint64_t span_ns;     /* T-infinity */
	double parallelism;   /* T1 / T-infinity; 0 if nothing ran */
	double speedup_bound; /* window / T-infinity: how much faster this run could at most be; 0
			       * if nothing ran */
};

#endif /* CPT_PATH_FACTS_H */
