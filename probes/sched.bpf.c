// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sched.bpf.c - who runs where, what it waits for, who wakes it.
 *
 * Owns:     the programs at switches and wake-ups, and the order of what they do; the wake-up facts
 *           kept in task storage.
 * Must not: know who a task is (lifecycle.bpf.c), or say what a wait means (the analysis).
 *
 * What belongs to a switch, and where: what the outgoing task waits for wait.bpf.h (futexes futex.bpf.h),
 * the rest of its record record.bpf.h, CPUs that run none of ours occupancy.bpf.h, switches that fired no
 * event chain.bpf.h, stacks stacks.bpf.h.
 *
 *   waking(X)         X's storage: when, by whom, from what context
 *   switch(P -> N)    P's end and wait, N's start with what X's storage says   -> one record
 *
 * The chain: this CPU's cell says which task came in last. If another one goes out, a switch fired
 * no event (about one in a hundred on some kernels, for every tracer alike): it is rebuilt first,
 * from the kernel's own stamps. All writers of a cell run on its CPU and cannot interrupt each
 * other.
 *
 * The clock is read last: what the program itself costs then lies before the switch, once.
 */
#include "state.bpf.h"
#include "affinity.bpf.h"
#include "chain.bpf.h"
#include "stacks.bpf.h"

/* ---- programs ---------------------------------------------------------------------------------
 */

/*
 * Blocked, not merely off: prev_state alone lies when a signal is pending (the task stays queued),
 * and from 6.12 on a sleeper may stay queued until its lag is used up (sched_delayed).
 */
static __always_inline bool has_blocked(struct task_struct *prev, bool preempt, __u32 state)
{
	if (preempt || !state)
		return false;
	if (!prev->on_rq)
		return true;
	return bpf_core_field_exists(prev->se.sched_delayed) && prev->se.sched_delayed;
}

static __always_inline bool is_throttled(struct task_struct *task)
{
	if (bpf_core_field_exists(task->throttled))
		return task->throttled;
	if (bpf_core_field_exists(task->se.cfs_rq) &&
	    bpf_core_field_exists(struct cfs_rq, throttle_count))
		return task->se.cfs_rq->throttle_count;
	return false;
}

static __always_inline __u16 record_prev(struct cpt_rec_switch *rec, struct task_struct *prev,
					 bool preempt, bool blocked, __u32 state)
{
	__u16 flags = 0;

	if (blocked) {
		flags = CPT_SW_PREV_BLOCKED;
		wait_describe(prev, rec, &flags);
		if (BPF_CORE_READ_BITFIELD(prev, in_iowait))
			flags |= CPT_SW_PREV_IOWAIT;
		if (unlikely(state & TASK_DEAD))
			flags |= CPT_SW_PREV_DEAD;
		return flags;
	}
	record_no_wait(rec);
	if (!preempt) {
		struct pt_regs *regs = (void *)bpf_task_pt_regs((void *)prev);

		rec->sysno = wait_sysno(prev, regs);
		if (rec->sysno == NR_sched_yield)
			flags |= CPT_SW_PREV_YIELDED;
	}
	if (is_throttled(prev))
		flags |= CPT_SW_PREV_THROTTLED;
	return flags;
}

/* Neither is of ours: only what holds the CPU is kept. */
static __always_inline void switch_of_others(struct cpt_cell *cell, __u32 cpu,
					     struct task_struct *next)
{
	__u32 kind = foreign_kind(next);

	cell->cur_task_ptr = (__u64)next;
	if (kind != cell->kind)
		occupancy_turn(cell, cpu, bpf_ktime_get_ns(), kind);
}

/* p, n: storage of prev and next, NULL if none of ours. Returns the record's flags. */
static __always_inline __u16 fill_switch(struct cpt_rec_switch *rec, struct cpt_cell *cell,
					 struct task_struct *prev, struct cpt_task *p,
					 struct task_struct *next, struct cpt_task *n, bool preempt,
					 bool blocked, __u32 state)
{
	__u16 flags;

	rec->type = CPT_REC_SWITCH;
	rec->reserved = 0;
	rec->seq = cell->attempts - 1;
	if (p) {
		rec->prev = p->id;
		rec->prev_state = state;
		flags = record_prev(rec, prev, preempt, blocked, state);
	} else {
		flags = record_no_prev(rec, cell);
	}
	flags |= record_next(rec, next, n, n ? &n->wake : NULL);
	rec->flags = flags;
	return flags;
}

/* It blocks in this call; the first time counts of those in one. */
static __always_inline void note_block(struct cpt_task *p, __u16 sysno, __u64 ts)
{
	if (p->blocked_in == sysno)
		return;
	p->blocked_in = sysno;
	p->blocked_ns = ts;
}

