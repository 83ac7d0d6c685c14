// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_loops.c - operations in flight: A in the ledger and the budget, epoll instances, loss, format. */
#include "analysis_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../analysis/trace_loops.h"
#include "../../analysis/trace_reader.h"

#define EPFD 7

static struct cpt_wait wait_epoll(void)
{
	return tb_wait_fd(SYS_epoll_wait, EPFD, CPT_FD_EPOLL);
}

/*
 *          1000   1100    1200       1300            1500    1600
 *  CPU 0    ─┤ main runs   ├── epoll_wait ─────────────┤ main ├ exit
 *  L              0    3 (at 1100)       1 (at 1300)     0 (at 1550)
 */
static struct trace_builder *draw_loop(uint32_t *instance)
{
	uint32_t app;
	struct trace_builder *tb = one_task(2, &app);

	*instance = tb__loop_new(tb, 1010, app, EPFD, 0);
	tb__loop(tb, 1100, app, *instance, 3, 0, 0);
	tb__block(tb, 1200, app, wait_epoll(), TB_IDLE);
	tb__loop(tb, 1300, 0, *instance, 0, 2, 0);
	tb__wake_irq(tb, 1500, app, CPT_CTX_SOFTIRQ, 0);
	tb__run(tb, 1500, 0, app);
	tb__loop(tb, 1550, app, *instance, 0, 0, 1);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	return tb;
}

static void operations_count_beyond_the_tasks_that_stand_for_them(void **state)
{
	uint32_t instance;
	struct trace_builder *tb = draw_loop(&instance);
	struct cpt_report *r = report_of(tb);

	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING,
		      100 + 100, /* alone, and with the one it runs for */
		      CPT_SPLIT_CONCURRENT_OVERLAPPED, 100,  /* 1100-1200: C = 1 + 2 */
		      CPT_SPLIT_CONCURRENT_ALL_WAITING, 100, /* 1200-1300: C = 3 */
		      CPT_SPLIT_SERIAL_IN_FLIGHT, 200, LEDGER_END);
	assert_int_equal(r->in_flight_ns, 2 * 100 + 3 * 100 + 1 * 200);
	assert_int_equal(r->in_flight_peak, 3);
	assert_int_equal(r->concurrent_ns[3], 200);
	assert_int_equal(r->concurrent_peak, 3);
	done(r, tb);
}

static void idle_cpus_are_charged_to_operations_in_flight(void **state)
{
	uint32_t instance;
	struct trace_builder *tb = draw_loop(&instance);
	struct cpt_report *r;
	uint64_t sum = 0;

	tb__occupancy(tb, 1700, 0, 1600, 100, 0, 1, 1);
	tb__occupancy(tb, 1700, 1, 1000, 700, 0, 1, 1);
	r = report_until(tb, NULL, 1700);
	for (int i = 0; i < CPT_BUDGET_CNT; i++)
		sum += r->budget.item_ns[i];
	for (int i = 0; i < CPT_REASON_CNT; i++)
		sum += r->budget.reason_ns[i];
	assert_int_equal(sum, r->budget.total_ns);
	assert_int_equal(r->budget.total_ns, 1200);
	/* CPU 0: 1200-1500; CPU 1: of its 600 those in which A >= 1: 1100-1500 */
	assert_int_equal(r->budget.item_ns[CPT_BUDGET_IN_FLIGHT], 300 + 400);
	assert_int_equal(r->budget.item_ns[CPT_BUDGET_NO_WORK], 200);
	done(r, tb);
}

static void instance_adds_up_to_its_own_account(void **state)
{
	uint32_t instance;
	struct trace_builder *tb = draw_loop(&instance);
	struct cpt_report *r = report_of(tb);
	const struct cpt_epoll_instance *in = r->instances;

	assert_int_equal(r->instances_cnt, 1);
	assert_int_equal(in->id, instance);
	assert_int_equal(in->epfd, EPFD);
	assert_int_equal(in->pid, tb_tid(1));
	assert_int_equal(in->since_ns, 0);
	assert_false(in->outbound);
	assert_int_equal(in->ops.opened, 3);
	assert_int_equal(in->ops.completed, 2);
	assert_int_equal(in->ops.cancelled, 1);
	assert_int_equal(in->ops.peak, 3);
	assert_int_equal(in->ops.in_flight_ns, 3 * 200 + 1 * 250);
	assert_int_equal(in->span_ns, 590);
	assert_int_equal(in->iterations, 1);
	assert_int_equal(in->events, 3);
	done(r, tb);
}

