// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * timeline.c - see timeline.h.
 */
#include "timeline_step.h"
#include "acct_bins.h"
#include "grid.h"
#include "sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* First width of a bin. 4096 of them span 4 s; a longer run doubles the width as often as needed.
 */
#define BIN_FIRST_NS 1000000ull

static bool bit_of(const uint64_t *bits, uint32_t cpu)
{
	return cpu < CPT_MAX_CPUS && bits[cpu / 64] >> (cpu % 64) & 1;
}

/* CPUs of one core id are siblings; CPUs the machine says nothing about are cores of their own. */
static int map_cores(struct timeline *tl, const struct cpt_trace_meta *meta)
{
	int32_t *core_ids = calloc(tl->cpu_cnt, sizeof(*core_ids)); /* of the machine, by ours */
	uint8_t *core_online = calloc(tl->cpu_cnt, 1);

	if (!core_ids || !core_online) {
		free(core_ids);
		free(core_online);
		return -ENOMEM;
	}
	for (uint32_t cpu = 0; cpu < tl->cpu_cnt; cpu++)
		tl->core_of[cpu] = UINT32_MAX;
	for (uint32_t i = 0; i < meta->cpu_info_cnt; i++) {
		const struct cpt_cpu_info *info = &meta->cpus[i];
		uint32_t core;

		if (info->cpu >= tl->cpu_cnt || tl->core_of[info->cpu] != UINT32_MAX)
			continue;
		for (core = 0; core < tl->core_cnt; core++)
			if (info->core >= 0 && core_ids[core] == info->core)
				break;
		if (core == tl->core_cnt)
			core_ids[tl->core_cnt++] = info->core;
		tl->core_of[info->cpu] = core;
		if (info->online) {
			tl->online[info->cpu / 64] |= 1ull << (info->cpu % 64);
			tl->cpu_online_cnt++;
			core_online[core] = 1;
		}
	}
	for (uint32_t core = 0; core < tl->core_cnt; core++)
		tl->core_online_cnt += core_online[core];
	for (uint32_t cpu = 0; cpu < tl->cpu_cnt; cpu++)
		if (tl->core_of[cpu] == UINT32_MAX)
			tl->core_of[cpu] = tl->core_cnt++;
	free(core_ids);
	free(core_online);
	return 0;
}

/* Of a CPU that was not online when the recording began, and runs one of ours: it has come since. The
 * accounts of idle CPUs stay with those that were there all the time. */
static void note_online(struct timeline *tl, uint32_t cpu)
{
	bool core_there = false;

	if (bit_of(tl->online, cpu) || bit_of(tl->came, cpu))
		return;
	for (uint32_t i = 0; i < tl->cpu_cnt; i++)
		core_there |= tl->core_of[i] == tl->core_of[cpu] &&
			      (bit_of(tl->online, i) || bit_of(tl->came, i));
	tl->came[cpu / 64] |= 1ull << (cpu % 64);
	tl->cpu_online_cnt++;
	tl->core_online_cnt += !core_there;
}

/* ---- which class is this instant of? -------------------------------------------------------- */

/* May there be more than what is counted? */
static inline bool is_doubted(const struct timeline *tl)
{
	return tl->unknown || tl->dying || tl->blind;
}

/* The definitions' table, for counts that are certain. */
static enum cpt_split find_split(const struct timeline *tl)
{
	const uint32_t c = timeline__in_progress(tl), more = tl->blind ? bounds__runners(tl) : 0;

