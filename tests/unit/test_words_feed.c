// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_words_feed.c - events to words: waits, wakes, sets, reasons; the section on disk.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analysis/words_codec.h"

#define NR_FUTEX       202
#define WAIT_BITSET    0x189
#define FUTEX(op, val) ((uint64_t)(val) << 32 | (op))
#define MUTEX_AT       0x1000
#define COND_AT	       0x2000
#define COND_SIGNALS   (COND_AT + 0x28)

static struct cpt_words *ws;
static uint64_t now_ns;

static int set_up(void **state)
{
	ws = words__new("x86_64");
	now_ns = 1000;
	return ws ? 0 : -1;
}

static int tear_down(void **state)
{
	words__free(ws);
	return 0;
}

static void feed(struct cpt_event ev)
{
	ev.ts_ns = now_ns++;
	assert_int_equal(words__feed(ws, &ev, 1), 0);
}

static void born(uint32_t task, uint32_t creator, uint32_t flags)
{
	const struct cpt_info info = {
		.tid = 100 + task, .tgid = 100 + task, .ns_tid = 100 + task, .flags = flags};

	feed((struct cpt_event){.type = CPT_EV_NEW, .task = task, .other = creator, .info = &info});
}

static void exec(uint32_t task)
{
	const struct cpt_info info = {.tid = 100 + task, .tgid = 100 + task};

	feed((struct cpt_event){.type = CPT_EV_EXEC, .task = task, .info = &info});
}

static void block(uint32_t task, uint64_t addr, uint64_t op, uint8_t object, uint8_t flags)
{
	const struct cpt_wait wait = {.sysno = NR_FUTEX,
				      .prev_state = 1,
				      .object = object,
				      .wait_flags = flags,
				      .arg0 = addr,
				      .arg1 = op};

	feed((struct cpt_event){
		.type = CPT_EV_SWITCH, .flags = CPT_SW_PREV_BLOCKED, .task = task, .wait = &wait});
}

static void block_mutex(uint32_t task)
{
	block(task, MUTEX_AT, FUTEX(128, 2), CPT_FUTEX_MUTEX, 0);
}

static void block_cond(uint32_t task)
{
	block(task, COND_SIGNALS + (task & 1) * 4, FUTEX(WAIT_BITSET, 0), CPT_FUTEX_CONDVAR, 0);
}

static void wake(uint32_t task, uint32_t waker, uint16_t flags)
{
	feed((struct cpt_event){.type = CPT_EV_WAKE,
				.wake_ctx = CPT_CTX_TASK,
				.flags = flags,
				.task = task,
				.other = waker});
}

static void wake_by_timer(uint32_t task, uint32_t interrupted)
{
	feed((struct cpt_event){.type = CPT_EV_WAKE,
				.wake_ctx = CPT_CTX_HARDIRQ,
				.task = task,
				.other = interrupted});
}

/* Threads 2..cnt of task 1's process. */
static void threads(uint32_t cnt)
{
	born(1, 0, 0);
	for (uint32_t i = 2; i <= cnt; i++)
		born(i, 1, CPT_TASK_THREAD);
}

static const struct cpt_word *only_word(void)
{
	assert_int_equal(words__cnt(ws), 1);
	words__classify(ws);
	return words__at(ws, 0);
}

/* ---- counting ------------------------------------------------------------------------------------ */

static void waits_and_wakes_on_the_word_are_counted(void **state)
{
	const struct cpt_word *w;

	threads(3);
	for (int i = 0; i < 3; i++) {
		block_mutex(2);
		wake(2, 3, CPT_SW_WAKE_ON_WORD);
	}
	block_mutex(3);
	wake(3, 2, CPT_SW_WAKE_ON_WORD);
	block_mutex(3);
	wake(3, 2, 0); /* a signal: no wake of the word */
	w = only_word();
	assert_int_equal(w->proc, 1);
	assert_int_equal(w->addr, MUTEX_AT);
	assert_int_equal(w->kind, CPT_WORD_MUTEX);
	assert_int_equal(w->reason, CPT_REASON_LOCK);
	assert_int_equal(w->waits, 5);
	assert_int_equal(w->wakes, 4);
	assert_int_equal(w->waiters, 2);
	assert_int_equal(w->wakers, 2);
	assert_int_equal(w->both, 2);
	assert_int_equal(w->timeouts, 0);
	assert_int_equal(w->flags, 0);
}

