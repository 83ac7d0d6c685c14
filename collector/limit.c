// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* limit.c - see limit.h. */
#include "limit.h"

#include <inttypes.h>
#include <string.h>

#include "escape.h"
#include "format.h"
#include "text_accounts.h"
#include "text_locks.h"
#include "words.h"

/* Below a twentieth of the CPU time it was allowed, removing the cause altogether could not shorten the
 * run by more than that. */
#define LIMIT_SHARE 0.05
/* From here on the workload used what there was, and only more CPUs could make it faster. */
#define NEARLY_ALL 0.9
/* Who is woken on its waker's CPU starts when that one blocks: waits as short as that are the switch from one
 * to the other, which no other CPU would save. */
#define HAND_OVER_NS 5000
/* A state of the holder, or a thread's share, is named when it explains at least that much. */
#define MOSTLY	0.5
#define PARTLY	0.2
#define TENANTS 2

static double share(uint64_t part, uint64_t total)
{
	return total ? (double)part / (double)total : 0;
}

const char *cause_name(enum cpt_cause cause)
{
#define CAUSE_NAME(name, str) str,
	static const char *const names[CPT_CAUSE_CNT] = {CPT_CAUSES(CAUSE_NAME)};
#undef CAUSE_NAME

	return cause < CPT_CAUSE_CNT ? names[cause] : "?";
}

const char *cost_name(enum cpt_cost by)
{
#define COST_NAME(name, str) str,
	static const char *const names[CPT_COST_CNT] = {CPT_COSTS(COST_NAME)};
#undef COST_NAME

	return by < CPT_COST_CNT ? names[by] : "?";
}

/* ---- which ones ------------------------------------------------------------------------------ */

/* Where the accounts keep a cause: a reason or item of the budget, an item of the demand; -1 not. */
static const struct {
	int reason, budget, demand;
} accounts[CPT_CAUSE_CNT] = {
	[CPT_CAUSE_LOCK] = {CPT_REASON_LOCK, -1, -1},
	[CPT_CAUSE_HANDOFF] = {CPT_REASON_HANDOFF, -1, -1},
	[CPT_CAUSE_KERNEL_LOCK] = {CPT_REASON_KERNEL_LOCK, -1, -1},
	[CPT_CAUSE_DISK] = {CPT_REASON_DISK, -1, -1},
	[CPT_CAUSE_SOCKET] = {CPT_REASON_SOCKET, -1, -1},
	[CPT_CAUSE_PIPE] = {CPT_REASON_PIPE, -1, -1},
	[CPT_CAUSE_PAGE_FAULT] = {CPT_REASON_PAGE_FAULT, -1, -1},
	[CPT_CAUSE_OTHER] = {CPT_REASON_OTHER, -1, -1},
	[CPT_CAUSE_IN_FLIGHT] = {-1, CPT_BUDGET_IN_FLIGHT, -1},
	[CPT_CAUSE_NO_WORK] = {-1, CPT_BUDGET_NO_WORK, -1},
	[CPT_CAUSE_PLACEMENT] = {-1, CPT_BUDGET_PLACEMENT, CPT_DEMAND_PLACEMENT},
	[CPT_CAUSE_QUOTA] = {-1, CPT_BUDGET_QUOTA, CPT_DEMAND_QUOTA},
	[CPT_CAUSE_OTHERS] = {-1, CPT_BUDGET_OTHERS, CPT_DEMAND_OTHERS},
	[CPT_CAUSE_TRACER] = {-1, CPT_BUDGET_TRACER, CPT_DEMAND_TRACER},
	[CPT_CAUSE_MASK] = {-1, -1, CPT_DEMAND_MASK},
};

/* The larger of what limit has and ns. */
static void cost_at_least(struct limit *limit, uint64_t ns, enum cpt_cost by)
{
	if (ns <= limit->cost_ns)
		return;
	limit->cost_ns = ns;
	limit->by = by;
}

static bool is_waited_for_most(const struct cpt_report *r, enum cpt_reason lock)
{
	static const enum cpt_reason locks[] = {CPT_REASON_LOCK, CPT_REASON_HANDOFF,
						CPT_REASON_KERNEL_LOCK};

	for (size_t i = 0; i < sizeof(locks) / sizeof(locks[0]); i++)
		if (r->reason_ns[locks[i]] > r->reason_ns[lock])
			return false;
	return true;
}

