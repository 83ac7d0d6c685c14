// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* trace_late.c - see trace_late.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace_late.h"

/* Facts that stay when a window is full; twice as many fit while it is being filled. 20 MiB. */
#define KEEP_CNT (256u << 10)

void late_window__begin(struct late_window *w, uint64_t from_ns)
{
	w->cnt = 0;
	w->from_ns = from_ns;
	w->until_ns = UINT64_MAX;
}

static int compare(const void *a_, const void *b_)
{
	const struct cpt_late *a = a_, *b = b_;

	if (a->ts_ns != b->ts_ns)
		return a->ts_ns < b->ts_ns ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return (a->task > b->task) - (a->task < b->task);
}

/* Keeps the earliest KEEP_CNT, whole instants of them. */
static void cut(struct late_window *w)
{
	uint64_t first_ns, until_ns;

	qsort(w->at, w->cnt, sizeof(*w->at), compare);
	first_ns = w->at[0].ts_ns;
	until_ns = w->at[KEEP_CNT].ts_ns;
	w->cnt = KEEP_CNT;
	if (until_ns == first_ns) {
		w->excess = true;
		w->until_ns = first_ns + 1;
		return;
	}
	w->until_ns = until_ns;
	while (w->at[w->cnt - 1].ts_ns == until_ns)
		w->cnt--;
}

int late_window__add(struct late_window *w, const struct cpt_late *late)
{
	struct cpt_late *at;
	size_t cap;

	if (late->ts_ns < w->from_ns || late->ts_ns >= w->until_ns)
		return 0;
	if (w->cnt == w->cap) {
		cap = w->cap ? w->cap * 2 : 1024;
		at = realloc(w->at, cap * sizeof(*at));
		if (!at)
			return -ENOMEM;
		w->at = at;
		w->cap = cap;
	}
	w->at[w->cnt++] = *late;
	if (w->cnt == 2 * KEEP_CNT)
		cut(w);
	return 0;
}

void late_window__end(struct late_window *w)
{
	if (w->cnt)
		qsort(w->at, w->cnt, sizeof(*w->at), compare);
}

void late_window__clear(struct late_window *w)
{
	free(w->at);
	memset(w, 0, sizeof(*w));
}
