// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * stat.bpf.c - the parallelism profile, kept in the kernel: no record leaves it.
 *
 * Owns:     what runs on each CPU by our account, its mending, and the programs of `stat`.
 * Must not: share anything with the recording probes: the two may run at once.
 *
 *   switch(P -> N)   P's stint is added to its task, N's wait to the histogram, and where the CPU
 *                    turns from ours to others or back, R changes (turn() in stat.bpf.h)
 *
 * The chain is checked as in sched.bpf.c: this CPU's cell says what came in last; if another task goes
 * out, a switch fired no event, and the cell is brought up to date first. A count that only went up
 * and down with events would be off for good after the first such switch.
 */
#include "stat.bpf.h"

static __always_inline struct cpt_stat_cell *cell_get(__u32 cpu)
{
	return bpf_map_lookup_elem(&cpt_stat_cells, &cpu);
}

/* `task` is what runs here from ts on. */
static __always_inline void cell_set(struct cpt_stat_cell *cell, struct task_struct *task,
				     bool ours, __u64 ts)
{
	cell->cur_ptr = (__u64)task;
	cell->cur_tid = task->pid;
	cell->cur_tgid = task->tgid;
	cell->cur_exec_ns = task->se.sum_exec_runtime;
	cell->ours = ours;
	cell->last_ts_ns = ts;
}

/* On a CPU by our account: its switch-out fired no event, only the kernel knows that stint. The cell of
 * that CPU may still wait to be mended, and must not take what the task runs from now on for its own. */
static __noinline void left_elsewhere(struct task_struct *task, struct cpt_stat_task *t)
{
	__u64 ran = task->se.sum_exec_runtime - t->exec_ns;
	struct cpt_stat_cell *there = cell_get(t->cpu);

	t->run_ns += ran;
	if (there && there->cur_ptr == (__u64)task)
		there->left_ns = t->in_ts_ns + (ran ?: 1);
}

static __always_inline void task_in(struct cpt_stat_cell *cell, __u32 cpu, struct task_struct *task,
				    struct cpt_stat_task *t, __u64 ts, __u64 lag)
{
	if (unlikely(t->in_ts_ns))
		left_elsewhere(task, t);
	else if (cpt_stat_mode == CPT_STAT_CGROUP && task->se.sum_exec_runtime != t->exec_ns)
		t->delay_ns = delay_until_queued(task); /* it has been elsewhere since */
	t->in_ts_ns = ts;
	t->cpu = cpu;
	t->exec_ns = task->se.sum_exec_runtime;
	wait_ends(cell, task, t, lag);
	cell->switches++;
}

/* Readers take run_ns first and in_ts_ns then: in this order they never count a stint twice. */
static __always_inline void task_out(struct task_struct *task, struct cpt_stat_task *t, __u64 ts)
{
	__u64 in = t->in_ts_ns;

	t->in_ts_ns = 0;
	if (cpt_stat_mode == CPT_STAT_CGROUP)
		t->exec_ns = task->se.sum_exec_runtime;
	barrier();
	if (in && ts > in)
		t->run_ns += ts - in;
}

/* One task less; the account ends with the last one it is kept for. */
static __noinline void one_less(__u32 tgid, __u32 cpu, __u64 ts)
{
	bool root = tgid == cpt_stat_root_tgid;

	count_live(tgid, -1);
	if ((cpt_stat_until_root && root && cpt_stat_live_root <= 0) ||
	    (cpt_stat_until_all && cpt_stat_live_all <= 0))
		shut(cpu, ts);
}

/* ---- the chain check --------------------------------------------------------------------------
 */

/* The cell's task has come in on another CPU since it came in here. */
static __always_inline bool is_elsewhere(const struct cpt_stat_cell *cell)
{
	return cell->left_ns > cell->last_ts_ns;
}

/* The kernel says when `task`, which runs here, came: by the run queue's clock. */
static __always_inline __u64 arrival_ts(struct cpt_stat_cell *cell, struct task_struct *task,
					__u64 now)
{
	__s64 ago;

	if (!bpf_core_field_exists(task->se.cfs_rq) ||
	    !bpf_core_field_exists(task->sched_info.last_arrival))
		return now;
	ago = task->se.cfs_rq->rq->clock - task->sched_info.last_arrival;
	if (ago < 0)
		return now;
	return now - ago - clock_lag(cell, task, now);
}

/*
 * When the cell's task left: it has run for as long as the kernel has charged it since it came in. The
 * run queue's clock would not tell, it stands still while a CPU idles. If it has been seen coming in
 * elsewhere, it has run on, and what it had run until then was noted in the cell.
 */
