// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_report_locks.c - locks and ceilings as people, programs and tables are told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/words.h"
#include "collector/json_locks.h"
#include "collector/table_locks.h"
#include "collector/text_locks.h"

#include "report_fixture.h"
#include "report_said.h"
#include "table_text.h"

#define LOCKS 8

static struct report_fixture fixture;
static struct cpt_lock locks[LOCKS];
static struct cpt_ceiling ceilings[2];

static char no_text[] = "", app[] = "app", queue_lock[] = "queue_lock", heap[] = "[heap]";
static char hostile[] = "a\x1b[31m\xff", runtime[] = "_PyRuntime+0x1b0", python[] = "python3";

/* The four threads' convoy: its holder ran for most of the time. */
static int setup(void **state)
{
	report_fixture(&fixture);
	for (int i = 0; i < LOCKS; i++)
		locks[i] = (struct cpt_lock){.symbol = no_text, .module = no_text};
	locks[0] = (struct cpt_lock){
		.pid = 4001,
		.addr = 0x404080,
		.kind = CPT_WORD_MUTEX,
		.reason = CPT_REASON_LOCK,
		.symbol = queue_lock,
		.module = app,
		.waits = 2960,
		.waiters = 4,
		.blocked_ns = 5862 * FIXTURE_MS,
		.wake_delay_ns = 42 * FIXTURE_MS,
		.longest_ns = 9 * FIXTURE_MS,
		.waited_ns = 1960 * FIXTURE_MS,
		.holder_running_ns = 5700 * FIXTURE_MS,
		.holder_runnable_ns = 100 * FIXTURE_MS,
		.holder_unknown_ns = 2 * FIXTURE_MS,
		.top_cnt = 1,
		.top = {{2, 1500 * FIXTURE_MS}},
	};
	locks[0].holder_blocked_ns[CPT_REASON_DISK] = 60 * FIXTURE_MS;
	fixture.report.locks = locks;
	fixture.report.locks_cnt = 1;
	return 0;
}

static const char *text_with_top(unsigned int width, unsigned int top)
{
	return said_by(add_locks, &fixture.report, width, top);
}

static const char *text_of_locks(void)
{
	return text_with_top(80, 10);
}

static void a_lock_is_named_and_its_holder_told(void **state)
{
	const char *text = text_of_locks();

	has(text, "app:queue_lock");
	has(text, "5.86 s");
	has(text, "2,960");
	has(text, "ran 97.2 %\n"); /* the rest is less than 5 % */
	text = text_with_top(140, 10);
	has(text, "42.0 ms");
	has(text, "9.00 ms");
}

static void a_blocked_holder_says_on_what(void **state)
{
	locks[0].holder_running_ns = 1000 * FIXTURE_MS;
	locks[0].holder_blocked_ns[CPT_REASON_DISK] = 4760 * FIXTURE_MS;
	has(text_of_locks(), "blocked (disk) 81.2 %, ran 17.1 %");
	locks[0].holder_blocked_ns[CPT_REASON_DISK] = 0;
	locks[0].holder_runnable_ns = 4860 * FIXTURE_MS;
	has(text_of_locks(), "had no CPU 82.9 %, ran 17.1 %");
}

/* Of one interpreter the second word is where those wait that let the lock go. */
static void interpreters_are_told_apart(void **state)
{
	locks[0].python_gil = true;
	locks[1] = locks[0];
	locks[1].blocked_ns /= 2;
	locks[1].python_gil = false;
	locks[1].python_gil_switch = true;
	fixture.report.locks_cnt = 2;
	has(text_of_locks(), "   CPython's GIL  ");
	has(text_of_locks(), "   GIL, let go  ");
	locks[1].python_gil = true;
	locks[1].python_gil_switch = false;
	locks[1].pid++;
	has(text_of_locks(), "   CPython's GIL (4001)  ");
	has(text_of_locks(), "   CPython's GIL (4002)  ");
	lacks(text_of_locks(), "let go");
}

static void nameless_locks_say_what_and_where_they_are(void **state)
{
	locks[0].symbol = no_text;
	locks[0].module = heap;
	has(text_of_locks(), "mutex 0x404080 ([heap])");
	locks[0].kind = CPT_WORD_FILE_LOCK;
	locks[0].addr = 7;
	locks[0].module = no_text;
	has(text_of_locks(), "file lock on fd 7");
	locks[0].module = hostile;
	has(text_of_locks(), "file lock on a");
	lacks(text_of_locks(), "\x1b");
	locks[0].kind = CPT_WORD_KERNEL;
	has(text_of_locks(), "mmap_lock");
	locks[0].kind = CPT_WORD_MUTEX;
	locks[0].symbol = hostile;
	lacks(text_of_locks(), "\x1b");
}

static void rows_are_capped_and_the_rest_summed(void **state)
{
	fixture.report.locks_cnt = 5;
	for (int i = 1; i < 5; i++) {
		locks[i] = locks[0];
		locks[i].blocked_ns = 1000 * FIXTURE_MS;
		locks[i].holder_running_ns = 1000 * FIXTURE_MS;
	}
	has(text_with_top(80, 2), "and 3 more, 3.00 s blocked in all");
	lacks(text_with_top(80, 5), "more");
	locks[4].blocked_ns = FIXTURE_MS; /* hardly anything, beside the first */
	has(text_with_top(80, 5), "and 1 more");
}

