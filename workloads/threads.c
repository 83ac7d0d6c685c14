// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Threads of one process whose concurrency and parallelism are known: side by side, on one CPU,
 * behind a mutex, behind an interpreter lock, in stages, fed from a queue, one after the other.
 *
 * The objects the threads wait on are global and named, because a tracer is to name them.
 */
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common.h"
#include "forkjoin.h"
#include "threads_spin.h"

enum {
	OPT_WORKERS,
	OPT_WORK_MS,
	OPT_HOLD_US,
	OPT_INTERVAL_US,
	OPT_PLAIN,
	OPT_ROUNDS,
	OPT_STAGE_US,
	OPT_IMAGES,
	OPT_TILES,
	OPT_TILE_US,
	OPT_DECODE_US,
	OPT_DEPTH,
	OPT_LEAF_US,
	OPT_SPLIT_US
};

/* The convoy's mutex. */
extern pthread_mutex_t queue_lock;
pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;

/* The barrier of the stages. */
extern pthread_barrier_t stage_barrier;
pthread_barrier_t stage_barrier;

/* An interpreter lock as CPython builds it: a flag, handed over by a condition variable. */
struct interpreter_lock {
	pthread_mutex_t mutex;
	pthread_cond_t released;
	bool held;
	uint64_t switch_number;
	const void *last_holder;
	atomic_bool drop_request;
	pthread_mutex_t switch_mutex;
	pthread_cond_t switched;
};

/* CPython's lock lies in the symbol _PyRuntime, and a tracer knows it by that; interpreter_lock
 * says nothing to it. */
extern struct interpreter_lock _PyRuntime, interpreter_lock;
struct interpreter_lock _PyRuntime;
struct interpreter_lock interpreter_lock;

/* Tiles to work on: the main thread puts, the workers take; done counts back. */
struct tile_queue {
	pthread_mutex_t mutex;
	pthread_cond_t work_ready;
	pthread_cond_t all_done;
	int64_t ready, done;
	bool closed;
};

extern struct tile_queue tile_queue;
struct tile_queue tile_queue = {
	PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, false};

struct job;

/* One worker: what it is told, and what it measured. */
struct worker {
	struct job *job;
	pthread_t thread;
	int index;
	int cpu; /* -1: wherever the scheduler likes */
	int64_t start_ns, end_ns, cpu_ns, wait_ns, delay_ns, times;
	int64_t outside_ns, outside_cpu_ns; /* letting the next in: by the clock, and on a CPU */
};

/* What the workers of a run share. */
struct job {
	struct wl_run *run;
	int64_t worker_cnt;
	struct worker *workers;
	pthread_barrier_t gate;
	struct interpreter_lock *interpreter;
	int64_t items;	      /* left to do, guarded by the mode's own lock */
	int64_t done_ns;      /* when there were none left */
	_Atomic int64_t turn; /* how often the lock was taken so far */
	atomic_int inside;
	atomic_int overlaps; /* times two were where only one may be */
};

static void must(int err, const char *what)
{
	if (err)
		die(err, "cannot %s", what);
}

static void lock(pthread_mutex_t *mutex)
{
	must(pthread_mutex_lock(mutex), "lock a mutex");
}

static void unlock(pthread_mutex_t *mutex)
{
	must(pthread_mutex_unlock(mutex), "unlock a mutex");
}

static void wait_on(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	must(pthread_cond_wait(cond, mutex), "wait on a condition variable");
}

static void wake_one(pthread_cond_t *cond)
{
	must(pthread_cond_signal(cond), "signal a condition variable");
}

static void wake_all(pthread_cond_t *cond)
{
	must(pthread_cond_broadcast(cond), "broadcast a condition variable");
}

static void pass(pthread_barrier_t *barrier)
{
	int err = pthread_barrier_wait(barrier);

	if (err && err != PTHREAD_BARRIER_SERIAL_THREAD)
		die(err, "cannot wait at a barrier");
}

/*
 * All workers have started when the gate opens; they settle for a moment, so that main is asleep in
 * its join and no new thread is still being placed when the span begins.
 */
static void begin_together(struct worker *w)
{
	name_thread("worker");
	if (w->cpu >= 0)
		pin_to(w->cpu);
	pass(&w->job->gate);
	burn_cpu(5 * WL_NS_PER_MS);
	w->start_ns = now_ns();
}

static void end_worker(struct worker *w)
{
	w->end_ns = now_ns();
	w->delay_ns = thread_run_delay_ns();
	w->cpu_ns = thread_cpu_ns();
}

/* Each worker on a CPU of its own where there are enough, else where the scheduler likes. */
static int own_cpu(const struct wl_run *run, int64_t index, int64_t workers)
{
	return workers <= run->cpu_cnt ? run->cpus[index] : -1;
}

