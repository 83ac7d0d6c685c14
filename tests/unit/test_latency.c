// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_latency.c - buckets of run-queue latencies, and what is read from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/latency.h"
#include "analysis/trace_limits.h"
#include "tests/properties/rng.h"

static struct cpt_latency latency;

static int setup(void **state)
{
	memset(&latency, 0, sizeof(latency));
	return 0;
}

/* The one bucket that holds a stretch of ns. */
static uint32_t bucket_of(uint64_t ns)
{
	uint32_t found = CPT_LATENCY_BUCKETS;

	setup(NULL);
	latency__add(&latency, ns, false);
	for (uint32_t i = 0; i < CPT_LATENCY_BUCKETS; i++)
		if (latency.bucket[i])
			found = i;
	assert_in_range(found, 0, CPT_LATENCY_BUCKETS - 1);
	return found;
}

static void check_bucket(uint64_t ns)
{
	const uint32_t bucket = bucket_of(ns);
	const uint64_t from = latency_bucket_from(bucket);

	assert_true(from <= ns);
	if (bucket + 1 < CPT_LATENCY_BUCKETS) {
		const uint64_t to = latency_bucket_from(bucket + 1);

		assert_true(ns < to);
		assert_true(to - from == 1 || (to - from) * CPT_LATENCY_STEPS <= from);
	}
}

static void each_length_lies_in_its_bucket(void **state)
{
	for (uint64_t ns = 0; ns < 5000; ns++)
		check_bucket(ns);
	for (int bit = 12; bit < 63; bit++) {
		check_bucket((UINT64_C(1) << bit) - 1);
		check_bucket(UINT64_C(1) << bit);
		check_bucket((UINT64_C(1) << bit) + 1);
	}
}

/* No time of a trace is longer, so none lies behind the last bucket. */
static void the_longest_time_there_is_fits(void **state)
{
	assert_int_equal(bucket_of(CPT_TIME_MAX), CPT_LATENCY_BUCKETS - 1);
}

static void the_edges_rise(void **state)
{
	for (uint32_t i = 1; i < CPT_LATENCY_BUCKETS; i++)
		assert_true(latency_bucket_from(i - 1) < latency_bucket_from(i));
}

static void without_stretches_all_is_zero(void **state)
{
	latency__finish(&latency);
	assert_int_equal(latency.p50_ns, 0);
	assert_int_equal(latency.p99_ns, 0);
	assert_int_equal(latency.max_ns, 0);
}

static void one_stretch_is_every_percentile(void **state)
{
	latency__add(&latency, 1234567, true);
	latency__finish(&latency);
	assert_int_equal(latency.p50_ns, 1234567);
	assert_int_equal(latency.p99_ns, 1234567);
	assert_int_equal(latency.max_ns, 1234567);
	assert_int_equal(latency.migrated, 1);
}

/* 98 quick ones and two slow: half is quick, 99 of 100 are not. */
static void the_slow_ones_show_in_the_last_percent(void **state)
{
	for (int i = 0; i < 98; i++)
		latency__add(&latency, 10, false);
	latency__add(&latency, 5000000, false);
	latency__add(&latency, 9000000, false);
	latency__finish(&latency);
	assert_int_equal(latency.p50_ns, 10);
	assert_in_range(latency.p99_ns, 5000000, 5000000 + 5000000 / CPT_LATENCY_STEPS);
	assert_int_equal(latency.max_ns, 9000000);
	assert_int_equal(latency.sum_ns, 98 * 10 + 14000000);
}

static void waits_of_a_wake_up_are_counted_apart(void **state)
{
	latency__add(&latency, CPT_LATENCY_SHORT_NS, false);
	latency__add(&latency, CPT_LATENCY_SHORT_NS + 1, true);
	latency__add(&latency, 7, true);
	assert_int_equal(latency.cnt, 3);
	assert_int_equal(latency.short_cnt, 2);
	assert_int_equal(latency.short_ns, CPT_LATENCY_SHORT_NS + 7);
	assert_int_equal(latency.migrated, 2);
}

static int by_size(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Never below the true one, and above it by no more than a bucket. */
static void check_percentile(const uint64_t *sorted, uint32_t cnt, uint32_t percent, uint64_t got)
{
	const uint64_t exact = sorted[(cnt * percent + 99) / 100 - 1];

	assert_true(got >= exact);
	assert_true(got - exact <= exact / CPT_LATENCY_STEPS);
}

static void percentiles_are_those_of_the_sorted_stretches(void **state)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct rng rng = {seed};
		const uint32_t cnt = 1 + (uint32_t)rng_below(&rng, 500);
		uint64_t ns[500], sum = 0;

		setup(state);
		for (uint32_t i = 0; i < cnt; i++) {
			ns[i] = rng_u64(&rng) & ((UINT64_C(2) << rng_below(&rng, 40)) - 1);
			sum += ns[i];
			latency__add(&latency, ns[i], false);
		}
		latency__finish(&latency);
		qsort(ns, cnt, sizeof(ns[0]), by_size);
		check_percentile(ns, cnt, 50, latency.p50_ns);
		check_percentile(ns, cnt, 99, latency.p99_ns);
		assert_int_equal(latency.max_ns, ns[cnt - 1]);
		assert_int_equal(latency.sum_ns, sum);
		assert_int_equal(latency.cnt, cnt);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_length_lies_in_its_bucket),
		cmocka_unit_test(the_longest_time_there_is_fits),
		cmocka_unit_test(the_edges_rise),
		cmocka_unit_test_setup(without_stretches_all_is_zero, setup),
		cmocka_unit_test_setup(one_stretch_is_every_percentile, setup),
		cmocka_unit_test_setup(the_slow_ones_show_in_the_last_percent, setup),
		cmocka_unit_test_setup(waits_of_a_wake_up_are_counted_apart, setup),
		cmocka_unit_test(percentiles_are_those_of_the_sorted_stretches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
