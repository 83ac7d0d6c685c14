// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * acct_bins.c - see acct_bins.h.
 */
#include "acct_bins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct bin {
	struct acct_sums sums;
	uint64_t demand_ns[CPT_DEMAND_CNT]; /* of those that are integrals */
	uint64_t open_ns;
	uint64_t claimed_ns[ACCT_CLAIM_CNT];
};

struct acct_bins {
	uint64_t start_ns, bin_ns;
	uint32_t max;
	uint32_t cur; /* the bin of now */
	bool too_many;
	int err;
	struct bin *bins;
	struct acct_moment *moments[ACCT_BINS_CLASSES]; /* by class: at the start of each bin */
	uint64_t *lines[ACCT_SLOTS];			/* by slot: its open_ns likewise */
	uint64_t demand_ns[CPT_DEMAND_CNT];		/* at the start of the bin of now */
	uint64_t open_ns;
};

struct acct_bins *acct_bins__new(uint64_t bin_ns, uint32_t bins_max)
{
	struct acct_bins *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->bin_ns = bin_ns;
	b->max = bins_max;
	/* One more: a stretch may begin where the last bin ends. */
	b->bins = calloc((size_t)bins_max + 1, sizeof(*b->bins));
	if (!b->bins) {
		free(b);
		return NULL;
	}
	return b;
}

void acct_bins__free(struct acct_bins *b)
{
	if (!b)
		return;
	for (uint32_t i = 0; i < ACCT_BINS_CLASSES; i++)
		free(b->moments[i]);
	for (uint32_t i = 0; i < ACCT_SLOTS; i++)
		free(b->lines[i]);
	free(b->bins);
	free(b);
}

void acct_bins__open(struct acct_bins *b, uint64_t now_ns)
{
	b->start_ns = now_ns;
}

/* ---- borders --------------------------------------------------------------------------------- */

static int keep_classes(struct acct_bins *b, const struct accounts *a, uint32_t border)
{
	if (a->class_cnt > ACCT_BINS_CLASSES)
		b->too_many = true;
	for (uint32_t i = 0; i < a->class_cnt && !b->too_many; i++) {
		if (!a->classes[i].open)
			continue;
		if (!b->moments[i])
			b->moments[i] = calloc((size_t)b->max + 1, sizeof(*b->moments[i]));
		if (!b->moments[i])
			return -ENOMEM;
		accounts__moment(a, &a->classes[i], &b->moments[i][border]);
	}
	return 0;
}

static int keep_lines(struct acct_bins *b, const struct accounts *a, uint32_t border)
{
	struct bin *bin = &b->bins[border - 1];
	uint64_t open_ns = 0;

	for (uint32_t i = 1; i < a->slot_cnt; i++) {
		if (!b->lines[i])
			b->lines[i] = calloc((size_t)b->max + 1, sizeof(*b->lines[i]));
		if (!b->lines[i])
			return -ENOMEM;
		b->lines[i][border] = accounts__open_ns(a, &a->slots[i]);
		open_ns += b->lines[i][border];
	}
	bin->open_ns = open_ns - b->open_ns;
	b->open_ns = open_ns;
	for (int i = 0; i < CPT_DEMAND_CNT; i++)
		bin->demand_ns[i] = a->demand_ns[i] - b->demand_ns[i];
	memcpy(b->demand_ns, a->demand_ns, sizeof(b->demand_ns));
	return 0;
}

int acct_bins__border(struct acct_bins *b, struct accounts *a)
{
	if (b->err || b->cur == b->max)
		return b->err;
	accounts__sync(a);
	b->cur++;
	b->err = keep_classes(b, a, b->cur);
	if (!b->err)
		b->err = keep_lines(b, a, b->cur);
	return b->err;
}

void acct_bins__twin(struct acct_bins *b, uint32_t old, uint32_t twin)
{
	if (twin >= ACCT_BINS_CLASSES)
		b->too_many = true;
	if (b->too_many || !b->moments[old])
		return;
	b->moments[twin] = calloc((size_t)b->max + 1, sizeof(**b->moments));
	if (b->moments[twin])
		memcpy(b->moments[twin], b->moments[old], (b->cur + 1) * sizeof(**b->moments));
	else
		b->err = -ENOMEM;
}

/* ---- the budget ------------------------------------------------------------------------------ */

void acct_bins__stretch(struct acct_bins *b, const struct accounts *a, const struct acct_cpu *c,
			enum acct_kind kind, uint64_t early_ns, uint64_t idle_ns, uint64_t other_ns)
{
	const struct acct_charge *end = &a->classes[c->class_idx].sum;
	const struct acct_moment *kept, *from = &c->begin;
	const uint64_t early_end = c->since_ns + early_ns;
	uint64_t bin = (c->since_ns - b->start_ns) / b->bin_ns;

