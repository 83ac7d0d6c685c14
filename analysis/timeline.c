// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * timeline.c - see timeline.h.
 */
#include "timeline.h"

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
	const struct cpt_cpu_info **by_core = calloc(tl->cpu_cnt, sizeof(*by_core));
	uint8_t *core_online = calloc(tl->cpu_cnt, 1);

	if (!by_core || !core_online) {
		free(by_core);
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
			if (info->core >= 0 && by_core[core]->core == info->core)
				break;
		if (core == tl->core_cnt)
			by_core[tl->core_cnt++] = info;
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
	free(by_core);
	free(core_online);
	return 0;
}

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
	memset(tl, 0, sizeof(*tl));
}

void timeline__open(struct timeline *tl, uint64_t now_ns)
{
	tl->open = true;
	tl->now_ns = now_ns;
	tl->start_ns = now_ns;
	tl->dirty = true;
	tl->allowed_dirty = true;
	tl->bin_ns = BIN_FIRST_NS;
	tl->bin_end_ns = now_ns + tl->bin_ns;
	tl->step.start_ns = now_ns;
	tl->step_end_ns = tl->opts->step_ns ? now_ns + tl->opts->step_ns : UINT64_MAX;
}

/* ---- which class is this instant of? -------------------------------------------------------- */

/* The definitions' table, for counts that are certain. */
static enum cpt_split find_split(const struct timeline *tl)
{
	uint32_t c = timeline__in_progress(tl);

	if (tl->running >= 2)
		return tl->cores_running >= 2 ? CPT_SPLIT_PARALLEL_MULTI_CORE
					      : CPT_SPLIT_PARALLEL_SMT_ONLY;
	/* Tasks in doubt may be parked, waiting, runnable, or (where a CPU's records are missing)
	 * on that CPU. They could turn one runner into two, and fewer than two things into more. */
	if (tl->unknown && (c < 2 || tl->holes))
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
		return tl->runnable ? CPT_SPLIT_SERIAL_RUNNABLE : CPT_SPLIT_SERIAL_WAITING;
	}
	return tl->asleep ? CPT_SPLIT_IDLE_ASLEEP : CPT_SPLIT_IDLE_QUIET;
}

/* N_allowed: CPUs online and in the mask of some live task, or running one of ours. */
static void find_allowed(struct timeline *tl)
{
	const struct tasks *ts = tl->tasks;
	uint64_t bits[CPT_MASK_WORDS] = {0};

	for (uint32_t i = 0; i < ts->mask_cnt; i++)
		if (ts->masks[i].live)
			for (uint32_t w = 0; w < CPT_MASK_WORDS; w++)
				bits[w] |= ts->masks[i].bits[w];
	tl->allowed_cnt = 0;
	for (uint32_t w = 0; w < CPT_MASK_WORDS; w++)
		bits[w] &= tl->online[w];
	for (uint32_t cpu = 0; cpu < tl->cpu_cnt; cpu++)
		if (tl->cpu_task[cpu])
			bits[cpu / 64] |= 1ull << (cpu % 64);
	for (uint32_t w = 0; w < CPT_MASK_WORDS; w++) {
		tl->allowed[w] = bits[w];
		tl->allowed_cnt += (uint32_t)__builtin_popcountll(bits[w]);
	}
	tl->allowed_dirty = false;
}

/* ---- time ----------------------------------------------------------------------------------- */

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
	tl->bin_cur = CPT_BINS_MAX / 2;
	tl->bin_ns *= 2;
	tl->bin_end_ns = tl->start_ns + (tl->bin_cur + 1) * tl->bin_ns;
}

static void add_to_bin(struct timeline *tl, uint64_t span, enum cpt_class cls, uint64_t c)
{
	struct cpt_bin *bin = &tl->bins[tl->bin_cur];

	bin->span_ns += span;
	bin->running += span * tl->running;
	bin->in_progress += span * c;
	bin->class_ns[cls] += span;
}

static void account_bins(struct timeline *tl, uint64_t from, uint64_t to, enum cpt_class cls,
			 uint64_t c)
{
	while (to > tl->bin_end_ns) {
		if (tl->bin_end_ns > from) {
			add_to_bin(tl, tl->bin_end_ns - from, cls, c);
			from = tl->bin_end_ns;
		}
		if (++tl->bin_cur == CPT_BINS_MAX)
			fold_bins(tl);
		else
			tl->bin_end_ns += tl->bin_ns;
	}
	add_to_bin(tl, to - from, cls, c);
}

static void emit_step(struct timeline *tl)
{
	int err;

	if (tl->opts->on_step && !tl->err) {
		err = tl->steps++ < STEPS_MAX ? tl->opts->on_step(tl->opts->ctx, &tl->step)
					      : -E2BIG;
		if (err)
			tl->err = err;
	}
	tl->step = (struct cpt_step){.start_ns = tl->step_end_ns};
	tl->step_end_ns += tl->opts->step_ns;
}