	if (tl->running >= 2)
		return timeline_parallel_split(tl);
	/* A task in doubt may be parked or in progress, and where nobody knows who runs on a CPU it may
	 * be on that one: they could turn fewer than two things into more, and runners into two. */
	if ((tl->unknown || tl->dying || tl->flight_doubts || more) && c < 2)
		return CPT_SPLIT_UNKNOWN;
	if (tl->running + more >= 2)
		return CPT_SPLIT_UNKNOWN;
	if (c >= 2) {
		if (tl->running == 0)
			return tl->runnable ? CPT_SPLIT_CONCURRENT_STARVED
					    : CPT_SPLIT_CONCURRENT_ALL_WAITING;
		if (tl->runnable)
			return CPT_SPLIT_CONCURRENT_INTERLEAVED;
		return tl->lock_waits ? CPT_SPLIT_CONCURRENT_CONTENDED
				      : CPT_SPLIT_CONCURRENT_OVERLAPPED;
	}
	if (c == 1) {
		if (tl->running)
			return CPT_SPLIT_SERIAL_RUNNING;
		if (tl->runnable)
			return CPT_SPLIT_SERIAL_RUNNABLE;
		return tl->in_flight ? CPT_SPLIT_SERIAL_IN_FLIGHT : CPT_SPLIT_SERIAL_WAITING;
	}
	return tl->asleep ? CPT_SPLIT_IDLE_ASLEEP : CPT_SPLIT_IDLE_QUIET;
}

/* Fills the table by asking the rules themselves. */
static void fill_splits(struct timeline *tl)
{
	for (uint32_t n = 0; n < SPLIT_KEYS; n++) {
		tl->asleep = n % 2;
		tl->lock_waits = n / 2 % 2;
		tl->split_flags = n % 4;
		tl->in_progress_blocked = n / 4 % 3;
		tl->runnable = n / 12 % 3;
		tl->running = n / 36;
		tl->splits[timeline_split_key(tl)] = (uint8_t)find_split(tl);
	}
	tl->asleep = tl->lock_waits = tl->in_progress_blocked = tl->runnable = tl->running = 0;
	tl->split_flags = 0;
}

static enum cpt_split current_split(const struct timeline *tl)
{
	return is_doubted(tl) || tl->in_flight || tl->flight_doubts ? find_split(tl)
								    : timeline_certain_split(tl);
}

/* N_allowed: CPUs online and in the mask of some live task, or running one of ours. What it was is
 * booked up to now. Not in line, as all that account() rarely needs: it would have to make room on the
 * stack, and to check it, for every stretch. */
static __attribute__((noinline)) void find_allowed(struct timeline *tl)
{
	const struct tasks *ts = tl->tasks;
	uint64_t bits[CPT_MASK_WORDS] = {0};

	tl->allowed_ns[tl->allowed_cnt] += tl->now_ns - tl->allowed_from_ns;
	tl->allowed_from_ns = tl->now_ns;
	for (uint32_t i = 0; i < ts->mask_cnt; i++)
		if (ts->masks[i].live)
			for (uint32_t w = 0; w < CPT_MASK_WORDS; w++)
				bits[w] |= ts->masks[i].bits[w];
	for (uint32_t w = 0; w < CPT_MASK_WORDS; w++)
		tl->allowed[w] = tl->allowed_idle[w] = bits[w] & tl->online[w];
	accounts__allow(&tl->acc, tl->allowed_idle);
	for (uint32_t cpu = 0; cpu < tl->cpu_cnt; cpu++)
		if (tl->cpu_task[cpu])
			tl->allowed[cpu / 64] |= 1ull << (cpu % 64);
	tl->allowed_cnt = 0;
	for (uint32_t w = 0; w < CPT_MASK_WORDS; w++)
		tl->allowed_cnt += (uint32_t)__builtin_popcountll(tl->allowed[w]);
	tl->allowed_dirty = false;
}

uint64_t timeline__allowed_so_far(const struct timeline *tl)
{
	uint64_t sum = (tl->now_ns - tl->allowed_from_ns) * tl->allowed_cnt;

	for (uint32_t k = 1; k <= tl->cpu_cnt; k++)
		sum += k * tl->allowed_ns[k];
	return sum;
}

static uint8_t reason_adds(enum cpt_reason reason, uint32_t in_progress)
{
	uint8_t adds = 0;

	if (!reason_is_parked(reason) ||
	    (reason == CPT_REASON_SLEEP && in_progress & CPT_IN_PROGRESS_SLEEP) ||
	    (reason == CPT_REASON_CONDVAR && in_progress & CPT_IN_PROGRESS_CONDVAR))
		adds |= CPT_ADDS_IN_PROGRESS;
	if (reason == CPT_REASON_LOCK || reason == CPT_REASON_HANDOFF ||
	    reason == CPT_REASON_KERNEL_LOCK)
		adds |= ADDS_LOCK;
	if (reason == CPT_REASON_SLEEP)
		adds |= ADDS_ASLEEP;
	if (reason == CPT_REASON_CONDVAR && !(adds & CPT_ADDS_IN_PROGRESS))
		adds |= ADDS_CONDVAR;
	return adds;
}

