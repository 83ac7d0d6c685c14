// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* event_list.c - see event_list.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../analysis/trace_reader.h"
#include "event_list.h"

static void *must(void *p)
{
	if (!p) {
		fputs("event_list: no memory\n", stderr);
		abort();
	}
	return p;
}

static void *copy(struct event_list *l, const void *data, size_t sz)
{
	void *p = must(malloc(sz + 1));

	if (sz)
		memcpy(p, data, sz);
	if (l->owned_cnt == l->owned_cap) {
		l->owned_cap = l->owned_cap ? l->owned_cap * 2 : 256;
		l->owned = must(realloc(l->owned, l->owned_cap * sizeof(*l->owned)));
	}
	l->owned[l->owned_cnt++] = p;
	return p;
}

static const char *copy_text(struct event_list *l, const char *s)
{
	return s ? copy(l, s, strlen(s) + 1) : NULL;
}

static const struct cpt_info *copy_info(struct event_list *l, const struct cpt_info *from)
{
	struct cpt_info *info = copy(l, from, sizeof(*from));

	info->comm = copy_text(l, from->comm);
	info->filename = copy_text(l, from->filename);
	info->args = from->args ? copy(l, from->args, from->args_sz) : NULL;
	if (from->mask.bits)
		info->mask.bits = copy(l, from->mask.bits, 8 * (size_t)from->mask.word_cnt);
	return info;
}

static void add(struct event_list *l, const struct cpt_event *from)
{
	struct cpt_event *ev;

	if (l->cnt == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 256;
		l->ev = must(realloc(l->ev, l->cap * sizeof(*l->ev)));
	}
	ev = &l->ev[l->cnt++];
	*ev = *from;
	switch (ev->type) {
	case CPT_EV_MARK:
		ev->mark = copy_text(l, from->mark);
		break;
	case CPT_EV_SWITCH:
		if (from->wait)
			ev->wait = copy(l, from->wait, sizeof(*from->wait));
		break;
	case CPT_EV_NEW:
	case CPT_EV_EXEC:
	case CPT_EV_RENAME:
	case CPT_EV_EXIT:
	case CPT_EV_AFFINITY:
		ev->info = copy_info(l, from->info);
		break;
	default:
		break;
	}
}

void event_list__add(struct event_list *l, const struct cpt_event *ev, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		add(l, &ev[i]);
}

void event_list__clear(struct event_list *l)
{
	for (size_t i = 0; i < l->owned_cnt; i++)
		free(l->owned[i]);
	free(l->owned);
	free(l->ev);
	memset(l, 0, sizeof(*l));
}

/* The latest and the earliest a block can be decoded beside the one before. */
static void (*late_job)(void *arg);
static void *late_arg;

static void start_late(void *ctx, void (*job)(void *arg), void *arg)
{
	late_job = job;
	late_arg = arg;
}

static void wait_late(void *ctx)
{
	late_job(late_arg);
}

static void start_early(void *ctx, void (*job)(void *arg), void *arg)
{
	job(arg);
}

static void wait_early(void *ctx)
{
}

static bool same_event(const struct cpt_event *a, const struct cpt_event *b)
{
	return a->ts_ns == b->ts_ns && a->type == b->type && a->task == b->task &&
	       a->other == b->other && a->cpu == b->cpu && a->flags == b->flags &&
	       a->end == b->end && a->end_waker == b->end_waker;
}

/* Whoever decodes blocks ahead, the events from `first` on are the same. 0 or -errno. */
static int read_ahead(const struct event_list *l, size_t first, struct trace_reader *r, bool early)
{
	const struct cpt_beside beside = {early ? start_early : start_late,
					  early ? wait_early : wait_late, NULL};
	const struct cpt_event *ev;
	size_t cnt, at = first;
	int ret = trace_reader__beside(r, &beside);

	if (!ret)
		ret = trace_reader__rewind(r);
	while (!ret && (ret = trace_reader__next(r, &ev, &cnt)) > 0) {
		for (size_t i = 0; i < cnt; i++, at++)
			if (at >= l->cnt || !same_event(&ev[i], &l->ev[at]))
				return -EILSEQ;
		ret = 0;
	}
	return !ret && at != l->cnt ? -EILSEQ : ret;
}

int event_list__read(struct event_list *l, int fd, char *incomplete)
{
	size_t first = l->cnt;
	char err[CPT_TRACE_ERR_LEN];
	struct trace_reader *r = trace_reader__open(fd, err);
	const struct cpt_event *ev;
	size_t cnt;
	int ret;

	if (!r)
		return -errno;
	while ((ret = trace_reader__next(r, &ev, &cnt)) > 0)
		event_list__add(l, ev, cnt);
	if (incomplete) {
		const char *why = trace_reader__incomplete(r);

		snprintf(incomplete, CPT_TRACE_ERR_LEN, "%s", why ? why : "");
	}
	for (int early = 0; early < 2 && !ret; early++)
		ret = read_ahead(l, first, r, early);
	trace_reader__free(r);
	return ret;
}

static int take_events(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	struct event_sink *s = ctx;

	event_list__add(&s->events, ev, cnt);
	return 0;
}

static int take_late(void *ctx, const struct cpt_late *late)
{
	struct event_sink *s = ctx;

	if (s->late_cnt == s->late_cap) {
		s->late_cap = s->late_cap ? s->late_cap * 2 : 64;
		s->late = must(realloc(s->late, s->late_cap * sizeof(*s->late)));
	}
	s->late[s->late_cnt++] = *late;
	return 0;
}

struct cpt_merge_sink event_sink(struct event_sink *s)
{
	return (struct cpt_merge_sink){.events = take_events, .late = take_late, .ctx = s};
}

void event_sink__clear(struct event_sink *s)
{
	event_list__clear(&s->events);
	free(s->late);
	memset(s, 0, sizeof(*s));
}
