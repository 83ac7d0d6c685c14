// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * text_limits.c - see text_limits.h.
 *
 *   49.2 %  lock     look at what is done while it is held       the evidence of the first stands
 *   12.0 %  others   other programs: they took 11.8 % of the …   under the verdict already
 *                    look at moving them away
 */
#include "text_limits.h"

#include "cli.h"
#include "draw.h"
#include "format.h"
#include "limit.h"

#define SHARE_COLUMNS 7
#define CAUSE_COLUMNS 13
#define TEXT_COLUMN   (3 + SHARE_COLUMNS + 2 + CAUSE_COLUMNS)

/* One paragraph of a limit; the first one goes on behind the cause. */
static void add_paragraph(struct strbuf *b, const struct strbuf *text, bool first,
			  unsigned int width)
{
	if (!first)
		strbuf__repeat(b, " ", TEXT_COLUMN);
	cli_wrap(b, strbuf__str(text), TEXT_COLUMN, TEXT_COLUMN, width - 1);
	if (text->failed)
		b->failed = true;
}

static void add_limit(struct strbuf *b, const struct cpt_report *r, const struct limit *limit,
		      bool said, const struct text_style *style)
{
	/* A mask may keep it from many times of what it was allowed. */
	const uint64_t cost = limit->cost_ns, total = r->budget.total_ns;
	struct strbuf text = {0}, next = {0};
	char p[FMT_SZ];

	strbuf__adds(b, "   ");
	draw_padded(b, fmt_percent(p, cost < total ? cost : total, total), SHARE_COLUMNS, true);
	strbuf__adds(b, "  ");
	draw_padded(b, cause_name(limit->cause), CAUSE_COLUMNS, false);
	limits__look_at(&next, r, limit);
	b->failed |= next.failed;
	if (!said || !next.len) {
		limits__evidence(&text, r, limit, style->utf8);
		add_paragraph(b, &text, true, style->width);
	}
	if (next.len) {
		bool first = !text.len;

		strbuf__clear(&text);
		strbuf__adds(&text, "look at ");
		strbuf__adds(&text, strbuf__str(&next));
		add_paragraph(b, &text, first, style->width);
	}
	strbuf__free(&text);
	strbuf__free(&next);
}

void add_limits(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts)
{
	const struct text_style *style = &opts->style;
	struct limit limits[CPT_LIMITS_MAX];
	unsigned int cnt = limits__find(r, limits);

	if (!cnt)
		return;
	draw_title(b, style, "What held it back", "  (cost against the CPU time it was allowed)");
	for (unsigned int i = 0; i < cnt; i++)
		add_limit(b, r, &limits[i], !i, style);
}
