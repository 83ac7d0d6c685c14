// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* perfetto.c - see perfetto.h. */
#include "perfetto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "path_log.h"
#include "perfetto_parts.h"
#include "say.h"

const bool perfetto_is_built = true;

/* ---- events ------------------------------------------------------------------------------------ */

static struct pf_lane *lane_of(struct perfetto *p, uint32_t id)
{
	return id < p->lanes_cnt && p->lanes[id].row ? &p->lanes[id] : NULL;
}

static int add_slice(struct perfetto *p, const struct pf_event *begin, uint64_t start_ns,
		     uint64_t end_ns, uint64_t flow)
{
	const struct pf_event end = {.type = PF_SLICE_END, .track = begin->track};

	pf_out__event(p->out, start_ns, begin, flow);
	return pf_out__event(p->out, end_ns, &end, 0);
}

/* Did a thread of the workload end the wait before this slice? Its end of the flow is written then, and the
 * slice gets the other. */
static bool add_wake(struct perfetto *p, const struct cpt_interval *iv, struct pf_lane *lane)
{
	const bool woken = lane->waker && lane->woken_ns == iv->start_ns &&
			   (iv->state == CPT_STATE_RUNNABLE || iv->state == CPT_STATE_RUNNING);
	const struct pf_event wakes = {.type = PF_INSTANT,
				       .track = TRACK_THREAD + (uint64_t)lane->waker,
				       .name = NAME_THREAD + iv->id,
				       .category = CATEGORY_WAKE,
				       .flow = PF_FLOW_BEGINS};

	if (woken)
		pf_out__event(p->out, iv->start_ns, &wakes, ++p->flows);
	lane->waker = 0;
	return woken;
}

/* Of a loop, on a track of its own below its thread's. */
static int on_turn(void *ctx, const struct cpt_turn *turn)
{
	struct perfetto *p = ctx;
	struct pf_lane *lane = lane_of(p, turn->id);
	const struct pf_event ev = {.type = PF_SLICE_BEGIN,
				    .track = TRACK_LOOP + turn->id,
				    .name = NAME_ITERATION,
				    .category = CATEGORY_LOOP,
				    .value = turn->cnt > 1 ? turn->cnt : 0};

	if (!lane)
		return p->err = -EBADMSG;
	if (!lane->loop_known)
		perfetto_track__add(p, ev.track, TRACK_THREAD + (uint64_t)turn->id, "event loop",
				    false);
	lane->loop_known = true;
	return p->err = add_slice(p, &ev, turn->start_ns, turn->end_ns, 0);
}

static int on_interval(void *ctx, const struct cpt_interval *iv)
{
	struct perfetto *p = ctx;
	struct pf_lane *lane = lane_of(p, iv->id);
	const bool blocked = iv->state == CPT_STATE_WAITING || iv->state == CPT_STATE_PARKED;
	struct pf_event ev = {.type = PF_SLICE_BEGIN,
			      .track = TRACK_THREAD + (uint64_t)iv->id,
			      .category = CATEGORY_STATE + iv->state};
	int err;

	if (!lane) /* the first pass saw it, or this is not the same trace any more */
		return p->err = -EBADMSG;
	ev.name = blocked ? perfetto_wait__name(p, iv) : NAME_STATE + (uint32_t)iv->state;
	if (blocked)
		ev.note = perfetto_syscall__note(p, iv->sysno);
	if (!blocked && iv->waker && iv->waker != iv->id && lane_of(p, iv->waker)) {
		lane->waker = iv->waker; /* of a wait that has no slice */
		lane->woken_ns = iv->start_ns;
	}
	if (lane->waker && add_wake(p, iv, lane))
		ev.flow = PF_FLOW_ENDS;
	err = add_slice(p, &ev, iv->start_ns, iv->end_ns, p->flows);
	if (!p->err) /* a name may have found no memory */
		p->err = err;
	if (blocked && iv->waker && iv->waker != iv->id && lane_of(p, iv->waker)) {
		lane->waker = iv->waker;
		lane->woken_ns = iv->end_ns;
	}
	if (p->err || iv->state != CPT_STATE_RUNNING)
		return p->err;
	if (!perfetto_known(p->cpus_known, iv->cpu))
		perfetto_cpu__add(p, iv->cpu);
	ev = (struct pf_event){.type = PF_SLICE_BEGIN,
			       .track = TRACK_CPU + (uint64_t)iv->cpu,
			       .name = NAME_THREAD + iv->id,
			       .category = CATEGORY_CPU};
	return p->err = add_slice(p, &ev, iv->start_ns, iv->end_ns, 0);
}

