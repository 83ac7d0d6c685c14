// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loop_ledger.c - see loop_ledger.h.
 */
#include "loop_ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loop_rows.h"

/* What a loop's thread does. The last four are pending until it waits again. */
enum doing { NOT, WAITING, WOKEN, ON_CPU, READY, STALLED, UNKNOWN };

/* Turns that one record tells of and that are counted one by one: they are of 20 to 80 us. */
#define DISPATCHES_MAX 256u

/* What is pending. */
struct pending {
	uint64_t on_cpu_ns, ready_ns, unknown_ns;
	struct loop_stalls stalls;
};

struct task_loop {
	struct task *task;
	struct task_loop *next; /* of all */
	struct loop_list list;	/* its loops */
	uint32_t cur;		/* index + 1 of the one it waited on last, 0 it is none */
	bool in_wait;		/* blocked in it, or woken and not yet on a CPU */
	bool fresh;		/* back from a wait that blocked; its return was not recorded yet */
	uint8_t counting;	/* enum doing that is being accounted, while the task is counted */
	uint64_t from_ns;	/* since when */
	struct cpt_stall call;	/* what it is blocked in: the first members */
	uint64_t flight_from_ns; /* integral of operations in flight at from_ns */
	bool flight_known;
	uint32_t flight, flight_losses;
	uint64_t unused_from_ns; /* CPU time not used so far, at from_ns */
	/* the dispatch at hand */
	bool dispatching, whole;
	uint64_t dispatch_ns, dispatch_at_ns;
	struct pending pend;
	uint32_t part; /* among the levels, while something may be pending; or LEVEL_CERTAIN */
};

struct loop_ledger {
	struct loop_table table;
	struct task_loop *all;
	struct loop_levels levels;
	const struct loops *flights;
	const struct cpt_analysis_opts *opts;
	uint32_t losses; /* of LOOP events */
};

struct loop_ledger *loop_ledger__new(const struct loops *flights,
				     const struct cpt_analysis_opts *opts)
{
	struct loop_ledger *ll = calloc(1, sizeof(*ll));

	if (ll) {
		ll->flights = flights;
		ll->opts = opts;
	}
	return ll;
}

void loop_ledger__free(struct loop_ledger *ll)
{
	struct task_loop *w, *next;

	if (!ll)
		return;
	for (w = ll->all; w; w = next) {
		next = w->next;
		free(w);
	}
	loop_table__fini(&ll->table);
	loop_levels__fini(&ll->levels);
	free(ll);
}

/* The loop's instance is known: from now on its returns are recorded. 0 or -ENOMEM. */
static int bind(struct loop_ledger *ll, uint32_t idx, uint32_t instance)
{
	struct loop *l = &ll->table.tab[idx];

	if (!instance || l->row.rest || l->row.kind == CPT_LOOP_KIND_RING)
		return 0;
	l->losses = ll->losses;
	l->recorded = true;
	return loop_table__bind(&ll->table, idx, instance);
}

/* Index of the thread's loop with this key. NO_LOOP with errno: ENOSPC, ENOMEM. */
static uint32_t find_loop(struct loop_ledger *ll, struct task_loop *w, struct loop_key key)
{
	bool made;
	const uint32_t idx = loop_table__find(&ll->table, &w->list, w->task, key, &made);
	struct loop *l;

	if (idx == NO_LOOP || !made)
		return idx;
	l = &ll->table.tab[idx];
	if (loop_levels__reserve(&ll->levels) ||
	    bind(ll, idx, loops__instance_of(ll->flights, l->proc, l->row.fd, l->row.id))) {
		errno = ENOMEM;
		return NO_LOOP;
	}
	return idx;
}

static struct task_loop *make_task_loop(struct loop_ledger *ll, struct task *t, uint64_t now_ns)
{
	struct task_loop *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->task = t;
	w->from_ns = now_ns;
	w->part = LEVEL_CERTAIN;
	w->next = ll->all;
	ll->all = w;
	t->loop = w;
	t->watched = true;
	return w;
}