/* ---- making and ending -------------------------------------------------------------------------
 */

int timeline__init(struct timeline *tl, const struct cpt_trace_meta *meta, struct tasks *tasks,
		   const struct cpt_analysis_opts *opts)
{
	memset(tl, 0, sizeof(*tl));
	tl->opts = opts;
	tl->tasks = tasks;
	tl->cpu_cnt = meta->cpu_cnt ? meta->cpu_cnt : 1;
	if (tl->cpu_cnt > CPT_TRACE_MAX_CPUS)
		return -EINVAL;
	tl->concurrent_cap = 64;
	tl->emits = opts->on_interval != NULL;
	tl->unusual = true;
	tl->mark_ns = UINT64_MAX;
	tl->core_of = calloc(tl->cpu_cnt, sizeof(*tl->core_of));
	tl->core_running = calloc(tl->cpu_cnt, sizeof(*tl->core_running));
	tl->cpu_task = calloc(tl->cpu_cnt, sizeof(*tl->cpu_task));
	tl->parallel_ns = calloc(tl->cpu_cnt + 1, sizeof(*tl->parallel_ns));
	tl->cores_ns = calloc(tl->cpu_cnt + 1, sizeof(*tl->cores_ns));
	tl->allowed_ns = calloc(tl->cpu_cnt + 1, sizeof(*tl->allowed_ns));
	tl->concurrent_ns = calloc(tl->concurrent_cap, sizeof(*tl->concurrent_ns));
	tl->bins = calloc(CPT_BINS_MAX, sizeof(*tl->bins));
	if (!tl->core_of || !tl->core_running || !tl->cpu_task || !tl->parallel_ns ||
	    !tl->cores_ns || !tl->allowed_ns || !tl->concurrent_ns || !tl->bins) {
		timeline__fini(tl);
		return -ENOMEM;
	}
	if (map_cores(tl, meta)) {
		timeline__fini(tl);
		return -ENOMEM;
	}
	if (bounds__init(&tl->bounds, tl->cpu_cnt) || path__init(&tl->path, tl) ||
	    accounts__init(&tl->acc, tl->cpu_cnt, tl->online, tl->core_of, TASK_MASKS_MAX)) {
		timeline__fini(tl);
		return -ENOMEM;
	}
	fill_splits(tl);
	tl->unborn = opts->births_lost < CPT_TASK_MAX ? (uint32_t)opts->births_lost : CPT_TASK_MAX;
	for (int i = 0; i < CPT_REASON_CNT; i++)
		tl->adds[i] = reason_adds((enum cpt_reason)i, opts->in_progress);
	for (uint32_t k = 1; k < INVERSES; k++)
		tl->inverse[k] = 1.0 / k;
	return 0;
}

void timeline__fini(struct timeline *tl)
{
	free(tl->core_of);
	free(tl->core_running);
	free(tl->cpu_task);
	free(tl->parallel_ns);
	free(tl->cores_ns);
	free(tl->allowed_ns);
	free(tl->concurrent_ns);
	free(tl->bins);
	path__fini(&tl->path);
	accounts__fini(&tl->acc);
	bounds__fini(&tl->bounds);
	memset(tl, 0, sizeof(*tl));
}

/* ---- bins and steps --------------------------------------------------------------------------- */

static void find_mark(struct timeline *tl)
{
	tl->mark_ns = tl->bin_end_ns < tl->step_end_ns ? tl->bin_end_ns : tl->step_end_ns;
}

static bool wants_steps(const struct timeline *tl)
{
	return (tl->opts->on_step || tl->grid) && tl->opts->step_ns;
}

