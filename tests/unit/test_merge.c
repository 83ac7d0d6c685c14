// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tests of the merger: one order whatever the arrival, ends of waits, late facts, losses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../analysis/trace_writer.h"
#include "../support/event_list.h"
#include "../support/random_trace.h"

#define CPUS_MAX 64
#define NEVER	 UINT64_MAX

/* ---- a drain like the collector's ----------------------------------------------------------------- */

struct feed {
	struct trace_builder *tb;
	uint32_t cpu_cnt;
	size_t ring_pos[CPUS_MAX];
	size_t life_pos;
};

static uint64_t rec_ts(const void *recs, size_t idx)
{
	return ((const struct cpt_rec_switch *)recs)[idx].ts_ns;
}

/* Everything of cpu before until_ns, in pieces. */
static void feed_ring(struct feed *f, struct cpt_merge *m, uint32_t cpu, uint64_t until_ns)
{
	size_t cnt, from = f->ring_pos[cpu], to = from, half;
	const char *recs = tb__ring(f->tb, cpu, &cnt);

	while (to < cnt && rec_ts(recs, to) < until_ns)
		to++;
	half = (to - from) / 2;
	assert_int_equal(merge__add_ring(m, cpu, recs + from * CPT_REC_SZ, half), 0);
	from += half;
	assert_int_equal(merge__add_ring(m, cpu, recs + from * CPT_REC_SZ, to - from), 0);
	f->ring_pos[cpu] = to;
}

static void feed_life(struct feed *f, struct cpt_merge *m, uint64_t until_ns)
{
	const struct cpt_rec_head *rec;

	while ((rec = tb__life(f->tb, f->life_pos)) && rec->ts_ns < until_ns) {
		assert_int_equal(merge__add_life(m, rec, rec->sz), 0);
		f->life_pos++;
	}
}

/* One drain: CPUs in some order, each read a little later than the one before. */
static void feed_drain(struct feed *f, struct cpt_merge *m, struct rng *rng, uint64_t now_ns,
		       bool life_first)
{
	const uint32_t from = rng_below(rng, f->cpu_cnt);
	uint64_t late_ns = now_ns;

	if (life_first)
		feed_life(f, m, now_ns);
	for (uint32_t i = 0; i < f->cpu_cnt; i++) {
		feed_ring(f, m, (from + i) % f->cpu_cnt, late_ns);
		late_ns += now_ns == NEVER ? 0 : rng_below(rng, 3000);
	}
	if (!life_first)
		feed_life(f, m, late_ns);
}

/* The whole picture through m, drained every period, held back that long. */
static void feed_all(struct trace_builder *tb, uint32_t cpu_cnt, struct cpt_merge *m,
		     struct rng *rng, uint64_t period_ns, uint64_t hold_ns)
{
	struct feed f = {.tb = tb, .cpu_cnt = cpu_cnt};
	const struct cpt_event *ev;
	uint64_t end_ns;
	size_t cnt;

	ev = tb__events(tb, &cnt);
	end_ns = ev[cnt - 1].ts_ns;
	for (uint64_t now_ns = period_ns; now_ns <= end_ns; now_ns += period_ns) {
		feed_drain(&f, m, rng, now_ns, rng_percent(rng, 50));
		merge__complete(m, now_ns);
		if (now_ns > hold_ns)
			assert_int_equal(merge__advance(m, now_ns - hold_ns), 0);
	}
	feed_drain(&f, m, rng, NEVER, true);
	assert_int_equal(merge__finish(m), 0);
}

static struct cpt_merge *new_merge(uint32_t cpu_cnt, struct event_sink *s)
{
	const struct cpt_merge_sink sink = event_sink(s);
	struct cpt_merge *m = merge__new(cpu_cnt, &sink);

	assert_non_null(m);
	return m;
}

/* ---- properties ------------------------------------------------------------------------------------ */