/* A server that writes its log through a ring: one request that it has read, two writes under way. */
static void operations_of_a_ring_count_beside_those_served(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app"), loop, ring;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	loop = tb__loop_new(tb, 1000, app, EPFD, 0);
	ring = tb__loop_new(tb, 1000, app, EPFD + 1, CPT_LOOP_RING);
	tb__loop(tb, 1100, app, loop, 1, 0, 0);
	tb__loop_out(tb, 1100, app, loop, 5, 0, 0); /* parts of what it serves */
	tb__loop_out(tb, 1100, app, ring, 2, 0, 0);
	tb__block(tb, 1200, app, wait_epoll(), TB_IDLE);
	tb__loop_out(tb, 1300, 0, ring, 0, 2, 0);
	tb__wake_irq(tb, 1400, app, CPT_CTX_SOFTIRQ, 0);
	tb__run(tb, 1400, 0, app);
	tb__exit(tb, 1500, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->concurrent_ns[3], 100 + 100); /* 1100-1300 */
	assert_int_equal(r->in_flight_ns, 2 * 100 + 3 * 100 + 1 * 100);
	assert_int_equal(r->instances_cnt, 2);
	assert_false(r->instances[0].outbound);
	assert_true(r->instances[1].outbound);
	assert_int_equal(r->instances[1].ops.completed, 2);
	assert_int_equal(r->instances[1].ops.in_flight_ns, 2 * 200);
	done(r, tb);
}

static void outbound_operations_count_where_nobody_is_served(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "client"), in;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	in = tb__loop_new(tb, 1000, app, EPFD, 0);
	tb__loop_out(tb, 1100, app, in, 4, 0, 0);
	tb__block(tb, 1200, app, wait_epoll(), TB_IDLE);
	tb__wake_irq(tb, 1300, app, CPT_CTX_SOFTIRQ, 0);
	tb__run(tb, 1300, 0, app);
	tb__loop_out(tb, 1300, app, in, 0, 4, 0);
	tb__exit(tb, 1400, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_true(r->instances[0].outbound);
	assert_int_equal(r->instances[0].ops.completed, 4);
	assert_int_equal(r->in_flight_ns, 3 * 100 + 4 * 100);
	done(r, tb);
}

static void a_proxys_upstream_requests_are_parts_of_what_it_serves(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "proxy"), in;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	in = tb__loop_new(tb, 1000, app, EPFD, 0);
	tb__loop(tb, 1100, app, in, 2, 0, 0);
	tb__loop_out(tb, 1110, app, in, 2, 0, 0);
	tb__block(tb, 1200, app, wait_epoll(), TB_IDLE);
	tb__wake_irq(tb, 1300, app, CPT_CTX_SOFTIRQ, 0);
	tb__run(tb, 1300, 0, app);
	tb__exit(tb, 1400, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_false(r->instances[0].outbound);
	assert_int_equal(r->in_flight_ns, 1 * 100 + 2 * 100 + 1 * 100);
	done(r, tb);
}

static void other_threads_of_the_process_stand_for_operations_too(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), worker, in;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	worker = tb__thread(tb, 1000, app, "worker");
	in = tb__loop_new(tb, 1000, app, EPFD, 0);
	tb__loop(tb, 1000, app, in, 2, 0, 0);
	tb__wake(tb, 1000, worker, app);
	tb__run(tb, 1000, 1, worker);
	tb__block(tb, 1100, app, wait_epoll(), TB_IDLE); /* the worker stands for one */
	tb__block(tb, 1200, worker, tb_wait_disk(), TB_IDLE);
	tb__wake_irq(tb, 1300, worker, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1300, 1, worker);
	tb__loop(tb, 1300, worker, in, 0, 2, 0);
	tb__exit(tb, 1400, worker, 0, TB_IDLE);
	tb__wake_irq(tb, 1400, app, CPT_CTX_SOFTIRQ, 0);
	tb__run(tb, 1400, 0, app);
	tb__exit(tb, 1500, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->in_flight_ns, 200);
	assert_int_equal(r->concurrent_ns[2], 300);
	done(r, tb);
}

