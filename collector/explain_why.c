// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* explain_why.c - lines of `report --explain` about why it was not more parallel; see explain_line.h. */
#include "explain_line.h"

#include <inttypes.h>
#include <stdio.h>

#include "limit.h"
#include "text_locks.h"

#define CEILINGS_SHOWN 2

/* ---- limits -------------------------------------------------------------------------------- */

static const char *source_of(const struct limit *limit)
{
	static const char *const ledger[CPT_CAUSE_CNT] = {
		[CPT_CAUSE_NO_WORK] = "time in which one thing computed and nothing else was in "
				      "progress",
	};

	switch (limit->by) {
	case CPT_COST_BUDGET:
		return "CPU time allowed that it kept from being used";
	case CPT_COST_DEMAND:
		return "time that threads were ready and did not run for it, as far as CPUs were "
		       "left for them";
	case CPT_COST_LEDGER:
		return ledger[limit->cause] ? ledger[limit->cause]
					    : "contended time: one ran, others wanted its lock";
	case CPT_COST_LOOPS:
		return "CPU time allowed and not used while the loop was blocked with operations "
		       "in flight behind it, as far as the budget charges it to those, to no work "
		       "or to what it waited for, but at least the loop's own";
	case CPT_COST_CNT:
		break;
	}
	return "?";
}

void explain__limits(struct explain *x)
{
	struct limit limits[CPT_LIMITS_MAX];
	const unsigned int cnt = limits__find(x->r, limits);
	const uint64_t total = x->r->budget.total_ns;
	char d[FMT_SZ], p[FMT_SZ], label[16];

	for (unsigned int i = 0; i < cnt; i++) {
		strbuf__addf(&x->text,
			     "%s by the %s (%s) = ", explain__duration(x, d, limits[i].cost_ns),
			     cost_name(limits[i].by), source_of(&limits[i]));
		/* A mask may keep it from many times of what it was allowed. */
		if (limits[i].cost_ns > total)
			strbuf__addf(&x->text, "more than the CPU time allowed, %s",
				     explain__duration(x, d, total));
		else
			strbuf__addf(&x->text, "%s of the CPU time allowed",
				     fmt_percent(p, limits[i].cost_ns, total));
		if (i) {
			strbuf__adds(&x->text, ": ");
			limits__evidence(&x->text, x->r, &limits[i], x->style->utf8);
		} else {
			strbuf__adds(&x->text,
				     ", the dearest cause of all; items of both accounts but used "
				     "and cpus, what others took as far as ready threads wanted "
				     "it, and contended time for locks; named from a twentieth of "
				     "the CPU time allowed on");
		}
		snprintf(label, sizeof(label), i ? "limit %u" : "limit", i + 1);
		explain__end(x, label, cause_name(limits[i].cause));
	}
}

/* ---- locks ----------------------------------------------------------------------------------- */

void explain__top_lock(struct explain *x)
{
	const struct cpt_lock *l = lock_most_waited(x->r, CPT_REASON_CNT);
	const char *sep = " = its holder ";
	uint64_t blocked = 0;
	char d[FMT_SZ], n[FMT_SZ], w[FMT_SZ];

	if (!l || !l->blocked_ns)
		return;
	for (int i = 0; i < CPT_REASON_CNT; i++)
		blocked += l->holder_blocked_ns[i];
	add_lock_name(&x->text, l, x->style->utf8);
	strbuf__addf(&x->text, ": %s wait%s of %s%s thread%s until the wake-up",
		     fmt_count(n, l->waits), l->waits == 1 ? "" : "s",
		     l->waiters_least ? "at least " : "", fmt_count(w, l->waiters),
		     l->waiters == 1 ? "" : "s");
	explain__term(x, &sep, "running", l->holder_running_ns);
	explain__term(x, &sep, "without a CPU", l->holder_runnable_ns);
	explain__term(x, &sep, "blocked itself", blocked);
	explain__term(x, &sep, "not known", l->holder_unknown_ns);
	if (l->wake_delay_ns)
		strbuf__addf(&x->text, "; %s more from the wake-up until they ran",
			     explain__duration(x, d, l->wake_delay_ns));
	explain__end(x, "lock most waited", explain__duration(x, d, l->blocked_ns));
}

