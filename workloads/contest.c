// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* See contest.h. */
#include "contest.h"

#include <errno.h>
#include <math.h>

/* A worker that has held lets another in before it asks again, but not for ever. */
#define LET_IN_NS      (10 * WL_NS_PER_MS)
#define LET_IN_STEP_NS (100 * WL_NS_PER_US)
#define STAGGER_NS     (500 * WL_NS_PER_US)
#define WAKE_NS	       (50 * WL_NS_PER_US)

struct contest *make_contest(struct wl_run *run, int64_t worker_cnt, int64_t items)
{
	struct contest *c = make_shared(sizeof(*c));
	pthread_barrierattr_t attr;
	int err;

	c->run = run;
	c->worker_cnt = worker_cnt;
	c->items = items;
	for (int64_t i = 0; i < worker_cnt; i++)
		c->workers[i] =
			(struct contender){.contest = c, .index = (int)i, .cpu = -1, .fd = -1};
	err = pthread_barrierattr_init(&attr);
	if (!err)
		err = pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (!err)
		err = pthread_barrier_init(&c->gate, &attr, (unsigned int)worker_cnt);
	if (err)
		die(err, "cannot make a barrier");
	name_thread("main");
	return c;
}

void spread_contenders(struct contest *c)
{
	for (int64_t i = 0; i < c->worker_cnt; i++)
		c->workers[i].cpu = c->run->cpus[c->run->cpu_cnt > 1 ? i % 2 : 0];
}

static void take(struct contender *w)
{
	int64_t cpu = thread_cpu_ns(), delay = thread_run_delay_ns();
	int64_t switches = thread_switches(), asked = now_ns(), waited;

	w->contest->take(w);
	waited = now_ns() - asked;
	w->wait_ns += waited;
	if (waited > w->longest_ns)
		w->longest_ns = waited;
	w->waits += thread_switches() - switches;
	w->wait_cpu_ns += thread_cpu_ns() - cpu;
	w->wait_delay_ns += thread_run_delay_ns() - delay;
}

static void hold(struct contender *w)
{
	int64_t began = now_ns(), cpu = thread_cpu_ns(), delay = thread_run_delay_ns();
	struct contest *c = w->contest;

	if (atomic_fetch_add(&c->inside, 1) >= (c->shared_by ? c->shared_by : 1))
		atomic_fetch_add(&c->overlaps, 1);
	c->hold(w);
	atomic_fetch_sub(&c->inside, 1);
	w->times++;
	w->hold_delay_ns += thread_run_delay_ns() - delay;
	w->hold_cpu_ns += thread_cpu_ns() - cpu;
	w->hold_ns += now_ns() - began;
}

void *contend(void *contender)
{
	struct contender *w = contender;
	struct contest *c = w->contest;
	bool more = true;
	int64_t turn, gave;
	int err;

	name_thread("worker");
	if (w->cpu >= 0)
		pin_to(w->cpu);
	err = pthread_barrier_wait(&c->gate);
	if (err && err != PTHREAD_BARRIER_SERIAL_THREAD)
		die(err, "cannot wait at a barrier");
	sleep_ns(w->index * STAGGER_NS);
	w->start_ns = now_ns();
	while (more) {
		take(w);
		turn = atomic_fetch_add(&c->turn, 1) + 1;
		more = atomic_fetch_sub(&c->items, c->first_counts && w->index ? 0 : 1) > 0;
		if (more)
			hold(w);
		else if (!c->done_ns)
			c->done_ns = now_ns();
		c->give(w);
		gave = now_ns();
		while (more && atomic_load(&c->turn) == turn && now_ns() - gave < LET_IN_NS)
			sleep_ns(LET_IN_STEP_NS);
	}
	w->end_ns = now_ns();
	w->delay_ns = thread_run_delay_ns();
	w->cpu_ns = thread_cpu_ns();
	return NULL;
}

void run_contenders(struct contest *c, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++)
		c->workers[i].thread = start_thread(contend, &c->workers[i]);
	for (int64_t i = from; i < to; i++)
		join_thread(c->workers[i].thread);
}

struct contender contest_totals(struct contest *c)
{
	struct truth *t = &c->run->truth;
	struct contender sum = {0};

	for (int64_t i = 0; i < c->worker_cnt; i++) {
		const struct contender *w = &c->workers[i];

		sum.cpu_ns += w->cpu_ns;
		sum.delay_ns += w->delay_ns;
		sum.wait_ns += w->wait_ns;
		sum.wait_cpu_ns += w->wait_cpu_ns;
		sum.wait_delay_ns += w->wait_delay_ns;
		sum.waits += w->waits;
		sum.times += w->times;
		sum.hold_ns += w->hold_ns;
		sum.hold_cpu_ns += w->hold_cpu_ns;
		sum.hold_delay_ns += w->hold_delay_ns;
		if (w->longest_ns > sum.longest_ns)
			sum.longest_ns = w->longest_ns;
		if (w->start_ns > t->span_start_ns)
			t->span_start_ns = w->start_ns;
	}
	t->span_end_ns = c->done_ns;
	if (c->overlaps)
		die(0, "two were inside where only one may be, %d times", c->overlaps);
	return sum;
}

