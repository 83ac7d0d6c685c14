// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * text_explain.c - see text_explain.h.
 *
 *   figure          value   what it is made of, with the numbers
 *
 * One function a figure, in the order of the report; a figure the report does not have is left out.
 */
#include "text_explain.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli.h"
#include "draw.h"
#include "explain_line.h"
#include "text_wakes.h"
#include "words.h"

#define LABEL_COLUMNS 17
#define VALUE_COLUMNS 10
#define TEXT_COLUMN   (3 + LABEL_COLUMNS + VALUE_COLUMNS + 2)
/* Terms of a sum that are written out; the rest is one term. */
#define TERMS_MAX 4
/* An average times the window is the sum it came from but for the last digits of a double. */
#define ROUNDING 1e-9

void explain__end(struct explain *x, const char *label, const char *value)
{
	strbuf__adds(x->b, "   ");
	draw_padded(x->b, label, LABEL_COLUMNS, false);
	draw_padded(x->b, value, VALUE_COLUMNS, true);
	strbuf__adds(x->b, "  ");
	cli_wrap(x->b, strbuf__str(&x->text), TEXT_COLUMN, TEXT_COLUMN, x->style->width - 1);
	if (x->text.failed)
		x->b->failed = true;
	strbuf__clear(&x->text);
}

static void explain_window(struct explain *x)
{
	const struct cpt_report *r = x->r;
	char d[FMT_SZ];

	if (r->meta && r->meta->flags & CPT_TRACE_FLIGHT)
		strbuf__adds(&x->text, "from where what was kept begins to its end");
	else if (r->meta && r->meta->argv)
		strbuf__addf(&x->text,
			     "from the command's first exec%s to the final switch-out of its "
			     "last thread",
			     r->meta->delay_ns ? ", and the delay asked for," : "");
	else if (r->meta && r->meta->flags & CPT_TRACE_ATTACHED)
		strbuf__adds(&x->text, "from when all that ran had been found to the end of the "
				       "recording");
	else
		strbuf__adds(&x->text, "from the first event to the end of the recording");
	if (r->window_open)
		strbuf__adds(&x->text, "; that end was not recorded, so to the last event");
	explain__end(x, "window", explain__duration(x, d, r->window_ns));
}

/* "0 x 15.2 ms + 1 x 1.53 s + 2 x 3.10 ms" */
static void add_profile_terms(struct explain *x)
{
	const struct cpt_report *r = x->r;
	uint32_t shown = 0, k;
	uint64_t rest = 0;
	char d[FMT_SZ];

	for (k = 1; k < r->parallel_cnt; k++) {
		if (!r->parallel_ns[k])
			continue;
		if (shown == TERMS_MAX) {
			rest += k * r->parallel_ns[k];
			continue;
		}
		strbuf__addf(&x->text, "%s%" PRIu32 " x %s", shown++ ? " + " : "", k,
			     explain__duration(x, d, r->parallel_ns[k]));
	}
	if (rest)
		strbuf__addf(&x->text, " + %s with more", explain__duration(x, d, rest));
	if (!shown)
		strbuf__adds(&x->text, "nothing ran");
}

static void explain_cpu_time(struct explain *x)
{
	char d[FMT_SZ], n[FMT_SZ];

	strbuf__addf(&x->text,
		     "running time of %s thread%s = sum of k x (time with k CPUs busy) = ",
		     fmt_count(n, x->r->threads), x->r->threads == 1 ? "" : "s");
	add_profile_terms(x);
	explain__end(x, "CPU time", explain__duration(x, d, x->r->cpu_time_ns));
}

static void explain_average(struct explain *x)
{
	char d[FMT_SZ], w[FMT_SZ], a[FMT_SZ];

	strbuf__addf(&x->text, "CPU time / window = %s / %s",
		     explain__duration(x, d, x->r->cpu_time_ns),
		     explain__duration(x, w, x->r->window_ns));
	explain__end(x, "CPUs busy", fmt_average(a, x->r->parallel_average));
}

