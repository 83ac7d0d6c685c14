// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * reasons_poll.c - poll, select and their kin, with none, one, two or three descriptors; epoll;
 * io_uring.
 */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "helper.h"
#include "reasons.h"

/* pipes[0] is written to end a wait. */
static int pipes[3][2];
static int other; /* a listening socket, a timerfd, an epoll */

static void make_pipes(void)
{
	for (int i = 0; i < 3; i++)
		must(!pipe(pipes[i]), "make a pipe");
}

static void write_pipe(void)
{
	write_byte(pipes[0][1]);
}

static void poll_on(struct pollfd *on, nfds_t cnt, int timeout_ms)
{
	must(poll(on, cnt, timeout_ms) == (cnt ? 1 : 0), "poll");
}

static void poll_pipes(int cnt)
{
	struct pollfd on[3];

	for (int i = 0; i < cnt; i++)
		on[i] = (struct pollfd){pipes[i][0], POLLIN, 0};
	poll_on(on, (nfds_t)cnt, cnt ? -1 : HOLD_MS);
}

static void poll_none(void)
{
	poll_pipes(0);
}

static void poll_one(void)
{
	poll_pipes(1);
}

static void poll_two(void)
{
	poll_pipes(2);
}

static void poll_three(void)
{
	poll_pipes(3);
}

static void ppoll_one(void)
{
	struct pollfd on = {pipes[0][0], POLLIN, 0};
	struct timespec timeout = {10, 0};

	must(ppoll(&on, 1, &timeout, NULL) == 1, "ppoll");
}

static void ppoll_none(void)
{
	struct timespec timeout = {0, HOLD_MS * 1000000};

	must(!ppoll(NULL, 0, &timeout, NULL), "ppoll");
}

static void make_timer_and_pipes(void)
{
	struct itimerspec at = {.it_value = {10, 0}};

	make_pipes();
	other = timerfd_create(CLOCK_MONOTONIC, 0);
	must(other >= 0 && !timerfd_settime(other, 0, &at, NULL), "make a timerfd");
}

/* A timer beside a pipe: the wait is one on the pipe. */
static void poll_pair(void)
{
	struct pollfd on[2] = {{other, POLLIN, 0}, {pipes[0][0], POLLIN, 0}};

	poll_on(on, 2, -1);
}

static void make_listener_and_pipes(void)
{
	make_pipes();
	other = socket(AF_INET, SOCK_STREAM, 0);
	must(other >= 0 && !listen(other, 1), "listen");
}

/* One whose descriptor is negative is none. */
static void poll_negative(void)
{
	struct pollfd on[2] = {{-1, POLLIN, 0}, {pipes[0][0], POLLIN, 0}};

	poll_on(on, 2, -1);
}

static void select_pipes(int cnt, bool with_mask)
{
	struct timespec spec = {0, HOLD_MS * 1000000};
	struct timeval val = {0, HOLD_MS * 1000};
	int highest = -1, got;
	fd_set set;

	FD_ZERO(&set);
	for (int i = 0; i < cnt; i++) {
		FD_SET(pipes[i][0], &set);
		if (pipes[i][0] > highest)
			highest = pipes[i][0];
	}
	if (with_mask)
		got = pselect(highest + 1, &set, NULL, NULL, cnt ? NULL : &spec, NULL);
	else
		got = select(highest + 1, &set, NULL, NULL, cnt ? NULL : &val);
	must(got == (cnt ? 1 : 0), "select");
}

static void select_none(void)
{
	select_pipes(0, false);
}

static void select_one(void)
{
	select_pipes(1, false);
}

static void select_two(void)
{
	select_pipes(2, false);
}

static void select_three(void)
{
	select_pipes(3, false);
}

static void pselect_one(void)
{
	select_pipes(1, true);
}

/* The call that glibc does not make any more. */
static void select_old(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pipes[0][0], &set);
	must(syscall(SYS_select, pipes[0][0] + 1, &set, NULL, NULL, NULL) == 1, "select");
}

