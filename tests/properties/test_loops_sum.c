// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_loops_sum.c - random runs with event loops: their accounts against the definitions, and sums that
 * hold whatever the trace.
 *
 * The reference walks each task's true segments: what lies between two waits of one program is a loop's,
 * what comes behind the last one is not. How many ran at once it finds by looking at each ns where
 * something changes.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/random_trace.h"
#include "check.h"

#define EPOLL_WAIT 232 /* as timeline_gen.c has it */
#define PARTS_MAX  GEN_SEGS_MAX
#define EVENTS_MAX 20000

enum part_kind { PART_WAITING, PART_WOKEN, PART_ON_CPU, PART_READY, PART_STALLED, PART_UNKNOWN };

/* A stretch of a task that is a loop's. */
struct part {
	uint32_t task;
	uint64_t from, to;
	enum part_kind kind;
};

static struct gen gen;
static struct cpt_event drawn[EVENTS_MAX];
static struct cpt_wait waits[EVENTS_MAX];
static struct part parts[PARTS_MAX];
static uint32_t parts_cnt;

/* ---- the reference ---------------------------------------------------------------------------------- */

static bool is_epoll_block(const struct cpt_event *ev, uint32_t task)
{
	return ev->type == CPT_EV_SWITCH && ev->task == task && ev->flags & CPT_SW_PREV_BLOCKED &&
	       ev->wait && ev->wait->sysno == EPOLL_WAIT;
}

/* Where a task is in its way from wait to wait. */
struct walk {
	uint32_t task, ev;  /* events before that one are done */
	bool loop, in_wait; /* it has waited; it does now */
	uint32_t pending;   /* parts from here on are not confirmed */
};

/* What happened to the task up to ts: it began to wait, or another program. */
static void walk_events(struct walk *w, uint64_t ts)
{
	for (; w->ev < gen.ev_cnt && gen.ev[w->ev].ts_ns <= ts; w->ev++) {
		const struct cpt_event *ev = &gen.ev[w->ev];

		if (is_epoll_block(ev, w->task)) {
			w->loop = w->in_wait = true;
			w->pending = parts_cnt;
		} else if (ev->type == CPT_EV_EXEC && ev->task == w->task) {
			w->loop = w->in_wait = false;
			parts_cnt = w->pending;
		}
	}
}

static enum part_kind part_kind(struct walk *w, const struct gen_seg *seg)
{
	switch (seg->state) {
	case CPT_STATE_RUNNING:
		w->in_wait = false;
		return PART_ON_CPU;
	case CPT_STATE_RUNNABLE:
		return w->in_wait ? PART_WOKEN : PART_READY;
	case CPT_STATE_WAITING:
	case CPT_STATE_PARKED:
		return w->in_wait ? PART_WAITING : PART_STALLED;
	case CPT_STATE_UNKNOWN:
	case CPT_STATE_CNT:
		break;
	}
	w->in_wait = false;
	return PART_UNKNOWN;
}

/* Does it begin to wait, or another program, at this very time? */
static bool has_event(struct walk *w, uint64_t ts)
{
	walk_events(w, ts - 1);
	for (uint32_t i = w->ev; i < gen.ev_cnt && gen.ev[i].ts_ns == ts; i++)
		if (is_epoll_block(&gen.ev[i], w->task) ||
		    (gen.ev[i].type == CPT_EV_EXEC && gen.ev[i].task == w->task))
			return true;
	return false;
}

/* Segments of no length are no moments, but a task that came to its CPU has left its wait. False: there is
 * one where the order at one instant would have to be known. */
static bool walk_task(uint32_t task)
{
	struct walk w = {.task = task, .pending = parts_cnt};

	for (uint32_t i = 0; i < gen.seg_cnt; i++) {
		const struct gen_seg *seg = &gen.segs[i];
		struct part part = {.task = task, .from = seg->from, .to = seg->to};

		if (seg->task != task || seg->from >= gen.window_end)
			continue;
		if (seg->from == seg->to) {
			if (has_event(&w, seg->from))
				return false;
			if (seg->state == CPT_STATE_RUNNING || seg->state == CPT_STATE_UNKNOWN)
				w.in_wait = false;
			continue;
		}
		walk_events(&w, seg->from);
		if (!w.loop)
			continue;
		part.kind = part_kind(&w, seg);
		assert_true(parts_cnt < PARTS_MAX);
		parts[parts_cnt++] = part;
		if (part.kind == PART_WAITING || part.kind == PART_WOKEN)
			w.pending = parts_cnt;
	}
	/* What comes behind the window's end nobody sees. */
	if (has_event(&w, gen.window_end))
		return false;
	parts_cnt = w.pending;
	return true;
}

