// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * page_trace.c - a trace for the page to show: as busy and as uneven as asked for, with names that would
 * break a page that took them for anything but text.
 *
 * CPUs serve the tasks in turn for times of no pattern; who leaves a CPU is blocked for one of several
 * reasons or preempted. CPUs without a task idle, or others have them: told by the next switch, or by a record
 * of its own. Records of a CPU go missing so many times, and phases are marked. The same arguments give the same trace.
 *
 * usage: page_trace FILE TASKS SWITCHES CPUS [LOSSES [MARKS]]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../analysis/trace_writer.h"
#include "../properties/rng.h"
#include "../support/hostile_names.h"

#define CPUS_MAX 16u
#define BATCH	 1024u

struct page {
	struct trace_writer *w;
	struct rng rng;
	struct cpt_event ev[BATCH];
	size_t cnt;
	uint64_t now_ns;
	int err;
	uint32_t cpus;
	struct {
		uint32_t task;	 /* 0 none */
		uint64_t off_ns; /* none since then, */
		uint64_t
			changed_ns; /* and nothing of the workload has changed until then; 0: until now */
	} on[CPUS_MAX];
};

static const struct cpt_wait waits[] = {
	{.object = CPT_FD_PIPE, .arg0 = 3, .sysno = SYS_read},
	{.object = CPT_FD_SOCKET, .arg0 = 4, .sysno = SYS_read},
	{.sysno = SYS_nanosleep},
	{.sysno = SYS_futex, .arg0 = 0x1000, .arg1 = 2ull << 32 | 128},
};

static void flush(struct page *p)
{
	if (!p->err)
		p->err = trace_writer__events(p->w, p->ev, p->cnt);
	if (!p->err)
		p->err = trace_writer__tick(p->w, p->now_ns);
	p->cnt = 0;
}

static struct cpt_event *add(struct page *p, uint8_t type, uint32_t task)
{
	struct cpt_event *ev;

	if (p->cnt == BATCH)
		flush(p);
	ev = &p->ev[p->cnt++];
	p->now_ns += 200 + rng_below(&p->rng, 3000);
	*ev = (struct cpt_event){.type = type, .ts_ns = p->now_ns, .task = task};
	for (uint32_t cpu = 0; type != CPT_EV_OCCUPANCY && cpu < p->cpus; cpu++)
		if (!p->on[cpu].changed_ns)
			p->on[cpu].changed_ns = p->now_ns;
	return ev;
}

/* Before a switch to a task on a CPU that has none: what had it meanwhile. Flags of the switch. */
static uint16_t tell_idle(struct page *p, uint32_t cpu)
{
	const uint64_t since = p->on[cpu].off_ns, span = p->on[cpu].changed_ns - since;
	struct cpt_event *ev;

	if (rng_below(&p->rng, 3) == 0) {
		ev = add(p, CPT_EV_OCCUPANCY, 0);
		ev->cpu = cpu;
		ev->occ_kind = rng_below(&p->rng, 2) ? CPT_KIND_IDLE : CPT_KIND_OTHER;
		ev->occ_since_ns = since;
		ev->occ_other_ns = rng_below(&p->rng, (uint32_t)span + 1);
		ev->occ_idle_ns = span - ev->occ_other_ns;
		ev->occ_next = ev->occ_kind;
	}
	return rng_below(&p->rng, 4) ? CPT_SW_PREV_IDLE : 0;
}

static void add_tasks(struct page *p, uint32_t tasks, uint32_t cpus)
{
	for (uint32_t id = 1; id <= tasks; id++) {
		char comm[16];
		const uint64_t mask[1] = {(1ull << cpus) - 1};
		struct cpt_info info = {.tid = 1000 + id,
					.tgid = 1001,
					.ns_tid = 1000 + id,
					.flags = id > 1 ? CPT_TASK_THREAD : 0,
					.comm = comm,
					.filename = "page",
					.args = "page\0</title><script>alert(1)</script>",
					.args_sz =
						sizeof("page\0</title><script>alert(1)</script>"),
					.mask = {cpus, 1, mask}};
		struct cpt_event *ev = add(p, CPT_EV_NEW, id);

		if (id % 5 == 1)
			snprintf(comm, sizeof(comm), "%s",
				 hostile_names[id / 5 % HOSTILE_NAMES_CNT]);
		else
			snprintf(comm, sizeof(comm), "w%u", id % 40);
		ev->info = &info;
		ev->other = id > 1;
		if (id == 1)
			add(p, CPT_EV_EXEC, id)->info = &info;
		flush(p); /* the names are of this turn */
	}
}

static uint32_t pick_next(struct page *p, uint32_t last, uint32_t tasks)
{
	const uint32_t next =
		rng_below(&p->rng, 3) ? last % tasks + 1 : 1 + (uint32_t)rng_below(&p->rng, tasks);

	for (uint32_t cpu = 0; cpu < p->cpus; cpu++)
		if (p->on[cpu].task == next)
			return 0; /* the CPU goes idle */
	return next;
}

static void add_loss(struct page *p, uint32_t cpu)
{
	struct cpt_event *ev = add(p, CPT_EV_LOSS, 0);

	ev->cpu = cpu;
	ev->until_ns = p->now_ns + 200;
	ev->count = 1 + rng_below(&p->rng, 5);
	p->now_ns += 200;
	p->on[cpu].task = 0;
	p->on[cpu].off_ns = p->now_ns;
	p->on[cpu].changed_ns = p->now_ns;
}

