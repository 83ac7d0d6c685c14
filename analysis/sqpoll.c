// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sqpoll.c - see sqpoll.h. */
#include "sqpoll.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The kernel names them so, with the process behind it. */
#define SQPOLL_NAME "iou-sqp-"

/* Rings with operations that it may be at, told apart; with more it is never called spinning. */
#define SQPOLL_RINGS 8

struct task_sqpoll {
	struct task_sqpoll *next; /* of all */
	struct cpt_sqpoll row;
	bool running;	 /* and counted */
	bool heard;	 /* some ring's records name it: others would, too */
	uint32_t losses; /* there had been by then */
	uint32_t rings[SQPOLL_RINGS], rings_cnt; /* that it acted on */
	bool dropped; /* others rested and left their places: a loss can hide what it then began of theirs */
	bool more; /* others found no place */
	uint64_t on_since_ns;
	uint64_t quiet_since_ns;
};

struct sqpolls {
	const struct loops *loops;
	struct task_sqpoll *all;
	uint32_t cnt;
	uint32_t losses; /* of records */
};

struct sqpolls *sqpolls__new(const struct loops *loops)
{
	struct sqpolls *s = calloc(1, sizeof(*s));

	if (s)
		s->loops = loops;
	return s;
}

void sqpolls__free(struct sqpolls *s)
{
	struct task_sqpoll *p, *next;

	if (!s)
		return;
	for (p = s->all; p; p = next) {
		next = p->next;
		free(p);
	}
	free(s);
}

int sqpolls__named(struct sqpolls *s, struct task *t, uint64_t now_ns)
{
	struct task_sqpoll *p;

	if (t->sqpoll || !t->row.io_worker ||
	    strncmp(t->row.name, SQPOLL_NAME, sizeof(SQPOLL_NAME) - 1) != 0)
		return 0;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->row.id = t->row.id;
	p->next = s->all;
	s->all = p;
	s->cnt++;
	t->sqpoll = p;
	t->watched = true;
	sqpolls__update(s, t, now_ns);
	return 0;
}

static bool at_work(const struct sqpolls *s, const struct task_sqpoll *p)
{
	bool any = p->more;

	for (uint32_t i = 0; i < p->rings_cnt && !any; i++)
		any = loops__ring_at_work(s->loops, p->rings[i]);
	return any;
}

bool sqpolls__spins(const struct sqpolls *s, const struct task *t, uint64_t now_ns)
{
	const struct task_sqpoll *p = t->sqpoll;

	if (p->dropped && s->losses)
		return false;
	return p->running && p->heard && p->losses == s->losses &&
	       now_ns - p->quiet_since_ns > CPT_SQPOLL_QUIET_NS && !at_work(s, p);
}

static void end_quiet(const struct sqpolls *s, struct task *t, uint64_t now_ns)
{
	struct task_sqpoll *p = t->sqpoll;

	if (sqpolls__spins(s, t, now_ns))
		p->row.spinning_ns += now_ns - p->quiet_since_ns;
	p->quiet_since_ns = now_ns;
}

void sqpolls__update(const struct sqpolls *s, struct task *t, uint64_t now_ns)
{
	struct task_sqpoll *p = t->sqpoll;
	const bool running = t->live && t->counted && t->state == CPT_STATE_RUNNING;

	if (p->running == running)
		return;
	if (p->running) {
		end_quiet(s, t, now_ns);
		p->row.running_ns += now_ns - p->on_since_ns;
	}
	p->running = running;
	p->on_since_ns = p->quiet_since_ns = now_ns;
}

/* Where all places are taken a ring at rest makes room: a record names it before there is work in it again. */
static void add_ring(const struct sqpolls *s, struct task_sqpoll *p, uint32_t instance)
{
	uint32_t resting = SQPOLL_RINGS;

	for (uint32_t i = 0; i < p->rings_cnt; i++) {
		if (p->rings[i] == instance)
			return;
		if (!loops__ring_at_work(s->loops, p->rings[i]))
			resting = i;
	}
	if (p->rings_cnt < SQPOLL_RINGS) {
		p->rings[p->rings_cnt++] = instance;
	} else if (resting < SQPOLL_RINGS) {
		p->rings[resting] = instance;
		p->dropped = true;
	} else {
		p->more = true;
	}
}

void sqpolls__lost(struct sqpolls *s)
{
	s->losses++;
}

void sqpolls__acted(const struct sqpolls *s, struct task *t, uint32_t instance, uint64_t now_ns)
{
	struct task_sqpoll *p = t->sqpoll;

	end_quiet(s, t, now_ns);
	p->heard = true;
	p->losses = s->losses;
	add_ring(s, p, instance);
}

static int compare_rows(const void *a, const void *b)
{
	const struct cpt_sqpoll *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

int sqpolls__take(const struct sqpolls *s, struct cpt_sqpoll **rows, uint32_t *cnt)
{
	uint32_t n = 0;

	*cnt = 0;
	*rows = NULL;
	if (!s->cnt)
		return 0;
	*rows = calloc(s->cnt, sizeof(**rows));
	if (!*rows)
		return -ENOMEM;
	for (const struct task_sqpoll *p = s->all; p; p = p->next)
		if (p->row.running_ns)
			(*rows)[n++] = p->row;
	qsort(*rows, n, sizeof(**rows), compare_rows);
	*cnt = n;
	return 0;
}
