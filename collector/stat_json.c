// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* stat_json.c - `stat` for programs: a JSON object per line; see stat_report.h. */
#include "stat_report.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "json_bounds.h"
#include "json_obj.h"

static json_t *target(const struct stat_target *t)
{
	struct json_obj o = json_obj__new();
	json_t *list;
	size_t i;

	if (t->argv) {
		list = json_array();
		for (i = 0; t->argv[i]; i++)
			list = json_array__append(list, json_value__string(t->argv[i]));
		json_obj__put(&o, "command", list);
	} else if (t->pid_cnt) {
		list = json_array();
		for (i = 0; i < t->pid_cnt; i++)
			list = json_array__append(list, json_integer(t->pids[i]));
		json_obj__put(&o, "pids", list);
	} else if (t->cgroup) {
		json_obj__put(&o, "cgroup", json_value__string(t->cgroup));
	} else {
		json_obj__put(&o, "all_cpus", json_true());
	}
	return json_obj__done(&o);
}

static json_t *parallelism(const struct stat_facts *f)
{
	uint32_t peak = stat_sample__peak(&f->sum);
	uint32_t last = peak > f->cpus_online ? peak : f->cpus_online, k;
	json_t *profile = json_array();
	struct json_obj o = json_obj__new();

	for (k = 0; k <= last && k < f->sum.profile_cnt; k++)
		profile = json_array__append(profile, json_integer(f->sum.profile_ns[k]));
	json_obj__put_real(&o, "average", stat_sample__average(&f->sum));
	json_obj__put_real(&o, "tlp", stat_sample__tlp(&f->sum));
	json_obj__put_ns(&o, "peak", peak);
	json_obj__put(&o, "profile_ns", profile);
	return json_obj__done(&o);
}

/* [low, null]: nothing tells how long tasks waited that were not seen. */
static json_t *bounds_of_waits(const struct stat_facts *f)
{
	const uint64_t ns = f->rows.wait_ns;

	return json_bounds__ns(&(struct cpt_ns_bounds){ns, f->bounds.waits ? UINT64_MAX : ns});
}

static json_t *bounds(const struct stat_facts *f)
{
	const struct stat_bounds *b = &f->bounds;
	struct json_obj o = json_obj__new(), ways = json_obj__new();
	json_t *profile = json_array();
	uint32_t cnt = f->sum.profile_cnt;

	/* As long as may not be nothing, each where its figure is in the profile. */
	while (cnt && cnt > f->cpus_online + 1 && !b->profile_ns[cnt - 1].high)
		cnt--;
	for (uint32_t k = 0; k < cnt; k++)
		profile = json_array__append(profile, json_bounds__ns(&b->profile_ns[k]));
	json_obj__put(&ways, "average", json_bounds__real(&b->average));
	json_obj__put(&ways, "tlp", json_bounds__real(&b->tlp));
	json_obj__put(&ways, "profile_ns", profile);
	json_obj__put(&o, "open", json_boolean(b->open));
	json_obj__put(&o, "window_ns", json_bounds__ns(&b->window_ns));
	json_obj__put(&o, "cpu_time_ns", json_bounds__ns(&b->cpu_time_ns));
	json_obj__put(&o, "parallelism", json_obj__done(&ways));
	if (f->waits_known)
		json_obj__put(&o, "runnable_ns", bounds_of_waits(f));
	return json_obj__done(&o);
}

static json_t *waits(const struct stat_sample *s)
{
	json_t *histogram = json_array();
	struct json_obj o = json_obj__new();

	for (uint32_t b = 0; b < CPT_STAT_BUCKETS; b++) {
		struct json_obj bucket;

		if (!s->wait_hist[b])
			continue;
		bucket = json_obj__new();
		json_obj__put_ns(&bucket, "from_ns", b ? UINT64_C(1) << b : 0);
		/* The last bucket has no upper end. */
		json_obj__put(&bucket, "below_ns",
			      b + 1 < CPT_STAT_BUCKETS
				      ? json_integer((json_int_t)(UINT64_C(2) << b))
				      : json_null());
		json_obj__put_ns(&bucket, "count", s->wait_hist[b]);
		histogram = json_array__append(histogram, json_obj__done(&bucket));
	}
	json_obj__put_ns(&o, "count", s->waits);
	json_obj__put_ns(&o, "sum_ns", s->wait_ns);
	json_obj__put_ns(&o, "p50_ns", stat_sample__percentile_ns(s, 0.5));
	json_obj__put_ns(&o, "p99_ns", stat_sample__percentile_ns(s, 0.99));
	json_obj__put_ns(&o, "max_ns", s->wait_max_ns);
	json_obj__put(&o, "histogram", histogram);
	return json_obj__done(&o);
}

