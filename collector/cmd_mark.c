// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cmd_mark.c - `cpartrace mark`: a phase begins.
 *
 * The mark is a probe of this program (probes/mark.h), at which recordings listen: no socket, no file, no
 * rights. Whether one listens is seen in the instruction, which the kernel replaces by its breakpoint.
 */
#include "cmds.h"

#include <string.h>

#include "exit_status.h"
#include "say.h"

#define CPT_MARK_LABEL "cpt_mark_place:\n"
#include "probes/mark.h"

#define NAME_MAX_LEN 63

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

#if defined(__x86_64__)
static const unsigned char nothing[] = {0x90}; /* nop */
#elif defined(__aarch64__)
static const unsigned char nothing[] = {0x1f, 0x20, 0x03, 0xd5};
#endif

#if defined(__x86_64__) || defined(__aarch64__)
extern const volatile unsigned char cpt_mark_place[] __attribute__((visibility("hidden")));

#ifdef __clang__
#define ONLY_ONCE __attribute__((noinline, noduplicate))
#else
#define ONLY_ONCE __attribute__((noinline, noclone))
#endif

/* The label stands in it. */
static ONLY_ONCE void set_mark(const char *name)
{
	cpt_mark(name);
}

static bool anyone_records(void)
{
	for (size_t i = 0; i < sizeof(nothing); i++)
		if (cpt_mark_place[i] != nothing[i])
			return true;
	return false;
}
#else
static void set_mark(const char *name)
{
	(void)name;
}

static bool anyone_records(void)
{
	return false;
}
#endif

static int run(const struct command *self, int argc, char *const *argv)
{
	struct mark_opts o = {0};
	int first, status;

	if (!command__parse(self, &o, argc, argv, &first, &status))
		return status;
	if (first >= argc || !*argv[first])
		return command__usage(self, "a mark needs a name");
	if (first + 1 < argc)
		return command__usage(self, "unexpected '%s'; a name with blanks is to be quoted",
				      argv[first + 1]);
	if (strlen(argv[first]) > NAME_MAX_LEN)
		return command__usage(self, "a name has at most %d bytes", NAME_MAX_LEN);
	set_mark(argv[first]);
	if (anyone_records())
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
		"Only this very file is listened at: mark with the program that records. A program "
		"of your own marks with CPT_MARK(\"name\") of <cpartrace/mark.h>.\n"
		"Recordings made without root take no marks.\n"
		"Exit status: 0, also where nobody records, so that a script may keep its marks "
		"(with "
		"--strict: 1); 2 wrong usage.",
	.options = options,
	.run = run,
	.usage_status = CPT_STATUS_USAGE,
};
