// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_loop_levels.c - how many loops run at once, of random threads, against the definition: for each moment
 * it is written down what every thread did, and in the end, whether it was a loop.
 *
 * The fewer parts are pending for long, the more can be said: all of it while the queue holds what they do;
 * all of it of a few that are pending longer; sums of any number.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/loop_levels.h"
#include "check.h"
#include "rng.h"

#define THREADS_MAX 400u
#define STEPS_MAX   12000u
#define CPUS	    6u

/* What a thread does from a moment on: as what part of its life. */
struct doing {
	uint32_t number; /* of was_loop[] */
	enum level_state state;
};

struct moment {
	uint64_t ns;
	uint32_t thread;
	struct doing now;
};

static struct moment moments[4 * STEPS_MAX];
static uint32_t moments_cnt;
static bool was_loop[4 * STEPS_MAX]; /* the first one is what is certain */
static uint32_t numbers;

struct thread {
	struct doing now;
	uint32_t part;
	bool over;
};

struct run {
	struct loop_levels levels;
	struct rng rng;
	struct thread threads[THREADS_MAX];
	uint32_t cnt, busy;
	uint64_t now_ns;
};

/* ---- what is done --------------------------------------------------------------------------------------- */

static void change(struct run *r, uint32_t thread, enum level_state to)
{
	struct thread *t = &r->threads[thread];

	if (to == LEVEL_BUSY && r->busy == CPUS)
		to = LEVEL_OFF;
	r->busy += (uint32_t)(to == LEVEL_BUSY) - (uint32_t)(t->now.state == LEVEL_BUSY);
	loop_levels__change(&r->levels, t->part, t->now.state, to);
	t->now.state = to;
	assert_true(moments_cnt < 4 * STEPS_MAX);
	moments[moments_cnt++] = (struct moment){r->now_ns, thread, t->now};
}

static void wait(struct run *r, uint32_t thread)
{
	r->threads[thread].part = LEVEL_CERTAIN;
	r->threads[thread].now.number = 0;
	change(r, thread, LEVEL_OFF);
}

static void come_back(struct run *r, uint32_t thread, enum level_state to)
{
	struct thread *t = &r->threads[thread];

	change(r, thread, LEVEL_NOT);
	t->part = loop_levels__part(&r->levels);
	t->now.number = ++numbers;
	change(r, thread, to);
}

static void resolve(struct run *r, uint32_t thread, bool loop)
{
	struct thread *t = &r->threads[thread];

	change(r, thread, LEVEL_NOT);
	loop_levels__resolve(&r->levels, t->part, loop);
	was_loop[t->now.number] = loop;
	t->part = LEVEL_CERTAIN;
	t->over = true;
}

/* How a run goes; percentages. */
struct how {
	uint32_t threads, steps;
	uint32_t resolve; /* of the steps of the first `stuck` threads: none until the end */
	uint32_t stuck;
	uint32_t loops; /* of those resolved */
	uint32_t unknown;
	uint32_t waits; /* when resolved as a loop, it blocks in its wait */
};

static enum level_state any_state(struct run *r, const struct how *how)
{
	if (rng_percent(&r->rng, how->unknown))
		return LEVEL_UNKNOWN;
	return (enum level_state)rng_below(&r->rng, 3);
}

static void step(struct run *r, const struct how *how)
{
	const uint32_t thread = rng_below(&r->rng, how->threads);
	struct thread *t = &r->threads[thread];

	r->now_ns += rng_below(&r->rng, 5);
	loop_levels__advance(&r->levels, r->now_ns);
	if (t->over)
		return;
	if (!t->now.number) {
		come_back(r, thread, any_state(r, how));
	} else if (thread >= how->stuck && rng_percent(&r->rng, how->resolve)) {
		resolve(r, thread, rng_percent(&r->rng, how->loops));
		if (!was_loop[t->now.number])
			return;
		t->over = false;
		wait(r, thread);
		if (!rng_percent(&r->rng, how->waits))
			come_back(r, thread, any_state(r, how));
	} else {
		change(r, thread, any_state(r, how));
	}
}

