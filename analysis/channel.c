// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* channel.c - see channel.h. */
#include "channel.h"

#include "path_facts.h"

const char *fd_kind_name(uint8_t kind)
{
	static const char *const names[CPT_FD_KIND_CNT] = {
		[CPT_FD_FILE] = "file",
		[CPT_FD_PIPE] = "pipe",
		[CPT_FD_SOCKET] = "socket",
		[CPT_FD_SOCK_SERVING] = "sock_serving",
		[CPT_FD_SOCK_LISTEN] = "sock_listen",
		[CPT_FD_TTY] = "tty",
		[CPT_FD_CHARDEV] = "chardev",
		[CPT_FD_EVENTFD] = "eventfd",
		[CPT_FD_TIMERFD] = "timerfd",
		[CPT_FD_EPOLL] = "epoll",
		[CPT_FD_SIGNALFD] = "signalfd",
		[CPT_FD_INOTIFY] = "inotify",
		[CPT_FD_PIDFD] = "pidfd",
		[CPT_FD_IO_URING] = "io_uring",
		[CPT_FD_OTHER] = "other",
	};

	return kind < CPT_FD_KIND_CNT ? names[kind] : NULL;
}

static uint32_t channel(uint8_t kind, uint64_t fd)
{
	if (kind == CPT_FD_NONE || kind == CPT_FD_FILE || kind == CPT_FD_CHARDEV ||
	    kind >= CPT_FD_OTHER || fd > CHANNEL_FD_MAX)
		return 0;
	return (uint32_t)kind << 24 | (uint32_t)fd;
}

/* Of two descriptors nobody says which one it was. */
static uint32_t channel_of_poll(const struct cpt_wait *wait)
{
	const uint32_t first = (uint32_t)wait->arg1, second = (uint32_t)(wait->arg1 >> 32);

	if (!wait->arg0 || wait->arg0 > 2)
		return 0;
	if (wait->arg0 == 1 || second > INT32_MAX)
		return channel(wait->object, first);
	return first > INT32_MAX ? channel((uint8_t)wait->arg2, second) : 0;
}

uint32_t channel_of(const struct cpt_wait *wait, enum cpt_sys sys)
{
	switch (sys_group(sys)) {
	case CPT_SYS_GROUP_FUTEX:
	case CPT_SYS_GROUP_FILE_LOCK:
	case CPT_SYS_GROUP_FCNTL:
		return 0;
	case CPT_SYS_GROUP_POLL:
		return channel_of_poll(wait);
	case CPT_SYS_GROUP_READ:
	case CPT_SYS_GROUP_WRITE:
	case CPT_SYS_GROUP_CONNECT:
	case CPT_SYS_GROUP_ACCEPT:
	case CPT_SYS_GROUP_LOOP:
		return channel(wait->object, wait->arg0);
	case CPT_SYS_GROUP_SLEEP:
	case CPT_SYS_GROUP_SIGNAL:
	case CPT_SYS_GROUP_CHILD:
	case CPT_SYS_GROUP_VFORK:
	case CPT_SYS_GROUP_CLONE:
	case CPT_SYS_GROUP_SYNC:
	case CPT_SYS_GROUP_AIO:
	case CPT_SYS_GROUP_OPEN:
	case CPT_SYS_GROUP_MESSAGE:
	case CPT_SYS_GROUP_IOCTL:
	case CPT_SYS_GROUP_MEMORY:
	case CPT_SYS_GROUP_OTHER:
	case CPT_SYS_GROUP_CNT:
		break;
	}
	return 0;
}
