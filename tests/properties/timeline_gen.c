// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * timeline_gen.c - see timeline_gen.h.
 */
#include "timeline_gen.h"

#include <assert.h>
#include <string.h>

const char *const gen_names[GEN_NAMES_CNT] = {"app", "worker", "loop", "reader", "writer"};

/* ---- the table of waits, by hand -------------------------------------------------------------- */

static const struct cpt_wait wait_facts[GEN_WAIT_CNT] = {
	[GEN_WAIT_PIPE] = {.sysno = 0, .prev_state = 1, .object = CPT_FD_PIPE, .arg0 = 5},
	[GEN_WAIT_SOCKET] = {.sysno = 45, .prev_state = 1, .object = CPT_FD_SOCKET, .arg0 = 6},
	[GEN_WAIT_MUTEX] = {.sysno = 202,
			    .prev_state = 1,
			    .object = CPT_FUTEX_MUTEX,
			    .arg0 = 0x1000,
			    .arg1 = 128 | 2ull << 32},
	[GEN_WAIT_SLEEP] = {.sysno = 230, .prev_state = 1},
	[GEN_WAIT_DISK] = {.sysno = 17,
			   .prev_state = 2,
			   .object = CPT_FD_FILE,
			   .wait_flags = CPT_WAIT_IOWAIT},
	[GEN_WAIT_EPOLL] = {.sysno = 232, .prev_state = 1, .object = CPT_FD_EPOLL},
	[GEN_WAIT_FUTEX] = {.sysno = 202,
			    .prev_state = 1,
			    .object = CPT_FUTEX_PLAIN,
			    .arg0 = 0x2000,
			    .arg1 = 128 | 7ull << 32},
	[GEN_WAIT_CHILD] = {.sysno = 61, .prev_state = 1},
	[GEN_WAIT_KLOCK] = {.sysno = 9, .prev_state = 2},
	[GEN_WAIT_CONDVAR] = {.sysno = 202,
			      .prev_state = 1,
			      .object = CPT_FUTEX_CONDVAR,
			      .arg0 = 0x3028,
			      .arg1 = 0x189},
};

enum cpt_reason gen_reason(enum gen_wait wait, uint8_t end, bool waker_counts)
{
	bool ours = end == CPT_END_TASK && waker_counts;
	bool outside = end == CPT_END_FOREIGN || (end == CPT_END_TASK && !waker_counts);

	switch (wait) {
	case GEN_WAIT_PIPE:
		return outside ? CPT_REASON_PIPE : CPT_REASON_PEER;
	case GEN_WAIT_SOCKET:
		return ours ? CPT_REASON_PEER : CPT_REASON_SOCKET;
	case GEN_WAIT_MUTEX:
		return CPT_REASON_LOCK;
	case GEN_WAIT_SLEEP:
		return CPT_REASON_SLEEP;
	case GEN_WAIT_DISK:
		return CPT_REASON_DISK;
	case GEN_WAIT_EPOLL:
		return CPT_REASON_EVENT_LOOP;
	case GEN_WAIT_CHILD:
		return CPT_REASON_JOIN;
	case GEN_WAIT_KLOCK:
		return CPT_REASON_KERNEL_LOCK;
	case GEN_WAIT_CONDVAR:
		return CPT_REASON_CONDVAR;
	case GEN_WAIT_FUTEX:
	case GEN_WAIT_CNT:
		break;
	}
	return CPT_REASON_OTHER;
}

/* ---- writing down ------------------------------------------------------------------------------ */

static struct cpt_event *emit(struct gen *g, uint8_t type, uint32_t task, uint32_t cpu)
{
	struct cpt_event *ev = &g->ev[g->ev_cnt++];

	assert(g->ev_cnt <= GEN_EVENTS_MAX);
	*ev = (struct cpt_event){.ts_ns = g->now, .type = type, .task = task, .cpu = cpu};
	return ev;
}

static struct cpt_info *emit_info(struct gen *g, uint8_t type, uint32_t task, uint32_t cpu)
{
	struct cpt_event *ev = emit(g, type, task, cpu);
	struct cpt_info *info = &g->infos[g->ev_cnt - 1];
	const struct gen_task *t = &g->tasks[task];

