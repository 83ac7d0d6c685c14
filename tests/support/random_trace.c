// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* random_trace.c - see random_trace.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "random_trace.h"

#define TASKS_MAX 200
#define CPUS_MAX  64

enum where { RUNNABLE, NEWBORN, BLOCKED, WOKEN, ON_CPU, GONE };

struct machine {
	struct trace_builder *tb;
	struct rng *rng;
	uint32_t cpu_cnt, flags;
	uint64_t now_ns;
	uint32_t task_cnt, live_cnt;
	enum where where[TASKS_MAX + 1];
	uint64_t in_ts_ns[TASKS_MAX + 1]; /* a task enters a CPU at most once at one instant */
	uint32_t cur[CPUS_MAX];		  /* task, TB_IDLE, TB_OTHER */
	uint64_t occ_ts_ns[CPUS_MAX];
};

static void pass_time(struct machine *m)
{
	const uint32_t kind = rng_below(m->rng, 100);

	if ((m->flags & RANDOM_TIES) && kind < 40)
		return;
	if ((m->flags & RANDOM_PAUSES) && kind > 97)
		m->now_ns += rng_u64(m->rng) % 100000000000u;
	else if (kind > 80)
		m->now_ns += 1 + rng_below(m->rng, 5000000);
	else
		m->now_ns += 1 + rng_below(m->rng, 3000);
}

/* Some task that is in this state, 0 none. */
static uint32_t pick(struct machine *m, enum where where)
{
	const uint32_t from = rng_below(m->rng, m->task_cnt);

	for (uint32_t i = 0; i < m->task_cnt; i++) {
		const uint32_t task = 1 + (from + i) % m->task_cnt;

		if (m->where[task] == where && (where == ON_CPU || m->in_ts_ns[task] < m->now_ns))
			return task;
	}
	return 0;
}

static struct cpt_wait random_wait(struct machine *m)
{
	struct cpt_wait w;

	switch (rng_below(m->rng, 8)) {
	case 0:
		return tb_wait_sleep();
	case 1:
		return tb_wait_disk();
	case 2:
		return tb_wait_fault();
	case 3:
		return tb_wait_mutex(0x7f0000001000 + 64 * (uint64_t)rng_below(m->rng, 5),
				     rng_below(m->rng, 3));
	case 4:
		return tb_wait_futex(0x7f0000002000 + 48 * (uint64_t)rng_below(m->rng, 4), 137,
				     2 * rng_below(m->rng, 1000),
				     (uint8_t)rng_below(m->rng, CPT_FUTEX_KIND_CNT), 0);
	case 5:
		w = tb_wait_call((uint16_t)rng_below(m->rng, 450), rng_u64(m->rng), rng_u64(m->rng),
				 (uint32_t)rng_u64(m->rng));
		w.wait_flags = CPT_WAIT_TIMEOUT;
		w.prev_state = (uint16_t)rng_u64(m->rng);
		w.object = (uint8_t)rng_u64(m->rng);
		return w;
	default:
		return tb_wait_fd(SYS_read, rng_below(m->rng, 8),
				  (uint8_t)rng_below(m->rng, CPT_FD_KIND_CNT));
	}
}

/* Who comes in, not necessarily one that has been woken. */
static uint32_t pick_next(struct machine *m)
{
	static const enum where from[] = {RUNNABLE, WOKEN, WOKEN, NEWBORN};
	const uint32_t kind = rng_below(m->rng, 12);

	if (kind < 4)
		return pick(m, from[kind]);
	/* A task that was woken and nobody saw it. */
	if (kind == 4 && rng_percent(m->rng, 20))
		return pick(m, BLOCKED);
	if (kind == 5)
		return TB_OTHER;
	return kind < 9 ? TB_IDLE : pick(m, WOKEN);
}

static void put_on(struct machine *m, uint32_t cpu, uint32_t next)
{
	m->cur[cpu] = next;
	if (next == TB_IDLE || next == TB_OTHER)
		return;
	m->where[next] = ON_CPU;
	m->in_ts_ns[next] = m->now_ns;
}

static void step_out(struct machine *m, uint32_t cpu)
{
	const uint32_t task = m->cur[cpu], next = pick_next(m), kind = rng_below(m->rng, 20);

	if (kind < 13) {
		tb__block(m->tb, m->now_ns, task, random_wait(m), next);
		m->where[task] = BLOCKED;
	} else if (kind < 19 || m->live_cnt < 3) {
		if (kind & 1)
			tb__preempt(m->tb, m->now_ns, task, next);
		else
			tb__yield(m->tb, m->now_ns, task, next);
		m->where[task] = RUNNABLE;
	} else {
		tb__exit(m->tb, m->now_ns, task, (int32_t)rng_below(m->rng, 3) * 256, next);
		m->where[task] = GONE;
		m->live_cnt--;
	}
	put_on(m, cpu, next);
}

