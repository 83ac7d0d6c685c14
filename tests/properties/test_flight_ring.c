// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_flight_ring.c - the parts of a flight recording, its dumps and its end, as files.
 *
 * Random runs through rings of nine parts, each begun anew every few events: the trace of what was kept says
 * what the whole run restricted to its time does. And the arithmetic: how large the parts get.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../collector/say.h" /* before cmocka makes a macro of fail */

#include <cmocka.h>

#include "../../analysis/trace_reader.h"
#include "../../collector/flight.h"
#include "check.h"

static struct gen gen;
static struct observed seen;
static char place[] = "/tmp/cpartrace-flight-XXXXXX";
static char file[64];
static const struct trigger_opts no_trigger;

static void no_counters(void *ctx, struct cpt_trace_close *now)
{
	memset(now, 0, sizeof(*now));
}

static void no_names(void *ctx, struct cpt_words *words)
{
}

static const struct flight_calls calls = {.counters = no_counters, .name = no_names};

static struct gen_opts pick_gen_opts(struct rng *rng)
{
	return (struct gen_opts){
		.steps = 50 + rng_below(rng, 200),
		.unknown = rng_percent(rng, 30),
		.early_wakes = rng_percent(rng, 30),
		.wait_all = rng_percent(rng, 20),
		.throttle = rng_percent(rng, 40),
		.no_occupancy = rng_percent(rng, 10),
		.loops = rng_percent(rng, 40),
		.tasks_end = rng_percent(rng, 50),
	};
}

/* The report of a trace, and when it begins and ends; free with free_trace. */
struct trace {
	int fd;
	struct trace_reader *reader;
	struct cpt_report *report;
	uint64_t from_ns, to_ns;
};

static struct trace read_trace(const char *path)
{
	const struct cpt_analysis_opts o = {0};
	struct trace t = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
	const struct cpt_trace_meta *meta;
	const struct cpt_event *ev;
	struct cpt_analysis *a;
	char why[CPT_TRACE_ERR_LEN];
	size_t cnt;

	assert_true(t.fd >= 0);
	t.reader = trace_reader__open(t.fd, why);
	assert_non_null(t.reader);
	meta = trace_reader__meta(t.reader);
	t.from_ns = meta->flags & CPT_TRACE_FLIGHT ? meta->start_mono_ns : 0;
	assert_non_null(trace_reader__close_facts(t.reader));
	t.to_ns = trace_reader__close_facts(t.reader)->end_mono_ns;
	a = analysis__new(meta, &o);
	assert_non_null(a);
	while (trace_reader__next(t.reader, &ev, &cnt) > 0)
		assert_int_equal(analysis__feed(a, ev, cnt), 0);
	assert_null(trace_reader__incomplete(t.reader));
	t.report = analysis__finish(a, NULL, NULL, t.to_ns);
	assert_non_null(t.report);
	return t;
}

static void free_trace(struct trace *t)
{
	report__free(t->report);
	trace_reader__free(t->reader);
	close(t->fd);
}

/* Is it the whole run, of its time? */
static void check_trace(const char *path, struct rng *rng, const char *what)
{
	struct trace t = read_trace(path);
	struct cpt_analysis_opts cut = {.filter.have_time = true, .filter.time_to_ns = UINT64_MAX};
	struct cpt_report *whole;

	assert_true(t.to_ns >= t.from_ns);
	if (t.from_ns > gen.window_start)
		cut.filter.time_from_ns = t.from_ns - gen.window_start;
	if (t.to_ns < gen.window_end)
		cut.filter.time_to_ns = t.to_ns > gen.window_start ? t.to_ns - gen.window_start : 0;
	if (t.from_ns < gen.window_end && t.from_ns < t.to_ns && cut.filter.time_to_ns) {
		whole = analyse(&gen.meta, gen.ev, gen.ev_cnt, gen.now, &cut, &seen, rng);
		assert_non_null(whole);
		assert_int_equal(check_same(t.report, whole, what), 0);
		report__free(whole);
	}
	free_trace(&t);
}

