// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_garbage.c - events of valid shape that make no sense: tasks on two CPUs, births after deaths,
 * wake-ups of the unborn, holes in holes, leaps in time. Nothing may crash or overflow, and whatever
 * comes out must satisfy every identity; with the sanitizers on this is the fuzz test of the pass.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"

#define EVENTS 400

static struct cpt_event events[EVENTS];
static struct cpt_wait waits[EVENTS];
static struct cpt_info infos[EVENTS];
static uint64_t masks[EVENTS][2];
static struct observed seen;

static void draw_wait(struct rng *rng, struct cpt_wait *w)
{
	*w = (struct cpt_wait){
		.sysno = (uint16_t)(rng_percent(rng, 80) ? rng_below(rng, 500) : rng_u64(rng)),
		.prev_state = (uint16_t)(1u << rng_below(rng, 16)),
		.object = (uint8_t)rng_below(rng, 20),
		.wait_flags = (uint8_t)rng_below(rng, 4),
		.arg0 = rng_below(rng, 4),
		.arg1 = rng_u64(rng),
		.arg2 = rng_below(rng, 20),
	};
}

static void draw_info(struct rng *rng, struct cpt_info *info, uint64_t *mask)
{
	static const char *const names[] = {"", "a", "b", "fifteen-letters", NULL};

	mask[0] = rng_u64(rng);
	mask[1] = rng_u64(rng);
	*info = (struct cpt_info){
		.tid = rng_below(rng, 9),
		.tgid = rng_below(rng, 9),
		.ns_tid = rng_below(rng, 9),
		.flags = rng_below(rng, 8),
		.comm = names[rng_below(rng, 5)],
		.filename = names[rng_below(rng, 5)],
		.args = "x\0y",
		.args_sz = rng_below(rng, 5),
		.sum_exec_ns = rng_below(rng, 1000),
		.mask = {.nr_cpus_allowed = 1, .word_cnt = rng_below(rng, 3), .bits = mask},
	};
}

static uint64_t few_bits(struct rng *rng)
{
	uint64_t bits = rng_u64(rng);

	return bits & rng_u64(rng);
}

static void draw_event(struct rng *rng, uint32_t i, uint64_t *ts, uint32_t cpu_cnt)
{
	struct cpt_event *ev = &events[i];

	if (rng_percent(rng, 60))
		*ts += rng_below(rng, 50);
	else if (rng_percent(rng, 2))
		*ts += rng_u64(rng) >> (2 + rng_below(rng, 60));
	if (*ts > INT64_MAX)
		*ts = INT64_MAX;
	*ev = (struct cpt_event){
		.ts_ns = rng_percent(rng, 2) ? rng_u64(rng) % (*ts + 1) : *ts,
		.type = (uint8_t)(rng_percent(rng, 60) ? CPT_EV_SWITCH : rng_below(rng, 11)),
		.end = (uint8_t)rng_below(rng, 5),
		.flags = (uint16_t)few_bits(rng),
		.cpu = rng_below(rng, cpu_cnt),
		.task = rng_below(rng, 10),
		.other = rng_below(rng, 10),
		.end_waker = rng_below(rng, 10),
	};
	switch (ev->type) {
	case CPT_EV_SWITCH:
		draw_wait(rng, &waits[i]);
		ev->wait =
			ev->flags & CPT_SW_PREV_BLOCKED && rng_percent(rng, 95) ? &waits[i] : NULL;
		break;
	case CPT_EV_LOSS:
		ev->until_ns = rng_percent(rng, 90) ? *ts + rng_below(rng, 200) : rng_u64(rng);
		ev->count = rng_below(rng, 100);
		break;
	case CPT_EV_NEW:
	case CPT_EV_EXEC:
	case CPT_EV_RENAME:
	case CPT_EV_EXIT:
	case CPT_EV_AFFINITY:
		draw_info(rng, &infos[i], masks[i]);
		ev->info = &infos[i];
		ev->task += ev->task == 0;
		break;
	default:
		break;
	}
}

