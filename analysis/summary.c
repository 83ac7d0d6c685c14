// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * summary.c - see summary.h.
 */
#include "summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The command's own account begins at its fork, ours at its exec: it joins the audit only where
 * that millisecond of set-up cannot matter. */
#define AUDIT_ROOT_MIN_NS 1000000000ull
/* What one task's CPU time may be off the kernel's account by is said from both on. */
#define AUDIT_TASK_MIN_NS 20000000ull
#define AUDIT_TASK_SHARE  0.05

void report__free(struct cpt_report *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < r->threads_cnt; i++)
		free((char *)r->threads_tab[i].command);
	free(r->threads_tab);
	free(r->parallel_ns);
	free(r->cores_ns);
	free(r->concurrent_ns);
	free(r->overlap.names);
	free(r->overlap.ns);
	free(r->bins);
	free(r->bounds.profile_ns);
	for (uint32_t i = 0; i < r->locks_cnt; i++) {
		free(r->locks[i].symbol);
		free(r->locks[i].module);
	}
	free(r->locks);
	for (uint32_t i = 0; i < r->ceilings_cnt; i++) {
		free(r->ceilings[i].symbol);
		free(r->ceilings[i].module);
	}
	free(r->ceilings);
	cpt_loops__free(&r->loops);
	free(r->instances);
	free(r->sqpolls);
	cpt_sites__free(r->sites);
	cpt_grid__free(r->grid);
	free(r->path.threads);
	free(r->path.names);
	free(r->wake_edges);
	free(r->affinity.at);
	cpt_phases__free(&r->phases);
	free(r);
}

static uint64_t *copy_profile(const uint64_t *ns, uint32_t cnt)
{
	uint64_t *copy = malloc(cnt * sizeof(*copy));

	if (copy)
		memcpy(copy, ns, cnt * sizeof(*copy));
	return copy;
}

/* Index of the last entry that is not 0. */
static uint32_t highest(const uint64_t *ns, uint32_t cnt)
{
	while (cnt > 1 && !ns[cnt - 1])
		cnt--;
	return cnt - 1;
}

static int take_profiles(struct cpt_report *r, const struct timeline *tl)
{
	r->parallel_peak = highest(tl->parallel_ns, tl->cpu_cnt + 1);
	r->concurrent_peak = highest(tl->concurrent_ns, tl->concurrent_cap);
	r->parallel_cnt = r->parallel_peak + 1;
	r->concurrent_cnt = r->concurrent_peak + 1;
	r->parallel_ns = copy_profile(tl->parallel_ns, r->parallel_cnt);
	r->cores_ns = copy_profile(tl->cores_ns, r->parallel_cnt);
	r->concurrent_ns = copy_profile(tl->concurrent_ns, r->concurrent_cnt);
	r->concurrent_folded = r->concurrent_peak == CONCURRENT_PROFILE_MAX;
	return r->parallel_ns && r->cores_ns && r->concurrent_ns ? 0 : -ENOMEM;
}

/* TLP: Flautner et al. 2000; Blake et al., ISCA'10: average R over the time in which R >= 1. */
static void derive_figures(struct cpt_report *r, const struct timeline *tl)
{
	uint64_t busy = 0;

	for (uint32_t k = 1; k < r->parallel_cnt; k++)
		busy += r->parallel_ns[k];
	for (uint32_t k = 1; k <= tl->cpu_cnt; k++)
		r->allowed_integral += k * tl->allowed_ns[k];
	r->cpu_time_ns = tl->sums.running;
	r->runnable_ns = tl->sums.runnable;
	if (r->window_ns) {
		r->parallel_average = (double)r->cpu_time_ns / (double)r->window_ns;
		r->concurrent_average = (double)tl->sums.in_progress / (double)r->window_ns;
	}
	if (busy)
		r->tlp = (double)r->cpu_time_ns / (double)busy;
	if (r->allowed_integral)
		r->efficiency = (double)r->cpu_time_ns / (double)r->allowed_integral;
	r->cpus_online = tl->cpu_online_cnt;
	r->cpus_physical = tl->core_online_cnt;
	for (uint32_t k = 1; k <= tl->cpu_cnt; k++)
		if (tl->allowed_ns[k] > tl->allowed_ns[r->cpus_allowed])
			r->cpus_allowed = k;
	r->peak_alive = tl->peak_alive;
	r->peak_asleep = tl->peak_asleep;
	r->in_flight_ns = tl->sums.in_flight;
	r->in_flight_peak = tl->peak_in_flight;
}

