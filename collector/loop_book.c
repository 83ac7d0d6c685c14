// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* loop_book.c - see loop_book.h. */
#include "loop_book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../analysis/trace_limits.h"
#include "../analysis/trace_loops.h"

struct entry {
	bool known;
	uint32_t seq;		       /* of the next record */
	uint32_t floor;		       /* records below this one are in `heard`, come or not */
	int64_t heard[CPT_LOOP_WAYS];  /* level by the records so far, in order of arrival */
	int64_t told[CPT_LOOP_WAYS];   /* level by the events handed out, in order of time */
	uint32_t shown[CPT_LOOP_WAYS]; /* what the last of them says */
	uint32_t conns, timers;
	uint8_t way; /* of its last operation: iterations without any go there */
};

struct pending {
	struct cpt_event ev; /* level and peak: see finish_event() */
	int64_t change;	     /* of the level */
	uint64_t order;	     /* of arrival */
};

struct loop_book {
	loop_book_fn fn;
	void *ctx;
	struct entry *entries; /* by instance */
	uint32_t entry_cap;
	struct pending *pending;
	size_t cnt, cap;
	uint64_t order;
	uint64_t horizon_ns;
};

struct loop_book *loop_book__new(loop_book_fn fn, void *ctx)
{
	struct loop_book *b = calloc(1, sizeof(*b));

	if (b) {
		b->fn = fn;
		b->ctx = ctx;
	}
	return b;
}

void loop_book__free(struct loop_book *b)
{
	if (!b)
		return;
	free(b->entries);
	free(b->pending);
	free(b);
}

/* NULL: beyond what is followed, or without memory (then errno is ENOMEM). */
static struct entry *get_entry(struct loop_book *b, uint32_t instance)
{
	uint32_t cap = b->entry_cap ? b->entry_cap : 16;
	struct entry *entries;

	errno = 0;
	if (!instance || instance > CPT_LOOP_NUMBER_MAX)
		return NULL;
	while (cap <= instance)
		cap *= 2;
	if (cap != b->entry_cap) {
		entries = realloc(b->entries, cap * sizeof(*entries));
		if (!entries)
			return NULL;
		memset(entries + b->entry_cap, 0, (cap - b->entry_cap) * sizeof(*entries));
		b->entries = entries;
		b->entry_cap = cap;
	}
	return &b->entries[instance];
}

static int add(struct loop_book *b, const struct cpt_event *ev, int64_t change)
{
	struct pending *pending;

	if (b->cnt == b->cap) {
		pending = realloc(b->pending, (b->cap ? 2 * b->cap : 256) * sizeof(*pending));
		if (!pending)
			return -ENOMEM;
		b->pending = pending;
		b->cap = b->cap ? 2 * b->cap : 256;
	}
	b->pending[b->cnt] = (struct pending){.ev = *ev, .change = change, .order = b->order++};
	if (ev->ts_ns < b->horizon_ns)
		b->pending[b->cnt].ev.ts_ns = b->horizon_ns;
	b->cnt++;
	return 0;
}

/* Known once: its record may come behind what was read of it in its stead. */
int loop_book__new_instance(struct loop_book *b, const struct cpt_rec_loop_new *rec)
{
	const struct cpt_event ev = {
		.type = CPT_EV_LOOP_NEW,
		.ts_ns = rec->ts_ns,
		.task = rec->task,
		.other = rec->instance,
		.loop_fd = rec->epfd,
		.flags = (uint16_t)(rec->flags & 0x7f),
	};
	struct entry *e = get_entry(b, rec->instance);

	if (!e || !rec->task || e->known)
		return e ? 0 : -errno;
	e->known = true;
	return add(b, &ev, 0);
}

static uint32_t limited(uint32_t n)
{
	return n < CPT_LOOP_LEVEL_MAX ? n : CPT_LOOP_LEVEL_MAX;
}

