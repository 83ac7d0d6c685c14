// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loop_groups.c - see loop_groups.h.
 */
#include "loop_groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Index of the thread's row; threads_cnt if it has none. */
static uint32_t find_thread(const struct cpt_report *r, uint32_t id)
{
	const struct cpt_thread *t = report__thread(r, id);

	return t ? (uint32_t)(t - r->threads_tab) : r->threads_cnt;
}

/* ---- pools ------------------------------------------------------------------------------------------- */

/* A part of what a loop ran that changes its share. */
#define DOUBT 20

/* The name without the number at its end. */
static size_t stem_len(const char *name)
{
	size_t len = strnlen(name, CPT_COMM_LEN);

	while (len && name[len - 1] >= '0' && name[len - 1] <= '9')
		len--;
	return len;
}

static bool same_stem(const char *a, const char *b)
{
	const size_t len = stem_len(a);

	return len == stem_len(b) && !memcmp(a, b, len);
}

static const struct cpt_thread *thread_of(const struct cpt_report *r, const struct cpt_loop *l)
{
	const uint32_t at = find_thread(r, l->id);

	return at < r->threads_cnt ? &r->threads_tab[at] : NULL;
}

static struct cpt_loop_pool *pool_of(const struct cpt_report *r, const struct cpt_loop *l,
				     const struct cpt_thread *t, uint32_t cnt)
{
	for (uint32_t i = 0; i < cnt; i++) {
		struct cpt_loop_pool *p = &r->loops.pools[i];
		const struct cpt_loop *first = &r->loops.tab[p->first];
		const struct cpt_thread *other = thread_of(r, first);

		if (first->kind == l->kind && other && same_stem(other->name, t->name))
			return p;
	}
	return NULL;
}

/* A thread's loops of one kind are one member of a pool; they stand side by side. */
static uint32_t member_end(const struct cpt_loops *loops, uint32_t from, uint64_t *on_cpu_ns,
			   bool *doubtful)
{
	uint32_t at = from;

	*doubtful = false;
	for (*on_cpu_ns = 0; at < loops->cnt && loops->tab[at].id == loops->tab[from].id &&
			     loops->tab[at].kind == loops->tab[from].kind;
	     at++) {
		const struct cpt_loop *l = &loops->tab[at];

		*on_cpu_ns += l->on_cpu_ns;
		*doubtful |= l->iterations_least && l->not_back_ns > l->on_cpu_ns / DOUBT;
	}
	return at;
}

static int find_pools(struct cpt_report *r)
{
	struct cpt_loops *loops = &r->loops;
	uint32_t cnt = 0, kept = 0, next;
	uint64_t ns;
	bool doubtful;

	loops->pools = calloc(loops->cnt ? loops->cnt : 1, sizeof(*loops->pools));
	if (!loops->pools)
		return -ENOMEM;
	for (uint32_t i = 0; i < loops->cnt; i = next) {
		const struct cpt_thread *t = thread_of(r, &loops->tab[i]);
		struct cpt_loop_pool *p = t ? pool_of(r, &loops->tab[i], t, cnt) : NULL;

		next = member_end(loops, i, &ns, &doubtful);
		if (!t)
			continue;
		if (!p) {
			p = &loops->pools[cnt++];
			*p = (struct cpt_loop_pool){.first = i, .least_ns = ns};
		}
		p->loops++;
		p->doubtful |= doubtful;
		p->on_cpu_ns += ns;
		p->busiest_ns = ns > p->busiest_ns ? ns : p->busiest_ns;
		p->least_ns = ns < p->least_ns ? ns : p->least_ns;
	}
	for (uint32_t i = 0; i < cnt; i++) {
		struct cpt_loop_pool *p = &loops->pools[i];

		if (p->loops < 2)
			continue;
		if (p->on_cpu_ns)
			p->imbalance = (double)p->busiest_ns * p->loops / (double)p->on_cpu_ns;
		loops->pools[kept++] = *p;
	}
	loops->pools_cnt = kept;
	return 0;
}