static int take_threads(struct cpt_report *r, const struct timeline *tl, struct tasks *tasks)
{
	uint8_t *proc_seen = calloc(tasks->end + 1, 1);
	uint32_t cnt = 0;

	for (uint32_t id = 1; id < tasks->end; id++) {
		const struct task *t = tasks__find(tasks, id);

		cnt += t && timeline__saw(tl, t);
	}
	r->threads_tab = calloc(cnt ? cnt : 1, sizeof(*r->threads_tab));
	if (!proc_seen || !r->threads_tab) {
		free(proc_seen);
		return -ENOMEM;
	}
	for (uint32_t id = 1; id < tasks->end; id++) {
		struct task *t = tasks__find(tasks, id);
		struct cpt_thread *row;

		if (!t || !timeline__saw(tl, t))
			continue;
		row = &r->threads_tab[r->threads_cnt];
		*row = t->row;
		row->command = t->command ? t->command : strdup("");
		t->command = NULL;
		if (!row->command) {
			free(proc_seen);
			return -ENOMEM;
		}
		r->threads_cnt++;
		row->alone_ns = row->running_ns - row->parallel_ns;
		if (row->running_ns)
			row->bottle_width /= (double)row->running_ns;
		for (int i = 0; i < CPT_REASON_CNT; i++)
			r->reason_ns[i] += row->reason_ns[i];
		if (t->proc < tasks->end && !proc_seen[t->proc]) {
			proc_seen[t->proc] = 1;
			r->processes++;
		}
	}
	r->threads = r->threads_cnt;
	free(proc_seen);
	return 0;
}

static int take_overlap(struct cpt_report *r, const struct timeline *tl)
{
	uint32_t cnt = tl->group_cnt;

	r->overlap.names = calloc(cnt ? cnt : 1, sizeof(*r->overlap.names));
	r->overlap.ns = calloc(cnt ? (size_t)cnt * cnt : 1, sizeof(*r->overlap.ns));
	if (!r->overlap.names || !r->overlap.ns)
		return -ENOMEM;
	r->overlap.cnt = cnt;
	for (uint32_t i = 0; i < cnt; i++) {
		memcpy(r->overlap.names[i], tl->group_names[i], CPT_COMM_LEN);
		for (uint32_t j = 0; j < cnt; j++)
			r->overlap.ns[(size_t)i * cnt + j] = timeline__overlap_ns(tl, i, j);
	}
	return 0;
}

static int take_bins(struct cpt_report *r, struct timeline *tl)
{
	r->bin_ns = tl->bin_ns;
	r->bins_cnt = tl->bin_cur; /* the last one has been ended too */
	r->bins = tl->bins;
	tl->bins = NULL;
	return 0;
}

static int take_sites(struct cpt_report *r, struct timeline *tl, const struct cpt_trace_meta *meta)
{
	if (!tl->sites)
		return 0;
	r->sites = sites__report(tl->sites, tl->group_names, tl->group_cnt, tl->sums.running,
				 r->window_ns);
	if (!r->sites)
		return -ENOMEM;
	r->sites->sample_hz = meta->sample_hz;
	r->sites->stacks = meta->stack_flags & CPT_TRACE_STACKS_TAKEN;
	return 0;
}

