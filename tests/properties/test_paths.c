// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_paths.c - thousands of random runs: critical path, span and wake graph against a walk back
 * through all events, with and without filters and cuts in time.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "path_reference.h"

static struct gen gen;
static struct ref_path ref;
static struct observed seen;

static int differ(const char *what, uint32_t id, const char *field, uint64_t got, uint64_t want)
{
	if (got == want)
		return 0;
	fprintf(stderr, "%s: task %u: %s is %" PRIu64 ", should be %" PRIu64 "\n", what, id, field,
		got, want);
	return 1;
}

static int check_part(const char *what, uint32_t id, const struct cpt_path_part *got,
		      const struct ref_part *want)
{
	return differ(what, id, "serial", got->serial_ns, want->serial) +
	       differ(what, id, "parallel", got->parallel_ns, want->parallel) +
	       differ(what, id, "runnable", got->runnable_ns, want->runnable) +
	       differ(what, id, "blocked", got->blocked_ns, want->blocked) +
	       differ(what, id, "unknown", got->unknown_ns, want->unknown);
}

static int check_parts(const char *what, const struct cpt_path *path)
{
	struct cpt_path_part by_id[GEN_TASKS_MAX + 1] = {{0}};
	int bad = 0;

	for (uint32_t i = 0; i < path->threads_cnt; i++)
		by_id[path->threads[i].id] = path->threads[i];
	for (uint32_t id = 1; id <= GEN_TASKS_MAX; id++)
		bad += check_part(what, id, &by_id[id], &ref.parts[id]);
	return bad;
}

static int check_edges(const char *what, const struct cpt_report *r)
{
	static struct ref_edges got;
	int bad = 0;

	memset(&got, 0, sizeof(got));
	for (uint32_t i = 0; i < r->wake_edges_cnt; i++) {
		const struct cpt_wake_edge *e = &r->wake_edges[i];

		bad += differ(what, e->wakee, "edge of a task", e->by == CPT_WAKER_TASK,
			      e->waker != 0);
		got.cnt[e->waker][e->wakee] += e->cnt;
		got.waited[e->waker][e->wakee] += e->waited_ns;
	}
	for (uint32_t a = 0; a <= GEN_TASKS_MAX; a++) {
		for (uint32_t b = 0; b <= GEN_TASKS_MAX; b++) {
			bad += differ(what, b, "wake-ups", got.cnt[a][b], ref.edges.cnt[a][b]);
			bad += differ(what, b, "waited", got.waited[a][b], ref.edges.waited[a][b]);
		}
	}
	return bad;
}

static int check_against_reference(const char *what, const struct cpt_report *r)
{
	const struct cpt_path *p = &r->path;
	const struct cpt_path_part total = {.serial_ns = p->serial_ns,
					    .parallel_ns = p->parallel_ns,
					    .runnable_ns = p->runnable_ns,
					    .blocked_ns = ref.total.blocked,
					    .unknown_ns = p->unknown_ns};
	int bad = check_part(what, 0, &total, &ref.total) + check_parts(what, p);

	/* Whether an instant is inside a window of no length nobody needs to know. */
	if (r->window_ns)
		bad += check_edges(what, r);

	for (int i = 0; i < CPT_REASON_CNT; i++)
		bad += differ(what, 0, reason_name((enum cpt_reason)i), p->reason_ns[i],
			      ref.reason[i]);
	if (ref.end_id)
		bad += differ(what, ref.end_id, "end", p->end_id, ref.end_id);
	return bad + differ(what, 0, "absent", p->absent_ns, ref.absent) +
	       differ(what, 0, "span", r->work_span.span_ns, ref.span) +
	       differ(what, 0, "work", r->work_span.work_ns, ref.work);
}

static struct gen_opts pick_gen_opts(struct rng *rng)
{
	return (struct gen_opts){
		.steps = 5 + rng_below(rng, 400),
		.unknown = rng_percent(rng, 30),
		.early_wakes = rng_percent(rng, 30),
		.wait_all = rng_percent(rng, 20),
		.tasks_end = rng_percent(rng, 50),
	};
}

static void one_view(const struct cpt_analysis_opts *o, struct rng *rng, const char *what)
{
	struct cpt_report *r = analyse(&gen.meta, gen.ev, gen.ev_cnt, gen.now, o, &seen, rng);

	assert_non_null(r);
	assert_int_equal(check_identities(r, &seen, what), 0);
	ref_path(&gen, o, r->path.end_id, &ref);
	assert_int_equal(check_against_reference(what, r), 0);
	report__free(r);
}

static void paths_agree_with_a_walk_through_all_events(void **state)
{
	uint64_t seed = first_seed(__func__);
	uint32_t cases = case_count(4000);
	char what[64];

	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct rng rng = {.state = seed * 13};
		struct gen_opts go = pick_gen_opts(&rng);
		struct cpt_analysis_opts o = {0};

		gen_run(&gen, seed, &go);
		snprintf(what, sizeof(what), "seed %" PRIu64, seed);
		one_view(&o, &rng, what);
	}
}

static void paths_of_a_subset_see_all_others_as_outside(void **state)
{
	uint64_t seed = first_seed(__func__);
	uint32_t cases = case_count(4000);
	char what[64];

	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct rng rng = {.state = seed * 17};
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_agree_with_a_walk_through_all_events),
		cmocka_unit_test(paths_of_a_subset_see_all_others_as_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
