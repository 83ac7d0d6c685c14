// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* json_accounts.c - see json_accounts.h. */
#include "json_accounts.h"

static json_t *budget(const struct cpt_budget *b)
{
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "total", b->total_ns);
	for (int i = 0; i < CPT_BUDGET_CNT; i++)
		json_obj__put_ns(&o, budget_name((enum cpt_budget_item)i), b->item_ns[i]);
	for (int i = 0; i < CPT_REASON_CNT; i++)
		if (b->reason_ns[i] || !reason_is_parked((enum cpt_reason)i))
			json_obj__put_ns(&o, reason_name((enum cpt_reason)i), b->reason_ns[i]);
	return json_obj__done(&o);
}

static json_t *demand(const struct cpt_demand *d)
{
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "total", d->total_ns);
	for (int i = 0; i < CPT_DEMAND_CNT; i++)
		json_obj__put_ns(&o, demand_name((enum cpt_demand_item)i), d->item_ns[i]);
	return json_obj__done(&o);
}

static json_t *latency(const struct cpt_latency *l)
{
	struct json_obj o = json_obj__new();
	json_t *buckets = json_array();

	json_obj__put_ns(&o, "count", l->cnt);
	json_obj__put_ns(&o, "sum", l->sum_ns);
	json_obj__put_ns(&o, "p50", l->p50_ns);
	json_obj__put_ns(&o, "p99", l->p99_ns);
	json_obj__put_ns(&o, "max", l->max_ns);
	json_obj__put_ns(&o, "migrated", l->migrated);
	json_obj__put_ns(&o, "short_count", l->short_cnt);
	json_obj__put_ns(&o, "short_sum", l->short_ns);
	for (uint32_t i = 0; i < CPT_LATENCY_BUCKETS; i++) {
		const uint64_t pair[2] = {latency_bucket_from(i), l->bucket[i]};

		if (l->bucket[i])
			buckets = json_array__append(buckets, json_value__array_ns(pair, 2));
	}
	json_obj__put(&o, "histogram", buckets);
	return json_obj__done(&o);
}

static json_t *latencies(const struct cpt_report *r)
{
	struct json_obj o = json_obj__new();

	for (int i = 0; i < CPT_READY_CNT; i++)
		json_obj__put(&o, ready_name((enum cpt_ready_kind)i), latency(&r->latency[i]));
	return json_obj__done(&o);
}

static json_t *tenant(const char *name, uint32_t pid, uint64_t cpu_ns)
{
	struct json_obj o = json_obj__new();

	json_obj__put(&o, "name", json_value__comm(name));
	json_obj__put_ns(&o, "pid", pid);
	json_obj__put_ns(&o, "cpu_ns", cpu_ns);
	return json_obj__done(&o);
}

/* The last one, without a pid, is all the others together. */
static json_t *tenants(const struct cpt_trace_close *close)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < close->tenant_cnt; i++)
		array = json_array__append(array,
					   tenant(close->tenants[i].name, close->tenants[i].pid,
						  close->tenants[i].cpu_ns));
	if (close->tenants_rest_ns)
		array = json_array__append(array,
					   tenant(CPT_NAME_OTHER, 0, close->tenants_rest_ns));
	return array;
}

static json_t *maybe_ns(uint64_t ns)
{
	return ns == UINT64_MAX ? json_null() : json_integer((json_int_t)ns);
}

static json_t *quota(const struct cpt_trace_close *close)
{
	struct json_obj o = json_obj__new();

	json_obj__put(&o, "throttled_ns", maybe_ns(close->throttled_ns));
	json_obj__put(&o, "periods", maybe_ns(close->quota_periods));
	json_obj__put(&o, "throttled_periods", maybe_ns(close->quota_throttled));
	return json_obj__done(&o);
}

void json_accounts__put(struct json_obj *report, const struct cpt_report *r)
{
	const struct cpt_trace_close *close = r->close_facts;

	json_obj__put(report, "budget_ns", budget(&r->budget));
	json_obj__put(report, "demand_ns", demand(&r->demand));
	json_obj__put_ns(report, "demand_shared_ns", r->demand.shared_ns);
	json_obj__put(report, "run_queue_latency_ns", latencies(r));
	if (!close)
		return;
	if (close->tenants_rest_ns != UINT64_MAX)
		json_obj__put(report, "tenants", tenants(close));
	/* The kernel's own account of the cgroups' quotas, beside ours. */
	json_obj__put(report, "quota", quota(close));
	json_obj__put(report, "irq_ns", maybe_ns(close->irq_ns));
}
