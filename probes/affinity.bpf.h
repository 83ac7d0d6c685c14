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
	if (!rec) {
		t->nr_cpus_allowed = task->nr_cpus_allowed;
		t->mask0 = task->cpus_mask.bits[0];
		count_loss(CPT_LOSS_LIFE_RING_FULL);
		return;
	}
	fill_head(&rec->head, CPT_REC_AFFINITY, sizeof(*rec), bpf_ktime_get_ns(), t->id, cpu);
	take_mask(rec->mask, task, t);
	rec->nr_cpus_allowed = t->nr_cpus_allowed;
	rec->reserved = 0;
	life_submit(rec);
}

/* The first word and the number: what is cheap enough for each switch, and all there is on most machines. */
static __always_inline bool mask_changed(struct task_struct *task, struct cpt_task *t)
{
	return (__u32)task->nr_cpus_allowed != t->nr_cpus_allowed ||
	       task->cpus_mask.bits[0] != t->mask0;
}

/* All of it, where CPUs are more than a word has. */
static __always_inline bool mask_changed_at_all(struct task_struct *task, struct cpt_task *t)
{
	__u64 mask[CPT_MASK_WORDS] = {};

	if (mask_changed(task, t))
		return true;
	if (cpt_cpu_words <= 1 || bpf_probe_read_kernel(mask, mask_sz(), &task->cpus_mask))
		return false;
	return mask_hash(mask) != t->mask_rest;
}

#endif /* AFFINITY_BPF_H */
