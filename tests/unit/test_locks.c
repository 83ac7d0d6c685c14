// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_locks.c - drawn timelines to the account of a lock: who waited, and what its holder did.
 *
 * In the drawings # running, r runnable, b blocked on the lock, s blocked on something else, . not
 * there. Numbers are ns. In most of them `app` (task 1) holds the mutex M at 1000 and `w` wants it.
 */
#include "analysis_fixture.h"

#include <string.h>
#include <sys/syscall.h>

#include "../../analysis/words.h"

#define MUTEX_ADDR   0x7f0000001000u
#define CONDVAR_ADDR 0x7f0000002000u

/* ---- what the tests share -------------------------------------------------------------------------- */

static void add_word(struct cpt_words *ws, uint32_t proc, uint64_t addr, uint8_t kind,
		     enum cpt_reason reason, uint32_t same, const char *symbol)
{
	struct cpt_word w = {
		.proc = proc,
		.space = proc == 1, /* the command's exec; a fork begins anew */
		.addr = addr,
		.kind = kind,
		.reason = (uint8_t)reason,
		.flags = strcmp(symbol, "[anon]") ? 0 : CPT_WORD_SHARED,
		.same = same,
		.both = 2,
		.symbol = symbol,
		.module = "app",
	};

	assert_int_equal(words__add(ws, &w), 0);
}

static struct cpt_words *one_word(uint8_t kind, enum cpt_reason reason, const char *symbol)
{
	struct cpt_words *ws = words__new("x86_64");

	assert_non_null(ws);
	add_word(ws, 1, kind == CPT_WORD_CONDVAR ? CONDVAR_ADDR : MUTEX_ADDR, kind, reason, 0,
		 symbol);
	return ws;
}

static struct cpt_words *one_mutex(void)
{
	return one_word(CPT_WORD_MUTEX, CPT_REASON_LOCK, "queue_lock");
}

/* A mutex wait that names its holder by task; 0: the owner field was empty. */
static struct cpt_wait wait_for(uint32_t holder)
{
	return tb_wait_mutex(MUTEX_ADDR, holder ? tb_tid(holder) : 0);
}

static void unlock_wakes(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t waker)
{
	tb__wake_as(tb, ts_ns, task, waker, CPT_CTX_TASK, CPT_SW_WAKE_ON_WORD, SYS_futex);
}

/* What each lock's holders did sums to what was waited for it, and the locks to the reasons. */
static void expect_lock_identities(const struct cpt_report *r)
{
	uint64_t by_reason[CPT_REASON_CNT] = {0};

	for (uint32_t i = 0; i < r->locks_cnt; i++) {
		const struct cpt_lock *l = &r->locks[i];
		uint64_t sum = l->holder_running_ns + l->holder_runnable_ns + l->holder_unknown_ns;

		for (int k = 0; k < CPT_REASON_CNT; k++)
			sum += l->holder_blocked_ns[k];
		assert_int_equal(sum, l->blocked_ns);
		assert_true(l->longest_ns <= l->blocked_ns);
		assert_true(l->waited_ns <= l->blocked_ns);
		assert_true(l->waited_ns <= r->window_ns);
		assert_true(l->waiters && l->waiters <= l->waits);
		by_reason[l->reason] += l->blocked_ns;
	}
	for (int k = 0; k < CPT_REASON_CNT; k++)
		if (k == CPT_REASON_LOCK || k == CPT_REASON_HANDOFF || k == CPT_REASON_KERNEL_LOCK)
			assert_int_equal(by_reason[k], r->reason_ns[k]);
}

/* Every wait for a lock that is over is in an edge of that lock, and of no other; open_ns: those that are not. */
static void expect_lock_edges(const struct cpt_report *r, uint64_t open_ns)
{
	uint64_t ended[16] = {0}, open = 0;

	assert_true(r->locks_cnt < 16);
	for (uint32_t i = 0; i < r->wake_edges_cnt; i++) {
		const struct cpt_wake_edge *e = &r->wake_edges[i];
		const bool of_lock = e->reason == CPT_REASON_LOCK ||
				     e->reason == CPT_REASON_HANDOFF ||
				     e->reason == CPT_REASON_KERNEL_LOCK;

		assert_int_equal(e->lock != 0, of_lock);
		assert_true(e->lock <= r->locks_cnt);
		if (!e->lock)
			continue;
		assert_int_equal(r->locks[e->lock - 1].reason, e->reason);
		ended[e->lock - 1] += e->waited_ns;
	}
	for (uint32_t i = 0; i < r->locks_cnt; i++) {
		assert_true(ended[i] <= r->locks[i].blocked_ns);
		open += r->locks[i].blocked_ns - ended[i];
	}
	assert_int_equal(open, open_ns);
}

/* open_ns: of waits for locks that nobody has ended in the part looked at. */
static struct cpt_report *report_open(struct trace_builder *tb, const struct cpt_words *ws,
				      const struct cpt_filter *filter, uint64_t open_ns)
{
	struct cpt_analysis_opts opts = {.words = ws};
	struct cpt_report *r;

	if (filter)
		opts.filter = *filter;
	r = report_until(tb, &opts, 0);
	expect_lock_identities(r);
	expect_lock_edges(r, open_ns);
	return r;
}

static struct cpt_report *report_with(struct trace_builder *tb, const struct cpt_words *ws,
				      const struct cpt_filter *filter)
{
	return report_open(tb, ws, filter, 0);
}

