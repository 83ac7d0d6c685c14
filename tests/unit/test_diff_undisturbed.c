// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Runs from which other programs took CPUs: what they would have been is what they are without them. */
#include <math.h>

#include "../../collector/diff_undisturbed.h"
#include "analysis_fixture.h"

/* CPU time: of the main thread before it makes the other, beside it, and behind its end. */
#define BEFORE 400
#define BEHIND 400

struct picture {
	struct trace_builder *tb;
	uint32_t main_, other;
	uint64_t born;
};

static struct picture begin(void)
{
	struct picture p = {.tb = tb__new(2), .born = 1000 + BEFORE};

	p.main_ = tb__command(p.tb, 1000, "app");
	tb__run(p.tb, 1000, 0, p.main_);
	p.other = tb__thread(p.tb, p.born, p.main_, "other");
	tb__run(p.tb, p.born, 1, p.other);
	return p;
}

/* Others hold the task's CPU from one time to the other. */
static void hold(const struct picture *p, uint32_t task, uint32_t cpu, uint64_t from, uint64_t to)
{
	tb__preempt(p->tb, from, task, TB_OTHER);
	tb__occupancy(p->tb, to, cpu, from, 0, 0, 0, 2);
	tb__run(p->tb, to, cpu, task);
}

/* The other one ends, the main thread had waited for that. */
static struct cpt_report *finish(const struct picture *p, uint64_t ends)
{
	tb__wake(p->tb, ends, p->main_, p->other);
	tb__exit(p->tb, ends, p->other, 0, TB_IDLE);
	tb__run(p->tb, ends, 0, p->main_);
	tb__exit(p->tb, ends + BEHIND, p->main_, 0, TB_IDLE);
	return report_of(p->tb);
}

static void join(const struct picture *p, uint64_t at)
{
	tb__block(p->tb, at, p->main_, tb_wait_pipe(3), TB_IDLE);
}

static void expect(const struct cpt_report *r, uint64_t window, uint64_t parallel)
{
	const struct undisturbed u = undisturbed_of(r);

	assert_true(fabs(u.window_ns - (double)window) < 1);
	assert_true(fabs(u.parallel - (double)parallel / (double)window) < 1e-3);
	assert_true(fabs(u.average - (double)r->cpu_time_ns / (double)window) < 1e-3);
}

static void a_run_that_nobody_disturbed_is_itself(void **state)
{
	struct picture p = begin();
	struct cpt_report *r;

	join(&p, p.born + 3600);
	r = finish(&p, p.born + 3600);
	assert_int_equal(r->class_ns[CPT_CLASS_PARALLEL], 3600);
	expect(r, BEFORE + 3600 + BEHIND, 3600);
	done(r, p.tb);
}

/* What it makes up for alone it would have done beside the main thread. */
static void what_was_taken_from_the_path_is_given_back(void **state)
{
	struct picture p = begin();
	struct cpt_report *r;

	hold(&p, p.other, 1, p.born + 600, p.born + 2100);
	join(&p, p.born + 3600);
	r = finish(&p, p.born + 3600 + 1500);
	assert_int_equal(r->window_ns, BEFORE + 3600 + 1500 + BEHIND);
	assert_int_equal(r->class_ns[CPT_CLASS_PARALLEL], 2100);
	assert_int_equal(r->demand.item_ns[CPT_DEMAND_OTHERS], 1500);
	expect(r, BEFORE + 3600 + BEHIND, 3600);
	done(r, p.tb);
}

static void time_in_which_all_were_held_is_no_part_of_it(void **state)
{
	struct picture p = begin();
	struct cpt_report *r;

	tb__preempt(p.tb, p.born + 600, p.main_, TB_OTHER);
	tb__preempt(p.tb, p.born + 600, p.other, TB_OTHER);
	tb__occupancy(p.tb, p.born + 1600, 0, p.born + 600, 0, 0, 0, 2);
	tb__run(p.tb, p.born + 1600, 0, p.main_);
	tb__occupancy(p.tb, p.born + 1600, 1, p.born + 600, 0, 0, 0, 2);
	tb__run(p.tb, p.born + 1600, 1, p.other);
	join(&p, p.born + 4600);
	r = finish(&p, p.born + 4600);
	assert_int_equal(r->class_ns[CPT_CLASS_PARALLEL], 3600);
	expect(r, BEFORE + 3600 + BEHIND, 3600);
	done(r, p.tb);
}

static void what_was_taken_beside_the_path_changes_nothing(void **state)
{
	struct picture p = begin();
	struct cpt_report *r;

	hold(&p, p.main_, 0, p.born + 100, p.born + 1100);
	join(&p, p.born + 2000);
	r = finish(&p, p.born + 3600);
	assert_int_equal(r->class_ns[CPT_CLASS_PARALLEL], 1000);
	expect(r, BEFORE + 3600 + BEHIND, 1000);
	done(r, p.tb);
}

/* More was taken than there was: of four threads on two CPUs, two had waited without others, too. */
static void more_than_the_cpus_allowed_is_never_busy(void **state)
{
	struct cpt_report r = {.window_ns = 1000, .cpu_time_ns = 800, .allowed_integral = 2000};
	struct undisturbed u;

	r.path.runnable_ns = r.demand.total_ns = r.demand.item_ns[CPT_DEMAND_OTHERS] = 900;
	u = undisturbed_of(&r);
	assert_true(fabs(u.average - 2) < 1e-9);
	assert_true(fabs(u.window_ns - 400) < 1e-9);
}

static void an_empty_report_is_survived(void **state)
{
	const struct cpt_report r = {0};
	const struct undisturbed u = undisturbed_of(&r);

	assert_true(u.window_ns <= 0 && u.parallel <= 0 && u.average <= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_that_nobody_disturbed_is_itself),
		cmocka_unit_test(what_was_taken_from_the_path_is_given_back),
		cmocka_unit_test(time_in_which_all_were_held_is_no_part_of_it),
		cmocka_unit_test(what_was_taken_beside_the_path_changes_nothing),
		cmocka_unit_test(more_than_the_cpus_allowed_is_never_busy),
		cmocka_unit_test(an_empty_report_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
