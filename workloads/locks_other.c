// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Locks that are no mutex: built on a condition variable or a semaphore, rwlocks, file locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "locks.h"

extern pthread_mutex_t gate_mutex;
extern pthread_cond_t the_gate;
extern pthread_rwlock_t the_rwlock;
extern sem_t the_semaphore;

/* A lock as one may build it: a flag, handed over by a condition variable. Who waits on it wakes it
 * too, and nothing tells from outside that it is one. */
pthread_mutex_t gate_mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t the_gate = PTHREAD_COND_INITIALIZER;
static bool gate_shut;

pthread_rwlock_t the_rwlock = PTHREAD_RWLOCK_INITIALIZER;
sem_t the_semaphore;

static void must(int err, const char *what)
{
	if (err)
		die(err, "cannot %s", what);
}

static void hold_computing(struct contender *w)
{
	burn_cpu(w->contest->run->opt[OPT_HOLD_US] * WL_NS_PER_US);
}

/* Contends and says so; one holds at a time, computing. */
static void run_alone(struct contest *c, const char *state, const char *reason, const char *symbol,
		      const char *kind, const char *what)
{
	struct truth *t = &c->run->truth;
	struct contender sum;

	run_contenders(c, 0, c->worker_cnt);
	sum = contest_totals(c);
	expect_contest(c, state, reason, symbol, kind);
	truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW, TRUTH_NO_MIN, 0.05);
	truth_expect(t, TRUTH_SPAN, "parallelism.average", NULL, 0.8, 1.03);
	wl_say(c->run, "%lld workers held %s %lld times, and waited %.2f s for it in all",
	       (long long)c->worker_cnt, what, (long long)sum.times,
	       (double)sum.wait_ns / WL_NS_PER_SEC);
	finish_contest(c, (double)c->worker_cnt + 1, 1, LEAST_CPU);
}

static struct contest *make(struct wl_run *run, void (*take)(struct contender *),
			    void (*give)(struct contender *))
{
	struct contest *c = make_contest(run, run->opt[OPT_WORKERS], run->opt[OPT_HOLDS]);

	c->take = take;
	c->hold = hold_computing;
	c->give = give;
	spread_contenders(c);
	return c;
}

static void pass_gate(struct contender *w)
{
	(void)w;
	must(pthread_mutex_lock(&gate_mutex), "lock a mutex");
	while (gate_shut)
		must(pthread_cond_wait(&the_gate, &gate_mutex), "wait on a condition variable");
	gate_shut = true;
	must(pthread_mutex_unlock(&gate_mutex), "unlock a mutex");
}

static void open_gate(struct contender *w)
{
	(void)w;
	must(pthread_mutex_lock(&gate_mutex), "lock a mutex");
	gate_shut = false;
	must(pthread_mutex_unlock(&gate_mutex), "unlock a mutex");
	must(pthread_cond_signal(&the_gate), "signal a condition variable");
}

void run_condvar(struct wl_run *run)
{
	run_alone(make(run, pass_gate, open_gate), "parked_ns", "condvar", NULL, "condvar",
		  "the_gate, a lock made of a condition variable,");
}

/* The first worker writes, the others read: readers may be inside together. */
static void take_rwlock(struct contender *w)
{
	if (w->index)
		must(pthread_rwlock_rdlock(&the_rwlock), "lock for reading");
	else
		must(pthread_rwlock_wrlock(&the_rwlock), "lock for writing");
}

static void give_rwlock(struct contender *w)
{
	(void)w;
	must(pthread_rwlock_unlock(&the_rwlock), "unlock an rwlock");
}

static void hold_if_writer(struct contender *w)
{
	if (!w->index)
		hold_computing(w);
}

void run_rwlock(struct wl_run *run)
{
	struct contest *c = make(run, take_rwlock, give_rwlock);
	struct truth *t = &run->truth;
	struct contender sum;

	c->hold = hold_if_writer;
	c->first_counts = true;
	c->shared_by = (int)c->worker_cnt;
	run_contenders(c, 0, c->worker_cnt);
	sum = contest_totals(c);
	expect_contest(c, "waiting_ns", "lock", NULL, "rwlock");
	truth_fact_text(t, "lock_symbol", "the_rwlock");
	truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW, TRUTH_NO_MIN, 0.05);
	wl_say(run,
	       "1 writer and %lld readers held the_rwlock %lld times, and waited %.2f s for it in "
	       "all",
	       (long long)c->worker_cnt - 1, (long long)sum.times,
	       (double)sum.wait_ns / WL_NS_PER_SEC);
	finish_contest(c, (double)c->worker_cnt + 1, 1, LEAST_CPU);
}

static void down(struct contender *w)
{
	(void)w;
	while (sem_wait(&the_semaphore))
		if (errno != EINTR)
			die(errno, "cannot wait on a semaphore");
}

static void up(struct contender *w)
{
	(void)w;
	if (sem_post(&the_semaphore))
		die(errno, "cannot post a semaphore");
}

void run_semaphore(struct wl_run *run)
{
	if (sem_init(&the_semaphore, 0, 1))
		die(errno, "cannot make a semaphore");
	run_alone(make(run, down, up), "parked_ns", "condvar", NULL, "semaphore", "the_semaphore");
}

/* Half of the workers' turns through flock, half through a record lock of the open file: who holds one
 * has the other too, so that both kinds are waited for in turn. */
static void set_record(int fd, short type)
{
	struct flock whole = {.l_type = type, .l_whence = SEEK_SET};

	if (fcntl(fd, F_OFD_SETLKW, &whole))
		die(errno, "cannot lock a record");
}

static void take_file(struct contender *w)
{
	if (flock(w->fd, LOCK_EX))
		die(errno, "cannot lock a file");
	set_record(w->fd, F_WRLCK);
}

static void give_file(struct contender *w)
{
	set_record(w->fd, F_UNLCK);
	if (flock(w->fd, LOCK_UN))
		die(errno, "cannot unlock a file");
}

void run_filelock(struct wl_run *run)
{
	struct contest *c = make(run, take_file, give_file);
	char name[] = "locks.XXXXXX", path[64];
	int fd = mkstemp(name);

	if (fd < 0)
		die(errno, "cannot make a file in the current directory");
	for (int64_t i = 0; i < c->worker_cnt; i++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		c->workers[i].fd = open(path, O_RDWR | O_CLOEXEC);
		if (c->workers[i].fd < 0)
			die(errno, "cannot open a file again");
	}
	if (unlink(name))
		die(errno, "cannot remove a file");
	run_alone(c, "waiting_ns", "lock", NULL, "file_lock", "a file's locks");
}
