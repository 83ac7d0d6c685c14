// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * limit_loops.c - the cause that is an event loop kept from its wait, see limit_causes.h.
 *
 * A loop that is blocked in a call serves nobody: what came in meanwhile is in flight behind it. The CPUs
 * that the workload left idle for that time are charged to those operations, or to what the loop waits
 * for, by the budget; here they are told by what kept them idle. So a part of those items is this cause's.
 * Where other programs held those CPUs meanwhile, what the loop itself would have used is still lost to it:
 * the time it was blocked.
 */
#include "limit_causes.h"

#include "loop_names.h"
#include "text_loop_rates.h"
#include "text_loops.h"

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What the budget charges to one of the three that such a stall can be behind. */
static uint64_t charged(const struct cpt_report *r, const struct cpt_stall *s)
{
	return r->budget.item_ns[CPT_BUDGET_IN_FLIGHT] + r->budget.item_ns[CPT_BUDGET_NO_WORK] +
	       r->budget.reason_ns[s->reason];
}

/* Operations behind it are what makes a stall one that matters: where they are not known, it costs nothing. */
static uint64_t cost_of(const struct cpt_report *r, const struct cpt_stall *s)
{
	if (s->rest || s->reason >= CPT_REASON_CNT)
		return 0;
	return most(least(s->unused_ns, charged(r, s)), least(s->unused_ns, s->behind_ns));
}

struct limit_stall limit_stall__dearest(const struct cpt_report *r)
{
	struct limit_stall dearest = {0};

	for (uint32_t i = 0; i < r->loops.cnt; i++) {
		const struct cpt_loop *l = &r->loops.tab[i];

		for (uint32_t k = 0; k < l->stalls_cnt; k++) {
			const uint64_t cost = cost_of(r, &l->stalls[k]);

			if (cost > dearest.cost_ns)
				dearest = (struct limit_stall){l, &l->stalls[k], cost};
		}
	}
	return dearest;
}

uint64_t limit_stall__part(const struct cpt_report *r, const struct cpt_report *first,
			   enum cpt_cause cause)
{
	const struct limit_stall dearest = limit_stall__dearest(r);
	const uint64_t in_flight = first->budget.item_ns[CPT_BUDGET_IN_FLIGHT];
	const uint64_t no_work = first->budget.item_ns[CPT_BUDGET_NO_WORK];

	if (cause == CPT_CAUSE_IN_FLIGHT)
		return least(dearest.cost_ns, r->budget.item_ns[CPT_BUDGET_IN_FLIGHT]);
	if (cause == CPT_CAUSE_NO_WORK)
		return least(without(dearest.cost_ns, in_flight),
			     r->budget.item_ns[CPT_BUDGET_NO_WORK]);
	if (dearest.stall && limit_waits[cause].evidence &&
	    limit_waits[cause].reason == dearest.stall->reason)
		return least(without(dearest.cost_ns, in_flight + no_work),
			     r->budget.reason_ns[dearest.stall->reason]);
	return 0;
}

static void loop_evidence(struct strbuf *b, const struct cpt_report *r, const struct limit *limit,
			  bool utf8)
{
	const struct limit_stall dearest = limit_stall__dearest(r);
	const struct cpt_stall *s = dearest.stall;

	(void)limit;
	strbuf__adds(b, "a blocked event loop");
	if (!s)
		return;
	strbuf__adds(b, ": ");
	add_loop_name(b, report__thread(r, dearest.loop->id), utf8);
	strbuf__addc(b, ' ');
	add_stall_words(b, r, dearest.loop, s, false);
	strbuf__adds(b, dearest.loop->flight_known ? ", delayed by " : ", delayed by at least ");
	add_duration(b, s->delay_ns);
	strbuf__adds(b, " in all");
}

static void look_at_loop(struct strbuf *b, const struct cpt_report *r, const struct limit *limit)
{
	const struct limit_stall dearest = limit_stall__dearest(r);
	const char *call = dearest.stall ? stall_call(r, dearest.stall) : NULL;

	(void)limit;
	strbuf__addf(b, "the handler that is in %s: without blocking, or on another thread",
		     call ? call : "it");
	if (!r->sites || !r->sites->stacks)
		strbuf__adds(b, "; --stacks says where it is called from");
}

const struct limit_cause limit_loops[CPT_CAUSE_CNT] = {
	[CPT_CAUSE_BLOCKED_LOOP] = {-1, -1, -1, loop_evidence, look_at_loop},
};
