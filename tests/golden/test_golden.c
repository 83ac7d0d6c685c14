// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Golden traces: NAME.cptrace is a file that some release wrote, NAME.dump all that it says. Every one
 * of them must be read as on the day it was made, for ever; and what this version writes of the same
 * pictures must say the same as the newest.
 *
 * usage: test_golden DIR           test
 *        test_golden DIR --update  after a change of the format: writes the traces of the current
 *                                  version. Those of older versions are never touched.
 *
 * Compressed bytes may differ from one zlib to another: texts are compared, not files.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../analysis/latencies.h"
#include "../../analysis/services.h"
#include "../../analysis/stacks.h"
#include "../../analysis/trace_format.h"
#include "../../analysis/trace_writer.h"
#include "../support/dump_trace.h"
#include "../support/trace_builder.h"

/* ---- pictures ---------------------------------------------------------------------------------- */

/* Two CPUs, every kind of event, every kind of end. */
static void draw_events(struct trace_builder *tb)
{
	const uint64_t mask[] = {0x2};
	uint32_t app, worker, child;

	app = tb__command(tb, 1000000, "app");
	tb__run(tb, 1000100, 0, app);
	worker = tb__thread(tb, 1002000, app, "worker");
	child = tb__fork(tb, 1003000, app, "app");
	tb__wake(tb, 1003500, worker, app);
	tb__run(tb, 1004000, 1, worker);
	tb__rename(tb, 1005000, worker, "w\xc3\xb6rker\n");
	tb__affinity(tb, 1006000, worker, mask, 1);
	tb__block(tb, 1007000, worker, tb_wait_mutex(0x7f0000001040, tb_tid(app)), TB_OTHER);
	tb__wake_as(tb, 1008000, worker, app, CPT_CTX_TASK, CPT_SW_WAKE_ON_WORD, SYS_futex);
	tb__block(tb, 1009000, app, tb_wait_sleep(), child);
	tb__exec(tb, 1009500, child, "/usr/bin/other thing", "other thing");
	tb__occupancy(tb, 1010000, 1, 1007000, 1000, 500, 0, 2);
	tb__run(tb, 1010000, 1, worker);
	tb__wake_irq(tb, 5000000, app, CPT_CTX_HARDIRQ, child);
	tb__yield(tb, 5001000, child, app);
	tb__block(tb, 5002000, worker, tb_wait_pipe(3), TB_IDLE);
	tb__wake_foreign(tb, 6000000, worker, 4242);
	tb__run(tb, 6000100, 1, worker);
	tb__block(tb, 6100000, worker, tb_wait_fd(SYS_recvfrom, 5, CPT_FD_SOCKET), child);
	tb__wake_as(tb, 6200000, worker, app, CPT_CTX_SOFTIRQ_SEND, 0, SYS_sendto);
	tb__preempt(tb, 6300000, child, worker);
	tb__block(tb, 6400000, worker, tb_wait_disk(), child);
	tb__loss(tb, 6400000, 1, 6500000, 17);
	tb__exit(tb, 6500000, child, 7 << 8, TB_IDLE);
	tb__wake_irq(tb, 6600000, worker, CPT_CTX_SOFTIRQ, 0);
	tb__run(tb, 6600500, 1, worker);
	tb__block(tb, 6700000, worker, tb_wait_fault(), TB_IDLE);
	tb__exit(tb, 7000000, app, 0, TB_IDLE);
}

static void describe(struct cpt_trace_meta *meta)
{
	meta->start_mono_ns = 999000;
	meta->start_real_ns = 1767225600000000000u;
	meta->start_boot_ns = 5000999000;
	meta->quota_cpus = 1.5;
	meta->flags = CPT_TRACE_WAIT_ALL;
	meta->sample_hz = 997;
	meta->stack_flags = CPT_TRACE_STACKS_TAKEN;
}

