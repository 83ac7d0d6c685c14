// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bounds_accounts.c - see bounds.h: between what the items of the budget and of the demand lie.
 *
 * Each CPU that was allowed has at each instant one item of the budget, and each task that is ready one of the
 * demand. Of those that are told the following is certain, and the rest open:
 *
 *   budget   used                               as far as CPU time is
 *            others, placement                  as long as no task fades that the CPU may have been allowed for: a CPU
 *                                               whose records are there tells what held it, and a task that is
 *                                               known to be ready is
 *            quota, waits, in flight, no work   and unless a task in doubt may have been ready or in progress;
 *                                               where one is counted so, the CPU is `unknown` already, so it is
 *                                               those that end in holes, waits in doubt (retro), and A
 *            unknown                            may be any other
 *   demand   mask                               unless a CPU that nothing is known of may have run ours: all did, then
 *            the rest                           always
 *            unknown                            may be any other; and so may what tasks in doubt add to the demand
 *
 * Where something is in doubt, the first part of a stretch that a CPU spends on others (OCCUPANCY) may be any item's
 * but `used`, and any of the demand's `others` and `placement`: blurred, in accounts.c. What the tracer has of what
 * is others' follows from its CPU time, which is counted at the end: in a trace that is cut off it may be all of it.
 *
 * Items are rounded to whole ns, and their sum with them: ROUNDED ns is what one may be off by that.
 */
#include "bounds.h"
#include "timeline.h"

#define ROUNDED 2

/* What of an account may move. */
struct open_ns {
	uint64_t gain, lose; /* of any item: may come to it, may not be of the account */
	uint64_t turn; /* of those that follow from what is in progress: may be another item's */
};

/* CPU time that did not run ours, in bins with waits in doubt. */
static uint64_t retro_left_ns(const struct timeline *tl, const struct cpt_report *r)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < r->bins_cnt; i++)
		if (tl->bounds.marks[i])
			sum += bounds_less(tl->cpu_cnt * r->bins[i].span_ns, r->bins[i].running);
	return sum;
}

static struct cpt_ns_bounds pair_of(uint64_t ns, uint64_t lose, uint64_t gain, uint64_t most)
{
	const uint64_t off = ns || gain ? ROUNDED : 0;

	return (struct cpt_ns_bounds){bounds_less(ns, lose + off),
				      bounds_least(ns + gain + off, most)};
}

static bool follows_from_progress(int item)
{
	return item == CPT_BUDGET_QUOTA || item == CPT_BUDGET_IN_FLIGHT ||
	       item == CPT_BUDGET_NO_WORK;
}

/* Each is at most what the total leaves beside what is certainly the others'. */
static void limit_by_rest(struct cpt_ns_bounds *items, uint32_t cnt, uint64_t total, uint64_t sure)
{
	for (uint32_t i = 0; i < cnt; i++)
		items[i].high =
			bounds_least(items[i].high, bounds_less(total, sure - items[i].low));
}

static uint64_t sum_low(const struct cpt_ns_bounds *items, uint32_t cnt)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < cnt; i++)
		sum += items[i].low;
	return sum;
}

/* What of `of` is the tracer's, as acct_sums__round() has it: by what part of all others' time its own is. */
static uint64_t tracer_part(uint64_t of, uint64_t tracer_ns, uint64_t foreign_ns)
{
	if (!tracer_ns || tracer_ns >= foreign_ns)
		return tracer_ns ? of : 0;
	return (uint64_t)((fix_t)of * tracer_ns / foreign_ns);
}

/* What others and the tracer have together, apart: two pairs. rounded: what may be missing of the tracer's. */
static void set_tracer_apart(struct cpt_ns_bounds *others, struct cpt_ns_bounds *tracer,
			     const struct cpt_ns_bounds *tracer_ns,
			     const struct cpt_ns_bounds *foreign, uint64_t rounded)
{
	const struct cpt_ns_bounds both = *others;

	if (!tracer_ns->high)
		return;
	/* The sum of all others' time is rounded itself. */
	tracer->low =
		bounds_less(tracer_part(both.low, tracer_ns->low, foreign->high + 1), rounded);
	tracer->high = both.high == UINT64_MAX ? both.high
					       : tracer_part(both.high, tracer_ns->high,
							     bounds_less(foreign->low, 1));
	tracer->high += bounds_least(both.high - tracer->high, ROUNDED);
	others->low = bounds_less(both.low, tracer->high);
	others->high = both.high == UINT64_MAX ? both.high : both.high - tracer->low;
}