/* Time in waits that are but a switch, at most. */
static uint64_t hand_over_ns(const struct cpt_report *r)
{
	uint64_t sum = 0;

	for (int i = 0; i < CPT_READY_CNT; i++)
		for (uint32_t k = 0; latency_bucket_from(k + 1) <= HAND_OVER_NS; k++)
			sum += r->latency[i].bucket[k] * latency_bucket_from(k + 1);
	return sum;
}

/* Time that ready threads wait adds up over threads, but they could not have had more than the CPU time
 * that was left: of the whole machine where their masks kept them from it. */
static uint64_t could_have_had(const struct cpt_report *r, enum cpt_cause cause, uint64_t wanted)
{
	uint64_t all = cause == CPT_CAUSE_MASK ? r->window_ns * r->cpus_online : r->budget.total_ns;
	uint64_t left = all > r->cpu_time_ns ? all - r->cpu_time_ns : 0;
	uint64_t switches = cause == CPT_CAUSE_MASK ? hand_over_ns(r) : 0;

	wanted -= wanted < switches ? wanted : switches;
	return wanted < left ? wanted : left;
}

static struct limit cost_of(const struct cpt_report *r, enum cpt_cause cause)
{
	const int reason = accounts[cause].reason, budget = accounts[cause].budget,
		  demand = accounts[cause].demand;
	struct limit limit = {.cause = cause, .by = CPT_COST_BUDGET};

	if (reason >= 0)
		cost_at_least(&limit, r->budget.reason_ns[reason], CPT_COST_BUDGET);
	if (budget >= 0)
		cost_at_least(&limit, r->budget.item_ns[budget], CPT_COST_BUDGET);
	if (demand >= 0)
		cost_at_least(&limit, could_have_had(r, cause, r->demand.item_ns[demand]),
			      CPT_COST_DEMAND);
	if (cause == CPT_CAUSE_LOCK || cause == CPT_CAUSE_HANDOFF ||
	    cause == CPT_CAUSE_KERNEL_LOCK) {
		if (is_waited_for_most(r, (enum cpt_reason)reason))
			cost_at_least(&limit, r->split_ns[CPT_SPLIT_CONCURRENT_CONTENDED],
				      CPT_COST_LEDGER);
	} else if (cause == CPT_CAUSE_NO_WORK) {
		cost_at_least(&limit, r->split_ns[CPT_SPLIT_SERIAL_RUNNING], CPT_COST_LEDGER);
	} else if (cause == CPT_CAUSE_OTHERS || cause == CPT_CAUSE_TRACER) {
		uint64_t held = r->budget.item_ns[budget], wanted = r->demand.item_ns[demand];

		limit.cost_ns = held < wanted ? held : wanted;
		limit.by = held < wanted ? CPT_COST_BUDGET : CPT_COST_DEMAND;
	}
	return limit;
}

/* What stayed unknown could be any one cause's. */
static uint64_t unknown_ns(const struct cpt_report *r)
{
	uint64_t budget = r->budget.item_ns[CPT_BUDGET_UNKNOWN];
	uint64_t demand = r->demand.item_ns[CPT_DEMAND_UNKNOWN];

	return budget > demand ? budget : demand;
}

unsigned int limits__find(const struct cpt_report *r, struct limit out[CPT_LIMITS_MAX])
{
	const double least = LIMIT_SHARE * (double)r->budget.total_ns;
	unsigned int cnt = 0, at;

	if (!r->budget.total_ns || words__verdict_uncertain(r))
		return 0;
	for (int i = 0; i < CPT_CAUSE_CNT; i++) {
		struct limit limit = cost_of(r, (enum cpt_cause)i);

		if (!limit.cost_ns || (double)limit.cost_ns < least)
			continue;
		for (at = cnt; at && out[at - 1].cost_ns < limit.cost_ns; at--)
			if (at < CPT_LIMITS_MAX)
				out[at] = out[at - 1];
		if (at < CPT_LIMITS_MAX)
			out[at] = limit;
		if (cnt < CPT_LIMITS_MAX)
			cnt++;
	}
	if (cnt && out[0].cost_ns <= unknown_ns(r))
		return 0;
	return cnt;
}

