// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_table_accounts.c - the table `accounts`: rows that sum as the accounts do, tenants by name. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/table_accounts.h"

#include "report_fixture.h"

#define ROWS_MAX 128

struct seen {
	char account[16], item[32];
	uint32_t pid;
	uint64_t ns;
};

static struct report_fixture fixture;
static struct seen rows[ROWS_MAX];
static unsigned int row_cnt, rows_allowed;
static bool failed;

static const void *member(const struct table_col *cols, const void *row, const char *name)
{
	for (; cols->name; cols++)
		if (!strcmp(cols->name, name))
			return (const char *)row + cols->off;
	fail_msg("no column %s", name);
	return NULL;
}

static int keep(void *ctx, const struct table_col *cols, const void *row)
{
	struct seen *s = &rows[row_cnt];

	if (row_cnt == rows_allowed && !failed) { /* once: who goes on is seen */
		failed = true;
		return -ENOSPC;
	}
	strncpy(s->account, *(const char *const *)member(cols, row, "account"),
		sizeof(s->account) - 1);
	strncpy(s->item, *(const char *const *)member(cols, row, "item"), sizeof(s->item) - 1);
	s->pid = *(const uint32_t *)member(cols, row, "pid");
	s->ns = *(const uint64_t *)member(cols, row, "ns");
	row_cnt++;
	return 0;
}

static int setup(void **state)
{
	report_fixture(&fixture);
	rows_allowed = ROWS_MAX;
	return 0;
}

static int written(void)
{
	struct table_out out = {.cols = account_cols, .sink = keep};
	int err;

	memset(rows, 0, sizeof(rows));
	row_cnt = 0;
	failed = false;
	err = write_accounts(&out, &fixture.report);
	table_out__free(&out);
	return err;
}

static uint64_t sum_of(const char *account)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < row_cnt; i++)
		sum += strcmp(rows[i].account, account) ? 0 : rows[i].ns;
	return sum;
}

static const struct seen *find(const char *account, const char *item)
{
	for (unsigned int i = 0; i < row_cnt; i++)
		if (!strcmp(rows[i].account, account) && !strcmp(rows[i].item, item))
			return &rows[i];
	return NULL;
}

static void rows_sum_to_the_totals(void **state)
{
	assert_int_equal(written(), 0);
	assert_int_equal(sum_of("budget"), fixture.report.budget.total_ns);
	assert_int_equal(sum_of("demand"), fixture.report.demand.total_ns);
	assert_int_equal(find("budget", "used")->ns, 2028 * FIXTURE_MS);
	assert_int_equal(find("budget", "lock")->ns, 1972 * FIXTURE_MS);
	assert_int_equal(find("demand", "cpus")->ns, 56 * FIXTURE_MS);
	assert_int_equal(find("budget", "others")->ns, 0); /* what is zero has a row, too */
}

/* With --in-progress sleep idle CPUs are charged to sleep: the sum would lack it. */
static void what_counts_as_in_progress_has_a_row(void **state)
{
	struct cpt_budget *b = &fixture.report.budget;

	assert_int_equal(written(), 0);
	assert_null(find("budget", "sleep"));
	b->reason_ns[CPT_REASON_SLEEP] = 500 * FIXTURE_MS;
	b->total_ns += 500 * FIXTURE_MS;
	assert_int_equal(written(), 0);
	assert_int_equal(find("budget", "sleep")->ns, 500 * FIXTURE_MS);
	assert_int_equal(sum_of("budget"), b->total_ns);
}

/* Where events were lost the pairs have rows of their own, and a limit that is none has no row. */
static void bounds_have_rows_where_something_was_lost(void **state)
{
	struct cpt_bounds *b = &fixture.report.bounds;

	assert_int_equal(written(), 0);
	assert_null(find("budget_low", "used"));
	b->accounts_open = true;
	b->budget.item_ns[CPT_BUDGET_PLACEMENT] = (struct cpt_ns_bounds){3, 50};
	b->budget.reason_ns[CPT_REASON_LOCK] = (struct cpt_ns_bounds){4, 60};
	b->demand.total_ns = (struct cpt_ns_bounds){5, UINT64_MAX};
	b->demand.item_ns[CPT_DEMAND_CPUS] = (struct cpt_ns_bounds){6, 70};
	assert_int_equal(written(), 0);
	assert_int_equal(find("budget_low", "placement")->ns, 3);
	assert_int_equal(find("budget_high", "placement")->ns, 50);
	assert_int_equal(find("budget_low", "lock")->ns, 4);
	assert_int_equal(find("demand_low", "total")->ns, 5);
	assert_null(find("demand_high", "total"));
	assert_int_equal(find("demand_high", "cpus")->ns, 70);
	assert_null(find("budget_low", "unknown"));
	assert_null(find("budget_low", "sleep"));
	assert_int_equal(sum_of("budget"), fixture.report.budget.total_ns);
}

static void tenants_are_named_and_the_rest_is_one_row(void **state)
{
	fixture.close.tenant_cnt = 2;
	fixture.close.tenants[0] = (struct cpt_tenant){.pid = 7, .name = "hog", .cpu_ns = 900};
	fixture.close.tenants[1] = (struct cpt_tenant){.pid = 8, .name = "other", .cpu_ns = 80};
	fixture.close.tenants_rest_ns = 0;
	assert_int_equal(written(), 0);
	assert_int_equal(sum_of("tenants"), 980);
	assert_int_equal(find("tenants", "hog")->pid, 7);
	assert_int_equal(find("tenants", "other")->pid, 8);
	assert_int_equal(rows[row_cnt - 1].pid, 8); /* nothing is left to be summed */
	fixture.close.tenants_rest_ns = 5;
	assert_int_equal(written(), 0);
	assert_int_equal(sum_of("tenants"), 985);
	assert_int_equal(rows[row_cnt - 1].pid, 0);
	assert_string_equal(rows[row_cnt - 1].item, "other");
}

static void where_nobody_looked_there_are_no_tenants(void **state)
{
	assert_int_equal(written(), 0);
	assert_int_equal(sum_of("tenants"), 0);
	assert_null(find("tenants", "other"));
	fixture.report.close_facts = NULL;
	assert_int_equal(written(), 0);
	assert_null(find("tenants", "other"));
}

/* Wherever it happens. */
static void a_failed_write_ends_the_table(void **state)
{
	fixture.close.tenant_cnt = 1;
	fixture.close.tenants[0] = (struct cpt_tenant){.pid = 7, .name = "hog", .cpu_ns = 900};
	fixture.close.tenants_rest_ns = 5;
	assert_int_equal(written(), 0);
	for (unsigned int all = row_cnt; all-- > 0;) {
		rows_allowed = all;
		assert_int_equal(written(), -ENOSPC);
		assert_int_equal(row_cnt, all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(rows_sum_to_the_totals, setup),
		cmocka_unit_test_setup(what_counts_as_in_progress_has_a_row, setup),
		cmocka_unit_test_setup(bounds_have_rows_where_something_was_lost, setup),
		cmocka_unit_test_setup(tenants_are_named_and_the_rest_is_one_row, setup),
		cmocka_unit_test_setup(where_nobody_looked_there_are_no_tenants, setup),
		cmocka_unit_test_setup(a_failed_write_ends_the_table, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
