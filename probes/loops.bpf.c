// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loops.bpf.c - operations of event loops: what epoll reports, what is read and answered.
 *
 * Owns:     one program at the end of every system call, and the automaton of each connection.
 * Must not: cost a workload without loops anything: it is an object of its own, loaded when a loop is
 *           first seen. Send a record for each call: steps go into their instance's window.
 *
 *   inbound   IDLE ── epoll reports it ──► REPORTED ── read ──► READ ── write ──► IDLE, completed
 *               └───────────── read, before epoll did ───────────┘
 *             REPORTED: read finds nothing or the end ──► IDLE, cancelled; any state: close, likewise,
 *               and a shutdown of what it would be answered by
 *   outbound  IDLE ── write ──► SENT ── read ──► IDLE, completed
 *
 * Only descriptors that were registered with an epoll instance, accepted from a listener that was, or in
 * a set that a loop polls (polls.bpf.h) are followed; rings are those of rings.bpf.h. The key is
 * the process: whichever thread writes the answer ends the operation.
 *
 * An instance that is met without its epoll_create1 was there before the probes, or came by a fork: it
 * is marked, and the collector fills in what was registered (cpt_loop_seed) from /proc/PID/fdinfo.
 *
 * What a call did is told by its number, arguments and result, all there at its end: nothing need be
 * kept from its start.
 */
#include "loops.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* What a system call may do here. */
#define DOES_NOTHING 0
#define DOES_EPOLL   1
#define DOES_READ    2
#define DOES_WRITE   3
#define DOES_MOVE    4 /* splice: reads the first, writes the third argument */
#define DOES_ACCEPT  5
#define DOES_CTL     6
#define DOES_CREATE  7
#define DOES_CLOSE   8
#define DOES_DUP     9
#define DOES_DUP_TO  10
#define DOES_FCNTL   11
#define DOES_TIMER   12
#define DOES_RANGE   13 /* close_range */
#define DOES_EXEC    14
#define DOES_POLL    15
#define DOES_SELECT  16
#define DOES_CONNECT 17
#define DOES_SHUT    18

/* By number of the call. */
static const __u8 what_does[] = {
	[NR_epoll_wait] = DOES_EPOLL,
	[NR_epoll_pwait] = DOES_EPOLL,
	[NR_epoll_pwait2] = DOES_EPOLL,
	[NR_read] = DOES_READ,
	[NR_readv] = DOES_READ,
	[NR_recvfrom] = DOES_READ,
	[NR_recvmsg] = DOES_READ,
	[NR_recvmmsg] = DOES_READ,
	[NR_write] = DOES_WRITE,
	[NR_writev] = DOES_WRITE,
	[NR_sendto] = DOES_WRITE,
	[NR_sendmsg] = DOES_WRITE,
	[NR_sendmmsg] = DOES_WRITE,
	[NR_sendfile] = DOES_WRITE,
	[NR_splice] = DOES_MOVE,
	[NR_accept] = DOES_ACCEPT,
	[NR_accept4] = DOES_ACCEPT,
	[NR_epoll_ctl] = DOES_CTL,
	[NR_epoll_create] = DOES_CREATE,
	[NR_epoll_create1] = DOES_CREATE,
	[NR_close] = DOES_CLOSE,
	[NR_close_range] = DOES_RANGE,
	[NR_execve] = DOES_EXEC,
	[NR_execveat] = DOES_EXEC,
	[NR_dup] = DOES_DUP,
	[NR_dup2] = DOES_DUP_TO,
	[NR_dup3] = DOES_DUP_TO,
	[NR_fcntl] = DOES_FCNTL,
	[NR_timerfd_settime] = DOES_TIMER,
	[NR_poll] = DOES_POLL,
	[NR_ppoll] = DOES_POLL,
	[NR_select] = DOES_SELECT,
	[NR_pselect6] = DOES_SELECT,
	[NR_connect] = DOES_CONNECT,
	[NR_shutdown] = DOES_SHUT,
};

#define EPOLLIN	      0x0001
#define EPOLLERR      0x0008
#define EPOLLHUP      0x0010
#define EPOLLRDHUP    0x2000
#define EPOLL_CTL_ADD 1
#define EPOLL_CTL_DEL 2
#define EPOLL_CTL_MOD 3

#define F_DUPFD		    0
#define F_DUPFD_CLOEXEC	    1030
#define CLOSE_RANGE_CLOEXEC 4 /* they are marked, not closed */

#define SHUT_RD	     0
#define SHUT_WR	     1
#define RCV_SHUTDOWN 1
#define MSG_PEEK     2
#define EINTR	     4
#define EINPROGRESS  115

/* ---- operations ------------------------------------------------------------------------------- */

static __always_inline bool op_turn(struct loop_conn *c, __u32 from, __u32 to)
{
	return __sync_val_compare_and_swap(&c->state, from, to) == from;
}

static __always_inline bool opens_at_level(__u32 state)
{
	return state == OP_REPORTED || state == OP_READ || state == OP_SENT;
}

static __always_inline __u32 way_of(const struct loop_conn *c)
{
	return c->kind == CPT_CONN_OUT ? CPT_LOOP_OUT : CPT_LOOP_IN;
}

static __always_inline void op_open(struct loop_conn *c, __u32 to, __u32 task, __u64 ts)
{
	struct cpt_loop_inst *in = inst_of(c);

	if (!in || !op_turn(c, OP_IDLE, to))
		return;
	c->opened_ns = ts;
	step(in, way_of(c), STEP_OPENED, task, ts);
}

