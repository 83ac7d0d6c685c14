// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_analysis.c - drawn timelines to states, classes, windows and sums, each worked out by hand.
 *
 * In the drawings a line is a CPU or a task; # running, r runnable, w waiting, p parked, ? unknown,
 * . nothing of ours. Numbers are ns.
 */
#include "analysis_fixture.h"

#include <stdio.h>
#include <string.h>

/* ---- states --------------------------------------------------------------------------------------- */

/*
 *        1000      1100      1300      1400
 *  app    ####################rrrrrrrrrr####
 *  CPU 0  |<------ app ------>|< other >|app
 */
static void preempted_task_is_runnable_not_waiting(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	tb__preempt(tb, 1300, app, TB_OTHER);
	tb__run(tb, 1400, 0, app);
	tb__exit(tb, 1500, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->window_ns, 500);
	assert_int_equal(row(r, app)->running_ns, 400);
	assert_int_equal(row(r, app)->runnable_ns, 100);
	assert_int_equal(row(r, app)->involuntary, 1);
	assert_int_equal(row(r, app)->voluntary, 1); /* its end */
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 400, CPT_SPLIT_SERIAL_RUNNABLE, 100, LEDGER_END);
	done(r, tb);
}

static void yielding_task_is_runnable(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	tb__yield(tb, 1100, app, TB_OTHER);
	tb__run(tb, 1150, 0, app);
	tb__exit(tb, 1200, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(row(r, app)->runnable_ns, 50);
	assert_int_equal(row(r, app)->involuntary, 1);
	done(r, tb);
}

/*
 *        1000   1100       1300  1350  1400
 *  app    #######wwwwwwwwwwrrrrrrr#####
 *                          ^ woken
 */
static void blocked_task_waits_until_it_is_woken_and_is_runnable_until_it_runs(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	tb__block(tb, 1100, app, tb_wait_disk(), TB_IDLE);
	tb__wake_irq(tb, 1300, app, CPT_CTX_SOFTIRQ, 0);
	tb__run(tb, 1350, 0, app);
	tb__exit(tb, 1400, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(row(r, app)->running_ns, 150);
	assert_int_equal(row(r, app)->reason_ns[CPT_REASON_DISK], 200);
	assert_int_equal(row(r, app)->runnable_ns, 50);
	assert_int_equal(row(r, app)->voluntary, 2);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 150, CPT_SPLIT_SERIAL_WAITING, 200,
		      CPT_SPLIT_SERIAL_RUNNABLE, 50, LEDGER_END);
	done(r, tb);
}

/*
 *        1000   1080 1100      1200
 *  app    ############rrrrrrrrrr####      woken at 1080, while it still leaves its CPU
 */
static void wake_before_switch_out_makes_it_runnable_at_once(void **state)
{
	const struct cpt_wait disk = tb_wait_disk();
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app");
	const struct cpt_event *drawn;
	struct cpt_event ev[EVENTS_MAX];
	struct cpt_report *r;
	size_t cnt;

	tb__run(tb, 1000, 0, app);
	tb__switch(tb, 1100, 0, TB_IDLE, CPT_SW_PREV_BLOCKED, &disk);
	tb__wake_irq(tb, 1100, app, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1200, 0, app);
	tb__exit(tb, 1300, app, 0, TB_IDLE);
	drawn = tb__events(tb, &cnt);
	memcpy(ev, drawn, cnt * sizeof(*ev));
	for (size_t i = 0; i + 1 < cnt; i++) {
		if (ev[i + 1].type == CPT_EV_WAKE) { /* before the switch-out */
			struct cpt_event out = ev[i];

			ev[i] = ev[i + 1];
			ev[i].ts_ns = 1080;
			ev[i + 1] = out;
			break;
		}
	}
	r = report_events(tb__meta(tb), ev, cnt, NULL, NULL, 0);
	assert_int_equal(row(r, app)->reason_ns[CPT_REASON_DISK], 0);
	assert_int_equal(row(r, app)->runnable_ns, 100);
	assert_int_equal(row(r, app)->running_ns, 200);
	done(r, tb);
}

/*
 *        1000 1100    1200 1210      1300 1310          1500
 *  app    ####ssssssss####TTTTTTTTTTT####ssssssssssssss####     s asleep, T stopped in that sleep
 */
static void sleep_taken_up_again_after_a_stop_is_a_sleep(void **state)
{
	const struct cpt_wait again = tb_wait_call(219, 0, 0, 0);
	struct cpt_wait stop = tb_wait_sleep();
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app");
	struct cpt_report *r;

	stop.prev_state = 0x0004;
	tb__run(tb, 1000, 0, app);
	tb__block(tb, 1050, app, again, TB_IDLE); /* of a call that no one saw */
	tb__wake_irq(tb, 1100, app, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1100, 0, app);
	tb__block(tb, 1100, app, tb_wait_sleep(), TB_IDLE);
	tb__wake_foreign(tb, 1200, app, 77);
	tb__run(tb, 1200, 0, app);
	for (int i = 0; i < 2; i++) { /* the second stop is in the call that goes on */
		tb__block(tb, 1210 + 300 * i, app, stop, TB_IDLE);
		tb__wake_foreign(tb, 1300 + 300 * i, app, 77);
		tb__run(tb, 1300 + 300 * i, 0, app);
		tb__block(tb, 1310 + 300 * i, app, again, TB_IDLE);
		tb__wake_irq(tb, 1500 + 300 * i, app, CPT_CTX_HARDIRQ, 0);
		tb__run(tb, 1500 + 300 * i, 0, app);
		stop.sysno = 219;
	}
	tb__exit(tb, 1900, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(row(r, app)->reason_ns[CPT_REASON_OTHER], 50);
	assert_int_equal(row(r, app)->reason_ns[CPT_REASON_STOPPED], 180);
	assert_int_equal(row(r, app)->reason_ns[CPT_REASON_SLEEP], 100 + 190 + 190);
	done(r, tb);
}

static void newborn_is_runnable_until_it_runs(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), worker;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	worker = tb__thread(tb, 1100, app, "app");
	tb__run(tb, 1130, 1, worker);
	tb__exit(tb, 1200, worker, 0, TB_IDLE);
	tb__exit(tb, 1200, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(row(r, worker)->start_ns, 1100);
	assert_int_equal(row(r, worker)->end_ns, 1200);
	assert_int_equal(row(r, worker)->runnable_ns, 30);
	assert_int_equal(row(r, worker)->running_ns, 70);
	assert_int_equal(row(r, worker)->migrations, 0);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 100, CPT_SPLIT_CONCURRENT_INTERLEAVED, 30,
		      CPT_SPLIT_PARALLEL_MULTI_CORE, 70, LEDGER_END);
	done(r, tb);
}

/* ---- classes --------------------------------------------------------------------------------------- */

/*
 *         1000      1100      1200      1300
 *  CPU 0  |   app    |  worker |   app    |
 *  worker      rrrrrr##########             born at 1050
 *  app    ###########rrrrrrrrrr###########
 */
static void two_threads_on_one_cpu_are_interleaved(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app"), worker;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	worker = tb__thread(tb, 1050, app, "app");
	tb__preempt(tb, 1100, app, worker);
	tb__exit(tb, 1200, worker, 0, app);
	tb__exit(tb, 1300, app, 0, TB_IDLE);
	r = report_of(tb);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 150, CPT_SPLIT_CONCURRENT_INTERLEAVED, 150,
		      LEDGER_END);
	assert_int_equal(r->parallel_ns[1], 300);
	assert_int_equal(r->parallel_peak, 1);
	assert_int_equal(r->concurrent_peak, 2);
	assert_true(r->concurrent_average == 1.5);
	assert_true(r->tlp == 1.0);
	assert_int_equal(r->verdict, CPT_CLASS_CONCURRENT); /* 150 each: the first of the table */
	done(r, tb);
}

