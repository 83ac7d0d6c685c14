/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * timeline_step.h - the steps of the timeline that nearly every event takes, in line.
 *
 * Owns:     nothing of its own: these are functions of timeline.h for the cases that make up nearly all
 *           of a trace, each the same as the general one, and with what cancels out left away:
 *
 *      CPU 0   ---- prev ----|---- next ----      timeline__swap(): R, the cores, the CPU's account stay
 *      a task  ~~~ waits ~~~~|.. runnable ..      timeline__ready()
 *      time    |----- stretch, all is known -----|   timeline__advance()
 *
 * To be included by timeline.c, analysis_step.h and analysis_window.c alone, and by unit tests of these steps.
 *
 * Private to analysis/.
 */
#ifndef CPT_TIMELINE_STEP_H
#define CPT_TIMELINE_STEP_H

#include "timeline.h"

/* ---- which class is this instant of? -------------------------------------------------------- */

/* Counts as far as they matter for the split: R, Q and W as 0, 1, many, and two flags. R <= 1, A = 0. */
static inline uint32_t timeline_split_key(const struct timeline *tl)
{
	const uint32_t q = tl->runnable < 2 ? tl->runnable : 2;
	const uint32_t w = tl->in_progress_blocked < 2 ? tl->in_progress_blocked : 2;

	return ((tl->running * 3 + q) * 3 + w) * 4 + tl->split_flags;
}

static inline enum cpt_split timeline_parallel_split(const struct timeline *tl)
{
	return tl->cores_running >= 2 ? CPT_SPLIT_PARALLEL_MULTI_CORE : CPT_SPLIT_PARALLEL_SMT_ONLY;
}

/* The split of an instant at which no task's state is in doubt, and no operation in flight. */
static inline enum cpt_split timeline_certain_split(const struct timeline *tl)
{
	if (tl->running > 1)
		return timeline_parallel_split(tl);
	return (enum cpt_split)tl->splits[timeline_split_key(tl)];
}

/* ---- time ------------------------------------------------------------------------------------- */

static inline double timeline_inverse(const struct timeline *tl, uint32_t k)
{
	return __builtin_expect(k < INVERSES, 1) ? tl->inverse[k] : 1.0 / k;
}

/* Of [now, to) what is the same whether there are doubts or not. */
static inline void timeline_account_running(struct timeline *tl, uint64_t span)
{
	const uint32_t running = tl->running;

	tl->sums.running += span * running;
	tl->parallel_ns[running] += span;
	tl->cores_ns[tl->cores_running] += span;
	if (running >= 2)
		tl->run_parallel_ns += span;
	tl->run_bottle += (double)span * timeline_inverse(tl, running);
	tl->run_cmetric += (double)span * timeline_inverse(tl, running + tl->runnable);
}

/* The stretch [now, to), in which nothing changes, and which is as most are: tl->unusual is not set. */
static inline void timeline_account_usual(struct timeline *tl, uint64_t to_ns)
{
	const uint64_t span = to_ns - tl->now_ns;
	const uint32_t c = timeline__in_progress(tl);

	accounts__advance(&tl->acc, span);
	tl->sums.split_ns[timeline_certain_split(tl)] += span;
	tl->sums.runnable += span * tl->runnable;
	tl->sums.in_progress += span * c;
	tl->concurrent_ns[c] += span;
	if (tl->running) {
		timeline_account_running(tl, span);
	} else {
		tl->parallel_ns[0] += span;
		tl->cores_ns[0] += span;
	}
	tl->now_ns = to_ns;
}

/* Moves to now_ns (never back), accounting the stretch. */
static inline void timeline__advance(struct timeline *tl, uint64_t now_ns)
{
	if (!tl->open || now_ns <= tl->now_ns)
		return;
	if (__builtin_expect(now_ns >= tl->mark_ns || tl->unusual ||
				     timeline__in_progress(tl) >= tl->concurrent_cap,
			     0))
		timeline__advance_slow(tl, now_ns);
	else
		timeline_account_usual(tl, now_ns);
}