static void explain_tlp(struct explain *x)
{
	uint64_t busy = 0;
	char d[FMT_SZ], w[FMT_SZ], a[FMT_SZ];

	for (uint32_t k = 1; k < x->r->parallel_cnt; k++)
		busy += x->r->parallel_ns[k];
	strbuf__addf(&x->text, "CPU time / time in which any CPU was busy = %s / %s",
		     explain__duration(x, d, x->r->cpu_time_ns), explain__duration(x, w, busy));
	explain__end(x, "TLP", fmt_average(a, x->r->tlp));
}

static void explain_efficiency(struct explain *x)
{
	const struct cpt_report *r = x->r;
	char d[FMT_SZ], w[FMT_SZ], p[FMT_SZ];

	strbuf__addf(&x->text,
		     "CPU time / CPU time allowed = %s / %s (CPUs online and in the mask of a "
		     "living thread, over the window)",
		     explain__duration(x, d, r->cpu_time_ns),
		     explain__duration(x, w, r->allowed_integral));
	explain__end(x, "efficiency", fmt_percent(p, r->cpu_time_ns, r->allowed_integral));
}

static void explain_concurrency(struct explain *x)
{
	const struct cpt_report *r = x->r;
	uint64_t waiting = 0, sum = r->cpu_time_ns + r->runnable_ns;
	char d[FMT_SZ], q[FMT_SZ], w[FMT_SZ], t[FMT_SZ], a[FMT_SZ];

	for (int i = 0; i < CPT_REASON_WAITING_CNT; i++)
		waiting += r->reason_ns[i];
	strbuf__addf(&x->text, "(running %s + runnable %s + waiting %s",
		     explain__duration(x, d, r->cpu_time_ns),
		     explain__duration(x, q, r->runnable_ns), explain__duration(x, w, waiting));
	if (r->in_flight_ns)
		strbuf__addf(&x->text,
			     " + operations of event loops that none of these stands for %s",
			     explain__duration(x, d, r->in_flight_ns));
	strbuf__addf(&x->text, ") / window %s", explain__duration(x, t, r->window_ns));
	sum += waiting + r->in_flight_ns;
	if (r->concurrent_average * (double)r->window_ns > (double)sum * (1 + ROUNDING))
		strbuf__adds(&x->text, ", and what --in-progress counts in");
	explain__end(x, "in progress", fmt_average(a, r->concurrent_average));
}

static void explain_waiting(struct explain *x)
{
	const struct cpt_report *r = x->r;
	uint64_t waiting = 0;
	const char *sep = "";
	char d[FMT_SZ];

	for (int i = 0; i < CPT_REASON_WAITING_CNT; i++) {
		if (!r->reason_ns[i])
			continue;
		waiting += r->reason_ns[i];
		strbuf__addf(&x->text, "%s%s %s", sep, reason_name((enum cpt_reason)i),
			     explain__duration(x, d, r->reason_ns[i]));
		sep = " + ";
	}
	if (!waiting) {
		strbuf__clear(&x->text);
		return;
	}
	strbuf__adds(&x->text, ", summed over threads");
	explain__end(x, "waiting", explain__duration(x, d, waiting));
}

static void explain_ledger(struct explain *x)
{
	const struct cpt_report *r = x->r;
	const char *sep = "";
	char d[FMT_SZ];

	for (int i = 0; i < CPT_CLASS_CNT; i++) {
		if (!r->class_ns[i])
			continue;
		strbuf__addf(&x->text, "%s%s %s", sep, class_name((enum cpt_class)i),
			     explain__duration(x, d, r->class_ns[i]));
		sep = " + ";
	}
	strbuf__adds(&x->text, " = the window, to the ns");
	explain__end(x, "classes", explain__duration(x, d, r->window_ns));
}