/* ---- pieces of time ---------------------------------------------------------------------------------- */

static struct loop *current(const struct loop_ledger *ll, const struct task_loop *w)
{
	return &ll->table.tab[w->cur - 1];
}

static bool is_pending(uint8_t doing)
{
	return doing >= ON_CPU;
}

static enum level_state level_of(uint8_t doing)
{
	if (doing == ON_CPU)
		return LEVEL_BUSY;
	return doing == UNKNOWN ? LEVEL_UNKNOWN : LEVEL_OFF;
}

static uint32_t part_of(const struct task_loop *w, uint8_t doing)
{
	return is_pending(doing) ? w->part : LEVEL_CERTAIN;
}

static bool read_flight(const struct loop_ledger *ll, const struct task_loop *w, uint64_t now_ns,
			uint64_t *integral_ns, uint32_t *level)
{
	return loops__behind(ll->flights, current(ll, w)->row.instance, now_ns, integral_ns, level);
}

static void begin_piece(struct loop_ledger *ll, struct task_loop *w, uint8_t doing, uint64_t now_ns)
{
	loop_levels__advance(&ll->levels, now_ns);
	if (is_pending(doing) && w->part == LEVEL_CERTAIN)
		w->part = loop_levels__part(&ll->levels);
	loop_levels__change(&ll->levels, part_of(w, doing), LEVEL_NOT, level_of(doing));
	w->counting = doing;
	w->from_ns = now_ns;
	if (doing != STALLED)
		return;
	w->flight_known = read_flight(ll, w, now_ns, &w->flight_from_ns, &w->flight);
	w->flight_losses = ll->losses;
	w->unused_from_ns = loops__unused(ll->flights);
}

static void end_stall(struct loop_ledger *ll, struct task_loop *w, uint64_t now_ns)
{
	struct cpt_stall stall = w->call;
	uint64_t integral_ns;
	uint32_t level;

	stall.cnt = 1;
	stall.total_ns = stall.longest_ns = now_ns - w->from_ns;
	stall.longest_at_ns = w->from_ns;
	if (w->flight_known && w->flight_losses == ll->losses &&
	    read_flight(ll, w, now_ns, &integral_ns, &level)) {
		stall.delay_ns = integral_ns - w->flight_from_ns;
		stall.held_up = level > w->flight ? level : w->flight;
		if (stall.delay_ns) {
			stall.behind_ns = stall.total_ns;
			stall.unused_ns = loops__unused(ll->flights) - w->unused_from_ns;
		}
	} else {
		current(ll, w)->row.flight_known = false;
	}
	loop_stalls__add(&w->pend.stalls, &stall);
}

static void end_piece(struct loop_ledger *ll, struct task_loop *w, uint64_t now_ns)
{
	const uint64_t span_ns = now_ns - w->from_ns;
	const uint8_t doing = w->counting;
	struct loop *l = current(ll, w);

	loop_levels__advance(&ll->levels, now_ns);
	loop_levels__change(&ll->levels, part_of(w, doing), level_of(doing), LEVEL_NOT);
	w->counting = NOT;
	switch ((enum doing)doing) {
	case WAITING:
		l->row.waiting_ns += span_ns;
		break;
	case WOKEN:
		l->row.woken_ns += span_ns;
		l->row.runnable_ns += span_ns;
		break;
	case ON_CPU:
		w->pend.on_cpu_ns += span_ns;
		break;
	case READY:
		w->pend.ready_ns += span_ns;
		break;
	case STALLED:
		if (span_ns)
			end_stall(ll, w, now_ns);
		break;
	case UNKNOWN:
		w->pend.unknown_ns += span_ns;
		break;
	case NOT:
		break;
	}
	if (is_pending(doing))
		w->dispatch_ns += span_ns;
}

