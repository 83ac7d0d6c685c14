// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * analysis_side.c - what comes beside switches and wake-ups: stacks, samples, records of event loops.
 */
#include "analysis_priv.h"
#include "sites.h"

/* Kept for the switch of this time, which comes next. */
int analysis_side__on_stacks(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *out = ev->task ? tasks__find(&a->tasks, ev->task) : NULL;
	struct task *in = ev->other ? tasks__find(&a->tasks, ev->other) : NULL;

	if (out) {
		out->out_stack_ns = ev->ts_ns;
		out->out_user = ev->user;
		out->out_kernel = ev->kernel;
	}
	if (in) {
		in->in_stack_ns = ev->ts_ns;
		in->wake_user = ev->wake_user;
		in->wake_kernel = ev->wake_kernel;
	}
	return 0;
}

int analysis_side__on_sample(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *t = tasks__find(&a->tasks, ev->task);

	if (!a->sites || !a->tl.open)
		return 0;
	if (!t || t->state != CPT_STATE_RUNNING) {
		sites__stray(a->sites);
		return 0;
	}
	if (!t->counted)
		return 0;
	t->row.samples++;
	t->row.latency += 1.0 / a->tl.running;
	return sites__sampled(a->sites, timeline__group(&a->tl, t), ev->user, ev->kernel,
			      (uint8_t)ev->flags, a->tl.running,
			      t->sqpoll && sqpolls__spins(a->sqpolls, t, a->now_ns));
}

int analysis_side__on_loop(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *t = ev->task ? tasks__find(&a->tasks, ev->task) : NULL;
	int taken;

	/* What it did so far is told by how things stood before. */
	if (t && t->sqpoll && ev->type == CPT_EV_LOOP)
		sqpolls__acted(a->sqpolls, t, ev->other, a->now_ns);
	if (ev->type == CPT_EV_LOOP_LOST)
		sqpolls__lost(a->sqpolls);
	taken = loops__feed(a->flights, ev, a->now_ns);
	return taken <= 0 ? taken : loop_ledger__feed(a->loops, &a->tasks, t, ev, a->now_ns);
}
