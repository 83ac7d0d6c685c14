// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * find.bpf.c - tasks that were there before: who is of the workload, and what each is doing.
 *
 * Owns:     the iterator that finds them, once all other probes are attached; the cgroup they are in.
 * Must not: be loaded for a command; run by itself.
 *
 *   storage ──────── from here on every switch, wake-up and child of it is recorded
 *      └─ then what it is doing is read, and told where no switch has told it since:
 *           blocked    as a switch-out with its wait, from its saved registers
 *           runnable   nothing: that is what a birth says
 *           running    nothing: the check of its CPU's cell, or its switch-out, says since when
 *
 * It may change while it is looked at, from another CPU. What is read counts if no switch lies between the
 * first and the last look at it; else it is looked at again, in the next round. Rounds are made until one
 * finds nothing, so a task that is born of one not yet found is found itself.
 *
 * The program may sleep, and so reads the memory of other tasks: their arguments, the words and
 * descriptors they wait on. It does that before the waits are described, into windows.
 */
#include "kernel_types.h"

static long read_window(void *dst, __u32 sz, __u64 at);
#define read_user(dst, sz, at) read_window(dst, sz, (__u64)(at))

#include "identity.bpf.h"
#include "target.bpf.h"
#include "wait.bpf.h"

#define WINDOW_CNT   3
#define WINDOW_SPAN  128 /* around an address */
#define WINDOW_PAGE  4096
#define LOOKS	     3
#define CAUSE_EFAULT (-14)

struct window {
	__u64 base; /* user address */
	__u64 sz;   /* of what could be read */
	__u8 bytes[2 * WINDOW_SPAN];
};

static struct window windows[WINDOW_CNT];

static __noinline long read_window(void *dst, __u32 sz, __u64 at)
{
	for (int i = 0; i < WINDOW_CNT; i++) {
		struct window *w = &windows[i];
		__u64 off = at - w->base;

		if (off >= WINDOW_SPAN || off + sz > w->sz)
			continue;
		off &= WINDOW_SPAN - 1;
		return bpf_probe_read_kernel(dst, sz, w->bytes + off);
	}
	return CAUSE_EFAULT;
}

__u32 cpt_find_step = 0;    /* CPT_FIND_* */
__u32 cpt_found = 0;	    /* tasks so far */
__u32 cpt_find_pending = 0; /* this round: their state could not be told */

static struct cpt_rec_found found; /* the iterator is not run twice at once */

/* ---- what a task waits for ---------------------------------------------------------------------- */

static __always_inline void open_window_at(struct task_struct *task, __u32 idx, __u64 at)
{
	struct window *w = &windows[idx];
	__u64 page = at & ~(WINDOW_PAGE - 1ULL), from = at - WINDOW_SPAN / 2;
	__u64 to = at + WINDOW_SPAN / 2, sz;

	/* What lies on the next page may not be there. */
	if (from < page || from > at)
		from = page;
	if (to > page + WINDOW_PAGE)
		to = page + WINDOW_PAGE;
	sz = to - from;
	if (sz > WINDOW_SPAN)
		sz = WINDOW_SPAN;
	w->base = from;
	w->sz = 0;
	if (at && !bpf_copy_from_user_task(w->bytes, sz, (void *)from, task, 0))
		w->sz = sz;
}

/* The memory that wait_describe() will ask for. */
static __always_inline void open_windows(struct task_struct *task)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs((void *)task);
	__u32 nr = wait_sysno(task, regs);
	__u64 arg1 = regs->REG_ARG1, arg2 = regs->REG_ARG2;
	__u64 arg3 = regs->REG_ARG3, arg4 = regs->REG_ARG4;

	barrier_var(arg1);
	barrier_var(arg2);
	barrier_var(arg3);
	barrier_var(arg4);
	for (int i = 0; i < WINDOW_CNT; i++)
		windows[i].sz = 0;
	if (nr == NR_futex || nr == NR_futex_wait || nr == NR_poll || nr == NR_ppoll) {
		open_window_at(task, 0, arg1);
	} else if (nr == NR_futex_waitv) {
		struct futex_waitv first = {};

		open_window_at(task, 0, arg1);
		if (!read_user(&first, sizeof(first), arg1))
			open_window_at(task, 1, first.uaddr);
	} else if (nr == NR_select || nr == NR_pselect6) {
		open_window_at(task, 0, arg2);
		open_window_at(task, 1, arg3);
		open_window_at(task, 2, arg4);
	}
}

static __always_inline bool is_queued(struct task_struct *task)
{
	if (!task->on_rq)
		return false;
	return !(bpf_core_field_exists(task->se.sched_delayed) && task->se.sched_delayed);
}

