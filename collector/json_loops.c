// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* json_loops.c - see json_loops.h. */
#include "json_loops.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "json_stacks.h"
#include "loop_names.h"

/* ---- one loop --------------------------------------------------------------------------------------- */

static uint64_t from_start(const struct cpt_report *r, uint64_t at_ns)
{
	return at_ns > r->window_start_ns ? at_ns - r->window_start_ns : 0;
}

static json_t *stall(const struct cpt_report *r, const struct cpt_loop *l,
		     const struct cpt_stall *s)
{
	struct json_obj o = json_obj__new();
	const char *kind = stall_fd_kind(r, s);
	char address[24];

	json_obj__put(&o, "syscall", json_value__string(stall_call(r, s)));
	json_obj__put(&o, "reason",
		      s->rest ? json_null() : json_string(reason_name((enum cpt_reason)s->reason)));
	json_obj__put(&o, "rest", json_boolean(s->rest));
	json_obj__put_ns(&o, "count", s->cnt);
	json_obj__put_ns(&o, "total_ns", s->total_ns);
	json_obj__put_ns(&o, "longest_ns", s->longest_ns);
	json_obj__put_ns(&o, "longest_start_ns", from_start(r, s->longest_at_ns));
	if (kind) {
		json_obj__put(&o, "on", json_string(kind));
		json_obj__put_ns(&o, "longest_fd", (uint32_t)s->longest_arg0);
	} else if (stall_is_futex(r, s)) {
		snprintf(address, sizeof(address), "0x%" PRIx64, s->longest_arg0);
		json_obj__put(&o, "longest_address", json_string(address));
	}
	if (r->sites && r->sites->table && (s->longest_user || s->longest_kernel)) {
		json_obj__put(&o, "longest_user",
			      json_stacks__frames(r->sites->table, s->longest_user));
		json_obj__put(&o, "longest_kernel",
			      json_stacks__frames(r->sites->table, s->longest_kernel));
	}
	if (l->flight_known || s->behind_ns) {
		if (!l->flight_known)
			json_obj__put(&o, "held_up_at_least", json_true());
		json_obj__put_ns(&o, "delay_ns", s->delay_ns);
		json_obj__put_ns(&o, "held_up", s->held_up);
		json_obj__put_ns(&o, "behind_ns", s->behind_ns);
		json_obj__put_ns(&o, "unused_cpu_ns", s->unused_ns);
	}
	return json_obj__done(&o);
}

static json_t *stalls(const struct cpt_report *r, const struct cpt_loop *l)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < l->stalls_cnt; i++)
		array = json_array__append(array, stall(r, l, &l->stalls[i]));
	return array;
}

static json_t *dispatch(const struct cpt_loop *l)
{
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "count", l->dispatches);
	json_obj__put_ns(&o, "total_ns", l->dispatch_ns);
	json_obj__put_ns(&o, "p50_ns", l->dispatch_p50_ns);
	json_obj__put_ns(&o, "p99_ns", l->dispatch_p99_ns);
	json_obj__put_ns(&o, "max_ns", l->dispatch_max_ns);
	return json_obj__done(&o);
}

static json_t *utilisation(const struct cpt_loop *l)
{
	struct json_obj o = json_obj__new();

	json_obj__put_real(&o, "on_cpu", loop_on_cpu(l));
	json_obj__put_real(&o, "event_loop", loop_utilisation(l));
	return json_obj__done(&o);
}

static json_t *batch(const struct cpt_loop *l)
{
	struct json_obj o = json_obj__new();

	json_obj__put_real(&o, "average", loop_batch(l));
	json_obj__put_ns(&o, "max", l->batch_max);
	return json_obj__done(&o);
}

