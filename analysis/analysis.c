// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * analysis.c - see analysis.h: events to states, window, filter.
 *
 * The window of a run:
 *
 *      task 1 execs                     last thread of task 1's process leaves its CPU for good
 *           |<------------------------- window -------------------------->|
 *           |      |<---- --time A,B: accounting only in here ---->|
 *
 * States are followed from the first event on; the timeline accounts only while it is open. What ran
 * already (attached) has a window from meta.start_mono_ns, when all of it was found, to the end of the
 * trace; a trace without either, from its first event. With meta.delay_ns the window opens that much later
 * than the exec.
 *
 * Lost records (LOSS on one CPU): whatever was off the CPUs, or on that one, may have been woken,
 * run and blocked again unseen, so all of it is UNKNOWN until its next event; and while the hole
 * lasts, a task that leaves another CPU or is born may run there unseen, so it is UNKNOWN too:
 *
 *      CPU 0  ---A---|........ hole ........|---B---      A, and all that is off the CPUs: unknown
 *      CPU 1  -------C-------|      D       |-------      C from its switch-out on: unknown
 *                            ^ its next event is a wake-up that a switch-in brought: certain again
 *
 * To make that cheap, tasks are listed for it only after the first loss: each loss empties the
 * list, each event puts its task back.
 */
#include "analysis.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "affinity.h"
#include "ceiling.h"
#include "channel.h"
#include "grid.h"
#include "latency.h"
#include "locks.h"
#include "loop_groups.h"
#include "loop_ledger.h"
#include "loops.h"
#include "phases.h"
#include "summary.h"
#include "sqpoll.h"
#include "sysno.h"
#include "tasks.h"
#include "timeline_step.h"
#include "wait_class.h"
#include "wait_memo.h"
#include "wakegraph.h"
#include "word_ref.h"

/* No clock of this kind gets there (292 years); the sizes of bins rely on it. */
#define TS_MAX_NS  INT64_MAX
#define NO_STOP_NS (TS_MAX_NS + UINT64_C(1))

enum blindness { SIGHTED, BLIND_HOLE, BLIND_START };

#define HOLE_END_MANY UINT32_MAX

enum window_state { WINDOW_BEFORE, WINDOW_OPEN, WINDOW_OVER };

struct cpt_analysis {
	const struct cpt_trace_meta *meta;
	struct cpt_analysis_opts opts;
	struct tasks tasks;
	struct timeline tl;
	struct locks *locks;
	struct ceilings *ceilings;
	struct loop_ledger *loops;
	struct loops *flights;
	struct sqpolls *sqpolls;
	struct wakegraph wakes;
	struct affinity affinity;
	uint8_t sysno[CPT_SYSNO_TABLE_SZ];
	bool filtered; /* some condition on who a task is is set */
	struct wait_memo memos[WAIT_MEMOS];

	enum window_state window;
	uint64_t now_ns;
	uint64_t window_start_ns, window_end_ns;
	uint64_t cut_from_ns,
		cut_to_ns;     /* of --time, absolute; whole window: start and UINT64_MAX */
	uint64_t next_stop_ns; /* first time at which something but an event happens */
	uint64_t open_at_ns;   /* the window opens then; NO_STOP_NS: by an event */
	uint32_t root_live, all_live;

	uint32_t *cpu_cur;	 /* by CPU: task that runs there, member or not */
	struct task **cpu_ran;	 /* by CPU: the task that was last switched to there; a hint */
	uint64_t *hole_until_ns; /* by CPU: its records are missing until then, 0 none */
	uint32_t holes;
	uint64_t hole_end_ns;  /* when the last one ended; UINT64_MAX none has */
	uint32_t hole_end_cpu; /* on this CPU, HOLE_END_MANY: and on others at once */
	uint32_t exit_task;    /* its final switch-out is of exit_ns or lost; 0 none */
	uint64_t exit_ns;

	struct phases *phases;
	/* With a filter of phases: see "phases" below. */
	bool in_phase;	     /* what comes is of one that is chosen; without such a filter all is */
	bool paused;	     /* it is not, and spans of chosen ones lie behind */
	uint64_t real_ns;    /* time of the event that is looked at, by the trace's clock */
	uint64_t skipped_ns; /* what is left out so far: now_ns is so much behind that clock */
	uint64_t gap_from_ns; /* paused: since then, by that clock */

	bool tracking; /* a loss was met: known[] is kept */
	uint32_t *known;
	uint32_t known_cnt, known_cap;

	struct sites *sites; /* NULL: the trace has neither stacks nor samples */
	struct cpt_pass_counts counts;
	struct cpt_latency latency[CPT_READY_CNT];
	int err;

	/* what may have been lost, see bounds.h */
	uint8_t *blind; /* by CPU: from a hole on until a switch there tells who runs */
	bool blinded;	/* some CPU ever was */
	bool start_lost; /* the exec is: until the command is seen it may be on any CPU not heard of */
	uint32_t holes_over;	 /* how often the last of them ended with tasks dying */
	bool end_guessed;	 /* the window ended with a task of which that may not be so */
	uint64_t over_ns;	 /* the window's end by now_ns */
	uint64_t dying_until_ns; /* tasks that ended in holes may have lived so long */
	bool tail_lost;		 /* records are missing behind the window */
};

static bool is_chosen_phase(const struct cpt_analysis *a, const char *name)
{
	const struct cpt_filter *f = &a->opts.filter;
	bool chosen = !f->phase_cnt;

	for (uint32_t i = 0; i < f->phase_cnt && !chosen; i++)
		chosen = !strcmp(f->phases[i], name);
	return chosen;
}

struct cpt_analysis *analysis__new(const struct cpt_trace_meta *meta,
				   const struct cpt_analysis_opts *opts)
{
	struct cpt_analysis *a = calloc(1, sizeof(*a));
	const struct cpt_filter *f = &opts->filter;
	int err = -ENOMEM;

	if (!a)
		return NULL;
	a->meta = meta;
	a->opts = *opts;
	if (meta->flags & CPT_TRACE_WAIT_ALL)
		a->opts.wait_all = true;
	a->filtered = f->pid_cnt || f->tid_cnt || f->comm_cnt;
	a->open_at_ns = NO_STOP_NS;
	if (meta->flags & CPT_TRACE_ATTACHED && meta->start_mono_ns <= TS_MAX_NS)
		a->open_at_ns = meta->start_mono_ns;
	a->next_stop_ns = a->open_at_ns;
	a->hole_end_ns = UINT64_MAX;
	a->in_phase = is_chosen_phase(a, CPT_PHASE_START);
	a->phases = phases__new();
	sysno_table(meta->machine, a->sysno);
	err = timeline__init(&a->tl, meta, &a->tasks, &a->opts);
	if (err)
		goto out;
	err = tasks__init(&a->tasks, f);
	if (err)
		goto out;
	if (opts->grid) {
		a->opts.step_ns = opts->grid->bin_ns;
		a->tl.emits = true;
		a->tl.grid = grid__new(opts->grid, &a->tl);
		err = a->tl.grid ? 0 : -errno;
		if (err)
			goto out;
		a->tl.acc.bins = grid__accounts(a->tl.grid);
	}
	a->locks = locks__new(&a->tasks, &a->tl.path, opts->words);
	a->ceilings = ceilings__new(&a->tasks, &a->tl, opts->words);
	a->flights = loops__new(&a->tasks, &a->tl, opts->latencies);
	a->loops = loop_ledger__new(a->flights, &a->opts);
	a->sqpolls = sqpolls__new(a->flights);
	a->cpu_cur = calloc(a->tl.cpu_cnt, sizeof(*a->cpu_cur));
	a->cpu_ran = calloc(a->tl.cpu_cnt, sizeof(struct task *));
	a->hole_until_ns = calloc(a->tl.cpu_cnt, sizeof(*a->hole_until_ns));
	a->blind = calloc(a->tl.cpu_cnt, sizeof(*a->blind));
	if (a->locks)
		locks__fill(a->locks, a->tl.grid);
	if (!a->phases || !a->locks || !a->ceilings || !a->loops || !a->flights || !a->sqpolls ||
	    !a->cpu_cur || !a->cpu_ran || !a->hole_until_ns || !a->blind)
		err = -ENOMEM;
	if (meta->sample_hz || meta->stack_flags & CPT_TRACE_STACKS_TAKEN) {
		a->tl.sites = a->sites = sites__new(opts->stacks);
		if (!a->sites)
			err = -ENOMEM;
	}
out:
	if (err) {
		analysis__free(a);
		errno = -err;
		return NULL;
	}
	return a;
}

