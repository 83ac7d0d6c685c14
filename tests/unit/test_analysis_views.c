// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_analysis_views.c - one timeline seen in different ways: filters, cuts in time, bins, steps,
 * intervals, names.
 */
#include <errno.h>
#include <string.h>

#include "analysis_fixture.h"

/*
 * A client asks, a server answers, both processes of their own; the client is the command.
 *
 *            1000 1050 1100           1300      1400      1500
 *  client 0  ##########pppppppppppppppp###################|
 *  server 1       rrrrr##########################pppppppppp…
 */
static struct trace_builder *client_and_server(uint32_t *client, uint32_t *server)
{
	struct trace_builder *tb = tb__new(2);

	*client = tb__command(tb, 1000, "client");
	tb__run(tb, 1000, 0, *client);
	*server = tb__fork(tb, 1050, *client, "server");
	tb__run(tb, 1100, 1, *server);
	tb__block(tb, 1100, *client, tb_wait_fd(45, 3, CPT_FD_SOCKET), TB_IDLE);
	tb__wake(tb, 1300, *client, *server);
	tb__run(tb, 1300, 0, *client);
	tb__block(tb, 1400, *server, tb_wait_fd(45, 4, CPT_FD_SOCK_SERVING), TB_IDLE);
	tb__exit(tb, 1500, *client, 0, TB_IDLE);
	return tb;
}

static void filter_makes_the_subset_the_workload(void **state)
{
	uint32_t client, server, pid;
	struct trace_builder *tb = client_and_server(&client, &server);
	struct cpt_analysis_opts opts = {.filter = {.pids = &pid, .pid_cnt = 1}};
	struct cpt_report *r = report_of(tb);

	/* the whole: born 1050, runnable until 1100; the client's wait is the server's work */
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 50 + 200 + 100, CPT_SPLIT_CONCURRENT_INTERLEAVED,
		      50, CPT_SPLIT_PARALLEL_MULTI_CORE, 100, LEDGER_END);
	assert_int_equal(row(r, client)->reason_ns[CPT_REASON_PEER], 200);
	report__free(r);

	/* the client alone waits for something outside of it */
	pid = tb_tid(client);
	r = report_until(tb, &opts, 0);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 300, CPT_SPLIT_SERIAL_WAITING, 200, LEDGER_END);
	assert_int_equal(row(r, client)->reason_ns[CPT_REASON_SOCKET], 200);
	assert_int_equal(r->threads, 1);
	report__free(r);

	/* the server alone: nothing before it is born, parked between requests */
	pid = tb_tid(server);
	r = report_until(tb, &opts, 0);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNABLE, 50, CPT_SPLIT_SERIAL_RUNNING, 300,
		      CPT_SPLIT_IDLE_QUIET, 150, LEDGER_END);
	assert_int_equal(r->window_ns, 500); /* the run's */
	assert_int_equal(row(r, server)->reason_ns[CPT_REASON_REQUEST], 100);
	assert_true(row(r, server)->alive_at_end);
	done(r, tb);
}

static void filter_conditions_hold_together(void **state)
{
	const char *const comms[] = {"server"};
	uint32_t client, server;
	struct trace_builder *tb = client_and_server(&client, &server);
	const uint32_t pid = tb_tid(client);
	const struct cpt_analysis_opts opts = {
		.filter = {.pids = &pid, .pid_cnt = 1, .comms = comms, .comm_cnt = 1}};
	struct cpt_report *r = report_until(tb, &opts, 0);

	assert_int_equal(r->threads, 0);
	expect_ledger(r, CPT_SPLIT_IDLE_QUIET, 500, LEDGER_END);
	done(r, tb);
}

/*
 *          1000       1200        1500
 *  a       ###########|###########         called "a", from 1200 on "b"
 */
static void name_filter_follows_a_rename(void **state)
{
	const char *const comms[] = {"b"};
	const struct cpt_analysis_opts opts = {.filter = {.comms = comms, .comm_cnt = 1}};
	struct trace_builder *tb = tb__new(1);
	uint32_t a = tb__command(tb, 1000, "a");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, a);
	tb__rename(tb, 1200, a, "b");
	tb__exit(tb, 1500, a, 0, TB_IDLE);
	r = report_until(tb, &opts, 0);
	assert_int_equal(row(r, a)->start_ns, 1200);
	assert_int_equal(row(r, a)->life_ns, 300);
	expect_ledger(r, CPT_SPLIT_IDLE_QUIET, 200, CPT_SPLIT_SERIAL_RUNNING, 300, LEDGER_END);
	assert_int_equal(r->allowed_integral, 300);
	done(r, tb);
}

