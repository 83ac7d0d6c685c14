/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tasks.h - who there is: every task a trace has named, by run-unique number.
 *
 * Owns:     identity (tid, names, process, creator), affinity masks, which tasks a filter selects.
 * Must not: account time (timeline.h does, into `struct task`), decide states (the pass does, see analysis_priv.h).
 *
 * Private to analysis/.
 */
#ifndef CPT_TASKS_H
#define CPT_TASKS_H

#include "analysis.h"
#include "trace_limits.h"

#define TASK_NONE UINT32_MAX
#define TASK_LINE 64 /* bytes of a cache line */

/* Who woke a task, as its WAKE says. */
struct wake_source {
	uint32_t waker;
	uint16_t flags; /* CPT_SW_WAKER_FOREIGN, CPT_SW_WAKE_ON_WORD */
	uint8_t ctx;	/* CPT_CTX_* */
};

/* Its chain and its span, see path.h; kept by path.c. */
struct task_path {
	uint32_t id;	  /* its number: row is far */
	uint32_t node;	  /* its chain up to where it is its own; 0 none */
	uint32_t edge;	  /* of the wake graph: where the last one was found */
	uint32_t channel; /* the descriptor the present wait is on, see channel.h */
	uint8_t what;	  /* what the present wait adds to: CHAIN_WAIT + ... */
	uint8_t own_what; /* what own_ns is */
	uint64_t own_ns;  /* waits of its own that are over and stay */
	/* row's sums at the start of its own part; present stretches that are in node count as past */
	uint64_t running_ns, parallel_ns, runnable_ns, unknown_ns;
	/* Start of its own part, plus the waits booked in it, less row's sums then: what is missing to
	 * now, less row's sums now, it has waited. Modulo 2^64. */
	uint64_t booked_ns;
	uint64_t ahead_ns;   /* its span less row.running_ns, modulo 2^64 */
	uint64_t blocked_ns; /* start of the present wait */
};

/* Kept in order of use: a switch or wake-up touches the first four cache lines, and the row's sums; with
 * hundreds of tasks each line is one more that is not at hand. */
struct task {
	/* what it is doing, kept by the analysis through timeline__turn() */
	enum cpt_state state;
	enum cpt_reason reason;
	uint32_t cpu; /* it is on, or was on last */
	bool live;
	bool wake_pending;  /* woken while still on its CPU: the next block does not last */
	bool in_known;	    /* listed for the next loss, see analysis_loss.c */
	bool throttled;	    /* RUNNABLE: held by its group's CPU quota */
	uint8_t ready_kind; /* RUNNABLE: CPT_READY_* */
	bool watched;	    /* it touched a lock or a ceiling's word, or is a loop: that is there */
	bool woken_in_doubt; /* RUNNABLE by a wake-up that ended a doubt */
	/* accounting, kept by timeline.c */
	bool counted;	    /* part of the counts right now */
	bool held;	    /* its current runnable stretch counts as throttled */
	uint32_t slot;	    /* of its mask in the accounts */
	uint32_t group;	    /* of its name, in the overlap matrix */
	uint32_t noted_cpu; /* last CPU put into cpu_bits, TASK_NONE none */
	uint32_t end_waker; /* task number that will end the current wait, 0 none of the trace */
	uint64_t since_ns;  /* start of the current stretch */
	uint64_t on_cpu_since_ns; /* RUNNING: since when, for row.traced_cpu_ns; 0 never ran */
	uint64_t ready_since_ns;  /* RUNNABLE: since when */

	struct task_path path;

	uint64_t at_parallel_ns, at_running; /* running sums at its switch-in */
	double at_bottle, at_cmetric;
	struct cpt_wait *stopped_in;   /* the call its last stop interrupted, NULL none; owned */
	struct task_lock *lock;	       /* see locks.h; owned, NULL until it touches a lock */
	struct task_ceiling *ceiling;  /* see ceiling.h; likewise */
	struct task_loop *loop;	       /* see loop_ledger.h; NULL until it waits for events */
	double at_lost;		       /* timeline.run_lost at the start of the wait */
	struct wake_source early_wake; /* while wake_pending */
	uint16_t sysno;		       /* of the current wait */
	const struct cpt_word *word;   /* likewise, for on_interval; NULL none */
	bool polls;		  /* seen at an event loop of its process; while flight is there */
	struct loop_proc *flight; /* of its process, NULL none; see timeline.h */

	/* who it is */
	bool known;	    /* its NEW was seen */
	bool carried;	    /* CPT_TASK_CARRIED */
	bool chosen;	    /* the filter's conditions on identity select it */
	bool member;	    /* and its CPU is in the filter's set: it is of the workload */
	uint32_t proc;	    /* number of the task that leads its process */
	uint32_t mates;	    /* leader: its process's last born thread beside it, 0 none */
	uint32_t next_mate; /* the one born before this one, likewise */
	uint32_t space; /* execs of its process: addresses before and after are different things */
	uint32_t mask;	/* index of its affinity mask, TASK_NONE not known */

