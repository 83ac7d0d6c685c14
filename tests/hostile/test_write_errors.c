// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Each write of a recording fails in turn, and each allocation: the error comes back and stays, nothing
 * leaks, and what is on disk reads up to the last whole block. Linked with --wrap for pwrite, malloc,
 * calloc and realloc.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../analysis/merge.h"
#include "../../analysis/trace_reader.h"
#include "../../analysis/trace_writer.h"
#include "../support/event_list.h"
#include "../support/random_trace.h"

enum fault { NONE, NO_SPACE, NO_SPACE_HALFWAY, NOTHING_TAKEN, INTERRUPTED, SHORT };

static enum fault fault;
static unsigned long fault_at, calls; /* which call fails, counted from 1; 0 never */

ssize_t __real_pwrite(int fd, const void *data, size_t sz, off_t pos);
ssize_t __wrap_pwrite(int fd, const void *data, size_t sz, off_t pos);
void *__real_malloc(size_t sz);
void *__wrap_malloc(size_t sz);
void *__real_calloc(size_t cnt, size_t sz);
void *__wrap_calloc(size_t cnt, size_t sz);
void *__real_realloc(void *p, size_t sz);
void *__wrap_realloc(void *p, size_t sz);

ssize_t __wrap_pwrite(int fd, const void *data, size_t sz, off_t pos)
{
	/* A full disk stays full; the other faults happen once. */
	if (!fault || ++calls < fault_at ||
	    (calls > fault_at && fault != NO_SPACE && fault != NO_SPACE_HALFWAY))
		return __real_pwrite(fd, data, sz, pos);
	switch (fault) {
	case INTERRUPTED:
		errno = EINTR;
		return -1;
	case SHORT:
		return __real_pwrite(fd, data, (sz + 1) / 2, pos);
	case NO_SPACE_HALFWAY:
		if (calls == fault_at && sz > 1)
			return __real_pwrite(fd, data, sz / 2, pos);
		errno = ENOSPC;
		return -1;
	case NOTHING_TAKEN:
		return 0;
	case NO_SPACE:
	case NONE:
	default:
		errno = ENOSPC;
		return -1;
	}
}

static unsigned long alloc_fails_at, allocs;

static bool alloc_fails(void)
{
	if (!alloc_fails_at || ++allocs != alloc_fails_at)
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t sz)
{
	return alloc_fails() ? NULL : __real_malloc(sz);
}

void *__wrap_calloc(size_t cnt, size_t sz)
{
	return alloc_fails() ? NULL : __real_calloc(cnt, sz);
}

void *__wrap_realloc(void *p, size_t sz)
{
	return alloc_fails() ? NULL : __real_realloc(p, sz);
}

/* ---- a recording -------------------------------------------------------------------------------- */

static struct trace_builder *picture;

static int set_up(void **state)
{
	struct rng rng = {15};

	picture = tb__new(2);
	random_trace(picture, &rng, 2, 600, 0);
	return 0;
}

static int tear_down(void **state)
{
	tb__free(picture);
	return 0;
}

static int add_everything(struct cpt_merge *m)
{
	const struct cpt_rec_head *life;
	int err = 0;

	for (uint32_t cpu = 0; cpu < 2 && !err; cpu++) {
		size_t cnt;
		const void *recs = tb__ring(picture, cpu, &cnt);

		err = merge__add_ring(m, cpu, recs, cnt);
	}
	for (size_t i = 0; !err && (life = tb__life(picture, i)); i++)
		err = merge__add_life(m, life, life->sz);
	return err;
}

/* Merges and writes the picture as many blocks. 0, or the error of the first call that failed; a writer
 * that failed must stay so. What is not complete is not closed. */
static int record_to(struct trace_writer *w, struct cpt_merge *m, uint64_t end_ns)
{
	const struct cpt_trace_close close_facts = {.end_mono_ns = end_ns};
	int err = add_everything(m);

	for (uint64_t now_ns = 0; !err && now_ns <= end_ns; now_ns += end_ns / 8) {
		err = merge__advance(m, now_ns);
		if (!err)
			err = trace_writer__tick(w, now_ns + 1000000000);
	}
	if (!err)
		err = merge__finish(m);
	if (!err)
		err = trace_writer__close(w, &close_facts);
	if (err && err != -ENOMEM)
		assert_int_equal(trace_writer__close(w, &close_facts), err);
	return err;
}