	*info = (struct cpt_info){
		.tid = t->tid,
		.tgid = g->tasks[t->proc].tid,
		.ns_tid = t->tid,
		.comm = gen_names[t->name],
		.mask = {.nr_cpus_allowed = 1, .word_cnt = 1, .bits = &g->masks[t->mask]},
	};
	ev->info = info;
	return info;
}

/* Ends the task's open segment and, if it lives on, begins the next in `state`. */
static struct gen_seg *turn(struct gen *g, uint32_t task, enum cpt_state state)
{
	struct gen_task *t = &g->tasks[task];
	struct gen_seg *seg;

	if (t->seg >= 0)
		g->segs[t->seg].to = g->now;
	t->seg = -1;
	if (!t->live)
		return NULL;
	assert(g->seg_cnt < GEN_SEGS_MAX);
	t->seg = (int)g->seg_cnt;
	seg = &g->segs[g->seg_cnt++];
	*seg = (struct gen_seg){
		.task = task,
		.from = g->now,
		.to = UINT64_MAX,
		.state = state,
		.born_cnt = g->task_cnt,
		.name = t->name,
		.cpu = t->cpu,
		.pid = g->tasks[t->proc].tid,
		.tid = t->tid,
		.mask = t->mask,
	};
	for (uint32_t i = 1; i <= g->task_cnt; i++)
		seg->names_then[i] = g->tasks[i].name;
	return seg;
}

/* The same state goes on, but something about the task has changed. */
static void split(struct gen *g, uint32_t task)
{
	const struct gen_seg old = g->segs[g->tasks[task].seg];
	struct gen_seg *seg = turn(g, task, old.state);

	seg->wait = old.wait;
	seg->end = old.end;
	seg->end_waker = old.end_waker;
	seg->born_cnt = old.born_cnt;
	seg->throttled = old.throttled;
	memcpy(seg->names_then, old.names_then, sizeof(seg->names_then));
}

/* ---- picking ----------------------------------------------------------------------------------- */

static uint32_t pick(struct gen *g, bool (*fits)(const struct gen *g, uint32_t task))
{
	uint32_t found[GEN_TASKS_MAX], cnt = 0;

	for (uint32_t i = 1; i <= g->task_cnt; i++)
		if (g->tasks[i].live && fits(g, i))
			found[cnt++] = i;
	return cnt ? found[rng_below(&g->rng, cnt)] : 0;
}

static bool is_running(const struct gen *g, uint32_t task)
{
	return g->cur[g->tasks[task].cpu] == task;
}

static bool is_blocked(const struct gen *g, uint32_t task)
{
	return g->tasks[task].blocked && !g->tasks[task].wake_lost;
}

static bool is_ready(const struct gen *g, uint32_t task)
{
	return !g->tasks[task].blocked && !is_running(g, task);
}

static bool is_live(const struct gen *g, uint32_t task)
{
	return g->tasks[task].live;
}

/* ---- who holds the CPUs, as the probes tell it ---------------------------------------------------- */

static void tree_changed(struct gen *g)
{
	for (uint32_t cpu = 0; cpu < g->cpu_cnt; cpu++)
		g->cells[cpu].quiet = false;
}

static void hold(struct gen *g, uint32_t cpu, bool held)
{
	struct gen_cell *c = &g->cells[cpu];

	if (c->hold >= 0)
		g->holds[c->hold].to = g->now;
	c->hold = -1;
	if (!held)
		return;
	assert(g->hold_cnt < GEN_EVENTS_MAX);
	c->hold = (int)g->hold_cnt;
	g->holds[g->hold_cnt++] =
		(struct gen_hold){.cpu = cpu, .from = g->now, .to = UINT64_MAX, .idle = c->idle};
}

static void emit_occupancy(struct gen *g, uint32_t cpu, uint8_t next_kind)
{
	struct gen_cell *c = &g->cells[cpu];
	struct cpt_event *ev = emit(g, CPT_EV_OCCUPANCY, 0, cpu);

	ev->occ_kind = c->idle ? CPT_KIND_IDLE : CPT_KIND_OTHER;
	ev->occ_next = next_kind;
	ev->occ_since_ns = c->since;
	ev->occ_idle_ns = c->idle_ns;
	ev->occ_other_ns = c->other_ns;
	c->since = g->now;
	c->idle_ns = c->other_ns = 0;
}

