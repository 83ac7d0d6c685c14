// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * threads_spin.c - see threads_spin.h.
 *
 *   CPU 0   ============ straggler ============|====        = works   ~ spins at the barrier
 *   CPU 1   ======~~~~~~~~~~~~~~~~~~~~~~~~~~~~~|====
 *
 * Both CPUs are busy all the time, and a tracer finds R = 2; what is done at once is less.
 */
#include "threads_spin.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { OPT_WORKERS, OPT_ROUNDS, OPT_SLOW_US, OPT_FAST_US };

const struct wl_option spin_options[SPIN_OPTION_CNT] = {
	{OPT_WORKERS, "workers", "N", 2, 1, WL_CPU_MAX, "threads, each on a CPU of its own"},
	{OPT_ROUNDS, "rounds", "N", 40, 1, 1000000, "how often they meet at the barrier"},
	{OPT_SLOW_US, "slow-us", "US", 20000, 1, 60000000, "CPU time of the straggler each round"},
	{OPT_FAST_US, "fast-us", "US", 4000, 1, 60000000, "CPU time of each other"},
};

struct spinner {
	struct wl_run *run;
	pthread_t thread;
	int cpu;
	int64_t work_us;
	int64_t start_ns, end_ns, cpu_ns, spin_ns;
};

static atomic_long arrived, generation;

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* A function of its own, so that a tracer has a name for where it spins. */
static __attribute__((noinline)) void spin_until(long want)
{
	while (atomic_load_explicit(&generation, memory_order_acquire) < want)
		relax();
}

static void meet(int64_t workers, long round)
{
	if (atomic_fetch_add(&arrived, 1) + 1 == workers * round)
		atomic_store_explicit(&generation, round, memory_order_release);
	else
		spin_until(round);
}

static void *work_and_spin(void *arg)
{
	struct spinner *s = arg;
	const int64_t workers = s->run->opt[OPT_WORKERS], rounds = s->run->opt[OPT_ROUNDS];
	int64_t before;

	name_thread("spinner");
	pin_to(s->cpu);
	meet(workers, 1);
	s->start_ns = now_ns();
	s->cpu_ns = thread_cpu_ns();
	for (long round = 2; round < rounds + 2; round++) {
		burn_cpu(s->work_us * WL_NS_PER_US);
		before = thread_cpu_ns();
		meet(workers, round);
		s->spin_ns += thread_cpu_ns() - before;
	}
	s->cpu_ns = thread_cpu_ns() - s->cpu_ns;
	s->end_ns = now_ns();
	return NULL;
}

/* How far a figure from samples may be off: they fall 997 times a second and CPU, and a run has more than
 * a thousand. */
#define SAMPLED 0.12

static void tell_truth(struct wl_run *run, const struct spinner *all)
{
	struct truth *t = &run->truth;
	const int64_t workers = run->opt[OPT_WORKERS];
	int64_t cpu_ns = 0, spin_ns = 0;
	double span, effective;

	t->span_start_ns = 0;
	t->span_end_ns = INT64_MAX;
	for (int64_t i = 0; i < workers; i++) {
		if (all[i].start_ns > t->span_start_ns)
			t->span_start_ns = all[i].start_ns;
		if (all[i].end_ns < t->span_end_ns)
			t->span_end_ns = all[i].end_ns;
		cpu_ns += all[i].cpu_ns;
		spin_ns += all[i].spin_ns;
	}
	span = (double)(t->span_end_ns - t->span_start_ns);
	effective = (double)(cpu_ns - spin_ns) / span;
	t->verdict_class = workers > 1 ? "parallel" : "serial";
	truth_expect(t, TRUTH_SPAN, "parallelism.average", NULL, 0.95 * (double)workers,
		     (double)workers);
	truth_expect(t, TRUTH_SPAN, "parallelism.effective", NULL, effective - SAMPLED,
		     effective + SAMPLED)
		->needs = TRUTH_SAMPLES;
	truth_fact(t, "effective", effective);
	truth_fact(t, "spin_ns", (double)spin_ns);
	truth_fact(t, "worker_cpu_ns", (double)cpu_ns);
	truth_expect(t, TRUTH_RUN, "tasks.threads", NULL, (double)workers + 1, (double)workers + 1);
	truth_expect_cpu(t, TRUTH_RUN, "threads[name=spinner].running_ns", cpu_ns, 0.97, 1.05);
	truth_expect_own_cpu(t, 0.97, 1.02);
	wl_say(run, "%lld workers for %.2f s: %.2f CPUs busy, %.2f of them with work",
	       (long long)workers, span / WL_NS_PER_SEC, (double)cpu_ns / span, effective);
}

void run_spin(struct wl_run *run)
{
	const int64_t workers = run->opt[OPT_WORKERS];
	struct spinner *all;

	need_cpus(run, workers, "ask for fewer --workers");
	name_thread("main");
	all = make_array((size_t)workers, sizeof(*all));
	for (int64_t i = 0; i < workers; i++) {
		all[i] = (struct spinner){.run = run, .cpu = run->cpus[i]};
		all[i].work_us = run->opt[i ? OPT_FAST_US : OPT_SLOW_US];
		all[i].thread = start_thread(work_and_spin, &all[i]);
	}
	for (int64_t i = 0; i < workers; i++)
		join_thread(all[i].thread);
	tell_truth(run, all);
	free(all);
}
