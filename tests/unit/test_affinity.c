// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_affinity.c - masks that change during a run: which thread's, when, and how long each was held. */
#include "analysis_fixture.h"

static const uint64_t both[CPT_MASK_WORDS] = {3}, first[CPT_MASK_WORDS] = {1},
		      second[CPT_MASK_WORDS] = {2},
		      absent[CPT_MASK_WORDS] = {1 | 1ull << 40}; /* CPU 40 is none */

static void expect(const struct cpt_affinity_change *c, uint64_t at_ns, uint32_t id, uint64_t from,
		   uint64_t from_ns, uint64_t to, uint64_t to_ns)
{
	assert_int_equal(c->at_ns, at_ns);
	assert_int_equal(c->id, id);
	assert_int_equal(c->from[0], from);
	assert_int_equal(c->from_ns, from_ns);
	assert_int_equal(c->to[0], to);
	assert_int_equal(c->to_ns, to_ns);
}

/*
 *      main   1000 ------ 1300: 0 --------- 1600: 1 ----- 2000
 *      A            1100 ----- 1400: 1 -- 1500 ends
 */
static void each_mask_is_held_until_the_next_or_the_end(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t m = tb__command(tb, 1000, "main"), a;
	struct cpt_report *r;

	tb__affinity(tb, 1000, m, both, 1);
	tb__run(tb, 1000, 0, m);
	a = tb__thread(tb, 1100, m, "a");
	tb__affinity(tb, 1100, a, both, 1);
	tb__run(tb, 1100, 1, a);
	tb__affinity(tb, 1300, m, first, 1);
	tb__affinity(tb, 1350, m, first, 1); /* it is what it was */
	tb__affinity(tb, 1360, m, absent, 1);
	tb__affinity(tb, 1400, a, second, 1);
	tb__exit(tb, 1500, a, 0, TB_IDLE);
	tb__affinity(tb, 1600, m, second, 1);
	tb__exit(tb, 2000, m, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->affinity.changes, 3);
	assert_int_equal(r->affinity.cnt, 3);
	assert_int_equal(r->affinity.threads, 2);
	expect(&r->affinity.at[0], 1300, m, 3, 300, 1, 300);
	expect(&r->affinity.at[1], 1400, a, 3, 300, 2, 100);
	expect(&r->affinity.at[2], 1600, m, 1, 300, 2, 400);
	done(r, tb);
}

/* What a filter leaves out, and what lies outside of the time looked at, is none of the report's. */
static void only_what_is_looked_at_counts(void **state)
{
	const uint32_t tids[] = {1};
	struct cpt_analysis_opts opts = {.filter = {.tids = tids, .tid_cnt = 1}};
	struct trace_builder *tb = tb__new(2);
	uint32_t m = tb__command(tb, 1000, "main");
	struct cpt_report *r;

	tb__affinity(tb, 1000, m, both, 1);
	tb__run(tb, 1000, 0, m);
	tb__affinity(tb, 1300, m, first, 1);
	tb__affinity(tb, 1700, m, second, 1);
	tb__exit(tb, 2000, m, 0, TB_IDLE);
	r = report_until(tb, &opts, 0);
	assert_int_equal(r->affinity.changes, 0);
	report__free(r);
	opts = (struct cpt_analysis_opts){
		.filter = {.have_time = true, .time_from_ns = 500, .time_to_ns = 900}};
	r = report_until(tb, &opts, 0);
	assert_int_equal(r->affinity.cnt, 1);
	expect(&r->affinity.at[0], 1700, m, 1, 200, 2, 200);
	done(r, tb);
}

/*
 *      main   1000 ---- 1100: 0 ---- 1300: 1 ==== 1700 ---- 1800: both ---- 2000
 *             on CPU 0 .......| CPU 1 from 1200 to 1700 |.. on CPU 0 again ..
 */
static void a_mask_that_changes_on_another_cpu_is_held_no_longer(void **state)
{
	const uint64_t cpu0[CPT_MASK_WORDS] = {1};
	struct cpt_analysis_opts opts = {.filter = {.cpus = cpu0}};
	struct trace_builder *tb = tb__new(2);
	uint32_t m = tb__command(tb, 1000, "main");
	struct cpt_report *r;

	tb__affinity(tb, 1000, m, both, 1);
	tb__run(tb, 1000, 0, m);
	tb__affinity(tb, 1100, m, first, 1);
	tb__preempt(tb, 1200, m, TB_IDLE);
	tb__run(tb, 1200, 1, m);
	tb__affinity(tb, 1300, m, second, 1);
	tb__preempt(tb, 1700, m, TB_IDLE);
	tb__run(tb, 1700, 0, m);
	tb__affinity(tb, 1800, m, both, 1);
	tb__exit(tb, 2000, m, 0, TB_IDLE);
	r = report_until(tb, &opts, 0);
	assert_int_equal(r->affinity.changes, 2);
	expect(&r->affinity.at[0], 1100, m, 3, 100, 1, 200);
	expect(&r->affinity.at[1], 1800, m, 2, 500, 3, 200);
	done(r, tb);
}

/* Many short ones, and one before and behind them that stand for most of the run. */
static void those_held_longest_are_kept(void **state)
{
	const uint32_t many = CPT_AFFINITY_MAX + 100;
	struct trace_builder *tb = tb__new(2);
	uint32_t m = tb__command(tb, 1000, "main");
	struct cpt_report *r;

	tb__affinity(tb, 1000, m, both, 1);
	tb__run(tb, 1000, 0, m);
	for (uint32_t i = 0; i < many; i++)
		tb__affinity(tb, 2000 + i, m, i % 2 ? second : first, 1);
	tb__affinity(tb, 9000, m, both, 1);
	tb__exit(tb, 10000, m, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->affinity.changes, many + 1);
	assert_int_equal(r->affinity.cnt, CPT_AFFINITY_MAX);
	expect(&r->affinity.at[0], 2000, m, 3, 1000, 1, 1);
	expect(&r->affinity.at[CPT_AFFINITY_MAX - 1], 9000, m, 2, 9000 - 2000 - many + 1, 3, 1000);
	for (uint32_t i = 1; i < r->affinity.cnt; i++)
		assert_true(r->affinity.at[i - 1].at_ns < r->affinity.at[i].at_ns);
	done(r, tb);
}

static void changes_beyond_the_limit_are_counted(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t m = tb__command(tb, 1000, "main");
	struct cpt_report *r;

	tb__affinity(tb, 1000, m, both, 1);
	tb__run(tb, 1000, 0, m);
	for (uint32_t i = 0; i < CPT_AFFINITY_MAX + 10; i++)
		tb__affinity(tb, 1010 + i, m, i % 2 ? first : second, 1);
	tb__exit(tb, 9000, m, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->affinity.cnt, CPT_AFFINITY_MAX);
	assert_int_equal(r->affinity.changes, CPT_AFFINITY_MAX + 10);
	assert_int_equal(r->affinity.threads, 1);
	assert_int_equal(r->affinity.at[CPT_AFFINITY_MAX - 1].to_ns, 1);
	done(r, tb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mask_is_held_until_the_next_or_the_end),
		cmocka_unit_test(only_what_is_looked_at_counts),
		cmocka_unit_test(changes_beyond_the_limit_are_counted),
		cmocka_unit_test(a_mask_that_changes_on_another_cpu_is_held_no_longer),
		cmocka_unit_test(those_held_longest_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
