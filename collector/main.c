// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* main.c - finds the command and runs it. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmds.h"
#include "exit_status.h"
#include "main_help.h"
#include "say.h"

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

/* The lowest number that is free, for nothing; where there is no /dev/null (a bare chroot), what can only fail. */
static int open_nothing(int mode)
{
	const int fd = open("/dev/null", mode | O_CLOEXEC);

	return fd < 0 ? open("/", O_PATH | O_CLOEXEC) : fd;
}

/* One that is closed would be the number of a file of ours, and what is meant for standard error would go there.
 * A command that is started does not get these. What is to be written to standard output, and cannot, is an error. */
static bool hold_streams(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open_nothing(fd == STDOUT_FILENO ? O_RDONLY : O_RDWR) != fd)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	const struct command *command;

	if (!hold_streams()) {
		say_error("cannot hold the place of a stream that is closed: %s", strerror(errno));
		return CPT_STATUS_TRACER;
	}

	/* Only for which characters there are: numbers stay as programs read them. */
	setlocale(LC_CTYPE, "");
	if (argc < 2)
		return usage();
	command = command__find(plain_name(argv[1]));
	if (!command)
		return main_unknown(argv[1]);
	return command->run(command, argc - 1, argv + 1);
}
