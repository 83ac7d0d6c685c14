/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * marks.bpf.h - marks of phases: whose count, and how they are told.
 *
 * Owns:     the rule below, the records, their ring and what is counted of them.
 * Must not: know how a mark was noticed.
 *
 * Whose marks count:
 *
 *   a task of the workload        yes; of a recording of the whole machine see below
 *   a task outside of it          if it runs cpartrace itself or a file that was named, is root's or the recording
 *                                 user's, and not of another recording: none of those it descends from is a
 *                                 cpartrace (but ours)
 *   -a: all are of the workload   as outside: or every user could set marks in root's recording
 *
 * All of it runs in the task that sets the mark, so it may read its memory.
 */
#ifndef MARKS_BPF_H
#define MARKS_BPF_H

#include "state.bpf.h"

#define ANCESTORS 32 /* looked at */

struct cpt_mark_ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CPT_MARK_RING_SZ);
};

struct cpt_mark_state_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpt_mark_state);
};

extern struct cpt_mark_ring_map cpt_mark_ring SEC(".maps");
extern struct cpt_mark_state_map cpt_mark_shared SEC(".maps");

extern const volatile __u32 cpt_mark_uid;   /* the recording user, beside root */
extern const volatile bool cpt_mark_anyone; /* the whole machine is recorded */
extern const volatile bool
	cpt_mark_endless; /* what is recorded is forgotten again: no number is too many */

static __always_inline struct cpt_mark_state *mark_state(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&cpt_mark_shared, &zero);
}

static __always_inline __u64 exe_of(struct task_struct *task)
{
	return (__u64)BPF_CORE_READ(task, mm, exe_file, f_inode);
}

struct ancestor {
	struct task_struct *at;
	__u64 exe;
	__u32 tgid; /* the recorder */
	bool others;
};

/* One step up. */
static long next_ancestor(__u32 n, void *ctx)
{
	struct ancestor *a = ctx;
	struct task_struct *at = a->at;
	__u32 tgid;

	at = BPF_CORE_READ(at, real_parent);
	tgid = BPF_CORE_READ(at, tgid);
	if (tgid <= 1)
		return 1;
	a->others = tgid != a->tgid && exe_of(at) == a->exe;
	a->at = at;
	return a->others;
}

/* Has another cpartrace started it? Then the mark is of that one's workload. */
static __always_inline bool is_others_workload(struct task_struct *task,
					       const struct cpt_mark_state *s)
{
	struct ancestor a = {.at = task, .exe = s->exe, .tgid = s->tgid};

	/* A kernel before 5.17 has no loops of that kind: there others' marks are taken, too. */
	if (!s->exe || !bpf_core_enum_value_exists(enum bpf_func_id___loop, BPF_FUNC_loop___loop))
		return false;
	/* Unrolled it would be most of what is verified at each start of a recording. */
	bpf_loop(ANCESTORS, next_ancestor, &a, 0);
	return a.others;
}

static __always_inline bool counts(struct task_struct *task, const struct cpt_task *t, bool outside,
				   const struct cpt_mark_state *s)
{
	__u32 uid;

	if (t && !cpt_mark_anyone)
		return true;
	if (!t && !outside)
		return false;
	uid = BPF_CORE_READ(task, real_cred, uid.val);
	if (uid != 0 && uid != cpt_mark_uid)
		return false;
	return t || !is_others_workload(task, s);
}

/* The current task sets a mark; its name is there in its memory (0: nowhere). t: of the workload. */
static __always_inline void emit_mark(struct task_struct *task, const struct cpt_task *t,
				      struct cpt_mark_state *s, __u64 name, __u64 ts)
{
	struct cpt_rec_mark *rec;

	if (!cpt_mark_endless && __sync_fetch_and_add(&s->cnt, 1) >= CPT_MARKS_MAX) {
		__sync_fetch_and_add(&s->losses[CPT_MARK_LOSS_TOO_MANY], 1);
		__sync_fetch_and_sub(&s->cnt, 1);
		return;
	}
	rec = bpf_ringbuf_reserve(&cpt_mark_ring, sizeof(*rec), 0);
	if (!rec) {
		__sync_fetch_and_add(&s->losses[CPT_MARK_LOSS_RING_FULL], 1);
		return;
	}
	rec->ts_ns = ts;
	rec->id = t ? t->id : 0;
	rec->tid = task->pid;
	rec->flags = t ? 0 : CPT_MARK_OUTSIDE;
	rec->reserved = 0;
	__builtin_memset(rec->name, 0, sizeof(rec->name));
	if (!name || bpf_probe_read_user_str(rec->name, sizeof(rec->name), (void *)name) < 0) {
		rec->name[0] = 0;
		rec->flags |= CPT_MARK_UNREADABLE;
	}
	bpf_ringbuf_submit(rec, bpf_ringbuf_query(&cpt_mark_ring, BPF_RB_AVAIL_DATA) >
						CPT_MARK_RING_SZ / 2
					? BPF_RB_FORCE_WAKEUP
					: BPF_RB_NO_WAKEUP);
}

#endif /* MARKS_BPF_H */
