// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* diff_text.c - the comparison for people; see diff_out.h. */
#include "diff_out.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "draw.h"
#include "escape.h"
#include "format.h"

/* Rows in which both sides are smaller say nothing, unless they changed. */
#define WORTH_A_ROW 0.001

static void format_value(char *to, const struct diff_figure *f, double value, bool utf8)
{
	switch (f->unit) {
	case CPT_DIFF_UNIT_NS:
		fmt_duration(to, (uint64_t)(fabs(value) + 0.5), utf8);
		break;
	case CPT_DIFF_UNIT_SHARE:
		snprintf(to, FMT_SZ, "%.1f %%", 100 * fabs(value));
		break;
	case CPT_DIFF_UNIT_AVERAGE:
		fmt_average(to, fabs(value));
		break;
	case CPT_DIFF_UNIT_COUNT:
	case CPT_DIFF_UNIT_CNT:
		snprintf(to, FMT_SZ, "%.1f", fabs(value));
		if (fabs(value) >= 100 || fabs(value - round(value)) < 0.05)
			fmt_count(to, (uint64_t)(fabs(value) + 0.5));
		break;
	}
}

static void add_cell(struct draw_table *t, const char *text)
{
	draw_table__cell(t, text);
}

static void add_value(struct draw_table *t, const struct diff_figure *f, double value)
{
	char text[FMT_SZ];

	format_value(text, f, value, t->style->utf8);
	add_cell(t, text);
}

static void add_difference(struct draw_table *t, const struct diff_row *row)
{
	char size[FMT_SZ], text[FMT_SZ + 8];

	format_value(size, row->figure, row->adjusted, t->style->utf8);
	if (row->figure->unit == CPT_DIFF_UNIT_SHARE)
		snprintf(size, sizeof(size), "%.1f points", 100 * fmin(fabs(row->adjusted), 1));
	/* Rounded to nothing it has no sign. */
	snprintf(text, sizeof(text), "%s%s",
		 !strpbrk(size, "123456789") ? ""
		 : row->adjusted < 0	     ? (t->style->utf8 ? "−" : "-")
					     : "+",
		 size);
	add_cell(t, text);
}

static void add_margin(struct draw_table *t, const struct diff_row *row)
{
	char size[FMT_SZ], text[FMT_SZ + 8];

	if (!isfinite(row->margin)) {
		add_cell(t, isfinite(row->noise) ? "unknown" : "");
		return;
	}
	format_value(size, row->figure, row->margin, t->style->utf8);
	if (row->figure->unit == CPT_DIFF_UNIT_SHARE)
		snprintf(size, sizeof(size), "%.1f", 100 * fmin(row->margin, 1));
	snprintf(text, sizeof(text), "%s %s", t->style->utf8 ? "±" : "+-", size);
	add_cell(t, text);
}

static void add_name(struct draw_table *t, const struct diff_row *row)
{
	const struct diff_figure *f = row->figure;
	struct strbuf name = {0};

	strbuf__adds(&name, f->name);
	if (*f->what)
		strbuf__addf(&name, " %s", f->what);
	if (row->undisturbed)
		strbuf__adds(&name, ", undisturbed");
	draw_table__name(t, strbuf__str(&name));
	if (name.failed)
		t->cells.failed = true;
	strbuf__free(&name);
}

static bool worth(const struct diff_row *row)
{
	double size = fmax(row->shown[DIFF_A], row->shown[DIFF_B]);

	if (row->changed || (row->figure->main && size > 0))
		return true;
	return row->figure->unit == CPT_DIFF_UNIT_NS || row->figure->unit == CPT_DIFF_UNIT_COUNT
		       ? size > 0
		       : size >= WORTH_A_ROW;
}

static void add_row(struct draw_table *t, const struct diff_result *d, const struct diff_row *row)
{
	if (d->judged)
		add_cell(t, row->changed ? "*" : "");
	add_name(t, row);
	add_value(t, row->figure, row->shown[DIFF_A]);
	add_value(t, row->figure, row->shown[DIFF_B]);
	add_difference(t, row);
	if (d->judged)
		add_margin(t, row);
}

static void add_table_head(struct draw_table *t, const struct diff_result *d)
{
	if (d->judged)
		add_cell(t, "");
	add_cell(t, "");
	add_cell(t, "A");
	add_cell(t, "B");
	add_cell(t, "difference");
	if (d->judged)
		add_cell(t, t->style->utf8 ? "± margin" : "+- margin");
}

static void add_group(struct strbuf *b, const struct diff_result *d, const struct diff_view *view,
		      enum diff_group group)
{
	struct draw_table t = {.style = &view->style, .cols = d->judged ? 6 : 4, .indent = 2};
	unsigned int shown = 0, left = 0, limit;

