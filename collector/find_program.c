// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* find_program.c - see find_program.h. */
#include "find_program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the C library looks through where there is no PATH. */
#define PATH_DEFAULT "/bin:/usr/bin"

static bool may_be_executed(const char *path)
{
	struct stat st;

	/* rights__as_user() changes the user of files (setfsuid) alone, not the effective one. By that user goes
	 * faccessat2 with this flag, which is done by the kernel; access() goes by the real one, and a check of
	 * the mode against geteuid(), as some libraries' eaccess() is, by the effective one. */
	return !stat(path, &st) && S_ISREG(st.st_mode) &&
	       !faccessat(AT_FDCWD, path, X_OK, AT_EACCESS);
}

static int look_through(const char *dirs, const char *program, char *path, size_t sz)
{
	size_t len;

	if (!dirs)
		dirs = PATH_DEFAULT;
	for (;; dirs += len + 1) {
		len = strcspn(dirs, ":");
		/* An empty name is the directory that we are in. */
		if (len <= INT32_MAX &&
		    (size_t)snprintf(path, sz, "%.*s%s%s", (int)len, dirs, len ? "/" : "",
				     program) < sz &&
		    may_be_executed(path))
			return 0;
		if (!dirs[len])
			return -ENOENT;
	}
}

int find_program__path(const char *program, const struct rights_user *as, char *path, size_t sz)
{
	struct rights_before before;
	int err;

	if (!*program)
		return -ENOENT;
	if (strchr(program, '/'))
		return (size_t)snprintf(path, sz, "%s", program) < sz ? 0 : -ENOENT;
	err = rights__as_user(as, &before);
	if (!err) {
		err = look_through(getenv("PATH"), program, path, sz);
		rights__as_before(&before);
	}
	return err;
}