/* ---- offload ----------------------------------------------------------------------------------------- */

static bool is_loop(const struct cpt_loops *loops, uint32_t id)
{
	uint32_t low = 0, high = loops->cnt;

	while (low < high) {
		const uint32_t mid = low + (high - low) / 2;

		if (loops->tab[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < loops->cnt && loops->tab[low].id == id;
}

static bool waited_for_work(enum cpt_reason reason)
{
	return reason == CPT_REASON_QUEUE || reason == CPT_REASON_CONDVAR ||
	       reason == CPT_REASON_PEER;
}

#define SEEN_WORKER  0x1
#define SEEN_ANSWERS 0x2

static void add_worker(struct cpt_offload *o, const struct cpt_thread *t, uint8_t *seen)
{
	if (!*seen) {
		o->workers++;
		o->workers_on_cpu_ns += t->running_ns;
	}
}

/* One edge, from or to the loop's thread; other: the thread at its far end. */
static void take_edge(struct cpt_report *r, struct cpt_offload *o, const struct cpt_wake_edge *e,
		      uint32_t other, uint8_t *seen, uint64_t *most)
{
	const bool from_loop = e->waker == o->id;
	const struct cpt_thread *t = &r->threads_tab[other];

	if (is_loop(&r->loops, t->id)) {
		if (from_loop && e->reason == CPT_REASON_EVENT_LOOP)
			o->to_loops += e->cnt;
	} else if (from_loop && waited_for_work(e->reason)) {
		o->handed += e->cnt;
		add_worker(o, t, &seen[other]);
		seen[other] |= SEEN_WORKER;
		if (e->cnt > *most) {
			*most = e->cnt;
			o->example = t->id;
		}
	} else if (!from_loop && e->reason == CPT_REASON_EVENT_LOOP) {
		o->returned += e->cnt;
		add_worker(o, t, &seen[other]);
		o->answering += !(seen[other] & SEEN_ANSWERS);
		seen[other] |= SEEN_ANSWERS;
	}
}

static struct cpt_offload offload_of(struct cpt_report *r, uint32_t id, uint8_t *seen)
{
	const uint32_t self = find_thread(r, id);
	struct cpt_offload o = {.id = id};
	uint64_t most = 0;

	memset(seen, 0, r->threads_cnt);
	for (uint32_t i = 0; i < r->wake_edges_cnt && self < r->threads_cnt; i++) {
		const struct cpt_wake_edge *e = &r->wake_edges[i];
		uint32_t other;

		if (e->by != CPT_WAKER_TASK || (e->waker != id && e->wakee != id))
			continue;
		other = find_thread(r, e->waker == id ? e->wakee : e->waker);
		if (other < r->threads_cnt && other != self &&
		    r->threads_tab[other].pid == r->threads_tab[self].pid)
			take_edge(r, &o, e, other, seen, &most);
	}
	return o;
}

static int find_offloads(struct cpt_report *r)
{
	struct cpt_loops *loops = &r->loops;
	uint8_t *seen = malloc(r->threads_cnt ? r->threads_cnt : 1);

	loops->offloads = calloc(loops->cnt ? loops->cnt : 1, sizeof(*loops->offloads));
	if (!seen || !loops->offloads) {
		free(seen);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < loops->cnt; i++) {
		struct cpt_offload o;

		if (i && loops->tab[i].id == loops->tab[i - 1].id)
			continue;
		o = offload_of(r, loops->tab[i].id, seen);
		/* Workers that never answer are handed something else than a loop's work. */
		if ((o.handed && o.returned) || o.to_loops)
			loops->offloads[loops->offloads_cnt++] = o;
	}
	free(seen);
	return 0;
}

int loop_groups__find(struct cpt_report *r)
{
	int err = find_pools(r);

	return err ? err : find_offloads(r);
}
