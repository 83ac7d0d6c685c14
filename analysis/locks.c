// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * locks.c - see locks.h.
 */
#include "locks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "grid.h"
#include "python_gil.h"

enum lock_phase { PHASE_NONE, PHASE_BLOCKED, PHASE_WOKEN };

#define NO_WORD UINT32_MAX

/* Sites told apart while the pass goes by: the one with the least makes place for a new one, which takes
 * over its time (space-saving, Metwally et al., ICDT 2005), so that none that matters is missed. */
#define SITES_KEPT 8

struct lock {
	uint32_t word; /* index, NO_WORD: the rest of its reason */
	uint8_t reason;
	bool waiters_least, shared;
	uint32_t epoch;	  /* losses when its holder was last looked at */
	uint32_t waiters; /* different tasks */
	uint64_t waits, blocked_ns, wake_delay_ns, longest_ns;
	uint64_t waited_ns, waited_from_ns;
	uint32_t proc; /* of the first waiter */
	struct lock_holder holder;
	uint64_t
		let_go_span_ns; /* a mutex: longest chain behind those seen to let go of it, then */
	struct cpt_lock_site
		*sites; /* SITES_KEPT of them, site + 1, 0 free; NULL until there is one */
};

struct locks {
	struct tasks *tasks;
	struct path *path;
	const struct cpt_words *words;
	struct lock *tab;
	uint32_t cnt, cap;
	uint32_t *by_word; /* index + 1 into tab, by index of the word; NULL until needed */
	uint32_t by_word_cnt;
	uint32_t rest[CPT_REASON_CNT]; /* index + 1 of the lock that stands for the rest */
	uint32_t epoch;
	uint64_t *pairs; /* open addressing: lock << 32 | task, 0 free */
	uint32_t pairs_sz, pairs_used;
	struct grid *grid;
	bool failed; /* no memory for what is only told at the end */
};

struct locks *locks__new(struct tasks *tasks, struct path *path, const struct cpt_words *words)
{
	struct locks *ls = calloc(1, sizeof(*ls));

	if (!ls)
		return NULL;
	ls->tasks = tasks;
	ls->path = path;
	ls->words = words;
	return ls;
}

void locks__free(struct locks *ls)
{
	if (!ls)
		return;
	for (uint32_t i = 0; i < ls->cnt; i++)
		free(ls->tab[i].sites);
	free(ls->tab);
	free(ls->by_word);
	free(ls->pairs);
	free(ls);
}

void locks__fill(struct locks *ls, struct grid *grid)
{
	ls->grid = grid;
}

/* ---- the table ------------------------------------------------------------------------------------ */

/* Index of a new lock; NO_WORD without memory. */
static uint32_t add_lock(struct locks *ls, uint32_t word, enum cpt_reason reason, uint32_t proc)
{
	if (ls->cnt == ls->cap) {
		uint32_t cap = ls->cap ? 2 * ls->cap : 16;
		struct lock *tab = realloc(ls->tab, cap * sizeof(*tab));

		if (!tab)
			return NO_WORD;
		ls->tab = tab;
		ls->cap = cap;
	}
	memset(&ls->tab[ls->cnt], 0, sizeof(*ls->tab));
	ls->tab[ls->cnt].word = word;
	ls->tab[ls->cnt].reason = (uint8_t)reason;
	ls->tab[ls->cnt].epoch = ls->epoch;
	ls->tab[ls->cnt].proc = proc;
	return ls->cnt++;
}

/* The same object in a shared mapping is one lock: that of its first word. */
static uint32_t first_word(const struct locks *ls, const struct cpt_word *word)
{
	return word->same ? word->same - 1 : words__idx(ls->words, word);
}

/* Index of the lock a wait is for; NO_WORD without memory. */
static uint32_t find_lock(struct locks *ls, const struct task *t, const struct cpt_word *word,
			  enum cpt_reason reason)
{
	uint32_t idx = word ? first_word(ls, word) : NO_WORD, *place = &ls->rest[reason];

