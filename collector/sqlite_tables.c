// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sqlite_tables.c - see sqlite_tables.h. */
#include "sqlite_tables.h"

#include <errno.h>

#include "strbuf.h"
#include "words.h"

#define COLS_END                                                                                   \
	{                                                                                          \
		NULL, NULL, TABLE_U64, 0                                                           \
	}

struct run_row {
	const char *command, *hostname, *kernel, *version, *verdict, *summary, *filters;
	uint64_t window_start_ns, window_ns, cpu_time_ns, lost_events;
	uint32_t cpus_online, cpus_allowed, processes, threads;
	double parallelism, tlp, concurrency;
	bool incomplete;
};

#define R(member) offsetof(struct run_row, member)

static const struct table_col run_cols[] = {
	{"command", "arguments joined by spaces", TABLE_STRING, R(command)},
	{"hostname", "the machine", TABLE_STRING, R(hostname)},
	{"kernel", "its kernel", TABLE_STRING, R(kernel)},
	{"version", "of the cpartrace that recorded", TABLE_STRING, R(version)},
	{"filters", "what was asked for beyond the whole run", TABLE_STRING, R(filters)},
	{"verdict", "class that holds most of the time that is not idle", TABLE_STRING, R(verdict)},
	{"summary", "the same as a sentence", TABLE_STRING, R(summary)},
	{"window_start_ns", "CLOCK_MONOTONIC", TABLE_U64, R(window_start_ns)},
	{"window_ns", "length of the run", TABLE_U64, R(window_ns)},
	{"cpu_time_ns", "CPU time of the workload", TABLE_U64, R(cpu_time_ns)},
	{"cpus_online", "CPUs of the machine", TABLE_U32, R(cpus_online)},
	{"cpus_allowed", "CPUs it was allowed, for the longest time", TABLE_U32, R(cpus_allowed)},
	{"processes", "that lived in the window", TABLE_U32, R(processes)},
	{"threads", "likewise", TABLE_U32, R(threads)},
	{"parallelism", "average number of CPUs busy", TABLE_DOUBLE, R(parallelism)},
	{"tlp", "the same over the time any was", TABLE_DOUBLE, R(tlp)},
	{"concurrency", "average number of things in progress", TABLE_DOUBLE, R(concurrency)},
	{"lost_events", "events that were lost", TABLE_U64, R(lost_events)},
	{"incomplete", "the trace is cut off", TABLE_BOOL, R(incomplete)},
	COLS_END,
};

static int write_run(struct table_out *out, const struct cpt_report *r, const char *note)
{
	struct strbuf command = {0}, summary = {0};
	struct run_row row = {
		.hostname = r->meta->hostname,
		.kernel = r->meta->kernel,
		.version = r->meta->cpartrace_version,
		.filters = note,
		.verdict = class_name(r->verdict),
		.window_start_ns = r->window_start_ns,
		.window_ns = r->window_ns,
		.cpu_time_ns = r->cpu_time_ns,
		.cpus_online = r->cpus_online,
		.cpus_allowed = r->cpus_allowed,
		.processes = r->processes,
		.threads = r->threads,
		.parallelism = r->parallel_average,
		.tlp = r->tlp,
		.concurrency = r->concurrent_average,
		.lost_events = r->quality.lost_located + r->quality.lost_other,
		.incomplete = r->quality.incomplete,
	};
	int err;

	for (size_t i = 0; r->meta->argv && r->meta->argv[i]; i++) {
		strbuf__adds(&command, i ? " " : "");
		strbuf__adds(&command, r->meta->argv[i]);
	}
	words__verdict(&summary, r);
	row.command = strbuf__str(&command);
	row.summary = strbuf__str(&summary);
	err = command.failed || summary.failed ? -ENOMEM : table_out__row(out, &row);
	strbuf__free(&command);
	strbuf__free(&summary);
	return err;
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

static int write_parallelism(struct table_out *out, const struct cpt_report *r, const char *note)
{
	return write_levels(out, r->parallel_ns, r->parallel_cnt);
}

static int write_concurrency(struct table_out *out, const struct cpt_report *r, const char *note)
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

static int write_budget(struct table_out *out, const struct cpt_report *r, const char *note)
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

static int write_demand(struct table_out *out, const struct cpt_report *r, const char *note)
{
	int err = 0;

	for (int i = 0; i < CPT_DEMAND_CNT && !err; i++)
		err = table_out__row(out, &(struct item_row){demand_name((enum cpt_demand_item)i),
							     demand_text((enum cpt_demand_item)i),
							     r->demand.item_ns[i]});
	return err;
}

const struct sqlite_table sqlite_tables[] = {
	{"run", "one row: the run as a whole", run_cols, write_run},
	{"parallelism_profile", "one row per number of CPUs", parallelism_cols, write_parallelism},
	{"concurrency_profile", "one row per number of things in progress", concurrency_cols,
	 write_concurrency},
	{"budget", "one row per item of the CPU budget", item_cols, write_budget},
	{"demand", "one row per reason why ready work did not run", item_cols, write_demand},
	{NULL, NULL, NULL, NULL},
};
