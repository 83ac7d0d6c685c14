// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* text_tables.c - see text_tables.h. */
#include "text_tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "draw.h"
#include "escape.h"
#include "format.h"

/* Reasons and pairs below this share of what the table is about are noise. */
#define WORTH_A_ROW 0.01
#define PAIRS_MAX   6
/* From here there is room for durations beside the reasons. */
#define WIDE_COLUMNS 100

/* ---- reasons ------------------------------------------------------------------------------- */

static int cmp_reason(const void *pa, const void *pb, void *ctx)
{
	const uint64_t *ns = ctx;
	int a = *(const int *)pa, b = *(const int *)pb;

	if (ns[a] != ns[b])
		return ns[a] > ns[b] ? -1 : 1;
	return a - b;
}

void add_reasons(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts)
{
	const struct text_style *style = &opts->style;
	int order[CPT_REASON_CNT], i;
	uint64_t total = 0, ns[CPT_REASON_CNT];
	char d[FMT_SZ];

	for (i = 0; i < CPT_REASON_CNT; i++) {
		order[i] = i;
		ns[i] = r->reason_ns[i];
		total += ns[i];
	}
	if (!total)
		return;
	qsort_r(order, CPT_REASON_CNT, sizeof(order[0]), cmp_reason, ns);
	draw_title(b, style, "What its threads were blocked on",
		   style->width >= WIDE_COLUMNS
			   ? "  (sum over threads; waiting counts as in progress, parked does not)"
			   : "  (waiting is in progress, parked is not)");
	for (i = 0; i < CPT_REASON_CNT; i++) {
		enum cpt_reason reason = (enum cpt_reason)order[i];

		if (!ns[reason] || (i && (double)ns[reason] < WORTH_A_ROW * (double)total))
			break;
		strbuf__adds(b, "   ");
		draw_padded(b, reason_name(reason), 12, false);
		draw_padded(b, fmt_duration(d, ns[reason], style->utf8), 8, true);
		strbuf__addf(b, "  %-7s  %s\n", reason_is_parked(reason) ? "parked" : "waiting",
			     reason_text(reason));
	}
}

/* ---- threads ------------------------------------------------------------------------------- */

/* "lock", or with room "lock 92 %" */
static void cell_reason(struct draw_table *t, const struct cpt_row *row)
{
	enum cpt_reason top = rows__top_reason(row);
	char text[64], p[FMT_SZ];

	/* What blocked it for a moment of its life does not describe it. */
	if (top == CPT_REASON_CNT ||
	    (double)(row->waiting_ns + row->parked_ns) < WORTH_A_ROW * (double)row->life_ns) {
		draw_table__cell(t, "");
		return;
	}
	if (t->style->width >= WIDE_COLUMNS)
		snprintf(text, sizeof(text), "%s %s", reason_name(top),
			 fmt_percent(p, row->reason_ns[top], row->waiting_ns + row->parked_ns));
	else
		snprintf(text, sizeof(text), "%s", reason_name(top));
	draw_table__cell(t, text);
}

/* Is it known by another number where it lives? */
static bool in_namespace(const struct cpt_row *row)
{
	return row->threads == 1 && row->ns_tid && row->ns_tid != row->tid;
}

static void row_cells(struct draw_table *t, const struct cpt_row *row, bool unknown)
{
	char text[FMT_SZ + 8], p[FMT_SZ];

	draw_table__name(t, row->name);
	if (row->threads > 1)
		snprintf(text, sizeof(text), "%s%" PRIu32, t->style->utf8 ? "×" : "x",
			 row->threads);
	else if (in_namespace(row))
		snprintf(text, sizeof(text), "%" PRIu32 "/%" PRIu32, row->tid, row->ns_tid);
	else
		snprintf(text, sizeof(text), "%" PRIu32, row->tid);
	draw_table__cell(t, text);
	draw_table__duration(t, row->running_ns);
	draw_table__duration(t, row->runnable_ns);
	draw_table__duration(t, row->waiting_ns);
	draw_table__duration(t, row->parked_ns);
	if (unknown)
		draw_table__duration(t, row->unknown_ns);
	cell_reason(t, row);
	draw_table__cell(t,
			 row->running_ns ? fmt_percent(p, row->parallel_ns, row->running_ns) : "");
	if (t->style->width >= WIDE_COLUMNS) {
		draw_table__cell(t, fmt_count(text, row->switches));
		draw_table__cell(t, fmt_count(text, row->migrations));
	}
}

static void head_cells(struct draw_table *t, const char *what, bool unknown)
{
	draw_table__cell(t, what);
	draw_table__cell(t, "tid");
	draw_table__cell(t, "running");
	draw_table__cell(t, "runnable");
	draw_table__cell(t, "waiting");
	draw_table__cell(t, "parked");
	if (unknown)
		draw_table__cell(t, "unknown");
	draw_table__cell(t, "mostly");
	draw_table__cell(t, "parallel");
	if (t->style->width >= WIDE_COLUMNS) {
		draw_table__cell(t, "switches");
		draw_table__cell(t, "moves");
	}
}

static bool any_unknown(const struct cpt_row *rows, size_t cnt)
{
	size_t i;

	for (i = 0; i < cnt; i++)
		if (rows[i].unknown_ns)
			return true;
	return false;
}