/*
 *          1000   1100   1200   1300   1400
 *  a       #0#####rrrrrrr###1####ww disk wwww|       CPU 0, then CPU 1
 */
static void cpu_filter_counts_a_task_where_it_is_or_was_last(void **state)
{
	static const uint64_t cpu1[CPT_MASK_WORDS] = {0x2};
	const struct cpt_analysis_opts opts = {.filter = {.cpus = cpu1}};
	struct trace_builder *tb = tb__new(2);
	uint32_t a = tb__command(tb, 1000, "a");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, a);
	tb__preempt(tb, 1100, a, TB_OTHER);
	tb__run(tb, 1200, 1, a);
	tb__block(tb, 1300, a, tb_wait_disk(), TB_IDLE);
	tb__wake_irq(tb, 1400, a, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1400, 0, a);
	tb__exit(tb, 1500, a, 0, TB_IDLE);
	r = report_until(tb, &opts, 0);
	assert_int_equal(row(r, a)->life_ns, 200);
	assert_int_equal(row(r, a)->voluntary, 1); /* its end happened elsewhere */
	assert_int_equal(row(r, a)->involuntary, 0);
	expect_ledger(r, CPT_SPLIT_IDLE_QUIET, 300, CPT_SPLIT_SERIAL_RUNNING, 100,
		      CPT_SPLIT_SERIAL_WAITING, 100, LEDGER_END);
	done(r, tb);
}

/* The set of CPUs says where to look, not who belongs together: the writer on the other CPU is still
 * of the workload. */
static void cpu_filter_leaves_the_reason_of_a_wait(void **state)
{
	static const uint64_t cpu0[CPT_MASK_WORDS] = {0x1};
	const struct cpt_analysis_opts opts = {.filter = {.cpus = cpu0}};
	const char *const comms[] = {"client", "server"};
	const struct cpt_analysis_opts both = {
		.filter = {.cpus = cpu0, .comms = comms, .comm_cnt = 2}};
	uint32_t client, server;
	struct trace_builder *tb = client_and_server(&client, &server);
	struct cpt_report *r = report_until(tb, &opts, 0);

	assert_int_equal(row(r, client)->reason_ns[CPT_REASON_PEER], 200);
	/* the server is looked at while it has not left CPU 0, where it was born */
	assert_int_equal(row(r, server)->runnable_ns, 50);
	assert_int_equal(row(r, server)->running_ns, 0);
	report__free(r);
	r = report_until(tb, &both, 0); /* nor does it when names are asked for as well */
	assert_int_equal(row(r, client)->reason_ns[CPT_REASON_PEER], 200);
	done(r, tb);
}

/* A limit of the one pass: whoever is not born when a wait begins cannot be known to be chosen. */
static void waker_born_after_the_wait_began_is_outside_of_a_filter(void **state)
{
	const char *const comms[] = {"a"};
	const struct cpt_analysis_opts opts = {.filter = {.comms = comms, .comm_cnt = 1}};
	struct trace_builder *tb = tb__new(2);
	uint32_t a = tb__command(tb, 1000, "a"), b, c;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, a);
	b = tb__thread(tb, 1000, a, "a");
	tb__run(tb, 1000, 1, b);
	tb__block(tb, 1100, a, tb_wait_pipe(3), TB_IDLE);
	c = tb__thread(tb, 1200, b, "a");
	tb__run(tb, 1200, 0, c);
	tb__wake(tb, 1300, a, c);
	tb__exit(tb, 1300, c, 0, a);
	tb__exit(tb, 1400, a, 0, TB_IDLE);
	tb__exit(tb, 1400, b, 0, TB_IDLE);
	r = report_until(tb, &opts, 0);
	assert_int_equal(row(r, a)->reason_ns[CPT_REASON_PIPE], 200);
	report__free(r);
	r = report_of(tb);
	assert_int_equal(row(r, a)->reason_ns[CPT_REASON_PEER], 200);
	done(r, tb);
}

/* ---- time -------------------------------------------------------------------------------------------- */

static struct cpt_report *report_cut(struct trace_builder *tb, uint64_t from_ns, uint64_t to_ns)
{
	const struct cpt_analysis_opts opts = {
		.filter = {.have_time = true, .time_from_ns = from_ns, .time_to_ns = to_ns}};

	return report_until(tb, &opts, 0);
}

