// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_lanes.c - columns of timelines: every ns of the report is in one, and drawn as it should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../collector/escape.h"
#include "../../collector/lanes.h"
#include "../../collector/text_timeline.h"
#include "../support/random_trace.h"

struct seen {
	struct analysed a;
	struct lanes lanes;
};

static void look(struct seen *s, struct trace_builder *tb, uint32_t cols, uint32_t top)
{
	const struct cpt_analysis_opts all = {0};
	int fd = tb__trace_fd(tb);

	assert_int_equal(analysed__open_fd(&s->a, fd, "drawn"), 0);
	assert_int_equal(lanes__make(&s->lanes, &s->a, "drawn", &all, cols, top), 0);
	close(fd);
}

static void done(struct seen *s, struct trace_builder *tb)
{
	lanes__free(&s->lanes);
	analysed__free(&s->a);
	tb__free(tb);
}

static void check_thread(const struct lanes *l, const struct lane *lane)
{
	const struct cpt_thread *t = lane->thread;
	uint64_t sums[CPT_STATE_CNT] = {0}, blocked = 0;

	for (uint32_t col = 0; col < l->cols; col++) {
		const uint64_t span = lanes__col_ns(l, col + 1) - lanes__col_ns(l, col);
		uint64_t lived = 0;

		for (int i = 0; i < CPT_STATE_CNT; i++) {
			sums[i] += lane->cells[col].ns[i];
			lived += lane->cells[col].ns[i];
		}
		assert_true(lived <= span);
		assert_true(lane->cells[col].path_ns <= span);
		/* It lives all through it. */
		if (t->start_ns <= l->start_ns + lanes__col_ns(l, col) &&
		    t->end_ns >= l->start_ns + lanes__col_ns(l, col + 1) &&
		    t->life_ns == t->end_ns - t->start_ns)
			assert_int_equal(lived, span);
	}
	for (int i = 0; i < CPT_REASON_CNT; i++)
		blocked += t->reason_ns[i];
	assert_int_equal(sums[CPT_STATE_RUNNING], t->running_ns);
	assert_int_equal(sums[CPT_STATE_RUNNABLE], t->runnable_ns);
	assert_int_equal(sums[CPT_STATE_UNKNOWN], t->unknown_ns);
	assert_int_equal(sums[CPT_STATE_WAITING] + sums[CPT_STATE_PARKED], blocked);
}

static void columns_of_random_traces_sum_to_their_report(void **state)
{
	static const uint32_t kinds[] = {0, RANDOM_TIES, RANDOM_LOSS, RANDOM_PAUSES};
	struct seen s;

	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct trace_builder *tb = tb__new(3);
		struct rng rng = {.state = seed};
		uint64_t cpus = 0, path = 0, absent;

		random_trace(tb, &rng, 3, 5 + (uint32_t)seed % 150, kinds[seed % 4]);
		look(&s, tb, 1 + (uint32_t)seed % 97, 1000);
		assert_int_equal(s.lanes.threads_cnt, s.a.report->threads_cnt);
		for (uint32_t i = 0; i < s.lanes.threads_cnt; i++) {
			check_thread(&s.lanes, &s.lanes.threads[i]);
			for (uint32_t col = 0; col < s.lanes.cols; col++)
				path += s.lanes.threads[i].cells[col].path_ns;
		}
		for (uint32_t i = 0; i < s.lanes.cpus_cnt; i++) {
			uint64_t sum = 0;

			for (uint32_t col = 0; col < s.lanes.cols; col++)
				sum += s.lanes.cpus[i].ns[col];
			assert_int_equal(sum, s.lanes.cpus[i].busy_ns);
			cpus += sum;
		}
		assert_int_equal(cpus, s.a.report->cpu_time_ns);
		absent = s.a.report->path.absent_ns;
		assert_int_equal(path,
				 s.a.report->path.end_id ? s.a.report->path.length_ns - absent : 0);
		done(&s, tb);
	}
	(void)state;
}

