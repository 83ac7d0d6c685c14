// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * block_encode.c - the encoder of trace_block.h.
 *
 * Every column is as large as the largest block needs, so that adding an event checks no bounds:
 * block_encoder__full() is what keeps them.
 */
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "trace_block.h"
#include "trace_model.h"
#include "varint.h"

#define EVENTS_MAX  16384u /* 1 MiB of events when decoded: a second-level cache holds it */
#define SHAPES_MAX  1024u
#define SHAPE_SLOTS 4096u
#define WAIT_SLOTS  32768u
#define EXTRA_FULL  (96u << 10)
#define EXTRA_EVENT (4u << 10) /* the largest payload of one event stays below */
#define WAITS_FULL  (96u << 10)
#define WAIT_MAX    48u
#define PACK_MIN    48u /* smaller columns are not worth packing */

/* Bytes per event at most, by column. */
#define TOKEN_SZ 2
#define TASK_SZ	 (2 * 3)
#define ENDS_SZ	 (3 + 1 + 5)

struct shape_slot {
	uint64_t key;
	uint32_t epoch;
	uint32_t idx;
};

struct stamped {
	uint32_t epoch;
	uint32_t idx;
};

/* A blocking switch-out: how its wait ended, and what a reader would take from the events alone. */
struct out {
	uint64_t ts_ns;
	uint32_t end_waker, dflt_waker;
	uint8_t end, dflt;
};

struct block_encoder {
	uint32_t cpu_cnt;
	uint32_t epoch; /* of stamped tables: bumping it empties them */
	uint32_t cnt, switch_cnt, out_cnt;
	uint64_t first_ns, last_ns;
	uint8_t *col[COL_CNT]; /* start and next free byte of each column */
	uint8_t *at[COL_CNT];
	struct model_cpu *cpus;
	struct model_task *tasks;
	uint32_t task_cnt;
	struct stamped *task_map; /* by task number */
	uint32_t task_map_cap;
	struct cpt_wait *waits;
	uint32_t wait_cnt;
	struct stamped *wait_slots;
	struct shape_slot *shape_slots;
	uint32_t shape_cnt;
	struct out *outs;
	z_stream z, z_plain; /* plain: without a search for matches */
	bool z_ready, z_plain_ready;
	uint8_t *payload;
	size_t payload_cap;
};

static const uint32_t col_cap[COL_CNT] = {
	[COL_SHAPES] = SHAPES_MAX * 16,
	[COL_TASKS] = EVENTS_MAX * 2 * 5,
	[COL_WAITS] = WAITS_FULL + WAIT_MAX,
	[COL_TOKEN] = EVENTS_MAX * TOKEN_SZ,
	[COL_TIME] = EVENTS_MAX,
	[COL_TIME_HI] = EVENTS_MAX * 8,
	[COL_CPU] = EVENTS_MAX * 2,
	[COL_TASK] = EVENTS_MAX * TASK_SZ,
	[COL_WAKER] = EVENTS_MAX * 5,
	[COL_WAIT] = EVENTS_MAX * 3,
	[COL_ENDS] = EVENTS_MAX * ENDS_SZ,
	[COL_EXTRA] = EXTRA_FULL + EXTRA_EVENT,
};

/* ---- life ------------------------------------------------------------------------------------ */

static void reset(struct block_encoder *e)
{
	e->epoch++;
	e->cnt = e->switch_cnt = e->out_cnt = 0;
	e->task_cnt = 1;
	e->wait_cnt = 0;
	e->shape_cnt = 0;
	memset(e->cpus, 0, e->cpu_cnt * sizeof(*e->cpus));
	memset(&e->tasks[0], 0, sizeof(e->tasks[0]));
	for (int i = 0; i < COL_CNT; i++)
		e->at[i] = e->col[i];
}

struct block_encoder *block_encoder__new(uint32_t cpu_cnt)
{
	struct block_encoder *e = calloc(1, sizeof(*e));
	bool ok;

