// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_tenants.c - who else used the machine, from two readings of all tasks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/tenants.h"

#define SELF 999
#define MS   UINT64_C(1000000)

static struct tenants *tenants;
static struct cpt_trace_close close_facts;

static int setup(void **state)
{
	memset(&close_facts, 0, sizeof(close_facts));
	tenants = tenants__new();
	return tenants ? 0 : -1;
}

static int teardown(void **state)
{
	tenants__free(tenants);
	return 0;
}

/* A task that was born when the machine was tid ms up. */
static struct cpt_rec_tenant task(uint32_t tid, uint32_t tgid, const char *name, uint64_t ms)
{
	struct cpt_rec_tenant t = {
		.tid = tid, .tgid = tgid, .start_boottime_ns = tid * MS, .sum_exec_ns = ms * MS};

	snprintf(t.comm, sizeof(t.comm), "%s", name);
	return t;
}

static void first(struct cpt_rec_tenant t)
{
	tenants__first(tenants, &t);
}

static void last(struct cpt_rec_tenant t)
{
	tenants__last(tenants, &t);
}

static void finish(void)
{
	tenants__finish(tenants, SELF, &close_facts);
}

static void is(uint32_t i, uint32_t pid, const char *name, uint64_t ms)
{
	assert_in_range(i, 0, close_facts.tenant_cnt - 1);
	assert_int_equal(close_facts.tenants[i].pid, pid);
	assert_string_equal(close_facts.tenants[i].name, name);
	assert_int_equal(close_facts.tenants[i].cpu_ns, ms * MS);
}

static void what_was_used_before_does_not_count(void **state)
{
	first(task(7, 7, "hog", 1000));
	first(task(8, 8, "idler", 50));
	last(task(7, 7, "hog", 1400));
	last(task(8, 8, "idler", 50));
	finish();
	assert_int_equal(close_facts.tenant_cnt, 1);
	is(0, 7, "hog", 400);
	assert_int_equal(close_facts.tenants_rest_ns, 0);
}

static void who_came_meanwhile_counts_whole(void **state)
{
	first(task(7, 7, "hog", 1000));
	last(task(7, 7, "hog", 1000));
	last(task(9, 9, "new", 30));
	finish();
	assert_int_equal(close_facts.tenant_cnt, 1);
	is(0, 9, "new", 30);
}

/* The same number, another start: what the first one had used is not taken off. */
static void a_tid_used_again_is_another_task(void **state)
{
	struct cpt_rec_tenant again = task(7, 7, "heir", 40);

	first(task(7, 7, "hog", 30));
	again.start_boottime_ns++;
	last(again);
	finish();
	is(0, 7, "heir", 40);
}

/* Listed in any order; the leader carries what its dead threads used. */
static void threads_of_a_process_are_one_tenant(void **state)
{
	struct cpt_rec_tenant then = task(20, 20, "server", 100);
	struct cpt_rec_tenant now = task(20, 20, "server", 110);

	then.dead_ns = 5 * MS;
	now.dead_ns = 35 * MS;
	first(task(22, 20, "server", 200));
	first(then);
	first(task(21, 20, "server", 25)); /* ends: part of what is dead now */
	last(task(22, 20, "server", 260));
	last(task(30, 30, "other", 20));
	last(now);
	last(task(23, 20, "server", 7));
	finish();
	assert_int_equal(close_facts.tenant_cnt, 2);
	is(0, 20, "server", 10 + 30 + 60 + 7);
	is(1, 30, "other", 20);
}

static void the_workload_and_the_tracer_are_no_tenants(void **state)
{
	struct cpt_rec_tenant ours = task(40, 40, "app", 500);

	ours.flags = CPT_TENANT_OURS;
	last(ours);
	last(task(SELF, SELF, "cpartrace", 300));
	last(task(SELF + 1, SELF, "cpartrace", 300));
	last(task(50, 50, "guest", 1));
	finish();
	assert_int_equal(close_facts.tenant_cnt, 1);
	is(0, 50, "guest", 1);
	assert_int_equal(close_facts.tenants_rest_ns, 0);
}

static void the_largest_are_named_and_the_rest_is_summed(void **state)
{
	const uint32_t more = 5, all = CPT_TENANTS_MAX + more;
	uint64_t rest = 0;

	/* Neither rising nor falling: 7 has no factor in common with either count. */
	for (uint32_t i = 0; i < all; i++) {
		const uint32_t size = 1 + i * 8 % all;

		last(task(100 + i, 100 + i, "many", size));
		if (size <= more)
			rest += size;
	}
	finish();
	assert_int_equal(close_facts.tenant_cnt, CPT_TENANTS_MAX);
	assert_int_equal(close_facts.tenants_rest_ns, rest * MS);
	for (uint32_t i = 0; i < CPT_TENANTS_MAX; i++)
		assert_int_equal(close_facts.tenants[i].cpu_ns, (all - i) * MS);
}

/* A counter that ran back is no time of 500 years. */
static void nobody_used_less_than_nothing(void **state)
{
	first(task(7, 7, "odd", 100));
	last(task(7, 7, "odd", 99));
	finish();
	assert_int_equal(close_facts.tenant_cnt, 0);
	assert_int_equal(close_facts.tenants_rest_ns, 0);
}

static void without_a_second_reading_nothing_is_known(void **state)
{
	first(task(7, 7, "hog", 1000));
	finish();
	assert_int_equal(close_facts.tenant_cnt, 0);
	assert_true(close_facts.tenants_rest_ns == UINT64_MAX);
}

/* A name of all its bytes has no NUL of its own. */
static void a_name_is_cut_and_ended(void **state)
{
	struct cpt_rec_tenant t = task(7, 7, "", 10);

	memset(t.comm, 'x', sizeof(t.comm));
	last(t);
	finish();
	assert_int_equal(strnlen(close_facts.tenants[0].name, CPT_COMM_LEN), CPT_COMM_LEN - 1);
}

static void more_tasks_than_the_first_room_are_kept(void **state)
{
	for (uint32_t i = 0; i < 3000; i++)
		first(task(1000 + i, 5, "wide", i));
	for (uint32_t i = 3000; i-- > 0;)
		last(task(1000 + i, 5, "wide", i + 2));
	finish();
	is(0, 5, "wide", 6000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_used_before_does_not_count),
		TEST(who_came_meanwhile_counts_whole),
		TEST(a_tid_used_again_is_another_task),
		TEST(threads_of_a_process_are_one_tenant),
		TEST(the_workload_and_the_tracer_are_no_tenants),
		TEST(the_largest_are_named_and_the_rest_is_summed),
		TEST(nobody_used_less_than_nothing),
		TEST(without_a_second_reading_nothing_is_known),
		TEST(a_name_is_cut_and_ended),
		TEST(more_tasks_than_the_first_room_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
