// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* run_repeats.c - see run_repeats.h. */
#include "run_repeats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "format.h"

struct spread {
	double min, median, max;
};

int repeats__add(struct repeats *r, const struct cpt_report *report, uint32_t number)
{
	uint64_t parallel = report->class_ns[CPT_CLASS_PARALLEL];
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
		.window_ns = report->window_ns,
		.average = report->parallel_average,
		.parallel_share =
			report->window_ns ? (double)parallel / (double)report->window_ns : 0,
	};
	return 0;
}

static double window_of(const struct repeat *run)
{
	return (double)run->window_ns;
}

static double average_of(const struct repeat *run)
{
	return run->average;
}

static double share_of(const struct repeat *run)
{
	return run->parallel_share;
}

static int cmp_double(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;

	return a < b ? -1 : a > b;
}

static bool spread_of(const struct repeats *r, double (*figure)(const struct repeat *),
		      struct spread *s)
{
	double *v = calloc(r->cnt ? r->cnt : 1, sizeof(*v));
	uint32_t i, n = r->cnt;

	if (!v || !n) {
		free(v);
		return false;
	}
	for (i = 0; i < n; i++)
		v[i] = figure(&r->runs[i]);
	qsort(v, n, sizeof(*v), cmp_double);
	*s = (struct spread){v[0], n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2, v[n - 1]};
	free(v);
	return true;
}

static int cmp_runs(const void *pa, const void *pb)
{
	const struct repeat *a = pa, *b = pb;

	if (a->average < b->average || a->average > b->average)
		return a->average < b->average ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

uint32_t repeats__median(struct repeats *r)
{
	qsort(r->runs, r->cnt, sizeof(*r->runs), cmp_runs);
	return r->cnt ? r->runs[(r->cnt - 1) / 2].number : 0;
}

void repeats__summary(const struct repeats *r, struct strbuf *out, bool utf8)
{
	struct spread window, average, share;
	char a[FMT_SZ], b[FMT_SZ], c[FMT_SZ];

	if (!spread_of(r, window_of, &window) || !spread_of(r, average_of, &average) ||
	    !spread_of(r, share_of, &share)) {
		out->failed = out->failed || r->cnt;
		return;
	}
	strbuf__addf(out, "%" PRIu32 " runs, median (from the least to the most):\n", r->cnt);
	strbuf__addf(out, "   parallel             %.1f %%  (%.1f to %.1f)\n", 100 * share.median,
		     100 * share.min, 100 * share.max);
	strbuf__addf(out, "   average parallelism  %s  (%s to %s)\n",
		     fmt_average(a, average.median), fmt_average(b, average.min),
		     fmt_average(c, average.max));
	strbuf__addf(out, "   time                 %s  (%s to %s)\n",
		     fmt_duration(a, (uint64_t)window.median, utf8),
		     fmt_duration(b, (uint64_t)window.min, utf8),
		     fmt_duration(c, (uint64_t)window.max, utf8));
}

static json_t *spread_json(const struct repeats *r, double (*figure)(const struct repeat *))
{
	struct spread s;

	if (!spread_of(r, figure, &s))
		return NULL;
	return json_pack("{s:f, s:f, s:f}", "median", s.median, "min", s.min, "max", s.max);
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
