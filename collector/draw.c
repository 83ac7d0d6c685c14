// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* draw.c - see draw.h. */
#include "draw.h"

#include <string.h>

#include "escape.h"
#include "format.h"

#define COLUMN_GAP 2

static const char *const colour_on[] = {
	[DRAW_PLAIN] = "",	   [DRAW_BOLD] = "\033[1m",    [DRAW_DIM] = "\033[2m",
	[DRAW_GREEN] = "\033[32m", [DRAW_YELLOW] = "\033[33m", [DRAW_BLUE] = "\033[34m",
	[DRAW_RED] = "\033[31m",
};

void draw_begin(struct strbuf *b, const struct text_style *style, enum draw_colour colour)
{
	if (style->colour)
		strbuf__adds(b, colour_on[colour]);
}

void draw_end(struct strbuf *b, const struct text_style *style, enum draw_colour colour)
{
	if (style->colour && colour != DRAW_PLAIN)
		strbuf__adds(b, "\033[0m");
}

void draw_title(struct strbuf *b, const struct text_style *style, const char *title,
		const char *what)
{
	strbuf__adds(b, "\n ");
	draw_begin(b, style, DRAW_BOLD);
	strbuf__adds(b, title);
	draw_end(b, style, DRAW_BOLD);
	if (*what) {
		draw_begin(b, style, DRAW_DIM);
		strbuf__adds(b, what);
		draw_end(b, style, DRAW_DIM);
	}
	strbuf__addc(b, '\n');
}

/* Eighths of a column, as Unicode has them; in ASCII whole columns. */
void draw_bar(struct strbuf *b, const struct text_style *style, uint64_t part, uint64_t total,
	      unsigned int cells, enum draw_colour colour)
{
	static const char *const eighth[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	double share = total ? (double)part / (double)total : 0;
	unsigned int steps = style->utf8 ? 8 : 1;
	unsigned int units = (unsigned int)(share * cells * steps + 0.5);

	if (!part)
		return;
	if (units > cells * steps)
		units = cells * steps;
	draw_begin(b, style, colour);
	if (style->utf8) {
		if (!units)
			units = 1;
		strbuf__repeat(b, "█", units / 8);
		strbuf__adds(b, eighth[units % 8]);
	} else {
		strbuf__repeat(b, "#", units);
		if (!units)
			strbuf__addc(b, '.');
	}
	draw_end(b, style, colour);
}

void draw_level(struct strbuf *b, const struct text_style *style, double level)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {" ", ".", ":", "-", "=", "+", "*", "%", "#"};
	int step = (int)(level * 8 + 0.5);

	if (level > 0 && step < 1)
		step = 1;
	if (step > 8)
		step = 8;
	strbuf__adds(b, style->utf8 ? blocks[step < 0 ? 0 : step] : ascii[step < 0 ? 0 : step]);
}

static void pad(struct strbuf *b, unsigned int cols)
{
	strbuf__repeat(b, " ", cols);
}

void draw_padded(struct strbuf *b, const char *text, unsigned int width, bool right)
{
	unsigned int w = display_width(text, strlen(text));
	unsigned int gap = w < width ? width - w : 0;

	if (right)
		pad(b, gap);
	strbuf__adds(b, text);
	if (!right)
		pad(b, gap);
}

void draw_to_column(struct strbuf *b, unsigned int col)
{
	const char *s = strbuf__str(b), *line = strrchr(s, '\n');
	unsigned int w;

	line = line ? line + 1 : s;
	w = display_width(line, strlen(line));
	if (w < col)
		pad(b, col - w);
}

const char *draw_dot(const struct text_style *style)
{
	return style->utf8 ? " · " : " - ";
}

void draw_beside(struct strbuf *b, const char *left, const char *right, unsigned int col)
{
	if (strbuf__lacks(b, left) || strbuf__lacks(b, right))
		return;
	while (*left || *right) {
		size_t l = strcspn(left, "\n"), r = strcspn(right, "\n");

		strbuf__add(b, left, l);
		if (r) {
			draw_to_column(b, col);
			strbuf__add(b, right, r);
		}
		strbuf__addc(b, '\n');
		left += l + (left[l] == '\n');
		right += r + (right[r] == '\n');
	}
}

