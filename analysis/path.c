// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * path.c - see path.h.
 *
 * Invariant of the tree: a node but the root has two or more kids, or one that is a task. So a task
 * whose node has no other kid adds to that node in place, and all others make a new one.
 */
#include "path.h"
#include "grid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timeline.h"

int path__init(struct path *p, const struct timeline *tl)
{
	memset(p, 0, sizeof(*p));
	p->tl = tl;
	p->node_cap = 16;
	p->node_cnt = PATH_ROOT + 1;
	p->nodes = calloc(p->node_cap, sizeof(*p->nodes));
	if (!p->nodes)
		return -ENOMEM;
	p->nodes[PATH_ROOT].refs = 1; /* its own, for good */
	return 0;
}

void path__fini(struct path *p)
{
	for (uint32_t i = 0; i < p->node_cnt && p->nodes; i++)
		chain_sum__free(&p->nodes[i].sum);
	free(p->nodes);
	chain_sum__free(&p->sum);
	memset(p, 0, sizeof(*p));
}

/* ---- the tree ---------------------------------------------------------------------------------- */

/* 0 without memory, which p->err keeps. */
static uint32_t get_node(struct path *p)
{
	uint32_t n = p->node_free;

	if (n) {
		p->node_free = p->nodes[n].parent;
		return n;
	}
	if (p->node_cnt == p->node_cap) {
		struct path_node *nodes = realloc(p->nodes, 2 * p->node_cap * sizeof(*nodes));

		if (!nodes) {
			p->err = -ENOMEM;
			return 0;
		}
		memset(nodes + p->node_cap, 0, p->node_cap * sizeof(*nodes));
		p->nodes = nodes;
		p->node_cap *= 2;
	}
	return p->node_cnt++;
}

static void put_node(struct path *p, uint32_t n)
{
	struct path_node *node = &p->nodes[n];

	if (node->sum.sz)
		chain_sum__clear(&node->sum);
	node->key = 0;
	memset(node->ns, 0, sizeof(node->ns));
	node->parent = p->node_free;
	p->node_free = n;
}

static void attach(struct path *p, struct task *t, uint32_t n)
{
	p->nodes[n].refs++;
	p->nodes[n].kids ^= t->path.id;
	t->path.node = n;
}

static uint32_t group_of(void *ctx, uint32_t id)
{
	const struct path *p = ctx;
	const struct task *t = tasks__find(p->tl->tasks, id);

	return t && t->group < GROUP_MAX ? t->group : GROUP_MAX;
}

static void fold(struct path *p, struct chain_sum *sum)
{
	if (chain_sum__fold(sum, group_of, p))
		p->err = -ENOMEM;
}

/* The sums of that key in a node. NULL without memory, which p->err keeps. */
static inline uint64_t *node_sums(struct path *p, struct path_node *node, uint32_t key)
{
	struct chain_item *item;

	if (node->key == key)
		return node->ns;
	if (!node->key) {
		node->key = key;
		return node->ns;
	}
	item = chain_sum__at(&node->sum, key);
	if (!item) {
		p->err = -ENOMEM;
		return NULL;
	}
	return item->ns;
}

/* The node's only kid is a node: that one takes over what stands in it. */
static void splice(struct path *p, uint32_t n)
{
	struct path_node *node = &p->nodes[n];
	const uint32_t q = node->kids & ~PATH_IS_NODE;
	struct path_node *kid = &p->nodes[q];
	uint64_t *ns;

	if (node->sum.used > kid->sum.used) {
		struct chain_sum larger = node->sum;

		node->sum = kid->sum;
		kid->sum = larger;
	}
	if (node->sum.used && chain_sum__add(&kid->sum, &node->sum))
		p->err = -ENOMEM;
	if (node->key) {
		ns = node_sums(p, kid, node->key);
		for (int k = 0; ns && k < CHAIN_SUMS; k++)
			ns[k] += node->ns[k];
	}
	if (kid->sum.threads > CHAIN_THREADS_MAX)
		fold(p, &kid->sum);
	kid->parent = node->parent;
	p->nodes[kid->parent].kids ^= n ^ q;
	put_node(p, n);
}

