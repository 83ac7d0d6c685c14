// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * within.c - see within.h.
 */
#include "within.h"

#include <math.h>
#include <stdio.h>

static int outside(const char *what, const char *name, double truth, double low, double high)
{
	const double slack = 1e-9 * (fabs(truth) + 1);

	if (truth >= low - slack && truth <= high + slack)
		return 0;
	fprintf(stderr, "%s: %s is %.9g, bounds are %.9g and %.9g\n", what, name, truth, low, high);
	return 1;
}

static int outside_ns(const char *what, const char *name, uint64_t truth,
		      const struct cpt_ns_bounds *b)
{
	return outside(what, name, (double)truth, (double)b->low, (double)b->high);
}

static int outside_real(const char *what, const char *name, double truth,
			const struct cpt_real_bounds *b)
{
	return outside(what, name, truth, b->low, b->high);
}

static int outside_item(const char *what, const char *account, const char *item, uint64_t truth,
			const struct cpt_ns_bounds *b)
{
	char name[64];

	snprintf(name, sizeof(name), "%s: %s", account, item);
	return outside_ns(what, name, truth, b);
}

static int check_accounts(const char *what, const struct cpt_report *truth,
			  const struct cpt_report *r)
{
	const struct cpt_budget_bounds *budget = &r->bounds.budget;
	const struct cpt_demand_bounds *demand = &r->bounds.demand;
	int bad = outside_ns(what, "the budget", truth->budget.total_ns, &budget->total_ns) +
		  outside_ns(what, "the demand", truth->demand.total_ns, &demand->total_ns);

	for (int i = 0; i < CPT_BUDGET_UNKNOWN; i++)
		bad += outside_item(what, "budget", budget_name((enum cpt_budget_item)i),
				    truth->budget.item_ns[i], &budget->item_ns[i]);
	for (int i = 0; i < CPT_REASON_CNT; i++)
		bad += outside_item(what, "budget", reason_name((enum cpt_reason)i),
				    truth->budget.reason_ns[i], &budget->reason_ns[i]);
	for (int i = 0; i < CPT_DEMAND_UNKNOWN; i++)
		bad += outside_item(what, "demand", demand_name((enum cpt_demand_item)i),
				    truth->demand.item_ns[i], &demand->item_ns[i]);
	return bad;
}

int check_bounds(const char *what, const struct cpt_report *truth, const struct cpt_report *r)
{
	const struct cpt_bounds *b = &r->bounds;
	int bad = outside_ns(what, "the window", truth->window_ns, &b->window_ns);
	char name[64];

	bad += outside_ns(what, "CPU time", truth->cpu_time_ns, &b->cpu_time_ns);
	for (int i = 0; i < CPT_CLASS_UNKNOWN; i++)
		bad += outside_ns(what, class_name((enum cpt_class)i), truth->class_ns[i],
				  &b->class_ns[i]);
	for (int i = 0; i < CPT_SPLIT_UNKNOWN; i++)
		bad += outside_ns(what, split_name((enum cpt_split)i), truth->split_ns[i],
				  &b->split_ns[i]);
	for (uint32_t k = 0; k < b->profile_cnt; k++) {
		snprintf(name, sizeof(name), "profile[%u]", k);
		bad += outside_ns(what, name, k < truth->parallel_cnt ? truth->parallel_ns[k] : 0,
				  &b->profile_ns[k]);
	}
	bad += check_accounts(what, truth, r);
	bad += outside_real(what, "average parallelism", truth->parallel_average,
			    &b->parallel_average);
	bad += outside_real(what, "TLP", truth->tlp, &b->tlp);
	bad += outside_real(what, "efficiency", truth->efficiency, &b->efficiency);
	bad += outside_real(what, "average concurrency", truth->concurrent_average,
			    &b->concurrent_average);
	if (r->verdict != CPT_CLASS_UNKNOWN && r->verdict != truth->verdict) {
		fprintf(stderr, "%s: the verdict is %s, said is %s\n", what,
			class_name(truth->verdict), class_name(r->verdict));
		bad++;
	}
	return bad;
}
