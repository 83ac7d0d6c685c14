// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* text_accounts.c - see text_accounts.h. */
#include "text_accounts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "draw.h"
#include "escape.h"
#include "format.h"
#include "words.h"

/* An item below this share of its account is noise beside the others. */
#define WORTH_A_LINE 0.01
/* Time ready and not running, as a share of all time wanting to run, from which reasons matter. */
#define WORTH_DEMAND 0.05
/* Steal and interrupts from this share of the machine's time on blur what "running" means. */
#define WORTH_A_REMARK 0.02
/* A tenant that took less of what the others took explains nothing. */
#define WORTH_A_NAME  0.1
#define TENANTS_NAMED 3
#define LABEL	      14
#define BAR	      10
/* Where the words begin. */
#define TEXT (3 + LABEL + 7 + 2 + BAR + 2)

static bool worth(uint64_t part, uint64_t total, double share)
{
	return part && total && (double)part >= share * (double)total;
}

static void add_remark(struct strbuf *b, const struct text_report_opts *opts, const char *text)
{
	strbuf__adds(b, "   ");
	draw_begin(b, &opts->style, DRAW_DIM);
	cli_wrap(b, text, 3, 3, opts->style.width - 1);
	draw_end(b, &opts->style, DRAW_DIM);
}

struct line {
	const char *name, *text;
	uint64_t ns;
	const struct cpt_ns_bounds
		*within; /* NULL: nothing was lost, or it is no item of the truth */
	enum draw_colour colour;
};

/* An account: what its items are shares of. */
struct account {
	uint64_t total;
	struct cpt_ns_bounds within;
};

/* At the most it is a share of the smallest total. */
static char *fmt_most(char *buf, const struct cpt_ns_bounds *of, const struct account *account)
{
	if (of->high < account->within.low)
		return fmt_percent(buf, of->high, account->within.low);
	return fmt_percent(buf, 1, 1);
}

/* "; in truth between 12 % and 15 %", where that is other than what it says. At the least it is a share of the
 * largest total. */
static void add_within(struct strbuf *b, const struct line *l, const struct account *of)
{
	char p[FMT_SZ], low[FMT_SZ], high[FMT_SZ];
	struct strbuf truth = {0};

	if (!l->within)
		return;
	fmt_percent(p, l->ns, of->total);
	fmt_percent(low, of->within.high == UINT64_MAX ? 0 : l->within->low, of->within.high);
	if (words__truth(&truth, p, low, fmt_most(high, l->within, of)))
		strbuf__addf(b, "; %s", strbuf__str(&truth));
	b->failed |= truth.failed;
	strbuf__free(&truth);
}

static void add_line(struct strbuf *b, const struct text_style *style, const struct line *l,
		     const struct account *of)
{
	const uint64_t total = of->total;
	struct strbuf bar = {0}, text = {0};
	char p[FMT_SZ];

	strbuf__adds(b, "   ");
	draw_padded(b, l->name, LABEL, false);
	draw_padded(b, fmt_percent(p, l->ns, total), 7, true);
	strbuf__adds(b, "  ");
	draw_bar(&bar, style, l->ns, total, BAR, DRAW_PLAIN);
	draw_begin(b, style, l->colour);
	draw_padded(b, strbuf__str(&bar), BAR + 2, false);
	draw_end(b, style, l->colour);
	strbuf__adds(&text, l->text);
	add_within(&text, l, of);
	cli_wrap(b, strbuf__str(&text), TEXT, TEXT, style->width - 1);
	if (bar.failed || text.failed)
		b->failed = true;
	strbuf__free(&bar);
	strbuf__free(&text);
}

/* Of what is not worth a line by its figure, what may be by its bounds. */
static bool may_be_worth(const struct line *l, const struct account *of)
{
	const uint64_t least = of->within.low ? of->within.low : of->within.high;

	return l->within && !worth(l->ns, of->total, WORTH_A_LINE) &&
	       worth(l->within->high, least, WORTH_A_LINE);
}

