// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bounds.c - see bounds.h.
 */
#include "bounds.h"
#include "timeline.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Marks of a bin: some wait in it may have been over, and by that C be one more; or have been for another
 * reason, and C one less. */
#define MARK_SPLIT 0x1
#define MARK_PLUS  0x2
#define MARK_MINUS 0x4

/* More than any number of things in progress: no limit is known. */
#define MANY UINT32_MAX

int bounds__init(struct bounds *b, uint32_t cpu_cnt)
{
	b->more_ns = calloc(cpu_cnt + 2, sizeof(*b->more_ns));
	b->up_ns = calloc(cpu_cnt + 2, sizeof(*b->up_ns));
	b->from_none_ns = calloc(cpu_cnt + 2, sizeof(*b->from_none_ns));
	b->marks = calloc(CPT_BINS_MAX, sizeof(*b->marks));
	return b->more_ns && b->up_ns && b->from_none_ns && b->marks ? 0 : -ENOMEM;
}

void bounds__fini(struct bounds *b)
{
	free(b->more_ns);
	free(b->up_ns);
	free(b->from_none_ns);
	free(b->marks);
	memset(b, 0, sizeof(*b));
}

/* ---- as time goes on ------------------------------------------------------------------------------ */

uint32_t bounds__runners(const struct timeline *tl)
{
	const uint32_t doubtful = tl->unknown + tl->dying + tl->unborn;
	/* Where CPUs are chosen, a task that was elsewhere may have come: who is in doubt is not known. */
	const uint32_t cnt = tl->opts->filter.cpus || doubtful > tl->blind ? tl->blind : doubtful;
	const uint32_t room = tl->cpu_cnt - tl->running;

	return cnt < room ? cnt : room;
}

static void account_classes(struct bounds *b, uint64_t span_ns, uint32_t least_r, uint32_t most_r,
			    uint32_t least_c, uint32_t most_c)
{
	if (most_r >= 2)
		b->could_ns[CPT_CLASS_PARALLEL] += span_ns;
	if (least_r >= 2)
		return;
	if (most_c >= 2)
		b->could_ns[CPT_CLASS_CONCURRENT] += span_ns;
	if (least_c <= 1 && most_c >= 1)
		b->could_ns[CPT_CLASS_SERIAL] += span_ns;
	if (least_c == 0)
		b->could_ns[CPT_CLASS_IDLE] += span_ns;
}

void bounds__account(struct timeline *tl, uint64_t span_ns, enum cpt_split split)
{
	struct bounds *b = &tl->bounds;
	const uint32_t running = tl->running, more = bounds__runners(tl);
	const uint32_t doubtful = tl->unknown + tl->dying + tl->unborn,
		       c = timeline__in_progress(tl);

	b->run_ns += span_ns * more;
	b->doubt_ns += span_ns * (tl->unknown + tl->dying);
	b->flight_ns += tl->flight_doubts ? span_ns : 0;
	b->blind_ns += tl->blind ? span_ns : 0;
	b->fade_ns += tl->fading ? span_ns : 0;
	b->fade_left_ns += tl->fading ? span_ns * (tl->allowed_cnt - running) : 0;
	b->dying_left_ns += tl->dying ? span_ns * (tl->cpu_cnt - running) : 0;
	b->flight_left_ns += tl->flight_doubts ? span_ns * (tl->cpu_cnt - running) : 0;
	if (more) {
		b->ready_ns += span_ns * tl->runnable;
		b->more_ns[running] += span_ns;
		b->up_ns[running] += span_ns;
		b->up_ns[running + more + 1] -= span_ns;
		if (!running)
			b->from_none_ns[more] += span_ns;
		if (!running && split != CPT_SPLIT_UNKNOWN)
			b->free_ns += span_ns;
	}
	if (split == CPT_SPLIT_UNKNOWN)
		account_classes(b, span_ns, running, running + more, c,
				tl->flight_doubts ? MANY : c + (more > doubtful ? more : doubtful));
	else if (split != CPT_SPLIT_PARALLEL_MULTI_CORE)
		b->other_ns[split] += span_ns;
}

/* A reason that a wait has however it ends, and that is in progress. */
static bool is_fixed(const struct task *t)
{
	return t->reason == CPT_REASON_LOCK || t->reason == CPT_REASON_KERNEL_LOCK ||
	       t->reason == CPT_REASON_DISK || t->reason == CPT_REASON_PAGE_FAULT;
}

