// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * marks.bpf.c - the probe cpartrace:mark of programs: here a phase begins.
 *
 * Owns:     one program, attached by uprobe to each place that a file's notes name; whose mark it takes.
 * Must not: cost a workload that sets none anything.
 *
 * Whose marks count:
 *
 *   a task of the workload        yes; of a recording of the whole machine see below
 *   a task outside of it          if it runs cpartrace itself or a file that was named, is root's or the recording
 *                                 user's, and not of another recording: none of those it descends from is a
 *                                 cpartrace (but ours)
 *   -a: all are of the workload   as outside: or every user could set marks in root's recording
 *
 * It runs in the task that sets the mark, at an instruction of its own, so it may read its memory.
 */
#include "state.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define ANCESTORS 32 /* looked at */

/* The family, shared with the recording probes. */
struct cpt_tasks_map cpt_tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CPT_MARK_RING_SZ);
} cpt_mark_ring SEC(".maps");

const volatile __u32 cpt_mark_uid = 0;	     /* the recording user, beside root */
const volatile __u32 cpt_mark_tgid = 0;	     /* the recorder */
const volatile bool cpt_mark_anyone = false; /* the whole machine is recorded */
const volatile bool cpt_mark_endless =
	false; /* what is recorded is forgotten again: no number is too many */

__u64 cpt_mark_exe;			  /* inode of the recorder's program, as an address */
__u32 cpt_mark_cnt;			  /* marks taken */
__u64 cpt_mark_losses[CPT_MARK_LOSS_CNT]; /* CPT_MARK_LOSS_* */

static __always_inline __u64 exe_of(struct task_struct *task)
{
	return (__u64)BPF_CORE_READ(task, mm, exe_file, f_inode);
}

/* Run by the recorder itself, once: which program it is. */
SEC("raw_tp")
int cpt_mark_learn(__u64 *ctx)
{
	cpt_mark_exe = exe_of(bpf_get_current_task_btf());
	return 0;
}

/* Has another cpartrace started it? Then the mark is of that one's workload. */
static __always_inline bool is_others_workload(struct task_struct *task)
{
	struct task_struct *at = BPF_CORE_READ(task, real_parent);

	for (int i = 0; i < ANCESTORS; i++) {
		__u32 tgid = BPF_CORE_READ(at, tgid);

		if (tgid <= 1)
			return false;
		if (tgid != cpt_mark_tgid && cpt_mark_exe && exe_of(at) == cpt_mark_exe)
			return true;
		at = BPF_CORE_READ(at, real_parent);
	}
	return false;
}

static __always_inline bool counts(struct task_struct *task, const struct cpt_task *t, bool outside)
{
	__u32 uid;

	if (t && !cpt_mark_anyone)
		return true;
	if (!t && !outside)
		return false;
	uid = BPF_CORE_READ(task, real_cred, uid.val);
	if (uid != 0 && uid != cpt_mark_uid)
		return false;
	return t || !is_others_workload(task);
}

/* Where the name's address is, as the collector has read it in the note: see CPT_MARK_ARG_*. */
static __always_inline __u64 argument(void *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx), at = 0;
	__s32 more = cookie >> 32;

	if (bpf_probe_read_kernel(&at, sizeof(at), ctx + (cookie & CPT_MARK_ARG_REG)))
		return 0;
	if (!(cookie & CPT_MARK_ARG_MEMORY))
		return at;
	at += more;
	return bpf_probe_read_user(&at, sizeof(at), (void *)at) ? 0 : at;
}

SEC("uprobe")
int cpt_mark_hit(struct pt_regs *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 ts = bpf_ktime_get_ns();
	struct cpt_task *t = family_get(task);
	struct cpt_rec_mark *rec;
	__u64 name;

	if (!counts(task, t, bpf_get_attach_cookie(ctx) & CPT_MARK_ARG_OUTSIDE))
		return 0;
	if (!cpt_mark_endless && __sync_fetch_and_add(&cpt_mark_cnt, 1) >= CPT_MARKS_MAX) {
		__sync_fetch_and_add(&cpt_mark_losses[CPT_MARK_LOSS_TOO_MANY], 1);
		__sync_fetch_and_sub(&cpt_mark_cnt, 1);
		return 0;
	}
	rec = bpf_ringbuf_reserve(&cpt_mark_ring, sizeof(*rec), 0);
	if (!rec) {
		__sync_fetch_and_add(&cpt_mark_losses[CPT_MARK_LOSS_RING_FULL], 1);
		return 0;
	}
	rec->ts_ns = ts;
	rec->id = t ? t->id : 0;
	rec->tid = task->pid;
	rec->flags = t ? 0 : CPT_MARK_OUTSIDE;
	rec->reserved = 0;
	__builtin_memset(rec->name, 0, sizeof(rec->name));
	name = argument(ctx);
	if (!name || bpf_probe_read_user_str(rec->name, sizeof(rec->name), (void *)name) < 0) {
		rec->name[0] = 0;
		rec->flags |= CPT_MARK_UNREADABLE;
	}
	bpf_ringbuf_submit(rec, bpf_ringbuf_query(&cpt_mark_ring, BPF_RB_AVAIL_DATA) >
						CPT_MARK_RING_SZ / 2
					? BPF_RB_FORCE_WAKEUP
					: BPF_RB_NO_WAKEUP);
	return 0;
}
