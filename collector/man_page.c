// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* man_page.c - see man_page.h. */
#include "man_page.h"

#include <ctype.h>
#include <string.h>

#include "config.h"
#include "examples.h"

/* Source lines of a page: longer ones are poor style, and lint says so. */
#define SOURCE_WIDTH 68

static void add_char(struct strbuf *b, char c)
{
	switch (c) {
	case '\\':
		strbuf__adds(b, "\\e");
		break;
	case '-': /* to be copied as the sign that is typed */
		strbuf__adds(b, "\\-");
		break;
	case '\'':
		strbuf__adds(b, "\\(aq");
		break;
	case '`':
		strbuf__adds(b, "\\(ga");
		break;
	case '^':
		strbuf__adds(b, "\\(ha");
		break;
	case '~':
		strbuf__adds(b, "\\(ti");
		break;
	default:
		strbuf__addc(b, c);
		break;
	}
}

static void add_word(struct strbuf *b, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		add_char(b, s[i]);
}

/* One line, as it is. A first character that starts a macro is kept from it. */
static void add_line(struct strbuf *b, const char *s, size_t len)
{
	if (len && (*s == '.' || *s == '\''))
		strbuf__adds(b, "\\&");
	add_word(b, s, len);
	strbuf__addc(b, '\n');
}

/* Text that is filled: a sentence begins a line, for there its spacing is the formatter's. */
static void add_text(struct strbuf *b, const char *text)
{
	size_t at = 0;

	while (*text) {
		size_t len = strcspn(text, " ");
		bool sentence = len && strchr(".:", text[len - 1]) && text[len] == ' ' &&
				(isupper((unsigned char)text[len + 1]) || text[len - 1] == ':');

		if (at && at + 1 + len > SOURCE_WIDTH) {
			strbuf__addc(b, '\n');
			at = 0;
		} else if (at) {
			strbuf__addc(b, ' ');
			at++;
		}
		if (!at && (*text == '.' || *text == '\''))
			strbuf__adds(b, "\\&");
		add_word(b, text, len);
		at += len;
		text += len;
		text += strspn(text, " ");
		if (sentence && *text) {
			strbuf__addc(b, '\n');
			at = 0;
		}
	}
	strbuf__addc(b, '\n');
}

/* Lines as they are. */
static void add_verbatim(struct strbuf *b, const char *text)
{
	strbuf__adds(b, ".EX\n");
	while (*text) {
		size_t len = strcspn(text, "\n");

		add_line(b, text, len);
		text += len + (text[len] == '\n');
	}
	strbuf__adds(b, ".EE\n");
}

static void add_title(struct strbuf *b, const char *name)
{
	strbuf__adds(b, ".\\\" Made from the program's own tables; see cpartrace help.\n.TH ");
	for (const char *p = name; *p; p++)
		strbuf__addc(b, (char)toupper((unsigned char)*p));
	strbuf__addf(b, " 1 %s \"cpartrace %s\" \"cpartrace manual\"\n", CPT_RELEASE_DATE,
		     CPT_VERSION);
}

/* "Prints the version." -> "prints the version" */
static void add_name(struct strbuf *b, const char *name, const char *summary)
{
	struct strbuf text = {0};
	size_t len = strlen(summary);

	strbuf__addc(&text, (char)tolower((unsigned char)*summary));
	strbuf__add(&text, summary + 1, len - 1 - (summary[len - 1] == '.'));
	strbuf__adds(b, ".SH NAME\n");
	add_word(b, name, strlen(name));
	strbuf__adds(b, " \\-\n");
	add_text(b, strbuf__str(&text));
	if (text.failed)
		b->failed = true;
	strbuf__free(&text);
}

static void add_option(struct strbuf *b, const char *name, char letter, const char *value,
		       const char *help)
{
	strbuf__adds(b, ".TP\n");
	if (letter) {
		strbuf__adds(b, "\\fB\\-");
		add_char(b, letter);
		strbuf__adds(b, "\\fR, ");
	}
	strbuf__adds(b, "\\fB\\-\\-");
	add_word(b, name, strlen(name));
	strbuf__adds(b, "\\fR");
	if (value) {
		strbuf__adds(b, *value == '[' ? "\\fI" : " \\fI");
		add_word(b, value, strlen(value));
		strbuf__adds(b, "\\fR");
	}
	strbuf__addc(b, '\n');
	add_text(b, help);
}

static void add_options(struct strbuf *b, const struct cli_option *options)
{
	strbuf__adds(b, ".SH OPTIONS\n");
	for (; options->name; options++)
		add_option(b, options->name, options->letter, options->value, options->help);
	add_option(b, "help", 'h', NULL, "show a short form of this text");
}

static void add_examples(struct strbuf *b, const char *command)
{
	bool any = false;

	for (const struct example *e = examples; e->command; e++) {
		if (command && strcmp(e->command, command) != 0)
			continue;
		strbuf__adds(b, any ? "" : ".SH EXAMPLES\n");
		strbuf__adds(b, ".TP\n\\fB");
		add_word(b, e->line, strlen(e->line));
		strbuf__adds(b, "\\fR\n");
		add_text(b, e->what);
		any = true;
	}
}

