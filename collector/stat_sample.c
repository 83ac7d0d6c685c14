// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* stat_sample.c - see stat_sample.h. */
#include "stat_sample.h"

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
	d.given_up -= before->given_up;
	d.bad_degree -= before->bad_degree;
	d.lost_storage -= before->lost_storage;
	d.lost_deaths -= before->lost_deaths;
	d.lost_run_ns -= before->lost_run_ns;
	d.lost_wait_ns -= before->lost_wait_ns;
	d.lost_recursion -= before->lost_recursion;
	*out = d;
}

/* Takes what entry k lacks from entry `from`, as far as that has it. */
static void take(struct stat_sample *s, uint32_t k, uint32_t from)
{
	int64_t part = -s->profile_ns[k];

	if (s->profile_ns[from] <= 0)
		return;
	if (part > s->profile_ns[from])
		part = s->profile_ns[from];
	s->profile_ns[from] -= part;
	s->profile_ns[k] += part;
}

uint64_t stat_sample__settle(struct stat_sample *s)
{
	for (uint32_t k = 0; k < s->profile_cnt; k++) {
		for (uint32_t far = 1; far < s->profile_cnt && s->profile_ns[k] < 0; far++) {
			if (k + far < s->profile_cnt)
				take(s, k, k + far);
			if (far <= k && s->profile_ns[k] < 0)
				take(s, k, k - far);
		}
		if (s->profile_ns[k] < 0)
			s->profile_ns[k] =
				0; /* less than nothing in all: there is nothing to take */
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
