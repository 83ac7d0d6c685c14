/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * json_path.h - critical path, work and span, and the wake graph as JSON.
 *
 * Owns:     the keys below `critical_path`, `work_span` and `wakes`.
 */
#ifndef CPT_JSON_PATH_H
#define CPT_JSON_PATH_H

#include "analysis/report.h"

#include "json_obj.h"

#define CPT_JSON_WAKES_MAX 256

/* The caller's; NULL without memory. */
json_t *json_path__critical_path(const struct cpt_path *path);
/* Both ratios are null where they bound nothing: report__span_bounds(). */
json_t *json_path__work_span(const struct cpt_report *r);
/* The edges of the wake graph with the longest waits, at most CPT_JSON_WAKES_MAX: export has all of them. */
json_t *json_path__wakes(const struct cpt_report *r);

#endif /* CPT_JSON_PATH_H */
