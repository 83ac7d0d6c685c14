// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* diff_book.c - see diff_book.h. */
#include "diff_book.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diff_put.h"

const char *diff_group_name(enum diff_group group)
{
#define GROUP_NAME(name, str, title) str,
	static const char *const names[CPT_DIFF_GROUP_CNT] = {CPT_DIFF_GROUPS(GROUP_NAME)};
#undef GROUP_NAME

	return group < CPT_DIFF_GROUP_CNT ? names[group] : "?";
}

bool diff_group_is_named(enum diff_group group)
{
	return group == CPT_DIFF_LOCK || group == CPT_DIFF_LOOP || group == CPT_DIFF_PATH_NAME ||
	       group == CPT_DIFF_THREAD;
}

const char *diff_group_title(enum diff_group group)
{
#define GROUP_TITLE(name, str, title) title,
	static const char *const titles[CPT_DIFF_GROUP_CNT] = {CPT_DIFF_GROUPS(GROUP_TITLE)};
#undef GROUP_TITLE

	return group < CPT_DIFF_GROUP_CNT ? titles[group] : "?";
}

const char *diff_unit_name(enum diff_unit unit)
{
#define UNIT_NAME(name, str) str,
	static const char *const names[CPT_DIFF_UNIT_CNT] = {CPT_DIFF_UNITS(UNIT_NAME)};
#undef UNIT_NAME

	return unit < CPT_DIFF_UNIT_CNT ? names[unit] : "?";
}

/* ---- the book ---------------------------------------------------------------------------------- */

int diff_book__init(struct diff_book *book, uint32_t runs_a, uint32_t runs_b)
{
	const uint32_t cnt[2] = {runs_a, runs_b};

	*book = (struct diff_book){0};
	for (int side = 0; side < 2; side++) {
		struct diff_runs *runs = &book->runs[side];

		runs->cnt = cnt[side];
		runs->window_ns = calloc(cnt[side], sizeof(double));
		runs->disturbed = calloc(cnt[side], sizeof(double));
		runs->unknown = calloc(cnt[side], sizeof(double));
		if (!runs->window_ns || !runs->disturbed || !runs->unknown)
			return -ENOMEM;
	}
	return 0;
}

static int cmp_figures(const void *pa, const void *pb)
{
	const struct diff_figure *a = pa, *b = pb;
	int d;

	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	d = strcmp(a->key, b->key);
	return d ? d : strcmp(a->what, b->what);
}

static void free_figure(struct diff_figure *f)
{
	if (!f)
		return;
	for (int side = 0; side < 2; side++) {
		free(f->values[side]);
		free(f->undisturbed[side]);
		free(f->costs[side]);
		free(f->open[side]);
	}
	free(f->key);
	free(f->name);
	free(f);
}

static struct diff_figure *new_figure(const struct diff_book *book, const struct taken *e)
{
	struct diff_figure *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->group = e->group;
	f->unit = e->unit;
	f->what = e->what;
	f->main = e->main;
	f->foreign = e->foreign;
	f->events = e->events;
	f->whole = e->whole;
	f->key = strdup(e->key);
	f->name = strdup(e->name);
	f->values[DIFF_A] = calloc(book->runs[DIFF_A].cnt, sizeof(double));
	f->values[DIFF_B] = calloc(book->runs[DIFF_B].cnt, sizeof(double));
	if (f->key && f->name && f->values[DIFF_A] && f->values[DIFF_B])
		return f;
	free_figure(f);
	return NULL;
}

static bool keep(struct diff_book *book, struct diff_figure *f)
{
	if (book->cnt == book->cap) {
		uint32_t cap = book->cap ? book->cap * 2 : 64;
		struct diff_figure **grown = reallocarray(book->figures, cap, sizeof(*grown));

		if (!grown)
			return false;
		book->figures = grown;
		book->cap = cap;
	}
	if (!tsearch(f, &book->index, cmp_figures))
		return false;
	book->figures[book->cnt++] = f;
	return true;
}

/* Names that differ under one key are shown as the key. */
static void rename_figure(struct diff_book *book, struct diff_figure *f, const struct taken *e)
{
	char *name;

	if (!strcmp(f->name, e->name) || !strcmp(f->name, f->key))
		return;
	name = strdup(f->key);
	if (!name) {
		book->failed = true;
		return;
	}
	free(f->name);
	f->name = name;
}

struct diff_figure *diff_put(const struct place *at, const struct taken *e)
{
	struct diff_figure look = {.group = e->group, .key = (char *)e->key, .what = e->what};
	struct diff_book *book = at->book;
	struct diff_figure *const *found = tfind(&look, &book->index, cmp_figures);
	struct diff_figure *f = found ? *found : NULL;

	if (f) {
		rename_figure(book, f, e);
	} else {
		f = new_figure(book, e);
		if (!f || !keep(book, f)) {
			free_figure(f);
			book->failed = true;
			return NULL;
		}
	}
	f->values[at->side][at->run] += e->value;
	f->doubtful |= e->doubtful;
	f->runs++;
	return f;
}

/* Adds to the run's place in arrays that not all figures have. */
static void put_beside(const struct place *at, double *arrays[2], double value)
{
	for (int side = 0; side < 2; side++) {
		if (!arrays[side])
			arrays[side] = calloc(at->book->runs[side].cnt, sizeof(double));
		if (!arrays[side]) {
			at->book->failed = true;
			return;
		}
	}
	arrays[at->side][at->run] += value;
}

void diff_put_undisturbed(const struct place *at, struct diff_figure *f, double value)
{
	if (f)
		put_beside(at, f->undisturbed, value);
}

void diff_put_cost(const struct place *at, struct diff_figure *f, double cost)
{
	if (f)
		put_beside(at, f->costs, cost);
}

void diff_put_open(const struct place *at, struct diff_figure *f, double width)
{
	if (f)
		put_beside(at, f->open, width);
}

/* tdestroy() wants one; the figures are freed by the list. */
static void keep_node(void *node)
{
}

void diff_book__free(struct diff_book *book)
{
	tdestroy(book->index, keep_node);
	for (uint32_t i = 0; i < book->cnt; i++)
		free_figure(book->figures[i]);
	free(book->figures);
	for (int side = 0; side < 2; side++) {
		free(book->runs[side].window_ns);
		free(book->runs[side].disturbed);
		free(book->runs[side].unknown);
	}
	*book = (struct diff_book){0};
}
