/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * run_repeats.h - figures of repeated runs: the median run, and how far the runs lie apart.
 *
 * Owns:     what is kept of each run, and the summary of all.
 */
#ifndef CPT_RUN_REPEATS_H
#define CPT_RUN_REPEATS_H

#include <jansson.h>

#include "analysis/report.h"

#include "strbuf.h"

/* A figure of a run, between what lost records leave open; high >= low. */
struct repeat_figure {
	double value, low, high;
};

struct repeat {
	uint32_t number; /* 1, 2, ... */
	struct repeat_figure window_ns;
	struct repeat_figure average;	     /* parallelism */
	struct repeat_figure parallel_share; /* of the window, 0..1 */
};

struct repeats {
	struct repeat *runs; /* owned */
	uint32_t cnt, cap;
};

/* Takes note of a run. 0 or -ENOMEM. */
int repeats__add(struct repeats *r, const struct cpt_report *report, uint32_t number);
/* Number of the run with the median average parallelism (the lower of two). */
uint32_t repeats__median(struct repeats *r);
/* One line per figure: median and range, each with bounds where a run's records were lost. The true median lies
 * between the median of all lows and that of all highs, and so do the least and the most. */
void repeats__summary(const struct repeats *r, struct strbuf *out, bool utf8);
json_t *repeats__json(const struct repeats *r); /* NULL: no memory */
void repeats__free(struct repeats *r);

#endif /* CPT_RUN_REPEATS_H */