/* ---- names that run together ------------------------------------------------------------------ */

/* Two names run together since the later of the two began; so nothing has to be noted for each pair when
 * one begins, and the one that ends first books it, in its own row: see group_ns. */
static inline void timeline_book_pairs(struct timeline *tl, uint32_t g, uint32_t place)
{
	const uint64_t since_ns = tl->group_since[place], now_ns = tl->now_ns;
	uint64_t *row = tl->group_ns[g];

	for (uint32_t i = 0; i < tl->group_active_cnt; i++) {
		const uint64_t other_ns = tl->group_since[i];

		/* Its own place is booked too: nobody reads it there (see timeline__overlap_ns). */
		row[tl->group_active[i]] += now_ns - (other_ns > since_ns ? other_ns : since_ns);
	}
}

static inline void timeline_group_enter(struct timeline *tl, uint32_t g)
{
	struct timeline_group *group = &tl->groups[g];

	if (++group->running == 2)
		group->pair_since_ns = tl->now_ns;
	if (group->running != 1)
		return;
	group->place = tl->group_active_cnt++;
	tl->group_active[group->place] = g;
	tl->group_since[group->place] = tl->now_ns;
}

static inline void timeline_group_leave(struct timeline *tl, uint32_t g)
{
	struct timeline_group *group = &tl->groups[g];
	uint32_t last;

	if (--group->running == 1)
		tl->pairs_ns[g] += tl->now_ns - group->pair_since_ns;
	if (group->running)
		return;
	timeline_book_pairs(tl, g, group->place);
	last = tl->group_active[--tl->group_active_cnt];
	tl->group_active[group->place] = last;
	tl->group_since[group->place] = tl->group_since[tl->group_active_cnt];
	tl->groups[last].place = group->place;
}

/* A task of g makes place for one of h. */
static inline void timeline_group_swap(struct timeline *tl, uint32_t g, uint32_t h)
{
	struct timeline_group *from = &tl->groups[g], *to = &tl->groups[h];

	if (g == h)
		return;
	if (from->running != 1 || to->running) {
		timeline_group_leave(tl, g);
		timeline_group_enter(tl, h);
		return;
	}
	if (tl->group_active_cnt > 1)
		timeline_book_pairs(tl, g, from->place);
	from->running = 0;
	to->running = 1;
	to->place = from->place;
	tl->group_active[to->place] = h;
	tl->group_since[to->place] = tl->now_ns;
}

/* ---- tasks come and go ------------------------------------------------------------------------ */

static inline void timeline_count_blocked(struct timeline *tl, enum cpt_reason reason,
					  uint32_t change)
{
	const uint32_t adds = tl->adds[reason];

	if (!adds) /* parked, as most are */
		return;
	if (adds & CPT_ADDS_IN_PROGRESS) {
		tl->in_progress_blocked += change;
		accounts__wait(&tl->acc, reason, (int)change);
		if (adds == CPT_ADDS_IN_PROGRESS)
			return;
	}
	tl->lock_waits += adds & ADDS_LOCK ? change : 0;
	tl->asleep += adds & ADDS_ASLEEP ? change : 0;
	tl->condvars += adds & ADDS_CONDVAR ? change : 0;
	tl->split_flags = (uint32_t)(tl->lock_waits != 0) << 1 | (tl->asleep != 0);
	if (tl->condvars || tl->asleep > tl->peak_asleep)
		tl->unusual = true;
}

static inline void timeline_begin_turn(struct timeline *tl, struct task *t)
{
	t->at_parallel_ns = tl->run_parallel_ns;
	t->at_running = tl->sums.running;
	t->at_bottle = tl->run_bottle;
	t->at_cmetric = tl->run_cmetric;
}

