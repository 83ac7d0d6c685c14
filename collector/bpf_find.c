// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* bpf_find.c - see bpf_find.h. */
#include "bpf_find.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf_common.h"

#define FIND_ROUNDS 16

static int find_step(struct bpf_find *f, uint32_t step, void (*fn)(void *ctx, const void *rec),
		     void *ctx)
{
	*f->step = step;
	return bpf_common__iterate(f->iter, sizeof(struct cpt_rec_found), fn, ctx);
}

int bpf_find__name(struct bpf_find *f, const int *pidfds, size_t cnt, char *err, size_t err_sz)
{
	const struct cpt_task task = {.flags = CPT_TS_GATED | CPT_TS_NAMED};
	int fd = f->tasks_fd, ret;

	for (size_t i = 0; i < cnt; i++) {
		ret = bpf_map_update_elem(fd, &pidfds[i], &task, BPF_NOEXIST);
		/* It has ended: nobody of it will be found. */
		if (ret && ret != -ESRCH && ret != -ENOENT)
			return bpf_common__say(err, err_sz, ret, "cannot mark the process: %s",
					       strerror(-ret));
	}
	ret = find_step(f, CPT_FIND_NAMED, NULL, NULL);
	return ret ? bpf_common__say(err, err_sz, ret, "cannot look at the tasks that run: %s",
				     strerror(-ret))
		   : 0;
}

int bpf_find__group(struct bpf_find *f, int group_fd, char *err, size_t err_sz)
{
	union bpf_iter_link_info info = {
		.cgroup = {.order = BPF_CGROUP_ITER_SELF_ONLY, .cgroup_fd = (uint32_t)group_fd},
	};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	int ret;

	f->group_link = bpf_program__attach_iter(f->group, &opts);
	ret = f->group_link ? bpf_common__iterate(f->group_link, 1, NULL, NULL) : -errno;
	if (ret)
		return bpf_common__say(err, err_sz, ret, "cannot look at the cgroup: %s",
				       strerror(-ret));
	if (*f->group_ptr)
		return 0;
	return bpf_common__say(
		err, err_sz, -EOPNOTSUPP,
		"no controller is in this cgroup's hierarchy: name one that has one");
}

int bpf_find__run(struct bpf_find *f, void (*fn)(void *ctx, const void *rec), void *ctx)
{
	int ret;

	/* Of the machine's or a cgroup's tasks none is named: this says who the recorder is. */
	ret = find_step(f, CPT_FIND_NAMED, NULL, NULL);
	for (int round = 0; round < FIND_ROUNDS && !ret; round++) {
		const uint32_t before = *f->found;

		*f->pending = 0;
		ret = find_step(f, CPT_FIND_LEADERS, fn, ctx);
		if (!ret)
			ret = find_step(f, CPT_FIND_ALL, fn, ctx);
		if (!ret)
			ret = find_step(f, CPT_FIND_STATES, fn, ctx);
		if (*f->found == before && !*f->pending)
			break;
		f->look(f->ctx);
	}
	return ret;
}

int bpf_find__states(struct bpf_find *f, void (*fn)(void *ctx, const void *rec), void *ctx)
{
	if (!*f->pending)
		return 0;
	*f->pending = 0;
	return find_step(f, CPT_FIND_STATES, fn, ctx);
}

bool bpf_find__moved(struct bpf_find *f)
{
	return __atomic_exchange_n(f->moved, false, __ATOMIC_RELAXED);
}
