// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_loop_ledger.c - drawn timelines to the accounts of event loops.
 *
 * In the drawings w is a wait for events, # running, r runnable, b blocked elsewhere, ? unknown. Numbers
 * are ns.
 */
#include "analysis_fixture.h"

#include <string.h>
#include <sys/syscall.h>

#define EPFD 5

/* ---- what the tests share -------------------------------------------------------------------------- */

static struct cpt_wait epoll_on(uint32_t epfd)
{
	return tb_wait_call(SYS_epoll_wait, epfd, 0x7f00, 64);
}

static struct cpt_wait poll_of(uint32_t cnt)
{
	return tb_wait_call(SYS_poll, cnt, 3 | 4ull << 32, CPT_FD_SOCKET);
}

/* What must hold of every report: each loop's life, its stalls, and the levels. */
static void expect_loop_identities(const struct cpt_report *r)
{
	const struct cpt_loops *loops = &r->loops;
	uint64_t levels = loops->level_unknown_ns, lives = 0, ran = 0, ran_at_once = 0;
	bool known = !levels;

	for (uint32_t i = 0; i < loops->cnt; i++) {
		const struct cpt_loop *l = &loops->tab[i];
		uint64_t blocked = 0;

		for (uint32_t k = 0; k < l->stalls_cnt; k++)
			blocked += l->stalls[k].total_ns;
		assert_int_equal(l->life_ns, l->waiting_ns + l->on_cpu_ns + l->runnable_ns +
						     l->blocked_ns + l->unknown_ns);
		assert_int_equal(blocked, l->blocked_ns);
		assert_true(l->woken_ns <= l->runnable_ns);
		assert_true(l->dispatch_ns <= l->life_ns);
		assert_true(l->life_ns <= loops->with_loops_ns);
		known &= !l->unknown_ns;
		lives += l->life_ns;
		ran += l->on_cpu_ns;
	}
	for (uint32_t k = 0; k < loops->level_cnt; k++) {
		levels += loops->level_ns[k];
		ran_at_once += k * loops->level_ns[k];
	}
	if (known)
		assert_int_equal(ran_at_once, ran);
	assert_true(loops->with_loops_ns <= lives);
	assert_int_equal(levels, loops->with_loops_ns);
	assert_true(loops->with_loops_ns <= r->window_ns);
}

static struct cpt_report *loops_until(struct trace_builder *tb,
				      const struct cpt_analysis_opts *opts, uint64_t last_ns)
{
	struct cpt_report *r = report_until(tb, opts, last_ns);

	expect_loop_identities(r);
	return r;
}

static struct cpt_report *loops_of(struct trace_builder *tb)
{
	return loops_until(tb, NULL, 0);
}

static const struct cpt_loop *only_loop(const struct cpt_report *r)
{
	assert_int_equal(r->loops.cnt, 1);
	return &r->loops.tab[0];
}

static const struct cpt_loop *loop(const struct cpt_report *r, uint32_t id, int32_t fd)
{
	for (uint32_t i = 0; i < r->loops.cnt; i++)
		if (r->loops.tab[i].id == id && r->loops.tab[i].fd == fd)
			return &r->loops.tab[i];
	fail_msg("thread %u has no loop on %d", id, fd);
	return NULL;
}

/* waiting, on a CPU, runnable, blocked; nothing unknown. */
static void expect_times(const struct cpt_loop *l, uint64_t waiting, uint64_t on_cpu,
			 uint64_t runnable, uint64_t blocked)
{
	assert_int_equal(l->waiting_ns, waiting);
	assert_int_equal(l->on_cpu_ns, on_cpu);
	assert_int_equal(l->runnable_ns, runnable);
	assert_int_equal(l->blocked_ns, blocked);
	assert_int_equal(l->unknown_ns, 0);
}

/* From its wait: woken by the network at wake_ns, on a CPU 10 ns later. */
static void comes_back(struct trace_builder *tb, uint64_t wake_ns, uint32_t cpu, uint32_t task)
{
	tb__wake_irq(tb, wake_ns, task, CPT_CTX_SOFTIRQ, 0);
	tb__run(tb, wake_ns + 10, cpu, task);
}

/* ---- one loop --------------------------------------------------------------------------------------- */

/*
 *       1100       1300 1310   1400      1600 1630 1700       1900 1910 2000
 *  app  ##|wwwwwwwww|rr|########|bbbbbbbbb|rr|######|wwwwwwwwww|r|#######
 *         |<------------------ a loop ------------------------->|  its last return
 */
static void a_loop_waits_computes_and_blocks(void **state)
{
	uint32_t app;
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_report *r;
	const struct cpt_loop *l;

	tb__block(tb, 1100, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1300, 0, app);
	tb__block(tb, 1400, app, tb_wait_disk(), TB_IDLE);
	tb__wake_irq(tb, 1600, app, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1630, 0, app);
	tb__block(tb, 1700, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1900, 0, app);
	tb__exit(tb, 2000, app, 0, TB_IDLE);
	r = loops_of(tb);
	l = only_loop(r);
	expect_times(l, 400, 160, 50, 200);
	assert_int_equal(l->life_ns, 810);
	assert_int_equal(l->woken_ns, 20);
	assert_int_equal(l->kind, CPT_LOOP_KIND_EPOLL);
	assert_int_equal(l->fd, EPFD);
	assert_int_equal(l->waits, 2);
	assert_int_equal(l->iterations, 2);
	assert_true(l->iterations_least);
	assert_int_equal(l->dispatches, 1);
	assert_int_equal(l->dispatch_ns, 390);
	assert_int_equal(l->dispatch_max_ns, 390);
	assert_int_equal(l->not_back_ns, 90);
	assert_int_equal(l->stalls_cnt, 1);
	assert_int_equal(l->stalls[0].reason, CPT_REASON_DISK);
	assert_int_equal(l->stalls[0].sysno, SYS_read);
	assert_int_equal(l->stalls[0].cnt, 1);
	assert_int_equal(l->stalls[0].longest_ns, 200);
	assert_int_equal(l->stalls[0].longest_at_ns, 1400);
	assert_false(l->flight_known);
	/* What runs behind its last return is taken back. */
	assert_int_equal(r->loops.with_loops_ns, 810);
	assert_int_equal(r->loops.level_ns[1], 160);
	assert_int_equal(r->loops.level_ns[0], 650);
	/* Node's idea of utilisation counts the handler that blocks, ours does not. */
	assert_true(loop_on_cpu(l) > 0.197 && loop_on_cpu(l) < 0.198);
	assert_true(loop_utilisation(l) > 0.481 && loop_utilisation(l) < 0.482);
	done(r, tb);
}

