// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_limits.c - what is named as holding a workload back: the dearest cause, and never too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/words.h"
#include "collector/limit.h"
#include "collector/text_accounts.h"
#include "collector/text_explain.h"
#include "collector/text_limits.h"
#include "tests/properties/rng.h"

#include "report_fixture.h"
#include "report_said.h"

static struct report_fixture fixture;
static struct cpt_lock lock;

/* 4 s of CPU time allowed, half of it used; the rest idled while threads waited for one mutex. */
static int setup(void **state)
{
	struct cpt_report *r = &fixture.report;

	report_fixture(&fixture);
	memset(&r->budget, 0, sizeof(r->budget));
	memset(&r->demand, 0, sizeof(r->demand));
	r->budget.total_ns = 4000 * FIXTURE_MS;
	r->budget.item_ns[CPT_BUDGET_USED] = 2028 * FIXTURE_MS;
	r->budget.item_ns[CPT_BUDGET_NO_WORK] = 72 * FIXTURE_MS;
	r->budget.reason_ns[CPT_REASON_LOCK] = 1900 * FIXTURE_MS;
	r->split_ns[CPT_SPLIT_CONCURRENT_CONTENDED] = 0;
	r->split_ns[CPT_SPLIT_SERIAL_RUNNING] = 0;
	r->demand.total_ns = r->demand.item_ns[CPT_DEMAND_CPUS] = 56 * FIXTURE_MS;
	lock = (struct cpt_lock){
		.pid = 4001,
		.addr = 0x5580,
		.kind = CPT_WORD_MUTEX,
		.reason = CPT_REASON_LOCK,
		.symbol = (char *)"queue_lock",
		.module = (char *)"app",
		.waits = 7000,
		.blocked_ns = 5862 * FIXTURE_MS,
		.waiters = 4,
		.holder_running_ns = 5686 * FIXTURE_MS,
		.holder_runnable_ns = 176 * FIXTURE_MS,
	};
	r->locks = &lock;
	r->locks_cnt = 1;
	return 0;
}

static const char *sentence(void)
{
	static struct strbuf b;

	strbuf__clear(&b);
	limits__sentence(&b, &fixture.report, true);
	assert_false(b.failed);
	return strbuf__str(&b);
}

static const char *section(void)
{
	return said_by(add_limits, &fixture.report, 400, 10);
}

static const char *budget(void)
{
	return said_by(add_budget, &fixture.report, 400, 10);
}

static void the_lock_is_named_with_what_its_holder_did(void **state)
{
	has(sentence(), "Limit: app:queue_lock: 4 threads waited 5.86 s for it in all");
	has(sentence(), "running for 97.0 %");
	has(section(), "47.5 %");
	has(section(), "look at what is done while it is held");
}

static void a_holder_that_itself_waits_is_the_thing_to_look_at(void **state)
{
	lock.holder_running_ns = 100 * FIXTURE_MS;
	lock.holder_runnable_ns = 0;
	lock.holder_blocked_ns[CPT_REASON_DISK] = 5700 * FIXTURE_MS;
	lock.holder_unknown_ns = 62 * FIXTURE_MS;
	has(sentence(), "blocked (disk) for 97.2 %");
	has(section(), "look at the holder's own waiting (disk)");
	assert_null(strstr(sentence(), "running"));
}

static void advice_needs_a_known_holder(void **state)
{
	lock.holder_running_ns = lock.holder_runnable_ns = 0;
	lock.holder_unknown_ns = lock.blocked_ns;
	has(sentence(), "4 threads waited");
	assert_null(strstr(sentence(), "holder"));
	assert_null(strstr(section(), "look at"));
}

static void the_interpreter_lock_is_called_by_its_name(void **state)
{
	struct cpt_report *r = &fixture.report;

	r->budget.reason_ns[CPT_REASON_HANDOFF] = r->budget.reason_ns[CPT_REASON_LOCK];
	r->budget.reason_ns[CPT_REASON_LOCK] = 0;
	lock.reason = CPT_REASON_HANDOFF;
	lock.kind = CPT_WORD_CONDVAR;
	lock.python_gil = true;
	has(sentence(), "CPython's GIL");
	has(section(), "look at processes instead of threads");
}

static void the_dearest_of_both_accounts_comes_first(void **state)
{
	struct cpt_report *r = &fixture.report;
	struct limit limits[CPT_LIMITS_MAX];

	r->demand.item_ns[CPT_DEMAND_MASK] = 2500 * FIXTURE_MS;
	r->budget.item_ns[CPT_BUDGET_OTHERS] = 300 * FIXTURE_MS;
	r->demand.item_ns[CPT_DEMAND_OTHERS] = 400 * FIXTURE_MS;
	r->budget.item_ns[CPT_BUDGET_QUOTA] = 250 * FIXTURE_MS;
	assert_int_equal(limits__find(r, limits), 3);
	assert_int_equal(limits[0].cause, CPT_CAUSE_MASK);
	assert_int_equal(limits[0].by, CPT_COST_DEMAND);
	assert_int_equal(limits[1].cause, CPT_CAUSE_LOCK);
	assert_int_equal(limits[2].cause, CPT_CAUSE_OTHERS); /* one cause, not two */
	assert_int_equal(limits[2].cost_ns, 300 * FIXTURE_MS);
	has(sentence(), "affinity");
}

