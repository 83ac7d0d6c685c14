// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_bounds_views.c - records are lost of a run that is attached to, has event loops, or of which phases are
 * chosen: each true figure lies within its bounds.
 *
 *   attached   |... found, in its state, at an instant |--- window ------------------|
 *   loops      operations in flight, of which reports are lost as well
 *   phases     |~~~~|--- chosen ---|~~~~~~~~|--- chosen ---|~~~~
 *
 * What is told beside the rings (how a task was found, loops, marks) is put between the records that are left,
 * at its time.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "lossy.h"
#include "within.h"

#define BESIDE_MAX (2 * GEN_EVENTS_MAX)
#define MARKS_MAX  12

static const char *const names[] = {"load", "work", CPT_PHASE_START};
#define NAMES (sizeof(names) / sizeof(*names))

static struct gen gen;
static struct cpt_event beside[BESIDE_MAX], all[BESIDE_MAX + 4 * GEN_EVENTS_MAX];
static struct cpt_info found_infos[GEN_TASKS_MAX + 1];
static uint64_t cases_lost, tight, told;

/* ---- what stands beside the records ------------------------------------------------------------- */

static size_t cnt_beside;

static struct cpt_event *put_beside(const struct cpt_event *ev)
{
	assert_true(cnt_beside < BESIDE_MAX);
	beside[cnt_beside] = *ev;
	return &beside[cnt_beside++];
}

/* How each task stood behind gen.ev[cnt - 1], as it is found then. */
struct standing {
	bool live;
	bool ends; /* its end was told, and it is still there: who is found like that is of no use */
	uint32_t cpu; /* it runs there; UINT32_MAX on none */
	const struct cpt_event *blocked, *born;
};

static void follow(struct standing *at, const struct cpt_event *ev)
{
	if (ev->type == CPT_EV_NEW) {
		at[ev->task] =
			(struct standing){.live = ev->task != 1, .cpu = UINT32_MAX, .born = ev};
	} else if (ev->type == CPT_EV_EXEC && !at[ev->task].live) {
		at[ev->task].live = true;
		at[ev->task].cpu = ev->cpu;
	} else if (ev->type == CPT_EV_EXIT) {
		at[ev->task].ends = true;
	} else if (ev->type == CPT_EV_WAKE) {
		at[ev->task].blocked = NULL;
	} else if (ev->type == CPT_EV_SWITCH) {
		at[ev->task].cpu = UINT32_MAX;
		if (ev->flags & CPT_SW_PREV_DEAD)
			at[ev->task].live = false;
		if (ev->flags & CPT_SW_PREV_BLOCKED)
			at[ev->task].blocked = ev;
		at[ev->other].cpu = ev->cpu;
		at[ev->other].blocked = NULL;
	}
}

static void find_task(uint32_t task, const struct standing *at, uint64_t ts_ns)
{
	struct cpt_event ev = *at->born;

	found_infos[task] = *at->born->info;
	found_infos[task].flags |= CPT_TASK_FOUND;
	ev.info = &found_infos[task];
	ev.ts_ns = ts_ns;
	put_beside(&ev);
	if (at->cpu == UINT32_MAX && !at->blocked)
		return;
	ev = (struct cpt_event){.type = CPT_EV_SWITCH, .ts_ns = ts_ns, .flags = CPT_SW_FOUND};
	ev.cpu = at->blocked ? at->blocked->cpu : at->cpu;
	ev.other = task;
	put_beside(&ev);
	if (!at->blocked)
		return;
	ev = *at->blocked;
	ev.flags |= CPT_SW_FOUND;
	ev.ts_ns = ts_ns;
	ev.other = 0;
	put_beside(&ev);
}

/* All is found behind the first `from` of gen.ev, or more: at an instant of its own, at which no task is about to be
 * gone. Running tasks last: others are found on CPUs that they have left. How many it was. */
