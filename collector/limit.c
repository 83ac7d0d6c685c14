// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* limit.c - see limit.h: names, costs and ranking. What is said of each cause: limit_causes.h. */
#include "limit_causes.h"

#include "words.h"

/* Below a twentieth of the CPU time it was allowed, removing the cause altogether could not shorten the
 * run by more than that. */
#define LIMIT_SHARE 0.05
/* From here on the workload used what there was, and only more CPUs could make it faster. */
#define NEARLY_ALL 0.9
/* Who is woken on its waker's CPU starts when that one blocks: waits as short as that are the switch from one
 * to the other, which no other CPU would save. */
#define HAND_OVER_NS 5000

const char *cause_name(enum cpt_cause cause)
{
#define CAUSE_NAME(name, str) str,
	static const char *const names[CPT_CAUSE_CNT] = {CPT_CAUSES(CAUSE_NAME)};
#undef CAUSE_NAME

	return cause < CPT_CAUSE_CNT ? names[cause] : "?";
}

const char *cost_name(enum cpt_cost by)
{
#define COST_NAME(name, str) str,
	static const char *const names[CPT_COST_CNT] = {CPT_COSTS(COST_NAME)};
#undef COST_NAME

	return by < CPT_COST_CNT ? names[by] : "?";
}

/* ---- which ones ------------------------------------------------------------------------------ */

static const struct limit_cause *row_of(enum cpt_cause cause)
{
	if (limit_waits[cause].evidence)
		return &limit_waits[cause];
	return limit_loops[cause].evidence ? &limit_loops[cause] : &limit_cpus[cause];
}

/* The larger of what limit has and ns. */
static void cost_at_least(struct limit *limit, uint64_t ns, enum cpt_cost by)
{
	if (ns <= limit->cost_ns)
		return;
	limit->cost_ns = ns;
	limit->by = by;
}

bool limits__waited_for_most(const struct cpt_report *r, enum cpt_reason lock)
{
	static const enum cpt_reason locks[] = {CPT_REASON_LOCK, CPT_REASON_HANDOFF,
						CPT_REASON_KERNEL_LOCK};

	for (size_t i = 0; i < sizeof(locks) / sizeof(locks[0]); i++)
		if (r->reason_ns[locks[i]] > r->reason_ns[lock])
			return false;
	return true;
}

/* Time in waits that are but a switch, at most. */
static uint64_t hand_over_ns(const struct cpt_report *r)
{
	uint64_t sum = 0;

	for (int i = 0; i < CPT_READY_CNT; i++)
		for (uint32_t k = 0; latency_bucket_from(k + 1) <= HAND_OVER_NS; k++)
			sum += r->latency[i].bucket[k] * latency_bucket_from(k + 1);
	return sum;
}

/* Time for which threads that had been woken from locks waited for a CPU; less of it the less locks limit, none
 * where nothing was contended. */
static uint64_t late_at_locks(const struct cpt_report *r)
{
	const double contended = share(r->split_ns[CPT_SPLIT_CONCURRENT_CONTENDED], r->window_ns);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < r->locks_cnt; i++)
		sum += r->locks[i].wake_delay_ns;
	return contended < LIMIT_SHARE ? (uint64_t)((double)sum * contended / LIMIT_SHARE) : sum;
}

/* Of the time that masks kept threads from CPUs, what other CPUs would not have saved. A short wait of a thread
 * that comes from a lock is in both parts, so it is the larger of them, at least. */
static uint64_t not_the_masks(const struct cpt_report *r)
{
	const uint64_t switches = hand_over_ns(r), late = late_at_locks(r);

	return switches > late ? switches : late;
}

/* Time that ready threads wait adds up over threads, but they could not have had more than the CPU time
 * that was left: of the whole machine where their masks kept them from it. There a thread that comes from
 * a lock would, on a CPU of its own, have found the lock's next holder at work on the other: what a lock lets
 * through one by one no mask holds back. */
