// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* text_path.c - see text_path.h. */
#include "text_path.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "draw.h"
#include "escape.h"
#include "format.h"

/* Contributors and waits below these shares of the path are not worth a line. */
#define WORTH_A_ROW	0.02
#define WORTH_A_MENTION 0.05
#define ROWS_MAX	5
/* A path that computed less than this share of the span is not the span's chain. */
#define SAME_CHAIN 0.9

static void add_rows(struct strbuf *b, const struct cpt_path *p, const struct text_style *style)
{
	struct draw_table t = {.style = style, .cols = 6, .indent = 3};
	char share[FMT_SZ];

	for (unsigned int i = 1; i < t.cols; i++)
		t.right[i] = true;
	draw_table__cell(&t, "name");
	draw_table__cell(&t, "of it");
	draw_table__cell(&t, "alone");
	draw_table__cell(&t, "with others");
	draw_table__cell(&t, "runnable");
	draw_table__cell(&t, "blocked");
	for (uint32_t i = 0; i < p->names_cnt && i < ROWS_MAX; i++) {
		const struct cpt_path_part *part = &p->names[i];

		if (i && (double)part->total_ns < WORTH_A_ROW * (double)p->length_ns)
			break;
		draw_table__name(&t, part->name);
		draw_table__cell(&t, fmt_percent(share, part->total_ns, p->length_ns));
		draw_table__duration(&t, part->serial_ns);
		draw_table__duration(&t, part->parallel_ns);
		draw_table__duration(&t, part->runnable_ns);
		draw_table__duration(&t, part->blocked_ns);
	}
	draw_table__add(&t, b, 0);
}

/* The waits that stand in the path, the largest named. */
static void say_waits(struct strbuf *s, const struct cpt_path *p)
{
	uint64_t sum = 0, top = 0;
	enum cpt_reason reason = CPT_REASON_OTHER;
	char share[FMT_SZ];

	for (int i = 0; i < CPT_REASON_CNT; i++) {
		sum += p->reason_ns[i];
		if (p->reason_ns[i] > top) {
			top = p->reason_ns[i];
			reason = (enum cpt_reason)i;
		}
	}
	if ((double)sum < WORTH_A_MENTION * (double)p->length_ns)
		return;
	strbuf__addf(
		s, "%s of it are waits that no thread of the workload ended, most of them for %s. ",
		fmt_percent(share, sum, p->length_ns), reason_name(reason));
}

/* How far the chain is one that was seen: elsewhere it stays with who waited. */
static void say_known(struct strbuf *s, const struct cpt_path *p)
{
	char share[FMT_SZ];

	strbuf__addf(s, "Who ended the waits is known for %s of it. ",
		     fmt_percent(share, p->known_waker_ns, p->length_ns));
}

static void say_serial(struct strbuf *s, const struct cpt_path *p, const struct text_style *style)
{
	const struct cpt_path_part *top = NULL;
	char share[FMT_SZ];

	for (uint32_t i = 0; i < p->names_cnt; i++)
		if (!top || p->names[i].serial_ns > top->serial_ns)
			top = &p->names[i];
	if (!top || (double)top->serial_ns < WORTH_A_MENTION * (double)p->length_ns)
		return;
	strbuf__adds(s, "The serial section of `");
	escape_add(s, top->name, strlen(top->name), style->utf8);
	strbuf__addf(s, "`, while nothing else ran, is %s of the path. ",
		     fmt_percent(share, top->serial_ns, p->length_ns));
}

static void say_unknown(struct strbuf *s, const struct cpt_path *p)
{
	char share[FMT_SZ];

	if (p->unknown_ns)
		strbuf__addf(s, "%s of it is unknown: events were lost. ",
			     fmt_percent(share, p->unknown_ns, p->length_ns));
	if (p->absent_ns)
		strbuf__addf(s, "In %s of it there was none of these threads. ",
			     fmt_percent(share, p->absent_ns, p->length_ns));
}

/* The path took longest, the span computed most, and that may be two chains: where threads were starved of
 * CPUs, or waited, the one that ended last need not be one that had much to do. */
static void say_other_chain(struct strbuf *s, const struct cpt_report *r,
			    const struct text_style *style)
{
	const uint64_t computed = r->path.serial_ns + r->path.parallel_ns;
	char d[FMT_SZ];

	if ((double)computed >= SAME_CHAIN * (double)r->work_span.span_ns)
		return;
	strbuf__addf(s,
		     " That is another chain than the one above, of which %s was computing: to "
		     "shorten the one is not to shorten the other.",
		     fmt_duration(d, computed, style->utf8));
}

static void say_bound(struct strbuf *s, const struct cpt_report *r, const struct text_style *style)
{
	const struct cpt_work_span *ws = &r->work_span;
	char d[FMT_SZ], x[FMT_SZ];

	if (!ws->span_ns || r->filtered & (CPT_FILTERED_TIME | CPT_FILTERED_CPUS))
		return;
	if (!report__span_bounds(r)) {
		strbuf__addf(s, "%s of computing that is known had to come one after another.",
			     fmt_duration(d, ws->span_ns, style->utf8));
		return;
	}
	strbuf__addf(s,
		     "%s of computing had to come one after another: with these threads, and "
		     "locks and queues that serve them in this order, more CPUs or shorter waits "
		     "cannot make the run more than %s times as fast, ",
		     fmt_duration(d, ws->span_ns, style->utf8), fmt_average(x, ws->speedup_bound));
	strbuf__addf(s, "nor keep more than %s CPUs busy on average.",
		     fmt_average(x, ws->parallelism));
	say_other_chain(s, r, style);
}

/* One thread is its own path: nothing that the rest of the report does not say. */
void add_critical_path(struct strbuf *b, const struct cpt_report *r,
		       const struct text_report_opts *opts)
{
	const struct text_style *style = &opts->style;
	const struct cpt_path *p = &r->path;
	struct strbuf text = {0};

	if (!p->length_ns || !p->end_id || r->threads < 2 || !p->names_cnt)
		return;
	draw_title(b, style, "Critical path",
		   r->filtered ? "  (the chain of running and waiting of what is selected)"
			       : "  (the chain of running and waiting that took the whole run)");
	add_rows(b, p, style);
	say_serial(&text, p, style);
	say_waits(&text, p);
	say_known(&text, p);
	say_unknown(&text, p);
	say_bound(&text, r, style);
	strbuf__adds(b, "   ");
	cli_wrap(b, strbuf__str(&text), 3, 3, style->width - 1);
	if (text.failed)
		b->failed = true;
	strbuf__free(&text);
}
