/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * grid_locks.h - the waits for some locks, by bins of time.
 *
 * Owns:     struct cpt_grid_lock of each lock asked for.
 * Must not: know tasks, or what a lock is (locks.h does, and tells of each piece of a wait when it is over).
 *
 *   border        b               b+1              b+2
 *   blocked       |    ###########|################|##
 *   woken         |               |                |  ~~~|
 *   waits, open   |  1, 0         |  0, 1          |  0, 1      bins [b+1, b+3): 0 + 0 that began, 1 open
 *
 * Memory: bins x locks asked for that were waited for.
 *
 * Private to analysis/.
 */
#ifndef CPT_GRID_LOCKS_H
#define CPT_GRID_LOCKS_H

#include "grid_facts.h"

struct grid_locks;

/* ids: numbers of locks as struct cpt_lock has them, borrowed. NULL without memory. */
struct grid_locks *grid_locks__new(uint64_t bin_ns, const uint32_t *ids, uint32_t ids_cnt);
void grid_locks__free(struct grid_locks *g); /* accepts NULL */

/* A wait for the lock is counted while bin is the current one. 0 or -ENOMEM. */
int grid_locks__wait(struct grid_locks *g, uint32_t lock, uint32_t bin);

/* A piece of a wait for the lock, from and to as of the first bin's start: on the lock itself
 * (blocked), or from its wake
 * until it ran. slot: place among the threads wanted, CPT_GRID_THREADS_MAX or more: of none. 0, -ENOMEM or -E2BIG. */
int grid_locks__piece(struct grid_locks *g, uint32_t lock, uint32_t slot, bool blocked,
		      uint64_t from, uint64_t to);

/* The facts, of bins_cnt bins: to out, which has room for all; returns how many. g is left empty. */
uint32_t grid_locks__take(struct grid_locks *g, uint32_t bins_cnt, struct cpt_grid_lock *out);
void cpt_grid_lock__free(struct cpt_grid_lock *l); /* what it points to */

#endif /* CPT_GRID_LOCKS_H */
