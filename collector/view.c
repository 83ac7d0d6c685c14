// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* view.c - see view.h. */
#include "view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "exit_status.h"
#include "format.h"
#include "say.h"

const char *const view_in_progress_words[] = {"sleep", "condvar", NULL};
_Static_assert(CPT_IN_PROGRESS_SLEEP == 1 << 0 && CPT_IN_PROGRESS_CONDVAR == 1 << 1,
	       "cli_set_words gives word n bit n");

void view__init(struct view *v)
{
	memset(v, 0, sizeof(*v));
}

void view__fini(struct view *v)
{
	uint32_t i;

	for (i = 0; i < v->comm_cnt; i++)
		free(v->comms[i]);
	v->comm_cnt = 0;
	strbuf__free(&v->note);
}

int view__command(const struct command *self, void *opts, struct view *v, int argc,
		  char *const *argv, int (*body)(const struct command *self, void *opts))
{
	int first, status;

	view__init(v);
	if (!command__parse(self, opts, argc, argv, &first, &status))
		goto out;
	if (first < argc)
		status = command__usage(self, "unexpected '%s'; name a trace with -i", argv[first]);
	else
		status = view__note(v) < 0 ? CPT_STATUS_FAILED : body(self, opts);
out:
	view__fini(v);
	return status;
}

int view_set_numbers(void *field, const char *value, const struct cli_option *opt,
		     struct strbuf *why)
{
	struct view_numbers *list = field;
	uint64_t n;

	for (;;) {
		size_t len = strcspn(value, ",");

		if (cli_parse_number(value, len, &n) < 0 || n < opt->min || n > opt->max) {
			strbuf__addf(why, "'%.*s' is not a number of the kind of %s", (int)len,
				     value, opt->value);
			return -EINVAL;
		}
		if (list->cnt == VIEW_LIST_MAX) {
			strbuf__addf(why, "more than %d numbers", VIEW_LIST_MAX);
			return -EINVAL;
		}
		list->n[list->cnt++] = (uint32_t)n;
		if (!value[len])
			return 0;
		value += len + 1;
	}
}

int view_set_comms(void *field, const char *value, const struct cli_option *opt, struct strbuf *why)
{
	struct view *v = field;

	for (;;) {
		size_t len = strcspn(value, ",");
		char *name;

		if (!len || v->comm_cnt == VIEW_LIST_MAX) {
			strbuf__addf(why, len ? "more than %d names" : "an empty name",
				     VIEW_LIST_MAX);
			return -EINVAL;
		}
		/* The kernel keeps 15 bytes of a name; a longer one means what it begins with. */
		name = strndup(value, len < CPT_COMM_LEN ? len : CPT_COMM_LEN - 1);
		if (!name) {
			strbuf__adds(why, "out of memory");
			return -ENOMEM;
		}
		v->comms[v->comm_cnt++] = name;
		if (!value[len])
			return 0;
		value += len + 1;
	}
}

int view_set_cpus(void *field, const char *value, const struct cli_option *opt, struct strbuf *why)
{
	struct view *v = (struct view *)((char *)field - offsetof(struct view, cpus));

	for (;;) {
		size_t len = strcspn(value, ","), first = strcspn(value, ",-");
		uint64_t from, to;

		if (cli_parse_number(value, first, &from) < 0)
			goto bad;
		to = from;
		if (first < len && cli_parse_number(value + first + 1, len - first - 1, &to) < 0)
			goto bad;
		if (from > to || to >= CPT_MAX_CPUS)
			goto bad;
		for (; from <= to; from++)
			v->cpus.bits[from / 64] |= UINT64_C(1) << (from % 64);
		v->cpus.given = true;
		if (!value[len])
			return 0;
		value += len + 1;
	}
bad:
	strbuf__addf(why, "'%s' is not a list of CPUs below %d, as 0,2-3", value, CPT_MAX_CPUS);
	return -EINVAL;
}