/* Two neighbours make one of twice the width. */
static void fold_bins(struct timeline *tl)
{
	for (uint32_t i = 0; i < CPT_BINS_MAX / 2; i++) {
		struct cpt_bin *a = &tl->bins[2 * i], *b = a + 1, sum = *a;

		sum.span_ns += b->span_ns;
		sum.running += b->running;
		sum.in_progress += b->in_progress;
		for (int c = 0; c < CPT_CLASS_CNT; c++)
			sum.class_ns[c] += b->class_ns[c];
		tl->bins[i] = sum;
	}
	memset(tl->bins + CPT_BINS_MAX / 2, 0, CPT_BINS_MAX / 2 * sizeof(*tl->bins));
	bounds__fold(&tl->bounds);
	tl->bin_cur = CPT_BINS_MAX / 2;
	tl->bin_ns *= 2;
}

/* The current bin gets what was accounted since it began; the next one begins. */
static void end_bin(struct timeline *tl)
{
	struct cpt_bin *bin = &tl->bins[tl->bin_cur];

	bin->span_ns += tl->now_ns - tl->bin_start_ns;
	bin->running += tl->sums.running - tl->bin_sums.running;
	bin->in_progress += tl->sums.in_progress - tl->bin_sums.in_progress;
	for (int i = 0; i < CPT_SPLIT_CNT; i++)
		bin->class_ns[split_class((enum cpt_split)i)] +=
			tl->sums.split_ns[i] - tl->bin_sums.split_ns[i];
	tl->bin_sums = tl->sums;
	tl->bin_start_ns = tl->now_ns;
	if (++tl->bin_cur == CPT_BINS_MAX)
		fold_bins(tl);
	tl->bin_end_ns = tl->start_ns + (tl->bin_cur + 1) * tl->bin_ns;
}

static void end_step(struct timeline *tl)
{
	const struct timeline_sums *from = &tl->step_sums, *to = &tl->sums;
	struct cpt_step step = {
		.start_ns = tl->step_start_ns,
		.span_ns = tl->now_ns - tl->step_start_ns,
		.running = to->running - from->running,
		.runnable = to->runnable - from->runnable,
		.in_progress = to->in_progress - from->in_progress,
		.in_flight = to->in_flight - from->in_flight,
		.more = tl->bounds.run_ns - tl->step_more,
		.may_parallel_ns =
			tl->bounds.could_ns[CPT_CLASS_PARALLEL] - tl->step_may_parallel_ns,
	};
	int err;

	step.waiting = step.in_progress - step.running - step.runnable - step.in_flight;
	for (int i = 0; i < CPT_SPLIT_CNT; i++)
		step.split_ns[i] = to->split_ns[i] - from->split_ns[i];
	err = tl->grid ? grid__end_bin(tl->grid, &step) : 0;
	if (tl->acc.bins && !err)
		err = acct_bins__border(tl->acc.bins, &tl->acc);
	if (tl->opts->on_step && !err)
		err = tl->steps++ < STEPS_MAX ? tl->opts->on_step(tl->opts->ctx, &step) : -E2BIG;
	if (err) {
		tl->err = err;
		tl->step_end_ns = UINT64_MAX;
		return;
	}
	tl->step_sums = *to;
	tl->step_more = tl->bounds.run_ns;
	tl->step_may_parallel_ns = tl->bounds.could_ns[CPT_CLASS_PARALLEL];
	tl->step_start_ns = tl->now_ns;
	tl->step_end_ns = tl->opts->step_ns < UINT64_MAX - tl->now_ns
				  ? tl->now_ns + tl->opts->step_ns
				  : UINT64_MAX;
}

/* ---- time ----------------------------------------------------------------------------------- */

static __attribute__((noinline)) int grow_concurrent(struct timeline *tl, uint32_t c)
{
	uint32_t cap = tl->concurrent_cap;
	uint64_t *ns;

	while (cap <= c)
		cap *= 2;
	ns = realloc(tl->concurrent_ns, cap * sizeof(*ns));
	if (!ns)
		return -ENOMEM;
	memset(ns + tl->concurrent_cap, 0, (cap - tl->concurrent_cap) * sizeof(*ns));
	tl->concurrent_ns = ns;
	tl->concurrent_cap = cap;
	return 0;
}

