// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_wait_class.c - the table of definitions: each kind of wait, on each object, ended in each way.
 *
 * A row reads: blocked in this call on this object, and the wait ended so: this reason. That a reason
 * is waiting or parked follows from the list it stands in (states.h) and is checked for every row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../analysis/wait_class.h"

#define S 0x0001 /* task states, as in the kernel */
#define D 0x0002

/* How a wait ended. */
enum how { OPEN, OURS, OTHER_TASK, FOREIGN, IRQ };

struct row {
	enum cpt_sys sys;
	uint8_t object;
	enum how how;
	enum cpt_reason reason;
};

static enum cpt_reason classify(const struct cpt_wait *w, enum cpt_sys sys, enum how how)
{
	static const uint8_t ends[] = {[OPEN] = CPT_END_OPEN,
				       [OURS] = CPT_END_TASK,
				       [OTHER_TASK] = CPT_END_TASK,
				       [FOREIGN] = CPT_END_FOREIGN,
				       [IRQ] = CPT_END_IRQ};
	const struct cpt_wait_facts facts = {
		.wait = w, .sys = sys, .end = ends[how], .ended_by_us = how == OURS};
	const struct cpt_blocked b = wait_classify(&facts);

	assert_int_equal(b.state,
			 reason_is_parked(b.reason) ? CPT_STATE_PARKED : CPT_STATE_WAITING);
	return b.reason;
}

static void expect(const struct cpt_wait *w, enum cpt_sys sys, enum how how, enum cpt_reason want)
{
	enum cpt_reason got = classify(w, sys, how);

	if (got != want)
		fail_msg("%s, object %u, state %#x, end %d: %s, should be %s", sys_name(sys),
			 w->object, w->prev_state, how, reason_name(got), reason_name(want));
}

static void expect_rows(const struct row *rows, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		const struct cpt_wait w = {.prev_state = S, .object = rows[i].object};

		expect(&w, rows[i].sys, rows[i].how, rows[i].reason);
	}
}

#define EXPECT_ROWS(rows) expect_rows(rows, sizeof(rows) / sizeof(*(rows)))

/* The first list of states.h is waiting, the second parked: what the definitions' table says. */
static void reasons_belong_to_the_state_the_definitions_give_them(void **state)
{
	const enum cpt_reason waiting[] = {
		CPT_REASON_LOCK,   CPT_REASON_HANDOFF, CPT_REASON_KERNEL_LOCK, CPT_REASON_DISK,
		CPT_REASON_SOCKET, CPT_REASON_PIPE,    CPT_REASON_PAGE_FAULT,  CPT_REASON_OTHER};
	const enum cpt_reason parked[] = {
		CPT_REASON_EVENT_LOOP, CPT_REASON_QUEUE,  CPT_REASON_BARRIER,  CPT_REASON_CONDVAR,
		CPT_REASON_JOIN,       CPT_REASON_PEER,	  CPT_REASON_REQUEST,  CPT_REASON_ACCEPT,
		CPT_REASON_SLEEP,      CPT_REASON_SIGNAL, CPT_REASON_TERMINAL, CPT_REASON_STOPPED};

	for (size_t i = 0; i < sizeof(waiting) / sizeof(*waiting); i++)
		assert_false(reason_is_parked(waiting[i]));
	for (size_t i = 0; i < sizeof(parked) / sizeof(*parked); i++)
		assert_true(reason_is_parked(parked[i]));
	assert_int_equal(sizeof(waiting) / sizeof(*waiting) + sizeof(parked) / sizeof(*parked),
			 CPT_REASON_CNT);
}