int view_set_time(void *field, const char *value, const struct cli_option *opt, struct strbuf *why)
{
	struct view *v = (struct view *)((char *)field - offsetof(struct view, time));
	size_t len = strcspn(value, ",");
	char from[64];

	if (!value[len] || len >= sizeof(from))
		goto bad;
	memcpy(from, value, len);
	from[len] = '\0';
	v->time.from_ns = 0;
	v->time.to_ns = UINT64_MAX;
	if (len && cli_parse_duration(from, &v->time.from_ns) < 0)
		goto bad;
	if (value[len + 1] && cli_parse_duration(value + len + 1, &v->time.to_ns) < 0)
		goto bad;
	if (v->time.from_ns >= v->time.to_ns)
		goto bad;
	v->time.given = true;
	return 0;
bad:
	strbuf__addf(why,
		     "'%s' is not a stretch of time A,B with A before B, as 0.5,1.25 or ,300ms",
		     value);
	return -EINVAL;
}

int view_set_phase(void *field, const char *value, const struct cli_option *opt, struct strbuf *why)
{
	struct view *v = field;

	(void)opt;
	if (!*value || v->phase_cnt == VIEW_LIST_MAX) {
		strbuf__addf(why, *value ? "more than %d names" : "an empty name", VIEW_LIST_MAX);
		return -EINVAL;
	}
	v->phases[v->phase_cnt++] = value;
	return 0;
}

static void note_numbers(struct strbuf *note, const char *option, const struct view_numbers *list)
{
	uint32_t i;

	for (i = 0; i < list->cnt; i++)
		strbuf__addf(note, "%s%" PRIu32, i ? "," : option, list->n[i]);
}

static void note_cpus(struct strbuf *note, const uint64_t *bits)
{
	const char *sep = " --cpu ";
	unsigned int cpu;

	for (cpu = 0; cpu < CPT_MAX_CPUS; cpu++) {
		if (!(bits[cpu / 64] >> (cpu % 64) & 1))
			continue;
		strbuf__addf(note, "%s%u", sep, cpu);
		sep = ",";
	}
}

int view__note(struct view *v)
{
	char d[FMT_SZ];
	uint32_t i;
	size_t start;

	strbuf__clear(&v->note);
	strbuf__adds(&v->note, "only");
	start = v->note.len;
	note_numbers(&v->note, " --pid ", &v->pids);
	note_numbers(&v->note, " --tid ", &v->tids);
	for (i = 0; i < v->comm_cnt; i++)
		strbuf__addf(&v->note, "%s%s", i ? "," : " --comm ", v->comms[i]);
	for (i = 0; i < v->phase_cnt; i++)
		strbuf__addf(&v->note, " --phase %s", v->phases[i]);
	if (v->cpus.given)
		note_cpus(&v->note, v->cpus.bits);
	if (v->time.given) {
		strbuf__addf(&v->note, " from %s", fmt_duration(d, v->time.from_ns, false));
		if (v->time.to_ns != UINT64_MAX)
			strbuf__addf(&v->note, " to %s", fmt_duration(d, v->time.to_ns, false));
	}
	if (v->note.len == start)
		strbuf__clear(&v->note);
	if (v->in_progress)
		strbuf__addf(&v->note, "%scounting%s%s%s as in progress", v->note.len ? ", " : "",
			     v->in_progress & CPT_IN_PROGRESS_SLEEP ? " sleep" : "",
			     v->in_progress == (CPT_IN_PROGRESS_SLEEP | CPT_IN_PROGRESS_CONDVAR)
				     ? " and"
				     : "",
			     v->in_progress & CPT_IN_PROGRESS_CONDVAR ? " condvar" : "");
	/* A report that does not say what it is of would be taken for one of all. */
	return v->note.failed ? fail(-ENOMEM, "cannot select: out of memory") : 0;
}

void view__apply(struct view *v, struct cpt_analysis_opts *opts)
{
	struct cpt_filter *f = &opts->filter;

	f->pids = v->pids.n;
	f->pid_cnt = v->pids.cnt;
	f->tids = v->tids.n;
	f->tid_cnt = v->tids.cnt;
	f->comms = (const char *const *)v->comms;
	f->comm_cnt = v->comm_cnt;
	f->cpus = v->cpus.given ? v->cpus.bits : NULL;
	f->phases = v->phases;
	f->phase_cnt = v->phase_cnt;
	f->have_time = v->time.given;
	f->time_from_ns = v->time.from_ns;
	f->time_to_ns = v->time.to_ns;
	opts->in_progress = v->in_progress;
}