static uint32_t bin_at(const struct timeline *tl, uint64_t at_ns)
{
	const uint64_t bin = (at_ns - tl->start_ns) / tl->bin_ns;

	return bin < CPT_BINS_MAX ? (uint32_t)bin : CPT_BINS_MAX - 1;
}

void bounds__retro(struct timeline *tl, const struct task *t, uint64_t until_ns)
{
	struct bounds *b = &tl->bounds;
	uint64_t since_ns = t->path.blocked_ns;
	uint8_t marks = MARK_SPLIT;

	if (!tl->opened || !t->member ||
	    (t->state != CPT_STATE_WAITING && t->state != CPT_STATE_PARKED))
		return;
	if (since_ns < tl->start_ns)
		since_ns = tl->start_ns;
	if (!tl->open && until_ns > tl->now_ns) /* the accounts ended before */
		until_ns = tl->now_ns;
	if (since_ns >= until_ns)
		return;
	b->woken_ns += until_ns - since_ns;
	if (t->flight || !(tl->adds[t->reason] & CPT_ADDS_IN_PROGRESS)) {
		marks |= MARK_PLUS;
		b->plus_ns += until_ns - since_ns;
	}
	if (t->flight || (tl->adds[t->reason] & CPT_ADDS_IN_PROGRESS && !is_fixed(t))) {
		marks |= MARK_MINUS;
		b->minus_ns += until_ns - since_ns;
	}
	for (uint32_t i = bin_at(tl, since_ns), last = bin_at(tl, until_ns); i <= last; i++)
		b->marks[i] |= marks;
}

void bounds__fold(struct bounds *b)
{
	for (uint32_t i = 0; i < CPT_BINS_MAX / 2; i++)
		b->marks[i] = b->marks[2 * i] | b->marks[2 * i + 1];
	memset(b->marks + CPT_BINS_MAX / 2, 0, CPT_BINS_MAX / 2);
}

/* ---- at the end ----------------------------------------------------------------------------------- */

/* What of the window is in doubt by its waits: of each class, that may be of another; of all that are marked,
 * that may have any split. */
struct retro {
	uint64_t class_ns[CPT_CLASS_CNT];
	uint64_t marked_ns[CPT_CLASS_CNT];
	uint64_t to_idle_ns; /* of class_ns, what may have been idle */
};

static void add_bin(struct retro *re, const uint64_t class_ns[CPT_CLASS_CNT], uint8_t marks)
{
	const bool plus = marks & MARK_PLUS, minus = marks & MARK_MINUS;

	if (!marks)
		return;
	for (int i = 0; i < CPT_CLASS_CNT; i++)
		re->marked_ns[i] += i == CPT_CLASS_PARALLEL ? 0 : class_ns[i];
	if (plus || minus)
		re->class_ns[CPT_CLASS_SERIAL] += class_ns[CPT_CLASS_SERIAL];
	if (plus)
		re->class_ns[CPT_CLASS_IDLE] += class_ns[CPT_CLASS_IDLE];
	if (minus) {
		re->class_ns[CPT_CLASS_CONCURRENT] += class_ns[CPT_CLASS_CONCURRENT];
		re->to_idle_ns += class_ns[CPT_CLASS_CONCURRENT] + class_ns[CPT_CLASS_SERIAL];
	}
	if (plus || minus)
		re->class_ns[CPT_CLASS_UNKNOWN] += class_ns[CPT_CLASS_UNKNOWN];
}

static struct retro sum_retro(const struct timeline *tl, const struct cpt_report *r, bool all)
{
	struct retro re = {0};

	if (all) {
		add_bin(&re, r->class_ns, MARK_SPLIT | MARK_PLUS | MARK_MINUS);
		return re;
	}
	for (uint32_t i = 0; i < r->bins_cnt; i++)
		add_bin(&re, r->bins[i].class_ns, tl->bounds.marks[i]);
	return re;
}

