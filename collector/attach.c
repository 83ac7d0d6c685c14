// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* attach.c - see attach.h. */
#include "attach.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "say.h"
#include "strbuf.h"

#define LOOK_NS 1000000000 /* between two looks whether anybody is left, or has come unseen */

struct attach {
	const struct targets *t;
	struct strbuf name;
	int pidfds[CPT_TARGET_PIDS_MAX];
	uint32_t pidfd_cnt, ended;
	int group_fd, epoll_fd;
	struct cpt_rec_found *found; /* not handed over yet */
	size_t found_cnt, found_cap;
	bool failed;	     /* memory ran out: some were found and are not known */
	uint64_t look_ns;    /* the next */
	uint64_t *before_ns; /* by task number: CPU time before it was found */
	size_t before_cnt;
};

uint32_t attach__mode(const struct attach *a)
{
	return a->t->pids.cnt ? CPT_MODE_PIDS : a->t->cgroup ? CPT_MODE_GROUP : CPT_MODE_ALL;
}

const char *attach__name(const struct attach *a)
{
	return strbuf__str(&a->name);
}

pid_t attach__pid(const struct attach *a)
{
	return a->t->pids.cnt == 1 ? (pid_t)a->t->pids.list[0] : 0;
}

const struct target_pids *attach__pids(const struct attach *a)
{
	return &a->t->pids;
}

int attach__fd(const struct attach *a)
{
	return a->epoll_fd;
}

/* ---- what the user named ------------------------------------------------------------------------ */

static void name_it(struct attach *a)
{
	const struct targets *t = a->t;

	for (uint32_t i = 0; i < t->pids.cnt; i++)
		strbuf__addf(&a->name, "%s%" PRIu32, i ? "," : "pid ", t->pids.list[i]);
	if (t->cgroup)
		strbuf__addf(&a->name, "cgroup %s", t->cgroup);
	if (t->all_cpus)
		strbuf__adds(&a->name, "all");
}

/* One descriptor to wait on for all of them; each tells once. */
static int watch_pids(struct attach *a)
{
	a->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (a->epoll_fd < 0)
		return fail(-errno, "cannot watch the processes: %s", strerror(errno));
	for (uint32_t i = 0; i < a->pidfd_cnt; i++) {
		struct epoll_event ev = {.events = EPOLLIN | EPOLLONESHOT};

		if (epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, a->pidfds[i], &ev))
			return fail(-errno, "cannot watch process %" PRIu32 ": %s",
				    a->t->pids.list[i], strerror(errno));
	}
	return 0;
}

static int open_targets(struct attach *a)
{
	int err;

	if (a->t->pids.cnt) {
		err = targets__open_pids(&a->t->pids, a->pidfds);
		if (err)
			return err;
		a->pidfd_cnt = a->t->pids.cnt;
		return watch_pids(a);
	}
	if (a->t->cgroup) {
		a->group_fd = targets__open_cgroup(a->t->cgroup, true);
		return a->group_fd < 0 ? a->group_fd : 0;
	}
	return 0;
}

struct attach *attach__open(const struct targets *t)
{
	struct attach *a = calloc(1, sizeof(*a));
	int err;

	if (!a) {
		fail(-ENOMEM, "out of memory");
		errno = ENOMEM;
		return NULL;
	}
	a->t = t;
	a->group_fd = a->epoll_fd = -1;
	name_it(a);
	err = a->name.failed ? fail(-ENOMEM, "out of memory") : open_targets(a);
	if (!err)
		return a;
	attach__free(a);
	errno = -err;
	return NULL;
}

void attach__free(struct attach *a)
{
	if (!a)
		return;
	for (uint32_t i = 0; i < a->pidfd_cnt; i++)
		close(a->pidfds[i]);
	if (a->group_fd >= 0)
		close(a->group_fd);
	if (a->epoll_fd >= 0)
		close(a->epoll_fd);
	strbuf__free(&a->name);
	free(a->found);
	free(a->before_ns);
	free(a);
}

/* ---- who there is ------------------------------------------------------------------------------- */

static void keep(void *ctx, const void *rec)
{
	struct attach *a = ctx;

	if (a->failed)
		return;
	if (a->found_cnt == a->found_cap) {
		size_t cap = a->found_cap ? 2 * a->found_cap : 64;
		struct cpt_rec_found *list = realloc(a->found, cap * sizeof(*list));

		if (!list) {
			a->failed = true;
			return;
		}
		a->found = list;
		a->found_cap = cap;
	}
	memcpy(&a->found[a->found_cnt++], rec, sizeof(*a->found));
}

static int find(struct attach *a, struct bpf_session *s, bool new)
{
	struct bpf_find *f = bpf_session__finder(s);
	const int ret = new ? bpf_find__run(f, keep, a) : bpf_find__states(f, keep, a);

	return ret ? ret : a->failed ? -ENOMEM : 0;
}