/* A share of a holder's time, as wide as hand-overs and the clocks' own time may make it. */
static void expect_holder(struct truth *t, const char *symbol, const char *state, double share)
{
	const char *figure = truth_path(t, "locks[symbol=%s].holder.%s", symbol, state);
	const char *of = truth_path(t, "locks[symbol=%s].blocked_ns", symbol);

	truth_expect(t, TRUTH_RUN, figure, of, fmax(share - 0.08, 0), fmin(share + 0.08, 1))
		->needs = TRUTH_HOLDERS;
}

void expect_contest(struct contest *c, const char *state, const char *reason, const char *symbol,
		    const char *kind)
{
	struct contender sum = contest_totals(c);
	struct truth *t = &c->run->truth;
	/* From the wake-up on a task is ready: the time until an idle CPU has it is no delay by the kernel's account. */
	const double late = fmin(0.02, WAKE_NS * (double)sum.waits / (double)sum.wait_ns);
	double blocked = (double)(sum.wait_ns - sum.wait_delay_ns) / (double)sum.wait_ns - late;
	double held = (double)sum.hold_ns, waiters = 0;

	for (int64_t i = 0; i < c->worker_cnt; i++)
		waiters += c->workers[i].waits > 0;
	truth_expect_of(t, TRUTH_RUN, truth_path(t, "threads[name=worker].%s.%s", state, reason),
			(double)sum.wait_ns, 0.97 * fmax(blocked, 0), 1.01)
		->needs = TRUTH_FUTEX;
	truth_fact(t, "lock_wait_ns", (double)sum.wait_ns);
	truth_fact(t, "lock_wait_delay_ns", (double)sum.wait_delay_ns);
	truth_fact(t, "lock_waits", (double)sum.waits);
	truth_fact(t, "longest_wait_ns", (double)sum.longest_ns);
	truth_fact(t, "lock_waiters", waiters);
	truth_fact(t, "holds", (double)sum.times);
	truth_fact(t, "hold_ns", held);
	truth_fact(t, "hold_cpu_ns", (double)sum.hold_cpu_ns);
	truth_fact(t, "hold_delay_ns", (double)sum.hold_delay_ns);
	truth_fact(t, "worker_cpu_ns", (double)sum.cpu_ns);
	truth_fact(t, "worker_run_delay_ns", (double)sum.delay_ns);
	truth_fact_text(t, "lock_kind", kind);
	if (!symbol)
		return;
	truth_fact_text(t, "lock_symbol", symbol);
	truth_expect_of(t, TRUTH_RUN, truth_path(t, "locks[symbol=%s].blocked_ns", symbol),
			(double)sum.wait_ns, 0.97 * fmax(blocked, 0), 1.01)
		->needs = TRUTH_HOLDERS;
	truth_expect(t, TRUTH_RUN, truth_path(t, "locks[symbol=%s].waiters", symbol), NULL, waiters,
		     waiters)
		->needs = TRUTH_HOLDERS;
	expect_holder(t, symbol, "running_ns", (double)sum.hold_cpu_ns / held);
	expect_holder(t, symbol, "runnable_ns", (double)sum.hold_delay_ns / held);
	expect_holder(t, symbol, "blocked_ns",
		      fmax(1 - (double)(sum.hold_cpu_ns + sum.hold_delay_ns) / held, 0));
}

void finish_contest(struct contest *c, double threads, double processes, double least_cpu)
{
	struct truth *t = &c->run->truth;
	int64_t cpu = 0;

	for (int64_t i = 0; i < c->worker_cnt; i++)
		cpu += c->workers[i].cpu_ns;
	truth_fact(t, "workers", (double)c->worker_cnt);
	truth_expect(t, TRUTH_RUN, "tasks.threads", NULL, threads, threads);
	truth_expect(t, TRUTH_RUN, "tasks.processes", NULL, processes, processes);
	/* Much of this time is made of short stretches, of which the kernel's account, which begins a
	 * task's time at its wake-up on an idle CPU, has a little more. */
	truth_expect_cpu(t, TRUTH_RUN, "threads[name=worker].running_ns", cpu, least_cpu, 1.03);
	if (pthread_barrier_destroy(&c->gate))
		die(errno, "cannot unmake a barrier");
}