static void turn_cpu(struct gen *g, uint32_t cpu, const struct gen_opts *opts)
{
	struct gen_cell *c = &g->cells[cpu];

	if (c->quiet && opts->steady)
		return;
	if (c->quiet)
		*(c->idle ? &c->idle_ns : &c->other_ns) +=
			g->now - (c->since + c->idle_ns + c->other_ns);
	else
		emit_occupancy(g, cpu, c->idle ? CPT_KIND_OTHER : CPT_KIND_IDLE);
	c->quiet = true;
	c->idle = !c->idle;
	hold(g, cpu, true);
}

/* The CPU goes from what it runs to ours, or from ours to something else. */
static void hold_switch(struct gen *g, uint32_t cpu, bool was_ours, bool is_ours)
{
	struct gen_cell *c = &g->cells[cpu];

	if (!was_ours && is_ours && c->idle_ns + c->other_ns)
		emit_occupancy(g, cpu, CPT_KIND_OURS);
	tree_changed(g);
	if (is_ours) {
		hold(g, cpu, false);
		return;
	}
	c->idle = rng_percent(&g->rng, 60);
	c->since = g->now;
	c->idle_ns = c->other_ns = 0;
	hold(g, cpu, true);
}

/* ---- event loops ------------------------------------------------------------------------------- */

static void set_flight(struct gen *g, uint32_t proc, uint32_t level)
{
	struct gen_task *p = &g->tasks[proc];

	if (p->flight >= 0)
		g->flights[p->flight].to = g->now;
	p->flight = -1;
	if (!level)
		return;
	assert(g->flight_cnt < GEN_EVENTS_MAX);
	p->flight = (int)g->flight_cnt;
	g->flights[g->flight_cnt++] =
		(struct gen_flight){.proc = proc, .level = level, .from = g->now, .to = UINT64_MAX};
}

static void see_at_loop(struct gen *g, uint32_t task)
{
	struct gen_task *t = &g->tasks[task];

	if (!t->polls)
		t->polls_from = g->now;
	t->polls = true;
}

/* task, which runs, makes an epoll instance, or does something with the one of its process; or the
 * other end of an operation does. */
static void use_loop(struct gen *g, uint32_t task)
{
	struct gen_task *p = &g->tasks[g->tasks[task].proc];
	struct cpt_event *ev;

	if (!p->instance) {
		p->instance = ++g->instance_cnt;
		p->calls = rng_percent(&g->rng, 40);
		ev = emit(g, CPT_EV_LOOP_NEW, task, 0);
		ev->other = p->instance;
		ev->loop_fd = 5;
		see_at_loop(g, task);
		return;
	}
	ev = emit(g, CPT_EV_LOOP, rng_percent(&g->rng, 60) ? task : 0, 0);
	ev->other = p->instance;
	ev->flags = CPT_LOOP_EV_OPS | (p->calls ? CPT_LOOP_EV_OUT : 0);
	ev->level = ev->peak = rng_below(&g->rng, GEN_FLIGHT_MAX + 1);
	ev->opened = 1;
	if (ev->task)
		see_at_loop(g, task);
	set_flight(g, g->tasks[task].proc, ev->level);
}

/* ---- what can happen --------------------------------------------------------------------------- */

static void come_in(struct gen *g, uint32_t task, uint32_t cpu)
{
	g->cur[cpu] = task;
	g->tasks[task].cpu = cpu;
	g->tasks[task].blocked = false;
	turn(g, task, CPT_STATE_RUNNING);
}

/* What runs on cpu (0: nothing of ours) makes place for next (likewise). flags of the outgoing. */
static struct cpt_event *do_switch(struct gen *g, uint32_t cpu, uint32_t next, uint16_t flags)
{
	const bool was_idle = g->cells[cpu].idle;
	struct cpt_event *ev;

	hold_switch(g, cpu, g->cur[cpu] != 0, next != 0);
	ev = emit(g, CPT_EV_SWITCH, g->cur[cpu], cpu);
	ev->other = next;
	ev->flags = flags;
	if (!g->cur[cpu] && was_idle)
		ev->flags |= CPT_SW_PREV_IDLE;
	if (!next && g->cells[cpu].idle)
		ev->flags |= CPT_SW_NEXT_IDLE;
	g->cur[cpu] = 0;
	return ev;
}

