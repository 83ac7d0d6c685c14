// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * program.c - bytes as steps of a trace that is well formed and makes no sense: tasks on two CPUs, births
 * after deaths, leaps in time, names that do harm.
 *
 *      head     how the trace begins and ends (struct head)
 *      step     operation, time since the step before, then what the operation takes
 *
 * Bytes that are missing are 0, so that every sequence of them is a program.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../analysis/latencies.h"
#include "../../analysis/stacks.h"
#include "../../analysis/trace_loops.h"
#include "../../analysis/trace_marks.h"
#include "../../analysis/trace_side.h"
#include "../../analysis/trace_writer.h"
#include "../../analysis/varint.h"
#include "../../analysis/words.h"
#include "../support/hostile_names.h"
#include "fuzz.h"

#define STEPS_MAX 4096
#define TIME_SUM  (CPT_TIME_MAX / 4)
#define CPUS_MAX  4

struct program {
	struct cursor in;
	struct cpt_trace_meta meta;
	struct cpt_trace_close close;
	struct cpt_cpu_info cpus[CPUS_MAX];
	char *argv[4];
	uint64_t now;
	uint32_t cnt;
	struct cpt_event ev[STEPS_MAX];
	struct cpt_wait waits[STEPS_MAX];
	struct cpt_info infos[STEPS_MAX];
	uint64_t masks[STEPS_MAX];
	uint32_t side_cnt;
	struct cpt_event side[STEPS_MAX];
	uint64_t side_ns[3]; /* of the last of samples, of loops, of marks */
	uint8_t ending;	     /* ENDING_* */
};

#define ENDING_CLOSED 0x1
#define ENDING_WORDS  0x2
#define ENDING_NAMES  0x4
#define ENDING_STACKS 0x8

/* ---- numbers ----------------------------------------------------------------------------------- */

static uint8_t byte(struct program *p)
{
	const uint8_t b = get_byte(&p->in);

	p->in.bad = false;
	return b;
}

/* Small numbers mostly, all magnitudes, and the ends of the range. */
static uint64_t number(struct program *p)
{
	const uint8_t b = byte(p);

	if (b < 160)
		return b;
	if (b < 224)
		return (1ull << (b - 160)) + byte(p);
	if (b == 255)
		return UINT64_MAX;
	return (uint64_t)byte(p) * 1000 + b;
}

static uint32_t task(struct program *p)
{
	const uint8_t b = byte(p);

	return b < 252 ? b % 24 : (b - 251u) * 16000u;
}

static const char *name(struct program *p)
{
	return hostile_names[byte(p) % HOSTILE_NAMES_CNT];
}

static uint64_t later(uint64_t from, uint64_t by)
{
	return by > TIME_SUM || from + by > 2 * TIME_SUM ? from : from + by;
}

/* ---- events ------------------------------------------------------------------------------------ */

static struct cpt_wait wait_of(struct program *p)
{
	/* read, poll, select, nanosleep, accept, wait4, flock, futex, epoll_wait, io_uring_enter; none */
	static const uint16_t calls[] = {0, 7, 23, 35, 43, 61, 73, 202, 232, 426, UINT16_MAX};
	const uint8_t b = byte(p);

	return (struct cpt_wait){
		.sysno = b < 200 ? calls[b % 11] : (uint16_t)number(p),
		.prev_state = (uint16_t)(1u << byte(p) % 16),
		.object = byte(p) % 24,
		.wait_flags = byte(p) % 4,
		.arg0 = number(p),
		.arg1 = number(p),
		.arg2 = (uint32_t)number(p),
	};
}

static void add_switch(struct program *p, struct cpt_event *ev)
{
	ev->type = CPT_EV_SWITCH;
	ev->flags = (uint16_t)(byte(p) | byte(p) << 8) & 0x3fff;
	ev->other = task(p);
	if (!(ev->flags & CPT_SW_PREV_BLOCKED))
		return;
	p->waits[p->cnt] = wait_of(p);
	ev->wait = &p->waits[p->cnt];
	ev->end = byte(p) % 4;
	ev->end_waker = ev->end == CPT_END_TASK ? task(p) : ev->end == CPT_END_FOREIGN ? 4242 : 0;
}

