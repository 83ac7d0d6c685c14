// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_attach.c - what ran already: tasks found in some state, a window that opens in the middle, a delay.
 *
 * In the drawings # is running, r runnable, p parked, w waiting; | is where the window opens. Times in ns.
 */
#include "analysis_fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "../../analysis/merge.h"

/* A picture without a command, attached to, with the window from start_ns on. */
static struct trace_builder *attached(uint32_t cpu_cnt, uint64_t start_ns)
{
	struct trace_builder *tb = tb__new(cpu_cnt);
	struct cpt_trace_meta *meta = tb__meta(tb);

	meta->argv = NULL;
	meta->target = "pid 7";
	meta->flags |= CPT_TRACE_ATTACHED;
	meta->start_mono_ns = start_ns;
	return tb;
}

static uint32_t find(struct trace_builder *tb, uint64_t ts_ns, uint32_t lead, const char *comm)
{
	const struct cpt_info info = {
		.comm = comm,
		.flags = CPT_TASK_FOUND | (lead ? CPT_TASK_THREAD : 0),
	};

	return tb__new_task(tb, ts_ns, lead, &info);
}

/* As the merge makes it of a task that was found blocked. */
static void find_blocked(struct trace_builder *tb, uint64_t ts_ns, uint32_t cpu, uint32_t task,
			 struct cpt_wait wait)
{
	tb__switch(tb, ts_ns, cpu, task, CPT_SW_FOUND, NULL);
	tb__switch(tb, ts_ns, cpu, TB_OTHER, CPT_SW_FOUND | CPT_SW_PREV_BLOCKED, &wait);
}

/*
 *        1000      |1500       2000   2100     2500
 *  app    ##########|####################        on CPU 1
 *  idle      pppppp|pppppppppppppppp rrr#####    in a pipe, woken at 2000, on CPU 0
 */
static void what_was_found_is_in_its_state_when_the_window_opens(void **state)
{
	struct trace_builder *tb = attached(2, 1500);
	uint32_t app = find(tb, 1000, 0, "app"), idle = find(tb, 1100, app, "idle");
	struct cpt_report *r;

	tb__run(tb, 1000 + 200, 1, app);
	find_blocked(tb, 1300, 0, idle, tb_wait_pipe(3));
	tb__wake(tb, 2000, idle, app);
	tb__run(tb, 2100, 0, idle);
	r = report_until(tb, NULL, 2500);
	assert_int_equal(r->window_start_ns, 1500);
	assert_int_equal(r->window_ns, 1000);
	assert_int_equal(row(r, app)->running_ns, 1000);
	assert_int_equal(row(r, idle)->reason_ns[CPT_REASON_PEER], 500);
	assert_int_equal(row(r, idle)->runnable_ns, 100);
	assert_int_equal(row(r, idle)->running_ns, 400);
	assert_int_equal(row(r, idle)->voluntary, 0);
	assert_int_equal(r->processes, 1);
	assert_int_equal(r->quality.odd_events, 0);
	assert_true(row(r, app)->alive_at_end);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 500, CPT_SPLIT_CONCURRENT_INTERLEAVED, 100,
		      CPT_SPLIT_PARALLEL_MULTI_CORE, 400, LEDGER_END);
	done(r, tb);
}

static void finding_a_task_is_no_switch(void **state)
{
	struct trace_builder *tb = attached(1, 1500);
	uint32_t idle = find(tb, 1000, 0, "idle");
	struct cpt_report *r;

	find_blocked(tb, 1100, 0, idle, tb_wait_sleep());
	r = report_until(tb, NULL, 2000);
	assert_int_equal(r->switches, 0);
	assert_int_equal(row(r, idle)->reason_ns[CPT_REASON_SLEEP], 500);
	expect_ledger(r, CPT_SPLIT_IDLE_ASLEEP, 500, LEDGER_END);
	done(r, tb);
}

/* Nothing happens behind the start: the window is there all the same. */
static void a_window_without_events_has_its_length(void **state)
{
	struct trace_builder *tb = attached(1, 5000);
	uint32_t app = find(tb, 1000, 0, "app");
	struct cpt_report *r;

	tb__run(tb, 1200, 0, app);
	r = report_until(tb, NULL, 9000);
	assert_int_equal(r->window_ns, 4000);
	assert_int_equal(row(r, app)->running_ns, 4000);
	assert_int_equal(row(r, app)->life_ns, 4000);
	done(r, tb);
}

