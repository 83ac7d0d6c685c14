/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Modes of `epoll` that do without it: see polling.c.
 */
#ifndef WL_POLLING_H
#define WL_POLLING_H

#include "common.h"

#define POLLING_OPTIONS 3

extern const struct wl_option polling_options[POLLING_OPTIONS];

void run_poll(struct wl_run *run);
void run_select(struct wl_run *run);

#endif
