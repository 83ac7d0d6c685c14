// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* run_opts.c - see run_opts.h. */
#include "run_opts.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "loop_mode.h"
#include "output_file.h"
#include "text_report.h"

#define BUFFER_MIN	(UINT64_C(64) << 10)
#define BUFFER_MAX	(UINT64_C(1) << 30)
#define DURATION_MIN_NS UINT64_C(1000000)
#define DURATION_MAX_NS (UINT64_C(86400) * 365 * 1000000000)

static int set_sample(void *field, const char *value, const struct cli_option *opt,
		      struct strbuf *why)
{
	if (value)
		return cli_set_number(field, value, opt, why);
	*(uint32_t *)field = CPT_SAMPLE_HZ;
	return 0;
}

bool record_opts__is_flight(const struct record_opts *o)
{
	return o->flight.span_ns || o->flight.bytes;
}

uint32_t record_opts__sample_hz(const struct record_opts *o)
{
	return o->sample_hz ? o->sample_hz : o->stacks ? CPT_SAMPLE_HZ : 0;
}

static int set_mark_file(void *field, const char *value, const struct cli_option *opt,
			 struct strbuf *why)
{
	struct mark_files *files = field;

	(void)opt;
	if (!*value || files->cnt == MARK_FILES_MAX) {
		strbuf__addf(why, *value ? "more than %d files" : "an empty name", MARK_FILES_MAX);
		return -EINVAL;
	}
	files->path[files->cnt++] = value;
	return 0;
}

/* In the order of enum loops_mode. */
static const char *const loops_mode_words[] = {"auto", "on", "off", "fds", NULL};

#define TARGET_GROUP_HELP                                                                          \
	"processes of a cgroup (version 1 or 2) and of those below it, also such as come later"

