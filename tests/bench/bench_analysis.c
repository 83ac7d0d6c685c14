// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bench_analysis.c - what a context switch costs in analysis__feed, decoding left out.
 *
 * Owns:     three synthetic streams. A block of each is built once and fed again and again with its
 *           times moved on, so that what is measured is the analysis and not memory.
 *
 *   pingpong   two tasks take turns on one CPU over a pipe: a wake-up for each switch
 *   twocpus    the same, each on a CPU of its own: two switches for each wake-up
 *   manytasks  500 tasks under 40 names on 8 CPUs; blocked, preempted, woken, affinity known
 *
 * usage: bench_analysis [BLOCKS [STREAM]]
 *
 * With a stream it is fed once and nothing is printed but its switches: for counting instructions
 * (counters.py). Else it prints ns per switch (its share of wake-ups included), best and median of
 * several rounds, which depend on the machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../analysis/analysis.h"

#define BLOCK	   4096u
#define ROUNDS	   9
#define SWITCH_GAP 1500u /* ns between events */

struct stream {
	const char *name;
	uint32_t cpu_cnt, task_cnt, name_cnt;
	struct cpt_event ev[BLOCK];
	uint32_t cnt, switches;
	uint64_t span_ns;
};

static const struct cpt_wait pipe_wait = {
	.sysno = 0, .prev_state = 1, .object = CPT_FD_PIPE, .arg0 = 3};
static const struct cpt_wait sleep_wait = {.sysno = 230, .prev_state = 1};
static const struct cpt_wait mutex_wait = {
	.sysno = 202, .prev_state = 1, .object = CPT_FUTEX_MUTEX, .arg1 = 128 | 2ull << 32};

static uint64_t cpu_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static void add_wake(struct stream *s, uint64_t ts_ns, uint32_t cpu, uint32_t task, uint32_t waker)
{
	s->ev[s->cnt++] = (struct cpt_event){
		.type = CPT_EV_WAKE, .ts_ns = ts_ns, .cpu = cpu, .task = task, .other = waker};
}

static void add_switch(struct stream *s, uint64_t ts_ns, uint32_t cpu, uint32_t prev, uint32_t next,
		       const struct cpt_wait *wait)
{
	s->ev[s->cnt++] = (struct cpt_event){
		.type = CPT_EV_SWITCH,
		.ts_ns = ts_ns,
		.cpu = cpu,
		.task = prev,
		.other = next,
		.flags = (uint16_t)(wait ? CPT_SW_PREV_BLOCKED : 0),
		.wait = wait,
		.end = CPT_END_TASK,
		.end_waker = next ? next : 1,
	};
	s->switches++;
}

static void build_pingpong(struct stream *s)
{
	uint64_t ts = SWITCH_GAP;

	s->cpu_cnt = 1;
	s->task_cnt = 2;
	s->name_cnt = 2;
	while (s->cnt + 4 <= BLOCK) {
		add_wake(s, ts, 0, 2, 1);
		add_switch(s, ts += SWITCH_GAP, 0, 1, 2, &pipe_wait);
		add_wake(s, ts += SWITCH_GAP, 0, 1, 2);
		add_switch(s, ts += SWITCH_GAP, 0, 2, 1, &pipe_wait);
		ts += SWITCH_GAP;
	}
	s->span_ns = ts;
}

static void build_twocpus(struct stream *s)
{
	uint64_t ts = SWITCH_GAP;

	s->cpu_cnt = 2;
	s->task_cnt = 2;
	s->name_cnt = 2;
	while (s->cnt + 6 <= BLOCK) {
		add_wake(s, ts, 1, 2, 1);
		add_switch(s, ts += SWITCH_GAP, 1, 0, 2, NULL);
		add_switch(s, ts += SWITCH_GAP, 0, 1, 0, &pipe_wait);
		add_wake(s, ts += SWITCH_GAP, 0, 1, 2);
		add_switch(s, ts += SWITCH_GAP, 0, 0, 1, NULL);
		add_switch(s, ts += SWITCH_GAP, 1, 2, 0, &pipe_wait);
		ts += SWITCH_GAP;
	}
	s->span_ns = ts;
}

/* Each CPU runs its share of the tasks in turn: one in four switches is a preemption, the others
 * block for one of three reasons and are woken shortly before their next turn. The block ends as it
 * begins, so that it can be fed again. */
