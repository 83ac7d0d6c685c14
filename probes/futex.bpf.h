/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * futex.bpf.h - what object of user space a futex wait is on, and whether a wake is on that word.
 *
 * Owns:     the futex calls, and the layouts of glibc's objects as far as they prove what a word is.
 * Must not: touch memory that may sleep; guess: what does not hold all of an object's invariants is
 *           PLAIN, and the analysis judges by what it sees of many waits.
 *
 * glibc 2.25 and later (sysdeps/nptl/bits/struct_rwlock.h, struct_mutex.h, thread-shared-types.h,
 * nptl/pthread_barrier_wait.c, nptl/internaltypes.h); its condition variables are others since 2.41:
 *
 *            +0      +4      +8      +c      +10     +14     +18     +1c     +20      +24    +28    +2c
 *  mutex     LOCK    count   owner   nusers  kind
 *  condvar   wseq----------- g1_start------- REFS--- REFS--- size--- size--- ORIG_SZ  wrefs  SIGNAL SIGNAL
 *   2.41 on  wseq----------- g1_start------- size--- size--- ORIG_SZ wrefs   SIGNAL   SIGNAL unused unused
 *  rwlock    readers writers PHASE   WRITERS -       -       cur_wr  shared  ...              +30: flags
 *  barrier   in      ROUND   count   shared  out
 *  sem       VALUE   waiters private                      (capitals: words that are waited on)
 */
#ifndef FUTEX_BPF_H
#define FUTEX_BPF_H

#include "state.bpf.h"

/* futex(2) operations, and the bits of a word that holds its owner (uapi/linux/futex.h) */
#define FUTEX_CMD_MASK	      0x7f
#define FUTEX_WAIT	      0
#define FUTEX_WAKE	      1
#define FUTEX_REQUEUE	      3
#define FUTEX_CMP_REQUEUE     4
#define FUTEX_WAKE_OP	      5
#define FUTEX_LOCK_PI	      6
#define FUTEX_UNLOCK_PI	      7
#define FUTEX_WAIT_BITSET     9
#define FUTEX_WAKE_BITSET     10
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_CMP_REQUEUE_PI  12
#define FUTEX_LOCK_PI2	      13
#define FUTEX_PRIVATE	      0x80 /* FUTEX2_PRIVATE too */
#define FUTEX_WAITERS	      0x80000000
#define FUTEX_TID_MASK	      0x3fffffff
#define PID_MAX		      0x400000
#define SEM_SHARED	      0x80
#define PAGE_OFFSET_MASK      0xfff /* of the smallest page */

/* pthread_mutex_t.__data.__kind of glibc that is no PI or robust mutex: type 0..3, process-shared,
 * elision bits. */
#define MUTEX_KIND_MASK (0x3 | 0x80 | 0x100 | 0x200)

struct glibc_mutex {
	__u32 lock, count, owner, nusers, kind;
};

struct glibc_cond {
	__u64 wseq, g1_start;
	__u64 refs; /* two u32, read as one: the verifier refuses a computed place on the stack */
	__u32 size[2];
	__u32 g1_orig_size, wrefs;
	__u32 signals[2];
};
#define COND_WAITER_SHIFT 3 /* of wrefs: a waiter counts 8 */

/* 2.41 on: g1_start without the index bit; a group's signals count on from where that began, so a waiter
 * expects no more than the start of its group. What is not used is initialised, to 0. */
struct glibc_cond_241 {
	__u64 wseq, g1_start;
	__u32 size[2];
	__u32 g1_orig_size, wrefs;
	__u32 signals[2];
	__u32 unused[2];
};

struct glibc_rwlock {
	__u32 readers, writers, phase, writers_futex, pad[2];
	__s32 cur_writer, shared;
	__u64 elision[2];
	__u32 flags;
};

struct glibc_barrier {
	__u32 in, round, count;
	__s32 shared;
	__u32 out;
};

struct futex_waitv {
	__u64 val, uaddr;
	__u32 flags, reserved;
};

#define COND_EITHER_GROUP 2

/* A condition variable at `at` that somebody sleeps on: a waiter counts itself in wrefs and in its
 * group's references before it does, and out again when it is done. */
