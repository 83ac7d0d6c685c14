// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* diff_report.c - the figures of a report that are compared: diff_book__add() of diff_book.h. */
#include "diff_put.h"

#include <stdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/words.h"

#include "diff_undisturbed.h"
#include "limit.h"
#include "rows.h"
#include "share.h"
#include "strbuf.h"
#include "text_locks.h"

/* From as many digits on a number inside of a name is one that differs from run to run: of a process, a port. */
#define RUN_NUMBER 4

void diff_name_key(char *key, const char *name)
{
	size_t from, digits, to = 0;

	rows__pool_name(key, name);
	for (from = 0; key[from]; from += digits ? digits : 1) {
		digits = strspn(key + from, "0123456789");
		if (digits >= RUN_NUMBER && from) {
			key[to++] = '*';
			continue;
		}
		memmove(key + to, key + from, digits ? digits : 1);
		to += digits ? digits : 1;
	}
	key[to] = '\0';
}

static struct diff_figure *put(const struct place *at, enum diff_group group, enum diff_unit unit,
			       const char *name, bool main, double value)
{
	return diff_put(at, &(struct taken){.group = group,
					    .unit = unit,
					    .key = name,
					    .name = name,
					    .what = "",
					    .main = main,
					    .value = value});
}

static struct diff_figure *put_named(const struct place *at, enum diff_group group,
				     enum diff_unit unit, const char *name, double value)
{
	return put(at, group, unit, name, false, value);
}

static struct diff_figure *put_main(const struct place *at, enum diff_group group,
				    enum diff_unit unit, const char *name, double value)
{
	return put(at, group, unit, name, true, value);
}

/* What the bounds of a figure leave open, where anything was lost. */
static void put_open(const struct place *at, struct diff_figure *f, bool open, double low,
		     double high)
{
	if (open)
		diff_put_open(at, f, high - low);
}

static void put_open_average(const struct place *at, struct diff_figure *f,
			     const struct cpt_report *r, const struct cpt_real_bounds *b)
{
	put_open(at, f, r->bounds.open, b->low, b->high);
}

/* Of a share of the window; each may be of the longest, or of the shortest. */
static void put_open_part(const struct place *at, struct diff_figure *f, const struct cpt_report *r,
			  const struct cpt_ns_bounds *b)
{
	const struct cpt_real_bounds share = share_bounds(b, &r->bounds.window_ns);

	put_open(at, f, r->bounds.open, share.low, share.high);
}

static void add_ledger(const struct place *at, const struct cpt_report *r,
		       const struct undisturbed *u)
{
	struct diff_figure *f;
	char name[64];

	for (int cls = 0; cls < CPT_CLASS_CNT; cls++) {
		const char *class = class_name((enum cpt_class)cls);
		double part = share(r->class_ns[cls], r->window_ns);

		f = put(at, CPT_DIFF_LEDGER, CPT_DIFF_UNIT_SHARE, class, cls == CPT_CLASS_PARALLEL,
			part);
		put_open_part(at, f, r, &r->bounds.class_ns[cls]);
		if (cls == CPT_CLASS_PARALLEL)
			diff_put_undisturbed(at, f, u->parallel);
	}
	for (int split = 0; split < CPT_SPLIT_UNKNOWN; split++) {
		snprintf(name, sizeof(name), "%s.%s",
			 class_name(split_class((enum cpt_split)split)),
			 split_name((enum cpt_split)split));
		f = put_named(at, CPT_DIFF_LEDGER, CPT_DIFF_UNIT_SHARE, name,
			      share(r->split_ns[split], r->window_ns));
		put_open_part(at, f, r, &r->bounds.split_ns[split]);
	}
}

/* Of a share of the CPU time allowed. */
static void put_open_budget(const struct place *at, struct diff_figure *f,
			    const struct cpt_bounds *of, const struct cpt_ns_bounds *b)
{
	const struct cpt_real_bounds share = share_bounds(b, &of->budget.total_ns);

	put_open(at, f, of->accounts_open, share.low, share.high);
}