/* What is kept of the switch at ts, for the next ones on this CPU and of these tasks. */
static __always_inline void note_switch(struct cpt_cell *cell, __u32 cpu, __u64 ts,
					struct task_struct *prev, struct cpt_task *p,
					struct task_struct *next, struct cpt_task *n, bool blocked,
					__u32 state)
{
	if (unlikely(ts - cell->clock_at_ns > CLOCK_LOOK_NS))
		learn_clock(cell, prev, ts);
	cell->last_ts_ns = ts;
	if (p) {
		p->out_ts_ns = ts;
		p->run_state = blocked ? CPT_RUN_BLOCKED : CPT_RUN_OFF;
		if (unlikely(state & TASK_DEAD))
			emit_exit((__u64)prev, p->id, cpu, ts);
	}
	if (n)
		task_on(next, n, cpu, ts, ~0ULL);
	else
		cell_leave(cell, ts, foreign_kind(next));
	cell_set(cell, next, n);
}

/*
 *   chain ── others only? ── affinity ── record ── stacks ── clock ── state
 *   heal()   done             emit_…()   fill_…()  stacks_…() read last  note_switch()
 */
static __always_inline int on_switch(__u64 *ctx, bool stacks)
{
	struct stack_ids ids;
	bool preempt = ctx[0];
	struct task_struct *prev = (void *)ctx[1], *next = (void *)ctx[2];
	__u32 state = cpt_switch_has_state ? ctx[3] : prev->__state;
	__u32 cpu = bpf_get_smp_processor_id();
	struct cpt_cell *cell = cell_get(cpu);
	struct cpt_task *p = NULL, *n;
	struct cpt_rec_switch *rec;
	bool known, blocked = false;
	__u16 flags;
	__u64 ts;

	if (!cell)
		return 0;
	/* Its own look-up is saved to a foreign task that was seen coming in, where none becomes ours. */
	known = cell->cur_task_ptr == (__u64)prev;
	if (cell->cur || !known || cpt_mode != CPT_MODE_TREE)
		p = family_get(prev);
	n = family_get(next);
	if (unlikely(!known || cell->cur != (p ? p->id : 0)))
		heal(cell, cpu, prev, p);

	if (!p) {
		barrier(); /* clang 14 merges the two NULL tests into code the verifier refuses */
		if (!n) {
			switch_of_others(cell, cpu, next);
			return 0;
		}
		if (cell->occ_idle_ns | cell->occ_other_ns)
			occupancy_emit(cell, cpu, bpf_ktime_get_ns(), CPT_KIND_OURS);
	}

	family_changed();
	if (p && unlikely(mask_changed(prev, p)))
		emit_affinity(prev, p, cpu);
	if (n && unlikely(mask_changed(next, n)))
		emit_affinity(next, n, cpu);
	rec = slot_get(cell, cpu);
	if (p)
		blocked = has_blocked(prev, preempt, state);
	if (rec) {
		flags = fill_switch(rec, cell, prev, p, next, n, preempt, blocked, state);
		if (stacks)
			stacks_take(ctx, prev, blocked, &ids);
		ts = bpf_ktime_get_ns();
		rec->ts_ns = ts;
		if (blocked)
			note_block(p, rec->sysno, ts);
		slot_publish(cell);
		if (stacks)
			stacks_emit(cell, cpu, ts, prev, blocked ? p : NULL, n,
				    flags & CPT_SW_NEXT_WOKEN, &ids);
	} else {
		ts = bpf_ktime_get_ns();
		if (blocked)
			p->serve_ns = 0; /* in what is not known */
	}
	note_switch(cell, cpu, ts, prev, p, next, n, blocked, state);
	return 0;
}

SEC("tp_btf/sched_switch")
int cpt_sched_switch(__u64 *ctx)
{
	return on_switch(ctx, false);
}

/* In its place with --stacks. */
SEC("?tp_btf/sched_switch")
int cpt_switch_stk(__u64 *ctx)
{
	return on_switch(ctx, true);
}

static __always_inline __u32 preempt_count(struct cpt_cell *cell, struct task_struct *task)
{
	__u32 count = 0;

#if defined(__TARGET_ARCH_arm64)
	struct thread_info___arm64 *info = (void *)&task->thread_info;

	count = BPF_CORE_READ(info, preempt.count);
#else
	if (cell && cell->preempt_ptr)
		bpf_probe_read_kernel(&count, sizeof(count), (void *)cell->preempt_ptr);
#endif
	return count;
}

/* A wake out of a futex call: the flag for the wakee's storage. Other calls do not come here. */
static __noinline __u16 wake_flags(struct task_struct *cur, __u32 nr, struct task_struct *wakee)
{
	struct pt_regs *wakee_regs = (void *)bpf_task_pt_regs((void *)wakee);
	__u32 wakee_nr = wait_sysno(wakee, wakee_regs);

	if (!waits_on_futex(wakee_nr))
		return 0;
	return wake_is_on_word((void *)bpf_task_pt_regs((void *)cur), nr, cur->mm == wakee->mm,
			       wakee_regs, wakee_nr)
		       ? CPT_SW_WAKE_ON_WORD
		       : 0;
}

