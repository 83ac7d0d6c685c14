// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * svg_timeline.c - the timeline: R and C over time, then a lane per CPU and per thread.
 *
 *      in progress    .--------.___      full = 4
 *      CPUs busy      ____.--.____       full = 2
 *      CPU 0          #### ##  ###       as high as its share of the column's time
 *      worker 1002    ##ww##ww..         a column is its states, one above the other: running at the bottom;
 *                     --    --           a line below it as far as it is on the critical path
 *      0 s        0.5 s         1 s
 */
#include "svg.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "lanes.h"

#define CHART_X	    (SVG_MARGIN + 150.0)
#define CHART_W	    (SVG_WIDTH - SVG_MARGIN - 60.0 - CHART_X)
#define STRIP_H	    36.0
#define CPU_H	    12.0
#define THREAD_H    18.0
#define PATH_H	    3.0
#define GAP	    5.0
#define ALMOST	    0.05 /* so much above a whole number is still that number */
#define LABEL_MAX   22	 /* characters */
#define LEGEND_CHAR 6.8	 /* width of one, in the legend */

/* From the bottom of a lane to its top. */
static const struct {
	enum cpt_state state;
	bool lock; /* of waiting: for locks, or for anything else */
	const char *cls, *what;
} layers[] = {
	{CPT_STATE_RUNNING, false, "run", "running"},
	{CPT_STATE_RUNNABLE, false, "ready", "runnable"},
	{CPT_STATE_WAITING, true, "lock", "waits for a lock"},
	{CPT_STATE_WAITING, false, "wait", "waits otherwise"},
	{CPT_STATE_PARKED, false, "park", "parked"},
	{CPT_STATE_UNKNOWN, false, "lost", "unknown"},
};
#define LAYERS (sizeof(layers) / sizeof(layers[0]))

static uint64_t layer_ns(const struct lane_cell *cell, size_t layer)
{
	const enum cpt_state state = layers[layer].state;

	if (layers[layer].lock)
		return cell->lock_ns;
	return cell->ns[state] - (state == CPT_STATE_WAITING ? cell->lock_ns : 0);
}

/* One path of all the bars of a lane in one colour; bars of one height that follow each other are one. */
struct bars {
	struct strbuf *b;
	double x, low, high; /* of the bar that grows; low = high: none */
	double w;
	bool any;
};

static void end_bar(struct bars *s)
{
	if (s->high <= s->low)
		return;
	strbuf__addc(s->b, 'M');
	svg__number(s->b, s->x);
	strbuf__addc(s->b, ' ');
	svg__number(s->b, s->low);
	strbuf__addc(s->b, 'h');
	svg__number(s->b, s->w);
	strbuf__addc(s->b, 'v');
	svg__number(s->b, s->high - s->low);
	strbuf__addc(s->b, 'h');
	svg__number(s->b, -s->w);
	strbuf__addc(s->b, 'z');
	s->any = true;
}

static void add_bar(struct bars *s, double x, double w, double low, double high)
{
	if (s->low == low && s->high == high) {
		s->w = x + w - s->x;
		return;
	}
	end_bar(s);
	s->x = x;
	s->w = w;
	s->low = low;
	s->high = high;
}

/* Tenths of a pixel are enough, and make equal bars equal. */
static double tenth(double n)
{
	return (double)(int64_t)(n * 10 + 0.5) / 10;
}

static void begin_bars(struct bars *s, struct strbuf *b, const char *cls)
{
	*s = (struct bars){.b = b};
	strbuf__addf(b, "<path class=\"%s\" d=\"M0 0", cls);
}

static void end_bars(struct bars *s)
{
	end_bar(s);
	strbuf__adds(s->b, "\"/>\n");
}

static double col_x(const struct lanes *l, uint32_t col)
{
	return CHART_X + tenth(CHART_W * col / l->cols);
}

/* ---- strips: C and R ------------------------------------------------------------------------------ */

