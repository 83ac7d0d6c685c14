// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* table_run.c - see table_run.h. */
#include "table_run.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "analysis/words.h"

#include "limit.h"
#include "strbuf.h"
#include "words.h"

#define COLS_END                                                                                   \
	{                                                                                          \
		NULL, NULL, TABLE_U64, 0                                                           \
	}

/* ---- run ----------------------------------------------------------------------------------- */

struct run_row {
	const char *command, *hostname, *kernel, *version, *verdict, *summary, *filters;
	uint64_t window_start_ns, window_ns, cpu_time_ns, lost_events;
	uint64_t work_ns, span_ns, known_ns;
	uint32_t cpus_online, cpus_allowed, processes, threads;
	double parallelism, tlp, concurrency, span_parallelism, speedup_bound, effective;
	uint64_t cpu_time_low_ns, cpu_time_high_ns;
	double parallelism_low, parallelism_high, tlp_low, tlp_high;
	double concurrency_low, concurrency_high;
	bool incomplete;
};

#define R(member) offsetof(struct run_row, member)

const struct table_col run_cols[] = {
	{"command", "arguments joined by spaces", TABLE_STRING, R(command)},
	{"hostname", "the machine", TABLE_STRING, R(hostname)},
	{"kernel", "its kernel", TABLE_STRING, R(kernel)},
	{"version", "of the cpartrace that recorded", TABLE_STRING, R(version)},
	{"filters", "what was asked for beyond the whole run", TABLE_STRING, R(filters)},
	{"verdict", "class that holds most of the time that is not idle", TABLE_STRING, R(verdict)},
	{"summary", "the same as a sentence", TABLE_STRING, R(summary)},
	{"window_start_ns", "CLOCK_MONOTONIC", TABLE_U64, R(window_start_ns)},
	{"window_ns", "length of the run", TABLE_U64, R(window_ns)},
	{"cpu_time_ns", "CPU time of the workload", TABLE_U64, R(cpu_time_ns)},
	{"cpus_online", "CPUs of the machine", TABLE_U32, R(cpus_online)},
	{"cpus_allowed", "CPUs it was allowed, for the longest time", TABLE_U32, R(cpus_allowed)},
	{"processes", "that lived in the window", TABLE_U32, R(processes)},
	{"threads", "likewise", TABLE_U32, R(threads)},
	{"parallelism", "average number of CPUs busy", TABLE_DOUBLE, R(parallelism)},
	{"tlp", "the same over the time any was", TABLE_DOUBLE, R(tlp)},
	{"concurrency", "average number of things in progress", TABLE_DOUBLE, R(concurrency)},
	{"lost_events", "events that were lost", TABLE_U64, R(lost_events)},
	{"incomplete", "the trace is cut off", TABLE_BOOL, R(incomplete)},
	{"work_ns", "T1: CPU time of the workload", TABLE_U64, R(work_ns)},
	{"span_ns", "T-infinity: computing that had to come one after another", TABLE_U64,
	 R(span_ns)},
	{"span_parallelism", "T1 / T-infinity, 0: not a bound", TABLE_DOUBLE, R(span_parallelism)},
	{"speedup_bound",
	 "window / T-infinity: more CPUs make it so much faster at most; 0: no bound", TABLE_DOUBLE,
	 R(speedup_bound)},
	{"effective", "parallelism less busy-waiting, 0: not estimated", TABLE_DOUBLE,
	 R(effective)},
	{"critical_path_known_ns", "of the critical path: known who ended the waits", TABLE_U64,
	 R(known_ns)},
	{"cpu_time_low_ns", "with lost events: the CPU time is at least this,", TABLE_U64,
	 R(cpu_time_low_ns)},
	{"cpu_time_high_ns", "and at most this", TABLE_U64, R(cpu_time_high_ns)},
	{"parallelism_low", "likewise", TABLE_DOUBLE, R(parallelism_low)},
	{"parallelism_high", "likewise", TABLE_DOUBLE, R(parallelism_high)},
	{"tlp_low", "likewise", TABLE_DOUBLE, R(tlp_low)},
	{"tlp_high", "likewise", TABLE_DOUBLE, R(tlp_high)},
	{"concurrency_low", "likewise", TABLE_DOUBLE, R(concurrency_low)},
	{"concurrency_high", "likewise, -1: nothing limits it", TABLE_DOUBLE, R(concurrency_high)},
	COLS_END,
};

