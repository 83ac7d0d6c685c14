// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* words.c - see words.h. */
#include "words.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "format.h"
#include "share.h"

/* Shares of the active (not idle) window. Below a twentieth, running in parallel could not have
 * shortened the run by more than that; below a hundredth it is start-up and shut-down. */
#define HARDLY_PARALLEL 0.05
#define NOT_PARALLEL	0.01
/* Nine tenths is "nearly all" to a reader, half is "mostly". */
#define NEARLY_ALL 0.9
#define MOSTLY	   0.5
/* From half of the window on, idleness must be said in the first sentence: averages over the whole
 * window would then describe the idle time and not the work. */
#define MOSTLY_IDLE 0.5
/* Less unknown than this changes no figure of the first sentence. */
#define WORTH_SAYING 0.01
/* A caveat is worth a line when what it is about is at least a tenth of the window. */
#define CAVEAT_SHARE 0.1
/* Our on-CPU time and the kernel's, after what is explained: a hundredth is what clocks read at
 * either end of short stretches can make; more is a defect to be told. */
#define AUDIT_TOLERANCE 0.01
/* Steal below a hundredth of the CPU time there was does not change any figure's first two digits. */
#define STEAL_TOLERANCE 0.01
/* /proc/stat counts steal in ticks of USER_HZ, per CPU: so much of it may not show yet. */
#define STEAL_GRAIN_NS 10000000ull

const char *words__class(enum cpt_class cls)
{
	static const char *const text[CPT_CLASS_CNT] = {
		[CPT_CLASS_PARALLEL] = "two or more CPUs worked on it at once",
		[CPT_CLASS_CONCURRENT] = "several in progress, at most one running",
		[CPT_CLASS_SERIAL] = "one thing in progress",
		[CPT_CLASS_IDLE] = "nothing in progress",
		[CPT_CLASS_UNKNOWN] = "events were lost, it cannot be told",
	};

	return cls < CPT_CLASS_CNT ? text[cls] : "?";
}

static uint64_t active_ns(const struct cpt_report *r)
{
	return r->window_ns - r->class_ns[CPT_CLASS_IDLE];
}

bool words__verdict_uncertain(const struct cpt_report *r)
{
	return r->verdict == CPT_CLASS_UNKNOWN;
}

/* Does neither end say anything else? */
static bool is_figure(const char *figure, const char *low, const char *high)
{
	return high && !strcmp(low, figure) && !strcmp(high, figure);
}

bool words__ends(struct strbuf *b, const char *figure, const char *low, const char *high)
{
	if (is_figure(figure, low, high))
		return false;
	if (high)
		strbuf__addf(b, " [%s, %s]", low, high);
	else
		strbuf__addf(b, " [%s or more]", low);
	return true;
}

bool words__truth(struct strbuf *b, const char *figure, const char *low, const char *high)
{
	if (is_figure(figure, low, high))
		return false;
	if (high)
		strbuf__addf(b, "in truth between %s and %s", low, high);
	else
		strbuf__addf(b, "in truth %s or more", low);
	return true;
}

void words__range(struct strbuf *b, double value, const struct cpt_real_bounds *bounds)
{
	char v[FMT_SZ], low[FMT_SZ], high[FMT_SZ];

	words__ends(b, fmt_average(v, value), fmt_average(low, bounds->low),
		    isfinite(bounds->high) ? fmt_average(high, bounds->high) : NULL);
}

void words__bounds(struct strbuf *b, const struct cpt_report *r, double value,
		   const struct cpt_real_bounds *bounds)
{
	if (r->bounds.open)
		words__range(b, value, bounds);
}

static bool is_mostly_idle(const struct cpt_report *r)
{
	return share(r->class_ns[CPT_CLASS_IDLE], r->window_ns) >= MOSTLY_IDLE && active_ns(r);
}

static bool is_partly_unknown(const struct cpt_report *r)
{
	return share(r->class_ns[CPT_CLASS_UNKNOWN], r->window_ns) >= WORTH_SAYING;
}

