// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_sqpoll.c - kernel threads that poll for an io_uring: spinning is no work, and whose they are. */
#include "analysis_fixture.h"

#define US(n) (1000 * (uint64_t)(n))
#define RING  9

static uint32_t kernel_thread(struct trace_builder *tb, uint32_t creator, const char *name)
{
	const struct cpt_info info = {.comm = name, .flags = CPT_TASK_THREAD | CPT_TASK_IO_WORKER};

	return tb__new_task(tb, US(1), creator, &info);
}

static void armed(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t ring,
		  uint32_t level)
{
	const struct cpt_event ev = {.flags = CPT_LOOP_EV_CONNS, .level = level, .peak = level};

	tb__loop_event(tb, ts_ns, task, ring, &ev);
}

/*
 *  us       1    10                        1000 1010        1200 1230      1300
 *  CPU 0    # app #########################################################
 *  CPU 1    | o   |                         | c  | o         | c |
 *  in flight      1, armed                  0    1, at it    0
 *                 |<------- spinning ------>|    |<- works ->|
 */
static struct trace_builder *draw(const char *name)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, US(1), "app"), poller, ring;

	tb__run(tb, US(1), 0, app);
	poller = kernel_thread(tb, app, name);
	ring = tb__loop_new(tb, US(1), app, RING, CPT_LOOP_RING);
	tb__run(tb, US(1), 1, poller);
	tb__loop_out(tb, US(10), poller, ring, 1, 0, 0);
	armed(tb, US(10), poller, ring, 1);
	tb__loop_out(tb, US(1000), poller, ring, 0, 1, 0);
	armed(tb, US(1000), poller, ring, 0);
	tb__loop_out(tb, US(1010), poller, ring, 1, 0, 0);
	tb__loop_out(tb, US(1200), poller, ring, 0, 1, 0);
	tb__exit(tb, US(1230), poller, 0, TB_IDLE);
	tb__exit(tb, US(1301), app, 0, TB_IDLE);
	return tb;
}

static void polling_with_nothing_to_do_is_spinning(void **state)
{
	struct trace_builder *tb = draw("iou-sqp-1001");
	struct cpt_report *r = report_of(tb);

	assert_int_equal(r->sqpolls_cnt, 1);
	assert_int_equal(r->sqpolls[0].id, 2);
	assert_int_equal(r->sqpolls[0].running_ns, US(1229));
	assert_int_equal(r->sqpolls[0].spinning_ns, US(990));
	/* It keeps its CPU busy all the same. */
	assert_int_equal(r->parallel_ns[2], US(1229));
	assert_true(report__effective(r) > (1300 + 239) / 1300.0 - 1e-9);
	assert_true(report__effective(r) < (1300 + 239) / 1300.0 + 1e-9);
	done(r, tb);
}

static void a_worker_that_is_at_an_operation_works(void **state)
{
	struct trace_builder *tb = draw("iou-wrk-1001");
	struct cpt_report *r = report_of(tb);

	assert_int_equal(r->sqpolls_cnt, 0);
	assert_true(report__effective(r) < 0);
	done(r, tb);
}

/* What is not known of a ring does not make its thread a spinner. */
static void without_records_nothing_is_called_spinning(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, US(1), "app"), poller, ring;
	struct cpt_report *r;

	tb__run(tb, US(1), 0, app);
	poller = kernel_thread(tb, app, "iou-sqp-1001");
	tb__run(tb, US(1), 1, poller);
	ring = tb__loop_new(tb, US(400), app, RING, CPT_LOOP_RING);
	tb__loop_out(tb, US(500), poller, ring, 1, 0, 0);
	armed(tb, US(500), poller, ring, 1);
	tb__loop_lost(tb, US(510));
	tb__exit(tb, US(1230), poller, 0, TB_IDLE);
	tb__exit(tb, US(1301), app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->sqpolls[0].running_ns, US(1229));
	assert_int_equal(r->sqpolls[0].spinning_ns, 0);
	done(r, tb);
}

