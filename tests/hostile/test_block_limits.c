// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Blocks made by hand that break one rule each: a random change of a byte hardly ever makes a number
 * that is well-formed and too large.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analysis/trace_block.h"
#include "../../analysis/varint.h"

#define CPU_CNT	 2
#define TASK_MAX 100
#define FIRST_NS 1000
#define COL_ROOM 4096

/* Columns that are filled by the test, and what the section's header would say. */
struct block {
	uint8_t col[COL_CNT][COL_ROOM];
	size_t sz[COL_CNT];
	uint32_t event_cnt, switch_cnt, col_cnt;
	uint64_t last_ns;
};

static void put(struct block *b, int col, uint64_t v)
{
	uint8_t *p = b->col[col] + b->sz[col];

	b->sz[col] += (size_t)(put_varint(p, v) - p);
	assert_true(b->sz[col] < COL_ROOM - CPT_VARINT_MAX);
}

static void put_zeros(struct block *b, int col, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		put(b, col, 0);
}

static void shape(struct block *b, uint8_t type, uint8_t pred, uint16_t flags)
{
	put(b, COL_SHAPES, type);
	put(b, COL_SHAPES, pred);
	put(b, COL_SHAPES, flags);
	if (type != CPT_EV_WAKE)
		return;
	put(b, COL_SHAPES, CPT_CTX_TASK);
	put(b, COL_SHAPES, 3);
}

/* An event of a shape, `after_ns` behind the one before. */
static void event(struct block *b, uint32_t token, uint64_t after_ns)
{
	put(b, COL_TOKEN, token);
	b->col[COL_TIME][b->sz[COL_TIME]++] = (uint8_t)after_ns;
	put(b, COL_TIME_HI, after_ns >> 8);
	b->last_ns += after_ns;
	b->event_cnt++;
}

static struct block *new_block(void)
{
	struct block *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->last_ns = FIRST_NS;
	b->col_cnt = COL_CNT;
	return b;
}

/* What the decoder says of it; frees b. */
static int decode(struct block *b)
{
	struct block_decoder *d = block_decoder__new(CPU_CNT, TASK_MAX);
	uint8_t *payload = malloc(COL_CNT * (COL_ROOM + 32) + 64), *p = payload;
	struct cpt_event *ev;
	const char *why;
	int err;

	assert_non_null(d);
	assert_non_null(payload);
	p = put_varint(p, b->switch_cnt);
	p = put_varint(p, b->col_cnt);
	for (int i = 0; i < COL_CNT; i++) {
		p = put_varint(p, b->sz[i]);
		p = put_varint(p, 0);
	}
	for (int i = 0; i < COL_CNT; i++) {
		memcpy(p, b->col[i], b->sz[i]);
		p += b->sz[i];
	}
	err = block_decoder__decode(d, payload, (size_t)(p - payload), b->event_cnt, FIRST_NS,
				    b->last_ns, &ev, &why);
	assert_true(!err || (why && why[0]));
	block_decoder__free(d);
	free(payload);
	free(b);
	return err;
}

/* One switch on CPU 0 from nobody to task `number`. */
static struct block *one_switch(uint32_t number)
{
	struct block *b = new_block();

	shape(b, CPT_EV_SWITCH, NEXT_LISTED << 1, 0);
	put(b, COL_TASKS, zigzag(number));
	event(b, 0, 0);
	put(b, COL_CPU, 0);
	put(b, COL_TASK, 1);
	b->switch_cnt = 1;
	return b;
}

/* One blocking switch-out of nobody, its wait by mode. */
static struct block *one_wait(uint8_t mode, uint32_t wait_cnt)
{
	struct block *b = new_block();

	shape(b, CPT_EV_SWITCH, (uint8_t)(mode << 3), CPT_SW_PREV_BLOCKED);
	for (uint32_t i = 0; i < wait_cnt; i++) {
		put(b, COL_WAITS, i ? 1 : 0);
		put(b, COL_WAITS, 0);
	}
	event(b, 0, 0);
	put(b, COL_CPU, 0);
	b->switch_cnt = 1;
	return b;
}