/* "3.9 things in progress, 1.03 of 2 CPUs busy on average" */
static void add_figures(struct strbuf *b, const struct cpt_report *r)
{
	double scale = is_mostly_idle(r) ? 1 / share(active_ns(r), r->window_ns) : 1;
	double in_progress = r->concurrent_average * scale;
	const bool one = in_progress >= 0.995 && in_progress < 1.005;
	char c[FMT_SZ], p[FMT_SZ];

	/* What was lost counts as nothing in both. */
	if (is_partly_unknown(r) && (scale != 1 || !r->bounds.open))
		strbuf__adds(b, "at least ");
	/* What would be printed as 1.00 is one thing. */
	strbuf__adds(b, one ? "1" : fmt_average(c, in_progress));
	if (scale == 1)
		words__bounds(b, r, in_progress, &r->bounds.concurrent_average);
	strbuf__adds(b, one ? " thing" : " things");
	strbuf__addf(b, " in progress, %s", fmt_average(p, r->parallel_average * scale));
	if (scale == 1)
		words__bounds(b, r, r->parallel_average, &r->bounds.parallel_average);
	strbuf__addf(b, " of %" PRIu32 " CPU%s busy on average", r->cpus_allowed,
		     r->cpus_allowed == 1 ? "" : "s");
}

/* "42.8 % of the time that is not idle": the share of its parallel time, in the words that the sentence has left to say
 * of what. known: what is unknown is left out, too. The table below has shares of the whole window. */
static void add_parallel_share(struct strbuf *b, const struct cpt_report *r, bool known)
{
	const uint64_t parallel = r->class_ns[CPT_CLASS_PARALLEL],
		       idle = r->class_ns[CPT_CLASS_IDLE];
	const uint64_t of = active_ns(r) - (known ? r->class_ns[CPT_CLASS_UNKNOWN] : 0);
	char p[FMT_SZ], with_idle[FMT_SZ];
	const bool differs =
		strcmp(fmt_percent(p, parallel, of), fmt_percent(with_idle, parallel, of + idle));

	strbuf__addf(b, "%s of ", p);
	if (is_mostly_idle(r))
		strbuf__adds(b, known ? "what is known of that" : "that");
	else if (!differs)
		strbuf__adds(b, known ? "the time that is known" : "the time");
	else
		strbuf__adds(b, known ? "the time that is known and not idle"
				      : "the time that is not idle");
}

static void add_parallel_words(struct strbuf *b, const struct cpt_report *r)
{
	double part = share(r->class_ns[CPT_CLASS_PARALLEL], active_ns(r));

	if (part >= NEARLY_ALL && r->efficiency >= NEARLY_ALL) {
		strbuf__adds(b, "parallel, on nearly all the CPUs it may use");
		return;
	}
	if (part >= NEARLY_ALL) {
		strbuf__adds(b, "parallel nearly all the time");
		return;
	}
	strbuf__adds(b,
		     part >= MOSTLY ? "mostly parallel (" : "parallel more than anything else (");
	add_parallel_share(b, r, false);
	strbuf__addc(b, ')');
}

static void add_concurrent_words(struct strbuf *b, const struct cpt_report *r)
{
	const uint64_t unknown = r->class_ns[CPT_CLASS_UNKNOWN];
	/* All that is unknown may have been parallel. */
	double most = share(r->class_ns[CPT_CLASS_PARALLEL] + unknown, active_ns(r));

	if (most < NOT_PARALLEL) {
		strbuf__adds(b, "concurrent, not parallel");
	} else if (most < HARDLY_PARALLEL) {
		strbuf__adds(b, "concurrent, hardly parallel");
	} else {
		strbuf__adds(b, "concurrent, parallel for ");
		add_parallel_share(b, r, is_partly_unknown(r));
	}
}

