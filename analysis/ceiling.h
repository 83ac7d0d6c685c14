/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ceiling.h - runtimes that let one of their threads run at a time.
 *
 * Owns:     the watch on condition variables and semaphores that a set of threads both waits on and
 *           wakes each other from; when what was seen amounts to a ceiling, and the reasons for it.
 * Must not: say so to people, classify waits.
 *
 * An interpreter lock built on a condition variable cannot be told from a pool by who waits and who
 * wakes. But it lets one of its threads run at a time, for good:
 *
 *	A  ######......######......        # runs   . waits on the word
 *	B  ......######......######        wanted: two of the set run or wait on the word
 *	   ^ turns, each a wake-up from the word
 *
 * A pool that feeds itself, or a barrier, would show two of the set running now and then. Nothing here
 * proves a lock: two threads that play ping-pong look the same, so it is offered as a possibility.
 *
 * Memory: CEILINGS_MAX words, CEILINGS_PER_TASK of them per task, one account per task that touched
 * one. Cost: per change of state of such a task, nothing for others.
 *
 * Private to analysis/.
 */
#ifndef CPT_CEILING_H
#define CPT_CEILING_H

#include "lock_facts.h"
#include "timeline.h"
#include "words.h"

#define CEILINGS_MAX	  256u
#define CEILINGS_PER_TASK 4u

struct ceilings;

/* What a task has to do with one watched word. */
struct ceiling_part {
	uint32_t set;	 /* index */
	uint8_t did;	 /* waited, woke; both make it one of the set */
	uint8_t slot;	 /* what it counts as now */
	uint64_t at_one; /* the set's one_ns when it began to run */
	uint64_t one_ns; /* it ran as the only one of the set */
};

struct task_ceiling {
	uint32_t waits_on; /* index + 1 of the set on whose word it waits, 0 none */
	uint32_t part_cnt;
	struct ceiling_part parts[CEILINGS_PER_TASK];
};

/* All borrowed; words may be NULL. NULL with errno. */
struct ceilings *ceilings__new(struct tasks *tasks, const struct timeline *tl,
			       const struct cpt_words *words);
void ceilings__free(struct ceilings *cs); /* accepts NULL */

/* Is this word worth watching? */
static inline bool word_may_be_ceiling(const struct cpt_word *word)
{
	return (word->kind == CPT_WORD_CONDVAR || word->kind == CPT_WORD_SEM) && word->both >= 2;
}

/* t, already turned, waits on the word. 0 or -ENOMEM. */
int ceilings__wait(struct ceilings *cs, struct task *t, const struct cpt_word *word);

/* waker woke t by a call on the word that t waits on (before t is turned). 0 or -ENOMEM. */
int ceilings__wake(struct ceilings *cs, const struct task *t, struct task *waker);

/* t's state, or whether it is counted, has changed. Only for tasks with t->ceiling. */
void ceilings__update(struct ceilings *cs, struct task *t);

/* What was found, the longest first: *tab is the caller's (each with its strings), *cnt how many. locks:
 * as taken, for the GIL's waits. 0 or -ENOMEM. */
int ceilings__take(struct ceilings *cs, uint64_t window_ns, const struct cpt_lock *locks,
		   uint32_t lock_cnt, struct cpt_ceiling **tab, uint32_t *cnt);

#endif /* CPT_CEILING_H */