	if (!e)
		return NULL;
	e->cpu_cnt = cpu_cnt;
	e->cpus = calloc(cpu_cnt, sizeof(*e->cpus));
	e->tasks = calloc(EVENTS_MAX * 2 + 1, sizeof(*e->tasks));
	e->waits = calloc(EVENTS_MAX, sizeof(*e->waits));
	e->wait_slots = calloc(WAIT_SLOTS, sizeof(*e->wait_slots));
	e->shape_slots = calloc(SHAPE_SLOTS, sizeof(*e->shape_slots));
	e->outs = calloc(EVENTS_MAX, sizeof(*e->outs));
	ok = e->cpus && e->tasks && e->waits && e->wait_slots && e->shape_slots && e->outs;
	for (int i = 0; i < COL_CNT; i++) {
		e->col[i] = malloc(col_cap[i]);
		ok = ok && e->col[i];
		e->payload_cap += col_cap[i] + 2 * CPT_VARINT_MAX;
	}
	e->payload_cap += 2 * CPT_VARINT_MAX;
	e->payload = malloc(e->payload_cap);
	/* Raw deflate: the section has its own check sum. */
	e->z_ready = ok && e->payload &&
		     deflateInit2(&e->z, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK;
	e->z_plain_ready = e->z_ready &&
			   deflateInit2(&e->z_plain, 1, Z_DEFLATED, -15, 8, Z_HUFFMAN_ONLY) == Z_OK;
	if (!e->z_plain_ready) {
		block_encoder__free(e);
		return NULL;
	}
	reset(e);
	return e;
}

void block_encoder__free(struct block_encoder *e)
{
	if (!e)
		return;
	if (e->z_ready)
		deflateEnd(&e->z);
	if (e->z_plain_ready)
		deflateEnd(&e->z_plain);
	for (int i = 0; i < COL_CNT; i++)
		free(e->col[i]);
	free(e->cpus);
	free(e->tasks);
	free(e->task_map);
	free(e->waits);
	free(e->wait_slots);
	free(e->shape_slots);
	free(e->outs);
	free(e->payload);
	free(e);
}

uint32_t block_encoder__cnt(const struct block_encoder *e)
{
	return e->cnt;
}

uint64_t block_encoder__first_ns(const struct block_encoder *e)
{
	return e->first_ns;
}

uint64_t block_encoder__last_ns(const struct block_encoder *e)
{
	return e->last_ns;
}

bool block_encoder__full(const struct block_encoder *e)
{
	return e->cnt >= EVENTS_MAX || e->shape_cnt >= SHAPES_MAX ||
	       (size_t)(e->at[COL_EXTRA] - e->col[COL_EXTRA]) >= EXTRA_FULL ||
	       (size_t)(e->at[COL_WAITS] - e->col[COL_WAITS]) >= WAITS_FULL;
}

/* ---- lists ------------------------------------------------------------------------------------ */

static inline void put(struct block_encoder *e, int col, uint64_t v)
{
	e->at[col] = put_varint(e->at[col], v);
}

static int map_reserve(struct block_encoder *e, uint32_t number)
{
	uint32_t cap = e->task_map_cap ? e->task_map_cap : 256;
	struct stamped *map;

	if (number > CPT_TASK_MAX)
		return -EINVAL;
	while (cap <= number)
		cap *= 2;
	map = realloc(e->task_map, cap * sizeof(*map));
	if (!map)
		return -ENOMEM;
	memset(map + e->task_map_cap, 0, (cap - e->task_map_cap) * sizeof(*map));
	e->task_map = map;
	e->task_map_cap = cap;
	return 0;
}

static uint32_t list_task(struct block_encoder *e, uint32_t number)
{
	const uint32_t idx = e->task_cnt++;

	e->tasks[idx] = (struct model_task){.number = number};
	put(e, COL_TASKS, zigzag((int64_t)number - e->tasks[idx - 1].number));
	e->task_map[number] = (struct stamped){.epoch = e->epoch, .idx = idx};
	return idx;
}

/* Index of a task; listed when it is new. map_reserve(number) was done. */
static inline uint32_t task_idx(struct block_encoder *e, uint32_t number)
{
	if (!number)
		return 0;
	if (e->task_map[number].epoch == e->epoch)
		return e->task_map[number].idx;
	return list_task(e, number);
}

static uint32_t wait_hash(const struct cpt_wait *w)
{
	uint64_t h = w->arg0 * 0x9e3779b97f4a7c15u ^ w->arg1 * 0xc2b2ae3d27d4eb4fu;

	h ^= ((uint64_t)w->arg2 << 32 | (uint32_t)w->sysno << 16 | w->object) * 0x165667b19e3779f9u;
	h ^= (uint64_t)(w->prev_state << 8 | w->wait_flags) << 20;
	return (uint32_t)(h >> 40) % WAIT_SLOTS;
}

static bool same_wait(const struct cpt_wait *a, const struct cpt_wait *b)
{
	return a->arg0 == b->arg0 && a->arg1 == b->arg1 && a->arg2 == b->arg2 &&
	       a->sysno == b->sysno && a->prev_state == b->prev_state && a->object == b->object &&
	       a->wait_flags == b->wait_flags;
}

/* Writes a new wait to the list, as what is different from the one at base. */
static void list_wait(struct block_encoder *e, const struct cpt_wait *w, uint32_t base)
{
	static const struct cpt_wait none;
	const struct cpt_wait *b = e->wait_cnt ? &e->waits[base] : &none;
	const int64_t diff[8] = {
		(int64_t)w->sysno - b->sysno,
		(int64_t)w->prev_state - b->prev_state,
		(int64_t)w->object - b->object,
		(int64_t)w->wait_flags - b->wait_flags,
		(int64_t)w->arg2 - b->arg2,
		(int64_t)(w->arg0 - b->arg0),
		(int64_t)(uint32_t)w->arg1 - (int64_t)(uint32_t)b->arg1,
		(int64_t)(w->arg1 >> 32) - (int64_t)(b->arg1 >> 32),
	};
	uint8_t mask = 0;

	for (int i = 0; i < 8; i++)
		mask |= (uint8_t)((diff[i] != 0) << i);
	put(e, COL_WAITS, e->wait_cnt ? e->wait_cnt - base : 0);
	*e->at[COL_WAITS]++ = mask;
	for (int i = 0; i < 8; i++)
		if (diff[i])
			put(e, COL_WAITS, zigzag(diff[i]));
	e->waits[e->wait_cnt++] = *w;
}

/* WAIT_* of the wait of task; writes what that needs. */
static uint8_t encode_wait(struct block_encoder *e, const struct cpt_wait *w, uint32_t task)
{
	struct model_task *t = &e->tasks[task];
	uint32_t slot;

	if (t->last_wait < e->wait_cnt && same_wait(&e->waits[t->last_wait], w))
		return WAIT_SAME;
	for (slot = wait_hash(w); e->wait_slots[slot].epoch == e->epoch;
	     slot = (slot + 1) % WAIT_SLOTS) {
		const uint32_t idx = e->wait_slots[slot].idx;

		if (!same_wait(&e->waits[idx], w))
			continue;
		t->last_wait = idx;
		put(e, COL_WAIT, idx);
		return WAIT_LISTED;
	}
	e->wait_slots[slot] = (struct stamped){.epoch = e->epoch, .idx = e->wait_cnt};
	list_wait(e, w, t->last_wait);
	t->last_wait = e->wait_cnt - 1;
	return WAIT_NEW;
}

static void list_shape(struct block_encoder *e, const struct shape *s)
{
	put(e, COL_SHAPES, s->type);
	put(e, COL_SHAPES, s->pred);
	put(e, COL_SHAPES, s->flags);
	if (s->type == CPT_EV_WAKE) {
		put(e, COL_SHAPES, s->ctx);
		/* So that the two special numbers at the upper end are short. */
		put(e, COL_SHAPES, (uint16_t)(s->sysno + 2));
	}
	e->shape_cnt++;
}

static void put_token(struct block_encoder *e, const struct shape *s)
{
	const uint64_t key = (uint64_t)s->type | (uint64_t)s->pred << 8 | (uint64_t)s->flags << 16 |
			     (uint64_t)s->ctx << 32 | (uint64_t)s->sysno << 40;
	uint32_t slot = (uint32_t)(key * 0x9e3779b97f4a7c15u >> 52) % SHAPE_SLOTS;

	for (; e->shape_slots[slot].epoch == e->epoch; slot = (slot + 1) % SHAPE_SLOTS) {
		if (e->shape_slots[slot].key != key)
			continue;
		put(e, COL_TOKEN, e->shape_slots[slot].idx);
		return;
	}
	e->shape_slots[slot] =
		(struct shape_slot){.key = key, .epoch = e->epoch, .idx = e->shape_cnt};
	put(e, COL_TOKEN, e->shape_cnt);
	list_shape(e, s);
}

/* ---- events ----------------------------------------------------------------------------------- */

static void note_out(struct block_encoder *e, const struct cpt_event *ev, uint32_t task)
{
	struct out *o = &e->outs[e->out_cnt++];

	*o = (struct out){.ts_ns = ev->ts_ns, .end = ev->end};
	if (ev->end == CPT_END_TASK || ev->end == CPT_END_FOREIGN)
		o->end_waker = ev->end_waker;
	e->tasks[task].open = e->out_cnt;
}

static void add_switch(struct block_encoder *e, const struct cpt_event *ev)
{
	static const struct cpt_wait no_wait;
	struct shape s = {.type = CPT_EV_SWITCH, .flags = ev->flags};
	const uint32_t prev = task_idx(e, ev->task), next = task_idx(e, ev->other);
	struct model_cpu *c = &e->cpus[ev->cpu];

	put(e, COL_CPU, ev->cpu);
	if (prev != c->cur) {
		s.pred |= SHAPE_PREV;
		put(e, COL_TASK, prev);
	}
	if (next == c->q_head) {
		s.pred |= NEXT_QUEUED << 1;
	} else if (!next) {
		s.pred |= NEXT_NONE << 1;
	} else {
		s.pred |= NEXT_LISTED << 1;
		put(e, COL_TASK, next);
	}
	if (ev->flags & CPT_SW_PREV_BLOCKED) {
		s.pred |= (uint8_t)(encode_wait(e, ev->wait ? ev->wait : &no_wait, prev) << 3);
		note_out(e, ev, prev);
	}
	put_token(e, &s);
	model_switch(e->cpus, e->tasks, ev->cpu, prev, next, ev->flags, ev->ts_ns);
	e->switch_cnt++;
}

/* WAKER_* of a wake-up; writes what that needs. */
static uint8_t encode_waker(struct block_encoder *e, const struct cpt_event *ev, uint32_t task)
{
	const bool foreign = ev->flags & CPT_SW_WAKER_FOREIGN;
	uint32_t waker;

	if (!ev->other)
		return WAKER_NONE;
	if (!foreign && e->tasks[e->cpus[ev->cpu].cur].number == ev->other)
		return WAKER_CUR;
	if (e->tasks[task].last_waker == ev->other)
		return WAKER_LAST;
	if (foreign) {
		put(e, COL_WAKER, ev->other);
		return WAKER_RAW;
	}
	waker = task_idx(e, ev->other);
	if (e->cpus[e->tasks[waker].cpu].cur == waker) {
		put(e, COL_WAKER, e->tasks[waker].cpu);
		return WAKER_CPU;
	}
	put(e, COL_WAKER, waker);
	return WAKER_LISTED;
}

static void add_wake(struct block_encoder *e, const struct cpt_event *ev)
{
	struct shape s = {.type = CPT_EV_WAKE,
			  .flags = ev->flags,
			  .ctx = ev->wake_ctx,
			  .sysno = ev->waker_sysno};
	const uint32_t task = task_idx(e, ev->task);
	struct out *o;

	put(e, COL_TASK, task);
	if (e->tasks[task].cpu != ev->cpu) {
		s.pred |= SHAPE_WAKE_CPU;
		put(e, COL_CPU, ev->cpu);
	}
	s.pred |= encode_waker(e, ev, task);
	if (e->tasks[task].open) {
		o = &e->outs[e->tasks[task].open - 1];
		o->dflt = cpt_wake_end(ev->wake_ctx, ev->flags, ev->other, &o->dflt_waker);
	}
	put_token(e, &s);
	model_wake(e->cpus, e->tasks, task, ev->cpu, ev->other);
}

static void add_occupancy(struct block_encoder *e, const struct cpt_event *ev)
{
	struct shape s = {.type = CPT_EV_OCCUPANCY,
			  .flags = (uint16_t)(ev->occ_kind | ev->occ_next << 8)};
	struct model_cpu *c = &e->cpus[ev->cpu];

	put(e, COL_CPU, ev->cpu);
	if (ev->occ_since_ns != c->last_ts_ns) {
		s.pred |= SHAPE_SINCE;
		put(e, COL_EXTRA, ev->ts_ns - ev->occ_since_ns);
	}
	put(e, COL_EXTRA, ev->occ_idle_ns);
	put(e, COL_EXTRA, ev->occ_other_ns);
	put_token(e, &s);
	c->last_ts_ns = ev->ts_ns;
}

/* At most max bytes of s and a NUL. */
static void put_text(struct block_encoder *e, const char *s, size_t max)
{
	const size_t sz = s ? strnlen(s, max) : 0;

	if (sz)
		memcpy(e->at[COL_EXTRA], s, sz);
	e->at[COL_EXTRA] += sz;
	*e->at[COL_EXTRA]++ = '\0';
}

static void put_mask(struct block_encoder *e, const struct cpt_mask *mask)
{
	const uint32_t cnt = mask->word_cnt < CPT_MASK_WORDS ? mask->word_cnt : CPT_MASK_WORDS;

	put(e, COL_EXTRA, mask->nr_cpus_allowed);
	put(e, COL_EXTRA, cnt);
	for (uint32_t i = 0; i < cnt; i++) {
		put_le(e->at[COL_EXTRA], mask->bits[i], 8);
		e->at[COL_EXTRA] += 8;
	}
}

static void put_identity(struct block_encoder *e, const struct cpt_info *info)
{
	put(e, COL_EXTRA, info->tid);
	put(e, COL_EXTRA, info->tgid);
	put(e, COL_EXTRA, info->ns_tid);
	put(e, COL_EXTRA, info->start_boottime_ns);
	put_text(e, info->comm, CPT_COMM_LEN - 1);
}

static void put_exec(struct block_encoder *e, const struct cpt_info *info)
{
	const size_t sz = info->args_sz < CPT_ARGS_LEN ? info->args_sz : CPT_ARGS_LEN;

	put_identity(e, info);
	put_text(e, info->filename, CPT_PATH_LEN - 1);
	put(e, COL_EXTRA, sz);
	if (sz)
		memcpy(e->at[COL_EXTRA], info->args, sz);
	e->at[COL_EXTRA] += sz;
}

static void put_exit(struct block_encoder *e, const struct cpt_info *info)
{
	put(e, COL_EXTRA, zigzag(info->exit_code));
	put(e, COL_EXTRA, info->sum_exec_ns);
	put(e, COL_EXTRA, info->run_delay_ns);
	put(e, COL_EXTRA, info->nvcsw);
	put(e, COL_EXTRA, info->nivcsw);
}

static void add_life(struct block_encoder *e, const struct cpt_event *ev)
{
	const struct shape s = {.type = ev->type};

	put(e, COL_CPU, ev->cpu);
	put(e, COL_TASK, task_idx(e, ev->task));
	if (ev->type == CPT_EV_NEW) {
		put(e, COL_TASK, task_idx(e, ev->other));
		put_identity(e, ev->info);
		put(e, COL_EXTRA, ev->info->flags);
		put_mask(e, &ev->info->mask);
	} else if (ev->type == CPT_EV_EXEC) {
		put_exec(e, ev->info);
	} else if (ev->type == CPT_EV_RENAME) {
		put_text(e, ev->info->comm, CPT_COMM_LEN - 1);
	} else if (ev->type == CPT_EV_EXIT) {
		put_exit(e, ev->info);
	} else {
		put_mask(e, &ev->info->mask);
	}
	put_token(e, &s);
}

static void add_loss(struct block_encoder *e, const struct cpt_event *ev)
{
	const struct shape s = {.type = CPT_EV_LOSS};

	put(e, COL_CPU, ev->cpu);
	put(e, COL_EXTRA, ev->until_ns - ev->ts_ns);
	put(e, COL_EXTRA, ev->count);
	put_token(e, &s);
}

/* What a reader would refuse is refused here. */
static bool event_valid(const struct block_encoder *e, const struct cpt_event *ev)
{
	if (ev->cpu >= e->cpu_cnt || ev->ts_ns > CPT_TIME_MAX || (e->cnt && ev->ts_ns < e->last_ns))
		return false;
	switch (ev->type) {
	case CPT_EV_SWITCH:
		return ev->end <= CPT_END_IRQ;
	case CPT_EV_WAKE:
		return ev->task && ev->wake_ctx <= CPT_CTX_SOFTIRQ_SEND;
	case CPT_EV_NEW:
	case CPT_EV_EXEC:
	case CPT_EV_RENAME:
	case CPT_EV_EXIT:
	case CPT_EV_AFFINITY:
		return ev->task && ev->info;
	case CPT_EV_OCCUPANCY:
		return ev->occ_kind <= 1 && ev->occ_next <= 2 && ev->occ_since_ns <= ev->ts_ns &&
		       ev->occ_idle_ns <= ev->ts_ns - ev->occ_since_ns &&
		       ev->occ_other_ns <= ev->ts_ns - ev->occ_since_ns - ev->occ_idle_ns;
	case CPT_EV_LOSS:
		return ev->until_ns >= ev->ts_ns && ev->until_ns <= CPT_TIME_MAX;
	default:
		return false;
	}
}

static bool other_is_task(const struct cpt_event *ev)
{
	return ev->type == CPT_EV_SWITCH || ev->type == CPT_EV_NEW ||
	       (ev->type == CPT_EV_WAKE && !(ev->flags & CPT_SW_WAKER_FOREIGN));
}

static int reserve_tasks(struct block_encoder *e, const struct cpt_event *ev)
{
	uint32_t high = ev->task;

	if (other_is_task(ev) && ev->other > high)
		high = ev->other;
	if (high > CPT_TASK_MAX)
		return -EINVAL;
	return high < e->task_map_cap ? 0 : map_reserve(e, high);
}

static void put_time(struct block_encoder *e, uint64_t ts_ns)
{
	uint64_t delta;

	if (!e->cnt)
		e->first_ns = e->last_ns = ts_ns;
	delta = ts_ns - e->last_ns;
	*e->at[COL_TIME]++ = (uint8_t)delta;
	put(e, COL_TIME_HI, delta >> 8);
	e->last_ns = ts_ns;
	e->cnt++;
}

int block_encoder__add(struct block_encoder *e, const struct cpt_event *ev)
{
	int err;

	if (!event_valid(e, ev))
		return -EINVAL;
	err = reserve_tasks(e, ev);
	if (err)
		return err;
	put_time(e, ev->ts_ns);
	if (ev->type == CPT_EV_SWITCH)
		add_switch(e, ev);
	else if (ev->type == CPT_EV_WAKE)
		add_wake(e, ev);
	else if (ev->type == CPT_EV_OCCUPANCY)
		add_occupancy(e, ev);
	else if (ev->type == CPT_EV_LOSS)
		add_loss(e, ev);
	else
		add_life(e, ev);
	return 0;
}

bool block_encoder__end(struct block_encoder *e, const struct cpt_late *late)
{
	struct out *o;
	uint32_t idx;

	if (!e->cnt || late->task >= e->task_map_cap || e->task_map[late->task].epoch != e->epoch)
		return false;
	idx = e->tasks[e->task_map[late->task].idx].open;
	if (!idx)
		return false;
	o = &e->outs[idx - 1];
	if (o->ts_ns != late->ts_ns)
		return false;
	o->end = late->end;
	o->end_waker = late->end == CPT_END_IRQ ? 0 : late->waker;
	return true;
}

/* ---- payload ---------------------------------------------------------------------------------- */

static void put_ends(struct block_encoder *e)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < e->out_cnt; i++) {
		const struct out *o = &e->outs[i];

		if (o->end == o->dflt && o->end_waker == o->dflt_waker)
			continue;
		put(e, COL_ENDS, i - next);
		put(e, COL_ENDS, o->end);
		if (o->end == CPT_END_TASK || o->end == CPT_END_FOREIGN)
			put(e, COL_ENDS, o->end_waker);
		next = i + 1;
	}
}

