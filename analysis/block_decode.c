// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * block_decode.c - the decoder of trace_block.h.
 *
 * Every byte is somebody else's. Sizes are held against the caps and against what the payload can
 * bear before anything is allocated; every index is held against its list when it is read. A column
 * that ends early yields zeros, which are valid everywhere, and is noticed at the end.
 */
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "trace_block.h"
#include "trace_model.h"
#include "varint.h"

struct block_decoder {
	uint32_t cpu_cnt, task_max;
	struct model_cpu *cpus;
	struct model_task *tasks;
	uint32_t task_cnt, task_cap;
	struct shape *shapes;
	uint32_t shape_cnt, shape_cap;
	struct cpt_wait *waits;
	uint32_t wait_cnt, wait_cap, wait_used;
	struct cpt_event *events;
	uint32_t *outs; /* blocking switch-outs: indexes into events */
	uint32_t event_cap, out_cap, out_cnt;
	struct cpt_info *infos;
	uint32_t info_cnt, info_cap;
	uint64_t *mask_words;
	uint32_t mask_cnt, mask_cap;
	uint8_t *raw;
	size_t raw_cap;
	struct cursor col[COL_CNT];
	uint64_t ts_ns;
	uint32_t switch_cnt;
	const char *why; /* what is wrong, NULL nothing yet */
	z_stream z;
	bool z_ready;
};

struct block_decoder *block_decoder__new(uint32_t cpu_cnt, uint32_t task_max)
{
	struct block_decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->cpu_cnt = cpu_cnt;
	d->task_max = task_max;
	d->cpus = calloc(cpu_cnt, sizeof(*d->cpus));
	d->z_ready = d->cpus && inflateInit2(&d->z, -15) == Z_OK;
	if (!d->z_ready) {
		block_decoder__free(d);
		return NULL;
	}
	return d;
}

void block_decoder__free(struct block_decoder *d)
{
	if (!d)
		return;
	if (d->z_ready)
		inflateEnd(&d->z);
	free(d->cpus);
	free(d->tasks);
	free(d->shapes);
	free(d->waits);
	free(d->events);
	free(d->outs);
	free(d->infos);
	free(d->mask_words);
	free(d->raw);
	free(d);
}

/* Makes ptr hold cnt elements; what was there is lost. True with memory. */
#define RESERVE(ptr, cap, cnt)                                                                     \
	((ptr) && (cnt) <= (cap) ? true                                                            \
				 : (free(ptr), (ptr) = malloc(((cnt) + 1) * sizeof(*(ptr))),       \
				    (cap) = (ptr) ? (uint32_t)(cnt) : 0, (ptr) != NULL))

static int bad(struct block_decoder *d, const char *why)
{
	if (!d->why)
		d->why = why;
	return -EBADMSG;
}

/* ---- columns --------------------------------------------------------------------------------- */

static int unpack(struct block_decoder *d, uint8_t *out, size_t out_sz, const uint8_t *in,
		  size_t in_sz)
{
	if (inflateReset(&d->z) != Z_OK)
		return -EBADMSG;
	d->z.next_in = (uint8_t *)in;
	d->z.avail_in = (uInt)in_sz;
	d->z.next_out = out;
	d->z.avail_out = (uInt)out_sz;
	if (inflate(&d->z, Z_FINISH) != Z_STREAM_END || d->z.avail_in || d->z.avail_out)
		return -EBADMSG;
	return 0;
}

struct dir_entry {
	uint32_t raw, packed; /* packed 0: stored as it is */
};

/* Reads the sizes of all columns and makes room for the packed ones. */
static int read_dir(struct block_decoder *d, struct cursor *c, struct dir_entry *dir,
		    uint32_t *col_cnt)
{
	size_t raw = 0, disk = 0;
	uint8_t *bigger;

	d->switch_cnt = get_varint32(c);
	*col_cnt = get_varint32(c);
	if (c->bad || *col_cnt < COL_CNT || *col_cnt > 64)
		return bad(d, "number of columns");
	for (uint32_t i = 0; i < *col_cnt; i++) {
		dir[i] = (struct dir_entry){.raw = get_varint32(c)};
		dir[i].packed = get_varint32(c);
		if (c->bad || dir[i].raw > CPT_BLOCK_RAW_MAX || dir[i].packed > CPT_BLOCK_DISK_MAX)
			return bad(d, "size of a column");
		raw += dir[i].packed ? dir[i].raw : 0;
		disk += dir[i].packed ? dir[i].packed : dir[i].raw;
	}
	if (disk != (size_t)(c->end - c->at) || raw > CPT_BLOCK_RAW_MAX)
		return bad(d, "sum of the columns' sizes");
	if (raw <= d->raw_cap)
		return 0;
	bigger = realloc(d->raw, raw);
	if (!bigger)
		return -ENOMEM;
	d->raw = bigger;
	d->raw_cap = raw;
	return 0;
}