static void read_of_a_pipe_is_peer_unless_the_writer_is_outside(void **state)
{
	const struct row rows[] = {
		{CPT_SYS_READ, CPT_FD_PIPE, OURS, CPT_REASON_PEER},
		{CPT_SYS_READ, CPT_FD_PIPE, FOREIGN, CPT_REASON_PIPE},
		{CPT_SYS_READ, CPT_FD_PIPE, OTHER_TASK, CPT_REASON_PIPE}, /* filtered out */
		/* nobody wrote: a signal, or the end of the trace */
		{CPT_SYS_READ, CPT_FD_PIPE, IRQ, CPT_REASON_PEER},
		{CPT_SYS_READ, CPT_FD_PIPE, OPEN, CPT_REASON_PEER},
		{CPT_SYS_READV, CPT_FD_PIPE, OURS, CPT_REASON_PEER},
		{CPT_SYS_SPLICE, CPT_FD_PIPE, FOREIGN, CPT_REASON_PIPE},
		{CPT_SYS_OPENAT, CPT_FD_NONE, OURS, CPT_REASON_PEER}, /* a FIFO's other end */
		{CPT_SYS_OPEN, CPT_FD_NONE, FOREIGN, CPT_REASON_PIPE},
	};

	EXPECT_ROWS(rows);
}

static void read_of_an_eventfd_is_peer_unless_it_came_from_elsewhere(void **state)
{
	const struct row rows[] = {
		{CPT_SYS_READ, CPT_FD_EVENTFD, OURS, CPT_REASON_PEER},
		{CPT_SYS_READ, CPT_FD_EVENTFD, OPEN, CPT_REASON_PEER},
		{CPT_SYS_READ, CPT_FD_EVENTFD, FOREIGN, CPT_REASON_OTHER},
		{CPT_SYS_READ, CPT_FD_EVENTFD, IRQ, CPT_REASON_OTHER}, /* a device */
	};
	const struct cpt_wait timed = {.prev_state = S,
				       .object = CPT_FD_EVENTFD,
				       .wait_flags = CPT_WAIT_TIMEOUT,
				       .arg0 = 1,
				       .arg1 = 5};

	EXPECT_ROWS(rows);
	expect(&timed, CPT_SYS_POLL, IRQ, CPT_REASON_PEER); /* only its time ran out */
}

static void read_of_a_socket_is_peer_only_if_one_of_us_answered(void **state)
{
	const struct row rows[] = {
		{CPT_SYS_READ, CPT_FD_SOCKET, OURS, CPT_REASON_PEER},
		{CPT_SYS_RECVFROM, CPT_FD_SOCKET, OURS, CPT_REASON_PEER},
		{CPT_SYS_RECVMSG, CPT_FD_SOCKET, OTHER_TASK, CPT_REASON_SOCKET},
		{CPT_SYS_RECVMSG, CPT_FD_SOCKET, FOREIGN, CPT_REASON_SOCKET},
		{CPT_SYS_RECVMMSG, CPT_FD_SOCKET, IRQ, CPT_REASON_SOCKET},
		{CPT_SYS_READ, CPT_FD_SOCKET, OPEN, CPT_REASON_SOCKET},
		{CPT_SYS_CONNECT, CPT_FD_SOCKET, IRQ, CPT_REASON_SOCKET},
		{CPT_SYS_CONNECT, CPT_FD_SOCKET, OURS, CPT_REASON_SOCKET},
	};

	EXPECT_ROWS(rows);
}

static void serving_side_waits_for_a_request_whoever_sends_it(void **state)
{
	for (int how = OPEN; how <= IRQ; how++) {
		const struct row rows[] = {
			{CPT_SYS_READ, CPT_FD_SOCK_SERVING, (enum how)how, CPT_REASON_REQUEST},
			{CPT_SYS_RECVFROM, CPT_FD_SOCK_SERVING, (enum how)how, CPT_REASON_REQUEST},
			{CPT_SYS_ACCEPT, CPT_FD_SOCK_LISTEN, (enum how)how, CPT_REASON_ACCEPT},
			{CPT_SYS_ACCEPT4, CPT_FD_SOCK_LISTEN, (enum how)how, CPT_REASON_ACCEPT},
		};

		EXPECT_ROWS(rows);
	}
}