/*
 *         1000       1100            1400 1500
 *  CPU 0  ##### app ####################
 *  CPU 1             #### worker #########
 */
static void two_threads_on_two_cpus_are_parallel(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), worker;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	worker = tb__thread(tb, 1100, app, "app");
	tb__run(tb, 1100, 1, worker);
	tb__exit(tb, 1400, app, 0, TB_IDLE);
	tb__exit(tb, 1500, worker, 0, TB_IDLE);
	r = report_of(tb);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 200, CPT_SPLIT_PARALLEL_MULTI_CORE, 300,
		      LEDGER_END);
	assert_int_equal(r->cpu_time_ns, 800);
	assert_true(r->parallel_average == 1.6);
	assert_int_equal(r->cores_ns[2], 300);
	assert_int_equal(r->verdict, CPT_CLASS_PARALLEL);
	done(r, tb);
}

/* CPUs 0 and 1 are the hardware threads of one core; 2 is a core of its own. */
static void smt_siblings_are_smt_only(void **state)
{
	const struct cpt_cpu_info cpus[3] = {{.cpu = 0, .online = 1, .core = 0},
					     {.cpu = 1, .online = 1, .core = 0},
					     {.cpu = 2, .online = 1, .core = 1}};
	struct trace_builder *tb = tb__new(3);
	uint32_t app = tb__command(tb, 1000, "app"), a, b;
	struct cpt_report *r;

	tb__meta(tb)->cpus = cpus;
	tb__run(tb, 1000, 0, app);
	a = tb__thread(tb, 1100, app, "app");
	tb__run(tb, 1100, 1, a); /* siblings: 0, 1 */
	b = tb__thread(tb, 1200, app, "app");
	tb__run(tb, 1200, 2, b); /* two cores, three CPUs */
	tb__exit(tb, 1300, a, 0, TB_IDLE);
	tb__exit(tb, 1400, b, 0, TB_IDLE);
	tb__exit(tb, 1500, app, 0, TB_IDLE);
	r = report_of(tb);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 200, CPT_SPLIT_PARALLEL_SMT_ONLY, 100,
		      CPT_SPLIT_PARALLEL_MULTI_CORE, 200, LEDGER_END);
	assert_int_equal(r->parallel_ns[2], 200);
	assert_int_equal(r->parallel_ns[3], 100);
	assert_int_equal(r->cores_ns[1], 300); /* 200 alone, 100 with the sibling */
	assert_int_equal(r->cores_ns[2], 200);
	assert_int_equal(r->cpus_physical, 2);
	assert_int_equal(r->cpus_online, 3);
	done(r, tb);
}

/* A machine that says nothing of its cores: each CPU is one. */
static void cpus_of_unknown_cores_are_cores_of_their_own(void **state)
{
	const struct cpt_cpu_info cpus[1] = {{.cpu = 0, .online = 1, .core = -1}};
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), a;
	struct cpt_report *r;

	tb__meta(tb)->cpus = cpus;
	tb__meta(tb)->cpu_info_cnt = 1;
	tb__run(tb, 1000, 0, app);
	a = tb__thread(tb, 1000, app, "app");
	tb__run(tb, 1000, 1, a);
	tb__exit(tb, 1300, a, 0, TB_IDLE);
	tb__exit(tb, 1300, app, 0, TB_IDLE);
	r = report_of(tb);
	expect_ledger(r, CPT_SPLIT_PARALLEL_MULTI_CORE, 300, LEDGER_END);
	done(r, tb);
}

/*
 *         1000  1100  1200  1300  1400  1500  1600  1700  1800  1900  2000
 *  app    ################################################pppppppppppp|
 *  a            ######wwwwww mutex wwwwwwrrrrrr######|
 *  b                        ######wwwwwwwwwww disk wwwwwwwwwwwwww######|
 *         run   par   cont  par   cont  int   par   over  wait  run
 */
