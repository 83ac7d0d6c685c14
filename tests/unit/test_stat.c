// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_stat.c - the pure parts of `stat`: sums, their settling, processes, and what is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "collector/stat_opts.h"
#include "collector/stat_procs.h"
#include "collector/stat_report.h"
#include "collector/stat_sample.h"

#define MS INT64_C(1000000)

static struct stat_sample with_profile(uint32_t cnt, const int64_t *ns)
{
	struct stat_sample s = {.profile_cnt = cnt};

	memcpy(s.profile_ns, ns, cnt * sizeof(*ns));
	return s;
}

static int64_t first_moment(const struct stat_sample *s)
{
	int64_t sum = 0;

	for (uint32_t k = 0; k < s->profile_cnt; k++)
		sum += k * s->profile_ns[k];
	return sum;
}

/* ---- samples ------------------------------------------------------------------------------- */

static void figures_follow_from_the_profile(void **state)
{
	struct stat_sample s = with_profile(4, (int64_t[]){10 * MS, 20 * MS, 30 * MS, 0});

	assert_int_equal(stat_sample__window_ns(&s), 60 * MS);
	assert_int_equal(stat_sample__cpu_ns(&s), 80 * MS);
	assert_int_equal(stat_sample__peak(&s), 2);
	assert_true(stat_sample__average(&s) == 80.0 / 60);
	assert_true(stat_sample__tlp(&s) == 80.0 / 50);
}

static void an_empty_sample_has_no_figures(void **state)
{
	struct stat_sample s = with_profile(3, (int64_t[]){0, 0, 0});

	assert_int_equal(stat_sample__window_ns(&s), 0);
	assert_int_equal(stat_sample__peak(&s), 0);
	assert_true(stat_sample__average(&s) == 0);
	assert_true(stat_sample__tlp(&s) == 0);
	assert_int_equal(stat_sample__percentile_ns(&s, 0.99), 0);
}

static void a_difference_takes_every_sum(void **state)
{
	struct stat_sample before = with_profile(2, (int64_t[]){5, 7}), now, d;

	before.waits = 3;
	before.wait_hist[4] = 2;
	before.switches = 10;
	now = with_profile(2, (int64_t[]){6, 17});
	now.waits = 5;
	now.wait_hist[4] = 3;
	now.switches = 30;
	now.wait_max_ns = 99;
	stat_sample__diff(&d, &now, &before);
	assert_int_equal(d.profile_ns[0], 1);
	assert_int_equal(d.profile_ns[1], 10);
	assert_int_equal(d.waits, 2);
	assert_int_equal(d.wait_hist[4], 1);
	assert_int_equal(d.switches, 20);
	assert_int_equal(d.wait_max_ns, 99);
}

static void settling_keeps_window_and_cpu_time(void **state)
{
	static const int64_t profiles[][5] = {
		{10 * MS, 147 * MS, -73 * MS, 0, 0}, /* nothing above: twice from below */
		{-8 * MS, 75 * MS, 1471 * MS, 0, 0}, /* nothing below: twice from above */
		{40 * MS, 50 * MS, -7 * MS, 60 * MS, 9 * MS},
		{40 * MS, 0, -7 * MS, 0, 90 * MS},
	};

	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		struct stat_sample s = with_profile(5, profiles[i]);
		uint64_t window = stat_sample__window_ns(&s);
		int64_t cpu = first_moment(&s);

		assert_int_equal(stat_sample__settle(&s), window);
		for (uint32_t k = 0; k < 5; k++)
			assert_true(s.profile_ns[k] >= 0);
		assert_true(llabs(first_moment(&s) - cpu) < 32);
	}
}

static void settling_what_cannot_be_ends(void **state)
{
	struct stat_sample s = with_profile(3, (int64_t[]){-5, -7, 3});

	assert_int_equal(stat_sample__settle(&s), 0);
	s = with_profile(3, (int64_t[]){1, 1, -900});
	(void)stat_sample__settle(&s);
	for (uint32_t k = 0; k < 3; k++)
		assert_true(s.profile_ns[k] >= 0);
}

