// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* targets.c - see targets.h. */
#include "targets.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "say.h"

#define PATH_SZ 4096

int cli_set_pids(void *field, const char *value, const struct cli_option *opt, struct strbuf *why)
{
	struct target_pids *pids = field;

	for (;;) {
		size_t len = strcspn(value, ",");
		uint64_t pid;
		uint32_t i;

		if (cli_parse_number(value, len, &pid) < 0 || !pid || pid > INT32_MAX) {
			strbuf__addf(why, "'%.*s' is not a process number", (int)len, value);
			return -EINVAL;
		}
		for (i = 0; i < pids->cnt && pids->list[i] != pid; i++)
			;
		if (i == CPT_TARGET_PIDS_MAX) {
			strbuf__addf(why, "more than %d processes; use a cgroup or -a",
				     CPT_TARGET_PIDS_MAX);
			return -EINVAL;
		}
		if (i == pids->cnt)
			pids->list[pids->cnt++] = (uint32_t)pid;
		if (!value[len])
			return 0;
		value += len + 1;
	}
}

uint32_t targets__ways(const struct targets *t)
{
	return (t->pids.cnt != 0) + (t->cgroup != NULL) + t->all_cpus;
}

int targets__open_pids(const struct target_pids *pids, int *fds)
{
	uint32_t i;
	int err;

	for (i = 0; i < pids->cnt; i++) {
		fds[i] = (int)syscall(SYS_pidfd_open, pids->list[i], 0);
		if (fds[i] >= 0)
			continue;
		err = -errno;
		while (i)
			close(fds[--i]);
		for (i = 0; i < pids->cnt && fds[i] >= 0; i++)
			;
		if (err == -ESRCH)
			return fail(err, "there is no process %u", pids->list[i]);
		if (err == -EINVAL || err == -ENOENT)
			return fail(err,
				    "%u is a thread, not a process; name its process: see Tgid "
				    "in /proc/%u/status",
				    pids->list[i], pids->list[i]);
		return fail(err, "cannot look at process %u: %s", pids->list[i], strerror(-err));
	}
	return 0;
}

/* Where cgroups of version 2 are mounted. */
static bool find_mount(char *dir, size_t sz)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	char buf[PATH_SZ];
	struct mntent m;
	bool found = false;

	if (!mounts)
		return false;
	while (!found && getmntent_r(mounts, &m, buf, sizeof(buf)))
		if (!strcmp(m.mnt_type, "cgroup2"))
			found = (size_t)snprintf(dir, sz, "%s", m.mnt_dir) < sz;
	endmntent(mounts);
	return found;
}

int targets__open_cgroup(const char *path, bool v1)
{
	char mount[PATH_SZ] = "", below[2 * PATH_SZ + 2];
	struct statfs fs;
	int fd, err;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = fd < 0 ? -errno : 0;
	if (fd < 0 && err == -ENOENT && find_mount(mount, sizeof(mount))) {
		snprintf(below, sizeof(below), "%s/%s", mount, path);
		fd = open(below, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return fail(
			err,
			"cannot open cgroup %s: %s; name its directory, as below /sys/fs/cgroup",
			path, strerror(-err));
	if (!fstatfs(fd, &fs) &&
	    (fs.f_type == CGROUP2_SUPER_MAGIC || (v1 && fs.f_type == CGROUP_SUPER_MAGIC)))
		return fd;
	close(fd);
	if (v1)
		return fail(-EOPNOTSUPP, "%s is no cgroup; they are below /sys/fs/cgroup", path);
	if (!find_mount(mount, sizeof(mount)))
		return fail(-EOPNOTSUPP,
			    "%s is no cgroup of version 2, and none are mounted here (mount -t "
			    "cgroup2 none DIR); name processes with -p",
			    path);
	return fail(-EOPNOTSUPP,
		    "%s is no cgroup of version 2; make one below %s and move the processes there, "
		    "or name them with -p",
		    path, mount);
}
