// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_tasks.c - who there is: identity, masks, joins by tid, filters.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../../analysis/tasks.h"

static struct tasks ts;
static const uint64_t two_cpus[1] = {0x3};

static int set_up(void **state)
{
	const struct cpt_filter all = {0};

	return tasks__init(&ts, &all);
}

static int tear_down(void **state)
{
	tasks__fini(&ts);
	return 0;
}

static struct task *born(uint32_t id, const struct task *parent, uint32_t flags, uint32_t ns_tid)
{
	struct task *t = tasks__get(&ts, id);
	const struct cpt_info info = {
		.tid = 1000 + id,
		.tgid = 1000 + (flags & CPT_TASK_THREAD && parent ? parent->proc : id),
		.ns_tid = ns_tid,
		.flags = flags,
		.comm = "app",
		.mask = {.nr_cpus_allowed = 2, .word_cnt = 1, .bits = two_cpus},
	};

	assert_non_null(t);
	assert_int_equal(tasks__born(&ts, t, parent, &info), 0);
	return t;
}

static void task_seen_before_its_birth_has_lost_its_identity(void **state)
{
	struct task *t = tasks__get(&ts, 7);

	assert_true(t->row.identity_lost);
	assert_int_equal(t->proc, 7);
	assert_string_equal(t->row.command, "");
	born(7, NULL, 0, 107);
	assert_false(t->row.identity_lost);
	assert_ptr_equal(tasks__get(&ts, 7), t);
}

static void number_0_and_numbers_beyond_the_format_are_refused(void **state)
{
	assert_null(tasks__get(&ts, 0));
	assert_int_equal(errno, EINVAL);
	assert_null(tasks__get(&ts, CPT_TASK_MAX + 1));
	assert_int_equal(errno, EINVAL);
	assert_non_null(tasks__get(&ts, CPT_TASK_MAX));
	assert_null(tasks__find(&ts, UINT32_MAX));
	assert_null(tasks__find(&ts, 0));
}

static void thread_belongs_to_its_creators_process_and_a_fork_to_its_own(void **state)
{
	struct task *leader = born(1, NULL, 0, 1);
	struct task *thread = born(2, leader, CPT_TASK_THREAD, 2);
	struct task *grandchild = born(3, thread, CPT_TASK_THREAD, 3);
	struct task *fork = born(4, grandchild, 0, 4);

	assert_int_equal(thread->proc, 1);
	assert_int_equal(grandchild->proc, 1);
	assert_int_equal(fork->proc, 4);
	assert_int_equal(fork->row.parent, 3);
}

static void command_is_inherited_until_exec_replaces_it(void **state)
{
	struct task *parent = born(1, NULL, 0, 1), *child, *other;
	const char args[] = "make\0-j4\0all\0\0";
	const struct cpt_info exec = {.tid = 1001,
				      .tgid = 1001,
				      .comm = "make",
				      .filename = "/usr/bin/make",
				      .args = args,
				      .args_sz = sizeof(args) - 1};
	const struct cpt_info bare = {.tid = 1002, .tgid = 1002, .comm = "cc1", .filename = "/cc1"};

	assert_int_equal(tasks__exec(parent, &exec), 0);
	assert_string_equal(parent->row.command, "make -j4 all"); /* no trailing separators */
	child = born(2, parent, 0, 2);
	assert_string_equal(child->row.command, "make -j4 all");
	other = born(3, parent, 0, 3);
	assert_int_equal(tasks__exec(child, &bare), 0);
	assert_string_equal(child->row.command, "/cc1"); /* the arguments could not be read */
	assert_string_equal(child->row.name, "cc1");
	assert_string_equal(other->row.command, "make -j4 all");
}

static void long_names_are_cut_and_missing_ones_are_empty(void **state)
{
	struct task *t = born(1, NULL, 0, 1);
	struct cpt_info info = {.comm = "a-name-that-is-longer-than-comm"};

	tasks__rename(t, &info);
	assert_string_equal(t->row.name, "a-name-that-is-");
	info.comm = NULL;
	tasks__rename(t, &info);
	assert_string_equal(t->row.name, "");
}

static void equal_masks_are_one_and_no_mask_changes_nothing(void **state)
{
	struct task *a = born(1, NULL, 0, 1), *b = born(2, a, 0, 2);
	const uint64_t padded[2] = {0x3, 0};
	const struct cpt_mask same = {.word_cnt = 2, .bits = padded};
	const struct cpt_mask none = {0};
	uint32_t idx = a->mask;

	assert_int_equal(b->mask, idx);
	assert_int_equal(tasks__affinity(&ts, b, &same), 0);
	assert_int_equal(b->mask, idx);
	assert_int_equal(tasks__affinity(&ts, b, &none), 0);
	assert_int_equal(b->mask, idx);
}

static void masks_beyond_the_limit_count_as_unknown(void **state)
{
	struct task *t = born(1, NULL, 0, 1);

	for (uint64_t i = 1; i <= TASK_MASKS_MAX + 1; i++) {
		const uint64_t bits[1] = {i << 8};
		const struct cpt_mask mask = {.word_cnt = 1, .bits = bits};

		assert_int_equal(tasks__affinity(&ts, t, &mask), 0);
	}
	assert_int_equal(ts.mask_cnt, TASK_MASKS_MAX);
	assert_int_equal(t->mask, TASK_NONE);
}