static void draw_opts(struct rng *rng, struct cpt_analysis_opts *o)
{
	static const uint32_t ids[] = {1, 2, 3};
	static const char *const comms[] = {"a", ""};
	static uint64_t cpus[CPT_MASK_WORDS];

	memset(o, 0, sizeof(*o));
	cpus[0] = rng_u64(rng);
	o->in_progress = rng_below(rng, 4);
	o->wait_all = rng_percent(rng, 20);
	o->step_ns = rng_percent(rng, 20) ? rng_u64(rng) | 1ull << 55 : 0;
	o->filter.pids = ids;
	o->filter.pid_cnt = rng_percent(rng, 20) ? 2 : 0;
	o->filter.tids = ids;
	o->filter.tid_cnt = rng_percent(rng, 20) ? 3 : 0;
	o->filter.comms = comms;
	o->filter.comm_cnt = rng_percent(rng, 20) ? 2 : 0;
	o->filter.cpus = rng_percent(rng, 20) ? cpus : NULL;
	if (rng_percent(rng, 30)) {
		o->filter.have_time = true;
		o->filter.time_from_ns = rng_u64(rng) >> rng_below(rng, 64);
		o->filter.time_to_ns = rng_u64(rng) >> rng_below(rng, 64);
	}
}

static void garbage_never_breaks_an_identity(void **state)
{
	uint64_t seed = first_seed(__func__);
	uint32_t cases = case_count(500);
	static char *argv[] = {(char *)"x", NULL};
	char what[64];

	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct rng rng = {.state = seed * 19};
		uint32_t cpu_cnt = 1 + rng_below(&rng, 5);
		struct cpt_cpu_info cpus[8];
		struct cpt_trace_meta meta = {
			.machine = rng_percent(&rng, 80) ? "x86_64" : NULL,
			.argv = rng_percent(&rng, 70) ? argv : NULL,
			.cpu_cnt = cpu_cnt,
			.cpu_info_cnt = rng_below(&rng, 8),
			.cpus = cpus,
		};
		uint64_t ts = rng_percent(&rng, 10) ? 0 : rng_below(&rng, 1000);
		struct cpt_analysis_opts o;
		struct cpt_report *r;

		for (uint32_t c = 0; c < 8; c++)
			cpus[c] = (struct cpt_cpu_info){.cpu = rng_below(&rng, 8),
							.online = (uint8_t)rng_below(&rng, 2),
							.core = (int32_t)rng_below(&rng, 4) - 1};
		for (uint32_t e = 0; e < EVENTS; e++)
			draw_event(&rng, e, &ts, cpu_cnt);
		draw_opts(&rng, &o);
		snprintf(what, sizeof(what), "seed %" PRIu64, seed);
		r = analyse(&meta, events, EVENTS, rng_percent(&rng, 90) ? ts : rng_u64(&rng), &o,
			    &seen, &rng);
		assert_non_null(r);
		assert_int_equal(check_identities(r, &seen, what), 0);
		report__free(r);
	}
}

/* What a damaged or foreign program could hand over: refused with an error, nothing else. */
static void impossible_events_are_refused(void **state)
{
	static char *argv[] = {(char *)"x", NULL};
	struct cpt_trace_meta meta = {.argv = argv, .cpu_cnt = 2};
	const struct cpt_analysis_opts o = {0};
	const struct cpt_event bad[] = {
		{.type = CPT_EV_SWITCH, .cpu = 2},
		{.type = CPT_EV_WAKE, .cpu = UINT32_MAX},
		{.type = CPT_EV_SWITCH, .ts_ns = UINT64_MAX},
		{.type = CPT_EV_SWITCH, .task = UINT32_MAX},
		{.type = CPT_EV_EXEC, .task = 0},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct cpt_analysis *a = analysis__new(&meta, &o);

		assert_int_equal(analysis__feed(a, &bad[i], 1), -EINVAL);
		assert_int_equal(analysis__feed(a, &bad[0], 1), -EINVAL);
		assert_null(analysis__finish(a, NULL, NULL, 0));
		assert_int_equal(errno, EINVAL);
	}
	meta.cpu_cnt = CPT_TRACE_MAX_CPUS + 1;
	assert_null(analysis__new(&meta, &o));
	assert_int_equal(errno, EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(garbage_never_breaks_an_identity),
		cmocka_unit_test(impossible_events_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
