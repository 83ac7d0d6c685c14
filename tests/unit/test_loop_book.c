// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_loop_book.c - records of event loops to events: order, integrals, peaks, loss. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../collector/loop_book.h"

struct caught {
	struct cpt_event ev[64];
	size_t cnt;
};

static int catch_events(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	struct caught *c = ctx;

	memcpy(c->ev + c->cnt, ev, cnt * sizeof(*ev));
	c->cnt += cnt;
	return 0;
}

static struct loop_book *begin(struct caught *c)
{
	const struct cpt_rec_loop_new rec = {
		.type = CPT_REC_LOOP_NEW, .instance = 1, .ts_ns = 100, .task = 7, .epfd = 3};
	struct loop_book *b;

	memset(c, 0, sizeof(*c));
	b = loop_book__new(catch_events, c);
	assert_non_null(b);
	assert_int_equal(loop_book__new_instance(b, &rec), 0);
	return b;
}

/* Steps of a window from base on, +t opened, -t completed at t, as the probes add them up. */
static struct cpt_rec_loop window(uint64_t base_ns, uint32_t seq, int32_t before, const int *steps,
				  size_t cnt)
{
	struct cpt_rec_loop rec = {.type = CPT_REC_LOOP,
				   .instance = 1,
				   .base_ns = base_ns,
				   .task = 7,
				   .seq = seq,
				   .iterations = 1,
				   .batch = (uint32_t)cnt};
	struct cpt_loop_steps *s = &rec.steps[CPT_LOOP_IN];
	int32_t level = before;

	for (size_t i = 0; i < cnt; i++) {
		if (steps[i] > 0) {
			s->opened++;
			s->opened_sum += (uint64_t)steps[i];
			level++;
		} else {
			s->completed++;
			s->ended_sum += (uint64_t)-steps[i];
			level--;
		}
		if (level > (int32_t)s->peak)
			s->peak = (uint32_t)level;
	}
	rec.level[CPT_LOOP_IN] = level;
	return rec;
}

/* Of the level, from base to base + 1000; and the largest level. */
static uint64_t integral(const struct caught *c, uint64_t base_ns, uint32_t before, uint32_t *peak)
{
	uint64_t at = base_ns, sum = 0;
	uint32_t level = before;

	*peak = before;
	for (size_t i = 0; i < c->cnt; i++) {
		const struct cpt_event *ev = &c->ev[i];

		if (ev->type != CPT_EV_LOOP || ev->ts_ns < base_ns)
			continue;
		sum += (ev->ts_ns - at) * level;
		at = ev->ts_ns;
		level = ev->level;
		assert_true(ev->peak >= level);
		if (ev->peak > *peak)
			*peak = ev->peak;
	}
	return sum + (base_ns + 1000 - at) * level;
}

static void expect_window(int32_t before, const int *steps, size_t cnt)
{
	struct caught c;
	struct loop_book *b = begin(&c);
	struct cpt_rec_loop first = window(200, 0, 0, NULL, 0), rec;
	uint64_t want = (uint64_t)before * 1000;
	uint32_t peak, want_peak;

	first.steps[CPT_LOOP_IN].opened = (uint32_t)before;
	first.steps[CPT_LOOP_IN].peak = (uint32_t)before;
	first.level[CPT_LOOP_IN] = before;
	assert_int_equal(loop_book__record(b, &first), 0);
	rec = window(1000, 1, before, steps, cnt);
	want_peak = rec.steps[CPT_LOOP_IN].peak;
	if (want_peak < (uint32_t)before)
		want_peak = (uint32_t)before;
	for (size_t i = 0; i < cnt; i++)
		want += (steps[i] > 0 ? 1 : -1) * (1000 - (uint64_t)abs(steps[i]));
	assert_int_equal(loop_book__record(b, &rec), 0);
	assert_int_equal(loop_book__advance(b, 5000), 0);
	/* To a ns for each operation, which is what a mean time can be off. */
	assert_in_range(integral(&c, 1000, (uint32_t)before, &peak), want - cnt, want + cnt);
	assert_int_equal(peak, want_peak);
	loop_book__free(b);
}

