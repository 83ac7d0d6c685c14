/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * chain.bpf.h - the chain check: switches that fired no event are found, and rebuilt.
 *
 * Owns:     when such a switch was, what became of the task that went out unseen, and its record.
 * Must not: run where the chain is whole: heal() is for a cell that names another task than runs.
 */
#ifndef CHAIN_BPF_H
#define CHAIN_BPF_H

#include "occupancy.bpf.h"
#include "record.bpf.h"
#include "wait.bpf.h"

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

/* The cell's task has come in elsewhere: its stint here began at the cell's last record. */
static __always_inline bool is_elsewhere(const struct cpt_cell *cell)
{
	return cell->left && cell->left >> 1 == cell->last_ts_ns;
}

/* The cell's task left unseen, and for good. */
static __always_inline bool died_unseen(const struct cpt_cell *cell)
{
	struct task_struct *cur = (void *)cell->cur_task_ptr;

	return cell->cur && !is_elsewhere(cell) &&
	       (__u32)BPF_CORE_READ(cur, pid) == cell->cur_tid &&
	       BPF_CORE_READ(cur, __state) & TASK_DEAD;
}

/* What became of the cell's task, from its task_struct and its kernel stack. Returns flags. */
static __always_inline __u16 mend_prev(struct cpt_cell *cell, struct cpt_rec_switch *rec, bool dead)
{
	struct task_struct *cur = (void *)cell->cur_task_ptr;
	struct pt_regs *regs;
	__u32 state;
	__u16 flags;
	bool queued;
	long nr;

	record_no_wait(rec);
	rec->prev_state = 0;
	if (is_elsewhere(cell)) {
		/* Its registers are of what it does there. */
		if (!(cell->left & 1))
			return 0;
		rec->sysno = CPT_SYSNO_OTHER;
		return CPT_SW_PREV_BLOCKED;
	}
	/* Freed and used again, or never to be read: the number is all that is left. */
	if ((__u32)BPF_CORE_READ(cur, pid) != cell->cur_tid) {
		cell->mends_failed++;
		return CPT_SW_PREV_UNKNOWN;
	}
	state = BPF_CORE_READ(cur, __state);
	rec->prev_state = state;
	if (dead)
		return CPT_SW_PREV_BLOCKED | CPT_SW_PREV_DEAD;
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
 * The wake-up that p, which came in unseen at ts, came in by: the first of two where the last one came while
 * it ran, or is being written down by another CPU at this moment. Where p had blocked and the first came after
 * it had left, the other CPU copies `wake` to `first` before it changes it: `first` tells whether a copy of
 * `wake` made before is whole.
 */
static __always_inline struct cpt_wake wake_before(const struct cpt_task *p, __u64 ts)
{
	struct cpt_wake last = p->wake;
	__u64 first;

	barrier();
	first = p->first.ts_ns;
	if (p->run_state == CPT_RUN_BLOCKED && first > p->out_ts_ns &&
	    (last.ts_ns == first || last.ts_ns > ts))
		return p->first;
	return last;
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
	struct cpt_wake by = {};
	__u32 kind;
	__u16 flags = CPT_SW_MENDED;
	bool dead;
	/* It has become one of ours while it ran here: nothing was missed. */
	bool joins = cpt_mode != CPT_MODE_TREE && cell->ready && p && !cell->cur &&
		     cell->cur_task_ptr == (__u64)prev;

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
	if (cpt_mode != CPT_MODE_TREE && p && p->run_state == CPT_RUN_FOUND && ts < p->in_ts_ns)
		ts = p->in_ts_ns;
	if (joins)
		flags = 0;
	else
		cell->mends++;
	if (!cell->cur && !p) {
		kind = foreign_kind(prev);
		if (kind != cell->kind)
			occupancy_turn(cell, cpu, ts, kind);
		cell_set(cell, prev, NULL);
		return;
	}
	family_changed();
	if (p)
		by = wake_before(p, ts);
	if (!cell->cur && (cell->occ_idle_ns | cell->occ_other_ns))
		occupancy_emit(cell, cpu, ts, CPT_KIND_OURS);
	dead = died_unseen(cell);
	rec = slot_get(cell, cpu);
	if (rec) {
		rec->type = CPT_REC_SWITCH;
		rec->reserved = 0;
		rec->seq = cell->attempts - 1;
		if (cell->cur) {
			rec->prev = cell->cur;
			flags |= mend_prev(cell, rec, dead);
		} else {
			flags |= record_no_prev(rec, cell);
		}
		rec->flags = flags | record_next(rec, prev, p, &by);
		rec->ts_ns = ts;
		slot_publish(cell);
	}
	/* Whether the ring had room or not: who waits for the last task counts on it. */
	if (dead)
		emit_exit(cell->cur_task_ptr, cell->cur, cpu, ts);
	cell->left = 0;
	cell->last_ts_ns = ts;
	if (p) {
		task_on(prev, p, cpu, ts, by.ts_ns);
	} else {
		cell_leave(cell, ts, foreign_kind(prev));
	}
	cell_set(cell, prev, p);
}

#endif /* CHAIN_BPF_H */
