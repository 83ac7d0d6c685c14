/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop_levels.h - how many loops run at once.
 *
 * Owns:     time by number of loops that dispatch on a CPU, and the time with loops.
 * Must not: know tasks or events.
 *
 * Whether a thread that dispatches is still a loop is known when it waits again, and the pass goes
 * forward only. So each that dispatches has a slot, and time is kept apart by what the slots were:
 *
 *	key   [ slot 7 … slot 0, 2 bits each ][ unknown ][ busy ][ alive ]    of those that are certain
 *
 * When a thread waits again, its slot's part of every key is added to the certain ones; when it turns
 * out to have been a loop no more, it is taken away. A key without slots is final. There are hardly
 * ever more keys than a few for each slot. Where slots or keys run out, one counts as a loop at once.
 *
 * Private to analysis/.
 */
#ifndef CPT_LOOP_LEVELS_H
#define CPT_LOOP_LEVELS_H

#include "loop_ledger_facts.h"

#define LEVEL_SLOTS   8u
#define LEVEL_NO_SLOT 0xffu
#define LEVEL_KEYS    128u

/* What a thread that is a loop, or may be one, does. */
enum level_state { LEVEL_NOT, LEVEL_OFF, LEVEL_BUSY, LEVEL_UNKNOWN };

struct level_cell {
	uint64_t key, ns;
};

struct loop_levels {
	uint64_t now_ns;
	uint64_t key;	      /* of this instant */
	uint8_t slots_used;   /* a bit each */
	uint32_t alive, peak; /* threads that are loops or may be: now, and the most */
	uint32_t cnt;	      /* keys that are not final */
	struct level_cell cells[LEVEL_KEYS];
	uint64_t ns[CPT_LOOP_LEVELS]; /* final: by level */
	uint64_t unknown_ns;
};

/* Moves to now_ns, never back. */
void loop_levels__advance(struct loop_levels *l, uint64_t now_ns);

/* A slot for a thread that begins to dispatch; LEVEL_NO_SLOT if there is none. */
uint8_t loop_levels__slot(struct loop_levels *l);

/* A thread does something else from now on; slot: its own, LEVEL_NO_SLOT while it is certain. */
void loop_levels__change(struct loop_levels *l, uint8_t slot, enum level_state from,
			 enum level_state to);

/* It was a loop (or not) all the while it had the slot; it is LEVEL_NOT now. The slot is free again. */
void loop_levels__resolve(struct loop_levels *l, uint8_t slot, bool was_loop);

/* Fills in level_ns, level_unknown_ns, with_loops_ns, level_cnt, peak. All slots are resolved. */
void loop_levels__take(const struct loop_levels *l, struct cpt_loops *out);

#endif /* CPT_LOOP_LEVELS_H */
