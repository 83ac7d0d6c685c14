/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * timeline.h - the counts at this instant, and what they add up to over time.
 *
 * Owns:     R, Q, W and what follows from them: the ledger, the profiles, the sums of each task, the
 *           overlap by name, the bins and steps. Time only moves here.
 * Must not: know events. It is told "this task enters (leaves) the counts in its present state".
 *
 *        turn(t, state), or leave(t) ; change t ; enter(t)
 *                |
 *   ----+--------+------------+------ time        advance(now) gives the stretch since the last
 *       | split, R, C constant|                   change to one split and one R, Q, C
 *
 * Invariant: between two calls of advance the counts are constant, and each counted task is in
 * exactly one state; so the ledger sums to the window and the tasks' states to their lives.
 *
 * Bins and steps cost nothing per event: at their ends the running sums are compared with what they
 * were at their start.
 *
 * Private to analysis/.
 */
#ifndef CPT_TIMELINE_H
#define CPT_TIMELINE_H

#include "accounts.h"
#include "bounds.h"
#include "path.h"
#include "tasks.h"

/* Largest C told apart in the concurrency profile; more counts as that many. */
#define CONCURRENT_PROFILE_MAX 65535u

/* More steps than this are refused (E2BIG): a trace that claims years must not fill the disk. */
#define STEPS_MAX 100000000ull

/* More operations in flight at once than probes can follow count as that many, so that no sum of them wraps
 * within hours, whatever a trace claims. */
#define FLIGHT_MAX (1u << 20)

#define GROUP_MAX (CPT_OVERLAP_MAX - 1) /* names with a row of their own */

/* Counts as far as they matter for the split: R, Q and W as 0, 1, many, and two flags; A is 0. */
#define SPLIT_KEYS (3 * 3 * 3 * 2 * 2)

#define INVERSES 256 /* 1/k is looked up for k below this */

/* What bins and steps are made of. */
struct timeline_sums {
	uint64_t split_ns[CPT_SPLIT_CNT];
	uint64_t running, runnable, in_progress; /* integrals of R, Q, C */
	uint64_t in_flight;			 /* of A; part of in_progress */
};

/* A process with event loops, as far as A goes: its operations in flight beyond those that tasks of it
 * stand for. Owned by loops.c; every task of the process points to it. */
struct loop_proc {
	uint32_t standing; /* counted tasks of it that run, are runnable, or blocked in progress */
	uint32_t condvars; /* counted tasks of it among the timeline's condvars */
	uint32_t
		pollers; /* counted tasks of it that were seen at its loops: none, and nothing counts */
	uint32_t fading;    /* of them, such as may have ended: with those alone L is in doubt */
	uint32_t doubts;    /* instances of which L is not known */
	uint64_t level;	    /* L_p */
	uint64_t in_flight; /* its part of the timeline's */
	uint64_t in_flight_then; /* likewise, if its condvars stood for some */
	bool lost;		 /* what tells who polls, and whether it serves, may be missing */
	bool chosen;   /* has, or had, tasks that the filter selects: of others nothing counts */
	bool either;   /* L is of one of two ways, which differ, and level the lesser of both */
	bool doubtful; /* counted among the timeline's flight_doubts */
	bool counted;  /* ever had a poller */
};

/* A name's tasks that run now. */
struct timeline_group {
	uint64_t pair_since_ns; /* since when two do */
	uint32_t running;
	uint32_t place; /* in group_active, while one does */
};

/* What a blocked task of each reason adds to. */
#define CPT_ADDS_IN_PROGRESS 0x1
#define ADDS_LOCK	     0x2
#define ADDS_ASLEEP	     0x4
#define ADDS_CONDVAR	     0x8

struct timeline {
	const struct cpt_analysis_opts *opts;
	struct tasks *tasks;
	bool open;   /* accounting: inside the window and the --time span */
	bool opened; /* was ever open: start_ns is valid */
	bool emits;  /* somebody wants all intervals */
	/* The next stretch may be other than most: N_allowed or a peak may have changed, states may be in
	 * doubt, condition variables waited on, stacks be there, operations be in flight. Set on the least suspicion; looked into and
	 * taken back by the accounting of that stretch. */
	bool unusual;
	uint64_t now_ns;   /* everything before is accounted */
	uint64_t mark_ns;  /* next end of a bin or step */
	uint64_t start_ns; /* of accounting */

