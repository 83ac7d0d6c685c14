// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* json_path.c - see json_path.h. */
#include "json_path.h"

static uint64_t sum_of_reasons(const uint64_t *ns, bool parked)
{
	uint64_t sum = 0;

	for (int reason = 0; reason < CPT_REASON_CNT; reason++)
		if (!!reason_is_parked((enum cpt_reason)reason) == parked)
			sum += ns[reason];
	return sum;
}

static json_t *reasons(const uint64_t *ns, bool parked)
{
	struct json_obj o = json_obj__new();

	for (int reason = 0; reason < CPT_REASON_CNT; reason++)
		if (ns[reason] && !!reason_is_parked((enum cpt_reason)reason) == parked)
			json_obj__put_ns(&o, reason_name((enum cpt_reason)reason), ns[reason]);
	return json_obj__done(&o);
}

static json_t *by_state(const struct cpt_path *p)
{
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "running", p->serial_ns + p->parallel_ns);
	json_obj__put_ns(&o, "runnable", p->runnable_ns);
	json_obj__put_ns(&o, "waiting", sum_of_reasons(p->reason_ns, false));
	json_obj__put_ns(&o, "parked", sum_of_reasons(p->reason_ns, true));
	json_obj__put_ns(&o, "unknown", p->unknown_ns);
	json_obj__put_ns(&o, "absent", p->absent_ns);
	return json_obj__done(&o);
}

static json_t *by_waker(const struct cpt_path *p)
{
	struct json_obj o = json_obj__new();

	for (int by = CPT_WAKER_TASK + 1; by < CPT_WAKER_CNT; by++)
		json_obj__put_ns(&o, waker_name((enum cpt_waker)by), p->by_waker_ns[by]);
	return json_obj__done(&o);
}

static json_t *part(const struct cpt_path_part *t)
{
	struct json_obj o = json_obj__new();

	if (t->id) {
		json_obj__put_ns(&o, "id", t->id);
		json_obj__put_ns(&o, "tid", t->tid);
		json_obj__put_ns(&o, "pid", t->pid);
	}
	json_obj__put(&o, "name", json_value__comm(t->name));
	json_obj__put_ns(&o, "total_ns", t->total_ns);
	json_obj__put_ns(&o, "serial_ns", t->serial_ns);
	json_obj__put_ns(&o, "parallel_ns", t->parallel_ns);
	json_obj__put_ns(&o, "runnable_ns", t->runnable_ns);
	json_obj__put_ns(&o, "blocked_ns", t->blocked_ns);
	json_obj__put_ns(&o, "unknown_ns", t->unknown_ns);
	return json_obj__done(&o);
}

static json_t *parts(const struct cpt_path_part *tab, uint32_t cnt)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < cnt; i++)
		array = json_array__append(array, part(&tab[i]));
	return array;
}

json_t *json_path__critical_path(const struct cpt_path *p)
{
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "length_ns", p->length_ns);
	json_obj__put(&o, "end_thread", p->end_id ? json_integer(p->end_id) : json_null());
	json_obj__put_ns(&o, "known_waker_ns", p->known_waker_ns);
	json_obj__put_ns(&o, "serial_ns", p->serial_ns);
	json_obj__put_ns(&o, "parallel_ns", p->parallel_ns);
	json_obj__put(&o, "by_state", by_state(p));
	json_obj__put(&o, "waiting_ns", reasons(p->reason_ns, false));
	json_obj__put(&o, "parked_ns", reasons(p->reason_ns, true));
	json_obj__put(&o, "waits_ended_by_ns", by_waker(p));
	json_obj__put(&o, "by_thread", parts(p->threads, p->threads_cnt));
	json_obj__put_ns(&o, "other_threads_ns", p->other.total_ns);
	json_obj__put(&o, "by_name", parts(p->names, p->names_cnt));
	return json_obj__done(&o);
}

json_t *json_path__work_span(const struct cpt_report *r)
{
	const struct cpt_work_span *ws = &r->work_span;
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "work_ns", ws->work_ns);
	json_obj__put_ns(&o, "span_ns", ws->span_ns);
	if (report__span_bounds(r)) {
		json_obj__put_real(&o, "parallelism", ws->parallelism);
		json_obj__put_real(&o, "speedup_bound", ws->speedup_bound);
	} else {
		json_obj__put(&o, "parallelism", json_null());
		json_obj__put(&o, "speedup_bound", json_null());
	}
	return json_obj__done(&o);
}

static json_t *descriptor(const struct cpt_report *r, const struct cpt_wake_edge *e)
{
	const struct cpt_thread *t = report__thread(r, e->wakee);
	struct json_obj o = json_obj__new();

	json_obj__put(&o, "kind", json_string(fd_kind_name(e->fd_kind)));
	json_obj__put_ns(&o, "fd", (uint64_t)e->fd);
	json_obj__put_ns(&o, "pid", t ? t->pid : 0);
	return json_obj__done(&o);
}

/* Threads and the lock by their places in the report's other tables. */
static json_t *wake(const struct cpt_report *r, const struct cpt_wake_edge *e)
{
	struct json_obj o = json_obj__new();

	json_obj__put(&o, "by", json_string(waker_name(e->by)));
	json_obj__put(&o, "waker", e->waker ? json_integer(e->waker) : json_null());
	json_obj__put(&o, "woken", e->wakee ? json_integer(e->wakee) : json_null());
	json_obj__put(&o, "reason",
		      e->reason < CPT_REASON_CNT ? json_string(reason_name(e->reason))
						 : json_null());
	json_obj__put(&o, "lock", e->lock ? json_integer(e->lock - 1) : json_null());
	json_obj__put(&o, "descriptor", e->fd >= 0 ? descriptor(r, e) : json_null());
	json_obj__put_ns(&o, "wakes", e->cnt);
	json_obj__put_ns(&o, "waited_ns", e->waited_ns);
	return json_obj__done(&o);
}

json_t *json_path__wakes(const struct cpt_report *r)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < r->wake_edges_cnt && i < CPT_JSON_WAKES_MAX; i++)
		array = json_array__append(array, wake(r, &r->wake_edges[i]));
	return array;
}
