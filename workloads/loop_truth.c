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
		    const char *figure, double of, double min, double max)
{
	const char *path = side->epfd ? truth_path(t, "epoll_instances[epfd=%d].in_flight.%s",
						   side->epfd, figure)
				      : truth_path(t, "epoll_instances[direction=%s].in_flight.%s",
						   side->direction, figure);
	struct truth_row *row = truth_expect_of(t, scope, path, of, min, max);

	row->filter = side->filter;
	row->needs = TRUTH_LOOPS;
}

/*
 * A percentile. What is true lies between the one of least times and the one of most (net.h), of ranks that
 * lie `rank` percent off: the stamp of an inbound operation's begin has one side only.
 */
static void expect_percentile(struct truth *t, const struct loop_side *side, const char *figure,
			      double p, double rank)
{
	const double of = (double)op_percentile(side->log, OP_TOOK, p);
	const double low = (double)op_percentile(side->log, OP_TOOK_LEAST, p - rank);
	const double high = (double)op_percentile(side->log, OP_TOOK_MOST, p + rank);

	add_row(t, side, TRUTH_RUN, figure, of, low / of * (1 - clock_slack(low)),
		high / of * (1 + clock_slack(high)));
}

void expect_in_flight(struct truth *t, const struct loop_side *side)
{
	const double peak = (double)side->log->peak;
	const double late = side->late / peak;

	add_row(t, side, TRUTH_RUN, "completed", (double)side->log->completed, 1, 1);
	add_row(t, side, TRUTH_SPAN, "average",
		op_mean(side->log, t->span_start_ns, t->span_end_ns), 0.95, 1.05);
	/* Of several their peaks come at different times, and percentiles do not add up. */
	if (!side->one_instance)
		return;
	add_row(t, side, TRUTH_RUN, "peak", peak, 0.98 - late, 1.02);
	expect_percentile(t, side, "latency_ns.p50", 50, OP_RANK_P50);
	expect_percentile(t, side, "latency_ns.p99", 99, OP_RANK_P99);
}

void expect_level(struct truth *t, const struct loop_side *side)
{
	struct truth_row *row =
		truth_expect_of(t, TRUTH_SPAN, "concurrency.average",
				op_mean(side->log, t->span_start_ns, t->span_end_ns), 0.95, 1.05);

	row->filter = side->filter;
	row->needs = TRUTH_LOOPS;
}