static inline void account_concurrent(struct timeline *tl, uint64_t span, uint32_t c)
{
	if (c > CONCURRENT_PROFILE_MAX)
		c = CONCURRENT_PROFILE_MAX;
	if (c >= tl->concurrent_cap && grow_concurrent(tl, c)) {
		tl->err = -ENOMEM;
		return;
	}
	tl->concurrent_ns[c] += span;
}

/* What a stretch of `split` would be if those that wait on condition variables counted as in progress. */
static __attribute__((noinline)) void account_condvars(struct timeline *tl, uint64_t span,
						       enum cpt_split split)
{
	const uint32_t in_flight = tl->in_flight;
	enum cpt_split counted;

	tl->in_progress_blocked += tl->condvars;
	tl->in_flight = tl->in_flight_then;
	counted = current_split(tl);
	tl->in_progress_blocked -= tl->condvars;
	tl->in_flight = in_flight;
	tl->condvar_out_ns[split_class(split)] += span;
	tl->condvar_in_ns[split_class(counted)] += span;
}

static __attribute__((noinline)) void emit_counts(struct timeline *tl, uint64_t to_ns)
{
	const struct cpt_counts counts = {.start_ns = tl->now_ns,
					  .end_ns = to_ns,
					  .running = tl->running,
					  .runnable = tl->runnable,
					  .in_flight = tl->in_flight,
					  .in_progress = timeline__in_progress(tl),
					  .more = tl->blind ? bounds__runners(tl) : 0,
					  .doubtful = tl->unknown + tl->dying};
	int err = tl->err ? 0 : tl->opts->on_counts(tl->opts->ctx, &counts);

	if (err)
		tl->err = err;
}

/* The stretch [now, to), in which nothing changes. The profile of R keeps certain runners also at
 * instants of unknown class, so that the sum of k * profile[k] is the CPU time; "nobody ran" is only
 * said where it is known. */
static void account(struct timeline *tl, uint64_t to_ns)
{
	const uint64_t span = to_ns - tl->now_ns;
	const uint32_t running = tl->running;
	const uint32_t c = timeline__in_progress(tl);
	const enum cpt_split split = current_split(tl);

	if (tl->allowed_dirty)
		find_allowed(tl);
	accounts__advance(&tl->acc, span);
	if (tl->alive > tl->peak_alive)
		tl->peak_alive = tl->alive;
	if (tl->asleep > tl->peak_asleep)
		tl->peak_asleep = tl->asleep;
	tl->sums.split_ns[split] += span;
	tl->sums.runnable += span * tl->runnable;
	tl->sums.in_progress += span * c;
	if (tl->in_flight) {
		tl->sums.in_flight += span * tl->in_flight;
		if (tl->in_flight > tl->peak_in_flight)
			tl->peak_in_flight = tl->in_flight;
	}
	if (split != CPT_SPLIT_UNKNOWN)
		account_concurrent(tl, span, c);
	if (running) {
		timeline_account_running(tl, span);
	} else if (split != CPT_SPLIT_UNKNOWN || !tl->blind || !bounds__runners(tl)) {
		tl->parallel_ns[0] += span;
		tl->cores_ns[0] += span;
	}
	if (is_doubted(tl) || tl->flight_doubts)
		bounds__account(tl, span, split);
	/* Two things in progress are enough for any class that more could make of it. */
	if (tl->condvars && c < 2)
		account_condvars(tl, span, split);
	if (tl->sites && tl->allowed_cnt > running)
		tl->run_lost += (double)span * (tl->allowed_cnt - running) / tl->allowed_cnt;
	if (tl->opts->on_counts)
		emit_counts(tl, to_ns);
	tl->now_ns = to_ns;
	tl->unusual = tl->unknown || tl->dying || tl->blind || tl->condvars || tl->sites ||
		      tl->in_flight || tl->flight_doubts || tl->opts->on_counts;
}

void timeline__advance_slow(struct timeline *tl, uint64_t now_ns)
{
	while (now_ns >= tl->mark_ns) {
		if (tl->mark_ns > tl->now_ns)
			account(tl, tl->mark_ns);
		if (tl->bin_end_ns == tl->mark_ns)
			end_bin(tl);
		if (tl->step_end_ns == tl->mark_ns)
			end_step(tl);
		find_mark(tl);
	}
	if (now_ns > tl->now_ns)
		account(tl, now_ns);
}

