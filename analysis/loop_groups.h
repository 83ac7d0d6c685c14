/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop_groups.h - loops beside each other: pools of equal ones, and work they hand to others.
 *
 * Owns:     which loops make a pool, which wake-ups are work handed over.
 * Must not: see events; it reads a report's threads, loops and wake graph.
 *
 * Handed over is what a loop's thread wakes in its own process: one that is no loop and waited for work
 * (queue, condvar, peer). It comes back when such a thread ends the loop's wait. Wake-ups are fewer than
 * pieces of work: who is busy need not be woken.
 *
 *	loop   --- futex_wake ---> worker (queue)         handed
 *	loop <--- eventfd write --- worker                returned
 *	loop   --- eventfd write --> another loop         to_loops
 *
 * Private to analysis/.
 */
#ifndef CPT_LOOP_GROUPS_H
#define CPT_LOOP_GROUPS_H

#include "report.h"

/* Fills pools and offloads of r->loops. 0 or -ENOMEM. */
int loop_groups__find(struct cpt_report *r);

#endif /* CPT_LOOP_GROUPS_H */
