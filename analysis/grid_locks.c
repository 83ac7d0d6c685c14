// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* grid_locks.c - see grid_locks.h. */
#include "grid_locks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One more than there are bins: a wait may begin, or end, at the very end of the last one. */
#define PLACES (CPT_GRID_BINS_MAX + 1)

struct grid_locks {
	uint64_t bin_ns;
	uint32_t cnt;
	struct cpt_grid_lock locks[CPT_GRID_LOCKS_MAX];
};

struct grid_locks *grid_locks__new(uint64_t bin_ns, const uint32_t *ids, uint32_t ids_cnt)
{
	struct grid_locks *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->bin_ns = bin_ns;
	g->cnt = ids_cnt;
	for (uint32_t i = 0; i < ids_cnt; i++)
		g->locks[i].id = ids[i];
	return g;
}

void cpt_grid_lock__free(struct cpt_grid_lock *l)
{
	free(l->waits);
	free(l->open);
	free(l->blocked_ns);
	free(l->waiters);
	free(l->others);
}

void grid_locks__free(struct grid_locks *g)
{
	if (!g)
		return;
	for (uint32_t i = 0; i < g->cnt; i++)
		cpt_grid_lock__free(&g->locks[i]);
	free(g);
}

/* With its rows; NULL: not asked for, or without memory (then *err is set). */
static struct cpt_grid_lock *find(struct grid_locks *g, uint32_t id, int *err)
{
	struct cpt_grid_lock *l = NULL;

	*err = 0;
	for (uint32_t i = 0; i < g->cnt && !l; i++)
		if (g->locks[i].id == id)
			l = &g->locks[i];
	if (!l || l->others)
		return l;
	l->waits = calloc(PLACES, sizeof(*l->waits));
	l->open = calloc(PLACES, sizeof(*l->open));
	l->blocked_ns = calloc(PLACES, sizeof(*l->blocked_ns));
	l->waiters = calloc(PLACES, sizeof(*l->waiters));
	l->others = calloc(PLACES, sizeof(*l->others));
	if (l->waits && l->open && l->blocked_ns && l->waiters && l->others)
		return l;
	cpt_grid_lock__free(l);
	*l = (struct cpt_grid_lock){.id = id};
	*err = -ENOMEM;
	return NULL;
}

int grid_locks__wait(struct grid_locks *g, uint32_t lock, uint32_t bin)
{
	int err;
	struct cpt_grid_lock *l = find(g, lock, &err);

	if (l)
		l->waits[bin]++;
	return err;
}

static void note_waiter(struct cpt_grid_lock *l, uint32_t slot, uint64_t bin)
{
	if (slot < CPT_GRID_THREADS_MAX)
		l->waiters[bin] |= 1ull << slot;
	else
		l->others[bin] = 1;
}

int grid_locks__piece(struct grid_locks *g, uint32_t lock, uint32_t slot, bool blocked,
		      uint64_t from, uint64_t to)
{
	const uint64_t bin_ns = g->bin_ns, first = from / bin_ns, last = to / bin_ns;
	int err;
	struct cpt_grid_lock *l = find(g, lock, &err);

	if (!l)
		return err;
	if (last >= PLACES)
		return -E2BIG;
	for (uint64_t bin = first; bin <= last; bin++) {
		const uint64_t start = bin > first ? bin * bin_ns : from;
		const uint64_t end = bin < last ? (bin + 1) * bin_ns : to;

		if (blocked)
			l->blocked_ns[bin] += end - start;
		/* What begins at a border was not there before it. */
		if (bin > first)
			l->open[bin]++;
		note_waiter(l, slot, bin);
	}
	return 0;
}

uint32_t grid_locks__take(struct grid_locks *g, uint32_t bins_cnt, struct cpt_grid_lock *out)
{
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < g->cnt; i++) {
		struct cpt_grid_lock *l = &g->locks[i];

		if (!l->others)
			continue;
		/* What began at the end of the last one is its. */
		if (bins_cnt) {
			l->waits[bins_cnt - 1] += l->waits[bins_cnt];
			l->waiters[bins_cnt - 1] |= l->waiters[bins_cnt];
			l->others[bins_cnt - 1] |= l->others[bins_cnt];
		}
		out[cnt++] = *l;
	}
	g->cnt = 0;
	return cnt;
}
