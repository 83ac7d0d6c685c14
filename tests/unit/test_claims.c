// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_claims.c - the length of a union of intervals, against a line drawn ns by ns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/claims.h"
#include "tests/properties/rng.h"

#define LINE 4096

static struct claims claims;
static bool line[LINE];

static int setup(void **state)
{
	memset(&claims, 0, sizeof(claims));
	memset(line, 0, sizeof(line));
	return 0;
}

static uint64_t drawn(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < LINE; i++)
		sum += line[i];
	return sum;
}

static void claim(uint64_t from, uint64_t to)
{
	claims__add(&claims, from, to, 1, 1);
	for (uint64_t i = from; i < to; i++)
		line[i] = true;
}

/* Disjoint, in order, none covered beyond its length, and all together what they say. */
static void check_stack(void)
{
	assert_in_range(claims.cnt, 0, CLAIMS_MAX);
	for (uint32_t i = 0; i < claims.cnt; i++) {
		assert_true(claims.at[i].from < claims.at[i].to);
		assert_true(claims.at[i].covered <= claims.at[i].to - claims.at[i].from);
		assert_true(!i || claims.at[i - 1].to <= claims.at[i].from);
	}
}

static void what_is_claimed_twice_counts_once(void **state)
{
	claim(10, 20);
	assert_int_equal(claims.covered, 10);
	claim(15, 30);
	assert_int_equal(claims.covered, 20);
	claim(12, 18);
	assert_int_equal(claims.covered, 20);
	claim(0, 40);
	assert_int_equal(claims.covered, 40);
	check_stack();
}

static void neighbours_stay_apart_and_lose_nothing(void **state)
{
	claim(10, 20);
	claim(20, 30);
	claim(40, 50);
	claim(30, 40);
	assert_int_equal(claims.covered, 40);
	assert_int_equal(claims.cnt, 4);
	check_stack();
}

static void nothing_is_claimed_by_an_empty_interval_or_share(void **state)
{
	claims__add(&claims, 10, 10, 1, 1);
	claims__add(&claims, 20, 10, 1, 1);
	claims__add(&claims, 10, 20, 0, 3);
	assert_int_equal(claims.covered, 0);
	assert_int_equal(claims.cnt, 0);
}

/* A third of 90 is 30; of the 60 that are left a half is 30 more. */
static void a_share_is_of_what_is_not_covered_yet(void **state)
{
	claims__add(&claims, 0, 90, 1, 3);
	assert_int_equal(claims.covered, 30);
	claims__add(&claims, 0, 90, 1, 2);
	assert_int_equal(claims.covered, 60);
	claims__add(&claims, 0, 90, 1, 1);
	assert_int_equal(claims.covered, 90);
	check_stack();
}

/* Nobody knows where in it: half of an interval of which a third is covered has a sixth. */
static void part_of_a_shared_interval_is_covered_by_proportion(void **state)
{
	claims__add(&claims, 0, 90, 1, 3);
	claims__add(&claims, 45, 135, 1, 1);
	assert_int_equal(claims.covered, 30 + 90 - 15);
	check_stack();
}

/* Products of times of weeks do not fit 64 bits. */
static void long_times_do_not_overflow(void **state)
{
	const uint64_t week = UINT64_C(7) * 86400 * 1000000000;

	claims__add(&claims, 0, 8 * week, week, 4 * week);
	assert_int_equal(claims.covered, 2 * week);
	claims__add(&claims, 4 * week, 12 * week, 1, 1);
	assert_int_equal(claims.covered, 2 * week + 8 * week - week);
}

/* Any order, as long as the stack holds them all. */
static void random_intervals_cover_what_the_line_shows(void **state)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct rng rng = {seed};

		setup(state);
		for (int i = 0; i < CLAIMS_MAX; i++) {
			const uint32_t from = rng_below(&rng, LINE - 1);
			const uint32_t room = LINE - from;

			claim(from, from + 1 + rng_below(&rng, room < 200 ? room : 200));
			assert_int_equal(claims.covered, drawn());
			check_stack();
		}
	}
}

/* With more of them than the stack holds, the oldest are folded: nothing is lost while what comes reaches
 * back over all of those or none. */
static void a_full_stack_loses_nothing_behind_its_end(void **state)
{
	for (uint64_t i = 0; i < 10 * CLAIMS_MAX; i++) {
		claim(6 * i, 6 * i + 4);
		assert_int_equal(claims.covered, drawn());
		check_stack();
	}
	assert_int_equal(claims.cnt, CLAIMS_MAX);
	claim(0, LINE);
	assert_int_equal(claims.covered, LINE);
	assert_int_equal(claims.cnt, 1);
}

