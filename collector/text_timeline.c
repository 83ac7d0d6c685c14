// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * text_timeline.c - see text_timeline.h.
 *
 *      in progress         ▁▆████████████████
 *      CPUs busy           ▁▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄
 *
 *      CPU 0               ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄   50.0 %
 *      main 7773           █·················    0.1 %
 *      worker 7774          ▒▒▒█▒▒▒█▒▒▒█▒▒▒█▒   25.0 %
 *                          0           1.56 s
 *
 * A column of a thread's lane is mostly of one state, or turns that are shorter than it are in it by the
 * dozen. One mark cannot say the latter; a row of them can: each takes the state that the marks so far owe most,
 * so that the marks of a lane are in proportion to the thread's time, and a column of one state is that state.
 */
#include "text_timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "draw.h"
#include "escape.h"
#include "format.h"

#define LABEL	  22
#define TAIL	  9 /* " >99.9 %" */
#define NAME_COLS 12
#define ALMOST	  0.05 /* so much above a whole number is still that number */

static const struct {
	const char *utf8, *ascii;
	enum draw_colour colour;
} marks[CPT_STATE_CNT] = {
	[CPT_STATE_RUNNING] = {"█", "#", DRAW_GREEN},
	[CPT_STATE_RUNNABLE] = {"░", ":", DRAW_YELLOW},
	[CPT_STATE_WAITING] = {"▒", "w", DRAW_RED},
	[CPT_STATE_PARKED] = {"·", ".", DRAW_DIM},
	[CPT_STATE_UNKNOWN] = {"?", "?", DRAW_PLAIN},
};

unsigned int text_timeline__cols(const struct text_style *style)
{
	return style->width - LABEL - TAIL;
}

static void add_label(struct strbuf *b, const char *name, const char *rest,
		      const struct text_style *style)
{
	struct strbuf text = {0};

	strbuf__adds(&text, "   ");
	escape_add_cut(&text, *name ? name : "(no name)", strlen(*name ? name : "(no name)"),
		       style->utf8, NAME_COLS);
	strbuf__adds(&text, rest);
	draw_padded(b, strbuf__str(&text), LABEL, false);
	if (text.failed)
		b->failed = true;
	strbuf__free(&text);
}

/* ---- strips and CPUs ------------------------------------------------------------------------------- */

static void add_levels(struct strbuf *b, const struct lanes *l, const struct text_style *style,
		       bool in_progress)
{
	const struct cpt_report *r = l->r;
	uint32_t full = in_progress ? 1 : r->cpus_allowed;
	const enum draw_colour colour = in_progress ? DRAW_YELLOW : DRAW_GREEN;

	if (!in_progress && full < r->parallel_peak)
		full = r->parallel_peak;
	full = full ? full : 1;
	for (uint32_t col = 0; col < l->cols && in_progress; col++)
		while (lanes__level(l, col, true) > full + ALMOST)
			full++;
	add_label(b, in_progress ? "in progress" : "CPUs busy", "", style);
	draw_begin(b, style, colour);
	for (uint32_t col = 0; col < l->cols; col++)
		draw_level(b, style, lanes__level(l, col, in_progress) / full);
	draw_end(b, style, colour);
	strbuf__addf(b, " of %" PRIu32 "\n", full);
}

static void add_share(struct strbuf *b, uint64_t part, uint64_t total)
{
	char p[FMT_SZ];

	draw_padded(b, fmt_percent(p, part, total), TAIL, true);
	strbuf__addc(b, '\n');
}

static void add_cpu(struct strbuf *b, const struct lanes *l, const struct lane_cpu *cpu,
		    const struct text_style *style)
{
	char name[24];

	snprintf(name, sizeof(name), "CPU %" PRIu32, cpu->cpu);
	add_label(b, name, "", style);
	draw_begin(b, style, DRAW_GREEN);
	for (uint32_t col = 0; col < l->cols; col++) {
		const uint64_t span = lanes__col_ns(l, col + 1) - lanes__col_ns(l, col);

		draw_level(b, style, span ? (double)cpu->ns[col] / (double)span : 0);
	}
	draw_end(b, style, DRAW_GREEN);
	add_share(b, cpu->busy_ns, l->span_ns);
}

/* ---- threads ----------------------------------------------------------------------------------------- */

/* The state of a column's mark, CPT_STATE_CNT where the thread did not live. owed: by state, what the marks
 * before have left; kept up. */
static enum cpt_state choose(const struct lane_cell *cell, uint64_t span, double *owed)
{
	enum cpt_state best = CPT_STATE_CNT;
	uint64_t lived = 0;