static struct block *one_affinity(uint32_t word_cnt)
{
	struct block *b = new_block();

	shape(b, CPT_EV_AFFINITY, 0, 0);
	put(b, COL_TASKS, zigzag(7));
	event(b, 0, 0);
	put(b, COL_CPU, 0);
	put(b, COL_TASK, 1);
	put(b, COL_EXTRA, 2);
	put(b, COL_EXTRA, word_cnt);
	put_zeros(b, COL_EXTRA, 8 * (size_t)word_cnt);
	return b;
}

static void task_number_has_a_limit(void **state)
{
	assert_int_equal(decode(one_switch(TASK_MAX)), 0);
	assert_int_equal(decode(one_switch(TASK_MAX + 1)), -EBADMSG);
	assert_int_equal(decode(one_switch(0)), -EBADMSG);
}

static void list_of_tasks_has_at_most_two_per_event(void **state)
{
	struct block *b = one_switch(1);

	put(b, COL_TASKS, zigzag(1));
	assert_int_equal(decode(b), 0);
	b = one_switch(1);
	put(b, COL_TASKS, zigzag(1));
	put(b, COL_TASKS, zigzag(1));
	assert_int_equal(decode(b), -EBADMSG);
}

static void index_of_a_task_stays_in_its_list(void **state)
{
	struct block *b = one_switch(5);

	b->col[COL_TASK][0] = 2;
	assert_int_equal(decode(b), -EBADMSG);
}

static void index_of_a_wait_stays_in_what_was_used(void **state)
{
	struct block *b = one_wait(WAIT_NEW, 1);

	assert_int_equal(decode(b), 0);
	assert_int_equal(decode(one_wait(WAIT_NEW, 0)), -EBADMSG);
	assert_int_equal(decode(one_wait(WAIT_SAME, 0)), -EBADMSG);
	assert_int_equal(decode(one_wait(WAIT_SAME, 1)), -EBADMSG);
	b = one_wait(WAIT_LISTED, 1);
	put(b, COL_WAIT, 0);
	assert_int_equal(decode(b), -EBADMSG);
	b = one_wait(WAIT_LISTED, 1);
	put(b, COL_WAIT, UINT32_MAX);
	assert_int_equal(decode(b), -EBADMSG);
}

static void more_new_waits_than_the_list_has_are_refused(void **state)
{
	struct block *b = one_wait(WAIT_NEW, 1);

	/* Far enough beyond its end for a sanitizer to see. */
	for (int i = 0; i < 100; i++) {
		event(b, 0, 10);
		put(b, COL_CPU, 0);
	}
	b->switch_cnt = 101;
	assert_int_equal(decode(b), -EBADMSG);
}

static void affinity_mask_has_at_most_sixteen_words(void **state)
{
	assert_int_equal(decode(one_affinity(CPT_MASK_WORDS)), 0);
	assert_int_equal(decode(one_affinity(CPT_MASK_WORDS + 1)), -EBADMSG);
}

static void cpu_stays_in_the_machine(void **state)
{
	struct block *b = one_switch(5);

	b->col[COL_CPU][0] = CPU_CNT - 1;
	assert_int_equal(decode(b), 0);
	b = one_switch(5);
	b->col[COL_CPU][0] = CPU_CNT;
	assert_int_equal(decode(b), -EBADMSG);
}

/* A wake-up of task 5 whose waker is told by mode. */
static struct block *one_wake(uint8_t mode, uint16_t flags)
{
	struct block *b = new_block();

	shape(b, CPT_EV_WAKE, mode, flags);
	put(b, COL_TASKS, zigzag(5));
	event(b, 0, 0);
	put(b, COL_TASK, 1);
	return b;
}

