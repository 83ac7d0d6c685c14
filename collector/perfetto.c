// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* perfetto.c - see perfetto.h. */
#include "perfetto.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/sysno.h"

#include "path_log.h"
#include "perfetto_out.h"
#include "say.h"
#include "text_locks.h"

const bool perfetto_is_built = true;

/* Numbers of tracks. Small ones are short on disk. */
enum {
	TRACK_PATH = 1,
	TRACK_RUNNING,
	TRACK_IN_PROGRESS,
	TRACK_IN_FLIGHT,
	TRACK_CPUS,
	TRACK_CPU = 16,				/* + CPU */
	TRACK_THREAD = TRACK_CPU + CPT_MAX_CPUS /* + number of the thread */
};
#define TRACK_PROCESS  (UINT64_C(1) << 32) /* + pid */
#define TRACK_LOOP     (UINT64_C(2) << 32) /* + number of the thread */
#define TRACK_INSTANCE (UINT64_C(3) << 32) /* + number of the epoll instance */

/* Numbers of names: of events, and of categories. */
enum {
	NAME_STATE = 1,	 /* + state */
	NAME_REASON = 8, /* + reason */
	NAME_ITERATION = 63,
	NAME_WORD = 64, /* + index of the word */
	NAME_THREAD = NAME_WORD + CPT_WORDS_MAX
};
enum {
	CATEGORY_STATE = 1, /* + state */
	CATEGORY_CPU = CATEGORY_STATE + CPT_STATE_CNT,
	CATEGORY_WAKE,
	CATEGORY_PATH,
	CATEGORY_LOOP
};

/* A thread of the report. */
struct lane {
	uint64_t woken_ns;  /* end of its last wait */
	uint64_t looped_ns; /* end of its last wait for events; 0 none */
	uint32_t waker;	    /* who ended its last wait, 0 nobody seen; void once it is told */
	uint32_t row;	    /* 1 + index in the report's table; 0 none */
	bool loop_known;    /* its loop's track is described */
};

/* An epoll instance of the report. */
struct pf_instance {
	uint64_t level; /* as its counter says; UINT64_MAX nothing yet */
	bool known, outbound;
};

struct perfetto {
	struct pf_out *out;
	const struct cpt_report *r; /* of the first pass */
	const struct cpt_words *words;
	uint8_t sys[CPT_SYSNO_TABLE_SZ];
	struct lane *lanes; /* by number of the thread */
	uint32_t lanes_cnt;
	uint64_t flows;		       /* number of the last one */
	struct pf_instance *instances; /* by number of the instance */
	uint32_t instances_cnt;
	uint64_t running, in_progress, in_flight; /* as the counters say */
	uint64_t cpus_known[CPT_MASK_WORDS];
	uint64_t words_known[CPT_WORDS_MAX / 64 + 1];
	bool sys_known[CPT_SYS_CNT];
	struct { /* the path's piece behind the one at hand, whose begin is not written yet */
		uint64_t from_ns;
		uint32_t id; /* 0 none */
	} next;
	int err; /* of a callback or of memory, not said yet */
};

/* ---- names ----------------------------------------------------------------------------------- */

static void name_states(struct perfetto *p)
{
	for (uint32_t i = 0; i < CPT_STATE_CNT; i++) {
		pf_out__name(p->out, PF_NAMES_EVENT, NAME_STATE + i, state_name((enum cpt_state)i));
		pf_out__name(p->out, PF_NAMES_CATEGORY, CATEGORY_STATE + i,
			     state_name((enum cpt_state)i));
	}
	for (uint32_t i = 0; i < CPT_REASON_CNT; i++)
		pf_out__name(p->out, PF_NAMES_EVENT, NAME_REASON + i,
			     reason_name((enum cpt_reason)i));
	pf_out__name(p->out, PF_NAMES_CATEGORY, CATEGORY_CPU, "cpu");
	pf_out__name(p->out, PF_NAMES_CATEGORY, CATEGORY_WAKE, "wake");
	pf_out__name(p->out, PF_NAMES_CATEGORY, CATEGORY_PATH, "critical path");
	pf_out__name(p->out, PF_NAMES_CATEGORY, CATEGORY_LOOP, "event loop");
	pf_out__name(p->out, PF_NAMES_EVENT, NAME_ITERATION, "iteration");
	pf_out__name(p->out, PF_NAMES_NOTE, PF_NOTE_NAME, "syscall");
}

