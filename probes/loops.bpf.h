/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loops.bpf.h - what is kept of event loops in the kernel, and how a step of an operation is told.
 *
 * Owns:     the maps of loops.bpf.c, the windows of steps, the histograms.
 * Must not: know system calls.
 *
 *   {process, fd}      ──► cpt_loop_fds     ──┐
 *   {instance, cookie} ──► cpt_loop_cookies ──┴─► a connection (cpt_loop_conns) ──► its instance
 *   {process, epfd}    ──► cpt_loop_epfds   ────────────────────────────────────► (cpt_loop_insts)
 *
 * A connection's place is used again. What leads to one (a reference) holds the place and how often it was
 * taken or given back so far: whoever comes by an old one finds nothing, and of two threads that close it
 * at once one does. An entry of cpt_loop_fds stays when its descriptor is closed, and leads nowhere then:
 * a descriptor that comes back finds it there, and none can be taken out that another thread has just
 * made.
 *
 * Functions that are not static are looked at once by the verifier, each by itself, and not again at each
 * place that calls them. By its rules they return a number, and their pointers may be NULL.
 *
 * All maps are bounded; what does not fit is counted. Where a cookie is the descriptor itself, as with
 * most loops, cpt_loop_cookies has no entry for it.
 */
#ifndef LOOPS_BPF_H
#define LOOPS_BPF_H

#include "wait.bpf.h"

/* State of its operation. */
#define OP_IDLE	    0
#define OP_REPORTED 1 /* inbound: epoll says that there is something to read */
#define OP_READ	    2 /* inbound: read, no answer yet */
#define OP_SENT	    3 /* outbound: written, no answer yet */
#define OP_ARMED    4 /* timer */

#define FD_HINTS 16384

#define NO_FD 0xffffffff /* loop_conn.fd: that one is closed, only copies of it lead here */

struct loop_conn {
	__u64 cookie;
	__u64 opened_ns;
	__u64 sk;   /* address of its struct sock, 0 none */
	__u64 file; /* what its descriptor leads to (file_id), 0 not looked at */
	__u32 slot;
	__u32 instance; /* of the slot when it was put there: another one, and it belongs to none */
	__u32 fd;
	__u32 tgid;
	__u32 state; /* OP_*, changed by compare-and-swap where a level goes with it */
	__u32 gen;   /* odd: in use; grows by one when it is taken, and when it is given back */
	__u32 refs;  /* descriptors that lead here */
	__u8 kind;   /* CONN_* */
	__u8 registered;
	__u8 has_cookie; /* an entry of cpt_loop_cookies leads here */
	__u8 interval;	 /* timer: it goes on by itself */
};

/* What turns of one instance's loops, the last that was at it, did for it, as in struct cpt_loop_service.
 * Apart from the connection: mostly nobody asks. */
struct conn_service {
	__u64 ns;
	__u64 longest_ns;
	__u32 times;
	__u32 instance;
};

struct cookie_key {
	__u64 cookie;
	__u64 instance;
};

struct loop_hist {
	__u32 buckets[CPT_LOOP_BUCKETS];
};

/* The family, shared with the recording probes. */
struct cpt_tasks_map cpt_tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, CPT_LOOP_INSTANCES);
	__type(key, __u32);
	__type(value, struct cpt_loop_inst);
} cpt_loop_insts SEC(".maps");

/* By slot * CPT_LOOP_WAYS + way. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CPT_LOOP_WAYS *CPT_LOOP_INSTANCES);
	__type(key, __u32);
	__type(value, struct loop_hist);
} cpt_loop_hists SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* its values begin at a page, each fills a cache line */
	__uint(max_entries, CPT_LOOP_CONNS);
	__type(key, __u32);
	__type(value, struct loop_conn);
} cpt_loop_conns SEC(".maps");

