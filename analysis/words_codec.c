// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * words_codec.c - the table of words to the payload of a WORDS section and back.
 *
 * Owns:     the bytes (FORMAT.md: WORDS), and that none of them is trusted.
 *
 *   varint n, n strings: varint size, bytes      varint m, m words: varint size, fields
 *
 * A word's size lets a newer writer add fields behind those known here.
 */
#include "words_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace_limits.h"
#include "varint.h"
#include "words_table.h"

/* 16 varints and a byte each for kind, reason, flags and the size. */
#define WORD_BYTES_MAX 160
#define WORD_BYTES_MIN 17 /* with its size */
#define STRINGS_MAX    (3 * CPT_WORDS_MAX)
/* Names end when they take half of a section; what is left has room for its words. */
#define STRING_BYTES_MAX (CPT_BLOCK_DISK_MAX / 2)

/* Reasons as they are on disk: X(NAME, value), append only. */
#define WORD_REASONS(X)                                                                            \
	X(OTHER, 0)                                                                                \
	X(LOCK, 1)                                                                                 \
	X(HANDOFF, 2)                                                                              \
	X(QUEUE, 3)                                                                                \
	X(BARRIER, 4)                                                                              \
	X(CONDVAR, 5)                                                                              \
	X(JOIN, 6)                                                                                 \
	X(KERNEL_LOCK, 7)

static uint8_t reason_code(uint8_t reason)
{
	switch (reason) {
#define REASON_CODE(name, value)                                                                   \
	case CPT_REASON_##name:                                                                    \
		return value;
		WORD_REASONS(REASON_CODE)
	default:
		return 0;
	}
}

static uint8_t reason_of(uint8_t code)
{
#define CODE_REASON(name, value) [value] = CPT_REASON_##name,
	static const uint8_t reasons[] = {WORD_REASONS(CODE_REASON)};

	return code < sizeof(reasons) ? reasons[code] : CPT_REASON_OTHER;
}

/* ---- writing ------------------------------------------------------------------------------------- */

/* Strings, each once: an open hash table of index + 1 into `at`. */
struct strings {
	const char **at;
	uint32_t cnt;
	uint32_t *slots;
	uint32_t slot_cnt; /* a power of 2, more than twice STRINGS_MAX at most */
	size_t bytes;
};

static uint32_t string_hash(const char *s)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	while (*s)
		h = (h ^ (uint8_t)*s++) * 16777619u;
	return h;
}

/* 1-based, 0 for "" and for what has no room. */
static uint32_t string_idx(struct strings *st, const char *s)
{
	uint32_t slot = string_hash(s) & (st->slot_cnt - 1);
	const size_t sz = strlen(s);

	if (!sz)
		return 0;
	while (st->slots[slot]) {
		if (!strcmp(st->at[st->slots[slot] - 1], s))
			return st->slots[slot];
		slot = (slot + 1) & (st->slot_cnt - 1);
	}
	if (st->bytes + sz + 2 > STRING_BYTES_MAX)
		return 0;
	st->bytes += sz + 2;
	st->at[st->cnt++] = s;
	return st->slots[slot] = st->cnt;
}

static int strings_collect(struct strings *st, const struct cpt_words *ws)
{
	st->slot_cnt = 64;
	while (st->slot_cnt < 6 * ws->cnt)
		st->slot_cnt *= 2;
	st->slots = calloc(st->slot_cnt, sizeof(*st->slots));
	st->at = malloc((3 * (size_t)ws->cnt + 1) * sizeof(*st->at));
	if (!st->slots || !st->at)
		return -ENOMEM;
	for (uint32_t i = 0; i < ws->cnt; i++) {
		string_idx(st, ws->at[i].symbol);
		string_idx(st, ws->at[i].module);
		string_idx(st, ws->at[i].build_id);
	}
	return 0;
}

static uint8_t *put_strings(uint8_t *p, const struct strings *st)
{
	p = put_varint(p, st->cnt);
	for (uint32_t i = 0; i < st->cnt; i++) {
		const size_t sz = strlen(st->at[i]);

		p = put_varint(p, sz);
		memcpy(p, st->at[i], sz);
		p += sz;
	}
	return p;
}

static uint8_t *put_word(uint8_t *out, const struct cpt_word *w, uint64_t prev_addr,
			 struct strings *st)
{
	uint8_t fields[WORD_BYTES_MAX], *p = fields;

	p = put_varint(p, w->proc);
	p = put_varint(p, w->space);
	p = put_varint(p, zigzag((int64_t)(w->addr - prev_addr)));
	*p++ = w->kind;
	*p++ = reason_code(w->reason);
	*p++ = w->flags;
	p = put_varint(p, w->same);
	p = put_varint(p, w->waits);
	p = put_varint(p, w->timeouts);
	p = put_varint(p, w->wakes);
	p = put_varint(p, w->waiters);
	p = put_varint(p, w->wakers);
	p = put_varint(p, w->both);
	p = put_varint(p, string_idx(st, w->symbol));
	p = put_varint(p, string_idx(st, w->module));
	p = put_varint(p, string_idx(st, w->build_id));
	p = put_varint(p, w->offset);
	out = put_varint(out, (uint64_t)(p - fields));
	memcpy(out, fields, (size_t)(p - fields));
	return out + (p - fields);
}