static void add_wake(struct program *p, struct cpt_event *ev)
{
	const uint8_t b = byte(p);

	ev->type = CPT_EV_WAKE;
	ev->task += !ev->task;
	ev->wake_ctx = b % 4;
	ev->flags = (b & 0x10 ? CPT_SW_WAKER_FOREIGN : 0) | (b & 0x20 ? CPT_SW_WAKE_ON_WORD : 0);
	ev->waker_sysno = b & 0x40 ? 202 : (uint16_t)number(p);
	ev->other = task(p);
}

static void add_life(struct program *p, struct cpt_event *ev, uint8_t type)
{
	static const char args[] = "one\0\033[2Jtwo\0</script>";
	struct cpt_info *info = &p->infos[p->cnt];

	ev->type = type;
	ev->task += !ev->task;
	ev->other = type == CPT_EV_NEW ? task(p) : 0;
	p->masks[p->cnt] = number(p);
	*info = (struct cpt_info){
		.tid = 1000 + (byte(p) < 250 ? ev->task : byte(p)),
		.tgid = 1000 + task(p),
		.ns_tid = (uint32_t)number(p),
		.flags = byte(p) % 32,
		.start_boottime_ns = number(p),
		.comm = name(p),
		.filename = name(p),
		.args = args,
		.args_sz = byte(p) % sizeof(args),
		.exit_code = (int32_t)number(p),
		.sum_exec_ns = number(p),
		.run_delay_ns = number(p),
		.nvcsw = number(p),
		.nivcsw = number(p),
		.mask = {.nr_cpus_allowed = byte(p),
			 .word_cnt = byte(p) % 2,
			 .bits = &p->masks[p->cnt]},
	};
	ev->info = info;
}

static void add_occupancy(struct program *p, struct cpt_event *ev)
{
	const uint8_t b = byte(p);
	const uint64_t back = number(p) % (p->now + 1);

	ev->type = CPT_EV_OCCUPANCY;
	ev->task = 0;
	ev->occ_kind = b & 1;
	ev->occ_next = b / 2 % 3;
	ev->occ_since_ns = ev->ts_ns - back;
	ev->occ_idle_ns = back ? number(p) % (back + 1) : 0;
	ev->occ_other_ns = back - ev->occ_idle_ns ? number(p) % (back - ev->occ_idle_ns + 1) : 0;
}

static void add_loss(struct program *p, struct cpt_event *ev)
{
	ev->type = CPT_EV_LOSS;
	ev->task = 0;
	ev->until_ns = later(ev->ts_ns, number(p));
	ev->count = number(p);
}

static void draw_loop(struct program *p, struct cpt_event *ev)
{
	static const uint16_t kinds[] = {CPT_LOOP_EV_OPS, CPT_LOOP_EV_OPS | CPT_LOOP_EV_OUT,
					 CPT_LOOP_EV_TIMERS, CPT_LOOP_EV_CONNS};

	ev->cpu = 0;
	ev->other = byte(p) % 16;
	if (ev->type == CPT_EV_LOOP_NEW) {
		ev->flags = byte(p) & 0x7f;
		ev->loop_fd = (uint32_t)number(p);
	} else if (ev->type == CPT_EV_LOOP) {
		ev->flags = kinds[byte(p) % 4];
		ev->level = (uint32_t)number(p);
		ev->peak = ev->level + byte(p);
		if (!(ev->flags & CPT_LOOP_EV_OPS))
			return;
		ev->iterations = byte(p);
		ev->opened = (uint32_t)number(p);
		ev->completed = (uint32_t)number(p);
		ev->cancelled = byte(p);
		ev->batch = byte(p);
	}
}

static void add_mark(struct program *p, struct cpt_event *ev)
{
	ev->type = CPT_EV_MARK;
	ev->cpu = 0;
	ev->other = (uint32_t)number(p);
	ev->mark = name(p);
	ev->flags = (ev->task ? 0 : CPT_MARK_OUTSIDE) | (*ev->mark ? 0 : CPT_MARK_UNREADABLE);
	if (!mark_side__valid(ev, p->side_ns[2], CPT_TASK_MAX))
		return;
	p->side_ns[2] = ev->ts_ns;
	p->side[p->side_cnt++] = *ev;
}

