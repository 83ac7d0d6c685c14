// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * tasks.bpf.c - all tasks of the machine, one after the other, when the collector asks.
 *
 * Owns:     affinity masks of tasks that do not switch; the CPU time of everybody at an instant.
 * Must not: run by itself: nothing here is attached to an event.
 */
#include "state.bpf.h"
#include "affinity.bpf.h"
#include "names.bpf.h"

/* Affinity has no tracepoint, and a task that sleeps or waits for a CPU passes no switch. */
SEC("iter/task")
int cpt_affinity_read(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct cpt_task *t;

	if (!task)
		return 0;
	t = family_get(task);
	if (!t || task->exit_state || !mask_changed_at_all(task, t))
		return 0;
	family_changed();
	emit_affinity(task, t, bpf_get_smp_processor_id());
	return 0;
}

SEC("iter/task")
int cpt_tasks_read(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct cpt_rec_tenant rec = {};
	struct cpt_task *t;

	if (!task)
		return 0;
	rec.tid = task->pid;
	rec.tgid = task->tgid;
	rec.start_boottime_ns = task->start_boottime;
	rec.sum_exec_ns = task->se.sum_exec_runtime;
	if (rec.tid == rec.tgid)
		rec.dead_ns = task->signal->sum_sched_runtime;
	t = bpf_task_storage_get(&cpt_tasks, task, NULL, 0);
	if (t) {
		rec.flags = CPT_TENANT_OURS;
		if (task->exit_state)
			rec.flags |= CPT_TENANT_GONE;
		rec.id = t->id;
	}
	take_name(rec.comm, task, task->group_leader->comm);
	bpf_seq_write(ctx->meta->seq, &rec, sizeof(rec));
	return 0;
}
