// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * merge_sort.c - see merge_priv.h: sorted runs are found, made and merged.
 */
#include "merge_priv.h"

#define MIN_RUN_CNT 16

static inline bool key_after(const struct key *a, const struct key *b)
{
	return a->ts_ns != b->ts_ns ? a->ts_ns > b->ts_ns : a->ord > b->ord;
}

/* Stable merge of two sorted runs; a's keys come first among equals. */
static void merge_runs(struct key *out, const struct key *a, size_t a_cnt, const struct key *b,
		       size_t b_cnt)
{
	const struct key *a_end = a + a_cnt, *b_end = b + b_cnt;

	if (a_cnt && b_cnt && !key_after(a_end - 1, b)) {
		memcpy(out, a, a_cnt * sizeof(*a));
		out += a_cnt;
		a = a_end;
	}
	while (a < a_end && b < b_end) {
		const bool take_b = key_after(a, b);

		*out++ = *(take_b ? b : a);
		b += take_b;
		a += !take_b;
	}
	if (a < a_end)
		memcpy(out, a, (size_t)(a_end - a) * sizeof(*a));
	else if (b < b_end)
		memcpy(out, b, (size_t)(b_end - b) * sizeof(*b));
}

/* Length of the sorted run at `at`; one that is shorter than MIN_RUN_CNT is made longer. */
static size_t next_run(struct key *at, size_t cnt)
{
	size_t len = 1;

	while (len < cnt && !key_after(&at[len - 1], &at[len]))
		len++;
	for (; len < cnt && len < MIN_RUN_CNT; len++) {
		const struct key key = at[len];
		size_t pos = len;

		for (; pos && key_after(&at[pos - 1], &key); pos--)
			at[pos] = at[pos - 1];
		at[pos] = key;
	}
	return len;
}

/* Merges neighbouring runs of `from` into `to`; runs[] holds run ends, *cnt of them. */
static void merge_pass(struct key *to, const struct key *from, size_t *runs, size_t *cnt)
{
	size_t start = 0, out = 0;

	for (size_t i = 0; i < *cnt; i += 2) {
		const size_t mid = runs[i], end = i + 1 < *cnt ? runs[i + 1] : mid;

		merge_runs(to + start, from + start, mid - start, from + mid, end - mid);
		runs[out++] = end;
		start = end;
	}
	*cnt = out;
}

/* Sorts k by the runs it consists of, stable. */
static int sort_keys(struct cpt_merge *m, struct keys *k)
{
	const size_t most = k->cnt / MIN_RUN_CNT + 1;
	size_t run_cnt = 0;
	struct keys other;

	if (most > m->run_cap) {
		size_t *runs = realloc(m->runs, most * 2 * sizeof(*runs));

		if (!runs)
			return -ENOMEM;
		m->runs = runs;
		m->run_cap = most * 2;
	}
	m->swap.cnt = 0;
	if (keys_reserve(&m->swap, k->cnt))
		return -ENOMEM;
	for (size_t pos = 0; pos < k->cnt; m->runs[run_cnt++] = pos)
		pos += next_run(k->at + pos, k->cnt - pos);
	while (run_cnt > 1) {
		merge_pass(m->swap.at, k->at, m->runs, &run_cnt);
		m->swap.cnt = k->cnt;
		other = *k;
		*k = m->swap;
		m->swap = other;
	}
	return 0;
}

static int append_keys(struct keys *to, struct keys *from)
{
	if (keys_reserve(to, from->cnt))
		return -ENOMEM;
	if (from->cnt)
		memcpy(to->at + to->cnt, from->at, from->cnt * sizeof(*from->at));
	to->cnt += from->cnt;
	from->cnt = 0;
	return 0;
}

/* Into the task's list; from its end, since this is called in order of time. */
static void list_add(struct cpt_merge *m, uint32_t task, int way, uint32_t slot)
{
	struct list *l = &m->tasks[task].list[way];
	struct link *link = &m->sides[slot].link[way];
	uint32_t prev = l->tail;

	while (prev && m->sides[prev].ts_ns > m->sides[slot].ts_ns)
		prev = m->sides[prev].link[way].prev;
	link->prev = prev;
	link->next = prev ? m->sides[prev].link[way].next : l->head;
	if (link->next)
		m->sides[link->next].link[way].prev = slot;
	else
		l->tail = slot;
	if (prev)
		m->sides[prev].link[way].next = slot;
	else
		l->head = slot;
}

static void list_fresh(struct cpt_merge *m, const struct keys *fresh)
{
	for (size_t i = 0; i < fresh->cnt; i++) {
		const uint32_t slot = fresh->at[i].slot;
		const struct cpt_rec_switch *sw = &m->slots[slot].sw;

		if (i + AHEAD < fresh->cnt)
			fetch_slot(m, fresh->at[i + AHEAD].slot);
		if (fresh->at[i].ord >> 30 != KIND_RING || m->sides[slot].kind != SLOT_SWITCH)
			continue;
		if (sw->prev)
			list_add(m, sw->prev, WAY_OUT, slot);
		if (sw->next)
			list_add(m, sw->next, WAY_IN, slot);
	}
}

/* Sorted keys into the pending ones, from the end: only what is later than the first of them moves, as a
 * few wake-ups do. Pending keys come first among equals. */
static int insert_pending(struct cpt_merge *m, const struct keys *fresh)
{
	struct keys *p = &m->pending;
	size_t at, left = fresh->cnt, out;

	if (!fresh->cnt)
		return 0;
	if (m->pending_at >= p->cnt / 4) { /* moves three times what was taken out at most */
		p->cnt -= m->pending_at;
		if (p->cnt)
			memmove(p->at, p->at + m->pending_at, p->cnt * sizeof(*p->at));
		m->pending_at = 0;
	}
	if (keys_reserve(p, fresh->cnt))
		return -ENOMEM;
	at = p->cnt;
	out = p->cnt += fresh->cnt;
	while (left && at > m->pending_at && key_after(&p->at[at - 1], &fresh->at[0])) {
		if (key_after(&p->at[at - 1], &fresh->at[left - 1]))
			p->at[--out] = p->at[--at];
		else
			p->at[--out] = fresh->at[--left];
	}
	memcpy(p->at + out - left, fresh->at, left * sizeof(*p->at));
	return 0;
}

int merge_sort__settle(struct cpt_merge *m)
{
	m->scratch.cnt = 0;
	if (append_keys(&m->scratch, &m->fresh_life) || append_keys(&m->scratch, &m->fresh_ring) ||
	    append_keys(&m->scratch, &m->fresh_wake) || sort_keys(m, &m->scratch))
		return -ENOMEM;
	if (!m->scratch.cnt)
		return 0;
	list_fresh(m, &m->scratch);
	return insert_pending(m, &m->scratch);
}