static void step_switch(struct machine *m)
{
	const uint32_t cpu = rng_below(m->rng, m->cpu_cnt);
	uint32_t next;

	if (m->cur[cpu] != TB_IDLE && m->cur[cpu] != TB_OTHER) {
		step_out(m, cpu);
		return;
	}
	next = pick_next(m);
	if (next == TB_IDLE || next == TB_OTHER)
		return;
	tb__run(m->tb, m->now_ns, cpu, next);
	put_on(m, cpu, next);
}

static void step_wake(struct machine *m)
{
	const uint32_t task = rng_percent(m->rng, 85) ? pick(m, BLOCKED) : pick(m, NEWBORN);
	const uint32_t cur = m->cur[rng_below(m->rng, m->cpu_cnt)];
	const uint32_t waker = cur == TB_OTHER ? 0 : cur;

	if (!task)
		return;
	switch (rng_below(m->rng, 8)) {
	case 0:
		tb__wake_irq(m->tb, m->now_ns, task, CPT_CTX_HARDIRQ, waker);
		break;
	case 1:
		tb__wake_irq(m->tb, m->now_ns, task, CPT_CTX_SOFTIRQ, waker);
		break;
	case 2:
		tb__wake_foreign(m->tb, m->now_ns, task, 20000 + rng_below(m->rng, 5));
		break;
	case 3:
		tb__wake_as(m->tb, m->now_ns, task, waker, CPT_CTX_SOFTIRQ_SEND, 0, SYS_sendto);
		break;
	case 4: /* by one that is not on a CPU: deferred work speaks of whoever asked for it */
		tb__wake(m->tb, m->now_ns, task, 1 + rng_below(m->rng, m->task_cnt));
		break;
	case 5:
		tb__wake_as(m->tb, m->now_ns, task, waker, CPT_CTX_TASK, CPT_SW_WAKE_ON_WORD,
			    SYS_futex);
		break;
	default:
		tb__wake(m->tb, m->now_ns, task, waker);
	}
	m->where[task] = WOKEN;
}

static void step_birth(struct machine *m)
{
	const uint32_t creator = m->cur[rng_below(m->rng, m->cpu_cnt)];
	char comm[CPT_COMM_LEN];

	if (creator == TB_IDLE || creator == TB_OTHER || m->task_cnt == TASKS_MAX)
		return;
	snprintf(comm, sizeof(comm), "worker/%u", m->task_cnt);
	if (rng_percent(m->rng, 70))
		tb__thread(m->tb, m->now_ns, creator, comm);
	else
		tb__fork(m->tb, m->now_ns, creator, comm);
	m->where[++m->task_cnt] = NEWBORN;
	m->live_cnt++;
}

static void step_identity(struct machine *m)
{
	const uint32_t task = pick(m, ON_CPU);
	uint64_t bits[2] = {rng_u64(m->rng), rng_u64(m->rng)};

	if (!task)
		return;
	if (rng_percent(m->rng, 40))
		tb__rename(m->tb, m->now_ns, task, "renamed\x01\n\xff");
	else if (rng_percent(m->rng, 50))
		tb__exec(m->tb, m->now_ns, task, "/usr/bin/another", "another");
	else
		tb__affinity(m->tb, m->now_ns, task, bits, 1 + rng_below(m->rng, 2));
}

static void step_occupancy(struct machine *m)
{
	const uint32_t cpu = rng_below(m->rng, m->cpu_cnt);
	const uint64_t since_ns = m->occ_ts_ns[cpu], span = m->now_ns - since_ns;
	const uint64_t idle_ns = span / 3;

	tb__occupancy(m->tb, m->now_ns, cpu, since_ns, idle_ns, span / 5,
		      (uint8_t)rng_below(m->rng, 2), (uint8_t)rng_below(m->rng, 3));
	m->occ_ts_ns[cpu] = m->now_ns;
}

static void step(struct machine *m)
{
	const uint32_t kind = rng_below(m->rng, 100);

	pass_time(m);
	if (kind < 60)
		step_switch(m);
	else if (kind < 88)
		step_wake(m);
	else if (kind < 92)
		step_birth(m);
	else if (kind < 95)
		step_identity(m);
	else if (kind < 99)
		step_occupancy(m);
	else if (m->flags & RANDOM_LOSS)
		tb__loss(m->tb, m->now_ns, rng_below(m->rng, m->cpu_cnt),
			 m->now_ns + rng_below(m->rng, 100000), 1 + rng_below(m->rng, 9));
}

void random_trace(struct trace_builder *tb, struct rng *rng, uint32_t cpu_cnt, uint32_t steps,
		  uint32_t flags)
{
	struct machine m = {.tb = tb,
			    .rng = rng,
			    .cpu_cnt = cpu_cnt,
			    .flags = flags,
			    .now_ns = 1000000,
			    .task_cnt = 1,
			    .live_cnt = 1};

	if (!cpu_cnt || cpu_cnt > CPUS_MAX)
		abort();
	for (uint32_t i = 0; i < cpu_cnt; i++)
		m.occ_ts_ns[i] = m.now_ns;
	tb__command(tb, m.now_ns, "app");
	tb__run(tb, ++m.now_ns, 0, 1);
	put_on(&m, 0, 1);
	for (uint32_t i = 0; i < steps; i++)
		step(&m);
}
