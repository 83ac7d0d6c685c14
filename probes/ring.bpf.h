/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ring.bpf.h - writing a record into this CPU's ring.
 *
 * Owns:     the steps of a ring's one producer: what runs with interrupts off on its CPU.
 * Must not: know what a record says.
 */
#ifndef RING_BPF_H
#define RING_BPF_H

#include "state.bpf.h"

static __noinline void nudge(__u32 cpu)
{
	struct cpt_rec_head *head = bpf_ringbuf_reserve(&cpt_life, sizeof(*head), 0);

	if (!head)
		return; /* the collector wakes up by itself soon */
	fill_head(head, CPT_REC_NUDGE, sizeof(*head), bpf_ktime_get_ns(), 0, cpu);
	bpf_ringbuf_submit(head, BPF_RB_FORCE_WAKEUP);
}

/* The slot of the next record, or NULL if the ring is full; counts the attempt either way. */
static __always_inline void *slot_get(struct cpt_cell *cell, __u32 cpu)
{
	__u32 slots = 1U << cpt_slots_shift;
	__u64 head = cell->head, used = head - *(volatile __u64 *)&cell->tail;
	__u32 idx = (cpu << cpt_slots_shift) + ((__u32)head & (slots - 1));

	cell->attempts++;
	if (unlikely(used >= slots)) {
		cell->dropped++;
		return NULL;
	}
	if (unlikely(used == slots / 2))
		nudge(cpu);
	return bpf_map_lookup_elem(&cpt_recs, &idx);
}

static __always_inline void slot_publish(struct cpt_cell *cell)
{
	publish_u64(&cell->head, cell->head + 1);
}

#endif /* RING_BPF_H */
