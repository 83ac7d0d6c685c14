/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stat.bpf.h - the accounts of `stat` and the small steps on them.
 *
 * Owns:     maps, options and counters of the stat probes; the profile and its word; who is of the
 *           workload; run-queue waits.
 * Must not: know what a switch is (stat.bpf.c does).
 */
#ifndef STAT_BPF_H
#define STAT_BPF_H

#include "kernel_types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "stat_abi.h"
#include "names.bpf.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct cpt_stat_task);
} cpt_stat_tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* the collector sets: possible CPUs */
	__type(key, __u32);
	__type(value, struct cpt_stat_cell);
} cpt_stat_cells SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* the collector sets: possible CPUs * cpt_stat_stride */
	__type(key, __u32);
	__type(value, __u64);
} cpt_stat_profile SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CPT_STAT_RING_SZ);
} cpt_stat_deaths SEC(".maps");

/* Processes named by the user. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
} cpt_stat_pids SEC(".maps");

/* Options, written by the collector before loading. */
const volatile __u32 cpt_stat_mode = CPT_STAT_TREE;
const volatile __u32 cpt_names_of = CPT_NAMES_ALL;
const volatile __u32 cpt_stat_cpus = 1;		 /* possible CPUs */
const volatile __u32 cpt_stat_stride = 8;	 /* entries of one CPU's profile; > cpt_stat_cpus */
const volatile bool cpt_stat_has_state = true;	 /* sched_switch tells prev_state (5.18 on) */
const volatile bool cpt_stat_has_delay = true;	 /* the kernel accounts for run-queue waits */
const volatile bool cpt_stat_until_root = false; /* shut when the command's last thread has gone */
const volatile bool cpt_stat_until_all = false;	 /* shut when the last task has gone */

/* The word has a cache line, and a page, of its own. */
__u64 cpt_stat_word[8] SEC(".data.word") = {CPT_STAT_CLOSED};

/* Read at every switch, written twice. */
__u32 cpt_stat_open = 0;
__u32 cpt_stat_level = 0;    /* of the cgroup */
__u64 cpt_stat_group_id = 0; /* likewise */
__u32 cpt_stat_root_tgid = 0;
__u64 cpt_stat_opened_ns = 0;
__u64 cpt_stat_shut_ns = 0;
struct cpt_stat_drift cpt_stat_drift[2] = {};
__u32 cpt_stat_drift_no = 0; /* which of the two holds, in its lowest bit */
__u32 cpt_stat_turn_no = 1;  /* interval, for wait_max_ns */

/* Written at births and deaths: not beside what every switch reads. */
__s32 cpt_stat_live_root SEC(".data.live") = 0;
__s32 cpt_stat_live_all SEC(".data.live") = 0;
struct cpt_stat_counters cpt_stat_counters SEC(".data.live") = {};
__u32 cpt_stat_seeded SEC(".data.live") = 0;

static __always_inline struct cpt_stat_task *task_get(struct task_struct *task)
{
	return bpf_task_storage_get(&cpt_stat_tasks, task, NULL, 0);
}

/* ---- the profile ------------------------------------------------------------------------------ */

static __always_inline void profile_add(__u32 cpu, __u32 degree, __u64 ns)
{
	__u32 idx = cpu * cpt_stat_stride + degree;
	__u64 *sum = bpf_map_lookup_elem(&cpt_stat_profile, &idx);

	if (sum)
		*sum += ns; /* this CPU alone writes it, with interrupts off */
}

#define TURN_TRIES 8

/* Up to ts R has been off by what is owed. */
static __noinline void doubt_owed(struct cpt_stat_cell *cell, __u64 ts)
{
	__u64 off = cell->owed < 0 ? -cell->owed : cell->owed;

	if (ts > cell->owed_since_ns)
		cell->doubt_ns += (ts - cell->owed_since_ns) * off;
	cell->owed_since_ns = ts;
}

/*
 * R changes by `by` at ts; whoever wins the word accounts for the time since the change before.
 *
 *   word   (t, R) ──────── ts ────────>  (ts, R + by)      profile[R] += ts - t
 *
 * Clocks of two CPUs can be read in one order and win in the other: then nothing lies between the two
 * changes, and the word's time stays. `mend`: the change was found late, and a longer time has been
 * accounted for under the wrong R, or several. How long is noted; the collector knows what R was lately.
 */
