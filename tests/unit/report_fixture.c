// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* report_fixture.c - see report_fixture.h. */
#include "report_fixture.h"

#include <stdio.h>
#include <string.h>

struct cpt_thread *report_fixture__add_thread(struct report_fixture *f, const char *name)
{
	struct cpt_report *r = &f->report;
	struct cpt_thread *t = &f->threads[r->threads_cnt++];

	memset(t, 0, sizeof(*t));
	t->id = r->threads_cnt;
	t->tid = 4000 + t->id;
	t->pid = 4001;
	t->ns_tid = t->tid;
	t->parent = t->id > 1;
	strncpy(t->name, name, CPT_COMM_LEN - 1);
	t->command = "./app --workers 4";
	t->start_ns = FIXTURE_START_NS;
	t->end_ns = FIXTURE_START_NS + 2000 * FIXTURE_MS;
	r->threads = r->threads_cnt;
	return t;
}

static void fill_threads(struct report_fixture *f)
{
	struct cpt_thread *t = report_fixture__add_thread(f, "app");
	char name[CPT_COMM_LEN];
	int i;

	t->life_ns = 2000 * FIXTURE_MS;
	t->running_ns = t->alone_ns = 18 * FIXTURE_MS;
	t->reason_ns[CPT_REASON_JOIN] = 1982 * FIXTURE_MS;
	t->cpus_used = 1;
	t->voluntary = 2;
	t->bottle_height_ns = 18e6;
	t->bottle_width = 1;
	for (i = 1; i <= 4; i++) {
		snprintf(name, sizeof(name), "worker-%d", i);
		t = report_fixture__add_thread(f, name);
		t->life_ns = 1982 * FIXTURE_MS;
		t->running_ns = 5025 * FIXTURE_MS / 10;
		t->runnable_ns = 14 * FIXTURE_MS;
		t->reason_ns[CPT_REASON_LOCK] = 14655 * FIXTURE_MS / 10;
		t->parallel_ns = 18 * FIXTURE_MS;
		t->alone_ns = 4845 * FIXTURE_MS / 10;
		t->bottle_height_ns = 493.5e6;
		t->bottle_width = 1.018;
		t->voluntary = 12345;
		t->involuntary = 7;
		t->migrations = 42;
		t->cpus_used = 2;
	}
}

static void fill_bins(struct report_fixture *f)
{
	int i;

	f->report.bin_ns = 10 * FIXTURE_MS;
	f->report.bins = f->bins;
	f->report.bins_cnt = FIXTURE_BINS;
	for (i = 0; i < FIXTURE_BINS; i++) {
		bool edge = i < 4 || i > FIXTURE_BINS - 4;

		f->bins[i].span_ns = 10 * FIXTURE_MS;
		f->bins[i].running = edge ? 5 * FIXTURE_MS : 1030 * FIXTURE_MS / 100;
		f->bins[i].in_progress = edge ? 5 * FIXTURE_MS : 40 * FIXTURE_MS;
	}
}

static void fill_ledger(struct report_fixture *f)
{
	struct cpt_report *r = &f->report;

	r->window_start_ns = FIXTURE_START_NS;
	r->window_ns = 2000 * FIXTURE_MS;
	r->window_end_ns = r->window_start_ns + r->window_ns;
	r->class_ns[CPT_CLASS_PARALLEL] = 36 * FIXTURE_MS;
	r->class_ns[CPT_CLASS_CONCURRENT] = 1938 * FIXTURE_MS;
	r->class_ns[CPT_CLASS_SERIAL] = 18 * FIXTURE_MS;
	r->class_ns[CPT_CLASS_IDLE] = 8 * FIXTURE_MS;
	r->split_ns[CPT_SPLIT_PARALLEL_MULTI_CORE] = 36 * FIXTURE_MS;
	r->split_ns[CPT_SPLIT_CONCURRENT_CONTENDED] = 1882 * FIXTURE_MS;
	r->split_ns[CPT_SPLIT_CONCURRENT_INTERLEAVED] = 56 * FIXTURE_MS;
	r->split_ns[CPT_SPLIT_SERIAL_RUNNING] = 18 * FIXTURE_MS;
	r->split_ns[CPT_SPLIT_IDLE_QUIET] = 8 * FIXTURE_MS;
	r->verdict = CPT_CLASS_CONCURRENT;

	f->parallel[0] = f->cores[0] = 8 * FIXTURE_MS;
	f->parallel[1] = f->cores[1] = 1956 * FIXTURE_MS;
	f->parallel[2] = f->cores[2] = 36 * FIXTURE_MS;
	r->parallel_ns = f->parallel;
	r->cores_ns = f->cores;
	r->parallel_cnt = 3;
	r->cpu_time_ns = 2028 * FIXTURE_MS;
	r->parallel_average = 1.014;
	r->tlp = 2028.0 / 1992;
	r->efficiency = 0.507;
	r->allowed_integral = 4000 * FIXTURE_MS;
	r->budget.total_ns = 4000 * FIXTURE_MS;
	r->budget.item_ns[CPT_BUDGET_USED] = 2028 * FIXTURE_MS;
	r->budget.reason_ns[CPT_REASON_LOCK] = 1972 * FIXTURE_MS;
	r->demand.total_ns = r->demand.item_ns[CPT_DEMAND_CPUS] = 56 * FIXTURE_MS;
	r->parallel_peak = 2;
	f->concurrent[0] = 8 * FIXTURE_MS;
	f->concurrent[1] = 18 * FIXTURE_MS;
	f->concurrent[4] = 1974 * FIXTURE_MS;
	r->concurrent_ns = f->concurrent;
	r->concurrent_cnt = 5;
	r->concurrent_average = 3.957;
	r->concurrent_peak = 4;
	r->runnable_ns = 56 * FIXTURE_MS;
	r->reason_ns[CPT_REASON_LOCK] = 5862 * FIXTURE_MS;
	r->reason_ns[CPT_REASON_JOIN] = 1982 * FIXTURE_MS;
}

