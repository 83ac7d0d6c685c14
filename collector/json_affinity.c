// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* json_affinity.c - see json_affinity.h. */
#include "json_affinity.h"

#include "text_affinity.h"

static json_t *mask(const uint64_t *bits)
{
	struct strbuf list = {0};
	json_t *value;

	add_cpu_list(&list, bits);
	value = list.failed ? NULL : json_string(strbuf__str(&list));
	strbuf__free(&list);
	return value;
}

static json_t *change(const struct cpt_report *r, const struct cpt_affinity_change *c)
{
	const struct cpt_thread *t = report__thread(r, c->id);
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "id", c->id);
	json_obj__put_ns(&o, "tid", t ? t->tid : 0);
	json_obj__put_ns(&o, "pid", t ? t->pid : 0);
	json_obj__put(&o, "name", json_value__comm(t ? t->name : ""));
	json_obj__put_ns(&o, "at_ns", c->at_ns - r->window_start_ns);
	json_obj__put(&o, "from", mask(c->from));
	json_obj__put(&o, "to", mask(c->to));
	json_obj__put_ns(&o, "from_held_ns", c->from_ns);
	json_obj__put_ns(&o, "to_held_ns", c->to_ns);
	return json_obj__done(&o);
}

json_t *json_affinity__build(const struct cpt_report *r)
{
	struct json_obj o = json_obj__new();
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < r->affinity.cnt; i++)
		array = json_array__append(array, change(r, &r->affinity.at[i]));
	json_obj__put_ns(&o, "changes", r->affinity.changes);
	json_obj__put_ns(&o, "threads", r->affinity.threads);
	json_obj__put(&o, "rows", array);
	return json_obj__done(&o);
}
