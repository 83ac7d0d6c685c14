// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mutate.c - see trace__mutate in fuzz.h. A trace is taken apart as far as it can be, one part is changed,
 * and what others say of it is made right: sizes, counts, the times of a block. Check sums are whoever reads
 * the trace's business (body_open).
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../../analysis/trace_block.h"
#include "../../analysis/trace_format.h"
#include "../../analysis/trace_side.h"
#include "../../analysis/varint.h"
#include "../properties/rng.h"
#include "fuzz.h"

#define SECTIONS_MAX 64
#define PART_MAX     (64u << 10) /* bytes of a column, of what a section unpacks to */

struct part {
	struct section head;
	size_t at, sz; /* with its head */
};

struct trace {
	uint8_t *data;
	size_t sz, max;
	struct rng rng;
	struct part parts[SECTIONS_MAX];
	uint32_t cnt;
};

static bool dissect(struct trace *t)
{
	size_t at = TRACE_HEADER_SZ;

	while (t->cnt < SECTIONS_MAX && at < t->sz && t->sz - at >= SECTION_HEADER_SZ) {
		struct part *p = &t->parts[t->cnt];
		const uint8_t *h = t->data + at;

		p->head = (struct section){.type = (uint16_t)get_le(h + 4, 2),
					   .flags = (uint16_t)get_le(h + 6, 2),
					   .sz = (uint32_t)get_le(h + 8, 4),
					   .first_ns = get_le(h + 16, 8),
					   .last_ns = get_le(h + 24, 8),
					   .cnt = (uint32_t)get_le(h + 32, 4)};
		if (p->head.sz > t->sz - at - SECTION_HEADER_SZ)
			break;
		p->at = at;
		p->sz = SECTION_HEADER_SZ + p->head.sz;
		at += p->sz;
		t->cnt++;
	}
	return t->cnt > 0;
}

/* Puts sz bytes in the place of old_sz at `at`. False: there is no room. */
static bool replace(struct trace *t, size_t at, size_t old_sz, const uint8_t *with, size_t sz)
{
	if (t->sz - old_sz + sz > t->max)
		return false;
	memmove(t->data + at + sz, t->data + at + old_sz, t->sz - at - old_sz);
	if (sz)
		memcpy(t->data + at, with, sz);
	t->sz = t->sz - old_sz + sz;
	return true;
}

/* The section anew, with another payload. */
static bool put_section(struct trace *t, struct part *p, const uint8_t *payload, size_t sz)
{
	if (sz > UINT32_MAX || !replace(t, p->at + SECTION_HEADER_SZ, p->head.sz, payload, sz))
		return false;
	p->head.sz = (uint32_t)sz;
	section__encode(t->data + p->at, &p->head);
	return true;
}

/* ---- blocks ------------------------------------------------------------------------------------ */

struct columns {
	uint64_t switches;
	uint8_t *at[COL_CNT]; /* malloc'd, PART_MAX bytes */
	size_t sz[COL_CNT];
};

static bool unpack(struct columns *cols, const uint8_t *in, size_t sz)
{
	struct cursor c = {.at = in, .end = in + sz};
	uint32_t raw[COL_CNT], packed[COL_CNT];

	cols->switches = get_varint(&c);
	if (get_varint(&c) != COL_CNT)
		return false;
	for (int i = 0; i < COL_CNT; i++) {
		raw[i] = get_varint32(&c);
		packed[i] = get_varint32(&c);
	}
	for (int i = 0; i < COL_CNT; i++) {
		const uint8_t *data = get_bytes(&c, packed[i] ? packed[i] : raw[i]);
		z_stream z = {.next_in = (uint8_t *)data, .avail_in = packed[i]};
		bool ok;

		cols->at[i] = malloc(PART_MAX);
		if (!data || c.bad || raw[i] > PART_MAX / 2 || !cols->at[i])
			return false;
		cols->sz[i] = raw[i];
		if (!packed[i]) {
			memcpy(cols->at[i], data, raw[i]);
			continue;
		}
		z.next_out = cols->at[i];
		z.avail_out = raw[i];
		if (inflateInit2(&z, -15) != Z_OK)
			return false;
		ok = inflate(&z, Z_FINISH) == Z_STREAM_END && !z.avail_out;
		inflateEnd(&z);
		if (!ok)
			return false;
	}
	return true;
}