static void what_others_took_costs_only_what_was_wanted(void **state)
{
	struct cpt_report *r = &fixture.report;
	struct limit limits[CPT_LIMITS_MAX];

	r->budget.item_ns[CPT_BUDGET_OTHERS] = 1900 * FIXTURE_MS;
	r->budget.reason_ns[CPT_REASON_LOCK] = 0;
	assert_int_equal(limits__find(r, limits), 0);
	r->demand.item_ns[CPT_DEMAND_OTHERS] = 250 * FIXTURE_MS;
	assert_int_equal(limits__find(r, limits), 1);
	assert_int_equal(limits[0].cost_ns, 250 * FIXTURE_MS);
	/* Others hold the second CPU, but the lock would not let it be used either. */
	r->split_ns[CPT_SPLIT_CONCURRENT_CONTENDED] = 1500 * FIXTURE_MS;
	assert_int_equal(limits__find(r, limits), 2);
	assert_int_equal(limits[0].cause, CPT_CAUSE_LOCK);
	assert_int_equal(limits[0].by, CPT_COST_LEDGER);
}

static void who_ran_alone_is_named(void **state)
{
	struct cpt_report *r = &fixture.report;
	struct limit limits[CPT_LIMITS_MAX];

	r->budget.reason_ns[CPT_REASON_LOCK] = 0;
	r->split_ns[CPT_SPLIT_SERIAL_RUNNING] = 1800 * FIXTURE_MS;
	assert_int_equal(limits__find(r, limits), 1);
	assert_int_equal(limits[0].cause, CPT_CAUSE_NO_WORK);
	has(sentence(), "for 90.0 % of the run one thread computed");
	has(sentence(), "`worker-1` (4002) ran alone for 24.2 %");
	for (int i = 1; i < 5; i++)
		strcpy(fixture.threads[i].name, "worker");
	has(sentence(), "`worker` (4 threads) ran alone for 96.9 %");
	has(section(), "look at what runs alone");
}

static void small_costs_are_no_limits(void **state)
{
	struct cpt_report *r = &fixture.report;
	struct limit limits[CPT_LIMITS_MAX];

	r->budget.reason_ns[CPT_REASON_LOCK] = 199 * FIXTURE_MS;
	assert_int_equal(limits__find(r, limits), 0);
	assert_string_equal(sentence(), "");
	assert_string_equal(section(), "");
	r->budget.reason_ns[CPT_REASON_LOCK] = 200 * FIXTURE_MS;
	assert_int_equal(limits__find(r, limits), 1);
}

static void a_workload_that_used_it_all_is_limited_by_the_cpus(void **state)
{
	struct cpt_report *r = &fixture.report;

	r->budget.reason_ns[CPT_REASON_LOCK] = 0;
	r->efficiency = 0.98;
	r->demand.item_ns[CPT_DEMAND_CPUS] = 3000 * FIXTURE_MS;
	has(sentence(), "Limit: the number of CPUs");
	has(sentence(), "1.50 more threads were ready");
	r->efficiency = 0.5;
	assert_string_equal(sentence(), "");
}

/* One loop, blocked for 0.6 s of its 2 s while 16 operations wait behind it; both CPUs idle meanwhile. */
static struct cpt_stall stalls[2];
static struct cpt_loop blocked;

static void put_blocked_loop(struct cpt_report *r)
{
	stalls[0] = (struct cpt_stall){.sysno = 230, /* clock_nanosleep of x86-64 */
				       .reason = CPT_REASON_SLEEP,
				       .cnt = 60,
				       .total_ns = 600 * FIXTURE_MS,
				       .longest_ns = 12 * FIXTURE_MS,
				       .delay_ns = 9000 * FIXTURE_MS,
				       .held_up = 16,
				       .behind_ns = 600 * FIXTURE_MS,
				       .unused_ns = 1200 * FIXTURE_MS};
	stalls[1] = (struct cpt_stall){
		.sysno = 0, .reason = CPT_REASON_DISK, .cnt = 1, .total_ns = 1300 * FIXTURE_MS};
	blocked = (struct cpt_loop){.id = 2,
				    .fd = 5,
				    .life_ns = 2000 * FIXTURE_MS,
				    .iterations = 100,
				    .flight_known = true,
				    .stalls = stalls,
				    .stalls_cnt = 2};
	r->loops.tab = &blocked;
	r->loops.cnt = 1;
	r->budget.reason_ns[CPT_REASON_LOCK] = 0;
	r->budget.item_ns[CPT_BUDGET_IN_FLIGHT] = 1500 * FIXTURE_MS;
	r->budget.item_ns[CPT_BUDGET_NO_WORK] = 72 * FIXTURE_MS;
}

