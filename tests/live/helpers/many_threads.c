// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * many_threads N - N threads that do next to nothing, at most 32 alive at a time.
 */
#include <pthread.h>

#include "helper.h"

#define BATCH 32

static void *nothing(void *unused)
{
	return unused;
}

int main(int argc, char **argv)
{
	long left = argc == 2 ? strtol(argv[1], NULL, 10) : 0;

	if (left <= 0)
		return 2;
	while (left > 0) {
		pthread_t threads[BATCH];
		int cnt = left < BATCH ? (int)left : BATCH;

		for (int i = 0; i < cnt; i++) {
			errno = pthread_create(&threads[i], NULL, nothing, NULL);
			if (errno)
				die("pthread_create");
		}
		for (int i = 0; i < cnt; i++) {
			errno = pthread_join(threads[i], NULL);
			if (errno)
				die("pthread_join");
		}
		left -= cnt;
	}
	return 0;
}