/* How long waits for the lock at addr had lasted that waker ended. */
static uint64_t ended_at(const struct cpt_report *r, uint64_t addr, uint32_t waker)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < r->wake_edges_cnt; i++) {
		const struct cpt_wake_edge *e = &r->wake_edges[i];

		if (e->lock && r->locks[e->lock - 1].addr == addr && e->waker == waker)
			sum += e->waited_ns;
	}
	return sum;
}

static const struct cpt_lock *only_lock(const struct cpt_report *r)
{
	assert_int_equal(r->locks_cnt, 1);
	return &r->locks[0];
}

/* running, runnable, unknown; the rest was blocked. */
static void expect_holder(const struct cpt_lock *l, uint64_t running, uint64_t runnable,
			  uint64_t unknown)
{
	assert_int_equal(l->holder_running_ns, running);
	assert_int_equal(l->holder_runnable_ns, runnable);
	assert_int_equal(l->holder_unknown_ns, unknown);
}

static void over(struct cpt_report *r, struct trace_builder *tb, struct cpt_words *ws)
{
	words__free(ws);
	done(r, tb);
}

/* The app on CPU 0 from 1000, w on CPU 1 from 1010. */
static struct trace_builder *two_tasks(uint32_t cpus, uint32_t *app, uint32_t *w)
{
	struct trace_builder *tb = one_task(cpus, app);

	*w = tb__thread(tb, 1005, *app, "w");
	tb__run(tb, 1010, 1, *w);
	return tb;
}

/* ---- the waits ------------------------------------------------------------------------------------- */

/*
 *        1000  1100          1500 1510 1600
 *  app    ########################------
 *  w        ###bbbbbbbbbbbbbbrrrr####
 */
static void wait_is_split_at_the_wake(void **state)
{
	uint32_t app, w;
	struct trace_builder *tb = two_tasks(2, &app, &w);
	struct cpt_words *ws = one_mutex();
	const struct cpt_lock *l;
	struct cpt_report *r;

	tb__block(tb, 1100, w, wait_for(app), TB_IDLE);
	unlock_wakes(tb, 1500, w, app);
	tb__run(tb, 1510, 1, w);
	tb__exit(tb, 1600, w, 0, TB_IDLE);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = report_with(tb, ws, NULL);
	l = only_lock(r);
	assert_int_equal(l->pid, tb_tid(app));
	assert_int_equal(l->addr, MUTEX_ADDR);
	assert_int_equal(l->kind, CPT_WORD_MUTEX);
	assert_string_equal(l->symbol, "queue_lock");
	assert_int_equal(l->waits, 1);
	assert_int_equal(l->waiters, 1);
	assert_int_equal(l->blocked_ns, 400);
	assert_int_equal(l->wake_delay_ns, 10);
	assert_int_equal(l->longest_ns, 400);
	assert_int_equal(l->waited_ns, 400);
	expect_holder(l, 400, 0, 0);
	assert_int_equal(l->top_cnt, 1);
	assert_int_equal(l->top[0].id, app);
	assert_int_equal(l->top[0].ns, 400);
	assert_int_equal(ended_at(r, MUTEX_ADDR, app), 400);
	over(r, tb, ws);
}

/*
 *  app    #########################------    wakes w from M at 1500, from N at 1700
 *  w        ###bbbbbbbbb##bbbbbbb####
 */
static void wakes_are_told_by_the_lock_they_came_through(void **state)
{
	const uint64_t other = MUTEX_ADDR + 0x40;
	uint32_t app, w;
	struct trace_builder *tb = two_tasks(2, &app, &w);
	struct cpt_words *ws = one_mutex();
	struct cpt_report *r;

	add_word(ws, 1, other, CPT_WORD_MUTEX, CPT_REASON_LOCK, 0, "log_lock");
	tb__block(tb, 1100, w, wait_for(app), TB_IDLE);
	unlock_wakes(tb, 1500, w, app);
	tb__run(tb, 1510, 1, w);
	tb__block(tb, 1600, w, tb_wait_mutex(other, tb_tid(app)), TB_IDLE);
	unlock_wakes(tb, 1700, w, app);
	tb__run(tb, 1710, 1, w);
	tb__exit(tb, 1800, w, 0, TB_IDLE);
	tb__exit(tb, 1800, app, 0, TB_IDLE);
	r = report_with(tb, ws, NULL);
	assert_int_equal(r->locks_cnt, 2);
	assert_int_equal(ended_at(r, MUTEX_ADDR, app), 400);
	assert_int_equal(ended_at(r, other, app), 100);
	assert_int_equal(ended_at(r, MUTEX_ADDR, w), 0);
	over(r, tb, ws);
}

