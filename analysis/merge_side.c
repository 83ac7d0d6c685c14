// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* merge_side.c - see merge_priv.h: few, so they are sorted apart. */
#include "merge_priv.h"
#include "stacks.h"

static uint32_t stack_number(int32_t number)
{
	return number > 0 && (uint32_t)number <= CPT_STACKS_MAX ? (uint32_t)number : 0;
}

/* The next one of the side events, zeroed; NULL without memory. */
static struct cpt_event *new_side(struct cpt_merge *m, uint32_t cpu, uint64_t ts_ns)
{
	if (m->side_cnt == m->side_cap) {
		size_t cap = m->side_cap ? m->side_cap * 2 : 1024;
		struct cpt_event *side = realloc(m->side, cap * sizeof(*side));

		if (!side)
			return NULL;
		m->side = side;
		m->side_cap = cap;
	}
	m->side[m->side_cnt] = (struct cpt_event){.ts_ns = ts_ns, .cpu = cpu};
	return &m->side[m->side_cnt++];
}

int merge_side__stacks(struct cpt_merge *m, uint32_t cpu, const struct cpt_rec_stacks *rec,
		       uint64_t ts_ns)
{
	struct cpt_event *ev;

	if (rec->prev > CPT_TASK_MAX || rec->next > CPT_TASK_MAX)
		return -EINVAL;
	ev = new_side(m, cpu, ts_ns);
	if (!ev)
		return -ENOMEM;
	ev->type = CPT_EV_STACKS;
	ev->task = rec->prev;
	ev->other = rec->next;
	ev->user = stack_number(rec->user);
	ev->kernel = stack_number(rec->kernel);
	ev->wake_user = stack_number(rec->wake_user);
	ev->wake_kernel = stack_number(rec->wake_kernel);
	return 0;
}

int merge_side__sample(struct cpt_merge *m, uint32_t cpu, const struct cpt_rec_sample *rec,
		       uint64_t ts_ns)
{
	struct cpt_event *ev;

	if (!rec->task || rec->task > CPT_TASK_MAX)
		return -EINVAL;
	ev = new_side(m, cpu, ts_ns);
	if (!ev)
		return -ENOMEM;
	ev->type = CPT_EV_SAMPLE;
	ev->task = rec->task;
	ev->flags = rec->flags;
	ev->user = stack_number(rec->user);
	ev->kernel = stack_number(rec->kernel);
	return 0;
}

static int compare_side(const void *a_, const void *b_)
{
	const struct cpt_event *a = a_, *b = b_;

	if (a->ts_ns != b->ts_ns)
		return a->ts_ns < b->ts_ns ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return (a->cpu > b->cpu) - (a->cpu < b->cpu);
}

int merge_side__emit(struct cpt_merge *m, uint64_t horizon_ns, bool all)
{
	size_t done = 0;
	int err = 0;

	if (!m->side_cnt)
		return 0;
	qsort(m->side, m->side_cnt, sizeof(*m->side), compare_side);
	while (done < m->side_cnt && (all || m->side[done].ts_ns < horizon_ns))
		done++;
	if (done && m->sink.side)
		err = m->sink.side(m->sink.ctx, m->side, done);
	m->side_cnt -= done;
	memmove(m->side, m->side + done, m->side_cnt * sizeof(*m->side));
	return err;
}
