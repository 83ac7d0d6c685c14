/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sqpoll.h - kernel threads that poll for the submissions of io_uring rings: what of their time is spinning.
 *
 * Owns:     which task is such a thread, how long it ran and did nothing.
 * Must not: know how operations are found, or what an effective parallelism is.
 *
 * Such a thread never rests while it polls: it runs, and whether it works shows in what it submits and
 * completes.
 *
 *   on a CPU   |###########|o##c#|###################|c#|########
 *              |<- quiet ->|     |<- more than 50 us ->|            spinning, unless an operation of its
 *                                                                  ring is neither done, nor armed, nor a
 *                                                                  worker's: then it may be at that one
 *
 * So it is a lower bound; without the records of loops nothing is called spinning, nor what reaches over a loss of
 * them. A thread may poll for several rings: it spins while it is at no operation of any. Where they were more than
 * eight, nothing behind a loss is.
 *
 * Private to analysis/.
 */
#ifndef CPT_SQPOLL_H
#define CPT_SQPOLL_H

#include "loops.h"
#include "sqpoll_facts.h"

struct sqpolls;
struct task_sqpoll; /* owned by it, see task.sqpoll */

struct sqpolls *sqpolls__new(const struct loops *loops); /* borrowed; NULL without memory */
void sqpolls__free(struct sqpolls *s);			 /* accepts NULL */

/* t's name is known, or another one than before. 0 or -ENOMEM. */
int sqpolls__named(struct sqpolls *s, struct task *t, uint64_t now_ns);

/* t's state, or whether it is counted, has changed. Only for tasks with t->sqpoll. */
void sqpolls__update(const struct sqpolls *s, struct task *t, uint64_t now_ns);

/* A record of what t did with a ring's operations. Likewise. */
void sqpolls__acted(const struct sqpolls *s, struct task *t, uint32_t instance, uint64_t now_ns);

/* Records of rings were lost: what any of them did is not known until a record names it again. */
void sqpolls__lost(struct sqpolls *s);

/* Would its present stretch count as spinning if it ended now? Likewise. */
bool sqpolls__spins(const struct sqpolls *s, const struct task *t, uint64_t now_ns);

/* Those that ran, by id; malloc'd, NULL where there are none. All are out of the counts. 0 or -ENOMEM. */
int sqpolls__take(const struct sqpolls *s, struct cpt_sqpoll **rows, uint32_t *cnt);

#endif /* CPT_SQPOLL_H */
