/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * helper.h - what the helpers of the live tests share: burning CPU time, ending with a message.
 */
#ifndef LIVE_HELPER_H
#define LIVE_HELPER_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_MS 1000000ull

static inline void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

/* Computes until the calling thread has used so much CPU time since the call. */
static inline void burn_ms(unsigned int ms)
{
	struct timespec at;
	uint64_t now, end = 0;

	do {
		if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at))
			die("clock_gettime");
		now = (uint64_t)at.tv_sec * 1000000000ull + (uint64_t)at.tv_nsec;
		if (!end)
			end = now + ms * NS_PER_MS;
	} while (now < end);
}

#endif /* LIVE_HELPER_H */