static void timer_is_no_waker(void **state)
{
	const struct cpt_word *w;

	threads(3);
	block(2, COND_SIGNALS, FUTEX(WAIT_BITSET, 0), CPT_FUTEX_CONDVAR, CPT_WAIT_TIMEOUT);
	wake_by_timer(2, 3);
	block_cond(2); /* without a timeout no interrupt makes one */
	wake_by_timer(2, 3);
	w = only_word();
	assert_int_equal(w->waits, 2);
	assert_int_equal(w->timeouts, 1);
	assert_int_equal(w->wakes, 0);
	assert_int_equal(w->wakers, 0);
}

static void late_wakes_count_like_others_and_once(void **state)
{
	const struct cpt_late late = {.ts_ns = 5,
				      .task = 2,
				      .waker = 3,
				      .kind = CPT_LATE_WAKE,
				      .flags = CPT_SW_WAKE_ON_WORD};
	const struct cpt_late end = {.ts_ns = 5, .task = 2, .waker = 3, .kind = CPT_LATE_END};

	threads(3);
	block_mutex(2);
	assert_int_equal(words__late(ws, &end), 0);
	assert_int_equal(words__late(ws, &late), 0);
	assert_int_equal(words__late(ws, &late), 0);
	assert_int_equal(only_word()->wakes, 1);
	assert_int_equal(only_word()->wakers, 1);
}

static void wake_after_the_task_has_run_is_of_no_word(void **state)
{
	threads(3);
	block_mutex(2);
	feed((struct cpt_event){.type = CPT_EV_SWITCH, .other = 2});
	wake(2, 3, CPT_SW_WAKE_ON_WORD);
	assert_int_equal(only_word()->wakes, 0);
}

static void address_means_another_thing_after_exec_and_in_another_process(void **state)
{
	threads(2);
	born(3, 1, 0);
	exec(1);
	block_mutex(1);
	block_mutex(3);
	exec(1);
	block_mutex(1);
	assert_int_equal(words__cnt(ws), 3);
	assert_int_equal(words__at(ws, 0)->space, 1);
	assert_int_equal(words__at(ws, 1)->proc, 3);
	assert_int_equal(words__at(ws, 1)->space, 0);
	assert_int_equal(words__at(ws, 2)->space, 2);
	assert_int_equal(words__tgid(ws, 3), 103);
}

static void wakers_of_other_processes_leave_the_sets_open(void **state)
{
	threads(2);
	born(3, 1, 0);
	for (int i = 0; i < 20; i++) {
		block_cond(2);
		wake(2, 3, CPT_SW_WAKE_ON_WORD);
	}
	assert_true(only_word()->flags & CPT_WORD_OVERFLOW);
	assert_int_equal(only_word()->reason, CPT_REASON_CONDVAR);
}

static void words_beyond_the_limit_are_counted_in_the_last(void **state)
{
	threads(2);
	for (uint32_t i = 0; i < CPT_WORDS_MAX + 5; i++)
		block(2, 8 * (uint64_t)i, FUTEX(128, 2), CPT_FUTEX_MUTEX, 0);
	words__classify(ws);
	assert_int_equal(words__cnt(ws), CPT_WORDS_MAX);
	assert_int_equal(words__at(ws, CPT_WORDS_MAX - 1)->waits, 6);
	assert_int_equal(words__at(ws, CPT_WORDS_MAX - 1)->flags, CPT_WORD_OVERFLOW);
	assert_int_equal(words__at(ws, CPT_WORDS_MAX - 1)->reason, CPT_REASON_OTHER);
	assert_int_equal(words__at(ws, 7)->waits, 1);
}

static void tasks_beyond_the_limit_leave_the_sets_open(void **state)
{
	const uint32_t tasks = 1u << 12, words = CPT_WORD_PAIRS_MAX / tasks;

	threads(tasks);
	for (uint32_t w = 0; w <= words; w++)
		for (uint32_t t = 1; t <= tasks; t++)
			block(t, 8 * (uint64_t)w, FUTEX(WAIT_BITSET, 0), CPT_FUTEX_SEM, 0);
	assert_int_equal(words__at(ws, 0)->flags, 0);
	assert_int_equal(words__at(ws, 0)->waiters, tasks);
	assert_int_equal(words__at(ws, words)->flags, CPT_WORD_OVERFLOW);
	assert_int_equal(words__at(ws, words)->waiters, 0);
	assert_int_equal(words__at(ws, words)->waits, tasks);
}

