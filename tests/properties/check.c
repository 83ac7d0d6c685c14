// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * check.c - see check.h.
 */
#include "check.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the pass ------------------------------------------------------------------------------------ */

static int see_interval(void *ctx, const struct cpt_interval *iv)
{
	struct observed *seen = ctx;

	seen->intervals++;
	if (iv->id > GEN_TASKS_MAX)
		return 0;
	if (iv->end_ns <= iv->start_ns)
		seen->disorder++;
	if (seen->last_end[iv->id] && seen->last_end[iv->id] != iv->start_ns)
		seen->gaps++;
	seen->last_end[iv->id] = iv->end_ns;
	seen->state_ns[iv->id][iv->state] += iv->end_ns - iv->start_ns;
	if (iv->state == CPT_STATE_WAITING || iv->state == CPT_STATE_PARKED)
		seen->reason_ns[iv->id][iv->reason] += iv->end_ns - iv->start_ns;
	return 0;
}

static int see_step(void *ctx, const struct cpt_step *step)
{
	struct observed *seen = ctx;
	uint64_t span = 0;

	for (int i = 0; i < CPT_SPLIT_CNT; i++) {
		seen->step_split[i] += step->split_ns[i];
		span += step->split_ns[i];
		if (step->split_ns[i] && seen->steps < STEPS_KEPT)
			seen->step_class[seen->steps] = (uint8_t)split_class((enum cpt_split)i);
	}
	if (span != step->span_ns)
		seen->disorder++;
	seen->step_running += step->running;
	seen->step_runnable += step->runnable;
	seen->step_in_progress += step->in_progress;
	seen->steps++;
	return 0;
}

struct cpt_report *analyse(const struct cpt_trace_meta *meta, const struct cpt_event *ev,
			   uint32_t cnt, uint64_t last_ns, const struct cpt_analysis_opts *o,
			   struct observed *seen, struct rng *rng)
{
	struct cpt_analysis_opts opts = *o;
	struct cpt_analysis *a;

	memset(seen, 0, sizeof(*seen));
	opts.ctx = seen;
	opts.on_interval = see_interval;
	opts.on_step = see_step;
	a = analysis__new(meta, &opts);
	if (!a)
		return NULL;
	for (uint32_t done = 0; done < cnt;) {
		uint32_t piece = 1 + rng_below(rng, 64);
		int err;

		if (piece > cnt - done)
			piece = cnt - done;
		err = analysis__feed(a, ev + done, piece);
		if (err) {
			analysis__free(a);
			errno = -err;
			return NULL;
		}
		done += piece;
	}
	return analysis__finish(a, NULL, NULL, last_ns);
}

/* ---- checks -------------------------------------------------------------------------------------- */

static int differ(const char *what, const char *field, uint64_t got, uint64_t want)
{
	if (got == want)
		return 0;
	fprintf(stderr, "%s: %s is %" PRIu64 ", should be %" PRIu64 "\n", what, field, got, want);
	return 1;
}

static int differ_row(const char *what, uint32_t id, const char *field, uint64_t got, uint64_t want)
{
	char name[96];

	if (got == want)
		return 0;
	snprintf(name, sizeof(name), "task %u %s", id, field);
	return differ(what, name, got, want);
}

static int differ_real(const char *what, uint32_t id, const char *field, double got, double want)
{
	if (fabs(got - want) <= 1e-6 * (fabs(want) + 1))
		return 0;
	fprintf(stderr, "%s: task %u %s is %f, should be %f\n", what, id, field, got, want);
	return 1;
}

static uint64_t sum(const uint64_t *ns, uint32_t cnt)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < cnt; i++)
		total += ns[i];
	return total;
}

static uint64_t weighted(const uint64_t *ns, uint32_t cnt)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < cnt; i++)
		total += i * ns[i];
	return total;
}

