// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* analyse.c - see analyse.h. */
#include "analyse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "beside.h"
#include "exit_status.h"
#include "late_names.h"
#include "say.h"
#include "words.h"

/* Shorter waits need no comfort, and a terminal need not be written to more often. */
#define PROGRESS_AFTER_NS UINT64_C(1000000000)
#define PROGRESS_EVERY_NS UINT64_C(200000000)

struct progress {
	bool wanted, shown;
	uint64_t next_ns;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void progress_tick(struct progress *p, const struct trace_reader *r)
{
	uint64_t now, size = trace_reader__file_sz(r);

	if (!p->wanted)
		return;
	now = now_ns();
	if (now < p->next_ns)
		return;
	p->next_ns = now + PROGRESS_EVERY_NS;
	p->shown = true;
	fprintf(stderr, "\rcpartrace: analysing %3.0f %%",
		size ? 100.0 * (double)trace_reader__file_pos(r) / (double)size : 0);
	fflush(stderr);
}

static void progress_end(const struct progress *p)
{
	if (p->shown)
		fprintf(stderr, "\r%28s\r", "");
}

int analysed__open_fd(struct analysed *a, int fd, const char *path)
{
	char why[CPT_TRACE_ERR_LEN] = "";
	int err;

	*a = (struct analysed){.fd = -1};
	a->reader = trace_reader__open(fd, why);
	if (a->reader) {
		a->beside = beside__new(a->reader);
		return 0;
	}
	err = errno ? -errno : -EINVAL;
	return fail(err, "cannot read %s: %s", path, *why ? why : strerror(-err));
}

int analysed__open(struct analysed *a, const char *path)
{
	struct stat st;
	int fd, err;

	*a = (struct analysed){.fd = -1};
	/* O_NONBLOCK: a FIFO without a writer must not hang us before it is refused. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return fail(-ENOENT,
			    "no trace at %s: record one with `cpartrace run COMMAND`, or name "
			    "one with -i",
			    path);
	if (fd < 0)
		return fail(-errno, "cannot open %s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0)
		err = fail(-errno, "cannot read %s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		err = fail(S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL,
			   "cannot read %s: a trace is a regular file", path);
	else
		err = analysed__open_fd(a, fd, path);
	if (err < 0)
		close(fd);
	else
		a->fd = fd;
	return err;
}

static int feed_all(struct analysed *a, struct cpt_analysis *analysis, const char *path,
		    uint64_t *last_ns)
{
	struct progress progress = {.wanted = isatty(STDERR_FILENO),
				    .next_ns = now_ns() + PROGRESS_AFTER_NS};
	const struct cpt_event *ev;
	size_t cnt;
	int ret, err = 0;

	while ((ret = trace_reader__next(a->reader, &ev, &cnt)) > 0) {
		*last_ns = ev[cnt - 1].ts_ns;
		err = analysis__feed(analysis, ev, cnt);
		if (err < 0)
			break;
		progress_tick(&progress, a->reader);
	}
	progress_end(&progress);
	if (ret < 0)
		return fail(ret, "cannot read %s: %s", path, strerror(-ret));
	if (err == -ENOMEM)
		fail(err, "cannot analyse %s: out of memory", path);
	return err;
}

/* The words of a trace that was cut off or is older than they are: a pass of their own. */
static int make_words(struct analysed *a)
{
	const struct cpt_event *ev;
	size_t cnt;
	int ret, err = 0;

	a->own_words = words__new(trace_reader__meta(a->reader)->machine);
	if (!a->own_words)
		return -ENOMEM;
	while (!err && (ret = trace_reader__next(a->reader, &ev, &cnt)) > 0)
		err = words__feed(a->own_words, ev, cnt);
	if (!err)
		err = ret;
	words__classify(a->own_words);
	return err ? err : trace_reader__rewind(a->reader);
}

/* Borrowed. NULL after having said why. */
static const struct cpt_words *words_of(struct analysed *a, const char *path)
{
	struct cpt_words *words = trace_reader__words(a->reader);
	char *const *argv = trace_reader__meta(a->reader)->argv;
	int err = 0;

	if (words && !a->named && late_names__complete(words, argv ? argv[0] : NULL))
		words__classify(words);
	a->named = true;
	if (words)
		return words;
	if (!a->own_words)
		err = make_words(a);
	if (!err)
		return a->own_words;
	fail(err, "cannot read %s: %s", path, strerror(-err));
	errno = -err;
	return NULL;
}

int analysed__run(struct analysed *a, const char *path, const struct cpt_analysis_opts *opts)
{
	const struct cpt_trace_close *closed = trace_reader__close_facts(a->reader);
	struct cpt_analysis_opts with = *opts;
	struct cpt_analysis *analysis;
	uint64_t last_ns, span_ns;
	bool whole;
	int err;

	with.stacks = trace_reader__stacks(a->reader);
	with.latencies = trace_reader__latencies(a->reader);
	with.services = trace_reader__services(a->reader);
	/* Of what goes on behind the recording the probes leave one after the other. */
	if (closed && !trace_reader__incomplete(a->reader) && closed->exit_kind == CPT_EXIT_RUNNING)
		with.end_ns = closed->end_mono_ns;
	if (closed)
		with.births_lost = closed->lost[CPT_LOSS_LIFE_RING_FULL];
	with.words = words_of(a, path);
	if (!with.words)
		return -errno;
	analysis = analysis__new(trace_reader__meta(a->reader), &with);
	if (!analysis)
		return fail(-errno, "cannot analyse %s: %s", path, strerror(errno));
	trace_reader__span(a->reader, &last_ns, &span_ns);
	err = feed_all(a, analysis, path, &last_ns);
	if (err < 0) {
		analysis__free(analysis);
		return err;
	}
	/* A trace that was cut off has seen everything up to its last event and no more. One whose recorder
	 * failed says itself up to where it is whole. */
	whole = !trace_reader__incomplete(a->reader) ||
		(closed && closed->failure && last_ns >= span_ns);
	if (closed && whole && closed->end_mono_ns > last_ns)
		last_ns = closed->end_mono_ns;
	a->report =
		analysis__finish(analysis, closed, trace_reader__incomplete(a->reader), last_ns);
	if (!a->report) {
		err = errno ? -errno : -ENOMEM;
		/* The last steps and intervals are handed out here: a callback may have stopped it. */
		return err == -ENOMEM ? fail(err, "cannot analyse %s: out of memory", path) : err;
	}
	if (with.filter.phase_cnt && !a->report->phases.cnt)
		return fail(-ENOENT, "no phase of that name in %s: `cpartrace report` lists them",
			    path);
	return 0;
}

const struct cpt_words *analysed__words(const struct analysed *a)
{
	return a->own_words ? a->own_words : trace_reader__words(a->reader);
}

int analysed__status(const struct analysed *a, int err)
{
	const struct cpt_trace_close *closed;

	if (err < 0)
		return err == -ENOTSUP && a->reader ? CPT_STATUS_UNSUPPORTED : CPT_STATUS_FAILED;
	if (a->report)
		return words__data_incomplete(a->report) ? CPT_STATUS_INCOMPLETE : CPT_STATUS_OK;
	closed = trace_reader__close_facts(a->reader);
	if (trace_reader__incomplete(a->reader) || !closed || closed->lost_ring ||
	    trace_close__lost_other(closed) || closed->loops_lost[CPT_LOOP_LOSS_RING_FULL] ||
	    closed->loops_lost[CPT_LOOP_LOSS_SKIPPED])
		return CPT_STATUS_INCOMPLETE;
	return CPT_STATUS_OK;
}

void analysed__free(struct analysed *a)
{
	report__free(a->report);
	words__free(a->own_words);
	trace_reader__free(a->reader);
	beside__free(a->beside);
	if (a->fd >= 0)
		close(a->fd);
	*a = (struct analysed){.fd = -1};
}
