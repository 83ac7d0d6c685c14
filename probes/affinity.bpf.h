/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * affinity.bpf.h - a task's affinity mask has changed: noticing and telling.
 *
 * Owns:     the record; what was told last is kept in task storage.
 * Must not: know who looks: the switch program (a task on its way in or out) or the iterator (one
 *           that sleeps or waits for a CPU).
 */
#ifndef AFFINITY_BPF_H
#define AFFINITY_BPF_H

#include "state.bpf.h"

static __noinline void emit_affinity(struct task_struct *task, struct cpt_task *t, __u32 cpu)
{
	struct cpt_rec_affinity *rec = bpf_ringbuf_reserve(&cpt_life, sizeof(*rec), 0);

	/* Reported or counted as lost: either way this is what is known from now on. */
	t->nr_cpus_allowed = task->nr_cpus_allowed;
	t->mask0 = task->cpus_mask.bits[0];
	if (!rec) {
		count_loss(CPT_LOSS_LIFE_RING_FULL);
		return;
	}
	fill_head(&rec->head, CPT_REC_AFFINITY, sizeof(*rec), bpf_ktime_get_ns(), t->id, cpu);
	rec->nr_cpus_allowed = t->nr_cpus_allowed;
	rec->reserved = 0;
	__builtin_memset(rec->mask, 0, sizeof(rec->mask));
	bpf_probe_read_kernel(rec->mask, mask_sz(), &task->cpus_mask);
	life_submit(rec);
}

static __always_inline bool mask_changed(struct task_struct *task, struct cpt_task *t)
{
	return (__u32)task->nr_cpus_allowed != t->nr_cpus_allowed ||
	       task->cpus_mask.bits[0] != t->mask0;
}

#endif /* AFFINITY_BPF_H */