static void loss_is_unknown_until_the_next_event(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app"), in;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	in = tb__loop_new(tb, 1000, app, EPFD, 0);
	tb__block(tb, 1100, app, wait_epoll(), TB_IDLE);
	tb__loop_lost(tb, 1200);
	tb__loop(tb, 1500, 0, in, 1, 0, 0);
	tb__wake_irq(tb, 1600, app, CPT_CTX_SOFTIRQ, 0);
	tb__run(tb, 1600, 0, app);
	tb__exit(tb, 1700, app, 0, TB_IDLE);
	r = report_of(tb);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 200, CPT_SPLIT_IDLE_QUIET, 100,
		      CPT_SPLIT_UNKNOWN, 300, CPT_SPLIT_SERIAL_IN_FLIGHT, 100, LEDGER_END);
	assert_true(r->instances[0].lower_bound);
	assert_int_equal(r->instances[0].unknown_ns, 300);
	done(r, tb);
}

/* What another process has in flight is nothing of those that are looked at, whether it is known or not. */
static void loss_of_others_is_no_doubt_of_who_is_chosen(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), other, in;
	struct cpt_analysis_opts opts = {.filter = {.tid_cnt = 1}};
	uint32_t tid;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	in = tb__loop_new(tb, 1000, app, EPFD, 0);
	other = tb__fork(tb, 1000, app, "other");
	tb__run(tb, 1000, 1, other);
	tb__loop(tb, 1100, app, in, 3, 0, 0);
	tb__loop_lost(tb, 1200);
	tb__exit(tb, 1700, other, 1, TB_IDLE);
	tb__exit(tb, 1700, app, 0, TB_IDLE);
	tid = tb_tid(other);
	opts.filter.tids = &tid;
	r = report_until(tb, &opts, 0);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 700, LEDGER_END);
	report__free(r);
	tid = tb_tid(app);
	r = report_until(tb, &opts, 0);
	assert_int_equal(r->split_ns[CPT_SPLIT_UNKNOWN], 500);
	done(r, tb);
}

/*
 *          1000   1100               1900    2000
 *           ┤  10  ├── records lost ───┤  10  ├ exit       L, connections and timers
 */
static struct trace_builder *draw_doubt(uint32_t *instance)
{
	const struct cpt_event conns = {.flags = CPT_LOOP_EV_CONNS, .level = 10, .peak = 10};
	const struct cpt_event timers = {.flags = CPT_LOOP_EV_TIMERS, .level = 10, .peak = 10};
	uint32_t app;
	struct trace_builder *tb = one_task(1, &app);

	*instance = tb__loop_new(tb, 1000, app, EPFD, 0);
	tb__loop(tb, 1000, app, *instance, 10, 0, 0);
	tb__loop_event(tb, 1000, app, *instance, &conns);
	tb__loop_event(tb, 1000, app, *instance, &timers);
	tb__loop_lost(tb, 1100);
	tb__loop(tb, 1900, app, *instance, 0, 0, 0);
	tb__exit(tb, 2000, app, 0, TB_IDLE);
	return tb;
}

static void averages_are_of_the_time_that_is_known(void **state)
{
	uint32_t instance;
	struct trace_builder *tb = draw_doubt(&instance);
	struct cpt_report *r = report_of(tb);
	const struct cpt_epoll_instance *in = r->instances;

	assert_int_equal(in->span_ns, 1000);
	assert_int_equal(in->unknown_ns, 800);
	assert_int_equal(in->ops.peak, 10);
	assert_int_equal(in->ops.in_flight_ns, 10 * 200);
	assert_true(in->ops.average == 10);
	assert_true(in->conns_average == 10);
	assert_true(in->timers_average == 10);
	assert_true(instance_in_window(in, r->window_ns) == 10);
	done(r, tb);
}

/* What a part of the run says by itself, its bins add up to. */
static void bins_have_what_is_known_of_an_instance(void **state)
{
	static const uint64_t cuts[][2] = {{0, 1000}, {0, 100}, {0, 500}, {100, 800}, {500, 1000}};
	struct cpt_grid_way way = {0};
	const struct cpt_grid_opts grid = {.bin_ns = 100, .ways = &way, .ways_cnt = 1};
	const struct cpt_analysis_opts with = {.grid = &grid};
	struct trace_builder *tb = draw_doubt(&way.instance);
	struct cpt_report *whole = report_until(tb, &with, 0);
	const struct cpt_grid_flight *f = &whole->grid->flights[0];

	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		const struct cpt_analysis_opts cut = {.filter = {.have_time = true,
								 .time_from_ns = cuts[i][0],
								 .time_to_ns = cuts[i][1]}};
		struct cpt_report *part = report_until(tb, &cut, 0);
		uint64_t levels = 0, known = 0;

		for (uint64_t bin = cuts[i][0] / 100; bin < cuts[i][1] / 100; bin++) {
			levels += f->level_ns[bin];
			known += f->known_ns[bin];
		}
		assert_int_equal(levels, part->instances[0].ops.in_flight_ns);
		assert_int_equal(known, part->instances[0].span_ns - part->instances[0].unknown_ns);
		report__free(part);
	}
	done(whole, tb);
}