static uint64_t could_have_had(const struct cpt_report *r, enum cpt_cause cause, uint64_t wanted)
{
	const bool mask = cause == CPT_CAUSE_MASK;
	const uint64_t all = mask ? r->window_ns * r->cpus_online : r->budget.total_ns;
	const uint64_t left = all > r->cpu_time_ns ? all - r->cpu_time_ns : 0;
	const uint64_t not_its = mask ? not_the_masks(r) : 0;

	wanted -= wanted < not_its ? wanted : not_its;
	return wanted < left ? wanted : left;
}

/* What is left of ns; bounds may leave none. */
static uint64_t without(uint64_t ns, uint64_t part)
{
	return ns > part ? ns - part : 0;
}

static struct limit cost_of(const struct cpt_report *r, enum cpt_cause cause)
{
	const struct limit_cause *row = row_of(cause);
	const int reason = row->reason, budget = row->budget, demand = row->demand;
	struct limit limit = {.cause = cause, .by = CPT_COST_BUDGET};
	const uint64_t loops = limit_stall__part(r, cause);

	if (cause == CPT_CAUSE_BLOCKED_LOOP)
		cost_at_least(&limit, limit_stall__dearest(r).cost_ns, CPT_COST_LOOPS);
	if (reason >= 0)
		cost_at_least(&limit, without(r->budget.reason_ns[reason], loops), CPT_COST_BUDGET);
	if (budget >= 0)
		cost_at_least(&limit, without(r->budget.item_ns[budget], loops), CPT_COST_BUDGET);
	if (demand >= 0)
		cost_at_least(&limit, could_have_had(r, cause, r->demand.item_ns[demand]),
			      CPT_COST_DEMAND);
	if (cause_is_lock(cause)) {
		if (limits__waited_for_most(r, (enum cpt_reason)reason))
			cost_at_least(&limit, r->split_ns[CPT_SPLIT_CONCURRENT_CONTENDED],
				      CPT_COST_LEDGER);
	} else if (cause == CPT_CAUSE_NO_WORK) {
		cost_at_least(&limit, r->split_ns[CPT_SPLIT_SERIAL_RUNNING], CPT_COST_LEDGER);
	} else if (cause == CPT_CAUSE_OTHERS || cause == CPT_CAUSE_TRACER) {
		uint64_t held = r->budget.item_ns[budget], wanted = r->demand.item_ns[demand];

		limit.cost_ns = held < wanted ? held : wanted;
		limit.by = held < wanted ? CPT_COST_BUDGET : CPT_COST_DEMAND;
	}
	return limit;
}

/* What stayed unknown could be any one cause's. */
static uint64_t unknown_ns(const struct cpt_report *r)
{
	uint64_t budget = r->budget.item_ns[CPT_BUDGET_UNKNOWN];
	uint64_t demand = r->demand.item_ns[CPT_DEMAND_UNKNOWN];

	return budget > demand ? budget : demand;
}

static uint64_t end_of(const struct cpt_ns_bounds *b, bool high)
{
	return high ? b->high : b->low;
}

/* The report as far as costs follow from it, each figure at the same end of its bounds. */
static struct cpt_report at_end(const struct cpt_report *r, bool high)
{
	const struct cpt_bounds *b = &r->bounds;
	struct cpt_report out = *r;

	out.budget.total_ns = end_of(&b->budget.total_ns, high);
	out.cpu_time_ns = end_of(&b->cpu_time_ns, !high);
	for (int i = 0; i < CPT_BUDGET_CNT; i++)
		out.budget.item_ns[i] = end_of(&b->budget.item_ns[i], high);
	for (int i = 0; i < CPT_REASON_CNT; i++)
		out.budget.reason_ns[i] = end_of(&b->budget.reason_ns[i], high);
	for (int i = 0; i < CPT_DEMAND_CNT; i++)
		out.demand.item_ns[i] = end_of(&b->demand.item_ns[i], high);
	for (int i = 0; i < CPT_SPLIT_UNKNOWN; i++)
		out.split_ns[i] = end_of(&b->split_ns[i], high);
	return out;
}

