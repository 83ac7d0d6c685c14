// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_order.c - the same run in whatever pieces it arrives: rings of several CPUs, drained at random
 * moments, merged, written, read back, must give the report of the events drawn in order.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../analysis/trace_reader.h"
#include "../../analysis/trace_writer.h"
#include "../support/random_trace.h"
#include "check.h"

#define CPUS 4

static struct observed seen;
static uint64_t words_seen, wakes_seen;

struct arrival {
	const struct cpt_rec_switch *recs;
	size_t cnt, done;
};

/* Adds what CPU `cpu` has recorded before until_ns. */
static void drain_cpu(struct cpt_merge *m, uint32_t cpu, struct arrival *at, uint64_t until_ns)
{
	size_t from = at->done;

	while (at->done < at->cnt && at->recs[at->done].ts_ns < until_ns)
		at->done++;
	if (at->done > from)
		assert_int_equal(merge__add_ring(m, cpu, at->recs + from, at->done - from), 0);
}

static void drain_life(struct cpt_merge *m, struct trace_builder *tb, size_t *done,
		       uint64_t until_ns)
{
	const struct cpt_rec_head *rec;

	while ((rec = tb__life(tb, *done)) && rec->ts_ns < until_ns) {
		assert_int_equal(merge__add_life(m, rec, rec->sz), 0);
		(*done)++;
	}
}

/* To the file and to a table of words, as a recording does. */
struct tee {
	struct trace_writer *writer;
	struct cpt_words *words;
};

static int tee_events(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	struct tee *tee = ctx;

	assert_int_equal(words__feed(tee->words, ev, cnt), 0);
	return trace_writer__events(tee->writer, ev, cnt);
}

static int tee_late(void *ctx, const struct cpt_late *late)
{
	struct tee *tee = ctx;

	assert_int_equal(words__late(tee->words, late), 0);
	return trace_writer__late(tee->writer, late);
}

/* The run as a trace file, put together from pieces. A drain takes all that is older than its
 * moment, and of some CPUs more. */
static int record(struct trace_builder *tb, uint64_t first_ns, uint64_t last_ns, struct rng *rng)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);
	struct trace_writer *w = trace_writer__new(fd, tb__meta(tb));
	struct tee tee = {.writer = w, .words = words__new(tb__meta(tb)->machine)};
	struct cpt_merge_sink sink = {.events = tee_events, .late = tee_late, .ctx = &tee};
	struct cpt_merge *m = merge__new(CPUS, &sink);
	struct cpt_trace_close close_facts = *tb__close_facts(tb);
	struct arrival at[CPUS] = {{0}};
	uint64_t span = (last_ns - first_ns) / (1 + rng_below(rng, 20)) + 1;
	uint64_t hold = rng_below(rng, 2) ? 0 : rng_below(rng, (uint32_t)span);
	size_t lives = 0;

	assert_non_null(m);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		at[cpu].recs = tb__ring(tb, cpu, &at[cpu].cnt);
	for (uint64_t now = first_ns; now <= last_ns; now += 1 + rng_u64(rng) % span) {
		for (uint32_t i = 0; i < CPUS; i++) {
			uint32_t cpu = (i + now) % CPUS;

			drain_cpu(m, cpu, &at[cpu], now + rng_below(rng, 3) * span);
		}
		drain_life(m, tb, &lives, now + rng_below(rng, 2) * span);
		merge__complete(m, now);
		if (now > first_ns + hold)
			assert_int_equal(merge__advance(m, now - hold), 0);
	}
	drain_life(m, tb, &lives, UINT64_MAX);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		drain_cpu(m, cpu, &at[cpu], UINT64_MAX);
	assert_int_equal(merge__finish(m), 0);
	merge__free(m);
	words__classify(tee.words);
	assert_int_equal(trace_writer__words(w, tee.words), 0);
	words__free(tee.words);
	close_facts.end_mono_ns = last_ns;
	assert_int_equal(trace_writer__close(w, &close_facts), 0);
	trace_writer__free(w);
	return fd;
}

