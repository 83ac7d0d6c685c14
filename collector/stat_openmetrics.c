// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* stat_openmetrics.c - `stat` for monitoring; see stat_report.h. */
#include "stat_report.h"

#include <inttypes.h>
#include <string.h>

#include "openmetrics.h"

#define PREFIX "cpartrace_stat_"

/* Buckets of a histogram of waits: from 1 us to 17 s, the rest is at the ends. */
#define FIRST_BUCKET 10
#define LAST_BUCKET  34

static void add_family(struct strbuf *b, const char *name, const char *type, const char *unit,
		       const char *help)
{
	openmetrics__family(b, PREFIX, name, type, unit, help);
}

static void add_seconds_line(struct strbuf *b, const char *name, uint64_t ns)
{
	strbuf__addf(b, PREFIX "%s ", name);
	openmetrics__seconds(b, ns);
	strbuf__addc(b, '\n');
}

static void add_profile(struct strbuf *b, const struct stat_facts *f)
{
	uint32_t peak = stat_sample__peak(&f->sum);
	uint32_t last = peak > f->cpus_online ? peak : f->cpus_online;

	add_family(b, "busy_seconds", "counter", "seconds",
		   "Time with exactly so many CPUs running the workload at once.");
	for (uint32_t k = 0; k <= last && k < f->sum.profile_cnt; k++) {
		strbuf__addf(b, PREFIX "busy_seconds_total{cpus=\"%" PRIu32 "\"} ", k);
		openmetrics__seconds(b, (uint64_t)f->sum.profile_ns[k]);
		strbuf__addc(b, '\n');
	}
}

static void add_pair(struct strbuf *b, const char *name, const struct cpt_real_bounds *of)
{
	strbuf__addf(b, PREFIX "%s{bound=\"low\"} %.9g\n" PREFIX "%s{bound=\"high\"} %.9g\n", name,
		     of->low, name, of->high);
}

static void add_pair_seconds(struct strbuf *b, const char *name, const struct cpt_ns_bounds *of)
{
	strbuf__addf(b, PREFIX "%s{bound=\"low\"} ", name);
	openmetrics__seconds(b, of->low);
	strbuf__addf(b, "\n" PREFIX "%s{bound=\"high\"} ", name);
	if (of->high == UINT64_MAX)
		strbuf__adds(b, "+Inf");
	else
		openmetrics__seconds(b, of->high);
	strbuf__addc(b, '\n');
}

/* Only where something is in doubt: of all there was up to now. */
static void add_bounds(struct strbuf *b, const struct stat_facts *f)
{
	const struct stat_bounds *of = &f->bounds;

	if (!of->open)
		return;
	add_family(b, "parallelism_bound", "gauge", NULL,
		   "Between these the average of busy CPUs lies, whatever was lost.");
	add_pair(b, "parallelism_bound", &of->average);
	add_family(b, "tlp_bound", "gauge", NULL,
		   "Between these the average of busy CPUs while any is busy lies, whatever was "
		   "lost.");
	add_pair(b, "tlp_bound", &of->tlp);
	add_family(b, "cpu_bound_seconds", "gauge", "seconds",
		   "Between these the CPU time lies, whatever was lost.");
	add_pair_seconds(b, "cpu_bound_seconds", &of->cpu_time_ns);
	add_family(b, "window_bound_seconds", "gauge", "seconds",
		   "Between these the time accounted for lies, whatever was lost.");
	add_pair_seconds(b, "window_bound_seconds", &of->window_ns);
	add_family(b, "waits_incomplete", "gauge", NULL,
		   "1: tasks are missing; waits and what processes used are at least so much.");
	strbuf__addf(b, PREFIX "waits_incomplete %d\n", of->waits);
}