static void blocked_write_is_waiting_whoever_reads(void **state)
{
	for (int how = OPEN; how <= IRQ; how++) {
		const struct row rows[] = {
			{CPT_SYS_WRITE, CPT_FD_PIPE, (enum how)how, CPT_REASON_PIPE},
			{CPT_SYS_WRITEV, CPT_FD_SOCKET, (enum how)how, CPT_REASON_SOCKET},
			{CPT_SYS_SENDTO, CPT_FD_SOCK_SERVING, (enum how)how, CPT_REASON_SOCKET},
			{CPT_SYS_SENDMSG, CPT_FD_SOCKET, (enum how)how, CPT_REASON_SOCKET},
			{CPT_SYS_WRITE, CPT_FD_FILE, (enum how)how, CPT_REASON_DISK},
			{CPT_SYS_WRITE, CPT_FD_EVENTFD, (enum how)how, CPT_REASON_OTHER},
			{CPT_SYS_WRITE, CPT_FD_TTY, (enum how)how, CPT_REASON_OTHER},
		};

		EXPECT_ROWS(rows);
	}
}

static void other_objects_are_called_by_what_they_are(void **state)
{
	const struct row rows[] = {
		{CPT_SYS_READ, CPT_FD_TTY, FOREIGN, CPT_REASON_TERMINAL},
		{CPT_SYS_READ, CPT_FD_TIMERFD, IRQ, CPT_REASON_SLEEP},
		{CPT_SYS_READ, CPT_FD_SIGNALFD, OURS, CPT_REASON_SIGNAL},
		{CPT_SYS_READ, CPT_FD_FILE, IRQ, CPT_REASON_DISK},
		{CPT_SYS_PREAD64, CPT_FD_FILE, IRQ, CPT_REASON_DISK},
		{CPT_SYS_READ, CPT_FD_INOTIFY, OURS, CPT_REASON_EVENT_LOOP},
		{CPT_SYS_READ, CPT_FD_CHARDEV, IRQ, CPT_REASON_OTHER},
		{CPT_SYS_READ, CPT_FD_NONE, OURS, CPT_REASON_OTHER},
		{CPT_SYS_READ, CPT_FD_OTHER, OURS, CPT_REASON_OTHER},
		{CPT_SYS_READ, CPT_FD_KIND_CNT, OURS, CPT_REASON_OTHER}, /* a newer kind */
		{CPT_SYS_EPOLL_WAIT, CPT_FD_EPOLL, IRQ, CPT_REASON_EVENT_LOOP},
		{CPT_SYS_EPOLL_PWAIT, CPT_FD_EPOLL, OURS, CPT_REASON_EVENT_LOOP},
		{CPT_SYS_EPOLL_PWAIT2, CPT_FD_NONE, OPEN, CPT_REASON_EVENT_LOOP},
		{CPT_SYS_IO_URING_ENTER, CPT_FD_IO_URING, IRQ, CPT_REASON_EVENT_LOOP},
		{CPT_SYS_IO_GETEVENTS, CPT_FD_NONE, IRQ, CPT_REASON_DISK},
		{CPT_SYS_NANOSLEEP, CPT_FD_NONE, IRQ, CPT_REASON_SLEEP},
		{CPT_SYS_CLOCK_NANOSLEEP, CPT_FD_NONE, FOREIGN, CPT_REASON_SLEEP},
		{CPT_SYS_WAIT4, CPT_FD_NONE, OURS, CPT_REASON_JOIN},
		{CPT_SYS_WAITID, CPT_FD_NONE, OPEN, CPT_REASON_JOIN},
		{CPT_SYS_RT_SIGTIMEDWAIT, CPT_FD_NONE, IRQ, CPT_REASON_SIGNAL},
		{CPT_SYS_RT_SIGSUSPEND, CPT_FD_NONE, OURS, CPT_REASON_SIGNAL},
		{CPT_SYS_PAUSE, CPT_FD_NONE, OURS, CPT_REASON_SIGNAL},
		{CPT_SYS_FLOCK, CPT_FD_FILE, OURS, CPT_REASON_LOCK},
		{CPT_SYS_MSGRCV, CPT_FD_NONE, OURS, CPT_REASON_PEER},
		{CPT_SYS_MQ_TIMEDRECEIVE, CPT_FD_NONE, FOREIGN, CPT_REASON_OTHER},
		{CPT_SYS_SEMOP, CPT_FD_NONE, OURS, CPT_REASON_OTHER},
		{CPT_SYS_FSYNC, CPT_FD_FILE, IRQ, CPT_REASON_DISK},
		{CPT_SYS_IOCTL, CPT_FD_TTY, IRQ, CPT_REASON_OTHER},
		{CPT_SYS_RESTART_SYSCALL, CPT_FD_NONE, IRQ, CPT_REASON_OTHER},
		{CPT_SYS_UNKNOWN, CPT_FD_NONE, OURS, CPT_REASON_OTHER},
		{CPT_SYS_FUTEX_WAITV, CPT_FD_NONE, OURS, CPT_REASON_OTHER},
	};

	EXPECT_ROWS(rows);
}

