// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lock_library.h"

static pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER;

pthread_mutex_t *library_mutex(void)
{
	return &library_lock;
}
