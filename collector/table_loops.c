// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* table_loops.c - see table_loops.h. */
#include "table_loops.h"

#include "loop_names.h"

struct loop_row {
	struct cpt_loop loop;
	uint32_t tid, pid, epfd;
	const char *name, *kind, *stall_call, *stall_reason;
	double on_cpu, utilisation, batch;
	uint64_t service_ns;
	struct cpt_stall stall;
};

#define R(member) offsetof(struct loop_row, member)
#define L(member) offsetof(struct loop_row, loop.member)

const struct table_col loop_cols[] = {
	{"id", "number of its thread, as in the table of threads", TABLE_U32, L(id)},
	{"tid", "thread id", TABLE_U32, R(tid)},
	{"pid", "its process", TABLE_U32, R(pid)},
	{"name", "of the thread, the last it had", TABLE_STRING, R(name)},
	{"kind", "what it waits on: epoll, poll (poll, select) or io_uring", TABLE_STRING, R(kind)},
	{"epfd", "its descriptor; 0: poll, select", TABLE_U32, R(epfd)},
	{"instance", "number of the instance, 0 not known", TABLE_U32, L(instance)},
	{"life_ns", "first wait to last return; sum of the five below", TABLE_U64, L(life_ns)},
	{"waiting_ns", "blocked in its wait for events", TABLE_U64, L(waiting_ns)},
	{"on_cpu_ns", "dispatching, on a CPU", TABLE_U64, L(on_cpu_ns)},
	{"runnable_ns", "wanted a CPU and had none", TABLE_U64, L(runnable_ns)},
	{"blocked_ns", "blocked in another call while it should dispatch", TABLE_U64,
	 L(blocked_ns)},
	{"unknown_ns", "events were lost", TABLE_U64, L(unknown_ns)},
	{"woken_ns", "of runnable_ns: events were there, it had not returned yet", TABLE_U64,
	 L(woken_ns)},
	{"elsewhere_ns", "not in life_ns: in another loop of its thread", TABLE_U64,
	 L(elsewhere_ns)},
	{"not_back_ns", "not in life_ns: behind its last return", TABLE_U64, L(not_back_ns)},
	{"waits", "times it blocked in its wait", TABLE_U64, L(waits)},
	{"iterations", "returns from its wait", TABLE_U64, L(iterations)},
	{"iterations_at_least", "returns that did not block were not seen", TABLE_BOOL,
	 L(iterations_least)},
	{"events", "descriptors these reported, 0 not known", TABLE_U64, L(events)},
	{"batch", "events / iterations", TABLE_DOUBLE, R(batch)},
	{"batch_max", "most events of one return", TABLE_U32, L(batch_max)},
	{"service_ns", "of one event: an average dispatch over an average batch", TABLE_U64,
	 R(service_ns)},
	{"on_cpu", "on_cpu_ns / (life_ns - unknown_ns)", TABLE_DOUBLE, R(on_cpu)},
	{"utilisation", "1 - (waiting_ns + woken_ns) / (life_ns - unknown_ns), as Node has it",
	 TABLE_DOUBLE, R(utilisation)},
	{"dispatches", "whole stretches from a return to the next wait", TABLE_U64, L(dispatches)},
	{"dispatch_ns", "their sum", TABLE_U64, L(dispatch_ns)},
	{"dispatch_p50_ns", "their median", TABLE_U64, L(dispatch_p50_ns)},
	{"dispatch_p99_ns", "99 % are at most that long", TABLE_U64, L(dispatch_p99_ns)},
	{"dispatch_max_ns", "the longest", TABLE_U64, L(dispatch_max_ns)},
	{"stall_syscall", "system call of the stalls that cost most", TABLE_STRING, R(stall_call)},
	{"stall_reason", "what they waited for", TABLE_STRING, R(stall_reason)},
	{"stall_count", "how many of them", TABLE_U64, R(stall.cnt)},
	{"stall_ns", "their sum", TABLE_U64, R(stall.total_ns)},
	{"stall_longest_ns", "the longest", TABLE_U64, R(stall.longest_ns)},
	{"stall_delay_ns", "operations in flight behind them, integrated; 0 not known", TABLE_U64,
	 R(stall.delay_ns)},
	{"stall_held_up", "most operations in flight behind one; 0 not known", TABLE_U32,
	 R(stall.held_up)},
	{NULL, NULL, TABLE_U64, 0},
};

static int write_loop(struct table_out *out, const struct cpt_report *r, const struct cpt_loop *l)
{
	const struct cpt_thread *t = report__thread(r, l->id);
	struct loop_row row = {
		.loop = *l,
		.tid = t ? t->tid : 0,
		.pid = t ? t->pid : 0,
		.epfd = l->fd > 0 ? (uint32_t)l->fd : 0,
		.name = t ? t->name : NULL,
		.kind = loop_kind_name((enum cpt_loop_kind)l->kind),
		.on_cpu = loop_on_cpu(l),
		.utilisation = loop_utilisation(l),
		.batch = loop_batch(l),
		.service_ns = loop_service_ns(l),
	};

	if (l->stalls_cnt) {
		row.stall = l->stalls[0];
		row.stall_call = stall_call(r, &row.stall);
		if (!row.stall.rest)
			row.stall_reason = reason_name((enum cpt_reason)row.stall.reason);
		if (!l->flight_known)
			row.stall.delay_ns = row.stall.held_up = 0;
	}
	return table_out__row(out, &row);
}