static void one_batch_gives_the_picture(void **state)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		const uint32_t cpu_cnt = 1 + (uint32_t)seed % 9;
		struct trace_builder *tb = tb__new(cpu_cnt);
		struct rng rng = {seed};
		struct event_sink got = {0};
		struct cpt_merge *m = new_merge(cpu_cnt, &got);
		const struct cpt_event *ev;
		size_t cnt;

		random_trace(tb, &rng, cpu_cnt, 1500, 0);
		feed_all(tb, cpu_cnt, m, &rng, NEVER, 0);
		ev = tb__events(tb, &cnt);
		assert_int_equal(tb_compare_events(ev, cnt, got.events.ev, got.events.cnt), 0);
		assert_int_equal(got.late_cnt, 0);
		merge__free(m);
		event_sink__clear(&got);
		tb__free(tb);
	}
}

/* Hold-back and drain period decide what is late, never what the reader tells in the end. */
static void any_drain_timing_gives_the_picture(void **state)
{
	static const uint64_t holds_ns[] = {0, 2000, 100000, 3000000, 100000000};

	for (uint64_t seed = 1; seed <= 60; seed++) {
		const uint32_t cpu_cnt = 1 + (uint32_t)seed % 9;
		struct trace_builder *tb = tb__new(cpu_cnt);
		struct rng rng = {seed};
		const int fd = memfd_create("trace", MFD_CLOEXEC);
		struct trace_writer *w;
		struct cpt_merge_sink sink;
		struct event_list got = {0};
		struct cpt_merge *m;
		const struct cpt_event *ev;
		size_t cnt;

		random_trace(tb, &rng, cpu_cnt, 1500, 0);
		w = trace_writer__new(fd, tb__meta(tb));
		assert_non_null(w);
		sink = trace_writer__sink(w);
		m = merge__new(cpu_cnt, &sink);
		assert_non_null(m);
		feed_all(tb, cpu_cnt, m, &rng, 50000 + rng_below(&rng, 3000000),
			 holds_ns[seed % 5]);
		assert_int_equal(trace_writer__close(w, tb__close_facts(tb)), 0);
		assert_int_equal(event_list__read(&got, fd, NULL), 0);
		ev = tb__events(tb, &cnt);
		assert_int_equal(tb_compare_events(ev, cnt, got.ev, got.cnt), 0);
		merge__free(m);
		trace_writer__free(w);
		event_list__clear(&got);
		close(fd);
		tb__free(tb);
	}
}

/* Rules of merge.h for one instant, over all events. */
static void assert_possible(const struct cpt_event *ev, size_t cnt)
{
	uint32_t cur[CPUS_MAX] = {0};
	uint8_t on_cpu[256] = {0}, born[256] = {0};

	for (size_t i = 0; i < cnt; i++) {
		assert_true(!i || ev[i - 1].ts_ns <= ev[i].ts_ns);
		assert_true(ev[i].task < 256 && ev[i].cpu < CPUS_MAX);
		if (ev[i].type == CPT_EV_NEW)
			born[ev[i].task] = 1;
		if (ev[i].type == CPT_EV_WAKE) {
			assert_true(born[ev[i].task]);
			assert_false(on_cpu[ev[i].task]);
		}
		if (ev[i].type != CPT_EV_SWITCH)
			continue;
		assert_int_equal(cur[ev[i].cpu], ev[i].task);
		if (ev[i].task)
			on_cpu[ev[i].task] = 0;
		if (ev[i].other) {
			assert_true(born[ev[i].other]);
			assert_false(on_cpu[ev[i].other]);
			on_cpu[ev[i].other] = 1;
		}
		cur[ev[i].cpu] = ev[i].other;
	}
}

static void ties_give_one_possible_order(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		const uint32_t cpu_cnt = 1 + (uint32_t)seed % 5;
		struct trace_builder *tb = tb__new(cpu_cnt);
		struct rng rng = {seed};
		struct event_sink a = {0}, b = {0};
		struct cpt_merge *m;

		random_trace(tb, &rng, cpu_cnt, 1500, RANDOM_TIES);
		m = new_merge(cpu_cnt, &a);
		feed_all(tb, cpu_cnt, m, &rng, NEVER, 0);
		merge__free(m);
		m = new_merge(cpu_cnt, &b);
		feed_all(tb, cpu_cnt, m, &rng, 10000000, 1000000000);
		merge__free(m);
		assert_int_equal(
			tb_compare_events(a.events.ev, a.events.cnt, b.events.ev, b.events.cnt), 0);
		assert_possible(a.events.ev, a.events.cnt);
		event_sink__clear(&a);
		event_sink__clear(&b);
		tb__free(tb);
	}
}

