// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Processes whose concurrency and parallelism are known: side by side, in a pipeline with one slow
 * stage, taking turns over two pipes, and a tree of many short ones.
 *
 * What the processes measure themselves they put into memory shared before the fork.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

enum {
	OPT_WORKERS,
	OPT_WORK_MS,
	OPT_CHUNKS,
	OPT_STAGES,
	OPT_ITEMS,
	OPT_SLOW_US,
	OPT_FAST_US,
	OPT_ROUNDS,
	OPT_CPUS,
	OPT_DEPTH,
	OPT_FAN,
	OPT_WORK_US,
	OPT_LEVEL,
};

/* One child: what it is told, and what it measured. */
struct member {
	struct wl_run *run;
	int index;
	int cpu;
	int in_fd, out_fd;
	int64_t start_ns, end_ns, cpu_ns, delay_ns, switches;
	int64_t read_wait_ns, write_wait_ns; /* from asking to having, a wait for a CPU included */
	int64_t items;
};

static void make_pipe(int *read_fd, int *write_fd)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		die(errno, "cannot make a pipe; ask for fewer processes");
	*read_fd = ends[0];
	*write_fd = ends[1];
}

static void close_fd(int fd)
{
	if (fd >= 0 && close(fd))
		die(errno, "cannot close a pipe");
}

static struct member *make_members(struct wl_run *run, int64_t count)
{
	struct member *members = make_shared((size_t)count * sizeof(*members));

	for (int64_t i = 0; i < count; i++)
		members[i] = (struct member){
			.run = run, .index = (int)i, .cpu = -1, .in_fd = -1, .out_fd = -1};
	name_thread("main");
	return members;
}

static void begin_member(const struct member *m, const char *name)
{
	name_thread(name);
	if (m->cpu >= 0)
		pin_to(m->cpu);
}

static void end_member(struct member *m)
{
	m->end_ns = now_ns();
	m->delay_ns = thread_run_delay_ns();
	m->switches = thread_switches();
	m->cpu_ns = thread_cpu_ns();
}

/* The span: from the last of the members' starts to the first of their ends. */
static void set_span(struct truth *t, const struct member *members, int64_t count)
{
	t->span_end_ns = INT64_MAX;
	for (int64_t i = 0; i < count; i++) {
		if (members[i].start_ns > t->span_start_ns)
			t->span_start_ns = members[i].start_ns;
		if (members[i].end_ns < t->span_end_ns)
			t->span_end_ns = members[i].end_ns;
	}
}

static double span_secs(const struct truth *t)
{
	return (double)(t->span_end_ns - t->span_start_ns) / WL_NS_PER_SEC;
}

static void expect_processes(struct truth *t, int64_t count)
{
	truth_fact(t, "processes", (double)count);
	truth_expect(t, TRUTH_RUN, "tasks.processes", NULL, (double)count, (double)count);
	truth_expect(t, TRUTH_RUN, "tasks.threads", NULL, (double)count, (double)count);
}

/* --- fanout
 * ------------------------------------------------------------------------------------------------------
 */

/* One part of a result; index and number tell the parent whose and which. */
struct part {
	int64_t index, number, cpu_ns;
};

static void fanout_worker(void *arg)
{
	struct member *m = arg;
	const int64_t *opt = m->run->opt;
	struct part part = {.index = m->index};
	char go;

	begin_member(m, "worker");
	if (!read_full(m->in_fd, &go, sizeof(go)))
		die(0, "the parent left before it gave the start");
	burn_cpu(5 * WL_NS_PER_MS);
	m->start_ns = now_ns();
	for (; part.number < opt[OPT_CHUNKS]; part.number++) {
		part.cpu_ns = burn_cpu(opt[OPT_WORK_MS] * WL_NS_PER_MS / opt[OPT_CHUNKS]);
		write_full(m->out_fd, &part, sizeof(part));
	}
	end_member(m);
}

/* Reads every worker's parts, as they come. */
static void collect_parts(int fd, const struct wl_run *run)
{
	int64_t *next = make_array((size_t)run->opt[OPT_WORKERS], sizeof(*next));
	struct part part;

	while (read_full(fd, &part, sizeof(part)))
		if (part.index < 0 || part.index >= run->opt[OPT_WORKERS] ||
		    part.number != next[part.index]++)
			die(0, "a worker's result came out of order");
	for (int64_t i = 0; i < run->opt[OPT_WORKERS]; i++)
		if (next[i] != run->opt[OPT_CHUNKS])
			die(0, "worker %lld sent %lld parts, not %lld", (long long)i,
			    (long long)next[i], (long long)run->opt[OPT_CHUNKS]);
	free(next);
}