static void add_see_also(struct strbuf *b, const char *but)
{
	const struct command *const *c;

	strbuf__adds(b, ".SH SEE ALSO\n");
	if (but)
		strbuf__adds(b, ".BR cpartrace (1),\n");
	for (c = commands; *c; c++)
		if (!but || strcmp((*c)->name, but) != 0)
			strbuf__addf(b, ".BR cpartrace\\-%s (1),\n", (*c)->name);
	strbuf__adds(b, ".BR cpartrace.data (5)\n");
}

void man_page__command(struct strbuf *out, const struct command *command)
{
	struct strbuf name = {0}, more = {0};
	const char *p = command->details;

	strbuf__addf(&name, "cpartrace-%s", command->name);
	add_title(out, strbuf__str(&name));
	add_name(out, strbuf__str(&name), command->summary);
	strbuf__addf(out, ".SH SYNOPSIS\n\\fBcpartrace %s\\fR\n", command->name);
	if (*command->args)
		add_text(out, command->args);
	strbuf__adds(out, ".SH DESCRIPTION\n");
	add_text(out, command->summary);
	while (p && *p) {
		size_t len = strcspn(p, "\n");
		struct strbuf paragraph = {0};

		strbuf__add(&paragraph, p, len);
		strbuf__adds(out, ".PP\n");
		add_text(out, strbuf__str(&paragraph));
		strbuf__free(&paragraph);
		p += len + (p[len] == '\n');
	}
	add_options(out, command->options);
	if (command->more_help) {
		command->more_help(&more, SOURCE_WIDTH);
		strbuf__adds(out, ".SH TABLES\n");
		add_verbatim(out, strbuf__str(&more) + strspn(strbuf__str(&more), "\n"));
	}
	add_examples(out, command->name);
	add_see_also(out, command->name);
	if (name.failed || more.failed)
		out->failed = true;
	strbuf__free(&name);
	strbuf__free(&more);
}

static const struct {
	const char *title, *text;
} sections[] = {
	{"EXIT STATUS",
	 "run, record, and stat with a command return what the command returned, 128 + n if signal "
	 "n ended it; 125 if it was not started because of this program, 126 if it cannot be "
	 "executed, 127 if it was not found. The others return 0 if all went well, 1 if something "
	 "failed, 2 if the command line was wrong, 3 if it is not supported here, 4 if the report "
	 "was made but events were lost or the trace is not whole."},
	{"FILES",
	 "cpartrace.data is the trace that is written and read where no other is named; an "
	 "older one moves to cpartrace.data.old."},
	{"ENVIRONMENT",
	 "SUDO_UID and SUDO_GID, for root, say as whom files are written. NO_COLOR turns colour "
	 "off; COLUMNS says how wide the text may be where it does not go to "
	 "a terminal. The locale says whether characters beyond ASCII are printed."},
	{"SECURITY",
	 "Recording loads eBPF programs and needs root, or CAP_BPF and CAP_PERFMON; "
	 "CAP_SYS_PTRACE, CAP_SYS_NICE and CAP_SYSLOG make it better, and cpartrace doctor says "
	 "how. "
	 "Once the probes are attached all rights are given up but those to read address spaces "
	 "(CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_CHECKPOINT_RESTORE), to hand signals on to the "
	 "command (CAP_KILL), and, until an event loop is met, to load its probes; under sudo the "
	 "process becomes the user behind it then. With -r all of them stay up to the last run, "
	 "without "
	 "CAP_SYS_PTRACE to its end; with --stacks or --sample CAP_SYSLOG stays, and for a file in "
	 "a "
	 "directory that is another user's CAP_DAC_OVERRIDE and CAP_FOWNER. "
	 "The command keeps what it would have had. "
	 "Without "
	 "root no task of another user is named: it is `another user'. Reports are made without "
	 "privileges. Files are written under sudo as the user behind it, where that user may; no "
	 "link is followed. "
	 "Names of threads, files and arguments come from the traced program and are escaped."},
};

void man_page__program(struct strbuf *out)
{
	const struct command *const *c;

	add_title(out, "cpartrace");
	add_name(out, "cpartrace",
		 "Tells when a program's work was concurrent and when it was parallel.");
	strbuf__adds(out, ".SH SYNOPSIS\n\\fBcpartrace\\fR \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]\n"
			  ".SH DESCRIPTION\n");
	add_text(
		out,
		"A program can have many things in progress and still use one CPU at a time. "
		"cpartrace watches a command and all it starts, with eBPF programs at the kernel's "
		"scheduler events, and says for each moment how many things were in progress and "
		"how many CPUs worked on them, and why it was not more.");
	strbuf__adds(out, ".SH COMMANDS\n");
	for (c = commands; *c; c++) {
		strbuf__addf(out, ".TP\n.BR cpartrace\\-%s (1)\n", (*c)->name);
		add_text(out, (*c)->summary);
	}
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		strbuf__addf(out, ".SH %s\n", sections[i].title);
		add_text(out, sections[i].text);
	}
	add_examples(out, NULL);
	add_see_also(out, NULL);
}
