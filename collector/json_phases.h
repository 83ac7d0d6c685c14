/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* json_phases.h - phases and marks, in JSON. */
#ifndef CPT_JSON_PHASES_H
#define CPT_JSON_PHASES_H

#include "analysis/report.h"

#include "json_obj.h"

/* The keys "phases" and "marks"; neither where nobody set a mark. */
void json_phases__put(struct json_obj *o, const struct cpt_report *r);

#endif /* CPT_JSON_PHASES_H */
