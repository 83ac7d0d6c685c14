// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cmd_help.c - `cpartrace help [COMMAND]`: the list of commands, or what --help of one prints. */
#include "cmds.h"

#include "exit_status.h"
#include "main_help.h"
#include "term.h"

#include <unistd.h>

static const struct cli_option options[] = {CLI_OPTIONS_END};

static int run(const struct command *self, int argc, char *const *argv)
{
	struct strbuf out = {0};
	const struct command *command;
	int first, status;

	if (!command__parse(self, NULL, argc, argv, &first, &status))
		return status;
	if (first == argc) {
		main_help(&out);
	} else {
		command = command__find(argv[first]);
		if (!command)
			return main_unknown(argv[first]);
		command__help(command, &out, term_style(STDOUT_FILENO, 0).width);
	}
	status = command__print(strbuf__str(&out)) < 0 ? CPT_STATUS_FAILED : CPT_STATUS_OK;
	strbuf__free(&out);
	return status;
}

const struct command cmd_help = {
	.name = "help",
	.args = "[COMMAND]",
	.summary = "Explains a command, or lists them.",
	.options = options,
	.run = run,
	.usage_status = CPT_STATUS_USAGE,
};