/* As wait_describe(), which counts a block in poll: here it is one, however often it is looked at. */
static __always_inline bool describe_wait(struct task_struct *task, struct cpt_task *t,
					  struct cpt_rec_switch *rec, __u16 *flags)
{
	const __u8 before = t->poll_blocks;
	bool polls;

	wait_describe(task, rec, flags);
	polls = t->poll_blocks != before;
	t->poll_blocks = before;
	return polls;
}

/* Fills found.wait. True: what it says, or that there is nothing to say, is so. */
static __noinline bool look(struct task_struct *task, struct cpt_task *t)
{
	struct cpt_rec_switch *rec = &found.wait;
	__u16 flags = CPT_SW_PREV_BLOCKED;
	__u32 state = task->__state;
	__u64 moves;
	bool polls;

	rec->type = 0;
	if (t->run_state != CPT_RUN_FOUND || state & TASK_NEW)
		return true;
	if (is_on_cpu(task))
		return false;
	if (is_queued(task))
		return true;
	if (!state)
		return false;
	moves = task->nvcsw + task->nivcsw;
	found.cpu = bpf_get_smp_processor_id();
	rec->ts_ns = bpf_ktime_get_ns();
	open_windows(task);
	rec->prev_state = state;
	polls = describe_wait(task, t, rec, &flags);
	if (BPF_CORE_READ_BITFIELD_PROBED(task, in_iowait))
		flags |= CPT_SW_PREV_IOWAIT;
	rec->flags = flags;
	rec->wake_ctx = 0;
	rec->reserved = 0;
	rec->waker_sysno = CPT_SYSNO_NONE;
	rec->seq = 0;
	rec->prev = t->id;
	rec->next = rec->waker = 0;
	rec->wake_ts_ns = 0;
	if (is_on_cpu(task) || is_queued(task) || task->nvcsw + task->nivcsw != moves ||
	    t->run_state != CPT_RUN_FOUND)
		return false;
	/* No block of which a return may tell: it was in it before, as who polls in a loop is. */
	if (polls)
		t->poll_blocks = CPT_POLL_TURNS;
	rec->type = CPT_REC_SWITCH;
	return true;
}

static __always_inline bool look_well(struct task_struct *task, struct cpt_task *t)
{
	for (int i = 0; i < LOOKS; i++)
		if (look(task, t))
			return true;
	return false;
}

/* ---- who a task is ------------------------------------------------------------------------------ */

/* As if it had just become the program that it is. */
static __always_inline void fill_exec(struct task_struct *task, struct cpt_task *t, __u64 ts)
{
	struct cpt_rec_exec *rec = &found.exec;
	__u64 start, sz;

	fill_head(&rec->head, CPT_REC_EXEC, sizeof(*rec), ts, t->id, found.cpu);
	start = fill_program(rec, task, task->pid, &sz);
	if (sz > CPT_ARGS_LEN)
		sz = CPT_ARGS_LEN;
	if (bpf_copy_from_user_task(rec->args, sz, (void *)start, task, 0))
		sz = 0;
	rec->args_sz = sz;
}

/* Tells of one that has been found. Where the iterator's page is full it comes here again. */
static __noinline int tell(struct bpf_iter__task *ctx, struct task_struct *task, struct cpt_task *t)
{
	__u32 parent = 0, flags = CPT_TASK_FOUND;
	struct cpt_lead *lead = lead_get(task);
	__u64 ts = t->in_ts_ns;

	found.cpu = bpf_get_smp_processor_id();
	if (lead && lead->id != t->id) {
		parent = lead->id;
		flags |= CPT_TASK_THREAD;
	}
	if (task->flags & PF_KTHREAD)
		flags |= CPT_TASK_KTHREAD;
	else if (task->flags & (PF_IO_WORKER | PF_USER_WORKER))
		flags |= CPT_TASK_IO_WORKER;
	fill_head(&found.task.head, CPT_REC_NEW, sizeof(found.task), ts, t->id, found.cpu);
	fill_task(&found.task, task, t, parent, flags);
	found.exec.head.type = 0;
	if (!parent && BPF_CORE_READ(task, mm))
		fill_exec(task, t, ts);
	found.wait.type = 0;
	found.sum_exec_ns = task->se.sum_exec_runtime;
	if (!bpf_seq_write(ctx->meta->seq, &found, sizeof(found)))
		t->flags = CPT_TS_UNSURE;
	return 0;
}

