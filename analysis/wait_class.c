// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wait_class.c - see wait_class.h.
 *
 * Order of the questions: stopped? in the kernel's uninterruptible sleep? then by system call and,
 * for calls on a descriptor, by what that descriptor is.
 */
#include "wait_class.h"

/* Task state bits, include/linux/sched.h; the first four never moved, the others since 5.18/6.1. */
#define STATE_INTERRUPTIBLE   0x0001
#define STATE_UNINTERRUPTIBLE 0x0002
#define STATE_STOPPED	      0x0004
#define STATE_TRACED	      0x0008
#define STATE_NOLOAD	      0x0400 /* with the D bit: idle, not held up */
#define STATE_RTLOCK	      0x1000 /* PREEMPT_RT: a spinlock that sleeps */
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

bool wait_is_file_lock(const struct cpt_wait *w, enum cpt_sys sys)
{
	if (sys_group(sys) == CPT_SYS_GROUP_FCNTL)
		return w->arg1 == FCNTL_SETLKW || w->arg1 == FCNTL_OFD_SETLKW;
	return sys_group(sys) == CPT_SYS_GROUP_FILE_LOCK;
}

static bool is_uninterruptible(const struct cpt_wait *w)
{
	return w->prev_state & STATE_UNINTERRUPTIBLE && !(w->prev_state & STATE_NOLOAD);
}

/* Held up in a call that changes the mappings, or in a page fault, and not by a disk. */
bool wait_is_on_mmap_lock(const struct cpt_wait *w, enum cpt_sys sys)
{
	if (!is_uninterruptible(w) || w->wait_flags & CPT_WAIT_IOWAIT)
		return false;
	return w->sysno == CPT_SYSNO_NONE || sys_group(sys) == CPT_SYS_GROUP_MEMORY;
}

/* Does a task of the workload stand for what comes out of this pipe? A wait that no task ended (a
 * time-out, a signal, the end of the trace) leaves it open: such channels mostly join tasks of one
 * tree. Sockets, which mostly lead outside, are asked for ended_by_us alone. */
static bool has_peer(const struct cpt_wait_facts *f)
{
	return f->ended_by_us || f->end == CPT_END_OPEN || f->end == CPT_END_IRQ;
}

/* Likewise for an eventfd, which an interrupt can signal as well as a task. */
static bool eventfd_has_peer(const struct cpt_wait_facts *f)
{
	if (f->end == CPT_END_IRQ)
		return f->wait->wait_flags & CPT_WAIT_TIMEOUT;
	return has_peer(f);
}

/* A read, or a poll for one descriptor: who has to act for it to go on? */
static enum cpt_reason classify_read(uint8_t object, const struct cpt_wait_facts *f)
{
	switch (object) {
	case CPT_FD_FILE:
		return CPT_REASON_DISK;
	case CPT_FD_PIPE:
		return has_peer(f) ? CPT_REASON_PEER : CPT_REASON_PIPE;
	case CPT_FD_EVENTFD:
		return eventfd_has_peer(f) ? CPT_REASON_PEER : CPT_REASON_OTHER;
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
	case CPT_FD_INOTIFY: /* for what happens to files, as a loop does for its descriptors */
		return CPT_REASON_EVENT_LOOP;
	case CPT_FD_PIDFD:
		return CPT_REASON_JOIN;
	default:
		return CPT_REASON_OTHER;
	}
}

/* A blocked write is back-pressure: waiting, whoever reads at the other end. A terminal's too, which
 * has no word of its own: only reading from it is `terminal`. */
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
	default:
		return CPT_REASON_OTHER;
	}
}

/* Which of two reasons speaks for a wait on both: one that is in progress before one that is not, a
 * set of events, a timer and what is not told apart last. */
static int pair_rank(enum cpt_reason reason)
{
	if (reason == CPT_REASON_OTHER)
		return 0;
	if (reason == CPT_REASON_SLEEP)
		return 1;
	if (reason == CPT_REASON_EVENT_LOOP)
		return 2;
	return reason_is_parked(reason) ? 3 : 4;
}

/* poll and select: none is a sleep, one or two connected descriptors a wait on them, more (or a
 * listening one) an event loop. Entries of a negative descriptor are no entries. */
