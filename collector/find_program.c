// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* find_program.c - see find_program.h. */
#include "find_program.h"

#include <errno.h>
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

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

int find_program__path(const char *program, char *path, size_t sz)
{
	const char *dirs = getenv("PATH");
	size_t len;

	if (!*program)
		return -ENOENT;
	if (strchr(program, '/'))
		return (size_t)snprintf(path, sz, "%s", program) < sz ? 0 : -ENOENT;
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
