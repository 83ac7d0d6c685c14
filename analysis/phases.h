/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * phases.h - what each phase of the run is made of, while the pass goes by.
 *
 * Owns:     names of phases, their sums, the list of marks.
 * Must not: account anything itself: at each mark it takes the difference of the timeline's sums.
 *
 * Memory: at most CPT_PHASES_MAX phases and CPT_MARKS_MAX marks; names beyond are one phase, marks beyond
 * count and are not listed. Work: O(1) for a mark.
 *
 * Private to analysis/.
 */
#ifndef CPT_PHASES_H
#define CPT_PHASES_H

#include "phase_facts.h"
#include "timeline.h"

struct phases;

struct phases *phases__new(void);    /* NULL without memory */
void phases__free(struct phases *p); /* accepts NULL */

/* The name of a mark, as phases have it. */
const char *phases__name(const struct cpt_event *mark);

/* A phase begins; time has been moved to now. real_ns: the mark's own time. 0 or -ENOMEM. */
int phases__mark(struct phases *p, const struct timeline *tl, const struct cpt_event *mark,
		 uint64_t real_ns);

/* Accounting begins (the timeline is open, and nothing was added) or ends at the timeline's now; it may do so
 * several times. real_ns: now, by the trace's clock; mark: by which it begins, NULL none. */
int phases__open(struct phases *p, const struct timeline *tl, uint64_t real_ns,
		 const struct cpt_event *mark);
void phases__close(struct phases *p, const struct timeline *tl);

/* The facts, the caller's (cpt_phases__free). No phases where there was no mark. */
void phases__take(struct phases *p, struct cpt_phases *out);

#endif /* CPT_PHASES_H */