static void a_blocked_loop_is_told_with_what_waited_behind_it(void **state)
{
	struct cpt_report *r = &fixture.report;
	struct limit limits[CPT_LIMITS_MAX];

	put_blocked_loop(r);
	assert_int_equal(limits__find(r, limits), 2);
	assert_int_equal(limits[0].cause, CPT_CAUSE_BLOCKED_LOOP);
	assert_int_equal(limits[0].by, CPT_COST_LOOPS);
	assert_int_equal(limits[0].cost_ns, 1200 * FIXTURE_MS);
	/* What it explains is charged to nothing else: the disk had nobody behind it. */
	assert_int_equal(limits[1].cause, CPT_CAUSE_IN_FLIGHT);
	assert_int_equal(limits[1].cost_ns, 300 * FIXTURE_MS);
	has(sentence(),
	    "a blocked event loop: `worker-1` (4002) blocked 60 times in clock_nanosleep "
	    "(sleep): 600 ms in all, 12.0 ms at most, with up to 16 operations in flight "
	    "behind it, delayed by 9.00 s in all");
	has(section(), "look at the handler that is in clock_nanosleep: without blocking");
	has(said_by(text_explain__add, r, 2000, 10),
	    "1.20 s by the loops (CPU time allowed and not used while the loop was blocked");
	/* Under the verdict it is said once. */
	lacks(said_by(text_report__head, r, 400, 10), "Blocked event loop");
}

static void a_loop_is_no_less_blocked_where_others_hold_the_cpus(void **state)
{
	struct cpt_report *r = &fixture.report;
	struct limit limits[CPT_LIMITS_MAX];

	put_blocked_loop(r);
	r->budget.item_ns[CPT_BUDGET_IN_FLIGHT] = r->budget.item_ns[CPT_BUDGET_NO_WORK] = 0;
	assert_int_equal(limits__find(r, limits), 1);
	assert_int_equal(limits[0].cause, CPT_CAUSE_BLOCKED_LOOP);
	assert_int_equal(limits[0].cost_ns, 600 * FIXTURE_MS);
	/* But where the workload used them itself, nothing was lost. */
	stalls[0].unused_ns = 10 * FIXTURE_MS;
	assert_int_equal(limits__find(r, limits), 0);
}

static void a_loop_with_nothing_behind_it_is_no_limit(void **state)
{
	struct cpt_report *r = &fixture.report;
	struct limit limits[CPT_LIMITS_MAX];

	put_blocked_loop(r);
	stalls[0].behind_ns = stalls[0].unused_ns = stalls[0].delay_ns = 0;
	stalls[0].held_up = 0;
	assert_int_equal(limits__find(r, limits), 1);
	assert_int_equal(limits[0].cause, CPT_CAUSE_IN_FLIGHT);
}

/* Probes come with the first loop: what was behind the first stalls they did not see. */
static void what_was_behind_some_of_them_is_a_lower_bound(void **state)
{
	put_blocked_loop(&fixture.report);
	blocked.flight_known = false;
	stalls[0].behind_ns = 500 * FIXTURE_MS;
	stalls[0].unused_ns = 1000 * FIXTURE_MS;
	has(sentence(),
	    "with at least 16 operations in flight behind it, delayed by at least 9.00 s");
}

static void what_is_unknown_could_be_dearer(void **state)
{
	struct cpt_report *r = &fixture.report;
	struct limit limits[CPT_LIMITS_MAX];

	r->budget.item_ns[CPT_BUDGET_UNKNOWN] = 1899 * FIXTURE_MS;
	assert_int_equal(limits__find(r, limits), 1);
	r->budget.item_ns[CPT_BUDGET_UNKNOWN] = 1900 * FIXTURE_MS;
	assert_int_equal(limits__find(r, limits), 0);
	assert_string_equal(sentence(), "");
}

/* Bounds that are the figures themselves. */
static void set_pairs(struct cpt_report *r)
{
	struct cpt_bounds *b = &r->bounds;

	b->accounts_open = true;
	b->window_ns = (struct cpt_ns_bounds){r->window_ns, r->window_ns};
	b->efficiency = (struct cpt_real_bounds){r->efficiency, r->efficiency};
	b->cpu_time_ns = (struct cpt_ns_bounds){r->cpu_time_ns, r->cpu_time_ns};
	b->budget.total_ns = (struct cpt_ns_bounds){r->budget.total_ns, r->budget.total_ns};
	b->demand.total_ns = (struct cpt_ns_bounds){r->demand.total_ns, r->demand.total_ns};
	for (int i = 0; i < CPT_BUDGET_CNT; i++)
		b->budget.item_ns[i] =
			(struct cpt_ns_bounds){r->budget.item_ns[i], r->budget.item_ns[i]};
	for (int i = 0; i < CPT_REASON_CNT; i++)
		b->budget.reason_ns[i] =
			(struct cpt_ns_bounds){r->budget.reason_ns[i], r->budget.reason_ns[i]};
	for (int i = 0; i < CPT_DEMAND_CNT; i++)
		b->demand.item_ns[i] =
			(struct cpt_ns_bounds){r->demand.item_ns[i], r->demand.item_ns[i]};
	for (int i = 0; i < CPT_SPLIT_UNKNOWN; i++)
		b->split_ns[i] = (struct cpt_ns_bounds){r->split_ns[i], r->split_ns[i]};
}