	for (int i = 0; i < CPT_STATE_CNT; i++) {
		lived += cell->ns[i];
		owed[i] += span ? (double)cell->ns[i] / (double)span : 0;
		if (cell->ns[i] && (best == CPT_STATE_CNT || owed[i] > owed[best]))
			best = (enum cpt_state)i;
	}
	/* Its birth or end within the column. */
	if (lived * 2 < span)
		return CPT_STATE_CNT;
	owed[best] -= 1;
	return best;
}

static void add_thread(struct strbuf *b, const struct lanes *l, const struct lane *lane,
		       const struct text_style *style)
{
	double owed[CPT_STATE_CNT] = {0};
	enum draw_colour colour = DRAW_PLAIN;
	char tid[24];

	snprintf(tid, sizeof(tid), " %" PRIu32, lane->thread->tid);
	add_label(b, lane->thread->name, tid, style);
	for (uint32_t col = 0; col < l->cols; col++) {
		const uint64_t span = lanes__col_ns(l, col + 1) - lanes__col_ns(l, col);
		const enum cpt_state state = choose(&lane->cells[col], span, owed);
		const enum draw_colour next =
			state == CPT_STATE_CNT ? DRAW_PLAIN : marks[state].colour;

		if (next != colour) {
			draw_end(b, style, colour);
			if (next != DRAW_PLAIN)
				draw_begin(b, style, next);
			colour = next;
		}
		strbuf__adds(b, state == CPT_STATE_CNT ? " "
				: style->utf8	       ? marks[state].utf8
						       : marks[state].ascii);
	}
	draw_end(b, style, colour);
	add_share(b, lane->thread->running_ns, l->span_ns);
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

static void add_axis(struct strbuf *b, const struct lanes *l, const struct text_style *style)
{
	char d[FMT_SZ];

	strbuf__repeat(b, " ", LABEL);
	draw_begin(b, style, DRAW_DIM);
	strbuf__addc(b, '0');
	draw_padded(b, fmt_duration(d, l->span_ns, style->utf8), l->cols - 1, true);
	draw_end(b, style, DRAW_DIM);
	strbuf__addc(b, '\n');
}

static void add_legend(struct strbuf *b, const struct lanes *l, const struct text_style *style)
{
	struct strbuf text = {0};
	char d[FMT_SZ];

	strbuf__adds(b, "\n  ");
	for (int i = 0; i < CPT_STATE_CNT; i++) {
		if (i == CPT_STATE_UNKNOWN && !l->r->class_ns[CPT_CLASS_UNKNOWN])
			continue;
		strbuf__addc(b, ' ');
		draw_begin(b, style, marks[i].colour);
		strbuf__adds(b, style->utf8 ? marks[i].utf8 : marks[i].ascii);
		draw_end(b, style, marks[i].colour);
		strbuf__addf(b, " %s ", state_name((enum cpt_state)i));
	}
	strbuf__addc(b, '\n');
	strbuf__addf(&text,
		     "A mark is %s. Where states take turns within it, a thread's marks are in "
		     "proportion to its time. At the right: share of the time on a CPU.",
		     fmt_duration(d, l->span_ns / l->cols, style->utf8));
	if (l->threads_left)
		strbuf__addf(&text,
			     " %" PRIu32 " more thread%s with less in progress: --top shows more.",
			     l->threads_left, l->threads_left == 1 ? "" : "s");
	if (l->cpus_left)
		strbuf__addf(&text, " %" PRIu32 " more CPUs ran it.", l->cpus_left);
	strbuf__adds(b, "   ");
	draw_begin(b, style, DRAW_DIM);
	cli_wrap(b, strbuf__str(&text), 3, 3, style->width - 1);
	draw_end(b, style, DRAW_DIM);
	if (text.failed)
		b->failed = true;
	strbuf__free(&text);
}

void text_timeline__add(struct strbuf *out, const struct lanes *l,
			const struct text_report_opts *opts)
{
	const struct text_style *style = &opts->style;
	struct strbuf b = {0};

	text_report__head(&b, l->r, opts);
	if (l->span_ns && l->threads_cnt) {
		strbuf__addc(&b, '\n');
		add_levels(&b, l, style, true);
		add_levels(&b, l, style, false);
		strbuf__addc(&b, '\n');
		for (uint32_t i = 0; i < l->cpus_cnt; i++)
			add_cpu(&b, l, &l->cpus[i], style);
		strbuf__addc(&b, '\n');
		for (uint32_t i = 0; i < l->threads_cnt; i++)
			add_thread(&b, l, &l->threads[i], style);
		add_axis(&b, l, style);
		add_legend(&b, l, style);
	}
	draw_clipped(out, strbuf__str(&b), style);
	if (b.failed)
		out->failed = true;
	strbuf__free(&b);
}
