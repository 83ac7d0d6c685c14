// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* loops.c - see loops.h. */
#include "loops.h"
#include "grid.h"

#include <errno.h>
#include <stdlib.h>

#define INBOUND	 0
#define OUTBOUND 1
#define RINGS	 2 /* of a process: operations of its rings, whatever else it serves */

/* A process. The part that the timeline knows comes first. */
struct proc {
	struct loop_proc pub;
	uint32_t id;   /* its leader's number */
	uint32_t live; /* tasks */
	uint64_t levels[3];
	bool serves; /* an inbound operation was seen: the outbound ones are parts of those */
	/* Its instances that are not over: new ones come first; such as go on after all, last. */
	struct instance *first, *last;
};

/* A number over time, and what it adds up to while accounting. */
struct gauge {
	uint32_t level, peak;
	uint64_t at_ns, sum_ns; /* sum up to at_ns */
};

struct instance {
	struct cpt_epoll_instance row;
	struct proc *proc;
	struct instance *next, *prev; /* of its process, while it is not over */
	uint32_t task;		      /* who was seen with it first; whose polls they are */
	struct gauge flight[2], conns, timers;
	uint64_t opened[2], completed[2], cancelled[2];
	uint64_t begin_ns;   /* it is watched from here on */
	uint64_t span_at_ns; /* span_ns is up to here */
	uint64_t doubt_ns;   /* doubtful since */
	bool doubtful;
	bool listed; /* among the certain */
	bool over;   /* closed, or its process has ended or begun another program */
	bool execed; /* its process has exec'd since it was last heard of */
};

struct loops {
	struct tasks *tasks;
	struct timeline *tl;
	const struct cpt_latencies *latencies;
	struct instance **instances; /* by number */
	uint32_t instance_end;	     /* highest number + 1 */
	uint32_t instance_cap;
	/* Those that a loss puts in doubt. Each loss empties the list, each event puts its instance back:
	 * so many losses cost no more than many events. As many places as instances. */
	uint32_t *certain, certain_cnt;
	struct proc **procs; /* in no order: a leader knows its own, task.leads */
	uint32_t proc_cnt, proc_cap;
	uint64_t steps;
	bool open;
};

struct loops *loops__new(struct tasks *tasks, struct timeline *tl,
			 const struct cpt_latencies *latencies)
{
	struct loops *l = calloc(1, sizeof(*l));

	if (l) {
		l->tasks = tasks;
		l->tl = tl;
		l->latencies = latencies;
	}
	return l;
}

void loops__free(struct loops *l)
{
	if (!l)
		return;
	for (uint32_t i = 0; i < l->instance_end; i++)
		free(l->instances[i]);
	for (uint32_t i = 0; i < l->proc_cnt; i++)
		free(l->procs[i]);
	free(l->instances);
	free(l->certain);
	free(l->procs);
	free(l);
}

/* ---- gauges ---------------------------------------------------------------------------------- */

/* How many there were while that was doubtful is not known: averages are of the rest of the time. */
static void gauge_to(const struct loops *l, const struct instance *in, struct gauge *g,
		     uint64_t now_ns)
{
	if (l->open && !in->doubtful)
		g->sum_ns += (now_ns - g->at_ns) * g->level;
	g->at_ns = now_ns;
}

static void gauge_set(const struct loops *l, const struct instance *in, struct gauge *g,
		      uint64_t now_ns, uint32_t level, uint32_t peak)
{
	gauge_to(l, in, g, now_ns);
	g->level = level;
	if (!l->open)
		return;
	if (peak < level)
		peak = level;
	if (peak > g->peak)
		g->peak = peak;
}

