/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stat_sample.h - the sums of `stat` at one moment, their differences, and the figures made of them.
 *
 * Owns:     arithmetic of profiles and of histograms of waits.
 * Must not: know where the sums come from or how figures are shown.
 *
 * A sample is a sum since the start; two of them make an interval. Times are ns. The profile's sum is
 * the window, exactly.
 */
#ifndef CPT_STAT_SAMPLE_H
#define CPT_STAT_SAMPLE_H

#include <stdint.h>

#include "../probes/stat_abi.h"

struct stat_sample {
	int64_t profile_ns[CPT_STAT_MAX_CPUS + 1]; /* by CPUs busy at once */
	uint32_t profile_cnt;			   /* entries that can be: CPUs + 1 */
	uint64_t waits, wait_ns; /* waits on run queues that have ended, and their sum */
	uint64_t wait_max_ns;	 /* longest that ended since the sample before */
	uint64_t wait_hist[CPT_STAT_BUCKETS];
	uint64_t switches;
	uint64_t mends, mends_failed, estimated_ns;
	uint64_t doubt_ns; /* for so long in all R may have been one off */
	uint64_t given_up, bad_degree;
	uint64_t lost_storage, lost_deaths;
	uint64_t lost_run_ns, lost_wait_ns; /* of tasks whose last words were lost */
	uint64_t lost_recursion;	    /* programs the kernel skipped */
	uint32_t cpus_seen;		    /* that something was seen of since the start */
	uint64_t settled_ns;		    /* moved within the profile by stat_sample__settle() */
};

/* now - before, entry by entry; wait_max_ns is now's. before may be now's own past only. */
void stat_sample__diff(struct stat_sample *out, const struct stat_sample *now,
		       const struct stat_sample *before);

/* Lets no entry of the profile be negative (an estimate can miss): the time is taken from those beside
 * it. The window stays, and the CPU time to some ns as far as there is enough to take from. Returns the
 * window. */
uint64_t stat_sample__settle(struct stat_sample *s);

/*
 * ns were accounted for with R one too high (by -1) or too low (by 1): moves them in a profile of cnt
 * entries, adjust, from where R was to the entry beside it. Which entries these were is estimated: lately
 * R was k for lately[k] ns, and they are taken from those alike. Only what does not fit there is left.
 */
void stat_sample__spread(int64_t *adjust, const int64_t *lately, uint32_t cnt, uint64_t ns, int by);

uint64_t stat_sample__window_ns(const struct stat_sample *s); /* sum of the profile */
uint64_t stat_sample__cpu_ns(const struct stat_sample *s);    /* sum of k * profile[k] */
double stat_sample__average(const struct stat_sample *s);     /* CPUs busy, over the window */
double
stat_sample__tlp(const struct stat_sample *s); /* likewise, over the time any is; 0 if none is */
uint32_t stat_sample__peak(const struct stat_sample *s);

/* The wait that `share` (0..1) of all waits do not exceed, interpolated within its bucket and never
 * beyond the longest; 0 if there are none. */
uint64_t stat_sample__percentile_ns(const struct stat_sample *s, double share);

#endif /* CPT_STAT_SAMPLE_H */
