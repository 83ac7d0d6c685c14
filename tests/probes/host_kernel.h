/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * host_kernel.h - a kernel made up for the probes: tasks, CPUs, a clock, and switches of which some fire no
 * event, as on real ones, but when a test wants it.
 *
 * Owns:     the helpers the probes call. Included once, behind the probes' source; the includer defines
 *           host_elem() (maps) and switch_program (what runs at a switch).
 * Must not: be more than the probes see: no scheduling, no memory of tasks' own.
 *
 *   go(cpu, next)      the CPU goes over to next, and the event fires
 *   slip(cpu, next)    likewise, and none fires
 */
#ifndef HOST_KERNEL_H
#define HOST_KERNEL_H

#include <stdarg.h>
#include <setjmp.h>

#include <cmocka.h>

#include "../../probes/arch.h"

#define HOST_CPUS 2
#define STEP_NS	  1000 /* between two things that happen */

struct host_task {
	struct task_struct task; /* first: one is found by the other */
	struct signal_struct signal;
	struct pid pid;
	struct pt_regs regs;
	_Alignas(8) char storage[256];
	bool has_storage;
};

struct host_cpu {
	struct host_task idle, *runs;
	struct rq rq;
	struct cfs_rq cfs_rq;
};

static struct host_cpu host_cpus[HOST_CPUS];
static __u32 host_cpu; /* where programs run now */
static __u64 host_now;
static char host_rec[4096]; /* reserved in a ring */
static bool host_ring_full;
static __u32 host_recs[64]; /* first word of each that was submitted */
static size_t host_rec_cnt;

static void *host_elem(void *map, __u32 idx);
static int (*const switch_program)(__u64 *ctx);

/* ---- helpers --------------------------------------------------------------------------------- */

void *bpf_map_lookup_elem(void *map, const void *key)
{
	return host_elem(map, *(const __u32 *)key);
}

long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags)
{
	return -1;
}

/* How much of storage a program may give a value to, and what else happens in the moment it is there. */
static size_t host_storage_sz;
static void (*host_created)(struct task_struct *task);

void *bpf_task_storage_get(void *map, struct task_struct *task, void *value, __u64 flags)
{
	struct host_task *t = (struct host_task *)task;

	if (!t->has_storage && !(flags & BPF_LOCAL_STORAGE_GET_F_CREATE))
		return NULL;
	if (!t->has_storage) {
		if (value) {
			assert_true(host_storage_sz);
			memcpy(t->storage, value, host_storage_sz);
		}
		t->has_storage = true;
		if (host_created)
			host_created(task);
	}
	return t->storage;
}

void *bpf_ringbuf_reserve(void *ring, __u64 sz, __u64 flags)
{
	assert_true(sz <= sizeof(host_rec));
	return host_ring_full ? NULL : host_rec;
}

void bpf_ringbuf_submit(void *rec, __u64 flags)
{
	assert_true(host_rec_cnt < 64);
	host_recs[host_rec_cnt++] = *(__u32 *)rec;
}

__u64 bpf_ringbuf_query(void *ring, __u64 flags)
{
	return 0;
}

__u64 bpf_ktime_get_ns(void)
{
	return ++host_now;
}

__u32 bpf_get_smp_processor_id(void)
{
	return host_cpu;
}

struct task_struct *bpf_get_current_task_btf(void)
{
	return &host_cpus[host_cpu].runs->task;
}

long bpf_task_pt_regs(struct task_struct *task)
{
	return (long)&((struct host_task *)task)->regs;
}

long bpf_probe_read_kernel(void *to, __u32 sz, const void *from)
{
	memcpy(to, from, sz);
	return 0;
}

long bpf_probe_read_user(void *to, __u32 sz, const void *from)
{
	return -14;
}

long bpf_probe_read_kernel_str(void *to, __u32 sz, const void *from)
{
	return -14;
}

long bpf_get_stackid(void *ctx, void *map, __u64 flags)
{
	return -14;
}

long bpf_seq_write(struct seq_file *seq, const void *data, __u32 sz)
{
	return 0;
}

/* ---- what happens ------------------------------------------------------------------------------ */

static void host_init(struct host_task *t, int tid, __u32 cpu)
{
	memset(t, 0, sizeof(*t));
	t->task.pid = tid;
	t->task.tgid = tid ? 100 : 0;
	t->task.nr_cpus_allowed = HOST_CPUS;
	t->task.on_rq = 1;
	t->task.se.cfs_rq = &host_cpus[cpu].cfs_rq;
	t->task.group_leader = &t->task;
	t->task.thread_pid = &t->pid;
	t->task.signal = &t->signal;
	t->signal.pids[PIDTYPE_TGID] = &t->pid;
	t->regs.orig_ax = (unsigned long)-1; /* in no system call */
}

static void host_start(void)
{
	host_now = 1000000;
	host_ring_full = false;
	host_rec_cnt = 0;
	memset(host_cpus, 0, sizeof(host_cpus));
	for (__u32 cpu = 0; cpu < HOST_CPUS; cpu++) {
		host_cpus[cpu].cfs_rq.rq = &host_cpus[cpu].rq;
		host_init(&host_cpus[cpu].idle, 0, cpu);
		host_cpus[cpu].runs = &host_cpus[cpu].idle;
	}
}

/* The kernel's side of a switch. */
static struct host_task *host_switch(__u32 cpu, struct host_task *next)
{
	struct host_cpu *c = &host_cpus[cpu];
	struct host_task *prev = c->runs;

	host_now += STEP_NS;
	c->rq.clock = c->rq.clock_task = host_now;
	if (prev->task.pid)
		prev->task.se.sum_exec_runtime += host_now - prev->task.se.exec_start;
	if (prev->task.__state) {
		prev->task.on_rq = 0;
		prev->task.nvcsw++;
	}
	next->task.se.cfs_rq = &c->cfs_rq;
	next->task.se.exec_start = host_now;
	next->task.sched_info.last_arrival = host_now;
	prev->task.on_cpu = 0;
	next->task.on_cpu = 1;
	c->runs = next;
	return prev;
}

static void slip(__u32 cpu, struct host_task *next)
{
	host_switch(cpu, next);
}

static void go(__u32 cpu, struct host_task *next)
{
	struct host_task *prev = host_switch(cpu, next);
	__u64 ctx[4] = {!prev->task.__state, (__u64)&prev->task, (__u64)&next->task,
			prev->task.__state};

	host_cpu = cpu;
	switch_program(ctx);
}

/* It goes to sleep, or ends, at its CPU's next switch. */
static void will_block(struct host_task *t)
{
	t->task.__state = 1;
}

static void will_die(struct host_task *t)
{
	t->task.__state = TASK_DEAD;
}

static size_t host_submitted(__u32 first_word)
{
	size_t cnt = 0;

	for (size_t i = 0; i < host_rec_cnt; i++)
		cnt += host_recs[i] == first_word;
	return cnt;
}

#endif /* HOST_KERNEL_H */
