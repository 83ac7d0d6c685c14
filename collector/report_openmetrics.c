// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* report_openmetrics.c - see report_openmetrics.h. */
#include "report_openmetrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "openmetrics.h"
#include "rows.h"
#include "text_locks.h"

#define PREFIX "cpartrace_run_"

static void add_family(struct strbuf *b, const char *name, const char *unit, const char *help)
{
	openmetrics__family(b, PREFIX, name, "gauge", unit, help);
}

static void add_ns(struct strbuf *b, const char *name, const char *help, uint64_t ns)
{
	add_family(b, name, "seconds", help);
	strbuf__addf(b, PREFIX "%s ", name);
	openmetrics__seconds(b, ns);
	strbuf__addc(b, '\n');
}

static void add_number(struct strbuf *b, const char *name, const char *help, double x)
{
	add_family(b, name, NULL, help);
	strbuf__addf(b, PREFIX "%s %.9g\n", name, isfinite(x) ? x : 0);
}

/* One sample with one label that needs no escape. */
static void add_item(struct strbuf *b, const char *name, const char *label, const char *value,
		     uint64_t ns)
{
	strbuf__addf(b, PREFIX "%s{%s=\"%s\"} ", name, label, value);
	openmetrics__seconds(b, ns);
	strbuf__addc(b, '\n');
}

static void add_ledger(struct strbuf *b, const struct cpt_report *r)
{
	add_family(b, "class_seconds", "seconds",
		   "Time in each class of the wall-clock ledger; they sum to the window.");
	for (int i = 0; i < CPT_CLASS_CNT; i++)
		add_item(b, "class_seconds", "class", class_name((enum cpt_class)i),
			 r->class_ns[i]);
	add_family(b, "split_seconds", "seconds", "The classes of the ledger, split up.");
	for (int i = 0; i < CPT_SPLIT_UNKNOWN; i++) {
		strbuf__addf(b, PREFIX "split_seconds{class=\"%s\",split=\"%s\"} ",
			     class_name(split_class((enum cpt_split)i)),
			     split_name((enum cpt_split)i));
		openmetrics__seconds(b, r->split_ns[i]);
		strbuf__addc(b, '\n');
	}
}

static void add_pair(struct strbuf *b, const char *name, const struct cpt_real_bounds *of)
{
	/* Infinity is a number there. */
	strbuf__addf(b, PREFIX "%s{bound=\"low\"} %.9g\n" PREFIX "%s{bound=\"high\"} ", name,
		     of->low, name);
	if (isfinite(of->high))
		strbuf__addf(b, "%.9g\n", of->high);
	else
		strbuf__adds(b, "+Inf\n");
}

/* One end of the pair of a class. */
static void add_class_bound(struct strbuf *b, enum cpt_class cls, const char *bound, uint64_t ns)
{
	strbuf__addf(b, PREFIX "class_bound_seconds{class=\"%s\",bound=\"%s\"} ", class_name(cls),
		     bound);
	openmetrics__seconds(b, ns);
	strbuf__addc(b, '\n');
}

/* Only where something is in doubt. */
static void add_bounds(struct strbuf *b, const struct cpt_report *r)
{
	const struct cpt_bounds *of = &r->bounds;

	if (!of->open)
		return;
	add_family(b, "parallelism_bound", NULL,
		   "Between these the parallelism lies, whatever the events were that got lost.");
	add_pair(b, "parallelism_bound", &of->parallel_average);
	add_family(b, "tlp_bound", NULL,
		   "Between these the TLP lies, whatever the events were that got lost.");
	add_pair(b, "tlp_bound", &of->tlp);
	add_family(b, "concurrency_bound", NULL,
		   "Between these the concurrency lies, whatever the events were that got lost.");
	add_pair(b, "concurrency_bound", &of->concurrent_average);
	add_family(b, "class_bound_seconds", "seconds",
		   "Between these the time in each class lies, whatever the events were that got "
		   "lost.");
	for (int i = 0; i < CPT_CLASS_UNKNOWN; i++) {
		add_class_bound(b, (enum cpt_class)i, "low", of->class_ns[i].low);
		add_class_bound(b, (enum cpt_class)i, "high", of->class_ns[i].high);
	}
	add_family(b, "cpu_bound_seconds", "seconds",
		   "Between these the CPU time lies, whatever the events were that got lost.");
	add_item(b, "cpu_bound_seconds", "bound", "low", of->cpu_time_ns.low);
	add_item(b, "cpu_bound_seconds", "bound", "high", of->cpu_time_ns.high);
}

