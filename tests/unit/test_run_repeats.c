// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_run_repeats.c - what `run -r` says of its runs, and what that leaves open where records were lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/run_repeats.h"

#define S UINT64_C(1000000000)

static void add(struct repeats *r, uint32_t number, double average, double low, double high)
{
	struct cpt_report report = {.window_ns = 2 * S, .parallel_average = average};
	struct cpt_bounds *b = &report.bounds;

	report.class_ns[CPT_CLASS_PARALLEL] = S;
	b->window_ns = (struct cpt_ns_bounds){2 * S, high > average ? 4 * S : 2 * S};
	b->parallel_average = (struct cpt_real_bounds){low, high};
	b->class_ns[CPT_CLASS_PARALLEL] = (struct cpt_ns_bounds){S, S};
	assert_int_equal(repeats__add(r, &report, number), 0);
}

static void whole_runs_have_no_bounds(void **state)
{
	struct repeats r = {0};
	struct strbuf out = {0};

	add(&r, 1, 1.5, 1.5, 1.5);
	add(&r, 2, 1.2, 1.2, 1.2);
	add(&r, 3, 1.8, 1.8, 1.8);
	assert_int_equal(repeats__median(&r), 1);
	repeats__summary(&r, &out, false);
	assert_string_equal(strbuf__str(&out),
			    "3 runs, median (from the least to the most):\n"
			    "   parallel             50.0 %  (50.0 % to 50.0 %)\n"
			    "   average parallelism  1.50  (1.20 to 1.80)\n"
			    "   time                 2.00 s  (2.00 s to 2.00 s)\n");
	strbuf__free(&out);
	repeats__free(&r);
}

/* The median of the lows and that of the highs, which need not be of one run. */
static void a_loss_in_a_run_is_one_of_the_median(void **state)
{
	struct repeats r = {0};
	struct strbuf out = {0};
	json_t *json, *bounds;

	add(&r, 1, 1.5, 1.0, 1.9);
	add(&r, 2, 1.2, 1.2, 1.2);
	add(&r, 3, 1.8, 1.8, 1.8);
	repeats__summary(&r, &out, false);
	assert_non_null(strstr(strbuf__str(&out), "average parallelism  1.50 [1.20, 1.80]  "
						  "(1.20 [1.00, 1.20] to 1.80 [1.80, 1.90])"));
	assert_non_null(strstr(strbuf__str(&out), "parallel             50.0 %  "
						  "(50.0 % [25.0 %, 50.0 %] to 50.0 %)"));
	assert_non_null(strstr(strbuf__str(&out), "time                 2.00 s  "
						  "(2.00 s to 2.00 s [2.00 s, 4.00 s])"));
	json = repeats__json(&r);
	assert_non_null(json);
	bounds = json_object_get(json_object_get(json_object_get(json, "average"), "bounds"),
				 "median");
	assert_true(json_real_value(json_array_get(bounds, 0)) == 1.2);
	assert_true(json_real_value(json_array_get(bounds, 1)) == 1.8);
	json_decref(json);
	strbuf__free(&out);
	repeats__free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_runs_have_no_bounds),
		cmocka_unit_test(a_loss_in_a_run_is_one_of_the_median),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
