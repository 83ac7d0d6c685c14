/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * record.bpf.h - a task comes in, a task goes: the parts of a switch record, and what a cell and a task's
 * storage keep of it.
 *
 * Owns:     how each field of struct cpt_rec_switch is filled that is no wait (wait.bpf.h), so that a
 *           switch that was seen and one that is rebuilt say the same.
 * Must not: decide which records there are.
 */
#ifndef RECORD_BPF_H
#define RECORD_BPF_H

#include "state.bpf.h"

/* by: the wake-up that n comes in by, if one has ended its wait. */
static __always_inline __u16 record_wake(struct cpt_rec_switch *rec, const struct cpt_task *n,
					 const struct cpt_wake *by)
{
	__u64 wake = by->ts_ns;

	rec->next = n->id;
	/* Not blocked: preempted, or new. Still on by our account: its switch-out fired no event,
	 * and a wake-up since it came in, or was found, proves that it blocked. */
	if (likely(n->run_state == CPT_RUN_BLOCKED)
		    ? !wake
		    : n->run_state == CPT_RUN_OFF || wake <= n->in_ts_ns) {
		rec->wake_ctx = 0;
		rec->waker_sysno = CPT_SYSNO_NONE;
		rec->waker = 0;
		rec->wake_ts_ns = 0;
		return 0;
	}
	/* sched_waking fires while the wakee still leaves its CPU; it is runnable only then. */
	rec->wake_ts_ns = wake > n->out_ts_ns ? wake : n->out_ts_ns;
	rec->wake_ctx = by->ctx;
	rec->waker_sysno = by->sysno;
	rec->waker = by->waker;
	return CPT_SW_NEXT_WOKEN | by->flags;
}

static __always_inline void record_no_next(struct cpt_rec_switch *rec)
{
	rec->next = 0;
	rec->wake_ctx = 0;
	rec->waker_sysno = CPT_SYSNO_NONE;
	rec->waker = 0;
	rec->wake_ts_ns = 0;
}

/* What comes in: n is next's storage, NULL if it is none of ours; by as in record_wake(). Returns flags. */
static __always_inline __u16 record_next(struct cpt_rec_switch *rec, struct task_struct *next,
					 const struct cpt_task *n, const struct cpt_wake *by)
{
	if (n)
		return record_wake(rec, n, by);
	record_no_next(rec);
	return next->pid ? 0 : CPT_SW_NEXT_IDLE;
}

static __always_inline void record_no_wait(struct cpt_rec_switch *rec)
{
	rec->object = CPT_FD_NONE;
	rec->sysno = CPT_SYSNO_NONE;
	rec->arg0 = rec->arg1 = 0;
	rec->arg2 = 0;
}

/* None of ours goes out. Returns flags. */
static __always_inline __u16 record_no_prev(struct cpt_rec_switch *rec, struct cpt_cell *cell)
{
	rec->prev = 0;
	rec->prev_state = 0;
	record_no_wait(rec);
	return cell->kind == CPT_KIND_IDLE ? CPT_SW_PREV_IDLE : 0;
}

/*
 * n, which comes in here, is still on a CPU by our account: it left that one without an event. The cell
 * there is told, or it would take what the task does from now on, its death too, for how it left:
 *
 *   CPU A   X in ---------| unseen   P ------------------|  P out: A's cell still says X
 *   CPU B                      wake   X in ------ X dies |
 *                                     ^ now
 */
static __noinline void left_unseen(struct task_struct *task, struct cpt_task *n)
{
	struct cpt_cell *there = cell_get(n->cpu);

	if (there && there->cur_task_ptr == (__u64)task && there->cur == n->id)
		there->left = n->in_ts_ns << 1 | (n->wake.ts_ns > n->in_ts_ns);
}

/* Wake-ups up to woken_ns have had their effect; a later one may be of its next wait. */
static __always_inline void task_on(struct task_struct *task, struct cpt_task *n, __u32 cpu,
				    __u64 ts, __u64 woken_ns)
{
	if (unlikely(n->run_state == CPT_RUN_ON))
		left_unseen(task, n);
	n->run_state = CPT_RUN_ON;
	n->cpu = cpu;
	if (n->wake.ts_ns <= woken_ns)
		n->wake.ts_ns = 0;
	n->in_ts_ns = ts;
}

/* `task` is what runs here from now on. */
static __always_inline void cell_set(struct cpt_cell *cell, struct task_struct *task,
				     struct cpt_task *t)
{
	if (t) {
		cell->cur_task_ptr = (__u64)task;
		cell->cur = t->id;
		cell->cur_tid = task->pid;
		cell->cur_nvcsw = task->nvcsw;
		cell->kind = CPT_KIND_OURS;
	} else {
		/* In this order: the collector's look at its own CPU may be interrupted by a sample. */
		cell->cur = 0;
		barrier();
		cell->cur_task_ptr = (__u64)task;
	}
}

/* From ts on the CPU runs none of ours. */
static __always_inline void cell_leave(struct cpt_cell *cell, __u64 ts, __u32 kind)
{
	cell->kind = kind;
	cell->occ_since_ns = ts;
	cell->occ_idle_ns = cell->occ_other_ns = 0;
}

/* task_ptr need not be a pointer the verifier trusts: a dead task may be found late. */
static __noinline void emit_exit(__u64 task_ptr, __u32 id, __u32 cpu, __u64 ts)
{
	struct task_struct *task = (void *)task_ptr;
	struct cpt_rec_exit *rec;

	count_live(BPF_CORE_READ(task, tgid), -1);
	rec = bpf_ringbuf_reserve(&cpt_life, sizeof(*rec), 0);
	if (!rec) {
		count_loss(CPT_LOSS_LIFE_RING_FULL);
		return;
	}
	fill_head(&rec->head, CPT_REC_EXIT, sizeof(*rec), ts, id, cpu);
	rec->sum_exec_ns = BPF_CORE_READ(task, se.sum_exec_runtime);
	rec->run_delay_ns = bpf_core_field_exists(task->sched_info.run_delay)
				    ? BPF_CORE_READ(task, sched_info.run_delay)
				    : 0;
	rec->nvcsw = BPF_CORE_READ(task, nvcsw);
	rec->nivcsw = BPF_CORE_READ(task, nivcsw);
	rec->exit_code = BPF_CORE_READ(task, exit_code);
	rec->reserved = 0;
	life_submit(rec);
}

#endif /* RECORD_BPF_H */