static int check_ledger(const struct cpt_report *r, const char *what)
{
	uint64_t by_class[CPT_CLASS_CNT] = {0};
	int bad = 0;

	for (int i = 0; i < CPT_SPLIT_CNT; i++)
		by_class[split_class((enum cpt_split)i)] += r->split_ns[i];
	for (int i = 0; i < CPT_CLASS_CNT; i++)
		bad += differ(what, class_name((enum cpt_class)i), r->class_ns[i], by_class[i]);
	bad += differ(what, "sum of the ledger", sum(r->class_ns, CPT_CLASS_CNT), r->window_ns);
	bad += differ(what, "window", r->window_ns, r->window_end_ns - r->window_start_ns);
	bad += differ(what, "sum of k * profile", weighted(r->parallel_ns, r->parallel_cnt),
		      r->cpu_time_ns);
	bad += differ(what, "sum of profile[2..]",
		      r->parallel_cnt > 2 ? sum(r->parallel_ns + 2, r->parallel_cnt - 2) : 0,
		      r->class_ns[CPT_CLASS_PARALLEL]);
	bad += differ(what, "sum of the cores' profile", sum(r->cores_ns, r->parallel_cnt),
		      sum(r->parallel_ns, r->parallel_cnt));
	if (r->parallel_cnt > r->meta->cpu_cnt + 1)
		bad += differ(what, "more running than CPUs", r->parallel_cnt,
			      r->meta->cpu_cnt + 1);
	if (r->class_ns[CPT_CLASS_UNKNOWN])
		return bad;
	bad += differ(what, "sum of the profile", sum(r->parallel_ns, r->parallel_cnt),
		      r->window_ns);
	bad += differ(what, "sum of the concurrency profile",
		      sum(r->concurrent_ns, r->concurrent_cnt), r->window_ns);
	bad += differ(what, "concurrency.profile[0]", r->concurrent_ns[0],
		      r->class_ns[CPT_CLASS_IDLE]);
	bad += differ(what, "concurrency.profile[1]",
		      r->concurrent_cnt > 1 ? r->concurrent_ns[1] : 0,
		      r->class_ns[CPT_CLASS_SERIAL]);
	return bad;
}

static int check_threads(const struct cpt_report *r, const char *what)
{
	uint64_t running = 0, runnable = 0, reasons[CPT_REASON_CNT] = {0};
	int bad = 0;

	for (uint32_t i = 0; i < r->threads_cnt; i++) {
		const struct cpt_thread *t = &r->threads_tab[i];

		bad += differ_row(what, t->id, "states",
				  t->running_ns + t->runnable_ns + t->unknown_ns +
					  sum(t->reason_ns, CPT_REASON_CNT),
				  t->life_ns);
		bad += differ_row(what, t->id, "parallel + alone", t->parallel_ns + t->alone_ns,
				  t->running_ns);
		if (t->start_ns < r->window_start_ns || t->end_ns > r->window_end_ns ||
		    t->end_ns - t->start_ns < t->life_ns)
			bad += differ_row(what, t->id, "life in the window", 0, 1);
		running += t->running_ns;
		runnable += t->runnable_ns;
		for (int k = 0; k < CPT_REASON_CNT; k++)
			reasons[k] += t->reason_ns[k];
	}
	bad += differ(what, "sum of threads' running", running, r->cpu_time_ns);
	bad += differ(what, "sum of threads' runnable", runnable, r->runnable_ns);
	for (int k = 0; k < CPT_REASON_CNT; k++)
		bad += differ(what, reason_name((enum cpt_reason)k), r->reason_ns[k], reasons[k]);
	return bad;
}

static int check_bins(const struct cpt_report *r, const char *what)
{
	uint64_t span = 0, running = 0, classes[CPT_CLASS_CNT] = {0};
	int bad = 0;

	for (uint32_t i = 0; i < r->bins_cnt; i++) {
		span += r->bins[i].span_ns;
		running += r->bins[i].running;
		for (int c = 0; c < CPT_CLASS_CNT; c++)
			classes[c] += r->bins[i].class_ns[c];
	}
	bad += differ(what, "sum of the bins", span, r->window_ns);
	bad += differ(what, "running in the bins", running, r->cpu_time_ns);
	for (int c = 0; c < CPT_CLASS_CNT; c++)
		bad += differ(what, "class in the bins", classes[c], r->class_ns[c]);
	return bad;
}

static int check_seen(const struct cpt_report *r, const struct observed *seen, const char *what)
{
	int bad = differ(what, "intervals out of order", seen->disorder, 0);

	for (uint32_t i = 0; i < r->threads_cnt; i++) {
		const struct cpt_thread *t = &r->threads_tab[i];

		if (t->id > GEN_TASKS_MAX)
			continue;
		bad += differ_row(what, t->id, "running by intervals",
				  seen->state_ns[t->id][CPT_STATE_RUNNING], t->running_ns);
		bad += differ_row(what, t->id, "runnable by intervals",
				  seen->state_ns[t->id][CPT_STATE_RUNNABLE], t->runnable_ns);
		bad += differ_row(what, t->id, "unknown by intervals",
				  seen->state_ns[t->id][CPT_STATE_UNKNOWN], t->unknown_ns);
		for (int k = 0; k < CPT_REASON_CNT; k++)
			bad += differ_row(what, t->id, reason_name((enum cpt_reason)k),
					  seen->reason_ns[t->id][k], t->reason_ns[k]);
	}
	if (!seen->steps)
		return bad;
	for (int i = 0; i < CPT_SPLIT_CNT; i++)
		bad += differ(what, "split by steps", seen->step_split[i], r->split_ns[i]);
	bad += differ(what, "running by steps", seen->step_running, r->cpu_time_ns);
	bad += differ(what, "runnable by steps", seen->step_runnable, r->runnable_ns);
	return bad;
}

