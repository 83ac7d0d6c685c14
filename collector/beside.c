// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* beside.c - see beside.h. */
#include "beside.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

struct beside {
	pthread_t thread;
	bool running; /* the thread is there */
	bool busy, quit;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	void (*job)(void *arg);
	void *arg;
};

static void *work(void *ctx)
{
	struct beside *b = ctx;

	pthread_mutex_lock(&b->lock);
	for (;;) {
		while (!b->busy && !b->quit)
			pthread_cond_wait(&b->changed, &b->lock);
		if (b->quit)
			break;
		pthread_mutex_unlock(&b->lock);
		b->job(b->arg);
		pthread_mutex_lock(&b->lock);
		b->busy = false;
		pthread_cond_broadcast(&b->changed);
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

/* Signals are the first thread's. */
static bool start_thread(struct beside *b)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&b->thread, NULL, work, b);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	b->running = !err;
	return b->running;
}

static void start(void *ctx, void (*job)(void *arg), void *arg)
{
	struct beside *b = ctx;

	if (!b->running && !start_thread(b)) {
		job(arg);
		return;
	}
	pthread_mutex_lock(&b->lock);
	b->job = job;
	b->arg = arg;
	b->busy = true;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
}

static void wait_for_job(void *ctx)
{
	struct beside *b = ctx;

	pthread_mutex_lock(&b->lock);
	while (b->busy)
		pthread_cond_wait(&b->changed, &b->lock);
	pthread_mutex_unlock(&b->lock);
}

struct beside *beside__new(struct trace_reader *r)
{
	struct beside *b;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	/* With more CPUs than a cpu_set_t holds the call fails, and there are enough. */
	if (!sched_getaffinity(0, sizeof(cpus), &cpus) && CPU_COUNT(&cpus) < 2)
		return NULL;
	b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->changed, NULL);
	(void)trace_reader__beside(r, &(struct cpt_beside){start, wait_for_job, b});
	return b;
}

void beside__free(struct beside *b)
{
	if (!b)
		return;
	if (b->running) {
		pthread_mutex_lock(&b->lock);
		b->quit = true;
		pthread_cond_broadcast(&b->changed);
		pthread_mutex_unlock(&b->lock);
		pthread_join(b->thread, NULL);
	}
	pthread_cond_destroy(&b->changed);
	pthread_mutex_destroy(&b->lock);
	free(b);
}
