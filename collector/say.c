// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* say.c - see say.h. */
#include "say.h"

#include <langinfo.h>
#include <stdio.h>
#include <string.h>

#include "escape.h"

static int log_level = 1;

void say__level(int level)
{
	log_level = level;
}

int say__is_verbose(void)
{
	return log_level >= 2;
}

/* Without memory: ASCII alone. */
static void say_plainly(char *raw)
{
	for (char *c = raw; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	fputs("cpartrace: ", stderr);
	fputs(raw, stderr);
	fputc('\n', stderr);
}

static void say_line(const char *fmt, va_list args)
{
	char raw[4096];
	struct strbuf line = {0};

	/* Cut rather than lost when longer; nothing sensible can be done if stderr is gone. */
	if (vsnprintf(raw, sizeof(raw), fmt, args) < 0)
		return;
	strbuf__adds(&line, "cpartrace: ");
	escape_add(&line, raw, strlen(raw), !strcmp(nl_langinfo(CODESET), "UTF-8"));
	strbuf__addc(&line, '\n');
	if (line.failed)
		say_plainly(raw);
	else
		fputs(line.s, stderr);
	fflush(stderr);
	strbuf__free(&line);
}

void say_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say_line(fmt, args);
	va_end(args);
}

void say_note(const char *fmt, ...)
{
	va_list args;

	if (log_level < 1)
		return;
	va_start(args, fmt);
	say_line(fmt, args);
	va_end(args);
}

void say_verbose(const char *fmt, ...)
{
	va_list args;

	if (log_level < 2)
		return;
	va_start(args, fmt);
	say_line(fmt, args);
	va_end(args);
}

int fail(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say_line(fmt, args);
	va_end(args);
	return err;
}
