// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_table.c - numbers and strings of exported rows, to the character. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/table.h"

struct row {
	uint64_t n;
	const char *s;
};

static const struct table_col cols[] = {
	{"n", "", TABLE_U64, offsetof(struct row, n)},
	{"a_name_that_is_longer_than_a_chunk", "", TABLE_STRING, offsetof(struct row, s)},
	{NULL, NULL, TABLE_U64, 0},
};

/* The caller frees it. */
static char *printed(bool jsonl, const struct row *row)
{
	struct table_out out = {.jsonl = jsonl, .cols = cols};
	size_t sz;
	char *text;

	out.f = open_memstream(&text, &sz);
	assert_non_null(out.f);
	assert_int_equal(table_out__row(&out, row), 0);
	table_out__free(&out);
	assert_int_equal(fclose(out.f), 0);
	return text;
}

static void assert_printed(bool jsonl, uint64_t n, const char *s, const char *expected)
{
	char *text = printed(jsonl, &(struct row){n, s});

	assert_string_equal(text, expected);
	free(text);
}

static void check_number(uint64_t n)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "%" PRIu64 ",\r\n", n);
	assert_printed(false, n, NULL, expected);
}

static void numbers_are_whole(void **state)
{
	uint64_t n = 1, random = 88172645463325252;

	check_number(0);
	check_number(UINT64_MAX);
	for (int digits = 1; digits <= 20; digits++) {
		check_number(n - 1);
		check_number(n);
		check_number(n + 1);
		n *= 10;
	}
	for (int i = 0; i < 20000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		check_number(random >> (i & 63));
	}
}

static void strings_are_quoted_only_where_they_must(void **state)
{
	assert_printed(false, 1, "plain, or not", "1,\"plain, or not\"\r\n");
	assert_printed(false, 1, "say \"x\"", "1,\"say \"\"x\"\"\"\r\n");
	assert_printed(false, 1, "a\033b", "1,a\\x1bb\r\n");
	assert_printed(false, 1, "back\\slash", "1,back\\slash\r\n");
	assert_printed(false, 1, "", "1,\r\n");
	assert_printed(true, 1, "say \"x\\\"",
		       "{\"n\":1,\"a_name_that_is_longer_than_a_chunk\":\"say \\\"x\\\\\\\"\"}\n");
	assert_printed(
		true, 1, "a\nb\xff",
		"{\"n\":1,\"a_name_that_is_longer_than_a_chunk\":\"a\\u000ab\xef\xbf\xbd\"}\n");
	assert_printed(true, 1, NULL, "{\"n\":1,\"a_name_that_is_longer_than_a_chunk\":null}\n");
	assert_printed(true, 12, "plain",
		       "{\"n\":12,\"a_name_that_is_longer_than_a_chunk\":\"plain\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_whole),
		cmocka_unit_test(strings_are_quoted_only_where_they_must),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