/* All sums of the instance are up to now. */
static void sync(const struct loops *l, struct instance *in, uint64_t now_ns)
{
	gauge_to(l, in, &in->flight[INBOUND], now_ns);
	gauge_to(l, in, &in->flight[OUTBOUND], now_ns);
	gauge_to(l, in, &in->conns, now_ns);
	gauge_to(l, in, &in->timers, now_ns);
	if (l->open && !in->over)
		in->row.span_ns += now_ns - in->span_at_ns;
	in->span_at_ns = now_ns;
	if (l->open && in->doubtful)
		in->row.unknown_ns += now_ns - in->doubt_ns;
	in->doubt_ns = now_ns;
}

/* The grid hears from when on, or until when, it is known how many are in flight. */
static void tell_known(const struct loops *l, const struct instance *in, bool known,
		       uint64_t now_ns)
{
	if (l->open && l->tl->grid && !l->tl->err)
		l->tl->err = grid__known(l->tl->grid, in->row.id, known, now_ns);
}

static bool is_ring(const struct instance *in)
{
	return in->row.flags & CPT_LOOP_RING;
}

/* Where reports are missing one of them may have told that it serves. */
static void find_level(struct proc *p)
{
	const uint64_t in = p->levels[INBOUND], out = p->levels[OUTBOUND];

	p->pub.level = (p->serves ? in : out) + p->levels[RINGS];
	p->pub.either = !p->serves && p->pub.lost && in != out;
	if (p->pub.either && in < out)
		p->pub.level -= out - in;
}

static bool is_known(const struct instance *in)
{
	return !in->over && !in->doubtful;
}

/* What its levels add to its process's: nothing while they are in doubt, for each may have fallen to 0. */
static void count_levels(struct instance *in, bool counted)
{
	uint64_t *levels = in->proc->levels;

	for (int way = 0; way < RINGS; way++)
		levels[is_ring(in) ? RINGS : way] +=
			counted ? in->flight[way].level : -(uint64_t)in->flight[way].level;
}

static void set_doubt(const struct loops *l, struct instance *in, uint64_t now_ns, bool doubtful)
{
	if (in->doubtful == doubtful)
		return;
	count_levels(in, !doubtful);
	find_level(in->proc);
	sync(l, in, now_ns);
	in->doubtful = doubtful;
	tell_known(l, in, is_known(in), now_ns);
	in->row.lower_bound |= doubtful;
	in->proc->pub.doubts += doubtful ? 1 : (uint32_t)-1;
	timeline__flight(l->tl, &in->proc->pub);
}

/* Whoever wants to know hears of a level that has changed, or with which accounting begins. */
static void tell_level(const struct loops *l, const struct instance *in, int way, uint64_t now_ns)
{
	const struct cpt_analysis_opts *opts = l->tl->opts;
	const struct cpt_flight flight = {now_ns, in->row.id, way == OUTBOUND,
					  in->flight[way].level};
	int err;

	if ((!opts->on_flight && !l->tl->grid) || !l->open || l->tl->err)
		return;
	err = l->tl->grid ? grid__flight(l->tl->grid, &flight) : 0;
	if (opts->on_flight && !err)
		err = opts->on_flight(opts->ctx, &flight);
	if (err)
		l->tl->err = err;
}

/* Of its two levels, the one that counts. */
static int way_that_counts(const struct instance *in)
{
	return in->proc->serves && !is_ring(in) ? INBOUND : OUTBOUND;
}

static void set_level(const struct loops *l, struct instance *in, int way, uint64_t now_ns,
		      uint32_t level, uint32_t peak)
{
	struct proc *p = in->proc;

	if (!in->doubtful)
		p->levels[is_ring(in) ? RINGS : way] += (uint64_t)level - in->flight[way].level;
	gauge_set(l, in, &in->flight[way], now_ns, level, peak);
	tell_level(l, in, way, now_ns);
	find_level(p);
	timeline__flight(l->tl, &p->pub);
}

/* ---- who there is ------------------------------------------------------------------------------ */

static struct proc *find_proc(const struct loops *l, uint32_t id)
{
	const struct task *leader = tasks__find(l->tasks, id);

	return leader ? (struct proc *)leader->leads : NULL;
}