/* Since 1.1: what stands beside the events, and what numbers of stacks and futex words stand for. */
static int write_side(struct trace_writer *w)
{
	const struct cpt_event side[] = {
		{.ts_ns = 1007000,
		 .type = CPT_EV_STACKS,
		 .cpu = 1,
		 .task = 2,
		 .other = 1,
		 .user = 1,
		 .kernel = 2,
		 .wake_user = 1},
		{.ts_ns = 1008000,
		 .type = CPT_EV_SAMPLE,
		 .cpu = 0,
		 .task = 1,
		 .flags = CPT_SAMPLE_USER,
		 .user = 1},
	};

	return trace_writer__side(w, side, 2);
}

/* Since 1.2. */
static int write_loops(struct trace_writer *w)
{
	const struct cpt_event loops[] = {
		{.ts_ns = 1001000,
		 .type = CPT_EV_LOOP_NEW,
		 .task = 1,
		 .other = 1,
		 .loop_fd = 7,
		 .flags = CPT_LOOP_FOUND},
		{.ts_ns = 1001000,
		 .type = CPT_EV_LOOP,
		 .task = 1,
		 .other = 1,
		 .flags = CPT_LOOP_EV_CONNS,
		 .level = 65,
		 .peak = 65},
		{.ts_ns = 1004000,
		 .type = CPT_EV_LOOP,
		 .task = 1,
		 .other = 1,
		 .flags = CPT_LOOP_EV_OPS,
		 .level = 300,
		 .peak = 301,
		 .opened = 302,
		 .completed = 1,
		 .cancelled = 1,
		 .iterations = 2,
		 .batch = 310},
		{.ts_ns = 1004500,
		 .type = CPT_EV_LOOP,
		 .other = 1,
		 .flags = CPT_LOOP_EV_OPS | CPT_LOOP_EV_OUT,
		 .level = 1,
		 .peak = 1,
		 .opened = 1},
		{.ts_ns = 1005000, .type = CPT_EV_LOOP_LOST},
		{.ts_ns = 1009000,
		 .type = CPT_EV_LOOP,
		 .task = 2,
		 .other = 1,
		 .flags = CPT_LOOP_EV_TIMERS,
		 .level = 0,
		 .peak = 1},
		{.ts_ns = 1009000, .type = CPT_EV_LOOP_END, .other = 1},
	};

	return trace_writer__side(w, loops, sizeof(loops) / sizeof(loops[0]));
}

/* Since 1.5. */
static int write_marks(struct trace_writer *w)
{
	const struct cpt_event marks[] = {
		{.ts_ns = 1001500, .type = CPT_EV_MARK, .task = 1, .other = 1001, .mark = "load"},
		{.ts_ns = 1009000,
		 .type = CPT_EV_MARK,
		 .other = 4242,
		 .flags = CPT_MARK_OUTSIDE,
		 .mark = "w\xc3\xb6rk\n\"\xff"},
		{.ts_ns = 1009000,
		 .type = CPT_EV_MARK,
		 .task = 2,
		 .other = 1002,
		 .flags = CPT_MARK_UNREADABLE,
		 .mark = ""},
	};

	return trace_writer__side(w, marks, 3);
}

static int write_latencies(struct trace_writer *w)
{
	static uint64_t buckets[CPT_LOOP_BUCKETS];
	static uint8_t payload[2 * LATENCIES_ROW_MAX];
	uint8_t *p;
	int err;

	buckets[loop_bucket(12)] = 1;
	buckets[loop_bucket(1000000)] = 298;
	buckets[loop_bucket(UINT64_MAX)] = 1;
	p = latencies__put(payload, 1, buckets, 100000000000);
	p = latencies__put(p, 3, buckets, 99);
	err = trace_writer__latencies(w, false, payload, (size_t)(p - payload));
	/* Since 1.3. */
	buckets[loop_bucket(12)] = 7;
	p = latencies__put(payload, 1, buckets, 200000000000);
	return err ? err : trace_writer__latencies(w, true, payload, (size_t)(p - payload));
}

