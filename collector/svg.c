// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* svg.c - see svg.h. */
#include "svg.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "colours.h"
#include "escape.h"
#include "format.h"
#include "limit.h"
#include "target_text.h"
#include "text_report.h"
#include "words.h"

#define HEAD_CHARS 118 /* of a line of text, as wide as the picture */
#define TICKS	   8   /* at most */

/* The fills of one theme: of states and classes, as the page has them. */
#define FILLS(theme)                                                                               \
	"text,.ink{fill:" CPT_##theme##_INK "}.dim{fill:" CPT_##theme##_SOFT                       \
		"}"                                                                                \
		".bg{fill:" CPT_##theme##_CARD "}.frame{stroke:" CPT_##theme##_LINE                \
		"}"                                                                                \
		".grid{stroke:" CPT_##theme##_LINE "}.axis{stroke:" CPT_##theme##_SOFT             \
		"}"                                                                                \
		".empty{fill:" CPT_##theme##_SHADE "}.run{fill:" CPT_##theme##_RUNNING             \
		"}"                                                                                \
		".ready{fill:" CPT_##theme##_RUNNABLE "}.lock{fill:" CPT_##theme##_LOCK            \
		"}"                                                                                \
		".wait{fill:" CPT_##theme##_IO "}.park{fill:" CPT_##theme##_PARKED                 \
		"}"                                                                                \
		".lost,.unknown{fill:" CPT_##theme##_UNKNOWN "}.path{fill:" CPT_##theme##_PATH     \
		"}"                                                                                \
		".level,.concurrent{fill:" CPT_##theme##_CONCURRENT                                \
		"}"                                                                                \
		".flight{fill:" CPT_##theme##_FLIGHT "}.parallel{fill:" CPT_##theme##_PARALLEL     \
		"}"                                                                                \
		".serial{fill:" CPT_##theme##_SERIAL "}.idle{fill:" CPT_##theme##_IDLE             \
		"}"                                                                                \
		".in{fill:" CPT_##theme##_ON_DARK "}.in.ink{fill:" CPT_##theme##_ON_LIGHT "}"

static const char style[] =
	"<style>"
	"text{font-family:sans-serif;font-size:13px}"
	".h{font-size:16px;font-weight:bold}.b{font-weight:bold}.small,.in{font-size:11px}"
	".frame{fill:none}.split{stroke:#fff;stroke-opacity:.7}" FILLS(
		LIGHT) "@media (prefers-color-scheme:dark){" FILLS(DARK) "}</style>\n";

/* ---- text ------------------------------------------------------------------------------------ */

/* XML 1.0 has no place for these, in whatever form. */
static bool is_no_xml(uint32_t c)
{
	return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || (c & 0xfffe) == 0xfffe;
}

static void add_xml(struct strbuf *b, const char *s, size_t len)
{
	uint32_t c = 0;

	if (strbuf__lacks(b, s))
		return;
	while (len) {
		unsigned int n = utf8_decode(s, len, &c);

		if (!n || is_no_xml(c))
			strbuf__adds(b, "\xef\xbf\xbd");
		else if (c == '<')
			strbuf__adds(b, "&lt;");
		else if (c == '>')
			strbuf__adds(b, "&gt;");
		else if (c == '&')
			strbuf__adds(b, "&amp;");
		else if (c == '"')
			strbuf__adds(b, "&quot;");
		else
			strbuf__add(b, s, n);
		n = n ? n : 1;
		s += n;
		len -= n;
	}
}

/* Raw text, escaped and cut to so many characters. */
static void add_cut(struct strbuf *b, const char *raw, unsigned int chars)
{
	struct strbuf all = {0};
	size_t at = 0, fits = 0;
	unsigned int cnt = 0;
	uint32_t c;

	escape_add_data(&all, raw, strlen(raw));
	while (at < all.len) {
		unsigned int n = utf8_decode(all.s + at, all.len - at, &c);

		at += n ? n : 1;
		if (++cnt < chars)
			fits = at;
	}
	if (all.failed)
		b->failed = true;
	else if (cnt <= chars)
		add_xml(b, strbuf__str(&all), all.len);
	else {
		add_xml(b, all.s, fits);
		strbuf__adds(b, "…");
	}
	strbuf__free(&all);
}