/*
 *            1000 1050 1100           1300      1400      1500
 *  client 0  ##########pppppppppppppppp###################|
 *  server 1       rrrrr##########################pppppppppp…
 *                           [1150 ---------- 1390)
 */
static void time_cut_is_exact(void **state)
{
	uint32_t client, server;
	struct trace_builder *tb = client_and_server(&client, &server);
	struct cpt_report *r = report_cut(tb, 150, 390);

	assert_int_equal(r->window_start_ns, 1150);
	assert_int_equal(r->window_end_ns, 1390);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 150, CPT_SPLIT_PARALLEL_MULTI_CORE, 90,
		      LEDGER_END);
	assert_int_equal(row(r, client)->start_ns, 1150);
	assert_int_equal(row(r, client)->reason_ns[CPT_REASON_PEER], 150);
	assert_int_equal(row(r, client)->running_ns, 90);
	assert_true(row(r, client)->alive_at_end); /* at the end of the cut */
	assert_int_equal(row(r, server)->running_ns, 240);
	assert_int_equal(r->allowed_integral, 480);
	done(r, tb);
}

/* [from, to): what changes at `from` is in, what changes at `to` is not. */
static void time_cut_at_a_change_takes_the_change_with_what_follows(void **state)
{
	uint32_t client, server;
	struct trace_builder *tb = client_and_server(&client, &server);
	struct cpt_report *r = report_cut(tb, 300, 400);

	expect_ledger(r, CPT_SPLIT_PARALLEL_MULTI_CORE, 100, LEDGER_END);
	assert_int_equal(r->reason_ns[CPT_REASON_PEER], 0);
	done(r, tb);
}

static void time_cut_beyond_the_run_is_empty_and_open_ends_reach_its_end(void **state)
{
	uint32_t client, server;
	struct trace_builder *tb = client_and_server(&client, &server);
	struct cpt_report *r = report_cut(tb, 600, 700);

	assert_int_equal(r->window_ns, 0);
	assert_int_equal(r->threads, 0);
	report__free(r);
	r = report_cut(tb, 200, 200);
	assert_int_equal(r->window_ns, 0);
	report__free(r);
	r = report_cut(tb, UINT64_MAX, UINT64_MAX);
	assert_int_equal(r->window_ns, 0);
	report__free(r);
	r = report_cut(tb, 450, UINT64_MAX);
	assert_int_equal(r->window_ns, 50);
	assert_false(row(r, client)->alive_at_end);
	assert_true(row(r, server)->alive_at_end);
	done(r, tb);
}

/* ---- bins and steps ------------------------------------------------------------------------------------ */

#define MS 1000000ull

/* 10 s in which one CPU is busy for 4 s, then idle for 6: 4096 bins of 1 ms are not enough. */
static void bins_fold_in_long_runs(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t a = tb__command(tb, 1000, "a");
	uint64_t span = 0, running = 0;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, a);
	tb__block(tb, 1000 + 4000 * MS, a, tb_wait_sleep(), TB_IDLE);
	tb__wake_irq(tb, 1000 + 10000 * MS, a, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1000 + 10000 * MS, 0, a);
	tb__exit(tb, 1000 + 10001 * MS, a, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->bin_ns, 4 * MS);
	assert_int_equal(r->bins_cnt, 2501);
	assert_int_equal(r->bins[0].running, 4 * MS);
	assert_int_equal(r->bins[999].running, 4 * MS); /* up to 4000 ms */
	assert_int_equal(r->bins[1000].running, 0);
	assert_int_equal(r->bins[1000].class_ns[CPT_CLASS_IDLE], 4 * MS);
	assert_int_equal(r->bins[2500].span_ns, 1 * MS);
	assert_int_equal(r->bins[2500].in_progress, 1 * MS);
	for (uint32_t i = 0; i < r->bins_cnt; i++) {
		span += r->bins[i].span_ns;
		running += r->bins[i].running;
	}
	assert_int_equal(span, r->window_ns);
	assert_int_equal(running, r->cpu_time_ns);
	done(r, tb);
}

static void run_that_ends_with_a_bin_has_no_empty_one_behind_it(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t a = tb__command(tb, 1000, "a");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, a);
	tb__exit(tb, 1000 + 3 * MS, a, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->bins_cnt, 3);
	assert_int_equal(r->bins[2].span_ns, 1 * MS);
	done(r, tb);
}

struct steps {
	struct cpt_step at[64];
	uint32_t cnt;
	int answer;
};

