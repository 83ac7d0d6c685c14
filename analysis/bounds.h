/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bounds.h - what lost records leave open, summed up as time goes on, and the bounds made of it.
 *
 * Owns:     sums over the instants in doubt; marks on the bins whose waits are; struct cpt_bounds.
 * Must not: find out who is in doubt (analysis_loss.c), or change what the timeline says.
 *
 *      CPU 0  ---A---|...... hole ......|--- blind ---|---B---    until B's switch nobody knows who
 *      CPU 1  -------------- C ---------------------------        runs there; what C does is certain
 *      D      ~~~ waits ~~|?? unknown ??????????????|.. runnable
 *             |<- retro ->|
 *
 * The rules, each of which holds for whatever may have been lost:
 *
 *  1. Who runs on a CPU is certain but from a hole's start to that CPU's next switch. There one of the tasks
 *     in doubt may run: R is at least what is certain, and at most that and the smaller of the blind
 *     CPUs and the tasks in doubt.
 *  2. A task in doubt is runnable, or in progress, or parked: C is at most what is certain and one for each.
 *     One whose end fell into a hole is in doubt until the hole's.
 *  3. A wake-up is told by the switch-in that follows, and so is how a wait ended, from which its reason
 *     follows. A task that waits when a hole begins may have been woken at any time since its last certain
 *     fact, its own switch-out: its wait is in doubt back to there (retro). It did not run, so that touches C
 *     and the classes by C alone; and a parked task may have been in progress, but one that waits
 *     for a lock, a disk or in the kernel was so either way. Memory for that are marks on the bins
 *     of the run, of which there are no more than CPT_BINS_MAX: rounded outwards.
 *  4. Lifecycle records are counted and not located. Any may be a birth: as many tasks may have been runnable
 *     unseen all the time, and who waits for what is less sure, which touches C alone (once they run they are seen); any may be the end of the
 *     command, or the exec that begins the window. With a filter on who a task is they leave all open.
 *  5. A clone that could not be followed leaves all of its tree unseen: only what is certainly parallel stays.
 *  6. What no counter locates or limits (programs that the kernel left out) leaves all open.
 *
 * Costs nothing where nothing is in doubt.
 *
 * Private to analysis/.
 */
#ifndef CPT_BOUNDS_H
#define CPT_BOUNDS_H

#include "bounds_facts.h"

struct timeline;
struct task;
struct cpt_report;
struct cpt_trace_close;

struct bounds {
	uint64_t run_ns;    /* integral of how many more may run than certainly do */
	uint64_t doubt_ns;  /* of the tasks in doubt */
	uint64_t flight_ns; /* time in which operations in flight are not known */
	uint64_t blind_ns;  /* in which some CPU is blind */
	uint64_t
		fade_ns; /* in which some task may be gone, and with it CPUs that it alone was allowed on */
	uint64_t free_ns; /* in which something may run, though nothing does by the profile */
	uint64_t could_ns[CPT_CLASS_CNT]; /* of unknown class that may be this one */
	uint64_t other_ns[CPT_SPLIT_CNT]; /* of this split that may be another of its class */
	/* By number of CPUs: time in which exactly so many certainly run, and more may; where the profile may
	 * be higher by what is there (a sum of differences); where nothing certainly runs, and so many may. */
	uint64_t *more_ns, *up_ns, *from_none_ns;

	/* retro: by bin */
	uint8_t *marks;
	uint64_t plus_ns, minus_ns; /* what the integral of C may lack, or have too much */

	/* For the accounts: CPU time that did not run ours, while tasks may be gone that it is counted as allowed for;
	 * of all CPUs while tasks may be there that it is not, and while A is in doubt. */
	uint64_t fade_left_ns, dying_left_ns, flight_left_ns;
	uint64_t ready_ns; /* integral of Q while more may run than certainly do */
	uint64_t woken_ns; /* what the integral of Q may lack, since waits may have been over */

	/* of the window, as far as its ends are in doubt */
	uint64_t earlier_ns; /* it may have begun so much earlier */
	uint64_t longer_ns;  /* it may have ended so much later, */
	uint64_t shorter_ns; /* or earlier */
	bool run_open; /* the whole run's ends are in doubt, whatever part of it the window is */
	bool cut;      /* the trace ends before the run did: nothing was counted at its end */
};

/* What is open beside the instants in doubt. */
struct bounds_lost {
	uint64_t births;	   /* at most so many tasks were never told of */
	bool trees;		   /* of some nothing was seen at all */
	bool all;		   /* nothing is certain */
	bool waits;		   /* whatever follows from C */
	bool unseen;		   /* any of these four: some tasks' whole lives may be missing */
	uint64_t more_ns, less_ns; /* of the window */
	uint64_t tracer_ns;	   /* CPU time of the tracer in all of the run; cut: unknown */
	uint32_t cpu_cnt;
};

static inline uint64_t bounds_less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static inline uint64_t bounds_least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int bounds__init(struct bounds *b, uint32_t cpu_cnt);
void bounds__fini(struct bounds *b);

/* How many tasks in doubt may run on CPUs that nothing is known of, at this instant. */
uint32_t bounds__runners(const struct timeline *tl);

/* The stretch of span_ns before which nothing changes is of `split`, and something is in doubt. */
void bounds__account(struct timeline *tl, uint64_t span_ns, enum cpt_split split);

/* t waits while records go missing: rule 3. until_ns: where its doubt begins, or the accounts end. */
void bounds__retro(struct timeline *tl, const struct task *t, uint64_t until_ns);

/* Two neighbouring bins are one from now on. */
void bounds__fold(struct bounds *b);

/* The pairs of the budget and the demand into r->bounds, of which those of the window and of CPU time are there:
 * bounds_accounts.c. */
void bounds__accounts(const struct timeline *tl, const struct bounds_lost *lost,
		      struct cpt_report *r);

/* Into r->bounds, from r's figures. close_facts NULL: nothing was counted. 0 or -ENOMEM. */
int bounds__finish(const struct timeline *tl, const struct cpt_trace_close *close_facts,
		   struct cpt_report *r);

#endif /* CPT_BOUNDS_H */
