// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_grid.c - thousands of random runs cut into bins: what bins add up to is the report of that span,
 * and the trail of the critical path has the lengths that the path has.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analysis/acct_charge.h"
#include "check.h"

static struct gen gen;
static struct observed seen;
static char what[64];

static struct gen_opts pick_gen_opts(struct rng *rng)
{
	return (struct gen_opts){
		.steps = 20 + rng_below(rng, 200),
		.unknown = rng_percent(rng, 20),
		.early_wakes = rng_percent(rng, 50),
		.throttle = rng_percent(rng, 30),
		.wait_all = rng_percent(rng, 30),
		.steady = rng_percent(rng, 50),
		.no_occupancy = rng_percent(rng, 10),
		.loops = rng_percent(rng, 30),
	};
}

static struct cpt_report *run(const struct cpt_analysis_opts *o, struct rng *rng)
{
	struct cpt_report *r = analyse(&gen.meta, gen.ev, gen.ev_cnt, gen.now, o, &seen, rng);

	assert_non_null(r);
	assert_int_equal(check_identities(r, &seen, what), 0);
	return r;
}

/* Sum of a member of bins [a, b). */
#define SUM(g, a, b, member)                                                                       \
	({                                                                                         \
		uint64_t sum_ = 0;                                                                 \
		for (uint32_t i_ = (a); i_ < (b); i_++)                                            \
			sum_ += (g)->bins[i_].member;                                              \
		sum_;                                                                              \
	})

#define SAME(got, want)                                                                            \
	do {                                                                                       \
		const uint64_t got_ = (got), want_ = (want);                                       \
		if (got_ != want_)                                                                 \
			fprintf(stderr,                                                            \
				"%s, bins %u to %u: " #want ": %" PRIu64 ", not %" PRIu64 "\n",    \
				what, a, b, got_, want_);                                          \
		assert_true(got_ == want_);                                                        \
	} while (0)

static uint64_t level_sum(const uint64_t *ns, uint32_t cnt, uint32_t a, uint32_t b, uint32_t k)
{
	uint64_t sum = 0;

	for (uint32_t bin = a; bin < b; bin++)
		sum += ns[(size_t)bin * cnt + k];
	return sum;
}

static uint64_t row_sum(const struct cpt_grid_thread *t, uint32_t row, uint32_t a, uint32_t b)
{
	uint64_t sum = 0;

	for (uint32_t bin = a; t->row[row] && bin < b; bin++)
		sum += t->row[row][bin];
	return sum;
}

static void check_thread(const struct cpt_grid_thread *g, const struct cpt_report *r, uint32_t a,
			 uint32_t b)
{
	struct cpt_thread none = {0};
	const struct cpt_thread *t = &none;

	for (uint32_t i = 0; i < r->threads_cnt; i++)
		if (r->threads_tab[i].id == g->id)
			t = &r->threads_tab[i];
	SAME(row_sum(g, CPT_GRID_RUNNING, a, b), t->running_ns);
	SAME(row_sum(g, CPT_GRID_RUNNABLE, a, b), t->runnable_ns);
	SAME(row_sum(g, CPT_GRID_UNKNOWN, a, b), t->unknown_ns);
	for (uint32_t k = 0; k < CPT_REASON_CNT; k++)
		SAME(row_sum(g, CPT_GRID_REASON_FIRST + k, a, b), t->reason_ns[k]);
}

/* Its box in the bottle graph. The one sum that is of fractions may differ in what they are rounded to. */
static void check_box(const struct cpt_grid_thread *g, const struct cpt_report *r, uint32_t a,
		      uint32_t b)
{
	double height = 0, want = 0, width = 0;
	uint64_t parallel = 0, want_parallel = 0, sum = 0;

	for (uint32_t bin = a; g->height_ns && bin < b; bin++) {
		height += g->height_ns[bin];
		sum += g->width[bin];
		parallel += g->parallel_ns[bin];
	}
	for (uint32_t i = 0; i < r->threads_cnt; i++) {
		const struct cpt_thread *t = &r->threads_tab[i];

		if (t->id != g->id)
			continue;
		want = t->bottle_height_ns;
		want_parallel = t->parallel_ns;
		width = t->bottle_width * (double)t->running_ns;
	}
	SAME(parallel, want_parallel);
	SAME(sum, (uint64_t)(width + 0.5));
	assert_true(height - want < 1e-3 && want - height < 1e-3);
}