/* Its last wait is behind it: what it computes, and waits for, from there on is no loop's. */
static void a_thread_stops_being_a_loop(void **state)
{
	uint32_t app;
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_report *r;

	tb__block(tb, 1100, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1200, 0, app);
	tb__block(tb, 5000, app, tb_wait_sleep(), TB_IDLE);
	tb__wake_irq(tb, 8000, app, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 8010, 0, app);
	tb__exit(tb, 9000, app, 0, TB_IDLE);
	r = loops_of(tb);
	expect_times(only_loop(r), 100, 0, 10, 0);
	assert_int_equal(only_loop(r)->not_back_ns, 7790);
	assert_int_equal(only_loop(r)->stalls_cnt, 0);
	assert_int_equal(r->loops.with_loops_ns, 110);
	assert_int_equal(r->loops.level_cnt, 1);
	done(r, tb);
}

/* Events that are there while it goes to sleep: a wait of no length, and a turn all the same. */
static void a_wait_that_is_over_at_once_counts(void **state)
{
	struct cpt_event ev[EVENTS_MAX];
	const struct cpt_event *from;
	uint32_t app;
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_report *r;
	size_t cnt;

	tb__block(tb, 1100, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1200, 0, app);
	tb__block(tb, 1300, app, epoll_on(EPFD), TB_IDLE);
	tb__wake_irq(tb, 1300, app, CPT_CTX_SOFTIRQ, 0);
	tb__run(tb, 1330, 0, app);
	tb__block(tb, 1400, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1500, 0, app);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	from = tb__events(tb, &cnt);
	assert_true(cnt <= EVENTS_MAX);
	memcpy(ev, from, cnt * sizeof(*ev));
	for (size_t i = 1; i < cnt; i++) {
		if (ev[i].type == CPT_EV_WAKE && ev[i].ts_ns == 1300) {
			ev[i] = ev[i - 1];
			ev[i - 1] = from[i];
		}
	}
	r = report_events(tb__meta(tb), ev, cnt, NULL, NULL, 0);
	expect_loop_identities(r);
	expect_times(only_loop(r), 200, 160, 50, 0);
	assert_int_equal(only_loop(r)->waits, 3);
	assert_int_equal(only_loop(r)->woken_ns, 50);
	assert_int_equal(only_loop(r)->dispatches, 2);
	done(r, tb);
}

static void stalls_are_summed_by_call_and_reason(void **state)
{
	const struct cpt_wait calls[] = {tb_wait_disk(), tb_wait_sleep(), tb_wait_mutex(0x7000, 0),
					 tb_wait_sleep()};
	uint32_t app;
	struct trace_builder *tb = one_task(1, &app);
	const struct cpt_loop *l;
	struct cpt_report *r;
	uint64_t at = 1100;

	tb__block(tb, at, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, at + 10, 0, app);
	for (int i = 0; i < 4; i++) {
		at += 100;
		tb__block(tb, at, app, calls[i], TB_IDLE);
		tb__wake_irq(tb, at + 10 * (i + 1), app, CPT_CTX_HARDIRQ, 0);
		tb__run(tb, at + 10 * (i + 1), 0, app);
	}
	tb__block(tb, at + 100, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, at + 200, 0, app);
	tb__exit(tb, at + 300, app, 0, TB_IDLE);
	r = loops_of(tb);
	l = only_loop(r);
	assert_int_equal(l->blocked_ns, 100);
	assert_int_equal(l->stalls_cnt, 3);
	assert_int_equal(l->stalls[0].reason, CPT_REASON_SLEEP);
	assert_int_equal(l->stalls[0].cnt, 2);
	assert_int_equal(l->stalls[0].total_ns, 60);
	assert_int_equal(l->stalls[0].longest_ns, 40);
	assert_int_equal(l->stalls[1].reason, CPT_REASON_LOCK);
	assert_int_equal(l->stalls[1].longest_arg0, 0x7000);
	assert_int_equal(l->stalls[2].reason, CPT_REASON_DISK);
	done(r, tb);
}

/* More kinds than there are places: those that cost least are one, and nothing is lost. */
static void many_kinds_of_stalls_keep_their_sum(void **state)
{
	uint32_t app;
	struct trace_builder *tb = one_task(1, &app);
	const struct cpt_loop *l;
	struct cpt_report *r;
	uint64_t at = 1100, sum = 0, cnt = 0;

	tb__block(tb, at, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, at + 10, 0, app);
	for (uint32_t i = 0; i < 60; i++) {
		/* Each its own call; now and then it waits for events, which settles what was. */
		const uint64_t span = 1 + (i * 37 + 11) % 60;

		at += 100;
		tb__block(tb, at, app, tb_wait_call((uint16_t)(600 + i), 0, 0, 0), TB_IDLE);
		tb__wake_irq(tb, at + span, app, CPT_CTX_HARDIRQ, 0);
		tb__run(tb, at + span, 0, app);
		sum += span;
		if (i % 25 != 24)
			continue;
		at += 100;
		tb__block(tb, at, app, epoll_on(EPFD), TB_IDLE);
		comes_back(tb, at + 10, 0, app);
	}
	tb__block(tb, at + 100, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, at + 200, 0, app);
	tb__exit(tb, at + 300, app, 0, TB_IDLE);
	r = loops_of(tb);
	l = only_loop(r);
	assert_int_equal(l->blocked_ns, sum);
	assert_true(l->stalls_cnt <= CPT_LOOP_STALLS);
	for (uint32_t i = 0; i < l->stalls_cnt; i++) {
		cnt += l->stalls[i].cnt;
		if (l->stalls[i].rest)
			assert_true(l->stalls[i].cnt > 40);
	}
	assert_int_equal(cnt, 60);
	done(r, tb);
}

/* ---- what it waits with ------------------------------------------------------------------------------ */

