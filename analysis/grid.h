/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * grid.h - fills the grid of grid_facts.h while the pass goes on.
 *
 * Owns:     the bins' sums, the rows of threads and CPUs, and the trail of the critical path.
 * Must not: move time (timeline.h does, and says when a bin ends).
 *
 * A stretch of a thread is booked when it ends, into every bin it reaches into; all else is the
 * difference of the timeline's sums at a bin's two ends. The trail: who stands on the critical path is
 * known at the end only, so each bin keeps for each task which one its chain came from at the bin's
 * start, and the way is walked back from the end:
 *
 *      border      b            b+1           b+2 (end)
 *      A           A ---.        A
 *      B           B     '-----> B -----.     B        A woke B in bin b, B woke C in bin b+1:
 *      C           C             C       '--> C        on the path are A, B, C just before the borders
 *
 * Memory: bins x (64 threads x the states they were in + CPUs used + tasks, at most 2048), and that of
 * acct_bins.h, grid_locks.h and grid_names.h. Time: one call per stretch, O(tasks + CPUs) per bin.
 *
 * Private to analysis/.
 */
#ifndef CPT_GRID_H
#define CPT_GRID_H

#include "grid_facts.h"
#include "timeline.h"

struct grid;

/* NULL with errno (EINVAL: opts are out of bounds, ENOMEM). */
struct grid *grid__new(const struct cpt_grid_opts *opts, const struct timeline *tl);
void grid__free(struct grid *g); /* accepts NULL */

/* A stretch of a task that is over, inside the time accounted. 0 or -errno. */
int grid__interval(struct grid *g, const struct cpt_interval *iv);

/* A running stretch of t is over (before grid__interval() hears of it): its part of the bottle graph. Likewise. */
int grid__turn(struct grid *g, const struct task *t);

/* A wait of a task for a lock is counted, and a piece of it, from from_ns to now_ns, is over: see
 * grid_locks.h. Likewise. */
int grid__lock_wait(struct grid *g, uint32_t lock);
int grid__lock_piece(struct grid *g, uint32_t lock, uint32_t id, bool blocked, uint64_t from_ns,
		     uint64_t now_ns);

/* t goes on because of what waker did: its chain is the waker's. */
void grid__follow(struct grid *g, uint32_t id, uint32_t waker);

/* From now_ns on so many operations of an instance are in flight, one way. 0 or -errno. */
int grid__flight(struct grid *g, const struct cpt_flight *flight);
/* From now_ns on that is known, or not: it is not while the instance is not there, or records of it are lost.
 * Likewise. */
int grid__known(struct grid *g, uint32_t instance, bool known, uint64_t now_ns);

/* Where accounts.h books by bins; g's. */
struct acct_bins *grid__accounts(const struct grid *g);

/* A bin ends now, and the next begins. 0 or -errno. */
int grid__end_bin(struct grid *g, const struct cpt_step *step);

/* The facts, once accounting is over; g is left empty. NULL with errno. */
struct cpt_grid *grid__take(struct grid *g);

#endif /* CPT_GRID_H */