/* Of what was attached to most has not ended: the kernel's account was read at the end. */
static void audit_alive(struct cpt_report *r, const struct tasks *tasks)
{
	const struct cpt_trace_close *close = r->close_facts;

	if (!close || close->alive_exec_ns == UINT64_MAX || !(r->meta->flags & CPT_TRACE_ATTACHED))
		return;
	r->quality.audit_kernel_ns += close->alive_exec_ns;
	for (uint32_t id = 1; id < tasks->end; id++) {
		const struct task *t = tasks__find(tasks, id);

		if (!t || !t->live)
			continue;
		r->quality.audit_ours_ns += t->row.traced_cpu_ns;
		if (t->state == CPT_STATE_RUNNING && close->end_mono_ns > t->on_cpu_since_ns)
			r->quality.audit_ours_ns += close->end_mono_ns - t->on_cpu_since_ns;
	}
}

/* UINT64_MAX: not known. */
static uint64_t left_out_ns(const struct cpt_trace_close *close_facts)
{
	if (!close_facts || close_facts->steal_ns == UINT64_MAX ||
	    close_facts->irq_ns == UINT64_MAX)
		return UINT64_MAX;
	return close_facts->steal_ns + close_facts->irq_ns;
}

/* Differences that add up to nothing over all tasks are seen in each. What explains one is told apart by its direction:
 * the kernel charges a task that wakes on an idle CPU from its wake-up on, where we say runnable, and of what was lost
 * we know nothing; see audit_left_out_ns. The floor is that of steal, which is counted in ticks of 10 ms. */
static void audit_task(struct cpt_report *r, const struct task *t)
{
	const uint64_t ours = t->row.traced_cpu_ns, kernel = t->row.kernel_cpu_ns;
	const bool above = ours > kernel;
	const uint64_t diff = above ? ours - kernel : kernel - ours;
	const uint64_t explained =
		above ? r->quality.audit_left_out_ns : t->row.runnable_ns + t->row.unknown_ns;
	const uint64_t off = diff > explained ? diff - explained : 0;

	r->quality.audit_tasks++;
	if (off < AUDIT_TASK_MIN_NS || (double)off < AUDIT_TASK_SHARE * (double)kernel)
		return;
	r->quality.audit_off++;
	if (off <= r->quality.audit_worst_ns)
		return;
	r->quality.audit_worst_ns = off;
	r->quality.audit_worst = t->row.id;
	r->quality.audit_worst_above = above;
}

void summary__limit_audit(struct cpt_report *r)
{
	if (r->quality.audit_valid && !(r->filtered & (CPT_FILTERED_TIME | CPT_FILTERED_CPUS)) &&
	    !(r->meta && r->meta->delay_ns))
		return;
	r->quality.audit_tasks = r->quality.audit_off = r->quality.audit_worst = 0;
	r->quality.audit_worst_ns = 0;
	r->quality.audit_worst_above = false;
}

static void audit(struct cpt_report *r, const struct tasks *tasks)
{
	r->quality.audit_left_out_ns = left_out_ns(r->close_facts);
	audit_alive(r, tasks);
	for (uint32_t id = 1; id < tasks->end; id++) {
		const struct task *t = tasks__find(tasks, id);

		/* Of one that was recorded before the trace begins, the kernel's account is of all its life. */
		if (!t || t->live || !t->row.kernel_cpu_ns || t->carried)
			continue;
		if (id == 1 && t->row.traced_cpu_ns < AUDIT_ROOT_MIN_NS)
			continue;
		r->quality.audit_ours_ns += t->row.traced_cpu_ns;
		r->quality.audit_kernel_ns += t->row.kernel_cpu_ns;
		/* What is left out by a filter has no states that could explain anything. */
		if (t->chosen)
			audit_task(r, t);
	}
	if (!r->quality.audit_kernel_ns)
		return;
	r->quality.audit_valid = true;
	r->quality.audit_cpu_error =
		((double)r->quality.audit_ours_ns - (double)r->quality.audit_kernel_ns) /
		(double)r->quality.audit_kernel_ns;
}

