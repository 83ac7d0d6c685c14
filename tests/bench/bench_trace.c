// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bench_trace.c - what a context switch costs between ring and file: time to merge, time to encode
 * and compress, bytes on disk, time to read back. Synthetic records, so that it runs anywhere:
 *
 *   pipe     two tasks on one CPU wake each other                    (perf bench sched pipe, pinned)
 *   hack     400 tasks in groups of 40, random partners, 2 CPUs      (hackbench)
 *   loop     64 connections, an event loop and a client on two CPUs  (epoll echo)
 *   locks    8 threads, condition variable whose word counts up      (an interpreter lock)
 *
 * usage: bench_trace [SWITCHES [STREAM STAGE]]
 *
 * With a stage (fill, merge, write, read) one stream goes so far, each including those before it,
 * and nothing is timed: for counting instructions (counters.py).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../analysis/trace_reader.h"
#include "../../analysis/trace_writer.h"
#include "../properties/rng.h"

#define CPUS	  2
#define TASKS_MAX 512
#define DRAIN_NS  50000000u
#define HOLD_NS	  100000000u

struct task {
	uint64_t wake_ts_ns;
	uint32_t waker, cpu;
	uint8_t ctx;
	uint8_t state; /* 0 blocked, 1 woken, 2 running, 3 preempted */
	uint16_t waker_sysno;
	uint32_t calls;
};

