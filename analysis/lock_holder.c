// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * lock_holder.c - see lock_holder.h.
 */
#include "lock_holder.h"

#include <string.h>

void task_sums__change(struct task_sums *s, uint8_t slot, uint64_t now_ns)
{
	s->ns[s->slot] += now_ns - s->since_ns;
	s->slot = slot;
	s->since_ns = now_ns;
	s->changes++;
}

static uint64_t sum_at(const struct task_sums *s, int slot, uint64_t now_ns)
{
	return s->ns[slot] + (slot == s->slot ? now_ns - s->since_ns : 0);
}

static void look(struct holder_candidate *c, uint64_t now_ns)
{
	for (int i = 0; i < HELD_CNT; i++)
		c->at[i] = sum_at(c->sums, i, now_ns);
	c->changes = c->sums->changes;
}

static void set_candidate(struct holder_candidate *c, const struct task_sums *sums, uint64_t now_ns)
{
	c->sums = sums;
	memset(c->got, 0, sizeof(c->got));
	look(c, now_ns);
}

/* What the candidate did since the last mark, for each of the waiters. */
static void account(struct holder_candidate *c, uint64_t waiters, uint64_t span_ns, uint64_t now_ns)
{
	if (c->changes == c->sums->changes) {
		c->got[c->sums->slot] += waiters * span_ns;
		c->at[c->sums->slot] += span_ns;
		return;
	}
	for (int i = 0; i < HELD_CNT; i++)
		c->got[i] += waiters * (sum_at(c->sums, i, now_ns) - c->at[i]);
	look(c, now_ns);
}

void holder__mark(struct lock_holder *h, uint64_t now_ns)
{
	const uint64_t span_ns = now_ns - h->mark_ns;

	if (!span_ns || !h->waiters) {
		h->mark_ns = now_ns;
		return;
	}
	for (int i = 0; i < h->cand_cnt; i++)
		account(&h->cand[i], h->waiters, span_ns, now_ns);
	h->pending_ns += h->waiters * span_ns;
	h->last_from_ns = h->mark_ns;
	h->last_to_ns = now_ns;
	h->last_waiters = h->waiters;
	h->mark_ns = now_ns;
}

void holder__add_waiter(struct lock_holder *h, uint64_t now_ns)
{
	holder__mark(h, now_ns);
	if (!h->waiters++) {
		/* Nothing was accounted while nobody waited. */
		for (int i = 0; i < h->cand_cnt; i++)
			look(&h->cand[i], now_ns);
		if (!h->pending_ns)
			h->pending_from_ns = now_ns;
	}
}

void holder__drop_waiter(struct lock_holder *h, uint64_t now_ns)
{
	holder__mark(h, now_ns);
	h->waiters--;
}

/* ---- booking ------------------------------------------------------------------------------------ */

static void keep_holder(struct lock_holder *h, uint32_t task, uint64_t ns)
{
	uint32_t least = 0;

	for (uint32_t i = 0; i < h->kept_cnt; i++) {
		if (h->kept[i].id == task) {
			h->kept[i].ns += ns;
			return;
		}
		if (h->kept[i].ns < h->kept[least].ns)
			least = i;
	}
	if (h->kept_cnt < HOLDERS_KEPT)
		least = h->kept_cnt++;
	else if (h->kept[least].ns >= ns)
		return;
	h->kept[least] = (struct cpt_lock_holder){task, ns};
}

/* The pending stretch is `s`'s, of which no snapshot was taken: certain is only that it has been in
 * its present state since s->since_ns. */
static void book_other(struct lock_holder *h, const struct task_sums *s)
{
	uint64_t known = 0;

	if (s->since_ns <= h->pending_from_ns)
		known = h->pending_ns;
	else if (s->since_ns < h->last_to_ns)
		known = h->last_waiters *
			(h->last_to_ns -
			 (s->since_ns > h->last_from_ns ? s->since_ns : h->last_from_ns));
	h->ns[s->slot] += known;
	h->ns[HELD_UNKNOWN] += h->pending_ns - known;
	keep_holder(h, s->task, h->pending_ns);
}

