// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* diff_stats.c - see diff_stats.h. */
#include "diff_stats.h"

#include <math.h>

/* Steps of Simpson's rule; the integrand is smooth, its error far below any probability asked for. */
#define STEPS	  512
#define BISECTION 100

struct side_stats side_stats(const double *values, uint32_t cnt)
{
	struct side_stats s = {.cnt = cnt, .min = INFINITY, .max = -INFINITY};
	double squares = 0;

	for (uint32_t i = 0; i < cnt; i++) {
		s.mean += values[i] / cnt;
		s.min = fmin(s.min, values[i]);
		s.max = fmax(s.max, values[i]);
	}
	for (uint32_t i = 0; i < cnt; i++)
		squares += (values[i] - s.mean) * (values[i] - s.mean);
	s.variance = cnt > 1 && s.max > s.min ? squares / (cnt - 1) : 0;
	return s;
}

/*
 * With t = sqrt(df) tan(phi) Student's density becomes that of phi, cos(phi)^(df-1) but for a factor: so
 * the share of it beyond an angle is a ratio of two integrals of a smooth function over a finite span.
 */
static double cosine_power(double from, double df)
{
	double step = (M_PI / 2 - from) / STEPS, sum = 0;

	for (int i = 0; i <= STEPS; i++) {
		double weight = i == 0 || i == STEPS ? 1 : i % 2 ? 4 : 2;

		/* cos of the complement: exact near the end, where it vanishes */
		sum += weight * pow(sin((STEPS - i) * step), df - 1);
	}
	return sum * step / 3;
}

static double beyond_angle(double phi, double df)
{
	return cosine_power(phi, df) / cosine_power(0, df);
}

double student_two_sided(double t, double df)
{
	return beyond_angle(atan(fabs(t) / sqrt(df)), df);
}

double student_quantile(double alpha, double df)
{
	double low = 0, high = M_PI / 2;

	for (int i = 0; i < BISECTION; i++) {
		double mid = low + (high - low) / 2;

		if (beyond_angle(mid, df) > alpha)
			low = mid;
		else
			high = mid;
	}
	return sqrt(df) * tan(low);
}

struct difference welch_difference(const struct side_stats *a, const struct side_stats *b)
{
	struct difference d = {.value = b->mean - a->mean};
	double ea, eb;

	if (a->cnt < 2 || b->cnt < 2)
		return d;
	ea = a->variance / a->cnt;
	eb = b->variance / b->cnt;
	d.error = sqrt(ea + eb);
	d.df = 1;
	if (ea + eb > 0)
		d.df = fmax(1, (ea + eb) * (ea + eb) /
				       (ea * ea / (a->cnt - 1) + eb * eb / (b->cnt - 1)));
	return d;
}

struct difference events_difference(struct difference d, const struct side_stats *a,
				    const struct side_stats *b)
{
	const double runs = (double)a->cnt + b->cnt;
	const double mean = runs > 0 ? (a->cnt * a->mean + b->cnt * b->mean) / runs : 0;
	double least;

	if (d.df < 1)
		return d;
	least = sqrt(mean / a->cnt + mean / b->cnt);
	if (least > d.error) {
		d.error = least;
		d.df = runs - 2;
	}
	return d;
}

struct difference adjusted_difference(double *const x[2], double *const y[2], const uint32_t cnt[2])
{
	double sxx = 0, sxy = 0, syy = 0, apart, rest;
	struct side_stats sx[2], sy[2];
	struct difference d = {0};

	for (int side = 0; side < 2; side++) {
		sx[side] = side_stats(x[side], cnt[side]);
		sy[side] = side_stats(y[side], cnt[side]);
		for (uint32_t i = 0; i < cnt[side]; i++) {
			double dx = x[side][i] - sx[side].mean, dy = y[side][i] - sy[side].mean;

			sxx += dx * dx;
			sxy += dx * dy;
			syy += dy * dy;
		}
	}
	/* The same figure in each run of a side has no error, and nothing to be explained. */
	if (sxx <= 0 || (sy[0].min >= sy[0].max && sy[1].min >= sy[1].max))
		return welch_difference(&sy[0], &sy[1]);
	apart = sx[1].mean - sx[0].mean;
	d.value = sy[1].mean - sy[0].mean - sxy / sxx * apart;
	if (cnt[0] < 2 || cnt[1] < 2)
		return d;
	d.df = (double)cnt[0] + cnt[1] - 3;
	rest = fmax(0, syy - sxy * sxy / sxx);
	d.error = sqrt(rest / d.df * (1.0 / cnt[0] + 1.0 / cnt[1] + apart * apart / sxx));
	return d;
}

double difference_half_width(const struct difference *d, double alpha)
{
	if (d->df < 1)
		return INFINITY;
	return d->error > 0 ? d->error * student_quantile(alpha, d->df) : 0;
}

double difference_p(const struct difference *d)
{
	if (d->df < 1)
		return 1;
	if (d->error > 0)
		return student_two_sided(d->value / d->error, d->df);
	return d->value != 0 ? 0 : 1;
}