/* By the place of the connection; one entry alone where cpt_loop_services is not set. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CPT_LOOP_CONNS);
	__type(key, __u32);
	__type(value, struct conn_service);
} cpt_loop_served SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * CPT_LOOP_CONNS);
	__type(key, __u64);
	__type(value, __u64); /* a reference; 0: closed */
} cpt_loop_fds SEC(".maps");

/* Where a descriptor's connection was found last, by a hash. The connection says whether it still is. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FD_HINTS);
	__type(key, __u32);
	__type(value, __u64);
} cpt_loop_hints SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CPT_LOOP_CONNS);
	__type(key, struct cookie_key);
	__type(value, __u64);
} cpt_loop_cookies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4 * CPT_LOOP_INSTANCES);
	__type(key, __u64);
	__type(value, __u32);
} cpt_loop_epfds SEC(".maps");

/* Places that were used and are free again; those never used are counted up. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, CPT_LOOP_CONNS);
	__type(value, __u32);
} cpt_loop_free_conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, CPT_LOOP_INSTANCES);
	__type(value, __u32);
} cpt_loop_free_insts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CPT_LOOP_RING_SZ);
} cpt_loop_ring SEC(".maps");

/* Written by the collector before loading: nothing of the workload has run yet. */
const volatile bool cpt_loop_from_start = false;
const volatile bool cpt_loop_services = false; /* single descriptors have an account */

__u64 cpt_loop_losses[CPT_LOOP_LOSS_CNT] = {};
__u32 cpt_loop_last_instance = 0;
__u32 cpt_loop_conns_used = 0, cpt_loop_insts_used = 0;

/* Bits of processes that have loops, by a hash: most others are told apart without a look-up. */
#define PROC_BITS 4096
__u64 cpt_loop_procs[PROC_BITS / 64] = {};

static __always_inline void lose(__u32 cause)
{
	__sync_fetch_and_add(&cpt_loop_losses[cause], 1);
}

static __always_inline __u32 proc_bit(__u32 tgid)
{
	return (tgid * 0x9e3779b1u) >> 20;
}

static __always_inline bool proc_has_loops(__u32 tgid)
{
	__u32 bit = proc_bit(tgid);

	return cpt_loop_procs[bit / 64 & (PROC_BITS / 64 - 1)] >> (bit % 64) & 1;
}

static __always_inline __u64 fd_key(__u32 tgid, __u32 fd)
{
	return (__u64)tgid << 32 | fd;
}

static __always_inline struct cpt_loop_inst *inst_at(__u32 slot)
{
	return bpf_map_lookup_elem(&cpt_loop_insts, &slot);
}

static __always_inline struct loop_conn *conn_at(__u32 idx)
{
	return bpf_map_lookup_elem(&cpt_loop_conns, &idx);
}

static __always_inline __u64 conn_ref(const struct loop_conn *c, __u32 idx)
{
	return (__u64)c->gen << 32 | idx;
}

static __always_inline bool ref_holds(struct loop_conn *c, __u64 ref)
{
	return *(volatile __u32 *)&c->gen == ref >> 32;
}

/* The connection of a reference; NULL: its place is another one's by now. */
static __always_inline struct loop_conn *conn_of_ref(__u64 ref)
{
	struct loop_conn *c = conn_at(ref);

	return c && ref && ref_holds(c, ref) ? c : NULL;
}

static __noinline struct loop_conn *conn_look_up(__u32 tgid, __u32 fd, __u32 hint, __u64 *ref)
{
	__u64 key = fd_key(tgid, fd);
	__u64 *at = bpf_map_lookup_elem(&cpt_loop_fds, &key);
	struct loop_conn *c;

	if (!at)
		return NULL;
	*ref = *at;
	c = conn_of_ref(*ref);
	at = bpf_map_lookup_elem(&cpt_loop_hints, &hint);
	if (c && at)
		*at = *ref;
	return c;
}