static __always_inline void turn(struct cpt_stat_cell *cell, __u32 cpu, __u64 ts, __s32 by,
				 bool mend)
{
	by += cell->owed;
	for (int i = 0; i < TURN_TRIES; i++) {
		__u64 old = *(volatile __u64 *)&cpt_stat_word[0], new;
		__u32 degree = old & CPT_STAT_R_MASK, changed = degree + by;
		__s64 span = ts << CPT_STAT_R_BITS;

		if (degree == CPT_STAT_CLOSED)
			return;
		span -= old & ~CPT_STAT_R_MASK;
		if (unlikely(changed > cpt_stat_cpus)) {
			cell->bad_degree++;
			changed = degree;
		}
		new = span > 0 ? ts << CPT_STAT_R_BITS : old & ~CPT_STAT_R_MASK;
		new |= changed;
		if (__sync_val_compare_and_swap(&cpt_stat_word[0], old, new) != old)
			continue;
		span >>= CPT_STAT_R_BITS;
		if (unlikely(cell->owed))
			doubt_owed(cell, ts);
		cell->owed = 0;
		if (likely(span > 0))
			profile_add(cpu, degree, span);
		else if (mend && changed != degree)
			cell->moved_ns[changed > degree] -= span;
		return;
	}
	if (cell->owed)
		doubt_owed(cell, ts);
	else
		cell->owed_since_ns = ts;
	cell->owed = by;
	cell->given_up++;
}

/* Likewise, where it is rare: once in a program, not once for each place. */
static __noinline void turn_rarely(struct cpt_stat_cell *cell, __u32 cpu, __u64 ts, __s32 by,
				   bool mend)
{
	turn(cell, cpu, ts, by, mend);
}

#define SHUT_TRIES 64

/* No more time is accounted for from ts on. 0, or 1: the word was lost to others each time; whoever asks
 * may ask again (the collector does, at the end). */
static __always_inline int shut(__u32 cpu, __u64 ts)
{
	for (int i = 0; i < SHUT_TRIES; i++) {
		__u64 old = *(volatile __u64 *)&cpt_stat_word[0];
		__s64 span = (ts << CPT_STAT_R_BITS) - (old & ~CPT_STAT_R_MASK);

		if ((old & CPT_STAT_R_MASK) == CPT_STAT_CLOSED)
			return 0;
		if (__sync_val_compare_and_swap(&cpt_stat_word[0], old, old | CPT_STAT_CLOSED) !=
		    old)
			continue;
		cpt_stat_shut_ns = ts;
		cpt_stat_open = 0;
		if (span > 0)
			profile_add(cpu, old & CPT_STAT_R_MASK, span >> CPT_STAT_R_BITS);
		return 0;
	}
	return 1;
}

/* ---- who is of the workload ----------------------------------------------------------------------
 */

static __always_inline bool group_is_below(struct cgroup *group)
{
	__s32 level = group->level;
	struct cgroup *above = NULL;

	if (level < (__s32)cpt_stat_level)
		return false;
	bpf_core_read(&above, sizeof(above), &group->ancestors[cpt_stat_level & 0xffff]);
	return above && BPF_CORE_READ(above, kn, id) == cpt_stat_group_id;
}

static __always_inline bool in_group(struct cpt_stat_cell *cell, struct task_struct *task)
{
	struct cgroup *group = task->cgroups->dfl_cgrp;
	__u64 id = group->kn->id;

	if (unlikely(id != cell->group_id)) {
		cell->group_in = group_is_below(group);
		cell->group_id = id;
	}
	return cell->group_in;
}

/* t: the task's storage or NULL. */
static __always_inline bool is_ours(struct cpt_stat_cell *cell, struct task_struct *task,
				    struct cpt_stat_task *t)
{
	switch (cpt_stat_mode) {
	case CPT_STAT_ALL:
		return task->pid;
	case CPT_STAT_CGROUP:
		return task->pid && in_group(cell, task);
	default:
		return t && !(t->flags & CPT_STAT_GATED);
	}
}

/* ---- run-queue waits -----------------------------------------------------------------------------
 */

/* What the task has waited on run queues in its life, one that goes on included. */
static __always_inline __u64 delay_until_now(struct task_struct *task)
{
	__u64 delay, queued;
	__s64 since;

	if (!cpt_stat_has_delay)
		return 0;
	delay = task->sched_info.run_delay;
	queued = task->sched_info.last_queued;
	if (!queued)
		return delay;
	since = task->se.cfs_rq->rq->clock - queued;
	return since > 0 ? delay + since : delay;
}

/* Likewise, without the one that goes on. */
static __always_inline __u64 delay_until_queued(struct task_struct *task)
{
	return cpt_stat_has_delay ? task->sched_info.run_delay : 0;
}

#define LEAD_WHILE_NS 250000000
#define LAG_MAX_NS    20000000 /* the tick brings a run queue's clock up to date at least that often */

/*
 * How far the run queue's clock is behind at this switch. Where a wake-up has asked for the switch the
 * kernel saves itself a reading, and the clock still says when that was: waits would come out as 0.
 * The lead of our clock over it is least where it is fresh; what is beyond that is its lag.
 *
 *   lead  ─┬───┬─────────┬──  ts - clock        the least of the last 250 to 500 ms is the offset
 *          │   └ lag     └    of the two clocks; how they drift apart is known (struct cpt_stat_drift)
 */