#define RECORD_OPTIONS(type, member)                                                               \
	{"output",                                                                                 \
	 'o',                                                                                      \
	 "FILE",                                                                                   \
	 "write the trace to FILE (default: " CPT_TRACE_DEFAULT "; an older one moves to "         \
	 "FILE.old)",                                                                              \
	 cli_set_string,                                                                           \
	 offsetof(type, member output),                                                            \
	 0,                                                                                        \
	 0,                                                                                        \
	 NULL},                                                                                    \
		{"user",                                                                           \
		 'u',                                                                              \
		 "USER",                                                                           \
		 "run the command as USER, a name or number",                                      \
		 cli_set_string,                                                                   \
		 offsetof(type, member user),                                                      \
		 0,                                                                                \
		 0,                                                                                \
		 NULL},                                                                            \
		{"wait-all",                                                                       \
		 0,                                                                                \
		 NULL,                                                                             \
		 "go on until the last process of the command's tree has ended, not only the "     \
		 "command itself",                                                                 \
		 cli_set_flag,                                                                     \
		 offsetof(type, member wait_all),                                                  \
		 0,                                                                                \
		 0,                                                                                \
		 NULL},                                                                            \
		{"no-budget",                                                                      \
		 0,                                                                                \
		 NULL,                                                                             \
		 "do not watch what CPUs do while they run none of the workload: cheaper on busy " \
		 "machines",                                                                       \
		 cli_set_flag,                                                                     \
		 offsetof(type, member no_budget),                                                 \
		 0,                                                                                \
		 0,                                                                                \
		 NULL},                                                                            \
		{"stacks",                                                                         \
		 0,                                                                                \
		 NULL,                                                                             \
		 "take stacks where threads block and of who wakes them, and sample; the kernel "  \
		 "walks frame pointers: code built without them (-fno-omit-frame-pointer) has "    \
		 "short or wrong stacks",                                                          \
		 cli_set_flag,                                                                     \
		 offsetof(type, member stacks),                                                    \
		 0,                                                                                \
		 0,                                                                                \
		 NULL},                                                                            \
		{"sample",                                                                         \
		 0,                                                                                \
		 "[=HZ]",                                                                          \
		 "sample what runs, HZ times a second of each CPU (default: 997): tells hot code " \
		 "and busy-waiting",                                                               \
		 set_sample,                                                                       \
		 offsetof(type, member sample_hz),                                                 \
		 1,                                                                                \
		 CPT_SAMPLE_HZ_MAX,                                                                \
		 NULL},                                                                            \
		{"loops",                                                                          \
		 0,                                                                                \
		 "WHEN",                                                                           \
		 "follow operations of event loops: auto (default; from when a loop is first "     \
		 "seen), on (from the start), off, fds (on, and what single descriptors take)",    \
		 cli_set_word,                                                                     \
		 offsetof(type, member loops),                                                     \
		 0,                                                                                \
		 0,                                                                                \
		 loops_mode_words},                                                                \
		{"mark-usdt",                                                                      \
		 0,                                                                                \
		 "FILE",                                                                           \
		 "take the marks (CPT_MARK) of this program or library, too; those of the "        \
		 "command and of -p's processes are taken in any case; may be repeated",           \
		 set_mark_file,                                                                    \
		 offsetof(type, member marks),                                                     \
		 0,                                                                                \
		 0,                                                                                \
		 NULL},                                                                            \
		TARGET_OPTIONS(type, member targets, TARGET_GROUP_HELP),                           \
		{"delay",                                                                          \
		 0,                                                                                \
		 "SECONDS",                                                                        \
		 "begin so long after the start; what comes before does not count",                \
		 cli_set_duration,                                                                 \
		 offsetof(type, member delay_ns),                                                  \
		 DURATION_MIN_NS,                                                                  \
		 DURATION_MAX_NS,                                                                  \
		 NULL},                                                                            \
		{"duration",                                                                       \
		 'd',                                                                              \
		 "SECONDS",                                                                        \
		 "stop recording after so long; a command goes on",                                \
		 cli_set_duration,                                                                 \
		 offsetof(type, member duration_ns),                                               \
		 DURATION_MIN_NS,                                                                  \
		 DURATION_MAX_NS,                                                                  \
		 NULL},                                                                            \
		{"buffer-size", 'm',                                                               \
		 "SIZE",	"buffer per CPU, as 512K or 16M; larger where events are lost",    \
		 cli_set_size,	offsetof(type, member buffer_sz),                                  \
		 BUFFER_MIN,	BUFFER_MAX,                                                        \
		 NULL},                                                                            \
		{"strict",                                                                         \
		 0,                                                                                \
		 NULL,                                                                             \
		 "return 125 where this program failed although the command did not",              \
		 cli_set_flag,                                                                     \
		 offsetof(type, member strict),                                                    \
		 0,                                                                                \
		 0,                                                                                \
		 NULL},                                                                            \
		{"quiet",                                                                          \
		 'q',                                                                              \
		 NULL,                                                                             \
		 "print errors only",                                                              \
		 cli_set_flag,                                                                     \
		 offsetof(type, member quiet),                                                     \
		 0,                                                                                \
		 0,                                                                                \
		 NULL},                                                                            \
	{                                                                                          \
		"verbose", 'v', NULL, "print what happens while recording", cli_set_flag,          \
			offsetof(type, member verbose), 0, 0, NULL                                 \
	}

const struct cli_option run_options[] = {
	RECORD_OPTIONS(struct run_opts, rec.),
	{"json", 0, "FILE", "write the report as JSON, too; - is standard output", cli_set_string,
	 offsetof(struct run_opts, json), 0, 0, NULL},
	{"report-file", 0, "FILE", "write the report for people to FILE instead of standard error",
	 cli_set_string, offsetof(struct run_opts, report_file), 0, 0, NULL},
	{"repeat", 'r', "N",
	 "run the command N times; traces go to FILE.1 ... FILE.N, the report is of the run with "
	 "the "
	 "median average parallelism",
	 cli_set_number, offsetof(struct run_opts, repeat), 1, REPEAT_MAX, NULL},
	{"in-progress", 0, "KIND", "count as in progress, too: sleep, condvar (comma-separated)",
	 cli_set_words, offsetof(struct run_opts, in_progress), 0, 0, view_in_progress_words},
	{"top", 0, "N", "rows of tables (default: 10)", cli_set_number,
	 offsetof(struct run_opts, top), 1, 1000000, NULL},
	{"width", 'w', "N", "columns of the text (default: COLUMNS, the terminal's, 80)",
	 cli_set_number, offsetof(struct run_opts, width), CPT_WIDTH_MIN, CPT_WIDTH_MAX, NULL},
	CLI_OPTIONS_END,
};

