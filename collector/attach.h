/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * attach.h - a recording of what runs already, instead of a command.
 *
 * Owns:     the processes and the cgroup the user named, held open; the tasks found, until there is a
 *           trace; when it is over.
 * Must not: print but what of the user's names leads nowhere, know about the trace's bytes. Other errors are one
 *           line in the caller's buffer.
 *
 *   open ── (load, --delay, attach probes) ── find ── (open the trace) ── feed ── tick … over? ──
 *                                              └ from its return on the window is open
 */
#ifndef CPT_ATTACH_H
#define CPT_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../analysis/merge.h"
#include "bpf_session.h"
#include "places.h"
#include "targets.h"

struct attach;

/* Opens what the user named, for which no privileges are needed. t is borrowed. NULL with errno, and all
 * has been said. */
struct attach *attach__open(const struct targets *t);
void attach__free(struct attach *a); /* accepts NULL */

/* CPT_MODE_* for the probes. */
uint32_t attach__mode(const struct attach *a);

/* What the trace says of it: "pid 12,13", "cgroup PATH", "all". */
const char *attach__name(const struct attach *a);
/* The processes that were named; borrowed. */
const struct target_pids *attach__pids(const struct attach *a);
/* The one process that was named, 0: none, or several things. */
pid_t attach__pid(const struct attach *a);

/* Marks and finds, all probes being attached. 0; -errno with a line in err: -ESRCH where there is
 * nobody. */
int attach__find(struct attach *a, struct bpf_session *s, char *err, size_t err_sz);

/* Hands over what was found since. 0 or -errno. */
int attach__feed(struct attach *a, struct cpt_merge *m, struct places *ps);

/* Looks for tasks that came into the cgroup by other ways than birth: when some were moved, and now and
 * then (now_ns). At every call for those whose state could not be told. 0 or -errno; feed then. */
int attach__tick(struct attach *a, struct bpf_session *s, uint64_t now_ns);

/* The kernel's account of a task that has ended begins with it; ours when it was found: takes off what was
 * before. */
void attach__since_found(const struct attach *a, struct cpt_rec_exit *rec);
/* And of those that live, in all; UINT64_MAX not known. */
uint64_t attach__alive_exec_ns(const struct attach *a, struct bpf_session *s);

/* Readable when one of the processes has ended; -1: none was named. */
int attach__fd(const struct attach *a);
/* Have all processes that were named, and what they started, ended? */
bool attach__over(struct attach *a, struct bpf_session *s, uint64_t now_ns);

#endif /* CPT_ATTACH_H */
