/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * places.h - where the addresses of a recording lie: in which module, at which offset.
 *
 * Owns:     the processes of the recording as far as their memory goes, and when it is looked at.
 * Must not: know symbols (symbols.h), or what an address is good for.
 *
 * The switch program gives addresses; what is mapped there is only known while the process lives:
 *
 *   ring record, stack ──places__note()──►  pending  ──places__tick()──►  /proc/TID/maps, once a
 *                                                      after a drain      process; again for an
 *                                                                         address not in it
 *
 * A process that names no address is never looked at. One that is gone before its turn still has
 * what others know of it: a fork its creator's mappings as they were when it was forked, and every
 * program its own file, by inode and start address from its EXEC record. What is not known that way
 * stays without a name; it never gets a wrong one.
 *
 * An exec makes addresses mean other things: they are looked up by process and *space*, the number
 * of execs that process had made (as in analysis/words.h).
 *
 * Cost: nothing per switch; a drain looks at each futex wait it finds, and reads /proc for at most
 * CPT_PLACES_TICK_NS. Memory: O(tasks + processes with noted addresses), bounded by the constants.
 */
#ifndef CPT_PLACES_H
#define CPT_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "file_locks.h"
#include "locate.h"

#define CPT_PLACES_TICK_NS     4000000	   /* of reading after one drain; the rest waits its turn */
#define CPT_PLACES_PENDING_MAX 4096u	   /* addresses that wait for theirs */
#define CPT_PLACES_TABLE_BYTES (64u << 20) /* of all tables of mappings */

struct places_stats {
	uint64_t noted;	  /* different addresses, about */
	uint64_t dropped; /* for want of room among the pending */
	uint64_t reads;	  /* of /proc/TID/maps */
	uint64_t failed;  /* of those: the process was gone, or had become another program */
	uint64_t read_ns; /* what reading took in all */
};

struct places;
struct places *places__new(void); /* NULL with errno */
void places__free(struct places *ps);

/* One lifecycle record, as it comes (NEW, EXEC; others are ignored). 0 or -ENOMEM. */
int places__life(struct places *ps, const void *rec, size_t sz);

/* Notes what cnt records of a switch ring name: futex words and locked files that tasks blocked on. */
void places__records(struct places *ps, const void *recs, size_t cnt);

/* Notes an address of a task at a time (to tell before from after an exec). */
void places__note(struct places *ps, uint32_t task, uint64_t ts_ns, uint64_t addr);

/* Looks at what has been noted; after the records and lives of one drain. `last`: the recording is
 * over, whatever can be had is to be had now. */
void places__tick(struct places *ps, bool last);

/* What addr is in. proc: number of the task that leads the process; space: execs it had made. False:
 * not known. The strings and the module are the places' own. */
bool places__find(struct places *ps, uint32_t proc, uint32_t space, uint64_t addr,
		  struct place *place);

/* The file that a descriptor was on which a task waited for a lock. False: not known. */
bool places__locked_file(const struct places *ps, uint32_t proc, uint32_t space, uint64_t fd,
			 struct file_lock *file);

void places__stats(const struct places *ps, struct places_stats *stats);

#endif /* CPT_PLACES_H */
