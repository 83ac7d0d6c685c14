/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * threads_spin.h - mode `spin` of the program threads: a barrier whose waiters compute nothing at full speed.
 *
 * Owns:     its options and its truth: how much of the CPU time was busy-waiting.
 */
#ifndef WORKLOADS_THREADS_SPIN_H
#define WORKLOADS_THREADS_SPIN_H

#include "common.h"

#define SPIN_OPTION_CNT 4
extern const struct wl_option spin_options[SPIN_OPTION_CNT];

void run_spin(struct wl_run *run);

#endif