/* The instance's connections and timers, where they have changed. */
static int add_gauges(struct loop_book *b, struct entry *e, const struct cpt_event *like,
		      int32_t conns, int32_t timers)
{
	struct cpt_event ev = {.type = CPT_EV_LOOP,
			       .ts_ns = like->ts_ns,
			       .task = like->task,
			       .other = like->other};
	const uint32_t now[2] = {conns > 0 ? limited((uint32_t)conns) : 0,
				 timers > 0 ? limited((uint32_t)timers) : 0};
	uint32_t *const was[2] = {&e->conns, &e->timers};
	int err = 0;

	for (int i = 0; i < 2 && !err; i++) {
		if (now[i] == *was[i])
			continue;
		*was[i] = now[i];
		ev.flags = i ? CPT_LOOP_EV_TIMERS : CPT_LOOP_EV_CONNS;
		ev.level = ev.peak = now[i];
		err = add(b, &ev, 0);
	}
	return err;
}

/*
 * Steps of one window, as two events. Where some opened and some ended, all at once at their mean times
 * would be a peak (or a dip below nothing) that never was:
 *
 *   steps      o c o c o c        L0 + 1 at most, half of the time
 *   means        O c              L0 + 3, for a short while: the same area
 *   events     Oooooc             L0 + 1, for as long as makes that area
 */
struct shape {
	uint64_t opened_at, ended_at; /* ns behind the window's base */
	int64_t opened_by, ended_by;  /* changes of the level */
};

/*
 * Two changes, by and net - by, the second at `second` or later, with the same area: the sum of changes
 * times their times is moment. Rounds to a ns for each operation.
 */
static void place(int64_t net, int64_t moment, int64_t by, int64_t second, int64_t at[2])
{
	at[0] = by ? (moment - (net - by) * second) / by : 0;
	at[1] = second;
	if (at[0] >= 0 && by)
		return;
	at[0] = 0;
	if (net != by)
		at[1] = moment / (net - by);
}

static struct shape shape_steps(const struct cpt_loop_steps *s, int64_t level)
{
	const int64_t opened = s->opened, ended = (int64_t)s->completed + s->cancelled;
	const int64_t net = opened - ended, high = (int64_t)s->peak - level;
	const int64_t moment = (int64_t)s->opened_sum - (int64_t)s->ended_sum;
	struct shape shape = {.opened_by = opened, .ended_by = -ended};
	int64_t at[2], depth = level < 0 ? 0 : level;

	shape.opened_at = opened ? s->opened_sum / s->opened : 0;
	shape.ended_at = ended ? s->ended_sum / (uint64_t)ended : 0;
	if (!opened || !ended)
		return shape;
	if (shape.opened_at <= shape.ended_at && high > 0) { /* up, not above the peak, and down */
		if (high >= opened || high < net)
			return shape;
		place(net, moment, high, (int64_t)shape.ended_at, at);
		shape.opened_by = high;
		shape.ended_by = net - high;
		shape.opened_at = (uint64_t)at[0];
		shape.ended_at = (uint64_t)at[1];
		return shape;
	}
	/* Down, not below nothing, and up. Where more ends than is opened and it was never more than at
	 * first, one fall will do, unless it would have to be before the window. */
	if (shape.opened_at <= shape.ended_at)
		depth = net < 0 && moment <= 0 ? -net : depth < ended ? depth : ended;
	else if (depth >= ended)
		return shape;
	place(net, moment, -depth, (int64_t)shape.opened_at, at);
	shape.ended_by = -depth;
	shape.opened_by = net + depth;
	shape.ended_at = (uint64_t)at[0];
	shape.opened_at = (uint64_t)at[1];
	return shape;
}

