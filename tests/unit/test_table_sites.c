// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_table_sites.c - the tables `sites` and `path`: rows by stack, threads that sum to the path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/table_path.h"
#include "collector/table_sites.h"
#include "report_fixture.h"
#include "table_text.h"

static void stacks_are_read_from_the_outermost_frame_on(void **state)
{
	const struct cpt_frame frames[2] = {{.symbol = "leaf", .module = "app", .file = ""},
					    {.symbol = "odd;name", .module = "app", .file = ""}};
	struct cpt_stacks *table = stacks__new();
	char names[1][CPT_COMM_LEN] = {"worker"};
	struct cpt_site at[2] = {
		{.user = 1,
		 .reason = CPT_REASON_LOCK,
		 .waits = 3,
		 .wait_ns = 500,
		 .lost_ns = 249.6},
		{.reason = CPT_REASON_CNT, .samples = 7, .spins = 2, .latency = 3.5}};
	struct cpt_sites sites = {
		.stacks = true, .table = table, .names = names, .name_cnt = 1, .at = at, .cnt = 2};
	const struct cpt_report r = {.sites = &sites};
	char *text;

	assert_non_null(table);
	assert_int_equal(stacks__add(table, frames, 2), 1);
	text = table_text(site_cols, write_sites, &r, false);
	assert_string_equal(
		text, "name,reason,waits,wait_ns,lost_ns,samples,spins,latency,user,kernel\r\n"
		      "worker,lock,3,500,250,0,0,0,odd:name;leaf,\r\n"
		      "worker,running,0,0,0,7,2,3.5,,\r\n");
	free(text);
	stacks__free(table);
	(void)state;
}

static void without_stacks_there_are_no_rows(void **state)
{
	const struct cpt_report r = {0};
	char *text = table_text(site_cols, write_sites, &r, false);

	assert_null(strchr(strchr(text, '\n') + 1, '\n'));
	free(text);
	(void)state;
}

static void threads_of_the_path_sum_to_it(void **state)
{
	struct report_fixture f;
	uint64_t sum = 0;
	char *text, *line;

	report_fixture(&f);
	text = table_text(path_cols, write_path, &f.report, false);
	line = strchr(text, '\n') + 1;
	for (; *line; line = strchr(line, '\n') + 1) {
		unsigned int id, tid, pid;
		char name[CPT_COMM_LEN];
		uint64_t total;

		assert_int_equal(
			sscanf(line, "%u,%u,%u,%15[^,],%lu", &id, &tid, &pid, name, &total), 5);
		sum += total;
	}
	assert_int_equal(sum, f.report.path.length_ns - f.report.path.absent_ns);
	free(text);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_are_read_from_the_outermost_frame_on),
		cmocka_unit_test(without_stacks_there_are_no_rows),
		cmocka_unit_test(threads_of_the_path_sum_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