/* A set of three is a loop; when it has shrunk to two it is the same loop, one is a call like others. */
static void poll_of_a_set_is_a_loop(void **state)
{
	uint32_t app;
	struct trace_builder *tb = one_task(1, &app);
	const uint32_t sets[] = {3, 2, 1, 3};
	struct cpt_report *r;
	uint64_t at = 1100;

	for (int i = 0; i < 4; i++, at += 200) {
		struct cpt_wait wait = poll_of(sets[i]);

		wait.object = CPT_FD_SOCKET;
		tb__block(tb, at, app, wait, TB_IDLE);
		comes_back(tb, at + 90, 0, app);
	}
	tb__exit(tb, at, app, 0, TB_IDLE);
	r = loops_of(tb);
	expect_times(only_loop(r), 270, 300, 40, 90);
	assert_int_equal(only_loop(r)->kind, CPT_LOOP_KIND_POLL);
	assert_int_equal(only_loop(r)->fd, -1);
	assert_int_equal(only_loop(r)->stalls[0].reason, CPT_REASON_SOCKET);
	done(r, tb);
}

/* Two threads of a process poll sets of their own: each one's instance is met when it has polled twice, and
 * its returns are its loop's alone, also those that did not block. */
static void polls_are_of_their_thread(void **state)
{
	uint32_t app, other, in[2];
	struct trace_builder *tb = one_task(2, &app);
	struct cpt_report *r;

	other = tb__thread(tb, 1050, app, "other");
	tb__run(tb, 1060, 1, other);
	tb__block(tb, 1100, app, poll_of(3), TB_IDLE);
	tb__block(tb, 1100, other, poll_of(5), TB_IDLE);
	comes_back(tb, 1200, 0, app);
	comes_back(tb, 1210, 1, other);
	in[0] = tb__loop_new(tb, 1300, app, CPT_POLL_FD | 1, CPT_LOOP_POLL);
	tb__loop(tb, 1310, app, in[0], 1, 0, 0);
	in[1] = tb__loop_new(tb, 1320, other, CPT_POLL_FD | 2, CPT_LOOP_POLL);
	tb__loop(tb, 1330, other, in[1], 2, 0, 0);
	tb__loop(tb, 1400, app, in[0], 1, 0, 0);
	tb__loop(tb, 1410, app, in[0], 1, 0, 0);
	tb__exit(tb, 1500, other, 1, TB_IDLE);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = loops_of(tb);
	assert_int_equal(r->loops.cnt, 2);
	assert_int_equal(loop(r, app, -1)->instance, in[0]);
	assert_int_equal(loop(r, app, -1)->iterations,
			 3); /* its first return was before it was met */
	assert_int_equal(loop(r, other, -1)->instance, in[1]);
	assert_int_equal(loop(r, other, -1)->iterations, 1);
	assert_int_equal(loop(r, other, -1)->events, 2);
	done(r, tb);
}

/* Its thread's polls are another instance's now: what a record says of the first is not of this loop. */
static void polls_leave_their_first_instance(void **state)
{
	uint32_t app, in[2];
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_report *r;

	tb__block(tb, 1100, app, poll_of(3), TB_IDLE);
	comes_back(tb, 1200, 0, app);
	in[0] = tb__loop_new(tb, 1300, app, CPT_POLL_FD | 1, CPT_LOOP_POLL);
	in[1] = tb__loop_new(tb, 1310, app, CPT_POLL_FD | 2, CPT_LOOP_POLL);
	tb__loop(tb, 1320, app, in[1], 1, 0, 0);
	tb__loop(tb, 1330, app, in[0], 1, 0, 0);
	tb__loop(tb, 1340, app, in[1], 1, 0, 0);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = loops_of(tb);
	assert_int_equal(only_loop(r)->instance, in[1]);
	assert_int_equal(only_loop(r)->iterations, 2);
	done(r, tb);
}

/* A program that has a loop of its own around another's polls for the instance inside. */
static void poll_for_an_instance_is_its_loop(void **state)
{
	struct cpt_wait wait = tb_wait_call(SYS_poll, 1, 7 | (uint64_t)UINT32_MAX << 32, 0);
	uint32_t app;
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_report *r;

	wait.object = CPT_FD_EPOLL;
	tb__block(tb, 1100, app, wait, TB_IDLE);
	comes_back(tb, 1200, 0, app);
	tb__block(tb, 1300, app, epoll_on(7), TB_IDLE);
	comes_back(tb, 1400, 0, app);
	tb__exit(tb, 1500, app, 0, TB_IDLE);
	r = loops_of(tb);
	assert_int_equal(only_loop(r)->fd, 7);
	expect_times(only_loop(r), 200, 90, 20, 0);
	done(r, tb);
}

static void a_ring_is_a_loop(void **state)
{
	uint32_t app;
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_report *r;

	tb__block(tb, 1100, app, tb_wait_call(SYS_io_uring_enter, 9, 0, 1), TB_IDLE);
	comes_back(tb, 1200, 0, app);
	tb__exit(tb, 1300, app, 0, TB_IDLE);
	r = loops_of(tb);
	assert_int_equal(only_loop(r)->kind, CPT_LOOP_KIND_RING);
	assert_int_equal(only_loop(r)->fd, 9);
	done(r, tb);
}

/*
 * One thread, two instances: each ns is of the one it waited on last.
 *
 *       1100   1200 1210 1300    1400 1410 1500   1600 1610
 *  app  #|wwww5w|r|##5###|www7wwww|r|##7###|wwww5w|r|#####
 */
static void one_thread_with_two_instances(void **state)
{
	uint32_t app;
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_report *r;

	tb__block(tb, 1100, app, epoll_on(5), TB_IDLE);
	comes_back(tb, 1200, 0, app);
	tb__block(tb, 1300, app, epoll_on(7), TB_IDLE);
	comes_back(tb, 1400, 0, app);
	tb__block(tb, 1500, app, epoll_on(5), TB_IDLE);
	comes_back(tb, 1600, 0, app);
	tb__exit(tb, 1700, app, 0, TB_IDLE);
	r = loops_of(tb);
	assert_int_equal(r->loops.cnt, 2);
	expect_times(loop(r, app, 5), 200, 90, 20, 0);
	expect_times(loop(r, app, 7), 100, 90, 10, 0);
	assert_int_equal(loop(r, app, 5)->elsewhere_ns, 200);
	assert_int_equal(loop(r, app, 7)->elsewhere_ns, 0);
	assert_int_equal(r->loops.with_loops_ns, 510);
	assert_int_equal(r->loops.peak, 1);
	done(r, tb);
}