static void a_limit_that_the_bounds_do_not_bear_is_not_named(void **state)
{
	struct cpt_budget_bounds *b = &fixture.report.bounds.budget;

	set_pairs(&fixture.report);
	has(sentence(), "app:queue_lock");
	assert_null(strstr(budget(), "in truth"));
	b->reason_ns[CPT_REASON_LOCK] =
		(struct cpt_ns_bounds){1000 * FIXTURE_MS, 1950 * FIXTURE_MS};
	b->item_ns[CPT_BUDGET_NO_WORK].high = 972 * FIXTURE_MS;
	has(sentence(), "app:queue_lock");
	has(budget(), "in truth between 25.0 % and 48.8 %");
	has(budget(), "in truth between 1.8 % and 24.3 %");
	lacks(budget(), "may also be");
	/* What no line is spent on may still be there. */
	b->reason_ns[CPT_REASON_DISK].high = 400 * FIXTURE_MS;
	b->reason_ns[CPT_REASON_PIPE].high = 41 * FIXTURE_MS;
	b->reason_ns[CPT_REASON_SOCKET].high = 39 * FIXTURE_MS;
	has(budget(), "may also be, by what was lost: disk, pipe; each at most 10.0 %");
	b->item_ns[CPT_BUDGET_NO_WORK].high = 1001 * FIXTURE_MS;
	assert_string_equal(sentence(), "");
}

/* The larger the contended time, the more of what a mask seems to cost is the lock's. */
static void what_a_mask_costs_at_most_is_told_by_the_least_contention(void **state)
{
	struct cpt_report *r = &fixture.report;

	r->budget.reason_ns[CPT_REASON_LOCK] = 300 * FIXTURE_MS;
	r->demand.item_ns[CPT_DEMAND_MASK] = 500 * FIXTURE_MS;
	r->split_ns[CPT_SPLIT_CONCURRENT_CONTENDED] = 120 * FIXTURE_MS;
	lock.wake_delay_ns = 400 * FIXTURE_MS;
	set_pairs(r);
	has(sentence(), "app:queue_lock");
	r->bounds.split_ns[CPT_SPLIT_CONCURRENT_CONTENDED] =
		(struct cpt_ns_bounds){20 * FIXTURE_MS, 140 * FIXTURE_MS};
	assert_string_equal(sentence(), "");
}

static void the_number_of_cpus_is_named_only_where_no_limit_may_be(void **state)
{
	struct cpt_report *r = &fixture.report;

	r->budget.reason_ns[CPT_REASON_LOCK] = 0;
	r->budget.item_ns[CPT_BUDGET_NO_WORK] = 0;
	r->efficiency = 0.98;
	r->demand.item_ns[CPT_DEMAND_CPUS] = 3000 * FIXTURE_MS;
	set_pairs(r);
	has(sentence(), "the number of CPUs");
	r->bounds.budget.item_ns[CPT_BUDGET_NO_WORK].high = 201 * FIXTURE_MS;
	assert_string_equal(sentence(), "");
	/* Nor where there is one, but which is open. */
	r->budget.item_ns[CPT_BUDGET_NO_WORK] = r->bounds.budget.item_ns[CPT_BUDGET_NO_WORK].low =
		201 * FIXTURE_MS;
	has(sentence(), "too little in progress");
	r->bounds.budget.reason_ns[CPT_REASON_DISK].high = 300 * FIXTURE_MS;
	assert_string_equal(sentence(), "");
}

/* ns, and between what it lies: much or little more or less than it. */
static struct cpt_ns_bounds around(struct rng *rng, uint64_t ns)
{
	const uint64_t reach = rng_below(rng, 3) ? rng_below(rng, 40) : rng_below(rng, 400);
	const uint64_t less = rng_below(rng, (uint32_t)reach + 1) * FIXTURE_MS;

	return (struct cpt_ns_bounds){ns > less ? ns - less : 0,
				      ns + rng_below(rng, (uint32_t)reach + 1) * FIXTURE_MS};
}

/* An end of them, or what is between. */
static uint64_t within(struct rng *rng, const struct cpt_ns_bounds *b)
{
	const uint64_t span_ms = (b->high - b->low) / FIXTURE_MS;

	if (rng_below(rng, 4))
		return rng_below(rng, 2) ? b->low : b->high;
	return b->low + rng_below(rng, (uint32_t)span_ms + 1) * FIXTURE_MS;
}

/* X(figure, bounds): all that costs follow from and that has bounds. */
#define EACH_BOUNDED(X, r)                                                                         \
	do {                                                                                       \
		struct cpt_bounds *b = &(r)->bounds;                                               \
                                                                                                   \
		X((r)->window_ns, b->window_ns);                                                   \
		X((r)->cpu_time_ns, b->cpu_time_ns);                                               \
		X((r)->budget.total_ns, b->budget.total_ns);                                       \
		for (int i = 0; i < CPT_BUDGET_UNKNOWN; i++)                                       \
			X((r)->budget.item_ns[i], b->budget.item_ns[i]);                           \
		for (int i = 0; i < CPT_REASON_CNT; i++)                                           \
			X((r)->budget.reason_ns[i], b->budget.reason_ns[i]);                       \
		for (int i = 0; i < CPT_DEMAND_UNKNOWN; i++)                                       \
			X((r)->demand.item_ns[i], b->demand.item_ns[i]);                           \
		for (int i = 0; i < CPT_SPLIT_UNKNOWN; i++)                                        \
			X((r)->split_ns[i], b->split_ns[i]);                                       \
	} while (0)

