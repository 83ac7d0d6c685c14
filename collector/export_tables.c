// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* export_tables.c - see export_tables.h. */
#include "export_tables.h"

#include "table_accounts.h"
#include "table_path.h"
#include "table_phases.h"
#include "table_sites.h"
#include "table_locks.h"
#include "table_loops.h"
#include "table_run.h"
#include "table_wakes.h"

#define COLS_END                                                                                   \
	{                                                                                          \
		NULL, NULL, TABLE_U64, 0                                                           \
	}

/* ---- threads ------------------------------------------------------------------------------- */

#define T(member) offsetof(struct cpt_thread, member)
#define WAITING_COL(name, str, text)                                                               \
	{"waiting_" str "_ns", text, TABLE_U64,                                                    \
	 T(reason_ns) + CPT_REASON_##name * sizeof(uint64_t)},
#define PARKED_COL(name, str, text)                                                                \
	{"parked_" str "_ns", text, TABLE_U64, T(reason_ns) + CPT_REASON_##name * sizeof(uint64_t)},

static const struct table_col thread_cols[] = {
	{"id", "number of the thread, unique in the run", TABLE_U32, T(id)},
	{"tid", "thread id, the last it had", TABLE_U32, T(tid)},
	{"pid", "its process", TABLE_U32, T(pid)},
	{"ns_tid", "thread id in its own PID namespace", TABLE_U32, T(ns_tid)},
	{"parent", "number of its creator, 0 none", TABLE_U32, T(parent)},
	{"name", "the last it had", TABLE_COMM, T(name)},
	{"command", "arguments of the last exec of its process", TABLE_STRING, T(command)},
	{"start_ns", "CLOCK_MONOTONIC, cut to the window", TABLE_U64, T(start_ns)},
	{"end_ns", "likewise", TABLE_U64, T(end_ns)},
	{"life_ns", "sum of all states below", TABLE_U64, T(life_ns)},
	{"running_ns", "on a CPU", TABLE_U64, T(running_ns)},
	{"runnable_ns", "wanted a CPU and had none", TABLE_U64, T(runnable_ns)},
	{"unknown_ns", "events were lost", TABLE_U64, T(unknown_ns)},
	CPT_WAITING_REASONS(WAITING_COL) CPT_PARKED_REASONS(PARKED_COL){
		"parallel_ns", "of running_ns: while another ran, too", TABLE_U64, T(parallel_ns)},
	{"alone_ns", "of running_ns: while none other ran", TABLE_U64, T(alone_ns)},
	{"bottle_height_ns", "its share of the time anything ran", TABLE_ROUNDED,
	 T(bottle_height_ns)},
	{"bottle_width", "average number running while it ran", TABLE_DOUBLE, T(bottle_width)},
	{"cmetric_ns", "sum of time over running and runnable", TABLE_ROUNDED, T(cmetric_ns)},
	{"voluntary", "times it blocked", TABLE_U64, T(voluntary)},
	{"involuntary", "times it was preempted or yielded", TABLE_U64, T(involuntary)},
	{"migrations", "times it moved to another CPU", TABLE_U64, T(migrations)},
	{"cpus_used", "CPUs it ran on", TABLE_U32, T(cpus_used)},
	{"kernel_cpu_ns", "the kernel's account of its CPU time, 0 unknown", TABLE_U64,
	 T(kernel_cpu_ns)},
	{"alive_at_end", "it outlived the window", TABLE_BOOL, T(alive_at_end)},
	{"io_worker", "made by the kernel for asynchronous I/O", TABLE_BOOL, T(io_worker)},
	{"cause", "io_worker: number of the task whose operations it is there for, else 0",
	 TABLE_U32, T(cause)},
	COLS_END,
};

static int write_threads(struct table_out *out, const struct cpt_report *r)
{
	uint32_t i;
	int err = 0;

	for (i = 0; i < r->threads_cnt && !err; i++)
		err = table_out__row(out, &r->threads_tab[i]);
	return err;
}

/* ---- ledger -------------------------------------------------------------------------------- */

struct ledger_row {
	struct cpt_step step;
	uint64_t class_ns[CPT_CLASS_CNT];
};

#define L(member) offsetof(struct ledger_row, step.member)
#define CLASS_COL(name, str)                                                                       \
	{str "_ns", "time of this class", TABLE_U64,                                               \
	 offsetof(struct ledger_row, class_ns) + CPT_CLASS_##name * sizeof(uint64_t)},
/* parallel_multi_core_ns ... : the class first, so that columns of one class sort together */
#define PARALLEL_NAME	"parallel_"
#define CONCURRENT_NAME "concurrent_"
#define SERIAL_NAME	"serial_"
#define IDLE_NAME	"idle_"
#define SPLIT_COL(class, name, str, text)                                                          \
	{class##_NAME str "_ns", text, TABLE_U64,                                                  \
	 L(split_ns) + CPT_SPLIT_##class##_##name * sizeof(uint64_t)},

static const struct table_col ledger_cols[] = {
	{"start_ns", "of the step, CLOCK_MONOTONIC", TABLE_U64, L(start_ns)},
	{"span_ns", "length of the step inside the window; the classes sum to it", TABLE_U64,
	 L(span_ns)},
	CPT_CLASSES(CLASS_COL) CPT_SPLITS(SPLIT_COL){
		"running_ns", "CPU time: span_ns times the average number running", TABLE_U64,
		L(running)},
	{"runnable_ns", "likewise of those runnable", TABLE_U64, L(runnable)},
	{"waiting_ns", "likewise of those waiting", TABLE_U64, L(waiting)},
	{"in_progress_ns", "likewise of all in progress", TABLE_U64, L(in_progress)},
	COLS_END,
};

static int ledger_step(void *ctx, const struct cpt_step *step)
{
	struct export_ctx *e = ctx;
	struct ledger_row row = {.step = *step};
	int split;

	for (split = 0; split < CPT_SPLIT_UNKNOWN; split++)
		row.class_ns[split_class((enum cpt_split)split)] += step->split_ns[split];
	row.class_ns[CPT_CLASS_UNKNOWN] = step->split_ns[CPT_SPLIT_UNKNOWN];
	e->err = table_out__row(&e->out, &row);
	return e->err;
}

/* ---- intervals ----------------------------------------------------------------------------- */

struct interval_row {
	uint64_t start_ns, end_ns, duration_ns;
	uint32_t id, tid, pid, cpu, waker;
	const char *name, *state, *reason, *syscall;
};

#define I(member) offsetof(struct interval_row, member)

static const struct table_col interval_cols[] = {
	{"start_ns", "CLOCK_MONOTONIC", TABLE_U64, I(start_ns)},
	{"end_ns", "likewise; intervals of a thread follow each other without gaps", TABLE_U64,
	 I(end_ns)},
	{"duration_ns", "end_ns - start_ns", TABLE_U64, I(duration_ns)},
	{"id", "number of the thread, as in the table of threads", TABLE_U32, I(id)},
	{"tid", "thread id", TABLE_U32, I(tid)},
	{"pid", "its process", TABLE_U32, I(pid)},
	{"name", "its name then", TABLE_STRING, I(name)},
	{"state", "running, runnable, waiting, parked or unknown", TABLE_STRING, I(state)},
	{"reason", "of waiting and parked", TABLE_STRING, I(reason)},
	{"cpu", "running: where; else the CPU it ran on last", TABLE_U32, I(cpu)},
	{"syscall", "waiting, parked: the system call it is in", TABLE_STRING, I(syscall)},
	{"waker",
	 "number of the thread that ended the wait, 0 none of the workload; beside runnable or "
	 "running: a wait of no length right before it",
	 TABLE_U32, I(waker)},
	COLS_END,
};

static int interval_row(void *ctx, const struct cpt_interval *iv)
{
	struct export_ctx *e = ctx;
	bool blocked = iv->state == CPT_STATE_WAITING || iv->state == CPT_STATE_PARKED;
	uint8_t sys = iv->sysno < CPT_SYSNO_TABLE_SZ ? e->sys[iv->sysno] : CPT_SYS_UNKNOWN;
	struct interval_row row = {
		.start_ns = iv->start_ns,
		.end_ns = iv->end_ns,
		.duration_ns = iv->end_ns - iv->start_ns,
		.id = iv->id,
		.tid = iv->tid,
		.pid = iv->pid,
		.cpu = iv->cpu,
		.waker = iv->waker,
		.name = iv->name,
		.state = state_name(iv->state),
		.reason = blocked ? reason_name(iv->reason) : NULL,
		.syscall = blocked && sys != CPT_SYS_UNKNOWN ? sys_name((enum cpt_sys)sys) : NULL,
	};

	e->err = table_out__row(&e->out, &row);
	return e->err;
}

/* ---- overlap ------------------------------------------------------------------------------- */

struct overlap_row {
	const char *a, *b;
	uint64_t ns;
};

#define O(member) offsetof(struct overlap_row, member)

static const struct table_col overlap_cols[] = {
	{"name", "threads of this name", TABLE_STRING, O(a)},
	{"with", "ran at the same time as threads of this one (itself: two of one name)",
	 TABLE_STRING, O(b)},
	{"both_ns", "for so long", TABLE_U64, O(ns)},
	COLS_END,
};

static int write_overlap(struct table_out *out, const struct cpt_report *r)
{
	uint32_t n = r->overlap.cnt, i, j;
	int err = 0;

	for (i = 0; i < n; i++) {
		for (j = i; j < n && !err; j++) {
			struct overlap_row row = {r->overlap.names[i], r->overlap.names[j],
						  r->overlap.ns[(size_t)i * n + j]};

			err = table_out__row(out, &row);
		}
	}
	return err;
}

/* ---- the list ------------------------------------------------------------------------------ */

const struct export_table export_tables[] = {
	{"threads", "one row per thread, the figures of the whole window", thread_cols, NULL, NULL,
	 write_threads},
	{"ledger", "one row per step of time (--step)", ledger_cols, NULL, ledger_step, NULL},
	{"intervals", "one row per stretch of a thread in one state", interval_cols, interval_row,
	 NULL, NULL},
	{"overlap", "one row per pair of names: how long both had a thread running", overlap_cols,
	 NULL, NULL, write_overlap},
	{"locks", "one row per lock, and what its holder did during its waits", lock_cols, NULL,
	 NULL, write_locks},
	{"loops", "one row per event loop: a thread and what it waits on", loop_cols, NULL, NULL,
	 write_loops},
	{"instances", "one row per instance (epoll, poll, ring): what it had in flight",
	 instance_cols, NULL, NULL, write_instances},
	{"services", "one row per descriptor that took most of its instance's loops", service_cols,
	 NULL, NULL, write_services},
	{"wakes", "one row per waker, woken, reason and object: who ends whose waits", wake_cols,
	 NULL, NULL, write_wakes},
	{"accounts", "one row per item of the budget and of the demand, and per tenant",
	 account_cols, NULL, NULL, write_accounts},
	{"path", "one row per thread: what it adds to the critical path", path_cols, NULL, NULL,
	 write_path},
	{"sites", "one row per name, reason and stack (--stacks, --sample)", site_cols, NULL, NULL,
	 write_sites},
	{"run", "one row: the run as a whole", run_cols, NULL, NULL, write_run},
	{"limits", "one row per limit of the verdict, dearest first", limit_cols, NULL, NULL,
	 write_limits},
	{"latency", "one row per kind of wait for a CPU", latency_cols, NULL, NULL, write_latency},
	{"ceilings", "one row per runtime that lets one of its threads run at a time", ceiling_cols,
	 NULL, NULL, write_ceilings},
	{"phases", "one row per phase that marks split the run into", phase_cols, NULL, NULL,
	 write_phases},
	{"marks", "one row per mark: where a phase begins", mark_cols, NULL, NULL, write_marks},
	{NULL, NULL, NULL, NULL, NULL, NULL},
};

const char *const export_table_words[] = {
	"threads",  "ledger",	"intervals", "overlap", "locks", "loops", "instances",
	"services", "wakes",	"accounts",  "path",	"sites", "run",	  "limits",
	"latency",  "ceilings", "phases",    "marks",	NULL};
