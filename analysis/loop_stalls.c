// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loop_stalls.c - see loop_stalls.h.
 */
#include "loop_stalls.h"

#include <stdlib.h>
#include <string.h>

static void join_stalls(struct cpt_stall *to, const struct cpt_stall *from)
{
	to->cnt += from->cnt;
	to->total_ns += from->total_ns;
	to->delay_ns += from->delay_ns;
	to->behind_ns += from->behind_ns;
	to->unused_ns += from->unused_ns;
	if (from->held_up > to->held_up)
		to->held_up = from->held_up;
	if (from->longest_ns > to->longest_ns) {
		to->longest_ns = from->longest_ns;
		to->longest_at_ns = from->longest_at_ns;
		to->longest_arg0 = from->longest_arg0;
		to->longest_user = from->longest_user;
		to->longest_kernel = from->longest_kernel;
	}
}

static bool same_stall(const struct cpt_stall *a, const struct cpt_stall *b)
{
	return a->rest == b->rest && (a->rest || (a->sysno == b->sysno && a->reason == b->reason &&
						  a->object == b->object));
}

static bool costs_less(const struct cpt_stall *a, const struct cpt_stall *b)
{
	return a->delay_ns != b->delay_ns ? a->delay_ns < b->delay_ns : a->total_ns < b->total_ns;
}

/* Makes room: the two that cost least become, or join, the rest. */
static void fold_stalls(struct loop_stalls *s)
{
	struct cpt_stall least = {.rest = true};

	for (int n = s->tab[0].rest ? 1 : 2; n; n--) {
		uint32_t at = s->tab[0].rest;

		for (uint32_t i = at + 1; i < s->cnt; i++)
			if (costs_less(&s->tab[i], &s->tab[at]))
				at = i;
		join_stalls(&least, &s->tab[at]);
		s->tab[at] = s->tab[--s->cnt];
	}
	if (s->tab[0].rest) {
		join_stalls(&s->tab[0], &least);
		return;
	}
	s->tab[s->cnt++] = s->tab[0];
	s->tab[0] = least;
}

void loop_stalls__add(struct loop_stalls *s, const struct cpt_stall *stall)
{
	for (uint32_t i = 0; i < s->cnt; i++) {
		if (same_stall(&s->tab[i], stall)) {
			join_stalls(&s->tab[i], stall);
			return;
		}
	}
	if (s->cnt == CPT_LOOP_STALLS)
		fold_stalls(s);
	s->tab[s->cnt++] = *stall;
}

static int cmp_stall(const void *pa, const void *pb)
{
	const struct cpt_stall *a = pa, *b = pb;

	if (costs_less(a, b))
		return 1;
	return costs_less(b, a) ? -1 : (int)a->sysno - (int)b->sysno;
}

struct cpt_stall *loop_stalls__rows(const struct loop_stalls *s)
{
	struct cpt_stall *rows = malloc((s->cnt ? s->cnt : 1) * sizeof(*rows));

	if (!rows)
		return NULL;
	memcpy(rows, s->tab, s->cnt * sizeof(*rows));
	qsort(rows, s->cnt, sizeof(*rows), cmp_stall);
	return rows;
}
