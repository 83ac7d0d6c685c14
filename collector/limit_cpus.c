// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* limit_cpus.c - causes that are CPUs not had, or not used; see limit_causes.h. */
#include "limit_causes.h"

#include <inttypes.h>
#include <string.h>

#include "escape.h"
#include "text_accounts.h"

#define TENANTS 2 /* that are named */

/* ---- too little to do ------------------------------------------------------------------------------ */

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
	return share(alone->ns, r->window_ns) >= LIMIT_PARTLY;
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

static void look_at_no_work(struct strbuf *b, const struct cpt_report *r, const struct limit *limit)
{
	const struct alone alone = most_alone(r);

	(void)limit;
	if (ran_alone(r, &alone))
		strbuf__adds(b, "what runs alone: whether it can be split, or begun earlier");
	else
		strbuf__adds(b, "what its threads were parked in");
}

/* Operations of event loops that no thread stands for: nothing ran until what they wait for came. */
static void in_flight_evidence(struct strbuf *b, const struct cpt_report *r,
			       const struct limit *limit, bool utf8)
{
	char n[FMT_SZ], m[FMT_SZ];

	(void)limit;
	(void)utf8;
	strbuf__addf(b,
		     "operations in flight: %s of event loops on average, %s at most, waited for "
		     "something other than a CPU",
		     fmt_average(n, share(r->in_flight_ns, r->window_ns)),
		     fmt_count(m, r->in_flight_peak));
}

static void look_at_in_flight(struct strbuf *b, const struct cpt_report *r,
			      const struct limit *limit)
{
	(void)r;
	(void)limit;
	strbuf__adds(
		b, "what they wait for: timers, other servers, or a handler that blocks its loop");
}

/* ---- ready, and no CPU ------------------------------------------------------------------------------ */

static void placement_evidence(struct strbuf *b, const struct cpt_report *r,
			       const struct limit *limit, bool utf8)
{
	const struct cpt_latency *wake = &r->latency[CPT_READY_WAKE];
	char n[FMT_SZ];

	(void)limit;
	(void)utf8;
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

/* Why are most of the wakes slow? Either a CPU had to wake up, or the scheduler chose badly. */
static void look_at_placement(struct strbuf *b, const struct cpt_report *r,
			      const struct limit *limit)
{
	const struct cpt_latency *wake = &r->latency[CPT_READY_WAKE];

	(void)limit;
	if (wake->cnt && share(wake->short_ns, wake->sum_ns) >= LIMIT_MOSTLY)
		strbuf__adds(
			b, "how often threads hand over to each other: most of this is the time an "
			   "idle CPU takes to wake up");
	else
		strbuf__adds(b,
			     "the scheduler's placement: report --by thread --width 100 for each "
			     "thread's moves to another CPU, script for single waits");
}

static void quota_evidence(struct strbuf *b, const struct cpt_report *r, const struct limit *limit,
			   bool utf8)
{
	char n[FMT_SZ];

	(void)limit;
	(void)utf8;
	strbuf__adds(b, "its CPU quota");
	if (r->meta->quota_cpus > 0)
		strbuf__addf(b, " of %s CPUs", fmt_average(n, r->meta->quota_cpus));
	strbuf__adds(b, ": ready threads were held back for ");
	add_duration(b, r->demand.item_ns[CPT_DEMAND_QUOTA]);
	strbuf__adds(b, " in all");
}

static void others_evidence(struct strbuf *b, const struct cpt_report *r, const struct limit *limit,
			    bool utf8)
{
	struct strbuf names = {0};

	(void)limit;
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

static void tracer_evidence(struct strbuf *b, const struct cpt_report *r, const struct limit *limit,
			    bool utf8)
{
	(void)r;
	(void)limit;
	(void)utf8;
	strbuf__adds(b, "this tracer, which took CPU time of its own");
}

static void mask_evidence(struct strbuf *b, const struct cpt_report *r, const struct limit *limit,
			  bool utf8)
{
	(void)limit;
	(void)utf8;
	strbuf__adds(b, "the CPU affinity of its threads: ");
	if (r->cpus_allowed < r->cpus_online)
		strbuf__addf(b, "they were allowed %" PRIu32 " of %" PRIu32 " CPUs, and ",
			     r->cpus_allowed, r->cpus_online);
	strbuf__adds(b, "ready ones waited ");
	add_duration(b, r->demand.item_ns[CPT_DEMAND_MASK]);
	strbuf__adds(b, " in all while every CPU they may use ran others of them");
}

static void look_at_setting(struct strbuf *b, const struct cpt_report *r, const struct limit *limit)
{
	static const char *const next[CPT_CAUSE_CNT] = {
		[CPT_CAUSE_QUOTA] = "cpu.max or cpu.cfs_quota_us of its cgroup",
		[CPT_CAUSE_OTHERS] = "moving them away, or CPUs of its own",
		[CPT_CAUSE_MASK] = "taskset -p of its threads, sched_setaffinity in its code, its "
				   "cgroup's cpuset",
	};

	(void)r;
	strbuf__adds(b, next[limit->cause]);
}

#define BOTH_ROW(name, evidence, next)                                                             \
	[CPT_CAUSE_##name] = {-1, CPT_BUDGET_##name, CPT_DEMAND_##name, evidence, next}

const struct limit_cause limit_cpus[CPT_CAUSE_CNT] = {
	[CPT_CAUSE_IN_FLIGHT] = {-1, CPT_BUDGET_IN_FLIGHT, -1, in_flight_evidence,
				 look_at_in_flight},
	[CPT_CAUSE_NO_WORK] = {-1, CPT_BUDGET_NO_WORK, -1, no_work_evidence, look_at_no_work},
	BOTH_ROW(PLACEMENT, placement_evidence, look_at_placement),
	BOTH_ROW(QUOTA, quota_evidence, look_at_setting),
	BOTH_ROW(OTHERS, others_evidence, look_at_setting),
	BOTH_ROW(TRACER, tracer_evidence, NULL),
	[CPT_CAUSE_MASK] = {-1, -1, CPT_DEMAND_MASK, mask_evidence, look_at_setting},
};