#define EXPECT_WINDOW(before, ...)                                                                 \
	do {                                                                                       \
		const int steps_[] = {__VA_ARGS__};                                                \
		expect_window(before, steps_, sizeof(steps_) / sizeof(steps_[0]));                 \
	} while (0)

static void windows_keep_integral_and_peak(void **state)
{
	EXPECT_WINDOW(0, 10, 20, 30);
	EXPECT_WINDOW(3, -10, -20, -30);
	EXPECT_WINDOW(0, 10, -20, 30, -40, 50, -60, 70, -80); /* never two */
	EXPECT_WINDOW(1, -10, 20, -30, 40, -50, 60);	      /* never below 0 */
	EXPECT_WINDOW(64, -10, 20, -30, 40, -50, 60);
	EXPECT_WINDOW(63, 10, -20, 30, -40, 50, -60, 70);
	EXPECT_WINDOW(0, 10, 10, 10, -20, -30, -40, 50);
	EXPECT_WINDOW(5, 10, -20, 30, -40);
	EXPECT_WINDOW(64, -10, 20, -30, -40, -50);     /* never more than at first */
	EXPECT_WINDOW(4, -1, -2, -3, 400, -410, -420); /* and few for long */
}

/* The mean times of both kinds, and the largest level, are all that a record keeps. */
static void any_window_keeps_integral_and_peak(void **state)
{
	uint32_t seed = 1;

	for (int n = 0; n < 20000; n++) {
		int32_t before, level;
		int steps[12], at = 0;
		size_t cnt;

		seed = seed * 1664525u + 1013904223u;
		before = level = (int32_t)(seed >> 16) % 5;
		cnt = 1 + (seed >> 8) % 12;
		for (size_t i = 0; i < cnt; i++) {
			seed = seed * 1664525u + 1013904223u;
			at += 1 + (int)(seed >> 16) % 70;
			steps[i] = !level || seed >> 31 ? at : -at;
			level += steps[i] > 0 ? 1 : -1;
		}
		expect_window(before, steps, cnt);
	}
}

static void events_come_in_order_of_time_and_not_behind_the_horizon(void **state)
{
	struct caught c;
	struct loop_book *b = begin(&c);
	const int steps[] = {10}, late[] = {10};
	struct cpt_rec_loop rec = window(5000, 0, 0, steps, 1);

	assert_int_equal(loop_book__record(b, &rec), 0);
	rec = window(3000, 1, 1, late, 1);
	assert_int_equal(loop_book__record(b, &rec), 0);
	assert_int_equal(loop_book__advance(b, 4000), 0);
	assert_int_equal(c.cnt, 2); /* the instance, and what came second */
	assert_int_equal(c.ev[1].ts_ns, 3010);
	assert_int_equal(c.ev[1].level, 1);
	rec = window(3500, 2, 2, late, 1);
	assert_int_equal(loop_book__record(b, &rec), 0);
	assert_int_equal(loop_book__advance(b, 9000), 0);
	assert_int_equal(c.cnt, 4);
	assert_int_equal(c.ev[2].ts_ns, 4000);
	assert_int_equal(c.ev[3].ts_ns, 5010);
	assert_int_equal(c.ev[3].level, 3);
	loop_book__free(b);
}

static void loss_is_told_and_the_level_mended(void **state)
{
	struct caught c;
	struct loop_book *b = begin(&c);
	const int steps[] = {10};
	struct cpt_loop_inst in = {.instance = 1, .seq = 9, .level = {5, 0}};
	struct cpt_rec_loop rec = window(1000, 0, 0, steps, 1);

	assert_int_equal(loop_book__record(b, &rec), 0);
	assert_int_equal(loop_book__lost(b, 1500), 0);
	assert_int_equal(loop_book__resync(b, &in, 2000), 0);
	rec = window(3000, 9, 5, steps, 1);
	assert_int_equal(loop_book__record(b, &rec), 0);
	/* A gap of numbers alone: the level of the record counts. */
	rec = window(4000, 12, 2, steps, 1);
	assert_int_equal(loop_book__record(b, &rec), 0);
	assert_int_equal(loop_book__advance(b, 9000), 0);
	assert_int_equal(c.cnt, 6);
	assert_int_equal(c.ev[2].type, CPT_EV_LOOP_LOST);
	assert_int_equal(c.ev[3].ts_ns, 2000);
	assert_int_equal(c.ev[3].level, 5);
	assert_int_equal(c.ev[4].level, 6);
	assert_int_equal(c.ev[5].level, 3);
	loop_book__free(b);
}

