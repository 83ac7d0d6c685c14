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

#include "mark_session.h"
#include "usdt_note.h"

struct mark_watch {
	struct mark_session *session;
	int (*to)(void *ctx, const struct cpt_event *ev, size_t cnt);
	void *to_ctx;
	uint64_t last_ns;
	struct cpt_rec_mark *held; /* come before the events of their time */
	size_t held_cnt, held_cap;
};

/* How many places a file has at which marks are set, and listens there; NULL w: does not. outside: see
 * mark_session__add. -errno. */
static int listen_at(struct mark_watch *w, const char *path, bool outside)
{
	struct usdt_site sites[USDT_SITES_MAX];
	/* A FIFO without a writer must not hang us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), ret;
	struct stat st;

	if (fd < 0)
		return -errno;
	ret = fstat(fd, &st) ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	if (!ret)
		ret = w ? mark_session__add(w->session, fd, outside)
			: usdt_note__find(fd, "cpartrace", "mark", sites);
	close(fd);
	return ret;
}

/* As execvp finds it. */
static int listen_at_command(struct mark_watch *w, const char *program)
{
	const char *dirs = getenv("PATH");
	char path[4096];
	size_t len;

	if (strchr(program, '/'))
		return listen_at(w, program, false);
	for (; dirs && *dirs; dirs += len + (dirs[len] == ':')) {
		len = strcspn(dirs, ":");
		if (len > INT32_MAX || snprintf(path, sizeof(path), "%.*s/%s", (int)len,
						len ? dirs : ".", program) >= (int)sizeof(path))
			continue;
		if (!access(path, X_OK))
			return listen_at(w, path, false);
	}
	return -ENOENT;
}

/* At what is recorded, as it is now. Whether there is any mark. */
static bool listen_at_workload(struct mark_watch *w, const struct mark_watch_opts *opts)
{
	bool any = opts->program && listen_at_command(w, opts->program) > 0;
	char path[32];

	for (uint32_t i = 0; i < opts->pid_cnt; i++) {
		snprintf(path, sizeof(path), "/proc/%" PRIu32 "/exe", opts->pids[i]);
		any |= listen_at(w, path, false) > 0;
	}
	return any;
}

bool mark_watch__is_meant(const struct mark_watch_opts *opts)
{
	return listen_at_workload(NULL, opts);
}

static int listen_at_files(struct mark_watch *w, const struct mark_files *files, char *err,
			   size_t err_sz)
{
	int ret = 1;

	for (uint32_t i = 0; i < files->cnt && ret > 0; i++) {
		ret = listen_at(w, files->path[i], true);
		if (ret < 0)
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
	int ret = 0;

	if (!w) {
		snprintf(err, err_sz, "out of memory");
		return NULL;
	}
	w->to = to_writer;
	w->to_ctx = writer;
	w->session = mark_session__open(bpf_session__tasks_fd(session), opts->machine,
					opts->endless, err, err_sz);
	if (!w->session)
		ret = -errno;
	/* The files first: what is both counts by whoever runs it. */
	if (!ret)
		ret = listen_at_files(w, opts->files, err, err_sz);
	if (!ret)
		(void)listen_at_workload(w, opts);
	if (!ret) {
		(void)bpf_session__also_wake(session, mark_session__wake_fd(w->session));
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
	int err = mark_session__drain(w->session, hold, w);
	size_t cnt = 0;

	while (!err && cnt < w->held_cnt && w->held[cnt].ts_ns <= until_ns)
		err = write_mark(w, &w->held[cnt++]);
	w->held_cnt -= cnt;
	if (cnt)
		memmove(w->held, w->held + cnt, w->held_cnt * sizeof(*w->held));
	return err;
}

int mark_watch__finish(struct mark_watch *w, uint64_t *lost)
{
	int err;

	mark_session__stop(w->session);
	err = mark_watch__tick(w, UINT64_MAX);
	mark_session__lost(w->session, lost);
	return err;
}

void mark_watch__free(struct mark_watch *w)
{
	if (!w)
		return;
	mark_session__free(w->session);
	free(w->held);
	free(w);
}