/* Woken at 1100 already, before it has left its CPU at 1110: a wait of no length, then runnable. */
static void wait_ended_before_its_switch_counts_with_its_delay(void **state)
{
	uint32_t app, w;
	struct trace_builder *tb = two_tasks(2, &app, &w);
	struct cpt_words *ws = one_mutex();
	struct cpt_analysis_opts opts = {.words = ws};
	struct cpt_event ev[EVENTS_MAX];
	const struct cpt_event *drawn;
	struct cpt_report *r;
	size_t cnt;

	tb__block(tb, 1110, w, wait_for(app), TB_IDLE);
	unlock_wakes(tb, 1110, w, app);
	tb__run(tb, 1150, 1, w);
	tb__exit(tb, 1200, w, 0, TB_IDLE);
	tb__exit(tb, 1200, app, 0, TB_IDLE);
	drawn = tb__events(tb, &cnt);
	memcpy(ev, drawn, cnt * sizeof(*ev));
	for (size_t i = 0; i + 1 < cnt; i++) {
		if (ev[i + 1].type == CPT_EV_WAKE && ev[i].type == CPT_EV_SWITCH) {
			struct cpt_event out = ev[i];

			ev[i] = ev[i + 1];
			ev[i].ts_ns = 1100;
			ev[i + 1] = out;
			break;
		}
	}
	r = report_events(tb__meta(tb), ev, cnt, &opts, NULL, 0);
	expect_lock_identities(r);
	assert_int_equal(only_lock(r)->waits, 1);
	assert_int_equal(only_lock(r)->blocked_ns, 0);
	assert_int_equal(only_lock(r)->wake_delay_ns, 40);
	over(r, tb, ws);
}

/* --time cuts the wait 1100-1500 to 1200-1400, and its holder's time with it. */
static void window_cuts_waits(void **state)
{
	const struct cpt_filter cut = {.have_time = true, .time_from_ns = 200, .time_to_ns = 400};
	uint32_t app, w;
	struct trace_builder *tb = two_tasks(2, &app, &w);
	struct cpt_words *ws = one_mutex();
	struct cpt_report *r;

	tb__block(tb, 1100, w, wait_for(app), TB_IDLE);
	tb__block(tb, 1300, app, tb_wait_sleep(), TB_IDLE);
	tb__wake_irq(tb, 1450, app, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1450, 0, app);
	unlock_wakes(tb, 1500, w, app);
	tb__run(tb, 1510, 1, w);
	tb__exit(tb, 1600, w, 0, TB_IDLE);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = report_open(tb, ws, &cut, 200);
	assert_int_equal(only_lock(r)->blocked_ns, 200);
	assert_int_equal(only_lock(r)->longest_ns, 200);
	assert_int_equal(only_lock(r)->wake_delay_ns, 0);
	expect_holder(only_lock(r), 100, 0, 0);
	assert_int_equal(only_lock(r)->holder_blocked_ns[CPT_REASON_SLEEP], 100);
	over(r, tb, ws);
}

/* Affinity of the waiter changes while it waits: one wait, its time whole. */
static void a_change_of_identity_within_a_wait_leaves_it_one(void **state)
{
	const uint64_t mask = 1;
	uint32_t app, w;
	struct trace_builder *tb = two_tasks(2, &app, &w);
	struct cpt_words *ws = one_mutex();
	struct cpt_report *r;

	tb__block(tb, 1100, w, wait_for(app), TB_IDLE);
	tb__affinity(tb, 1200, w, &mask, 1);
	unlock_wakes(tb, 1500, w, app);
	tb__exit(tb, 1500, app, 0, TB_IDLE);
	tb__run(tb, 1500, 0, w);
	tb__exit(tb, 1600, w, 0, TB_IDLE);
	r = report_with(tb, ws, NULL);
	assert_int_equal(only_lock(r)->waits, 1);
	assert_int_equal(only_lock(r)->blocked_ns, 400);
	assert_int_equal(only_lock(r)->longest_ns, 400);
	over(r, tb, ws);
}

/* ---- what the holder did ---------------------------------------------------------------------------- */

/*
 *        1000  1100 1200   1350  1500
 *  app    #########rrrrrrrr######        preempted with the lock
 *  w        ###bbbbbbbbbbbbbbbbbb##
 */
static void preempted_holder_is_runnable(void **state)
{
	uint32_t app, w;
	struct trace_builder *tb = two_tasks(2, &app, &w);
	struct cpt_words *ws = one_mutex();
	struct cpt_report *r;

	tb__block(tb, 1100, w, wait_for(app), TB_IDLE);
	tb__preempt(tb, 1200, app, TB_OTHER);
	tb__run(tb, 1350, 0, app);
	unlock_wakes(tb, 1500, w, app);
	tb__run(tb, 1500, 1, w);
	tb__exit(tb, 1600, w, 0, TB_IDLE);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = report_with(tb, ws, NULL);
	expect_holder(only_lock(r), 250, 150, 0);
	over(r, tb, ws);
}

/*
 *        1000  1100 1200   1300 1320 1400   1440  1500
 *  app    #########ssssssssrrrr####sssssssss######
 *  w        ###bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb##    disk, then sleep, with the lock
 */
static void blocked_holder_is_told_by_its_own_reason(void **state)
{
	uint32_t app, w;
	struct trace_builder *tb = two_tasks(2, &app, &w);
	struct cpt_words *ws = one_mutex();
	const struct cpt_lock *l;
	struct cpt_report *r;

	tb__block(tb, 1100, w, wait_for(app), TB_IDLE);
	tb__block(tb, 1200, app, tb_wait_disk(), TB_IDLE);
	tb__wake_irq(tb, 1300, app, CPT_CTX_SOFTIRQ, 0);
	tb__run(tb, 1320, 0, app);
	tb__block(tb, 1400, app, tb_wait_sleep(), TB_IDLE);
	tb__wake_irq(tb, 1440, app, CPT_CTX_HARDIRQ, 0);
	tb__run(tb, 1440, 0, app);
	unlock_wakes(tb, 1500, w, app);
	tb__run(tb, 1500, 1, w);
	tb__exit(tb, 1600, w, 0, TB_IDLE);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = report_with(tb, ws, NULL);
	l = only_lock(r);
	expect_holder(l, 240, 20, 0);
	assert_int_equal(l->holder_blocked_ns[CPT_REASON_DISK], 100);
	assert_int_equal(l->holder_blocked_ns[CPT_REASON_SLEEP], 40);
	over(r, tb, ws);
}

