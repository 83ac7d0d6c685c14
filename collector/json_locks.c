// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* json_locks.c - see json_locks.h. */
#include "json_locks.h"

#include <inttypes.h>
#include <stdio.h>

#include "analysis/words.h"
#include "json_obj.h"
#include "json_stacks.h"

static json_t *known_string(const char *s)
{
	return s && *s ? json_value__string(s) : json_null();
}

static json_t *address(uint64_t addr)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, addr);
	return json_string(text);
}

static json_t *blocked_by(const uint64_t *ns)
{
	struct json_obj o = json_obj__new();
	int reason;

	for (reason = 0; reason < CPT_REASON_CNT; reason++)
		if (ns[reason])
			json_obj__put_ns(&o, reason_name((enum cpt_reason)reason), ns[reason]);
	return json_obj__done(&o);
}

static json_t *holder(const struct cpt_lock *l)
{
	struct json_obj o = json_obj__new();
	uint64_t blocked = 0;
	int reason;

	for (reason = 0; reason < CPT_REASON_CNT; reason++)
		blocked += l->holder_blocked_ns[reason];
	json_obj__put_ns(&o, "running_ns", l->holder_running_ns);
	json_obj__put_ns(&o, "runnable_ns", l->holder_runnable_ns);
	json_obj__put_ns(&o, "blocked_ns", blocked);
	json_obj__put_ns(&o, "unknown_ns", l->holder_unknown_ns);
	json_obj__put(&o, "blocked_by", blocked_by(l->holder_blocked_ns));
	return json_obj__done(&o);
}

static json_t *top_holders(const struct cpt_lock *l)
{
	json_t *array = json_array();
	uint32_t i;

	for (i = 0; array && i < l->top_cnt; i++) {
		struct json_obj o = json_obj__new();

		json_obj__put_ns(&o, "id", l->top[i].id);
		json_obj__put_ns(&o, "blocked_ns", l->top[i].ns);
		array = json_array__append(array, json_obj__done(&o));
	}
	return array;
}

static json_t *lock_sites(const struct cpt_sites *s, const struct cpt_lock *l)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < l->site_cnt; i++) {
		const struct cpt_site *site = &s->at[l->sites[i].site];
		struct json_obj o = json_obj__new();

		json_obj__put(&o, "name", json_value__comm(s->names[site->name]));
		json_obj__put_ns(&o, "blocked_ns", l->sites[i].ns);
		json_obj__put(&o, "user", json_stacks__frames(s->table, site->user));
		json_obj__put(&o, "kernel", json_stacks__frames(s->table, site->kernel));
		array = json_array__append(array, json_obj__done(&o));
	}
	return array;
}

static json_t *lock(const struct cpt_lock *l, const struct cpt_sites *sites)
{
	struct json_obj o = json_obj__new();
	const char *word = word_kind_name(l->kind);

	json_obj__put(&o, "address", address(l->addr));
	json_obj__put(&o, "symbol", known_string(l->symbol));
	json_obj__put(&o, "module", known_string(l->module));
	json_obj__put(&o, "kind",
		      json_string(l->reason == CPT_REASON_HANDOFF ? reason_name(CPT_REASON_HANDOFF)
								  : word));
	json_obj__put(&o, "word", json_string(word));
	json_obj__put(&o, "reason", json_string(reason_name((enum cpt_reason)l->reason)));
	json_obj__put_ns(&o, "pid", l->pid);
	json_obj__put(&o, "shared", json_boolean(l->shared));
	json_obj__put(&o, "rest", json_boolean(l->rest));
	if (l->python_gil)
		json_obj__put(&o, "python_gil", json_true());
	if (l->python_gil_switch)
		json_obj__put(&o, "python_gil_switch", json_true());
	json_obj__put_ns(&o, "waits", l->waits);
	json_obj__put_ns(&o, "blocked_ns", l->blocked_ns);
	json_obj__put_ns(&o, "wake_delay_ns", l->wake_delay_ns);
	json_obj__put_ns(&o, "longest_ns", l->longest_ns);
	json_obj__put_ns(&o, "waited_ns", l->waited_ns);
	json_obj__put_ns(&o, "waiters", l->waiters);
	if (l->waiters_least)
		json_obj__put(&o, "waiters_at_least", json_true());
	json_obj__put(&o, "holder", holder(l));
	json_obj__put(&o, "top_holders", top_holders(l));
	if (sites && sites->stacks)
		json_obj__put(&o, "sites", lock_sites(sites, l));
	return json_obj__done(&o);
}

json_t *json_locks__build(const struct cpt_report *r)
{
	json_t *array = json_array();
	uint32_t i;

	for (i = 0; array && i < r->locks_cnt; i++)
		array = json_array__append(array, lock(&r->locks[i], r->sites));
	return array;
}

static json_t *ceiling(const struct cpt_ceiling *c)
{
	struct json_obj o = json_obj__new();

	json_obj__put(&o, "kind", json_string(ceiling_kind_name((enum cpt_ceiling_kind)c->kind)));
	json_obj__put(&o, "certain", json_boolean(c->kind == CPT_CEILING_GIL));
	json_obj__put(&o, "address", address(c->addr));
	json_obj__put(&o, "symbol", known_string(c->symbol));
	json_obj__put(&o, "module", known_string(c->module));
	json_obj__put(&o, "word", json_string(word_kind_name(c->word_kind)));
	json_obj__put_ns(&o, "pid", c->pid);
	json_obj__put_ns(&o, "threads", c->threads);
	json_obj__put_ns(&o, "waited_ns", c->waited_ns);
	json_obj__put_ns(&o, "wanted_ns", c->wanted_ns);
	json_obj__put_ns(&o, "one_ns", c->one_ns);
	json_obj__put_ns(&o, "overlap_ns", c->overlap_ns);
	json_obj__put_ns(&o, "turns", c->turns);
	json_obj__put_real(&o, "free_cpus", c->free_cpus);
	return json_obj__done(&o);
}

json_t *json_ceilings__build(const struct cpt_report *r)
{
	json_t *array = json_array();
	uint32_t i;

	for (i = 0; array && i < r->ceilings_cnt; i++)
		array = json_array__append(array, ceiling(&r->ceilings[i]));
	return array;
}
