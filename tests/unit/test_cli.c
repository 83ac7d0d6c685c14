// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_cli.c - command lines: the parser on a table of its own, and those of run and the filters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/cli.h"
#include "collector/run_opts.h"
#include "collector/view.h"

struct opts {
	bool flag, other;
	const char *text;
	uint32_t number;
	uint64_t size, time;
	int word;
	uint32_t words;
};

static const char *const colours[] = {"red", "green", "blue", NULL};

static const struct cli_option table[] = {
	{"flag", 'f', NULL, "a flag", cli_set_flag, offsetof(struct opts, flag), 0, 0, NULL},
	{"other-flag", 'x', NULL, "another", cli_set_flag, offsetof(struct opts, other), 0, 0,
	 NULL},
	{"output", 'o', "FILE", "a text", cli_set_string, offsetof(struct opts, text), 0, 0, NULL},
	{"number", 'n', "N", "a number", cli_set_number, offsetof(struct opts, number), 1, 64,
	 NULL},
	{"size", 0, "SIZE", "a size", cli_set_size, offsetof(struct opts, size), 1024, 1 << 30,
	 NULL},
	{"time", 't', "TIME", "a time", cli_set_duration, offsetof(struct opts, time), 1,
	 UINT64_MAX, NULL},
	{"colour", 'c', "WORD", "one word", cli_set_word, offsetof(struct opts, word), 0, 0,
	 colours},
	{"colours", 0, "WORDS", "words", cli_set_words, offsetof(struct opts, words), 0, 0,
	 colours},
	CLI_OPTIONS_END,
};

static char last_error[512];

static int parse(struct opts *o, int *first, int argc, const char *const *argv)
{
	struct strbuf err = {0};
	int ret;

	memset(o, 0, sizeof(*o));
	ret = cli_parse(table, o, argc, (char *const *)argv, first, &err);
	strncpy(last_error, strbuf__str(&err), sizeof(last_error) - 1);
	strbuf__free(&err);
	return ret;
}

#define PARSE(o, first, ...)                                                                       \
	parse(o, first, sizeof((const char *[]){"cmd", __VA_ARGS__}) / sizeof(char *),             \
	      (const char *[]){"cmd", __VA_ARGS__, NULL})

static void every_spelling_of_a_value_is_the_same(void **state)
{
	struct opts o;
	int first;

	assert_int_equal(PARSE(&o, &first, "--number=7"), 0);
	assert_int_equal(o.number, 7);
	assert_int_equal(PARSE(&o, &first, "--number", "7"), 0);
	assert_int_equal(o.number, 7);
	assert_int_equal(PARSE(&o, &first, "-n7"), 0);
	assert_int_equal(o.number, 7);
	assert_int_equal(PARSE(&o, &first, "-n", "7"), 0);
	assert_int_equal(o.number, 7);
	assert_int_equal(PARSE(&o, &first, "-fxn7"), 0);
	assert_true(o.flag && o.other && o.number == 7);
	assert_int_equal(PARSE(&o, &first, "--num", "7"), 0);
	assert_int_equal(o.number, 7);
}

static void options_end_at_the_first_word(void **state)
{
	struct opts o;
	int first;

	assert_int_equal(PARSE(&o, &first, "-f", "app", "-x", "--nonsense"), 0);
	assert_int_equal(first, 2);
	assert_true(o.flag && !o.other);
	assert_int_equal(PARSE(&o, &first, "-f", "--", "-x"), 0);
	assert_int_equal(first, 3);
	assert_false(o.other);
	assert_int_equal(PARSE(&o, &first, "-"), 0);
	assert_int_equal(first, 1);
}

static void exact_name_wins_over_longer_ones(void **state)
{
	struct opts o;
	int first;

	assert_int_equal(PARSE(&o, &first, "--colour", "green"), 0);
	assert_int_equal(o.word, 1);
	assert_int_equal(PARSE(&o, &first, "--colours", "red,blue"), 0);
	assert_int_equal(o.words, 5);
	assert_true(PARSE(&o, &first, "--colo", "red") < 0);
	assert_non_null(strstr(last_error, "could be --colour or --colours"));
}

