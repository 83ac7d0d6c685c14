// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sampling.c - see sampling.h. */
#include "sampling.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct sampling {
	uint32_t cnt;
	int fds[];
};

static int open_event(int prog_fd, uint32_t cpu, uint32_t hz)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_freq = hz,
		.freq = 1,
		.disabled = 1,
		.exclude_idle = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	if (!ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog_fd) && !ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

struct sampling *sampling__start(int prog_fd, uint32_t cpu_cnt, uint32_t hz)
{
	struct sampling *s = malloc(sizeof(*s) + cpu_cnt * sizeof(s->fds[0]));
	int fd;

	if (!s)
		return NULL;
	s->cnt = 0;
	for (uint32_t cpu = 0; cpu < cpu_cnt; cpu++) {
		fd = open_event(prog_fd, cpu, hz);
		if (fd == -ENODEV || fd == -ENXIO) /* a CPU that is not online */
			continue;
		if (fd < 0) {
			sampling__stop(s);
			errno = -fd;
			return NULL;
		}
		s->fds[s->cnt++] = fd;
	}
	return s;
}

void sampling__stop(struct sampling *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->cnt; i++)
		close(s->fds[i]);
	free(s);
}
