// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * text_report.c - the parts of the report for people, in their order; see text_report.h.
 *
 * The answer comes first, each figure stands beside its meaning, and a part that would say nothing
 * is left out. Tables of threads and overlaps are in text_tables.c.
 */
#include "text_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "draw.h"
#include "escape.h"
#include "format.h"
#include "limit.h"
#include "share.h"
#include "target_text.h"
#include "text_limits.h"
#include "text_locks.h"
#include "text_flights.h"
#include "text_loops.h"
#include "text_stacks.h"
#include "text_path.h"
#include "text_phases.h"
#include "text_accounts.h"
#include "text_affinity.h"
#include "text_tables.h"
#include "words.h"

/* A split or reason below this share of the window is noise beside the others. */
#define WORTH_A_LINE 0.01
/* From here the ledger and the profile stand side by side. */
#define WIDE_COLUMNS  120
#define BESIDE_COLUMN 79
/* Rows of the profile; with more CPUs than that busy at once it goes by powers of two. */
#define PROFILE_ROWS 9

static bool worth_a_line(uint64_t part, uint64_t total)
{
	return total && (double)part / (double)total >= WORTH_A_LINE;
}

static enum draw_colour class_colour(enum cpt_class cls)
{
	static const enum draw_colour colours[CPT_CLASS_CNT] = {
		[CPT_CLASS_PARALLEL] = DRAW_GREEN, [CPT_CLASS_CONCURRENT] = DRAW_YELLOW,
		[CPT_CLASS_SERIAL] = DRAW_BLUE,	   [CPT_CLASS_IDLE] = DRAW_DIM,
		[CPT_CLASS_UNKNOWN] = DRAW_RED,
	};

	return cls < CPT_CLASS_CNT ? colours[cls] : DRAW_PLAIN;
}

static void add_title(struct strbuf *b, const struct text_style *style, const char *title)
{
	strbuf__addc(b, ' ');
	draw_begin(b, style, DRAW_BOLD);
	strbuf__adds(b, title);
	draw_end(b, style, DRAW_BOLD);
	strbuf__addc(b, '\n');
}

/* ---- head ---------------------------------------------------------------------------------- */

void text_report__command(struct strbuf *line, char *const *argv)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "_-./=:,+@%^";
	size_t i;

	for (i = 0; argv && argv[i]; i++) {
		const char *word = argv[i];

		if (i)
			strbuf__addc(line, ' ');
		if (*word && strspn(word, safe) == strlen(word)) {
			strbuf__adds(line, word);
			continue;
		}
		strbuf__addc(line, '\'');
		for (; *word; word++) {
			if (*word == '\'')
				strbuf__adds(line, "'\\''");
			else
				strbuf__addc(line, *word);
		}
		strbuf__addc(line, '\'');
	}
}

static void add_exit(struct strbuf *b, const struct cpt_report *r)
{
	if (!r->close_facts)
		return;
	if (r->close_facts->exit_kind == CPT_EXIT_CODE)
		strbuf__addf(b, "exit status %" PRIu32, r->close_facts->exit_value);
	else if (r->close_facts->exit_kind == CPT_EXIT_SIGNAL)
		strbuf__addf(b, "ended by signal %" PRIu32 " (%s)", r->close_facts->exit_value,
			     r->close_facts->exit_value < 128
				     ? strsignal((int)r->close_facts->exit_value)
				     : "?");
	else
		strbuf__adds(b, "still running");
}

