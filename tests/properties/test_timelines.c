// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_timelines.c - thousands of random runs: the analysis against the slow reference.
 *
 * Every figure that the definitions make exact must be equal to the nanosecond, with and without
 * filters, cuts in time and states that cannot be told; and views of one run must add up.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "check.h"

static struct gen gen;
static struct ref_result ref;
static struct observed seen;

static struct gen_opts pick_gen_opts(struct rng *rng)
{
	return (struct gen_opts){
		.steps = 5 + rng_below(rng, 200),
		.unknown = rng_percent(rng, 30),
		.early_wakes = rng_percent(rng, 30),
		.wait_all = rng_percent(rng, 20),
		.throttle = rng_percent(rng, 40),
		.steady = rng_percent(rng, 40),
		.no_occupancy = rng_percent(rng, 10),
		.loops = rng_percent(rng, 40),
		.tasks_end = rng_percent(rng, 50),
	};
}

static struct cpt_report *run(const struct cpt_analysis_opts *o, struct rng *rng, const char *what)
{
	struct cpt_report *r = analyse(&gen.meta, gen.ev, gen.ev_cnt, gen.now, o, &seen, rng);

	assert_non_null(r);
	assert_int_equal(check_identities(r, &seen, what), 0);
	return r;
}

static void one_view(const struct cpt_analysis_opts *o, struct rng *rng, const char *what)
{
	struct cpt_report *r = run(o, rng, what);

	ref_evaluate(&gen, o, &ref);
	assert_int_equal(check_against(r, &ref, &gen, o->filter.have_time, what), 0);
	report__free(r);
}

static void generated_timelines_agree_with_the_reference(void **state)
{
	uint64_t seed = first_seed(__func__);
	uint32_t cases = case_count(4000);
	char what[64];

	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct rng rng = {.state = seed * 3};
		struct gen_opts go = pick_gen_opts(&rng);
		struct cpt_analysis_opts o = {.step_ns = 1 + rng_below(&rng, 100)};

		gen_run(&gen, seed, &go);
		o.in_progress = rng_percent(&rng, 30) ? CPT_IN_PROGRESS_SLEEP : 0;
		o.in_progress |= rng_percent(&rng, 30) ? CPT_IN_PROGRESS_CONDVAR : 0;
		snprintf(what, sizeof(what), "seed %" PRIu64, seed);
		one_view(&o, &rng, what);
		assert_int_equal(seen.gaps, 0);
	}
}

static void filters_make_the_subset_the_workload(void **state)
{
	uint64_t seed = first_seed(__func__);
	uint32_t cases = case_count(4000);
	char what[64];

	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct rng rng = {.state = seed * 5};
		struct gen_opts go = pick_gen_opts(&rng);
		uint32_t ids[2] = {1001 + rng_below(&rng, 6), 1001 + rng_below(&rng, 6)};
		const char *comms[2] = {gen_names[rng_below(&rng, GEN_NAMES_CNT)],
					gen_names[rng_below(&rng, GEN_NAMES_CNT)]};
		uint64_t cpus[CPT_MASK_WORDS] = {rng_u64(&rng) & 0x3f};
		struct cpt_analysis_opts o = {0};

		gen_run(&gen, seed, &go);
		if (rng_percent(&rng, 40)) {
			o.filter.pids = ids;
			o.filter.pid_cnt = 1 + rng_below(&rng, 2);
		}
		if (rng_percent(&rng, 20)) {
			o.filter.tids = ids;
			o.filter.tid_cnt = 2;
		}
		if (rng_percent(&rng, 30)) {
			o.filter.comms = comms;
			o.filter.comm_cnt = 1 + rng_below(&rng, 2);
		}
		if (rng_percent(&rng, 30))
			o.filter.cpus = cpus;
		if (rng_percent(&rng, 50)) {
			o.filter.have_time = true;
			o.filter.time_from_ns = rng_below(&rng, 300);
			o.filter.time_to_ns =
				rng_percent(&rng, 20) ? UINT64_MAX : rng_below(&rng, 800);
		}
		snprintf(what, sizeof(what), "seed %" PRIu64, seed);
		one_view(&o, &rng, what);
	}
}

