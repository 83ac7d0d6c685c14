// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* hostile_names - threads with the names of tests/support/hostile_names.h. Each computes 5 ms. */
#include <pthread.h>
#include <sys/prctl.h>

#include "../../support/hostile_names.h"
#include "helper.h"

static void *named(void *name)
{
	if (prctl(PR_SET_NAME, name, 0, 0, 0))
		die("prctl");
	burn_ms(5);
	return NULL;
}

int main(void)
{
	for (size_t i = 0; i < HOSTILE_NAMES_CNT; i++) {
		pthread_t thread;

		errno = pthread_create(&thread, NULL, named, (void *)(uintptr_t)hostile_names[i]);
		if (errno)
			die("pthread_create");
		errno = pthread_join(thread, NULL);
		if (errno)
			die("pthread_join");
	}
	return 0;
}