/* Where a thread has too many instances, the rest of them is one loop: nothing grows, nothing is lost. */
static void more_instances_than_there_is_room_for(void **state)
{
	uint32_t app;
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_report *r;
	uint64_t life = 0;

	for (uint32_t i = 0; i < 100; i++) {
		tb__block(tb, 1100 + 100 * i, app, epoll_on(10 + i), TB_IDLE);
		comes_back(tb, 1150 + 100 * i, 0, app);
	}
	tb__exit(tb, 20000, app, 0, TB_IDLE);
	r = loops_of(tb);
	assert_int_equal(r->loops.cnt, 64);
	for (uint32_t i = 0; i < r->loops.cnt; i++)
		life += r->loops.tab[i].life_ns;
	assert_int_equal(life, 99 * 100 + 60);
	assert_int_equal(r->loops.with_loops_ns, life);
	assert_true(r->loops.tab[0].rest);
	assert_int_equal(r->loops.tab[0].waits, 37);
	done(r, tb);
}

/* Another program has the thread now: its epoll instance of that number is another one. */
static void an_exec_ends_the_loop(void **state)
{
	uint32_t app;
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_report *r;

	tb__block(tb, 1100, app, epoll_on(5), TB_IDLE);
	comes_back(tb, 1200, 0, app);
	tb__exec(tb, 1300, app, "/bin/other", "other");
	tb__block(tb, 1400, app, epoll_on(5), TB_IDLE);
	comes_back(tb, 1450, 0, app);
	tb__exit(tb, 1500, app, 0, TB_IDLE);
	r = loops_of(tb);
	assert_int_equal(r->loops.cnt, 2);
	assert_int_equal(r->loops.tab[0].life_ns + r->loops.tab[1].life_ns, 170);
	assert_int_equal(r->loops.with_loops_ns, 170);
	done(r, tb);
}

/* ---- several ----------------------------------------------------------------------------------------- */

/*
 * Two threads on one instance: two loops. They run at once from 1260 to 1300.
 *
 *       1100      1200 1210     1300
 *  a    #|wwwwwwwww|r|###########|wwwww
 *  b     ##|wwwwwwwwwwww|r|#######|wwwww
 *        1110        1250 1260    1310
 */
static void two_threads_on_one_instance(void **state)
{
	uint32_t a, b;
	struct trace_builder *tb = one_task(2, &a);
	struct cpt_report *r;

	b = tb__thread(tb, 1001, a, "b-2");
	tb__run(tb, 1002, 1, b);
	tb__block(tb, 1100, a, epoll_on(EPFD), TB_IDLE);
	tb__block(tb, 1110, b, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1200, 0, a);
	comes_back(tb, 1250, 1, b);
	tb__block(tb, 1300, a, epoll_on(EPFD), TB_IDLE);
	tb__block(tb, 1310, b, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1400, 0, a);
	tb__exit(tb, 1500, a, 0, TB_IDLE);
	comes_back(tb, 1600, 1, b);
	tb__exit(tb, 1700, b, 0, TB_IDLE);
	r = loops_of(tb);
	assert_int_equal(r->loops.cnt, 2);
	expect_times(loop(r, a, EPFD), 200, 90, 20, 0);
	expect_times(loop(r, b, EPFD), 140 + 290, 50, 20, 0);
	/* a is one from 1100 to 1410, b from 1110 to 1610. */
	assert_int_equal(r->loops.with_loops_ns, 510);
	assert_int_equal(r->loops.level_cnt, 3);
	assert_int_equal(r->loops.level_ns[2], 40);
	assert_int_equal(r->loops.level_ns[1], 60);
	assert_int_equal(r->loops.level_ns[0], 410);
	assert_int_equal(r->loops.peak, 2);
	done(r, tb);
}

/* Both run on behind their last return, at once for a while: none of it was a loop's. */
static void what_two_did_after_their_loops_is_taken_back(void **state)
{
	uint32_t a, b;
	struct trace_builder *tb = one_task(2, &a);
	struct cpt_report *r;

	b = tb__thread(tb, 1001, a, "b");
	tb__run(tb, 1002, 1, b);
	tb__block(tb, 1100, a, epoll_on(EPFD), TB_IDLE);
	tb__block(tb, 1100, b, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1200, 0, a);
	comes_back(tb, 1300, 1, b);
	tb__exit(tb, 2000, a, 0, TB_IDLE);
	tb__exit(tb, 3000, b, 0, TB_IDLE);
	r = loops_of(tb);
	assert_int_equal(r->loops.with_loops_ns, 210);
	assert_int_equal(r->loops.level_ns[0], 210);
	assert_int_equal(r->loops.level_cnt, 1);
	done(r, tb);
}

#define MANY 400u

/*
 * All come back at once and share two CPUs, 10 ns each in turns, twice. Then every other pair waits again, the
 * other pairs end: what was theirs is no loop's, however many the others are.
 *
 *	CPU 0   0 2 4 6 8 …   0 w   2 end   4 w   6 end …
 *	CPU 1   1 3 5 7 9 …   1 w   3 end   5 w   7 end …
 */
static void hundreds_come_back_and_half_of_them_end(void **state)
{
	uint32_t app, ids[MANY];
	struct trace_builder *tb = one_task(2, &app);
	struct cpt_report *r;
	uint64_t at = 1100;

	for (uint32_t i = 0; i < MANY; i++) {
		ids[i] = tb__thread(tb, at, app, "loop");
		tb__run(tb, at + 1, 1, ids[i]);
		tb__block(tb, at + 2, ids[i], epoll_on(EPFD), TB_IDLE);
		at += 10;
	}
	tb__block(tb, at, app, tb_wait_sleep(), TB_IDLE);
	for (uint32_t i = 0; i < MANY; i++)
		tb__wake_irq(tb, at + 1, ids[i], CPT_CTX_SOFTIRQ, 0);
	for (uint32_t i = 0; i < 2 * MANY; i += 2) {
		at += 10;
		if (i > MANY && (i - 2) % 4 == 0)
			for (uint32_t k = 0; k < 2; k++)
				tb__block(tb, at, ids[i - 2 + k - MANY], epoll_on(EPFD), TB_IDLE);
		else if (i > MANY)
			for (uint32_t k = 0; k < 2; k++)
				tb__exit(tb, at, ids[i - 2 + k - MANY], k, TB_IDLE);
		tb__run(tb, at, 0, ids[i % MANY]);
		tb__run(tb, at, 1, ids[i % MANY + 1]);
	}
	at += 10;
	tb__exit(tb, at, ids[MANY - 2], 0, TB_IDLE);
	tb__exit(tb, at, ids[MANY - 1], 1, TB_IDLE);
	r = loops_until(tb, NULL, at + 1000);
	assert_int_equal(r->loops.cnt, MANY);
	assert_int_equal(r->loops.peak, MANY);
	assert_int_equal(r->loops.level_cnt, 3);
	assert_int_equal(r->loops.level_ns[2], MANY / 4 * 20);
	assert_int_equal(r->loops.level_ns[1], 0);
	assert_int_equal(r->loops.with_loops_ns, at + 1000 - 1102);
	done(r, tb);
}

