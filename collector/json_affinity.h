/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* json_affinity.h - affinity masks that changed, in JSON. */
#ifndef CPT_JSON_AFFINITY_H
#define CPT_JSON_AFFINITY_H

#include "analysis/report.h"

#include "json_obj.h"

/* An object; NULL without memory. */
json_t *json_affinity__build(const struct cpt_report *r);

#endif /* CPT_JSON_AFFINITY_H */
