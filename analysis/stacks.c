// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * stacks.c - see stacks.h. The bytes are drawn in FORMAT.md.
 *
 * Strings and frames are interned: each lies in a hash table of indexes into an array that only grows.
 * What a decoder adds before it meets damage is taken back by count, but for interned strings and
 * frames, which no stack then names.
 */
#include "stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace_limits.h"
#include "varint.h"

/* A section is closed when it is as large; what one stack adds comes on top. */
#define SECTION_FULL (1u << 20)

struct string {
	char *s;
	uint32_t mark; /* index in the section that is being written, 0 none yet */
};

struct frame {
	struct cpt_frame f;
	uint32_t symbol, module, file; /* strings */
	uint32_t mark;
};

struct stack {
	uint32_t first, depth; /* in refs */
};

/* Open addressing: 1 + index, 0 free. */
struct hash {
	uint32_t *at;
	uint32_t sz, used;
};

struct cpt_stacks {
	struct string *strings;
	uint32_t string_cnt, string_cap;
	struct frame *frames;
	uint32_t frame_cnt, frame_cap;
	uint32_t *refs; /* frames of stacks, one after the other */
	uint32_t ref_cnt, ref_cap;
	struct stack *stacks; /* [0] is stack 1 */
	uint32_t stack_cnt, stack_cap;
	struct hash string_hash, frame_hash;
};

/* Makes room for one more of *at, elements of sz bytes. */
static bool grow(void **at, uint32_t cnt, uint32_t *cap, size_t sz)
{
	uint32_t more = *cap ? *cap * 2 : 64;
	void *bigger;

	if (cnt < *cap)
		return true;
	if (more < *cap)
		return false;
	bigger = realloc(*at, more * sz);
	if (!bigger)
		return false;
	*at = bigger;
	*cap = more;
	return true;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

static uint64_t hash_bytes(const char *s, size_t len)
{
	uint64_t h = len;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)s[i]) * 0x100000001b3ull;
	return mix(h, 0);
}

static uint64_t hash_frame(const struct frame *f)
{
	uint64_t h = mix(f->f.offset, f->symbol);

	h = mix(h, (uint64_t)f->module << 32 | f->file);
	return mix(h, (uint64_t)f->f.line << 8 | f->f.flags);
}

static bool same_frame(const struct frame *a, const struct frame *b)
{
	return a->f.offset == b->f.offset && a->symbol == b->symbol && a->module == b->module &&
	       a->file == b->file && a->f.line == b->f.line && a->f.flags == b->f.flags;
}

static uint64_t rehash_string(const struct cpt_stacks *ss, uint32_t idx)
{
	return hash_bytes(ss->strings[idx].s, strlen(ss->strings[idx].s));
}

static uint64_t rehash_frame(const struct cpt_stacks *ss, uint32_t idx)
{
	return hash_frame(&ss->frames[idx]);
}

/* At most half full. */
static bool hash_grow(struct cpt_stacks *ss, struct hash *h,
		      uint64_t (*rehash)(const struct cpt_stacks *, uint32_t))
{
	struct hash bigger = {.sz = h->sz ? h->sz * 2 : 256, .used = h->used};

	if (h->used * 2 < h->sz)
		return true;
	bigger.at = calloc(bigger.sz, sizeof(*bigger.at));
	if (!bigger.at)
		return false;
	for (uint32_t i = 0; i < h->sz; i++) {
		uint32_t pos;

		if (!h->at[i])
			continue;
		pos = (uint32_t)rehash(ss, h->at[i] - 1) & (bigger.sz - 1);
		while (bigger.at[pos])
			pos = (pos + 1) & (bigger.sz - 1);
		bigger.at[pos] = h->at[i];
	}
	free(h->at);
	*h = bigger;
	return true;
}

/* Index of the string; UINT32_MAX without memory. s has no NUL in its len bytes. */
static uint32_t intern_string(struct cpt_stacks *ss, const char *s, size_t len)
{
	struct hash *h = &ss->string_hash;
	uint32_t pos;
	char *copy;

	if (!hash_grow(ss, h, rehash_string) ||
	    !grow((void **)&ss->strings, ss->string_cnt, &ss->string_cap, sizeof(*ss->strings)))
		return UINT32_MAX;
	pos = (uint32_t)hash_bytes(s, len) & (h->sz - 1);
	for (; h->at[pos]; pos = (pos + 1) & (h->sz - 1)) {
		const char *there = ss->strings[h->at[pos] - 1].s;

		if (strlen(there) == len && !memcmp(there, s, len))
			return h->at[pos] - 1;
	}
	copy = malloc(len + 1);
	if (!copy)
		return UINT32_MAX;
	memcpy(copy, s, len);
	copy[len] = '\0';
	ss->strings[ss->string_cnt] = (struct string){.s = copy};
	h->at[pos] = ++ss->string_cnt;
	h->used++;
	return ss->string_cnt - 1;
}