static void one_runner_beside_waiters_is_contended_or_overlapped(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), a, b;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	a = tb__thread(tb, 1100, app, "app");
	tb__run(tb, 1100, 1, a);
	tb__block(tb, 1200, a, tb_wait_mutex(0x10, tb_tid(app)), TB_IDLE); /* contended */
	b = tb__thread(tb, 1300, app, "app");
	tb__run(tb, 1300, 1, b);
	tb__block(tb, 1400, b, tb_wait_disk(), TB_IDLE);	      /* lock and disk: contended */
	tb__wake(tb, 1500, a, app);				      /* interleaved */
	tb__run(tb, 1600, 1, a);				      /* parallel */
	tb__exit(tb, 1700, a, 0, TB_IDLE);			      /* disk alone: overlapped */
	tb__block(tb, 1800, app, tb_wait_call(61, 0, 0, 0), TB_IDLE); /* parked: b alone waits */
	tb__wake_irq(tb, 1900, b, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1900, 1, b);
	tb__wake(tb, 2000, app, b);
	tb__exit(tb, 2000, b, 0, app);
	tb__exit(tb, 2000, app, 0, TB_IDLE);
	r = report_of(tb);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 200, CPT_SPLIT_SERIAL_WAITING, 100,
		      CPT_SPLIT_CONCURRENT_CONTENDED, 200, CPT_SPLIT_CONCURRENT_INTERLEAVED, 100,
		      CPT_SPLIT_CONCURRENT_OVERLAPPED, 100, CPT_SPLIT_PARALLEL_MULTI_CORE, 300,
		      LEDGER_END);
	assert_int_equal(row(r, a)->reason_ns[CPT_REASON_LOCK], 300);
	assert_int_equal(row(r, b)->reason_ns[CPT_REASON_DISK], 500);
	done(r, tb);
}

/*
 *         1000  1100  1200  1300  1400  1500
 *  app    #####wwwwww wwwww rrrrr rrrrr####
 *  a      ###########wwwwwwwwwwww rrrrr.....
 */
static void nobody_running_is_all_waiting_or_starved(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), a;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	a = tb__thread(tb, 1000, app, "app");
	tb__run(tb, 1000, 1, a);
	tb__block(tb, 1100, app, tb_wait_disk(), TB_OTHER);
	tb__block(tb, 1200, a, tb_wait_disk(), TB_OTHER);
	tb__wake_irq(tb, 1300, app, CPT_CTX_HARDIRQ, 0);
	tb__wake_irq(tb, 1400, a, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1500, 0, app);
	tb__exit(tb, 1600, app, 0, a);
	tb__exit(tb, 1700, a, 0, TB_IDLE);
	r = report_of(tb);
	expect_ledger(r, CPT_SPLIT_PARALLEL_MULTI_CORE, 100, CPT_SPLIT_CONCURRENT_OVERLAPPED, 100,
		      CPT_SPLIT_CONCURRENT_ALL_WAITING, 100, CPT_SPLIT_CONCURRENT_STARVED, 200,
		      CPT_SPLIT_CONCURRENT_INTERLEAVED, 100, CPT_SPLIT_SERIAL_RUNNING, 100,
		      LEDGER_END);
	done(r, tb);
}

static void sleeping_program_is_idle_and_asleep_unless_sleep_is_asked_for(void **state)
{
	const struct cpt_analysis_opts counted = {.in_progress = CPT_IN_PROGRESS_SLEEP};
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), a;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	a = tb__thread(tb, 1000, app, "app");
	tb__run(tb, 1000, 1, a);
	tb__block(tb, 1100, a, tb_wait_sleep(), TB_IDLE);
	tb__block(tb, 1200, app, tb_wait_sleep(), TB_IDLE);
	tb__wake_irq(tb, 1500, a, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1500, 1, a);
	tb__exit(tb, 1600, a, 0, TB_IDLE);
	tb__wake_irq(tb, 1700, app, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1700, 0, app);
	tb__exit(tb, 1800, app, 0, TB_IDLE);
	r = report_of(tb);
	expect_ledger(r, CPT_SPLIT_PARALLEL_MULTI_CORE, 100, CPT_SPLIT_SERIAL_RUNNING, 300,
		      CPT_SPLIT_IDLE_ASLEEP, 400, LEDGER_END);
	assert_int_equal(r->peak_asleep, 2);
	assert_int_equal(r->concurrent_ns[0], 400);
	report__free(r);
	/* counted: 1100 and 1500 one beside it, 1200-1500 two, 1600-1700 one */
	r = report_until(tb, &counted, 0);
	expect_ledger(r, CPT_SPLIT_PARALLEL_MULTI_CORE, 100, CPT_SPLIT_CONCURRENT_OVERLAPPED, 200,
		      CPT_SPLIT_CONCURRENT_ALL_WAITING, 300, CPT_SPLIT_SERIAL_WAITING, 100,
		      CPT_SPLIT_SERIAL_RUNNING, 100, LEDGER_END);
	assert_int_equal(r->peak_asleep, 2);
	done(r, tb);
}

/* A server between requests: nothing is in progress and nobody sleeps. */
static void parked_program_is_idle_and_quiet(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	tb__block(tb, 1010, app, tb_wait_fd(43, 3, CPT_FD_SOCK_LISTEN), TB_IDLE);
	tb__wake_irq(tb, 1900, app, CPT_CTX_SOFTIRQ, 0);
	tb__run(tb, 1900, 0, app);
	tb__exit(tb, 2000, app, 0, TB_IDLE);
	r = report_of(tb);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 110, CPT_SPLIT_IDLE_QUIET, 890, LEDGER_END);
	assert_int_equal(row(r, app)->reason_ns[CPT_REASON_ACCEPT], 890);
	assert_int_equal(r->verdict, CPT_CLASS_SERIAL); /* of the time that is not idle */
	done(r, tb);
}

