/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * states.h - the words: task states, reasons of waiting and being parked, classes of the ledger.
 *
 * Owns:     the lists everything else is generated from, and their names as reports print them.
 * Must not: know how a state is found (wait_class.h) or accounted (timeline.h).
 */
#ifndef CPT_STATES_H
#define CPT_STATES_H

/* State of a live task. X(NAME, "name", "what it means") */
/* clang-format off */
#define CPT_STATES(X)                                                                              \
	X(RUNNING, "running", "on a CPU")                                                          \
	X(RUNNABLE, "runnable", "wants a CPU and has none")                                        \
	X(WAITING, "waiting", "blocked inside an operation of its own")                            \
	X(PARKED, "parked", "blocked with nothing of its own in progress")                         \
	X(UNKNOWN, "unknown", "events were lost, its state cannot be told")
/* clang-format on */

/* Reasons. The first group makes a blocked task waiting, the second parked. */
/* clang-format off */
#define CPT_WAITING_REASONS(X)                                                                     \
	X(LOCK, "lock", "a mutex or file lock another task holds")                                 \
	X(HANDOFF, "handoff", "a lock built on a condition variable")                              \
	X(KERNEL_LOCK, "kernel_lock", "a lock inside the kernel")                                  \
	X(DISK, "disk", "disk or file system I/O")                                                 \
	X(SOCKET, "socket", "a socket: a peer outside, or a full buffer")                          \
	X(PIPE, "pipe", "a pipe: a writer outside, or a full buffer")                              \
	X(PAGE_FAULT, "page_fault", "memory being brought in")                                     \
	X(OTHER, "other", "something not told apart")

#define CPT_PARKED_REASONS(X)                                                                      \
	X(EVENT_LOOP, "event_loop", "an event loop with nothing ready")                            \
	X(QUEUE, "queue", "a worker waiting for work")                                             \
	X(BARRIER, "barrier", "a barrier others have not reached")                                 \
	X(CONDVAR, "condvar", "condition variable or semaphore, use unknown")                     \
	X(JOIN, "join", "a thread or child to end")                                                \
	X(PEER, "peer", "data from another task of the workload")                                  \
	X(REQUEST, "request", "the next request on a served connection")                           \
	X(ACCEPT, "accept", "the next connection")                                                 \
	X(SLEEP, "sleep", "time to pass")                                                          \
	X(SIGNAL, "signal", "a signal")                                                            \
	X(TERMINAL, "terminal", "the terminal")                                                    \
	X(STOPPED, "stopped", "job control, a debugger or the freezer")
/* clang-format on */

#define CPT_STATE_ENUM(name, str, text)	 CPT_STATE_##name,
#define CPT_REASON_ENUM(name, str, text) CPT_REASON_##name,
enum cpt_state { CPT_STATES(CPT_STATE_ENUM) CPT_STATE_CNT };
enum cpt_reason {
	CPT_WAITING_REASONS(CPT_REASON_ENUM) CPT_REASON_WAITING_CNT,
	/* parked reasons go on from here */
	CPT_REASON_PARKED_FIRST = CPT_REASON_WAITING_CNT,
	CPT_REASON_BEFORE_PARKED = CPT_REASON_WAITING_CNT - 1,
	CPT_PARKED_REASONS(CPT_REASON_ENUM) CPT_REASON_CNT
};
#undef CPT_STATE_ENUM
#undef CPT_REASON_ENUM

/* Classes of the wall-clock ledger and their splits. */
/* clang-format off */
#define CPT_CLASSES(X)                                                                             \
	X(PARALLEL, "parallel") X(CONCURRENT, "concurrent") X(SERIAL, "serial") X(IDLE, "idle")    \
	X(UNKNOWN, "unknown")
/* clang-format on */

/* X(CLASS, NAME, "name", "what it means") */
/* clang-format off */
#define CPT_SPLITS(X)                                                                              \
	X(PARALLEL, MULTI_CORE, "multi_core", "on different physical cores")                       \
	X(PARALLEL, SMT_ONLY, "smt_only", "all on the hardware threads of one core")               \
	X(CONCURRENT, INTERLEAVED, "interleaved", "taking turns on a CPU")                         \
	X(CONCURRENT, CONTENDED, "contended", "one runs, others want its lock")                    \
	X(CONCURRENT, OVERLAPPED, "overlapped", "one computes while others' operations are under way") \
	X(CONCURRENT, STARVED, "starved", "ready, and no CPU runs any of them")                    \
	X(CONCURRENT, ALL_WAITING, "all_waiting", "everything in progress waits")                  \
	X(SERIAL, RUNNING, "running", "one thing, computing")                                      \
	X(SERIAL, RUNNABLE, "runnable", "one thing, waiting for a CPU")                            \
	X(SERIAL, WAITING, "waiting", "one thing, waiting")                                        \
	X(SERIAL, IN_FLIGHT, "in_flight", "one operation of an event loop in flight")              \
	X(IDLE, ASLEEP, "asleep", "nothing in progress, some task sleeps")                         \
	X(IDLE, QUIET, "quiet", "nothing in progress")
/* clang-format on */

#define CPT_CLASS_ENUM(name, str)	       CPT_CLASS_##name,
#define CPT_SPLIT_ENUM(class, name, str, text) CPT_SPLIT_##class##_##name,
enum cpt_class { CPT_CLASSES(CPT_CLASS_ENUM) CPT_CLASS_CNT };
enum cpt_split { CPT_SPLITS(CPT_SPLIT_ENUM) CPT_SPLIT_UNKNOWN, CPT_SPLIT_CNT };
#undef CPT_CLASS_ENUM
#undef CPT_SPLIT_ENUM

const char *state_name(enum cpt_state state);
const char *reason_name(enum cpt_reason reason);
const char *reason_text(enum cpt_reason reason); /* one phrase for people */
const char *class_name(enum cpt_class cls);
const char *split_name(enum cpt_split split); /* CPT_SPLIT_UNKNOWN: "unknown" */
const char *split_text(enum cpt_split split);
enum cpt_class split_class(enum cpt_split split);

static inline int reason_is_parked(enum cpt_reason reason)
{
	return reason >= CPT_REASON_PARKED_FIRST;
}

#endif /* CPT_STATES_H */