static unsigned int char_cnt(const char *s)
{
	unsigned int cnt = 0;

	for (; *s; s++)
		cnt += (*s & 0xc0) != 0x80;
	return cnt;
}

void svg__number(struct strbuf *b, double n)
{
	char text[40];
	int len;

	len = snprintf(text, sizeof(text), "%.2f", isfinite(n) ? n : 0);
	while (len && text[len - 1] == '0')
		len--;
	if (len && text[len - 1] == '.')
		len--;
	strbuf__add(b, text, (size_t)len);
}

static void add_attr(struct strbuf *b, const char *name, double n)
{
	strbuf__addf(b, " %s=\"", name);
	svg__number(b, n);
	strbuf__addc(b, '"');
}

/* ---- pieces ------------------------------------------------------------------------------------ */

static void begin_text(struct strbuf *b, const char *cls, enum svg_anchor anchor, double x,
		       double y)
{
	static const char *const anchors[] = {"", " text-anchor=\"middle\"",
					      " text-anchor=\"end\""};

	strbuf__addf(b, "<text class=\"%s\"%s", cls, anchors[anchor]);
	add_attr(b, "x", x);
	add_attr(b, "y", y);
	strbuf__addc(b, '>');
}

void svg__text(struct strbuf *b, const char *cls, enum svg_anchor anchor, double x, double y,
	       const char *text, unsigned int chars)
{
	begin_text(b, cls, anchor, x, y);
	add_cut(b, text, chars);
	strbuf__adds(b, "</text>\n");
}

void svg__name(struct strbuf *b, const char *cls, enum svg_anchor anchor, double x, double y,
	       const char *name, const char *rest, unsigned int chars)
{
	const unsigned int taken = char_cnt(rest);

	begin_text(b, cls, anchor, x, y);
	add_cut(b, *name ? name : "(no name)", chars > taken + 4 ? chars - taken : 4);
	add_xml(b, rest, strlen(rest));
	strbuf__adds(b, "</text>\n");
}

void svg__title(struct strbuf *b, const char *name, const char *rest)
{
	strbuf__adds(b, "<title>");
	add_cut(b, name, 200);
	add_xml(b, rest, strlen(rest));
	strbuf__adds(b, "</title>");
}

void svg__rect(struct strbuf *b, const char *cls, double x, double y, double w, double h)
{
	strbuf__addf(b, "<rect class=\"%s\"", cls);
	add_attr(b, "x", x);
	add_attr(b, "y", y);
	add_attr(b, "width", w > 0 ? w : 0);
	add_attr(b, "height", h > 0 ? h : 0);
	strbuf__adds(b, "/>\n");
}

void svg__line(struct strbuf *b, const char *cls, double x1, double y1, double x2, double y2)
{
	strbuf__addf(b, "<line class=\"%s\"", cls);
	add_attr(b, "x1", x1);
	add_attr(b, "y1", y1);
	add_attr(b, "x2", x2);
	add_attr(b, "y2", y2);
	strbuf__adds(b, "/>\n");
}

/* 1, 2 or 5 times a power of ten, so that there are at most TICKS. */
static uint64_t tick_ns(uint64_t span_ns)
{
	uint64_t unit = 1;

	for (;;) {
		for (int i = 0; i < 3; i++) {
			const uint64_t tick = unit * (uint64_t[]){1, 2, 5}[i];

			if (span_ns / tick <= TICKS)
				return tick;
		}
		unit *= 10;
	}
}

void svg__time_axis(struct strbuf *b, double x, double y, double width, uint64_t span_ns)
{
	const uint64_t tick = tick_ns(span_ns);
	char d[FMT_SZ];

	svg__line(b, "axis", x, y, x + width, y);
	for (uint64_t at = 0; at <= span_ns && span_ns; at += tick) {
		const double px = x + width * ((double)at / (double)span_ns);

		svg__line(b, "axis", px, y, px, y + 4);
		svg__text(b, "small dim", px > x + width - 20 ? SVG_END : SVG_MIDDLE, px, y + 16,
			  fmt_duration(d, at, true), 20);
	}
}

