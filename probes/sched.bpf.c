// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sched.bpf.c - who runs where, what it waits for, who wakes it.
 *
 * Owns:     the switch rings: one record per context switch of the workload, occupancy of CPUs that
 *           run none of it, the chain check; and the wake-up facts kept in task storage.
 * Must not: know who a task is (lifecycle.bpf.c), or say what a wait means (the analysis).
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
#include "wait.bpf.h"
#include "ring.bpf.h"
#include "stacks.bpf.h"

/* ---- occupancy of CPUs that run none of ours --------------------------------------------------
 */

static __noinline void occupancy_emit(struct cpt_cell *cell, __u32 cpu, __u64 ts, __u32 next_kind)
{
	struct cpt_rec_occupancy *rec = slot_get(cell, cpu);

	if (rec) {
		rec->type = CPT_REC_OCCUPANCY;
		rec->kind = cell->kind;
		rec->reserved = 0;
		rec->reserved2 = 0;
		rec->seq = cell->attempts - 1;
		rec->next_kind = next_kind;
		rec->ts_ns = ts;
		rec->since_ns = cell->occ_since_ns;
		rec->idle_ns = cell->occ_idle_ns;
		rec->other_ns = cell->occ_other_ns;
		rec->reserved3[0] = rec->reserved3[1] = 0;
		slot_publish(cell);
	}
	cell->last_ts_ns = ts;
	cell->occ_since_ns = ts;
	cell->occ_idle_ns = cell->occ_other_ns = 0;
}

/* A turn idle <-> other at ts. */
static __noinline void occupancy_turn(struct cpt_cell *cell, __u32 cpu, __u64 ts, __u32 kind)
{
	__u32 word = (cpu / 64) & (CPT_MASK_WORDS - 1);
	__u64 bit = 1ULL << (cpu & 63), start, span;

	if (!cpt_occupancy) {
		/* Only what holds the CPU is kept, for the next record's flags. */
	} else if (cpt_quiet[word] & bit) {
		start = cell->occ_since_ns + cell->occ_idle_ns + cell->occ_other_ns;
		span = ts > start ? ts - start : 0;
		if (cell->kind == CPT_KIND_IDLE)
			cell->occ_idle_ns += span;
		else
			cell->occ_other_ns += span;
	} else {
		occupancy_emit(cell, cpu, ts, kind);
		__sync_fetch_and_or(&cpt_quiet[word], bit);
		cpt_any_quiet = 1;
	}
	cell->kind = kind;
}

static __always_inline __u32 foreign_kind(struct task_struct *task)
{
	return task->pid ? CPT_KIND_OTHER : CPT_KIND_IDLE;
}

/* ---- a task comes in, a task goes ----------------------------------------------------------- */

static __always_inline __u16 record_wake(struct cpt_rec_switch *rec, struct cpt_task *n)
{
	__u64 wake = n->wake_ts_ns;

	rec->next = n->id;
	/* Not blocked: preempted, or new. Still on by our account: its switch-out fired no event,
	 * and a wake-up since it came in proves that it blocked. */
	if (likely(n->run_state == CPT_RUN_BLOCKED)
		    ? !wake
		    : n->run_state != CPT_RUN_ON || wake <= n->in_ts_ns) {
		rec->wake_ctx = 0;
		rec->waker_sysno = CPT_SYSNO_NONE;
		rec->waker = 0;
		rec->wake_ts_ns = 0;
		return 0;
	}
	/* sched_waking fires while the wakee still leaves its CPU; it is runnable only then. */
	rec->wake_ts_ns = wake > n->out_ts_ns ? wake : n->out_ts_ns;
	rec->wake_ctx = n->wake_ctx;
	rec->waker_sysno = n->waker_sysno;
	rec->waker = n->waker;
	return CPT_SW_NEXT_WOKEN | n->waker_flags;
}

static __always_inline void record_no_next(struct cpt_rec_switch *rec)
{
	rec->next = 0;
	rec->wake_ctx = 0;
	rec->waker_sysno = CPT_SYSNO_NONE;
	rec->waker = 0;
	rec->wake_ts_ns = 0;
}

static __always_inline void record_no_wait(struct cpt_rec_switch *rec)
{
	rec->object = CPT_FD_NONE;
	rec->sysno = CPT_SYSNO_NONE;
	rec->arg0 = rec->arg1 = 0;
	rec->arg2 = 0;
}

static __always_inline void task_on(struct cpt_task *n, __u64 ts)
{
	n->run_state = CPT_RUN_ON;
	n->wake_ts_ns = 0;
	n->in_ts_ns = ts;
}

