/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lock_holder.h - who holds one lock, and what that task does while others wait for it.
 *
 * Owns:     the account of the waiters' time by the holder's state, and who the holder is believed to be.
 * Must not: know events, words or filters (locks.c does).
 *
 * Each task that ever touched a lock keeps running sums of its time by state (struct task_sums). A
 * lock looks at them at its *marks*: whenever its number of waiters or its holder may have changed.
 * Between two marks the number of waiters is constant, so a mark costs O(1) however long the stretch
 * was and however often the holder switched in it:
 *
 *	waiters     1     |      2        |   1
 *	       -----------+---------------+---------     += waiters x (what the holder's sums grew by)
 *	       mark      mark            mark
 *
 * Who holds it is seen only now and then. A waiter that blocks may see the owner in the lock's word:
 * that is certain, and stays so until the lock is let go. A wake-up on the word says that the waker
 * has just let go. Then the next holder is the woken task X, or someone who came first, mostly the waker
 * A itself; which one it was is known only when the next observation names it:
 *
 *	A holds   |  pending: X or A?               |  X holds ...
 *	----------+---------------------------------+--------------
 *	          A wakes X                         C blocks, the word says: X   (or: X wakes someone)
 *
 * So the stretch is accounted for both candidates at once, each by snapshots taken when it began, and
 * booked to the one that is named. A third one that is named is booked for as long as it has been in
 * the one state it is in (its earlier states were not kept for this stretch), the rest is `unknown`;
 * and so is all of a stretch whose holder is never named. Between the wake-up and the moment X has the
 * lock nobody holds it: the time counts as X's, which mostly is runnable then, waiting for a CPU.
 *
 * Identity: the booked sums are exactly waiters x time over all stretches.
 *
 * Private to analysis/.
 */
#ifndef CPT_LOCK_HOLDER_H
#define CPT_LOCK_HOLDER_H

#include "lock_facts.h"

/* What a task can be doing, as an index: running, runnable, not known, blocked by reason. */
#define HELD_RUNNING  0
#define HELD_RUNNABLE 1
#define HELD_UNKNOWN  2
#define HELD_BLOCKED  3 /* + enum cpt_reason */
#define HELD_CNT      (HELD_BLOCKED + CPT_REASON_CNT)

/* A task's time by state since it first touched a lock. */
struct task_sums {
	uint32_t task;
	uint8_t slot;	       /* HELD_*: its present state */
	uint64_t since_ns;     /* it is in it */
	uint64_t changes;      /* of slot so far */
	uint64_t ns[HELD_CNT]; /* up to since_ns */
};

void task_sums__change(struct task_sums *s, uint8_t slot, uint64_t now_ns);

struct holder_candidate {
	const struct task_sums *sums;
	uint64_t changes;	/* sums->changes at the last mark */
	uint64_t at[HELD_CNT];	/* sums at the last mark */
	uint64_t got[HELD_CNT]; /* of the pending stretch, if it is this one's */
};

/* Holders told apart per lock; of more, those of the least time share what is not listed. */
#define HOLDERS_KEPT 16

struct lock_holder {
	uint32_t waiters; /* now */
	bool sure;	  /* cand[0] holds it: its word said so */
	uint8_t cand_cnt;
	uint8_t kept_cnt;
	uint64_t mark_ns;
	uint64_t pending_ns;	  /* waiters x time not booked yet */
	uint64_t pending_from_ns; /* when that began */
	uint64_t last_from_ns; /* the last stretch between marks with waiters: from, to, how many */
	uint64_t last_to_ns;
	uint32_t last_waiters;
	struct holder_candidate cand[2];
	uint64_t ns[HELD_CNT]; /* booked: waiters x time by the holder's state */
	struct cpt_lock_holder kept[HOLDERS_KEPT];
};

/* Accounts up to now, which never goes back. */
void holder__mark(struct lock_holder *h, uint64_t now_ns);

/* One more (less) waits from now on. */
void holder__add_waiter(struct lock_holder *h, uint64_t now_ns);
void holder__drop_waiter(struct lock_holder *h, uint64_t now_ns);

/* The task is about to wait for it, so it does not hold it. */
void holder__is_not(struct lock_holder *h, const struct task_sums *waiter, uint64_t now_ns);

/* The word names its holder (now a waiter blocks); NULL: it names none. */
void holder__seen(struct lock_holder *h, const struct task_sums *owner, uint64_t now_ns);

/* `waker` (NULL: a task outside the trace) let go of it, waking `woken`. */
void holder__released(struct lock_holder *h, const struct task_sums *waker,
		      const struct task_sums *woken, uint64_t now_ns);

/* Nothing is known of its holder from now on. */
void holder__forget(struct lock_holder *h, uint64_t now_ns);

/* The holders others waited for longest, at most CPT_LOCK_HOLDERS; returns how many. */
uint32_t holder__top(const struct lock_holder *h, struct cpt_lock_holder *top);

#endif /* CPT_LOCK_HOLDER_H */
