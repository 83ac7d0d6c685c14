/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * diff_result.h - which differences between two sides are changes.
 *
 * Owns:     the rule, and the order in which changes are named.
 * Must not: know how they are shown (diff_text.h, diff_json.h).
 *
 *	    difference      |<------ margin ------>|   margin = noise + loss
 *	    -----------0----------------------x----    a change if 0 lies outside of it, and the
 *	                                               difference is not below the resolution
 *
 *	noise        half of the interval, corrected for all figures (diff_stats.h). What others took is no
 *	             change of the workload: where that was more than hardly anything, window, parallel share
 *	             and average parallelism are as if other programs had taken nothing (diff_undisturbed.h;
 *	             what the hypervisor took is not known there), and other differences as if from both
 *	             sides alike
 *	loss         time whose state is unknown because events were lost, on both sides; of figures that have
 *	             bounds what these leave open, where it is more
 *	resolution   half a percent of the window: figures agree with an independent recording within that;
 *	             and a part of the disturbance: a fifth where its effect is only taken to be
 *	             proportional to it, a twentieth where it is taken out of each run
 *
 * The error of 1 % that all intervals may have together is divided: four fifths to the few figures of the
 * summary (time, CPU time, parallel share, average parallelism and concurrency), one to the rest, so that many
 * threads and locks do not blunt what is looked at first.
 */
#ifndef CPT_DIFF_RESULT_H
#define CPT_DIFF_RESULT_H

#include "diff_book.h"
#include "diff_stats.h"

#define DIFF_ERROR	      0.01
#define DIFF_ERROR_MAIN	      0.008 /* of it: for the figures of the summary */
#define DIFF_RESOLUTION	      0.005
#define DIFF_DISTURBED_PART   0.2
#define DIFF_UNDISTURBED_PART 0.05
#define DIFF_DISTURBED	      0.005 /* tasks kept from CPUs on average, from which on it is allowed for */
#define DIFF_NAMES_MAX	      24 /* locks, and names of threads, that are compared: the largest */

struct diff_row {
	const struct diff_figure *figure; /* the book's */
	struct side_stats side[2];
	bool undisturbed;  /* the difference is that of the figure's undisturbed values */
	double shown[2];   /* their means then, else those of the sides */
	double difference; /* B - A */
	double adjusted;   /* likewise, without what others took; = difference if not judged */
	double noise;	   /* half width; meaningless unless the result is judged */
	double margin;	   /* noise + loss */
	double p;	   /* of chance alone, not corrected */
	double weight;	   /* of the difference, in windows or CPUs: for the order */
	double cost;	   /* difference of the CPU time allowed that it stands for */
	bool changed;
};

struct diff_result {
	const struct diff_book *book;
	struct diff_row *rows; /* groups in order; inside a group by weight, the heaviest first,
				* but ledger, time and parallelism as they are */
	uint32_t cnt;
	uint32_t main_cnt, rest_cnt;	 /* figures of the two families */
	bool judged;			 /* there are several whole runs on each side */
	const char *why_not;		 /* otherwise: a phrase */
	bool allowed_for;		 /* disturbance was: differences are adjusted */
	double resolution;		 /* in windows or CPUs, */
	double resolution_undisturbed;	 /* and of figures with undisturbed values */
	double disturbed[2], unknown[2]; /* averages */
	/* The row that explains most: the dearest change of a cause (of those that differ, if not judged);
	 * NULL none. */
	const struct diff_row *cause;
	uint32_t changed_cnt;
};

/* 0 or -ENOMEM. The book must outlive the result. */
int diff_result__make(struct diff_result *d, const struct diff_book *book);
void diff_result__free(struct diff_result *d);

/* The least difference of a figure that is called a change, in windows or CPUs. */
double diff_result__resolution(const struct diff_result *d, const struct diff_figure *f);

/* The row of a figure, NULL if there is none. */
const struct diff_row *diff_result__find(const struct diff_result *d, enum diff_group group,
					 const char *key, const char *what);

#endif /* CPT_DIFF_RESULT_H */
