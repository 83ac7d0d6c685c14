// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sqlite_tables.c - see sqlite_tables.h. */
#include "sqlite_tables.h"

#define COLS_END                                                                                   \
	{                                                                                          \
		NULL, NULL, TABLE_U64, 0                                                           \
	}

struct level_row {
	uint32_t level;
	uint64_t ns;
};

static const struct table_col parallelism_cols[] = {
	{"cpus", "exactly so many ran the workload", TABLE_U32, offsetof(struct level_row, level)},
	{"ns", "for so long", TABLE_U64, offsetof(struct level_row, ns)},
	COLS_END,
};

static const struct table_col concurrency_cols[] = {
	{"in_progress", "exactly so many things were", TABLE_U32,
	 offsetof(struct level_row, level)},
	{"ns", "for so long", TABLE_U64, offsetof(struct level_row, ns)},
	COLS_END,
};

static int write_levels(struct table_out *out, const uint64_t *ns, uint32_t cnt)
{
	int err = 0;

	for (uint32_t i = 0; i < cnt && !err; i++)
		err = table_out__row(out, &(struct level_row){i, ns[i]});
	return err;
}

static int write_parallelism(struct table_out *out, const struct cpt_report *r)
{
	return write_levels(out, r->parallel_ns, r->parallel_cnt);
}

static int write_concurrency(struct table_out *out, const struct cpt_report *r)
{
	return write_levels(out, r->concurrent_ns, r->concurrent_cnt);
}

struct item_row {
	const char *item, *text;
	uint64_t ns;
};

static const struct table_col item_cols[] = {
	{"item", "of the account; all of them sum to its total", TABLE_STRING,
	 offsetof(struct item_row, item)},
	{"meaning", "in words", TABLE_STRING, offsetof(struct item_row, text)},
	{"ns", "CPU time (budget), or time ready and not running (demand)", TABLE_U64,
	 offsetof(struct item_row, ns)},
	COLS_END,
};

static int write_budget(struct table_out *out, const struct cpt_report *r)
{
	int err = 0;

	for (int i = 0; i < CPT_BUDGET_CNT && !err; i++)
		err = table_out__row(out, &(struct item_row){budget_name((enum cpt_budget_item)i),
							     budget_text((enum cpt_budget_item)i),
							     r->budget.item_ns[i]});
	/* Parked reasons have a share where they count as in progress. */
	for (int i = 0; i < CPT_REASON_CNT && !err; i++)
		if (r->budget.reason_ns[i] || !reason_is_parked((enum cpt_reason)i))
			err = table_out__row(out,
					     &(struct item_row){reason_name((enum cpt_reason)i),
								reason_text((enum cpt_reason)i),
								r->budget.reason_ns[i]});
	return err;
}

static int write_demand(struct table_out *out, const struct cpt_report *r)
{
	int err = 0;

	for (int i = 0; i < CPT_DEMAND_CNT && !err; i++)
		err = table_out__row(out, &(struct item_row){demand_name((enum cpt_demand_item)i),
							     demand_text((enum cpt_demand_item)i),
							     r->demand.item_ns[i]});
	return err;
}

const struct sqlite_table sqlite_tables[] = {
	{"parallelism_profile", "one row per number of CPUs", parallelism_cols, write_parallelism},
	{"concurrency_profile", "one row per number of things in progress", concurrency_cols,
	 write_concurrency},
	{"budget", "one row per item of the CPU budget", item_cols, write_budget},
	{"demand", "one row per reason why ready work did not run", item_cols, write_demand},
	{NULL, NULL, NULL, NULL},
};