/* ---- what waits are for ---------------------------------------------------------------------------- */

/*
 *  reader  ###pppppppppppppp###wwwwwwwww###
 *  writer  .......######...................      wakes the reader; then someone outside does
 */
static void reader_is_parked_when_a_task_of_ours_writes_and_waits_when_not(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t reader = tb__command(tb, 1000, "reader"), writer;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, reader);
	writer = tb__fork(tb, 1000, reader, "writer");
	tb__run(tb, 1000, 1, writer);
	tb__block(tb, 1100, reader, tb_wait_pipe(3), TB_IDLE);
	tb__wake(tb, 1300, reader, writer);
	tb__exit(tb, 1300, writer, 0, TB_IDLE);
	tb__run(tb, 1300, 0, reader);
	tb__block(tb, 1400, reader, tb_wait_pipe(3), TB_IDLE);
	tb__wake_foreign(tb, 1600, reader, 4711);
	tb__run(tb, 1600, 0, reader);
	tb__exit(tb, 1700, reader, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(row(r, reader)->reason_ns[CPT_REASON_PEER], 200);
	assert_int_equal(row(r, reader)->reason_ns[CPT_REASON_PIPE], 200);
	/* the writer stands for the work while the reader is parked: serial, not concurrent */
	expect_ledger(r, CPT_SPLIT_PARALLEL_MULTI_CORE, 100, CPT_SPLIT_SERIAL_RUNNING, 400,
		      CPT_SPLIT_SERIAL_WAITING, 200, LEDGER_END);
	done(r, tb);
}

static void join_is_told_from_other_futexes_by_the_tid_it_waits_for(void **state)
{
	/* WAIT_BITSET | CLOCK_REALTIME, shared: 9 | 256 */
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), worker, child;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	worker = tb__thread(tb, 1000, app, "app");
	child = tb__fork(tb, 1000, app, "app");
	tb__run(tb, 1000, 1, worker);
	tb__block(tb, 1100, app, tb_wait_futex(0x10, 265, tb_tid(worker), CPT_FUTEX_PLAIN, 0),
		  TB_IDLE);
	tb__wake(tb, 1200, app, worker);
	tb__exit(tb, 1200, worker, 0, child);
	tb__run(tb, 1200, 0, app);
	tb__block(tb, 1300, app, tb_wait_futex(0x10, 265, tb_tid(child), CPT_FUTEX_PLAIN, 0),
		  TB_IDLE);
	tb__wake(tb, 1400, app, child);
	tb__exit(tb, 1400, child, 0, TB_IDLE);
	tb__run(tb, 1400, 0, app);
	tb__exit(tb, 1500, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(row(r, app)->reason_ns[CPT_REASON_JOIN], 100);
	assert_int_equal(row(r, app)->reason_ns[CPT_REASON_OTHER], 100); /* no thread of its own */
	done(r, tb);
}

static void vfork_parent_stands_aside_for_its_child(void **state)
{
	struct cpt_wait vfork = tb_wait_call(58, 0, 0, 0);
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "sh"), child;
	struct cpt_report *r;

	vfork.prev_state = 0x0102;
	tb__run(tb, 1000, 0, app);
	child = tb__fork(tb, 1100, app, "sh");
	tb__block(tb, 1100, app, vfork, child);
	tb__exec(tb, 1150, child, "/bin/true", "true");
	tb__wake(tb, 1150, app, child);
	tb__exit(tb, 1200, child, 0, app);
	tb__exit(tb, 1300, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(row(r, app)->reason_ns[CPT_REASON_JOIN], 50);
	assert_string_equal(row(r, child)->name, "true");
	assert_string_equal(row(r, child)->command, "true");
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 250, CPT_SPLIT_CONCURRENT_INTERLEAVED, 50,
		      LEDGER_END);
	done(r, tb);
}

static void io_worker_without_work_is_in_a_queue(void **state)
{
	const struct cpt_info info = {.comm = "iou-wrk",
				      .flags = CPT_TASK_THREAD | CPT_TASK_IO_WORKER};
	struct cpt_wait idle = tb_wait_call(CPT_SYSNO_OTHER, 0, 0, 0);
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), worker;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	worker = tb__new_task(tb, 1000, app, &info);
	tb__run(tb, 1000, 1, worker);
	tb__block(tb, 1100, worker, idle, TB_IDLE);
	tb__exit(tb, 1200, app, 0, TB_IDLE);
	r = report_until(tb, NULL, 1300); /* the worker is never seen to end */
	assert_int_equal(row(r, worker)->reason_ns[CPT_REASON_QUEUE], 200);
	assert_true(row(r, worker)->io_worker);
	done(r, tb);
}

/* ---- the window -------------------------------------------------------------------------------------- */

/*
 *          1000    1200   1300   1400
 *  app     #########|
 *  worker    ##############|               same process: the window lasts
 *  child     ######################…       a process of its own: cut
 */
static void window_ends_with_the_last_thread_of_the_commands_process(void **state)
{
	struct trace_builder *tb = tb__new(3);
	uint32_t app = tb__command(tb, 1000, "app"), worker, child;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	worker = tb__thread(tb, 1050, app, "app");
	tb__run(tb, 1050, 1, worker);
	child = tb__fork(tb, 1100, app, "app");
	tb__run(tb, 1100, 2, child);
	tb__exit(tb, 1200, app, 0, TB_IDLE);
	tb__exit(tb, 1300, worker, 0, TB_IDLE);
	tb__exit(tb, 1400, child, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->window_start_ns, 1000);
	assert_int_equal(r->window_end_ns, 1300);
	assert_false(r->window_open);
	assert_int_equal(row(r, child)->life_ns, 200);
	assert_int_equal(row(r, child)->end_ns, 1300);
	assert_int_equal(r->processes, 2);
	assert_int_equal(r->threads, 3);
	assert_int_equal(r->peak_alive, 3);
	done(r, tb);
}