static void waker_has_the_limits_of_what_it_is(void **state)
{
	static const struct {
		uint8_t mode;
		uint16_t flags;
		uint32_t value;
		int err;
	} cases[] = {
		{WAKER_RAW, 0, TASK_MAX, 0},
		{WAKER_RAW, 0, TASK_MAX + 1, -EBADMSG},
		{WAKER_RAW, CPT_SW_WAKER_FOREIGN, TASK_MAX + 1, 0},
		{WAKER_CPU, 0, CPU_CNT - 1, 0},
		{WAKER_CPU, 0, CPU_CNT, -EBADMSG},
		{WAKER_LISTED, 0, 1, 0},
		{WAKER_LISTED, 0, 2, -EBADMSG},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct block *b = one_wake(cases[i].mode, cases[i].flags);

		put(b, COL_WAKER, cases[i].value);
		assert_int_equal(decode(b), cases[i].err);
	}
	assert_int_equal(decode(one_wake(WAKER_NONE, 0)), 0);
	assert_int_equal(decode(one_wake(6, 0)), -EBADMSG);
}

static void nobody_is_never_woken(void **state)
{
	struct block *b = one_wake(WAKER_NONE, 0);

	b->col[COL_TASK][0] = 0;
	assert_int_equal(decode(b), -EBADMSG);
}

static void end_belongs_to_a_blocking_switch_out(void **state)
{
	static const struct {
		uint32_t distance, end, waker;
		int err;
	} cases[] = {
		{0, CPT_END_TASK, TASK_MAX, 0},		 {0, CPT_END_TASK, TASK_MAX + 1, -EBADMSG},
		{0, CPT_END_FOREIGN, TASK_MAX + 1, 0},	 {1, CPT_END_TASK, 1, -EBADMSG},
		{UINT32_MAX, CPT_END_TASK, 1, -EBADMSG}, {0, CPT_END_IRQ + 1, 1, -EBADMSG},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct block *b = one_wait(WAIT_NEW, 1);

		put(b, COL_ENDS, cases[i].distance);
		put(b, COL_ENDS, cases[i].end);
		put(b, COL_ENDS, cases[i].waker);
		assert_int_equal(decode(b), cases[i].err);
	}
}

static struct block *two_switches(uint64_t apart_ns)
{
	struct block *b = new_block();

	shape(b, CPT_EV_SWITCH, 0, 0);
	event(b, 0, 0);
	event(b, 0, apart_ns);
	put_zeros(b, COL_CPU, 2);
	b->switch_cnt = 2;
	return b;
}

static void time_never_wraps(void **state)
{
	assert_int_equal(decode(two_switches(1)), 0);
	assert_int_equal(decode(two_switches(UINT64_MAX - 5)), -EBADMSG);
}

/* A loss with the gap and the count given; an occupancy with its start and sums. */
static void gaps_and_sums_fit_their_time(void **state)
{
	static const struct {
		uint64_t since, idle, other;
		int err;
	} cases[] = {
		{500, 200, 300, 0},	      {500, 200, 301, -EBADMSG},
		{500, 501, 0, -EBADMSG},      {1001, 0, 0, -EBADMSG},
		{FIRST_NS, 0, 0, 0},	      {500, 1, UINT64_MAX, -EBADMSG},
		{UINT64_MAX, 0, 0, -EBADMSG},
	};
	struct block *b;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		b = new_block();
		shape(b, CPT_EV_OCCUPANCY, SHAPE_SINCE, 1 | 2 << 8);
		event(b, 0, 0);
		put(b, COL_CPU, 0);
		put(b, COL_EXTRA, cases[i].since);
		put(b, COL_EXTRA, cases[i].idle);
		put(b, COL_EXTRA, cases[i].other);
		assert_int_equal(decode(b), cases[i].err);
	}
	for (int i = 0; i < 2; i++) {
		b = new_block();
		shape(b, CPT_EV_LOSS, 0, 0);
		event(b, 0, 0);
		put(b, COL_CPU, 0);
		put(b, COL_EXTRA, i ? UINT64_MAX : 5);
		put(b, COL_EXTRA, 3);
		assert_int_equal(decode(b), i ? -EBADMSG : 0);
	}
}

