// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Comparing two sides of runs: the statistic against published tables and by simulation, what is called a
 * change and what is not. Reports are drawn by hand (report_fixture.h) and varied. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/words.h"

#include "../../collector/diff_files.h"
#include "../../collector/diff_out.h"
#include "../../collector/rows.h"
#include "report_fixture.h"

#define RUNS 5

/* ---- the statistic --------------------------------------------------------------------------- */

static void assert_near(double found, double expected, double tolerance)
{
	if (!(fabs(found - expected) <= tolerance))
		fail_msg("found %.9g, expected %.9g", found, expected);
}

static void students_quantiles_are_those_of_the_tables(void **state)
{
	assert_near(student_quantile(0.05, 1), 12.706, 0.001);
	assert_near(student_quantile(0.05, 4), 2.776, 0.001);
	assert_near(student_quantile(0.05, 8), 2.306, 0.001);
	assert_near(student_quantile(0.01, 2), 9.925, 0.001);
	assert_near(student_quantile(0.001, 8), 5.041, 0.001);
	assert_near(student_quantile(0.001, 10), 4.587, 0.001);
	assert_near(student_quantile(0.05, 1000), 1.962, 0.001);
	/* between whole numbers, as Welch has them */
	assert_true(student_quantile(0.05, 4.5) < student_quantile(0.05, 4));
	assert_true(student_quantile(0.05, 4.5) > student_quantile(0.05, 5));
	for (double alpha = 1e-6; alpha < 1; alpha *= 10)
		for (double df = 1; df < 40; df += 3.7)
			assert_near(student_two_sided(student_quantile(alpha, df), df) / alpha, 1,
				    1e-6);
}