/* The node has lost a kid, and is left with one node or with none. */
static void tidy(struct path *p, uint32_t n)
{
	while (!p->nodes[n].refs) {
		const uint32_t parent = p->nodes[n].parent;

		put_node(p, n);
		p->nodes[parent].kids ^= n | PATH_IS_NODE;
		p->nodes[parent].refs--;
		n = parent;
	}
	if (p->nodes[n].refs == 1 && n != PATH_ROOT && p->nodes[n].kids & PATH_IS_NODE)
		splice(p, n);
}

/* Its chain is no longer anybody's in particular. */
static inline void detach(struct path *p, struct task *t)
{
	struct path_node *node = &p->nodes[t->path.node];

	node->kids ^= t->path.id;
	node->refs--;
	if (node->refs < 2)
		tidy(p, t->path.node);
	t->path.node = 0;
}

/* A node of the task's own, below the one it hung on. 0 without memory. */
static uint32_t new_node(struct path *p, struct task *t)
{
	const uint32_t parent = t->path.node, n = get_node(p);

	if (!n)
		return 0;
	p->nodes[n].parent = parent;
	p->nodes[n].refs = 1;
	p->nodes[n].kids = t->path.id;
	p->nodes[parent].kids ^= t->path.id ^ (n | PATH_IS_NODE);
	t->path.node = n;
	return n;
}

/* The node the task's own part goes to: the one it hangs on, if nobody else does; else a new one. 0
 * without memory. */
static inline uint32_t own_node(struct path *p, struct task *t)
{
	const uint32_t parent = t->path.node;

	return parent != PATH_ROOT && p->nodes[parent].refs == 1 ? parent : new_node(p, t);
}

/* ---- a task's own part --------------------------------------------------------------------------- */

/* From now on the task's own part is empty. */
static inline void restart(const struct path *p, struct task *t)
{
	struct task_path *tp = &t->path;

	tp->running_ns = t->row.running_ns;
	tp->parallel_ns = t->row.parallel_ns;
	tp->runnable_ns = t->row.runnable_ns;
	tp->unknown_ns = t->row.unknown_ns;
	tp->booked_ns = p->tl->now_ns - t->row.running_ns - t->row.runnable_ns - t->row.unknown_ns;
	tp->own_ns = 0;
}

/* Sums of the task's own part for a key with one sum. */
static __attribute__((noinline)) void add_own(struct path *p, struct task *t, uint32_t what,
					      uint64_t ns)
{
	const uint32_t n = own_node(p, t);
	uint64_t *sums = n ? node_sums(p, &p->nodes[n], chain_key(t->path.id, what)) : NULL;

	if (sums)
		sums[0] += ns;
}

/* A wait of the task's own, or its absence, is over and stays in its chain. */
static void book(struct path *p, struct task *t, uint32_t what, uint64_t ns)
{
	struct task_path *tp = &t->path;

	if (tp->own_ns && tp->own_what != what) {
		add_own(p, t, tp->own_what, tp->own_ns);
		tp->own_ns = 0;
	}
	tp->own_what = (uint8_t)what;
	tp->own_ns += ns;
	tp->booked_ns += ns;
}

void path__keep_wait(struct path *p, struct task *t)
{
	book(p, t, t->path.what,
	     p->tl->now_ns - t->path.booked_ns - t->row.running_ns - t->row.runnable_ns -
		     t->row.unknown_ns);
}

/* On-CPU time so far, the present stretch included. */
static inline uint64_t running_so_far(const struct path *p, const struct task *t)
{
	return t->row.running_ns +
	       (t->state == CPT_STATE_RUNNING && t->counted ? p->tl->now_ns - t->since_ns : 0);
}