static bool set_bit(uint64_t *bits, uint32_t i)
{
	const uint64_t bit = UINT64_C(1) << (i % 64), had = bits[i / 64] & bit;

	bits[i / 64] |= bit;
	return had;
}

/* "lock app:queue_lock", as the report calls it */
static void name_word(struct perfetto *p, const struct cpt_word *word, enum cpt_reason reason,
		      uint32_t idx)
{
	struct cpt_lock lock = {.addr = word->addr,
				.kind = word->kind,
				.reason = (uint8_t)reason,
				.symbol = (char *)word->symbol,
				.module = (char *)word->module};
	struct strbuf name = {0};

	for (uint32_t i = 0; i < p->r->locks_cnt; i++)
		if (p->r->locks[i].addr == word->addr && p->r->locks[i].kind == word->kind &&
		    !strcmp(p->r->locks[i].symbol, word->symbol))
			lock.python_gil |= p->r->locks[i].python_gil;
	strbuf__addf(&name, "%s ", reason_name(reason));
	add_lock_name(&name, &lock, true);
	if (name.failed)
		p->err = -ENOMEM;
	pf_out__name(p->out, PF_NAMES_EVENT, NAME_WORD + idx, strbuf__str(&name));
	strbuf__free(&name);
}

/* What a blocked slice is called: its reason, and the lock where it is one. */
static uint32_t wait_name(struct perfetto *p, const struct cpt_interval *iv)
{
	const bool is_lock = iv->reason == CPT_REASON_LOCK || iv->reason == CPT_REASON_HANDOFF ||
			     iv->reason == CPT_REASON_KERNEL_LOCK;
	uint32_t idx;

	if (!is_lock || !iv->word)
		return NAME_REASON + iv->reason;
	idx = words__idx(p->words, iv->word);
	/* One that was judged by itself may have another reason: it has the reason's name then. */
	if (iv->word->reason != iv->reason || idx > CPT_WORDS_MAX - 1)
		return NAME_REASON + iv->reason;
	if (!set_bit(p->words_known, idx))
		name_word(p, iv->word, iv->reason, idx);
	return NAME_WORD + idx;
}

static uint32_t syscall_note(struct perfetto *p, uint16_t sysno)
{
	const uint8_t sys = sysno < CPT_SYSNO_TABLE_SZ ? p->sys[sysno] : CPT_SYS_UNKNOWN;

	if (sys == CPT_SYS_UNKNOWN)
		return 0;
	if (!p->sys_known[sys])
		pf_out__name(p->out, PF_NAMES_TEXT, sys, sys_name((enum cpt_sys)sys));
	p->sys_known[sys] = true;
	return sys;
}

/* ---- tracks ------------------------------------------------------------------------------------ */

static void add_track(struct perfetto *p, uint64_t uuid, uint64_t parent, const char *name,
		      bool counter)
{
	const struct pf_track track = {
		.uuid = uuid, .parent = parent, .name = name, .counter = counter};

	pf_out__track(p->out, &track);
}

static void add_cpu(struct perfetto *p, uint32_t cpu)
{
	char name[32];

	snprintf(name, sizeof(name), "CPU %" PRIu32, cpu);
	add_track(p, TRACK_CPU + cpu, TRACK_CPUS, name, false);
}

/* Readers know processes and threads by these; 0 is their idle task. */
static bool is_id(uint32_t id)
{
	return id && id <= INT32_MAX;
}

