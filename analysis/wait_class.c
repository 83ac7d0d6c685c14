// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wait_class.c - see wait_class.h.
 *
 * Order of the questions: stopped? in the kernel's uninterruptible sleep? then by system call and,
 * for calls on a descriptor, by what that descriptor is.
 */
#include "wait_class.h"

/* Task state bits, include/linux/sched.h; the first four never moved, the others since 5.18/6.1. */
#define STATE_UNINTERRUPTIBLE 0x0002
#define STATE_STOPPED	      0x0004
#define STATE_TRACED	      0x0008
#define STATE_FREEZABLE	      0x2000
#define STATE_FROZEN	      0x8000

#define FUTEX_OP_WAIT_BITSET	9
#define FUTEX_OP_PRIVATE	128
#define FUTEX_OP_CLOCK_REALTIME 256

#define CLONE_VFORK_FLAG 0x4000

/* fcntl commands that wait for a record lock: F_SETLKW, F_OFD_SETLKW (same on all 64-bit machines).
 */
#define FCNTL_SETLKW	 7
#define FCNTL_OFD_SETLKW 38

static struct cpt_blocked blocked(enum cpt_reason reason)
{
	return (struct cpt_blocked){
		.state = reason_is_parked(reason) ? CPT_STATE_PARKED : CPT_STATE_WAITING,
		.reason = reason,
	};
}

bool wait_may_be_join(const struct cpt_wait *wait, enum cpt_sys sys)
{
	uint32_t op = (uint32_t)wait->arg1;

	return sys == CPT_SYS_FUTEX && op == (FUTEX_OP_WAIT_BITSET | FUTEX_OP_CLOCK_REALTIME);
}

/* A read, or a poll for one descriptor: who has to act for it to go on? A wait without an end in
 * the trace is taken as the descriptor's kind suggests: pipes and eventfds mostly join tasks of one
 * tree, sockets mostly lead outside. */
static enum cpt_reason classify_read(uint8_t object, const struct cpt_wait_facts *f)
{
	switch (object) {
	case CPT_FD_FILE:
		return CPT_REASON_DISK;
	case CPT_FD_PIPE:
		return f->ended_by_us || f->end == CPT_END_OPEN ? CPT_REASON_PEER : CPT_REASON_PIPE;
	case CPT_FD_EVENTFD:
		return f->ended_by_us || f->end == CPT_END_OPEN ? CPT_REASON_PEER
								: CPT_REASON_OTHER;
	case CPT_FD_SOCKET:
		return f->ended_by_us ? CPT_REASON_PEER : CPT_REASON_SOCKET;
	case CPT_FD_SOCK_SERVING:
		return CPT_REASON_REQUEST;
	case CPT_FD_SOCK_LISTEN:
		return CPT_REASON_ACCEPT;
	case CPT_FD_TTY:
		return CPT_REASON_TERMINAL;
	case CPT_FD_TIMERFD:
		return CPT_REASON_SLEEP;
	case CPT_FD_SIGNALFD:
		return CPT_REASON_SIGNAL;
	case CPT_FD_EPOLL:
	case CPT_FD_IO_URING:
		return CPT_REASON_EVENT_LOOP;
	case CPT_FD_PIDFD:
		return CPT_REASON_JOIN;
	default:
		return CPT_REASON_OTHER;
	}
}

/* A blocked write is back-pressure: waiting, whoever reads at the other end. */
static enum cpt_reason classify_write(uint8_t object)
{
	switch (object) {
	case CPT_FD_FILE:
		return CPT_REASON_DISK;
	case CPT_FD_PIPE:
		return CPT_REASON_PIPE;
	case CPT_FD_SOCKET:
	case CPT_FD_SOCK_SERVING:
		return CPT_REASON_SOCKET;
	case CPT_FD_TTY:
		return CPT_REASON_TERMINAL;
	default:
		return CPT_REASON_OTHER;
	}
}

/* poll and select: none is a sleep, one or two connected descriptors a wait on them, more (or a
 * listening one) an event loop. */
static enum cpt_reason classify_poll(const struct cpt_wait_facts *f)
{
	const struct cpt_wait *w = f->wait;
	uint8_t second = (uint8_t)w->arg2;
	enum cpt_reason first_reason, second_reason;

	if (w->arg0 == 0)
		return CPT_REASON_SLEEP;
	if (w->arg0 > 2 || w->object == CPT_FD_SOCK_LISTEN)
		return CPT_REASON_EVENT_LOOP;
	first_reason = classify_read(w->object, f);
	if (w->arg0 == 1)
		return first_reason;
	if (second == CPT_FD_SOCK_LISTEN)
		return CPT_REASON_EVENT_LOOP;
	second_reason = classify_read(second, f);
	/* A pair is in progress if either end of it is. */
	if (!reason_is_parked(second_reason) && reason_is_parked(first_reason) &&
	    second_reason != CPT_REASON_OTHER)
		return second_reason;
	return first_reason != CPT_REASON_OTHER ? first_reason : second_reason;
}

