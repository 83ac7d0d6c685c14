/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * words.h - facts of a report to sentences: the verdict and the quality of the data.
 *
 * Owns:     every threshold at which a figure becomes a word, and its reason.
 * Must not: know how text is laid out (text_report.h, json_report.h do).
 *
 * Sentences are plain ASCII.
 */
#ifndef CPT_WORDS_H
#define CPT_WORDS_H

#include "analysis/report.h"

#include "strbuf.h"

/* One sentence: the class with its figures. */
void words__verdict(struct strbuf *b, const struct cpt_report *r);

/* One more sentence where the verdict rests on something the reader should know (one CPU allowed,
 * most of the waiting not told apart, sleepers left out ...); adds nothing where there is none. */
void words__caveat(struct strbuf *b, const struct cpt_report *r);

/* Whether what is unknown could change the verdict's class. */
bool words__verdict_uncertain(const struct cpt_report *r);

/* " [1.91, 1.96]": the ends of a range behind a figure, all three as they are printed; " [1.91 or more]" where high is
 * NULL. Nothing, and false, where neither end says anything else than the figure. */
bool words__ends(struct strbuf *b, const char *figure, const char *low, const char *high);
/* Likewise "in truth between 1.91 and 1.96", where the figure stands apart. */
bool words__truth(struct strbuf *b, const char *figure, const char *low, const char *high);
/* Likewise behind a figure that is printed as an average. */
void words__range(struct strbuf *b, double value, const struct cpt_real_bounds *bounds);
/* Likewise of a report, where anything was lost. */
void words__bounds(struct strbuf *b, const struct cpt_report *r, double value,
		   const struct cpt_real_bounds *bounds);

/* What is wrong with the data, one phrase per call: i = 0, 1, ... until false. */
bool words__warning(struct strbuf *b, const struct cpt_report *r, unsigned int i);

/* True if events were lost or the trace is not whole: exit status 4. */
bool words__data_incomplete(const struct cpt_report *r);

/* What a class of the ledger means, a short phrase. */
const char *words__class(enum cpt_class cls);

#endif /* CPT_WORDS_H */
