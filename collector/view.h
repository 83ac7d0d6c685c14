/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * view.h - which trace is looked at, and which part of it: options that several commands share.
 *
 * Owns:     -i, the filters (--pid --tid --comm --cpu --time --phase), --in-progress.
 * Must not: read the trace (analyse.h does).
 */
#ifndef CPT_VIEW_H
#define CPT_VIEW_H

#include "analysis/analysis.h"

#include "cli.h"

#define CPT_TRACE_DEFAULT "cpartrace.data"
#define VIEW_LIST_MAX	  256

struct view_numbers {
	uint32_t n[VIEW_LIST_MAX];
	uint32_t cnt;
};

struct view {
	const char *input; /* NULL: CPT_TRACE_DEFAULT */
	struct view_numbers pids, tids;
	char *comms[VIEW_LIST_MAX]; /* owned */
	uint32_t comm_cnt;
	struct {
		bool given;
		uint64_t bits[CPT_MASK_WORDS];
	} cpus;
	struct {
		bool given;
		uint64_t from_ns, to_ns;
	} time;
	const char *phases[VIEW_LIST_MAX];
	uint32_t phase_cnt;
	uint32_t in_progress; /* CPT_IN_PROGRESS_* */
	struct strbuf note;   /* the filters in words, for the report's head */
};

struct command;

void view__init(struct view *v);
void view__fini(struct view *v);

/* The run of a command that looks at one trace: parses into opts, of which *v is a part, refuses what is
 * left over, and returns body's exit status. */
int view__command(const struct command *self, void *opts, struct view *v, int argc,
		  char *const *argv, int (*body)(const struct command *self, void *opts));

/* Of the trace. */
static inline const char *view__path(const struct view *v)
{
	return v->input ? v->input : CPT_TRACE_DEFAULT;
}

/* Makes v->note, once the view is as asked for. 0, or -ENOMEM after having said so. */
int view__note(struct view *v);

/* The analysis' options for this view (borrowing from it). */
void view__apply(struct view *v, struct cpt_analysis_opts *opts);

int view_set_numbers(void *field, const char *value, const struct cli_option *opt,
		     struct strbuf *why); /* struct view_numbers; comma-separated, adds up */
int view_set_comms(void *field, const char *value, const struct cli_option *opt,
		   struct strbuf *why); /* struct view: comms */
int view_set_cpus(void *field, const char *value, const struct cli_option *opt,
		  struct strbuf *why); /* view.cpus: 0,2-3 */
int view_set_time(void *field, const char *value, const struct cli_option *opt,
		  struct strbuf *why); /* view.time: A,B */

int view_set_phase(void *field, const char *value, const struct cli_option *opt,
		   struct strbuf *why); /* struct view */

extern const char *const view_in_progress_words[];

/* The rows for a command's table of options; `type` has a struct view called `member`. */
#define VIEW_OPTION_IN_PROGRESS(type, member)                                                      \
	{                                                                                          \
		"in-progress", 0, "KIND",                                                          \
			"count as in progress, too: sleep, condvar (comma-separated)",             \
			cli_set_words, offsetof(type, member.in_progress), 0, 0,                   \
			view_in_progress_words                                                     \
	}
#define VIEW_OPTION_INPUT(type, member)                                                            \
	{                                                                                          \
		"input", 'i', "FILE", "the trace to read (default: " CPT_TRACE_DEFAULT ")",        \
			cli_set_string, offsetof(type, member.input), 0, 0, NULL                   \
	}
#define VIEW_OPTION_FILTERS(type, member)                                                          \
	{"pid",                                                                                    \
	 'p',                                                                                      \
	 "PID,...",                                                                                \
	 "only these processes",                                                                   \
	 view_set_numbers,                                                                         \
	 offsetof(type, member.pids),                                                              \
	 1,                                                                                        \
	 UINT32_MAX,                                                                               \
	 NULL},                                                                                    \
		{"tid",                                                                            \
		 't',                                                                              \
		 "TID,...",                                                                        \
		 "only these threads",                                                             \
		 view_set_numbers,                                                                 \
		 offsetof(type, member.tids),                                                      \
		 1,                                                                                \
		 UINT32_MAX,                                                                       \
		 NULL},                                                                            \
		{"comm",                                                                           \
		 'c',                                                                              \
		 "NAME,...",                                                                       \
		 "only threads of these names",                                                    \
		 view_set_comms,                                                                   \
		 offsetof(type, member),                                                           \
		 0,                                                                                \
		 0,                                                                                \
		 NULL},                                                                            \
		{"cpu",                                                                            \
		 'C',                                                                              \
		 "LIST",                                                                           \
		 "only while on these CPUs, as 0,2-3",                                             \
		 view_set_cpus,                                                                    \
		 offsetof(type, member.cpus),                                                      \
		 0,                                                                                \
		 0,                                                                                \
		 NULL},                                                                            \
	{                                                                                          \
		"time", 0, "A,B",                                                                  \
			"only from A to B after the start, in seconds or as 250ms; either may be " \
			"empty",                                                                   \
			view_set_time, offsetof(type, member.time), 0, 0, NULL                     \
	}

#define VIEW_OPTION_PHASE(type, member)                                                            \
	{                                                                                          \
		"phase", 0, "NAME",                                                                \
			"only the phase that `cpartrace mark NAME` begins, its spans put "         \
			"together; "                                                               \
			"may be repeated",                                                         \
			view_set_phase, offsetof(type, member), 0, 0, NULL                         \
	}

#endif /* CPT_VIEW_H */
