/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* json_bounds.h - the report's "bounds": what lost records leave open, figure by figure. */
#ifndef CPT_JSON_BOUNDS_H
#define CPT_JSON_BOUNDS_H

#include <jansson.h>

#include "../analysis/report.h"

/* The object, the caller's; NULL without memory. Pairs of [low, high]; a high of null: nothing limits it. */
json_t *json_bounds(const struct cpt_report *r);

/* Such a pair. */
json_t *json_bounds__ns(const struct cpt_ns_bounds *b);
json_t *json_bounds__real(const struct cpt_real_bounds *b);

#endif /* CPT_JSON_BOUNDS_H */
