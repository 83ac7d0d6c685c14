// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* diff_book.c - see diff_book.h. */
#include "diff_book.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/words.h"

#include "rows.h"
#include "strbuf.h"
#include "text_locks.h"

/* A figure as it is taken from a report. */
struct taken {
	enum diff_group group;
	enum diff_unit unit;
	const char *key, *name, *what;
	bool main, foreign;
	double value;
};

struct place {
	struct diff_book *book;
	int side;
	uint32_t run;
};

const char *diff_group_name(enum diff_group group)
{
#define GROUP_NAME(name, str, title) str,
	static const char *const names[CPT_DIFF_GROUP_CNT] = {CPT_DIFF_GROUPS(GROUP_NAME)};
#undef GROUP_NAME

	return group < CPT_DIFF_GROUP_CNT ? names[group] : "?";
}

const char *diff_group_title(enum diff_group group)
{
#define GROUP_TITLE(name, str, title) title,
	static const char *const titles[CPT_DIFF_GROUP_CNT] = {CPT_DIFF_GROUPS(GROUP_TITLE)};
#undef GROUP_TITLE

	return group < CPT_DIFF_GROUP_CNT ? titles[group] : "?";
}

const char *diff_unit_name(enum diff_unit unit)
{
#define UNIT_NAME(name, str) str,
	static const char *const names[CPT_DIFF_UNIT_CNT] = {CPT_DIFF_UNITS(UNIT_NAME)};
#undef UNIT_NAME

	return unit < CPT_DIFF_UNIT_CNT ? names[unit] : "?";
}

/* ---- the book ---------------------------------------------------------------------------------- */

int diff_book__init(struct diff_book *book, uint32_t runs_a, uint32_t runs_b)
{
	const uint32_t cnt[2] = {runs_a, runs_b};

	*book = (struct diff_book){0};
	for (int side = 0; side < 2; side++) {
		struct diff_runs *runs = &book->runs[side];

		runs->cnt = cnt[side];
		runs->window_ns = calloc(cnt[side], sizeof(double));
		runs->disturbed = calloc(cnt[side], sizeof(double));
		runs->unknown = calloc(cnt[side], sizeof(double));
		if (!runs->window_ns || !runs->disturbed || !runs->unknown)
			return -ENOMEM;
	}
	return 0;
}

static int cmp_figures(const void *pa, const void *pb)
{
	const struct diff_figure *a = pa, *b = pb;
	int d;

	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	d = strcmp(a->key, b->key);
	return d ? d : strcmp(a->what, b->what);
}

static void free_figure(struct diff_figure *f)
{
	if (!f)
		return;
	for (int side = 0; side < 2; side++) {
		free(f->values[side]);
		free(f->costs[side]);
	}
	free(f->key);
	free(f->name);
	free(f);
}

static struct diff_figure *new_figure(const struct diff_book *book, const struct taken *e)
{
	struct diff_figure *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->group = e->group;
	f->unit = e->unit;
	f->what = e->what;
	f->main = e->main;
	f->foreign = e->foreign;
	f->key = strdup(e->key);
	f->name = strdup(e->name);
	f->values[DIFF_A] = calloc(book->runs[DIFF_A].cnt, sizeof(double));
	f->values[DIFF_B] = calloc(book->runs[DIFF_B].cnt, sizeof(double));
	if (f->key && f->name && f->values[DIFF_A] && f->values[DIFF_B])
		return f;
	free_figure(f);
	return NULL;
}

static bool keep(struct diff_book *book, struct diff_figure *f)
{
	if (book->cnt == book->cap) {
		uint32_t cap = book->cap ? book->cap * 2 : 64;
		struct diff_figure **grown = reallocarray(book->figures, cap, sizeof(*grown));

		if (!grown)
			return false;
		book->figures = grown;
		book->cap = cap;
	}
	if (!tsearch(f, &book->index, cmp_figures))
		return false;
	book->figures[book->cnt++] = f;
	return true;
}

/* Names that differ under one key are shown as the key. */
static void rename_figure(struct diff_book *book, struct diff_figure *f, const struct taken *e)
{
	char *name;

	if (!strcmp(f->name, e->name) || !strcmp(f->name, f->key))
		return;
	name = strdup(f->key);
	if (!name) {
		book->failed = true;
		return;
	}
	free(f->name);
	f->name = name;
}

/* Adds to the figure's value of this run. NULL: no memory. */
static struct diff_figure *put(const struct place *at, const struct taken *e)
{
	struct diff_figure look = {.group = e->group, .key = (char *)e->key, .what = e->what};
	struct diff_book *book = at->book;
	struct diff_figure *const *found = tfind(&look, &book->index, cmp_figures);
	struct diff_figure *f = found ? *found : NULL;

