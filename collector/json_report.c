// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * json_report.c - see json_report.h.
 *
 * Every part is built by a small function of its own that returns an object or NULL. put() takes
 * values over and remembers failure, so that a part is checked once.
 */
#include "json_report.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "escape.h"
#include "words.h"

/* Digits that tell any two doubles apart that differ by more than rounding of a division. */
#define REAL_DIGITS 12
#define NS_PER_SEC  1000000000

struct obj {
	json_t *json;
	bool failed;
};

static struct obj obj_new(void)
{
	struct obj o = {json_object(), false};

	o.failed = !o.json;
	return o;
}

static void put(struct obj *o, const char *key, json_t *value)
{
	/* json_object_set_new releases the value when it fails, and refuses NULL. */
	if (json_object_set_new(o->json, key, value) < 0)
		o->failed = true;
}

static void put_ns(struct obj *o, const char *key, uint64_t n)
{
	put(o, key, json_integer((json_int_t)n));
}

static json_t *real(double x)
{
	return json_real(isfinite(x) ? x : 0);
}

static json_t *obj_done(struct obj *o)
{
	if (!o->failed)
		return o->json;
	json_decref(o->json);
	return NULL;
}

static json_t *text(const char *s, size_t len)
{
	struct strbuf valid = {0};
	json_t *json;

	utf8_add_valid(&valid, s, len);
	json = valid.failed ? NULL : json_string(strbuf__str(&valid));
	strbuf__free(&valid);
	return json;
}

static json_t *string(const char *s)
{
	return s ? text(s, strlen(s)) : json_null();
}

static json_t *comm(const char *name)
{
	return text(name, strnlen(name, CPT_COMM_LEN));
}