void timeline__open(struct timeline *tl, uint64_t now_ns)
{
	tl->open = tl->opened = true;
	tl->now_ns = now_ns;
	tl->start_ns = now_ns;
	tl->allowed_from_ns = now_ns;
	tl->allowed_dirty = tl->unusual = true;
	accounts__open(&tl->acc, now_ns);
	tl->bin_ns = BIN_FIRST_NS;
	tl->bin_start_ns = now_ns;
	tl->bin_end_ns = now_ns + tl->bin_ns;
	tl->step_start_ns = now_ns;
	tl->step_end_ns = UINT64_MAX;
	if (wants_steps(tl) && tl->opts->step_ns < UINT64_MAX - now_ns)
		tl->step_end_ns = now_ns + tl->opts->step_ns;
	find_mark(tl);
}

void timeline__close(struct timeline *tl)
{
	if (!tl->open)
		return;
	tl->open = false;
	tl->allowed_ns[tl->allowed_cnt] += tl->now_ns - tl->allowed_from_ns;
	tl->allowed_from_ns = tl->now_ns;
	if (tl->now_ns > tl->bin_start_ns)
		end_bin(tl);
	if (wants_steps(tl) && tl->now_ns > tl->step_start_ns && !tl->err)
		end_step(tl);
}

void timeline__blind(struct timeline *tl, int change)
{
	tl->blind += (uint32_t)change;
	tl->unusual = true;
}

void timeline__dying(struct timeline *tl, uint32_t cnt)
{
	tl->dying = cnt;
	tl->unusual = true;
}

/* ---- names that run together ------------------------------------------------------------------
 */

uint32_t timeline__find_group(struct timeline *tl, const struct task *t)
{
	const char *name = t->row.name;
	uint32_t i;

	for (i = 0; i < tl->group_cnt && i < GROUP_MAX; i++)
		if (!strcmp(tl->group_names[i], name))
			return i;
	if (i == GROUP_MAX) {
		strcpy(tl->group_names[i], CPT_NAME_OTHER);
		tl->group_cnt = CPT_OVERLAP_MAX;
		return i;
	}
	strcpy(tl->group_names[i], name);
	tl->group_cnt++;
	return i;
}

uint64_t timeline__overlap_ns(const struct timeline *tl, uint32_t g, uint32_t h)
{
	return g == h ? tl->pairs_ns[g] : tl->group_ns[g][h] + tl->group_ns[h][g];
}

/* ---- tasks come and go ------------------------------------------------------------------------
 */

void timeline__note_cpu(struct timeline *tl, struct task *t)
{
	uint64_t bit = 1ull << (t->cpu % 64);

	t->noted_cpu = t->cpu;
	if (!t->cpu_bits) {
		t->cpu_bits = calloc((tl->cpu_cnt + 63) / 64, sizeof(*t->cpu_bits));
		if (!t->cpu_bits) {
			tl->err = -ENOMEM;
			return;
		}
	}
	if (t->cpu_bits[t->cpu / 64] & bit)
		return;
	t->cpu_bits[t->cpu / 64] |= bit;
	t->row.cpus_used++;
	note_online(tl, t->cpu);
}

static void start_running(struct timeline *tl, struct task *t)
{
	tl->running++;
	if (tl->core_running[tl->core_of[t->cpu]]++ == 0)
		tl->cores_running++;
	tl->cpu_task[t->cpu] = t->row.id;
	accounts__cpu_on(&tl->acc, t->cpu);
	if (!bit_of(tl->allowed, t->cpu))
		tl->allowed_dirty = tl->unusual = true;
	timeline_begin_turn(tl, t);
	timeline_group_enter(tl, timeline__group(tl, t));
	if (t->noted_cpu != t->cpu)
		timeline__note_cpu(tl, t);
}

static void stop_running(struct timeline *tl, struct task *t)
{
	tl->running--;
	if (--tl->core_running[tl->core_of[t->cpu]] == 0)
		tl->cores_running--;
	tl->cpu_task[t->cpu] = 0;
	accounts__cpu_off(&tl->acc, t->cpu);
	if (!bit_of(tl->allowed_idle, t->cpu))
		tl->allowed_dirty = tl->unusual = true;
	timeline_end_turn(tl, t);
	timeline_group_leave(tl, t->group);
}

