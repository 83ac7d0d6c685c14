// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * json_report.c - see json_report.h.
 *
 * Every part is built by a small function of its own that returns an object or NULL. json_obj__put() takes
 * values over and remembers failure, so that a part is checked once.
 */
#include "json_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json_bounds.h"
#include "json_locks.h"
#include "json_loops.h"
#include "json_accounts.h"
#include "json_affinity.h"
#include "json_obj.h"
#include "limit.h"
#include "json_stacks.h"
#include "json_path.h"
#include "json_phases.h"
#include "strbuf.h"
#include "target_text.h"
#include "text_flights.h"
#include "text_loops.h"
#include "words.h"

#define NS_PER_SEC 1000000000

static json_t *command(const struct cpt_trace_meta *meta)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; array && meta->argv && meta->argv[i]; i++)
		array = json_array__append(array, json_value__string(meta->argv[i]));
	return array;
}

static json_t *exit_facts(const struct cpt_trace_close *close)
{
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, close->exit_kind == CPT_EXIT_SIGNAL ? "signal" : "code",
			 close->exit_value);
	return json_obj__done(&o);
}

/* RFC 3339 in UTC of a moment on CLOCK_MONOTONIC. */
static json_t *real_time(const struct cpt_trace_meta *meta, uint64_t mono_ns)
{
	uint64_t ns = meta->start_real_ns + (mono_ns - meta->start_mono_ns);
	time_t sec = (time_t)(ns / NS_PER_SEC);
	char date[32], full[48];
	struct tm tm;

	if (!gmtime_r(&sec, &tm) || !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm))
		return json_null();
	snprintf(full, sizeof(full), "%s.%06" PRIu64 "Z", date, ns % NS_PER_SEC / 1000);
	return json_string(full);
}

static json_t *cpus(const struct cpt_report *r)
{
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "online", r->cpus_online);
	json_obj__put_ns(&o, "allowed", r->cpus_allowed);
	json_obj__put_ns(&o, "physical_cores", r->cpus_physical);
	json_obj__put(&o, "quota_cpus",
		      r->meta->quota_cpus > 0 ? json_value__real(r->meta->quota_cpus)
					      : json_null());
	return json_obj__done(&o);
}

static json_t *tasks(const struct cpt_report *r)
{
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "processes", r->processes);
	json_obj__put_ns(&o, "threads", r->threads);
	json_obj__put_ns(&o, "peak_alive", r->peak_alive);
	json_obj__put_ns(&o, "peak_asleep", r->peak_asleep);
	return json_obj__done(&o);
}

static json_t *splits(const struct cpt_report *r, enum cpt_class cls)
{
	struct json_obj o = json_obj__new();
	int split;

	for (split = 0; split < CPT_SPLIT_UNKNOWN; split++)
		if (split_class((enum cpt_split)split) == cls)
			json_obj__put_ns(&o, split_name((enum cpt_split)split), r->split_ns[split]);
	return json_obj__done(&o);
}

static json_t *ledger(const struct cpt_report *r)
{
	struct json_obj o = json_obj__new();
	char key[32];
	int cls;

	for (cls = 0; cls < CPT_CLASS_CNT; cls++)
		json_obj__put_ns(&o, class_name((enum cpt_class)cls), r->class_ns[cls]);
	for (cls = 0; cls < CPT_CLASS_UNKNOWN; cls++) {
		snprintf(key, sizeof(key), "%s_split", class_name((enum cpt_class)cls));
		json_obj__put(&o, key, splits(r, (enum cpt_class)cls));
	}
	return json_obj__done(&o);
}