/* What may be more than it seems, by what was lost: all in one sentence, for what is unknown may be any of them. */
static void add_hidden(struct strbuf *b, const struct text_report_opts *opts,
		       const struct line *lines, unsigned int cnt, const struct account *of)
{
	const struct line *most = NULL;
	struct strbuf text = {0};
	char high[FMT_SZ];

	for (unsigned int i = 0; i < cnt; i++) {
		if (!may_be_worth(&lines[i], of))
			continue;
		strbuf__addf(&text, "%s%s",
			     most ? ", " : "may also be, by what was lost: ", lines[i].name);
		if (!most || lines[i].within->high > most->within->high)
			most = &lines[i];
	}
	if (most) {
		strbuf__addf(&text, "; each at most %s", fmt_most(high, most->within, of));
		add_remark(b, opts, strbuf__str(&text));
	}
	b->failed |= text.failed;
	strbuf__free(&text);
}

/* Lines worth one, the largest first. */
static void add_lines(struct strbuf *b, const struct text_report_opts *opts, struct line *lines,
		      unsigned int cnt, const struct account *of)
{
	for (unsigned int i = 0; i < cnt; i++) {
		unsigned int best = i;
		struct line swap = lines[i];

		for (unsigned int j = i + 1; j < cnt; j++)
			if (lines[j].ns > lines[best].ns)
				best = j;
		lines[i] = lines[best];
		lines[best] = swap;
		if (worth(lines[i].ns, of->total, WORTH_A_LINE))
			add_line(b, &opts->style, &lines[i], of);
	}
	add_hidden(b, opts, lines, cnt, of);
}

/* ---- budget ---------------------------------------------------------------------------------- */

static enum draw_colour budget_colour(int item)
{
	if (item == CPT_BUDGET_USED)
		return DRAW_GREEN;
	if (item == CPT_BUDGET_UNKNOWN)
		return DRAW_RED;
	return item == CPT_BUDGET_NO_WORK ? DRAW_DIM : DRAW_YELLOW;
}

uint64_t add_tenant_names(struct strbuf *b, const struct cpt_report *r, unsigned int max, bool utf8)
{
	const struct cpt_trace_close *close = r->close_facts;
	const uint64_t others = r->budget.item_ns[CPT_BUDGET_OTHERS];
	uint64_t named = 0;
	char d[FMT_SZ];

	if (!close || r->filtered & (CPT_FILTERED_TIME | CPT_FILTERED_CPUS))
		return 0;
	for (uint32_t i = 0; i < close->tenant_cnt && i < max; i++) {
		const struct cpt_tenant *t = &close->tenants[i];

		if (!worth(t->cpu_ns, others, WORTH_A_NAME))
			break;
		strbuf__adds(b, i ? ", `" : "`");
		escape_add(b, t->name, strnlen(t->name, sizeof(t->name)), utf8);
		strbuf__addf(b, "` (%" PRIu32 ")", t->pid);
		/* The readings lie a little outside the window, which shows where that is short. */
		if (t->cpu_ns <= others)
			strbuf__addf(b, " %s", fmt_duration(d, t->cpu_ns, utf8));
		named += t->cpu_ns;
	}
	return named;
}

/* Who the others were, and who else must have been if those named explain less than half. */
static void add_tenants(struct strbuf *b, const struct cpt_report *r,
			const struct text_report_opts *opts)
{
	const uint64_t others = r->budget.item_ns[CPT_BUDGET_OTHERS];
	struct strbuf line = {0};
	uint64_t named;

	if (!r->close_facts || !r->close_facts->tenant_cnt ||
	    !worth(others, r->budget.total_ns, WORTH_A_LINE))
		return;
	strbuf__adds(&line, "others: ");
	named = add_tenant_names(&line, r, TENANTS_NAMED, opts->style.utf8);
	if (r->filtered & (CPT_FILTERED_TIME | CPT_FILTERED_CPUS))
		strbuf__adds(&line, "which ones is known of the whole run alone");
	else if (named < others / 2)
		strbuf__addf(&line, "%s%s, or many small ones", named ? ", and " : "",
			     r->filtered & CPT_FILTERED_TASKS
				     ? "threads of the workload that are not selected"
				     : "programs that ended before it did");
	add_remark(b, opts, strbuf__str(&line));
	if (line.failed)
		b->failed = true;
	strbuf__free(&line);
}

