// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_report_phases.c - phases and marks for people, in JSON and as tables.
 *
 *      app      1000 ######################################### 6000
 *      worker                  3000 ########## 5000
 *      marks         2000 load 3000 work       5000 load   5500 (one whose name cannot be read)
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/json_phases.h"
#include "collector/table_phases.h"
#include "collector/text_phases.h"
#include "collector/words.h"

#include "../support/hostile_names.h"
#include "analysis_fixture.h"
#include "report_said.h"
#include "table_text.h"

static struct trace_builder *tb;
static struct cpt_report *r;

/* load: what that phase is called. */
static int draw(const char *load)
{
	uint32_t app, worker;

	tb = one_task(2, &app);
	tb__mark(tb, 2000, app, load);
	tb__mark(tb, 3000, TB_OTHER, "work");
	worker = tb__thread(tb, 3000, app, "worker");
	tb__run(tb, 3000, 1, worker);
	tb__exit(tb, 5000, worker, 0, TB_IDLE);
	tb__mark(tb, 5000, app, load);
	tb__mark(tb, 5500, app, "");
	tb__exit(tb, 6000, app, 0, TB_IDLE);
	r = report_of(tb);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return draw("load");
}

static int teardown(void **state)
{
	(void)state;
	done(r, tb);
	return 0;
}

/* ---- text ---------------------------------------------------------------------------------- */

static void text_has_a_row_and_a_sentence_for_each(void **state)
{
	const char *text = said_by(add_phases, r, 100, 10);

	has(text,
	    "\n   phase         spans     time  CPUs  things  parallel  concurrent   serial   "
	    "idle\n");
	has(text, "\n   load              2  1.50 µs  1.00    1.00     0.0 %       0.0 %  100.0 %  "
		  "0.0 %\n");
	has(text, "\n   work              1  2.00 µs  2.00    2.00   100.0 %       0.0 %    0.0 %  "
		  "0.0 %\n");
	has(text, "\n   (unreadable)      1   500 ns ");
	has(text, "\n   load: serial: one thing, computing\n");
	has(text, "\n   work: parallel: on different physical cores\n");
	/* Nothing is unknown: that is no column. */
	lacks(text, "unknown");
	(void)state;
}

static void text_has_as_many_rows_as_asked_for(void **state)
{
	const char *text = said_by(add_phases, r, 100, 2);

	has(text, "\n   load ");
	lacks(text, "work");
	has(text, "\n   and 2 more\n");
	lacks(said_by(add_phases, r, 100, 4), "more");
	(void)state;
}