static void add_head(struct strbuf *b, const struct cpt_report *r,
		     const struct text_report_opts *opts)
{
	const struct text_style *style = &opts->style;
	const char *dot = draw_dot(style);
	struct strbuf command = {0}, facts = {0};
	char d[FMT_SZ], n[FMT_SZ];

	target_text__add(&command, r);
	strbuf__addc(b, ' ');
	draw_begin(b, style, DRAW_BOLD);
	b->failed |= command.failed;
	if (command.len)
		escape_add_cut(b, strbuf__str(&command), command.len, style->utf8,
			       style->width - 2);
	else
		strbuf__adds(b, "(no command)");
	draw_end(b, style, DRAW_BOLD);
	strbuf__addc(b, '\n');

	strbuf__addf(&facts, "%s%s%" PRIu32 " of %" PRIu32 " CPU%s allowed",
		     fmt_duration(d, r->window_ns, style->utf8), dot, r->cpus_allowed,
		     r->cpus_online, r->cpus_online == 1 ? "" : "s");
	if (r->meta && r->meta->quota_cpus > 0)
		strbuf__addf(&facts, " (quota %s)", fmt_average(n, r->meta->quota_cpus));
	strbuf__addf(&facts, "%s%s process%s, ", dot, fmt_count(n, r->processes),
		     r->processes == 1 ? "" : "es");
	strbuf__addf(&facts, "%s thread%s", fmt_count(n, r->threads), r->threads == 1 ? "" : "s");
	if (r->close_facts && !(r->meta && r->meta->flags & CPT_TRACE_ATTACHED)) {
		strbuf__adds(&facts, dot);
		add_exit(&facts, r);
	}
	strbuf__addc(b, ' ');
	cli_wrap(b, strbuf__str(&facts), 1, 1, style->width - 1);
	if (opts->note) {
		strbuf__addc(b, ' ');
		escape_add_cut(b, opts->note, strlen(opts->note), style->utf8, style->width - 2);
		strbuf__addc(b, '\n');
	}
	if (command.failed || facts.failed)
		b->failed = true;
	strbuf__free(&command);
	strbuf__free(&facts);
}

/* A line of its own below the verdict, if there is one; empties it. */
static void add_sentence(struct strbuf *b, struct strbuf *sentence, const struct text_style *style)
{
	if (sentence->len) {
		strbuf__addc(b, ' ');
		cli_wrap(b, strbuf__str(sentence), 1, 1, style->width - 1);
	}
	strbuf__clear(sentence);
}

static void add_verdict(struct strbuf *b, const struct cpt_report *r,
			const struct text_report_opts *opts)
{
	struct limit limits[CPT_LIMITS_MAX];
	struct strbuf sentence = {0};

	words__verdict(&sentence, r);
	strbuf__adds(b, "\n ");
	draw_begin(b, &opts->style, DRAW_BOLD);
	cli_wrap(b, strbuf__str(&sentence), 1, 1, opts->style.width - 1);
	draw_end(b, &opts->style, DRAW_BOLD);
	strbuf__clear(&sentence);
	words__caveat(&sentence, r);
	add_sentence(b, &sentence, &opts->style);
	limits__sentence(&sentence, r, opts->style.utf8);
	add_sentence(b, &sentence, &opts->style);
	loops__flight_sentence(&sentence, r, opts->style.utf8);
	add_sentence(b, &sentence, &opts->style);
	/* It is the first limit's evidence already. */
	if (!limits__find(r, limits) || limits[0].cause != CPT_CAUSE_BLOCKED_LOOP)
		loops__sentence(&sentence, r, opts->style.utf8);
	add_sentence(b, &sentence, &opts->style);
	if (sentence.failed)
		b->failed = true;
	strbuf__free(&sentence);
}

void text_report__head(struct strbuf *b, const struct cpt_report *r,
		       const struct text_report_opts *opts)
{
	add_head(b, r, opts);
	add_verdict(b, r, opts);
}

/* ---- ledger and profile -------------------------------------------------------------------- */

#define PERCENT_COLUMNS 7
#define LEDGER_LABEL	17
#define LEDGER_BAR	10
#define PROFILE_LABEL	12
#define PROFILE_BAR	16

static void add_share_line(struct strbuf *b, unsigned int indent, const char *label,
			   unsigned int label_end, uint64_t part, uint64_t total)
{
	char p[FMT_SZ];

	strbuf__repeat(b, " ", indent);
	draw_padded(b, label, label_end - indent, false);
	draw_padded(b, fmt_percent(p, part, total), PERCENT_COLUMNS, true);
	strbuf__adds(b, "  ");
}

static bool split_is_shown(const struct cpt_report *r, enum cpt_split split)
{
	/* On a machine without SMT this only says "parallel" again. */
	if (split == CPT_SPLIT_PARALLEL_MULTI_CORE && !r->split_ns[CPT_SPLIT_PARALLEL_SMT_ONLY])
		return false;
	return worth_a_line(r->split_ns[split], r->window_ns);
}

