// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Mutexes whose holder sleeps, waits for a disk, is preempted or computes; shared by processes,
 * inheriting priority, robust.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "locks.h"

extern pthread_mutex_t the_lock;
pthread_mutex_t the_lock;

static void must(int err, const char *what)
{
	if (err)
		die(err, "cannot %s", what);
}

static void make_mutex(pthread_mutex_t *mutex, int shared, int protocol, int robust)
{
	pthread_mutexattr_t attr;

	must(pthread_mutexattr_init(&attr), "make a mutex's attributes");
	must(pthread_mutexattr_setpshared(&attr, shared), "share a mutex");
	must(pthread_mutexattr_setprotocol(&attr, protocol), "set a mutex's protocol");
	must(pthread_mutexattr_setrobust(&attr, robust), "make a mutex robust");
	must(pthread_mutex_init(mutex, &attr), "make a mutex");
	must(pthread_mutexattr_destroy(&attr), "unmake a mutex's attributes");
}

static void take_lock(struct contender *w)
{
	(void)w;
	must(pthread_mutex_lock(&the_lock), "lock a mutex");
}

static void give_lock(struct contender *w)
{
	(void)w;
	must(pthread_mutex_unlock(&the_lock), "unlock a mutex");
}

static void hold_computing(struct contender *w)
{
	burn_cpu(w->contest->run->opt[OPT_HOLD_US] * WL_NS_PER_US);
}

static struct contest *make_mutex_contest(struct wl_run *run, void (*hold)(struct contender *))
{
	struct contest *c = make_contest(run, run->opt[OPT_WORKERS], run->opt[OPT_HOLDS]);

	c->take = take_lock;
	c->hold = hold;
	c->give = give_lock;
	return c;
}

static void say(struct contest *c, const char *what)
{
	struct contender sum = contest_totals(c);

	wl_say(c->run,
	       "%lld workers held %s %lld times, and waited %.2f s for it in all, %lld times",
	       (long long)c->worker_cnt, what, (long long)sum.times,
	       (double)sum.wait_ns / WL_NS_PER_SEC, (long long)sum.waits);
}

/* Workers that only wait, behind one that does not run: nothing of it is parallel. */
static void expect_none_at_once(struct truth *t)
{
	t->verdict_class = "concurrent";
	truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW, TRUTH_NO_MIN, 0.05);
}

static void hold_asleep(struct contender *w)
{
	sleep_ns(w->contest->run->opt[OPT_HOLD_US] * WL_NS_PER_US);
}

