// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* file_locks.c - see file_locks.h. */
#include "file_locks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_KEPT 256 /* what a word's string holds */

struct entry {
	uint32_t proc, space;
	uint64_t fd;
	struct file_lock file;
	bool several;
	char path[PATH_KEPT];
};

struct file_locks {
	struct entry *entries;
	uint32_t cnt;
};

struct file_locks *file_locks__new(void)
{
	return calloc(1, sizeof(struct file_locks));
}

void file_locks__free(struct file_locks *fl)
{
	if (fl)
		free(fl->entries);
	free(fl);
}

/* NULL: there is none, or (with make) no room for it. */
static struct entry *entry_of(struct file_locks *fl, uint32_t proc, uint32_t space, uint64_t fd,
			      bool make)
{
	for (uint32_t i = 0; i < fl->cnt; i++) {
		struct entry *e = &fl->entries[i];

		if (e->proc == proc && e->space == space && e->fd == fd)
			return e;
	}
	if (!make || fl->cnt == CPT_FILE_LOCKS_MAX)
		return NULL;
	if (!(fl->cnt & (fl->cnt - 1))) {
		const uint32_t cap = fl->cnt ? 2 * fl->cnt : 1;
		struct entry *moved = realloc(fl->entries, cap * sizeof(*moved));

		if (!moved)
			return NULL;
		fl->entries = moved;
	}
	fl->entries[fl->cnt] = (struct entry){.proc = proc, .space = space, .fd = fd};
	return &fl->entries[fl->cnt++];
}

/* Is it in that call on that descriptor right now? "73 0x3 0x2 ...", or "running". */
static bool is_in_call(pid_t tid, int sysno, uint64_t fd)
{
	char path[64];
	long nr = -1;
	uint64_t arg = 0;
	FILE *file;
	int got;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	got = fscanf(file, "%ld 0x%" SCNx64, &nr, &arg);
	fclose(file);
	/* The kernel takes an int of the register. */
	return got == 2 && nr == sysno && (uint32_t)arg == (uint32_t)fd;
}

void file_locks__look(struct file_locks *fl, pid_t tid, uint32_t proc, uint32_t space, int sysno,
		      uint64_t fd)
{
	char link[64], path[PATH_KEPT];
	struct entry *e;
	struct stat st;
	ssize_t len;

	if (!is_in_call(tid, sysno, fd))
		return;
	snprintf(link, sizeof(link), "/proc/%d/fd/%" PRIu32, (int)tid, (uint32_t)fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0 || stat(link, &st) || !is_in_call(tid, sysno, fd))
		return;
	path[len] = '\0';
	e = entry_of(fl, proc, space, fd, true);
	if (!e)
		return;
	if (*e->path) {
		e->several |= e->file.dev != st.st_dev || e->file.ino != st.st_ino;
		return;
	}
	memcpy(e->path, path, sizeof(e->path));
	e->file.dev = st.st_dev;
	e->file.ino = st.st_ino;
}

bool file_locks__find(const struct file_locks *fl, uint32_t proc, uint32_t space, uint64_t fd,
		      struct file_lock *out)
{
	for (uint32_t i = 0; i < fl->cnt; i++) {
		const struct entry *e = &fl->entries[i];

		if (e->proc != proc || e->space != space || e->fd != fd)
			continue;
		*out = e->file;
		out->path = e->path;
		return *e->path && !e->several;
	}
	return false;
}