static int record(int fd)
{
	struct trace_writer *w;
	struct cpt_merge_sink sink;
	struct cpt_merge *m;
	uint64_t end_ns;
	size_t cnt;
	int err;

	end_ns = tb__events(picture, &cnt)[cnt - 1].ts_ns;
	w = trace_writer__new(fd, tb__meta(picture));
	if (!w)
		return -errno;
	sink = trace_writer__sink(w);
	m = merge__new(2, &sink);
	err = m ? record_to(w, m, end_ns) : -errno;
	merge__free(m);
	trace_writer__free(w);
	return err;
}

static int new_file(void)
{
	const int fd = memfd_create("trace", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* With fd's trace: whole if want_whole, else either refused or incomplete, and a beginning of it. */
static void assert_readable(int fd, bool want_whole)
{
	char incomplete[CPT_TRACE_ERR_LEN] = "";
	struct event_list got = {0};
	const struct cpt_event *ev;
	size_t cnt;
	const int err = event_list__read(&got, fd, incomplete);

	ev = tb__events(picture, &cnt);
	if (want_whole) {
		assert_int_equal(err, 0);
		assert_string_equal(incomplete, "");
		assert_int_equal(tb_compare_events(ev, cnt, got.ev, got.cnt), 0);
	} else {
		assert_true(err || incomplete[0]);
		assert_true(got.cnt <= cnt);
		for (size_t i = 0; i < got.cnt; i++)
			assert_int_equal(got.ev[i].ts_ns, ev[i].ts_ns);
	}
	event_list__clear(&got);
}

/* Records with the fault at every write in turn. */
static void at_every_write(enum fault kind, bool fatal)
{
	unsigned long at = 0;
	int err = -1;

	do {
		const int fd = new_file();

		fault = kind;
		fault_at = ++at;
		calls = 0;
		err = record(fd);
		fault = NONE;
		assert_true(calls < at || err == (fatal ? -ENOSPC : 0));
		assert_readable(fd, !err);
		close(fd);
	} while (calls >= at);
	assert_int_equal(err, 0);
	assert_true(at > 15);
}

static void full_disk_at_every_write(void **state)
{
	at_every_write(NO_SPACE, true);
	at_every_write(NO_SPACE_HALFWAY, true);
	at_every_write(NOTHING_TAKEN, true);
}

static void interrupted_and_short_writes_go_on(void **state)
{
	at_every_write(INTERRUPTED, false);
	at_every_write(SHORT, false);
}

static void no_memory_at_every_allocation(void **state)
{
	unsigned long at = 0;
	int err;

	do {
		const int fd = new_file();

		allocs = 0;
		alloc_fails_at = ++at;
		err = record(fd);
		alloc_fails_at = 0;
		assert_true(err == 0 || err == -ENOMEM);
		assert_readable(fd, !err);
		close(fd);
	} while (allocs >= at);
	assert_true(at > 30);
}

static void reading_without_memory_says_so(void **state)
{
	const int fd = new_file();
	unsigned long at = 0;
	int ret;

	assert_int_equal(record(fd), 0);
	do {
		char err[CPT_TRACE_ERR_LEN];
		const struct cpt_event *ev;
		struct trace_reader *r;
		size_t cnt;

		allocs = 0;
		alloc_fails_at = ++at;
		r = trace_reader__open(fd, err);
		ret = r ? 1 : -errno;
		while (ret > 0)
			ret = trace_reader__next(r, &ev, &cnt);
		alloc_fails_at = 0;
		assert_true(ret == 0 || ret == -ENOMEM);
		assert_true(ret || allocs < at);
		trace_reader__free(r);
	} while (ret);
	close(fd);
}

static void real_devices_fail_as_they_do(void **state)
{
	const int full = open("/dev/full", O_WRONLY);
	int ends[2];

	assert_true(full >= 0);
	assert_int_equal(record(full), -ENOSPC);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(record(ends[1]), -ESPIPE);
	assert_int_equal(record(ends[0]), -ESPIPE);
	assert_int_equal(record(-1), -EBADF);
	close(full);
	close(ends[0]);
	close(ends[1]);
}

static void file_size_limit_keeps_what_fits(void **state)
{
	const struct rlimit small = {2500, RLIM_INFINITY};
	char path[] = "/tmp/cpt_write_errors_XXXXXX";
	const int fd = mkstemp(path);
	struct rlimit old;

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(record(fd), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_readable(fd, false);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_disk_at_every_write),
		cmocka_unit_test(interrupted_and_short_writes_go_on),
		cmocka_unit_test(no_memory_at_every_allocation),
		cmocka_unit_test(reading_without_memory_says_so),
		cmocka_unit_test(real_devices_fail_as_they_do),
		cmocka_unit_test(file_size_limit_keeps_what_fits),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
