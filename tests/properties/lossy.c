// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* lossy.c - see lossy.h. */
#include "lossy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "within.h"

/* ---- which records are lost ------------------------------------------------------------------------ */

void lossy_hot(const struct unmerged *u, bool *lost, struct rng *rng)
{
	const size_t cnt = unmerge__hot(u);
	const uint32_t how = rng_below(rng, 7), cpu = rng_below(rng, GEN_CPUS_MAX);
	const uint32_t share = 1 + rng_below(rng, how == 0 ? 100 : 20);
	const size_t from = cnt ? rng_below(rng, (uint32_t)cnt) : 0;
	const size_t len = 1 + rng_below(rng, how == 2 ? 40 : 6);
	const bool few = rng_percent(rng, 40);

	if (few) { /* mostly it is little that is lost */
		for (size_t i = from; i < cnt && i < from + 2; i++)
			lost[i] = true;
		return;
	}

	for (size_t i = 0; i < cnt; i++) {
		const bool here = unmerge__hot_cpu(u, i) == cpu;

		if (how == 0 || how == 1)
			lost[i] |= rng_percent(rng, share);
		else if (how == 2) /* of all CPUs for a while */
			lost[i] |= i >= from && i < from + len;
		else if (how == 3)
			lost[i] |= here && i >= from && i < from + 4 * len;
		else if (how == 4)
			lost[i] |= here;
		else if (how == 5)
			lost[i] |= i < len;
		else
			lost[i] |= i + len >= cnt;
	}
}

uint32_t lossy_life(const struct unmerged *u, bool *lost, struct rng *rng)
{
	const uint32_t type = CPT_REC_NEW + rng_below(rng, 7), share = 1 + rng_below(rng, 100);
	uint32_t cnt = 0;

	for (size_t i = 0; i < unmerge__life(u); i++) {
		lost[i] = (type > CPT_REC_AFFINITY || unmerge__life_type(u, i) == type) &&
			  rng_percent(rng, share);
		cnt += lost[i];
	}
	return cnt;
}

/* ---- reports ---------------------------------------------------------------------------------------- */

/* Each pair is what is reported, twice, where nothing is in doubt; and never beside it. */
int lossy_pairs(const char *what, const struct cpt_report *r)
{
	int bad = check_bounds(what, r, r);

	for (int i = 0; i < CPT_CLASS_UNKNOWN; i++)
		if (!r->bounds.open && (r->bounds.class_ns[i].low != r->class_ns[i] ||
					r->bounds.class_ns[i].high != r->class_ns[i])) {
			fprintf(stderr, "%s: nothing is lost, and %s has bounds\n", what,
				class_name((enum cpt_class)i));
			bad++;
		}
	return bad;
}

struct cpt_report *lossy_report(const struct cpt_trace_meta *meta, const struct cpt_event *ev,
				size_t cnt, const struct cpt_trace_close *closed,
				const struct cpt_analysis_opts *o)
{
	struct cpt_analysis *a = analysis__new(meta, o);

	assert_non_null(a);
	assert_int_equal(analysis__feed(a, ev, cnt), 0);
	return analysis__finish(a, closed, NULL, closed->end_mono_ns);
}

void lossy_spread(struct gen *g)
{
	uint64_t last[GEN_TASKS_MAX + 1] = {0}, shift = 0;
	uint64_t told[GEN_CPUS_MAX] = {0}, was_told[GEN_CPUS_MAX] = {0};
	bool was_beside = false;

	for (uint32_t i = 0; i < g->ev_cnt; i++) {
		struct cpt_event *ev = &g->ev[i];
		const bool moves = ev->type == CPT_EV_SWITCH;
		const bool beside = ev->type >= CPT_EV_LOOP_NEW && ev->type <= CPT_EV_LOOP_END;
		const uint64_t was_ns = ev->ts_ns;

		ev->ts_ns += shift;
		if (i && (beside || was_beside) && ev->ts_ns == g->ev[i - 1].ts_ns) {
			ev->ts_ns++;
			shift++;
		}
		was_beside = beside;
		if ((moves && ((ev->task && last[ev->task] == ev->ts_ns) ||
			       (ev->other && last[ev->other] == ev->ts_ns))) ||
		    (ev->type == CPT_EV_WAKE && last[ev->task] == ev->ts_ns)) {
			ev->ts_ns++;
			shift++;
		}
		/* What held a CPU is told since its record before. */
		if (ev->type == CPT_EV_OCCUPANCY && ev->occ_since_ns == was_told[ev->cpu])
			ev->occ_since_ns = told[ev->cpu];
		else if (ev->type == CPT_EV_OCCUPANCY)
			ev->occ_since_ns += shift;
		if (moves || ev->type == CPT_EV_OCCUPANCY) {
			told[ev->cpu] = ev->ts_ns;
			was_told[ev->cpu] = was_ns;
		}
		if (moves)
			last[ev->task] = last[ev->other] = ev->ts_ns;
	}
	g->now += shift;
}
