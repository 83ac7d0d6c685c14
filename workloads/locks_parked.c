// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Waits for what no word holds: the address space's lock in the kernel, threads to end, a pipe to be
 * written.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#include "locks.h"

#define PAGE_SZ	 4096
#define RANGE_SZ ((size_t)128 << 20)

/*
 * One thread changes the protection of much memory over and over, and holds the address space's lock
 * for writing as long. The workers read pages of areas that had none: they want the lock for reading,
 * which is not spun for, and sleep until it is free.
 */
static atomic_bool mapper_ends;

static void *change_protection(void *arg)
{
	char *range =
		mmap(NULL, RANGE_SZ, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool writable = true;

	name_thread("mapper");
	if (range == MAP_FAILED || madvise(range, RANGE_SZ, MADV_NOHUGEPAGE))
		die(errno, "cannot map memory");
	for (size_t at = 0; at < RANGE_SZ; at += PAGE_SZ)
		range[at] = 1;
	atomic_store((atomic_bool *)arg, true);
	while (!atomic_load(&mapper_ends)) {
		writable = !writable;
		if (mprotect(range, RANGE_SZ, PROT_READ | (writable ? PROT_WRITE : 0)))
			die(errno, "cannot protect memory");
	}
	return NULL;
}

static void take_pages(struct contender *w)
{
	char *page =
		mmap(NULL, PAGE_SZ, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)w;
	if (page == MAP_FAILED)
		die(errno, "cannot map memory");
	*(volatile char *)page = 1;
	if (madvise(page, PAGE_SZ, MADV_DONTNEED) || munmap(page, PAGE_SZ))
		die(errno, "cannot unmap memory");
}

static void nothing(struct contender *w)
{
	(void)w;
}

void run_mmap(struct wl_run *run)
{
	struct contest *c = make_contest(run, run->opt[OPT_WORKERS], run->opt[OPT_HOLDS]);
	struct truth *t = &run->truth;
	atomic_bool mapped = false;
	struct contender sum;
	pthread_t mapper;
	double blocked;

	c->take = take_pages;
	c->hold = c->give = nothing;
	c->shared_by = (int)c->worker_cnt;
	mapper = start_thread(change_protection, &mapped);
	while (!atomic_load(&mapped))
		sleep_ns(WL_NS_PER_MS);
	run_contenders(c, 0, c->worker_cnt);
	atomic_store(&mapper_ends, true);
	join_thread(mapper);
	sum = contest_totals(c);
	t->verdict_class = NULL;
	/*
	 * Blocked is what is left of the calls' time: the workers also run in them, and spin. The kernel's
	 * account of the delay begins before a wake-up is done, and where the machine under a guest stops
	 * the waker in between, much of a wait is in both (0.37 of all waits were seen). More than the time
	 * of the calls without a CPU it cannot be.
	 */
	blocked = fmax(1, (double)(sum.wait_ns - sum.wait_cpu_ns - sum.wait_delay_ns));
	truth_expect_of(t, TRUTH_RUN, "threads[name=worker].waiting_ns.kernel_lock", blocked, 0.9,
			fmax(1.3, 1.02 * (double)(sum.wait_ns - sum.wait_cpu_ns) / blocked));
	truth_fact(t, "lock_wait_ns", (double)sum.wait_ns);
	truth_fact(t, "lock_wait_cpu_ns", (double)sum.wait_cpu_ns);
	truth_fact(t, "lock_waits", (double)sum.waits);
	truth_fact_text(t, "lock_kind", "kernel_lock");
	wl_say(run,
	       "%lld workers mapped and unmapped a page %lld times beside one that holds the "
	       "address "
	       "space's lock; it took them %.2f s",
	       (long long)c->worker_cnt, (long long)sum.times, (double)sum.wait_ns / WL_NS_PER_SEC);
	finish_contest(c, (double)c->worker_cnt + 2, 1, LEAST_CPU_SHORT);
}

/*
 * A tree of threads: each starts two, computes, and joins them.
 *
 *   node 1    ====-- join 2 --|-- join 3 --|
 *   node 2     ====-- … --|     node 3  ====-- … --|
 */
struct node {
	struct wl_run *run;
	int64_t level;
	int64_t join_ns, delay_ns, cpu_ns, nodes, joins, start_ns;
};

static void *grow(void *arg)
{
	struct node *n = arg, children[2];
	pthread_t threads[2];
	int64_t asked;

	name_thread("node");
	n->start_ns = now_ns();
	n->nodes = 1;
	for (int i = 0; n->level > 1 && i < 2; i++) {
		children[i] = (struct node){.run = n->run, .level = n->level - 1};
		threads[i] = start_thread(grow, &children[i]);
	}
	burn_cpu(n->run->opt[OPT_MS] * WL_NS_PER_MS);
	for (int i = 0; n->level > 1 && i < 2; i++) {
		asked = now_ns();
		join_thread(threads[i]);
		n->join_ns += now_ns() - asked + children[i].join_ns;
		n->joins += 1 + children[i].joins;
		n->nodes += children[i].nodes;
		n->delay_ns += children[i].delay_ns;
		n->cpu_ns += children[i].cpu_ns;
	}
	n->delay_ns += thread_run_delay_ns();
	n->cpu_ns += thread_cpu_ns();
	return NULL;
}

void run_jointree(struct wl_run *run)
{
	struct node root = {.run = run, .level = run->opt[OPT_DEPTH]};
	struct truth *t = &run->truth;

	name_thread("main");
	join_thread(start_thread(grow, &root));
	t->span_start_ns = root.start_ns;
	t->span_end_ns = now_ns();
	/* A join ends when the thread is gone, a little after it has told what it measured. */
	truth_expect_of(t, TRUTH_RUN, "threads[name=node].parked_ns.join", (double)root.join_ns,
			fmax(0.95 - (double)root.delay_ns / (double)root.join_ns, 0), 1.01);
	truth_expect(t, TRUTH_RUN, "threads[name=main].parked_ns.join", TRUTH_WINDOW, 0.9, 1);
	truth_expect(t, TRUTH_RUN, "tasks.threads", NULL, (double)root.nodes + 1,
		     (double)root.nodes + 1);
	truth_expect_cpu(t, TRUTH_RUN, "threads[name=node].running_ns", root.cpu_ns, 0.97, 1.02);
	truth_fact(t, "nodes", (double)root.nodes);
	truth_fact(t, "joins", (double)root.joins);
	truth_fact(t, "join_wait_ns", (double)root.join_ns);
	truth_fact(t, "run_delay_ns", (double)root.delay_ns);
	wl_say(run, "%lld threads computed %lld ms each and waited %.2f s for others to end",
	       (long long)root.nodes, (long long)run->opt[OPT_MS],
	       (double)root.join_ns / WL_NS_PER_SEC);
}

/*
 * A chain of threads with a pipe between each and the next; the last writes to the first. One token
 * goes round, so that one computes and the others read: parked, for the one stands for the work.
 */
struct stage {
	struct wl_run *run;
	pthread_t thread;
	int in_fd, out_fd;
	int64_t rounds, wait_ns, delay_ns, cpu_ns, start_ns, end_ns;
};

static void *pass_on(void *arg)
{
	struct stage *s = arg;
	int64_t asked;
	char token;

	name_thread("stage");
	for (int64_t i = 0; i < s->rounds; i++) {
		asked = now_ns();
		if (!read_full(s->in_fd, &token, 1))
			die(0, "the chain is broken");
		s->wait_ns += now_ns() - asked;
		if (!i)
			s->start_ns = now_ns();
		burn_cpu(s->run->opt[OPT_HOLD_US] * WL_NS_PER_US);
		write_full(s->out_fd, &token, 1);
	}
	s->end_ns = now_ns();
	s->delay_ns = thread_run_delay_ns();
	s->cpu_ns = thread_cpu_ns();
	return NULL;
}

void run_pipechain(struct wl_run *run)
{
	int64_t cnt = run->opt[OPT_STAGES], waited = 0, delay = 0, cpu = 0;
	struct stage *stages = make_array((size_t)cnt, sizeof(*stages));
	struct truth *t = &run->truth;
	int ends[2];

	name_thread("main");
	for (int64_t i = 0; i < cnt; i++) {
		if (pipe2(ends, O_CLOEXEC))
			die(errno, "cannot make a pipe");
		stages[i].run = run;
		stages[i].rounds = run->opt[OPT_HOLDS];
		stages[i].in_fd = ends[0];
		stages[(i + cnt - 1) % cnt].out_fd = ends[1];
	}
	for (int64_t i = 0; i < cnt; i++)
		stages[i].thread = start_thread(pass_on, &stages[i]);
	write_full(stages[cnt - 1].out_fd, "x", 1);
	for (int64_t i = 0; i < cnt; i++) {
		join_thread(stages[i].thread);
		waited += stages[i].wait_ns;
		delay += stages[i].delay_ns;
		cpu += stages[i].cpu_ns;
	}
	t->span_start_ns = stages[0].start_ns;
	t->span_end_ns = stages[0].end_ns;
	t->verdict_class = "serial";
	truth_expect_of(t, TRUTH_RUN, "threads[name=stage].parked_ns.peer", (double)waited,
			fmax(0.97 - (double)delay / (double)waited, 0), 1.01);
	truth_expect(t, TRUTH_SPAN, "ledger_ns.serial", TRUTH_WINDOW, 0.9, 1);
	truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW, TRUTH_NO_MIN, 0.03);
	truth_expect_cpu(t, TRUTH_RUN, "threads[name=stage].running_ns", cpu, 0.95, 1.03);
	truth_expect(t, TRUTH_RUN, "tasks.threads", NULL, (double)cnt + 1, (double)cnt + 1);
	truth_fact(t, "read_wait_ns", (double)waited);
	truth_fact(t, "run_delay_ns", (double)delay);
	wl_say(run, "a token went %lld times round %lld threads, which waited %.2f s for it in all",
	       (long long)run->opt[OPT_HOLDS], (long long)cnt, (double)waited / WL_NS_PER_SEC);
}
