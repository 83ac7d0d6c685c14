/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * json_accounts.h - budget_ns, demand_ns, tenants, run_queue_latency_ns of a JSON report.
 */
#ifndef CPT_JSON_ACCOUNTS_H
#define CPT_JSON_ACCOUNTS_H

#include "analysis/report.h"

#include "json_obj.h"

/* Adds the keys to a report's object; those of parts that the trace does not hold are left out. */
void json_accounts__put(struct json_obj *report, const struct cpt_report *r);

#endif /* CPT_JSON_ACCOUNTS_H */