/* ---- reasons --------------------------------------------------------------------------------------- */

static void worker_and_feeder_that_never_swap_make_a_queue(void **state)
{
	threads(3);
	for (int i = 0; i < 4; i++) {
		block_cond(2);
		wake(2, 1, CPT_SW_WAKE_ON_WORD);
		block_cond(3);
		wake(3, 1, CPT_SW_WAKE_ON_WORD);
		assert_int_equal(only_word()->reason,
				 i < 3 ? CPT_REASON_CONDVAR : CPT_REASON_QUEUE);
	}
	/* One swap, and it may be anything. */
	block_cond(1);
	wake(1, 2, CPT_SW_WAKE_ON_WORD);
	assert_int_equal(only_word()->reason, CPT_REASON_CONDVAR);
}

static void many_workers_seen_once_each_make_no_queue(void **state)
{
	threads(20);
	for (uint32_t t = 2; t <= 20; t++) {
		block_cond(t);
		wake(t, 1, CPT_SW_WAKE_ON_WORD);
	}
	assert_int_equal(only_word()->reason, CPT_REASON_CONDVAR);
}

static void runtime_symbol_makes_a_handoff_whoever_waits(void **state)
{
	static const struct {
		const char *symbol;
		uint8_t reason;
	} rows[] = {{"_PyRuntime+0x1b8", CPT_REASON_HANDOFF},
		    {"_PyRuntime", CPT_REASON_HANDOFF},
		    {"_PyRuntimeState_Init", CPT_REASON_QUEUE},
		    {"not_PyRuntime", CPT_REASON_QUEUE}};

	threads(2);
	for (int i = 0; i < 20; i++) {
		block_cond(2);
		wake(2, 1, CPT_SW_WAKE_ON_WORD);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(words__set_place(ws, 0, rows[i].symbol, "python3", "", 0), 0);
		assert_int_equal(only_word()->reason, rows[i].reason);
		assert_int_equal(only_word()->flags & CPT_WORD_BY_SYMBOL,
				 rows[i].reason == CPT_REASON_HANDOFF ? CPT_WORD_BY_SYMBOL : 0);
	}
}

static void value_of_pthread_once_makes_one_only_if_each_waits_once(void **state)
{
	threads(3);
	block(2, MUTEX_AT, FUTEX(128, 1), CPT_FUTEX_PLAIN, 0);
	block(3, MUTEX_AT, FUTEX(128, 1), CPT_FUTEX_PLAIN, 0);
	wake(2, 1, CPT_SW_WAKE_ON_WORD);
	wake(3, 1, CPT_SW_WAKE_ON_WORD);
	block(2, COND_AT, FUTEX(128, 1), CPT_FUTEX_PLAIN, 0);
	wake(2, 1, CPT_SW_WAKE_ON_WORD);
	block(2, COND_AT, FUTEX(128, 1), CPT_FUTEX_PLAIN, 0);
	words__classify(ws);
	assert_int_equal(words__at(ws, 0)->kind, CPT_WORD_ONCE);
	assert_int_equal(words__at(ws, 0)->reason, CPT_REASON_LOCK);
	assert_int_equal(words__at(ws, 1)->kind, CPT_WORD_FUTEX);
	assert_int_equal(words__at(ws, 1)->reason, CPT_REASON_OTHER);
}

static void expecting_a_threads_tid_makes_a_join(void **state)
{
	threads(3);
	block(1, 0x7f00, FUTEX(9 | 256, 103), CPT_FUTEX_PLAIN, 0);
	block(1, 0x7e00, FUTEX(9 | 256, 555), CPT_FUTEX_PLAIN, 0);
	words__classify(ws);
	assert_int_equal(words__at(ws, 0)->kind, CPT_WORD_JOIN);
	assert_int_equal(words__at(ws, 0)->reason, CPT_REASON_JOIN);
	assert_int_equal(words__at(ws, 1)->reason, CPT_REASON_OTHER);
}

static void ends(uint32_t thread, uint32_t waiter)
{
	feed((struct cpt_event){.type = CPT_EV_WAKE,
				.wake_ctx = CPT_CTX_TASK,
				.task = waiter,
				.other = thread,
				.waker_sysno = 60}); /* exit */
}