void timeline__emit_interval(struct timeline *tl, const struct task *t)
{
	bool blocked = t->state == CPT_STATE_WAITING || t->state == CPT_STATE_PARKED;
	/* Woken at the very instant at which it left its CPU: its wait has no interval. */
	bool at_once =
		!blocked && t->state != CPT_STATE_UNKNOWN && t->since_ns == t->path.blocked_ns;
	struct cpt_interval iv = {
		.start_ns = t->since_ns,
		.end_ns = tl->now_ns,
		.id = t->row.id,
		.tid = t->row.tid,
		.pid = t->row.pid,
		.cpu = t->cpu,
		.state = t->state,
		.reason = t->reason,
		.name = t->row.name,
		.sysno = blocked ? t->sysno : CPT_SYSNO_NONE,
		.waker = blocked || at_once ? t->end_waker : 0,
		.word = blocked ? t->word : NULL,
	};
	int err = 0;

	if (tl->grid && t->state == CPT_STATE_RUNNING)
		err = grid__turn(tl->grid, t);
	if (tl->grid && !err)
		err = grid__interval(tl->grid, &iv);
	if (tl->opts->on_interval && !err)
		err = tl->opts->on_interval(tl->opts->ctx, &iv);

	if (err)
		tl->err = err;
}

void timeline__note_wait(struct timeline *tl, struct task *t, uint64_t span)
{
	uint32_t site;

	if (sites__waited(tl->sites, timeline__group(tl, t), t->reason, t->wait_user,
			  t->wait_kernel, span, tl->run_lost - t->at_lost, &site)) {
		tl->err = -ENOMEM;
		return;
	}
	t->last_site = site + 1;
	t->last_wait_ns = span;
}

/* ---- operations in flight ----------------------------------------------------------------------- */

static uint32_t limited_flight(uint64_t sum)
{
	return sum < FLIGHT_MAX ? (uint32_t)sum : FLIGHT_MAX;
}

void timeline__flight(struct timeline *tl, struct loop_proc *p)
{
	const bool polled = p->pollers > p->fading;
	const uint64_t level = polled ? p->level : 0;
	const uint64_t in_flight = level > p->standing ? level - p->standing : 0;
	const uint64_t then = in_flight > p->condvars ? in_flight - p->condvars : 0;
	const bool open = p->doubts || p->either || (p->level && !polled);
	const bool doubtful = open && (p->pollers || (p->lost && p->chosen));

	tl->flight_sum += in_flight - p->in_flight;
	tl->flight_then_sum += then - p->in_flight_then;
	tl->in_flight = limited_flight(tl->flight_sum);
	tl->in_flight_then = limited_flight(tl->flight_then_sum);
	tl->flight_doubts += (uint32_t)doubtful - (uint32_t)p->doubtful;
	p->in_flight = in_flight;
	p->in_flight_then = then;
	p->doubtful = doubtful;
	tl->unusual = true;
	accounts__flight(&tl->acc, tl->in_flight);
}

void timeline__stand(struct timeline *tl, struct loop_proc *p, const struct task *t, int change)
{
	const uint8_t adds = t->state == CPT_STATE_WAITING || t->state == CPT_STATE_PARKED
				     ? tl->adds[t->reason]
				     : 0;

	if (t->state == CPT_STATE_RUNNING || t->state == CPT_STATE_RUNNABLE ||
	    adds & CPT_ADDS_IN_PROGRESS)
		p->standing += (uint32_t)change;
	else if (adds & ADDS_CONDVAR)
		p->condvars += (uint32_t)change;
	else
		return;
	timeline__flight(tl, p);
}

/* A counted task with loops begins (+1) or ends (-1) a stretch. */
static __attribute__((noinline)) void stand(struct timeline *tl, const struct task *t, int change)
{
	timeline__stand(tl, t->flight, t, change);
}

