/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * openmetrics.h - lines of the OpenMetrics 1.0 text format.
 *
 * Owns:     head lines of a family, exact seconds, quoting of labels.
 * Must not: know any metric.
 *
 * What is written with it is valid as the older text format, too, that node_exporter's textfile collector
 * reads: there the lines UNIT and EOF are comments. No time stamps, which that collector refuses.
 */
#ifndef CPT_OPENMETRICS_H
#define CPT_OPENMETRICS_H

#include <stdint.h>

#include "strbuf.h"

/* HELP, TYPE and (unit not NULL) UNIT of the family prefix + name. */
void openmetrics__family(struct strbuf *b, const char *prefix, const char *name, const char *type,
			 const char *unit, const char *help);

/* ns as seconds, exactly. */
void openmetrics__seconds(struct strbuf *b, uint64_t ns);

/* A label's value without the quotes: names are others' choice, so what could harm a terminal or a parser is
 * escaped. */
void openmetrics__label(struct strbuf *b, const char *value);

#endif /* CPT_OPENMETRICS_H */
