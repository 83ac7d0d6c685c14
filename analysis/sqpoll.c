// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sqpoll.c - see sqpoll.h. */
#include "sqpoll.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The kernel names them so, with the process behind it. */
#define SQPOLL_NAME "iou-sqp-"

struct task_sqpoll {
	struct task_sqpoll *next; /* of all */
	struct cpt_sqpoll row;
	bool running;	   /* and counted */
	bool heard;	   /* some ring's records name it: others would, too */
	uint32_t instance; /* the ring it acted on last */
	uint64_t on_since_ns;
	uint64_t quiet_since_ns;
};

struct sqpolls {
	const struct loops *loops;
	struct task_sqpoll *all;
	uint32_t cnt;
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

bool sqpolls__spins(const struct sqpolls *s, const struct task *t, uint64_t now_ns)
{
	const struct task_sqpoll *p = t->sqpoll;

	return p->running && p->heard && now_ns - p->quiet_since_ns > CPT_SQPOLL_QUIET_NS &&
	       !loops__ring_at_work(s->loops, p->instance);
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

void sqpolls__acted(const struct sqpolls *s, struct task *t, uint32_t instance, uint64_t now_ns)
{
	struct task_sqpoll *p = t->sqpoll;

	end_quiet(s, t, now_ns);
	p->heard = true;
	p->instance = instance;
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
