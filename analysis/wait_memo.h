/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wait_memo.h - what a wait was found to be, for the next one that is alike.
 *
 * Owns:     a small direct-mapped table. A block lists each different wait once, and tasks begin the
 *           same few over and over: to see that one is known costs a tenth of finding out what it is.
 * Must not: classify (wait_class.h does), or remember what depends on more than the key.
 *
 *   key      all fields of the wait; and the task's process and space where a futex word had its say
 *   value    by how the wait ends: its reason. The word, and the channel.
 *
 * Private to analysis/.
 */
#ifndef CPT_WAIT_MEMO_H
#define CPT_WAIT_MEMO_H

#include <string.h>

#include "event.h"
#include "states.h"
#include "words.h"

#define WAIT_MEMOS     128 /* a power of two */
#define WAIT_END_KINDS 4   /* CPT_END_* */

struct wait_memo {
	struct cpt_wait wait;
	uint32_t proc, space;	     /* valid with by_word */
	const struct cpt_word *word; /* NULL: none */
	uint32_t channel;	     /* channel.h */
	uint8_t reason[WAIT_END_KINDS];
	uint8_t known; /* bit set of ends whose reason stands above; 0 free */
	bool by_word;
};

static inline bool wait_same(const struct cpt_wait *a, const struct cpt_wait *b)
{
	uint64_t x[4], y[4];

	_Static_assert(sizeof(*a) == sizeof(x), "all of a wait is compared");
	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]));
}

/* Where the wait would stand. Waits of a block stand side by side, so their places are different. */
static inline struct wait_memo *wait_memo__at(struct wait_memo *memos, const struct cpt_wait *wait)
{
	return &memos[(uintptr_t)wait / sizeof(*wait) & (WAIT_MEMOS - 1)];
}

static inline bool wait_memo__knows(const struct wait_memo *m, const struct cpt_wait *wait,
				    uint8_t end, uint32_t proc, uint32_t space)
{
	return end < WAIT_END_KINDS && m->known >> end & 1 && wait_same(&m->wait, wait) &&
	       (!m->by_word || (m->proc == proc && m->space == space));
}

#endif /* CPT_WAIT_MEMO_H */