/* Another task's record makes the ring certain again: that does not say what the thread did meanwhile. */
static void what_reaches_over_a_loss_is_not_called_spinning(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, US(1), "app"), poller, ring;
	struct cpt_report *r;

	tb__run(tb, US(1), 0, app);
	poller = kernel_thread(tb, app, "iou-sqp-1001");
	ring = tb__loop_new(tb, US(1), app, RING, CPT_LOOP_RING);
	tb__run(tb, US(1), 1, poller);
	tb__loop_out(tb, US(10), poller, ring, 1, 1, 0);
	tb__loop_lost(tb, US(500));
	tb__loop_out(tb, US(600), app, ring, 1, 1, 0);
	tb__loop_out(tb, US(1000), poller, ring, 1, 1, 0);
	tb__exit(tb, US(1230), poller, 0, TB_IDLE); /* from its own record on it is known again */
	tb__exit(tb, US(1301), app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->sqpolls[0].running_ns, US(1229));
	assert_int_equal(r->sqpolls[0].spinning_ns, US(230));
	done(r, tb);
}

/* One thread polls for several rings, and is at an operation of the first while it acted on the others last. */
static void work_in_any_of_its_rings_is_no_spinning(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, US(1), "app"), poller, rings[20];
	struct cpt_report *r;

	tb__run(tb, US(1), 0, app);
	poller = kernel_thread(tb, app, "iou-sqp-1001");
	for (uint32_t i = 0; i < 20; i++)
		rings[i] = tb__loop_new(tb, US(1), app, RING + i, CPT_LOOP_RING);
	tb__run(tb, US(1), 1, poller);
	tb__loop_out(tb, US(10), poller, rings[0], 1, 0, 0);
	for (uint32_t i = 1; i < 20; i++)
		tb__loop_out(tb, US(10) + i, poller, rings[i], 1, 1, 0);
	tb__loop_out(tb, US(500), poller, rings[0], 0, 1, 0);
	tb__exit(tb, US(800), poller, 0, TB_IDLE);
	tb__exit(tb, US(1301), app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->sqpolls[0].spinning_ns, US(300));
	done(r, tb);
}

/* Ring B rests, and its thread acts on A. Then a loss hides what it begins of B's. */
static void a_ring_it_acted_on_before_is_asked_about_behind_a_loss(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, US(1), "app"), poller, a, b;
	struct cpt_report *r;

	tb__run(tb, US(1), 0, app);
	poller = kernel_thread(tb, app, "iou-sqp-1001");
	a = tb__loop_new(tb, US(1), app, RING, CPT_LOOP_RING);
	b = tb__loop_new(tb, US(1), app, RING + 1, CPT_LOOP_RING);
	tb__run(tb, US(1), 1, poller);
	tb__loop_out(tb, US(10), poller, b, 1, 1, 0);
	tb__loop_out(tb, US(20), poller, a, 1, 1, 0);
	tb__loop_lost(tb, US(30));
	tb__loop_out(tb, US(40), poller, a, 1, 1, 0);
	tb__loop_out(tb, US(900), poller, b, 1, 1,
		     0); /* till here it may have been at one of B's */
	tb__exit(tb, US(1230), poller, 0, TB_IDLE);
	tb__exit(tb, US(1301), app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->sqpolls[0].running_ns, US(1229));
	assert_int_equal(r->sqpolls[0].spinning_ns, US(330));
	done(r, tb);
}

/* Twenty rings are named, then records are lost, then all are named again but one: it may be at that. */
static void expect_no_spinning_but_for(uint32_t missing)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, US(1), "app"), poller, rings[20];
	struct cpt_report *r;

	tb__run(tb, US(1), 0, app);
	poller = kernel_thread(tb, app, "iou-sqp-1001");
	for (uint32_t i = 0; i < 20; i++)
		rings[i] = tb__loop_new(tb, US(1), app, RING + i, CPT_LOOP_RING);
	tb__run(tb, US(1), 1, poller);
	for (uint32_t i = 0; i < 20; i++)
		tb__loop_out(tb, US(10) + i, poller, rings[i], 1, 1, 0);
	tb__loop_lost(tb, US(500));
	for (uint32_t i = 0; i < 20; i++)
		if (i != missing)
			tb__loop_out(tb, US(500) + i, poller, rings[i], 1, 1, 0);
	tb__exit(tb, US(1230), poller, 0, TB_IDLE);
	tb__exit(tb, US(1301), app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->sqpolls[0].running_ns, US(1229));
	assert_int_equal(r->sqpolls[0].spinning_ns, 0);
	done(r, tb);
}