static uint32_t find_all(uint32_t from)
{
	static struct standing at[GEN_TASKS_MAX + 1];
	uint32_t i = 0, ending = 0;
	uint64_t ts_ns;

	memset(at, 0, sizeof(at));
	for (; i + 1 < gen.ev_cnt && (i < from || ending || gen.ev[i].ts_ns == gen.ev[i - 1].ts_ns);
	     i++) {
		follow(at, &gen.ev[i]);
		ending = 0;
		for (uint32_t id = 1; id <= gen.task_cnt; id++)
			ending += at[id].live && at[id].ends;
	}
	ts_ns = gen.ev[i].ts_ns;
	for (int runs = 0; runs < 2; runs++)
		for (uint32_t id = 1; id <= gen.task_cnt; id++)
			if (at[id].live && at[id].born && (at[id].cpu != UINT32_MAX) == runs)
				find_task(id, &at[id], ts_ns);
	return i;
}

static void add_marks(struct rng *rng)
{
	for (uint32_t n = 1 + rng_below(rng, MARKS_MAX); n > 0; n--) {
		const struct cpt_event *at = &gen.ev[rng_below(rng, gen.ev_cnt)];

		put_beside(&(struct cpt_event){.ts_ns = at->ts_ns + rng_below(rng, 2),
					       .type = CPT_EV_MARK,
					       .task = 1,
					       .other = 1001,
					       .mark = names[rng_below(rng, NAMES)]});
	}
}

static bool is_of_loop(const struct cpt_event *ev)
{
	return ev->type >= CPT_EV_LOOP_NEW && ev->type <= CPT_EV_LOOP_END;
}

static int by_time(const void *a, const void *b)
{
	const struct cpt_event *x = a, *y = b;

	return x->ts_ns < y->ts_ns ? -1 : x->ts_ns > y->ts_ns;
}

/* The records that are left, and what stands beside them; of loops' reports some are lost. */
static size_t put_together(const struct cpt_event *ev, size_t cnt, uint32_t lose_percent,
			   struct rng *rng)
{
	size_t out = 0, b = 0;

	for (size_t i = 0; i <= cnt; i++) {
		/* What is found comes before what follows at that ns. */
		for (;
		     b < cnt_beside && (i == cnt || beside[b].ts_ns < ev[i].ts_ns ||
					(beside[b].ts_ns == ev[i].ts_ns &&
					 beside[b].type != CPT_EV_MARK && !is_of_loop(&beside[b])));
		     b++) {
			all[out] = beside[b];
			if (beside[b].type == CPT_EV_LOOP && rng_percent(rng, lose_percent))
				all[out] = (struct cpt_event){.type = CPT_EV_LOOP_LOST,
							      .ts_ns = beside[b].ts_ns};
			out++;
		}
		if (i < cnt)
			all[out++] = ev[i];
	}
	return out;
}

/* ---- cases -------------------------------------------------------------------------------------- */

enum view { ATTACHED, LOOPS, PHASES, VIEWS };

static const char *const view_names[VIEWS] = {"attached", "loops", "phases"};

struct drawn {
	struct cpt_trace_meta meta;
	struct cpt_analysis_opts o;
	struct unmerged *u;
	const char *chosen[1];
	uint32_t from; /* events before are not recorded */
};

static void draw(struct drawn *d, enum view view, uint64_t seed, struct rng *rng)
{
	struct gen_opts go = {.steps = 20 + rng_below(rng, 230),
			      .tasks_end = rng_percent(rng, 60),
			      .no_occupancy = rng_percent(rng, 15),
			      .loops = view == LOOPS || rng_percent(rng, 20)};

	gen_run(&gen, seed, &go);
	lossy_spread(&gen);
	cnt_beside = 0;
	*d = (struct drawn){.meta = gen.meta};
	if (view == ATTACHED) {
		d->from = find_all(2 + rng_below(rng, gen.ev_cnt - 2)); /* behind the exec */
		d->meta.argv = NULL;
		d->meta.target = "pid 7";
		d->meta.flags |= CPT_TRACE_ATTACHED;
		d->meta.start_mono_ns = gen.ev[d->from].ts_ns + rng_below(rng, 40);
	}
	for (uint32_t i = d->from; i < gen.ev_cnt && view != ATTACHED; i++)
		if (is_of_loop(&gen.ev[i]))
			put_beside(&gen.ev[i]);
	if (view == PHASES || rng_percent(rng, 20))
		add_marks(rng);
	if (view != ATTACHED)
		qsort(beside, cnt_beside, sizeof(*beside), by_time);
	if (view == PHASES) {
		d->chosen[0] = names[rng_below(rng, NAMES)];
		d->o.filter.phases = d->chosen;
		d->o.filter.phase_cnt = 1;
	}
	d->u = unmerge__new(gen.cpu_cnt, gen.ev + d->from, gen.ev_cnt - d->from);
	assert_non_null(d->u);
}