static void init_job(struct job *job, struct wl_run *run)
{
	*job = (struct job){.run = run, .worker_cnt = run->opt[OPT_WORKERS]};
	job->workers = make_array((size_t)job->worker_cnt, sizeof(*job->workers));
	must(pthread_barrier_init(&job->gate, NULL, (unsigned int)job->worker_cnt),
	     "make a barrier");
	for (int64_t i = 0; i < job->worker_cnt; i++)
		job->workers[i] = (struct worker){.job = job, .index = (int)i, .cpu = -1};
	name_thread("main");
}

static void start_workers(struct job *job, void *(*body)(void *))
{
	for (int64_t i = 0; i < job->worker_cnt; i++)
		job->workers[i].thread = start_thread(body, &job->workers[i]);
}

/* Joins the workers; the span is the time in which all of them worked. */
static void join_workers(struct job *job)
{
	struct truth *t = &job->run->truth;
	struct worker *w;

	t->span_end_ns = INT64_MAX;
	for (int64_t i = 0; i < job->worker_cnt; i++) {
		w = &job->workers[i];
		join_thread(w->thread);
		if (w->start_ns > t->span_start_ns)
			t->span_start_ns = w->start_ns;
		if (w->end_ns < t->span_end_ns)
			t->span_end_ns = w->end_ns;
	}
	if (job->overlaps)
		die(0, "two threads were inside the same lock %d times", job->overlaps);
}

struct totals {
	int64_t cpu_ns, wait_ns, delay_ns, outside_ns, outside_cpu_ns, times;
};

static struct totals sum_workers(const struct job *job)
{
	struct totals sum = {0};

	for (int64_t i = 0; i < job->worker_cnt; i++) {
		sum.cpu_ns += job->workers[i].cpu_ns;
		sum.wait_ns += job->workers[i].wait_ns;
		sum.delay_ns += job->workers[i].delay_ns;
		sum.outside_ns += job->workers[i].outside_ns;
		sum.outside_cpu_ns += job->workers[i].outside_cpu_ns;
		sum.times += job->workers[i].times;
	}
	return sum;
}

/*
 * A wait the workers measured around the call, against the same wait in the report, where it ends
 * with the wake-up:
 * |--- blocked ---|- runnable -|. How long they were runnable in all is the kernel's to say.
 */
static struct truth_row *expect_wait(struct truth *t, const char *figure, int64_t wait_ns,
				     int64_t delay_ns)
{
	double blocked = wait_ns > delay_ns ? (double)(wait_ns - delay_ns) / (double)wait_ns : 0;

	return truth_expect_of(t, TRUTH_RUN, figure, (double)wait_ns, 0.95 * blocked, 1.01);
}

/* What holds in every mode: who took part, and the CPU time each used. */
static void finish_job(struct job *job)
{
	struct truth *t = &job->run->truth;
	struct totals sum = sum_workers(job);
	double threads = (double)job->worker_cnt + 1;

	truth_fact(t, "workers", (double)job->worker_cnt);
	truth_fact(t, "worker_cpu_ns", (double)sum.cpu_ns);
	truth_fact(t, "worker_run_delay_ns", (double)sum.delay_ns);
	truth_expect(t, TRUTH_RUN, "tasks.threads", NULL, threads, threads);
	truth_expect(t, TRUTH_RUN, "tasks.processes", NULL, 1, 1);
	truth_expect_cpu(t, TRUTH_RUN, "threads[name=worker].running_ns", sum.cpu_ns, 0.97, 1.02);
	truth_expect_own_cpu(t, 0.97, 1.02);
	must(pthread_barrier_destroy(&job->gate), "unmake a barrier");
	free(job->workers);
}

static double span_secs(const struct truth *t)
{
	return (double)(t->span_end_ns - t->span_start_ns) / WL_NS_PER_SEC;
}

/* --- parallel, one-cpu
 * ------------------------------------------------------------------------------------------- */

static void *compute(void *arg)
{
	struct worker *w = arg;

	begin_together(w);
	burn_cpu(w->job->run->opt[OPT_WORK_MS] * WL_NS_PER_MS);
	end_worker(w);
	return NULL;
}

static void run_one_cpu(struct wl_run *run);

