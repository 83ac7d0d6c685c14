// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loop_levels.c - see loop_levels.h.
 */
#include "loop_levels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Fields of a key. Threads that are loops: at most as many as there are loops told apart (4096). */
#define ALIVE_ONE     1ull
#define BUSY_ONE      (1ull << 16)
#define CROWD	      (1ull << 31) /* one of the crowd lives */
#define UNKNOWN_ONE   (1ull << 32)
#define FIELD(key, n) ((uint32_t)((key) >> 16 * (n)&0x7fff))
#define SLOT_SHIFT(s) (48 + 2 * (unsigned int)(s))
#define SLOTS(key)    ((key) >> 48)

/* Pending until its thread waits again or does not: in the queue, in a slot, in the crowd. */
enum fate { FATE_QUEUE, FATE_SLOT, FATE_CROWD, FATE_LOOP, FATE_NOT };

struct level_part {
	uint32_t uses; /* changes in the queue, and one of its thread */
	uint32_t next_free;
	uint8_t fate;
	uint8_t slot;
	/* of the crowd: what it does at done_ns, since when, and lonely_ns then; sums up to there */
	uint8_t state;
	uint64_t since_ns, lonely_then_ns;
	uint64_t lonely_ns, busy_ns, unknown_ns;
};

struct level_change {
	uint64_t ts_ns;
	uint32_t part;
	uint8_t from, to;
};

/* Each has a change in the queue, or is a loop's; and what is certain. */
#define PARTS_CNT(cap) ((cap) + (cap) / LEVEL_QUEUE_PER_LOOP)

/* ---- memory ------------------------------------------------------------------------------------------ */

void loop_levels__fini(struct loop_levels *l)
{
	free(l->queue);
	free(l->parts);
}

/* cap: a power of two, more than there is. */
static int grow(struct loop_levels *l, uint32_t cap)
{
	struct level_part *parts = realloc(l->parts, PARTS_CNT(cap) * sizeof(*parts));
	struct level_change *queue;

	if (!parts)
		return -ENOMEM;
	l->parts = parts;
	queue = malloc(cap * sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->queued; i++)
		queue[i] = l->queue[(l->first + i) & (l->cap - 1)];
	if (!l->cap) { /* the first stands for what is certain, and is never free */
		parts[LEVEL_CERTAIN] = (struct level_part){.uses = 1, .fate = FATE_LOOP};
		l->parts_cnt = 1;
	}
	free(l->queue);
	l->queue = queue;
	l->cap = cap;
	l->first = 0;
	return 0;
}

int loop_levels__reserve(struct loop_levels *l)
{
	const uint32_t wanted = LEVEL_QUEUE_MIN + LEVEL_QUEUE_PER_LOOP * (l->loops + 1);
	uint32_t cap = l->cap ? l->cap : LEVEL_QUEUE_MIN;
	int err = 0;

	while (cap < wanted)
		cap *= 2;
	if (cap > l->cap)
		err = grow(l, cap);
	if (!err)
		l->loops++;
	return err;
}

/* There is always one, see PARTS_CNT. */
uint32_t loop_levels__part(struct loop_levels *l)
{
	uint32_t part = l->free;

	if (part)
		l->free = l->parts[part].next_free;
	else
		part = l->parts_cnt++;
	l->parts[part] = (struct level_part){.uses = 1, .fate = FATE_QUEUE};
	return part;
}

static void put_part(struct loop_levels *l, uint32_t part)
{
	struct level_part *p = &l->parts[part];

	if (--p->uses)
		return;
	p->next_free = l->free;
	l->free = part;
}

/* ---- time by key ------------------------------------------------------------------------------------- */

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
	const uint32_t level = busy < CPT_LOOP_LEVELS ? busy : CPT_LOOP_LEVELS - 1;

	if (FIELD(key, 2))
		l->unknown_ns += ns;
	else if (FIELD(key, 0))
		*(key & CROWD ? &l->crowd_ns[level] : &l->ns[level]) += ns;
	else if (key & CROWD)
		l->crowd_only_ns += ns;
}

/* A key of time that is over, without what can make no difference: where one is unknown, all else; where one
 * lives, how many do and whether others do that are off their CPU. */
static uint64_t reduced(uint64_t key)
{
	const uint64_t slots = SLOTS(key), off = slots & ~(slots >> 1) & 0x5555;

	if (FIELD(key, 2))
		return ALIVE_ONE + UNKNOWN_ONE;
	if (!FIELD(key, 0))
		return key;
	return (key & ~0x7fffull & ~(off << SLOT_SHIFT(0))) + ALIVE_ONE;
}