static void mended_time_comes_from_where_the_degree_was(void **state)
{
	int64_t lately[4] = {10, 80, 10, 0}, adjust[4] = {0};

	stat_sample__spread(adjust, lately, 4, 90, -1); /* R was one too high: not 0 */
	assert_int_equal(adjust[0], 80);
	assert_int_equal(adjust[1], -70);
	assert_int_equal(adjust[2], -10);
	memset(adjust, 0, sizeof(adjust));
	stat_sample__spread(adjust, lately, 3, 9, 1); /* one too low: not all of 2 */
	assert_int_equal(adjust[0], -1);
	assert_int_equal(adjust[1], 1 - 8);
	assert_int_equal(adjust[2], 8);
	memset(adjust, 0, sizeof(adjust));
	stat_sample__spread(adjust, (int64_t[]){5, 0, 0, 0}, 4, 9, -1);
	for (int k = 0; k < 4; k++)
		assert_int_equal(adjust[k], 0);
}

static void percentiles_lie_in_their_bucket(void **state)
{
	struct stat_sample s = {.wait_max_ns = 5000};

	s.wait_hist[10] = 98; /* 1024 to 2047 */
	s.wait_hist[12] = 2;  /* 4096 to 8191, the longest 5000 */
	assert_in_range(stat_sample__percentile_ns(&s, 0.5), 1024, 2048);
	assert_in_range(stat_sample__percentile_ns(&s, 0.99), 4096, 5000);
	assert_int_equal(stat_sample__percentile_ns(&s, 1), 5000);
}

/* ---- processes ----------------------------------------------------------------------------- */

static struct cpt_stat_rec rec_of(uint32_t tgid, uint32_t tid, uint64_t run_ns, const char *name)
{
	struct cpt_stat_rec rec = {.tid = tid,
				   .tgid = tgid,
				   .group_start_ns = tgid * 10ULL,
				   .run_ns = run_ns,
				   .wait_ns = run_ns / 10};

	memcpy(rec.comm, name, strnlen(name, sizeof(rec.comm))); /* a full one has no NUL */
	return rec;
}

static void ended(struct stat_procs *p, uint32_t tgid, uint64_t run_ns, const char *name)
{
	struct cpt_stat_rec rec = rec_of(tgid, tgid, run_ns, name);

	stat_procs__ended(p, &rec);
}

static void look(struct stat_procs *p, uint32_t tgid, uint64_t run_ns, const char *name)
{
	struct cpt_stat_rec rec = rec_of(tgid, tgid + 1, run_ns, name);

	stat_procs__begin(p);
	if (run_ns)
		stat_procs__living(p, &rec);
	stat_procs__end(p);
}

static void living_and_ended_threads_make_one_row(void **state)
{
	struct stat_procs *p = stat_procs__new(8);
	struct stat_rows rows;

	ended(p, 7, 100, "old");
	look(p, 7, 50, "a name of 16 ch.");
	assert_int_equal(stat_procs__living_cnt(p), 1);
	assert_int_equal(stat_procs__rows(p, true, 10, &rows), 0);
	assert_int_equal(rows.cnt, 1);
	assert_int_equal(rows.rows[0].run_ns, 150);
	assert_int_equal(rows.rows[0].wait_ns, 15);
	assert_string_equal(rows.rows[0].name, "a name of 16 ch.");
	free(rows.rows);
	/* Between its end and its last word a thread is missing: the figure does not go down. */
	look(p, 7, 0, "");
	assert_int_equal(stat_procs__rows(p, true, 10, &rows), 0);
	assert_int_equal(rows.rows[0].run_ns, 150);
	free(rows.rows);
	stat_procs__free(p);
}

static void an_interval_is_what_came_after_the_mark(void **state)
{
	struct stat_procs *p = stat_procs__new(8);
	struct stat_rows rows;

	look(p, 7, 50, "x");
	stat_procs__mark(p, true);
	look(p, 7, 80, "x");
	stat_procs__mark(p, false);
	look(p, 7, 81, "x");
	assert_int_equal(stat_procs__rows(p, false, 10, &rows), 0);
	assert_int_equal(rows.run_ns, 1);
	free(rows.rows);
	assert_int_equal(stat_procs__rows(p, true, 10, &rows), 0);
	assert_int_equal(rows.run_ns, 31);
	free(rows.rows);
	stat_procs__free(p);
}