static void go(struct run *r, const struct how *how, uint64_t seed, struct cpt_loops *out)
{
	memset(r, 0, sizeof(*r));
	r->rng.state = seed;
	moments_cnt = numbers = 0;
	was_loop[0] = true;
	for (uint32_t i = 0; i < how->threads; i++) {
		assert_int_equal(loop_levels__reserve(&r->levels), 0);
		wait(r, i);
	}
	for (uint32_t i = 0; i < how->steps; i++)
		step(r, how);
	for (uint32_t i = 0; i < how->threads; i++) {
		r->now_ns += rng_below(&r->rng, 5);
		loop_levels__advance(&r->levels, r->now_ns);
		if (r->threads[i].now.number && !r->threads[i].over)
			resolve(r, i, rng_percent(&r->rng, how->loops));
		else if (!r->threads[i].now.number)
			change(r, i, LEVEL_NOT);
	}
	memset(out, 0, sizeof(*out));
	loop_levels__take(&r->levels, out);
}

/* ---- what should be found ---------------------------------------------------------------------------- */

struct truth {
	uint64_t ns[CPUS + 1], unknown_ns, with_loops_ns;
	uint64_t ran_ns, lives_ns, longest_life_ns, doubt_ns;
};

static void find_truth(const struct how *how, struct truth *out)
{
	static struct doing now[THREADS_MAX];
	static uint64_t lives[THREADS_MAX];
	uint32_t counts[LEVEL_UNKNOWN + 1] = {how->threads};

	memset(out, 0, sizeof(*out));
	memset(now, 0, sizeof(now));
	memset(lives, 0, sizeof(lives));
	for (uint32_t i = 0; i + 1 < moments_cnt; i++) {
		const struct moment *m = &moments[i];
		const uint64_t ns = m[1].ns - m->ns;
		struct doing *t = &now[m->thread];

		counts[was_loop[t->number] ? t->state : LEVEL_NOT]--;
		*t = m->now;
		counts[was_loop[t->number] ? t->state : LEVEL_NOT]++;
		if (!ns || counts[LEVEL_NOT] == how->threads)
			continue;
		for (uint32_t k = 0; k < how->threads; k++)
			if (was_loop[now[k].number] && now[k].state != LEVEL_NOT)
				lives[k] += ns;
		out->with_loops_ns += ns;
		out->ran_ns += counts[LEVEL_BUSY] * ns;
		out->doubt_ns += counts[LEVEL_UNKNOWN] * ns;
		*(counts[LEVEL_UNKNOWN] ? &out->unknown_ns : &out->ns[counts[LEVEL_BUSY]]) += ns;
	}
	for (uint32_t k = 0; k < how->threads; k++) {
		out->lives_ns += lives[k];
		if (lives[k] > out->longest_life_ns)
			out->longest_life_ns = lives[k];
	}
}

static void expect_ns(uint64_t seed, const char *what, uint64_t is, uint64_t should)
{
	if (is != should)
		fail_msg("seed %" PRIu64 ": %s is %" PRIu64 ", should be %" PRIu64, seed, what, is,
			 should);
}

static void expect_exact(const struct cpt_loops *is, const struct truth *truth, uint64_t seed)
{
	expect_ns(seed, "time with loops", is->with_loops_ns, truth->with_loops_ns);
	expect_ns(seed, "unknown", is->level_unknown_ns, truth->unknown_ns);
	for (uint32_t k = 0; k <= CPUS; k++)
		expect_ns(seed, "a level", is->level_ns[k], truth->ns[k]);
}

static void expect_sums(const struct cpt_loops *is, const struct truth *truth, uint64_t seed)
{
	uint64_t all = is->level_unknown_ns, ran = 0;

	for (uint32_t k = 0; k < is->level_cnt; k++) {
		all += is->level_ns[k];
		ran += k * is->level_ns[k];
	}
	expect_ns(seed, "levels and unknown", all, is->with_loops_ns);
	if (!truth->doubt_ns)
		expect_ns(seed, "what loops ran", ran, truth->ran_ns);
	if (!truth->doubt_ns)
		expect_ns(seed, "unknown", is->level_unknown_ns, 0);
	if (is->with_loops_ns < truth->longest_life_ns || is->with_loops_ns > truth->lives_ns)
		fail_msg("seed %" PRIu64 ": with loops %" PRIu64 ", lives %" PRIu64
			 ", longest %" PRIu64,
			 seed, is->with_loops_ns, truth->lives_ns, truth->longest_life_ns);
	assert_true(is->with_loops_ns <= moments[moments_cnt - 1].ns - moments[0].ns);
}