/* Since glibc 2.43 a join waits for the thread's state, and around that it may look like an rwlock. */
static void a_wait_that_a_threads_end_ends_is_a_join(void **state)
{
	const uint64_t joinable = FUTEX(9 | 256, 2);

	threads(3);
	block(1, 0x7ce8, joinable, CPT_FUTEX_PLAIN, 0);
	ends(2, 1);
	block(1, 0x8ce8, joinable, CPT_FUTEX_RWLOCK, 0);
	ends(3, 1);
	block(1, 0x9ce8, joinable, CPT_FUTEX_RWLOCK,
	      0); /* a lock: let go, and its holder ends too */
	wake(1, 2, CPT_SW_WAKE_ON_WORD);
	block(1, 0x9ce8, joinable, CPT_FUTEX_RWLOCK, 0);
	ends(2, 1);
	block(1, 0xace8, FUTEX(9 | 256, 7), CPT_FUTEX_PLAIN, 0); /* no state of a thread */
	ends(2, 1);
	block(1, 0xbce8, joinable, CPT_FUTEX_PLAIN, 0); /* nobody was seen to end it */
	words__classify(ws);
	assert_int_equal(words__at(ws, 0)->kind, CPT_WORD_JOIN);
	assert_int_equal(words__at(ws, 0)->reason, CPT_REASON_JOIN);
	assert_int_equal(words__at(ws, 1)->kind, CPT_WORD_JOIN);
	assert_int_equal(words__at(ws, 2)->reason, CPT_REASON_LOCK);
	assert_int_equal(words__at(ws, 3)->reason, CPT_REASON_OTHER);
	assert_int_equal(words__at(ws, 4)->reason, CPT_REASON_OTHER);
}

static void most_frequent_kind_of_used_again_memory_stays(void **state)
{
	threads(2);
	block(2, MUTEX_AT, FUTEX(WAIT_BITSET, 0), CPT_FUTEX_SEM, 0);
	for (int i = 0; i < 3; i++)
		block_mutex(2);
	block(2, MUTEX_AT, FUTEX(128, 5), CPT_FUTEX_PLAIN, 0);
	assert_int_equal(only_word()->kind, CPT_WORD_MUTEX);
}

/* ---- on disk --------------------------------------------------------------------------------------- */

static void section_says_all_of_a_table(void **state)
{
	struct cpt_words *again = words__new("x86_64");
	size_t sz;
	uint8_t *bytes;

	assert_non_null(again);
	threads(3);
	block_mutex(2);
	wake(2, 3, CPT_SW_WAKE_ON_WORD);
	block_cond(3);
	block(1, 0xfffffffffffff000, FUTEX(0, 2), CPT_FUTEX_MUTEX, 0);
	words__set_place(ws, 0, "queue_lock", "server", "00ff", 0x4060);
	words__set_place(ws, 2, "", "server", "00ff", UINT64_MAX);
	words__set_same(ws, 2, 0);
	words__classify(ws);
	bytes = words__encode(ws, &sz);
	assert_non_null(bytes);
	assert_int_equal(words__decode(again, bytes, sz, 3), 0);
	assert_int_equal(words__cnt(again), 3);
	for (uint32_t i = 0; i < 3; i++) {
		struct cpt_word a = *words__at(ws, i), b = *words__at(again, i);

		assert_string_equal(a.symbol, b.symbol);
		assert_string_equal(a.module, b.module);
		assert_string_equal(a.build_id, b.build_id);
		a.symbol = a.module = a.build_id = b.symbol = b.module = b.build_id = NULL;
		assert_memory_equal(&a, &b, sizeof(a));
	}
	free(bytes);
	words__free(again);
}