uint8_t *words__encode(const struct cpt_words *ws, size_t *sz)
{
	struct strings st = {0};
	uint8_t *out = NULL, *p, *words = NULL, *q;
	uint64_t prev_addr = 0;
	uint32_t cnt = 0;
	size_t room;

	if (strings_collect(&st, ws))
		goto out;
	room = st.bytes + 16 + (size_t)ws->cnt * WORD_BYTES_MAX;
	out = malloc(room);
	words = malloc((size_t)ws->cnt * WORD_BYTES_MAX + 1);
	if (!out || !words) {
		free(out);
		out = NULL;
		goto out;
	}
	p = put_strings(out, &st);
	q = words;
	while (cnt < ws->cnt &&
	       (size_t)(p - out) + (size_t)(q - words) + WORD_BYTES_MAX + 16 < CPT_BLOCK_DISK_MAX) {
		q = put_word(q, &ws->at[cnt], prev_addr, &st);
		prev_addr = ws->at[cnt++].addr;
	}
	p = put_varint(p, cnt);
	memcpy(p, words, (size_t)(q - words));
	*sz = (size_t)(p - out) + (size_t)(q - words);
out:
	free(words);
	free(st.slots);
	free(st.at);
	if (!out)
		errno = ENOMEM;
	return out;
}

/* ---- reading ------------------------------------------------------------------------------------- */

struct reading {
	struct cursor c;
	char *bytes;	 /* all strings, each with its NUL */
	uint32_t *start; /* of each in bytes; index 0: "" */
	uint32_t string_cnt;
	uint32_t task_max;
};

/* n strings take at most the payload and a NUL each: their sizes are single bytes or more. */
static int get_strings(struct reading *r)
{
	const size_t left = (size_t)(r->c.end - r->c.at);
	const uint64_t cnt = get_varint(&r->c);
	uint32_t pos = 1;

	if (cnt > left / 2 || cnt > STRINGS_MAX)
		return -EBADMSG;
	r->bytes = malloc(left + 1);
	r->start = malloc((cnt + 1) * sizeof(*r->start));
	if (!r->bytes || !r->start)
		return -ENOMEM;
	r->bytes[0] = '\0';
	r->start[0] = 0;
	for (uint64_t i = 1; i <= cnt; i++) {
		const uint64_t sz = get_varint(&r->c);
		const uint8_t *s = sz && sz <= CPT_WORD_STR_MAX ? get_bytes(&r->c, sz) : NULL;

		if (!s || r->c.bad || memchr(s, '\0', sz))
			return -EBADMSG;
		r->start[i] = pos;
		memcpy(r->bytes + pos, s, sz);
		pos += (uint32_t)sz;
		r->bytes[pos++] = '\0';
	}
	r->string_cnt = (uint32_t)cnt;
	return 0;
}

static const char *get_string(struct reading *r, struct cursor *c)
{
	const uint64_t idx = get_varint(c);

	if (idx <= r->string_cnt)
		return r->bytes + r->start[idx];
	c->bad = true;
	return "";
}

static bool get_word(struct reading *r, struct cursor *c, struct cpt_word *w, uint64_t *addr,
		     uint32_t idx)
{
	*w = (struct cpt_word){0};
	w->proc = get_varint32(c);
	w->space = get_varint32(c);
	*addr += (uint64_t)unzigzag(get_varint(c));
	w->addr = *addr;
	w->kind = get_byte(c);
	w->reason = reason_of(get_byte(c));
	w->flags = get_byte(c);
	w->same = get_varint32(c);
	w->waits = get_varint(c);
	w->timeouts = get_varint(c);
	w->wakes = get_varint(c);
	w->waiters = get_varint32(c);
	w->wakers = get_varint32(c);
	w->both = get_varint32(c);
	w->symbol = get_string(r, c);
	w->module = get_string(r, c);
	w->build_id = get_string(r, c);
	w->offset = get_varint(c);
	if (w->kind >= CPT_WORD_KIND_CNT) /* of a newer writer */
		w->kind = CPT_WORD_FUTEX;
	return !c->bad && w->proc <= r->task_max && w->same <= idx;
}

static int get_words(struct reading *r, struct cpt_words *ws)
{
	const uint64_t cnt = get_varint(&r->c);
	uint64_t addr = 0;

	if (cnt > CPT_WORDS_MAX || cnt > (size_t)(r->c.end - r->c.at) / WORD_BYTES_MIN)
		return -EBADMSG;
	for (uint32_t i = 0; i < cnt; i++) {
		const uint64_t sz = get_varint(&r->c);
		const uint8_t *at = sz <= CPT_BLOCK_DISK_MAX ? get_bytes(&r->c, sz) : NULL;
		struct cursor c = {.at = at};
		struct cpt_word w;
		int err;

		if (!at || r->c.bad)
			return -EBADMSG;
		c.end = at + sz;
		if (!get_word(r, &c, &w, &addr, i))
			return -EBADMSG;
		err = words__add(ws, &w);
		if (err)
			return err == -ENOMEM ? err : -EBADMSG;
	}
	return cursor_done(&r->c) ? 0 : -EBADMSG;
}

int words__decode(struct cpt_words *ws, const uint8_t *in, size_t sz, uint32_t task_max)
{
	struct reading r = {.c = {.at = in, .end = in + sz}, .task_max = task_max};
	int err = get_strings(&r);

	if (!err)
		err = get_words(&r, ws);
	free(r.bytes);
	free(r.start);
	return err;
}