static void a_reused_pid_is_another_process(void **state)
{
	struct stat_procs *p = stat_procs__new(8);
	struct cpt_stat_rec rec = rec_of(7, 7, 5, "second");
	struct stat_rows rows;

	ended(p, 7, 100, "first");
	rec.group_start_ns++;
	stat_procs__ended(p, &rec);
	stat_procs__end(p);
	assert_int_equal(stat_procs__rows(p, true, 10, &rows), 0);
	assert_int_equal(rows.cnt, 2);
	assert_string_equal(rows.rows[0].name, "first");
	free(rows.rows);
	stat_procs__free(p);
}

static void a_full_table_keeps_sums(void **state)
{
	struct stat_procs *p = stat_procs__new(16);
	struct stat_rows rows;
	uint64_t sum = 0;

	for (uint32_t i = 1; i <= 10000; i++) {
		ended(p, i, i, "short");
		sum += i;
	}
	stat_procs__end(p);
	assert_int_equal(stat_procs__rows(p, true, 3, &rows), 0);
	assert_int_equal(rows.run_ns, sum);
	assert_int_equal(rows.processes, 10000);
	assert_int_equal(rows.cnt, 3);
	assert_int_equal(rows.rows[0].run_ns, 10000);
	assert_int_equal(rows.others.processes, 10000 - 3);
	free(rows.rows);
	stat_procs__free(p);
}

/* ---- what is printed ----------------------------------------------------------------------- */

static struct stat_row two_rows[] = {
	{.pid = 41, .processes = 1, .name = "b\"\\\n\033[2J", .run_ns = 1500000000, .wait_ns = 7},
	{.pid = 42, .processes = 1, .name = "app", .run_ns = 500000001, .wait_ns = 0},
};

static char *const argv[] = {"./app", "-x", NULL};
static const struct stat_target target = {.argv = argv};

static struct stat_facts facts(bool total)
{
	struct stat_facts f = {
		.target = &target,
		.total = total,
		.cpus_online = 2,
		.waits_known = true,
		.ended = true,
		.until_ns = 2000000000,
		.sum = with_profile(3, (int64_t[]){500 * MS, 1000 * MS, 500 * MS + 1}),
		.rows = {.rows = two_rows,
			 .cnt = 2,
			 .run_ns = 2000000001,
			 .wait_ns = 250000000,
			 .processes = 2},
	};

	f.sum.waits = 3;
	f.sum.wait_hist[0] = 1;
	f.sum.wait_hist[20] = 1;
	f.sum.wait_hist[CPT_STAT_BUCKETS - 1] = 1;
	f.sum.wait_max_ns = INT64_C(700) * 1000 * MS;
	f.sum.wait_ns = INT64_C(700) * 1000 * MS;
	f.sum.switches = 1234;
	return f;
}

static void text_fits_and_disarms_names(void **state)
{
	static const unsigned int widths[] = {60, 80, 200};
	struct stat_facts f = facts(true);

	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		struct text_style style = {.width = widths[i]};
		struct strbuf out = {0};
		size_t line = 0;

		stat_text__add(&out, &f, &style);
		assert_false(out.failed);
		for (const char *s = strbuf__str(&out); *s; s++) {
			line = *s == '\n' ? 0 : line + 1;
			assert_true(line <= widths[i]);
			assert_true(*s == '\n' || (*s >= ' ' && *s < 127));
		}
		assert_non_null(strstr(strbuf__str(&out), "average 1.00"));
		assert_non_null(strstr(strbuf__str(&out), "exit status 0"));
		strbuf__free(&out);
	}
}

static void text_says_what_is_missing(void **state)
{
	struct stat_facts f = facts(true);
	struct text_style style = {.width = 120};
	struct strbuf out = {0};

	f.sum.lost_storage = 3;
	f.sum.lost_deaths = 4;
	stat_text__add(&out, &f, &style);
	assert_null(strstr(strbuf__str(&out), "complete"));
	assert_non_null(strstr(strbuf__str(&out), "3 tasks, and all they started, were not seen"));
	assert_non_null(strstr(strbuf__str(&out), "4 tasks that ended are missing"));
	strbuf__free(&out);
}

