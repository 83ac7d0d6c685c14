// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* target_text.c - see target_text.h. */
#include "target_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "text_report.h"

#define PIDS_NAMED 4 /* in a line; more are counted */

#define TARGET_PID    "pid "
#define TARGET_CGROUP "cgroup "
#define TARGET_ALL    "all"

static const char *behind(const char *target, const char *word)
{
	const size_t len = strlen(word);

	return strncmp(target, word, len) ? NULL : target + len;
}

/* The next number of "12,13"; 0 at its end. */
static uint32_t next_pid(const char **list)
{
	char *end;
	unsigned long pid;

	if (**list < '0' || **list > '9')
		return 0;
	pid = strtoul(*list, &end, 10);
	*list = *end == ',' ? end + 1 : end;
	return pid <= UINT32_MAX ? (uint32_t)pid : 0;
}

/* Of the thread that leads it; "" where it did not live in the window. */
static const char *name_of(const struct cpt_report *r, uint32_t pid)
{
	for (uint32_t i = 0; i < r->threads_cnt; i++)
		if (r->threads_tab[i].tid == pid || r->threads_tab[i].ns_tid == pid)
			return r->threads_tab[i].name;
	return "";
}

static void add_pids(struct strbuf *line, const struct cpt_report *r, const char *list)
{
	uint32_t pid, cnt = 0;

	strbuf__adds(line, strchr(list, ',') ? "processes " : "process ");
	while ((pid = next_pid(&list))) {
		const char *name = name_of(r, pid);

		if (cnt++ >= PIDS_NAMED)
			continue;
		strbuf__addf(line, "%s%" PRIu32, cnt > 1 ? ", " : "", pid);
		if (*name)
			strbuf__addf(line, " (%s)", name);
	}
	if (cnt > PIDS_NAMED)
		strbuf__addf(line, " and %" PRIu32 " more", cnt - PIDS_NAMED);
}

void target_text__add(struct strbuf *line, const struct cpt_report *r)
{
	const char *target = r->meta && r->meta->target ? r->meta->target : "", *rest;

	if (r->meta && r->meta->argv)
		text_report__command(line, r->meta->argv);
	else if ((rest = behind(target, TARGET_PID)))
		add_pids(line, r, rest);
	else if (!strcmp(target, TARGET_ALL))
		strbuf__adds(line, "the whole machine");
	else
		strbuf__adds(line, target);
}

void target_json__put(struct json_obj *o, const struct cpt_trace_meta *meta)
{
	const char *target = meta->target ? meta->target : "", *rest;
	struct json_obj t = json_obj__new();
	uint32_t pid;

	if ((rest = behind(target, TARGET_PID))) {
		json_t *list = json_array();

		while (list && (pid = next_pid(&rest)))
			list = json_array__append(list, json_integer(pid));
		json_obj__put(&t, "pids", list);
	} else if ((rest = behind(target, TARGET_CGROUP))) {
		json_obj__put(&t, "cgroup", json_value__string(rest));
	} else if (!strcmp(target, TARGET_ALL)) {
		json_obj__put(&t, "all_cpus", json_true());
	}
	if (*target)
		json_obj__put(o, "target", json_obj__done(&t));
	else
		json_decref(json_obj__done(&t));
}
