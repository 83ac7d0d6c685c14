/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * carry.h - what must be known of the time before an instant, so that a trace can begin there.
 *
 * Owns:     following every task by its events: who it is, what it does now, since when, how that wait
 *           ended; likewise event loops; and saying it again in as few events.
 * Must not: write files, account time.
 *
 *      events so far, forgotten                   from here on a trace goes on
 *   ──NEW──SWITCH──WAKE──SWITCH── … ──SWITCH──|──SWITCH──WAKE── …
 *                                             ^ carry__say(): of each task that lives NEW, EXEC, and what it
 *                                               does: the events of its last switch and wake-up, each at
 *                                               the time it had
 *
 * All of these are as of tasks that were found (CPT_SW_FOUND, CPT_TASK_FOUND), and of before the instant: a
 * window that opens there (CPT_TRACE_ATTACHED) has each task in the state that it was in, and a wait that
 * ends behind it began where it did.
 *
 * Memory: O(tasks that live), and 4 bytes for each that ever did.
 */
#ifndef CPT_CARRY_H
#define CPT_CARRY_H

#include "merge.h"

struct carry;

/* of_command: task 1 lives from its EXEC on, and runs there. NULL with errno. */
struct carry *carry__new(uint32_t cpu_cnt, bool of_command);
void carry__free(struct carry *c); /* accepts NULL */

/* As a merge's sink gives them. 0, -ENOMEM, or -EINVAL for a CPU or task out of range. */
int carry__feed(struct carry *c, const struct cpt_event *ev, size_t cnt);
int carry__late(struct carry *c, const struct cpt_late *late);
int carry__side(struct carry *c, const struct cpt_event *ev, size_t cnt);

/* What stands for all that was fed, to `to` (no late facts): side events first, then events, each in order
 * of time. 0, -ENOMEM, or what `to` returned. */
int carry__say(struct carry *c, const struct cpt_merge_sink *to);

/* Tasks that live. */
uint32_t carry__tasks(const struct carry *c);
/* The highest number of a task so far. */
uint32_t carry__highest(const struct carry *c);

#endif /* CPT_CARRY_H */