/* `task` is what runs here from now on. */
static __always_inline void cell_set(struct cpt_cell *cell, struct task_struct *task,
				     struct cpt_task *t)
{
	cell->cur_task_ptr = (__u64)task;
	if (t) {
		cell->cur = t->id;
		cell->cur_tid = task->pid;
		cell->cur_nvcsw = task->nvcsw;
		cell->kind = CPT_KIND_OURS;
	} else {
		cell->cur = 0;
	}
}

/* From ts on the CPU runs none of ours. */
static __always_inline void cell_leave(struct cpt_cell *cell, __u64 ts, __u32 kind)
{
	cell->kind = kind;
	cell->occ_since_ns = ts;
	cell->occ_idle_ns = cell->occ_other_ns = 0;
}

/* task_ptr need not be a pointer the verifier trusts: a dead task may be found late. */
static __noinline void emit_exit(__u64 task_ptr, __u32 id, __u32 cpu, __u64 ts)
{
	struct task_struct *task = (void *)task_ptr;
	struct cpt_rec_exit *rec;

	count_live(BPF_CORE_READ(task, tgid), -1);
	rec = bpf_ringbuf_reserve(&cpt_life, sizeof(*rec), 0);
	if (!rec) {
		count_loss(CPT_LOSS_LIFE_RING_FULL);
		return;
	}
	fill_head(&rec->head, CPT_REC_EXIT, sizeof(*rec), ts, id, cpu);
	rec->sum_exec_ns = BPF_CORE_READ(task, se.sum_exec_runtime);
	rec->run_delay_ns = bpf_core_field_exists(task->sched_info.run_delay)
				    ? BPF_CORE_READ(task, sched_info.run_delay)
				    : 0;
	rec->nvcsw = BPF_CORE_READ(task, nvcsw);
	rec->nivcsw = BPF_CORE_READ(task, nivcsw);
	rec->exit_code = BPF_CORE_READ(task, exit_code);
	rec->reserved = 0;
	life_submit(rec);
}

/* ---- the chain check --------------------------------------------------------------------------
 */

/*
 * A run queue's clock stands still between the kernel's looks at it: up to a tick while a task
 * computes, as long as it lasts on a CPU that idles. How far it is behind shows against its distance
 * from our clock, learned at switches, where it is fresh or some microseconds old: the least
 * distance counts, let grow by as much as CLOCK_MONOTONIC may be slewed (500 ppm).
 */
#define CLOCK_LOOK_NS	 1000000
#define CLOCK_SLEW_SHIFT 11

static __noinline void learn_clock(struct cpt_cell *cell, struct task_struct *prev, __u64 now)
{
	__s64 off, most;

	if (!bpf_core_field_exists(prev->se.cfs_rq) ||
	    !bpf_core_field_exists(struct rq, clock_task))
		return;
	off = now - BPF_CORE_READ(prev, se.cfs_rq, rq, clock);
	most = cell->clock_off_ns + ((now - cell->clock_at_ns) >> CLOCK_SLEW_SHIFT);
	cell->clock_off_ns = !cell->clock_at_ns || off < most ? off : most;
	cell->clock_at_ns = now;
}

/* By how much this CPU's run queue clock is behind now. */
static __always_inline __u64 clock_behind(struct cpt_cell *cell, struct rq *rq, __u64 now)
{
	__s64 behind = now - cell->clock_off_ns - BPF_CORE_READ(rq, clock);

	return cell->clock_at_ns && behind > 0 ? behind : 0;
}

/*
 * When did the switch from the cell's task to prev happen, of which no event told?
 *
 *        last record                missed                    now
 *   --------|---- cell's task ---------|---------- prev --------|
 *                        exec_start of it, last_arrival of prev
 *
 * Both stamps are the run queue's clocks, as is its "now", which may be old: only differences are
 * used, and what it is behind.
 */
static __always_inline __u64 missed_ts(struct cpt_cell *cell, struct task_struct *prev, __u64 now)
{
	struct rq *rq;
	__u64 ago = 0;

	if (!bpf_core_field_exists(prev->se.cfs_rq) ||
	    !bpf_core_field_exists(struct rq, clock_task))
		return now;
	rq = BPF_CORE_READ(prev, se.cfs_rq, rq);
	if (prev->pid && bpf_core_field_exists(prev->sched_info.last_arrival)) {
		ago = BPF_CORE_READ(rq, clock) - prev->sched_info.last_arrival;
	} else {
		struct task_struct *cur = (void *)cell->cur_task_ptr;

		ago = BPF_CORE_READ(rq, clock_task) - BPF_CORE_READ(cur, se.exec_start);
	}
	if ((__s64)ago < 0)
		return now;
	ago += clock_behind(cell, rq, now);
	return now > ago && now - ago > cell->last_ts_ns ? now - ago : cell->last_ts_ns;
}

