/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * locks.h - one account per lock: who waited for it and how long, and what its holder did meanwhile.
 *
 * Owns:     the table of locks, each task's wait for one, the way from an owner's tid to a task.
 * Must not: classify waits (analysis_wait.c says which wait is for a lock), judge who holds a lock from
 *           what was seen (lock_holder.h does).
 *
 *	 blocks on the word        woken           runs again
 *	------+----------------------+----------------+------
 *	      |<---- blocked_ns ---->|<-- wake_delay->|
 *
 * Every wait of the reasons lock, handoff and kernel_lock belongs to exactly one lock: that of its
 * word, or, where there is none or the table is full, the one that stands for the rest of that reason.
 * The cuts are the timeline's: a wait counts while its task is counted there.
 *
 * Memory: O(locks + tasks that touched one), at most LOCKS_MAX locks; the pairs of task and lock that
 * tell different waiters apart are bounded by LOCK_PAIRS_MAX.
 *
 * Private to analysis/.
 */
#ifndef CPT_LOCKS_H
#define CPT_LOCKS_H

#include "lock_holder.h"
#include "path.h"
#include "tasks.h"
#include "words.h"

#define LOCKS_MAX      16384u
#define LOCK_PAIRS_MAX (1u << 20)

struct locks;

/* What a task has to do with locks; made when it first touches one, freed with the task. */
struct task_lock {
	struct task_sums sums;
	uint32_t lock;	     /* index + 1 of the one it waits for, or was woken from */
	uint32_t noted;	     /* index + 1 of the one it was last counted as a waiter of */
	uint8_t phase;	     /* of its wait */
	uint8_t counting;    /* phase that is being accounted, while the task is counted */
	bool wait_counted;   /* this wait is in the lock's waits */
	uint64_t from_ns;    /* start of the piece that is being accounted */
	uint64_t blocked_ns; /* of this wait so far */
};

/* words may be NULL (nothing is known about any word); borrowed, as tasks, and path, which is told who held a
 * mutex after whom (NULL: nobody is). NULL with errno. */
struct locks *locks__new(struct tasks *tasks, struct path *path, const struct cpt_words *words);
void locks__free(struct locks *ls); /* accepts NULL */

/* The waits go to a grid, too (NULL: none); borrowed. */
struct grid;
void locks__fill(struct locks *ls, struct grid *grid);

/* Is a wait of this reason one for a lock? */
static inline bool reason_is_lock(enum cpt_reason reason)
{
	return reason == CPT_REASON_LOCK || reason == CPT_REASON_HANDOFF ||
	       reason == CPT_REASON_KERNEL_LOCK;
}

/* t begins to wait, for this reason, for the lock of `word` (NULL: not known); it has been turned already.
 * Should that have been to RUNNABLE, since it was woken before it had left its CPU, the next update
 * ends the wait at once. 0 or -ENOMEM. */
int locks__wait(struct locks *ls, struct task *t, const struct cpt_word *word,
		enum cpt_reason reason, const struct cpt_wait *wait, uint64_t now_ns);

/* How a wait ended, as far as it tells who had the lock. */
struct lock_wake {
	struct task *waker; /* NULL: none of the trace */
	bool foreign;	    /* a task outside the trace */
	bool on_word;	    /* the waker's own system call was on the word */
};

/* t is about to be woken (before it is turned). 0 or -ENOMEM. */
int locks__wake(struct locks *ls, struct task *t, const struct lock_wake *wake, uint64_t now_ns);

/* t's state, or whether it is counted, has changed. Only for tasks with t->lock. */
void locks__update(struct locks *ls, struct task *t, uint64_t now_ns);

/* Events were lost: who holds what is not known any more. */
void locks__lost(struct locks *ls);

/* cpt_lock.id of the lock that t, in a wait for one, waits for; 0 none. */
static inline uint32_t locks__waited(const struct task *t, enum cpt_reason reason)
{
	return reason_is_lock(reason) && t->lock ? t->lock->lock : 0;
}

/* The locks that were waited for, most blocked time first: *tab is the caller's (each with its
 * strings), *cnt how many. Ends the accounts at now_ns. 0 or -ENOMEM. */
int locks__take(struct locks *ls, uint64_t now_ns, struct cpt_lock **tab, uint32_t *cnt);

#endif /* CPT_LOCKS_H */