/* ---- evidence --------------------------------------------------------------------------------- */

static void add_duration(struct strbuf *b, uint64_t ns)
{
	char d[FMT_SZ];

	strbuf__adds(b, fmt_duration(d, ns, false));
}

static void add_percent(struct strbuf *b, uint64_t part, uint64_t total)
{
	char p[FMT_SZ];

	strbuf__adds(b, fmt_percent(p, part, total));
}

/* The lock of this reason that was waited for longest; NULL if none is known. */
static const struct cpt_lock *top_lock(const struct cpt_report *r, enum cpt_reason reason)
{
	const struct cpt_lock *top = NULL;

	for (uint32_t i = 0; i < r->locks_cnt; i++) {
		const struct cpt_lock *l = &r->locks[i];

		if (l->reason == reason && !l->rest && (!top || l->blocked_ns > top->blocked_ns))
			top = l;
	}
	return top;
}

static bool is_gil(const struct cpt_lock *l)
{
	return l && l->python_gil;
}

static uint64_t holder_blocked(const struct cpt_lock *l, int *most)
{
	uint64_t sum = 0;

	*most = 0;
	for (int i = 0; i < CPT_REASON_CNT; i++) {
		sum += l->holder_blocked_ns[i];
		if (l->holder_blocked_ns[i] > l->holder_blocked_ns[*most])
			*most = i;
	}
	return sum;
}

/* "; its holder was running 97 % of that time", whichever states explain something. */
static void add_holder(struct strbuf *b, const struct cpt_lock *l)
{
	int most;
	uint64_t blocked = holder_blocked(l, &most);
	const char *sep = "; meanwhile its holder was ";

	if (share(l->holder_running_ns, l->blocked_ns) >= PARTLY) {
		strbuf__addf(b, "%srunning for ", sep);
		add_percent(b, l->holder_running_ns, l->blocked_ns);
		sep = ", ";
	}
	if (share(l->holder_runnable_ns, l->blocked_ns) >= PARTLY) {
		strbuf__addf(b, "%sready without a CPU for ", sep);
		add_percent(b, l->holder_runnable_ns, l->blocked_ns);
		sep = ", ";
	}
	if (share(blocked, l->blocked_ns) >= PARTLY) {
		strbuf__addf(b, "%sblocked (%s) for ", sep, reason_name((enum cpt_reason)most));
		add_percent(b, blocked, l->blocked_ns);
	}
}

static void lock_evidence(struct strbuf *b, const struct cpt_report *r, enum cpt_reason reason,
			  bool utf8)
{
	const struct cpt_lock *l = top_lock(r, reason);
	char n[FMT_SZ];

	if (!l) {
		strbuf__addf(b, "%s: waits of ", reason_text(reason));
		add_duration(b, r->reason_ns[reason]);
		strbuf__adds(b, " in all");
		return;
	}
	add_lock_name(b, l, utf8);
	strbuf__addf(b, ": %s%s thread%s waited ", l->waiters_least ? "at least " : "",
		     fmt_count(n, l->waiters), l->waiters == 1 ? "" : "s");
	add_duration(b, l->blocked_ns);
	strbuf__adds(b, " for it in all");
	add_holder(b, l);
}

/* Waits inside operations of one's own, but for locks. */
static const char *const operations[CPT_CAUSE_CNT] = {
	[CPT_CAUSE_DISK] = "disk and file system I/O",
	[CPT_CAUSE_SOCKET] = "answers on sockets from outside the workload",
	[CPT_CAUSE_PIPE] = "pipes: full, or written from outside the workload",
	[CPT_CAUSE_PAGE_FAULT] = "memory that had to be brought in",
	[CPT_CAUSE_OTHER] = "waits that could not be told apart",
};

