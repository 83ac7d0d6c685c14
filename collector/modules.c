// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* modules.c - see modules.h. */
#include "modules.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct modules {
	struct module *list[CPT_MODULES_MAX];
	uint32_t cnt;
	uint32_t open_cnt;
	uint64_t copied; /* bytes */
	dev_t root;	 /* the root file system */
};

struct modules *modules__new(void)
{
	struct modules *ms = calloc(1, sizeof(*ms));
	struct stat st;

	if (ms && !stat("/", &st))
		ms->root = st.st_dev;
	return ms;
}

static void free_module(struct module *m)
{
	if (!m)
		return;
	if (m->fd >= 0)
		close(m->fd);
	free(m->path);
	free(m);
}

void modules__free(struct modules *ms)
{
	if (!ms)
		return;
	for (uint32_t i = 0; i < ms->cnt; i++)
		free_module(ms->list[i]);
	free(ms);
}

uint32_t modules__cnt(const struct modules *ms)
{
	return ms->cnt;
}

struct module *modules__at(const struct modules *ms, uint32_t idx)
{
	return ms->list[idx];
}

/* ---- one file, opened without consequences ----------------------------------------------------- */

/* Only a regular file is opened: a device would notice, a pipe would make us wait. */
static int open_regular(const char *path, struct stat *st)
{
	char self[32];
	int fd, handle = open(path, O_PATH | O_CLOEXEC);

	if (handle < 0)
		return -1;
	if (fstat(handle, st) || !S_ISREG(st->st_mode)) {
		close(handle);
		return -1;
	}
	snprintf(self, sizeof(self), "/proc/self/fd/%d", handle);
	fd = open(self, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	close(handle);
	return fd;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool is_inode(const struct stat *st, uint32_t dev, uint64_t ino)
{
	return st->st_ino == ino && major(st->st_dev) == dev >> 20 &&
	       minor(st->st_dev) == (dev & 0xfffff);
}

static struct module *new_module(const char *path, int fd, const struct stat *st)
{
	struct module *m = calloc(1, sizeof(*m));
	const char *slash;

	if (!m)
		return NULL;
	m->fd = fd;
	m->st = *st;
	m->path = strdup(path);
	if (!m->path) {
		free(m);
		return NULL;
	}
	slash = strrchr(m->path, '/');
	m->name = slash && slash[1] ? slash + 1 : m->path;
	if (elf_file__read(fd, &m->elf))
		m->elf.load_cnt = 0;
	return m;
}

/* A copy in memory, -1: none. */
static int copy_of(struct modules *ms, int fd, const struct stat *st)
{
	size_t left = (size_t)st->st_size;
	ssize_t n = 1;
	int copy;

	if (st->st_size > CPT_MODULE_COPY_MAX || ms->copied + left > CPT_MODULE_COPIES_SZ)
		return -1;
	copy = memfd_create("cpartrace-module", MFD_CLOEXEC);
	for (off_t at = 0; copy >= 0 && left && n > 0; left -= n > 0 ? (size_t)n : 0)
		n = sendfile(copy, fd, &at, left);
	if (copy >= 0 && left) {
		close(copy);
		return -1;
	}
	ms->copied += (uint64_t)st->st_size;
	return copy;
}

/* What stays open of a file once it is known. Takes fd over. */
static int keep(struct modules *ms, int fd, const struct stat *st, bool elf)
{
	int kept = -1;

	if (elf && ms->open_cnt < CPT_MODULE_FDS_MAX)
		kept = st->st_dev == ms->root ? fd : copy_of(ms, fd, st);
	if (kept != fd)
		close(fd);
	ms->open_cnt += kept >= 0;
	return kept;
}

/* Takes fd over. */
static uint32_t add(struct modules *ms, const char *path, int fd, const struct stat *st)
{
	struct module *m = NULL;

	for (uint32_t i = ms->cnt; i-- > 0;) {
		if (same_file(&ms->list[i]->st, st)) {
			close(fd);
			return i + 1;
		}
	}
	if (ms->cnt < CPT_MODULES_MAX)
		m = new_module(path, fd, st);
	if (!m) {
		close(fd);
		return 0;
	}
	m->fd = keep(ms, fd, st, m->elf.load_cnt);
	ms->list[ms->cnt++] = m;
	return ms->cnt;
}

/* The file at `at`, to be known as path, if it is that inode. */
static uint32_t add_if(struct modules *ms, const char *at, const char *path, uint32_t dev,
		       uint64_t ino)
{
	struct stat st;
	int fd = open_regular(at, &st);

	if (fd < 0)
		return 0;
	if (is_inode(&st, dev, ino))
		return add(ms, path, fd, &st);
	close(fd);
	return 0;
}

uint32_t modules__of_exe(struct modules *ms, pid_t tid, const char *path, uint32_t dev,
			 uint64_t ino)
{
	char at[CPT_MAPS_NAME_MAX + 64];
	uint32_t module = 0;

	if (tid) {
		snprintf(at, sizeof(at), "/proc/%d/exe", (int)tid);
		module = add_if(ms, at, path, dev, ino);
	}
	return module || !*path ? module : add_if(ms, path, path, dev, ino);
}

uint32_t modules__of_mapping(struct modules *ms, pid_t tid, const struct mapping *m)
{
	char path[CPT_MAPS_NAME_MAX + 64];
	struct stat st;
	uint32_t module;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)tid, m->start,
		 m->end);
	fd = open_regular(path, &st);
	if (fd >= 0)
		return add(ms, m->name, fd, &st);
	if (m->name[0] != '/')
		return 0;
	/* Without the capability to follow those, or when the process has just gone. */
	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)tid, m->name);
	module = add_if(ms, path, m->name, m->dev, m->ino);
	return module ? module : add_if(ms, m->name, m->name, m->dev, m->ino);
}

uint32_t modules__of_build_id(struct modules *ms, const char *path, const char *build_id)
{
	struct elf_file elf;
	struct stat st;
	int fd = open_regular(path, &st);

	if (fd < 0)
		return 0;
	if (*build_id && !elf_file__read(fd, &elf) && !strcmp(elf.build_id, build_id))
		return add(ms, path, fd, &st);
	close(fd);
	return 0;
}

int modules__fd(const struct module *m, bool *close_it)
{
	struct stat st;
	int fd;

	*close_it = false;
	if (m->fd >= 0)
		return m->fd;
	fd = open_regular(m->path, &st);
	if (fd >= 0 && !same_file(&st, &m->st)) {
		close(fd);
		fd = -1;
	}
	*close_it = fd >= 0;
	return fd;
}