static __noinline __u64 departure_ts(struct cpt_stat_cell *cell, __u64 now)
{
	struct task_struct *cur = (void *)cell->cur_ptr;

	if (is_elsewhere(cell))
		return cell->left_ns;
	if ((__u32)BPF_CORE_READ(cur, pid) != cell->cur_tid)
		return now; /* freed, and used again */
	return cell->last_ts_ns + BPF_CORE_READ(cur, se.sum_exec_runtime) - cell->cur_exec_ns;
}

/*
 * When the switch from the cell's task to `task` happened, of which no event told. Several may have
 * been missed: what counts is when ours came, or else when ours went.
 */
static __always_inline __u64 missed_ts(struct cpt_stat_cell *cell, struct task_struct *task,
				       bool ours, __u64 now)
{
	__u64 ts = ours ? arrival_ts(cell, task, now) : departure_ts(cell, now);

	if (ts > now)
		return now;
	return ts > cell->last_ts_ns ? ts : cell->last_ts_ns;
}

/* The cell's task left unseen. If for good, it is counted; its last word comes when it is freed. One that
 * has been seen elsewhere since is counted there. */
static __always_inline void left_unseen(struct cpt_stat_cell *cell, __u32 cpu, __u64 ts)
{
	struct task_struct *cur = (void *)cell->cur_ptr;

	if (is_elsewhere(cell))
		return;
	if ((__u32)BPF_CORE_READ(cur, pid) != cell->cur_tid) { /* freed, and used again */
		cell->mends_failed++;
		cell->doubt_ns += ts - cell->last_ts_ns;
	} else if (!(BPF_CORE_READ(cur, __state) & TASK_DEAD)) {
		return;
	}
	one_less(cell->cur_tgid, cpu, ts);
}

/* One of ours is followed by another at ts: nobody knows who ran between the departure of the one and
 * the arrival of the other. */
static __always_inline void doubt_between(struct cpt_stat_cell *cell, __u64 ts)
{
	__u64 left = departure_ts(cell, ts);

	if (left >= cell->last_ts_ns && left < ts)
		cell->doubt_ns += ts - left;
}

/* `task`, with storage t or NULL, runs here, and the cell says otherwise. */
static __noinline void heal(struct cpt_stat_cell *cell, __u32 cpu, struct task_struct *task,
			    struct cpt_stat_task *t)
{
	__u64 now = bpf_ktime_get_ns(), ts = now;
	bool ours = is_ours(cell, task, t), mend = false;

	if (!cell->ready) {
		cell->ready = 1;
		cell->ours = 0;
		cell->last_ts_ns = now;
	} else if (cell->cur_ptr != (__u64)task) {
		if (!cell->ours && !ours) {
			cell->cur_ptr = (__u64)task;
			return;
		}
		mend = true;
		cell->mends++;
		ts = missed_ts(cell, task, ours, now);
		if (ours && cell->ours)
			doubt_between(cell, ts);
	} /* else: it has joined the workload, or left it, while it ran */
	if (ours != !!cell->ours)
		turn_rarely(cell, cpu, ts, ours ? 1 : -1, mend);
	if (mend && cell->ours)
		left_unseen(cell, cpu, ts);
	if (t && ours)
		task_in(cell, cpu, task, t, ts, 0);
	else if (t && t->in_ts_ns)
		task_out(task, t, ts);
	cell->left_ns = 0;
	cell_set(cell, task, ours, ts);
}

/* ---- programs ---------------------------------------------------------------------------------
 */

/*
 * A task ends between the account's end and the collector's last look, which is longer than a switch
 * where others hold the CPUs: it would be in neither the look nor the last words.
 */
static __noinline void late_end(struct task_struct *task)
{
	struct cpt_stat_task *t = task_get(task);
	__u64 in;

	if (!t)
		return;
	in = t->in_ts_ns;
	t->in_ts_ns = 0;
	if (in && cpt_stat_shut_ns > in)
		t->run_ns += cpt_stat_shut_ns - in;
	last_word(task, t);
}