/* The task's own part goes into the tree. What there is of its present stretch then counts as past: the
 * sums it starts anew from hold it already, and when the stretch ends the whole of it is added to the row,
 * so the difference comes out right. running: running_so_far(). */
static inline void settle_at(struct path *p, struct task *t, uint64_t running)
{
	struct task_path *tp = &t->path;
	uint64_t parallel = t->row.parallel_ns, runnable = t->row.runnable_ns;
	uint64_t unknown = t->row.unknown_ns;
	uint64_t *sums;
	uint32_t n;

	if (t->counted) {
		const uint64_t span = p->tl->now_ns - t->since_ns;

		if (t->state == CPT_STATE_RUNNING)
			parallel += p->tl->run_parallel_ns - t->at_parallel_ns;
		else if (t->state == CPT_STATE_RUNNABLE)
			runnable += span;
		else if (t->state == CPT_STATE_UNKNOWN)
			unknown += span;
		else
			path__keep_wait(p, t);
	}
	if (running != tp->running_ns || runnable != tp->runnable_ns) {
		n = own_node(p, t);
		sums = n ? node_sums(p, &p->nodes[n], chain_key(tp->id, CHAIN_CPU)) : NULL;
		if (!sums)
			return;
		sums[CHAIN_SERIAL] += running - tp->running_ns - (parallel - tp->parallel_ns);
		sums[CHAIN_PARALLEL] += parallel - tp->parallel_ns;
		sums[CHAIN_RUNNABLE] += runnable - tp->runnable_ns;
		tp->running_ns = running;
		tp->parallel_ns = parallel;
		tp->runnable_ns = runnable;
		if (p->nodes[n].sum.threads > CHAIN_THREADS_MAX)
			fold(p, &p->nodes[n].sum);
	}
	if (unknown != tp->unknown_ns) {
		add_own(p, t, CHAIN_UNKNOWN, unknown - tp->unknown_ns);
		tp->unknown_ns = unknown;
	}
	if (tp->own_ns) {
		add_own(p, t, tp->own_what, tp->own_ns);
		tp->own_ns = 0;
	}
}

static void settle(struct path *p, struct task *t)
{
	settle_at(p, t, running_so_far(p, t));
}

/* ---- what happens to a task ---------------------------------------------------------------------- */

void path__enter(struct path *p, struct task *t)
{
	uint64_t gone_since = t->row.end_ns;

	if (p->ended == t->path.id)
		p->ended = 0; /* a damaged trace: it had not ended */
	if (!t->path.node) {
		attach(p, t, PATH_ROOT);
		restart(p, t);
		t->path.booked_ns -= p->tl->now_ns - p->tl->start_ns;
		gone_since = p->tl->start_ns;
	}
	if (p->tl->now_ns > gone_since)
		book(p, t, CHAIN_ABSENT, p->tl->now_ns - gone_since);
}

void path__leave(struct path *p, struct task *t)
{
	const uint64_t span = t->path.ahead_ns + running_so_far(p, t);

	if (span > p->span_ns)
		p->span_ns = span;
	if (t->state == CPT_STATE_WAITING || t->state == CPT_STATE_PARKED)
		path__keep_wait(p, t);
}

/* ran: running_so_far() of t; span: of whom it waited for. */
static inline void order(struct task *t, uint64_t ran, uint64_t span)
{
	if (span > t->path.ahead_ns + ran)
		t->path.ahead_ns = span - ran;
}

void path__order(struct path *p, struct task *t, const struct task *waker)
{
	order(t, running_so_far(p, t), waker->path.ahead_ns + running_so_far(p, waker));
}

uint64_t path__span(const struct path *p, const struct task *t)
{
	return t->path.ahead_ns + running_so_far(p, t);
}

void path__behind(const struct path *p, struct task *t, uint64_t span_ns)
{
	order(t, running_so_far(p, t), span_ns);
}