static void cut_parts(uint64_t from, uint64_t to)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < parts_cnt; i++) {
		struct part *p = &parts[i];

		p->from = p->from < from ? from : p->from;
		p->to = p->to > to ? to : p->to;
		if (p->from < p->to)
			parts[kept++] = *p;
	}
	parts_cnt = kept;
}

static int cmp_u64(const void *pa, const void *pb)
{
	const uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

	return a < b ? -1 : a > b;
}

struct levels {
	uint64_t ns[GEN_CPUS_MAX + 1], unknown_ns, with_loops_ns;
};

static void find_levels(struct levels *out)
{
	static uint64_t at[2 * PARTS_MAX];
	uint32_t cnt = 0;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < parts_cnt; i++) {
		at[cnt++] = parts[i].from;
		at[cnt++] = parts[i].to;
	}
	qsort(at, cnt, sizeof(*at), cmp_u64);
	for (uint32_t i = 0; i + 1 < cnt; i++) {
		uint32_t alive = 0, busy = 0, unknown = 0;

		if (at[i] == at[i + 1])
			continue;
		for (uint32_t k = 0; k < parts_cnt; k++) {
			if (parts[k].from > at[i] || parts[k].to <= at[i])
				continue;
			alive++;
			busy += parts[k].kind == PART_ON_CPU;
			unknown += parts[k].kind == PART_UNKNOWN;
		}
		if (!alive)
			continue;
		out->with_loops_ns += at[i + 1] - at[i];
		if (unknown)
			out->unknown_ns += at[i + 1] - at[i];
		else
			out->ns[busy] += at[i + 1] - at[i];
	}
}

/* ---- comparing -------------------------------------------------------------------------------------- */

static void expect_sums(const struct cpt_report *r, uint64_t seed)
{
	uint64_t levels = r->loops.level_unknown_ns, lives = 0, ran = 0, at_once = 0;
	bool known = !levels;

	for (uint32_t i = 0; i < r->loops.cnt; i++) {
		const struct cpt_loop *l = &r->loops.tab[i];
		uint64_t blocked = 0;

		for (uint32_t k = 0; k < l->stalls_cnt; k++) {
			blocked += l->stalls[k].total_ns;
			assert_true(l->stalls[k].longest_ns <= l->stalls[k].total_ns);
		}
		if (blocked != l->blocked_ns || l->life_ns != l->waiting_ns + l->on_cpu_ns +
								      l->runnable_ns +
								      l->blocked_ns + l->unknown_ns)
			fail_msg("seed %" PRIu64 ": loop of %u: life %" PRIu64 ", stalls %" PRIu64
				 " of %" PRIu64,
				 seed, l->id, l->life_ns, blocked, l->blocked_ns);
		assert_true(l->woken_ns <= l->runnable_ns);
		assert_true(l->life_ns <= r->loops.with_loops_ns);
		known &= !l->unknown_ns;
		lives += l->life_ns;
		ran += l->on_cpu_ns;
	}
	for (uint32_t k = 0; k < r->loops.level_cnt; k++) {
		levels += r->loops.level_ns[k];
		at_once += k * r->loops.level_ns[k];
	}
	if (known && at_once != ran)
		fail_msg("seed %" PRIu64 ": loops ran %" PRIu64 " ns, by level %" PRIu64, seed, ran,
			 at_once);
	assert_true(r->loops.with_loops_ns <= lives);
	assert_int_equal(levels, r->loops.with_loops_ns);
	assert_true(r->loops.with_loops_ns <= r->window_ns);
}

static uint64_t sum_of(uint32_t task, enum part_kind kind)
{
	uint64_t ns = 0;

	for (uint32_t i = 0; i < parts_cnt; i++)
		if (parts[i].task == task && parts[i].kind == kind)
			ns += parts[i].to - parts[i].from;
	return ns;
}

/* Of all loops a task has been (an exec makes another one). */
static uint64_t found(const struct cpt_report *r, uint32_t task, size_t off)
{
	uint64_t ns = 0;

	for (uint32_t i = 0; i < r->loops.cnt; i++)
		if (r->loops.tab[i].id == task)
			ns += *(const uint64_t *)((const char *)&r->loops.tab[i] + off);
	return ns;
}

