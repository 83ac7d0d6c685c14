// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* diff_result.c - see diff_result.h. */
#include "diff_result.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A cause that explains less of the CPU time allowed is not worth a sentence. */
#define CAUSE_MIN 0.01

static double mean_of(const double *values, uint32_t cnt)
{
	return side_stats(values, cnt).mean;
}

static double larger_window(const struct diff_book *book)
{
	return fmax(mean_of(book->runs[DIFF_A].window_ns, book->runs[DIFF_A].cnt),
		    mean_of(book->runs[DIFF_B].window_ns, book->runs[DIFF_B].cnt));
}

/* What one window, or one CPU all the time, is in the figure's unit; 0: it does not grow with time. */
static double scale_of(const struct diff_figure *f, double window_ns)
{
	switch (f->unit) {
	case CPT_DIFF_UNIT_NS:
		return window_ns;
	case CPT_DIFF_UNIT_SHARE:
	case CPT_DIFF_UNIT_AVERAGE:
		return 1;
	case CPT_DIFF_UNIT_COUNT:
	case CPT_DIFF_UNIT_CNT:
		break;
	}
	return 0;
}

static void fill_row(const struct diff_result *d, struct diff_row *row, double window_ns)
{
	const struct diff_runs *runs = d->book->runs;
	const struct diff_figure *f = row->figure;
	double scale = scale_of(f, window_ns);

	for (int side = 0; side < 2; side++) {
		row->side[side] = side_stats(f->values[side], runs[side].cnt);
		row->shown[side] = row->side[side].mean;
	}
	row->difference = row->adjusted = row->side[DIFF_B].mean - row->side[DIFF_A].mean;
	row->weight = scale > 0 ? fabs(row->difference) / scale : 0;
	if (f->costs[DIFF_A] && f->costs[DIFF_B])
		row->cost = mean_of(f->costs[DIFF_B], runs[DIFF_B].cnt) -
			    mean_of(f->costs[DIFF_A], runs[DIFF_A].cnt);
}

double diff_result__resolution(const struct diff_result *d, const struct diff_figure *f)
{
	return f->undisturbed[DIFF_A] ? d->resolution_undisturbed : d->resolution;
}

/* The difference of the means, without what others took. */
static struct difference difference_of(const struct diff_result *d, struct diff_row *row)
{
	const struct diff_runs *runs = d->book->runs;
	const struct diff_figure *f = row->figure;
	struct side_stats a, b;

	if (!d->allowed_for)
		return welch_difference(&row->side[DIFF_A], &row->side[DIFF_B]);
	if (!f->undisturbed[DIFF_A])
		return adjusted_difference(
			(double *const[2]){runs[DIFF_A].disturbed, runs[DIFF_B].disturbed},
			f->values, (uint32_t[2]){runs[DIFF_A].cnt, runs[DIFF_B].cnt});
	a = side_stats(f->undisturbed[DIFF_A], runs[DIFF_A].cnt);
	b = side_stats(f->undisturbed[DIFF_B], runs[DIFF_B].cnt);
	row->undisturbed = true;
	row->shown[DIFF_A] = a.mean;
	row->shown[DIFF_B] = b.mean;
	return welch_difference(&a, &b);
}

/* How large a figure is, whichever side it is larger on: of the values that are compared. */
static double size_of(const struct diff_result *d, const struct diff_figure *f)
{
	const struct diff_runs *runs = d->book->runs;
	double *const *values =
		d->allowed_for && f->undisturbed[DIFF_A] ? f->undisturbed : f->values;

	return fmax(mean_of(values[DIFF_A], runs[DIFF_A].cnt),
		    mean_of(values[DIFF_B], runs[DIFF_B].cnt));
}

/* What is smaller on both sides than the least that is called cannot be called, and is no chance to err. */
static bool may_change(const struct diff_result *d, const struct diff_figure *f)
{
	const double least = diff_result__resolution(d, f) * scale_of(f, larger_window(d->book));

	return !f->foreign && !f->doubtful && size_of(d, f) > least;
}

/* By how much the difference may be another, because of what was lost. What is a sum over threads or CPUs, or a count,
 * can lack as much of itself as is unknown of the time; what has bounds is as far off as these are apart, where that is
 * more. */
