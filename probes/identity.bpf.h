/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * identity.bpf.h - who a task is, as its records say it.
 *
 * Owns:     numbers in PID namespaces; struct cpt_rec_task, struct cpt_rec_exec but for texts.
 * Must not: know when a task is told of, or where the record lies.
 */
#ifndef IDENTITY_BPF_H
#define IDENTITY_BPF_H

#include "state.bpf.h"
#include "names.bpf.h"

static __always_inline __u32 pid_in_own_ns(struct pid *pid)
{
	__u32 level = BPF_CORE_READ(pid, level);
	int nr = 0;

	/* An index would count in our upid, which has one member; the kernel's has more. */
	bpf_probe_read_kernel(&nr, sizeof(nr),
			      (void *)&pid->numbers[0].nr +
				      level * bpf_core_type_size(struct upid));
	return nr;
}

static __always_inline __u32 ns_tid(struct task_struct *task)
{
	return pid_in_own_ns(BPF_CORE_READ(task, thread_pid));
}

static __always_inline __u32 ns_tgid(struct task_struct *task)
{
	return pid_in_own_ns(BPF_CORE_READ(task, signal, pids[PIDTYPE_TGID]));
}

/* All but the head. What is told of the mask is noted in t. */
static __always_inline void fill_task(struct cpt_rec_task *rec, struct task_struct *task,
				      struct cpt_task *t, __u32 parent, __u32 flags)
{
	take_mask(rec->mask, task, t);
	rec->parent = parent;
	rec->tid = task->pid;
	rec->tgid = task->tgid;
	rec->ns_tid = ns_tid(task);
	rec->ns_tgid = ns_tgid(task);
	rec->flags = flags;
	rec->start_boottime_ns = task->start_boottime;
	take_name(rec->comm, task, task->comm);
	rec->nr_cpus_allowed = t->nr_cpus_allowed;
	rec->reserved = 0;
}

/* The program that a task is: all but the head, its names, and its arguments. Returns where these begin; *sz:
 * their bytes. */
static __always_inline __u64 fill_program(struct cpt_rec_exec *rec, struct task_struct *task,
					  __u32 old_tid, __u64 *sz)
{
	__u64 start, end;

	rec->tid = task->pid;
	rec->tgid = task->tgid;
	rec->old_tid = old_tid;
	rec->ns_tid = ns_tid(task);
	rec->start_boottime_ns = task->start_boottime;
	take_name(rec->comm, task, task->comm);
	rec->filename[0] = rec->interp[0] = 0;
	/* What names addresses of a program that is gone before anyone could look at it. */
	rec->exe_dev = BPF_CORE_READ(task, mm, exe_file, f_inode, i_sb, s_dev);
	rec->exe_ino = BPF_CORE_READ(task, mm, exe_file, f_inode, i_ino);
	rec->start_code = BPF_CORE_READ(task, mm, start_code);
	start = BPF_CORE_READ(task, mm, arg_start);
	end = BPF_CORE_READ(task, mm, arg_end);
	*sz = end < start || is_nameless(task) ? 0 : end - start;
	return start;
}

#endif /* IDENTITY_BPF_H */