static struct cpt_wait polls(uint32_t nfds, int32_t fd0, uint8_t kind0, int32_t fd1, uint8_t kind1)
{
	return (struct cpt_wait){.prev_state = S,
				 .object = kind0,
				 .arg0 = nfds,
				 .arg1 = (uint32_t)fd0 | (uint64_t)(uint32_t)fd1 << 32,
				 .arg2 = kind1};
}

struct poll_row {
	struct cpt_wait wait;
	enum how how;
	enum cpt_reason reason;
};

static void expect_polls(const struct poll_row *rows, size_t cnt)
{
	const enum cpt_sys calls[] = {CPT_SYS_POLL, CPT_SYS_PPOLL, CPT_SYS_SELECT,
				      CPT_SYS_PSELECT6};

	for (size_t i = 0; i < cnt; i++)
		for (int c = 0; c < 4; c++)
			expect(&rows[i].wait, calls[c], rows[i].how, rows[i].reason);
}

static void poll_of_nothing_is_a_sleep(void **state)
{
	const struct poll_row rows[] = {
		{polls(0, -1, CPT_FD_NONE, -1, CPT_FD_NONE), IRQ, CPT_REASON_SLEEP},
		{polls(1, -1, CPT_FD_NONE, -1, CPT_FD_NONE), IRQ, CPT_REASON_SLEEP},
		{polls(2, -1, CPT_FD_NONE, -1, CPT_FD_NONE), OURS, CPT_REASON_SLEEP},
	};

	expect_polls(rows, 3);
}

static void poll_of_one_or_two_connected_is_a_wait_on_them(void **state)
{
	const struct poll_row rows[] = {
		{polls(1, 5, CPT_FD_SOCKET, -1, 0), IRQ, CPT_REASON_SOCKET},
		{polls(1, 5, CPT_FD_SOCKET, -1, 0), OURS, CPT_REASON_PEER},
		{polls(1, 5, CPT_FD_SOCK_SERVING, -1, 0), IRQ, CPT_REASON_REQUEST},
		{polls(1, 5, CPT_FD_PIPE, -1, 0), FOREIGN, CPT_REASON_PIPE},
		{polls(1, 0, CPT_FD_TTY, -1, 0), FOREIGN, CPT_REASON_TERMINAL},
		{polls(1, 5, CPT_FD_PIDFD, -1, 0), OURS, CPT_REASON_JOIN},
		{polls(1, 5, CPT_FD_EPOLL, -1, 0), IRQ, CPT_REASON_EVENT_LOOP},
		{polls(2, -1, CPT_FD_NONE, 6, CPT_FD_SOCKET), IRQ, CPT_REASON_SOCKET},
		/* what is in progress speaks for both, in either place */
		{polls(2, 5, CPT_FD_PIPE, 6, CPT_FD_SOCKET), IRQ, CPT_REASON_SOCKET},
		{polls(2, 5, CPT_FD_SOCKET, 6, CPT_FD_PIPE), IRQ, CPT_REASON_SOCKET},
		{polls(2, 5, CPT_FD_SOCKET, 6, CPT_FD_PIPE), OURS, CPT_REASON_PEER},
		/* a timer, or an object not told apart, says less than the other */
		{polls(2, 5, CPT_FD_TIMERFD, 6, CPT_FD_PIPE), OURS, CPT_REASON_PEER},
		{polls(2, 5, CPT_FD_PIPE, 6, CPT_FD_TIMERFD), OURS, CPT_REASON_PEER},
		{polls(2, 5, CPT_FD_INOTIFY, 6, CPT_FD_PIPE), OURS, CPT_REASON_PEER},
		{polls(2, 5, CPT_FD_PIPE, 6, CPT_FD_INOTIFY), OURS, CPT_REASON_PEER},
		{polls(2, 5, CPT_FD_TIMERFD, 6, CPT_FD_INOTIFY), OURS, CPT_REASON_EVENT_LOOP},
		{polls(2, 5, CPT_FD_OTHER, 6, CPT_FD_PIPE), OURS, CPT_REASON_PEER},
		{polls(2, 5, CPT_FD_OTHER, 6, CPT_FD_OTHER), OURS, CPT_REASON_OTHER},
	};

	expect_polls(rows, sizeof(rows) / sizeof(*rows));
}