/* The table a recording kept against one made of what can be read: the same, word for word. */
static void check_words(struct trace_reader *r)
{
	const struct cpt_words *kept = trace_reader__words(r);
	struct cpt_words *made = words__new(trace_reader__meta(r)->machine);
	const struct cpt_event *ev;
	size_t cnt;

	assert_non_null(kept);
	assert_non_null(made);
	while (trace_reader__next(r, &ev, &cnt) > 0)
		assert_int_equal(words__feed(made, ev, cnt), 0);
	assert_int_equal(trace_reader__rewind(r), 0);
	words__classify(made);
	assert_int_equal(words__cnt(kept), words__cnt(made));
	for (uint32_t i = 0; i < words__cnt(kept); i++) {
		struct cpt_word a = *words__at(kept, i), b = *words__at(made, i);

		a.symbol = a.module = a.build_id = b.symbol = b.module = b.build_id = NULL;
		assert_memory_equal(&a, &b, sizeof(a));
		words_seen++;
		wakes_seen += a.wakes;
	}
	words__free(made);
}

static struct cpt_report *report_file(int fd, uint64_t last_ns, struct trace_reader **r)
{
	struct cpt_analysis_opts o = {0};
	char err[CPT_TRACE_ERR_LEN];
	const struct cpt_event *ev;
	struct cpt_analysis *a;
	size_t cnt;
	int more;

	*r = trace_reader__open(fd, err);
	assert_non_null(*r);
	check_words(*r);
	o.words = trace_reader__words(*r);
	a = analysis__new(trace_reader__meta(*r), &o);
	assert_non_null(a);
	while ((more = trace_reader__next(*r, &ev, &cnt)) > 0)
		assert_int_equal(analysis__feed(a, ev, cnt), 0);
	assert_int_equal(more, 0);
	assert_null(trace_reader__incomplete(*r));
	return analysis__finish(a, NULL, NULL, last_ns);
}

/* 20273059: a task is born in the very ns in which the window ends. */
static const uint64_t seeds_once_wrong[] = {20273059};
#define SEEDS_CNT (sizeof(seeds_once_wrong) / sizeof(seeds_once_wrong[0]))

static void any_order_of_arrival_gives_the_same_report(void **state)
{
	uint64_t first = first_seed(__func__);
	uint32_t cases = case_count(400);
	char what[64];

	for (uint32_t i = 0; i < SEEDS_CNT + cases; i++) {
		const uint64_t seed = i < SEEDS_CNT ? seeds_once_wrong[i] : first + i - SEEDS_CNT;
		struct rng rng = {.state = seed * 17};
		struct cpt_analysis_opts o = {0};
		struct trace_builder *tb = tb__new(CPUS);
		struct cpt_words *words;
		const struct cpt_event *ev;
		struct cpt_report *drawn;
		uint64_t last;
		size_t cnt;

		snprintf(what, sizeof(what), "seed %" PRIu64, seed);
		random_trace(tb, &rng, CPUS, 20 + rng_below(&rng, 300),
			     rng_percent(&rng, 50) ? RANDOM_TIES : 0);
		ev = tb__events(tb, &cnt);
		last = ev[cnt - 1].ts_ns;
		words = words__new(tb__meta(tb)->machine);
		assert_int_equal(words__feed(words, ev, cnt), 0);
		words__classify(words);
		o.words = words;
		drawn = analyse(tb__meta(tb), ev, (uint32_t)cnt, last, &o, &seen, &rng);
		assert_non_null(drawn);
		assert_int_equal(check_identities(drawn, &seen, what), 0);
		for (int n = 0; n < 3; n++) {
			struct trace_reader *r;
			int fd = record(tb, ev[0].ts_ns, last, &rng);
			struct cpt_report *arrived = report_file(fd, last, &r);

			assert_non_null(arrived);
			assert_int_equal(check_same(arrived, drawn, what), 0);
			report__free(arrived);
			trace_reader__free(r);
			close(fd);
		}
		report__free(drawn);
		words__free(words);
		tb__free(tb);
	}
	assert_true(words_seen && wakes_seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_of_arrival_gives_the_same_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
