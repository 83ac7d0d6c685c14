// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * merge.c - see merge.h.
 *
 * A ring record is copied once, into a slot of 64 bytes; what is sorted are keys of 16 bytes. A
 * switch-in that names its wake-up has two keys, for the wake-up and for the switch.
 *
 *   add_*   ──► fresh keys (runs that are sorted or nearly so)
 *   advance ──► sort fresh, merge into pending, emit those before the horizon
 *
 * Each task keeps the lists of its switch-ins and its switch-outs that are still to be emitted, ordered
 * by time, so that a blocking switch-out finds its end in one step: everything before it has been
 * emitted, so the head of its switch-ins is the next one, and names the wake-up, unless records
 * between the two were lost.
 */
#include "merge_priv.h"

#include <inttypes.h>
#include <stdio.h>

#include "trace_limits.h"

/* ---- memory ---------------------------------------------------------------------------------- */

static int slots_grow(struct cpt_merge *m)
{
	uint32_t cap = m->slot_cap ? m->slot_cap * 2 : 4096;
	union slot *slots;
	struct side *sides;
	uint32_t *free_slots;

	if (cap < m->slot_cap)
		return -ENOMEM;
	slots = realloc(m->slots, cap * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	m->slots = slots;
	sides = realloc(m->sides, cap * sizeof(*sides));
	if (!sides)
		return -ENOMEM;
	m->sides = sides;
	free_slots = realloc(m->free_slots, cap * sizeof(*free_slots));
	if (!free_slots)
		return -ENOMEM;
	m->free_slots = free_slots;
	m->slot_cap = cap;
	return 0;
}

/* A slot with one reference, 0 without memory. */
static uint32_t slot_new(struct cpt_merge *m, uint8_t kind, uint32_t cpu, uint64_t ts_ns)
{
	uint32_t slot;

	if (m->free_cnt) {
		slot = m->free_slots[--m->free_cnt];
		if (m->free_cnt >= AHEAD)
			fetch_slot(m, m->free_slots[m->free_cnt - AHEAD]);
	} else {
		if (m->slot_cnt == m->slot_cap && slots_grow(m))
			return 0;
		slot = m->slot_cnt++;
	}
	m->sides[slot] =
		(struct side){.ts_ns = ts_ns, .cpu = (uint16_t)cpu, .kind = kind, .refs = 1};
	return slot;
}

static int tasks_reserve(struct cpt_merge *m, uint32_t task)
{
	uint32_t cap = m->task_cap ? m->task_cap : 256;
	struct task_state *tasks;

	if (task < m->task_cap)
		return 0;
	if (task > CPT_TASK_MAX)
		return -EINVAL;
	while (cap <= task)
		cap *= 2;
	tasks = realloc(m->tasks, cap * sizeof(*tasks));
	if (!tasks)
		return -ENOMEM;
	memset(tasks + m->task_cap, 0, (cap - m->task_cap) * sizeof(*tasks));
	m->tasks = tasks;
	m->task_cap = cap;
	return 0;
}

struct cpt_merge *merge__new(uint32_t cpu_cnt, const struct cpt_merge_sink *sink)
{
	struct cpt_merge *m;

	if (!cpu_cnt || cpu_cnt > CPT_TRACE_MAX_CPUS || !sink || !sink->events || !sink->late) {
		errno = EINVAL;
		return NULL;
	}
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->sink = *sink;
	m->cpu_cnt = cpu_cnt;
	m->complete_ns = UINT64_MAX;
	m->slot_cnt = 1;
	m->cpus = calloc(cpu_cnt, sizeof(*m->cpus));
	if (!m->cpus || slots_grow(m) || tasks_reserve(m, 0)) {
		merge__free(m);
		errno = ENOMEM;
		return NULL;
	}
	return m;
}

void merge__free(struct cpt_merge *m)
{
	if (!m)
		return;
	for (uint32_t i = 1; m->sides && i < m->slot_cnt; i++)
		if (m->sides[i].kind == SLOT_LIFE && !m->sides[i].done)
			free(m->slots[i].life);
	for (size_t i = 0; i < m->batch_cnt; i++)
		free(m->lives[i]);
	free(m->cpus);
	free(m->tasks);
	free(m->slots);
	free(m->sides);
	free(m->free_slots);
	free(m->fresh_ring.at);
	free(m->fresh_wake.at);
	free(m->fresh_life.at);
	free(m->pending.at);
	free(m->scratch.at);
	free(m->swap.at);
	free(m->runs);
	free(m->side);
	free(m);
}

/* ---- late facts ------------------------------------------------------------------------------- */

static int late_wake(struct cpt_merge *m, const struct cpt_rec_switch *sw, uint32_t cpu)
{
	const struct cpt_late late = {
		.ts_ns = sw->wake_ts_ns,
		.task = sw->next,
		.waker = sw->waker,
		.kind = CPT_LATE_WAKE,
		.wake_ctx = sw->wake_ctx,
		.flags = sw->flags & (CPT_SW_WAKER_FOREIGN | CPT_SW_WAKE_ON_WORD),
		.waker_sysno = sw->waker_sysno,
		.cpu = cpu,
	};
	const struct task_state *t = &m->tasks[sw->next];
	int err = 0;

	if (t->open_ts_ns && t->open_ts_ns <= sw->wake_ts_ns)
		err = merge_emit__late_end(m, sw);
	return err ? err : m->sink.late(m->sink.ctx, &late);
}

/* ---- adding ----------------------------------------------------------------------------------- */

static void add_key(struct keys *k, uint64_t ts_ns, uint32_t slot, uint32_t ord)
{
	k->at[k->cnt++] = (struct key){.ts_ns = ts_ns, .slot = slot, .ord = ord};
}

static int add_loss(struct cpt_merge *m, uint32_t cpu, uint64_t cnt, uint64_t until_ns)
{
	const struct cpu_state *c = &m->cpus[cpu];
	uint64_t from_ns = c->last_ts_ns;
	uint32_t slot;
	int err;

	/* What comes next was dated back to before that: so may be what is lost. */
	if (from_ns < c->sound_ns && c->sound_ns <= until_ns)
		from_ns = c->sound_ns;
	if (from_ns < m->emitted_ns)
		from_ns = m->emitted_ns;
	err = keys_reserve(&m->fresh_ring, 1);
	if (err)
		return err;
	slot = slot_new(m, SLOT_LOSS, cpu, from_ns);
	if (!slot)
		return -ENOMEM;
	if (until_ns < from_ns)
		until_ns = from_ns;
	m->slots[slot].loss = (struct loss){.until_ns = until_ns, .cnt = cnt};
	m->lost_cnt += cnt;
	add_key(&m->fresh_ring, from_ns, slot, ORD(KIND_RING, cpu));
	return (int)slot;
}

/* cnt records that add_attempts had called lost have come. */
static void take_loss_back(struct cpt_merge *m, struct cpu_state *c, uint64_t cnt)
{
	struct loss *loss = &m->slots[c->tail_loss].loss;

	if (!c->tail_loss)
		return;
	if (cnt > loss->cnt)
		cnt = loss->cnt;
	loss->cnt -= cnt;
	m->lost_cnt -= cnt;
}

/* Compares the record's place in the sequence with what has come so far. */
static int check_seq(struct cpt_merge *m, uint32_t cpu, uint32_t seq, uint64_t ts_ns)
{
	struct cpu_state *c = &m->cpus[cpu];
	const int32_t gap = (int32_t)(seq - (uint32_t)c->next_seq);
	int err;

	c->next_seq += 1 + (int64_t)gap;
	if (!gap)
		return 0;
	if (gap < 0) {
		take_loss_back(m, c, -(int64_t)gap);
		return 0;
	}
	err = add_loss(m, cpu, (uint64_t)gap, ts_ns);
	return err < 0 ? err : 0;
}

static int add_switch(struct cpt_merge *m, uint32_t cpu, const struct cpt_rec_switch *rec,
		      uint64_t ts_ns)
{
	const uint32_t high = rec->prev > rec->next ? rec->prev : rec->next;
	struct cpt_rec_switch *sw;
	uint32_t slot;
	int err;

	err = tasks_reserve(m, high);
	if (err)
		return err;
	slot = slot_new(m, SLOT_SWITCH, cpu, ts_ns);
	if (!slot)
		return -ENOMEM;
	sw = &m->slots[slot].sw;
	memcpy(sw, rec, sizeof(*sw));
	add_key(&m->fresh_ring, ts_ns, slot, ORD(KIND_RING, cpu));
	if (!(sw->flags & CPT_SW_NEXT_WOKEN) || !sw->next)
		return 0;
	if (sw->wake_ts_ns > ts_ns)
		sw->wake_ts_ns = ts_ns;
	if (sw->wake_ts_ns < m->emitted_ns)
		return late_wake(m, sw, cpu);
	add_key(&m->fresh_wake, sw->wake_ts_ns, slot, ORD(KIND_WAKE, sw->next));
	m->sides[slot].refs++;
	return 0;
}

/* The sums must fit the span they describe, whatever the kernel side's clock did. */
static void tidy_occupancy(struct cpt_rec_occupancy *occ, uint64_t ts_ns)
{
	uint64_t span;

	if (occ->since_ns > ts_ns)
		occ->since_ns = ts_ns;
	span = ts_ns - occ->since_ns;
	if (occ->idle_ns > span)
		occ->idle_ns = span;
	if (occ->other_ns > span - occ->idle_ns)
		occ->other_ns = span - occ->idle_ns;
}

static int add_occupancy(struct cpt_merge *m, uint32_t cpu, const struct cpt_rec_occupancy *rec,
			 uint64_t ts_ns)
{
	const uint32_t slot = slot_new(m, SLOT_OCCUPANCY, cpu, ts_ns);

	if (!slot)
		return -ENOMEM;
	memcpy(&m->slots[slot].occ, rec, sizeof(*rec));
	tidy_occupancy(&m->slots[slot].occ, ts_ns);
	add_key(&m->fresh_ring, ts_ns, slot, ORD(KIND_RING, cpu));
	return 0;
}

static int add_ring_rec(struct cpt_merge *m, uint32_t cpu, const void *rec)
{
	/* Type, seq and time stand at the same offsets in all kinds. */
	const struct cpt_rec_switch *sw = rec;
	struct cpu_state *c = &m->cpus[cpu];
	uint64_t ts_ns = sw->ts_ns;
	int err;

	if (sw->type < CPT_REC_SWITCH || sw->type > CPT_REC_SAMPLE)
		return -EINVAL;
	if (ts_ns < c->last_ts_ns)
		ts_ns = c->last_ts_ns;
	if (ts_ns < m->emitted_ns)
		ts_ns = m->emitted_ns;
	err = check_seq(m, cpu, sw->seq, ts_ns);
	if (err)
		return err;
	c->last_ts_ns = ts_ns;
	if (sw->type == CPT_REC_SWITCH)
		return add_switch(m, cpu, sw, ts_ns);
	if (sw->type == CPT_REC_OCCUPANCY)
		return add_occupancy(m, cpu, rec, ts_ns);
	return sw->type == CPT_REC_STACKS ? merge_side__stacks(m, cpu, rec, ts_ns)
					  : merge_side__sample(m, cpu, rec, ts_ns);
}

/* Keeps what tells a record that nobody can have written from one that is not known: where, and how it begins. */
static void note_refused(struct cpt_merge *m, const char *kind, uint32_t cpu, const void *rec,
			 size_t sz)
{
	uint64_t words[4] = {0};

	memcpy(words, rec, sz < sizeof(words) ? sz : sizeof(words));
	snprintf(m->refused, sizeof(m->refused),
		 "a %s record on CPU %" PRIu32 " reads %" PRIx64 " %" PRIx64 " %" PRIx64
		 " %" PRIx64,
		 kind, cpu, words[0], words[1], words[2], words[3]);
}

const char *merge__refused(const struct cpt_merge *m)
{
	return m->refused;
}

int merge__add_ring(struct cpt_merge *m, uint32_t cpu, const void *recs, size_t cnt)
{
	const char *rec = recs;

	if (m->err)
		return m->err;
	if (cpu >= m->cpu_cnt) {
		note_refused(m, "ring", cpu, recs, cnt * CPT_REC_SZ);
		return m->err = -EINVAL;
	}
	m->err = keys_reserve(&m->fresh_wake, cnt);
	for (size_t i = 0; i < cnt && !m->err; i++) {
		/* A loss before this record takes a key of its own. */
		m->err = keys_reserve(&m->fresh_ring, cnt - i + 1);
		if (!m->err)
			m->err = add_ring_rec(m, cpu, rec + i * CPT_REC_SZ);
		if (m->err == -EINVAL)
			note_refused(m, "ring", cpu, rec + i * CPT_REC_SZ, CPT_REC_SZ);
	}
	return m->err;
}

int merge__add_attempts(struct cpt_merge *m, uint32_t cpu, uint64_t attempts, uint64_t from_ns,
			uint64_t until_ns)
{
	struct cpu_state *c;
	int slot;

	if (m->err)
		return m->err;
	if (cpu >= m->cpu_cnt)
		return m->err = -EINVAL;
	c = &m->cpus[cpu];
	if (attempts > c->next_seq) {
		slot = add_loss(m, cpu, attempts - c->next_seq, until_ns);
		if (slot < 0)
			return m->err = slot;
		c->tail_loss = (uint32_t)slot;
		c->next_seq = attempts;
	}
	if (from_ns > c->sound_ns)
		c->sound_ns = from_ns;
	return 0;
}

int merge__add_found(struct cpt_merge *m, uint32_t cpu, const struct cpt_rec_switch *wait)
{
	const uint64_t ts_ns = wait->ts_ns < m->emitted_ns ? m->emitted_ns : wait->ts_ns;
	const struct cpt_rec_switch in = {
		.type = CPT_REC_SWITCH,
		.flags = CPT_SW_FOUND,
		.next = wait->prev,
		.sysno = CPT_SYSNO_NONE,
		.waker_sysno = CPT_SYSNO_NONE,
	};
	struct cpt_rec_switch out = *wait;

	if (m->err)
		return m->err;
	if (cpu >= m->cpu_cnt || !wait->prev || wait->next || !(wait->flags & CPT_SW_PREV_BLOCKED))
		return m->err = -EINVAL;
	out.flags |= CPT_SW_FOUND;
	m->err = keys_reserve(&m->fresh_ring, 2);
	if (!m->err)
		m->err = add_switch(m, cpu, &in, ts_ns);
	if (!m->err)
		m->err = add_switch(m, cpu, &out, ts_ns);
	return m->err;
}

/* Size a lifecycle record of this type must have at least, 0 for a type not known. */
static size_t life_sz(uint32_t type)
{
#define LIFE_SZ(name, value, rec) {value, sizeof(struct rec)},
	static const struct {
		uint32_t type;
		size_t sz;
	} sizes[] = {CPT_LIFE_RECS(LIFE_SZ)};
#undef LIFE_SZ

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (sizes[i].type == type)
			return sizes[i].sz;
	return 0;
}

static int add_life(struct cpt_merge *m, struct cpt_rec_head *life)
{
	uint32_t slot;
	int err;

	err = tasks_reserve(m, life->id);
	if (!err)
		err = keys_reserve(&m->fresh_life, 1);
	if (err)
		return err;
	if (life->ts_ns < m->emitted_ns)
		life->ts_ns = m->emitted_ns;
	slot = slot_new(m, SLOT_LIFE, life->cpu, life->ts_ns);
	if (!slot)
		return -ENOMEM;
	m->slots[slot].life = life;
	if (life->type == CPT_REC_NEW)
		m->tasks[life->id].new_slot = slot;
	else if (life->type == CPT_REC_EXIT)
		m->tasks[life->id].exit_slot = slot;
	add_key(&m->fresh_life, life->ts_ns, slot,
		ORD(KIND_LIFE, (life->type & 0xf) << 26 | life->id));
	return 0;
}

/* Takes a record whose head is zeros behind sz: one shorter than a head says it is longer than it is, or too short. */
static int add_life_rec(struct cpt_merge *m, const struct cpt_rec_head *head, const void *rec,
			size_t sz)
{
	const size_t want = life_sz(head->type);
	struct cpt_rec_head *copy;
	int err;

	if (!want || head->sz > sz || head->sz < want || head->cpu >= m->cpu_cnt)
		return -EINVAL;
	if (head->type == CPT_REC_NUDGE)
		return 0;
	if (!head->id)
		return -EINVAL;
	copy = malloc(want);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, rec, want);
	err = add_life(m, copy);
	if (err)
		free(copy);
	return err;
}