/* Index of a frame whose strings are interned; UINT32_MAX without memory. */
static uint32_t intern_frame(struct cpt_stacks *ss, struct frame *f)
{
	struct hash *h = &ss->frame_hash;
	uint32_t pos;

	if (!hash_grow(ss, h, rehash_frame) ||
	    !grow((void **)&ss->frames, ss->frame_cnt, &ss->frame_cap, sizeof(*ss->frames)))
		return UINT32_MAX;
	pos = (uint32_t)hash_frame(f) & (h->sz - 1);
	for (; h->at[pos]; pos = (pos + 1) & (h->sz - 1))
		if (same_frame(&ss->frames[h->at[pos] - 1], f))
			return h->at[pos] - 1;
	f->f.symbol = ss->strings[f->symbol].s;
	f->f.module = ss->strings[f->module].s;
	f->f.file = ss->strings[f->file].s;
	f->mark = 0;
	ss->frames[ss->frame_cnt] = *f;
	h->at[pos] = ++ss->frame_cnt;
	h->used++;
	return ss->frame_cnt - 1;
}

struct cpt_stacks *stacks__new(void)
{
	struct cpt_stacks *ss = calloc(1, sizeof(*ss));

	if (ss && intern_string(ss, "", 0) == UINT32_MAX) {
		stacks__free(ss);
		return NULL;
	}
	return ss;
}

void stacks__free(struct cpt_stacks *ss)
{
	if (!ss)
		return;
	for (uint32_t i = 0; i < ss->string_cnt; i++)
		free(ss->strings[i].s);
	free(ss->strings);
	free(ss->frames);
	free(ss->refs);
	free(ss->stacks);
	free(ss->string_hash.at);
	free(ss->frame_hash.at);
	free(ss);
}

static bool add_ref(struct cpt_stacks *ss, uint32_t frame)
{
	if (frame == UINT32_MAX ||
	    !grow((void **)&ss->refs, ss->ref_cnt, &ss->ref_cap, sizeof(*ss->refs)))
		return false;
	ss->refs[ss->ref_cnt++] = frame;
	return true;
}

static bool add_stack(struct cpt_stacks *ss, uint32_t first)
{
	if (!grow((void **)&ss->stacks, ss->stack_cnt, &ss->stack_cap, sizeof(*ss->stacks)))
		return false;
	ss->stacks[ss->stack_cnt++] = (struct stack){.first = first, .depth = ss->ref_cnt - first};
	return true;
}

static uint32_t copy_frame(struct cpt_stacks *ss, const struct cpt_frame *from)
{
	struct frame f = {.f = *from};

	f.symbol = intern_string(ss, from->symbol, strlen(from->symbol));
	f.module = intern_string(ss, from->module, strlen(from->module));
	f.file = intern_string(ss, from->file, strlen(from->file));
	if (f.symbol == UINT32_MAX || f.module == UINT32_MAX || f.file == UINT32_MAX)
		return UINT32_MAX;
	return intern_frame(ss, &f);
}

uint32_t stacks__add(struct cpt_stacks *ss, const struct cpt_frame *frames, uint32_t depth)
{
	const uint32_t first = ss->ref_cnt;

	errno = E2BIG;
	if (depth > CPT_STACK_DEPTH_MAX || ss->stack_cnt == CPT_STACKS_MAX)
		return 0;
	for (uint32_t i = 0; i < depth; i++)
		if (strlen(frames[i].symbol) > CPT_STACK_STRING_MAX ||
		    strlen(frames[i].module) > CPT_STACK_STRING_MAX ||
		    strlen(frames[i].file) > CPT_STACK_STRING_MAX)
			return 0;
	for (uint32_t i = 0; i < depth; i++)
		if (!add_ref(ss, copy_frame(ss, &frames[i])))
			goto no_memory;
	if (add_stack(ss, first))
		return ss->stack_cnt;
no_memory:
	ss->ref_cnt = first;
	errno = ENOMEM;
	return 0;
}

