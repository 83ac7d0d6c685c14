// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_text_accounts.c - where the CPU time went and why ready work did not run, in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/text_accounts.h"

#include "report_fixture.h"
#include "report_said.h"

static struct report_fixture fixture;
static struct strbuf text;

/* 4 s of CPU time allowed: 2 used, 1.2 idle behind a lock, 0.5 others', 0.3 without work. */
static int setup(void **state)
{
	struct cpt_report *r = &fixture.report;

	report_fixture(&fixture);
	memset(&r->budget, 0, sizeof(r->budget));
	memset(&r->demand, 0, sizeof(r->demand));
	r->cpu_time_ns = 2000 * FIXTURE_MS;
	r->budget.total_ns = 4000 * FIXTURE_MS;
	r->budget.item_ns[CPT_BUDGET_USED] = 2000 * FIXTURE_MS;
	r->budget.item_ns[CPT_BUDGET_OTHERS] = 500 * FIXTURE_MS;
	r->budget.item_ns[CPT_BUDGET_NO_WORK] = 300 * FIXTURE_MS;
	r->budget.reason_ns[CPT_REASON_LOCK] = 1200 * FIXTURE_MS;
	r->demand.total_ns = 1000 * FIXTURE_MS;
	r->demand.item_ns[CPT_DEMAND_CPUS] = 700 * FIXTURE_MS;
	r->demand.item_ns[CPT_DEMAND_PLACEMENT] = 300 * FIXTURE_MS;
	return 0;
}

static int teardown(void **state)
{
	strbuf__free(&text);
	text = (struct strbuf){0};
	return 0;
}

static const char *written(void (*add)(struct strbuf *, const struct cpt_report *,
				       const struct text_report_opts *))
{
	const struct text_report_opts opts = {.style = {.utf8 = true, .width = 400}};

	strbuf__clear(&text);
	add(&text, &fixture.report, &opts);
	assert_false(text.failed);
	return text.len ? strbuf__str(&text) : "";
}

static const char *budget(void)
{
	return written(add_budget);
}

static const char *demand(void)
{
	return written(add_demand);
}

static void the_largest_item_comes_first(void **state)
{
	const char *t = budget(), *used = strstr(t, "   used"), *lock = strstr(t, "   lock");
	const char *others = strstr(t, "   others"), *no_work = strstr(t, "   no_work");

	has(t, "Where the CPU time went");
	assert_true(used && lock && others && no_work);
	assert_true(used < lock && lock < others && others < no_work);
	has(used, "50.0 %");
	has(lock, "30.0 %");
	has(others, "12.5 %");
	has(no_work, "7.5 %");
}

/* Of each hundredth there is a line, of less there is none. */
static void an_item_below_a_hundredth_has_no_line(void **state)
{
	struct cpt_budget *b = &fixture.report.budget;

	b->item_ns[CPT_BUDGET_QUOTA] = 40 * FIXTURE_MS;
	b->item_ns[CPT_BUDGET_USED] -= 40 * FIXTURE_MS;
	has(budget(), "   quota");
	b->item_ns[CPT_BUDGET_QUOTA]--;
	b->item_ns[CPT_BUDGET_USED]++;
	lacks(budget(), "   quota");
}

static void where_all_was_used_there_is_nothing_to_say(void **state)
{
	struct cpt_budget *b = &fixture.report.budget;

	memset(b->item_ns, 0, sizeof(b->item_ns));
	memset(b->reason_ns, 0, sizeof(b->reason_ns));
	b->item_ns[CPT_BUDGET_USED] = b->total_ns - 39 * FIXTURE_MS;
	b->item_ns[CPT_BUDGET_NO_WORK] = 39 * FIXTURE_MS;
	assert_string_equal(budget(), "");
	b->total_ns = 0;
	assert_string_equal(budget(), "");
}

static void unwatched_cpus_are_said_to_be(void **state)
{
	lacks(budget(), "--no-budget");
	fixture.meta.flags |= CPT_TRACE_NO_OCCUPANCY;
	has(budget(), "(--no-budget), so what they did is not known");
}

/* 2 s on two CPUs: 80 ms are a fiftieth of it. */
static void steal_and_interrupts_qualify_from_a_fiftieth_on(void **state)
{
	fixture.close.steal_ns = 79 * FIXTURE_MS;
	fixture.close.irq_ns = 79 * FIXTURE_MS;
	lacks(budget(), "hypervisor");
	lacks(budget(), "Interrupts");
	fixture.close.steal_ns = 80 * FIXTURE_MS;
	has(budget(), "The hypervisor took 80.0 ms of CPU time");
	lacks(budget(), "Interrupts");
	fixture.close.irq_ns = 80 * FIXTURE_MS;
	has(budget(), "Interrupts took 80.0 ms of CPU time");
	/* Of a part of the run neither is known. */
	fixture.report.filtered = CPT_FILTERED_TIME;
	lacks(budget(), "hypervisor");
	lacks(budget(), "Interrupts");
	fixture.report.filtered = 0;
	fixture.close.steal_ns = fixture.close.irq_ns = UINT64_MAX;
	lacks(budget(), "hypervisor");
	lacks(budget(), "Interrupts");
}