static void poll_of_many_or_of_a_listener_is_an_event_loop(void **state)
{
	const struct poll_row rows[] = {
		{polls(3, 5, CPT_FD_SOCKET, 6, CPT_FD_SOCKET), IRQ, CPT_REASON_EVENT_LOOP},
		{polls(64, 5, CPT_FD_PIPE, 6, CPT_FD_PIPE), OURS, CPT_REASON_EVENT_LOOP},
		{polls(1, 5, CPT_FD_SOCK_LISTEN, -1, 0), IRQ, CPT_REASON_EVENT_LOOP},
		{polls(2, 5, CPT_FD_SOCKET, 6, CPT_FD_SOCK_LISTEN), IRQ, CPT_REASON_EVENT_LOOP},
		{polls(2, 5, CPT_FD_SOCK_LISTEN, 6, CPT_FD_SOCKET), OURS, CPT_REASON_EVENT_LOOP},
	};

	expect_polls(rows, sizeof(rows) / sizeof(*rows));
}

static struct cpt_wait futex(uint32_t op, uint32_t expected, uint8_t kind)
{
	return (struct cpt_wait){
		.prev_state = S, .object = kind, .arg1 = op | (uint64_t)expected << 32};
}

static void mutexes_of_every_kind_are_locks_even_when_timed(void **state)
{
	const uint8_t kinds[] = {CPT_FUTEX_MUTEX, CPT_FUTEX_MUTEX_NO_OWNER, CPT_FUTEX_MUTEX_ROBUST,
				 CPT_FUTEX_MUTEX_PI};

	for (int i = 0; i < 4; i++) {
		struct cpt_wait w = futex(128, 2, kinds[i]);

		expect(&w, CPT_SYS_FUTEX, OURS, CPT_REASON_LOCK);
		w.wait_flags = CPT_WAIT_TIMEOUT;
		expect(&w, CPT_SYS_FUTEX, IRQ, CPT_REASON_LOCK);
	}
}

/* Their classes are found by looking at all waits on a word; one alone does not tell. */
static void futex_words_that_one_look_does_not_prove_are_not_guessed(void **state)
{
	const struct cpt_wait words[] = {
		futex(128, 2, CPT_FUTEX_PLAIN),	  futex(128, 2, CPT_FUTEX_UNREAD),
		futex(137, 0, CPT_FUTEX_PLAIN),	  futex(393, 0, CPT_FUTEX_PLAIN),
		futex(128, 7, CPT_FUTEX_PLAIN),	  futex(128, 1, CPT_FUTEX_PLAIN),
		futex(128, 2, CPT_FUTEX_KIND_CNT)};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		expect(&words[i], CPT_SYS_FUTEX, OURS, CPT_REASON_OTHER);
}

