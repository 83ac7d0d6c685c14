// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* See loop_truth.h. */
#include "loop_truth.h"

#include <math.h>

#include "common.h"

/* What a clock read beside a system call is away from it, as a part of ns. */
static double clock_slack(double ns)
{
	return fmax(0.05, 10.0 * WL_NS_PER_US / fmax(ns, 1));
}

static void add_row(struct truth *t, const struct loop_side *side, const char *scope,
		    const char *figure, double of, double slack)
{
	struct truth_row *row;

	row = truth_expect_of(t, scope,
			      truth_path(t, "epoll_instances[direction=%s].in_flight.%s",
					 side->direction, figure),
			      of, 1 - slack, 1 + slack);
	row->filter = side->filter;
	row->needs = TRUTH_LOOPS;
}

void expect_in_flight(struct truth *t, const struct loop_side *side)
{
	const double p50 = (double)op_percentile(side->log, 50);
	const double p99 = (double)op_percentile(side->log, 99);

	add_row(t, side, TRUTH_RUN, "completed", (double)side->log->completed, 0);
	add_row(t, side, TRUTH_SPAN, "average",
		op_mean(side->log, t->span_start_ns, t->span_end_ns), 0.05);
	if (!side->one_instance)
		return;
	add_row(t, side, TRUTH_RUN, "peak", (double)side->log->peak, 0.02);
	add_row(t, side, TRUTH_RUN, "latency_ns.p50", p50, clock_slack(p50));
	add_row(t, side, TRUTH_RUN, "latency_ns.p99", p99, clock_slack(p99));
}

void expect_level(struct truth *t, const struct loop_side *side)
{
	struct truth_row *row =
		truth_expect_of(t, TRUTH_SPAN, "concurrency.average",
				op_mean(side->log, t->span_start_ns, t->span_end_ns), 0.95, 1.05);

	row->filter = side->filter;
	row->needs = TRUTH_LOOPS;
}