/* The tiles that make up bins [a, b), if whole ones do. A name that the span's report does not know never ran in it. */
static void check_names(const struct cpt_grid *g, const struct cpt_overlap *whole,
			const struct cpt_overlap *part, uint32_t a, uint32_t b)
{
	const uint32_t from = a / g->tile, to = (b + g->tile - 1) / g->tile;

	assert_int_equal(g->tiles_cnt, (g->bins_cnt + g->tile - 1) / g->tile);
	/* Memory is taken for what ran together alone: a page is made of many tiles and many names. */
	for (uint32_t tile = 0; tile < g->tiles_cnt; tile++)
		for (uint32_t i = 0; i < g->tiles[tile].cnt; i++)
			assert_true(g->tiles[tile].tab[i].ns > 0);
	if (a % g->tile || (b % g->tile && b != g->bins_cnt))
		return;
	for (uint32_t i = 0; i < whole->cnt; i++) {
		for (uint32_t j = 0; j <= i; j++) {
			const uint32_t pair = cpt_grid_pair(i, j);
			uint64_t sum = 0, expected = 0;

			for (uint32_t tile = from; tile < to; tile++)
				sum += cpt_grid_together_ns(&g->tiles[tile], pair);
			for (uint32_t k = 0; k < part->cnt; k++)
				for (uint32_t m = 0; m < part->cnt; m++)
					if (!strcmp(part->names[k], whole->names[i]) &&
					    !strcmp(part->names[m], whole->names[j]))
						expected = part->ns[(size_t)k * part->cnt + m];
			SAME(sum, expected);
		}
	}
}

/* A process that executed another program has other locks at the same addresses. */
static bool looks_like(const struct cpt_lock *a, const struct cpt_lock *b)
{
	return a->addr == b->addr && a->pid == b->pid && a->kind == b->kind &&
	       a->reason == b->reason && a->rest == b->rest;
}

/* How many there are; the last of them. */
static uint32_t find_alike(const struct cpt_report *r, const struct cpt_lock *l,
			   const struct cpt_lock **found)
{
	uint32_t cnt = 0;

	*found = NULL;
	for (uint32_t i = 0; i < r->locks_cnt; i++)
		if (looks_like(&r->locks[i], l)) {
			*found = &r->locks[i];
			cnt++;
		}
	return cnt;
}

static void check_lock(const struct cpt_grid_lock *g, const struct cpt_lock *part, uint32_t a,
		       uint32_t b)
{
	uint64_t waits = a ? g->open[a] : 0, blocked = 0, bits = 0;
	bool others = false;

	for (uint32_t bin = a; bin < b; bin++) {
		waits += g->waits[bin];
		blocked += g->blocked_ns[bin];
		bits |= g->waiters[bin];
		others = others || g->others[bin];
	}
	SAME(waits, part ? part->waits : 0);
	SAME(blocked, part ? part->blocked_ns : 0);
	SAME((uint64_t)__builtin_popcountll(bits), part ? part->waiters : 0);
	SAME(others, false);
}

static uint64_t locks_seen, named_seen;

static void check_locks(const struct cpt_grid *g, const struct cpt_report *whole,
			const struct cpt_report *part, uint32_t a, uint32_t b)
{
	for (uint32_t i = 0; i < g->locks_cnt; i++)
		for (uint32_t k = 0; k < whole->locks_cnt; k++) {
			const struct cpt_lock *l = &whole->locks[k], *same;

			if (l->id != g->locks[i].id || find_alike(whole, l, &same) > 1)
				continue;
			find_alike(part, l, &same);
			check_lock(&g->locks[i], same, a, b);
			locks_seen++;
			named_seen += !l->rest;
		}
}

static fix_t fixed(struct cpt_grid_fixed x)
{
	return ((fix_t)x.ns << FIX_BITS) + ((fix_t)x.part << (FIX_BITS - CPT_GRID_PART_BITS));
}

/* Both accounts of bins [a, b), as grid_facts.h says. */
static void add_up(const struct cpt_grid *g, uint32_t a, uint32_t b, const struct cpt_report *r,
		   struct cpt_budget *budget, struct cpt_demand *demand)
{
	struct acct_sums sums = {0};
	uint64_t open = 0, idle = 0, doubt = 0;