static void book(struct lock_holder *h, const struct task_sums *s)
{
	for (int i = 0; i < h->cand_cnt; i++) {
		if (h->cand[i].sums != s)
			continue;
		for (int k = 0; k < HELD_CNT; k++)
			h->ns[k] += h->cand[i].got[k];
		keep_holder(h, s->task, h->pending_ns);
		return;
	}
	if (s)
		book_other(h, s);
	else
		h->ns[HELD_UNKNOWN] += h->pending_ns;
}

/* The pending stretch, up to the last mark, was s's (NULL: nobody knows); the next one begins. */
static void settle(struct lock_holder *h, const struct task_sums *s)
{
	if (h->pending_ns)
		book(h, s);
	h->pending_ns = 0;
	h->pending_from_ns = h->mark_ns;
	for (int i = 0; i < h->cand_cnt; i++)
		memset(h->cand[i].got, 0, sizeof(h->cand[i].got));
}

static const struct task_sums *sure_holder(const struct lock_holder *h)
{
	return h->sure ? h->cand[0].sums : NULL;
}

/* ---- observations ----------------------------------------------------------------------------- */

void holder__is_not(struct lock_holder *h, const struct task_sums *waiter, uint64_t now_ns)
{
	holder__mark(h, now_ns);
	if (sure_holder(h) == waiter) { /* it let go while nobody waited */
		settle(h, waiter);
		h->sure = false;
	}
	for (int i = 0; i < h->cand_cnt; i++) {
		if (h->cand[i].sums != waiter)
			continue;
		if (i == 0)
			h->cand[0] = h->cand[1];
		h->cand_cnt--;
		return;
	}
}

void holder__seen(struct lock_holder *h, const struct task_sums *owner, uint64_t now_ns)
{
	holder__mark(h, now_ns);
	if (h->sure) {
		if (owner == h->cand[0].sums)
			return;
		/* The one before held it until now, or until the last waiter left. */
		if (!owner && h->waiters)
			return;
		settle(h, h->cand[0].sums);
		h->sure = false;
		if (!owner)
			return;
	}
	if (!owner)
		return;
	settle(h, owner);
	set_candidate(&h->cand[0], owner, now_ns);
	h->cand_cnt = 1;
	h->sure = true;
}

void holder__released(struct lock_holder *h, const struct task_sums *waker,
		      const struct task_sums *woken, uint64_t now_ns)
{
	const struct task_sums *before = waker;

	holder__mark(h, now_ns);
	/* A waker other than the one the word named let go a moment earlier, before that one took it:
	 * a wake-up comes a little after the word was set free. Then the named one may hold it still. */
	if (h->sure)
		before = h->cand[0].sums;
	settle(h, before);
	h->sure = false;
	h->cand_cnt = 0;
	if (before)
		set_candidate(&h->cand[h->cand_cnt++], before, now_ns);
	if (woken != before)
		set_candidate(&h->cand[h->cand_cnt++], woken, now_ns);
}

void holder__forget(struct lock_holder *h, uint64_t now_ns)
{
	holder__mark(h, now_ns);
	settle(h, sure_holder(h));
	h->sure = false;
	h->cand_cnt = 0;
}

uint32_t holder__top(const struct lock_holder *h, struct cpt_lock_holder *top)
{
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < h->kept_cnt; i++) {
		struct cpt_lock_holder one = h->kept[i];

		for (uint32_t k = 0; k < cnt; k++) {
			struct cpt_lock_holder weaker = top[k];

			if (weaker.ns > one.ns || (weaker.ns == one.ns && weaker.id < one.id))
				continue;
			top[k] = one;
			one = weaker;
		}
		if (cnt < CPT_LOCK_HOLDERS)
			top[cnt++] = one;
	}
	return cnt;
}
