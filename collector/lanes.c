// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* lanes.c - see lanes.h. */
#include "lanes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "path_log.h"
#include "say.h"

#define CPUS_FEW 16

uint64_t lanes__col_ns(const struct lanes *l, uint32_t col)
{
	return (uint64_t)((unsigned __int128)l->span_ns * col / l->cols);
}

double lanes__level(const struct lanes *l, uint32_t col, bool in_progress)
{
	const struct cpt_report *r = l->r;
	uint64_t from = r->bin_ns ? lanes__col_ns(l, col) / r->bin_ns : 0;
	uint64_t to = r->bin_ns ? lanes__col_ns(l, col + 1) / r->bin_ns : 0;
	uint64_t sum = 0, span = 0;

	for (to = to > from ? to : from + 1; from < to && from < r->bins_cnt; from++) {
		sum += in_progress ? r->bins[from].in_progress : r->bins[from].running;
		span += r->bins[from].span_ns;
	}
	return span ? (double)sum / (double)span : 0;
}

/* The column that holds this moment of the window. */
static uint32_t col_at(const struct lanes *l, uint64_t at_ns)
{
	uint32_t col = (uint32_t)((unsigned __int128)at_ns * l->cols / l->span_ns);

	/* Borders are rounded down: a moment just before one may still be computed as the column before. */
	while (col + 1 < l->cols && lanes__col_ns(l, col + 1) <= at_ns)
		col++;
	return col;
}

/* Adds [start, end) to *(uint64_t *)(cells + col * stride) of each column it touches. */
static void spread(const struct lanes *l, uint64_t start_ns, uint64_t end_ns, void *cells,
		   size_t stride)
{
	uint64_t from = start_ns > l->start_ns ? start_ns - l->start_ns : 0;
	uint64_t to = end_ns > l->start_ns ? end_ns - l->start_ns : 0;

	if (to > l->span_ns)
		to = l->span_ns;
	for (uint32_t col = from < to ? col_at(l, from) : 0; from < to; col++) {
		const uint64_t border = lanes__col_ns(l, col + 1), end = to < border ? to : border;

		*(uint64_t *)(void *)((char *)cells + col * stride) += end - from;
		from = end;
	}
}

/* ---- who has a lane ------------------------------------------------------------------------------ */

static uint64_t in_progress_ns(const struct cpt_thread *t)
{
	uint64_t sum = t->running_ns + t->runnable_ns;

	for (int i = 0; i < CPT_REASON_WAITING_CNT; i++)
		sum += t->reason_ns[i];
	return sum;
}

static int by_progress(const void *a, const void *b)
{
	const struct lane *x = a, *y = b;
	const uint64_t mine = in_progress_ns(x->thread), other = in_progress_ns(y->thread);

	if (mine != other)
		return mine > other ? -1 : 1;
	return x->thread->id < y->thread->id ? -1 : 1;
}

static int by_birth(const void *a, const void *b)
{
	const struct lane *x = a, *y = b;

	return x->thread->id < y->thread->id ? -1 : 1;
}

static int choose_threads(struct lanes *l, uint32_t top)
{
	const struct cpt_report *r = l->r;

	l->threads = calloc(r->threads_cnt + 1, sizeof(*l->threads));
	l->ids = r->threads_cnt ? r->threads_tab[r->threads_cnt - 1].id + 1 : 0;
	l->lane_of = calloc(l->ids + 1, sizeof(*l->lane_of));
	if (!l->threads || !l->lane_of)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->threads_cnt; i++)
		l->threads[i].thread = &r->threads_tab[i];
	qsort(l->threads, r->threads_cnt, sizeof(*l->threads), by_progress);
	l->threads_cnt = r->threads_cnt < top ? r->threads_cnt : top;
	l->threads_left = r->threads_cnt - l->threads_cnt;
	qsort(l->threads, l->threads_cnt, sizeof(*l->threads), by_birth);
	for (uint32_t i = 0; i < l->threads_cnt; i++) {
		l->lane_of[l->threads[i].thread->id] = i + 1;
		l->threads[i].cells = calloc(l->cols, sizeof(*l->threads[i].cells));
		if (!l->threads[i].cells)
			return -ENOMEM;
	}
	return 0;
}

static struct lane_cpu *cpu_lane(struct lanes *l, uint32_t cpu)
{
	struct lane_cpu *lane;

	if (cpu >= l->cpu_ids || l->cpu_of[cpu] == UINT32_MAX)
		return NULL;
	if (l->cpu_of[cpu])
		return &l->cpus[l->cpu_of[cpu] - 1];
	if (l->cpus_cnt == LANES_CPUS_MAX) {
		l->cpu_of[cpu] = UINT32_MAX;
		l->cpus_left++;
		return NULL;
	}
	lane = &l->cpus[l->cpus_cnt];
	lane->cpu = cpu;
	lane->ns = calloc(l->cols, sizeof(*lane->ns));
	if (!lane->ns) {
		l->err = -ENOMEM;
		return NULL;
	}
	l->cpu_of[cpu] = ++l->cpus_cnt;
	return lane;
}