/* ---- single cases ---------------------------------------------------------------------------------- */

static struct cpt_rec_switch sw(uint32_t seq, uint64_t ts_ns, uint32_t prev, uint32_t next,
				uint16_t flags)
{
	return (struct cpt_rec_switch){.type = CPT_REC_SWITCH,
				       .seq = seq,
				       .ts_ns = ts_ns,
				       .prev = prev,
				       .next = next,
				       .flags = flags,
				       .sysno = SYS_read};
}

static struct cpt_rec_switch woken(uint32_t seq, uint64_t ts_ns, uint32_t next, uint64_t wake_ts_ns,
				   uint32_t waker)
{
	struct cpt_rec_switch rec = sw(seq, ts_ns, 0, next, CPT_SW_NEXT_WOKEN);

	rec.wake_ts_ns = wake_ts_ns;
	rec.waker = waker;
	return rec;
}

static void add(struct cpt_merge *m, uint32_t cpu, struct cpt_rec_switch rec)
{
	assert_int_equal(merge__add_ring(m, cpu, &rec, 1), 0);
}

static void long_wait_is_told_late_and_only_once(void **state)
{
	struct event_sink got = {0};
	struct cpt_merge *m = new_merge(2, &got);

	add(m, 0, sw(0, 100, 7, 0, CPT_SW_PREV_BLOCKED));
	assert_int_equal(merge__advance(m, 200), 0);
	assert_int_equal(got.events.cnt, 1);
	assert_int_equal(got.events.ev[0].end, CPT_END_OPEN);
	add(m, 1, woken(0, 950, 7, 900, 3));
	assert_int_equal(got.late_cnt, 0);
	assert_int_equal(merge__finish(m), 0);
	assert_int_equal(got.late_cnt, 1);
	assert_int_equal(got.late[0].kind, CPT_LATE_END);
	assert_int_equal(got.late[0].ts_ns, 100);
	assert_int_equal(got.late[0].task, 7);
	assert_int_equal(got.late[0].end, CPT_END_TASK);
	assert_int_equal(got.late[0].waker, 3);
	assert_int_equal(got.events.cnt, 3);
	assert_int_equal(got.events.ev[1].type, CPT_EV_WAKE);
	merge__free(m);
	event_sink__clear(&got);
}

static void wake_before_the_horizon_is_late(void **state)
{
	struct event_sink got = {0};
	struct cpt_merge *m = new_merge(1, &got);

	add(m, 0, sw(0, 100, 7, 5, CPT_SW_PREV_BLOCKED));
	assert_int_equal(merge__advance(m, 500), 0);
	add(m, 0, woken(1, 600, 7, 300, 5));
	assert_int_equal(got.late_cnt, 2);
	assert_int_equal(got.late[0].kind, CPT_LATE_END);
	assert_int_equal(got.late[0].ts_ns, 100);
	assert_int_equal(got.late[1].kind, CPT_LATE_WAKE);
	assert_int_equal(got.late[1].ts_ns, 300);
	assert_int_equal(got.late[1].task, 7);
	assert_int_equal(got.late[1].waker, 5);
	assert_int_equal(merge__finish(m), 0);
	assert_int_equal(got.events.cnt, 2);
	assert_int_equal(got.events.ev[1].type, CPT_EV_SWITCH);
	merge__free(m);
	event_sink__clear(&got);
}

/* CPU 1 was read before CPU 0, so the wake-up at 920 on CPU 0 is known and its predecessor at 905 is
 * not: it must not be taken for the end of the wait that began at 100. */
