// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* trace_loops.c - see trace_loops.h; the bytes are drawn in FORMAT.md. */
#include "trace_loops.h"

#include <errno.h>
#include <stdlib.h>

#include "trace_side.h"
#include "varint.h"

/* Kind, time, task, instance, and eight numbers. */
#define ENTRY_MAX (1 + 11 * CPT_VARINT_MAX)
#define ENTRY_MIN 3

/* The first byte of an entry. */
enum entry_kind {
	ENTRY_NEW = 1,
	ENTRY_INBOUND = 2,
	ENTRY_OUTBOUND = 3,
	ENTRY_TIMERS = 4,
	ENTRY_CONNS = 5,
	ENTRY_LOST = 6,
	ENTRY_END = 7,
};

static bool counts_valid(const struct cpt_event *ev)
{
	return ev->level <= CPT_LOOP_LEVEL_MAX && ev->peak >= ev->level &&
	       ev->peak <= CPT_LOOP_LEVEL_MAX && ev->opened <= CPT_LOOP_LEVEL_MAX &&
	       ev->completed <= CPT_LOOP_LEVEL_MAX && ev->cancelled <= CPT_LOOP_LEVEL_MAX &&
	       ev->batch <= CPT_LOOP_LEVEL_MAX && ev->iterations <= CPT_LOOP_LEVEL_MAX;
}

bool loop_side__valid(const struct cpt_event *ev, uint64_t last_ns, uint32_t task_max)
{
	if (ev->ts_ns < last_ns || ev->ts_ns > CPT_TIME_MAX || ev->cpu || ev->task > task_max)
		return false;
	if (ev->type == CPT_EV_LOOP_LOST)
		return !ev->other;
	if (!ev->other || ev->other > CPT_LOOP_NUMBER_MAX)
		return false;
	if (ev->type == CPT_EV_LOOP_END)
		return true;
	if (ev->type == CPT_EV_LOOP_NEW)
		return ev->task && ev->flags <= 0x7f;
	if (ev->type != CPT_EV_LOOP || !counts_valid(ev))
		return false;
	return ev->flags == CPT_LOOP_EV_OPS || ev->flags == (CPT_LOOP_EV_OPS | CPT_LOOP_EV_OUT) ||
	       ev->flags == CPT_LOOP_EV_TIMERS || ev->flags == CPT_LOOP_EV_CONNS;
}

static enum entry_kind kind_of(const struct cpt_event *ev)
{
	if (ev->type == CPT_EV_LOOP_NEW)
		return ENTRY_NEW;
	if (ev->type == CPT_EV_LOOP_LOST)
		return ENTRY_LOST;
	if (ev->type == CPT_EV_LOOP_END)
		return ENTRY_END;
	if (ev->flags & CPT_LOOP_EV_OPS)
		return ev->flags & CPT_LOOP_EV_OUT ? ENTRY_OUTBOUND : ENTRY_INBOUND;
	return ev->flags & CPT_LOOP_EV_TIMERS ? ENTRY_TIMERS : ENTRY_CONNS;
}

static uint8_t *put_entry(uint8_t *p, const struct cpt_event *ev, uint64_t prev_ns)
{
	const enum entry_kind kind = kind_of(ev);

	*p++ = (uint8_t)kind;
	p = put_varint(p, ev->ts_ns - prev_ns);
	p = put_varint(p, ev->task);
	if (kind == ENTRY_LOST)
		return p;
	p = put_varint(p, ev->other);
	if (kind == ENTRY_END)
		return p;
	if (kind == ENTRY_NEW) {
		p = put_varint(p, ev->loop_fd);
		return put_varint(p, ev->flags);
	}
	p = put_varint(p, ev->level);
	p = put_varint(p, ev->peak - ev->level);
	if (kind != ENTRY_INBOUND && kind != ENTRY_OUTBOUND)
		return p;
	p = put_varint(p, ev->opened);
	p = put_varint(p, ev->completed);
	p = put_varint(p, ev->cancelled);
	p = put_varint(p, ev->iterations);
	return put_varint(p, ev->batch);
}

static void get_level(struct cursor *c, struct cpt_event *ev)
{
	uint32_t more;

	ev->level = get_varint32(c);
	more = get_varint32(c);
	c->bad |= more > UINT32_MAX - ev->level;
	ev->peak = ev->level + more;
}

static void get_entry(struct cursor *c, struct cpt_event *ev, uint64_t prev_ns)
{
	const uint8_t kind = get_byte(c);

	*ev = (struct cpt_event){.type = CPT_EV_LOOP, .ts_ns = prev_ns + get_varint(c)};
	ev->task = get_varint32(c);
	if (kind == ENTRY_LOST) {
		ev->type = CPT_EV_LOOP_LOST;
		return;
	}
	ev->other = get_varint32(c);
	switch (kind) {
	case ENTRY_END:
		ev->type = CPT_EV_LOOP_END;
		return;
	case ENTRY_NEW:
		ev->type = CPT_EV_LOOP_NEW;
		ev->loop_fd = get_varint32(c);
		ev->flags = get_byte(c);
		c->bad |= ev->flags > 0x7f;
		return;
	case ENTRY_INBOUND:
	case ENTRY_OUTBOUND:
		ev->flags = CPT_LOOP_EV_OPS | (kind == ENTRY_OUTBOUND ? CPT_LOOP_EV_OUT : 0);
		get_level(c, ev);
		ev->opened = get_varint32(c);
		ev->completed = get_varint32(c);
		ev->cancelled = get_varint32(c);
		ev->iterations = get_varint32(c);
		ev->batch = get_varint32(c);
		return;
	case ENTRY_TIMERS:
	case ENTRY_CONNS:
		ev->flags = kind == ENTRY_TIMERS ? CPT_LOOP_EV_TIMERS : CPT_LOOP_EV_CONNS;
		get_level(c, ev);
		return;
	default:
		c->bad = true;
	}
}

uint8_t *loop_side__encode(const struct cpt_event *ev, size_t cnt, size_t *sz)
{
	return side__encode_as(put_entry, ENTRY_MAX, ev, cnt, sz);
}

int loop_side__decode(struct cpt_event *ev, uint32_t cnt, const uint8_t *in, size_t sz,
		      uint64_t first_ns, uint64_t last_ns, uint32_t task_max)
{
	uint64_t prev_ns = first_ns;
	struct cursor c;
	uint8_t *raw;
	size_t raw_sz;
	int err = side__unpack(in, sz, (uint64_t)cnt * ENTRY_MIN, (uint64_t)cnt * ENTRY_MAX, &raw,
			       &raw_sz);

	if (err)
		return err;
	c = (struct cursor){.at = raw, .end = raw + raw_sz};
	for (uint32_t i = 0; i < cnt && !err; i++) {
		get_entry(&c, &ev[i], prev_ns);
		if (c.bad || !loop_side__valid(&ev[i], prev_ns, task_max))
			err = -EBADMSG;
		prev_ns = ev[i].ts_ns;
	}
	if (!err && (!cursor_done(&c) || ev[0].ts_ns != first_ns || prev_ns != last_ns))
		err = -EBADMSG;
	free(raw);
	return err;
}
