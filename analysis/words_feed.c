// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * words_feed.c - events to words: who waits on what, who wakes it.
 *
 *      SWITCH, blocked on a futex      the task's current word: waits + 1, it is a waiter
 *      WAKE on the word                wakes + 1, the waker is a waker
 *      WAKE by an interrupt            a timeout, if the wait had one
 *
 * A wake ends the task's stay at its word, so late wakes are counted once, whenever they come: what
 * the task does next is not out yet.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace_limits.h"
#include "wait_class.h"
#include "words_table.h"

#define ONCE_IN_PROGRESS      1 /* of pthread_once_t; above it the count of forks, by 4 */
#define FUTEX_OP_WAIT_PRIVATE 0x80
/* What a thread's state may be while another waits for its end (glibc 2.43, nptl/descr.h). */
#define THREAD_EXITING	1
#define THREAD_JOINABLE 2

/* Elements of `pairs`: word index + 1, task, and what it did. */
#define PAIR_WAITED 0x1u
#define PAIR_WOKE   0x2u
#define PAIR_BITS   (PAIR_WAITED | PAIR_WOKE)
#define PAIR_TASK   2
#define PAIR_WORD   26

/* ---- sets ---------------------------------------------------------------------------------------- */

static uint32_t set_hash(uint64_t key)
{
	return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32); /* golden ratio */
}

static uint64_t *set_find(const struct word_set *set, uint64_t key, uint64_t ignore)
{
	const uint32_t mask = set->cnt - 1;
	uint32_t i = set_hash(key & ~ignore) & mask;

	while (set->slots[i] && (set->slots[i] ^ key) & ~ignore)
		i = (i + 1) & mask;
	return &set->slots[i];
}

static int set_grow(struct word_set *set, uint64_t ignore)
{
	struct word_set bigger = {.cnt = set->cnt ? 2 * set->cnt : 256, .used = set->used};

	bigger.slots = calloc(bigger.cnt, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < set->cnt; i++)
		if (set->slots[i])
			*set_find(&bigger, set->slots[i], ignore) = set->slots[i];
	free(set->slots);
	*set = bigger;
	return 0;
}

uint64_t *word_set__slot(struct word_set *set, uint64_t key, uint64_t ignore, uint32_t max)
{
	uint64_t *slot = set->cnt ? set_find(set, key, ignore) : NULL;

	if (slot && *slot)
		return slot;
	if (set->used >= max)
		return NULL;
	if (2 * set->used >= set->cnt) {
		if (set_grow(set, ignore))
			return NULL;
		slot = set_find(set, key, ignore);
	}
	set->used++;
	return slot;
}

/* ---- tasks --------------------------------------------------------------------------------------- */

static int reserve_tasks(struct cpt_words *ws, uint32_t id)
{
	uint32_t cnt = ws->task_cnt ? ws->task_cnt : 256;
	struct word_task *tasks;

	if (id < ws->task_cnt)
		return 0;
	while (cnt <= id)
		cnt *= 2;
	tasks = realloc(ws->tasks, cnt * sizeof(*tasks));
	if (!tasks)
		return -ENOMEM;
	memset(tasks + ws->task_cnt, 0, (cnt - ws->task_cnt) * sizeof(*tasks));
	ws->tasks = tasks;
	ws->task_cnt = cnt;
	return 0;
}

/* NULL with errno. One that was not born in this trace leads itself. */
static struct word_task *task_get(struct cpt_words *ws, uint32_t id)
{
	if (!id || id > CPT_TASK_MAX) {
		errno = EINVAL;
		return NULL;
	}
	if (reserve_tasks(ws, id)) {
		errno = ENOMEM;
		return NULL;
	}
	if (!ws->tasks[id].proc)
		ws->tasks[id].proc = id;
	return &ws->tasks[id];
}

static struct word_task *task_find(const struct cpt_words *ws, uint32_t id)
{
	return id < ws->task_cnt && ws->tasks[id].proc ? &ws->tasks[id] : NULL;
}

static uint64_t tid_key(uint32_t proc, uint32_t ns_tid)
{
	return (uint64_t)proc << 32 | ns_tid;
}

static int on_new(struct cpt_words *ws, const struct cpt_event *ev)
{
	struct word_task *t = task_get(ws, ev->task), *parent;
	uint64_t *slot;

	if (!t)
		return -errno;
	parent = ev->info->flags & CPT_TASK_THREAD ? task_find(ws, ev->other) : NULL;
	if (t->ns_tid) /* a damaged trace may name a task twice */
		return 0;
	t->proc = parent ? parent->proc : ev->task;
	t->space = parent ? parent->space : 0;
	t->tgid = ev->info->tgid;
	t->ns_tid = ev->info->ns_tid;
	slot = word_set__slot(&ws->tids, tid_key(t->proc, t->ns_tid), 0, UINT32_MAX / 4);
	if (!slot)
		return -ENOMEM;
	*slot = tid_key(t->proc, t->ns_tid);
	return 0;
}

