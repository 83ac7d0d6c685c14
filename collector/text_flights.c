// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* text_flights.c - see text_flights.h. */
#include "text_flights.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "escape.h"
#include "format.h"
#include "loop_names.h"
#include "share.h"
#include "text_loop_rates.h"

/* From two operations at once on, a loop is concurrent without being parallel. */
#define MANY_IN_FLIGHT 1.5
/* Not watched for less than that, against the window: start-up. */
#define WORTH_SAYING 0.01
/* Instances of which more is said than their row. */
#define MORE_OF 2

/* Those of one direction, over all instances. */
struct flights {
	uint32_t instances, peak;
	uint64_t completed;
	double average;
	const struct cpt_epoll_instance *most; /* that completed most */
};

static struct flights flights_of(const struct cpt_report *r, bool outbound)
{
	struct flights f = {0};

	for (uint32_t i = 0; i < r->instances_cnt; i++) {
		const struct cpt_epoll_instance *in = &r->instances[i];

		if (in->outbound != outbound || !in->ops.opened)
			continue;
		f.instances++;
		f.completed += in->ops.completed;
		f.average += instance_in_window(in, r->window_ns);
		f.peak = in->ops.peak > f.peak ? in->ops.peak : f.peak;
		if (!f.most || in->ops.completed > f.most->ops.completed)
			f.most = in;
	}
	return f;
}

void loops__flight_sentence(struct strbuf *b, const struct cpt_report *r, bool utf8)
{
	struct flights f = flights_of(r, false);
	char a[FMT_SZ], c[FMT_SZ], d[FMT_SZ];

	if (f.average < MANY_IN_FLIGHT)
		f = flights_of(r, true);
	if (f.average < MANY_IN_FLIGHT)
		return;
	strbuf__addf(b, "%s operations in flight on average in %" PRIu32 " event loop%s",
		     fmt_average(a, f.average), f.instances, f.instances == 1 ? "" : "s");
	if (f.instances == 1)
		strbuf__addf(b, ", %" PRIu32 " at most", f.peak);
	strbuf__addf(b, "; %s completed", fmt_count(c, f.completed));
	if (f.most->ops.latency_cnt)
		strbuf__addf(b, ", half of them within %s",
			     fmt_duration(d, f.most->ops.p50_ns, utf8));
	strbuf__addc(b, '.');
}

static void instance_cells(struct draw_table *t, const struct cpt_report *r,
			   const struct cpt_epoll_instance *in)
{
	const struct cpt_thread *thread = report__thread(r, in->proc);
	struct strbuf text = {0};
	char f[FMT_SZ];

	if (thread)
		escape_add(&text, thread->name, strnlen(thread->name, CPT_COMM_LEN),
			   t->style->utf8);
	strbuf__addf(&text, " %" PRIu32, in->pid);
	draw_table__cell(t, strbuf__str(&text));
	strbuf__clear(&text);
	strbuf__adds(&text, instance_kind(in));
	if (instance_fd(in) >= 0)
		strbuf__addf(&text, " %" PRId32, instance_fd(in));
	draw_table__cell(t, strbuf__str(&text));
	draw_table__cell(t, fmt_average(f, in->ops.average));
	draw_table__cell(t, fmt_count(f, in->ops.peak));
	strbuf__clear(&text);
	strbuf__addf(&text, "%s%s", fmt_count(f, in->ops.completed), in->lower_bound ? "+" : "");
	draw_table__cell(t, strbuf__str(&text));
	if (in->ops.latency_cnt) {
		draw_table__duration(t, in->ops.p50_ns);
		draw_table__duration(t, in->ops.p99_ns);
		draw_table__duration(t, in->ops.max_ns);
	} else {
		for (int i = 0; i < 3; i++)
			draw_table__cell(t, "");
	}
	if (text.failed)
		t->cells.failed = true;
	strbuf__free(&text);
}

static int cmp_instances(const void *pa, const void *pb)
{
	const struct cpt_epoll_instance *a = *(const struct cpt_epoll_instance *const *)pa,
					*b = *(const struct cpt_epoll_instance *const *)pb;

	if (a->ops.in_flight_ns != b->ops.in_flight_ns)
		return a->ops.in_flight_ns > b->ops.in_flight_ns ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static void add_since(struct strbuf *b, const struct cpt_report *r, const struct text_style *style)
{
	struct strbuf line = {0};
	uint64_t since = 0;
	char d[FMT_SZ];

	for (uint32_t i = 0; i < r->instances_cnt; i++)
		if (r->instances[i].ops.opened && r->instances[i].since_ns > since)
			since = r->instances[i].since_ns;
	if (share(since, r->window_ns) < WORTH_SAYING)
		return;
	strbuf__addf(&line, "Watched from %s on; before that operations were not seen.",
		     fmt_duration(d, since, style->utf8));
	add_loop_text(b, &line, style);
	strbuf__free(&line);
}

void add_flights(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts)
{
	static const char *const heads[] = {"in flight", "on",	   "average", "peak",
					    "completed", "median", "99 %",    "longest"};
	const struct cpt_epoll_instance **rows =
		calloc(r->instances_cnt ? r->instances_cnt : 1, sizeof(*rows));
	struct draw_table t = {.style = &opts->style, .cols = 8, .indent = 3};
	uint32_t cnt = 0;
	char n[FMT_SZ];

	if (!rows) {
		b->failed = true;
		return;
	}
	for (uint32_t i = 0; i < r->instances_cnt; i++)
		if (r->instances[i].ops.opened)
			rows[cnt++] = &r->instances[i];
	qsort(rows, cnt, sizeof(*rows), cmp_instances);
	for (unsigned int i = 2; i < t.cols; i++)
		t.right[i] = true;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		draw_table__cell(&t, heads[i]);
	for (uint32_t i = 0; i < cnt && i < opts->top; i++)
		instance_cells(&t, r, rows[i]);
	if (cnt)
		draw_table__add(&t, b, 0);
	else
		strbuf__free(&t.cells);
	if (cnt > opts->top)
		strbuf__addf(b, "   and %s more\n", fmt_count(n, cnt - opts->top));
	for (uint32_t i = 0; i < cnt && i < MORE_OF; i++) {
		add_flight_rates(b, r, rows[i], &opts->style);
		add_services(b, r, rows[i], &opts->style);
	}
	if (cnt)
		add_since(b, r, &opts->style);
	free(rows);
}