static void add_serial_words(struct strbuf *b, const struct cpt_report *r)
{
	double part = share(r->class_ns[CPT_CLASS_PARALLEL], active_ns(r));
	uint64_t serial = r->class_ns[CPT_CLASS_SERIAL];

	strbuf__adds(b, "serial");
	if (share(r->split_ns[CPT_SPLIT_SERIAL_WAITING], serial) >= MOSTLY)
		strbuf__adds(b, ", and mostly waiting");
	else if (share(r->split_ns[CPT_SPLIT_SERIAL_RUNNABLE], serial) >= MOSTLY)
		strbuf__adds(b, ", and mostly waiting for a CPU");
	if (part >= HARDLY_PARALLEL) {
		strbuf__adds(b, ", parallel for ");
		add_parallel_share(b, r, false);
	}
}

/* "Concurrent, hardly parallel: ...", "Idle for 99 % of the time; while active serial: ..." */
static void add_class_verdict(struct strbuf *b, const struct cpt_report *r)
{
	bool idle = is_mostly_idle(r);
	char p[FMT_SZ];
	size_t start;

	if (idle)
		strbuf__addf(b, "Idle for %s of the time; while active ",
			     fmt_percent(p, r->class_ns[CPT_CLASS_IDLE], r->window_ns));
	start = b->len;
	if (r->verdict == CPT_CLASS_PARALLEL)
		add_parallel_words(b, r);
	else if (r->verdict == CPT_CLASS_CONCURRENT)
		add_concurrent_words(b, r);
	else
		add_serial_words(b, r);
	if (!idle && b->len > start)
		b->s[start] = (char)(b->s[start] - 'a' + 'A');
	strbuf__adds(b, ": ");
	add_figures(b, r);
	strbuf__addc(b, '.');
}

void words__verdict(struct strbuf *b, const struct cpt_report *r)
{
	char p[FMT_SZ];

	if (!r->window_ns)
		strbuf__adds(b, r->filtered ? "Nothing to tell: the run has no such time."
					    : "Nothing to tell: no time was recorded.");
	else if (!r->threads && r->filtered)
		strbuf__adds(b, "Nothing to tell: no thread is selected.");
	else if (r->verdict == CPT_CLASS_UNKNOWN)
		strbuf__addf(b,
			     "The trace cannot tell: events were lost, and %s of the time is "
			     "unknown; more "
			     "than one class may hold most of it. Record with a larger "
			     "--buffer-size, or "
			     "look at a part where nothing was lost (--time).",
			     fmt_percent(p, r->class_ns[CPT_CLASS_UNKNOWN], r->window_ns));
	else if (r->verdict == CPT_CLASS_IDLE)
		strbuf__adds(b, "Idle: nothing was in progress.");
	else
		add_class_verdict(b, r);
}

static uint64_t waiting_ns(const struct cpt_report *r)
{
	uint64_t sum = 0;
	int reason;

	for (reason = 0; reason < CPT_REASON_WAITING_CNT; reason++)
		sum += r->reason_ns[reason];
	return sum;
}

static void add_condvar_caveat(struct strbuf *b, const struct cpt_report *r)
{
	const enum cpt_class counted = r->condvar_counted.verdict;
	char d[FMT_SZ], p[FMT_SZ];

	strbuf__addf(
		b,
		"Threads were %s on condition variables of unknown meaning; counted as work in "
		"progress (--in-progress condvar) it would be %s for %s of the time.",
		fmt_duration(d, r->reason_ns[CPT_REASON_CONDVAR], false), class_name(counted),
		fmt_percent(p, r->condvar_counted.class_ns[counted], r->window_ns));
}

