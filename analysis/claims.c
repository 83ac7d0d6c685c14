// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * claims.c - see claims.h.
 */
#include "claims.h"

#include <string.h>

#define WORTHWHILE 8 /* intervals that claims__fold() sets free */

__extension__ typedef unsigned __int128 wide_t;

static uint64_t part(uint64_t whole, uint64_t num, uint64_t den)
{
	return den ? (uint64_t)((wide_t)whole * num / den) : 0;
}

/* How much of e is covered inside [from, to): all if it lies in there, else by proportion. */
static uint64_t covered_in(const struct claim *e, uint64_t from, uint64_t to)
{
	const uint64_t lo = e->from > from ? e->from : from, hi = e->to < to ? e->to : to;

	if (e->covered == e->to - e->from)
		return hi - lo;
	return part(e->covered, hi - lo, e->to - e->from);
}

uint64_t claims__covered(const struct claims *c, uint64_t from, uint64_t to)
{
	uint64_t sum = 0;

	for (uint32_t i = c->cnt; i && c->at[i - 1].to > from; i--)
		if (c->at[i - 1].from < to)
			sum += covered_in(&c->at[i - 1], from, to);
	return sum;
}

uint64_t claims__apart(const struct claims *c, uint64_t at)
{
	uint32_t lo = 0, hi = c->cnt;

	_Static_assert(CLAIMS_MAX <= 64, "a bit for each");
	while (lo < hi) { /* for the first that ends behind it */
		const uint32_t mid = (lo + hi) / 2;

		if (c->at[mid].to > at)
			hi = mid;
		else
			lo = mid + 1;
	}
	if (lo == c->cnt)
		return 0;
	return 1ull << lo | (c->at[lo].from < at && lo + 1 < c->cnt ? 1ull << (lo + 1) : 0);
}

void claims__fold(struct claims *c, uint64_t apart)
{
	uint32_t last = 0, left = CLAIMS_MAX / 2;

	for (uint32_t i = 1; i < c->cnt; i++) {
		if (left && !(apart >> i & 1)) {
			c->at[last].to = c->at[i].to;
			c->at[last].covered += c->at[i].covered;
			left--;
		} else {
			c->at[++last] = c->at[i];
		}
	}
	c->cnt = c->cnt ? last + 1 : 0;
	c->rest = left > CLAIMS_MAX / 2 - WORTHWHILE ? CLAIMS_MAX : 0;
}

uint64_t claims__add(struct claims *c, uint64_t from, uint64_t to, uint64_t num, uint64_t den)
{
	struct claim sum = {.from = from, .to = to};
	uint64_t before = 0;
	uint32_t first, end = c->cnt;

	if (from >= to || !num)
		return 0;
	while (end && c->at[end - 1].from >= to)
		end--;
	for (first = end; first && c->at[first - 1].to > from; first--) {
		const struct claim *e = &c->at[first - 1];

		before += covered_in(e, from, to);
		sum.covered += e->covered;
		sum.from = e->from < sum.from ? e->from : sum.from;
		sum.to = e->to > sum.to ? e->to : sum.to;
	}
	before = part(to - from - before, num, den);
	sum.covered += before;
	c->covered += before;
	if (first == end) { /* nothing to replace: room for one more */
		c->rest -= c->rest > 0;
		if (c->cnt == CLAIMS_MAX) {
			struct claim *old = c->at;

			/* Beside the oldest the new one joins it instead. */
			if (first < 2) {
				old->from = first ? old->from : sum.from;
				old->to = first ? sum.to : old->to;
				old->covered += sum.covered;
				return before;
			}
			old[1].from = old[0].from;
			old[1].covered += old[0].covered;
			memmove(old, old + 1, (CLAIMS_MAX - 1) * sizeof(*old));
			c->cnt--;
			first--;
			end--;
		}
		end = first;
		memmove(c->at + first + 1, c->at + first, (c->cnt - first) * sizeof(*c->at));
		c->cnt++;
	} else {
		memmove(c->at + first + 1, c->at + end, (c->cnt - end) * sizeof(*c->at));
		c->cnt -= end - first - 1;
	}
	c->at[first] = sum;
	return before;
}
