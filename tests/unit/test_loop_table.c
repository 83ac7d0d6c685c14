// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_loop_table.c - which loop an instance's number leads to, as loops come to be of others and end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/loop_table.h"

#define EPFD 4

struct two_loops {
	struct loop_table table;
	struct loop_list lists[2];
	uint32_t idx[2];
};

/* Threads 1 and 2 of one process wait with the same descriptor. */
static void two_threads(struct two_loops *two)
{
	memset(two, 0, sizeof(*two));
	for (uint32_t i = 0; i < 2; i++) {
		const struct task t = {.row.id = i + 1, .proc = 1};
		bool made;

		two->idx[i] = loop_table__find(&two->table, &two->lists[i], &t,
					       (struct loop_key){CPT_LOOP_KIND_EPOLL, EPFD}, &made);
		assert_true(made);
	}
}

static void bound_to(struct two_loops *two, uint32_t i, uint32_t instance)
{
	assert_int_equal(loop_table__bind(&two->table, two->idx[i], instance), 0);
}

static void a_number_leads_to_the_one_bound_last(void **state)
{
	struct two_loops two;

	two_threads(&two);
	assert_int_equal(loop_table__of_any(&two.table, 7), NO_LOOP);
	bound_to(&two, 0, 7);
	assert_int_equal(loop_table__of_any(&two.table, 7), two.idx[0]);
	bound_to(&two, 1, 7);
	assert_int_equal(loop_table__of_any(&two.table, 7), two.idx[1]);
	assert_int_equal(loop_table__of_thread(&two.table, &two.lists[0], 7), two.idx[0]);
	loop_table__fini(&two.table);
}

static void one_that_is_another_instances_now_is_not_found_by_the_old_one(void **state)
{
	struct two_loops two;

	two_threads(&two);
	bound_to(&two, 0, 7);
	bound_to(&two, 0, 8);
	assert_int_equal(two.table.by_instance[7], 0);
	assert_int_equal(loop_table__of_any(&two.table, 7), NO_LOOP);
	assert_int_equal(loop_table__of_any(&two.table, 8), two.idx[0]);
	loop_table__over(&two.table, two.idx[0]);
	assert_int_equal(loop_table__of_any(&two.table, 8), NO_LOOP);
	loop_table__fini(&two.table);
}

/* Whether the other one is over or has come to be of another instance. */
static void the_end_of_one_leaves_the_other(void **state)
{
	struct two_loops two;

	two_threads(&two);
	bound_to(&two, 0, 7);
	bound_to(&two, 1, 7);
	loop_table__over(&two.table, two.idx[0]);
	assert_int_equal(loop_table__of_any(&two.table, 7), two.idx[1]);
	assert_int_equal(loop_table__of_thread(&two.table, &two.lists[0], 7), NO_LOOP);
	loop_table__fini(&two.table);

	two_threads(&two);
	bound_to(&two, 0, 7);
	bound_to(&two, 1, 7);
	bound_to(&two, 0, 8);
	assert_int_equal(loop_table__of_any(&two.table, 7), two.idx[1]);
	loop_table__over(&two.table, two.idx[1]);
	assert_int_equal(loop_table__of_any(&two.table, 7), NO_LOOP);
	assert_int_equal(loop_table__of_any(&two.table, 8), two.idx[0]);
	loop_table__fini(&two.table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_leads_to_the_one_bound_last),
		cmocka_unit_test(one_that_is_another_instances_now_is_not_found_by_the_old_one),
		cmocka_unit_test(the_end_of_one_leaves_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