/*
 *        1000  1100 1200  1300  1500
 *  app    ###################rrrrrr---    both waiters' time: 100 x 1 + 100 x 2 running,
 *  w        ###bbbbbbbbbbbbbbbbbbb##       200 x 2 runnable
 *  x             ####bbbbbbbbbbbbbbb
 */
static void holder_is_weighted_with_the_waiters(void **state)
{
	uint32_t app, w, x;
	struct trace_builder *tb = two_tasks(3, &app, &w);
	struct cpt_words *ws = one_mutex();
	struct cpt_report *r;

	x = tb__thread(tb, 1020, app, "x");
	tb__run(tb, 1020, 2, x);
	tb__block(tb, 1100, w, wait_for(app), TB_IDLE);
	tb__block(tb, 1200, x, wait_for(app), TB_IDLE);
	tb__preempt(tb, 1300, app, TB_OTHER);
	tb__run(tb, 1500, 0, app);
	unlock_wakes(tb, 1500, w, app);
	unlock_wakes(tb, 1500, x, app);
	tb__run(tb, 1500, 1, w);
	tb__run(tb, 1500, 2, x);
	tb__exit(tb, 1600, w, 0, TB_IDLE);
	tb__exit(tb, 1600, x, 0, TB_IDLE);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = report_with(tb, ws, NULL);
	assert_int_equal(only_lock(r)->blocked_ns, 700);
	assert_int_equal(only_lock(r)->waited_ns, 400);
	assert_int_equal(only_lock(r)->longest_ns, 400);
	assert_int_equal(only_lock(r)->waiters, 2);
	expect_holder(only_lock(r), 300, 400, 0);
	over(r, tb, ws);
}

/* ---- who held it ------------------------------------------------------------------------------------- */

/* w and x wait for app's mutex from 1100 on; app lets go at 1200, waking w. Three CPUs. */
struct convoy {
	struct trace_builder *tb;
	struct cpt_words *ws;
	uint32_t app, w, x, c;
};

static struct convoy convoy_until_release(void)
{
	struct convoy v = {.ws = one_mutex()};

	v.tb = two_tasks(4, &v.app, &v.w);
	v.x = tb__thread(v.tb, 1020, v.app, "x");
	tb__run(v.tb, 1020, 2, v.x);
	v.c = tb__thread(v.tb, 1030, v.app, "c");
	tb__run(v.tb, 1030, 3, v.c);
	tb__block(v.tb, 1100, v.w, wait_for(v.app), TB_IDLE);
	tb__block(v.tb, 1100, v.x, wait_for(v.app), TB_IDLE);
	unlock_wakes(v.tb, 1200, v.w, v.app);
	return v;
}

static void end_convoy(struct convoy *v, uint64_t ts_ns)
{
	tb__exit(v->tb, ts_ns, v->app, 0, TB_IDLE);
	tb__exit(v->tb, ts_ns, v->w, 0, TB_IDLE);
	tb__exit(v->tb, ts_ns, v->c, 0, TB_IDLE);
}

/*
 *        1100   1200 1250  1400    1600
 *  app    #######################
 *  w      bbbbbbbrrrrr#############        takes it
 *  x      bbbbbbbbbbbbbbbbbbbbbbbbb##
 *  c      ################bbbbbbbbb        sees w as the owner
 *                |pending  | w ...
 */
static void next_wait_names_the_woken_one(void **state)
{
	struct convoy v = convoy_until_release();
	const struct cpt_lock *l;
	struct cpt_report *r;

	tb__run(v.tb, 1250, 1, v.w);
	tb__block(v.tb, 1400, v.c, wait_for(v.w), TB_IDLE);
	unlock_wakes(v.tb, 1600, v.x, v.w);
	unlock_wakes(v.tb, 1600, v.c, v.w);
	tb__run(v.tb, 1600, 2, v.x);
	tb__run(v.tb, 1600, 3, v.c);
	tb__exit(v.tb, 1600, v.x, 0, TB_IDLE);
	end_convoy(&v, 1700);
	r = report_with(v.tb, v.ws, NULL);
	l = only_lock(r);
	/* app: 2 x 100 running. w: 50 runnable, 150 running, then 2 x 200 running. */
	assert_int_equal(l->blocked_ns, 800);
	expect_holder(l, 200 + 150 + 400, 50, 0);
	assert_int_equal(l->top_cnt, 2);
	assert_int_equal(l->top[0].id, v.w);
	assert_int_equal(l->top[0].ns, 600);
	assert_int_equal(l->top[1].id, v.app);
	over(r, v.tb, v.ws);
}

/* The same, but nobody else waits: x is woken by w at 1600, which names it as well. */
static void next_waker_names_the_woken_one(void **state)
{
	struct convoy v = convoy_until_release();
	struct cpt_report *r;

	tb__run(v.tb, 1250, 1, v.w);
	tb__block(v.tb, 1300, v.w, tb_wait_sleep(), TB_IDLE);
	tb__wake_irq(v.tb, 1500, v.w, CPT_CTX_HARDIRQ, 0);
	tb__run(v.tb, 1500, 1, v.w);
	unlock_wakes(v.tb, 1600, v.x, v.w);
	tb__run(v.tb, 1600, 2, v.x);
	tb__exit(v.tb, 1600, v.x, 0, TB_IDLE);
	end_convoy(&v, 1700);
	r = report_with(v.tb, v.ws, NULL);
	expect_holder(only_lock(r), 200 + 50 + 100, 50, 0);
	assert_int_equal(only_lock(r)->holder_blocked_ns[CPT_REASON_SLEEP], 200);
	over(r, v.tb, v.ws);
}