static __always_inline void op_complete(struct loop_conn *c, __u32 from, __u32 task)
{
	struct cpt_loop_inst *in = inst_of(c);
	__u32 way = way_of(c);
	__u64 ts;

	if (!in || !op_turn(c, from, OP_IDLE))
		return;
	ts = bpf_ktime_get_ns();
	step(in, way, STEP_COMPLETED, task, ts);
	count_latency(in, c->slot, way, ts > c->opened_ns ? ts - c->opened_ns : 0);
}

static __always_inline int op_end(struct loop_conn *c, __u32 task)
{
	struct cpt_loop_inst *in = inst_of(c);
	__u32 state = c->state;
	__u32 way = way_of(c);

	if (state == OP_IDLE || !op_turn(c, state, OP_IDLE) || !in)
		return 0;
	if (state == OP_ARMED) {
		__sync_fetch_and_add(&in->timers, -1);
		return 0;
	}
	step(in, way, STEP_CANCELLED, task, bpf_ktime_get_ns());
	return 0;
}

__noinline int op_cancel(struct loop_conn *c, __u32 task)
{
	return c ? op_end(c, task) : 0;
}

/* ---- descriptors ------------------------------------------------------------------------------ */

static __always_inline struct file *file_of(struct task_struct *task, __u32 fd)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file *file = NULL;

	if (!fdt || fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	if (bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(fdt, fd) + fd))
		return NULL;
	return file;
}

/*
 * Tells one open file from another, under one number or the same address: a socket has an inode, and its
 * number, of its own. 0: the descriptor leads nowhere.
 */
static __noinline __u64 file_id(__u32 fd)
{
	struct file *file = file_of(bpf_get_current_task_btf(), fd);

	return file ? (__u64)file ^ BPF_CORE_READ(file, f_inode, i_ino) << 24 : 0;
}

/* ---- instances -------------------------------------------------------------------------------- */

static __always_inline void tell_new(struct cpt_loop_inst *in, __u32 task)
{
	struct cpt_rec_loop_new *rec = bpf_ringbuf_reserve(&cpt_loop_ring, sizeof(*rec), 0);

	if (!rec) {
		lose(CPT_LOOP_LOSS_RING_FULL);
		return;
	}
	rec->type = CPT_REC_LOOP_NEW;
	rec->instance = in->instance;
	rec->ts_ns = bpf_ktime_get_ns();
	rec->slot = in->slot;
	rec->task = task;
	rec->tgid = in->tgid;
	rec->epfd = in->epfd;
	rec->flags = in->flags;
	rec->reserved = 0;
	/* What was registered with it is to be looked up soon. */
	bpf_ringbuf_submit(rec, (in->flags & (CPT_LOOP_FOUND | CPT_LOOP_POLL)) == CPT_LOOP_FOUND
					? BPF_RB_FORCE_WAKEUP
					: BPF_RB_NO_WAKEUP);
}

/* The instance is closed: its slot is the collector's to free. */
__noinline int inst_end(struct cpt_loop_inst *in)
{
	if (!in)
		return 0;
	struct cpt_rec_loop_new *rec;

	if (inst_lock(in)) {
		if (in->base_ns)
			window_flush(in);
		inst_unlock(in);
	}
	rec = bpf_ringbuf_reserve(&cpt_loop_ring, sizeof(*rec), 0);
	if (!rec) {
		in->flags |= CPT_LOOP_OVER;
		lose(CPT_LOOP_LOSS_RING_FULL);
		return 0;
	}
	__builtin_memset(rec, 0, sizeof(*rec));
	rec->type = CPT_REC_LOOP_END;
	rec->instance = in->instance;
	rec->ts_ns = bpf_ktime_get_ns();
	rec->slot = in->slot;
	/* Where many come and go, their slots are wanted soon. */
	bpf_ringbuf_submit(rec, cpt_loop_insts_used > CPT_LOOP_INSTANCES / 2 ? BPF_RB_FORCE_WAKEUP
									     : BPF_RB_NO_WAKEUP);
	return 0;
}

static __noinline struct cpt_loop_inst *inst_new(__u32 tgid, __u32 epfd, __u32 flags, __u32 task)
{
	__u64 key = fd_key(tgid, epfd);
	struct cpt_loop_inst *in;
	__u32 slot = 0, bit = proc_bit(tgid);

	if (bpf_map_pop_elem(&cpt_loop_free_insts, &slot)) {
		if (cpt_loop_insts_used >= CPT_LOOP_INSTANCES) {
			lose(CPT_LOOP_LOSS_INSTANCES);
			return NULL;
		}
		slot = __sync_fetch_and_add(&cpt_loop_insts_used, 1);
	}
	in = inst_at(slot);
	if (!in) {
		lose(CPT_LOOP_LOSS_INSTANCES);
		return NULL;
	}
	in->slot = slot;
	in->tgid = tgid;
	in->epfd = epfd;
	in->flags = flags;
	in->owner = task;
	in->file = file_id(epfd);
	in->seq = 0;
	in->instance = __sync_fetch_and_add(&cpt_loop_last_instance, 1) + 1;
	/* Whoever finds it now finds all of it. Of two threads that meet it at once the second takes what
	 * the first has made. */
	if (bpf_map_update_elem(&cpt_loop_epfds, &key, &slot, BPF_NOEXIST)) {
		in->instance = 0;
		bpf_map_push_elem(&cpt_loop_free_insts, &slot, 0);
		return NULL;
	}
	__sync_fetch_and_or(&cpt_loop_procs[bit / 64 & (PROC_BITS / 64 - 1)], 1ULL << (bit % 64));
	tell_new(in, task);
	return in;
}