static void take_quality(struct cpt_report *r, const struct cpt_pass_counts *counts,
			 const struct cpt_trace_close *close_facts)
{
	r->events = counts->events;
	r->switches = counts->switches;
	r->wakes = counts->wakes;
	r->quality.lost_located = counts->lost;
	r->quality.odd_events = counts->odd_events;
	r->quality.steal_ns = UINT64_MAX;
	if (!close_facts)
		return;
	r->quality.lost_other = trace_close__lost_other(close_facts);
	r->quality.mends = close_facts->mends;
	r->quality.mends_failed = close_facts->mends_failed;
	r->quality.steal_ns = close_facts->steal_ns;
}

uint64_t report__sqpoll_ns(const struct cpt_report *r, uint64_t *running_ns)
{
	uint64_t spinning_ns = 0;

	*running_ns = 0;
	for (uint32_t i = 0; i < r->sqpolls_cnt; i++) {
		*running_ns += r->sqpolls[i].running_ns;
		spinning_ns += r->sqpolls[i].spinning_ns;
	}
	return spinning_ns;
}

double report__effective(const struct cpt_report *r)
{
	uint64_t running_ns;
	const uint64_t spinning_ns = report__sqpoll_ns(r, &running_ns);

	if (r->sites && r->sites->samples)
		return r->sites->effective;
	if (!r->sqpolls_cnt || !r->window_ns)
		return -1;
	return (double)(r->cpu_time_ns - spinning_ns) / (double)r->window_ns;
}

