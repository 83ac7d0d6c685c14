// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * leader_exits - main ends by pthread_exit after 30 ms of computing; its thread computes 200 ms
 * more. The process lives until then.
 */
#include <pthread.h>
#include <unistd.h>

#include "helper.h"

static void *outlive(void *unused)
{
	burn_ms(200);
	_exit(0);
	return unused;
}

int main(void)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, outlive, NULL);
	if (errno)
		die("pthread_create");
	burn_ms(30);
	pthread_exit(NULL);
}