static void bound_classes(const struct bounds *b, const struct retro *re,
			  const struct bounds_lost *lost, struct cpt_report *r)
{
	const uint64_t *retro = re->class_ns;
	uint64_t high[CPT_CLASS_CNT], sure = 0;
	struct cpt_bounds *out = &r->bounds;

	high[CPT_CLASS_PARALLEL] = b->could_ns[CPT_CLASS_PARALLEL];
	high[CPT_CLASS_CONCURRENT] = retro[CPT_CLASS_SERIAL] + retro[CPT_CLASS_IDLE];
	high[CPT_CLASS_SERIAL] = retro[CPT_CLASS_CONCURRENT] + retro[CPT_CLASS_IDLE];
	high[CPT_CLASS_IDLE] = re->to_idle_ns;
	for (int i = 0; i < CPT_CLASS_UNKNOWN; i++) {
		const uint64_t all = r->class_ns[i] + lost->more_ns, most = out->window_ns.high;

		if (i != CPT_CLASS_PARALLEL)
			high[i] += bounds_least(r->class_ns[CPT_CLASS_UNKNOWN],
						b->could_ns[i] + retro[CPT_CLASS_UNKNOWN]);
		out->class_ns[i].low =
			bounds_less(r->class_ns[i], lost->less_ns + (i ? retro[i] : 0));
		out->class_ns[i].high = bounds_least(most, all + high[i]);
		if (lost->trees) {
			out->class_ns[i].high = most;
			if (i != CPT_CLASS_PARALLEL)
				out->class_ns[i].low = 0;
		}
		if (lost->all)
			out->class_ns[i] = (struct cpt_ns_bounds){0, most};
	}
	/* What one class has for sure no other can have. */
	for (int i = 0; i < CPT_CLASS_UNKNOWN; i++)
		sure += out->class_ns[i].low;
	for (int i = 0; i < CPT_CLASS_UNKNOWN; i++)
		out->class_ns[i].high = bounds_least(
			out->class_ns[i].high, out->window_ns.high - (sure - out->class_ns[i].low));
}

/* Splits of a class differ by what the class's own bounds leave open, and by what may be another split of it. */
static void bound_splits(const struct bounds *b, const struct retro *re, struct cpt_report *r,
			 const struct bounds_lost *lost)
{
	uint64_t other[CPT_CLASS_CNT] = {0};
	const bool trees = lost->trees || lost->all;

	for (int i = 0; i < CPT_SPLIT_UNKNOWN; i++)
		other[split_class((enum cpt_split)i)] += b->other_ns[i];
	for (int i = 0; i < CPT_SPLIT_UNKNOWN; i++) {
		const enum cpt_class cls = split_class((enum cpt_split)i);
		const struct cpt_ns_bounds *all = &r->bounds.class_ns[cls];
		const uint64_t ns = r->split_ns[i],
			       extra = bounds_less(all->high, r->class_ns[cls]);
		const uint64_t waits = cls == CPT_CLASS_PARALLEL ? 0 : re->marked_ns[cls];

		r->bounds.split_ns[i].low = bounds_less(ns, b->other_ns[i] + waits + lost->less_ns);
		r->bounds.split_ns[i].high =
			bounds_least(all->high, ns + extra + other[cls] - b->other_ns[i] + waits);
		/* What ran unseen makes of siblings that ran alone two cores, and of one that ran two. */
		if (trees)
			r->bounds.split_ns[i] = (struct cpt_ns_bounds){
				i == CPT_SPLIT_PARALLEL_MULTI_CORE && !lost->all
					? r->bounds.split_ns[i].low
					: 0,
				all->high};
	}
}

static int bound_profile(const struct timeline *tl, const struct bounds_lost *lost,
			 struct cpt_report *r)
{
	const struct bounds *b = &tl->bounds;
	const uint64_t most = r->bounds.window_ns.high;
	uint64_t up = 0;

	r->bounds.profile_cnt = tl->cpu_cnt + 1;
	r->bounds.profile_ns = calloc(r->bounds.profile_cnt, sizeof(*r->bounds.profile_ns));
	if (!r->bounds.profile_ns)
		return -ENOMEM;
	for (uint32_t k = 0; k <= tl->cpu_cnt; k++) {
		struct cpt_ns_bounds *p = &r->bounds.profile_ns[k];
		const uint64_t sure =
			k ? tl->parallel_ns[k] - b->more_ns[k] : tl->parallel_ns[0] - b->free_ns;

		up += b->up_ns[k];
		p->low = lost->trees || lost->all ? 0 : bounds_less(sure, lost->less_ns);
		p->high = lost->trees || lost->all ? most
						   : bounds_least(most, sure + up + lost->more_ns);
	}
	return 0;
}