/* Packs column i to out. Bytes written, 0 if it does not save a quarter: less is not worth the time of
 * whoever reads it. */
static size_t pack(struct block_encoder *e, uint8_t *out, int i, size_t sz)
{
	/* Times repeat no patterns, but small ones are more frequent: searching for matches there costs
	 * 30 ns a switch and makes the result larger. */
	z_stream *z = i == COL_TIME_HI ? &e->z_plain : &e->z;
	const size_t room = sz - sz / 4;

	/* The low byte of a time is noise. */
	if (sz < PACK_MIN || i == COL_TIME || deflateReset(z) != Z_OK)
		return 0;
	z->next_in = e->col[i];
	z->avail_in = (uInt)sz;
	z->next_out = out;
	z->avail_out = (uInt)room;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return 0;
	return room - z->avail_out;
}

const uint8_t *block_encoder__encode(struct block_encoder *e, size_t *sz)
{
	/* The directory's size is not known before the columns are packed: room for the longest,
	 * then the columns, then the gap is closed. */
	uint8_t *const start = e->payload + (2 + 2 * COL_CNT) * CPT_VARINT_MAX;
	uint8_t *dir = e->payload, *out = start;

	put_ends(e);
	dir = put_varint(dir, e->switch_cnt);
	dir = put_varint(dir, COL_CNT);
	for (int i = 0; i < COL_CNT; i++) {
		const size_t raw = (size_t)(e->at[i] - e->col[i]);
		size_t packed = pack(e, out, i, raw);

		dir = put_varint(dir, raw);
		dir = put_varint(dir, packed);
		if (!packed) {
			memcpy(out, e->col[i], raw);
			packed = raw;
		}
		out += packed;
	}
	memmove(dir, start, (size_t)(out - start));
	*sz = (size_t)(dir - e->payload) + (size_t)(out - start);
	reset(e);
	return e->payload;
}
