/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * diff_put.h - from a report into the book: between diff_book.c and diff_report.c alone.
 *
 * Owns:     the way a figure is entered.
 */
#ifndef CPT_DIFF_PUT_H
#define CPT_DIFF_PUT_H

#include "diff_book.h"

/* A figure as it is taken from a report. */
struct taken {
	enum diff_group group;
	enum diff_unit unit;
	const char *key, *name, *what;
	bool main, foreign, doubtful, whole, events; /* as in struct diff_figure */
	double value;
};

/* Where its value belongs. */
struct place {
	struct diff_book *book;
	int side;
	uint32_t run;
};

/* Adds to the figure's value of this run. NULL: no memory, which is in the book. */
struct diff_figure *diff_put(const struct place *at, const struct taken *e);
/* What the figure would be in this run had others taken no CPU. f: NULL does nothing. */
void diff_put_undisturbed(const struct place *at, struct diff_figure *f, double value);
/* Likewise to the share of the CPU time allowed that it stands for. f: NULL does nothing. */
void diff_put_cost(const struct place *at, struct diff_figure *f, double cost);
/* Likewise to how far its bounds are apart in this run; INFINITY: nothing limits it. f: NULL does nothing. */
void diff_put_open(const struct place *at, struct diff_figure *f, double width);

#endif /* CPT_DIFF_PUT_H */
