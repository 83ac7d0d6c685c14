// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_path.c - critical path, span and wake graph on timelines drawn by hand.
 */
#include <stdlib.h>
#include <time.h>

#include "analysis_fixture.h"

#include "../../analysis/timeline_step.h"
#include "../../analysis/wakegraph.h"

static const struct cpt_path_part *thread_part(const struct cpt_report *r, uint32_t id)
{
	static const struct cpt_path_part none;

	for (uint32_t i = 0; i < r->path.threads_cnt; i++)
		if (r->path.threads[i].id == id)
			return &r->path.threads[i];
	return &none;
}

static const struct cpt_wake_edge *edge(const struct cpt_report *r, enum cpt_waker by,
					uint32_t waker, uint32_t wakee)
{
	for (uint32_t i = 0; i < r->wake_edges_cnt; i++) {
		const struct cpt_wake_edge *e = &r->wake_edges[i];

		if (e->by == by && e->waker == waker && e->wakee == wakee)
			return e;
	}
	fail_msg("no edge from %s %u to %u", waker_name(by), waker, wakee);
	return NULL;
}

/*
 *      main    ####J...............................####|     J joins A
 *      A           ####s~~~~~~~~####|
 *      path    ####____ssssssss____             ####
 */
static void a_wait_is_explained_by_who_ended_it(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t m = tb__command(tb, 1000, "main"), a;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, m);
	a = tb__thread(tb, 1090, m, "a");
	tb__run(tb, 1100, 1, a);
	tb__block(tb, 1100, m, tb_wait_pipe(5), TB_IDLE);
	tb__block(tb, 1200, a, tb_wait_sleep(), TB_IDLE);
	tb__wake_irq(tb, 1500, a, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1520, 1, a);
	tb__wake(tb, 1600, m, a);
	tb__run(tb, 1610, 0, m);
	tb__exit(tb, 1630, a, 0, TB_IDLE);
	tb__exit(tb, 1700, m, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->path.length_ns, 700);
	assert_int_equal(r->path.end_id, m);
	assert_int_equal(r->path.reason_ns[CPT_REASON_SLEEP], 300);
	assert_int_equal(r->path.by_waker_ns[CPT_WAKER_TIMER], 300);
	assert_int_equal(r->path.reason_ns[CPT_REASON_PEER], 0); /* main's wait is not on it */
	assert_int_equal(thread_part(r, a)->serial_ns, 100 + 80);
	assert_int_equal(thread_part(r, a)->runnable_ns, 10 + 20);
	assert_int_equal(thread_part(r, m)->serial_ns, 90 + 70); /* A ends beside it for 20 */
	assert_int_equal(thread_part(r, m)->parallel_ns, 20);
	assert_int_equal(thread_part(r, m)->runnable_ns, 10);
	assert_int_equal(r->path.known_waker_ns, 700);
	/* main to its fork, A to its wake-up, main from there */
	assert_int_equal(r->work_span.span_ns, 90 + 180 + 90);
	assert_int_equal(r->work_span.work_ns, 190 + 210);
	assert_int_equal(edge(r, CPT_WAKER_TASK, a, m)->waited_ns, 500);
	assert_int_equal(edge(r, CPT_WAKER_TIMER, 0, a)->waited_ns, 300);
	done(r, tb);
}

/* A producer wakes a worker for each item and goes on: what it does later is not behind the worker. */
static void later_work_of_the_waker_is_not_in_the_span(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t m = tb__command(tb, 1000, "main"), w;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, m);
	w = tb__thread(tb, 1000, m, "worker");
	tb__run(tb, 1000, 1, w);
	tb__block(tb, 1010, w, tb_wait_pipe(5), TB_IDLE);
	tb__wake(tb, 1100, w, m);
	tb__run(tb, 1100, 1, w);
	tb__exit(tb, 1550, m, 0, TB_IDLE);
	tb__exit(tb, 1600, w, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->work_span.work_ns, 10 + 500 + 550);
	assert_int_equal(r->work_span.span_ns, 100 + 500);
	done(r, tb);
}

/* An interrupt hits whoever runs: that one has nothing to do with the wait it ends. */
static void interrupts_are_no_dependencies(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t m = tb__command(tb, 1000, "main"), w;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, m);
	w = tb__thread(tb, 1000, m, "worker");
	tb__run(tb, 1000, 1, w);
	tb__block(tb, 1010, w, tb_wait_fd(45, 6, CPT_FD_SOCKET), TB_IDLE);
	tb__wake_irq(tb, 1400, w, CPT_CTX_SOFTIRQ, m);
	tb__run(tb, 1400, 1, w);
	tb__exit(tb, 1450, m, 0, TB_IDLE);
	tb__exit(tb, 1500, w, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->work_span.span_ns, 450); /* main's alone */
	assert_int_equal(r->path.end_id, w);
	assert_int_equal(r->path.reason_ns[CPT_REASON_SOCKET], 390);
	assert_int_equal(r->path.by_waker_ns[CPT_WAKER_DEVICE], 390);
	done(r, tb);
}

