// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* completion.c - see completion.h. */
#include "completion.h"

#include <string.h>

/* ---- what follows what ------------------------------------------------------------------------- */

enum follows { FOLLOWS_NOTHING, FOLLOWS_ANYTHING, FOLLOWS_FILE, FOLLOWS_USER, FOLLOWS_WORD };

static enum follows value_of(const struct cli_option *opt)
{
	/* "[=HZ]" stands in the same word. */
	if (!opt->value || *opt->value == '[')
		return FOLLOWS_NOTHING;
	if (opt->words)
		return FOLLOWS_WORD;
	if (!strcmp(opt->value, "FILE") || !strcmp(opt->value, "PATH"))
		return FOLLOWS_FILE;
	return !strcmp(opt->value, "USER") ? FOLLOWS_USER : FOLLOWS_ANYTHING;
}

/* What a command takes behind its options, by its usage. */
static bool takes_command(const struct command *c)
{
	return strstr(c->args, "(COMMAND") != NULL;
}

static bool takes_files(const struct command *c)
{
	return strstr(c->args, " A B") != NULL;
}

static void add_command_names(struct strbuf *b)
{
	for (const struct command *const *c = commands; *c; c++)
		strbuf__addf(b, "%s%s", c == commands ? "" : " ", (*c)->name);
}

/* ---- bash ---------------------------------------------------------------------------------------- */

static void bash_words(struct strbuf *b, const struct command *c)
{
	strbuf__addf(b, "\t%s)\n\t\twords='", c->name);
	for (const struct cli_option *o = c->options; o->name; o++)
		strbuf__addf(b, "--%s ", o->name);
	strbuf__adds(b, "--help'\n\t\tcase $prev in\n");
	for (const struct cli_option *o = c->options; o->name; o++) {
		enum follows value = value_of(o);

		if (value == FOLLOWS_NOTHING)
			continue;
		strbuf__adds(b, "\t\t");
		if (o->letter)
			strbuf__addf(b, "-%c | ", o->letter);
		strbuf__addf(b, "--%s) ", o->name);
		if (value == FOLLOWS_WORD) {
			strbuf__adds(b, "values='");
			for (const char *const *w = o->words; *w; w++)
				strbuf__addf(b, "%s%s", w == o->words ? "" : " ", *w);
			strbuf__adds(b, "'");
		} else {
			strbuf__addf(b, "kind=%s",
				     value == FOLLOWS_FILE   ? "file"
				     : value == FOLLOWS_USER ? "user"
							     : "any");
		}
		strbuf__adds(b, " ;;\n");
	}
	strbuf__addf(b, "\t\t*) rest=%s ;;\n\t\tesac\n\t\t;;\n",
		     takes_command(c)		? "command"
		     : takes_files(c)		? "file"
		     : !strcmp(c->name, "help") ? "topic"
						: "none");
}

void completion__bash(struct strbuf *b)
{
	strbuf__adds(b, "# bash completion for cpartrace, made by `cpartrace help --completion "
			"bash`\n\n_cpartrace()\n{\n"
			"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev= words= values= kind= rest= i\n"
			"\tlocal names='");
	add_command_names(b);
	strbuf__adds(b, "'\n\tCOMPREPLY=()\n"
			"\tif ((COMP_CWORD == 1)); then\n"
			"\t\tmapfile -t COMPREPLY < <(compgen -W \"$names\" -- \"$cur\")\n"
			"\t\treturn\n\tfi\n"
			"\tprev=${COMP_WORDS[COMP_CWORD - 1]}\n"
			"\t# --name=value is three words here\n"
			"\tif [[ $cur == = ]]; then\n\t\tcur=\n"
			"\telif [[ $prev == = ]]; then\n\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
			"\tfi\n"
			"\tcase ${COMP_WORDS[1]} in\n");
	for (const struct command *const *c = commands; *c; c++)
		bash_words(b, *c);
	strbuf__adds(b, "\tesac\n"
			"\tif [[ -n $values ]]; then\n"
			"\t\tmapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$cur\")\n"
			"\telif [[ $kind == file ]]; then\n"
			"\t\tcompopt -o filenames 2>/dev/null\n"
			"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
			"\telif [[ $kind == user ]]; then\n"
			"\t\tmapfile -t COMPREPLY < <(compgen -u -- \"$cur\")\n"
			"\telif [[ -n $kind ]]; then\n\t\treturn\n"
			"\telif [[ $cur == -* ]]; then\n"
			"\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
			"\telif [[ $rest == topic ]]; then\n"
			"\t\tmapfile -t COMPREPLY < <(compgen -W \"$names\" -- \"$cur\")\n"
			"\telif [[ $rest == command ]]; then\n"
			"\t\tcompopt -o filenames 2>/dev/null\n"
			"\t\tmapfile -t COMPREPLY < <(compgen -c -f -- \"$cur\" | sort -u)\n"
			"\telif [[ $rest == file ]]; then\n"
			"\t\tcompopt -o filenames 2>/dev/null\n"
			"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
			"\tfi\n}\n\ncomplete -F _cpartrace cpartrace\n");
}