static json_t *parallelism(const struct cpt_report *r)
{
	struct json_obj o = json_obj__new();

	json_obj__put(&o, "average", json_value__real(r->parallel_average));
	json_obj__put(&o, "tlp", json_value__real(r->tlp));
	json_obj__put_ns(&o, "peak", r->parallel_peak);
	json_obj__put(&o, "efficiency", json_value__real(r->efficiency));
	json_obj__put(&o, "effective",
		      report__effective(r) >= 0 ? json_value__real(report__effective(r))
						: json_null());
	json_obj__put(&o, "siblings_busy_ns",
		      r->budget.siblings_ns == UINT64_MAX
			      ? json_null()
			      : json_integer((json_int_t)r->budget.siblings_ns));
	json_obj__put(&o, "profile_ns", json_value__array_ns(r->parallel_ns, r->parallel_cnt));
	json_obj__put(&o, "physical_cores_profile_ns",
		      json_value__array_ns(r->cores_ns, r->cores_ns ? r->parallel_cnt : 0));
	return json_obj__done(&o);
}

static json_t *concurrency(const struct cpt_report *r)
{
	struct json_obj o = json_obj__new();

	json_obj__put(&o, "average", json_value__real(r->concurrent_average));
	json_obj__put_ns(&o, "peak", r->concurrent_peak);
	json_obj__put(&o, "profile_ns", json_value__array_ns(r->concurrent_ns, r->concurrent_cnt));
	/* The last entry then stands for that many or more. */
	if (r->concurrent_folded)
		json_obj__put(&o, "folded", json_true());
	return json_obj__done(&o);
}

static json_t *reasons(const uint64_t *ns, bool parked)
{
	struct json_obj o = json_obj__new();
	int reason;

	for (reason = 0; reason < CPT_REASON_CNT; reason++)
		if (ns[reason] && !!reason_is_parked((enum cpt_reason)reason) == parked)
			json_obj__put_ns(&o, reason_name((enum cpt_reason)reason), ns[reason]);
	return json_obj__done(&o);
}

static json_t *bottle(const struct cpt_thread *t)
{
	struct json_obj o = json_obj__new();

	/* A sum of many shares of stretches, halves and thirds of ns among them: a half is one
	 * whatever the order of the sum. */
	json_obj__put_ns(&o, "height_ns", (uint64_t)(t->bottle_height_ns + 0.5 + 1.0 / 64));
	json_obj__put(&o, "width", json_value__real(t->bottle_width));
	return json_obj__done(&o);
}

static json_t *switches(const struct cpt_thread *t)
{
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "voluntary", t->voluntary);
	json_obj__put_ns(&o, "involuntary", t->involuntary);
	return json_obj__done(&o);
}

json_t *json_report__thread(const struct cpt_report *r, const struct cpt_thread *t)
{
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "id", t->id);
	json_obj__put_ns(&o, "tid", t->tid);
	json_obj__put_ns(&o, "pid", t->pid);
	json_obj__put(&o, "name", json_value__comm(t->name));
	json_obj__put(&o, "command", json_value__string(t->command ? t->command : ""));
	json_obj__put_ns(&o, "life_ns", t->life_ns);
	json_obj__put_ns(&o, "running_ns", t->running_ns);
	json_obj__put_ns(&o, "runnable_ns", t->runnable_ns);
	json_obj__put_ns(&o, "unknown_ns", t->unknown_ns);
	json_obj__put(&o, "waiting_ns", reasons(t->reason_ns, false));
	json_obj__put(&o, "parked_ns", reasons(t->reason_ns, true));
	json_obj__put_ns(&o, "parallel_ns", t->parallel_ns);
	json_obj__put_ns(&o, "alone_ns", t->alone_ns);
	json_obj__put(&o, "bottle", bottle(t));
	json_obj__put(&o, "switches", switches(t));
	json_obj__put_ns(&o, "migrations", t->migrations);
	json_obj__put_ns(&o, "cpus_used", t->cpus_used);
	json_obj__put(&o, "alive_at_end", json_boolean(t->alive_at_end));
	json_obj__put_ns(&o, "parent", t->parent);
	json_obj__put_ns(&o, "ns_tid", t->ns_tid);
	/* From the window's start, so that small numbers stay comparable between runs. */
	json_obj__put_ns(&o, "start_ns",
			 t->start_ns > r->window_start_ns ? t->start_ns - r->window_start_ns : 0);
	json_obj__put_ns(&o, "end_ns",
			 t->end_ns > r->window_start_ns ? t->end_ns - r->window_start_ns : 0);
	json_obj__put_ns(&o, "cmetric_ns", (uint64_t)(t->cmetric_ns + 0.5));
	json_obj__put(&o, "kernel_cpu_ns",
		      t->kernel_cpu_ns ? json_integer((json_int_t)t->kernel_cpu_ns) : json_null());
	json_obj__put(&o, "io_worker", json_boolean(t->io_worker));
	if (t->cause)
		json_obj__put_ns(&o, "cause", t->cause);
	json_obj__put(&o, "identity_lost", json_boolean(t->identity_lost));
	return json_obj__done(&o);
}