static void run_parallel(struct wl_run *run)
{
	struct truth *t = &run->truth;
	struct job job;

	/* Meant to be parallel, and bound to one CPU from outside. */
	if (run->cpu_cnt == 1 && run->opt[OPT_WORKERS] > 1) {
		run_one_cpu(run);
		return;
	}
	need_cpus(run, run->opt[OPT_WORKERS], "ask for fewer --workers");
	init_job(&job, run);
	for (int64_t i = 0; i < job.worker_cnt; i++)
		job.workers[i].cpu = run->cpus[i];
	start_workers(&job, compute);
	join_workers(&job);

	if (job.worker_cnt > 1) {
		t->verdict_class = "parallel";
		truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW, 0.95, 1);
		truth_expect(t, TRUTH_SPAN, "ledger_ns.concurrent", TRUTH_WINDOW, TRUTH_NO_MIN,
			     0.05);
		truth_expect(t, TRUTH_SPAN, "ledger_ns.serial", TRUTH_WINDOW, TRUTH_NO_MIN, 0.05);
	} else {
		t->verdict_class = "serial";
		truth_expect(t, TRUTH_RUN, "ledger_ns.parallel", TRUTH_WINDOW, TRUTH_NO_MIN, 0.01);
	}
	truth_expect(t, TRUTH_SPAN, "parallelism.average", NULL, 0.95 * (double)job.worker_cnt,
		     (double)job.worker_cnt);
	truth_expect(t, TRUTH_SPAN, "parallelism.peak", NULL, (double)job.worker_cnt,
		     (double)job.worker_cnt);
	wl_say(run, "%lld workers computed side by side for %.2f s, each on a CPU of its own",
	       (long long)job.worker_cnt, span_secs(t));
	finish_job(&job);
}

static void run_one_cpu(struct wl_run *run)
{
	struct truth *t = &run->truth;
	struct job job;
	double others;

	init_job(&job, run);
	for (int64_t i = 0; i < job.worker_cnt; i++)
		job.workers[i].cpu = run->cpus[0];
	start_workers(&job, compute);
	join_workers(&job);

	others = (double)job.worker_cnt - 1;
	t->verdict_class = "concurrent";
	truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW, TRUTH_NO_MIN, 0.01);
	truth_expect(t, TRUTH_SPAN, "ledger_ns.concurrent_split.interleaved", TRUTH_WINDOW, 0.95,
		     1);
	truth_expect(t, TRUTH_SPAN, "parallelism.average", NULL, 0.95, 1.01);
	truth_expect(t, TRUTH_SPAN, "concurrency.average", NULL, 0.95 * (others + 1),
		     1.01 * (others + 1));
	truth_expect(t, TRUTH_SPAN, "threads[name=worker].runnable_ns", TRUTH_WINDOW, 0.95 * others,
		     1.02 * others);
	truth_expect_of(t, TRUTH_RUN, "threads[name=worker].runnable_ns",
			(double)sum_workers(&job).delay_ns, 0.95, 1.05);
	wl_say(run, "%lld workers took turns on CPU %d for %.2f s", (long long)job.worker_cnt,
	       run->cpus[0], span_secs(t));
	finish_job(&job);
}

/* --- mutex: nearly all work inside one lock
 * ---------------------------------------------------------------------- */

static void enter_alone(struct job *job)
{
	if (atomic_fetch_add(&job->inside, 1))
		atomic_fetch_add(&job->overlaps, 1);
}

static void leave_alone(struct job *job)
{
	atomic_fetch_sub(&job->inside, 1);
}

/*
 * Four workers on two CPUs, in the lock's queue as 0 1 2 3 and on CPUs A B A B:
 *
 *   CPU A   =0= ~ . . . . =2= ~ . . . . =0=      = holds   ~ lets the next in   . blocked
 *   CPU B   . . =1= ~ . . . . =3= ~ . . . .
 *
 * One always finds the CPU of the next free. Left to themselves they would not: the lock is not
 * fair, and a scheduler may well wake the next on the CPU of the one that holds it, where it is not
 * blocked but runnable.
 */
static void *convoy(void *arg)
{
	struct worker *w = arg;
	struct job *job = w->job;
	int64_t hold_ns = job->run->opt[OPT_HOLD_US] * WL_NS_PER_US;
	int64_t asked, turn, cpu;
	bool more = true;

	name_thread("worker");
	pin_to(w->cpu);
	while (more) {
		asked = now_ns();
		lock(&queue_lock);
		w->wait_ns += now_ns() - asked;
		turn = atomic_fetch_add(&job->turn, 1) + 1;
		enter_alone(job);
		more = job->items > 0;
		if (more) {
			job->items--;
			w->times++;
			burn_cpu(hold_ns);
		} else if (!job->done_ns) {
			job->done_ns = now_ns();
		}
		leave_alone(job);
		unlock(&queue_lock);
		/* Let the next in before asking again; should its CPU be taken by others, not for
		 * ever. */
		asked = now_ns();
		cpu = thread_cpu_ns();
		while (more && atomic_load(&job->turn) == turn && now_ns() - asked < WL_NS_PER_MS)
			;
		w->outside_ns += now_ns() - asked;
		w->outside_cpu_ns += thread_cpu_ns() - cpu;
	}
	end_worker(w);
	return NULL;
}