static void add_to_step(struct timeline *tl, uint64_t span, uint64_t c)
{
	tl->step.span_ns += span;
	tl->step.split_ns[tl->split] += span;
	tl->step.running += span * tl->running;
	tl->step.runnable += span * tl->runnable;
	tl->step.waiting += span * tl->in_progress_blocked;
	tl->step.in_progress += span * c;
}

static void account_steps(struct timeline *tl, uint64_t from, uint64_t to, uint64_t c)
{
	while (to >= tl->step_end_ns && !tl->err) {
		add_to_step(tl, tl->step_end_ns - from, c);
		from = tl->step_end_ns;
		emit_step(tl);
	}
	add_to_step(tl, to - from, c);
}

static int grow_concurrent(struct timeline *tl, uint32_t c)
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

/* The profile of R keeps certain runners also at instants of unknown class, so that the sum of
 * k * profile[k] is the CPU time; "nobody ran" is only said where it is known. */
static void account_profiles(struct timeline *tl, uint64_t span, uint32_t c)
{
	bool known = tl->split != CPT_SPLIT_UNKNOWN;

	if (known || tl->running) {
		tl->parallel_ns[tl->running] += span;
		tl->cores_ns[tl->cores_running] += span;
	}
	if (!known)
		return;
	if (c > CONCURRENT_PROFILE_MAX)
		c = CONCURRENT_PROFILE_MAX;
	if (c >= tl->concurrent_cap && grow_concurrent(tl, c)) {
		tl->err = -ENOMEM;
		return;
	}
	tl->concurrent_ns[c] += span;
	tl->known_ns += span;
	if (c > tl->concurrent_peak)
		tl->concurrent_peak = c;
}

void timeline__advance_slow(struct timeline *tl, uint64_t now_ns)
{
	uint64_t span = now_ns - tl->now_ns;
	uint32_t c = timeline__in_progress(tl);

	if (tl->dirty) {
		tl->split = find_split(tl);
		tl->dirty = false;
	}
	if (tl->allowed_dirty)
		find_allowed(tl);

	tl->split_ns[tl->split] += span;
	account_profiles(tl, span, c);
	tl->allowed_ns[tl->allowed_cnt] += span;
	tl->allowed_integral += span * tl->allowed_cnt;
	tl->running_integral += span * tl->running;
	tl->runnable_integral += span * tl->runnable;
	tl->in_progress_integral += span * c;
	if (tl->running) {
		if (tl->running > tl->parallel_peak)
			tl->parallel_peak = tl->running;
		if (tl->running >= 2)
			tl->run_parallel_ns += span;
		else
			tl->run_alone_ns += span;
		tl->run_integral += span * tl->running;
		tl->run_bottle += (double)span / tl->running;
		tl->run_cmetric += (double)span / (tl->running + tl->runnable);
	}
	if (tl->alive > tl->peak_alive)
		tl->peak_alive = tl->alive;
	if (tl->asleep > tl->peak_asleep)
		tl->peak_asleep = tl->asleep;
	account_bins(tl, tl->now_ns, now_ns, split_class(tl->split), c);
	if (tl->opts->step_ns)
		account_steps(tl, tl->now_ns, now_ns, c);
	tl->now_ns = now_ns;
}

void timeline__close(struct timeline *tl)
{
	if (tl->open && tl->opts->step_ns && tl->step.span_ns)
		emit_step(tl);
	tl->open = false;
}

void timeline__hole(struct timeline *tl, int change)
{
	tl->holes += (uint32_t)change;
	tl->dirty = true;
}

/* ---- names that run together ------------------------------------------------------------------
 */

