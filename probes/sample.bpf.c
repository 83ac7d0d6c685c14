// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sample.bpf.c - where the workload's tasks are when the CPU clock comes round.
 *
 * Owns:     the sample records.
 * Must not: be loaded without --stacks or --sample.
 *
 * Runs in the timer's interrupt: never in the middle of a switch, which has interrupts off, so it is
 * the ring's one producer as the switch program is.
 */
#include "stacks.bpf.h"

const volatile bool cpt_sample_stacks = false; /* --stacks: stacks, not only addresses */

SEC("?perf_event")
int cpt_sample(__u64 *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct task_struct *cur = bpf_get_current_task_btf();
	struct cpt_cell *cell = cell_get(cpu);
	struct cpt_rec_sample *rec;
	__s32 user = STACK_NONE, kernel = STACK_NONE;
	__u64 ip = ctx[SAMPLE_IP_WORD];
	bool kernel_mode = (__s64)ip < 0;
	__u8 flags = kernel_mode ? 0 : CPT_SAMPLE_USER;

	/* Behind the truth where a switch fired no event: the next one mends it, a sample does not. */
	if (!cell || !cell->cur || cell->cur_task_ptr != (__u64)cur)
		return 0;
	if (cpt_sample_stacks) {
		if (kernel_mode)
			kernel = kernel_stack(ctx);
		if (!(cur->flags & (PF_IO_WORKER | PF_USER_WORKER | PF_KTHREAD)))
			user = user_stack(ctx);
	}
	if (kernel_mode && !(cur->flags & (PF_IO_WORKER | PF_USER_WORKER | PF_KTHREAD))) {
		struct pt_regs *regs = (void *)bpf_task_pt_regs((void *)cur);

		if (regs->REG_NR == NR_sched_yield)
			flags |= CPT_SAMPLE_YIELD;
	}
	rec = side_slot(cell, cpu, CPT_STACK_LOSS_SAMPLE_RING_FULL);
	if (!rec)
		return 0;
	__builtin_memset(rec, 0, sizeof(*rec));
	rec->type = CPT_REC_SAMPLE;
	rec->flags = flags;
	rec->task = cell->cur;
	rec->seq = cell->attempts - 1;
	rec->tgid = cur->tgid;
	rec->ip = ip;
	rec->user = user;
	rec->kernel = kernel;
	space_into(&rec->space, cur);
	rec->ts_ns = bpf_ktime_get_ns();
	slot_publish(cell);
	return 0;
}
