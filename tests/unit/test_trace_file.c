// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tests of writer and reader: what goes in comes out, what is cut or damaged says so. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../analysis/trace_format.h"
#include "../../analysis/trace_reader.h"
#include "../../analysis/trace_writer.h"
#include "../support/event_list.h"
#include "../support/random_trace.h"

static int new_file(void)
{
	const int fd = memfd_create("trace", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* The trace in fd must be whole and hold exactly these events. */
static void assert_trace(int fd, const struct cpt_event *ev, size_t cnt)
{
	char incomplete[CPT_TRACE_ERR_LEN];
	struct event_list got = {0};

	assert_int_equal(event_list__read(&got, fd, incomplete), 0);
	assert_string_equal(incomplete, "");
	assert_int_equal(tb_compare_events(ev, cnt, got.ev, got.cnt), 0);
	event_list__clear(&got);
}

static void round_trip(uint64_t seed, uint32_t cpu_cnt, uint32_t steps, uint32_t flags)
{
	struct rng rng = {seed};
	struct trace_builder *tb = tb__new(cpu_cnt);
	const struct cpt_event *ev;
	size_t cnt;
	int fd;

	random_trace(tb, &rng, cpu_cnt, steps, flags);
	ev = tb__events(tb, &cnt);
	fd = tb__trace_fd(tb);
	assert_trace(fd, ev, cnt);
	close(fd);
	tb__free(tb);
}

static void random_events_come_back(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++)
		round_trip(seed, 1 + (uint32_t)seed % 7, 2000,
			   RANDOM_TIES | RANDOM_LOSS | (seed % 3 ? 0 : RANDOM_PAUSES));
}

static void many_blocks_come_back(void **state)
{
	round_trip(1234, 4, 150000, RANDOM_LOSS);
	round_trip(1235, 64, 60000, RANDOM_TIES | RANDOM_PAUSES);
}

/* ---- facts ------------------------------------------------------------------------------------- */

static struct trace_reader *open_whole(int fd)
{
	char err[CPT_TRACE_ERR_LEN];
	struct trace_reader *r = trace_reader__open(fd, err);

	if (!r)
		print_error("%s\n", err);
	assert_non_null(r);
	return r;
}

static void description_comes_back(void **state)
{
	static char *const argv[] = {(char *)"./app", (char *)"", (char *)"--name=\xff\n x", NULL};
	struct trace_builder *tb = tb__new(3);
	struct cpt_trace_meta *in = tb__meta(tb);
	const struct cpt_trace_meta *out;
	struct trace_reader *r;
	int fd;

	in->argv = argv;
	in->flags = CPT_TRACE_WAIT_ALL | CPT_TRACE_NO_OCCUPANCY;
	in->start_mono_ns = 123456789012345;
	in->start_boot_ns = 223456789012345;
	in->quota_cpus = 1.5;
	((struct cpt_cpu_info *)in->cpus)[2] = (struct cpt_cpu_info){2, 0, {0}, -1, 7, -1};
	tb__command(tb, 1000, "app");
	fd = tb__trace_fd(tb);
	r = open_whole(fd);
	out = trace_reader__meta(r);
	assert_string_equal(out->cpartrace_version, in->cpartrace_version);
	assert_string_equal(out->hostname, in->hostname);
	assert_string_equal(out->kernel, in->kernel);
	assert_string_equal(out->machine, in->machine);
	for (int i = 0; i < 3; i++)
		assert_string_equal(out->argv[i], argv[i]);
	assert_null(out->argv[3]);
	assert_int_equal(out->root_tid, in->root_tid);
	assert_int_equal(out->flags, in->flags);
	assert_int_equal(out->start_mono_ns, in->start_mono_ns);
	assert_int_equal(out->start_real_ns, in->start_real_ns);
	assert_int_equal(out->start_boot_ns, in->start_boot_ns);
	assert_true(out->quota_cpus == 1.5);
	assert_int_equal(out->cpu_cnt, 3);
	assert_int_equal(out->cpu_info_cnt, 3);
	assert_memory_equal(out->cpus, in->cpus, 3 * sizeof(*in->cpus));
	trace_reader__free(r);
	close(fd);
	tb__free(tb);
}

static void closing_facts_come_back(void **state)
{
	struct trace_builder *tb = tb__new(1);
	const struct cpt_trace_close in = {
		.end_mono_ns = 99,
		.exit_kind = CPT_EXIT_SIGNAL,
		.exit_value = 9,
		.lost_ring = 3,
		.lost = {4, 5},
		.lost_recursion = 6,
		.mends = 7,
		.mends_failed = 8,
		.tracer_cpu_ns = 10,
		.steal_ns = 11,
		.throttled_ns = UINT64_MAX,
	};
	struct trace_reader *r;
	int fd;

	*tb__close_facts(tb) = in;
	tb__command(tb, 1000, "app");
	fd = tb__trace_fd(tb);
	r = open_whole(fd);
	assert_memory_equal(trace_reader__close_facts(r), &in, sizeof(in));
	assert_null(trace_reader__incomplete(r));
	trace_reader__free(r);
	close(fd);
	tb__free(tb);
}

static void overlong_command_is_cut(void **state)
{
	const size_t sz = 400000;
	char *big = malloc(sz);
	char *argv[] = {(char *)"first", big, (char *)"never seen", NULL};
	struct trace_builder *tb = tb__new(1);
	const struct cpt_trace_meta *out;
	struct trace_reader *r;
	int fd;

	assert_non_null(big);
	memset(big, 'x', sz - 1);
	big[sz - 1] = '\0';
	tb__meta(tb)->argv = argv;
	fd = tb__trace_fd(tb);
	r = open_whole(fd);
	out = trace_reader__meta(r);
	assert_string_equal(out->argv[0], "first");
	assert_true(strlen(out->argv[1]) > 200000);
	assert_null(out->argv[2]);
	trace_reader__free(r);
	close(fd);
	tb__free(tb);
	free(big);
}

static void span_is_known_without_decoding(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint64_t first, last;
	struct trace_reader *r;
	int fd;

	tb__meta(tb)->start_mono_ns = 77;
	fd = tb__trace_fd(tb);
	r = open_whole(fd);
	trace_reader__span(r, &first, &last);
	assert_int_equal(first, 77);
	assert_int_equal(last, 77);
	trace_reader__free(r);
	close(fd);
	tb__command(tb, 1000, "app");
	tb__run(tb, 123456, 0, 1);
	fd = tb__trace_fd(tb);
	r = open_whole(fd);
	trace_reader__span(r, &first, &last);
	assert_int_equal(first, 1000);
	assert_int_equal(last, 123456);
	trace_reader__free(r);
	close(fd);
	tb__free(tb);
}

static size_t count_events(struct trace_reader *r)
{
	const struct cpt_event *ev;
	size_t cnt, sum = 0;
	int ret;

	while ((ret = trace_reader__next(r, &ev, &cnt)) > 0)
		sum += cnt;
	assert_int_equal(ret, 0);
	assert_int_equal(trace_reader__next(r, &ev, &cnt), 0);
	return sum;
}

static void rewinding_gives_the_same_again(void **state)
{
	struct rng rng = {5};
	struct trace_builder *tb = tb__new(2);
	struct trace_reader *r;
	size_t cnt;
	int fd;

	random_trace(tb, &rng, 2, 3000, 0);
	tb__events(tb, &cnt);
	fd = tb__trace_fd(tb);
	r = open_whole(fd);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(count_events(r), cnt);
		assert_int_equal(trace_reader__file_pos(r), trace_reader__file_sz(r));
		assert_int_equal(trace_reader__rewind(r), 0);
	}
	trace_reader__free(r);
	close(fd);
	tb__free(tb);
}