static void operations_end_with_their_process(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app"), child, in;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	child = tb__fork(tb, 1000, app, "child");
	tb__block(tb, 1000, app, tb_wait_sleep(), child);
	in = tb__loop_new(tb, 1000, child, EPFD, 0);
	tb__loop(tb, 1000, child, in, 5, 0, 0);
	tb__exit(tb, 1100, child, 0, TB_IDLE);
	tb__wake_irq(tb, 1200, app, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1200, 0, app);
	tb__exit(tb, 1300, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->in_flight_ns, 400);
	assert_int_equal(r->instances[0].ops.in_flight_ns, 500);
	assert_int_equal(r->instances[0].span_ns, 100);
	done(r, tb);
}

static void a_closed_instance_is_watched_no_longer(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app"), in;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	in = tb__loop_new(tb, 1000, app, EPFD, 0);
	tb__loop(tb, 1000, app, in, 4, 0, 0);
	tb__loop_end(tb, 1200, in);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->instances[0].span_ns, 200);
	assert_int_equal(r->instances[0].ops.in_flight_ns, 800);
	assert_int_equal(r->in_flight_ns, 600);
	done(r, tb);
}

static void filter_takes_the_operations_of_the_chosen(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app"), child, in;
	const char *const comms[] = {"app"};
	const uint32_t pids[] = {tb_tid(2)};
	const struct cpt_analysis_opts by_name = {.filter = {.comms = comms, .comm_cnt = 1}};
	const struct cpt_analysis_opts by_pid = {.filter = {.pids = pids, .pid_cnt = 1}};
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	child = tb__fork(tb, 1000, app, "child");
	tb__block(tb, 1000, app, tb_wait_sleep(), child);
	in = tb__loop_new(tb, 1000, child, EPFD, 0);
	tb__loop(tb, 1000, child, in, 5, 0, 0);
	tb__exit(tb, 1100, child, 0, TB_IDLE);
	tb__wake_irq(tb, 1200, app, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1200, 0, app);
	tb__exit(tb, 1300, app, 0, TB_IDLE);
	r = report_until(tb, &by_name, 0);
	assert_int_equal(r->in_flight_ns, 0);
	assert_int_equal(r->instances_cnt, 0);
	report__free(r);
	r = report_until(tb, &by_pid, 0);
	assert_int_equal(r->in_flight_ns, 400);
	assert_int_equal(r->instances_cnt, 1);
	done(r, tb);
}

static void time_filter_cuts_levels_and_counts(void **state)
{
	const struct cpt_analysis_opts opts = {
		.filter = {.have_time = true, .time_from_ns = 150, .time_to_ns = 400}};
	uint32_t instance;
	struct trace_builder *tb = draw_loop(&instance);
	struct cpt_report *r = report_until(tb, &opts, 0);

	assert_int_equal(r->instances[0].ops.opened, 0);
	assert_int_equal(r->instances[0].ops.completed, 2);
	assert_int_equal(r->instances[0].ops.peak, 3);
	assert_int_equal(r->instances[0].ops.in_flight_ns, 3 * 150 + 1 * 100);
	assert_int_equal(r->instances[0].span_ns, 250);
	done(r, tb);
}

/* ---- the trace ------------------------------------------------------------------------------- */

static void events_of_loops_survive_the_trace(void **state)
{
	uint32_t instance;
	struct trace_builder *tb = draw_loop(&instance);
	char err[CPT_TRACE_ERR_LEN];
	const int fd = tb__trace_fd(tb);
	struct trace_reader *r = trace_reader__open(fd, err);
	struct cpt_event got[EVENTS_MAX];
	const struct cpt_event *ev, *want;
	size_t cnt, got_cnt = 0, want_cnt;

	assert_non_null(r);
	while (trace_reader__next(r, &ev, &cnt) > 0) {
		for (size_t i = 0; i < cnt; i++)
			if (is_loop_event(ev[i].type))
				got[got_cnt++] = ev[i];
	}
	assert_null(trace_reader__incomplete(r));
	want = tb__events(tb, &want_cnt);
	assert_int_equal(got_cnt, 4);
	for (size_t i = 0, n = 0; i < want_cnt; i++)
		if (is_loop_event(want[i].type))
			assert_int_equal(tb_compare_events(&want[i], 1, &got[n++], 1), 0);
	trace_reader__free(r);
	close(fd);
	tb__free(tb);
}