const struct cli_option record_options[] = {
	RECORD_OPTIONS(struct record_opts, ),
	{"flight", 0, "SPAN",
	 "keep the last SPAN alone, a time as 60s or 5m, a size as 200M, or both as 60s,200M (as "
	 "perf record's overwrite and switch-output do): SIGUSR2 writes what is kept to "
	 "FILE.1, FILE.2 ... while the recording goes on, and the end of it to FILE; until then it "
	 "is "
	 "in FILE.ring.0 ... FILE.ring.8",
	 cli_set_flight, offsetof(struct record_opts, flight), 0, 0, NULL},
	{"trigger", 0, "WHEN",
	 "with --flight: write what is kept when a figure is so, as in 'parallelism<1.5:5s': "
	 "parallelism, concurrency, runnable, waiting, in_flight, or the percentage of the time "
	 "that was parallel, concurrent, serial, idle, unknown; < or > a number; over the last 5 s "
	 "(default: 1s); several: any of them, separated by commas",
	 cli_set_trigger, offsetof(struct record_opts, trigger), 0, 0, NULL},
	{"dumps", 0, "N", "with --flight: of FILE.1, FILE.2 ... the latest N stay (default: 10)",
	 cli_set_number, offsetof(struct record_opts, flight.dumps), 1, 10000, NULL},
	CLI_OPTIONS_END,
};

const char *record_opts__mistake(const struct record_opts *o, bool command)
{
	const uint32_t ways = targets__ways(&o->targets) + command;

	if (!ways)
		return "nothing to record; name a command, as in: cpartrace run -- ./app --its "
		       "options, "
		       "or -p PID, --cgroup PATH, -a";
	if (ways > 1)
		return "one of -p, --cgroup, -a and a command, not several at once";
	if (!command && o->user)
		return "--user is for a command";
	if (!command && o->wait_all)
		return "--wait-all is for a command";
	if (!record_opts__is_flight(o))
		return o->trigger.cnt	 ? "--trigger is for --flight"
		       : o->flight.dumps ? "--dumps is for --flight"
					 : NULL;
	if (record_opts__sample_hz(o))
		return "--flight keeps neither stacks nor samples: what they stand for would have "
		       "to be kept for ever";
	if (command && o->delay_ns)
		return "--delay of a command is not for --flight: what it is to be counted from is "
		       "forgotten; attach later, with -p";
	if (o->loops == LOOPS_FDS)
		return "--flight does not keep what single descriptors take (--loops=fds)";
	return NULL;
}

/* Would a report take the place of a trace, or of the older one that gives way to it? */
static bool replaces_trace(const struct run_opts *o, const char *report)
{
	const char *trace = o->rec.output ? o->rec.output : CPT_TRACE_DEFAULT;
	const bool series = o->repeat > 1;
	char name[PATH_MAX];

	for (uint32_t i = 1; i <= o->repeat; i++)
		for (int old = 0; old < 2; old++) {
			/* A name that is too long is refused where it is created. */
			if (series)
				snprintf(name, sizeof(name), "%s.%" PRIu32 "%s", trace, i,
					 old ? ".old" : "");
			else
				snprintf(name, sizeof(name), "%s%s", trace, old ? ".old" : "");
			if (output_file__same_place(name, report))
				return true;
		}
	return false;
}

/* What takes a trace's place would be all that is left of the run. */
static const char *same_places(const struct run_opts *o)
{
	if (replaces_trace(o, o->json))
		return "the trace and --json would be one file: name another";
	if (replaces_trace(o, o->report_file))
		return "the trace and --report-file would be one file: name another";
	if (output_file__same_place(o->json, o->report_file))
		return "--json and --report-file would be one file: name another";
	return NULL;
}

const char *run_opts__mistake(const struct run_opts *o, bool command)
{
	const char *mistake = record_opts__mistake(&o->rec, command);

	if (mistake)
		return mistake;
	if (!command && o->repeat > 1)
		return "--repeat is for a command";
	return same_places(o);
}

void run_opts__init(struct run_opts *o)
{
	memset(o, 0, sizeof(*o));
	o->repeat = 1;
	o->top = CPT_TOP_DEFAULT;
}