static json_t *overlap(const struct cpt_overlap *overlap)
{
	struct json_obj o = json_obj__new();
	json_t *names = json_array(), *rows = json_array();
	uint32_t i;

	for (i = 0; i < overlap->cnt; i++) {
		names = json_array__append(names, json_value__comm(overlap->names[i]));
		rows = json_array__append(
			rows,
			json_value__array_ns(overlap->ns + (size_t)i * overlap->cnt, overlap->cnt));
	}
	json_obj__put(&o, "by", json_string("name"));
	json_obj__put(&o, "names", names);
	json_obj__put(&o, "ns", rows);
	return json_obj__done(&o);
}

static json_t *condvar_counted(const struct cpt_report *r)
{
	struct json_obj o = json_obj__new(), ledger = json_obj__new();

	for (int cls = 0; cls < CPT_CLASS_CNT; cls++)
		json_obj__put_ns(&ledger, class_name((enum cpt_class)cls),
				 r->condvar_counted.class_ns[cls]);
	json_obj__put(&o, "class", json_string(class_name(r->condvar_counted.verdict)));
	json_obj__put(&o, "ledger_ns", json_obj__done(&ledger));
	return json_obj__done(&o);
}

static json_t *limit(const struct cpt_report *r, const struct limit *l)
{
	struct json_obj o = json_obj__new();
	struct strbuf text = {0};

	json_obj__put(&o, "cause", json_string(cause_name(l->cause)));
	json_obj__put_ns(&o, "cost_ns", l->cost_ns);
	json_obj__put(&o, "account", json_string(cost_name(l->by)));
	limits__evidence(&text, r, l, true);
	json_obj__put(&o, "evidence", json_value__string(strbuf__str(&text)));
	strbuf__clear(&text);
	limits__look_at(&text, r, l);
	json_obj__put(&o, "look_at", json_value__string(text.len ? strbuf__str(&text) : NULL));
	if (text.failed)
		o.failed = true;
	strbuf__free(&text);
	return json_obj__done(&o);
}

static json_t *limits(const struct cpt_report *r)
{
	struct limit found[CPT_LIMITS_MAX];
	unsigned int cnt = limits__find(r, found);
	json_t *array = json_array();

	for (unsigned int i = 0; i < cnt; i++)
		array = json_array__append(array, limit(r, &found[i]));
	return array;
}

static json_t *verdict(const struct cpt_report *r)
{
	struct json_obj o = json_obj__new();
	struct strbuf sentence = {0};

	json_obj__put(&o, "class", json_string(class_name(r->verdict)));
	words__verdict(&sentence, r);
	json_obj__put(&o, "summary", sentence.failed ? NULL : json_string(strbuf__str(&sentence)));
	strbuf__clear(&sentence);
	words__caveat(&sentence, r);
	if (sentence.len)
		json_obj__put(&o, "caveat", json_value__string(strbuf__str(&sentence)));
	strbuf__clear(&sentence);
	limits__sentence(&sentence, r, true);
	if (sentence.len)
		json_obj__put(&o, "limit", json_value__string(strbuf__str(&sentence)));
	strbuf__clear(&sentence);
	loops__flight_sentence(&sentence, r, true);
	if (sentence.len)
		json_obj__put(&o, "in_flight", json_value__string(strbuf__str(&sentence)));
	strbuf__clear(&sentence);
	loops__sentence(&sentence, r, true);
	if (sentence.len)
		json_obj__put(&o, "blocked_loop", json_value__string(strbuf__str(&sentence)));
	json_obj__put(&o, "limits", limits(r));
	json_obj__put(&o, "certain", json_boolean(!words__verdict_uncertain(r)));
	if (memcmp(r->condvar_counted.class_ns, r->class_ns, sizeof(r->class_ns)))
		json_obj__put(&o, "if_condvar_counted", condvar_counted(r));
	if (sentence.failed)
		o.failed = true;
	strbuf__free(&sentence);
	return json_obj__done(&o);
}

