// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* symbols.c - see symbols.h. */
#include "symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "symbols_helper.h"

#define ANSWER_MS    10000 /* the largest debug files take a second or two */
#define RESTARTS_MAX 8	   /* helpers that crashed or did not answer */

struct symbols {
	pid_t helper; /* 0: none */
	int sock;
	uint32_t next_id;
	uint32_t failures;
	struct helper_question question;
	struct helper_answer answer;
};

#define BAD_FILE UINT32_MAX /* module.symbols_id: one that made the helper fail */

struct symbols *symbols__new(void)
{
	return calloc(1, sizeof(struct symbols));
}

bool symbols__available(void)
{
	return true;
}

/* ---- the helper -------------------------------------------------------------------------------- */

static void stop(struct symbols *s, bool by_force)
{
	if (!s->helper)
		return;
	close(s->sock); /* which ends it, if it listens */
	if (by_force)
		kill(s->helper, SIGKILL);
	while (waitpid(s->helper, NULL, 0) < 0 && errno == EINTR)
		;
	s->helper = 0;
}

void symbols__free(struct symbols *s)
{
	if (!s)
		return;
	/* It has nothing to save, and its memory is unmapped faster by its end than by itself. */
	stop(s, true);
	free(s);
}

static bool start(struct symbols *s)
{
	int ends[2];
	pid_t pid;

	if (s->helper)
		return true;
	if (s->failures >= RESTARTS_MAX)
		return false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return false;
	pid = fork();
	if (!pid)
		symbols_helper__serve(ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return false;
	}
	s->helper = pid;
	s->sock = ends[0];
	return true;
}

static bool send_question(struct symbols *s, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {};
	struct iovec iov = {&s->question, sizeof(s->question)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (fd >= 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(s->sock, &msg, MSG_NOSIGNAL) == sizeof(s->question);
}

/* What it says is checked as a file would be: it has read one. */
static bool receive_answer(struct symbols *s)
{
	struct pollfd poll_fd = {.fd = s->sock, .events = POLLIN};
	const size_t head = offsetof(struct helper_answer, frames);
	struct helper_answer *a = &s->answer;
	ssize_t n;
	int ret;

	do
		ret = poll(&poll_fd, 1, ANSWER_MS);
	while (ret < 0 && errno == EINTR);
	if (ret != 1)
		return false;
	n = recv(s->sock, a, sizeof(*a), 0);
	if (n < (ssize_t)head || a->cnt < -1 || a->cnt > CPT_SYMBOL_FRAMES_MAX)
		return false;
	if ((size_t)n != head + (a->cnt > 0 ? (size_t)a->cnt : 0) * sizeof(a->frames[0]))
		return false;
	for (int32_t i = 0; i < a->cnt; i++) {
		a->frames[i].function[CPT_SYMBOL_MAX - 1] = '\0';
		a->frames[i].file[CPT_SYMBOL_FILE_MAX - 1] = '\0';
	}
	return true;
}

/* ---- asking ------------------------------------------------------------------------------------ */

/* One question and its answer. A helper that fails takes the file it was asked about with it. */
static bool exchange(struct symbols *s, struct module *m, enum helper_op op, uint64_t addr, int fd)
{
	s->question.op = op;
	s->question.id = m->symbols_id;
	s->question.addr = addr;
	if (send_question(s, fd) && receive_answer(s))
		return true;
	s->failures++;
	m->symbols_id = BAD_FILE;
	stop(s, true);
	return false;
}

static bool open_module(struct symbols *s, struct module *m)
{
	bool close_it, ok;
	int fd = modules__fd(m, &close_it);

	if (fd < 0) {
		m->symbols_id = BAD_FILE;
		return false;
	}
	snprintf(s->question.path, sizeof(s->question.path), "%s", m->path);
	ok = exchange(s, m, HELPER_OPEN, 0, fd);
	if (close_it)
		close(fd);
	return ok;
}

/* Answers are in s->answer. Returns its count, 0 where there is none. */
static int32_t ask(struct symbols *s, struct module *m, enum helper_op op, uint64_t addr)
{
	if (m->symbols_id == BAD_FILE || !m->elf.load_cnt || !start(s))
		return 0;
	if (!m->symbols_id)
		m->symbols_id = ++s->next_id;
	for (int i = 0; i < 2; i++) {
		if (!exchange(s, m, op, addr, -1))
			return 0;
		if (s->answer.cnt >= 0)
			return s->answer.cnt;
		if (!open_module(s, m)) /* not yet, not any more, or a new helper */
			return 0;
	}
	return 0;
}

bool symbols__object(struct symbols *s, struct module *m, uint64_t addr, char *name, size_t sz)
{
	const struct helper_answer *a = &s->answer;

	if (ask(s, m, HELPER_OBJECT, addr) != 1)
		return false;
	if (a->off)
		snprintf(name, sz, "%s+0x%" PRIx64, a->frames[0].function, a->off);
	else
		snprintf(name, sz, "%s", a->frames[0].function);
	return true;
}

uint32_t symbols__frames(struct symbols *s, struct module *m, uint64_t addr,
			 struct symbol_frame frames[CPT_SYMBOL_FRAMES_MAX])
{
	int32_t cnt = ask(s, m, HELPER_FRAMES, addr);

	if (cnt <= 0)
		return 0;
	memcpy(frames, s->answer.frames, (size_t)cnt * sizeof(*frames));
	return (uint32_t)cnt;
}