/* " [41 %, 52 %]" behind a share of total, or as `ends` says it, where the bounds are other than what it says. */
static bool add_share_bounds(struct strbuf *b, const struct cpt_report *r, uint64_t part,
			     uint64_t total, const struct cpt_real_bounds *bounds,
			     bool (*ends)(struct strbuf *, const char *, const char *,
					  const char *))
{
	const double scale = 1e6;
	char p[FMT_SZ], low[FMT_SZ], high[FMT_SZ];

	if (!r->bounds.open)
		return false;
	fmt_percent(p, part, total);
	fmt_percent(low, (uint64_t)(bounds->low * scale), (uint64_t)scale);
	fmt_percent(high, (uint64_t)(bounds->high * scale), (uint64_t)scale);
	return ends(b, p, low, high);
}

/* Instead of what the class is: between what its share lies. */
static bool add_class_bounds(struct strbuf *b, const struct cpt_report *r, enum cpt_class cls)
{
	const struct cpt_real_bounds bounds =
		share_bounds(&r->bounds.class_ns[cls], &r->bounds.window_ns);

	if (cls == CPT_CLASS_UNKNOWN || !r->window_ns)
		return false;
	return add_share_bounds(b, r, r->class_ns[cls], r->window_ns, &bounds, words__truth);
}

static void add_ledger(struct strbuf *b, const struct cpt_report *r, const struct text_style *style)
{
	char title[64], d[FMT_SZ];
	int cls, split;

	snprintf(title, sizeof(title), "Where the %s went",
		 fmt_duration(d, r->window_ns, style->utf8));
	add_title(b, style, title);
	for (cls = 0; cls < CPT_CLASS_CNT; cls++) {
		size_t start = b->len;

		if (cls == CPT_CLASS_UNKNOWN && !r->class_ns[cls])
			continue;
		add_share_line(b, 3, class_name((enum cpt_class)cls), LEDGER_LABEL,
			       r->class_ns[cls], r->window_ns);
		draw_bar(b, style, r->class_ns[cls], r->window_ns, LEDGER_BAR,
			 class_colour((enum cpt_class)cls));
		strbuf__repeat(b, " ",
			       LEDGER_LABEL + PERCENT_COLUMNS + 2 + LEDGER_BAR + 2 -
				       display_width(b->s ? b->s + start : "", b->len - start));
		if (!add_class_bounds(b, r, (enum cpt_class)cls))
			strbuf__adds(b, words__class((enum cpt_class)cls));
		strbuf__addc(b, '\n');
		for (split = 0; split < CPT_SPLIT_UNKNOWN; split++) {
			if ((int)split_class((enum cpt_split)split) != cls ||
			    !split_is_shown(r, (enum cpt_split)split))
				continue;
			add_share_line(b, 5, split_name((enum cpt_split)split), LEDGER_LABEL,
				       r->split_ns[split], r->window_ns);
			draw_begin(b, style, DRAW_DIM);
			strbuf__adds(b, split_text((enum cpt_split)split));
			draw_end(b, style, DRAW_DIM);
			strbuf__addc(b, '\n');
		}
	}
}

static void add_profile_row(struct strbuf *b, const struct cpt_report *r,
			    const struct text_style *style, uint32_t from, uint32_t to)
{
	uint64_t sum = 0;
	char label[32];
	uint32_t k;

	for (k = from; k <= to && k < r->parallel_cnt; k++)
		sum += r->parallel_ns[k];
	if (from == to)
		snprintf(label, sizeof(label), "%" PRIu32, from);
	else
		snprintf(label, sizeof(label), "%" PRIu32 "-%" PRIu32, from, to);
	add_share_line(b, 3, label, PROFILE_LABEL, sum, r->window_ns);
	draw_bar(b, style, sum, r->window_ns, PROFILE_BAR,
		 from == 0   ? DRAW_DIM
		 : from == 1 ? DRAW_BLUE
			     : DRAW_GREEN);
	strbuf__addc(b, '\n');
}

static double cores_average(const struct cpt_report *r)
{
	double sum = 0;
	uint32_t k;

	for (k = 0; r->cores_ns && k < r->parallel_cnt; k++)
		sum += (double)k * (double)r->cores_ns[k];
	return r->window_ns ? sum / (double)r->window_ns : 0;
}