static bool has_ended(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

/* The kernel's numbers are those of the user, or in a PID namespace those that tasks have there. */
static bool is_found(const struct attach *a, uint32_t pid)
{
	for (size_t i = 0; i < a->found_cnt; i++) {
		const struct cpt_rec_task *task = &a->found[i].task;

		if (task->head.type && (task->tgid == pid || task->ns_tid == pid))
			return true;
	}
	return false;
}

/* Of several processes some may have ended while the probes were loaded. */
static void note_ended(const struct attach *a)
{
	for (uint32_t i = 0; i < a->pidfd_cnt; i++) {
		const uint32_t pid = a->t->pids.list[i];

		if (has_ended(a->pidfds[i]) && !is_found(a, pid))
			say_note("process %" PRIu32
				 " ended before it could be recorded; the others are recorded",
				 pid);
	}
}

int attach__find(struct attach *a, struct bpf_session *s, char *err, size_t err_sz)
{
	struct bpf_find *f = bpf_session__finder(s);
	int ret = 0;

	if (a->pidfd_cnt)
		ret = bpf_find__name(f, a->pidfds, a->pidfd_cnt, err, err_sz);
	else if (a->group_fd >= 0)
		ret = bpf_find__group(f, a->group_fd, err, err_sz);
	if (ret)
		return ret;
	ret = find(a, s, true);
	if (ret) {
		snprintf(err, err_sz, "cannot look at the tasks that run: %s", strerror(-ret));
		return ret;
	}
	/* A cgroup may fill later, and the machine has others than us. */
	if (a->pidfd_cnt && !a->found_cnt) {
		snprintf(err, err_sz, "%s: ended before it could be recorded", attach__name(a));
		return -ESRCH;
	}
	note_ended(a);
	return 0;
}

/* ---- the kernel's own account ------------------------------------------------------------------- */

static int note_before(struct attach *a, uint32_t id, uint64_t exec_ns)
{
	if (id >= a->before_cnt) {
		size_t cnt = a->before_cnt ? a->before_cnt : 256;
		uint64_t *list;

		while (cnt <= id)
			cnt *= 2;
		list = realloc(a->before_ns, cnt * sizeof(*list));
		if (!list)
			return -ENOMEM;
		memset(list + a->before_cnt, 0, (cnt - a->before_cnt) * sizeof(*list));
		a->before_ns = list;
		a->before_cnt = cnt;
	}
	a->before_ns[id] = exec_ns;
	return 0;
}

static uint64_t since_found(const struct attach *a, uint32_t id, uint64_t exec_ns)
{
	const uint64_t before = id < a->before_cnt ? a->before_ns[id] : 0;

	return exec_ns > before ? exec_ns - before : 0;
}

void attach__since_found(const struct attach *a, struct cpt_rec_exit *rec)
{
	rec->sum_exec_ns = since_found(a, rec->head.id, rec->sum_exec_ns);
}

struct alive {
	const struct attach *a;
	uint64_t sum_ns;
};

static void add_alive(void *ctx, const struct cpt_rec_tenant *task)
{
	struct alive *alive = ctx;

	if (task->flags == CPT_TENANT_OURS && task->id)
		alive->sum_ns += since_found(alive->a, task->id, task->sum_exec_ns);
}

uint64_t attach__alive_exec_ns(const struct attach *a, struct bpf_session *s)
{
	struct alive alive = {.a = a};

	return bpf_session__read_tenants(s, add_alive, &alive) ? UINT64_MAX : alive.sum_ns;
}

int attach__feed(struct attach *a, struct cpt_merge *m, struct places *ps)
{
	int err = 0;

	for (size_t i = 0; i < a->found_cnt && !err; i++) {
		const struct cpt_rec_found *f = &a->found[i];

		if (f->task.head.type)
			err = note_before(a, f->task.head.id, f->sum_exec_ns);
		if (!err && f->task.head.type) {
			err = places__life(ps, &f->task, sizeof(f->task));
			if (!err)
				err = merge__add_life(m, &f->task, sizeof(f->task));
		}
		if (!err && f->exec.head.type) {
			err = places__life(ps, &f->exec, sizeof(f->exec));
			if (!err)
				err = merge__add_life(m, &f->exec, sizeof(f->exec));
		}
		if (!err && f->wait.type)
			err = merge__add_found(m, f->cpu, &f->wait);
		if (!err && f->wait.type)
			places__records(ps, &f->wait, 1);
	}
	a->found_cnt = 0;
	return err;
}

int attach__tick(struct attach *a, struct bpf_session *s, uint64_t now_ns)
{
	bool moved;

	if (a->group_fd < 0)
		return find(a, s, false);
	moved = bpf_find__moved(bpf_session__finder(s));
	if (!moved && now_ns < a->look_ns)
		return find(a, s, false);
	a->look_ns = now_ns + LOOK_NS;
	return find(a, s, true);
}

/* ---- the end ------------------------------------------------------------------------------------ */

static void count_ours(void *ctx, const struct cpt_rec_tenant *task)
{
	*(uint32_t *)ctx += task->flags == CPT_TENANT_OURS && task->id;
}

bool attach__over(struct attach *a, struct bpf_session *s, uint64_t now_ns)
{
	struct epoll_event ev[16];
	uint32_t root, all, left = 0;
	int n;

	if (!a->pidfd_cnt)
		return false;
	while ((n = epoll_wait(a->epoll_fd, ev, 16, 0)) > 0)
		a->ended += (uint32_t)n;
	bpf_session__live(s, &root, &all);
	if (!all)
		return true;
	if (a->ended < a->pidfd_cnt || now_ns < a->look_ns)
		return false;
	/* A final switch-out that fired no event is not in that count. */
	a->look_ns = now_ns + LOOK_NS;
	return !bpf_session__read_tenants(s, count_ours, &left) && !left;
}
