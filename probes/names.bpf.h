/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * names.bpf.h - whose tasks may be called by their names.
 *
 * Owns:     the answer: all, or for a recording that is made without root, those of its user and the
 *           kernel's own.
 * Must not: cost root's recording anything: cpt_names_of is a constant.
 *
 * What counts is the real user: a program that takes root's rights by its mode still is of who started it.
 */
#ifndef NAMES_BPF_H
#define NAMES_BPF_H

#include "names_abi.h"

extern const volatile __u32 cpt_names_of; /* a user's number, CPT_NAMES_ALL */

static __always_inline bool is_nameless(struct task_struct *task)
{
	if (cpt_names_of == CPT_NAMES_ALL || task->flags & PF_KTHREAD)
		return false;
	return BPF_CORE_READ(task, real_cred, uid.val) != cpt_names_of;
}

/* comm, which names task, or what stands for it, into 16 bytes. */
static __always_inline void take_name(char *to, struct task_struct *task, const char *comm)
{
	if (is_nameless(task))
		__builtin_memcpy(to, CPT_NAMELESS, 16);
	else
		bpf_probe_read_kernel(to, 16, comm);
}

#endif /* NAMES_BPF_H */
