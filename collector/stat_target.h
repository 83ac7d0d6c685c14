/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stat_target.h - running processes and cgroups as the user names them, held open.
 *
 * Owns:     pidfds, the cgroup's folder, and what is said where a name leads nowhere.
 * Must not: know about probes.
 */
#ifndef CPT_STAT_TARGET_H
#define CPT_STAT_TARGET_H

#include <stddef.h>

#include "stat_opts.h"

/* Opens a pidfd for each process; fds has room for pids->cnt. 0, or -errno having said why and with
 * nothing left open. */
int stat_target__open_pids(const struct stat_pids *pids, int *fds);

/* Opens the folder of a cgroup: a path, or one below where version 2 is mounted. The fd, or -errno
 * having said why. */
int stat_target__open_cgroup(const char *path);

#endif /* CPT_STAT_TARGET_H */
