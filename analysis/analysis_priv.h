/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * analysis_priv.h - what the parts of the pass share: its state, and the small steps on it.
 *
 * Owns:     struct cpt_analysis; which part does what:
 *             analysis.c         memory, the loop over the events; the usual switch and wake-up
 *             analysis_switch.c  all other switches; what holds the CPUs that run none of ours
 *             analysis_wait.c    what a wait is, where that has to be found out; its beginning and end
 *             analysis_life.c    births, deaths, and who a task is: NEW, EXEC, RENAME, EXIT, AFFINITY
 *             analysis_loss.c    lost records: holes, doubt, blind CPUs, what is lost behind the window
 *             analysis_window.c  the window, --time, and whatever else is due at a time; accounting
 *             analysis_phases.c  marks; a filter of phases, and the clock that stands still with it
 *             analysis_side.c    stacks, samples, records of event loops
 *             analysis_finish.c  the facts at the end of it
 *           and analysis_step.h  what nearly every event takes, in line
 * Must not: be included by anyone else.
 */
#ifndef CPT_ANALYSIS_PRIV_H
#define CPT_ANALYSIS_PRIV_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "affinity.h"
#include "analysis.h"
#include "ceiling.h"
#include "latency.h"
#include "locks.h"
#include "loop_ledger.h"
#include "loops.h"
#include "phases.h"
#include "sqpoll.h"
#include "summary.h"
#include "sysno.h"
#include "tasks.h"
#include "timeline.h"
#include "wait_class.h"
#include "wait_memo.h"
#include "wakegraph.h"

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
	/* With a filter of phases: see analysis_phases.c. */
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

/* What a wait is, and the word it is on (NULL: none that is known), or the descriptor (channel.h). */
struct classified {
	struct cpt_blocked blocked;
	uint32_t channel;
	const struct cpt_word *word;
};

/* ---- the parts -------------------------------------------------------------------------------- */

/* All that return int: 0 or -errno. ev is of this instant, a->now_ns, and of a CPU that there is, where nothing else is
 * said. */

/* analysis_switch.c: a switch, of any kind. */
int analysis_switch__other(struct cpt_analysis *a, const struct cpt_event *ev);
/* Whoever is there by our account left unseen. */
int analysis_switch__vacate(struct cpt_analysis *a, uint32_t cpu);
/* A running task that the filter left out so far held its CPU. */
void analysis_switch__see_left_out(struct cpt_analysis *a, const struct task *t);
/* Before a switch: what held the CPU until now, if no counted task did. */
void analysis_switch__see_outgoing(struct cpt_analysis *a, const struct cpt_event *ev);
int analysis_switch__on_occupancy(struct cpt_analysis *a, const struct cpt_event *ev);

/* analysis_wait.c: what the wait in ev is, which t begins; remembered if it may be. */
struct classified analysis_wait__find_out(struct cpt_analysis *a, const struct task *t,
					  const struct cpt_event *ev);
/* t is stopped in this call. */
int analysis_wait__note_stopped_call(const struct cpt_analysis *a, struct task *t,
				     const struct cpt_wait *wait);
/* t, already turned, begins a wait that is watched (analysis_step.h). */
int analysis_wait__begin(struct cpt_analysis *a, struct task *t, const struct cpt_wait *wait,
			 const struct cpt_word *word, enum cpt_reason reason);
/* t was woken between leaving the run queue and its switch-out. */
int analysis_wait__pass(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev);
/* A wake-up of t: which is still on its CPU; */
void analysis_wait__wake_early(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev);
/* whose wait is watched, before it turns; */
int analysis_wait__end_watched(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev);
/* of which nobody knows what it did, and which becomes runnable. */
int analysis_wait__end_doubt(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev);

/* analysis_life.c: t, not live, joins what is; and leaves it, which may end the window. */
int analysis_life__come_alive(struct cpt_analysis *a, struct task *t, enum cpt_state state,
			      uint32_t cpu);
void analysis_life__die(struct cpt_analysis *a, struct task *t);
/* Is it still of the workload where it is now? Only while the task is out of the counts. */
void analysis_life__refresh_here(struct cpt_analysis *a, struct task *t);
int analysis_life__on_new(struct cpt_analysis *a, const struct cpt_event *ev);
int analysis_life__on_exec(struct cpt_analysis *a, const struct cpt_event *ev);
int analysis_life__on_rename(struct cpt_analysis *a, const struct cpt_event *ev);
int analysis_life__on_exit(struct cpt_analysis *a, const struct cpt_event *ev);
int analysis_life__on_affinity(struct cpt_analysis *a, const struct cpt_event *ev);

/* analysis_loss.c: lists t for the next loss, see list_known(). */
int analysis_loss__list(struct cpt_analysis *a, struct task *t);
int analysis_loss__on_loss(struct cpt_analysis *a, const struct cpt_event *ev);
/* A hole of this CPU ends now. */
void analysis_loss__end_hole(struct cpt_analysis *a, uint32_t cpu);
/* Whoever may have ended in a hole has done so, if none is left. */
void analysis_loss__end_dying(struct cpt_analysis *a);
/* Likewise t, whose final switch-out has come after all. */
void analysis_loss__end_dying_task(struct cpt_analysis *a, struct task *t,
				   const struct cpt_event *ev);