	for (uint32_t bin = a; bin < b; bin++) {
		const struct cpt_grid_account *x = &g->accounts[bin];

		for (int i = 0; i < CPT_BUDGET_CNT; i++)
			sums.idle[i] += fixed(x->item[i]);
		for (int i = 0; i < CPT_REASON_CNT; i++)
			sums.reason[i] += fixed(x->reason[i]);
		sums.foreign += fixed(x->foreign);
		for (int i = 0; i < CPT_DEMAND_CNT; i++)
			demand->item_ns[i] += x->demand_ns[i];
		open += x->open_ns;
		idle += x->idle_ns;
		doubt += x->doubt_ns;
	}
	demand->item_ns[CPT_DEMAND_PLACEMENT] += idle;
	demand->item_ns[CPT_DEMAND_OTHERS] += open - doubt;
	demand->item_ns[CPT_DEMAND_UNKNOWN] += doubt - idle;
	acct_sums__round(&sums, r->allowed_integral, r->cpu_time_ns, 0, budget, demand);
}

/* exact: no CPU took turns that only their sum tells of, which demand takes in proportion. */
static void check_accounts(const struct cpt_grid *g, const struct cpt_report *r, uint32_t a,
			   uint32_t b, bool exact)
{
	struct cpt_budget budget = {0};
	struct cpt_demand demand = {0};
	uint64_t total = 0;

	assert_non_null(g->accounts);
	add_up(g, a, b, r, &budget, &demand);
	for (int i = 0; i < CPT_BUDGET_CNT; i++)
		SAME(budget.item_ns[i], r->budget.item_ns[i]);
	for (int i = 0; i < CPT_REASON_CNT; i++)
		SAME(budget.reason_ns[i], r->budget.reason_ns[i]);
	for (int i = 0; i < CPT_DEMAND_CNT; i++) {
		total += demand.item_ns[i];
		if (exact || i == CPT_DEMAND_CPUS || i == CPT_DEMAND_MASK || i == CPT_DEMAND_QUOTA)
			SAME(demand.item_ns[i], r->demand.item_ns[i]);
	}
	SAME(total, r->demand.total_ns);
}

/* What bins [a, b) of g add up to is in r. */
static void check_span(const struct cpt_grid *g, const struct cpt_report *r, uint32_t a, uint32_t b)
{
	uint64_t cpu_ns = 0;

	SAME(SUM(g, a, b, span_ns), r->window_ns);
	SAME(SUM(g, a, b, running), r->cpu_time_ns);
	SAME(SUM(g, a, b, runnable), r->runnable_ns);
	SAME(SUM(g, a, b, in_flight), r->in_flight_ns);
	SAME(SUM(g, a, b, allowed), r->allowed_integral);
	for (int k = 0; k < CPT_SPLIT_CNT; k++)
		SAME(SUM(g, a, b, split_ns[k]), r->split_ns[k]);
	for (int k = 0; k < CPT_REASON_CNT; k++)
		SAME(SUM(g, a, b, reason_ns[k]), r->reason_ns[k]);
	for (uint32_t k = 0; k < g->parallel_cnt; k++)
		SAME(level_sum(g->parallel_ns, g->parallel_cnt, a, b, k),
		     k < r->parallel_cnt ? r->parallel_ns[k] : 0);
	for (uint32_t k = 0; k < CPT_GRID_LEVELS; k++)
		SAME(level_sum(g->concurrent_ns, CPT_GRID_LEVELS, a, b, k),
		     k < r->concurrent_cnt ? r->concurrent_ns[k] : 0);
	for (uint32_t i = 0; i < g->threads_cnt; i++) {
		check_thread(&g->threads[i], r, a, b);
		check_box(&g->threads[i], r, a, b);
	}
	for (uint32_t cpu = 0; cpu < g->cpus_cnt; cpu++)
		for (uint32_t bin = a; g->cpus[cpu].running_ns && bin < b; bin++)
			cpu_ns += g->cpus[cpu].running_ns[bin];
	SAME(cpu_ns, r->cpu_time_ns);
}

