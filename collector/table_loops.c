// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* table_loops.c - see table_loops.h. */
#include "table_loops.h"

#include "loop_names.h"

struct loop_row {
	struct cpt_loop loop;
	uint32_t tid, pid, epfd;
	const char *name, *kind, *stall_call, *stall_reason;
	double on_cpu, utilisation;
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
	{"instance", "number of the epoll instance, 0 not known", TABLE_U32, L(instance)},
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
	{"on_cpu", "on_cpu_ns / life_ns", TABLE_DOUBLE, R(on_cpu)},
	{"utilisation", "1 - (waiting_ns + woken_ns) / life_ns, as Node has it", TABLE_DOUBLE,
	 R(utilisation)},
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
	const struct cpt_thread *t = loop_thread(r, l->id);
	struct loop_row row = {
		.loop = *l,
		.tid = t ? t->tid : 0,
		.pid = t ? t->pid : 0,
		.epfd = l->fd > 0 ? (uint32_t)l->fd : 0,
		.name = t ? t->name : NULL,
		.kind = loop_kind_name((enum cpt_loop_kind)l->kind),
		.on_cpu = loop_on_cpu(l),
		.utilisation = loop_utilisation(l),
	};

	if (l->stalls_cnt) {
		row.stall = l->stalls[0];
		row.stall_call = stall_call(r, &row.stall);
		if (!row.stall.rest)
			row.stall_reason = reason_name((enum cpt_reason)row.stall.reason);
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
