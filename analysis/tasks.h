/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tasks.h - who there is: every task a trace has named, by run-unique number.
 *
 * Owns:     identity (tid, names, process, creator), affinity masks, which tasks a filter selects.
 * Must not: account time (timeline.h does, into `struct task`), decide states (analysis.c does).
 *
 * Private to analysis/.
 */
#ifndef CPT_TASKS_H
#define CPT_TASKS_H

#include "analysis.h"

#define TASK_NONE UINT32_MAX

struct task {
	struct cpt_thread row; /* identity and sums, as the report shows them */

	/* what it is doing, kept by analysis.c */
	enum cpt_state state;
	enum cpt_reason reason;
	uint32_t cpu;	    /* it is on, or was on last */
	uint32_t end_waker; /* task number that will end the current wait, 0 none of the trace */
	uint16_t sysno;	    /* of the current wait */
	bool live;
	bool wake_pending; /* woken while still on its CPU: the next block does not last */
	uint64_t on_cpu_since_ns; /* RUNNING: since when, for row.traced_cpu_ns */

	/* who it is */
	uint32_t proc; /* number of the task that leads its process */
	uint32_t mask; /* index of its affinity mask, TASK_NONE not known */
	char *command; /* owned; row.command points here */
	bool known;    /* its NEW was seen */
	bool member;   /* the filter selects it */

	/* accounting, kept by timeline.c */
	bool counted; /* part of the counts right now */
	bool lived;   /* was ever counted */
	bool mask_counted; /* its mask counts towards N_allowed */
	uint64_t since_ns; /* start of the current stretch */
	uint64_t at_parallel_ns, at_alone_ns, at_running; /* running sums at its switch-in */
	double at_bottle, at_cmetric;
	uint32_t group; /* of its name, in the overlap matrix */
	uint64_t *cpu_bits; /* CPUs it ran on in the window; owned */

	bool in_known; /* listed for the next loss, see analysis.c */
};

struct mask {
	uint64_t bits[CPT_MASK_WORDS];
	uint32_t live; /* counted tasks that have it */
};

struct tasks {
	struct task **chunks; /* of TASK_CHUNK tasks each, NULL until needed */
	uint32_t chunk_cnt;
	uint32_t end; /* highest number seen + 1 */
	struct mask *masks;
	uint32_t mask_cnt, mask_cap;
	uint32_t *tid_map; /* open addressing: numbers of tasks, hashed by ns_tid, the latest wins */
	uint32_t tid_map_sz, tid_map_used;
	struct cpt_filter filter;
};

#define TASK_CHUNK 256u
/* Different affinity masks that are told apart; real runs have a handful, a hostile trace must not
 * make the look-up slow. Tasks with masks beyond that count as having none known. */
#define TASK_MASKS_MAX 4096u
/* Numbers are handed out one by one, so a trace with n tasks has none above n; a reader of hostile
 * traces must bound them all the same. */
#define TASK_ID_MAX (1u << 26)

int tasks__init(struct tasks *ts, const struct cpt_filter *filter);
void tasks__fini(struct tasks *ts);

/* The task with this number, made on first sight (row.identity_lost until its NEW comes). NULL with
 * errno: EINVAL for 0 or beyond TASK_ID_MAX, ENOMEM. */
struct task *tasks__get(struct tasks *ts, uint32_t id);
/* NULL if never seen. */
struct task *tasks__find(const struct tasks *ts, uint32_t id);

/* Identity events. 0 or -errno. Membership may change: see task_selected(). */
int tasks__born(struct tasks *ts, struct task *t, const struct task *parent,
		const struct cpt_info *info);
int tasks__exec(struct tasks *ts, struct task *t, const struct cpt_info *info);
void tasks__rename(struct task *t, const struct cpt_info *info);
int tasks__affinity(struct tasks *ts, struct task *t, const struct cpt_mask *mask);

/* Does the filter select this task, as it is called and where it is now? */
bool task_selected(const struct tasks *ts, const struct task *t);

/* Is the latest task with this tid (in its own PID namespace) another thread of t's process? For
 * pthread_join. */
bool tasks__has_thread(const struct tasks *ts, const struct task *t, uint32_t ns_tid);

#endif /* CPT_TASKS_H */
