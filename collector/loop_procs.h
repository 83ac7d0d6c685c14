/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop_procs.h - processes that have, or had, event loops: which of them have ended.
 *
 * They end without closing what they have, so they are asked now and then.
 *
 *   list   | living, in any order | ended, ascending |
 *          0                      parted             cnt        dropped once all of theirs is forgotten
 *
 * Owns:     the list of their numbers.
 * Must not: know what a process had.
 */
#ifndef CPT_LOOP_PROCS_H
#define CPT_LOOP_PROCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop_procs {
	uint32_t *list; /* each once; numbers of the initial PID namespace */
	size_t cnt, cap;
};

/* Are numbers of the initial PID namespace those by which this program can ask for a process? Elsewhere they are
 * another's, or nobody's. */
bool loop_procs__can_ask(void);

/* 0 or -ENOMEM. */
int loop_procs__note(struct loop_procs *p, uint32_t tgid);

/* Puts those that live first. How many; those behind have ended, and are sorted. Only where one can ask. */
size_t loop_procs__part(struct loop_procs *p);

/* Is it one of these, which are sorted? */
bool loop_procs__among(const uint32_t *sorted, size_t cnt, uint32_t tgid);

void loop_procs__free(struct loop_procs *p);

#endif /* CPT_LOOP_PROCS_H */
