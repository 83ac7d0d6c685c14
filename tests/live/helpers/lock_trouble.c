// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * lock_trouble MODE - locks in the hands of those who end, change or multiply:
 *
 *   threads   4,000 short threads, 16 at a time, each of which takes one mutex for a moment
 *   killed    a process is killed while it holds a robust mutex that others of two processes want
 *   exec      a process execs itself while threads of it wait for a mutex; then as much again, on a
 *             mutex at the same address (the program is not position-independent)
 *   forked    a fork while a thread holds a mutex: the child has a copy that no thread of it holds,
 *             and waits for that in vain
 *   gone      a thread ends with a mutex locked, for which others wait in vain
 *
 * Names: holders are called "holder", those who wait "waiter", whoever else "main".
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper.h"

#define WAITERS	      3
#define SHORT_CNT     4000
#define SHORT_AT_ONCE 16

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t *shared; /* in memory that processes share */
static atomic_int holding;
static bool ends_locked;

static void must(int err, const char *what)
{
	errno = err;
	if (err)
		die(what);
}

static void sleep_ms(unsigned int ms)
{
	struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};

	while (nanosleep(&left, &left))
		;
}

static pthread_t start(void *(*body)(void *), void *arg)
{
	pthread_t thread;

	must(pthread_create(&thread, NULL, body, arg), "start a thread");
	return thread;
}

static void *touch(void *arg)
{
	prctl(PR_SET_NAME, "waiter");
	must(pthread_mutex_lock(&lock), "lock");
	for (volatile int i = 0; i < 20000; i++)
		;
	must(pthread_mutex_unlock(&lock), "unlock");
	return arg;
}

static void short_threads(void)
{
	pthread_t threads[SHORT_AT_ONCE];

	for (int i = 0; i < SHORT_CNT; i++) {
		if (i >= SHORT_AT_ONCE)
			must(pthread_join(threads[i % SHORT_AT_ONCE], NULL), "join");
		threads[i % SHORT_AT_ONCE] = start(touch, NULL);
	}
	for (int i = 0; i < SHORT_AT_ONCE; i++)
		must(pthread_join(threads[i], NULL), "join");
}

/* Holds for 100 ms, half of it computing. */
static void *hold(void *arg)
{
	prctl(PR_SET_NAME, "holder");
	must(pthread_mutex_lock(&lock), "lock");
	atomic_store(&holding, 1);
	burn_ms(50);
	sleep_ms(50);
	if (!ends_locked)
		must(pthread_mutex_unlock(&lock), "unlock");
	return arg;
}

static void *want(void *arg)
{
	prctl(PR_SET_NAME, "waiter");
	must(pthread_mutex_lock(&lock), "lock");
	must(pthread_mutex_unlock(&lock), "unlock");
	return arg;
}

/* For 200 ms, in vain. */
static void *want_in_vain(void *arg)
{
	struct timespec until;
	int err;

	prctl(PR_SET_NAME, "waiter");
	if (clock_gettime(CLOCK_REALTIME, &until))
		die("clock_gettime");
	until.tv_nsec += 200 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	err = pthread_mutex_timedlock(&lock, &until);
	must(err == ETIMEDOUT ? 0 : EINVAL, "wait in vain");
	return arg;
}

static void start_holder(pthread_t *holder)
{
	*holder = start(hold, NULL);
	while (!atomic_load(&holding))
		sleep_ms(1);
}

static void exec_in_the_middle(char **argv, bool again)
{
	char *next[] = {argv[0], (char *)"exec-again", NULL};
	pthread_t holder, waiters[WAITERS];

	start_holder(&holder);
	for (int i = 0; i < WAITERS; i++)
		waiters[i] = start(want, NULL);
	if (!again) {
		sleep_ms(40);
		execv("/proc/self/exe", next);
		die("execv");
	}
	must(pthread_join(holder, NULL), "join");
	for (int i = 0; i < WAITERS; i++)
		must(pthread_join(waiters[i], NULL), "join");
}

static void fork_in_the_middle(void)
{
	pthread_t holder, waiter;
	int status;
	pid_t pid;

	start_holder(&holder);
	waiter = start(want, NULL);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		want_in_vain(NULL);
		_exit(0);
	}
	must(pthread_join(waiter, NULL), "join");
	must(pthread_join(holder, NULL), "join");
	if (waitpid(pid, &status, 0) != pid || status)
		die("waitpid");
}

static void gone_locked(void)
{
	pthread_t holder, waiters[WAITERS];

	ends_locked = true;
	start_holder(&holder);
	for (int i = 0; i < WAITERS; i++)
		waiters[i] = start(want_in_vain, NULL);
	must(pthread_join(holder, NULL), "join");
	for (int i = 0; i < WAITERS; i++)
		must(pthread_join(waiters[i], NULL), "join");
}

static void *want_shared(void *arg)
{
	int err;

	prctl(PR_SET_NAME, "waiter");
	err = pthread_mutex_lock(shared);
	if (err == EOWNERDEAD)
		err = pthread_mutex_consistent(shared);
	must(err, "lock");
	sleep_ms(10);
	must(pthread_mutex_unlock(shared), "unlock");
	return arg;
}

static pid_t fork_body(void (*body)(void))
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		body();
		_exit(0);
	}
	return pid;
}

static void hold_until_killed(void)
{
	prctl(PR_SET_NAME, "holder");
	must(pthread_mutex_lock(shared), "lock");
	for (;;)
		burn_ms(100);
}

static void two_waiters(void)
{
	pthread_t waiters[2] = {start(want_shared, NULL), start(want_shared, NULL)};

	for (int i = 0; i < 2; i++)
		must(pthread_join(waiters[i], NULL), "join");
}

static void killed_holding(void)
{
	pthread_mutexattr_t attr;
	pid_t holder, second;
	int status;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("mmap");
	must(pthread_mutexattr_init(&attr), "attributes");
	must(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), "attributes");
	must(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST), "attributes");
	must(pthread_mutex_init(shared, &attr), "make a mutex");
	holder = fork_body(hold_until_killed);
	sleep_ms(30);
	second = fork_body(two_waiters);
	pthread_t waiters[2] = {start(want_shared, NULL), start(want_shared, NULL)};
	sleep_ms(200);
	kill(holder, SIGKILL);
	for (int i = 0; i < 2; i++)
		must(pthread_join(waiters[i], NULL), "join");
	if (waitpid(holder, &status, 0) != holder || waitpid(second, &status, 0) != second ||
	    status)
		die("waitpid");
}

int main(int argc, char **argv)
{
	const char *mode = argc == 2 ? argv[1] : "";

	alarm(30);
	prctl(PR_SET_NAME, "main");
	if (!strcmp(mode, "threads"))
		short_threads();
	else if (!strcmp(mode, "killed"))
		killed_holding();
	else if (!strcmp(mode, "exec") || !strcmp(mode, "exec-again"))
		exec_in_the_middle(argv, mode[4]);
	else if (!strcmp(mode, "forked"))
		fork_in_the_middle();
	else if (!strcmp(mode, "gone"))
		gone_locked();
	else
		return 2;
	return 0;
}