static int on_exec(struct cpt_words *ws, const struct cpt_event *ev)
{
	struct word_task *t = task_get(ws, ev->task);

	if (!t)
		return -errno;
	t->space++;
	t->tgid = ev->info->tgid;
	return 0;
}

uint32_t words__tgid(const struct cpt_words *ws, uint32_t proc)
{
	const struct word_task *t = task_find(ws, proc);

	return t ? t->tgid : 0;
}

const struct cpt_word *words__of_task(const struct cpt_words *ws, uint32_t task,
				      const struct cpt_wait *wait)
{
	const struct word_task *t = task_find(ws, task);

	return t ? words__lookup(ws, t->proc, t->space, wait) : NULL;
}

/* ---- waits and wakes ----------------------------------------------------------------------------- */

/* The most frequent kind of what was waited on at this place stays: memory is used again. A word that
 * one look did not tell has no vote. */
static void vote(struct cpt_word *w, struct word_votes *v, uint8_t kind)
{
	if (kind == CPT_WORD_FUTEX)
		return;
	if (w->kind == kind) {
		v->lead++;
	} else if (w->kind == CPT_WORD_FUTEX || !v->lead) {
		w->kind = kind;
		v->lead = 1;
	} else {
		v->lead--;
	}
}

static bool waits_for_once(const struct cpt_wait *wait)
{
	return (uint32_t)wait->arg1 == FUTEX_OP_WAIT_PRIVATE &&
	       (wait->arg1 >> 32 & 3) == ONCE_IN_PROGRESS;
}

/* Up to 2.42 pthread_join expects the thread's tid (is_join), since 2.43 its state. A process-shared rwlock's
 * words may hold the same, but no end of a thread wakes from those. */
static bool waits_for_end(const struct cpt_wait *wait, enum cpt_sys sys)
{
	const uint32_t state = (uint32_t)(wait->arg1 >> 32);

	return wait_may_be_join(wait, sys) && (state == THREAD_EXITING || state == THREAD_JOINABLE);
}

/* Is the expected value the tid of another thread of its process, as pthread_join waits for it? */
static bool is_join(struct cpt_words *ws, const struct word_task *t, const struct cpt_wait *wait,
		    enum cpt_sys sys)
{
	const uint32_t tid = (uint32_t)(wait->arg1 >> 32);

	if (!tid || tid == t->ns_tid || !ws->tids.cnt || !wait_may_be_join(wait, sys))
		return false;
	return *set_find(&ws->tids, tid_key(t->proc, tid), 0);
}

static const struct cpt_word overflow_word = {
	.kind = CPT_WORD_FUTEX, .reason = CPT_REASON_OTHER, .flags = CPT_WORD_OVERFLOW};

/* The word of a wait, added where it is new. UINT32_MAX with errno when there is no memory. */
static uint32_t word_of(struct cpt_words *ws, const struct word_task *t,
			const struct cpt_wait *wait, const struct word_ref *ref)
{
	const struct cpt_word w = {.proc = t->proc,
				   .space = t->space,
				   .addr = ref->addr,
				   .kind = ref->kind,
				   .reason = CPT_REASON_OTHER};
	uint32_t idx = words_find_wait(ws, t->proc, t->space, wait, ref);
	int err;

	if (idx != UINT32_MAX)
		return idx;
	if (ws->cnt == CPT_WORDS_MAX)
		return CPT_WORDS_MAX - 1;
	err = words__add(ws, ws->cnt == CPT_WORDS_MAX - 1 ? &overflow_word : &w);
	if (err) {
		errno = -err;
		return UINT32_MAX;
	}
	ws->votes[ws->cnt - 1].may_be_once = ws->votes[ws->cnt - 1].may_be_end = true;
	return ws->cnt - 1;
}

/* Notes that a task did `bit` at a word. A full set makes the word's counts mere lower bounds. */
static void note_pair(struct cpt_words *ws, uint32_t idx, uint32_t task, uint64_t bit)
{
	const uint64_t key = (uint64_t)(idx + 1) << PAIR_WORD | (uint64_t)task << PAIR_TASK;
	uint64_t *slot = word_set__slot(&ws->pairs, key, PAIR_BITS, CPT_WORD_PAIRS_MAX);
	struct cpt_word *w = &ws->at[idx];

	if (!slot) {
		w->flags |= CPT_WORD_OVERFLOW;
		return;
	}
	if (*slot & bit)
		return;
	w->waiters += bit == PAIR_WAITED;
	w->wakers += bit == PAIR_WOKE;
	w->both += *slot && *slot & PAIR_BITS;
	*slot |= key | bit;
}

