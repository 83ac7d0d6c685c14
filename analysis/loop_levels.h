/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop_levels.h - how many loops run at once.
 *
 * Owns:     time by number of loops that dispatch on a CPU, and the time with loops.
 * Must not: know tasks or events.
 *
 * Whether a thread that dispatches is still a loop is known when it waits again, and the pass goes
 * forward only. What it does until then is a part; changes are queued, and counted once it is known
 * whose they are, so however many are pending the counts are exact:
 *
 *	counted ──────────────► done                                     now
 *	                         | queue: change, change, change, … ──────►|
 *	                         the first one whose part is pending
 *
 * A part that is pending for so long that the queue is full, as of a thread that has left its loop
 * for good, gets a slot, and time is kept apart by what the slots were:
 *
 *	key   [ slot 7 … slot 0, 2 bits each ][ unknown ][ crowd, busy ][ alive ]    of those that are certain
 *
 * When a thread waits again, its slot's part of every key is added to the certain ones; when it turns
 * out to have been a loop no more, it is taken away. A key without slots is final.
 *
 * Where slots or keys run out, a part is one of the crowd: how long it was busy is known, beside whom is
 * not. Time in which one of the crowd lives is kept by the level of all others; those that turn out
 * to have been loops are laid upon it in the end, as evenly as can be. Level by level that is an
 * estimate; that levels sum to what loops ran, and to the time with loops, holds all the same.
 *
 * Memory: O(loops): the queue has room for LEVEL_QUEUE_MIN changes, and LEVEL_QUEUE_PER_LOOP more for each loop.
 *
 * Private to analysis/.
 */
#ifndef CPT_LOOP_LEVELS_H
#define CPT_LOOP_LEVELS_H

#include "loop_ledger_facts.h"

#define LEVEL_SLOTS	     8u
#define LEVEL_KEYS	     128u
#define LEVEL_QUEUE_MIN	     1024u
#define LEVEL_QUEUE_PER_LOOP 32u
#define LEVEL_CERTAIN	     0u /* no part: it is a loop */

/* What a thread that is a loop, or may be one, does. */
enum level_state { LEVEL_NOT, LEVEL_OFF, LEVEL_BUSY, LEVEL_UNKNOWN };

struct level_cell {
	uint64_t key, ns;
};

struct level_change; /* in the queue */
struct level_part;

struct loop_levels {
	uint64_t now_ns;
	uint32_t alive, peak; /* threads that are loops or may be: now, and the most */
	uint32_t loops;	      /* there are, or have been */
	/* changes that are not counted yet: a ring */
	struct level_change *queue;
	uint32_t cap, first, queued;
	struct level_part *parts; /* some more than cap */
	uint32_t parts_cnt, free; /* ever used; list of the free ones, 0 none */
	/* what is counted */
	uint64_t done_ns;
	uint64_t key; /* of done_ns */
	uint32_t slot_part[LEVEL_SLOTS];
	uint32_t cnt; /* keys that are not final */
	struct level_cell cells[LEVEL_KEYS];
	uint64_t ns[CPT_LOOP_LEVELS]; /* final: by level */
	uint64_t unknown_ns;
	/* the crowd */
	uint32_t crowd;			    /* parts of it that live at done_ns */
	uint64_t lonely_ns;		    /* time with none that is certain, up to done_ns */
	uint64_t crowd_ns[CPT_LOOP_LEVELS]; /* likewise final: time beside the crowd, */
	uint64_t crowd_only_ns;		    /* and with nobody else */
	/* of those that were loops: alone, busy, unknown */
	uint64_t claim_lonely_ns, claim_busy_ns, claim_unknown_ns;
};

void loop_levels__fini(struct loop_levels *l); /* zeroed is fine */

/* There is one loop more. 0 or -ENOMEM. */
int loop_levels__reserve(struct loop_levels *l);

/* Moves to now_ns, never back. */
void loop_levels__advance(struct loop_levels *l, uint64_t now_ns);

/* A part for a thread that begins to dispatch: as many at a time as there are loops, at most. */
uint32_t loop_levels__part(struct loop_levels *l);

/* A thread does something else from now on; part: its own, LEVEL_CERTAIN while it is certain. */
void loop_levels__change(struct loop_levels *l, uint32_t part, enum level_state from,
			 enum level_state to);

/* It was a loop (or not) all the while it had the part; it is LEVEL_NOT now. The part is none any more. */
void loop_levels__resolve(struct loop_levels *l, uint32_t part, bool was_loop);

/* Fills in level_ns, level_unknown_ns, with_loops_ns, level_cnt, peak. All parts are resolved. */
void loop_levels__take(const struct loop_levels *l, struct cpt_loops *out);

#endif /* CPT_LOOP_LEVELS_H */