/* Accounts what the thread does if, and while, it is counted. */
static void set_counting(struct loop_ledger *ll, struct task_loop *w, uint8_t doing,
			 uint64_t now_ns)
{
	const uint8_t wanted = w->task->counted ? doing : NOT;

	if (w->counting == wanted)
		return;
	if (w->counting)
		end_piece(ll, w, now_ns);
	if (wanted)
		begin_piece(ll, w, wanted, now_ns);
}

/* ---- dispatches -------------------------------------------------------------------------------------- */

static void begin_dispatch(struct task_loop *w, uint64_t now_ns)
{
	w->dispatching = true;
	w->whole = w->task->counted;
	w->dispatch_ns = 0;
	w->dispatch_at_ns = now_ns;
}

static int tell_turn(const struct loop_ledger *ll, const struct task_loop *w, uint32_t cnt,
		     uint64_t now_ns)
{
	const struct cpt_turn turn = {w->dispatch_at_ns, now_ns, w->task->row.id, cnt};

	return ll->opts->on_turn ? ll->opts->on_turn(ll->opts->ctx, &turn) : 0;
}

/* One dispatch is over, or so many that were not told apart. */
static int end_dispatch(struct loop_ledger *ll, struct task_loop *w, uint32_t cnt, uint64_t now_ns)
{
	struct loop *l = current(ll, w);
	const uint32_t turns = cnt;

	if (!w->dispatching || !w->whole) {
		w->dispatching = false;
		return 0;
	}
	w->dispatching = false;
	if (!l->dispatch)
		l->dispatch = calloc(1, sizeof(*l->dispatch));
	if (!l->dispatch)
		return -ENOMEM;
	if (cnt > DISPATCHES_MAX)
		cnt = DISPATCHES_MAX;
	for (uint32_t i = 0; i < cnt; i++)
		latency__add(l->dispatch, w->dispatch_ns / cnt, false);
	return tell_turn(ll, w, turns, now_ns);
}

static void empty(struct loop_ledger *ll, struct task_loop *w, bool was_loop)
{
	w->pend.on_cpu_ns = w->pend.ready_ns = w->pend.unknown_ns = 0;
	w->pend.stalls.cnt = 0;
	loop_levels__resolve(&ll->levels, w->part, was_loop);
	w->part = LEVEL_CERTAIN;
}

/* It waits again: what was pending is the loop's. */
static int confirm(struct loop_ledger *ll, struct task_loop *w)
{
	struct loop *l = current(ll, w);
	struct pending *p = &w->pend;

	l->row.on_cpu_ns += p->on_cpu_ns;
	l->row.runnable_ns += p->ready_ns;
	l->row.unknown_ns += p->unknown_ns;
	if (p->stalls.cnt && !l->stalls) {
		l->stalls = calloc(1, sizeof(*l->stalls));
		if (!l->stalls)
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < p->stalls.cnt; i++) {
		l->row.blocked_ns += p->stalls.tab[i].total_ns;
		loop_stalls__add(l->stalls, &p->stalls.tab[i]);
	}
	empty(ll, w, true);
	return 0;
}

/* It was a loop no more when it returned. How long that was. */
static uint64_t drop(struct loop_ledger *ll, struct task_loop *w)
{
	struct pending *p = &w->pend;
	uint64_t ns = p->on_cpu_ns + p->ready_ns + p->unknown_ns;

	for (uint32_t i = 0; i < p->stalls.cnt; i++)
		ns += p->stalls.tab[i].total_ns;
	empty(ll, w, false);
	w->dispatching = false;
	w->cur = 0;
	return ns;
}

/* ---- what is told ------------------------------------------------------------------------------------ */

static enum doing doing_of(const struct task_loop *w)
{
	const struct task *t = w->task;