static int on_block(struct cpt_words *ws, const struct cpt_event *ev)
{
	enum cpt_sys sys = CPT_SYS_UNKNOWN;
	struct word_task *t;
	struct word_ref ref;
	uint32_t idx;

	if (ev->wait->sysno < CPT_SYSNO_TABLE_SZ)
		sys = ws->sysno[ev->wait->sysno];
	if (!word_ref__of(ev->wait, sys, &ref))
		return 0;
	t = task_get(ws, ev->task);
	if (!t)
		return -errno;
	if (ref.kind == CPT_WORD_FUTEX && is_join(ws, t, ev->wait, sys))
		ref.kind = CPT_WORD_JOIN;
	idx = word_of(ws, t, ev->wait, &ref);
	if (idx == UINT32_MAX)
		return -errno;
	t->word = idx + 1;
	t->timed = ev->wait->wait_flags & CPT_WAIT_TIMEOUT;
	ws->at[idx].waits++;
	if (!(ws->at[idx].flags & CPT_WORD_OVERFLOW))
		vote(&ws->at[idx], &ws->votes[idx], ref.kind);
	if (ref.shared && ref.kind != CPT_WORD_JOIN)
		ws->at[idx].flags |= CPT_WORD_SHARED;
	if (!waits_for_once(ev->wait))
		ws->votes[idx].may_be_once = false;
	if (!waits_for_end(ev->wait, sys))
		ws->votes[idx].may_be_end = false;
	note_pair(ws, idx, ev->task, PAIR_WAITED);
	return 0;
}

static void on_switch_side(struct cpt_words *ws, uint32_t task)
{
	struct word_task *t = task_find(ws, task);

	if (t)
		t->word = 0;
}

static int on_switch(struct cpt_words *ws, const struct cpt_event *ev)
{
	on_switch_side(ws, ev->task);
	on_switch_side(ws, ev->other);
	if (!(ev->flags & CPT_SW_PREV_BLOCKED) ||
	    ev->flags & (CPT_SW_PREV_DEAD | CPT_SW_PREV_UNKNOWN) || !ev->wait || !ev->task)
		return 0;
	return on_block(ws, ev);
}

/* Woken by the kernel as a thread of t's process ends, which clears the word it was told of. */
static bool ended_by_exit(const struct cpt_words *ws, const struct word_task *t, uint32_t waker,
			  uint8_t ctx, uint16_t flags, uint16_t sysno)
{
	const struct word_task *by = flags & CPT_SW_WAKER_FOREIGN ? NULL : task_find(ws, waker);

	return by && by->proc == t->proc && ctx == CPT_CTX_TASK && sysno < CPT_SYSNO_TABLE_SZ &&
	       ws->sysno[sysno] == CPT_SYS_EXIT;
}

static void on_wake(struct cpt_words *ws, uint32_t task, uint32_t waker, uint8_t ctx,
		    uint16_t flags, uint16_t sysno)
{
	struct word_task *t = task_find(ws, task), *by;
	uint32_t end_waker, idx;

	if (!t || !t->word)
		return;
	idx = t->word - 1;
	t->word = 0;
	if (!(flags & CPT_SW_WAKE_ON_WORD)) {
		ws->at[idx].timeouts +=
			t->timed && cpt_wake_end(ctx, flags, waker, &end_waker) == CPT_END_IRQ;
		ws->votes[idx].by_exit += ended_by_exit(ws, t, waker, ctx, flags, sysno);
		return;
	}
	ws->at[idx].wakes++;
	by = flags & CPT_SW_WAKER_FOREIGN ? NULL : task_find(ws, waker);
	/* Of another process: what it does under its own address, or at all, is not in these sets. */
	if (!by || by->proc != t->proc)
		ws->at[idx].flags |= CPT_WORD_OVERFLOW;
	note_pair(ws, idx, by ? waker : 0, PAIR_WOKE);
}

int words__late(struct cpt_words *ws, const struct cpt_late *late)
{
	if (late->kind == CPT_LATE_WAKE)
		on_wake(ws, late->task, late->waker, late->wake_ctx, late->flags,
			late->waker_sysno);
	return 0;
}

int words__feed(struct cpt_words *ws, const struct cpt_event *ev, size_t cnt)
{
	int err = 0;

	for (size_t i = 0; i < cnt && !err; i++) {
		switch (ev[i].type) {
		case CPT_EV_SWITCH:
			err = on_switch(ws, &ev[i]);
			break;
		case CPT_EV_WAKE:
			on_wake(ws, ev[i].task, ev[i].other, ev[i].wake_ctx, ev[i].flags,
				ev[i].waker_sysno);
			break;
		case CPT_EV_NEW:
			err = on_new(ws, &ev[i]);
			break;
		case CPT_EV_EXEC:
			err = on_exec(ws, &ev[i]);
			break;
		default:
			break;
		}
	}
	return err;
}