static int open_columns(struct block_decoder *d, const uint8_t *payload, size_t sz)
{
	struct cursor c = {.at = payload, .end = payload + sz};
	struct dir_entry dir[64];
	uint8_t *raw;
	uint32_t cnt = 0;
	int err;

	err = read_dir(d, &c, dir, &cnt);
	if (err)
		return err;
	raw = d->raw;
	/* Columns behind those this reader knows are passed over. */
	for (uint32_t i = 0; i < COL_CNT; i++) {
		const size_t disk = dir[i].packed ? dir[i].packed : dir[i].raw;

		d->col[i] = (struct cursor){.at = c.at, .end = c.at + disk};
		if (dir[i].packed) {
			if (unpack(d, raw, dir[i].raw, c.at, disk))
				return bad(d, "compressed data");
			d->col[i] = (struct cursor){.at = raw, .end = raw + dir[i].raw};
			raw += dir[i].raw;
		}
		c.at += disk;
	}
	return 0;
}

static size_t left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

/* ---- lists ------------------------------------------------------------------------------------ */

static bool shape_valid(const struct shape *s)
{
	switch (s->type) {
	case CPT_EV_SWITCH:
		return s->pred <= SWITCH_PRED_MAX && SHAPE_NEXT(s->pred) <= NEXT_LISTED &&
		       SHAPE_WAIT(s->pred) <= WAIT_LISTED;
	case CPT_EV_WAKE:
		return s->pred <= WAKE_PRED_MAX && SHAPE_WAKER(s->pred) <= WAKER_RAW &&
		       s->ctx <= CPT_CTX_SOFTIRQ_SEND;
	case CPT_EV_OCCUPANCY:
		return s->pred <= OCCUPANCY_PRED_MAX && (s->flags & 0xff) <= 1 &&
		       s->flags >> 8 <= 2;
	case CPT_EV_NEW:
	case CPT_EV_EXEC:
	case CPT_EV_RENAME:
	case CPT_EV_EXIT:
	case CPT_EV_AFFINITY:
	case CPT_EV_LOSS:
		return !s->pred && !s->flags;
	default:
		return false;
	}
}

static int read_shapes(struct block_decoder *d)
{
	struct cursor *c = &d->col[COL_SHAPES];

	if (!RESERVE(d->shapes, d->shape_cap, CPT_BLOCK_SHAPES_MAX))
		return -ENOMEM;
	d->shape_cnt = 0;
	while (c->at < c->end) {
		struct shape *s = &d->shapes[d->shape_cnt];
		const uint32_t type = get_varint32(c), pred = get_varint32(c);
		const uint32_t flags = get_varint32(c);
		const bool wake = type == CPT_EV_WAKE;
		const uint32_t ctx = wake ? get_varint32(c) : 0;
		const uint32_t sysno = wake ? get_varint32(c) : 0;

		if (c->bad || type >= CPT_EV_CNT || pred > UINT8_MAX || flags > UINT16_MAX ||
		    ctx > UINT8_MAX || sysno > UINT16_MAX ||
		    d->shape_cnt == CPT_BLOCK_SHAPES_MAX - 1)
			return bad(d, "list of shapes");
		*s = (struct shape){.type = (uint8_t)type,
				    .pred = (uint8_t)pred,
				    .ctx = (uint8_t)ctx,
				    .flags = (uint16_t)flags,
				    .sysno = (uint16_t)(wake ? sysno - 2 : 0)};
		if (!shape_valid(s))
			return bad(d, "a shape");
		d->shape_cnt++;
	}
	return d->shape_cnt ? 0 : bad(d, "list of shapes");
}