	if (idx != NO_WORD && !ls->by_word) {
		ls->by_word_cnt = words__cnt(ls->words);
		ls->by_word = calloc(ls->by_word_cnt, sizeof(*ls->by_word));
		if (!ls->by_word)
			return NO_WORD;
	}
	if (idx < ls->by_word_cnt && (ls->by_word[idx] || ls->cnt < LOCKS_MAX))
		place = &ls->by_word[idx];
	else
		idx = NO_WORD;
	/* An object is of one reason; should a trace say otherwise, sums by reason still hold. */
	if (*place && ls->tab[*place - 1].reason != reason) {
		place = &ls->rest[reason];
		idx = NO_WORD;
	}
	if (!*place) {
		uint32_t lock = add_lock(ls, idx, reason, t->proc);

		if (lock == NO_WORD)
			return NO_WORD;
		*place = lock + 1;
	}
	return *place - 1;
}

/* ---- different waiters ------------------------------------------------------------------------------- */

static uint32_t pair_slot(const struct locks *ls, uint64_t pair)
{
	uint32_t mask = ls->pairs_sz - 1;
	uint32_t slot = (uint32_t)(pair * 0x9e3779b97f4a7c15ull >> 32) & mask; /* golden ratio */

	while (ls->pairs[slot] && ls->pairs[slot] != pair)
		slot = (slot + 1) & mask;
	return slot;
}

static int grow_pairs(struct locks *ls)
{
	uint64_t *old = ls->pairs;
	uint32_t old_sz = ls->pairs_sz;

	ls->pairs = calloc(old_sz ? 2 * old_sz : 256, sizeof(*ls->pairs));
	if (!ls->pairs) {
		ls->pairs = old;
		return -ENOMEM;
	}
	ls->pairs_sz = old_sz ? 2 * old_sz : 256;
	for (uint32_t i = 0; i < old_sz; i++)
		if (old[i])
			ls->pairs[pair_slot(ls, old[i])] = old[i];
	free(old);
	return 0;
}

/* Counts the task as one of the lock's waiters, once. If there are too many it is not, and the lock says so. */
static void note_waiter(struct locks *ls, struct task *t, uint32_t idx)
{
	const uint64_t pair = (uint64_t)(idx + 1) << 32 | t->row.id;
	uint32_t slot;

	if (t->lock->noted == idx + 1)
		return;
	t->lock->noted = idx + 1;
	if (2 * ls->pairs_used >= ls->pairs_sz) {
		if (ls->pairs_sz >= LOCK_PAIRS_MAX) {
			ls->tab[idx].waiters_least = true;
			return;
		}
		if (grow_pairs(ls)) {
			ls->failed = true;
			return;
		}
	}
	slot = pair_slot(ls, pair);
	if (ls->pairs[slot])
		return;
	ls->pairs[slot] = pair;
	ls->pairs_used++;
	ls->tab[idx].waiters++;
}

/* ---- tasks ------------------------------------------------------------------------------------------ */

static uint8_t held_slot(const struct task *t)
{
	if (!t->live)
		return HELD_UNKNOWN; /* it ended with the lock */
	switch (t->state) {
	case CPT_STATE_RUNNING:
		return HELD_RUNNING;
	case CPT_STATE_RUNNABLE:
		return HELD_RUNNABLE;
	case CPT_STATE_WAITING:
	case CPT_STATE_PARKED:
		return (uint8_t)(HELD_BLOCKED + t->reason);
	case CPT_STATE_UNKNOWN:
	case CPT_STATE_CNT:
		break;
	}
	return HELD_UNKNOWN;
}

static int touch(struct task *t, uint64_t now_ns)
{
	if (t->lock)
		return 0;
	t->lock = calloc(1, sizeof(*t->lock));
	if (!t->lock)
		return -ENOMEM;
	t->watched = true;
	t->lock->sums.task = t->row.id;
	t->lock->sums.slot = held_slot(t);
	t->lock->sums.since_ns =
		t->live && t->state == CPT_STATE_RUNNING ? t->on_cpu_since_ns : now_ns;
	return 0;
}

/* The lock, with what it knows of its holder still valid. Losses end all waits, so nothing has been
 * accounted since. */