/* ---- the document -------------------------------------------------------------------------------- */

/* Lines of the head below the command, each with its class before it ("b" or "dim"), NUL-separated. */
static unsigned int head_lines(struct strbuf *lines, const struct cpt_report *r, const char *note)
{
	struct strbuf text = {0}, wrapped = {0};
	char d[FMT_SZ], n[FMT_SZ], m[FMT_SZ];
	unsigned int cnt = 0;

	strbuf__addf(&text,
		     "%s · %" PRIu32 " of %" PRIu32
		     " CPU%s allowed · %s process%s, %s thread%s%s%s",
		     fmt_duration(d, r->window_ns, true), r->cpus_allowed, r->cpus_online,
		     r->cpus_online == 1 ? "" : "s", fmt_count(n, r->processes),
		     r->processes == 1 ? "" : "es", fmt_count(m, r->threads),
		     r->threads == 1 ? "" : "s", note ? " · " : "", note ? note : "");
	strbuf__addc(&text, '\n');
	words__verdict(&text, r);
	strbuf__addc(&text, '\n');
	limits__sentence(&text, r, true);
	for (const char *line = strbuf__str(&text); *line;) {
		const size_t len = strcspn(line, "\n");
		struct strbuf one = {0};

		strbuf__add(&one, line, len);
		cli_wrap(&wrapped, strbuf__str(&one), 0, 0, HEAD_CHARS);
		strbuf__free(&one);
		line += len + (line[len] == '\n');
	}
	for (const char *line = strbuf__str(&wrapped); *line; cnt++) {
		const size_t len = strcspn(line, "\n");

		strbuf__add(lines, line, len);
		strbuf__addc(lines, '\0');
		line += len + (line[len] == '\n');
	}
	if (text.failed || wrapped.failed)
		lines->failed = true;
	strbuf__free(&text);
	strbuf__free(&wrapped);
	return cnt;
}

void svg__open(struct strbuf *b, const struct cpt_report *r, const char *what, const char *note,
	       double body_height, double *y)
{
	struct strbuf lines = {0}, command = {0};
	const unsigned int cnt = head_lines(&lines, r, note);
	const double height = SVG_MARGIN + 24 + SVG_LINE * cnt + 12 + body_height + SVG_MARGIN;
	const char *line = strbuf__str(&lines);

	target_text__add(&command, r);
	b->failed |= command.failed;
	strbuf__adds(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" role=\"img\"");
	add_attr(b, "width", SVG_WIDTH);
	add_attr(b, "height", height);
	strbuf__adds(b, " viewBox=\"0 0 ");
	svg__number(b, SVG_WIDTH);
	strbuf__addc(b, ' ');
	svg__number(b, height);
	strbuf__adds(b, "\">\n");
	svg__title(b, strbuf__str(&command), "");
	strbuf__addf(b, "\n<desc>%s of a run, by cpartrace</desc>\n%s", what, style);
	svg__rect(b, "bg", 0, 0, SVG_WIDTH, height);
	*y = SVG_MARGIN + 14;
	svg__text(b, "h", SVG_START, SVG_MARGIN, *y,
		  command.len ? strbuf__str(&command) : "(no command)", 96);
	*y += 6;
	for (unsigned int i = 0; i < cnt; i++, line += strlen(line) + 1) {
		*y += SVG_LINE;
		svg__text(b, i ? "b" : "dim", SVG_START, SVG_MARGIN, *y, line, HEAD_CHARS);
	}
	*y += 16;
	if (lines.failed || command.failed)
		b->failed = true;
	strbuf__free(&lines);
	strbuf__free(&command);
}

void svg__close(struct strbuf *b)
{
	strbuf__adds(b, "</svg>\n");
}