/* Since 1.4. */
static int write_services(struct trace_writer *w)
{
	static const struct cpt_service tab[] = {
		{7, CPT_CONN_IN, 300, 1200000000, 20000000},
		{4294967294u, CPT_CONN_LISTEN, 1, 1000, 1000},
	};
	uint8_t payload[2 * SERVICES_ROW_MAX], *p;

	p = services__put(payload, 1, tab, 2);
	p = services__put(p, 3, tab + 1, 1);
	return trace_writer__services(w, payload, (size_t)(p - payload));
}

static int write_stacks(struct trace_writer *w)
{
	const struct cpt_frame user[] = {
		{.symbol = "spin\n",
		 .module = "app",
		 .file = "app.c",
		 .offset = 0x1234,
		 .line = 7,
		 .flags = CPT_FRAME_INLINED | CPT_FRAME_PAUSE},
		{.symbol = "main", .module = "app", .file = "", .offset = 0x1200},
	};
	const struct cpt_frame kernel[] = {{.symbol = "futex_wait",
					    .module = "[kernel]",
					    .file = "",
					    .offset = UINT64_MAX - 4095,
					    .flags = CPT_FRAME_KERNEL}};
	struct cpt_stacks *stacks = stacks__new();
	int err = -ENOMEM;

	if (stacks && stacks__add(stacks, user, 2) == 1 && stacks__add(stacks, kernel, 1) == 2)
		err = trace_writer__stacks(w, stacks);
	stacks__free(stacks);
	return err;
}

static int write_words(struct trace_writer *w)
{
	const struct cpt_word words[] = {
		{.proc = 1,
		 .space = 1,
		 .addr = 0x7f0000001040,
		 .kind = CPT_WORD_MUTEX,
		 .reason = CPT_REASON_LOCK,
		 .flags = CPT_WORD_SHARED,
		 .waits = 1,
		 .wakes = 1,
		 .waiters = 1,
		 .wakers = 1,
		 .symbol = "the_lock+0x8",
		 .module = "app",
		 .build_id = "00ff",
		 .offset = 0x4040},
		{.proc = 3,
		 .space = 2,
		 .addr = 0x7f0000002040,
		 .kind = CPT_WORD_CONDVAR,
		 .reason = CPT_REASON_HANDOFF,
		 .flags = CPT_WORD_BY_SYMBOL | CPT_WORD_OVERFLOW,
		 .same = 1,
		 .waits = 300,
		 .timeouts = 7,
		 .wakes = 290,
		 .waiters = 3,
		 .wakers = 3,
		 .both = 2,
		 .symbol = "",
		 .module = "[heap]",
		 .build_id = "",
		 .offset = 0},
	};
	struct cpt_words *ws = words__new("x86_64");
	int err = ws ? 0 : -ENOMEM;

	for (size_t i = 0; i < 2 && !err; i++)
		err = words__add(ws, &words[i]);
	if (!err)
		err = trace_writer__words(w, ws);
	words__free(ws);
	return err;
}