static void layouts_that_one_look_proves(void **state)
{
	const struct {
		struct cpt_wait wait;
		enum cpt_reason reason;
	} rows[] = {
		{futex(393, 3, CPT_FUTEX_RWLOCK), CPT_REASON_LOCK},
		{futex(128, 0, CPT_FUTEX_BARRIER), CPT_REASON_BARRIER},
		{futex(393, 0, CPT_FUTEX_CONDVAR), CPT_REASON_CONDVAR},
		{futex(128, 5, CPT_FUTEX_CONDVAR), CPT_REASON_CONDVAR},
		{futex(393, 6, CPT_FUTEX_CONDVAR_241), CPT_REASON_CONDVAR},
		{futex(393, 0, CPT_FUTEX_SEM), CPT_REASON_CONDVAR},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		expect(&rows[i].wait, CPT_SYS_FUTEX, OURS, rows[i].reason);
		expect(&rows[i].wait, CPT_SYS_FUTEX_WAITV, OURS, rows[i].reason);
	}
}

/* Nobody signalled it: the task let time pass. A queue, a hand-off and a lock stay what they are. */
static void condition_variable_that_times_out_is_a_sleep(void **state)
{
	static const uint8_t reasons[] = {CPT_REASON_HANDOFF, CPT_REASON_QUEUE};
	struct cpt_wait w = futex(393, 0, CPT_FUTEX_CONDVAR);
	struct cpt_word word = {.kind = CPT_WORD_CONDVAR, .reason = CPT_REASON_CONDVAR};
	struct cpt_wait_facts facts = {
		.wait = &w, .sys = CPT_SYS_FUTEX, .end = CPT_END_IRQ, .word = &word};

	expect(&w, CPT_SYS_FUTEX, IRQ, CPT_REASON_CONDVAR);
	w.wait_flags = CPT_WAIT_TIMEOUT;
	expect(&w, CPT_SYS_FUTEX, IRQ, CPT_REASON_SLEEP);
	expect(&w, CPT_SYS_FUTEX, OURS, CPT_REASON_CONDVAR);
	assert_int_equal(wait_classify(&facts).reason, CPT_REASON_SLEEP);
	for (size_t i = 0; i < sizeof(reasons); i++) {
		word.reason = reasons[i];
		assert_int_equal(wait_classify(&facts).reason, reasons[i]);
	}
	w.object = CPT_FUTEX_RWLOCK;
	assert_int_equal(wait_classify(&facts).reason, CPT_REASON_LOCK);
}

static void unread_word_is_what_its_object_is_known_as(void **state)
{
	struct cpt_wait w = futex(128, 2, CPT_FUTEX_UNREAD);
	struct cpt_word word = {.kind = CPT_WORD_MUTEX, .reason = CPT_REASON_LOCK};
	struct cpt_wait_facts facts = {
		.wait = &w, .sys = CPT_SYS_FUTEX, .end = CPT_END_TASK, .word = &word};

	assert_int_equal(wait_classify(&facts).reason, CPT_REASON_LOCK);
	w.object = CPT_FUTEX_PLAIN;
	assert_int_equal(wait_classify(&facts).reason, CPT_REASON_OTHER);
	word.kind = CPT_WORD_ONCE;
	assert_int_equal(wait_classify(&facts).reason, CPT_REASON_LOCK);
}

static void pthread_join_waits_for_a_thread_of_its_own_process(void **state)
{
	/* shared, WAIT_BITSET on CLOCK_REALTIME: 9 | 256 */
	const struct cpt_wait join = futex(265, 1234, CPT_FUTEX_PLAIN);
	const struct cpt_wait private = futex(393, 1234, CPT_FUTEX_PLAIN);
	struct cpt_wait_facts f = {.wait = &join, .sys = CPT_SYS_FUTEX};

	assert_true(wait_may_be_join(&join, CPT_SYS_FUTEX));
	assert_false(wait_may_be_join(&private, CPT_SYS_FUTEX));
	assert_false(wait_may_be_join(&join, CPT_SYS_READ));
	assert_int_equal(wait_classify(&f).reason, CPT_REASON_OTHER);
	f.expects_our_tid = true;
	assert_int_equal(wait_classify(&f).reason, CPT_REASON_JOIN);
	f.wait = &private;
	assert_int_equal(wait_classify(&f).reason, CPT_REASON_OTHER);
}