struct sim {
	struct rng rng;
	struct task tasks[TASKS_MAX];
	uint32_t cur[CPUS];
	uint64_t now_ns[CPUS];
	uint32_t seq[CPUS];
	uint32_t queue[CPUS][TASKS_MAX + 1];
	uint32_t q_head[CPUS], q_tail[CPUS];
	struct cpt_rec_switch *recs[CPUS];
	size_t cnt[CPUS], cap;
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* A span around mid with the scatter that measured spans have. */
static uint64_t span(struct sim *s, uint32_t mid)
{
	uint64_t v =
		mid * 3 / 4 + rng_below(&s->rng, mid / 4 + 1) + rng_below(&s->rng, mid / 4 + 1);

	if (rng_percent(&s->rng, 3))
		v += rng_below(&s->rng, mid * 8);
	return v + 1;
}

static void enqueue(struct sim *s, uint32_t cpu, uint32_t task)
{
	s->queue[cpu][s->q_tail[cpu]++ % (TASKS_MAX + 1)] = task;
}

static uint32_t dequeue(struct sim *s, uint32_t cpu)
{
	if (s->q_head[cpu] == s->q_tail[cpu])
		return 0;
	return s->queue[cpu][s->q_head[cpu]++ % (TASKS_MAX + 1)];
}

static void wake(struct sim *s, uint32_t task, uint32_t waker, uint8_t ctx, uint32_t cpu,
		 uint64_t ts_ns)
{
	struct task *t = &s->tasks[task];

	if (t->state)
		return;
	t->state = 1;
	t->waker = waker;
	t->ctx = ctx;
	t->cpu = cpu;
	t->wake_ts_ns = ts_ns;
	t->waker_sysno = ctx ? CPT_SYSNO_NONE : SYS_write;
	enqueue(s, cpu, task);
}

/* The current task of cpu leaves; wait NULL: preempted. */
static void switch_cpu(struct sim *s, uint32_t cpu, const struct cpt_wait *wait)
{
	const uint32_t prev = s->cur[cpu];
	struct cpt_rec_switch *r = &s->recs[cpu][s->cnt[cpu]++];
	uint32_t next;

	if (!wait && prev) {
		s->tasks[prev].state = 3;
		enqueue(s, cpu, prev);
	}
	next = dequeue(s, cpu);
	*r = (struct cpt_rec_switch){.type = CPT_REC_SWITCH,
				     .seq = s->seq[cpu]++,
				     .ts_ns = s->now_ns[cpu],
				     .prev = prev,
				     .next = next,
				     .sysno = CPT_SYSNO_NONE};
	if (!prev)
		r->flags |= CPT_SW_PREV_IDLE;
	if (!next)
		r->flags |= CPT_SW_NEXT_IDLE;
	if (wait && prev) {
		s->tasks[prev].state = 0;
		r->flags |= CPT_SW_PREV_BLOCKED;
		r->sysno = wait->sysno;
		r->prev_state = 1;
		r->object = wait->object;
		r->arg0 = wait->arg0;
		r->arg1 = wait->arg1;
		r->arg2 = wait->arg2;
	}
	if (next && s->tasks[next].state == 1) {
		r->flags |= CPT_SW_NEXT_WOKEN;
		r->wake_ts_ns = s->tasks[next].wake_ts_ns;
		r->waker = s->tasks[next].waker;
		r->wake_ctx = s->tasks[next].ctx;
		r->waker_sysno = s->tasks[next].waker_sysno;
	}
	if (next)
		s->tasks[next].state = 2;
	s->cur[cpu] = next;
}

static const struct cpt_wait *fd_wait(uint16_t sysno, uint64_t fd, uint64_t buf, uint8_t kind)
{
	static struct cpt_wait w;

	w = (struct cpt_wait){.sysno = sysno, .object = kind, .arg0 = fd, .arg1 = buf, .arg2 = 512};
	return &w;
}

static void step_pipe(struct sim *s)
{
	const uint32_t me = s->cur[0] ? s->cur[0] : 1, other = 3 - me;

	s->now_ns[0] += span(s, 400);
	wake(s, other, me, CPT_CTX_TASK, 0, s->now_ns[0]);
	s->now_ns[0] += span(s, 500);
	switch_cpu(s, 0, fd_wait(SYS_read, 3 + me, 0x7ffc00001000 + me * 64, CPT_FD_PIPE));
}

static uint32_t slower_cpu(const struct sim *s)
{
	return s->now_ns[0] <= s->now_ns[1] ? 0 : 1;
}

static void step_hack(struct sim *s)
{
	const uint32_t cpu = slower_cpu(s), me = s->cur[cpu];
	const uint32_t group = me ? (me - 1) / 40 : rng_below(&s->rng, 10);
	const uint32_t other = 1 + group * 40 + rng_below(&s->rng, 40);
	const uint32_t kind = rng_below(&s->rng, 10);

	s->now_ns[cpu] += span(s, 3000);
	if (me && kind < 9)
		wake(s, other, me, CPT_CTX_TASK, rng_percent(&s->rng, 70) ? cpu : 1 - cpu,
		     s->now_ns[cpu]);
	else
		wake(s, other, me, CPT_CTX_HARDIRQ, cpu, s->now_ns[cpu]);
	s->now_ns[cpu] += span(s, 4000);
	if (kind < 2)
		switch_cpu(s, cpu, NULL);
	else if (me || s->q_head[cpu] != s->q_tail[cpu])
		switch_cpu(s, cpu,
			   fd_wait(kind & 1 ? SYS_read : SYS_write,
				   3 + (kind < 5 ? me % 40 : other % 40), 0x7ffc00001000,
				   CPT_FD_SOCKET));
}

static void step_loop(struct sim *s)
{
	const uint32_t cpu = slower_cpu(s), me = s->cur[cpu];

	s->now_ns[cpu] += span(s, 2000);
	if (!me) {
		wake(s, 1 + cpu, s->cur[1 - cpu], CPT_CTX_SOFTIRQ, cpu, s->now_ns[cpu]);
		s->now_ns[cpu] += span(s, 1200);
		switch_cpu(s, cpu, NULL);
		return;
	}
	if (rng_percent(&s->rng, 60))
		wake(s, 2 - cpu, me, CPT_CTX_SOFTIRQ_SEND, 1 - cpu, s->now_ns[cpu]);
	s->now_ns[cpu] += span(s, 3000);
	switch_cpu(s, cpu, fd_wait(SYS_epoll_wait, 5, 0x55550000, CPT_FD_EPOLL));
}

static void step_locks(struct sim *s)
{
	const uint32_t cpu = slower_cpu(s), me = s->cur[cpu];
	const uint32_t other = 1 + rng_below(&s->rng, 8);
	struct cpt_wait w = {
		.sysno = SYS_futex, .object = CPT_FUTEX_PLAIN, .arg0 = 0x7f1200000428, .arg1 = 137};

	s->now_ns[cpu] += span(s, 20000);
	wake(s, other, me, me ? CPT_CTX_TASK : CPT_CTX_HARDIRQ, cpu, s->now_ns[cpu]);
	s->now_ns[cpu] += span(s, 2500);
	if (!me && s->q_head[cpu] == s->q_tail[cpu])
		return;
	w.arg1 |= (uint64_t)(2 * s->tasks[0].calls++) << 32;
	switch_cpu(s, cpu, &w);
}

static const struct {
	const char *name;
	void (*step)(struct sim *s);
} streams[] = {
	{"pipe", step_pipe},
	{"hack", step_hack},
	{"loop", step_loop},
	{"locks", step_locks},
};

/* ---- measuring -------------------------------------------------------------------------------- */

static int discard_events(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	*(uint64_t *)ctx += cnt;
	return 0;
}

static int discard_late(void *ctx, const struct cpt_late *late)
{
	return 0;
}

/* As the collector does it: a drain each DRAIN_NS, records of the last HOLD_NS held back. */
static int drain_all(struct sim *s, struct cpt_merge *m, struct trace_writer *w)
{
	const uint64_t end_ns = s->now_ns[0] > s->now_ns[1] ? s->now_ns[0] : s->now_ns[1];
	size_t pos[CPUS] = {0};
	int err = 0;

	for (uint64_t now = 0; now < end_ns + DRAIN_NS && !err; now += DRAIN_NS) {
		for (uint32_t cpu = 0; cpu < CPUS && !err; cpu++) {
			size_t to = pos[cpu];

			while (to < s->cnt[cpu] && s->recs[cpu][to].ts_ns < now)
				to++;
			err = merge__add_ring(m, cpu, s->recs[cpu] + pos[cpu], to - pos[cpu]);
			pos[cpu] = to;
		}
		merge__complete(m, now);
		if (!err && now > HOLD_NS)
			err = merge__advance(m, now - HOLD_NS);
		if (!err && w)
			err = trace_writer__tick(w, now);
	}
	return err ? err : merge__finish(m);
}

static double merge_only(struct sim *s)
{
	uint64_t cnt = 0;
	const struct cpt_merge_sink sink = {
		.events = discard_events, .late = discard_late, .ctx = &cnt};
	struct cpt_merge *m = merge__new(CPUS, &sink);
	const uint64_t start = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	if (!m || drain_all(s, m, NULL))
		return -1;
	merge__free(m);
	return (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start);
}

static double merge_and_write(struct sim *s, int fd)
{
	const struct cpt_trace_meta meta = {.cpu_cnt = CPUS};
	const struct cpt_trace_close close_facts = {0};
	struct trace_writer *w = trace_writer__new(fd, &meta);
	struct cpt_merge_sink sink;
	struct cpt_merge *m;
	uint64_t start;

	if (!w)
		return -1;
	sink = trace_writer__sink(w);
	m = merge__new(CPUS, &sink);
	start = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (!m || drain_all(s, m, w) || trace_writer__close(w, &close_facts))
		return -1;
	merge__free(m);
	trace_writer__free(w);
	return (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start);
}

static double read_back(int fd, uint64_t *switches)
{
	char err[CPT_TRACE_ERR_LEN];
	const uint64_t start = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	struct trace_reader *r = trace_reader__open(fd, err);
	const struct cpt_event *ev;
	size_t cnt;

	if (!r)
		return -1;
	while (trace_reader__next(r, &ev, &cnt) > 0)
		for (size_t i = 0; i < cnt; i++)
			*switches += ev[i].type == CPT_EV_SWITCH;
	if (trace_reader__incomplete(r))
		return -1;
	trace_reader__free(r);
	return (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start);
}

/* Records of `switches` switches of one stream. 0, or 1 without memory. */
static int fill(struct sim *s, size_t stream, size_t switches)
{
	memset(s, 0, sizeof(*s));
	s->rng.state = 42;
	s->cap = switches + 1;
	for (int i = 0; i < CPUS; i++) {
		s->recs[i] = malloc(s->cap * sizeof(*s->recs[i]));
		s->now_ns[i] = 1000000;
		if (!s->recs[i])
			return 1;
	}
	while (s->cnt[0] + s->cnt[1] < switches)
		streams[stream].step(s);
	return 0;
}

static void clear(struct sim *s)
{
	for (int i = 0; i < CPUS; i++)
		free(s->recs[i]);
}

static int run(size_t stream, size_t switches)
{
	static struct sim s;
	const int fd = memfd_create("bench", MFD_CLOEXEC);
	double merge_ns, write_ns, read_ns;
	uint64_t read_cnt = 0;

	if (fill(&s, stream, switches))
		return 1;
	merge_ns = merge_only(&s);
	write_ns = merge_and_write(&s, fd);
	read_ns = read_back(fd, &read_cnt);
	clear(&s);
	if (merge_ns < 0 || write_ns < 0 || read_ns < 0 || read_cnt != switches) {
		fprintf(stderr, "bench_trace: %s failed\n", streams[stream].name);
		return 1;
	}
	printf("%-6s merge %5.1f ns  merge+write %5.1f ns  %5.2f bytes  read %5.1f M switches/s\n",
	       streams[stream].name, merge_ns / (double)switches, write_ns / (double)switches,
	       (double)lseek(fd, 0, SEEK_END) / (double)switches, (double)switches * 1e3 / read_ns);
	close(fd);
	return 0;
}

static int run_stage(size_t stream, size_t switches, const char *stage)
{
	static struct sim s;
	const int fd = memfd_create("bench", MFD_CLOEXEC);
	uint64_t read_cnt = 0;
	bool ok = !fill(&s, stream, switches);

	if (ok && !strcmp(stage, "merge"))
		ok = merge_only(&s) >= 0;
	else if (ok && !strcmp(stage, "write"))
		ok = merge_and_write(&s, fd) >= 0;
	else if (ok && !strcmp(stage, "read"))
		ok = merge_and_write(&s, fd) >= 0 && read_back(fd, &read_cnt) >= 0 &&
		     read_cnt == switches;
	else
		ok = ok && !strcmp(stage, "fill");
	clear(&s);
	close(fd);
	if (!ok)
		fprintf(stderr, "bench_trace: %s, stage %s failed\n", streams[stream].name, stage);
	return !ok;
}

int main(int argc, char **argv)
{
	const size_t switches = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	const size_t cnt = sizeof(streams) / sizeof(streams[0]);
	int err = 0;

	if (argc == 3 || argc > 4) {
		fprintf(stderr, "usage: bench_trace [SWITCHES [STREAM STAGE]]\n");
		return 2;
	}
	for (size_t i = 0; i < cnt; i++)
		if (argc < 4)
			err |= run(i, switches);
		else if (!strcmp(argv[2], streams[i].name))
			return run_stage(i, switches, argv[3]);
	if (argc == 4) {
		fprintf(stderr, "bench_trace: no stream '%s'\n", argv[2]);
		return 2;
	}
	return err;
}