static __noinline int tell_state(struct bpf_iter__task *ctx, struct task_struct *task,
				 struct cpt_task *t)
{
	if (!look_well(task, t)) {
		cpt_find_pending++;
		return 0;
	}
	found.task.head.type = found.exec.head.type = 0;
	if (found.wait.type && bpf_seq_write(ctx->meta->seq, &found, sizeof(found)))
		return 0;
	t->flags = 0;
	return 0;
}

/* It is of the workload from here on; named: by the user, and so has its storage. NULL: it has ended, or its
 * birth was seen at this moment. */
static __noinline struct cpt_task *take_in(struct task_struct *task, struct cpt_task *named)
{
	struct cpt_task t =
				{
					.flags = CPT_TS_UNTOLD,
					.run_state = CPT_RUN_FOUND,
					.in_ts_ns = bpf_ktime_get_ns(),
				},
			*kept = named;

	if (cpt_last_id >= CPT_TASK_MAX - CPT_MAX_CPUS) {
		count_loss(CPT_LOSS_TASK_STORAGE);
		return NULL;
	}
	t.id = __sync_fetch_and_add(&cpt_last_id, 1) + 1;
	if (named) {
		named->id = t.id;
		named->run_state = t.run_state;
		named->in_ts_ns = t.in_ts_ns;
		barrier();
		named->flags = t.flags; /* opens its gate */
	} else {
		kept = bpf_task_storage_get(&cpt_tasks, task, &t, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (!kept && !bpf_task_storage_get(&cpt_tasks, task, NULL, 0))
			count_loss(CPT_LOSS_TASK_STORAGE);
		if (!kept || kept->id != t.id)
			return NULL;
	}
	/* Off its CPU for good before it was ours. */
	if (task->__state & TASK_DEAD && !is_on_cpu(task) && kept->run_state == CPT_RUN_FOUND) {
		kept->flags = CPT_TS_GATED;
		return NULL;
	}
	family_changed();
	count_live(task->tgid, 1);
	cpt_found++;
	return kept;
}

SEC("?iter.s/task")
int cpt_find(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct cpt_lead *lead;
	struct cpt_task *t;

	if (!task)
		return 0;
	t = bpf_task_storage_get(&cpt_tasks, task, NULL, 0);
	if (cpt_find_step == CPT_FIND_NAMED) {
		cpt_tracer_tgid = bpf_get_current_pid_tgid() >> 32;
		if (t && t->flags & CPT_TS_NAMED)
			lead_set(task, 0);
		return 0;
	}
	if (cpt_find_step == CPT_FIND_LEADERS && task->pid != task->tgid)
		return 0;
	if (cpt_find_step == CPT_FIND_STATES)
		return t && t->flags & CPT_TS_UNSURE ? tell_state(ctx, task, t) : 0;
	if (t && t->flags & CPT_TS_UNTOLD)
		return tell(ctx, task, t);
	if (task->exit_state || (t && !(t->flags & CPT_TS_NAMED)))
		return 0;
	if (!is_target(task))
		return 0;
	t = take_in(task, t);
	if (!t)
		return 0;
	lead = lead_get(task);
	if (!lead || !lead->id)
		lead_set(task, t->id);
	return tell(ctx, task, t);
}

/* ---- the cgroup --------------------------------------------------------------------------------- */

SEC("?iter/cgroup")
int cpt_find_group(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *group = ctx->cgroup;
	__u32 mask;

	if (!group)
		return 0;
	cpt_group_level = group->level;
	mask = BPF_CORE_READ(group, root, subsys_mask);
	if (!BPF_CORE_READ(group, root, hierarchy_id)) {
		cpt_group_subsys = -1;
	} else if (mask) {
		for (cpt_group_subsys = 0; cpt_group_subsys < 31; cpt_group_subsys++)
			if (mask >> cpt_group_subsys & 1)
				break;
	} else {
		return 0; /* of a hierarchy that no controller is in: a task does not lead there */
	}
	cpt_group_ptr = (__u64)group;
	return 0;
}

/* Tasks have been moved into it, or below: the collector looks for them. */
SEC("?tp_btf/cgroup_attach_task")
int cpt_group_attach(__u64 *ctx)
{
	struct cpt_rec_head *head;

	if (!group_is_below((void *)ctx[0]))
		return 0;
	cpt_group_moved = true;
	head = bpf_ringbuf_reserve(&cpt_life, sizeof(*head), 0);
	if (!head)
		return 0;
	fill_head(head, CPT_REC_NUDGE, sizeof(*head), bpf_ktime_get_ns(), 0, 0);
	bpf_ringbuf_submit(head, BPF_RB_FORCE_WAKEUP);
	return 0;
}