/*
 *        1100   1200    1300 1320       1500
 *  app    ############ssssssss########           lets go, takes it again at once, sleeps with it
 *  w      bbbbbbbrr##bbbbbbbbbbbbbbbbbb##        finds it taken: sees app as the owner at 1300
 */
static void barging_owner_gets_the_stretch(void **state)
{
	struct convoy v = convoy_until_release();
	struct cpt_report *r;

	tb__run(v.tb, 1250, 1, v.w);
	tb__block(v.tb, 1260, v.app, tb_wait_sleep(), TB_IDLE);
	tb__block(v.tb, 1300, v.w, wait_for(v.app), TB_IDLE);
	tb__wake_irq(v.tb, 1320, v.app, CPT_CTX_HARDIRQ, 0);
	tb__run(v.tb, 1320, 0, v.app);
	unlock_wakes(v.tb, 1500, v.x, v.app);
	unlock_wakes(v.tb, 1500, v.w, v.app);
	tb__run(v.tb, 1500, 2, v.x);
	tb__run(v.tb, 1500, 1, v.w);
	tb__exit(v.tb, 1500, v.x, 0, TB_IDLE);
	end_convoy(&v, 1700);
	r = report_with(v.tb, v.ws, NULL);
	/* 2 x 100; x alone 1200-1300: 60 running, 40 asleep; both: 2 x 20 asleep, 2 x 180 running */
	expect_holder(only_lock(r), 200 + 60 + 360, 0, 0);
	assert_int_equal(only_lock(r)->holder_blocked_ns[CPT_REASON_SLEEP], 40 + 40);
	assert_int_equal(only_lock(r)->top_cnt, 1);
	over(r, v.tb, v.ws);
}

/* A third one, c, was faster than both. It has run ever since, so that much is certain. */
static void a_third_one_that_ran_all_along_is_known(void **state)
{
	struct convoy v = convoy_until_release();
	struct cpt_report *r;

	tb__run(v.tb, 1250, 1, v.w);
	tb__block(v.tb, 1300, v.w, wait_for(v.c), TB_IDLE);
	unlock_wakes(v.tb, 1400, v.x, v.c);
	unlock_wakes(v.tb, 1400, v.w, v.c);
	tb__run(v.tb, 1400, 2, v.x);
	tb__run(v.tb, 1400, 1, v.w);
	tb__exit(v.tb, 1500, v.x, 0, TB_IDLE);
	end_convoy(&v, 1700);
	r = report_with(v.tb, v.ws, NULL);
	expect_holder(only_lock(r), 200 + 100 + 200, 0, 0);
	over(r, v.tb, v.ws);
}

/* c came to its CPU only at 1280: what it did from 1200 to then, nobody kept. */
static void what_a_third_one_did_before_is_unknown(void **state)
{
	struct convoy v = convoy_until_release();
	struct cpt_report *r;

	tb__preempt(v.tb, 1210, v.c, TB_OTHER);
	tb__run(v.tb, 1250, 1, v.w);
	tb__run(v.tb, 1280, 3, v.c);
	tb__block(v.tb, 1300, v.w, wait_for(v.c), TB_IDLE);
	unlock_wakes(v.tb, 1400, v.x, v.c);
	unlock_wakes(v.tb, 1400, v.w, v.c);
	tb__run(v.tb, 1400, 2, v.x);
	tb__run(v.tb, 1400, 1, v.w);
	tb__exit(v.tb, 1500, v.x, 0, TB_IDLE);
	end_convoy(&v, 1700);
	r = report_with(v.tb, v.ws, NULL);
	expect_holder(only_lock(r), 200 + 20 + 200, 0, 80);
	over(r, v.tb, v.ws);
}

/* Nobody names a holder and x's wait does not end: unknown, not the woken one by guess. */
static void never_named_is_unknown(void **state)
{
	struct convoy v = convoy_until_release();
	struct cpt_report *r;

	tb__run(v.tb, 1250, 1, v.w);
	end_convoy(&v, 1500);
	r = report_until(v.tb, &(struct cpt_analysis_opts){.words = v.ws}, 1600);
	expect_lock_identities(r);
	expect_holder(only_lock(r), 200, 0, 400);
	over(r, v.tb, v.ws);
}

/* The owner field was empty: the waker is known to have held it as long as it has been running. */
static void waker_is_the_holder_where_no_owner_was_seen(void **state)
{
	uint32_t app, w;
	struct trace_builder *tb = two_tasks(2, &app, &w);
	struct cpt_words *ws = one_mutex();
	struct cpt_report *r;

	tb__block(tb, 1100, w, wait_for(0), TB_IDLE);
	unlock_wakes(tb, 1500, w, app);
	tb__run(tb, 1500, 1, w);
	tb__exit(tb, 1600, w, 0, TB_IDLE);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = report_with(tb, ws, NULL);
	expect_holder(only_lock(r), 400, 0, 0);
	over(r, tb, ws);
}