/* As many events as there are tokens, each with its time; the last time is that of the section. */
static void mend_times(struct columns *cols, struct section *head)
{
	struct cursor token = {.at = cols->at[COL_TOKEN],
			       .end = cols->at[COL_TOKEN] + cols->sz[COL_TOKEN]};
	struct cursor hi = {.at = cols->at[COL_TIME_HI],
			    .end = cols->at[COL_TIME_HI] + cols->sz[COL_TIME_HI]};
	uint8_t *end = cols->at[COL_TIME_HI];
	uint8_t mended[PART_MAX], *to = mended;
	uint64_t now = head->first_ns;
	uint32_t cnt = 0;

	while (token.at < token.end && cnt < PART_MAX / 16) {
		get_varint(&token);
		cnt++;
	}
	for (uint32_t i = 0; i < cnt; i++) {
		uint64_t high = hi.at < hi.end ? get_varint(&hi) : 0;

		if (i >= cols->sz[COL_TIME])
			cols->at[COL_TIME][i] = 0;
		if (!i)
			cols->at[COL_TIME][0] = 0;
		if (!i || high > (CPT_TIME_MAX - now) >> 8 || now > CPT_TIME_MAX - 255)
			high = 0;
		now += now > CPT_TIME_MAX - 255 ? 0 : (high << 8) + cols->at[COL_TIME][i];
		if (now > CPT_TIME_MAX)
			now = CPT_TIME_MAX;
		to = put_varint(to, high);
	}
	cols->sz[COL_TIME] = cnt;
	cols->sz[COL_TIME_HI] = (size_t)(to - mended);
	memcpy(end, mended, cols->sz[COL_TIME_HI]);
	head->cnt = cnt;
	head->last_ns = now;
}

/* Stored as they are: a change reaches the decoder as it is made. */
static size_t pack(const struct columns *cols, uint8_t *out)
{
	uint8_t *p = put_varint(out, cols->switches);

	p = put_varint(p, COL_CNT);
	for (int i = 0; i < COL_CNT; i++) {
		p = put_varint(p, cols->sz[i]);
		p = put_varint(p, 0);
	}
	for (int i = 0; i < COL_CNT; i++) {
		memcpy(p, cols->at[i], cols->sz[i]);
		p += cols->sz[i];
	}
	return (size_t)(p - out);
}

static bool change_block(struct trace *t, struct part *p)
{
	static uint8_t out[COL_CNT * (PART_MAX + 2 * CPT_VARINT_MAX) + 32];
	struct columns cols = {0};
	bool ok = unpack(&cols, t->data + p->at + SECTION_HEADER_SZ, p->head.sz);

	for (uint32_t i = 1 + rng_below(&t->rng, 3); ok && i; i--) {
		const uint32_t col = rng_below(&t->rng, COL_CNT);
		const size_t room = cols.sz[col] + 16 < PART_MAX ? cols.sz[col] + 16 : PART_MAX;

		cols.sz[col] = LLVMFuzzerMutate(cols.at[col], cols.sz[col], room);
	}
	if (ok) {
		mend_times(&cols, &p->head);
		ok = put_section(t, p, out, pack(&cols, out));
	}
	for (int i = 0; i < COL_CNT; i++)
		free(cols.at[i]);
	return ok;
}

/* ---- other sections ---------------------------------------------------------------------------- */

/* SAMPLES, LOOPS, MARKS: what is packed. */
static bool change_packed(struct trace *t, struct part *p)
{
	uint8_t *raw = NULL, *bigger, *payload = NULL;
	size_t sz = 0, packed = 0;
	bool ok;

	if (side__unpack(t->data + p->at + SECTION_HEADER_SZ, p->head.sz, 1, PART_MAX, &raw, &sz))
		return false;
	bigger = realloc(raw, sz + 16);
	if (bigger) {
		raw = bigger;
		sz = LLVMFuzzerMutate(raw, sz, sz + 16);
		payload = sz ? side__pack(raw, sz, &packed) : NULL;
	}
	ok = payload && put_section(t, p, payload, packed);
	free(payload);
	free(raw);
	return ok;
}

