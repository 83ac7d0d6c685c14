// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * svg_bottle.c - the bottle graph: who ran, and how parallel it was while each did.
 *
 *             _____
 *            | main|            as high as the thread's share of the time anything ran (sum of T/R),
 *          __|_____|__          as wide as the average number running while it did;
 *         |  worker   |         the widest at the bottom: a long narrow neck is what one thread does alone
 *         |  worker   |
 *
 * After Du Bois, Sartor, Eyerman, Eeckhout, "Bottle graphs: visualizing scalability bottlenecks in
 * multi-threaded applications", OOPSLA'13.
 */
#include "svg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "format.h"

#define BODY_H	    420.0
#define CHART_W	    460.0
#define CHART_X	    (SVG_MARGIN + 70.0)
#define LABEL_MIN_H 13.0 /* a box that is lower has no label */
#define ALONE_WIDTH 1.5	 /* below that a thread ran alone, mostly; as in the page */

struct box {
	const char *name; /* raw; NULL: the rest */
	uint32_t tid, threads;
	double height_ns, width;
};

static int by_width(const void *a, const void *b)
{
	const struct box *x = a, *y = b;

	if (x->width != y->width)
		return x->width > y->width ? -1 : 1;
	return x->height_ns > y->height_ns ? -1 : x->height_ns < y->height_ns;
}

static int by_height(const void *a, const void *b)
{
	const struct box *x = a, *y = b;

	if (x->height_ns != y->height_ns)
		return x->height_ns > y->height_ns ? -1 : 1;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

/* The largest `top`, and one of all others; the widest first. NULL without memory or if none ran. */
static struct box *make_boxes(const struct cpt_report *r, unsigned int top, uint32_t *cnt,
			      double *total_ns)
{
	struct box *boxes = calloc(r->threads_cnt + 1, sizeof(*boxes)), rest = {0};
	uint32_t n = 0;

	*total_ns = 0;
	*cnt = 0;
	if (!boxes)
		return NULL;
	for (uint32_t i = 0; i < r->threads_cnt; i++) {
		const struct cpt_thread *t = &r->threads_tab[i];

		if (!t->running_ns)
			continue;
		boxes[n++] = (struct box){t->name, t->tid, 1, t->bottle_height_ns, t->bottle_width};
		*total_ns += t->bottle_height_ns;
	}
	qsort(boxes, n, sizeof(*boxes), by_height);
	for (uint32_t i = top; i < n; i++) {
		rest.threads++;
		rest.height_ns += boxes[i].height_ns;
		rest.width += boxes[i].width * boxes[i].height_ns;
	}
	if (rest.threads) {
		rest.width = rest.height_ns > 0 ? rest.width / rest.height_ns : 0;
		boxes[top] = rest;
		n = top + 1;
	}
	qsort(boxes, n, sizeof(*boxes), by_width);
	*cnt = n;
	return boxes;
}

static void add_box(struct strbuf *b, const struct box *box, double x_mid, double y, double h,
		    double unit, double total_ns, double *label_y)
{
	const double w = box->width * unit, label_x = CHART_X + CHART_W + 16;
	char rest[160], d[FMT_SZ], p[FMT_SZ], a[FMT_SZ];

	fmt_duration(d, (uint64_t)(box->height_ns + 0.5), true);
	fmt_percent(p, (uint64_t)(box->height_ns + 0.5), (uint64_t)(total_ns + 0.5));
	fmt_average(a, box->width);
	if (box->name)
		snprintf(rest, sizeof(rest), " %" PRIu32 " · %s (%s) · width %s", box->tid, d, p,
			 a);
	else
		snprintf(rest, sizeof(rest), "%" PRIu32 " others · %s (%s) · width %s",
			 box->threads, d, p, a);
	strbuf__adds(b, "<g>");
	svg__title(b, box->name ? box->name : "", rest);
	svg__rect(b, box->width < ALONE_WIDTH ? "serial" : "parallel", x_mid - w / 2, y, w,
		  h > 1.5 ? h - 0.7 : h);
	if (h >= LABEL_MIN_H) {
		/* Boxes are as high as a line at least, so labels do not meet. */
		*label_y = y + h / 2 + 4;
		svg__line(b, "grid", x_mid + w / 2 + 2, *label_y - 4, label_x - 4, *label_y - 4);
		if (box->name)
			svg__name(b, "", SVG_START, label_x, *label_y, box->name, rest, 50);
		else
			svg__text(b, "", SVG_START, label_x, *label_y, rest, 50);
	}
	strbuf__adds(b, "</g>\n");
}

static void add_axes(struct strbuf *b, double y, double x_mid, double unit, uint32_t max,
		     double total_ns)
{
	const uint32_t step = max > 16 ? (max + 7) / 8 : max > 8 ? 2 : 1;
	char label[24], d[FMT_SZ];

	for (uint32_t k = 0; k <= max; k += step) {
		const double half = k * unit / 2;

		svg__line(b, "grid", x_mid - half, y, x_mid - half, y + BODY_H + 4);
		svg__line(b, "grid", x_mid + half, y, x_mid + half, y + BODY_H + 4);
		snprintf(label, sizeof(label), "%" PRIu32, k);
		svg__text(b, "small dim", SVG_MIDDLE, x_mid + half, y + BODY_H + 16, label, 12);
		if (k)
			svg__text(b, "small dim", SVG_MIDDLE, x_mid - half, y + BODY_H + 16, label,
				  12);
	}
	svg__line(b, "axis", CHART_X, y + BODY_H, CHART_X + CHART_W, y + BODY_H);
	svg__text(
		b, "small dim", SVG_MIDDLE, x_mid, y + BODY_H + 32,
		"width: CPUs busy, on average, while the thread ran; height: its share of the time "
		"in which any ran",
		120);
	svg__text(b, "small dim", SVG_END, CHART_X - 8, y + 10,
		  fmt_duration(d, (uint64_t)(total_ns + 0.5), true), 20);
	svg__text(b, "small dim", SVG_END, CHART_X - 8, y + BODY_H, "0", 20);
}

void svg_bottle__add(struct strbuf *b, const struct cpt_report *r, const char *note,
		     unsigned int top)
{
	const double x_mid = CHART_X + CHART_W / 2;
	uint32_t max = r->parallel_peak > r->cpus_allowed ? r->parallel_peak : r->cpus_allowed, cnt;
	double total_ns, y, at, unit, label_y;
	struct box *boxes = make_boxes(r, top, &cnt, &total_ns);

	if (!boxes) {
		b->failed = true;
		return;
	}
	max = max ? max : 1;
	unit = CHART_W / max;
	svg__open(b, r, "Bottle graph", note, BODY_H + 64, &y);
	add_axes(b, y, x_mid, unit, max, total_ns);
	at = y + BODY_H;
	for (uint32_t i = 0; i < cnt && total_ns > 0; i++) {
		const double h = BODY_H * boxes[i].height_ns / total_ns;

		at -= h;
		add_box(b, &boxes[i], x_mid, at, h, unit, total_ns, &label_y);
	}
	svg__rect(b, "serial", SVG_MARGIN, y + BODY_H + 45, 12, 12);
	svg__text(b, "dim", SVG_START, SVG_MARGIN + 18, y + BODY_H + 56,
		  "ran alone, mostly (less than 1.5 CPUs busy meanwhile)", 80);
	svg__rect(b, "parallel", SVG_MARGIN + 400, y + BODY_H + 45, 12, 12);
	svg__text(b, "dim", SVG_START, SVG_MARGIN + 418, y + BODY_H + 56, "ran beside others", 80);
	svg__close(b);
	free(boxes);
}
