// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * reasons_locks.c - waits for what one holds: mutexes of every kind, rwlocks, once, file locks.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper.h"
#include "reasons.h"

static pthread_mutex_t *mutex; /* in shared memory, whoever shares it */

static void hold_mutex(int type, int shared, int protocol, int robust)
{
	pthread_mutexattr_t attr;

	if (!mutex)
		mutex = shared_memory(sizeof(*mutex));
	must_zero(pthread_mutexattr_init(&attr), "make attributes");
	must_zero(pthread_mutexattr_settype(&attr, type), "set a type");
	must_zero(pthread_mutexattr_setpshared(&attr, shared), "share a mutex");
	must_zero(pthread_mutexattr_setprotocol(&attr, protocol), "set a protocol");
	must_zero(pthread_mutexattr_setrobust(&attr, robust), "make a mutex robust");
	must_zero(pthread_mutex_init(mutex, &attr), "make a mutex");
	must_zero(pthread_mutex_lock(mutex), "lock a mutex");
}

#define PREPARE(name, type, shared, protocol, robust)                                              \
	static void prepare_##name(void)                                                           \
	{                                                                                          \
		hold_mutex(PTHREAD_MUTEX_##type, PTHREAD_PROCESS_##shared,                         \
			   PTHREAD_PRIO_##protocol, PTHREAD_MUTEX_##robust);                       \
	}

PREPARE(normal, NORMAL, PRIVATE, NONE, STALLED)
PREPARE(recursive, RECURSIVE, PRIVATE, NONE, STALLED)
PREPARE(errorcheck, ERRORCHECK, PRIVATE, NONE, STALLED)
PREPARE(adaptive, ADAPTIVE_NP, PRIVATE, NONE, STALLED)
PREPARE(shared, NORMAL, SHARED, NONE, STALLED)
PREPARE(pi, NORMAL, PRIVATE, INHERIT, STALLED)
PREPARE(pi_shared, NORMAL, SHARED, INHERIT, STALLED)
PREPARE(robust, NORMAL, PRIVATE, NONE, ROBUST)
PREPARE(robust_shared, NORMAL, SHARED, NONE, ROBUST)
PREPARE(robust_pi, NORMAL, PRIVATE, INHERIT, ROBUST)

static void prepare_mapped(void)
{
	mutex = first_of_mapping();
	prepare_shared();
}

/* By one thread so often that its count is as large as that of a condition variable with a waiter. */
#define NESTED 9

static void prepare_nested(void)
{
	mutex = first_of_mapping();
	prepare_recursive();
	for (int i = 1; i < NESTED; i++)
		must_zero(pthread_mutex_lock(mutex), "lock a mutex once more");
}

static void give_nested(void)
{
	for (int i = 0; i < NESTED; i++)
		must_zero(pthread_mutex_unlock(mutex), "unlock a mutex");
}

static void take_mutex(void)
{
	must_zero(pthread_mutex_lock(mutex), "lock a mutex");
	must_zero(pthread_mutex_unlock(mutex), "unlock a mutex");
}

static void give_mutex(void)
{
	must_zero(pthread_mutex_unlock(mutex), "unlock a mutex");
}

static void take_timed_on(clockid_t clock, unsigned int secs)
{
	struct timespec until;
	int err;

	must(!clock_gettime(clock, &until), "read a clock");
	until.tv_sec += secs;
	until.tv_nsec += secs ? 0 : HOLD_MS * 1000000 / 2;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	err = clock == CLOCK_REALTIME ? pthread_mutex_timedlock(mutex, &until)
				      : pthread_mutex_clocklock(mutex, clock, &until);
	must(err == (secs ? 0 : ETIMEDOUT), "lock a mutex in time");
	if (!err)
		give_mutex();
}

static void take_timed(void)
{
	take_timed_on(CLOCK_REALTIME, 10);
}

static void take_clocked(void)
{
	take_timed_on(CLOCK_MONOTONIC, 10);
}

/* In vain: a wait for a lock however it ends. */
static void take_in_vain(void)
{
	take_timed_on(CLOCK_REALTIME, 0);
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

static void hold_write(void)
{
	must_zero(pthread_rwlock_wrlock(&rwlock), "lock for writing");
}

static void hold_read(void)
{
	must_zero(pthread_rwlock_rdlock(&rwlock), "lock for reading");
}

static void give_rwlock(void)
{
	must_zero(pthread_rwlock_unlock(&rwlock), "unlock an rwlock");
}

static void take_write(void)
{
	hold_write();
	give_rwlock();
}

static void take_read(void)
{
	hold_read();
	give_rwlock();
}

static pthread_once_t once;
static atomic_bool once_begun;

static void slow_once(void)
{
	once_begun = true;
	sleep_ms(HOLD_MS);
}

static void *first_once(void *arg)
{
	pthread_once(&once, slow_once);
	return arg;
}

static void begin_once(void)
{
	once = PTHREAD_ONCE_INIT;
	once_begun = false;
	start_other("other", first_once);
	while (!once_begun)
		sleep_ms(1);
}

static void take_once(void)
{
	must_zero(pthread_once(&once, slow_once), "do it once");
}

/* Of files: the holder's descriptor is one of its own, as these locks go by open file or by
 * process. */
static int lock_fd, holder_fd;
static char lock_path[64];
static pid_t holder;

static void open_lock_file(void)
{
	snprintf(lock_path, sizeof(lock_path), "/tmp/wait_reasons.%d", getpid());
	lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	holder_fd = open(lock_path, O_RDWR | O_CLOEXEC);
	must(lock_fd >= 0 && holder_fd >= 0 && !unlink(lock_path), "open a file to lock");
}

static void hold_flock(void)
{
	open_lock_file();
	must(!flock(holder_fd, LOCK_EX), "lock a file");
}

static void take_flock(void)
{
	must(!flock(lock_fd, LOCK_EX), "lock a file");
}

static void give_flock(void)
{
	must(!flock(holder_fd, LOCK_UN), "unlock a file");
}

static void record_lock(int fd, int cmd, short type)
{
	struct flock whole = {.l_type = type, .l_whence = SEEK_SET};

	must(!fcntl(fd, cmd, &whole), "lock a record");
}

static void hold_ofd(void)
{
	open_lock_file();
	record_lock(holder_fd, F_OFD_SETLKW, F_WRLCK);
}

static void take_ofd(void)
{
	record_lock(lock_fd, F_OFD_SETLKW, F_WRLCK);
}

static void give_ofd(void)
{
	record_lock(holder_fd, F_OFD_SETLKW, F_UNLCK);
}

static void hold_record_in_child(void)
{
	record_lock(lock_fd, F_SETLKW, F_WRLCK);
	sleep_ms(HOLD_MS);
}

static void hold_record(void)
{
	open_lock_file();
	holder = fork_other("other", hold_record_in_child);
	sleep_ms(20);
}

static void take_record(void)
{
	record_lock(lock_fd, F_SETLKW, F_WRLCK);
}

static void end_holder(void)
{
	must(waitpid(holder, NULL, 0) == holder, "wait for the holder");
}

#define MUTEX(name, prepare, take)                                                                 \
	{                                                                                          \
		name, prepare, take, give_mutex, false                                             \
	}

const struct mode lock_modes[] = {
	MUTEX("mutex", prepare_normal, take_mutex),
	MUTEX("recursive", prepare_recursive, take_mutex),
	MUTEX("errorcheck", prepare_errorcheck, take_mutex),
	MUTEX("adaptive", prepare_adaptive, take_mutex),
	MUTEX("mutex_shared", prepare_shared, take_mutex),
	MUTEX("mutex_mapped", prepare_mapped, take_mutex),
	{"mutex_nested", prepare_nested, take_mutex, give_nested, false},
	{"mutex_forked", prepare_shared, take_mutex, give_mutex, true},
	MUTEX("pi", prepare_pi, take_mutex),
	MUTEX("pi_shared", prepare_pi_shared, take_mutex),
	MUTEX("pi_timed", prepare_pi, take_timed),
	MUTEX("robust", prepare_robust, take_mutex),
	MUTEX("robust_shared", prepare_robust_shared, take_mutex),
	MUTEX("robust_pi", prepare_robust_pi, take_mutex),
	MUTEX("robust_timed", prepare_robust, take_timed),
	MUTEX("mutex_timed", prepare_normal, take_timed),
	MUTEX("mutex_clocked", prepare_normal, take_clocked),
	MUTEX("mutex_in_vain", prepare_normal, take_in_vain),
	{"rwlock_read", hold_write, take_read, give_rwlock, false},
	{"rwlock_write", hold_read, take_write, give_rwlock, false},
	{"rwlock_writers", hold_write, take_write, give_rwlock, false},
	{"once", begin_once, take_once, join_other, false},
	{"flock", hold_flock, take_flock, give_flock, false},
	{"ofd_lock", hold_ofd, take_ofd, give_ofd, false},
	{"record_lock", hold_record, take_record, end_holder, false},
	{0},
};