/* ---- late facts ------------------------------------------------------------------------------- */

/* A writer that is fed by hand; switches of task 7 on CPU 0. */
static struct trace_writer *new_writer(int fd)
{
	const struct cpt_trace_meta meta = {.cpu_cnt = 2};
	struct trace_writer *w = trace_writer__new(fd, &meta);

	assert_non_null(w);
	return w;
}

static struct cpt_event switch_at(uint64_t ts_ns, uint32_t prev, uint32_t next, uint16_t flags)
{
	static const struct cpt_wait wait = {.sysno = 1};

	return (struct cpt_event){.ts_ns = ts_ns,
				  .type = CPT_EV_SWITCH,
				  .task = prev,
				  .other = next,
				  .flags = flags,
				  .wait = flags & CPT_SW_PREV_BLOCKED ? &wait : NULL};
}

static void write_event(struct trace_writer *w, struct cpt_event ev)
{
	assert_int_equal(trace_writer__events(w, &ev, 1), 0);
}

static void write_late(struct trace_writer *w, uint8_t kind, uint64_t ts_ns, uint32_t task,
		       uint32_t waker)
{
	const struct cpt_late late = {.ts_ns = ts_ns,
				      .task = task,
				      .kind = kind,
				      .waker = waker,
				      .end = kind == CPT_LATE_END ? CPT_END_TASK : 0};

	assert_int_equal(trace_writer__late(w, &late), 0);
}

