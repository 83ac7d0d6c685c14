// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * See forkjoin.h. Whatever the number of CPUs, the work and the longest chain of computing are
 *
 *   ==               split, fork              T1   = (2^depth - 1) * 2 split + 2^depth leaf
 *     ==    ==       split, fork              Tinf = depth * 2 split + leaf
 *      ######  ...   2^depth leaves
 *     ==    ==       join both, split
 *   ==               join both, split
 */
#include "forkjoin.h"

struct node {
	int64_t level, leaf_ns, split_ns, cpu_ns;
};

static void work(struct node *n);

static void *start(void *arg)
{
	struct node *n = arg;

	name_thread("node");
	work(n);
	return NULL;
}

static void work(struct node *n)
{
	struct node kids[2];
	pthread_t threads[2];

	if (!n->level) {
		burn_cpu(n->leaf_ns);
		n->cpu_ns = thread_cpu_ns();
		return;
	}
	burn_cpu(n->split_ns);
	for (int i = 0; i < 2; i++) {
		kids[i] = (struct node){n->level - 1, n->leaf_ns, n->split_ns, 0};
		threads[i] = start_thread(start, &kids[i]);
	}
	for (int i = 0; i < 2; i++)
		join_thread(threads[i]);
	burn_cpu(n->split_ns);
	n->cpu_ns = thread_cpu_ns() + kids[0].cpu_ns + kids[1].cpu_ns;
}

void run_forkjoin(struct wl_run *run, int64_t depth, int64_t leaf_ns, int64_t split_ns)
{
	struct node root = {depth, leaf_ns, split_ns, 0};
	const int64_t leaves = (int64_t)1 << depth;
	const double t1 = (double)((leaves - 1) * 2 * split_ns + leaves * leaf_ns);
	const double tinf = (double)(depth * 2 * split_ns + leaf_ns);
	struct truth *t = &run->truth;

	name_thread("main");
	t->span_start_ns = now_ns();
	work(&root);
	t->span_end_ns = now_ns();
	truth_expect_of(t, TRUTH_RUN, "work_span.work_ns", t1, 0.98, 1.05);
	truth_expect_of(t, TRUTH_RUN, "work_span.span_ns", tinf, 0.98, 1.05);
	truth_expect_of(t, TRUTH_RUN, "work_span.parallelism", t1 / tinf, 0.95, 1.05);
	truth_expect(t, TRUTH_RUN, "tasks.threads", NULL, (double)(2 * leaves - 1),
		     (double)(2 * leaves - 1));
	truth_expect_cpu(t, TRUTH_RUN, "cpu_time_ns", root.cpu_ns, 0.97, 1.03);
	truth_fact(t, "work_ns", t1);
	truth_fact(t, "span_ns", tinf);
	truth_fact(t, "parallelism", t1 / tinf);
	wl_say(run, "%lld leaves under a tree of forks and joins: work %.2f s, span %.2f s",
	       (long long)leaves, t1 / WL_NS_PER_SEC, tinf / WL_NS_PER_SEC);
}
