// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cmd_mark.c - `cpartrace mark`: a phase begins.
 *
 * The mark is a name that the process gives itself (CPT_MARK_CALL): no socket, no file, no rights. Those who record see
 * all names that are given, to know what tasks are called, so that listening costs them a comparison. Whether any of them
 * does is asked by a lock.
 */
#include "cmds.h"

#include <string.h>
#include <sys/prctl.h>

#include "../probes/cpt_abi.h"
#include "exit_status.h"
#include "mark_lock.h"
#include "say.h"

#define NAME_MAX_LEN (CPT_MARK_LEN - 1)

struct mark_opts {
	bool quiet, strict;
};

static const struct cli_option options[] = {
	{"quiet", 'q', NULL, "say nothing where no recording takes it", cli_set_flag,
	 offsetof(struct mark_opts, quiet), 0, 0, NULL},
	{"strict", 0, NULL, "return 1 where no recording takes it", cli_set_flag,
	 offsetof(struct mark_opts, strict), 0, 0, NULL},
	CLI_OPTIONS_END,
};

static void set_mark(const char *name)
{
	/* Just written: whoever reads it from the kernel cannot wait for memory that is not there yet. */
	struct cpt_mark_call mark = {.call = CPT_MARK_CALL};

	memcpy(mark.name, name, strlen(name));
	(void)prctl(PR_SET_NAME, &mark, 0, 0, 0);
}

/* Does nobody record, or only from now on, or no longer? A mark that was set meanwhile is certain to be taken only
 * where somebody did before and did behind it. Where that cannot be told it is not denied. */
static bool is_unheard(int before)
{
	return !before || !mark_lock__is_held();
}

static int run(const struct command *self, int argc, char *const *argv)
{
	struct mark_opts o = {0};
	int first, status, before;

	if (!command__parse(self, &o, argc, argv, &first, &status))
		return status;
	if (first >= argc || !*argv[first])
		return command__usage(self, "a mark needs a name");
	if (first + 1 < argc)
		return command__usage(self, "unexpected '%s'; a name with blanks is to be quoted",
				      argv[first + 1]);
	if (strlen(argv[first]) > NAME_MAX_LEN)
		return command__usage(self, "a name has at most %d bytes", NAME_MAX_LEN);
	before = mark_lock__is_held();
	set_mark(argv[first]);
	if (!is_unheard(before))
		return CPT_STATUS_OK;
	if (!o.quiet)
		say_error("no recording takes marks here: '%s' is in no trace", argv[first]);
	return o.strict ? CPT_STATUS_FAILED : CPT_STATUS_OK;
}

const struct command cmd_mark = {
	.name = "mark",
	.args = "[-q] [--strict] NAME",
	.summary = "Marks where a phase of the workload begins, in the recordings that are being "
		   "made.",
	.details =
		"The report splits the run at its marks: each phase lasts to the next mark, and a "
		"name that comes again goes on with its phase. Run in the workload itself, as by a "
		"script, it counts for whoever records that; from outside, for recordings of the "
		"same user (and root's marks for all), but not for those that record other "
		"commands by the same program while this is run by one of them.\n"
		"Only this very file is listened to: mark with the program that records. A program "
		"of your own marks with CPT_MARK(\"name\") of <cpartrace/mark.h>.\n"
		"Exit status: 0, also where nobody records, so that a script may keep its marks "
		"(with "
		"--strict: 1); 2 wrong usage.",
	.options = options,
	.run = run,
	.usage_status = CPT_STATUS_USAGE,
};
