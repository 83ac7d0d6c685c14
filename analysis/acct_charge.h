/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * acct_charge.h - what a stretch of a CPU that runs none of ours is charged to in the budget.
 *
 * Owns:     the rules that make charges of integrals, and the rounding of their sums.
 * Must not: know CPUs, masks or time: it is given the integrals at a stretch's two ends (accounts.h).
 *
 *   moment m                                       charge `now`
 *   |<---- early: idle_ns and other_ns in it ---->|<---- kind ---->|
 *
 * All in ns with FIX_BITS of fraction, so that the charges of a stretch's parts add up to its own.
 *
 * Private to analysis/.
 */
#ifndef CPT_ACCT_CHARGE_H
#define CPT_ACCT_CHARGE_H

#include "account_facts.h"

__extension__ typedef unsigned __int128 fix_t; /* ns with FIX_BITS of fraction */
#define FIX_BITS 48

/* What held a CPU in the last part of a stretch. */
enum acct_kind { ACCT_OTHER, ACCT_IDLE, ACCT_UNKNOWN };

/* What an idle CPU of a class is charged to. */
enum acct_mode { ACCT_NOT_ALLOWED, ACCT_PLACEMENT, ACCT_QUOTA, ACCT_REST };

/* How long an idle CPU would have been charged to what. */
struct acct_charge {
	uint64_t placement_ns, quota_ns, no_work_ns, unknown_ns;
	uint64_t flight_ns; /* of no_work_ns: operations were in flight */
	fix_t reason[CPT_REASON_CNT];
};

/* That up to some instant, and the state at it. */
struct acct_moment {
	struct acct_charge sum;
	enum acct_mode mode;
	uint32_t doubts;		/* tasks of unknown state */
	uint32_t waits[CPT_REASON_CNT]; /* W by reason */
	fix_t inverse;			/* 1/W; 0: W = 0 */
};

/* What all CPUs were charged. */
struct acct_sums {
	fix_t idle[CPT_BUDGET_CNT], reason[CPT_REASON_CNT];
	fix_t foreign; /* others on CPUs, allowed or not */
};

/* A stretch of one kind from its start on: by far the most. reasons: bit set of those ever met. */
static inline void acct_sums__plain(struct acct_sums *out, uint32_t reasons,
				    const struct acct_charge *at, const struct acct_charge *now,
				    enum acct_kind kind, uint64_t span_ns)
{
	const uint64_t placement = now->placement_ns - at->placement_ns;
	const uint64_t quota = now->quota_ns - at->quota_ns;
	const uint64_t no_work = now->no_work_ns - at->no_work_ns;
	const uint64_t flight = now->flight_ns - at->flight_ns;
	const uint64_t unknown = now->unknown_ns - at->unknown_ns;
	fix_t waits = 0;

	for (uint32_t set = reasons; set; set &= set - 1) {
		const uint32_t r = (uint32_t)__builtin_ctz(set);
		const fix_t x = now->reason[r] - at->reason[r];

		if (kind == ACCT_IDLE)
			out->reason[r] += x;
		waits += x;
	}
	if (kind == ACCT_IDLE) {
		out->idle[CPT_BUDGET_PLACEMENT] += (fix_t)placement << FIX_BITS;
		out->idle[CPT_BUDGET_QUOTA] += (fix_t)quota << FIX_BITS;
		out->idle[CPT_BUDGET_NO_WORK] += (fix_t)(no_work - flight) << FIX_BITS;
		out->idle[CPT_BUDGET_IN_FLIGHT] += (fix_t)flight << FIX_BITS;
		out->idle[CPT_BUDGET_UNKNOWN] += (fix_t)unknown << FIX_BITS;
		return;
	}
	out->idle[kind == ACCT_OTHER ? CPT_BUDGET_OTHERS : CPT_BUDGET_UNKNOWN] +=
		waits + ((fix_t)(placement + quota + no_work + unknown) << FIX_BITS);
	if (kind == ACCT_OTHER)
		out->foreign += (fix_t)span_ns << FIX_BITS;
}

/* What a stretch turned out to be. */
struct acct_story {
	enum acct_kind kind;
	uint64_t span_ns;
	uint64_t early_ns; /* of it: its first, of idle_ns and other_ns in this proportion */
	uint64_t idle_ns, other_ns;
	uint64_t flight_ns; /* of early_ns: operations were in flight; UINT64_MAX not known */
};

/* One with a first part; its kind is not UNKNOWN. */
void acct_sums__parts(struct acct_sums *out, uint32_t reasons, const struct acct_moment *m,
		      const struct acct_charge *now, const struct acct_story *s);

/* Fills the budget and the demand's tracer: whole ns that sum to total_ns. demand: with all its other
 * items. tracer_ns: CPU time of the tracer in the time accounted, 0 not known. */
void acct_sums__round(const struct acct_sums *s, uint64_t total_ns, uint64_t used_ns,
		      uint64_t tracer_ns, struct cpt_budget *budget, struct cpt_demand *demand);

/* The tracer's CPU time in span_ns of the run_ns long run, in all of which it used tracer_ns: when it used
 * them is not known. */
uint64_t acct_tracer_ns(uint64_t tracer_ns, uint64_t span_ns, uint64_t run_ns);

#endif /* CPT_ACCT_CHARGE_H */
