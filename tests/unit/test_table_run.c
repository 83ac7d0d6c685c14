// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_table_run.c - the tables `run`, `limits`, `latency` and `ceilings`: the report's own figures, and none
 * where nothing is known. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/words.h"
#include "collector/table_run.h"

#include "report_fixture.h"

#define ROWS_MAX  8
#define COLS_MAX  64
#define FIELD_LEN 200

/* Rows as text, to be asked by column. */
struct seen {
	char text[COLS_MAX][FIELD_LEN];
};

static struct report_fixture fixture;
static const struct table_col *seen_cols;
static struct seen rows[ROWS_MAX];
static unsigned int row_cnt, rows_allowed;
static const char *note;

static void keep_field(char *text, const struct table_col *col, const void *row)
{
	const char *field = (const char *)row + col->off;

	switch (col->type) {
	case TABLE_U32:
		snprintf(text, FIELD_LEN, "%u", *(const uint32_t *)field);
		break;
	case TABLE_U64:
		snprintf(text, FIELD_LEN, "%llu", *(const unsigned long long *)field);
		break;
	case TABLE_DOUBLE:
		snprintf(text, FIELD_LEN, "%.4f", *(const double *)field);
		break;
	case TABLE_BOOL:
		snprintf(text, FIELD_LEN, "%d", *(const bool *)field);
		break;
	case TABLE_STRING:
		snprintf(text, FIELD_LEN, "%s",
			 *(const char *const *)field ? *(const char *const *)field : "(none)");
		break;
	case TABLE_U16:
	case TABLE_ROUNDED:
	case TABLE_COMM:
		fail_msg("no such column here: %s", col->name);
	}
}

static int keep(void *ctx, const struct table_col *cols, const void *row)
{
	if (row_cnt == rows_allowed)
		return -ENOSPC;
	for (int i = 0; cols[i].name; i++) {
		assert_true(i < COLS_MAX);
		keep_field(rows[row_cnt].text[i], &cols[i], row);
	}
	row_cnt++;
	(void)ctx;
	return 0;
}

static int written(const struct table_col *cols,
		   int (*write)(struct table_out *, const struct cpt_report *))
{
	struct table_out out = {.cols = seen_cols = cols, .sink = keep, .note = note};
	int err;

	memset(rows, 0, sizeof(rows));
	row_cnt = 0;
	err = write(&out, &fixture.report);
	table_out__free(&out);
	return err;
}

static const char *field(unsigned int row, const char *name)
{
	assert_true(row < row_cnt);
	for (int i = 0; seen_cols[i].name; i++)
		if (!strcmp(seen_cols[i].name, name))
			return rows[row].text[i];
	fail_msg("no column %s", name);
	return NULL;
}

static int setup(void **state)
{
	report_fixture(&fixture);
	rows_allowed = ROWS_MAX;
	note = NULL;
	return 0;
}

static void a_run_is_one_row_with_its_bound(void **state)
{
	assert_int_equal(written(run_cols, write_run), 0);
	assert_int_equal(row_cnt, 1);
	assert_string_equal(field(0, "command"), "./app --workers 4");
	assert_string_equal(field(0, "filters"), "(none)");
	assert_string_equal(field(0, "work_ns"), "2028000000");
	assert_string_equal(field(0, "span_ns"), "1992000000");
	assert_string_equal(field(0, "span_parallelism"), "1.0181");
	assert_string_equal(field(0, "speedup_bound"), "1.0040");
	assert_string_equal(field(0, "effective"), "0.0000");
	assert_string_equal(field(0, "critical_path_known_ns"), "2000000000");
}

static void a_run_has_the_bounds_of_its_figures(void **state)
{
	struct cpt_bounds *b = &fixture.report.bounds;

	b->cpu_time_ns = (struct cpt_ns_bounds){100, 200};
	b->parallel_average = (struct cpt_real_bounds){0.5, 1.5};
	b->tlp = (struct cpt_real_bounds){1.25, 1.75};
	b->concurrent_average = (struct cpt_real_bounds){2, INFINITY};
	assert_int_equal(written(run_cols, write_run), 0);
	assert_string_equal(field(0, "cpu_time_low_ns"), "100");
	assert_string_equal(field(0, "cpu_time_high_ns"), "200");
	assert_string_equal(field(0, "parallelism_low"), "0.5000");
	assert_string_equal(field(0, "parallelism_high"), "1.5000");
	assert_string_equal(field(0, "tlp_low"), "1.2500");
	assert_string_equal(field(0, "tlp_high"), "1.7500");
	assert_string_equal(field(0, "concurrency_low"), "2.0000");
	assert_string_equal(field(0, "concurrency_high"), "-1.0000");
}

static void what_is_not_known_of_a_part_is_0(void **state)
{
	struct cpt_sites sites = {.samples = 100, .effective = 0.75};

	fixture.report.filtered = CPT_FILTERED_TIME;
	fixture.report.sites = &sites;
	note = "only from 0.5 s on";
	assert_int_equal(written(run_cols, write_run), 0);
	assert_string_equal(field(0, "filters"), note);
	assert_string_equal(field(0, "speedup_bound"), "0.0000");
	assert_string_equal(field(0, "span_parallelism"), "0.0000");
	assert_string_equal(field(0, "effective"), "0.7500");
}

