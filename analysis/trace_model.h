/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trace_model.h - what writer and reader both expect to happen next, so that a block need only hold
 * what is different.
 *
 * Owns:     the guess at a block's tasks and CPUs: who runs where, who queues for which CPU. It is
 *           part of the format (FORMAT.md, "Predictions"): a change is a new major version.
 * Must not: judge. A wrong guess costs bytes, nothing else.
 *
 * Tasks are named by their index in the block's task list; index 0 is "none of the workload".
 * Everything starts at zero with each block.
 */
#ifndef CPT_TRACE_MODEL_H
#define CPT_TRACE_MODEL_H

#include "event.h"

struct model_task {
	uint32_t number; /* task number */
	uint32_t q_prev, q_next;
	uint32_t last_waker; /* cpt_event.other of its last WAKE */
	uint32_t last_wait;  /* index of its last wait */
	uint32_t open;	     /* its blocking switch-out that no WAKE has followed yet; 0 none */
	uint16_t cpu;	     /* where it was put last */
	uint16_t queued;     /* 1: stands in cpu's queue */
};

struct model_cpu {
	uint32_t cur;		 /* who runs */
	uint32_t q_head, q_tail; /* who is expected next: first woken or preempted, first served */
	uint32_t reserved;
	uint64_t last_ts_ns; /* of its last SWITCH or OCCUPANCY */
};

static inline void model_dequeue(struct model_cpu *cpus, struct model_task *tasks, uint32_t task)
{
	struct model_task *t = &tasks[task];
	struct model_cpu *c = &cpus[t->cpu];

	if (!t->queued)
		return;
	if (t->q_prev)
		tasks[t->q_prev].q_next = t->q_next;
	else
		c->q_head = t->q_next;
	if (t->q_next)
		tasks[t->q_next].q_prev = t->q_prev;
	else
		c->q_tail = t->q_prev;
	t->queued = 0;
}

static inline void model_enqueue(struct model_cpu *cpus, struct model_task *tasks, uint32_t task,
				 uint32_t cpu)
{
	struct model_task *t = &tasks[task];
	struct model_cpu *c = &cpus[cpu];

	model_dequeue(cpus, tasks, task);
	t->cpu = (uint16_t)cpu;
	t->queued = 1;
	t->q_prev = c->q_tail;
	t->q_next = 0;
	if (c->q_tail)
		tasks[c->q_tail].q_next = task;
	else
		c->q_head = task;
	c->q_tail = task;
}

/* After a SWITCH on cpu. */
static inline void model_switch(struct model_cpu *cpus, struct model_task *tasks, uint32_t cpu,
				uint32_t prev, uint32_t next, uint16_t flags, uint64_t ts_ns)
{
	if (prev && !(flags & (CPT_SW_PREV_BLOCKED | CPT_SW_PREV_DEAD)))
		model_enqueue(cpus, tasks, prev, cpu);
	if (next) {
		model_dequeue(cpus, tasks, next);
		tasks[next].cpu = (uint16_t)cpu;
		tasks[next].open = 0;
	}
	cpus[cpu].cur = next;
	cpus[cpu].last_ts_ns = ts_ns;
}

/* After a WAKE of task, to run on cpu. */
static inline void model_wake(struct model_cpu *cpus, struct model_task *tasks, uint32_t task,
			      uint32_t cpu, uint32_t waker)
{
	if (!task)
		return;
	model_enqueue(cpus, tasks, task, cpu);
	tasks[task].last_waker = waker;
	tasks[task].open = 0;
}

#endif /* CPT_TRACE_MODEL_H */