static int read_tasks(struct block_decoder *d, uint32_t event_cnt)
{
	struct cursor *c = &d->col[COL_TASKS];
	/* An event names two tasks at most, and a task takes a byte at least. */
	size_t most = 2 * (size_t)event_cnt;

	if (most > left(c))
		most = left(c);
	if (!RESERVE(d->tasks, d->task_cap, most + 1))
		return -ENOMEM;
	memset(&d->tasks[0], 0, sizeof(d->tasks[0]));
	d->task_cnt = 1;
	while (c->at < c->end) {
		const int64_t number = (int64_t)d->tasks[d->task_cnt - 1].number +
				       (int32_t)unzigzag(get_varint32(c));

		if (c->bad || number < 1 || number > d->task_max || d->task_cnt > most)
			return bad(d, "list of tasks");
		d->tasks[d->task_cnt++] = (struct model_task){.number = (uint32_t)number};
	}
	return 0;
}

static void read_wait(struct cursor *c, struct cpt_wait *w, uint8_t mask)
{
	uint64_t diff[8] = {0};

	for (int i = 0; i < 8; i++)
		if (mask & 1u << i)
			diff[i] = (uint64_t)unzigzag(get_varint(c));
	w->sysno = (uint16_t)(w->sysno + diff[0]);
	w->prev_state = (uint16_t)(w->prev_state + diff[1]);
	w->object = (uint8_t)(w->object + diff[2]);
	w->wait_flags = (uint8_t)(w->wait_flags + diff[3]);
	w->arg2 = (uint32_t)(w->arg2 + diff[4]);
	w->arg0 += diff[5];
	w->arg1 = (uint32_t)(w->arg1 + diff[6]) | ((w->arg1 >> 32) + diff[7]) << 32;
}

static int read_waits(struct block_decoder *d, uint32_t event_cnt)
{
	struct cursor *c = &d->col[COL_WAITS];
	size_t most = left(c) / 2;

	if (most > event_cnt)
		most = event_cnt;
	if (!RESERVE(d->waits, d->wait_cap, most + 1))
		return -ENOMEM;
	d->wait_cnt = d->wait_used = 0;
	/* One that is there even if the list is empty: what WAIT_SAME yields at first. */
	memset(&d->waits[0], 0, sizeof(d->waits[0]));
	while (c->at < c->end) {
		struct cpt_wait w = {0};
		const uint32_t back = get_varint32(c);
		const uint8_t mask = get_byte(c);

		if (c->bad || d->wait_cnt >= most || (d->wait_cnt ? !back : back) ||
		    back > d->wait_cnt)
			return bad(d, "list of waits");
		if (back)
			w = d->waits[d->wait_cnt - back];
		read_wait(c, &w, mask);
		d->waits[d->wait_cnt++] = w;
	}
	return c->bad ? bad(d, "list of waits") : 0;
}

/* ---- events ----------------------------------------------------------------------------------- */

static inline uint32_t get_cpu(struct block_decoder *d)
{
	const uint32_t cpu = get_varint32(&d->col[COL_CPU]);

	if (cpu < d->cpu_cnt)
		return cpu;
	bad(d, "a CPU's number");
	return 0;
}

static inline uint32_t get_task(struct block_decoder *d, int col)
{
	const uint32_t task = get_varint32(&d->col[col]);

	if (task < d->task_cnt)
		return task;
	bad(d, "a task's index");
	return 0;
}

static const struct cpt_wait *get_wait(struct block_decoder *d, uint8_t mode, uint32_t task)
{
	struct model_task *t = &d->tasks[task];

	if (mode == WAIT_NEW)
		t->last_wait = d->wait_used < d->wait_cnt ? d->wait_used++ : UINT32_MAX;
	else if (mode == WAIT_LISTED)
		t->last_wait = get_varint32(&d->col[COL_WAIT]);
	if (t->last_wait >= d->wait_used) {
		bad(d, "a wait's index");
		t->last_wait = 0;
	}
	return &d->waits[t->last_wait];
}