static void build_manytasks(struct stream *s)
{
	const uint32_t cpus = 8, share = 62;
	const struct cpt_wait *waits[] = {NULL, &pipe_wait, &sleep_wait, &mutex_wait};
	uint64_t ts = SWITCH_GAP;

	s->cpu_cnt = cpus;
	s->task_cnt = cpus * share;
	s->name_cnt = 40;
	for (uint32_t turn = 0; turn < 4 * share; turn++) {
		for (uint32_t cpu = 0; cpu < cpus; cpu++) {
			uint32_t prev = 1 + cpu + cpus * (turn % share);
			uint32_t next = 1 + cpu + cpus * ((turn + 1) % share);

			add_wake(s, ts += SWITCH_GAP, cpu, next, prev);
			add_switch(s, ts += SWITCH_GAP, cpu, prev, next, waits[(turn + cpu) % 4]);
		}
	}
	s->span_ns = ts + SWITCH_GAP;
}

static struct cpt_analysis *start(const struct stream *s, struct cpt_trace_meta *meta)
{
	static char *argv[] = {(char *)"bench", NULL};
	static const uint64_t mask[1] = {0xff};
	static struct cpt_cpu_info cpus[8];
	const struct cpt_analysis_opts opts = {0};
	struct cpt_analysis *a;

	for (uint32_t i = 0; i < 8; i++)
		cpus[i] = (struct cpt_cpu_info){.cpu = i, .online = 1, .core = (int32_t)i};
	*meta = (struct cpt_trace_meta){.machine = "x86_64",
					.argv = argv,
					.cpu_cnt = s->cpu_cnt,
					.cpu_info_cnt = s->cpu_cnt,
					.cpus = cpus};
	a = analysis__new(meta, &opts);
	if (!a)
		return NULL;
	for (uint32_t id = 1; id <= s->task_cnt; id++) {
		char comm[16];
		struct cpt_info info = {.tid = 1000 + id, .tgid = 1001, .ns_tid = 1000 + id};
		struct cpt_event ev = {.type = CPT_EV_NEW, .ts_ns = 1, .task = id, .info = &info};

		snprintf(comm, sizeof(comm), "w%u", id % s->name_cnt);
		info.comm = comm;
		info.mask = (struct cpt_mask){.nr_cpus_allowed = 8, .word_cnt = 1, .bits = mask};
		info.flags = id > 1 ? CPT_TASK_THREAD : 0;
		ev.other = id > 1;
		if (analysis__feed(a, &ev, 1))
			return NULL;
		ev.type = CPT_EV_EXEC;
		info.filename = "bench";
		if (id == 1 && analysis__feed(a, &ev, 1))
			return NULL;
	}
	return a;
}

/* CPU ns for `blocks` feeds of the stream, or 0 on failure. */
static uint64_t round_ns(struct stream *s, uint32_t blocks)
{
	struct cpt_trace_meta meta;
	struct cpt_analysis *a = start(s, &meta);
	uint64_t from, spent;

	if (!a)
		return 0;
	from = cpu_now_ns();
	for (uint32_t b = 0; b < blocks; b++) {
		if (analysis__feed(a, s->ev, s->cnt))
			return 0;
		for (uint32_t i = 0; i < s->cnt; i++)
			s->ev[i].ts_ns += s->span_ns;
	}
	spent = cpu_now_ns() - from;
	for (uint32_t i = 0; i < s->cnt; i++)
		s->ev[i].ts_ns -= blocks * s->span_ns;
	report__free(analysis__finish(a, NULL, NULL, blocks * s->span_ns));
	return spent;
}

static int compare_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int refused(const struct stream *s)
{
	fprintf(stderr, "bench_analysis: %s: the analysis refused it\n", s->name);
	return 1;
}

static int time_stream(struct stream *s, uint32_t blocks)
{
	const double per = 1.0 / ((double)s->switches * blocks);
	uint64_t ns[ROUNDS];

	for (int r = 0; r < ROUNDS; r++) {
		ns[r] = round_ns(s, blocks);
		if (!ns[r])
			return refused(s);
	}
	qsort(ns, ROUNDS, sizeof(*ns), compare_u64);
	printf("%-10s %6.1f ns per switch (median %.1f), %.2f wake-ups each\n", s->name,
	       (double)ns[0] * per, (double)ns[ROUNDS / 2] * per,
	       (double)(s->cnt - s->switches) / s->switches);
	return 0;
}

int main(int argc, char **argv)
{
	static struct stream streams[3];
	uint32_t blocks = argc > 1 ? (uint32_t)atoi(argv[1]) : 300;
	int err = 0;

	streams[0].name = "pingpong";
	streams[1].name = "twocpus";
	streams[2].name = "manytasks";
	build_pingpong(&streams[0]);
	build_twocpus(&streams[1]);
	build_manytasks(&streams[2]);
	for (int i = 0; i < 3 && !err; i++) {
		struct stream *s = &streams[i];

		if (argc < 3) {
			err = time_stream(s, blocks);
		} else if (!strcmp(argv[2], s->name)) {
			printf("%llu\n", (unsigned long long)s->switches * blocks);
			return round_ns(s, blocks) ? 0 : refused(s);
		}
	}
	return argc < 3 ? err : 2;
}