/* What stands beside the events; such as a section cannot hold are left out. */
static void add_side(struct program *p, struct cpt_event *ev)
{
	ev->type = CPT_EV_STACKS + byte(p) % 6;
	if (is_loop_event(ev->type)) {
		draw_loop(p, ev);
		if (ev->type == CPT_EV_LOOP_LOST)
			ev->other = 0;
		if (!loop_side__valid(ev, p->side_ns[1], CPT_TASK_MAX))
			return;
		p->side_ns[1] = ev->ts_ns;
	} else {
		ev->flags = byte(p) & 0x7f;
		ev->user = byte(p) % 48;
		ev->kernel = byte(p) % 48;
		if (ev->type == CPT_EV_STACKS) {
			ev->flags = 0;
			ev->other = task(p);
			ev->wake_user = byte(p) % 48;
			ev->wake_kernel = byte(p) % 48;
		}
		if (!side__valid(ev, p->side_ns[0], p->meta.cpu_cnt, CPT_TASK_MAX))
			return;
		p->side_ns[0] = ev->ts_ns;
	}
	p->side[p->side_cnt++] = *ev;
}

static void step(struct program *p)
{
	const uint8_t op = byte(p);
	struct cpt_event ev = {0};

	p->now = later(p->now, number(p));
	ev.ts_ns = p->now;
	ev.cpu = byte(p) % p->meta.cpu_cnt;
	ev.task = task(p);
	switch (op % 16) {
	case 0:
	case 1:
		add_wake(p, &ev);
		break;
	case 2:
	case 3:
		add_life(p, &ev, CPT_EV_NEW);
		break;
	case 4:
		add_life(p, &ev, CPT_EV_EXEC);
		break;
	case 5:
		add_life(p, &ev, op & 0x80 ? CPT_EV_RENAME : CPT_EV_AFFINITY);
		break;
	case 6:
		add_life(p, &ev, CPT_EV_EXIT);
		break;
	case 7:
		add_occupancy(p, &ev);
		break;
	case 8:
		add_loss(p, &ev);
		break;
	case 9:
	case 10:
		if (op & 0x40)
			add_mark(p, &ev);
		else
			add_side(p, &ev);
		return;
	default:
		add_switch(p, &ev);
	}
	p->ev[p->cnt++] = ev;
}

/* ---- head and end ------------------------------------------------------------------------------ */

static void draw_head(struct program *p)
{
	static const char *const machines[] = {"x86_64", "aarch64", "", "\033[m"};
	const uint8_t b = byte(p), m = byte(p);
	struct cpt_trace_meta *meta = &p->meta;

	p->ending = byte(p);
	for (int i = 0; i < 3; i++)
		p->argv[i] = (char *)hostile_names[(b + i) % HOSTILE_NAMES_CNT];
	*meta = (struct cpt_trace_meta){
		.cpartrace_version = "1",
		.hostname = name(p),
		.kernel = name(p),
		.machine = machines[m % 8 < 6 ? 0 : m % 8 - 5],
		.argv = m & 0x8 ? NULL : p->argv,
		.root_tid = 1001,
		.flags = m >> 4 & 0x7,
		.start_mono_ns = number(p) % TIME_SUM,
		.start_real_ns = number(p),
		.start_boot_ns = number(p),
		.quota_cpus = (double)byte(p) / 16,
		.cpu_cnt = 1 + b % CPUS_MAX,
		.cpu_info_cnt = b / 4 % (CPUS_MAX + 1),
		.cpus = p->cpus,
		.sample_hz = m & 0x80 ? 997 : 0,
		.stack_flags = m >> 7,
		.delay_ns = b & 0x80 ? number(p) : 0,
		.target = "",
	};
	if (meta->flags & CPT_TRACE_ATTACHED)
		meta->target = name(p);
	if (meta->cpu_info_cnt > meta->cpu_cnt)
		meta->cpu_info_cnt = meta->cpu_cnt;
	for (uint32_t i = 0; i < CPUS_MAX; i++)
		p->cpus[i] = (struct cpt_cpu_info){.cpu = i, .online = i < 3, .core = (int)i / 2};
	p->now = meta->start_mono_ns;
}

