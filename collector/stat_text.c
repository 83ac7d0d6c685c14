// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* stat_text.c - `stat` for people; see stat_report.h. */
#include "stat_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "draw.h"
#include "escape.h"
#include "format.h"
#include "words.h"

#define LABEL_COLUMNS	17
#define PERCENT_COLUMNS 7
#define BAR_COLUMNS	24
/* Rows of the profile; with more CPUs than that busy at once it goes by powers of two. */
#define PROFILE_ROWS 9
/* The histogram's rows: the first one ends at 2^10 ns, each other one spans two buckets. They go up to the
 * last that holds more than this share of the waits; the longest stands below them anyway. */
#define FIRST_ROW   10
#define ROW_BUCKETS 2
#define WORTH_A_ROW 0.0005
/* Of the window: from here time that is estimated, or in doubt, is worth a warning. */
#define DOUBT_WORTH_SAYING 0.001
#define ONE_OFF		   "the count of busy CPUs may be one off"

static void add_title(struct strbuf *b, const struct text_style *style, const char *title)
{
	strbuf__adds(b, "\n ");
	draw_begin(b, style, DRAW_BOLD);
	strbuf__adds(b, title);
	draw_end(b, style, DRAW_BOLD);
	strbuf__addc(b, '\n');
}

/* ---- head ---------------------------------------------------------------------------------- */

static void target_name(struct strbuf *line, const struct stat_target *t)
{
	for (size_t i = 0; t->argv && t->argv[i]; i++)
		strbuf__addf(line, "%s%s", i ? " " : "", t->argv[i]);
	if (t->argv)
		return;
	if (t->pid_cnt) {
		strbuf__adds(line, t->pid_cnt > 1 ? "processes" : "process");
		for (uint32_t i = 0; i < t->pid_cnt; i++)
			strbuf__addf(line, "%s %" PRIu32, i ? "," : "", t->pids[i]);
		strbuf__adds(line, " and what they start");
		return;
	}
	if (t->cgroup)
		strbuf__addf(line, "cgroup %s", t->cgroup);
	else
		strbuf__adds(line, "the whole machine");
}

static void add_head(struct strbuf *b, const struct stat_facts *f, const struct text_style *style)
{
	const char *dot = draw_dot(style);
	struct strbuf name = {0};
	char d[FMT_SZ], n[FMT_SZ];

	target_name(&name, f->target);
	strbuf__addc(b, ' ');
	draw_begin(b, style, DRAW_BOLD);
	escape_add_cut(b, strbuf__str(&name), name.len, style->utf8, style->width - 2);
	draw_end(b, style, DRAW_BOLD);
	strbuf__addf(b, "\n %s%s%" PRIu32 " CPU%s%s%s process%s ran",
		     fmt_duration(d, stat_sample__window_ns(&f->sum), style->utf8), dot,
		     f->cpus_online, f->cpus_online == 1 ? "" : "s", dot,
		     fmt_count(n, f->rows.processes), f->rows.processes == 1 ? "" : "es");
	if (f->ended && f->exit_code >= 0)
		strbuf__addf(b, "%sexit status %d", dot, f->exit_code);
	else if (f->ended)
		strbuf__addf(b, "%sended by signal %d (%s)", dot, f->exit_signal,
			     strsignal(f->exit_signal));
	strbuf__addc(b, '\n');
	if (name.failed)
		b->failed = true;
	strbuf__free(&name);
}

static void add_bounds(struct strbuf *b, const struct stat_facts *f, double value,
		       const struct cpt_real_bounds *of)
{
	if (f->bounds.open)
		words__range(b, value, of);
}

static double ready_average(const struct stat_facts *f)
{
	uint64_t window = stat_sample__window_ns(&f->sum);

	return window ? (double)f->rows.wait_ns / (double)window : 0;
}

