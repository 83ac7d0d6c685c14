// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mark_watch.c - see mark_watch.h. */
#include "mark_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "find_program.h"
#include "mark_lock.h"
#include "mark_session.h"
#include "usdt_note.h"

struct mark_watch {
	struct bpf_session *session;
	struct mark_session *places; /* NULL: no file that is listened at has any */
	int lock_fd;
	int (*to)(void *ctx, const struct cpt_event *ev, size_t cnt);
	void *to_ctx;
	uint64_t last_ns;
	struct cpt_rec_mark *held; /* come before the events of their time */
	size_t held_cnt, held_cap;
};

/* At how many places of the file marks are listened for from here on, 0: it has none. -errno; why has a line if that is
 * since they are refused. outside: see mark_session__add. */
static int listen_at(struct mark_watch *w, const char *path, bool outside, char *why, size_t why_sz)
{
	struct usdt_site sites[USDT_SITES_MAX];
	/* A FIFO without a writer must not hang us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), ret;
	struct stat st;

	if (fd < 0)
		return -errno;
	ret = fstat(fd, &st) ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	if (!ret)
		ret = usdt_note__find(fd, "cpartrace", "mark", sites);
	if (ret > 0 && !w->places) {
		const struct bpf_session_marks shared = bpf_session__marks(w->session);

		w->places = mark_session__open(&shared, why, why_sz);
		if (!w->places)
			ret = -errno;
	}
	if (ret > 0)
		ret = mark_session__add(w->places, fd, sites, ret, outside, why, why_sz);
	close(fd);
	return ret;
}

/* At what is recorded, as it is now. */
static void listen_at_workload(struct mark_watch *w, const struct mark_watch_opts *opts, char *why,
			       size_t why_sz)
{
	char path[4096];

	if (opts->program && !find_program__path(opts->program, opts->as, path, sizeof(path)))
		(void)listen_at(w, path, false, why, why_sz);
	for (uint32_t i = 0; i < opts->pid_cnt; i++) {
		snprintf(path, sizeof(path), "/proc/%" PRIu32 "/exe", opts->pids[i]);
		(void)listen_at(w, path, false, why, why_sz);
	}
}

static int listen_at_files(struct mark_watch *w, const struct mark_files *files, char *err,
			   size_t err_sz)
{
	int ret = 1;

	for (uint32_t i = 0; i < files->cnt && ret > 0; i++) {
		ret = listen_at(w, files->path[i], true, err, err_sz);
		if (ret < 0 && !*err)
			snprintf(err, err_sz, "cannot listen for marks at %s: %s", files->path[i],
				 strerror(-ret));
		else if (!ret)
			snprintf(err, err_sz,
				 "%s has no mark: it is not built with CPT_MARK of "
				 "<cpartrace/mark.h>",
				 files->path[i]);
	}
	return ret > 0 ? 0 : ret ? ret : -ENOENT;
}

static int to_writer(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	return trace_writer__side(ctx, ev, cnt);
}

void mark_watch__divert(struct mark_watch *w,
			int (*to)(void *ctx, const struct cpt_event *ev, size_t cnt), void *ctx)
{
	w->to = to;
	w->to_ctx = ctx;
}

struct mark_watch *mark_watch__new(const struct mark_watch_opts *opts, struct bpf_session *session,
				   struct trace_writer *writer, char *err, size_t err_sz)
{
	struct mark_watch *w = calloc(1, sizeof(*w));
	int ret;

	if (!w) {
		snprintf(err, err_sz, "out of memory");
		errno = ENOMEM;
		return NULL;
	}
	*err = 0;
	w->session = session;
	w->to = to_writer;
	w->to_ctx = writer;
	w->lock_fd = -1;
	/* The files first: what is both counts by whoever runs it. */
	ret = listen_at_files(w, opts->files, err, err_sz);
	if (!ret) {
		listen_at_workload(w, opts, err, err_sz);
		/* Where there are no locks, or we may not read the file, whoever asks cannot tell either. */
		w->lock_fd = mark_lock__hold();
		return w;
	}
	mark_watch__free(w);
	errno = -ret;
	return NULL;
}

static int hold(void *ctx, const struct cpt_rec_mark *rec)
{
	struct mark_watch *w = ctx;
	const size_t cap = w->held_cap ? 2 * w->held_cap : 64;
	struct cpt_rec_mark *held;

	if (w->held_cnt == w->held_cap) {
		held = realloc(w->held, cap * sizeof(*held));
		if (!held)
			return -ENOMEM;
		w->held = held;
		w->held_cap = cap;
	}
	w->held[w->held_cnt++] = *rec;
	return 0;
}

/* Of marks that two CPUs set at once the ring may have the later one first: they are of one instant. */
static int write_mark(struct mark_watch *w, const struct cpt_rec_mark *rec)
{
	struct cpt_event ev = {
		.type = CPT_EV_MARK,
		.ts_ns = rec->ts_ns > w->last_ns ? rec->ts_ns : w->last_ns,
		.task = rec->id,
		.other = rec->tid,
		.flags = (uint16_t)rec->flags,
		.mark = rec->name,
	};

	if (!rec->name[0])
		ev.flags |= CPT_MARK_UNREADABLE; /* an empty name is none */
	w->last_ns = ev.ts_ns;
	return w->to(w->to_ctx, &ev, 1);
}

int mark_watch__tick(struct mark_watch *w, uint64_t until_ns)
{
	int err = bpf_session__read_marks(w->session, hold, w);
	size_t cnt = 0;

	while (!err && cnt < w->held_cnt && w->held[cnt].ts_ns <= until_ns)
		err = write_mark(w, &w->held[cnt++]);
	w->held_cnt -= cnt;
	if (cnt)
		memmove(w->held, w->held + cnt, w->held_cnt * sizeof(*w->held));
	return err;
}

void mark_watch__leave(struct mark_watch *w)
{
	mark_lock__leave(w->lock_fd);
	w->lock_fd = -1;
}

int mark_watch__finish(struct mark_watch *w, uint64_t *lost)
{
	int err;

	if (w->places)
		mark_session__stop(w->places);
	err = mark_watch__tick(w, UINT64_MAX);
	bpf_session__marks_lost(w->session, lost);
	return err;
}

void mark_watch__free(struct mark_watch *w)
{
	if (!w)
		return;
	mark_watch__leave(w);
	mark_session__free(w->places);
	free(w->held);
	free(w);
}