static void run_mutex(struct wl_run *run)
{
	struct truth *t = &run->truth;
	double workers, outside, delay, span;
	struct totals sum;
	struct job job;

	need_cpus(run, 2, "allow one more");
	init_job(&job, run);
	job.items = run->opt[OPT_WORK_MS] * WL_NS_PER_MS / (run->opt[OPT_HOLD_US] * WL_NS_PER_US);
	/* With the lock held and both CPUs idle, the workers queue up for it one by one. */
	lock(&queue_lock);
	for (int64_t i = 0; i < job.worker_cnt; i++) {
		job.workers[i].cpu = run->cpus[i % 2];
		job.workers[i].thread = start_thread(convoy, &job.workers[i]);
		sleep_ns(3 * WL_NS_PER_MS);
	}
	unlock(&queue_lock);
	t->span_start_ns = now_ns();
	join_workers(&job);
	t->span_end_ns = job.done_ns;

	sum = sum_workers(&job);
	workers = (double)job.worker_cnt;
	span = (double)(t->span_end_ns - t->span_start_ns);
	/* While one lets the next in, that one is first runnable (interleaved), then running
	 * (parallel). */
	outside = (double)sum.outside_ns / span;
	/* While one is runnable, having been woken, the time counts as interleaved. */
	delay = (double)sum.delay_ns / span;
	t->verdict_class = "concurrent";
	truth_expect(t, TRUTH_SPAN, "ledger_ns.concurrent_split.contended", TRUTH_WINDOW,
		     fmax(0.97 - outside - delay, 0), 1);
	truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW, TRUTH_NO_MIN,
		     0.02 + outside);
	truth_expect(t, TRUTH_SPAN, "parallelism.average", NULL, 0.95, 1.02 + outside);
	truth_expect(t, TRUTH_SPAN, "concurrency.average", NULL, 0.97 * workers, 1.01 * workers);
	expect_wait(t, "threads[name=worker].waiting_ns.lock", sum.wait_ns, sum.delay_ns);
	expect_wait(t, "locks[symbol=queue_lock].blocked_ns", sum.wait_ns, sum.delay_ns)->needs =
		TRUTH_HOLDERS;
	truth_expect(t, TRUTH_RUN, "locks[symbol=queue_lock].waiters", NULL, workers, workers)
		->needs = TRUTH_HOLDERS;
	truth_fact(t, "holds", (double)sum.times);
	truth_fact(t, "lock_wait_ns", (double)sum.wait_ns);
	truth_fact(t, "outside_ns", (double)sum.outside_ns);
	truth_fact(t, "outside_cpu_ns", (double)sum.outside_cpu_ns);
	truth_fact(t, "overlaps", job.overlaps);
	truth_fact_text(t, "lock_symbol", "queue_lock");
	wl_say(run,
	       "%lld workers held queue_lock %lld times in %.2f s, and waited %.2f s for it in all",
	       (long long)job.worker_cnt, (long long)sum.times, span_secs(t),
	       (double)sum.wait_ns / WL_NS_PER_SEC);
	finish_job(&job);
}

/* --- handoff: an interpreter lock
 * -------------------------------------------------------------------------------- */

static void init_interpreter(struct interpreter_lock *gil)
{
	pthread_condattr_t attr;

	must(pthread_condattr_init(&attr), "make a condition variable's attributes");
	must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), "set a condition variable's clock");
	must(pthread_mutex_init(&gil->mutex, NULL), "make a mutex");
	must(pthread_cond_init(&gil->released, &attr), "make a condition variable");
	must(pthread_mutex_init(&gil->switch_mutex, NULL), "make a mutex");
	must(pthread_cond_init(&gil->switched, &attr), "make a condition variable");
	must(pthread_condattr_destroy(&attr), "unmake a condition variable's attributes");
}

/* Waits for the lock; who waited a whole interval in vain asks the holder to let go. */
static void take_interpreter(struct interpreter_lock *gil, const void *me, int64_t interval_ns)
{
	struct timespec until;
	uint64_t seen;
	int64_t at;
	int err;

	lock(&gil->mutex);
	while (gil->held) {
		seen = gil->switch_number;
		at = now_ns() + interval_ns;
		until = (struct timespec){at / WL_NS_PER_SEC, at % WL_NS_PER_SEC};
		err = pthread_cond_timedwait(&gil->released, &gil->mutex, &until);
		if (err == ETIMEDOUT) {
			if (gil->held && gil->switch_number == seen)
				atomic_store(&gil->drop_request, true);
		} else {
			must(err, "wait for the interpreter lock");
		}
	}
	gil->held = true;
	atomic_store(&gil->drop_request, false);
	lock(&gil->switch_mutex);
	gil->last_holder = me;
	gil->switch_number++;
	wake_one(&gil->switched);
	unlock(&gil->switch_mutex);
	unlock(&gil->mutex);
}