static void run_fanout(struct wl_run *run)
{
	const int64_t count = run->opt[OPT_WORKERS];
	struct truth *t = &run->truth;
	struct member *workers = make_members(run, count);
	int gate_read, gate_write, result_read, result_write;
	int64_t cpu = 0;

	need_cpus(run, count, "ask for fewer --workers");
	make_pipe(&gate_read, &gate_write);
	make_pipe(&result_read, &result_write);
	for (int64_t i = 0; i < count; i++) {
		workers[i].cpu = run->cpus[i];
		workers[i].in_fd = gate_read;
		workers[i].out_fd = result_write;
	}
	for (int64_t i = 0; i < count; i++)
		start_child(fanout_worker, &workers[i]);
	for (int64_t i = 0; i < count; i++)
		write_full(gate_write, "", 1);
	close_fd(gate_write);
	close_fd(gate_read);
	/* The last worker to end is then the end of the results. */
	close_fd(result_write);
	collect_parts(result_read, run);
	wait_children();
	close_fd(result_read);
	set_span(t, workers, count);
	for (int64_t i = 0; i < count; i++)
		cpu += workers[i].cpu_ns;

	t->verdict_class = count > 1 ? "parallel" : "serial";
	truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW,
		     count > 1 ? 0.95 : TRUTH_NO_MIN, count > 1 ? 1 : 0.02);
	truth_expect(t, TRUTH_SPAN, "parallelism.average", NULL, 0.95 * (double)count,
		     1.01 * (double)count);
	truth_expect_cpu(t, TRUTH_RUN, "threads[name=worker].running_ns", cpu, 0.97, 1.02);
	expect_processes(t, count + 1);
	truth_expect_own_cpu(t, 0.97, 1.02);
	truth_fact(t, "worker_cpu_ns", (double)cpu);
	truth_fact(t, "parts", (double)(count * run->opt[OPT_CHUNKS]));
	wl_say(run, "%lld processes computed side by side for %.2f s and sent their results back",
	       (long long)count, span_secs(t));
}

/* --- pipeline
 * ----------------------------------------------------------------------------------------------------
 */

/* A page, so that a pipe of one page holds one item. */
#define ITEM_SZ 4096

static bool is_slow(const struct member *m)
{
	return m->index == m->run->opt[OPT_STAGES] / 2;
}

static void stage(void *arg)
{
	struct member *m = arg;
	const int64_t *opt = m->run->opt;
	int64_t work_ns = (is_slow(m) ? opt[OPT_SLOW_US] : opt[OPT_FAST_US]) * WL_NS_PER_US;
	bool is_source = m->in_fd < 0, is_sink = m->out_fd < 0;
	char item[ITEM_SZ] = {0};
	int64_t asked, number;

	begin_member(m, is_source ? "source" : is_sink ? "sink" : is_slow(m) ? "slow" : "stage");
	while (m->items < opt[OPT_ITEMS]) {
		asked = now_ns();
		if (is_source)
			memcpy(item, &m->items, sizeof(m->items));
		else if (!read_full(m->in_fd, item, sizeof(item)))
			die(0, "a stage ended after %lld items", (long long)m->items);
		memcpy(&number, item, sizeof(number));
		if (number != m->items)
			die(0, "item %lld came as item %lld", (long long)number,
			    (long long)m->items);
		if (!m->items)
			m->start_ns = now_ns();
		else
			m->read_wait_ns += now_ns() - asked;
		burn_cpu(work_ns);
		asked = now_ns();
		if (!is_sink)
			write_full(m->out_fd, item, sizeof(item));
		m->write_wait_ns += now_ns() - asked;
		m->items++;
	}
	end_member(m);
}

static void start_stages(struct wl_run *run, struct member *stages)
{
	int64_t count = run->opt[OPT_STAGES];
	int in_fd = -1;

	for (int64_t i = 0; i < count; i++) {
		struct member *m = &stages[i];
		int next_fd = -1;

		m->in_fd = in_fd;
		if (i + 1 < count) {
			make_pipe(&next_fd, &m->out_fd);
			if (fcntl(m->out_fd, F_SETPIPE_SZ, ITEM_SZ) < 0)
				die(errno, "cannot make a pipe of one page");
		}
		/* The slow stage has a CPU of its own, the others share the other. */
		m->cpu = run->cpus[is_slow(m) ? 0 : 1];
		start_child(stage, m);
		close_fd(m->in_fd);
		close_fd(m->out_fd);
		in_fd = next_fd;
	}
}

