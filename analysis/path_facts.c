// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * path_facts.c - from the sums of the chosen chain to what reports show.
 */
#include "path_facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "timeline.h"

static const char *const waker_names[CPT_WAKER_CNT] = {
#define CPT_WAKER_NAME(name, str, text) [CPT_WAKER_##name] = str,
	CPT_WAKERS(CPT_WAKER_NAME)
#undef CPT_WAKER_NAME
};

static const char *const waker_texts[CPT_WAKER_CNT] = {
#define CPT_WAKER_TEXT(name, str, text) [CPT_WAKER_##name] = text,
	CPT_WAKERS(CPT_WAKER_TEXT)
#undef CPT_WAKER_TEXT
};

const char *waker_name(enum cpt_waker by)
{
	return by < CPT_WAKER_CNT ? waker_names[by] : "";
}

const char *waker_text(enum cpt_waker by)
{
	return by < CPT_WAKER_CNT ? waker_texts[by] : "";
}

enum cpt_waker waker_of_interrupt(enum cpt_reason reason)
{
	if (reason == CPT_REASON_SLEEP)
		return CPT_WAKER_TIMER;
	if (reason == CPT_REASON_DISK || reason == CPT_REASON_PAGE_FAULT ||
	    reason == CPT_REASON_SOCKET || reason == CPT_REASON_REQUEST ||
	    reason == CPT_REASON_ACCEPT)
		return CPT_WAKER_DEVICE;
	return CPT_WAKER_INTERRUPT;
}

/* ---- one item ------------------------------------------------------------------------------------ */

static void add_to_path(struct cpt_path *out, const struct chain_item *item)
{
	const uint32_t what = chain_key_what(item->key);

	switch (what) {
	case CHAIN_CPU:
		out->serial_ns += item->ns[CHAIN_SERIAL];
		out->parallel_ns += item->ns[CHAIN_PARALLEL];
		out->runnable_ns += item->ns[CHAIN_RUNNABLE];
		break;
	case CHAIN_UNKNOWN:
		out->unknown_ns += item->ns[0];
		break;
	case CHAIN_ABSENT:
		out->absent_ns += item->ns[0];
		break;
	default:
		out->reason_ns[(what - CHAIN_WAIT) / CPT_WAKER_CNT] += item->ns[0];
		out->by_waker_ns[(what - CHAIN_WAIT) % CPT_WAKER_CNT] += item->ns[0];
		break;
	}
}

static void add_to_part(struct cpt_path_part *part, const struct chain_item *item)
{
	switch (chain_key_what(item->key)) {
	case CHAIN_CPU:
		part->serial_ns += item->ns[CHAIN_SERIAL];
		part->parallel_ns += item->ns[CHAIN_PARALLEL];
		part->runnable_ns += item->ns[CHAIN_RUNNABLE];
		break;
	case CHAIN_UNKNOWN:
		part->unknown_ns += item->ns[0];
		break;
	case CHAIN_ABSENT:
		return;
	default:
		part->blocked_ns += item->ns[0];
		break;
	}
	part->total_ns += chain_item__total(item);
}

static void add_part(struct cpt_path_part *to, const struct cpt_path_part *from)
{
	to->serial_ns += from->serial_ns;
	to->parallel_ns += from->parallel_ns;
	to->runnable_ns += from->runnable_ns;
	to->blocked_ns += from->blocked_ns;
	to->unknown_ns += from->unknown_ns;
	to->total_ns += from->total_ns;
}

/* ---- lists --------------------------------------------------------------------------------------- */

static int larger_first(const void *a, const void *b)
{
	const struct cpt_path_part *x = a, *y = b;

	if (x->total_ns != y->total_ns)
		return x->total_ns < y->total_ns ? 1 : -1;
	return (x->id > y->id) - (x->id < y->id);
}

/* Room for as many parts as there are different keys. */
struct parts {
	struct cpt_path_part *tab;
	uint32_t cnt;
};

static struct cpt_path_part *part_of_thread(struct parts *parts, uint32_t id)
{
	for (uint32_t i = 0; i < parts->cnt; i++)
		if (parts->tab[i].id == id)
			return &parts->tab[i];
	parts->tab[parts->cnt].id = id;
	return &parts->tab[parts->cnt++];
}

