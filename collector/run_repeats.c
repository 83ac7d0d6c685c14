// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* run_repeats.c - see run_repeats.h. */
#include "run_repeats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "words.h"

/* By part of a figure: value, low, high. */
enum part { VALUE, LOW, HIGH, PARTS };

struct spread {
	double min[PARTS], median[PARTS], max[PARTS];
};

static struct repeat_figure share_of_run(const struct cpt_report *r)
{
	const uint64_t parallel = r->class_ns[CPT_CLASS_PARALLEL];
	const struct cpt_ns_bounds *of = &r->bounds.class_ns[CPT_CLASS_PARALLEL];
	const double window = (double)r->window_ns, longest = (double)r->bounds.window_ns.high;
	const double shortest = (double)r->bounds.window_ns.low;
	struct repeat_figure f = {.value = window > 0 ? (double)parallel / window : 0};

	f.low = longest > 0 ? (double)of->low / longest : 0;
	f.high = shortest > 0 ? (double)of->high / shortest : (longest > 0 ? 1 : 0);
	if (f.high > 1)
		f.high = 1;
	return f;
}

int repeats__add(struct repeats *r, const struct cpt_report *report, uint32_t number)
{
	const struct cpt_bounds *b = &report->bounds;
	struct repeat *runs;

	if (r->cnt == r->cap) {
		runs = reallocarray(r->runs, r->cap ? r->cap * 2 : 16, sizeof(*runs));
		if (!runs)
			return -ENOMEM;
		r->runs = runs;
		r->cap = r->cap ? r->cap * 2 : 16;
	}
	r->runs[r->cnt++] = (struct repeat){
		.number = number,
		.window_ns = {(double)report->window_ns, (double)b->window_ns.low,
			      (double)b->window_ns.high},
		.average = {report->parallel_average, b->parallel_average.low,
			    b->parallel_average.high},
		.parallel_share = share_of_run(report),
	};
	return 0;
}

static const struct repeat_figure *window_of(const struct repeat *run)
{
	return &run->window_ns;
}

static const struct repeat_figure *average_of(const struct repeat *run)
{
	return &run->average;
}

static const struct repeat_figure *share_of(const struct repeat *run)
{
	return &run->parallel_share;
}

static int cmp_double(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;

	return a < b ? -1 : a > b;
}

typedef const struct repeat_figure *figure_fn(const struct repeat *run);

static bool spread_of(const struct repeats *r, figure_fn *figure, struct spread *s)
{
	double *v = calloc(r->cnt ? r->cnt : 1, sizeof(*v));
	uint32_t n = r->cnt;

	for (int part = 0; v && n && part < PARTS; part++) {
		for (uint32_t i = 0; i < n; i++) {
			const struct repeat_figure *f = figure(&r->runs[i]);

			v[i] = part == VALUE ? f->value : part == LOW ? f->low : f->high;
		}
		qsort(v, n, sizeof(*v), cmp_double);
		s->min[part] = v[0];
		s->median[part] = n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
		s->max[part] = v[n - 1];
	}
	free(v);
	return v && n;
}

static int cmp_runs(const void *pa, const void *pb)
{
	const struct repeat *a = pa, *b = pb;

	if (a->average.value < b->average.value || a->average.value > b->average.value)
		return a->average.value < b->average.value ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

uint32_t repeats__median(struct repeats *r)
{
	qsort(r->runs, r->cnt, sizeof(*r->runs), cmp_runs);
	return r->cnt ? r->runs[(r->cnt - 1) / 2].number : 0;
}

typedef char *format_fn(char *buf, double x, bool utf8);

static char *format_share(char *buf, double x, bool utf8)
{
	(void)utf8;
	snprintf(buf, FMT_SZ, "%.1f %%", 100 * x);
	return buf;
}

static char *format_average(char *buf, double x, bool utf8)
{
	(void)utf8;
	return fmt_average(buf, x);
}

static char *format_ns(char *buf, double x, bool utf8)
{
	return fmt_duration(buf, (uint64_t)x, utf8);
}

/* "1.93 [1.91, 1.96]": the bounds where they say something else. */
static void add_figure(struct strbuf *out, const double figure[PARTS], format_fn *format, bool utf8)
{
	char v[FMT_SZ], low[FMT_SZ], high[FMT_SZ];

	strbuf__adds(out, format(v, figure[VALUE], utf8));
	words__ends(out, v, format(low, figure[LOW], utf8), format(high, figure[HIGH], utf8));
}

static void add_spread(struct strbuf *out, const char *name, const struct spread *s,
		       format_fn *format, bool utf8)
{
	strbuf__addf(out, "   %-20s ", name);
	add_figure(out, s->median, format, utf8);
	strbuf__adds(out, "  (");
	add_figure(out, s->min, format, utf8);
	strbuf__adds(out, " to ");
	add_figure(out, s->max, format, utf8);
	strbuf__adds(out, ")\n");
}

void repeats__summary(const struct repeats *r, struct strbuf *out, bool utf8)
{
	struct spread window, average, share;

	if (!spread_of(r, window_of, &window) || !spread_of(r, average_of, &average) ||
	    !spread_of(r, share_of, &share)) {
		out->failed = out->failed || r->cnt;
		return;
	}
	strbuf__addf(out, "%" PRIu32 " runs, median (from the least to the most):\n", r->cnt);
	add_spread(out, "parallel", &share, format_share, utf8);
	add_spread(out, "average parallelism", &average, format_average, utf8);
	add_spread(out, "time", &window, format_ns, utf8);
}

static json_t *spread_json(const struct repeats *r, figure_fn *figure)
{
	struct spread s;

	if (!spread_of(r, figure, &s))
		return NULL;
	return json_pack("{s:f, s:f, s:f, s:{s:[f,f], s:[f,f], s:[f,f]}}", "median",
			 s.median[VALUE], "min", s.min[VALUE], "max", s.max[VALUE], "bounds",
			 "median", s.median[LOW], s.median[HIGH], "min", s.min[LOW], s.min[HIGH],
			 "max", s.max[LOW], s.max[HIGH]);
}

json_t *repeats__json(const struct repeats *r)
{
	return json_pack("{s:i, s:o, s:o, s:o}", "runs", (int)r->cnt, "parallel_share",
			 spread_json(r, share_of), "average", spread_json(r, average_of),
			 "window_ns", spread_json(r, window_of));
}

void repeats__free(struct repeats *r)
{
	free(r->runs);
	*r = (struct repeats){0};
}