static void shape_has_known_parts_only(void **state)
{
	static const struct {
		uint8_t type, pred;
		uint16_t flags;
	} cases[] = {
		{0, 0, 0},
		{CPT_EV_CNT, 0, 0},
		{CPT_EV_SWITCH, 3 << 1, 0},
		{CPT_EV_SWITCH, 3 << 3, 0},
		{CPT_EV_SWITCH, 0x20, 0},
		{CPT_EV_OCCUPANCY, 0, 2},
		{CPT_EV_OCCUPANCY, 0, 3 << 8},
		{CPT_EV_LOSS, 1, 0},
		{CPT_EV_NEW, 0, 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct block *b = one_switch(5);

		shape(b, cases[i].type, cases[i].pred, cases[i].flags);
		assert_int_equal(decode(b), -EBADMSG);
	}
}

static void columns_are_read_to_their_last_byte(void **state)
{
	for (int col = 0; col < COL_CNT; col++) {
		struct block *b = one_switch(5);

		/* A valid one more in SHAPES or TASKS is no error; half of one is. */
		put(b, col, col == COL_TIME ? 0 : 1);
		if (col == COL_TASKS)
			b->col[col][b->sz[col] - 1] = 0x80;
		assert_int_equal(decode(b), -EBADMSG);
	}
}

static void counts_agree_with_the_columns(void **state)
{
	struct block *b = one_switch(5);

	b->switch_cnt = 2;
	assert_int_equal(decode(b), -EBADMSG);
	b = one_switch(5);
	b->event_cnt = 2;
	assert_int_equal(decode(b), -EBADMSG);
	b = one_switch(5);
	b->event_cnt = 0;
	assert_int_equal(decode(b), -EBADMSG);
	b = one_switch(5);
	b->last_ns++;
	assert_int_equal(decode(b), -EBADMSG);
	b = one_switch(5);
	b->col_cnt = COL_CNT - 1;
	assert_int_equal(decode(b), -EBADMSG);
}

static struct block *one_name(size_t len)
{
	struct block *b = new_block();

	shape(b, CPT_EV_RENAME, 0, 0);
	put(b, COL_TASKS, zigzag(7));
	event(b, 0, 0);
	put(b, COL_CPU, 0);
	put(b, COL_TASK, 1);
	for (size_t i = 0; i < len; i++)
		put(b, COL_EXTRA, 'x');
	return b;
}

static void name_ends_within_its_limit(void **state)
{
	struct block *b = one_name(CPT_COMM_LEN - 1);

	put(b, COL_EXTRA, 0);
	assert_int_equal(decode(b), 0);
	b = one_name(CPT_COMM_LEN);
	put(b, COL_EXTRA, 0);
	assert_int_equal(decode(b), -EBADMSG);
	assert_int_equal(decode(one_name(3)), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(task_number_has_a_limit),
		cmocka_unit_test(list_of_tasks_has_at_most_two_per_event),
		cmocka_unit_test(index_of_a_task_stays_in_its_list),
		cmocka_unit_test(index_of_a_wait_stays_in_what_was_used),
		cmocka_unit_test(more_new_waits_than_the_list_has_are_refused),
		cmocka_unit_test(affinity_mask_has_at_most_sixteen_words),
		cmocka_unit_test(cpu_stays_in_the_machine),
		cmocka_unit_test(waker_has_the_limits_of_what_it_is),
		cmocka_unit_test(nobody_is_never_woken),
		cmocka_unit_test(end_belongs_to_a_blocking_switch_out),
		cmocka_unit_test(time_never_wraps),
		cmocka_unit_test(gaps_and_sums_fit_their_time),
		cmocka_unit_test(shape_has_known_parts_only),
		cmocka_unit_test(columns_are_read_to_their_last_byte),
		cmocka_unit_test(counts_agree_with_the_columns),
		cmocka_unit_test(name_ends_within_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