static void close_writer(struct trace_writer *w)
{
	const struct cpt_trace_close close_facts = {0};

	assert_int_equal(trace_writer__close(w, &close_facts), 0);
	trace_writer__free(w);
}

static void late_end_reaches_its_switch_out(void **state)
{
	/* In the block that is open, and in one that was written before. */
	for (int written = 0; written < 2; written++) {
		const int fd = new_file();
		struct trace_writer *w = new_writer(fd);
		struct event_list got = {0};

		write_event(w, switch_at(100, 7, 0, CPT_SW_PREV_BLOCKED));
		write_event(w, switch_at(100, 8, 0, CPT_SW_PREV_BLOCKED));
		if (written)
			assert_int_equal(trace_writer__tick(w, 1000000000), 0);
		write_late(w, CPT_LATE_END, 100, 7, 9);
		write_event(w, switch_at(200, 0, 7, 0));
		close_writer(w);
		assert_int_equal(event_list__read(&got, fd, NULL), 0);
		assert_int_equal(got.cnt, 3);
		assert_int_equal(got.ev[0].end, CPT_END_TASK);
		assert_int_equal(got.ev[0].end_waker, 9);
		assert_int_equal(got.ev[1].end, CPT_END_OPEN);
		event_list__clear(&got);
		close(fd);
	}
}

static void late_wake_stands_at_its_time(void **state)
{
	static const struct {
		uint64_t ts_ns;
		size_t idx;
	} cases[] = {{50, 0}, {100, 1}, {150, 1}, {200, 2}, {250, 2}, {300, 2}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const int fd = new_file();
		struct trace_writer *w = new_writer(fd);
		struct event_list got = {0};

		write_event(w, switch_at(100, 7, 0, CPT_SW_PREV_BLOCKED));
		write_event(w, switch_at(200, 0, 8, 0));
		assert_int_equal(trace_writer__tick(w, 1000000000), 0);
		write_late(w, CPT_LATE_WAKE, cases[i].ts_ns, 7, 9);
		write_event(w, switch_at(300, 8, 7, 0));
		close_writer(w);
		assert_int_equal(event_list__read(&got, fd, NULL), 0);
		assert_int_equal(got.cnt, 4);
		assert_int_equal(got.ev[cases[i].idx].type, CPT_EV_WAKE);
		assert_int_equal(got.ev[cases[i].idx].task, 7);
		assert_int_equal(got.ev[cases[i].idx].other, 9);
		event_list__clear(&got);
		close(fd);
	}
}

/* At one instant: behind wake-ups of lower tasks, before its own switch-in and those of higher ones. */
static void late_wake_of_a_busy_instant_has_its_place(void **state)
{
	static const struct {
		uint32_t task;
		size_t idx;
	} cases[] = {{4, 2}, {6, 3}, {9, 4}, {3, 1}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct cpt_event wakes[] = {
			{.ts_ns = 200, .type = CPT_EV_WAKE, .task = 5},
			{.ts_ns = 200, .type = CPT_EV_WAKE, .task = 8},
		};
		const int fd = new_file();
		struct trace_writer *w = new_writer(fd);
		struct event_list got = {0};

		write_event(w, switch_at(100, 7, 0, 0));
		write_event(w, switch_at(200, 0, 3, 0));
		write_event(w, wakes[0]);
		write_event(w, wakes[1]);
		assert_int_equal(trace_writer__tick(w, 1000000000), 0);
		write_late(w, CPT_LATE_WAKE, 200, cases[i].task, 1);
		write_event(w, switch_at(300, 3, 0, 0));
		close_writer(w);
		assert_int_equal(event_list__read(&got, fd, NULL), 0);
		assert_int_equal(got.cnt, 6);
		assert_int_equal(got.ev[cases[i].idx].type, CPT_EV_WAKE);
		assert_int_equal(got.ev[cases[i].idx].task, cases[i].task);
		event_list__clear(&got);
		close(fd);
	}
}

