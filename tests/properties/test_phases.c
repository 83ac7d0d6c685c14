// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_phases.c - random timelines with marks: whatever the marks are, phases are the run and nothing else.
 *
 * Their sums are the window's, class by class; a phase that is looked at alone (--phase) is what its row says;
 * one of a single span is what that stretch of time is (--time); and all of them together are the run.
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

#define EVENTS_MAX 20000

static struct cpt_event ev[EVENTS_MAX];
static const char *const names[] = {"load", "work", "w\xc3\xb6rk\n", "(start)", "x"};
#define NAMES (sizeof(names) / sizeof(*names))

/* The drawn events, and marks among them: at their times and between, also several at one instant. */
static size_t add_marks(struct trace_builder *tb, struct rng *rng)
{
	size_t drawn_cnt, cnt = 0;
	const struct cpt_event *drawn = tb__events(tb, &drawn_cnt);
	const uint32_t one_in = 2 + rng_below(rng, (uint32_t)drawn_cnt);

	assert_true(2 * drawn_cnt <= EVENTS_MAX);
	for (size_t i = 0; i < drawn_cnt; i++) {
		while (cnt < EVENTS_MAX / 2 + i && !rng_below(rng, one_in)) {
			const uint64_t before = i ? drawn[i - 1].ts_ns : drawn[i].ts_ns;
			uint64_t at = rng_percent(rng, 50) ? drawn[i].ts_ns
							   : before + (drawn[i].ts_ns - before) / 2;

			if (cnt && ev[cnt - 1].ts_ns > at)
				at = ev[cnt - 1].ts_ns;
			ev[cnt++] = (struct cpt_event){.ts_ns = at,
						       .type = CPT_EV_MARK,
						       .task = 1,
						       .other = 1001,
						       .mark = names[rng_below(rng, NAMES)]};
		}
		ev[cnt++] = drawn[i];
	}
	return cnt;
}

static struct cpt_report *pass(struct trace_builder *tb, size_t cnt, struct cpt_analysis_opts *opts,
			       struct rng *rng)
{
	static struct observed seen;
	struct cpt_report *r =
		analyse(tb__meta(tb), ev, (uint32_t)cnt, ev[cnt - 1].ts_ns, opts, &seen, rng);

	assert_non_null(r);
	return r;
}

/* Of all phases together, and no more. */
static void expect_sums(const struct cpt_report *r, uint64_t seed)
{
	uint64_t split[CPT_SPLIT_CNT] = {0}, class_ns[CPT_CLASS_CNT] = {0};
	uint64_t span = 0, running = 0, runnable = 0, spans = 0;

	for (uint32_t i = 0; i < r->phases.cnt; i++) {
		const struct cpt_phase *f = &r->phases.tab[i];
		uint64_t own = 0;

		for (int s = 0; s < CPT_SPLIT_CNT; s++) {
			split[s] += f->split_ns[s];
			own += f->split_ns[s];
		}
		for (int c = 0; c < CPT_CLASS_CNT; c++)
			class_ns[c] += f->class_ns[c];
		assert_int_equal(own, f->span_ns);
		span += f->span_ns;
		running += f->running;
		runnable += f->runnable;
		spans += f->spans;
	}
	if (span != r->window_ns || memcmp(split, r->split_ns, sizeof(split)) != 0)
		fail_msg("seed %" PRIu64 ": phases %" PRIu64 " ns, window %" PRIu64, seed, span,
			 r->window_ns);
	assert_memory_equal(class_ns, r->class_ns, sizeof(class_ns));
	assert_int_equal(running, r->cpu_time_ns);
	assert_int_equal(runnable, r->runnable_ns);
	assert_int_equal(spans, r->phases.marks_cnt + 1);
	for (uint32_t i = 1; i < r->phases.marks_cnt; i++)
		assert_true(r->phases.marks[i].at_ns >= r->phases.marks[i - 1].at_ns);
}

static void phases_sum_to_the_window(void **state)
{
	uint64_t seed = first_seed(__func__);
	uint32_t cases = case_count(1500), with = 0;

	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct rng rng = {.state = seed * 17};
		struct trace_builder *tb = tb__new(4);
		struct cpt_analysis_opts opts = {0};
		uint32_t tids[4];
		struct cpt_report *r;
		size_t cnt;

		random_trace(tb, &rng, 4, 50 + rng_below(&rng, 1000),
			     RANDOM_TIES | (rng_percent(&rng, 40) ? RANDOM_LOSS : 0));
		cnt = add_marks(tb, &rng);
		for (uint32_t k = 0; k < 4; k++)
			tids[k] = tb_tid(1 + rng_below(&rng, 20));
		if (rng_percent(&rng, 30)) {
			opts.filter.tids = tids;
			opts.filter.tid_cnt = 4;
		}
		if (rng_percent(&rng, 30)) {
			opts.filter.have_time = true;
			opts.filter.time_from_ns = rng_below(&rng, 500000);
			opts.filter.time_to_ns = 1 + rng_below(&rng, 50000000);
		}
		r = pass(tb, cnt, &opts, &rng);
		if (r->phases.cnt) {
			expect_sums(r, seed);
			with++;
		}
		report__free(r);
		tb__free(tb);
	}
	printf("%" PRIu32 " of %" PRIu32 " runs have phases\n", with, cases);
	assert_true(with > cases / 2);
}