static void join_finds_threads_of_its_own_process_only(void **state)
{
	struct task *main_ = born(1, NULL, 0, 11);
	struct task *worker = born(2, main_, CPT_TASK_THREAD, 12);
	struct task *fork = born(3, main_, 0, 13);

	assert_true(tasks__has_thread(&ts, main_, 12));
	assert_true(tasks__has_thread(&ts, worker, 11));
	assert_false(tasks__has_thread(&ts, main_, 13)); /* another process */
	assert_false(tasks__has_thread(&ts, fork, 12));
	assert_false(tasks__has_thread(&ts, main_, 11)); /* itself */
	assert_false(tasks__has_thread(&ts, main_, 99));
	assert_false(tasks__has_thread(&ts, main_, 0));
}

/* Each container has its own 12. */
static void same_tid_in_two_pid_namespaces_is_no_confusion(void **state)
{
	struct task *a = born(1, NULL, 0, 11), *b;

	born(2, a, CPT_TASK_THREAD, 12);
	b = born(3, a, 0, 11);
	born(4, b, CPT_TASK_THREAD, 12);
	assert_true(tasks__has_thread(&ts, a, 12));
	assert_true(tasks__has_thread(&ts, b, 12));
}

static void reused_tid_is_the_latest_thread(void **state)
{
	struct task *a = born(1, NULL, 0, 11);
	struct task *first = born(2, a, CPT_TASK_THREAD, 12);
	struct task *second = born(3, a, CPT_TASK_THREAD, 12);

	assert_true(tasks__has_thread(&ts, a, 12));
	assert_true(tasks__has_thread(&ts, first, 12)); /* now the other one */
	assert_false(tasks__has_thread(&ts, second, 12));
}

static void many_threads_are_all_found(void **state)
{
	struct task *main_ = born(1, NULL, 0, 1);

	for (uint32_t id = 2; id <= 10000; id++)
		born(id, main_, CPT_TASK_THREAD, id);
	for (uint32_t id = 2; id <= 10000; id++)
		assert_true(tasks__has_thread(&ts, main_, id));
	assert_int_equal(ts.end, 10001);
}

static void filter_conditions_all_hold_and_know_both_kinds_of_pid(void **state)
{
	const uint32_t host_pid = 1001, inner_pid = 12;
	const char *const comm = "app";
	struct task *a = born(1, NULL, 0, 11);
	struct task *b = born(2, a, 0, 12);
	struct task *c = born(3, b, CPT_TASK_THREAD, 13);

	ts.filter = (struct cpt_filter){.pids = &host_pid, .pid_cnt = 1};
	assert_true(task_chosen(&ts, a));
	assert_false(task_chosen(&ts, b));
	ts.filter = (struct cpt_filter){.pids = &inner_pid, .pid_cnt = 1};
	assert_false(task_chosen(&ts, a));
	assert_true(task_chosen(&ts, b));
	assert_true(task_chosen(&ts, c)); /* its leader's */
	ts.filter.comms = &comm;
	ts.filter.comm_cnt = 1;
	assert_true(task_chosen(&ts, c));
	strcpy(c->row.name, "apple");
	assert_false(task_chosen(&ts, c)); /* exact */
	ts.filter = (struct cpt_filter){.tids = &inner_pid, .tid_cnt = 1};
	assert_true(task_chosen(&ts, b));
	assert_false(task_chosen(&ts, c));
}

static void cpu_filter_asks_where_the_task_is(void **state)
{
	static const uint64_t cpus[CPT_MASK_WORDS] = {0x2, 0x1};
	struct task *t = born(1, NULL, 0, 1);

	ts.filter = (struct cpt_filter){.cpus = cpus};
	t->cpu = 1;
	assert_true(task_is_here(&ts, t));
	t->cpu = 2;
	assert_false(task_is_here(&ts, t));
	t->cpu = 64;
	assert_true(task_is_here(&ts, t));
	t->cpu = UINT32_MAX;
	assert_false(task_is_here(&ts, t));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(task_seen_before_its_birth_has_lost_its_identity),
		TEST(number_0_and_numbers_beyond_the_format_are_refused),
		TEST(thread_belongs_to_its_creators_process_and_a_fork_to_its_own),
		TEST(command_is_inherited_until_exec_replaces_it),
		TEST(long_names_are_cut_and_missing_ones_are_empty),
		TEST(equal_masks_are_one_and_no_mask_changes_nothing),
		TEST(masks_beyond_the_limit_count_as_unknown),
		TEST(join_finds_threads_of_its_own_process_only),
		TEST(same_tid_in_two_pid_namespaces_is_no_confusion),
		TEST(reused_tid_is_the_latest_thread),
		TEST(many_threads_are_all_found),
		TEST(filter_conditions_all_hold_and_know_both_kinds_of_pid),
		TEST(cpu_filter_asks_where_the_task_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
