// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_locks_sum.c - random timelines with locks: whatever is seen of a holder, the account is whole.
 *
 * What each lock's holders did sums exactly to what was waited for it, and the locks of a reason to the
 * time the tasks spent blocked for it; with filters, cuts in time and lost events. Cut in two, the
 * halves make the whole.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analysis/words.h"
#include "../support/random_trace.h"
#include "check.h"

#define EVENTS_MAX 20000

static struct cpt_event ev[EVENTS_MAX];
static struct cpt_wait waits[EVENTS_MAX];

/* Some of the addresses that random_trace() makes waits for, of several processes. */
static struct cpt_words *random_words(struct rng *rng)
{
	struct cpt_words *ws = words__new("x86_64");

	assert_non_null(ws);
	for (uint32_t proc = 1; proc <= 12; proc++) {
		for (uint32_t i = 0; i < 5; i++) {
			struct cpt_word w = {.proc = proc,
					     .space = rng_percent(rng, 20) ? 2 : proc == 1,
					     .addr = 0x7f0000001000 + 64 * (uint64_t)i,
					     .kind = CPT_WORD_MUTEX,
					     .reason = CPT_REASON_LOCK,
					     .both = 2};

			if (rng_percent(rng, 25) && words__cnt(ws)) {
				w.same = 1 + rng_below(rng, words__cnt(ws));
				w.flags = CPT_WORD_SHARED;
			}
			if (rng_percent(rng, 10)) /* contradicts what its waits say */
				w.reason = CPT_REASON_HANDOFF;
			if (rng_percent(rng, 80) && words__add(ws, &w))
				words__set_same(ws, words__cnt(ws) - 1, 0);
		}
	}
	return ws;
}

/* The drawn events with holders in the mutexes' words and wakes on them. */
static size_t add_holders(struct trace_builder *tb, struct rng *rng)
{
	size_t cnt;
	const struct cpt_event *drawn = tb__events(tb, &cnt);
	uint32_t recent[4] = {1, 1, 1, 1}, next = 0; /* came to a CPU: alive, and doing something */

	assert_true(cnt <= EVENTS_MAX);
	memcpy(ev, drawn, cnt * sizeof(*ev));
	for (size_t i = 0; i < cnt; i++) {
		if (ev[i].type == CPT_EV_WAKE && rng_percent(rng, 60))
			ev[i].flags |= CPT_SW_WAKE_ON_WORD;
		if (ev[i].type != CPT_EV_SWITCH)
			continue;
		if (ev[i].other)
			recent[next++ % 4] = ev[i].other;
		if (!ev[i].wait)
			continue;
		waits[i] = *ev[i].wait;
		ev[i].wait = &waits[i];
		if (waits[i].object == CPT_FUTEX_MUTEX)
			waits[i].arg2 = tb_tid(recent[rng_below(rng, 4)]);
	}
	return cnt;
}

static void expect_whole(const struct cpt_report *r, uint64_t seed)
{
	uint64_t by_reason[CPT_REASON_CNT] = {0};

	for (uint32_t i = 0; i < r->locks_cnt; i++) {
		const struct cpt_lock *l = &r->locks[i];
		uint64_t sum = l->holder_running_ns + l->holder_runnable_ns + l->holder_unknown_ns;

		for (int k = 0; k < CPT_REASON_CNT; k++)
			sum += l->holder_blocked_ns[k];
		if (sum != l->blocked_ns)
			fail_msg("seed %" PRIu64 ": holders %" PRIu64 ", waiters %" PRIu64, seed,
				 sum, l->blocked_ns);
		assert_true(l->longest_ns <= l->blocked_ns);
		assert_true(l->waited_ns <= l->blocked_ns && l->waited_ns <= r->window_ns);
		assert_true(l->wake_delay_ns <= r->runnable_ns);
		by_reason[l->reason] += l->blocked_ns;
	}
	assert_int_equal(by_reason[CPT_REASON_LOCK], r->reason_ns[CPT_REASON_LOCK]);
	assert_int_equal(by_reason[CPT_REASON_HANDOFF], r->reason_ns[CPT_REASON_HANDOFF]);
	assert_int_equal(by_reason[CPT_REASON_KERNEL_LOCK], r->reason_ns[CPT_REASON_KERNEL_LOCK]);
}