static uint32_t find_group(struct timeline *tl, const char *name)
{
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

static void group_enter(struct timeline *tl, uint32_t g)
{
	if (++tl->group_running[g] == 2)
		tl->group_since[g][g] = tl->now_ns;
	if (tl->group_running[g] != 1)
		return;
	for (uint32_t i = 0; i < tl->group_active_cnt; i++) {
		uint32_t h = tl->group_active[i];

		tl->group_since[g][h] = tl->group_since[h][g] = tl->now_ns;
	}
	tl->group_active[tl->group_active_cnt++] = g;
}

static void group_leave(struct timeline *tl, uint32_t g)
{
	if (--tl->group_running[g] == 1)
		tl->group_ns[g][g] += tl->now_ns - tl->group_since[g][g];
	if (tl->group_running[g])
		return;
	for (uint32_t i = 0; i < tl->group_active_cnt; i++) {
		uint32_t h = tl->group_active[i];

		if (h == g) {
			tl->group_active[i--] = tl->group_active[--tl->group_active_cnt];
			continue;
		}
		tl->group_ns[g][h] += tl->now_ns - tl->group_since[g][h];
		tl->group_ns[h][g] = tl->group_ns[g][h];
	}
}

/* ---- tasks come and go ------------------------------------------------------------------------
 */

static bool counts_as_in_progress(const struct timeline *tl, const struct task *t)
{
	if (t->state == CPT_STATE_WAITING)
		return true;
	if (t->state != CPT_STATE_PARKED)
		return false;
	return (t->reason == CPT_REASON_SLEEP && tl->opts->in_progress & CPT_IN_PROGRESS_SLEEP) ||
	       (t->reason == CPT_REASON_CONDVAR && tl->opts->in_progress & CPT_IN_PROGRESS_CONDVAR);
}

static void count_blocked(struct timeline *tl, const struct task *t, int change)
{
	if (counts_as_in_progress(tl, t)) {
		tl->in_progress_blocked += (uint32_t)change;
		if (t->reason == CPT_REASON_LOCK || t->reason == CPT_REASON_HANDOFF ||
		    t->reason == CPT_REASON_KERNEL_LOCK)
			tl->lock_waits += (uint32_t)change;
	}
	if (t->state == CPT_STATE_PARKED && t->reason == CPT_REASON_SLEEP)
		tl->asleep += (uint32_t)change;
}

static void note_cpu(struct timeline *tl, struct task *t)
{
	uint64_t bit = 1ull << (t->cpu % 64);

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
}

static void start_running(struct timeline *tl, struct task *t)
{
	tl->running++;
	if (tl->core_running[tl->core_of[t->cpu]]++ == 0)
		tl->cores_running++;
	tl->cpu_task[t->cpu] = t->row.id;
	if (!bit_of(tl->allowed, t->cpu))
		tl->allowed_dirty = true;
	t->at_parallel_ns = tl->run_parallel_ns;
	t->at_alone_ns = tl->run_alone_ns;
	t->at_running = tl->run_integral;
	t->at_bottle = tl->run_bottle;
	t->at_cmetric = tl->run_cmetric;
	if (t->group == TASK_NONE)
		t->group = find_group(tl, t->row.name);
	group_enter(tl, t->group);
	note_cpu(tl, t);
}

static void stop_running(struct timeline *tl, struct task *t)
{
	tl->running--;
	if (--tl->core_running[tl->core_of[t->cpu]] == 0)
		tl->cores_running--;
	tl->cpu_task[t->cpu] = 0;
	if (t->mask == TASK_NONE || !bit_of(tl->tasks->masks[t->mask].bits, t->cpu) ||
	    !bit_of(tl->online, t->cpu))
		tl->allowed_dirty = true;
	t->row.parallel_ns += tl->run_parallel_ns - t->at_parallel_ns;
	t->row.alone_ns += tl->run_alone_ns - t->at_alone_ns;
	t->row.bottle_width += (double)(tl->run_integral - t->at_running); /* divided at the end */
	t->row.bottle_height_ns += tl->run_bottle - t->at_bottle;
	t->row.cmetric_ns += tl->run_cmetric - t->at_cmetric;
	group_leave(tl, t->group);
}

void timeline__enter(struct timeline *tl, struct task *t)
{
	if (!tl->open || t->counted || !t->live || !t->member)
		return;
	t->counted = true;
	t->since_ns = tl->now_ns;
	tl->alive++;
	tl->dirty = true;
	if (!t->mask_counted && t->mask != TASK_NONE) {
		if (tl->tasks->masks[t->mask].live++ == 0)
			tl->allowed_dirty = true;
		t->mask_counted = true;
	}
	if (!t->lived) {
		t->lived = true;
		t->row.start_ns = tl->now_ns;
	}
	switch (t->state) {
	case CPT_STATE_RUNNING:
		start_running(tl, t);
		break;
	case CPT_STATE_RUNNABLE:
		tl->runnable++;
		break;
	case CPT_STATE_WAITING:
	case CPT_STATE_PARKED:
		count_blocked(tl, t, +1);
		break;
	case CPT_STATE_UNKNOWN:
	case CPT_STATE_CNT:
		tl->unknown++;
		break;
	}
}

void timeline__drop_mask(struct timeline *tl, struct task *t)
{
	if (!t->mask_counted)
		return;
	t->mask_counted = false;
	if (--tl->tasks->masks[t->mask].live == 0)
		tl->allowed_dirty = true;
}

static void emit_interval(struct timeline *tl, const struct task *t)
{
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
		.sysno = t->sysno,
		.waker = t->end_waker,
	};
	int err = tl->opts->on_interval(tl->opts->ctx, &iv);

	if (err)
		tl->err = err;
}

void timeline__leave(struct timeline *tl, struct task *t)
{
	uint64_t span;

	if (!t->counted)
		return;
	span = tl->now_ns - t->since_ns;
	t->counted = false;
	tl->alive--;
	tl->dirty = true;
	t->row.life_ns += span;
	t->row.end_ns = tl->now_ns;
	switch (t->state) {
	case CPT_STATE_RUNNING:
		t->row.running_ns += span;
		stop_running(tl, t);
		break;
	case CPT_STATE_RUNNABLE:
		t->row.runnable_ns += span;
		tl->runnable--;
		break;
	case CPT_STATE_WAITING:
	case CPT_STATE_PARKED:
		t->row.reason_ns[t->reason] += span;
		count_blocked(tl, t, -1);
		break;
	case CPT_STATE_UNKNOWN:
	case CPT_STATE_CNT:
		t->row.unknown_ns += span;
		tl->unknown--;
		break;
	}
	if (span && tl->opts->on_interval && !tl->err)
		emit_interval(tl, t);
}