static __always_inline struct cpt_loop_inst *inst_find(__u32 tgid, __u32 epfd)
{
	__u64 key = fd_key(tgid, epfd);
	__u32 *at = bpf_map_lookup_elem(&cpt_loop_epfds, &key);
	struct cpt_loop_inst *in = at ? inst_at(*at) : NULL;

	return in && in->instance && in->tgid == tgid && in->epfd == epfd ? in : NULL;
}

static __always_inline struct cpt_loop_inst *inst_get(__u32 tgid, __u32 epfd, __u32 task)
{
	struct cpt_loop_inst *in = inst_find(tgid, epfd);

	if (in)
		return in;
	inst_new(tgid, epfd, CPT_LOOP_FOUND, task);
	return inst_find(tgid, epfd);
}

/* now: what the number leads to, 0 nothing. If that is the instance, it is a new one under a number that
 * another thread has closed (see fd_closed). */
static __noinline void inst_close(__u32 tgid, __u32 epfd, __u64 now)
{
	__u64 key = fd_key(tgid, epfd);
	struct cpt_loop_inst *in = inst_find(tgid, epfd);

	if (!in || (now && in->file == now))
		return;
	bpf_map_delete_elem(&cpt_loop_epfds, &key);
	inst_end(in);
}

/* ---- connections ------------------------------------------------------------------------------ */

/* What the descriptor of a task is: only what is registered is looked at, and once. */
__noinline int conn_resolve(struct loop_conn *c)
{
	if (!c)
		return 0;
	struct file *file = file_of(bpf_get_current_task_btf(), c->fd);
	__u8 kind = file ? file_kind(file) : CPT_FD_NONE;

	c->sk = 0;
	c->file = file_id(c->fd);
	switch (kind) {
	case CPT_FD_SOCK_SERVING:
		c->kind = CPT_CONN_IN;
		break;
	case CPT_FD_SOCKET:
		c->kind = CPT_CONN_OUT;
		break;
	case CPT_FD_SOCK_LISTEN:
		c->kind = CPT_CONN_LISTEN;
		break;
	case CPT_FD_TIMERFD:
		c->kind = CPT_CONN_TIMER;
		break;
	default:
		c->kind = CPT_CONN_OTHER;
		break;
	}
	if (file && (c->kind == CPT_CONN_IN || c->kind == CPT_CONN_OUT)) {
		struct socket *socket = BPF_CORE_READ(file, private_data);

		c->sk = (__u64)BPF_CORE_READ(socket, sk);
	}
	return 0;
}

/* ---- what a descriptor took ------------------------------------------------------------------- */

/* A connection begins at this place. */
static __always_inline void serve_none(__u32 idx)
{
	struct conn_service *s;

	if (!cpt_loop_services)
		return;
	s = bpf_map_lookup_elem(&cpt_loop_served, &idx);
	if (s)
		s->instance = 0;
}

/* What the instance is known to have done for this one, where another one's loops have been at it since. */
static __always_inline void take_up(const struct cpt_loop_inst *in, __u64 ref,
				    struct conn_service *s)
{
	s->instance = in->instance;
	s->ns = s->longest_ns = s->times = 0;
#pragma unroll
	for (__u32 i = 0; i < CPT_LOOP_SERVICES; i++) {
		if (in->services[i].ref != ref)
			continue;
		s->ns = in->services[i].ns;
		s->longest_ns = in->services[i].longest_ns;
		s->times = in->services[i].times;
	}
}

/* t's descriptor is one of those of the instance that took most, or is not. Where somebody else holds these
 * it is told the next time. */
static __always_inline void rank_service(struct cpt_loop_inst *in, const struct cpt_task *t,
					 __u32 kind, const struct conn_service *of)
{
	struct cpt_loop_service *s;
	__u64 ref = t->serve_ref;
	__u64 least_ns = ~0ULL;
	__u32 at = 0;

	if (!inst_lock(in))
		return;
#pragma unroll
	for (__u32 i = 0; i < CPT_LOOP_SERVICES; i++) {
		__u64 ns = in->services[i].ref == ref ? 0 : in->services[i].ns + 1;

		if (ns < least_ns) {
			least_ns = ns;
			at = i;
		}
	}
	if (of->ns >= least_ns) {
		s = &in->services[at & (CPT_LOOP_SERVICES - 1)];
		s->ref = ref;
		s->ns = of->ns;
		s->longest_ns = of->longest_ns;
		s->times = of->times;
		s->fd = t->serve_fd;
		s->kind = kind;
	}
	inst_unlock(in);
}

/* Up to ts the thread was at its descriptor. */
__noinline int serve_until(struct cpt_task *t, __u64 ts)
{
	struct cpt_loop_inst *in;
	struct conn_service *s, sum;
	struct loop_conn *c;
	__u32 idx;
	__u64 ns;

	if (!t || !t->serve_ref || ts < t->serve_ns)
		return 0;
	ns = ts - t->serve_ns;
	t->serve_ns = ts;
	idx = t->serve_ref;
	c = conn_of_ref(t->serve_ref);
	s = bpf_map_lookup_elem(&cpt_loop_served, &idx);
	in = inst_at(t->serve_slot);
	if (!c || !s || !in || in->instance != t->serve_instance)
		return 0;
	sum = *s; /* a copy: loops of several instances may be at it at once */
	if (sum.instance != in->instance)
		take_up(in, t->serve_ref, &sum);
	sum.ns += ns;
	sum.times++;
	if (ns > sum.longest_ns)
		sum.longest_ns = ns;
	*s = sum;
	rank_service(in, t, c->kind, &sum);
	return 0;
}