static void unknown_option_suggests_the_nearest(void **state)
{
	struct opts o;
	int first;

	assert_true(PARSE(&o, &first, "--ouput", "x") < 0);
	assert_string_equal(last_error, "unknown option --ouput; did you mean --output?");
	assert_true(PARSE(&o, &first, "--numbre=7") < 0);
	assert_string_equal(last_error, "unknown option --numbre; did you mean --number?");
	assert_true(PARSE(&o, &first, "--zzzzzzzz") < 0);
	assert_string_equal(last_error, "unknown option --zzzzzzzz; see --help");
	assert_true(PARSE(&o, &first, "-fQ") < 0);
	assert_string_equal(last_error, "unknown option -Q; see --help");
}

static void bad_values_are_refused_with_the_reason(void **state)
{
	static const char *const bad[][2] = {
		{"--number", "0"},	  {"--number", "65"},
		{"--number", "-1"},	  {"--number", "7x"},
		{"--number", ""},	  {"--number", "99999999999999999999"},
		{"--size", "12Q"},	  {"--size", "K"},
		{"--size", "1"},	  {"--size", "9999999999G"},
		{"--time", "soon"},	  {"--time", "1.2.3"},
		{"--time", "-1"},	  {"--time", "."},
		{"--colour", "yellow"},	  {"--colours", "red,"},
		{"--colours", "red,rde"}, {"--output", ""},
	};
	struct opts o;
	int first;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(PARSE(&o, &first, bad[i][0], bad[i][1]) < 0);
		assert_memory_equal(last_error, bad[i][0], strlen(bad[i][0]));
		assert_null(strchr(last_error, '\n'));
	}
	assert_true(PARSE(&o, &first, "--number") < 0);
	assert_string_equal(last_error, "--number needs a value: N");
	assert_true(PARSE(&o, &first, "--flag=1") < 0);
	assert_string_equal(last_error, "--flag takes no value");
}

static void sizes_and_times_have_units(void **state)
{
	struct opts o;
	int first;

	assert_int_equal(PARSE(&o, &first, "--size", "512K", "-t", "1.5"), 0);
	assert_int_equal(o.size, 512 << 10);
	assert_int_equal(o.time, 1500000000);
	assert_int_equal(PARSE(&o, &first, "--size", "4MiB", "-t", "250ms"), 0);
	assert_int_equal(o.size, 4 << 20);
	assert_int_equal(o.time, 250000000);
	assert_int_equal(PARSE(&o, &first, "--size", "4096", "-t", "0.000000001"), 0);
	assert_int_equal(o.size, 4096);
	assert_int_equal(o.time, 1);
	assert_int_equal(PARSE(&o, &first, "-t", "2m"), 0);
	assert_int_equal(o.time, UINT64_C(120000000000));
	assert_int_equal(PARSE(&o, &first, "-t", ".5us"), 0);
	assert_int_equal(o.time, 500);
}

static void help_is_told_apart_from_errors(void **state)
{
	struct strbuf text = {0};
	struct opts o;
	int first;

	assert_int_equal(PARSE(&o, &first, "--help"), CLI_HELP);
	assert_int_equal(PARSE(&o, &first, "-fh"), CLI_HELP);
	cli_help_options(table, &text, 80);
	assert_non_null(strstr(text.s, "  -n, --number N"));
	assert_non_null(strstr(text.s, "  -h, --help"));
	strbuf__free(&text);
}

static void nearest_name_is_near_or_none(void **state)
{
	static const char *const names[] = {"run", "record", "report", "export"};

	assert_string_equal(cli_nearest("reprot", names, 4), "report");
	assert_string_equal(cli_nearest("rec", names, 4), "record");
	assert_string_equal(cli_nearest("rum", names, 4), "run");
	assert_null(cli_nearest("quantum", names, 4));
	assert_null(cli_nearest("", names, 4));
}

/* ---- run ----------------------------------------------------------------------------------- */

static int parse_run(struct run_opts *o, int *first, int argc, const char *const *argv)
{
	struct strbuf err = {0};
	int ret;

	run_opts__init(o);
	ret = cli_parse(run_options, o, argc, (char *const *)argv, first, &err);
	strncpy(last_error, strbuf__str(&err), sizeof(last_error) - 1);
	strbuf__free(&err);
	return ret;
}

#define PARSE_RUN(o, first, ...)                                                                   \
	parse_run(o, first, sizeof((const char *[]){"run", __VA_ARGS__}) / sizeof(char *),         \
		  (const char *[]){"run", __VA_ARGS__, NULL})