/* Lets go; where another asked for it, waits until that other has it, or the same thread would take
 * it again. */
static void drop_interpreter(struct interpreter_lock *gil, const void *me, bool asked)
{
	lock(&gil->mutex);
	gil->held = false;
	wake_one(&gil->released);
	unlock(&gil->mutex);
	if (!asked)
		return;
	lock(&gil->switch_mutex);
	while (gil->last_holder == me)
		wait_on(&gil->switched, &gil->switch_mutex);
	unlock(&gil->switch_mutex);
}

static void *interpret(void *arg)
{
	struct worker *w = arg;
	struct job *job = w->job;
	struct interpreter_lock *gil = job->interpreter;
	int64_t interval_ns = job->run->opt[OPT_INTERVAL_US] * WL_NS_PER_US;
	int64_t asked, left = job->run->opt[OPT_WORK_MS] * WL_NS_PER_MS;

	begin_together(w);
	asked = now_ns();
	take_interpreter(gil, w, interval_ns);
	w->wait_ns += now_ns() - asked;
	while (left > 0) {
		enter_alone(job);
		left -= burn_cpu(100 * WL_NS_PER_US);
		leave_alone(job);
		if (!atomic_load(&gil->drop_request))
			continue;
		asked = now_ns();
		drop_interpreter(gil, w, true);
		take_interpreter(gil, w, interval_ns);
		w->wait_ns += now_ns() - asked;
		w->times++;
	}
	w->end_ns = now_ns();
	drop_interpreter(gil, w, false);
	w->delay_ns = thread_run_delay_ns();
	w->cpu_ns = thread_cpu_ns();
	return NULL;
}

static void run_handoff(struct wl_run *run)
{
	struct truth *t = &run->truth;
	double contended;
	const char *waits;
	struct totals sum;
	struct job job;

	init_job(&job, run);
	job.interpreter = run->opt[OPT_PLAIN] ? &interpreter_lock : &_PyRuntime;
	init_interpreter(job.interpreter);
	start_workers(&job, interpret);
	join_workers(&job);

	sum = sum_workers(&job);
	truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW, TRUTH_NO_MIN, 0.05);
	truth_expect(t, TRUTH_SPAN, "parallelism.average", NULL, 0.95, 1.05);
	contended = 0.93 - (double)sum.delay_ns / (double)(t->span_end_ns - t->span_start_ns);
	if (!run->opt[OPT_PLAIN]) {
		truth_expect(t, TRUTH_SPAN, "ledger_ns.concurrent_split.contended", TRUTH_WINDOW,
			     fmax(contended, 0), 1)
			->needs = TRUTH_FUTEX;
		truth_expect(t, TRUTH_SPAN, "concurrency.average", NULL,
			     0.95 * (double)job.worker_cnt, (double)job.worker_cnt)
			->needs = TRUTH_FUTEX;
		waits = "threads[name=worker].waiting_ns.handoff";
	} else {
		waits = "threads[name=worker].parked_ns.condvar";
	}
	expect_wait(t, waits, sum.wait_ns, sum.delay_ns)->needs = TRUTH_FUTEX;
	truth_fact(t, "handoffs", (double)sum.times);
	truth_fact(t, "lock_wait_ns", (double)sum.wait_ns);
	truth_fact(t, "overlaps", job.overlaps);
	truth_fact_text(t, "lock_symbol", run->opt[OPT_PLAIN] ? "interpreter_lock" : "_PyRuntime");
	/* With the lock's class known; without a symbol that names it the wait stays ambiguous. */
	truth_fact_text(t, "class_with_futex_classes",
			run->opt[OPT_PLAIN] ? "ambiguous" : "concurrent");
	wl_say(run, "%lld workers handed the interpreter lock on %lld times in %.2f s",
	       (long long)job.worker_cnt, (long long)sum.times, span_secs(t));
	finish_job(&job);
}

/* --- barrier: uneven stages
 * -------------------------------------------------------------------------------------- */

static void *stages(void *arg)
{
	struct worker *w = arg;
	struct job *job = w->job;
	const int64_t *opt = job->run->opt;
	int64_t parts, asked;

	begin_together(w);
	pass(&stage_barrier);
	w->start_ns = now_ns();
	for (int64_t round = 0; round < opt[OPT_ROUNDS]; round++) {
		/* Each round has one worker at each length: 1/n, 2/n, ... n/n of the stage. */
		parts = (w->index + round) % job->worker_cnt + 1;
		burn_cpu(opt[OPT_STAGE_US] * WL_NS_PER_US * parts / job->worker_cnt);
		asked = now_ns();
		w->end_ns = asked;
		pass(&stage_barrier);
		w->wait_ns += now_ns() - asked;
		w->times++;
	}
	end_worker(w);
	return NULL;
}