/* A call on this one has returned. */
static __always_inline void serve(struct cpt_task *t, __u64 ref, __u32 fd)
{
	if (!cpt_loop_services || !t->serve_ns || t->serve_ref == ref)
		return;
	if (t->serve_ref)
		serve_until(t, bpf_ktime_get_ns());
	t->serve_ref = ref;
	t->serve_fd = fd;
}

/* The descriptors from first to last will not be found any more. */
static __always_inline void serve_last(struct cpt_task *t, __u32 first, __u32 last)
{
	struct loop_conn *c;

	if (!cpt_loop_services || !t->serve_ns || !t->serve_ref)
		return;
	c = conn_of_ref(t->serve_ref);
	if (!c || (c->fd - first > last - first && t->serve_fd - first > last - first))
		return;
	serve_until(t, bpf_ktime_get_ns());
	t->serve_ref = 0;
}

/* The wait of the instance's loop, by this call, has returned at ts: what was before is over since that call
 * blocked. */
static __always_inline void serve_next(struct cpt_task *t, const struct cpt_loop_inst *in, __u32 nr,
				       __u64 ts)
{
	bool blocked = t->blocked_in == nr && t->blocked_ns > t->serve_ns;

	if (!cpt_loop_services)
		return;
	if (t->serve_ns)
		serve_until(t, blocked ? t->blocked_ns : ts);
	t->blocked_in = CPT_SYSNO_NONE;
	t->serve_ref = 0;
	t->serve_ns = ts;
	t->serve_slot = in->slot;
	t->serve_instance = in->instance;
}

static __always_inline bool conn_counts(const struct loop_conn *c)
{
	return c->kind == CPT_CONN_IN || c->kind == CPT_CONN_OUT;
}

/* One that was registered before the probes came is used. */
__noinline int conn_look(struct loop_conn *c)
{
	if (!c)
		return 0;
	struct cpt_loop_inst *in = inst_of(c);

	conn_resolve(c);
	if (in && c->registered && conn_counts(c))
		__sync_fetch_and_add(&in->conns, 1);
	return 0;
}

/* From now on the descriptor leads there. */
static __always_inline bool fd_lead(__u64 key, __u64 ref)
{
	__u64 *at = bpf_map_lookup_elem(&cpt_loop_fds, &key);

	if (!at)
		return !bpf_map_update_elem(&cpt_loop_fds, &key, &ref, BPF_ANY);
	*at = ref;
	return true;
}

static __noinline struct loop_conn *conn_new(__u32 tgid, __u32 fd, __u64 *ref)
{
	struct loop_conn *c;
	__u32 idx = 0;

	if (bpf_map_pop_elem(&cpt_loop_free_conns, &idx)) {
		if (cpt_loop_conns_used >= CPT_LOOP_CONNS) {
			lose(CPT_LOOP_LOSS_CONNS);
			return NULL;
		}
		idx = __sync_fetch_and_add(&cpt_loop_conns_used, 1);
	}
	c = conn_at(idx);
	if (!c) {
		lose(CPT_LOOP_LOSS_CONNS);
		return NULL;
	}
	c->cookie = 0;
	c->opened_ns = 0;
	c->sk = 0;
	c->file = 0;
	c->slot = 0;
	c->instance = 0;
	c->fd = fd;
	c->tgid = tgid;
	serve_none(idx);
	c->state = OP_IDLE;
	c->refs = 1;
	c->kind = CPT_CONN_UNRESOLVED;
	c->registered = c->has_cookie = c->interval = 0;
	publish_u32(&c->gen, c->gen + 1);
	*ref = conn_ref(c, idx);
	if (fd_lead(fd_key(tgid, fd), *ref))
		return c;
	lose(CPT_LOOP_LOSS_CONNS);
	c->gen++;
	bpf_map_push_elem(&cpt_loop_free_conns, &idx, 0);
	return NULL;
}

__noinline int conn_unregister(struct loop_conn *c, __u64 ref)
{
	if (!c)
		return 0;
	struct cookie_key key = {.cookie = c->cookie, .instance = c->instance};
	struct cpt_loop_inst *in = inst_of(c);
	__u64 *at = c->has_cookie ? bpf_map_lookup_elem(&cpt_loop_cookies, &key) : NULL;

	/* Another one's, if the program uses the cookie again. */
	if (at && *at == ref)
		bpf_map_delete_elem(&cpt_loop_cookies, &key);
	if (c->registered && in && conn_counts(c))
		__sync_fetch_and_add(&in->conns, -1);
	c->has_cookie = c->registered = 0;
	return 0;
}

/* The last descriptor of it is closed. */
__noinline int conn_drop(struct loop_conn *c, __u64 ref, __u32 task)
{
	__u32 idx = ref;

	if (!c)
		return 0;
	op_end(c, task);
	conn_unregister(c, ref);
	publish_u32(&c->gen, c->gen + 1);
	bpf_map_push_elem(&cpt_loop_free_conns, &idx, 0);
	return 0;
}

/* A descriptor, whose entry leads to c, is closed. Of those who find that out at once one does it. */
static __noinline void conn_release(struct loop_conn *c, __u32 tgid, __u32 fd, __u64 ref,
				    __u32 task)
{
	__u64 key = fd_key(tgid, fd), *at = bpf_map_lookup_elem(&cpt_loop_fds, &key);

	if (!at || __sync_val_compare_and_swap(at, ref, 0) != ref)
		return;
	if (c->fd == fd)
		c->fd = NO_FD;
	if (__sync_fetch_and_add(&c->refs, -1) == 1)
		conn_drop(c, ref, task);
}