/* TLP is the CPU time by the time in which something ran. That is least where, of the time in which nothing
 * certainly ran, in all of it one did; and most where only those stretches are taken in which so many may
 * have that they raise it. */
static void bound_tlp(const struct timeline *tl, const struct bounds_lost *lost,
		      struct cpt_report *r)
{
	const struct bounds *b = &tl->bounds;
	const double n = lost->cpu_cnt, less_ns = (double)lost->less_ns;
	double busy = 0, none = (double)lost->more_ns, low, high, from_none = 0;

	for (uint32_t k = 1; k <= tl->cpu_cnt; k++) {
		busy += (double)tl->parallel_ns[k];
		none += (double)b->from_none_ns[k];
		from_none += (double)b->from_none_ns[k] * k;
	}
	low = busy > less_ns ? fmax((double)r->cpu_time_ns - n * less_ns, busy - less_ns) : 0;
	low = busy > less_ns ? (low + none) / (busy - less_ns + none) : 0;
	high = (double)r->cpu_time_ns + (double)b->run_ns - from_none;
	/* Time taken away with one that ran raises it. */
	high = busy > less_ns ? (high - less_ns) / (busy - less_ns) : n;
	for (uint32_t k = tl->cpu_cnt; k && busy > less_ns; k--) {
		const double ns =
			(double)b->from_none_ns[k] + (k == tl->cpu_cnt ? (double)lost->more_ns : 0);

		if (high >= k)
			continue;
		high = (high * (busy - less_ns) + k * ns) / (busy - less_ns + ns);
		busy += ns;
	}
	r->bounds.tlp = (struct cpt_real_bounds){low, fmin(high, n)};
	if (!busy && !none && !lost->less_ns)
		r->bounds.tlp.high = 0;
	if (lost->trees || lost->all)
		r->bounds.tlp = (struct cpt_real_bounds){lost->all ? 0 : fmin(1, low), n};
}

static void bound_running(const struct timeline *tl, const struct bounds_lost *lost,
			  struct cpt_report *r)
{
	const struct bounds *b = &tl->bounds;
	const uint64_t n = lost->cpu_cnt;
	struct cpt_bounds *out = &r->bounds;
	const double shortest = (double)out->window_ns.low, longest = (double)out->window_ns.high;
	double allowed_low, allowed_high;

	out->cpu_time_ns.low = lost->all ? 0 : bounds_less(r->cpu_time_ns, n * lost->less_ns);
	out->cpu_time_ns.high = r->cpu_time_ns + b->run_ns + n * lost->more_ns;
	if (lost->trees || lost->all)
		out->cpu_time_ns.high = n * out->window_ns.high;
	out->parallel_average.low = longest > 0 ? (double)out->cpu_time_ns.low / longest : 0;
	out->parallel_average.high =
		shortest > 0  ? fmin((double)n, (double)out->cpu_time_ns.high / shortest)
		: longest > 0 ? (double)n
			      : 0;
	/* A CPU that runs ours is one that was allowed. */
	allowed_high = (double)r->allowed_integral + (double)(n * (b->blind_ns + lost->more_ns));
	allowed_low = (double)r->allowed_integral -
		      (double)(n * (b->blind_ns + b->fade_ns + lost->less_ns));
	if (lost->unseen) {
		allowed_high = (double)n * longest;
		allowed_low = 0;
	}
	out->efficiency.low = allowed_high > 0 ? (double)out->cpu_time_ns.low / allowed_high : 0;
	out->efficiency.high = allowed_low > 0
				       ? fmin(1, (double)out->cpu_time_ns.high / allowed_low)
				       : (allowed_high > 0 ? 1 : 0);
}

static void bound_concurrent(const struct timeline *tl, const struct bounds_lost *lost,
			     struct cpt_report *r)
{
	const struct bounds *b = &tl->bounds;
	const double shortest = (double)r->bounds.window_ns.low;
	const double longest = (double)r->bounds.window_ns.high;
	double low = (double)tl->sums.in_progress - (double)b->minus_ns;
	double high = (double)tl->sums.in_progress + (double)b->doubt_ns + (double)b->plus_ns +
		      (double)lost->births * longest;