/* Runs of this kind; how long the crowd was part of it. */
static uint64_t runs(const char *name, struct how how, uint32_t cases, bool exact)
{
	static struct run r;
	uint64_t seed = first_seed(name), crowd_ns = 0;
	const uint32_t unknown = how.unknown;

	cases = case_count(cases);
	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct cpt_loops found;
		struct truth truth;

		how.unknown = i % 2 ? unknown : 0;
		go(&r, &how, seed * 23, &found);
		find_truth(&how, &truth);
		expect_sums(&found, &truth, seed);
		if (exact)
			expect_exact(&found, &truth, seed);
		crowd_ns += r.levels.crowd_only_ns;
		for (uint32_t k = 0; k < CPT_LOOP_LEVELS; k++)
			crowd_ns += r.levels.crowd_ns[k];
		assert_true(truth.with_loops_ns > 0 && moments_cnt > how.steps / 4);
		loop_levels__fini(&r.levels);
	}
	return crowd_ns;
}

/* ---- the tests --------------------------------------------------------------------------------------- */

/* All of them pending, which are resolved in any order; some are loops again and again. */
static void hundreds_are_told_apart(void **state)
{
	const struct how end = {.threads = 400, .steps = 8000, .resolve = 5, .loops = 0};
	const struct how half = {.threads = 400,
				 .steps = 8000,
				 .resolve = 5,
				 .loops = 50,
				 .unknown = 2,
				 .waits = 50};
	const struct how on = {
		.threads = 300, .steps = 12000, .resolve = 15, .loops = 97, .unknown = 1};

	assert_int_equal(runs(__func__, end, 20, true), 0);
	assert_int_equal(runs(__func__, half, 20, true), 0);
	assert_int_equal(runs(__func__, on, 20, true), 0);
}

/* They left their loops, or dispatch for long, while others go on. */
static void a_few_are_pending_for_ever(void **state)
{
	const struct how beside = {.threads = 20,
				   .steps = 12000,
				   .resolve = 30,
				   .stuck = 2,
				   .loops = 99,
				   .unknown = 1,
				   .waits = 50};
	const struct how alone = {
		.threads = 3, .steps = 12000, .stuck = 3, .loops = 50, .unknown = 2};
	const struct how known = {.threads = 4, .steps = 12000, .stuck = 4, .loops = 50};

	assert_int_equal(runs(__func__, beside, 100, true), 0);
	assert_int_equal(runs(__func__, alone, 100, true), 0);
	assert_int_equal(runs(__func__, known, 100, true), 0);
}

/* More than can be told apart: the sums hold. */
static void a_crowd_is_pending_for_ever(void **state)
{
	struct how how = {.threads = 60,
			  .steps = 12000,
			  .resolve = 20,
			  .stuck = 40,
			  .loops = 50,
			  .unknown = 1,
			  .waits = 50};

	assert_true(runs(__func__, how, 60, false) > 0);
	how.threads = how.stuck = 12; /* none else */
	assert_true(runs(__func__, how, 60, false) > 0);
	how.threads = 7; /* and keys run out before slots do */
	how.stuck = 7;
	assert_true(runs(__func__, how, 60, false) > 0);
}

/* Where none of the crowd was a loop, all is known of the others. */
static void what_a_crowd_did_is_taken_back(void **state)
{
	static struct run r;
	uint64_t seed = first_seed(__func__), crowd_ns = 0;
	const uint32_t cases = case_count(60);

	for (uint32_t i = 0; i < cases; i++, seed++) {
		const struct how how = {.threads = 40, .steps = 12000, .stuck = 40};
		struct cpt_loops found;
		struct truth truth;

		go(&r, &how, seed * 29, &found);
		find_truth(&how, &truth);
		expect_exact(&found, &truth, seed);
		crowd_ns += r.levels.crowd_only_ns;
		loop_levels__fini(&r.levels);
	}
	assert_true(crowd_ns > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hundreds_are_told_apart),
		cmocka_unit_test(a_few_are_pending_for_ever),
		cmocka_unit_test(a_crowd_is_pending_for_ever),
		cmocka_unit_test(what_a_crowd_did_is_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