static void wake_of_an_incomplete_drain_ends_nothing_yet(void **state)
{
	struct event_sink got = {0};
	struct cpt_merge *m = new_merge(2, &got);

	add(m, 1, sw(0, 100, 7, 0, CPT_SW_PREV_BLOCKED));
	add(m, 0, woken(0, 925, 7, 920, 3));
	merge__complete(m, 903);
	assert_int_equal(merge__advance(m, 800), 0);
	assert_int_equal(got.events.ev[0].end, CPT_END_OPEN);
	add(m, 1, woken(1, 906, 7, 905, 4));
	add(m, 1, sw(2, 910, 7, 0, CPT_SW_PREV_BLOCKED));
	assert_int_equal(merge__finish(m), 0);
	assert_int_equal(got.late_cnt, 1);
	assert_int_equal(got.late[0].waker, 4);
	assert_int_equal(got.events.ev[3].ts_ns, 910);
	assert_int_equal(got.events.ev[3].end_waker, 3);
	merge__free(m);
	event_sink__clear(&got);
}

/* The switch-in that the wait's wake-up came with was lost, the switch-out after it was not: the wake-up
 * of the next wait is not this one's. */
static void wake_behind_a_lost_switch_in_ends_nothing(void **state)
{
	struct event_sink got = {0};
	struct cpt_merge *m = new_merge(1, &got);

	add(m, 0, sw(0, 100, 7, 0, CPT_SW_PREV_BLOCKED));
	add(m, 0, sw(2, 300, 7, 0, CPT_SW_PREV_BLOCKED));
	add(m, 0, woken(3, 500, 7, 400, 3));
	assert_int_equal(merge__finish(m), 0);
	assert_int_equal(got.late_cnt, 0);
	assert_int_equal(got.events.ev[0].end, CPT_END_OPEN);
	assert_int_equal(got.events.ev[1].type, CPT_EV_LOSS);
	assert_int_equal(got.events.ev[2].end, CPT_END_TASK);
	assert_int_equal(got.events.ev[2].end_waker, 3);
	merge__free(m);
	event_sink__clear(&got);
}

