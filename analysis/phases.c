// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* phases.c - see phases.h. */
#include "phases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Twice as many places as names: a search ends soon. */
#define PLACES (2 * CPT_PHASES_MAX)

struct phases {
	struct cpt_phase *tab;
	uint32_t cnt, cap;
	uint16_t places[PLACES]; /* by hash of its name: index + 1, 0 free */
	char cur_name[CPT_MARK_LEN];
	uint32_t cur;	/* of tab; while open */
	uint32_t first; /* likewise */
	bool open, opened;
	bool any; /* a mark came, within the window or before it */
	uint64_t at_ns;
	struct timeline_sums at;
	struct cpt_mark *marks;
	uint32_t marks_cnt, marks_cap;
	uint64_t marks_more;
};

struct phases *phases__new(void)
{
	struct phases *p = calloc(1, sizeof(*p));

	if (p)
		strcpy(p->cur_name, CPT_PHASE_START);
	return p;
}

void phases__free(struct phases *p)
{
	if (!p)
		return;
	free(p->tab);
	free(p->marks);
	free(p);
}

void cpt_phases__free(struct cpt_phases *p)
{
	free(p->tab);
	free(p->marks);
}

const char *phases__name(const struct cpt_event *mark)
{
	return mark->flags & CPT_MARK_UNREADABLE ? CPT_PHASE_NO_NAME : mark->mark;
}

static uint32_t hash(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h;
}

/* Its place, or the free one where it belongs. */
static uint16_t *find(struct phases *p, const char *name)
{
	uint32_t i = hash(name) % PLACES;

	while (p->places[i] && strcmp(p->tab[p->places[i] - 1].name, name) != 0)
		i = (i + 1) % PLACES;
	return &p->places[i];
}

/* Index of the phase of that name; -ENOMEM. */
static int64_t phase_of(struct phases *p, const char *name, uint64_t now_ns)
{
	uint16_t *place = find(p, name);

	if (*place)
		return *place - 1;
	if (p->cnt >= CPT_PHASES_MAX - 1 && strcmp(name, CPT_PHASE_REST) != 0)
		return phase_of(p, CPT_PHASE_REST, now_ns);
	if (p->cnt == p->cap) {
		const uint32_t cap = p->cap ? 2 * p->cap : 16;
		struct cpt_phase *tab = realloc(p->tab, cap * sizeof(*tab));

		if (!tab)
			return -ENOMEM;
		p->tab = tab;
		p->cap = cap;
	}
	p->tab[p->cnt] = (struct cpt_phase){.first_ns = now_ns};
	strcpy(p->tab[p->cnt].name, name);
	*place = (uint16_t)++p->cnt;
	return p->cnt - 1;
}

/* ---- spans ----------------------------------------------------------------------------------- */

static int begin_span(struct phases *p, const struct timeline *tl, uint64_t real_ns)
{
	const int64_t at = phase_of(p, p->cur_name, real_ns);

	if (at < 0)
		return (int)at;
	p->cur = (uint32_t)at;
	p->tab[at].spans++;
	p->at = tl->sums;
	p->at_ns = tl->now_ns;
	return 0;
}

static void end_span(struct phases *p, const struct timeline *tl)
{
	struct cpt_phase *f = &p->tab[p->cur];

	f->span_ns += tl->now_ns - p->at_ns;
	for (int i = 0; i < CPT_SPLIT_CNT; i++)
		f->split_ns[i] += tl->sums.split_ns[i] - p->at.split_ns[i];
	f->running += tl->sums.running - p->at.running;
	f->runnable += tl->sums.runnable - p->at.runnable;
	f->in_progress += tl->sums.in_progress - p->at.in_progress;
	f->in_flight += tl->sums.in_flight - p->at.in_flight;
}

static int list_mark(struct phases *p, const struct timeline *tl, const struct cpt_event *mark,
		     uint64_t real_ns)
{
	if (p->marks_cnt == CPT_MARKS_MAX) {
		p->marks_more++;
		return 0;
	}
	if (p->marks_cnt == p->marks_cap) {
		const uint32_t cap = p->marks_cap ? 2 * p->marks_cap : 64;
		struct cpt_mark *marks = realloc(p->marks, cap * sizeof(*marks));

		if (!marks)
			return -ENOMEM;
		p->marks = marks;
		p->marks_cap = cap;
	}
	p->marks[p->marks_cnt++] = (struct cpt_mark){.at_ns = real_ns,
						     .view_ns = tl->now_ns,
						     .phase = p->cur,
						     .task = mark->task,
						     .tid = mark->other,
						     .flags = mark->flags};
	return 0;
}

int phases__mark(struct phases *p, const struct timeline *tl, const struct cpt_event *mark,
		 uint64_t real_ns)
{
	int err;

	p->any = true;
	if (p->open)
		end_span(p, tl);
	strncpy(p->cur_name, phases__name(mark), CPT_MARK_LEN - 1);
	if (!p->open)
		return 0;
	err = begin_span(p, tl, real_ns);
	return err ? err : list_mark(p, tl, mark, real_ns);
}

int phases__open(struct phases *p, const struct timeline *tl, uint64_t real_ns,
		 const struct cpt_event *mark)
{
	int err = begin_span(p, tl, real_ns);

	if (!err && mark)
		err = list_mark(p, tl, mark, real_ns);
	if (!p->opened)
		p->first = p->cur;
	p->open = p->opened = !err;
	return err;
}

void phases__close(struct phases *p, const struct timeline *tl)
{
	if (p->open)
		end_span(p, tl);
	p->open = false;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void finish(struct cpt_phase *f)
{
	for (int i = 0; i < CPT_SPLIT_CNT; i++)
		f->class_ns[split_class((enum cpt_split)i)] += f->split_ns[i];
	if (f->span_ns) {
		f->parallel_average = (double)f->running / (double)f->span_ns;
		f->concurrent_average = (double)f->in_progress / (double)f->span_ns;
	}
}

void phases__take(struct phases *p, struct cpt_phases *out)
{
	*out = (struct cpt_phases){0};
	if (!p->any)
		return;
	for (uint32_t i = 0; i < p->cnt; i++)
		finish(&p->tab[i]);
	out->tab = p->tab;
	out->cnt = p->cnt;
	out->first = p->first;
	out->marks = p->marks;
	out->marks_cnt = p->marks_cnt;
	out->marks_more = p->marks_more;
	p->tab = NULL;
	p->marks = NULL;
}