static void draw_close(struct program *p)
{
	struct cpt_trace_close *c = &p->close;

	*c = (struct cpt_trace_close){
		.end_mono_ns = later(p->now, number(p)),
		.failure = byte(p) < 250 ? 0 : 28,
		.exit_kind = byte(p) % 3,
		.exit_value = byte(p),
		.loops_state = byte(p) % 3,
		.lost_ring = number(p),
		.lost_recursion = number(p),
		.mends = number(p),
		.mends_failed = number(p),
		.tracer_cpu_ns = number(p),
		.steal_ns = number(p),
		.throttled_ns = number(p),
		.irq_ns = number(p),
		.quota_periods = number(p),
		.quota_throttled = number(p),
		.alive_exec_ns = number(p),
		.tenants_rest_ns = number(p),
		.tenant_cnt = byte(p) % 4,
	};
	c->lost[0] = number(p);
	c->stacks_lost[0] = number(p);
	c->loops_lost[0] = number(p);
	for (uint32_t i = 0; i < c->tenant_cnt; i++) {
		c->tenants[i] = (struct cpt_tenant){.pid = byte(p), .cpu_ns = number(p)};
		strcpy(c->tenants[i].name, name(p));
	}
}

static int write_words(struct program *p, struct trace_writer *w)
{
	struct cpt_words *ws = words__new(p->meta.machine);
	int err = ws ? words__feed(ws, p->ev, p->cnt) : -ENOMEM;

	for (uint32_t i = 0; !err && (p->ending & ENDING_NAMES) && i < words__cnt(ws); i++)
		err = words__set_place(ws, i, i % 7 == 6 ? "_PyRuntime+0x1b8" : name(p), name(p),
				       NULL, number(p));
	if (!err) {
		words__classify(ws);
		err = trace_writer__words(w, ws);
	}
	words__free(ws);
	return err;
}

static int write_stacks(struct program *p, struct trace_writer *w)
{
	struct cpt_stacks *ss = stacks__new();
	struct cpt_frame frames[4];
	const uint32_t cnt = byte(p) % 48;
	int err = ss ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < cnt && !err; i++) {
		const uint32_t depth = byte(p) % 5;

		for (uint32_t j = 0; j < depth; j++)
			frames[j] = (struct cpt_frame){.symbol = name(p),
						       .module = name(p),
						       .file = name(p),
						       .offset = number(p),
						       .line = byte(p),
						       .flags = byte(p) % 8};
		if (!stacks__add(ss, frames, depth))
			err = -ENOMEM;
	}
	if (!err)
		err = trace_writer__stacks(w, ss);
	stacks__free(ss);
	return err;
}

static int write_latencies(struct program *p, struct trace_writer *w, bool outbound)
{
	static uint8_t row[LATENCIES_ROW_MAX];
	uint64_t buckets[CPT_LOOP_BUCKETS] = {0};
	const uint8_t *end;

	for (uint32_t i = byte(p) % 4; i; i--)
		buckets[(byte(p) * 4u + 3u) % CPT_LOOP_BUCKETS] = number(p);
	end = latencies__put(row, 1 + byte(p) % 16, buckets, number(p));
	return trace_writer__latencies(w, outbound, row, (size_t)(end - row));
}

static int write_all(struct program *p, struct trace_writer *w)
{
	int err = trace_writer__events(w, p->ev, p->cnt);

	if (!err)
		err = trace_writer__side(w, p->side, p->side_cnt);
	if (!err && (p->ending & ENDING_STACKS))
		err = write_stacks(p, w);
	if (!err && (p->ending & ENDING_STACKS))
		err = write_latencies(p, w, false);
	if (!err && (p->ending & ENDING_STACKS))
		err = write_latencies(p, w, true);
	if (!err && (p->ending & ENDING_WORDS))
		err = write_words(p, w);
	draw_close(p);
	if (!err && (p->ending & ENDING_CLOSED))
		err = trace_writer__close(w, &p->close);
	else if (!err)
		err = trace_writer__tick(w, CPT_TIME_MAX);
	return err;
}

int program__run(const uint8_t *bytes, size_t sz, int fd)
{
	struct program *p = calloc(1, sizeof(*p));
	struct trace_writer *w;
	const uint8_t *steps_end;
	int err = -ENOMEM;

	if (!p)
		return err;
	p->in = (struct cursor){.at = bytes, .end = bytes + sz};
	draw_head(p);
	/* An eighth is left for what comes behind the events. */
	steps_end = bytes + sz - sz / 8;
	while (p->in.at < steps_end && p->cnt < STEPS_MAX && p->side_cnt < STEPS_MAX)
		step(p);
	w = trace_writer__new(fd, &p->meta);
	if (w)
		err = write_all(p, w);
	trace_writer__free(w);
	free(p);
	return err;
}