static struct lock *look_at(struct locks *ls, uint32_t idx, uint64_t now_ns)
{
	struct lock *l = &ls->tab[idx];

	if (l->epoch != ls->epoch) {
		holder__forget(&l->holder, now_ns);
		l->epoch = ls->epoch;
	}
	return l;
}

static void note_site(struct locks *ls, struct lock *l, uint32_t site, uint64_t ns)
{
	struct cpt_lock_site *least;

	if (!l->sites)
		l->sites = calloc(SITES_KEPT, sizeof(*l->sites));
	if (!l->sites) {
		ls->failed = true;
		return;
	}
	least = &l->sites[0];
	for (uint32_t i = 0; i < SITES_KEPT; i++) {
		if (l->sites[i].site == site) {
			l->sites[i].ns += ns;
			return;
		}
		if (l->sites[i].ns < least->ns)
			least = &l->sites[i];
	}
	least->site = site;
	least->ns += ns;
}

static void end_piece(struct locks *ls, struct task *t, uint64_t now_ns)
{
	struct task_lock *w = t->lock;
	struct lock *l = look_at(ls, w->lock - 1, now_ns);
	const uint64_t span_ns = now_ns - w->from_ns;

	if (ls->grid && grid__lock_piece(ls->grid, w->lock, t->row.id, w->counting == PHASE_BLOCKED,
					 w->from_ns, now_ns))
		ls->failed = true;
	if (w->counting == PHASE_WOKEN) {
		l->wake_delay_ns += span_ns;
	} else {
		l->blocked_ns += span_ns;
		w->blocked_ns += span_ns;
		if (w->blocked_ns > l->longest_ns)
			l->longest_ns = w->blocked_ns;
		if (t->last_site)
			note_site(ls, l, t->last_site, span_ns);
		holder__drop_waiter(&l->holder, now_ns);
		if (!l->holder.waiters)
			l->waited_ns += now_ns - l->waited_from_ns;
	}
	w->counting = PHASE_NONE;
}

static void begin_piece(struct locks *ls, struct task *t, uint64_t now_ns)
{
	struct task_lock *w = t->lock;
	struct lock *l = look_at(ls, w->lock - 1, now_ns);

	if (!w->wait_counted) {
		w->wait_counted = true;
		l->waits++;
		if (ls->grid && grid__lock_wait(ls->grid, w->lock))
			ls->failed = true;
		if (t->proc != l->proc)
			l->shared = true;
		note_waiter(ls, t, w->lock - 1);
	}
	w->counting = w->phase;
	w->from_ns = now_ns;
	if (w->phase == PHASE_WOKEN)
		return;
	if (!l->holder.waiters)
		l->waited_from_ns = now_ns;
	holder__add_waiter(&l->holder, now_ns);
}

/* Accounts the wait's phase if, and while, the task is counted. */
static void set_counting(struct locks *ls, struct task *t, uint64_t now_ns)
{
	const uint8_t wanted = t->counted ? t->lock->phase : PHASE_NONE;

	if (t->lock->counting == wanted)
		return;
	if (t->lock->counting)
		end_piece(ls, t, now_ns);
	if (wanted)
		begin_piece(ls, t, now_ns);
}

void locks__update(struct locks *ls, struct task *t, uint64_t now_ns)
{
	struct task_lock *w = t->lock;
	const uint8_t slot = held_slot(t);

	if (slot != w->sums.slot)
		task_sums__change(&w->sums, slot, now_ns);
	if (!w->phase)
		return;
	if (slot == HELD_RUNNABLE)
		w->phase = PHASE_WOKEN;
	else if (slot < HELD_BLOCKED || w->phase == PHASE_WOKEN)
		w->phase = PHASE_NONE;
	set_counting(ls, t, now_ns);
}

/* ---- observations ----------------------------------------------------------------------------------- */