/* Events were lost, and by what that leaves open another cause may have cost more. */
static bool may_be_another(const struct cpt_report *r, enum cpt_cause first)
{
	struct cpt_report at;
	uint64_t least_ns;

	if (!r->bounds.accounts_open)
		return false;
	at = at_end(r, false);
	least_ns = cost_of(&at, first).cost_ns;
	at = at_end(r, true);
	for (int i = 0; i < CPT_CAUSE_CNT; i++)
		if (i != (int)first && cost_of(&at, (enum cpt_cause)i).cost_ns >= least_ns)
			return true;
	return false;
}

unsigned int limits__find(const struct cpt_report *r, struct limit out[CPT_LIMITS_MAX])
{
	const double least = LIMIT_SHARE * (double)r->budget.total_ns;
	unsigned int cnt = 0, at;

	if (!r->budget.total_ns || words__verdict_uncertain(r))
		return 0;
	for (int i = 0; i < CPT_CAUSE_CNT; i++) {
		struct limit limit = cost_of(r, (enum cpt_cause)i);

		if (!limit.cost_ns || (double)limit.cost_ns < least)
			continue;
		for (at = cnt; at && out[at - 1].cost_ns < limit.cost_ns; at--)
			if (at < CPT_LIMITS_MAX)
				out[at] = out[at - 1];
		if (at < CPT_LIMITS_MAX)
			out[at] = limit;
		if (cnt < CPT_LIMITS_MAX)
			cnt++;
	}
	/* Nor is one the largest that another may exceed. */
	if (cnt && unknown_ns(r) &&
	    out[0].cost_ns <= (cnt > 1 ? out[1].cost_ns : 0) + unknown_ns(r))
		return 0;
	return cnt && may_be_another(r, out[0].cause) ? 0 : cnt;
}

/* ---- in words ---------------------------------------------------------------------------------- */

void limits__evidence(struct strbuf *b, const struct cpt_report *r, const struct limit *limit,
		      bool utf8)
{
	row_of(limit->cause)->evidence(b, r, limit, utf8);
}

void limits__look_at(struct strbuf *b, const struct cpt_report *r, const struct limit *limit)
{
	const struct limit_cause *row = row_of(limit->cause);

	if (row->look_at)
		row->look_at(b, r, limit);
}

/* Used nearly all it was allowed, and more was ready, whatever was lost. */
static bool cpus_limit(const struct cpt_report *r)
{
	const struct cpt_bounds *b = &r->bounds;
	const bool open = b->accounts_open;
	const double used = open ? b->efficiency.low : r->efficiency;
	const uint64_t ready_ns =
		open ? b->demand.item_ns[CPT_DEMAND_CPUS].low : r->demand.item_ns[CPT_DEMAND_CPUS];

	return r->budget.total_ns && used >= NEARLY_ALL &&
	       share(ready_ns, r->budget.total_ns) >= LIMIT_SHARE;
}

void limits__sentence(struct strbuf *b, const struct cpt_report *r, bool utf8)
{
	struct limit limits[CPT_LIMITS_MAX];
	char n[FMT_SZ];

	if (limits__find(r, limits)) {
		strbuf__adds(b, "Limit: ");
		limits__evidence(b, r, &limits[0], utf8);
		strbuf__addc(b, '.');
	} else if (cpus_limit(r) && !words__verdict_uncertain(r)) {
		strbuf__addf(
			b,
			"Limit: the number of CPUs: all of them ran it, and on average %s more "
			"threads were ready.",
			fmt_average(n, share(r->demand.item_ns[CPT_DEMAND_CPUS], r->window_ns)));
	}
}
