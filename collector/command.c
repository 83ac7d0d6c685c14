// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* command.c - see command.h. */
#include "command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "examples.h"
#include "exit_status.h"
#include "say.h"
#include "term.h"
#include "write_all.h"

/* Lines longer than this are hard to read, however wide the terminal is. */
#define HELP_WIDTH_MAX 100

static unsigned int help_width(void)
{
	unsigned int width = term_style(STDOUT_FILENO, 0).width;

	return width < HELP_WIDTH_MAX ? width : HELP_WIDTH_MAX;
}

void command__help(const struct command *self, struct strbuf *out, unsigned int width)
{
	const char *p = self->details;

	strbuf__addf(out, "Usage: cpartrace %s%s%s\n\n", self->name, *self->args ? " " : "",
		     self->args);
	cli_wrap(out, self->summary, 0, 0, width);
	while (p && *p) {
		size_t len = strcspn(p, "\n");
		struct strbuf paragraph = {0};

		strbuf__add(&paragraph, p, len);
		strbuf__addc(out, '\n');
		cli_wrap(out, strbuf__str(&paragraph), 0, 0, width);
		strbuf__free(&paragraph);
		p += len + (p[len] == '\n');
	}
	strbuf__adds(out, "\nOptions:\n");
	cli_help_options(self->options, out, width);
	if (self->more_help)
		self->more_help(out, width);
	examples__help(out, self->name, width);
}

bool command__parse(const struct command *self, void *into, int argc, char *const *argv, int *first,
		    int *status)
{
	struct strbuf err = {0}, help = {0};
	int ret = cli_parse(self->options, into, argc, argv, first, &err);

	if (ret == CLI_HELP) {
		command__help(self, &help, help_width());
		*status = command__print_buf(&help) < 0 ? CPT_STATUS_FAILED : CPT_STATUS_OK;
	} else if (ret == -ENOMEM || (ret < 0 && err.failed)) {
		fail(-ENOMEM, "%s: out of memory", self->name);
		*status = self->usage_status == CPT_STATUS_USAGE ? CPT_STATUS_FAILED
								 : self->usage_status;
	} else if (ret < 0) {
		*status = command__usage(self, "%s", strbuf__str(&err));
	}
	strbuf__free(&err);
	strbuf__free(&help);
	return ret == 0;
}

int command__usage(const struct command *self, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	say_error("%s: %s", self->name, text);
	return self->usage_status;
}

static int cannot_print(void)
{
	const int err = errno ? errno : EIO;

	return fail(-err, "cannot write to standard output: %s", strerror(err));
}

int command__stdout_done(void)
{
	errno = 0;
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : cannot_print();
}

int command__print_buf(const struct strbuf *text)
{
	if (text->failed)
		return fail(-ENOMEM, "cannot write to standard output: out of memory");
	return command__print(strbuf__str(text));
}

int command__put(void *ctx, const char *s, size_t sz)
{
	(void)ctx;
	errno = 0;
	return fwrite(s, 1, sz, stdout) == sz ? 0 : cannot_print();
}

int command__print(const char *text)
{
	const int fd = fileno(stdout);
	int err = command__stdout_done();

	if (err)
		return err;
	errno = 0;
	if (fd < 0) /* a stream without a file */
		return fputs(text, stdout) == EOF ? cannot_print() : command__stdout_done();
	/* Not by stdio, which loses what a signal interrupts. */
	err = write_all(fd, text, strlen(text));
	return err ? fail(err, "cannot write to standard output: %s", strerror(-err)) : 0;
}