static void add_budget_figures(const struct place *at, const struct cpt_report *r)
{
	const struct cpt_budget *b = &r->budget;
	struct diff_figure *f;

	for (int i = 0; i < CPT_BUDGET_CNT; i++) {
		f = diff_put(at, &(struct taken){.group = CPT_DIFF_BUDGET,
						 .unit = CPT_DIFF_UNIT_SHARE,
						 .key = budget_name((enum cpt_budget_item)i),
						 .name = budget_name((enum cpt_budget_item)i),
						 .what = "",
						 .foreign = i == CPT_BUDGET_OTHERS ||
							    i == CPT_BUDGET_TRACER ||
							    i == CPT_BUDGET_UNKNOWN,
						 .value = share(b->item_ns[i], b->total_ns)});
		put_open_budget(at, f, &r->bounds, &r->bounds.budget.item_ns[i]);
		if (i == CPT_BUDGET_PLACEMENT || i == CPT_BUDGET_QUOTA ||
		    i == CPT_BUDGET_IN_FLIGHT || i == CPT_BUDGET_NO_WORK)
			diff_put_cost(at, f, share(b->item_ns[i], b->total_ns));
	}
	for (int i = 0; i < CPT_REASON_WAITING_CNT; i++) {
		f = put_named(at, CPT_DIFF_BUDGET, CPT_DIFF_UNIT_SHARE,
			      reason_name((enum cpt_reason)i), share(b->reason_ns[i], b->total_ns));
		put_open_budget(at, f, &r->bounds, &r->bounds.budget.reason_ns[i]);
		/* Locks are named one by one. */
		if (i != CPT_REASON_LOCK && i != CPT_REASON_HANDOFF && i != CPT_REASON_KERNEL_LOCK)
			diff_put_cost(at, f, share(b->reason_ns[i], b->total_ns));
	}
}

static void put_open_demand(const struct place *at, struct diff_figure *f,
			    const struct cpt_bounds *of, const struct cpt_ns_bounds *b)
{
	put_open(at, f, of->accounts_open, share(b->low, of->window_ns.high),
		 b->high == UINT64_MAX || !of->window_ns.low ? INFINITY
							     : share(b->high, of->window_ns.low));
}

static void add_demand_figures(const struct place *at, const struct cpt_report *r)
{
	struct diff_figure *f;
	double ready;

	for (int i = 0; i < CPT_DEMAND_CNT; i++) {
		ready = share(r->demand.item_ns[i], r->window_ns);
		f = diff_put(at, &(struct taken){.group = CPT_DIFF_DEMAND,
						 .unit = CPT_DIFF_UNIT_AVERAGE,
						 .key = demand_name((enum cpt_demand_item)i),
						 .name = demand_name((enum cpt_demand_item)i),
						 .what = "",
						 .foreign = i == CPT_DEMAND_OTHERS ||
							    i == CPT_DEMAND_TRACER ||
							    i == CPT_DEMAND_UNKNOWN,
						 .value = ready});
		put_open_demand(at, f, &r->bounds, &r->bounds.demand.item_ns[i]);
		if (i == CPT_DEMAND_MASK)
			diff_put_cost(at, f, ready < 1 ? ready : 1);
	}
}

/* ---- work, span and critical path ----------------------------------------------------------------- */

static void add_path_name(const struct place *at, const char *name, double value)
{
	char key[CPT_COMM_LEN + 1];

	diff_name_key(key, name);
	diff_put(at, &(struct taken){.group = CPT_DIFF_PATH_NAME,
				     .unit = CPT_DIFF_UNIT_SHARE,
				     .key = key,
				     .name = name,
				     .what = "",
				     .value = value});
}

/* bounds: it is of the whole run, as report__span_bounds() says. */
static void put_bound(const struct place *at, enum diff_unit unit, const char *name, double value,
		      bool bounds)
{
	diff_put(at, &(struct taken){.group = CPT_DIFF_PATH,
				     .unit = unit,
				     .key = name,
				     .name = name,
				     .what = "",
				     .doubtful = !bounds,
				     .whole = true,
				     .value = value});
}

/* Of what the path is made, as shares of it, and whose work it is. */
static void add_path(const struct place *at, const struct cpt_report *r)
{
	const struct cpt_path *p = &r->path;
	const bool bounds = report__span_bounds(r);
	char name[64];

	put_bound(at, CPT_DIFF_UNIT_NS, "work", (double)r->work_span.work_ns, bounds);
	put_bound(at, CPT_DIFF_UNIT_NS, "span", (double)r->work_span.span_ns, bounds);
	if (bounds)
		put_bound(at, CPT_DIFF_UNIT_AVERAGE, "work / span", r->work_span.parallelism, true);
	put_named(at, CPT_DIFF_PATH, CPT_DIFF_UNIT_SHARE, "running alone",
		  share(p->serial_ns, p->length_ns));
	put_named(at, CPT_DIFF_PATH, CPT_DIFF_UNIT_SHARE, "running with others",
		  share(p->parallel_ns, p->length_ns));
	put_named(at, CPT_DIFF_PATH, CPT_DIFF_UNIT_SHARE, "runnable",
		  share(p->runnable_ns, p->length_ns));
	for (int i = 0; i < CPT_REASON_CNT; i++) {
		snprintf(name, sizeof(name), "blocked: %s", reason_name((enum cpt_reason)i));
		put_named(at, CPT_DIFF_PATH, CPT_DIFF_UNIT_SHARE, name,
			  share(p->reason_ns[i], p->length_ns));
	}
	for (uint32_t i = 0; i < p->names_cnt; i++)
		add_path_name(at, p->names[i].name, share(p->names[i].total_ns, p->length_ns));
}

