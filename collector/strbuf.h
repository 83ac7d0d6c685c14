/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * strbuf.h - a text that grows.
 *
 * Owns:     memory. An allocation that fails is remembered in `failed` and later additions do
 *           nothing, so that writers check once, at the end. It is handed on: what is made of the text of
 *           one that failed fails, too, so that no output lacks a piece and looks whole.
 * Must not: know what the text means.
 */
#ifndef CPT_STRBUF_H
#define CPT_STRBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct strbuf {
	char *s; /* NUL-terminated once something was added; NULL before */
	size_t len;
	size_t cap;
	bool failed;
};

static inline void strbuf__add(struct strbuf *b, const char *s, size_t len);
/* Room for more bytes at the end, to be written there and added to len; NULL if memory is out. What is
 * added so has no NUL until the next addition of another kind. */
static inline char *strbuf__room(struct strbuf *b, size_t more);
static inline void strbuf__adds(struct strbuf *b, const char *s);
static inline void strbuf__addc(struct strbuf *b, char c);
void strbuf__repeat(struct strbuf *b, const char *s, unsigned int times);
void strbuf__addf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf__clear(struct strbuf *b); /* keeps the memory and `failed` */
void strbuf__free(struct strbuf *b);

/* The text; "" when nothing was added. Borrowed. When memory ran out strbuf__lost, which is "" as well,
 * and makes each buffer fail that it is added to, but by way of a format. */
const char *strbuf__str(const struct strbuf *b);
extern const char strbuf__lost[2];
/* For who copies a text by pieces: true, and b has failed, if s is of one that did. */
static inline bool strbuf__lacks(struct strbuf *b, const char *s);

/* ---- inline: exports add small pieces a billion times ------------------------------------------ */

bool strbuf__grow(struct strbuf *b, size_t more); /* of strbuf__room alone */

static inline char *strbuf__room(struct strbuf *b, size_t more)
{
	if ((b->failed || more >= b->cap - b->len) && !strbuf__grow(b, more))
		return NULL;
	return b->s + b->len;
}

static inline bool strbuf__lacks(struct strbuf *b, const char *s)
{
	if (s != strbuf__lost)
		return false;
	b->failed = true;
	return true;
}

static inline void strbuf__add(struct strbuf *b, const char *s, size_t len)
{
	char *to = strbuf__room(b, len);

	if (!to || strbuf__lacks(b, s))
		return;
	memcpy(to, s, len);
	to[len] = '\0';
	b->len += len;
}

static inline void strbuf__adds(struct strbuf *b, const char *s)
{
	strbuf__add(b, s, strlen(s));
}

static inline void strbuf__addc(struct strbuf *b, char c)
{
	char *to = strbuf__room(b, 1);

	if (!to)
		return;
	to[0] = c;
	to[1] = '\0';
	b->len++;
}

#endif /* CPT_STRBUF_H */