/* Up to three causes that cost something, at a lock or with a blocked loop, and bounds around all figures. */
static void draw_report(struct rng *rng, struct cpt_report *r)
{
	r->budget.reason_ns[CPT_REASON_LOCK] = r->budget.item_ns[CPT_BUDGET_NO_WORK] = 0;
	if (rng_below(rng, 3) == 0)
		put_blocked_loop(r);
	for (uint32_t i = rng_below(rng, 4); i; i--) {
		const uint64_t ns = rng_below(rng, 1500) * FIXTURE_MS;

		switch (rng_below(rng, 4)) {
		case 0:
			r->budget.item_ns[1 + rng_below(rng, CPT_BUDGET_UNKNOWN - 1)] = ns;
			break;
		case 1:
			r->budget.reason_ns[rng_below(rng, CPT_REASON_CNT)] = ns;
			break;
		case 2:
			r->demand.item_ns[rng_below(rng, CPT_DEMAND_UNKNOWN)] = ns;
			break;
		default:
			r->demand.item_ns[CPT_DEMAND_MASK] = ns;
			lock.wake_delay_ns = rng_below(rng, 1500) * FIXTURE_MS;
			break;
		}
	}
	if (rng_below(rng, 2))
		r->split_ns[CPT_SPLIT_CONCURRENT_CONTENDED] = rng_below(rng, 300) * FIXTURE_MS;
	r->cpu_time_ns = (2028 + rng_below(rng, 1900)) * FIXTURE_MS;
	r->efficiency = (double)r->cpu_time_ns / (double)r->budget.total_ns;
	if (r->efficiency > 0.9)
		r->demand.item_ns[CPT_DEMAND_CPUS] = 3000 * FIXTURE_MS;
#define DRAW(figure, pair) pair = around(rng, figure)
	EACH_BOUNDED(DRAW, r);
#undef DRAW
	r->bounds.accounts_open = true;
	r->bounds.efficiency.low = r->efficiency - 0.01;
}

static void no_truth_within_the_bounds_has_another_limit(void **state)
{
	struct cpt_report *r = &fixture.report;
	struct rng rng = {.state = 23};
	unsigned int named = 0, cpus = 0, masks = 0, loops = 0;

	for (int round = 0; round < 20000; round++) {
		struct limit told[CPT_LIMITS_MAX] = {{0}}, limits[CPT_LIMITS_MAX];
		unsigned int cnt;
		bool all, any;

		setup(state);
		draw_report(&rng, r);
		cnt = limits__find(r, told);
		all = strstr(sentence(), "the number of CPUs") != NULL;
		assert_false(all && cnt);
		if (!cnt && !all)
			continue;
		named += cnt != 0;
		cpus += all;
		masks += cnt && told[0].cause == CPT_CAUSE_MASK;
		loops += cnt && told[0].cause == CPT_CAUSE_BLOCKED_LOOP;
		for (int truth = 0; truth < 20; truth++) {
			r->bounds.accounts_open = false;
#define TAKE(figure, pair) figure = within(&rng, &pair)
			EACH_BOUNDED(TAKE, r);
#undef TAKE
			/* And that is one: it costs enough. */
			any = limits__find(r, limits);
			if (all ? any : !any || limits[0].cause != told[0].cause)
				fail_msg("round %d: %s is said, %s may be", round,
					 all ? "CPUs" : cause_name(told[0].cause),
					 any ? cause_name(limits[0].cause) : "none");
		}
	}
	printf("named %u, of them masks %u, loops %u; CPUs %u\n", named, masks, loops, cpus);
	assert_true(named > 2000 && cpus > 200 && masks > 100 && loops > 100);
}

static void the_demand_in_all_has_bounds(void **state)
{
	struct cpt_report *r = &fixture.report;
	struct cpt_demand_bounds *b = &r->bounds.demand;
	const char *said;

	r->demand.total_ns = r->demand.item_ns[CPT_DEMAND_CPUS] = 600 * FIXTURE_MS;
	set_pairs(r);
	assert_null(strstr(said_by(add_demand, r, 400, 10), "["));
	b->total_ns.high = 800 * FIXTURE_MS;
	b->item_ns[CPT_DEMAND_CPUS].low = 400 * FIXTURE_MS;
	said = said_by(add_demand, r, 400, 10);
	has(said, "(600 ms [600 ms, 800 ms] over all threads)");
	has(said, "in truth between 50.0 % and 100.0 %");
	b->total_ns.high = UINT64_MAX;
	said = said_by(add_demand, r, 400, 10);
	has(said, "(600 ms [600 ms or more] over all threads)");
	has(said, "in truth between 0.0 % and 100.0 %");
	/* Where none was seen there may have been some. */
	r->demand.total_ns = r->demand.item_ns[CPT_DEMAND_CPUS] = 0;
	set_pairs(r);
	assert_string_equal(said_by(add_demand, r, 400, 10), "");
	b->total_ns.high = b->item_ns[CPT_DEMAND_MASK].high = 500 * FIXTURE_MS;
	said = said_by(add_demand, r, 400, 10);
	has(said, "(0 [0, 500 ms] over all threads)");
	has(said, "may also be, by what was lost: mask; each at most 100.0 %");
}

