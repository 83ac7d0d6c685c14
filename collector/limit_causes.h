/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limit_causes.h - one row for each cause in limit.h: what it costs, its evidence, what to look at next.
 *
 * Owns:     what the files of causes and the ranking share. A new cause is a name in limit.h and a row
 *           in the table of the file it belongs to.
 * Must not: be known outside limit.c and limit_*.c.
 *
 *   limit.c        names, costs, ranking, the one sentence
 *   limit_waits.c  causes that are waits: locks, disk, sockets, pipes, page faults
 *   limit_cpus.c   causes that are CPUs not had or not used: placement, quota, others, mask, no work …
 *   limit_loops.c  an event loop that is blocked
 */
#ifndef CPT_LIMIT_CAUSES_H
#define CPT_LIMIT_CAUSES_H

#include "format.h"
#include "limit.h"
#include "share.h"

/* A state of the holder, or a thread's share, is named when it explains at least that much. */
#define LIMIT_MOSTLY 0.5
#define LIMIT_PARTLY 0.2

/* Where the accounts keep a cause: a reason or an item of the budget, an item of the demand; -1 not. */
struct limit_cause {
	int reason, budget, demand;
	/* Adds one sentence without its full stop. */
	void (*evidence)(struct strbuf *b, const struct cpt_report *r, const struct limit *limit,
			 bool utf8);
	/* Adds one phrase, or nothing. NULL: never. */
	void (*look_at)(struct strbuf *b, const struct cpt_report *r, const struct limit *limit);
};

/* The stall of an event loop that kept most CPU time from being used; zero: none had operations behind it. */
struct limit_stall {
	const struct cpt_loop *loop;
	const struct cpt_stall *stall;
	uint64_t cost_ns;
};

struct limit_stall limit_stall__dearest(const struct cpt_report *r);

/* Of what the budget charges to this cause, what is that stall's. Operations in flight come first, then no work, then
 * the stall's reason: `first` has those that come before this cause, r the rest. Of bounds' ends the two are
 * the opposite ones, else the same report. */
uint64_t limit_stall__part(const struct cpt_report *r, const struct cpt_report *first,
			   enum cpt_cause cause);

/* By cause; those of the other files are zero. */
extern const struct limit_cause limit_waits[CPT_CAUSE_CNT];
extern const struct limit_cause limit_cpus[CPT_CAUSE_CNT];
extern const struct limit_cause limit_loops[CPT_CAUSE_CNT];

/* What is left of ns, if anything. */
static inline uint64_t without(uint64_t ns, uint64_t part)
{
	return ns > part ? ns - part : 0;
}

static inline bool cause_is_lock(enum cpt_cause cause)
{
	return cause == CPT_CAUSE_LOCK || cause == CPT_CAUSE_HANDOFF ||
	       cause == CPT_CAUSE_KERNEL_LOCK;
}

static inline void add_duration(struct strbuf *b, uint64_t ns)
{
	char d[FMT_SZ];

	strbuf__adds(b, fmt_duration(d, ns, false));
}

static inline void add_percent(struct strbuf *b, uint64_t part, uint64_t total)
{
	char p[FMT_SZ];

	strbuf__adds(b, fmt_percent(p, part, total));
}

#endif /* CPT_LIMIT_CAUSES_H */