int write_loops(struct table_out *out, const struct cpt_report *r)
{
	int err = 0;

	for (uint32_t i = 0; i < r->loops.cnt && !err; i++)
		err = write_loop(out, r, &r->loops.tab[i]);
	return err;
}

/* ---- instances --------------------------------------------------------------------------------------- */

struct instance_row {
	struct cpt_epoll_instance in;
	uint32_t epfd;
	const char *kind, *direction;
};

#define I(member) offsetof(struct instance_row, in.member)
#define J(member) offsetof(struct instance_row, member)

const struct table_col instance_cols[] = {
	{"instance", "its number, as in the table of loops", TABLE_U32, I(id)},
	{"pid", "its process", TABLE_U32, I(pid)},
	{"kind", "epoll, poll (poll, select) or io_uring", TABLE_STRING, J(kind)},
	{"epfd", "its descriptor; 0: poll, select", TABLE_U32, J(epfd)},
	{"direction", "of its operations: inbound (served) or outbound", TABLE_STRING,
	 J(direction)},
	{"loops_since_ns", "from the window's start: before, it was not watched", TABLE_U64,
	 I(since_ns)},
	{"span_ns", "how long it was watched in the window", TABLE_U64, I(span_ns)},
	{"unknown_ns", "of span_ns: records were lost", TABLE_U64, I(unknown_ns)},
	{"in_flight_ns", "operations in flight, integrated", TABLE_U64, I(ops.in_flight_ns)},
	{"average", "in_flight_ns over the known part of span_ns", TABLE_DOUBLE, I(ops.average)},
	{"peak", "most in flight at once", TABLE_U32, I(ops.peak)},
	{"opened", "operations that began", TABLE_U64, I(ops.opened)},
	{"completed", "that were answered", TABLE_U64, I(ops.completed)},
	{"cancelled", "that ended without an answer", TABLE_U64, I(ops.cancelled)},
	{"completed_per_second", "of the known part of span_ns", TABLE_DOUBLE, I(ops.rate)},
	{"arrivals_per_second", "opened, of the known part of span_ns", TABLE_DOUBLE,
	 I(ops.arrivals)},
	{"upstream_completed", "outbound ones of an instance that serves", TABLE_U64,
	 I(upstream.completed)},
	{"upstream_average", "likewise: in flight", TABLE_DOUBLE, I(upstream.average)},
	{"p50_ns", "latency, of the whole recording: median", TABLE_U64, I(ops.p50_ns)},
	{"p99_ns", "likewise: 99 % are at most that long", TABLE_U64, I(ops.p99_ns)},
	{"max_ns", "likewise: the longest", TABLE_U64, I(ops.max_ns)},
	{"connections_average", "registered with it; of a ring: operations with a poll armed",
	 TABLE_DOUBLE, I(conns_average)},
	{"connections_peak", "likewise, the most", TABLE_U32, I(conns_peak)},
	{"timers_average", "timerfds armed at once; of a ring: operations that workers have",
	 TABLE_DOUBLE, I(timers_average)},
	{"timers_peak", "likewise, the most", TABLE_U32, I(timers_peak)},
	{"iterations", "returns from its wait, of all threads", TABLE_U64, I(iterations)},
	{"events", "descriptors these reported", TABLE_U64, I(events)},
	{NULL, NULL, TABLE_U64, 0},
};

int write_instances(struct table_out *out, const struct cpt_report *r)
{
	int err = 0;

	for (uint32_t i = 0; i < r->instances_cnt && !err; i++) {
		const struct cpt_epoll_instance *in = &r->instances[i];
		struct instance_row row = {
			.in = *in,
			.epfd = instance_fd(in) > 0 ? (uint32_t)instance_fd(in) : 0,
			.kind = instance_kind(in),
			.direction = in->outbound ? "outbound" : "inbound",
		};

		err = table_out__row(out, &row);
	}
	return err;
}

/* ---- descriptors ------------------------------------------------------------------------------------- */

struct service_row {
	struct cpt_service s;
	uint32_t instance, pid;
	const char *kind;
};

#define S(member) offsetof(struct service_row, member)

const struct table_col service_cols[] = {
	{"instance", "its number, as in the table of instances", TABLE_U32, S(instance)},
	{"pid", "its process", TABLE_U32, S(pid)},
	{"fd", "the descriptor", TABLE_U32, S(s.fd)},
	{"kind", "inbound, outbound, listener, timer or other", TABLE_STRING, S(kind)},
	{"times", "that loops were at it, over the whole recording", TABLE_U32, S(s.times)},
	{"service_ns", "what it took of their turns, likewise", TABLE_U64, S(s.service_ns)},
	{"longest_ns", "likewise: the longest at a time", TABLE_U64, S(s.longest_ns)},
	{NULL, NULL, TABLE_U64, 0},
};

int write_services(struct table_out *out, const struct cpt_report *r)
{
	int err = 0;

	for (uint32_t i = 0; i < r->instances_cnt; i++) {
		const struct cpt_epoll_instance *in = &r->instances[i];

		for (uint32_t k = 0; k < in->services_cnt && !err; k++) {
			const struct service_row row = {
				.s = in->services[k],
				.instance = in->id,
				.pid = in->pid,
				.kind = service_kind_name(in->services[k].kind),
			};

			err = table_out__row(out, &row);
		}
	}
	return err;
}