static void add_sentence(struct strbuf *b, const struct stat_facts *f,
			 const struct text_style *style)
{
	char average[FMT_SZ], ready[FMT_SZ];
	struct strbuf text = {0};

	strbuf__adds(&text, fmt_average(average, stat_sample__average(&f->sum)));
	add_bounds(&text, f, stat_sample__average(&f->sum), &f->bounds.average);
	strbuf__addf(&text, " of %" PRIu32 " CPUs busy on average", f->cpus_online);
	if (f->waits_known)
		strbuf__addf(&text, "; %s%s more tasks ready to run and waiting for one",
			     f->bounds.waits ? "at least " : "",
			     fmt_average(ready, ready_average(f)));
	strbuf__addc(&text, '.');
	strbuf__adds(b, "\n ");
	draw_begin(b, style, DRAW_BOLD);
	cli_wrap(b, strbuf__str(&text), 1, 1, style->width - 1);
	draw_end(b, style, DRAW_BOLD);
	if (text.failed)
		b->failed = true;
	strbuf__free(&text);
}

/* ---- profile and waits --------------------------------------------------------------------- */

static void add_bar_line(struct strbuf *b, const struct text_style *style, const char *label,
			 uint64_t part, uint64_t total, enum draw_colour colour)
{
	char p[FMT_SZ];

	strbuf__adds(b, "   ");
	draw_padded(b, label, LABEL_COLUMNS - 3, false);
	draw_padded(b, fmt_percent(p, part, total), PERCENT_COLUMNS, true);
	strbuf__adds(b, "  ");
	draw_bar(b, style, part, total, BAR_COLUMNS, colour);
	strbuf__addc(b, '\n');
}

static void add_profile(struct strbuf *b, const struct stat_facts *f,
			const struct text_style *style)
{
	uint64_t window = stat_sample__window_ns(&f->sum), part;
	uint32_t peak = stat_sample__peak(&f->sum), from, to, k;
	uint32_t last = f->cpus_online > peak ? f->cpus_online : peak;
	const char *dot = draw_dot(style);
	char label[32], average[FMT_SZ], tlp[FMT_SZ];

	add_title(b, style, "CPUs busy at once");
	for (from = 0; from <= last; from = to + 1) {
		/* 0, 1, 2-3, 4-7 ... when one row each would be too many */
		to = last > PROFILE_ROWS && from > 1 ? from * 2 - 1 : from;
		if (to > last)
			to = last;
		for (part = 0, k = from; k <= to && k < f->sum.profile_cnt; k++)
			part += (uint64_t)f->sum.profile_ns[k];
		if (from == to)
			snprintf(label, sizeof(label), "%" PRIu32, from);
		else
			snprintf(label, sizeof(label), "%" PRIu32 "-%" PRIu32, from, to);
		add_bar_line(b, style, label, part, window,
			     from == 0	 ? DRAW_DIM
			     : from == 1 ? DRAW_BLUE
					 : DRAW_GREEN);
	}
	strbuf__addf(b, "   average %s", fmt_average(average, stat_sample__average(&f->sum)));
	add_bounds(b, f, stat_sample__average(&f->sum), &f->bounds.average);
	strbuf__addf(b, "%speak %s%" PRIu32 "%s%s", dot, f->bounds.more ? "at least " : "", peak,
		     dot, fmt_average(tlp, stat_sample__tlp(&f->sum)));
	add_bounds(b, f, stat_sample__tlp(&f->sum), &f->bounds.tlp);
	strbuf__adds(b, " while any is busy (TLP)\n");
}

/* The waits of one row: two buckets, a factor of four; all shorter ones in the first. */
static uint64_t waits_of(const struct stat_sample *s, uint32_t below)
{
	uint64_t sum = 0;
	uint32_t b;

	for (b = below == FIRST_ROW ? 0 : below - ROW_BUCKETS; b < below; b++)
		sum += b < CPT_STAT_BUCKETS ? s->wait_hist[b] : 0;
	return sum;
}