static void wait_evidence(struct strbuf *b, const struct cpt_report *r, enum cpt_cause cause)
{
	enum cpt_reason reason = (enum cpt_reason)accounts[cause].reason;
	uint32_t threads = 0;
	char n[FMT_SZ];

	for (uint32_t i = 0; i < r->threads_cnt; i++)
		threads += r->threads_tab[i].reason_ns[reason] != 0;
	strbuf__addf(b, "%s: %s thread%s waited ", operations[cause], fmt_count(n, threads),
		     threads == 1 ? "" : "s");
	add_duration(b, r->reason_ns[reason]);
	strbuf__adds(b, " in all");
}

/* Threads of one name, and how long one of them ran while nothing else of the workload did. */
struct alone {
	const char *name;
	uint32_t threads, tid; /* tid: of the one that did most of it */
	uint64_t ns;
};

/* Those of the name whose thread was alone for longest. */
static struct alone most_alone(const struct cpt_report *r)
{
	const struct cpt_thread *top = NULL;
	struct alone alone = {.name = ""};

	for (uint32_t i = 0; i < r->threads_cnt; i++)
		if (!top || r->threads_tab[i].alone_ns > top->alone_ns)
			top = &r->threads_tab[i];
	if (!top)
		return alone;
	alone.name = top->name;
	alone.tid = top->tid;
	for (uint32_t i = 0; i < r->threads_cnt; i++) {
		const struct cpt_thread *t = &r->threads_tab[i];

		if (t->alone_ns && !strncmp(t->name, top->name, CPT_COMM_LEN)) {
			alone.threads++;
			alone.ns += t->alone_ns;
		}
	}
	return alone;
}

static bool ran_alone(const struct cpt_report *r, const struct alone *alone)
{
	return share(alone->ns, r->window_ns) >= PARTLY;
}

static void no_work_evidence(struct strbuf *b, const struct cpt_report *r,
			     const struct limit *limit, bool utf8)
{
	const struct alone alone = most_alone(r);
	char n[FMT_SZ];

	strbuf__adds(b, "too little in progress: for ");
	if (limit->by == CPT_COST_LEDGER) {
		add_percent(b, limit->cost_ns, r->window_ns);
		strbuf__adds(b, " of the run one thread computed and nothing else was in progress");
	} else {
		add_percent(b, limit->cost_ns, r->budget.total_ns);
		strbuf__adds(b,
			     " of the CPU time it was allowed, CPUs idled with nothing ready and "
			     "nothing to wait for");
	}
	if (!ran_alone(r, &alone))
		return;
	strbuf__adds(b, "; `");
	escape_add(b, alone.name, strnlen(alone.name, CPT_COMM_LEN), utf8);
	if (alone.threads > 1)
		strbuf__addf(b, "` (%s threads) ran alone for ", fmt_count(n, alone.threads));
	else
		strbuf__addf(b, "` (%" PRIu32 ") ran alone for ", alone.tid);
	add_percent(b, alone.ns, r->window_ns);
	strbuf__adds(b, " of the run");
}

/* Operations of event loops that no thread stands for: nothing ran until what they wait for came. */
static void in_flight_evidence(struct strbuf *b, const struct cpt_report *r)
{
	char n[FMT_SZ], m[FMT_SZ];

	strbuf__addf(b,
		     "operations in flight: %s of event loops on average, %s at most, waited for "
		     "something other than a CPU",
		     fmt_average(n, share(r->in_flight_ns, r->window_ns)),
		     fmt_count(m, r->in_flight_peak));
}

static void placement_evidence(struct strbuf *b, const struct cpt_report *r)
{
	const struct cpt_latency *wake = &r->latency[CPT_READY_WAKE];
	char n[FMT_SZ];

	strbuf__adds(b, "placement: ready threads waited ");
	add_duration(b, r->demand.item_ns[CPT_DEMAND_PLACEMENT]);
	strbuf__adds(b, " in all while a CPU they may use was idle");
	if (!wake->cnt)
		return;
	strbuf__addf(b, "; %s wake-ups took ", fmt_count(n, wake->cnt));
	add_duration(b, wake->p50_ns);
	strbuf__adds(b, " at the median, ");
	add_duration(b, wake->p99_ns);
	strbuf__adds(b, " at p99, until they ran");
}