static void process_that_outlives_the_command_is_alive_at_end(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), child;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	child = tb__fork(tb, 1100, app, "daemon");
	tb__run(tb, 1100, 1, child);
	tb__exit(tb, 1200, app, 0, TB_IDLE);
	tb__exit(tb, 1900, child, 0, TB_IDLE);
	r = report_of(tb);
	assert_true(row(r, child)->alive_at_end);
	assert_false(row(r, app)->alive_at_end);
	assert_int_equal(row(r, child)->running_ns, 100);
	done(r, tb);
}

static void wait_all_follows_the_tree_to_its_last_task(void **state)
{
	struct trace_builder *tb = tb__new(2);
	const struct cpt_analysis_opts all = {.wait_all = true};
	uint32_t app = tb__command(tb, 1000, "app"), child;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	child = tb__fork(tb, 1100, app, "daemon");
	tb__run(tb, 1100, 1, child);
	tb__exit(tb, 1200, app, 0, TB_IDLE);
	tb__exit(tb, 1900, child, 0, TB_IDLE);
	r = report_until(tb, &all, 2500);
	assert_int_equal(r->window_end_ns, 1900);
	assert_false(row(r, child)->alive_at_end);
	report__free(r);
	tb__meta(tb)->flags = CPT_TRACE_WAIT_ALL; /* as the recording was asked to */
	r = report_until(tb, NULL, 2500);
	assert_int_equal(r->window_end_ns, 1900);
	done(r, tb);
}

static void trace_without_the_commands_end_is_cut_where_it_stops(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	r = report_until(tb, NULL, 1700);
	assert_int_equal(r->window_ns, 700);
	assert_true(r->window_open);
	assert_true(row(r, app)->alive_at_end);
	assert_int_equal(row(r, app)->running_ns, 700);
	done(r, tb);
}

/* No command: what is traced was there before. Nobody's end closes the window. */
static void attached_trace_is_open_from_its_first_event_to_its_end(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app");
	struct cpt_report *r;

	tb__meta(tb)->argv = NULL;
	tb__run(tb, 1000, 0, app);
	tb__exit(tb, 1100, app, 0, TB_IDLE);
	r = report_until(tb, NULL, 1700);
	assert_int_equal(r->window_start_ns, 1000);
	assert_int_equal(r->window_ns, 700);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 100, CPT_SPLIT_IDLE_QUIET, 600, LEDGER_END);
	done(r, tb);
}

static void empty_trace_is_an_empty_report(void **state)
{
	static char *argv[] = {(char *)"x", NULL};
	const struct cpt_trace_meta meta = {.argv = argv, .cpu_cnt = 1, .start_mono_ns = 500};
	struct cpt_report *r = report_events(&meta, NULL, 0, NULL, NULL, 900);

	assert_int_equal(r->window_ns, 0);
	assert_int_equal(r->window_start_ns, 500);
	assert_int_equal(r->threads_cnt, 0);
	assert_int_equal(r->parallel_cnt, 1);
	assert_int_equal(r->verdict, CPT_CLASS_IDLE);
	report__free(r);
}

/* ---- identities --------------------------------------------------------------------------------------- */

/*
 *  app     ######|             the leader ends: exec kills its siblings
 *  worker    ##########x#####  execs: same number, the leader's tid, the process lives on
 */
static void exec_from_a_thread_keeps_its_number(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), worker;
	struct cpt_info info = {.comm = "next", .filename = "/bin/next"};
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	worker = tb__thread(tb, 1000, app, "app");
	tb__run(tb, 1000, 1, worker);
	tb__exit(tb, 1100, app, 0, TB_IDLE);
	info.tid = info.tgid = info.ns_tid = tb_tid(app);
	tb__exec_info(tb, 1150, worker, &info);
	tb__exit(tb, 1300, worker, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->window_ns, 300);
	assert_int_equal(r->threads, 2);
	assert_int_equal(r->processes, 1);
	assert_int_equal(row(r, worker)->tid, tb_tid(app));
	assert_int_equal(row(r, worker)->running_ns, 300);
	assert_string_equal(row(r, worker)->name, "next");
	done(r, tb);
}

static void reused_tid_is_another_thread(void **state)
{
	const struct cpt_info info = {
		.tid = 4000, .tgid = 1001, .ns_tid = 4000, .flags = CPT_TASK_THREAD, .comm = "t"};
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), a, b;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	a = tb__new_task(tb, 1000, app, &info);
	tb__run(tb, 1000, 1, a);
	tb__exit(tb, 1100, a, 0, TB_IDLE);
	b = tb__new_task(tb, 1200, app, &info);
	tb__run(tb, 1200, 1, b);
	tb__exit(tb, 1400, b, 0, TB_IDLE);
	tb__exit(tb, 1400, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(row(r, a)->running_ns, 100);
	assert_int_equal(row(r, b)->running_ns, 200);
	assert_int_equal(row(r, a)->tid, row(r, b)->tid);
	done(r, tb);
}