void words__caveat(struct strbuf *b, const struct cpt_report *r)
{
	uint64_t other = r->reason_ns[CPT_REASON_OTHER], waiting = waiting_ns(r);
	uint64_t starved =
		r->split_ns[CPT_SPLIT_CONCURRENT_STARVED] + r->split_ns[CPT_SPLIT_SERIAL_RUNNABLE];
	char d[FMT_SZ];

	if (r->condvar_counted.verdict != r->verdict)
		add_condvar_caveat(b, r);
	else if (r->verdict == CPT_CLASS_CONCURRENT && r->cpus_allowed == 1)
		strbuf__adds(b, "It was allowed one CPU only: nothing could run in parallel.");
	else if (share(starved, r->window_ns) >= CAVEAT_SHARE &&
		 2 * r->demand.item_ns[CPT_DEMAND_UNKNOWN] >= r->demand.total_ns)
		strbuf__addf(b,
			     "For %s of the time it was ready and no CPU ran it: other programs, a "
			     "quota or "
			     "its CPU mask held it back.",
			     fmt_percent(d, starved, r->window_ns));
	else if (r->verdict == CPT_CLASS_CONCURRENT && other > waiting / 2 &&
		 share(other, r->window_ns) >= CAVEAT_SHARE)
		strbuf__addf(
			b,
			"%s of its waiting could not be told apart (other): where that was only "
			"waiting for work, less was in progress than this says.",
			fmt_duration(d, other, false));
	else if (share(r->split_ns[CPT_SPLIT_IDLE_ASLEEP], r->window_ns) >= MOSTLY)
		strbuf__addf(b,
			     "Up to %" PRIu32
			     " thread%s slept at once, which is not work in progress; to "
			     "count it: --in-progress sleep.",
			     r->peak_asleep, r->peak_asleep == 1 ? "" : "s");
}

/* Time in which what instances had in flight is not known, summed over them; span: they were watched. */
static uint64_t flight_unknown_ns(const struct cpt_report *r, uint64_t *span)
{
	uint64_t unknown = 0;

	*span = 0;
	for (uint32_t i = 0; i < r->instances_cnt; i++) {
		unknown += r->instances[i].unknown_ns;
		*span += r->instances[i].span_ns;
	}
	return unknown;
}

bool words__data_incomplete(const struct cpt_report *r)
{
	uint64_t span;

	if (flight_unknown_ns(r, &span) ||
	    (r->close_facts && r->close_facts->loops_lost[CPT_LOOP_LOSS_SKIPPED]))
		return true;
	return r->quality.lost_located || r->quality.lost_other || r->quality.incomplete;
}

static bool warn_incomplete(struct strbuf *b, const struct cpt_report *r)
{
	if (!r->quality.incomplete)
		return false;
	strbuf__addf(b, "the trace is not whole: %s",
		     r->quality.incomplete_why ? r->quality.incomplete_why : "it was cut off");
	return true;
}

static bool warn_forgotten(struct strbuf *b, const struct cpt_report *r)
{
	char kept[FMT_SZ], all[FMT_SZ];

	if (!r->meta || !(r->meta->flags & CPT_TRACE_FLIGHT) ||
	    r->meta->recorded_from_ns > r->window_start_ns)
		return false;
	strbuf__addf(b,
		     "the last %s of %s that were recorded: what lies before is forgotten, as was "
		     "asked for, and is no loss",
		     fmt_duration(kept, r->window_ns, false),
		     fmt_duration(all, r->window_end_ns - r->meta->recorded_from_ns, false));
	return true;
}

static bool warn_open(struct strbuf *b, const struct cpt_report *r)
{
	if (!r->window_open)
		return false;
	strbuf__adds(b, "the end of the command was not recorded");
	return true;
}

static bool warn_lost(struct strbuf *b, const struct cpt_report *r)
{
	uint64_t lost = r->quality.lost_located + r->quality.lost_other;
	char n[FMT_SZ], p[FMT_SZ];

	if (!lost)
		return false;
	strbuf__addf(b, "%s event%s lost, %s of the time unknown (a larger --buffer-size may help)",
		     fmt_count(n, lost), lost == 1 ? "" : "s",
		     fmt_percent(p, r->class_ns[CPT_CLASS_UNKNOWN], r->window_ns));
	return true;
}

