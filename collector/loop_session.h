/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop_session.h - the probes of event loops in the kernel, from loading to detaching.
 *
 * Owns:     their skeleton (its one user), their ring, the mapped slots of instances, the histograms.
 * Must not: interpret records (loop_book.h), know when they are needed (loop_watch.h).
 *
 * They share the family of the recording probes: the map of tasks is theirs.
 */
#ifndef CPT_LOOP_SESSION_H
#define CPT_LOOP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../probes/cpt_abi.h"

struct loop_session;

/* Loads and attaches the probes; tasks_fd: the recording probes' map of tasks; from_start: nothing
 * of the workload has run yet; services: single descriptors have an account. NULL with errno and a line in
 * err. */
struct loop_session *loop_session__open(int tasks_fd, bool from_start, bool services, char *err,
					size_t err_sz);

/* Readable when the ring should be drained before time. */
int loop_session__wake_fd(const struct loop_session *s);

/* Hands all records that are ready to fn, in order. Stops at its first error and returns it. */
typedef int (*loop_session_fn)(void *ctx, const void *rec, size_t sz);
int loop_session__drain(struct loop_session *s, loop_session_fn fn, void *ctx);

/* Slots that were ever used are 0 .. this - 1. */
uint32_t loop_session__slots(const struct loop_session *s);
const struct cpt_loop_inst *loop_session__slot(const struct loop_session *s, uint32_t slot);

/* Takes the window that a slot holds back, if it began before before_ns, as the record that the kernel
 * would have sent. false: there is none, or a program is at it. */
bool loop_session__take_window(struct loop_session *s, uint32_t slot, uint64_t before_ns,
			       struct cpt_rec_loop *rec);

/* A descriptor that was registered with an instance before the probes came. 0, -ENOSPC, -errno. */
int loop_session__seed(struct loop_session *s, uint32_t tgid, uint32_t epfd, uint32_t fd,
		       uint64_t cookie);

/* The histogram of a slot's operations of one way, CPT_LOOP_BUCKETS counts. 0 or -errno. */
int loop_session__histogram(const struct loop_session *s, uint32_t slot, uint32_t way,
			    uint64_t *buckets);

/* The slot's instance is closed and all of it read: another may have it. */
void loop_session__free_slot(struct loop_session *s, uint32_t slot);

/* Processes that had loops have ended: their descriptors are forgotten. tgids are sorted. Looks at those of all. 0;
 * -errno where not all could be looked at: to be asked again. */
int loop_session__forget(struct loop_session *s, const uint32_t *tgids, size_t cnt);

/* An instance is over, and the probes were not told. */
void loop_session__forget_instance(struct loop_session *s, uint32_t tgid, uint32_t epfd);

void loop_session__losses(const struct loop_session *s, uint64_t losses[CPT_LOOP_LOSS_CNT]);
/* Runs of programs that the kernel left out, which it counts itself: a system call for each program. */
uint64_t loop_session__skipped(const struct loop_session *s);

/* No program runs from here on; what is in the ring and the slots stays. */
void loop_session__detach(struct loop_session *s);
void loop_session__free(struct loop_session *s); /* detaches too; accepts NULL */

#endif /* CPT_LOOP_SESSION_H */
