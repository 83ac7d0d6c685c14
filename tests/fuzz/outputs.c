// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* outputs.c - see fuzz.h. What a command prints goes to streams that keep it, and is looked at afterwards. */
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define KEPT_MAX (8u << 20)

struct kept {
	char *at; /* KEPT_MAX + 1 bytes */
	size_t sz;
	bool cut;
};

static struct kept out, err;

static ssize_t keep(void *cookie, const char *data, size_t sz)
{
	struct kept *k = cookie;
	const size_t room = KEPT_MAX - k->sz;

	k->cut |= sz > room;
	memcpy(k->at + k->sz, data, sz < room ? sz : room);
	k->sz += sz < room ? sz : room;
	return (ssize_t)sz;
}

static FILE *stream_of(struct kept *k)
{
	FILE *f;

	k->at = malloc(KEPT_MAX + 1);
	f = k->at ? fopencookie(k, "w", (cookie_io_functions_t){.write = keep}) : NULL;
	if (!f)
		abort();
	return f;
}

void outputs__take(void)
{
	stdout = stream_of(&out);
	stderr = stream_of(&err);
}

__attribute__((noreturn)) static void broken(const char *what, const char *at, const char *end)
{
	char line[1024];
	int len = snprintf(line, sizeof(line), "output broken: %s, at: ", what);

	for (; at < end && len < (int)sizeof(line) - 5; at++)
		len += snprintf(line + len, sizeof(line) - (size_t)len,
				isprint((unsigned char)*at) ? "%c" : "\\x%02x", (unsigned char)*at);
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		abort();
	abort();
}

void outputs__broken(const char *what)
{
	fflush(stderr);
	broken(what, err.at, err.at + err.sz);
}

/* ---- text -------------------------------------------------------------------------------------- */

/* One character of UTF-8 in its only form: its size; 0: it is none. */
static size_t decode(const unsigned char *p, size_t left, uint32_t *ch)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const size_t sz = *p < 0x80 ? 1 : *p < 0xc0 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;

	if (!sz || *p > 0xf4 || sz > left)
		return 0;
	*ch = sz == 1 ? *p : *p & (0x7fu >> sz);
	for (size_t i = 1; i < sz; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*ch = *ch << 6 | (p[i] & 0x3f);
	}
	return *ch < least[sz] || *ch > 0x10ffff || (*ch >= 0xd800 && *ch < 0xe000) ? 0 : sz;
}

/* What a terminal, or an eye, takes for something else than a character. */
static bool is_harmful(uint32_t ch)
{
	return (ch < 0x20 && ch != '\n') || (ch >= 0x7f && ch < 0xa0) ||
	       (ch >= 0x200b && ch <= 0x200f) || (ch >= 0x202a && ch <= 0x202e) ||
	       (ch >= 0x2066 && ch <= 0x2069) || ch == 0xfeff;
}

/* also: a character that this form has of its own. cut: the last character may be a part of one. */
static void check_text(const char *p, size_t len, bool cut, char also)
{
	const char *end = p + len;
	uint32_t ch;

	while (p < end) {
		const size_t sz = decode((const unsigned char *)p, (size_t)(end - p), &ch);

		if (!sz && cut && end - p < 4)
			return;
		if (!sz)
			broken("no UTF-8", p, end);
		if (is_harmful(ch) && ch != (unsigned char)also)
			broken("a control or invisible character", p, end);
		p += sz;
	}
}

void outputs__text(const char *at, size_t sz)
{
	check_text(at, sz, false, '\n');
}

/* ---- forms ------------------------------------------------------------------------------------- */

static void check_json(const char *at, size_t sz)
{
	json_error_t why;
	/* A u64 is a number of JSON; jansson's own are smaller. */
	json_t *json = json_loadb(at, sz, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &why);

	if (!json)
		broken(why.text, at + (why.position > 20 ? why.position - 20 : 0), at + sz);
	json_decref(json);
}

/* Calls check for each whole line, without its end. */
static void each_line(const struct kept *k, void (*check)(const char *at, size_t sz))
{
	const char *p = k->at, *end = k->at + k->sz, *nl;

	while (p < end && (nl = memchr(p, '\n', (size_t)(end - p)))) {
		check(p, (size_t)(nl - p));
		p = nl + 1;
	}
}

static void check_folded(const char *at, size_t sz)
{
	size_t digits = 0;

	while (digits < sz && isdigit((unsigned char)at[sz - 1 - digits]))
		digits++;
	if (!digits || digits + 1 >= sz || at[sz - 1 - digits] != ' ')
		broken("a line without a number", at, at + sz);
}

