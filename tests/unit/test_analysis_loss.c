// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_analysis_loss.c - lost and rebuilt switches: what can still be said, and what cannot.
 *
 * Drawings as in test_analysis.c; ~ a hole in a CPU's records.
 */
#include "analysis_fixture.h"

#include <string.h>

/*
 *          1000     1200        1500     1600
 *  CPU 0   ##### a ##~~~~~~~~~~~### a ####|      may have run anybody
 *  CPU 1   ############### b #############|      certain
 *  CPU 2   ############### c #####|  1400        certain until its end
 */
static void loss_on_one_cpu_makes_only_what_differs_unknown(void **state)
{
	struct trace_builder *tb = tb__new(3);
	uint32_t a = tb__command(tb, 1000, "a"), b, c;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, a);
	b = tb__thread(tb, 1000, a, "b");
	c = tb__thread(tb, 1000, a, "c");
	tb__run(tb, 1000, 1, b);
	tb__run(tb, 1000, 2, c);
	tb__loss(tb, 1200, 0, 1500, 4);
	tb__exit(tb, 1400, c, 0, TB_IDLE);
	tb__preempt(tb, 1500, a, a); /* it is there at the end of the hole */
	tb__exit(tb, 1600, a, 0, TB_IDLE);
	tb__exit(tb, 1600, b, 0, TB_IDLE);
	r = report_of(tb);
	/* 1000-1200 three certain, 1200-1400 b and c certain, 1400-1500 b and who knows */
	expect_ledger(r, CPT_SPLIT_PARALLEL_MULTI_CORE, 500, CPT_SPLIT_UNKNOWN, 100, LEDGER_END);
	assert_int_equal(r->parallel_ns[3], 200);
	assert_int_equal(r->parallel_ns[2], 300);
	assert_int_equal(r->parallel_ns[1],
			 100); /* b ran for certain, also while the class is not */
	assert_int_equal(row(r, a)->unknown_ns, 300);
	assert_int_equal(row(r, a)->running_ns, 300);
	assert_int_equal(row(r, b)->running_ns, 600);
	assert_int_equal(r->quality.lost_located, 4);
	assert_int_equal(r->verdict, CPT_CLASS_PARALLEL); /* 100 cannot overturn 500 */
	done(r, tb);
}

/*
 *  CPU 0   ~~~~~~~~~~~~~~~~~~~~~~~~~
 *  b, c    wwwwwwwwwww disk, unknown from the hole on: two of them, but one CPU to run on
 */
static void one_hole_hides_one_runner_at_most(void **state)
{
	struct trace_builder *tb = tb__new(4);
	uint32_t a = tb__command(tb, 1000, "a"), b, c, d;
	struct cpt_report *r;

	tb__run(tb, 1000, 1, a);
	b = tb__thread(tb, 1000, a, "b");
	c = tb__thread(tb, 1000, a, "c");
	d = tb__thread(tb, 1000, a, "d");
	tb__run(tb, 1000, 2, b);
	tb__run(tb, 1000, 3, c);
	tb__run(tb, 1000, 0, d);
	tb__loss(tb, 1100, 0, 1500, 2);			 /* d: unknown; a, b, c run on: parallel */
	tb__block(tb, 1200, a, tb_wait_disk(), TB_IDLE); /* a: unknown. b and c: parallel */
	tb__wake_irq(tb, 1250, a, CPT_CTX_HARDIRQ, 0);	 /* a wants a CPU: certain */
	tb__block(tb, 1300, b, tb_wait_disk(), TB_IDLE); /* c runs; a second one? unknown */
	tb__wake_irq(tb, 1350, b, CPT_CTX_HARDIRQ, 0);	 /* Q = 2, R = 1, hole: still unknown */
	tb__block(tb, 1400, c, tb_wait_disk(), TB_IDLE); /* Q = 2, R = 0 or 1: concurrent */
	tb__run(tb, 1500, 1, a);			 /* R = 1, Q = 1, no hole: concurrent */
	tb__run(tb, 1500, 2, b);			 /* parallel */
	tb__exit(tb, 1600, b, 0, TB_IDLE);
	tb__exit(tb, 1600, a, 0, TB_IDLE);
	r = report_until(tb, NULL, 1600);
	expect_ledger(r, CPT_SPLIT_PARALLEL_MULTI_CORE, 300 + 100, CPT_SPLIT_UNKNOWN, 100,
		      CPT_SPLIT_CONCURRENT_STARVED, 100, LEDGER_END);
	(void)d;
	done(r, tb);
}