static bool any_in_namespace(const struct cpt_row *rows, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		if (in_namespace(&rows[i]))
			return true;
	return false;
}

static void add_rest(struct strbuf *b, const struct cpt_row *rows, size_t from, size_t cnt,
		     const struct text_style *style)
{
	uint64_t running = 0, threads = 0;
	char n[FMT_SZ], d[FMT_SZ];
	size_t i;

	for (i = from; i < cnt; i++) {
		running += rows[i].running_ns;
		threads += rows[i].threads;
	}
	if (threads)
		strbuf__addf(b, "   and %s more thread%s, %s running in all (--top shows more)\n",
			     fmt_count(n, threads), threads == 1 ? "" : "s",
			     fmt_duration(d, running, style->utf8));
}

void add_thread_rows(struct strbuf *b, const struct cpt_report *r,
		     const struct text_report_opts *opts)
{
	static const char *const titles[] = {"Threads that matter", "Threads", "Processes",
					     "Threads by name"};
	size_t cnt, shown, i;
	struct cpt_row *rows = rows__build(r, opts->by, opts->sort, &cnt);
	struct draw_table t = {.style = &opts->style, .cols = 8, .indent = 3};
	bool unknown;

	if (!rows) {
		b->failed = true;
		return;
	}
	shown = cnt < opts->top ? cnt : opts->top;
	unknown = any_unknown(rows, shown);
	t.cols += unknown + (opts->style.width >= WIDE_COLUMNS ? 2 : 0);
	for (i = 1; i < t.cols; i++)
		t.right[i] = i != 6U + unknown;
	if (shown) {
		draw_title(b, &opts->style, titles[opts->by], "");
		head_cells(&t, opts->by == CPT_ROWS_PROCESS ? "process" : "name", unknown);
		for (i = 0; i < shown; i++)
			row_cells(&t, &rows[i], unknown);
		draw_table__add(&t, b, 0);
		add_rest(b, rows, shown, cnt, &opts->style);
		draw_begin(b, &opts->style, DRAW_DIM);
		strbuf__adds(b, "   ");
		cli_wrap(b,
			 opts->style.width >= WIDE_COLUMNS ? "runnable: wanted a CPU and had none. "
							     "mostly: what blocked it most. "
							     "parallel: share of its running time "
							     "in which another one ran too. "
							     "moves: to another CPU."
							   : "runnable: wanted a CPU and had none. "
							     "mostly: what blocked it most. "
							     "parallel: share of its running time "
							     "in which another one ran too.",
			 3, 3, opts->style.width - 1);
		if (any_in_namespace(rows, shown))
			strbuf__adds(b, "   tid a/b: b is its number in its own PID namespace.\n");
		draw_end(b, &opts->style, DRAW_DIM);
	}
	free(rows);
}

/* ---- overlap ------------------------------------------------------------------------------- */

struct pair {
	uint32_t a, b;
	uint64_t ns;
};

static int cmp_pair(const void *pa, const void *pb)
{
	const struct pair *a = pa, *b = pb;

	if (a->ns != b->ns)
		return a->ns > b->ns ? -1 : 1;
	return a->a != b->a ? (a->a < b->a ? -1 : 1) : (a->b < b->b ? -1 : a->b > b->b);
}

static bool worth_a_pair(const struct cpt_report *r, uint64_t ns)
{
	return ns && (double)ns >= WORTH_A_ROW * (double)r->window_ns;
}

static void add_pair(struct strbuf *b, const struct cpt_report *r, const struct pair *pair,
		     const struct text_style *style)
{
	const char *first = r->overlap.names[pair->a], *second = r->overlap.names[pair->b];
	char d[FMT_SZ], p[FMT_SZ];

	strbuf__adds(b, "   ");
	draw_padded(b, fmt_duration(d, pair->ns, style->utf8), 8, true);
	draw_padded(b, fmt_percent(p, pair->ns, r->window_ns), 8, true);
	strbuf__adds(b, "  ");
	escape_add(b, first, strlen(first), style->utf8);
	if (pair->a == pair->b) {
		strbuf__adds(b, "  with another of that name\n");
		return;
	}
	strbuf__adds(b, "  with  ");
	escape_add(b, second, strlen(second), style->utf8);
	strbuf__addc(b, '\n');
}

void add_overlap(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts)
{
	uint32_t n = r->overlap.cnt, i, j;
	size_t cnt = 0, shown;
	struct pair *pairs;

	/* With one name there is nothing to tell apart: the ledger has said it all. */
	if (n < 2)
		return;
	pairs = calloc((size_t)n * (n + 1) / 2, sizeof(*pairs));
	if (!pairs) {
		b->failed = true;
		return;
	}
	for (i = 0; i < n; i++)
		for (j = i; j < n; j++)
			if (worth_a_pair(r, r->overlap.ns[(size_t)i * n + j]))
				pairs[cnt++] =
					(struct pair){i, j, r->overlap.ns[(size_t)i * n + j]};
	qsort(pairs, cnt, sizeof(*pairs), cmp_pair);
	if (cnt)
		draw_title(b, &opts->style, "Who ran at the same time", "");
	for (shown = 0; shown < cnt && shown < PAIRS_MAX; shown++)
		add_pair(b, r, &pairs[shown], &opts->style);
	free(pairs);
}