/* Its NEW was lost: the task is there from its first switch on, under no name. */
static void task_without_a_birth_lives_from_its_first_switch(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), worker;
	const struct cpt_event *drawn;
	struct cpt_event ev[EVENTS_MAX];
	struct cpt_report *r;
	size_t cnt, kept = 0;

	tb__run(tb, 1000, 0, app);
	worker = tb__thread(tb, 1100, app, "app");
	tb__run(tb, 1200, 1, worker);
	tb__exit(tb, 1300, worker, 0, TB_IDLE);
	tb__exit(tb, 1400, app, 0, TB_IDLE);
	drawn = tb__events(tb, &cnt);
	for (size_t i = 0; i < cnt; i++)
		if (drawn[i].type != CPT_EV_NEW || drawn[i].task != worker)
			ev[kept++] = drawn[i];
	r = report_events(tb__meta(tb), ev, kept, NULL, NULL, 0);
	assert_true(row(r, worker)->identity_lost);
	assert_int_equal(row(r, worker)->life_ns, 100);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 300, CPT_SPLIT_PARALLEL_MULTI_CORE, 100,
		      LEDGER_END);
	done(r, tb);
}

static void lost_first_exec_opens_the_window_at_the_first_switch(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app");
	const struct cpt_event *drawn;
	struct cpt_event ev[EVENTS_MAX];
	struct cpt_report *r;
	size_t cnt, kept = 0;

	tb__run(tb, 1100, 0, app);
	tb__exit(tb, 1400, app, 0, TB_IDLE);
	drawn = tb__events(tb, &cnt);
	for (size_t i = 0; i < cnt; i++)
		if (drawn[i].type != CPT_EV_EXEC)
			ev[kept++] = drawn[i];
	r = report_events(tb__meta(tb), ev, kept, NULL, NULL, 0);
	assert_int_equal(r->window_start_ns, 1100);
	assert_int_equal(r->window_ns, 300);
	assert_int_equal(row(r, app)->running_ns, 300);
	assert_true(r->quality.odd_events > 0);
	done(r, tb);
}

/* ---- sums ---------------------------------------------------------------------------------------------- */

/*
 *          1000     1100           1400  1600
 *  app     ##########################            height 100 + 300/2 = 250, width (100 + 600)/400
 *  worker           ######################       height 300/2 + 200 = 350, width (600 + 200)/500
 */
static void bottles_are_as_high_as_their_share_and_as_wide_as_the_company(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), worker;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	worker = tb__thread(tb, 1100, app, "app");
	tb__run(tb, 1100, 1, worker);
	tb__exit(tb, 1400, app, 0, TB_IDLE);
	tb__exit(tb, 1600, worker, 0, TB_IDLE);
	r = report_of(tb);
	assert_true(row(r, app)->bottle_height_ns == 250.0);
	assert_true(row(r, app)->bottle_width == 1.75);
	assert_true(row(r, worker)->bottle_height_ns == 350.0);
	assert_true(row(r, worker)->bottle_width == 1.6);
	assert_int_equal(row(r, app)->parallel_ns, 300);
	assert_int_equal(row(r, app)->alone_ns, 100);
	assert_int_equal(row(r, worker)->alone_ns, 200);
	done(r, tb);
}

static void cmetric_divides_among_all_who_want_a_cpu(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app"), worker;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	worker = tb__thread(tb, 1100, app, "app"); /* runnable beside app: 300/2 each */
	tb__preempt(tb, 1400, app, worker);
	tb__exit(tb, 1700, worker, 0, app);
	tb__exit(tb, 1800, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_true(row(r, app)->cmetric_ns == 100 + 150 + 100);
	assert_true(row(r, worker)->cmetric_ns == 150);
	done(r, tb);
}

static void overlap_pairs_names_and_counts_a_name_with_itself(void **state)
{
	struct trace_builder *tb = tb__new(3);
	uint32_t app = tb__command(tb, 1000, "app"), a, b;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	a = tb__thread(tb, 1100, app, "w");
	tb__run(tb, 1100, 1, a);
	b = tb__thread(tb, 1200, app, "w");
	tb__run(tb, 1200, 2, b);
	tb__exit(tb, 1350, app, 0, TB_IDLE);
	tb__exit(tb, 1400, a, 0, TB_IDLE);
	tb__exit(tb, 1500, b, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->overlap.cnt, 2);
	assert_string_equal(r->overlap.names[0], "app");
	assert_string_equal(r->overlap.names[1], "w");
	assert_int_equal(r->overlap.ns[0], 0);	 /* app with app */
	assert_int_equal(r->overlap.ns[1], 250); /* app with some w */
	assert_int_equal(r->overlap.ns[2], 250);
	assert_int_equal(r->overlap.ns[3], 200); /* two w at once */
	done(r, tb);
}

/* 70 threads of 70 names beside the command: 63 names keep a row, the rest share the last. */
static void names_beyond_the_table_share_the_row_other(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), id;
	struct cpt_report *r;
	uint64_t ts = 1000;

	tb__run(tb, ts, 0, app);
	for (int i = 0; i < 70; i++, ts += 10) {
		char name[16];

		snprintf(name, sizeof(name), "n%d", i);
		id = tb__thread(tb, ts, app, name);
		tb__run(tb, ts, 1, id);
		tb__exit(tb, ts + 10, id, 0, TB_IDLE);
	}
	tb__exit(tb, ts, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->overlap.cnt, CPT_OVERLAP_MAX);
	assert_string_equal(r->overlap.names[CPT_OVERLAP_MAX - 1], CPT_NAME_OTHER);
	assert_int_equal(r->overlap.ns[1], 10);			      /* app, n0 */
	assert_int_equal(r->overlap.ns[CPT_OVERLAP_MAX - 1], 8 * 10); /* n62 to n69 */
	done(r, tb);
}