static void give(struct flight *f, const struct cpt_merge_sink *sink, const struct cpt_event *ev)
{
	if (ev->type >= CPT_EV_STACKS)
		assert_int_equal(flight__side(f, ev, 1), 0);
	else
		assert_int_equal(sink->events(sink->ctx, ev, 1), 0);
}

/* What stands beside the events is read before those of its instant. */
static void order_as_read(void)
{
	static struct cpt_event sorted[GEN_EVENTS_MAX];
	uint32_t cnt = 0;

	for (uint32_t i = 0, end; i < gen.ev_cnt; i = end) {
		for (end = i; end < gen.ev_cnt && gen.ev[end].ts_ns == gen.ev[i].ts_ns; end++)
			if (gen.ev[end].type >= CPT_EV_STACKS)
				sorted[cnt++] = gen.ev[end];
		for (uint32_t e = i; e < end; e++)
			if (gen.ev[e].type < CPT_EV_STACKS)
				sorted[cnt++] = gen.ev[e];
	}
	memcpy(gen.ev, sorted, cnt * sizeof(*sorted));
}

/* Waits for the child that writes it. */
static void await_dump(struct flight *f, uint64_t at_ns, const char *path)
{
	for (int i = 0; access(path, F_OK); i++) {
		assert_true(i < 20000);
		usleep(500);
		/* The one before may not have been seen to be done. */
		assert_int_equal(flight__tick(f, at_ns, at_ns), 0);
	}
}

/* What stands beside the events comes before what is of its time, as a recorder gives it. */
static uint32_t run_to(struct flight *f, uint32_t from, uint64_t to_ns)
{
	const struct cpt_merge_sink sink = flight__sink(f);
	uint32_t end = from;

	while (end < gen.ev_cnt && gen.ev[end].ts_ns < to_ns)
		end++;
	for (uint32_t i = from; i < end; i++)
		if (gen.ev[i].type >= CPT_EV_STACKS)
			give(f, &sink, &gen.ev[i]);
	for (uint32_t i = from; i < end; i++)
		if (gen.ev[i].type < CPT_EV_STACKS)
			give(f, &sink, &gen.ev[i]);
	return end;
}

static void one_run(struct rng *rng, uint32_t *dumps, const char *what)
{
	const struct flight_opts opts = {.span_ns = 8 * (5 + rng_below(rng, 60))};
	struct flight *f = flight__open(file, &opts, &no_trigger);
	struct cpt_trace_close close_facts = {0};
	const bool dump = rng_percent(rng, 20);
	uint32_t made = 0;
	uint64_t at_ns = gen.window_start; /* a part of before the exec would not wait for it */
	char path[80];

	assert_non_null(f);
	assert_int_equal(flight__place(f), 0);
	assert_int_equal(flight__begin(f, &gen.meta, &calls), 0);
	for (uint32_t i = 0; i < gen.ev_cnt;) {
		at_ns += 1 + rng_below(rng, 40);
		if (at_ns > gen.now) {
			(void)run_to(f, i, gen.now + 1);
			break;
		}
		i = run_to(f, i, at_ns);
		assert_int_equal(flight__turn(f, at_ns), 0);
		if (dump && made < 2 && at_ns < gen.now && rng_percent(rng, 5)) {
			flight__want(f, at_ns);
			assert_int_equal(flight__tick(f, at_ns, at_ns), 0);
			snprintf(path, sizeof(path), "%s.%" PRIu32, file, ++made);
			await_dump(f, at_ns, path);
			check_trace(path, rng, what);
			assert_int_equal(unlink(path), 0);
			++*dumps;
		}
	}
	close_facts.end_mono_ns = gen.now;
	assert_int_equal(flight__end(f, &close_facts), 0);
	flight__free(f);
	check_trace(file, rng, what);
	assert_int_equal(unlink(file), 0);
}

