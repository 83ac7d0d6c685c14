/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * diff_stats.h - how far a difference of means can be chance.
 *
 * Owns:     the statistic and its corrections.
 * Must not: know which figures are compared.
 *
 * Where nothing disturbed the runs: Welch's interval (B. L. Welch, The generalization of "Student's" problem
 * when several different population variances are involved, Biometrika 34, 1947, 28-35). The two sides may
 * scatter differently, and with a handful of runs the quantile is that of Student's t with
 *
 *	        (va/na + vb/nb)^2
 *	df = -------------------------------      v: variance of a side's runs, n: their number
 *	     (va/na)^2/(na-1) + (vb/nb)^2/(nb-1)
 *
 * degrees of freedom. (Where one side scatters four times as much as the other, it errs in 7 % where 5 % are
 * promised, by simulation with five runs a side; elsewhere in less.)
 *
 * Where other programs took CPUs, how much is known of each run, and explains most of what runs differ by:
 * the analysis of covariance (R. A. Fisher, Statistical Methods for Research Workers, 4th edition, 1932,
 * section 49.1). With x the disturbance of a run, y its figure, and sums of squares within the sides,
 *
 *	slope = Sxy/Sxx    difference = yb - ya - slope (xb - xa)      as if both had been disturbed alike
 *	s^2 = (Syy - Sxy^2/Sxx) / df    df = na + nb - 3    error^2 = s^2 (1/na + 1/nb + (xb - xa)^2/Sxx)
 *
 * Which of the two is taken depends on the disturbance alone, not on the figures, or the better one of two
 * chances would be taken.
 *
 * Events that come as they will, waits for a lock, say, scatter by the root of their number even where a few
 * runs happen to agree (Poisson's law: their variance is their mean), so that five runs with none and five
 * with two are no change. Their error is no smaller than sqrt(m/na + m/nb), m: the mean of all runs.
 *
 * Ranks would not do: of five runs a side no order is rarer than 2 in 252, which survives no correction for
 * many figures. That correction is Bonferroni's: the error that a family of figures is allowed is divided by
 * how many there are, so that all intervals hold at once.
 */
#ifndef CPT_DIFF_STATS_H
#define CPT_DIFF_STATS_H

#include <stdint.h>

struct side_stats {
	uint32_t cnt;
	double mean, variance; /* variance of the runs, by cnt - 1; 0 with fewer than two */
	double min, max;
};

/* A difference of means, B less A. */
struct difference {
	double value;
	double error; /* standard error; 0: no run differs from another of its side */
	double df;    /* degrees of freedom; 0: there are too few runs to tell */
};

struct side_stats side_stats(const double *values, uint32_t cnt);

/* Probability that |t| is larger by chance; df >= 1. */
double student_two_sided(double t, double df);

/* The t that is exceeded on either side with probability alpha in all; 0 < alpha < 1, df >= 1. */
double student_quantile(double alpha, double df);

struct difference welch_difference(const struct side_stats *a, const struct side_stats *b);

/* d, of numbers of events: not surer than such numbers can be. Unchanged where it cannot be told. */
struct difference events_difference(struct difference d, const struct side_stats *a,
				    const struct side_stats *b);

/* x, y: of each side's runs, by side; cnt: how many. */
struct difference adjusted_difference(double *const x[2], double *const y[2],
				      const uint32_t cnt[2]);

/* Half the width of the interval around it at error alpha; infinite where it cannot be told. */
double difference_half_width(const struct difference *d, double alpha);

/* Two-sided probability of a difference as large by chance; 1 where it cannot be told. */
double difference_p(const struct difference *d);

#endif /* CPT_DIFF_STATS_H */