/* CPU time of the tracer in the window. */
static struct cpt_ns_bounds tracer_time(const struct bounds *b, const struct bounds_lost *lost,
					const struct cpt_report *r)
{
	const uint64_t ns = acct_tracer_ns(lost->tracer_ns, r->window_ns, r->run_ns);

	if (lost->tracer_ns == UINT64_MAX || b->run_open || lost->more_ns || lost->less_ns)
		return (struct cpt_ns_bounds){0, lost->tracer_ns};
	return (struct cpt_ns_bounds){ns, ns};
}

static void bound_budget(const struct timeline *tl, const struct bounds_lost *lost,
			 struct cpt_report *r)
{
	const struct cpt_budget *of = &r->budget;
	const struct bounds *b = &tl->bounds;
	const uint64_t n = lost->cpu_cnt, longest = n * r->bounds.window_ns.high;
	struct cpt_budget_bounds *out = &r->bounds.budget;
	const struct open_ns open = {
		.gain = of->item_ns[CPT_BUDGET_UNKNOWN] + b->dying_left_ns + n * lost->more_ns +
			tl->acc.blurred_ns,
		.lose = b->fade_left_ns + n * lost->less_ns + tl->acc.blurred_ns,
		.turn = b->dying_left_ns + b->flight_left_ns + retro_left_ns(tl, r),
	};
	const bool none = lost->unseen;
	uint64_t sure;

	out->total_ns.low = none ? r->bounds.cpu_time_ns.low
				 : bounds_less(of->total_ns, b->fade_left_ns + n * lost->less_ns);
	out->total_ns.high =
		none ? longest
		     : bounds_least(longest, of->total_ns + b->run_ns + b->dying_left_ns +
						     n * lost->more_ns);
	for (int i = 0; i < CPT_BUDGET_CNT; i++) {
		const uint64_t turn = follows_from_progress(i) ? open.turn : 0;
		const uint64_t come = i == CPT_BUDGET_PLACEMENT ? open.turn : turn;
		/* Others and the tracer are one until the end. */
		const uint64_t tracer = i == CPT_BUDGET_OTHERS ? of->item_ns[CPT_BUDGET_TRACER] : 0;

		out->item_ns[i] = none ? (struct cpt_ns_bounds){0, longest}
				       : pair_of(of->item_ns[i] + tracer, open.lose + turn,
						 open.gain + come, longest);
	}
	for (int i = 0; i < CPT_REASON_CNT; i++) {
		/* Nothing is ever charged to what does not count as in progress. */
		out->reason_ns[i] = !(tl->adds[i] & CPT_ADDS_IN_PROGRESS)
					    ? (struct cpt_ns_bounds){0, 0}
				    : none ? (struct cpt_ns_bounds){0, longest}
					   : pair_of(of->reason_ns[i], open.lose + open.turn,
						     open.gain + open.turn, longest);
	}
	out->item_ns[CPT_BUDGET_USED] = r->bounds.cpu_time_ns;
	out->item_ns[CPT_BUDGET_UNKNOWN] = (struct cpt_ns_bounds){0, 0};
	out->item_ns[CPT_BUDGET_TRACER] = (struct cpt_ns_bounds){0, 0};
	sure = sum_low(out->item_ns, CPT_BUDGET_CNT) + sum_low(out->reason_ns, CPT_REASON_CNT);
	limit_by_rest(out->item_ns, CPT_BUDGET_CNT, out->total_ns.high, sure);
	limit_by_rest(out->reason_ns, CPT_REASON_CNT, out->total_ns.high, sure);
	out->item_ns[CPT_BUDGET_UNKNOWN].high = out->item_ns[CPT_BUDGET_TRACER].high = 0;
}

static void bound_demand(const struct timeline *tl, const struct bounds_lost *lost,
			 struct cpt_report *r)
{
	const struct cpt_demand *of = &r->demand;
	const struct bounds *b = &tl->bounds;
	struct cpt_demand_bounds *out = &r->bounds.demand;
	const uint64_t more = b->doubt_ns + b->woken_ns, blurred = tl->acc.blurred_demand_ns;
	const bool none = lost->unseen || lost->less_ns || lost->more_ns;
	bool endless = lost->trees || lost->all || lost->waits || lost->more_ns;
	uint64_t sure, unborn_ns = 0;