/* Ended by a signal or a timer: that says nothing of a holder. */
static void wake_that_is_not_on_the_word_names_nobody(void **state)
{
	uint32_t app, w;
	struct trace_builder *tb = two_tasks(2, &app, &w);
	struct cpt_words *ws = one_mutex();
	struct cpt_report *r;

	tb__block(tb, 1100, w, wait_for(0), TB_IDLE);
	tb__wake(tb, 1500, w, app);
	tb__run(tb, 1500, 1, w);
	tb__exit(tb, 1600, w, 0, TB_IDLE);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = report_with(tb, ws, NULL);
	expect_holder(only_lock(r), 0, 0, 400);
	over(r, tb, ws);
}

/* b barges in and w sees it before app's wake-up of x, a moment late, comes: b holds it still. */
static void late_wake_of_the_one_before_does_not_take_the_lock_from_the_owner(void **state)
{
	struct convoy v = convoy_until_release();
	struct cpt_report *r;

	tb__run(v.tb, 1210, 1, v.w);
	tb__block(v.tb, 1220, v.w, wait_for(v.c), TB_IDLE);
	unlock_wakes(v.tb, 1230, v.x, v.app); /* c holds it: x finds it taken */
	tb__run(v.tb, 1240, 2, v.x);
	tb__block(v.tb, 1250, v.x, wait_for(v.c), TB_IDLE);
	unlock_wakes(v.tb, 1400, v.w, v.c);
	tb__run(v.tb, 1400, 1, v.w);
	unlock_wakes(v.tb, 1450, v.x, v.w);
	tb__run(v.tb, 1450, 2, v.x);
	tb__exit(v.tb, 1500, v.x, 0, TB_IDLE);
	end_convoy(&v, 1700);
	r = report_with(v.tb, v.ws, NULL);
	assert_int_equal(only_lock(r)->holder_unknown_ns, 0);
	assert_int_equal(only_lock(r)->top_cnt, 3);
	assert_int_equal(only_lock(r)->top[0].id, v.c);
	over(r, v.tb, v.ws);
}

/* Only w is looked at: its waits alone count, app's state is known all the same. */
static void holder_may_be_outside_the_filter(void **state)
{
	uint32_t app, w, tid;
	struct trace_builder *tb = two_tasks(2, &app, &w);
	struct cpt_words *ws = one_mutex();
	struct cpt_filter only_w = {.tids = &tid, .tid_cnt = 1};
	struct cpt_report *r;

	tid = tb_tid(w);
	tb__block(tb, 1100, w, wait_for(app), TB_IDLE);
	tb__preempt(tb, 1200, app, TB_OTHER);
	tb__run(tb, 1350, 0, app);
	unlock_wakes(tb, 1500, w, app);
	tb__run(tb, 1500, 1, w);
	tb__exit(tb, 1600, w, 0, TB_IDLE);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = report_with(tb, ws, &only_w);
	expect_holder(only_lock(r), 250, 150, 0);
	assert_int_equal(only_lock(r)->top[0].id, app);
	over(r, tb, ws);
	tb = two_tasks(2, &app, &w);
	ws = one_mutex();
	tid = tb_tid(app);
	tb__block(tb, 1100, w, wait_for(app), TB_IDLE);
	unlock_wakes(tb, 1500, w, app);
	tb__run(tb, 1500, 1, w);
	tb__exit(tb, 1600, w, 0, TB_IDLE);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = report_with(tb, ws, &only_w); /* now the holder alone: it waited for nothing */
	assert_int_equal(r->locks_cnt, 0);
	over(r, tb, ws);
}

/* h ends at 1300 with a plain mutex that nobody will ever let go of. */
static void holder_that_ended_is_unknown(void **state)
{
	uint32_t app, w, h;
	struct trace_builder *tb = two_tasks(3, &app, &w);
	struct cpt_words *ws = one_mutex();
	struct cpt_report *r;

	h = tb__thread(tb, 1020, app, "h");
	tb__run(tb, 1020, 2, h);
	tb__block(tb, 1100, w, wait_for(h), TB_IDLE);
	tb__exit(tb, 1300, h, 0, TB_IDLE);
	r = report_until(tb, &(struct cpt_analysis_opts){.words = ws}, 1600);
	expect_lock_identities(r);
	expect_holder(only_lock(r), 200, 0, 300);
	over(r, tb, ws);
}

/* The word of a robust mutex names its owner; the owner's end wakes the first of two waiters. */
static void robust_mutex_is_let_go_by_its_holders_end(void **state)
{
	struct trace_builder *tb = tb__new(4);
	uint32_t app = tb__command(tb, 1000, "app"), h, w, x;
	struct cpt_words *ws = one_word(CPT_WORD_ROBUST, CPT_REASON_LOCK, "shared_state");
	struct cpt_wait wait;
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	h = tb__thread(tb, 1000, app, "h");
	w = tb__thread(tb, 1000, app, "w");
	x = tb__thread(tb, 1000, app, "x");
	tb__run(tb, 1010, 1, h);
	tb__run(tb, 1010, 2, w);
	tb__run(tb, 1010, 3, x);
	wait = tb_wait_futex(MUTEX_ADDR, 0, 0x80000000u | tb_tid(h), CPT_FUTEX_MUTEX_ROBUST,
			     tb_tid(h));
	tb__block(tb, 1100, w, wait, TB_IDLE);
	tb__block(tb, 1100, x, wait, TB_IDLE);
	tb__wake_as(tb, 1300, w, h, CPT_CTX_TASK, 0, SYS_exit);
	tb__exit(tb, 1310, h, 0, TB_IDLE);
	tb__run(tb, 1320, 2, w);
	unlock_wakes(tb, 1400, x, w);
	tb__run(tb, 1400, 3, x);
	tb__exit(tb, 1500, w, 0, TB_IDLE);
	tb__exit(tb, 1500, x, 0, TB_IDLE);
	tb__exit(tb, 1500, app, 0, TB_IDLE);
	r = report_with(tb, ws, NULL);
	/* h: 2 x 200 running. Then w, until it let go: 20 runnable, 80 running. */
	expect_holder(only_lock(r), 400 + 80, 20, 0);
	assert_int_equal(only_lock(r)->kind, CPT_WORD_ROBUST);
	over(r, tb, ws);
}

