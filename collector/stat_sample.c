// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* stat_sample.c - see stat_sample.h. */
#include "stat_sample.h"

#include <stdbool.h>

void stat_sample__diff(struct stat_sample *out, const struct stat_sample *now,
		       const struct stat_sample *before)
{
	struct stat_sample d = *now;

	for (uint32_t k = 0; k < d.profile_cnt; k++)
		d.profile_ns[k] -= before->profile_ns[k];
	for (uint32_t b = 0; b < CPT_STAT_BUCKETS; b++)
		d.wait_hist[b] -= before->wait_hist[b];
	d.waits -= before->waits;
	d.wait_ns -= before->wait_ns;
	d.switches -= before->switches;
	d.mends -= before->mends;
	d.mends_failed -= before->mends_failed;
	d.estimated_ns -= before->estimated_ns;
	/* What is owed at a moment is looked at while it grows. */
	d.doubt_ns -= before->doubt_ns < d.doubt_ns ? before->doubt_ns : d.doubt_ns;
	d.given_up -= before->given_up;
	d.bad_degree -= before->bad_degree;
	d.lost_storage -= before->lost_storage;
	d.lost_deaths -= before->lost_deaths;
	d.lost_run_ns -= before->lost_run_ns;
	d.lost_wait_ns -= before->lost_wait_ns;
	d.lost_recursion -= before->lost_recursion;
	*out = d;
}

/* ---- mends --------------------------------------------------------------------------------- */

void stat_sample__spread(int64_t *adjust, const int64_t *lately, uint32_t cnt, uint64_t ns, int by)
{
	uint32_t first = by < 0 ? 1 : 0, end = by < 0 ? cnt : cnt - 1, k;
	uint64_t total = 0, left = ns, part;

	for (k = first; k < end; k++)
		total += lately[k] > 0 ? (uint64_t)lately[k] : 0;
	if (!total)
		return;
	for (k = first; k < end && left; k++) {
		if (lately[k] <= 0)
			continue;
		/* The last one takes what is left: shares are rounded. */
		part = (uint64_t)((double)ns * ((double)lately[k] / (double)total) + 0.5);
		if (part > left || (uint64_t)lately[k] == total)
			part = left;
		adjust[k] -= (int64_t)part;
		adjust[(int64_t)k + by] += (int64_t)part;
		left -= part;
	}
}

/* ---- settling ------------------------------------------------------------------------------ */

/* The nearest entry from k on, in steps of `step`, that has time; profile_cnt if none has. */
static uint32_t nearest(const struct stat_sample *s, uint32_t k, int step)
{
	for (k += step; k < s->profile_cnt; k += step) /* below 0 it wraps: beyond the end */
		if (s->profile_ns[k] > 0)
			return k;
	return s->profile_cnt;
}

/* Moves up to ns from entry `from` to entry `to`. Returns how much it was. */
static int64_t move(struct stat_sample *s, uint32_t from, uint32_t to, int64_t ns)
{
	if (ns > s->profile_ns[from])
		ns = s->profile_ns[from];
	s->profile_ns[from] -= ns;
	s->profile_ns[to] += ns;
	s->settled_ns += ns > 0 ? (uint64_t)ns : 0;
	return ns;
}

/*
 * Gives entry k some of what it lacks so that the sum of k * profile[k] stays, too: from below and from
 * above, or twice from one side, a part of which goes on to the entry beyond. Whether that went.
 *
 *	 below  k  above            beyond  side  k
 *	   -a  +d   -b                 +    -x   +d
 */