/* As a recorder would have written it: drained often, so that late facts arise. */
static int write_late(struct trace_builder *tb, int fd, bool close_it)
{
	const struct cpt_trace_close facts = {.end_mono_ns = 7100000,
					      .exit_kind = CPT_EXIT_SIGNAL,
					      .exit_value = 9,
					      .lost_ring = 17,
					      .lost = {1, 2},
					      .lost_recursion = 3,
					      .mends = 4,
					      .mends_failed = 5,
					      .tracer_cpu_ns = 6,
					      .steal_ns = 7,
					      .throttled_ns = 8,
					      .irq_ns = 9,
					      .quota_periods = 10,
					      .quota_throttled = 11,
					      .stacks_lost = {12, 13},
					      .loops_lost = {16, 17, 18, 19},
					      .loops_state = CPT_LOOPS_FAILED,
					      .marks_lost = {20, 21},
					      .tenants_rest_ns = 14,
					      .tenant_cnt = 1,
					      .tenants = {{42, "neighb\xf6r", 15}}};
	struct trace_writer *w = trace_writer__new(fd, tb__meta(tb));
	const struct cpt_late late[] = {
		{.ts_ns = 6700000,
		 .task = 2,
		 .kind = CPT_LATE_END,
		 .end = CPT_END_FOREIGN,
		 .waker = 99},
		{.ts_ns = 6800000,
		 .task = 2,
		 .kind = CPT_LATE_WAKE,
		 .waker = 99,
		 .flags = CPT_SW_WAKER_FOREIGN,
		 .waker_sysno = SYS_futex,
		 .cpu = 1},
		{.ts_ns = 6650000,
		 .task = 2,
		 .kind = CPT_LATE_WAKE,
		 .waker = 3,
		 .wake_ctx = CPT_CTX_SOFTIRQ,
		 .waker_sysno = CPT_SYSNO_NONE,
		 .cpu = 0},
	};
	const struct cpt_event last = {.ts_ns = 7200000,
				       .type = CPT_EV_SWITCH,
				       .cpu = 1,
				       .other = 2,
				       .flags = CPT_SW_NEXT_WOKEN | CPT_SW_PREV_IDLE};
	const struct cpt_event *ev;
	size_t cnt;
	int err;

	if (!w)
		return -errno;
	ev = tb__events(tb, &cnt);
	err = write_side(w);
	if (!err)
		err = write_loops(w);
	if (!err)
		err = write_marks(w);
	if (!err)
		err = trace_writer__events(w, ev, cnt / 2);
	if (!err)
		err = trace_writer__tick(w, 1000000000);
	if (!err)
		err = trace_writer__events(w, ev + cnt / 2, cnt - cnt / 2);
	if (!err)
		err = trace_writer__tick(w, 1000000000);
	for (size_t i = 0; i < 3 && !err; i++)
		err = trace_writer__late(w, &late[i]);
	if (!err)
		err = trace_writer__events(w, &last, 1);
	if (!err)
		err = trace_writer__tick(w, 1000000000);
	if (!err && close_it)
		err = write_stacks(w);
	if (!err && close_it)
		err = write_latencies(w);
	if (!err && close_it)
		err = write_services(w);
	if (!err && close_it)
		err = write_words(w);
	if (!err && close_it)
		err = trace_writer__close(w, &facts);
	trace_writer__free(w);
	return err;
}

static const struct {
	const char *name;
	bool closed;
} pictures[] = {{"closed", true}, {"killed", false}};

/* Into a memory file; -1 on failure. */
static int draw(size_t i)
{
	struct trace_builder *tb = tb__new(2);
	const int fd = memfd_create("golden", MFD_CLOEXEC);
	int err;

	describe(tb__meta(tb));
	draw_events(tb);
	err = fd < 0 ? -errno : write_late(tb, fd, pictures[i].closed);
	tb__free(tb);
	if (!err)
		return fd;
	fprintf(stderr, "test_golden: cannot write %s: %s\n", pictures[i].name, strerror(-err));
	return -1;
}

/* ---- comparing --------------------------------------------------------------------------------- */

static char *dump(int fd)
{
	char *text = NULL;
	size_t sz = 0;
	FILE *out = open_memstream(&text, &sz);

	if (!out)
		return NULL;
	dump_trace(fd, out);
	if (fclose(out))
		return NULL;
	return text;
}

static char *slurp(const char *path)
{
	static char data[1 << 20];
	FILE *f = fopen(path, "rb");
	size_t sz;

	if (!f)
		return NULL;
	sz = fread(data, 1, sizeof(data) - 1, f);
	fclose(f);
	data[sz] = '\0';
	return strdup(data);
}