static inline void get_switch(struct block_decoder *d, const struct shape *s, struct cpt_event *ev,
			      uint32_t idx)
{
	const uint32_t cpu = get_cpu(d);
	struct model_cpu *c = &d->cpus[cpu];
	const uint32_t prev = s->pred & SHAPE_PREV ? get_task(d, COL_TASK) : c->cur;
	uint32_t next = c->q_head;

	if (SHAPE_NEXT(s->pred) == NEXT_NONE)
		next = 0;
	else if (SHAPE_NEXT(s->pred) == NEXT_LISTED)
		next = get_task(d, COL_TASK);
	ev->cpu = cpu;
	ev->flags = s->flags;
	ev->task = d->tasks[prev].number;
	ev->other = d->tasks[next].number;
	if (s->flags & CPT_SW_PREV_BLOCKED) {
		ev->wait = get_wait(d, SHAPE_WAIT(s->pred), prev);
		d->outs[d->out_cnt++] = idx;
		d->tasks[prev].open = d->out_cnt;
	}
	model_switch(d->cpus, d->tasks, cpu, prev, next, s->flags, ev->ts_ns);
}

static uint32_t get_waker(struct block_decoder *d, const struct shape *s, uint32_t cpu,
			  uint32_t task)
{
	uint32_t waker;

	switch (SHAPE_WAKER(s->pred)) {
	case WAKER_CUR:
		return d->tasks[d->cpus[cpu].cur].number;
	case WAKER_LAST:
		return d->tasks[task].last_waker;
	case WAKER_CPU:
		waker = get_varint32(&d->col[COL_WAKER]);
		if (waker < d->cpu_cnt)
			return d->tasks[d->cpus[waker].cur].number;
		bad(d, "a waker's CPU");
		return 0;
	case WAKER_LISTED:
		return d->tasks[get_task(d, COL_WAKER)].number;
	case WAKER_RAW:
		return get_varint32(&d->col[COL_WAKER]);
	default:
		return 0;
	}
}

static inline void get_wake(struct block_decoder *d, const struct shape *s, struct cpt_event *ev)
{
	const uint32_t task = get_task(d, COL_TASK);
	const uint32_t cpu = s->pred & SHAPE_WAKE_CPU ? get_cpu(d) : d->tasks[task].cpu;
	struct cpt_event *out;

	ev->cpu = cpu;
	ev->flags = s->flags;
	ev->wake_ctx = s->ctx;
	ev->waker_sysno = s->sysno;
	ev->task = d->tasks[task].number;
	ev->other = get_waker(d, s, cpu, task);
	if (!task)
		bad(d, "a wake-up of nobody");
	else if (!(s->flags & CPT_SW_WAKER_FOREIGN) && ev->other > d->task_max)
		bad(d, "a waker's number");
	if (d->tasks[task].open) {
		out = &d->events[d->outs[d->tasks[task].open - 1]];
		out->end = cpt_wake_end(s->ctx, s->flags, ev->other, &out->end_waker);
	}
	model_wake(d->cpus, d->tasks, task, cpu, ev->other);
}

static void get_occupancy(struct block_decoder *d, const struct shape *s, struct cpt_event *ev)
{
	struct cursor *c = &d->col[COL_EXTRA];
	const uint32_t cpu = get_cpu(d);
	uint64_t span;

	ev->cpu = cpu;
	ev->occ_kind = s->flags & 0xff;
	ev->occ_next = (uint8_t)(s->flags >> 8);
	ev->occ_since_ns = d->cpus[cpu].last_ts_ns;
	if (s->pred & SHAPE_SINCE)
		ev->occ_since_ns = ev->ts_ns - get_varint(c);
	ev->occ_idle_ns = get_varint(c);
	ev->occ_other_ns = get_varint(c);
	span = ev->ts_ns - ev->occ_since_ns;
	if (ev->occ_since_ns > ev->ts_ns || ev->occ_idle_ns > span ||
	    ev->occ_other_ns > span - ev->occ_idle_ns)
		bad(d, "occupancy of a CPU");
	d->cpus[cpu].last_ts_ns = ev->ts_ns;
}

/* A NUL-terminated string of at most max bytes, where it stands. */
static const char *get_text(struct block_decoder *d, size_t max)
{
	struct cursor *c = &d->col[COL_EXTRA];
	const uint8_t *text = c->at;
	const size_t room = left(c) < max + 1 ? left(c) : max + 1;
	const uint8_t *nul = room ? memchr(text, '\0', room) : NULL;

	if (!nul) {
		bad(d, "a string");
		return "";
	}
	c->at = nul + 1;
	return (const char *)text;
}