static int set_counter(struct perfetto *p, uint64_t track, uint64_t *now, uint64_t value,
		       uint64_t ts_ns)
{
	const struct pf_event ev = {.type = PF_COUNTER, .track = track, .value = (int64_t)value};

	if (*now == value)
		return 0;
	*now = value;
	return pf_out__event(p->out, ts_ns, &ev, 0);
}

static int on_counts(void *ctx, const struct cpt_counts *counts)
{
	struct perfetto *p = ctx;

	set_counter(p, TRACK_RUNNING, &p->running, counts->running, counts->start_ns);
	if (p->r->bounds.open) {
		set_counter(p, TRACK_RUNNING_MOST, &p->running_most,
			    (uint64_t)counts->running + counts->more, counts->start_ns);
		set_counter(p, TRACK_DOUBTFUL, &p->doubtful, counts->doubtful, counts->start_ns);
	}
	if (p->instances_cnt)
		set_counter(p, TRACK_IN_FLIGHT, &p->in_flight, counts->in_flight, counts->start_ns);
	p->err = set_counter(p, TRACK_IN_PROGRESS, &p->in_progress, counts->in_progress,
			     counts->start_ns);
	return p->err;
}

static int on_flight(void *ctx, const struct cpt_flight *flight)
{
	struct perfetto *p = ctx;
	struct pf_instance *in;

	if (flight->instance >= p->instances_cnt)
		return 0;
	in = &p->instances[flight->instance];
	if (!in->known || in->outbound != flight->outbound)
		return 0;
	p->err = set_counter(p, TRACK_INSTANCE + flight->instance, &in->level, flight->level,
			     flight->now_ns);
	return p->err;
}

/* ---- the critical path --------------------------------------------------------------------------- */

/* Pieces come from the last to the first, and readers keep the order of what has one time. So the end of
 * one is written before the begin of the next:
 *
 *      time       |---- this ----|---- next ----|
 *      written     3            1 2
 */
static int begin_next(struct perfetto *p)
{
	const struct pf_event begin = {.type = PF_SLICE_BEGIN,
				       .track = TRACK_PATH,
				       .name = NAME_THREAD + p->next.id,
				       .category = CATEGORY_PATH};

	return p->next.id ? pf_out__event(p->out, p->next.from_ns, &begin, 0) : 0;
}

static int on_piece(void *ctx, uint32_t id, uint64_t from_ns, uint64_t to_ns)
{
	struct perfetto *p = ctx;
	const struct pf_lane *lane = lane_of(p, id);
	const struct pf_event end = {.type = PF_SLICE_END, .track = TRACK_PATH};
	const struct cpt_thread *t;

	if (!lane)
		return -EBADMSG;
	t = &p->r->threads_tab[lane->row - 1];
	from_ns = from_ns > t->start_ns ? from_ns : t->start_ns;
	to_ns = to_ns < t->end_ns ? to_ns : t->end_ns;
	if (from_ns >= to_ns)
		return 0;
	pf_out__event(p->out, to_ns, &end, 0);
	begin_next(p);
	p->next.id = id;
	p->next.from_ns = from_ns;
	return 0;
}

/* ---- phases -------------------------------------------------------------------------------------- */

