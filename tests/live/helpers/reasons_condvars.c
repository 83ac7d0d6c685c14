// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * reasons_condvars.c - waits on words that no one holds: condition variables, semaphores, barriers,
 * threads to end, and words of no library.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper.h"
#include "reasons.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#define SYS_futex_wait_	  455 /* Linux 6.7 */
#define SYS_futex_wake_	  454
#define FUTEX2_32_PRIVATE (2 | 128)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t conds[8],
	*cond;	  /* one per mode: who waits on it and who wakes it says what it is */
static int turns; /* guarded by mutex */

static struct timespec soon(clockid_t clock)
{
	struct timespec until;

	must(!clock_gettime(clock, &until), "read a clock");
	until.tv_nsec += HOLD_MS * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	return until;
}

static void make_cond(void)
{
	cond = cond ? cond + 1 : conds;
	must_zero(pthread_cond_init(cond, NULL), "make a condition variable");
	turns = 0;
}

static void wait_cond(void)
{
	must_zero(pthread_mutex_lock(&mutex), "lock");
	while (!turns)
		must_zero(pthread_cond_wait(cond, &mutex), "wait on a condition variable");
	turns = 0;
	must_zero(pthread_mutex_unlock(&mutex), "unlock");
}

static void signal_cond(void)
{
	must_zero(pthread_mutex_lock(&mutex), "lock");
	turns++;
	must_zero(pthread_mutex_unlock(&mutex), "unlock");
	must_zero(pthread_cond_signal(cond), "signal a condition variable");
}

/* Often, as a worker waits for one job after the other: a single wait says nothing of what it is for. */
#define JOBS 12

static void wait_jobs(void)
{
	for (int i = 0; i < JOBS; i++)
		wait_cond();
}

static void signal_jobs(void)
{
	for (int i = 0; i < JOBS; i++) {
		signal_cond();
		sleep_ms(HOLD_MS / JOBS);
	}
}

static void time_out(clockid_t clock)
{
	struct timespec until = soon(clock);
	int err;

	must_zero(pthread_mutex_lock(&mutex), "lock");
	do
		err = clock == CLOCK_REALTIME ? pthread_cond_timedwait(cond, &mutex, &until)
					      : pthread_cond_clockwait(cond, &mutex, clock, &until);
	while (!err);
	must(err == ETIMEDOUT, "time out on a condition variable");
	must_zero(pthread_mutex_unlock(&mutex), "unlock");
}

static void time_out_realtime(void)
{
	time_out(CLOCK_REALTIME);
}

static void time_out_monotonic(void)
{
	time_out(CLOCK_MONOTONIC);
}

/* By turns: the waiter's are odd, main's even. Each waits and wakes, on the one variable. */
#define TURNS 6

static void wait_turn(int odd)
{
	must_zero(pthread_mutex_lock(&mutex), "lock");
	while (turns % 2 != odd)
		must_zero(pthread_cond_wait(cond, &mutex), "wait on a condition variable");
	turns++;
	must_zero(pthread_mutex_unlock(&mutex), "unlock");
	must_zero(pthread_cond_signal(cond), "signal a condition variable");
}

static void take_turns(void)
{
	for (int i = 0; i < TURNS; i++) {
		sleep_ms(2);
		wait_turn(1);
	}
}

static void give_turns(void)
{
	for (int i = 0; i < TURNS; i++) {
		wait_turn(0);
		sleep_ms(HOLD_MS / TURNS);
	}
}

static sem_t sems[8], *next_sem = sems, *sem; /* likewise */

static void make_sem(void)
{
	sem = next_sem++;
	must(!sem_init(sem, 0, 0), "make a semaphore");
}

/* As sem_open() does. */
static void make_mapped_sem(void)
{
	sem = first_of_mapping();
	must(!sem_init(sem, 1, 0), "make a semaphore");
}

static void wait_sem(void)
{
	must(!sem_wait(sem), "wait on a semaphore");
}

static void post_sem(void)
{
	must(!sem_post(sem), "post a semaphore");
}

