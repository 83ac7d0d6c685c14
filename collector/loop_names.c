// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* loop_names.c - see loop_names.h. */
#include "loop_names.h"

#include "analysis/sysno.h"

static enum cpt_sys sys_of(const struct cpt_report *r, const struct cpt_stall *stall)
{
	uint8_t table[CPT_SYSNO_TABLE_SZ];

	if (stall->sysno >= CPT_SYSNO_TABLE_SZ || !r->meta)
		return CPT_SYS_UNKNOWN;
	sysno_table(r->meta->machine, table);
	return (enum cpt_sys)table[stall->sysno];
}

const char *stall_call(const struct cpt_report *r, const struct cpt_stall *stall)
{
	if (stall->rest || stall->sysno == CPT_SYSNO_NONE)
		return NULL;
	return sys_name(sys_of(r, stall));
}

bool stall_is_futex(const struct cpt_report *r, const struct cpt_stall *stall)
{
	return !stall->rest && sys_group(sys_of(r, stall)) == CPT_SYS_GROUP_FUTEX;
}

const char *stall_fd_kind(const struct cpt_report *r, const struct cpt_stall *stall)
{
	return stall->rest || stall_is_futex(r, stall) ? NULL : fd_kind_name(stall->object);
}

const char *instance_kind(const struct cpt_epoll_instance *in)
{
	if (in->flags & CPT_LOOP_POLL)
		return loop_kind_name(CPT_LOOP_KIND_POLL);
	return loop_kind_name(in->flags & CPT_LOOP_RING ? CPT_LOOP_KIND_RING : CPT_LOOP_KIND_EPOLL);
}

int32_t instance_fd(const struct cpt_epoll_instance *in)
{
	return in->flags & CPT_LOOP_POLL ? -1 : (int32_t)in->epfd;
}