void path__follow(struct path *p, struct task *t, struct task *waker, bool barrier)
{
	const uint64_t ran = t->row.running_ns, waker_ran = running_so_far(p, waker);
	const uint32_t n = t->path.node;

	if (p->tl->grid)
		grid__follow(p->tl->grid, t->path.id, waker->path.id);
	if (p->tl->opts->on_follow && !p->err)
		p->err = p->tl->opts->on_follow(p->tl->opts->ctx, p->tl->now_ns, t->path.id,
						waker->path.id);
	if (barrier)
		order(waker, waker_ran, t->path.ahead_ns + ran);
	order(t, ran, waker->path.ahead_ns + waker_ran);
	if (n == waker->path.node && p->nodes[n].refs == 2 && n != PATH_ROOT) {
		p->nodes[n].refs = 1; /* as below, for two that take turns */
		settle_at(p, waker, waker_ran);
		p->nodes[n].refs = 2;
	} else {
		detach(p, t);
		settle_at(p, waker, waker_ran);
		attach(p, t, waker->path.node);
	}
	restart(p, t);
}

void path__end(struct path *p, struct task *t)
{
	settle(p, t);
	if (p->ended && p->ended != t->path.id)
		detach(p, tasks__find(p->tl->tasks, p->ended));
	p->ended = t->path.id;
}

/* ---- the end ------------------------------------------------------------------------------------- */

static struct task *choose_live(const struct path *p, const struct tasks *tasks)
{
	struct task *best = NULL;

	for (uint32_t id = 1; id < tasks->end; id++) {
		struct task *t = tasks__find(tasks, id);

		if (!t || !t->counted || !timeline__saw(p->tl, t))
			continue;
		if (t->state == CPT_STATE_RUNNING)
			return t;
		if (!best || t->since_ns > best->since_ns)
			best = t;
	}
	return best;
}

/* Of those that are gone and have a chain, the one that left last. */
static struct task *choose_gone(const struct tasks *tasks)
{
	struct task *best = NULL;

	for (uint32_t id = 1; id < tasks->end; id++) {
		struct task *t = tasks__find(tasks, id);

		if (t && t->path.node && (!best || t->row.end_ns > best->row.end_ns))
			best = t;
	}
	return best;
}

static struct task *choose_end(const struct path *p, const struct tasks *tasks)
{
	struct task *t = p->ended ? tasks__find(tasks, p->ended) : NULL;

	if (t && !t->counted && t->row.end_ns == p->tl->now_ns)
		return t;
	t = choose_live(p, tasks);
	return t ? t : choose_gone(tasks);
}

static void collect(struct path *p, const struct path_node *node)
{
	struct chain_item *item;

	if (chain_sum__add(&p->sum, &node->sum))
		p->err = -ENOMEM;
	if (node->key) {
		item = chain_sum__at(&p->sum, node->key);
		for (int k = 0; item && k < CHAIN_SUMS; k++)
			item->ns[k] += node->ns[k];
		if (!item)
			p->err = -ENOMEM;
	}
	fold(p, &p->sum);
}

void path__pause(struct path *p, const struct tasks *tasks)
{
	const struct task *t = choose_end(p, tasks);

	p->paused = t ? t->path.id : 0;
}

void path__resume(struct path *p)
{
	p->paused = 0;
}

void path__close(struct path *p, const struct tasks *tasks)
{
	struct task *t = p->paused ? tasks__find(tasks, p->paused) : choose_end(p, tasks);

	if (!t)
		return;
	if (!t->counted && t->row.end_ns < p->tl->now_ns)
		book(p, t, CHAIN_ABSENT, p->tl->now_ns - t->row.end_ns);
	settle(p, t);
	p->end_id = t->path.id;
	for (uint32_t n = t->path.node; n && !p->err; n = p->nodes[n].parent)
		collect(p, &p->nodes[n]);
}