static __always_inline struct loop_conn *conn_of_fd(__u32 tgid, __u32 fd, __u64 *ref)
{
	__u32 hint = ((tgid * 0x9e3779b1u >> 18) + fd) & (FD_HINTS - 1);
	__u64 *at = bpf_map_lookup_elem(&cpt_loop_hints, &hint);
	struct loop_conn *c;

	if (at) {
		*ref = *at;
		c = conn_at(*ref);
		/* Whose it is is looked at last: until then the place may have changed hands. */
		if (c && c->fd == fd && c->tgid == tgid && ref_holds(c, *ref))
			return c;
	}
	return conn_look_up(tgid, fd, hint, ref);
}

/* The instance of a connection; NULL: it has gone. */
static __always_inline struct cpt_loop_inst *inst_of(const struct loop_conn *c)
{
	struct cpt_loop_inst *in = inst_at(c->slot);

	return in && c->instance && in->instance == c->instance ? in : NULL;
}

/* ---- windows of steps ------------------------------------------------------------------------- */

static __always_inline bool inst_lock(struct cpt_loop_inst *in)
{
	return __sync_val_compare_and_swap(&in->lock, 0, 1) == 0;
}

static __always_inline void inst_unlock(struct cpt_loop_inst *in)
{
	publish_u32(&in->lock, 0);
}