/* What makes a CPU slower than it looks, where it was enough to matter. */
static void add_qualifiers(struct strbuf *b, const struct cpt_report *r,
			   const struct text_report_opts *opts)
{
	const struct cpt_trace_close *close = r->close_facts;
	const uint64_t machine = r->window_ns * r->cpus_online;
	char line[160], d[FMT_SZ];

	/* Both are known of the whole recording alone. */
	if (!close || r->filtered & CPT_FILTERED_TIME)
		return;
	if (close->steal_ns != UINT64_MAX && worth(close->steal_ns, machine, WORTH_A_REMARK)) {
		snprintf(line, sizeof(line),
			 "The hypervisor took %s of CPU time meanwhile: running is not all "
			 "computing.",
			 fmt_duration(d, close->steal_ns, opts->style.utf8));
		add_remark(b, opts, line);
	}
	if (close->irq_ns != UINT64_MAX && worth(close->irq_ns, machine, WORTH_A_REMARK)) {
		snprintf(line, sizeof(line),
			 "Interrupts took %s of CPU time; it counts as that of what they "
			 "interrupted.",
			 fmt_duration(d, close->irq_ns, opts->style.utf8));
		add_remark(b, opts, line);
	}
}

/* What shares a core is slower, and no account of CPUs shows it. */
static void add_siblings(struct strbuf *b, const struct cpt_report *r,
			 const struct text_report_opts *opts)
{
	const uint64_t ns = r->budget.siblings_ns;
	char line[160], p[FMT_SZ];

	if (ns == UINT64_MAX || !worth(ns, r->cpu_time_ns, WORTH_A_REMARK))
		return;
	snprintf(line, sizeof(line),
		 "%s of the time used, another program ran on the other thread of the same core: "
		 "the two shared it.",
		 fmt_percent(p, ns, r->cpu_time_ns));
	add_remark(b, opts, line);
}

void add_budget(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts)
{
	const struct cpt_budget *a = &r->budget;
	const struct cpt_budget_bounds *within = &r->bounds.budget;
	const bool open = r->bounds.accounts_open;
	struct line lines[CPT_BUDGET_CNT + CPT_REASON_CNT];
	uint64_t unused = a->total_ns - a->item_ns[CPT_BUDGET_USED];
	char texts[CPT_REASON_CNT][96];
	unsigned int cnt = 0;

	if (open)
		unused = within->total_ns.high - within->item_ns[CPT_BUDGET_USED].low;
	if (!a->total_ns || !worth(unused, a->total_ns, WORTH_A_LINE))
		return;
	draw_title(b, &opts->style, "Where the CPU time went", "  (of the CPUs allowed)");
	for (int i = 0; i < CPT_BUDGET_CNT; i++)
		lines[cnt++] = (struct line){
			.name = budget_name((enum cpt_budget_item)i),
			.text = budget_text((enum cpt_budget_item)i),
			.ns = a->item_ns[i],
			.within = open && i != CPT_BUDGET_UNKNOWN ? &within->item_ns[i] : NULL,
			.colour = budget_colour(i)};
	for (int i = 0; i < CPT_REASON_CNT; i++) {
		snprintf(texts[i], sizeof(texts[i]), "idle: %s", reason_text((enum cpt_reason)i));
		lines[cnt++] = (struct line){.name = reason_name((enum cpt_reason)i),
					     .text = texts[i],
					     .ns = a->reason_ns[i],
					     .within = open ? &within->reason_ns[i] : NULL,
					     .colour = DRAW_YELLOW};
	}
	add_lines(b, opts, lines, cnt, &(struct account){a->total_ns, within->total_ns});
	add_tenants(b, r, opts);
	if (r->meta && r->meta->flags & CPT_TRACE_NO_OCCUPANCY)
		add_remark(b, opts,
			   "CPUs without the workload were not watched (--no-budget), so what they "
			   "did is not known.");
	add_siblings(b, r, opts);
	add_qualifiers(b, r, opts);
}

/* ---- demand ---------------------------------------------------------------------------------- */