static void no_more_tenants_are_named_than_asked_for(void **state)
{
	const char *const names[] = {"one", "two", "three", "four"};

	fixture.close.tenant_cnt = 4;
	for (int i = 0; i < 4; i++) {
		fixture.close.tenants[i].pid = 70 + (uint32_t)i;
		fixture.close.tenants[i].cpu_ns = (120 - (uint64_t)i) * FIXTURE_MS;
		strcpy(fixture.close.tenants[i].name, names[i]);
	}
	has(budget(), "others: `one` (70) 120 ms, `two` (71) 119 ms, `three` (72) 118 ms");
	lacks(budget(), "four");
	strbuf__clear(&text);
	assert_int_equal(add_tenant_names(&text, &fixture.report, 2, true), 239 * FIXTURE_MS);
	has(strbuf__str(&text), "`two`");
	lacks(strbuf__str(&text), "three");
}

/* Half of it is explained by who is named, and no word is lost about the rest; less is not. */
static void what_the_named_do_not_explain_is_said(void **state)
{
	fixture.close.tenant_cnt = 1;
	fixture.close.tenants[0] =
		(struct cpt_tenant){.pid = 7, .name = "hog", .cpu_ns = 250 * FIXTURE_MS};
	has(budget(), "others: `hog` (7) 250 ms\n");
	fixture.close.tenants[0].cpu_ns--;
	has(budget(), ", and programs that ended before it did");
	fixture.report.filtered = CPT_FILTERED_CPUS;
	has(budget(), "others: which ones is known of the whole run alone");
	lacks(budget(), "hog");
}

/* 1 s ready, 2 s run: worth a section. Below a twentieth of all that wanted to run it is not. */
static void little_waiting_for_cpus_is_not_asked_after(void **state)
{
	struct cpt_demand *d = &fixture.report.demand;

	has(demand(), "Why ready work did not run  (1.00 s over all threads)");
	has(demand(), "70.0 %");
	has(demand(), "30.0 %");
	d->total_ns = d->item_ns[CPT_DEMAND_CPUS] = 105 * FIXTURE_MS;
	d->item_ns[CPT_DEMAND_PLACEMENT] = 0;
	assert_string_equal(demand(), "");
	d->total_ns = d->item_ns[CPT_DEMAND_CPUS] = 106 * FIXTURE_MS;
	has(demand(), "Why ready work did not run");
	memset(d, 0, sizeof(*d));
	assert_string_equal(demand(), "");
}

static void latency_is_told_apart_by_what_it_began_with(void **state)
{
	fixture.report.latency[CPT_READY_WAKE] = (struct cpt_latency){.cnt = 400,
								      .sum_ns = 600 * FIXTURE_MS,
								      .p50_ns = FIXTURE_MS,
								      .p99_ns = 5 * FIXTURE_MS,
								      .max_ns = 8 * FIXTURE_MS,
								      .migrated = 100};
	fixture.report.latency[CPT_READY_PREEMPT] = (struct cpt_latency){.cnt = 100,
									 .sum_ns = 400 * FIXTURE_MS,
									 .p50_ns = 4 * FIXTURE_MS,
									 .p99_ns = 4 * FIXTURE_MS,
									 .max_ns = 4 * FIXTURE_MS};
	has(demand(), "woken 400 times: median 1.00 ms, 99 % by 5.00 ms, longest 8.00 ms; "
		      "25.0 % moved\n");
	has(demand(), "preempted or yielded 100 times: median 4.00 ms, 99 % by 4.00 ms, "
		      "longest 4.00 ms\n");
	lacks(demand(), "born");
	fixture.report.latency[CPT_READY_PREEMPT].sum_ns = 9 * FIXTURE_MS;
	lacks(demand(), "preempted");
}

/* What a CPU needs to wake up is no mistake of the scheduler's, but only idle CPUs wake up. */
static void short_waits_excuse_placement(void **state)
{
	struct cpt_demand *d = &fixture.report.demand;

	fixture.report.latency[CPT_READY_WAKE] = (struct cpt_latency){.cnt = 4000,
								      .sum_ns = 150 * FIXTURE_MS,
								      .short_cnt = 4000,
								      .short_ns = 150 * FIXTURE_MS};
	has(demand(), "15.0 % of it are 4,000 waits of at most 0.1 ms");
	d->item_ns[CPT_DEMAND_CPUS] += d->item_ns[CPT_DEMAND_PLACEMENT];
	d->item_ns[CPT_DEMAND_PLACEMENT] = 0;
	lacks(demand(), "0.1 ms");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_largest_item_comes_first),
		TEST(an_item_below_a_hundredth_has_no_line),
		TEST(where_all_was_used_there_is_nothing_to_say),
		TEST(unwatched_cpus_are_said_to_be),
		TEST(steal_and_interrupts_qualify_from_a_fiftieth_on),
		TEST(no_more_tenants_are_named_than_asked_for),
		TEST(what_the_named_do_not_explain_is_said),
		TEST(little_waiting_for_cpus_is_not_asked_after),
		TEST(latency_is_told_apart_by_what_it_began_with),
		TEST(short_waits_excuse_placement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