static json_t *row(const struct stat_facts *f, const struct stat_row *r, bool others)
{
	uint64_t window = stat_sample__window_ns(&f->sum);
	struct json_obj o = json_obj__new();

	if (others) {
		json_obj__put_ns(&o, "processes", r->processes);
	} else {
		json_obj__put_ns(&o, "pid", r->pid);
		json_obj__put(&o, "name", json_value__string(r->name));
	}
	json_obj__put_ns(&o, "running_ns", r->run_ns);
	json_obj__put_real(&o, "cpus", window ? (double)r->run_ns / (double)window : 0);
	if (f->waits_known)
		json_obj__put_ns(&o, "runnable_ns", r->wait_ns);
	return json_obj__done(&o);
}

static json_t *processes(const struct stat_facts *f)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < f->rows.cnt; i++)
		list = json_array__append(list, row(f, &f->rows.rows[i], false));
	return list;
}

static json_t *quality(const struct stat_facts *f)
{
	const struct stat_sample *s = &f->sum;
	uint64_t cpu = stat_sample__cpu_ns(s);
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "mends", s->mends);
	json_obj__put_ns(&o, "mends_failed", s->mends_failed);
	json_obj__put_ns(&o, "estimated_ns", s->estimated_ns);
	json_obj__put_ns(&o, "late_changes", s->given_up);
	json_obj__put_ns(&o, "bad_changes", s->bad_degree);
	json_obj__put_ns(&o, "lost_tasks", s->lost_storage);
	json_obj__put_ns(&o, "lost_ends", s->lost_deaths);
	json_obj__put_ns(&o, "lost_recursion", s->lost_recursion);
	/* The profile and the processes are accounted for apart. */
	json_obj__put(&o, "cpu_time_error",
		      cpu ? json_real(((double)f->rows.run_ns - (double)cpu) / (double)cpu)
			  : json_null());
	return json_obj__done(&o);
}

static json_t *exit_facts(const struct stat_facts *f)
{
	struct json_obj o = json_obj__new();

	if (f->exit_code >= 0)
		json_obj__put_ns(&o, "code", (uint64_t)f->exit_code);
	else
		json_obj__put_ns(&o, "signal", (uint64_t)f->exit_signal);
	return json_obj__done(&o);
}

static json_t *build(const struct stat_facts *f)
{
	uint64_t window = stat_sample__window_ns(&f->sum);
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "schema", CPT_STAT_JSON_SCHEMA);
	json_obj__put(&o, "type", json_string(f->total ? "total" : "interval"));
	json_obj__put(&o, "target", target(f->target));
	json_obj__put_ns(&o, "start_ns", f->start_ns);
	json_obj__put_ns(&o, "window_ns", window);
	json_obj__put(&o, "ended_at_unix_ns", json_integer(f->at_unix_ns));
	json_obj__put_ns(&o, "cpus_online", f->cpus_online);
	json_obj__put_ns(&o, "cpu_time_ns", stat_sample__cpu_ns(&f->sum));
	json_obj__put(&o, "parallelism", parallelism(f));
	json_obj__put(&o, "bounds", bounds(f));
	if (f->waits_known) {
		json_obj__put_ns(&o, "runnable_ns", f->rows.wait_ns);
		json_obj__put_real(&o, "runnable_average",
				   window ? (double)f->rows.wait_ns / (double)window : 0);
		json_obj__put(&o, "run_queue_wait", waits(&f->sum));
	}
	json_obj__put(&o, "processes", processes(f));
	json_obj__put(&o, "other_processes", row(f, &f->rows.others, true));
	json_obj__put_ns(&o, "switches", f->sum.switches);
	if (f->ended)
		json_obj__put(&o, "exit", exit_facts(f));
	json_obj__put(&o, "data_quality", quality(f));
	return json_obj__done(&o);
}

void stat_json__add(struct strbuf *out, const struct stat_facts *f)
{
	json_t *json = build(f);
	char *line = json ? json_value__dump(
				    json, JSON_COMPACT | JSON_REAL_PRECISION(CPT_JSON_REAL_DIGITS))
			  : NULL;

	if (line) {
		strbuf__adds(out, line);
		strbuf__addc(out, '\n');
	} else {
		out->failed = true;
	}
	free(line);
	json_decref(json);
}