static void add_waits(struct strbuf *b, const struct stat_facts *f, const struct text_style *style)
{
	char d[3][FMT_SZ], n[FMT_SZ], label[FMT_SZ + 8];
	const char *dot = draw_dot(style);
	uint32_t below, last = FIRST_ROW;

	if (!f->waits_known || !f->sum.waits)
		return;
	add_title(b, style, "How long tasks that were ready waited for a CPU");
	for (below = FIRST_ROW; below < CPT_STAT_BUCKETS + ROW_BUCKETS; below += ROW_BUCKETS)
		if ((double)waits_of(&f->sum, below) > WORTH_A_ROW * (double)f->sum.waits)
			last = below;
	for (below = FIRST_ROW; below <= last; below += ROW_BUCKETS) {
		snprintf(label, sizeof(label), "%s %s", below == FIRST_ROW ? "under" : "to",
			 fmt_duration(n, UINT64_C(1) << below, style->utf8));
		add_bar_line(b, style, label, waits_of(&f->sum, below), f->sum.waits, DRAW_YELLOW);
	}
	strbuf__addf(b, "   %s wait%s%shalf under %s%s99 %% under %s%slongest %s\n",
		     fmt_count(n, f->sum.waits), f->sum.waits == 1 ? "" : "s", dot,
		     fmt_duration(d[0], stat_sample__percentile_ns(&f->sum, 0.5), style->utf8), dot,
		     fmt_duration(d[1], stat_sample__percentile_ns(&f->sum, 0.99), style->utf8),
		     dot, fmt_duration(d[2], f->sum.wait_max_ns, style->utf8));
}

/* ---- processes ----------------------------------------------------------------------------- */

static void cells_of_row(struct draw_table *t, const struct stat_facts *f,
			 const struct stat_row *row)
{
	uint64_t window = stat_sample__window_ns(&f->sum);
	char s[FMT_SZ];

	draw_table__cell(t, fmt_duration(s, row->run_ns, t->style->utf8));
	draw_table__cell(t, fmt_average(s, window ? (double)row->run_ns / (double)window : 0));
	draw_table__cell(t, fmt_percent(s, row->run_ns, f->rows.run_ns));
	if (f->waits_known)
		draw_table__cell(t, fmt_duration(s, row->wait_ns, t->style->utf8));
}

static void add_processes(struct strbuf *b, const struct stat_facts *f,
			  const struct text_style *style)
{
	struct draw_table t = {.style = style,
			       .cols = f->waits_known ? 6 : 5,
			       .right = {false, true, true, true, true, true},
			       .indent = 3};
	char text[64], n[FMT_SZ];

	if (!f->rows.cnt)
		return;
	add_title(b, style, "Processes");
	draw_table__cell(&t, "name");
	draw_table__cell(&t, "pid");
	draw_table__cell(&t, "CPU time");
	draw_table__cell(&t, "CPUs");
	draw_table__cell(&t, "share");
	if (f->waits_known)
		draw_table__cell(&t, "waited for a CPU");
	for (uint32_t i = 0; i < f->rows.cnt; i++) {
		const struct stat_row *row = &f->rows.rows[i];

		draw_table__name(&t, row->name);
		snprintf(text, sizeof(text), "%" PRIu32, row->pid);
		draw_table__cell(&t, text);
		cells_of_row(&t, f, row);
	}
	if (f->rows.others.processes) {
		snprintf(text, sizeof(text), "(%s more)", fmt_count(n, f->rows.others.processes));
		draw_table__cell(&t, text);
		draw_table__cell(&t, "");
		cells_of_row(&t, f, &f->rows.others);
	}
	draw_table__add(&t, b, 0);
}

/* ---- data quality -------------------------------------------------------------------------- */

static bool is_worth_a_warning(const struct stat_sample *s, uint64_t ns)
{
	return (double)ns > DOUBT_WORTH_SAYING * (double)stat_sample__window_ns(s);
}

