/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mark_lock.h - whether any recording takes what `cpartrace mark` says.
 *
 * Owns:     a lock for reading on a byte of this program's own file, which each recording holds.
 * Must not: decide anything: nobody loses a mark for want of it.
 *
 * Whoever asks needs no rights but to read the file, may be another user in another container, and cannot be told of
 * one that has ended: the kernel lets go of a lock with its holder. It is told of recordings by this very file, which
 * are those that take its marks. On a file system without locks nobody can tell, nor where some may execute the file
 * and not read it: they record without the lock.
 */
#ifndef CPT_MARK_LOCK_H
#define CPT_MARK_LOCK_H

/* From here on whoever asks is told so. A descriptor, closed in what is executed; -errno. */
int mark_lock__hold(void);
/* No longer, also where a child has the descriptor, too; closes it. Accepts -1. */
void mark_lock__leave(int fd);

/* 1 some recording holds it; 0 none does; -errno: that cannot be told. */
int mark_lock__is_held(void);

#endif /* CPT_MARK_LOCK_H */
