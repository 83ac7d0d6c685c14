// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * lifecycle.bpf.c - who the tasks of the workload are.
 *
 * Owns:     the family: task numbers and their inheritance; identity records; that a name is `cpartrace mark`'s.
 * Must not: know about switches, but for one thing: the command's first exec, which opens the
 * window, finds it running, and tells its CPU's cell.
 *
 * Inheritance is at task_newtask: sched_process_fork does not fire for kernel-made workers of
 * io_uring.
 */
#include "identity.bpf.h"
#include "marks.bpf.h"
#include "target.bpf.h"

#define PR_SET_NAME 15 /* uapi/linux/prctl.h */

/* Announces a task; t must be its storage, already numbered. */
static __always_inline void emit_new(struct task_struct *task, struct cpt_task *t, __u32 parent,
				     __u32 flags, __u64 ts)
{
	struct cpt_rec_task *rec = bpf_ringbuf_reserve(&cpt_life, sizeof(*rec), 0);

	if (!rec) {
		t->nr_cpus_allowed = task->nr_cpus_allowed;
		t->mask0 = task->cpus_mask.bits[0];
		count_loss(CPT_LOSS_LIFE_RING_FULL);
		return;
	}
	fill_head(&rec->head, CPT_REC_NEW, sizeof(*rec), ts, t->id, bpf_get_smp_processor_id());
	fill_task(rec, task, t, parent, flags);
	life_submit(rec);
}

SEC("tp_btf/task_newtask")
int cpt_task_newtask(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0], *creator = bpf_get_current_task_btf();
	__u64 clone_flags = ctx[1];
	struct cpt_task *parent = family_get(creator), *t = NULL;
	struct cpt_task born = {.flags = CPT_TS_GATED};
	__u32 flags = 0;

	if (cpt_mode == CPT_MODE_TREE
		    ? !parent
		    : !is_target_born(task, creator, parent, clone_flags & CLONE_THREAD))
		return 0;
	/* Behind the last number there is, tasks are lost as those are that find no memory. All CPUs may
	 * be here at once. It is in the list of tasks before it comes here, for whoever looks at all of them or
	 * names it: behind a gate until it has a number and has been told. */
	if (cpt_last_id < CPT_TASK_MAX - CPT_MAX_CPUS)
		t = bpf_task_storage_get(&cpt_tasks, task, &born, BPF_LOCAL_STORAGE_GET_F_CREATE);
	/* It may have been found there, too. */
	if (cpt_mode != CPT_MODE_TREE && !t && bpf_task_storage_get(&cpt_tasks, task, NULL, 0))
		return 0;
	if (!t) {
		count_loss(CPT_LOSS_TASK_STORAGE);
		return 0;
	}
	if (cpt_mode != CPT_MODE_TREE && t->id)
		return 0;
	if (clone_flags & CLONE_THREAD)
		flags |= CPT_TASK_THREAD;
	if (clone_flags & CLONE_VFORK)
		flags |= CPT_TASK_VFORK;
	if (task->flags & (PF_IO_WORKER | PF_USER_WORKER))
		flags |= CPT_TASK_IO_WORKER;
	t->id = __sync_fetch_and_add(&cpt_last_id, 1) + 1;
	t->run_state = CPT_RUN_OFF;
	family_changed();
	count_live(task->tgid, 1);
	emit_new(task, t, parent ? parent->id : 0, flags, bpf_ktime_get_ns());
	if (t->flags == CPT_TS_GATED)
		publish_u32(&t->flags, 0);
	return 0;
}

/* The command's gate opens: from here on it is of the workload, and it runs on this CPU. */
static __always_inline void open_gate(struct task_struct *task, struct cpt_task *t, __u64 ts)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct cpt_cell *cell = cell_get(cpu);

	t->in_ts_ns = ts;
	t->cpu = cpu;
	t->wake.ts_ns = 0;
	t->run_state = CPT_RUN_ON;
	cpt_root_tgid = task->tgid;
	count_live(task->tgid, 1);
	emit_new(task, t, 0, 0, ts);
	if (cell) {
		cell->cur_task_ptr = (__u64)task;
		cell->cur = t->id;
		cell->cur_tid = task->pid;
		cell->cur_nvcsw = task->nvcsw;
		cell->kind = CPT_KIND_OURS;
		cell->occ_idle_ns = cell->occ_other_ns = 0;
		cell->last_ts_ns = ts;
		cell->ready = 1;
	}
	t->flags &= ~CPT_TS_GATED;
}

