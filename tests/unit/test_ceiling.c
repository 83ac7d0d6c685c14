// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_ceiling.c - drawn hand-offs, pools and barriers: which of them let one thread run at a time?
 *
 * In the drawings # running, . waiting on the condition variable C. A round is 1,000 ns.
 */
#include "analysis_fixture.h"

#include <sys/syscall.h>

#include "../../analysis/python_gil.h"
#include "../../analysis/words.h"

#define C_ADDR	   0x7f0000002000u
#define FIRST_NS   10000u
#define ROUND_NS   1000u
#define ROUNDS	   60u
#define THREAD_CNT 3u

struct stage {
	struct trace_builder *tb;
	struct cpt_words *ws;
	uint32_t app, t[THREAD_CNT];
};

static struct cpt_words *one_condvar(enum cpt_reason reason, const char *symbol, uint32_t both)
{
	struct cpt_words *ws = words__new("x86_64");
	struct cpt_word w = {.proc = 1,
			     .space = 1,
			     .addr = C_ADDR,
			     .kind = CPT_WORD_CONDVAR,
			     .reason = (uint8_t)reason,
			     .both = both,
			     .symbol = symbol};

	assert_non_null(ws);
	assert_int_equal(words__add(ws, &w), 0);
	return ws;
}

static void on(const struct stage *s, uint64_t ts_ns, uint32_t who)
{
	tb__run(s->tb, ts_ns, who, s->t[who]);
}

/* pthread_cond_wait, on the first of its two words; each thread has a CPU of its own. */
static void wait_on_c(const struct stage *s, uint64_t ts_ns, uint32_t who)
{
	tb__block(s->tb, ts_ns, s->t[who],
		  tb_wait_futex(C_ADDR + 0x28, 137, 0, CPT_FUTEX_CONDVAR, 0), TB_IDLE);
}

static void time_out_on_c(const struct stage *s, uint64_t ts_ns, uint32_t who)
{
	struct cpt_wait wait = tb_wait_futex(C_ADDR + 0x28, 137, 0, CPT_FUTEX_CONDVAR, 0);

	wait.wait_flags = CPT_WAIT_TIMEOUT;
	tb__block(s->tb, ts_ns, s->t[who], wait, TB_IDLE);
}

static void wake(const struct stage *s, uint64_t ts_ns, uint32_t who, uint32_t waker)
{
	tb__wake_as(s->tb, ts_ns, s->t[who], s->t[waker], CPT_CTX_TASK, CPT_SW_WAKE_ON_WORD,
		    SYS_futex);
}

/* Threads 0, 1, 2 on CPUs of the same numbers; main waits in a join on CPU 3. 1 and 2 wait on C. */
static struct stage begin(enum cpt_reason reason, const char *symbol)
{
	struct stage s = {.tb = tb__new(4), .ws = one_condvar(reason, symbol, THREAD_CNT)};

	s.app = tb__command(s.tb, 1000, "app");
	tb__run(s.tb, 1000, 3, s.app);
	for (uint32_t i = 0; i < THREAD_CNT; i++) {
		s.t[i] = tb__thread(s.tb, 1000, s.app, "t");
		tb__run(s.tb, 1000, i, s.t[i]);
	}
	tb__block(s.tb, 1010, s.app, tb_wait_fd(SYS_read, 0, CPT_FD_TTY), TB_IDLE);
	wait_on_c(&s, 1020, 1);
	wait_on_c(&s, 1020, 2);
	return s;
}

static struct cpt_report *report_stage(const struct stage *s, const struct cpt_filter *filter)
{
	struct cpt_analysis_opts opts = {.words = s->ws};

	if (filter)
		opts.filter = *filter;
	return report_until(s->tb, &opts, FIRST_NS + ROUNDS * ROUND_NS);
}

static void end(struct stage *s, struct cpt_report *r)
{
	words__free(s->ws);
	done(r, s->tb);
}

/*
 *  0  #####|.........|.........|#####      each wakes the next, and both run for `overlap` ns
 *  1  .....|#########|.........|.....
 *  2  .....|.........|#########|.....
 */
