/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * analysis_fixture.h - a drawn timeline to its report, and short ways to look at it.
 */
#ifndef ANALYSIS_FIXTURE_H
#define ANALYSIS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../analysis/analysis.h"
#include "../support/trace_builder.h"

#define EVENTS_MAX 256

/* What the identities of the definitions demand of every report. */
static inline void expect_identities(const struct cpt_report *r)
{
	uint64_t ledger = 0, busy = 0, running = 0, runnable = 0;

	for (int i = 0; i < CPT_CLASS_CNT; i++)
		ledger += r->class_ns[i];
	for (uint32_t k = 0; k < r->parallel_cnt; k++)
		busy += k * r->parallel_ns[k];
	for (uint32_t i = 0; i < r->threads_cnt; i++) {
		const struct cpt_thread *t = &r->threads_tab[i];
		uint64_t states = t->running_ns + t->runnable_ns + t->unknown_ns;

		for (int k = 0; k < CPT_REASON_CNT; k++)
			states += t->reason_ns[k];
		assert_int_equal(states, t->life_ns);
		running += t->running_ns;
		runnable += t->runnable_ns;
	}
	assert_int_equal(ledger, r->window_ns);
	assert_int_equal(busy, r->cpu_time_ns);
	assert_int_equal(running, r->cpu_time_ns);
	assert_int_equal(runnable, r->runnable_ns);
}

static inline struct cpt_report *report_events(const struct cpt_trace_meta *meta,
					       const struct cpt_event *ev, size_t cnt,
					       const struct cpt_analysis_opts *opts,
					       const struct cpt_trace_close *close_facts,
					       uint64_t last_ns)
{
	const struct cpt_analysis_opts none = {0};
	struct cpt_analysis *a = analysis__new(meta, opts ? opts : &none);
	struct cpt_report *r;

	assert_non_null(a);
	assert_int_equal(analysis__feed(a, ev, cnt), 0);
	r = analysis__finish(a, close_facts, NULL, last_ns);
	assert_non_null(r);
	expect_identities(r);
	return r;
}

/* The drawing most begin with: the command `app`, on CPU 0 from 1000. */
static inline struct trace_builder *one_task(uint32_t cpus, uint32_t *app)
{
	struct trace_builder *tb = tb__new(cpus);

	*app = tb__command(tb, 1000, "app");
	tb__run(tb, 1000, 0, *app);
	return tb;
}

/* opts may be NULL. last_ns: up to where the trace saw everything. */
static inline struct cpt_report *
report_until(struct trace_builder *tb, const struct cpt_analysis_opts *opts, uint64_t last_ns)
{
	size_t cnt;
	const struct cpt_event *ev = tb__events(tb, &cnt);

	return report_events(tb__meta(tb), ev, cnt, opts, NULL, last_ns);
}

static inline struct cpt_report *report_of(struct trace_builder *tb)
{
	return report_until(tb, NULL, 0);
}

static inline void done(struct cpt_report *r, struct trace_builder *tb)
{
	report__free(r);
	tb__free(tb);
}

/* The thread's row; fails if there is none. */
static inline const struct cpt_thread *row(const struct cpt_report *r, uint32_t id)
{
	for (uint32_t i = 0; i < r->threads_cnt; i++)
		if (r->threads_tab[i].id == id)
			return &r->threads_tab[i];
	fail_msg("task %u has no row", id);
	return NULL;
}

/* All of the ledger but the given splits is 0: expect_ledger(r, split, ns, split, ns, ..., -1). */
static inline void expect_ledger(const struct cpt_report *r, ...)
{
	uint64_t want[CPT_SPLIT_CNT] = {0};
	va_list args;

	va_start(args, r);
	for (int split = va_arg(args, int); split >= 0; split = va_arg(args, int))
		want[split] = (uint64_t)va_arg(args, int);
	va_end(args);
	for (int i = 0; i < CPT_SPLIT_CNT; i++)
		if (r->split_ns[i] != want[i])
			fail_msg("%s %s is %llu, should be %llu",
				 class_name(split_class((enum cpt_split)i)),
				 split_name((enum cpt_split)i), (unsigned long long)r->split_ns[i],
				 (unsigned long long)want[i]);
}

#define LEDGER_END -1

#endif /* ANALYSIS_FIXTURE_H */
