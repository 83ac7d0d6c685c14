// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* diff_undisturbed.c - see diff_undisturbed.h. */
#include "diff_undisturbed.h"

#include <math.h>

/* More of a run than that is never taken out of it: what is left tells too little. */
#define TAKEN_MAX 0.95

static double taken_share(const struct cpt_demand *d)
{
	const double taken =
		(double)d->item_ns[CPT_DEMAND_OTHERS] + (double)d->item_ns[CPT_DEMAND_TRACER];

	return d->total_ns ? taken / (double)d->total_ns : 0;
}

struct undisturbed undisturbed_of(const struct cpt_report *r)
{
	const double window = (double)r->window_ns, f = taken_share(&r->demand);
	const double longer = fmin(f * (double)r->path.runnable_ns, TAKEN_MAX * window);
	const double starved = f * ((double)r->split_ns[CPT_SPLIT_CONCURRENT_STARVED] +
				    (double)r->split_ns[CPT_SPLIT_SERIAL_RUNNABLE]);
	const double kept = f * (double)r->split_ns[CPT_SPLIT_CONCURRENT_INTERLEAVED];
	const double moved = fmax(0, fmin(kept, longer - starved));
	/* All CPUs it was allowed, all the time, is the most there can be. */
	const double least = r->allowed_integral
				     ? (double)r->cpu_time_ns * window / (double)r->allowed_integral
				     : 0;
	struct undisturbed u = {.window_ns = fmax(window - longer, fmin(least, window))};

	if (u.window_ns <= 0)
		return u;
	u.parallel = fmin(1, ((double)r->class_ns[CPT_CLASS_PARALLEL] + moved) / u.window_ns);
	u.average = (double)r->cpu_time_ns / u.window_ns;
	return u;
}
