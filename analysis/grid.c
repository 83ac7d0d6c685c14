// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * grid.c - see grid.h.
 */
#include "grid.h"

#include "acct_bins.h"
#include "grid_locks.h"
#include "grid_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NO_SLOT 0xff

/* What ran on a CPU in the bin it is in: by thread wanted, the last for all others. */
struct cpu_now {
	uint32_t bin;
	uint64_t ns[CPT_GRID_THREADS_MAX + 1];
};

/* The timeline's running sums, as a task's turn takes differences of them. */
struct turn_sums {
	uint64_t parallel_ns, running;
	double bottle;
};

struct grid {
	const struct timeline *tl;
	struct cpt_grid *out;
	uint8_t *slot_of; /* by task number: place among the threads wanted */
	uint32_t slot_of_cnt;
	struct cpu_now **now;  /* by CPU, NULL until used */
	uint64_t *parallel_ns; /* the timeline's profiles at the bin's start */
	uint64_t concurrent_ns[CPT_GRID_LEVELS];
	uint64_t allowed;
	struct acct_bins *accounts;
	struct turn_sums *turns; /* by bin: at its start */
	struct grid_locks *locks;
	struct grid_names *names; /* NULL: not wanted */
	struct {
		uint32_t level;
		bool known;
		uint64_t at_ns; /* since when */
	} flights[CPT_GRID_FLIGHTS_MAX];
	uint16_t from[CPT_GRID_TRAIL_MAX];  /* by task: where its chain was at the bin's start */
	uint16_t *trail[CPT_GRID_BINS_MAX]; /* by bin: `from` at its end, trail_cnt[bin] tasks */
	uint16_t trail_cnt[CPT_GRID_BINS_MAX];
};

void cpt_grid__free(struct cpt_grid *g)
{
	if (!g)
		return;
	for (uint32_t i = 0; i < g->threads_cnt; i++) {
		for (int row = 0; row < CPT_GRID_ROWS; row++)
			free(g->threads[i].row[row]);
		free(g->threads[i].parallel_ns);
		free(g->threads[i].width);
		free(g->threads[i].height_ns);
	}
	for (uint32_t i = 0; i < g->locks_cnt; i++)
		cpt_grid_lock__free(&g->locks[i]);
	for (uint32_t i = 0; i < g->tiles_cnt; i++)
		free(g->tiles[i].tab);
	for (uint32_t cpu = 0; g->cpus && cpu < g->cpus_cnt; cpu++) {
		free(g->cpus[cpu].running_ns);
		free(g->cpus[cpu].longest);
	}
	for (uint32_t i = 0; i < g->flights_cnt; i++) {
		free(g->flights[i].level_ns);
		free(g->flights[i].known_ns);
	}
	free(g->cpus);
	free(g->bins);
	free(g->parallel_ns);
	free(g->concurrent_ns);
	free(g->tiles);
	free(g->accounts);
	free(g);
}

void grid__free(struct grid *g)
{
	if (!g)
		return;
	for (uint32_t cpu = 0; g->now && cpu < g->tl->cpu_cnt; cpu++)
		free(g->now[cpu]);
	for (uint32_t bin = 0; bin < CPT_GRID_BINS_MAX; bin++)
		free(g->trail[bin]);
	cpt_grid__free(g->out);
	acct_bins__free(g->accounts);
	grid_locks__free(g->locks);
	free(g->names);
	free(g->turns);
	free(g->now);
	free(g->slot_of);
	free(g->parallel_ns);
	free(g);
}

static void begin_trail(struct grid *g)
{
	for (uint32_t id = 0; id < CPT_GRID_TRAIL_MAX; id++)
		g->from[id] = (uint16_t)id;
}