	out->total_ns.low = lost->all || lost->waits || lost->less_ns ? 0 : of->total_ns;
	/* Tasks that were never told of, each ready all the time. */
	endless |= __builtin_mul_overflow(lost->births, r->bounds.window_ns.high, &unborn_ns) ||
		   __builtin_add_overflow(of->total_ns + more, unborn_ns, &out->total_ns.high);
	if (endless)
		out->total_ns.high = UINT64_MAX;
	for (int i = 0; i < CPT_DEMAND_CNT; i++) {
		const bool others = i == CPT_DEMAND_PLACEMENT || i == CPT_DEMAND_OTHERS;
		const uint64_t tracer = i == CPT_DEMAND_OTHERS ? of->item_ns[CPT_DEMAND_TRACER] : 0;
		uint64_t lose = others ? blurred : 0;
		uint64_t gain = of->item_ns[CPT_DEMAND_UNKNOWN] + more + lose;

		if (i == CPT_DEMAND_MASK)
			lose = b->ready_ns;
		if (i == CPT_DEMAND_CPUS)
			gain += bounds_least(of->item_ns[CPT_DEMAND_MASK], b->ready_ns);
		out->item_ns[i] = none ? (struct cpt_ns_bounds){0, out->total_ns.high}
				       : pair_of(of->item_ns[i] + tracer, lose, gain, UINT64_MAX);
	}
	out->item_ns[CPT_DEMAND_UNKNOWN] = (struct cpt_ns_bounds){0, 0};
	out->item_ns[CPT_DEMAND_TRACER] = (struct cpt_ns_bounds){0, 0};
	sure = sum_low(out->item_ns, CPT_DEMAND_CNT);
	if (!endless)
		limit_by_rest(out->item_ns, CPT_DEMAND_CNT, out->total_ns.high, sure);
	out->item_ns[CPT_DEMAND_UNKNOWN].high = out->item_ns[CPT_DEMAND_TRACER].high = 0;
}

/* By more than by being rounded. */
static bool differs(const struct cpt_ns_bounds *b, uint64_t ns)
{
	return bounds_less(ns, b->low) > ROUNDED || bounds_less(b->high, ns) > ROUNDED;
}

static bool is_open(const struct cpt_report *r)
{
	const struct cpt_budget_bounds *budget = &r->bounds.budget;
	const struct cpt_demand_bounds *demand = &r->bounds.demand;
	bool open = differs(&budget->total_ns, r->budget.total_ns) ||
		    differs(&demand->total_ns, r->demand.total_ns);

	for (int i = 0; i < CPT_BUDGET_CNT; i++)
		open |= differs(&budget->item_ns[i], r->budget.item_ns[i]);
	for (int i = 0; i < CPT_REASON_CNT; i++)
		open |= differs(&budget->reason_ns[i], r->budget.reason_ns[i]);
	for (int i = 0; i < CPT_DEMAND_CNT; i++)
		open |= differs(&demand->item_ns[i], r->demand.item_ns[i]);
	return open;
}

void bounds__accounts(const struct timeline *tl, const struct bounds_lost *lost,
		      struct cpt_report *r)
{
	const uint64_t n = lost->cpu_cnt;
	const uint64_t foreign_ns = (uint64_t)(tl->acc.sums.foreign >> FIX_BITS);
	const struct cpt_ns_bounds tracer_ns = tracer_time(&tl->bounds, lost, r);
	struct cpt_bounds *out = &r->bounds;
	struct cpt_ns_bounds *others = &out->budget.item_ns[CPT_BUDGET_OTHERS];
	struct cpt_ns_bounds *kept = &out->demand.item_ns[CPT_DEMAND_OTHERS];
	const struct cpt_ns_bounds foreign = {
		lost->unseen ? 0 : bounds_less(foreign_ns, n * lost->less_ns),
		bounds_less(n * out->window_ns.high, out->cpu_time_ns.low)};
	uint64_t each;

	bound_budget(tl, lost, r);
	bound_demand(tl, lost, r);
	/* Of the demand the tracer has the part that it has of the budget's whole ns: so many ready tasks there are for
	 * each CPU that others have, so many ns may be missing. */
	each = others->low ? bounds_least(kept->high / others->low, UINT64_MAX / 2)
			   : UINT64_MAX / 2;
	set_tracer_apart(kept, &out->demand.item_ns[CPT_DEMAND_TRACER], &tracer_ns, &foreign,
			 ROUNDED + each);
	set_tracer_apart(others, &out->budget.item_ns[CPT_BUDGET_TRACER], &tracer_ns, &foreign,
			 ROUNDED);
	out->accounts_open = (out->open || r->quality.lost_located || tl->bounds.cut) && is_open(r);
}
