// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* strbuf.c - see strbuf.h. */
#include "strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool strbuf__grow(struct strbuf *b, size_t more)
{
	size_t need = b->len + more + 1, cap = b->cap ? b->cap : 128;
	char *s;

	if (b->failed)
		return false;
	if (need <= b->cap)
		return true;
	while (cap < need)
		cap *= 2;
	s = realloc(b->s, cap);
	if (!s) {
		b->failed = true;
		return false;
	}
	b->s = s;
	b->cap = cap;
	return true;
}

void strbuf__repeat(struct strbuf *b, const char *s, unsigned int times)
{
	while (times--)
		strbuf__adds(b, s);
}

void strbuf__addf(struct strbuf *b, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if (!strbuf__room(b, (size_t)n))
		return;
	va_start(args, fmt);
	vsnprintf(b->s + b->len, (size_t)n + 1, fmt, args);
	va_end(args);
	b->len += (size_t)n;
}

void strbuf__clear(struct strbuf *b)
{
	b->len = 0;
	if (b->s)
		b->s[0] = '\0';
}

void strbuf__free(struct strbuf *b)
{
	free(b->s);
	*b = (struct strbuf){0};
}

/* Not "" alone: a compiler may give literals of the same bytes its address. */
const char strbuf__lost[2] = {0, 1};

const char *strbuf__str(const struct strbuf *b)
{
	if (b->failed)
		return strbuf__lost;
	return b->s ? b->s : "";
}
