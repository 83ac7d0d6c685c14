// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_text_report.c - the report for people: widths, alphabets, hostile names, honest figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/cli.h"
#include "collector/escape.h"
#include "collector/format.h"
#include "collector/text_explain.h"
#include "collector/text_report.h"
#include "collector/words.h"

#include "report_fixture.h"

static struct report_fixture fixture;

static int setup(void **state)
{
	report_fixture(&fixture);
	return 0;
}

static struct text_report_opts plain(unsigned int width, bool utf8)
{
	return (struct text_report_opts){.style = {.utf8 = utf8, .width = width},
					 .top = CPT_TOP_DEFAULT};
}

/* The text; valid until the next call. */
static const char *text_of(const struct text_report_opts *opts)
{
	static struct strbuf out;

	strbuf__clear(&out);
	text_report__add(&out, &fixture.report, opts);
	assert_false(out.failed);
	return strbuf__str(&out);
}

static const char *report_at(unsigned int width, bool utf8)
{
	struct text_report_opts opts = plain(width, utf8);

	return text_of(&opts);
}

static void assert_fits(const char *text, unsigned int width)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (display_width(text, len) > width)
			fail_msg("wider than %u: %.*s", width, (int)len, text);
		assert_true(!len || text[len - 1] != ' ');
		text += len + (text[len] == '\n');
	}
}

static void the_answer_comes_first(void **state)
{
	const char *text = report_at(80, true);

	assert_memory_equal(text, " ./app --workers 4\n", 19);
	assert_non_null(strstr(
		text, "2.00 s · 2 of 2 CPUs allowed · 1 process, 5 threads · exit status 0"));
	assert_non_null(
		strstr(text, "Concurrent, hardly parallel: 3.96 things in progress, 1.01 of 2 CPUs "
			     "busy on\n average."));
	assert_true(strstr(text, "hardly parallel") < strstr(text, "Where the 2.00 s went"));
	assert_non_null(strstr(text, "contended    94.1 %  one runs, others want its lock"));
	assert_non_null(strstr(text, "worker-3"));
	assert_non_null(strstr(text, "Data: complete, 49,408 context switches."));
}

static void every_width_fits(void **state)
{
	unsigned int width;

	for (width = CPT_WIDTH_MIN; width <= 200; width += 4) {
		assert_fits(report_at(width, true), width);
		assert_fits(report_at(width, false), width);
	}
}

static void ascii_where_there_is_nothing_else(void **state)
{
	const char *p;

	strcpy(fixture.threads[1].name, "caf\xc3\xa9");
	for (p = report_at(80, false); *p; p++)
		assert_in_range((unsigned char)*p, '\n', '~');
	assert_non_null(strstr(report_at(80, false), "caf\\xc3\\xa9"));
	assert_non_null(strstr(report_at(80, true), "caf\xc3\xa9"));
}

static void no_colour_unless_wanted(void **state)
{
	struct text_report_opts opts = plain(80, true);

	assert_null(strchr(text_of(&opts), '\033'));
	opts.style.colour = true;
	assert_non_null(strstr(text_of(&opts), "\033[1m"));
	assert_fits(text_of(&opts), 80);
}

static void hostile_names_do_no_harm(void **state)
{
	static const char *const names[] = {"\033]0;owned\007",
					    "a\nb\rc",
					    "\xff\xfe\x80",
					    "\xe2\x80\xae"
					    "drow",
					    "\xc2\x9b"
					    "31m",
					    "tab\there"};
	const char *text, *p;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct cpt_thread *t = report_fixture__add_thread(&fixture, names[i]);

		t->life_ns = t->running_ns = t->alone_ns = FIXTURE_MS * 600;
	}
	fixture.argv[1] = (char *)"\033[2J\nrm -rf";
	strcpy(fixture.names[0], "\033[31m");
	fixture.overlap[1] = fixture.overlap[2] = FIXTURE_MS * 30;
	fixture.report.quality.incomplete = true;
	fixture.report.quality.incomplete_why = "\033[5mblink";
	text = report_at(80, true);
	for (p = text; *p; p++)
		assert_true((unsigned char)*p >= 0x20 || *p == '\n');
	assert_null(strchr(text, 0x7f));
	assert_null(strstr(text, "\xc2\x9b"));
	assert_null(strstr(text, "\xe2\x80\xae"));
	assert_non_null(strstr(text, "\\x1b]0;owned\\x07"));
	assert_non_null(strstr(text, "a\\nb\\rc"));
	assert_non_null(strstr(text, "\\xff\\xfe\\x80"));
	assert_fits(text, 80);
}