static void hand_on(const struct stage *s, uint32_t overlap_ns)
{
	for (uint32_t i = 0; i + 1 < ROUNDS; i++) {
		const uint64_t ts_ns = FIRST_NS + i * ROUND_NS;

		wake(s, ts_ns, (i + 1) % THREAD_CNT, i % THREAD_CNT);
		on(s, ts_ns + 5, (i + 1) % THREAD_CNT);
		wait_on_c(s, ts_ns + 5 + overlap_ns, i % THREAD_CNT);
	}
}

static void hand_off_is_offered_with_its_evidence(void **state)
{
	struct stage s = begin(CPT_REASON_CONDVAR, "");
	const struct cpt_ceiling *c;
	struct cpt_report *r;

	hand_on(&s, 10);
	r = report_stage(&s, NULL);
	assert_int_equal(r->ceilings_cnt, 1);
	c = &r->ceilings[0];
	assert_int_equal(c->kind, CPT_CEILING_ONE_OF_N);
	assert_int_equal(c->word_kind, CPT_WORD_CONDVAR);
	assert_int_equal(c->pid, tb_tid(s.app));
	assert_int_equal(c->addr, C_ADDR);
	assert_int_equal(c->threads, THREAD_CNT);
	assert_in_range(c->turns, ROUNDS - 5, ROUNDS);
	assert_in_range(c->overlap_ns, 10 * (ROUNDS - 5), 10 * ROUNDS);
	/* Before the first had woken anyone, it was none of the set. */
	assert_in_range(c->wanted_ns - c->one_ns - c->overlap_ns, 0, ROUND_NS);
	assert_in_range(c->wanted_ns, (ROUNDS - 5) * ROUND_NS, ROUNDS * ROUND_NS);
	assert_true(c->free_cpus > 2.9 && c->free_cpus < 3);
	assert_int_equal(c->waited_ns, 0);
	end(&s, r);
}

/* An interpreter's waits come to their time-outs: each a wait of its own, and none of them a sleep.
 *
 *  0  ##########|..:..:..:..|     : woken by the timer, looks, waits again
 *  1  ..:..:..:.|###########|
 */
static void waits_that_time_out_count_as_wanting(void **state)
{
	struct stage s = begin(CPT_REASON_CONDVAR, "");
	struct cpt_report *r;

	for (uint32_t i = 0; i + 1 < ROUNDS; i++) {
		const uint64_t ts_ns = FIRST_NS + i * ROUND_NS;
		const uint32_t now = i % THREAD_CNT, next = (i + 1) % THREAD_CNT;

		wake(&s, ts_ns, next, now);
		on(&s, ts_ns + 5, next);
		time_out_on_c(&s, ts_ns + 10, now);
		tb__wake_irq(s.tb, ts_ns + 400, s.t[now], CPT_CTX_HARDIRQ, s.t[next]);
		on(&s, ts_ns + 400, now);
		wait_on_c(&s, ts_ns + 410, now);
	}
	r = report_stage(&s, NULL);
	assert_int_equal(r->ceilings_cnt, 1);
	assert_in_range(r->ceilings[0].wanted_ns, (ROUNDS - 5) * ROUND_NS, ROUNDS * ROUND_NS);
	end(&s, r);
}

/* With a symbol that names it: certain, and its share is the time any waited for it. */
static void gil_is_known_by_its_symbol(void **state)
{
	struct stage s = begin(CPT_REASON_HANDOFF, "_PyRuntime+0x1b0");
	struct cpt_report *r;

	hand_on(&s, 10);
	r = report_stage(&s, NULL);
	assert_int_equal(r->ceilings_cnt, 1);
	assert_int_equal(r->ceilings[0].kind, CPT_CEILING_GIL);
	assert_int_equal(r->ceilings[0].threads, THREAD_CNT);
	assert_int_equal(r->locks_cnt, 1);
	assert_true(r->locks[0].python_gil);
	assert_int_equal(r->locks[0].reason, CPT_REASON_HANDOFF);
	assert_int_equal(r->ceilings[0].waited_ns, r->locks[0].waited_ns);
	assert_true(r->locks[0].waited_ns > r->window_ns / 100 * 99);
	/* Each wake-up names who held it until then. */
	assert_true(r->locks[0].holder_running_ns > r->locks[0].blocked_ns / 10 * 8);
	end(&s, r);
}

