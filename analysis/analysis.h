/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * analysis.h - events in, facts out: the one forward pass.
 *
 * Owns:     the pass. Feeds tasks (tasks.h), timeline and ledger (timeline.h).
 * Must not: read files (give it what trace_reader__next() yields), print, exit.
 *
 *   struct cpt_analysis *a = analysis__new(meta, &opts);
 *   while (trace_reader__next(r, &ev, &cnt) > 0)
 *           analysis__feed(a, ev, cnt);
 *   struct cpt_report *rep = analysis__finish(a, close_facts, incomplete_why);
 */
#ifndef CPT_ANALYSIS_H
#define CPT_ANALYSIS_H

#include "latencies.h"
#include "services.h"
#include "report.h"
#include "words.h"

struct cpt_analysis;

/* Which tasks make the workload. All given conditions must hold; empty lists match everything. A
 * filter makes the subset the workload: the ledger and all rules are recomputed for it. A wait that
 * another task ends is `peer` if pids, tids and comms choose that task, as it was called when the
 * wait began; one born later counts as outside, since the pass only goes forward. The window stays
 * the run's. */
struct cpt_filter {
	const uint32_t
		*pids; /* process ids (tgid), as the initial or the task's namespace knows them */
	uint32_t pid_cnt;
	const uint32_t *tids;
	uint32_t tid_cnt;
	const char *const *comms; /* thread names, exact, as perf's --comm */
	uint32_t comm_cnt;
	const uint64_t *cpus; /* bit set of CPT_MASK_WORDS words, NULL all: a task counts while the
			       * CPU it is on, or was on last, is in the set */
	bool have_time;	      /* only [time_from_ns, time_to_ns), relative to the window's start */
	uint64_t time_from_ns, time_to_ns;
	/* Only phases of these names (phase_facts.h): their spans stand one behind the other, as if nothing had
	 * been between, and times behind the first one are less than the clock's by what was left out. */
	const char *const *phases;
	uint32_t phase_cnt;
};

/* One stretch of one task in one state, [start_ns, end_ns), cut to the window. Stretches of a task
 * come in order and without gaps; reason counts for WAITING and PARKED. */
struct cpt_interval {
	uint64_t start_ns, end_ns;
	uint32_t id, tid, pid;
	uint32_t cpu; /* RUNNING: where; else the CPU it ran on last */
	enum cpt_state state;
	enum cpt_reason reason;
	const char *name;
	uint16_t sysno; /* WAITING, PARKED: CPT_SYSNO_NONE if outside system calls */
	/* Task that ended the wait, 0 not of the workload; of RUNNABLE and RUNNING: the wait right before it, which had
	 * no length and so no interval. */
	uint32_t waker;
	const struct cpt_word *word; /* likewise: the object it is on, of opts.words; NULL none */
};

/* A stretch [start_ns, end_ns) in which what is counted does not change. In order, without gaps inside the
 * window; two that follow each other may be equal. */
struct cpt_counts {
	uint64_t start_ns, end_ns;
	uint32_t running, runnable, in_flight, in_progress; /* R, Q, A, C */
	uint32_t more;	   /* may run beside those that certainly do */
	uint32_t doubtful; /* tasks whose state lost events leave open */
};

/* From now_ns on `level` operations of an epoll instance are in flight, and none where nothing was said. */
struct cpt_flight {
	uint64_t now_ns;
	uint32_t instance; /* as struct cpt_epoll_instance has it */
	bool outbound;	   /* of the two ways; the row says which one counts */
	uint32_t level;
};

/* An event loop's thread was back from its wait for events from start_ns on, until it waited again at end_ns:
 * one iteration, or so many that were recorded as one (they are of 20 to 80 us). In order for each thread;
 * only those all of which was looked at. */
struct cpt_turn {
	uint64_t start_ns, end_ns;
	uint32_t id; /* the thread's */
	uint32_t cnt;
};

/* One step of the ledger over time (opts.step_ns), [start_ns, start_ns + span_ns). */
struct cpt_step {
	uint64_t start_ns, span_ns;
	uint64_t split_ns[CPT_SPLIT_CNT];
	uint64_t running, runnable, waiting; /* integrals, ns */
	uint64_t in_flight;		     /* of A */
	uint64_t in_progress;		     /* of C: the sum of all four */
	uint64_t more;			     /* of how many more may have run than certainly did */
	uint64_t may_parallel_ns;	     /* of unknown class, that may have been parallel */
};

/* What counts as in progress beyond the definition (--in-progress). */
#define CPT_IN_PROGRESS_SLEEP	0x1
#define CPT_IN_PROGRESS_CONDVAR 0x2

struct cpt_analysis_opts {
	struct cpt_filter filter;
	uint32_t in_progress; /* CPT_IN_PROGRESS_* */
	/* The trace's objects, classified; borrowed. NULL: each wait is judged by itself. */
	const struct cpt_words *words;
	uint64_t
		births_lost; /* by the trace's counters: lifecycle records that may have been births */
	bool wait_all;	     /* window to the last task; also set by the trace's own flag */
	/* Called in order while feeding; NULL: not wanted. Return 0, or -errno to stop the pass. */
	int (*on_interval)(void *ctx, const struct cpt_interval *iv);
	int (*on_step)(void *ctx, const struct cpt_step *step);
	uint64_t step_ns;		  /* 0: no steps */
	const struct cpt_grid_opts *grid; /* NULL: no grid; with one, its bins are the steps */
	int (*on_counts)(void *ctx, const struct cpt_counts *counts);
	int (*on_flight)(void *ctx, const struct cpt_flight *flight);
	int (*on_turn)(void *ctx, const struct cpt_turn *turn);
	/* From now_ns on the wakee's chain (path.h) is what the waker's was until then: it waited for it, or
	 * is born of it. */
	int (*on_follow)(void *ctx, uint64_t now_ns, uint32_t wakee, uint32_t waker);
	const struct cpt_stacks *stacks; /* trace_reader__stacks(); borrowed by the report, too */
	const struct cpt_latencies *latencies; /* trace_reader__latencies(); borrowed */
	const struct cpt_services *services;   /* trace_reader__services(); borrowed */
	uint64_t
		end_ns; /* the window ends then at the latest; 0: where the workload or the trace does */
	void *ctx;
};

/* meta and what opts points to are borrowed until finish. NULL with errno. */
struct cpt_analysis *analysis__new(const struct cpt_trace_meta *meta,
				   const struct cpt_analysis_opts *opts);

/* 0 or -errno (-ENOMEM, or what a callback returned). */
int analysis__feed(struct cpt_analysis *a, const struct cpt_event *ev, size_t cnt);

/* Ends the pass and yields the facts (caller frees with report__free); the analysis itself is freed in
 * any case. close_facts may be NULL. incomplete_why as trace_reader__incomplete(). last_ns: time up to
 * which the trace saw everything; the window is cut there if the command's end was not met. NULL with
 * errno. */
struct cpt_report *analysis__finish(struct cpt_analysis *a,
				    const struct cpt_trace_close *close_facts,
				    const char *incomplete_why, uint64_t last_ns);

void analysis__free(struct cpt_analysis *a); /* accepts NULL; for passes that are given up */

/* Name of a task as last seen while feeding ("" if unknown); for `script`. Borrowed. */
const char *analysis__task_name(const struct cpt_analysis *a, uint32_t id);
uint32_t analysis__task_tid(const struct cpt_analysis *a, uint32_t id);

#endif /* CPT_ANALYSIS_H */