/* It belongs to this instance from now on; an operation of it goes along. */
__noinline int conn_move(struct loop_conn *c, struct cpt_loop_inst *in, __u32 task)
{
	if (!c || !in)
		return 0;
	bool open = opens_at_level(c->state);
	struct cpt_loop_inst *from = inst_of(c);
	__u64 ts;

	if (c->instance == in->instance)
		return 0;
	ts = open ? bpf_ktime_get_ns() : 0;
	if (open && from)
		step(from, way_of(c), STEP_CANCELLED, task, ts);
	c->slot = in->slot;
	c->instance = in->instance;
	if (open)
		step(in, way_of(c), STEP_OPENED, task, ts);
	return 0;
}

__noinline int conn_register(struct loop_conn *c, __u64 ref, struct cpt_loop_inst *in, __u64 cookie,
			     __u32 task)
{
	if (!c || !in)
		return 0;
	struct cookie_key key = {.cookie = cookie};

	if (c->registered && c->cookie == cookie && c->instance == in->instance)
		return 0;
	conn_unregister(c, ref);
	conn_move(c, in, task);
	key.instance = in->instance;
	c->cookie = cookie;
	c->registered = 1;
	if (conn_counts(c))
		__sync_fetch_and_add(&in->conns, 1);
	/* The descriptor itself, as some leave rubbish in the upper half. */
	if ((__u32)cookie == c->fd)
		return 0;
	if (bpf_map_update_elem(&cpt_loop_cookies, &key, &ref, BPF_ANY))
		lose(CPT_LOOP_LOSS_CONNS);
	else
		c->has_cookie = 1;
	return 0;
}

static __always_inline struct loop_conn *conn_of_cookie(struct cpt_loop_inst *in, __u64 cookie)
{
	struct cookie_key key = {.cookie = cookie, .instance = in->instance};
	struct loop_conn *c;
	__u64 ref, *at;

	/* A small number may be a descriptor; what it belongs to says whether it is. */
	if ((__u32)cookie < 1 << 20) {
		c = conn_of_fd(in->tgid, cookie, &ref);
		if (c && c->registered && c->cookie == cookie && c->instance == in->instance)
			return c;
	}
	at = bpf_map_lookup_elem(&cpt_loop_cookies, &key);
	return at ? conn_of_ref(*at) : NULL;
}

/* ---- what calls do ---------------------------------------------------------------------------- */

struct call {
	struct pt_regs *regs;
	long ret;
	__u32 tgid;
	__u32 task;
};

#define EVENTS_AT_ONCE 8
#define EVENTS_MAX     4096 /* more of one return are not looked at */

struct batch {
	struct cpt_loop_inst *in;
	__u64 events; /* user address */
	__u64 ts;
	__u32 cnt;
	__u32 task;
	bool locked;
};

/* Has the peer closed? What is left to be read then opens an operation when it is. */
static __always_inline bool at_end(const struct loop_conn *c)
{
	__u8 shutdown = 0;

	if (!c->sk)
		return false;
	bpf_probe_read_kernel(&shutdown, sizeof(shutdown),
			      (void *)(c->sk + bpf_core_field_offset(struct sock, sk_shutdown)));
	return shutdown & RCV_SHUTDOWN;
}

#define EVENT_LOCKED (1ULL << 32) /* beside the events: the caller holds the instance's window */