static void lost_events_leave_no_limit_where_they_leave_no_verdict(void **state)
{
	struct cpt_report *r = &fixture.report;
	struct limit limits[CPT_LIMITS_MAX];

	r->verdict = CPT_CLASS_UNKNOWN;
	assert_int_equal(limits__find(r, limits), 0);
}

/* Ten threads on one CPU wait for nine at a time, and there is but one more. */
static void no_cause_costs_more_than_there_was(void **state)
{
	struct cpt_report *r = &fixture.report;
	struct limit limits[CPT_LIMITS_MAX];

	r->demand.item_ns[CPT_DEMAND_MASK] = 20000 * FIXTURE_MS;
	assert_true(limits__find(r, limits) >= 1);
	assert_int_equal(limits[0].cause, CPT_CAUSE_MASK);
	assert_int_equal(limits[0].cost_ns, r->window_ns * r->cpus_online - r->cpu_time_ns);
	r->demand.item_ns[CPT_DEMAND_MASK] = 0;
	r->demand.item_ns[CPT_DEMAND_QUOTA] = 20000 * FIXTURE_MS;
	assert_true(limits__find(r, limits) >= 1);
	assert_int_equal(limits[0].cause, CPT_CAUSE_QUOTA);
	assert_int_equal(limits[0].cost_ns, r->budget.total_ns - r->cpu_time_ns);
}

/* So many waits of 1.5 us or a little less: but the switch from one thread to the other. */
static void put_short_waits(struct cpt_latency *l, uint64_t cnt)
{
	uint32_t bucket = 0;

	while (latency_bucket_from(bucket + 1) <= 1500)
		bucket++;
	l->bucket[bucket] = cnt;
}

/* Two that take turns on one CPU would wait for each other on two. */
static void turns_of_two_on_one_cpu_are_no_limit_of_its_mask(void **state)
{
	struct cpt_report *r = &fixture.report;

	r->budget.reason_ns[CPT_REASON_LOCK] = 0;
	r->demand.item_ns[CPT_DEMAND_MASK] = 500 * FIXTURE_MS;
	has(section(), "mask");
	put_short_waits(&r->latency[CPT_READY_WAKE], 400000);
	lacks(section(), "mask");
}

/* On a CPU of its own, a thread that comes from the lock would find the next holder at work on another. */
static void what_a_lock_lets_through_one_by_one_no_mask_holds_back(void **state)
{
	struct cpt_report *r = &fixture.report;

	r->demand.item_ns[CPT_DEMAND_MASK] = 500 * FIXTURE_MS;
	r->split_ns[CPT_SPLIT_CONCURRENT_CONTENDED] = 1500 * FIXTURE_MS;
	has(section(), "mask");
	lock.wake_delay_ns = 450 * FIXTURE_MS;
	lacks(section(), "mask");
	/* Those of its waits that were but a switch are not taken off once more. */
	lock.wake_delay_ns = 290 * FIXTURE_MS;
	put_short_waits(&r->latency[CPT_READY_WAKE], 80000);
	has(section(), "mask");
	put_short_waits(&r->latency[CPT_READY_WAKE], 0);
	lock.wake_delay_ns = 450 * FIXTURE_MS;
	/* Where the lock limits nothing, it is the mask that keeps them waiting; and little by little. */
	r->split_ns[CPT_SPLIT_CONCURRENT_CONTENDED] = 99 * FIXTURE_MS;
	lacks(section(), "mask");
	r->split_ns[CPT_SPLIT_CONCURRENT_CONTENDED] = 50 * FIXTURE_MS;
	has(section(), "mask");
}

static void only_a_tenant_that_explains_it_is_named(void **state)
{
	struct cpt_report *r = &fixture.report;

	r->budget.item_ns[CPT_BUDGET_OTHERS] = r->demand.item_ns[CPT_DEMAND_OTHERS] =
		2000 * FIXTURE_MS;
	r->close_facts = &fixture.close;
	fixture.close.tenant_cnt = 2;
	fixture.close.tenants[0] =
		(struct cpt_tenant){.pid = 7, .name = "hog", .cpu_ns = 1500 * FIXTURE_MS};
	fixture.close.tenants[1] =
		(struct cpt_tenant){.pid = 8, .name = "sshd", .cpu_ns = 20 * FIXTURE_MS};
	has(sentence(), "for them: `hog` (7) 1.50 s.");
	lacks(sentence(), "sshd");
	/* A build's compilers are gone when the run ends: not those that are left are to blame. */
	fixture.close.tenants[0].cpu_ns = 100 * FIXTURE_MS;
	lacks(sentence(), "hog");
	has(sentence(), "for them.");
	has(budget(), "others: programs that ended before it did, or many small ones");
	r->filtered = CPT_FILTERED_TASKS;
	has(budget(), "others: threads of the workload that are not selected");
}

/* A full pipe has nobody who answers: its reader is too slow. */
static void a_full_pipe_points_to_its_reader(void **state)
{
	fixture.report.budget.reason_ns[CPT_REASON_LOCK] = 0;
	fixture.report.budget.reason_ns[CPT_REASON_PIPE] = 1900 * FIXTURE_MS;
	has(section(), "look at who reads more slowly");
	lacks(section(), "answers");
}