/* More late facts than are held in memory at once: reading moves its window on. */
static void late_facts_beyond_memory_are_found(void **state)
{
	const uint32_t cnt = 1200000;
	const int fd = new_file();
	struct trace_writer *w = new_writer(fd);
	struct trace_reader *r;
	const struct cpt_event *ev;
	uint64_t wakes = 0, ends = 0, last_ns = 0;
	size_t n;

	for (uint32_t i = 0; i < cnt; i++) {
		write_event(w,
			    switch_at(100 + 10 * (uint64_t)i, 1 + i % 900, 0, CPT_SW_PREV_BLOCKED));
	}
	assert_int_equal(trace_writer__tick(w, 10000000000), 0);
	for (uint32_t i = 0; i < cnt; i++) {
		const uint32_t j = (uint32_t)((uint64_t)i * 700001 % cnt);

		write_late(w, CPT_LATE_END, 100 + 10 * (uint64_t)j, 1 + j % 900, 901);
		write_late(w, CPT_LATE_WAKE, 105 + 10 * (uint64_t)j, 1 + j % 900, 901);
	}
	write_event(w, switch_at(100 + 10 * (uint64_t)cnt, 0, 5, 0));
	close_writer(w);
	r = open_whole(fd);
	while (trace_reader__next(r, &ev, &n) > 0) {
		for (size_t i = 0; i < n; i++) {
			assert_true(ev[i].ts_ns >= last_ns);
			last_ns = ev[i].ts_ns;
			wakes += ev[i].type == CPT_EV_WAKE;
			ends += ev[i].type == CPT_EV_SWITCH && ev[i].end == CPT_END_TASK &&
				ev[i].end_waker == 901;
		}
	}
	assert_null(trace_reader__incomplete(r));
	assert_int_equal(wakes, cnt);
	assert_int_equal(ends, cnt);
	trace_reader__free(r);
	close(fd);
}

/* ---- what the writer keeps to --------------------------------------------------------------------- */

static void old_block_is_written_by_tick(void **state)
{
	const int fd = new_file();
	struct trace_writer *w = new_writer(fd);
	const uint64_t empty = trace_writer__bytes(w);

	assert_int_equal(trace_writer__tick(w, 5000000000), 0);
	assert_int_equal(trace_writer__bytes(w), empty);
	write_event(w, switch_at(1000000000, 0, 7, 0));
	assert_int_equal(trace_writer__tick(w, 1200000000), 0);
	assert_int_equal(trace_writer__bytes(w), empty);
	assert_int_equal(trace_writer__tick(w, 1250000001), 0);
	assert_true(trace_writer__bytes(w) > empty);
	assert_int_equal(trace_writer__switches(w), 1);
	close_writer(w);
	close(fd);
}

static void impossible_events_are_refused(void **state)
{
	const struct cpt_event good = switch_at(100, 7, 0, 0);
	struct cpt_event bad[6];

	for (size_t i = 0; i < 6; i++)
		bad[i] = good;
	bad[0].ts_ns = 99;
	bad[1].cpu = 2;
	bad[2].task = CPT_TASK_MAX + 1;
	bad[3].type = CPT_EV_CNT;
	bad[4].ts_ns = UINT64_MAX;
	bad[5].type = CPT_EV_NEW;
	for (size_t i = 0; i < 6; i++) {
		const int fd = new_file();
		struct trace_writer *w = new_writer(fd);

		write_event(w, good);
		assert_int_equal(trace_writer__events(w, &bad[i], 1), -EINVAL);
		assert_int_equal(trace_writer__events(w, &good, 1), -EINVAL);
		trace_writer__free(w);
		close(fd);
	}
}

