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
	 "ran",
	 TABLE_STRING, R(account)},
	{"item",
	 "of budget and demand, whose items sum to its total; tenants: name of the program, other: "
	 "all further ones",
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

int write_accounts(struct table_out *out, const struct cpt_report *r)
{
	int err = write_budget(out, &r->budget);

	if (!err)
		err = write_demand(out, &r->demand);
	return err ? err : write_tenants(out, r->close_facts);
}