static void limits_are_those_of_the_verdict_in_order(void **state)
{
	struct cpt_report *r = &fixture.report;

	r->budget.item_ns[CPT_BUDGET_QUOTA] = 500 * FIXTURE_MS;
	assert_int_equal(written(limit_cols, write_limits), 0);
	assert_int_equal(row_cnt, 2);
	assert_string_equal(field(0, "rank"), "1");
	assert_string_equal(field(0, "cause"), "lock");
	assert_string_equal(field(0, "cost_ns"), "1972000000");
	assert_string_equal(field(0, "account"), "budget");
	assert_non_null(strstr(field(0, "evidence"), "waits of 5.86 s in all"));
	assert_string_equal(field(0, "look_at"), "(none)");
	assert_string_equal(field(1, "rank"), "2");
	assert_string_equal(field(1, "cause"), "quota");
	assert_non_null(strstr(field(1, "look_at"), "cpu.max"));
}

static void where_no_limit_can_be_named_there_is_none(void **state)
{
	fixture.report.class_ns[CPT_CLASS_UNKNOWN] = fixture.report.window_ns;
	fixture.report.budget.item_ns[CPT_BUDGET_UNKNOWN] = 4000 * FIXTURE_MS;
	assert_int_equal(written(limit_cols, write_limits), 0);
	assert_int_equal(row_cnt, 0);
}

static void latency_has_a_row_per_kind(void **state)
{
	struct cpt_latency *l = &fixture.report.latency[CPT_READY_PREEMPT];

	*l = (struct cpt_latency){.cnt = 9,
				  .sum_ns = 700,
				  .p50_ns = 50,
				  .p99_ns = 300,
				  .max_ns = 310,
				  .migrated = 4,
				  .short_cnt = 8,
				  .short_ns = 390};
	assert_int_equal(written(latency_cols, write_latency), 0);
	assert_int_equal(row_cnt, CPT_READY_CNT);
	assert_string_equal(field(0, "after"), "after_wakeup");
	assert_string_equal(field(0, "count"), "0");
	assert_string_equal(field(1, "after"), "after_preemption");
	assert_string_equal(field(1, "count"), "9");
	assert_string_equal(field(1, "sum_ns"), "700");
	assert_string_equal(field(1, "p50_ns"), "50");
	assert_string_equal(field(1, "p99_ns"), "300");
	assert_string_equal(field(1, "max_ns"), "310");
	assert_string_equal(field(1, "migrated"), "4");
	assert_string_equal(field(1, "short_count"), "8");
	assert_string_equal(field(1, "short_ns"), "390");
}

static void a_possible_ceiling_is_not_certain(void **state)
{
	struct cpt_ceiling found[] = {
		{.kind = CPT_CEILING_GIL,
		 .symbol = (char *)"_PyRuntime",
		 .module = (char *)"python3"},
		{.kind = CPT_CEILING_ONE_OF_N,
		 .word_kind = CPT_WORD_SEM,
		 .addr = 0x5580,
		 .symbol = (char *)"",
		 .module = (char *)"",
		 .turns = 77,
		 .overlap_ns = 3},
	};

	fixture.report.ceilings = found;
	fixture.report.ceilings_cnt = 2;
	assert_int_equal(written(ceiling_cols, write_ceilings), 0);
	assert_int_equal(row_cnt, 2);
	assert_string_equal(field(0, "kind"), "cpython_gil");
	assert_string_equal(field(0, "certain"), "1");
	assert_string_equal(field(0, "symbol"), "_PyRuntime");
	assert_string_equal(field(1, "kind"), "one_of_n");
	assert_string_equal(field(1, "certain"), "0");
	assert_string_equal(field(1, "symbol"), "(none)");
	assert_string_equal(field(1, "address"), "0x5580");
	assert_string_equal(field(1, "turns"), "77");
	assert_string_equal(field(1, "overlap_ns"), "3");
}

static void a_failed_write_is_told(void **state)
{
	struct cpt_ceiling found[2] = {{.symbol = (char *)"", .module = (char *)""},
				       {.symbol = (char *)"", .module = (char *)""}};

	fixture.report.ceilings = found;
	fixture.report.ceilings_cnt = 2;
	for (rows_allowed = 0; rows_allowed < 2; rows_allowed++) {
		assert_int_equal(written(run_cols, write_run), rows_allowed ? 0 : -ENOSPC);
		assert_int_equal(written(limit_cols, write_limits), rows_allowed ? 0 : -ENOSPC);
		assert_int_equal(written(latency_cols, write_latency), -ENOSPC);
		assert_int_equal(written(ceiling_cols, write_ceilings), -ENOSPC);
		assert_int_equal(row_cnt, rows_allowed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_run_is_one_row_with_its_bound, setup),
		cmocka_unit_test_setup(a_run_has_the_bounds_of_its_figures, setup),
		cmocka_unit_test_setup(what_is_not_known_of_a_part_is_0, setup),
		cmocka_unit_test_setup(limits_are_those_of_the_verdict_in_order, setup),
		cmocka_unit_test_setup(where_no_limit_can_be_named_there_is_none, setup),
		cmocka_unit_test_setup(latency_has_a_row_per_kind, setup),
		cmocka_unit_test_setup(a_possible_ceiling_is_not_certain, setup),
		cmocka_unit_test_setup(a_failed_write_is_told, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