	if (f) {
		rename_figure(book, f, e);
	} else {
		f = new_figure(book, e);
		if (!f || !keep(book, f)) {
			free_figure(f);
			book->failed = true;
			return NULL;
		}
	}
	f->values[at->side][at->run] += e->value;
	return f;
}

static void put_cost(const struct place *at, struct diff_figure *f, double cost)
{
	for (int side = 0; f && side < 2; side++) {
		if (!f->costs[side])
			f->costs[side] = calloc(at->book->runs[side].cnt, sizeof(double));
		if (!f->costs[side]) {
			at->book->failed = true;
			return;
		}
	}
	if (f)
		f->costs[at->side][at->run] += cost;
}

/* tdestroy() wants one; the figures are freed by the list. */
static void keep_node(void *node)
{
}

void diff_book__free(struct diff_book *book)
{
	tdestroy(book->index, keep_node);
	for (uint32_t i = 0; i < book->cnt; i++)
		free_figure(book->figures[i]);
	free(book->figures);
	for (int side = 0; side < 2; side++) {
		free(book->runs[side].window_ns);
		free(book->runs[side].disturbed);
		free(book->runs[side].unknown);
	}
	*book = (struct diff_book){0};
}

/* ---- from a report ------------------------------------------------------------------------------ */

static double share(uint64_t part, uint64_t total)
{
	return total ? (double)part / (double)total : 0;
}

static struct diff_figure *put_named(const struct place *at, enum diff_group group,
				     enum diff_unit unit, const char *name, double value)
{
	return put(at, &(struct taken){.group = group,
				       .unit = unit,
				       .key = name,
				       .name = name,
				       .what = "",
				       .value = value});
}

static void put_main(const struct place *at, enum diff_group group, enum diff_unit unit,
		     const char *name, double value)
{
	put(at, &(struct taken){.group = group,
				.unit = unit,
				.key = name,
				.name = name,
				.what = "",
				.main = true,
				.value = value});
}

static void add_ledger(const struct place *at, const struct cpt_report *r)
{
	char name[64];

	for (int cls = 0; cls < CPT_CLASS_CNT; cls++)
		put_main(at, CPT_DIFF_LEDGER, CPT_DIFF_UNIT_SHARE, class_name((enum cpt_class)cls),
			 share(r->class_ns[cls], r->window_ns));
	for (int split = 0; split < CPT_SPLIT_UNKNOWN; split++) {
		snprintf(name, sizeof(name), "%s.%s",
			 class_name(split_class((enum cpt_split)split)),
			 split_name((enum cpt_split)split));
		put_named(at, CPT_DIFF_LEDGER, CPT_DIFF_UNIT_SHARE, name,
			  share(r->split_ns[split], r->window_ns));
	}
}

static void add_budget_figures(const struct place *at, const struct cpt_report *r)
{
	const struct cpt_budget *b = &r->budget;
	struct diff_figure *f;

	for (int i = 0; i < CPT_BUDGET_CNT; i++) {
		f = put(at, &(struct taken){.group = CPT_DIFF_BUDGET,
					    .unit = CPT_DIFF_UNIT_SHARE,
					    .key = budget_name((enum cpt_budget_item)i),
					    .name = budget_name((enum cpt_budget_item)i),
					    .what = "",
					    .foreign = i == CPT_BUDGET_OTHERS ||
						       i == CPT_BUDGET_TRACER ||
						       i == CPT_BUDGET_UNKNOWN,
					    .value = share(b->item_ns[i], b->total_ns)});
		if (i == CPT_BUDGET_PLACEMENT || i == CPT_BUDGET_QUOTA ||
		    i == CPT_BUDGET_IN_FLIGHT || i == CPT_BUDGET_NO_WORK)
			put_cost(at, f, share(b->item_ns[i], b->total_ns));
	}
	for (int i = 0; i < CPT_REASON_WAITING_CNT; i++) {
		f = put_named(at, CPT_DIFF_BUDGET, CPT_DIFF_UNIT_SHARE,
			      reason_name((enum cpt_reason)i), share(b->reason_ns[i], b->total_ns));
		/* Locks are named one by one. */
		if (i != CPT_REASON_LOCK && i != CPT_REASON_HANDOFF && i != CPT_REASON_KERNEL_LOCK)
			put_cost(at, f, share(b->reason_ns[i], b->total_ns));
	}
}