/* This is the EXIT of t, live, of which nobody knows what it does: its final switch-out is lost. */
void analysis_loss__end_unseen(struct cpt_analysis *a, struct task *t, const struct cpt_event *ev);
/* The instant of a->exit_task's EXIT is over, and no switch-out of it came. */
void analysis_loss__end_exit(struct cpt_analysis *a);
/* t was found on a CPU. Where that one's records are missing, it may have left it since. */
int analysis_loss__doubt_found(struct cpt_analysis *a, struct task *t);
/* Nobody knows who runs on this CPU, from now on or until now (SIGHTED). */
void analysis_loss__set_blind(struct cpt_analysis *a, uint32_t cpu, uint8_t blind);
/* What a switch says of who runs where nobody knew. */
void analysis_loss__look_again(struct cpt_analysis *a, const struct cpt_event *ev);
/* The exec that put the command on its CPU is lost. */
void analysis_loss__lose_start(struct cpt_analysis *a);
/* The window may not have ended before at_ns. */
void analysis_loss__may_last(struct cpt_analysis *a, uint64_t at_ns);
/* Records are missing behind the window: whoever waited at its end may have been woken before. */
void analysis_loss__doubt_waits(struct cpt_analysis *a);
/* An event behind the window, of any kind, CPU and instant. */
int analysis_loss__on_tail(struct cpt_analysis *a, const struct cpt_event *ev);

/* analysis_window.c: when something but an event happens next, once any of what is due has changed. */
void analysis_window__find_stop(struct cpt_analysis *a);
/* Does all that is due up to ts_ns, at its times. */
void analysis_window__do_stops(struct cpt_analysis *a, uint64_t ts_ns);
/* The window begins or ends now. */
void analysis_window__open(struct cpt_analysis *a);
void analysis_window__end(struct cpt_analysis *a);
/* The timeline begins to account, with what is live. mark: of the phase that begins, NULL none. */
void analysis_window__open_accounting(struct cpt_analysis *a, const struct cpt_event *mark);
/* Likewise, where it has accounted before; and what is counted leaves the account. */
void analysis_window__begin_accounting(struct cpt_analysis *a, const struct cpt_event *mark);
void analysis_window__end_accounting(struct cpt_analysis *a);

/* analysis_phases.c: does the filter choose the phase of this name? */
bool analysis_phases__is_chosen(const struct cpt_analysis *a, const char *name);
int analysis_phases__on_mark(struct cpt_analysis *a, const struct cpt_event *ev);
/* With a filter of phases: the event, as it stands in the trace, on the clock of the analysis. Its CPU and its time are
 * not checked yet. */
struct cpt_event analysis_phases__move_event(struct cpt_analysis *a, const struct cpt_event *ev);

/* analysis_side.c */
int analysis_side__on_stacks(struct cpt_analysis *a, const struct cpt_event *ev);
int analysis_side__on_sample(struct cpt_analysis *a, const struct cpt_event *ev);
int analysis_side__on_loop(struct cpt_analysis *a, const struct cpt_event *ev);

/* ---- small steps ------------------------------------------------------------------------------ */

/* By the trace's clock. */
static inline uint64_t real_now(const struct cpt_analysis *a)
{
	return a->paused ? a->real_ns : a->now_ns + a->skipped_ns;
}

static inline uint64_t moved(const struct cpt_analysis *a, uint64_t ns)
{
	return ns > a->skipped_ns ? ns - a->skipped_ns : 0;
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

/* May what leaves this CPU now do things that are lost? Its own records stand behind its own hole. */
static inline bool in_doubt(const struct cpt_analysis *a, uint32_t cpu)
{
	return a->holes || (a->hole_end_ns == a->now_ns && a->hole_end_cpu != cpu);
}

/* Lists t for the next loss, from the first one on. 0 or -ENOMEM. */
static inline int list_known(struct cpt_analysis *a, struct task *t)
{
	return a->tracking && !t->in_known ? analysis_loss__list(a, t) : 0;
}

/* A live task leaves its CPU, or changes while off the CPUs. */
static inline int set_off(struct cpt_analysis *a, struct task *t, enum cpt_state state,
			  enum cpt_reason reason)
{
	if (t->state == CPT_STATE_RUNNING)
		t->row.traced_cpu_ns += a->now_ns - t->on_cpu_since_ns;
	t->ready_since_ns = a->now_ns;
	timeline__turn(&a->tl, t, state, reason, t->cpu);
	tell_watchers(a, t);
	return list_known(a, t);
}

/* A wait ends without a wake-up that was seen. */
static inline void keep_wait(struct cpt_analysis *a, struct task *t)
{
	if (t->counted && (t->state == CPT_STATE_WAITING || t->state == CPT_STATE_PARKED))
		path__keep_wait(&a->tl.path, t);
}

#endif /* CPT_ANALYSIS_PRIV_H */