static void add_latency(struct strbuf *b, const struct cpt_report *r, enum cpt_ready_kind kind,
			const struct text_report_opts *opts)
{
	const struct cpt_latency *l = &r->latency[kind];
	const bool utf8 = opts->style.utf8;
	char n[FMT_SZ], p50[FMT_SZ], p99[FMT_SZ], max[FMT_SZ];
	struct strbuf line = {0};

	if (!worth(l->sum_ns, r->demand.total_ns, WORTH_A_LINE))
		return;
	strbuf__addf(&line, "%s %s times: median %s, 99 %% by %s, longest %s", ready_text(kind),
		     fmt_count(n, l->cnt), fmt_duration(p50, l->p50_ns, utf8),
		     fmt_duration(p99, l->p99_ns, utf8), fmt_duration(max, l->max_ns, utf8));
	if (worth(l->migrated, l->cnt, WORTH_A_LINE))
		strbuf__addf(&line, "; %s moved", fmt_percent(n, l->migrated, l->cnt));
	add_remark(b, opts, strbuf__str(&line));
	if (line.failed)
		b->failed = true;
	strbuf__free(&line);
}

/* A CPU that must wake up first is idle a little longer: that is no mistake of placement. */
static void add_short_waits(struct strbuf *b, const struct cpt_report *r,
			    const struct text_report_opts *opts)
{
	uint64_t cnt = 0, ns = 0;
	char line[160], n[FMT_SZ], d[FMT_SZ];

	for (int i = 0; i < CPT_READY_CNT; i++) {
		cnt += r->latency[i].short_cnt;
		ns += r->latency[i].short_ns;
	}
	if (!worth(r->demand.item_ns[CPT_DEMAND_PLACEMENT], r->demand.total_ns, WORTH_A_LINE) ||
	    !worth(ns, r->demand.total_ns, WORTH_A_LINE))
		return;
	snprintf(line, sizeof(line),
		 "%s of it are %s waits of at most 0.1 ms: the time a CPU takes to wake up and "
		 "switch.",
		 fmt_percent(d, ns, r->demand.total_ns), fmt_count(n, cnt));
	add_remark(b, opts, line);
}

/* " [1.2 s, 1.4 s]" behind how much all of it is. */
static void add_demand_range(struct strbuf *b, const struct cpt_report *r, bool utf8)
{
	const struct cpt_ns_bounds *total = &r->bounds.demand.total_ns;
	char d[FMT_SZ], low[FMT_SZ], high[FMT_SZ];

	if (r->bounds.accounts_open)
		words__ends(b, fmt_duration(d, r->demand.total_ns, utf8),
			    fmt_duration(low, total->low, utf8),
			    total->high != UINT64_MAX ? fmt_duration(high, total->high, utf8)
						      : NULL);
}

void add_demand(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts)
{
	const struct cpt_demand *a = &r->demand;
	const struct cpt_demand_bounds *within = &r->bounds.demand;
	struct line lines[CPT_DEMAND_CNT];
	uint64_t most = a->total_ns;
	struct strbuf what = {0};
	char d[FMT_SZ];

	if (r->bounds.accounts_open)
		most = within->total_ns.high;
	if (most != UINT64_MAX && !worth(most, most + r->cpu_time_ns, WORTH_DEMAND))
		return;
	strbuf__addf(&what, "  (%s", fmt_duration(d, a->total_ns, opts->style.utf8));
	add_demand_range(&what, r, opts->style.utf8);
	strbuf__adds(&what, " over all threads)");
	draw_title(b, &opts->style, "Why ready work did not run", strbuf__str(&what));
	b->failed |= what.failed;
	strbuf__free(&what);
	for (int i = 0; i < CPT_DEMAND_CNT; i++)
		lines[i] =
			(struct line){.name = demand_name((enum cpt_demand_item)i),
				      .text = demand_text((enum cpt_demand_item)i),
				      .ns = a->item_ns[i],
				      .within = r->bounds.accounts_open && i != CPT_DEMAND_UNKNOWN
							? &within->item_ns[i]
							: NULL,
				      .colour = i == CPT_DEMAND_CPUS	  ? DRAW_GREEN
						: i == CPT_DEMAND_UNKNOWN ? DRAW_RED
									  : DRAW_YELLOW};
	add_lines(b, opts, lines, CPT_DEMAND_CNT, &(struct account){a->total_ns, within->total_ns});
	add_short_waits(b, r, opts);
	for (int i = 0; i < CPT_READY_CNT; i++)
		add_latency(b, r, (enum cpt_ready_kind)i, opts);
}