	/* counts of counted tasks at now */
	uint32_t running, runnable;
	uint32_t in_progress_blocked; /* waiting, and parked ones that --in-progress adds */
	uint32_t lock_waits;	      /* of those: lock, handoff, kernel_lock */
	uint32_t asleep;	      /* parked: sleep */
	uint32_t condvars;	      /* parked: condvar, and not counted as in progress */
	uint32_t split_flags;	      /* 2: lock_waits, 1: asleep is not 0 */
	uint32_t unknown;	      /* state cannot be told */
	uint32_t in_flight;	 /* A: operations that no task stands for, FLIGHT_MAX at most */
	uint32_t in_flight_then; /* A, if condvars counted as in progress */
	uint64_t flight_sum, flight_then_sum; /* they, without that limit: the processes' parts */
	uint32_t flight_doubts;		      /* processes whose part of A is not known */
	uint32_t blind; /* CPUs of which nobody knows who runs there: see bounds.h */
	uint32_t alive;
	uint32_t cores_running; /* distinct physical cores */

	/* machine */
	uint32_t cpu_cnt;
	uint64_t online[CPT_MASK_WORDS]; /* when the recording began */
	uint64_t came[CPT_MASK_WORDS];	 /* others, that ran ours since */
	uint32_t *core_of;		 /* by CPU: dense index of its physical core */
	uint32_t core_cnt, cpu_online_cnt, core_online_cnt; /* of both */
	uint32_t *core_running;				    /* by core */
	uint32_t *cpu_task;		       /* by CPU: counted task that runs there, 0 none */
	uint64_t allowed_idle[CPT_MASK_WORDS]; /* union of the live masks, online only */
	uint64_t allowed[CPT_MASK_WORDS];      /* and CPUs that run ours */
	uint32_t allowed_cnt;
	bool allowed_dirty;

	/* sums */
	uint8_t splits[SPLIT_KEYS]; /* by split_key(): the definitions' table */
	struct timeline_sums sums;
	/* If condvars counted: time that would leave a class of the ledger, and come to one. */
	uint64_t condvar_out_ns[CPT_CLASS_CNT], condvar_in_ns[CPT_CLASS_CNT];
	uint64_t *parallel_ns, *cores_ns; /* cpu_cnt + 1 entries */
	uint64_t *concurrent_ns;
	uint32_t concurrent_cap;
	uint64_t *allowed_ns; /* by N_allowed, cpu_cnt + 1 entries; accounted up to */
	uint64_t allowed_from_ns;
	uint64_t run_parallel_ns;	/* time with R >= 2; tasks take differences of these */
	double run_bottle, run_cmetric; /* sums of T/R and T/(R+Q) */
	double inverse[INVERSES];
	uint8_t adds[CPT_REASON_CNT]; /* what a blocked task of this reason adds to */
	uint32_t peak_alive, peak_asleep, peak_in_flight;

	struct sites *sites; /* NULL: neither stacks nor samples; the analysis's */
	double run_lost;     /* with sites: integral of (N_allowed - R) / N_allowed */

	/* overlap by name */
	char group_names[CPT_OVERLAP_MAX][CPT_COMM_LEN];
	uint32_t group_cnt;
	struct timeline_group groups[CPT_OVERLAP_MAX];
	uint32_t group_active[CPT_OVERLAP_MAX], group_active_cnt;
	uint64_t group_since[CPT_OVERLAP_MAX]; /* since when group_active[i] has a task that runs */
	uint64_t group_ns[CPT_OVERLAP_MAX][CPT_OVERLAP_MAX]; /* [g][h]: ended by g; not [g][g] */
	uint64_t pairs_ns[CPT_OVERLAP_MAX];		     /* two of one name */

	/* bins: constant number, width doubles as the run grows */
	struct cpt_bin *bins;
	uint32_t bin_cur;
	uint64_t bin_ns, bin_start_ns, bin_end_ns;
	struct timeline_sums bin_sums; /* as they were at its start */

	uint64_t steps, step_start_ns, step_end_ns;
	struct timeline_sums step_sums;
	uint64_t step_more, step_may_parallel_ns; /* likewise, of the bounds' */
	struct grid *grid;			  /* NULL: not asked for; the analysis's */
	struct path path;			  /* what led to what */
	struct accounts acc;			  /* told of every change of what is counted */
	uint32_t
		unborn; /* tasks that may be there, never told of: births lost and not made up for */
	uint32_t fading; /* counted tasks that may be gone */
	uint32_t dying;	 /* tasks whose end fell into a hole that is not over */
	struct bounds bounds;
	int err; /* of a callback or an allocation; sticky */
};

