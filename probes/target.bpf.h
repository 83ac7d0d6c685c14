/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * target.bpf.h - who is of the workload when it is not a command: processes, a cgroup, the machine.
 *
 * Owns:     the answer, for a task that is found and for one that is born.
 * Must not: cost a command's recording anything: every use is behind cpt_mode, a constant.
 */
#ifndef TARGET_BPF_H
#define TARGET_BPF_H

#include "state.bpf.h"

struct cpt_lead {
	__u32 id; /* of the task that others of the process name as their parent, 0 none yet */
	__u32 reserved;
	__u64 start_boottime_ns; /* a tgid is used again */
};

/* Processes, by tgid. With PIDS they are those the user has named, else any that was found. */
struct cpt_leads_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* the collector sets */
	__type(key, __u32);
	__type(value, struct cpt_lead);
};

extern struct cpt_leads_map cpt_leads SEC(".maps");
extern __u32 cpt_tracer_tgid; /* the recorder: of no machine's or cgroup's workload */

/* The cgroup, and how a task's is found: index of a controller of its hierarchy, -1 for version 2. */
extern __u64 cpt_group_ptr;
extern __s32 cpt_group_level;
extern __s32 cpt_group_subsys;
extern bool cpt_group_moved; /* tasks have been moved into it */

static __always_inline bool group_is_below(struct cgroup *group)
{
	struct cgroup *above = NULL;

	if (!group || BPF_CORE_READ(group, level) < cpt_group_level)
		return false;
	bpf_core_read(&above, sizeof(above), &group->ancestors[cpt_group_level & 0xffff]);
	return (__u64)above == cpt_group_ptr;
}

static __always_inline bool in_group(struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *css = NULL;

	if (cpt_group_subsys < 0)
		return group_is_below(BPF_CORE_READ(set, dfl_cgrp));
	bpf_probe_read_kernel(&css, sizeof(css),
			      (void *)&set->subsys[0] + (cpt_group_subsys & 0x1f) * sizeof(css));
	return css && group_is_below(BPF_CORE_READ(css, cgroup));
}

static __always_inline struct cpt_lead *lead_get(struct task_struct *task)
{
	__u64 start = BPF_CORE_READ(task, group_leader, start_boottime);
	struct cpt_lead *lead;
	__u32 tgid = task->tgid;

	lead = bpf_map_lookup_elem(&cpt_leads, &tgid);
	return lead && lead->start_boottime_ns == start ? lead : NULL;
}

static __always_inline void lead_set(struct task_struct *task, __u32 id)
{
	struct cpt_lead lead = {
		.id = id,
		.start_boottime_ns = BPF_CORE_READ(task, group_leader, start_boottime),
	};
	__u32 tgid = task->tgid;

	/* Its threads would pass as processes of their own. */
	if (bpf_map_update_elem(&cpt_leads, &tgid, &lead, BPF_ANY))
		count_loss(CPT_LOSS_TASK_STORAGE);
}

/* Is this task, not of the workload yet, to be? */
static __always_inline bool is_target(struct task_struct *task)
{
	if (cpt_mode == CPT_MODE_PIDS)
		return lead_get(task);
	if ((__u32)task->tgid == cpt_tracer_tgid)
		return false;
	return cpt_mode == CPT_MODE_ALL || in_group(task);
}

/*
 * Is a task that is being born? With PIDS what a process starts is, whether its thread has been found yet
 * or not. A thread whose creator has not been found is found with it: until then nobody can say who leads
 * it.
 */
static __always_inline bool is_target_born(struct task_struct *task, struct task_struct *creator,
					   bool of_ours, bool thread)
{
	if (cpt_mode == CPT_MODE_PIDS)
		return of_ours || (!thread && lead_get(creator));
	if ((thread && !of_ours) || (__u32)creator->tgid == cpt_tracer_tgid)
		return false;
	return cpt_mode == CPT_MODE_ALL || in_group(task);
}

#endif /* TARGET_BPF_H */