/* What became of the cell's task, from its task_struct and its kernel stack. Returns flags. */
static __always_inline __u16 mend_prev(struct cpt_cell *cell, __u32 cpu, struct cpt_rec_switch *rec,
				       __u64 ts)
{
	struct task_struct *cur = (void *)cell->cur_task_ptr;
	struct pt_regs *regs;
	__u32 state;
	__u16 flags;
	bool queued;
	long nr;

	record_no_wait(rec);
	rec->prev_state = 0;
	/* Freed and used again, or never to be read: the number is all that is left. */
	if ((__u32)BPF_CORE_READ(cur, pid) != cell->cur_tid) {
		cell->mends_failed++;
		return CPT_SW_PREV_UNKNOWN;
	}
	state = BPF_CORE_READ(cur, __state);
	rec->prev_state = state;
	if (state & TASK_DEAD) {
		emit_exit(cell->cur_task_ptr, cell->cur, cpu, ts);
		return CPT_SW_PREV_BLOCKED | CPT_SW_PREV_DEAD;
	}
	queued = BPF_CORE_READ(cur, on_rq);
	if (bpf_core_field_exists(cur->se.sched_delayed) && BPF_CORE_READ(cur, se.sched_delayed))
		queued = false;
	/* On the queue: preempted, or woken since; then it has switched of its own will. */
	if (queued && BPF_CORE_READ(cur, nvcsw) == cell->cur_nvcsw)
		return 0;
	flags = CPT_SW_PREV_BLOCKED;
	if (BPF_CORE_READ_BITFIELD_PROBED(cur, in_iowait))
		flags |= CPT_SW_PREV_IOWAIT;
	if (queued || !cpt_regs_off) {
		/* Woken: its registers may be another call's by now. */
		rec->sysno = CPT_SYSNO_OTHER;
		return flags;
	}
	if (BPF_CORE_READ(cur, flags) & (PF_IO_WORKER | PF_USER_WORKER | PF_KTHREAD)) {
		rec->sysno = CPT_SYSNO_OTHER;
		return flags;
	}
	regs = (void *)BPF_CORE_READ(cur, stack) + cpt_regs_off;
	nr = BPF_CORE_READ(regs, REG_NR);
	if (nr < 0 || nr >= CPT_SYSNO_OTHER)
		return flags;
	if (mode_is_compat(BPF_CORE_READ(regs, REG_MODE))) {
		rec->sysno = CPT_SYSNO_OTHER;
		return flags;
	}
	rec->sysno = nr;
	rec->arg0 = BPF_CORE_READ(regs, REG_ARG1);
	rec->arg1 = BPF_CORE_READ(regs, REG_ARG2);
	rec->arg2 = BPF_CORE_READ(regs, REG_ARG3);
	if (nr == NR_futex) {
		/* Its memory is not this task's: the word itself stays unread. */
		rec->arg1 = (__u32)rec->arg1 | (__u64)rec->arg2 << 32;
		rec->arg2 = 0;
		rec->object = CPT_FUTEX_UNREAD;
		if (BPF_CORE_READ(regs, REG_ARG4))
			flags |= CPT_SW_PREV_TIMEOUT;
	} else if (calls_poll(nr) || nr == NR_futex_wait || nr == NR_futex_waitv) {
		/* Nor are its descriptors: none known, which is not "none waited for". */
		rec->sysno = CPT_SYSNO_OTHER;
		rec->arg0 = rec->arg1 = 0;
		rec->arg2 = 0;
	} else if (acts_on_fd(nr)) {
		rec->object = fd_kind_probed(cur, rec->arg0);
	}
	return flags;
}

/*
 * prev runs here, and the cell says otherwise: brings the cell up to prev's start. p: prev's
 * storage, NULL if it is none of ours.
 */
static __noinline void heal(struct cpt_cell *cell, __u32 cpu, struct task_struct *prev,
			    struct cpt_task *p)
{
	__u64 now = bpf_ktime_get_ns(), ts;
	struct cpt_rec_switch *rec;
	__u32 kind;
	__u16 flags = CPT_SW_MENDED;