static void count_poller(struct timeline *tl, const struct task *t, int change)
{
	t->flight->pollers += (uint32_t)change;
	t->flight->fading += t->fading ? (uint32_t)change : 0;
	t->flight->counted = true;
	timeline__flight(tl, t->flight);
}

void timeline__poller(struct timeline *tl, struct task *t)
{
	if (t->polls)
		return;
	t->polls = true;
	if (t->counted)
		count_poller(tl, t, +1);
}

void timeline__fade(struct timeline *tl, struct task *t)
{
	if (t->fading)
		return;
	t->fading = true;
	tl->fading += t->counted;
	if (!t->flight || !t->counted || !t->polls)
		return;
	t->flight->fading++;
	timeline__flight(tl, t->flight);
}

static inline void begin_stretch(struct timeline *tl, struct task *t)
{
	t->since_ns = tl->now_ns;
	if (t->flight)
		stand(tl, t, +1);
	switch (t->state) {
	case CPT_STATE_RUNNING:
		start_running(tl, t);
		break;
	case CPT_STATE_RUNNABLE:
		timeline_begin_ready(tl, t);
		break;
	case CPT_STATE_WAITING:
	case CPT_STATE_PARKED:
		timeline_begin_blocked(tl, t);
		break;
	case CPT_STATE_UNKNOWN:
	case CPT_STATE_CNT:
		tl->unknown++;
		tl->unusual = true;
		accounts__doubt(&tl->acc, +1);
		break;
	}
}

static inline void end_stretch(struct timeline *tl, struct task *t)
{
	if (t->flight)
		stand(tl, t, -1);
	switch (t->state) {
	case CPT_STATE_RUNNING:
		stop_running(tl, t);
		break;
	case CPT_STATE_RUNNABLE:
		timeline_end_ready(tl, t);
		break;
	case CPT_STATE_WAITING:
	case CPT_STATE_PARKED:
		timeline_end_blocked(tl, t);
		break;
	case CPT_STATE_UNKNOWN:
	case CPT_STATE_CNT:
		t->row.unknown_ns += tl->now_ns - t->since_ns;
		tl->unknown--;
		accounts__doubt(&tl->acc, -1);
		break;
	}
	timeline_emit(tl, t);
}

void timeline__turn(struct timeline *tl, struct task *t, enum cpt_state state,
		    enum cpt_reason reason, uint32_t cpu)
{
	if (t->counted)
		end_stretch(tl, t);
	t->state = state;
	t->reason = reason;
	t->cpu = cpu;
	if (t->counted)
		begin_stretch(tl, t);
}

void timeline__enter(struct timeline *tl, struct task *t)
{
	if (!tl->open || t->counted || !t->live || !t->member)
		return;
	t->counted = true;
	tl->fading += t->fading;
	t->entered_ns = tl->now_ns;
	path__enter(&tl->path, t);
	tl->alive++;
	tl->unusual = true;
	t->slot = t->mask == TASK_NONE
			  ? ACCT_SLOT_NONE
			  : accounts__slot(&tl->acc, t->mask, tl->tasks->masks[t->mask].bits);
	if (!t->mask_counted && t->mask != TASK_NONE) {
		if (tl->tasks->masks[t->mask].live++ == 0)
			tl->allowed_dirty = tl->unusual = true;
		t->mask_counted = true;
	}
	if (!t->lived) {
		t->lived = true;
		t->row.start_ns = tl->now_ns;
	}
	begin_stretch(tl, t);
	if (t->polls && t->flight)
		count_poller(tl, t, +1);
}

void timeline__leave(struct timeline *tl, struct task *t)
{
	if (!t->counted)
		return;
	path__leave(&tl->path, t);
	if (t->polls && t->flight)
		count_poller(tl, t, -1);
	end_stretch(tl, t);
	t->counted = false;
	tl->fading -= t->fading;
	t->row.life_ns += tl->now_ns - t->entered_ns;
	t->row.end_ns = tl->now_ns;
	tl->alive--;
}

void timeline__drop_mask(struct timeline *tl, struct task *t)
{
	if (!t->mask_counted)
		return;
	t->mask_counted = false;
	if (--tl->tasks->masks[t->mask].live == 0)
		tl->allowed_dirty = tl->unusual = true;
}