static int list_proc(struct loops *l, struct proc *p)
{
	struct proc **procs;

	if (l->proc_cnt == l->proc_cap) {
		procs = realloc(l->procs, (l->proc_cap ? 2 * l->proc_cap : 16) * sizeof(*procs));
		if (!procs)
			return -ENOMEM;
		l->procs = procs;
		l->proc_cap = l->proc_cap ? 2 * l->proc_cap : 16;
	}
	l->procs[l->proc_cnt++] = p;
	return 0;
}

/* t belongs to p; it may be counted. */
static void join(const struct loops *l, struct task *t, struct proc *p)
{
	if (t->flight == &p->pub)
		return;
	t->flight = &p->pub;
	p->pub.chosen |= t->chosen;
	p->live += t->live;
	if (!t->counted)
		return;
	timeline__stand(l->tl, &p->pub, t, +1);
	p->pub.pollers += t->polls;
	p->pub.fading += t->polls && t->fading;
	p->pub.counted |= t->polls;
	timeline__flight(l->tl, &p->pub);
}

/* t's process has loops. NULL without memory. */
static struct proc *get_proc(struct loops *l, const struct task *t)
{
	struct task *leader = tasks__find(l->tasks, t->proc), *mate;
	struct proc *p = find_proc(l, t->proc);

	if (p || !leader)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	if (list_proc(l, p)) {
		free(p);
		return NULL;
	}
	p->id = t->proc;
	leader->leads = &p->pub;
	if (leader->proc == p->id)
		join(l, leader, p);
	for (mate = tasks__find(l->tasks, leader->mates); mate;
	     mate = tasks__find(l->tasks, mate->next_mate)) {
		l->steps++;
		join(l, mate, p);
	}
	return p;
}

void loops__alive(struct loops *l, struct task *t)
{
	struct proc *p = l->proc_cnt ? find_proc(l, t->proc) : NULL;

	if (!p)
		return;
	if (t->flight == &p->pub)
		p->live += t->live; /* it had died by our account */
	else
		join(l, t, p);
}

/* Among its process's, at the front or at the end. */
static void link_instance(struct instance *in, bool front)
{
	struct proc *p = in->proc;

	in->prev = front ? NULL : p->last;
	in->next = front ? p->first : NULL;
	*(in->prev ? &in->prev->next : &p->first) = in;
	*(in->next ? &in->next->prev : &p->last) = in;
}

static void unlink_instance(struct instance *in)
{
	struct proc *p = in->proc;

	*(in->prev ? &in->prev->next : &p->first) = in->next;
	*(in->next ? &in->next->prev : &p->last) = in->prev;
	in->next = in->prev = NULL;
}

static void end_instance(struct loops *l, struct instance *in, uint64_t now_ns)
{
	if (in->over)
		return;
	l->steps++;
	set_doubt(l, in, now_ns, false);
	set_level(l, in, INBOUND, now_ns, 0, 0);
	set_level(l, in, OUTBOUND, now_ns, 0, 0);
	gauge_set(l, in, &in->conns, now_ns, 0, 0);
	gauge_set(l, in, &in->timers, now_ns, 0, 0);
	sync(l, in, now_ns);
	in->over = true;
	tell_known(l, in, false, now_ns);
	unlink_instance(in);
}

static void end_all_of(struct loops *l, struct proc *p, uint64_t now_ns)
{
	while (p->first)
		end_instance(l, p->first, now_ns);
}

static void list_certain(struct loops *l, struct instance *in)
{
	if (in->listed)
		return;
	in->listed = true;
	l->certain[l->certain_cnt++] = in->row.id;
}

void loops__exec(struct loops *l, struct task *t, uint64_t now_ns)
{
	struct proc *p = t->flight ? find_proc(l, t->proc) : NULL;

	if (!p)
		return;
	/* It may have kept them. */
	for (struct instance *in = p->first; in; in = in->next) {
		in->execed = true;
		list_certain(l, in);
	}
	end_all_of(l, p, now_ns);
}

