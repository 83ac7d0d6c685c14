/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A tree of threads whose work and span are known: mode `forkjoin` of the program `threads`.
 */
#ifndef WL_FORKJOIN_H
#define WL_FORKJOIN_H

#include "common.h"

/* CPU time: of a leaf, and of each inner node before it forks and again after it has joined. */
void run_forkjoin(struct wl_run *run, int64_t depth, int64_t leaf_ns, int64_t split_ns);

#endif