/* worker-1 and worker-2 are a pool; the one that ran three times as long is 1.5 times the average. */
static void equal_loops_are_a_pool(void **state)
{
	uint32_t main_, w[2];
	struct trace_builder *tb = one_task(3, &main_);
	const struct cpt_loop_pool *p;
	struct cpt_report *r;

	w[0] = tb__thread(tb, 1001, main_, "worker-1");
	tb__run(tb, 1002, 1, w[0]);
	w[1] = tb__thread(tb, 1003, main_, "worker-2");
	tb__run(tb, 1004, 2, w[1]);
	for (int i = 0; i < 2; i++)
		tb__block(tb, 1100, w[i], epoll_on(4 + i), TB_IDLE);
	for (int i = 0; i < 2; i++)
		tb__wake_irq(tb, 1190, w[i], CPT_CTX_SOFTIRQ, 0);
	for (int i = 0; i < 2; i++)
		tb__run(tb, 1200, 1 + (uint32_t)i, w[i]);
	tb__block(tb, 1300, w[0], epoll_on(4), TB_IDLE);
	tb__block(tb, 1500, w[1], epoll_on(5), TB_IDLE);
	tb__exit(tb, 2000, main_, 0, TB_IDLE);
	tb__wake_irq(tb, 2100, w[0], CPT_CTX_SOFTIRQ, 0);
	tb__run(tb, 2100, 1, w[0]);
	tb__exit(tb, 2100, w[0], 0, TB_IDLE);
	tb__wake_irq(tb, 2100, w[1], CPT_CTX_SOFTIRQ, 0);
	tb__run(tb, 2100, 2, w[1]);
	tb__exit(tb, 2100, w[1], 0, TB_IDLE);
	r = loops_of(tb);
	assert_int_equal(r->loops.pools_cnt, 1);
	p = &r->loops.pools[0];
	assert_int_equal(p->loops, 2);
	assert_int_equal(p->on_cpu_ns, 400);
	assert_int_equal(p->busiest_ns, 300);
	assert_int_equal(p->least_ns, 100);
	assert_true(p->imbalance > 1.49 && p->imbalance < 1.51);
	done(r, tb);
}

/* The loop wakes a worker that waits for work, the worker wakes the loop: work there and back. */
static void work_handed_to_a_thread_and_back(void **state)
{
	uint32_t app, worker, child;
	struct trace_builder *tb = one_task(2, &app);
	const struct cpt_offload *o;
	struct cpt_report *r;

	worker = tb__thread(tb, 1001, app, "worker");
	child = tb__fork(tb, 1001, app, "child");
	tb__run(tb, 1002, 1, worker);
	tb__block(tb, 1010, worker, tb_wait_fd(SYS_read, 8, CPT_FD_EVENTFD), TB_IDLE);
	tb__run(tb, 1020, 1, child);
	tb__block(tb, 1100, app, epoll_on(EPFD), TB_IDLE);
	/* A client's request is no answer of a worker's. */
	tb__wake_as(tb, 1150, app, child, CPT_CTX_SOFTIRQ_SEND, 0, SYS_write);
	tb__run(tb, 1160, 0, app);
	tb__exit(tb, 1170, child, 0, TB_IDLE);
	tb__wake(tb, 1200, worker, app);
	tb__run(tb, 1210, 1, worker);
	tb__block(tb, 1300, app, epoll_on(EPFD), TB_IDLE);
	tb__wake(tb, 1400, app, worker);
	tb__run(tb, 1410, 0, app);
	tb__exit(tb, 1450, worker, 0, TB_IDLE);
	tb__exit(tb, 1500, app, 0, TB_IDLE);
	r = loops_of(tb);
	assert_int_equal(r->loops.offloads_cnt, 1);
	o = &r->loops.offloads[0];
	assert_int_equal(o->id, app);
	assert_int_equal(o->workers, 1);
	assert_int_equal(o->answering, 1);
	assert_int_equal(o->example, worker);
	assert_int_equal(o->handed, 1);
	assert_int_equal(o->returned, 1);
	assert_int_equal(o->to_loops, 0);
	assert_int_equal(o->workers_on_cpu_ns, 8 + 240);
	done(r, tb);
}

/* ---- with records of returns -------------------------------------------------------------------------- */

/*
 * A loop that has always something to do after its first wait: its returns show that it is one still.
 *
 *       1100      1200 1210  1300   1350      1450  1500     1600
 *  app  #|wwwwwwwww|r|#########|bbbbb|##########|#######|#######|
 *                   opens 3    |sleep|          ^ returns with 2, ^ with 1: the last
 */
static void a_loop_that_never_waits_again(void **state)
{
	uint32_t app, in;
	struct trace_builder *tb = one_task(1, &app);
	const struct cpt_loop *l;
	struct cpt_report *r;

	in = tb__loop_new(tb, 1050, app, EPFD, 0);
	tb__block(tb, 1100, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1200, 0, app);
	tb__loop(tb, 1212, app, in, 3, 0, 0);
	tb__block(tb, 1300, app, tb_wait_sleep(), TB_IDLE);
	tb__wake_irq(tb, 1350, app, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1350, 0, app);
	tb__loop(tb, 1400, app, in, 0, 1, 0);
	tb__loop(tb, 1450, app, in, 2, 0, 0);
	tb__loop(tb, 1500, app, in, 1, 0, 0);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = loops_of(tb);
	l = only_loop(r);
	expect_times(l, 100, 240, 10, 50);
	assert_int_equal(l->instance, in);
	assert_int_equal(l->iterations, 3);
	assert_false(l->iterations_least);
	assert_int_equal(l->events, 6);
	assert_int_equal(l->batch_max, 3);
	assert_int_equal(l->dispatches, 2);
	assert_int_equal(l->dispatch_max_ns, 240);
	assert_int_equal(l->dispatch_ns, 290);
	assert_int_equal(l->not_back_ns, 100);
	/* Three operations were in flight behind the sleep of 50 ns. */
	assert_true(l->flight_known);
	assert_int_equal(l->stalls[0].delay_ns, 150);
	assert_int_equal(l->stalls[0].held_up, 3);
	assert_int_equal(l->stalls[0].behind_ns, 50);
	assert_int_equal(l->stalls[0].unused_ns, 50); /* of the one CPU there is */
	assert_int_equal(r->loops.with_loops_ns, 400);
	done(r, tb);
}