static double lost_of(const struct diff_result *d, const struct diff_figure *f, double scale)
{
	const struct diff_runs *runs = d->book->runs;
	const double reach = fmax(scale, size_of(d, f));
	double lost = reach * (d->unknown[DIFF_A] + d->unknown[DIFF_B]);

	if (f->open[DIFF_A])
		lost = fmax(lost, mean_of(f->open[DIFF_A], runs[DIFF_A].cnt) +
					  mean_of(f->open[DIFF_B], runs[DIFF_B].cnt));
	return lost;
}

static void judge(const struct diff_result *d, struct diff_row *row, double window_ns)
{
	const struct diff_figure *f = row->figure;
	double family = f->main ? d->main_cnt : d->rest_cnt;
	double error = f->main ? DIFF_ERROR_MAIN : DIFF_ERROR - DIFF_ERROR_MAIN;
	double scale = scale_of(f, window_ns), size;
	struct difference diff = difference_of(d, row);

	if (f->events)
		diff = events_difference(diff, &row->side[DIFF_A], &row->side[DIFF_B]);
	row->p = difference_p(&diff);
	row->adjusted = diff.value;
	row->noise = difference_half_width(&diff, error / (family > 0 ? family : 1));
	row->margin = row->noise + lost_of(d, f, scale);
	size = fabs(row->adjusted);
	row->changed = may_change(d, f) && size > row->margin &&
		       size > diff_result__resolution(d, f) * scale;
}

/* ---- which rows ----------------------------------------------------------------------------------- */

/* A name with its size, to find the largest. */
struct name {
	const struct diff_figure *figure;
	double size;
};

static int cmp_sizes(const void *pa, const void *pb)
{
	const struct name *a = pa, *b = pb;

	if (a->size > b->size || a->size < b->size)
		return a->size > b->size ? -1 : 1;
	return strcmp(a->figure->key, b->figure->key);
}

/* Time of a name, in whatever state: of a thread's running, waiting, runnable; blocked for a lock. A choice
 * that does not look at differences, for those are to be judged. */
static size_t rank_names(const struct diff_result *d, enum diff_group group, struct name *names)
{
	const struct diff_book *book = d->book;
	size_t cnt = 0;

	for (uint32_t i = 0; i < book->cnt; i++) {
		const struct diff_figure *f = book->figures[i];

		double size = size_of(d, f);

		/* What is in flight counts like a thread all the time, and so does a share. */
		if (f->unit == CPT_DIFF_UNIT_AVERAGE || f->unit == CPT_DIFF_UNIT_SHARE)
			size *= larger_window(book);
		else if (f->unit != CPT_DIFF_UNIT_NS)
			continue;
		if (f->group != group)
			continue;
		if (cnt && !strcmp(names[cnt - 1].figure->key, f->key))
			names[cnt - 1].size += size;
		else
			names[cnt++] = (struct name){f, size};
	}
	qsort(names, cnt, sizeof(*names), cmp_sizes);
	return cnt < DIFF_NAMES_MAX ? cnt : DIFF_NAMES_MAX;
}

static bool among(const struct name *names, size_t cnt, const char *key)
{
	for (size_t i = 0; i < cnt; i++)
		if (!strcmp(names[i].figure->key, key))
			return true;
	return false;
}

static int cmp_rows(const void *pa, const void *pb)
{
	const struct diff_row *a = pa, *b = pb;

	if (a->figure->group != b->figure->group)
		return a->figure->group < b->figure->group ? -1 : 1;
	if (a->changed != b->changed && a->figure->group >= CPT_DIFF_BUDGET)
		return a->changed ? -1 : 1;
	if (a->figure->group >= CPT_DIFF_BUDGET && (a->weight > b->weight || a->weight < b->weight))
		return a->weight > b->weight ? -1 : 1;
	return 0;
}

/* Stable, for the rows of a group come in the order of the definitions. */
static void sort_rows(struct diff_row *rows, size_t cnt)
{
	for (size_t i = 1; i < cnt; i++) {
		struct diff_row row = rows[i];
		size_t at = i;

		for (; at && cmp_rows(&rows[at - 1], &row) > 0; at--)
			rows[at] = rows[at - 1];
		rows[at] = row;
	}
}