static json_t *event_loop(const struct cpt_report *r, const struct cpt_loop *l)
{
	const struct cpt_thread *t = report__thread(r, l->id);
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "id", l->id);
	json_obj__put_ns(&o, "tid", t ? t->tid : 0);
	json_obj__put_ns(&o, "pid", t ? t->pid : 0);
	json_obj__put(&o, "name", json_value__comm(t ? t->name : ""));
	json_obj__put(&o, "kind", json_string(loop_kind_name((enum cpt_loop_kind)l->kind)));
	json_obj__put(&o, "epfd", json_integer(l->fd));
	if (l->instance)
		json_obj__put_ns(&o, "instance", l->instance);
	if (l->rest)
		json_obj__put(&o, "rest", json_true());
	json_obj__put_ns(&o, "iterations", l->iterations);
	json_obj__put(&o, "iterations_at_least", json_boolean(l->iterations_least));
	json_obj__put_ns(&o, "waits", l->waits);
	json_obj__put_ns(&o, "life_ns", l->life_ns);
	json_obj__put_ns(&o, "waiting_ns", l->waiting_ns);
	json_obj__put_ns(&o, "on_cpu_ns", l->on_cpu_ns);
	json_obj__put_ns(&o, "runnable_ns", l->runnable_ns);
	json_obj__put_ns(&o, "woken_ns", l->woken_ns);
	json_obj__put_ns(&o, "blocked_ns", l->blocked_ns);
	json_obj__put_ns(&o, "unknown_ns", l->unknown_ns);
	json_obj__put_ns(&o, "elsewhere_ns", l->elsewhere_ns);
	json_obj__put_ns(&o, "not_back_ns", l->not_back_ns);
	json_obj__put(&o, "utilisation", utilisation(l));
	if (l->events) {
		json_obj__put(&o, "batch", batch(l));
		json_obj__put_ns(&o, "service_ns", loop_service_ns(l));
	}
	json_obj__put(&o, "dispatch", dispatch(l));
	json_obj__put(&o, "stalls", stalls(r, l));
	return json_obj__done(&o);
}

static json_t *event_loops(const struct cpt_report *r)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < r->loops.cnt; i++)
		array = json_array__append(array, event_loop(r, &r->loops.tab[i]));
	return array;
}

/* ---- instances --------------------------------------------------------------------------------------- */

static json_t *latency(const struct cpt_flight_sums *in)
{
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "count", in->latency_cnt);
	json_obj__put_ns(&o, "p50", in->p50_ns);
	json_obj__put_ns(&o, "p99", in->p99_ns);
	json_obj__put_ns(&o, "max", in->max_ns);
	return json_obj__done(&o);
}

static json_t *in_flight(const struct cpt_flight_sums *in)
{
	struct json_obj o = json_obj__new();

	json_obj__put_real(&o, "average", in->average);
	json_obj__put_ns(&o, "peak", in->peak);
	json_obj__put_ns(&o, "completed", in->completed);
	json_obj__put_ns(&o, "opened", in->opened);
	json_obj__put_ns(&o, "cancelled", in->cancelled);
	json_obj__put_real(&o, "completed_per_second", in->rate);
	json_obj__put_real(&o, "arrivals_per_second", in->arrivals);
	json_obj__put_ns(&o, "integral_ns", in->in_flight_ns);
	json_obj__put(&o, "latency_ns", latency(in));
	return json_obj__done(&o);
}

static json_t *level(double average, uint32_t peak)
{
	struct json_obj o = json_obj__new();

	json_obj__put_real(&o, "average", average);
	json_obj__put_ns(&o, "peak", peak);
	return json_obj__done(&o);
}

static json_t *services(const struct cpt_epoll_instance *in)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < in->services_cnt; i++) {
		const struct cpt_service *s = &in->services[i];
		struct json_obj o = json_obj__new();

		json_obj__put_ns(&o, "fd", s->fd);
		json_obj__put(&o, "kind", json_string(service_kind_name(s->kind)));
		json_obj__put_ns(&o, "times", s->times);
		json_obj__put_ns(&o, "service_ns", s->service_ns);
		json_obj__put_ns(&o, "longest_ns", s->longest_ns);
		array = json_array__append(array, json_obj__done(&o));
	}
	return array;
}

static json_t *instance(const struct cpt_epoll_instance *in)
{
	const bool ring = in->flags & CPT_LOOP_RING;
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "id", in->id);
	json_obj__put_ns(&o, "pid", in->pid);
	json_obj__put(&o, "kind", json_string(instance_kind(in)));
	json_obj__put(&o, "epfd", json_integer(instance_fd(in)));
	json_obj__put_ns(&o, "loops_since", in->since_ns);
	json_obj__put_ns(&o, "span_ns", in->span_ns);
	json_obj__put_ns(&o, "unknown_ns", in->unknown_ns);
	json_obj__put(&o, "direction", json_string(in->outbound ? "outbound" : "inbound"));
	json_obj__put_ns(&o, "fds_peak", ring ? 0 : in->conns_peak);
	json_obj__put(&o, "in_flight", in_flight(&in->ops));
	if (in->upstream.opened)
		json_obj__put(&o, "upstream", in_flight(&in->upstream));
	json_obj__put(&o, "connections",
		      ring ? level(0, 0) : level(in->conns_average, in->conns_peak));
	json_obj__put(&o, "timers",
		      ring ? level(0, 0) : level(in->timers_average, in->timers_peak));
	if (ring) {
		json_obj__put(&o, "armed", level(in->conns_average, in->conns_peak));
		json_obj__put(&o, "punted", level(in->timers_average, in->timers_peak));
	}
	json_obj__put_ns(&o, "iterations", in->iterations);
	json_obj__put_ns(&o, "events", in->events);
	if (in->services_cnt)
		json_obj__put(&o, "services", services(in));
	return json_obj__done(&o);
}

