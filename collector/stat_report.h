/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stat_report.h - what `stat` says of an interval or of all: as text, JSON or OpenMetrics.
 *
 * Owns:     layout, keys and metric names. Keys and names are a contract: added to, never renamed.
 * Must not: compute sums (stat_sample.h, stat_procs.h do), write anywhere.
 */
#ifndef CPT_STAT_REPORT_H
#define CPT_STAT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "stat_bounds.h"
#include "stat_procs.h"
#include "stat_sample.h"
#include "strbuf.h"
#include "text_report.h"

struct stat_target {
	char *const *argv;    /* a command, or NULL */
	const uint32_t *pids; /* running processes, or NULL */
	uint32_t pid_cnt;
	const char *cgroup; /* its path, or NULL */
};			    /* none of them: the whole machine */

/* Marks alone tell which tasks are of it: what has none is not seen, nor is what it starts. */
static inline bool stat_target__is_marked(const struct stat_target *t)
{
	return t->argv || t->pid_cnt;
}

struct stat_facts {
	const struct stat_target *target;
	bool total;		/* all of it; else an interval */
	uint64_t start_ns;	/* of what is reported, from the start of the account */
	uint64_t until_ns;	/* its end, likewise */
	int64_t at_unix_ns;	/* its end, on the real-time clock */
	struct stat_sample sum; /* settled */
	struct stat_bounds bounds;
	struct stat_rows rows;
	uint32_t cpus_online;
	bool waits_known; /* the kernel accounts for run-queue waits */
	bool ended;	  /* a command: it has, with this status */
	int exit_code;	  /* -1: by signal */
	int exit_signal;
};

/* The whole, for people. */
void stat_text__add(struct strbuf *out, const struct stat_facts *f, const struct text_style *style);
/* One line per interval, and the line that heads them. */
void stat_text__add_head(struct strbuf *out, const struct text_style *style);
void stat_text__add_line(struct strbuf *out, const struct stat_facts *f,
			 const struct text_style *style);

#define CPT_STAT_JSON_SCHEMA 1
/* One line of JSON. */
void stat_json__add(struct strbuf *out, const struct stat_facts *f);

/* OpenMetrics text, of f->total alone: counters only grow. Prometheus' older format takes it, too. */
void stat_openmetrics__add(struct strbuf *out, const struct stat_facts *f);

#endif /* CPT_STAT_REPORT_H */