int merge__add_life(struct cpt_merge *m, const void *rec, size_t sz)
{
	struct cpt_rec_head head = {0};

	if (m->err)
		return m->err;
	memcpy(&head, rec, sz < sizeof(head) ? sz : sizeof(head));
	m->err = add_life_rec(m, &head, rec, sz);
	if (m->err == -EINVAL)
		note_refused(m, "lifecycle", head.cpu, rec, sz);
	return m->err;
}

/* ---- public ----------------------------------------------------------------------------------- */

void merge__complete(struct cpt_merge *m, uint64_t complete_ns)
{
	m->complete_ns = complete_ns;
}

int merge__advance(struct cpt_merge *m, uint64_t horizon_ns)
{
	if (m->err || horizon_ns <= m->emitted_ns)
		return m->err;
	m->err = merge_sort__settle(m);
	if (m->err)
		return m->err;
	m->emitted_ns = horizon_ns;
	m->err = merge_side__emit(m, horizon_ns, false);
	return m->err ? m->err : merge_emit__pending(m, horizon_ns, false);
}

int merge__finish(struct cpt_merge *m)
{
	m->complete_ns = UINT64_MAX;
	if (!m->err)
		m->err = merge_sort__settle(m);
	if (!m->err)
		m->err = merge_side__emit(m, 0, true);
	return m->err ? m->err : merge_emit__pending(m, 0, true);
}

uint64_t merge__lost(const struct cpt_merge *m)
{
	return m->lost_cnt;
}