/* Time at this key; false: there is no room for one more. */
static bool add(struct loop_levels *l, uint64_t key, uint64_t ns)
{
	uint32_t i;

	key = reduced(key);
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

static enum level_state slot_state(uint64_t key, uint8_t slot)
{
	return (enum level_state)(key >> SLOT_SHIFT(slot) & 3);
}

static uint64_t without(uint64_t key, uint8_t slot)
{
	return key & ~(3ull << SLOT_SHIFT(slot));
}

/* The key as it is once a slot's thread is known to have been a loop, or not; or is one of the crowd. */
static uint64_t resolved(uint64_t key, uint8_t slot, enum fate fate)
{
	const enum level_state state = slot_state(key, slot);

	key = without(key, slot);
	if (fate == FATE_LOOP)
		key += certain(state);
	else if (fate == FATE_CROWD && state != LEVEL_NOT)
		key |= CROWD;
	return key;
}

static void resolve_cells(struct loop_levels *l, uint8_t slot, enum fate fate)
{
	const uint32_t cnt = l->cnt;

	/* Each goes to a place before its own, or to none: there is always room. */
	l->cnt = 0;
	for (uint32_t i = 0; i < cnt; i++) {
		const struct level_cell cell = l->cells[i];

		add(l, resolved(cell.key, slot, fate), cell.ns);
	}
	l->slot_part[slot] = 0;
}

/* ---- the crowd --------------------------------------------------------------------------------------- */

static void count_crowd(struct level_part *p, enum level_state state, uint64_t ns,
			uint64_t lonely_ns)
{
	if (state != LEVEL_NOT)
		p->lonely_ns += lonely_ns;
	if (state == LEVEL_BUSY)
		p->busy_ns += ns;
	if (state == LEVEL_UNKNOWN)
		p->unknown_ns += ns;
}

/* One of the crowd does this from done_ns on. */
static void set_crowd(struct loop_levels *l, struct level_part *p, enum level_state state)
{
	const enum level_state was = (enum level_state)p->state;

	count_crowd(p, was, l->done_ns - p->since_ns, l->lonely_ns - p->lonely_then_ns);
	l->crowd += (uint32_t)(state != LEVEL_NOT) - (uint32_t)(was != LEVEL_NOT);
	l->key = l->crowd ? l->key | CROWD : l->key & ~CROWD;
	p->state = (uint8_t)state;
	p->since_ns = l->done_ns;
	p->lonely_then_ns = l->lonely_ns;
}

/* What has a slot becomes one of the crowd. */
static void give_up(struct loop_levels *l, uint8_t slot)
{
	struct level_part *p = &l->parts[l->slot_part[slot]];
	const enum level_state state = slot_state(l->key, slot);

	if (!l->slot_part[slot])
		return;
	for (const struct level_cell *c = l->cells; c < l->cells + l->cnt; c++)
		count_crowd(p, slot_state(c->key, slot), c->ns, FIELD(c->key, 0) ? 0 : c->ns);
	resolve_cells(l, slot, FATE_CROWD);
	l->key = without(l->key, slot);
	p->fate = FATE_CROWD;
	set_crowd(l, p, state);
}

/* ---- the queue --------------------------------------------------------------------------------------- */

static void count_until(struct loop_levels *l, uint64_t ts_ns)
{
	const uint64_t span_ns = ts_ns - l->done_ns;

	if (span_ns && l->key) {
		for (uint8_t slot = 0; !add(l, l->key, span_ns); slot++)
			give_up(l, slot);
	}
	l->done_ns = ts_ns;
	if (!FIELD(l->key, 0))
		l->lonely_ns += span_ns;
}

/* The first one's time has come: what its part is, is known, or not to be waited for. */
static void count_first(struct loop_levels *l)
{
	const struct level_change *c = &l->queue[l->first];
	struct level_part *p = &l->parts[c->part];
	const enum level_state from = (enum level_state)c->from, to = (enum level_state)c->to;

	count_until(l, c->ts_ns);
	switch ((enum fate)p->fate) {
	case FATE_LOOP:
		l->key += certain(to) - certain(from);
		break;
	case FATE_SLOT:
		l->key += ((uint64_t)to - (uint64_t)from) << SLOT_SHIFT(p->slot);
		break;
	case FATE_CROWD:
		set_crowd(l, p, to);
		break;
	case FATE_NOT:
	case FATE_QUEUE:
		break;
	}
	put_part(l, c->part);
	l->first = (l->first + 1) & (l->cap - 1);
	l->queued--;
}

static void count_known(struct loop_levels *l)
{
	while (l->queued && l->parts[l->queue[l->first].part].fate != FATE_QUEUE)
		count_first(l);
}

/* The queue is full: the first one's part is to wait elsewhere. It is LEVEL_NOT at done_ns. */
static void make_room(struct loop_levels *l)
{
	const uint32_t part = l->queue[l->first].part;
	struct level_part *p = &l->parts[part];
	uint8_t slot = 0;

	while (slot < LEVEL_SLOTS && l->slot_part[slot])
		slot++;
	p->fate = slot < LEVEL_SLOTS ? FATE_SLOT : FATE_CROWD;
	p->slot = slot;
	if (slot < LEVEL_SLOTS)
		l->slot_part[slot] = part;
	count_known(l);
}

void loop_levels__advance(struct loop_levels *l, uint64_t now_ns)
{
	l->now_ns = now_ns;
}

void loop_levels__change(struct loop_levels *l, uint32_t part, enum level_state from,
			 enum level_state to)
{
	l->alive += (uint32_t)(to != LEVEL_NOT) - (uint32_t)(from != LEVEL_NOT);
	if (l->alive > l->peak)
		l->peak = l->alive;
	if (l->queued == l->cap)
		make_room(l);
	l->queue[(l->first + l->queued++) & (l->cap - 1)] =
		(struct level_change){l->now_ns, part, (uint8_t)from, (uint8_t)to};
	l->parts[part].uses++;
	count_known(l);
}

void loop_levels__resolve(struct loop_levels *l, uint32_t part, bool was_loop)
{
	const enum fate fate = was_loop ? FATE_LOOP : FATE_NOT;
	struct level_part *p = &l->parts[part];

	if (part == LEVEL_CERTAIN)
		return;
	/* Some of its changes may be in the queue still, whatever it was so far. */
	if (p->fate == FATE_SLOT) {
		resolve_cells(l, p->slot, fate);
		l->key = resolved(l->key, p->slot, fate);
	} else if (p->fate == FATE_CROWD) {
		const enum level_state state = (enum level_state)p->state;

		set_crowd(l, p, LEVEL_NOT);
		if (was_loop) {
			l->key += certain(state);
			l->claim_lonely_ns += p->lonely_ns;
			l->claim_busy_ns += p->busy_ns;
			l->claim_unknown_ns += p->unknown_ns;
		}
	}
	p->fate = (uint8_t)fate;
	put_part(l, part);
	count_known(l);
}

/* ---- the facts --------------------------------------------------------------------------------------- */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Lays those of the crowd that were loops upon the time beside them: by ns[k], the level of the others. Of
 * none that is certain lives more than the claims and no more than there is; then the lowest level goes up by one,
 * and the next, until all that was run is there. */
static void lay_crowd(const struct loop_levels *l, uint64_t *ns, uint64_t *unknown_ns)
{
	uint64_t busy_ns = l->claim_busy_ns, doubt_ns = l->claim_unknown_ns;

	memcpy(ns, l->crowd_ns, sizeof(l->crowd_ns));
	ns[0] += least(l->claim_lonely_ns, l->crowd_only_ns);
	for (uint32_t k = 0; k < CPT_LOOP_LEVELS; k++) {
		const uint64_t moved_ns = least(doubt_ns, ns[k]);

		ns[k] -= moved_ns;
		*unknown_ns += moved_ns;
		doubt_ns -= moved_ns;
	}
	for (uint32_t k = 0; k + 1 < CPT_LOOP_LEVELS; k++) {
		const uint64_t moved_ns = least(busy_ns, ns[k]);

		ns[k] -= moved_ns;
		ns[k + 1] += moved_ns;
		busy_ns -= moved_ns;
	}
}

void loop_levels__take(const struct loop_levels *l, struct cpt_loops *out)
{
	uint64_t crowd_ns[CPT_LOOP_LEVELS];

	out->level_unknown_ns = l->unknown_ns;
	lay_crowd(l, crowd_ns, &out->level_unknown_ns);
	out->with_loops_ns = out->level_unknown_ns;
	for (uint32_t k = 0; k < CPT_LOOP_LEVELS; k++) {
		out->level_ns[k] = l->ns[k] + crowd_ns[k];
		out->with_loops_ns += out->level_ns[k];
		if (out->level_ns[k] || (!k && out->level_unknown_ns))
			out->level_cnt = k + 1;
	}
	out->peak = l->peak;
}