/* Without marks all that runs is seen, if not whose it is. */
static void text_says_of_the_machine_what_is_missing_there(void **state)
{
	static const struct stat_target machine;
	struct stat_facts f = facts(true);
	struct text_style style = {.width = 200};
	struct strbuf out = {0};

	f.target = &machine;
	f.ended = false;
	f.sum.lost_storage = 3;
	stat_bounds__find(&f.bounds, &f.sum, &(struct stat_lost){.tasks = 3, .cpus = 2});
	stat_text__add(&out, &f, &style);
	assert_null(strstr(strbuf__str(&out), "were not seen"));
	assert_null(strstr(strbuf__str(&out), "peak at least"));
	assert_non_null(strstr(strbuf__str(&out), "of 3 tasks only that CPUs were busy was seen"));
	assert_non_null(strstr(strbuf__str(&out), "at least 0.12 more tasks ready"));
	strbuf__free(&out);
}

static void text_says_what_is_in_doubt(void **state)
{
	struct stat_facts f = facts(true);
	struct text_style style = {.width = 200};
	struct strbuf out = {0};

	f.sum.mends = 1;
	f.sum.doubt_ns = 20000;
	stat_text__add(&out, &f, &style);
	assert_null(strstr(strbuf__str(&out), "complete"));
	assert_non_null(strstr(strbuf__str(&out),
			       "Data: nothing lost, 1,234 context switches; 1 that "
			       "fired no event was mended; for 20.0 us the "
			       "count of busy CPUs may be one off.\n"));
	strbuf__clear(&out);
	f.sum.doubt_ns = 20 * MS;
	stat_text__add(&out, &f, &style);
	assert_non_null(strstr(strbuf__str(&out), "Data: for 20.0 ms the count of busy CPUs may be "
						  "one off; 1,234 context switches; 1 that fired "
						  "no event was mended.\n"));
	strbuf__clear(&out);
	f.sum.doubt_ns = 0;
	stat_text__add(&out, &f, &style);
	assert_non_null(strstr(strbuf__str(&out), "Data: complete"));
	strbuf__free(&out);
}

/* Half of what ran may be missing: bounds stand beside what is made of the profile. */
static struct stat_facts lossy_facts(void)
{
	struct stat_facts f = facts(true);
	const struct stat_lost lost = {
		.marked = true, .command = true, .tasks = 3, .longer_ns = 100 * MS, .cpus = 2};

	f.sum.lost_storage = 3;
	stat_bounds__find(&f.bounds, &f.sum, &lost);
	return f;
}

static void text_has_bounds_where_something_was_lost(void **state)
{
	struct stat_facts f = facts(true);
	struct text_style style = {.width = 200};
	struct strbuf out = {0};

	stat_bounds__find(&f.bounds, &f.sum, &(struct stat_lost){.marked = true, .cpus = 2});
	stat_text__add(&out, &f, &style);
	stat_text__add_line(&out, &f, &style);
	assert_null(strstr(strbuf__str(&out), "0]"));
	assert_null(strstr(strbuf__str(&out), "at least"));
	strbuf__clear(&out);
	f = lossy_facts();
	stat_text__add(&out, &f, &style);
	assert_non_null(strstr(strbuf__str(&out), " 1.00 [0.95, 2.00] of 2 CPUs busy on average; "
						  "at least 0.12 more tasks ready"));
	assert_non_null(strstr(strbuf__str(&out), "average 1.00 [0.95, 2.00]"));
	assert_non_null(strstr(strbuf__str(&out), "peak at least 2"));
	assert_non_null(strstr(strbuf__str(&out), "1.33 [1.24, 2.00] while any is busy"));
	assert_non_null(strstr(strbuf__str(&out), "at least what is said"));
	strbuf__clear(&out);
	style.width = 80;
	stat_text__add_line(&out, &f, &style);
	assert_non_null(strstr(strbuf__str(&out), "\n    bounds:  CPUs busy [0.95, 2.00]  "
						  "TLP [1.24, 2.00]  ready: at least\n"));
	strbuf__free(&out);
}

static json_int_t pair_end(json_t *of, const char *key, size_t which)
{
	json_t *end = json_array_get(json_object_get(of, key), which);

	return json_is_null(end) ? -1 : json_integer_value(end);
}

