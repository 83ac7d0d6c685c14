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
	if (a->facts.cnt == CPT_AFFINITY_MAX)
		return 0;
	if (a->facts.cnt == a->cap && grow(a))
		return -ENOMEM;
	change = &a->facts.at[a->facts.cnt++];
	memset(change, 0, sizeof(*change));
	change->at_ns = now_ns;
	change->id = t->row.id;
	change->from_ns = now_ns > since ? now_ns - since : 0;
	for (uint32_t i = 0; i < CPT_MASK_WORDS; i++) {
		change->from[i] = before[i] & online[i];
		change->to[i] = then[i] & online[i];
	}
	t->mask_change = a->facts.cnt;
	return 0;
}

void affinity__take(struct affinity *a, const struct tasks *tasks, uint64_t end_ns,
		    struct cpt_affinity *out)
{
	for (uint32_t i = 0; i < a->facts.cnt; i++) {
		const struct task *t = tasks__find(tasks, a->facts.at[i].id);

		if (t->mask_change == i + 1)
			end_last(a, t, t->counted || !t->row.end_ns ? end_ns : t->row.end_ns);
	}
	*out = a->facts;
	memset(a, 0, sizeof(*a));
}
