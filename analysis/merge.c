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
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "merge.h"
#include "stacks.h"
#include "trace_limits.h"

#define BATCH_CNT   256
#define MIN_RUN_CNT 16
#define AHEAD	    12 /* slots: about what a miss takes to come */
/* Larger groups of one instant than can come about by chance keep their plain order. */
#define TIE_CNT_MAX 48

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
	uint64_t sound_ns;   /* up to here no record was missing at the end */
	uint32_t tail_loss;  /* pending LOSS made by add_attempts, 0 none */
};

struct cpt_merge {
	struct cpt_merge_sink sink;
	int err;
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

/* ---- memory ---------------------------------------------------------------------------------- */

static int keys_reserve(struct keys *k, size_t more)
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

/* A slot is looked at when it is filled, listed and emitted, tens of ms and megabytes apart: each
 * time it has left the cache. Which ones come next is known, so they are fetched AHEAD. */
static inline void fetch_slot(const struct cpt_merge *m, uint32_t slot)
{
	__builtin_prefetch(&m->slots[slot], 1);
	__builtin_prefetch((const char *)&m->slots[slot] + 60, 1); /* it may straddle two lines */
	__builtin_prefetch(&m->sides[slot], 1);
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

static void slot_put(struct cpt_merge *m, uint32_t slot)
{
	struct side *s = &m->sides[slot];

	if (--s->refs)
		return;
	s->kind = SLOT_FREE;
	m->free_slots[m->free_cnt++] = slot;
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

/* The wake-up in sw ends the wait of its task that was emitted as open. */
static int late_end(struct cpt_merge *m, const struct cpt_rec_switch *sw)
{
	struct task_state *t = &m->tasks[sw->next];
	struct cpt_late late = {
		.ts_ns = t->open_ts_ns,
		.task = sw->next,
		.kind = CPT_LATE_END,
	};

	t->open_ts_ns = 0;
	late.end = cpt_wake_end(sw->wake_ctx, sw->flags, sw->waker, &late.waker);
	return m->sink.late(m->sink.ctx, &late);
}

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
		err = late_end(m, sw);
	return err ? err : m->sink.late(m->sink.ctx, &late);
}

/* ---- adding ----------------------------------------------------------------------------------- */

static void list_del(struct cpt_merge *m, uint32_t task, int way, uint32_t slot)
{
	struct list *l = &m->tasks[task].list[way];
	const struct link *link = &m->sides[slot].link[way];

	if (link->prev)
		m->sides[link->prev].link[way].next = link->next;
	else
		l->head = link->next;
	if (link->next)
		m->sides[link->next].link[way].prev = link->prev;
	else
		l->tail = link->prev;
}

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

	if (from_ns < c->sound_ns)
		from_ns = c->sound_ns;
	if (from_ns > until_ns)
		from_ns = until_ns;
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

/* ---- stacks and samples: few, so they are sorted apart ------------------------------------------ */

static uint32_t stack_number(int32_t number)
{
	return number > 0 && (uint32_t)number <= CPT_STACKS_MAX ? (uint32_t)number : 0;
}

/* The next one of the side events, zeroed; NULL without memory. */
static struct cpt_event *new_side(struct cpt_merge *m, uint32_t cpu, uint64_t ts_ns)
{
	if (m->side_cnt == m->side_cap) {
		size_t cap = m->side_cap ? m->side_cap * 2 : 1024;
		struct cpt_event *side = realloc(m->side, cap * sizeof(*side));

		if (!side)
			return NULL;
		m->side = side;
		m->side_cap = cap;
	}
	m->side[m->side_cnt] = (struct cpt_event){.ts_ns = ts_ns, .cpu = cpu};
	return &m->side[m->side_cnt++];
}

static int add_stacks(struct cpt_merge *m, uint32_t cpu, const struct cpt_rec_stacks *rec,
		      uint64_t ts_ns)
{
	struct cpt_event *ev;

	if (rec->prev > CPT_TASK_MAX || rec->next > CPT_TASK_MAX)
		return -EINVAL;
	ev = new_side(m, cpu, ts_ns);
	if (!ev)
		return -ENOMEM;
	ev->type = CPT_EV_STACKS;
	ev->task = rec->prev;
	ev->other = rec->next;
	ev->user = stack_number(rec->user);
	ev->kernel = stack_number(rec->kernel);
	ev->wake_user = stack_number(rec->wake_user);
	ev->wake_kernel = stack_number(rec->wake_kernel);
	return 0;
}

static int add_sample(struct cpt_merge *m, uint32_t cpu, const struct cpt_rec_sample *rec,
		      uint64_t ts_ns)
{
	struct cpt_event *ev;

	if (!rec->task || rec->task > CPT_TASK_MAX)
		return -EINVAL;
	ev = new_side(m, cpu, ts_ns);
	if (!ev)
		return -ENOMEM;
	ev->type = CPT_EV_SAMPLE;
	ev->task = rec->task;
	ev->flags = rec->flags;
	ev->user = stack_number(rec->user);
	ev->kernel = stack_number(rec->kernel);
	return 0;
}

static int compare_side(const void *a_, const void *b_)
{
	const struct cpt_event *a = a_, *b = b_;

	if (a->ts_ns != b->ts_ns)
		return a->ts_ns < b->ts_ns ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return (a->cpu > b->cpu) - (a->cpu < b->cpu);
}

/* Emits those before the horizon, or all. */
static int emit_side(struct cpt_merge *m, uint64_t horizon_ns, bool all)
{
	size_t done = 0;
	int err = 0;

	if (!m->side_cnt)
		return 0;
	qsort(m->side, m->side_cnt, sizeof(*m->side), compare_side);
	while (done < m->side_cnt && (all || m->side[done].ts_ns < horizon_ns))
		done++;
	if (done && m->sink.side)
		err = m->sink.side(m->sink.ctx, m->side, done);
	m->side_cnt -= done;
	memmove(m->side, m->side + done, m->side_cnt * sizeof(*m->side));
	return err;
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
	return sw->type == CPT_REC_STACKS ? add_stacks(m, cpu, rec, ts_ns)
					  : add_sample(m, cpu, rec, ts_ns);
}

int merge__add_ring(struct cpt_merge *m, uint32_t cpu, const void *recs, size_t cnt)
{
	const char *rec = recs;

	if (m->err)
		return m->err;
	if (cpu >= m->cpu_cnt)
		return m->err = -EINVAL;
	m->err = keys_reserve(&m->fresh_wake, cnt);
	for (size_t i = 0; i < cnt && !m->err; i++) {
		/* A loss before this record takes a key of its own. */
		m->err = keys_reserve(&m->fresh_ring, cnt - i + 1);
		if (!m->err)
			m->err = add_ring_rec(m, cpu, rec + i * CPT_REC_SZ);
	}
	return m->err;
}

int merge__add_attempts(struct cpt_merge *m, uint32_t cpu, uint64_t attempts, uint64_t now_ns)
{
	struct cpu_state *c;
	int slot;

	if (m->err)
		return m->err;
	if (cpu >= m->cpu_cnt)
		return m->err = -EINVAL;
	c = &m->cpus[cpu];
	if (attempts > c->next_seq) {
		slot = add_loss(m, cpu, attempts - c->next_seq, now_ns);
		if (slot < 0)
			return m->err = slot;
		c->tail_loss = (uint32_t)slot;
		c->next_seq = attempts;
	}
	if (now_ns > c->sound_ns)
		c->sound_ns = now_ns;
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

int merge__add_life(struct cpt_merge *m, const void *rec, size_t sz)
{
	struct cpt_rec_head head, *copy;
	size_t want;

	if (m->err)
		return m->err;
	if (sz < sizeof(head))
		return m->err = -EINVAL;
	memcpy(&head, rec, sizeof(head));
	want = life_sz(head.type);
	if (!want || head.sz > sz || head.sz < want || head.cpu >= m->cpu_cnt)
		return m->err = -EINVAL;
	if (head.type == CPT_REC_NUDGE)
		return 0;
	if (!head.id)
		return m->err = -EINVAL;
	copy = malloc(want);
	if (!copy)
		return m->err = -ENOMEM;
	memcpy(copy, rec, want);
	m->err = add_life(m, copy);
	if (m->err)
		free(copy);
	return m->err;
}

/* ---- sorting ---------------------------------------------------------------------------------- */

static inline bool key_after(const struct key *a, const struct key *b)
{
	return a->ts_ns != b->ts_ns ? a->ts_ns > b->ts_ns : a->ord > b->ord;
}

/* Stable merge of two sorted runs; a's keys come first among equals. */
static void merge_runs(struct key *out, const struct key *a, size_t a_cnt, const struct key *b,
		       size_t b_cnt)
{
	const struct key *a_end = a + a_cnt, *b_end = b + b_cnt;

	if (a_cnt && b_cnt && !key_after(a_end - 1, b)) {
		memcpy(out, a, a_cnt * sizeof(*a));
		out += a_cnt;
		a = a_end;
	}
	while (a < a_end && b < b_end) {
		const bool take_b = key_after(a, b);

		*out++ = *(take_b ? b : a);
		b += take_b;
		a += !take_b;
	}
	if (a < a_end)
		memcpy(out, a, (size_t)(a_end - a) * sizeof(*a));
	else if (b < b_end)
		memcpy(out, b, (size_t)(b_end - b) * sizeof(*b));
}

/* Length of the sorted run at `at`; one that is shorter than MIN_RUN_CNT is made longer. */
static size_t next_run(struct key *at, size_t cnt)
{
	size_t len = 1;

	while (len < cnt && !key_after(&at[len - 1], &at[len]))
		len++;
	for (; len < cnt && len < MIN_RUN_CNT; len++) {
		const struct key key = at[len];
		size_t pos = len;

		for (; pos && key_after(&at[pos - 1], &key); pos--)
			at[pos] = at[pos - 1];
		at[pos] = key;
	}
	return len;
}

/* Merges neighbouring runs of `from` into `to`; runs[] holds run ends, *cnt of them. */
static void merge_pass(struct key *to, const struct key *from, size_t *runs, size_t *cnt)
{
	size_t start = 0, out = 0;

	for (size_t i = 0; i < *cnt; i += 2) {
		const size_t mid = runs[i], end = i + 1 < *cnt ? runs[i + 1] : mid;

		merge_runs(to + start, from + start, mid - start, from + mid, end - mid);
		runs[out++] = end;
		start = end;
	}
	*cnt = out;
}

/* Sorts k by the runs it consists of, stable. */
static int sort_keys(struct cpt_merge *m, struct keys *k)
{
	const size_t most = k->cnt / MIN_RUN_CNT + 1;
	size_t run_cnt = 0;
	struct keys other;

	if (most > m->run_cap) {
		size_t *runs = realloc(m->runs, most * 2 * sizeof(*runs));

		if (!runs)
			return -ENOMEM;
		m->runs = runs;
		m->run_cap = most * 2;
	}
	m->swap.cnt = 0;
	if (keys_reserve(&m->swap, k->cnt))
		return -ENOMEM;
	for (size_t pos = 0; pos < k->cnt; m->runs[run_cnt++] = pos)
		pos += next_run(k->at + pos, k->cnt - pos);
	while (run_cnt > 1) {
		merge_pass(m->swap.at, k->at, m->runs, &run_cnt);
		m->swap.cnt = k->cnt;
		other = *k;
		*k = m->swap;
		m->swap = other;
	}
	return 0;
}

static int append_keys(struct keys *to, struct keys *from)
{
	if (keys_reserve(to, from->cnt))
		return -ENOMEM;
	if (from->cnt)
		memcpy(to->at + to->cnt, from->at, from->cnt * sizeof(*from->at));
	to->cnt += from->cnt;
	from->cnt = 0;
	return 0;
}

/* Into the task's list; from its end, since this is called in order of time. */
static void list_add(struct cpt_merge *m, uint32_t task, int way, uint32_t slot)
{
	struct list *l = &m->tasks[task].list[way];
	struct link *link = &m->sides[slot].link[way];
	uint32_t prev = l->tail;

	while (prev && m->sides[prev].ts_ns > m->sides[slot].ts_ns)
		prev = m->sides[prev].link[way].prev;
	link->prev = prev;
	link->next = prev ? m->sides[prev].link[way].next : l->head;
	if (link->next)
		m->sides[link->next].link[way].prev = slot;
	else
		l->tail = slot;
	if (prev)
		m->sides[prev].link[way].next = slot;
	else
		l->head = slot;
}

static void list_fresh(struct cpt_merge *m, const struct keys *fresh)
{
	for (size_t i = 0; i < fresh->cnt; i++) {
		const uint32_t slot = fresh->at[i].slot;
		const struct cpt_rec_switch *sw = &m->slots[slot].sw;

		if (i + AHEAD < fresh->cnt)
			fetch_slot(m, fresh->at[i + AHEAD].slot);
		if (fresh->at[i].ord >> 30 != KIND_RING || m->sides[slot].kind != SLOT_SWITCH)
			continue;
		if (sw->prev)
			list_add(m, sw->prev, WAY_OUT, slot);
		if (sw->next)
			list_add(m, sw->next, WAY_IN, slot);
	}
}

/* Sorted keys into the pending ones, from the end: only what is later than the first of them moves, as a
 * few wake-ups do. Pending keys come first among equals. */
static int insert_pending(struct cpt_merge *m, const struct keys *fresh)
{
	struct keys *p = &m->pending;
	size_t at, left = fresh->cnt, out;

	if (!fresh->cnt)
		return 0;
	if (m->pending_at >= p->cnt / 4) { /* moves three times what was taken out at most */
		p->cnt -= m->pending_at;
		if (p->cnt)
			memmove(p->at, p->at + m->pending_at, p->cnt * sizeof(*p->at));
		m->pending_at = 0;
	}
	if (keys_reserve(p, fresh->cnt))
		return -ENOMEM;
	at = p->cnt;
	out = p->cnt += fresh->cnt;
	while (left && at > m->pending_at && key_after(&p->at[at - 1], &fresh->at[0])) {
		if (key_after(&p->at[at - 1], &fresh->at[left - 1]))
			p->at[--out] = p->at[--at];
		else
			p->at[--out] = fresh->at[--left];
	}
	memcpy(p->at + out - left, fresh->at, left * sizeof(*p->at));
	return 0;
}

/* Brings what was added since into the pending keys. */
static int settle_fresh(struct cpt_merge *m)
{
	m->scratch.cnt = 0;
	if (append_keys(&m->scratch, &m->fresh_life) || append_keys(&m->scratch, &m->fresh_ring) ||
	    append_keys(&m->scratch, &m->fresh_wake) || sort_keys(m, &m->scratch))
		return -ENOMEM;
	if (!m->scratch.cnt)
		return 0;
	list_fresh(m, &m->scratch);
	return insert_pending(m, &m->scratch);
}

/* ---- emitting --------------------------------------------------------------------------------- */

static int flush_batch(struct cpt_merge *m)
{
	int err = 0;

	if (m->batch_cnt)
		err = m->sink.events(m->sink.ctx, m->events, m->batch_cnt);
	for (size_t i = 0; i < m->batch_cnt; i++) {
		free(m->lives[i]);
		m->lives[i] = NULL;
	}
	m->batch_cnt = 0;
	return err;
}

/* The next event of the batch, zeroed; NULL on error (m->err is set). */
static struct cpt_event *next_event(struct cpt_merge *m)
{
	struct cpt_event *ev;

	if (m->batch_cnt == BATCH_CNT) {
		m->err = flush_batch(m);
		if (m->err)
			return NULL;
	}
	ev = &m->events[m->batch_cnt++];
	memset(ev, 0, sizeof(*ev));
	return ev;
}

static void fill_mask(struct cpt_mask *mask, uint32_t nr_cpus_allowed, const uint64_t *bits)
{
	mask->nr_cpus_allowed = nr_cpus_allowed;
	mask->bits = bits;
	mask->word_cnt = CPT_MASK_WORDS;
	while (mask->word_cnt && !bits[mask->word_cnt - 1])
		mask->word_cnt--;
}

static void fill_new(struct cpt_event *ev, struct cpt_info *info, struct cpt_rec_task *rec)
{
	ev->type = CPT_EV_NEW;
	ev->other = rec->parent;
	rec->comm[CPT_COMM_LEN - 1] = '\0';
	info->tid = rec->tid;
	info->tgid = rec->tgid;
	info->ns_tid = rec->ns_tid;
	info->flags = rec->flags;
	info->start_boottime_ns = rec->start_boottime_ns;
	info->comm = rec->comm;
	fill_mask(&info->mask, rec->nr_cpus_allowed, (const uint64_t *)rec->mask);
}

static void fill_exec(struct cpt_event *ev, struct cpt_info *info, struct cpt_rec_exec *rec)
{
	ev->type = CPT_EV_EXEC;
	rec->comm[CPT_COMM_LEN - 1] = '\0';
	rec->filename[CPT_PATH_LEN - 1] = '\0';
	info->tid = rec->tid;
	info->tgid = rec->tgid;
	info->ns_tid = rec->ns_tid;
	info->start_boottime_ns = rec->start_boottime_ns;
	info->comm = rec->comm;
	info->filename = rec->filename;
	info->args = rec->args;
	info->args_sz = rec->args_sz < CPT_ARGS_LEN ? rec->args_sz : CPT_ARGS_LEN;
}

static void fill_exit(struct cpt_event *ev, struct cpt_info *info, const struct cpt_rec_exit *rec)
{
	ev->type = CPT_EV_EXIT;
	info->exit_code = rec->exit_code;
	info->sum_exec_ns = rec->sum_exec_ns;
	info->run_delay_ns = rec->run_delay_ns;
	info->nvcsw = rec->nvcsw;
	info->nivcsw = rec->nivcsw;
}

static void fill_rename(struct cpt_event *ev, struct cpt_info *info, struct cpt_rec_rename *rec)
{
	ev->type = CPT_EV_RENAME;
	rec->comm[CPT_COMM_LEN - 1] = '\0';
	info->comm = rec->comm;
}

static void fill_affinity(struct cpt_event *ev, struct cpt_info *info,
			  const struct cpt_rec_affinity *rec)
{
	ev->type = CPT_EV_AFFINITY;
	fill_mask(&info->mask, rec->nr_cpus_allowed, (const uint64_t *)rec->mask);
}

/* The lifecycle record in slot, at ts_ns, unless it has been emitted ahead of its time. */
static void emit_life(struct cpt_merge *m, uint32_t slot, uint64_t ts_ns)
{
	struct cpt_rec_head *life = m->slots[slot].life;
	struct cpt_event *ev;
	struct cpt_info *info;

	if (m->sides[slot].done)
		return;
	ev = next_event(m);
	if (!ev)
		return;
	m->sides[slot].done = 1;
	m->lives[m->batch_cnt - 1] = life;
	info = &m->infos[m->batch_cnt - 1];
	memset(info, 0, sizeof(*info));
	ev->ts_ns = ts_ns;
	ev->task = life->id;
	ev->cpu = life->cpu;
	ev->info = info;
	if (life->type == CPT_REC_NEW)
		fill_new(ev, info, (void *)life);
	else if (life->type == CPT_REC_EXEC)
		fill_exec(ev, info, (void *)life);
	else if (life->type == CPT_REC_RENAME)
		fill_rename(ev, info, (void *)life);
	else if (life->type == CPT_REC_EXIT)
		fill_exit(ev, info, (void *)life);
	else
		fill_affinity(ev, info, (void *)life);
	if (m->tasks[life->id].new_slot == slot)
		m->tasks[life->id].new_slot = 0;
	if (m->tasks[life->id].exit_slot == slot)
		m->tasks[life->id].exit_slot = 0;
}

/* Whatever happens to a task happens after its birth. */
static inline void emit_birth(struct cpt_merge *m, uint32_t task, uint64_t ts_ns)
{
	if (m->tasks[task].new_slot)
		emit_life(m, m->tasks[task].new_slot, ts_ns);
}

/* The wake-up that ends the wait which the task's switch-out at ts_ns begins, NULL when it is not known:
 * the next switch-in has it, if the task was not seen to leave a CPU in between. */
static const struct cpt_rec_switch *next_wake(const struct cpt_merge *m, const struct task_state *t,
					      uint64_t ts_ns)
{
	const uint32_t in = t->list[WAY_IN].head, out = t->list[WAY_OUT].head;
	const struct cpt_rec_switch *sw = &m->slots[in].sw;

	if (!in || !(sw->flags & CPT_SW_NEXT_WOKEN) || sw->wake_ts_ns < ts_ns)
		return NULL;
	return !out || m->sides[out].ts_ns >= sw->wake_ts_ns ? sw : NULL;
}

/* What prev waits for and how that will end, as far as it is known. */
static void fill_wait(struct cpt_merge *m, struct cpt_event *ev, const struct cpt_rec_switch *sw)
{
	struct task_state *t = &m->tasks[sw->prev];
	struct cpt_wait *wait = &m->waits[m->batch_cnt - 1];
	const struct cpt_rec_switch *wake;

	*wait = (struct cpt_wait){
		.sysno = sw->sysno,
		.prev_state = sw->prev_state,
		.object = sw->object,
		.arg0 = sw->arg0,
		.arg1 = sw->arg1,
		.arg2 = sw->arg2,
	};
	if (sw->flags & CPT_SW_PREV_IOWAIT)
		wait->wait_flags |= CPT_WAIT_IOWAIT;
	if (sw->flags & CPT_SW_PREV_TIMEOUT)
		wait->wait_flags |= CPT_WAIT_TIMEOUT;
	ev->wait = wait;
	if (!sw->prev)
		return;
	wake = next_wake(m, t, ev->ts_ns);
	if (wake && wake->wake_ts_ns < m->complete_ns)
		ev->end = cpt_wake_end(wake->wake_ctx, wake->flags, wake->waker, &ev->end_waker);
	else
		t->open_ts_ns = ev->ts_ns;
}

/* A task's wait that is open when it leaves or enters a CPU has lost its wake-up. */
static void note_out(struct cpt_merge *m, uint32_t task, uint32_t slot)
{
	if (!task)
		return;
	list_del(m, task, WAY_OUT, slot);
	m->tasks[task].open_ts_ns = 0;
	m->tasks[task].on_cpu = 0;
}

static void note_in(struct cpt_merge *m, uint32_t task, uint32_t slot)
{
	if (!task)
		return;
	list_del(m, task, WAY_IN, slot);
	m->tasks[task].open_ts_ns = 0;
	m->tasks[task].on_cpu = 1u + m->sides[slot].cpu;
}

static void emit_switch(struct cpt_merge *m, uint32_t slot, uint64_t ts_ns)
{
	const struct cpt_rec_switch *sw = &m->slots[slot].sw;
	struct cpt_event *ev;

	emit_birth(m, sw->prev, ts_ns);
	emit_birth(m, sw->next, ts_ns);
	if ((sw->flags & CPT_SW_PREV_DEAD) && m->tasks[sw->prev].exit_slot)
		emit_life(m, m->tasks[sw->prev].exit_slot, ts_ns);
	ev = next_event(m);
	if (!ev)
		return;
	ev->ts_ns = ts_ns;
	ev->type = CPT_EV_SWITCH;
	ev->flags = sw->flags;
	ev->cpu = m->sides[slot].cpu;
	ev->task = sw->prev;
	ev->other = sw->next;
	note_out(m, sw->prev, slot);
	if (sw->flags & CPT_SW_PREV_BLOCKED)
		fill_wait(m, ev, sw);
	note_in(m, sw->next, slot);
}

static void emit_wake(struct cpt_merge *m, uint32_t slot)
{
	const struct cpt_rec_switch *sw = &m->slots[slot].sw;
	struct cpt_event *ev;

	emit_birth(m, sw->next, sw->wake_ts_ns);
	if (m->tasks[sw->next].open_ts_ns && !m->err)
		m->err = late_end(m, sw);
	if (m->err)
		return;
	ev = next_event(m);
	if (!ev)
		return;
	ev->ts_ns = sw->wake_ts_ns;
	ev->type = CPT_EV_WAKE;
	ev->wake_ctx = sw->wake_ctx;
	ev->flags = sw->flags & (CPT_SW_WAKER_FOREIGN | CPT_SW_WAKE_ON_WORD);
	ev->waker_sysno = sw->waker_sysno;
	ev->cpu = m->sides[slot].cpu;
	ev->task = sw->next;
	ev->other = sw->waker;
}

static void emit_occupancy(struct cpt_merge *m, uint32_t slot, uint64_t ts_ns)
{
	const struct cpt_rec_occupancy *occ = &m->slots[slot].occ;
	struct cpt_event *ev = next_event(m);

	if (!ev)
		return;
	ev->ts_ns = ts_ns;
	ev->type = CPT_EV_OCCUPANCY;
	ev->cpu = m->sides[slot].cpu;
	ev->occ_kind = occ->kind;
	ev->occ_next = (uint8_t)occ->next_kind;
	ev->occ_since_ns = occ->since_ns;
	ev->occ_idle_ns = occ->idle_ns;
	ev->occ_other_ns = occ->other_ns;
}

static void emit_loss(struct cpt_merge *m, uint32_t slot, uint64_t ts_ns)
{
	const struct loss *loss = &m->slots[slot].loss;
	struct cpu_state *c = &m->cpus[m->sides[slot].cpu];
	struct cpt_event *ev;

	if (c->tail_loss == slot)
		c->tail_loss = 0;
	if (!loss->cnt)
		return;
	ev = next_event(m);
	if (!ev)
		return;
	ev->ts_ns = ts_ns;
	ev->type = CPT_EV_LOSS;
	ev->cpu = m->sides[slot].cpu;
	ev->until_ns = loss->until_ns;
	ev->count = loss->cnt;
}

static void emit(struct cpt_merge *m, const struct key *k)
{
	const uint8_t kind = m->sides[k->slot].kind;

	if (k->ord >> 30 == KIND_WAKE)
		emit_wake(m, k->slot);
	else if (kind == SLOT_SWITCH)
		emit_switch(m, k->slot, k->ts_ns);
	else if (kind == SLOT_OCCUPANCY)
		emit_occupancy(m, k->slot, k->ts_ns);
	else if (kind == SLOT_LOSS)
		emit_loss(m, k->slot, k->ts_ns);
	else
		emit_life(m, k->slot, k->ts_ns);
	if (!m->err)
		slot_put(m, k->slot);
}

/* Whether what k says can happen now, k[-idx..-1] being what else is left of its instant before it in
 * plain order: a CPU does one thing after the other, a task enters a CPU once it has left the one it
 * was on and its wake-up is out, and is woken when it is not running. */
static bool can_happen(const struct cpt_merge *m, const struct key *k, size_t idx)
{
	const struct side *side = &m->sides[k->slot];
	const struct cpt_rec_switch *sw = &m->slots[k->slot].sw;

	if (k->ord >> 30 == KIND_LIFE)
		return true;
	if (k->ord >> 30 == KIND_WAKE)
		return !m->tasks[sw->next].on_cpu;
	for (size_t i = 1; i <= idx; i++)
		if (k[-(ptrdiff_t)i].ord == k->ord)
			return false;
	if (side->kind != SLOT_SWITCH || !sw->next)
		return true;
	/* Two references: the key of its wake-up is not out yet, though of this instant. */
	if (side->refs > 1 && sw->wake_ts_ns == side->ts_ns)
		return false;
	return !m->tasks[sw->next].on_cpu || sw->next == sw->prev;
}

/* Emits the keys of one instant, cnt of them, in an order that can have happened: the first in plain
 * order that can happen next. Where none can, because records are missing, the first. */
static void emit_instant(struct cpt_merge *m, struct key *k, size_t cnt)
{
	for (; cnt && !m->err; cnt--) {
		struct key key;
		size_t i = 0;

		while (i < cnt && !can_happen(m, &k[i], i))
			i++;
		if (i == cnt)
			i = 0;
		key = k[i];
		memmove(k + 1, k, i * sizeof(*k));
		*k++ = key;
		emit(m, &key);
	}
}

/* Emits pending keys before the horizon, or all. */
static int emit_pending(struct cpt_merge *m, uint64_t horizon_ns, bool all)
{
	struct keys *p = &m->pending;
	size_t done = m->pending_at;

	while (done < p->cnt && !m->err && (all || p->at[done].ts_ns < horizon_ns)) {
		size_t end = done + 1;

		if (done + AHEAD < p->cnt)
			fetch_slot(m, p->at[done + AHEAD].slot);
		while (end < p->cnt && p->at[end].ts_ns == p->at[done].ts_ns)
			end++;
		if (end - done > 1 && end - done <= TIE_CNT_MAX) {
			emit_instant(m, p->at + done, end - done);
			done = end;
		}
		for (; done < end && !m->err; done++)
			emit(m, &p->at[done]);
	}
	if (!m->err)
		m->err = flush_batch(m);
	m->pending_at = done;
	return m->err;
}

void merge__complete(struct cpt_merge *m, uint64_t complete_ns)
{
	m->complete_ns = complete_ns;
}

int merge__advance(struct cpt_merge *m, uint64_t horizon_ns)
{
	if (m->err || horizon_ns <= m->emitted_ns)
		return m->err;
	m->err = settle_fresh(m);
	if (m->err)
		return m->err;
	m->emitted_ns = horizon_ns;
	m->err = emit_side(m, horizon_ns, false);
	return m->err ? m->err : emit_pending(m, horizon_ns, false);
}

int merge__finish(struct cpt_merge *m)
{
	m->complete_ns = UINT64_MAX;
	if (!m->err)
		m->err = settle_fresh(m);
	if (!m->err)
		m->err = emit_side(m, 0, true);
	return m->err ? m->err : emit_pending(m, 0, true);
}

uint64_t merge__lost(const struct cpt_merge *m)
{
	return m->lost_cnt;
}