/* The report of phase f of whole alone: is it what its row says, and where it has one span what --time says? */
static void expect_alone(struct trace_builder *tb, size_t cnt, const struct cpt_report *whole,
			 const struct cpt_phase *f, bool lossy, struct rng *rng, uint64_t seed)
{
	const char *chosen = f->name;
	struct cpt_analysis_opts opts = {.filter = {.phases = &chosen, .phase_cnt = 1}};
	struct cpt_analysis_opts cut = {.filter = {.have_time = true}};
	struct cpt_report *alone = pass(tb, cnt, &opts, rng), *same;
	char what[64];

	snprintf(what, sizeof(what), "seed %" PRIu64, seed);
	if (alone->window_ns != f->span_ns)
		fail_msg("%s: %" PRIu64 " ns alone, %" PRIu64 " as a row", what, alone->window_ns,
			 f->span_ns);
	assert_memory_equal(alone->split_ns, f->split_ns, sizeof(f->split_ns));
	assert_int_equal(alone->cpu_time_ns, f->running);
	assert_int_equal(alone->runnable_ns, f->runnable);
	assert_int_equal(alone->run_ns, whole->run_ns);
	if (f->span_ns)
		assert_int_equal(alone->phases.cnt, 1);
	if (f->spans == 1 && f->span_ns && !lossy) {
		cut.filter.time_from_ns = f->first_ns - whole->window_start_ns;
		cut.filter.time_to_ns = cut.filter.time_from_ns + f->span_ns;
		same = pass(tb, cnt, &cut, rng);
		assert_int_equal(check_same(alone, same, what), 0);
		report__free(same);
	}
	report__free(alone);
}

static void a_phase_alone_is_its_row(void **state)
{
	uint64_t seed = first_seed(__func__);
	uint32_t cases = case_count(600);

	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct rng rng = {.state = seed * 19};
		struct trace_builder *tb = tb__new(4);
		const bool lossy = rng_percent(&rng, 30);
		struct cpt_analysis_opts none = {0};
		struct cpt_report *whole;
		size_t cnt;

		random_trace(tb, &rng, 4, 50 + rng_below(&rng, 600), lossy ? RANDOM_LOSS : 0);
		cnt = add_marks(tb, &rng);
		whole = pass(tb, cnt, &none, &rng);
		for (uint32_t k = 0; k < whole->phases.cnt; k++)
			expect_alone(tb, cnt, whole, &whole->phases.tab[k], lossy, &rng, seed);
		report__free(whole);
		tb__free(tb);
	}
}

static void all_phases_are_the_run(void **state)
{
	uint64_t seed = first_seed(__func__);
	uint32_t cases = case_count(400);

	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct rng rng = {.state = seed * 23};
		struct trace_builder *tb = tb__new(4);
		struct cpt_analysis_opts none = {0},
					 all = {.filter = {.phases = names, .phase_cnt = NAMES}};
		struct cpt_report *a, *b;
		char what[64];
		size_t cnt;

		snprintf(what, sizeof(what), "seed %" PRIu64, seed);
		random_trace(tb, &rng, 4, 50 + rng_below(&rng, 600),
			     RANDOM_TIES | (rng_percent(&rng, 30) ? RANDOM_LOSS : 0));
		cnt = add_marks(tb, &rng);
		a = pass(tb, cnt, &none, &rng);
		b = pass(tb, cnt, &all, &rng);
		assert_int_equal(check_same(a, b, what), 0);
		report__free(a);
		report__free(b);
		tb__free(tb);
	}
}

/* A name for each mark, many more than are kept apart: the rest is one phase, and nothing is lost of the sums. */
static void names_beyond_the_most_are_one(void **state)
{
	enum { MARKS = 3 * CPT_PHASES_MAX };
	static char own[MARKS][8];
	struct rng rng = {.state = first_seed(__func__)};
	struct trace_builder *tb = tb__new(4);
	struct cpt_analysis_opts opts = {0};
	const struct cpt_event *drawn;
	struct cpt_report *r;
	size_t drawn_cnt, cnt = 0;

	(void)state;
	random_trace(tb, &rng, 4, 1000, RANDOM_TIES);
	drawn = tb__events(tb, &drawn_cnt);
	assert_true(drawn_cnt + MARKS <= EVENTS_MAX);
	for (size_t i = 0, m = 0; i < drawn_cnt; i++) {
		ev[cnt++] = drawn[i];
		/* Some at each event, all of them before the run is over. */
		for (size_t k = 0; k < 2 * MARKS / drawn_cnt && m < MARKS; k++, m++) {
			snprintf(own[m], sizeof(own[m]), "%zx", m);
			ev[cnt++] = (struct cpt_event){.ts_ns = drawn[i].ts_ns,
						       .type = CPT_EV_MARK,
						       .task = 1,
						       .other = 1001,
						       .mark = own[m]};
		}
	}
	r = pass(tb, cnt, &opts, &rng);
	assert_int_equal(r->phases.cnt, CPT_PHASES_MAX);
	assert_string_equal(r->phases.tab[CPT_PHASES_MAX - 1].name, CPT_PHASE_REST);
	assert_true(r->phases.tab[CPT_PHASES_MAX - 1].spans > CPT_PHASES_MAX);
	expect_sums(r, 0);
	report__free(r);
	tb__free(tb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phases_sum_to_the_window),
		cmocka_unit_test(a_phase_alone_is_its_row),
		cmocka_unit_test(all_phases_are_the_run),
		cmocka_unit_test(names_beyond_the_most_are_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
