// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_json_report.c - the report for programs: keys and their order, figures, hostile strings; and the
 * tables of export. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/export_tables.h"
#include "collector/json_report.h"
#include "collector/strbuf.h"

#include "report_fixture.h"
#include "report_said.h"
#include "table_text.h"

static struct report_fixture fixture;

static int setup(void **state)
{
	report_fixture(&fixture);
	return 0;
}

static int keep_piece(void *ctx, const char *s, size_t sz)
{
	strbuf__add(ctx, s, sz);
	return 0;
}

/* The report as a reader of its text finds it. The caller releases it. */
static json_t *round_trip(void)
{
	json_t *built = json_report__build(&fixture.report), *read;
	struct strbuf text = {0};
	char *again;

	assert_non_null(built);
	assert_int_equal(json_report__write(built, &fixture.report, keep_piece, &text), 0);
	assert_false(text.failed);
	read = json_loads(strbuf__str(&text), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(read);
	/* Rows that are put in one by one look like those that were there. */
	again = json_report__dump(read);
	assert_non_null(again);
	assert_int_equal(text.s[text.len - 1], '\n');
	text.s[text.len - 1] = '\0';
	assert_string_equal(text.s, again);
	free(again);
	strbuf__free(&text);
	json_decref(built);
	return read;
}

static void assert_order(const json_t *object, const char *const *keys)
{
	const char *key, *found;
	json_t *value, *any = (json_t *)object;

	json_object_foreach(any, key, value)
	{
		found = *keys ? *keys : "";
		if (!*keys)
			return; /* keys may be added behind */
		assert_string_equal(key, found);
		keys++;
	}
	assert_null(*keys);
}

static void keys_stand_in_the_order_of_the_contract(void **state)
{
	static const char *const top[] = {"schema",
					  "cpartrace_version",
					  "command",
					  "root_pid",
					  "exit",
					  "started_at",
					  "kernel",
					  "hostname",
					  "window_start_ns",
					  "window_ns",
					  "cpu_time_ns",
					  "cpus",
					  "tasks",
					  "ledger_ns",
					  "parallelism",
					  "concurrency",
					  "threads",
					  "overlap",
					  "locks",
					  "verdict",
					  "data_quality",
					  NULL};
	static const char *const ledger[] = {
		"parallel",	  "concurrent",	      "serial",	      "idle",	    "unknown",
		"parallel_split", "concurrent_split", "serial_split", "idle_split", NULL};
	static const char *const thread[] = {
		"id",	      "tid",	     "pid",	     "name",	   "command",
		"life_ns",    "running_ns",  "runnable_ns",  "unknown_ns", "waiting_ns",
		"parked_ns",  "parallel_ns", "alone_ns",     "bottle",	   "switches",
		"migrations", "cpus_used",   "alive_at_end", NULL};
	json_t *r = round_trip();

	assert_order(r, top);
	assert_order(json_object_get(r, "ledger_ns"), ledger);
	assert_order(json_array_get(json_object_get(r, "threads"), 0), thread);
	assert_int_equal(number(json_object_get(r, "budget_ns"), "lock"), 1972 * FIXTURE_MS);
	assert_int_equal(number(json_object_get(r, "demand_ns"), "cpus"), 56 * FIXTURE_MS);
	assert_null(json_object_get(r, "tenants"));
	json_decref(r);
}

static void figures_are_the_reports(void **state)
{
	json_t *r = round_trip(), *t, *o;

	assert_int_equal(number(r, "schema"), 1);
	assert_int_equal(number(r, "window_ns"), 2000 * FIXTURE_MS);
	assert_int_equal(number(r, "window_start_ns"), FIXTURE_START_NS);
	assert_int_equal(number(json_object_get(r, "exit"), "code"), 0);
	assert_string_equal(json_string_value(json_object_get(r, "started_at")),
			    "2026-01-02T03:04:05.123456Z");
	o = json_object_get(r, "parallelism");
	assert_true(json_is_null(json_object_get(o, "effective")));
	assert_true(json_real_value(json_object_get(o, "average")) == 1.014);
	assert_int_equal(json_array_size(json_object_get(o, "profile_ns")), 3);
	assert_true(json_is_null(json_object_get(json_object_get(r, "cpus"), "quota_cpus")));
	t = json_array_get(json_object_get(r, "threads"), 1);
	assert_int_equal(number(json_object_get(t, "waiting_ns"), "lock"), 14655 * FIXTURE_MS / 10);
	assert_int_equal(json_object_size(json_object_get(t, "waiting_ns")), 1);
	assert_int_equal(json_object_size(json_object_get(t, "parked_ns")), 0);
	o = json_object_get(r, "data_quality");
	assert_true(json_is_null(json_object_get(o, "steal_ns")));
	assert_true(json_is_null(json_object_get(json_object_get(o, "audit"), "cpu_time_error")));
	assert_int_equal(json_array_size(json_object_get(o, "warnings")), 0);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(r, "verdict"), "class")),
		"concurrent");
	json_decref(r);
}

