/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * command.h - what a command of the program is: a row of the table in commands.c.
 *
 * Owns:     the shape of commands, parsing and --help common to all of them.
 */
#ifndef CPT_COMMAND_H
#define CPT_COMMAND_H

#include "cli.h"

struct command {
	const char *name;
	const char *args;    /* usage after the name */
	const char *summary; /* one sentence */
	const char *details; /* paragraphs for --help, separated by \n; NULL: none */
	const struct cli_option *options;
	/* Adds what only this command's help has; NULL: nothing. */
	void (*more_help)(struct strbuf *out, unsigned int width);
	int (*run)(const struct command *self, int argc, char *const *argv);
	int usage_status; /* exit status of a wrong command line */
};

extern const struct command *const commands[]; /* NULL-terminated */

/* The command of that name, NULL if there is none. */
const struct command *command__find(const char *name);

/* Parses argv[1..]. true: go on, *first is the first word that is no option. false: *status is what to
 * return (help was printed, or the mistake said). */
bool command__parse(const struct command *self, void *into, int argc, char *const *argv, int *first,
		    int *status);

/* Says a mistake in the command line; returns the status. */
int command__usage(const struct command *self, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

void command__help(const struct command *self, struct strbuf *out, unsigned int width);

/* Writes text to stdout. 0, or -errno after having said why. */
int command__print(const char *text);
int command__print_buf(const struct strbuf *text); /* likewise; -ENOMEM if it is not whole */

/* A piece of what is printed, of any bytes; the last is followed by command__print(). ctx is not used. */
int command__put(void *ctx, const char *s, size_t sz);

/* Flushes stdout and looks for errors so far. 0, or -errno after having said why. */
int command__stdout_done(void);

#endif /* CPT_COMMAND_H */