static json_t *instances(const struct cpt_report *r)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < r->instances_cnt; i++)
		array = json_array__append(array, instance(&r->instances[i]));
	return array;
}

/* ---- across loops ----------------------------------------------------------------------------------- */

static json_t *pool(const struct cpt_report *r, const struct cpt_loop_pool *p)
{
	const struct cpt_loop *first = &r->loops.tab[p->first];
	const struct cpt_thread *t = report__thread(r, first->id);
	struct json_obj o = json_obj__new();

	json_obj__put(&o, "name", json_value__comm(t ? t->name : ""));
	json_obj__put(&o, "kind", json_string(loop_kind_name((enum cpt_loop_kind)first->kind)));
	json_obj__put_ns(&o, "loops", p->loops);
	json_obj__put_ns(&o, "on_cpu_ns", p->on_cpu_ns);
	json_obj__put_ns(&o, "busiest_ns", p->busiest_ns);
	json_obj__put_ns(&o, "least_ns", p->least_ns);
	json_obj__put_real(&o, "imbalance", p->imbalance);
	json_obj__put(&o, "certain", json_boolean(!p->doubtful));
	return json_obj__done(&o);
}

static json_t *offload(const struct cpt_report *r, const struct cpt_offload *f)
{
	const struct cpt_thread *t = report__thread(r, f->id), *w = report__thread(r, f->example);
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "id", f->id);
	json_obj__put_ns(&o, "tid", t ? t->tid : 0);
	json_obj__put_ns(&o, "workers", f->workers);
	json_obj__put_ns(&o, "answering", f->answering);
	json_obj__put(&o, "worker_name", w ? json_value__comm(w->name) : json_null());
	json_obj__put_ns(&o, "handed", f->handed);
	json_obj__put_ns(&o, "returned", f->returned);
	json_obj__put_ns(&o, "to_loops", f->to_loops);
	json_obj__put_ns(&o, "workers_on_cpu_ns", f->workers_on_cpu_ns);
	return json_obj__done(&o);
}

static json_t *loop_parallelism(const struct cpt_loops *loops)
{
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "with_loops_ns", loops->with_loops_ns);
	json_obj__put_ns(&o, "unknown_ns", loops->level_unknown_ns);
	json_obj__put(&o, "profile_ns", json_value__array_ns(loops->level_ns, loops->level_cnt));
	json_obj__put_ns(&o, "peak_alive", loops->peak);
	return json_obj__done(&o);
}

/* A: operations that no task of their process stands for; and L, all of them. */
static json_t *beyond_tasks(const struct cpt_report *r)
{
	struct json_obj o = json_obj__new();
	uint64_t all_ns = 0;
	double average = 0;

	for (uint32_t i = 0; i < r->instances_cnt; i++) {
		all_ns += r->instances[i].ops.in_flight_ns;
		average += instance_in_window(&r->instances[i], r->window_ns);
	}
	json_obj__put_real(&o, "average",
			   r->window_ns ? (double)r->in_flight_ns / (double)r->window_ns : 0);
	json_obj__put_ns(&o, "peak", r->in_flight_peak);
	json_obj__put_ns(&o, "integral_ns", r->in_flight_ns);
	json_obj__put_real(&o, "operations_average", average);
	json_obj__put_ns(&o, "operations_integral_ns", all_ns);
	return json_obj__done(&o);
}

void json_loops__put(struct json_obj *o, const struct cpt_report *r)
{
	json_t *pools = json_array(), *offloads = json_array();

	for (uint32_t i = 0; pools && i < r->loops.pools_cnt; i++)
		pools = json_array__append(pools, pool(r, &r->loops.pools[i]));
	for (uint32_t i = 0; offloads && i < r->loops.offloads_cnt; i++)
		offloads = json_array__append(offloads, offload(r, &r->loops.offloads[i]));
	json_obj__put(o, "event_loops", event_loops(r));
	json_obj__put(o, "epoll_instances", instances(r));
	json_obj__put(o, "in_flight", beyond_tasks(r));
	if (r->loops.level_cnt)
		json_obj__put(o, "loop_parallelism", loop_parallelism(&r->loops));
	json_obj__put(o, "loop_pools", pools);
	json_obj__put(o, "loop_offload", offloads);
}