static void bins_add_up_to_the_report_of_their_span(void **state)
{
	uint64_t seed = first_seed(__func__);
	uint32_t cases = case_count(1500);

	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct rng rng = {.state = seed * 11};
		struct gen_opts go = pick_gen_opts(&rng);
		/* Locks have their numbers in order of appearance. */
		const uint32_t locks[] = {1, 2, 3, 4, 5, 6, 7, 8};
		uint32_t ids[GEN_TASKS_MAX];
		struct cpt_grid_opts grid = {.bin_ns = 1 + rng_below(&rng, 90),
					     .ids = ids,
					     .locks = locks,
					     .locks_cnt = 8,
					     .tile = 1u << rng_below(&rng, 3)};
		struct cpt_analysis_opts with = {.grid = &grid}, cut = {0};
		struct cpt_words *words;
		struct cpt_report *whole, *part;
		uint32_t a, b;

		snprintf(what, sizeof(what), "seed %" PRIu64, seed);
		gen_run(&gen, seed, &go);
		for (uint32_t id = 1; id <= gen.task_cnt; id++)
			ids[grid.ids_cnt++] = id;
		words = words__new(gen.meta.machine);
		assert_non_null(words);
		assert_int_equal(words__feed(words, gen.ev, gen.ev_cnt), 0);
		words__classify(words);
		with.words = cut.words = rng_percent(&rng, 80) ? words : NULL;
		whole = run(&with, &rng);
		assert_non_null(whole->grid);
		check_span(whole->grid, whole, 0, whole->grid->bins_cnt);
		check_accounts(whole->grid, whole, 0, whole->grid->bins_cnt, go.steady);
		check_names(whole->grid, &whole->overlap, &whole->overlap, 0,
			    whole->grid->bins_cnt);
		check_locks(whole->grid, whole, whole, 0, whole->grid->bins_cnt);
		if (whole->grid->bins_cnt > 1) {
			a = rng_below(&rng, whole->grid->bins_cnt);
			b = a + 1 + rng_below(&rng, whole->grid->bins_cnt - a);
			cut.filter.have_time = true;
			cut.filter.time_from_ns = a * grid.bin_ns;
			cut.filter.time_to_ns =
				b == whole->grid->bins_cnt ? UINT64_MAX : b * grid.bin_ns;
			part = run(&cut, &rng);
			check_span(whole->grid, part, a, b);
			check_accounts(whole->grid, part, a, b, go.steady);
			check_names(whole->grid, &whole->overlap, &part->overlap, a, b);
			check_locks(whole->grid, whole, part, a, b);
			report__free(part);
		}
		report__free(whole);
		words__free(words);
	}
	assert_true(locks_seen > named_seen && named_seen > 0);
}

/* With bins one ns wide the path stands on one thread throughout each: its lengths are the report's. */
static void the_trail_is_the_critical_path(void **state)
{
	uint64_t seed = first_seed(__func__);
	uint32_t cases = case_count(1500);

	for (uint32_t i = 0; i < cases; i++, seed++) {
		struct rng rng = {.state = seed * 13};
		struct gen_opts go = pick_gen_opts(&rng);
		uint64_t on[GEN_TASKS_MAX + 1] = {0}, want[GEN_TASKS_MAX + 1] = {0};
		struct cpt_grid_opts grid = {.bin_ns = 1};
		struct cpt_analysis_opts with = {.grid = &grid};
		struct cpt_report *r;
		uint64_t absent = 0;

		snprintf(what, sizeof(what), "seed %" PRIu64, seed);
		gen_run(&gen, seed, &go);
		r = run(&with, &rng);
		for (uint32_t bin = 0; bin < r->grid->bins_cnt; bin++)
			on[r->grid->bins[bin].path_id]++;
		for (uint32_t k = 0; k < r->path.threads_cnt; k++)
			want[r->path.threads[k].id] = r->path.threads[k].total_ns;
		for (uint32_t id = 1; id <= gen.task_cnt && r->path.end_id; id++) {
			if (on[id] < want[id])
				fprintf(stderr,
					"%s: task %u is on the trail for %" PRIu64
					" ns, on the path for %" PRIu64 "\n",
					what, id, on[id], want[id]);
			assert_true(on[id] >= want[id]);
			absent += on[id] - want[id];
		}
		/* Before the first was born, or after the last ended, the trail keeps to one of them. */
		if (r->path.end_id)
			assert_int_equal(absent, r->path.absent_ns);
		report__free(r);
	}
}

static void what_is_out_of_bounds_is_refused(void **state)
{
	uint32_t ids[1] = {UINT32_MAX};
	struct cpt_grid_opts grid = {.bin_ns = 0};
	struct cpt_analysis_opts with = {.grid = &grid};
	struct gen_opts go = {.steps = 10};

	gen_run(&gen, 1, &go);
	assert_null(analysis__new(&gen.meta, &with));
	assert_int_equal(errno, EINVAL);
	grid = (struct cpt_grid_opts){.bin_ns = 1, .ids = ids, .ids_cnt = 1};
	assert_null(analysis__new(&gen.meta, &with));
	assert_int_equal(errno, EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bins_add_up_to_the_report_of_their_span),
		cmocka_unit_test(the_trail_is_the_critical_path),
		cmocka_unit_test(what_is_out_of_bounds_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