static void run_barrier(struct wl_run *run)
{
	struct truth *t = &run->truth;
	struct totals sum;
	struct job job;
	double n;

	need_cpus(run, run->opt[OPT_WORKERS], "ask for fewer --workers");
	init_job(&job, run);
	for (int64_t i = 0; i < job.worker_cnt; i++)
		job.workers[i].cpu = run->cpus[i];
	must(pthread_barrier_init(&stage_barrier, NULL, (unsigned int)job.worker_cnt),
	     "make a barrier");
	start_workers(&job, stages);
	join_workers(&job);
	must(pthread_barrier_destroy(&stage_barrier), "unmake a barrier");

	/*
	 * A stage of three workers:  ########....####....    until 2/n .. (n-1)/n of it two or more
	 * run, then the one
	 *                            ################....    with the whole stage runs alone
	 */
	sum = sum_workers(&job);
	n = (double)job.worker_cnt;
	truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW, (n - 1) / n - 0.05,
		     (n - 1) / n + 0.03);
	truth_expect(t, TRUTH_SPAN, "parallelism.average", NULL, 0.95 * (n + 1) / 2,
		     1.03 * (n + 1) / 2);
	truth_expect(t, TRUTH_SPAN, "parallelism.profile_ns[1]", TRUTH_WINDOW, 1 / n - 0.03,
		     1 / n + 0.05);
	truth_expect(t, TRUTH_SPAN, "ledger_ns.serial", TRUTH_WINDOW, 1 / n - 0.03, 1 / n + 0.05)
		->needs = TRUTH_FUTEX;
	expect_wait(t, "threads[name=worker].parked_ns.barrier", sum.wait_ns, sum.delay_ns)->needs =
		TRUTH_FUTEX;
	truth_fact(t, "rounds", (double)run->opt[OPT_ROUNDS]);
	truth_fact(t, "barrier_wait_ns", (double)sum.wait_ns);
	wl_say(run,
	       "%lld workers went through %lld uneven stages in %.2f s, and waited %.2f s for one "
	       "another",
	       (long long)job.worker_cnt, (long long)run->opt[OPT_ROUNDS], span_secs(t),
	       (double)sum.wait_ns / WL_NS_PER_SEC);
	finish_job(&job);
}

/* --- pool: image tiles from a queue
 * ------------------------------------------------------------------------------ */

static void *work_on_tiles(void *arg)
{
	struct worker *w = arg;
	struct job *job = w->job;
	const int64_t *opt = job->run->opt;
	int64_t asked;

	name_thread("worker");
	if (w->cpu >= 0)
		pin_to(w->cpu);
	lock(&tile_queue.mutex);
	for (;;) {
		while (!tile_queue.ready && !tile_queue.closed) {
			asked = now_ns();
			wait_on(&tile_queue.work_ready, &tile_queue.mutex);
			w->wait_ns += now_ns() - asked;
		}
		if (!tile_queue.ready)
			break;
		tile_queue.ready--;
		unlock(&tile_queue.mutex);
		burn_cpu(opt[OPT_TILE_US] * WL_NS_PER_US);
		w->times++;
		lock(&tile_queue.mutex);
		if (++tile_queue.done == opt[OPT_TILES])
			wake_one(&tile_queue.all_done);
	}
	unlock(&tile_queue.mutex);
	w->end_ns = INT64_MAX; /* the span is main's to say */
	w->delay_ns = thread_run_delay_ns();
	w->cpu_ns = thread_cpu_ns();
	return NULL;
}

/* Decodes each image alone, and has its tiles worked on by the pool. Returns how long main waited.
 */
static int64_t feed_images(const int64_t *opt)
{
	int64_t waited = 0, asked;

	for (int64_t image = 0; image < opt[OPT_IMAGES]; image++) {
		burn_cpu(opt[OPT_DECODE_US] * WL_NS_PER_US);
		lock(&tile_queue.mutex);
		tile_queue.ready = opt[OPT_TILES];
		tile_queue.done = 0;
		wake_all(&tile_queue.work_ready);
		asked = now_ns();
		while (tile_queue.done < opt[OPT_TILES])
			wait_on(&tile_queue.all_done, &tile_queue.mutex);
		waited += now_ns() - asked;
		unlock(&tile_queue.mutex);
	}
	return waited;
}

