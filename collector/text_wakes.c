// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * text_wakes.c - see text_wakes.h.
 *
 * Edges of threads of the same names are one row: which of twelve workers woke which other one is
 * for the table `wakes` of export to tell. So are descriptors of the same kind: their number is told where
 * it is one and the same.
 */
#include "text_wakes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "draw.h"
#include "format.h"
#include "text_locks.h"

/* Rows that ended less of all waiting than this say nothing. */
#define WORTH_A_ROW  0.02
#define ROWS_MAX     8
#define NAME_COLUMNS 26 /* of a lock, beside the rest in 80 */

static const char *name_of(const struct cpt_report *r, uint32_t id)
{
	const struct cpt_thread *t = report__thread(r, id);

	return t ? t->name : CPT_NAME_OTHER;
}

static bool is_alike(const struct cpt_report *r, const struct cpt_wake_edge *a,
		     const struct cpt_wake_edge *b)
{
	return a->by == b->by && a->reason == b->reason && a->lock == b->lock &&
	       a->fd_kind == b->fd_kind &&
	       (a->by != CPT_WAKER_TASK || !strcmp(name_of(r, a->waker), name_of(r, b->waker))) &&
	       !strcmp(name_of(r, a->wakee), name_of(r, b->wakee));
}

static uint32_t pid_of(const struct cpt_report *r, uint32_t id)
{
	const struct cpt_thread *t = report__thread(r, id);

	return t ? t->pid : 0;
}

/* Folds the edges into rows, at most max; what is in none is small, for edges come longest first. */
static uint32_t fold(const struct cpt_report *r, struct cpt_wake_edge *rows, uint32_t max)
{
	uint32_t cnt = 0, at;

	for (uint32_t i = 0; i < r->wake_edges_cnt; i++) {
		const struct cpt_wake_edge *e = &r->wake_edges[i];

		for (at = 0; at < cnt && !is_alike(r, &rows[at], e); at++)
			;
		if (at == max)
			continue;
		if (at == cnt) {
			rows[cnt++] = *e;
			continue;
		}
		if (rows[at].fd != e->fd || pid_of(r, rows[at].wakee) != pid_of(r, e->wakee))
			rows[at].fd = -1;
		rows[at].cnt += e->cnt;
		rows[at].waited_ns += e->waited_ns;
	}
	return cnt;
}

static int longest_first(const void *pa, const void *pb)
{
	const struct cpt_wake_edge *a = pa, *b = pb;

	return (a->waited_ns < b->waited_ns) - (a->waited_ns > b->waited_ns);
}

static void add_through(struct draw_table *t, const struct cpt_report *r,
			const struct cpt_wake_edge *e)
{
	const char *kind = fd_kind_name(e->fd_kind);
	struct strbuf text = {0};

	if (e->lock) {
		add_lock_short_name(&text, &r->locks[e->lock - 1], NAME_COLUMNS, t->style->utf8);
	} else {
		strbuf__adds(&text,
			     e->reason < CPT_REASON_CNT ? reason_name(e->reason) : "not known");
		if (kind)
			strbuf__addf(&text, ": %s", kind);
		if (kind && e->fd >= 0)
			strbuf__addf(&text, " %" PRId32, e->fd);
	}
	if (text.failed)
		t->cells.failed = true;
	draw_table__cell(t, strbuf__str(&text));
	strbuf__free(&text);
}

static void add_row(struct draw_table *t, const struct cpt_report *r, const struct cpt_wake_edge *e)
{
	char n[FMT_SZ];

	if (e->by == CPT_WAKER_TASK)
		draw_table__name(t, name_of(r, e->waker));
	else
		draw_table__cell(t, waker_name(e->by));
	draw_table__name(t, name_of(r, e->wakee));
	draw_table__duration(t, e->waited_ns);
	draw_table__cell(t, fmt_count(n, e->cnt));
	add_through(t, r, e);
}

void add_wakes(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts)
{
	struct draw_table t = {.style = &opts->style, .cols = 5, .indent = 3};
	/* As many as there may be of a few names each; the longest edges come first. */
	struct cpt_wake_edge rows[64];
	uint32_t cnt = fold(r, rows, sizeof(rows) / sizeof(rows[0])), shown = 0;
	uint64_t all = 0;

	for (uint32_t i = 0; i < r->wake_edges_cnt; i++)
		all += r->wake_edges[i].waited_ns;
	if (!all)
		return;
	qsort(rows, cnt, sizeof(*rows), longest_first);
	draw_title(b, &opts->style, "Who ended whose waits", "  (by name, longest first)");
	t.right[2] = t.right[3] = true;
	draw_table__cell(&t, "waker");
	draw_table__cell(&t, "woken");
	draw_table__cell(&t, "had waited");
	draw_table__cell(&t, "times");
	draw_table__cell(&t, "for");
	while (shown < cnt && shown < ROWS_MAX &&
	       (double)rows[shown].waited_ns >= WORTH_A_ROW * (double)all)
		add_row(&t, r, &rows[shown++]);
	draw_table__add(&t, b, 0);
}
