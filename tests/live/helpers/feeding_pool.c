// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * feeding_pool [WORKERS [JOBS [JOB_US]]] - a pool that feeds itself: each job a worker takes leads to
 * more jobs, put into the queue by the worker and announced on the condition variable all workers wait
 * on. So all of them wait on it and all of them wake others, as with an interpreter's lock, and yet
 * several run at a time. Prints the jobs done.
 *
 * Jobs come in waves: one job leads to two, those to four, ... and a wave of 8 to a single one again,
 * for which all but one worker wait.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long jobs = 400, job_us = 2000;
static long ready, busy, wave, put, done;

static long cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* The jobs that follow from those of the last wave; under the lock. */
static void feed(void)
{
	long more = wave < 8 ? 2 * wave : 1;

	if (more > jobs - put)
		more = jobs - put;
	wave = more;
	ready += more;
	put += more;
	pthread_cond_broadcast(&changed);
}

static void *work(void *arg)
{
	pthread_mutex_lock(&lock);
	for (;;) {
		long end;

		while (!ready && done < jobs)
			pthread_cond_wait(&changed, &lock);
		if (!ready)
			break;
		ready--;
		busy++;
		pthread_mutex_unlock(&lock);
		for (end = cpu_us() + job_us; cpu_us() < end;)
			;
		pthread_mutex_lock(&lock);
		busy--;
		done++;
		if (!ready && !busy)
			feed();
	}
	pthread_mutex_unlock(&lock);
	return arg;
}

static long number(int argc, char **argv, int i, long fallback)
{
	return argc > i ? strtol(argv[i], NULL, 0) : fallback;
}

int main(int argc, char **argv)
{
	long workers = number(argc, argv, 1, 2), i;
	pthread_t threads[64];

	jobs = number(argc, argv, 2, jobs);
	job_us = number(argc, argv, 3, job_us);
	if (workers < 1 || workers > 64 || jobs < 1)
		return 2;
	wave = ready = put = 1;
	for (i = 0; i < workers; i++)
		if (pthread_create(&threads[i], NULL, work, NULL))
			return 1;
	for (i = 0; i < workers; i++)
		pthread_join(threads[i], NULL);
	printf("%ld\n", done);
	return done != jobs;
}