static void other_symbols_are_no_gil(void **state)
{
	static const char *const others[] = {"", "PyRuntime", "_PyRuntimeState_Init",
					     "x_PyRuntime"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct stage s = begin(CPT_REASON_HANDOFF, others[i]);
		struct cpt_report *r;

		hand_on(&s, 10);
		r = report_stage(&s, NULL);
		assert_false(r->locks[0].python_gil);
		end(&s, r);
	}
}

static const struct cpt_word *add_condvar(struct cpt_words *ws, uint32_t space, uint64_t addr,
					  const char *symbol)
{
	const struct cpt_word w = {.proc = 1,
				   .space = space,
				   .addr = addr,
				   .kind = CPT_WORD_CONDVAR,
				   .reason = CPT_REASON_HANDOFF,
				   .symbol = symbol};

	assert_int_equal(words__add(ws, &w), 0);
	return words__at(ws, words__cnt(ws) - 1);
}

/* Behind the lock's condition variable and its mutex lies the one of threads that let go on request. */
static void condition_variable_of_those_that_let_go_is_not_the_gil(void **state)
{
	static const uint64_t off[] = {48 + 40, 48 + 48};

	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		struct cpt_words *ws =
			one_condvar(CPT_REASON_HANDOFF, "_PyRuntime+0x188", THREAD_CNT);
		const struct cpt_word *let_go =
			add_condvar(ws, 1, C_ADDR + off[i], "_PyRuntime+0x1e0");

		assert_int_equal(python_gil_of(ws, words__at(ws, 0)), PYTHON_GIL_LOCK);
		assert_int_equal(python_gil_of(ws, let_go), PYTHON_GIL_SWITCH);
		words__free(ws);
	}
}

static void condition_variables_elsewhere_tell_nothing_of_the_gil(void **state)
{
	struct cpt_words *ws = one_condvar(CPT_REASON_HANDOFF, "_PyRuntime", THREAD_CNT);

	assert_int_equal(python_gil_of(ws, add_condvar(ws, 1, C_ADDR + 80, "_PyRuntime+0x50")),
			 PYTHON_GIL_LOCK);
	/* before an exec */
	assert_int_equal(python_gil_of(ws, add_condvar(ws, 0, C_ADDR + 88, "_PyRuntime+0x58")),
			 PYTHON_GIL_LOCK);
	assert_int_equal(python_gil_of(ws, add_condvar(ws, 1, C_ADDR + 88, "queue")),
			 PYTHON_GIL_NONE);
	words__free(ws);
}

/* More than a hand-over: a tenth of the time two run. */
static void overlap_beyond_hand_overs_is_no_ceiling(void **state)
{
	struct stage s = begin(CPT_REASON_CONDVAR, "");
	struct cpt_report *r;

	hand_on(&s, 100);
	r = report_stage(&s, NULL);
	assert_int_equal(r->ceilings_cnt, 0);
	end(&s, r);
}

/* A pool that feeds itself: now one, now two find work.
 *
 *  0  ##########|#####.....|     two work in every other round
 *  1  ..........|##########|
 */
static void self_feeding_pool_is_no_ceiling(void **state)
{
	struct stage s = begin(CPT_REASON_CONDVAR, "");
	struct cpt_report *r;

	for (uint32_t i = 0; i + 2 < ROUNDS; i += 2) {
		const uint64_t ts_ns = FIRST_NS + i * ROUND_NS;
		const uint32_t a = i / 2 % THREAD_CNT, b = (a + 1) % THREAD_CNT;

		wake(&s, ts_ns, b, a);
		on(&s, ts_ns + 5, b);
		wait_on_c(&s, ts_ns + ROUND_NS, a);
	}
	r = report_stage(&s, NULL);
	assert_int_equal(r->ceilings_cnt, 0);
	end(&s, r);
}

/* Thread 0 works, the others only look in and wait for it: nobody takes turns. */
static void straggler_is_no_ceiling(void **state)
{
	struct stage s = begin(CPT_REASON_CONDVAR, "");
	struct cpt_report *r;

	for (uint32_t i = 0; i + 1 < ROUNDS; i++) {
		const uint64_t ts_ns = FIRST_NS + i * ROUND_NS;
		const uint32_t who = 1 + i % 2;

		wake(&s, ts_ns, who, 0);
		on(&s, ts_ns + 5, who);
		/* the other one is woken by it, so that all wait and wake */
		wait_on_c(&s, ts_ns + 15, who);
	}
	r = report_stage(&s, NULL);
	assert_int_equal(r->ceilings_cnt, 0);
	end(&s, r);
}