/* In 80 columns its words go on in the next line. */
static void no_word_of_an_account_is_cut(void **state)
{
	static struct strbuf b;
	struct text_report_opts opts = {.style = {.utf8 = true, .width = 80}};

	add_budget(&b, &fixture.report, &opts);
	has(strbuf__str(&b), "idle: a mutex or file lock another task\n");
	has(strbuf__str(&b), "     holds\n");
	strbuf__free(&b);
}

static void a_tenant_has_no_figure_of_another_time(void **state)
{
	struct cpt_report *r = &fixture.report;

	r->budget.item_ns[CPT_BUDGET_OTHERS] = r->demand.item_ns[CPT_DEMAND_OTHERS] =
		2000 * FIXTURE_MS;
	r->close_facts = &fixture.close;
	fixture.close.tenant_cnt = 1;
	fixture.close.tenants[0] =
		(struct cpt_tenant){.pid = 7, .name = "hog", .cpu_ns = 2100 * FIXTURE_MS};
	has(sentence(), "for them: `hog` (7).");
	fixture.close.tenants[0].cpu_ns = 1900 * FIXTURE_MS;
	r->filtered = CPT_FILTERED_TIME;
	lacks(sentence(), "hog");
	r->filtered = 0;
	has(sentence(), "for them: `hog` (7) 1.90 s.");
}

static void names_from_the_trace_are_escaped(void **state)
{
	struct cpt_report *r = &fixture.report;

	r->budget.item_ns[CPT_BUDGET_OTHERS] = r->demand.item_ns[CPT_DEMAND_OTHERS] =
		2000 * FIXTURE_MS;
	fixture.close.tenant_cnt = 1;
	fixture.close.tenants[0] =
		(struct cpt_tenant){.pid = 7, .name = "e\033[2Jvil", .cpu_ns = 2000 * FIXTURE_MS};
	r->close_facts = &fixture.close;
	has(sentence(), "vil");
	assert_null(strchr(sentence(), '\033'));
	lock.symbol = (char *)"q\033]0;x\a";
	r->budget.item_ns[CPT_BUDGET_OTHERS] = 0;
	assert_null(strchr(sentence(), '\033'));
	assert_null(strchr(sentence(), '\a'));
}

static void each_cause_has_a_name_and_evidence(void **state)
{
	struct cpt_report *r = &fixture.report;

	for (int i = 0; i < CPT_CAUSE_CNT; i++) {
		struct limit limit = {.cause = (enum cpt_cause)i, .cost_ns = 1000 * FIXTURE_MS};
		struct strbuf b = {0};

		limits__evidence(&b, r, &limit, false);
		limits__look_at(&b, r, &limit);
		assert_true(b.len > 10);
		assert_string_not_equal(cause_name(limit.cause), "?");
		strbuf__free(&b);
	}
	assert_string_equal(cause_name(CPT_CAUSE_CNT), "?");
}

static void each_limit_is_explained_by_its_account(void **state)
{
	struct cpt_report *r = &fixture.report;
	const char *text;

	r->budget.item_ns[CPT_BUDGET_QUOTA] = 600 * FIXTURE_MS;
	r->split_ns[CPT_SPLIT_SERIAL_RUNNING] = 500 * FIXTURE_MS;
	text = said_by(text_explain__add, r, 2000, 10);
	has(text, "1.90 s by the budget (CPU time allowed that it kept from being used) = 47.5 %");
	has(text, "limit 2");
	has(text,
	    "600 ms by the budget (CPU time allowed that it kept from being used) = 15.0 % of "
	    "the CPU time allowed: its CPU quota");
	has(text, "limit 3");
	has(text, "500 ms by the ledger (time in which one thing computed");
	r->budget.item_ns[CPT_BUDGET_QUOTA] = r->split_ns[CPT_SPLIT_SERIAL_RUNNING] = 0;
	lacks(said_by(text_explain__add, r, 2000, 10), "limit 2");
}

static void the_lock_is_explained_by_its_holders_states(void **state)
{
	const char *text;

	lock.wake_delay_ns = 30 * FIXTURE_MS;
	text = said_by(text_explain__add, &fixture.report, 2000, 10);
	has(text, "5.86 s  app:queue_lock: 7,000 waits of 4 threads until the wake-up = its holder "
		  "running 5.69 s + without a CPU 176 ms; 30.0 ms more from the wake-up");
	lock.holder_running_ns = 0;
	lock.holder_blocked_ns[CPT_REASON_DISK] = 5000 * FIXTURE_MS;
	lock.holder_unknown_ns = 686 * FIXTURE_MS;
	has(said_by(text_explain__add, &fixture.report, 2000, 10),
	    "without a CPU 176 ms + blocked itself 5.00 s + not known 686 ms");
	lock.rest = true;
	lacks(said_by(text_explain__add, &fixture.report, 2000, 10), "lock most waited");
}

