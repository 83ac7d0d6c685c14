// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * acct_charge.c - see acct_charge.h.
 */
#include "acct_charge.h"

#include <stdbool.h>
#include <string.h>

/* An idle CPU's charge for one stretch, or for a part of it. */
struct shares {
	fix_t item[CPT_BUDGET_CNT], reason[CPT_REASON_CNT];
	fix_t total;
};

static void add_item(struct shares *s, enum cpt_budget_item item, fix_t fix)
{
	s->item[item] += fix;
	s->total += fix;
}

static void add_reason(struct shares *s, uint32_t r, fix_t fix)
{
	s->reason[r] += fix;
	s->total += fix;
}

/* All of the stretch, as if it had been idle. */
static void whole_charge(uint32_t reasons, const struct acct_charge *at,
			 const struct acct_charge *now, struct shares *out)
{
	const uint64_t flight = now->flight_ns - at->flight_ns;

	memset(out, 0, sizeof(*out));
	add_item(out, CPT_BUDGET_PLACEMENT,
		 (fix_t)(now->placement_ns - at->placement_ns) << FIX_BITS);
	add_item(out, CPT_BUDGET_QUOTA, (fix_t)(now->quota_ns - at->quota_ns) << FIX_BITS);
	add_item(out, CPT_BUDGET_NO_WORK,
		 (fix_t)(now->no_work_ns - at->no_work_ns - flight) << FIX_BITS);
	add_item(out, CPT_BUDGET_IN_FLIGHT, (fix_t)flight << FIX_BITS);
	add_item(out, CPT_BUDGET_UNKNOWN, (fix_t)(now->unknown_ns - at->unknown_ns) << FIX_BITS);
	for (uint32_t set = reasons; set; set &= set - 1) {
		const uint32_t r = (uint32_t)__builtin_ctz(set);

		add_reason(out, r, now->reason[r] - at->reason[r]);
	}
}

/* x * num / den, num <= den; never more than x. */
static fix_t scale(fix_t x, uint64_t num, uint64_t den)
{
	const uint64_t q = (uint64_t)(((fix_t)num << 32) / den); /* of 2^32 */

	return num == den ? x : (x >> 32) * q + ((x & UINT32_MAX) * q >> 32);
}

/* A part without tasks in progress. Where it is not known, operations in flight have of it what they have of
 * the whole. */
static void early_no_work(struct shares *out, const struct acct_story *s, fix_t early,
			  const struct shares *whole)
{
	const fix_t none = whole->item[CPT_BUDGET_NO_WORK];
	const fix_t flight = whole->item[CPT_BUDGET_IN_FLIGHT];
	fix_t part;

	if (early >= none + flight) {
		add_item(out, CPT_BUDGET_NO_WORK, none);
		add_item(out, CPT_BUDGET_IN_FLIGHT, flight);
		return;
	}
	if (s->flight_ns != UINT64_MAX)
		part = (fix_t)s->flight_ns << FIX_BITS;
	else
		part = flight ? scale(early, (uint64_t)(flight >> FIX_BITS),
				      (uint64_t)((none + flight) >> FIX_BITS))
			      : 0;
	add_item(out, CPT_BUDGET_IN_FLIGHT, part < flight ? part : flight);
	add_item(out, CPT_BUDGET_NO_WORK, early - part < none ? early - part : none);
}

/* The first early_ns of it, in which nothing changed; never more than the whole. */
static void early_charge(uint32_t reasons, const struct acct_moment *m, const struct acct_story *s,
			 const struct shares *whole, struct shares *out)
{
	const fix_t early = (fix_t)s->early_ns << FIX_BITS;
	enum cpt_budget_item item = CPT_BUDGET_CNT;

	memset(out, 0, sizeof(*out));
	if (m->mode == ACCT_PLACEMENT)
		item = CPT_BUDGET_PLACEMENT;
	else if (m->mode != ACCT_NOT_ALLOWED && m->doubts)
		item = CPT_BUDGET_UNKNOWN;
	else if (m->mode == ACCT_QUOTA)
		item = CPT_BUDGET_QUOTA;
	else if (m->mode == ACCT_REST && !m->inverse)
		item = CPT_BUDGET_NO_WORK;
	if (item == CPT_BUDGET_NO_WORK) {
		early_no_work(out, s, early, whole);
		return;
	}
	if (item != CPT_BUDGET_CNT) {
		add_item(out, item, early < whole->item[item] ? early : whole->item[item]);
		return;
	}
	for (uint32_t set = m->mode == ACCT_REST ? reasons : 0; set; set &= set - 1) {
		const uint32_t r = (uint32_t)__builtin_ctz(set);
		const fix_t part = s->early_ns * m->inverse * m->waits[r];

		add_reason(out, r, part < whole->reason[r] ? part : whole->reason[r]);
	}
}

static void charge_idle(struct acct_sums *out, uint32_t reasons, const struct shares *s,
			uint64_t num, uint64_t den)
{
	fix_t others = s->total;

	for (int i = 0; i < CPT_BUDGET_CNT; i++) {
		const fix_t x = s->item[i] ? scale(s->item[i], num, den) : 0;

		out->idle[i] += x;
		others -= x;
	}
	for (uint32_t set = reasons; set; set &= set - 1) {
		const uint32_t r = (uint32_t)__builtin_ctz(set);
		const fix_t x = scale(s->reason[r], num, den);

		out->reason[r] += x;
		others -= x;
	}
	out->idle[CPT_BUDGET_OTHERS] += others;
}