void loops__died(struct loops *l, struct task *t, uint64_t now_ns)
{
	struct proc *p = t->flight ? find_proc(l, t->proc) : NULL;

	if (p && p->live && --p->live == 0)
		end_all_of(l, p, now_ns);
}

/* ---- events ---------------------------------------------------------------------------------- */

static int grow_instances(struct loops *l, uint32_t id)
{
	struct instance **instances;
	uint32_t *certain;
	uint32_t cap = l->instance_cap ? l->instance_cap : 16;

	while (cap <= id)
		cap *= 2;
	if (cap != l->instance_cap) {
		instances = realloc(l->instances, cap * sizeof(*instances));
		if (!instances)
			return -ENOMEM;
		l->instances = instances;
		certain = realloc(l->certain, cap * sizeof(*certain));
		if (!certain)
			return -ENOMEM;
		l->certain = certain;
		l->instance_cap = cap;
	}
	while (l->instance_end <= id)
		l->instances[l->instance_end++] = NULL;
	return 0;
}

static int on_new(struct loops *l, const struct cpt_event *ev, uint64_t now_ns)
{
	struct task *t = tasks__find(l->tasks, ev->task);
	struct instance *in;
	struct proc *p;

	if (!t || !ev->other || ev->other > CPT_LOOP_NUMBER_MAX)
		return 0;
	if (ev->other < l->instance_end && l->instances[ev->other])
		return 0; /* a damaged trace names it twice */
	p = get_proc(l, t);
	if (!p || grow_instances(l, ev->other))
		return -ENOMEM;
	in = calloc(1, sizeof(*in));
	if (!in)
		return -ENOMEM;
	l->instances[ev->other] = in;
	in->proc = p;
	link_instance(in, true);
	in->task = t->row.id;
	in->begin_ns = in->span_at_ns = in->doubt_ns = now_ns;
	in->flight[INBOUND].at_ns = in->flight[OUTBOUND].at_ns = now_ns;
	in->conns.at_ns = in->timers.at_ns = now_ns;
	in->row.id = ev->other;
	in->row.proc = t->proc;
	in->row.pid = t->row.pid;
	in->row.epfd = ev->loop_fd;
	in->row.flags = ev->flags;
	list_certain(l, in);
	tell_known(l, in, true, now_ns);
	timeline__poller(l->tl, t);
	return 1;
}

static void on_operations(struct loops *l, struct instance *in, const struct cpt_event *ev,
			  uint64_t now_ns)
{
	const int way = ev->flags & CPT_LOOP_EV_OUT ? OUTBOUND : INBOUND;

	if (way == INBOUND && ev->opened && !is_ring(in))
		in->proc->serves = true;
	set_level(l, in, way, now_ns, ev->level, ev->peak);
	if (!l->open)
		return;
	in->opened[way] += ev->opened;
	in->completed[way] += ev->completed;
	in->cancelled[way] += ev->cancelled;
	in->row.iterations += ev->iterations;
	in->row.events += ev->batch;
}

/* Its process has not ended after all, or kept it through its exec. */
static void go_on(const struct loops *l, struct instance *in, uint64_t now_ns)
{
	sync(l, in, now_ns);
	in->over = false;
	tell_known(l, in, is_known(in), now_ns);
	link_instance(in, false);
}

static void on_loop(struct loops *l, const struct cpt_event *ev, uint64_t now_ns)
{
	struct instance *in = ev->other < l->instance_end ? l->instances[ev->other] : NULL;
	struct task *t = tasks__find(l->tasks, ev->task);

	if (!in)
		return;
	if (t && t->flight == &in->proc->pub)
		timeline__poller(l->tl, t);
	if (in->over)
		go_on(l, in, now_ns);
	in->execed = false;
	set_doubt(l, in, now_ns, false);
	list_certain(l, in);
	if (ev->flags & CPT_LOOP_EV_OPS)
		on_operations(l, in, ev, now_ns);
	else if (ev->flags & CPT_LOOP_EV_TIMERS)
		gauge_set(l, in, &in->timers, now_ns, ev->level, ev->peak);
	else if (ev->flags & CPT_LOOP_EV_CONNS)
		gauge_set(l, in, &in->conns, now_ns, ev->level, ev->peak);
}