static void expect_ns(uint64_t seed, uint32_t task, const char *what, uint64_t is, uint64_t should)
{
	if (is != should)
		fail_msg("seed %" PRIu64 ": task %u: %s is %" PRIu64 ", should be %" PRIu64, seed,
			 task, what, is, should);
}

#define FOUND(member) found(r, task, offsetof(struct cpt_loop, member))

static void compare(const struct cpt_report *r, uint64_t seed)
{
	struct levels levels;

	for (uint32_t task = 1; task <= gen.task_cnt; task++) {
		const uint64_t woken = sum_of(task, PART_WOKEN);

		expect_ns(seed, task, "waiting", FOUND(waiting_ns), sum_of(task, PART_WAITING));
		expect_ns(seed, task, "woken", FOUND(woken_ns), woken);
		expect_ns(seed, task, "on a CPU", FOUND(on_cpu_ns), sum_of(task, PART_ON_CPU));
		expect_ns(seed, task, "runnable", FOUND(runnable_ns),
			  sum_of(task, PART_READY) + woken);
		expect_ns(seed, task, "blocked", FOUND(blocked_ns), sum_of(task, PART_STALLED));
		expect_ns(seed, task, "unknown", FOUND(unknown_ns), sum_of(task, PART_UNKNOWN));
	}
	find_levels(&levels);
	expect_ns(seed, 0, "time with loops", r->loops.with_loops_ns, levels.with_loops_ns);
	expect_ns(seed, 0, "unknown level", r->loops.level_unknown_ns, levels.unknown_ns);
	for (uint32_t k = 0; k <= GEN_CPUS_MAX; k++)
		expect_ns(seed, k, "level", r->loops.level_ns[k], levels.ns[k]);
}

static void loops_are_what_the_definitions_say(void **state)
{
	uint64_t seed = first_seed(__func__), life = 0, dropped = 0, at_once = 0;
	uint32_t cases = case_count(4000), judged = 0;

	for (uint32_t i = 0; i < cases; i++, seed++) {
		static struct observed seen;
		struct rng rng = {.state = seed * 17};
		struct gen_opts how = {.steps = 50 + rng_below(&rng, 500),
				       .unknown = rng_percent(&rng, 20),
				       .early_wakes = rng_percent(&rng, 50)};
		struct cpt_analysis_opts opts = {0};
		uint64_t from, to;
		struct cpt_report *r;
		bool whole = true;

		gen_run(&gen, seed, &how);
		from = gen.window_start;
		to = gen.window_end;
		if (rng_percent(&rng, 40)) {
			opts.filter.have_time = true;
			opts.filter.time_from_ns = rng_below(&rng, (uint32_t)(to - from) + 1);
			opts.filter.time_to_ns = opts.filter.time_from_ns +
						 rng_below(&rng, (uint32_t)(to - from) + 1);
			to = from + opts.filter.time_to_ns < to ? from + opts.filter.time_to_ns
								: to;
			from += opts.filter.time_from_ns;
		}
		r = analyse(&gen.meta, gen.ev, gen.ev_cnt, gen.window_end, &opts, &seen, &rng);
		assert_non_null(r);
		expect_sums(r, seed);
		parts_cnt = 0;
		for (uint32_t task = 1; task <= gen.task_cnt && whole; task++)
			whole = walk_task(task);
		if (whole) {
			judged++;
			cut_parts(from, to);
			compare(r, seed);
		}
		for (uint32_t k = 0; k < r->loops.cnt; k++) {
			life += r->loops.tab[k].life_ns;
			dropped += r->loops.tab[k].not_back_ns;
		}
		for (uint32_t k = 2; k < r->loops.level_cnt; k++)
			at_once += r->loops.level_ns[k];
		report__free(r);
	}
	printf("%u of %u runs judged: loops for %" PRIu64 " ns, %" PRIu64 " dropped, %" PRIu64
	       " with two on a CPU\n",
	       judged, cases, life, dropped, at_once);
	/* The runs are worth it. */
	assert_true(judged > cases / 4 && dropped > life / 100 && at_once > life / 1000);
}

/* What a record of an event loop may say, of instances and tasks that are there or not. */
static struct cpt_event random_record(struct rng *rng, uint64_t ts_ns)
{
	struct cpt_event ev = {.ts_ns = ts_ns, .task = rng_below(rng, 30)};