static void quota_evidence(struct strbuf *b, const struct cpt_report *r)
{
	char n[FMT_SZ];

	strbuf__adds(b, "its CPU quota");
	if (r->meta->quota_cpus > 0)
		strbuf__addf(b, " of %s CPUs", fmt_average(n, r->meta->quota_cpus));
	strbuf__adds(b, ": ready threads were held back for ");
	add_duration(b, r->demand.item_ns[CPT_DEMAND_QUOTA]);
	strbuf__adds(b, " in all");
}

static void others_evidence(struct strbuf *b, const struct cpt_report *r, bool utf8)
{
	struct strbuf names = {0};

	strbuf__adds(b, "other programs: they took ");
	add_percent(b, r->budget.item_ns[CPT_BUDGET_OTHERS], r->budget.total_ns);
	strbuf__adds(b, " of the CPU time it was allowed, and its ready threads waited ");
	add_duration(b, r->demand.item_ns[CPT_DEMAND_OTHERS]);
	strbuf__adds(b, " for them");
	if (add_tenant_names(&names, r, TENANTS, utf8))
		strbuf__addf(b, ": %s", strbuf__str(&names));
	if (names.failed)
		b->failed = true;
	strbuf__free(&names);
}

static void mask_evidence(struct strbuf *b, const struct cpt_report *r)
{
	strbuf__adds(b, "the CPU affinity of its threads: ");
	if (r->cpus_allowed < r->cpus_online)
		strbuf__addf(b, "they were allowed %" PRIu32 " of %" PRIu32 " CPUs, and ",
			     r->cpus_allowed, r->cpus_online);
	strbuf__adds(b, "ready ones waited ");
	add_duration(b, r->demand.item_ns[CPT_DEMAND_MASK]);
	strbuf__adds(b, " in all while every CPU they may use ran others of them");
}

void limits__evidence(struct strbuf *b, const struct cpt_report *r, const struct limit *limit,
		      bool utf8)
{
	switch (limit->cause) {
	case CPT_CAUSE_LOCK:
		lock_evidence(b, r, CPT_REASON_LOCK, utf8);
		break;
	case CPT_CAUSE_HANDOFF:
		lock_evidence(b, r, CPT_REASON_HANDOFF, utf8);
		break;
	case CPT_CAUSE_KERNEL_LOCK:
		lock_evidence(b, r, CPT_REASON_KERNEL_LOCK, utf8);
		break;
	case CPT_CAUSE_DISK:
	case CPT_CAUSE_SOCKET:
	case CPT_CAUSE_PIPE:
	case CPT_CAUSE_PAGE_FAULT:
	case CPT_CAUSE_OTHER:
		wait_evidence(b, r, limit->cause);
		break;
	case CPT_CAUSE_IN_FLIGHT:
		in_flight_evidence(b, r);
		break;
	case CPT_CAUSE_NO_WORK:
		no_work_evidence(b, r, limit, utf8);
		break;
	case CPT_CAUSE_PLACEMENT:
		placement_evidence(b, r);
		break;
	case CPT_CAUSE_QUOTA:
		quota_evidence(b, r);
		break;
	case CPT_CAUSE_OTHERS:
		others_evidence(b, r, utf8);
		break;
	case CPT_CAUSE_TRACER:
		strbuf__adds(b, "this tracer, which took CPU time of its own");
		break;
	case CPT_CAUSE_MASK:
		mask_evidence(b, r);
		break;
	case CPT_CAUSE_CNT:
		break;
	}
}

/* ---- what next ---------------------------------------------------------------------------------- */

static void look_at_lock(struct strbuf *b, const struct cpt_lock *l)
{
	int most;
	uint64_t blocked;

	if (!l || !l->blocked_ns)
		return;
	blocked = holder_blocked(l, &most);
	if (is_gil(l))
		strbuf__adds(b, "processes instead of threads for what computes, or code that "
				"releases the GIL while it does");
	else if (share(l->holder_running_ns, l->blocked_ns) >= MOSTLY)
		strbuf__adds(b,
			     "what is done while it is held: less of it, or a lock for each part");
	else if (share(blocked, l->blocked_ns) >= MOSTLY)
		strbuf__addf(b, "the holder's own waiting (%s): move it out of the lock",
			     reason_name((enum cpt_reason)most));
	else if (share(l->holder_runnable_ns, l->blocked_ns) >= MOSTLY)
		strbuf__adds(
			b, "why its holder had no CPU: more threads than CPUs, other programs, or "
			   "its priority");
}