static bool warn_mends(struct strbuf *b, const struct cpt_report *r)
{
	char n[FMT_SZ];

	if (!r->quality.mends_failed)
		return false;
	strbuf__addf(b, "%s switches fired no event and could not be rebuilt",
		     fmt_count(n, r->quality.mends_failed));
	return true;
}

static bool warn_odd(struct strbuf *b, const struct cpt_report *r)
{
	char n[FMT_SZ];

	if (!r->quality.odd_events)
		return false;
	strbuf__addf(b, "%s event%s contradicted those before and %s reconciled",
		     fmt_count(n, r->quality.odd_events), r->quality.odd_events == 1 ? "" : "s",
		     r->quality.odd_events == 1 ? "was" : "were");
	return true;
}

static bool warn_steal(struct strbuf *b, const struct cpt_report *r)
{
	uint64_t total = r->window_ns * (r->cpus_online ? r->cpus_online : 1);
	char p[FMT_SZ];

	/* It is known of the whole recording alone. */
	if (r->quality.steal_ns == UINT64_MAX || r->filtered & CPT_FILTERED_TIME ||
	    share(r->quality.steal_ns, total) < STEAL_TOLERANCE)
		return false;
	strbuf__addf(b,
		     "the hypervisor took %s of the CPU time (steal), which counts as running here",
		     fmt_percent(p, r->quality.steal_ns, total));
	return true;
}

/* The kernel leaves some out (audit_left_out_ns), and charges a task that wakes on an idle CPU from its wake-up on,
 * where we say runnable: either explains a difference in its own direction up to its own size. */
static bool warn_audit(struct strbuf *b, const struct cpt_report *r)
{
	uint64_t ours = r->quality.audit_ours_ns, kernel = r->quality.audit_kernel_ns;
	const uint64_t known = r->quality.audit_left_out_ns;
	uint64_t left_out = known == UINT64_MAX ? known : known + r->cpus_online * STEAL_GRAIN_NS;
	uint64_t diff = ours > kernel ? ours - kernel : kernel - ours;
	uint64_t explained = ours > kernel ? left_out : r->runnable_ns;
	char d[FMT_SZ];

	if (!r->quality.audit_valid || diff <= explained ||
	    share(diff - explained, kernel) < AUDIT_TOLERANCE)
		return false;
	strbuf__addf(b, "on-CPU time is %s %s the kernel's own account, beyond what is explained",
		     fmt_duration(d, diff, false), ours > kernel ? "above" : "below");
	return true;
}

/* Each task's own, too: what is above in one and below in another is nothing in the sum. */
static bool warn_audit_tasks(struct strbuf *b, const struct cpt_report *r)
{
	const struct cpt_quality *q = &r->quality;
	const struct cpt_thread *worst = report__thread(r, q->audit_worst);
	char d[FMT_SZ], n[FMT_SZ];

	if (!q->audit_off)
		return false;
	strbuf__addf(b,
		     "on-CPU time of %s of %" PRIu32 " threads is off the kernel's account of each",
		     fmt_count(n, q->audit_off), q->audit_tasks);
	if (worst)
		strbuf__addf(b, ", of tid %" PRIu32 " by the most: %s %s it", worst->tid,
			     fmt_duration(d, q->audit_worst_ns, false),
			     q->audit_worst_above ? "above" : "below");
	strbuf__adds(b, "; their figures may be off by as much");
	return true;
}

static bool warn_folded(struct strbuf *b, const struct cpt_report *r)
{
	if (!r->concurrent_folded)
		return false;
	strbuf__addf(b, "the concurrency profile ends at \"%" PRIu32 " or more\"",
		     r->concurrent_cnt ? r->concurrent_cnt - 1 : 0);
	return true;
}

static bool warn_loops(struct strbuf *b, const struct cpt_report *r)
{
	uint64_t span, unknown = flight_unknown_ns(r, &span);
	char p[FMT_SZ];

	if (!unknown)
		return false;
	strbuf__addf(
		b,
		"records of event loops were lost: what they had in flight is not known for %s "
		"of the time they were watched",
		fmt_percent(p, unknown, span));
	return true;
}