	if (rng_percent(rng, 3)) {
		ev.type = CPT_EV_LOOP_LOST;
		return ev;
	}
	ev.other = rng_below(rng, 12);
	if (rng_percent(rng, 25)) {
		ev.type = CPT_EV_LOOP_NEW;
		ev.loop_fd = 5 + rng_below(rng, 3);
		ev.flags = (uint16_t)(rng_percent(rng, 40) ? rng_below(rng, 8) : 0);
		return ev;
	}
	ev.type = CPT_EV_LOOP;
	ev.flags = (uint16_t)rng_below(rng, 16);
	ev.iterations = rng_percent(rng, 70) ? rng_below(rng, 4) : rng_below(rng, 1u << 24);
	ev.batch = rng_below(rng, 100);
	ev.level = rng_below(rng, 10);
	ev.peak = ev.level + rng_below(rng, 5);
	ev.opened = rng_below(rng, 5);
	ev.completed = rng_below(rng, 5);
	return ev;
}

/* The drawn events, in which many waits are for events on one of a few instances; records of loops among
 * them. */
static size_t add_loops(struct trace_builder *tb, struct rng *rng, bool records)
{
	size_t from_cnt, cnt = 0;
	const struct cpt_event *from = tb__events(tb, &from_cnt);

	for (size_t i = 0; i < from_cnt; i++) {
		struct cpt_event *ev;

		assert_true(cnt + 1 < EVENTS_MAX);
		if (records && rng_percent(rng, 40))
			drawn[cnt++] = random_record(rng, from[i].ts_ns);
		ev = &drawn[cnt++];
		*ev = from[i];
		if (ev->type != CPT_EV_SWITCH || !ev->wait || rng_percent(rng, 40))
			continue;
		waits[i] = (struct cpt_wait){
			.sysno = EPOLL_WAIT, .prev_state = 1, .arg0 = 5 + rng_below(rng, 3)};
		ev->wait = &waits[i];
	}
	return cnt;
}

/* Lost events, filters, ties, tasks that come from nowhere: no order, but the sums hold. */
static void sums_hold_whatever_the_trace(void **state)
{
	uint64_t seed = first_seed(__func__), unknown = 0, returns = 0, delay = 0;
	uint32_t cases = case_count(2000);

	for (uint32_t i = 0; i < cases; i++, seed++) {
		static struct observed seen;
		struct rng rng = {.state = seed * 19};
		struct trace_builder *tb = tb__new(4);
		uint64_t cpus[CPT_MASK_WORDS] = {rng_u64(&rng) & 0xf};
		uint32_t tids[8], tid_cnt = 1 + rng_below(&rng, 8);
		struct cpt_analysis_opts opts = {0};
		struct cpt_report *r;
		size_t cnt;

		random_trace(tb, &rng, 4, 50 + rng_below(&rng, 1500),
			     RANDOM_TIES | (rng_percent(&rng, 40) ? RANDOM_LOSS : 0));
		cnt = add_loops(tb, &rng, rng_percent(&rng, 70));
		for (uint32_t k = 0; k < tid_cnt; k++)
			tids[k] = tb_tid(1 + rng_below(&rng, 30));
		if (rng_percent(&rng, 30)) {
			opts.filter.tids = tids;
			opts.filter.tid_cnt = tid_cnt;
		}
		if (rng_percent(&rng, 30))
			opts.filter.cpus = cpus;
		if (rng_percent(&rng, 30)) {
			opts.filter.have_time = true;
			opts.filter.time_from_ns = rng_below(&rng, 500000);
			opts.filter.time_to_ns = rng_below(&rng, 50000000);
		}
		r = analyse(tb__meta(tb), drawn, (uint32_t)cnt, drawn[cnt - 1].ts_ns, &opts, &seen,
			    &rng);
		assert_non_null(r);
		expect_sums(r, seed);
		unknown += r->loops.level_unknown_ns;
		for (uint32_t k = 0; k < r->loops.cnt; k++) {
			returns += r->loops.tab[k].iterations;
			if (r->loops.tab[k].stalls_cnt)
				delay += r->loops.tab[k].stalls[0].delay_ns;
		}
		report__free(r);
		tb__free(tb);
	}
	assert_true(unknown > 0 && returns > 0 && delay > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loops_are_what_the_definitions_say),
		cmocka_unit_test(sums_hold_whatever_the_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