static __always_inline __u64 clock_lag(struct cpt_stat_cell *cell, struct task_struct *task,
				       __u64 ts)
{
	const struct cpt_stat_drift *d = &cpt_stat_drift[cpt_stat_drift_no & 1];
	__s64 lead, least, lag;

	if (!cpt_stat_has_delay)
		return 0;
	lead = ts - task->se.cfs_rq->rq->clock - d->base_ns;
	lead -= ((__s64)(ts - d->ref_ns) * d->rate) >> 32;
	if (unlikely(ts - cell->lead_since_ns > LEAD_WHILE_NS)) {
		/* After a long silence the old offset may not hold any more. */
		bool old = ts - cell->lead_since_ns > 16ULL * LEAD_WHILE_NS;

		cell->lead_min_ns[1] = old ? lead : cell->lead_min_ns[0];
		cell->lead_min_ns[0] = lead;
		cell->lead_since_ns = ts;
	} else if (lead < cell->lead_min_ns[0]) {
		cell->lead_min_ns[0] = lead;
	}
	least = cell->lead_min_ns[0] < cell->lead_min_ns[1] ? cell->lead_min_ns[0]
							    : cell->lead_min_ns[1];
	lag = lead - least;
	return lag > LAG_MAX_NS ? 0 : lag;
}

static __always_inline __u32 log2_of(__u64 x)
{
	__u32 n = 0;

	if (x >> 32) {
		n = 32;
		x >>= 32;
	}
	if (x >> 16) {
		n += 16;
		x >>= 16;
	}
	if (x >> 8) {
		n += 8;
		x >>= 8;
	}
	if (x >> 4) {
		n += 4;
		x >>= 4;
	}
	if (x >> 2) {
		n += 2;
		x >>= 2;
	}
	return x >> 1 ? n + 1 : n;
}

/* Its wait ends here. */
static __always_inline void wait_ends(struct cpt_stat_cell *cell, struct task_struct *task,
				      struct cpt_stat_task *t, __u64 lag)
{
	__u64 delay = delay_until_now(task), wait = delay - t->delay_ns + lag;
	__u32 bucket, turn_no = cpt_stat_turn_no, odd = turn_no & 1;

	t->delay_ns = delay;
	if ((__s64)wait < 0)
		wait = 0;
	t->wait_ns += wait;
	bucket = log2_of(wait);
	if (bucket >= CPT_STAT_BUCKETS)
		bucket = CPT_STAT_BUCKETS - 1;
	cell->waits++;
	cell->wait_ns += wait;
	cell->wait_hist[bucket]++;
	if (unlikely(cell->wait_turn[odd] != turn_no)) {
		cell->wait_turn[odd] = turn_no;
		cell->wait_max_ns[odd] = 0;
	}
	if (wait > cell->wait_max_ns[odd])
		cell->wait_max_ns[odd] = wait;
}

/* ---- births and deaths ---------------------------------------------------------------------------
 */

static __always_inline void fill_rec(struct cpt_stat_rec *rec, struct task_struct *task,
				     struct cpt_stat_task *t)
{
	rec->tid = task->pid;
	rec->tgid = task->tgid;
	rec->group_start_ns = t->group_start_ns;
	/* A process goes by the name of its first thread, whichever of its threads this is. */
	take_name(rec->comm, task, task->group_leader->comm);
}

static __noinline void last_word(struct task_struct *task, struct cpt_stat_task *t)
{
	struct cpt_stat_rec *rec;
	__u64 waiting;

	if (__sync_fetch_and_or(&t->flags, CPT_STAT_DONE) & CPT_STAT_DONE)
		return;
	if (!(t->run_ns | t->wait_ns))
		return;
	rec = bpf_ringbuf_reserve(&cpt_stat_deaths, sizeof(*rec), 0);
	if (!rec) {
		__sync_fetch_and_add(&cpt_stat_counters.lost_deaths, 1);
		__sync_fetch_and_add(&cpt_stat_counters.lost_run_ns, t->run_ns);
		__sync_fetch_and_add(&cpt_stat_counters.lost_wait_ns, t->wait_ns);
		return;
	}
	fill_rec(rec, task, t);
	rec->run_ns = t->run_ns;
	rec->wait_ns = t->wait_ns;
	/* The collector comes by ten times a second: it is only woken where that is too late. */
	waiting = bpf_ringbuf_query(&cpt_stat_deaths, BPF_RB_AVAIL_DATA);
	bpf_ringbuf_submit(rec,
			   waiting > CPT_STAT_RING_SZ / 2 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

static __always_inline void count_live(__u32 tgid, __s32 by)
{
	__sync_fetch_and_add(&cpt_stat_live_all, by);
	if (tgid == cpt_stat_root_tgid)
		__sync_fetch_and_add(&cpt_stat_live_root, by);
}

#endif /* STAT_BPF_H */