	if (!t->live)
		return NOT;
	switch (t->state) {
	case CPT_STATE_RUNNING:
		return ON_CPU;
	case CPT_STATE_RUNNABLE:
		return w->in_wait ? WOKEN : READY;
	case CPT_STATE_WAITING:
	case CPT_STATE_PARKED:
		return w->in_wait ? WAITING : STALLED;
	case CPT_STATE_UNKNOWN:
	case CPT_STATE_CNT:
		break;
	}
	return UNKNOWN;
}

void loop_ledger__update(struct loop_ledger *ll, struct task *t, uint64_t now_ns)
{
	struct task_loop *w = t->loop;
	const enum doing doing = doing_of(w);

	if (!w->cur)
		return;
	set_counting(ll, w, (uint8_t)doing, now_ns);
	if (doing == ON_CPU && w->in_wait) {
		w->in_wait = false;
		w->fresh = true;
		begin_dispatch(w, now_ns);
	} else if (doing == UNKNOWN) {
		w->in_wait = false;
		w->whole = false;
	}
	if (!t->counted)
		w->whole = false;
	if (doing == NOT) {
		struct loop *l = current(ll, w);

		l->row.not_back_ns = drop(ll, w);
	}
}

void loop_ledger__stop(struct loop_ledger *ll, struct task *t, uint64_t now_ns)
{
	if (!t->loop || !t->loop->cur)
		return;
	set_counting(ll, t->loop, NOT, now_ns);
	drop(ll, t->loop);
}

/* The thread is at this one from now on: it waits on it, or came back from it. cnt: turns it has made
 * since its last wait, or return. */
static int move_to(struct loop_ledger *ll, struct task_loop *w, struct loop_key key, uint32_t cnt,
		   uint64_t now_ns)
{
	uint32_t idx;
	struct loop *l;
	int err;

	if (w->counting)
		end_piece(ll, w, now_ns);
	if (w->cur) {
		err = end_dispatch(ll, w, cnt, now_ns);
		if (!err)
			err = confirm(ll, w);
		if (err)
			return err;
	}
	idx = find_loop(ll, w, key);
	if (w->cur && w->cur != idx + 1)
		current(ll, w)->left_ns = now_ns;
	w->cur = idx == NO_LOOP ? 0 : idx + 1;
	if (idx == NO_LOOP)
		return errno == ENOMEM ? -ENOMEM : 0;
	l = &ll->table.tab[idx];
	if (l->left_ns && w->task->counted)
		l->row.elsewhere_ns +=
			now_ns -
			(l->left_ns > w->task->entered_ns ? l->left_ns : w->task->entered_ns);
	l->left_ns = 0;
	return 0;
}

/* Is a poll of two descriptors what this loop waits with? Sets shrink and grow as connections come and
 * go; a poll of one is a call of its own kind. */
static bool polls_its_set(const struct loop_ledger *ll, const struct task_loop *w,
			  const struct cpt_wait *wait, enum cpt_sys sys)
{
	return w && w->cur && current(ll, w)->row.kind == CPT_LOOP_KIND_POLL && wait->arg0 >= 2 &&
	       sys_group(sys) == CPT_SYS_GROUP_POLL;
}

/* Which loop's own wait is this? False: of none. */
static bool own_wait(const struct loop_ledger *ll, const struct task_loop *w,
		     const struct cpt_wait *wait, enum cpt_sys sys, enum cpt_reason reason,
		     struct loop_key *key)
{
	const enum cpt_sys_group group = sys_group(sys);

