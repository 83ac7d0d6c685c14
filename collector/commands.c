// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* commands.c - the table of commands, and what is said about them as a whole. */
#include "cmds.h"

#include <string.h>

#include "exit_status.h"
#include "main_help.h"
#include "say.h"

const struct command *const commands[] = {
	&cmd_run,  &cmd_record, &cmd_recover, &cmd_mark,    &cmd_report, &cmd_export, &cmd_script,
	&cmd_diff, &cmd_stat,	&cmd_doctor,  &cmd_version, &cmd_help,	 NULL,
};

const struct command *command__find(const char *name)
{
	const struct command *const *c;

	for (c = commands; *c; c++)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

void main_help(struct strbuf *out)
{
	const struct command *const *c;

	strbuf__adds(out,
		     "cpartrace shows when a program's work was concurrent (several things in\n"
		     "progress) and when it was truly parallel (several CPUs working on it at the\n"
		     "same instant).\n\n"
		     "  sudo cpartrace run ./workload\n\nCommands:\n");
	for (c = commands; *c; c++)
		strbuf__addf(out, "  %-8s  %s\n", (*c)->name, (*c)->summary);
	strbuf__adds(out, "\n`cpartrace help COMMAND` explains one of them.\n");
}

int main_unknown(const char *name)
{
	const char *names[16], *nearest;
	size_t cnt = 0;

	for (; cnt < 16 && commands[cnt]; cnt++)
		names[cnt] = commands[cnt]->name;
	nearest = cli_nearest(name, names, cnt);
	if (nearest)
		say_error("unknown command '%s'; did you mean `cpartrace %s`?", name, nearest);
	else
		say_error("unknown command '%s'; to trace it: cpartrace run %s", name, name);
	return CPT_STATUS_USAGE;
}
