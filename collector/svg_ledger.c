// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * svg_ledger.c - the wall-clock ledger as one bar, and the parallelism profile below it.
 *
 *      |  parallel 60 %  | concurrent 30 %    | s |       a class is as wide as its share; its splits below
 *      | multi_core      | interleaved | cont |   |
 *      parallel     60 %  912 ms  two or more ...         every class and split worth a line, with figures
 *      CPUs busy at once   0 |#   1 |######   2 |###
 */
#include "svg.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "share.h"
#include "words.h"

#define BAR_H	    44.0
#define SPLIT_H	    16.0
#define WORTH_LINE  0.005 /* a split of less than that is noise beside the others */
#define LABEL_CHARS 9.0	  /* width of a character in a bar, with room to breathe */
#define PROFILE_MAX 16	  /* rows; with more CPUs they go by powers of two */

static bool is_shown(const struct cpt_report *r, int split)
{
	/* On a machine without SMT this only says "parallel" again. */
	if (split == CPT_SPLIT_PARALLEL_MULTI_CORE && !r->split_ns[CPT_SPLIT_PARALLEL_SMT_ONLY])
		return false;
	return share(r->split_ns[split], r->window_ns) >= WORTH_LINE;
}

/* Of text on a class's colour. */
static const char *in_class(int cls)
{
	return cls == CPT_CLASS_CONCURRENT ? "in ink" : cls == CPT_CLASS_IDLE ? "small" : "in";
}

static void add_bar(struct strbuf *b, const struct cpt_report *r, double y)
{
	const double width = SVG_WIDTH - 2 * SVG_MARGIN;
	double x = SVG_MARGIN;
	char p[FMT_SZ];

	svg__rect(b, "empty", x, y, width, BAR_H + SPLIT_H);
	for (int cls = 0; cls < CPT_CLASS_CNT; cls++) {
		const char *name = class_name((enum cpt_class)cls);
		const double w = width * share(r->class_ns[cls], r->window_ns);
		double sx = x;

		if (!r->class_ns[cls])
			continue;
		strbuf__adds(b, "<g>");
		svg__title(b, name, "");
		svg__rect(b, name, x, y, w, BAR_H);
		if (w > LABEL_CHARS * (double)strlen(name))
			svg__text(b, in_class(cls), SVG_MIDDLE, x + w / 2, y + 19, name, 40);
		if (w > 40)
			svg__text(b, in_class(cls), SVG_MIDDLE, x + w / 2, y + 34,
				  fmt_percent(p, r->class_ns[cls], r->window_ns), 40);
		for (int split = 0; split < CPT_SPLIT_UNKNOWN; split++) {
			const double sw = width * share(r->split_ns[split], r->window_ns);

			if ((int)split_class((enum cpt_split)split) != cls || !r->split_ns[split])
				continue;
			strbuf__addf(b, "<g opacity=\"%s\">", sx == x ? "0.85" : "0.65");
			svg__rect(b, name, sx, y + BAR_H, sw, SPLIT_H);
			strbuf__adds(b, "</g>");
			svg__line(b, "split", sx, y + BAR_H, sx, y + BAR_H + SPLIT_H);
			sx += sw;
		}
		strbuf__adds(b, "</g>\n");
		x += w;
	}
}

static void add_row(struct strbuf *b, double y, const char *cls, const char *name, uint64_t ns,
		    uint64_t total, const char *what, bool split)
{
	char p[FMT_SZ], d[FMT_SZ];

	if (!split)
		svg__rect(b, cls, SVG_MARGIN, y - 11, 12, 12);
	svg__text(b, split ? "dim" : "b", SVG_START, SVG_MARGIN + (split ? 36 : 20), y, name, 24);
	svg__text(b, split ? "dim" : "", SVG_END, SVG_MARGIN + 220, y, fmt_percent(p, ns, total),
		  24);
	svg__text(b, split ? "dim" : "", SVG_END, SVG_MARGIN + 310, y, fmt_duration(d, ns, true),
		  24);
	svg__text(b, "dim", SVG_START, SVG_MARGIN + 330, y, what, 90);
}

/* Returns the y behind them; without b only that. */
static double add_rows(struct strbuf *b, const struct cpt_report *r, double y)
{
	for (int cls = 0; cls < CPT_CLASS_CNT; cls++) {
		if (cls == CPT_CLASS_UNKNOWN && !r->class_ns[cls])
			continue;
		y += SVG_LINE + 2;
		if (b)
			add_row(b, y, class_name((enum cpt_class)cls),
				class_name((enum cpt_class)cls), r->class_ns[cls], r->window_ns,
				words__class((enum cpt_class)cls), false);
		for (int split = 0; split < CPT_SPLIT_UNKNOWN; split++) {
			if ((int)split_class((enum cpt_split)split) != cls || !is_shown(r, split))
				continue;
			y += SVG_LINE;
			if (b)
				add_row(b, y, "", split_name((enum cpt_split)split),
					r->split_ns[split], r->window_ns,
					split_text((enum cpt_split)split), true);
		}
	}
	return y;
}

static double add_profile(struct strbuf *b, const struct cpt_report *r, double y)
{
	const uint32_t last =
		r->cpus_allowed > r->parallel_peak ? r->cpus_allowed : r->parallel_peak;
	const double x = SVG_MARGIN + 70, width = 560;
	char label[40], p[FMT_SZ], average[FMT_SZ];

	y += 2 * SVG_LINE;
	if (b) {
		snprintf(label, sizeof(label), " (average %s)",
			 fmt_average(average, r->parallel_average));
		svg__name(b, "b", SVG_START, SVG_MARGIN, y, "CPUs busy at once", label, 60);
	}
	for (uint32_t from = 0, to; from <= last; from = to + 1) {
		uint64_t sum = 0;

		to = last >= PROFILE_MAX && from > 1 ? from * 2 - 1 : from;
		to = to < last ? to : last;
		for (uint32_t k = from; k <= to && k < r->parallel_cnt; k++)
			sum += r->parallel_ns[k];
		y += SVG_LINE;
		if (!b)
			continue;
		snprintf(label, sizeof(label), from == to ? "%" PRIu32 : "%" PRIu32 "-%" PRIu32,
			 from, to);
		svg__text(b, "", SVG_END, x - 10, y, label, 24);
		svg__rect(b, "empty", x, y - 11, width, 13);
		svg__rect(b,
			  from == 0   ? "idle"
			  : from == 1 ? "serial"
				      : "parallel",
			  x, y - 11, width * share(sum, r->window_ns), 13);
		svg__text(b, "", SVG_START, x + width + 10, y, fmt_percent(p, sum, r->window_ns),
			  24);
	}
	return y;
}

void svg_ledger__add(struct strbuf *b, const struct cpt_report *r, const char *note)
{
	const double rows = BAR_H + SPLIT_H + 10;
	double y;

	svg__open(b, r, "Wall-clock ledger", note,
		  add_profile(NULL, r, add_rows(NULL, r, rows)) + 10, &y);
	add_bar(b, r, y);
	add_profile(b, r, add_rows(b, r, y + rows));
	svg__close(b);
}