static __noinline bool is_cond(__u64 at, __u32 group)
{
	struct glibc_cond c = {};
	__u32 refs;

	if (read_user(&c, sizeof(c), (void *)at))
		return false;
	refs = c.refs >> (group & 1) * 32;
	if (group & COND_EITHER_GROUP)
		refs |= c.refs >> 32;
	return c.wrefs >> COND_WAITER_SHIFT && c.wrefs >> COND_WAITER_SHIFT <= PID_MAX &&
	       refs >= 2 && refs >> 1 <= PID_MAX && c.wseq >> 1 && c.wseq >> 48 == 0 &&
	       c.g1_start >> 1 <= c.wseq >> 1;
}

/* Likewise of glibc 2.41 and later. A waiter is in wseq and in wrefs until it is done. */
static __noinline bool is_cond_241(__u64 at)
{
	struct glibc_cond_241 c = {};

	if (read_user(&c, sizeof(c), (void *)at))
		return false;
	return c.wrefs >> COND_WAITER_SHIFT && c.wrefs >> COND_WAITER_SHIFT <= PID_MAX &&
	       c.wseq >> 1 && c.wseq >> 48 == 0 && c.g1_start <= c.wseq >> 1 &&
	       c.g1_orig_size >> 2 <= PID_MAX && !(c.unused[0] | c.unused[1]) &&
	       (__s32)(c.signals[0] - (__u32)c.g1_start) <= PID_MAX &&
	       (__s32)(c.signals[1] - (__u32)c.g1_start) <= PID_MAX;
}

static __noinline __u8 rwlock_object(__u64 at, __u32 *holder)
{
	struct glibc_rwlock l = {};

	if (read_user(&l, sizeof(l), (void *)at))
		return CPT_FUTEX_PLAIN;
	if (!(l.readers | l.writers) || l.phase > 3 || l.writers_futex > 3 || l.flags > 2 ||
	    (l.shared & ~FUTEX_PRIVATE & ~1) || (__u32)l.cur_writer > PID_MAX)
		return CPT_FUTEX_PLAIN;
	*holder = l.cur_writer;
	return CPT_FUTEX_RWLOCK;
}

static __noinline __u8 barrier_object(__u64 at, __u32 val)
{
	struct glibc_barrier b = {};

	if (read_user(&b, sizeof(b), (void *)at))
		return CPT_FUTEX_PLAIN;
	if (b.in <= val || b.round < val || b.count < 2 || b.count > PID_MAX ||
	    (b.shared & ~FUTEX_PRIVATE) || b.out > b.in)
		return CPT_FUTEX_PLAIN;
	return CPT_FUTEX_BARRIER;
}

/* A condition variable whose internal lock is at uaddr. */
static __noinline __u8 cond_of_lock(__u64 uaddr)
{
	if (uaddr & 7)
		return CPT_FUTEX_PLAIN;
	if (is_cond(uaddr - offsetof(struct glibc_cond, g1_orig_size), COND_EITHER_GROUP))
		return CPT_FUTEX_CONDVAR;
	if (is_cond_241(uaddr - offsetof(struct glibc_cond_241, g1_orig_size)))
		return CPT_FUTEX_CONDVAR_241;
	return CPT_FUTEX_PLAIN;
}

/* Or that lock, whose waiters stand where a mutex counts recursions. What is before a mutex is looked at only
 * then: at the start of a mapping nothing may be there, and to find that costs a fault (9 us in a virtual
 * machine, in the time of the task that is about to wait). */
static __noinline __u8 mutex_object(__u64 uaddr, __u32 *holder)
{
	struct glibc_mutex m = {};
	bool read = !read_user(&m, sizeof(m), (void *)uaddr);

	if (!read || m.count >> COND_WAITER_SHIFT) {
		__u8 cond = cond_of_lock(uaddr);

		if (cond != CPT_FUTEX_PLAIN)
			return cond;
	}
	if (!read)
		return CPT_FUTEX_UNREAD;
	if (m.kind & ~MUTEX_KIND_MASK)
		return CPT_FUTEX_PLAIN;
	if (!m.owner || m.owner > PID_MAX)
		return CPT_FUTEX_MUTEX_NO_OWNER;
	*holder = m.owner;
	return CPT_FUTEX_MUTEX;
}