static void record_locks_are_locks_and_other_fcntl_is_not(void **state)
{
	struct cpt_wait w = {.prev_state = S, .object = CPT_FD_FILE, .arg1 = 7}; /* F_SETLKW */

	expect(&w, CPT_SYS_FCNTL, OURS, CPT_REASON_LOCK);
	w.arg1 = 38; /* F_OFD_SETLKW */
	expect(&w, CPT_SYS_FCNTL, FOREIGN, CPT_REASON_LOCK);
	w.arg1 = 1024; /* F_SETLEASE */
	expect(&w, CPT_SYS_FCNTL, FOREIGN, CPT_REASON_OTHER);
}

static void uninterruptible_sleep_is_disk_fault_join_or_kernel_lock(void **state)
{
	struct cpt_wait w = {.prev_state = D, .object = CPT_FD_FILE};

	expect(&w, CPT_SYS_READ, IRQ, CPT_REASON_KERNEL_LOCK);
	expect(&w, CPT_SYS_UNKNOWN, OURS, CPT_REASON_KERNEL_LOCK); /* mmap and the like */
	expect(&w, CPT_SYS_FSYNC, IRQ, CPT_REASON_DISK);
	expect(&w, CPT_SYS_SYNC, IRQ, CPT_REASON_DISK);
	w.wait_flags = CPT_WAIT_IOWAIT;
	expect(&w, CPT_SYS_READ, IRQ, CPT_REASON_DISK);
	expect(&w, CPT_SYS_UNKNOWN, IRQ, CPT_REASON_DISK);
	w.sysno = CPT_SYSNO_NONE;
	expect(&w, CPT_SYS_UNKNOWN, IRQ, CPT_REASON_PAGE_FAULT);
	w.wait_flags = 0;
	expect(&w, CPT_SYS_UNKNOWN, OURS, CPT_REASON_KERNEL_LOCK); /* mmap_lock in a fault */
	w.prev_state = 0x0102;					   /* TASK_KILLABLE */
	expect(&w, CPT_SYS_UNKNOWN, OURS, CPT_REASON_KERNEL_LOCK);
	w.prev_state = 0x0402; /* TASK_IDLE: not held up */
	expect(&w, CPT_SYS_UNKNOWN, OURS, CPT_REASON_OTHER);
	w.prev_state = 0x1000; /* TASK_RTLOCK_WAIT */
	expect(&w, CPT_SYS_READ, OURS, CPT_REASON_KERNEL_LOCK);
}

static void vfork_parent_is_in_join(void **state)
{
	struct cpt_wait w = {.prev_state = 0x0102};

	expect(&w, CPT_SYS_VFORK, OURS, CPT_REASON_JOIN);
	expect(&w, CPT_SYS_CLONE, OURS, CPT_REASON_KERNEL_LOCK); /* no CLONE_VFORK: a lock */
	w.arg0 = 0x4000;
	expect(&w, CPT_SYS_CLONE, OURS, CPT_REASON_JOIN);
	expect(&w, CPT_SYS_CLONE3, OURS, CPT_REASON_KERNEL_LOCK); /* flags are in memory */
	w.prev_state = 0x2102; /* freezable: only the wait for the child is */
	expect(&w, CPT_SYS_CLONE3, OURS, CPT_REASON_JOIN);
	w.arg0 = 0;
	expect(&w, CPT_SYS_CLONE, OURS, CPT_REASON_JOIN);
}

