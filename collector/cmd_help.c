// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cmd_help.c - `cpartrace help [COMMAND]`: the list of commands, or what --help of one prints; the manual and
 * the completion that are installed are printed here, too. */
#include "cmds.h"

#include "completion.h"
#include "exit_status.h"
#include "main_help.h"
#include "man_page.h"
#include "term.h"

#include <unistd.h>

enum { SHELL_NONE, SHELL_BASH, SHELL_ZSH };
static const char *const shell_words[] = {"bash", "zsh", NULL};

struct help_opts {
	bool man;
	int shell; /* enum above */
};

static int set_shell(void *field, const char *value, const struct cli_option *opt,
		     struct strbuf *why)
{
	int word, err = cli_set_word(&word, value, opt, why);

	if (!err)
		*(int *)field = word + SHELL_BASH;
	return err;
}

static const struct cli_option options[] = {
	{"man", 0, NULL, "print the manual page, for man -l -", cli_set_flag,
	 offsetof(struct help_opts, man), 0, 0, NULL},
	{"completion", 0, "SHELL", "print the completion for bash or zsh", set_shell,
	 offsetof(struct help_opts, shell), 0, 0, shell_words},
	CLI_OPTIONS_END,
};

static void add_help(struct strbuf *out, const struct help_opts *o, const struct command *command)
{
	if (o->shell == SHELL_BASH)
		completion__bash(out);
	else if (o->shell == SHELL_ZSH)
		completion__zsh(out);
	else if (o->man && command)
		man_page__command(out, command);
	else if (o->man)
		man_page__program(out);
	else if (command)
		command__help(command, out, term_style(STDOUT_FILENO, 0).width);
	else
		main_help(out);
}

static int run(const struct command *self, int argc, char *const *argv)
{
	struct help_opts o = {0};
	struct strbuf out = {0};
	const struct command *command = NULL;
	int first, status;

	if (!command__parse(self, &o, argc, argv, &first, &status))
		return status;
	if (first + 1 < argc)
		return command__usage(self, "unexpected '%s'; one command at a time",
				      argv[first + 1]);
	if (first < argc) {
		command = command__find(argv[first]);
		if (!command)
			return main_unknown(argv[first]);
	}
	add_help(&out, &o, command);
	status = command__print_buf(&out) < 0 ? CPT_STATUS_FAILED : CPT_STATUS_OK;
	strbuf__free(&out);
	return status;
}

const struct command cmd_help = {
	.name = "help",
	.args = "[--man] [COMMAND] | --completion SHELL",
	.summary = "Explains a command, or lists them.",
	.options = options,
	.run = run,
	.usage_status = CPT_STATUS_USAGE,
};