/* What holds for every path, whatever the run. */
static int check_path(const struct cpt_report *r, const char *what)
{
	const struct cpt_path *p = &r->path;
	/* CPU time of all CPUs does not wrap. */
	const bool small = r->window_ns < UINT64_MAX / (r->meta->cpu_cnt + 1);
	uint64_t reasons = 0, wakers = 0, threads = p->other.total_ns, names = 0, parts = 0;

	for (int i = 0; i < CPT_REASON_CNT; i++)
		reasons += p->reason_ns[i];
	for (int i = 0; i < CPT_WAKER_CNT; i++)
		wakers += p->by_waker_ns[i];
	for (uint32_t i = 0; i < p->threads_cnt; i++) {
		const struct cpt_path_part *t = &p->threads[i];

		threads += t->total_ns;
		parts += t->total_ns - t->serial_ns - t->parallel_ns - t->runnable_ns -
			 t->blocked_ns - t->unknown_ns;
	}
	for (uint32_t i = 0; i < p->names_cnt; i++)
		names += p->names[i].total_ns;
	return differ(what, "length", p->length_ns, r->window_ns) +
	       differ(what, "sum of the states",
		      p->serial_ns + p->parallel_ns + p->runnable_ns + p->unknown_ns +
			      p->absent_ns + reasons,
		      r->window_ns) +
	       differ(what, "sum by wakers", wakers, reasons) +
	       differ(what, "sum of the threads", threads + p->absent_ns, r->window_ns) +
	       differ(what, "sum of the names", names + p->absent_ns, r->window_ns) +
	       differ(what, "totals", parts, 0) +
	       differ(what, "waits a task ended", p->by_waker_ns[CPT_WAKER_TASK], 0) +
	       differ(what, "work", r->work_span.work_ns, r->cpu_time_ns) +
	       differ(what, "path: span over the window", r->work_span.span_ns > r->window_ns, 0) +
	       differ(what, "span over the work", small && r->work_span.span_ns > r->cpu_time_ns,
		      0) +
	       differ(what, "path over the span",
		      p->serial_ns + p->parallel_ns > r->work_span.span_ns, 0);
}

/* Both accounts sum exactly, to what is known otherwise. */
static int check_accounts(const struct cpt_report *r, const char *what)
{
	const struct cpt_budget *b = &r->budget;
	const struct cpt_demand *d = &r->demand;
	int bad = 0;

	bad += differ(what, "budget", b->total_ns, r->allowed_integral);
	bad += differ(what, "sum of the budget",
		      sum(b->item_ns, CPT_BUDGET_CNT) + sum(b->reason_ns, CPT_REASON_CNT),
		      b->total_ns);
	bad += differ(what, "used", b->item_ns[CPT_BUDGET_USED], r->cpu_time_ns);
	bad += differ(what, "demand", d->total_ns, r->runnable_ns);
	bad += differ(what, "sum of the demand", sum(d->item_ns, CPT_DEMAND_CNT), d->total_ns);
	return bad;
}

int check_identities(const struct cpt_report *r, const struct observed *seen, const char *what)
{
	return check_ledger(r, what) + check_accounts(r, what) + check_threads(r, what) +
	       check_bins(r, what) + check_path(r, what) + check_seen(r, seen, what);
}

/* ---- against the reference ------------------------------------------------------------------------ */

static int check_profile(const char *what, const char *name, const uint64_t *got, uint32_t got_cnt,
			 const uint64_t *want, uint32_t want_cnt)
{
	char field[64];
	int bad = 0;

	for (uint32_t i = 0; i < got_cnt || i < want_cnt; i++) {
		snprintf(field, sizeof(field), "%s[%u]", name, i);
		bad += differ(what, field, i < got_cnt ? got[i] : 0, i < want_cnt ? want[i] : 0);
	}
	return bad;
}

