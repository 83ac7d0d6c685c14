/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * polls.bpf.h - event loops that wait with poll and select: a thread, and the set it polls, are an instance
 *               (CPT_LOOP_POLL).
 *
 * Owns:     which thread is such a loop, and what its calls say of its descriptors.
 * Must not: look twice at a descriptor that is not ready, of a set that is the same as before: it may be large,
 *           and is polled again and again.
 *
 * A thread that polls three descriptors or more, or one that listens, is a loop from the second return on: a
 * single poll is none, and neither is one for the two ends of a connection. From then on its polls of two
 * descriptors or more, or of one that listens, and its selects with a set are turns. What select
 * was asked for is seen where it blocks (wait.bpf.h).
 *
 * poll leaves its set as it was: when it is another one than before, each of its descriptors is met. select
 * leaves only what is ready: those, what is accepted, and what the thread connects. An outbound
 * operation that was sent before its descriptor was met is not known.
 *
 * A part of loops.bpf.c.
 */
#ifndef POLLS_BPF_H
#define POLLS_BPF_H

#include "loops.bpf.h"

#define POLLIN	   0x0001
#define POLLED_CNT 4  /* descriptors read at a time */
#define SET_WORDS  64 /* of 64 descriptors: of more, those are not looked at */

static __always_inline __u32 poll_fd(struct task_struct *task)
{
	return CPT_POLL_FD | task->pid;
}

/* Descriptor of a process (an fd_key) is in the set of the instance in this slot. ready_ns: since when it
 * has something to read, 0 it has not. Returns whether it is a connection. */
__noinline int polled(__u32 slot, __u64 key, __u32 task, __u64 ready_ns)
{
	struct cpt_loop_inst *in = inst_at(slot);
	__u32 tgid = key >> 32, fd = key;
	struct loop_conn *c;
	__u64 ref;

	if (!in)
		return 0;
	c = conn_of_fd(tgid, fd, &ref);
	if (!c) {
		c = conn_new(tgid, fd, &ref);
		if (!c)
			return 0;
		conn_resolve(c);
	}
	if (!c->registered) /* with an epoll instance, which it belongs to */
		conn_move(c, in, task);
	if (ready_ns && c->instance == in->instance && c->kind == CPT_CONN_IN && !at_end(c))
		op_open(c, OP_REPORTED, task, ready_ns);
	return conn_counts(c);
}

struct poll_scan {
	__u64 fds;   /* user address */
	__u64 ts;    /* of the return */
	__u64 hash;  /* of the descriptors */
	__u64 word;  /* of a set: what is left of the one looked at */
	__u32 words; /* of a set, read so far */
	__u32 cnt;   /* of descriptors, or words */
	__u32 slot, tgid, task;
	__u32 conns;
	bool all; /* also those that are not ready */
};

static long some_polled(__u32 n, void *ctx)
{
	struct poll_scan *p = ctx;
	struct pollfd fds[POLLED_CNT] = {}; /* before 6.3 a helper fills in part only what is set */
	__u32 first = n * POLLED_CNT, sz = sizeof(fds);

	if (first >= p->cnt)
		return 1;
	if (p->cnt - first < POLLED_CNT)
		sz = (p->cnt - first) * sizeof(fds[0]);
	barrier_var(sz); /* as in some_events() */
	if (sz > sizeof(fds) ||
	    bpf_probe_read_user(fds, sz, (void *)(p->fds + first * sizeof(fds[0]))))
		return 1;
	for (__u32 i = 0; i < POLLED_CNT; i++) {
		__u32 fd = fds[i].fd, ready = fds[i].revents & POLLIN;

		if (first + i >= p->cnt)
			break;
		p->hash = (p->hash ^ fd) * 0x100000001b3ULL;
		if ((__s32)fd >= 0 && (p->all || ready))
			p->conns +=
				polled(p->slot, fd_key(p->tgid, fd), p->task, ready ? p->ts : 0);
	}
	return 0;
}

/* The next descriptor that is ready, or the next word of the set. */
static long next_ready(__u32 n, void *ctx)
{
	struct poll_scan *p = ctx;
	__u32 fd;

	if (!p->word) {
		if (p->words >= p->cnt ||
		    bpf_probe_read_user(&p->word, sizeof(p->word), (void *)(p->fds + 8 * p->words)))
			return 1;
		p->words++;
		return 0;
	}
	fd = (p->words - 1) * 64 + lowest_bit(p->word);
	p->word &= p->word - 1;
	polled(p->slot, fd_key(p->tgid, fd), p->task, p->ts);
	return 0;
}

static __always_inline void scan_poll(struct poll_scan *p, struct cpt_loop_inst *in)
{
	const __u32 turns = (p->cnt + POLLED_CNT - 1) / POLLED_CNT;

	bpf_loop(turns, some_polled, p, 0);
	if (p->hash == in->file)
		return;
	in->file = p->hash;
	p->all = true;
	p->ts = p->conns = 0;
	bpf_loop(turns, some_polled, p, 0);
	in->conns = p->conns;
}