SEC("tp_btf/sched_switch")
int cpt_stat_switch(__u64 *ctx)
{
	struct task_struct *prev = (void *)ctx[1], *next = (void *)ctx[2];
	struct cpt_stat_task *p = NULL, *n = NULL;
	__u32 cpu = bpf_get_smp_processor_id();
	struct cpt_stat_cell *cell;
	bool was, is;
	__u32 state;
	__u64 ts;

	if (!cpt_stat_open) {
		state = cpt_stat_has_state ? ctx[3] : prev->__state;
		if (cpt_stat_shut_ns && (state & TASK_DEAD))
			late_end(prev);
		return 0;
	}
	cell = cell_get(cpu);
	if (!cell)
		return 0;
	if (unlikely(cell->cur_ptr != (__u64)prev)) {
		p = task_get(prev);
		heal(cell, cpu, prev, p);
	} else if (cell->ours) {
		p = task_get(prev);
	}
	was = cell->ours;
	if (cpt_stat_mode == CPT_STAT_TREE) {
		n = task_get(next);
		is = is_ours(cell, next, n);
	} else {
		is = is_ours(cell, next, NULL);
		if (is)
			n = task_get(next);
	}
	if (!was && !is) {
		cell->cur_ptr = (__u64)next;
		return 0;
	}
	ts = bpf_ktime_get_ns();
	if (was != is)
		turn(cell, cpu, ts, is ? 1 : -1, false);
	else if (unlikely(cell->owed))
		turn_rarely(cell, cpu, ts, 0, false);
	if (p && was)
		task_out(prev, p, ts);
	if (n && is)
		task_in(cell, cpu, next, n, ts, clock_lag(cell, next, ts));
	cell_set(cell, next, is, ts);
	state = cpt_stat_has_state ? ctx[3] : prev->__state;
	if (unlikely(state & TASK_DEAD) && was) {
		if (p)
			last_word(prev, p);
		one_less(prev->tgid, cpu, ts);
	}
	return 0;
}

SEC("tp_btf/task_newtask")
int cpt_stat_newtask(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0], *creator = bpf_get_current_task_btf();
	struct cpt_stat_task *t;

	if (cpt_stat_mode == CPT_STAT_TREE) {
		t = task_get(creator);
		if (!t || (t->flags & CPT_STAT_GATED))
			return 0;
	}
	t = bpf_task_storage_get(&cpt_stat_tasks, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!t) {
		__sync_fetch_and_add(&cpt_stat_counters.lost_storage, 1);
		return 0;
	}
	t->delay_ns = delay_until_now(task);
	t->group_start_ns = task->group_leader->start_boottime;
	count_live(task->tgid, 1);
	return 0;
}

/* The command's first exec opens the account; later ones may change a thread's tid. */
SEC("?tp_btf/sched_process_exec")
int cpt_stat_exec(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	__u32 cpu = bpf_get_smp_processor_id();
	struct cpt_stat_cell *cell = cell_get(cpu);
	struct cpt_stat_task *t = task_get(task);
	__u64 ts;

	if (!t || !cell)
		return 0;
	if (!(t->flags & CPT_STAT_GATED)) {
		if (cell->cur_ptr == (__u64)task)
			cell->cur_tid = task->pid;
		return 0;
	}
	ts = bpf_ktime_get_ns();
	t->delay_ns = delay_until_now(task);
	t->exec_ns = task->se.sum_exec_runtime;
	t->in_ts_ns = ts;
	t->cpu = cpu;
	t->group_start_ns = task->group_leader->start_boottime;
	t->flags &= ~CPT_STAT_GATED;
	cpt_stat_root_tgid = task->tgid;
	count_live(task->tgid, 1);
	cell->ready = 1;
	cell_set(cell, task, true, ts);
	cpt_stat_opened_ns = ts;
	cpt_stat_word[0] = ts << CPT_STAT_R_BITS | 1;
	cpt_stat_open = 1;
	return 0;
}

/* Whoever could not say its last word when it left its CPU (that switch fired no event). */
SEC("tp_btf/sched_process_free")
int cpt_stat_free(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct cpt_stat_task *t = task_get(task);

	if (!t)
		return 0;
	if (cpt_stat_shut_ns) {
		late_end(task);
		return 0;
	}
	if (t->in_ts_ns) {
		t->in_ts_ns = 0;
		t->run_ns += task->se.sum_exec_runtime - t->exec_ns;
	}
	last_word(task, t);
	return 0;
}

/* ---- run by the collector (BPF_PROG_TEST_RUN) ---------------------------------------------------
 */

/*
 * On a CPU of its choice: in the interrupt that brings the program there, `current` is what the CPU
 * runs. For the first sight of a CPU, and for chains that have no event to be checked by.
 */
SEC("raw_tp")
int cpt_stat_check(__u64 *ctx)
{
	struct task_struct *cur = bpf_get_current_task_btf();
	__u32 cpu = bpf_get_smp_processor_id();
	struct cpt_stat_cell *cell = cell_get(cpu);
	struct cpt_stat_task *t;

	if (!cell || !cpt_stat_open)
		return 0;
	t = task_get(cur);
	if (!cell->ready || cell->cur_ptr != (__u64)cur || !!cell->ours != is_ours(cell, cur, t))
		heal(cell, cpu, cur, t);
	if (cell->owed)
		turn_rarely(cell, cpu, bpf_ktime_get_ns(), 0, false);
	return 0;
}

