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
 * where nothing was contended: contended_ns of window_ns. */
static uint64_t late_at_locks(const struct cpt_report *r, uint64_t contended_ns, uint64_t window_ns)
{
	const double contended = share(contended_ns, window_ns);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < r->locks_cnt; i++)
		sum += r->locks[i].wake_delay_ns;
	return contended < LIMIT_SHARE ? (uint64_t)((double)sum * contended / LIMIT_SHARE) : sum;
}

/* The figures that costs follow from. A cost grows with those of `adds` and shrinks with those of `takes`: the report
 * twice, or its bounds' ends, one each, which give the largest cost or the smallest. What has no bounds is the same in
 * both: which kind of lock was waited for most, how long waits for a CPU were, what a blocked loop cost. */
struct cost_figures {
	const struct cpt_report *adds, *takes;
};

/* Of the time that masks kept threads from CPUs, what other CPUs would not have saved. A short wait of a thread
 * that comes from a lock is in both parts, so it is the larger of them, at least. */
static uint64_t not_the_masks(const struct cost_figures *of)
{
	const uint64_t contended_ns = of->takes->split_ns[CPT_SPLIT_CONCURRENT_CONTENDED];
	const uint64_t switches = hand_over_ns(of->takes);
	/* It is more of a shorter window. */
	const uint64_t late = late_at_locks(of->takes, contended_ns, of->adds->window_ns);

	return switches > late ? switches : late;
}

/* Time that ready threads wait adds up over threads, but they could not have had more than the CPU time
 * that was left: of the whole machine where their masks kept them from it. There a thread that comes from
 * a lock would, on a CPU of its own, have found the lock's next holder at work on the other: what a lock lets
 * through one by one no mask holds back. */
static uint64_t could_have_had(const struct cost_figures *of, enum cpt_cause cause, uint64_t wanted)
{
	const struct cpt_report *r = of->adds;
	const bool mask = cause == CPT_CAUSE_MASK;
	const uint64_t all = mask ? r->window_ns * r->cpus_online : r->budget.total_ns;
	const uint64_t left = without(all, of->takes->cpu_time_ns);

	wanted = without(wanted, mask ? not_the_masks(of) : 0);
	return wanted < left ? wanted : left;
}

static struct limit cost_of(const struct cost_figures *of, enum cpt_cause cause)
{
	const struct cpt_report *r = of->adds;
	const struct limit_cause *row = row_of(cause);
	const int reason = row->reason, budget = row->budget, demand = row->demand;
	struct limit limit = {.cause = cause, .by = CPT_COST_BUDGET};
	const uint64_t loops = limit_stall__part(of->takes, r, cause);

	if (cause == CPT_CAUSE_BLOCKED_LOOP)
		cost_at_least(&limit, limit_stall__dearest(r).cost_ns, CPT_COST_LOOPS);
	if (reason >= 0)
		cost_at_least(&limit, without(r->budget.reason_ns[reason], loops), CPT_COST_BUDGET);
	if (budget >= 0)
		cost_at_least(&limit, without(r->budget.item_ns[budget], loops), CPT_COST_BUDGET);
	if (demand >= 0)
		cost_at_least(&limit, could_have_had(of, cause, r->demand.item_ns[demand]),
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

/* The report as far as costs follow from it, each figure that has bounds at the same end of them. */
static struct cpt_report at_end(const struct cpt_report *r, bool high)
{
	const struct cpt_bounds *b = &r->bounds;
	struct cpt_report out = *r;

	out.window_ns = end_of(&b->window_ns, high);
	out.budget.total_ns = end_of(&b->budget.total_ns, high);
	out.cpu_time_ns = end_of(&b->cpu_time_ns, high);
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

/* Events were lost, and by what that leaves open another cause may have cost more than this one, or, where none was
 * found, one be a limit. */
static bool may_be_another(const struct cpt_report *r, const struct limit *first)
{
	const struct cpt_report low = at_end(r, false), high = at_end(r, true);
	const struct cost_figures smallest = {&low, &high}, largest = {&high, &low};
	double least_ns = LIMIT_SHARE * (double)low.budget.total_ns;

	if (first) {
		least_ns = (double)cost_of(&smallest, first->cause).cost_ns;
		/* By the bounds it may be none itself. */
		if (least_ns < LIMIT_SHARE * (double)high.budget.total_ns)
			return true;
	}
	for (int i = 0; i < CPT_CAUSE_CNT; i++)
		if ((!first || i != (int)first->cause) &&
		    (double)cost_of(&largest, (enum cpt_cause)i).cost_ns >= least_ns)
			return true;
	return false;
}

/* Nor is one the largest that another may exceed. */
static bool is_doubtful(const struct cpt_report *r, const struct limit *found, unsigned int cnt)
{
	if (cnt && unknown_ns(r) &&
	    found[0].cost_ns <= (cnt > 1 ? found[1].cost_ns : 0) + unknown_ns(r))
		return true;
	return r->bounds.accounts_open && may_be_another(r, cnt ? &found[0] : NULL);
}

/* Those that cost enough, dearest first. Returns how many. */
static unsigned int rank(const struct cpt_report *r, struct limit out[CPT_LIMITS_MAX])
{
	const double least = LIMIT_SHARE * (double)r->budget.total_ns;
	const struct cost_figures of = {r, r};
	unsigned int cnt = 0, at;

	for (int i = 0; i < CPT_CAUSE_CNT; i++) {
		struct limit limit = cost_of(&of, (enum cpt_cause)i);

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
	return cnt;
}

/* Whether the trace tells which limits there are, or that there is none. *cnt: how many are in out. */
static bool find_limits(const struct cpt_report *r, struct limit out[CPT_LIMITS_MAX],
			unsigned int *cnt)
{
	*cnt = 0;
	if (!r->budget.total_ns || words__verdict_uncertain(r))
		return false;
	*cnt = rank(r, out);
	if (!is_doubtful(r, out, *cnt))
		return true;
	*cnt = 0;
	return false;
}

unsigned int limits__find(const struct cpt_report *r, struct limit out[CPT_LIMITS_MAX])
{
	unsigned int cnt;

	find_limits(r, out, &cnt);
	return cnt;
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
	const uint64_t total_ns = open ? b->budget.total_ns.high : r->budget.total_ns;

	return used >= NEARLY_ALL && share(ready_ns, total_ns) >= LIMIT_SHARE;
}

void limits__sentence(struct strbuf *b, const struct cpt_report *r, bool utf8)
{
	struct limit limits[CPT_LIMITS_MAX];
	unsigned int cnt;
	char n[FMT_SZ];

	if (!find_limits(r, limits, &cnt))
		return;
	if (cnt) {
		strbuf__adds(b, "Limit: ");
		limits__evidence(b, r, &limits[0], utf8);
		strbuf__addc(b, '.');
	} else if (cpus_limit(r)) {
		strbuf__addf(
			b,
			"Limit: the number of CPUs: all of them ran it, and on average %s more "
			"threads were ready.",
			fmt_average(n, share(r->demand.item_ns[CPT_DEMAND_CPUS], r->window_ns)));
	}
}