static void add_strip(struct strbuf *b, const struct cpt_report *r, const struct lanes *l, double y,
		      bool in_progress)
{
	uint32_t full = in_progress ? 1 : r->cpus_allowed;
	struct bars bars;
	char text[40];

	if (!in_progress && full < r->parallel_peak)
		full = r->parallel_peak;
	full = full ? full : 1;
	for (uint32_t col = 0; col < l->cols && in_progress && r->bins_cnt; col++)
		while (lanes__level(l, col, true) > full + ALMOST)
			full++;
	svg__text(b, "", SVG_END, CHART_X - 10, y + STRIP_H / 2 + 4,
		  in_progress ? "in progress" : "CPUs busy", LABEL_MAX);
	svg__rect(b, "empty", CHART_X, y, CHART_W, STRIP_H);
	begin_bars(&bars, b, in_progress ? "level" : "run");
	for (uint32_t col = 0; col < l->cols && r->bins_cnt; col++) {
		const double h = STRIP_H * lanes__level(l, col, in_progress) / full;

		add_bar(&bars, col_x(l, col), col_x(l, col + 1) - col_x(l, col),
			tenth(y + STRIP_H - h), y + STRIP_H);
	}
	end_bars(&bars);
	snprintf(text, sizeof(text), "%" PRIu32, full);
	svg__text(b, "small dim", SVG_START, CHART_X + CHART_W + 6, y + 9, text, 12);
	svg__text(b, "small dim", SVG_START, CHART_X + CHART_W + 6, y + STRIP_H, "0", 12);
}

/* ---- lanes ----------------------------------------------------------------------------------------- */

static void add_share(struct strbuf *b, double y, uint64_t part, uint64_t total)
{
	char p[FMT_SZ];

	svg__text(b, "small dim", SVG_START, CHART_X + CHART_W + 6, y, fmt_percent(p, part, total),
		  12);
}

static void add_cpu(struct strbuf *b, const struct lanes *l, const struct lane_cpu *cpu, double y)
{
	struct bars bars;
	char name[32];

	snprintf(name, sizeof(name), "CPU %" PRIu32, cpu->cpu);
	svg__text(b, "", SVG_END, CHART_X - 10, y + CPU_H - 1.5, name, LABEL_MAX);
	svg__rect(b, "empty", CHART_X, y, CHART_W, CPU_H);
	begin_bars(&bars, b, "run");
	for (uint32_t col = 0; col < l->cols; col++) {
		const uint64_t span = lanes__col_ns(l, col + 1) - lanes__col_ns(l, col);
		const double h = span ? CPU_H * (double)cpu->ns[col] / (double)span : 0;

		add_bar(&bars, col_x(l, col), col_x(l, col + 1) - col_x(l, col),
			tenth(y + CPU_H - h), y + CPU_H);
	}
	end_bars(&bars);
	add_share(b, y + CPU_H - 1.5, cpu->busy_ns, l->span_ns);
}

static void add_layer(struct strbuf *b, const struct lanes *l, const struct lane *lane,
		      size_t layer, double y)
{
	struct bars bars;

	begin_bars(&bars, b, layers[layer].cls);
	for (uint32_t col = 0; col < l->cols; col++) {
		const uint64_t span = lanes__col_ns(l, col + 1) - lanes__col_ns(l, col);
		uint64_t below = 0, ns = layer_ns(&lane->cells[col], layer);

		for (size_t i = 0; i < layer; i++)
			below += layer_ns(&lane->cells[col], i);
		if (!span)
			continue;
		add_bar(&bars, col_x(l, col), col_x(l, col + 1) - col_x(l, col),
			tenth(y + THREAD_H - THREAD_H * (double)(below + ns) / (double)span),
			tenth(y + THREAD_H - THREAD_H * (double)below / (double)span));
	}
	end_bars(&bars);
}