static int check_thread(const struct cpt_thread *t, const struct ref_thread *want, const char *what)
{
	int bad = 0;

	bad += differ_row(what, t->id, "life", t->life_ns, want->life);
	bad += differ_row(what, t->id, "running", t->running_ns, want->running);
	bad += differ_row(what, t->id, "runnable", t->runnable_ns, want->runnable);
	bad += differ_row(what, t->id, "unknown", t->unknown_ns, want->unknown);
	for (int k = 0; k < CPT_REASON_CNT; k++)
		bad += differ_row(what, t->id, reason_name((enum cpt_reason)k), t->reason_ns[k],
				  want->reason[k]);
	bad += differ_row(what, t->id, "parallel", t->parallel_ns, want->parallel);
	bad += differ_row(what, t->id, "alone", t->alone_ns, want->alone);
	bad += differ_real(what, t->id, "bottle height", t->bottle_height_ns, want->height);
	bad += differ_real(what, t->id, "cmetric", t->cmetric_ns, want->cmetric);
	if (want->running)
		bad += differ_real(what, t->id, "bottle width", t->bottle_width,
				   want->width / (double)want->running);
	return bad;
}

/* Rounding may move an item by one. What demand takes in proportion may be off by all of it. */
static int check_account_items(const struct cpt_report *r, const struct ref_result *ref,
			       const char *what)
{
	int bad = 0;

	/* Operations end without a switch: where a CPU's turns were summed up, what is in flight has its
	 * part of the time without work in proportion. */
	if (fabs((double)(r->budget.item_ns[CPT_BUDGET_IN_FLIGHT] +
			  r->budget.item_ns[CPT_BUDGET_NO_WORK]) -
		 ref->budget[CPT_BUDGET_IN_FLIGHT] - ref->budget[CPT_BUDGET_NO_WORK]) > 2.002)
		bad += differ(what, "in flight or no work",
			      r->budget.item_ns[CPT_BUDGET_IN_FLIGHT] +
				      r->budget.item_ns[CPT_BUDGET_NO_WORK],
			      (uint64_t)(ref->budget[CPT_BUDGET_IN_FLIGHT] +
					 ref->budget[CPT_BUDGET_NO_WORK]));
	for (int i = 0; i < CPT_BUDGET_CNT; i++)
		if ((!ref->in_flight || (i != CPT_BUDGET_IN_FLIGHT && i != CPT_BUDGET_NO_WORK)) &&
		    fabs((double)r->budget.item_ns[i] - ref->budget[i]) > 1.001)
			bad += differ(what, budget_name((enum cpt_budget_item)i),
				      r->budget.item_ns[i], (uint64_t)ref->budget[i]);
	for (int i = 0; i < CPT_REASON_CNT; i++)
		if (fabs((double)r->budget.reason_ns[i] - ref->budget_reason[i]) > 1.001)
			bad += differ(what, reason_name((enum cpt_reason)i), r->budget.reason_ns[i],
				      (uint64_t)ref->budget_reason[i]);
	for (int i = 0; i < CPT_DEMAND_CNT; i++)
		if (fabs((double)r->demand.item_ns[i] - (double)ref->demand[i]) >
		    (double)r->demand.shared_ns)
			bad += differ(what, demand_name((enum cpt_demand_item)i),
				      r->demand.item_ns[i], ref->demand[i]);
	return bad;
}

static int check_overlap(const struct cpt_report *r, const struct ref_result *ref, const char *what)
{
	uint64_t got[GEN_NAMES_CNT][GEN_NAMES_CNT] = {{0}};
	int bad = 0;

	for (uint32_t i = 0; i < r->overlap.cnt; i++) {
		for (uint32_t j = 0; j < r->overlap.cnt; j++) {
			int a = 0, b = 0;

			while (strcmp(gen_names[a], r->overlap.names[i]))
				a++;
			while (strcmp(gen_names[b], r->overlap.names[j]))
				b++;
			got[a][b] = r->overlap.ns[i * r->overlap.cnt + j];
		}
	}
	for (int a = 0; a < GEN_NAMES_CNT; a++)
		bad += check_profile(what, gen_names[a], got[a], GEN_NAMES_CNT, ref->overlap[a],
				     GEN_NAMES_CNT);
	return bad;
}

