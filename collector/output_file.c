// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* output_file.c - see output_file.h. */
#include "output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "say.h"

/* Command lines are in traces and reports, and secrets are in command lines. */
#define FILE_MODE   0600
#define PUBLIC_MODE 0644
/* Names taken by left-overs of killed runs with our pid. */
#define TEMP_TRIES 100

static bool sudo_id(const char *name, uint32_t *id)
{
	const char *s = getenv(name);
	uint64_t n;

	if (!s || cli_parse_number(s, strlen(s), &n) < 0 || n >= UINT32_MAX)
		return false;
	*id = (uint32_t)n;
	return true;
}

/* Under sudo the file belongs to who typed the command. */
static int give_to_user(int fd)
{
	uint32_t uid, gid;

	if (geteuid() != 0 || !sudo_id("SUDO_UID", &uid) || !sudo_id("SUDO_GID", &gid))
		return 0;
	return fchown(fd, uid, gid) < 0 ? -errno : 0;
}

static char *temp_name(const char *path, int n)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	char *temp;

	if (asprintf(&temp, "%.*s.%s.%d-%d.tmp", (int)(base - path), path, base, (int)getpid(), n) <
	    0)
		return NULL;
	return temp;
}

static int open_temp(struct output_file *f)
{
	int n, err;

	for (n = 0; n < TEMP_TRIES; n++) {
		f->temp = temp_name(f->path, n);
		if (!f->temp)
			return -ENOMEM;
		f->fd = open(f->temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			     FILE_MODE);
		if (f->fd >= 0)
			return 0;
		err = -errno;
		free(f->temp);
		f->temp = NULL;
		if (err != -EEXIST)
			return err;
	}
	return -EEXIST;
}

/* The descriptor that a name of one of our own streams means, -1 if it is no such name. They are links:
 * to be followed they would have to be opened anew, which starts a redirected file from its beginning. */
static int own_stream(const char *path)
{
	uint64_t n;

	if (!strcmp(path, "/dev/stdout"))
		return STDOUT_FILENO;
	if (!strcmp(path, "/dev/stderr"))
		return STDERR_FILENO;
	if (strncmp(path, "/dev/fd/", 8) != 0 ||
	    cli_parse_number(path + 8, strlen(path + 8), &n) < 0)
		return -1;
	return n <= INT_MAX ? (int)n : -1;
}

/* Something that is no regular file stands at the place: may it be written to? */
static int open_special(struct output_file *f, mode_t mode, unsigned int flags)
{
	int stream = own_stream(f->path);

	if (S_ISDIR(mode))
		return fail(-EISDIR, "cannot write %s: it is a directory; name a file", f->path);
	if (flags & OUTPUT_SEEKABLE)
		return fail(-ESPIPE, "cannot write %s: this needs a regular file; name another",
			    f->path);
	if (stream >= 0) {
		f->fd = fcntl(stream, F_DUPFD_CLOEXEC, 0);
		return f->fd >= 0
			       ? 0
			       : fail(-errno, "cannot write to %s: %s", f->path, strerror(errno));
	}
	if (S_ISLNK(mode))
		return fail(-ELOOP,
			    "cannot write %s: it is a symbolic link; name what it points to",
			    f->path);
	f->fd = open(f->path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	if (f->fd < 0)
		return fail(-errno, "cannot open %s: %s", f->path, strerror(errno));
	return 0;
}

/* Is there something that a new file must not simply take the place of? */
static bool stands_in_the_way(const char *path, mode_t *mode)
{
	struct stat link, target;

	*mode = S_IFLNK;
	if (own_stream(path) >= 0)
		return true;
	if (lstat(path, &link) < 0)
		return false;
	*mode = link.st_mode;
	if (!S_ISLNK(link.st_mode))
		return !S_ISREG(link.st_mode);
	/* Whoever links to a device means the device; and /dev must stay as it is. */
	return stat(path, &target) == 0 && !S_ISREG(target.st_mode);
}

int output_file__create(struct output_file *f, const char *path, unsigned int flags)
{
	mode_t mode;
	int err;

	*f = OUTPUT_FILE_NONE;
	f->path = strdup(path);
	if (!f->path)
		return fail(-ENOMEM, "cannot write %s: out of memory", path);
	if (stands_in_the_way(path, &mode)) {
		err = open_special(f, mode, flags);
		if (err < 0)
			output_file__discard(f);
		return err;
	}
	err = open_temp(f);
	if (err < 0) {
		fail(err, "cannot create %s: %s; choose another place with -o", path,
		     strerror(-err));
		goto out;
	}
	if (flags & OUTPUT_PUBLIC && fchmod(f->fd, PUBLIC_MODE) < 0) {
		err = fail(-errno, "cannot let others read %s: %s", path, strerror(errno));
		goto out;
	}
	err = give_to_user(f->fd);
	if (err < 0)
		fail(err, "cannot give %s to the user behind sudo: %s", path, strerror(-err));
out:
	if (err < 0)
		output_file__discard(f);
	return err;
}

static int move_old_away(const char *path)
{
	char *old;
	int err = 0;

	if (asprintf(&old, "%s.old", path) < 0)
		return -ENOMEM;
	/* rename() moves a symbolic link itself, never what it points to. */
	if (rename(path, old) < 0 && errno != ENOENT)
		err = -errno;
	free(old);
	return err;
}

int output_file__publish(struct output_file *f, unsigned int flags)
{
	int err = 0;

	if (!f->temp)
		return 0;
	if (flags & OUTPUT_KEEP_OLD)
		err = move_old_away(f->path);
	if (!err && rename(f->temp, f->path) < 0)
		err = -errno;
	if (err < 0)
		return fail(err, "cannot put %s in its place: %s", f->path, strerror(-err));
	free(f->temp);
	f->temp = NULL;
	return 0;
}

int output_file__write(struct output_file *f, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(f->fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

void output_file__discard(struct output_file *f)
{
	if (f->temp)
		unlink(f->temp);
	if (f->fd >= 0)
		close(f->fd);
	free(f->temp);
	free(f->path);
	*f = OUTPUT_FILE_NONE;
}

int output_file__finish(struct output_file *f, const char *text, size_t len)
{
	int err = output_file__write(f, text, len);

	if (err < 0)
		fail(err, "cannot write %s: %s", f->path, strerror(-err));
	else
		err = output_file__publish(f, 0);
	/* Data can still be refused at close (NFS, quotas). */
	if (!err && close(f->fd) < 0)
		err = fail(-errno, "cannot write %s: %s", f->path, strerror(errno));
	if (!err)
		f->fd = -1;
	output_file__discard(f);
	return err;
}