/* CPUs that claim back to where each went off, some of them far, while the others fill the stack again and again. */
static void what_is_to_come_is_told_apart_in_a_full_stack(void **state)
{
	enum { CPUS = 8 };
	uint32_t folds = 0;

	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct rng rng = {seed};
		uint64_t off[CPUS] = {0};
		uint32_t now = 0;

		setup(state);
		while ((now += 1 + rng_below(&rng, 8)) < LINE) {
			/* The last ones stay away for long. */
			const uint32_t cpu =
				rng_percent(&rng, 98) ? rng_below(&rng, 2) : rng_below(&rng, CPUS);
			uint64_t apart = 0;

			if (claims__full(&claims)) {
				for (uint32_t i = 0; i < CPUS; i++)
					apart |= claims__apart(&claims, off[i]);
				claims__fold(&claims, apart);
				folds++;
			}
			/* It idled, or others held it. */
			if (rng_percent(&rng, 60))
				claim(off[cpu], now);
			off[cpu] = now + rng_below(&rng, 3);
			assert_int_equal(claims.covered, drawn());
			check_stack();
		}
	}
	assert_true(folds > 100);
}

static void neighbours_that_nothing_parts_become_one(void **state)
{
	for (uint64_t i = 0; i < CLAIMS_MAX; i++)
		claim(10 * i, 10 * i + 5);
	assert_true(claims__full(&claims));
	assert_int_equal(claims__apart(&claims, 10), 1 << 1);
	assert_int_equal(claims__apart(&claims, 15), 1 << 2);
	assert_int_equal(claims__apart(&claims, 12), 1 << 1 | 1 << 2);
	assert_int_equal(claims__apart(&claims, 10 * CLAIMS_MAX), 0);
	claims__fold(&claims, claims__apart(&claims, 17) | claims__apart(&claims, 32));
	assert_int_equal(claims.cnt, CLAIMS_MAX / 2);
	assert_int_equal(claims.at[0].from, 0);
	assert_int_equal(claims.at[0].to, 15);
	assert_int_equal(claims.at[0].covered, 10);
	assert_int_equal(claims.at[1].from, 20);
	assert_int_equal(claims.at[1].to, 25);
	assert_int_equal(claims.at[2].from, 30);
	assert_int_equal(claims.at[2].to, 35);
	check_stack();
	claims__fold(&claims, UINT64_MAX);
	assert_int_equal(claims.cnt, CLAIMS_MAX / 2);
}

static void room_that_is_not_there_is_not_looked_for_each_time(void **state)
{
	uint64_t i;

	for (i = 0; i < CLAIMS_MAX; i++)
		claim(10 * i, 10 * i + 5);
	assert_true(claims__full(&claims));
	claims__fold(&claims, UINT64_MAX);
	assert_int_equal(claims.cnt, CLAIMS_MAX);
	for (; i < 2 * CLAIMS_MAX; i++) {
		assert_false(claims__full(&claims));
		claim(10 * i, 10 * i + 5);
		check_stack();
	}
	assert_true(claims__full(&claims));
	claims__fold(&claims, 0);
	assert_int_equal(claims.cnt, CLAIMS_MAX / 2);
	assert_int_equal(claims.covered, drawn());
}

/* A late one before them all, with the stack full, joins the oldest. */
static void a_late_interval_joins_the_oldest(void **state)
{
	for (uint64_t i = 1; i <= CLAIMS_MAX; i++)
		claim(10 * i, 10 * i + 5);
	claim(0, 5);
	assert_int_equal(claims.covered, drawn());
	assert_int_equal(claims.at[0].from, 0);
	assert_int_equal(claims.at[0].covered, 10);
	check_stack();
	claim(0, 20);
	assert_int_equal(claims.covered, drawn());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_claimed_twice_counts_once, setup),
		cmocka_unit_test_setup(neighbours_stay_apart_and_lose_nothing, setup),
		cmocka_unit_test_setup(nothing_is_claimed_by_an_empty_interval_or_share, setup),
		cmocka_unit_test_setup(a_share_is_of_what_is_not_covered_yet, setup),
		cmocka_unit_test_setup(part_of_a_shared_interval_is_covered_by_proportion, setup),
		cmocka_unit_test_setup(long_times_do_not_overflow, setup),
		cmocka_unit_test_setup(random_intervals_cover_what_the_line_shows, setup),
		cmocka_unit_test_setup(a_full_stack_loses_nothing_behind_its_end, setup),
		cmocka_unit_test_setup(a_late_interval_joins_the_oldest, setup),
		cmocka_unit_test_setup(neighbours_that_nothing_parts_become_one, setup),
		cmocka_unit_test_setup(room_that_is_not_there_is_not_looked_for_each_time, setup),
		cmocka_unit_test_setup(what_is_to_come_is_told_apart_in_a_full_stack, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