static void migrations_and_cpus_are_counted(void **state)
{
	struct trace_builder *tb = tb__new(3);
	uint32_t app = tb__command(tb, 1000, "app");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	tb__preempt(tb, 1100, app, TB_OTHER);
	tb__run(tb, 1200, 2, app);
	tb__preempt(tb, 1300, app, TB_OTHER);
	tb__run(tb, 1400, 0, app);
	tb__preempt(tb, 1500, app, TB_OTHER);
	tb__run(tb, 1600, 0, app);
	tb__exit(tb, 1700, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(row(r, app)->migrations, 2);
	assert_int_equal(row(r, app)->cpus_used, 2);
	assert_int_equal(row(r, app)->involuntary, 3);
	done(r, tb);
}

/*
 *  allowed     0,1,2,3   0   0,1(child)    …
 *          1000     1100  1200         1300   1400
 */
static void allowed_cpus_follow_the_masks_of_the_living(void **state)
{
	const uint64_t only0[1] = {0x1}, only1[1] = {0x2}, far[2] = {0, 0x1};
	struct trace_builder *tb = tb__new(4);
	uint32_t app = tb__command(tb, 1000, "app"), child;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	tb__affinity(tb, 1100, app, only0, 1);	 /* 4 until here, then 1 */
	child = tb__fork(tb, 1200, app, "app");	 /* all CPUs again: 4 */
	tb__affinity(tb, 1250, child, only1, 1); /* 2 */
	tb__run(tb, 1250, 1, child);
	tb__exit(tb, 1300, child, 0, TB_IDLE); /* 1 */
	tb__affinity(tb, 1400, app, far, 2);   /* no such CPU, but 0 runs it: 1 */
	tb__exit(tb, 1500, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->allowed_integral, 400 + 100 + 200 + 100 + 200);
	assert_int_equal(r->cpus_allowed, 1);
	assert_true(r->efficiency == (double)(500 + 50) / 1000);
	done(r, tb);
}

static void offline_cpus_are_not_allowed_unless_they_run_ours(void **state)
{
	const struct cpt_cpu_info cpus[2] = {{.cpu = 0, .online = 1, .core = 0},
					     {.cpu = 1, .online = 0, .core = 1}};
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app");
	struct cpt_report *r;

	tb__meta(tb)->cpus = cpus;
	tb__run(tb, 1000, 0, app);
	tb__preempt(tb, 1100, app, TB_IDLE);
	tb__run(tb, 1100, 1, app); /* it has come online since */
	tb__exit(tb, 1300, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->allowed_integral, 100 * 1 + 200 * 2);
	assert_int_equal(r->cpus_online, 2);
	assert_int_equal(r->cpus_physical, 2);
	done(r, tb);
}

static void a_cpu_that_came_is_of_the_core_of_its_sibling(void **state)
{
	const struct cpt_cpu_info cpus[3] = {{.cpu = 0, .online = 1, .core = 0},
					     {.cpu = 1, .online = 0, .core = 0},
					     {.cpu = 2, .online = 0, .core = 1}};
	struct trace_builder *tb = tb__new(3);
	uint32_t app = tb__command(tb, 1000, "app");
	struct cpt_report *r;

	tb__meta(tb)->cpus = cpus;
	tb__meta(tb)->cpu_info_cnt = 3;
	tb__run(tb, 1000, 0, app);
	tb__preempt(tb, 1100, app, TB_IDLE);
	tb__run(tb, 1100, 1, app);
	tb__exit(tb, 1300, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->cpus_online, 2); /* CPU 2 ran nothing of ours */
	assert_int_equal(r->cpus_physical, 1);
	done(r, tb);
}

static void audit_holds_our_cpu_time_against_the_kernels(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), worker;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	worker = tb__thread(tb, 1000, app, "app");
	tb__run(tb, 1000, 1, worker);
	tb__block(tb, 1200, worker, tb_wait_sleep(), TB_IDLE);
	tb__wake_irq(tb, 1300, worker, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1300, 1, worker);
	tb__exit(tb, 1400, worker, 0, TB_IDLE);
	tb__exit(tb, 1400, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(row(r, worker)->traced_cpu_ns, 300);
	assert_int_equal(row(r, worker)->kernel_cpu_ns, 300);
	assert_true(r->quality.audit_valid);
	assert_int_equal(r->quality.audit_ours_ns, 300); /* the command ran too briefly to join */
	assert_true(r->quality.audit_cpu_error == 0.0);
	done(r, tb);
}

/* Two threads of which the kernel's account has 40 ms less, and 40 ms more. */
static struct trace_builder *two_audited(uint32_t *a)
{
	enum { MS = 1000000 };
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), b;
	const struct cpt_event *ev;
	size_t cnt;

	tb__run(tb, 1000, 0, app);
	*a = tb__thread(tb, 1000, app, "app");
	b = tb__thread(tb, 1000, app, "app");
	tb__run(tb, 1000, 1, *a);
	tb__exit(tb, 1000 + 100 * MS, *a, 0, b);
	tb__exit(tb, 1000 + 200 * MS, b, 0, TB_IDLE);
	tb__exit(tb, 1000 + 201 * MS, app, 0, TB_IDLE);
	ev = tb__events(tb, &cnt);
	for (size_t i = 0; i < cnt; i++)
		if (ev[i].type == CPT_EV_EXIT && ev[i].task != app)
			((struct cpt_info *)ev[i].info)->sum_exec_ns =
				(ev[i].task == *a ? 60 : 140) * MS;
	return tb;
}

static struct cpt_report *audited(struct trace_builder *tb, const struct cpt_analysis_opts *opts,
				  uint64_t steal_ns, uint64_t irq_ns)
{
	struct cpt_trace_close *close_facts = tb__close_facts(tb);
	const struct cpt_event *ev;
	size_t cnt;

	close_facts->steal_ns = steal_ns;
	close_facts->irq_ns = irq_ns;
	ev = tb__events(tb, &cnt);
	return report_events(tb__meta(tb), ev, cnt, opts, close_facts, 0);
}

