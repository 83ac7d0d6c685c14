// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_wait_memo.c - a wait that is remembered is that wait, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../analysis/wait_memo.h"

static const struct cpt_wait a_wait = {.sysno = 202,
				       .prev_state = 1,
				       .object = CPT_FUTEX_CONDVAR,
				       .wait_flags = CPT_WAIT_TIMEOUT,
				       .arg0 = 0x7000,
				       .arg1 = 0x80,
				       .arg2 = 7};

static void every_field_of_a_wait_matters(void **state)
{
	const struct wait_memo memo = {.wait = a_wait, .known = 1 << CPT_END_IRQ};

	assert_true(wait_memo__knows(&memo, &a_wait, CPT_END_IRQ, 1, 0));
#define DIFFERS(field)                                                                             \
	do {                                                                                       \
		struct cpt_wait other = a_wait;                                                    \
		other.field++;                                                                     \
		assert_false(wait_memo__knows(&memo, &other, CPT_END_IRQ, 1, 0));                  \
	} while (0)
	DIFFERS(sysno);
	DIFFERS(prev_state);
	DIFFERS(object);
	DIFFERS(wait_flags);
	DIFFERS(arg0);
	DIFFERS(arg1);
	DIFFERS(arg2);
}

static void an_end_is_known_once_it_was_met(void **state)
{
	const struct wait_memo memo = {.wait = a_wait, .known = 1 << CPT_END_TASK};

	assert_true(wait_memo__knows(&memo, &a_wait, CPT_END_TASK, 1, 0));
	assert_false(wait_memo__knows(&memo, &a_wait, CPT_END_OPEN, 1, 0));
	assert_false(wait_memo__knows(&memo, &a_wait, CPT_END_IRQ, 1, 0));
	assert_false(wait_memo__knows(&memo, &a_wait, 8, 1, 0));
	assert_false(wait_memo__knows(&(struct wait_memo){0}, &(struct cpt_wait){0}, CPT_END_OPEN,
				      0, 0));
}

static void a_word_is_that_of_its_process_and_image(void **state)
{
	struct wait_memo memo = {.wait = a_wait, .known = 1, .proc = 5, .space = 2};

	assert_true(wait_memo__knows(&memo, &a_wait, CPT_END_OPEN, 6, 2));
	memo.by_word = true;
	assert_true(wait_memo__knows(&memo, &a_wait, CPT_END_OPEN, 5, 2));
	assert_false(wait_memo__knows(&memo, &a_wait, CPT_END_OPEN, 6, 2));
	assert_false(wait_memo__knows(&memo, &a_wait, CPT_END_OPEN, 5, 3));
}

static void waits_of_a_block_have_places_of_their_own(void **state)
{
	static struct cpt_wait waits[WAIT_MEMOS];
	static struct wait_memo memos[WAIT_MEMOS];

	for (uint32_t i = 0; i < WAIT_MEMOS; i++) {
		struct wait_memo *place = wait_memo__at(memos, &waits[i]);

		assert_true(place >= memos && place < memos + WAIT_MEMOS);
		assert_int_equal(place->known, 0);
		place->known = 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_of_a_wait_matters),
		cmocka_unit_test(an_end_is_known_once_it_was_met),
		cmocka_unit_test(a_word_is_that_of_its_process_and_image),
		cmocka_unit_test(waits_of_a_block_have_places_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