static void overtaken_records_count_once(void **state)
{
	struct caught c;
	struct loop_book *b = begin(&c);
	const int steps[] = {10};
	struct cpt_loop_inst in = {.instance = 1, .seq = 5, .level = {4, 0}};
	struct cpt_rec_loop first = window(1000, 0, 0, steps, 1);
	struct cpt_rec_loop second = window(1100, 1, 1, steps, 1), rec;

	assert_int_equal(loop_book__record(b, &second), 0);
	assert_int_equal(loop_book__record(b, &first), 0);
	rec = window(2000, 2, 2, steps, 1);
	assert_int_equal(loop_book__record(b, &rec), 0);
	assert_int_equal(loop_book__advance(b, 3000), 0);
	assert_int_equal(c.ev[c.cnt - 1].level, 3);
	/* The kernel's level holds what is still on its way, too. */
	assert_int_equal(loop_book__resync(b, &in, 4000), 0);
	rec = window(3500, 4, 3, steps, 1);
	assert_int_equal(loop_book__record(b, &rec), 0);
	rec = window(5000, 5, 4, steps, 1);
	assert_int_equal(loop_book__record(b, &rec), 0);
	assert_int_equal(loop_book__advance(b, 9000), 0);
	assert_int_equal(c.ev[c.cnt - 1].level, 5);
	loop_book__free(b);
}

/*
 * Two threads step at once, the second in a record of its own: 32 were open, one ended, another was
 * opened, one more ended. By mean times the two ends come behind the opening.
 *
 *	window   -1 (10)              -1 (80)      told at 45
 *	alone               +1 (40)                told at 40, as 32
 */
static void what_overlaps_is_not_above_the_peak(void **state)
{
	const int ends[] = {-10, -80}, opened[] = {1};
	struct caught c;
	struct loop_book *b = begin(&c);
	struct cpt_rec_loop rec = window(200, 0, 0, NULL, 0);
	uint32_t peak;

	rec.steps[CPT_LOOP_IN].opened = rec.steps[CPT_LOOP_IN].peak = 32;
	rec.level[CPT_LOOP_IN] = 32;
	assert_int_equal(loop_book__record(b, &rec), 0);
	rec = window(1039, 1, 31, opened, 1);
	assert_int_equal(loop_book__record(b, &rec), 0);
	rec = window(1000, 2, 32, ends, 2);
	rec.level[CPT_LOOP_IN] = 31;
	assert_int_equal(loop_book__record(b, &rec), 0);
	assert_int_equal(loop_book__advance(b, 5000), 0);
	/* Five ns of one operation are given up for that. */
	assert_int_equal(integral(&c, 1000, 32, &peak), 32 * 1000 + 960 - 990 - 920 - 5);
	assert_int_equal(peak, 32);
	assert_int_equal(c.ev[c.cnt - 1].level, 31);
	loop_book__free(b);
}

/* As it was met: a thread's answer behind the window's mean times is in what the book has heard before. */
static void what_is_heard_before_its_time_is_not_above_the_peak(void **state)
{
	struct caught c;
	struct loop_book *b = begin(&c);
	const int ended[] = {-1};
	struct cpt_rec_loop rec = window(200, 0, 0, NULL, 0);
	struct cpt_loop_steps *s = &rec.steps[CPT_LOOP_IN];

	s->opened = s->peak = 5;
	rec.level[CPT_LOOP_IN] = 5;
	assert_int_equal(loop_book__record(b, &rec), 0);
	rec = window(100000 + 23576, 1, 18, ended, 1);
	assert_int_equal(loop_book__record(b, &rec), 0);
	rec = window(100000, 2, 0, NULL, 0);
	s->opened = 30;
	s->opened_sum = 602034;
	s->completed = 2;
	s->ended_sum = 41519;
	s->peak = rec.level[CPT_LOOP_IN] = 32;
	assert_int_equal(loop_book__record(b, &rec), 0);
	assert_int_equal(loop_book__advance(b, 500000), 0);
	assert_int_equal(c.cnt, 5);
	for (size_t i = 0; i < c.cnt; i++)
		if (c.ev[i].type == CPT_EV_LOOP)
			assert_in_range(c.ev[i].peak, 0, 32);
	assert_int_equal(c.ev[4].level, 32);
	loop_book__free(b);
}