/* With a filter the rest is outside, and the time without any of the chosen is said. */
static void wakers_outside_the_subset_leave_the_wait_in_the_path(void **state)
{
	static const char *const names[] = {"worker"};
	const struct cpt_analysis_opts opts = {.filter = {.comms = names, .comm_cnt = 1}};
	struct trace_builder *tb = tb__new(2);
	uint32_t m = tb__command(tb, 1000, "main"), w;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, m);
	w = tb__thread(tb, 1050, m, "worker");
	tb__run(tb, 1050, 1, w);
	tb__block(tb, 1100, w, tb_wait_pipe(5), TB_IDLE);
	tb__wake(tb, 1400, w, m);
	tb__run(tb, 1400, 1, w);
	tb__exit(tb, 1500, w, 0, TB_IDLE);
	tb__exit(tb, 1600, m, 0, TB_IDLE);
	r = report_until(tb, &opts, 0);
	assert_int_equal(r->path.length_ns, 600);
	assert_int_equal(r->path.end_id, w);
	assert_int_equal(r->path.absent_ns, 50 + 100);
	assert_int_equal(r->path.reason_ns[CPT_REASON_PIPE], 300);
	assert_int_equal(r->path.by_waker_ns[CPT_WAKER_OUTSIDE], 300);
	assert_int_equal(r->work_span.span_ns, 150);
	assert_int_equal(edge(r, CPT_WAKER_OUTSIDE, 0, w)->cnt, 1);
	done(r, tb);
}

static void lost_events_make_their_stretch_unknown(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t m = tb__command(tb, 1000, "main");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, m);
	tb__loss(tb, 1100, 0, 1300, 5);
	tb__exit(tb, 1500, m, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->path.length_ns, 500);
	assert_int_equal(r->path.unknown_ns, 400);
	assert_int_equal(r->path.known_waker_ns, 100);
	assert_int_equal(r->work_span.span_ns, 100);
	done(r, tb);
}

/* Threads one after another, far more than a chain tells apart: nothing of the length is lost. */
static void many_contributors_are_folded_and_still_add_up(void **state)
{
	enum { THREADS = 1500 };
	struct trace_builder *tb = tb__new(2);
	uint32_t m = tb__command(tb, 1000, "main"), t;
	uint64_t now = 1000, threads, names = 0;
	struct cpt_report *r;

	tb__run(tb, now, 0, m);
	for (uint32_t i = 0; i < THREADS; i++) {
		t = tb__thread(tb, now, m, i % 3 ? "odd" : "even");
		tb__run(tb, now, 1, t);
		tb__block(tb, now, m, tb_wait_pipe(5), TB_IDLE);
		now += 100 + i % 7;
		tb__wake(tb, now, m, t);
		tb__run(tb, now, 0, m);
		tb__exit(tb, now, t, 0, TB_IDLE);
	}
	tb__exit(tb, now, m, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->path.length_ns, now - 1000);
	assert_int_equal(r->path.serial_ns, now - 1000);
	assert_int_equal(r->path.threads_cnt, CPT_PATH_PARTS_MAX);
	threads = r->path.other.total_ns;
	for (uint32_t i = 0; i < r->path.threads_cnt; i++)
		threads += r->path.threads[i].total_ns;
	for (uint32_t i = 0; i < r->path.names_cnt; i++)
		names += r->path.names[i].total_ns;
	assert_int_equal(threads, now - 1000);
	assert_int_equal(names, now - 1000);
	assert_int_equal(r->path.names_cnt, 2);
	assert_string_equal(r->path.names[0].name, "odd");
	assert_true(r->path.names[0].total_ns > (now - 1000) * 60 / 100);
	assert_int_equal(r->work_span.span_ns, now - 1000);
	done(r, tb);
}

static struct task *come_in(struct timeline *tl, struct tasks *tasks, uint32_t id)
{
	struct task *t = tasks__get(tasks, id);

	assert_non_null(t);
	t->live = true;
	t->state = CPT_STATE_RUNNING;
	t->cpu = id - 1;
	timeline__enter(tl, t);
	return t;
}