static void add_switch(struct page *p, uint32_t cpu, uint32_t next, uint32_t tasks)
{
	const uint32_t prev = p->on[cpu].task;
	struct cpt_event *ev;
	uint16_t flags = 0;

	if (next) {
		ev = add(p, CPT_EV_WAKE, next);
		ev->other = prev;
		ev->cpu = cpu;
	}
	if (!prev && next)
		flags = tell_idle(p, cpu);
	ev = add(p, CPT_EV_SWITCH, prev);
	ev->cpu = cpu;
	ev->other = next;
	ev->flags = flags;
	if (prev && rng_below(&p->rng, 4)) {
		ev->flags = CPT_SW_PREV_BLOCKED;
		ev->wait = &waits[rng_below(&p->rng, sizeof(waits) / sizeof(waits[0]))];
		ev->end = rng_below(&p->rng, 2) ? CPT_END_TASK : CPT_END_FOREIGN;
		ev->end_waker = 1 + (uint32_t)rng_below(&p->rng, tasks);
	}
	p->on[cpu].task = next;
	if (!next) {
		p->on[cpu].off_ns = p->now_ns;
		p->on[cpu].changed_ns = 0;
	}
}

/* By the first task, or by one outside; every name comes again. */
static void add_mark(struct page *p, uint64_t i, uint64_t marks)
{
	const char *name = hostile_names[i % (marks / 2 + 1) % HOSTILE_NAMES_CNT];
	const struct cpt_event ev = {
		.type = CPT_EV_MARK,
		.ts_ns = p->now_ns,
		.task = i % 2,
		.other = 1001,
		.flags = (i % 2 ? 0 : CPT_MARK_OUTSIDE) | (*name ? 0 : CPT_MARK_UNREADABLE),
		.mark = name,
	};

	if (!p->err)
		p->err = trace_writer__side(p->w, &ev, 1);
}

static void add_switches(struct page *p, uint32_t tasks, uint64_t switches, uint64_t losses,
			 uint64_t marks)
{
	uint32_t last = 1;

	for (uint64_t i = 0; i < switches; i++) {
		const uint32_t cpu = (uint32_t)rng_below(&p->rng, p->cpus);
		const uint32_t next = pick_next(p, last, tasks);

		if (marks && i % (switches / marks) == switches / marks / 2)
			add_mark(p, i / (switches / marks), marks);
		last = next ? next : 1;
		if (losses && i % (switches / losses) == switches / losses / 2)
			add_loss(p, cpu);
		else if (p->on[cpu].task || next)
			add_switch(p, cpu, next, tasks);
	}
	flush(p);
}

static int make(int fd, uint32_t tasks, uint64_t switches, uint32_t cpus, uint64_t losses,
		uint64_t marks)
{
	static char *argv[] = {(char *)"page", (char *)"</title><script>alert(1)</script>", NULL};
	struct cpt_cpu_info info[CPUS_MAX] = {{0}};
	const struct cpt_trace_meta meta = {.machine = "x86_64",
					    .argv = argv,
					    .kernel = "6.0",
					    .hostname = "<i>host</i>",
					    .cpu_cnt = cpus,
					    .cpu_info_cnt = cpus,
					    .cpus = info};
	struct cpt_trace_close close_facts = {0};
	struct page *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -1;
	for (uint32_t cpu = 0; cpu < cpus; cpu++)
		info[cpu] = (struct cpt_cpu_info){.cpu = cpu, .online = 1, .core = (int)cpu};
	p->now_ns = 1000000;
	p->rng.state = 7;
	p->cpus = cpus;
	p->on[0].task = 1;
	for (uint32_t cpu = 1; cpu < cpus; cpu++)
		p->on[cpu].off_ns = p->now_ns;
	p->w = trace_writer__new(fd, &meta);
	if (!p->w) {
		free(p);
		return -1;
	}
	add_tasks(p, tasks, cpus);
	add_switches(p, tasks, switches, losses, marks);
	close_facts.end_mono_ns = p->now_ns;
	err = p->err ? p->err : trace_writer__close(p->w, &close_facts);
	trace_writer__free(p->w);
	free(p);
	return err;
}

int main(int argc, char **argv)
{
	const bool right = argc >= 5 && argc <= 7;
	uint32_t tasks = right ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
	uint64_t switches = right ? strtoull(argv[3], NULL, 10) : 0;
	uint32_t cpus = right ? (uint32_t)strtoul(argv[4], NULL, 10) : 0;
	uint64_t losses = argc >= 6 ? strtoull(argv[5], NULL, 10) : 0;
	uint64_t marks = argc == 7 ? strtoull(argv[6], NULL, 10) : 0;
	int fd;

	if (tasks < 4 || !switches || !cpus || cpus > CPUS_MAX || losses > switches ||
	    marks > switches) {
		fprintf(stderr, "usage: page_trace FILE TASKS SWITCHES CPUS [LOSSES [MARKS]] (at "
				"least 4 tasks)\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || make(fd, tasks, switches, cpus, losses, marks) || close(fd)) {
		fprintf(stderr, "page_trace: cannot write %s\n", argv[1]);
		return 1;
	}
	return 0;
}
