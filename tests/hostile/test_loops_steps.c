// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_loops_steps.c - traces that are all loops: what is looked at grows with events and tasks, not with
 * their product. Steps are counted, no time is taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../../analysis/loops.h"
#include "../support/trace_builder.h"

#define PROCESSES 300u
#define THREADS	  20u /* of each, beside the leader */
#define INSTANCES 5000u
#define EXECS	  500u

struct world {
	struct trace_builder *tb; /* for its META */
	struct cpt_analysis_opts opts;
	struct tasks tasks;
	struct timeline tl;
	struct loops *loops;
	uint32_t last_task;
};

static void set_up(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->tb = tb__new(1);
	assert_int_equal(timeline__init(&w->tl, tb__meta(w->tb), &w->tasks, &w->opts), 0);
	assert_int_equal(tasks__init(&w->tasks, &w->opts.filter), 0);
	w->loops = loops__new(&w->tasks, &w->tl, NULL);
	assert_non_null(w->loops);
}

static void tear_down(struct world *w)
{
	loops__free(w->loops);
	tasks__fini(&w->tasks);
	timeline__fini(&w->tl);
	tb__free(w->tb);
}

/* A process without a parent, or a thread of it; it lives. */
static struct task *born(struct world *w, const struct task *leader)
{
	const struct cpt_info info = {.tid = ++w->last_task,
				      .ns_tid = w->last_task,
				      .tgid = leader ? leader->row.pid : w->last_task,
				      .flags = leader ? CPT_TASK_THREAD : 0,
				      .comm = "t"};
	struct task *t = tasks__get(&w->tasks, w->last_task);

	assert_non_null(t);
	assert_int_equal(tasks__born(&w->tasks, t, leader, &info), 0);
	t->live = true;
	loops__alive(w->loops, t);
	return t;
}

static void met(struct world *w, const struct task *t, uint32_t instance)
{
	const struct cpt_event ev = {
		.type = CPT_EV_LOOP_NEW, .task = t->row.id, .other = instance, .loop_fd = instance};

	assert_int_equal(loops__feed(w->loops, &ev, 0), 1);
}

static void a_process_that_comes_to_have_loops_looks_at_its_own_tasks(void **state)
{
	struct task *leaders[PROCESSES];
	struct world w;

	set_up(&w);
	for (uint32_t i = 0; i < PROCESSES; i++) {
		leaders[i] = born(&w, NULL);
		for (uint32_t k = 0; k < THREADS; k++)
			born(&w, leaders[i]);
	}
	for (uint32_t i = 0; i < PROCESSES; i++)
		met(&w, leaders[i], i + 1);
	for (uint32_t i = 1; i <= w.last_task; i++)
		assert_non_null(tasks__find(&w.tasks, i)->flight);
	assert_int_equal(loops__steps(w.loops), PROCESSES * THREADS);
	tear_down(&w);
}

/* Threads that are born later know the process's loops, in whatever order it is told. */
static void a_thread_born_later_is_of_the_process(void **state)
{
	struct task *leader, *before, *behind, *other;
	struct world w;

	set_up(&w);
	leader = born(&w, NULL);
	before = born(&w, leader);
	other = born(&w, NULL);
	met(&w, before, 1);
	behind = born(&w, before);
	assert_non_null(leader->flight);
	assert_ptr_equal(before->flight, leader->flight);
	assert_ptr_equal(behind->flight, leader->flight);
	assert_null(other->flight);
	tear_down(&w);
}

static void instances_that_are_over_are_not_ended_again(void **state)
{
	const struct cpt_event back = {
		.type = CPT_EV_LOOP, .task = 1, .other = 7, .flags = CPT_LOOP_EV_OPS, .level = 1};
	struct task *t;
	struct world w;

	set_up(&w);
	t = born(&w, NULL);
	for (uint32_t i = 1; i <= INSTANCES; i++)
		met(&w, t, i);
	for (uint32_t i = 0; i < EXECS; i++)
		loops__exec(w.loops, t, i);
	assert_int_equal(loops__steps(w.loops), INSTANCES);
	/* One that goes on is looked at once more. */
	assert_int_equal(loops__feed(w.loops, &back, EXECS), 1);
	assert_int_equal(loops__instance_of(w.loops, t->proc, 7, 0), 7);
	for (uint32_t i = 0; i < EXECS; i++)
		loops__exec(w.loops, t, EXECS + i);
	assert_int_equal(loops__steps(w.loops), INSTANCES + 1);
	assert_int_equal(loops__instance_of(w.loops, t->proc, 7, 0), 0);
	tear_down(&w);
}

/* Its threads come and go, by turns the only one. */
static void deaths_do_not_end_them_again_either(void **state)
{
	struct task *t;
	struct world w;

	set_up(&w);
	t = born(&w, NULL);
	for (uint32_t i = 1; i <= INSTANCES; i++)
		met(&w, t, i);
	for (uint32_t i = 0; i < EXECS; i++) {
		loops__died(w.loops, t, i);
		loops__alive(w.loops, t);
	}
	assert_int_equal(loops__steps(w.loops), INSTANCES);
	tear_down(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_that_comes_to_have_loops_looks_at_its_own_tasks),
		cmocka_unit_test(a_thread_born_later_is_of_the_process),
		cmocka_unit_test(instances_that_are_over_are_not_ended_again),
		cmocka_unit_test(deaths_do_not_end_them_again_either),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