	*key = (struct loop_key){CPT_LOOP_KIND_POLL, -1};
	if (reason != CPT_REASON_EVENT_LOOP)
		return polls_its_set(ll, w, wait, sys);
	if (group == CPT_SYS_GROUP_LOOP) {
		key->kind =
			sys == CPT_SYS_IO_URING_ENTER ? CPT_LOOP_KIND_RING : CPT_LOOP_KIND_EPOLL;
		key->fd = (int32_t)wait->arg0;
		return key->fd >= 0;
	}
	if (group == CPT_SYS_GROUP_POLL) {
		/* A loop inside another program's: poll for its instance, then take what is there. */
		if (wait->arg0 == 1 &&
		    (wait->object == CPT_FD_EPOLL || wait->object == CPT_FD_IO_URING)) {
			key->kind = wait->object == CPT_FD_EPOLL ? CPT_LOOP_KIND_EPOLL
								 : CPT_LOOP_KIND_RING;
			key->fd = (int32_t)wait->arg1;
		}
		return true;
	}
	/* A poll that a stop interrupted is taken up again by a call without arguments. */
	if (sys != CPT_SYS_RESTART_SYSCALL || !w || !w->cur)
		return false;
	*key = (struct loop_key){current(ll, w)->row.kind, current(ll, w)->row.fd};
	return true;
}

int loop_ledger__block(struct loop_ledger *ll, struct task *t, const struct cpt_wait *wait,
		       enum cpt_sys sys, enum cpt_reason reason, uint64_t now_ns)
{
	struct task_loop *w = t->loop;
	struct loop_key key;
	struct loop *l;
	int err;

	if (!own_wait(ll, w, wait, sys, reason, &key)) {
		if (w)
			w->call = (struct cpt_stall){.sysno = wait->sysno,
						     .reason = (uint8_t)reason,
						     .object = wait->object,
						     .longest_arg0 = wait->arg0,
						     .longest_user = t->wait_user,
						     .longest_kernel = t->wait_kernel};
		return 0;
	}
	if (!w)
		w = make_task_loop(ll, t, now_ns);
	if (!w)
		return -ENOMEM;
	err = move_to(ll, w, key, 1, now_ns);
	if (err || !w->cur)
		return err;
	l = current(ll, w);
	w->in_wait = true;
	w->fresh = false;
	l->row.waits += t->counted;
	l->waits_before += t->counted && !l->recorded;
	return 0;
}

/* ---- records of returns ------------------------------------------------------------------------------ */

/* It came back without having blocked: one turn, or some, end here and another one begins. */
static int next_turn(struct loop_ledger *ll, struct task_loop *w, const struct loop *l,
		     uint32_t cnt, uint64_t now_ns)
{
	const struct loop_key key = {l->row.kind, l->row.fd};
	int err = move_to(ll, w, key, cnt, now_ns);

	if (err || !w->cur)
		return err;
	begin_dispatch(w, now_ns);
	loop_ledger__update(ll, w->task, now_ns);
	return 0;
}

static int on_returns(struct loop_ledger *ll, const struct tasks *ts, struct task *t,
		      const struct cpt_event *ev, uint64_t now_ns)
{
	struct task_loop *w = t ? t->loop : NULL;
	uint32_t proc, idx = NO_LOOP;
	struct loop *l;
	int32_t fd;

	if (!ev->iterations || !loops__whose(ll->flights, ev->other, &proc, &fd))
		return 0;
	if (w)
		idx = loop_table__of_thread(&ll->table, &w->list, ev->other);
	if (idx == NO_LOOP)
		idx = loop_table__of_any(&ll->table, ev->other);
	if (idx == NO_LOOP &&
	    (!t || !t->live || t->proc != proc ||
	     (fd < 0 && loops__instance_of(ll->flights, proc, fd, t->row.id) != ev->other)))
		return 0;
	if (idx == NO_LOOP) { /* a loop that never had to wait */
		if (!w && !(w = make_task_loop(ll, t, now_ns)))
			return -ENOMEM;
		idx = find_loop(
			ll, w,
			(struct loop_key){fd < 0 ? CPT_LOOP_KIND_POLL : CPT_LOOP_KIND_EPOLL, fd});
		if (idx == NO_LOOP)
			return errno == ENOMEM ? -ENOMEM : 0;
	}
	l = &ll->table.tab[idx];
	t = tasks__find(ts, l->row.id);
	if (!t || !t->loop)
		return 0;
	w = t->loop;
	if (t->counted) {
		l->returns += ev->iterations;
		l->row.events += ev->batch;
		if (ev->iterations == 1 && ev->batch > l->row.batch_max)
			l->row.batch_max = ev->batch;
	}
	if (w->cur == idx + 1 && (w->in_wait || w->fresh)) {
		w->fresh = false;
		return 0;
	}
	return t->live && t->state == CPT_STATE_RUNNING
		       ? next_turn(ll, w, l, ev->iterations, now_ns)
		       : 0;
}

