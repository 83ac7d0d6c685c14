// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* trace_builder.c - see trace_builder.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../analysis/trace_loops.h"
#include "../../analysis/trace_writer.h"
#include "trace_builder.h"

#define FUTEX_WAIT_PRIVATE 128u
#define STATE_S		   1
#define STATE_D		   2

enum task_where { OFF_NEW, OFF_RUNNABLE, OFF_BLOCKED, ON_CPU, GONE };

struct tb_task {
	enum task_where where;
	uint32_t cpu;
	uint32_t tgid;
	uint64_t in_ts_ns, ran_ns, nvcsw, nivcsw;
	size_t open_out; /* index + 1 of the switch-out whose wait has not ended */
	size_t wake;	 /* index + 1 of the wake-up it has not run for yet */
};

/* An event with what it points to, so that the array may move. */
struct tb_event {
	struct cpt_event ev;
	struct cpt_wait wait;
	struct cpt_info info;
	char comm[CPT_COMM_LEN];
	char filename[CPT_PATH_LEN];
	char args[CPT_ARGS_LEN];
	uint64_t mask[CPT_MASK_WORDS];
	char mark[CPT_MARK_LEN];
	bool unseen; /* a wake-up whose task has not run: nobody knows of it */
};

struct tb_ring {
	union {
		struct cpt_rec_switch sw;
		struct cpt_rec_occupancy occ;
	} * at;
	size_t cnt, cap;
	uint32_t seq;
};

struct trace_builder {
	struct cpt_trace_meta meta;
	struct cpt_cpu_info cpus[CPT_TRACE_MAX_CPUS];
	struct cpt_trace_close close;
	uint64_t now_ns;
	uint32_t running[CPT_TRACE_MAX_CPUS]; /* task, TB_IDLE or TB_OTHER */
	struct tb_task *tasks;
	uint32_t task_cnt; /* highest number */
	struct tb_event *events;
	size_t event_cnt, event_cap;
	struct cpt_event *out;
	size_t out_cap;
	struct tb_ring rings[CPT_TRACE_MAX_CPUS];
	struct cpt_rec_head **lives;
	size_t life_cnt;
	uint32_t (*loop_levels)[2]; /* by instance: in flight, inbound and outbound */
	uint32_t loop_cnt;
};

