/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * json_path.h - critical path, work and span as JSON.
 *
 * Owns:     the keys below `critical_path` and `work_span`.
 */
#ifndef CPT_JSON_PATH_H
#define CPT_JSON_PATH_H

#include "analysis/report.h"

#include "json_obj.h"

/* The caller's; NULL without memory. */
json_t *json_path__critical_path(const struct cpt_path *path);
/* Both ratios are null where they bound nothing: report__span_bounds(). */
json_t *json_path__work_span(const struct cpt_report *r);

#endif /* CPT_JSON_PATH_H */
