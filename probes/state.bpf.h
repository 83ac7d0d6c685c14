/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * state.bpf.h - what the probe objects share: maps, options, counters, and the small steps on them.
 *
 * Owns:     declarations (state.bpf.c defines) and the inline steps used by more than one object.
 * Must not: hold policy of a probe.
 */
#ifndef STATE_BPF_H
#define STATE_BPF_H

#include "kernel_types.h"
#include "arch.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "cpt_abi.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* The family: a task is of the workload if it has storage here and its gate is open. */
struct cpt_tasks_map {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct cpt_task);
};

struct cpt_cells_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* the collector sets: possible CPUs */
	__type(key, __u32);
	__type(value, struct cpt_cell);
};

struct cpt_slot {
	__u64 words[CPT_REC_SZ / sizeof(__u64)];
};

struct cpt_recs_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* the collector sets: possible CPUs << cpt_slots_shift */
	__type(key, __u32);
	__type(value, struct cpt_slot);
};

#define CPT_LIFE_SZ (1 << 22)

struct cpt_life_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CPT_LIFE_SZ);
};

extern struct cpt_tasks_map cpt_tasks SEC(".maps");
extern struct cpt_cells_map cpt_cells SEC(".maps");
extern struct cpt_recs_map cpt_recs SEC(".maps");
extern struct cpt_life_map cpt_life SEC(".maps");

/* Options, written by the collector before loading. */
extern const volatile __u32 cpt_slots_shift;	 /* log2 of a ring's slots */
extern const volatile bool cpt_switch_has_state; /* sched_switch tells prev_state (5.18 on) */
extern const volatile bool cpt_occupancy;	 /* account for CPUs that run none of ours */
extern const volatile __u32 cpt_cpu_words;	 /* words of a bitmap of all possible CPUs */
extern const volatile __u32 cpt_mode;		 /* CPT_MODE_* */
extern const volatile bool cpt_preempt_known;	 /* cpt_preempt_off holds */
extern const volatile __s64 cpt_preempt_off;	 /* from a CPU's rq to its preempt count */

/* Counters and shared words. */
extern __u32 cpt_last_id; /* task numbers handed out so far */
extern __u64 cpt_losses[CPT_LOSS_CNT];
extern __u32 cpt_any_quiet;		/* some bit of cpt_quiet may be set */
extern __u64 cpt_quiet[CPT_MASK_WORDS]; /* CPUs at whose last turn nothing had changed since */
extern __u32 cpt_root_tgid;		/* the command's process; set when its gate opens */
extern __s32 cpt_live_root; /* threads of it that have not made their final switch-out */
extern __s32 cpt_live_all;  /* likewise, of the whole workload */
extern bool cpt_loop_met;   /* a task has blocked in the wait of an event loop */
extern __s64 cpt_regs_off;  /* from a task's stack to its saved user registers */

/* Memory of the outgoing task, whose address space is still the active one. Who looks at other tasks reads
 * theirs another way, and defines this before. */
#ifndef read_user
#define read_user(dst, sz, at) bpf_probe_read_user(dst, sz, at)
#endif

static __always_inline void count_loss(__u32 cause)
{
	__sync_fetch_and_add(&cpt_losses[cause], 1);
}

static __always_inline struct cpt_task *family_get(struct task_struct *task)
{
	struct cpt_task *t = bpf_task_storage_get(&cpt_tasks, task, NULL, 0);

	return t && likely(!(t->flags & CPT_TS_GATED)) ? t : NULL;
}

static __always_inline bool is_on_cpu(struct task_struct *task)
{
	return bpf_core_field_exists(task->on_cpu) ? task->on_cpu : false;
}

/* The workload's state changed: what CPUs have summed up so far must not be mixed with what comes.
 * The flag goes down before the words, so that a CPU setting its bit in between raises it again. */
static __always_inline void family_changed(void)
{
	if (likely(!cpt_any_quiet))
		return;
	cpt_any_quiet = 0;
	barrier();
	for (__u32 i = 0; i < CPT_MASK_WORDS; i++) {
		if (i >= cpt_cpu_words)
			break;
		cpt_quiet[i] = 0;
	}
}

/* One task more, or one less (its final switch-out). */
static __always_inline void count_live(__u32 tgid, __s32 by)
{
	__sync_fetch_and_add(&cpt_live_all, by);
	if (tgid == cpt_root_tgid)
		__sync_fetch_and_add(&cpt_live_root, by);
}

static __always_inline struct cpt_cell *cell_get(__u32 cpu)
{
	return bpf_map_lookup_elem(&cpt_cells, &cpu);
}

static __always_inline void fill_head(struct cpt_rec_head *head, __u32 type, __u32 sz, __u64 ts,
				      __u32 id, __u32 cpu)
{
	head->type = type;
	head->sz = sz;
	head->ts_ns = ts;
	head->id = id;
	head->cpu = cpu;
}

/* The collector comes by on its own; it is only woken where the ring could fill before that. */
static __always_inline void life_submit(void *rec)
{
	__u64 waiting = bpf_ringbuf_query(&cpt_life, BPF_RB_AVAIL_DATA);

	bpf_ringbuf_submit(rec, waiting > CPT_LIFE_SZ / 2 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* Bytes of a kernel CPU mask that mean something and fit a record. Those of CPUs that cannot be are whatever
 * was there before: sched_setaffinity works on a mask it does not clear, and only on the words it needs
 * (small_cpumask_bits, since Linux 6.3). They would leave the kernel in the trace. */
static __always_inline __u32 mask_sz(void)
{
	__u32 sz = bpf_core_type_size(struct cpumask);

	if (sz > CPT_MASK_WORDS * 8)
		sz = CPT_MASK_WORDS * 8;
	return sz > cpt_cpu_words * 8 ? cpt_cpu_words * 8 : sz;
}

/* What a mask has beyond its first word, of as many words as CPUs can be. */
static __always_inline __u64 mask_hash(const __u64 *mask)
{
	__u64 hash = 0;

	for (__u32 i = 1; i < CPT_MASK_WORDS; i++)
		hash = (hash ^ mask[i]) * 0x9e3779b97f4a7c15ULL;
	return hash;
}

/* Copies the task's mask into a record, and notes what is told. */
static __always_inline void take_mask(__u64 *mask, struct task_struct *task, struct cpt_task *t)
{
	t->nr_cpus_allowed = task->nr_cpus_allowed;
	t->mask0 = task->cpus_mask.bits[0];
	__builtin_memset(mask, 0, CPT_MASK_WORDS * sizeof(*mask));
	bpf_probe_read_kernel(mask, mask_sz(), &task->cpus_mask);
	if (cpt_cpu_words > 1)
		t->mask_rest = mask_hash(mask);
}

#endif /* STATE_BPF_H */
