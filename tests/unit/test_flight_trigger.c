// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_flight_trigger.c - --flight and --trigger: how they are spelled, and when a condition is met. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../collector/flight_opts.h"

#define MS UINT64_C(1000000)

static const struct cli_option any;

static int parse(struct trigger_opts *o, const char *text)
{
	struct strbuf why = {0};
	int err;

	memset(o, 0, sizeof(*o));
	err = trigger__parse(o, text, &why);
	assert_true(!err == !why.len);
	strbuf__free(&why);
	return err;
}

static void conditions_are_read(void **state)
{
	struct trigger_opts o;

	assert_int_equal(parse(&o, "parallelism<1.5:5s,unknown>0"), 0);
	assert_int_equal(o.cnt, 2);
	assert_int_equal(o.at[0].figure, FIGURE_PARALLELISM);
	assert_false(o.at[0].above);
	assert_true(o.at[0].value == 1.5);
	assert_int_equal(o.at[0].span_ns, 5000 * MS);
	assert_int_equal(o.at[1].figure, FIGURE_UNKNOWN);
	assert_true(o.at[1].above);
	assert_int_equal(o.at[1].span_ns, 1000 * MS);
	assert_int_equal(parse(&o, "idle<50%:500ms"), 0);
	assert_true(o.at[0].value == 50);
}

static void what_is_no_condition_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"idle",
		"idle=5",
		"speed>1",
		"idle<",
		"idle<x",
		"idle<1:",
		"idle<1:40ms",
		"idle<1:2h",
		"idle<1,",
		",idle<1",
		"idle<1..2",
		"runnable>5%",
		"idle<-1",
		"idle <1",
		"idle<1:5s:5s",
		"idle<1e3",
		"parallelism<<1",
		"idle<1,idle<1,idle<1,idle<1,idle<1,idle<1,idle<1,idle<1,idle<1",
	};
	struct trigger_opts o;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (parse(&o, bad[i]) != -EINVAL)
			fail_msg("'%s' is taken", bad[i]);
	}
}

static int flight(struct flight_opts *o, const char *text)
{
	struct strbuf why = {0};
	int err = cli_set_flight(o, text, &any, &why);

	strbuf__free(&why);
	return err;
}

static void a_span_is_a_time_or_a_size_or_both(void **state)
{
	struct flight_opts o = {.dumps = 3};

	assert_int_equal(flight(&o, "60s,200M"), 0);
	assert_int_equal(o.span_ns, 60000 * MS);
	assert_int_equal(o.bytes, 200 << 20);
	assert_int_equal(o.dumps, 3);
	assert_int_equal(flight(&o, "2G,5m"), 0);
	assert_int_equal(o.span_ns, 300000 * MS);
	assert_true(o.bytes == UINT64_C(2) << 30);
	assert_int_equal(flight(&o, "60s"), 0);
	assert_int_equal(o.bytes, 0);
	assert_int_equal(flight(&o, "60s,60s"), -EINVAL);
	assert_int_equal(flight(&o, "2M,2M"), -EINVAL);
	assert_int_equal(flight(&o, "1M"), -EINVAL);
	assert_int_equal(flight(&o, "0.1s"), -EINVAL);
	assert_int_equal(flight(&o, ""), -EINVAL);
	assert_int_equal(flight(&o, "60s,"), -EINVAL);
	assert_int_equal(flight(&o, "much"), -EINVAL);
}

/* One task, on a CPU or not, and what becomes of a condition on it. */
struct play {
	struct trigger_opts opts;
	struct trigger *t;
	struct carry *carry;
	struct cpt_trace_meta meta;
	uint64_t now_ns;
};

static void give(struct play *p, struct cpt_event ev)
{
	ev.ts_ns = p->now_ns;
	assert_int_equal(trigger__events(p->t, &ev, 1), 0);
	assert_int_equal(carry__feed(p->carry, &ev, 1), 0);
}

static void begin(struct play *p, const char *condition)
{
	static struct cpt_info info = {.tid = 7, .tgid = 7, .comm = "one"};

	memset(p, 0, sizeof(*p));
	assert_int_equal(parse(&p->opts, condition), 0);
	p->meta = (struct cpt_trace_meta){.machine = "x86_64",
					  .cpu_cnt = 1,
					  .flags = CPT_TRACE_ATTACHED,
					  .start_mono_ns = 100 * MS};
	p->now_ns = 100 * MS;
	p->t = trigger__new(&p->opts);
	p->carry = carry__new(1, false);
	assert_non_null(p->t);
	assert_non_null(p->carry);
	assert_int_equal(trigger__begin(p->t, &p->meta, p->carry), 0);
	give(p, (struct cpt_event){.type = CPT_EV_NEW, .task = 1, .info = &info});
}

static void runs(struct play *p, bool on)
{
	static const struct cpt_wait wait = {.sysno = 230, .prev_state = 1};

	give(p, on ? (struct cpt_event){.type = CPT_EV_SWITCH, .other = 1}
		   : (struct cpt_event){.type = CPT_EV_SWITCH,
					.task = 1,
					.flags = CPT_SW_PREV_BLOCKED,
					.wait = &wait});
}

/* When it was met within the next so many ms, 0: it was not. */
static uint64_t met_within(struct play *p, unsigned int ms)
{
	char line[128];

	for (unsigned int i = 0; i < ms; i += 5) {
		p->now_ns += 5 * MS;
		assert_int_equal(trigger__tick(p->t, p->now_ns), 0);
		if (trigger__met(p->t, line, sizeof(line)))
			return i + 5;
	}
	return 0;
}

static void a_condition_is_met_once_until_it_has_failed_for_its_span(void **state)
{
	struct play p;

	begin(&p, "parallelism>0.5:200ms");
	runs(&p, false);
	assert_int_equal(met_within(&p, 1000), 0);
	runs(&p, true);
	assert_in_range(met_within(&p, 1000), 100, 120); /* half of the span */
	assert_int_equal(met_within(&p, 1000), 0);	 /* though it holds */
	runs(&p, false);
	assert_int_equal(met_within(&p, 150), 0);
	runs(&p, true); /* it failed for 50 ms of means: not long enough */
	assert_int_equal(met_within(&p, 500), 0);
	runs(&p, false);
	assert_int_equal(met_within(&p, 500), 0);
	/* What was before is carried over: a part is begun anew. */
	p.meta.start_mono_ns = p.now_ns;
	assert_int_equal(trigger__begin(p.t, &p.meta, p.carry), 0);
	assert_int_equal(met_within(&p, 500), 0);
	runs(&p, true);
	assert_in_range(met_within(&p, 500), 100, 120);
	trigger__free(p.t);
	carry__free(p.carry);
}

static void a_condition_waits_for_a_whole_span(void **state)
{
	struct play p;

	begin(&p, "idle>90%:400ms");
	runs(&p, false);
	assert_in_range(met_within(&p, 1000), 400, 425);
	trigger__free(p.t);
	carry__free(p.carry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_are_read),
		cmocka_unit_test(what_is_no_condition_is_refused),
		cmocka_unit_test(a_span_is_a_time_or_a_size_or_both),
		cmocka_unit_test(a_condition_is_met_once_until_it_has_failed_for_its_span),
		cmocka_unit_test(a_condition_waits_for_a_whole_span),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