static json_t *warnings(const struct cpt_report *r)
{
	json_t *array = json_array();
	struct strbuf line = {0};
	unsigned int i;

	for (i = 0; array && words__warning(&line, r, i); i++) {
		array = json_array__append(array,
					   line.failed ? NULL : json_value__text(line.s, line.len));
		strbuf__clear(&line);
	}
	strbuf__free(&line);
	return array;
}

static json_t *worst_audited(const struct cpt_quality *q)
{
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "id", q->audit_worst);
	json_obj__put_ns(&o, "off_ns", q->audit_worst_ns);
	json_obj__put(&o, "above", json_boolean(q->audit_worst_above));
	return json_obj__done(&o);
}

static json_t *audit(const struct cpt_quality *q)
{
	struct json_obj o = json_obj__new();

	json_obj__put(&o, "cpu_time_error",
		      q->audit_valid ? json_value__real(q->audit_cpu_error) : json_null());
	json_obj__put_ns(&o, "traced_cpu_ns", q->audit_ours_ns);
	json_obj__put_ns(&o, "kernel_cpu_ns", q->audit_kernel_ns);
	json_obj__put_ns(&o, "tasks", q->audit_tasks);
	json_obj__put_ns(&o, "tasks_off", q->audit_off);
	json_obj__put(&o, "worst", q->audit_worst ? worst_audited(q) : json_null());
	return json_obj__done(&o);
}

static json_t *data_quality(const struct cpt_report *r)
{
	const struct cpt_quality *q = &r->quality;
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "lost_events", q->lost_located + q->lost_other);
	json_obj__put(&o, "steal_ns",
		      q->steal_ns == UINT64_MAX ? json_null()
						: json_integer((json_int_t)q->steal_ns));
	json_obj__put(&o, "audit", audit(q));
	json_obj__put(&o, "warnings", warnings(r));
	json_obj__put_ns(&o, "mends", q->mends);
	json_obj__put_ns(&o, "mends_failed", q->mends_failed);
	json_obj__put_ns(&o, "odd_events", q->odd_events);
	json_obj__put(&o, "incomplete", json_boolean(q->incomplete));
	json_obj__put_ns(&o, "switches", r->switches);
	json_obj__put_ns(&o, "wakes", r->wakes);
	if (r->meta && r->meta->flags & CPT_TRACE_FLIGHT &&
	    r->meta->recorded_from_ns < r->meta->start_mono_ns)
		json_obj__put_ns(&o, "forgotten_ns",
				 r->meta->start_mono_ns - r->meta->recorded_from_ns);
	return json_obj__done(&o);
}