/* ---- locks ------------------------------------------------------------------------------------------ */

/* What all locks of a kind cost: idle CPUs charged to them, or the time in which one thread ran and others
 * wanted its lock, as for the report's limits (limit.h). */
static double cost_of_locks(const struct cpt_report *r, enum cpt_reason reason)
{
	double budget = share(r->budget.reason_ns[reason], r->budget.total_ns);
	double contended = share(r->split_ns[CPT_SPLIT_CONCURRENT_CONTENDED], r->window_ns);

	return limits__waited_for_most(r, reason) && contended > budget ? contended : budget;
}

/* Two runs have the same lock if it has the same name. Without a symbol the address is not one: it differs
 * from run to run. */
static void lock_key(struct strbuf *b, const struct cpt_lock *l)
{
	if (*l->symbol || l->python_gil || l->python_gil_switch || l->rest ||
	    l->kind == CPT_WORD_KERNEL || l->kind == CPT_WORD_FILE_LOCK) {
		add_raw_lock_name(b, l);
		return;
	}
	strbuf__addf(b, "%s in %s, without a name", word_kind_name(l->kind),
		     *l->module ? l->module : "unknown memory");
}

static void add_lock(const struct place *at, const struct cpt_report *r, const struct cpt_lock *l)
{
	enum cpt_reason reason = (enum cpt_reason)l->reason;
	struct strbuf key = {0};
	struct taken e = {.group = CPT_DIFF_LOCK};
	struct diff_figure *f;

	lock_key(&key, l);
	e.key = e.name = strbuf__str(&key);
	e.unit = CPT_DIFF_UNIT_NS;
	e.what = "blocked";
	e.value = (double)l->blocked_ns;
	f = diff_put(at, &e);
	diff_put_cost(at, f, cost_of_locks(r, reason) * share(l->blocked_ns, r->reason_ns[reason]));
	e.unit = CPT_DIFF_UNIT_COUNT;
	e.what = "waits";
	e.events = true;
	e.value = (double)l->waits;
	diff_put(at, &e);
	if (key.failed)
		at->book->failed = true;
	strbuf__free(&key);
}

static void add_thread_figures(const struct place *at, const struct cpt_row *row)
{
	const struct {
		const char *what;
		enum diff_unit unit;
		uint64_t value;
	} measures[] = {{"running", CPT_DIFF_UNIT_NS, row->running_ns},
			{"runnable", CPT_DIFF_UNIT_NS, row->runnable_ns},
			{"waiting", CPT_DIFF_UNIT_NS, row->waiting_ns},
			{"threads", CPT_DIFF_UNIT_COUNT, row->threads}};
	char key[CPT_COMM_LEN + 1];

	diff_name_key(key, row->name);
	for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++)
		diff_put(at, &(struct taken){.group = CPT_DIFF_THREAD,
					     .unit = measures[i].unit,
					     .key = key,
					     .name = row->name,
					     .what = measures[i].what,
					     .value = (double)measures[i].value});
}

static void add_threads(const struct place *at, const struct cpt_report *r)
{
	size_t cnt;
	struct cpt_row *rows = rows__build(r, CPT_ROWS_NAME, CPT_SORT_RUNNING, &cnt);

	if (!rows) {
		at->book->failed = true;
		return;
	}
	for (size_t i = 0; i < cnt; i++)
		add_thread_figures(at, &rows[i]);
	free(rows);
}

/* ---- event loops --------------------------------------------------------------------------------- */

static const char *thread_name(const struct cpt_report *r, uint32_t id)
{
	const struct cpt_thread *t = report__thread(r, id);

	return t ? t->name : "?";
}

/* Of the loops of a name: time dispatching, blocked in other calls meanwhile, turns; of the epoll instances of
 * a process by the name of its main thread: operations in flight. */
static void add_loop_figures(const struct place *at, enum diff_unit unit, const char *name,
			     const char *what, double value)
{
	char key[CPT_COMM_LEN + 1];

	diff_name_key(key, name);
	diff_put(at, &(struct taken){.group = CPT_DIFF_LOOP,
				     .unit = unit,
				     .key = key,
				     .name = name,
				     .what = what,
				     .events = unit == CPT_DIFF_UNIT_COUNT,
				     .value = value});
}

