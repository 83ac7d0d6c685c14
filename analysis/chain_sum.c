// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * chain_sum.c - see chain_sum.h.
 */
#include "chain_sum.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SZ_FIRST 8u
#define SZ_KEPT	 64u /* a cleared table of more places is given back */

static struct chain_item *find_place(const struct chain_sum *s, uint32_t key)
{
	uint32_t slot = chain_slot(s, key);

	while (s->items[slot].key && s->items[slot].key != key)
		slot = (slot + 1) & (s->sz - 1);
	return &s->items[slot];
}

static int grow(struct chain_sum *s)
{
	struct chain_sum bigger = {.sz = s->sz ? 2 * s->sz : SZ_FIRST};

	bigger.items = calloc(bigger.sz, sizeof(*bigger.items));
	if (!bigger.items)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->sz; i++)
		if (s->items[i].key)
			*find_place(&bigger, s->items[i].key) = s->items[i];
	free(s->items);
	s->items = bigger.items;
	s->sz = bigger.sz;
	return 0;
}

struct chain_item *chain_sum__insert(struct chain_sum *s, uint32_t key)
{
	struct chain_item *item;

	if (s->sz) {
		item = find_place(s, key);
		if (item->key)
			return item;
	}
	if (2 * (s->used + 1) > s->sz && grow(s))
		return NULL;
	item = find_place(s, key);
	item->key = key;
	s->used++;
	s->threads += !(key & CHAIN_FOLDED);
	return item;
}

int chain_sum__add(struct chain_sum *dst, const struct chain_sum *src)
{
	for (uint32_t i = 0; i < src->sz; i++) {
		const struct chain_item *from = &src->items[i];
		struct chain_item *to;

		if (!from->key)
			continue;
		to = chain_sum__at(dst, from->key);
		if (!to)
			return -ENOMEM;
		for (int k = 0; k < CHAIN_SUMS; k++)
			to->ns[k] += from->ns[k];
	}
	return 0;
}

void chain_sum__clear(struct chain_sum *s)
{
	if (s->sz > SZ_KEPT)
		chain_sum__free(s);
	if (s->used)
		memset(s->items, 0, s->sz * sizeof(*s->items));
	s->used = s->threads = 0;
}

void chain_sum__free(struct chain_sum *s)
{
	free(s->items);
	*s = (struct chain_sum){0};
}

/* ---- folding ---------------------------------------------------------------------------------- */

static int compare_totals(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x < *y) - (*x > *y);
}

/* The smallest total that stays: half of the bound are at least as large. */
static int find_threshold(const struct chain_sum *s, uint64_t *threshold)
{
	uint64_t *totals = malloc(s->threads * sizeof(*totals));
	uint32_t cnt = 0;

	if (!totals)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->sz; i++)
		if (s->items[i].key && !(s->items[i].key & CHAIN_FOLDED))
			totals[cnt++] = chain_item__total(&s->items[i]);
	qsort(totals, cnt, sizeof(*totals), compare_totals);
	*threshold = totals[CHAIN_THREADS_MAX / 2];
	free(totals);
	return 0;
}

int chain_sum__fold(struct chain_sum *s, uint32_t (*group_of)(void *ctx, uint32_t id), void *ctx)
{
	struct chain_sum kept = {0};
	uint64_t threshold;
	int err;

	if (s->threads <= CHAIN_THREADS_MAX)
		return 0;
	err = find_threshold(s, &threshold);
	for (uint32_t i = 0; i < s->sz && !err; i++) {
		const struct chain_item *from = &s->items[i];
		uint32_t key = from->key;
		struct chain_item *to;

		if (!key)
			continue;
		if (!(key & CHAIN_FOLDED) && chain_item__total(from) <= threshold)
			key = chain_key(group_of(ctx, chain_key_id(key)), chain_key_what(key)) |
			      CHAIN_FOLDED;
		to = chain_sum__at(&kept, key);
		if (!to) {
			err = -ENOMEM;
			break;
		}
		for (int k = 0; k < CHAIN_SUMS; k++)
			to->ns[k] += from->ns[k];
	}
	if (err) {
		chain_sum__free(&kept);
		return err;
	}
	free(s->items);
	*s = kept;
	return 0;
}
