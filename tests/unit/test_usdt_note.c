// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_usdt_note.c - where a file's notes say that its probe is, and where that has its argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/usdt_note.h"
#include "probes/cpt_abi.h"

#include "../support/usdt_elf.h"

static struct usdt_site sites[USDT_SITES_MAX];
static uint8_t file[USDT_ELF_MAX];

static int find_in(const uint8_t *bytes, size_t sz)
{
	const int fd = memfd_create("elf", MFD_CLOEXEC);
	int cnt;

	assert_int_equal(write(fd, bytes, sz), sz);
	cnt = usdt_note__find(fd, "cpartrace", "mark", sites);
	close(fd);
	return cnt;
}

static int find(const struct usdt_elf_note *notes, size_t cnt)
{
	return find_in(file, usdt_elf__make(file, notes, cnt));
}

static void only_probes_of_that_name_are_taken(void **state)
{
	const struct usdt_elf_note notes[] = {
		{USDT_ELF_VADDR + 16, "cpartrace", "mark", "8@%rdi"},
		{USDT_ELF_VADDR + 17, "cpartrace", "marks", "8@%rdi"},
		{USDT_ELF_VADDR + 18, "other", "mark", "8@%rdi"},
		{USDT_ELF_VADDR + 19, "cpartrace", "mark", "8@%rsi 4@%eax"},
		/* Where no byte of the file is. */
		{USDT_ELF_VADDR - 1, "cpartrace", "mark", "8@%rdi"},
		{USDT_ELF_VADDR + USDT_ELF_MAX, "cpartrace", "mark", "8@%rdi"},
		{UINT64_MAX, "cpartrace", "mark", "8@%rdi"},
	};

	assert_int_equal(find(notes, sizeof(notes) / sizeof(notes[0])), 2);
	assert_int_equal(sites[0].off, 16);
	assert_int_equal(sites[1].off, 19);
	assert_int_not_equal(sites[0].cookie, sites[1].cookie);
	assert_int_equal(find(NULL, 0), 0);
	(void)state;
}

#define MEMORY(reg, more) ((reg) | CPT_MARK_ARG_MEMORY | (uint64_t)(uint32_t)(more) << 32)
#define REFUSED		  UINT64_MAX

static void an_argument_is_in_a_register_or_in_memory_that_one_points_to(void **state)
{
	static const struct {
		const char *args;
		uint64_t cookie;
	} cases[] = {
		{"8@%rdi", 112},
		{"-8@%r15", 0},
		{"8@%rsp -4@$7", 152},
		{"8@(%rbx)", MEMORY(40, 0)},
		{"8@-24(%rbp)", MEMORY(32, -24)},
		{"8@16(%rsp) 8@%rdi", MEMORY(152, 16)},
		/* What is no address, or is one that is not understood. */
		{"", REFUSED},
		{"4@%edi", REFUSED},
		{"8@%edi", REFUSED},
		{"8@$5", REFUSED},
		{"8@%rdi%rsi", REFUSED},
		{"8@", REFUSED},
		{"8@%", REFUSED},
		{"8@(", REFUSED},
		{"8@8(", REFUSED},
		{"8@8(%rax", REFUSED},
		{"8@(%rax,%rbx,8)", REFUSED},
		{"8@name(%rip)", REFUSED},
		{"8@8(%rip)", REFUSED},
		{"8@123456789012(%rax)", REFUSED},
		{"8@[rax", REFUSED},
		{"8@%rdirdirdirdirdirdirdirdirdirdirdi", REFUSED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct usdt_elf_note note = {USDT_ELF_VADDR, "cpartrace", "mark",
						   cases[i].args};
		const int cnt = find(&note, 1);

		if (cnt != (cases[i].cookie != REFUSED) ||
		    (cnt && sites[0].cookie != cases[i].cookie))
			fail_msg("'%s': %d, %#llx", cases[i].args, cnt,
				 (unsigned long long)sites[0].cookie);
	}
	(void)state;
}

static void more_places_than_are_kept_are_left_out(void **state)
{
	struct usdt_elf_note notes[USDT_SITES_MAX + 1];

	for (size_t i = 0; i <= USDT_SITES_MAX; i++)
		notes[i] =
			(struct usdt_elf_note){USDT_ELF_VADDR + i, "cpartrace", "mark", "8@%rdi"};
	assert_int_equal(find(notes, USDT_SITES_MAX + 1), USDT_SITES_MAX);
	assert_int_equal(sites[USDT_SITES_MAX - 1].off, USDT_SITES_MAX - 1);
	(void)state;
}

/* Whatever is cut off or changed: what is found lies in the file. */
static void files_that_make_no_sense_have_no_probe_or_a_sound_one(void **state)
{
	static const uint8_t odd[] = {0, 1, 4, 0x7f, 0x80, 0xff};
	const struct usdt_elf_note notes[] = {
		{USDT_ELF_VADDR + 16, "cpartrace", "mark", "8@-24(%rbp)"},
		{USDT_ELF_VADDR + 19, "cpartrace", "mark", "8@%rsi"},
	};
	const size_t sz = usdt_elf__make(file, notes, 2);

	assert_int_equal(find_in(file, sz), 2);
	for (size_t len = 0; len < sz; len++)
		assert_true(find_in(file, len) <= 1);
	for (size_t i = 0; i < sz; i++) {
		const uint8_t was = file[i];

		for (size_t k = 0; k < sizeof(odd); k++) {
			int cnt;

			file[i] = odd[k];
			cnt = find_in(file, sz);
			assert_true(cnt >= 0 && cnt <= 2);
			for (int n = 0; n < cnt; n++)
				assert_true(sites[n].off <= INT64_MAX &&
					    (sites[n].cookie & CPT_MARK_ARG_REG) <= 31 * 8);
		}
		file[i] = was;
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_probes_of_that_name_are_taken),
		cmocka_unit_test(an_argument_is_in_a_register_or_in_memory_that_one_points_to),
		cmocka_unit_test(more_places_than_are_kept_are_left_out),
		cmocka_unit_test(files_that_make_no_sense_have_no_probe_or_a_sound_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