static void what_a_ring_keeps_says_what_the_whole_does(void **state)
{
	uint64_t seed = first_seed(__func__);
	uint32_t cases = case_count(400), dumps = 0;
	char what[64];

	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct rng rng = {.state = seed * 19};
		struct gen_opts go = pick_gen_opts(&rng);

		gen_run(&gen, seed, &go);
		order_as_read();
		snprintf(what, sizeof(what), "seed %" PRIu64, seed);
		one_run(&rng, &dumps, what);
	}
	printf("flight_ring: %" PRIu32 " runs through rings, %" PRIu32
	       " dumps meanwhile, every figure the same\n",
	       cases, dumps);
	assert_true(cases < 100 || dumps > cases / 20);
	assert_int_equal(rmdir(place), 0); /* nothing else is left */
	assert_int_equal(mkdir(place, 0700), 0);
}

/* ---- how large they get --------------------------------------------------------------------------- */

static uint64_t parts_bytes(void)
{
	uint64_t sum = 0;
	char path[80];
	struct stat st;

	for (int i = 0; i < CPT_FLIGHT_PARTS; i++) {
		snprintf(path, sizeof(path), "%s.ring.%d", file, i);
		assert_int_equal(stat(path, &st), 0);
		sum += (uint64_t)st.st_size;
	}
	return sum;
}

/* Tasks that take turns, which is little to be said, or with waits that are all different, which is much. */
static void parts_are_as_large_as_was_said(void **state)
{
	const struct flight_opts opts = {.bytes = CPT_FLIGHT_BYTES_MIN};
	const struct cpt_trace_meta meta = {.cpu_cnt = 2, .start_mono_ns = 1};
	struct rng rng = {.state = 5};
	struct cpt_wait wait = {.sysno = 202, .prev_state = 1, .arg1 = 128};

	for (int plain = 0; plain < 2; plain++) {
		struct flight *f = flight__open(file, &opts, &no_trigger);
		struct cpt_trace_close close_facts = {0};
		struct cpt_merge_sink sink;
		uint64_t ts = 1000, largest = 0;
		struct stat st;

		assert_non_null(f);
		assert_int_equal(flight__place(f), 0);
		assert_int_equal(flight__begin(f, &meta, &calls), 0);
		sink = flight__sink(f);
		for (int n = 0; n < 400; n++) {
			/* Of a drain: 5,000 to 10,000 switches, with pauses between. */
			const int cnt = 5000 + (int)rng_below(&rng, 5000);

			assert_int_equal(flight__turn(f, ts), 0);
			for (int i = 0; i < cnt; i++) {
				struct cpt_event ev = {.type = CPT_EV_SWITCH,
						       .flags = CPT_SW_PREV_BLOCKED,
						       .cpu = i & 1,
						       .task = 1 + (uint32_t)(i & 3),
						       .other = 1 + ((uint32_t)(i + 2) & 3),
						       .wait = &wait};

				ev.ts_ns = ts += 100 + rng_below(&rng, 5000);
				wait.arg0 = plain ? 0x1000 : rng_u64(&rng) >> 16;
				assert_int_equal(sink.events(sink.ctx, &ev, 1), 0);
			}
			ts += rng_percent(&rng, 5) ? 300000000 : 1;
			assert_int_equal(flight__tick(f, ts, ts), 0);
			if (parts_bytes() > largest)
				largest = parts_bytes();
		}
		close_facts.end_mono_ns = ts;
		assert_int_equal(flight__end(f, &close_facts), 0);
		flight__free(f);
		printf("flight_ring: %" PRIu64 " of %" PRIu64 " bytes\n", largest, opts.bytes);
		/* Events not written yet are taken for the 8 bytes that they have in a real run: these
		 * have one. */
		assert_in_range(largest, opts.bytes / (plain ? 8 : 4), opts.bytes);
		assert_int_equal(stat(file, &st), 0);
		assert_in_range(st.st_size, 1, opts.bytes);
		assert_int_equal(unlink(file), 0);
	}
}

static int make_place(void **state)
{
	say__level(0);
	if (!mkdtemp(place))
		return -1;
	snprintf(file, sizeof(file), "%s/run.data", place);
	return 0;
}

static int remove_place(void **state)
{
	return rmdir(place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_ring_keeps_says_what_the_whole_does),
		cmocka_unit_test(parts_are_as_large_as_was_said),
	};

	return cmocka_run_group_tests(tests, make_place, remove_place);
}
