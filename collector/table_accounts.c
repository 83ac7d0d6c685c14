// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* table_accounts.c - see table_accounts.h. */
#include "table_accounts.h"

struct account_row {
	const char *account, *item, *meaning;
	uint32_t pid;
	uint64_t ns;
};

#define R(member) offsetof(struct account_row, member)

const struct table_col account_cols[] = {
	{"account",
	 "budget, the CPU time allowed; demand, time ready and not running; tenants, who else "
	 "ran; where events were lost also budget_low and budget_high, demand_low and demand_high: "
	 "between what the true figures lie, no row where nothing limits them",
	 TABLE_STRING, R(account)},
	{"item",
	 "of budget and demand, whose items sum to its total; of their bounds also total; tenants: "
	 "name of the program, other: all further ones",
	 TABLE_STRING, R(item)},
	{"pid", "tenants: the process, 0 several; else 0", TABLE_U32, R(pid)},
	{"ns",
	 "CPU time (budget), time summed over threads (demand), CPU time in the whole recording, "
	 "whatever is selected (tenants)",
	 TABLE_U64, R(ns)},
	{"meaning", "of the item, in words", TABLE_STRING, R(meaning)},
	{NULL, NULL, TABLE_U64, 0},
};

static int write_budget(struct table_out *out, const struct cpt_budget *b)
{
	int err = 0;

	for (int i = 0; i < CPT_BUDGET_CNT && !err; i++)
		err = table_out__row(
			out, &(struct account_row){.account = "budget",
						   .item = budget_name((enum cpt_budget_item)i),
						   .meaning = budget_text((enum cpt_budget_item)i),
						   .ns = b->item_ns[i]});
	/* Parked reasons have a share where they count as in progress, and no row elsewhere. */
	for (int i = 0; i < CPT_REASON_CNT && !err; i++)
		if (b->reason_ns[i] || !reason_is_parked((enum cpt_reason)i))
			err = table_out__row(
				out,
				&(struct account_row){.account = "budget",
						      .item = reason_name((enum cpt_reason)i),
						      .meaning = reason_text((enum cpt_reason)i),
						      .ns = b->reason_ns[i]});
	return err;
}

static int write_demand(struct table_out *out, const struct cpt_demand *d)
{
	int err = 0;

	for (int i = 0; i < CPT_DEMAND_CNT && !err; i++)
		err = table_out__row(
			out, &(struct account_row){.account = "demand",
						   .item = demand_name((enum cpt_demand_item)i),
						   .meaning = demand_text((enum cpt_demand_item)i),
						   .ns = d->item_ns[i]});
	return err;
}

static int write_tenants(struct table_out *out, const struct cpt_trace_close *close)
{
	struct account_row row = {.account = "tenants"};
	int err = 0;

	if (!close || close->tenants_rest_ns == UINT64_MAX) /* nobody looked */
		return 0;
	for (uint32_t i = 0; i < close->tenant_cnt && !err; i++) {
		row.item = close->tenants[i].name;
		row.pid = close->tenants[i].pid;
		row.ns = close->tenants[i].cpu_ns;
		err = table_out__row(out, &row);
	}
	row.item = CPT_NAME_OTHER;
	row.pid = 0;
	row.ns = close->tenants_rest_ns;
	return err || !row.ns ? err : table_out__row(out, &row);
}

/* One end of a pair. */
static int write_bound(struct table_out *out, const char *account, const char *item,
		       const char *meaning, uint64_t ns)
{
	if (ns == UINT64_MAX)
		return 0;
	return table_out__row(
		out, &(struct account_row){
			     .account = account, .item = item, .meaning = meaning, .ns = ns});
}

static int write_pair(struct table_out *out, const char *const accounts[2], const char *item,
		      const char *meaning, const struct cpt_ns_bounds *b)
{
	int err = write_bound(out, accounts[0], item, meaning, b->low);

	return err ? err : write_bound(out, accounts[1], item, meaning, b->high);
}

static int write_bounds(struct table_out *out, const struct cpt_bounds *b)
{
	static const char *const budget[] = {"budget_low", "budget_high"};
	static const char *const demand[] = {"demand_low", "demand_high"};
	int err = write_pair(out, budget, "total", "all of them", &b->budget.total_ns);

	for (int i = 0; i < CPT_BUDGET_UNKNOWN && !err; i++)
		err = write_pair(out, budget, budget_name((enum cpt_budget_item)i),
				 budget_text((enum cpt_budget_item)i), &b->budget.item_ns[i]);
	for (int i = 0; i < CPT_REASON_CNT && !err; i++)
		if (b->budget.reason_ns[i].high || !reason_is_parked((enum cpt_reason)i))
			err = write_pair(out, budget, reason_name((enum cpt_reason)i),
					 reason_text((enum cpt_reason)i), &b->budget.reason_ns[i]);
	if (!err)
		err = write_pair(out, demand, "total", "all of them", &b->demand.total_ns);
	for (int i = 0; i < CPT_DEMAND_UNKNOWN && !err; i++)
		err = write_pair(out, demand, demand_name((enum cpt_demand_item)i),
				 demand_text((enum cpt_demand_item)i), &b->demand.item_ns[i]);
	return err;
}

int write_accounts(struct table_out *out, const struct cpt_report *r)
{
	int err = write_budget(out, &r->budget);

	if (!err)
		err = write_demand(out, &r->demand);
	if (!err && r->bounds.accounts_open)
		err = write_bounds(out, &r->bounds);
	return err ? err : write_tenants(out, r->close_facts);
}