static int keep_step(void *ctx, const struct cpt_step *step)
{
	struct steps *s = ctx;

	if (s->cnt < 64)
		s->at[s->cnt++] = *step;
	return s->answer;
}

/*
 *  steps of 200:  [1000,1200) [1200,1400) [1400,1500)
 */
static void steps_cut_the_window_and_the_last_is_shorter(void **state)
{
	uint32_t client, server;
	struct trace_builder *tb = client_and_server(&client, &server);
	struct steps s = {.cnt = 0};
	const struct cpt_analysis_opts opts = {.on_step = keep_step, .ctx = &s, .step_ns = 200};
	struct cpt_report *r = report_until(tb, &opts, 0);

	assert_int_equal(s.cnt, 3);
	assert_int_equal(s.at[0].start_ns, 1000);
	assert_int_equal(s.at[0].span_ns, 200);
	assert_int_equal(s.at[0].running, 200);
	assert_int_equal(s.at[0].runnable, 50);
	assert_int_equal(s.at[0].split_ns[CPT_SPLIT_CONCURRENT_INTERLEAVED], 50);
	assert_int_equal(s.at[0].split_ns[CPT_SPLIT_SERIAL_RUNNING], 150);
	assert_int_equal(s.at[1].running, 300);
	assert_int_equal(s.at[1].in_progress, 300);
	assert_int_equal(s.at[1].waiting, 0);
	assert_int_equal(s.at[1].split_ns[CPT_SPLIT_PARALLEL_MULTI_CORE], 100);
	assert_int_equal(s.at[2].start_ns, 1400);
	assert_int_equal(s.at[2].span_ns, 100);
	done(r, tb);
}

static void error_of_a_callback_stops_the_pass_and_is_returned(void **state)
{
	uint32_t client, server;
	struct trace_builder *tb = client_and_server(&client, &server);
	struct steps s = {.answer = -EPIPE};
	const struct cpt_analysis_opts opts = {.on_step = keep_step, .ctx = &s, .step_ns = 10};
	struct cpt_analysis *a = analysis__new(tb__meta(tb), &opts);
	size_t cnt;
	const struct cpt_event *ev = tb__events(tb, &cnt);

	assert_int_equal(analysis__feed(a, ev, cnt), -EPIPE);
	assert_int_equal(analysis__feed(a, ev, cnt), -EPIPE);
	assert_int_equal(s.cnt, 1);
	assert_null(analysis__finish(a, NULL, NULL, 0));
	assert_int_equal(errno, EPIPE);
	tb__free(tb);
}

/* ---- intervals ------------------------------------------------------------------------------------------ */

struct intervals {
	struct cpt_interval at[64];
	uint32_t cnt, only;
};

static int keep_interval(void *ctx, const struct cpt_interval *iv)
{
	struct intervals *k = ctx;

	if (iv->id == k->only && k->cnt < 64)
		k->at[k->cnt++] = *iv;
	return 0;
}

static void intervals_tell_each_stretch_with_its_cause(void **state)
{
	uint32_t client, server;
	struct trace_builder *tb = client_and_server(&client, &server);
	struct intervals k = {.only = client};
	const struct cpt_analysis_opts opts = {.on_interval = keep_interval, .ctx = &k};
	struct cpt_report *r = report_until(tb, &opts, 0);

	assert_int_equal(k.cnt, 3);
	assert_int_equal(k.at[0].state, CPT_STATE_RUNNING);
	assert_int_equal(k.at[0].start_ns, 1000);
	assert_int_equal(k.at[0].end_ns, 1100);
	assert_int_equal(k.at[0].cpu, 0);
	assert_int_equal(k.at[0].sysno, CPT_SYSNO_NONE);
	assert_int_equal(k.at[1].state, CPT_STATE_PARKED);
	assert_int_equal(k.at[1].reason, CPT_REASON_PEER);
	assert_int_equal(k.at[1].sysno, 45);
	assert_int_equal(k.at[1].waker, server);
	assert_int_equal(k.at[1].end_ns, 1300);
	assert_int_equal(k.at[2].state, CPT_STATE_RUNNING);
	assert_int_equal(k.at[2].waker, 0);
	assert_int_equal(k.at[2].end_ns, 1500);
	assert_int_equal(k.at[2].tid, tb_tid(client));
	done(r, tb);
}