static void wide_characters_keep_columns_in_line(void **state)
{
	strcpy(fixture.threads[1].name, "\xe6\x97\xa5\xe6\x9c\xac"); /* two columns each */
	assert_non_null(strstr(report_at(80, true), "\n   \xe6\x97\xa5\xe6\x9c\xac      4002"));
	assert_non_null(strstr(report_at(80, true), "\n   worker-2  4003"));
}

static void a_pool_is_one_row(void **state)
{
	struct text_report_opts opts = plain(80, true);
	char name[CPT_COMM_LEN];
	const char *text;
	int i;

	for (i = 5; i <= 64; i++) {
		struct cpt_thread *t;

		snprintf(name, sizeof(name), "worker-%d", i);
		t = report_fixture__add_thread(&fixture, name);
		t->life_ns = t->running_ns = t->alone_ns = FIXTURE_MS;
	}
	text = text_of(&opts);
	assert_non_null(strstr(text, "worker-*   ×64"));
	assert_null(strstr(text, "worker-7 "));
	opts.by = CPT_ROWS_THREAD;
	text = text_of(&opts);
	assert_non_null(strstr(text, "worker-1 "));
	assert_non_null(strstr(text, "and 55 more threads"));
	opts.by = CPT_ROWS_PROCESS;
	assert_non_null(strstr(text_of(&opts), "×65"));
}

static void rows_are_sorted_as_asked(void **state)
{
	struct text_report_opts opts = plain(80, true);
	const char *text;

	opts.sort = 3; /* parked */
	text = text_of(&opts);
	assert_true(strstr(text, "   app       4001") < strstr(text, "   worker-1"));
	opts.sort = 0;
	text = text_of(&opts);
	assert_true(strstr(text, "   app       4001") > strstr(text, "   worker-4"));
	opts.top = 2;
	assert_non_null(strstr(text_of(&opts), "and 3 more threads"));
}

/* The sentence's share is of the time with work, the table's of all: the sentence says so where they differ. */
static void share_says_of_what(void **state)
{
	static const struct {
		uint64_t parallel, concurrent, idle; /* ms, of 2,000 */
		const char *said;
	} cases[] = {
		{600, 1400, 0, "Concurrent, parallel for 30.0 % of the time: "},
		{600, 800, 600, "Concurrent, parallel for 42.9 % of the time that is not idle: "},
		{1000, 400, 600, "Mostly parallel (71.4 % of the time that is not idle): "},
		{200, 600, 1200, "while active concurrent, parallel for 25.0 % of that: "},
	};
	struct cpt_report *r = &fixture.report;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		memset(r->class_ns, 0, sizeof(r->class_ns));
		r->class_ns[CPT_CLASS_PARALLEL] = cases[i].parallel * FIXTURE_MS;
		r->class_ns[CPT_CLASS_CONCURRENT] = cases[i].concurrent * FIXTURE_MS;
		r->class_ns[CPT_CLASS_IDLE] = cases[i].idle * FIXTURE_MS;
		r->verdict = cases[i].parallel > cases[i].concurrent ? CPT_CLASS_PARALLEL
								     : CPT_CLASS_CONCURRENT;
		assert_non_null(strstr(report_at(400, true), cases[i].said));
	}
}

