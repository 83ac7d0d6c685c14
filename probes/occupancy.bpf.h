/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * occupancy.bpf.h - what CPUs do that run none of the workload.
 *
 * Owns:     the sums of a cell between two changes of the workload's state, and their records.
 * Must not: look at tasks beyond whether one is idle.
 */
#ifndef OCCUPANCY_BPF_H
#define OCCUPANCY_BPF_H

#include "state.bpf.h"
#include "ring.bpf.h"

static __noinline void occupancy_emit(struct cpt_cell *cell, __u32 cpu, __u64 ts, __u32 next_kind)
{
	struct cpt_rec_occupancy *rec = slot_get(cell, cpu);

	if (rec) {
		rec->type = CPT_REC_OCCUPANCY;
		rec->kind = cell->kind;
		rec->reserved = 0;
		rec->reserved2 = 0;
		rec->seq = cell->attempts - 1;
		rec->next_kind = next_kind;
		rec->ts_ns = ts;
		rec->since_ns = cell->occ_since_ns;
		rec->idle_ns = cell->occ_idle_ns;
		rec->other_ns = cell->occ_other_ns;
		rec->reserved3[0] = rec->reserved3[1] = 0;
		slot_publish(cell);
	}
	cell->last_ts_ns = ts;
	cell->occ_since_ns = ts;
	cell->occ_idle_ns = cell->occ_other_ns = 0;
}

/* A turn idle <-> other at ts. */
static __noinline void occupancy_turn(struct cpt_cell *cell, __u32 cpu, __u64 ts, __u32 kind)
{
	__u32 word = (cpu / 64) & (CPT_MASK_WORDS - 1);
	__u64 bit = 1ULL << (cpu & 63), start, span;

	if (!cpt_occupancy) {
		/* Only what holds the CPU is kept, for the next record's flags. */
	} else if (cpt_quiet[word] & bit) {
		start = cell->occ_since_ns + cell->occ_idle_ns + cell->occ_other_ns;
		span = ts > start ? ts - start : 0;
		if (cell->kind == CPT_KIND_IDLE)
			cell->occ_idle_ns += span;
		else
			cell->occ_other_ns += span;
	} else {
		occupancy_emit(cell, cpu, ts, kind);
		__sync_fetch_and_or(&cpt_quiet[word], bit);
		cpt_any_quiet = 1;
	}
	cell->kind = kind;
}

static __always_inline __u32 foreign_kind(struct task_struct *task)
{
	return task->pid ? CPT_KIND_OTHER : CPT_KIND_IDLE;
}

#endif /* OCCUPANCY_BPF_H */