static void run_pipeline(struct wl_run *run)
{
	const int64_t count = run->opt[OPT_STAGES], slow = count / 2;
	struct truth *t = &run->truth;
	struct member *stages = make_members(run, count);
	const struct member *source = &stages[0], *sink = &stages[count - 1];
	int64_t slow_us = run->opt[OPT_SLOW_US], fast_us = (count - 1) * run->opt[OPT_FAST_US];
	double both = (double)fast_us / (double)slow_us;

	need_cpus(run, 2, "allow one more");
	if (fast_us > slow_us * 3 / 4)
		die(0,
		    "the fast stages together take too long for one of %lld us to be the limit; "
		    "raise --slow-us",
		    (long long)slow_us);
	start_stages(run, stages);
	wait_children();
	set_span(t, stages, count);

	/*
	 *  slow stage, CPU 0   ################|################|####     never waits: R >= 1
	 *  fast ones,  CPU 1   ####            |####            |####     one after the other, then
	 * blocked: the source in its write, the others in their read
	 */
	t->verdict_class = both < 0.4 ? "concurrent" : NULL;
	truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW, both - 0.05, both + 0.03);
	truth_expect(t, TRUTH_SPAN, "parallelism.average", NULL, 0.96 * (1 + both),
		     1.02 * (1 + both));
	truth_expect(t, TRUTH_SPAN, "parallelism.profile_ns[1]", TRUTH_WINDOW, 0.96 - both,
		     1.05 - both);
	/* Alone on its CPU the slow stage runs on; the source's blocked write is in progress beside
	 * it. */
	truth_expect(t, TRUTH_SPAN, "ledger_ns.concurrent_split.overlapped", TRUTH_WINDOW,
		     0.94 - both, 1.05 - both);
	truth_expect(t, TRUTH_SPAN, "threads[name=slow].running_ns", TRUTH_WINDOW, 0.97, 1);
	truth_expect_of(t, TRUTH_RUN, "threads[name=source].waiting_ns.pipe",
			(double)source->write_wait_ns,
			0.95 - (double)source->delay_ns / (double)source->write_wait_ns, 1.01);
	truth_expect_of(t, TRUTH_SPAN, "threads[name=sink].parked_ns.peer",
			(double)sink->read_wait_ns,
			0.9 - (double)sink->delay_ns / (double)sink->read_wait_ns, 1.02);
	truth_expect_cpu(t, TRUTH_RUN, "threads[name=slow].running_ns", stages[slow].cpu_ns, 0.97,
			 1.02);
	expect_processes(t, count + 1);
	truth_expect_own_cpu(t, 0.96, 1.03);
	truth_fact(t, "items", (double)run->opt[OPT_ITEMS]);
	truth_fact(t, "slow_cpu_ns", (double)stages[slow].cpu_ns);
	truth_fact(t, "source_write_wait_ns", (double)source->write_wait_ns);
	truth_fact(t, "sink_read_wait_ns", (double)sink->read_wait_ns);
	wl_say(run,
	       "%lld items went through %lld stages in %.2f s, the slow one working all the time",
	       (long long)run->opt[OPT_ITEMS], (long long)count, span_secs(t));
}

/* --- pingpong
 * ----------------------------------------------------------------------------------------------------
 */

static void play(void *arg)
{
	struct member *m = arg;
	const bool serves = m->index == 0;
	uint8_t ball = 0;

	begin_member(m, serves ? "ping" : "pong");
	m->start_ns = now_ns();
	for (; m->items < m->run->opt[OPT_ROUNDS]; m->items++) {
		if (serves)
			write_full(m->out_fd, &ball, sizeof(ball));
		if (!read_full(m->in_fd, &ball, sizeof(ball)))
			die(0, "the other player left after %lld rounds", (long long)m->items);
		ball++;
		if (!serves)
			write_full(m->out_fd, &ball, sizeof(ball));
	}
	end_member(m);
	/* Each player adds one to the ball; ping has the last hit. */
	if (ball != (uint8_t)(2 * m->items - (serves ? 0 : 1)))
		die(0, "the ball has been hit another number of times than played");
}

