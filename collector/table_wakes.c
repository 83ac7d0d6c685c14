// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* table_wakes.c - see table_wakes.h. */
#include "table_wakes.h"

#include <errno.h>

#include "text_locks.h"

struct wake_row {
	uint64_t cnt, waited_ns;
	uint32_t waker, waker_tid, wakee, wakee_tid, pid, fd;
	const char *by, *waker_name, *wakee_name, *reason, *lock, *descriptor;
};

#define W(member) offsetof(struct wake_row, member)

const struct table_col wake_cols[] = {
	{"by", "task, or what stands for no thread: timer, device, interrupt, outside, nobody",
	 TABLE_STRING, W(by)},
	{"waker",
	 "number of the thread that ended the wait, as in the table of threads; 0 none, or "
	 "several (other)",
	 TABLE_U32, W(waker)},
	{"waker_tid", "its thread id, 0 none", TABLE_U32, W(waker_tid)},
	{"waker_name", "the last it had", TABLE_STRING, W(waker_name)},
	{"id", "number of the thread that had waited, 0 several (other)", TABLE_U32, W(wakee)},
	{"tid", "its thread id", TABLE_U32, W(wakee_tid)},
	{"name", "the last it had", TABLE_STRING, W(wakee_name)},
	{"reason", "what it had waited for", TABLE_STRING, W(reason)},
	{"lock", "which one, where that is a lock", TABLE_STRING, W(lock)},
	{"descriptor",
	 "else kind of the one descriptor it had waited on (pipe, socket, eventfd, epoll ...), "
	 "none: "
	 "the wait was on none of these, or on several",
	 TABLE_STRING, W(descriptor)},
	{"fd", "where there is one: its number in the process that waited", TABLE_U32, W(fd)},
	{"pid", "that process", TABLE_U32, W(pid)},
	{"wakes", "waits that ended so", TABLE_U64, W(cnt)},
	{"waited_ns", "how long they had lasted in all, inside the window", TABLE_U64,
	 W(waited_ns)},
	{NULL, NULL, TABLE_U64, 0},
};

int write_wakes(struct table_out *out, const struct cpt_report *r)
{
	struct strbuf lock = {0};
	int err = 0;

	for (uint32_t i = 0; i < r->wake_edges_cnt && !err; i++) {
		const struct cpt_wake_edge *e = &r->wake_edges[i];
		const struct cpt_thread *waker = report__thread(r, e->waker);
		const struct cpt_thread *wakee = report__thread(r, e->wakee);
		struct wake_row row = {
			.by = waker_name(e->by),
			.waker = e->waker,
			.wakee = e->wakee,
			.waker_tid = waker ? waker->tid : 0,
			.wakee_tid = wakee ? wakee->tid : 0,
			.waker_name = waker			? waker->name
				      : e->by == CPT_WAKER_TASK ? CPT_NAME_OTHER
								: NULL,
			.wakee_name = wakee ? wakee->name : CPT_NAME_OTHER,
			.reason = e->reason < CPT_REASON_CNT ? reason_name(e->reason) : "unknown",
			.pid = wakee ? wakee->pid : 0,
			.descriptor = fd_kind_name(e->fd_kind),
			.fd = e->fd >= 0 ? (uint32_t)e->fd : 0,
			.cnt = e->cnt,
			.waited_ns = e->waited_ns,
		};

		strbuf__clear(&lock);
		if (e->lock) {
			add_lock_name(&lock, &r->locks[e->lock - 1], true);
			row.lock = strbuf__str(&lock);
		}
		err = lock.failed ? -ENOMEM : table_out__row(out, &row);
	}
	strbuf__free(&lock);
	return err;
}