static void add_profile(struct strbuf *b, const struct cpt_report *r)
{
	add_family(b, "busy_seconds", "seconds",
		   "Time with exactly so many CPUs running the workload at once.");
	for (uint32_t k = 0; k < r->parallel_cnt; k++) {
		strbuf__addf(b, PREFIX "busy_seconds{cpus=\"%" PRIu32 "\"} ", k);
		openmetrics__seconds(b, r->parallel_ns[k]);
		strbuf__addc(b, '\n');
	}
}

/* One end of the pair of an item. */
static void add_item_bound(struct strbuf *b, const char *name, const char *item, const char *bound,
			   uint64_t ns)
{
	strbuf__addf(b, PREFIX "%s{item=\"%s\",bound=\"%s\"} ", name, item, bound);
	if (ns == UINT64_MAX)
		strbuf__adds(b, "+Inf");
	else
		openmetrics__seconds(b, ns);
	strbuf__addc(b, '\n');
}

static void add_item_pair(struct strbuf *b, const char *name, const char *item,
			  const struct cpt_ns_bounds *of)
{
	add_item_bound(b, name, item, "low", of->low);
	add_item_bound(b, name, item, "high", of->high);
}

/* Only where something is in doubt. */
static void add_account_bounds(struct strbuf *b, const struct cpt_bounds *of)
{
	if (!of->accounts_open)
		return;
	add_family(b, "budget_bound_seconds", "seconds",
		   "Between these the items of the budget lie, whatever the events were that got "
		   "lost.");
	for (int i = 0; i < CPT_BUDGET_UNKNOWN; i++)
		add_item_pair(b, "budget_bound_seconds", budget_name((enum cpt_budget_item)i),
			      &of->budget.item_ns[i]);
	for (int i = 0; i < CPT_REASON_CNT; i++)
		if (of->budget.reason_ns[i].high || !reason_is_parked((enum cpt_reason)i))
			add_item_pair(b, "budget_bound_seconds", reason_name((enum cpt_reason)i),
				      &of->budget.reason_ns[i]);
	add_family(b, "demand_bound_seconds", "seconds",
		   "Between these the items of the demand lie, whatever the events were that got "
		   "lost.");
	for (int i = 0; i < CPT_DEMAND_UNKNOWN; i++)
		add_item_pair(b, "demand_bound_seconds", demand_name((enum cpt_demand_item)i),
			      &of->demand.item_ns[i]);
}

static void add_accounts(struct strbuf *b, const struct cpt_report *r)
{
	add_family(b, "budget_seconds", "seconds",
		   "The CPU time it was allowed, by what became of it.");
	for (int i = 0; i < CPT_BUDGET_CNT; i++)
		add_item(b, "budget_seconds", "item", budget_name((enum cpt_budget_item)i),
			 r->budget.item_ns[i]);
	/* Parked reasons have a share where they count as in progress. */
	for (int i = 0; i < CPT_REASON_CNT; i++)
		if (r->budget.reason_ns[i] || !reason_is_parked((enum cpt_reason)i))
			add_item(b, "budget_seconds", "item", reason_name((enum cpt_reason)i),
				 r->budget.reason_ns[i]);
	add_family(b, "demand_seconds", "seconds",
		   "Time threads were ready and did not run, by what kept them.");
	for (int i = 0; i < CPT_DEMAND_CNT; i++)
		add_item(b, "demand_seconds", "item", demand_name((enum cpt_demand_item)i),
			 r->demand.item_ns[i]);
	add_family(b, "blocked_seconds", "seconds",
		   "Time threads were blocked, summed over them, by what for.");
	for (int i = 0; i < CPT_REASON_CNT; i++) {
		strbuf__addf(b, PREFIX "blocked_seconds{state=\"%s\",reason=\"%s\"} ",
			     reason_is_parked((enum cpt_reason)i) ? "parked" : "waiting",
			     reason_name((enum cpt_reason)i));
		openmetrics__seconds(b, r->reason_ns[i]);
		strbuf__addc(b, '\n');
	}
	add_account_bounds(b, &r->bounds);
}

static void add_blocked_locks(struct strbuf *b, const struct cpt_report *r)
{
	struct strbuf name = {0};

	if (!r->locks_cnt)
		return;
	add_family(b, "lock_blocked_seconds", "seconds",
		   "Time threads were blocked for a lock; only those with the most are listed.");
	for (uint32_t i = 0; i < r->locks_cnt && i < OPENMETRICS_ROWS; i++) {
		strbuf__clear(&name);
		add_raw_lock_name(&name, &r->locks[i]);
		/* Two locks can have one name; their process and address tell them apart. */
		strbuf__addf(b,
			     PREFIX "lock_blocked_seconds{pid=\"%" PRIu32 "\",address=\"0x%" PRIx64
				    "\",reason=\"%s\",rank=\"%" PRIu32 "\",lock=\"",
			     r->locks[i].pid, r->locks[i].addr,
			     reason_name((enum cpt_reason)r->locks[i].reason), i + 1);
		openmetrics__label(b, strbuf__str(&name));
		strbuf__adds(b, "\"} ");
		openmetrics__seconds(b, r->locks[i].blocked_ns);
		strbuf__addc(b, '\n');
	}
	if (name.failed)
		b->failed = true;
	strbuf__free(&name);
}