static void add_profile_averages(struct strbuf *b, const struct cpt_report *r,
				 const struct text_style *style)
{
	const char *dot = draw_dot(style);
	char average[FMT_SZ], tlp[FMT_SZ], used[FMT_SZ], cores[FMT_SZ];

	strbuf__addf(b, "   average %s", fmt_average(average, r->parallel_average));
	words__bounds(b, r, r->parallel_average, &r->bounds.parallel_average);
	strbuf__addf(b, "%speak %" PRIu32 "\n", dot, r->parallel_peak);
	text_stacks__spin(b, r, style);
	strbuf__addf(b, "   %s", fmt_average(tlp, r->tlp));
	words__bounds(b, r, r->tlp, &r->bounds.tlp);
	strbuf__adds(b, " while any is busy (TLP)\n");
	strbuf__addf(b, "   %s", fmt_percent(used, r->cpu_time_ns, r->allowed_integral));
	add_share_bounds(b, r, r->cpu_time_ns, r->allowed_integral, &r->bounds.efficiency,
			 words__ends);
	strbuf__adds(b, " of the CPU time it was allowed\n");
	if (r->cpus_physical && r->cpus_physical < r->cpus_online)
		strbuf__addf(b, "   on %" PRIu32 " physical cores: average %s\n", r->cpus_physical,
			     fmt_average(cores, cores_average(r)));
}

static void add_profile(struct strbuf *b, const struct cpt_report *r,
			const struct text_style *style)
{
	uint32_t last = r->cpus_allowed > r->parallel_peak ? r->cpus_allowed : r->parallel_peak;
	uint32_t from = 0, to;

	add_title(b, style, "CPUs busy at once");
	for (; from <= last; from = to + 1) {
		/* 0, 1, 2-3, 4-7 ... when one row each would be too many */
		to = last > PROFILE_ROWS && from > 1 ? from * 2 - 1 : from;
		add_profile_row(b, r, style, from, to < last ? to : last);
	}
	add_profile_averages(b, r, style);
}

static void add_ledger_and_profile(struct strbuf *b, const struct cpt_report *r,
				   const struct text_report_opts *opts)
{
	struct strbuf left = {0}, right = {0};

	add_ledger(&left, r, &opts->style);
	add_profile(&right, r, &opts->style);
	strbuf__addc(b, '\n');
	if (opts->style.width >= WIDE_COLUMNS)
		draw_beside(b, strbuf__str(&left), strbuf__str(&right), BESIDE_COLUMN);
	else
		strbuf__addf(b, "%s\n%s", strbuf__str(&left), strbuf__str(&right));
	if (left.failed || right.failed)
		b->failed = true;
	strbuf__free(&left);
	strbuf__free(&right);
}

/* ---- strip over time ----------------------------------------------------------------------- */

#define STRIP_LABEL 16
#define STRIP_TAIL  12

struct column {
	uint64_t span, running, in_progress;
};

static struct column strip_column(const struct cpt_report *r, unsigned int i, unsigned int cols)
{
	uint64_t from = (uint64_t)i * r->bins_cnt / cols;
	uint64_t to = (uint64_t)(i + 1) * r->bins_cnt / cols;
	struct column col = {0};

	/* Fewer bins than columns: a bin is drawn more than once. */
	for (to = to > from ? to : from + 1; from < to && from < r->bins_cnt; from++) {
		col.span += r->bins[from].span_ns;
		col.running += r->bins[from].running;
		col.in_progress += r->bins[from].in_progress;
	}
	return col;
}

static void add_strip_row(struct strbuf *b, const struct cpt_report *r,
			  const struct text_style *style, unsigned int cols, bool in_progress,
			  uint32_t full)
{
	unsigned int i;

	draw_padded(b, in_progress ? "   in progress" : "   CPUs busy", STRIP_LABEL, false);
	draw_begin(b, style, in_progress ? DRAW_YELLOW : DRAW_GREEN);
	for (i = 0; i < cols; i++) {
		struct column col = strip_column(r, i, cols);
		uint64_t sum = in_progress ? col.in_progress : col.running;

		draw_level(b, style, col.span && full ? (double)sum / (double)col.span / full : 0);
	}
	draw_end(b, style, in_progress ? DRAW_YELLOW : DRAW_GREEN);
	strbuf__addf(b, "  full = %" PRIu32 "\n", full);
}

/* Does nothing change by as much as can be drawn? One thread that only computes is no picture. */
static bool is_even(const struct cpt_report *r, unsigned int cols)
{
	double low = 2, high = 0;

	for (unsigned int i = 0; i < cols; i++) {
		struct column col = strip_column(r, i, cols);
		double running = col.span ? (double)col.running / (double)col.span : 0;

		low = running < low ? running : low;
		high = running > high ? running : high;
	}
	return high - low < 0.125;
}