/* Appends what is wrong, separated by "; ". */
static void add_warnings(struct strbuf *line, const struct stat_facts *f,
			 const struct text_style *style)
{
	const struct stat_sample *s = &f->sum;
	char n[FMT_SZ];

	if (s->bad_degree)
		strbuf__addf(line, "%s changes of the count of busy CPUs made no sense; ",
			     fmt_count(n, s->bad_degree));
	if (s->given_up)
		strbuf__addf(line, "%s changes came late, others won the race too often; ",
			     fmt_count(n, s->given_up));
	if (s->lost_storage)
		strbuf__addf(
			line,
			stat_target__is_marked(f->target)
				? "%s tasks, and all they started, were not seen (no memory); "
				: "of %s tasks only that CPUs were busy was seen (no memory); ",
			fmt_count(n, s->lost_storage));
	if (f->bounds.waits)
		strbuf__adds(line, "what processes used, and waits, are at least what is said; ");
	if (s->lost_deaths)
		strbuf__addf(line, "%s tasks that ended are missing from the table; ",
			     fmt_count(n, s->lost_deaths));
	if (s->mends_failed)
		strbuf__addf(line, "%s tasks that ended unseen were left to guess; ",
			     fmt_count(n, s->mends_failed));
	if (is_worth_a_warning(s, s->doubt_ns))
		strbuf__addf(line, "for %s " ONE_OFF "; ",
			     fmt_duration(n, s->doubt_ns, style->utf8));
	if (is_worth_a_warning(s, s->estimated_ns))
		strbuf__addf(line, "%s of the profile are estimated; ",
			     fmt_duration(n, s->estimated_ns, style->utf8));
	if (s->lost_recursion)
		strbuf__addf(line, "%s times the kernel skipped a probe; ",
			     fmt_count(n, s->lost_recursion));
	if (!f->waits_known)
		strbuf__adds(line, "this kernel does not account for waits (CONFIG_SCHED_INFO); ");
	if (line->len >= 2)
		line->s[line->len -= 2] = '\0';
}

static void add_quality(struct strbuf *b, const struct stat_facts *f,
			const struct text_style *style)
{
	struct strbuf warnings = {0}, line = {0};
	char n[FMT_SZ], m[FMT_SZ];

	add_warnings(&warnings, f, style);
	strbuf__addf(&line, "Data: %s%s%s context switches",
		     warnings.len      ? strbuf__str(&warnings)
		     : f->sum.doubt_ns ? "nothing lost"
				       : "complete",
		     warnings.len ? "; " : ", ", fmt_count(n, f->sum.switches));
	if (f->sum.mends)
		strbuf__addf(&line, "; %s that fired no event %s mended",
			     fmt_count(m, f->sum.mends), f->sum.mends == 1 ? "was" : "were");
	if (f->sum.doubt_ns && !is_worth_a_warning(&f->sum, f->sum.doubt_ns))
		strbuf__addf(&line, "; for %s " ONE_OFF,
			     fmt_duration(m, f->sum.doubt_ns, style->utf8));
	strbuf__addc(&line, '.');
	strbuf__adds(b, "\n ");
	draw_begin(b, style, warnings.len ? DRAW_RED : DRAW_DIM);
	cli_wrap(b, strbuf__str(&line), 1, 1, style->width - 1);
	draw_end(b, style, warnings.len ? DRAW_RED : DRAW_DIM);
	if (warnings.failed || line.failed)
		b->failed = true;
	strbuf__free(&warnings);
	strbuf__free(&line);
}

void stat_text__add(struct strbuf *out, const struct stat_facts *f, const struct text_style *style)
{
	static void (*const parts[])(struct strbuf *, const struct stat_facts *,
				     const struct text_style *) = {
		add_head, add_sentence, add_profile, add_waits, add_processes, add_quality,
	};
	struct strbuf wide = {0};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		parts[i](&wide, f, style);
	draw_clipped(out, strbuf__str(&wide), style);
	if (wide.failed)
		out->failed = true;
	strbuf__free(&wide);
}

