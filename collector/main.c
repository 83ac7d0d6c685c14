// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* main.c - finds the command and runs it. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cmds.h"
#include "exit_status.h"
#include "main_help.h"

/* perf's spellings for the same. */
static const char *plain_name(const char *word)
{
	if (!strcmp(word, "--help") || !strcmp(word, "-h"))
		return "help";
	if (!strcmp(word, "--version") || !strcmp(word, "-V"))
		return "version";
	return word;
}

static int usage(void)
{
	struct strbuf out = {0};

	main_help(&out);
	fputs(strbuf__str(&out), stderr);
	strbuf__free(&out);
	return CPT_STATUS_USAGE;
}

int main(int argc, char **argv)
{
	const struct command *command;

	/* Only for which characters there are: numbers stay as programs read them. */
	setlocale(LC_CTYPE, "");
	if (argc < 2)
		return usage();
	command = command__find(plain_name(argv[1]));
	if (!command)
		return main_unknown(argv[1]);
	return command->run(command, argc - 1, argv + 1);
}