/* One that was found runnable, one that was born and one that died before the window. */
static void only_who_lives_in_the_window_counts(void **state)
{
	struct trace_builder *tb = attached(1, 2000);
	uint32_t app = find(tb, 1000, 0, "app"), other = find(tb, 1010, 0, "other"), child;
	struct cpt_report *r;

	tb__run(tb, 1100, 0, app);
	child = tb__fork(tb, 1200, app, "child");
	tb__preempt(tb, 1300, app, child);
	tb__exit(tb, 1400, child, 0, app);
	tb__preempt(tb, 2500, app, other);
	r = report_until(tb, NULL, 3000);
	assert_int_equal(r->threads, 2);
	assert_int_equal(r->processes, 2);
	assert_int_equal(row(r, other)->runnable_ns, 500);
	assert_int_equal(row(r, other)->running_ns, 500);
	assert_int_equal(row(r, app)->running_ns, 500);
	done(r, tb);
}

/* Its program is told as an exec; that opens no window and ends no wait. */
static void the_program_found_is_no_new_one(void **state)
{
	struct trace_builder *tb = attached(2, 2000);
	uint32_t app = find(tb, 1000, 0, "app"), idle;
	struct cpt_report *r;

	tb__exec(tb, 1000, app, "/bin/app", "app");
	idle = find(tb, 1100, app, "idle");
	find_blocked(tb, 1200, 0, app, tb_wait_sleep());
	find_blocked(tb, 1300, 0, idle, tb_wait_pipe(3));
	r = report_until(tb, NULL, 3000);
	assert_int_equal(r->window_start_ns, 2000);
	assert_string_equal(row(r, app)->command, "app");
	assert_int_equal(row(r, app)->reason_ns[CPT_REASON_SLEEP], 1000);
	assert_int_equal(row(r, idle)->pid, row(r, app)->pid);
	done(r, tb);
}

/* A thread of the kernel waits for work, whatever its registers hold. */
static void a_thread_of_the_kernel_waits_for_work(void **state)
{
	const struct cpt_info info = {.comm = "kworker",
				      .flags = CPT_TASK_FOUND | CPT_TASK_KTHREAD};
	struct trace_builder *tb = attached(1, 2000);
	uint32_t worker = tb__new_task(tb, 1000, 0, &info);
	struct cpt_wait wait = tb_wait_call(CPT_SYSNO_OTHER, 0, 0, 0);
	struct cpt_report *r;

	find_blocked(tb, 1100, 0, worker, wait);
	r = report_until(tb, NULL, 3000);
	assert_int_equal(row(r, worker)->reason_ns[CPT_REASON_QUEUE], 1000);
	done(r, tb);
}

/* ---- a command with a delay --------------------------------------------------------------------- */

/*
 *         1000       |1600     2000
 *  app     ###########|#########
 *  worker     ppppppp|pppppppp
 */
static void a_delay_leaves_out_the_beginning(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), worker;
	struct cpt_report *r;

	tb__meta(tb)->delay_ns = 600;
	tb__run(tb, 1000, 0, app);
	worker = tb__thread(tb, 1100, app, "worker");
	tb__run(tb, 1150, 1, worker);
	tb__block(tb, 1200, worker, tb_wait_sleep(), TB_IDLE);
	tb__exit(tb, 2000, app, 0, TB_IDLE);
	r = report_until(tb, NULL, 2300);
	assert_int_equal(r->window_start_ns, 1600);
	assert_int_equal(row(r, app)->running_ns, 400);
	assert_int_equal(row(r, worker)->reason_ns[CPT_REASON_SLEEP], r->window_ns);
	done(r, tb);
}

static void a_command_that_ends_within_the_delay_has_no_window(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app");
	struct cpt_report *r;

	tb__meta(tb)->delay_ns = 5000;
	tb__run(tb, 1000, 0, app);
	tb__exit(tb, 2000, app, 0, TB_IDLE);
	r = report_until(tb, NULL, 9000);
	assert_int_equal(r->window_ns, 0);
	assert_int_equal(r->threads, 0);
	done(r, tb);
}

/* ---- the merge ---------------------------------------------------------------------------------- */

struct got {
	struct cpt_event ev[32];
	struct cpt_wait waits[32];
	size_t cnt;
};