/* META, CLOSE: one field keeps its tag, and its size is right. */
static bool change_field(struct trace *t, struct part *p)
{
	uint8_t *payload = t->data + p->at + SECTION_HEADER_SZ, value[1024];
	size_t at = 0, fields[64], cnt = 0, sz;

	while (cnt < 64 && p->head.sz - at >= 6) {
		const size_t len = get_le(payload + at + 2, 4);

		if (len > p->head.sz - at - 6)
			break;
		fields[cnt++] = at;
		at += 6 + len;
	}
	if (!cnt)
		return false;
	at = fields[rng_below(&t->rng, (uint32_t)cnt)];
	sz = get_le(payload + at + 2, 4);
	if (sz > sizeof(value) - 64 || t->sz + 64 > t->max)
		return false;
	memcpy(value, payload + at + 6, sz);
	/* Numbers have one size. */
	cnt = LLVMFuzzerMutate(value, sz, sz == 1 || sz == 4 || sz == 8 ? sz : sz + 32);
	if ((sz == 1 || sz == 4 || sz == 8) && cnt < sz)
		memset(value + cnt, 0, sz - cnt);
	else
		sz = cnt;
	cnt = get_le(payload + at + 2, 4);
	put_le(payload + at + 2, sz, 4);
	if (!replace(t, p->at + SECTION_HEADER_SZ + at + 6, cnt, value, sz))
		return false;
	p->head.sz = (uint32_t)(p->head.sz - cnt + sz);
	section__encode(t->data + p->at, &p->head);
	return true;
}

static bool change_plain(struct trace *t, struct part *p)
{
	const size_t room = p->head.sz + 32;
	uint8_t *payload = malloc(room);
	bool ok = payload != NULL;

	if (ok) {
		memcpy(payload, t->data + p->at + SECTION_HEADER_SZ, p->head.sz);
		ok = put_section(t, p, payload, LLVMFuzzerMutate(payload, p->head.sz, room));
	}
	free(payload);
	return ok;
}

static bool change_head(struct trace *t, struct part *p)
{
	const uint64_t by = 1ull << rng_below(&t->rng, 63);

	switch (rng_below(&t->rng, 5)) {
	case 0:
		p->head.type = (uint16_t)rng_below(&t->rng, SECTION_MARKS + 1);
		break;
	case 1:
		p->head.flags ^= 1;
		break;
	case 2:
		p->head.first_ns += rng_percent(&t->rng, 50) ? by : 0 - by;
		break;
	case 3:
		p->head.last_ns += rng_percent(&t->rng, 50) ? by : 0 - by;
		break;
	default:
		p->head.cnt += rng_percent(&t->rng, 50) ? 1 : (uint32_t)by;
	}
	section__encode(t->data + p->at, &p->head);
	return true;
}

static bool change_section(struct trace *t, struct part *p)
{
	const uint32_t how = rng_below(&t->rng, 16);

	if (!how)
		return change_head(t, p);
	if (how == 1)
		return change_plain(t, p);
	if (p->head.type == SECTION_BLOCK)
		return change_block(t, p);
	if (p->head.type == SECTION_SAMPLES || p->head.type == SECTION_LOOPS ||
	    p->head.type == SECTION_MARKS)
		return change_packed(t, p);
	if (p->head.type == SECTION_META || p->head.type == SECTION_CLOSE)
		return change_field(t, p);
	return change_plain(t, p);
}

/* One is left out, comes twice, or two change places. */
static bool move_sections(struct trace *t)
{
	const struct part *a = &t->parts[rng_below(&t->rng, t->cnt)];
	const struct part *b = &t->parts[rng_below(&t->rng, t->cnt)];
	uint8_t *copy;
	bool ok;

	if (rng_percent(&t->rng, 30))
		return replace(t, a->at, a->sz, NULL, 0);
	copy = malloc(a->sz);
	if (!copy)
		return false;
	memcpy(copy, t->data + a->at, a->sz);
	ok = replace(t, b->at, 0, copy, a->sz);
	if (ok && rng_percent(&t->rng, 60) && a != b)
		replace(t, a->at + (b->at <= a->at ? a->sz : 0), a->sz, NULL, 0);
	free(copy);
	return ok;
}

size_t trace__mutate(uint8_t *data, size_t sz, size_t max_sz, unsigned int seed)
{
	struct trace t = {.data = data, .sz = sz, .max = max_sz, .rng = {seed}};
	bool done = false;

	if (dissect(&t) && rng_below(&t.rng, 20))
		done = rng_below(&t.rng, 8) ? change_section(&t, &t.parts[rng_below(&t.rng, t.cnt)])
					    : move_sections(&t);
	if (!done)
		return LLVMFuzzerMutate(data, t.sz, max_sz);
	/* It is closed where it ends, or not at all. */
	if (t.sz >= TRACE_HEADER_SZ && get_le(data + 24, 8) && rng_below(&t.rng, 10))
		put_le(data + 24, t.sz, 8);
	return t.sz;
}