static void an_end_cancels_what_is_open(void **state)
{
	struct caught c;
	struct loop_book *b = begin(&c);
	const int steps[] = {10, 20};
	struct cpt_rec_loop rec = window(1000, 0, 0, steps, 2);

	rec.conns = 4;
	assert_int_equal(loop_book__record(b, &rec), 0);
	assert_int_equal(loop_book__end(b, 1, 2000), 0);
	assert_int_equal(loop_book__advance(b, 9000), 0);
	assert_int_equal(c.cnt, 6);
	assert_int_equal(c.ev[1].flags, CPT_LOOP_EV_CONNS);
	assert_int_equal(c.ev[2].opened, 2);
	assert_int_equal(c.ev[3].cancelled, 2);
	assert_int_equal(c.ev[3].level, 0);
	assert_int_equal(c.ev[4].flags, CPT_LOOP_EV_CONNS);
	assert_int_equal(c.ev[4].level, 0);
	assert_int_equal(c.ev[5].type, CPT_EV_LOOP_END);
	loop_book__free(b);
}

/* Its own record found no room: what the kernel has of it is read behind the loss, and from then on it
 * counts. Should that record come yet, it is no second one. */
static void an_instance_whose_record_was_lost_begins_behind_the_loss(void **state)
{
	const struct cpt_loop_inst in = {.instance = 2,
					 .owner = 9,
					 .epfd = 5,
					 .seq = 4,
					 .level = {3, 0},
					 .flags = CPT_LOOP_RING};
	const struct cpt_rec_loop_new late = {
		.type = CPT_REC_LOOP_NEW, .instance = 2, .ts_ns = 1000, .task = 9, .epfd = 5};
	const int steps[] = {-10};
	struct caught c;
	struct loop_book *b = begin(&c);
	struct cpt_rec_loop rec = window(3000, 4, 3, steps, 1);

	rec.instance = 2;
	assert_int_equal(loop_book__lost(b, 1500), 0);
	assert_int_equal(loop_book__resync(b, &in, 2000), 0);
	assert_int_equal(loop_book__new_instance(b, &late), 0);
	assert_int_equal(loop_book__record(b, &rec), 0);
	assert_int_equal(loop_book__advance(b, 9000), 0);
	assert_int_equal(c.cnt, 5); /* of the first one, the loss, and three of this one */
	assert_int_equal(c.ev[2].type, CPT_EV_LOOP_NEW);
	assert_int_equal(c.ev[2].ts_ns, 2000);
	assert_int_equal(c.ev[2].task, 9);
	assert_int_equal(c.ev[2].other, 2);
	assert_int_equal(c.ev[2].loop_fd, 5);
	assert_int_equal(c.ev[2].flags, CPT_LOOP_RING | CPT_LOOP_FOUND);
	assert_int_equal(c.ev[3].level, 3);
	assert_int_equal(c.ev[4].completed, 1);
	assert_int_equal(c.ev[4].level, 2);
	loop_book__free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_keep_integral_and_peak),
		cmocka_unit_test(any_window_keeps_integral_and_peak),
		cmocka_unit_test(events_come_in_order_of_time_and_not_behind_the_horizon),
		cmocka_unit_test(loss_is_told_and_the_level_mended),
		cmocka_unit_test(overtaken_records_count_once),
		cmocka_unit_test(what_overlaps_is_not_above_the_peak),
		cmocka_unit_test(what_is_heard_before_its_time_is_not_above_the_peak),
		cmocka_unit_test(an_end_cancels_what_is_open),
		cmocka_unit_test(an_instance_whose_record_was_lost_begins_behind_the_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