/* Off the CPUs when the records went missing, it may have run and blocked again: unknown, hole or no
 * hole, until it is heard of. */
static void parked_task_is_unknown_after_a_hole_until_its_next_event(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t a = tb__command(tb, 1000, "a"), b;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, a);
	b = tb__thread(tb, 1000, a, "b");
	tb__run(tb, 1000, 1, b);
	tb__block(tb, 1100, b, tb_wait_sleep(), TB_IDLE);
	tb__loss(tb, 1200, 1, 1300, 1);
	tb__wake_irq(tb, 1500, b, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1500, 1, b);
	tb__exit(tb, 1600, b, 0, TB_IDLE);
	tb__exit(tb, 1700, a, 0, TB_IDLE);
	r = report_of(tb);
	/* 1300-1500: a runs alone on the CPUs for certain, but b may be waiting beside it */
	expect_ledger(r, CPT_SPLIT_PARALLEL_MULTI_CORE, 200, CPT_SPLIT_SERIAL_RUNNING, 200,
		      CPT_SPLIT_UNKNOWN, 300, LEDGER_END);
	assert_int_equal(row(r, b)->unknown_ns, 300);
	assert_int_equal(row(r, b)->reason_ns[CPT_REASON_SLEEP], 100);
	assert_int_equal(r->parallel_ns[1], 500);
	assert_int_equal(r->concurrent_ns[1], 200); /* only where it is known */
	done(r, tb);
}

static void task_born_beside_a_hole_may_run_there_at_once(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t a = tb__command(tb, 1000, "a"), b;
	struct cpt_report *r;

	tb__run(tb, 1000, 1, a);
	tb__loss(tb, 1100, 0, 1400, 2);
	b = tb__thread(tb, 1200, a, "b");
	tb__run(tb, 1400, 0, b);
	tb__exit(tb, 1500, b, 0, TB_IDLE);
	tb__exit(tb, 1500, a, 0, TB_IDLE);
	r = report_of(tb);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 200, CPT_SPLIT_UNKNOWN, 200,
		      CPT_SPLIT_PARALLEL_MULTI_CORE, 100, LEDGER_END);
	assert_int_equal(row(r, b)->unknown_ns, 200);
	done(r, tb);
}

/* The last switch-out of the command is lost; its EXIT is not. */
static void final_switch_lost_in_a_hole_is_told_by_the_exit(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t a = tb__command(tb, 1000, "a");
	struct cpt_event ev[EVENTS_MAX];
	const struct cpt_event *drawn;
	struct cpt_report *r;
	size_t cnt, kept = 0;

	tb__run(tb, 1000, 0, a);
	tb__loss(tb, 1100, 0, 1900, 1);
	tb__exit(tb, 1300, a, 0, TB_IDLE);
	drawn = tb__events(tb, &cnt);
	for (size_t i = 0; i < cnt; i++)
		if (!(drawn[i].flags & CPT_SW_PREV_DEAD))
			ev[kept++] = drawn[i];
	assert_int_equal(kept, cnt - 1);
	r = report_events(tb__meta(tb), ev, kept, NULL, NULL, 1900);
	assert_int_equal(r->window_end_ns, 1300);
	assert_false(r->window_open);
	assert_false(row(r, a)->alive_at_end);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 100, CPT_SPLIT_UNKNOWN, 200, LEDGER_END);
	done(r, tb);
}