static void run_leaves_the_commands_options_alone(void **state)
{
	struct run_opts o;
	int first;

	assert_int_equal(PARSE_RUN(&o, &first, "-o", "t", "-r3", "--json=-", "--strict", "make",
				   "-j4", "--strict"),
			 0);
	assert_int_equal(first, 6);
	assert_string_equal(o.rec.output, "t");
	assert_int_equal(o.repeat, 3);
	assert_string_equal(o.json, "-");
	assert_true(o.rec.strict);
	assert_false(o.rec.wait_all);
}

static void run_takes_everything_it_promises(void **state)
{
	struct run_opts o;
	int first;

	assert_int_equal(PARSE_RUN(&o, &first, "--user", "nobody", "--wait-all", "--no-budget",
				   "--buffer-size", "4M", "--in-progress", "sleep,condvar", "--top",
				   "5", "--report-file", "r.txt", "-q", "-v", "--", "--odd"),
			 0);
	assert_string_equal(o.rec.user, "nobody");
	assert_true(o.rec.wait_all && o.rec.no_budget && o.rec.quiet && o.rec.verbose);
	assert_int_equal(o.rec.buffer_sz, 4 << 20);
	assert_int_equal(o.in_progress, CPT_IN_PROGRESS_SLEEP | CPT_IN_PROGRESS_CONDVAR);
	assert_int_equal(o.top, 5);
	assert_string_equal(o.report_file, "r.txt");
	assert_true(PARSE_RUN(&o, &first, "-r", "0", "true") < 0);
	assert_true(PARSE_RUN(&o, &first, "--buffer-size", "1", "true") < 0);
	assert_true(PARSE_RUN(&o, &first, "--in-progress", "lunch", "true") < 0);
}

/* What takes a trace's place is all that is left of the run. */
static void run_writes_no_file_twice(void **state)
{
	static const char *const same[][3] = {{"t", "t", NULL},
					      {"./t", NULL, "t"},
					      {NULL, "cpartrace.data", NULL},
					      {"t", "r", ".//r"},
					      {"t", "t.old", NULL},
					      {"/tmp/cpt-none", NULL, "/tmp/../tmp/cpt-none"}};
	static const char *const differ[][3] = {{"t", "u", "v"},
						{"t", "-", NULL},
						{"t", "/dev/null", "/dev/null"},
						{"t", "/dev/stdout", "/dev/stdout"},
						{"t", NULL, NULL},
						{"/tmp/cpt-none", "/tmp/no/cpt-none", "/no/t"}};
	struct run_opts o;

	run_opts__init(&o);
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		o.rec.output = same[i][0];
		o.json = same[i][1];
		o.report_file = same[i][2];
		assert_non_null(run_opts__mistake(&o, true));
	}
	for (size_t i = 0; i < sizeof(differ) / sizeof(*differ); i++) {
		o.rec.output = differ[i][0];
		o.json = differ[i][1];
		o.report_file = differ[i][2];
		assert_null(run_opts__mistake(&o, true));
	}
	o.repeat = 2;
	assert_null(run_opts__mistake(&o, true));
	assert_non_null(run_opts__mistake(&o, false));
	o.rec.output = "t";
	o.json = "t.2";
	o.report_file = NULL;
	assert_non_null(run_opts__mistake(&o, true));
	o.json = "t.1.old";
	assert_non_null(run_opts__mistake(&o, true));
	o.json = "t.3";
	assert_null(run_opts__mistake(&o, true));
	o.json = "t";
	assert_null(run_opts__mistake(&o, true));
}

/* ---- filters ------------------------------------------------------------------------------- */

struct holder {
	struct view view;
};

static const struct cli_option view_table[] = {
	VIEW_OPTION_INPUT(struct holder, view),
	VIEW_OPTION_FILTERS(struct holder, view),
	VIEW_OPTION_IN_PROGRESS(struct holder, view),
	CLI_OPTIONS_END,
};

static int parse_view(struct holder *h, int argc, const char *const *argv)
{
	struct strbuf err = {0};
	int first, ret;

	view__init(&h->view);
	ret = cli_parse(view_table, h, argc, (char *const *)argv, &first, &err);
	strncpy(last_error, strbuf__str(&err), sizeof(last_error) - 1);
	strbuf__free(&err);
	return ret;
}

#define PARSE_VIEW(h, ...)                                                                         \
	parse_view(h, sizeof((const char *[]){"report", __VA_ARGS__}) / sizeof(char *),            \
		   (const char *[]){"report", __VA_ARGS__, NULL})