static void get_mask(struct block_decoder *d, struct cpt_mask *mask)
{
	struct cursor *c = &d->col[COL_EXTRA];
	const uint8_t *words;

	mask->nr_cpus_allowed = get_varint32(c);
	mask->word_cnt = get_varint32(c);
	mask->bits = d->mask_words + d->mask_cnt;
	if (mask->word_cnt > CPT_MASK_WORDS) {
		bad(d, "an affinity mask");
		mask->word_cnt = 0;
	}
	words = get_bytes(c, 8 * (size_t)mask->word_cnt);
	if (!words) {
		bad(d, "an affinity mask");
		mask->word_cnt = 0;
	}
	for (uint32_t i = 0; i < mask->word_cnt; i++)
		d->mask_words[d->mask_cnt++] = get_le(words + 8 * (size_t)i, 8);
}

static void get_identity(struct block_decoder *d, struct cpt_info *info)
{
	struct cursor *c = &d->col[COL_EXTRA];

	info->tid = get_varint32(c);
	info->tgid = get_varint32(c);
	info->ns_tid = get_varint32(c);
	info->start_boottime_ns = get_varint(c);
	info->comm = get_text(d, CPT_COMM_LEN - 1);
}

static void get_exec(struct block_decoder *d, struct cpt_info *info)
{
	get_identity(d, info);
	info->filename = get_text(d, CPT_PATH_LEN - 1);
	info->args_sz = get_varint32(&d->col[COL_EXTRA]);
	info->args = NULL;
	if (info->args_sz <= CPT_ARGS_LEN)
		info->args = (const char *)get_bytes(&d->col[COL_EXTRA], info->args_sz);
	if (info->args)
		return;
	bad(d, "arguments");
	info->args_sz = 0;
	info->args = "";
}

static void get_exit(struct block_decoder *d, struct cpt_info *info)
{
	struct cursor *c = &d->col[COL_EXTRA];

	info->exit_code = (int32_t)unzigzag(get_varint(c));
	info->sum_exec_ns = get_varint(c);
	info->run_delay_ns = get_varint(c);
	info->nvcsw = get_varint(c);
	info->nivcsw = get_varint(c);
}

static void get_life(struct block_decoder *d, const struct shape *s, struct cpt_event *ev)
{
	struct cpt_info *info;

	ev->cpu = get_cpu(d);
	ev->task = d->tasks[get_task(d, COL_TASK)].number;
	if (!ev->task || d->info_cnt == d->info_cap) {
		bad(d, "an identity");
		ev->type = CPT_EV_LOSS; /* never read: the block is refused */
		return;
	}
	info = &d->infos[d->info_cnt++];
	memset(info, 0, sizeof(*info));
	ev->info = info;
	if (s->type == CPT_EV_NEW) {
		ev->other = d->tasks[get_task(d, COL_TASK)].number;
		get_identity(d, info);
		info->flags = get_varint32(&d->col[COL_EXTRA]);
		get_mask(d, &info->mask);
	} else if (s->type == CPT_EV_EXEC) {
		get_exec(d, info);
	} else if (s->type == CPT_EV_RENAME) {
		info->comm = get_text(d, CPT_COMM_LEN - 1);
	} else if (s->type == CPT_EV_EXIT) {
		get_exit(d, info);
	} else {
		get_mask(d, &info->mask);
	}
}

static void get_loss(struct block_decoder *d, struct cpt_event *ev)
{
	struct cursor *c = &d->col[COL_EXTRA];

	ev->cpu = get_cpu(d);
	ev->until_ns = ev->ts_ns + get_varint(c);
	ev->count = get_varint(c);
	if (ev->until_ns < ev->ts_ns || ev->until_ns > CPT_TIME_MAX)
		bad(d, "a time");
}

