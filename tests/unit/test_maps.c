// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of mappings: the kernel's form of it, and what a program makes of its own file names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../collector/maps.h"

static struct maps_names *names;

static int setup(void **state)
{
	names = maps_names__new();
	return names ? 0 : -1;
}

static int teardown(void **state)
{
	maps_names__free(names);
	return 0;
}

static struct maps parse(const char *text)
{
	struct maps maps;

	assert_int_equal(maps__parse(&maps, names, text, strlen(text)), 0);
	return maps;
}

static void a_line_is_read_in_all_its_parts(void **state)
{
	struct maps maps = parse("55c68749a000-55c68749b000 r-xs 00002000 fe:01 1095309    "
				 "                /usr/bin/a b\n");

	assert_int_equal(maps.cnt, 1);
	assert_int_equal(maps.list[0].start, 0x55c68749a000);
	assert_int_equal(maps.list[0].end, 0x55c68749b000);
	assert_int_equal(maps.list[0].off, 0x2000);
	assert_int_equal(maps.list[0].dev, 0xfe << 20 | 1);
	assert_int_equal(maps.list[0].ino, 1095309);
	assert_int_equal(maps.list[0].flags, MAPPING_EXEC | MAPPING_SHARED);
	assert_string_equal(maps.list[0].name, "/usr/bin/a b");
	maps__fini(&maps);
}

static void mappings_without_a_file_have_the_kernels_name_or_none(void **state)
{
	struct maps maps = parse("1000-2000 rw-p 00000000 00:00 0                      [heap]\n"
				 "3000-4000 rw-p 00000000 00:00 0 \n"
				 "5000-6000 rw-p 00000000 00:00 0  [anon:a (deleted)]\n");

	assert_int_equal(maps.cnt, 3);
	assert_string_equal(maps.list[0].name, "[heap]");
	assert_string_equal(maps.list[1].name, "");
	assert_string_equal(maps.list[2].name, "[anon:a (deleted)]");
	maps__fini(&maps);
}

static void a_deleted_file_keeps_its_name_and_says_so(void **state)
{
	struct maps maps = parse("1000-2000 rw-s 00000000 00:01 77 /dev/zero (deleted)\n"
				 "2000-3000 r--p 00000000 fe:00 78 /x (deleted) (deleted)\n");

	assert_string_equal(maps.list[0].name, "/dev/zero");
	assert_true(maps.list[0].flags & MAPPING_DELETED);
	assert_string_equal(maps.list[1].name, "/x (deleted)");
	maps__fini(&maps);
}

static void a_newline_in_a_name_is_one_again(void **state)
{
	struct maps maps = parse("1000-2000 r--p 0 fe:00 7 /a\\012b\\0\\01\\012\n");

	assert_string_equal(maps.list[0].name, "/a\nb\\0\\01\n");
	maps__fini(&maps);
}

static void lines_that_make_no_sense_are_left_out(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"1000-2000",
		"1000-2000 rw-p",
		"1000 2000 rw-p 0 0:0 0",
		"2000-1000 rw-p 0 00:00 0 back",
		"1000-1000 rw-p 0 00:00 0 empty",
		"-1000-2000 rw-p 0 00:00 0",
		" 1000-2000 rw-p 0 00:00 0",
		"0x1000-2000 rw-p 0 00:00 0",
		"1000-2000 rw-q 0 00:00 0",
		"1000-2000 rw-p 0 0000 0",
		"1000-2000 rw-p 0 00:00 abc",
		"1000-2000 rw-p 0 1000:00 1 device too large",
		"1000-2000 rw-p 0 00:100000 1 device too large",
		"10000000000000000-20000000000000000 rw-p 0 00:00 0",
		"1000-2000 rw-p 0 00:00 99999999999999999999999",
	};
	char text[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct maps maps;

		snprintf(text, sizeof(text), "%s\n5000-6000 r--p 0 fe:00 1 /good\n", bad[i]);
		maps = parse(text);
		if (maps.cnt != 1 || maps.list[0].start != 0x5000)
			fail_msg("taken: %s", bad[i]);
		maps__fini(&maps);
	}
}

static void a_line_that_goes_back_is_left_out(void **state)
{
	struct maps maps = parse("5000-7000 r--p 0 fe:00 1 /a\n"
				 "6000-8000 r--p 0 fe:00 1 /overlaps\n"
				 "1000-2000 r--p 0 fe:00 1 /before\n"
				 "7000-8000 r--p 0 fe:00 1 /a\n");

	assert_int_equal(maps.cnt, 2);
	assert_int_equal(maps.list[1].start, 0x7000);
	assert_ptr_equal(maps.list[0].name, maps.list[1].name);
	maps__fini(&maps);
}

static void half_a_line_at_the_end_is_left_out(void **state)
{
	struct maps maps = parse("1000-2000 r--p 0 fe:00 1 /a\n2000-3000 r--p 0 fe:00 1 /lib/x");

	assert_int_equal(maps.cnt, 1);
	assert_true(maps.cut);
	maps__fini(&maps);
}

static void a_name_longer_than_any_path_is_cut(void **state)
{
	size_t len = 3 * CPT_MAPS_NAME_MAX;
	char *text = malloc(len + 64);
	struct maps maps;
	int n = sprintf(text, "1000-2000 r--p 0 fe:00 1 /");

	memset(text + n, 'a', len);
	strcpy(text + n + len, "\n");
	maps = parse(text);
	assert_int_equal(maps.cnt, 1);
	assert_int_equal(strlen(maps.list[0].name), CPT_MAPS_NAME_MAX);
	maps__fini(&maps);
	free(text);
}

