// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* symbols_helper.c - see symbols_helper.h. */
#include "symbols_helper.h"

#include <linux/capability.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config.h"
#include "rights.h"
#include "symbols_dw.h"

#define MEMORY_MAX  (4ULL << 30) /* address space: files are mapped, debug information is large */
#define SECONDS_MAX 60		 /* of CPU time in all */

struct helper {
	int sock;
	struct {
		uint32_t id; /* 0: free */
		struct dw_file *file;
	} files[HELPER_FILES_MAX];
	uint32_t next; /* slot that makes room */
};

/* ---- bounds ------------------------------------------------------------------------------------ */

static void limit(int what, rlim_t most)
{
	struct rlimit lim = {most, most};

	(void)setrlimit(what, &lim);
}

/* The files belong to the user behind sudo or to others: they are read as that user. Only root itself, whom
 * nobody else is behind, may read all. */
static void drop_rights(void)
{
	struct rights_user behind;
	bool root;

	if (rights__user(&behind))
		_exit(1);
	root = geteuid() == 0 && !behind.group_cnt;
	if (rights__keep(root ? RIGHT(CAP_DAC_READ_SEARCH) : 0, &behind))
		_exit(1);
	rights__user_free(&behind);
}

/* What was handled by whoever forked us is none of ours. */
static void forget_handlers(void)
{
	struct sigaction given;

	for (int sig = 1; sig <= SIGRTMAX; sig++)
		if (!sigaction(sig, NULL, &given) && given.sa_handler != SIG_IGN)
			signal(sig, SIG_DFL);
}

static void confine(int sock)
{
	forget_handlers();
	/* Ctrl-C is for the command; we end with our asker. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	(void)setpriority(PRIO_PROCESS, 0, 0);
	if (sock > 0)
		(void)syscall(SYS_close_range, 3, sock - 1, 0);
	(void)syscall(SYS_close_range, sock + 1, ~0U, 0);
	/* No server is asked for debug files. */
	(void)unsetenv("DEBUGINFOD_URLS");
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, SECONDS_MAX);
	if (!CPT_SANITIZE) /* which reserves more than there is */
		limit(RLIMIT_AS, MEMORY_MAX);
	drop_rights();
	/* After that: a change of user forgets it. An asker that has gone meanwhile has closed its end. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

/* ---- questions --------------------------------------------------------------------------------- */

static struct dw_file *file_of(const struct helper *h, uint32_t id)
{
	for (uint32_t i = 0; i < HELPER_FILES_MAX; i++)
		if (h->files[i].id == id)
			return h->files[i].file;
	return NULL;
}

static bool has_file(const struct helper *h, uint32_t id)
{
	for (uint32_t i = 0; i < HELPER_FILES_MAX; i++)
		if (h->files[i].id == id)
			return true;
	return false;
}

/* One that libdw does not take is remembered too, as a file without names. */
static void open_file(struct helper *h, const struct helper_question *q, int fd)
{
	uint32_t slot = h->next++ % HELPER_FILES_MAX;

	dw_file__close(h->files[slot].file);
	h->files[slot].id = q->id;
	h->files[slot].file = fd < 0 ? NULL : dw_file__open(fd, q->path);
}

static void answer(struct helper *h, const struct helper_question *q, int fd,
		   struct helper_answer *a)
{
	struct dw_file *file;

	memset(a, 0, sizeof(*a));
	if (q->op == HELPER_OPEN) {
		open_file(h, q, fd);
		a->cnt = 1;
		return;
	}
	if (fd >= 0)
		close(fd);
	file = file_of(h, q->id);
	if (!has_file(h, q->id))
		a->cnt = -1;
	else if (file && q->op == HELPER_OBJECT)
		a->cnt = dw_file__object(file, q->addr, a->frames[0].function, &a->off);
	else if (file && q->op == HELPER_FRAMES)
		a->cnt = (int32_t)dw_file__frames(file, q->addr, a->frames);
}

static bool receive(int sock, struct helper_question *q, int *fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {q, sizeof(*q)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	struct cmsghdr *c;

	*fd = -1;
	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != sizeof(*q))
		return false;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	q->path[sizeof(q->path) - 1] = '\0';
	return true;
}

void symbols_helper__serve(int sock)
{
	struct helper h = {.sock = sock};
	struct helper_question q;
	struct helper_answer a;
	size_t sz;
	int fd;

	confine(sock);
	while (receive(sock, &q, &fd)) {
		answer(&h, &q, fd, &a);
		sz = offsetof(struct helper_answer, frames) +
		     (a.cnt > 0 ? (size_t)a.cnt : 0) * sizeof(a.frames[0]);
		if (send(sock, &a, sz, MSG_NOSIGNAL) != (ssize_t)sz)
			break;
	}
	_exit(0);
}