	if (b->too_many || b->err)
		return;
	bin = bin < b->cur ? bin : b->cur;
	kept = b->moments[c->class_idx];
	for (uint64_t at = c->since_ns; at < a->now_ns; bin++) {
		const uint64_t border = b->start_ns + (bin + 1) * b->bin_ns;
		const bool last = border >= a->now_ns || bin >= b->cur;
		const uint64_t to = last ? a->now_ns : border;
		const struct acct_charge *sum = last ? end : &kept[bin + 1].sum;
		uint64_t early = early_end > at ? early_end - at : 0;

		if (early > to - at)
			early = to - at;
		if (early && kind != ACCT_UNKNOWN)
			acct_sums__parts(
				&b->bins[bin].sums, a->reasons, from, sum,
				&(struct acct_story){kind, to - at, early, idle_ns, other_ns,
						     accounts__flight_ns(a, at, at + early)});
		else
			acct_sums__plain(&b->bins[bin].sums, a->reasons, &from->sum, sum, kind,
					 to - at);
		at = to;
		from = last ? from : &kept[bin + 1];
	}
}

/* ---- demand ---------------------------------------------------------------------------------- */

/* The bin of a point of the slot's line; where the line stood still, the last one. */
static uint32_t bin_of(const uint64_t *line, uint32_t cur, uint64_t at)
{
	uint32_t lo = 0, hi = cur + 1; /* line[lo] <= at < line[hi] */

	while (hi - lo > 1) {
		const uint32_t mid = lo + (hi - lo) / 2;

		if (line[mid] <= at)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

void acct_bins__claim(struct acct_bins *b, uint32_t slot, struct claims *claims,
		      enum acct_claim what, uint64_t from, uint64_t to, uint64_t num, uint64_t den)
{
	const uint64_t *line = b->lines[slot];
	const uint32_t first = line ? bin_of(line, b->cur, from) : b->cur;
	struct claims before;
	uint64_t all, gained, done = 0, passed = 0;

	if (from >= to)
		return;
	if (!line || first == b->cur || line[first + 1] >= to) {
		b->bins[first].claimed_ns[what] += claims__add(claims, from, to, num, den);
		return;
	}
	/* What is gained lies where nothing was claimed before. */
	before = *claims;
	all = to - from - claims__covered(&before, from, to);
	gained = claims__add(claims, from, to, num, den);
	for (uint32_t bin = first; all && from < to; bin++) {
		const uint64_t end = bin == b->cur || line[bin + 1] > to ? to : line[bin + 1];
		uint64_t upto;

		passed += end - from - claims__covered(&before, from, end);
		passed = passed < all && end < to ? passed : all;
		upto = (uint64_t)((fix_t)gained * passed / all);
		b->bins[bin].claimed_ns[what] += upto - done;
		done = upto;
		from = end;
	}
}

/* ---- the end --------------------------------------------------------------------------------- */

#define PART_SHIFT (FIX_BITS - CPT_GRID_PART_BITS)

/* *sum is what all bins so far add up to; those that are told add up to it as well, rounded. */
static struct cpt_grid_fixed take(fix_t *sum, fix_t more)
{
	const fix_t half = (fix_t)1 << (PART_SHIFT - 1);
	const fix_t before = (*sum + half) >> PART_SHIFT;
	const fix_t told = ((*sum += more, *sum + half) >> PART_SHIFT) - before;

	return (struct cpt_grid_fixed){(uint64_t)(told >> CPT_GRID_PART_BITS),
				       (uint32_t)told & ((1u << CPT_GRID_PART_BITS) - 1)};
}

static void take_bin(struct acct_sums *sums, const struct bin *bin, struct cpt_grid_account *out)
{
	for (int i = 0; i < CPT_BUDGET_CNT; i++)
		out->item[i] = take(&sums->idle[i], bin->sums.idle[i]);
	for (int i = 0; i < CPT_REASON_CNT; i++)
		out->reason[i] = take(&sums->reason[i], bin->sums.reason[i]);
	out->foreign = take(&sums->foreign, bin->sums.foreign);
	memcpy(out->demand_ns, bin->demand_ns, sizeof(out->demand_ns));
	out->open_ns = bin->open_ns;
	out->idle_ns = bin->claimed_ns[ACCT_CLAIM_IDLE];
	out->doubt_ns = bin->claimed_ns[ACCT_CLAIM_DOUBT];
}

int acct_bins__take(struct acct_bins *b, struct cpt_grid_account **out)
{
	struct acct_sums sums = {0};
	struct cpt_grid_account *tab;

	*out = NULL;
	if (b->err || b->too_many)
		return b->err;
	tab = calloc(b->cur ? b->cur : 1, sizeof(*tab));
	if (!tab)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->cur; i++)
		take_bin(&sums, &b->bins[i], &tab[i]);
	*out = tab;
	return 0;
}
