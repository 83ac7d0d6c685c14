// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* affinity.c - see affinity.h. */
#include "affinity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void affinity__fini(struct affinity *a)
{
	free(a->facts.at);
	memset(a, 0, sizeof(*a));
}

/* The last change of the task ends at now_ns. */
static void end_last(struct affinity *a, const struct task *t, uint64_t now_ns)
{
	struct cpt_affinity_change *last;

	if (!t->mask_change)
		return;
	last = &a->facts.at[t->mask_change - 1];
	last->to_ns = now_ns > last->at_ns ? now_ns - last->at_ns : 0;
}

static int grow(struct affinity *a)
{
	const uint32_t cap = a->cap ? 2 * a->cap : 16;
	struct cpt_affinity_change *at = realloc(a->facts.at, cap * sizeof(*at));

	if (!at)
		return -ENOMEM;
	a->facts.at = at;
	a->cap = cap;
	return 0;
}

static bool same_here(const uint64_t *x, const uint64_t *y, const uint64_t *online)
{
	for (uint32_t i = 0; i < CPT_MASK_WORDS; i++)
		if ((x[i] ^ y[i]) & online[i])
			return false;
	return true;
}

/* Where there is room for one more change, before which a mask was held for held_ns: it may be that of the
 * change with the shortest one. NULL: that has been held longer. */
static struct cpt_affinity_change *make_room(struct affinity *a, const struct tasks *tasks,
					     uint64_t held_ns)
{
	struct task *t;
	uint32_t at = 0;

	if (a->facts.cnt < CPT_AFFINITY_MAX) {
		at = a->facts.cnt++;
	} else {
		for (uint32_t i = 1; i < CPT_AFFINITY_MAX; i++)
			if (a->held_ns[i] < a->held_ns[at])
				at = i;
		if (a->held_ns[at] >= held_ns)
			return NULL;
		t = tasks__find(tasks, a->facts.at[at].id);
		if (t->mask_change == at + 1)
			t->mask_change = 0;
	}
	a->held_ns[at] = held_ns;
	return &a->facts.at[at];
}

void affinity__passed_over(struct affinity *a, const struct tasks *tasks, struct task *t,
			   uint32_t from, const uint64_t *online, uint64_t now_ns)
{
	if (same_here(tasks->masks[from].bits, tasks->masks[t->mask].bits, online))
		return;
	end_last(a, t, now_ns);
	t->mask_change = 0;
	t->mask_since_ns = now_ns;
}

int affinity__changed(struct affinity *a, const struct tasks *tasks, struct task *t, uint32_t from,
		      const uint64_t *online, uint64_t now_ns)
{
	const uint64_t *before = tasks->masks[from].bits, *then = tasks->masks[t->mask].bits;
	const uint64_t since =
		t->mask_since_ns > t->row.start_ns ? t->mask_since_ns : t->row.start_ns;
	struct cpt_affinity_change *change;

	if (same_here(before, then, online))
		return 0;
	a->facts.changes++;
	a->facts.threads += !t->mask_changed;
	t->mask_changed = true;
	end_last(a, t, now_ns);
	t->mask_change = 0;
	t->mask_since_ns = now_ns;
	if (a->facts.cnt == a->cap && a->cap < CPT_AFFINITY_MAX && grow(a))
		return -ENOMEM;
	change = make_room(a, tasks, now_ns > since ? now_ns - since : 0);
	if (!change)
		return 0;
	memset(change, 0, sizeof(*change));
	change->at_ns = now_ns;
	change->id = t->row.id;
	change->from_ns = now_ns > since ? now_ns - since : 0;
	for (uint32_t i = 0; i < CPT_MASK_WORDS; i++) {
		change->from[i] = before[i] & online[i];
		change->to[i] = then[i] & online[i];
	}
	t->mask_change = (uint32_t)(change - a->facts.at) + 1;
	return 0;
}

static int by_time(const void *x, const void *y)
{
	const struct cpt_affinity_change *a = x, *b = y;

	if (a->at_ns != b->at_ns)
		return a->at_ns < b->at_ns ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

void affinity__take(struct affinity *a, const struct tasks *tasks, uint64_t end_ns,
		    struct cpt_affinity *out)
{
	for (uint32_t i = 0; i < a->facts.cnt; i++) {
		const struct task *t = tasks__find(tasks, a->facts.at[i].id);

		if (t->mask_change == i + 1)
			end_last(a, t, t->counted || !t->row.end_ns ? end_ns : t->row.end_ns);
	}
	/* Up to the limit they came in order. */
	if (a->facts.changes > a->facts.cnt)
		qsort(a->facts.at, a->facts.cnt, sizeof(*a->facts.at), by_time);
	*out = a->facts;
	memset(a, 0, sizeof(*a));
}
