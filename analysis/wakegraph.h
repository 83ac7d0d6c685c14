/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wakegraph.h - who wakes whom, how often, and how long the woken had waited.
 *
 * Owns:     the edges. A node is a thread, or what stands for wakers that are none of the workload:
 *           timer, device, interrupt, outside, nobody (path_facts.h: CPT_WAKERS).
 * Must not: know events, or decide who woke whom (analysis_step.h does).
 *
 * An edge is told apart by waker, woken, what the wait was for and what it went through: which lock, or
 * which descriptor (channel.h). Only wake-ups that ended a wait inside the window count: one that caught
 * a task about to block ended none. Beyond WAKE_CHANNELS_MAX edges new descriptors are not told apart any
 * more, beyond WAKE_EDGES_MAX new pairs of threads are folded into one pair "other" for each reason.
 *
 * Private to analysis/.
 */
#ifndef CPT_WAKEGRAPH_H
#define CPT_WAKEGRAPH_H

#include <errno.h>
#include <stddef.h>

#include "lock_facts.h"
#include "path_facts.h"

#define WAKE_EDGES_MAX	  8192u
#define WAKE_CHANNELS_MAX (WAKE_EDGES_MAX / 2)

struct wake_slot {
	uint64_t key;	  /* 0: free */
	uint32_t through; /* of a wait for a lock: cpt_lock.id; else its channel; 0 none */
	uint64_t cnt, waited_ns;
};

struct wakegraph {
	struct wake_slot *slots; /* open addressing; owned */
	uint32_t sz, used;	 /* places, a power of two; used ones */
};

void wakegraph__fini(struct wakegraph *g);

/*
 *   key   [ 63 ][ 62 .. 56 ][ 55 .. 32 ][ 31 .. 24 ][ 23 .. 0 ]
 *           1       by         waker       reason      woken
 */
static inline uint64_t wake_key(enum cpt_waker by, uint32_t waker, uint32_t wakee,
				enum cpt_reason reason)
{
	return 1ull << 63 | (uint64_t)by << 56 | (uint64_t)waker << 32 | (uint64_t)reason << 24 |
	       wakee;
}

/* The slot of key and through, made if there is none. NULL without memory. */
struct wake_slot *wakegraph__find(struct wakegraph *g, uint64_t key, uint32_t through);

/* key: its waker is 0 unless it is by CPT_WAKER_TASK. hint: where the woken's last edge was found; any
 * number will do. 0 or -ENOMEM. */
static inline int wakegraph__add(struct wakegraph *g, uint64_t key, uint32_t through,
				 uint64_t waited_ns, uint32_t *hint)
{
	struct wake_slot *slot = NULL;

	if (*hint >= g->sz || (slot = g->slots + *hint)->key != key || slot->through != through) {
		slot = wakegraph__find(g, key, through);
		if (!slot)
			return -ENOMEM;
		*hint = (uint32_t)(slot - g->slots);
	}
	slot->cnt++;
	slot->waited_ns += waited_ns;
	return 0;
}

/* The edges, those with the longest waits first; the caller's to free. Their locks are cpt_lock.id until
 * wake_edges__link(). NULL with errno. */
struct cpt_wake_edge *wakegraph__edges(const struct wakegraph *g, uint32_t *cnt);

/* Makes ids of locks indices into the table of them. 0 or -ENOMEM. */
int wake_edges__link(struct cpt_wake_edge *edges, uint32_t cnt, const struct cpt_lock *locks,
		     uint32_t lock_cnt);

#endif /* CPT_WAKEGRAPH_H */