static void make_epoll(void)
{
	struct epoll_event event = {.events = EPOLLIN};

	make_pipes();
	other = epoll_create1(0);
	must(other >= 0 && !epoll_ctl(other, EPOLL_CTL_ADD, pipes[0][0], &event), "make an epoll");
}

static void wait_epoll(void)
{
	struct epoll_event event;

	must(epoll_wait(other, &event, 1, -1) == 1, "wait on an epoll");
}

static void wait_epoll_in_vain(void)
{
	struct epoll_event event;

	must(epoll_wait(other, &event, 1, HOLD_MS) == 0, "wait on an epoll");
}

static void wait_epoll2(void)
{
	struct timespec timeout = {10, 0};
	struct epoll_event event;

	must(epoll_pwait2(other, &event, 1, &timeout, NULL) == 1, "wait on an epoll");
}

static void poll_epoll(void)
{
	struct pollfd on = {other, POLLIN, 0};

	poll_on(&on, 1, -1);
}

/* A ring with one request, by system calls alone. */
struct ring {
	int fd;
	uint8_t *sq, *cq;
	struct io_uring_sqe *sqes;
	struct io_uring_params p;
};

static struct ring ring;

static void make_ring(void)
{
	const int prot = PROT_READ | PROT_WRITE;

	make_pipes();
	ring = (struct ring){0};
	ring.fd = (int)syscall(SYS_io_uring_setup, 4, &ring.p);
	must(ring.fd >= 0, "make an io_uring");
	ring.sq = mmap(NULL, 1 << 16, prot, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
	ring.sqes = mmap(NULL, 4 * sizeof(*ring.sqes), prot, MAP_SHARED, ring.fd, IORING_OFF_SQES);
	must(ring.sq != MAP_FAILED && (void *)ring.sqes != MAP_FAILED, "map an io_uring");
}

static void wait_ring(void)
{
	static char byte;
	_Atomic uint32_t *tail = (void *)(ring.sq + ring.p.sq_off.tail);
	uint32_t *array = (void *)(ring.sq + ring.p.sq_off.array);

	ring.sqes[0] = (struct io_uring_sqe){
		.opcode = IORING_OP_READ, .fd = pipes[0][0], .addr = (uintptr_t)&byte, .len = 1};
	array[0] = 0;
	atomic_store(tail, 1);
	must(syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1,
	     "wait on an io_uring");
}

const struct mode poll_modes[] = {
	{"poll_none", make_pipes, poll_none, NULL, false},
	{"poll_one", make_pipes, poll_one, write_pipe, false},
	{"poll_two", make_pipes, poll_two, write_pipe, false},
	{"poll_three", make_pipes, poll_three, write_pipe, false},
	{"poll_timer", make_timer_and_pipes, poll_pair, write_pipe, false},
	{"poll_listener", make_listener_and_pipes, poll_pair, write_pipe, false},
	{"poll_negative", make_pipes, poll_negative, write_pipe, false},
	{"ppoll_one", make_pipes, ppoll_one, write_pipe, false},
	{"ppoll_none", NULL, ppoll_none, NULL, false},
	{"select_none", make_pipes, select_none, NULL, false},
	{"select_one", make_pipes, select_one, write_pipe, false},
	{"select_two", make_pipes, select_two, write_pipe, false},
	{"select_three", make_pipes, select_three, write_pipe, false},
	{"select_old", make_pipes, select_old, write_pipe, false},
	{"pselect_one", make_pipes, pselect_one, write_pipe, false},
	{"epoll", make_epoll, wait_epoll, write_pipe, false},
	{"epoll_timedout", make_epoll, wait_epoll_in_vain, NULL, false},
	{"epoll_pwait2", make_epoll, wait_epoll2, write_pipe, false},
	{"poll_epoll", make_epoll, poll_epoll, write_pipe, false},
	{"io_uring", make_ring, wait_ring, write_pipe, false},
	{0},
};