/* Student's own data on sleep (Biometrika 6, 1908): t = -1.8608, df = 17.776, p = 0.07939. */
static void welch_agrees_with_a_published_example(void **state)
{
	static const double a[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
	static const double b[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
	const struct side_stats sa = side_stats(a, 10), sb = side_stats(b, 10);
	struct difference d = welch_difference(&sa, &sb);

	assert_near(d.value / d.error, 1.8608, 0.0001);
	assert_near(d.df, 17.776, 0.001);
	assert_near(difference_p(&d), 0.07939, 0.00001);
	assert_near(difference_half_width(&d, 0.05), 1.7855, 0.0005);
}

static void what_others_took_is_taken_out(void **state)
{
	double xa[] = {0.1, 0.3, 0.2, 0.5, 0.4}, xb[] = {0.6, 0.2, 0.7, 0.3, 0.5};
	double ya[RUNS], yb[RUNS];
	struct difference d;

	for (int i = 0; i < RUNS; i++) {
		double wobble = i % 2 ? 0.001 : -0.001;

		ya[i] = 0.9 - 0.8 * xa[i] + wobble;
		yb[i] = 0.8 - 0.8 * xb[i] - wobble;
	}
	d = adjusted_difference((double *const[2]){xa, xb}, (double *const[2]){ya, yb},
				(uint32_t[2]){RUNS, RUNS});
	assert_near(d.value, -0.1, 0.002);
	assert_near(d.df, 7, 0);
	assert_true(difference_half_width(&d, 0.001) < 0.01);
}

static void too_few_runs_tell_nothing(void **state)
{
	const double one[] = {1}, two[] = {2, 2.1};
	const struct side_stats a = side_stats(one, 1), b = side_stats(two, 2);
	struct difference d = welch_difference(&a, &b);

	assert_true(isinf(difference_half_width(&d, 0.01)));
	assert_near(difference_p(&d), 1, 0);
}

static double normal(void)
{
	double u = (rand() + 1.0) / (RAND_MAX + 2.0), v = (double)rand() / RAND_MAX;

	return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

/* A family of figures without a change: that any is called one must be as rare as promised. */
static void errors_of_a_family_are_as_rare_as_promised(void **state)
{
	enum { FAMILIES = 600, FIGURES = 20 };
	unsigned int wrong[2] = {0}, found = 0;

	srand(7);
	for (int family = 0; family < FAMILIES; family++) {
		bool called[2] = {false};

		for (int f = 0; f < FIGURES; f++) {
			double x[2][RUNS], y[2][RUNS], z[2][RUNS];
			struct difference d[3];
			struct side_stats s[2];

			for (int i = 0; i < 2 * RUNS; i++) {
				x[i / RUNS][i % RUNS] = fabs(normal());
				y[i / RUNS][i % RUNS] =
					0.05 * normal() - 0.3 * x[i / RUNS][i % RUNS];
				z[i / RUNS][i % RUNS] = (i < RUNS ? 1 : 4) * normal();
			}
			s[0] = side_stats(z[0], RUNS);
			s[1] = side_stats(z[1], RUNS);
			d[0] = welch_difference(&s[0], &s[1]);
			d[1] = adjusted_difference((double *const[2]){x[0], x[1]},
						   (double *const[2]){y[0], y[1]},
						   (uint32_t[2]){RUNS, RUNS});
			for (int k = 0; k < 2; k++)
				called[k] |= difference_p(&d[k]) < 0.05 / FIGURES;
			for (int i = 0; i < RUNS; i++)
				y[1][i] += 0.5;
			d[2] = adjusted_difference((double *const[2]){x[0], x[1]},
						   (double *const[2]){y[0], y[1]},
						   (uint32_t[2]){RUNS, RUNS});
			found += difference_p(&d[2]) < 0.05 / FIGURES;
		}
		wrong[0] += called[0];
		wrong[1] += called[1];
	}
	/* 5 % promised: 30 of 600, and three standard deviations. With scatter as different as here,
	 * Welch's interval is known to be a little too narrow. */
	assert_true(wrong[0] <= 46);
	assert_true(wrong[1] <= 46);
	/* A correction that calls nothing at all would keep that promise, too. */
	assert_true(wrong[1] >= 10);
	assert_true(found > 0.95 * FAMILIES * FIGURES);
}

/* ---- reports to changes ------------------------------------------------------------------------ */

struct sides {
	struct report_fixture f;
	struct cpt_lock lock;
	struct diff_book book;
	struct diff_result result;
};

static void begin(struct sides *s, uint32_t runs_a, uint32_t runs_b)
{
	report_fixture(&s->f);
	assert_int_equal(diff_book__init(&s->book, runs_a, runs_b), 0);
}

static void add_run(struct sides *s, int side, uint32_t run)
{
	diff_book__add(&s->book, side, run, &s->f.report);
	assert_false(s->book.failed);
}

static void judge(struct sides *s)
{
	assert_int_equal(diff_result__make(&s->result, &s->book), 0);
}

static void end(struct sides *s)
{
	diff_result__free(&s->result);
	diff_book__free(&s->book);
}

/* Moves time from parallel to serial. */
static void less_parallel(struct cpt_report *r, uint64_t ns)
{
	r->class_ns[CPT_CLASS_PARALLEL] -= ns;
	r->class_ns[CPT_CLASS_SERIAL] += ns;
}

static const struct diff_row *find(const struct sides *s, enum diff_group group, const char *key,
				   const char *what)
{
	const struct diff_row *row = diff_result__find(&s->result, group, key, what);

	if (!row)
		fail_msg("no row %s %s", key, what);
	return row;
}

/* Runs of both sides that scatter by up to 1 % of the window; B is less parallel by `ns`. */
static void fill(struct sides *s, uint64_t ns)
{
	static const uint64_t scatter[RUNS] = {3, 0, 8, 10, 5};

	begin(s, RUNS, RUNS);
	for (int side = 0; side < 2; side++) {
		for (uint32_t run = 0; run < RUNS; run++) {
			report_fixture(&s->f);
			s->f.report.class_ns[CPT_CLASS_PARALLEL] += 1000 * FIXTURE_MS;
			s->f.report.class_ns[CPT_CLASS_CONCURRENT] -= 1000 * FIXTURE_MS;
			less_parallel(&s->f.report,
				      scatter[(run + 2 * (uint32_t)side) % RUNS] * FIXTURE_MS +
					      (side ? ns : 0));
			add_run(s, side, run);
		}
	}
	judge(s);
}

static void the_same_on_both_sides_is_no_change(void **state)
{
	struct sides s;
	struct strbuf text = {0};

	fill(&s, 0);
	assert_true(s.result.judged);
	assert_int_equal(s.result.changed_cnt, 0);
	diff_words__summary(&text, &s.result, true);
	assert_non_null(strstr(strbuf__str(&text), "No change"));
	strbuf__free(&text);
	end(&s);
}

static void a_change_larger_than_the_noise_is_called(void **state)
{
	const struct diff_row *row;
	struct sides s;

	fill(&s, 200 * FIXTURE_MS);
	row = find(&s, CPT_DIFF_LEDGER, "parallel", "");
	assert_true(row->changed);
	assert_near(row->difference, -0.1, 0.001);
	assert_true(row->margin > 0 && row->margin < 0.05);
	assert_false(find(&s, CPT_DIFF_TIME, "window", "")->changed);
	end(&s);
}

static void below_the_resolution_nothing_is_called(void **state)
{
	struct sides s;

	/* Each side's runs are all the same, so there is no noise at all. */
	begin(&s, 2, 2);
	for (int side = 0; side < 2; side++) {
		for (uint32_t run = 0; run < 2; run++) {
			report_fixture(&s.f);
			less_parallel(&s.f.report, side ? 9 * FIXTURE_MS : 0);
			add_run(&s, side, run);
		}
	}
	judge(&s);
	assert_true(find(&s, CPT_DIFF_LEDGER, "parallel", "")->difference < 0);
	assert_int_equal(s.result.changed_cnt, 0);
	end(&s);
}

static void one_run_a_side_calls_nothing(void **state)
{
	struct sides s;

	begin(&s, 1, RUNS);
	add_run(&s, DIFF_A, 0);
	for (uint32_t run = 0; run < RUNS; run++) {
		report_fixture(&s.f);
		less_parallel(&s.f.report, 30 * FIXTURE_MS);
		add_run(&s, DIFF_B, run);
	}
	judge(&s);
	assert_false(s.result.judged);
	assert_non_null(s.result.why_not);
	assert_int_equal(s.result.changed_cnt, 0);
	assert_true(find(&s, CPT_DIFF_LEDGER, "parallel", "")->difference < 0);
	end(&s);
}

static void lost_events_widen_the_margin(void **state)
{
	const struct diff_row *level;
	double margin[2];
	struct sides s;

	for (int lossy = 0; lossy < 2; lossy++) {
		begin(&s, RUNS, RUNS);
		for (int side = 0; side < 2; side++) {
			for (uint32_t run = 0; run < RUNS; run++) {
				report_fixture(&s.f);
				less_parallel(&s.f.report, (run + (side ? 15 : 0)) * FIXTURE_MS);
				if (lossy) {
					s.f.report.class_ns[CPT_CLASS_CONCURRENT] -=
						100 * FIXTURE_MS;
					s.f.report.class_ns[CPT_CLASS_UNKNOWN] += 100 * FIXTURE_MS;
				}
				add_run(&s, side, run);
			}
		}
		judge(&s);
		margin[lossy] = find(&s, CPT_DIFF_LEDGER, "parallel", "")->margin;
		assert_int_equal(find(&s, CPT_DIFF_LEDGER, "parallel", "")->changed, !lossy);
		/* A level of four can lack four times as much as a share. */
		level = find(&s, CPT_DIFF_PARALLELISM, "concurrency", "");
		assert_true(level->side[0].mean > 2);
		assert_near(level->margin - level->noise, lossy ? 0.1 * level->side[0].mean : 0,
			    0.001);
		end(&s);
	}
	/* A twentieth of each side; and one figure more that is looked at. */
	assert_near(margin[1] - margin[0], 0.1, 0.001);
}

static void a_trace_that_is_cut_off_calls_nothing(void **state)
{
	struct sides s;

	begin(&s, 2, 2);
	for (int i = 0; i < 4; i++) {
		report_fixture(&s.f);
		s.f.report.quality.incomplete = i == 3;
		less_parallel(&s.f.report, i / 2 ? 30 * FIXTURE_MS : 0);
		add_run(&s, i / 2, (uint32_t)i % 2);
	}
	judge(&s);
	assert_false(s.result.judged);
	assert_int_equal(s.result.changed_cnt, 0);
	end(&s);
}

static void what_others_took_is_never_called_a_change(void **state)
{
	const struct diff_row *row;
	struct sides s;

	begin(&s, RUNS, RUNS);
	for (int side = 0; side < 2; side++) {
		for (uint32_t run = 0; run < RUNS; run++) {
			report_fixture(&s.f);
			s.f.report.budget.item_ns[CPT_BUDGET_OTHERS] =
				side * (500 + run) * FIXTURE_MS;
			add_run(&s, side, run);
		}
	}
	judge(&s);
	row = find(&s, CPT_DIFF_BUDGET, "others", "");
	assert_true(row->difference > 0.1 && !row->changed);
	end(&s);
}

/* Others hold one of two threads for `taken`: what it then does alone it would have done beside the other. */
static void take_from_path(struct cpt_report *r, uint64_t taken)
{
	r->window_ns += taken;
	r->class_ns[CPT_CLASS_PARALLEL] -= taken;
	r->class_ns[CPT_CLASS_SERIAL] += taken;
	r->class_ns[CPT_CLASS_CONCURRENT] += taken;
	r->split_ns[CPT_SPLIT_CONCURRENT_INTERLEAVED] = taken;
	r->split_ns[CPT_SPLIT_CONCURRENT_STARVED] = 0;
	r->path.length_ns = r->window_ns;
	r->path.runnable_ns = taken;
	memset(&r->demand, 0, sizeof(r->demand));
	r->demand.total_ns = r->demand.item_ns[CPT_DEMAND_OTHERS] = taken;
}

/* Side B is less parallel by `ns`, and others take more from it. */
static void fill_disturbed(struct sides *s, uint64_t ns)
{
	static const uint64_t taken[2][RUNS] = {{0, 100, 20, 200, 60}, {300, 150, 500, 250, 400}};

	begin(s, RUNS, RUNS);
	for (int side = 0; side < 2; side++) {
		for (uint32_t run = 0; run < RUNS; run++) {
			report_fixture(&s->f);
			s->f.report.class_ns[CPT_CLASS_PARALLEL] += 1000 * FIXTURE_MS;
			s->f.report.class_ns[CPT_CLASS_CONCURRENT] -= 1000 * FIXTURE_MS;
			less_parallel(&s->f.report, run * FIXTURE_MS + (side ? ns : 0));
			take_from_path(&s->f.report, taken[side][run] * FIXTURE_MS);
			add_run(s, side, run);
		}
	}
	judge(s);
	assert_true(s->result.allowed_for);
}

static void what_others_took_from_the_path_hides_no_change_and_makes_none(void **state)
{
	const struct diff_row *row;
	struct sides s;

	fill_disturbed(&s, 0);
	row = find(&s, CPT_DIFF_LEDGER, "parallel", "");
	assert_true(row->difference < -0.15);
	assert_near(row->adjusted, 0, 0.001);
	assert_false(row->changed);
	assert_false(find(&s, CPT_DIFF_TIME, "window", "")->changed);
	end(&s);
	fill_disturbed(&s, 200 * FIXTURE_MS);
	row = find(&s, CPT_DIFF_LEDGER, "parallel", "");
	assert_near(row->adjusted, -0.1, 0.001);
	assert_true(row->changed);
	assert_false(find(&s, CPT_DIFF_TIME, "window", "")->changed);
	end(&s);
}

/* All that ran at once others prevented: what the runs would have been is compared, and is not small. */
static void what_others_took_is_no_measure_of_what_may_change(void **state)
{
	const struct diff_row *row;
	struct sides s;

	begin(&s, RUNS, RUNS);
	for (int side = 0; side < 2; side++) {
		for (uint32_t run = 0; run < RUNS; run++) {
			const uint64_t parallel = ((side ? 600 : 300) + run) * FIXTURE_MS;

			report_fixture(&s.f);
			less_parallel(&s.f.report, 36 * FIXTURE_MS);
			s.f.report.class_ns[CPT_CLASS_PARALLEL] = parallel;
			s.f.report.class_ns[CPT_CLASS_CONCURRENT] -= parallel;
			take_from_path(&s.f.report, parallel);
			add_run(&s, side, run);
		}
	}
	judge(&s);
	assert_true(s.result.allowed_for);
	row = find(&s, CPT_DIFF_LEDGER, "parallel", "");
	assert_near(row->side[DIFF_A].mean + row->side[DIFF_B].mean, 0, 0);
	assert_near(row->adjusted, 0.15, 0.01);
	assert_true(row->changed);
	end(&s);
}

/* ---- what not every run knows ------------------------------------------------------------------ */

/* Runs of which side B has half the work in a third of the span, and something is `odd`. */
static void fill_spans(struct sides *s, void (*odd)(struct report_fixture *f))
{
	begin(s, RUNS, RUNS);
	for (int side = 0; side < 2; side++) {
		for (uint32_t run = 0; run < RUNS; run++) {
			report_fixture(&s->f);
			s->f.report.work_span.span_ns -= run * FIXTURE_MS;
			if (side) {
				s->f.report.work_span.span_ns /= 3;
				s->f.report.work_span.work_ns /= 2;
				s->f.report.work_span.parallelism *= 1.5;
				odd(&s->f);
			}
			add_run(s, side, run);
		}
	}
	judge(s);
}

static void nothing(struct report_fixture *f)
{
}

static void loses_events(struct report_fixture *f)
{
	f->report.path.unknown_ns = 1;
}

static void is_attached_to(struct report_fixture *f)
{
	f->meta.flags |= CPT_TRACE_ATTACHED;
}

static void begins_late(struct report_fixture *f)
{
	f->meta.delay_ns = 1;
}

static void a_span_that_bounds_nothing_is_no_change(void **state)
{
	void (*const odd[])(struct report_fixture *) = {loses_events, is_attached_to, begins_late};
	struct sides s;

	fill_spans(&s, nothing);
	assert_true(find(&s, CPT_DIFF_PATH, "work / span", "")->changed);
	assert_true(find(&s, CPT_DIFF_PATH, "work", "")->changed);
	assert_true(find(&s, CPT_DIFF_PATH, "span", "")->changed);
	end(&s);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		fill_spans(&s, odd[i]);
		/* One side does not have it, so there is nothing to compare. */
		assert_null(diff_result__find(&s.result, CPT_DIFF_PATH, "work / span", ""));
		assert_false(find(&s, CPT_DIFF_PATH, "work", "")->changed);
		assert_false(find(&s, CPT_DIFF_PATH, "span", "")->changed);
		end(&s);
	}
}

/* Runs of which side B has more of three figures; `wide`: lost events leave open whether it has. */
static void fill_open(struct sides *s, bool wide)
{
	struct cpt_report *r = &s->f.report;
	struct cpt_bounds *b = &r->bounds;

	begin(s, RUNS, RUNS);
	for (uint32_t run = 0; run < 2 * RUNS; run++) {
		const uint64_t more = (run / RUNS * 400 + run) * FIXTURE_MS;
		const uint64_t reach = wide ? 250 * FIXTURE_MS : FIXTURE_MS;
		uint64_t *const no_work = &r->budget.item_ns[CPT_BUDGET_NO_WORK];
		uint64_t *const mask = &r->demand.item_ns[CPT_DEMAND_MASK];

		report_fixture(&s->f);
		*no_work = *mask = 300 * FIXTURE_MS + more;
		r->concurrent_average += (double)(run / RUNS);
		b->open = b->accounts_open = true;
		b->window_ns = (struct cpt_ns_bounds){r->window_ns, r->window_ns};
		b->budget.total_ns = (struct cpt_ns_bounds){r->budget.total_ns, r->budget.total_ns};
		b->budget.item_ns[CPT_BUDGET_NO_WORK] =
			(struct cpt_ns_bounds){*no_work - reach, *no_work + reach};
		b->demand.item_ns[CPT_DEMAND_MASK] =
			(struct cpt_ns_bounds){*mask - reach, wide ? UINT64_MAX : *mask + reach};
		b->concurrent_average = (struct cpt_real_bounds){
			r->concurrent_average, wide ? INFINITY : r->concurrent_average + 0.01};
		add_run(s, (int)(run / RUNS), run % RUNS);
	}
	judge(s);
}

static void what_the_bounds_of_a_figure_leave_open_is_no_change(void **state)
{
	struct sides s;

	for (int wide = 0; wide < 2; wide++) {
		fill_open(&s, wide);
		assert_int_equal(find(&s, CPT_DIFF_BUDGET, "no_work", "")->changed, !wide);
		assert_int_equal(find(&s, CPT_DIFF_DEMAND, "mask", "")->changed, !wide);
		assert_int_equal(find(&s, CPT_DIFF_PARALLELISM, "concurrency", "")->changed, !wide);
		end(&s);
	}
}

/* ---- names ------------------------------------------------------------------------------------- */

static void with_lock(struct sides *s, const char *symbol, uint64_t addr)
{
	s->lock = (struct cpt_lock){.pid = 4001,
				    .addr = addr,
				    .kind = CPT_WORD_MUTEX,
				    .reason = CPT_REASON_LOCK,
				    .symbol = (char *)symbol,
				    .module = (char *)"app",
				    .waits = 750,
				    .blocked_ns = 5862 * FIXTURE_MS,
				    .waiters = 4};
	s->f.report.locks = &s->lock;
	s->f.report.locks_cnt = 1;
}

static void a_lock_that_is_new_is_named_first(void **state)
{
	struct strbuf text = {0};
	struct sides s;

	begin(&s, 2, 2);
	for (uint32_t run = 0; run < 2; run++) {
		report_fixture(&s.f);
		s.f.report.budget.reason_ns[CPT_REASON_LOCK] = 0;
		s.f.report.split_ns[CPT_SPLIT_CONCURRENT_CONTENDED] = 0;
		add_run(&s, DIFF_A, run);
		report_fixture(&s.f);
		with_lock(&s, "queue_lock", 0x1000);
		add_run(&s, DIFF_B, run);
	}
	judge(&s);
	assert_non_null(s.result.cause);
	assert_string_equal(s.result.cause->figure->name, "app:queue_lock");
	diff_words__cause(&text, &s.result, true);
	assert_non_null(strstr(strbuf__str(&text), "the lock app:queue_lock"));
	strbuf__free(&text);
	end(&s);
}

/* Five runs without a wait, and five with two each: luck. With hundreds: no luck. */
static void few_events_are_luck_however_alike_the_runs(void **state)
{
	static const struct {
		uint64_t waits[2];
		bool changed;
	} cases[] = {{{0, 2}, false}, {{2, 0}, false}, {{0, 750}, true}, {{750, 760}, false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sides s;

		begin(&s, RUNS, RUNS);
		for (uint32_t run = 0; run < 2 * RUNS; run++) {
			report_fixture(&s.f);
			with_lock(&s, "queue_lock", 0x1000);
			s.lock.waits = cases[i].waits[run / RUNS];
			add_run(&s, (int)(run / RUNS), run % RUNS);
		}
		judge(&s);
		assert_int_equal(find(&s, CPT_DIFF_LOCK, "app:queue_lock", "waits")->changed,
				 cases[i].changed);
		end(&s);
	}
}

static void locks_without_a_name_match_by_kind_not_by_address(void **state)
{
	const struct diff_row *row;
	struct sides s;

	begin(&s, 1, 1);
	with_lock(&s, "", 0x55550000);
	add_run(&s, DIFF_A, 0);
	with_lock(&s, "", 0x7fff0000);
	add_run(&s, DIFF_B, 0);
	judge(&s);
	row = find(&s, CPT_DIFF_LOCK, "mutex in app, without a name", "blocked");
	assert_near(row->difference, 0, 0);
	assert_near(row->side[DIFF_A].mean, 5862e6, 1);
	end(&s);
}

static void threads_match_by_name_without_their_number(void **state)
{
	const struct diff_row *row;
	struct sides s;

	begin(&s, 1, 1);
	add_run(&s, DIFF_A, 0);
	report_fixture__add_thread(&s.f, "worker-5")->running_ns = 7;
	add_run(&s, DIFF_B, 0);
	judge(&s);
	row = find(&s, CPT_DIFF_THREAD, "worker-*", "threads");
	assert_near(row->side[DIFF_A].mean, 4, 0);
	assert_near(row->side[DIFF_B].mean, 5, 0);
	assert_near(find(&s, CPT_DIFF_THREAD, "worker-*", "running")->difference, 7, 0);
	/* One name alone is shown as it is. */
	assert_string_equal(find(&s, CPT_DIFF_THREAD, "app", "threads")->figure->name, "app");
	end(&s);
}

static void what_differs_from_run_to_run_is_no_part_of_a_name(void **state)
{
	static const char *const names[][2] = {
		{"worker-12", "worker-*"},  {"conn-40312-rd", "conn-*-rd"},
		{"h264-dec", "h264-dec"},   {"io_thd_1", "io_thd_*"},
		{"http2-rd", "http2-rd"},   {"4242", "4242"},
		{"1234-abc", "1234-abc"},   {"", ""},
		{"a1234b5678c9", "a*b*c*"},
	};
	char key[CPT_COMM_LEN + 1];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		diff_name_key(key, names[i][0]);
		assert_string_equal(key, names[i][1]);
	}
}

static void of_many_names_the_largest_are_compared(void **state)
{
	uint32_t names = 0;
	char name[CPT_COMM_LEN];
	struct sides s;

	begin(&s, 1, 1);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "t%dx", i);
		report_fixture__add_thread(&s.f, name)->running_ns = (uint64_t)i;
	}
	add_run(&s, DIFF_A, 0);
	add_run(&s, DIFF_B, 0);
	judge(&s);
	for (uint32_t i = 0; i < s.result.cnt; i++)
		names += s.result.rows[i].figure->group == CPT_DIFF_THREAD &&
			 !strcmp(s.result.rows[i].figure->what, "threads");
	assert_int_equal(names, DIFF_NAMES_MAX);
	find(&s, CPT_DIFF_THREAD, "t199x", "running");
	assert_null(diff_result__find(&s.result, CPT_DIFF_THREAD, "t3x", "running"));
	end(&s);
}