uint32_t stacks__cnt(const struct cpt_stacks *ss)
{
	return ss ? ss->stack_cnt : 0;
}

uint32_t stacks__depth(const struct cpt_stacks *ss, uint32_t number)
{
	return ss && number && number <= ss->stack_cnt ? ss->stacks[number - 1].depth : 0;
}

const struct cpt_frame *stacks__frame(const struct cpt_stacks *ss, uint32_t number, uint32_t idx)
{
	return &ss->frames[ss->refs[ss->stacks[number - 1].first + idx]].f;
}

/* ---- to bytes ---------------------------------------------------------------------------------- */

struct buf {
	uint8_t *at;
	size_t cnt, cap;
	bool failed;
};

/* Room for sz bytes, NULL without memory. */
static uint8_t *buf_room(struct buf *b, size_t sz)
{
	if (b->cnt + sz > b->cap && !b->failed) {
		size_t cap = (b->cnt + sz) * 2;
		uint8_t *at = realloc(b->at, cap);

		b->failed = !at;
		if (at) {
			b->at = at;
			b->cap = cap;
		}
	}
	return b->failed ? NULL : b->at + b->cnt;
}

static void buf_varint(struct buf *b, uint64_t v)
{
	uint8_t *p = buf_room(b, CPT_VARINT_MAX);

	if (p)
		b->cnt = (size_t)(put_varint(p, v) - b->at);
}

static void buf_bytes(struct buf *b, const void *data, size_t sz)
{
	uint8_t *p = buf_room(b, sz);

	if (p && sz) {
		memcpy(p, data, sz);
		b->cnt += sz;
	}
}

/* What a section is made of, each with a count of its own before it. */
struct parts {
	struct buf strings, frames, stacks;
	uint32_t string_cnt, frame_cnt, stack_cnt;
};

static uint32_t put_string(struct cpt_stacks *ss, struct parts *p, uint32_t idx)
{
	struct string *s = &ss->strings[idx];

	if (!idx)
		return 0;
	if (!s->mark) {
		s->mark = ++p->string_cnt;
		buf_varint(&p->strings, strlen(s->s));
		buf_bytes(&p->strings, s->s, strlen(s->s));
	}
	return s->mark;
}

static uint32_t put_frame(struct cpt_stacks *ss, struct parts *p, uint32_t idx)
{
	struct frame *f = &ss->frames[idx];

	if (f->mark)
		return f->mark - 1;
	f->mark = ++p->frame_cnt;
	buf_varint(&p->frames, f->f.flags);
	buf_varint(&p->frames, put_string(ss, p, f->module));
	buf_varint(&p->frames, f->f.offset);
	buf_varint(&p->frames, put_string(ss, p, f->symbol));
	buf_varint(&p->frames, put_string(ss, p, f->file));
	buf_varint(&p->frames, f->f.line);
	return f->mark - 1;
}

static uint8_t *join(struct parts *p, size_t *sz)
{
	struct buf out = {0};

	buf_varint(&out, p->string_cnt);
	buf_bytes(&out, p->strings.at, p->strings.cnt);
	buf_varint(&out, p->frame_cnt);
	buf_bytes(&out, p->frames.at, p->frames.cnt);
	buf_varint(&out, p->stack_cnt);
	buf_bytes(&out, p->stacks.at, p->stacks.cnt);
	if (out.failed || p->strings.failed || p->frames.failed || p->stacks.failed) {
		free(out.at);
		errno = ENOMEM;
		return NULL;
	}
	*sz = out.cnt;
	return out.at;
}

uint8_t *stacks__encode(struct cpt_stacks *ss, uint32_t *next, size_t *sz)
{
	struct parts p = {0};
	uint8_t *out;

	for (uint32_t i = 0; i < ss->string_cnt; i++)
		ss->strings[i].mark = 0;
	for (uint32_t i = 0; i < ss->frame_cnt; i++)
		ss->frames[i].mark = 0;
	for (; *next && *next <= ss->stack_cnt; (*next)++) {
		const struct stack *s = &ss->stacks[*next - 1];

		if (p.strings.cnt + p.frames.cnt + p.stacks.cnt > SECTION_FULL)
			break;
		buf_varint(&p.stacks, s->depth);
		for (uint32_t i = 0; i < s->depth; i++)
			buf_varint(&p.stacks, put_frame(ss, &p, ss->refs[s->first + i]));
		p.stack_cnt++;
	}
	out = join(&p, sz);
	free(p.strings.at);
	free(p.frames.at);
	free(p.stacks.at);
	return out;
}