static json_t *array_ns(const uint64_t *ns, uint32_t cnt)
{
	json_t *array = json_array();
	uint32_t i;

	for (i = 0; array && i < cnt; i++) {
		if (json_array_append_new(array, json_integer((json_int_t)ns[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *command(const struct cpt_trace_meta *meta)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; array && meta->argv && meta->argv[i]; i++) {
		if (json_array_append_new(array, string(meta->argv[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *exit_facts(const struct cpt_trace_close *close)
{
	struct obj o = obj_new();

	put_ns(&o, close->exit_kind == CPT_EXIT_SIGNAL ? "signal" : "code", close->exit_value);
	return obj_done(&o);
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
	struct obj o = obj_new();

	put_ns(&o, "online", r->cpus_online);
	put_ns(&o, "allowed", r->cpus_allowed);
	put_ns(&o, "physical_cores", r->cpus_physical);
	put(&o, "quota_cpus", r->meta->quota_cpus > 0 ? real(r->meta->quota_cpus) : json_null());
	return obj_done(&o);
}

static json_t *tasks(const struct cpt_report *r)
{
	struct obj o = obj_new();

	put_ns(&o, "processes", r->processes);
	put_ns(&o, "threads", r->threads);
	put_ns(&o, "peak_alive", r->peak_alive);
	put_ns(&o, "peak_asleep", r->peak_asleep);
	return obj_done(&o);
}

static json_t *splits(const struct cpt_report *r, enum cpt_class cls)
{
	struct obj o = obj_new();
	int split;

	for (split = 0; split < CPT_SPLIT_UNKNOWN; split++)
		if (split_class((enum cpt_split)split) == cls)
			put_ns(&o, split_name((enum cpt_split)split), r->split_ns[split]);
	return obj_done(&o);
}

static json_t *ledger(const struct cpt_report *r)
{
	struct obj o = obj_new();
	char key[32];
	int cls;

	for (cls = 0; cls < CPT_CLASS_CNT; cls++)
		put_ns(&o, class_name((enum cpt_class)cls), r->class_ns[cls]);
	for (cls = 0; cls < CPT_CLASS_UNKNOWN; cls++) {
		snprintf(key, sizeof(key), "%s_split", class_name((enum cpt_class)cls));
		put(&o, key, splits(r, (enum cpt_class)cls));
	}
	return obj_done(&o);
}

static json_t *parallelism(const struct cpt_report *r)
{
	struct obj o = obj_new();

	put(&o, "average", real(r->parallel_average));
	put(&o, "tlp", real(r->tlp));
	put_ns(&o, "peak", r->parallel_peak);
	put(&o, "efficiency", real(r->efficiency));
	put(&o, "effective", json_null());
	put(&o, "profile_ns", array_ns(r->parallel_ns, r->parallel_cnt));
	put(&o, "physical_cores_profile_ns",
	    array_ns(r->cores_ns, r->cores_ns ? r->parallel_cnt : 0));
	return obj_done(&o);
}

static json_t *concurrency(const struct cpt_report *r)
{
	struct obj o = obj_new();

	put(&o, "average", real(r->concurrent_average));
	put_ns(&o, "peak", r->concurrent_peak);
	put(&o, "profile_ns", array_ns(r->concurrent_ns, r->concurrent_cnt));
	/* The last entry then stands for that many or more. */
	if (r->concurrent_folded)
		put(&o, "folded", json_true());
	return obj_done(&o);
}

static json_t *reasons(const uint64_t *ns, bool parked)
{
	struct obj o = obj_new();
	int reason;

	for (reason = 0; reason < CPT_REASON_CNT; reason++)
		if (ns[reason] && !!reason_is_parked((enum cpt_reason)reason) == parked)
			put_ns(&o, reason_name((enum cpt_reason)reason), ns[reason]);
	return obj_done(&o);
}

static json_t *bottle(const struct cpt_thread *t)
{
	struct obj o = obj_new();

	put_ns(&o, "height_ns", (uint64_t)(t->bottle_height_ns + 0.5));
	put(&o, "width", real(t->bottle_width));
	return obj_done(&o);
}

static json_t *switches(const struct cpt_thread *t)
{
	struct obj o = obj_new();

	put_ns(&o, "voluntary", t->voluntary);
	put_ns(&o, "involuntary", t->involuntary);
	return obj_done(&o);
}

static json_t *thread(const struct cpt_report *r, const struct cpt_thread *t)
{
	struct obj o = obj_new();

	put_ns(&o, "id", t->id);
	put_ns(&o, "tid", t->tid);
	put_ns(&o, "pid", t->pid);
	put(&o, "name", comm(t->name));
	put(&o, "command", string(t->command ? t->command : ""));
	put_ns(&o, "life_ns", t->life_ns);
	put_ns(&o, "running_ns", t->running_ns);
	put_ns(&o, "runnable_ns", t->runnable_ns);
	put_ns(&o, "unknown_ns", t->unknown_ns);
	put(&o, "waiting_ns", reasons(t->reason_ns, false));
	put(&o, "parked_ns", reasons(t->reason_ns, true));
	put_ns(&o, "parallel_ns", t->parallel_ns);
	put_ns(&o, "alone_ns", t->alone_ns);
	put(&o, "bottle", bottle(t));
	put(&o, "switches", switches(t));
	put_ns(&o, "migrations", t->migrations);
	put_ns(&o, "cpus_used", t->cpus_used);
	put(&o, "alive_at_end", json_boolean(t->alive_at_end));
	put_ns(&o, "parent", t->parent);
	put_ns(&o, "ns_tid", t->ns_tid);
	/* From the window's start, so that small numbers stay comparable between runs. */
	put_ns(&o, "start_ns",
	       t->start_ns > r->window_start_ns ? t->start_ns - r->window_start_ns : 0);
	put_ns(&o, "end_ns", t->end_ns > r->window_start_ns ? t->end_ns - r->window_start_ns : 0);
	put_ns(&o, "cmetric_ns", (uint64_t)(t->cmetric_ns + 0.5));
	put(&o, "kernel_cpu_ns",
	    t->kernel_cpu_ns ? json_integer((json_int_t)t->kernel_cpu_ns) : json_null());
	put(&o, "io_worker", json_boolean(t->io_worker));
	put(&o, "identity_lost", json_boolean(t->identity_lost));
	return obj_done(&o);
}

static json_t *threads(const struct cpt_report *r)
{
	json_t *array = json_array();
	uint32_t i;

	for (i = 0; array && i < r->threads_cnt; i++) {
		if (json_array_append_new(array, thread(r, &r->threads_tab[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *overlap(const struct cpt_overlap *overlap)
{
	struct obj o = obj_new();
	json_t *names = json_array(), *rows = json_array();
	uint32_t i;

	for (i = 0; i < overlap->cnt; i++) {
		if (json_array_append_new(names, comm(overlap->names[i])) < 0 ||
		    json_array_append_new(rows, array_ns(overlap->ns + (size_t)i * overlap->cnt,
							 overlap->cnt)) < 0)
			o.failed = true;
	}
	put(&o, "by", json_string("name"));
	put(&o, "names", names);
	put(&o, "ns", rows);
	return obj_done(&o);
}

static json_t *verdict(const struct cpt_report *r)
{
	struct obj o = obj_new();
	struct strbuf sentence = {0};

	put(&o, "class", json_string(class_name(r->verdict)));
	words__verdict(&sentence, r);
	put(&o, "summary", sentence.failed ? NULL : json_string(strbuf__str(&sentence)));
	strbuf__clear(&sentence);
	words__caveat(&sentence, r);
	if (sentence.len)
		put(&o, "caveat", json_string(strbuf__str(&sentence)));
	put(&o, "certain", json_boolean(!words__verdict_uncertain(r)));
	if (sentence.failed)
		o.failed = true;
	strbuf__free(&sentence);
	return obj_done(&o);
}

static json_t *warnings(const struct cpt_report *r)
{
	json_t *array = json_array();
	struct strbuf line = {0};
	unsigned int i;

	for (i = 0; array && words__warning(&line, r, i); i++) {
		if (line.failed || json_array_append_new(array, text(line.s, line.len)) < 0) {
			json_decref(array);
			array = NULL;
		}
		strbuf__clear(&line);
	}
	strbuf__free(&line);
	return array;
}

static json_t *audit(const struct cpt_quality *q)
{
	struct obj o = obj_new();

	put(&o, "cpu_time_error", q->audit_valid ? real(q->audit_cpu_error) : json_null());
	put_ns(&o, "traced_cpu_ns", q->audit_ours_ns);
	put_ns(&o, "kernel_cpu_ns", q->audit_kernel_ns);
	return obj_done(&o);
}

static json_t *data_quality(const struct cpt_report *r)
{
	const struct cpt_quality *q = &r->quality;
	struct obj o = obj_new();

	put_ns(&o, "lost_events", q->lost_located + q->lost_other);
	put(&o, "steal_ns",
	    q->steal_ns == UINT64_MAX ? json_null() : json_integer((json_int_t)q->steal_ns));
	put(&o, "audit", audit(q));
	put(&o, "warnings", warnings(r));
	put_ns(&o, "mends", q->mends);
	put_ns(&o, "mends_failed", q->mends_failed);
	put_ns(&o, "odd_events", q->odd_events);
	put(&o, "incomplete", json_boolean(q->incomplete));
	put_ns(&o, "switches", r->switches);
	put_ns(&o, "wakes", r->wakes);
	return obj_done(&o);
}

json_t *json_report__build(const struct cpt_report *r)
{
	const struct cpt_trace_meta *meta = r->meta;
	struct obj o = obj_new();
	json_t *json;

	put_ns(&o, "schema", CPT_JSON_SCHEMA);
	put(&o, "cpartrace_version", string(meta->cpartrace_version));
	put(&o, "command", command(meta));
	put_ns(&o, "root_pid", meta->root_tid);
	/* Where the trace does not say how the command ended there is no key. */
	if (r->close_facts && r->close_facts->exit_kind != CPT_EXIT_RUNNING)
		put(&o, "exit", exit_facts(r->close_facts));
	put(&o, "started_at", real_time(meta, r->window_start_ns));
	put(&o, "kernel", string(meta->kernel));
	put(&o, "hostname", string(meta->hostname));
	put_ns(&o, "window_start_ns", r->window_start_ns);
	put_ns(&o, "window_ns", r->window_ns);
	put_ns(&o, "cpu_time_ns", r->cpu_time_ns);
	put(&o, "cpus", cpus(r));
	put(&o, "tasks", tasks(r));
	put(&o, "ledger_ns", ledger(r));
	put(&o, "parallelism", parallelism(r));
	put(&o, "concurrency", concurrency(r));
	put(&o, "threads", threads(r));
	put(&o, "overlap", overlap(&r->overlap));
	put(&o, "verdict", verdict(r));
	put(&o, "data_quality", data_quality(r));
	/* Beyond what the contract started with. */
	put_ns(&o, "runnable_ns", r->runnable_ns);
	put(&o, "waiting_ns", reasons(r->reason_ns, false));
	put(&o, "parked_ns", reasons(r->reason_ns, true));
	json = obj_done(&o);
	if (!json)
		errno = ENOMEM;
	return json;
}

char *json_report__dump(const json_t *json)
{
	char *s = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(REAL_DIGITS));

	if (!s)
		errno = ENOMEM;
	return s;
}
