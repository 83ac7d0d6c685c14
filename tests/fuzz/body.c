// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* body.c - see body_open in fuzz.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../hostile/hostile.h"
#include "fuzz.h"

/* Check sums guard against accident, not against intent, and would hide everything behind them. */
static int write_trace(int fd, const uint8_t *body, size_t sz)
{
	uint8_t *copy = malloc(sz + 1);
	bool ok = copy != NULL;

	if (ok) {
		if (sz)
			memcpy(copy, body, sz);
		repair_sums(copy, sz);
		ok = write(fd, copy, sz) == (ssize_t)sz;
	}
	free(copy);
	return ok ? 0 : -1;
}

int body_open(const uint8_t *body, size_t sz, bool program)
{
	const int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	if (program ? program__run(body, sz, fd) : write_trace(fd, body, sz)) {
		close(fd);
		return -1;
	}
	return fd;
}