/* One sleeps from 1300 to 1350 with operations behind it: allowed one CPU, and two from wide_ns on (0: never).
 * The window is the run, or begins window_from_ns into it. */
static uint64_t unused_of_a_stall(uint64_t wide_ns, uint64_t window_from_ns)
{
	const uint64_t one[CPT_MASK_WORDS] = {1}, both[CPT_MASK_WORDS] = {3};
	const struct cpt_analysis_opts opts = {.filter = {.have_time = window_from_ns != 0,
							  .time_from_ns = window_from_ns,
							  .time_to_ns = 600}};
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), in;
	struct cpt_report *r;
	uint64_t unused;

	tb__affinity(tb, 1000, app, one, 1);
	tb__run(tb, 1000, 0, app);
	in = tb__loop_new(tb, 1050, app, EPFD, 0);
	tb__block(tb, 1100, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1200, 0, app);
	tb__loop(tb, 1212, app, in, 3, 0, 0);
	if (wide_ns == 1300)
		tb__affinity(tb, wide_ns, app, both, 1);
	tb__block(tb, 1300, app, tb_wait_sleep(), TB_IDLE);
	if (wide_ns > 1300)
		tb__affinity(tb, wide_ns, app, both, 1);
	tb__wake_irq(tb, 1350, app, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1350, 0, app);
	tb__loop(tb, 1400, app, in, 0, 1, 0);
	tb__block(tb, 1450, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1500, 0, app);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = loops_until(tb, &opts, 0);
	unused = only_loop(r)->stalls[0].unused_ns;
	done(r, tb);
	return unused;
}

static void what_a_stall_leaves_unused_is_of_the_cpus_allowed_meanwhile(void **state)
{
	assert_int_equal(unused_of_a_stall(0, 0), 50);
	assert_int_equal(unused_of_a_stall(1300, 0), 100);
	assert_int_equal(unused_of_a_stall(1320, 0), 20 + 2 * 30);
	/* A window that begins inside it. */
	assert_int_equal(unused_of_a_stall(0, 310), 40);
	assert_int_equal(unused_of_a_stall(1320, 310), 10 + 2 * 30);
}

/* Records were lost in the middle of the sleep: how many were behind it then is not known, though it is known
 * again at its end. */
static void a_loss_inside_a_stall_leaves_its_delay_open(void **state)
{
	uint32_t app, in;
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_report *r;

	in = tb__loop_new(tb, 1050, app, EPFD, 0);
	tb__block(tb, 1100, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1200, 0, app);
	tb__loop(tb, 1212, app, in, 3, 0, 0);
	tb__block(tb, 1300, app, tb_wait_sleep(), TB_IDLE);
	tb__loop_lost(tb, 1310);
	tb__loop(tb, 1340, 0, in, 1, 0, 0);
	tb__wake_irq(tb, 1350, app, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1350, 0, app);
	tb__block(tb, 1400, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1500, 0, app);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = loops_of(tb);
	assert_int_equal(only_loop(r)->blocked_ns, 50);
	assert_false(only_loop(r)->flight_known);
	done(r, tb);
}

/* The stall with most operations behind it comes first, though another one is longer. */
static void stalls_are_ranked_by_what_they_held_up(void **state)
{
	uint32_t app, in;
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_report *r;

	in = tb__loop_new(tb, 1050, app, EPFD, 0);
	tb__block(tb, 1100, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1200, 0, app);
	tb__loop(tb, 1211, app, in, 1, 0, 0);
	tb__block(tb, 1300, app, tb_wait_disk(), TB_IDLE);
	tb__wake_irq(tb, 1400, app, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1400, 0, app);
	tb__loop(tb, 1410, app, in, 8, 0, 0);
	tb__block(tb, 1500, app, tb_wait_sleep(), TB_IDLE);
	tb__wake_irq(tb, 1520, app, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1520, 0, app);
	tb__block(tb, 1600, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1700, 0, app);
	tb__exit(tb, 1800, app, 0, TB_IDLE);
	r = loops_of(tb);
	assert_int_equal(only_loop(r)->stalls[0].reason, CPT_REASON_SLEEP);
	assert_int_equal(only_loop(r)->stalls[0].delay_ns, 20 * 9);
	assert_int_equal(only_loop(r)->stalls[1].reason, CPT_REASON_DISK);
	assert_int_equal(only_loop(r)->stalls[1].delay_ns, 100);
	done(r, tb);
}

/* Another thread answers, and makes the last step of a record: the return was the loop's all the same. */
static void a_worker_that_answers_is_no_loop(void **state)
{
	struct cpt_event ev = {.flags = CPT_LOOP_EV_OPS, .iterations = 2, .batch = 4};
	uint32_t app, worker, in;
	struct trace_builder *tb = one_task(2, &app);
	struct cpt_report *r;

	worker = tb__thread(tb, 1001, app, "worker");
	tb__run(tb, 1002, 1, worker);
	in = tb__loop_new(tb, 1050, app, EPFD, 0);
	tb__block(tb, 1100, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1200, 0, app);
	tb__block(tb, 1250, app, epoll_on(EPFD), TB_IDLE);
	tb__loop_event(tb, 1260, worker, in, &ev);
	comes_back(tb, 1300, 0, app);
	tb__exit(tb, 1400, worker, 0, TB_IDLE);
	tb__exit(tb, 1500, app, 0, TB_IDLE);
	r = loops_of(tb);
	assert_int_equal(only_loop(r)->id, app);
	assert_int_equal(only_loop(r)->iterations, 2);
	assert_int_equal(only_loop(r)->events, 4);
	assert_int_equal(only_loop(r)->batch_max, 0); /* of single turns only */
	expect_times(only_loop(r), 150, 40, 20, 0);
	done(r, tb);
}

/*
 * An instance inside another: the outer one is waited on, the inner one asked without waiting. From then on
 * the thread dispatches what the inner one reported, until it waits again.
 *
 *       1100     1200 1210     1300          1400
 *  app  #|wwwww5w|r|####5######|######7######|wwww5w…
 */
