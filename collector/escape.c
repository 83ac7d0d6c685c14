// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* escape.c - see escape.h. */
#include "escape.h"

#include <string.h>
#include <wchar.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

unsigned int utf8_decode(const char *s, size_t len, uint32_t *cp)
{
	const unsigned char *p = (const unsigned char *)s;
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned int n, i;
	uint32_t c;

	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4, c = p[0] & 0x07;
	else if (p[0] >= 0xe0 && p[0] < 0xf0)
		n = 3, c = p[0] & 0x0f;
	else if (p[0] >= 0xc2 && p[0] < 0xe0)
		n = 2, c = p[0] & 0x1f;
	else
		return 0;
	if (n > len)
		return 0;
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return n;
}

/* Characters that are invisible, change the order of what stands around them, or are none and never will be
 * (which XML does not have). */
static bool is_format_char(uint32_t c)
{
	return c == 0xad || c == 0x61c || c == 0x180e || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff) ||
	       (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
}

enum medium { MEDIUM_ASCII, MEDIUM_UTF8, MEDIUM_DATA };

static bool may_be_shown(uint32_t c, enum medium medium)
{
	if (c >= 0x20 && c < 0x7f)
		return true;
	if (c < 0xa0 || medium == MEDIUM_ASCII || is_format_char(c))
		return false;
	return medium == MEDIUM_DATA || wcwidth((wchar_t)c) >= 0;
}

static void add_bytes_escaped(struct strbuf *b, const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		switch (s[i]) {
		case '\n':
			strbuf__adds(b, "\\n");
			break;
		case '\t':
			strbuf__adds(b, "\\t");
			break;
		case '\r':
			strbuf__adds(b, "\\r");
			break;
		default:
			strbuf__addf(b, "\\x%02x", (unsigned char)s[i]);
		}
	}
}

static void add_escaped(struct strbuf *b, const char *s, size_t len, enum medium medium)
{
	uint32_t cp;

	if (strbuf__lacks(b, s))
		return;
	while (len) {
		unsigned int n = utf8_decode(s, len, &cp);

		if (n && may_be_shown(cp, medium))
			strbuf__add(b, s, n);
		else
			add_bytes_escaped(b, s, n ? n : 1);
		n = n ? n : 1;
		s += n;
		len -= n;
	}
}

void escape_add(struct strbuf *b, const char *s, size_t len, bool utf8)
{
	add_escaped(b, s, len, utf8 ? MEDIUM_UTF8 : MEDIUM_ASCII);
}

void escape_add_data(struct strbuf *b, const char *s, size_t len)
{
	add_escaped(b, s, len, MEDIUM_DATA);
}

/* Bytes of the longest start of s that takes at most `width` columns. */
static size_t fitting_start(const char *s, size_t len, unsigned int width)
{
	size_t pos = 0;
	unsigned int col = 0;
	uint32_t cp;

	while (pos < len) {
		unsigned int n = utf8_decode(s + pos, len - pos, &cp);
		unsigned int w = display_width(s + pos, n ? n : 1);

		if (col + w > width)
			break;
		col += w;
		pos += n ? n : 1;
	}
	return pos;
}

void escape_add_cut(struct strbuf *b, const char *s, size_t len, bool utf8, unsigned int width)
{
	struct strbuf all = {0};

	escape_add(&all, s, len, utf8);
	if (all.failed) {
		b->failed = true;
	} else if (display_width(strbuf__str(&all), all.len) <= width) {
		strbuf__add(b, strbuf__str(&all), all.len);
	} else if (width) {
		strbuf__add(b, all.s, fitting_start(all.s, all.len, width - 1));
		strbuf__adds(b, utf8 ? "…" : "~");
	}
	strbuf__free(&all);
}

void utf8_add_valid(struct strbuf *b, const char *s, size_t len)
{
	uint32_t cp;

	if (strbuf__lacks(b, s))
		return;
	while (len) {
		unsigned int n = utf8_decode(s, len, &cp);

		if (n)
			strbuf__add(b, s, n);
		else
			strbuf__adds(b, REPLACEMENT);
		n = n ? n : 1;
		s += n;
		len -= n;
	}
}

size_t colour_sequence_len(const char *s, size_t len)
{
	size_t i;

	if (len < 3 || s[0] != '\033' || s[1] != '[')
		return 0;
	for (i = 2; i < len; i++) {
		if (s[i] == 'm')
			return i + 1;
		if ((s[i] < '0' || s[i] > '9') && s[i] != ';')
			return 0;
	}
	return 0;
}

unsigned int display_width(const char *s, size_t len)
{
	unsigned int width = 0;
	uint32_t cp;

	while (len) {
		size_t n = colour_sequence_len(s, len);

		if (!n) {
			int w;

			n = utf8_decode(s, len, &cp);
			w = n ? wcwidth((wchar_t)cp) : 1;
			/* What a locale has no width for, as our own bars in C, takes a column. */
			width += w < 0 ? 1 : (unsigned int)w;
			n = n ? n : 1;
		}
		s += n;
		len -= n;
	}
	return width;
}
