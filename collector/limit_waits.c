// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* limit_waits.c - causes that are waits, see limit_causes.h. */
#include "limit_causes.h"

#include <string.h>

#include "text_locks.h"

/* ---- locks --------------------------------------------------------------------------------------- */

static uint64_t holder_blocked(const struct cpt_lock *l, int *most)
{
	uint64_t sum = 0;

	*most = 0;
	for (int i = 0; i < CPT_REASON_CNT; i++) {
		sum += l->holder_blocked_ns[i];
		if (l->holder_blocked_ns[i] > l->holder_blocked_ns[*most])
			*most = i;
	}
	return sum;
}

/* "; its holder was running 97 % of that time", whichever states explain something. */
static void add_holder(struct strbuf *b, const struct cpt_lock *l)
{
	int most;
	uint64_t blocked = holder_blocked(l, &most);
	const char *sep = "; meanwhile its holder was ";

	if (share(l->holder_running_ns, l->blocked_ns) >= LIMIT_PARTLY) {
		strbuf__addf(b, "%srunning for ", sep);
		add_percent(b, l->holder_running_ns, l->blocked_ns);
		sep = ", ";
	}
	if (share(l->holder_runnable_ns, l->blocked_ns) >= LIMIT_PARTLY) {
		strbuf__addf(b, "%sready without a CPU for ", sep);
		add_percent(b, l->holder_runnable_ns, l->blocked_ns);
		sep = ", ";
	}
	if (share(blocked, l->blocked_ns) >= LIMIT_PARTLY) {
		strbuf__addf(b, "%sblocked (%s) for ", sep, reason_name((enum cpt_reason)most));
		add_percent(b, blocked, l->blocked_ns);
	}
}

static void lock_evidence(struct strbuf *b, const struct cpt_report *r, const struct limit *limit,
			  bool utf8)
{
	const enum cpt_reason reason = (enum cpt_reason)limit_waits[limit->cause].reason;
	const struct cpt_lock *l = lock_most_waited(r, reason);
	char n[FMT_SZ];

	if (!l) {
		strbuf__addf(b, "%s: waits of ", reason_text(reason));
		add_duration(b, r->reason_ns[reason]);
		strbuf__adds(b, " in all");
		return;
	}
	add_lock_name(b, l, utf8);
	strbuf__addf(b, ": %s%s thread%s waited ", l->waiters_least ? "at least " : "",
		     fmt_count(n, l->waiters), l->waiters == 1 ? "" : "s");
	add_duration(b, l->blocked_ns);
	strbuf__adds(b, " for it in all");
	add_holder(b, l);
}

static void look_at_lock(struct strbuf *b, const struct cpt_report *r, const struct limit *limit)
{
	const struct cpt_lock *l =
		lock_most_waited(r, (enum cpt_reason)limit_waits[limit->cause].reason);
	int most;
	uint64_t blocked;

	if (!l || !l->blocked_ns)
		return;
	blocked = holder_blocked(l, &most);
	if (l->python_gil)
		strbuf__adds(b, "processes instead of threads for what computes, or code that "
				"releases the GIL while it does");
	else if (share(l->holder_running_ns, l->blocked_ns) >= LIMIT_MOSTLY)
		strbuf__adds(b,
			     "what is done while it is held: less of it, or a lock for each part");
	else if (share(blocked, l->blocked_ns) >= LIMIT_MOSTLY)
		strbuf__addf(b, "the holder's own waiting (%s): move it out of the lock",
			     reason_name((enum cpt_reason)most));
	else if (share(l->holder_runnable_ns, l->blocked_ns) >= LIMIT_MOSTLY)
		strbuf__adds(
			b, "why its holder had no CPU: more threads than CPUs, other programs, or "
			   "its priority");
}

static void look_at_kernel_lock(struct strbuf *b, const struct cpt_report *r,
				const struct limit *limit)
{
	(void)r;
	(void)limit;
	strbuf__adds(b, "memory that threads of one process map, unmap or touch first at the same "
			"time, or file system operations on the same object");
}

/* ---- operations of their own ---------------------------------------------------------------------- */

/* Waits inside operations of one's own, but for locks. */
static const char *const operations[CPT_CAUSE_CNT] = {
	[CPT_CAUSE_DISK] = "disk and file system I/O",
	[CPT_CAUSE_SOCKET] = "answers on sockets from outside the workload",
	[CPT_CAUSE_PIPE] = "pipes: full, or written from outside the workload",
	[CPT_CAUSE_PAGE_FAULT] = "memory that had to be brought in",
	[CPT_CAUSE_OTHER] = "waits that could not be told apart",
};

static void wait_evidence(struct strbuf *b, const struct cpt_report *r, const struct limit *limit,
			  bool utf8)
{
	const enum cpt_reason reason = (enum cpt_reason)limit_waits[limit->cause].reason;
	uint32_t threads = 0;
	char n[FMT_SZ];

	(void)utf8;
	for (uint32_t i = 0; i < r->threads_cnt; i++)
		threads += r->threads_tab[i].reason_ns[reason] != 0;
	strbuf__addf(b, "%s: %s thread%s waited ", operations[limit->cause], fmt_count(n, threads),
		     threads == 1 ? "" : "s");
	add_duration(b, r->reason_ns[reason]);
	strbuf__adds(b, " in all");
}

static void look_at_wait(struct strbuf *b, const struct cpt_report *r, const struct limit *limit)
{
	static const char *const next[CPT_CAUSE_CNT] = {
		[CPT_CAUSE_DISK] =
			"how many of these are under way at once, and computing meanwhile",
		[CPT_CAUSE_PAGE_FAULT] =
			"how many of these are under way at once, and computing meanwhile",
		[CPT_CAUSE_PIPE] =
			"who reads more slowly than is written (the critical path passes "
			"through it), or who writes from outside",
		[CPT_CAUSE_SOCKET] = "who answers, and how many requests are under way at once",
	};

	(void)r;
	if (next[limit->cause])
		strbuf__adds(b, next[limit->cause]);
}

#define LOCK_ROW(name, next) [CPT_CAUSE_##name] = {CPT_REASON_##name, -1, -1, lock_evidence, next}
#define WAIT_ROW(name)	     [CPT_CAUSE_##name] = {CPT_REASON_##name, -1, -1, wait_evidence, look_at_wait}

const struct limit_cause limit_waits[CPT_CAUSE_CNT] = {
	LOCK_ROW(LOCK, look_at_lock),
	LOCK_ROW(HANDOFF, look_at_lock),
	LOCK_ROW(KERNEL_LOCK, look_at_kernel_lock),
	WAIT_ROW(DISK),
	WAIT_ROW(SOCKET),
	WAIT_ROW(PIPE),
	WAIT_ROW(PAGE_FAULT),
	WAIT_ROW(OTHER),
};
