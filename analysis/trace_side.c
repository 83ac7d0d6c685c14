// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* trace_side.c - see trace_side.h; the bytes are drawn in FORMAT.md. */
#include "trace_side.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "stacks.h"
#include "varint.h"

/* Kind and flags, time, CPU, two tasks, four stacks. */
#define ENTRY_MAX (1 + 8 * CPT_VARINT_MAX)
#define ENTRY_MIN 6

#define HEAD_SAMPLE   0x1
#define HEAD_FLAGS(h) ((h) >> 1)

bool side__valid(const struct cpt_event *ev, uint64_t last_ns, uint32_t cpu_cnt, uint32_t task_max)
{
	if (ev->ts_ns < last_ns || ev->ts_ns > CPT_TIME_MAX || ev->cpu >= cpu_cnt ||
	    ev->task > task_max || ev->user > CPT_STACKS_MAX || ev->kernel > CPT_STACKS_MAX)
		return false;
	if (ev->type == CPT_EV_SAMPLE)
		return ev->task && ev->flags < 0x80;
	return ev->type == CPT_EV_STACKS && ev->other <= task_max &&
	       ev->wake_user <= CPT_STACKS_MAX && ev->wake_kernel <= CPT_STACKS_MAX;
}

static uint8_t *put_entry(uint8_t *p, const struct cpt_event *ev, uint64_t prev_ns)
{
	const bool sample = ev->type == CPT_EV_SAMPLE;

	*p++ = (uint8_t)(sample | (sample ? ev->flags << 1 : 0));
	p = put_varint(p, ev->ts_ns - prev_ns);
	p = put_varint(p, ev->cpu);
	p = put_varint(p, ev->task);
	p = put_varint(p, ev->user);
	p = put_varint(p, ev->kernel);
	if (sample)
		return p;
	p = put_varint(p, ev->other);
	p = put_varint(p, ev->wake_user);
	return put_varint(p, ev->wake_kernel);
}

static void get_entry(struct cursor *c, struct cpt_event *ev, uint64_t prev_ns)
{
	const uint8_t head = get_byte(c);

	*ev = (struct cpt_event){.type = head & HEAD_SAMPLE ? CPT_EV_SAMPLE : CPT_EV_STACKS};
	ev->flags = HEAD_FLAGS(head);
	ev->ts_ns = prev_ns + get_varint(c);
	ev->cpu = get_varint32(c);
	ev->task = get_varint32(c);
	ev->user = get_varint32(c);
	ev->kernel = get_varint32(c);
	if (head & HEAD_SAMPLE)
		return;
	c->bad |= ev->flags != 0;
	ev->other = get_varint32(c);
	ev->wake_user = get_varint32(c);
	ev->wake_kernel = get_varint32(c);
}

uint8_t *side__pack(const uint8_t *raw, size_t sz, size_t *packed_sz)
{
	uLongf packed = compressBound((uLong)sz);
	uint8_t *out = malloc(packed + CPT_VARINT_MAX);

	if (out) {
		*packed_sz = (size_t)(put_varint(out, sz) - out);
		if (compress2(out + *packed_sz, &packed, raw, (uLong)sz, 1) == Z_OK) {
			*packed_sz += packed;
			return out;
		}
	}
	free(out);
	errno = ENOMEM;
	return NULL;
}

uint8_t *side__encode_as(side_put_fn put, size_t entry_max, const struct cpt_event *ev, size_t cnt,
			 size_t *sz)
{
	uint8_t *raw = malloc(cnt * entry_max + 1), *p = raw, *out;
	uint64_t prev_ns = cnt ? ev[0].ts_ns : 0;

	if (!raw) {
		errno = ENOMEM;
		return NULL;
	}
	for (size_t i = 0; i < cnt; i++) {
		p = put(p, &ev[i], prev_ns);
		prev_ns = ev[i].ts_ns;
	}
	out = side__pack(raw, (size_t)(p - raw), sz);
	free(raw);
	return out;
}

uint8_t *side__encode(const struct cpt_event *ev, size_t cnt, size_t *sz)
{
	return side__encode_as(put_entry, ENTRY_MAX, ev, cnt, sz);
}

int side__unpack(const uint8_t *in, size_t sz, uint64_t min, uint64_t max, uint8_t **raw,
		 size_t *raw_sz)
{
	struct cursor c = {.at = in, .end = in + sz};
	const uint64_t want = get_varint(&c);
	uLongf got = (uLongf)want;
	int ret;

	if (c.bad || want < min || want > max || want > CPT_BLOCK_RAW_MAX)
		return -EBADMSG;
	*raw = malloc(want + 1);
	if (!*raw)
		return -ENOMEM;
	ret = uncompress(*raw, &got, c.at, (uLong)(c.end - c.at));
	*raw_sz = got;
	if (ret == Z_OK && got == want)
		return 0;
	free(*raw);
	return ret == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

int side__decode(struct cpt_event *ev, uint32_t cnt, const uint8_t *in, size_t sz,
		 uint64_t first_ns, uint64_t last_ns, uint32_t cpu_cnt, uint32_t task_max)
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
		if (c.bad || !side__valid(&ev[i], prev_ns, cpu_cnt, task_max))
			err = -EBADMSG;
		prev_ns = ev[i].ts_ns;
	}
	if (!err && (!cursor_done(&c) || ev[0].ts_ns != first_ns || prev_ns != last_ns))
		err = -EBADMSG;
	free(raw);
	return err;
}