static enum cpt_reason classify_poll(const struct cpt_wait_facts *f)
{
	const struct cpt_wait *w = f->wait;
	const int32_t fds[2] = {(int32_t)w->arg1, (int32_t)(w->arg1 >> 32)};
	const uint8_t kinds[2] = {w->object, (uint8_t)w->arg2};
	enum cpt_reason best = CPT_REASON_OTHER;
	bool any = false;

	if (w->arg0 > 2)
		return CPT_REASON_EVENT_LOOP;
	for (uint32_t i = 0; i < w->arg0; i++) {
		enum cpt_reason reason;

		if (fds[i] < 0)
			continue;
		if (kinds[i] == CPT_FD_SOCK_LISTEN)
			return CPT_REASON_EVENT_LOOP;
		reason = classify_read(kinds[i], f);
		if (!any || pair_rank(reason) > pair_rank(best))
			best = reason;
		any = true;
	}
	return any ? best : CPT_REASON_SLEEP;
}

/* What the wait alone does not tell, the object's word does: a hand-off, a queue, and what was not
 * read. A wait on a condition variable that nobody has signalled when its time is up was a sleep. */
static enum cpt_reason classify_word(const struct cpt_wait_facts *f)
{
	const uint8_t object = f->wait->object;
	enum cpt_reason reason = CPT_REASON_OTHER;

	if (object_is_signalled(object))
		reason = CPT_REASON_CONDVAR;
	if (f->word && (f->word->kind == CPT_WORD_CONDVAR || f->word->kind == CPT_WORD_SEM ||
			f->word->kind == CPT_WORD_ONCE || object == CPT_FUTEX_UNREAD))
		reason = f->word->reason;
	if (reason == CPT_REASON_CONDVAR && f->end == CPT_END_IRQ &&
	    f->wait->wait_flags & CPT_WAIT_TIMEOUT)
		return CPT_REASON_SLEEP;
	return reason;
}

static enum cpt_reason classify_futex(const struct cpt_wait_facts *f)
{
	if (f->word && f->word->kind == CPT_WORD_JOIN && wait_may_be_join(f->wait, f->sys))
		return CPT_REASON_JOIN;
	switch (f->wait->object) {
	case CPT_FUTEX_MUTEX:
	case CPT_FUTEX_MUTEX_NO_OWNER:
	case CPT_FUTEX_MUTEX_ROBUST:
	case CPT_FUTEX_MUTEX_PI:
	case CPT_FUTEX_RWLOCK:
		return CPT_REASON_LOCK;
	case CPT_FUTEX_BARRIER:
		return CPT_REASON_BARRIER;
	default:
		break;
	}
	if (f->expects_our_tid && wait_may_be_join(f->wait, f->sys))
		return CPT_REASON_JOIN;
	return classify_word(f);
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

/* Sleeping outside any system call: held by its group while it computed (cgroup.freeze), or in a page
 * fault that another task has to serve (userfaultfd). */
static enum cpt_reason classify_no_call(const struct cpt_wait *w)
{
	return w->prev_state & STATE_FREEZABLE ? CPT_REASON_STOPPED : CPT_REASON_PAGE_FAULT;
}

static enum cpt_reason classify_call(const struct cpt_wait_facts *f)
{
	const struct cpt_wait *w = f->wait;

	if (w->sysno == CPT_SYSNO_NONE && w->prev_state & STATE_INTERRUPTIBLE)
		return classify_no_call(w);
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
	case CPT_SYS_GROUP_FCNTL:
		return wait_is_file_lock(w, f->sys) ? CPT_REASON_LOCK : CPT_REASON_OTHER;
	case CPT_SYS_GROUP_SYNC:
	case CPT_SYS_GROUP_AIO:
		return CPT_REASON_DISK;
	case CPT_SYS_GROUP_OPEN: /* the other end of a FIFO */
		return has_peer(f) ? CPT_REASON_PEER : CPT_REASON_PIPE;
	case CPT_SYS_GROUP_MESSAGE:
		return f->ended_by_us ? CPT_REASON_PEER : CPT_REASON_OTHER;
	case CPT_SYS_GROUP_CLONE:
	case CPT_SYS_GROUP_IOCTL: /* whatever the device makes of it; on a terminal: output to drain */
	case CPT_SYS_GROUP_MEMORY:
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
	if (w->prev_state & STATE_RTLOCK)
		return blocked(CPT_REASON_KERNEL_LOCK);
	if (is_uninterruptible(w))
		return blocked(classify_uninterruptible(f));
	return blocked(classify_call(f));
}
