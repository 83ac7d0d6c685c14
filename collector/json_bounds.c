// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* json_bounds.c - see json_bounds.h. */
#include "json_bounds.h"

#include <math.h>
#include <stdio.h>

#include "json_obj.h"

static json_t *pair(json_t *low, json_t *high)
{
	json_t *array = json_array__append(json_array(), low);

	return json_array__append(array, high);
}

json_t *json_bounds__ns(const struct cpt_ns_bounds *b)
{
	return pair(json_integer((json_int_t)b->low),
		    b->high == UINT64_MAX ? json_null() : json_integer((json_int_t)b->high));
}

json_t *json_bounds__real(const struct cpt_real_bounds *b)
{
	return pair(json_value__real(b->low),
		    isfinite(b->high) ? json_value__real(b->high) : json_null());
}

static json_t *splits(const struct cpt_bounds *b, enum cpt_class cls)
{
	struct json_obj o = json_obj__new();

	for (int split = 0; split < CPT_SPLIT_UNKNOWN; split++)
		if (split_class((enum cpt_split)split) == cls)
			json_obj__put(&o, split_name((enum cpt_split)split),
				      json_bounds__ns(&b->split_ns[split]));
	return json_obj__done(&o);
}

static json_t *ledger(const struct cpt_bounds *b)
{
	struct json_obj o = json_obj__new();
	char key[32];

	for (int cls = 0; cls < CPT_CLASS_UNKNOWN; cls++)
		json_obj__put(&o, class_name((enum cpt_class)cls),
			      json_bounds__ns(&b->class_ns[cls]));
	for (int cls = 0; cls < CPT_CLASS_UNKNOWN; cls++) {
		snprintf(key, sizeof(key), "%s_split", class_name((enum cpt_class)cls));
		json_obj__put(&o, key, splits(b, (enum cpt_class)cls));
	}
	return json_obj__done(&o);
}

static json_t *parallelism(const struct cpt_bounds *b)
{
	struct json_obj o = json_obj__new();
	json_t *profile = json_array();

	for (uint32_t k = 0; k < b->profile_cnt; k++)
		profile = json_array__append(profile, json_bounds__ns(&b->profile_ns[k]));
	json_obj__put(&o, "average", json_bounds__real(&b->parallel_average));
	json_obj__put(&o, "tlp", json_bounds__real(&b->tlp));
	json_obj__put(&o, "efficiency", json_bounds__real(&b->efficiency));
	json_obj__put(&o, "profile_ns", profile);
	return json_obj__done(&o);
}

static json_t *concurrency(const struct cpt_bounds *b)
{
	struct json_obj o = json_obj__new();

	json_obj__put(&o, "average", json_bounds__real(&b->concurrent_average));
	return json_obj__done(&o);
}

static json_t *budget(const struct cpt_budget_bounds *b)
{
	struct json_obj o = json_obj__new();

	json_obj__put(&o, "total", json_bounds__ns(&b->total_ns));
	for (int i = 0; i < CPT_BUDGET_UNKNOWN; i++)
		json_obj__put(&o, budget_name((enum cpt_budget_item)i),
			      json_bounds__ns(&b->item_ns[i]));
	for (int i = 0; i < CPT_REASON_CNT; i++)
		if (b->reason_ns[i].high || !reason_is_parked((enum cpt_reason)i))
			json_obj__put(&o, reason_name((enum cpt_reason)i),
				      json_bounds__ns(&b->reason_ns[i]));
	return json_obj__done(&o);
}

static json_t *demand(const struct cpt_demand_bounds *b)
{
	struct json_obj o = json_obj__new();

	json_obj__put(&o, "total", json_bounds__ns(&b->total_ns));
	for (int i = 0; i < CPT_DEMAND_UNKNOWN; i++)
		json_obj__put(&o, demand_name((enum cpt_demand_item)i),
			      json_bounds__ns(&b->item_ns[i]));
	return json_obj__done(&o);
}

json_t *json_bounds(const struct cpt_report *r)
{
	const struct cpt_bounds *b = &r->bounds;
	struct json_obj o = json_obj__new();

	json_obj__put(&o, "open", json_boolean(b->open));
	json_obj__put(&o, "window_ns", json_bounds__ns(&b->window_ns));
	json_obj__put(&o, "cpu_time_ns", json_bounds__ns(&b->cpu_time_ns));
	json_obj__put(&o, "ledger_ns", ledger(b));
	json_obj__put(&o, "parallelism", parallelism(b));
	json_obj__put(&o, "concurrency", concurrency(b));
	if (b->accounts_open) {
		json_obj__put(&o, "budget_ns", budget(&b->budget));
		json_obj__put(&o, "demand_ns", demand(&b->demand));
	}
	return json_obj__done(&o);
}