static void splits_sum_to_their_classes(void **state)
{
	static const char *const classes[] = {"parallel", "concurrent", "serial", "idle"};
	json_t *r = round_trip(), *ledger = json_object_get(r, "ledger_ns"), *value;
	char name[32];
	const char *key;
	size_t i;

	for (i = 0; i < 4; i++) {
		json_int_t sum = 0;

		snprintf(name, sizeof(name), "%s_split", classes[i]);
		json_object_foreach(json_object_get(ledger, name), key, value) sum +=
			json_integer_value(value);
		assert_int_equal(sum, number(ledger, classes[i]));
	}
	json_decref(r);
}

static void an_end_by_signal_or_unknown_is_said(void **state)
{
	json_t *r;

	fixture.close.exit_kind = CPT_EXIT_SIGNAL;
	fixture.close.exit_value = 9;
	r = round_trip();
	assert_int_equal(number(json_object_get(r, "exit"), "signal"), 9);
	json_decref(r);
	fixture.report.close_facts = NULL;
	r = round_trip();
	assert_null(json_object_get(r, "exit"));
	json_decref(r);
}

static void hostile_strings_become_valid(void **state)
{
	json_t *r, *t;

	memcpy(fixture.threads[0].name,
	       "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\x80\x81\x82\x83\x84\x85\x86", 16);
	strcpy(fixture.threads[1].name, "\033]0;x\007\n\"\\");
	fixture.threads[2].command = "caf\xc3\xa9 \xe2\x82";
	fixture.argv[1] = (char *)"\xed\xa0\x80";
	r = round_trip();
	t = json_object_get(r, "threads");
	assert_int_equal(strlen(json_string_value(json_object_get(json_array_get(t, 0), "name"))),
			 15 * 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(t, 1), "name")),
			    "\033]0;x\007\n\"\\");
	assert_string_equal(json_string_value(json_object_get(json_array_get(t, 2), "command")),
			    "caf\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(json_string_value(json_array_get(json_object_get(r, "command"), 1)),
			    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	json_decref(r);
}

static void warnings_are_listed(void **state)
{
	json_t *r, *w;

	fixture.report.quality.lost_located = 3;
	fixture.report.quality.lost_other = 4;
	fixture.report.quality.incomplete = true;
	fixture.report.quality.incomplete_why = "cut at \xff";
	r = round_trip();
	assert_int_equal(number(json_object_get(r, "data_quality"), "lost_events"), 7);
	w = json_object_get(json_object_get(r, "data_quality"), "warnings");
	assert_int_equal(json_array_size(w), 2);
	assert_string_equal(json_string_value(json_array_get(w, 0)),
			    "the trace is not whole: cut at \xef\xbf\xbd");
	json_decref(r);
}

/* ---- tables -------------------------------------------------------------------------------- */

/* What export writes of a table of the report. The caller frees it. */
static char *exported(const struct export_table *table, bool jsonl)
{
	return table_text(table->cols, table->write, &fixture.report, jsonl);
}

static void csv_is_quoted_by_rfc_4180(void **state)
{
	char *text;

	strcpy(fixture.threads[0].name, "a,\"b\"\n\xff");
	text = exported(&export_tables[0], false);
	assert_memory_equal(text, "id,tid,pid,ns_tid,parent,name,", 30);
	assert_non_null(
		strstr(text, "\r\n1,4001,4001,4001,0,\"a,\"\"b\"\"\\n\\xff\",./app --workers 4,"));
	free(text);
}

static void json_lines_are_objects_of_all_columns(void **state)
{
	const struct table_col *col;
	char *text, *line, *rest;
	size_t rows = 0, cols = 0;

	for (col = export_tables[0].cols; col->name; col++)
		cols++;
	strcpy(fixture.threads[0].name, "a\"\\\n\x7f\xff");
	text = exported(&export_tables[0], true);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		json_t *row = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

		assert_non_null(row);
		assert_int_equal(json_object_size(row), cols);
		if (!rows++)
			assert_string_equal(json_string_value(json_object_get(row, "name")),
					    "a\"\\\n\x7f\xef\xbf\xbd");
		json_decref(row);
	}
	assert_int_equal(rows, 5);
	free(text);
}

static void a_write_that_fails_is_noticed(void **state)
{
	struct table_out out = {.cols = export_tables[0].cols};

	out.f = fopen("/dev/full", "w");
	assert_non_null(out.f);
	setbuf(out.f, NULL);
	assert_true(table_out__head(&out) < 0);
	fclose(out.f);
	table_out__free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(keys_stand_in_the_order_of_the_contract, setup),
		cmocka_unit_test_setup(figures_are_the_reports, setup),
		cmocka_unit_test_setup(splits_sum_to_their_classes, setup),
		cmocka_unit_test_setup(an_end_by_signal_or_unknown_is_said, setup),
		cmocka_unit_test_setup(hostile_strings_become_valid, setup),
		cmocka_unit_test_setup(warnings_are_listed, setup),
		cmocka_unit_test_setup(csv_is_quoted_by_rfc_4180, setup),
		cmocka_unit_test_setup(json_lines_are_objects_of_all_columns, setup),
		cmocka_unit_test_setup(a_write_that_fails_is_noticed, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
