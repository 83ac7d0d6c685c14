/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * within.h - a report of what is left, held against that of all there was.
 *
 * Owns:     the comparison of true figures with the bounds that stand beside what is reported.
 * Must not: know what was lost, or how.
 */
#ifndef PROPERTIES_WITHIN_H
#define PROPERTIES_WITHIN_H

#include "../../analysis/report.h"

/* All figures of the truth, which must know all itself, against r's bounds; and no verdict of r that is not the
 * truth's. The number of failed checks, each printed with `what` naming the case. */
int check_bounds(const char *what, const struct cpt_report *truth, const struct cpt_report *r);

#endif /* PROPERTIES_WITHIN_H */
