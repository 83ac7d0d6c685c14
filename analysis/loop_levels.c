// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loop_levels.c - see loop_levels.h.
 */
#include "loop_levels.h"

/* Fields of a key. Threads that are loops: at most as many as there are loops told apart (4096). */
#define ALIVE_ONE     1ull
#define BUSY_ONE      (1ull << 16)
#define UNKNOWN_ONE   (1ull << 32)
#define FIELD(key, n) ((uint32_t)((key) >> 16 * (n)&0xffff))
#define SLOT_SHIFT(s) (48 + 2 * (unsigned int)(s))
#define SLOTS(key)    ((key) >> 48)

static uint64_t certain(enum level_state state)
{
	switch (state) {
	case LEVEL_NOT:
		return 0;
	case LEVEL_OFF:
		return ALIVE_ONE;
	case LEVEL_BUSY:
		return ALIVE_ONE + BUSY_ONE;
	case LEVEL_UNKNOWN:
		break;
	}
	return ALIVE_ONE + UNKNOWN_ONE;
}

static void add_final(struct loop_levels *l, uint64_t key, uint64_t ns)
{
	const uint32_t busy = FIELD(key, 1);

	if (!FIELD(key, 0))
		return;
	if (FIELD(key, 2))
		l->unknown_ns += ns;
	else
		l->ns[busy < CPT_LOOP_LEVELS ? busy : CPT_LOOP_LEVELS - 1] += ns;
}

/* Time at this key; false: there is no room for one more. */
static bool add(struct loop_levels *l, uint64_t key, uint64_t ns)
{
	uint32_t i;

	if (!SLOTS(key)) {
		add_final(l, key, ns);
		return true;
	}
	for (i = l->cnt; i; i--) {
		if (l->cells[i - 1].key == key) {
			l->cells[i - 1].ns += ns;
			return true;
		}
	}
	if (l->cnt == LEVEL_KEYS)
		return false;
	l->cells[l->cnt++] = (struct level_cell){key, ns};
	return true;
}

/* The key as it is once a slot's thread is known to have been a loop, or not. */
static uint64_t resolved(uint64_t key, uint8_t slot, bool was_loop)
{
	const enum level_state state = (enum level_state)(key >> SLOT_SHIFT(slot) & 3);

	key &= ~(3ull << SLOT_SHIFT(slot));
	return was_loop ? key + certain(state) : key;
}

static void resolve_cells(struct loop_levels *l, uint8_t slot, bool was_loop)
{
	const uint32_t cnt = l->cnt;

	/* Each goes to a place before its own, or to none: there is always room. */
	l->cnt = 0;
	for (uint32_t i = 0; i < cnt; i++) {
		const struct level_cell cell = l->cells[i];

		add(l, resolved(cell.key, slot, was_loop), cell.ns);
	}
}

void loop_levels__advance(struct loop_levels *l, uint64_t now_ns)
{
	const uint64_t span_ns = now_ns - l->now_ns;

	l->now_ns = now_ns;
	if (!span_ns || !l->key)
		return;
	for (uint8_t slot = 0; !add(l, l->key, span_ns); slot++)
		resolve_cells(l, slot, true);
}

uint8_t loop_levels__slot(struct loop_levels *l)
{
	uint8_t slot = 0;

	while (slot < LEVEL_SLOTS && l->slots_used >> slot & 1)
		slot++;
	if (slot == LEVEL_SLOTS)
		return LEVEL_NO_SLOT;
	l->slots_used |= (uint8_t)(1u << slot);
	return slot;
}

void loop_levels__change(struct loop_levels *l, uint8_t slot, enum level_state from,
			 enum level_state to)
{
	l->alive += (uint32_t)(to != LEVEL_NOT) - (uint32_t)(from != LEVEL_NOT);
	if (l->alive > l->peak)
		l->peak = l->alive;
	if (slot == LEVEL_NO_SLOT)
		l->key += certain(to) - certain(from);
	else
		l->key += ((uint64_t)to - (uint64_t)from) << SLOT_SHIFT(slot);
}

void loop_levels__resolve(struct loop_levels *l, uint8_t slot, bool was_loop)
{
	if (slot == LEVEL_NO_SLOT)
		return;
	resolve_cells(l, slot, was_loop);
	l->slots_used &= (uint8_t) ~(1u << slot);
}

void loop_levels__take(const struct loop_levels *l, struct cpt_loops *out)
{
	out->level_unknown_ns = out->with_loops_ns = l->unknown_ns;
	for (uint32_t k = 0; k < CPT_LOOP_LEVELS; k++) {
		out->level_ns[k] = l->ns[k];
		out->with_loops_ns += l->ns[k];
		if (l->ns[k] || (!k && l->unknown_ns))
			out->level_cnt = k + 1;
	}
	out->peak = l->peak;
}