static void run_pool(struct wl_run *run)
{
	const int64_t *opt = run->opt;
	struct truth *t = &run->truth;
	int64_t span_start, span_end, waited, at_once, rounds, whole;
	double tile, decode, image, parallel, average;
	struct totals sum;
	struct job job;

	init_job(&job, run);
	for (int64_t i = 0; i < job.worker_cnt; i++)
		job.workers[i].cpu = own_cpu(run, i, job.worker_cnt);
	start_workers(&job, work_on_tiles);
	sleep_ns(5 * WL_NS_PER_MS);
	span_start = now_ns();
	waited = feed_images(opt);
	span_end = now_ns();
	lock(&tile_queue.mutex);
	tile_queue.closed = true;
	wake_all(&tile_queue.work_ready);
	unlock(&tile_queue.mutex);
	join_workers(&job);
	t->span_start_ns = span_start;
	t->span_end_ns = span_end;

	/*
	 * An image: | main decodes | tiles, at_once at a time ... | a last round that need not be
	 * full |
	 */
	sum = sum_workers(&job);
	if (sum.times != opt[OPT_IMAGES] * opt[OPT_TILES])
		die(0, "%lld tiles were worked on, not %lld", (long long)sum.times,
		    (long long)opt[OPT_IMAGES] * opt[OPT_TILES]);
	at_once = job.worker_cnt < run->cpu_cnt ? job.worker_cnt : run->cpu_cnt;
	rounds = (opt[OPT_TILES] + at_once - 1) / at_once;
	whole = opt[OPT_TILES] % at_once == 1 ? rounds - 1 : rounds;
	tile = (double)opt[OPT_TILE_US];
	decode = (double)opt[OPT_DECODE_US];
	image = decode + (double)rounds * tile;
	parallel = at_once > 1 ? (double)whole * tile / image : 0;
	average = (decode + (double)opt[OPT_TILES] * tile) / image;
	t->verdict_class = parallel > 0.55 ? "parallel" : NULL;
	truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW, fmax(parallel - 0.06, 0),
		     parallel + 0.03);
	truth_expect(t, TRUTH_SPAN, "parallelism.average", NULL, 0.95 * average, 1.03 * average);
	truth_expect(t, TRUTH_SPAN, "parallelism.profile_ns[1]", TRUTH_WINDOW,
		     fmax(0.97 - parallel, 0), fmin(1.06 - parallel, 1));
	truth_expect(t, TRUTH_SPAN, "ledger_ns.serial", TRUTH_WINDOW, fmax(0.97 - parallel, 0),
		     fmin(1.06 - parallel, 1))
		->needs = TRUTH_FUTEX;
	expect_wait(t, "threads[name=worker].parked_ns.queue", sum.wait_ns, sum.delay_ns)->needs =
		TRUTH_FUTEX;
	expect_wait(t, "threads[name=main].parked_ns.queue", waited, thread_run_delay_ns())->needs =
		TRUTH_FUTEX;
	truth_fact(t, "tiles", (double)sum.times);
	truth_fact(t, "queue_wait_ns", (double)sum.wait_ns);
	truth_fact(t, "main_wait_ns", (double)waited);
	truth_fact_text(t, "queue_symbol", "tile_queue");
	wl_say(run, "%lld workers did %lld tiles of %lld images in %.2f s",
	       (long long)job.worker_cnt, (long long)sum.times, (long long)opt[OPT_IMAGES],
	       span_secs(t));
	finish_job(&job);
}

/* --- serial: one after the other
 * --------------------------------------------------------------------------------- */

static void *compute_alone(void *arg)
{
	struct worker *w = arg;

	name_thread("worker");
	w->start_ns = now_ns();
	burn_cpu(w->job->run->opt[OPT_WORK_MS] * WL_NS_PER_MS);
	end_worker(w);
	return NULL;
}

static void run_serial(struct wl_run *run)
{
	struct truth *t = &run->truth;
	struct job job;

	init_job(&job, run);
	for (int64_t i = 0; i < job.worker_cnt; i++) {
		job.workers[i].thread = start_thread(compute_alone, &job.workers[i]);
		join_thread(job.workers[i].thread);
	}
	t->span_start_ns = job.workers[0].start_ns;
	t->span_end_ns = job.workers[job.worker_cnt - 1].end_ns;

	t->verdict_class = "serial";
	truth_expect(t, TRUTH_SPAN, "ledger_ns.serial", TRUTH_WINDOW, 0.95, 1);
	truth_expect(t, TRUTH_SPAN, "ledger_ns.serial_split.running", TRUTH_WINDOW, 0.95, 1);
	truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW, TRUTH_NO_MIN, 0.01);
	truth_expect(t, TRUTH_SPAN, "parallelism.average", NULL, 0.95, 1.01);
	truth_expect(t, TRUTH_SPAN, "concurrency.average", NULL, 0.95, 1.03);
	truth_expect(t, TRUTH_SPAN, "threads[name=main].parked_ns.join", TRUTH_WINDOW, 0.95, 1);
	wl_say(run, "%lld workers computed one after the other for %.2f s",
	       (long long)job.worker_cnt, span_secs(t));
	finish_job(&job);
}

