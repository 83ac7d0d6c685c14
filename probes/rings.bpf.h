/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rings.bpf.h - operations of io_uring rings: what is submitted, and how it comes to its end.
 *
 * Owns:     the tracepoints of io_uring; a ring is an instance like those of epoll (CPT_LOOP_RING).
 * Must not: count what stands for waiting: polls, accepts, timeouts, receives of a serving socket.
 *
 *   submit ── done at once ───────────────────────────────► complete
 *     ├────── a poll is armed for it ────── (armed) ──────────┤
 *     └────── a worker takes it, blocking ─ (punted) ─────────┘
 *
 * Its operations are outbound: the program asked for them. A multishot operation counts until its first
 * completion.
 *
 * A part of loops.bpf.c. io_uring_submit_req was io_uring_submit_sqe before 6.3.
 */
#ifndef RINGS_BPF_H
#define RINGS_BPF_H

#include "loops.bpf.h"

/* io_kiocb.flags */
#define REQ_F_FIXED_FILE 0x01
#define REQ_F_CQE_SKIP	 0x40 /* its success is not told */

/* Operations that wait for something to do, or for time: IORING_OP_* (uapi/linux/io_uring.h). */
#define RING_WAITS                                                                                 \
	(1ULL << 0 /* NOP */ | 1ULL << 6 /* POLL_ADD */ | 1ULL << 7 /* POLL_REMOVE */ |            \
	 1ULL << 11 /* TIMEOUT */ | 1ULL << 12 /* TIMEOUT_REMOVE */ | 1ULL << 13 /* ACCEPT */ |    \
	 1ULL << 14 /* ASYNC_CANCEL */ | 1ULL << 15 /* LINK_TIMEOUT */ |                           \
	 1ULL << 40 /* MSG_RING */ | 1ULL << 51 /* FUTEX_WAIT */ | 1ULL << 52 /* FUTEX_WAKE */ |   \
	 1ULL << 53 /* FUTEX_WAITV */ | 1ULL << 59 /* EPOLL_WAIT */)
#define RING_RECEIVES                                                                              \
	(1ULL << 1 /* READV */ | 1ULL << 4 /* READ_FIXED */ | 1ULL << 10 /* RECVMSG */ |           \
	 1ULL << 22 /* READ */ | 1ULL << 27 /* RECV */ | 1ULL << 49 /* READ_MULTISHOT */ |         \
	 1ULL << 58 /* RECV_ZC */)

#define RING_OP_ARMED  1
#define RING_OP_PUNTED 2

struct loop_ring {
	__u32 fd;
	__u32 slot;
	__u32 instance; /* 0: none yet */
};

struct ring_op {
	__u64 opened_ns;
	__u32 slot;
	__u32 instance;
	__u32 how; /* RING_OP_* */
	__u32 reserved;
};

#define RING_OPS_MAX 16384

/* By the address of its io_ring_ctx. The kernel does not tell when one is freed: those not used for longest
 * make room, and an address that is used again is told by io_uring_create, or by its old instance being
 * over. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4 * CPT_LOOP_INSTANCES);
	__type(key, __u64);
	__type(value, struct loop_ring);
} cpt_loop_rings SEC(".maps");

/* By the address of its io_kiocb. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RING_OPS_MAX);
	__type(key, __u64);
	__type(value, struct ring_op);
} cpt_loop_ops SEC(".maps");

SEC("?tp_btf/io_uring_create")
int cpt_ring_create(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct loop_ring ring = {.fd = ctx[0]};
	__u64 key = ctx[1];

	if (family_get(task))
		bpf_map_update_elem(&cpt_loop_rings, &key, &ring, BPF_ANY);
	return 0;
}

/* A ring that was there before the probes: its descriptor is an argument of the call that submits. */
static __always_inline __u32 ring_fd(struct task_struct *task, __u64 ring)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(task);

	if (!(task->flags & (PF_IO_WORKER | PF_USER_WORKER)) && regs->REG_NR == NR_io_uring_enter)
		return regs->REG_ARG1;
	return 1U << 31 | (__u32)(ring >> 6); /* none can have that number */
}

static __noinline struct cpt_loop_inst *ring_inst(struct task_struct *task, __u64 key, __u32 id)
{
	struct loop_ring *ring = bpf_map_lookup_elem(&cpt_loop_rings, &key), found;
	struct cpt_loop_inst *in;
	__u32 flags = CPT_LOOP_RING;

	if (ring && ring->instance) {
		in = inst_at(ring->slot);
		if (in && in->instance == ring->instance)
			return in;
		ring = NULL;
	}
	found.fd = ring ? ring->fd : ring_fd(task, key);
	if (!ring)
		flags |= CPT_LOOP_FOUND;
	in = inst_find(task->tgid, found.fd);
	if (!in || !(in->flags & CPT_LOOP_RING))
		in = inst_new(task->tgid, found.fd, flags, id);
	if (!in)
		return NULL;
	found.slot = in->slot;
	found.instance = in->instance;
	if (bpf_map_update_elem(&cpt_loop_rings, &key, &found, BPF_ANY))
		lose(CPT_LOOP_LOSS_INSTANCES);
	return in;
}