	if (!cell->ready) {
		/* The first sight of this CPU: nothing was missed, it starts here. */
		cell->ready = 1;
		cell->last_ts_ns = now;
		cell->kind = CPT_KIND_OTHER;
		cell->cur = 0;
		if (!p) {
			cell_leave(cell, now, foreign_kind(prev));
			cell_set(cell, prev, NULL);
			return;
		}
	}
	ts = missed_ts(cell, prev, now);
	cell->mends++;
	if (!cell->cur && !p) {
		kind = foreign_kind(prev);
		if (kind != cell->kind)
			occupancy_turn(cell, cpu, ts, kind);
		cell_set(cell, prev, NULL);
		return;
	}
	family_changed();
	if (!cell->cur && (cell->occ_idle_ns | cell->occ_other_ns))
		occupancy_emit(cell, cpu, ts, CPT_KIND_OURS);
	rec = slot_get(cell, cpu);
	if (rec) {
		rec->type = CPT_REC_SWITCH;
		rec->reserved = 0;
		rec->seq = cell->attempts - 1;
		rec->prev = cell->cur;
		rec->prev_state = 0;
		if (cell->cur) {
			flags |= mend_prev(cell, cpu, rec, ts);
		} else {
			record_no_wait(rec);
			if (cell->kind == CPT_KIND_IDLE)
				flags |= CPT_SW_PREV_IDLE;
		}
		if (p) {
			flags |= record_wake(rec, p);
		} else {
			record_no_next(rec);
			if (!prev->pid)
				flags |= CPT_SW_NEXT_IDLE;
		}
		rec->flags = flags;
		rec->ts_ns = ts;
		slot_publish(cell);
	}
	cell->last_ts_ns = ts;
	if (p)
		task_on(p, ts);
	else
		cell_leave(cell, ts, foreign_kind(prev));
	cell_set(cell, prev, p);
}

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
	__u16 flags = 0;
	__u32 kind;
	__u64 ts;

	if (!cell)
		return 0;
	/* Its own look-up is saved to a foreign task that was seen coming in. */
	known = cell->cur_task_ptr == (__u64)prev;
	if (cell->cur || !known)
		p = family_get(prev);
	n = family_get(next);
	if (unlikely(!known || cell->cur != (p ? p->id : 0)))
		heal(cell, cpu, prev, p);

	if (!p) {
		barrier(); /* clang 14 merges the two NULL tests into code the verifier refuses */
		if (!n) {
			kind = foreign_kind(next);
			cell->cur_task_ptr = (__u64)next;
			if (kind != cell->kind)
				occupancy_turn(cell, cpu, bpf_ktime_get_ns(), kind);
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
		rec->type = CPT_REC_SWITCH;
		rec->reserved = 0;
		rec->seq = cell->attempts - 1;
		if (p) {
			rec->prev = p->id;
			rec->prev_state = state;
			flags = record_prev(rec, prev, preempt, blocked, state);
		} else {
			rec->prev = 0;
			rec->prev_state = 0;
			record_no_wait(rec);
			if (cell->kind == CPT_KIND_IDLE)
				flags |= CPT_SW_PREV_IDLE;
		}
		if (n) {
			flags |= record_wake(rec, n);
		} else {
			record_no_next(rec);
			if (!next->pid)
				flags |= CPT_SW_NEXT_IDLE;
		}
		rec->flags = flags;
		if (stacks)
			stacks_take(ctx, prev, blocked, &ids);
		ts = bpf_ktime_get_ns();
		rec->ts_ns = ts;
		slot_publish(cell);
		if (stacks)
			stacks_emit(cell, cpu, ts, prev, blocked ? p : NULL, n,
				    flags & CPT_SW_NEXT_WOKEN, &ids);
	} else {
		ts = bpf_ktime_get_ns();
	}
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
		task_on(n, ts);
	else
		cell_leave(cell, ts, foreign_kind(next));
	cell_set(cell, next, n);
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
	if (c) {
		w->waker = c->id;
		w->waker_flags = 0;
	} else {
		__u32 tid = cur->pid;

		/* Or clang 14 shares one load between the two pointers, which the verifier refuses.
		 */
		barrier_var(tid);
		w->waker = tid;
		w->waker_flags = CPT_SW_WAKER_FOREIGN;
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
			w->waker_flags |= wake_flags(cur, sysno, wakee);
		}
	}
	w->wake_ctx = wake_ctx;
	w->waker_sysno = sysno;
	if (stacks)
		stacks_waking(ctx, w, cur,
			      c && wake_ctx != CPT_CTX_HARDIRQ && wake_ctx != CPT_CTX_SOFTIRQ);
	w->wake_ts_ns = bpf_ktime_get_ns();
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