static void ends_tell_tasks_from_strangers_and_interrupts(void **state)
{
	static const struct {
		uint8_t ctx;
		uint16_t flags;
		uint32_t waker;
		uint8_t end;
		uint32_t end_waker;
	} cases[] = {
		{CPT_CTX_TASK, 0, 3, CPT_END_TASK, 3},
		{CPT_CTX_SOFTIRQ_SEND, 0, 3, CPT_END_TASK, 3},
		{CPT_CTX_SOFTIRQ, 0, 3, CPT_END_IRQ, 0},
		{CPT_CTX_HARDIRQ, 0, 3, CPT_END_IRQ, 0},
		{CPT_CTX_TASK, CPT_SW_WAKER_FOREIGN, 4711, CPT_END_FOREIGN, 4711},
		{CPT_CTX_HARDIRQ, CPT_SW_WAKER_FOREIGN, 4711, CPT_END_IRQ, 0},
		{CPT_CTX_TASK, 0, 0, CPT_END_IRQ, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cpt_rec_switch in = woken(1, 300, 7, 200, cases[i].waker);
		struct event_sink got = {0};
		struct cpt_merge *m = new_merge(1, &got);

		in.wake_ctx = cases[i].ctx;
		in.flags |= cases[i].flags;
		add(m, 0, sw(0, 100, 7, 0, CPT_SW_PREV_BLOCKED));
		add(m, 0, in);
		assert_int_equal(merge__finish(m), 0);
		assert_int_equal(got.events.ev[0].end, cases[i].end);
		assert_int_equal(got.events.ev[0].end_waker, cases[i].end_waker);
		merge__free(m);
		event_sink__clear(&got);
	}
}

static void assert_order(struct event_sink *got, const uint8_t *types, size_t cnt)
{
	assert_int_equal(got->events.cnt, cnt);
	for (size_t i = 0; i < cnt; i++)
		assert_int_equal(got->events.ev[i].type, types[i]);
}

static void wake_at_the_switch_out_follows_it(void **state)
{
	static const uint8_t want[] = {CPT_EV_SWITCH, CPT_EV_WAKE, CPT_EV_SWITCH};
	struct event_sink got = {0};
	struct cpt_merge *m = new_merge(2, &got);

	add(m, 1, woken(0, 150, 7, 100, 3));
	add(m, 0, sw(0, 100, 7, 0, CPT_SW_PREV_BLOCKED));
	assert_int_equal(merge__finish(m), 0);
	assert_order(&got, want, 3);
	assert_int_equal(got.events.ev[0].end, CPT_END_TASK);
	merge__free(m);
	event_sink__clear(&got);
}

static void out_wake_and_in_at_one_instant_stand_in_that_order(void **state)
{
	static const uint8_t want[] = {CPT_EV_SWITCH, CPT_EV_WAKE, CPT_EV_SWITCH};
	struct event_sink got = {0};
	struct cpt_merge *m = new_merge(2, &got);

	add(m, 0, woken(0, 100, 7, 100, 3));
	add(m, 1, sw(0, 100, 7, 0, CPT_SW_PREV_BLOCKED));
	assert_int_equal(merge__finish(m), 0);
	assert_order(&got, want, 3);
	assert_int_equal(got.events.ev[0].cpu, 1);
	merge__free(m);
	event_sink__clear(&got);
}

static void run_of_no_time_stands_behind_its_wake(void **state)
{
	static const uint8_t want[] = {CPT_EV_WAKE, CPT_EV_SWITCH, CPT_EV_SWITCH};
	struct event_sink got = {0};
	struct cpt_merge *m = new_merge(1, &got);

	add(m, 0, woken(0, 100, 7, 100, 3));
	add(m, 0, sw(1, 100, 7, 0, CPT_SW_PREV_BLOCKED));
	assert_int_equal(merge__finish(m), 0);
	assert_order(&got, want, 3);
	merge__free(m);
	event_sink__clear(&got);
}

static void birth_and_exit_stand_right_whatever_their_times(void **state)
{
	static const uint8_t want[] = {CPT_EV_NEW, CPT_EV_SWITCH, CPT_EV_EXIT, CPT_EV_SWITCH};
	struct cpt_rec_task born = {.head = {CPT_REC_NEW, sizeof(born), 130, 7, 0}};
	struct cpt_rec_exit gone = {.head = {CPT_REC_EXIT, sizeof(gone), 520, 7, 0}};
	struct event_sink got = {0};
	struct cpt_merge *m = new_merge(1, &got);

	add(m, 0, sw(0, 100, 0, 7, 0));
	add(m, 0, sw(1, 500, 7, 0, CPT_SW_PREV_DEAD));
	assert_int_equal(merge__add_life(m, &gone, sizeof(gone)), 0);
	assert_int_equal(merge__add_life(m, &born, sizeof(born)), 0);
	assert_int_equal(merge__finish(m), 0);
	assert_order(&got, want, 4);
	assert_int_equal(got.events.ev[0].ts_ns, 100);
	assert_int_equal(got.events.ev[2].ts_ns, 500);
	merge__free(m);
	event_sink__clear(&got);
}

static void gap_in_seq_is_a_loss_between_its_neighbours(void **state)
{
	struct event_sink got = {0};
	struct cpt_merge *m = new_merge(1, &got);

	add(m, 0, sw(0, 100, 0, 7, 0));
	add(m, 0, sw(4, 500, 7, 0, 0));
	assert_int_equal(merge__finish(m), 0);
	assert_int_equal(got.events.cnt, 3);
	assert_int_equal(got.events.ev[1].type, CPT_EV_LOSS);
	assert_int_equal(got.events.ev[1].ts_ns, 100);
	assert_int_equal(got.events.ev[1].until_ns, 500);
	assert_int_equal(got.events.ev[1].count, 3);
	assert_int_equal(merge__lost(m), 3);
	merge__free(m);
	event_sink__clear(&got);
}

static void seq_wraps_without_loss(void **state)
{
	struct event_sink got = {0};
	struct cpt_merge *m = new_merge(1, &got);

	assert_int_equal(merge__add_attempts(m, 0, UINT32_MAX, 50, 50), 0);
	add(m, 0, sw(UINT32_MAX, 100, 0, 7, 0));
	add(m, 0, sw(0, 200, 7, 0, 0));
	assert_int_equal(merge__finish(m), 0);
	assert_int_equal(merge__lost(m), UINT32_MAX);
	assert_int_equal(got.events.cnt, 3);
	merge__free(m);
	event_sink__clear(&got);
}

static void loss_at_the_end_is_counted_once(void **state)
{
	struct event_sink got = {0};
	struct cpt_merge *m = new_merge(1, &got);

	add(m, 0, sw(0, 100, 0, 7, 0));
	assert_int_equal(merge__add_attempts(m, 0, 3, 390, 400), 0);
	add(m, 0, sw(3, 500, 7, 0, 0));
	assert_int_equal(merge__finish(m), 0);
	assert_int_equal(got.events.cnt, 3);
	assert_int_equal(got.events.ev[1].type, CPT_EV_LOSS);
	assert_int_equal(got.events.ev[1].until_ns, 400);
	assert_int_equal(got.events.ev[1].count, 2);
	assert_int_equal(merge__lost(m), 2);
	merge__free(m);
	event_sink__clear(&got);
}

static void loss_lies_between_what_was_read_before_and_now(void **state)
{
	struct event_sink got = {0};
	struct cpt_merge *m = new_merge(1, &got);

	add(m, 0, sw(0, 100, 0, 7, 0));
	/* Read at 210, say, and we were without a CPU until 300; what was dropped meanwhile is read at 450. */
	assert_int_equal(merge__add_attempts(m, 0, 1, 200, 300), 0);
	assert_int_equal(merge__add_attempts(m, 0, 3, 400, 450), 0);
	assert_int_equal(merge__add_attempts(m, 0, 4, 600, 610), 0);
	assert_int_equal(merge__finish(m), 0);
	assert_int_equal(got.events.cnt, 3);
	assert_int_equal(got.events.ev[1].ts_ns, 200);
	assert_int_equal(got.events.ev[1].until_ns, 450);
	assert_int_equal(got.events.ev[1].count, 2);
	assert_int_equal(got.events.ev[2].ts_ns, 400);
	assert_int_equal(got.events.ev[2].until_ns, 610);
	merge__free(m);
	event_sink__clear(&got);
}

static void loss_before_a_switch_that_is_dated_back_is_not_behind_it(void **state)
{
	struct event_sink got = {0};
	struct cpt_merge *m = new_merge(1, &got);

	add(m, 0, sw(0, 100, 0, 7, 0));
	assert_int_equal(merge__add_attempts(m, 0, 1, 400, 410), 0);
	add(m, 0, sw(2, 300, 7, 0, CPT_SW_MENDED));
	assert_int_equal(merge__finish(m), 0);
	assert_int_equal(got.events.cnt, 3);
	assert_int_equal(got.events.ev[1].type, CPT_EV_LOSS);
	assert_int_equal(got.events.ev[1].ts_ns, 100);
	assert_int_equal(got.events.ev[1].until_ns, 300);
	merge__free(m);
	event_sink__clear(&got);
}

static void record_that_comes_after_all_was_not_lost(void **state)
{
	struct event_sink got = {0};
	struct cpt_merge *m = new_merge(1, &got);

	add(m, 0, sw(0, 100, 0, 7, 0));
	assert_int_equal(merge__add_attempts(m, 0, 2, 400, 400), 0);
	add(m, 0, sw(1, 390, 7, 0, 0));
	assert_int_equal(merge__finish(m), 0);
	assert_int_equal(got.events.cnt, 2);
	assert_int_equal(merge__lost(m), 0);
	merge__free(m);
	event_sink__clear(&got);
}

static void time_never_goes_back(void **state)
{
	struct event_sink got = {0};
	struct cpt_merge *m = new_merge(2, &got);

	add(m, 0, sw(0, 1000, 0, 7, 0));
	add(m, 0, sw(1, 900, 7, 0, 0));
	assert_int_equal(merge__advance(m, 2000), 0);
	add(m, 1, sw(0, 1500, 0, 8, 0));
	assert_int_equal(merge__finish(m), 0);
	assert_int_equal(got.events.cnt, 3);
	assert_int_equal(got.events.ev[1].ts_ns, 1000);
	assert_int_equal(got.events.ev[2].ts_ns, 2000);
	merge__free(m);
	event_sink__clear(&got);
}

static void bad_records_are_refused(void **state)
{
	struct cpt_rec_exit gone = {.head = {CPT_REC_EXIT, sizeof(gone), 520, 7, 0}};
	struct cpt_rec_task born = {.head = {CPT_REC_NEW, sizeof(born), 0x90, 0, 0}, .tid = 0xa5};
	struct cpt_rec_switch rec = sw(0, 100, 0, 7, 0);
	struct event_sink got = {0};
	struct cpt_merge *m = new_merge(1, &got);

	assert_int_equal(merge__add_ring(m, 1, &rec, 1), -EINVAL);
	assert_non_null(strstr(merge__refused(m), "a ring record on CPU 1 reads"));
	merge__free(m);
	m = new_merge(1, &got);
	rec.type = 77;
	assert_string_equal(merge__refused(m), "");
	assert_int_equal(merge__add_ring(m, 0, &rec, 1), -EINVAL);
	assert_non_null(strstr(merge__refused(m), "a ring record on CPU 0 reads 4d"));
	merge__free(m);
	m = new_merge(1, &got);
	assert_int_equal(merge__add_life(m, &gone, sizeof(gone) - 1), -EINVAL);
	assert_non_null(strstr(merge__refused(m), "a lifecycle record on CPU 0"));
	assert_int_equal(merge__finish(m), -EINVAL);
	merge__free(m);
	m = new_merge(1, &got);
	assert_int_equal(merge__add_life(m, &gone, 4), -EINVAL);
	assert_non_null(strstr(merge__refused(m), " 0 0 0"));
	merge__free(m);
	m = new_merge(1, &got);
	assert_int_equal(merge__add_life(m, &born, sizeof(born)), -EINVAL);
	assert_non_null(strstr(merge__refused(m), " 90 0 a5"));
	merge__free(m);
	event_sink__clear(&got);
}

static int refuse_events(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	return -ENOSPC;
}

static int accept_late(void *ctx, const struct cpt_late *late)
{
	return 0;
}

static void error_of_the_sink_stays(void **state)
{
	const struct cpt_merge_sink sink = {.events = refuse_events, .late = accept_late};
	struct cpt_rec_task born = {.head = {CPT_REC_NEW, sizeof(born), 90, 7, 0}};
	struct cpt_merge *m = merge__new(1, &sink);
	struct cpt_rec_switch rec = sw(0, 100, 0, 7, 0);

	assert_non_null(m);
	assert_int_equal(merge__add_life(m, &born, sizeof(born)), 0);
	assert_int_equal(merge__add_ring(m, 0, &rec, 1), 0);
	assert_int_equal(merge__advance(m, 1000), -ENOSPC);
	assert_int_equal(merge__add_ring(m, 0, &rec, 1), -ENOSPC);
	assert_int_equal(merge__finish(m), -ENOSPC);
	merge__free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_batch_gives_the_picture),
		cmocka_unit_test(any_drain_timing_gives_the_picture),
		cmocka_unit_test(ties_give_one_possible_order),
		cmocka_unit_test(long_wait_is_told_late_and_only_once),
		cmocka_unit_test(wake_before_the_horizon_is_late),
		cmocka_unit_test(wake_of_an_incomplete_drain_ends_nothing_yet),
		cmocka_unit_test(wake_behind_a_lost_switch_in_ends_nothing),
		cmocka_unit_test(ends_tell_tasks_from_strangers_and_interrupts),
		cmocka_unit_test(wake_at_the_switch_out_follows_it),
		cmocka_unit_test(out_wake_and_in_at_one_instant_stand_in_that_order),
		cmocka_unit_test(run_of_no_time_stands_behind_its_wake),
		cmocka_unit_test(birth_and_exit_stand_right_whatever_their_times),
		cmocka_unit_test(gap_in_seq_is_a_loss_between_its_neighbours),
		cmocka_unit_test(seq_wraps_without_loss),
		cmocka_unit_test(loss_at_the_end_is_counted_once),
		cmocka_unit_test(loss_lies_between_what_was_read_before_and_now),
		cmocka_unit_test(loss_before_a_switch_that_is_dated_back_is_not_behind_it),
		cmocka_unit_test(record_that_comes_after_all_was_not_lost),
		cmocka_unit_test(time_never_goes_back),
		cmocka_unit_test(bad_records_are_refused),
		cmocka_unit_test(error_of_the_sink_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