/* ---- zsh ----------------------------------------------------------------------------------------- */

/* Inside single quotes; brackets and colons mean something to _arguments. */
static void zsh_text(struct strbuf *b, const char *s)
{
	for (; *s; s++) {
		if (*s == '\'')
			strbuf__adds(b, "'\\''");
		else if (strchr("[]:\\", *s))
			strbuf__addf(b, "\\%c", *s);
		else
			strbuf__addc(b, *s);
	}
}

static void zsh_value(struct strbuf *b, const struct cli_option *o)
{
	switch (value_of(o)) {
	case FOLLOWS_NOTHING:
		return;
	case FOLLOWS_FILE:
		strbuf__adds(b, ":file:_files");
		return;
	case FOLLOWS_USER:
		strbuf__adds(b, ":user:_users");
		return;
	case FOLLOWS_WORD:
		strbuf__adds(b, ":");
		zsh_text(b, o->value);
		strbuf__adds(b, ":(");
		for (const char *const *w = o->words; *w; w++)
			strbuf__addf(b, "%s%s", w == o->words ? "" : " ", *w);
		strbuf__addc(b, ')');
		return;
	case FOLLOWS_ANYTHING:
		strbuf__adds(b, ":");
		zsh_text(b, o->value);
		strbuf__adds(b, ":");
		return;
	}
}

static void zsh_option(struct strbuf *b, const struct cli_option *o)
{
	bool value = value_of(o) != FOLLOWS_NOTHING;

	if (o->letter) {
		strbuf__addf(b, " \\\n\t\t\t'-%c%s[", o->letter, value ? "+" : "");
		zsh_text(b, o->help);
		strbuf__addc(b, ']');
		zsh_value(b, o);
		strbuf__addc(b, '\'');
	}
	strbuf__addf(b, " \\\n\t\t\t'--%s%s[", o->name, value ? "=" : "");
	zsh_text(b, o->help);
	strbuf__addc(b, ']');
	zsh_value(b, o);
	strbuf__addc(b, '\'');
}

void completion__zsh(struct strbuf *b)
{
	strbuf__adds(b, "#compdef cpartrace\n# made by `cpartrace help --completion zsh`\n\n"
			"local -a names\nnames=(\n");
	for (const struct command *const *c = commands; *c; c++) {
		strbuf__addf(b, "\t'%s:", (*c)->name);
		zsh_text(b, (*c)->summary);
		strbuf__adds(b, "'\n");
	}
	strbuf__adds(b, ")\nif ((CURRENT == 2)); then\n\t_describe -t commands 'cpartrace command' "
			"names\n\treturn\nfi\n"
			"local name=$words[2]\nshift words\n((CURRENT--))\ncase $name in\n");
	for (const struct command *const *c = commands; *c; c++) {
		strbuf__addf(b, "\t%s)\n\t\t_arguments -s -S", (*c)->name);
		for (const struct cli_option *o = (*c)->options; o->name; o++)
			zsh_option(b, o);
		strbuf__adds(b, " \\\n\t\t\t'(- *)'{-h,--help}'[show this text]'");
		if (takes_command(*c))
			strbuf__adds(b, " \\\n\t\t\t'(-)1:command:_command_names -e' "
					"'*::arguments:_normal'");
		else if (takes_files(*c))
			strbuf__adds(b, " \\\n\t\t\t'*:trace:_files'");
		else if (!strcmp((*c)->name, "help"))
			strbuf__adds(b, " \\\n\t\t\t'1:command:(");
		if (!strcmp((*c)->name, "help")) {
			add_command_names(b);
			strbuf__adds(b, ")'");
		}
		strbuf__adds(b, "\n\t\t;;\n");
	}
	strbuf__adds(b, "esac\n");
}