static void stops_come_before_everything_else(void **state)
{
	const uint16_t states[] = {0x0004, 0x0008, 0x0104, 0x0108, 0x8000, 0x8002};

	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		const struct cpt_wait w = {.prev_state = states[i],
					   .object = CPT_FD_SOCKET,
					   .wait_flags = CPT_WAIT_IOWAIT};

		expect(&w, CPT_SYS_READ, OURS, CPT_REASON_STOPPED);
	}
}

/* Freezable is no stop: 6.1 and later add that bit to many ordinary sleeps. */
static void freezable_sleep_is_an_ordinary_one(void **state)
{
	const struct cpt_wait w = {.prev_state = 0x2001, .object = CPT_FD_PIPE};

	expect(&w, CPT_SYS_READ, FOREIGN, CPT_REASON_PIPE);
	expect(&w, CPT_SYS_NANOSLEEP, IRQ, CPT_REASON_SLEEP);
}

static void sleeper_outside_any_call_is_in_a_fault_or_frozen(void **state)
{
	struct cpt_wait w = {.sysno = CPT_SYSNO_NONE, .prev_state = S};

	expect(&w, CPT_SYS_UNKNOWN, OURS, CPT_REASON_PAGE_FAULT);
	w.prev_state = 0x2001;
	expect(&w, CPT_SYS_UNKNOWN, OURS, CPT_REASON_STOPPED);
	w.sysno = CPT_SYSNO_OTHER; /* a call, of which nothing is known */
	expect(&w, CPT_SYS_UNKNOWN, OURS, CPT_REASON_OTHER);
}

static void io_worker_waits_for_work_or_for_the_disk(void **state)
{
	struct cpt_wait w = {.sysno = CPT_SYSNO_OTHER, .prev_state = S};
	const struct cpt_wait_facts f = {.wait = &w, .io_worker = true};

	assert_int_equal(wait_classify(&f).reason, CPT_REASON_QUEUE);
	w.prev_state = D;
	w.wait_flags = CPT_WAIT_IOWAIT;
	assert_int_equal(wait_classify(&f).reason, CPT_REASON_DISK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons_belong_to_the_state_the_definitions_give_them),
		cmocka_unit_test(read_of_a_pipe_is_peer_unless_the_writer_is_outside),
		cmocka_unit_test(read_of_an_eventfd_is_peer_unless_it_came_from_elsewhere),
		cmocka_unit_test(read_of_a_socket_is_peer_only_if_one_of_us_answered),
		cmocka_unit_test(serving_side_waits_for_a_request_whoever_sends_it),
		cmocka_unit_test(blocked_write_is_waiting_whoever_reads),
		cmocka_unit_test(other_objects_are_called_by_what_they_are),
		cmocka_unit_test(poll_of_nothing_is_a_sleep),
		cmocka_unit_test(poll_of_one_or_two_connected_is_a_wait_on_them),
		cmocka_unit_test(poll_of_many_or_of_a_listener_is_an_event_loop),
		cmocka_unit_test(mutexes_of_every_kind_are_locks_even_when_timed),
		cmocka_unit_test(futex_words_that_one_look_does_not_prove_are_not_guessed),
		cmocka_unit_test(layouts_that_one_look_proves),
		cmocka_unit_test(condition_variable_that_times_out_is_a_sleep),
		cmocka_unit_test(unread_word_is_what_its_object_is_known_as),
		cmocka_unit_test(pthread_join_waits_for_a_thread_of_its_own_process),
		cmocka_unit_test(record_locks_are_locks_and_other_fcntl_is_not),
		cmocka_unit_test(uninterruptible_sleep_is_disk_fault_join_or_kernel_lock),
		cmocka_unit_test(vfork_parent_is_in_join),
		cmocka_unit_test(stops_come_before_everything_else),
		cmocka_unit_test(freezable_sleep_is_an_ordinary_one),
		cmocka_unit_test(sleeper_outside_any_call_is_in_a_fault_or_frozen),
		cmocka_unit_test(io_worker_waits_for_work_or_for_the_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
