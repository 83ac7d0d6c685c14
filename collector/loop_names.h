/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop_names.h - what text, JSON and tables say of loops and stalls in common.
 *
 * Owns:     names of the calls a loop is blocked in, and of what they are called on.
 */
#ifndef CPT_LOOP_NAMES_H
#define CPT_LOOP_NAMES_H

#include "analysis/report.h"

/* The system call of a stall: "read"; NULL outside of system calls, "?" one that is not known. */
const char *stall_call(const struct cpt_report *r, const struct cpt_stall *stall);

/* Kind of the descriptor it is on: "file"; NULL where it is on none. Then longest_arg0 is a descriptor. */
const char *stall_fd_kind(const struct cpt_report *r, const struct cpt_stall *stall);

/* Is longest_arg0 the address of a futex? */
bool stall_is_futex(const struct cpt_report *r, const struct cpt_stall *stall);

/* "epoll", "poll" or "io_uring"; its descriptor, -1: a set of them (poll, select). */
const char *instance_kind(const struct cpt_epoll_instance *in);
int32_t instance_fd(const struct cpt_epoll_instance *in);

#endif /* CPT_LOOP_NAMES_H */