static void add_wake(struct gen *g, uint32_t task, uint8_t end, uint32_t waker)
{
	struct cpt_event *ev = emit(g, CPT_EV_WAKE, task, g->tasks[task].cpu);

	tree_changed(g);
	ev->other = waker;
	ev->wake_ctx = end == CPT_END_IRQ ? CPT_CTX_SOFTIRQ : CPT_CTX_TASK;
	if (end == CPT_END_FOREIGN) {
		ev->flags = CPT_SW_WAKER_FOREIGN;
		ev->other = 77777;
	}
}

static uint8_t pick_end(struct gen *g, uint32_t *waker)
{
	*waker = pick(g, is_running);
	if (*waker && rng_percent(&g->rng, 70))
		return CPT_END_TASK;
	*waker = 0;
	return rng_percent(&g->rng, 50) ? CPT_END_FOREIGN : CPT_END_IRQ;
}

static void wake(struct gen *g, uint32_t task)
{
	struct gen_task *t = &g->tasks[task];
	struct cpt_event *block = &g->ev[t->block_ev];
	uint32_t waker;
	uint8_t end = pick_end(g, &waker);

	add_wake(g, task, end, waker);
	if (block->flags & CPT_SW_PREV_BLOCKED) {
		block->end = end;
		block->end_waker = end == CPT_END_FOREIGN ? 77777 : waker;
		for (uint32_t i = 0; i < g->seg_cnt; i++) {
			struct gen_seg *seg = &g->segs[i];

			if (seg->task == task && seg->state == CPT_STATE_WAITING &&
			    (seg->to == UINT64_MAX || seg->from >= block->ts_ns)) {
				seg->end = end;
				seg->end_waker = waker;
			}
		}
	}
	t->blocked = false;
	turn(g, task, CPT_STATE_RUNNABLE);
}

static void block(struct gen *g, uint32_t cpu, uint32_t next, const struct gen_opts *opts)
{
	uint32_t task = g->cur[cpu];
	struct gen_task *t = &g->tasks[task];
	enum gen_wait wait = (enum gen_wait)rng_below(&g->rng, GEN_WAIT_CNT);
	bool early = opts->early_wakes && rng_percent(&g->rng, 10);
	bool unknown = opts->unknown && rng_percent(&g->rng, 8);
	struct cpt_event *ev;
	struct gen_seg *seg;

	if (early && !unknown)
		add_wake(g, task, CPT_END_IRQ, 0);
	ev = do_switch(g, cpu, next,
		       unknown ? CPT_SW_MENDED | CPT_SW_PREV_UNKNOWN : CPT_SW_PREV_BLOCKED);
	t->block_ev = (int)g->ev_cnt - 1;
	if (unknown) {
		t->blocked = rng_percent(&g->rng, 50); /* nobody knows */
		turn(g, task, CPT_STATE_UNKNOWN);
		return;
	}
	g->waits[g->ev_cnt - 1] = wait_facts[wait];
	ev->wait = &g->waits[g->ev_cnt - 1];
	if (early) {
		ev->end = CPT_END_IRQ;
		turn(g, task, CPT_STATE_RUNNABLE);
		return;
	}
	t->blocked = true;
	t->wake_lost = rng_percent(&g->rng, 3);
	seg = turn(g, task, CPT_STATE_WAITING);
	seg->wait = wait;
	seg->end = CPT_END_OPEN;
}

static void close_window(struct gen *g)
{
	g->window_closed = true;
	g->window_end = g->now;
	for (uint32_t i = 1; i <= g->task_cnt; i++)
		g->alive_at_end[i] = g->tasks[i].live;
}

