/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The modes of the program `locks`, by what is waited for. The objects are global and named, because
 * a tracer is to name them.
 */
#ifndef WL_LOCKS_H
#define WL_LOCKS_H

#include "contest.h"

enum { OPT_WORKERS, OPT_HOLDS, OPT_HOLD_US, OPT_HOGS, OPT_REMAP, OPT_DEPTH, OPT_STAGES, OPT_MS };

/* mutexes, locks_mutex.c */
void run_sleep(struct wl_run *run);
void run_fsync(struct wl_run *run);
void run_preempted(struct wl_run *run);
void run_shared(struct wl_run *run);
void run_pi(struct wl_run *run);
void run_robust(struct wl_run *run);

/* other words and files, locks_other.c */
void run_condvar(struct wl_run *run);
void run_rwlock(struct wl_run *run);
void run_semaphore(struct wl_run *run);
void run_filelock(struct wl_run *run);

/* waits for what no word holds, locks_parked.c */
void run_mmap(struct wl_run *run);
void run_jointree(struct wl_run *run);
void run_pipechain(struct wl_run *run);

#endif