/* The tables whose size does not depend on what happens. */
static int make_tables(struct grid *g, const struct cpt_grid_opts *opts)
{
	struct cpt_grid *out = g->out;

	for (uint32_t i = 0; i < opts->ids_cnt; i++)
		if (opts->ids[i] >= g->slot_of_cnt)
			g->slot_of_cnt = opts->ids[i] + 1;
	out->bin_ns = opts->bin_ns;
	out->cpus_cnt = g->tl->cpu_cnt;
	out->parallel_cnt = g->tl->cpu_cnt + 1;
	out->threads_cnt = opts->ids_cnt;
	out->flights_cnt = opts->ways_cnt;
	for (uint32_t i = 0; i < opts->ways_cnt; i++)
		out->flights[i].way = opts->ways[i];
	out->tile = opts->tile;
	g->accounts = acct_bins__new(opts->bin_ns, CPT_GRID_BINS_MAX);
	g->locks = grid_locks__new(opts->bin_ns, opts->locks, opts->locks_cnt);
	g->names = opts->tile ? calloc(1, sizeof(*g->names)) : NULL;
	g->turns = calloc(CPT_GRID_BINS_MAX + 1, sizeof(*g->turns));
	out->bins = calloc(CPT_GRID_BINS_MAX, sizeof(*out->bins));
	out->concurrent_ns =
		calloc((size_t)CPT_GRID_BINS_MAX * CPT_GRID_LEVELS, sizeof(*out->concurrent_ns));
	out->cpus = calloc(out->cpus_cnt, sizeof(*out->cpus));
	g->now = calloc(out->cpus_cnt, sizeof(struct cpu_now *));
	g->parallel_ns = calloc(out->parallel_cnt, sizeof(*g->parallel_ns));
	g->slot_of = malloc(g->slot_of_cnt + 1);
	if (!g->locks || (opts->tile && !g->names) || !g->turns)
		return -ENOMEM;
	if (!g->accounts || !out->bins || !out->concurrent_ns || !out->cpus || !g->now ||
	    !g->parallel_ns || !g->slot_of)
		return -ENOMEM;
	memset(g->slot_of, NO_SLOT, g->slot_of_cnt + 1);
	for (uint32_t i = 0; i < opts->ids_cnt; i++) {
		out->threads[i].id = opts->ids[i];
		g->slot_of[opts->ids[i]] = (uint8_t)i;
	}
	return 0;
}

struct grid *grid__new(const struct cpt_grid_opts *opts, const struct timeline *tl)
{
	struct grid *g;

