// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* output_file.c - see output_file.h. */
#include "output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "rights.h"
#include "say.h"
#include "write_all.h"

/* Command lines are in traces and reports, and secrets are in command lines. */
#define FILE_MODE   0600
#define PUBLIC_MODE 0644
/* Names taken by left-overs of killed runs with our pid. */
#define TEMP_TRIES 100

/* As fail(), but for who says it himself. */
static int refuse(const struct output_file *f, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int refuse(const struct output_file *f, int err, const char *fmt, ...)
{
	char line[4096];
	va_list args;

	if (f->quiet)
		return err;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	return fail(err, "%s", line);
}

/* What the system calls of a directory's descriptor take. Within the path, or the temporary one. */
static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Links on the way there are the user's words, like the rest of the path; they are followed once. */
static int open_dir(struct output_file *f)
{
	const size_t len = (size_t)(base_of(f->path) - f->path);
	char *dir = len ? strndup(f->path, len) : strdup(".");

	if (!dir)
		return -ENOMEM;
	f->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	return f->dir_fd < 0 ? -errno : 0;
}

static int take_dir(struct output_file *f, int dir_fd)
{
	f->dir_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
	return f->dir_fd < 0 ? -errno : 0;
}

static char *temp_name(const char *path, int n)
{
	const char *base = base_of(path);
	char *temp;

	if (asprintf(&temp, "%.*s.%s.%d-%d.tmp", (int)(base - path), path, base, (int)getpid(), n) <
	    0)
		return NULL;
	return temp;
}

/* Tries temporary names until make() gets one of them, which is f->temp then. */
static int take_name(struct output_file *f, int (*make)(struct output_file *f, const char *base))
{
	char *temp;
	int n, err;

	for (n = 0; n < TEMP_TRIES; n++) {
		temp = temp_name(f->path, n);
		if (!temp)
			return -ENOMEM;
		err = make(f, base_of(temp));
		if (!err) {
			free(f->temp);
			f->temp = temp;
			return 0;
		}
		free(temp);
		if (err != -EEXIST)
			return err;
	}
	return -EEXIST;
}

static int make_named(struct output_file *f, const char *base)
{
	f->fd = openat(f->dir_fd, base, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		       FILE_MODE);
	return f->fd < 0 ? -errno : 0;
}

/* linkat() with AT_EMPTY_PATH asks for a capability; this for /proc. */
static void link_to(const struct output_file *f, char path[32])
{
	snprintf(path, 32, "/proc/self/fd/%d", f->fd);
}

static int give_name(struct output_file *f, const char *base)
{
	char self[32];

	link_to(f, self);
	return linkat(AT_FDCWD, self, f->dir_fd, base, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* Is the name free, and one that can be? Better known now than when it is given. */
static int check_name(struct output_file *f, const char *base)
{
	struct stat st;

	if (!fstatat(f->dir_fd, base, &st, AT_SYMLINK_NOFOLLOW))
		return -EEXIST;
	return errno == ENOENT ? 0 : -errno;
}

static void close_file(struct output_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

/* false: it is to be made with a name, which also says why it cannot be. */
static bool make_nameless(struct output_file *f)
{
	struct stat named, ours;
	char self[32];

	f->fd = openat(f->dir_fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, FILE_MODE);
	if (f->fd < 0)
		return false;
	link_to(f, self);
	f->nameless = !stat(self, &named) && !fstat(f->fd, &ours) && named.st_dev == ours.st_dev &&
		      named.st_ino == ours.st_ino && !take_name(f, check_name);
	if (!f->nameless)
		close_file(f);
	return f->nameless;
}

static int open_temp(struct output_file *f, unsigned int flags)
{
	struct stat st;
	int err = 0;

	if (flags & OUTPUT_NAMED || !make_nameless(f))
		err = take_name(f, make_named);
	if (!err && fstat(f->fd, &st) < 0)
		err = -errno;
	if (err)
		return err;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	return 0;
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

/* In a directory that all may write to but where files stay their owners': is this one's owner somebody who could
 * have put it there for us to fall into? As the kernel has it for links and FIFOs there. */
static bool is_strangers(const struct output_file *f, const struct stat *st)
{
	const uid_t us = (uid_t)setfsuid((uid_t)-1);
	struct stat dir;

	if (fstat(f->dir_fd, &dir) < 0 || !(dir.st_mode & S_ISVTX))
		return false;
	if (S_ISREG(st->st_mode) || S_ISLNK(st->st_mode))
		/* Root replaces it, which does not harm it. */
		return us != 0 && st->st_uid != us && dir.st_uid != us;
	return st->st_uid != us && st->st_uid != dir.st_uid && st->st_uid != 0;
}

static int refuse_place(const struct output_file *f, int err)
{
	const uid_t us = (uid_t)setfsuid((uid_t)-1);

	if ((err == -EACCES || err == -EPERM) && rights__is_behind(us))
		return refuse(f, err,
			      "cannot create %s: %s for user %u, who is behind sudo and as whom "
			      "files are "
			      "written; name another place",
			      f->path, strerror(-err), (unsigned int)us);
	return refuse(f, err, "cannot create %s: %s; name another place", f->path, strerror(-err));
}

/* Opened for writing if it still is what it was taken for: opening a device, or writing to the file that a
 * name has been turned into meanwhile, would have consequences. */
static int open_as_it_is(struct output_file *f)
{
	char self[32];
	struct stat st;
	int handle = openat(f->dir_fd, base_of(f->path), O_PATH | O_NOFOLLOW | O_CLOEXEC), err = 0;

	if (handle < 0)
		return -errno;
	if (fstat(handle, &st) < 0)
		err = -errno;
	else if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode))
		err = -EBUSY; /* it was none a moment ago */
	else if (is_strangers(f, &st))
		err = -EACCES;
	if (!err) {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", handle);
		f->fd = open(self, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		if (f->fd < 0)
			err = -errno;
	}
	close(handle);
	return err;
}

/* Something that is no regular file stands at the place: may it be written to? */
static int open_special(struct output_file *f, mode_t mode, unsigned int flags)
{
	int stream = own_stream(f->path), err;

	if (S_ISDIR(mode))
		return refuse(f, -EISDIR, "cannot write %s: it is a directory; name a file",
			      f->path);
	if (flags & OUTPUT_SEEKABLE)
		return refuse(f, -ESPIPE,
			      "cannot write %s: this needs a regular file; name another", f->path);
	if (stream >= 0) {
		f->fd = fcntl(stream, F_DUPFD_CLOEXEC, 0);
		return f->fd >= 0 ? 0
				  : refuse(f, -errno, "cannot write to %s: %s", f->path,
					   strerror(errno));
	}
	if (S_ISLNK(mode))
		return refuse(f, -ELOOP,
			      "cannot write %s: it is a symbolic link; name what it points to",
			      f->path);
	err = open_as_it_is(f);
	return err ? refuse(f, err, "cannot open %s: %s", f->path, strerror(-err)) : 0;
}

/* Is there something that a new file must not simply take the place of? */
static bool stands_in_the_way(const struct output_file *f, mode_t *mode)
{
	struct stat link, target;

	*mode = S_IFLNK;
	if (fstatat(f->dir_fd, base_of(f->path), &link, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	*mode = link.st_mode;
	if (!S_ISLNK(link.st_mode))
		return !S_ISREG(link.st_mode);
	/* Whoever links to a device means the device; and /dev must stay as it is. */
	return fstatat(f->dir_fd, base_of(f->path), &target, 0) == 0 && !S_ISREG(target.st_mode);
}

bool output_file__same_place(const char *a, const char *b)
{
	struct output_file fa = OUTPUT_FILE_NONE, fb = OUTPUT_FILE_NONE;
	struct stat da, db;
	mode_t mode;
	bool same;

	if (!a || !b || !strcmp(a, "-") || !strcmp(b, "-") || own_stream(a) >= 0 ||
	    own_stream(b) >= 0 || !*base_of(a) || strcmp(base_of(a), base_of(b)) != 0)
		return false;
	fa.path = (char *)a;
	fb.path = (char *)b;
	same = !open_dir(&fa) && !open_dir(&fb) && !fstat(fa.dir_fd, &da) &&
	       !fstat(fb.dir_fd, &db) && da.st_dev == db.st_dev && da.st_ino == db.st_ino &&
	       !stands_in_the_way(&fa, &mode);
	if (fa.dir_fd >= 0)
		close(fa.dir_fd);
	if (fb.dir_fd >= 0)
		close(fb.dir_fd);
	return same;
}

bool output_file__replaces(const char *path, int fd)
{
	struct stat stands, ours;

	return !lstat(path, &stands) && !fstat(fd, &ours) && S_ISREG(stands.st_mode) &&
	       stands.st_dev == ours.st_dev && stands.st_ino == ours.st_ino;
}

/* Better said now than when the run is over: in a directory of all, others' files are not to be replaced. */
static int check_replaceable(const struct output_file *f, unsigned int flags)
{
	static const char *const suffixes[] = {"", ".old"};
	const size_t cnt = flags & OUTPUT_KEEP_OLD ? 2 : 1;
	struct stat st;
	char *name;

	for (size_t i = 0; i < cnt; i++) {
		int found;

		if (asprintf(&name, "%s%s", base_of(f->path), suffixes[i]) < 0)
			return -ENOMEM;
		found = fstatat(f->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW);
		free(name);
		if (found < 0)
			continue;
		if (is_strangers(f, &st))
			return -EACCES;
		if (i && S_ISDIR(st.st_mode))
			return -EISDIR;
	}
	return 0;
}

static int create(struct output_file *f, int dir_fd, unsigned int flags)
{
	mode_t mode = S_IFLNK;
	int err;

	if (own_stream(f->path) >= 0)
		return open_special(f, mode, flags);
	if (!*base_of(f->path))
		return open_special(f, S_IFDIR, flags);
	err = dir_fd < 0 ? open_dir(f) : take_dir(f, dir_fd);
	if (!err && stands_in_the_way(f, &mode))
		return open_special(f, mode, flags);
	if (!err)
		err = check_replaceable(f, flags);
	if (!err)
		err = open_temp(f, flags);
	if (err < 0)
		return refuse_place(f, err);
	if (flags & OUTPUT_PUBLIC && fchmod(f->fd, PUBLIC_MODE) < 0)
		return refuse(f, -errno, "cannot let others read %s: %s", f->path, strerror(errno));
	return 0;
}

int output_file__create(struct output_file *f, const char *path, unsigned int flags)
{
	return output_file__create_in(f, -1, path, flags);
}

int output_file__create_in(struct output_file *f, int dir_fd, const char *path, unsigned int flags)
{
	struct rights_before before;
	int err;

	*f = OUTPUT_FILE_NONE;
	f->quiet = flags & OUTPUT_QUIET;
	f->path = strdup(path);
	if (!f->path)
		return refuse(f, -ENOMEM, "cannot write %s: out of memory", path);
	err = rights__user(&f->behind);
	if (!err)
		err = rights__as_user(&f->behind, &before);
	if (err < 0) {
		refuse(f, err, "cannot write %s as the user behind sudo: %s", path, strerror(-err));
	} else {
		err = create(f, dir_fd, flags);
		rights__as_before(&before);
	}
	if (err < 0)
		output_file__discard(f);
	return err;
}

static int move_old_away(const struct output_file *f)
{
	const char *base = base_of(f->path);
	char *old;
	int err = 0;

	if (asprintf(&old, "%s.old", base) < 0)
		return -ENOMEM;
	/* This moves a symbolic link itself, never what it points to. */
	if (renameat(f->dir_fd, base, f->dir_fd, old) < 0 && errno != ENOENT)
		err = -errno;
	free(old);
	return err;
}

/* Is what stands at the temporary name what was made there? A directory's owner can put another. */
static int check_same(const struct output_file *f)
{
	struct stat st;

	if (fstatat(f->dir_fd, base_of(f->temp), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return st.st_dev == f->dev && st.st_ino == f->ino ? 0 : -EBUSY;
}

static int put_in_place(struct output_file *f, unsigned int flags)
{
	int err = f->nameless ? take_name(f, give_name) : 0;

	if (!err)
		f->nameless = false;
	if (!err)
		err = check_same(f);
	if (!err && flags & OUTPUT_KEEP_OLD)
		err = move_old_away(f);
	if (!err && renameat(f->dir_fd, base_of(f->temp), f->dir_fd, base_of(f->path)) < 0)
		err = -errno;
	return err;
}

int output_file__publish(struct output_file *f, unsigned int flags)
{
	struct rights_before before;
	int err;

	if (!f->temp)
		return 0;
	err = rights__as_user(&f->behind, &before);
	if (!err) {
		err = put_in_place(f, flags);
		rights__as_before(&before);
	}
	if (err < 0)
		return refuse(f, err, "cannot put %s in its place: %s", f->path, strerror(-err));
	free(f->temp);
	f->temp = NULL;
	return 0;
}

int output_file__write(struct output_file *f, const char *text, size_t len)
{
	return write_all(f->fd, text, len);
}

int output_file__settle(const struct output_file *f)
{
	const int fd = f->fd < 0 ? -1 : fcntl(f->fd, F_DUPFD_CLOEXEC, 0);

	if (f->fd < 0)
		return 0;
	return fd < 0 || close(fd) < 0 ? -errno : 0;
}

bool output_file__is_gone(const struct output_file *f)
{
	struct stat st;

	return f->fd >= 0 && !f->temp && !fstat(f->fd, &st) && S_ISREG(st.st_mode) && !st.st_nlink;
}

void output_file__leave(struct output_file *f)
{
	close_file(f);
	if (f->dir_fd >= 0)
		close(f->dir_fd);
	free(f->temp);
	free(f->path);
	rights__user_free(&f->behind);
	*f = OUTPUT_FILE_NONE;
}

void output_file__discard(struct output_file *f)
{
	struct rights_before before;

	if (f->temp && !f->nameless && !rights__as_user(&f->behind, &before)) {
		if (!check_same(f))
			unlinkat(f->dir_fd, base_of(f->temp), 0);
		rights__as_before(&before);
	}
	output_file__leave(f);
}

/* As the user, from the directory. */
static void unlink_same(int dir_fd, const char *path, dev_t dev, ino_t ino,
			const struct rights_user *behind)
{
	struct rights_before before;
	struct stat st;

	if (rights__as_user(behind, &before))
		return;
	if (!fstatat(dir_fd, base_of(path), &st, AT_SYMLINK_NOFOLLOW) && st.st_dev == dev &&
	    st.st_ino == ino)
		unlinkat(dir_fd, base_of(path), 0);
	rights__as_before(&before);
}

void output_file__remove(const struct output_file *f)
{
	if (f->dir_fd >= 0 && !f->temp)
		unlink_same(f->dir_fd, f->path, f->dev, f->ino, &f->behind);
}

void output_file__unlink(const struct output_file *f, const char *path, dev_t dev, ino_t ino)
{
	unlink_same(f->dir_fd, path, dev, ino, &f->behind);
}

int output_file__finish(struct output_file *f, const char *text, size_t len)
{
	int err = output_file__write(f, text, len);

	if (!err)
		err = output_file__settle(f);
	if (err < 0)
		refuse(f, err, "cannot write %s: %s", f->path, strerror(-err));
	else
		err = output_file__publish(f, 0);
	output_file__discard(f);
	return err;
}

uint64_t output_file__rights(const struct output_file *f)
{
	struct stat dir;
	uid_t uid;
	gid_t gid;

	/* Who is behind sudo needs none: what could be made can be renamed. */
	if (!f->temp || geteuid() != 0 || rights__behind(&uid, &gid) || fstat(f->dir_fd, &dir) < 0)
		return 0;
	if (dir.st_uid == 0 && dir.st_mode & S_IWUSR)
		return 0;
	return RIGHT(CAP_DAC_OVERRIDE) | RIGHT(CAP_FOWNER);
}