static void with_many_rings_and_a_loss_nothing_is_called_spinning(void **state)
{
	for (uint32_t missing = 0; missing < 20; missing++)
		expect_no_spinning_but_for(missing);
}

/* The name comes after the birth, and so does a --time that cuts the stretch in two. */
static void a_rename_makes_it_one_and_a_cut_shortens_it(void **state)
{
	const struct cpt_analysis_opts half = {
		.filter = {.have_time = true, .time_from_ns = US(499), .time_to_ns = US(5000)}};
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, US(1), "app"), poller, ring;
	struct cpt_report *r;

	tb__run(tb, US(1), 0, app);
	poller = kernel_thread(tb, app, "app");
	tb__run(tb, US(1), 1, poller);
	tb__rename(tb, US(2), poller, "iou-sqp-1001");
	ring = tb__loop_new(tb, US(3), app, RING, CPT_LOOP_RING);
	tb__loop_out(tb, US(10), poller, ring, 1, 0, 0);
	armed(tb, US(10), poller, ring, 1);
	tb__exit(tb, US(1000), poller, 0, TB_IDLE);
	tb__exit(tb, US(1301), app, 0, TB_IDLE);
	r = report_until(tb, &half, 0);
	assert_int_equal(r->sqpolls[0].running_ns, US(500));
	assert_int_equal(r->sqpolls[0].spinning_ns, US(500));
	done(r, tb);
}

static void workers_are_chosen_with_the_task_that_caused_them(void **state)
{
	const char *const comms[] = {"app"}, *const others[] = {"other"};
	const uint32_t tids[] = {tb_tid(1)};
	const struct cpt_analysis_opts by_name = {.filter = {.comms = comms, .comm_cnt = 1}};
	const struct cpt_analysis_opts by_tid = {.filter = {.tids = tids, .tid_cnt = 1}};
	const struct cpt_analysis_opts by_other = {.filter = {.comms = others, .comm_cnt = 1}};
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, US(1), "app"), poller, worker, other;
	struct cpt_report *r;

	tb__run(tb, US(1), 0, app);
	other = tb__thread(tb, US(1), app, "other");
	poller = kernel_thread(tb, app, "iou-sqp-1001");
	worker = kernel_thread(tb, poller, "iou-wrk-1003"); /* the poller's: app's in the end */
	tb__run(tb, US(1), 1, worker);
	tb__exit(tb, US(100), worker, 0, poller);
	tb__exit(tb, US(200), poller, 0, other);
	tb__exit(tb, US(250), other, 0, TB_IDLE);
	tb__exit(tb, US(301), app, 0, TB_IDLE);
	r = report_until(tb, &by_name, 0);
	assert_int_equal(r->cpu_time_ns, US(300 + 99 + 100));
	assert_int_equal(row(r, worker)->cause, app);
	assert_int_equal(row(r, poller)->cause, app);
	assert_int_equal(row(r, app)->cause, 0);
	report__free(r);
	r = report_until(tb, &by_tid, 0);
	assert_int_equal(r->cpu_time_ns, US(300 + 99 + 100));
	report__free(r);
	r = report_until(tb, &by_other, 0);
	assert_int_equal(r->cpu_time_ns, US(50));
	done(r, tb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(polling_with_nothing_to_do_is_spinning),
		cmocka_unit_test(a_worker_that_is_at_an_operation_works),
		cmocka_unit_test(without_records_nothing_is_called_spinning),
		cmocka_unit_test(what_reaches_over_a_loss_is_not_called_spinning),
		cmocka_unit_test(work_in_any_of_its_rings_is_no_spinning),
		cmocka_unit_test(a_ring_it_acted_on_before_is_asked_about_behind_a_loss),
		cmocka_unit_test(with_many_rings_and_a_loss_nothing_is_called_spinning),
		cmocka_unit_test(a_rename_makes_it_one_and_a_cut_shortens_it),
		cmocka_unit_test(workers_are_chosen_with_the_task_that_caused_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
