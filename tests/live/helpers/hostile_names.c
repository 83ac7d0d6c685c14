// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * hostile_names - threads whose names would do harm to a terminal, a CSV file or a JSON report
 * that printed them raw. Each computes 20 ms.
 */
#include <pthread.h>
#include <sys/prctl.h>

#include "helper.h"

static const char *const names[] = {
	"\033]0;owned\007", "\033[2J\033[31m", "a\nb\rc", "quo\"te',;", "\302\23331mc1",
	"\377\376raw",	    "back\\slash\010", "",	  "=cmd()",	"{\"x\":1}",
};

static void *named(void *name)
{
	if (prctl(PR_SET_NAME, name, 0, 0, 0))
		die("prctl");
	burn_ms(20);
	return NULL;
}

int main(void)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		pthread_t thread;

		errno = pthread_create(&thread, NULL, named, (void *)(uintptr_t)names[i]);
		if (errno)
			die("pthread_create");
		errno = pthread_join(thread, NULL);
		if (errno)
			die("pthread_join");
	}
	return 0;
}
