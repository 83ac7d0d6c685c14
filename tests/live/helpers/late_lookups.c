// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * late_lookups.c - a library to be loaded before others: a line to standard error for each look-up of a user by
 * its number, "early", or "late" where the process has attached probes.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int has_probes(void)
{
	char path[288], to[64];
	DIR *dir = opendir("/proc/self/fd");
	int found = 0;

	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		snprintf(path, sizeof(path), "/proc/self/fd/%s", e->d_name);
		const ssize_t n = readlink(path, to, sizeof(to) - 1);

		to[n > 0 ? n : 0] = '\0';
		found |= strstr(to, "bpf_link") || strstr(to, "perf_event");
	}
	if (dir)
		closedir(dir);
	return found;
}

struct passwd *getpwuid(uid_t uid)
{
	struct passwd *(*next)(uid_t) = (struct passwd * (*)(uid_t)) dlsym(RTLD_NEXT, "getpwuid");

	dprintf(STDERR_FILENO, "looked up: %s\n", has_probes() ? "late" : "early");
	return next ? next(uid) : NULL;
}