static int take(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	struct got *got = ctx;

	for (size_t i = 0; i < cnt; i++) {
		assert_true(got->cnt < 32);
		got->ev[got->cnt] = ev[i];
		if (ev[i].type == CPT_EV_SWITCH && ev[i].wait)
			got->waits[got->cnt] = *ev[i].wait;
		got->cnt++;
	}
	return 0;
}

static int take_late(void *ctx, const struct cpt_late *late)
{
	return 0;
}

static struct cpt_rec_switch waits_in_pipe(uint32_t task, uint64_t ts_ns)
{
	return (struct cpt_rec_switch){
		.type = CPT_REC_SWITCH,
		.flags = CPT_SW_PREV_BLOCKED,
		.sysno = SYS_read,
		.object = CPT_FD_PIPE,
		.prev_state = 1,
		.prev = task,
		.ts_ns = ts_ns,
	};
}

/* It stands behind the task's birth and before the wake-up that ends the wait, which says by whom. */
static void a_wait_that_was_found_ends_like_any_other(void **state)
{
	struct got got = {0};
	const struct cpt_merge_sink sink = {take, take_late, NULL, &got};
	struct cpt_merge *m = merge__new(2, &sink);
	const struct cpt_rec_switch wait = waits_in_pipe(7, 1000);
	const struct cpt_rec_switch in = {.type = CPT_REC_SWITCH,
					  .flags = CPT_SW_NEXT_WOKEN,
					  .next = 7,
					  .waker = 9,
					  .wake_ts_ns = 1500,
					  .sysno = CPT_SYSNO_NONE,
					  .ts_ns = 1600};
	struct cpt_rec_task born = {
		.head = {.type = CPT_REC_NEW, .sz = sizeof(born), .ts_ns = 900, .id = 7},
		.tid = 7,
		.tgid = 7};

	assert_int_equal(merge__add_ring(m, 1, &in, 1), 0);
	assert_int_equal(merge__add_found(m, 0, &wait), 0);
	assert_int_equal(merge__add_life(m, &born, sizeof(born)), 0);
	assert_int_equal(merge__finish(m), 0);
	assert_int_equal(got.cnt, 5);
	assert_int_equal(got.ev[0].type, CPT_EV_NEW);
	assert_int_equal(got.ev[1].other, 7);
	assert_int_equal(got.ev[1].flags, CPT_SW_FOUND);
	assert_int_equal(got.ev[2].task, 7);
	assert_int_equal(got.ev[2].ts_ns, 1000);
	assert_int_equal(got.waits[2].object, CPT_FD_PIPE);
	assert_int_equal(got.ev[2].end, CPT_END_TASK);
	assert_int_equal(got.ev[2].end_waker, 9);
	assert_int_equal(got.ev[3].type, CPT_EV_WAKE);
	assert_int_equal(got.ev[4].type, CPT_EV_SWITCH);
	merge__free(m);
}

/* Found by the tick: what has been emitted is not before it. */
static void one_that_joins_stands_at_the_horizon_at_the_earliest(void **state)
{
	struct got got = {0};
	const struct cpt_merge_sink sink = {take, take_late, NULL, &got};
	struct cpt_merge *m = merge__new(1, &sink);
	const struct cpt_rec_switch wait = waits_in_pipe(7, 1000);
	struct cpt_rec_switch running = wait;

	assert_int_equal(merge__advance(m, 5000), 0);
	assert_int_equal(merge__add_found(m, 0, &wait), 0);
	assert_int_equal(merge__finish(m), 0);
	assert_int_equal(got.cnt, 2);
	assert_int_equal(got.ev[1].ts_ns, 5000);
	running.flags = 0;
	assert_int_equal(merge__add_found(m, 0, &running), -EINVAL);
	merge__free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_found_is_in_its_state_when_the_window_opens),
		cmocka_unit_test(finding_a_task_is_no_switch),
		cmocka_unit_test(a_window_without_events_has_its_length),
		cmocka_unit_test(only_who_lives_in_the_window_counts),
		cmocka_unit_test(the_program_found_is_no_new_one),
		cmocka_unit_test(a_thread_of_the_kernel_waits_for_work),
		cmocka_unit_test(a_delay_leaves_out_the_beginning),
		cmocka_unit_test(a_command_that_ends_within_the_delay_has_no_window),
		cmocka_unit_test(a_wait_that_was_found_ends_like_any_other),
		cmocka_unit_test(one_that_joins_stands_at_the_horizon_at_the_earliest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
