/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * explain_line.h - a line of `report --explain`: a figure, its value, what it is made of.
 *
 * Owns:     what text_explain.c, which has the lines of the run's own figures, and explain_why.c, which has
 *           those of why it was not more parallel, share.
 * Must not: be known elsewhere.
 */
#ifndef CPT_EXPLAIN_LINE_H
#define CPT_EXPLAIN_LINE_H

#include "format.h"
#include "text_report.h"

struct explain {
	struct strbuf *b;
	const struct text_style *style;
	const struct cpt_report *r;
	struct strbuf text; /* of the line being made */
};

static inline const char *explain__duration(const struct explain *x, char *buf, uint64_t ns)
{
	return fmt_duration(buf, ns, x->style->utf8);
}

/* "used 1.53 s + others 12.0 ms + lock 1.50 s": one term of a sum, if it is not 0. */
void explain__term(struct explain *x, const char **sep, const char *name, uint64_t ns);

/* Ends the line whose text has been made. */
void explain__end(struct explain *x, const char *label, const char *value);

/* Why it was not more parallel: limits, the lock most waited for, ceilings, delays in the run queue, parallelism
 * less busy-waiting. Each adds nothing where the report does not have it. */
void explain__limits(struct explain *x);
void explain__top_lock(struct explain *x);
void explain__ceilings(struct explain *x);
void explain__latency(struct explain *x);
void explain__effective(struct explain *x);

#endif /* CPT_EXPLAIN_LINE_H */
