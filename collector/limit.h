/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limit.h - what kept the workload from being more parallel, ranked, in words.
 *
 * Owns:     the causes, the order they are named in, the evidence shown for each, and what to look
 *           at next; the thresholds at which something is called a limit.
 * Must not: compute facts; advise what the figures do not carry.
 *
 * A cause costs what an account says: an item of the CPU budget is CPU time the workload was allowed and
 * did not use, an item of the demand is time in which threads were ready and did not run. A cause that
 * is in both costs the larger of the two, for they are the same stretches seen from two sides. But
 *
 *   others, tracer   cost the smaller of the two: CPU time they took while nothing of the workload
 *                    was ready is no loss to it
 *   locks            cost at least the ledger's contended time (one ran, others wanted its lock), told
 *                    of the kind of lock that was waited for most: a lock that lets one run at a time
 *                    is no less a limit where another program happens to hold the other CPUs
 *   no work          costs at least the ledger's time of one thing computing alone, likewise
 *   blocked loop     costs the CPU time allowed and not used while an event loop was blocked with
 *                    operations in flight behind it, in one call for one reason: the dearest such. As far
 *                    as the budget charges that to operations in flight, no work and that reason, which
 *                    cost less by it; at least that loop's own time, for the reason that a lock does
 *
 * Sentences are plain ASCII but for names that come from the trace, which are escaped for terminals;
 * utf8: what is valid UTF-8 in them stays.
 */
#ifndef CPT_LIMIT_H
#define CPT_LIMIT_H

#include "analysis/report.h"

#include "strbuf.h"

#define CPT_LIMITS_MAX 3

/* X(NAME, "name") */
/* clang-format off */
#define CPT_CAUSES(X)                                                                              \
	X(LOCK, "lock") X(HANDOFF, "handoff") X(KERNEL_LOCK, "kernel_lock") X(DISK, "disk")        \
	X(SOCKET, "socket") X(PIPE, "pipe") X(PAGE_FAULT, "page_fault") X(OTHER, "other")          \
	X(IN_FLIGHT, "in_flight") X(NO_WORK, "no_work") X(PLACEMENT, "placement")                  \
	X(QUOTA, "quota") X(OTHERS, "others") X(TRACER, "tracer") X(MASK, "mask")                  \
	X(BLOCKED_LOOP, "blocked_loop")
/* clang-format on */

#define CPT_CAUSE_ENUM(name, str) CPT_CAUSE_##name,
enum cpt_cause { CPT_CAUSES(CPT_CAUSE_ENUM) CPT_CAUSE_CNT };
#undef CPT_CAUSE_ENUM

/* What gave the cost. X(NAME, "name") */
#define CPT_COSTS(X) X(BUDGET, "budget") X(DEMAND, "demand") X(LEDGER, "ledger") X(LOOPS, "loops")

#define CPT_COST_ENUM(name, str) CPT_COST_##name,
enum cpt_cost { CPT_COSTS(CPT_COST_ENUM) CPT_COST_CNT };
#undef CPT_COST_ENUM

struct limit {
	enum cpt_cause cause;
	enum cpt_cost by;
	uint64_t cost_ns;
};

const char *cause_name(enum cpt_cause cause);
const char *cost_name(enum cpt_cost by);

/* The limits, dearest first, at most CPT_LIMITS_MAX. None where events that were lost leave open which
 * is the dearest, by the bounds of all that has some, or nothing costs enough to matter. Returns how many. */
unsigned int limits__find(const struct cpt_report *r, struct limit out[CPT_LIMITS_MAX]);

/* Of the kinds of locks, is this the one that was waited for longest? Also if none was. */
bool limits__waited_for_most(const struct cpt_report *r, enum cpt_reason lock);

/* What it is, with its evidence: one sentence, no full stop at a name's cost. */
void limits__evidence(struct strbuf *b, const struct cpt_report *r, const struct limit *limit,
		      bool utf8);

/* What to look at next: one phrase; adds nothing where the figures do not say. */
void limits__look_at(struct strbuf *b, const struct cpt_report *r, const struct limit *limit);

/* The one sentence under the verdict: the first limit, or that there is none but the number of CPUs.
 * Adds nothing where neither can be said: not the latter where events that were lost may hide a limit. */
void limits__sentence(struct strbuf *b, const struct cpt_report *r, bool utf8);

#endif /* CPT_LIMIT_H */