static void run_pingpong(struct wl_run *run)
{
	struct truth *t = &run->truth;
	struct member *players = make_members(run, 2);
	bool one_cpu = run->opt[OPT_CPUS] == 1;
	double rounds;
	int there[2], back[2];

	need_cpus(run, run->opt[OPT_CPUS], "ask for --cpus 1");
	/* From one idle CPU to another a wake-up takes many times as long. */
	if (!run->opt[OPT_ROUNDS])
		run->opt[OPT_ROUNDS] = one_cpu ? 250000 : 25000;
	rounds = (double)run->opt[OPT_ROUNDS];
	make_pipe(&there[0], &there[1]);
	make_pipe(&back[0], &back[1]);
	players[0].in_fd = back[0];
	players[0].out_fd = there[1];
	players[1].in_fd = there[0];
	players[1].out_fd = back[1];
	for (int i = 0; i < 2; i++) {
		players[i].cpu = run->cpus[one_cpu ? 0 : i];
		start_child(play, &players[i]);
	}
	for (int i = 0; i < 2; i++) {
		close_fd(there[i]);
		close_fd(back[i]);
	}
	wait_children();
	set_span(t, players, 2);

	if (one_cpu) {
		/* Between the write that wakes and the read that blocks both want the CPU; else
		 * only one does. */
		truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW, TRUTH_NO_MIN, 0.01);
		truth_expect(t, TRUTH_SPAN, "parallelism.average", NULL, 0.95, 1.01);
		truth_expect(t, TRUTH_SPAN, "concurrency.average", NULL, 0.99, 2);
	} else {
		truth_expect(t, TRUTH_SPAN, "parallelism.average", NULL, TRUTH_NO_MIN, 1.6);
	}
	for (int i = 0; i < 2; i++)
		truth_expect_of(
			t, TRUTH_RUN,
			truth_path(t, "threads[name=%s].switches.voluntary", i ? "pong" : "ping"),
			(double)players[i].switches, 0.97, 1.01);
	expect_processes(t, 3);
	/* The kernel's account has a task run from its wake on an idle CPU: with two CPUs it is the
	 * larger one. */
	truth_expect_own_cpu(t, one_cpu ? 0.96 : 0.3, 1.04);
	truth_fact(t, "rounds", rounds);
	truth_fact(t, "ping_voluntary_switches", (double)players[0].switches);
	truth_fact(t, "pong_voluntary_switches", (double)players[1].switches);
	wl_say(run, "%lld rounds over two pipes on %lld CPUs in %.2f s, %.2f us each",
	       (long long)run->opt[OPT_ROUNDS], (long long)run->opt[OPT_CPUS], span_secs(t),
	       span_secs(t) * 1e6 / rounds);
}

/* --- exec-tree
 * ---------------------------------------------------------------------------------------------------
 */

struct node {
	const struct wl_run *run;
	int64_t level; /* of the process to be */
};

/* Becomes another process of this program, one level further from the root. */
static void exec_node(void *arg)
{
	const struct node *node = arg;
	static const int passed[] = {OPT_DEPTH, OPT_FAN, OPT_WORK_US};
	static const char *const names[] = {"depth", "fan", "work-us"};
	char options[WL_COUNT(passed) + 1][40], path[PATH_MAX];
	char *argv[WL_COUNT(options) + 3] = {path, "exec-tree"};
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (size < 0)
		die(errno, "cannot tell where this program lies");
	path[size] = 0;
	for (size_t i = 0; i < WL_COUNT(passed); i++) {
		snprintf(options[i], sizeof(options[i]), "--%s=%lld", names[i],
			 (long long)node->run->opt[passed[i]]);
		argv[i + 2] = options[i];
	}
	snprintf(options[WL_COUNT(passed)], sizeof(options[0]), "--level=%lld",
		 (long long)node->level);
	argv[WL_COUNT(passed) + 2] = options[WL_COUNT(passed)];
	execv(path, argv);
	die(errno, "cannot execute %s", path);
}

static int64_t tree_size(int64_t depth, int64_t fan)
{
	int64_t at_level = 1, all = 1;

	for (int64_t level = 0; level < depth; level++) {
		at_level *= fan;
		all += at_level;
	}
	return all;
}