static void an_instance_inside_another(void **state)
{
	struct cpt_event ev = {.flags = CPT_LOOP_EV_OPS, .iterations = 1, .batch = 1};
	uint32_t app, outer, inner;
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_report *r;

	outer = tb__loop_new(tb, 1050, app, 5, 0);
	inner = tb__loop_new(tb, 1050, app, 7, 0);
	tb__block(tb, 1100, app, epoll_on(5), TB_IDLE);
	comes_back(tb, 1200, 0, app);
	tb__loop_event(tb, 1211, app, outer, &ev);
	tb__loop_event(tb, 1300, app, inner, &ev);
	tb__block(tb, 1400, app, epoll_on(5), TB_IDLE);
	comes_back(tb, 1500, 0, app);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = loops_of(tb);
	assert_int_equal(r->loops.cnt, 2);
	expect_times(loop(r, app, 5), 200, 90, 20, 0);
	expect_times(loop(r, app, 7), 0, 100, 0, 0);
	assert_int_equal(loop(r, app, 5)->iterations, 1);
	assert_int_equal(loop(r, app, 7)->iterations, 1);
	assert_int_equal(loop(r, app, 7)->instance, inner);
	assert_int_equal(r->loops.with_loops_ns, 410);
	assert_int_equal(r->loops.peak, 1);
	done(r, tb);
}

/* Its descriptor is closed, and used for another instance: another loop, and the first has ended. */
static void a_descriptor_is_used_again(void **state)
{
	uint32_t app, in[2];
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_report *r;

	in[0] = tb__loop_new(tb, 1050, app, EPFD, 0);
	tb__block(tb, 1100, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1200, 0, app);
	in[1] = tb__loop_new(tb, 1500, app, EPFD, 0);
	tb__block(tb, 1600, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1650, 0, app);
	tb__exit(tb, 1800, app, 0, TB_IDLE);
	r = loops_of(tb);
	assert_int_equal(r->loops.cnt, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(r->loops.tab[i].instance, in[i]);
		assert_int_equal(r->loops.tab[i].waits, 1);
		assert_int_equal(r->loops.tab[i].life_ns, i ? 60 : 110);
	}
	assert_int_equal(r->loops.with_loops_ns, 170);
	done(r, tb);
}

/* An instance found later is the one it waited on before: what came first is only known in part. */
static void an_instance_found_later_is_the_same_loop(void **state)
{
	uint32_t app, in;
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_report *r;

	for (uint32_t i = 0; i < 3; i++) {
		tb__block(tb, 1100 + 100 * i, app, epoll_on(EPFD), TB_IDLE);
		comes_back(tb, 1150 + 100 * i, 0, app);
	}
	tb__block(tb, 1400, app, epoll_on(EPFD), TB_IDLE);
	in = tb__loop_new(tb, 1420, app, EPFD, CPT_LOOP_FOUND);
	comes_back(tb, 1450, 0, app);
	tb__loop(tb, 1460, app, in, 1, 0, 0);
	tb__loop(tb, 1470, app, in, 1, 0, 0);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = loops_of(tb);
	assert_int_equal(only_loop(r)->instance, in);
	assert_int_equal(only_loop(r)->iterations, 3 + 2);
	assert_true(only_loop(r)->iterations_least);
	assert_int_equal(only_loop(r)->events, 2);
	done(r, tb);
}

static void lost_records_of_returns_are_said(void **state)
{
	uint32_t app, in;
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_report *r;

	in = tb__loop_new(tb, 1050, app, EPFD, 0);
	tb__block(tb, 1100, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1200, 0, app);
	tb__loop_lost(tb, 1215);
	tb__block(tb, 1250, app, tb_wait_sleep(), TB_IDLE);
	tb__wake_irq(tb, 1300, app, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1300, 0, app);
	tb__loop(tb, 1400, app, in, 1, 0, 0);
	tb__loop(tb, 1450, app, in, 1, 0, 0);
	tb__exit(tb, 1500, app, 0, TB_IDLE);
	r = loops_of(tb);
	assert_true(only_loop(r)->iterations_least);
	assert_false(only_loop(r)->flight_known); /* behind the sleep it was in doubt */
	assert_int_equal(only_loop(r)->stalls[0].delay_ns, 0);
	done(r, tb);
}

/* Attached to a server that is never idle: it has not waited yet, and is a loop by its returns. */
static void a_loop_that_never_waited(void **state)
{
	uint32_t app, in;
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_report *r;

	in = tb__loop_new(tb, 1050, app, EPFD, CPT_LOOP_FOUND);
	tb__loop(tb, 1100, app, in, 1, 0, 0);
	tb__loop(tb, 1200, app, in, 1, 0, 0);
	tb__loop(tb, 1300, app, in, 1, 0, 0);
	tb__exit(tb, 1500, app, 0, TB_IDLE);
	r = loops_of(tb);
	expect_times(only_loop(r), 0, 200, 0, 0);
	assert_int_equal(only_loop(r)->iterations, 3);
	assert_int_equal(only_loop(r)->dispatches, 2);
	assert_int_equal(only_loop(r)->not_back_ns, 200);
	done(r, tb);
}

/* ---- parts of a run ---------------------------------------------------------------------------------- */

/* The loop of the first drawing, cut: what of a stretch lies outside is not counted, and whether what
 * comes behind the cut was a loop's is seen there. */
static void a_cut_takes_what_is_inside(void **state)
{
	uint32_t app;
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_analysis_opts opts = {
		.filter = {.have_time = true, .time_from_ns = 200, .time_to_ns = 450}};
	struct cpt_report *r;

	tb__block(tb, 1100, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1300, 0, app);
	tb__block(tb, 1400, app, tb_wait_disk(), TB_IDLE);
	tb__wake_irq(tb, 1600, app, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1630, 0, app);
	tb__block(tb, 1700, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1900, 0, app);
	tb__exit(tb, 2000, app, 0, TB_IDLE);
	r = loops_until(tb, &opts, 0);
	expect_times(only_loop(r), 100, 90, 10, 50);
	assert_int_equal(only_loop(r)->waits, 0);
	assert_int_equal(only_loop(r)->dispatches, 0); /* none is whole */
	assert_int_equal(only_loop(r)->not_back_ns, 0);
	assert_int_equal(only_loop(r)->stalls[0].longest_ns, 50);
	assert_int_equal(r->loops.with_loops_ns, 250);
	report__free(r);
	/* Behind its first return it is none of the loops of this part. */
	opts.filter.time_from_ns = 920;
	opts.filter.time_to_ns = 1000;
	r = loops_until(tb, &opts, 0);
	assert_int_equal(r->loops.cnt, 0);
	assert_int_equal(r->loops.with_loops_ns, 0);
	done(r, tb);
}

