/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * strbuf.h - a text that grows.
 *
 * Owns:     memory. An allocation that fails is remembered in `failed` and later additions do
 *           nothing, so that writers check once, at the end.
 * Must not: know what the text means.
 */
#ifndef CPT_STRBUF_H
#define CPT_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char *s; /* NUL-terminated once something was added; NULL before */
	size_t len;
	size_t cap;
	bool failed;
};

void strbuf__add(struct strbuf *b, const char *s, size_t len);
void strbuf__adds(struct strbuf *b, const char *s);
void strbuf__addc(struct strbuf *b, char c);
void strbuf__repeat(struct strbuf *b, const char *s, unsigned int times);
void strbuf__addf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf__clear(struct strbuf *b); /* keeps the memory and `failed` */
void strbuf__free(struct strbuf *b);

/* The text; "" when nothing was added or memory ran out. Borrowed. */
const char *strbuf__str(const struct strbuf *b);

#endif /* CPT_STRBUF_H */