/* Not static: looked at by the verifier once, and not for each event. */
__noinline int event_reported(struct cpt_loop_inst *in, __u64 events, __u64 cookie, __u32 task,
			      __u64 ts)
{
	struct loop_conn *c;

	if (!in || !(events & EPOLLIN) || events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		return 0;
	c = conn_of_cookie(in, cookie);
	if (!c)
		return 0;
	if (c->kind == CPT_CONN_UNRESOLVED)
		conn_look(c);
	if (c->kind != CPT_CONN_IN || c->state != OP_IDLE || at_end(c))
		return 0;
	if (!op_turn(c, OP_IDLE, OP_REPORTED))
		return 0;
	c->opened_ns = ts;
	if (events & EVENT_LOCKED)
		step_locked(in, CPT_LOOP_IN, STEP_OPENED, task, ts);
	else
		step_alone(in, CPT_LOOP_IN, STEP_OPENED, task, ts);
	return 0;
}

static long some_events(__u32 n, void *ctx)
{
	__u8 raw[EVENTS_AT_ONCE * EPOLL_EVENT_SZ];
	struct batch *b = ctx;
	__u32 first = n * EVENTS_AT_ONCE, sz = EVENTS_AT_ONCE * EPOLL_EVENT_SZ;

	if (first >= b->cnt)
		return 1;
	if (b->cnt - first < EVENTS_AT_ONCE)
		sz = (b->cnt - first) * EPOLL_EVENT_SZ;
	barrier_var(sz); /* else the compiler knows better than the verifier, and drops the test */
	if (sz > sizeof(raw) ||
	    bpf_probe_read_user(raw, sz, (void *)(b->events + first * EPOLL_EVENT_SZ)))
		return 1;
	for (__u32 i = 0; i < EVENTS_AT_ONCE; i++) {
		__u64 cookie;
		__u32 lo, hi;

		if (first + i >= b->cnt)
			break;
		__builtin_memcpy(&lo, raw + i * EPOLL_EVENT_SZ + EPOLL_EVENT_SZ - 8, 4);
		__builtin_memcpy(&hi, raw + i * EPOLL_EVENT_SZ + EPOLL_EVENT_SZ - 4, 4);
		cookie = (__u64)hi << 32 | lo;
		__builtin_memcpy(&lo, raw + i * EPOLL_EVENT_SZ, 4);
		event_reported(b->in, lo | (b->locked ? EVENT_LOCKED : 0), cookie, b->task, b->ts);
	}
	return 0;
}

/* A wait has returned so many events. */
static __always_inline void turn_locked(struct cpt_loop_inst *in, __u32 task, __u32 cnt, __u64 ts)
{
	(void)window_open(in, task, ts);
	in->iterations++;
	in->batch += cnt;
}

__noinline int turn_alone(struct cpt_loop_inst *in, __u32 task, __u32 cnt, __u64 ts)
{
	if (!in)
		return 0;
	struct cpt_rec_loop *rec = record_get(in, task, ts);

	if (!rec)
		return 0;
	steps_reset(&rec->steps[CPT_LOOP_IN]);
	steps_reset(&rec->steps[CPT_LOOP_OUT]);
	rec->iterations = 1;
	rec->batch = cnt;
	loop_submit(rec);
	return 0;
}

static __always_inline int on_epoll(struct call *call, struct cpt_task *t)
{
	struct batch b = {
		.events = call->regs->REG_ARG2,
		.task = call->task,
	};

	if (call->ret < 0 && call->ret != -EINTR)
		return 0;
	b.in = inst_get(call->tgid, call->regs->REG_ARG1, call->task);
	if (!b.in)
		return 0;
	b.cnt = call->ret > 0 ? call->ret : 0;
	if (b.cnt > EVENTS_MAX)
		b.cnt = EVENTS_MAX;
	b.ts = bpf_ktime_get_ns();
	serve_next(t, b.in, call->regs->REG_NR, b.ts);
	b.locked = inst_lock(b.in);
	if (b.locked)
		turn_locked(b.in, call->task, b.cnt, b.ts);
	else
		turn_alone(b.in, call->task, b.cnt, b.ts);
	if (b.cnt)
		bpf_loop((b.cnt + EVENTS_AT_ONCE - 1) / EVENTS_AT_ONCE, some_events, &b, 0);
	if (b.locked)
		inst_unlock(b.in);
	return 0;
}

/* key: process and descriptor (fd_key). */
__noinline int read_from(__u64 key, long ret, struct cpt_task *t)
{
	struct loop_conn *c;
	__u32 task;
	__u64 ref;

	if (!t)
		return 0;
	task = t->id;
	c = conn_of_fd(key >> 32, key, &ref);
	if (!c)
		return 0;
	serve(t, ref, key);
	if (c->kind == CPT_CONN_UNRESOLVED)
		conn_look(c);
	if (c->kind == CPT_CONN_IN) {
		if (ret > 0) {
			if (c->state == OP_REPORTED)
				op_turn(c, OP_REPORTED, OP_READ);
			else if (c->state == OP_IDLE)
				op_open(c, OP_READ, task, bpf_ktime_get_ns());
		} else if (c->state == OP_REPORTED && ret != -EINTR) {
			op_cancel(c, task);
		}
	} else if (c->kind == CPT_CONN_OUT && c->state == OP_SENT) {
		if (ret > 0)
			op_complete(c, OP_SENT, task);
		else if (!ret)
			op_cancel(c, task);
	} else if (c->kind == CPT_CONN_TIMER && ret > 0 && c->state == OP_ARMED && !c->interval) {
		op_cancel(c, task);
	}
	return 0;
}

__noinline int written_to(__u64 key, struct cpt_task *t)
{
	struct loop_conn *c;
	__u32 task;
	__u64 ref;

	if (!t)
		return 0;
	task = t->id;
	c = conn_of_fd(key >> 32, key, &ref);
	if (!c)
		return 0;
	serve(t, ref, key);
	if (c->kind == CPT_CONN_UNRESOLVED)
		conn_look(c);
	if (c->kind == CPT_CONN_IN) {
		if (c->state == OP_READ)
			op_complete(c, OP_READ, task);
	} else if (c->kind == CPT_CONN_OUT && c->state == OP_IDLE) {
		op_open(c, OP_SENT, task, bpf_ktime_get_ns());
	}
	return 0;
}

/* Does this call leave in the socket what it has read? */
static __always_inline bool only_looks(const struct pt_regs *regs, __u32 nr)
{
	return (nr == NR_recvfrom && regs->REG_ARG4 & MSG_PEEK) ||
	       (nr == NR_recvmsg && regs->REG_ARG3 & MSG_PEEK);
}

/* A connection of a listener that a loop has: of that loop, until it is registered elsewhere. */
static __noinline int on_accept(struct call *call, struct cpt_task *t)
{
	struct loop_conn *listener, *c;
	struct cpt_loop_inst *in;
	__u64 ref, stale;

	if (call->ret < 0)
		return 0;
	listener = conn_of_fd(call->tgid, call->regs->REG_ARG1, &ref);
	if (!listener)
		return 0;
	serve(t, ref, call->regs->REG_ARG1);
	in = inst_of(listener);
	if (!in)
		return 0;
	c = conn_of_fd(call->tgid, call->ret, &stale);
	if (c) /* its close was not seen, or not yet */
		conn_release(c, call->tgid, call->ret, stale, call->task);
	c = conn_new(call->tgid, call->ret, &ref);
	if (!c)
		return 0;
	c->slot = listener->slot;
	c->instance = listener->instance;
	conn_resolve(c);
	return 0;
}

static __noinline int on_ctl(struct call *call)
{
	__u32 op = call->regs->REG_ARG2, fd = call->regs->REG_ARG3;
	__u64 event = call->regs->REG_ARG4, cookie = 0, ref;
	struct cpt_loop_inst *in;
	struct loop_conn *c;

	if (call->ret)
		return 0;
	in = inst_get(call->tgid, call->regs->REG_ARG1, call->task);
	if (!in)
		return 0;
	c = conn_of_fd(call->tgid, fd, &ref);
	if (op == EPOLL_CTL_DEL) {
		if (c && c->instance == in->instance)
			conn_unregister(c, ref);
		return 0;
	}
	if (bpf_probe_read_user(&cookie, sizeof(cookie), (void *)(event + EPOLL_EVENT_SZ - 8)))
		return 0;
	if (op == EPOLL_CTL_ADD && c && c->file != file_id(fd)) {
		/* The number is another descriptor's by now. */
		conn_release(c, call->tgid, fd, ref, call->task);
		c = NULL;
	}
	if (!c)
		c = conn_new(call->tgid, fd, &ref);
	if (!c)
		return 0;
	if (op == EPOLL_CTL_ADD && c->state == OP_IDLE && c->fd == fd)
		conn_resolve(c);
	conn_register(c, ref, in, cookie, call->task);
	return 0;
}

/*
 * A number is free for other threads before the call that closed it returns: by now it may be another
 * descriptor's, which we know already, and that one is not closed.
 *
 *   one thread   close(7) ······ the number is free ······ returns: is what we know by 7 what 7 leads to?
 *   another one              accept() = 7, returns: the one known by 7 is over, here is its successor
 *
 * Looking when the call begins would be no better, for it may fail or wait, and would cost each system
 * call of the machine a second program.
 *
 * sure: something was closed under this number. Else one that was never looked at stays if it leads
 * anywhere.
 */
static __always_inline void fd_closed(struct call *call, __u32 fd, bool sure)
{
	struct loop_conn *c;
	__u64 ref, now;

	c = conn_of_fd(call->tgid, fd, &ref);
	if (!c && !inst_find(call->tgid, fd))
		return;
	now = file_id(fd);
	if (!c)
		inst_close(call->tgid, fd, now);
	else if (!now || (c->file ? c->file != now : sure))
		conn_release(c, call->tgid, fd, ref, call->task);
}

static __noinline void fd_copied(struct call *call, __u32 from, __u32 to)
{
	struct loop_conn *c, *was;
	__u64 ref, stale;

	if (from == to)
		return;
	c = conn_of_fd(call->tgid, from, &ref);
	was = conn_of_fd(call->tgid, to, &stale);
	if (was && was == c)
		return; /* a copy of itself already */
	if (was)	/* its close was not seen, or not yet */
		conn_release(was, call->tgid, to, stale, call->task);
	if (!c)
		return;
	__sync_fetch_and_add(&c->refs, 1);
	if (fd_lead(fd_key(call->tgid, to), ref))
		return;
	__sync_fetch_and_add(&c->refs, -1);
	lose(CPT_LOOP_LOSS_CONNS);
}

/* ---- many descriptors at once ----------------------------------------------------------------- */

#define RANGE_MAX 65536

struct range {
	struct call *call;
	__u32 first;
};

static long close_one(__u32 n, void *ctx)
{
	struct range *r = ctx;

	fd_closed(r->call, r->first + n, false);
	return 0;
}

/* Of the numbers from first to last, those that are closed by now. */
static __noinline void fds_closed(struct call *call, __u32 first, __u32 last)
{
	struct range r = {.call = call, .first = first};
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 end = BPF_CORE_READ(task, files, fdt, max_fds);

	if (last < end)
		end = last + 1;
	if (first >= end)
		return;
	if (end - first > RANGE_MAX) {
		lose(CPT_LOOP_LOSS_CONNS);
		end = first + RANGE_MAX;
	}
	bpf_loop(end - first, close_one, &r, 0);
}

static __noinline int on_timer(struct call *call)
{
	struct cpt_loop_inst *in;
	__u64 spec[4] = {};
	struct loop_conn *c;
	__u64 ref;

	if (call->ret)
		return 0;
	c = conn_of_fd(call->tgid, call->regs->REG_ARG1, &ref);
	if (!c)
		return 0;
	if (c->kind == CPT_CONN_UNRESOLVED)
		conn_look(c);
	in = inst_of(c);
	if (!in || c->kind != CPT_CONN_TIMER ||
	    bpf_probe_read_user(spec, sizeof(spec), (void *)call->regs->REG_ARG3))
		return 0;
	c->interval = (spec[0] | spec[1]) != 0;
	if (!(spec[2] | spec[3]))
		op_cancel(c, call->task);
	else if (op_turn(c, OP_IDLE, OP_ARMED))
		__sync_fetch_and_add(&in->timers, 1);
	return 0;
}

/*
 * A direction of a connection is shut down. An operation that ends in that direction cannot end any more
 * but so: an inbound one with its writes, an outbound one with its reads. Requests that are there already
 * can be read behind SHUT_RD, and answered; a client that has no more to ask (SHUT_WR) awaits its answer.
 */
static __noinline int on_shutdown(struct call *call)
{
	__u32 how = call->regs->REG_ARG2;
	struct loop_conn *c;
	__u64 ref;

	if (call->ret)
		return 0;
	c = conn_of_fd(call->tgid, call->regs->REG_ARG1, &ref);
	if (!c)
		return 0;
	if ((c->kind == CPT_CONN_IN && how != SHUT_RD) ||
	    (c->kind == CPT_CONN_OUT && how != SHUT_WR))
		op_cancel(c, call->task);
	return 0;
}

#include "polls.bpf.h"

static __noinline int on_rare(struct call *call, struct cpt_task *t, __u32 does)
{
	__u32 fd = call->regs->REG_ARG1;

	switch (does) {
	case DOES_CREATE:
		if (call->ret < 0)
			return 0;
		inst_close(call->tgid, call->ret, 0); /* its close was not seen, or not yet */
		inst_new(call->tgid, call->ret, 0, call->task);
		return 0;
	case DOES_CLOSE:
		if (call->ret && call->ret != -EINTR)
			return 0;
		serve_last(t, fd, fd);
		fd_closed(call, fd, true);
		return 0;
	case DOES_SHUT:
		return on_shutdown(call);
	case DOES_RANGE:
		if (call->ret || call->regs->REG_ARG3 & CLOSE_RANGE_CLOEXEC)
			return 0;
		serve_last(t, fd, call->regs->REG_ARG2);
		fds_closed(call, fd, call->regs->REG_ARG2);
		return 0;
	case DOES_EXEC: /* what was to be closed by it */
		if (call->ret)
			return 0;
		serve_last(t, 0, -1);
		inst_close(call->tgid, poll_fd(bpf_get_current_task_btf()), 0);
		fds_closed(call, 0, -1);
		return 0;
	case DOES_DUP:
		if (call->ret >= 0)
			fd_copied(call, fd, call->ret);
		return 0;
	case DOES_DUP_TO:
		if (call->ret >= 0 && (__u32)call->ret != fd) {
			serve_last(t, call->ret, call->ret);
			fd_closed(call, call->ret, false);
			fd_copied(call, fd, call->ret);
		}
		return 0;
	case DOES_FCNTL:
		if (call->ret >= 0 &&
		    (call->regs->REG_ARG2 == F_DUPFD || call->regs->REG_ARG2 == F_DUPFD_CLOEXEC))
			fd_copied(call, fd, call->ret);
		return 0;
	default:
		return 0;
	}
}

SEC("tp_btf/sys_exit")
int cpt_sys_exit(__u64 *ctx)
{
	struct pt_regs *regs = (void *)ctx[0];
	__u32 nr = regs->REG_NR, does;
	struct task_struct *task;
	struct call call;
	struct cpt_task *t;

	if (nr >= sizeof(what_does))
		return 0;
	does = what_does[nr];
	if (!does)
		return 0;
	task = bpf_get_current_task_btf();
	call.tgid = task->tgid;
	if (does != DOES_EPOLL && does != DOES_CREATE && does != DOES_CTL && does != DOES_POLL &&
	    does != DOES_SELECT && !proc_has_loops(call.tgid))
		return 0;
	t = family_get(task);
	if (!t || mode_is_compat(regs->REG_MODE) || task->flags & (PF_IO_WORKER | PF_USER_WORKER))
		return 0;
	call.regs = regs;
	call.ret = ctx[1];
	call.task = t->id;
	switch (does) {
	case DOES_EPOLL:
		return on_epoll(&call, t);
	case DOES_READ:
		if (!only_looks(regs, nr))
			read_from(fd_key(call.tgid, regs->REG_ARG1), call.ret, t);
		return 0;
	case DOES_WRITE:
		if (call.ret > 0)
			written_to(fd_key(call.tgid, regs->REG_ARG1), t);
		return 0;
	case DOES_MOVE:
		read_from(fd_key(call.tgid, regs->REG_ARG1), call.ret, t);
		if (call.ret > 0)
			written_to(fd_key(call.tgid, regs->REG_ARG3), t);
		return 0;
	case DOES_ACCEPT:
		return on_accept(&call, t);
	case DOES_CTL:
		return on_ctl(&call);
	case DOES_TIMER:
		return on_timer(&call);
	case DOES_POLL:
		return on_poll(&call, t, false);
	case DOES_SELECT:
		return on_poll(&call, t, true);
	case DOES_CONNECT:
		return on_connect(&call);
	default:
		return on_rare(&call, t, does);
	}
}

/*
 * The collector tells what was registered before the probes came. Arguments: process, epfd, fd,
 * cookie. Returns 0 or 1: there is no room.
 */
SEC("raw_tp")
int cpt_loop_seed(__u64 *ctx)
{
	__u32 tgid = ctx[0], epfd = ctx[1], fd = ctx[2];
	__u64 cookie = ctx[3], ref;
	struct cpt_loop_inst *in = inst_find(tgid, epfd);
	struct loop_conn *c;

	if (!in)
		return 0;
	c = conn_of_fd(tgid, fd, &ref);
	if (c && c->registered) /* since seen being registered */
		return 0;
	if (!c)
		c = conn_new(tgid, fd, &ref);
	if (!c)
		return 1;
	conn_register(c, ref, in, cookie, 0);
	return 0;
}

/* A process has ended, and closed what it had without a call. Arguments: process, and CPT_LOOP_FORGET
 * descriptors; those it has not, or that are named twice, do no harm. */
SEC("raw_tp")
int cpt_loop_forget(__u64 *ctx)
{
	__u32 tgid = ctx[0];

#pragma unroll
	for (int i = 1; i <= CPT_LOOP_FORGET; i++) {
		__u32 fd = ctx[i];
		__u64 ref;
		struct loop_conn *c = conn_of_fd(tgid, fd, &ref);

		if (c)
			conn_release(c, tgid, fd, ref, 0);
	}
	return 0;
}

#include "rings.bpf.h"