/* The promise of the size on disk, on the hardest pattern: nothing repeats. */
static void switch_takes_at_most_eight_bytes(void **state)
{
	const int fd = new_file();
	struct trace_writer *w = new_writer(fd);
	struct rng rng = {9};
	uint64_t ts_ns = 1000000;
	uint32_t cur = 0;

	for (int i = 0; i < 300000; i++) {
		const uint32_t next = 1 + rng_below(&rng, 400);
		const struct cpt_wait wait = {.sysno = 0,
					      .prev_state = 1,
					      .object = CPT_FD_SOCKET,
					      .arg0 = rng_below(&rng, 20),
					      .arg1 = 0x7ffc1000};
		struct cpt_event ev = {.type = CPT_EV_WAKE,
				       .task = next,
				       .other = cur,
				       .cpu = 0,
				       .waker_sysno = 1};

		ev.ts_ns = ts_ns += 500 + rng_below(&rng, 4000);
		write_event(w, ev);
		ev = switch_at(ts_ns += 500 + rng_below(&rng, 4000), cur, next,
			       CPT_SW_PREV_BLOCKED | CPT_SW_NEXT_WOKEN);
		ev.wait = &wait;
		write_event(w, ev);
		cur = next;
	}
	close_writer(w);
	assert_true(lseek(fd, 0, SEEK_END) <= 8 * 300000);
	close(fd);
}

/* ---- what is not a whole trace --------------------------------------------------------------------- */

static void assert_refused(const void *data, size_t sz, int want, const char *words)
{
	const int fd = new_file();
	char err[CPT_TRACE_ERR_LEN];

	assert_int_equal(pwrite(fd, data, sz, 0), sz);
	errno = 0;
	assert_null(trace_reader__open(fd, err));
	assert_int_equal(errno, want);
	assert_non_null(strstr(err, words));
	assert_null(strchr(err, '\n'));
	close(fd);
}

static void other_files_are_refused_in_words(void **state)
{
	const struct trace_header newer = {.major = CPT_TRACE_MAJOR + 1, .minor = 3};
	uint8_t head[TRACE_HEADER_SZ];

	assert_refused("", 0, ENODATA, "empty");
	assert_refused("#!/bin/sh\n", 10, EINVAL, "not a trace");
	trace_header__encode(head, &newer);
	assert_refused(head, sizeof(head), ENOTSUP, "format 2.3");
	assert_refused(head, 20, EBADMSG, "cut off");
	trace_header__encode(head, &(struct trace_header){.major = CPT_TRACE_MAJOR});
	assert_refused(head, sizeof(head), EBADMSG, "cut off");
	head[20] ^= 1;
	assert_refused(head, sizeof(head), EBADMSG, "damaged");
}

static void directory_is_refused_with_the_systems_words(void **state)
{
	const int fd = open("/proc", O_RDONLY | O_DIRECTORY);
	char err[CPT_TRACE_ERR_LEN];

	assert_true(fd >= 0);
	assert_null(trace_reader__open(fd, err));
	assert_true(strlen(err) > 0);
	close(fd);
}

static void killed_recording_reads_up_to_its_last_block(void **state)
{
	const int fd = new_file();
	struct trace_writer *w = new_writer(fd);
	char incomplete[CPT_TRACE_ERR_LEN];
	struct event_list got = {0};

	/* Nothing but the header. */
	assert_int_equal(event_list__read(&got, fd, incomplete), 0);
	assert_string_not_equal(incomplete, "");
	assert_int_equal(got.cnt, 0);
	write_event(w, switch_at(100, 7, 0, CPT_SW_PREV_BLOCKED));
	assert_int_equal(trace_writer__tick(w, 1000000000), 0);
	/* This wait's end becomes known in the next block. */
	write_late(w, CPT_LATE_END, 100, 7, 9);
	write_event(w, switch_at(2000000000, 0, 7, 0));
	assert_int_equal(trace_writer__tick(w, 3000000000), 0);
	write_event(w, switch_at(4000000000, 7, 0, 0));
	trace_writer__free(w);
	assert_int_equal(event_list__read(&got, fd, incomplete), 0);
	assert_non_null(strstr(incomplete, "not ended properly"));
	assert_int_equal(got.cnt, 2);
	assert_int_equal(got.ev[0].end_waker, 9);
	event_list__clear(&got);
	close(fd);
}