/* name: an array of CPT_COMM_LEN bytes. */
static struct cpt_path_part *part_of_name(struct parts *parts, const char *name)
{
	for (uint32_t i = 0; i < parts->cnt; i++)
		if (!strcmp(parts->tab[i].name, name))
			return &parts->tab[i];
	memcpy(parts->tab[parts->cnt].name, name, CPT_COMM_LEN);
	return &parts->tab[parts->cnt++];
}

static void sort_by_thread(const struct path *p, const struct tasks *tasks, struct cpt_path *out,
			   struct parts *parts)
{
	for (uint32_t i = 0; i < p->sum.sz; i++) {
		const struct chain_item *item = &p->sum.items[i];

		if (!item->key || !chain_item__total(item))
			continue;
		if (item->key & CHAIN_FOLDED)
			add_to_part(&out->other, item);
		else
			add_to_part(part_of_thread(parts, chain_key_id(item->key)), item);
	}
	qsort(parts->tab, parts->cnt, sizeof(*parts->tab), larger_first);
	while (parts->cnt && !parts->tab[parts->cnt - 1].total_ns)
		parts->cnt--; /* was only absent */
	while (parts->cnt > CPT_PATH_PARTS_MAX)
		add_part(&out->other, &parts->tab[--parts->cnt]);
	for (uint32_t i = 0; i < parts->cnt; i++) {
		const struct task *t = tasks__find(tasks, parts->tab[i].id);

		parts->tab[i].tid = t->row.tid;
		parts->tab[i].pid = t->row.pid;
		memcpy(parts->tab[i].name, t->row.name, CPT_COMM_LEN);
	}
}

static void sort_by_name(const struct path *p, const struct tasks *tasks, struct parts *parts)
{
	struct cpt_path_part rest = {.name = CPT_NAME_OTHER};

	for (uint32_t i = 0; i < p->sum.sz; i++) {
		const struct chain_item *item = &p->sum.items[i];
		const uint32_t id = chain_key_id(item->key);
		const char *name;

		if (!item->key || !chain_item__total(item))
			continue;
		if (!(item->key & CHAIN_FOLDED))
			name = tasks__find(tasks, id)->row.name;
		else
			name = id < GROUP_MAX ? p->tl->group_names[id] : rest.name;
		add_to_part(part_of_name(parts, name), item);
	}
	qsort(parts->tab, parts->cnt, sizeof(*parts->tab), larger_first);
	while (parts->cnt && !parts->tab[parts->cnt - 1].total_ns)
		parts->cnt--;
	if (parts->cnt <= CPT_PATH_PARTS_MAX)
		return;
	while (parts->cnt >= CPT_PATH_PARTS_MAX)
		add_part(&rest, &parts->tab[--parts->cnt]);
	parts->tab[parts->cnt++] = rest;
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static void find_work_span(const struct path *p, uint64_t length_ns, struct cpt_work_span *ws)
{
	ws->work_ns = p->tl->sums.running;
	ws->span_ns = p->span_ns;
	if (!ws->span_ns)
		return;
	ws->parallelism = (double)ws->work_ns / (double)ws->span_ns;
	ws->speedup_bound = (double)length_ns / (double)ws->span_ns;
}

int path__facts(const struct path *p, const struct tasks *tasks, struct cpt_path *out,
		struct cpt_work_span *ws)
{
	struct parts threads = {0}, names = {0};

	memset(out, 0, sizeof(*out));
	memset(ws, 0, sizeof(*ws));
	if (!p->tl->opened)
		return 0;
	out->length_ns = p->tl->now_ns - p->tl->start_ns;
	out->end_id = p->end_id;
	find_work_span(p, out->length_ns, ws);
	threads.tab = calloc(p->sum.used + 1, sizeof(*threads.tab));
	names.tab = calloc(p->sum.used + 1, sizeof(*names.tab));
	out->threads = threads.tab;
	out->names = names.tab;
	if (!threads.tab || !names.tab)
		return -ENOMEM;
	if (!p->end_id)
		out->absent_ns = out->length_ns;
	for (uint32_t i = 0; i < p->sum.sz; i++)
		if (p->sum.items[i].key)
			add_to_path(out, &p->sum.items[i]);
	sort_by_thread(p, tasks, out, &threads);
	sort_by_name(p, tasks, &names);
	out->threads_cnt = threads.cnt;
	out->names_cnt = names.cnt;
	out->known_waker_ns = out->length_ns - out->unknown_ns - out->absent_ns -
			      out->by_waker_ns[CPT_WAKER_NOBODY];
	return 0;
}