/* Returns 1 if the account could not be shut: others won its word each time. */
SEC("raw_tp")
int cpt_stat_control(__u64 *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct cpt_stat_cell *cell = cell_get(cpu);
	__u64 what = ctx[0], ts = bpf_ktime_get_ns();

	if (!cell)
		return 0;
	switch (what) {
	case CPT_STAT_OPEN:
		cpt_stat_opened_ns = ts;
		cpt_stat_word[0] = ts << CPT_STAT_R_BITS;
		cpt_stat_open = 1;
		break;
	case CPT_STAT_TICK:
		turn(cell, cpu, ts, 0, false);
		break;
	case CPT_STAT_SHUT:
		return shut(cpu, ts);
	default:
		break;
	}
	return 0;
}

/* ---- iterators ----------------------------------------------------------------------------------
 */

/*
 * Marks the tasks that are there: those of the processes named (marked by the collector through their
 * pidfds, which know other PID namespaces), or all. Run until a round adds nothing.
 */
SEC("?iter/task")
int cpt_stat_seed(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct cpt_stat_task *t;
	__u32 tgid, one = 1;

	if (!task || task->exit_state)
		return 0;
	tgid = task->tgid;
	t = task_get(task);
	if (t && !(t->flags & CPT_STAT_SEED))
		return 0;
	if (t) {
		t->flags &= ~CPT_STAT_SEED;
		bpf_map_update_elem(&cpt_stat_pids, &tgid, &one, BPF_ANY);
	} else {
		if (cpt_stat_mode == CPT_STAT_TREE && !bpf_map_lookup_elem(&cpt_stat_pids, &tgid))
			return 0;
		t = bpf_task_storage_get(&cpt_stat_tasks, task, NULL,
					 BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (!t) {
			__sync_fetch_and_add(&cpt_stat_counters.lost_storage, 1);
			return 0;
		}
	}
	t->delay_ns = delay_until_now(task);
	t->group_start_ns = task->group_leader->start_boottime;
	count_live(tgid, 1);
	__sync_fetch_and_add(&cpt_stat_seeded, 1);
	return 0;
}

/* It is on a run queue, and the wait counts. */
static __always_inline bool is_waiting(struct task_struct *task)
{
	if (cpt_stat_shut_ns || !cpt_stat_has_delay || !task->sched_info.last_queued)
		return false;
	return cpt_stat_mode != CPT_STAT_CGROUP || group_is_below(task->cgroups->dfl_cgrp);
}

/* What a task has used up to now, for the collector to read. */
SEC("iter/task")
int cpt_stat_read(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct cpt_stat_rec rec = {};
	struct cpt_stat_task *t;
	__u64 in, now;

	if (!task)
		return 0;
	t = task_get(task);
	if (!t || (t->flags & (CPT_STAT_DONE | CPT_STAT_GATED)))
		return 0;
	rec.run_ns = *(volatile __u64 *)&t->run_ns;
	rec.wait_ns = *(volatile __u64 *)&t->wait_ns;
	in = *(volatile __u64 *)&t->in_ts_ns;
	if (in) {
		now = cpt_stat_shut_ns ? cpt_stat_shut_ns : bpf_ktime_get_ns();
		if (!bpf_core_field_exists(task->on_cpu) || task->on_cpu || cpt_stat_shut_ns)
			rec.run_ns += now > in ? now - in : 0;
		else
			rec.run_ns += task->se.sum_exec_runtime - t->exec_ns;
	} else if (is_waiting(task)) {
		__u64 before = t->delay_ns;
		__s64 wait;

		/* Left to itself clang 14 makes one load of two pointers' members, which is refused. */
		barrier_var(before);
		if (cpt_stat_mode == CPT_STAT_CGROUP && task->se.sum_exec_runtime != t->exec_ns)
			before = delay_until_queued(task); /* it has been elsewhere since */
		wait = delay_until_now(task) - before;
		if (wait > 0)
			rec.wait_ns += wait;
	}
	/* In the account of all tasks or of a cgroup most have storage and never run. */
	if (!(rec.run_ns | rec.wait_ns))
		return 0;
	/* The last look is a last word: whoever ends after it must not have another. */
	if (cpt_stat_shut_ns && (__sync_fetch_and_or(&t->flags, CPT_STAT_DONE) & CPT_STAT_DONE))
		return 0;
	fill_rec(&rec, task, t);
	bpf_seq_write(ctx->meta->seq, &rec, sizeof(rec));
	return 0;
}

SEC("?iter/cgroup")
int cpt_stat_find_group(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *group = ctx->cgroup;

	if (!group)
		return 0;
	cpt_stat_level = group->level;
	cpt_stat_group_id = group->kn->id;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
