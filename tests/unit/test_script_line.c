// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_script_line.c - what stands in most lines of `script`, against printf. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/digits.h"
#include "collector/script_line.h"

static struct script_lines lines;
static struct script_names names;

static int setup(void **state)
{
	memset(&lines, 0, sizeof(lines));
	script_names__init(&names, "x86_64");
	return 0;
}

static int teardown(void **state)
{
	script_lines__fini(&lines);
	script_names__fini(&names);
	return 0;
}

/* What was added since the last call. */
static const char *text(void)
{
	static char copy[512];

	assert_false(lines.out.failed);
	assert_true(lines.out.len < sizeof(copy));
	memcpy(copy, lines.out.s, lines.out.len);
	copy[lines.out.len] = '\0';
	lines.out.len = 0;
	return copy;
}

static void digits_are_those_of_printf(void **state)
{
	uint64_t random = 88172645463325252;

	for (int i = 0; i < 20000; i++) {
		char expected[64], got[DIGITS_ROOM + 1];
		uint64_t n;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		n = random >> (i & 63);
		snprintf(expected, sizeof(expected), "%" PRIu64, n);
		*put_u64(got, n) = '\0';
		assert_string_equal(got, expected);
		snprintf(expected, sizeof(expected), "0x%" PRIx64, n);
		*put_hex(got, n) = '\0';
		assert_string_equal(got, expected);
		snprintf(expected, sizeof(expected), "%09" PRIu32, (uint32_t)(n % 1000000000));
		*put_9_digits(got, (uint32_t)(n % 1000000000)) = '\0';
		assert_string_equal(got, expected);
	}
}

static void assert_begin(uint64_t ts_ns, uint32_t cpu, const char *kind)
{
	char expected[256];

	snprintf(expected, sizeof(expected), "%7" PRIu64 ".%09" PRIu64 " [%03" PRIu32 "] %-9s ",
		 ts_ns / 1000000000, ts_ns % 1000000000, cpu, kind);
	script_lines__begin(&lines, ts_ns, cpu, kind);
	assert_string_equal(text(), expected);
}

static void a_line_begins_with_its_time_cpu_and_kind(void **state)
{
	assert_begin(0, 0, "switch");
	assert_begin(999999999, 9, "wake");
	assert_begin(1000000000, 10, "occupancy");
	assert_begin(1000000001, 99, "a_longer_kind");
	assert_begin(12345678901234567, 100, "loss");
	assert_begin(INT64_MAX, 1023, "new");
	assert_begin(1, 4096, "new");
}

static void a_task_is_called_as_the_last_event_named_it(void **state)
{
	struct cpt_info info = {.tid = 4294967295u, .tgid = 7, .comm = "a\n\x01\xff,b"};
	struct cpt_event ev = {.type = CPT_EV_NEW, .task = 16777215, .info = &info};

	script_names__add_task(&names, &lines.out, 3);
	assert_string_equal(text(), "?#3");
	assert_int_equal(script_names__learn(&names, &ev), 0);
	script_names__add_task(&names, &lines.out, ev.task);
	assert_string_equal(text(), "a\\n\\x01\\xff,b/4294967295#16777215");
	ev.type = CPT_EV_RENAME;
	info.comm = "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01";
	assert_int_equal(script_names__learn(&names, &ev), 0);
	script_names__add_task(&names, &lines.out, ev.task);
	assert_string_equal(text(), "\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01"
				    "\\x01\\x01\\x01/4294967295#16777215");
}

static void assert_wait(const struct cpt_wait *wait, const char *expected)
{
	for (int i = 0; i < 2; i++) { /* made, then remembered */
		script_lines__add_wait(&lines, &names, wait);
		assert_string_equal(text(), expected);
	}
}

/* Each differs from the first in one field, and may stand where that one stood. */
static void a_wait_is_remembered_by_all_it_is(void **state)
{
	const struct cpt_wait read = {
		.sysno = 0, .prev_state = 1, .object = CPT_FD_PIPE, .arg0 = 3};

	for (int turn = 0; turn < 3; turn++) {
		struct cpt_wait w = read;

		assert_wait(&w, " in=read(0) on=pipe(2) args=0x3,0x0,0x0 state=S(0x1)");
		w.arg1 = UINT64_MAX;
		assert_wait(&w,
			    " in=read(0) on=pipe(2) args=0x3,0xffffffffffffffff,0x0 state=S(0x1)");
		w = read;
		w.arg2 = 16;
		assert_wait(&w, " in=read(0) on=pipe(2) args=0x3,0x0,0x10 state=S(0x1)");
		w = read;
		w.prev_state = 2;
		w.wait_flags = CPT_WAIT_IOWAIT | CPT_WAIT_TIMEOUT;
		assert_wait(&w,
			    " in=read(0) on=pipe(2) args=0x3,0x0,0x0 state=D(0x2) iowait timeout");
		w = read;
		w.object = CPT_FD_NONE;
		assert_wait(&w, " in=read(0) args=0x3,0x0,0x0 state=S(0x1)");
		w = read;
		w.sysno = CPT_SYSNO_NONE;
		assert_wait(&w, " on=pipe(2) args=0x3,0x0,0x0 state=S(0x1)");
	}
}

/* The wake of a task that has come in was lost; the one that is seen then, on its CPU, ends no wait. */
static void who_is_on_its_cpu_waits_no_longer(void **state)
{
	struct cpt_info info = {.tid = 77, .tgid = 77, .comm = "x"};
	struct cpt_wait wait = {.object = CPT_FD_PIPE, .arg0 = 3};
	struct cpt_event ev = {.type = CPT_EV_NEW, .task = 2, .info = &info};
	const struct cpt_event out = {.type = CPT_EV_SWITCH,
				      .task = 2,
				      .flags = CPT_SW_PREV_BLOCKED,
				      .wait = &wait},
			       in = {.type = CPT_EV_SWITCH, .other = 2};

	assert_int_equal(script_names__learn(&names, &ev), 0);
	assert_int_equal(script_names__learn(&names, &out), 0);
	assert_int_equal(script_names__end_wait(&names, 2)->arg0, 3);
	assert_int_equal(script_names__learn(&names, &out), 0);
	assert_int_equal(script_names__learn(&names, &in), 0);
	assert_null(script_names__end_wait(&names, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_are_those_of_printf),
		cmocka_unit_test_setup_teardown(a_line_begins_with_its_time_cpu_and_kind, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_task_is_called_as_the_last_event_named_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_wait_is_remembered_by_all_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(who_is_on_its_cpu_waits_no_longer, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
