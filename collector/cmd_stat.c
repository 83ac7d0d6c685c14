// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cmd_stat.c - `cpartrace stat`: the parallelism profile kept in the kernel, without a trace. */
#include "cmds.h"

#include "exit_status.h"
#include "stat_opts.h"
#include "stat_run.h"

static int run(const struct command *self, int argc, char *const *argv)
{
	struct stat_opts o;
	const char *mistake;
	int first, status;

	stat_opts__init(&o);
	if (!command__parse(self, &o, argc, argv, &first, &status))
		return status;
	mistake = stat_opts__mistake(&o, first < argc);
	if (mistake)
		return command__usage(self, "%s", mistake);
	return stat_run(&o, first < argc ? argv + first : NULL);
}

const struct command cmd_stat = {
	.name = "stat",
	.args = "[OPTIONS] (COMMAND... | -p PIDS | --cgroup PATH | -a)",
	.summary = "Counts how many CPUs work at once, without a trace, for as long as you like.",
	.details =
		"Sums are kept in the kernel: the parallelism profile, how long tasks that were "
		"ready "
		"waited for a CPU, and what each process used. The report goes to standard output; "
		"a command keeps that, and the report goes to standard error.\n"
		"Ctrl-C ends the command; where there is none it ends the count, and the total is "
		"printed.\n"
		"Exit status with a command: its own, 128 + n if signal n ended it; 125 if it was "
		"not "
		"started because of this program, 126 if it cannot be executed, 127 if it was not "
		"found. "
		"Else: 0, 1 if something failed, 3 if it is not supported here. 125 if the command "
		"line "
		"is wrong.",
	.options = stat_options,
	.run = run,
	.usage_status = CPT_STATUS_TRACER,
};
