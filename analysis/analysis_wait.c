// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * analysis_wait.c - what a wait is, where no earlier one tells; how waits begin and end.
 *
 * What nearly every wait takes is in analysis_step.h.
 */
#include "analysis_step.h"
#include "channel.h"
#include "word_ref.h"

/* Is the waker of the workload? The filter's set of CPUs is not asked: it says where to look, not
 * who belongs together. A waker that is not born yet cannot be known to be chosen. */
static bool ended_by_us(const struct cpt_analysis *a, const struct cpt_event *ev)
{
	const struct task *waker;

	if (ev->end != CPT_END_TASK)
		return false;
	if (!a->filtered)
		return true;
	waker = tasks__find(&a->tasks, ev->end_waker);
	return waker && waker->chosen;
}

static const struct cpt_word *word_of(const struct cpt_analysis *a, const struct task *t,
				      const struct cpt_wait *wait)
{
	return a->opts.words ? words__lookup(a->opts.words, t->proc, t->space, wait) : NULL;
}

struct classified analysis_wait__find_out(struct cpt_analysis *a, const struct task *t,
					  const struct cpt_event *ev)
{
	struct wait_memo *memo = wait_memo__at(a->memos, ev->wait);
	struct cpt_wait_facts facts = {
		.wait = ev->wait,
		.sys = sys_of(a, ev->wait),
		.end = ev->end,
		.ended_by_us = ended_by_us(a, ev),
		.io_worker = t->row.io_worker,
	};
	bool lasting = !a->filtered && !t->row.io_worker;
	struct classified found;
	struct cpt_wait again;
	struct word_ref ref;

	if (facts.sys == CPT_SYS_RESTART_SYSCALL) {
		lasting = false;
		if (t->stopped_in) {
			again = *t->stopped_in;
			again.prev_state = ev->wait->prev_state;
			facts.wait = &again;
			facts.sys = (enum cpt_sys)a->sysno[facts.wait->sysno];
		}
	}
	if (wait_may_be_join(facts.wait, facts.sys)) {
		lasting = false;
		facts.expects_our_tid =
			tasks__has_thread(&a->tasks, t, (uint32_t)(facts.wait->arg1 >> 32));
	}
	/* The wait is looked up as it came, whatever was made of it. */
	found.word = word_of(a, t, ev->wait);
	if (sys_group(facts.sys) == CPT_SYS_GROUP_FUTEX)
		facts.word = facts.wait == ev->wait ? found.word : word_of(a, t, facts.wait);
	found.blocked = wait_classify(&facts);
	found.channel = channel_of(facts.wait, facts.sys);
	if (!lasting || ev->end >= WAIT_END_KINDS)
		return found;
	if (!memo->known || !wait_same(&memo->wait, ev->wait) || memo->proc != t->proc ||
	    memo->space != t->space) {
		*memo = (struct wait_memo){.wait = *ev->wait, .proc = t->proc, .space = t->space};
		memo->word = found.word;
		memo->channel = found.channel;
	}
	memo->by_word = word_ref__of(ev->wait, facts.sys, &ref);
	memo->reason[ev->end] = (uint8_t)found.blocked.reason;
	memo->known |= (uint8_t)(1u << ev->end);
	return found;
}

/*
 * A sleep, poll or timed wait that a stop interrupts is taken up again by a call of its own, without
 * arguments: what it waits for is what the stop's registers said.
 *
 *      nanosleep |---- sleep ----| stopped (in nanosleep) | restart_syscall: sleep again |
 */
int analysis_wait__note_stopped_call(const struct cpt_analysis *a, struct task *t,
				     const struct cpt_wait *wait)
{
	if (wait->sysno >= CPT_SYSNO_TABLE_SZ || a->sysno[wait->sysno] == CPT_SYS_RESTART_SYSCALL)
		return 0;
	if (!t->stopped_in) {
		t->stopped_in = malloc(sizeof(*t->stopped_in));
		if (!t->stopped_in)
			return -ENOMEM;
	}
	*t->stopped_in = *wait;
	return 0;
}

/* ---- beginnings and ends --------------------------------------------------------------------- */

int analysis_wait__begin(struct cpt_analysis *a, struct task *t, const struct cpt_wait *wait,
			 const struct cpt_word *word, enum cpt_reason reason)
{
	int err = 0;

	if (reason_is_lock(reason))
		err = locks__wait(a->locks, t, word, reason, wait, a->now_ns);
	if (!err && word && word_may_be_ceiling(word))
		err = ceilings__wait(a->ceilings, t, word);
	return err;
}

/* t's wait is about to end, by this wake-up. */
static __attribute__((noinline)) int end_wait(struct cpt_analysis *a, struct task *t,
					      const struct wake_source *by)
{
	struct lock_wake wake = {.on_word = by->flags & CPT_SW_WAKE_ON_WORD};
	uint32_t waker;
	uint8_t end = cpt_wake_end(by->ctx, by->flags, by->waker, &waker);
	int err;

	wake.waker = end == CPT_END_TASK ? tasks__find(&a->tasks, waker) : NULL;
	wake.foreign = end == CPT_END_FOREIGN;
	err = locks__wake(a->locks, t, &wake, a->now_ns);
	if (!err && wake.waker && wake.waker != t && wake.on_word)
		err = ceilings__wake(a->ceilings, t, wake.waker);
	return err;
}

/* t was woken between leaving the run queue and its switch-out: for its lock that is a wait of no
 * length, and who let go is seen all the same. */
int analysis_wait__pass(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev)
{
	struct classified found;
	int err;

	if (!ev->wait || t->state != CPT_STATE_RUNNABLE)
		return 0;
	found = classify(a, t, ev);
	err = note_loop(a, t, ev, found.blocked.reason);
	if (!err && is_watched(found.blocked.reason, ev->wait)) {
		err = analysis_wait__begin(a, t, ev->wait, found.word, found.blocked.reason);
		if (!err)
			err = end_wait(a, t, &t->early_wake);
	}
	tell_watchers(a, t);
	return err;
}

static struct wake_source source_of(const struct cpt_event *ev)
{
	return (struct wake_source){ev->other, ev->flags, ev->wake_ctx};
}

void analysis_wait__wake_early(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev)
{
	enum cpt_waker who;
	struct task *waker;

	t->wake_pending = true;
	t->early_wake = source_of(ev);
	waker = t->counted ? find_waker(a, t, ev, &who) : NULL;
	if (waker)
		path__order(&a->tl.path, t, waker);
}

int analysis_wait__end_watched(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev)
{
	const struct wake_source by = source_of(ev);

	return end_wait(a, t, &by);
}

/* Nobody knows what it did, but it becomes runnable. Certain even beside a hole: the wake-up came with a
 * switch-in that was seen. */
int analysis_wait__end_doubt(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev)
{
	struct task *waker = NULL;
	int err = 0;

	t->throttled = false;
	t->woken_in_doubt = true;
	t->ready_kind = CPT_READY_WAKE;
	if (t->counted)
		err = note_end(a, t, ev, CPT_REASON_UNKNOWN, &waker);
	if (!err)
		err = set_off(a, t, CPT_STATE_RUNNABLE, CPT_REASON_OTHER);
	if (!err && waker)
		path__follow(&a->tl.path, t, waker, false);
	return err;
}