/* The task whose tid the word names as its owner; NULL if it names none that is known. */
static struct task *find_owner(struct locks *ls, const struct task *t, const struct cpt_word *word,
			       const struct cpt_wait *wait)
{
	struct task *owner;

	if (!word || !wait->arg2 ||
	    (wait->object != CPT_FUTEX_MUTEX && wait->object != CPT_FUTEX_MUTEX_ROBUST &&
	     wait->object != CPT_FUTEX_MUTEX_PI))
		return NULL;
	owner = tasks__by_ns_tid(ls->tasks, t, wait->arg2, word->flags & CPT_WORD_SHARED);
	return owner == t ? NULL : owner;
}

/* One at a time holds it. */
static bool is_mutex(const struct locks *ls, const struct lock *l)
{
	const uint8_t kind = words__at(ls->words, l->word)->kind;

	return kind == CPT_WORD_MUTEX || kind == CPT_WORD_ROBUST || kind == CPT_WORD_PI;
}

/* The task holds the mutex, or has up to now: it came after those who let go of it before. */
static void order_holder(const struct locks *ls, const struct lock *l, struct task *holder)
{
	if (ls->path && holder->counted && is_mutex(ls, l))
		path__behind(ls->path, holder, l->let_go_span_ns);
}

int locks__wait(struct locks *ls, struct task *t, const struct cpt_word *word,
		enum cpt_reason reason, const struct cpt_wait *wait, uint64_t now_ns)
{
	struct task *owner;
	struct lock *l;
	uint32_t idx;

	if (touch(t, now_ns))
		return -ENOMEM;
	t->lock->phase = PHASE_NONE;
	set_counting(ls, t, now_ns);
	idx = find_lock(ls, t, word, reason);
	if (idx == NO_WORD)
		return -ENOMEM;
	l = look_at(ls, idx, now_ns);
	t->lock->lock = idx + 1;
	t->lock->phase = PHASE_BLOCKED;
	t->lock->wait_counted = false;
	t->lock->blocked_ns = 0;
	if (l->word != NO_WORD) { /* the rest is many locks: nobody holds it */
		owner = find_owner(ls, t, word, wait);
		if (owner && touch(owner, now_ns))
			return -ENOMEM;
		holder__is_not(&l->holder, &t->lock->sums, now_ns);
		holder__seen(&l->holder, owner ? &owner->lock->sums : NULL, now_ns);
		if (owner)
			order_holder(ls, l, owner);
	}
	set_counting(ls, t, now_ns);
	return 0;
}

/* Did the waker let go of the lock? By a call on the word; kernel and file locks have none, whoever
 * wakes there lets go. A robust mutex is also let go by its holder's end. */
static bool is_release(const struct locks *ls, const struct lock *l, const struct lock_wake *wake)
{
	const struct cpt_word *word;

	if (!wake->waker && !wake->foreign)
		return false;
	if (wake->on_word)
		return true;
	word = words__at(ls->words, l->word);
	return word->kind == CPT_WORD_KERNEL || word->kind == CPT_WORD_FILE_LOCK ||
	       (word->kind == CPT_WORD_ROBUST && l->holder.sure && wake->waker &&
		wake->waker->lock && l->holder.cand[0].sums == &wake->waker->lock->sums);
}

static void note_release(const struct locks *ls, struct lock *l, struct task *waker)
{
	uint64_t span_ns;

	if (!ls->path || !waker->counted || !is_mutex(ls, l))
		return;
	order_holder(ls, l, waker);
	span_ns = path__span(ls->path, waker);
	if (span_ns > l->let_go_span_ns)
		l->let_go_span_ns = span_ns;
}

int locks__wake(struct locks *ls, struct task *t, const struct lock_wake *wake, uint64_t now_ns)
{
	const struct task_sums *waker = NULL;
	struct lock *l;

	if (!t->lock || t->lock->phase != PHASE_BLOCKED)
		return 0;
	l = look_at(ls, t->lock->lock - 1, now_ns);
	if (l->word == NO_WORD || !is_release(ls, l, wake))
		return 0;
	if (wake->waker) {
		if (touch(wake->waker, now_ns))
			return -ENOMEM;
		waker = &wake->waker->lock->sums;
		note_release(ls, l, wake->waker);
	}
	holder__released(&l->holder, waker, &t->lock->sums, now_ns);
	return 0;
}

