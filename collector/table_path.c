// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* table_path.c - see table_path.h. */
#include "table_path.h"

#define P(member) offsetof(struct cpt_path_part, member)

const struct table_col path_cols[] = {
	{"id", "number of the thread, as in threads; 0: all further threads", TABLE_U32, P(id)},
	{"tid", "thread id, the last it had", TABLE_U32, P(tid)},
	{"pid", "its process", TABLE_U32, P(pid)},
	{"name", "the last it had", TABLE_COMM, P(name)},
	{"total_ns", "of the critical path: sum of those below", TABLE_U64, P(total_ns)},
	{"serial_ns", "on a CPU, while nothing else of the workload was", TABLE_U64, P(serial_ns)},
	{"parallel_ns", "on a CPU, while others were, too", TABLE_U64, P(parallel_ns)},
	{"runnable_ns", "wanted a CPU and had none", TABLE_U64, P(runnable_ns)},
	{"blocked_ns", "in waits that no thread of the workload ended", TABLE_U64, P(blocked_ns)},
	{"unknown_ns", "events were lost", TABLE_U64, P(unknown_ns)},
	{NULL, NULL, TABLE_U64, 0},
};

int write_path(struct table_out *out, const struct cpt_report *r)
{
	const struct cpt_path *p = &r->path;
	int err = 0;

	for (uint32_t i = 0; i < p->threads_cnt && !err; i++)
		err = table_out__row(out, &p->threads[i]);
	if (!err && p->other.total_ns)
		err = table_out__row(out, &p->other);
	return err;
}