void explain__ceilings(struct explain *x)
{
	char d[FMT_SZ], e[FMT_SZ], f[FMT_SZ], n[FMT_SZ];

	for (uint32_t i = 0; i < x->r->ceilings_cnt && i < CEILINGS_SHOWN; i++) {
		const struct cpt_ceiling *c = &x->r->ceilings[i];

		if (c->kind == CPT_CEILING_GIL)
			strbuf__addf(
				&x->text,
				"known by its symbol: some thread waited for it for %s of %s; ",
				explain__duration(x, d, c->waited_ns),
				explain__duration(x, e, x->r->window_ns));
		strbuf__addf(&x->text,
			     "of %" PRIu32
			     " threads one ran for %s and more than one for %s of the ",
			     c->threads, explain__duration(x, d, c->one_ns),
			     explain__duration(x, e, c->overlap_ns));
		strbuf__addf(&x->text, "%s in which two wanted to, in %s turns",
			     explain__duration(x, f, c->wanted_ns), fmt_count(n, c->turns));
		explain__end(x, "ceiling", c->kind == CPT_CEILING_GIL ? "GIL" : "possible");
	}
}

/* ---- run queue ------------------------------------------------------------------------------- */

void explain__latency(struct explain *x)
{
	bool said = false;
	char n[FMT_SZ], s[FMT_SZ], p[FMT_SZ], m[FMT_SZ], d[FMT_SZ];

	for (int i = 0; i < CPT_READY_CNT; i++) {
		const struct cpt_latency *l = &x->r->latency[i];

		if (!l->cnt)
			continue;
		strbuf__addf(&x->text,
			     "half of %s stretch%s from ready to running were at most that; 99 %% "
			     "at most %s, the longest %s, ",
			     fmt_count(n, l->cnt), l->cnt == 1 ? "" : "es",
			     explain__duration(x, p, l->p99_ns),
			     explain__duration(x, m, l->max_ns));
		strbuf__addf(&x->text, "%s in all, %s began on another CPU",
			     explain__duration(x, s, l->sum_ns), fmt_count(n, l->migrated));
		if (!said)
			strbuf__adds(&x->text,
				     "; of a histogram, so that half and 99 % are told up to an "
				     "eighth too long");
		said = true;
		explain__end(x, ready_name((enum cpt_ready_kind)i),
			     explain__duration(x, d, l->p50_ns));
	}
}

/* ---- busy-waiting ---------------------------------------------------------------------------- */

void explain__effective(struct explain *x)
{
	const struct cpt_sites *s = x->r->sites;
	uint64_t running_ns;
	char n[FMT_SZ], m[FMT_SZ], a[FMT_SZ], d[FMT_SZ], w[FMT_SZ];

	if (report__effective(x->r) < 0)
		return;
	if (s && s->samples)
		strbuf__addf(
			&x->text,
			"CPU time less busy-waiting / window; %s of %s samples found it waiting "
			"busily (spin loops, known spin locks), %.0f +- %.0f %%",
			fmt_count(n, s->spins), fmt_count(m, s->samples), 100 * s->spin_share,
			100 * s->spin_error);
	else
		strbuf__addf(
			&x->text,
			"CPU time less what kernel threads that poll for an io_uring spun, %s, / "
			"window %s: at most that, for other spinning is seen with --sample alone",
			explain__duration(x, d, report__sqpoll_ns(x->r, &running_ns)),
			explain__duration(x, w, x->r->window_ns));
	explain__end(x, "effective", fmt_average(a, report__effective(x->r)));
}