static void add_loops(const struct place *at, const struct cpt_report *r)
{
	for (uint32_t i = 0; i < r->loops.cnt; i++) {
		const struct cpt_loop *l = &r->loops.tab[i];
		const char *name = thread_name(r, l->id);

		add_loop_figures(at, CPT_DIFF_UNIT_NS, name, "dispatching", (double)l->on_cpu_ns);
		add_loop_figures(at, CPT_DIFF_UNIT_NS, name, "blocked in other calls",
				 (double)l->blocked_ns);
		add_loop_figures(at, CPT_DIFF_UNIT_COUNT, name, "iterations",
				 (double)l->iterations);
	}
	for (uint32_t i = 0; i < r->instances_cnt; i++)
		add_loop_figures(at, CPT_DIFF_UNIT_AVERAGE, thread_name(r, r->instances[i].proc),
				 "in flight", instance_in_window(&r->instances[i], r->window_ns));
}

/* The largest part of the window that lost events leave open: what is unknown, or what the bounds of a class or of
 * the CPU time say. */
static double doubt_of(const struct cpt_report *r)
{
	const struct cpt_bounds *b = &r->bounds;
	double doubt = share(r->class_ns[CPT_CLASS_UNKNOWN], r->window_ns);

	if (!b->open || !r->window_ns)
		return doubt;
	for (int i = 0; i < CPT_CLASS_UNKNOWN; i++)
		doubt = fmax(doubt, share(b->class_ns[i].high - b->class_ns[i].low, r->window_ns));
	doubt = fmax(doubt, b->parallel_average.high - b->parallel_average.low);
	if (isfinite(b->concurrent_average.high))
		doubt = fmax(doubt, b->concurrent_average.high - b->concurrent_average.low);
	return fmin(doubt, 1);
}

static void add_run(struct diff_runs *runs, uint32_t run, const struct cpt_report *r)
{
	uint64_t machine_ns = r->window_ns * (r->cpus_online ? r->cpus_online : 1);

	runs->window_ns[run] = (double)r->window_ns;
	runs->unknown[run] = doubt_of(r);
	runs->disturbed[run] =
		share(r->demand.item_ns[CPT_DEMAND_OTHERS] + r->demand.item_ns[CPT_DEMAND_TRACER],
		      r->window_ns);
	if (r->quality.steal_ns != UINT64_MAX)
		runs->disturbed[run] += share(r->quality.steal_ns, machine_ns);
	runs->incomplete |= r->quality.incomplete || r->window_open;
}

void diff_book__add(struct diff_book *book, int side, uint32_t run, const struct cpt_report *r)
{
	const struct undisturbed u = undisturbed_of(r);
	const struct place at = {book, side, run};
	const struct cpt_bounds *b = &r->bounds;
	struct diff_figure *f;

	add_run(&book->runs[side], run, r);
	f = put_main(&at, CPT_DIFF_TIME, CPT_DIFF_UNIT_NS, "window", (double)r->window_ns);
	put_open(&at, f, b->open, (double)b->window_ns.low, (double)b->window_ns.high);
	diff_put_undisturbed(&at, f, u.window_ns);
	f = put_main(&at, CPT_DIFF_TIME, CPT_DIFF_UNIT_NS, "cpu_time", (double)r->cpu_time_ns);
	put_open(&at, f, b->open, (double)b->cpu_time_ns.low, (double)b->cpu_time_ns.high);
	add_ledger(&at, r, &u);
	f = put_main(&at, CPT_DIFF_PARALLELISM, CPT_DIFF_UNIT_AVERAGE, "parallelism",
		     r->parallel_average);
	put_open_average(&at, f, r, &b->parallel_average);
	diff_put_undisturbed(&at, f, u.average);
	f = put_main(&at, CPT_DIFF_PARALLELISM, CPT_DIFF_UNIT_AVERAGE, "concurrency",
		     r->concurrent_average);
	put_open_average(&at, f, r, &b->concurrent_average);
	f = put_named(&at, CPT_DIFF_PARALLELISM, CPT_DIFF_UNIT_AVERAGE, "tlp", r->tlp);
	put_open_average(&at, f, r, &b->tlp);
	add_path(&at, r);
	add_budget_figures(&at, r);
	add_demand_figures(&at, r);
	for (uint32_t i = 0; i < r->locks_cnt; i++)
		add_lock(&at, r, &r->locks[i]);
	add_loops(&at, r);
	add_threads(&at, r);
}
