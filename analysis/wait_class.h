/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wait_class.h - from the facts of a blocking switch-out to a state and a reason.
 *
 * Owns:     the table of definitions: what makes a blocked task waiting or parked, and why.
 * Must not: know time, counts, or which tasks make the workload (it is told who ended the wait).
 *
 * The rule behind the table: a task is *waiting* when it is blocked inside an operation of its own,
 * which is thereby in progress; *parked* when nothing of its own is in progress. The same work must
 * count the same however it is written: a read that another task of the workload answers is parked
 * (`peer`), for that task stands for the work.
 */
#ifndef CPT_WAIT_CLASS_H
#define CPT_WAIT_CLASS_H

#include <stdbool.h>

#include "event.h"
#include "states.h"
#include "sysno.h"
#include "words.h"

/* A condition variable or semaphore: what its wait is for only its word's symbol and many waits tell. */
static inline bool object_is_signalled(uint8_t object)
{
	return object == CPT_FUTEX_CONDVAR || object == CPT_FUTEX_CONDVAR_241 ||
	       object == CPT_FUTEX_SEM;
}

struct cpt_wait_facts {
	const struct cpt_wait *wait;
	enum cpt_sys sys;     /* wait->sysno by the trace's table; CPT_SYS_UNKNOWN if none */
	uint8_t end;	      /* CPT_END_* */
	bool ended_by_us;     /* end is CPT_END_TASK and the waker is of the workload */
	bool io_worker;	      /* a worker the kernel made for io_uring or vhost */
	bool expects_our_tid; /* futex: the expected value is the tid of a thread of its process */
	const struct cpt_word *word; /* what many waits tell of its object; NULL not known */
};

struct cpt_blocked {
	enum cpt_state state; /* CPT_STATE_WAITING or CPT_STATE_PARKED */
	enum cpt_reason reason;
};

struct cpt_blocked wait_classify(const struct cpt_wait_facts *facts);

/* Is the wait for the kernel's lock of the address space, or for a lock on a file? */
bool wait_is_on_mmap_lock(const struct cpt_wait *wait, enum cpt_sys sys);
bool wait_is_file_lock(const struct cpt_wait *wait, enum cpt_sys sys);

/* True when facts.expects_our_tid matters: a shared WAIT_BITSET on CLOCK_REALTIME, the way glibc's
 * pthread_join waits for the tid word to become 0 (glibc 2.31 to 2.42; since 2.43 for the thread's state,
 * which the word then tells). */
bool wait_may_be_join(const struct cpt_wait *wait, enum cpt_sys sys);

#endif /* CPT_WAIT_CLASS_H */