	if (b->flight_ns)
		low -= (double)tl->sums.in_flight;
	/* What waits are follows from who is there: a thread's end is waited for where the thread is known. Its use of
	 * CPUs, disks and of locks in the kernel does not. */
	if (lost->births) {
		low = (double)r->cpu_time_ns + (double)r->runnable_ns +
		      (double)r->reason_ns[CPT_REASON_KERNEL_LOCK] +
		      (double)r->reason_ns[CPT_REASON_DISK] +
		      (double)r->reason_ns[CPT_REASON_PAGE_FAULT];
		for (int i = 0; i < CPT_REASON_CNT; i++)
			high += (double)r->reason_ns[i];
	}
	/* A whole tree of tasks, or any number in what was not looked at. */
	if (b->flight_ns || lost->trees || lost->waits || lost->more_ns || lost->less_ns) {
		low = lost->less_ns || lost->waits ? 0 : low;
		high = INFINITY;
	}
	if (lost->all || low < 0)
		low = 0;
	r->bounds.concurrent_average =
		(struct cpt_real_bounds){longest > 0 ? low / longest : 0,
					 shortest > 0  ? (lost->all ? INFINITY : high / shortest)
					 : longest > 0 ? INFINITY
						       : 0};
}

static struct bounds_lost what_was_lost(const struct timeline *tl,
					const struct cpt_trace_close *closed,
					const struct cpt_report *r)
{
	const struct cpt_filter *f = &tl->opts->filter;
	const struct bounds *b = &tl->bounds;
	struct bounds_lost lost = {.cpu_cnt = tl->cpu_cnt,
				   .more_ns = b->earlier_ns + b->longer_ns,
				   .less_ns = b->shorter_ns,
				   .births = tl->opts->births_lost};

	if (closed) {
		lost.trees = closed->lost[CPT_LOSS_TASK_STORAGE];
		lost.all = closed->lost_recursion;
	}
	lost.tracer_ns = closed ? closed->tracer_cpu_ns : b->cut ? UINT64_MAX : 0;
	lost.waits = f->cpus && (r->quality.lost_located || lost.births);
	if (lost.births && (f->pid_cnt || f->tid_cnt || f->comm_cnt))
		lost.all = true;
	lost.unseen = lost.births || lost.trees || lost.all || lost.waits;
	return lost;
}

static bool is_open(const struct cpt_report *r)
{
	const struct cpt_bounds *b = &r->bounds;
	bool open = b->window_ns.low != b->window_ns.high ||
		    b->cpu_time_ns.low != b->cpu_time_ns.high ||
		    b->tlp.high > b->tlp.low * (1 + 1e-9) ||
		    b->efficiency.high > b->efficiency.low * (1 + 1e-9) ||
		    b->concurrent_average.high > b->concurrent_average.low * (1 + 1e-9);

	for (int i = 0; i < CPT_CLASS_UNKNOWN; i++)
		open |= b->class_ns[i].low != b->class_ns[i].high;
	for (int i = 0; i < CPT_SPLIT_UNKNOWN; i++)
		open |= b->split_ns[i].low != b->split_ns[i].high;
	return open;
}

int bounds__finish(const struct timeline *tl, const struct cpt_trace_close *close_facts,
		   struct cpt_report *r)
{
	const struct bounds *b = &tl->bounds;
	const struct bounds_lost lost = what_was_lost(tl, close_facts, r);
	const struct retro re = sum_retro(tl, r, lost.unseen);

	r->bounds.window_ns = (struct cpt_ns_bounds){bounds_less(r->window_ns, lost.less_ns),
						     r->window_ns + lost.more_ns};
	bound_classes(b, &re, &lost, r);
	bound_splits(b, &re, r, &lost);
	if (bound_profile(tl, &lost, r))
		return -ENOMEM;
	bound_running(tl, &lost, r);
	bound_tlp(tl, &lost, r);
	bound_concurrent(tl, &lost, r);
	r->bounds.open = is_open(r);
	r->bounds.by_bins =
		!lost.trees && !lost.all && r->bounds.window_ns.low == r->bounds.window_ns.high;
	bounds__accounts(tl, &lost, r);
	return 0;
}