const struct cpt_thread *report__thread(const struct cpt_report *r, uint32_t id)
{
	uint32_t low = 0, high = r->threads_cnt;

	while (low < high) {
		const uint32_t mid = low + (high - low) / 2;

		if (r->threads_tab[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < r->threads_cnt && r->threads_tab[low].id == id ? &r->threads_tab[low] : NULL;
}

bool report__span_bounds(const struct cpt_report *r)
{
	/* What was attached to, or not from its start, was looked at for a part of its time. */
	if (r->meta && (r->meta->flags & CPT_TRACE_ATTACHED || r->meta->delay_ns))
		return false;
	/* So was one whose trace is cut off. */
	if (r->quality.incomplete || r->bounds.open)
		return false;
	return r->work_span.span_ns && !(r->filtered & (CPT_FILTERED_TIME | CPT_FILTERED_CPUS)) &&
	       !r->path.unknown_ns && !r->class_ns[CPT_CLASS_UNKNOWN];
}

/* The class that holds most of the non-idle window. Where by the bounds another class could hold more, the
 * honest answer is that the trace cannot tell. */
static enum cpt_class find_verdict(const struct cpt_ns_bounds class_ns[CPT_CLASS_CNT],
				   const uint64_t told_ns[CPT_CLASS_CNT])
{
	static const enum cpt_class classes[] = {CPT_CLASS_PARALLEL, CPT_CLASS_CONCURRENT,
						 CPT_CLASS_SERIAL};
	enum cpt_class best = CPT_CLASS_PARALLEL;

	for (int i = 1; i < 3; i++)
		if (told_ns[classes[i]] > told_ns[best])
			best = classes[i];
	for (int i = 0; i < 3; i++) {
		const struct cpt_ns_bounds *other = &class_ns[classes[i]];
		const bool doubt =
			other->low != other->high || class_ns[best].low != class_ns[best].high;

		if (classes[i] != best && doubt && other->high >= class_ns[best].low)
			return CPT_CLASS_UNKNOWN;
	}
	return told_ns[best] || class_ns[best].high ? (told_ns[best] ? best : CPT_CLASS_UNKNOWN)
						    : CPT_CLASS_IDLE;
}

/* And of the ledger that counts condition variables in: its bounds are as far from it. */
static void take_condvar_counted(struct cpt_report *r, const struct timeline *tl)
{
	struct cpt_ns_bounds bounds[CPT_CLASS_CNT];

	for (int i = 0; i < CPT_CLASS_CNT; i++) {
		const struct cpt_ns_bounds *b = &r->bounds.class_ns[i];
		const uint64_t ns = r->class_ns[i] - tl->condvar_out_ns[i] + tl->condvar_in_ns[i];
		const uint64_t down = r->class_ns[i] - b->low;

		r->condvar_counted.class_ns[i] = ns;
		bounds[i].low = ns > down ? ns - down : 0;
		bounds[i].high = b->high > r->class_ns[i] ? ns + (b->high - r->class_ns[i]) : ns;
	}
	r->condvar_counted.verdict = find_verdict(bounds, r->condvar_counted.class_ns);
}

/* Of one phase: its classes are at most as far from what is said as those of all the window. */
static enum cpt_class phase_verdict(const struct cpt_report *r, const struct cpt_phase *f)
{
	struct cpt_ns_bounds bounds[CPT_CLASS_CNT];

	for (int i = 0; i < CPT_CLASS_CNT; i++) {
		const struct cpt_ns_bounds *b = &r->bounds.class_ns[i];
		const uint64_t ns = f->class_ns[i];
		const uint64_t down = r->class_ns[i] > b->low ? r->class_ns[i] - b->low : 0;
		const uint64_t up = b->high > r->class_ns[i] ? b->high - r->class_ns[i] : 0;

		bounds[i].low = ns > down ? ns - down : 0;
		bounds[i].high = up < f->span_ns - ns ? ns + up : f->span_ns;
	}
	return find_verdict(bounds, f->class_ns);
}

void summary__phases(struct cpt_report *r)
{
	for (uint32_t i = 0; i < r->phases.cnt; i++) {
		struct cpt_phase *f = &r->phases.tab[i];

		f->verdict = phase_verdict(r, f);
		f->most = CPT_SPLIT_UNKNOWN;
		for (int s = 0; s < CPT_SPLIT_UNKNOWN; s++)
			if (split_class((enum cpt_split)s) == f->verdict &&
			    (f->most == CPT_SPLIT_UNKNOWN || f->split_ns[s] > f->split_ns[f->most]))
				f->most = (enum cpt_split)s;
	}
	if (r->close_facts)
		for (int i = 0; i < CPT_MARK_LOSS_CNT; i++)
			r->phases.marks_lost += r->close_facts->marks_lost[i];
}

struct cpt_report *summary__report(struct timeline *tl, struct tasks *tasks,
				   const struct wakegraph *wakes,
				   const struct cpt_pass_counts *counts,
				   const struct cpt_trace_meta *meta,
				   const struct cpt_trace_close *close_facts)
{
	struct cpt_report *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->meta = meta;
	r->close_facts = close_facts;
	r->window_start_ns = tl->opened ? tl->start_ns : meta->start_mono_ns;
	r->window_end_ns = tl->opened ? tl->now_ns : meta->start_mono_ns;
	r->window_ns = r->window_end_ns - r->window_start_ns;
	for (int i = 0; i < CPT_SPLIT_CNT; i++) {
		r->split_ns[i] = tl->sums.split_ns[i];
		r->class_ns[split_class((enum cpt_split)i)] += tl->sums.split_ns[i];
	}
	r->wake_edges = wakegraph__edges(wakes, &r->wake_edges_cnt);
	if (!r->wake_edges || path__facts(&tl->path, tasks, &r->path, &r->work_span) ||
	    take_profiles(r, tl) || take_threads(r, tl, tasks) || take_overlap(r, tl) ||
	    take_bins(r, tl) || take_sites(r, tl, meta)) {
		report__free(r);
		errno = ENOMEM;
		return NULL;
	}
	derive_figures(r, tl);
	r->run_ns = counts->run_ns;
	accounts__finish(&tl->acc, r->cpu_time_ns, r->allowed_integral, r->runnable_ns,
			 acct_tracer_ns(close_facts ? close_facts->tracer_cpu_ns : 0, r->window_ns,
					r->run_ns),
			 &r->budget, &r->demand);
	audit(r, tasks);
	take_quality(r, counts, close_facts);
	if (bounds__finish(tl, close_facts, r)) {
		report__free(r);
		errno = ENOMEM;
		return NULL;
	}
	r->verdict = find_verdict(r->bounds.class_ns, r->class_ns);
	take_condvar_counted(r, tl);
	return r;
}