/* One line cut to the width; what switches colours off again behind the cut is kept. */
static void add_clipped_line(struct strbuf *b, const char *line, size_t len,
			     const struct text_style *style)
{
	unsigned int col = 0;
	bool cut = display_width(line, len) > style->width;
	unsigned int room = cut ? style->width - 1 : style->width;

	while (len) {
		size_t n = colour_sequence_len(line, len);
		uint32_t cp;

		if (n) {
			strbuf__add(b, line, n);
		} else {
			n = utf8_decode(line, len, &cp);
			n = n ? n : 1;
			col += display_width(line, n);
			if (col <= room)
				strbuf__add(b, line, n);
			else if (cut)
				strbuf__adds(b, style->utf8 ? "…" : "~");
			if (col > room)
				cut = false;
		}
		line += n;
		len -= n;
	}
}

void draw_clipped(struct strbuf *b, const char *lines, const struct text_style *style)
{
	if (strbuf__lacks(b, lines))
		return;
	while (*lines) {
		size_t len = strcspn(lines, "\n"), shown = len;

		while (shown && lines[shown - 1] == ' ')
			shown--;
		add_clipped_line(b, lines, shown, style);
		lines += len;
		if (*lines) {
			strbuf__addc(b, '\n');
			lines++;
		}
	}
}

void draw_table__cell(struct draw_table *t, const char *text)
{
	strbuf__add(&t->cells, text, strlen(text) + 1);
	t->cell_cnt++;
}

void draw_table__duration(struct draw_table *t, uint64_t ns)
{
	char d[FMT_SZ];

	draw_table__cell(t, fmt_duration(d, ns, t->style->utf8));
}

void draw_table__name(struct draw_table *t, const char *name)
{
	struct strbuf text = {0};

	escape_add(&text, name, strlen(name), t->style->utf8);
	if (text.failed)
		t->cells.failed = true;
	draw_table__cell(t, text.len ? text.s : "(no name)");
	strbuf__free(&text);
}

static void measure(const struct draw_table *t, unsigned int *widths)
{
	const char *cell = strbuf__str(&t->cells);
	size_t i;

	for (i = 0; i < t->cell_cnt; i++, cell += strlen(cell) + 1) {
		unsigned int w = display_width(cell, strlen(cell));

		if (w > widths[i % t->cols])
			widths[i % t->cols] = w;
	}
}

static void fit(const struct draw_table *t, unsigned int *widths, unsigned int give)
{
	unsigned int total = t->indent, over, col;

	for (col = 0; col < t->cols; col++)
		total += widths[col] + (col ? COLUMN_GAP : 0);
	if (total <= t->style->width)
		return;
	over = total - t->style->width;
	/* Four columns still tell names apart; narrower than that nobody gains. */
	widths[give] = widths[give] > over + 4 ? widths[give] - over : 4;
}

static void add_cell(struct draw_table *t, struct strbuf *b, const char *cell, unsigned int col,
		     unsigned int width)
{
	struct strbuf cut = {0};

	escape_add_cut(&cut, cell, strlen(cell), t->style->utf8, width);
	/* No trailing blanks. */
	if (col + 1 == t->cols && !t->right[col])
		strbuf__adds(b, strbuf__str(&cut));
	else
		draw_padded(b, strbuf__str(&cut), width, t->right[col]);
	strbuf__free(&cut);
}

void draw_table__add(struct draw_table *t, struct strbuf *b, unsigned int give)
{
	unsigned int widths[DRAW_TABLE_COLS] = {0};
	const char *cell = strbuf__str(&t->cells);
	size_t i;

	if (t->cells.failed) {
		b->failed = true;
		goto out;
	}
	measure(t, widths);
	fit(t, widths, give);
	for (i = 0; i < t->cell_cnt; i++, cell += strlen(cell) + 1) {
		unsigned int col = (unsigned int)(i % t->cols);

		if (!col && i < t->cols)
			draw_begin(b, t->style, DRAW_DIM);
		pad(b, col ? COLUMN_GAP : t->indent);
		add_cell(t, b, cell, col, widths[col]);
		if (col + 1 == t->cols) {
			if (i < t->cols)
				draw_end(b, t->style, DRAW_DIM);
			strbuf__addc(b, '\n');
		}
	}
out:
	strbuf__free(&t->cells);
	t->cell_cnt = 0;
}