/* A recorder that ran into an error: what it had is there, and why there is no more. */
static void failed_recording_tells_its_end_and_why(void **state)
{
	const int fd = new_file();
	struct trace_writer *w = new_writer(fd);
	const struct cpt_trace_close facts = {.failure = ENOMEM,
					      .exit_kind = CPT_EXIT_CODE,
					      .exit_value = 7,
					      .lost_recursion = 2,
					      .lost = {3, 4}};
	const struct cpt_trace_close *closed;
	char incomplete[CPT_TRACE_ERR_LEN];
	struct event_list got = {0};
	struct trace_reader *r;

	write_event(w, switch_at(100, 0, 7, 0));
	assert_int_equal(trace_writer__close(w, &facts), 0);
	trace_writer__free(w);
	assert_int_equal(event_list__read(&got, fd, incomplete), 0);
	assert_int_equal(got.cnt, 1);
	assert_non_null(strstr(incomplete, "could not go on: Cannot allocate memory"));
	event_list__clear(&got);
	r = open_whole(fd);
	closed = trace_reader__close_facts(r);
	assert_non_null(closed);
	assert_int_equal(closed->failure, ENOMEM);
	assert_int_equal(closed->exit_value, 7);
	assert_int_equal(trace_close__lost_other(closed), 9);
	trace_reader__free(r);
	close(fd);
}

/* Where nothing switches, what stands beside the events must not wait for the next of them. */
static void side_events_and_late_facts_do_not_wait_for_events(void **state)
{
	const struct cpt_event sample = {
		.ts_ns = 1000, .type = CPT_EV_SAMPLE, .task = 7, .user = 1};
	const struct cpt_event step = {.ts_ns = 1000, .type = CPT_EV_LOOP_LOST};
	const struct cpt_late wake = {.ts_ns = 500, .task = 7, .kind = CPT_LATE_WAKE};
	const uint64_t soon = 200000000, late = 600000000;

	for (int kind = 0; kind < 3; kind++) {
		const int fd = new_file();
		struct trace_writer *w = new_writer(fd);
		const uint64_t bytes = trace_writer__bytes(w);

		assert_int_equal(kind == 0   ? trace_writer__side(w, &sample, 1)
				 : kind == 1 ? trace_writer__side(w, &step, 1)
					     : trace_writer__late(w, &wake),
				 0);
		assert_int_equal(trace_writer__tick(w, soon), 0);
		assert_int_equal(trace_writer__bytes(w), bytes);
		assert_int_equal(trace_writer__tick(w, late), 0);
		assert_true(trace_writer__bytes(w) > bytes);
		trace_writer__free(w);
		close(fd);
	}
}

/* Reads all events. How many bytes of late facts that took. */
static uint64_t read_late_bytes(int fd, char *incomplete)
{
	struct trace_reader *r = open_whole(fd);
	const struct cpt_event *ev;
	uint64_t bytes;
	size_t cnt;

	while (trace_reader__next(r, &ev, &cnt) > 0)
		;
	bytes = trace_reader__late_read(r);
	strcpy(incomplete, trace_reader__incomplete(r) ? trace_reader__incomplete(r) : "");
	trace_reader__free(r);
	return bytes;
}

/* Many windows of late facts; each section has one fact of long ago, so that its span is all of time. */
static void one_long_wait_a_section_is_not_read_in_between(void **state)
{
	const uint32_t sections = 400, facts = 10000;
	const int fd = new_file();
	struct trace_writer *w = new_writer(fd);
	char incomplete[CPT_TRACE_ERR_LEN];
	uint64_t before, late_bytes = 0, ts_ns = 1000000000;

	for (uint32_t i = 0; i < sections; i++) {
		before = trace_writer__bytes(w);
		write_late(w, CPT_LATE_END, 1000 + i, 7, 9);
		for (uint32_t k = 0; k < facts; k++)
			write_late(w, CPT_LATE_END, ts_ns += 1000, 7, 9);
		assert_int_equal(trace_writer__tick(w, UINT64_C(1) << 60), 0);
		assert_int_equal(trace_writer__tick(w, UINT64_C(1) << 61), 0);
		late_bytes += trace_writer__bytes(w) - before;
		write_event(w, switch_at(ts_ns, 0, 7, 0));
	}
	close_writer(w);
	/* Once to learn what they have, and about twice for the windows they lie in. */
	assert_true(read_late_bytes(fd, incomplete) < late_bytes * 4);
	assert_string_equal(incomplete, "");
	close(fd);
}