void explain__term(struct explain *x, const char **sep, const char *name, uint64_t ns)
{
	char d[FMT_SZ];

	if (!ns)
		return;
	strbuf__addf(&x->text, "%s%s %s", *sep, name, explain__duration(x, d, ns));
	*sep = " + ";
}

static void explain_budget(struct explain *x)
{
	const struct cpt_budget *budget = &x->r->budget;
	const char *sep = "";
	char d[FMT_SZ];

	if (!budget->total_ns)
		return;
	for (int i = 0; i < CPT_BUDGET_CNT; i++)
		explain__term(x, &sep, budget_name((enum cpt_budget_item)i), budget->item_ns[i]);
	for (int i = 0; i < CPT_REASON_CNT; i++)
		explain__term(x, &sep, reason_name((enum cpt_reason)i), budget->reason_ns[i]);
	strbuf__adds(&x->text,
		     " = CPU time allowed; an idle CPU is charged to ready tasks first, then "
		     "to what was waited for in proportion");
	explain__end(x, "CPU budget", explain__duration(x, d, budget->total_ns));
}

static void explain_demand(struct explain *x)
{
	const struct cpt_demand *demand = &x->r->demand;
	const char *sep = "";
	char d[FMT_SZ], s[FMT_SZ];

	if (!demand->total_ns)
		return;
	for (int i = 0; i < CPT_DEMAND_CNT; i++)
		explain__term(x, &sep, demand_name((enum cpt_demand_item)i), demand->item_ns[i]);
	strbuf__adds(&x->text, " = time threads were ready and did not run");
	if (demand->shared_ns)
		strbuf__addf(&x->text, "; %s of others and placement was told apart in proportion",
			     explain__duration(x, s, demand->shared_ns));
	explain__end(x, "ready, not run", explain__duration(x, d, demand->total_ns));
}

/* Of the loop that was away from its wait longest. */
static void explain_loop(struct explain *x)
{
	const struct cpt_loops *loops = &x->r->loops;
	const struct cpt_loop *l = NULL;
	const char *sep = "";
	char d[FMT_SZ], p[FMT_SZ];

	for (uint32_t i = 0; i < loops->cnt; i++)
		if (!l || loop_dispatching_ns(&loops->tab[i]) > loop_dispatching_ns(l))
			l = &loops->tab[i];
	if (!l || !l->life_ns)
		return;
	explain__term(x, &sep, "waiting", l->waiting_ns);
	explain__term(x, &sep, "on a CPU", l->on_cpu_ns);
	explain__term(x, &sep, "without a CPU", l->runnable_ns);
	explain__term(x, &sep, "blocked elsewhere", l->blocked_ns);
	explain__term(x, &sep, "unknown", l->unknown_ns);
	strbuf__addf(
		&x->text,
		" = life of the event loop that was away from its wait longest, from its first "
		"wait to its last return; of what is known of that it ran for %s, and was out of "
		"its "
		"wait for ",
		fmt_percent(p, l->on_cpu_ns, loop_known_ns(l)));
	strbuf__addf(
		&x->text, "%s (utilisation, as Node counts it: handlers that block are in it)",
		fmt_percent(p, loop_known_ns(l) - l->waiting_ns - l->woken_ns, loop_known_ns(l)));
	explain__end(x, "event loop", explain__duration(x, d, l->life_ns));
}

static void explain_path(struct explain *x)
{
	const struct cpt_path *p = &x->r->path;
	uint64_t waits = 0;
	const char *sep = "";
	char d[FMT_SZ], share[FMT_SZ];

	if (!p->length_ns || !p->end_id)
		return;
	for (int i = 0; i < CPT_REASON_CNT; i++)
		waits += p->reason_ns[i];
	explain__term(x, &sep, "running alone", p->serial_ns);
	explain__term(x, &sep, "running beside others", p->parallel_ns);
	explain__term(x, &sep, "without a CPU", p->runnable_ns);
	explain__term(x, &sep, "waits that no thread of the workload ended", waits);
	explain__term(x, &sep, "unknown", p->unknown_ns);
	explain__term(x, &sep, "without any of its threads", p->absent_ns);
	strbuf__addf(
		&x->text,
		" = window; who ended a wait is known for %s of it. From the thread that "
		"ended last backwards: what a thread did, and before a wait what its waker did",
		fmt_percent(share, p->known_waker_ns, p->length_ns));
	explain__end(x, "critical path", explain__duration(x, d, p->length_ns));
}