/* [0, A) and [A, end) are the whole, in every sum. */
static void time_cuts_add_up(void **state)
{
	uint64_t seed = first_seed(__func__);
	uint32_t cases = case_count(1500);

	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct rng rng = {.state = seed * 7};
		struct gen_opts go = pick_gen_opts(&rng);
		uint64_t cut = rng_below(&rng, 600);
		struct cpt_analysis_opts o = {0}, left = {0}, right = {0};
		struct cpt_report *w, *l, *r;

		gen_run(&gen, seed, &go);
		left.filter.have_time = right.filter.have_time = true;
		left.filter.time_to_ns = right.filter.time_from_ns = cut;
		right.filter.time_to_ns = UINT64_MAX;
		w = run(&o, &rng, "whole");
		l = run(&left, &rng, "left");
		r = run(&right, &rng, "right");
		assert_int_equal(l->window_ns + r->window_ns, w->window_ns);
		assert_int_equal(l->cpu_time_ns + r->cpu_time_ns, w->cpu_time_ns);
		assert_int_equal(l->runnable_ns + r->runnable_ns, w->runnable_ns);
		assert_int_equal(l->allowed_integral + r->allowed_integral, w->allowed_integral);
		for (int k = 0; k < CPT_SPLIT_CNT; k++)
			assert_int_equal(l->split_ns[k] + r->split_ns[k], w->split_ns[k]);
		for (int k = 0; k < CPT_REASON_CNT; k++)
			assert_int_equal(l->reason_ns[k] + r->reason_ns[k], w->reason_ns[k]);
		report__free(w);
		report__free(l);
		report__free(r);
	}
}

/* Each task belongs to one process: the processes' shares of CPU time make the whole. */
static void processes_partition_the_running_time(void **state)
{
	uint64_t seed = first_seed(__func__);
	uint32_t cases = case_count(800);

	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct rng rng = {.state = seed * 11};
		struct gen_opts go = pick_gen_opts(&rng);
		struct cpt_analysis_opts o = {0};
		struct cpt_report *w, *r;
		uint64_t cpu_time = 0, runnable = 0;
		uint32_t threads = 0;

		gen_run(&gen, seed, &go);
		w = run(&o, &rng, "whole");
		for (uint32_t id = 1; id <= gen.task_cnt; id++) {
			uint32_t pid = 1000 + id;

			if (gen.tasks[id].proc != id)
				continue;
			o.filter.pids = &pid;
			o.filter.pid_cnt = 1;
			r = run(&o, &rng, "process");
			cpu_time += r->cpu_time_ns;
			runnable += r->runnable_ns;
			threads += r->threads;
			assert_int_equal(r->window_ns, w->window_ns);
			report__free(r);
		}
		assert_int_equal(cpu_time, w->cpu_time_ns);
		assert_int_equal(runnable, w->runnable_ns);
		assert_int_equal(threads, w->threads);
		report__free(w);
	}
}

/* What a report says it would be with condition variables counted is what it is with them counted. */
static void condvars_counted_beside_are_the_ledger_that_counts_them(void **state)
{
	uint64_t seed = first_seed(__func__);
	uint32_t cases = case_count(2000), changed = 0;

	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct rng rng = {.state = seed * 13};
		struct gen_opts go = pick_gen_opts(&rng);
		struct cpt_analysis_opts o = {.in_progress = CPT_IN_PROGRESS_CONDVAR};
		struct cpt_report *without, *with;

		gen_run(&gen, seed, &go);
		with = run(&o, &rng, "counted");
		o.in_progress = 0;
		without = run(&o, &rng, "not counted");
		assert_memory_equal(without->condvar_counted.class_ns, with->class_ns,
				    sizeof(with->class_ns));
		assert_int_equal(without->condvar_counted.verdict, with->verdict);
		assert_memory_equal(with->condvar_counted.class_ns, with->class_ns,
				    sizeof(with->class_ns));
		changed += with->verdict != without->verdict;
		report__free(with);
		report__free(without);
	}
	assert_true(changed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generated_timelines_agree_with_the_reference),
		cmocka_unit_test(filters_make_the_subset_the_workload),
		cmocka_unit_test(time_cuts_add_up),
		cmocka_unit_test(processes_partition_the_running_time),
		cmocka_unit_test(condvars_counted_beside_are_the_ledger_that_counts_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