/* The workers hand one lock on: main's start, then whoever holds it. */
static void fill_path(struct report_fixture *f)
{
	struct cpt_path *p = &f->report.path;
	struct cpt_path_part *part = f->path_parts;

	for (int i = 0; i < 5; i++, part++) {
		part->id = (uint32_t)i + 1;
		part->tid = 4001 + (uint32_t)i;
		part->pid = 4001;
		memcpy(part->name, f->threads[i].name, CPT_COMM_LEN);
		part->serial_ns = i ? 4845 * FIXTURE_MS / 10 : 18 * FIXTURE_MS;
		part->parallel_ns = i ? 0 : 36 * FIXTURE_MS;
		part->blocked_ns = i ? 0 : 8 * FIXTURE_MS;
		part->total_ns = part->serial_ns + part->parallel_ns + part->blocked_ns;
		p->serial_ns += part->serial_ns;
		p->parallel_ns += part->parallel_ns;
	}
	p->length_ns = f->report.window_ns;
	p->end_id = 1;
	p->reason_ns[CPT_REASON_SLEEP] = p->by_waker_ns[CPT_WAKER_TIMER] = 8 * FIXTURE_MS;
	p->known_waker_ns = p->length_ns;
	p->threads = p->names = f->path_parts;
	p->threads_cnt = p->names_cnt = 5;
	f->report.work_span = (struct cpt_work_span){.work_ns = 2028 * FIXTURE_MS,
						     .span_ns = 1992 * FIXTURE_MS,
						     .parallelism = 2028.0 / 1992,
						     .speedup_bound = 2000.0 / 1992};
}

void report_fixture(struct report_fixture *f)
{
	struct cpt_report *r = &f->report;

	memset(f, 0, sizeof(*f));
	f->argv[0] = (char *)"./app";
	f->argv[1] = (char *)"--workers";
	f->argv[2] = (char *)"4";
	f->meta = (struct cpt_trace_meta){.cpartrace_version = "0.1.0",
					  .hostname = "host",
					  .kernel = "6.1.0",
					  .machine = "x86_64",
					  .argv = f->argv,
					  .root_tid = 4001,
					  .start_mono_ns = FIXTURE_START_NS - 1000,
					  .start_real_ns = UINT64_C(1767323045123455000),
					  .quota_cpus = 0,
					  .cpu_cnt = 2};
	f->close.exit_kind = CPT_EXIT_CODE;
	f->close.steal_ns = UINT64_MAX;
	f->close.tenants_rest_ns = UINT64_MAX;
	r->meta = &f->meta;
	r->close_facts = &f->close;
	r->threads_tab = f->threads;
	r->processes = 1;
	r->peak_alive = 5;
	r->cpus_online = r->cpus_allowed = r->cpus_physical = 2;
	r->switches = 49408;
	r->wakes = 49382;
	r->quality.steal_ns = UINT64_MAX;
	fill_ledger(f);
	fill_threads(f);
	fill_bins(f);
	fill_path(f);
	strcpy(f->names[0], "app");
	strcpy(f->names[1], "worker-1");
	f->overlap[3] = 36 * FIXTURE_MS;
	r->overlap.cnt = 2;
	r->overlap.names = f->names;
	r->overlap.ns = f->overlap;
}
