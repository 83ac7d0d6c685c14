// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * marks.bpf.c - the probe cpartrace:mark of programs: here a phase begins.
 *
 * Owns:     one program, attached by uprobe to each place that a file's notes name.
 * Must not: be loaded where no file has such a note; cost a workload that sets no marks anything.
 */
#include "marks.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The family, ring and counts, shared with the recording probes. */
struct cpt_tasks_map cpt_tasks SEC(".maps");
struct cpt_mark_ring_map cpt_mark_ring SEC(".maps");
struct cpt_mark_state_map cpt_mark_shared SEC(".maps");

const volatile __u32 cpt_mark_uid = 0;
const volatile bool cpt_mark_anyone = false;
const volatile bool cpt_mark_endless = false;

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
	struct cpt_mark_state *s = mark_state();

	if (s && counts(task, t, bpf_get_attach_cookie(ctx) & CPT_MARK_ARG_OUTSIDE, s))
		emit_mark(task, t, s, argument(ctx), ts);
	return 0;
}
