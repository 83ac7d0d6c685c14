// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_flight.c - what a flight recording keeps says of its window what the whole recording does.
 *
 * Thousands of random runs, each forgotten up to a random instant: carried over (carry.h) and gone on with,
 * every figure must be that of the whole run restricted to the same time, and that of the definitions; in
 * memory, and through the parts of a ring and a trace made of them.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../analysis/carry.h"
#include "../../analysis/trace_parts.h"
#include "../../analysis/trace_reader.h"
#include "check.h"

#define SAID_MAX 4096

static struct gen gen;
static struct ref_result ref;
static struct observed seen;

/* What a carry says, kept: its events, then those of the run that follow. */
static struct cpt_event joined[SAID_MAX + GEN_EVENTS_MAX];
static uint32_t joined_cnt;
static struct cpt_event side[SAID_MAX];
static uint32_t side_cnt;
static struct cpt_info infos[SAID_MAX]; /* what they point to lives as long as the carry */

static int keep(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		assert_true(!joined_cnt || joined[joined_cnt - 1].ts_ns <= ev[i].ts_ns);
		joined[joined_cnt] = ev[i];
		if (ev[i].type == CPT_EV_NEW || ev[i].type == CPT_EV_EXEC) {
			infos[joined_cnt] = *ev[i].info;
			joined[joined_cnt].info = &infos[joined_cnt];
		}
		joined_cnt++;
	}
	return 0;
}

static int keep_side(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		side[side_cnt++] = ev[i];
	return 0;
}

static const struct cpt_merge_sink keeper = {.events = keep, .side = keep_side};

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

static bool is_side(const struct cpt_event *ev)
{
	return ev->type >= CPT_EV_STACKS;
}

/* Index of the first event of an instant within the window, behind which there are others; 0: there is none. */
static uint32_t pick_cut(struct rng *rng)
{
	for (int i = 0; i < 50; i++) {
		const uint32_t k = 1 + rng_below(rng, gen.ev_cnt - 1);

		if (gen.ev[k].ts_ns > gen.ev[k - 1].ts_ns && gen.ev[k].ts_ns > gen.window_start &&
		    gen.ev[k].ts_ns < gen.window_end)
			return k;
	}
	return 0;
}

static void feed(struct carry *c, const struct cpt_event *ev)
{
	if (is_side(ev))
		assert_int_equal(carry__side(c, ev, 1), 0);
	else
		assert_int_equal(carry__feed(c, ev, 1), 0);
}

/* Side events of an instant stand before its others, as a reader gives them. */
static void join_side(void)
{
	static struct cpt_event events[SAID_MAX];
	const uint32_t cnt = joined_cnt;
	uint32_t s = 0;

	for (uint32_t i = 0; i < cnt; i++)
		events[i] = joined[i];
	joined_cnt = 0;
	for (uint32_t i = 0; i < cnt; i++) {
		while (s < side_cnt && side[s].ts_ns <= events[i].ts_ns)
			joined[joined_cnt++] = side[s++];
		joined[joined_cnt++] = events[i];
	}
	while (s < side_cnt)
		joined[joined_cnt++] = side[s++];
}

static struct cpt_trace_meta meta_from(uint64_t at_ns)
{
	struct cpt_trace_meta meta = gen.meta;

	meta.flags |= CPT_TRACE_ATTACHED | CPT_TRACE_FLIGHT;
	meta.recorded_from_ns = meta.start_mono_ns;
	meta.start_mono_ns = at_ns;
	return meta;
}

static void what_is_kept_says_what_the_whole_does(void **state)
{
	uint64_t seed = first_seed(__func__);
	uint32_t cases = case_count(4000), done = 0;
	char what[64];

	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct rng rng = {.state = seed * 17};
		struct gen_opts go = pick_gen_opts(&rng);
		struct cpt_analysis_opts o = {0}, cut = {0};
		struct cpt_report *kept, *whole;
		struct cpt_trace_meta meta;
		struct carry *c;
		uint64_t at_ns;
		uint32_t k;

		gen_run(&gen, seed, &go);
		k = pick_cut(&rng);
		if (!k)
			continue;
		done++;
		at_ns = gen.ev[k].ts_ns;
		snprintf(what, sizeof(what), "seed %" PRIu64, seed);
		c = carry__new(gen.cpu_cnt, true);
		assert_non_null(c);
		for (uint32_t e = 0; e < k; e++)
			feed(c, &gen.ev[e]);
		joined_cnt = side_cnt = 0;
		assert_int_equal(carry__say(c, &keeper), 0);
		join_side();
		for (uint32_t e = k; e < gen.ev_cnt; e++)
			joined[joined_cnt++] = gen.ev[e];
		meta = meta_from(at_ns);
		kept = analyse(&meta, joined, joined_cnt, gen.now, &o, &seen, &rng);
		assert_non_null(kept);
		assert_int_equal(check_identities(kept, &seen, what), 0);
		cut.filter.have_time = true;
		cut.filter.time_from_ns = at_ns - gen.window_start;
		cut.filter.time_to_ns = UINT64_MAX;
		whole = analyse(&gen.meta, gen.ev, gen.ev_cnt, gen.now, &cut, &seen, &rng);
		assert_non_null(whole);
		assert_int_equal(check_same(kept, whole, what), 0);
		ref_evaluate(&gen, &cut, &ref);
		assert_int_equal(check_against(kept, &ref, &gen, true, what), 0);
		report__free(kept);
		report__free(whole);
		carry__free(c);
	}
	printf("flight: %" PRIu32 " runs forgotten up to an instant, every figure the same\n",
	       done);
	assert_true(done > cases / 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_says_what_the_whole_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