static void lost_events_are_said(void **state)
{
	struct cpt_report *r = &fixture.report;
	const char *text;

	r->quality.lost_located = 1234;
	r->class_ns[CPT_CLASS_UNKNOWN] = r->split_ns[CPT_SPLIT_UNKNOWN] = 200 * FIXTURE_MS;
	r->class_ns[CPT_CLASS_CONCURRENT] -= 200 * FIXTURE_MS;
	text = report_at(80, true);
	assert_non_null(strstr(text, "1,234 events lost"));
	assert_non_null(strstr(text, "unknown        10.0 %"));
	/* A tenth that may have been parallel is not "hardly", what was lost counts in no average, and
	 * what it computed is in no bound. */
	assert_non_null(strstr(text, "parallel for 2.0 % of the time that is known: at least"));
	assert_null(strstr(text, "times as fast"));
	assert_true(words__data_incomplete(r));
	assert_null(strstr(text, "["));
	r->bounds.open = true;
	r->bounds.window_ns = (struct cpt_ns_bounds){r->window_ns, r->window_ns};
	r->bounds.parallel_average = (struct cpt_real_bounds){1.004, 1.0961};
	r->bounds.tlp = (struct cpt_real_bounds){1, 2};
	r->bounds.concurrent_average = (struct cpt_real_bounds){3.9, INFINITY};
	r->bounds.efficiency = (struct cpt_real_bounds){0.5, 0.548};
	r->bounds.class_ns[CPT_CLASS_PARALLEL] =
		(struct cpt_ns_bounds){r->class_ns[CPT_CLASS_PARALLEL], 240 * FIXTURE_MS};
	text = report_at(80, true);
	assert_non_null(strstr(text, "average 1.01 [1.00, 1.10]"));
	assert_non_null(strstr(text, "3.96 [3.90 or more]"));
	assert_non_null(strstr(text, "[1.00, 2.00] while any is busy (TLP)"));
	assert_non_null(strstr(text, "[50.0 %, 54.8 %] of the CPU time it was allowed"));
	assert_non_null(strstr(text, "in truth between 1.8 % and 12.0 %"));
	assert_fits(text, 80);
	/* It is a share of the longest window at the least, and of the shortest at the most. */
	r->bounds.window_ns = (struct cpt_ns_bounds){1500 * FIXTURE_MS, 3600 * FIXTURE_MS};
	assert_non_null(strstr(report_at(80, true), "in truth between 1.0 % and 16.0 %"));
	/* Where another class may hold most there is no verdict. */
	r->verdict = CPT_CLASS_UNKNOWN;
	assert_non_null(strstr(report_at(80, true), "The trace cannot tell"));
	assert_non_null(strstr(report_at(80, true), "larger --buffer-size"));
}

static void audit_flags_only_what_is_not_explained(void **state)
{
	struct cpt_quality *q = &fixture.report.quality;

	q->audit_valid = true;
	q->audit_ours_ns = 2000 * FIXTURE_MS;
	/* The kernel charges from the wake-up, which is our runnable: 56 ms of it. */
	q->audit_kernel_ns = 2050 * FIXTURE_MS;
	assert_null(strstr(report_at(200, true), "own account"));
	q->audit_kernel_ns = 2150 * FIXTURE_MS;
	assert_non_null(strstr(report_at(200, true), "below the kernel's own account"));
	q->audit_kernel_ns = 1900 * FIXTURE_MS;
	assert_non_null(strstr(report_at(200, true), "above the kernel's own account"));
	q->audit_left_out_ns = 100 * FIXTURE_MS;
	assert_null(strstr(report_at(200, true), "own account"));
}

static void audit_names_the_task_that_is_off(void **state)
{
	struct cpt_report *r = &fixture.report;
	struct cpt_quality *q = &r->quality;

	q->audit_valid = true;
	q->audit_ours_ns = q->audit_kernel_ns = 2000 * FIXTURE_MS;
	q->audit_tasks = 4;
	assert_null(strstr(report_at(200, true), "the kernel's account of each"));
	q->audit_off = 2;
	q->audit_worst = r->threads_tab[1].id;
	q->audit_worst_ns = 40 * FIXTURE_MS;
	q->audit_worst_above = true;
	assert_non_null(strstr(
		report_at(200, true),
		"on-CPU time of 2 of 4 threads is off the kernel's account of each, of tid "));
	assert_non_null(strstr(report_at(200, true), "40.0 ms above it"));
}

static void a_report_of_nothing_is_a_report(void **state)
{
	struct cpt_report *r = &fixture.report;
	struct cpt_trace_meta meta = fixture.meta;

	meta.argv = NULL;
	memset(r, 0, sizeof(*r));
	r->meta = &meta;
	r->quality.steal_ns = UINT64_MAX;
	r->verdict = CPT_CLASS_IDLE;
	assert_fits(report_at(80, true), 80);
	assert_non_null(strstr(report_at(80, true), "no time was recorded"));
}

static void a_filter_that_leaves_nothing_shows_no_zeros(void **state)
{
	struct cpt_report *r = &fixture.report;

	r->threads = 0;
	r->filtered = CPT_FILTERED_TASKS;
	assert_non_null(strstr(report_at(80, true), "no thread is selected"));
	assert_null(strstr(report_at(80, true), "Where the"));
	assert_non_null(strstr(report_at(80, true), "Data: "));
}

