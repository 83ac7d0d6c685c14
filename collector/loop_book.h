/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop_book.h - records of event loops in, events in order of time out.
 *
 * Owns:     levels of each instance as the trace tells them, the hold-back, what losses put in doubt.
 * Must not: read rings or maps.
 *
 *   record   base ── o  o c  o ──        opened 3, sum of their times; ended 1
 *   events           ──┬──┬──            one for each: the integral is exact, and so is the peak
 *
 * Memory: O(instances + events within the hold-back).
 */
#ifndef CPT_LOOP_BOOK_H
#define CPT_LOOP_BOOK_H

#include "../analysis/event.h"

struct loop_book;

/* Receives events in order of time. 0 or -errno, which ends the book. */
typedef int (*loop_book_fn)(void *ctx, const struct cpt_event *ev, size_t cnt);

struct loop_book *loop_book__new(loop_book_fn fn, void *ctx); /* NULL without memory */
void loop_book__free(struct loop_book *b);		      /* accepts NULL */

/* One record. Those of one instance come in the order of their numbers, but for such that others
 * overtook by some ms. 0 or -errno. */
int loop_book__new_instance(struct loop_book *b, const struct cpt_rec_loop_new *rec);
int loop_book__record(struct loop_book *b, const struct cpt_rec_loop *rec);
/* The instance is closed, or its process has ended, at ts_ns: nothing is in flight. */
int loop_book__end(struct loop_book *b, uint32_t instance, uint64_t ts_ns);

/* Records were lost, after since_ns. */
int loop_book__lost(struct loop_book *b, uint64_t since_ns);
/* What the kernel says of an instance at now_ns, behind a loss. One whose own record was lost begins then:
 * found, as those that were there before the probes. */
int loop_book__resync(struct loop_book *b, const struct cpt_loop_inst *in, uint64_t now_ns);

/* Hands out all events before horizon_ns; what comes for a time before that later on is moved up. */
int loop_book__advance(struct loop_book *b, uint64_t horizon_ns);

#endif /* CPT_LOOP_BOOK_H */