static struct cpt_report *pass(struct trace_builder *tb, size_t cnt,
			       const struct cpt_analysis_opts *opts, struct rng *rng, uint64_t seed)
{
	static struct observed seen;
	struct cpt_report *r =
		analyse(tb__meta(tb), ev, (uint32_t)cnt, ev[cnt - 1].ts_ns, opts, &seen, rng);

	assert_non_null(r);
	expect_whole(r, seed);
	return r;
}

static void holders_sum_to_waits(void **state)
{
	uint64_t seed = first_seed(__func__);
	uint32_t cases = case_count(3000);
	uint64_t blocked = 0, unknown = 0;

	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct rng rng = {.state = seed * 11};
		struct trace_builder *tb = tb__new(4);
		uint32_t tids[8], tid_cnt = 1 + rng_below(&rng, 8);
		uint64_t cpus[CPT_MASK_WORDS] = {rng_u64(&rng) & 0xf};
		struct cpt_words *ws = random_words(&rng);
		struct cpt_analysis_opts opts = {.words = ws};
		struct cpt_report *r;
		size_t cnt;

		random_trace(tb, &rng, 4, 50 + rng_below(&rng, 1500),
			     RANDOM_TIES | (rng_percent(&rng, 30) ? RANDOM_LOSS : 0));
		cnt = add_holders(tb, &rng);
		for (uint32_t k = 0; k < tid_cnt; k++)
			tids[k] = tb_tid(1 + rng_below(&rng, 30));
		if (rng_percent(&rng, 30)) {
			opts.filter.tids = tids;
			opts.filter.tid_cnt = tid_cnt;
		}
		if (rng_percent(&rng, 20))
			opts.filter.cpus = cpus;
		if (rng_percent(&rng, 30)) {
			opts.filter.have_time = true;
			opts.filter.time_from_ns = rng_below(&rng, 500000);
			opts.filter.time_to_ns = rng_below(&rng, 50000000);
		}
		r = pass(tb, cnt, &opts, &rng, seed);
		for (uint32_t k = 0; k < r->locks_cnt; k++) {
			if (r->locks[k].rest)
				continue;
			blocked += r->locks[k].blocked_ns;
			unknown += r->locks[k].holder_unknown_ns;
		}
		report__free(r);
		words__free(ws);
		tb__free(tb);
	}
	printf("of %" PRIu64 " ns blocked %" PRIu64 " with an unknown holder\n", blocked, unknown);
	/* The timelines are worth it: a good part of the time has a holder, and a good part none. */
	assert_true(unknown > blocked / 10 && unknown < blocked / 10 * 9);
}

static uint64_t sum_of(const struct cpt_report *r, size_t off)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < r->locks_cnt; i++)
		sum += *(const uint64_t *)((const char *)&r->locks[i] + off);
	return sum;
}

static void time_cuts_add_up(void **state)
{
	static const size_t sums[] = {
		offsetof(struct cpt_lock, blocked_ns),
		offsetof(struct cpt_lock, wake_delay_ns),
		offsetof(struct cpt_lock, waited_ns),
	};
	uint64_t seed = first_seed(__func__);
	uint32_t cases = case_count(1000);

	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct rng rng = {.state = seed * 13};
		struct trace_builder *tb = tb__new(4);
		struct cpt_words *ws = random_words(&rng);
		struct cpt_analysis_opts whole = {.words = ws}, left = whole, right = whole;
		struct cpt_report *w, *l, *r;
		size_t cnt;

		random_trace(tb, &rng, 4, 50 + rng_below(&rng, 1000), RANDOM_TIES);
		cnt = add_holders(tb, &rng);
		left.filter.have_time = right.filter.have_time = true;
		left.filter.time_to_ns = right.filter.time_from_ns = rng_below(&rng, 50000000);
		right.filter.time_to_ns = UINT64_MAX;
		w = pass(tb, cnt, &whole, &rng, seed);
		l = pass(tb, cnt, &left, &rng, seed);
		r = pass(tb, cnt, &right, &rng, seed);
		for (size_t k = 0; k < sizeof(sums) / sizeof(sums[0]); k++)
			assert_int_equal(sum_of(l, sums[k]) + sum_of(r, sums[k]),
					 sum_of(w, sums[k]));
		report__free(w);
		report__free(l);
		report__free(r);
		words__free(ws);
		tb__free(tb);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holders_sum_to_waits),
		cmocka_unit_test(time_cuts_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