/* Of a part of the run nothing follows for the run. */
static void a_part_of_the_run_has_no_bound(void **state)
{
	assert_non_null(strstr(report_at(400, true), "times as fast"));
	fixture.report.filtered = CPT_FILTERED_TIME;
	assert_null(strstr(report_at(400, true), "times as fast"));
	assert_null(strstr(report_at(400, true), "the whole run"));
}

/* However little of it is. */
static void the_path_says_how_much_of_it_was_seen(void **state)
{
	assert_non_null(
		strstr(report_at(400, true), "Who ended the waits is known for 100.0 % of it."));
	fixture.report.path.known_waker_ns = 500 * FIXTURE_MS;
	assert_non_null(
		strstr(report_at(400, true), "Who ended the waits is known for 25.0 % of it."));
}

/* The machine's steal is known of all of it: set against a slice it would be a lie. */
static void a_slice_has_no_steal_of_its_own(void **state)
{
	fixture.report.quality.steal_ns = 100 * FIXTURE_MS;
	assert_non_null(strstr(report_at(400, true), "the hypervisor took"));
	fixture.report.filtered = CPT_FILTERED_TIME;
	assert_null(strstr(report_at(400, true), "the hypervisor took"));
}

static void a_number_stays_with_its_unit(void **state)
{
	struct strbuf b = {0};

	cli_wrap(&b, "waited 12 ms, 3 s; 4 % of 17 CPUs", 0, 0, 10);
	assert_string_equal(strbuf__str(&b), "waited\n12 ms,\n3 s; 4 %\nof 17 CPUs\n");
	strbuf__free(&b);
}

static void one_thread_that_only_computes_has_no_strip(void **state)
{
	struct cpt_report *r = &fixture.report;

	r->threads = 1;
	assert_non_null(strstr(report_at(80, true), "Over time"));
	for (uint32_t i = 0; i < r->bins_cnt; i++)
		r->bins[i].running = r->bins[i].in_progress = r->bins[i].span_ns;
	r->switches = 1;
	assert_null(strstr(report_at(80, true), "Over time"));
	assert_non_null(strstr(report_at(80, true), "complete, 1 context switch."));
	r->threads = 2;
	assert_non_null(strstr(report_at(80, true), "Over time"));
}

static void many_cpus_make_few_rows(void **state)
{
	static uint64_t profile[129];

	fixture.report.parallel_ns = profile;
	fixture.report.cores_ns = profile;
	fixture.report.parallel_cnt = 129;
	fixture.report.parallel_peak = 128;
	fixture.report.cpus_allowed = fixture.report.cpus_online = 128;
	profile[3] = profile[100] = 1000 * FIXTURE_MS;
	assert_non_null(strstr(report_at(80, true), "   2-3       50.0 %"));
	assert_non_null(strstr(report_at(80, true), "   64-127    50.0 %"));
	assert_non_null(strstr(report_at(80, true), "   128        0.0 %"));
}

static void figures_are_honest(void **state)
{
	char buf[FMT_SZ];

	assert_string_equal(fmt_percent(buf, 0, 100), "0.0 %");
	assert_string_equal(fmt_percent(buf, 1, 1000000), "<0.1 %");
	assert_string_equal(fmt_percent(buf, 999999, 1000000), ">99.9 %");
	assert_string_equal(fmt_percent(buf, 1000000, 1000000), "100.0 %");
	assert_string_equal(fmt_percent(buf, 1, 3), "33.3 %");
	assert_string_equal(fmt_percent(buf, 1, 0), "0.0 %");
	assert_string_equal(fmt_duration(buf, 0, true), "0");
	assert_string_equal(fmt_duration(buf, 999, true), "999 ns");
	assert_string_equal(fmt_duration(buf, 1000, true), "1.00 µs");
	assert_string_equal(fmt_duration(buf, 12340, false), "12.3 us");
	assert_string_equal(fmt_duration(buf, 999499, true), "999 µs");
	assert_string_equal(fmt_duration(buf, 999500, true), "1.00 ms");
	assert_string_equal(fmt_duration(buf, 9996000, true), "10.0 ms");
	assert_string_equal(fmt_duration(buf, UINT64_C(999499000000), true), "999 s");
	assert_string_equal(fmt_duration(buf, UINT64_C(1000000000000), true), "16 m 40 s");
	assert_string_equal(fmt_duration(buf, UINT64_C(7500000000000), true), "2 h 05 m");
	assert_string_equal(fmt_average(buf, 0), "0");
	assert_string_equal(fmt_average(buf, 0.001), "<0.01");
	assert_string_equal(fmt_average(buf, 9.999), "10.0");
	assert_string_equal(fmt_count(buf, 1234567), "1,234,567");
	assert_string_equal(fmt_count(buf, 999), "999");
}