static void get_event(struct block_decoder *d, uint32_t idx)
{
	const uint32_t token = get_varint32(&d->col[COL_TOKEN]);
	const uint64_t low = get_byte(&d->col[COL_TIME]), high = get_varint(&d->col[COL_TIME_HI]);
	const struct shape *s = &d->shapes[token < d->shape_cnt ? token : 0];
	struct cpt_event *ev = &d->events[idx];
	const uint64_t delta = high << 8 | low;

	if (token >= d->shape_cnt)
		bad(d, "a token");
	if (high >> 56 || d->ts_ns + delta < d->ts_ns)
		bad(d, "a time");
	d->ts_ns += delta;
	memset(ev, 0, sizeof(*ev));
	ev->ts_ns = d->ts_ns;
	ev->type = s->type;
	if (s->type == CPT_EV_SWITCH)
		get_switch(d, s, ev, idx);
	else if (s->type == CPT_EV_WAKE)
		get_wake(d, s, ev);
	else if (s->type == CPT_EV_OCCUPANCY)
		get_occupancy(d, s, ev);
	else if (s->type == CPT_EV_LOSS)
		get_loss(d, ev);
	else
		get_life(d, s, ev);
	d->switch_cnt -= s->type == CPT_EV_SWITCH;
}

/* The ends that the block's own wake-ups do not tell, or tell wrongly. */
static int get_ends(struct block_decoder *d)
{
	struct cursor *c = &d->col[COL_ENDS];
	uint64_t idx = 0;

	while (c->at < c->end) {
		struct cpt_event *out;
		uint32_t end;

		idx += get_varint32(c);
		end = get_varint32(c);
		if (c->bad || idx >= d->out_cnt || end > CPT_END_IRQ)
			return bad(d, "end of a wait");
		out = &d->events[d->outs[idx++]];
		out->end = (uint8_t)end;
		out->end_waker = 0;
		if (end == CPT_END_TASK || end == CPT_END_FOREIGN)
			out->end_waker = get_varint32(c);
		if (end == CPT_END_TASK && out->end_waker > d->task_max)
			return bad(d, "a waker's number");
	}
	return c->bad ? bad(d, "end of a wait") : 0;
}

static int reserve_events(struct block_decoder *d, uint32_t cnt)
{
	/* An identity has a byte in EXTRA at least, a mask's word eight. */
	const size_t extra = left(&d->col[COL_EXTRA]);
	const size_t infos = extra < cnt ? extra : cnt;

	if (!RESERVE(d->outs, d->out_cap, cnt) || !RESERVE(d->events, d->event_cap, cnt) ||
	    !RESERVE(d->infos, d->info_cap, infos) ||
	    !RESERVE(d->mask_words, d->mask_cap, extra / 8))
		return -ENOMEM;
	d->info_cnt = d->mask_cnt = d->out_cnt = 0;
	return 0;
}

static int get_events(struct block_decoder *d, uint32_t cnt, uint64_t first_ns, uint64_t last_ns)
{
	d->ts_ns = first_ns;
	for (uint32_t i = 0; i < cnt; i++) {
		get_event(d, i);
		if (d->why)
			return -EBADMSG;
	}
	if (d->ts_ns != last_ns)
		return bad(d, "its last time");
	if (d->switch_cnt)
		return bad(d, "number of switches");
	if (d->events[0].ts_ns != first_ns)
		return bad(d, "its first time");
	if (get_ends(d))
		return -EBADMSG;
	for (int i = 0; i < COL_CNT; i++)
		if (!cursor_done(&d->col[i]))
			return bad(d, "length of a column");
	return d->wait_used == d->wait_cnt ? 0 : bad(d, "list of waits");
}

int block_decoder__decode(struct block_decoder *d, const uint8_t *payload, size_t sz, uint32_t cnt,
			  uint64_t first_ns, uint64_t last_ns, struct cpt_event **ev,
			  const char **why)
{
	int err;

	d->why = NULL;
	memset(d->cpus, 0, d->cpu_cnt * sizeof(*d->cpus));
	err = !cnt || cnt > CPT_BLOCK_EVENTS_MAX ? bad(d, "number of events")
						 : open_columns(d, payload, sz);
	/* Every event has its byte in TIME. */
	if (!err && left(&d->col[COL_TIME]) != cnt)
		err = bad(d, "number of events");
	if (!err)
		err = read_shapes(d);
	if (!err)
		err = read_tasks(d, cnt);
	if (!err)
		err = read_waits(d, cnt);
	if (!err)
		err = reserve_events(d, cnt);
	if (!err)
		err = get_events(d, cnt, first_ns, last_ns);
	*ev = d->events;
	*why = d->why ? d->why : "memory";
	return err;
}

const struct model_task *block_decoder__tasks(const struct block_decoder *d, uint32_t *cnt)
{
	*cnt = d->task_cnt - 1; /* the first is nobody */
	return d->tasks + 1;
}
