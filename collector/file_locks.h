/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * file_locks.h - which files the descriptors were that tasks waited on in flock or fcntl.
 *
 * Owns:     what a descriptor of a process was, by device and inode, and the name it had.
 * Must not: know events or words (places.h says who waited on what).
 *
 * A descriptor means a file only as long as it is not closed, so it is looked at while its task sits in
 * that very call, before and after. A wait that is over by then is not looked at: of a lock that matters
 * there is a longer one, or another. One that was seen to be two files has no name. What is locked is the
 * file: its locks of flock and of fcntl, and ranges within it, are not told apart.
 */
#ifndef CPT_FILE_LOCKS_H
#define CPT_FILE_LOCKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CPT_FILE_LOCKS_MAX                                                                         \
	1024u /* descriptors that are told apart; later ones stay without a name */

struct file_lock {
	const char *path; /* as its process sees it; the table's own */
	uint64_t dev, ino;
};

struct file_locks;
struct file_locks *file_locks__new(void); /* NULL with errno */
void file_locks__free(struct file_locks *fl);

/* tid may be waiting in system call sysno on fd, of the process that proc leads, in its space. */
void file_locks__look(struct file_locks *fl, pid_t tid, uint32_t proc, uint32_t space, int sysno,
		      uint64_t fd);

/* False: not known, or not one file. */
bool file_locks__find(const struct file_locks *fl, uint32_t proc, uint32_t space, uint64_t fd,
		      struct file_lock *out);

#endif /* CPT_FILE_LOCKS_H */
