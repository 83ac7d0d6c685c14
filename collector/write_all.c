// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* write_all.c - see write_all.h. */
#include "write_all.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

int write_all(int fd, const char *bytes, size_t len)
{
	struct pollfd room = {.fd = fd, .events = POLLOUT};

	while (len) {
		const ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EAGAIN)
			(void)poll(&room, 1, -1);
		else if (n == 0 || (n < 0 && errno != EINTR))
			return n ? -errno : -EIO;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}