/* The EXIT stood for it in the hole; then the switch-out turns up at the hole's very end. */
static void final_switch_after_its_exit_is_no_second_life(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t a = tb__command(tb, 1000, "a"), b;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, a);
	b = tb__fork(tb, 1000, a, "b");
	tb__run(tb, 1000, 1, b);
	tb__loss(tb, 1100, 1, 1305, 1);
	tb__exit(tb, 1300, b, 0, TB_IDLE);
	tb__exit(tb, 1400, a, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(row(r, b)->end_ns, 1300);
	assert_int_equal(row(r, b)->unknown_ns, 200);
	expect_ledger(r, CPT_SPLIT_PARALLEL_MULTI_CORE, 100, CPT_SPLIT_UNKNOWN, 200,
		      CPT_SPLIT_SERIAL_RUNNING, 100, LEDGER_END);
	done(r, tb);
}

static void verdict_is_unknown_where_unknown_time_could_overturn_it(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t a = tb__command(tb, 1000, "a"), b;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, a);
	b = tb__fork(tb, 1000, a, "b");
	tb__run(tb, 1000, 1, b);
	tb__block(tb, 1000, b, tb_wait_sleep(), TB_IDLE);
	tb__loss(tb, 1300, 0, 1700, 9);
	tb__preempt(tb, 1700, a, a);
	tb__exit(tb, 1800, a, 0, TB_IDLE);
	r = report_of(tb); /* b is in doubt to the end */
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 300, CPT_SPLIT_UNKNOWN, 500, LEDGER_END);
	assert_int_equal(r->verdict, CPT_CLASS_UNKNOWN);
	done(r, tb);
}

/* One task alone may have run or not: no two things can have been in progress. */
static void verdict_stands_where_no_other_class_is_possible(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t a = tb__command(tb, 1000, "a");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, a);
	tb__loss(tb, 1300, 0, 1700, 9);
	tb__preempt(tb, 1700, a, a);
	tb__exit(tb, 1800, a, 0, TB_IDLE);
	r = report_of(tb);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 400, CPT_SPLIT_UNKNOWN, 400, LEDGER_END);
	assert_int_equal(r->verdict, CPT_CLASS_SERIAL);
	assert_int_equal(r->bounds.class_ns[CPT_CLASS_SERIAL].low, 400);
	assert_int_equal(r->bounds.class_ns[CPT_CLASS_SERIAL].high, 800);
	assert_int_equal(r->bounds.class_ns[CPT_CLASS_PARALLEL].high, 0);
	assert_int_equal(r->bounds.class_ns[CPT_CLASS_IDLE].high, 400);
	assert_int_equal(r->bounds.cpu_time_ns.low, 400);
	assert_int_equal(r->bounds.cpu_time_ns.high, 800);
	done(r, tb);
}

/* Unseen subtrees can only add to what is in progress: parallel for most of the window stands. */
static void whole_tasks_never_seen_leave_only_a_parallel_verdict(void **state)
{
	struct trace_builder *tb = tb__new(2);
	struct cpt_trace_close close_facts;
	uint32_t a = tb__command(tb, 1000, "a"), b;
	const struct cpt_event *ev;
	struct cpt_report *r;
	size_t cnt;

	tb__run(tb, 1000, 0, a);
	b = tb__thread(tb, 1000, a, "b");
	tb__run(tb, 1000, 1, b);
	tb__exit(tb, 1300, b, 0, TB_IDLE);
	tb__exit(tb, 1500, a, 0, TB_IDLE);
	close_facts = *tb__close_facts(tb);
	close_facts.lost[CPT_LOSS_TASK_STORAGE] = 1;
	ev = tb__events(tb, &cnt);
	r = report_events(tb__meta(tb), ev, cnt, NULL, &close_facts, 0);
	assert_int_equal(r->verdict, CPT_CLASS_PARALLEL); /* 300 of 500 */
	assert_int_equal(r->quality.lost_other, 1);
	done(r, tb);

	tb = tb__new(2);
	a = tb__command(tb, 1000, "a");
	tb__run(tb, 1000, 0, a);
	tb__exit(tb, 1500, a, 0, TB_IDLE);
	ev = tb__events(tb, &cnt);
	r = report_events(tb__meta(tb), ev, cnt, NULL, &close_facts, 0);
	assert_int_equal(r->verdict, CPT_CLASS_UNKNOWN); /* serial, or who knows what */
	done(r, tb);
}

