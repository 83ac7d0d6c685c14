// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* wake.c - see wake.h. */
#include "wake.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#define RINGS_MAX 4

int wake__add(int wake_fd, int ring_fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};

	return epoll_ctl(wake_fd, EPOLL_CTL_ADD, ring_fd, &event) ? -errno : 0;
}

int wake__new(int ring_fd)
{
	int fd = epoll_create1(EPOLL_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = wake__add(fd, ring_fd);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int wake__wait(int wake_fd, int timeout_ms, int extra_fd)
{
	struct epoll_event events[RINGS_MAX];
	struct pollfd fds[2] = {
		{.fd = wake_fd, .events = POLLIN},
		{.fd = extra_fd, .events = POLLIN},
	};
	int ret = poll(fds, 2, timeout_ms);

	if (ret < 0)
		return errno == EINTR ? 1 : -errno;
	/* What was asked is taken note of: it does not end another sleep. */
	if (fds[0].revents)
		(void)epoll_wait(wake_fd, events, RINGS_MAX, 0);
	return ret > 0;
}