static void damage_to_a_loops_payload_is_refused(void **state)
{
	const struct cpt_event ev[] = {
		{.ts_ns = 5, .type = CPT_EV_LOOP_NEW, .task = 3, .other = 2, .loop_fd = 9},
		{.ts_ns = 7,
		 .type = CPT_EV_LOOP,
		 .task = 3,
		 .other = 2,
		 .flags = CPT_LOOP_EV_OPS,
		 .level = 300,
		 .peak = 400,
		 .opened = 4},
		{.ts_ns = 900, .type = CPT_EV_LOOP_LOST},
		{.ts_ns = 900, .type = CPT_EV_LOOP_END, .other = 2},
	};
	struct cpt_event got[4];
	size_t sz;
	uint8_t *payload = loop_side__encode(ev, 4, &sz);

	assert_non_null(payload);
	assert_int_equal(loop_side__decode(got, 4, payload, sz, 5, 900, 100), 0);
	assert_int_equal(tb_compare_events(ev, 4, got, 4), 0);
	assert_int_equal(loop_side__decode(got, 4, payload, sz, 5, 900, 2), -EBADMSG);
	assert_int_equal(loop_side__decode(got, 4, payload, sz, 5, 901, 100), -EBADMSG);
	assert_int_equal(loop_side__decode(got, 3, payload, sz, 5, 900, 100), -EBADMSG);
	for (size_t cut = 0; cut < sz; cut++)
		assert_int_equal(loop_side__decode(got, 4, payload, cut, 5, 900, 100), -EBADMSG);
	for (size_t i = 0; i < 8 * sz; i++) {
		payload[i / 8] ^= (uint8_t)(1 << i % 8);
		(void)loop_side__decode(got, 4, payload, sz, 5, 900, 100);
		payload[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	free(payload);
}

static void buckets_are_a_32nd_wide(void **state)
{
	assert_int_equal(loop_bucket(0), 0);
	assert_int_equal(loop_bucket(31), 31);
	assert_int_equal(loop_bucket(32), 32);
	assert_int_equal(loop_bucket(UINT64_MAX), CPT_LOOP_BUCKETS - 1);
	for (uint32_t b = 1; b < CPT_LOOP_BUCKETS - 1; b++) {
		const uint64_t from = loop_bucket_from(b), to = loop_bucket_from(b + 1);

		assert_true(to > from);
		assert_int_equal(loop_bucket(from), b);
		assert_int_equal(loop_bucket(to - 1), b);
		assert_true(to - from == 1 || (to - from) * 32 <= from);
	}
}

static void percentiles_come_out_of_the_histogram(void **state)
{
	static uint64_t buckets[CPT_LOOP_BUCKETS];
	static uint8_t payload[LATENCIES_ROW_MAX];
	struct cpt_latencies *l = latencies__new(true);
	struct cpt_latency_facts f;
	uint8_t *end;

	for (uint64_t us = 1; us <= 1000; us++)
		buckets[loop_bucket(us * 1000)]++;
	end = latencies__put(payload, 4, buckets, 1000000);
	assert_int_equal(latencies__decode(l, false, payload, (size_t)(end - payload)), 0);
	f = latencies__of(l, 4, false);
	assert_int_equal(f.cnt, 1000);
	assert_int_equal(f.max_ns, 1000000);
	assert_in_range(f.p50_ns, 500000 - 16000, 500000 + 16000);
	assert_in_range(f.p99_ns, 990000 - 31000, 1000000);
	assert_int_equal(latencies__of(l, 3, false).cnt, 0);
	/* Again, or a lower number: refused. */
	assert_int_equal(latencies__decode(l, false, payload, (size_t)(end - payload)), -EBADMSG);
	for (size_t cut = 1; cut < (size_t)(end - payload); cut++) {
		struct cpt_latencies *other = latencies__new(true);

		assert_int_equal(latencies__decode(other, false, payload, cut), -EBADMSG);
		latencies__free(other);
	}
	latencies__free(l);
}

/* What a server asked others before it was asked anything is no part of how long it took to answer. */
static void latencies_of_the_two_directions_stay_apart(void **state)
{
	static uint64_t served[CPT_LOOP_BUCKETS], asked[CPT_LOOP_BUCKETS];
	static uint8_t payload[LATENCIES_ROW_MAX];
	struct cpt_latencies *l = latencies__new(true), *old = latencies__new(false);
	uint8_t *end;

	served[loop_bucket(5000)] = 10;
	asked[loop_bucket(9000000)] = 90;
	end = latencies__put(payload, 4, served, 5000);
	assert_int_equal(latencies__decode(l, false, payload, (size_t)(end - payload)), 0);
	assert_int_equal(latencies__decode(old, false, payload, (size_t)(end - payload)), 0);
	assert_int_equal(latencies__of(l, 4, true).cnt, 0);
	/* Older traces do not say which it was. */
	assert_int_equal(latencies__of(old, 4, true).cnt, 10);
	end = latencies__put(payload, 4, asked, 9000000);
	assert_int_equal(latencies__decode(l, true, payload, (size_t)(end - payload)), 0);
	assert_int_equal(latencies__of(l, 4, false).cnt, 10);
	assert_int_equal(latencies__of(l, 4, false).max_ns, 5000);
	assert_int_equal(latencies__of(l, 4, true).cnt, 90);
	assert_int_equal(latencies__of(l, 4, true).max_ns, 9000000);
	latencies__free(l);
	latencies__free(old);
}

/* Numbers that no probe sends, each within what a trace may hold: together more than 32 bits. */
static void levels_of_many_instances_do_not_wrap(void **state)
{
	const struct cpt_event full = {.flags = CPT_LOOP_EV_OPS,
				       .level = CPT_LOOP_LEVEL_MAX,
				       .peak = CPT_LOOP_LEVEL_MAX,
				       .opened = 1};
	struct trace_builder *tb = tb__new(1);
	uint32_t app = tb__command(tb, 1000, "app");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	for (uint32_t i = 0; i < 256; i++)
		tb__loop_event(tb, 1010, app, tb__loop_new(tb, 1010, app, EPFD + i, 0), &full);
	tb__block(tb, 1200, app, wait_epoll(), TB_IDLE);
	tb__wake_irq(tb, 1500, app, CPT_CTX_SOFTIRQ, 0);
	tb__run(tb, 1500, 0, app);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = report_of(tb);
	expect_ledger(r, CPT_SPLIT_SERIAL_RUNNING, 10, CPT_SPLIT_CONCURRENT_OVERLAPPED, 190 + 100,
		      CPT_SPLIT_CONCURRENT_ALL_WAITING, 300, LEDGER_END);
	assert_true(r->in_flight_peak > CPT_LOOP_CONNS);
	done(r, tb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_count_beyond_the_tasks_that_stand_for_them),
		cmocka_unit_test(idle_cpus_are_charged_to_operations_in_flight),
		cmocka_unit_test(instance_adds_up_to_its_own_account),
		cmocka_unit_test(operations_of_a_ring_count_beside_those_served),
		cmocka_unit_test(outbound_operations_count_where_nobody_is_served),
		cmocka_unit_test(a_proxys_upstream_requests_are_parts_of_what_it_serves),
		cmocka_unit_test(other_threads_of_the_process_stand_for_operations_too),
		cmocka_unit_test(loss_is_unknown_until_the_next_event),
		cmocka_unit_test(loss_of_others_is_no_doubt_of_who_is_chosen),
		cmocka_unit_test(averages_are_of_the_time_that_is_known),
		cmocka_unit_test(bins_have_what_is_known_of_an_instance),
		cmocka_unit_test(operations_end_with_their_process),
		cmocka_unit_test(a_closed_instance_is_watched_no_longer),
		cmocka_unit_test(filter_takes_the_operations_of_the_chosen),
		cmocka_unit_test(time_filter_cuts_levels_and_counts),
		cmocka_unit_test(events_of_loops_survive_the_trace),
		cmocka_unit_test(damage_to_a_loops_payload_is_refused),
		cmocka_unit_test(buckets_are_a_32nd_wide),
		cmocka_unit_test(percentiles_come_out_of_the_histogram),
		cmocka_unit_test(latencies_of_the_two_directions_stay_apart),
		cmocka_unit_test(levels_of_many_instances_do_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