/* ---- rebuilt switches ------------------------------------------------------------------------------ */

static void mended_switch_is_accounted_like_any(void **state)
{
	const struct cpt_wait disk = tb_wait_disk();
	struct trace_builder *tb = tb__new(1);
	uint32_t a = tb__command(tb, 1000, "a"), b;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, a);
	b = tb__thread(tb, 1000, a, "b");
	tb__switch(tb, 1200, 0, b, CPT_SW_PREV_BLOCKED | CPT_SW_MENDED, &disk);
	tb__wake_irq(tb, 1300, a, CPT_CTX_HARDIRQ, 0);
	tb__exit(tb, 1400, b, 0, a);
	tb__exit(tb, 1500, a, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(row(r, a)->reason_ns[CPT_REASON_DISK], 100);
	assert_int_equal(row(r, b)->runnable_ns, 200);
	expect_ledger(r, CPT_SPLIT_CONCURRENT_INTERLEAVED, 300, CPT_SPLIT_CONCURRENT_OVERLAPPED,
		      100, CPT_SPLIT_SERIAL_RUNNING, 100, LEDGER_END);
	done(r, tb);
}

/*
 *          1000    1200      1500   1600
 *  a       ########??????????#######|       left, nobody knows how; then it is back
 */
static void mended_switch_of_unreadable_task_is_unknown_until_it_is_back(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t a = tb__command(tb, 1000, "a");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, a);
	tb__switch(tb, 1200, 0, TB_IDLE, CPT_SW_MENDED | CPT_SW_PREV_UNKNOWN, NULL);
	tb__run(tb, 1500, 0, a);
	tb__exit(tb, 1600, a, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(row(r, a)->unknown_ns, 300);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 300, CPT_SPLIT_UNKNOWN, 300, LEDGER_END);
	done(r, tb);
}

/* Two things in progress for certain: one more in doubt, and no CPU for it, changes no class. */
static void task_in_doubt_beside_two_in_progress_leaves_the_class(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t a = tb__command(tb, 1000, "a"), b, c;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, a);
	b = tb__thread(tb, 1000, a, "b");
	c = tb__thread(tb, 1000, a, "c");
	tb__switch(tb, 1100, 0, b, CPT_SW_MENDED | CPT_SW_PREV_UNKNOWN, NULL);
	tb__exit(tb, 1200, b, 0, a); /* until here: b runs, c wants to, a in doubt */
	tb__exit(tb, 1300, a, 0, c);
	tb__exit(tb, 1400, c, 0, TB_IDLE);
	r = report_of(tb);
	expect_ledger(r, CPT_SPLIT_CONCURRENT_INTERLEAVED, 300, CPT_SPLIT_SERIAL_RUNNING, 100,
		      LEDGER_END);
	assert_int_equal(row(r, a)->unknown_ns, 100);
	done(r, tb);
}

/*
 *  CPU 0   ## a ##                 what a's switch-out was comes late, moved up to 1400
 *  CPU 1            ## a #########  and a has been here since 1200
 */