/* The steps of one way, from `level` on. `extra`: by how much that is off for what was lost. */
static int add_steps(struct loop_book *b, const struct cpt_event *like,
		     const struct cpt_loop_steps *s, int64_t level, int64_t extra)
{
	const uint32_t ended = s->completed + s->cancelled;
	const struct shape shape = shape_steps(s, level + extra);
	struct cpt_event ev = *like, end = *like;
	int err = 0;

	ev.peak = end.peak = limited(s->peak);
	ev.opened = limited(s->opened);
	ev.ts_ns += shape.opened_at;
	end.completed = limited(s->completed);
	end.cancelled = limited(s->cancelled);
	end.ts_ns += shape.ended_at;
	/* At one instant what ends makes room for what is opened. */
	if (ended && (!s->opened || shape.ended_at <= shape.opened_at)) {
		err = add(b, &end, shape.ended_by);
		ev.iterations = ev.batch = 0;
	}
	if (!err && (s->opened || extra || !ended)) {
		err = add(b, &ev, shape.opened_by + extra);
		end.iterations = end.batch = 0;
	}
	if (!err && ended && s->opened && shape.ended_at > shape.opened_at)
		err = add(b, &end, shape.ended_by);
	return err;
}

int loop_book__record(struct loop_book *b, const struct cpt_rec_loop *rec)
{
	struct cpt_event ev = {
		.type = CPT_EV_LOOP,
		.ts_ns = rec->base_ns,
		.task = rec->task,
		.other = rec->instance,
	};
	struct entry *e = get_entry(b, rec->instance);
	bool told = false;
	int err = 0;

	if (!e || !e->known)
		return e ? 0 : -errno;
	for (int way = 0; way < CPT_LOOP_WAYS && !err; way++) {
		const struct cpt_loop_steps *s = &rec->steps[way];
		const int64_t change = (int64_t)s->opened - s->completed - s->cancelled;
		/* Where numbers are missing, this record's level tells what they did. Should they have been
		 * overtaken only and come yet, that must not count again. */
		const int64_t extra = rec->seq > e->seq ? rec->level[way] - e->heard[way] - change
				      : rec->seq < e->floor ? -change
							    : 0;

		const int64_t level = e->heard[way];

		e->heard[way] += change + extra;
		if (!s->opened && !s->completed && !s->cancelled && !extra)
			continue;
		e->way = (uint8_t)way;
		ev.flags = CPT_LOOP_EV_OPS | (way == CPT_LOOP_OUT ? CPT_LOOP_EV_OUT : 0);
		ev.iterations = told ? 0 : limited(rec->iterations);
		ev.batch = told ? 0 : limited(rec->batch);
		told = true;
		err = add_steps(b, &ev, s, level, extra);
	}
	if (!told && !err && rec->iterations) {
		const struct cpt_loop_steps none = {0};

		ev.flags = CPT_LOOP_EV_OPS | (e->way == CPT_LOOP_OUT ? CPT_LOOP_EV_OUT : 0);
		ev.iterations = limited(rec->iterations);
		ev.batch = limited(rec->batch);
		err = add_steps(b, &ev, &none, 0, 0);
	}
	if (rec->seq > e->seq)
		e->floor = rec->seq;
	if (rec->seq >= e->seq)
		e->seq = rec->seq + 1;
	return err ? err : add_gauges(b, e, &ev, rec->conns, rec->timers);
}

/* The level of each way is this at ts_ns. */
static int set_levels(struct loop_book *b, struct entry *e, uint32_t instance,
		      const int32_t level[CPT_LOOP_WAYS], uint64_t ts_ns, bool ends)
{
	struct cpt_event ev = {.type = CPT_EV_LOOP, .ts_ns = ts_ns, .other = instance};
	int err = 0;

	for (int way = 0; way < CPT_LOOP_WAYS && !err; way++) {
		const int64_t change = level[way] - e->heard[way];

		/* One at least, to say that it is certain again. */
		if (!change && (way != e->way || ends))
			continue;
		ev.flags = CPT_LOOP_EV_OPS | (way == CPT_LOOP_OUT ? CPT_LOOP_EV_OUT : 0);
		ev.cancelled = ends && change < 0 ? limited((uint32_t)-change) : 0;
		e->heard[way] = level[way];
		err = add(b, &ev, change);
	}
	return err;
}