static void add_path(struct strbuf *b, const struct lanes *l, const struct lane *lane, double y)
{
	struct bars bars;

	begin_bars(&bars, b, "path");
	for (uint32_t col = 0; col < l->cols; col++) {
		const uint64_t span = lanes__col_ns(l, col + 1) - lanes__col_ns(l, col);
		const double part = span ? (double)lane->cells[col].path_ns / (double)span : 0;

		add_bar(&bars, col_x(l, col), col_x(l, col + 1) - col_x(l, col), tenth(y),
			tenth(y + PATH_H * part));
	}
	end_bars(&bars);
}

static void add_thread(struct strbuf *b, const struct lanes *l, const struct lane *lane, double y)
{
	const struct cpt_thread *t = lane->thread;
	char tid[24];

	snprintf(tid, sizeof(tid), " %" PRIu32, t->tid);
	strbuf__adds(b, "<g>");
	svg__title(b, t->name, tid);
	svg__name(b, "", SVG_END, CHART_X - 10, y + THREAD_H - 4.5, t->name, tid, LABEL_MAX);
	svg__rect(b, "empty", CHART_X, y, CHART_W, THREAD_H);
	for (size_t i = 0; i < LAYERS; i++)
		add_layer(b, l, lane, i, y);
	add_path(b, l, lane, y + THREAD_H + 1);
	add_share(b, y + THREAD_H - 4.5, t->running_ns, l->span_ns);
	strbuf__adds(b, "</g>\n");
}

static void add_legend(struct strbuf *b, const struct lanes *l, double y)
{
	char text[96];
	double x = SVG_MARGIN;

	for (size_t i = 0; i < LAYERS; i++) {
		svg__rect(b, layers[i].cls, x, y - 11, 12, 12);
		svg__text(b, "dim", SVG_START, x + 17, y, layers[i].what, 20);
		x += 36 + LEGEND_CHAR * (double)strlen(layers[i].what);
	}
	svg__rect(b, "path", x, y - 6, 16, PATH_H);
	svg__text(b, "dim", SVG_START, x + 22, y, "critical path", 20);
	y += SVG_LINE;
	svg__text(b, "dim", SVG_START, SVG_MARGIN, y, "At the right: share of the time on a CPU.",
		  60);
	if (!l->threads_left)
		return;
	snprintf(text, sizeof(text),
		 "%" PRIu32 " more thread%s, which had less in progress, %s no lane: --top.",
		 l->threads_left, l->threads_left == 1 ? "" : "s",
		 l->threads_left == 1 ? "has" : "have");
	svg__text(b, "dim", SVG_START, SVG_MARGIN + 280, y, text, 96);
}

void svg_timeline__add(struct strbuf *b, const struct cpt_report *r, const char *note,
		       const struct lanes *l)
{
	const double lanes_h =
		(CPU_H + GAP) * l->cpus_cnt + (THREAD_H + PATH_H + GAP) * l->threads_cnt;
	const double height = 2 * (STRIP_H + GAP) + 8 + lanes_h + 8 + 30 + 3 * SVG_LINE;
	double y;

	svg__open(b, r, "Timeline", note, height, &y);
	add_strip(b, r, l, y, true);
	y += STRIP_H + GAP;
	add_strip(b, r, l, y, false);
	y += STRIP_H + GAP + 8;
	for (uint32_t i = 0; i < l->cpus_cnt; i++)
		add_cpu(b, l, &l->cpus[i], y + (CPU_H + GAP) * i);
	y += (CPU_H + GAP) * l->cpus_cnt;
	y += 8;
	for (uint32_t i = 0; i < l->threads_cnt; i++)
		add_thread(b, l, &l->threads[i], y + (THREAD_H + PATH_H + GAP) * i);
	y += (THREAD_H + PATH_H + GAP) * l->threads_cnt;
	svg__time_axis(b, CHART_X, y, CHART_W, l->span_ns);
	add_legend(b, l, y + 30 + SVG_LINE);
	svg__close(b);
}