/* Few turns are no pattern. */
static void few_turns_are_no_ceiling(void **state)
{
	struct stage s = begin(CPT_REASON_CONDVAR, "");
	struct cpt_report *r;

	for (uint32_t i = 0; i < 12; i++) {
		const uint64_t ts_ns = FIRST_NS + i * 4 * ROUND_NS;

		wake(&s, ts_ns, (i + 1) % THREAD_CNT, i % THREAD_CNT);
		on(&s, ts_ns + 5, (i + 1) % THREAD_CNT);
		wait_on_c(&s, ts_ns + 15, i % THREAD_CNT);
	}
	r = report_stage(&s, NULL);
	assert_int_equal(r->ceilings_cnt, 0);
	end(&s, r);
}

/* All may use CPU 0 only: that is the limit, not the hand-off. */
static void without_a_free_cpu_it_is_no_ceiling(void **state)
{
	const uint64_t one = 1;
	struct stage s = begin(CPT_REASON_CONDVAR, "");
	struct cpt_report *r;

	tb__affinity(s.tb, 1030, s.app, &one, 1);
	for (uint32_t i = 0; i < THREAD_CNT; i++)
		tb__affinity(s.tb, 1030, s.t[i], &one, 1);
	for (uint32_t i = 0; i + 1 < ROUNDS; i++) {
		const uint64_t ts_ns = FIRST_NS + i * ROUND_NS;
		const uint32_t next = (i + 1) % THREAD_CNT;

		wake(&s, ts_ns, next, i % THREAD_CNT);
		tb__block(s.tb, ts_ns + 10, s.t[i % THREAD_CNT],
			  tb_wait_futex(C_ADDR + 0x28, 137, 0, CPT_FUTEX_CONDVAR, 0), s.t[next]);
	}
	r = report_stage(&s, NULL);
	assert_int_equal(r->ceilings_cnt, 0);
	end(&s, r);
}

/* The same words with waiters that wake nobody are never watched. */
static void waiters_that_never_wake_are_not_watched(void **state)
{
	struct stage s = begin(CPT_REASON_CONDVAR, "");
	struct cpt_report *r;

	words__free(s.ws);
	s.ws = one_condvar(CPT_REASON_CONDVAR, "", 0);
	hand_on(&s, 10);
	r = report_stage(&s, NULL);
	assert_int_equal(r->ceilings_cnt, 0);
	end(&s, r);
}

/* One thread looked at is no set; the cut shortens what was looked at. */
static void filters_make_the_set(void **state)
{
	struct stage s = begin(CPT_REASON_CONDVAR, "");
	struct cpt_filter one = {.tid_cnt = 1};
	const struct cpt_filter cut = {.have_time = true,
				       .time_from_ns = FIRST_NS,
				       .time_to_ns = FIRST_NS + ROUNDS / 2 * ROUND_NS};
	uint32_t tid = tb_tid(s.t[1]);
	struct cpt_report *r;

	hand_on(&s, 10);
	one.tids = &tid;
	r = report_stage(&s, &one);
	assert_int_equal(r->ceilings_cnt, 0);
	report__free(r);
	r = report_stage(&s, &cut);
	assert_int_equal(r->ceilings_cnt, 1);
	assert_true(r->ceilings[0].wanted_ns <= ROUNDS / 2 * ROUND_NS);
	end(&s, r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hand_off_is_offered_with_its_evidence),
		cmocka_unit_test(waits_that_time_out_count_as_wanting),
		cmocka_unit_test(gil_is_known_by_its_symbol),
		cmocka_unit_test(other_symbols_are_no_gil),
		cmocka_unit_test(condition_variable_of_those_that_let_go_is_not_the_gil),
		cmocka_unit_test(condition_variables_elsewhere_tell_nothing_of_the_gil),
		cmocka_unit_test(overlap_beyond_hand_overs_is_no_ceiling),
		cmocka_unit_test(self_feeding_pool_is_no_ceiling),
		cmocka_unit_test(straggler_is_no_ceiling),
		cmocka_unit_test(few_turns_are_no_ceiling),
		cmocka_unit_test(without_a_free_cpu_it_is_no_ceiling),
		cmocka_unit_test(waiters_that_never_wake_are_not_watched),
		cmocka_unit_test(filters_make_the_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
