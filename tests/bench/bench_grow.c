// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bench_grow.c - a trace of as many tasks and switches as asked for, to see how its cost grows.
 *
 * Two CPUs serve the tasks in turn: each is woken, runs for a while and blocks on a pipe. Events are
 * written as they are made, as the recorder does it, so that the memory this takes is that of writing.
 *
 * With `late` how each wait ended is told when it ends, as the recorder does it for waits that are longer than
 * what it holds back: where there are more tasks than switches in a block, nearly all of them.
 *
 * usage: bench_grow FILE TASKS SWITCHES [late]
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../analysis/trace_writer.h"

#define CPUS   2u
#define BATCH  1024u
#define GAP_NS 1500u

struct grow {
	struct trace_writer *w;
	struct cpt_event ev[BATCH];
	size_t cnt;
	uint64_t now_ns;
	uint64_t *
		out_ns; /* by task: when it blocked, its end is to be told; NULL: ends are told at once */
	int err;
};

static const struct cpt_wait pipe_wait = {.object = CPT_FD_PIPE, .arg0 = 3};

static void flush(struct grow *g)
{
	if (!g->err)
		g->err = trace_writer__events(g->w, g->ev, g->cnt);
	if (!g->err)
		g->err = trace_writer__tick(g->w, g->now_ns);
	g->cnt = 0;
}

static struct cpt_event *add(struct grow *g, uint8_t type, uint32_t task)
{
	struct cpt_event *ev;

	if (g->cnt == BATCH)
		flush(g);
	ev = &g->ev[g->cnt++];
	g->now_ns += GAP_NS + g->cnt % 7;
	*ev = (struct cpt_event){.type = type, .ts_ns = g->now_ns, .task = task};
	return ev;
}

static void add_tasks(struct grow *g, uint32_t tasks)
{
	for (uint32_t id = 1; id <= tasks; id++) {
		char comm[16];
		const uint64_t mask[1] = {3};
		struct cpt_info info = {.tid = 1000 + id,
					.tgid = 1001,
					.ns_tid = 1000 + id,
					.flags = id > 1 ? CPT_TASK_THREAD : 0,
					.comm = comm,
					.filename = "grow",
					.args = "grow",
					.args_sz = sizeof("grow"),
					.mask = {CPUS, 1, mask}};
		struct cpt_event *ev = add(g, CPT_EV_NEW, id);

		snprintf(comm, sizeof(comm), "w%u", id % 40);
		ev->info = &info;
		ev->other = id > 1;
		if (id == 1)
			add(g, CPT_EV_EXEC, id)->info = &info;
		flush(g); /* the names are of this turn */
	}
}

/* task, which has blocked, is woken. */
static void end_wait(struct grow *g, uint32_t task, uint32_t waker)
{
	const struct cpt_late late = {.ts_ns = g->out_ns[task],
				      .task = task,
				      .waker = waker,
				      .kind = CPT_LATE_END,
				      .end = CPT_END_TASK};

	if (late.ts_ns && !g->err)
		g->err = trace_writer__late(g->w, &late);
}

static void add_switches(struct grow *g, uint32_t tasks, uint64_t switches)
{
	uint32_t on[CPUS] = {1, 0}, next = 1;

	for (uint64_t i = 0; i < switches; i++) {
		const uint32_t cpu = i % CPUS;
		struct cpt_event *ev;

		do
			next = next % tasks + 1;
		while (next == on[0] || next == on[1]);
		if (g->out_ns)
			end_wait(g, next, on[cpu]);
		ev = add(g, CPT_EV_WAKE, next);
		ev->other = on[cpu];
		ev->cpu = cpu;
		ev = add(g, CPT_EV_SWITCH, on[cpu]);
		ev->cpu = cpu;
		ev->other = next;
		if (on[cpu]) {
			ev->flags = CPT_SW_PREV_BLOCKED;
			ev->wait = &pipe_wait;
			ev->end = g->out_ns ? CPT_END_OPEN : CPT_END_TASK;
			ev->end_waker = g->out_ns ? 0 : on[1 - cpu] ? on[1 - cpu] : 1;
			if (g->out_ns)
				g->out_ns[on[cpu]] = ev->ts_ns;
		}
		on[cpu] = next;
	}
	flush(g);
}

static int make(int fd, uint32_t tasks, uint64_t switches, bool late)
{
	static char *argv[] = {(char *)"grow", NULL};
	const struct cpt_cpu_info cpus[CPUS] = {{.cpu = 0, .online = 1, .core = 0},
						{.cpu = 1, .online = 1, .core = 1}};
	const struct cpt_trace_meta meta = {.machine = "x86_64",
					    .argv = argv,
					    .cpu_cnt = CPUS,
					    .cpu_info_cnt = CPUS,
					    .cpus = (struct cpt_cpu_info *)cpus};
	struct cpt_trace_close close_facts = {0};
	struct grow *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return -1;
	g->now_ns = 1000000;
	if (late)
		g->out_ns = calloc(tasks + 1, sizeof(*g->out_ns));
	g->w = trace_writer__new(fd, &meta);
	if (!g->w || (late && !g->out_ns)) {
		free(g->out_ns);
		free(g);
		return -1;
	}
	add_tasks(g, tasks);
	add_switches(g, tasks, switches);
	close_facts.end_mono_ns = g->now_ns;
	err = g->err ? g->err : trace_writer__close(g->w, &close_facts);
	trace_writer__free(g->w);
	free(g->out_ns);
	free(g);
	return err;
}

int main(int argc, char **argv)
{
	bool late = argc == 5 && !strcmp(argv[4], "late"), good = argc == 4 || late;
	uint32_t tasks = good ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
	uint64_t switches = good ? strtoull(argv[3], NULL, 10) : 0;
	int fd;

	if (tasks < 4 || !switches) {
		fprintf(stderr, "usage: bench_grow FILE TASKS SWITCHES (at least 4 tasks)\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || make(fd, tasks, switches, late) || close(fd)) {
		fprintf(stderr, "bench_grow: cannot write %s\n", argv[1]);
		return 1;
	}
	return 0;
}