static void die(struct gen *g, uint32_t cpu, uint32_t next, const struct gen_opts *opts)
{
	uint32_t task = g->cur[cpu];
	struct gen_task *t = &g->tasks[task];
	bool left = false, kin = false;

	emit_info(g, CPT_EV_EXIT, task, cpu);
	do_switch(g, cpu, next, CPT_SW_PREV_BLOCKED | CPT_SW_PREV_DEAD);
	g->waits[g->ev_cnt - 1] = (struct cpt_wait){.sysno = CPT_SYSNO_NONE, .prev_state = 0x80};
	g->ev[g->ev_cnt - 1].wait = &g->waits[g->ev_cnt - 1];
	t->live = false;
	turn(g, task, CPT_STATE_CNT);
	for (uint32_t i = 1; i <= g->task_cnt; i++) {
		left |= g->tasks[i].live && (opts->wait_all || g->tasks[i].proc == 1);
		kin |= g->tasks[i].live && g->tasks[i].proc == t->proc;
	}
	if (!kin)
		set_flight(g, t->proc, 0);
	if (!left && !g->window_closed && (opts->wait_all || t->proc == 1))
		close_window(g);
}

static void give_birth(struct gen *g, uint32_t creator, bool thread)
{
	struct gen_task *c = &g->tasks[creator], *t;
	struct cpt_info *info;
	uint32_t id;

	if (g->task_cnt == GEN_TASKS_MAX)
		return;
	id = ++g->task_cnt;
	t = &g->tasks[id];
	*t = (struct gen_task){.proc = thread ? c->proc : id,
			       .tid = 1000 + id,
			       .live = true,
			       .name = c->name,
			       .mask = c->mask,
			       .cpu = c->cpu,
			       .flight = -1,
			       .seg = -1};
	info = emit_info(g, CPT_EV_NEW, id, c->cpu);
	g->ev[g->ev_cnt - 1].other = creator;
	tree_changed(g);
	info->flags = thread ? CPT_TASK_THREAD : 0;
	turn(g, id, CPT_STATE_RUNNABLE);
}

static void rename_to(struct gen *g, uint32_t task, uint8_t name, bool exec)
{
	struct cpt_info *info;

	g->tasks[task].name = name;
	info = emit_info(g, exec ? CPT_EV_EXEC : CPT_EV_RENAME, task, g->tasks[task].cpu);
	info->filename = "/bin/prog";
	tree_changed(g);
	if (exec) /* of the process's first task, which all it had ends with */
		set_flight(g, task, 0);
	split(g, task);
}

static void set_mask(struct gen *g, uint32_t task)
{
	g->tasks[task].mask = (uint8_t)rng_below(&g->rng, g->mask_cnt);
	emit_info(g, CPT_EV_AFFINITY, task, g->tasks[task].cpu);
	tree_changed(g);
	split(g, task);
}

/* ---- a run ------------------------------------------------------------------------------------- */

static void set_up(struct gen *g, uint64_t seed)
{
	memset(g, 0, sizeof(*g));
	g->rng.state = seed;
	g->cpu_cnt = 1 + rng_below(&g->rng, GEN_CPUS_MAX);
	for (uint32_t i = 0; i < g->cpu_cnt; i++)
		g->cpus[i] = (struct cpt_cpu_info){
			.cpu = i,
			.online = i == 0 || !rng_percent(&g->rng, 10),
			.core = rng_percent(&g->rng, 80) ? (int32_t)(i / 2) : -1,
		};
	g->mask_cnt = 1 + (uint8_t)rng_below(&g->rng, 8);
	for (uint32_t i = 0; i < g->mask_cnt; i++)
		g->masks[i] = rng_u64(&g->rng) & 0xff;
	g->masks[0] = 0xff;
	g->argv[0] = (char *)"app";
	g->meta = (struct cpt_trace_meta){.machine = "x86_64",
					  .argv = g->argv,
					  .cpu_cnt = g->cpu_cnt,
					  .cpu_info_cnt = g->cpu_cnt,
					  .cpus = g->cpus,
					  .start_mono_ns = 900};
	g->now = 1000;
	for (uint32_t cpu = 0; cpu < g->cpu_cnt; cpu++) {
		g->cells[cpu] = (struct gen_cell){
			.idle = rng_percent(&g->rng, 60), .hold = -1, .since = 950};
		hold(g, cpu, true);
	}
	g->task_cnt = 1;
	g->tasks[1] =
		(struct gen_task){.proc = 1, .tid = 1001, .live = true, .flight = -1, .seg = -1};
	emit_info(g, CPT_EV_NEW, 1, 0);
	emit_info(g, CPT_EV_EXEC, 1, 0)->filename = "/bin/app";
	g->window_start = g->now;
	tree_changed(g);
	hold(g, 0, false);
	come_in(g, 1, 0);
}