static void on_lost(struct loops *l, uint64_t now_ns)
{
	for (uint32_t i = 0; i < l->certain_cnt; i++) {
		struct instance *in = l->instances[l->certain[i]];

		in->listed = false;
		in->proc->pub.lost = true;
		find_level(in->proc);
		timeline__flight(l->tl, &in->proc->pub);
		if (in->over && in->execed && in->proc->live)
			go_on(l, in, now_ns); /* what was to tell that may be lost */
		if (!in->over)
			set_doubt(l, in, now_ns, true);
	}
	l->certain_cnt = 0;
}

int loops__feed(struct loops *l, const struct cpt_event *ev, uint64_t now_ns)
{
	if (ev->type == CPT_EV_LOOP_NEW)
		return on_new(l, ev, now_ns);
	if (ev->type == CPT_EV_LOOP)
		on_loop(l, ev, now_ns);
	else if (ev->type == CPT_EV_LOOP_LOST)
		on_lost(l, now_ns);
	else if (ev->type == CPT_EV_LOOP_END && ev->other < l->instance_end &&
		 l->instances[ev->other])
		end_instance(l, l->instances[ev->other], now_ns);
	return 1;
}

uint64_t loops__steps(const struct loops *l)
{
	return l->steps;
}

/* ---- what loops are told ------------------------------------------------------------------- */

/* Of a process's instances so many are looked at: no real one has more that are open. */
#define LOOK_AT_MAX 1024

static int32_t fd_of(const struct instance *in)
{
	return in->row.flags & CPT_LOOP_POLL ? -1 : (int32_t)in->row.epfd;
}

uint32_t loops__instance_of(const struct loops *l, uint32_t proc, int32_t fd, uint32_t task)
{
	const struct proc *p = find_proc(l, proc);
	const struct instance *in = p ? p->first : NULL;

	for (int i = 0; in && i < LOOK_AT_MAX; i++, in = in->next)
		if (fd_of(in) == fd && (fd >= 0 || in->task == task))
			return in->row.id;
	return 0;
}

bool loops__whose(const struct loops *l, uint32_t instance, uint32_t *proc, int32_t *fd)
{
	const struct instance *in = instance < l->instance_end ? l->instances[instance] : NULL;

	if (!in)
		return false;
	*proc = in->proc->id;
	*fd = fd_of(in);
	return true;
}

bool loops__behind(const struct loops *l, uint32_t instance, uint64_t now_ns, uint64_t *integral_ns,
		   uint32_t *level)
{
	const struct instance *in = instance < l->instance_end ? l->instances[instance] : NULL;
	const struct gauge *g;

	if (!in || in->over || in->doubtful)
		return false;
	g = &in->flight[way_that_counts(in)];
	*level = g->level;
	*integral_ns = g->sum_ns + (l->open ? (now_ns - g->at_ns) * g->level : 0);
	return true;
}

uint64_t loops__unused(const struct loops *l)
{
	return timeline__allowed_so_far(l->tl) - l->tl->sums.running;
}

bool loops__ring_at_work(const struct loops *l, uint32_t instance)
{
	const struct instance *in = instance < l->instance_end ? l->instances[instance] : NULL;

	if (!in || in->doubtful)
		return true;
	/* Of a ring these are what is armed, and what workers have. */
	return in->flight[OUTBOUND].level > (uint64_t)in->conns.level + in->timers.level;
}

/* ---- accounting ------------------------------------------------------------------------------ */

static void reset_peak(struct gauge *g)
{
	g->peak = g->level;
}