static void json_and_metrics_have_the_same_bounds(void **state)
{
	struct stat_facts f = lossy_facts();
	struct strbuf out = {0};
	json_t *line, *bounds;

	stat_json__add(&out, &f);
	line = json_loads(strbuf__str(&out), 0, NULL);
	bounds = json_object_get(line, "bounds");
	assert_true(json_is_true(json_object_get(bounds, "open")));
	assert_int_equal(pair_end(bounds, "window_ns", 0), 2000 * MS + 1);
	assert_int_equal(pair_end(bounds, "window_ns", 1), 2100 * MS + 1);
	assert_int_equal(pair_end(bounds, "cpu_time_ns", 0), 2000 * MS + 2);
	assert_int_equal(pair_end(bounds, "cpu_time_ns", 1), 4200 * MS + 2);
	assert_int_equal(pair_end(bounds, "runnable_ns", 0), 250 * MS);
	assert_int_equal(pair_end(bounds, "runnable_ns", 1), -1);
	json_decref(line);
	strbuf__clear(&out);
	stat_openmetrics__add(&out, &f);
	assert_non_null(
		strstr(strbuf__str(&out), "cpu_bound_seconds{bound=\"low\"} 2.000000002\n"));
	assert_non_null(
		strstr(strbuf__str(&out), "cpu_bound_seconds{bound=\"high\"} 4.200000002\n"));
	assert_non_null(strstr(strbuf__str(&out), "parallelism_bound{bound=\"high\"} 2\n"));
	assert_non_null(strstr(strbuf__str(&out), "waits_incomplete 1\n"));
	f = facts(true);
	stat_bounds__find(&f.bounds, &f.sum, &(struct stat_lost){.marked = true, .cpus = 2});
	strbuf__clear(&out);
	stat_openmetrics__add(&out, &f);
	assert_null(strstr(strbuf__str(&out), "bound"));
	strbuf__free(&out);
}

/* Without marks the profile has all tasks: rows and waits alone are incomplete. */
static void a_lost_mark_matters_where_marks_tell(void **state)
{
	struct stat_facts f = facts(true);

	stat_bounds__find(&f.bounds, &f.sum, &(struct stat_lost){.tasks = 3, .cpus = 2});
	assert_true(f.bounds.open && f.bounds.waits);
	assert_int_equal(f.bounds.cpu_time_ns.low, f.bounds.cpu_time_ns.high);
	assert_true(f.bounds.average.low == f.bounds.average.high);
}

/* With --wait-all nobody knows when the last unseen task ended. */
static void an_end_that_nobody_saw_has_no_bound(void **state)
{
	struct stat_facts f = facts(true);
	struct strbuf out = {0};
	json_t *line;

	stat_bounds__find(&f.bounds, &f.sum,
			  &(struct stat_lost){.marked = true,
					      .command = true,
					      .tasks = 1,
					      .longer_ns = UINT64_MAX,
					      .cpus = 2});
	stat_json__add(&out, &f);
	line = json_loads(strbuf__str(&out), 0, NULL);
	assert_int_equal(pair_end(json_object_get(line, "bounds"), "window_ns", 1), -1);
	assert_int_equal(pair_end(json_object_get(line, "bounds"), "cpu_time_ns", 1), -1);
	assert_true(f.bounds.average.low == 0 && f.bounds.average.high == 2);
	assert_true(f.bounds.tlp.low == 1 && f.bounds.tlp.high == 2);
	json_decref(line);
	strbuf__clear(&out);
	stat_openmetrics__add(&out, &f);
	assert_non_null(strstr(strbuf__str(&out), "window_bound_seconds{bound=\"high\"} +Inf\n"));
	strbuf__free(&out);
}

static void json_is_one_line_with_the_figures(void **state)
{
	struct stat_facts f = facts(false);
	struct strbuf out = {0};
	json_t *line, *waits;

	f.ended = false;
	stat_json__add(&out, &f);
	assert_false(out.failed);
	assert_ptr_equal(strchr(strbuf__str(&out), '\n') + 1, strbuf__str(&out) + out.len);
	line = json_loads(strbuf__str(&out), 0, NULL);
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "type")), "interval");
	assert_int_equal(json_integer_value(json_object_get(line, "window_ns")), 2000 * MS + 1);
	assert_int_equal(json_integer_value(json_object_get(line, "cpu_time_ns")), 2000 * MS + 2);
	assert_null(json_object_get(line, "exit"));
	waits = json_object_get(json_object_get(line, "run_queue_wait"), "histogram");
	assert_int_equal(json_array_size(waits), 3);
	assert_true(json_is_null(json_object_get(json_array_get(waits, 2), "below_ns")));
	json_decref(line);
	strbuf__free(&out);
}

