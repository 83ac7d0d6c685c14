// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_words.c - the table of synchronisation objects: keys, layouts, strings, bounds.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../analysis/words.h"

#define NR_FUTEX       202
#define OP_WAIT	       128
#define OP_WAIT_BITSET (9 | 128)
#define OP_REALTIME    256
#define FUTEX(op, val) ((uint64_t)(val) << 32 | (op))
#define MUTEX_AT(at)   futex_wait(at, FUTEX(OP_WAIT, 2), CPT_FUTEX_MUTEX)
#define CONDVAR_AT(at) futex_wait(at, FUTEX(OP_WAIT_BITSET, 0), CPT_FUTEX_CONDVAR)

static struct cpt_words *ws;

static int set_up(void **state)
{
	ws = words__new("x86_64");
	return ws ? 0 : -1;
}

static int tear_down(void **state)
{
	words__free(ws);
	return 0;
}

static struct cpt_wait futex_wait(uint64_t addr, uint64_t op, uint8_t object)
{
	return (struct cpt_wait){
		.sysno = NR_FUTEX, .prev_state = 1, .object = object, .arg0 = addr, .arg1 = op};
}

static int add(uint32_t proc, uint32_t space, uint64_t addr, uint8_t kind)
{
	const struct cpt_word w = {.proc = proc, .space = space, .addr = addr, .kind = kind};

	return words__add(ws, &w);
}

static const struct cpt_word *lookup(uint32_t proc, uint32_t space, struct cpt_wait wait)
{
	return words__lookup(ws, proc, space, &wait);
}

static void word_is_found_by_process_space_and_address(void **state)
{
	assert_null(lookup(1, 1, MUTEX_AT(0x1000)));
	assert_int_equal(add(1, 1, 0x1000, CPT_WORD_MUTEX), 0);
	assert_int_equal(add(2, 1, 0x1000, CPT_WORD_MUTEX), 0);
	assert_int_equal(add(1, 2, 0x1000, CPT_WORD_MUTEX), 0);
	assert_int_equal(add(1, 1, 0x1000, CPT_WORD_SEM), -EEXIST);
	assert_int_equal(words__cnt(ws), 3);
	assert_ptr_equal(lookup(1, 1, MUTEX_AT(0x1000)), words__at(ws, 0));
	assert_ptr_equal(lookup(2, 1, MUTEX_AT(0x1000)), words__at(ws, 1));
	assert_ptr_equal(lookup(1, 2, MUTEX_AT(0x1000)), words__at(ws, 2));
	assert_int_equal(words__idx(ws, lookup(1, 2, MUTEX_AT(0x1000))), 2);
	assert_null(lookup(1, 3, MUTEX_AT(0x1000)));
	assert_null(lookup(1, 1, MUTEX_AT(0x1008)));
}

static void file_lock_is_not_a_futex_at_that_address(void **state)
{
	assert_int_equal(add(1, 1, 8, CPT_WORD_FILE_LOCK), 0);
	assert_null(lookup(1, 1, MUTEX_AT(8)));
	assert_int_equal(add(1, 1, 8, CPT_WORD_MUTEX), 0);
	assert_int_equal(words__idx(ws, lookup(1, 1, MUTEX_AT(8))), 1);
}

static void words_of_a_condition_variable_are_one_object(void **state)
{
	const uint64_t refs = FUTEX(OP_WAIT, 5), lock = FUTEX(OP_WAIT, 0x12);

	assert_int_equal(add(1, 1, 0x1000, CPT_WORD_CONDVAR), 0);
	assert_ptr_equal(lookup(1, 1, CONDVAR_AT(0x1028)), words__at(ws, 0));
	assert_ptr_equal(lookup(1, 1, CONDVAR_AT(0x102c)), words__at(ws, 0));
	assert_ptr_equal(lookup(1, 1, futex_wait(0x1014, refs, CPT_FUTEX_CONDVAR)),
			 words__at(ws, 0));
	assert_ptr_equal(lookup(1, 1, futex_wait(0x1020, lock, CPT_FUTEX_CONDVAR)),
			 words__at(ws, 0));
	/* One that could not be read is taken for what is known to be there, and for nothing else. */
	assert_ptr_equal(
		lookup(1, 1, futex_wait(0x102c, FUTEX(OP_WAIT_BITSET, 0), CPT_FUTEX_UNREAD)),
		words__at(ws, 0));
	assert_null(lookup(1, 1, futex_wait(0x104c, FUTEX(OP_WAIT_BITSET, 0), CPT_FUTEX_UNREAD)));
	assert_null(lookup(1, 1, futex_wait(0x102c, FUTEX(OP_WAIT_BITSET, 0), CPT_FUTEX_PLAIN)));
}