static void subtract(struct shares *from, const struct shares *part)
{
	for (int i = 0; i < CPT_BUDGET_CNT; i++)
		from->item[i] -= part->item[i];
	for (int r = 0; r < CPT_REASON_CNT; r++)
		from->reason[r] -= part->reason[r];
	from->total -= part->total;
}

void acct_sums__parts(struct acct_sums *out, uint32_t reasons, const struct acct_moment *m,
		      const struct acct_charge *now, const struct acct_story *s)
{
	const uint64_t sums = s->idle_ns + s->other_ns;
	const fix_t first = (fix_t)s->early_ns << FIX_BITS;
	struct shares whole, early;

	whole_charge(reasons, &m->sum, now, &whole);
	if (s->early_ns < s->span_ns)
		early_charge(reasons, m, s, &whole, &early);
	else
		early = whole;
	charge_idle(out, reasons, &early, s->idle_ns, sums);
	out->foreign += first - scale(first, s->idle_ns, sums);
	subtract(&whole, &early);
	if (s->kind == ACCT_IDLE) {
		charge_idle(out, reasons, &whole, 1, 1);
		return;
	}
	out->idle[CPT_BUDGET_OTHERS] += whole.total;
	out->foreign += (fix_t)(s->span_ns - s->early_ns) << FIX_BITS;
}

/* ---- rounding -------------------------------------------------------------------------------- */

/* A remainder as far as it counts: those that are the same but for how a stretch was cut into parts are
 * the same. */
static uint32_t remainder_of(fix_t x)
{
	const uint64_t low = (uint64_t)x & ((1ull << FIX_BITS) - 1);

	return (uint32_t)((low + (1ull << (FIX_BITS - 17))) >> (FIX_BITS - 16));
}

/* Whole ns that sum to total: each rounded down, what is missing to the largest remainders. */
static void round_to(uint64_t total, const fix_t *in, uint64_t *out, uint32_t cnt)
{
	bool up[CPT_BUDGET_CNT + CPT_REASON_CNT] = {false};
	uint64_t missing = total;

	for (uint32_t i = 0; i < cnt; i++) {
		out[i] = (uint64_t)(in[i] >> FIX_BITS);
		missing -= out[i];
	}
	for (; missing && missing < cnt; missing--) {
		uint32_t best = 0;

		while (up[best])
			best++;
		for (uint32_t i = best; i < cnt; i++)
			if (!up[i] && remainder_of(in[i]) > remainder_of(in[best]))
				best = i;
		up[best] = true;
		out[best]++;
	}
	/* 1/W is itself rounded: after years of many tasks waiting a ns or two may be missing. */
	out[CPT_BUDGET_UNKNOWN] += missing;
}

static uint64_t share_of(uint64_t whole, uint64_t num, uint64_t den)
{
	if (!den || num >= den)
		return den ? whole : 0;
	return (uint64_t)((fix_t)whole * num / den);
}

/* The tracer's part of what others took of allowed CPUs, and of what they kept from our tasks. */
static void set_tracer_apart(uint64_t foreign_ns, uint64_t tracer_ns, struct cpt_budget *b,
			     struct cpt_demand *d)
{
	const uint64_t others = b->item_ns[CPT_BUDGET_OTHERS];
	const uint64_t foreign = foreign_ns > others ? foreign_ns : others;
	const uint64_t part = share_of(others, tracer_ns, foreign);
	const uint64_t kept = share_of(d->item_ns[CPT_DEMAND_OTHERS], part, others);

	b->item_ns[CPT_BUDGET_OTHERS] -= part;
	b->item_ns[CPT_BUDGET_TRACER] = part;
	d->item_ns[CPT_DEMAND_OTHERS] -= kept;
	d->item_ns[CPT_DEMAND_TRACER] = kept;
}

uint64_t acct_tracer_ns(uint64_t tracer_ns, uint64_t span_ns, uint64_t run_ns)
{
	return share_of(tracer_ns, span_ns, run_ns);
}

void acct_sums__round(const struct acct_sums *s, uint64_t total_ns, uint64_t used_ns,
		      uint64_t tracer_ns, struct cpt_budget *budget, struct cpt_demand *demand)
{
	const fix_t half = (fix_t)1 << (FIX_BITS - 1);
	fix_t in[CPT_BUDGET_CNT + CPT_REASON_CNT];
	uint64_t out[CPT_BUDGET_CNT + CPT_REASON_CNT];

	memcpy(in, s->idle, sizeof(s->idle));
	memcpy(in + CPT_BUDGET_CNT, s->reason, sizeof(s->reason));
	round_to(total_ns - used_ns, in, out, CPT_BUDGET_CNT + CPT_REASON_CNT);
	memcpy(budget->item_ns, out, sizeof(budget->item_ns));
	memcpy(budget->reason_ns, out + CPT_BUDGET_CNT, sizeof(budget->reason_ns));
	budget->total_ns = total_ns;
	budget->item_ns[CPT_BUDGET_USED] = used_ns;
	set_tracer_apart((uint64_t)((s->foreign + half) >> FIX_BITS), tracer_ns, budget, demand);
}
