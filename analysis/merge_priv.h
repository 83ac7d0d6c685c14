/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * merge_priv.h - what the parts of the merge share: its tables, and the small steps on them.
 *
 * Owns:     struct cpt_merge; which part does what:
 *             merge.c       memory, and what is added
 *             merge_sort.c  fresh keys into the pending ones
 *             merge_emit.c  pending keys to events
 *             merge_side.c  stacks and samples, which have an order of their own
 * Must not: be included by anyone else.
 */
#ifndef CPT_MERGE_PRIV_H
#define CPT_MERGE_PRIV_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "merge.h"

#define BATCH_CNT 256
#define AHEAD	  12 /* slots: about what a miss takes to come */

/* key.ord: kind << 30 | what orders keys of one kind at one instant. */
#define KIND_LIFE	0u
#define KIND_RING	1u /* | cpu; the sort is stable, so a CPU's own order stays */
#define KIND_WAKE	2u /* | task */
#define ORD(kind, rest) ((kind) << 30 | (rest))

struct key {
	uint64_t ts_ns;
	uint32_t slot;
	uint32_t ord;
};

struct keys {
	struct key *at;
	size_t cnt, cap;
};

struct loss {
	uint64_t until_ns;
	uint64_t cnt;
};

/* What a slot holds is told by its side entry. */
union slot {
	struct cpt_rec_switch sw;
	struct cpt_rec_occupancy occ;
	struct loss loss;
	struct cpt_rec_head *life; /* owned */
};

enum { SLOT_FREE, SLOT_SWITCH, SLOT_OCCUPANCY, SLOT_LOSS, SLOT_LIFE };

/* A task's switches in one direction, by time. */
enum { WAY_IN, WAY_OUT, WAY_CNT };

struct link {
	uint32_t next, prev;
};

struct list {
	uint32_t head, tail;
};

struct side {
	uint64_t ts_ns;		   /* the record's time as clamped */
	struct link link[WAY_CNT]; /* SWITCH: of next, of prev */
	uint16_t cpu;
	uint8_t kind; /* SLOT_* */
	uint8_t refs; /* keys that refer to it */
	uint8_t done; /* LIFE: has been emitted ahead of its key */
	uint8_t reserved[3];
};

struct task_state {
	uint64_t open_ts_ns; /* emitted blocking switch-out whose end is not known; 0 none */
	struct list list[WAY_CNT];
	uint32_t new_slot, exit_slot; /* NEW, EXIT that wait to be emitted */
	uint32_t on_cpu;	      /* by what was emitted: 1 + CPU, 0 none */
	uint32_t reserved;
};

struct cpu_state {
	uint64_t next_seq;
	uint64_t last_ts_ns; /* of its last record */
	uint64_t sound_ns;   /* what is missing and not accounted for yet is not before it */
	uint32_t tail_loss;  /* pending LOSS made by add_attempts, 0 none */
};

struct cpt_merge {
	struct cpt_merge_sink sink;
	int err;
	char refused[CPT_MERGE_REFUSED];
	uint32_t cpu_cnt;
	uint64_t emitted_ns; /* the horizon: everything before it is out */
	uint64_t complete_ns;
	uint64_t lost_cnt;
	struct cpu_state *cpus;
	struct task_state *tasks;
	uint32_t task_cap;
	union slot *slots; /* [0] is never used: index 0 means none */
	struct side *sides;
	uint32_t *free_slots; /* a stack, as high as slot_cap */
	uint32_t slot_cnt, slot_cap, free_cnt;
	struct keys fresh_ring, fresh_wake, fresh_life;
	struct keys pending; /* sorted; those before pending_at are out */
	size_t pending_at;
	struct cpt_event *side; /* stacks and samples still to be emitted */
	size_t side_cnt, side_cap;
	struct keys scratch;
	struct keys swap;
	size_t *runs;
	size_t run_cap;
	size_t batch_cnt;
	struct cpt_event events[BATCH_CNT];
	struct cpt_wait waits[BATCH_CNT];
	struct cpt_info infos[BATCH_CNT];
	struct cpt_rec_head *lives[BATCH_CNT]; /* to be freed once the batch is delivered */
};

static inline int keys_reserve(struct keys *k, size_t more)
{
	size_t cap = k->cap ? k->cap : 1024;
	struct key *at;

	if (k->cnt + more <= k->cap)
		return 0;
	while (cap < k->cnt + more)
		cap *= 2;
	at = realloc(k->at, cap * sizeof(*at));
	if (!at)
		return -ENOMEM;
	k->at = at;
	k->cap = cap;
	return 0;
}

/* A slot is looked at when it is filled, listed and emitted, tens of ms and megabytes apart: each
 * time it has left the cache. Which ones come next is known, so they are fetched AHEAD. */
static inline void fetch_slot(const struct cpt_merge *m, uint32_t slot)
{
	__builtin_prefetch(&m->slots[slot], 1);
	__builtin_prefetch((const char *)&m->slots[slot] + 60, 1); /* it may straddle two lines */
	__builtin_prefetch(&m->sides[slot], 1);
}

static inline void slot_put(struct cpt_merge *m, uint32_t slot)
{
	struct side *s = &m->sides[slot];

	if (--s->refs)
		return;
	s->kind = SLOT_FREE;
	m->free_slots[m->free_cnt++] = slot;
}

/* merge_sort.c: brings what was added since into the pending keys. 0 or -ENOMEM. */
int merge_sort__settle(struct cpt_merge *m);

/* merge_emit.c: emits pending keys before the horizon, or all. */
int merge_emit__pending(struct cpt_merge *m, uint64_t horizon_ns, bool all);
/* The wake-up in sw ends the wait of its task that was emitted as open. */
int merge_emit__late_end(struct cpt_merge *m, const struct cpt_rec_switch *sw);

/* merge_side.c: keeps one. 0, -ENOMEM or -EINVAL. */
int merge_side__stacks(struct cpt_merge *m, uint32_t cpu, const struct cpt_rec_stacks *rec,
		       uint64_t ts_ns);
int merge_side__sample(struct cpt_merge *m, uint32_t cpu, const struct cpt_rec_sample *rec,
		       uint64_t ts_ns);
/* Emits those before the horizon, or all. */
int merge_side__emit(struct cpt_merge *m, uint64_t horizon_ns, bool all);

#endif /* CPT_MERGE_PRIV_H */