static void filters_reach_the_analysis(void **state)
{
	struct cpt_analysis_opts opts = {0};
	struct holder h;

	assert_int_equal(PARSE_VIEW(&h, "--pid", "1,22", "--pid=333", "--comm",
				    "server,a-name-longer-than-fifteen", "--cpu", "0,2-3,64",
				    "--time", "0.5,1500ms", "--in-progress=sleep"),
			 0);
	assert_int_equal(view__note(&h.view), 0);
	view__apply(&h.view, &opts);
	assert_int_equal(opts.filter.pid_cnt, 3);
	assert_int_equal(opts.filter.pids[2], 333);
	assert_int_equal(opts.filter.comm_cnt, 2);
	assert_string_equal(opts.filter.comms[0], "server");
	assert_string_equal(opts.filter.comms[1], "a-name-longer-t");
	assert_int_equal(opts.filter.cpus[0], 0xd);
	assert_int_equal(opts.filter.cpus[1], 1);
	assert_true(opts.filter.have_time);
	assert_int_equal(opts.filter.time_from_ns, 500000000);
	assert_int_equal(opts.filter.time_to_ns, 1500000000);
	assert_int_equal(opts.in_progress, CPT_IN_PROGRESS_SLEEP);
	assert_string_equal(
		strbuf__str(&h.view.note),
		"only --pid 1,22,333 --comm server,a-name-longer-t --cpu 0,2,3,64 from 500 ms "
		"to 1.50 s, counting sleep as in progress");
	view__fini(&h.view);
}

static void without_filters_nothing_is_noted(void **state)
{
	struct cpt_analysis_opts opts = {0};
	struct holder h;

	assert_int_equal(PARSE_VIEW(&h, "-i", "t"), 0);
	assert_int_equal(view__note(&h.view), 0);
	view__apply(&h.view, &opts);
	assert_string_equal(h.view.input, "t");
	assert_null(opts.filter.cpus);
	assert_int_equal(opts.filter.pid_cnt + opts.filter.tid_cnt + opts.filter.comm_cnt, 0);
	assert_int_equal(h.view.note.len, 0);
	view__fini(&h.view);
}

static void half_open_times_are_fine(void **state)
{
	struct holder h;

	assert_int_equal(PARSE_VIEW(&h, "--time", ",2"), 0);
	assert_int_equal(h.view.time.from_ns, 0);
	assert_int_equal(h.view.time.to_ns, 2000000000);
	assert_int_equal(PARSE_VIEW(&h, "--time", "2,"), 0);
	assert_int_equal(h.view.time.from_ns, 2000000000);
	assert_true(h.view.time.to_ns == UINT64_MAX);
}

static void bad_filters_are_refused(void **state)
{
	static const char *const bad[][2] = {
		{"--pid", "x"},	   {"--pid", "0"},    {"--pid", "1,,2"},  {"--pid", "4294967296"},
		{"--cpu", "3-1"},  {"--cpu", "1-"},   {"--cpu", "9999"},  {"--cpu", ""},
		{"--time", "5,1"}, {"--time", "5,5"}, {"--time", "soon"}, {"--time", "1"},
		{"--comm", "a,,"}, {"--comm", ""},
	};
	struct holder h;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(PARSE_VIEW(&h, bad[i][0], bad[i][1]) < 0);
		assert_null(strchr(last_error, '\n'));
		view__fini(&h.view);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_spelling_of_a_value_is_the_same),
		cmocka_unit_test(options_end_at_the_first_word),
		cmocka_unit_test(exact_name_wins_over_longer_ones),
		cmocka_unit_test(unknown_option_suggests_the_nearest),
		cmocka_unit_test(bad_values_are_refused_with_the_reason),
		cmocka_unit_test(sizes_and_times_have_units),
		cmocka_unit_test(help_is_told_apart_from_errors),
		cmocka_unit_test(nearest_name_is_near_or_none),
		cmocka_unit_test(run_leaves_the_commands_options_alone),
		cmocka_unit_test(run_takes_everything_it_promises),
		cmocka_unit_test(run_writes_no_file_twice),
		cmocka_unit_test(filters_reach_the_analysis),
		cmocka_unit_test(without_filters_nothing_is_noted),
		cmocka_unit_test(half_open_times_are_fine),
		cmocka_unit_test(bad_filters_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
