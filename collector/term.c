// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* term.c - see term.h. */
#include "term.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"

static unsigned int find_width(int fd)
{
	const char *columns = getenv("COLUMNS");
	struct winsize ws;
	uint64_t n;

	if (columns && !cli_parse_number(columns, strlen(columns), &n) && n && n <= CPT_WIDTH_MAX)
		return (unsigned int)n;
	if (ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_col)
		return ws.ws_col;
	return CPT_WIDTH_DEFAULT;
}

static bool wants_colour(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(fd) && !(no_color && *no_color) && terminal && strcmp(terminal, "dumb") != 0;
}

struct text_style term_style(int fd, unsigned int width_opt)
{
	struct text_style style = {
		.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
		.colour = wants_colour(fd),
		.width = width_opt ? width_opt : find_width(fd),
	};

	if (style.width < CPT_WIDTH_MIN)
		style.width = CPT_WIDTH_MIN;
	if (style.width > CPT_WIDTH_MAX)
		style.width = CPT_WIDTH_MAX;
	return style;
}
