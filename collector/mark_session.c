// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mark_session.c - see mark_session.h. */
#include "mark_session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf_common.h"
#include "features.h"
#include "marks.skel.h"
#include "rights.h"
#include "usdt_note.h"

struct file {
	dev_t dev;
	ino_t ino;
	int places;
};

struct mark_session {
	struct mark_probes *skel;
	struct ring_buffer *ring;
	struct bpf_link *links[MARK_PLACES_MAX];
	uint32_t link_cnt;
	struct file files[MARK_PLACES_MAX]; /* that have places */
	uint32_t file_cnt;
	mark_session_fn fn;
	void *ctx;
	int err; /* of fn */
};

static int say(char *err, size_t err_sz, int code, const char *what)
{
	snprintf(err, err_sz, "%s: %s", what, strerror(-code));
	return code;
}

static int on_record(void *ctx, void *data, size_t sz)
{
	struct mark_session *s = ctx;

	if (!s->err && sz >= sizeof(struct cpt_rec_mark))
		s->err = s->fn(s->ctx, data);
	return 0;
}

/* The user whose recording it is, beside root. */
static uint32_t whose(void)
{
	uid_t uid;
	gid_t gid;

	return rights__behind(&uid, &gid) ? uid : getuid();
}

static int attach_self(struct mark_session *s)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	/* Without it marks of other recordings' commands are not told from the user's own. */
	(void)bpf_prog_test_run_opts(bpf_program__fd(s->skel->progs.cpt_mark_learn), &opts);
	ret = mark_session__add(s, fd, true);
	close(fd);
	return ret > 0 ? 0 : ret < 0 ? ret : -ENOENT;
}

static int start(struct mark_session *s, int tasks_fd, bool machine, bool endless, char *err,
		 size_t err_sz)
{
	int ret;

	s->skel = mark_probes__open();
	if (!s->skel)
		return say(err, err_sz, features__load_error(-errno),
			   "cannot open the probe of marks");
	s->skel->rodata->cpt_mark_uid = whose();
	s->skel->rodata->cpt_mark_tgid = (uint32_t)getpid();
	s->skel->rodata->cpt_mark_anyone = machine;
	s->skel->rodata->cpt_mark_endless = endless;
	ret = bpf_map__reuse_fd(s->skel->maps.cpt_tasks, tasks_fd);
	if (!ret)
		ret = bpf_common__load(s->skel->skeleton);
	if (ret)
		return say(err, err_sz, features__load_error(ret),
			   "the kernel refused the probe of marks");
	s->ring = ring_buffer__new(bpf_map__fd(s->skel->maps.cpt_mark_ring), on_record, s, NULL);
	if (!s->ring)
		return say(err, err_sz, -errno, "cannot map the ring of marks");
	ret = attach_self(s);
	if (ret == -EPERM || ret == -EACCES)
		return say(err, err_sz, ret,
			   "cannot attach the probe of marks, which takes CAP_SYS_ADMIN");
	return ret ? say(err, err_sz, ret, "cannot attach the probe of marks") : 0;
}

struct mark_session *mark_session__open(int tasks_fd, bool machine, bool endless, char *err,
					size_t err_sz)
{
	struct mark_session *s = calloc(1, sizeof(*s));
	int ret = s ? start(s, tasks_fd, machine, endless, err, err_sz)
		    : say(err, err_sz, -ENOMEM, "marks");

	if (!ret)
		return s;
	mark_session__free(s);
	errno = -ret;
	return NULL;
}

static int attach_all(struct mark_session *s, int fd, bool outside)
{
	const uint64_t whose = outside ? CPT_MARK_ARG_OUTSIDE : 0;
	struct usdt_site sites[USDT_SITES_MAX];
	int cnt = usdt_note__find(fd, "cpartrace", "mark", sites), done = 0;
	char path[32];

	/* The very file that was looked at, whatever its name leads to by now. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (int i = 0; i < cnt && s->link_cnt < MARK_PLACES_MAX; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = sites[i].cookie | whose);
		struct bpf_link *link = bpf_program__attach_uprobe_opts(
			s->skel->progs.cpt_mark_hit, -1, path, sites[i].off, &opts);

		if (!link)
			return done ? done : -errno;
		s->links[s->link_cnt++] = link;
		done++;
	}
	return cnt < 0 ? cnt : done;
}

int mark_session__add(struct mark_session *s, int fd, bool outside)
{
	struct stat st;
	int places;

	if (fstat(fd, &st) < 0)
		return -errno;
	for (uint32_t i = 0; i < s->file_cnt; i++)
		if (s->files[i].dev == st.st_dev && s->files[i].ino == st.st_ino)
			return s->files[i].places;
	places = attach_all(s, fd, outside);
	/* Each has a place, so that there is room. */
	if (places > 0)
		s->files[s->file_cnt++] =
			(struct file){.dev = st.st_dev, .ino = st.st_ino, .places = places};
	return places;
}

void mark_session__stop(struct mark_session *s)
{
	while (s->link_cnt)
		bpf_link__destroy(s->links[--s->link_cnt]);
}

int mark_session__wake_fd(const struct mark_session *s)
{
	return ring_buffer__epoll_fd(s->ring);
}

int mark_session__drain(struct mark_session *s, mark_session_fn fn, void *ctx)
{
	int ret;

	s->fn = fn;
	s->ctx = ctx;
	s->err = 0;
	ret = ring_buffer__consume(s->ring);
	return ret < 0 ? ret : s->err;
}

void mark_session__lost(const struct mark_session *s, uint64_t lost[CPT_MARK_LOSS_CNT])
{
	memcpy(lost, s->skel->bss->cpt_mark_losses, CPT_MARK_LOSS_CNT * sizeof(*lost));
}

void mark_session__free(struct mark_session *s)
{
	if (!s)
		return;
	mark_session__stop(s);
	ring_buffer__free(s->ring);
	mark_probes__destroy(s->skel);
	free(s);
}
