/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * json_loops.h - the report's keys of event loops: "event_loops", "epoll_instances", "in_flight",
 * "loop_parallelism", "loop_pools", "loop_offload".
 *
 * Owns:     their keys.
 */
#ifndef CPT_JSON_LOOPS_H
#define CPT_JSON_LOOPS_H

#include "analysis/report.h"

#include "json_obj.h"

/* Puts them in. */
void json_loops__put(struct json_obj *o, const struct cpt_report *r);

#endif /* CPT_JSON_LOOPS_H */