/* On the CPU that is not asked for it is no loop, nor anything else; it is one again where it comes back. */
static void a_loop_of_one_cpu(void **state)
{
	const uint64_t cpus[CPT_MASK_WORDS] = {0x1};
	struct cpt_analysis_opts opts = {.filter = {.cpus = cpus}};
	uint32_t app;
	struct trace_builder *tb = one_task(2, &app);
	struct cpt_report *r;

	tb__block(tb, 1100, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1200, 1, app); /* the other CPU */
	tb__block(tb, 1300, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1400, 0, app);
	tb__block(tb, 1500, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1600, 0, app);
	tb__exit(tb, 1700, app, 0, TB_IDLE);
	r = loops_until(tb, &opts, 0);
	expect_times(only_loop(r), 200, 90, 20, 0);
	assert_int_equal(r->loops.with_loops_ns, 310);
	done(r, tb);
}

static void other_threads_loops_are_left_out(void **state)
{
	const char *const comms[] = {"b"};
	struct cpt_analysis_opts opts = {.filter = {.comms = comms, .comm_cnt = 1}};
	uint32_t a, b;
	struct trace_builder *tb = one_task(2, &a);
	struct cpt_report *r;

	b = tb__thread(tb, 1001, a, "b");
	tb__run(tb, 1002, 1, b);
	tb__block(tb, 1100, a, epoll_on(EPFD), TB_IDLE);
	tb__block(tb, 1110, b, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1200, 1, b);
	tb__block(tb, 1300, b, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1400, 1, b);
	tb__exit(tb, 1500, b, 0, TB_IDLE);
	comes_back(tb, 1600, 0, a);
	tb__exit(tb, 1700, a, 0, TB_IDLE);
	r = loops_until(tb, &opts, 0);
	assert_int_equal(only_loop(r)->id, b);
	expect_times(only_loop(r), 190, 90, 20, 0);
	done(r, tb);
}

/* Records are missing while it waits: it may have run and blocked meanwhile. It is a loop all along. */
static void lost_events_make_a_loop_unknown(void **state)
{
	uint32_t app;
	struct trace_builder *tb = one_task(1, &app);
	const struct cpt_loop *l;
	struct cpt_report *r;

	tb__block(tb, 1100, app, epoll_on(EPFD), TB_IDLE);
	tb__loss(tb, 1200, 0, 1250, 3);
	comes_back(tb, 1300, 0, app);
	tb__block(tb, 1400, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1500, 0, app);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = loops_of(tb);
	l = only_loop(r);
	assert_int_equal(l->waiting_ns, 200);
	assert_int_equal(l->unknown_ns, 100);
	assert_int_equal(l->on_cpu_ns, 90);
	assert_int_equal(l->runnable_ns, 20);
	assert_int_equal(l->dispatches, 0); /* when the one at hand began is not known */
	assert_true(loop_on_cpu(l) == 90.0 / 310);
	assert_int_equal(l->woken_ns, 10);
	assert_true(loop_utilisation(l) > 100.0 / 310 - 1e-9);
	assert_true(loop_utilisation(l) < 100.0 / 310 + 1e-9);
	assert_int_equal(r->loops.level_unknown_ns, 100);
	done(r, tb);
}

/* The trace ends while it is blocked in a handler: no loop's time, and not hidden either. */
static void a_loop_that_is_not_back_at_the_end(void **state)
{
	uint32_t app;
	struct trace_builder *tb = one_task(1, &app);
	struct cpt_report *r;

	tb__block(tb, 1100, app, epoll_on(EPFD), TB_IDLE);
	comes_back(tb, 1200, 0, app);
	tb__block(tb, 1300, app, tb_wait_sleep(), TB_IDLE);
	r = loops_until(tb, NULL, 9000);
	expect_times(only_loop(r), 100, 0, 10, 0);
	assert_int_equal(only_loop(r)->not_back_ns, 90 + 7700);
	done(r, tb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_loop_waits_computes_and_blocks),
		cmocka_unit_test(a_thread_stops_being_a_loop),
		cmocka_unit_test(a_wait_that_is_over_at_once_counts),
		cmocka_unit_test(stalls_are_summed_by_call_and_reason),
		cmocka_unit_test(many_kinds_of_stalls_keep_their_sum),
		cmocka_unit_test(poll_of_a_set_is_a_loop),
		cmocka_unit_test(polls_are_of_their_thread),
		cmocka_unit_test(polls_leave_their_first_instance),
		cmocka_unit_test(poll_for_an_instance_is_its_loop),
		cmocka_unit_test(a_ring_is_a_loop),
		cmocka_unit_test(one_thread_with_two_instances),
		cmocka_unit_test(more_instances_than_there_is_room_for),
		cmocka_unit_test(an_exec_ends_the_loop),
		cmocka_unit_test(two_threads_on_one_instance),
		cmocka_unit_test(what_two_did_after_their_loops_is_taken_back),
		cmocka_unit_test(hundreds_come_back_and_half_of_them_end),
		cmocka_unit_test(equal_loops_are_a_pool),
		cmocka_unit_test(work_handed_to_a_thread_and_back),
		cmocka_unit_test(a_loop_that_never_waits_again),
		cmocka_unit_test(a_loss_inside_a_stall_leaves_its_delay_open),
		cmocka_unit_test(what_a_stall_leaves_unused_is_of_the_cpus_allowed_meanwhile),
		cmocka_unit_test(stalls_are_ranked_by_what_they_held_up),
		cmocka_unit_test(a_worker_that_answers_is_no_loop),
		cmocka_unit_test(an_instance_inside_another),
		cmocka_unit_test(a_descriptor_is_used_again),
		cmocka_unit_test(an_instance_found_later_is_the_same_loop),
		cmocka_unit_test(lost_records_of_returns_are_said),
		cmocka_unit_test(a_loop_that_never_waited),
		cmocka_unit_test(a_cut_takes_what_is_inside),
		cmocka_unit_test(a_loop_of_one_cpu),
		cmocka_unit_test(other_threads_loops_are_left_out),
		cmocka_unit_test(lost_events_make_a_loop_unknown),
		cmocka_unit_test(a_loop_that_is_not_back_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
