/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop_table.h - the loops there are: by thread, and by what they wait on.
 *
 * Owns:     which wait is of which loop, and how many are told apart.
 * Must not: account time (loop_ledger.c does, into `struct loop`).
 *
 *	thread  ──► its loops (struct loop_list, next_of_thread)
 *	{process, descriptor}  ──► loops on it (next_of_hash), but those that are over
 *	instance  ──► one of them (by_instance)
 *
 * Private to analysis/.
 */
#ifndef CPT_LOOP_TABLE_H
#define CPT_LOOP_TABLE_H

#include "latency.h"
#include "loop_stalls.h"
#include "tasks.h"

#define LOOPS_MAX	4096u
#define LOOPS_OF_THREAD 64u
#define LOOP_HASH_SZ	1024u
#define NO_LOOP		UINT32_MAX

struct loop {
	struct cpt_loop row; /* but for what is only derived */
	uint32_t proc, space;
	uint32_t next_of_thread, next_of_hash; /* index + 1 */
	bool over;			       /* its descriptor has become another instance */
	uint64_t left_ns; /* its thread went to another one: since when, 0 not */
	uint64_t returns;
	uint64_t waits_before; /* begun before its returns were recorded */
	bool recorded;	       /* they are */
	uint32_t losses;       /* of LOOP events, before that */
	struct cpt_latency *dispatch;
	struct loop_stalls *stalls;
};

/* Loops of one thread. */
struct loop_list {
	uint32_t first; /* index + 1 */
	uint32_t cnt;
};

struct loop_table {
	struct loop *tab;
	uint32_t cnt, cap;
	uint32_t untold;
	uint32_t by_hash[LOOP_HASH_SZ]; /* index + 1 */
	uint32_t *by_instance; /* likewise; CPT_LOOP_NUMBER_MAX + 1 of them, NULL until needed */
};

/* What tells a loop of a thread from its others. */
struct loop_key {
	uint8_t kind;
	int32_t fd;
};

void loop_table__fini(struct loop_table *lt);

/* Index of t's loop with this key, made if need be. NO_LOOP with errno: ENOSPC, ENOMEM. */
uint32_t loop_table__find(struct loop_table *lt, struct loop_list *of, const struct task *t,
			  struct loop_key key, bool *made);

/* The loop is one of this instance from now on, and of no other; the one that is found by it. 0 or -ENOMEM. */
int loop_table__bind(struct loop_table *lt, uint32_t idx, uint32_t instance);
/* The loop is over, and not found any more. Others of its instance are, if they were bound later. */
void loop_table__over(struct loop_table *lt, uint32_t idx);

/* The thread's loop on an instance; some thread's. NO_LOOP if there is none. */
uint32_t loop_table__of_thread(const struct loop_table *lt, const struct loop_list *of,
			       uint32_t instance);
uint32_t loop_table__of_any(const struct loop_table *lt, uint32_t instance);

/* Where the chain of loops on such descriptors begins; others may be in it. */
uint32_t *loop_table__chain(struct loop_table *lt, uint32_t proc, int32_t fd);

#endif /* CPT_LOOP_TABLE_H */