/* Each of four quarters of the run in another state; then turns of a quarter of a column. */
static struct trace_builder *draw(const char *name)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t main_ = tb__command(tb, 1000, "main"), worker;
	uint64_t at = 1000 + 36000;

	tb__run(tb, 1000, 0, main_);
	worker = tb__thread(tb, 1000, main_, name);
	tb__run(tb, 1000, 1, worker);
	tb__block(tb, 1000 + 12000, worker, tb_wait_mutex(0x1000, tb_tid(main_)), TB_IDLE);
	tb__wake(tb, 1000 + 24000, worker, main_);
	for (; at < 1000 + 48000; at += 1000) {
		tb__run(tb, at, 1, worker);
		tb__block(tb, at + 250, worker, tb_wait_sleep(), TB_IDLE);
		tb__wake_irq(tb, at + 1000, worker, CPT_CTX_HARDIRQ, 0);
	}
	tb__run(tb, at, 1, worker);
	tb__exit(tb, at, worker, 0, TB_IDLE);
	tb__exit(tb, at, main_, 0, TB_IDLE);
	return tb;
}

static void expect_lane(const char *text, const char *lane)
{
	if (!strstr(text, lane))
		fail_msg("no lane \"%s\" in\n%s", lane, text);
}

/* The caller frees it. 48 columns of 1,000 ns. */
static char *drawn(const char *name, bool utf8, bool colour)
{
	const struct text_report_opts opts = {
		.style = {.utf8 = utf8, .colour = colour, .width = 22 + 48 + 9}, .top = 10};
	struct trace_builder *tb = draw(name);
	struct strbuf out = {0};
	struct seen s;

	assert_int_equal(text_timeline__cols(&opts.style), 48);
	look(&s, tb, text_timeline__cols(&opts.style), opts.top);
	assert_int_equal(s.lanes.span_ns, 48000);
	text_timeline__add(&out, &s.lanes, &opts);
	assert_false(out.failed);
	done(&s, tb);
	return out.s;
}

static void marks_are_in_proportion_to_the_time(void **state)
{
	char *text = drawn("worker", true, false);

	expect_lane(text,
		    "main 1001          ████████████████████████████████████████████████  100.0 %");
	expect_lane(text, "worker 1002        ████████████▒▒▒▒▒▒▒▒▒▒▒▒░░░░░░░░░░░░·█···█···█··");
	expect_lane(text, "CPU 0              ████████████████████████████████████████████████");
	expect_lane(text, "CPU 1              ████████████                        ▂▂▂▂▂▂▂▂▂▂▂▂");
	assert_null(strchr(text, '\033'));
	free(text);
	(void)state;
}

static void plain_ascii_where_the_locale_asks(void **state)
{
	char *text = drawn("worker", false, false);

	expect_lane(text, "worker 1002        ############wwwwwwwwwwww::::::::::::.#...#...#..");
	for (const char *c = text; *c; c++)
		assert_true((*c >= ' ' && *c <= '~') || *c == '\n');
	free(text);
	(void)state;
}

static void colours_are_switched_off_again(void **state)
{
	char *text = drawn("worker", true, true);
	int on = 0;

	for (const char *c = text; (c = strchr(c, '\033')); c++)
		on += strncmp(c, "\033[0m", 4) ? 1 : -1;
	assert_int_equal(on, 0);
	assert_non_null(strstr(text, "\033[32m████████████\033[0m\033[31m▒▒▒▒▒▒▒▒▒▒▒▒\033[0m"));
	free(text);
	(void)state;
}

/* However names look, each line is as wide as asked for, and nothing reaches the terminal but text. */
static void hostile_names_stay_in_their_columns(void **state)
{
	static const char *const names[] = {"\033[31m\033[2J", "\xff\xfe\xc3", "\xe2\x80\xae|cba",
					    "", "漢字漢字漢字"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *text = drawn(names[i], true, false), *save = NULL;

		assert_null(strchr(text, '\033'));
		for (char *line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			assert_true(display_width(line, strlen(line)) <= 79);
		free(text);
	}
	(void)state;
}

static void few_lanes_are_those_with_most_in_progress(void **state)
{
	struct trace_builder *tb = draw("worker");
	struct seen s;

	look(&s, tb, 10, 1);
	assert_int_equal(s.lanes.threads_cnt, 1);
	assert_int_equal(s.lanes.threads_left, 1);
	assert_string_equal(s.lanes.threads[0].thread->name, "main");
	done(&s, tb);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_of_random_traces_sum_to_their_report),
		cmocka_unit_test(marks_are_in_proportion_to_the_time),
		cmocka_unit_test(plain_ascii_where_the_locale_asks),
		cmocka_unit_test(colours_are_switched_off_again),
		cmocka_unit_test(hostile_names_stay_in_their_columns),
		cmocka_unit_test(few_lanes_are_those_with_most_in_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