static __always_inline bool listens(int fd)
{
	struct file *file = fd < 0 ? NULL : file_of(bpf_get_current_task_btf(), fd);

	return file && file_kind(file) == CPT_FD_SOCK_LISTEN;
}

/* Is this turn one of the thread's loop? A poll for one descriptor is, if that listens. */
static __always_inline bool polls_set(struct call *call, bool select)
{
	int fd = -1;

	if (select) /* without a set it is a sleep */
		return call->regs->REG_ARG2 | call->regs->REG_ARG3 | call->regs->REG_ARG4;
	if (call->regs->REG_ARG2 > 1)
		return true;
	return call->regs->REG_ARG2 == 1 &&
	       !bpf_probe_read_user(&fd, sizeof(fd), (void *)call->regs->REG_ARG1) && listens(fd);
}

/* Does the call wait as event loops do? As far as its end shows: of select, what is ready alone. */
static __noinline bool waits_as_loop(struct call *call, bool select)
{
	struct pollfd fds[2] = {};
	__u64 word = 0;

	if (!select) {
		if (call->regs->REG_ARG2 > 2)
			return true;
		fds[1].fd = -1;
		if (bpf_probe_read_user(fds,
					call->regs->REG_ARG2 == 2 ? sizeof(fds) : sizeof(fds[0]),
					(void *)call->regs->REG_ARG1))
			return false;
		return listens(fds[0].fd) || listens(fds[1].fd);
	}
	return call->ret > 0 && call->regs->REG_ARG2 &&
	       !bpf_probe_read_user(&word, sizeof(word), (void *)call->regs->REG_ARG2) && word &&
	       listens(lowest_bit(word));
}

/* A return to a thread that is no loop yet. */
static __always_inline struct cpt_loop_inst *meet_poller(struct call *call, struct cpt_task *t,
							 __u32 key, bool select)
{
	__u32 flags = CPT_LOOP_POLL;

	if (!t->poll_blocks && !t->poll_turns && !waits_as_loop(call, select))
		return NULL;
	if (t->poll_turns < 255)
		t->poll_turns++;
	if (t->poll_turns < CPT_POLL_TURNS)
		return NULL;
	/* It has blocked where we saw nothing return: that was before the probes. */
	if (!cpt_loop_from_start && t->poll_blocks > t->poll_turns)
		flags |= CPT_LOOP_FOUND;
	return inst_new(call->tgid, key, flags, call->task);
}

static __noinline int on_poll(struct call *call, struct cpt_task *t, bool select)
{
	struct poll_scan p = {.tgid = call->tgid, .task = call->task};
	__u32 key = poll_fd(bpf_get_current_task_btf());
	struct cpt_loop_inst *in = inst_find(call->tgid, key);

	if (!polls_set(call, select)) {
		t->blocked_in =
			CPT_SYSNO_NONE; /* that block was no loop's wait: the next one may be */
		return 0;
	}
	if (call->ret < 0 && call->ret != -EINTR)
		return 0;
	if (!in) {
		in = meet_poller(call, t, key, select);
		if (!in) {
			t->blocked_in = CPT_SYSNO_NONE;
			return 0;
		}
	}
	p.slot = in->slot;
	p.ts = bpf_ktime_get_ns();
	serve_next(t, in, call->regs->REG_NR, p.ts);
	if (inst_lock(in)) {
		turn_locked(in, call->task, call->ret > 0 ? call->ret : 0, p.ts);
		inst_unlock(in);
	} else {
		turn_alone(in, call->task, call->ret > 0 ? call->ret : 0, p.ts);
	}
	if (select) {
		p.fds = call->regs->REG_ARG2;
		p.cnt = (call->regs->REG_ARG1 + 63) / 64;
		if (p.cnt > SET_WORDS)
			p.cnt = SET_WORDS;
		if (p.fds && call->ret > 0)
			bpf_loop(p.cnt + call->ret, next_ready, &p, 0);
		return 0;
	}
	p.fds = call->regs->REG_ARG1;
	p.cnt = call->regs->REG_ARG2 < EVENTS_MAX ? call->regs->REG_ARG2 : EVENTS_MAX;
	scan_poll(&p, in);
	return 0;
}

/* What a thread that polls connects is its loop's, before it is polled. */
static __noinline int on_connect(struct call *call)
{
	__u32 fd = call->regs->REG_ARG1;
	struct cpt_loop_inst *in;
	struct loop_conn *c;
	__u64 ref;

	if (call->ret && call->ret != -EINPROGRESS)
		return 0;
	in = inst_find(call->tgid, poll_fd(bpf_get_current_task_btf()));
	if (!in)
		return 0;
	c = conn_of_fd(call->tgid, fd, &ref);
	if (c && c->file == file_id(fd))
		return 0;
	if (c)
		conn_release(c, call->tgid, fd, ref, call->task);
	polled(in->slot, fd_key(call->tgid, fd), call->task, 0);
	return 0;
}

#endif /* POLLS_BPF_H */