	limit = diff_group_is_named(group) ? view->top : UINT32_MAX;
	for (unsigned int i = d->judged ? 2 : 1; i < t.cols; i++)
		t.right[i] = true;
	add_table_head(&t, d);
	for (uint32_t i = 0; i < d->cnt; i++) {
		if (d->rows[i].figure->group != group || !worth(&d->rows[i]))
			continue;
		if (shown == limit) {
			left++;
			continue;
		}
		add_row(&t, d, &d->rows[i]);
		shown++;
	}
	if (!shown) {
		strbuf__free(&t.cells);
		return;
	}
	draw_title(b, &view->style, diff_group_title(group), "");
	draw_table__add(&t, b, d->judged ? 1 : 0);
	if (left)
		strbuf__addf(b, "   and %u more\n", left);
}

/* " A  ./app --fast   5 runs (a.1 ... a.5), 2 CPUs allowed" */
static void add_side(struct strbuf *b, const struct diff_view *view, int side)
{
	const struct diff_side *s = &view->side[side];
	unsigned int width = view->style.width;
	struct strbuf line = {0};

	strbuf__addf(&line, " %c  ", 'A' + side);
	escape_add_cut(&line, s->target, strlen(s->target), view->style.utf8,
		       width > 20 ? width - 10 : 10);
	strbuf__adds(&line, "\n    ");
	strbuf__addf(&line, "%" PRIu32 " run%s, ", s->cnt, s->cnt == 1 ? "" : "s");
	escape_add_cut(&line, s->path[0], strlen(s->path[0]), view->style.utf8, width / 3);
	if (s->cnt > 1) {
		strbuf__adds(&line, " ... ");
		escape_add_cut(&line, s->path[s->cnt - 1], strlen(s->path[s->cnt - 1]),
			       view->style.utf8, width / 3);
	}
	strbuf__addf(&line, "%s%" PRIu32 " CPU%s allowed\n", draw_dot(&view->style),
		     s->cpus_allowed, s->cpus_allowed == 1 ? "" : "s");
	draw_clipped(b, strbuf__str(&line), &view->style);
	if (line.failed)
		b->failed = true;
	strbuf__free(&line);
}

static void add_sentence(struct strbuf *b, const struct diff_view *view, const char *text,
			 enum draw_colour colour)
{
	strbuf__addc(b, ' ');
	draw_begin(b, &view->style, colour);
	cli_wrap(b, text, 1, 1, view->style.width - 1);
	draw_end(b, &view->style, colour);
}

static void add_answer(struct strbuf *b, const struct diff_result *d, const struct diff_view *view)
{
	struct strbuf text = {0};

	strbuf__addc(b, '\n');
	diff_words__summary(&text, d, view->style.utf8);
	add_sentence(b, view, strbuf__str(&text), DRAW_BOLD);
	strbuf__clear(&text);
	diff_words__cause(&text, d, view->style.utf8);
	if (text.len)
		add_sentence(b, view, strbuf__str(&text), DRAW_PLAIN);
	if (text.failed)
		b->failed = true;
	strbuf__free(&text);
}

static void add_foot(struct strbuf *b, const struct diff_result *d, const struct diff_view *view)
{
	struct strbuf text = {0};

	strbuf__addc(b, '\n');
	if (!d->judged)
		strbuf__addf(&text, "No difference is called a change: %s.", d->why_not);
	else
		strbuf__addf(&text,
			     "* is a change: larger than its margin, and than %.1f %% of the run. "
			     "Margins hold for all figures at once with 99 %% confidence.",
			     100 * d->resolution);
	if (d->allowed_for)
		strbuf__addf(&text,
			     " Other programs kept %.2f (A) and %.2f (B) ready threads from a CPU "
			     "on average. Undisturbed is what it would have been without them (a "
			     "change from %.1f %% on); other differences are as if both sides had "
			     "been disturbed alike.",
			     d->disturbed[DIFF_A], d->disturbed[DIFF_B],
			     100 * d->resolution_undisturbed);
	if (d->judged && d->unknown[0] + d->unknown[1] >= WORTH_A_ROW)
		strbuf__addf(
			&text,
			" Events were lost, which widens them by %.1f %%, or by what the bounds of "
			"the figure leave open.",
			100 * (d->unknown[0] + d->unknown[1]));
	add_sentence(b, view, strbuf__str(&text), DRAW_DIM);
	if (text.failed)
		b->failed = true;
	strbuf__free(&text);
}

void diff_text__add(struct strbuf *out, const struct diff_result *d, const struct diff_view *view)
{
	add_side(out, view, DIFF_A);
	add_side(out, view, DIFF_B);
	if (view->note)
		add_sentence(out, view, view->note, DRAW_DIM);
	add_answer(out, d, view);
	for (int group = 0; group < CPT_DIFF_GROUP_CNT; group++)
		add_group(out, d, view, (enum diff_group)group);
	add_foot(out, d, view);
}