void run_sleep(struct wl_run *run)
{
	struct contest *c;

	make_mutex(&the_lock, PTHREAD_PROCESS_PRIVATE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	c = make_mutex_contest(run, hold_asleep);
	run_contenders(c, 0, c->worker_cnt);
	expect_contest(c, "waiting_ns", "lock", "the_lock", "mutex");
	expect_none_at_once(&run->truth);
	truth_expect(&run->truth, TRUTH_SPAN, "parallelism.average", NULL, TRUTH_NO_MIN, 0.1);
	say(c, "the_lock, asleep,");
	finish_contest(c, (double)c->worker_cnt + 1, 1, LEAST_CPU_SHORT);
}

/* A file of the current directory, which has to be on a disk. */
static int scratch_fd = -1;

/* As much at a time that the disk takes far longer than the calls; past the cache, as copying into it
 * takes a CPU. */
#define SYNC_SZ (4 << 20)

static void hold_syncing(struct contender *w)
{
	int64_t until = now_ns() + w->contest->run->opt[OPT_HOLD_US] * WL_NS_PER_US;
	static const char bytes[SYNC_SZ] __attribute__((aligned(4096)));

	do {
		if (pwrite(scratch_fd, bytes, SYNC_SZ, 0) != SYNC_SZ || fsync(scratch_fd))
			die(errno, "cannot write a file of the current directory");
	} while (now_ns() < until);
}

void run_fsync(struct wl_run *run)
{
	char name[] = "locks.XXXXXX";
	struct contest *c;

	scratch_fd = mkstemp(name);
	if (scratch_fd < 0 || unlink(name) || fcntl(scratch_fd, F_SETFL, O_DIRECT))
		die(errno, "cannot make a file on a disk in the current directory");
	make_mutex(&the_lock, PTHREAD_PROCESS_PRIVATE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	c = make_mutex_contest(run, hold_syncing);
	run_contenders(c, 0, c->worker_cnt);
	expect_contest(c, "waiting_ns", "lock", "the_lock", "mutex");
	expect_none_at_once(&run->truth);
	say(c, "the_lock, writing to disk,");
	finish_contest(c, (double)c->worker_cnt + 1, 1, LEAST_CPU_SHORT);
}

/*
 * CPU A belongs to the hogs as much as to the worker that computes in the lock; the others are on B,
 * where they only take and give.
 *
 *   CPU A   = # # # = # # # =     = holds   # a hog
 *   CPU B   . . . . . . . . .     . blocked
 */
static atomic_bool hogs_end;

static void *hog(void *cpu)
{
	name_thread("hog");
	pin_to(*(const int *)cpu);
	while (!atomic_load(&hogs_end))
		burn_cpu(WL_NS_PER_MS);
	return NULL;
}

static void hold_if_first(struct contender *w)
{
	if (!w->index)
		hold_computing(w);
}

void run_preempted(struct wl_run *run)
{
	pthread_t hogs[16];
	struct contest *c;

	need_cpus(run, 2, "allow one more");
	make_mutex(&the_lock, PTHREAD_PROCESS_PRIVATE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	c = make_mutex_contest(run, hold_if_first);
	c->first_counts = true;
	for (int64_t i = 0; i < c->worker_cnt; i++)
		c->workers[i].cpu = run->cpus[i > 0];
	for (int64_t i = 0; i < run->opt[OPT_HOGS]; i++)
		hogs[i] = start_thread(hog, &run->cpus[0]);
	run_contenders(c, 0, c->worker_cnt);
	atomic_store(&hogs_end, true);
	for (int64_t i = 0; i < run->opt[OPT_HOGS]; i++)
		join_thread(hogs[i]);
	expect_contest(c, "waiting_ns", "lock", "the_lock", "mutex");
	expect_none_at_once(&run->truth);
	truth_fact(&run->truth, "hogs", (double)run->opt[OPT_HOGS]);
	say(c, "the_lock, kept from the CPU by a hog,");
	finish_contest(c, (double)(c->worker_cnt + run->opt[OPT_HOGS]) + 1, 1, LEAST_CPU);
}

/* While one computes in the lock no other does: concurrent, contended. */
static void run_convoy(struct wl_run *run, int protocol, int robust, const char *kind)
{
	struct contest *c;

	make_mutex(&the_lock, PTHREAD_PROCESS_PRIVATE, protocol, robust);
	c = make_mutex_contest(run, hold_computing);
	spread_contenders(c);
	run_contenders(c, 0, c->worker_cnt);
	expect_contest(c, "waiting_ns", "lock", "the_lock", kind);
	expect_none_at_once(&run->truth);
	truth_expect(&run->truth, TRUTH_SPAN, "ledger_ns.concurrent_split.contended", TRUTH_WINDOW,
		     0.8, 1);
	say(c, "the_lock");
	finish_contest(c, (double)c->worker_cnt + 1, 1, LEAST_CPU);
}

void run_pi(struct wl_run *run)
{
	run_convoy(run, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED, "pi_mutex");
}

void run_robust(struct wl_run *run)
{
	run_convoy(run, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST, "robust_mutex");
}

/*
 * One mutex in memory that two processes share, each with half of the workers. By default it is mapped
 * before the fork, at one address; else each process maps it for itself, at two.
 */
#define SHARED_SZ 65536
#define AT	  4096 /* of the mutex, in the mapping */

static pthread_mutex_t *shared_lock;
static int shared_fd;

static void take_shared(struct contender *w)
{
	(void)w;
	must(pthread_mutex_lock(shared_lock), "lock a mutex");
}

static void give_shared(struct contender *w)
{
	(void)w;
	must(pthread_mutex_unlock(shared_lock), "unlock a mutex");
}

static char *map_shared(void)
{
	char *memory = mmap(NULL, SHARED_SZ, PROT_READ | PROT_WRITE, MAP_SHARED, shared_fd, 0);

	if (memory == MAP_FAILED)
		die(errno, "cannot map a file");
	return memory;
}

static void run_half(void *first)
{
	struct contender *w = first;
	struct contest *c = w->contest;
	int64_t half = c->worker_cnt / 2, from = w->index;

	name_thread(from ? "second" : "first");
	/* Twice in the second process: once beside the first mapping, at another address. */
	if (c->run->opt[OPT_REMAP] && from)
		shared_lock = (pthread_mutex_t *)(map_shared() + AT);
	run_contenders(c, from, from ? c->worker_cnt : half);
}

void run_shared(struct wl_run *run)
{
	struct contest *c;

	shared_fd = memfd_create("locks", MFD_CLOEXEC);
	if (shared_fd < 0 || ftruncate(shared_fd, SHARED_SZ))
		die(errno, "cannot make a file to share");
	shared_lock = (pthread_mutex_t *)(map_shared() + AT);
	make_mutex(shared_lock, PTHREAD_PROCESS_SHARED, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	c = make_contest(run, run->opt[OPT_WORKERS], run->opt[OPT_HOLDS]);
	c->take = take_shared;
	c->hold = hold_computing;
	c->give = give_shared;
	spread_contenders(c);
	start_child(run_half, &c->workers[0]);
	start_child(run_half, &c->workers[c->worker_cnt / 2]);
	wait_children();
	expect_contest(c, "waiting_ns", "lock", NULL, "mutex");
	expect_none_at_once(&run->truth);
	truth_expect(&run->truth, TRUTH_SPAN, "ledger_ns.concurrent_split.contended", TRUTH_WINDOW,
		     0.8, 1);
	say(c, "a mutex that two processes share");
	finish_contest(c, (double)c->worker_cnt + 3, 3, LEAST_CPU);
}
