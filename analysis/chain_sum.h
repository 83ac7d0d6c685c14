/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * chain_sum.h - what a stretch of a chain is made of: time by thread and kind.
 *
 * Owns:     a small hash table, its growth, and its bound: beyond CHAIN_THREADS_MAX items of threads
 *           the smaller half is folded into items by name, and names beyond the overlap's into one.
 * Must not: know chains (path.h).
 *
 *   key   [ 31 ][ 30 .. 7      ][ 6 .. 0 ]
 *          fold  task or group    what        what 0: on a CPU or ready, three sums at once;
 *                                             else one sum: unknown, absent, or a wait
 *
 * Private to analysis/.
 */
#ifndef CPT_CHAIN_SUM_H
#define CPT_CHAIN_SUM_H

#include <stddef.h>

#include "path_facts.h"

#define CHAIN_THREADS_MAX 256u

/* ns[] of an item with what CHAIN_CPU */
enum { CHAIN_SERIAL, CHAIN_PARALLEL, CHAIN_RUNNABLE, CHAIN_SUMS };

/* what: waits are CHAIN_WAIT + reason * CPT_WAKER_CNT + who ended it */
enum { CHAIN_CPU, CHAIN_UNKNOWN, CHAIN_ABSENT, CHAIN_WAIT };
#define CHAIN_WHAT_BITS 7
_Static_assert(CHAIN_WAIT + CPT_REASON_CNT * CPT_WAKER_CNT <= 1 << CHAIN_WHAT_BITS,
	       "what fits its bits");

static inline uint8_t chain_wait(enum cpt_reason reason, enum cpt_waker by)
{
	return (uint8_t)(CHAIN_WAIT + (uint32_t)reason * CPT_WAKER_CNT + by);
}

#define CHAIN_FOLDED 0x80000000u

struct chain_item {
	uint32_t key; /* 0: free place */
	uint32_t reserved;
	uint64_t ns[CHAIN_SUMS]; /* but for CHAIN_CPU only the first is used */
};

struct chain_sum {
	struct chain_item *items; /* open addressing; owned */
	uint32_t sz;		  /* places, a power of two; 0: none yet */
	uint32_t used;
	uint32_t threads; /* of those: not folded */
};

static inline uint32_t chain_key(uint32_t id, uint32_t what)
{
	return id << CHAIN_WHAT_BITS | what;
}

static inline uint32_t chain_key_id(uint32_t key)
{
	return (key & ~CHAIN_FOLDED) >> CHAIN_WHAT_BITS;
}

static inline uint32_t chain_key_what(uint32_t key)
{
	return key & ((1u << CHAIN_WHAT_BITS) - 1);
}

static inline uint32_t chain_slot(const struct chain_sum *s, uint32_t key)
{
	return (uint32_t)((uint64_t)(key * 0x9e3779b1u) * s->sz >> 32); /* golden ratio */
}

/* Makes room and a place for a key that has none. NULL without memory. */
struct chain_item *chain_sum__insert(struct chain_sum *s, uint32_t key);

/* The item of that key, made if there is none. NULL without memory. */
static inline struct chain_item *chain_sum__at(struct chain_sum *s, uint32_t key)
{
	if (s->sz) {
		struct chain_item *item = &s->items[chain_slot(s, key)];

		if (item->key == key)
			return item;
	}
	return chain_sum__insert(s, key);
}

/* Adds all of src; src stays as it is. 0 or -ENOMEM. */
int chain_sum__add(struct chain_sum *dst, const struct chain_sum *src);

/* Empties it; a small table is kept for the next user. */
void chain_sum__clear(struct chain_sum *s);
void chain_sum__free(struct chain_sum *s);

/* If it holds too many items of threads: folds the smaller ones. group_of tells the number of a
 * thread's name, below 2^24. 0 or -ENOMEM. */
int chain_sum__fold(struct chain_sum *s, uint32_t (*group_of)(void *ctx, uint32_t id), void *ctx);

static inline uint64_t chain_item__total(const struct chain_item *item)
{
	return item->ns[0] + item->ns[1] + item->ns[2];
}

#endif /* CPT_CHAIN_SUM_H */