void locks__lost(struct locks *ls)
{
	ls->epoch++;
}

/* ---- the facts -------------------------------------------------------------------------------------- */

static int name_lock(const struct locks *ls, const struct lock *l, struct cpt_lock *out)
{
	const struct cpt_word *word = l->word != NO_WORD ? words__at(ls->words, l->word) : NULL;
	const struct task *leader = tasks__find(ls->tasks, l->proc);

	out->reason = l->reason;
	out->rest = !word;
	if (word) {
		out->pid = leader ? leader->row.pid : 0;
		out->addr = word->addr;
		out->kind = word->kind;
		out->python_gil = python_gil_of(ls->words, word) == PYTHON_GIL_LOCK;
		out->python_gil_switch = python_gil_of(ls->words, word) == PYTHON_GIL_SWITCH;
	} else if (l->reason == CPT_REASON_KERNEL_LOCK) {
		out->kind = CPT_WORD_KERNEL;
	}
	out->symbol = strdup(word ? word->symbol : "");
	out->module = strdup(word ? word->module : "");
	return out->symbol && out->module ? 0 : -ENOMEM;
}

static void sum_lock(const struct lock *l, struct cpt_lock *out)
{
	const uint64_t *ns = l->holder.ns;

	out->shared = l->shared;
	out->waits = l->waits;
	out->blocked_ns = l->blocked_ns;
	out->wake_delay_ns = l->wake_delay_ns;
	out->longest_ns = l->longest_ns;
	out->waited_ns = l->waited_ns;
	out->waiters = l->waiters;
	out->waiters_least = l->waiters_least;
	out->holder_running_ns = ns[HELD_RUNNING];
	out->holder_runnable_ns = ns[HELD_RUNNABLE];
	out->holder_unknown_ns = ns[HELD_UNKNOWN];
	memcpy(out->holder_blocked_ns, ns + HELD_BLOCKED, sizeof(out->holder_blocked_ns));
	out->top_cnt = holder__top(&l->holder, out->top);
}

static int cmp_site(const void *pa, const void *pb)
{
	const struct cpt_lock_site *a = pa, *b = pb;

	if (a->ns != b->ns)
		return a->ns > b->ns ? -1 : 1;
	return a->site < b->site ? -1 : a->site > b->site;
}

static void take_sites(struct lock *l, struct cpt_lock *out)
{
	if (!l->sites)
		return;
	qsort(l->sites, SITES_KEPT, sizeof(*l->sites), cmp_site);
	for (; out->site_cnt < CPT_LOCK_SITES && l->sites[out->site_cnt].ns; out->site_cnt++)
		out->sites[out->site_cnt] = (struct cpt_lock_site){
			.site = l->sites[out->site_cnt].site - 1,
			.ns = l->sites[out->site_cnt].ns,
		};
}

static int cmp_lock(const void *pa, const void *pb)
{
	const struct cpt_lock *a = pa, *b = pb;

	if (a->blocked_ns != b->blocked_ns)
		return a->blocked_ns > b->blocked_ns ? -1 : 1;
	if (a->waits != b->waits)
		return a->waits > b->waits ? -1 : 1;
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

int locks__take(struct locks *ls, uint64_t now_ns, struct cpt_lock **tab, uint32_t *cnt)
{
	*cnt = 0;
	*tab = NULL;
	if (ls->failed)
		return -ENOMEM;
	*tab = calloc(ls->cnt ? ls->cnt : 1, sizeof(**tab));
	if (!*tab)
		return -ENOMEM;
	for (uint32_t i = 0; i < ls->cnt; i++) {
		struct lock *l = &ls->tab[i];

		if (!l->waits)
			continue;
		holder__forget(&l->holder, now_ns);
		(*tab)[*cnt].id = i + 1;
		sum_lock(l, &(*tab)[*cnt]);
		take_sites(l, &(*tab)[*cnt]);
		if (name_lock(ls, l, &(*tab)[(*cnt)++]))
			return -ENOMEM;
	}
	qsort(*tab, *cnt, sizeof(**tab), cmp_lock);
	return 0;
}