/* The sum of both is the kernel's, and neither is. */
static void audit_compares_each_task(void **state)
{
	enum { MS = 1000000 };
	uint32_t a;
	struct trace_builder *tb = two_audited(&a);
	struct cpt_report *r = audited(tb, NULL, 0, 0);

	assert_int_equal(r->quality.audit_ours_ns, r->quality.audit_kernel_ns);
	assert_int_equal(r->quality.audit_tasks, 2);
	/* b waited 100 ms for the CPU: that the kernel charges it for some of it is explained. */
	assert_int_equal(r->quality.audit_off, 1);
	assert_int_equal(r->quality.audit_worst, a);
	assert_int_equal(r->quality.audit_worst_ns, 40 * MS);
	assert_true(r->quality.audit_worst_above);
	done(r, tb);
}

/* Nor is the time of interrupts any thread's where the kernel counts it apart. Without either figure nobody can tell. */
static void audit_knows_what_the_kernel_leaves_out(void **state)
{
	enum { MS = 1000000 };
	static const struct {
		uint64_t steal_ns, irq_ns, worst_ns;
	} cases[] = {
		{0, 0, 40 * MS},    {5 * MS, 12 * MS, 23 * MS}, {0, 30 * MS, 0},
		{UINT64_MAX, 0, 0}, {0, UINT64_MAX, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint32_t a;
		struct trace_builder *tb = two_audited(&a);
		struct cpt_report *r = audited(tb, NULL, cases[i].steal_ns, cases[i].irq_ns);

		assert_int_equal(r->quality.audit_worst_ns, cases[i].worst_ns);
		assert_int_equal(r->quality.audit_off, cases[i].worst_ns ? 1 : 0);
		done(r, tb);
	}
}

/* Who is left out has no states that explain anything, and of a part of the time, or of the CPUs, they are not all. */
static void audit_of_each_task_is_of_whole_lives(void **state)
{
	enum { MS = 1000000 };
	static const uint32_t tid = 4242;
	static const struct {
		struct cpt_analysis_opts opts;
		uint32_t tasks;
	} cases[] = {
		{{.filter = {.tids = &tid, .tid_cnt = 1}}, 0},
		{{.filter = {.have_time = true, .time_to_ns = 150 * MS}}, 0},
		{{.filter = {.have_time = false}}, 2},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint32_t a;
		struct trace_builder *tb = two_audited(&a);
		struct cpt_report *r = audited(tb, &cases[i].opts, 0, 0);

		assert_int_equal(r->quality.audit_tasks, cases[i].tasks);
		assert_int_equal(r->quality.audit_off, cases[i].tasks ? 1 : 0);
		assert_int_equal(r->quality.audit_worst, cases[i].tasks ? a : 0);
		done(r, tb);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(preempted_task_is_runnable_not_waiting),
		cmocka_unit_test(yielding_task_is_runnable),
		cmocka_unit_test(
			blocked_task_waits_until_it_is_woken_and_is_runnable_until_it_runs),
		cmocka_unit_test(wake_before_switch_out_makes_it_runnable_at_once),
		cmocka_unit_test(sleep_taken_up_again_after_a_stop_is_a_sleep),
		cmocka_unit_test(newborn_is_runnable_until_it_runs),
		cmocka_unit_test(two_threads_on_one_cpu_are_interleaved),
		cmocka_unit_test(two_threads_on_two_cpus_are_parallel),
		cmocka_unit_test(smt_siblings_are_smt_only),
		cmocka_unit_test(cpus_of_unknown_cores_are_cores_of_their_own),
		cmocka_unit_test(one_runner_beside_waiters_is_contended_or_overlapped),
		cmocka_unit_test(nobody_running_is_all_waiting_or_starved),
		cmocka_unit_test(sleeping_program_is_idle_and_asleep_unless_sleep_is_asked_for),
		cmocka_unit_test(parked_program_is_idle_and_quiet),
		cmocka_unit_test(reader_is_parked_when_a_task_of_ours_writes_and_waits_when_not),
		cmocka_unit_test(join_is_told_from_other_futexes_by_the_tid_it_waits_for),
		cmocka_unit_test(vfork_parent_stands_aside_for_its_child),
		cmocka_unit_test(io_worker_without_work_is_in_a_queue),
		cmocka_unit_test(window_ends_with_the_last_thread_of_the_commands_process),
		cmocka_unit_test(process_that_outlives_the_command_is_alive_at_end),
		cmocka_unit_test(wait_all_follows_the_tree_to_its_last_task),
		cmocka_unit_test(trace_without_the_commands_end_is_cut_where_it_stops),
		cmocka_unit_test(attached_trace_is_open_from_its_first_event_to_its_end),
		cmocka_unit_test(empty_trace_is_an_empty_report),
		cmocka_unit_test(exec_from_a_thread_keeps_its_number),
		cmocka_unit_test(reused_tid_is_another_thread),
		cmocka_unit_test(task_without_a_birth_lives_from_its_first_switch),
		cmocka_unit_test(lost_first_exec_opens_the_window_at_the_first_switch),
		cmocka_unit_test(bottles_are_as_high_as_their_share_and_as_wide_as_the_company),
		cmocka_unit_test(cmetric_divides_among_all_who_want_a_cpu),
		cmocka_unit_test(overlap_pairs_names_and_counts_a_name_with_itself),
		cmocka_unit_test(names_beyond_the_table_share_the_row_other),
		cmocka_unit_test(migrations_and_cpus_are_counted),
		cmocka_unit_test(allowed_cpus_follow_the_masks_of_the_living),
		cmocka_unit_test(offline_cpus_are_not_allowed_unless_they_run_ours),
		cmocka_unit_test(a_cpu_that_came_is_of_the_core_of_its_sibling),
		cmocka_unit_test(audit_holds_our_cpu_time_against_the_kernels),
		cmocka_unit_test(audit_compares_each_task),
		cmocka_unit_test(audit_knows_what_the_kernel_leaves_out),
		cmocka_unit_test(audit_of_each_task_is_of_whole_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