/* Where the texts part, for whoever has to find out why. */
static int compare(const char *name, const char *want, const char *got)
{
	size_t i = 0, line = 1, start = 0;

	if (!want || !got) {
		fprintf(stderr, "test_golden: %s: no text to compare\n", name);
		return 1;
	}
	for (; want[i] && want[i] == got[i]; i++) {
		if (want[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	if (want[i] == got[i])
		return 0;
	fprintf(stderr, "test_golden: %s: line %zu differs\n  want %.*s\n  got  %.*s\n", name, line,
		(int)strcspn(want + start, "\n"), want + start, (int)strcspn(got + start, "\n"),
		got + start);
	return 1;
}

/* One NAME.cptrace of any version against its NAME.dump. */
static int check_file(const char *dir, const char *file)
{
	const int stem = (int)(strlen(file) - strlen(".cptrace"));
	char path[4096];
	char *want, *got;
	int fd, err;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "test_golden: cannot open %s: %s\n", path, strerror(errno));
		return 1;
	}
	got = dump(fd);
	close(fd);
	snprintf(path, sizeof(path), "%s/%.*s.dump", dir, stem, file);
	want = slurp(path);
	err = compare(path, want, got);
	free(want);
	free(got);
	return err;
}

static int check_files(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t cnt = 0;
	int err = 0;

	if (!d) {
		fprintf(stderr, "test_golden: cannot open %s: %s\n", dir, strerror(errno));
		return 1;
	}
	while ((e = readdir(d))) {
		const char *dot = strrchr(e->d_name, '.');

		if (!dot || strcmp(dot, ".cptrace"))
			continue;
		err |= check_file(dir, e->d_name);
		cnt++;
	}
	closedir(d);
	if (!cnt)
		fprintf(stderr, "test_golden: no traces in %s\n", dir);
	return err || !cnt;
}

static void golden_path(char *path, size_t sz, const char *dir, size_t i, const char *ext)
{
	snprintf(path, sz, "%s/%d.%d-%s.%s", dir, CPT_TRACE_MAJOR, CPT_TRACE_MINOR,
		 pictures[i].name, ext);
}

/* What this version writes against the newest texts. */
static int check_writer(const char *dir)
{
	char path[4096];
	int err = 0;

	for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++) {
		const int fd = draw(i);
		char *want, *got;

		if (fd < 0)
			return 1;
		golden_path(path, sizeof(path), dir, i, "dump");
		want = slurp(path);
		got = dump(fd);
		err |= compare(path, want, got);
		free(want);
		free(got);
		close(fd);
	}
	return err;
}

static int save(const char *path, const void *data, size_t sz)
{
	FILE *f = fopen(path, "wb");
	int err = !f || fwrite(data, 1, sz, f) != sz;

	if (f && fclose(f))
		err = 1;
	if (err)
		fprintf(stderr, "test_golden: cannot write %s: %s\n", path, strerror(errno));
	return err;
}

static int update(const char *dir)
{
	static uint8_t data[1 << 20];
	char path[4096];
	int err = 0;

	for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]) && !err; i++) {
		const int fd = draw(i);
		ssize_t sz = fd < 0 ? -1 : pread(fd, data, sizeof(data), 0);
		char *text = fd < 0 ? NULL : dump(fd);

		if (sz < 0 || !text)
			return 1;
		golden_path(path, sizeof(path), dir, i, "cptrace");
		err = save(path, data, (size_t)sz);
		golden_path(path, sizeof(path), dir, i, "dump");
		err |= save(path, text, strlen(text));
		free(text);
		close(fd);
	}
	return err;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[2], "--update"))
		return update(argv[1]);
	if (argc != 2) {
		fprintf(stderr, "usage: test_golden DIR [--update]\n");
		return 2;
	}
	return check_files(argv[1]) | check_writer(argv[1]);
}