/* A CPU gets its lane when it is run on; where there are few, idle ones have one as well. */
static int choose_cpus(struct lanes *l)
{
	const struct cpt_trace_meta *meta = l->r->meta;

	l->cpu_ids = meta->cpu_cnt ? meta->cpu_cnt : 1;
	l->cpu_of = calloc(l->cpu_ids, sizeof(*l->cpu_of));
	l->cpus = calloc(LANES_CPUS_MAX, sizeof(*l->cpus));
	if (!l->cpu_of || !l->cpus)
		return -ENOMEM;
	for (uint32_t i = 0; l->r->cpus_online <= CPUS_FEW && i < meta->cpu_info_cnt; i++)
		if (meta->cpus[i].online)
			cpu_lane(l, meta->cpus[i].cpu);
	return l->err;
}

static int by_cpu(const void *a, const void *b)
{
	const struct lane_cpu *x = a, *y = b;

	return x->cpu < y->cpu ? -1 : 1;
}

/* ---- the passes ------------------------------------------------------------------------------------ */

static int on_interval(void *ctx, const struct cpt_interval *iv)
{
	const bool lock = iv->state == CPT_STATE_WAITING &&
			  (iv->reason == CPT_REASON_LOCK || iv->reason == CPT_REASON_HANDOFF ||
			   iv->reason == CPT_REASON_KERNEL_LOCK);
	struct lanes *l = ctx;
	struct lane_cpu *cpu;
	struct lane *lane;

	if (iv->id < l->ids && l->lane_of[iv->id]) {
		lane = &l->threads[l->lane_of[iv->id] - 1];
		spread(l, iv->start_ns, iv->end_ns, &lane->cells->ns[iv->state],
		       sizeof(*lane->cells));
		if (lock)
			spread(l, iv->start_ns, iv->end_ns, &lane->cells->lock_ns,
			       sizeof(*lane->cells));
	}
	if (iv->state != CPT_STATE_RUNNING)
		return 0;
	cpu = cpu_lane(l, iv->cpu);
	if (!cpu)
		return l->err;
	cpu->busy_ns += iv->end_ns - iv->start_ns;
	spread(l, iv->start_ns, iv->end_ns, cpu->ns, sizeof(*cpu->ns));
	return 0;
}

static int on_piece(void *ctx, uint32_t id, uint64_t from_ns, uint64_t to_ns)
{
	struct lanes *l = ctx;
	struct lane *lane;

	if (id >= l->ids || !l->lane_of[id])
		return 0;
	lane = &l->threads[l->lane_of[id] - 1];
	from_ns = from_ns > lane->thread->start_ns ? from_ns : lane->thread->start_ns;
	to_ns = to_ns < lane->thread->end_ns ? to_ns : lane->thread->end_ns;
	if (from_ns < to_ns)
		spread(l, from_ns, to_ns, &lane->cells->path_ns, sizeof(*lane->cells));
	return 0;
}

/* Sizes, once the first pass has told the window. */
static int prepare(struct lanes *l, uint32_t cols, uint32_t top)
{
	l->start_ns = l->r->window_start_ns;
	l->span_ns = l->r->window_ns;
	l->cols = cols < l->span_ns ? cols : (uint32_t)l->span_ns;
	if (!l->cols)
		l->cols = 1;
	return choose_threads(l, top) || choose_cpus(l) ? -ENOMEM : 0;
}

static int second_pass(struct lanes *l, struct analysed *a, const char *path,
		       const struct cpt_analysis_opts *view, struct path_log *log)
{
	struct cpt_analysis_opts opts = *view;
	const struct cpt_report *r = l->r;
	int err;

	if (!l->span_ns)
		return 0;
	err = trace_reader__rewind(a->reader);
	if (!err && r->path.end_id)
		err = path_log__walk(log, r->path.end_id, r->window_start_ns, r->window_end_ns,
				     on_piece, l);
	if (err)
		return fail(err, "cannot read %s again: %s", path, strerror(-err));
	opts.on_interval = on_interval;
	opts.ctx = l;
	a->report = NULL;
	err = analysed__run(a, path, &opts);
	report__free(a->report);
	a->report = (struct cpt_report *)r; /* what the lanes point into */
	return err;
}

int lanes__make(struct lanes *l, struct analysed *a, const char *path,
		const struct cpt_analysis_opts *view, uint32_t cols, uint32_t top)
{
	struct cpt_analysis_opts opts = *view;
	struct path_log log = {0};
	int err;

	memset(l, 0, sizeof(*l));
	opts.on_follow = path_log__follow;
	opts.ctx = &log;
	err = analysed__run(a, path, &opts);
	if (err && log.err)
		path_log__say(&log, path);
	if (err)
		goto out;
	l->r = a->report;
	err = prepare(l, cols < LANES_COLS_MAX ? cols : LANES_COLS_MAX, top);
	if (err)
		fail(err, "cannot draw %s: out of memory", path);
	else
		err = second_pass(l, a, path, view, &log);
	if (l->cpus_cnt)
		qsort(l->cpus, l->cpus_cnt, sizeof(*l->cpus), by_cpu);
out:
	path_log__free(&log);
	return err;
}

void lanes__free(struct lanes *l)
{
	for (uint32_t i = 0; i < l->threads_cnt; i++)
		free(l->threads[i].cells);
	for (uint32_t i = 0; i < l->cpus_cnt; i++)
		free(l->cpus[i].ns);
	free(l->threads);
	free(l->cpus);
	free(l->lane_of);
	free(l->cpu_of);
	memset(l, 0, sizeof(*l));
}
