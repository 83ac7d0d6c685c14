/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stacks.bpf.h - taking stacks: whose, when, and the record that says so.
 *
 * Owns:     the maps of stacks, the record of a switch's stacks, what is counted as lost of it.
 * Must not: be part of a program that runs without --stacks or --sample.
 *
 * At a switch `current` is still the task that leaves, at a wake-up it is the waker: its user memory
 * is there to be read. The kernel walks frame pointers and takes only pages that are in memory. An
 * equal stack gets an equal id and is kept once.
 */
#ifndef STACKS_BPF_H
#define STACKS_BPF_H

#include "ring.bpf.h"

struct cpt_user_stacks_map {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, CPT_USER_STACKS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, CPT_USER_FRAMES * sizeof(__u64));
};

struct cpt_kernel_stacks_map {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, CPT_KERNEL_STACKS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, CPT_KERNEL_FRAMES * sizeof(__u64));
};

extern struct cpt_user_stacks_map cpt_user_stacks SEC(".maps");
extern struct cpt_kernel_stacks_map cpt_kernel_stacks SEC(".maps");
extern __u64 cpt_stack_losses[CPT_STACK_LOSS_CNT];

#define EEXIST	   17
#define STACK_NONE (-1)
#define STACK_OWN  8 /* log2: this part of a ring is kept for switch records */

struct stack_ids {
	__s32 user, kernel;
};

static __always_inline void count_stack_loss(__u32 cause)
{
	__sync_fetch_and_add(&cpt_stack_losses[cause], 1);
}

static __always_inline __s32 stack_id(long id)
{
	if (likely(id >= 0))
		return id;
	count_stack_loss(id == -EEXIST ? CPT_STACK_LOSS_COLLISION : CPT_STACK_LOSS_UNREAD);
	return STACK_NONE;
}

/* See cpt_rec_stacks. 0: none (kernel threads). The verifier does no arithmetic on a kernel pointer: it
 * goes through memory, where it is a number. */
static __always_inline void space_into(__u64 *at, struct task_struct *task)
{
	volatile __u64 *space = at;
	struct mm_struct *mm = task->mm;

	*space = 0;
	if (!mm)
		return;
	*space = (__u64)mm;
	*space = *space >> 6 << CPT_SPACE_ARGS_BITS |
		 (mm->arg_start & ((1ULL << CPT_SPACE_ARGS_BITS) - 1));
}

static __always_inline __s32 user_stack(void *ctx)
{
	return stack_id(bpf_get_stackid(ctx, &cpt_user_stacks, BPF_F_USER_STACK));
}

static __always_inline __s32 kernel_stack(void *ctx)
{
	return stack_id(bpf_get_stackid(ctx, &cpt_kernel_stacks, 0));
}

/* Room for a record that is no switch: the last part of the ring is for those. */
static __always_inline void *side_slot(struct cpt_cell *cell, __u32 cpu, __u32 cause)
{
	__u32 slots = 1U << cpt_slots_shift;

	if (cell->head - *(volatile __u64 *)&cell->tail >= slots - slots / STACK_OWN) {
		count_stack_loss(cause);
		return NULL;
	}
	return slot_get(cell, cpu);
}

/* Before the switch's time is taken: this is the dear part. */
static __always_inline void stacks_take(void *ctx, struct task_struct *prev, bool blocked,
					struct stack_ids *ids)
{
	ids->user = ids->kernel = STACK_NONE;
	if (!blocked || (prev->__state & TASK_DEAD))
		return;
	ids->kernel = kernel_stack(ctx);
	if (prev->mm && !(prev->flags & (PF_IO_WORKER | PF_USER_WORKER | PF_KTHREAD)))
		ids->user = user_stack(ctx);
}

/* prev: whose stacks ids are, NULL none. woken: the switch record speaks of next's wake-up. */
static __always_inline void stacks_emit(struct cpt_cell *cell, __u32 cpu, __u64 ts,
					struct task_struct *prev_task, struct cpt_task *prev,
					struct cpt_task *next, bool woken,
					const struct stack_ids *ids)
{
	bool own = prev && (ids->user >= 0 || ids->kernel >= 0);
	struct cpt_rec_stacks *rec;

	woken = next && woken && (next->wake_user >= 0 || next->wake_kernel >= 0);
	if (!own && !woken)
		return;
	rec = side_slot(cell, cpu, CPT_STACK_LOSS_STACKS_RING_FULL);
	if (!rec)
		return;
	__builtin_memset(rec, 0, sizeof(*rec));
	rec->type = CPT_REC_STACKS;
	rec->seq = cell->attempts - 1;
	rec->ts_ns = ts;
	rec->user = rec->kernel = rec->wake_user = rec->wake_kernel = STACK_NONE;
	if (own) {
		rec->prev = prev->id;
		rec->user = ids->user;
		rec->kernel = ids->kernel;
		rec->tgid = prev_task->tgid;
		space_into(&rec->space, prev_task);
	}
	if (woken) {
		rec->next = next->id;
		rec->wake_user = next->wake_user;
		rec->wake_kernel = next->wake_kernel;
		rec->wake_tgid = next->wake_tgid;
		rec->wake_space = next->wake_space;
	}
	slot_publish(cell);
}

/* cur wakes w. ours: cur is of the workload, and does it itself: else its user stack says nothing. */
static __always_inline void stacks_waking(void *ctx, struct cpt_task *w, struct task_struct *cur,
					  bool ours)
{
	w->wake_user = STACK_NONE;
	w->wake_kernel = kernel_stack(ctx);
	w->wake_tgid = 0;
	w->wake_space = 0;
	if (!ours || (cur->flags & (PF_IO_WORKER | PF_USER_WORKER | PF_KTHREAD)))
		return;
	w->wake_user = user_stack(ctx);
	w->wake_tgid = cur->tgid;
	space_into(&w->wake_space, cur);
}

#endif /* STACKS_BPF_H */