static void explain_span(struct explain *x)
{
	const struct cpt_work_span *ws = &x->r->work_span;
	char d[FMT_SZ], w[FMT_SZ], n[FMT_SZ];

	if (!ws->span_ns)
		return;
	strbuf__adds(&x->text,
		     "the longest chain of computing in which each piece came after the one "
		     "before: of one thread, by a birth, or by a wake-up that ended a wait");
	if (report__span_bounds(x->r))
		strbuf__addf(&x->text, "; CPU time / span = %s / %s = %s",
			     explain__duration(x, w, ws->work_ns),
			     explain__duration(x, d, ws->span_ns), fmt_average(n, ws->parallelism));
	explain__end(x, "span", explain__duration(x, d, ws->span_ns));
}

static void explain_verdict(struct explain *x)
{
	const struct cpt_report *r = x->r;
	uint64_t active = r->window_ns - r->class_ns[CPT_CLASS_IDLE];
	char d[FMT_SZ], a[FMT_SZ];

	if (r->verdict == CPT_CLASS_UNKNOWN)
		strbuf__adds(&x->text, "the unknown time could make another class the largest");
	else if (r->verdict == CPT_CLASS_IDLE)
		strbuf__adds(&x->text, "no class but idle holds any time");
	else
		strbuf__addf(&x->text,
			     "the class that holds most of the time that was not idle: %s of %s",
			     explain__duration(x, d, r->class_ns[r->verdict]),
			     explain__duration(x, a, active));
	explain__end(x, "verdict", class_name(r->verdict));
}

static void explain_audit(struct explain *x)
{
	const struct cpt_quality *q = &x->r->quality;
	uint64_t diff = q->audit_ours_ns > q->audit_kernel_ns
				? q->audit_ours_ns - q->audit_kernel_ns
				: q->audit_kernel_ns - q->audit_ours_ns;
	char d[FMT_SZ], k[FMT_SZ], p[FMT_SZ];

	if (!q->audit_valid)
		return;
	strbuf__addf(
		&x->text,
		"of the threads that ended, on a CPU by this trace %s, by the kernel's own account "
		"%s; the kernel leaves out steal and charges a thread that wakes on an idle CPU "
		"from its wake-up on",
		explain__duration(x, d, q->audit_ours_ns),
		explain__duration(x, k, q->audit_kernel_ns));
	explain__end(x, "audit", fmt_percent(p, diff, q->audit_kernel_ns));
}

void text_explain__add(struct strbuf *out, const struct cpt_report *r,
		       const struct text_report_opts *opts)
{
	static void (*const lines[])(struct explain *) = {
		explain_window,	  explain_cpu_time,   explain_average,	   explain__effective,
		explain_tlp,	  explain_efficiency, explain_concurrency, explain_waiting,
		explain_ledger,	  explain_verdict,    explain_budget,	   explain_demand,
		explain__latency, explain__limits,    explain__top_lock,   explain__ceilings,
		explain_loop,	  explain_path,	      explain_span,	   explain_audit,
	};
	struct explain x = {.b = out, .style = &opts->style, .r = r};

	strbuf__adds(out, "\n ");
	draw_begin(out, &opts->style, DRAW_BOLD);
	strbuf__adds(out, "How these figures came about");
	draw_end(out, &opts->style, DRAW_BOLD);
	strbuf__addc(out, '\n');
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		lines[i](&x);
	strbuf__free(&x.text);
	add_wakes(out, r, opts);
}
