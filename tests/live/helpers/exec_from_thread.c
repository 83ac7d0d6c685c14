// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * exec_from_thread - computes 50 ms in main and, beside it, 60 ms in a second thread; that thread
 * then execs this program with "after", which computes 50 ms more. 160 ms in all, one process.
 */
#include <pthread.h>
#include <unistd.h>

#include "helper.h"

static char *self;

static void *execute(void *unused)
{
	char *argv[] = {self, (char *)"after", NULL};

	(void)unused;
	burn_ms(60);
	execv(self, argv);
	die("execv");
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc > 1) {
		burn_ms(50);
		return 0;
	}
	self = argv[0];
	errno = pthread_create(&thread, NULL, execute, NULL);
	if (errno)
		die("pthread_create");
	burn_ms(50);
	pthread_join(thread, NULL); /* does not return: the exec ends this thread */
	return 1;
}