/* Since glibc 2.41 it lies otherwise, and a waiter expects the start of its group. */
static void words_of_a_newer_condition_variable_are_one_object(void **state)
{
	const uint64_t signals = FUTEX(OP_WAIT_BITSET | OP_REALTIME, 6),
		       lock = FUTEX(OP_WAIT, 0x12);

	assert_int_equal(add(1, 1, 0x1000, CPT_WORD_CONDVAR), 0);
	assert_ptr_equal(lookup(1, 1, futex_wait(0x1020, signals, CPT_FUTEX_CONDVAR_241)),
			 words__at(ws, 0));
	assert_ptr_equal(lookup(1, 1, futex_wait(0x1024, signals, CPT_FUTEX_CONDVAR_241)),
			 words__at(ws, 0));
	assert_ptr_equal(lookup(1, 1, futex_wait(0x1018, lock, CPT_FUTEX_CONDVAR_241)),
			 words__at(ws, 0));
	assert_null(lookup(1, 1, futex_wait(0x1028, signals, CPT_FUTEX_CONDVAR_241)));
	assert_ptr_equal(lookup(1, 1, futex_wait(0x1024, signals, CPT_FUTEX_UNREAD)),
			 words__at(ws, 0));
	assert_null(lookup(1, 1, futex_wait(0x1044, signals, CPT_FUTEX_UNREAD)));
}

static void words_of_rwlock_and_barrier_lead_to_their_start(void **state)
{
	add(1, 1, 0x2000, CPT_WORD_RWLOCK);
	add(1, 1, 0x3000, CPT_WORD_BARRIER);
	for (uint64_t at = 0x2008; at <= 0x200c; at += 4)
		assert_ptr_equal(lookup(1, 1,
					futex_wait(at, FUTEX(OP_WAIT_BITSET | OP_REALTIME, 3),
						   CPT_FUTEX_RWLOCK)),
				 words__at(ws, 0));
	assert_ptr_equal(lookup(1, 1, futex_wait(0x3004, FUTEX(OP_WAIT, 0), CPT_FUTEX_BARRIER)),
			 words__at(ws, 1));
}

static void many_words_are_found_again(void **state)
{
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(add(1 + i % 7, i % 3, 0x1000 + 8 * i, CPT_WORD_MUTEX), 0);
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(words__idx(ws, lookup(1 + i % 7, i % 3, MUTEX_AT(0x1000 + 8 * i))),
				 i);
}

static void table_has_an_end(void **state)
{
	for (uint32_t i = 0; i < CPT_WORDS_MAX; i++)
		assert_int_equal(add(1, 1, 8 * i, CPT_WORD_MUTEX), 0);
	assert_int_equal(add(1, 1, 8ull * CPT_WORDS_MAX, CPT_WORD_MUTEX), -ENOSPC);
}

static void what_cannot_be_is_refused(void **state)
{
	struct cpt_word w = {.proc = 1, .kind = CPT_WORD_KIND_CNT};

	assert_int_equal(words__add(ws, &w), -EINVAL);
	w.kind = CPT_WORD_MUTEX;
	w.reason = CPT_REASON_CNT;
	assert_int_equal(words__add(ws, &w), -EINVAL);
	w.reason = CPT_REASON_LOCK;
	w.same = 1;
	assert_int_equal(words__add(ws, &w), -EINVAL);
	assert_int_equal(words__cnt(ws), 0);
}

static void places_are_copied_and_cut(void **state)
{
	char symbol[CPT_WORD_STR_MAX + 10];

	memset(symbol, 'x', sizeof(symbol) - 1);
	symbol[sizeof(symbol) - 1] = '\0';
	add(1, 1, 0x1000, CPT_WORD_MUTEX);
	assert_string_equal(words__at(ws, 0)->symbol, "");
	assert_int_equal(words__set_place(ws, 0, symbol, "server", NULL, 0x40), 0);
	symbol[0] = 'y';
	assert_int_equal(strlen(words__at(ws, 0)->symbol), CPT_WORD_STR_MAX);
	assert_int_equal(words__at(ws, 0)->symbol[0], 'x');
	assert_string_equal(words__at(ws, 0)->module, "server");
	assert_string_equal(words__at(ws, 0)->build_id, "");
	assert_int_equal(words__at(ws, 0)->offset, 0x40);
	assert_int_equal(words__set_place(ws, 0, "queue_lock", "server", "00ff", 0x40), 0);
	assert_string_equal(words__at(ws, 0)->symbol, "queue_lock");
}

static void same_object_points_back_only(void **state)
{
	add(1, 1, 0x1000, CPT_WORD_MUTEX);
	add(2, 0, 0x5000, CPT_WORD_MUTEX);
	words__set_same(ws, 0, 1);
	words__set_same(ws, 1, 1);
	words__set_same(ws, 2, 0);
	assert_int_equal(words__at(ws, 0)->same, 0);
	assert_int_equal(words__at(ws, 1)->same, 0);
	words__set_same(ws, 1, 0);
	assert_int_equal(words__at(ws, 1)->same, 1);
}

int main(void)
{
#define WORDS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WORDS_TEST(word_is_found_by_process_space_and_address),
		WORDS_TEST(file_lock_is_not_a_futex_at_that_address),
		WORDS_TEST(words_of_a_condition_variable_are_one_object),
		WORDS_TEST(words_of_a_newer_condition_variable_are_one_object),
		WORDS_TEST(words_of_rwlock_and_barrier_lead_to_their_start),
		WORDS_TEST(many_words_are_found_again),
		WORDS_TEST(table_has_an_end),
		WORDS_TEST(what_cannot_be_is_refused),
		WORDS_TEST(places_are_copied_and_cut),
		WORDS_TEST(same_object_points_back_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
