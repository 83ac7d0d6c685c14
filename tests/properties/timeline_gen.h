/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * timeline_gen.h - random runs of a small machine: the events a trace would hold, and the truth.
 *
 * Owns:     a scheduler in miniature that decides who runs, blocks, wakes, is born, execs and dies,
 *           and writes down both what the kernel would report and what was really the case.
 * Must not: use anything of analysis/ but its types: the truth must not depend on what it checks.
 *
 *   events   CPT_EV_*, ordered, ties in an order that can have happened
 *   truth    segments: [from, to) task was in one state, under one name, on one CPU
 */
#ifndef PROPERTIES_TIMELINE_GEN_H
#define PROPERTIES_TIMELINE_GEN_H

#include "../../analysis/analysis.h"
#include "rng.h"

#define GEN_TASKS_MAX  24
#define GEN_EVENTS_MAX 4096
#define GEN_SEGS_MAX   8192
#define GEN_CPUS_MAX   6
#define GEN_NAMES_CNT  5
#define GEN_FLIGHT_MAX 6 /* operations of a process in flight */

/* Ways to block. What each means is written down by hand in gen_reason(). */
enum gen_wait {
	GEN_WAIT_PIPE,
	GEN_WAIT_SOCKET,
	GEN_WAIT_MUTEX,
	GEN_WAIT_SLEEP,
	GEN_WAIT_DISK,
	GEN_WAIT_EPOLL,
	GEN_WAIT_FUTEX,
	GEN_WAIT_CHILD,
	GEN_WAIT_KLOCK,
	GEN_WAIT_CONDVAR,
	GEN_WAIT_CNT
};

struct gen_seg {
	uint32_t task;
	uint64_t from, to;
	enum cpt_state state;
	enum gen_wait wait; /* WAITING: how; the state follows from gen_reason() */
	uint8_t end;	    /* CPT_END_* of that wait */
	uint32_t end_waker; /* CPT_END_TASK */
	uint32_t born_cnt;  /* tasks that existed when it began */
	uint8_t name;	    /* gen_names[] */
	uint32_t cpu, pid, tid;
	uint8_t mask;			       /* index of struct gen.masks */
	bool throttled;			       /* RUNNABLE: held by a quota */
	uint8_t names_then[GEN_TASKS_MAX + 1]; /* what every task was called when it began */
};

/* Operations in flight in a process's event loops: [from, to). */
struct gen_flight {
	uint32_t proc, level;
	uint64_t from, to;
};

/* What held a CPU while no task of the tree did: [from, to). */
struct gen_hold {
	uint32_t cpu;
	uint64_t from, to;
	bool idle;
};

/* A CPU as the probes keep it, see struct cpt_rec_occupancy. */
struct gen_cell {
	bool idle;  /* what holds it, when none of ours does */
	bool quiet; /* nothing of the tree has changed since its last turn */
	int hold;   /* open gen_hold, -1 none */
	uint64_t since, idle_ns, other_ns;
};

struct gen_task {
	uint32_t proc, tid;
	bool live, blocked, wake_lost;
	uint8_t name, mask;
	uint32_t cpu;
	int seg;	     /* open segment, -1 none */
	int block_ev;	     /* event that began the current wait */
	bool wake_early;     /* its WAKE stands before its switch-out */
	bool polls;	     /* it was seen at a loop of its process, */
	uint64_t polls_from; /* since then */
	uint32_t instance;   /* of a process's first task: its epoll instance, 0 none */
	bool calls;	     /* whose operations are outbound */
	int flight;	     /* open gen_flight, -1 none */
};

struct gen {
	struct rng rng;
	uint32_t cpu_cnt;
	struct cpt_cpu_info cpus[GEN_CPUS_MAX];
	uint64_t masks[8];
	uint8_t mask_cnt;
	char *argv[2];
	struct cpt_trace_meta meta;

	struct gen_task tasks[GEN_TASKS_MAX + 1];
	uint32_t task_cnt;
	uint32_t cur[GEN_CPUS_MAX];
	struct gen_cell cells[GEN_CPUS_MAX];
	uint64_t now;

	struct cpt_event ev[GEN_EVENTS_MAX];
	struct cpt_wait waits[GEN_EVENTS_MAX];
	struct cpt_info infos[GEN_EVENTS_MAX];
	uint32_t ev_cnt;
	struct gen_seg segs[GEN_SEGS_MAX];
	uint32_t seg_cnt;
	struct gen_hold holds[GEN_EVENTS_MAX];
	uint32_t hold_cnt;
	struct gen_flight flights[GEN_EVENTS_MAX];
	uint32_t flight_cnt, instance_cnt;

	uint64_t window_start, window_end; /* by the definition */
	bool window_closed;		   /* the command's process ended */
	bool alive_at_end[GEN_TASKS_MAX + 1];
};

struct gen_opts {
	uint32_t steps;
	bool unknown;	  /* some switch-outs are rebuilt ones whose state could not be read */
	bool early_wakes; /* some WAKEs stand before their switch-out */
	bool wait_all;
	bool no_occupancy; /* the trace's flag */
	bool throttle;	   /* some preempted tasks are held by a quota */
	bool steady;	   /* CPUs turn idle <-> other only when the tree has changed since */
	bool loops;	   /* some processes have event loops */
	bool tasks_end;	   /* at the end all tasks are taken to their exit */
};

extern const char *const gen_names[GEN_NAMES_CNT];

void gen_run(struct gen *g, uint64_t seed, const struct gen_opts *opts);

/* Reason of a wait, written down by hand from the definitions. waker_counts: the task that ended it is
 * of the workload looked at. */
enum cpt_reason gen_reason(enum gen_wait wait, uint8_t end, bool waker_counts);

#endif /* PROPERTIES_TIMELINE_GEN_H */