int write_run(struct table_out *out, const struct cpt_report *r)
{
	const bool bounds = report__span_bounds(r);
	const double effective = report__effective(r);
	struct strbuf command = {0}, summary = {0};
	struct run_row row = {
		.hostname = r->meta->hostname,
		.kernel = r->meta->kernel,
		.version = r->meta->cpartrace_version,
		.filters = out->note,
		.verdict = class_name(r->verdict),
		.window_start_ns = r->window_start_ns,
		.window_ns = r->window_ns,
		.cpu_time_ns = r->cpu_time_ns,
		.cpus_online = r->cpus_online,
		.cpus_allowed = r->cpus_allowed,
		.processes = r->processes,
		.threads = r->threads,
		.parallelism = r->parallel_average,
		.tlp = r->tlp,
		.concurrency = r->concurrent_average,
		.lost_events = r->quality.lost_located + r->quality.lost_other,
		.incomplete = r->quality.incomplete,
		.work_ns = r->work_span.work_ns,
		.span_ns = r->work_span.span_ns,
		.span_parallelism = bounds ? r->work_span.parallelism : 0,
		.speedup_bound = bounds ? r->work_span.speedup_bound : 0,
		.effective = effective >= 0 ? effective : 0,
		.known_ns = r->path.known_waker_ns,
		.cpu_time_low_ns = r->bounds.cpu_time_ns.low,
		.cpu_time_high_ns = r->bounds.cpu_time_ns.high,
		.parallelism_low = r->bounds.parallel_average.low,
		.parallelism_high = r->bounds.parallel_average.high,
		.tlp_low = r->bounds.tlp.low,
		.tlp_high = r->bounds.tlp.high,
		.concurrency_low = r->bounds.concurrent_average.low,
		.concurrency_high = isfinite(r->bounds.concurrent_average.high)
					    ? r->bounds.concurrent_average.high
					    : -1,
	};
	int err;

	for (size_t i = 0; r->meta->argv && r->meta->argv[i]; i++) {
		strbuf__adds(&command, i ? " " : "");
		strbuf__adds(&command, r->meta->argv[i]);
	}
	words__verdict(&summary, r);
	row.command = strbuf__str(&command);
	row.summary = strbuf__str(&summary);
	err = command.failed || summary.failed ? -ENOMEM : table_out__row(out, &row);
	strbuf__free(&command);
	strbuf__free(&summary);
	return err;
}

/* ---- limits -------------------------------------------------------------------------------- */

struct limit_row {
	uint32_t rank;
	uint64_t cost_ns;
	const char *cause, *account, *evidence, *look_at;
};

#define L(member) offsetof(struct limit_row, member)

const struct table_col limit_cols[] = {
	{"rank", "1: the dearest", TABLE_U32, L(rank)},
	{"cause", "an item of budget or demand, a reason of waits, or blocked_loop", TABLE_STRING,
	 L(cause)},
	{"cost_ns", "CPU time it cost (budget), or time (demand, ledger)", TABLE_U64, L(cost_ns)},
	{"account", "what says so: budget, demand, ledger or loops", TABLE_STRING, L(account)},
	{"evidence", "one sentence with its figures", TABLE_STRING, L(evidence)},
	{"look_at", "what to look at next, where the figures say so", TABLE_STRING, L(look_at)},
	COLS_END,
};

static int write_limit(struct table_out *out, const struct cpt_report *r, const struct limit *limit,
		       uint32_t rank)
{
	struct strbuf evidence = {0}, look_at = {0};
	struct limit_row row = {.rank = rank,
				.cost_ns = limit->cost_ns,
				.cause = cause_name(limit->cause),
				.account = cost_name(limit->by)};
	int err;

	limits__evidence(&evidence, r, limit, true);
	limits__look_at(&look_at, r, limit);
	row.evidence = strbuf__str(&evidence);
	row.look_at = look_at.len ? strbuf__str(&look_at) : NULL;
	err = evidence.failed || look_at.failed ? -ENOMEM : table_out__row(out, &row);
	strbuf__free(&evidence);
	strbuf__free(&look_at);
	return err;
}

int write_limits(struct table_out *out, const struct cpt_report *r)
{
	struct limit limits[CPT_LIMITS_MAX];
	const unsigned int cnt = limits__find(r, limits);
	int err = 0;

	for (unsigned int i = 0; i < cnt && !err; i++)
		err = write_limit(out, r, &limits[i], i + 1);
	return err;
}

/* ---- latency ------------------------------------------------------------------------------- */