	for (uint32_t i = 0; i < opts->ids_cnt; i++) {
		if (opts->ids[i] > CPT_TASK_MAX || opts->ids_cnt > CPT_GRID_THREADS_MAX) {
			errno = EINVAL;
			return NULL;
		}
	}
	if (!opts->bin_ns || opts->ways_cnt > CPT_GRID_FLIGHTS_MAX ||
	    opts->locks_cnt > CPT_GRID_LOCKS_MAX) {
		errno = EINVAL;
		return NULL;
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->tl = tl;
	g->out = calloc(1, sizeof(*g->out));
	if (!g->out || make_tables(g, opts)) {
		grid__free(g);
		errno = ENOMEM;
		return NULL;
	}
	begin_trail(g);
	return g;
}

/* ---- stretches ------------------------------------------------------------------------------- */

static uint64_t *make_row(uint64_t **row)
{
	if (!*row)
		*row = calloc(CPT_GRID_BINS_MAX, sizeof(**row));
	return *row;
}

/* The CPU's bin is over: who was on it longest? */
static void settle_cpu(struct grid *g, uint32_t cpu)
{
	struct cpu_now *now = g->now[cpu];
	uint32_t best = CPT_GRID_THREADS_MAX;

	for (uint32_t slot = 0; slot < CPT_GRID_THREADS_MAX; slot++)
		if (now->ns[slot] > now->ns[best])
			best = slot;
	g->out->cpus[cpu].longest[now->bin] = best < CPT_GRID_THREADS_MAX ? (uint8_t)(best + 1) : 0;
	memset(now->ns, 0, sizeof(now->ns));
}

static int make_cpu(struct grid *g, uint32_t cpu)
{
	struct cpt_grid_cpu *c = &g->out->cpus[cpu];

	if (g->now[cpu])
		return 0;
	if (!c->longest)
		c->longest = calloc(CPT_GRID_BINS_MAX, 1);
	if (!c->longest || !make_row(&c->running_ns))
		return -ENOMEM;
	g->now[cpu] = calloc(1, sizeof(*g->now[cpu]));
	return g->now[cpu] ? 0 : -ENOMEM;
}

static void ran_on(struct grid *g, uint32_t cpu, uint32_t bin, uint8_t slot, uint64_t ns)
{
	struct cpu_now *now = g->now[cpu];

	if (now->bin != bin) {
		settle_cpu(g, cpu);
		now->bin = bin;
	}
	now->ns[slot < CPT_GRID_THREADS_MAX ? slot : CPT_GRID_THREADS_MAX] += ns;
	g->out->cpus[cpu].running_ns[bin] += ns;
}

static uint32_t row_of(const struct cpt_interval *iv)
{
	switch (iv->state) {
	case CPT_STATE_RUNNING:
		return CPT_GRID_RUNNING;
	case CPT_STATE_RUNNABLE:
		return CPT_GRID_RUNNABLE;
	case CPT_STATE_WAITING:
	case CPT_STATE_PARKED:
		return CPT_GRID_REASON_FIRST + iv->reason;
	case CPT_STATE_UNKNOWN:
	case CPT_STATE_CNT:
		break;
	}
	return CPT_GRID_UNKNOWN;
}

int grid__interval(struct grid *g, const struct cpt_interval *iv)
{
	const uint64_t bin_ns = g->out->bin_ns;
	const uint8_t slot = iv->id < g->slot_of_cnt ? g->slot_of[iv->id] : NO_SLOT;
	const bool running = iv->state == CPT_STATE_RUNNING;
	const bool blocked = iv->state == CPT_STATE_WAITING || iv->state == CPT_STATE_PARKED;
	uint64_t from = iv->start_ns - g->tl->start_ns, to = iv->end_ns - g->tl->start_ns;
	uint64_t *row = NULL;

	if (slot == NO_SLOT && !running && !blocked)
		return 0;
	if (slot != NO_SLOT && !(row = make_row(&g->out->threads[slot].row[row_of(iv)])))
		return -ENOMEM;
	if (running && make_cpu(g, iv->cpu))
		return -ENOMEM;
	if ((to - 1) / bin_ns >= CPT_GRID_BINS_MAX)
		return -E2BIG;
	for (uint64_t bin = from / bin_ns; from < to; bin++) {
		const uint64_t end = (bin + 1) * bin_ns < to ? (bin + 1) * bin_ns : to;

		if (row)
			row[bin] += end - from;
		if (running)
			ran_on(g, iv->cpu, (uint32_t)bin, slot, end - from);
		if (blocked)
			g->out->bins[bin].reason_ns[iv->reason] += end - from;
		from = end;
	}
	return 0;
}

/* ---- the bottle graph -------------------------------------------------------------------------- */

static struct turn_sums sums_now(const struct timeline *tl)
{
	return (struct turn_sums){tl->run_parallel_ns, tl->sums.running, tl->run_bottle};
}

static int make_box(struct cpt_grid_thread *t)
{
	if (!t->height_ns)
		t->height_ns = calloc(CPT_GRID_BINS_MAX, sizeof(*t->height_ns));
	return t->height_ns && make_row(&t->parallel_ns) && make_row(&t->width) ? 0 : -ENOMEM;
}

int grid__turn(struct grid *g, const struct task *t)
{
	const uint8_t slot = t->row.id < g->slot_of_cnt ? g->slot_of[t->row.id] : NO_SLOT;
	const uint64_t bin_ns = g->out->bin_ns;
	const uint64_t from = t->since_ns - g->tl->start_ns, to = g->tl->now_ns - g->tl->start_ns;
	struct turn_sums at = {t->at_parallel_ns, t->at_running, t->at_bottle};
	struct cpt_grid_thread *box;

	if (slot == NO_SLOT)
		return 0;
	box = &g->out->threads[slot];
	if (make_box(box))
		return -ENOMEM;
	if ((to - 1) / bin_ns >= CPT_GRID_BINS_MAX)
		return -E2BIG;
	for (uint64_t bin = from / bin_ns; bin <= (to - 1) / bin_ns; bin++) {
		const struct turn_sums end =
			(bin + 1) * bin_ns < to ? g->turns[bin + 1] : sums_now(g->tl);

		box->parallel_ns[bin] += end.parallel_ns - at.parallel_ns;
		box->width[bin] += end.running - at.running;
		box->height_ns[bin] += end.bottle - at.bottle;
		at = end;
	}
	return 0;
}

/* ---- locks ------------------------------------------------------------------------------------- */

int grid__lock_wait(struct grid *g, uint32_t lock)
{
	return grid_locks__wait(g->locks, lock, g->out->bins_cnt);
}

int grid__lock_piece(struct grid *g, uint32_t lock, uint32_t id, bool blocked, uint64_t from_ns,
		     uint64_t now_ns)
{
	return grid_locks__piece(g->locks, lock, id < g->slot_of_cnt ? g->slot_of[id] : NO_SLOT,
				 blocked, from_ns - g->tl->start_ns, now_ns - g->tl->start_ns);
}

/* ---- operations in flight ---------------------------------------------------------------------- */

/* The level there has been so far is booked up to now. */
static int book_flight(struct grid *g, uint32_t i, uint64_t now_ns)
{
	const uint64_t bin_ns = g->out->bin_ns, level = g->flights[i].level;
	uint64_t from = g->flights[i].at_ns - g->tl->start_ns, to = now_ns - g->tl->start_ns;
	uint64_t *levels = NULL, *known;

	g->flights[i].at_ns = now_ns;
	if (!g->flights[i].known || from >= to)
		return 0;
	known = make_row(&g->out->flights[i].known_ns);
	if (!known || (level && !(levels = make_row(&g->out->flights[i].level_ns))))
		return -ENOMEM;
	if ((to - 1) / bin_ns >= CPT_GRID_BINS_MAX)
		return -E2BIG;
	for (uint64_t bin = from / bin_ns; from < to; bin++) {
		const uint64_t end = (bin + 1) * bin_ns < to ? (bin + 1) * bin_ns : to;

		known[bin] += end - from;
		if (levels)
			levels[bin] += (end - from) * level;
		from = end;
	}
	return 0;
}

int grid__flight(struct grid *g, const struct cpt_flight *flight)
{
	int err = 0;

	for (uint32_t i = 0; i < g->out->flights_cnt && !err; i++) {
		const struct cpt_grid_way *way = &g->out->flights[i].way;

		if (way->instance != flight->instance || way->outbound != flight->outbound)
			continue;
		err = book_flight(g, i, flight->now_ns);
		g->flights[i].level = flight->level;
		g->flights[i].at_ns = flight->now_ns;
	}
	return err;
}

int grid__known(struct grid *g, uint32_t instance, bool known, uint64_t now_ns)
{
	int err = 0;

	for (uint32_t i = 0; i < g->out->flights_cnt && !err; i++) {
		if (g->out->flights[i].way.instance != instance || g->flights[i].known == known)
			continue;
		err = book_flight(g, i, now_ns);
		g->flights[i].known = known;
	}
	return err;
}

struct acct_bins *grid__accounts(const struct grid *g)
{
	return g->accounts;
}

/* ---- the path -------------------------------------------------------------------------------- */

void grid__follow(struct grid *g, uint32_t id, uint32_t waker)
{
	if (id < CPT_GRID_TRAIL_MAX)
		g->from[id] = waker < CPT_GRID_TRAIL_MAX ? g->from[waker] : 0;
}

static int end_trail(struct grid *g, uint32_t bin)
{
	const uint32_t end = g->tl->tasks->end;
	const uint32_t cnt = end < CPT_GRID_TRAIL_MAX ? end : CPT_GRID_TRAIL_MAX;

	g->trail[bin] = malloc((cnt ? cnt : 1) * sizeof(*g->trail[bin]));
	if (!g->trail[bin])
		return -ENOMEM;
	memcpy(g->trail[bin], g->from, cnt * sizeof(*g->from));
	g->trail_cnt[bin] = (uint16_t)cnt;
	begin_trail(g);
	return 0;
}

static void walk_back(struct grid *g)
{
	const uint32_t end = g->tl->path.end_id;
	/* Who followed whom at the very end has no bin any more. */
	uint32_t id = end < CPT_GRID_TRAIL_MAX ? g->from[end] : 0;

	for (uint32_t bin = g->out->bins_cnt; bin--;) {
		g->out->bins[bin].path_id = id;
		id = id < g->trail_cnt[bin] ? g->trail[bin][id] : 0;
	}
}

/* ---- bins ------------------------------------------------------------------------------------ */

static int take_profiles(struct grid *g, uint32_t bin, struct cpt_grid_bin *b)
{
	const struct timeline *tl = g->tl;
	struct cpt_grid *out = g->out;
	uint64_t *concurrent = out->concurrent_ns + (size_t)bin * CPT_GRID_LEVELS;
	/* Levels of C are told where the class is. */
	uint64_t rest = b->span_ns - b->split_ns[CPT_SPLIT_UNKNOWN], *parallel;

	parallel = realloc(out->parallel_ns,
			   ((size_t)bin + 1) * out->parallel_cnt * sizeof(*out->parallel_ns));
	if (!parallel)
		return -ENOMEM;
	out->parallel_ns = parallel;
	parallel += (size_t)bin * out->parallel_cnt;
	for (uint32_t k = 0; k < out->parallel_cnt; k++) {
		parallel[k] = tl->parallel_ns[k] - g->parallel_ns[k];
		g->parallel_ns[k] = tl->parallel_ns[k];
	}
	for (uint32_t k = 0; k < CPT_GRID_LEVELS - 1 && k < tl->concurrent_cap; k++) {
		concurrent[k] = tl->concurrent_ns[k] - g->concurrent_ns[k];
		g->concurrent_ns[k] = tl->concurrent_ns[k];
		rest -= concurrent[k];
	}
	concurrent[CPT_GRID_LEVELS - 1] = rest;
	return 0;
}

int grid__end_bin(struct grid *g, const struct cpt_step *step)
{
	const uint32_t bin = g->out->bins_cnt;
	struct cpt_grid_bin *b = &g->out->bins[bin];
	uint64_t allowed;

	if (bin == CPT_GRID_BINS_MAX)
		return -E2BIG;
	b->span_ns = step->span_ns;
	memcpy(b->split_ns, step->split_ns, sizeof(b->split_ns));
	b->running = step->running;
	b->runnable = step->runnable;
	b->waiting = step->waiting;
	b->in_flight = step->in_flight;
	b->more = step->more;
	b->may_parallel_ns = step->may_parallel_ns;
	allowed = timeline__allowed_so_far(g->tl);
	b->allowed = allowed - g->allowed;
	g->allowed = allowed;
	g->out->bins_cnt++;
	g->turns[bin + 1] = sums_now(g->tl);
	if (g->names && g->out->bins_cnt % g->out->tile == 0 &&
	    grid_names__end_tile(g->names, g->tl, g->out))
		return -ENOMEM;
	return take_profiles(g, bin, b) || end_trail(g, bin) ? -ENOMEM : 0;
}

struct cpt_grid *grid__take(struct grid *g)
{
	struct cpt_grid *out = g->out;
	int err = acct_bins__take(g->accounts, &out->accounts);

	for (uint32_t i = 0; i < out->flights_cnt && !err; i++)
		err = book_flight(g, i, g->tl->now_ns);
	if (g->names && out->bins_cnt % out->tile && !err)
		err = grid_names__end_tile(g->names, g->tl, out);
	if (err) {
		errno = -err;
		return NULL;
	}
	for (uint32_t cpu = 0; cpu < out->cpus_cnt; cpu++)
		if (g->now[cpu])
			settle_cpu(g, cpu);
	walk_back(g);
	out->locks_cnt = grid_locks__take(g->locks, out->bins_cnt, out->locks);
	g->out = NULL;
	return out;
}