static void run_exec_tree(struct wl_run *run)
{
	const int64_t *opt = run->opt;
	struct truth *t = &run->truth;
	struct node next = {.run = run, .level = opt[OPT_LEVEL] + 1};
	int64_t count = tree_size(opt[OPT_DEPTH], opt[OPT_FAN]);
	bool is_leaf = opt[OPT_LEVEL] == opt[OPT_DEPTH];

	if (count > 20000)
		die(0, "a tree of %lld processes is too large; ask for less --depth or --fan",
		    (long long)count);
	if (!opt[OPT_LEVEL])
		name_thread("main");
	else if (is_leaf)
		name_thread("leaf");
	else
		name_thread(truth_path(t, "level-%lld", (long long)opt[OPT_LEVEL]));
	run->silent = opt[OPT_LEVEL] > 0;

	t->span_start_ns = now_ns();
	for (int64_t i = 0; i < opt[OPT_FAN] && !is_leaf; i++)
		start_child(exec_node, &next);
	if (opt[OPT_LEVEL])
		burn_cpu(opt[OPT_WORK_US] * WL_NS_PER_US);
	wait_children();
	t->span_end_ns = now_ns();
	if (run->silent)
		return;

	if (run->cpu_cnt > 1)
		t->verdict_class = "parallel";
	expect_processes(t, count);
	truth_expect_of(t, TRUTH_RUN, "threads[name=leaf].running_ns",
			(double)(count - tree_size(opt[OPT_DEPTH] - 1, opt[OPT_FAN])) *
				(double)opt[OPT_WORK_US] * WL_NS_PER_US,
			0.98, TRUTH_NO_MAX);
	if (run->cpu_cnt > 1)
		truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW, 0.75, 1);
	truth_expect_own_cpu(t, 0.95, 1.04);
	truth_fact(t, "leaf_work_ns", (double)opt[OPT_WORK_US] * WL_NS_PER_US);
	wl_say(run, "%lld processes in %lld levels under this one in %.2f s", (long long)count - 1,
	       (long long)opt[OPT_DEPTH], span_secs(t));
}

int main(int argc, char **argv)
{
	static const struct wl_option fanout[] = {
		{OPT_WORKERS, "workers", "N", 2, 1, 256, "processes, each on a CPU of its own"},
		{OPT_WORK_MS, "work-ms", "MS", 1500, 1, 600000, "CPU time of each"},
		{OPT_CHUNKS, "chunks", "N", 10, 1, 100000, "parts in which each sends its result"},
	};
	static const struct wl_option pipeline[] = {
		{OPT_STAGES, "stages", "N", 3, 3, 64, "processes; the middle one is slow"},
		{OPT_ITEMS, "items", "N", 120, 2, 1000000, "items that go through"},
		{OPT_SLOW_US, "slow-us", "US", 12000, 100, 1000000,
		 "CPU time of an item in the slow stage"},
		{OPT_FAST_US, "fast-us", "US", 1500, 10, 1000000,
		 "CPU time of an item in each other stage"},
	};
	static const struct wl_option pingpong[] = {
		{OPT_ROUNDS, "rounds", "N", 250000, 1, 1000000000, "times there and back"},
		{OPT_CPUS, "cpus", "N", 1, 1, 2, "one CPU for both players, or one for each"},
	};
	static const struct wl_option exec_tree[] = {
		{OPT_DEPTH, "depth", "N", 3, 1, 8, "levels under the first process"},
		{OPT_FAN, "fan", "N", 7, 1, 64, "children of each process above the last level"},
		{OPT_WORK_US, "work-us", "US", 5000, 1, 1000000, "CPU time of each process"},
		{OPT_LEVEL, "level", "N", 0, 0, 8, NULL},
	};
#define MODE(name, help, run, options)                                                             \
	{                                                                                          \
		name, help, run, options, WL_COUNT(options)                                        \
	}
	static const struct wl_mode modes[] = {
		MODE("fanout", "split work side by side, results back over a pipe", run_fanout,
		     fanout),
		MODE("pipeline", "stages linked by pipes, one of them slow", run_pipeline,
		     pipeline),
		MODE("pingpong", "two processes taking turns over two pipes", run_pingpong,
		     pingpong),
		MODE("exec-tree", "many short processes that fork and execute", run_exec_tree,
		     exec_tree),
	};
	static const struct wl_program program = {
		"processes",
		"processes whose concurrency and parallelism are known",
		NULL,
		modes,
		WL_COUNT(modes),
	};

	return wl_main(argc, argv, &program);
}