__attribute__((noreturn, format(printf, 1, 2))) static void wrong(const char *fmt, ...)
{
	va_list args;

	fputs("trace_builder: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

static void *grow(void *at, size_t cnt, size_t sz)
{
	void *p = realloc(at, cnt * sz);

	if (!p)
		wrong("no memory");
	return p;
}

/* ---- life ------------------------------------------------------------------------------------- */

static char *const default_argv[] = {(char *)"./app", (char *)"--workers", (char *)"2", NULL};

struct trace_builder *tb__new(uint32_t cpu_cnt)
{
	struct trace_builder *tb = calloc(1, sizeof(*tb));

	if (!tb || !cpu_cnt || cpu_cnt > CPT_TRACE_MAX_CPUS)
		wrong("no memory, or %u CPUs", cpu_cnt);
	for (uint32_t i = 0; i < cpu_cnt; i++)
		tb->cpus[i] = (struct cpt_cpu_info){.cpu = i, .online = 1, .core = (int32_t)i};
	tb->meta = (struct cpt_trace_meta){
		.cpartrace_version = "0.1.0",
		.hostname = "testhost",
		.kernel = "6.1.0-test",
		.machine = "x86_64",
		.argv = default_argv,
		.root_tid = tb_tid(1),
		.start_real_ns = 1750000000000000000u,
		.cpu_cnt = cpu_cnt,
		.cpu_info_cnt = cpu_cnt,
		.cpus = tb->cpus,
	};
	tb->close = (struct cpt_trace_close){
		.exit_kind = CPT_EXIT_CODE, .steal_ns = UINT64_MAX, .throttled_ns = UINT64_MAX};
	return tb;
}

void tb__free(struct trace_builder *tb)
{
	if (!tb)
		return;
	for (uint32_t i = 0; i < tb->meta.cpu_cnt; i++)
		free(tb->rings[i].at);
	for (size_t i = 0; i < tb->life_cnt; i++)
		free(tb->lives[i]);
	free(tb->lives);
	free(tb->loop_levels);
	free(tb->tasks);
	free(tb->events);
	free(tb->out);
	free(tb);
}

struct cpt_trace_meta *tb__meta(struct trace_builder *tb)
{
	return &tb->meta;
}

struct cpt_trace_close *tb__close_facts(struct trace_builder *tb)
{
	return &tb->close;
}

uint32_t tb_tid(uint32_t task)
{
	return 1000 + task;
}

/* ---- pieces ----------------------------------------------------------------------------------- */

static struct tb_task *task_at(struct trace_builder *tb, uint32_t task)
{
	if (!task || task > tb->task_cnt)
		wrong("there is no task %u", task);
	return &tb->tasks[task];
}

static struct tb_event *new_event(struct trace_builder *tb, uint64_t ts_ns, uint8_t type,
				  uint32_t cpu, uint32_t task)
{
	struct tb_event *e;

	if (ts_ns < tb->now_ns)
		wrong("time goes back from %llu to %llu", (unsigned long long)tb->now_ns,
		      (unsigned long long)ts_ns);
	if (cpu >= tb->meta.cpu_cnt)
		wrong("there is no CPU %u", cpu);
	tb->now_ns = ts_ns;
	if (tb->event_cnt == tb->event_cap) {
		tb->event_cap = tb->event_cap ? tb->event_cap * 2 : 64;
		tb->events = grow(tb->events, tb->event_cap, sizeof(*tb->events));
	}
	e = &tb->events[tb->event_cnt++];
	memset(e, 0, sizeof(*e));
	e->ev.ts_ns = ts_ns;
	e->ev.type = type;
	e->ev.cpu = cpu;
	e->ev.task = task;
	return e;
}

static void *new_record(struct trace_builder *tb, uint32_t cpu)
{
	struct tb_ring *r = &tb->rings[cpu];

	if (r->cnt == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 64;
		r->at = grow(r->at, r->cap, sizeof(*r->at));
	}
	memset(&r->at[r->cnt], 0, sizeof(*r->at));
	return &r->at[r->cnt++];
}

static void *new_life(struct trace_builder *tb, uint32_t type, size_t sz,
		      const struct cpt_event *ev)
{
	struct cpt_rec_head *head = grow(NULL, 1, sz);

	memset(head, 0, sz);
	*head = (struct cpt_rec_head){.type = type,
				      .sz = (uint32_t)sz,
				      .ts_ns = ev->ts_ns,
				      .id = ev->task,
				      .cpu = ev->cpu};
	tb->lives = grow(tb->lives, tb->life_cnt + 1, sizeof(*tb->lives));
	tb->lives[tb->life_cnt++] = head;
	return head;
}

static void set_info(struct tb_event *e, const struct cpt_info *info)
{
	e->info = *info;
	if (info->comm)
		snprintf(e->comm, sizeof(e->comm), "%s", info->comm);
	if (info->filename)
		snprintf(e->filename, sizeof(e->filename), "%s", info->filename);
	if (info->args_sz > sizeof(e->args) || info->mask.word_cnt > CPT_MASK_WORDS)
		wrong("arguments or mask too long");
	if (info->args_sz)
		memcpy(e->args, info->args, info->args_sz);
	if (info->mask.word_cnt)
		memcpy(e->mask, info->mask.bits, 8 * (size_t)info->mask.word_cnt);
}

/* ---- tasks ------------------------------------------------------------------------------------ */

static void all_cpus(const struct trace_builder *tb, uint64_t *bits, struct cpt_mask *mask)
{
	for (uint32_t i = 0; i < tb->meta.cpu_cnt; i++)
		bits[i / 64] |= (uint64_t)1 << i % 64;
	*mask = (struct cpt_mask){.nr_cpus_allowed = tb->meta.cpu_cnt,
				  .word_cnt = (tb->meta.cpu_cnt + 63) / 64,
				  .bits = bits};
}

static void record_new(struct trace_builder *tb, const struct tb_event *e)
{
	struct cpt_rec_task *rec = new_life(tb, CPT_REC_NEW, sizeof(*rec), &e->ev);

	rec->parent = e->ev.other;
	rec->tid = e->info.tid;
	rec->tgid = e->info.tgid;
	rec->ns_tid = e->info.ns_tid;
	rec->ns_tgid = e->info.tgid;
	rec->flags = e->info.flags;
	rec->start_boottime_ns = e->info.start_boottime_ns;
	memcpy(rec->comm, e->comm, sizeof(rec->comm));
	rec->nr_cpus_allowed = e->info.mask.nr_cpus_allowed;
	memcpy(rec->mask, e->mask, sizeof(rec->mask));
}

uint32_t tb__new_task(struct trace_builder *tb, uint64_t ts_ns, uint32_t creator,
		      const struct cpt_info *info)
{
	const uint32_t task = tb->task_cnt + 1;
	uint32_t cpu = 0;
	struct tb_event *e;

	if (creator && task_at(tb, creator)->where == ON_CPU)
		cpu = tb->tasks[creator].cpu;
	tb->tasks = grow(tb->tasks, task + 1, sizeof(*tb->tasks));
	memset(&tb->tasks[task], 0, sizeof(*tb->tasks));
	tb->task_cnt = task;
	e = new_event(tb, ts_ns, CPT_EV_NEW, cpu, task);
	e->ev.other = creator;
	set_info(e, info);
	if (!e->info.tid)
		e->info.tid = tb_tid(task);
	if (!e->info.tgid)
		e->info.tgid =
			info->flags & CPT_TASK_THREAD ? task_at(tb, creator)->tgid : e->info.tid;
	if (!e->info.ns_tid)
		e->info.ns_tid = e->info.tid;
	tb->tasks[task].tgid = e->info.tgid;
	record_new(tb, e);
	return task;
}

static uint32_t new_plain(struct trace_builder *tb, uint64_t ts_ns, uint32_t creator,
			  const char *comm, uint32_t flags)
{
	uint64_t bits[CPT_MASK_WORDS] = {0};
	struct cpt_info info = {.comm = comm, .flags = flags, .start_boottime_ns = ts_ns};

	all_cpus(tb, bits, &info.mask);
	return tb__new_task(tb, ts_ns, creator, &info);
}

uint32_t tb__command(struct trace_builder *tb, uint64_t ts_ns, const char *comm)
{
	char filename[64];
	uint32_t task;

	if (tb->task_cnt)
		wrong("the command must be the first task");
	task = new_plain(tb, ts_ns, 0, comm, 0);
	snprintf(filename, sizeof(filename), "/usr/bin/%s", comm);
	tb__exec(tb, ts_ns, task, filename, comm);
	return task;
}

uint32_t tb__thread(struct trace_builder *tb, uint64_t ts_ns, uint32_t creator, const char *comm)
{
	return new_plain(tb, ts_ns, creator, comm, CPT_TASK_THREAD);
}

uint32_t tb__fork(struct trace_builder *tb, uint64_t ts_ns, uint32_t creator, const char *comm)
{
	return new_plain(tb, ts_ns, creator, comm, 0);
}

void tb__exec_info(struct trace_builder *tb, uint64_t ts_ns, uint32_t task,
		   const struct cpt_info *info)
{
	struct tb_task *t = task_at(tb, task);
	struct tb_event *e = new_event(tb, ts_ns, CPT_EV_EXEC, t->cpu, task);
	struct cpt_rec_exec *rec;

	set_info(e, info);
	if (!e->info.tid)
		e->info.tid = tb_tid(task);
	if (!e->info.tgid)
		e->info.tgid = t->tgid;
	if (!e->info.ns_tid)
		e->info.ns_tid = e->info.tid;
	t->tgid = e->info.tgid;
	rec = new_life(tb, CPT_REC_EXEC, sizeof(*rec), &e->ev);
	rec->tid = e->info.tid;
	rec->tgid = e->info.tgid;
	rec->old_tid = e->info.tid;
	rec->ns_tid = e->info.ns_tid;
	rec->start_boottime_ns = e->info.start_boottime_ns;
	memcpy(rec->comm, e->comm, sizeof(rec->comm));
	memcpy(rec->filename, e->filename, sizeof(rec->filename));
	memcpy(rec->args, e->args, sizeof(rec->args));
	rec->args_sz = e->info.args_sz;
}

void tb__exec(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, const char *filename,
	      const char *comm)
{
	const struct cpt_info info = {.comm = comm,
				      .filename = filename,
				      .args = comm,
				      .args_sz = (uint32_t)strlen(comm) + 1};

	tb__exec_info(tb, ts_ns, task, &info);
}

void tb__rename(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, const char *comm)
{
	const struct cpt_info info = {.comm = comm};
	struct tb_event *e = new_event(tb, ts_ns, CPT_EV_RENAME, task_at(tb, task)->cpu, task);
	struct cpt_rec_rename *rec;

	set_info(e, &info);
	rec = new_life(tb, CPT_REC_RENAME, sizeof(*rec), &e->ev);
	memcpy(rec->comm, e->comm, sizeof(rec->comm));
}

void tb__affinity(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, const uint64_t *bits,
		  uint32_t word_cnt)
{
	struct cpt_info info = {.mask = {.word_cnt = word_cnt, .bits = bits}};
	struct tb_event *e = new_event(tb, ts_ns, CPT_EV_AFFINITY, task_at(tb, task)->cpu, task);
	struct cpt_rec_affinity *rec;

	for (uint32_t i = 0; i < word_cnt; i++)
		info.mask.nr_cpus_allowed += (uint32_t)__builtin_popcountll(bits[i]);
	set_info(e, &info);
	rec = new_life(tb, CPT_REC_AFFINITY, sizeof(*rec), &e->ev);
	rec->nr_cpus_allowed = e->info.mask.nr_cpus_allowed;
	memcpy(rec->mask, e->mask, sizeof(rec->mask));
}

/* ---- switches --------------------------------------------------------------------------------- */

static uint32_t number(uint32_t who)
{
	return who == TB_OTHER ? 0 : who;
}

static void leave(struct trace_builder *tb, uint32_t prev, uint64_t ts_ns, uint16_t flags)
{
	struct tb_task *t = task_at(tb, prev);

	t->ran_ns += ts_ns - t->in_ts_ns;
	t->where = flags & CPT_SW_PREV_DEAD	 ? GONE
		   : flags & CPT_SW_PREV_BLOCKED ? OFF_BLOCKED
						 : OFF_RUNNABLE;
	if (flags & CPT_SW_PREV_BLOCKED)
		t->nvcsw++;
	else
		t->nivcsw++;
	t->open_out = flags & CPT_SW_PREV_BLOCKED ? tb->event_cnt : 0;
	t->wake = 0;
}

/* The wake-up becomes known; what it tells about the wait's end too. */
static void carry_wake(struct trace_builder *tb, struct tb_task *t, struct cpt_rec_switch *rec)
{
	struct tb_event *wake = &tb->events[t->wake - 1];
	struct cpt_event *out;

	wake->unseen = false;
	wake->ev.cpu = t->cpu;
	rec->flags |= wake->ev.flags;
	rec->wake_ctx = wake->ev.wake_ctx;
	rec->waker = wake->ev.other;
	rec->waker_sysno = wake->ev.waker_sysno;
	rec->wake_ts_ns = wake->ev.ts_ns;
	if (t->open_out) {
		out = &tb->events[t->open_out - 1].ev;
		out->end = cpt_wake_end(wake->ev.wake_ctx, wake->ev.flags, wake->ev.other,
					&out->end_waker);
	}
	t->wake = 0;
}

static void enter(struct trace_builder *tb, uint32_t next, uint64_t ts_ns, uint32_t cpu,
		  struct cpt_rec_switch *rec)
{
	struct tb_task *t = task_at(tb, next);

	if (t->where == ON_CPU || t->where == GONE)
		wrong("task %u is %s", next, t->where == GONE ? "gone" : "on a CPU already");
	t->where = ON_CPU;
	t->cpu = cpu;
	t->in_ts_ns = ts_ns;
	if (t->wake)
		carry_wake(tb, t, rec);
	t->open_out = 0;
}

static void fill_out(struct tb_event *e, struct cpt_rec_switch *rec, const struct cpt_wait *wait)
{
	e->wait = *wait;
	rec->sysno = wait->sysno;
	rec->prev_state = wait->prev_state;
	rec->object = wait->object;
	rec->arg0 = wait->arg0;
	rec->arg1 = wait->arg1;
	rec->arg2 = wait->arg2;
	if (wait->wait_flags & CPT_WAIT_IOWAIT)
		rec->flags |= CPT_SW_PREV_IOWAIT;
	if (wait->wait_flags & CPT_WAIT_TIMEOUT)
		rec->flags |= CPT_SW_PREV_TIMEOUT;
}

void tb__switch(struct trace_builder *tb, uint64_t ts_ns, uint32_t cpu, uint32_t next,
		uint16_t out_flags, const struct cpt_wait *wait)
{
	struct tb_event *e = new_event(tb, ts_ns, CPT_EV_SWITCH, cpu, 0);
	struct cpt_rec_switch *rec = new_record(tb, cpu);
	const uint32_t prev = tb->running[cpu];

	if (!number(prev) && !number(next))
		wrong("nobody of ours leaves or enters CPU %u", cpu);
	*rec = (struct cpt_rec_switch){.type = CPT_REC_SWITCH,
				       .flags = out_flags,
				       .seq = tb->rings[cpu].seq++,
				       .ts_ns = ts_ns,
				       .prev = number(prev),
				       .next = number(next),
				       .sysno = CPT_SYSNO_NONE};
	if (prev == TB_IDLE)
		rec->flags |= CPT_SW_PREV_IDLE;
	if (next == TB_IDLE)
		rec->flags |= CPT_SW_NEXT_IDLE;
	if (wait)
		fill_out(e, rec, wait);
	if (number(prev))
		leave(tb, prev, ts_ns, out_flags);
	if (number(next)) {
		if (task_at(tb, next)->wake)
			rec->flags |= CPT_SW_NEXT_WOKEN;
		enter(tb, next, ts_ns, cpu, rec);
	}
	tb->running[cpu] = next;
	e->ev.task = rec->prev;
	e->ev.other = rec->next;
	e->ev.flags = rec->flags;
}

void tb__run(struct trace_builder *tb, uint64_t ts_ns, uint32_t cpu, uint32_t next)
{
	tb__switch(tb, ts_ns, cpu, next, 0, NULL);
}

static uint32_t cpu_of(struct trace_builder *tb, uint32_t task)
{
	if (task_at(tb, task)->where != ON_CPU)
		wrong("task %u is not on a CPU", task);
	return tb->tasks[task].cpu;
}

void tb__block(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, struct cpt_wait wait,
	       uint32_t next)
{
	tb__switch(tb, ts_ns, cpu_of(tb, task), next, CPT_SW_PREV_BLOCKED, &wait);
}

void tb__preempt(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t next)
{
	tb__switch(tb, ts_ns, cpu_of(tb, task), next, 0, NULL);
}

void tb__yield(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t next)
{
	tb__switch(tb, ts_ns, cpu_of(tb, task), next, CPT_SW_PREV_YIELDED, NULL);
}

void tb__exit(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, int32_t exit_code,
	      uint32_t next)
{
	const uint32_t cpu = cpu_of(tb, task);
	const struct tb_task *t = &tb->tasks[task];
	struct tb_event *e = new_event(tb, ts_ns, CPT_EV_EXIT, cpu, task);
	struct cpt_rec_exit *rec;

	e->info = (struct cpt_info){.exit_code = exit_code,
				    .sum_exec_ns = t->ran_ns + (ts_ns - t->in_ts_ns),
				    .nvcsw = t->nvcsw,
				    .nivcsw = t->nivcsw};
	rec = new_life(tb, CPT_REC_EXIT, sizeof(*rec), &e->ev);
	rec->exit_code = exit_code;
	rec->sum_exec_ns = e->info.sum_exec_ns;
	rec->nvcsw = t->nvcsw;
	rec->nivcsw = t->nivcsw;
	tb__switch(tb, ts_ns, cpu, next, CPT_SW_PREV_DEAD, NULL);
}

/* ---- wake-ups --------------------------------------------------------------------------------- */

void tb__wake_as(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t waker,
		 uint8_t ctx, uint16_t flags, uint16_t waker_sysno)
{
	struct tb_task *t = task_at(tb, task);
	struct tb_event *e;

	if ((t->where != OFF_BLOCKED && t->where != OFF_NEW) || t->wake)
		wrong("task %u cannot be woken: it is not blocked, or woken already", task);
	e = new_event(tb, ts_ns, CPT_EV_WAKE, t->cpu, task);
	e->unseen = true;
	e->ev.other = waker;
	e->ev.wake_ctx = ctx;
	e->ev.flags = flags;
	e->ev.waker_sysno = waker_sysno;
	t->wake = tb->event_cnt;
}

void tb__wake(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t waker)
{
	tb__wake_as(tb, ts_ns, task, waker, CPT_CTX_TASK, 0, SYS_write);
}

void tb__wake_irq(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint8_t ctx,
		  uint32_t interrupted)
{
	tb__wake_as(tb, ts_ns, task, interrupted, ctx, 0, CPT_SYSNO_NONE);
}

void tb__wake_foreign(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t tid)
{
	tb__wake_as(tb, ts_ns, task, tid, CPT_CTX_TASK, CPT_SW_WAKER_FOREIGN, SYS_write);
}

/* ---- the rest --------------------------------------------------------------------------------- */

void tb__occupancy(struct trace_builder *tb, uint64_t ts_ns, uint32_t cpu, uint64_t since_ns,
		   uint64_t idle_ns, uint64_t other_ns, uint8_t kind, uint8_t next_kind)
{
	struct tb_event *e = new_event(tb, ts_ns, CPT_EV_OCCUPANCY, cpu, 0);
	struct cpt_rec_occupancy *rec = new_record(tb, cpu);

	if (since_ns > ts_ns || idle_ns + other_ns > ts_ns - since_ns || kind > 1 || next_kind > 2)
		wrong("occupancy does not fit its time");
	e->ev.occ_kind = kind;
	e->ev.occ_next = next_kind;
	e->ev.occ_since_ns = since_ns;
	e->ev.occ_idle_ns = idle_ns;
	e->ev.occ_other_ns = other_ns;
	*rec = (struct cpt_rec_occupancy){.type = CPT_REC_OCCUPANCY,
					  .kind = kind,
					  .seq = tb->rings[cpu].seq++,
					  .next_kind = next_kind,
					  .ts_ns = ts_ns,
					  .since_ns = since_ns,
					  .idle_ns = idle_ns,
					  .other_ns = other_ns};
}

void tb__loss(struct trace_builder *tb, uint64_t ts_ns, uint32_t cpu, uint64_t until_ns,
	      uint64_t cnt)
{
	struct tb_event *e = new_event(tb, ts_ns, CPT_EV_LOSS, cpu, 0);

	if (until_ns < ts_ns)
		wrong("a loss that ends before it begins");
	e->ev.until_ns = until_ns;
	e->ev.count = cnt;
	tb->close.lost_ring += cnt;
	tb->rings[cpu].seq += (uint32_t)cnt;
}

/* ---- event loops ------------------------------------------------------------------------------ */

uint32_t tb__loop_new(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t epfd,
		      uint16_t flags)
{
	const uint32_t instance = ++tb->loop_cnt;
	struct tb_event *e = new_event(tb, ts_ns, CPT_EV_LOOP_NEW, 0, task);

	task_at(tb, task);
	tb->loop_levels = grow(tb->loop_levels, instance + 1, sizeof(*tb->loop_levels));
	memset(tb->loop_levels[instance], 0, sizeof(*tb->loop_levels));
	e->ev.other = instance;
	e->ev.loop_fd = epfd;
	e->ev.flags = flags;
	return instance;
}

void tb__loop_event(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t instance,
		    const struct cpt_event *ev)
{
	struct tb_event *e = new_event(tb, ts_ns, CPT_EV_LOOP, 0, task);

	if (!instance || instance > tb->loop_cnt)
		wrong("there is no instance %u", instance);
	e->ev = *ev;
	e->ev.type = CPT_EV_LOOP;
	e->ev.ts_ns = ts_ns;
	e->ev.task = task;
	e->ev.other = instance;
	if (ev->flags & CPT_LOOP_EV_OPS)
		tb->loop_levels[instance][!!(ev->flags & CPT_LOOP_EV_OUT)] = ev->level;
}

static void loop_steps(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t instance,
		       struct cpt_event *ev)
{
	const uint32_t before = instance <= tb->loop_cnt
					? tb->loop_levels[instance][!!(ev->flags & CPT_LOOP_EV_OUT)]
					: 0;

	if (before + ev->opened < ev->completed + ev->cancelled)
		wrong("more operations end than are open");
	ev->level = before + ev->opened - ev->completed - ev->cancelled;
	ev->peak = ev->opened ? before + ev->opened : ev->level;
	ev->iterations = ev->opened != 0;
	ev->batch = ev->opened;
	tb__loop_event(tb, ts_ns, task, instance, ev);
}

void tb__loop(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t instance,
	      uint32_t opened, uint32_t completed, uint32_t cancelled)
{
	struct cpt_event ev = {.flags = CPT_LOOP_EV_OPS,
			       .opened = opened,
			       .completed = completed,
			       .cancelled = cancelled};

	loop_steps(tb, ts_ns, task, instance, &ev);
}

void tb__loop_out(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t instance,
		  uint32_t opened, uint32_t completed, uint32_t cancelled)
{
	struct cpt_event ev = {.flags = CPT_LOOP_EV_OPS | CPT_LOOP_EV_OUT,
			       .opened = opened,
			       .completed = completed,
			       .cancelled = cancelled};

	loop_steps(tb, ts_ns, task, instance, &ev);
}

void tb__loop_end(struct trace_builder *tb, uint64_t ts_ns, uint32_t instance)
{
	new_event(tb, ts_ns, CPT_EV_LOOP_END, 0, 0)->ev.other = instance;
	memset(tb->loop_levels[instance], 0, sizeof(*tb->loop_levels));
}

void tb__loop_lost(struct trace_builder *tb, uint64_t ts_ns)
{
	new_event(tb, ts_ns, CPT_EV_LOOP_LOST, 0, 0);
}

/* ---- marks of phases -------------------------------------------------------------------------- */

void tb__mark(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, const char *name)
{
	const bool outside = task == TB_OTHER;
	struct tb_event *e = new_event(tb, ts_ns, CPT_EV_MARK, 0, outside ? 0 : task);

	if (!outside)
		task_at(tb, task);
	if (strlen(name) >= sizeof(e->mark))
		wrong("the name of a mark is too long");
	strcpy(e->mark, name);
	e->ev.other = outside ? 4242 : tb_tid(task);
	e->ev.flags = (outside ? CPT_MARK_OUTSIDE : 0) | (*name ? 0 : CPT_MARK_UNREADABLE);
}

/* ---- waits ------------------------------------------------------------------------------------ */

struct cpt_wait tb_wait_call(uint16_t sysno, uint64_t arg0, uint64_t arg1, uint32_t arg2)
{
	return (struct cpt_wait){
		.sysno = sysno, .prev_state = STATE_S, .arg0 = arg0, .arg1 = arg1, .arg2 = arg2};
}

struct cpt_wait tb_wait_fd(uint16_t sysno, uint32_t fd, uint8_t fd_kind)
{
	return (struct cpt_wait){
		.sysno = sysno, .prev_state = STATE_S, .arg0 = fd, .object = fd_kind};
}

struct cpt_wait tb_wait_pipe(uint32_t fd)
{
	return tb_wait_fd(SYS_read, fd, CPT_FD_PIPE);
}

struct cpt_wait tb_wait_sleep(void)
{
	return tb_wait_call(SYS_clock_nanosleep, 0, 0, 0);
}

struct cpt_wait tb_wait_futex(uint64_t addr, uint32_t op, uint32_t expected, uint8_t futex_kind,
			      uint32_t holder_tid)
{
	return (struct cpt_wait){.sysno = SYS_futex,
				 .prev_state = STATE_S,
				 .arg0 = addr,
				 .arg1 = op | (uint64_t)expected << 32,
				 .arg2 = holder_tid,
				 .object = futex_kind};
}

struct cpt_wait tb_wait_mutex(uint64_t addr, uint32_t holder_tid)
{
	return tb_wait_futex(addr, FUTEX_WAIT_PRIVATE, 2,
			     holder_tid ? CPT_FUTEX_MUTEX : CPT_FUTEX_MUTEX_NO_OWNER, holder_tid);
}

struct cpt_wait tb_wait_disk(void)
{
	struct cpt_wait w = tb_wait_fd(SYS_read, 4, CPT_FD_FILE);

	w.prev_state = STATE_D;
	w.wait_flags = CPT_WAIT_IOWAIT;
	return w;
}

struct cpt_wait tb_wait_fault(void)
{
	return (struct cpt_wait){.sysno = CPT_SYSNO_NONE, .prev_state = STATE_D};
}

/* ---- output ----------------------------------------------------------------------------------- */

static void point(struct cpt_event *ev, struct tb_event *e)
{
	*ev = e->ev;
	switch (ev->type) {
	case CPT_EV_SWITCH:
		ev->wait = ev->flags & CPT_SW_PREV_BLOCKED ? &e->wait : NULL;
		break;
	case CPT_EV_NEW:
	case CPT_EV_EXEC:
	case CPT_EV_RENAME:
	case CPT_EV_EXIT:
	case CPT_EV_AFFINITY:
		e->info.comm = e->comm;
		e->info.filename = e->filename;
		e->info.args = e->args;
		e->info.mask.bits = e->mask;
		ev->info = &e->info;
		break;
	case CPT_EV_MARK:
		ev->mark = e->mark;
		break;
	default:
		break;
	}
}

const struct cpt_event *tb__events(struct trace_builder *tb, size_t *cnt)
{
	*cnt = 0;
	if (tb->out_cap < tb->event_cnt + 1) {
		tb->out_cap = tb->event_cnt + 1;
		tb->out = grow(tb->out, tb->out_cap, sizeof(*tb->out));
	}
	for (size_t i = 0; i < tb->event_cnt; i++)
		if (!tb->events[i].unseen)
			point(&tb->out[(*cnt)++], &tb->events[i]);
	return tb->out;
}

static int write_trace(struct trace_builder *tb, int fd, tb_more_fn more)
{
	struct cpt_trace_close close_facts = tb->close;
	struct trace_writer *w = trace_writer__new(fd, &tb->meta);
	size_t cnt;
	const struct cpt_event *ev = tb__events(tb, &cnt);
	int err = w ? 0 : -ENOMEM;

	if (!close_facts.end_mono_ns)
		close_facts.end_mono_ns = tb->now_ns;
	for (size_t i = 0; !err && i < cnt; i++)
		err = is_loop_event(ev[i].type) || ev[i].type == CPT_EV_MARK
			      ? trace_writer__side(w, &ev[i], 1)
			      : trace_writer__events(w, &ev[i], 1);
	if (!err && more)
		err = more(w, ev, cnt);
	if (!err)
		err = trace_writer__close(w, &close_facts);
	trace_writer__free(w);
	return err;
}

int tb__trace_fd(struct trace_builder *tb)
{
	const int fd = memfd_create("trace", MFD_CLOEXEC);

	if (fd < 0)
		wrong("memfd: %s", strerror(errno));
	if (write_trace(tb, fd, NULL))
		wrong("the trace cannot be written");
	if (lseek(fd, 0, SEEK_SET) < 0)
		wrong("seek: %s", strerror(errno));
	return fd;
}

int tb__save(struct trace_builder *tb, const char *path, tb_more_fn more)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int err = fd < 0 ? -errno : write_trace(tb, fd, more);

	if (fd >= 0 && close(fd) < 0 && !err)
		err = -errno;
	if (err)
		fprintf(stderr, "cannot write %s: %s\n", path, strerror(-err));
	return err;
}

const void *tb__ring(struct trace_builder *tb, uint32_t cpu, size_t *cnt)
{
	*cnt = tb->rings[cpu].cnt;
	return tb->rings[cpu].at;
}

const struct cpt_rec_head *tb__life(struct trace_builder *tb, size_t idx)
{
	return idx < tb->life_cnt ? tb->lives[idx] : NULL;
}