static struct cpt_report *look(const struct drawn *d, const bool *hot, const bool *life,
			       uint32_t lose_percent, struct rng *rng)
{
	const struct cpt_trace_close closed = {.steal_ns = UINT64_MAX,
					       .alive_exec_ns = UINT64_MAX,
					       .end_mono_ns = gen.now,
					       .tracer_cpu_ns = gen.now / 3};
	size_t cnt;
	const struct cpt_event *ev = unmerge__merged(d->u, hot, life, rng, &cnt);
	struct cpt_report *r;

	cnt = put_together(ev, cnt, lose_percent, rng);
	r = lossy_report(&d->meta, all, cnt, &closed, &d->o);
	assert_non_null(r);
	return r;
}

static int one_case(enum view view, uint64_t seed)
{
	struct rng rng = {.state = seed * 37 + view};
	struct cpt_report *truth, *r;
	bool *hot, *life;
	struct drawn d;
	char what[64];
	int bad;

	snprintf(what, sizeof(what), "%s, seed %" PRIu64, view_names[view], seed);
	draw(&d, view, seed, &rng);
	truth = look(&d, NULL, NULL, 0, &rng);
	bad = lossy_pairs(what, truth);
	if (truth->class_ns[CPT_CLASS_UNKNOWN]) {
		fprintf(stderr, "%s: nothing is lost, and something is unknown\n", what);
		bad++;
	}
	hot = calloc(unmerge__hot(d.u) + 1, sizeof(*hot));
	life = calloc(unmerge__life(d.u) + 1, sizeof(*life));
	assert_true(hot && life);
	for (uint32_t n = rng_below(&rng, 3); n > 0; n--)
		lossy_hot(d.u, hot, &rng);
	if (rng_percent(&rng, 25))
		d.o.births_lost = lossy_life(d.u, life, &rng);
	r = look(&d, hot, life, rng_percent(&rng, 50) ? rng_below(&rng, 60) : 0, &rng);
	bad += lossy_pairs(what, r);
	bad += check_bounds(what, truth, r);
	cases_lost += r->bounds.open;
	tight += r->bounds.open &&
		 r->bounds.parallel_average.high - r->bounds.parallel_average.low < 0.25;
	told += r->verdict != CPT_CLASS_UNKNOWN;
	report__free(truth);
	report__free(r);
	unmerge__free(d.u);
	free(hot);
	free(life);
	return bad;
}

static void truth_is_within(enum view view)
{
	uint64_t first = first_seed(view_names[view]);
	uint32_t cases = case_count(1000), bad = 0;

	cases_lost = tight = told = 0;
	for (uint32_t i = 0; i < cases; i++)
		bad += one_case(view, first + i) != 0;
	printf("BOUNDS: %s: %u cases, %" PRIu64 " of them with something in doubt; %" PRIu64
	       " average parallelisms within 0.25, %" PRIu64
	       " verdicts stand; %u cases are wrong\n",
	       view_names[view], cases, cases_lost, tight, told, bad);
	assert_int_equal(bad, 0);
	/* Bounds that are always wide hold, and are worth nothing: of 30,000 cases each a third were so narrow of what is
	 * attached to and of loops, a sixth of phases, which are short. */
	if (cases >= 250)
		assert_true(8 * tight > cases_lost && 3 * told > cases);
}

static void attached_under_loss(void **state)
{
	truth_is_within(ATTACHED);
}

static void loops_under_loss(void **state)
{
	truth_is_within(LOOPS);
}

static void phases_under_loss(void **state)
{
	truth_is_within(PHASES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attached_under_loss),
		cmocka_unit_test(loops_under_loss),
		cmocka_unit_test(phases_under_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