int check_against(const struct cpt_report *r, const struct ref_result *ref, const struct gen *g,
		  bool cut, const char *what)
{
	uint32_t lived = 0, found = 0;
	int bad = 0;

	bad += differ(what, "window", r->window_ns, ref->to - ref->from);
	for (int i = 0; i < CPT_SPLIT_CNT; i++)
		bad += differ(what, split_name((enum cpt_split)i), r->split_ns[i], ref->split[i]);
	bad += check_profile(what, "profile", r->parallel_ns, r->parallel_cnt, ref->profile,
			     GEN_CPUS_MAX + 1);
	bad += check_profile(what, "cores", r->cores_ns, r->parallel_cnt, ref->cores,
			     GEN_CPUS_MAX + 1);
	bad += check_profile(what, "concurrent", r->concurrent_ns, r->concurrent_cnt,
			     ref->concurrent, REF_C_MAX + 1);
	bad += differ(what, "allowed integral", r->allowed_integral,
		      weighted(ref->allowed, GEN_CPUS_MAX + 1));
	for (uint32_t k = 0; k <= GEN_CPUS_MAX; k++)
		if (ref->allowed[k] > ref->allowed[r->cpus_allowed])
			bad += differ(what, "allowed CPUs", r->cpus_allowed, k);
	bad += differ(what, "cpu time", r->cpu_time_ns, ref->cpu_time);
	bad += differ(what, "runnable", r->runnable_ns, ref->runnable);
	bad += differ(what, "in flight", r->in_flight_ns, ref->in_flight);
	if (r->window_ns)
		bad += differ_real(what, 0, "average concurrency", r->concurrent_average,
				   (double)ref->in_progress / (double)r->window_ns);
	bad += differ(what, "peak alive", r->peak_alive, ref->peak_alive);
	bad += differ(what, "peak asleep", r->peak_asleep, ref->peak_asleep);
	bad += check_overlap(r, ref, what);
	if (!cut)
		bad += check_account_items(r, ref, what);
	for (uint32_t id = 1; id <= g->task_cnt; id++)
		lived += ref->threads[id].life != 0;
	for (uint32_t i = 0; i < r->threads_cnt; i++) {
		const struct cpt_thread *t = &r->threads_tab[i];

		found += t->life_ns != 0;
		bad += check_thread(t, &ref->threads[t->id], what);
	}
	return bad + differ(what, "threads", found, lived);
}

int check_same(const struct cpt_report *a, const struct cpt_report *b, const char *what)
{
	int bad = 0;

	bad += differ(what, "window", a->window_ns, b->window_ns);
	bad += check_profile(what, "split", a->split_ns, CPT_SPLIT_CNT, b->split_ns, CPT_SPLIT_CNT);
	bad += check_profile(what, "profile", a->parallel_ns, a->parallel_cnt, b->parallel_ns,
			     b->parallel_cnt);
	bad += check_profile(what, "concurrent", a->concurrent_ns, a->concurrent_cnt,
			     b->concurrent_ns, b->concurrent_cnt);
	bad += check_profile(what, "reason", a->reason_ns, CPT_REASON_CNT, b->reason_ns,
			     CPT_REASON_CNT);
	bad += differ(what, "allowed integral", a->allowed_integral, b->allowed_integral);
	bad += differ(what, "threads", a->threads_cnt, b->threads_cnt);
	for (uint32_t i = 0; i < a->threads_cnt && i < b->threads_cnt; i++) {
		const struct cpt_thread *s = &a->threads_tab[i], *t = &b->threads_tab[i];

		bad += differ_row(what, s->id, "id", s->id, t->id);
		bad += differ_row(what, s->id, "life", s->life_ns, t->life_ns);
		bad += differ_row(what, s->id, "running", s->running_ns, t->running_ns);
		bad += differ_row(what, s->id, "parallel", s->parallel_ns, t->parallel_ns);
	}
	return bad;
}

/* ---- cases ---------------------------------------------------------------------------------------- */

uint32_t case_count(uint32_t standard)
{
	const char *cases = getenv("CPT_CASES"), *part = getenv("CPT_CASES_PART");
	uint32_t divisor = part ? (uint32_t)strtoul(part, NULL, 0) : 1;

	if (cases)
		return (uint32_t)strtoul(cases, NULL, 0);
	return divisor > 1 && standard >= divisor ? standard / divisor : standard;
}

uint64_t first_seed(const char *test)
{
	const char *env = getenv("CPT_SEED");
	uint64_t seed = env ? strtoull(env, NULL, 0) : 20261122;

	printf("%s: seeds from %" PRIu64 " on (CPT_SEED, CPT_CASES change that)\n", test, seed);
	return seed;
}

bool own_traces(void)
{
	const char *own = getenv("CPT_TRACES");

	return own && *own;
}

uint32_t each_trace(const char *standard,
		    void (*look)(const char *path, uint32_t rounds, struct rng *rng),
		    uint32_t rounds, struct rng *rng)
{
	char *list = strdup(own_traces() ? getenv("CPT_TRACES") : standard), *rest = list, *path;
	uint32_t cnt = 0;

	for (; (path = strsep(&rest, ":")); cnt++)
		look(path, rounds, rng);
	free(list);
	return cnt;
}