/* --- forkjoin: a tree
 * --------------------------------------------------------------------------------------------- */

static void run_tree(struct wl_run *run)
{
	run_forkjoin(run, run->opt[OPT_DEPTH], run->opt[OPT_LEAF_US] * WL_NS_PER_US,
		     run->opt[OPT_SPLIT_US] * WL_NS_PER_US);
}

int main(int argc, char **argv)
{
	static const struct wl_option parallel[] = {
		{OPT_WORKERS, "workers", "N", 2, 1, 256, "threads, each on a CPU of its own"},
		{OPT_WORK_MS, "work-ms", "MS", 1500, 1, 600000, "CPU time of each"},
	};
	static const struct wl_option one_cpu[] = {
		{OPT_WORKERS, "workers", "N", 2, 2, 256, "threads on the one CPU"},
		{OPT_WORK_MS, "work-ms", "MS", 750, 1, 600000, "CPU time of each"},
	};
	static const struct wl_option mutex[] = {
		{OPT_WORKERS, "workers", "N", 4, 3, 256, "threads behind the lock, on two CPUs"},
		{OPT_WORK_MS, "work-ms", "MS", 1500, 1, 600000, "CPU time inside the lock, of all"},
		{OPT_HOLD_US, "hold-us", "US", 2000, 50, 1000000, "CPU time of one hold"},
	};
	static const struct wl_option handoff[] = {
		{OPT_WORKERS, "workers", "N", 4, 2, 256, "threads that interpret"},
		{OPT_WORK_MS, "work-ms", "MS", 400, 1, 600000, "CPU time of each"},
		{OPT_INTERVAL_US, "interval-us", "US", 5000, 500, 1000000, "switch interval"},
		{OPT_PLAIN, "plain-symbol", NULL, 0, 0, 1,
		 "no symbol that names the lock as CPython's"},
	};
	static const struct wl_option barrier[] = {
		{OPT_WORKERS, "workers", "N", 2, 2, 256, "threads, each on a CPU of its own"},
		{OPT_ROUNDS, "rounds", "N", 75, 1, 1000000, "stages"},
		{OPT_STAGE_US, "stage-us", "US", 20000, 100, 1000000,
		 "CPU time of the longest part of a stage"},
	};
	static const struct wl_option pool[] = {
		{OPT_WORKERS, "workers", "N", 2, 1, 256, "threads that work on tiles"},
		{OPT_IMAGES, "images", "N", 14, 1, 100000, "images"},
		{OPT_TILES, "tiles", "N", 16, 1, 100000, "tiles of an image"},
		{OPT_TILE_US, "tile-us", "US", 10000, 10, 1000000, "CPU time of a tile"},
		{OPT_DECODE_US, "decode-us", "US", 25000, 10, 1000000,
		 "CPU time before the tiles, in main"},
	};
	static const struct wl_option serial[] = {
		{OPT_WORKERS, "workers", "N", 4, 1, 256, "threads, one after the other"},
		{OPT_WORK_MS, "work-ms", "MS", 400, 1, 600000, "CPU time of each"},
	};
	static const struct wl_option tree[] = {
		{OPT_DEPTH, "depth", "N", 3, 0, 8, "forks above each leaf, two threads each"},
		{OPT_LEAF_US, "leaf-us", "US", 100000, 10, 10000000, "CPU time of a leaf"},
		{OPT_SPLIT_US, "split-us", "US", 30000, 10, 10000000,
		 "CPU time before a fork, and after its join"},
	};
#define MODE(name, help, run, options)                                                             \
	{                                                                                          \
		name, help, run, options, WL_COUNT(options)                                        \
	}
	static const struct wl_mode modes[] = {
		MODE("parallel", "computing side by side, each on a CPU of its own", run_parallel,
		     parallel),
		MODE("one-cpu", "the same, all on one CPU", run_one_cpu, one_cpu),
		MODE("mutex", "nearly all work inside one mutex: a convoy", run_mutex, mutex),
		MODE("handoff", "one interprets at a time, as under CPython's lock", run_handoff,
		     handoff),
		MODE("barrier", "uneven stages with a barrier after each", run_barrier, barrier),
		MODE("pool", "workers fed with image tiles from a queue", run_pool, pool),
		MODE("serial", "each thread joined before the next starts", run_serial, serial),
		MODE("spin", "uneven stages with a barrier that waits busily", run_spin,
		     spin_options),
		MODE("forkjoin", "a tree of threads with known work and span", run_tree, tree),
	};
	static const struct wl_program program = {
		"threads",
		"threads of one process whose concurrency and parallelism are known",
		NULL,
		modes,
		WL_COUNT(modes),
	};

	return wl_main(argc, argv, &program);
}