SEC("tp_btf/sched_process_exec")
int cpt_exec(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	__u32 old_tid = ctx[1];
	struct linux_binprm *bprm = (void *)ctx[2];
	struct cpt_task *t = bpf_task_storage_get(&cpt_tasks, task, NULL, 0);
	__u64 ts, args, sz;
	struct cpt_rec_exec *rec;

	/* One that the user has named has no number until it is found; then it is told as what it is. */
	if (!t || (t->flags & CPT_TS_GATED && t->flags & CPT_TS_NAMED))
		return 0;
	ts = bpf_ktime_get_ns();
	t->poll_blocks = t->poll_turns = 0;
	family_changed();
	if (t->flags & CPT_TS_GATED) {
		open_gate(task, t, ts);
	} else {
		/* A thread that execs takes its leader's tid: the cell must know it again. */
		struct cpt_cell *cell = cell_get(bpf_get_smp_processor_id());

		if (cell && cell->cur == t->id)
			cell->cur_tid = task->pid;
	}
	rec = bpf_ringbuf_reserve(&cpt_life, sizeof(*rec), 0);
	if (!rec) {
		count_loss(CPT_LOSS_LIFE_RING_FULL);
		return 0;
	}
	fill_head(&rec->head, CPT_REC_EXEC, sizeof(*rec), ts, t->id, bpf_get_smp_processor_id());
	args = fill_program(rec, task, old_tid, &sz);
	if (!is_nameless(task)) {
		bpf_probe_read_kernel_str(rec->filename, sizeof(rec->filename), bprm->filename);
		bpf_probe_read_kernel_str(rec->interp, sizeof(rec->interp), bprm->interp);
	}
	if (sz > CPT_ARGS_LEN)
		sz = CPT_ARGS_LEN;
	/* The pages were just written by exec; one that is swapped out already costs the arguments.
	 */
	if (bpf_probe_read_user(rec->args, sz, (void *)args))
		sz = 0;
	rec->args_sz = sz;
	life_submit(rec);
	return 0;
}

/* Run by the recorder itself, once: which program it is, and which process. */
SEC("raw_tp")
int cpt_mark_learn(__u64 *ctx)
{
	struct cpt_mark_state *s = mark_state();

	if (!s)
		return 0;
	s->exe = exe_of(bpf_get_current_task_btf());
	s->tgid = bpf_get_current_pid_tgid() >> 32;
	return 0;
}

union name {
	char text[sizeof(CPT_MARK_CALL)];
	__u64 words[2];
};

/* Is it no name but a mark (see CPT_MARK_CALL)? Then it is taken, if it counts. For whatever else is called
 * something, at each exec at least, this costs reading the name. */
static __always_inline bool is_mark(struct task_struct *task, struct cpt_task *t, const char *comm)
{
	const union name call = {CPT_MARK_CALL};
	struct cpt_mark_state *s;
	struct pt_regs *regs;
	union name is;

	if (bpf_probe_read_kernel(&is, sizeof(is), comm) || is.words[0] != call.words[0] ||
	    is.words[1] != call.words[1])
		return false;
	s = mark_state();
	/* Another task may be given a name, and a program that is executed has one. */
	if (!s || !s->exe || task != bpf_get_current_task_btf() || exe_of(task) != s->exe)
		return false;
	regs = (void *)bpf_task_pt_regs((void *)task);
	if (regs->REG_NR != NR_prctl || regs->REG_ARG1 != PR_SET_NAME)
		return false;
	if (counts(task, t, true, s))
		emit_mark(task, t, s, regs->REG_ARG2 + offsetof(struct cpt_mark_call, name),
			  bpf_ktime_get_ns());
	return true;
}

SEC("tp_btf/task_rename")
int cpt_rename(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	const char *comm = (void *)ctx[1];
	struct cpt_task *t = family_get(task);
	struct cpt_rec_rename *rec;

	if (is_mark(task, t, comm) || !t)
		return 0;
	rec = bpf_ringbuf_reserve(&cpt_life, sizeof(*rec), 0);
	if (!rec) {
		count_loss(CPT_LOSS_LIFE_RING_FULL);
		return 0;
	}
	fill_head(&rec->head, CPT_REC_RENAME, sizeof(*rec), bpf_ktime_get_ns(), t->id,
		  bpf_get_smp_processor_id());
	__builtin_memset(rec->comm, 0, sizeof(rec->comm));
	if (is_nameless(task))
		__builtin_memcpy(rec->comm, CPT_NAMELESS, sizeof(CPT_NAMELESS));
	else
		bpf_probe_read_kernel_str(rec->comm, sizeof(rec->comm), comm);
	life_submit(rec);
	return 0;
}