static inline void timeline_end_turn(struct timeline *tl, struct task *t)
{
	t->row.running_ns += tl->now_ns - t->since_ns;
	t->row.parallel_ns += tl->run_parallel_ns - t->at_parallel_ns;
	t->row.bottle_width += (double)(tl->sums.running - t->at_running); /* divided at the end */
	t->row.bottle_height_ns += tl->run_bottle - t->at_bottle;
	t->row.cmetric_ns += tl->run_cmetric - t->at_cmetric;
}

/* t's stretch, which ends now, to whoever wants them all. */
static inline void timeline_emit(struct timeline *tl, const struct task *t)
{
	if (tl->emits && tl->now_ns > t->since_ns && !tl->err)
		timeline__emit_interval(tl, t);
}

static inline void timeline_begin_ready(struct timeline *tl, struct task *t)
{
	t->since_ns = tl->now_ns;
	tl->runnable++;
	t->held = t->throttled;
	accounts__ready(&tl->acc, t->slot, t->held, +1);
}

static inline void timeline_end_ready(struct timeline *tl, struct task *t)
{
	t->row.runnable_ns += tl->now_ns - t->since_ns;
	tl->runnable--;
	accounts__ready(&tl->acc, t->slot, t->held, -1);
}

static inline void timeline_begin_blocked(struct timeline *tl, struct task *t)
{
	t->since_ns = tl->now_ns;
	timeline_count_blocked(tl, t->reason, 1);
	t->at_lost = tl->run_lost;
}

static inline void timeline_end_blocked(struct timeline *tl, struct task *t)
{
	const uint64_t span = tl->now_ns - t->since_ns;

	t->row.reason_ns[t->reason] += span;
	timeline_count_blocked(tl, t->reason, (uint32_t)-1);
	if (__builtin_expect(tl->sites != NULL, 0))
		timeline__note_wait(tl, t, span);
}

/* The counted task, waiting or parked, becomes runnable. */
static inline void timeline__ready(struct timeline *tl, struct task *t)
{
	if (__builtin_expect(t->flight != NULL, 0)) {
		timeline__turn(tl, t, CPT_STATE_RUNNABLE, CPT_REASON_OTHER, t->cpu);
		return;
	}
	timeline_end_blocked(tl, t);
	timeline_emit(tl, t);
	t->state = CPT_STATE_RUNNABLE;
	t->reason = CPT_REASON_OTHER;
	timeline_begin_ready(tl, t);
}

/* prev, counted and running, without loops as next is, makes its CPU free for next, counted and runnable, and turns to
 * `state`: runnable (prev->throttled is set), waiting or parked. */
static inline __attribute__((always_inline)) void
timeline__swap(struct timeline *tl, struct task *prev, enum cpt_state state, enum cpt_reason reason,
	       struct task *next)
{
	const uint32_t cpu = prev->cpu;

	timeline_end_turn(tl, prev);
	timeline_emit(tl, prev);
	prev->state = state;
	prev->reason = reason;
	if (state != CPT_STATE_RUNNABLE) {
		timeline_begin_blocked(tl, prev);
		timeline_end_ready(tl, next);
	} else if (prev->slot == next->slot && prev->slot != ACCT_SLOT_NONE && !prev->throttled &&
		   !next->held) { /* one more and one less of the same kind */
		prev->since_ns = tl->now_ns;
		prev->held = false;
		next->row.runnable_ns += tl->now_ns - next->since_ns;
	} else {
		timeline_begin_ready(tl, prev);
		timeline_end_ready(tl, next);
	}
	timeline_emit(tl, next);
	next->state = CPT_STATE_RUNNING;
	next->reason = CPT_REASON_OTHER;
	next->cpu = cpu;
	next->since_ns = tl->now_ns;
	tl->cpu_task[cpu] = next->path.id;
	timeline_begin_turn(tl, next);
	timeline_group_swap(tl, prev->group, timeline__group(tl, next));
	if (__builtin_expect(next->noted_cpu != cpu, 0))
		timeline__note_cpu(tl, next);
}

#endif /* CPT_TIMELINE_STEP_H */
