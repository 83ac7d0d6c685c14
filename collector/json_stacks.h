/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * json_stacks.h - parts of the JSON report that rest on stacks and samples.
 *
 * Owns:     keys hot, spin, stacks_lost, wait_sites. Each returns NULL without memory; the caller asks only where the
 *           trace has what it is about.
 */
#ifndef CPT_JSON_STACKS_H
#define CPT_JSON_STACKS_H

#include <jansson.h>

#include "analysis/report.h"

json_t *json_stacks__hot(const struct cpt_report *r);	     /* sites->sample_hz */
json_t *json_stacks__spin(const struct cpt_report *r);	     /* always */
json_t *json_stacks__lost(const struct cpt_report *r);	     /* sites */
json_t *json_stacks__wait_sites(const struct cpt_report *r); /* sites->stacks */

/* Frames of one stack, leaf first; for others' keys. 0: an empty array. */
json_t *json_stacks__frames(const struct cpt_stacks *table, uint32_t stack);

#endif /* CPT_JSON_STACKS_H */
