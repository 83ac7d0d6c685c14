// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_siblings.c - what shares a physical core with the workload: siblings that run others.
 */
#include "analysis_fixture.h"

/* CPUs 0 and 1 are one core, 2 is another. */
static struct trace_builder *machine(void)
{
	struct trace_builder *tb = tb__new(3);
	static const struct cpt_cpu_info cpus[] = {
		{.cpu = 0, .online = 1, .core = 0},
		{.cpu = 1, .online = 1, .core = 0},
		{.cpu = 2, .online = 1, .core = 1},
	};

	tb__meta(tb)->cpus = cpus;
	return tb;
}

/*
 *      CPU 0   main  ##########################|
 *      CPU 1         idle |oooooooo|  idle      |      others: 1200 to 1500
 *      CPU 2         oooooooooooooooooooooooooooo      another core: does not matter
 */
static void others_on_the_sibling_are_counted(void **state)
{
	struct trace_builder *tb = machine();
	uint32_t m = tb__command(tb, 1000, "main");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, m);
	tb__occupancy(tb, 1200, 1, 1000, 0, 0, 1, 0);
	tb__occupancy(tb, 1500, 1, 1200, 0, 0, 0, 1);
	tb__occupancy(tb, 2000, 1, 1500, 0, 0, 1, 1);
	tb__occupancy(tb, 2000, 2, 1000, 0, 0, 0, 0);
	tb__exit(tb, 2000, m, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->budget.siblings_ns, 300);
	assert_int_equal(r->cpus_physical, 2);
	report__free(r);
	tb__free(tb);
}

/* Sums of many turns while nothing of ours changed: 250 of 600 ns were others'. */
static void sums_of_turns_count_by_their_part(void **state)
{
	struct trace_builder *tb = machine();
	uint32_t m = tb__command(tb, 1000, "main");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, m);
	tb__occupancy(tb, 1700, 1, 1000, 350, 250, 0, 1); /* others to 1700: 100 more */
	tb__occupancy(tb, 2000, 1, 1700, 0, 0, 1, 1);
	tb__exit(tb, 2000, m, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->budget.siblings_ns, 350);
	report__free(r);
	tb__free(tb);
}

/*
 *      CPU 0   main  ####|__________|####|        sleeps 1100 to 1400
 *      CPU 1         oooooooooooooooooooo         one stretch of others
 */
static void only_while_ours_runs_beside_it(void **state)
{
	struct trace_builder *tb = machine();
	uint32_t m = tb__command(tb, 1000, "main");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, m);
	tb__block(tb, 1100, m, tb_wait_sleep(), TB_IDLE);
	tb__wake_irq(tb, 1400, m, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1400, 0, m);
	tb__occupancy(tb, 1500, 1, 1000, 0, 0, 0, 0);
	tb__exit(tb, 1500, m, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->budget.siblings_ns, 200);
	report__free(r);
	tb__free(tb);
}

static void without_siblings_there_is_nothing_to_say(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t m = tb__command(tb, 1000, "main");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, m);
	tb__occupancy(tb, 2000, 1, 1000, 0, 0, 0, 0);
	tb__exit(tb, 2000, m, 0, TB_IDLE);
	r = report_of(tb);
	assert_true(r->budget.siblings_ns == UINT64_MAX);
	report__free(r);
	tb__free(tb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_on_the_sibling_are_counted),
		cmocka_unit_test(sums_of_turns_count_by_their_part),
		cmocka_unit_test(only_while_ours_runs_beside_it),
		cmocka_unit_test(without_siblings_there_is_nothing_to_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