/* Does the operation stand for something in progress? */
static __always_inline bool ring_op_counts(struct task_struct *task, struct io_kiocb *req)
{
	__u32 flags = 0, opcode = req->opcode;
	struct file *file;

	bpf_core_read(&flags, sizeof(flags), &req->flags);
	if (opcode >= 64 || RING_WAITS >> opcode & 1 || flags & REQ_F_CQE_SKIP)
		return false;
	if (!(RING_RECEIVES >> opcode & 1) || flags & REQ_F_FIXED_FILE)
		return true;
	file = file_of(task, BPF_CORE_READ(req, cqe.fd));
	return !file || file_kind(file) != CPT_FD_SOCK_SERVING;
}

static __always_inline int ring_submit(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct io_kiocb *req = (void *)ctx[0];
	struct cpt_task *t = family_get(task);
	struct cpt_loop_inst *in;
	struct ring_op op = {};
	__u64 key = ctx[0];

	if (!t || !ring_op_counts(task, req))
		return 0;
	/* Read, and not dereferenced: an address to compute with. */
	in = ring_inst(task, (__u64)BPF_CORE_READ(req, ctx), t->id);
	if (!in)
		return 0;
	op.slot = in->slot;
	op.instance = in->instance;
	op.opened_ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&cpt_loop_ops, &key, &op, BPF_ANY)) {
		lose(CPT_LOOP_LOSS_CONNS);
		return 0;
	}
	step(in, CPT_LOOP_OUT, STEP_OPENED, t->id, op.opened_ns);
	return 0;
}

SEC("?tp_btf/io_uring_submit_req")
int cpt_ring_submit(__u64 *ctx)
{
	return ring_submit(ctx);
}

SEC("?tp_btf/io_uring_submit_sqe")
int cpt_ring_submit_old(__u64 *ctx)
{
	return ring_submit(ctx);
}

static __always_inline struct cpt_loop_inst *ring_op_inst(const struct ring_op *op)
{
	struct cpt_loop_inst *in = inst_at(op->slot);

	return in && in->instance == op->instance ? in : NULL;
}

static __always_inline void ring_gauge(struct cpt_loop_inst *in, __u32 how, __s32 by)
{
	if (how == RING_OP_ARMED)
		__sync_fetch_and_add(&in->conns, by);
	else if (how == RING_OP_PUNTED)
		__sync_fetch_and_add(&in->timers, by);
}

/* An operation goes the way of `how` from here on. */
static __always_inline void ring_op_goes(__u64 key, __u32 how)
{
	struct ring_op *op = bpf_map_lookup_elem(&cpt_loop_ops, &key);
	struct cpt_loop_inst *in;

	if (!op || op->how == how)
		return;
	in = ring_op_inst(op);
	if (!in)
		return;
	ring_gauge(in, op->how, -1);
	op->how = how;
	ring_gauge(in, how, 1);
}

SEC("?tp_btf/io_uring_poll_arm")
int cpt_ring_arm(__u64 *ctx)
{
	ring_op_goes(ctx[0], RING_OP_ARMED);
	return 0;
}

SEC("?tp_btf/io_uring_queue_async_work")
int cpt_ring_punt(__u64 *ctx)
{
	ring_op_goes(ctx[0], RING_OP_PUNTED);
	return 0;
}

SEC("?tp_btf/io_uring_complete")
int cpt_ring_complete(__u64 *ctx)
{
	__u64 key = ctx[1], ts;
	struct ring_op *op, was;
	struct cpt_loop_inst *in;
	struct cpt_task *t;

	op = key ? bpf_map_lookup_elem(&cpt_loop_ops, &key) : NULL;
	if (!op)
		return 0;
	was = *op;
	if (bpf_map_delete_elem(&cpt_loop_ops, &key))
		return 0; /* somebody else completes it */
	in = ring_op_inst(&was);
	if (!in)
		return 0;
	t = family_get(bpf_get_current_task_btf());
	ts = bpf_ktime_get_ns();
	/* The step first: a window that it sends says what was armed while that lasted. */
	step(in, CPT_LOOP_OUT, STEP_COMPLETED, t ? t->id : 0, ts);
	ring_gauge(in, was.how, -1);
	count_latency(in, was.slot, CPT_LOOP_OUT, ts > was.opened_ns ? ts - was.opened_ns : 0);
	return 0;
}

#endif /* RINGS_BPF_H */