static void delays_and_busy_waiting_are_explained_where_there_are_any(void **state)
{
	struct cpt_report *r = &fixture.report;
	struct cpt_sites sites = {
		.samples = 200, .spins = 50, .spin_share = 0.25, .effective = 0.76};
	const char *text = said_by(text_explain__add, r, 2000, 10);

	lacks(text, "after_wakeup");
	lacks(text, "effective");
	lacks(text, "ceiling");
	r->latency[CPT_READY_WAKE] = (struct cpt_latency){.cnt = 1234,
							  .sum_ns = 90 * FIXTURE_MS,
							  .p50_ns = 2000,
							  .p99_ns = 7 * FIXTURE_MS,
							  .max_ns = 8 * FIXTURE_MS};
	r->sites = &sites;
	text = said_by(text_explain__add, r, 2000, 10);
	has(text, "half of 1,234 stretches from ready to running were at most that; 99 % at most "
		  "7.00 ms, the longest 8.00 ms, 90.0 ms in all");
	lacks(text, "after_preemption");
	has(text, "0.76  CPU time less busy-waiting / window; 50 of 200 samples");
	r->sites = NULL;
}

static void ceilings_are_explained_by_what_ran(void **state)
{
	struct cpt_ceiling c = {.kind = CPT_CEILING_ONE_OF_N,
				.symbol = (char *)"",
				.module = (char *)"",
				.threads = 4,
				.wanted_ns = 1900 * FIXTURE_MS,
				.one_ns = 1850 * FIXTURE_MS,
				.overlap_ns = 2 * FIXTURE_MS,
				.turns = 310};

	fixture.report.ceilings = &c;
	fixture.report.ceilings_cnt = 1;
	has(said_by(text_explain__add, &fixture.report, 2000, 10),
	    "possible  of 4 threads one ran for 1.85 s and more than one for 2.00 ms of the 1.90 s "
	    "in "
	    "which two wanted to, in 310 turns");
	c.kind = CPT_CEILING_GIL;
	c.waited_ns = 1880 * FIXTURE_MS;
	has(said_by(text_explain__add, &fixture.report, 2000, 10),
	    "GIL  known by its symbol: some thread waited for it for 1.88 s of 2.00 s; of 4 "
	    "threads");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_lock_is_named_with_what_its_holder_did, setup),
		cmocka_unit_test_setup(a_holder_that_itself_waits_is_the_thing_to_look_at, setup),
		cmocka_unit_test_setup(advice_needs_a_known_holder, setup),
		cmocka_unit_test_setup(the_interpreter_lock_is_called_by_its_name, setup),
		cmocka_unit_test_setup(the_dearest_of_both_accounts_comes_first, setup),
		cmocka_unit_test_setup(what_others_took_costs_only_what_was_wanted, setup),
		cmocka_unit_test_setup(who_ran_alone_is_named, setup),
		cmocka_unit_test_setup(small_costs_are_no_limits, setup),
		cmocka_unit_test_setup(a_workload_that_used_it_all_is_limited_by_the_cpus, setup),
		cmocka_unit_test_setup(a_blocked_loop_is_told_with_what_waited_behind_it, setup),
		cmocka_unit_test_setup(a_loop_is_no_less_blocked_where_others_hold_the_cpus, setup),
		cmocka_unit_test_setup(a_loop_with_nothing_behind_it_is_no_limit, setup),
		cmocka_unit_test_setup(what_was_behind_some_of_them_is_a_lower_bound, setup),
		cmocka_unit_test_setup(what_is_unknown_could_be_dearer, setup),
		cmocka_unit_test_setup(a_limit_that_the_bounds_do_not_bear_is_not_named, setup),
		cmocka_unit_test_setup(what_a_mask_costs_at_most_is_told_by_the_least_contention,
				       setup),
		cmocka_unit_test_setup(the_number_of_cpus_is_named_only_where_no_limit_may_be,
				       setup),
		cmocka_unit_test_setup(no_truth_within_the_bounds_has_another_limit, setup),
		cmocka_unit_test_setup(the_demand_in_all_has_bounds, setup),
		cmocka_unit_test_setup(lost_events_leave_no_limit_where_they_leave_no_verdict,
				       setup),
		cmocka_unit_test_setup(no_cause_costs_more_than_there_was, setup),
		cmocka_unit_test_setup(turns_of_two_on_one_cpu_are_no_limit_of_its_mask, setup),
		cmocka_unit_test_setup(what_a_lock_lets_through_one_by_one_no_mask_holds_back,
				       setup),
		cmocka_unit_test_setup(only_a_tenant_that_explains_it_is_named, setup),
		cmocka_unit_test_setup(a_full_pipe_points_to_its_reader, setup),
		cmocka_unit_test_setup(no_word_of_an_account_is_cut, setup),
		cmocka_unit_test_setup(a_tenant_has_no_figure_of_another_time, setup),
		cmocka_unit_test_setup(names_from_the_trace_are_escaped, setup),
		cmocka_unit_test_setup(each_cause_has_a_name_and_evidence, setup),
		cmocka_unit_test_setup(each_limit_is_explained_by_its_account, setup),
		cmocka_unit_test_setup(the_lock_is_explained_by_its_holders_states, setup),
		cmocka_unit_test_setup(delays_and_busy_waiting_are_explained_where_there_are_any,
				       setup),
		cmocka_unit_test_setup(ceilings_are_explained_by_what_ran, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