static void add_names(struct strbuf *b, const struct cpt_report *r)
{
	size_t cnt;
	struct cpt_row *rows = rows__build(r, CPT_ROWS_NAME, CPT_SORT_RUNNING, &cnt);

	if (!rows) {
		b->failed = true;
		return;
	}
	if (cnt)
		add_family(b, "thread_cpu_seconds", "seconds",
			   "CPU time of the threads of a name; only those with the most are "
			   "listed.");
	for (size_t i = 0; i < cnt && i < OPENMETRICS_ROWS; i++) {
		strbuf__addf(
			b, PREFIX "thread_cpu_seconds{rank=\"%zu\",threads=\"%" PRIu32 "\",name=\"",
			i + 1, rows[i].threads);
		openmetrics__label(b, rows[i].name);
		strbuf__adds(b, "\"} ");
		openmetrics__seconds(b, rows[i].running_ns);
		strbuf__addc(b, '\n');
	}
	free(rows);
}

/* What is known only with samples, or with kernel threads that poll for rings: else these families are not there. */
static void add_spin(struct strbuf *b, const struct cpt_report *r)
{
	const struct cpt_sites *s = r->sites;
	const double effective = report__effective(r);

	if (effective >= 0)
		add_number(b, "effective_parallelism",
			   "CPUs busy on average, less those that waited busily.", effective);
	if (!s || !s->samples)
		return;
	add_number(b, "effective_parallelism_error",
		   "Error of the effective parallelism, either way, by sampling.",
		   s->effective_error);
	add_family(b, "spin_ratio", "ratio", "Share of the CPU time that waited busily.");
	strbuf__addf(b, PREFIX "spin_ratio %.9g\n", s->spin_share);
	add_family(b, "spin_error_ratio", "ratio", "Error of that share, either way, by sampling.");
	strbuf__addf(b, PREFIX "spin_error_ratio %.9g\n", s->spin_error);
}

/* Operations of event loops: all of them, and those that no thread stands for. */
static void add_in_flight(struct strbuf *b, const struct cpt_report *r)
{
	double average = 0;

	if (!r->instances_cnt)
		return;
	for (uint32_t i = 0; i < r->instances_cnt; i++)
		average += instance_in_window(&r->instances[i], r->window_ns);
	add_number(b, "in_flight", "Operations of event loops in flight on average.", average);
	add_number(b, "in_flight_beyond_threads",
		   "Those of them on average that no thread stands for.",
		   (double)r->in_flight_ns / (double)r->window_ns);
}

void report_openmetrics__add(struct strbuf *out, const struct cpt_report *r)
{
	const struct cpt_trace_meta *meta = r->meta;
	uint64_t end_ns = meta->start_real_ns + (r->window_end_ns - meta->start_mono_ns);

	add_ns(out, "end_timestamp_seconds", "When the run ended, on the real-time clock.", end_ns);
	add_ns(out, "window_seconds", "Length of the run.", r->window_ns);
	add_ns(out, "cpu_seconds", "CPU time of the workload.", r->cpu_time_ns);
	add_number(out, "parallelism", "CPUs busy on average.", r->parallel_average);
	add_number(out, "tlp", "CPUs busy on average while any is.", r->tlp);
	add_number(out, "concurrency", "Things in progress on average.", r->concurrent_average);
	add_bounds(out, r);
	add_spin(out, r);
	add_in_flight(out, r);
	add_number(out, "cpus_online", "CPUs online.", r->cpus_online);
	add_number(out, "cpus_allowed", "CPUs the workload was allowed.", r->cpus_allowed);
	add_number(out, "threads", "Threads that lived in the window.", r->threads);
	add_family(out, "verdict", NULL, "1 for the class that holds most of the active time.");
	for (int i = 0; i < CPT_CLASS_CNT; i++)
		strbuf__addf(out, PREFIX "verdict{class=\"%s\"} %d\n",
			     class_name((enum cpt_class)i), r->verdict == (enum cpt_class)i);
	add_ledger(out, r);
	add_profile(out, r);
	add_accounts(out, r);
	add_blocked_locks(out, r);
	add_names(out, r);
	add_number(out, "lost_events", "Events that were lost.",
		   (double)(r->quality.lost_located + r->quality.lost_other));
	add_number(out, "incomplete", "1 if the trace is not whole.", r->quality.incomplete);
	strbuf__adds(out, "# EOF\n");
}
