/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stat_session.h - the probes of `stat` in the kernel, from loading to detaching, and their accounts.
 *
 * Owns:     the skeleton of the stat probes (its one user), the mapped accounts, the iterators.
 * Must not: derive figures, print. Errors are one line in the caller's buffer.
 *
 * Order of calls: open; attach; then seed (a command: the account opens with its exec) or seed_pids,
 * seed_all, seed_group and begin; any of wait / check / deaths / sample / tasks; shut; the last sample,
 * deaths, tasks, deaths; end; free.
 */
#ifndef CPT_STAT_SESSION_H
#define CPT_STAT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../probes/stat_abi.h"
#include "stat_sample.h"

struct stat_session;

struct stat_session_opts {
	int mode;      /* CPT_STAT_TREE, _ALL, _CGROUP */
	bool command;  /* TREE: a command is followed, not running processes */
	bool wait_all; /* command: until its last task has gone, not only its process */
	bool verbose;  /* let libbpf write to stderr */
};

/* Loads the probes and maps the accounts. NULL with errno and a line in err. */
struct stat_session *stat_session__open(const struct stat_session_opts *opts, char *err,
					size_t err_sz);

/* 0 or -errno with a line in err. */
int stat_session__attach(struct stat_session *s, char *err, size_t err_sz);

/* Makes the process of pidfd, which waits to exec, the command. 0 or -errno with a line. */
int stat_session__seed(struct stat_session *s, int pidfd, char *err, size_t err_sz);

/* Marks all threads of the processes of these pidfds; gone: which have ended and were waited for. 0 or -errno with a
 * line in err, -ESRCH: all have. */
int stat_session__seed_pids(struct stat_session *s, const int *pidfds, size_t cnt, bool *gone,
			    char *err, size_t err_sz);

/* Marks every task there is. 0 or -errno with a line in err. */
int stat_session__seed_all(struct stat_session *s, char *err, size_t err_sz);

/* Learns the cgroup of an open folder, then marks every task there is. 0 or -errno with a line. */
int stat_session__seed_group(struct stat_session *s, int group_fd, char *err, size_t err_sz);

/* Opens the account: not for commands. */
int stat_session__begin(struct stat_session *s, char *err, size_t err_sz);

/* CPUs that can appear. */
uint32_t stat_session__cpu_cnt(const struct stat_session *s);

/* Sleeps until timeout_ms passed, the ring of deaths asks to be drained, or extra_fd (-1: none) is
 * readable. 0 or -errno. */
int stat_session__wait(struct stat_session *s, int timeout_ms, int extra_fd);

/* Looks at CPUs where nothing has happened lately, so that a switch without an event is found. */
void stat_session__check(struct stat_session *s);

/* Tasks that have not made their final switch-out: of the command's process, and of the workload. */
void stat_session__live(const struct stat_session *s, uint32_t *root, uint32_t *all);

/* Hands the last words of tasks that have ended to fn. */
typedef void (*stat_session_task_fn)(void *ctx, const struct cpt_stat_rec *rec);
int stat_session__deaths(struct stat_session *s, stat_session_task_fn fn, void *ctx);

/* Hands what every living task has used so far to fn. 0 or -errno. */
int stat_session__tasks(struct stat_session *s, stat_session_task_fn fn, void *ctx);

/* Sums since the account was opened, up to now (up to its end once it has been shut). The longest
 * wait is that since the sample before. */
void stat_session__sample(struct stat_session *s, struct stat_sample *sample);

/* Whether this kernel accounts for run-queue waits. */
bool stat_session__waits_known(const struct stat_session *s);

/* Shuts the account: what happens from here on does not count. Tasks that end still say their last
 * word, so that each is in the next look at all tasks or among the deaths after it, and not in both. 0 or
 * -errno: it goes on. */
int stat_session__shut(struct stat_session *s);

/* When the account was shut, CLOCK_MONOTONIC; 0: it is not, or was never open. */
uint64_t stat_session__shut_ns(const struct stat_session *s);

/* Detaches. */
void stat_session__end(struct stat_session *s);

void stat_session__free(struct stat_session *s); /* detaches too; accepts NULL */

#endif /* CPT_STAT_SESSION_H */