static void add_demand_figures(const struct place *at, const struct cpt_report *r)
{
	struct diff_figure *f;
	double ready;

	for (int i = 0; i < CPT_DEMAND_CNT; i++) {
		ready = share(r->demand.item_ns[i], r->window_ns);
		f = put(at, &(struct taken){.group = CPT_DIFF_DEMAND,
					    .unit = CPT_DIFF_UNIT_AVERAGE,
					    .key = demand_name((enum cpt_demand_item)i),
					    .name = demand_name((enum cpt_demand_item)i),
					    .what = "",
					    .foreign = i == CPT_DEMAND_OTHERS ||
						       i == CPT_DEMAND_TRACER ||
						       i == CPT_DEMAND_UNKNOWN,
					    .value = ready});
		if (i == CPT_DEMAND_MASK)
			put_cost(at, f, ready < 1 ? ready : 1);
	}
}

static bool waited_for_most(const struct cpt_report *r, enum cpt_reason lock)
{
	return r->reason_ns[lock] >= r->reason_ns[CPT_REASON_LOCK] &&
	       r->reason_ns[lock] >= r->reason_ns[CPT_REASON_HANDOFF] &&
	       r->reason_ns[lock] >= r->reason_ns[CPT_REASON_KERNEL_LOCK];
}

/* What all locks of a kind cost: idle CPUs charged to them, or the time in which one thread ran and others
 * wanted its lock, as for the report's limits (limit.h). */
static double cost_of_locks(const struct cpt_report *r, enum cpt_reason reason)
{
	double budget = share(r->budget.reason_ns[reason], r->budget.total_ns);
	double contended = share(r->split_ns[CPT_SPLIT_CONCURRENT_CONTENDED], r->window_ns);

	return waited_for_most(r, reason) && contended > budget ? contended : budget;
}

/* Two runs have the same lock if it has the same name. Without a symbol the address is not one: it differs
 * from run to run. */
static void lock_key(struct strbuf *b, const struct cpt_lock *l)
{
	if (*l->symbol || l->python_gil || l->rest || l->kind == CPT_WORD_KERNEL ||
	    l->kind == CPT_WORD_FILE_LOCK) {
		add_lock_name(b, l, true);
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
	f = put(at, &e);
	put_cost(at, f, cost_of_locks(r, reason) * share(l->blocked_ns, r->reason_ns[reason]));
	e.unit = CPT_DIFF_UNIT_COUNT;
	e.what = "waits";
	e.value = (double)l->waits;
	put(at, &e);
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

	rows__pool_name(key, row->name);
	for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++)
		put(at, &(struct taken){.group = CPT_DIFF_THREAD,
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

static void add_run(struct diff_runs *runs, uint32_t run, const struct cpt_report *r)
{
	uint64_t machine_ns = r->window_ns * (r->cpus_online ? r->cpus_online : 1);

	runs->window_ns[run] = (double)r->window_ns;
	runs->unknown[run] = share(r->class_ns[CPT_CLASS_UNKNOWN], r->window_ns);
	runs->disturbed[run] =
		share(r->demand.item_ns[CPT_DEMAND_OTHERS] + r->demand.item_ns[CPT_DEMAND_TRACER],
		      r->window_ns);
	if (r->quality.steal_ns != UINT64_MAX)
		runs->disturbed[run] += share(r->quality.steal_ns, machine_ns);
	runs->incomplete |= r->quality.incomplete || r->window_open;
}

void diff_book__add(struct diff_book *book, int side, uint32_t run, const struct cpt_report *r)
{
	const struct place at = {book, side, run};

	add_run(&book->runs[side], run, r);
	put_main(&at, CPT_DIFF_TIME, CPT_DIFF_UNIT_NS, "window", (double)r->window_ns);
	put_main(&at, CPT_DIFF_TIME, CPT_DIFF_UNIT_NS, "cpu_time", (double)r->cpu_time_ns);
	add_ledger(&at, r);
	put_main(&at, CPT_DIFF_PARALLELISM, CPT_DIFF_UNIT_AVERAGE, "parallelism",
		 r->parallel_average);
	put_main(&at, CPT_DIFF_PARALLELISM, CPT_DIFF_UNIT_AVERAGE, "concurrency",
		 r->concurrent_average);
	put_named(&at, CPT_DIFF_PARALLELISM, CPT_DIFF_UNIT_AVERAGE, "tlp", r->tlp);
	add_budget_figures(&at, r);
	add_demand_figures(&at, r);
	for (uint32_t i = 0; i < r->locks_cnt; i++)
		add_lock(&at, r, &r->locks[i]);
	add_threads(&at, r);
}