static void one_step(struct gen *g, const struct gen_opts *opts)
{
	uint32_t cpu = rng_below(&g->rng, g->cpu_cnt), cur = g->cur[cpu];
	uint32_t next = rng_percent(&g->rng, 80) ? pick(g, is_ready) : 0;
	uint32_t dice = rng_below(&g->rng, 100), task;

	if (rng_percent(&g->rng, 75))
		g->now += rng_below(&g->rng, 9);
	if (dice < 25) {
		task = pick(g, is_blocked);
		if (task)
			wake(g, task);
	} else if (dice < 30) {
		task = pick(g, is_live);
		if (task)
			set_mask(g, task);
	} else if (cur && opts->loops && rng_percent(&g->rng, 30)) {
		use_loop(g, cur);
	} else if (!cur) {
		if (dice < 65) {
			turn_cpu(g, cpu, opts);
		} else if (next) {
			do_switch(g, cpu, next, 0);
			come_in(g, next, cpu);
		}
	} else if (dice < 40) {
		give_birth(g, cur, rng_percent(&g->rng, 60));
	} else if (dice < 45) {
		bool exec = rng_percent(&g->rng, 40) && g->tasks[cur].proc == cur;

		rename_to(g, cur, (uint8_t)rng_below(&g->rng, GEN_NAMES_CNT), exec);
	} else if (dice < 50 && (cur != 1 || rng_percent(&g->rng, 25))) {
		die(g, cpu, next, opts);
		if (next)
			come_in(g, next, cpu);
	} else if (dice < 80) {
		block(g, cpu, next, opts);
		if (next)
			come_in(g, next, cpu);
	} else {
		bool held = opts->throttle && dice < 90;

		do_switch(g, cpu, next,
			  held	      ? CPT_SW_PREV_THROTTLED
			  : dice < 95 ? CPT_SW_PREV_YIELDED
				      : 0);
		turn(g, cur, CPT_STATE_RUNNABLE)->throttled = held;
		if (next)
			come_in(g, next, cpu);
	}
}

/* Every task that can still be woken runs to its end. */
static void end_all(struct gen *g, const struct gen_opts *opts)
{
	for (uint32_t cpu = 0; cpu < g->cpu_cnt; cpu++, g->now += 3)
		if (g->cur[cpu])
			die(g, cpu, 0, opts);
	for (uint32_t id = 1; id <= g->task_cnt; id++) {
		uint32_t cpu = rng_below(&g->rng, g->cpu_cnt);

		if (!g->tasks[id].live)
			continue;
		if (g->tasks[id].blocked)
			wake(g, id);
		g->now += rng_below(&g->rng, 9);
		do_switch(g, cpu, id, 0);
		come_in(g, id, cpu);
		g->now += rng_below(&g->rng, 9);
		die(g, cpu, 0, opts);
	}
}

void gen_run(struct gen *g, uint64_t seed, const struct gen_opts *opts)
{
	set_up(g, seed);
	assert(g->cpu_cnt && g->mask_cnt);
	if (opts->wait_all)
		g->meta.flags |= CPT_TRACE_WAIT_ALL;
	if (opts->no_occupancy)
		g->meta.flags |= CPT_TRACE_NO_OCCUPANCY;
	for (uint32_t i = 0; i < opts->steps; i++)
		one_step(g, opts);
	if (opts->tasks_end)
		end_all(g, opts);
	g->now += rng_below(&g->rng, 9);
	for (uint32_t cpu = 0; cpu < g->cpu_cnt; cpu++) {
		if (!g->cur[cpu])
			emit_occupancy(g, cpu, g->cells[cpu].idle ? CPT_KIND_IDLE : CPT_KIND_OTHER);
		hold(g, cpu, false);
	}
	for (uint32_t i = 1; i <= g->task_cnt; i++)
		if (g->tasks[i].seg >= 0)
			g->segs[g->tasks[i].seg].to = g->now;
	if (!g->window_closed) {
		close_window(g);
		g->window_closed = false;
	}
}