/* ---- from bytes -------------------------------------------------------------------------------- */

/* A count of things that take at least one byte each: never more than there are bytes. */
static uint32_t get_count(struct cursor *c)
{
	const uint32_t cnt = get_varint32(c);

	if (cnt > (size_t)(c->end - c->at)) {
		c->bad = true;
		return 0;
	}
	return cnt;
}

/* Interned indexes of a section's strings; [0] is "". 0, -ENOMEM, -EBADMSG. */
static int get_strings(struct cpt_stacks *ss, struct cursor *c, uint32_t **map, uint32_t *cnt)
{
	*cnt = get_count(c);
	*map = calloc((size_t)*cnt + 1, sizeof(**map));
	if (!*map)
		return -ENOMEM;
	for (uint32_t i = 1; i <= *cnt; i++) {
		const uint32_t len = get_varint32(c);
		const uint8_t *s = get_bytes(c, len);

		if (!s || !len || len > CPT_STACK_STRING_MAX || memchr(s, 0, len))
			return -EBADMSG;
		(*map)[i] = intern_string(ss, (const char *)s, len);
		if ((*map)[i] == UINT32_MAX)
			return -ENOMEM;
	}
	return c->bad ? -EBADMSG : 0;
}

/* Index into a section's strings to ours; UINT32_MAX beyond them. */
static uint32_t get_string(struct cursor *c, const uint32_t *map, uint32_t cnt)
{
	const uint32_t idx = get_varint32(c);

	return c->bad || idx > cnt ? UINT32_MAX : map[idx];
}

static int get_frames(struct cpt_stacks *ss, struct cursor *c, const uint32_t *strings,
		      uint32_t string_cnt, uint32_t **map, uint32_t *cnt)
{
	*cnt = get_count(c);
	*map = calloc((size_t)*cnt + 1, sizeof(**map));
	if (!*map)
		return -ENOMEM;
	for (uint32_t i = 0; i < *cnt; i++) {
		struct frame f = {0};
		const uint32_t flags = get_varint32(c);

		f.f.flags = (uint8_t)flags;
		f.module = get_string(c, strings, string_cnt);
		f.f.offset = get_varint(c);
		f.symbol = get_string(c, strings, string_cnt);
		f.file = get_string(c, strings, string_cnt);
		f.f.line = get_varint32(c);
		if (c->bad || flags > UINT8_MAX || f.module == UINT32_MAX ||
		    f.symbol == UINT32_MAX || f.file == UINT32_MAX)
			return -EBADMSG;
		(*map)[i] = intern_frame(ss, &f);
		if ((*map)[i] == UINT32_MAX)
			return -ENOMEM;
	}
	return 0;
}

static int get_stack(struct cpt_stacks *ss, struct cursor *c, const uint32_t *frames,
		     uint32_t frame_cnt)
{
	const uint32_t first = ss->ref_cnt, depth = get_count(c);

	if (c->bad || depth > CPT_STACK_DEPTH_MAX || ss->stack_cnt == CPT_STACKS_MAX)
		return -EBADMSG;
	for (uint32_t i = 0; i < depth; i++) {
		const uint32_t idx = get_varint32(c);

		if (c->bad || idx >= frame_cnt)
			return -EBADMSG;
		if (!add_ref(ss, frames[idx]))
			return -ENOMEM;
	}
	return add_stack(ss, first) ? 0 : -ENOMEM;
}

int stacks__decode(struct cpt_stacks *ss, const uint8_t *in, size_t sz)
{
	struct cursor c = {.at = in, .end = in + sz};
	const uint32_t stack_cnt = ss->stack_cnt, ref_cnt = ss->ref_cnt;
	uint32_t *strings = NULL, *frames = NULL, string_cnt, frame_cnt, cnt;
	int err = get_strings(ss, &c, &strings, &string_cnt);

	if (!err)
		err = get_frames(ss, &c, strings, string_cnt, &frames, &frame_cnt);
	if (!err) {
		cnt = get_count(&c);
		for (uint32_t i = 0; i < cnt && !err; i++)
			err = get_stack(ss, &c, frames, frame_cnt);
		if (!err && !cursor_done(&c))
			err = -EBADMSG;
	}
	if (err) {
		ss->stack_cnt = stack_cnt;
		ss->ref_cnt = ref_cnt;
	}
	free(strings);
	free(frames);
	return err;
}