struct latency_row {
	const char *after, *meaning;
	uint64_t cnt, sum_ns, p50_ns, p99_ns, max_ns, migrated, short_cnt, short_ns;
};

#define W(member) offsetof(struct latency_row, member)

const struct table_col latency_cols[] = {
	{"after", "after_wakeup, after_preemption, first_run or after_throttling", TABLE_STRING,
	 W(after)},
	{"meaning", "in words", TABLE_STRING, W(meaning)},
	{"count", "stretches of waiting for a CPU that ended on one", TABLE_U64, W(cnt)},
	{"sum_ns", "their time", TABLE_U64, W(sum_ns)},
	{"p50_ns", "half of them were at most that long", TABLE_U64, W(p50_ns)},
	{"p99_ns", "99 % of them were", TABLE_U64, W(p99_ns)},
	{"max_ns", "the longest", TABLE_U64, W(max_ns)},
	{"migrated", "of count: on another CPU than before", TABLE_U64, W(migrated)},
	{"short_count", "of count: at most 0.1 ms, the time a CPU takes to wake up and switch",
	 TABLE_U64, W(short_cnt)},
	{"short_ns", "their time", TABLE_U64, W(short_ns)},
	COLS_END,
};

int write_latency(struct table_out *out, const struct cpt_report *r)
{
	int err = 0;

	for (int i = 0; i < CPT_READY_CNT && !err; i++) {
		const struct cpt_latency *l = &r->latency[i];

		err = table_out__row(
			out, &(struct latency_row){.after = ready_name((enum cpt_ready_kind)i),
						   .meaning = ready_text((enum cpt_ready_kind)i),
						   .cnt = l->cnt,
						   .sum_ns = l->sum_ns,
						   .p50_ns = l->p50_ns,
						   .p99_ns = l->p99_ns,
						   .max_ns = l->max_ns,
						   .migrated = l->migrated,
						   .short_cnt = l->short_cnt,
						   .short_ns = l->short_ns});
	}
	return err;
}

/* ---- ceilings ------------------------------------------------------------------------------ */

struct ceiling_row {
	struct cpt_ceiling c;
	const char *kind, *word, *address, *symbol, *module;
	bool certain;
};

#define C(member)  offsetof(struct ceiling_row, c.member)
#define CR(member) offsetof(struct ceiling_row, member)

const struct table_col ceiling_cols[] = {
	{"kind", "cpython_gil, or one_of_n: a possibility", TABLE_STRING, CR(kind)},
	{"certain", "its symbol is known to be such a lock's", TABLE_BOOL, CR(certain)},
	{"pid", "process", TABLE_U32, C(pid)},
	{"address", "of the object", TABLE_STRING, CR(address)},
	{"symbol", "its name, where one is known", TABLE_STRING, CR(symbol)},
	{"module", "file or mapping it lies in", TABLE_STRING, CR(module)},
	{"word", "condvar, semaphore ...", TABLE_STRING, CR(word)},
	{"threads", "that took turns", TABLE_U32, C(threads)},
	{"waited_ns", "cpython_gil: time in which some thread waited for it", TABLE_U64,
	 C(waited_ns)},
	{"wanted_ns", "time in which two of them ran or wanted to", TABLE_U64, C(wanted_ns)},
	{"one_ns", "of it: exactly one ran", TABLE_U64, C(one_ns)},
	{"overlap_ns", "of it: more than one ran", TABLE_U64, C(overlap_ns)},
	{"turns", "times another one began to run alone", TABLE_U64, C(turns)},
	{"free_cpus", "CPUs allowed less CPUs busy meanwhile, on average", TABLE_DOUBLE,
	 C(free_cpus)},
	COLS_END,
};

int write_ceilings(struct table_out *out, const struct cpt_report *r)
{
	int err = 0;

	for (uint32_t i = 0; i < r->ceilings_cnt && !err; i++) {
		const struct cpt_ceiling *c = &r->ceilings[i];
		char address[24];
		struct ceiling_row row = {.c = *c,
					  .kind = ceiling_kind_name((enum cpt_ceiling_kind)c->kind),
					  .certain = c->kind == CPT_CEILING_GIL,
					  .word = word_kind_name(c->word_kind),
					  .address = address,
					  .symbol = c->symbol && *c->symbol ? c->symbol : NULL,
					  .module = c->module && *c->module ? c->module : NULL};

		snprintf(address, sizeof(address), "0x%" PRIx64, c->addr);
		err = table_out__row(out, &row);
	}
	return err;
}
