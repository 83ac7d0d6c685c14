/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * draw.h - bars, strips, columns: what text reports are drawn with.
 *
 * Owns:     the glyphs (Unicode blocks, or plain ASCII), colours, tables with aligned columns.
 * Must not: know what is drawn.
 */
#ifndef CPT_DRAW_H
#define CPT_DRAW_H

#include "text_report.h"

enum draw_colour { DRAW_PLAIN, DRAW_BOLD, DRAW_DIM, DRAW_GREEN, DRAW_YELLOW, DRAW_BLUE, DRAW_RED };

void draw_begin(struct strbuf *b, const struct text_style *style, enum draw_colour colour);
void draw_end(struct strbuf *b, const struct text_style *style, enum draw_colour colour);

/* The line above a part of a report, behind an empty one; what: the rest of it, paler, or "". */
void draw_title(struct strbuf *b, const struct text_style *style, const char *title,
		const char *what);

/* A bar of at most `cells` columns for part of total, at least a sliver if part > 0; no padding. */
void draw_bar(struct strbuf *b, const struct text_style *style, uint64_t part, uint64_t total,
	      unsigned int cells, enum draw_colour colour);

/* One column of a strip: level 0..1 of its height; a blank for nothing at all. */
void draw_level(struct strbuf *b, const struct text_style *style, double level);

/* Appends text in `width` columns: padded on the right, or on the left if right is set. */
void draw_padded(struct strbuf *b, const char *text, unsigned int width, bool right);

/* Spaces up to column `col` of the current line. */
void draw_to_column(struct strbuf *b, unsigned int col);

/* " · " or " - " between figures of a line. */
const char *draw_dot(const struct text_style *style);

/* Appends two blocks of lines side by side, the right one from column `col` on. */
void draw_beside(struct strbuf *b, const char *left, const char *right, unsigned int col);

/* Appends lines cut to the style's width, without blanks at their ends. */
void draw_clipped(struct strbuf *b, const char *lines, const struct text_style *style);

/* A table: cells are added row by row, left to right; the columns are as wide as their content. */
#define DRAW_TABLE_COLS 12

struct draw_table {
	const struct text_style *style;
	unsigned int cols;
	bool right[DRAW_TABLE_COLS]; /* align right */
	unsigned int indent;
	struct strbuf cells; /* NUL-separated */
	size_t cell_cnt;
};

void draw_table__cell(struct draw_table *t, const char *text);
void draw_table__duration(struct draw_table *t, uint64_t ns);
/* A name from a trace, escaped. */
void draw_table__name(struct draw_table *t, const char *name);
/* Appends the table; if it is too wide, column `give` gives way. Frees the cells. The first row is
 * the head. */
void draw_table__add(struct draw_table *t, struct strbuf *b, unsigned int give);

#endif /* CPT_DRAW_H */