static void loops_match_by_the_name_of_their_thread(void **state)
{
	struct cpt_loop loop = {.id = 1, .on_cpu_ns = 500 * FIXTURE_MS, .iterations = 10};
	struct cpt_epoll_instance instance = {.id = 1, .proc = 1};
	struct sides s;

	begin(&s, 1, 1);
	for (int side = 0; side < 2; side++) {
		report_fixture(&s.f);
		loop.blocked_ns = side ? 300 * FIXTURE_MS : 0;
		instance.ops.in_flight_ns = (side ? 64 : 32) * s.f.report.window_ns;
		s.f.report.loops.tab = &loop;
		s.f.report.loops.cnt = 1;
		s.f.report.instances = &instance;
		s.f.report.instances_cnt = 1;
		add_run(&s, side, 0);
	}
	judge(&s);
	assert_near(find(&s, CPT_DIFF_LOOP, "app", "blocked in other calls")->difference, 300e6, 0);
	assert_near(find(&s, CPT_DIFF_LOOP, "app", "dispatching")->difference, 0, 0);
	assert_near(find(&s, CPT_DIFF_LOOP, "app", "in flight")->difference, 32, 1e-9);
	end(&s);
}

/* ---- outputs ------------------------------------------------------------------------------------ */

static void hostile_names_do_no_harm(void **state)
{
	char *paths[] = {(char *)"a\033[2J", NULL}, *const harm = (char *)"\033]0;x\007",
	     *const none = (char *)"b";
	struct diff_view view = {.side = {{paths, 1, harm, harm, 2}, {paths, 1, none, none, 2}},
				 .style = {.utf8 = true, .width = 80},
				 .top = 10};
	struct strbuf text = {0};
	struct sides s;
	json_t *json;

	begin(&s, 1, 1);
	report_fixture__add_thread(&s.f, "x\033[31m\n\xff")->running_ns = 1000 * FIXTURE_MS;
	with_lock(&s, "l\033[0m", 0);
	add_run(&s, DIFF_A, 0);
	add_run(&s, DIFF_B, 0);
	judge(&s);
	diff_text__add(&text, &s.result, &view);
	assert_false(text.failed);
	assert_null(strchr(strbuf__str(&text), '\033'));
	json = diff_json__build(&s.result, &view);
	assert_non_null(json);
	json_decref(json);
	strbuf__free(&text);
	end(&s);
}

