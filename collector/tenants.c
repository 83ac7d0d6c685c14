// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* tenants.c - see tenants.h. */
#include "tenants.h"

#include <stdlib.h>
#include <string.h>

struct reading {
	struct cpt_rec_tenant *at;
	size_t cnt, cap;
};

struct tenants {
	struct reading first, last;
	bool failed;
};

struct tenants *tenants__new(void)
{
	return calloc(1, sizeof(struct tenants));
}

void tenants__free(struct tenants *t)
{
	if (!t)
		return;
	free(t->first.at);
	free(t->last.at);
	free(t);
}

static void add(struct tenants *t, struct reading *r, const struct cpt_rec_tenant *task)
{
	if (r->cnt == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 1024;
		struct cpt_rec_tenant *at = realloc(r->at, cap * sizeof(*at));

		if (!at) {
			t->failed = true;
			return;
		}
		r->at = at;
		r->cap = cap;
	}
	r->at[r->cnt++] = *task;
}

void tenants__first(void *ctx, const struct cpt_rec_tenant *task)
{
	struct tenants *t = ctx;

	add(t, &t->first, task);
}

void tenants__last(void *ctx, const struct cpt_rec_tenant *task)
{
	struct tenants *t = ctx;

	add(t, &t->last, task);
}

static int by_tid(const void *a, const void *b)
{
	const struct cpt_rec_tenant *x = a, *y = b;

	return (x->tid > y->tid) - (x->tid < y->tid);
}

static int by_process(const void *a, const void *b)
{
	const struct cpt_rec_tenant *x = a, *y = b;

	return (x->tgid > y->tgid) - (x->tgid < y->tgid);
}

static int by_time(const void *a, const void *b)
{
	const struct cpt_tenant *x = a, *y = b;

	return (x->cpu_ns < y->cpu_ns) - (x->cpu_ns > y->cpu_ns);
}

/* What the task, and the threads its process has lost, used since the first reading. */
static uint64_t used(const struct tenants *t, const struct cpt_rec_tenant *now)
{
	const struct cpt_rec_tenant *then =
		t->first.cnt ? bsearch(now, t->first.at, t->first.cnt, sizeof(*now), by_tid) : NULL;
	const uint64_t sum = now->sum_exec_ns + now->dead_ns;
	uint64_t before = 0;

	/* A tid used again is another task. */
	if (then && then->start_boottime_ns == now->start_boottime_ns)
		before = then->sum_exec_ns + then->dead_ns;
	return sum > before ? sum - before : 0;
}

static void keep_largest(struct cpt_trace_close *close, const struct cpt_tenant *tenant)
{
	struct cpt_tenant *last = &close->tenants[CPT_TENANTS_MAX - 1];

	if (!tenant->cpu_ns)
		return;
	if (close->tenant_cnt < CPT_TENANTS_MAX) {
		close->tenants[close->tenant_cnt++] = *tenant;
	} else if (last->cpu_ns < tenant->cpu_ns) {
		close->tenants_rest_ns += last->cpu_ns;
		*last = *tenant;
	} else {
		close->tenants_rest_ns += tenant->cpu_ns;
		return;
	}
	qsort(close->tenants, close->tenant_cnt, sizeof(close->tenants[0]), by_time);
}

void tenants__finish(struct tenants *t, uint32_t self, struct cpt_trace_close *close)
{
	struct cpt_tenant sum = {0};

	close->tenant_cnt = 0;
	close->tenants_rest_ns = UINT64_MAX;
	if (t->failed || !t->last.cnt)
		return;
	close->tenants_rest_ns = 0;
	if (t->first.cnt)
		qsort(t->first.at, t->first.cnt, sizeof(t->first.at[0]), by_tid);
	qsort(t->last.at, t->last.cnt, sizeof(t->last.at[0]), by_process);
	for (size_t i = 0; i < t->last.cnt; i++) {
		const struct cpt_rec_tenant *task = &t->last.at[i];

		if (task->tgid == self || task->flags & CPT_TENANT_OURS)
			continue;
		if (task->tgid != sum.pid) {
			keep_largest(close, &sum);
			sum = (struct cpt_tenant){.pid = task->tgid};
			memcpy(sum.name, task->comm, sizeof(sum.name));
			sum.name[sizeof(sum.name) - 1] = '\0';
		}
		sum.cpu_ns += used(t, task);
	}
	keep_largest(close, &sum);
}