/* The owner of a PI mutex is in its word, as a tid of the waiter's PID namespace. */
static void owner_is_a_tid_of_the_waiters_namespace(void **state)
{
	struct cpt_info info = {.comm = "inner", .flags = CPT_TASK_THREAD, .ns_tid = 7};
	struct trace_builder *tb = tb__new(3);
	uint32_t app = tb__command(tb, 1000, "app"), h, w;
	struct cpt_words *ws = one_word(CPT_WORD_PI, CPT_REASON_LOCK, "");
	struct cpt_report *r;

	tb__run(tb, 1000, 0, app);
	h = tb__new_task(tb, 1000, app, &info);
	info.ns_tid = 8;
	w = tb__new_task(tb, 1000, app, &info);
	tb__run(tb, 1010, 1, h);
	tb__run(tb, 1010, 2, w);
	tb__block(tb, 1100, w, tb_wait_futex(MUTEX_ADDR, 134, 0, CPT_FUTEX_MUTEX_PI, 7), TB_IDLE);
	tb__preempt(tb, 1150, h, TB_OTHER);
	tb__run(tb, 1250, 1, h);
	unlock_wakes(tb, 1300, w, h);
	tb__run(tb, 1300, 2, w);
	tb__exit(tb, 1400, w, 0, TB_IDLE);
	tb__exit(tb, 1400, h, 0, TB_IDLE);
	tb__exit(tb, 1400, app, 0, TB_IDLE);
	r = report_with(tb, ws, NULL);
	expect_holder(only_lock(r), 100, 100, 0);
	assert_int_equal(only_lock(r)->top[0].id, h);
	over(r, tb, ws);
}

/* A mutex in memory that parent and child share: one lock, held by a task of the other process. */
static void shared_mapping_is_one_lock_across_processes(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t app = tb__command(tb, 1000, "app"), child;
	struct cpt_words *ws = words__new("x86_64");
	const struct cpt_lock *l;
	struct cpt_report *r;

	add_word(ws, 1, MUTEX_ADDR, CPT_WORD_MUTEX, CPT_REASON_LOCK, 0, "[anon]");
	add_word(ws, 2, MUTEX_ADDR, CPT_WORD_MUTEX, CPT_REASON_LOCK, 1, "[anon]");
	tb__run(tb, 1000, 0, app);
	child = tb__fork(tb, 1000, app, "app");
	tb__run(tb, 1010, 1, child);
	tb__block(tb, 1100, child, tb_wait_futex(MUTEX_ADDR, 0, 2, CPT_FUTEX_MUTEX, tb_tid(app)),
		  TB_IDLE);
	unlock_wakes(tb, 1300, child, app);
	tb__run(tb, 1300, 1, child);
	tb__block(tb, 1400, app, tb_wait_futex(MUTEX_ADDR, 0, 2, CPT_FUTEX_MUTEX, tb_tid(child)),
		  TB_IDLE);
	unlock_wakes(tb, 1500, app, child);
	tb__run(tb, 1500, 0, app);
	tb__exit(tb, 1600, child, 0, TB_IDLE);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = report_with(tb, ws, NULL);
	l = only_lock(r);
	assert_true(l->shared);
	assert_int_equal(l->waits, 2);
	assert_int_equal(l->waiters, 2);
	assert_int_equal(l->blocked_ns, 300);
	expect_holder(l, 300, 0, 0);
	assert_int_equal(l->top_cnt, 2);
	assert_int_equal(l->top[0].id, app);
	assert_int_equal(l->top[1].id, child);
	over(r, tb, ws);
}

/* Records are missing from 1200 on: what is known of the holder until then stays, no more. */
static void lost_events_make_the_holder_unknown(void **state)
{
	uint32_t app, w;
	struct trace_builder *tb = two_tasks(3, &app, &w);
	struct cpt_words *ws = one_mutex();
	const struct cpt_lock *l;
	struct cpt_report *r;

	tb__block(tb, 1100, w, wait_for(app), TB_IDLE);
	tb__loss(tb, 1200, 2, 1250, 3);
	unlock_wakes(tb, 1500, w, app);
	tb__run(tb, 1500, 1, w);
	tb__block(tb, 1600, w, wait_for(0), TB_IDLE);
	tb__wake(tb, 1700, w, app);
	tb__run(tb, 1700, 1, w);
	tb__exit(tb, 1800, w, 0, TB_IDLE);
	tb__exit(tb, 1800, app, 0, TB_IDLE);
	r = report_open(tb, ws, NULL, 100);
	l = only_lock(r);
	assert_int_equal(l->blocked_ns, 200);
	expect_holder(l, 100, 0, 100);
	over(r, tb, ws);
}