/* Why are most of the wakes slow? Either a CPU had to wake up, or the scheduler chose badly. */
static void look_at_placement(struct strbuf *b, const struct cpt_report *r)
{
	const struct cpt_latency *wake = &r->latency[CPT_READY_WAKE];

	if (wake->cnt && share(wake->short_ns, wake->sum_ns) >= MOSTLY)
		strbuf__adds(
			b, "how often threads hand over to each other: most of this is the time an "
			   "idle CPU takes to wake up");
	else
		strbuf__adds(b,
			     "the scheduler's placement: report --by thread for migrations, script "
			     "for single waits");
}

void limits__look_at(struct strbuf *b, const struct cpt_report *r, const struct limit *limit)
{
	const struct alone alone = most_alone(r);

	switch (limit->cause) {
	case CPT_CAUSE_LOCK:
		look_at_lock(b, top_lock(r, CPT_REASON_LOCK));
		break;
	case CPT_CAUSE_HANDOFF:
		look_at_lock(b, top_lock(r, CPT_REASON_HANDOFF));
		break;
	case CPT_CAUSE_KERNEL_LOCK:
		strbuf__adds(b,
			     "memory that threads of one process map, unmap or touch first at the "
			     "same time, or file system operations on the same object");
		break;
	case CPT_CAUSE_DISK:
	case CPT_CAUSE_PAGE_FAULT:
		strbuf__adds(b, "how many of these are under way at once, and computing meanwhile");
		break;
	case CPT_CAUSE_PIPE:
		strbuf__adds(b, "who reads more slowly than is written (the critical path passes "
				"through it), or who writes from outside");
		break;
	case CPT_CAUSE_SOCKET:
		strbuf__adds(b, "who answers, and how many requests are under way at once");
		break;
	case CPT_CAUSE_NO_WORK:
		if (ran_alone(r, &alone))
			strbuf__adds(b,
				     "what runs alone: whether it can be split, or begun earlier");
		else
			strbuf__adds(b, "what its threads were parked in");
		break;
	case CPT_CAUSE_PLACEMENT:
		look_at_placement(b, r);
		break;
	case CPT_CAUSE_QUOTA:
		strbuf__adds(b, "cpu.max or cpu.cfs_quota_us of its cgroup");
		break;
	case CPT_CAUSE_OTHERS:
		strbuf__adds(b, "moving them away, or CPUs of its own");
		break;
	case CPT_CAUSE_MASK:
		strbuf__adds(
			b, "taskset -p of its threads, sched_setaffinity in its code, its cgroup's "
			   "cpuset");
		break;
	case CPT_CAUSE_IN_FLIGHT:
		strbuf__adds(b,
			     "what they wait for: timers, other servers, or a handler that blocks "
			     "its loop");
		break;
	case CPT_CAUSE_OTHER:
	case CPT_CAUSE_TRACER:
	case CPT_CAUSE_CNT:
		break;
	}
}

/* Used nearly all it was allowed, and more was ready. */
static bool cpus_limit(const struct cpt_report *r)
{
	return r->budget.total_ns && r->efficiency >= NEARLY_ALL &&
	       share(r->demand.item_ns[CPT_DEMAND_CPUS], r->budget.total_ns) >= LIMIT_SHARE;
}

void limits__sentence(struct strbuf *b, const struct cpt_report *r, bool utf8)
{
	struct limit limits[CPT_LIMITS_MAX];
	char n[FMT_SZ];

	if (limits__find(r, limits)) {
		strbuf__adds(b, "Limit: ");
		limits__evidence(b, r, &limits[0], utf8);
		strbuf__addc(b, '.');
	} else if (cpus_limit(r) && !words__verdict_uncertain(r)) {
		strbuf__addf(
			b,
			"Limit: the number of CPUs: all of them ran it, and on average %s more "
			"threads were ready.",
			fmt_average(n, share(r->demand.item_ns[CPT_DEMAND_CPUS], r->window_ns)));
	}
}