int timeline__init(struct timeline *tl, const struct cpt_trace_meta *meta, struct tasks *tasks,
		   const struct cpt_analysis_opts *opts);
void timeline__fini(struct timeline *tl);

/* Accounting starts at now_ns with nothing counted; add what is live with timeline__enter(). */
void timeline__open(struct timeline *tl, uint64_t now_ns);

/* Accounting ends (advance first). Counted tasks stay marked; take them out with leave before. May be
 * called when it is not open. */
void timeline__close(struct timeline *tl);

/* Integral of N_allowed over what is accounted, up to now; takes as long as there are CPUs. */
uint64_t timeline__allowed_so_far(const struct timeline *tl);

/* Accounting pauses, or goes on where it paused, as if no time had passed; counted tasks are taken out before, and
 * added behind. A pause that stays the end is taken back before timeline__close(). */
static inline void timeline__pause(struct timeline *tl)
{
	tl->open = false;
}
static inline void timeline__resume(struct timeline *tl)
{
	tl->open = tl->allowed_dirty = tl->unusual = true;
}

/* Moves to now_ns (never back; accounting is open), accounting the stretch: timeline__advance() of
 * timeline_step.h in the cases that are rare. */
void timeline__advance_slow(struct timeline *tl, uint64_t now_ns);

/* The task joins (leaves) the counts in its present state at now. Calls nest as in the drawing; both
 * do nothing while accounting is closed or for tasks that are not live members. */
void timeline__enter(struct timeline *tl, struct task *t);
void timeline__leave(struct timeline *tl, struct task *t);

/* The task's state changes at now; in the counts or not, it stays so. */
void timeline__turn(struct timeline *tl, struct task *t, enum cpt_state state,
		    enum cpt_reason reason, uint32_t cpu);

/* The task's affinity no longer counts towards N_allowed: it ended, left the filter, or its mask is about
 * to change (enter counts it again). */
void timeline__drop_mask(struct timeline *tl, struct task *t);

/* Nobody knows who runs on one CPU more (+1) or less (-1). */
void timeline__blind(struct timeline *tl, int change);

/* So many tasks may have ended, or not yet. */
void timeline__dying(struct timeline *tl, uint32_t cnt);

/* The process's level, standing, pollers or doubts have changed. */
void timeline__flight(struct timeline *tl, struct loop_proc *p);

/* A task joins (leaves) its process's pollers; for one that is counted at once. */
void timeline__poller(struct timeline *tl, struct task *t);

/* The task is at its end, and its last records are missing: it may be gone. */
void timeline__fade(struct timeline *tl, struct task *t);

/* A counted task of p, in its present state, stands for an operation, or might (a condition variable):
 * one more (+1) or less (-1). p's part of A follows. */
void timeline__stand(struct timeline *tl, struct loop_proc *p, const struct task *t, int change);

/* Index of the task's name among group_names. */
uint32_t timeline__find_group(struct timeline *tl, const struct task *t);
static inline uint32_t timeline__group(struct timeline *tl, struct task *t)
{
	if (t->group == TASK_NONE)
		t->group = timeline__find_group(tl, t);
	return t->group;
}

/* Parts of what follows a change, for timeline_step.h: the stretch of t that ends now is handed out; the
 * wait of t that ends now is booked on its stacks; t runs on a CPU it was not on just before. */
void timeline__emit_interval(struct timeline *tl, const struct task *t);
void timeline__note_wait(struct timeline *tl, struct task *t, uint64_t span);
void timeline__note_cpu(struct timeline *tl, struct task *t);

/* For how long tasks of two names ran together; g = h: two tasks of one name. */
uint64_t timeline__overlap_ns(const struct timeline *tl, uint32_t g, uint32_t h);

/* Was the task live within the window? One that was born at its very end, or died there before time went
 * on, was not: whether its birth stands before the window's last event is chance. */
static inline bool timeline__saw(const struct timeline *tl, const struct task *t)
{
	return t->lived && (t->row.start_ns < tl->now_ns || tl->now_ns == tl->start_ns);
}

static inline uint32_t timeline__in_progress(const struct timeline *tl)
{
	return tl->running + tl->runnable + tl->in_progress_blocked + tl->in_flight;
}

#endif /* CPT_TIMELINE_H */