	struct loop_proc
		*leads; /* leader: of its process, as flight, whether it is of it itself or not */
	struct task_sqpoll *sqpoll; /* see sqpoll.h; NULL: it polls for no ring */

	/* more of the accounting */
	bool lived;		/* was ever counted */
	bool mask_counted;	/* its mask counts towards N_allowed */
	bool mask_changed;	/* see affinity.h, as the next two */
	uint32_t mask_change;	/* index + 1 of its last change that is kept, 0 none */
	uint64_t mask_since_ns; /* of that, kept or not; 0 none */
	uint64_t entered_ns;	/* the counts */
	uint64_t *cpu_bits;	/* CPUs it ran on in the window; owned */

	char *command;	       /* owned; row.command points here */
	struct cpt_thread row; /* identity and sums, as the report shows them */

	/* stacks (sites.h); numbers, 0 none */
	uint64_t out_stack_ns, in_stack_ns; /* times that the next two pairs belong to */
	uint32_t out_user, out_kernel;	    /* at its switch-out at out_stack_ns */
	uint32_t wake_user, wake_kernel;    /* its waker's, at its switch-in at in_stack_ns */
	uint32_t wait_user, wait_kernel;    /* of the current wait */
	uint32_t last_site;		    /* 1 + site of its last wait until it runs, 0 none */
	uint64_t last_wait_ns;

	/* where records are lost */
	bool unborn;	/* was seen while its NEW was not */
	bool exited;	/* its EXIT was seen */
	bool fading;	/* and its last records are missing: it may be gone */
	uint32_t dying; /* its end is in a hole that is not over: the pass's holes_over + 1 */
} __attribute__((aligned(TASK_LINE)));

struct mask {
	uint64_t bits[CPT_MASK_WORDS];
	uint32_t live; /* counted tasks that have it */
};

/* Open addressing: numbers of tasks by the tid they were born with, the latest wins. */
struct tid_map {
	uint32_t *ids;
	uint32_t sz, used;
	bool any; /* the process does not matter */
};

/* Numbers may lie far apart: a task takes room once it is seen, its number that of a pointer. */
#define TASK_SLAB 32u
struct task_slab {
	struct task tasks[TASK_SLAB];
	struct task_slab *next;
	uint32_t used;
};

struct tasks {
	struct task **at; /* by number, NULL: never seen */
	uint32_t cap;
	uint32_t end; /* highest number seen + 1 */
	struct task_slab *slabs;
	struct mask *masks;
	uint32_t mask_cnt, mask_cap;
	struct tid_map thread_map; /* by process and tid */
	struct tid_map any_map;	   /* by tid alone */
	struct cpt_filter filter;
};

/* Different affinity masks that are told apart; real runs have a handful, a hostile trace must not
 * make the look-up slow. Tasks with masks beyond that count as having none known. */
#define TASK_MASKS_MAX 4096u
int tasks__init(struct tasks *ts, const struct cpt_filter *filter);
void tasks__fini(struct tasks *ts);

/* NULL if never seen. */
static inline struct task *tasks__find(const struct tasks *ts, uint32_t id)
{
	return id < ts->cap ? ts->at[id] : NULL;
}

/* The task with this number, made on first sight (row.identity_lost until its NEW comes). NULL with
 * errno: EINVAL for 0 or beyond CPT_TASK_MAX, ENOMEM. */
struct task *tasks__make(struct tasks *ts, uint32_t id);
static inline struct task *tasks__get(struct tasks *ts, uint32_t id)
{
	struct task *t = tasks__find(ts, id);

	return t ? t : tasks__make(ts, id);
}

/* Identity events. 0 or -errno. Membership may change: see task_selected(). */
int tasks__born(struct tasks *ts, struct task *t, const struct task *parent,
		const struct cpt_info *info);
int tasks__exec(struct task *t, const struct cpt_info *info);
void tasks__rename(struct task *t, const struct cpt_info *info);
int tasks__affinity(struct tasks *ts, struct task *t, const struct cpt_mask *mask);

/* Does the filter select this task: as it is called now, and by the CPU it is on or was on last? */
bool task_chosen(const struct tasks *ts, const struct task *t);
bool task_is_here(const struct tasks *ts, const struct task *t);

/* Has t's process another thread that had this tid (in its own PID namespace) when it was born? For
 * pthread_join. */
bool tasks__has_thread(const struct tasks *ts, const struct task *t, uint32_t ns_tid);

/* The task that has this tid in t's PID namespace: a thread of t's process or, where `shared`, of any.
 * t itself may be found. NULL if there is none that is known. */
struct task *tasks__by_ns_tid(const struct tasks *ts, const struct task *t, uint32_t ns_tid,
			      bool shared);

#endif /* CPT_TASKS_H */