/* The expected value is the word as the waiter saw it: owner and waiters' bit. */
static __always_inline __u8 robust_object(__u32 val, __u32 *holder)
{
	if (!(val & FUTEX_TID_MASK) || (val & FUTEX_TID_MASK) > PID_MAX)
		return CPT_FUTEX_PLAIN;
	*holder = val & FUTEX_TID_MASK;
	return CPT_FUTEX_MUTEX_ROBUST;
}

/* Odd values from 3 on: references of a condition variable's group and the flag that somebody waits
 * for them to go. Any other object's word may hold the same. */
static __always_inline __u8 wait_object(__u64 uaddr, __u32 val, __u32 *holder)
{
	if (val & FUTEX_WAITERS)
		return robust_object(val, holder);
	if (uaddr & 4 &&
	    barrier_object(uaddr - offsetof(struct glibc_barrier, round), val) == CPT_FUTEX_BARRIER)
		return CPT_FUTEX_BARRIER;
	if (val & 1 && val >= 3 &&
	    is_cond((uaddr & ~7ULL) - offsetof(struct glibc_cond, refs), uaddr >> 2))
		return CPT_FUTEX_CONDVAR;
	if (val == 2)
		return mutex_object(uaddr, holder);
	/* The internal lock of one: its two low bits, above them a size. */
	return (val & 3) == 2 ? cond_of_lock(uaddr) : CPT_FUTEX_PLAIN;
}

static __always_inline __u8 bitset_object(__u64 uaddr, __u32 val, __u32 *holder)
{
	bool sem = !val && !(uaddr & 7);
	__u32 w[3] = {}; /* of a semaphore: its value, how many wait, SEM_SHARED */

	if (val & FUTEX_WAITERS) /* with a time-out, like the mutex next */
		return robust_object(val, holder);
	/* Without an owner it may be an rwlock, whose words are like that. */
	if (val == 2 && !(uaddr & 7) && mutex_object(uaddr, holder) == CPT_FUTEX_MUTEX)
		return CPT_FUTEX_MUTEX;
	if (val == 2 || val == 3) {
		__u8 object = rwlock_object((uaddr & ~7ULL) - offsetof(struct glibc_rwlock, phase),
					    holder);

		if (object != CPT_FUTEX_PLAIN)
			return object;
	}
	/* One that processes share is told by its looks where a condition variable might begin on the page
	 * before: see mutex_object(). */
	if (sem && (uaddr & PAGE_OFFSET_MASK) < offsetof(struct glibc_cond, signals) &&
	    !read_user(w, sizeof(w), (void *)uaddr) && w[1] && w[2] == SEM_SHARED)
		return CPT_FUTEX_SEM;
	if (!val && is_cond((uaddr & ~7ULL) - offsetof(struct glibc_cond, signals), uaddr >> 2))
		return CPT_FUTEX_CONDVAR;
	if (is_cond_241((uaddr & ~7ULL) - offsetof(struct glibc_cond_241, signals)))
		return CPT_FUTEX_CONDVAR_241;
	if (!sem)
		return CPT_FUTEX_PLAIN;
	if (read_user(w, 2 * sizeof(*w), (void *)uaddr))
		return CPT_FUTEX_UNREAD;
	return w[1] ? CPT_FUTEX_SEM : CPT_FUTEX_PLAIN;
}

/* A few reads of the word and, where operation and value promise a glibc object, of what is around
 * it. holder: tid in the process's namespace, 0 not known. */
static __noinline __u8 futex_object(__u64 uaddr, __u32 cmd, __u32 val, __u32 *holder)
{
	__u32 word = 0;

	*holder = 0;
	switch (cmd) {
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		if (read_user(&word, sizeof(word), (void *)uaddr))
			return CPT_FUTEX_UNREAD;
		*holder = word & FUTEX_TID_MASK;
		return CPT_FUTEX_MUTEX_PI;
	case FUTEX_WAIT:
		return wait_object(uaddr, val, holder);
	case FUTEX_WAIT_BITSET:
		return bitset_object(uaddr, val, holder);
	default:
		return CPT_FUTEX_PLAIN;
	}
}

