// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* stat_opts.c - see stat_opts.h. */
#include "stat_opts.h"

#include <string.h>

#include "output_file.h"
#include "text_report.h"

#define DURATION_MIN_NS UINT64_C(1000000)
#define DURATION_MAX_NS (UINT64_C(86400) * 365 * 1000000000)
#define INTERVAL_MIN_MS 10
#define INTERVAL_MAX_MS 86400000

#define FIELD(member) offsetof(struct stat_opts, member)

const struct cli_option stat_options[] = {
	TARGET_OPTIONS(struct stat_opts, targets,
		       "processes of a cgroup (version 2) and of those below it"),
	{"interval", 'I', "MS", "print every MS milliseconds, too", cli_set_number,
	 FIELD(interval_ms), INTERVAL_MIN_MS, INTERVAL_MAX_MS, NULL},
	{"duration", 'd', "SECONDS", "stop after so long; a command goes on", cli_set_duration,
	 FIELD(duration_ns), DURATION_MIN_NS, DURATION_MAX_NS, NULL},
	{"json", 'j', NULL, "print JSON instead: a line per interval and one for the total",
	 cli_set_flag, FIELD(json), 0, 0, NULL},
	{"openmetrics", 0, "FILE",
	 "write OpenMetrics to FILE at every interval and at the end, each time whole; - is "
	 "standard output, at the end",
	 cli_set_string, FIELD(openmetrics), 0, 0, NULL},
	{"output", 'o', "FILE", "print to FILE", cli_set_string, FIELD(output), 0, 0, NULL},
	{"user", 'u', "USER", "run the command as USER, a name or number", cli_set_string,
	 FIELD(user), 0, 0, NULL},
	{"wait-all", 0, NULL,
	 "go on until the last process of the command's tree has ended, not only the command "
	 "itself",
	 cli_set_flag, FIELD(wait_all), 0, 0, NULL},
	{"top", 0, "N", "rows of the table of processes (default: 10)", cli_set_number, FIELD(top),
	 1, 4096, NULL},
	{"width", 'w', "N", "columns of the text (default: COLUMNS, the terminal's, 80)",
	 cli_set_number, FIELD(width), CPT_WIDTH_MIN, CPT_WIDTH_MAX, NULL},
	{"quiet", 'q', NULL, "print nothing but errors, intervals and totals", cli_set_flag,
	 FIELD(quiet), 0, 0, NULL},
	{"verbose", 'v', NULL, "print what happens, too", cli_set_flag, FIELD(verbose), 0, 0, NULL},
	CLI_OPTIONS_END,
};

void stat_opts__init(struct stat_opts *o)
{
	memset(o, 0, sizeof(*o));
	o->top = CPT_TOP_DEFAULT;
}

const char *stat_opts__mistake(const struct stat_opts *o, bool command)
{
	uint32_t targets = targets__ways(&o->targets) + command;

	if (!targets)
		return "nothing to watch; name a command, as in: cpartrace stat -- ./app, or -p "
		       "PID, --cgroup PATH, -a";
	if (targets > 1)
		return "one of -p, --cgroup, -a and a command, not several at once";
	if (!command && o->user)
		return "--user is for a command";
	if (!command && o->wait_all)
		return "--wait-all is for a command";
	if (o->openmetrics && !strcmp(o->openmetrics, "-") && !o->output && !command)
		return "both the report and --openmetrics - would go to standard output; send one "
		       "elsewhere with -o FILE or --openmetrics FILE";
	if (output_file__same_place(o->output, o->openmetrics))
		return "-o and --openmetrics would be one file: name another";
	return NULL;
}