static void a_start_of_no_length_is_no_row(void **state)
{
	uint32_t app;

	tb = one_task(2, &app);
	tb__mark(tb, 1000, app, "all");
	tb__exit(tb, 2000, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_int_equal(r->phases.cnt, 2);
	lacks(said_by(add_phases, r, 100, 10), CPT_PHASE_START);
	/* Of one span each: that is no column either. */
	lacks(said_by(add_phases, r, 100, 10), "spans");
	done(r, tb);
	(void)state;
}

static void without_marks_nothing_is_said(void **state)
{
	struct json_obj o = json_obj__new();
	uint32_t app;
	json_t *json;

	tb = one_task(2, &app);
	tb__exit(tb, 2000, app, 0, TB_IDLE);
	r = report_of(tb);
	assert_string_equal(said_by(add_phases, r, 100, 10), "");
	json_phases__put(&o, r);
	json = json_obj__done(&o);
	assert_int_equal(json_object_size(json), 0);
	json_decref(json);
	done(r, tb);
	(void)state;
}

/* Cut to its column at the most, escaped, one line each. */
static void names_that_would_do_harm_stay_in_their_cells(void **state)
{
	for (size_t i = 0; i < HOSTILE_NAMES_CNT; i++) {
		const char *text;
		unsigned int lines = 0;

		draw(hostile_names[i]);
		text = said_by(add_phases, r, 100, 10);
		for (const char *c = text; *c; c++) {
			lines += *c == '\n';
			if (((unsigned char)*c < ' ' && *c != '\n') || *c == 0x7f)
				fail_msg("a control character of name %zu in:\n%s", i, text);
		}
		/* An empty line, a title, the heads; a row and a sentence for each. */
		assert_int_equal(lines, 3 + 2 * r->phases.cnt);
		done(r, tb);
	}
	(void)state;
}

static void a_long_name_is_cut(void **state)
{
	const char *text;

	draw("a-name-of-sixty-three-bytes-that-is-as-long-as-any-name-can-be");
	text = said_by(add_phases, r, 100, 10);
	has(text, "a-name-of-sixty-three-b");
	lacks(text, "three-bytes");
	done(r, tb);
	(void)state;
}

static void what_is_missing_is_a_warning(void **state)
{
	struct strbuf b = {0};

	for (unsigned int i = 0; words__warning(&b, r, i); i++)
		;
	lacks(strbuf__str(&b), "mark");
	r->phases.marks_lost = 1234;
	for (unsigned int i = 0; words__warning(&b, r, i); i++)
		;
	has(strbuf__str(&b), "1,234 marks were not recorded");
	strbuf__free(&b);
	(void)state;
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static json_t *in_json(void)
{
	struct json_obj o = json_obj__new();

	json_phases__put(&o, r);
	return json_obj__done(&o);
}

static void json_has_phases_and_marks_from_the_window_s_start_on(void **state)
{
	static const struct {
		const char *name, *class;
		json_int_t spans, first, span, cpu, parallel, serial;
	} want[] = {{CPT_PHASE_START, "serial", 1, 0, 1000, 1000, 0, 1000},
		    {"load", "serial", 2, 1000, 1500, 1500, 0, 1500},
		    {"work", "parallel", 1, 2000, 2000, 4000, 2000, 0},
		    {CPT_PHASE_NO_NAME, "serial", 1, 4500, 500, 500, 0, 500}};
	json_t *json = in_json(), *phases = json_object_get(json, "phases");

	assert_int_equal(json_array_size(phases), 4);
	for (size_t i = 0; i < 4; i++) {
		const json_t *phase = json_array_get(phases, i);
		const json_t *ledger = json_object_get(phase, "ledger_ns");

		assert_string_equal(json_string_value(json_object_get(phase, "name")),
				    want[i].name);
		assert_string_equal(json_string_value(json_object_get(phase, "class")),
				    want[i].class);
		assert_int_equal(number(phase, "spans"), want[i].spans);
		assert_int_equal(number(phase, "first_ns"), want[i].first);
		assert_int_equal(number(phase, "span_ns"), want[i].span);
		assert_int_equal(number(phase, "cpu_time_ns"), want[i].cpu);
		assert_int_equal(number(phase, "in_progress_ns"), want[i].cpu);
		assert_int_equal(number(ledger, "parallel"), want[i].parallel);
		assert_int_equal(number(ledger, "serial"), want[i].serial);
		assert_int_equal(number(json_object_get(ledger, "serial_split"), "running"),
				 want[i].serial);
	}
	json_decref(json);
	(void)state;
}

static void json_says_who_set_a_mark(void **state)
{
	json_t *json = in_json(), *marks = json_object_get(json, "marks");
	const json_t *of_task = json_array_get(marks, 0), *outside = json_array_get(marks, 1);

	assert_int_equal(json_array_size(marks), 4);
	assert_int_equal(number(of_task, "at_ns"), 1000);
	assert_int_equal(number(of_task, "id"), 1);
	assert_int_equal(number(of_task, "tid"), 1001);
	assert_int_equal(number(outside, "at_ns"), 2000);
	assert_true(json_is_null(json_object_get(outside, "id")));
	assert_int_equal(number(outside, "tid"), 4242);
	json_decref(json);
	(void)state;
}

static void names_that_are_no_text_are_valid_json(void **state)
{
	for (size_t i = 0; i < HOSTILE_NAMES_CNT; i++) {
		json_t *json;

		draw(hostile_names[i]);
		json = in_json();
		assert_non_null(json);
		json_decref(json);
		done(r, tb);
	}
	(void)state;
}

/* ---- tables -------------------------------------------------------------------------------- */

static void the_table_of_phases_has_classes_splits_and_sums(void **state)
{
	char *text = table_text(phase_cols, write_phases, r, false);

	has(text, "phase,name,spans,first_ns,span_ns,parallel_ns,concurrent_ns,serial_ns,idle_ns,"
		  "unknown_ns,parallel_multi_core_ns,");
	has(text, ",running_ns,runnable_ns,in_progress_ns,verdict\r\n");
	has(text, "\n2,load,2,2000,1500,0,0,1500,0,0,0,0,0,0,0,0,0,1500,0,0,0,0,0,1500,0,1500,"
		  "serial\r\n");
	has(text, "\n3,work,1,3000,2000,2000,0,0,0,0,2000,0,0,0,0,0,0,0,0,0,0,0,0,4000,0,4000,"
		  "parallel\r\n");
	free(text);
	(void)state;
}

static void the_table_of_marks_has_their_phases_numbers(void **state)
{
	char *text = table_text(mark_cols, write_marks, r, false);

	assert_string_equal(text, "at_ns,phase,name,id,tid,outside\r\n"
				  "2000,2,load,1,1001,false\r\n"
				  "3000,3,work,0,4242,true\r\n"
				  "5000,2,load,1,1001,false\r\n"
				  "5500,4,(unreadable),1,1001,false\r\n");
	free(text);
	(void)state;
}

#define OF_RUN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OF_RUN(text_has_a_row_and_a_sentence_for_each),
		OF_RUN(text_has_as_many_rows_as_asked_for),
		cmocka_unit_test(a_start_of_no_length_is_no_row),
		cmocka_unit_test(without_marks_nothing_is_said),
		cmocka_unit_test(names_that_would_do_harm_stay_in_their_cells),
		cmocka_unit_test(a_long_name_is_cut),
		OF_RUN(what_is_missing_is_a_warning),
		OF_RUN(json_has_phases_and_marks_from_the_window_s_start_on),
		OF_RUN(json_says_who_set_a_mark),
		cmocka_unit_test(names_that_are_no_text_are_valid_json),
		OF_RUN(the_table_of_phases_has_classes_splits_and_sums),
		OF_RUN(the_table_of_marks_has_their_phases_numbers),
	};

	if (!setlocale(LC_CTYPE, "C.UTF-8")) {
		fprintf(stderr, "no locale C.UTF-8\n");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
