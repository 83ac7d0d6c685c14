// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* stat_json.c - `stat` for programs: a JSON object per line; see stat_report.h. */
#include "stat_report.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"

/* Digits that tell any two doubles apart that differ by more than rounding of a division. */
#define REAL_DIGITS 12

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

static void put_int(struct obj *o, const char *key, uint64_t n)
{
	put(o, key, json_integer((json_int_t)n));
}

static void put_real(struct obj *o, const char *key, double x)
{
	put(o, key, json_real(isfinite(x) ? x : 0));
}

static json_t *obj_done(struct obj *o)
{
	if (!o->failed)
		return o->json;
	json_decref(o->json);
	return NULL;
}

static json_t *text(const char *s)
{
	struct strbuf valid = {0};
	json_t *json;

	utf8_add_valid(&valid, s, strlen(s));
	json = valid.failed ? NULL : json_string(strbuf__str(&valid));
	strbuf__free(&valid);
	return json;
}

static void append(json_t **array, json_t *value)
{
	/* Takes the value over whatever happens. */
	if (json_array_append_new(*array, value) < 0) {
		json_decref(*array);
		*array = NULL;
	}
}

static json_t *target(const struct stat_target *t)
{
	struct obj o = obj_new();
	json_t *list;
	size_t i;

	if (t->argv) {
		list = json_array();
		for (i = 0; t->argv[i]; i++)
			append(&list, text(t->argv[i]));
		put(&o, "command", list);
	} else if (t->pid_cnt) {
		list = json_array();
		for (i = 0; i < t->pid_cnt; i++)
			append(&list, json_integer(t->pids[i]));
		put(&o, "pids", list);
	} else if (t->cgroup) {
		put(&o, "cgroup", text(t->cgroup));
	} else {
		put(&o, "all_cpus", json_true());
	}
	return obj_done(&o);
}

static json_t *parallelism(const struct stat_facts *f)
{
	uint32_t peak = stat_sample__peak(&f->sum);
	uint32_t last = peak > f->cpus_online ? peak : f->cpus_online, k;
	json_t *profile = json_array();
	struct obj o = obj_new();

	for (k = 0; k <= last && k < f->sum.profile_cnt; k++)
		append(&profile, json_integer(f->sum.profile_ns[k]));
	put_real(&o, "average", stat_sample__average(&f->sum));
	put_real(&o, "tlp", stat_sample__tlp(&f->sum));
	put_int(&o, "peak", peak);
	put(&o, "profile_ns", profile);
	return obj_done(&o);
}

static json_t *waits(const struct stat_sample *s)
{
	json_t *histogram = json_array();
	struct obj o = obj_new();

	for (uint32_t b = 0; b < CPT_STAT_BUCKETS; b++) {
		struct obj bucket;

		if (!s->wait_hist[b])
			continue;
		bucket = obj_new();
		put_int(&bucket, "from_ns", b ? UINT64_C(1) << b : 0);
		/* The last bucket has no upper end. */
		put(&bucket, "below_ns",
		    b + 1 < CPT_STAT_BUCKETS ? json_integer((json_int_t)(UINT64_C(2) << b))
					     : json_null());
		put_int(&bucket, "count", s->wait_hist[b]);
		append(&histogram, obj_done(&bucket));
	}
	put_int(&o, "count", s->waits);
	put_int(&o, "sum_ns", s->wait_ns);
	put_int(&o, "p50_ns", stat_sample__percentile_ns(s, 0.5));
	put_int(&o, "p99_ns", stat_sample__percentile_ns(s, 0.99));
	put_int(&o, "max_ns", s->wait_max_ns);
	put(&o, "histogram", histogram);
	return obj_done(&o);
}

static json_t *row(const struct stat_facts *f, const struct stat_row *r, bool others)
{
	uint64_t window = stat_sample__window_ns(&f->sum);
	struct obj o = obj_new();

	if (others) {
		put_int(&o, "processes", r->processes);
	} else {
		put_int(&o, "pid", r->pid);
		put(&o, "name", text(r->name));
	}
	put_int(&o, "running_ns", r->run_ns);
	put_real(&o, "cpus", window ? (double)r->run_ns / (double)window : 0);
	if (f->waits_known)
		put_int(&o, "runnable_ns", r->wait_ns);
	return obj_done(&o);
}

static json_t *processes(const struct stat_facts *f)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < f->rows.cnt; i++)
		append(&list, row(f, &f->rows.rows[i], false));
	return list;
}

static json_t *quality(const struct stat_facts *f)
{
	const struct stat_sample *s = &f->sum;
	uint64_t cpu = stat_sample__cpu_ns(s);
	struct obj o = obj_new();

	put_int(&o, "mends", s->mends);
	put_int(&o, "mends_failed", s->mends_failed);
	put_int(&o, "estimated_ns", s->estimated_ns);
	put_int(&o, "late_changes", s->given_up);
	put_int(&o, "bad_changes", s->bad_degree);
	put_int(&o, "lost_tasks", s->lost_storage);
	put_int(&o, "lost_ends", s->lost_deaths);
	put_int(&o, "lost_recursion", s->lost_recursion);
	/* The profile and the processes are accounted for apart. */
	put(&o, "cpu_time_error",
	    cpu ? json_real(((double)f->rows.run_ns - (double)cpu) / (double)cpu) : json_null());
	return obj_done(&o);
}

static json_t *exit_facts(const struct stat_facts *f)
{
	struct obj o = obj_new();

	if (f->exit_code >= 0)
		put_int(&o, "code", (uint64_t)f->exit_code);
	else
		put_int(&o, "signal", (uint64_t)f->exit_signal);
	return obj_done(&o);
}

static json_t *build(const struct stat_facts *f)
{
	uint64_t window = stat_sample__window_ns(&f->sum);
	struct obj o = obj_new();

	put_int(&o, "schema", CPT_STAT_JSON_SCHEMA);
	put(&o, "type", json_string(f->total ? "total" : "interval"));
	put(&o, "target", target(f->target));
	put_int(&o, "start_ns", f->start_ns);
	put_int(&o, "window_ns", window);
	put(&o, "ended_at_unix_ns", json_integer(f->at_unix_ns));
	put_int(&o, "cpus_online", f->cpus_online);
	put_int(&o, "cpu_time_ns", stat_sample__cpu_ns(&f->sum));
	put(&o, "parallelism", parallelism(f));
	if (f->waits_known) {
		put_int(&o, "runnable_ns", f->rows.wait_ns);
		put_real(&o, "runnable_average",
			 window ? (double)f->rows.wait_ns / (double)window : 0);
		put(&o, "run_queue_wait", waits(&f->sum));
	}
	put(&o, "processes", processes(f));
	put(&o, "other_processes", row(f, &f->rows.others, true));
	put_int(&o, "switches", f->sum.switches);
	if (f->ended)
		put(&o, "exit", exit_facts(f));
	put(&o, "data_quality", quality(f));
	return obj_done(&o);
}

void stat_json__add(struct strbuf *out, const struct stat_facts *f)
{
	json_t *json = build(f);
	char *line =
		json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS)) : NULL;

	if (line) {
		strbuf__adds(out, line);
		strbuf__addc(out, '\n');
	} else {
		out->failed = true;
	}
	free(line);
	json_decref(json);
}