static void mended_switch_that_comes_after_its_task_was_seen_elsewhere_is_old_news(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t a = tb__command(tb, 1000, "a");
	const struct cpt_event *drawn;
	struct cpt_event ev[EVENTS_MAX];
	struct cpt_report *r;
	size_t cnt, at = 0;

	tb__run(tb, 1000, 0, a);
	tb__preempt(tb, 1200, a, TB_IDLE);
	tb__run(tb, 1200, 1, a);
	tb__exit(tb, 1500, a, 0, TB_IDLE);
	drawn = tb__events(tb, &cnt);
	for (size_t i = 0; i < cnt; i++) {
		if (drawn[i].type == CPT_EV_EXIT) { /* the end is near: now the old one comes */
			ev[at] = drawn[i - 2];
			ev[at].ts_ns = 1400;
			ev[at++].flags |= CPT_SW_MENDED;
		}
		if (drawn[i].type == CPT_EV_SWITCH && drawn[i].ts_ns == 1200 && !drawn[i].cpu)
			continue;
		ev[at++] = drawn[i];
	}
	assert_int_equal(at, cnt);
	r = report_events(tb__meta(tb), ev, at, NULL, NULL, 0);
	assert_int_equal(row(r, a)->running_ns, 500);
	assert_int_equal(row(r, a)->migrations, 1);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 500, LEDGER_END);
	done(r, tb);
}

/* A CPU runs one task. Who was there by the account left unseen, nobody knows how. */
static void task_pushed_off_by_another_is_unknown(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t a = tb__command(tb, 1000, "a"), b;
	const struct cpt_event *drawn;
	struct cpt_event ev[EVENTS_MAX];
	struct cpt_report *r;
	size_t cnt, at = 0;

	tb__run(tb, 1000, 0, a);
	b = tb__thread(tb, 1000, a, "b");
	tb__preempt(tb, 1100, a, TB_OTHER); /* left out below */
	tb__run(tb, 1200, 0, b);
	tb__exit(tb, 1300, b, 0, a);
	tb__exit(tb, 1400, a, 0, TB_IDLE);
	drawn = tb__events(tb, &cnt);
	for (size_t i = 0; i < cnt; i++)
		if (drawn[i].ts_ns != 1100)
			ev[at++] = drawn[i];
	r = report_events(tb__meta(tb), ev, at, NULL, NULL, 0);
	assert_int_equal(r->parallel_peak, 1); /* one CPU: never two */
	assert_int_equal(row(r, a)->unknown_ns, 100);
	expect_ledger(r, CPT_SPLIT_CONCURRENT_INTERLEAVED, 200, CPT_SPLIT_UNKNOWN, 100,
		      CPT_SPLIT_SERIAL_RUNNING, 100, LEDGER_END);
	assert_true(r->quality.odd_events > 0);
	done(r, tb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loss_on_one_cpu_makes_only_what_differs_unknown),
		cmocka_unit_test(one_hole_hides_one_runner_at_most),
		cmocka_unit_test(parked_task_is_unknown_after_a_hole_until_its_next_event),
		cmocka_unit_test(task_born_beside_a_hole_may_run_there_at_once),
		cmocka_unit_test(final_switch_lost_in_a_hole_is_told_by_the_exit),
		cmocka_unit_test(final_switch_after_its_exit_is_no_second_life),
		cmocka_unit_test(verdict_is_unknown_where_unknown_time_could_overturn_it),
		cmocka_unit_test(verdict_stands_where_no_other_class_is_possible),
		cmocka_unit_test(whole_tasks_never_seen_leave_only_a_parallel_verdict),
		cmocka_unit_test(mended_switch_is_accounted_like_any),
		cmocka_unit_test(mended_switch_of_unreadable_task_is_unknown_until_it_is_back),
		cmocka_unit_test(task_in_doubt_beside_two_in_progress_leaves_the_class),
		cmocka_unit_test(
			mended_switch_that_comes_after_its_task_was_seen_elsewhere_is_old_news),
		cmocka_unit_test(task_pushed_off_by_another_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
