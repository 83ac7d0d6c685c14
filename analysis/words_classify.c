// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * words_classify.c - what a wait on each word is: the reason, from layout, symbol and sets.
 *
 * Owns:     the order of the evidence. A layout proves a lock, a barrier, a join. A condition variable
 *           or semaphore may be anything: its symbol may tell, who waits and who wakes may, else it
 *           stays `condvar` and is never guessed at.
 */
#include <string.h>

#include "words_table.h"

/*
 * A queue has waiters and wakers that are different tasks. By chance, that is: if the tasks at a word
 * took both parts alike (a lock, turns), each of n tasks would still be seen in one part only with a
 * probability of 2^-(k-1) after k appearances. With as many wakes as twice the tasks, each appears
 * four times on average, and even two tasks stay apart in less than 2 of 100 cases; with eight wakes
 * at least, in less than 1 of 100.
 */
#define QUEUE_WAKES_MIN	     8
#define QUEUE_WAKES_PER_TASK 2

/* Locks built on a condition variable, by the object that holds them. CPython's GIL (3.2 on): its
 * mutex, its condition variable and the one for forced switches lie in the runtime's state, which
 * holds the main interpreter's too. */
static const char *const handoff_symbols[] = {"_PyRuntime"};

static bool is_handoff_symbol(const char *symbol)
{
	for (size_t i = 0; i < sizeof(handoff_symbols) / sizeof(handoff_symbols[0]); i++) {
		const size_t len = strlen(handoff_symbols[i]);

		if (!strncmp(symbol, handoff_symbols[i], len) &&
		    (!symbol[len] || symbol[len] == '+'))
			return true;
	}
	return false;
}

static bool is_queue(const struct cpt_word *w)
{
	if (w->flags & CPT_WORD_OVERFLOW || !w->waiters || !w->wakers || w->both)
		return false;
	return w->wakes >= QUEUE_WAKES_MIN &&
	       w->wakes / QUEUE_WAKES_PER_TASK >= (uint64_t)w->waiters + w->wakers;
}

/* pthread_once has no layout but a value: each waits once, one ends all. */
static bool is_once(const struct cpt_word *w, const struct word_votes *v)
{
	return v->may_be_once && w->waits && w->waits == w->waiters && w->wakers <= 1;
}

/* Nor has the state of a thread, which is waited for until that ends. What lies around it may look like an
 * rwlock. */
static bool is_end(const struct cpt_word *w, const struct word_votes *v)
{
	return (w->kind == CPT_WORD_FUTEX || w->kind == CPT_WORD_RWLOCK) && v->may_be_end &&
	       v->by_exit && !w->wakes;
}

static void classify(struct cpt_word *w, const struct word_votes *v)
{
	w->flags &= (uint8_t)~CPT_WORD_BY_SYMBOL;
	if (is_end(w, v))
		w->kind = CPT_WORD_JOIN;
	switch (w->kind) {
	case CPT_WORD_MUTEX:
	case CPT_WORD_ROBUST:
	case CPT_WORD_PI:
	case CPT_WORD_RWLOCK:
	case CPT_WORD_ONCE:
	case CPT_WORD_FILE_LOCK:
		w->reason = CPT_REASON_LOCK;
		return;
	case CPT_WORD_BARRIER:
		w->reason = CPT_REASON_BARRIER;
		return;
	case CPT_WORD_JOIN:
		w->reason = CPT_REASON_JOIN;
		return;
	case CPT_WORD_KERNEL:
		w->reason = CPT_REASON_KERNEL_LOCK;
		return;
	case CPT_WORD_CONDVAR:
	case CPT_WORD_SEM:
		break;
	default:
		w->reason = CPT_REASON_OTHER;
		if (!is_once(w, v))
			return;
		w->kind = CPT_WORD_ONCE;
		w->reason = CPT_REASON_LOCK;
		return;
	}
	if (is_handoff_symbol(w->symbol)) {
		w->reason = CPT_REASON_HANDOFF;
		w->flags |= CPT_WORD_BY_SYMBOL;
	} else {
		w->reason = is_queue(w) ? CPT_REASON_QUEUE : CPT_REASON_CONDVAR;
	}
}

void words__classify(struct cpt_words *ws)
{
	for (uint32_t i = 0; i < ws->cnt; i++)
		classify(&ws->at[i], &ws->votes[i]);
}
