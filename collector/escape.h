/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * escape.h - text that others chose (names, commands, paths) made harmless, and its width.
 *
 * Owns:     UTF-8 decoding, what may reach a terminal as it is, display width.
 * Must not: know where the text comes from.
 *
 * Task names and arguments are chosen by the traced program: they may hold escape sequences,
 * invalid UTF-8 or characters that reorder the line. Everything of that kind is written \n, \t,
 * \r or \xNN per byte. That is for reading, not for reversing: a backslash stays a backslash.
 */
#ifndef CPT_ESCAPE_H
#define CPT_ESCAPE_H

#include <stdint.h>

#include "strbuf.h"

/* Decodes the code point at s (len > 0 bytes). Returns its length in bytes, 0 if the bytes there are
 * not valid UTF-8 (overlong, surrogate, cut off, beyond U+10FFFF). */
unsigned int utf8_decode(const char *s, size_t len, uint32_t *cp);

/* Appends len bytes of s for display. utf8: the output may hold valid UTF-8, else ASCII only. */
void escape_add(struct strbuf *b, const char *s, size_t len, bool utf8);

/* Likewise, but at most `width` columns; what is cut is replaced by an ellipsis ("…" or "~"). */
void escape_add_cut(struct strbuf *b, const char *s, size_t len, bool utf8, unsigned int width);

/* Appends len bytes of s for files of data: as escape_add, but the same whatever the locale, with all
 * valid UTF-8 kept that is neither a control character nor invisible. */
void escape_add_data(struct strbuf *b, const char *s, size_t len);

/* Appends len bytes of s with every invalid sequence replaced by U+FFFD, otherwise unchanged: for
 * formats that carry any valid UTF-8, as JSON. */
void utf8_add_valid(struct strbuf *b, const char *s, size_t len);

/* Bytes of the colour sequence (ESC [ ... m) at s, 0 if there is none. */
size_t colour_sequence_len(const char *s, size_t len);

/* Columns that len bytes of printable UTF-8 take; colour sequences (ESC [ ... m) take none. */
unsigned int display_width(const char *s, size_t len);

#endif /* CPT_ESCAPE_H */