static void sides_are_two_words_or_two_lists(void **state)
{
	char *two[] = {(char *)"a", (char *)"b"}, *one[] = {(char *)"a"};
	char *lists[] = {(char *)"a", (char *)"b", (char *)"--", (char *)"c"};
	char *half[] = {(char *)"a", (char *)"b", (char *)"--"};
	struct diff_files files;

	assert_int_equal(diff_files__find(&files, 2, two), 0);
	assert_int_equal(files.cnt[0], 1);
	assert_int_equal(files.cnt[1], 1);
	diff_files__free(&files);
	assert_int_equal(diff_files__find(&files, 4, lists), 0);
	assert_int_equal(files.cnt[0], 2);
	assert_string_equal(files.path[1][0], "c");
	diff_files__free(&files);
	assert_int_equal(diff_files__find(&files, 1, one), -EINVAL);
	assert_int_equal(diff_files__find(&files, 3, half), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(students_quantiles_are_those_of_the_tables),
		cmocka_unit_test(welch_agrees_with_a_published_example),
		cmocka_unit_test(what_others_took_is_taken_out),
		cmocka_unit_test(too_few_runs_tell_nothing),
		cmocka_unit_test(errors_of_a_family_are_as_rare_as_promised),
		cmocka_unit_test(the_same_on_both_sides_is_no_change),
		cmocka_unit_test(a_change_larger_than_the_noise_is_called),
		cmocka_unit_test(below_the_resolution_nothing_is_called),
		cmocka_unit_test(one_run_a_side_calls_nothing),
		cmocka_unit_test(lost_events_widen_the_margin),
		cmocka_unit_test(a_trace_that_is_cut_off_calls_nothing),
		cmocka_unit_test(what_others_took_is_never_called_a_change),
		cmocka_unit_test(what_others_took_from_the_path_hides_no_change_and_makes_none),
		cmocka_unit_test(what_others_took_is_no_measure_of_what_may_change),
		cmocka_unit_test(a_span_that_bounds_nothing_is_no_change),
		cmocka_unit_test(what_the_bounds_of_a_figure_leave_open_is_no_change),
		cmocka_unit_test(a_lock_that_is_new_is_named_first),
		cmocka_unit_test(few_events_are_luck_however_alike_the_runs),
		cmocka_unit_test(locks_without_a_name_match_by_kind_not_by_address),
		cmocka_unit_test(threads_match_by_name_without_their_number),
		cmocka_unit_test(what_differs_from_run_to_run_is_no_part_of_a_name),
		cmocka_unit_test(of_many_names_the_largest_are_compared),
		cmocka_unit_test(loops_match_by_the_name_of_their_thread),
		cmocka_unit_test(hostile_names_do_no_harm),
		cmocka_unit_test(sides_are_two_words_or_two_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