static void wait_sem_jobs(void)
{
	for (int i = 0; i < JOBS; i++)
		wait_sem();
}

static void post_sem_jobs(void)
{
	for (int i = 0; i < JOBS; i++) {
		post_sem();
		sleep_ms(HOLD_MS / JOBS);
	}
}

static void time_out_sem(void)
{
	struct timespec until = soon(CLOCK_REALTIME);

	must(sem_timedwait(sem, &until) && errno == ETIMEDOUT, "time out on a semaphore");
}

static void time_out_sem_monotonic(void)
{
	struct timespec until = soon(CLOCK_MONOTONIC);

	must(sem_clockwait(sem, CLOCK_MONOTONIC, &until) && errno == ETIMEDOUT,
	     "time out on a semaphore");
}

static pthread_barrier_t barrier;

static void make_barrier(void)
{
	must_zero(pthread_barrier_init(&barrier, NULL, 2), "make a barrier");
}

static void pass(void)
{
	int err = pthread_barrier_wait(&barrier);

	must_zero(err == PTHREAD_BARRIER_SERIAL_THREAD ? 0 : err, "wait at a barrier");
}

static void *sleep_and_end(void *arg)
{
	sleep_ms(HOLD_MS);
	return arg;
}

static void start_sleeper(void)
{
	start_other("other", sleep_and_end);
}

/* Words of no library: 0x1234 means nothing to anyone. */
#define RAW_VALUE 0x1234
static _Atomic uint32_t word[4];

static void make_word(void)
{
	for (int i = 0; i < 4; i++)
		atomic_store(&word[i], RAW_VALUE);
}

static void wait_word(void)
{
	while (atomic_load(&word[1]) == RAW_VALUE)
		syscall(SYS_futex, &word[1], FUTEX_WAIT_PRIVATE, RAW_VALUE, NULL);
}

static void wake_word(void)
{
	atomic_store(&word[1], 0);
	syscall(SYS_futex, &word[1], FUTEX_WAKE_PRIVATE, 1);
}

static void wait_waitv(void)
{
	struct futex_waitv on[2] = {
		{RAW_VALUE, (uintptr_t)&word[1], FUTEX_32 | FUTEX_PRIVATE_FLAG, 0},
		{RAW_VALUE, (uintptr_t)&word[2], FUTEX_32 | FUTEX_PRIVATE_FLAG, 0},
	};

	must(syscall(SYS_futex_waitv, on, 2, 0, NULL, CLOCK_MONOTONIC) == 0, "wait on two words");
}

static void wait_futex2(void)
{
	must(!syscall(SYS_futex_wait_, &word[1], RAW_VALUE, ~0u, FUTEX2_32_PRIVATE, NULL,
		      CLOCK_MONOTONIC),
	     "wait on a word");
}

static void wake_futex2(void)
{
	must(syscall(SYS_futex_wake_, &word[1], ~0u, 1, FUTEX2_32_PRIVATE) == 1, "wake one");
}

const struct mode condvar_modes[] = {
	{"condvar", make_cond, wait_cond, signal_cond, false},
	{"cond_jobs", make_cond, wait_jobs, signal_jobs, false},
	{"cond_timedout", make_cond, time_out_realtime, NULL, false},
	{"cond_timedmono", make_cond, time_out_monotonic, NULL, false},
	{"cond_turns", make_cond, take_turns, give_turns, false},
	{"sem", make_sem, wait_sem, post_sem, false},
	{"sem_jobs", make_sem, wait_sem_jobs, post_sem_jobs, false},
	{"sem_timedout", make_sem, time_out_sem, NULL, false},
	{"sem_timedmono", make_sem, time_out_sem_monotonic, NULL, false},
	{"sem_mapped", make_mapped_sem, wait_sem, post_sem, false},
	{"barrier", make_barrier, pass, pass, false},
	{"join", start_sleeper, join_other, NULL, false},
	{"futex_raw", make_word, wait_word, wake_word, false},
	{"futex_waitv", make_word, wait_waitv, wake_word, false},
	{"futex_wait2", make_word, wait_futex2, wake_futex2, false},
	{0},
};