static void utf8_is_decoded_strictly(void **state)
{
	static const char *const bad[] = {"\x80",
					  "\xc0\x80",
					  "\xc1\xbf",
					  "\xe0\x80\x80",
					  "\xed\xa0\x80",
					  "\xf4\x90\x80\x80",
					  "\xf8\x88\x80\x80\x80",
					  "\xe2\x82",
					  "\xc3"};
	uint32_t cp;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(utf8_decode(bad[i], strlen(bad[i]), &cp), 0);
	assert_int_equal(utf8_decode("\xf0\x9f\x98\x80", 4, &cp), 4);
	assert_int_equal(cp, 0x1f600);
}

static const char *explained(unsigned int width)
{
	static struct strbuf out;
	struct text_report_opts opts = plain(width, false);

	strbuf__clear(&out);
	text_explain__add(&out, &fixture.report, &opts);
	assert_false(out.failed);
	return strbuf__str(&out);
}

/* The numbers put in are the report's own, so the line must change with them. */
static void each_figure_is_explained_by_its_own_numbers(void **state)
{
	struct cpt_report *r = &fixture.report;
	const char *text = explained(200);
	char d[FMT_SZ], before[512];

	assert_non_null(strstr(text, "CPU time / window = "));
	assert_non_null(strstr(text, fmt_duration(d, r->cpu_time_ns, false)));
	assert_non_null(strstr(text, fmt_duration(d, r->window_ns, false)));
	assert_non_null(strstr(text, class_name(r->verdict)));
	assert_null(strstr(text, "--in-progress"));
	snprintf(before, sizeof(before), "%s", strstr(text, "in progress"));
	r->concurrent_average += 1;
	text = explained(200);
	assert_non_null(strstr(text, "--in-progress"));
	assert_string_not_equal(before, strstr(text, "in progress"));
}

static void explanations_keep_the_width(void **state)
{
	const char *line = explained(80), *end;

	for (; *line; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		assert_true(end - line < 80);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_figure_is_explained_by_its_own_numbers, setup),
		cmocka_unit_test_setup(explanations_keep_the_width, setup),
		cmocka_unit_test_setup(the_answer_comes_first, setup),
		cmocka_unit_test_setup(every_width_fits, setup),
		cmocka_unit_test_setup(ascii_where_there_is_nothing_else, setup),
		cmocka_unit_test_setup(no_colour_unless_wanted, setup),
		cmocka_unit_test_setup(hostile_names_do_no_harm, setup),
		cmocka_unit_test_setup(wide_characters_keep_columns_in_line, setup),
		cmocka_unit_test_setup(a_pool_is_one_row, setup),
		cmocka_unit_test_setup(rows_are_sorted_as_asked, setup),
		cmocka_unit_test_setup(share_says_of_what, setup),
		cmocka_unit_test_setup(lost_events_are_said, setup),
		cmocka_unit_test_setup(audit_flags_only_what_is_not_explained, setup),
		cmocka_unit_test_setup(audit_names_the_task_that_is_off, setup),
		cmocka_unit_test_setup(a_report_of_nothing_is_a_report, setup),
		cmocka_unit_test_setup(a_filter_that_leaves_nothing_shows_no_zeros, setup),
		cmocka_unit_test_setup(a_part_of_the_run_has_no_bound, setup),
		cmocka_unit_test_setup(the_path_says_how_much_of_it_was_seen, setup),
		cmocka_unit_test_setup(a_slice_has_no_steal_of_its_own, setup),
		cmocka_unit_test(a_number_stays_with_its_unit),
		cmocka_unit_test_setup(one_thread_that_only_computes_has_no_strip, setup),
		cmocka_unit_test_setup(many_cpus_make_few_rows, setup),
		cmocka_unit_test(figures_are_honest),
		cmocka_unit_test(utf8_is_decoded_strictly),
	};

	/* Widths of characters come from the locale; this one is part of the C library. */
	if (!setlocale(LC_CTYPE, "C.UTF-8")) {
		fprintf(stderr, "no C.UTF-8 locale\n");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