json_t *json_report__build(const struct cpt_report *r)
{
	const struct cpt_trace_meta *meta = r->meta;
	struct json_obj o = json_obj__new();
	json_t *json;

	json_obj__put_ns(&o, "schema", CPT_JSON_SCHEMA);
	json_obj__put(&o, "cpartrace_version", json_value__string(meta->cpartrace_version));
	json_obj__put(&o, "command", command(meta));
	json_obj__put_ns(&o, "root_pid", meta->root_tid);
	target_json__put(&o, meta);
	/* Where the trace does not say how the command ended there is no key. */
	if (r->close_facts && r->close_facts->exit_kind != CPT_EXIT_RUNNING)
		json_obj__put(&o, "exit", exit_facts(r->close_facts));
	json_obj__put(&o, "started_at", real_time(meta, r->window_start_ns));
	json_obj__put(&o, "kernel", json_value__string(meta->kernel));
	json_obj__put(&o, "hostname", json_value__string(meta->hostname));
	json_obj__put_ns(&o, "window_start_ns", r->window_start_ns);
	json_obj__put_ns(&o, "window_ns", r->window_ns);
	json_obj__put_ns(&o, "cpu_time_ns", r->cpu_time_ns);
	json_obj__put(&o, "cpus", cpus(r));
	json_obj__put(&o, "tasks", tasks(r));
	json_obj__put(&o, "ledger_ns", ledger(r));
	json_obj__put(&o, "parallelism", parallelism(r));
	json_obj__put(&o, "concurrency", concurrency(r));
	json_obj__put(&o, "threads", json_array());
	json_obj__put(&o, "overlap", overlap(&r->overlap));
	json_obj__put(&o, "locks", json_locks__build(r));
	json_obj__put(&o, "verdict", verdict(r));
	json_obj__put(&o, "data_quality", data_quality(r));
	/* Beyond what the contract started with. */
	json_obj__put(&o, "bounds", json_bounds(r));
	json_obj__put_ns(&o, "runnable_ns", r->runnable_ns);
	json_obj__put(&o, "waiting_ns", reasons(r->reason_ns, false));
	json_obj__put(&o, "parked_ns", reasons(r->reason_ns, true));
	json_obj__put(&o, "ceilings", json_ceilings__build(r));
	json_obj__put(&o, "spin", json_stacks__spin(r));
	if (r->sites)
		json_obj__put(&o, "stacks_lost", json_stacks__lost(r));
	if (r->sites && r->sites->sample_hz)
		json_obj__put(&o, "hot", json_stacks__hot(r));
	if (r->sites && r->sites->stacks)
		json_obj__put(&o, "wait_sites", json_stacks__wait_sites(r));
	json_obj__put(&o, "critical_path", json_path__critical_path(&r->path));
	json_obj__put(&o, "work_span", json_path__work_span(r));
	json_obj__put(&o, "wakes", json_path__wakes(r));
	json_obj__put(&o, "affinity", json_affinity__build(r));
	json_phases__put(&o, r);
	json_loops__put(&o, r);
	json_accounts__put(&o, r);
	json = json_obj__done(&o);
	if (!json)
		errno = ENOMEM;
	return json;
}

char *json_report__dump(const json_t *json)
{
	char *s =
		json_value__dump(json, JSON_INDENT(2) | JSON_REAL_PRECISION(CPT_JSON_REAL_DIGITS));

	if (!s)
		errno = ENOMEM;
	return s;
}

/* A row's lines, as far in as rows of an array of the report's are. */
static int put_row(const json_t *row, json_put_fn put, void *ctx)
{
	static const char margin[] = "\n    ";
	char *text = json_report__dump(row);
	int err = text ? 0 : -ENOMEM;

	for (char *at = text, *end; !err && at; at = end) {
		end = strchr(at, '\n');
		err = put(ctx, margin, sizeof(margin) - 1);
		if (!err)
			err = put(ctx, at, end ? (size_t)(end - at) : strlen(at));
		if (end)
			end++;
	}
	free(text);
	return err;
}

static int put_rows(const struct cpt_report *r, json_put_fn put, void *ctx)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < r->threads_cnt; i++) {
		json_t *row = json_report__thread(r, &r->threads_tab[i]);

		err = !row ? -ENOMEM : i ? put(ctx, ",", 1) : 0;
		if (!err)
			err = put_row(row, put, ctx);
		json_decref(row);
	}
	return err || !r->threads_cnt ? err : put(ctx, "\n  ", 3);
}

int json_report__write(const json_t *json, const struct cpt_report *r, json_put_fn put, void *ctx)
{
	/* Of the report's own keys alone: a line end within a string is written as \n. */
	static const char empty[] = "\n  \"threads\": []";
	char *text = json_report__dump(json);
	const char *at = text ? strstr(text, empty) : NULL;
	int err = -ENOMEM;

	if (at) {
		at += sizeof(empty) - 2;
		err = put(ctx, text, (size_t)(at - text));
	}
	if (!err)
		err = put_rows(r, put, ctx);
	if (!err)
		err = put(ctx, at, strlen(at));
	if (!err)
		err = put(ctx, "\n", 1);
	free(text);
	return err;
}