static __always_inline bool waits_on_futex(__u32 nr)
{
	return nr == NR_futex || nr == NR_futex_wait || nr == NR_futex_waitv;
}

/* What a futex call waits for; of several words the first. timeout: not 0 if it carries one. */
static __always_inline void futex_wait_args(struct pt_regs *regs, __u32 nr, __u64 *uaddr, __u32 *op,
					    __u32 *val, __u64 *timeout)
{
	__u64 arg2 = regs->REG_ARG2, arg3 = regs->REG_ARG3;
	__u64 arg4 = regs->REG_ARG4, arg5 = regs->REG_ARG5;
	struct futex_waitv first = {};

	/* Or clang chooses among addresses of registers, which the verifier refuses. */
	barrier_var(arg2);
	barrier_var(arg3);
	barrier_var(arg4);
	barrier_var(arg5);
	*uaddr = regs->REG_ARG1;
	*timeout = arg4;
	if (nr == NR_futex) {
		*op = arg2;
		*val = arg3;
		return;
	}
	if (nr == NR_futex_wait) {
		*op = FUTEX_WAIT_BITSET | (arg4 & FUTEX_PRIVATE);
		*val = arg2;
		*timeout = arg5;
		return;
	}
	read_user(&first, sizeof(first), (void *)*uaddr);
	*uaddr = first.uaddr;
	*op = FUTEX_WAIT_BITSET | (first.flags & FUTEX_PRIVATE);
	*val = first.val;
}

static __always_inline void wait_futex(struct pt_regs *regs, __u32 nr, struct cpt_rec_switch *rec,
				       __u16 *flags)
{
	__u32 op, val, holder = 0;
	__u64 uaddr, timeout;

	futex_wait_args(regs, nr, &uaddr, &op, &val, &timeout);
	rec->arg0 = uaddr;
	rec->arg1 = op | (__u64)val << 32;
	rec->object = futex_object(uaddr, op & FUTEX_CMD_MASK, val, &holder);
	rec->arg2 = holder;
	if (timeout)
		*flags |= CPT_SW_PREV_TIMEOUT;
}

/* ---- wakes ----------------------------------------------------------------------------------- */

static __always_inline bool wakes_futex(__u32 nr)
{
	return nr == NR_futex || nr == NR_futex_wake;
}

static __always_inline bool op_wakes(__u32 cmd)
{
	switch (cmd) {
	case FUTEX_WAKE:
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
	case FUTEX_WAKE_OP:
	case FUTEX_UNLOCK_PI:
	case FUTEX_WAKE_BITSET:
	case FUTEX_CMP_REQUEUE_PI:
		return true;
	default:
		return false;
	}
}

/*
 * Is a wake by a task in futex call `nr` (registers `regs`) on the word that the wakee, in futex call
 * `wakee_nr`, waits on? Such a call wakes nobody else while it is at its work, but may on its way out
 * (task work, signals), so the addresses must agree. In a mapping that processes share only the
 * place within the page is the same.
 */
static __always_inline bool wake_is_on_word(struct pt_regs *regs, __u32 nr, bool same_mm,
					    struct pt_regs *wakee_regs, __u32 wakee_nr)
{
	__u64 at = regs->REG_ARG1, word = wakee_regs->REG_ARG1, differ = ~0ULL;
	__u32 op = regs->REG_ARG2;

	if (nr == NR_futex && !op_wakes(op & FUTEX_CMD_MASK))
		return false;
	if (wakee_nr == NR_futex_waitv) {
		struct futex_waitv first = {};

		if (!same_mm || read_user(&first, sizeof(first), (void *)word))
			return false;
		word = first.uaddr;
	}
	if (!same_mm)
		differ = 0xfff;
	if (!((word ^ at) & differ))
		return true;
	return nr == NR_futex && (op & FUTEX_CMD_MASK) == FUTEX_WAKE_OP &&
	       !((word ^ regs->REG_ARG5) & differ);
}

#endif /* FUTEX_BPF_H */
