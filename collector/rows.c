// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * rows.c - see rows.h.
 *
 * Threads are sorted so that those of one row are neighbours, then summed up in one sweep.
 */
#include "rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* From this many threads or processes whose names differ in a final number at most, they are a pool
 * and one row says more than each of them. */
#define POOL_MIN 5

const char *const cpt_rows_by_words[] = {"auto", "thread", "process", "name", NULL};

#define SORT_KEYS(X)                                                                               \
	X(RUNNING, "running", row->running_ns)                                                     \
	X(RUNNABLE, "runnable", row->runnable_ns)                                                  \
	X(WAITING, "waiting", row->waiting_ns)                                                     \
	X(PARKED, "parked", row->parked_ns)                                                        \
	X(LIFE, "life", row->life_ns)                                                              \
	X(PARALLEL, "parallel", row->parallel_ns)                                                  \
	X(ALONE, "alone", row->alone_ns)                                                           \
	X(BOTTLE, "bottle", (uint64_t)row->bottle_height_ns)                                       \
	X(SWITCHES, "switches", row->switches)                                                     \
	X(MIGRATIONS, "migrations", row->migrations)                                               \
	X(TID, "tid", UINT64_MAX - row->tid)                                                       \
	X(NAME, "name", 0)

#define SORT_ENUM(key, word, value) SORT_##key,
enum { SORT_KEYS(SORT_ENUM) };
#define SORT_WORD(key, word, value) word,
const char *const cpt_sort_words[] = {SORT_KEYS(SORT_WORD) NULL};

struct member {
	const struct cpt_thread *t;
	char key[CPT_COMM_LEN + 1]; /* name as rows show it */
};

static uint64_t sort_value(const struct cpt_row *row, int sort)
{
#define SORT_CASE(key, word, value)                                                                \
	case SORT_##key:                                                                           \
		return value;
	switch (sort) {
		SORT_KEYS(SORT_CASE)
	default:
		return 0;
	}
}

static int by_id(const struct cpt_thread *a, const struct cpt_thread *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

static int cmp_process(const void *pa, const void *pb)
{
	const struct member *a = pa, *b = pb;

	if (a->t->pid != b->t->pid)
		return a->t->pid < b->t->pid ? -1 : 1;
	return by_id(a->t, b->t);
}

static int cmp_name(const void *pa, const void *pb)
{
	const struct member *a = pa, *b = pb;
	int d = strcmp(a->key, b->key);

	return d ? d : by_id(a->t, b->t);
}

void rows__pool_name(char *key, const char *name)
{
	size_t len = strnlen(name, CPT_COMM_LEN - 1), end = len;

	while (end && name[end - 1] >= '0' && name[end - 1] <= '9')
		end--;
	memcpy(key, name, len);
	key[len] = '\0';
	if (end && end < len) {
		key[end] = '*';
		key[end + 1] = '\0';
	}
}

static void add_thread(struct cpt_row *row, const struct cpt_thread *t)
{
	int reason;

	row->threads++;
	row->life_ns += t->life_ns;
	row->running_ns += t->running_ns;
	row->runnable_ns += t->runnable_ns;
	row->unknown_ns += t->unknown_ns;
	for (reason = 0; reason < CPT_REASON_CNT; reason++) {
		row->reason_ns[reason] += t->reason_ns[reason];
		*(reason_is_parked((enum cpt_reason)reason) ? &row->parked_ns : &row->waiting_ns) +=
			t->reason_ns[reason];
	}
	row->parallel_ns += t->parallel_ns;
	row->alone_ns += t->alone_ns;
	row->switches += t->voluntary + t->involuntary;
	row->migrations += t->migrations;
	row->bottle_height_ns += t->bottle_height_ns;
}

static void start_row(struct cpt_row *row, const struct cpt_thread *t, const char *name)
{
	memset(row, 0, sizeof(*row));
	row->id = t->id;
	row->tid = t->tid;
	row->ns_tid = t->ns_tid;
	strcpy(row->name, name);
	add_thread(row, t);
}

static bool same_row(const struct member *a, const struct member *b, enum cpt_rows_by by)
{
	switch (by) {
	case CPT_ROWS_PROCESS:
		return a->t->pid == b->t->pid;
	case CPT_ROWS_NAME:
	case CPT_ROWS_AUTO:
		return !strcmp(a->key, b->key);
	case CPT_ROWS_THREAD:
	default:
		return false;
	}
}

/* Rows of members [from, to) that belong together; returns how many were made. */
static size_t make_rows(struct cpt_row *rows, const struct member *m, size_t cnt,
			enum cpt_rows_by by)
{
	bool same_names = true;
	size_t i;

	if (by == CPT_ROWS_AUTO && cnt < POOL_MIN) {
		for (i = 0; i < cnt; i++)
			start_row(&rows[i], m[i].t, m[i].t->name);
		return cnt;
	}
	for (i = 1; i < cnt; i++)
		same_names &= !strcmp(m[i].t->name, m[0].t->name);
	start_row(rows, m[0].t, same_names || by == CPT_ROWS_PROCESS ? m[0].t->name : m[0].key);
	for (i = 1; i < cnt; i++) {
		add_thread(rows, m[i].t);
		/* A process is called what its main thread is called. */
		if (by == CPT_ROWS_PROCESS && m[i].t->tid == m[i].t->pid) {
			strcpy(rows->name, m[i].t->name);
			rows->ns_tid = m[i].t->ns_tid;
		}
	}
	if (by == CPT_ROWS_PROCESS)
		rows->tid = m[0].t->pid;
	return 1;
}

static int cmp_rows(const void *pa, const void *pb, void *ctx)
{
	const struct cpt_row *a = pa, *b = pb;
	int sort = *(int *)ctx, d;
	uint64_t va = sort_value(a, sort), vb = sort_value(b, sort);

	if (sort == SORT_NAME) {
		d = strcmp(a->name, b->name);
		if (d)
			return d;
	}
	if (va != vb)
		return va > vb ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

struct cpt_row *rows__build(const struct cpt_report *r, enum cpt_rows_by by, int sort, size_t *cnt)
{
	size_t n = r->threads_cnt, from, to;
	struct member *members = calloc(n + 1, sizeof(*members));
	struct cpt_row *rows = calloc(n + 1, sizeof(*rows));

	*cnt = 0;
	if (!members || !rows) {
		free(members);
		free(rows);
		errno = ENOMEM;
		return NULL;
	}
	for (from = 0; from < n; from++) {
		members[from].t = &r->threads_tab[from];
		if (by == CPT_ROWS_AUTO)
			rows__pool_name(members[from].key, r->threads_tab[from].name);
		else
			strcpy(members[from].key, r->threads_tab[from].name);
	}
	if (by != CPT_ROWS_THREAD)
		qsort(members, n, sizeof(*members),
		      by == CPT_ROWS_PROCESS ? cmp_process : cmp_name);
	for (from = 0; from < n; from = to) {
		for (to = from + 1; to < n && same_row(&members[from], &members[to], by); to++)
			;
		*cnt += make_rows(&rows[*cnt], &members[from], to - from, by);
	}
	free(members);
	qsort_r(rows, *cnt, sizeof(*rows), cmp_rows, &sort);
	return rows;
}

enum cpt_reason rows__top_reason(const struct cpt_row *row)
{
	int best = CPT_REASON_CNT, reason;

	for (reason = 0; reason < CPT_REASON_CNT; reason++)
		if (row->reason_ns[reason] &&
		    (best == CPT_REASON_CNT || row->reason_ns[reason] > row->reason_ns[best]))
			best = reason;
	return (enum cpt_reason)best;
}