static void late_fact_outside_its_sections_span_is_damage(void **state)
{
	const int fd = new_file();
	struct trace_writer *w = new_writer(fd);
	const off_t at = (off_t)trace_writer__bytes(w);
	char incomplete[CPT_TRACE_ERR_LEN];
	uint8_t head[SECTION_HEADER_SZ];
	struct section s;

	write_late(w, CPT_LATE_END, 100, 7, 9);
	write_late(w, CPT_LATE_END, 900, 7, 9);
	write_event(w, switch_at(1000, 0, 7, 0));
	close_writer(w);
	assert_int_equal(pread(fd, head, sizeof(head), at), sizeof(head));
	assert_int_equal(section__decode(&s, head), 0);
	assert_int_equal(s.last_ns, 900);
	s.last_ns = 899;
	section__encode(head, &s);
	assert_int_equal(pwrite(fd, head, sizeof(head), at), sizeof(head));
	read_late_bytes(fd, incomplete);
	assert_non_null(strstr(incomplete, "late facts"));
	close(fd);
}

static void sections_of_later_versions_are_passed_over(void **state)
{
	for (int critical = 0; critical < 2; critical++) {
		struct section s = {.type = 77,
				    .flags = critical ? SECTION_CRITICAL : 0,
				    .sz = 5,
				    .crc = trace_crc("later", 5)};
		const int fd = new_file(), out = new_file();
		struct trace_writer *w = new_writer(fd);
		char incomplete[CPT_TRACE_ERR_LEN];
		struct event_list got = {0};
		struct trace_header h = {.major = CPT_TRACE_MAJOR, .minor = 9};
		uint8_t data[4096], head[SECTION_HEADER_SZ];
		uint64_t at = trace_writer__bytes(w);
		ssize_t sz;

		write_event(w, switch_at(100, 0, 7, 0));
		close_writer(w);
		sz = pread(fd, data, sizeof(data), 0);
		assert_true(sz > 0 && (size_t)sz < sizeof(data));
		h.closed_sz = (uint64_t)sz + sizeof(head) + 5;
		trace_header__encode(data, &h);
		section__encode(head, &s);
		assert_int_equal(pwrite(out, data, at, 0), at);
		assert_int_equal(pwrite(out, head, sizeof(head), (off_t)at), sizeof(head));
		assert_int_equal(pwrite(out, "later", 5, (off_t)(at + sizeof(head))), 5);
		assert_int_equal(
			pwrite(out, data + at, (size_t)sz - at, (off_t)(at + sizeof(head) + 5)),
			(size_t)sz - at);
		assert_int_equal(event_list__read(&got, out, incomplete), 0);
		assert_int_equal(got.cnt, critical ? 0 : 1);
		if (critical)
			assert_non_null(strstr(incomplete, "newer version"));
		else
			assert_string_equal(incomplete, "");
		event_list__clear(&got);
		close(fd);
		close(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_events_come_back),
		cmocka_unit_test(many_blocks_come_back),
		cmocka_unit_test(description_comes_back),
		cmocka_unit_test(closing_facts_come_back),
		cmocka_unit_test(overlong_command_is_cut),
		cmocka_unit_test(span_is_known_without_decoding),
		cmocka_unit_test(rewinding_gives_the_same_again),
		cmocka_unit_test(late_end_reaches_its_switch_out),
		cmocka_unit_test(late_wake_stands_at_its_time),
		cmocka_unit_test(late_wake_of_a_busy_instant_has_its_place),
		cmocka_unit_test(late_facts_beyond_memory_are_found),
		cmocka_unit_test(old_block_is_written_by_tick),
		cmocka_unit_test(impossible_events_are_refused),
		cmocka_unit_test(switch_takes_at_most_eight_bytes),
		cmocka_unit_test(other_files_are_refused_in_words),
		cmocka_unit_test(directory_is_refused_with_the_systems_words),
		cmocka_unit_test(killed_recording_reads_up_to_its_last_block),
		cmocka_unit_test(failed_recording_tells_its_end_and_why),
		cmocka_unit_test(side_events_and_late_facts_do_not_wait_for_events),
		cmocka_unit_test(one_long_wait_a_section_is_not_read_in_between),
		cmocka_unit_test(late_fact_outside_its_sections_span_is_damage),
		cmocka_unit_test(sections_of_later_versions_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