static int take_rows(struct diff_result *d)
{
	static const enum diff_group groups[] = {CPT_DIFF_LOCK, CPT_DIFF_LOOP, CPT_DIFF_PATH_NAME,
						 CPT_DIFF_THREAD};
	const struct diff_book *book = d->book;
	struct name *names[CPT_DIFF_GROUP_CNT] = {0};
	size_t cnt[CPT_DIFF_GROUP_CNT] = {0};
	int err = 0;

	d->rows = calloc(book->cnt + 1, sizeof(*d->rows));
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]) && !err; i++) {
		names[groups[i]] = calloc(book->cnt + 1, sizeof(struct name));
		if (!d->rows || !names[groups[i]])
			err = -ENOMEM;
		else
			cnt[groups[i]] = rank_names(d, groups[i], names[groups[i]]);
	}
	for (uint32_t i = 0; i < book->cnt && !err; i++) {
		const struct diff_figure *f = book->figures[i];

		if (diff_group_is_named(f->group) && !among(names[f->group], cnt[f->group], f->key))
			continue;
		if (f->whole && f->runs < book->runs[DIFF_A].cnt + book->runs[DIFF_B].cnt)
			continue;
		d->rows[d->cnt++] = (struct diff_row){.figure = f};
		if (may_change(d, f))
			*(f->main ? &d->main_cnt : &d->rest_cnt) += 1;
	}
	for (int i = 0; i < CPT_DIFF_GROUP_CNT; i++)
		free(names[i]);
	return err;
}

/* ---- the whole ------------------------------------------------------------------------------------- */

static void weigh_runs(struct diff_result *d)
{
	const struct diff_runs *runs = d->book->runs;
	double most;

	for (int side = 0; side < 2; side++) {
		d->disturbed[side] = mean_of(runs[side].disturbed, runs[side].cnt);
		d->unknown[side] = mean_of(runs[side].unknown, runs[side].cnt);
	}
	if (runs[DIFF_A].cnt < 2 || runs[DIFF_B].cnt < 2)
		d->why_not = "one run of a side does not tell how much runs differ";
	else if (runs[DIFF_A].incomplete || runs[DIFF_B].incomplete)
		d->why_not = "a trace is not whole";
	d->judged = !d->why_not;
	most = fmax(d->disturbed[DIFF_A], d->disturbed[DIFF_B]);
	d->resolution_undisturbed = fmax(DIFF_RESOLUTION, DIFF_UNDISTURBED_PART * most);
	d->resolution = fmax(DIFF_RESOLUTION, DIFF_DISTURBED_PART * most);
	d->allowed_for = d->judged && most >= DIFF_DISTURBED;
}

static const struct diff_row *find_cause(const struct diff_result *d)
{
	const struct diff_row *best = NULL;

	for (uint32_t i = 0; i < d->cnt; i++) {
		const struct diff_row *row = &d->rows[i];

		if (!row->figure->costs[DIFF_A] || fabs(row->cost) < CAUSE_MIN ||
		    (d->judged && !row->changed))
			continue;
		if (!best || fabs(row->cost) > fabs(best->cost))
			best = row;
	}
	return best;
}

int diff_result__make(struct diff_result *d, const struct diff_book *book)
{
	double window_ns;

	*d = (struct diff_result){.book = book};
	weigh_runs(d);
	if (take_rows(d) < 0)
		return -ENOMEM;
	window_ns = larger_window(book);
	for (uint32_t i = 0; i < d->cnt; i++) {
		fill_row(d, &d->rows[i], window_ns);
		if (d->judged)
			judge(d, &d->rows[i], window_ns);
		d->changed_cnt += d->rows[i].changed;
	}
	sort_rows(d->rows, d->cnt);
	d->cause = find_cause(d);
	return 0;
}

void diff_result__free(struct diff_result *d)
{
	free(d->rows);
	*d = (struct diff_result){0};
}

const struct diff_row *diff_result__find(const struct diff_result *d, enum diff_group group,
					 const char *key, const char *what)
{
	for (uint32_t i = 0; i < d->cnt; i++) {
		const struct diff_figure *f = d->rows[i].figure;

		if (f->group == group && !strcmp(f->key, key) && !strcmp(f->what, what))
			return &d->rows[i];
	}
	return NULL;
}
