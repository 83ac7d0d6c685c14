/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * targets.h - what runs already and is to be watched, as the user names it: processes, a cgroup, all.
 *
 * Owns:     its options, pidfds, the cgroup's folder, and what is said where a name leads nowhere.
 * Must not: know about probes.
 */
#ifndef CPT_TARGETS_H
#define CPT_TARGETS_H

#include <stddef.h>

#include "cli.h"

#define CPT_TARGET_PIDS_MAX 256

struct target_pids {
	uint32_t list[CPT_TARGET_PIDS_MAX]; /* in the order given, each once */
	uint32_t cnt;
};

struct targets {
	struct target_pids pids;
	const char *cgroup;
	bool all_cpus;
};

/* The rows for a command's table of options; `type` has a struct targets called `member`. */
#define TARGET_OPTIONS(type, member, group_help)                                                   \
	{"pid",                                                                                    \
	 'p',                                                                                      \
	 "PID,...",                                                                                \
	 "running processes: all their threads, and what they start",                              \
	 cli_set_pids,                                                                             \
	 offsetof(type, member.pids),                                                              \
	 0,                                                                                        \
	 0,                                                                                        \
	 NULL},                                                                                    \
		{"cgroup", 'G', "PATH", group_help, cli_set_string, offsetof(type, member.cgroup), \
		 0,	   0,	NULL},                                                             \
	{                                                                                          \
		"all-cpus", 'a', NULL, "the whole machine", cli_set_flag,                          \
			offsetof(type, member.all_cpus), 0, 0, NULL                                \
	}

/* struct target_pids: process numbers, comma-separated; adds up. */
int cli_set_pids(void *field, const char *value, const struct cli_option *opt, struct strbuf *why);

/* How many of the ways to name something are used. */
uint32_t targets__ways(const struct targets *t);

/* Opens a pidfd for each process; fds has room for pids->cnt. 0, or -errno having said why and with
 * nothing left open. */
int targets__open_pids(const struct target_pids *pids, int *fds);

/* Opens the folder of a cgroup: a path, or one below where version 2 is mounted. v1: it may be one of
 * version 1, too. The fd, or -errno having said why. */
int targets__open_cgroup(const char *path, bool v1);

#endif /* CPT_TARGETS_H */