static void add_process(struct perfetto *p, const struct cpt_thread *leader)
{
	const struct pf_track track = {.uuid = TRACK_PROCESS + leader->pid,
				       .name = leader->name,
				       .pid = (int32_t)leader->pid,
				       .command = leader->command};

	pf_out__track(p->out, &track);
}

static void add_thread(struct perfetto *p, const struct cpt_thread *t)
{
	struct pf_track track = {.uuid = TRACK_THREAD + (uint64_t)t->id, .name = t->name};
	struct strbuf full = {0};

	strbuf__addf(&full, "%s %" PRIu32, *t->name ? t->name : "(no name)", t->tid);
	pf_out__name(p->out, PF_NAMES_EVENT, NAME_THREAD + t->id, strbuf__str(&full));
	if (is_id(t->pid) && is_id(t->tid)) {
		track.pid = (int32_t)t->pid;
		track.tid = (int32_t)t->tid;
	}
	pf_out__track(p->out, &track);
	if (full.failed)
		p->err = -ENOMEM;
	strbuf__free(&full);
}

static int by_process(const void *a, const void *b)
{
	const struct cpt_thread *const *x = a, *const *y = b;

	if ((*x)->pid != (*y)->pid)
		return (*x)->pid < (*y)->pid ? -1 : 1;
	/* its leader, or whoever comes first */
	if (((*x)->tid == (*x)->pid) != ((*y)->tid == (*y)->pid))
		return (*x)->tid == (*x)->pid ? -1 : 1;
	return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

static int is_of_process(const void *pid, const void *thread)
{
	const struct cpt_thread *const *t = thread;

	return *(const uint32_t *)pid < (*t)->pid ? -1 : *(const uint32_t *)pid > (*t)->pid;
}

/* The counter of an epoll instance, below its process. */
static void add_instance(struct perfetto *p, const struct cpt_epoll_instance *in, bool has_process)
{
	char name[64] = "in flight: poll";

	if (!(in->flags & CPT_LOOP_POLL))
		snprintf(name, sizeof(name), "in flight: %s %" PRIu32,
			 in->flags & CPT_LOOP_RING ? "io_uring" : "epoll", in->epfd);
	add_track(p, TRACK_INSTANCE + in->id, has_process ? TRACK_PROCESS + in->pid : 0, name,
		  true);
}

static void add_processes(struct perfetto *p)
{
	const struct cpt_report *r = p->r;
	const struct cpt_thread **order = malloc((r->threads_cnt + 1) * sizeof(const void *));

	if (!order) {
		p->err = -ENOMEM;
		return;
	}
	for (uint32_t i = 0; i < r->threads_cnt; i++)
		order[i] = &r->threads_tab[i];
	qsort(order, r->threads_cnt, sizeof(*order), by_process);
	for (uint32_t i = 0; i < r->threads_cnt; i++)
		if (is_id(order[i]->pid) && (!i || order[i - 1]->pid != order[i]->pid))
			add_process(p, order[i]);
	for (uint32_t i = 0; i < r->instances_cnt; i++)
		add_instance(p, &r->instances[i],
			     is_id(r->instances[i].pid) &&
				     bsearch(&r->instances[i].pid, order, r->threads_cnt,
					     sizeof(*order), is_of_process));
	free(order);
}

/* All that has a name before the first event. */
static int add_head(struct perfetto *p)
{
	const struct cpt_trace_meta *meta = p->r->meta;

	pf_out__begin(p->out, meta->start_mono_ns, meta->start_boot_ns, meta->start_real_ns);
	name_states(p);
	add_track(p, TRACK_RUNNING, 0, "CPUs busy", true);
	add_track(p, TRACK_IN_PROGRESS, 0, "in progress", true);
	if (p->instances_cnt)
		add_track(p, TRACK_IN_FLIGHT, 0, "in flight, beside threads", true);
	add_track(p, TRACK_PATH, 0, "critical path", false);
	add_track(p, TRACK_CPUS, 0, "CPUs", false);
	add_processes(p);
	for (uint32_t i = 0; i < p->r->threads_cnt; i++)
		add_thread(p, &p->r->threads_tab[i]);
	return p->err ? p->err : pf_out__flush(p->out);
}

/* ---- events ------------------------------------------------------------------------------------ */

static struct lane *lane_of(struct perfetto *p, uint32_t id)
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
static bool add_wake(struct perfetto *p, const struct cpt_interval *iv, struct lane *lane)
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

/* An iteration lasts from the end of a wait for events that blocked to the next such wait; what a wait between
 * them brought without blocking is in it. */
static void add_iteration(struct perfetto *p, const struct cpt_interval *iv, struct lane *lane)
{
	const struct pf_event ev = {.type = PF_SLICE_BEGIN,
				    .track = TRACK_LOOP + iv->id,
				    .name = NAME_ITERATION,
				    .category = CATEGORY_LOOP};

	if (iv->state == CPT_STATE_UNKNOWN)
		lane->looped_ns = 0;
	if (iv->state != CPT_STATE_PARKED || iv->reason != CPT_REASON_EVENT_LOOP)
		return;
	if (!lane->loop_known)
		add_track(p, ev.track, TRACK_THREAD + (uint64_t)iv->id, "event loop", false);
	lane->loop_known = true;
	if (lane->looped_ns && lane->looped_ns < iv->start_ns)
		add_slice(p, &ev, lane->looped_ns, iv->start_ns, 0);
	lane->looped_ns = iv->end_ns;
}

static int on_interval(void *ctx, const struct cpt_interval *iv)
{
	struct perfetto *p = ctx;
	struct lane *lane = lane_of(p, iv->id);
	const bool blocked = iv->state == CPT_STATE_WAITING || iv->state == CPT_STATE_PARKED;
	struct pf_event ev = {.type = PF_SLICE_BEGIN,
			      .track = TRACK_THREAD + (uint64_t)iv->id,
			      .category = CATEGORY_STATE + iv->state};

	if (!lane) /* the first pass saw it, or this is not the same trace any more */
		return p->err = -EBADMSG;
	ev.name = blocked ? wait_name(p, iv) : NAME_STATE + (uint32_t)iv->state;
	if (blocked)
		ev.note = syscall_note(p, iv->sysno);
	if (lane->waker && add_wake(p, iv, lane))
		ev.flow = PF_FLOW_ENDS;
	p->err = add_slice(p, &ev, iv->start_ns, iv->end_ns, p->flows);
	add_iteration(p, iv, lane);
	if (blocked && iv->waker && iv->waker != iv->id && lane_of(p, iv->waker)) {
		lane->waker = iv->waker;
		lane->woken_ns = iv->end_ns;
	}
	if (p->err || iv->state != CPT_STATE_RUNNING)
		return p->err;
	if (!set_bit(p->cpus_known, iv->cpu))
		add_cpu(p, iv->cpu);
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
	const struct lane *lane = lane_of(p, id);
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
	set_counter(p, TRACK_RUNNING, &p->running, 0, r->window_end_ns);
	set_counter(p, TRACK_IN_PROGRESS, &p->in_progress, 0, r->window_end_ns);
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
	sysno_table(p->r->meta->machine, p->sys);
	p->out = pf_out__new(f);
	if (!p->out || make_tables(p))
		return -ENOMEM;
	return add_head(p);
}

/* The second pass, after what has a name. 0, or -errno: *said, or not yet. */
static int write_all(struct perfetto *p, struct analysed *a, const char *path, struct path_log *log,
		     const struct cpt_analysis_opts *view, FILE *f, bool *said)
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
	opts.ctx = p;
	err = analysed__run(a, path, &opts);
	*said = err && !p->err;
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
	said = err && !log.err;
	if (err)
		goto out;
	p->r = first = a->report;
	a->report = NULL;
	err = write_all(p, a, path, &log, view, f, &said);
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