/* The last to arrive had slept: what the other computed before the barrier is behind it all the same. */
static void a_barrier_makes_each_wait_for_all(void **state)
{
	const struct cpt_trace_meta meta = {.cpu_cnt = 2};
	const struct cpt_analysis_opts opts = {0};
	struct timeline tl;
	struct tasks tasks;
	struct task *early, *late;

	for (int barrier = 0; barrier < 2; barrier++) {
		assert_int_equal(tasks__init(&tasks, &opts.filter), 0);
		assert_int_equal(timeline__init(&tl, &meta, &tasks, &opts), 0);
		timeline__open(&tl, 1000);
		early = come_in(&tl, &tasks, 1);
		late = come_in(&tl, &tasks, 2);
		timeline__turn(&tl, late, CPT_STATE_PARKED, CPT_REASON_SLEEP, 1);
		timeline__advance(&tl, 1100);
		timeline__turn(&tl, early, CPT_STATE_PARKED, CPT_REASON_BARRIER, 0);
		timeline__turn(&tl, late, CPT_STATE_RUNNING, CPT_REASON_OTHER, 1);
		timeline__advance(&tl, 1105);
		timeline__turn(&tl, early, CPT_STATE_RUNNABLE, CPT_REASON_OTHER, 0);
		path__follow(&tl.path, early, late, barrier);
		timeline__advance(&tl, 1305);
		timeline__leave(&tl, late);
		assert_int_equal(tl.path.span_ns, barrier ? 100 + 200 : 5 + 200);
		timeline__leave(&tl, early);
		timeline__fini(&tl);
		tasks__fini(&tasks);
	}
}

static const struct cpt_wake_edge *edge_of_fd(const struct cpt_report *r, int32_t fd)
{
	for (uint32_t i = 0; i < r->wake_edges_cnt; i++)
		if (r->wake_edges[i].fd == fd)
			return &r->wake_edges[i];
	return NULL;
}

/* From one CPU's reads of two pipes, a poll of one and of two, a wait of an epoll instance, and sleep. */
static void edges_go_through_the_descriptor_that_was_waited_on(void **state)
{
	const struct cpt_wait poll_one = {
		.sysno = 7, .object = CPT_FD_SOCKET, .arg0 = 1, .arg1 = 9};
	const struct cpt_wait poll_two = {.sysno = 7,
					  .object = CPT_FD_SOCKET,
					  .arg0 = 2,
					  .arg1 = 11 | 12ull << 32,
					  .arg2 = CPT_FD_PIPE};
	const struct cpt_wait waits[] = {
		tb_wait_pipe(5),
		tb_wait_pipe(6),
		tb_wait_pipe(6),
		poll_one,
		poll_two,
		tb_wait_fd(0, 4, CPT_FD_EVENTFD),
		tb_wait_fd(0, 3, CPT_FD_FILE),
		{.object = CPT_FD_PIPE, .arg0 = 20, .prev_state = 4}, /* stopped */
		{.object = CPT_FD_SOCKET, .arg0 = 21, .prev_state = 8},
		{.object = CPT_FD_SOCKET,
		 .arg0 = 22,
		 .prev_state = 2,
		 .wait_flags = CPT_WAIT_IOWAIT},
		tb_wait_sleep()};
	struct trace_builder *tb = tb__new(2);
	uint32_t m = tb__command(tb, 1000, "main"), a, none = 0;
	uint64_t now = 1200;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, m);
	a = tb__thread(tb, 1090, m, "a");
	tb__run(tb, 1100, 1, a);
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++, now += 100) {
		tb__block(tb, now, a, waits[i], TB_IDLE);
		tb__wake(tb, now + 50, a, m);
		tb__run(tb, now + 60, 1, a);
	}
	tb__exit(tb, now, a, 0, TB_IDLE);
	tb__exit(tb, now + 100, m, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(edge_of_fd(r, 5)->cnt, 1);
	assert_int_equal(edge_of_fd(r, 5)->fd_kind, CPT_FD_PIPE);
	assert_int_equal(edge_of_fd(r, 6)->cnt, 2);
	assert_int_equal(edge_of_fd(r, 6)->waited_ns, 100);
	assert_int_equal(edge_of_fd(r, 9)->fd_kind, CPT_FD_SOCKET);
	assert_int_equal(edge_of_fd(r, 4)->fd_kind, CPT_FD_EVENTFD);
	/* Nobody says which of the two it was; a file is no channel. */
	assert_null(edge_of_fd(r, 11));
	assert_null(edge_of_fd(r, 12));
	assert_null(edge_of_fd(r, 3));
	for (int fd = 20; fd < 23; fd++) /* stopped in the call, or at a disk's mercy */
		assert_null(edge_of_fd(r, fd));
	for (uint32_t i = 0; i < r->wake_edges_cnt; i++)
		none += r->wake_edges[i].fd < 0 && r->wake_edges[i].fd_kind == CPT_FD_NONE;
	assert_int_equal(none, r->wake_edges_cnt - 4);
	done(r, tb);
}

