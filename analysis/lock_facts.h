/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lock_facts.h - what a report says of locks and of runtimes that let one thread run at a time.
 *
 * Owns:     the result types; part of report.h, which includes it.
 * Must not: contain words for people.
 *
 * "Waiters" below are tasks of the workload looked at (the filter's), waits are cut to the window.
 * A holder may be any task of the trace.
 */
#ifndef CPT_LOCK_FACTS_H
#define CPT_LOCK_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "states.h"

#define CPT_LOCK_HOLDERS 4

#define CPT_LOCK_SITES 2

/* Where it was waited for: a wait site (sites.h), and for how long, summed over waiters; with a lock of very
 * many sites at most that long. */
struct cpt_lock_site {
	uint32_t site; /* index into cpt_sites.at */
	uint64_t ns;
};

/* A task, and how long others waited (summed over them) while it held the lock. */
struct cpt_lock_holder {
	uint32_t id;
	uint64_t ns;
};

/*
 * One lock: a mutex, a reader-writer lock, a hand-off built on a condition variable, a lock on a file
 * or of the kernel. In the waiters' time, exactly:
 *
 *	blocked_ns = holder_running_ns + holder_runnable_ns + holder_unknown_ns
 *	             + sum of holder_blocked_ns
 *
 * and over all locks of one reason the blocked_ns are the report's reason_ns of it.
 */
struct cpt_lock {
	uint32_t id;	 /* in order of appearance, from 1 */
	uint32_t pid;	 /* of the process (the first that waited for it); 0 rest of the table */
	uint64_t addr;	 /* of the object; FILE_LOCK: the descriptor; 0 KERNEL and the rest */
	uint8_t kind;	 /* CPT_WORD_*, see words.h */
	uint8_t reason;	 /* LOCK, HANDOFF or KERNEL_LOCK */
	bool rest;	 /* stands for all locks that found no place in the table */
	bool shared;	 /* waited on by more than one process: a shared mapping */
	bool python_gil; /* CPython's GIL: a hand-off inside the interpreter's _PyRuntime */
	bool python_gil_switch; /* where a thread that let that go on request waits until it is taken */
	char *symbol;		/* owned; "" not known */
	char *module;		/* owned; "" not known */
	uint64_t waits;		/* that were in the window, wholly or partly */
	uint64_t blocked_ns;	/* until the wake, summed over waiters */
	uint64_t wake_delay_ns; /* from the wake until they ran again (runnable) */
	uint64_t longest_ns;	/* one wait, until the wake */
	uint64_t waited_ns;	/* time in which at least one waited: at most the window */
	uint32_t waiters;	/* different tasks */
	bool waiters_least;	/* there were too many to be told apart: at least that many */
	uint64_t holder_running_ns, holder_runnable_ns, holder_unknown_ns;
	uint64_t holder_blocked_ns[CPT_REASON_CNT]; /* by the reason of the holder's own wait */
	uint32_t top_cnt;
	struct cpt_lock_holder top[CPT_LOCK_HOLDERS]; /* longest first */
	uint32_t site_cnt;			      /* 0 without --stacks */
	struct cpt_lock_site sites[CPT_LOCK_SITES];   /* longest first */
};

#define CPT_CEILINGS_MAX 64 /* of a report */

/* Kinds of ceiling. X(NAME, "name"). ONE_OF_N is a possibility, never certain. */
/* clang-format off */
#define CPT_CEILINGS(X)                                                                            \
	X(GIL, "cpython_gil")    /* CPython's interpreter lock, known by its symbol */              \
	X(ONE_OF_N, "one_of_n")  /* of a set of threads never more than one ran, by a hand-off */
/* clang-format on */

#define CPT_CEILING_ENUM(name, str) CPT_CEILING_##name,
enum cpt_ceiling_kind { CPT_CEILINGS(CPT_CEILING_ENUM) CPT_CEILING_KIND_CNT };
#undef CPT_CEILING_ENUM

const char *ceiling_kind_name(enum cpt_ceiling_kind kind); /* "?" beyond the list */

/*
 * Something that lets at most one of several threads of a process run. The set: threads that both wait
 * on the word and wake others from it. Wanted: at least two of the set run or wait on the word.
 */
struct cpt_ceiling {
	uint8_t kind;	     /* enum cpt_ceiling_kind */
	uint8_t word_kind;   /* CPT_WORD_* */
	uint32_t pid;	     /* of the process */
	uint64_t addr;	     /* of the object */
	char *symbol;	     /* owned; "" not known */
	char *module;	     /* owned; "" not known */
	uint32_t threads;    /* of the set, that took turns at running alone; GIL: or just waited */
	uint64_t wanted_ns;  /* time that was looked at, within the window */
	uint64_t one_ns;     /* of it: exactly one of the set ran */
	uint64_t overlap_ns; /* of it: more than one ran */
	uint64_t turns;	     /* times another one of the set began to run alone */
	double free_cpus;    /* of it: CPUs allowed less CPUs busy, on average */
	uint64_t waited_ns;  /* GIL: time in which at least one thread waited for it; else 0 */
};

#endif /* CPT_LOCK_FACTS_H */