static void damaged_section_is_refused_or_read_within_bounds(void **state)
{
	size_t sz;
	uint8_t *bytes, *copy;

	threads(3);
	block_mutex(2);
	block_cond(3);
	words__set_place(ws, 0, "queue_lock", "server", "00ff", 0x4060);
	words__classify(ws);
	bytes = words__encode(ws, &sz);
	assert_non_null(bytes);
	for (size_t i = 0; i < sz; i++) {
		struct cpt_words *cut = words__new("x86_64");

		copy = malloc(i + 1);
		memcpy(copy, bytes, i);
		assert_int_equal(words__decode(cut, copy, i, 3), -EBADMSG);
		free(copy);
		words__free(cut);
	}
	for (size_t i = 0; i < 8 * sz; i++) {
		struct cpt_words *flipped = words__new("x86_64");
		int err;

		bytes[i / 8] ^= (uint8_t)(1u << i % 8);
		err = words__decode(flipped, bytes, sz, 3);
		assert_true(!err || err == -EBADMSG);
		for (uint32_t w = 0; w < words__cnt(flipped); w++) {
			assert_true(words__at(flipped, w)->proc <= 3);
			assert_true(words__at(flipped, w)->kind < CPT_WORD_KIND_CNT);
			assert_true(words__at(flipped, w)->reason < CPT_REASON_CNT);
			assert_true(words__at(flipped, w)->same <= w);
			assert_true(strlen(words__at(flipped, w)->symbol) <= CPT_WORD_STR_MAX);
		}
		words__free(flipped);
		bytes[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	free(bytes);
}

static void word_of_a_newer_writer_is_read_as_far_as_known(void **state)
{
	/* no strings; one word of 18 bytes: proc 1, space 1, address 8, kind 99, reason 99, flags 0 */
	const uint8_t bytes[] = {0, 1, 18, 1, 1, 16, 99, 99, 0, 0, 7,
				 0, 0, 1,  0, 0, 0,  0,	 0,  0, 42};

	assert_int_equal(words__decode(ws, bytes, sizeof(bytes), 1), 0);
	assert_int_equal(words__at(ws, 0)->kind, CPT_WORD_FUTEX);
	assert_int_equal(words__at(ws, 0)->reason, CPT_REASON_OTHER);
	assert_int_equal(words__at(ws, 0)->waits, 7);
	assert_int_equal(words__at(ws, 0)->addr, 8);
}

static void largest_table_fits_a_section(void **state)
{
	char symbol[CPT_WORD_STR_MAX + 1];
	struct cpt_words *again = words__new("x86_64");
	uint8_t *bytes;
	size_t sz;

	memset(symbol, 'x', sizeof(symbol) - 1);
	symbol[sizeof(symbol) - 1] = '\0';
	for (uint32_t i = 0; i < CPT_WORDS_MAX; i++) {
		const struct cpt_word w = {.proc = 1,
					   .addr = (uint64_t)i * 0x9e3779b97f4a7c15,
					   .waits = UINT64_MAX,
					   .timeouts = UINT64_MAX,
					   .wakes = UINT64_MAX,
					   .symbol = symbol,
					   .offset = UINT64_MAX};

		symbol[i % 20] = (char)('a' + i / 20 % 26);
		assert_int_equal(words__add(ws, &w), 0);
	}
	bytes = words__encode(ws, &sz);
	assert_non_null(bytes);
	assert_true(sz <= 4u << 20);
	assert_int_equal(words__decode(again, bytes, sz, 1), 0);
	assert_in_range(words__cnt(again), CPT_WORDS_MAX / 3, CPT_WORDS_MAX);
	free(bytes);
	words__free(again);
}

int main(void)
{
#define FEED_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		FEED_TEST(waits_and_wakes_on_the_word_are_counted),
		FEED_TEST(timer_is_no_waker),
		FEED_TEST(late_wakes_count_like_others_and_once),
		FEED_TEST(wake_after_the_task_has_run_is_of_no_word),
		FEED_TEST(address_means_another_thing_after_exec_and_in_another_process),
		FEED_TEST(wakers_of_other_processes_leave_the_sets_open),
		FEED_TEST(words_beyond_the_limit_are_counted_in_the_last),
		FEED_TEST(tasks_beyond_the_limit_leave_the_sets_open),
		FEED_TEST(worker_and_feeder_that_never_swap_make_a_queue),
		FEED_TEST(many_workers_seen_once_each_make_no_queue),
		FEED_TEST(runtime_symbol_makes_a_handoff_whoever_waits),
		FEED_TEST(value_of_pthread_once_makes_one_only_if_each_waits_once),
		FEED_TEST(expecting_a_threads_tid_makes_a_join),
		FEED_TEST(a_wait_that_a_threads_end_ends_is_a_join),
		FEED_TEST(most_frequent_kind_of_used_again_memory_stays),
		FEED_TEST(section_says_all_of_a_table),
		FEED_TEST(damaged_section_is_refused_or_read_within_bounds),
		FEED_TEST(word_of_a_newer_writer_is_read_as_far_as_known),
		FEED_TEST(largest_table_fits_a_section),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