int loop_book__end(struct loop_book *b, uint32_t instance, uint64_t ts_ns)
{
	const struct cpt_event ev = {.type = CPT_EV_LOOP_END, .ts_ns = ts_ns, .other = instance};
	const int32_t none[CPT_LOOP_WAYS] = {0};
	struct entry *e = get_entry(b, instance);
	int err;

	if (!e || !e->known)
		return e ? 0 : -errno;
	err = set_levels(b, e, instance, none, ts_ns, true);
	if (!err)
		err = add_gauges(b, e, &ev, 0, 0);
	return err ? err : add(b, &ev, 0);
}

int loop_book__lost(struct loop_book *b, uint64_t since_ns)
{
	const struct cpt_event ev = {.type = CPT_EV_LOOP_LOST, .ts_ns = since_ns};

	return add(b, &ev, 0);
}

int loop_book__resync(struct loop_book *b, const struct cpt_loop_inst *in, uint64_t now_ns)
{
	const struct cpt_rec_loop_new lost = {
		.instance = in->instance,
		.ts_ns = now_ns,
		.task = in->owner,
		.epfd = in->epfd,
		.flags = in->flags | CPT_LOOP_FOUND, /* what it did before is not known */
	};
	struct entry *e = get_entry(b, in->instance);
	int err = 0;

	if (e && !e->known)
		err = loop_book__new_instance(b, &lost);
	if (err || !e || !e->known)
		return err ? err : e ? 0 : -errno;
	e->seq = e->floor = in->seq;
	return set_levels(b, e, in->instance, in->level, now_ns, false);
}

/* ---- in order of time -------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct pending *x = a, *y = b;

	if (x->ev.ts_ns != y->ev.ts_ns)
		return x->ev.ts_ns < y->ev.ts_ns ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Does the level change again so soon that a window holds both? */
static bool changes_soon(const struct loop_book *b, const struct pending *p)
{
	const struct pending *end = b->pending + b->cnt;
	const uint16_t way = p->ev.flags & (CPT_LOOP_EV_OPS | CPT_LOOP_EV_OUT);

	for (const struct pending *q = p + 1;
	     q < end && q->ev.ts_ns - p->ev.ts_ns <= CPT_LOOP_DENSE_NS; q++)
		if (q->change && q->ev.type == CPT_EV_LOOP && q->ev.other == p->ev.other &&
		    (q->ev.flags & (CPT_LOOP_EV_OPS | CPT_LOOP_EV_OUT)) == way)
			return true;
	return false;
}

/*
 * A level below 0 is one whose start has not come yet: it is told as 0 until then. One above the most that
 * the kernel saw behind any of the record's steps is one whose end has not come yet: where two threads
 * step at once records of an instance overlap, and each stands at its steps' mean times. Until then it is
 * told as that most.
 */
static void finish_event(struct loop_book *b, struct pending *p)
{
	const int way = !!(p->ev.flags & CPT_LOOP_EV_OUT);
	struct cpt_event *ev = &p->ev;
	struct entry *e;

	if (ev->type != CPT_EV_LOOP || !(ev->flags & CPT_LOOP_EV_OPS))
		return;
	e = &b->entries[ev->other];
	if (p->change) {
		e->told[way] += p->change;
		e->shown[way] = e->told[way] > 0 ? limited((uint32_t)e->told[way]) : 0;
		if (e->shown[way] > ev->peak && ev->peak && changes_soon(b, p))
			e->shown[way] = ev->peak;
	}
	ev->level = e->shown[way];
	if (ev->peak < ev->level)
		ev->peak = ev->level;
}

int loop_book__advance(struct loop_book *b, uint64_t horizon_ns)
{
	size_t n = 0;
	int err = 0;

	if (horizon_ns <= b->horizon_ns)
		return 0;
	b->horizon_ns = horizon_ns;
	if (!b->cnt)
		return 0;
	qsort(b->pending, b->cnt, sizeof(*b->pending), compare);
	while (n < b->cnt && b->pending[n].ev.ts_ns < horizon_ns && !err) {
		finish_event(b, &b->pending[n]);
		err = b->fn(b->ctx, &b->pending[n].ev, 1);
		n++;
	}
	b->cnt -= n;
	memmove(b->pending, b->pending + n, b->cnt * sizeof(*b->pending));
	return err;
}