static void no_waits_where_the_kernel_has_none(void **state)
{
	struct stat_facts f = facts(true);
	struct strbuf out = {0};

	f.waits_known = false;
	stat_json__add(&out, &f);
	assert_null(strstr(strbuf__str(&out), "runnable"));
	assert_null(strstr(strbuf__str(&out), "run_queue_wait"));
	strbuf__clear(&out);
	stat_openmetrics__add(&out, &f);
	assert_null(strstr(strbuf__str(&out), "runnable"));
	strbuf__free(&out);
}

static void metrics_are_exact_cumulative_and_escaped(void **state)
{
	struct stat_facts f = facts(true);
	struct strbuf out = {0};
	const char *text;

	stat_openmetrics__add(&out, &f);
	assert_false(out.failed);
	text = strbuf__str(&out);
	assert_non_null(strstr(text, "cpartrace_stat_window_seconds_total 2.000000001\n"));
	assert_non_null(strstr(text, "busy_seconds_total{cpus=\"2\"} 0.500000001\n"));
	assert_non_null(strstr(text, "bucket{le=\"0.000001024\"} 1\n"));
	assert_non_null(strstr(text, "bucket{le=\"0.002097152\"} 2\n"));
	assert_non_null(strstr(text, "bucket{le=\"+Inf\"} 3\n"));
	assert_non_null(strstr(text, "wait_seconds_count 3\n"));
	assert_non_null(strstr(text, "{pid=\"42\",name=\"app\"} 0.500000001\n"));
	assert_non_null(strstr(text, "{pid=\"41\",name=\"b\\\""));
	assert_null(strchr(text, '\033'));
	assert_string_equal(text + out.len - strlen("# EOF\n"), "# EOF\n");
	strbuf__free(&out);
}

/* ---- options ------------------------------------------------------------------------------- */

static void one_target_is_named(void **state)
{
	struct stat_opts o;

	stat_opts__init(&o);
	assert_non_null(stat_opts__mistake(&o, false));
	assert_null(stat_opts__mistake(&o, true));
	o.targets.all_cpus = true;
	assert_null(stat_opts__mistake(&o, false));
	assert_non_null(stat_opts__mistake(&o, true));
	o.user = "nobody";
	assert_non_null(stat_opts__mistake(&o, false));
	o.user = NULL;
	o.output = "t";
	o.openmetrics = "./t";
	assert_non_null(stat_opts__mistake(&o, false));
	o.openmetrics = "u";
	assert_null(stat_opts__mistake(&o, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_follow_from_the_profile),
		cmocka_unit_test(an_empty_sample_has_no_figures),
		cmocka_unit_test(a_difference_takes_every_sum),
		cmocka_unit_test(settling_keeps_window_and_cpu_time),
		cmocka_unit_test(settling_what_cannot_be_ends),
		cmocka_unit_test(mended_time_comes_from_where_the_degree_was),
		cmocka_unit_test(percentiles_lie_in_their_bucket),
		cmocka_unit_test(living_and_ended_threads_make_one_row),
		cmocka_unit_test(an_interval_is_what_came_after_the_mark),
		cmocka_unit_test(a_reused_pid_is_another_process),
		cmocka_unit_test(a_full_table_keeps_sums),
		cmocka_unit_test(text_fits_and_disarms_names),
		cmocka_unit_test(text_says_what_is_missing),
		cmocka_unit_test(text_says_of_the_machine_what_is_missing_there),
		cmocka_unit_test(text_says_what_is_in_doubt),
		cmocka_unit_test(text_has_bounds_where_something_was_lost),
		cmocka_unit_test(json_and_metrics_have_the_same_bounds),
		cmocka_unit_test(a_lost_mark_matters_where_marks_tell),
		cmocka_unit_test(an_end_that_nobody_saw_has_no_bound),
		cmocka_unit_test(json_is_one_line_with_the_figures),
		cmocka_unit_test(no_waits_where_the_kernel_has_none),
		cmocka_unit_test(metrics_are_exact_cumulative_and_escaped),
		cmocka_unit_test(one_target_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
