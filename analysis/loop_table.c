// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loop_table.c - see loop_table.h.
 */
#include "loop_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace_limits.h"

void loop_table__fini(struct loop_table *lt)
{
	for (uint32_t i = 0; i < lt->cnt; i++) {
		free(lt->tab[i].dispatch);
		free(lt->tab[i].stalls);
	}
	free(lt->tab);
	free(lt->by_instance);
}

/* The loop is none of its instance's any more; where another one's is found by it, that stays. */
static void unbind(struct loop_table *lt, uint32_t idx)
{
	struct loop *l = &lt->tab[idx];

	if (l->row.instance && lt->by_instance[l->row.instance] == idx + 1)
		lt->by_instance[l->row.instance] = 0;
}

int loop_table__bind(struct loop_table *lt, uint32_t idx, uint32_t instance)
{
	if (!lt->by_instance)
		lt->by_instance = calloc(CPT_LOOP_NUMBER_MAX + 1, sizeof(*lt->by_instance));
	if (!lt->by_instance)
		return -ENOMEM;
	unbind(lt, idx);
	lt->tab[idx].row.instance = instance;
	lt->by_instance[instance] = idx + 1;
	return 0;
}

void loop_table__over(struct loop_table *lt, uint32_t idx)
{
	unbind(lt, idx);
	lt->tab[idx].over = true;
}

static uint32_t hash_of(uint32_t proc, int32_t fd)
{
	return (proc * 0x9e3779b1u ^ (uint32_t)fd * 0x85ebca6bu) >> 7 & (LOOP_HASH_SZ - 1);
}

/* Index of the thread's loop that is so; NO_LOOP if there is none. */
static uint32_t known_loop(const struct loop_table *lt, const struct loop_list *of,
			   const struct task *t, struct loop_key key)
{
	for (uint32_t at = of->first; at; at = lt->tab[at - 1].next_of_thread) {
		const struct loop *l = &lt->tab[at - 1];

		if (!l->over && !l->row.rest && l->row.kind == key.kind && l->row.fd == key.fd &&
		    l->space == t->space && l->proc == t->proc)
			return at - 1;
	}
	return NO_LOOP;
}

static uint32_t rest_of(const struct loop_table *lt, const struct loop_list *of)
{
	for (uint32_t at = of->first; at; at = lt->tab[at - 1].next_of_thread)
		if (lt->tab[at - 1].row.rest)
			return at - 1;
	return NO_LOOP;
}

static int grow(struct loop_table *lt)
{
	uint32_t cap = lt->cap ? 2 * lt->cap : 16;
	struct loop *tab;

	if (lt->cnt < lt->cap)
		return 0;
	tab = realloc(lt->tab, cap * sizeof(*tab));
	if (!tab)
		return -ENOMEM;
	lt->tab = tab;
	lt->cap = cap;
	return 0;
}

uint32_t loop_table__find(struct loop_table *lt, struct loop_list *of, const struct task *t,
			  struct loop_key key, bool *made)
{
	const bool rest = of->cnt + 1 >= LOOPS_OF_THREAD;
	uint32_t idx = known_loop(lt, of, t, key), *chain;
	struct loop *l;

	*made = false;
	if (idx == NO_LOOP && rest)
		idx = rest_of(lt, of);
	if (idx != NO_LOOP)
		return idx;
	if (lt->cnt == LOOPS_MAX) {
		lt->untold++;
		errno = ENOSPC;
		return NO_LOOP;
	}
	if (grow(lt)) {
		errno = ENOMEM;
		return NO_LOOP;
	}
	idx = lt->cnt++;
	l = &lt->tab[idx];
	memset(l, 0, sizeof(*l));
	l->row.id = t->row.id;
	l->row.kind = key.kind;
	l->row.fd = rest ? -1 : key.fd;
	l->row.rest = rest;
	l->row.flight_known = true;
	l->proc = t->proc;
	l->space = t->space;
	l->next_of_thread = of->first;
	of->first = idx + 1;
	of->cnt++;
	if (l->row.fd >= 0) {
		chain = &lt->by_hash[hash_of(l->proc, l->row.fd)];
		l->next_of_hash = *chain;
		*chain = idx + 1;
	}
	*made = true;
	return idx;
}

uint32_t loop_table__of_thread(const struct loop_table *lt, const struct loop_list *of,
			       uint32_t instance)
{
	for (uint32_t at = of->first; at; at = lt->tab[at - 1].next_of_thread)
		if (lt->tab[at - 1].row.instance == instance && !lt->tab[at - 1].over)
			return at - 1;
	return NO_LOOP;
}

uint32_t loop_table__of_any(const struct loop_table *lt, uint32_t instance)
{
	return lt->by_instance ? lt->by_instance[instance] - 1 : NO_LOOP; /* 0 - 1 is NO_LOOP */
}

uint32_t *loop_table__chain(struct loop_table *lt, uint32_t proc, int32_t fd)
{
	return &lt->by_hash[hash_of(proc, fd)];
}
