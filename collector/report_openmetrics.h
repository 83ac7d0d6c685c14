/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report_openmetrics.h - the summary of a run for monitoring.
 *
 * Owns:     metric names and labels: a contract, added to, never renamed.
 *
 * A run is over: all figures are gauges, those of the last run the file was written of.
 */
#ifndef CPT_REPORT_OPENMETRICS_H
#define CPT_REPORT_OPENMETRICS_H

#include "analysis/report.h"

#include "strbuf.h"

/* Rows of locks and of thread names: the largest. */
#define OPENMETRICS_ROWS 20

/* Failure of memory is in out->failed. */
void report_openmetrics__add(struct strbuf *out, const struct cpt_report *r);

#endif /* CPT_REPORT_OPENMETRICS_H */
