// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cmd_record.c - `cpartrace record`: a trace for later. */
#include "cmds.h"

#include "exit_status.h"
#include "format.h"
#include "recording.h"
#include "run_opts.h"
#include "say.h"

static int record(const struct record_opts *o, char *const *argv)
{
	const char *path = o->output ? o->output : CPT_TRACE_DEFAULT;
	struct recording rec;
	char n[FMT_SZ];
	int status;

	recording__begin(o);
	status = recording__make(&rec, o, -1, path, argv, 0);
	if (status)
		return status;
	if (!rec.left && !rec.lost && !rec.res.flight_err)
		say_note("recorded %s context switches to %s; to see the report: cpartrace report "
			 "-i %s",
			 fmt_count(n, rec.res.switches), path, path);
	status = recording__status(&rec, o);
	recording__end(&rec);
	return status;
}

static int run(const struct command *self, int argc, char *const *argv)
{
	struct record_opts o = {0};
	const char *mistake;
	int first, status;

	if (!command__parse(self, &o, argc, argv, &first, &status))
		return status;
	mistake = record_opts__mistake(&o, first < argc);
	if (mistake)
		return command__usage(self, "%s", mistake);
	return record(&o, first < argc ? argv + first : NULL);
}

const struct command cmd_record = {
	.name = "record",
	.args = "[OPTIONS] (COMMAND... | -p PIDS | --cgroup PATH | -a)",
	.summary = "Records a trace of a command, or of what runs already, without a report.",
	.details =
		"Of what runs already, all that is there is found first; Ctrl-C ends the "
		"recording.\n"
		"Exit status: the command's own, 128 + n if signal n ended it; 125 if it was not "
		"started "
		"because of this program, 126 if it cannot be executed, 127 if it was not found. "
		"Without a command: 0, 1 if something failed, 3 if it is not supported here. "
		"Wrong command line: 125.",
	.options = record_options,
	.run = run,
	.usage_status = CPT_STATUS_TRACER,
};
