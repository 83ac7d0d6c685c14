// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loop_rows.c - see loop_rows.h; and what loop_ledger_facts.h declares.
 */
#include "loop_rows.h"

#include <errno.h>
#include <stdlib.h>

static int take_stalls(struct loop *l)
{
	if (!l->stalls)
		return 0;
	l->row.stalls = loop_stalls__rows(l->stalls);
	l->row.stalls_cnt = l->stalls->cnt;
	return l->row.stalls ? 0 : -ENOMEM;
}

/* The wait that was under way when recording began has returned since. */
static void take_iterations(struct loop *l, uint32_t losses)
{
	const uint64_t before = l->waits_before - (l->recorded && l->waits_before);

	l->row.iterations = l->returns + before;
	l->row.iterations_least = !l->recorded || before || l->losses != losses;
}

static void take_dispatches(struct loop *l)
{
	if (!l->dispatch)
		return;
	latency__finish(l->dispatch);
	l->row.dispatches = l->dispatch->cnt;
	l->row.dispatch_ns = l->dispatch->sum_ns;
	l->row.dispatch_p50_ns = l->dispatch->p50_ns;
	l->row.dispatch_p99_ns = l->dispatch->p99_ns;
	l->row.dispatch_max_ns = l->dispatch->max_ns;
}

static int cmp_loop(const void *pa, const void *pb)
{
	const struct cpt_loop *a = pa, *b = pb;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	if (a->kind != b->kind)
		return (int)a->kind - (int)b->kind;
	if (a->fd != b->fd)
		return a->fd < b->fd ? -1 : 1;
	return a->instance < b->instance ? -1 : a->instance > b->instance;
}

int loop_rows__take(struct loop_table *lt, uint32_t losses, struct cpt_loops *out)
{
	out->untold = lt->untold;
	out->tab = calloc(lt->cnt ? lt->cnt : 1, sizeof(*out->tab));
	if (!out->tab)
		return -ENOMEM;
	for (uint32_t i = 0; i < lt->cnt; i++) {
		struct loop *l = &lt->tab[i];
		struct cpt_loop *row = &l->row;

		row->life_ns = row->waiting_ns + row->on_cpu_ns + row->runnable_ns +
			       row->blocked_ns + row->unknown_ns;
		take_iterations(l, losses);
		if (!row->life_ns && !row->iterations)
			continue;
		take_dispatches(l);
		if (take_stalls(l))
			return -ENOMEM;
		row->flight_known = row->flight_known && row->stalls_cnt;
		out->tab[out->cnt++] = *row;
		row->stalls = NULL;
	}
	qsort(out->tab, out->cnt, sizeof(*out->tab), cmp_loop);
	return 0;
}

/* ---- names and ratios --------------------------------------------------------------------------------- */

const char *loop_kind_name(enum cpt_loop_kind kind)
{
#define KIND_NAME(name, str) str,
	static const char *const names[CPT_LOOP_KIND_CNT] = {CPT_LOOP_KINDS(KIND_NAME)};
#undef KIND_NAME

	return kind < CPT_LOOP_KIND_CNT ? names[kind] : "?";
}

double loop_on_cpu(const struct cpt_loop *l)
{
	return loop_known_ns(l) ? (double)l->on_cpu_ns / (double)loop_known_ns(l) : 0;
}

double loop_utilisation(const struct cpt_loop *l)
{
	const double in_wait = (double)(l->waiting_ns + l->woken_ns);

	return loop_known_ns(l) ? 1 - in_wait / (double)loop_known_ns(l) : 0;
}

double loop_batch(const struct cpt_loop *l)
{
	return l->iterations ? (double)l->events / (double)l->iterations : 0;
}

uint64_t loop_service_ns(const struct cpt_loop *l)
{
	if (!l->dispatches || !l->events || !l->iterations)
		return 0;
	return (uint64_t)((double)l->dispatch_ns / (double)l->dispatches / loop_batch(l));
}

void cpt_loops__free(struct cpt_loops *loops)
{
	for (uint32_t i = 0; i < loops->cnt; i++)
		free(loops->tab[i].stalls);
	free(loops->tab);
	free(loops->pools);
	free(loops->offloads);
}