static uint64_t cpu_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Wakers and descriptors in step, by stride: of three tries the fastest. */
static uint64_t time_of_edges(uint32_t stride)
{
	uint64_t least = UINT64_MAX;

	for (int try = 0; try < 3; try++) {
		const uint64_t begin = cpu_time_ns();
		struct wakegraph g = {0};
		uint32_t hint = 0;

		for (uint32_t n = 0; n < 10; n++)
			for (uint32_t i = 1; i < WAKE_CHANNELS_MAX; i++)
				assert_int_equal(
					wakegraph__add(
						&g, wake_key(CPT_WAKER_TASK, i, 9, CPT_REASON_PEER),
						CPT_FD_PIPE << 24 | i * stride, 10, &hint),
					0);
		wakegraph__fini(&g);
		if (cpu_time_ns() - begin < least)
			least = cpu_time_ns() - begin;
	}
	return least;
}

/* No pattern of theirs makes wakes slow: all of them take what the fastest takes, or little more. */
static void wakers_and_descriptors_in_step_are_found_as_fast(void **state)
{
	uint64_t least = UINT64_MAX, most = 0;

	for (uint32_t stride = 0; stride < 4; stride++) {
		const uint64_t took = time_of_edges(stride);

		least = took < least ? took : least;
		most = took > most ? took : most;
	}
	print_message("wakes in step: %.1f times the fastest\n", (double)most / (double)least);
	assert_true(most < 6 * least);
}

/* Descriptors are given up before threads are. */
static void channels_beyond_their_limit_are_not_told_apart(void **state)
{
	const uint64_t key = wake_key(CPT_WAKER_TASK, 1, 2, CPT_REASON_PEER);
	struct wakegraph g = {0};
	struct cpt_wake_edge *edges;
	uint32_t cnt, hint = 0, without = 0;

	for (uint32_t fd = 1; fd <= 2 * WAKE_CHANNELS_MAX; fd++)
		assert_int_equal(wakegraph__add(&g, key, CPT_FD_PIPE << 24 | fd, 10, &hint), 0);
	edges = wakegraph__edges(&g, &cnt);
	assert_non_null(edges);
	assert_int_equal(cnt, WAKE_CHANNELS_MAX + 1);
	for (uint32_t i = 0; i < cnt; i++) {
		assert_int_equal(edges[i].waker, 1);
		if (edges[i].fd < 0)
			without += (uint32_t)edges[i].cnt;
	}
	assert_int_equal(without, WAKE_CHANNELS_MAX);
	free(edges);
	wakegraph__fini(&g);
}

static void edges_beyond_the_limit_are_folded(void **state)
{
	struct wakegraph g = {0};
	struct cpt_wake_edge *edges;
	uint32_t cnt, hint = 0;
	uint64_t wakes = 0, waited = 0;

	for (uint32_t i = 1; i <= 3 * WAKE_EDGES_MAX; i++)
		assert_int_equal(wakegraph__add(&g,
						wake_key(CPT_WAKER_TASK, i, i + 1,
							 i % 2 ? CPT_REASON_LOCK : CPT_REASON_JOIN),
						i % 2 ? i % 5 : 0, 10, &hint),
				 0);
	edges = wakegraph__edges(&g, &cnt);
	assert_non_null(edges);
	assert_int_equal(cnt, WAKE_EDGES_MAX + 2); /* one "other" for each reason */
	for (uint32_t i = 0; i < cnt; i++) {
		wakes += edges[i].cnt;
		waited += edges[i].waited_ns;
	}
	assert_int_equal(wakes, 3 * WAKE_EDGES_MAX);
	assert_int_equal(waited, 30 * WAKE_EDGES_MAX);
	assert_int_equal(edges[0].waker, 0);
	free(edges);
	wakegraph__fini(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wait_is_explained_by_who_ended_it),
		cmocka_unit_test(later_work_of_the_waker_is_not_in_the_span),
		cmocka_unit_test(interrupts_are_no_dependencies),
		cmocka_unit_test(wakers_outside_the_subset_leave_the_wait_in_the_path),
		cmocka_unit_test(lost_events_make_their_stretch_unknown),
		cmocka_unit_test(many_contributors_are_folded_and_still_add_up),
		cmocka_unit_test(a_barrier_makes_each_wait_for_all),
		cmocka_unit_test(edges_go_through_the_descriptor_that_was_waited_on),
		cmocka_unit_test(channels_beyond_their_limit_are_not_told_apart),
		cmocka_unit_test(wakers_and_descriptors_in_step_are_found_as_fast),
		cmocka_unit_test(edges_beyond_the_limit_are_folded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
