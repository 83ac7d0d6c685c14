/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mark_session.h - the probe of programs' marks in the kernel: where it sits.
 *
 * Owns:     its skeleton (the one user of it), the places it is attached to.
 * Must not: print, know what a phase is, be there where no file has a mark: attaching and detaching take the time
 *           in which the kernel waits for all CPUs.
 *
 * It sits at the probe cpartrace:mark of files, whoever runs them. A file that changes its place or is replaced later
 * is another one. What it says comes with the session's marks (bpf_session__read_marks).
 */
#ifndef CPT_MARK_SESSION_H
#define CPT_MARK_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf_session.h"
#include "usdt_note.h"

#define MARK_PLACES_MAX 256 /* of all files */

struct mark_session;

/* Loads the probe. shared: of the session whose marks they are. NULL with errno and a line in err. */
struct mark_session *mark_session__open(const struct bpf_session_marks *shared, char *err,
					size_t err_sz);
void mark_session__free(struct mark_session *s); /* detaches too; accepts NULL */

/* Attaches it to places of an open file, once, however often it is added. outside: marks count by whoever runs it,
 * else by the workload alone; a file that is added twice is as it was the first time. At how many it sits;
 * -errno with a line in err: -ENOSPC where there is no room for any. */
int mark_session__add(struct mark_session *s, int fd, const struct usdt_site *sites, int cnt,
		      bool outside, char *err, size_t err_sz);

/* Whether the kernel lets it be attached: to a place of this program that nobody comes by. 0 or -errno with a line. */
int mark_session__try(struct mark_session *s, char *err, size_t err_sz);

/* No more marks come; those in the ring stay. */
void mark_session__stop(struct mark_session *s);

#endif /* CPT_MARK_SESSION_H */
