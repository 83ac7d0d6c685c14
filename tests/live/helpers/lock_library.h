/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* lock_library.h - a shared library with a mutex of its own, for named_locks. */
#ifndef LIVE_LOCK_LIBRARY_H
#define LIVE_LOCK_LIBRARY_H

#include <pthread.h>

pthread_mutex_t *library_mutex(void);

#endif /* LIVE_LOCK_LIBRARY_H */