/* What the limits of the probes left out. */
static bool warn_unfollowed_loops(struct strbuf *b, const struct cpt_report *r)
{
	const struct cpt_trace_close *c = r->close_facts;
	char n[FMT_SZ], m[FMT_SZ];

	if (!c)
		return false;
	if (c->loops_state == CPT_LOOPS_FAILED) {
		strbuf__adds(b, "event loops could not be followed: what they had in flight does "
				"not count");
		return true;
	}
	if (!c->loops_lost[CPT_LOOP_LOSS_INSTANCES] && !c->loops_lost[CPT_LOOP_LOSS_CONNS])
		return false;
	strbuf__addf(
		b,
		"more epoll instances or descriptors than are followed (%s and %s times): what is "
		"in flight is a lower bound",
		fmt_count(n, c->loops_lost[CPT_LOOP_LOSS_INSTANCES]),
		fmt_count(m, c->loops_lost[CPT_LOOP_LOSS_CONNS]));
	return true;
}

static bool warn_loop_loss(struct strbuf *b, const struct cpt_report *r, int loss,
			   const char *before, const char *behind)
{
	const struct cpt_trace_close *c = r->close_facts;
	char n[FMT_SZ];

	if (!c || !c->loops_lost[loss])
		return false;
	strbuf__addf(b, "%s%s %s a lower bound", before, fmt_count(n, c->loops_lost[loss]), behind);
	return true;
}

static bool warn_lost_loops(struct strbuf *b, const struct cpt_report *r)
{
	return warn_loop_loss(
		b, r, CPT_LOOP_LOSS_RING_FULL, "",
		"records of event loops found no room: operations and turns counted are");
}

/* Where programs of system calls can be preempted (Linux 7 and later), another task's call on that CPU
 * meanwhile goes unseen. */
static bool warn_skipped_loops(struct strbuf *b, const struct cpt_report *r)
{
	return warn_loop_loss(b, r, CPT_LOOP_LOSS_SKIPPED, "the kernel left out ",
			      "runs of the event loops' probes: those in flight may be too many, "
			      "and operations completed are");
}

static bool warn_untold_loops(struct strbuf *b, const struct cpt_report *r)
{
	char n[FMT_SZ];

	if (!r->loops.untold)
		return false;
	strbuf__addf(b, "there were too many event loops to tell apart: waits of %s count for none",
		     fmt_count(n, r->loops.untold));
	return true;
}

static bool warn_marks(struct strbuf *b, const struct cpt_report *r)
{
	char n[FMT_SZ];

	if (!r->phases.marks_lost)
		return false;
	strbuf__addf(b, "%s mark%s not recorded: what came behind %s counts as of the phase before",
		     fmt_count(n, r->phases.marks_lost),
		     r->phases.marks_lost == 1 ? " was" : "s were",
		     r->phases.marks_lost == 1 ? "it" : "them");
	return true;
}

bool words__warning(struct strbuf *b, const struct cpt_report *r, unsigned int i)
{
	static bool (*const checks[])(struct strbuf *, const struct cpt_report *) = {
		warn_incomplete,
		warn_forgotten,
		warn_open,
		warn_lost,
		warn_mends,
		warn_odd,
		warn_steal,
		warn_audit,
		warn_audit_tasks,
		warn_folded,
		warn_loops,
		warn_untold_loops,
		warn_unfollowed_loops,
		warn_lost_loops,
		warn_skipped_loops,
		warn_marks,
	};
	unsigned int check;

	for (check = 0; check < sizeof(checks) / sizeof(checks[0]); check++) {
		size_t len = b->len;

		if (!checks[check](b, r))
			continue;
		if (!i--)
			return true;
		b->len = len;
		if (b->s)
			b->s[len] = '\0';
	}
	return false;
}