/* Its wait is over at the instant at which it begins: no interval, but who ended it is told, once. */
static void wait_of_no_length_has_its_waker_in_what_follows(void **state)
{
	struct trace_builder *tb = tb__new(2);
	struct intervals k = {.cnt = 0};
	const struct cpt_analysis_opts opts = {.on_interval = keep_interval, .ctx = &k};
	struct cpt_report *r;
	uint32_t client, server;

	client = tb__command(tb, 1000, "client");
	tb__run(tb, 1000, 0, client);
	server = tb__fork(tb, 1050, client, "server");
	tb__run(tb, 1100, 1, server);
	tb__block(tb, 1200, client, tb_wait_fd(45, 3, CPT_FD_SOCKET), TB_IDLE);
	tb__wake(tb, 1200, client, server);
	tb__run(tb, 1300, 0, client);
	tb__block(tb, 1400, server, tb_wait_fd(45, 4, CPT_FD_SOCK_SERVING), TB_IDLE);
	tb__exit(tb, 1500, client, 0, TB_IDLE);
	k.only = client;
	r = report_until(tb, &opts, 0);
	assert_int_equal(k.cnt, 3);
	assert_int_equal(k.at[0].end_ns, 1200);
	assert_int_equal(k.at[0].waker, 0);
	assert_int_equal(k.at[1].state, CPT_STATE_RUNNABLE);
	assert_int_equal(k.at[1].start_ns, 1200);
	assert_int_equal(k.at[1].waker, server);
	assert_int_equal(k.at[2].state, CPT_STATE_RUNNING);
	assert_int_equal(k.at[2].waker, 0);
	done(r, tb);
}

static void intervals_are_cut_to_the_time_asked_for(void **state)
{
	uint32_t client, server;
	struct trace_builder *tb = client_and_server(&client, &server);
	struct intervals k = {.only = client};
	const struct cpt_analysis_opts opts = {
		.on_interval = keep_interval,
		.ctx = &k,
		.filter = {.have_time = true, .time_from_ns = 150, .time_to_ns = 390}};
	struct cpt_report *r = report_until(tb, &opts, 0);

	assert_int_equal(k.cnt, 2);
	assert_int_equal(k.at[0].start_ns, 1150);
	assert_int_equal(k.at[0].end_ns, 1300);
	assert_int_equal(k.at[1].start_ns, 1300);
	assert_int_equal(k.at[1].end_ns, 1390);
	done(r, tb);
}

static void names_and_tids_can_be_asked_for_while_feeding(void **state)
{
	uint32_t client, server;
	struct trace_builder *tb = client_and_server(&client, &server);
	const struct cpt_analysis_opts opts = {.wait_all = true};
	struct cpt_analysis *a = analysis__new(tb__meta(tb), &opts);
	size_t cnt;
	const struct cpt_event *ev = tb__events(tb, &cnt);

	assert_string_equal(analysis__task_name(a, client), "");
	assert_int_equal(analysis__feed(a, ev, cnt), 0);
	assert_string_equal(analysis__task_name(a, server), "server");
	assert_int_equal(analysis__task_tid(a, server), tb_tid(server));
	assert_string_equal(analysis__task_name(a, 99), "");
	assert_int_equal(analysis__task_tid(a, 0), 0);
	analysis__free(a);
	analysis__free(NULL);
	tb__free(tb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filter_makes_the_subset_the_workload),
		cmocka_unit_test(filter_conditions_hold_together),
		cmocka_unit_test(name_filter_follows_a_rename),
		cmocka_unit_test(cpu_filter_counts_a_task_where_it_is_or_was_last),
		cmocka_unit_test(cpu_filter_leaves_the_reason_of_a_wait),
		cmocka_unit_test(waker_born_after_the_wait_began_is_outside_of_a_filter),
		cmocka_unit_test(time_cut_is_exact),
		cmocka_unit_test(time_cut_at_a_change_takes_the_change_with_what_follows),
		cmocka_unit_test(time_cut_beyond_the_run_is_empty_and_open_ends_reach_its_end),
		cmocka_unit_test(bins_fold_in_long_runs),
		cmocka_unit_test(run_that_ends_with_a_bin_has_no_empty_one_behind_it),
		cmocka_unit_test(steps_cut_the_window_and_the_last_is_shorter),
		cmocka_unit_test(error_of_a_callback_stops_the_pass_and_is_returned),
		cmocka_unit_test(intervals_tell_each_stretch_with_its_cause),
		cmocka_unit_test(wait_of_no_length_has_its_waker_in_what_follows),
		cmocka_unit_test(intervals_are_cut_to_the_time_asked_for),
		cmocka_unit_test(names_and_tids_can_be_asked_for_while_feeding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