static void add_strip(struct strbuf *b, const struct cpt_report *r,
		      const struct text_report_opts *opts)
{
	const struct text_style *style = &opts->style;
	unsigned int cols = style->width - STRIP_LABEL - STRIP_TAIL, i;
	uint32_t full = 1, cpus = r->cpus_allowed;
	char d[FMT_SZ];

	if (!r->bins_cnt || !r->window_ns || (r->threads == 1 && is_even(r, cols)))
		return;
	for (i = 0; i < cols; i++) {
		struct column col = strip_column(r, i, cols);

		while (col.span && (double)col.in_progress / (double)col.span > full)
			full++;
	}
	if (cpus < r->parallel_peak)
		cpus = r->parallel_peak;
	strbuf__addc(b, '\n');
	add_title(b, style, "Over time");
	add_strip_row(b, r, style, cols, true, full);
	add_strip_row(b, r, style, cols, false, cpus ? cpus : 1);
	strbuf__repeat(b, " ", STRIP_LABEL);
	draw_begin(b, style, DRAW_DIM);
	strbuf__addc(b, '0');
	draw_padded(b, fmt_duration(d, r->window_ns, style->utf8), cols - 1, true);
	draw_end(b, style, DRAW_DIM);
	strbuf__addc(b, '\n');
}

/* ---- data quality -------------------------------------------------------------------------- */

static void add_quality(struct strbuf *b, const struct cpt_report *r,
			const struct text_report_opts *opts)
{
	struct strbuf line = {0};
	char n[FMT_SZ], m[FMT_SZ];
	unsigned int i;

	strbuf__adds(&line, "Data: ");
	for (i = 0;; i++) {
		size_t len = line.len;

		if (i)
			strbuf__adds(&line, "; ");
		if (words__warning(&line, r, i))
			continue;
		line.len = len;
		if (line.s)
			line.s[len] = '\0';
		break;
	}
	if (!i) {
		strbuf__addf(&line, "complete, %s context switch%s", fmt_count(n, r->switches),
			     r->switches == 1 ? "" : "es");
		if (r->quality.mends)
			strbuf__addf(&line, "; %s that fired no event %s rebuilt",
				     fmt_count(m, r->quality.mends),
				     r->quality.mends == 1 ? "was" : "were");
	}
	strbuf__addc(&line, '.');
	strbuf__adds(b, "\n ");
	draw_begin(b, &opts->style, i ? DRAW_RED : DRAW_DIM);
	if (line.failed) {
		b->failed = true;
	} else {
		struct strbuf shown = {0};

		/* Why a trace is incomplete may quote the file. */
		escape_add(&shown, strbuf__str(&line), line.len, opts->style.utf8);
		cli_wrap(b, strbuf__str(&shown), 1, 1, opts->style.width - 1);
		strbuf__free(&shown);
	}
	draw_end(b, &opts->style, i ? DRAW_RED : DRAW_DIM);
	strbuf__free(&line);
}

/* Not where the filter leaves nothing: rows of zeros would look like findings. */
static bool is_of_something(const struct cpt_report *r)
{
	return !r->filtered || (r->window_ns && r->threads);
}

void text_report__add(struct strbuf *out, const struct cpt_report *r,
		      const struct text_report_opts *opts)
{
	static void (*const parts[])(struct strbuf *, const struct cpt_report *,
				     const struct text_report_opts *) = {
		add_head,	add_verdict,	 add_ledger_and_profile,
		add_strip,	add_phases,	 add_limits,
		add_reasons,	add_budget,	 add_demand,
		add_affinity,	add_thread_rows, add_loops,
		add_locks,	add_overlap,	 add_critical_path,
		add_wait_sites, add_quality,
	};
	const size_t always = 2; /* head and verdict */
	struct strbuf wide = {0};
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (i < always || parts[i] == add_quality || is_of_something(r))
			parts[i](&wide, r, opts);
	/* Below 80 columns explanations are cut, figures are not: those stand on the left. */
	draw_clipped(out, strbuf__str(&wide), &opts->style);
	if (wide.failed)
		out->failed = true;
	strbuf__free(&wide);
}