static void add_waits(struct strbuf *b, const struct stat_facts *f)
{
	uint64_t below = 0;
	uint32_t i;

	add_family(b, "run_queue_wait_seconds", "histogram", "seconds",
		   "How long tasks that were ready to run waited for a CPU.");
	for (i = 0; i < FIRST_BUCKET; i++)
		below += f->sum.wait_hist[i];
	for (; i <= LAST_BUCKET; i++) {
		strbuf__adds(b, PREFIX "run_queue_wait_seconds_bucket{le=\"");
		openmetrics__seconds(b, UINT64_C(1) << i);
		strbuf__addf(b, "\"} %" PRIu64 "\n", below);
		below += f->sum.wait_hist[i];
	}
	for (; i < CPT_STAT_BUCKETS; i++)
		below += f->sum.wait_hist[i];
	/* What the buckets hold, not the counter beside them: the two are read one after the other. */
	strbuf__addf(b, PREFIX "run_queue_wait_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", below);
	add_seconds_line(b, "run_queue_wait_seconds_sum", f->sum.wait_ns);
	strbuf__addf(b, PREFIX "run_queue_wait_seconds_count %" PRIu64 "\n", below);
}

static void add_process_line(struct strbuf *b, const char *family, const struct stat_row *row,
			     uint64_t ns)
{
	strbuf__addf(b, PREFIX "%s_total{pid=\"%" PRIu32 "\",name=\"", family, row->pid);
	openmetrics__label(b, row->name);
	strbuf__adds(b, "\"} ");
	openmetrics__seconds(b, ns);
	strbuf__addc(b, '\n');
}

static void add_processes(struct strbuf *b, const struct stat_facts *f)
{
	if (!f->rows.cnt)
		return;
	add_family(b, "process_cpu_seconds", "counter", "seconds",
		   "CPU time of a process; only those with the most are listed.");
	for (uint32_t i = 0; i < f->rows.cnt; i++)
		add_process_line(b, "process_cpu_seconds", &f->rows.rows[i],
				 f->rows.rows[i].run_ns);
	if (!f->waits_known)
		return;
	add_family(b, "process_runnable_seconds", "counter", "seconds",
		   "Time the tasks of a process were ready to run and waited for a CPU.");
	for (uint32_t i = 0; i < f->rows.cnt; i++)
		add_process_line(b, "process_runnable_seconds", &f->rows.rows[i],
				 f->rows.rows[i].wait_ns);
}

static void add_counter(struct strbuf *b, const char *family, const char *help, uint64_t n)
{
	add_family(b, family, "counter", NULL, help);
	strbuf__addf(b, PREFIX "%s_total %" PRIu64 "\n", family, n);
}

void stat_openmetrics__add(struct strbuf *out, const struct stat_facts *f)
{
	const struct stat_sample *s = &f->sum;

	add_family(out, "window_seconds", "counter", "seconds", "Time accounted for.");
	add_seconds_line(out, "window_seconds_total", stat_sample__window_ns(s));
	add_family(out, "cpu_seconds", "counter", "seconds", "CPU time of the workload.");
	add_seconds_line(out, "cpu_seconds_total", stat_sample__cpu_ns(s));
	add_profile(out, f);
	if (f->waits_known) {
		add_family(out, "runnable_seconds", "counter", "seconds",
			   "Time tasks were ready to run and waited for a CPU, summed up.");
		add_seconds_line(out, "runnable_seconds_total", f->rows.wait_ns);
		add_waits(out, f);
	}
	add_processes(out, f);
	add_bounds(out, f);
	add_counter(out, "switches", "Context switches that brought the workload to a CPU.",
		    s->switches);
	add_counter(out, "mended_switches", "Switches that fired no event and were mended.",
		    s->mends);
	add_counter(out, "lost", "Tasks, changes and runs of probes that the accounts lack.",
		    s->lost_storage + s->lost_deaths + s->mends_failed + s->bad_degree +
			    s->lost_recursion);
	add_family(out, "cpus_online", "gauge", NULL, "CPUs online.");
	strbuf__addf(out, PREFIX "cpus_online %" PRIu32 "\n", f->cpus_online);
	strbuf__adds(out, "# EOF\n");
}
