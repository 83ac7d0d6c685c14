/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mark_session.h - the probe of marks in the kernel: where it sits, and what it delivers.
 *
 * Owns:     its skeleton (the one user of it), the places it is attached to.
 * Must not: print, know what a phase is.
 *
 * It sits at the probe cpartrace:mark of files, whoever runs them: of this program itself, for `cpartrace mark`,
 * and of those that are added. A file that changes its place or is replaced later is another one.
 */
#ifndef CPT_MARK_SESSION_H
#define CPT_MARK_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../probes/cpt_abi.h"

#define MARK_PLACES_MAX 256 /* of all files */

struct mark_session;

/* Loads the probe and attaches it to this program. tasks_fd: the map of the workload's tasks; machine: the
 * recording is of all that runs; endless: it forgets again, and CPT_MARKS_MAX does not hold. NULL with errno and a line in err. */
struct mark_session *mark_session__open(int tasks_fd, bool machine, bool endless, char *err,
					size_t err_sz);
void mark_session__free(struct mark_session *s); /* detaches too; accepts NULL */

/* Attaches it to the places of an open file, once, however often it is added. outside: marks count by whoever runs it,
 * else by the workload alone; a file that is added twice is as it was the first time. How many there are, 0: it has
 * none; -errno. */
int mark_session__add(struct mark_session *s, int fd, bool outside);

/* No more marks come; those in the ring stay. */
void mark_session__stop(struct mark_session *s);

/* For wake__add: readable when marks should be fetched soon. */
int mark_session__wake_fd(const struct mark_session *s);

/* Hands over what has come, in the order of the ring. 0 or fn's or -errno. */
typedef int (*mark_session_fn)(void *ctx, const struct cpt_rec_mark *rec);
int mark_session__drain(struct mark_session *s, mark_session_fn fn, void *ctx);

void mark_session__lost(const struct mark_session *s, uint64_t lost[CPT_MARK_LOSS_CNT]);

#endif /* CPT_MARK_SESSION_H */
