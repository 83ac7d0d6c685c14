/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * json_locks.h - the report's keys "locks" and "ceilings".
 *
 * Owns:     their keys.
 */
#ifndef CPT_JSON_LOCKS_H
#define CPT_JSON_LOCKS_H

#include <jansson.h>

#include "analysis/report.h"

/* Arrays, the caller's; NULL without memory. */
json_t *json_locks__build(const struct cpt_report *r);
json_t *json_ceilings__build(const struct cpt_report *r);

#endif /* CPT_JSON_LOCKS_H */
