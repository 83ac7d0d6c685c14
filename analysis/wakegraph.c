// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wakegraph.c - see wakegraph.h.
 */
#include "wakegraph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "locks.h"

#define SLOTS_FIRST 64u

_Static_assert(CPT_REASON_CNT < 256, "a reason has 8 bits");

void wakegraph__fini(struct wakegraph *g)
{
	free(g->slots);
	*g = (struct wakegraph){0};
}

static enum cpt_reason key_reason(uint64_t key)
{
	return (enum cpt_reason)(key >> 24 & 0xff);
}

static uint32_t find_slot(const struct wakegraph *g, uint64_t key, uint32_t through)
{
	/* The multipliers of splitmix64. Two of them, and a fold: wakers, woken and descriptors mostly come in
	 * step, and one multiplication leaves what is in step so. */
	uint64_t hash = (key ^ through * 0xbf58476d1ce4e5b9ull) * 0x9e3779b97f4a7c15ull;
	uint32_t slot;

	hash = (hash ^ hash >> 32) * 0x94d049bb133111ebull;
	slot = (uint32_t)(hash >> 40) & (g->sz - 1);

	while (g->slots[slot].key &&
	       (g->slots[slot].key != key || g->slots[slot].through != through))
		slot = (slot + 1) & (g->sz - 1);
	return slot;
}

static int grow(struct wakegraph *g)
{
	struct wakegraph bigger = {.sz = g->sz ? 2 * g->sz : SLOTS_FIRST, .used = g->used};

	bigger.slots = calloc(bigger.sz, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->sz; i++)
		if (g->slots[i].key)
			bigger.slots[find_slot(&bigger, g->slots[i].key, g->slots[i].through)] =
				g->slots[i];
	free(g->slots);
	*g = bigger;
	return 0;
}

struct wake_slot *wakegraph__find(struct wakegraph *g, uint64_t key, uint32_t through)
{
	uint32_t slot;

	if (2 * (g->used + 1) > g->sz && grow(g))
		return NULL;
	slot = find_slot(g, key, through);
	if (!g->slots[slot].key && g->used >= WAKE_CHANNELS_MAX &&
	    !reason_is_lock(key_reason(key))) {
		through = 0;
		slot = find_slot(g, key, through);
	}
	if (!g->slots[slot].key && g->used >= WAKE_EDGES_MAX) {
		key = wake_key((enum cpt_waker)(key >> 56 & 0x7f), 0, 0, key_reason(key));
		through = 0;
		slot = find_slot(g, key, through);
	}
	g->used += !g->slots[slot].key;
	g->slots[slot].key = key;
	g->slots[slot].through = through;
	return &g->slots[slot];
}

/* By number where all else is equal: the same trace gives the same table. */
static int longer_first(const void *a, const void *b)
{
	const struct cpt_wake_edge *x = a, *y = b;

	if (x->waited_ns != y->waited_ns)
		return x->waited_ns < y->waited_ns ? 1 : -1;
	if (x->cnt != y->cnt)
		return x->cnt < y->cnt ? 1 : -1;
	if (x->by != y->by)
		return x->by > y->by ? 1 : -1;
	if (x->waker != y->waker)
		return x->waker > y->waker ? 1 : -1;
	if (x->wakee != y->wakee)
		return x->wakee > y->wakee ? 1 : -1;
	if (x->reason != y->reason)
		return x->reason > y->reason ? 1 : -1;
	if (x->lock != y->lock)
		return x->lock > y->lock ? 1 : -1;
	if (x->fd_kind != y->fd_kind)
		return x->fd_kind > y->fd_kind ? 1 : -1;
	return (x->fd > y->fd) - (x->fd < y->fd);
}

static struct cpt_wake_edge edge_of(const struct wake_slot *slot)
{
	struct cpt_wake_edge edge = {
		.by = (enum cpt_waker)(slot->key >> 56 & 0x7f),
		.waker = slot->key >> 32 & 0xffffff,
		.wakee = slot->key & 0xffffff,
		.reason = key_reason(slot->key),
		.fd = -1,
		.cnt = slot->cnt,
		.waited_ns = slot->waited_ns,
	};

	if (reason_is_lock(edge.reason)) {
		edge.lock = slot->through;
	} else if (slot->through) {
		edge.fd_kind = channel_kind(slot->through);
		edge.fd = channel_fd(slot->through);
	}
	return edge;
}

struct cpt_wake_edge *wakegraph__edges(const struct wakegraph *g, uint32_t *cnt)
{
	struct cpt_wake_edge *edges = calloc(g->used + 1, sizeof(*edges));

	*cnt = 0;
	if (!edges) {
		errno = ENOMEM;
		return NULL;
	}
	for (uint32_t i = 0; i < g->sz; i++)
		if (g->slots[i].key)
			edges[(*cnt)++] = edge_of(&g->slots[i]);
	qsort(edges, *cnt, sizeof(*edges), longer_first);
	return edges;
}

int wake_edges__link(struct cpt_wake_edge *edges, uint32_t cnt, const struct cpt_lock *locks,
		     uint32_t lock_cnt)
{
	uint32_t last = 0, *at;

	for (uint32_t i = 0; i < lock_cnt; i++)
		last = locks[i].id > last ? locks[i].id : last;
	at = calloc(last + 1, sizeof(*at));
	if (!at)
		return -ENOMEM;
	for (uint32_t i = 0; i < lock_cnt; i++)
		at[locks[i].id] = i + 1;
	for (uint32_t i = 0; i < cnt; i++)
		edges[i].lock = edges[i].lock <= last ? at[edges[i].lock] : 0;
	free(at);
	return 0;
}
