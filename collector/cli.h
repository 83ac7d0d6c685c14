/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cli.h - command lines by table.
 *
 * Owns:     the parser, the kinds of values, the text of --help, the suggestion of the nearest name.
 * Must not: print, exit, know any command.
 *
 * A command describes its options in a table of struct cli_option that say where in its own
 * struct each value goes:
 *
 *	static const struct cli_option options[] = {
 *		{"output", 'o', "FILE", "write the trace to FILE", cli_set_string,
 *		 offsetof(struct run_opts, output), 0, 0, NULL},
 *		CLI_OPTIONS_END,
 *	};
 *
 * Long options may be shortened as long as they stay unique; values follow as --name=V, --name V,
 * -nV or -n V; flags without a value may be bundled (-qv); `--` ends the options, and so does the
 * first word that is none (what follows is a command with options of its own).
 */
#ifndef CPT_CLI_H
#define CPT_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "strbuf.h"

struct cli_option {
	const char *name; /* long name; NULL ends the table */
	char letter;	  /* short name, 0 none */
	const char *
		value; /* what --help calls its value; NULL: it takes none; "[=HZ]": it may be left out
			      (no letter; `set` is then given NULL) */
	const char *help; /* one sentence without full stop */
	/* Puts the value where it belongs. 0, or -EINVAL with the reason appended to why: it stands
	 * after "--name: ". */
	int (*set)(void *field, const char *value, const struct cli_option *opt,
		   struct strbuf *why);
	size_t field_off;
	uint64_t min, max;	  /* bounds of numbers, inclusive */
	const char *const *words; /* cli_set_word, cli_set_words: NULL-terminated list */
};

#define CLI_OPTIONS_END                                                                            \
	{                                                                                          \
		NULL, 0, NULL, NULL, NULL, 0, 0, 0, NULL                                           \
	}

#define CLI_HELP 1 /* cli_parse: --help was asked for */

/* Parses argv[1..] into the struct `into`. *first is the index of the first word that is not an
 * option. 0, CLI_HELP, or -EINVAL with one line in err (no newline). */
int cli_parse(const struct cli_option *options, void *into, int argc, char *const *argv, int *first,
	      struct strbuf *err);

/* The table as --help prints it, `width` columns. */
void cli_help_options(const struct cli_option *options, struct strbuf *out, unsigned int width);

/* Appends text as lines of at most width columns that start with `indent` spaces (the first one
 * continues at column `at`). */
void cli_wrap(struct strbuf *out, const char *text, unsigned int at, unsigned int indent,
	      unsigned int width);

/* The nearest of cnt names to `word`, NULL if none is near. */
const char *cli_nearest(const char *word, const char *const *names, size_t cnt);

/* Setters; the field's type is the comment. */
int cli_set_flag(void *field, const char *value, const struct cli_option *opt,
		 struct strbuf *why); /* bool */
int cli_set_string(void *field, const char *value, const struct cli_option *opt,
		   struct strbuf *why); /* const char *, not empty */
int cli_set_number(void *field, const char *value, const struct cli_option *opt,
		   struct strbuf *why); /* uint32_t, min..max */
int cli_set_size(void *field, const char *value, const struct cli_option *opt,
		 struct strbuf *why); /* uint64_t bytes, K M G, min..max */
int cli_set_duration(void *field, const char *value, const struct cli_option *opt,
		     struct strbuf *why); /* uint64_t ns, in seconds or with ns us ms s m h */
int cli_set_word(void *field, const char *value, const struct cli_option *opt,
		 struct strbuf *why); /* int: index into words */
int cli_set_words(
	void *field, const char *value, const struct cli_option *opt,
	struct strbuf *why); /* uint32_t: bit n set for words[n]; comma-separated, adds up */

/* Whole of s as a duration in ns. 0 or -EINVAL. */
int cli_parse_duration(const char *s, uint64_t *ns);
/* Whole of s (len bytes) as a decimal number. 0 or -EINVAL. */
int cli_parse_number(const char *s, size_t len, uint64_t *n);

#endif /* CPT_CLI_H */