static void there_are_never_more_than_the_bound(void **state)
{
	size_t cap = (CPT_MAPS_MAX + 10) * 64ul, n = 0;
	char *text = malloc(cap);
	struct maps maps;

	for (uint64_t i = 1; i <= CPT_MAPS_MAX + 10; i++)
		n += (size_t)sprintf(text + n, "%lx-%lx rw-p 0 00:00 0\n", i * 4096,
				     i * 4096 + 4096);
	assert_int_equal(maps__parse(&maps, names, text, n), 0);
	assert_int_equal(maps.cnt, CPT_MAPS_MAX);
	assert_true(maps.cut);
	maps__fini(&maps);
	free(text);
}

static void every_prefix_and_flipped_byte_is_survived(void **state)
{
	static const char text[] = "1000-2000 r-xp 00001000 fe:00 12 /usr/lib/a.so\n"
				   "2000-3000 rw-p 00000000 00:00 0 [heap]\n"
				   "3000-4000 rw-s 00000000 00:01 5 /dev/zero (deleted)\n";
	char copy[sizeof(text)];
	struct maps maps;

	for (size_t len = 0; len < sizeof(text); len++) {
		assert_int_equal(maps__parse(&maps, names, text, len), 0);
		maps__fini(&maps);
	}
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		for (int bit = 0; bit < 8; bit++) {
			memcpy(copy, text, sizeof(text));
			copy[i] ^= (char)(1 << bit);
			assert_int_equal(maps__parse(&maps, names, copy, sizeof(text) - 1), 0);
			for (uint32_t k = 1; k < maps.cnt; k++)
				assert_true(maps.list[k - 1].end <= maps.list[k].start);
			maps__fini(&maps);
		}
	}
}

static void an_address_is_found_in_its_mapping_alone(void **state)
{
	struct maps maps = parse("1000-2000 r--p 0 fe:00 1 /a\n3000-4000 r--p 0 fe:00 1 /a\n"
				 "4000-5000 r--p 0 fe:00 1 /b\n");

	assert_int_equal(maps__find(&maps, 0xfff), -1);
	assert_int_equal(maps__find(&maps, 0x1000), 0);
	assert_int_equal(maps__find(&maps, 0x1fff), 0);
	assert_int_equal(maps__find(&maps, 0x2000), -1);
	assert_int_equal(maps__find(&maps, 0x3fff), 1);
	assert_int_equal(maps__find(&maps, 0x4000), 2);
	assert_int_equal(maps__find(&maps, UINT64_MAX), -1);
	maps__fini(&maps);
	assert_int_equal(maps__find(&maps, 0x1000), -1);
}

static void what_is_unmapped_stays_known_until_something_takes_its_place(void **state)
{
	struct maps old = parse("1000-2000 rw-p 0 00:00 0 [heap]\n3000-4000 r--p 0 fe:00 1 /a\n"
				"5000-7000 r--p 0 fe:00 2 /b\n9000-a000 r--p 0 fe:00 2 /b\n");
	struct maps maps = parse("1000-2800 rw-p 0 00:00 0 [heap]\n6000-8000 r--p 0 fe:00 3 /c\n"
				 "9000-a000 r--p 0 fe:00 2 /b\n");

	old.list[1].module = 4;
	old.list[3].module = 5;
	assert_int_equal(maps__keep(&maps, &old), 0);
	assert_int_equal(maps.cnt, 4);
	assert_int_equal(maps.list[0].end, 0x2800);
	assert_int_equal(maps.list[1].start, 0x3000);
	assert_int_equal(maps.list[1].module, 4);
	assert_string_equal(maps.list[2].name, "/c");
	assert_int_equal(maps.list[3].module, 5);
	maps__fini(&maps);
	maps__fini(&old);
}

static void our_own_mappings_hold_our_own_addresses(void **state)
{
	static int here;
	struct maps maps;
	int64_t at;

	assert_int_equal(maps__read(&maps, names, getpid()), 0);
	at = maps__find(&maps, (uint64_t)(uintptr_t)&here);
	assert_true(at >= 0);
	assert_true(maps.list[at].flags & MAPPING_WRITE);
	assert_false(maps.list[at].flags & MAPPING_SHARED);
	at = maps__find(&maps, maps__start_code(getpid()));
	assert_true(at >= 0 && maps.list[at].flags & MAPPING_EXEC);
	maps__fini(&maps);
	assert_true(maps__read(&maps, names, 0x7ffffffe) < 0);
	assert_int_equal(maps__start_code(0x7ffffffe), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_read_in_all_its_parts),
		cmocka_unit_test(mappings_without_a_file_have_the_kernels_name_or_none),
		cmocka_unit_test(a_deleted_file_keeps_its_name_and_says_so),
		cmocka_unit_test(a_newline_in_a_name_is_one_again),
		cmocka_unit_test(lines_that_make_no_sense_are_left_out),
		cmocka_unit_test(a_line_that_goes_back_is_left_out),
		cmocka_unit_test(half_a_line_at_the_end_is_left_out),
		cmocka_unit_test(a_name_longer_than_any_path_is_cut),
		cmocka_unit_test(there_are_never_more_than_the_bound),
		cmocka_unit_test(every_prefix_and_flipped_byte_is_survived),
		cmocka_unit_test(an_address_is_found_in_its_mapping_alone),
		cmocka_unit_test(what_is_unmapped_stays_known_until_something_takes_its_place),
		cmocka_unit_test(our_own_mappings_hold_our_own_addresses),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
