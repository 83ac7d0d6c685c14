/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * event_list.h - events copied with all they point to, so that they outlive the batch they came in.
 */
#ifndef EVENT_LIST_H
#define EVENT_LIST_H

#include "../../analysis/merge.h"

struct event_list {
	struct cpt_event *ev;
	size_t cnt, cap;
	void **owned; /* copies that ev point to */
	size_t owned_cnt, owned_cap;
};

/* Aborts without memory. */
void event_list__add(struct event_list *l, const struct cpt_event *ev, size_t cnt);
void event_list__clear(struct event_list *l);

/* All events of the trace in fd, appended. 0, or -errno when it does not open or a read fails.
 * They are read twice more, with blocks decoded ahead; -EILSEQ if they differ then.
 * incomplete (NULL allowed): CPT_TRACE_ERR_LEN bytes, "" when the trace is whole, else why not. */
int event_list__read(struct event_list *l, int fd, char *incomplete);

/* A sink whose events go to l; late facts go to late (ctx: struct event_sink). */
struct event_sink {
	struct event_list events;
	struct cpt_late *late;
	size_t late_cnt, late_cap;
};

struct cpt_merge_sink event_sink(struct event_sink *s);
void event_sink__clear(struct event_sink *s);

#endif /* EVENT_LIST_H */