void analysis__free(struct cpt_analysis *a)
{
	if (!a)
		return;
	grid__free(a->tl.grid);
	tasks__fini(&a->tasks);
	timeline__fini(&a->tl);
	locks__free(a->locks);
	ceilings__free(a->ceilings);
	loop_ledger__free(a->loops);
	loops__free(a->flights);
	sqpolls__free(a->sqpolls);
	wakegraph__fini(&a->wakes);
	affinity__fini(&a->affinity);
	free(a->cpu_cur);
	free(a->cpu_ran);
	free(a->hole_until_ns);
	free(a->blind);
	free(a->known);
	sites__free(a->sites);
	phases__free(a->phases);
	free(a);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void find_next_stop(struct cpt_analysis *a)
{
	uint64_t next = NO_STOP_NS;

	if (a->window == WINDOW_BEFORE)
		next = a->open_at_ns;
	if (a->window == WINDOW_OPEN && !a->tl.open && a->now_ns <= a->cut_from_ns)
		next = a->cut_from_ns;
	if (a->tl.open && a->cut_to_ns < next)
		next = a->cut_to_ns;
	if (a->window == WINDOW_OPEN && a->opts.end_ns && a->opts.end_ns < next)
		next = a->opts.end_ns;
	if (a->holes)
		for (uint32_t cpu = 0; cpu < a->tl.cpu_cnt; cpu++)
			if (a->hole_until_ns[cpu] && a->hole_until_ns[cpu] < next)
				next = a->hole_until_ns[cpu];
	if (a->exit_task && a->exit_ns < next)
		next = a->exit_ns + 1;
	a->next_stop_ns = next;
}

/* The state of a task, or whether it is counted, has changed: tell those who keep accounts of it. Most
 * tasks never touch a lock that another one waits for. */
static inline void tell_watchers(struct cpt_analysis *a, struct task *t)
{
	if (!t->watched)
		return;
	if (t->lock)
		locks__update(a->locks, t, a->now_ns);
	if (t->ceiling)
		ceilings__update(a->ceilings, t);
	if (t->loop)
		loop_ledger__update(a->loops, t, a->now_ns);
	if (t->sqpoll)
		sqpolls__update(a->sqpolls, t, a->now_ns);
}

/* By the trace's clock. */
static uint64_t real_now(const struct cpt_analysis *a)
{
	return a->paused ? a->real_ns : a->now_ns + a->skipped_ns;
}

/* What is live joins the account. mark: of the phase that begins, NULL none. */
static void begin_accounting(struct cpt_analysis *a, const struct cpt_event *mark)
{
	if (phases__open(a->phases, &a->tl, real_now(a), mark))
		a->tl.err = -ENOMEM;
	loops__open(a->flights, a->now_ns);
	for (uint32_t id = 1; id < a->tasks.end; id++) {
		struct task *t = tasks__find(&a->tasks, id);

		if (t && t->live) {
			timeline__enter(&a->tl, t);
			tell_watchers(a, t);
		}
	}
}

static void open_accounting(struct cpt_analysis *a, const struct cpt_event *mark)
{
	timeline__open(&a->tl, a->now_ns);
	begin_accounting(a, mark);
}

/* A running task that the filter left out so far held its CPU. */
static void see_left_out(struct cpt_analysis *a, const struct task *t)
{
	if (t->live && t->state == CPT_STATE_RUNNING && !t->counted)
		accounts__seen(&a->tl.acc, t->cpu, ACCT_OTHER, 0, 0, 0);
}

/* What is counted leaves the account. */
static void end_accounting(struct cpt_analysis *a)
{
	phases__close(a->phases, &a->tl);
	for (uint32_t cpu = 0; cpu < a->tl.cpu_cnt && a->tl.open; cpu++) {
		const struct task *t = tasks__find(&a->tasks, a->cpu_cur[cpu]);

		if (t)
			see_left_out(a, t);
	}
	for (uint32_t id = 1; id < a->tasks.end && a->tl.open; id++) {
		struct task *t = tasks__find(&a->tasks, id);

		if (t && t->counted) {
			t->row.alive_at_end = true;
			timeline__leave(&a->tl, t);
			tell_watchers(a, t);
		}
	}
	if (a->tl.open)
		loops__close(a->flights, a->now_ns);
}

static void close_accounting(struct cpt_analysis *a)
{
	if (a->paused) /* the last span was the last */
		timeline__resume(&a->tl);
	if (a->tl.open)
		path__close(&a->tl.path, &a->tasks);
	if (!a->paused)
		end_accounting(a);
	timeline__close(&a->tl);
}

/* A hole of this CPU ends now. What is lost may be of this very ns, though, and still to come as far as
 * other CPUs and births are concerned. */
static void end_hole(struct cpt_analysis *a, uint32_t cpu)
{
	a->hole_end_cpu =
		a->hole_end_ns == a->now_ns && a->hole_end_cpu != cpu ? HOLE_END_MANY : cpu;
	a->hole_end_ns = a->now_ns;
}

/* May what leaves this CPU now do things that are lost? Its own records stand behind its own hole. */
static inline bool in_doubt(const struct cpt_analysis *a, uint32_t cpu)
{
	return a->holes || (a->hole_end_ns == a->now_ns && a->hole_end_cpu != cpu);
}

/* Whoever may have ended in a hole has done so when none is left. */
static void end_dying(struct cpt_analysis *a)
{
	if (a->holes || !a->tl.dying)
		return;
	timeline__dying(&a->tl, 0);
	a->holes_over++;
}

static void die(struct cpt_analysis *a, struct task *t);
static void may_last(struct cpt_analysis *a, uint64_t at_ns);
static void open_window(struct cpt_analysis *a);
static void end_window(struct cpt_analysis *a);

/* Nobody knows who runs on this CPU, from now on or until now (SIGHTED). */
static __attribute__((noinline)) void set_blind(struct cpt_analysis *a, uint32_t cpu, uint8_t blind)
{
	const uint64_t *cpus = a->opts.filter.cpus;
	const bool was = a->blind[cpu] != SIGHTED;

	a->blind[cpu] = blind;
	a->blinded = true;
	if (was == (blind != SIGHTED))
		return;
	if (!cpus || (cpu < CPT_MAX_CPUS && cpus[cpu / 64] >> (cpu % 64) & 1))
		timeline__blind(&a->tl, was ? -1 : 1);
}

/* The exec that put the command on its CPU is lost, */
static void lose_start(struct cpt_analysis *a)
{
	a->start_lost = true;
	for (uint32_t cpu = 0; cpu < a->tl.cpu_cnt; cpu++)
		if (!a->blind[cpu])
			set_blind(a, cpu, BLIND_START);
}

/* and this is where it is. */
static __attribute__((noinline)) void find_start(struct cpt_analysis *a)
{
	a->start_lost = false;
	for (uint32_t cpu = 0; cpu < a->tl.cpu_cnt; cpu++)
		if (a->blind[cpu] == BLIND_START)
			set_blind(a, cpu, SIGHTED);
}

/* The time has come; a command that has ended before it has no window. */
static void open_late(struct cpt_analysis *a)
{
	a->open_at_ns = NO_STOP_NS;
	if (a->meta->flags & CPT_TRACE_ATTACHED || (a->opts.wait_all ? a->all_live : a->root_live))
		open_window(a);
}

/* The instant of its EXIT is over, and no switch-out of it came: it was lost. */
static void end_exit(struct cpt_analysis *a)
{
	struct task *t = tasks__find(&a->tasks, a->exit_task);

	a->exit_task = 0;
	if (!t || !t->live || t->state != CPT_STATE_UNKNOWN)
		return;
	die(a, t);
	if (a->window == WINDOW_OVER) {
		a->end_guessed = true;
		a->tl.bounds.shorter_ns = 1;
	}
}

/* What is due at a->now_ns: a hole ends, accounting starts or stops. */
static void do_stop(struct cpt_analysis *a)
{
	for (uint32_t cpu = 0; a->holes && cpu < a->tl.cpu_cnt; cpu++) {
		if (a->hole_until_ns[cpu] && a->hole_until_ns[cpu] <= a->now_ns) {
			a->hole_until_ns[cpu] = 0;
			a->holes--;
			end_hole(a, cpu);
		}
	}
	end_dying(a);
	if (a->exit_task && a->now_ns > a->exit_ns)
		end_exit(a);
	if (a->window == WINDOW_BEFORE && a->now_ns >= a->open_at_ns)
		open_late(a);
	if (a->window == WINDOW_OPEN && a->opts.end_ns && a->now_ns >= a->opts.end_ns) {
		end_window(a);
		return;
	}
	if (a->tl.open && a->now_ns >= a->cut_to_ns) {
		close_accounting(a);
		a->cut_from_ns = 0; /* not again */
	} else if (a->window == WINDOW_OPEN && !a->tl.open && a->now_ns == a->cut_from_ns &&
		   a->cut_from_ns < a->cut_to_ns && a->in_phase) {
		open_accounting(a, NULL);
	}
}

static __attribute__((noinline)) void do_stops(struct cpt_analysis *a, uint64_t ts_ns)
{
	while (ts_ns >= a->next_stop_ns) {
		a->now_ns = a->next_stop_ns;
		timeline__advance(&a->tl, a->now_ns);
		do_stop(a);
		find_next_stop(a);
		if (a->next_stop_ns <= a->now_ns) /* nothing left that could be done at this time */
			a->next_stop_ns = a->now_ns + 1;
	}
}

static inline void move_to(struct cpt_analysis *a, uint64_t ts_ns)
{
	if (__builtin_expect(ts_ns >= a->next_stop_ns, 0))
		do_stops(a, ts_ns);
	if (ts_ns > a->now_ns)
		a->now_ns = ts_ns;
	timeline__advance(&a->tl, a->now_ns);
}

static uint64_t from_start(const struct cpt_analysis *a, uint64_t offset_ns)
{
	return offset_ns < UINT64_MAX - a->window_start_ns ? a->window_start_ns + offset_ns
							   : UINT64_MAX;
}

static void open_window(struct cpt_analysis *a)
{
	const struct cpt_filter *f = &a->opts.filter;

	a->window = WINDOW_OPEN;
	a->window_start_ns = a->now_ns;
	a->cut_from_ns = a->now_ns;
	a->cut_to_ns = UINT64_MAX;
	if (f->have_time) {
		a->cut_from_ns = from_start(a, f->time_from_ns);
		a->cut_to_ns = from_start(a, f->time_to_ns);
	}
	if (a->cut_from_ns == a->now_ns && a->cut_from_ns < a->cut_to_ns && a->in_phase)
		open_accounting(a, NULL);
	find_next_stop(a);
}

static void end_window(struct cpt_analysis *a)
{
	a->window = WINDOW_OVER;
	a->window_end_ns = real_now(a);
	a->over_ns = a->now_ns;
	a->end_guessed = a->dying_until_ns > a->now_ns;
	may_last(a, a->dying_until_ns);
	close_accounting(a);
	a->next_stop_ns = NO_STOP_NS;
}

/* ---- states ---------------------------------------------------------------------------------- */

static int list_known(struct cpt_analysis *a, struct task *t)
{
	if (!a->tracking || t->in_known)
		return 0;
	if (a->known_cnt == a->known_cap) {
		uint32_t cap = a->known_cap ? 2 * a->known_cap : 256;
		uint32_t *known = realloc(a->known, cap * sizeof(*known));

		if (!known)
			return -ENOMEM;
		a->known = known;
		a->known_cap = cap;
	}
	a->known[a->known_cnt++] = t->row.id;
	t->in_known = true;
	return 0;
}

/* Is it still of the workload where it is now? Only while the task is out of the counts. */
static void refresh_here(struct cpt_analysis *a, struct task *t)
{
	bool member = t->chosen && task_is_here(&a->tasks, t);

	if (t->member && !member)
		timeline__drop_mask(&a->tl, t);
	t->member = member;
}

/* Likewise when who it is has changed. */
static void refresh_member(struct cpt_analysis *a, struct task *t)
{
	t->chosen = task_chosen(&a->tasks, t);
	if (t->flight)
		t->flight->chosen |= t->chosen;
	refresh_here(a, t);
}

/* A live task leaves its CPU, or changes while off the CPUs. */
static int set_off(struct cpt_analysis *a, struct task *t, enum cpt_state state,
		   enum cpt_reason reason)
{
	if (t->state == CPT_STATE_RUNNING)
		t->row.traced_cpu_ns += a->now_ns - t->on_cpu_since_ns;
	t->ready_since_ns = a->now_ns;
	timeline__turn(&a->tl, t, state, reason, t->cpu);
	tell_watchers(a, t);
	return list_known(a, t);
}

/* Likewise; but while a CPU's records are missing, what is off the others may be on that one. */
static int set_off_unless_hole(struct cpt_analysis *a, struct task *t, enum cpt_state state,
			       enum cpt_reason reason)
{
	return set_off(a, t, in_doubt(a, t->cpu) ? CPT_STATE_UNKNOWN : state, reason);
}

static int come_alive(struct cpt_analysis *a, struct task *t, enum cpt_state state, uint32_t cpu)
{
	if (!t->known && !t->unborn) {
		t->unborn = true;
		a->tl.unborn -= a->tl.unborn != 0;
	}
	t->live = true;
	t->cpu = cpu;
	t->state = state;
	t->ready_kind = CPT_READY_FIRST;
	t->ready_since_ns = a->now_ns;
	a->all_live++;
	if (t->proc == 1)
		a->root_live++;
	refresh_member(a, t);
	if (state == CPT_STATE_RUNNING)
		t->on_cpu_since_ns = a->now_ns;
	loops__alive(a->flights, t);
	timeline__enter(&a->tl, t);
	tell_watchers(a, t);
	return list_known(a, t);
}

static void die(struct cpt_analysis *a, struct task *t)
{
	if (t->state == CPT_STATE_RUNNING)
		t->row.traced_cpu_ns += a->now_ns - t->on_cpu_since_ns;
	if (t->counted)
		path__end(&a->tl.path, t);
	timeline__leave(&a->tl, t);
	timeline__drop_mask(&a->tl, t);
	t->state = CPT_STATE_RUNNABLE;
	t->live = false;
	loops__died(a->flights, t, a->now_ns);
	tell_watchers(a, t);
	a->all_live--;
	if (t->proc == 1)
		a->root_live--;
	if (a->window != WINDOW_OPEN || !a->meta->argv)
		return;
	if (a->opts.wait_all ? !a->all_live : t->proc == 1 && !a->root_live)
		end_window(a);
}

/* ---- switches and wakes ------------------------------------------------------------------------- */

/* Is the waker of the workload? The filter's set of CPUs is not asked: it says where to look, not
 * who belongs together. A waker that is not born yet cannot be known to be chosen. */
static bool ended_by_us(const struct cpt_analysis *a, const struct cpt_event *ev)
{
	const struct task *waker;

	if (ev->end != CPT_END_TASK)
		return false;
	if (!a->filtered)
		return true;
	waker = tasks__find(&a->tasks, ev->end_waker);
	return waker && waker->chosen;
}

/* What a wait is, and the word it is on (NULL: none that is known), or the descriptor (channel.h). */
struct classified {
	struct cpt_blocked blocked;
	uint32_t channel;
	const struct cpt_word *word;
};

static const struct cpt_word *word_of(const struct cpt_analysis *a, const struct task *t,
				      const struct cpt_wait *wait)
{
	return a->opts.words ? words__lookup(a->opts.words, t->proc, t->space, wait) : NULL;
}

static inline enum cpt_sys sys_of(const struct cpt_analysis *a, const struct cpt_wait *wait)
{
	return wait->sysno < CPT_SYSNO_TABLE_SZ ? (enum cpt_sys)a->sysno[wait->sysno]
						: CPT_SYS_UNKNOWN;
}

/* Is it the call's descriptor that is waited for? Whatever that is, a task can be stopped in the call, wait
 * for memory that it names, or for a disk behind it. */
static bool is_on_channel(enum cpt_reason reason)
{
	return reason != CPT_REASON_STOPPED && reason != CPT_REASON_PAGE_FAULT &&
	       reason != CPT_REASON_DISK;
}

static __attribute__((noinline)) struct classified
find_out(struct cpt_analysis *a, const struct task *t, const struct cpt_event *ev)
{
	struct wait_memo *memo = wait_memo__at(a->memos, ev->wait);
	struct cpt_wait_facts facts = {
		.wait = ev->wait,
		.sys = sys_of(a, ev->wait),
		.end = ev->end,
		.ended_by_us = ended_by_us(a, ev),
		.io_worker = t->row.io_worker,
	};
	bool lasting = !a->filtered && !t->row.io_worker;
	struct classified found;
	struct cpt_wait again;
	struct word_ref ref;

	if (facts.sys == CPT_SYS_RESTART_SYSCALL) {
		lasting = false;
		if (t->stopped_in) {
			again = *t->stopped_in;
			again.prev_state = ev->wait->prev_state;
			facts.wait = &again;
			facts.sys = (enum cpt_sys)a->sysno[facts.wait->sysno];
		}
	}
	if (wait_may_be_join(facts.wait, facts.sys)) {
		lasting = false;
		facts.expects_our_tid =
			tasks__has_thread(&a->tasks, t, (uint32_t)(facts.wait->arg1 >> 32));
	}
	/* The wait is looked up as it came, whatever was made of it. */
	found.word = word_of(a, t, ev->wait);
	if (sys_group(facts.sys) == CPT_SYS_GROUP_FUTEX)
		facts.word = facts.wait == ev->wait ? found.word : word_of(a, t, facts.wait);
	found.blocked = wait_classify(&facts);
	found.channel = channel_of(facts.wait, facts.sys);
	if (!lasting || ev->end >= WAIT_END_KINDS)
		return found;
	if (!memo->known || !wait_same(&memo->wait, ev->wait) || memo->proc != t->proc ||
	    memo->space != t->space) {
		*memo = (struct wait_memo){.wait = *ev->wait, .proc = t->proc, .space = t->space};
		memo->word = found.word;
		memo->channel = found.channel;
	}
	memo->by_word = word_ref__of(ev->wait, facts.sys, &ref);
	memo->reason[ev->end] = (uint8_t)found.blocked.reason;
	memo->known |= (uint8_t)(1u << ev->end);
	return found;
}

static inline struct classified classify(struct cpt_analysis *a, const struct task *t,
					 const struct cpt_event *ev)
{
	const struct wait_memo *memo = wait_memo__at(a->memos, ev->wait);
	enum cpt_reason reason;

	if (t->row.io_worker || !wait_memo__knows(memo, ev->wait, ev->end, t->proc, t->space))
		return find_out(a, t, ev);
	reason = (enum cpt_reason)memo->reason[ev->end];
	return (struct classified){
		.blocked = {.state =
				    reason_is_parked(reason) ? CPT_STATE_PARKED : CPT_STATE_WAITING,
			    .reason = reason},
		.channel = memo->channel,
		.word = memo->word,
	};
}

/*
 * A sleep, poll or timed wait that a stop interrupts is taken up again by a call of its own, without
 * arguments: what it waits for is what the stop's registers said.
 *
 *      nanosleep |---- sleep ----| stopped (in nanosleep) | restart_syscall: sleep again |
 */
static int note_stopped_call(const struct cpt_analysis *a, struct task *t,
			     const struct cpt_wait *wait)
{
	if (wait->sysno >= CPT_SYSNO_TABLE_SZ || a->sysno[wait->sysno] == CPT_SYS_RESTART_SYSCALL)
		return 0;
	if (!t->stopped_in) {
		t->stopped_in = malloc(sizeof(*t->stopped_in));
		if (!t->stopped_in)
			return -ENOMEM;
	}
	*t->stopped_in = *wait;
	return 0;
}

/* Which waits are looked at: for a lock, or on what may be a runtime's ceiling, also where they come to
 * their time-out, as those of an interpreter's lock do. */
static inline bool is_watched(enum cpt_reason reason, const struct cpt_wait *wait)
{
	return reason_is_lock(reason) || reason == CPT_REASON_CONDVAR ||
	       (reason == CPT_REASON_SLEEP && object_is_signalled(wait->object));
}

/* t, already turned, begins such a wait. */
static __attribute__((noinline)) int begin_wait(struct cpt_analysis *a, struct task *t,
						const struct cpt_wait *wait,
						const struct cpt_word *word, enum cpt_reason reason)
{
	int err = 0;

	if (reason_is_lock(reason))
		err = locks__wait(a->locks, t, word, reason, wait, a->now_ns);
	if (!err && word && word_may_be_ceiling(word))
		err = ceilings__wait(a->ceilings, t, word);
	return err;
}

/* t's wait is about to end, by this wake-up. */
static __attribute__((noinline)) int end_wait(struct cpt_analysis *a, struct task *t,
					      const struct wake_source *by)
{
	struct lock_wake wake = {.on_word = by->flags & CPT_SW_WAKE_ON_WORD};
	uint32_t waker;
	uint8_t end = cpt_wake_end(by->ctx, by->flags, by->waker, &waker);
	int err;

	wake.waker = end == CPT_END_TASK ? tasks__find(&a->tasks, waker) : NULL;
	wake.foreign = end == CPT_END_FOREIGN;
	err = locks__wake(a->locks, t, &wake, a->now_ns);
	if (!err && wake.waker && wake.waker != t && wake.on_word)
		err = ceilings__wake(a->ceilings, t, wake.waker);
	return err;
}

/* t is about to wait: for events, or where an event loop should not. */
static inline int note_loop(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev,
			    enum cpt_reason reason)
{
	if (reason != CPT_REASON_EVENT_LOOP && !(t->watched && t->loop))
		return 0;
	return loop_ledger__block(a->loops, t, ev->wait, sys_of(a, ev->wait), reason, a->now_ns);
}

/* t was woken between leaving the run queue and its switch-out: for its lock that is a wait of no
 * length, and who let go is seen all the same. */
static __attribute__((noinline)) int pass_wait(struct cpt_analysis *a, struct task *t,
					       const struct cpt_event *ev)
{
	struct classified found;
	int err;

	if (!ev->wait || t->state != CPT_STATE_RUNNABLE)
		return 0;
	found = classify(a, t, ev);
	err = note_loop(a, t, ev, found.blocked.reason);
	if (!err && is_watched(found.blocked.reason, ev->wait)) {
		err = begin_wait(a, t, ev->wait, found.word, found.blocked.reason);
		if (!err)
			err = end_wait(a, t, &t->early_wake);
	}
	tell_watchers(a, t);
	return err;
}

static void take_out_stack(const struct cpt_analysis *a, struct task *t)
{
	const bool known = t->out_stack_ns == a->now_ns;

	t->wait_user = known ? t->out_user : 0;
	t->wait_kernel = known ? t->out_kernel : 0;
	t->last_site = 0;
}

/* Its last wait was ended by whoever woke it, at the stacks that came with its switch-in. */
static int take_in_stack(struct cpt_analysis *a, struct task *t)
{
	const uint32_t site = t->last_site;

	t->last_site = 0;
	if (!site || t->in_stack_ns != a->now_ns)
		return 0;
	return sites__woken(a->sites, site - 1, t->wake_user, t->wake_kernel, t->last_wait_ns);
}

/* Who ends a wait that the chain keeps: what a task of the workload ends is not kept, if it is seen. */
static enum cpt_waker wait_ender(uint8_t end, enum cpt_reason reason)
{
	if (end == CPT_END_IRQ)
		return waker_of_interrupt(reason);
	return end == CPT_END_FOREIGN ? CPT_WAKER_OUTSIDE : CPT_WAKER_NOBODY;
}

/* What becomes of a task that leaves its CPU, alive and known. */
struct leaving {
	enum cpt_state state;
	enum cpt_reason reason;
	bool passes;		     /* it was woken on its way out */
	const struct cpt_word *word; /* of a wait */
};

/* Notes down all of that in the task but its state. 0 or -ENOMEM. */
static inline int decide_out(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev,
			     struct leaving *out)
{
	const bool wake_pending = t->wake_pending;
	struct classified found;

	*out = (struct leaving){.state = CPT_STATE_RUNNABLE, .reason = CPT_REASON_OTHER};
	t->wake_pending = false;
	if (!(ev->flags & CPT_SW_PREV_BLOCKED)) {
		t->row.involuntary += t->counted;
		if (ev->flags & CPT_SW_PREV_YIELDED)
			t->row.yields += t->counted;
		t->throttled = ev->flags & CPT_SW_PREV_THROTTLED;
		t->ready_kind = t->throttled ? CPT_READY_THROTTLED : CPT_READY_PREEMPT;
		return 0;
	}
	t->row.voluntary += t->counted && !(ev->flags & CPT_SW_FOUND);
	t->ready_kind = CPT_READY_WAKE;
	/* Woken between leaving the run queue and the switch: it is runnable at once. */
	out->passes = wake_pending;
	if (wake_pending)
		return 0;
	if (!ev->wait) {
		out->state = CPT_STATE_UNKNOWN;
		return 0;
	}
	found = classify(a, t, ev);
	out->state = found.blocked.state;
	out->reason = found.blocked.reason;
	out->word = found.word;
	if (out->reason == CPT_REASON_STOPPED && note_stopped_call(a, t, ev->wait))
		return -ENOMEM;
	if (a->sites)
		take_out_stack(a, t);
	if (a->tl.emits)
		t->word = out->word;
	t->sysno = ev->wait->sysno;
	t->end_waker = ev->end == CPT_END_TASK ? ev->end_waker : 0;
	t->path.what = chain_wait(out->reason, wait_ender(ev->end, out->reason));
	t->path.blocked_ns = a->now_ns;
	t->path.channel = is_on_channel(out->reason) ? found.channel : 0;
	return note_loop(a, t, ev, out->reason);
}

/* What is left to be done once the task has turned: who keeps accounts of its wait hears of it. */
static inline int follow_out(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev,
			     const struct leaving *out)
{
	if (out->passes)
		return pass_wait(a, t, ev);
	if (out->state == CPT_STATE_RUNNABLE || t->state == CPT_STATE_UNKNOWN ||
	    !is_watched(out->reason, ev->wait))
		return 0;
	return begin_wait(a, t, ev->wait, out->word, out->reason);
}

static int switch_out(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev)
{
	struct leaving out;
	int err;

	if (ev->flags & (CPT_SW_PREV_DEAD | CPT_SW_PREV_UNKNOWN)) {
		t->wake_pending = false;
		if (ev->flags & CPT_SW_PREV_UNKNOWN && !(ev->flags & CPT_SW_PREV_DEAD))
			return set_off(a, t, CPT_STATE_UNKNOWN, CPT_REASON_OTHER);
		t->row.voluntary += t->counted;
		die(a, t);
		return 0;
	}
	err = decide_out(a, t, ev, &out);
	if (!err)
		err = set_off_unless_hole(a, t, out.state, out.reason);
	return err ? err : follow_out(a, t, ev, &out);
}

/* A wait ends without a wake-up that was seen. */
static inline void keep_wait(struct cpt_analysis *a, struct task *t)
{
	if (t->counted && (t->state == CPT_STATE_WAITING || t->state == CPT_STATE_PARKED))
		path__keep_wait(&a->tl.path, t);
}

static int switch_in(struct cpt_analysis *a, struct task *t, uint32_t cpu)
{
	t->wake_pending = false;
	t->woken_in_doubt = false;
	if (t->counted && t->state == CPT_STATE_RUNNABLE && t->ready_since_ns >= a->tl.start_ns)
		latency__add(&a->latency[t->ready_kind], a->now_ns - t->ready_since_ns,
			     t->on_cpu_since_ns && t->cpu != cpu);
	t->throttled = false;
	if (t->on_cpu_since_ns && t->cpu != cpu)
		t->row.migrations += t->counted;
	keep_wait(a, t);
	if (t->state == CPT_STATE_RUNNING) { /* still on another CPU by our account */
		a->counts.odd_events++;
		t->row.traced_cpu_ns += a->now_ns - t->on_cpu_since_ns;
		if (a->cpu_cur[t->cpu] == t->row.id)
			a->cpu_cur[t->cpu] = 0;
	}
	if (a->opts.filter.cpus) {
		timeline__leave(&a->tl, t);
		t->cpu = cpu;
		refresh_here(a, t);
		t->state = CPT_STATE_RUNNING;
		timeline__enter(&a->tl, t);
	} else {
		timeline__turn(&a->tl, t, CPT_STATE_RUNNING, CPT_REASON_OTHER, cpu);
	}
	t->on_cpu_since_ns = a->now_ns;
	a->cpu_cur[cpu] = t->row.id;
	a->cpu_ran[cpu] = t;
	tell_watchers(a, t);
	if (a->sites && take_in_stack(a, t))
		return -ENOMEM;
	return list_known(a, t);
}

static __attribute__((noinline)) struct task *find_dead_or_new(struct cpt_analysis *a, uint32_t id,
							       uint32_t cpu)
{
	struct task *t = tasks__get(&a->tasks, id);

	if (!t)
		return NULL;
	if (t->known)
		a->counts.odd_events++; /* it had ended */
	if (come_alive(a, t, CPT_STATE_UNKNOWN, cpu)) {
		errno = ENOMEM;
		return NULL;
	}
	return t;
}

/* The task a switch speaks of. One that was never born in this trace comes alive here. NULL with errno. */
static inline struct task *switch_task(struct cpt_analysis *a, uint32_t id, uint32_t cpu)
{
	struct task *t = tasks__find(&a->tasks, id);

	return t && t->live ? t : find_dead_or_new(a, id, cpu);
}

/* A CPU runs one task: whoever else is there by our account left unseen. Keeps the invariant that a
 * RUNNING task is cpu_cur of its CPU, and so R <= the number of CPUs. */
static int vacate_cpu(struct cpt_analysis *a, uint32_t cpu)
{
	struct task *t = a->cpu_cur[cpu] ? tasks__find(&a->tasks, a->cpu_cur[cpu]) : NULL;

	a->cpu_cur[cpu] = 0;
	if (!t || !t->live || t->state != CPT_STATE_RUNNING || t->cpu != cpu)
		return 0;
	a->counts.odd_events++;
	return set_off(a, t, CPT_STATE_UNKNOWN, CPT_REASON_OTHER);
}

/* The final switch-out of a task that ended in a hole has come after all: that is over. */
static __attribute__((noinline)) void end_dying_task(struct cpt_analysis *a, struct task *t,
						     const struct cpt_event *ev)
{
	if (t->dying != 1 + a->holes_over || !(ev->flags & CPT_SW_PREV_DEAD))
		return;
	t->dying = 0;
	timeline__dying(&a->tl, a->tl.dying - 1);
}

/* A switch-out that says nothing new: a rebuilt one that came after the task was seen elsewhere, or
 * the final one of a task whose EXIT already had to stand for it. */
static bool is_old_news(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *t;

	if (!(ev->flags & (CPT_SW_MENDED | CPT_SW_PREV_DEAD)))
		return false;
	t = tasks__find(&a->tasks, ev->task);
	if (!t || !t->known || (t->live && t->state == CPT_STATE_RUNNING && t->cpu == ev->cpu))
		return false;
	if (t->dying)
		end_dying_task(a, t, ev);
	return !t->live || (ev->flags & CPT_SW_MENDED && t->state != CPT_STATE_UNKNOWN);
}

/* ---- what holds the CPUs that run none of ours ---------------------------------------------------- */

/* Before a switch: what held the CPU until now, if no counted task did. */
static void see_outgoing(struct cpt_analysis *a, const struct cpt_event *ev)
{
	enum acct_kind kind = ev->flags & CPT_SW_PREV_IDLE ? ACCT_IDLE : ACCT_OTHER;
	const struct task *t;

	if (!a->tl.acc.cpus[ev->cpu].open)
		return;
	if (ev->task) {
		/* One of the tree that the filter leaves out; or one that came unseen. */
		t = tasks__find(&a->tasks, ev->task);
		if (!t || t->member)
			return;
		if (t->state != CPT_STATE_RUNNING || t->cpu != ev->cpu)
			kind = ACCT_UNKNOWN;
	} else if (a->meta->flags & CPT_TRACE_NO_OCCUPANCY) {
		kind = ACCT_UNKNOWN;
	}
	accounts__seen(&a->tl.acc, ev->cpu, kind, 0, 0, 0);
}

static int on_occupancy(struct cpt_analysis *a, const struct cpt_event *ev)
{
	if (a->blind[ev->cpu] && !a->hole_until_ns[ev->cpu] && ev->occ_next != CPT_KIND_OURS)
		set_blind(a, ev->cpu, SIGHTED);
	if (a->meta->flags & CPT_TRACE_NO_OCCUPANCY)
		return 0;
	accounts__seen(&a->tl.acc, ev->cpu, ev->occ_kind == CPT_KIND_IDLE ? ACCT_IDLE : ACCT_OTHER,
		       ev->occ_since_ns, ev->occ_idle_ns, ev->occ_other_ns);
	return 0;
}

/* The window may not have ended before at_ns. */
static void may_last(struct cpt_analysis *a, uint64_t at_ns)
{
	if (a->end_guessed && at_ns > a->over_ns && at_ns - a->over_ns > a->tl.bounds.longer_ns)
		a->tl.bounds.longer_ns = at_ns - a->over_ns;
}

/* Records are missing behind the window: whoever waited at its end may have been woken before. */
static void doubt_waits(struct cpt_analysis *a)
{
	for (uint32_t id = 1; !a->tail_lost && id < a->tasks.end; id++) {
		const struct task *t = tasks__find(&a->tasks, id);

		if (t && t->live)
			bounds__retro(&a->tl, t, a->over_ns);
	}
	a->tail_lost = true;
}

static void lose_tail(struct cpt_analysis *a, const struct cpt_event *ev)
{
	may_last(a, ev->until_ns < TS_MAX_NS ? ev->until_ns : TS_MAX_NS);
	doubt_waits(a);
	accounts__hole(&a->tl.acc, ev->cpu, 0);
}

/* Behind the window: what held the CPUs in its last moments is told by their next records. */
static int on_tail(struct cpt_analysis *a, const struct cpt_event *ev)
{
	if (ev->cpu >= a->tl.cpu_cnt)
		return -EINVAL;
	if (ev->type == CPT_EV_SWITCH && ev->task)
		may_last(a, ev->ts_ns);
	if (ev->type == CPT_EV_SWITCH)
		see_outgoing(a, ev);
	else if (ev->type == CPT_EV_OCCUPANCY)
		return on_occupancy(a, ev);
	else if (ev->type == CPT_EV_LOSS)
		lose_tail(a, ev);
	return 0;
}

/* A task of ours that runs here makes place for one that waits for a CPU: most switches. next, both tasks
 * being counted and nothing in doubt; NULL for any other. */
static inline struct task *usual_next(const struct cpt_analysis *a, const struct cpt_event *ev,
				      const struct task *prev)
{
	const uint16_t rare = CPT_SW_MENDED | CPT_SW_PREV_DEAD | CPT_SW_PREV_UNKNOWN | CPT_SW_FOUND;
	struct task *next = tasks__find(&a->tasks, ev->other);

	if (!prev || prev->path.id != ev->task || !prev->counted ||
	    prev->state != CPT_STATE_RUNNING || prev->cpu != ev->cpu || !next || !next->counted ||
	    next->state != CPT_STATE_RUNNABLE || ev->flags & rare ||
	    (ev->flags & CPT_SW_PREV_BLOCKED && !ev->wait) || a->opts.filter.cpus || prev->flight ||
	    next->flight || (a->tracking && in_doubt(a, ev->cpu)))
		return NULL;
	return next;
}

static inline __attribute__((always_inline)) int usual_switch(struct cpt_analysis *a,
							      const struct cpt_event *ev,
							      struct task *prev, struct task *next)
{
	const uint64_t now_ns = a->now_ns;
	const bool migrated = next->on_cpu_since_ns && next->cpu != ev->cpu;
	struct leaving out;
	int err = decide_out(a, prev, ev, &out);

	if (err)
		return err;
	if (next->ready_since_ns >= a->tl.start_ns)
		latency__add(&a->latency[next->ready_kind], now_ns - next->ready_since_ns,
			     migrated);
	next->row.migrations += migrated;
	next->wake_pending = false;
	next->throttled = false;
	prev->row.traced_cpu_ns += now_ns - prev->on_cpu_since_ns;
	prev->ready_since_ns = now_ns;
	timeline__swap(&a->tl, prev, out.state, out.reason, next);
	next->on_cpu_since_ns = now_ns;
	a->cpu_cur[ev->cpu] = ev->other;
	a->cpu_ran[ev->cpu] = next;
	tell_watchers(a, prev);
	err = follow_out(a, prev, ev, &out);
	tell_watchers(a, next);
	if (__builtin_expect(a->sites != NULL, 0) && !err)
		err = take_in_stack(a, next);
	if (__builtin_expect(a->tracking, 0) && !err)
		err = list_known(a, prev) || list_known(a, next) ? -ENOMEM : 0;
	return err;
}

/* t, which came unseen, leaves the CPU. The wake-up that ended its doubt may have come when it ran here already, and
 * so have ended the wait that begins now. */
static __attribute__((noinline)) int leave_unseen(struct cpt_analysis *a, struct task *t,
						  const struct cpt_event *ev)
{
	const bool early = t->woken_in_doubt;
	int err;

	if (t->state != CPT_STATE_UNKNOWN)
		a->counts.odd_events++;
	err = switch_in(a, t, ev->cpu);
	if (err)
		return err;
	a->cpu_cur[ev->cpu] = 0;
	err = switch_out(a, t, ev);
	if (err || !early || !t->live ||
	    (t->state != CPT_STATE_WAITING && t->state != CPT_STATE_PARKED))
		return err;
	return set_off(a, t, CPT_STATE_UNKNOWN, CPT_REASON_OTHER);
}

/* What a switch says of who runs where nobody knew. */
static __attribute__((noinline)) void look_again(struct cpt_analysis *a, const struct cpt_event *ev)
{
	if (a->blind[ev->cpu] && !a->hole_until_ns[ev->cpu] && !(ev->flags & CPT_SW_FOUND))
		set_blind(a, ev->cpu, SIGHTED);
	if (a->start_lost && (ev->task == 1 || ev->other == 1))
		find_start(a);
}

/* t was found on a CPU. Where that one's records are missing, it may have left it since. */
static __attribute__((noinline)) int doubt_found(struct cpt_analysis *a, struct task *t)
{
	const bool ends = a->hole_end_ns == a->now_ns &&
			  (a->hole_end_cpu == t->cpu || a->hole_end_cpu == HOLE_END_MANY);

	if (!a->hole_until_ns[t->cpu] && !ends)
		return 0;
	a->cpu_cur[t->cpu] = 0;
	return set_off(a, t, CPT_STATE_UNKNOWN, CPT_REASON_OTHER);
}

static __attribute__((noinline)) int other_switch(struct cpt_analysis *a,
						  const struct cpt_event *ev)
{
	uint32_t cpu = ev->cpu;
	struct task *t;
	int err;

	a->counts.switches -= (ev->flags & CPT_SW_FOUND) != 0;
	if (__builtin_expect(a->blinded, 0))
		look_again(a, ev);
	see_outgoing(a, ev);
	if (a->cpu_cur[cpu] != ev->task) {
		err = vacate_cpu(a, cpu);
		if (err)
			return err;
	}
	if (ev->task && !is_old_news(a, ev)) {
		t = switch_task(a, ev->task, cpu);
		if (!t)
			return -errno;
		if (t->state != CPT_STATE_RUNNING || t->cpu != cpu) {
			err = leave_unseen(a, t, ev);
		} else {
			a->cpu_cur[cpu] = 0;
			err = switch_out(a, t, ev);
		}
		if (err || a->window == WINDOW_OVER)
			return err;
	}
	if (!ev->other)
		return 0;
	t = switch_task(a, ev->other, cpu);
	if (!t)
		return -errno;
	err = switch_in(a, t, cpu);
	return !err && ev->flags & CPT_SW_FOUND ? doubt_found(a, t) : err;
}

static inline __attribute__((always_inline)) int on_switch(struct cpt_analysis *a,
							   const struct cpt_event *ev)
{
	struct task *prev = a->cpu_ran[ev->cpu], *next = NULL;

	a->counts.switches++;
	if (ev->task && a->cpu_cur[ev->cpu] == ev->task)
		next = usual_next(a, ev, prev);
	return next ? usual_switch(a, ev, prev, next) : other_switch(a, ev);
}

/* The counted task whose doing a wake-up is; NULL: an interrupt's, or somebody's outside. */
static struct task *find_waker(const struct cpt_analysis *a, const struct task *t,
			       const struct cpt_event *ev, enum cpt_waker *by)
{
	struct task *waker;
	uint32_t id;

	switch (cpt_wake_end(ev->wake_ctx, ev->flags, ev->other, &id)) {
	case CPT_END_TASK:
		waker = tasks__find(&a->tasks, id);
		*by = waker && waker->counted && waker != t ? CPT_WAKER_TASK : CPT_WAKER_OUTSIDE;
		return *by == CPT_WAKER_TASK ? waker : NULL;
	case CPT_END_FOREIGN:
		*by = CPT_WAKER_OUTSIDE;
		return NULL;
	default:
		*by = CPT_WAKER_INTERRUPT;
		return NULL;
	}
}

/* The lock or the descriptor the present wait is for, as the graph of wake-ups has it; 0 none. */
static inline uint32_t goes_through(const struct task *t, enum cpt_reason reason)
{
	if (reason == CPT_REASON_UNKNOWN)
		return 0;
	return reason_is_lock(reason) ? locks__waited(t, reason) : t->path.channel;
}

/* The wait of the counted task ends: who ended it, and how long it was, goes into the graph of wake-ups.
 * The waker, NULL: none that is counted. 0 or -ENOMEM. */
static inline int note_end(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev,
			   enum cpt_reason reason, struct task **ender)
{
	uint64_t since_ns = t->path.blocked_ns;
	enum cpt_waker by;
	struct task *waker = find_waker(a, t, ev, &by);

	*ender = waker;
	if (by == CPT_WAKER_INTERRUPT)
		by = waker_of_interrupt(reason);
	if (since_ns < a->tl.start_ns)
		since_ns = a->tl.start_ns;
	if (reason == CPT_REASON_UNKNOWN) {
		since_ns = a->now_ns;
	} else if (!waker) {
		t->path.what = chain_wait(reason, by);
		path__keep_wait(&a->tl.path, t);
	}
	return wakegraph__add(&a->wakes,
			      wake_key(by, waker ? waker->path.id : 0, t->path.id, reason),
			      goes_through(t, reason), a->now_ns - since_ns, &t->path.edge);
}

/* The counted task, waiting or parked, becomes runnable. */
static inline __attribute__((always_inline)) int end_block(struct cpt_analysis *a, struct task *t,
							   const struct cpt_event *ev)
{
	const enum cpt_reason reason = t->reason;
	struct task *waker;

	if (__builtin_expect(note_end(a, t, ev, reason, &waker), 0))
		return -ENOMEM;
	t->ready_since_ns = a->now_ns;
	timeline__ready(&a->tl, t);
	tell_watchers(a, t);
	if (__builtin_expect(a->tracking, 0) && list_known(a, t))
		return -ENOMEM;
	if (waker)
		path__follow(&a->tl.path, t, waker, reason == CPT_REASON_BARRIER);
	return 0;
}

/* Nobody knows what it did, but it becomes runnable. Certain even beside a hole: the wake-up came with a
 * switch-in that was seen. */
static __attribute__((noinline)) int end_doubt(struct cpt_analysis *a, struct task *t,
					       const struct cpt_event *ev)
{
	struct task *waker = NULL;
	int err = 0;

	t->throttled = false;
	t->woken_in_doubt = true;
	t->ready_kind = CPT_READY_WAKE;
	if (t->counted)
		err = note_end(a, t, ev, CPT_REASON_UNKNOWN, &waker);
	if (!err)
		err = set_off(a, t, CPT_STATE_RUNNABLE, CPT_REASON_OTHER);
	if (!err && waker)
		path__follow(&a->tl.path, t, waker, false);
	return err;
}

static struct wake_source source_of(const struct cpt_event *ev)
{
	return (struct wake_source){ev->other, ev->flags, ev->wake_ctx};
}

/* It is still on its CPU. */
static __attribute__((noinline)) void wake_early(struct cpt_analysis *a, struct task *t,
						 const struct cpt_event *ev)
{
	enum cpt_waker who;
	struct task *waker;

	t->wake_pending = true;
	t->early_wake = source_of(ev);
	waker = t->counted ? find_waker(a, t, ev, &who) : NULL;
	if (waker)
		path__order(&a->tl.path, t, waker);
}

static __attribute__((noinline)) int end_watched(struct cpt_analysis *a, struct task *t,
						 const struct cpt_event *ev)
{
	const struct wake_source by = source_of(ev);

	return end_wait(a, t, &by);
}

static inline __attribute__((always_inline)) int on_wake(struct cpt_analysis *a,
							 const struct cpt_event *ev)
{
	struct task *t = tasks__find(&a->tasks, ev->task);
	int err;

	a->counts.wakes++;
	if (!t || !t->live)
		return 0;
	switch (t->state) {
	case CPT_STATE_RUNNING:
		wake_early(a, t, ev);
		return 0;
	case CPT_STATE_WAITING:
	case CPT_STATE_PARKED:
		if (t->watched) {
			err = end_watched(a, t, ev);
			if (err)
				return err;
		}
		return t->counted ? end_block(a, t, ev)
				  : set_off(a, t, CPT_STATE_RUNNABLE, CPT_REASON_OTHER);
	case CPT_STATE_UNKNOWN:
		return end_doubt(a, t, ev);
	case CPT_STATE_RUNNABLE:
	case CPT_STATE_CNT:
		break;
	}
	return 0;
}

/* ---- identity ------------------------------------------------------------------------------------ */

static int on_new(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *t = tasks__get(&a->tasks, ev->task);
	struct task *parent = ev->other ? tasks__find(&a->tasks, ev->other) : NULL;
	bool was_root_thread;
	int err;

	if (!t)
		return -errno;
	was_root_thread = t->live && t->proc == 1;
	if (t->unborn && !t->known && a->opts.births_lost) /* none of those that are lost */
		a->tl.unborn++;
	timeline__leave(&a->tl, t);
	timeline__drop_mask(&a->tl, t);
	err = tasks__born(&a->tasks, t, parent, ev->info);
	if (!err)
		err = sqpolls__named(a->sqpolls, t, a->now_ns);
	if (err)
		return err;
	if (!t->live && ev->task == 1 && a->meta->argv &&
	    !(a->meta->flags & CPT_TRACE_ATTACHED)) /* lives from its exec on */
		return 0;
	if (!t->live) {
		/* Births come beside the CPUs' records: it may stand before what is lost at this ns. */
		err = come_alive(a, t,
				 a->holes || a->hole_end_ns == a->now_ns ? CPT_STATE_UNKNOWN
									 : CPT_STATE_RUNNABLE,
				 ev->cpu);
		if (!err && t->counted && parent && parent->counted && parent != t)
			path__follow(&a->tl.path, t, parent, false);
		return err;
	}
	/* Its first switch was seen before its birth. */
	if (was_root_thread != (t->proc == 1))
		a->root_live += t->proc == 1 ? 1 : -1;
	if (!t->flight)
		loops__alive(a->flights, t);
	refresh_member(a, t);
	timeline__enter(&a->tl, t);
	tell_watchers(a, t);
	return 0;
}

static int on_exec(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *t = tasks__get(&a->tasks, ev->task);
	int err;

	if (!t)
		return -errno;
	see_left_out(a, t);
	loop_ledger__stop(a->loops, t, a->now_ns);
	timeline__leave(&a->tl, t);
	err = tasks__exec(t, ev->info);
	if (err)
		return err;
	t->group = TASK_NONE;
	loops__exec(a->flights, t, a->now_ns);
	if (!t->live) {
		err = vacate_cpu(a, ev->cpu);
		if (err)
			return err;
		/* Where records of this CPU are missing, it may have left it since. */
		a->cpu_cur[ev->cpu] = a->blind[ev->cpu] ? 0 : ev->task;
		err = come_alive(a, t, a->blind[ev->cpu] ? CPT_STATE_UNKNOWN : CPT_STATE_RUNNING,
				 ev->cpu);
		if (err)
			return err;
	} else {
		refresh_member(a, t);
	}
	if (ev->task == 1 && a->window == WINDOW_BEFORE && a->open_at_ns == NO_STOP_NS) {
		if (!a->meta->delay_ns)
			open_window(a);
		else if (a->meta->delay_ns < TS_MAX_NS - a->now_ns)
			a->open_at_ns = a->now_ns + a->meta->delay_ns;
		find_next_stop(a);
	}
	timeline__enter(&a->tl, t);
	tell_watchers(a, t);
	return 0;
}

static int on_rename(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *t = tasks__get(&a->tasks, ev->task);

	if (!t)
		return -errno;
	see_left_out(a, t);
	timeline__leave(&a->tl, t);
	tasks__rename(t, ev->info);
	t->group = TASK_NONE;
	refresh_member(a, t);
	timeline__enter(&a->tl, t);
	tell_watchers(a, t);
	return sqpolls__named(a->sqpolls, t, a->now_ns);
}

/* Its last moment is in a hole: anywhere in it. */
static void die_in_hole(struct cpt_analysis *a, struct task *t)
{
	/* Where nobody is counted yet, or any more for a while, that may begin before the hole is over. */
	const bool counted = t->counted || ((!a->tl.open || a->paused) && t->member);

	for (uint32_t cpu = 0; cpu < a->tl.cpu_cnt; cpu++)
		if (a->hole_until_ns[cpu] > a->dying_until_ns)
			a->dying_until_ns = a->hole_until_ns[cpu];
	die(a, t);
	if (counted && a->window != WINDOW_OVER) {
		timeline__dying(&a->tl, a->tl.dying + 1);
		t->dying = 1 + a->holes_over;
	}
}

static int on_exit_info(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *t = tasks__get(&a->tasks, ev->task);

	if (!t)
		return -errno;
	t->row.kernel_cpu_ns = ev->info->sum_exec_ns;
	t->exited = true;
	/* Its final switch-out is lost: this is what is left of it. */
	if (!t->live || t->state != CPT_STATE_UNKNOWN)
		return 0;
	timeline__fade(&a->tl, t);
	if (a->hole_until_ns[ev->cpu]) {
		die_in_hole(a, t);
	} else if (a->hole_end_ns == a->now_ns &&
		   (a->hole_end_cpu == ev->cpu || a->hole_end_cpu == HOLE_END_MANY)) {
		/* Lost at the last ns of the hole, or what comes next. */
		a->exit_task = ev->task;
		a->exit_ns = a->now_ns;
		find_next_stop(a);
	}
	return 0;
}

static int on_affinity(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *t = tasks__get(&a->tasks, ev->task);
	bool counted;
	uint32_t from;
	int err;

	if (!t)
		return -errno;
	counted = t->counted;
	from = t->mask;
	timeline__leave(&a->tl, t);
	timeline__drop_mask(&a->tl, t);
	err = tasks__affinity(&a->tasks, t, &ev->info->mask);
	timeline__enter(&a->tl, t);
	tell_watchers(a, t);
	if (err || from == TASK_NONE || t->mask == TASK_NONE || from == t->mask)
		return err;
	if (counted)
		return affinity__changed(&a->affinity, &a->tasks, t, from, a->tl.online, a->now_ns);
	if (t->live && a->tl.open)
		affinity__passed_over(&a->affinity, &a->tasks, t, from, a->tl.online, a->now_ns);
	return 0;
}

/* ---- lost records --------------------------------------------------------------------------------- */

static void doubt(struct cpt_analysis *a, struct task *t, uint32_t cpu)
{
	if (!t->live || t->state == CPT_STATE_UNKNOWN)
		return;
	if (t->state == CPT_STATE_RUNNING && t->cpu != cpu)
		return;
	t->wake_pending = false;
	if (t->exited)
		timeline__fade(&a->tl, t);
	keep_wait(a, t);
	bounds__retro(&a->tl, t, a->now_ns);
	set_off(a, t, CPT_STATE_UNKNOWN, CPT_REASON_OTHER); /* it is listed: cannot fail */
}

static int on_loss(struct cpt_analysis *a, const struct cpt_event *ev)
{
	const uint64_t until = ev->until_ns < TS_MAX_NS ? ev->until_ns : TS_MAX_NS;
	uint32_t kept = 0;

	a->counts.lost += ev->count;
	accounts__hole(&a->tl.acc, ev->cpu, until);
	if (until > a->now_ns) {
		if (!a->hole_until_ns[ev->cpu])
			a->holes++;
		if (until > a->hole_until_ns[ev->cpu])
			a->hole_until_ns[ev->cpu] = until;
	} else {
		end_hole(a, ev->cpu);
	}
	if (!a->tracking) {
		a->tracking = true;
		for (uint32_t id = 1; id < a->tasks.end; id++) {
			struct task *t = tasks__find(&a->tasks, id);

			if (t && t->live && list_known(a, t))
				return -ENOMEM;
		}
	}
	a->cpu_cur[ev->cpu] = 0;
	set_blind(a, ev->cpu, BLIND_HOLE);
	locks__lost(a->locks);
	for (uint32_t i = 0; i < a->known_cnt; i++) {
		struct task *t = tasks__find(&a->tasks, a->known[i]);

		doubt(a, t, ev->cpu);
		t->in_known = t->live && t->state != CPT_STATE_UNKNOWN;
		if (t->in_known)
			a->known[kept++] = t->row.id;
	}
	a->known_cnt = kept;
	find_next_stop(a);
	return 0;
}

/* ---- stacks and samples ---------------------------------------------------------------------------- */

/* Kept for the switch of this time, which comes next. */
static int on_stacks(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *out = ev->task ? tasks__find(&a->tasks, ev->task) : NULL;
	struct task *in = ev->other ? tasks__find(&a->tasks, ev->other) : NULL;

	if (out) {
		out->out_stack_ns = ev->ts_ns;
		out->out_user = ev->user;
		out->out_kernel = ev->kernel;
	}
	if (in) {
		in->in_stack_ns = ev->ts_ns;
		in->wake_user = ev->wake_user;
		in->wake_kernel = ev->wake_kernel;
	}
	return 0;
}

static int on_sample(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *t = tasks__find(&a->tasks, ev->task);

	if (!a->sites || !a->tl.open)
		return 0;
	if (!t || t->state != CPT_STATE_RUNNING) {
		sites__stray(a->sites);
		return 0;
	}
	if (!t->counted)
		return 0;
	t->row.samples++;
	t->row.latency += 1.0 / a->tl.running;
	return sites__sampled(a->sites, timeline__group(&a->tl, t), ev->user, ev->kernel,
			      (uint8_t)ev->flags, a->tl.running,
			      t->sqpoll && sqpolls__spins(a->sqpolls, t, a->now_ns));
}

/* ---- records of event loops ------------------------------------------------------------------------- */

static int on_loop(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct task *t = ev->task ? tasks__find(&a->tasks, ev->task) : NULL;
	int taken;

	/* What it did so far is told by how things stood before. */
	if (t && t->sqpoll && ev->type == CPT_EV_LOOP)
		sqpolls__acted(a->sqpolls, t, ev->other, a->now_ns);
	if (ev->type == CPT_EV_LOOP_LOST)
		sqpolls__lost(a->sqpolls);
	taken = loops__feed(a->flights, ev, a->now_ns);
	return taken <= 0 ? taken : loop_ledger__feed(a->loops, &a->tasks, t, ev, a->now_ns);
}

/* ---- phases ---------------------------------------------------------------------------------------
 *
 * A filter of phases puts their spans one behind the other. States are followed all the time, but between
 * two spans the clock of the analysis stands still and nobody is counted:
 *
 *      trace's clock   |--- load ---|~~~~ work ~~~~|--- load ---|
 *      now_ns          |--- load ---|              |--- load ---|
 *                                   now_ns = trace's clock - skipped_ns
 *
 * So every account runs on as if nothing had been between. What is due at a time (the ends of holes, of --time
 * and of the window) is moved with the clock.
 */

static void pause_accounting(struct cpt_analysis *a)
{
	path__pause(&a->tl.path, &a->tasks);
	end_accounting(a);
	timeline__pause(&a->tl);
	a->paused = true;
	a->gap_from_ns = a->real_ns;
	find_next_stop(a);
}

/* A time that was due at at_ns, by the clock that has stood still. */
static uint64_t move_due(const struct cpt_analysis *a, uint64_t at_ns, uint64_t gap_ns)
{
	return at_ns > a->now_ns && at_ns - a->now_ns > gap_ns ? at_ns - gap_ns : a->now_ns;
}

static void resume_accounting(struct cpt_analysis *a, const struct cpt_event *mark)
{
	const uint64_t gap_ns = a->real_ns - a->gap_from_ns;

	a->skipped_ns += gap_ns;
	a->paused = false;
	if (a->cut_to_ns != UINT64_MAX)
		a->cut_to_ns = move_due(a, a->cut_to_ns, gap_ns);
	if (a->opts.end_ns)
		a->opts.end_ns = move_due(a, a->opts.end_ns, gap_ns);
	for (uint32_t cpu = 0; a->holes && cpu < a->tl.cpu_cnt; cpu++)
		if (a->hole_until_ns[cpu])
			a->hole_until_ns[cpu] = move_due(a, a->hole_until_ns[cpu], gap_ns);
	for (uint32_t id = 1; id < a->tasks.end; id++) {
		struct task *t = tasks__find(&a->tasks, id);

		if (t)
			t->row.alive_at_end = false;
	}
	if (a->cut_to_ns > a->now_ns) {
		path__resume(&a->tl.path);
		timeline__resume(&a->tl);
		begin_accounting(a, mark);
	} else {
		a->paused = true;
		a->gap_from_ns = a->real_ns;
	}
	find_next_stop(a);
}

/* A chosen phase begins behind one that is not. */
static void enter_phase(struct cpt_analysis *a, const struct cpt_event *mark)
{
	if (a->window != WINDOW_OPEN)
		return;
	if (a->paused) {
		resume_accounting(a, mark);
	} else if (!a->tl.open && !a->tl.opened && a->now_ns >= a->cut_from_ns &&
		   a->now_ns < a->cut_to_ns) {
		open_accounting(a, mark);
		find_next_stop(a);
	}
}

static __attribute__((noinline)) int on_mark(struct cpt_analysis *a, const struct cpt_event *ev)
{
	const bool was_in = a->in_phase;
	int err;

	if (!ev->mark)
		return -EINVAL;
	a->in_phase = is_chosen_phase(a, phases__name(ev));
	if (was_in && !a->in_phase && a->tl.open)
		pause_accounting(a);
	err = phases__mark(a->phases, &a->tl, ev, real_now(a));
	if (!err && !was_in && a->in_phase)
		enter_phase(a, ev);
	return err;
}

/* While the clock stands, holes end by the trace's, and its instants follow each other. */
static void pass_in_gap(struct cpt_analysis *a, uint64_t to_ns)
{
	const uint64_t by_now_ns = a->now_ns + (to_ns - a->gap_from_ns);

	if (to_ns > a->real_ns) {
		a->hole_end_ns = UINT64_MAX;
		if (a->exit_task)
			end_exit(a);
	}
	for (uint32_t cpu = 0; a->holes && cpu < a->tl.cpu_cnt; cpu++) {
		const uint64_t until_ns = a->hole_until_ns[cpu];

		if (!until_ns || until_ns > by_now_ns)
			continue;
		a->hole_until_ns[cpu] = 0;
		a->holes--;
		if (until_ns == by_now_ns)
			end_hole(a, cpu);
	}
	end_dying(a);
}

static uint64_t moved(const struct cpt_analysis *a, uint64_t ns)
{
	return ns > a->skipped_ns ? ns - a->skipped_ns : 0;
}

/* The event as it stands on the clock of the analysis. */
static struct cpt_event moved_event(struct cpt_analysis *a, const struct cpt_event *ev)
{
	struct cpt_event at = *ev;

	if (a->paused)
		pass_in_gap(a, ev->ts_ns);
	a->real_ns = ev->ts_ns;
	at.ts_ns = a->paused ? a->now_ns : moved(a, ev->ts_ns);
	if (ev->type == CPT_EV_LOSS)
		at.until_ns = ev->until_ns > ev->ts_ns ? moved(a, ev->until_ns) : at.ts_ns;
	else if (ev->type == CPT_EV_OCCUPANCY)
		at.occ_since_ns = moved(a, ev->occ_since_ns);
	return at;
}

/* ---- the pass ---------------------------------------------------------------------------------- */

static __attribute__((noinline)) int feed_one(struct cpt_analysis *a, const struct cpt_event *ev)
{
	if (ev->cpu >= a->tl.cpu_cnt || ev->ts_ns > TS_MAX_NS)
		return -EINVAL;
	move_to(a, ev->ts_ns);
	if (__builtin_expect(a->window == WINDOW_OVER, 0)) /* something on the way there ended it */
		return on_tail(a, ev);
	switch (ev->type) {
	case CPT_EV_SWITCH:
		if (a->window == WINDOW_BEFORE && a->open_at_ns == NO_STOP_NS &&
		    !a->meta->delay_ns && (ev->task || ev->other)) {
			/* Nothing is of the workload before the command's exec: that is lost. */
			a->counts.odd_events++;
			open_window(a);
			lose_start(a);
			if (a->now_ns > a->meta->start_mono_ns)
				a->tl.bounds.earlier_ns = a->now_ns - a->meta->start_mono_ns;
		}
		return on_switch(a, ev);
	case CPT_EV_WAKE:
		return on_wake(a, ev);
	case CPT_EV_NEW:
		return on_new(a, ev);
	case CPT_EV_EXEC:
		return on_exec(a, ev);
	case CPT_EV_RENAME:
		return on_rename(a, ev);
	case CPT_EV_EXIT:
		return on_exit_info(a, ev);
	case CPT_EV_AFFINITY:
		return on_affinity(a, ev);
	case CPT_EV_LOSS:
		return on_loss(a, ev);
	case CPT_EV_STACKS:
		return on_stacks(a, ev);
	case CPT_EV_SAMPLE:
		return on_sample(a, ev);
	case CPT_EV_OCCUPANCY:
		return on_occupancy(a, ev);
	case CPT_EV_LOOP_NEW:
	case CPT_EV_LOOP:
	case CPT_EV_LOOP_LOST:
	case CPT_EV_LOOP_END:
		return on_loop(a, ev);
	case CPT_EV_MARK:
		return on_mark(a, ev);
	default: /* what newer writers may add */
		return 0;
	}
}

/* With more tasks than the first cache holds, what a task coming up next will be asked is fetched while
 * the events before are worked on. The one that leaves its CPU came a short while ago. */
#define FETCH_AHEAD	4
#define FETCH_TASKS_MIN 40

static inline void fetch_ahead(const struct cpt_analysis *a, const struct cpt_event *ev)
{
	const uint32_t id = ev->type == CPT_EV_SWITCH ? ev->other : ev->task;
	const struct task *t = tasks__find(&a->tasks, id);

	if (!t)
		return;
	for (size_t at = 0; at < offsetof(struct task, known); at += TASK_LINE)
		__builtin_prefetch((const char *)t + at, 1);
	__builtin_prefetch(&t->row.running_ns, 1);
	__builtin_prefetch(&t->row.voluntary, 1);
}

/* Outside of the window, or where anything but an event may be due: no short cut. */
static __attribute__((noinline)) int feed_slowly(struct cpt_analysis *a, const struct cpt_event *ev)
{
	if (a->window == WINDOW_OVER)
		return on_tail(a, ev);
	a->counts.events++;
	/* Neither a command nor attached: from the first event. */
	if (a->window == WINDOW_BEFORE && !a->meta->argv &&
	    !(a->meta->flags & CPT_TRACE_ATTACHED)) {
		a->now_ns = ev->ts_ns;
		open_window(a);
	}
	return feed_one(a, ev);
}

/* A switch or a wake-up within the window, before the next stop. */
static inline int feed_fast(struct cpt_analysis *a, const struct cpt_event *ev)
{
	a->counts.events++;
	if (ev->ts_ns > a->now_ns)
		a->now_ns = ev->ts_ns;
	timeline__advance(&a->tl, a->now_ns);
	return ev->type == CPT_EV_SWITCH ? on_switch(a, ev) : on_wake(a, ev);
}

static int feed_events(struct cpt_analysis *a, const struct cpt_event *ev, size_t cnt)
{
	for (const struct cpt_event *end = ev + cnt; ev < end; ev++) {
		int err;

		if (a->tasks.end > FETCH_TASKS_MIN && end - ev > FETCH_AHEAD)
			fetch_ahead(a, ev + FETCH_AHEAD);
		if (__builtin_expect((ev->type == CPT_EV_SWITCH || ev->type == CPT_EV_WAKE) &&
					     ev->ts_ns < a->next_stop_ns &&
					     a->window == WINDOW_OPEN && ev->cpu < a->tl.cpu_cnt,
				     1))
			err = feed_fast(a, ev);
		else
			err = feed_slowly(a, ev);
		if (__builtin_expect(err | a->tl.err | a->tl.path.err, 0)) {
			a->err = err ? err : a->tl.err ? a->tl.err : a->tl.path.err;
			return a->err;
		}
	}
	return 0;
}

int analysis__feed(struct cpt_analysis *a, const struct cpt_event *ev, size_t cnt)
{
	if (a->err)
		return a->err;
	if (!a->opts.filter.phase_cnt)
		return feed_events(a, ev, cnt);
	for (size_t i = 0; i < cnt && !a->err; i++) {
		const struct cpt_event at = moved_event(a, &ev[i]);

		feed_events(a, &at, 1);
	}
	return a->err;
}

static int take_locks(struct cpt_analysis *a, struct cpt_report *r)
{
	int err = locks__take(a->locks, a->now_ns, &r->locks, &r->locks_cnt);

	if (!err)
		err = wake_edges__link(r->wake_edges, r->wake_edges_cnt, r->locks, r->locks_cnt);
	if (err)
		return err;
	return ceilings__take(a->ceilings, r->window_ns, r->locks, r->locks_cnt, &r->ceilings,
			      &r->ceilings_cnt);
}

static void take_services(const struct cpt_analysis *a, struct cpt_report *r)
{
	for (uint32_t i = 0; i < r->instances_cnt; i++) {
		struct cpt_epoll_instance *in = &r->instances[i];

		in->services_cnt = services__of(a->opts.services, in->id, in->services);
	}
}

static int take_loops(struct cpt_analysis *a, struct cpt_report *r)
{
	int err = loop_ledger__take(a->loops, a->now_ns, &r->loops);

	if (!err)
		err = sqpolls__take(a->sqpolls, &r->sqpolls, &r->sqpolls_cnt);
	return err ? err : loop_groups__find(r);
}

static uint8_t filtered(const struct cpt_filter *f)
{
	return (f->pid_cnt || f->tid_cnt || f->comm_cnt ? CPT_FILTERED_TASKS : 0) |
	       (f->cpus ? CPT_FILTERED_CPUS : 0) |
	       (f->have_time || f->phase_cnt ? CPT_FILTERED_TIME : 0);
}

/* Since when nobody knows whether the command's process is alive; its window was open to the end. */
static uint64_t doubted_since(const struct cpt_analysis *a, bool births_lost)
{
	uint64_t since_ns = a->window_start_ns;

	for (uint32_t id = 1; id < a->tasks.end; id++) {
		const struct task *t = tasks__find(&a->tasks, id);

		if (!t || !t->live || (t->proc != 1 && !a->opts.wait_all))
			continue;
		if (t->state != CPT_STATE_UNKNOWN || (!births_lost && !t->exited))
			return a->window_end_ns;
		if (t->ready_since_ns > since_ns)
			since_ns = t->ready_since_ns;
	}
	return since_ns;
}

static uint64_t before(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How far the window's ends may be from where they are by what is known, and so those of --time. */
static void bound_window(struct cpt_analysis *a, bool open, uint64_t last_ns)
{
	const bool births_lost = a->opts.births_lost;
	struct bounds *b = &a->tl.bounds;
	const uint64_t end_ns = a->window_end_ns, cut_ns = a->cut_to_ns;

	if (!a->meta->argv || a->meta->flags & CPT_TRACE_ATTACHED)
		return;
	if (a->window == WINDOW_BEFORE) { /* its beginning is lost, or it has none */
		if ((births_lost || a->counts.lost) && last_ns > a->meta->start_mono_ns)
			b->longer_ns = last_ns - a->meta->start_mono_ns;
		return;
	}
	/* What opened it may have been a later exec. */
	if (births_lost && a->window_start_ns > a->meta->start_mono_ns)
		b->earlier_ns = a->window_start_ns - a->meta->start_mono_ns;
	if (open)
		b->shorter_ns = end_ns - doubted_since(a, births_lost);
	else if (births_lost && last_ns > end_ns)
		b->longer_ns = last_ns - end_ns;
	b->longer_ns = before(cut_ns, end_ns + b->longer_ns) - before(cut_ns, end_ns);
	b->shorter_ns = before(cut_ns, end_ns) - before(cut_ns, end_ns - b->shorter_ns);
	if (a->opts.filter.have_time)
		b->shorter_ns += b->earlier_ns;
}

struct cpt_report *analysis__finish(struct cpt_analysis *a,
				    const struct cpt_trace_close *close_facts,
				    const char *incomplete_why, uint64_t last_ns)
{
	struct cpt_report *r = NULL;
	/* What was attached to has no end of its own. */
	bool open = a->window != WINDOW_OVER && !(a->meta->flags & CPT_TRACE_ATTACHED);

	if (a->window == WINDOW_BEFORE && a->open_at_ns < NO_STOP_NS && a->open_at_ns <= last_ns &&
	    !a->err)
		move_to(a, a->open_at_ns);
	if (a->window == WINDOW_OPEN && !a->err) {
		last_ns = last_ns < TS_MAX_NS ? last_ns : TS_MAX_NS;
		a->real_ns = last_ns > a->real_ns ? last_ns : a->real_ns;
		move_to(a, a->paused ? a->now_ns : moved(a, last_ns));
		end_window(a);
		a->err = a->tl.err ? a->tl.err : a->tl.path.err;
	}
	/* What came next would have told of wake-ups before it. */
	if (a->window == WINDOW_OVER && incomplete_why)
		doubt_waits(a);
	if (a->err) {
		errno = -a->err;
	} else {
		a->counts.run_ns = a->window_end_ns - a->window_start_ns;
		bound_window(a, open, last_ns);
		r = summary__report(&a->tl, &a->tasks, &a->wakes, &a->counts, a->meta, close_facts);
		if (r && (take_locks(a, r) || take_loops(a, r) ||
			  loops__take(a->flights, a->window_start_ns, &r->instances,
				      &r->instances_cnt))) {
			report__free(r);
			r = NULL;
			errno = ENOMEM;
		}
		if (r) {
			affinity__take(&a->affinity, &a->tasks, r->window_end_ns, &r->affinity);
			take_services(a, r);
			phases__take(a->phases, &r->phases);
			summary__phases(r);
			/* The kernel's account is of whole lives, by the trace's clock. */
			if (a->skipped_ns)
				r->quality.audit_valid = false;
			memcpy(r->latency, a->latency, sizeof(r->latency));
			for (int i = 0; i < CPT_READY_CNT; i++)
				latency__finish(&r->latency[i]);
			if (a->tl.grid && !(r->grid = grid__take(a->tl.grid))) {
				report__free(r);
				analysis__free(a);
				return NULL;
			}
			r->window_open = open;
			r->filtered = filtered(&a->opts.filter);
			summary__limit_audit(r);
			r->quality.incomplete = incomplete_why != NULL;
			r->quality.incomplete_why = incomplete_why;
		}
	}
	analysis__free(a);
	return r;
}

const char *analysis__task_name(const struct cpt_analysis *a, uint32_t id)
{
	const struct task *t = id ? tasks__find(&a->tasks, id) : NULL;

	return t ? t->row.name : "";
}

uint32_t analysis__task_tid(const struct cpt_analysis *a, uint32_t id)
{
	const struct task *t = id ? tasks__find(&a->tasks, id) : NULL;

	return t ? t->row.tid : 0;
}