/*
 * It came in without an event after the wake-up that ended its wait, and wakes a second time while it runs, on
 * its way into the next wait. Its coming is rebuilt when it leaves, by the first; the second may be that of the
 * wait it goes into.
 */
static __always_inline void keep_first_wake(struct task_struct *wakee, struct cpt_task *w)
{
	if (w->run_state == CPT_RUN_BLOCKED && unlikely(w->wake.ts_ns > w->out_ts_ns) &&
	    w->first.ts_ns <= w->out_ts_ns && is_on_cpu(wakee))
		w->first = w->wake;
}

static __always_inline int on_waking(__u64 *ctx, bool stacks)
{
	struct task_struct *wakee = (void *)ctx[0], *cur;
	struct cpt_task *w = family_get(wakee), *c;
	__u16 sysno = CPT_SYSNO_NONE;
	__u8 wake_ctx = CPT_CTX_TASK;
	__u32 count;

	if (!w)
		return 0;
	family_changed();
	cur = bpf_get_current_task_btf();
	c = family_get(cur);
	keep_first_wake(wakee, w);
	if (c) {
		w->wake.waker = c->id;
		w->wake.flags = 0;
	} else {
		__u32 tid = cur->pid;

		/* Or clang 14 shares one load between the two pointers, which the verifier refuses.
		 */
		barrier_var(tid);
		w->wake.waker = tid;
		w->wake.flags = CPT_SW_WAKER_FOREIGN;
	}
	count = preempt_count(cell_get(bpf_get_smp_processor_id()), cur);
	if (count & CPT_HARDIRQ_MASK) {
		wake_ctx = CPT_CTX_HARDIRQ;
	} else {
		sysno = wait_sysno(cur, (void *)bpf_task_pt_regs((void *)cur));
		if (count & CPT_SOFTIRQ_SERVING) {
			if (sends(sysno)) {
				wake_ctx = CPT_CTX_SOFTIRQ_SEND;
			} else {
				wake_ctx = CPT_CTX_SOFTIRQ;
				sysno = CPT_SYSNO_NONE;
			}
		} else if (wakes_futex(sysno)) {
			w->wake.flags |= wake_flags(cur, sysno, wakee);
		}
	}
	w->wake.ctx = wake_ctx;
	w->wake.sysno = sysno;
	if (stacks)
		stacks_waking(ctx, w, cur,
			      c && wake_ctx != CPT_CTX_HARDIRQ && wake_ctx != CPT_CTX_SOFTIRQ);
	w->wake.ts_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sched_waking")
int cpt_sched_waking(__u64 *ctx)
{
	return on_waking(ctx, false);
}

SEC("?tp_btf/sched_waking")
int cpt_waking_stk(__u64 *ctx)
{
	return on_waking(ctx, true);
}

/* ---- run by the collector on a CPU of its choice (BPF_PROG_TEST_RUN)
 * ------------------------------ */

/*
 * In the interrupt that brings it there, `current` is what the CPU runs: for the first sight of a
 * CPU, for a chain that has no event to be checked by (a CPU that sleeps on or computes on), and
 * for the last account of a CPU that runs none of ours.
 *
 * Argument: 1 when the recording ends. Returns 1 if the chain was broken.
 */
SEC("raw_tp")
int cpt_cell_check(__u64 *ctx)
{
	bool last = ctx[0];
	struct task_struct *cur = bpf_get_current_task_btf();
	struct cpt_task *t = family_get(cur);
	__u32 cpu = bpf_get_smp_processor_id();
	struct cpt_cell *cell = cell_get(cpu);
	int broken = 0;

	if (!cell)
		return 0;
	if (!cell->preempt_ptr && cpt_preempt_known && bpf_core_field_exists(cur->se.cfs_rq) &&
	    bpf_core_field_exists(struct cfs_rq, rq))
		cell->preempt_ptr = (__u64)BPF_CORE_READ(cur, se.cfs_rq, rq) + cpt_preempt_off;
	if (!cpt_regs_off) {
		/* Through memory: before 6.2 the verifier refuses to subtract from a kernel pointer. */
		volatile __s64 *off = &cpt_regs_off;

		*off = (__u64)bpf_task_pt_regs((void *)cur);
		*off -= (__u64)cur->stack;
	}
	if (cell->cur_task_ptr != (__u64)cur || cell->cur != (t ? t->id : 0)) {
		broken = cell->ready;
		heal(cell, cpu, cur, t);
	}
	if (last && !cell->cur && cpt_occupancy)
		occupancy_emit(cell, cpu, bpf_ktime_get_ns(), cell->kind);
	return broken;
}