/* Each from its mark to the next one. Behind a mark that is not listed nobody knows which it is. */
static int add_spans(struct perfetto *p)
{
	const struct cpt_report *r = p->r;
	const struct cpt_phases *phases = &r->phases;
	struct pf_event begin = {.type = PF_SLICE_BEGIN,
				 .track = TRACK_PHASES,
				 .name = NAME_PHASE + phases->first,
				 .category = CATEGORY_PHASE};
	uint64_t from_ns = r->window_start_ns;
	int err = 0;

	for (uint32_t i = 0; phases->cnt && i <= phases->marks_cnt && !err; i++) {
		const bool last = i == phases->marks_cnt;
		const uint64_t to_ns = last ? r->window_end_ns : phases->marks[i].view_ns;

		if (to_ns > from_ns && !(last && phases->marks_more))
			err = add_slice(p, &begin, from_ns, to_ns, 0);
		if (!last)
			begin.name = NAME_PHASE + phases->marks[i].phase;
		from_ns = to_ns;
	}
	return err;
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static int add_tail(struct perfetto *p, struct path_log *log)
{
	const struct cpt_report *r = p->r;
	int err = 0;

	if (r->path.end_id)
		err = path_log__walk(log, r->path.end_id, r->window_start_ns, r->window_end_ns,
				     on_piece, p);
	if (err)
		return err;
	begin_next(p);
	err = add_spans(p);
	if (err)
		return err;
	set_counter(p, TRACK_RUNNING, &p->running, 0, r->window_end_ns);
	set_counter(p, TRACK_IN_PROGRESS, &p->in_progress, 0, r->window_end_ns);
	if (r->bounds.open) {
		set_counter(p, TRACK_RUNNING_MOST, &p->running_most, 0, r->window_end_ns);
		set_counter(p, TRACK_DOUBTFUL, &p->doubtful, 0, r->window_end_ns);
	}
	if (p->instances_cnt)
		set_counter(p, TRACK_IN_FLIGHT, &p->in_flight, 0, r->window_end_ns);
	for (uint32_t i = 0; i < p->instances_cnt; i++)
		if (p->instances[i].known)
			set_counter(p, TRACK_INSTANCE + i, &p->instances[i].level, 0,
				    r->window_end_ns);
	return pf_out__flush(p->out);
}

/* What is known by number: threads and instances. */
static int make_tables(struct perfetto *p)
{
	const struct cpt_report *r = p->r;

	p->lanes_cnt = r->threads_cnt ? r->threads_tab[r->threads_cnt - 1].id + 1 : 0;
	p->lanes = calloc(p->lanes_cnt + 1, sizeof(*p->lanes));
	p->instances_cnt = r->instances_cnt ? r->instances[r->instances_cnt - 1].id + 1 : 0;
	p->instances = calloc(p->instances_cnt + 1, sizeof(*p->instances));
	if (!p->lanes || !p->instances)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->threads_cnt; i++)
		p->lanes[r->threads_tab[i].id].row = i + 1;
	for (uint32_t i = 0; i < r->instances_cnt; i++)
		p->instances[r->instances[i].id] = (struct pf_instance){
			.level = UINT64_MAX, .known = true, .outbound = r->instances[i].outbound};
	return 0;
}

static int prepare(struct perfetto *p, struct analysed *a, FILE *f)
{
	p->words = analysed__words(a);
	p->running = p->in_progress = p->in_flight = UINT64_MAX;
	p->running_most = p->doubtful = UINT64_MAX;
	sysno_table(p->r->meta->machine, p->sys);
	p->out = pf_out__new(f);
	if (!p->out || make_tables(p))
		return -ENOMEM;
	return perfetto_head__add(p);
}

/* The second pass, after what has a name. 0, or -errno: *said, or not yet. */
static int write_trace(struct perfetto *p, struct analysed *a, const char *path,
		       struct path_log *log, const struct cpt_analysis_opts *view, FILE *f,
		       bool *said)
{
	struct cpt_analysis_opts opts = *view;
	int err = prepare(p, a, f);

	if (!err)
		err = trace_reader__rewind(a->reader);
	if (err)
		return err;
	opts.on_interval = on_interval;
	opts.on_counts = on_counts;
	opts.on_flight = on_flight;
	opts.on_turn = on_turn;
	opts.ctx = p;
	err = analysed__run(a, path, &opts);
	*said = err && (!p->err || err == -ENOMEM);
	return err ? err : add_tail(p, log);
}

int perfetto__write(struct analysed *a, const char *path, const struct cpt_analysis_opts *view,
		    FILE *f, const char *to)
{
	struct perfetto *p = calloc(1, sizeof(*p));
	struct cpt_analysis_opts opts = *view;
	struct path_log log = {0};
	struct cpt_report *first = NULL;
	bool said = false;
	int err = -ENOMEM;

	if (!p)
		goto out;
	opts.on_follow = path_log__follow;
	opts.ctx = &log;
	err = analysed__run(a, path, &opts);
	said = err;
	if (err && log.err)
		path_log__say(&log, path);
	if (err)
		goto out;
	p->r = first = a->report;
	a->report = NULL;
	err = write_trace(p, a, path, &log, view, f, &said);
	pf_out__free(p->out);
	free(p->lanes);
	free(p->instances);
out:
	if (err && !said)
		fail(err, "cannot export %s to %s: %s", path, to, strerror(-err));
	report__free(first);
	path_log__free(&log);
	free(p);
	return err;
}
