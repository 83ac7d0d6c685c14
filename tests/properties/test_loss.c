// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_loss.c - records taken out of random runs: what remains may be unknown, but never wrong.
 *
 *   all events   CPU 0  --s---s---s---s---s--        the class of every instant by the whole trace
 *   with a hole         --s---|.......|---s--        is the class by the rest, or that is "unknown"
 *                             ^ LOSS
 *
 * A switch-in carries its wake-up, so a lost one takes it along. A wake-up that lay before the hole
 * began (the task then waited for its CPU) is the one thing that no forward pass can know: from it to
 * the hole the comparison is left out.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"

static struct gen gen;
static struct observed whole_seen, rest_seen;
static bool dropped[GEN_EVENTS_MAX];
static struct cpt_event rest[GEN_EVENTS_MAX + 16];
static uint8_t unknowable[STEPS_KEPT]; /* by ns of the window */

/* The WAKE that the switch-in at event `in` carries, or -1. */
static int wake_of(uint32_t in)
{
	uint32_t task = gen.ev[in].other;

	for (int i = (int)in - 1; i >= 0; i--) {
		if (gen.ev[i].type == CPT_EV_WAKE && gen.ev[i].task == task)
			return i;
		if (gen.ev[i].type == CPT_EV_SWITCH && gen.ev[i].task == task)
			return -1;
	}
	return -1;
}

struct hole {
	int after; /* event of this CPU before it, -1 none */
	uint32_t cpu;
	uint64_t from, until;
	uint64_t cnt;
};

/* Marks a run of switches of one CPU as lost. */
static struct hole make_hole(struct rng *rng)
{
	struct hole h = {.after = -1, .cpu = rng_below(rng, gen.cpu_cnt), .until = gen.now};
	uint32_t skip = rng_below(rng, 30), len = 1 + rng_below(rng, 6);

	h.from = gen.window_start;
	for (uint32_t i = 0; i < gen.ev_cnt; i++) {
		const struct cpt_event *ev = &gen.ev[i];

		if (ev->type != CPT_EV_SWITCH || ev->cpu != h.cpu || dropped[i])
			continue;
		if (skip) {
			skip--;
			h.after = (int)i;
			h.from = ev->ts_ns;
		} else if (h.cnt < len) {
			int wake = ev->other ? wake_of(i) : -1;

			dropped[i] = true;
			if (wake >= 0)
				dropped[wake] = true;
			h.cnt++;
		} else {
			h.until = ev->ts_ns;
			break;
		}
	}
	return h;
}

static void exclude_lost_wakes(const struct hole *holes, uint32_t cnt)
{
	for (uint32_t i = 0; i < gen.ev_cnt; i++) {
		uint64_t until = gen.ev[i].ts_ns;

		if (!dropped[i] || gen.ev[i].type != CPT_EV_WAKE)
			continue;
		for (uint32_t h = 0; h < cnt; h++)
			if (holes[h].cnt && holes[h].from > until)
				until = holes[h].from;
		for (uint64_t t = gen.ev[i].ts_ns; t < until; t++)
			if (t - gen.window_start < STEPS_KEPT)
				unknowable[t - gen.window_start] = 1;
	}
}

static uint32_t build_rest(const struct hole *holes, uint32_t hole_cnt)
{
	uint32_t cnt = 0;

	for (int i = -1; i < (int)gen.ev_cnt; i++) {
		/* Task 1's NEW and EXEC stand first in any case. */
		bool start = i == 1;

		if (i >= 0 && !dropped[i])
			rest[cnt++] = gen.ev[i];
		for (uint32_t h = 0; h < hole_cnt; h++)
			if (holes[h].cnt &&
			    (holes[h].after == i || (holes[h].after < 0 && start)) && i >= 0)
				rest[cnt++] = (struct cpt_event){
					.type = CPT_EV_LOSS,
					.ts_ns = holes[h].from,
					.cpu = holes[h].cpu,
					.until_ns = holes[h].until,
					.count = holes[h].cnt,
				};
	}
	return cnt;
}

static int compare_instants(const char *what, uint64_t *known, uint64_t *total)
{
	uint32_t cnt = whole_seen.steps < rest_seen.steps ? whole_seen.steps : rest_seen.steps;

	for (uint32_t i = 0; i < cnt && i < STEPS_KEPT; i++) {
		uint8_t want = whole_seen.step_class[i], got = rest_seen.step_class[i];

		(*total)++;
		*known += got != CPT_CLASS_UNKNOWN;
		if (got != want && got != CPT_CLASS_UNKNOWN && !unknowable[i]) {
			fprintf(stderr, "%s: at +%u ns the class is %s, said is %s\n", what, i,
				class_name((enum cpt_class)want), class_name((enum cpt_class)got));
			return 1;
		}
	}
	return 0;
}

/* 101768: a task is born, runs and ends in the very ns in which a hole ends. */
static const uint64_t seeds_once_wrong[] = {101768};
#define SEEDS_CNT (sizeof(seeds_once_wrong) / sizeof(seeds_once_wrong[0]))

static void lost_records_make_time_unknown_and_never_wrong(void **state)
{
	uint64_t first = first_seed(__func__), known = 0, total = 0, verdicts = 0;
	uint32_t cases = case_count(4000);
	char what[64];

	for (uint32_t i = 0; i < SEEDS_CNT + cases; i++) {
		const uint64_t seed = i < SEEDS_CNT ? seeds_once_wrong[i] : first + i - SEEDS_CNT;
		struct rng rng = {.state = seed * 13};
		struct gen_opts go = {.steps = 5 + rng_below(&rng, 200),
				      .tasks_end = rng_percent(&rng, 50)};
		uint32_t pid = 1001, hole_cnt = 1 + rng_below(&rng, 3);
		struct cpt_analysis_opts o = {.step_ns = 1};
		struct cpt_report *whole, *r;
		struct hole holes[3];
		bool sure = true;

		snprintf(what, sizeof(what), "seed %" PRIu64, seed);
		gen_run(&gen, seed, &go);
		memset(dropped, 0, sizeof(dropped));
		memset(unknowable, 0, sizeof(unknowable));
		if (rng_percent(&rng, 20)) {
			o.filter.pids = &pid;
			o.filter.pid_cnt = 1;
		}
		for (uint32_t h = 0; h < hole_cnt; h++)
			holes[h] = make_hole(&rng);
		exclude_lost_wakes(holes, hole_cnt);
		whole = analyse(&gen.meta, gen.ev, gen.ev_cnt, gen.now, &o, &whole_seen, &rng);
		r = analyse(&gen.meta, rest, build_rest(holes, hole_cnt), gen.now, &o, &rest_seen,
			    &rng);
		assert_non_null(whole);
		assert_non_null(r);
		assert_int_equal(check_identities(r, &rest_seen, what), 0);
		assert_int_equal(compare_instants(what, &known, &total), 0);
		for (uint32_t t = 0; t < STEPS_KEPT; t++)
			sure &= !unknowable[t];
		if (sure && r->verdict != CPT_CLASS_UNKNOWN) {
			assert_int_equal(r->verdict, whole->verdict);
			verdicts++;
		}
		report__free(whole);
		report__free(r);
	}
	printf("of %" PRIu64 " ns beside holes %.1f %% keep their class, %" PRIu64
	       " verdicts stand\n",
	       total, total ? 100.0 * (double)known / (double)total : 0, verdicts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_records_make_time_unknown_and_never_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