void loops__open(struct loops *l, uint64_t now_ns)
{
	for (uint32_t i = 0; i < l->instance_end; i++) {
		struct instance *in = l->instances[i];

		if (!in)
			continue;
		sync(l, in, now_ns);
		reset_peak(&in->flight[INBOUND]);
		reset_peak(&in->flight[OUTBOUND]);
		reset_peak(&in->conns);
		reset_peak(&in->timers);
	}
	l->open = true;
	for (uint32_t i = 0; i < l->instance_end; i++) {
		if (!l->instances[i])
			continue;
		tell_known(l, l->instances[i], is_known(l->instances[i]), now_ns);
		tell_level(l, l->instances[i], INBOUND, now_ns);
		tell_level(l, l->instances[i], OUTBOUND, now_ns);
	}
}

void loops__close(struct loops *l, uint64_t now_ns)
{
	for (uint32_t i = 0; i < l->instance_end; i++) {
		if (!l->instances[i])
			continue;
		sync(l, l->instances[i], now_ns);
		tell_known(l, l->instances[i], false, now_ns);
	}
	l->open = false;
}

static struct cpt_flight_sums sums_of(const struct loops *l, const struct instance *in, int way,
				      double known_ns)
{
	const struct cpt_latency_facts facts =
		latencies__of(l->latencies, in->row.id, way == OUTBOUND);
	const struct gauge *g = &in->flight[way];
	struct cpt_flight_sums sums = {
		.in_flight_ns = g->sum_ns,
		.peak = g->peak,
		.opened = in->opened[way],
		.completed = in->completed[way],
		.cancelled = in->cancelled[way],
		.latency_cnt = facts.cnt,
		.p50_ns = facts.p50_ns,
		.p99_ns = facts.p99_ns,
		.max_ns = facts.max_ns,
	};

	if (known_ns <= 0)
		return sums;
	sums.average = (double)g->sum_ns / known_ns;
	sums.arrivals = (double)sums.opened * 1e9 / known_ns;
	sums.rate = (double)sums.completed * 1e9 / known_ns;
	return sums;
}

static void fill_row(const struct loops *l, const struct instance *in, uint64_t window_start_ns,
		     struct cpt_epoll_instance *row)
{
	const int way = way_that_counts(in);
	double known;

	*row = in->row;
	known = (double)(row->span_ns - row->unknown_ns);
	row->outbound = way == OUTBOUND;
	if (row->flags & CPT_LOOP_FOUND && in->begin_ns > window_start_ns)
		row->since_ns = in->begin_ns - window_start_ns;
	row->ops = sums_of(l, in, way, known);
	if (way == INBOUND && in->opened[OUTBOUND])
		row->upstream = sums_of(l, in, OUTBOUND, known);
	row->conns_peak = in->conns.peak;
	row->timers_peak = in->timers.peak;
	if (known <= 0)
		return;
	row->conns_average = (double)in->conns.sum_ns / known;
	row->timers_average = (double)in->timers.sum_ns / known;
}

int loops__take(struct loops *l, uint64_t window_start_ns, struct cpt_epoll_instance **rows,
		uint32_t *cnt)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < l->instance_end; i++)
		used += l->instances[i] && l->instances[i]->proc->pub.counted;
	*cnt = 0;
	*rows = calloc(used ? used : 1, sizeof(**rows));
	if (!*rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->instance_end; i++)
		if (l->instances[i] && l->instances[i]->proc->pub.counted)
			fill_row(l, l->instances[i], window_start_ns, &(*rows)[(*cnt)++]);
	return 0;
}

double instance_in_window(const struct cpt_epoll_instance *in, uint64_t window_ns)
{
	const uint64_t not_known_ns = in->since_ns + in->unknown_ns;

	return not_known_ns < window_ns
		       ? (double)in->ops.in_flight_ns / (double)(window_ns - not_known_ns)
		       : 0;
}