static void hardly_any_waiting_is_no_part(void **state)
{
	locks[0].waited_ns = FIXTURE_MS;
	assert_string_equal(text_of_locks(), "");
	locks[0].waited_ns = 1960 * FIXTURE_MS;
	locks[0].rest = true;
	assert_string_equal(text_of_locks(), "");
	fixture.report.locks_cnt = 0;
	assert_string_equal(text_of_locks(), "");
}

static void add_ceilings(void)
{
	ceilings[0] = (struct cpt_ceiling){.kind = CPT_CEILING_GIL,
					   .word_kind = CPT_WORD_CONDVAR,
					   .pid = 4001,
					   .addr = 0x1000,
					   .symbol = runtime,
					   .module = python,
					   .threads = 4,
					   .waited_ns = 1900 * FIXTURE_MS};
	ceilings[1] = (struct cpt_ceiling){.kind = CPT_CEILING_ONE_OF_N,
					   .word_kind = CPT_WORD_SEM,
					   .pid = 4001,
					   .addr = 0x2000,
					   .symbol = no_text,
					   .module = no_text,
					   .threads = 3,
					   .wanted_ns = 1000 * FIXTURE_MS,
					   .one_ns = 990 * FIXTURE_MS,
					   .overlap_ns = 2 * FIXTURE_MS,
					   .turns = 77,
					   .free_cpus = 0.98};
	fixture.report.ceilings = ceilings;
	fixture.report.ceilings_cnt = 2;
}

static void ceilings_are_named_or_offered(void **state)
{
	const char *text;

	add_ceilings();
	text = text_with_top(200, 10);
	has(text, "CPython's GIL lets one thread of process 4001 interpret at a time: some thread "
		  "waited for it in 95.0 % of the time.");
	has(text, "Possibly one at a time: of 3 threads");
	has(text, "semaphore and wake each other by it (0x2000) more than one ran in only 0.2 %");
	has(text, "0.98 CPUs free");
	locks[0].python_gil = true;
	has(text_of_locks(), "CPython's GIL");
}

static const char *string(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_null(value) ? NULL : json_string_value(value);
}

static void json_has_the_contracts_keys(void **state)
{
	json_t *array, *l, *holder;

	locks[1].rest = true;
	locks[1].reason = CPT_REASON_HANDOFF;
	locks[1].kind = CPT_WORD_CONDVAR;
	locks[1].waiters_least = true;
	fixture.report.locks_cnt = 2;
	array = json_locks__build(&fixture.report);
	l = json_array_get(array, 0);
	assert_string_equal(string(l, "address"), "0x404080");
	assert_string_equal(string(l, "symbol"), "queue_lock");
	assert_string_equal(string(l, "kind"), "mutex");
	assert_string_equal(string(l, "word"), "mutex");
	assert_int_equal(number(l, "waits"), 2960);
	assert_int_equal(number(l, "wake_delay_ns"), 42 * FIXTURE_MS);
	holder = json_object_get(l, "holder");
	assert_int_equal(number(holder, "blocked_ns"), 60 * FIXTURE_MS);
	assert_int_equal(number(json_object_get(holder, "blocked_by"), "disk"), 60 * FIXTURE_MS);
	assert_int_equal(json_object_size(json_object_get(holder, "blocked_by")), 1);
	assert_int_equal(number(json_array_get(json_object_get(l, "top_holders"), 0), "id"), 2);
	assert_null(json_object_get(l, "waiters_at_least"));
	l = json_array_get(array, 1);
	assert_null(string(l, "symbol"));
	assert_string_equal(string(l, "kind"), "handoff");
	assert_string_equal(string(l, "word"), "condvar");
	assert_true(json_is_true(json_object_get(l, "waiters_at_least")));
	json_decref(array);
	add_ceilings();
	array = json_ceilings__build(&fixture.report);
	assert_true(json_is_true(json_object_get(json_array_get(array, 0), "certain")));
	assert_string_equal(string(json_array_get(array, 1), "kind"), "one_of_n");
	assert_int_equal(number(json_array_get(array, 1), "turns"), 77);
	json_decref(array);
}

static void table_has_a_row_per_lock(void **state)
{
	char *text = table_text(lock_cols, write_locks, &fixture.report, true);
	json_t *row = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(row);
	assert_string_equal(string(row, "address"), "0x404080");
	assert_int_equal(number(row, "blocked_ns"), 5862 * FIXTURE_MS);
	assert_int_equal(number(row, "holder_running_ns"), 5700 * FIXTURE_MS);
	assert_int_equal(number(row, "holder_disk_ns"), 60 * FIXTURE_MS);
	assert_int_equal(number(row, "top_holder"), 2);
	json_decref(row);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_lock_is_named_and_its_holder_told, setup),
		cmocka_unit_test_setup(a_blocked_holder_says_on_what, setup),
		cmocka_unit_test_setup(interpreters_are_told_apart, setup),
		cmocka_unit_test_setup(nameless_locks_say_what_and_where_they_are, setup),
		cmocka_unit_test_setup(rows_are_capped_and_the_rest_summed, setup),
		cmocka_unit_test_setup(hardly_any_waiting_is_no_part, setup),
		cmocka_unit_test_setup(ceilings_are_named_or_offered, setup),
		cmocka_unit_test_setup(json_has_the_contracts_keys, setup),
		cmocka_unit_test_setup(table_has_a_row_per_lock, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