static enum cpt_reason classify_futex(const struct cpt_wait_facts *f)
{
	switch (f->wait->object) {
	case CPT_FUTEX_MUTEX:
	case CPT_FUTEX_MUTEX_NO_OWNER:
	case CPT_FUTEX_MUTEX_ROBUST:
	case CPT_FUTEX_MUTEX_PI:
		return CPT_REASON_LOCK;
	default:
		break;
	}
	if (f->expects_our_tid && wait_may_be_join(f->wait, f->sys))
		return CPT_REASON_JOIN;
	return CPT_REASON_OTHER;
}

static enum cpt_reason classify_uninterruptible(const struct cpt_wait_facts *f)
{
	const struct cpt_wait *w = f->wait;
	enum cpt_sys_group group = sys_group(f->sys);

	if (group == CPT_SYS_GROUP_VFORK)
		return CPT_REASON_JOIN;
	/* clone3 keeps its flags in user memory; but only the wait for a vfork child is freezable
	 * here (kernel/fork.c: wait_for_vfork_done, since 6.1). */
	if (group == CPT_SYS_GROUP_CLONE &&
	    (w->prev_state & STATE_FREEZABLE ||
	     (f->sys == CPT_SYS_CLONE && w->arg0 & CLONE_VFORK_FLAG)))
		return CPT_REASON_JOIN;
	if (group == CPT_SYS_GROUP_SYNC)
		return CPT_REASON_DISK;
	if (w->wait_flags & CPT_WAIT_IOWAIT)
		return w->sysno == CPT_SYSNO_NONE ? CPT_REASON_PAGE_FAULT : CPT_REASON_DISK;
	return CPT_REASON_KERNEL_LOCK;
}

static enum cpt_reason classify_call(const struct cpt_wait_facts *f)
{
	const struct cpt_wait *w = f->wait;

	switch (sys_group(f->sys)) {
	case CPT_SYS_GROUP_READ:
		return classify_read(w->object, f);
	case CPT_SYS_GROUP_WRITE:
		return classify_write(w->object);
	case CPT_SYS_GROUP_CONNECT:
		return CPT_REASON_SOCKET;
	case CPT_SYS_GROUP_ACCEPT:
		return CPT_REASON_ACCEPT;
	case CPT_SYS_GROUP_LOOP:
		return CPT_REASON_EVENT_LOOP;
	case CPT_SYS_GROUP_POLL:
		return classify_poll(f);
	case CPT_SYS_GROUP_SLEEP:
		return CPT_REASON_SLEEP;
	case CPT_SYS_GROUP_SIGNAL:
		return CPT_REASON_SIGNAL;
	case CPT_SYS_GROUP_CHILD:
	case CPT_SYS_GROUP_VFORK:
		return CPT_REASON_JOIN;
	case CPT_SYS_GROUP_FUTEX:
		return classify_futex(f);
	case CPT_SYS_GROUP_FILE_LOCK:
		return CPT_REASON_LOCK;
	case CPT_SYS_GROUP_FCNTL:
		return w->arg1 == FCNTL_SETLKW || w->arg1 == FCNTL_OFD_SETLKW ? CPT_REASON_LOCK
									      : CPT_REASON_OTHER;
	case CPT_SYS_GROUP_SYNC:
	case CPT_SYS_GROUP_AIO:
		return CPT_REASON_DISK;
	case CPT_SYS_GROUP_OPEN: /* the other end of a FIFO */
		return f->ended_by_us ? CPT_REASON_PEER : CPT_REASON_PIPE;
	case CPT_SYS_GROUP_MESSAGE:
		return f->ended_by_us ? CPT_REASON_PEER : CPT_REASON_OTHER;
	case CPT_SYS_GROUP_IOCTL:
		return w->object == CPT_FD_TTY ? CPT_REASON_TERMINAL : CPT_REASON_OTHER;
	case CPT_SYS_GROUP_CLONE:
	case CPT_SYS_GROUP_OTHER:
	case CPT_SYS_GROUP_CNT:
		break;
	}
	return CPT_REASON_OTHER;
}

struct cpt_blocked wait_classify(const struct cpt_wait_facts *f)
{
	const struct cpt_wait *w = f->wait;

	if (w->prev_state & (STATE_STOPPED | STATE_TRACED | STATE_FROZEN))
		return blocked(CPT_REASON_STOPPED);
	if (f->io_worker)
		return blocked(w->wait_flags & CPT_WAIT_IOWAIT ? CPT_REASON_DISK
							       : CPT_REASON_QUEUE);
	if (w->prev_state & STATE_UNINTERRUPTIBLE)
		return blocked(classify_uninterruptible(f));
	return blocked(classify_call(f));
}
