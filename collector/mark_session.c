// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mark_session.c - see mark_session.h. */
#include "mark_session.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
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

struct file {
	dev_t dev;
	ino_t ino;
	int places;
};

struct mark_session {
	struct mark_probes *skel;
	struct bpf_link *links[MARK_PLACES_MAX];
	uint32_t link_cnt;
	struct file files[MARK_PLACES_MAX]; /* that have places */
	uint32_t file_cnt;
};

static int say(char *err, size_t err_sz, int code, const char *what)
{
	snprintf(err, err_sz, "%s: %s", what, strerror(-code));
	return code;
}

static int start(struct mark_session *s, const struct bpf_session_marks *shared, char *err,
		 size_t err_sz)
{
	int ret;

	s->skel = mark_probes__open();
	if (!s->skel)
		return say(err, err_sz, features__load_error(-errno),
			   "cannot open the probe of programs' marks");
	s->skel->rodata->cpt_mark_uid = rights__owner();
	s->skel->rodata->cpt_mark_anyone = shared->machine;
	s->skel->rodata->cpt_mark_endless = shared->endless;
	ret = bpf_map__reuse_fd(s->skel->maps.cpt_tasks, shared->tasks_fd);
	if (!ret)
		ret = bpf_map__reuse_fd(s->skel->maps.cpt_mark_ring, shared->ring_fd);
	if (!ret)
		ret = bpf_map__reuse_fd(s->skel->maps.cpt_mark_shared, shared->shared_fd);
	if (!ret)
		ret = bpf_common__load(s->skel->skeleton);
	return ret ? say(err, err_sz, features__load_error(ret),
			 "the kernel refused the probe of programs' marks")
		   : 0;
}

struct mark_session *mark_session__open(const struct bpf_session_marks *shared, char *err,
					size_t err_sz)
{
	struct mark_session *s = calloc(1, sizeof(*s));
	int ret = s ? start(s, shared, err, err_sz) : say(err, err_sz, -ENOMEM, "marks");

	if (!ret)
		return s;
	mark_session__free(s);
	errno = -ret;
	return NULL;
}

/* 1; 0: no room; -errno. */
static int attach_at(struct mark_session *s, const char *path, uint64_t off, uint64_t cookie)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = cookie);
	struct bpf_link *link;

	if (s->link_cnt == MARK_PLACES_MAX)
		return 0;
	link = bpf_program__attach_uprobe_opts(s->skel->progs.cpt_mark_hit, -1, path, off, &opts);
	if (!link)
		return -errno;
	s->links[s->link_cnt++] = link;
	return 1;
}

static int refused(char *err, size_t err_sz, int code)
{
	return say(err, err_sz, code,
		   code == -EPERM || code == -EACCES
			   ? "cannot attach the probe of programs' marks, which takes CAP_SYS_ADMIN"
			   : "cannot attach the probe of programs' marks");
}

int mark_session__add(struct mark_session *s, int fd, const struct usdt_site *sites, int cnt,
		      bool outside, char *err, size_t err_sz)
{
	const uint64_t whose = outside ? CPT_MARK_ARG_OUTSIDE : 0;
	int places = 0, ret = 1;
	struct stat st;
	char path[32];

	if (fstat(fd, &st) < 0)
		return say(err, err_sz, -errno, "cannot tell which file has marks");
	for (uint32_t i = 0; i < s->file_cnt; i++)
		if (s->files[i].dev == st.st_dev && s->files[i].ino == st.st_ino)
			return s->files[i].places;
	/* The very file that was looked at, whatever its name leads to by now. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (int i = 0; i < cnt && ret > 0; i++) {
		ret = attach_at(s, path, sites[i].off, sites[i].cookie | whose);
		places += ret > 0;
	}
	if (ret < 0 && !places)
		return refused(err, err_sz, ret);
	if (!places) {
		snprintf(err, err_sz, "marks are listened for at %d places, and these are taken",
			 MARK_PLACES_MAX);
		return -ENOSPC;
	}
	/* Each has a place, so that there is room. */
	s->files[s->file_cnt++] =
		(struct file){.dev = st.st_dev, .ino = st.st_ino, .places = places};
	return places;
}

/* Of this very function, as the file has it. The first object there is is the program. */
static int find_own_place(struct dl_phdr_info *info, size_t sz, void *off)
{
	const uintptr_t at = (uintptr_t)find_own_place - info->dlpi_addr;

	(void)sz;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type == PT_LOAD && at >= ph->p_vaddr && at - ph->p_vaddr < ph->p_filesz)
			*(uint64_t *)off = at - ph->p_vaddr + ph->p_offset;
	}
	return 1;
}

int mark_session__try(struct mark_session *s, char *err, size_t err_sz)
{
	uint64_t off = 0;
	int ret;

	(void)dl_iterate_phdr(find_own_place, &off);
	ret = off ? attach_at(s, "/proc/self/exe", off, 0) : -ENOEXEC;
	return ret < 0 ? refused(err, err_sz, ret) : 0;
}

void mark_session__stop(struct mark_session *s)
{
	while (s->link_cnt)
		bpf_link__destroy(s->links[--s->link_cnt]);
}

void mark_session__free(struct mark_session *s)
{
	if (!s)
		return;
	mark_session__stop(s);
	mark_probes__destroy(s->skel);
	free(s);
}