/* A thread that polls is a loop from its first wait on; that there are more is what makes it an instance. */
static int bind_polls(struct loop_ledger *ll, const struct task *t, uint32_t instance)
{
	uint32_t at = t && t->loop ? t->loop->list.first : 0;
	int err = 0;

	for (; at && !err; at = ll->table.tab[at - 1].next_of_thread) {
		const struct loop *l = &ll->table.tab[at - 1];

		if (l->row.kind == CPT_LOOP_KIND_POLL && !l->over && !l->row.rest)
			err = bind(ll, at - 1, instance);
	}
	return err;
}

/* Loops on the descriptor of a new instance: one that was there all along and of which the loop had not been
 * told is theirs; else the descriptor has become another one, and they are over. Each is passed once as over,
 * and those of other descriptors with the same hash are LOOPS_MAX at most. */
static int on_new_instance(struct loop_ledger *ll, const struct tasks *ts,
			   const struct cpt_event *ev, uint64_t now_ns)
{
	uint32_t proc, *at, idx;
	int32_t fd;
	int err = 0;

	if (!loops__whose(ll->flights, ev->other, &proc, &fd))
		return 0;
	if (fd < 0)
		return bind_polls(ll, tasks__find(ts, ev->task), ev->other);
	for (at = loop_table__chain(&ll->table, proc, fd); *at && !err;) {
		struct loop *l = &ll->table.tab[idx = *at - 1];
		struct task *t = tasks__find(ts, l->row.id);

		if (l->proc != proc || l->row.fd != fd) {
			at = &l->next_of_hash;
		} else if (ev->flags & CPT_LOOP_FOUND && !l->row.instance) {
			err = bind(ll, idx, ev->other);
			at = &l->next_of_hash;
		} else {
			loop_table__over(&ll->table, idx);
			if (t && t->loop && t->loop->cur == idx + 1)
				loop_ledger__stop(ll, t, now_ns);
			*at = l->next_of_hash;
		}
	}
	return err;
}

int loop_ledger__feed(struct loop_ledger *ll, const struct tasks *ts, struct task *t,
		      const struct cpt_event *ev, uint64_t now_ns)
{
	if (ev->type == CPT_EV_LOOP)
		return on_returns(ll, ts, t, ev, now_ns);
	if (ev->type == CPT_EV_LOOP_NEW)
		return on_new_instance(ll, ts, ev, now_ns);
	if (ev->type == CPT_EV_LOOP_LOST)
		ll->losses++;
	return 0;
}

/* ---- the end ----------------------------------------------------------------------------------------- */

static void end_all(struct loop_ledger *ll, uint64_t now_ns)
{
	loop_levels__advance(&ll->levels, now_ns);
	for (struct task_loop *w = ll->all; w; w = w->next) {
		uint32_t cur = w->cur;
		uint64_t ns;

		if (!cur)
			continue;
		if (w->counting)
			end_piece(ll, w, now_ns);
		ns = drop(ll, w);
		ll->table.tab[cur - 1].row.not_back_ns = ns;
	}
}

int loop_ledger__take(struct loop_ledger *ll, uint64_t now_ns, struct cpt_loops *out)
{
	end_all(ll, now_ns);
	loop_levels__take(&ll->levels, out);
	return loop_rows__take(&ll->table, ll->losses, out);
}