static void check_metric(const char *at, size_t sz)
{
	if (strncmp(at, "# ", 2) && strncmp(at, "cpartrace_", 10))
		broken("a line that is no metric", at, at + sz);
}

static void check_metrics_end(const struct kept *k)
{
	static const char last[] = "\n# EOF\n";
	const size_t len = sizeof(last) - 1;
	const char *first;

	if (k->sz < len || memcmp(k->at + k->sz - len, last, len))
		broken("no end", k->at, k->at + k->sz);
	first = memmem(k->at, k->sz, last, len);
	if (first != k->at + k->sz - len)
		broken("an end before the end", first, k->at + k->sz);
}

/* RFC 4180: a quote only begins a cell, and is doubled within; rows are of as many cells. */
static void check_csv(const struct kept *k)
{
	const char *p = k->at, *end = k->at + k->sz;
	size_t cells = 1, first = 0;

	while (p < end) {
		if (*p == '"') {
			for (p++; p < end && (*p != '"' || (p + 1 < end && p[1] == '"')); p++)
				p += *p == '"';
			if (p++ >= end)
				return;
			if (p < end && *p != ',' && *p != '\r')
				broken("a quoted cell that goes on", p, end);
		}
		while (p < end && *p != ',' && *p != '\r') {
			if (*p == '"' || *p == '\n')
				broken("a quote or line end within a cell", p, end);
			p++;
		}
		if (p == end)
			return;
		if (*p == ',') {
			cells++;
			p++;
			continue;
		}
		if (first && cells != first)
			broken("a row of other cells", p, end);
		if (p + 1 < end && p[1] != '\n')
			broken("a line end of another form", p, end);
		first = cells;
		cells = 1;
		p += 2;
	}
}

static size_t count(const struct kept *k, const char *what)
{
	size_t n = 0;
	const char *p = k->at;

	k->at[k->sz] = '\0';
	while ((p = strcasestr(p, what))) {
		p++;
		n++;
	}
	return n;
}

static void check_svg(const struct kept *k)
{
	const char *end = k->at + k->sz;

	if (count(k, "<script") || count(k, "javascript:"))
		broken("a script", k->at, end);
	for (const char *p = k->at; p < end; p++) {
		const size_t left = (size_t)(end - p);
		size_t name = 1;

		if (*p == '<' && left > 1 && !isalpha((unsigned char)p[1]) && !strchr("/!?", p[1]))
			broken("no tag", p, end);
		while (*p == '&' && name < left &&
		       (isalnum((unsigned char)p[name]) || p[name] == '#'))
			name++;
		if (*p == '&' && name < left && (name == 1 || p[name] != ';'))
			broken("no entity", p, end);
	}
}

/* What the page has of its own: style, data and the program; and how data is embedded (html_data.h). */
static void check_html(const struct kept *k)
{
	static const struct {
		const char *what;
		size_t cnt;
	} own[] = {{"<script", 3}, {"</script", 3}, {"<style", 1},
		   {"</style", 1}, {"<!--", 0},	    {"-->", 0}};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (count(k, own[i].what) != own[i].cnt)
			broken(own[i].what, k->at, k->at + k->sz);
}

static void check_form(const struct kept *k, enum fuzz_output kind, bool whole)
{
	if (kind == OUTPUT_JSON && whole)
		check_json(k->at, k->sz);
	else if (kind == OUTPUT_JSONL)
		each_line(k, check_json);
	else if (kind == OUTPUT_CSV)
		check_csv(k);
	else if (kind == OUTPUT_FOLDED)
		each_line(k, check_folded);
	else if (kind == OUTPUT_METRICS)
		each_line(k, check_metric);
	else if (kind == OUTPUT_SVG)
		check_svg(k);
	if (kind == OUTPUT_METRICS && whole)
		check_metrics_end(k);
	if (kind == OUTPUT_HTML && whole)
		check_html(k);
}

void outputs__check(enum fuzz_output kind, bool done)
{
	fflush(stdout);
	fflush(stderr);
	check_text(err.at, err.sz, err.cut, '\n');
	if (kind != OUTPUT_BINARY && kind != OUTPUT_JSON && kind != OUTPUT_JSONL)
		check_text(out.at, out.sz, out.cut,
			   kind == OUTPUT_CSV	 ? '\r'
			   : kind == OUTPUT_HTML ? '\t'
						 : '\n');
	check_form(&out, kind, done && !out.cut);
	out = (struct kept){.at = out.at};
	err = (struct kept){.at = err.at};
}