/* ---- other kinds of lock ------------------------------------------------------------------------------ */

/* Waits of reason kernel_lock: no owner is seen, whoever wakes lets go. Without words they are counted
 * as the rest. */
static void locks_without_a_word_are_counted_as_the_rest(void **state)
{
	uint32_t app, w;
	struct trace_builder *tb = two_tasks(2, &app, &w);
	struct cpt_wait wait = tb_wait_call(SYS_munmap, 0x1000, 4096, 0);
	struct cpt_report *r;

	wait.prev_state = 2; /* D, not in I/O */
	tb__block(tb, 1100, w, wait, TB_IDLE);
	tb__wake(tb, 1300, w, app);
	tb__run(tb, 1300, 1, w);
	tb__block(tb, 1400, w, wait_for(app), TB_IDLE);
	unlock_wakes(tb, 1450, w, app);
	tb__run(tb, 1450, 1, w);
	tb__exit(tb, 1600, w, 0, TB_IDLE);
	tb__exit(tb, 1600, app, 0, TB_IDLE);
	r = report_with(tb, NULL, NULL);
	assert_int_equal(r->locks_cnt, 2);
	assert_true(r->locks[0].rest && r->locks[1].rest);
	assert_int_equal(r->locks[0].reason, CPT_REASON_KERNEL_LOCK);
	assert_int_equal(r->locks[0].holder_unknown_ns, 200);
	assert_int_equal(r->locks[1].reason, CPT_REASON_LOCK);
	assert_int_equal(r->locks[1].blocked_ns, 50);
	done(r, tb);
}

/*
 * app lets go at 1400 and wakes w; but c, which had not waited, has it first, and w finds it there.
 *
 *        1000  1100       1350  1400 1410 1420      1620 1630   1730
 *  app    ########################--
 *  c                        #########################--        (has it from 1400 on)
 *  w      ########bbbbbbbbbbbbbbbbrrr####bbbbbbbbbbbbbbrrrr########
 */
static uint64_t span_of_a_holder_that_came_unseen(uint8_t kind)
{
	uint32_t app, w, c;
	struct trace_builder *tb = two_tasks(3, &app, &w);
	struct cpt_words *ws = one_word(kind, CPT_REASON_LOCK, "queue_lock");
	struct cpt_report *r;
	uint64_t span_ns;

	c = tb__thread(tb, 1040, w, "c");
	tb__block(tb, 1100, w, wait_for(app), TB_IDLE);
	tb__run(tb, 1350, 2, c);
	unlock_wakes(tb, 1400, w, app);
	tb__run(tb, 1410, 1, w);
	tb__block(tb, 1420, w, wait_for(c), TB_IDLE);
	unlock_wakes(tb, 1620, w, c);
	tb__exit(tb, 1621, c, 0, TB_IDLE);
	tb__exit(tb, 1622, app, 0, TB_IDLE);
	tb__run(tb, 1630, 1, w);
	tb__exit(tb, 1730, w, 0, TB_IDLE);
	r = report_with(tb, ws, NULL);
	span_ns = r->work_span.span_ns;
	over(r, tb, ws);
	return span_ns;
}

static void a_mutex_orders_those_who_hold_it(void **state)
{
	/* app's 400 before it let go, c's 200 from where it was seen to hold it, w's 100. */
	assert_int_equal(span_of_a_holder_that_came_unseen(CPT_WORD_MUTEX), 400 + 200 + 100);
	/* Readers may have held it together: then app, alone to its end, is the longest. */
	assert_int_equal(span_of_a_holder_that_came_unseen(CPT_WORD_RWLOCK), 622);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mutex_orders_those_who_hold_it),
		cmocka_unit_test(wait_is_split_at_the_wake),
		cmocka_unit_test(wakes_are_told_by_the_lock_they_came_through),
		cmocka_unit_test(wait_ended_before_its_switch_counts_with_its_delay),
		cmocka_unit_test(window_cuts_waits),
		cmocka_unit_test(a_change_of_identity_within_a_wait_leaves_it_one),
		cmocka_unit_test(preempted_holder_is_runnable),
		cmocka_unit_test(blocked_holder_is_told_by_its_own_reason),
		cmocka_unit_test(holder_is_weighted_with_the_waiters),
		cmocka_unit_test(next_wait_names_the_woken_one),
		cmocka_unit_test(next_waker_names_the_woken_one),
		cmocka_unit_test(barging_owner_gets_the_stretch),
		cmocka_unit_test(a_third_one_that_ran_all_along_is_known),
		cmocka_unit_test(what_a_third_one_did_before_is_unknown),
		cmocka_unit_test(never_named_is_unknown),
		cmocka_unit_test(waker_is_the_holder_where_no_owner_was_seen),
		cmocka_unit_test(wake_that_is_not_on_the_word_names_nobody),
		cmocka_unit_test(late_wake_of_the_one_before_does_not_take_the_lock_from_the_owner),
		cmocka_unit_test(holder_may_be_outside_the_filter),
		cmocka_unit_test(holder_that_ended_is_unknown),
		cmocka_unit_test(robust_mutex_is_let_go_by_its_holders_end),
		cmocka_unit_test(owner_is_a_tid_of_the_waiters_namespace),
		cmocka_unit_test(shared_mapping_is_one_lock_across_processes),
		cmocka_unit_test(lost_events_make_the_holder_unknown),
		cmocka_unit_test(locks_without_a_word_are_counted_as_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