static bool balance(struct stat_sample *s, uint32_t k)
{
	uint32_t below = nearest(s, k, -1), above = nearest(s, k, 1), cnt = s->profile_cnt;
	int64_t lack = -s->profile_ns[k], part, times;
	uint32_t side = below < cnt ? below : above, beyond;

	if (below < cnt && above < cnt) {
		double share = (double)(above - k) / (double)(above - below); /* from below */
		double most = (double)lack;

		if (most * share > (double)s->profile_ns[below])
			most = (double)s->profile_ns[below] / share;
		if (most * (1 - share) > (double)s->profile_ns[above])
			most = (double)s->profile_ns[above] / (1 - share);
		part = move(s, below, k, (int64_t)(most * share));
		return move(s, above, k, (int64_t)(most * (1 - share))) + part > 0;
	}
	if (side == cnt)
		return false;
	beyond = side == below ? side - 1 : side + 1;
	if (beyond >= cnt)
		return false;
	times = side == below ? k - side + 1 : side - k + 1;
	part = s->profile_ns[side] / times;
	if (part > lack)
		part = lack;
	move(s, side, k, part);
	move(s, side, beyond, part * (times - 1));
	return part > 0;
}

uint64_t stat_sample__settle(struct stat_sample *s)
{
	uint32_t from;

	for (uint32_t k = 0; k < s->profile_cnt; k++) {
		while (s->profile_ns[k] < 0 && balance(s, k))
			;
		/* Some ns of rounding, or all there is: then the window alone can be kept. */
		while (s->profile_ns[k] < 0) {
			from = nearest(s, k, -1);
			if (from == s->profile_cnt)
				from = nearest(s, k, 1);
			if (from == s->profile_cnt)
				break;
			move(s, from, k, -s->profile_ns[k]);
		}
		if (s->profile_ns[k] < 0)
			s->profile_ns[k] = 0; /* less than nothing in all */
	}
	return stat_sample__window_ns(s);
}

uint64_t stat_sample__window_ns(const struct stat_sample *s)
{
	int64_t sum = 0;

	for (uint32_t k = 0; k < s->profile_cnt; k++)
		sum += s->profile_ns[k];
	return sum > 0 ? (uint64_t)sum : 0;
}

uint64_t stat_sample__cpu_ns(const struct stat_sample *s)
{
	int64_t sum = 0;

	for (uint32_t k = 1; k < s->profile_cnt; k++)
		sum += k * s->profile_ns[k];
	return sum > 0 ? (uint64_t)sum : 0;
}

double stat_sample__average(const struct stat_sample *s)
{
	uint64_t window = stat_sample__window_ns(s);

	return window ? (double)stat_sample__cpu_ns(s) / (double)window : 0;
}

double stat_sample__tlp(const struct stat_sample *s)
{
	int64_t busy = (int64_t)stat_sample__window_ns(s) - (s->profile_cnt ? s->profile_ns[0] : 0);

	return busy > 0 ? (double)stat_sample__cpu_ns(s) / (double)busy : 0;
}

uint32_t stat_sample__peak(const struct stat_sample *s)
{
	uint32_t k = s->profile_cnt;

	while (k && s->profile_ns[k - 1] <= 0)
		k--;
	return k ? k - 1 : 0;
}

uint64_t stat_sample__percentile_ns(const struct stat_sample *s, double share)
{
	double rank, below = 0, low, high, value;
	uint64_t total = 0;
	uint32_t b;

	for (b = 0; b < CPT_STAT_BUCKETS; b++)
		total += s->wait_hist[b];
	if (!total)
		return 0;
	rank = share * (double)total;
	for (b = 0; b < CPT_STAT_BUCKETS - 1; b++) {
		if (below + (double)s->wait_hist[b] >= rank && s->wait_hist[b])
			break;
		below += (double)s->wait_hist[b];
	}
	low = b ? (double)(UINT64_C(1) << b) : 0;
	high = (double)(UINT64_C(2) << b);
	if (s->wait_max_ns && (double)s->wait_max_ns < high)
		high = (double)s->wait_max_ns > low ? (double)s->wait_max_ns : low;
	value = low;
	if (s->wait_hist[b])
		value += (high - low) * (rank - below) / (double)s->wait_hist[b];
	return (uint64_t)(value + 0.5);
}