static __always_inline void loop_submit(void *rec)
{
	__u64 waiting = bpf_ringbuf_query(&cpt_loop_ring, BPF_RB_AVAIL_DATA);

	bpf_ringbuf_submit(rec,
			   waiting > CPT_LOOP_RING_SZ / 2 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

static __always_inline struct cpt_rec_loop *record_get(struct cpt_loop_inst *in, __u32 task,
						       __u64 base_ns)
{
	struct cpt_rec_loop *rec = bpf_ringbuf_reserve(&cpt_loop_ring, sizeof(*rec), 0);
	__u32 seq = __sync_fetch_and_add(&in->seq, 1);

	if (!rec) {
		lose(CPT_LOOP_LOSS_RING_FULL);
		return NULL;
	}
	rec->type = CPT_REC_LOOP;
	rec->instance = in->instance;
	rec->base_ns = base_ns;
	rec->task = task;
	rec->seq = seq;
	rec->level[CPT_LOOP_IN] = in->level[CPT_LOOP_IN];
	rec->level[CPT_LOOP_OUT] = in->level[CPT_LOOP_OUT];
	rec->conns = in->conns;
	rec->timers = in->timers;
	return rec;
}

static __always_inline void steps_reset(struct cpt_loop_steps *s)
{
	s->opened = s->completed = s->cancelled = s->peak = 0;
	s->opened_sum = s->ended_sum = 0;
}

/* What the window holds, sent; it is empty then. Locked. */
__noinline int window_flush(struct cpt_loop_inst *in)
{
	if (!in)
		return 0;
	struct cpt_rec_loop *rec = record_get(in, in->task, in->base_ns);

	if (rec) {
		rec->steps[CPT_LOOP_IN] = in->steps[CPT_LOOP_IN];
		rec->steps[CPT_LOOP_OUT] = in->steps[CPT_LOOP_OUT];
		rec->iterations = in->iterations;
		rec->batch = in->batch;
		loop_submit(rec);
	}
	steps_reset(&in->steps[CPT_LOOP_IN]);
	steps_reset(&in->steps[CPT_LOOP_OUT]);
	in->iterations = in->batch = 0;
	in->held = 0;
	in->base_ns = 0;
	return 0;
}

/* The window has room for a step at ts. Locked. Returns its distance from the window's base. */
static __always_inline __u64 window_open(struct cpt_loop_inst *in, __u32 task, __u64 ts)
{
	__u64 base = in->base_ns;

	if (base && ts > base + CPT_LOOP_WINDOW_NS &&
	    (in->held < CPT_LOOP_DENSE || ts > base + CPT_LOOP_DENSE_NS)) {
		window_flush(in);
		base = 0;
	}
	if (!(in->flags & CPT_LOOP_RING))
		in->held++;
	if (!base) {
		in->base_ns = ts;
		in->task = task;
		return 0;
	}
	return ts > base ? ts - base : 0;
}

#define STEP_OPENED    0
#define STEP_COMPLETED 1
#define STEP_CANCELLED 2

static __always_inline void step_count(struct cpt_loop_steps *s, __u32 what, __u64 off)
{
	if (what == STEP_OPENED) {
		s->opened++;
		s->opened_sum += off;
		return;
	}
	if (what == STEP_COMPLETED)
		s->completed++;
	else
		s->cancelled++;
	s->ended_sum += off;
}

/* A step while somebody else holds the window: a record of its own. */
__noinline int step_alone(struct cpt_loop_inst *in, __u32 way, __u32 what, __u32 task, __u64 ts)
{
	if (!in)
		return 0;
	__s32 by = what == STEP_OPENED ? 1 : -1;
	struct cpt_rec_loop *rec;
	__s32 level;

	way &= 1;
	level = __sync_fetch_and_add(&in->level[way], by) + by;
	rec = record_get(in, task, ts);
	if (!rec)
		return 0;
	steps_reset(&rec->steps[CPT_LOOP_IN]);
	steps_reset(&rec->steps[CPT_LOOP_OUT]);
	rec->steps[way].peak = level > 0 ? level : 0;
	step_count(&rec->steps[way], what, 0);
	rec->iterations = rec->batch = 0;
	loop_submit(rec);
	return 0;
}

/* A step with the window locked. */
static __always_inline void step_locked(struct cpt_loop_inst *in, __u32 way, __u32 what, __u32 task,
					__u64 ts)
{
	__u64 off = window_open(in, task, ts);
	__s32 by = what == STEP_OPENED ? 1 : -1;
	struct cpt_loop_steps *s;
	__s32 level;

	way &= 1;
	s = &in->steps[way];
	level = __sync_fetch_and_add(&in->level[way], by) + by;
	if (level > 0 && (__u32)level > s->peak)
		s->peak = level;
	step_count(s, what, off);
}

__noinline int step(struct cpt_loop_inst *in, __u32 way, __u32 what, __u32 task, __u64 ts)
{
	if (!in)
		return 0;
	if (!inst_lock(in)) {
		step_alone(in, way, what, task, ts);
		return 0;
	}
	step_locked(in, way, what, task, ts);
	inst_unlock(in);
	return 0;
}

/* ---- latencies -------------------------------------------------------------------------------- */

#define BUCKET_BITS 5

/* By the rule of latencies.h. */
static __always_inline __u32 latency_bucket(__u64 ns)
{
	__u64 v = ns;
	__u32 top = 0, shift, bucket;

	if (ns < 1 << BUCKET_BITS)
		return ns;
	if (v >> 32) {
		top += 32;
		v >>= 32;
	}
	if (v >> 16) {
		top += 16;
		v >>= 16;
	}
	if (v >> 8) {
		top += 8;
		v >>= 8;
	}
	if (v >> 4) {
		top += 4;
		v >>= 4;
	}
	if (v >> 2) {
		top += 2;
		v >>= 2;
	}
	top += v >> 1;
	shift = top - BUCKET_BITS;
	bucket = (shift << BUCKET_BITS) + (ns >> shift);
	return bucket < CPT_LOOP_BUCKETS ? bucket : CPT_LOOP_BUCKETS - 1;
}

static __always_inline void count_latency(struct cpt_loop_inst *in, __u32 slot, __u32 way, __u64 ns)
{
	__u32 at = slot * CPT_LOOP_WAYS + (way & 1);
	struct loop_hist *h = bpf_map_lookup_elem(&cpt_loop_hists, &at);

	if (h)
		__sync_fetch_and_add(&h->buckets[latency_bucket(ns) & (CPT_LOOP_BUCKETS - 1)], 1);
	if (ns > in->max_ns[way & 1])
		in->max_ns[way & 1] = ns;
}

#endif /* LOOPS_BPF_H */