/* ---- intervals ----------------------------------------------------------------------------- */

#define LINE_COLS 8

static const unsigned int line_widths[LINE_COLS] = {11, 10, 6, 7, 9, 8, 8, 8};

void stat_text__add_head(struct strbuf *out, const struct text_style *style)
{
	static const char *const heads[LINE_COLS] = {"time",  "CPUs busy", "TLP",    "ready",
						     "waits", "half <",	   "99 % <", "longest"};

	draw_begin(out, style, DRAW_DIM);
	for (size_t i = 0; i < LINE_COLS; i++)
		draw_padded(out, heads[i], line_widths[i], true);
	strbuf__adds(out, "  most CPU");
	draw_end(out, style, DRAW_DIM);
	strbuf__addc(out, '\n');
}

static void add_busiest(struct strbuf *line, const struct stat_facts *f,
			const struct text_style *style)
{
	if (!f->rows.cnt || !f->rows.rows[0].run_ns)
		return;
	strbuf__adds(line, "  ");
	escape_add(line, f->rows.rows[0].name, strlen(f->rows.rows[0].name), style->utf8);
}

/* Below the columns, which have the width, where the figures in them are not all there is. */
static void add_line_bounds(struct strbuf *out, const struct stat_facts *f,
			    const struct text_style *style)
{
	struct strbuf average = {0}, tlp = {0}, line = {0};

	strbuf__adds(&line, "    bounds:");
	add_bounds(&average, f, stat_sample__average(&f->sum), &f->bounds.average);
	add_bounds(&tlp, f, stat_sample__tlp(&f->sum), &f->bounds.tlp);
	if (average.len)
		strbuf__addf(&line, "  CPUs busy%s", strbuf__str(&average));
	if (tlp.len)
		strbuf__addf(&line, "  TLP%s", strbuf__str(&tlp));
	if (f->bounds.waits)
		strbuf__adds(&line, "  ready: at least");
	if (average.len || tlp.len || f->bounds.waits) {
		strbuf__addc(&line, '\n');
		draw_clipped(out, strbuf__str(&line), style);
	}
	out->failed |= average.failed || tlp.failed || line.failed;
	strbuf__free(&average);
	strbuf__free(&tlp);
	strbuf__free(&line);
}

void stat_text__add_line(struct strbuf *out, const struct stat_facts *f,
			 const struct text_style *style)
{
	struct strbuf line = {0};
	char s[FMT_SZ];
	size_t i = 0;

	snprintf(s, sizeof(s), "%.3f", (double)f->until_ns / 1e9);
	draw_padded(&line, s, line_widths[i++], true);
	draw_padded(&line, fmt_average(s, stat_sample__average(&f->sum)), line_widths[i++], true);
	draw_padded(&line, fmt_average(s, stat_sample__tlp(&f->sum)), line_widths[i++], true);
	draw_padded(&line, f->waits_known ? fmt_average(s, ready_average(f)) : "-",
		    line_widths[i++], true);
	draw_padded(&line, f->waits_known ? fmt_count(s, f->sum.waits) : "-", line_widths[i++],
		    true);
	for (int p = 0; p < 3; p++) {
		uint64_t ns = p == 2 ? f->sum.wait_max_ns
				     : stat_sample__percentile_ns(&f->sum, p ? 0.99 : 0.5);

		draw_padded(&line, f->sum.waits ? fmt_duration(s, ns, style->utf8) : "-",
			    line_widths[i++], true);
	}
	add_busiest(&line, f, style);
	strbuf__addc(&line, '\n');
	draw_clipped(out, strbuf__str(&line), style);
	if (line.failed)
		out->failed = true;
	strbuf__free(&line);
	add_line_bounds(out, f, style);
}
