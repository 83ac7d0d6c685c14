// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cli.c - see cli.h: the parser and the text of --help. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"

#define HELP_INDENT 30 /* column where the explanations of options start */

static const struct cli_option help_option = {"help", 'h', NULL, "show this text", NULL, 0,
					      0,      0,   NULL};

static size_t table_len(const struct cli_option *options)
{
	size_t n = 0;

	while (options[n].name)
		n++;
	return n;
}

/* Levenshtein distance; words longer than the row are never near anything. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[33], len_b = strlen(b), i, j;

	if (len_b > 32 || strlen(a) > 32)
		return SIZE_MAX;
	for (j = 0; j <= len_b; j++)
		row[j] = j;
	for (i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (j = 1; j <= len_b; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[len_b];
}

const char *cli_nearest(const char *word, const char *const *names, size_t cnt)
{
	const char *nearest = NULL;
	size_t best = SIZE_MAX, i;

	for (i = 0; i < cnt; i++) {
		size_t d = edit_distance(word, names[i]);

		/* What is cut short or goes on longer is nearer than its letters say. */
		if (d != SIZE_MAX && strlen(word) >= 2 && !strncmp(word, names[i], strlen(word)))
			d = 1;
		if (d < best) {
			best = d;
			nearest = names[i];
		}
	}
	/* A third of the letters wrong is still a slip, more is another word. */
	return nearest && best <= 1 + strlen(nearest) / 3 ? nearest : NULL;
}

static void say_unknown(const struct cli_option *options, const char *word, size_t len,
			struct strbuf *err)
{
	const char *names[64], *nearest;
	char name[64];
	size_t cnt = 0;

	for (; cnt < 63 && options[cnt].name; cnt++)
		names[cnt] = options[cnt].name;
	names[cnt++] = help_option.name;
	if (len >= sizeof(name))
		len = sizeof(name) - 1;
	memcpy(name, word, len);
	name[len] = '\0';
	nearest = cli_nearest(name, names, cnt);
	strbuf__addf(err, "unknown option --%s", name);
	if (nearest)
		strbuf__addf(err, "; did you mean --%s?", nearest);
	else
		strbuf__adds(err, "; see --help");
}

/* The option that `word` (len bytes) names, in full or by a unique start; NULL with err set. */
static const struct cli_option *find_long(const struct cli_option *options, const char *word,
					  size_t len, struct strbuf *err)
{
	const struct cli_option *found = NULL;
	size_t n = table_len(options), i;

	for (i = 0; i <= n; i++) {
		const struct cli_option *opt = i < n ? &options[i] : &help_option;

		if (strncmp(opt->name, word, len) != 0)
			continue;
		if (strlen(opt->name) == len)
			return opt;
		if (found) {
			strbuf__addf(err, "--%.*s could be --%s or --%s", (int)len, word,
				     found->name, opt->name);
			return NULL;
		}
		found = opt;
	}
	if (!found || !len) {
		say_unknown(options, word, len, err);
		return NULL;
	}
	return found;
}

static const struct cli_option *find_letter(const struct cli_option *options, char letter)
{
	const struct cli_option *opt;

	for (opt = options; opt->name; opt++)
		if (opt->letter == letter)
			return opt;
	return letter == help_option.letter ? &help_option : NULL;
}

/* "[=HZ]": may be left out, and follows in the same word only. */
static bool value_is_optional(const struct cli_option *opt)
{
	return opt->value && opt->value[0] == '[';
}

static int apply(const struct cli_option *opt, void *into, const char *value, struct strbuf *err)
{
	struct strbuf why = {0};
	int ret = opt->set((char *)into + opt->field_off, value, opt, &why);

	if (ret < 0)
		strbuf__addf(err, "--%s: %s", opt->name, strbuf__str(&why));
	if (why.failed)
		err->failed = true;
	strbuf__free(&why);
	if (ret == -ENOMEM)
		return ret;
	return ret < 0 ? -EINVAL : 0;
}

static int parse_long(const struct cli_option *options, void *into, int argc, char *const *argv,
		      int *pos, struct strbuf *err)
{
	const char *word = argv[*pos] + 2, *equals = strchr(word, '='), *value = NULL;
	const struct cli_option *opt;

	opt = find_long(options, word, equals ? (size_t)(equals - word) : strlen(word), err);
	if (!opt)
		return -EINVAL;
	if (opt == &help_option)
		return CLI_HELP;
	if (!opt->value && equals) {
		strbuf__addf(err, "--%s takes no value", opt->name);
		return -EINVAL;
	}
	if (opt->value) {
		if (equals)
			value = equals + 1;
		else if (value_is_optional(opt))
			value = NULL;
		else if (*pos + 1 < argc)
			value = argv[++*pos];
		else {
			strbuf__addf(err, "--%s needs a value: %s", opt->name, opt->value);
			return -EINVAL;
		}
	}
	return apply(opt, into, value, err);
}

/* -json is more likely a long option with a dash too few than five short ones. */
static void say_unknown_letter(const struct cli_option *options, const char *word, char letter,
			       struct strbuf *err)
{
	const char *names[64], *nearest = NULL;
	size_t cnt = 0;

	for (; cnt < 64 && options[cnt].name; cnt++)
		names[cnt] = options[cnt].name;
	if (strlen(word) > 3)
		nearest = cli_nearest(word + 1, names, cnt);
	strbuf__addf(err, "unknown option -%c", letter);
	if (nearest)
		strbuf__addf(err, "; did you mean --%s?", nearest);
	else
		strbuf__adds(err, "; see --help");
}

static int parse_letters(const struct cli_option *options, void *into, int argc, char *const *argv,
			 int *pos, struct strbuf *err)
{
	const char *p;
	int ret = 0;

	for (p = argv[*pos] + 1; *p && !ret; p++) {
		const struct cli_option *opt = find_letter(options, *p);

		if (!opt) {
			say_unknown_letter(options, argv[*pos], *p, err);
			return -EINVAL;
		}
		if (opt == &help_option)
			return CLI_HELP;
		if (!opt->value) {
			ret = apply(opt, into, NULL, err);
			continue;
		}
		if (p[1])
			return apply(opt, into, p + 1, err);
		if (*pos + 1 >= argc) {
			strbuf__addf(err, "-%c needs a value: %s", *p, opt->value);
			return -EINVAL;
		}
		return apply(opt, into, argv[++*pos], err);
	}
	return ret;
}

int cli_parse(const struct cli_option *options, void *into, int argc, char *const *argv, int *first,
	      struct strbuf *err)
{
	int pos, ret = 0;

	for (pos = 1; pos < argc && !ret; pos++) {
		if (argv[pos][0] != '-' || !argv[pos][1])
			break;
		if (!strcmp(argv[pos], "--")) {
			pos++;
			break;
		}
		if (argv[pos][1] == '-')
			ret = parse_long(options, into, argc, argv, &pos, err);
		else
			ret = parse_letters(options, into, argc, argv, &pos, err);
	}
	*first = pos;
	return ret;
}

/* The length of the next word; a number and its unit are one. */
static size_t word_len(const char *text)
{
	static const char *const units[] = {"ns", "us", "µs", "ms", "s", "min", "%"};
	const size_t len = strcspn(text, " ");
	const char *next = text + len + 1;

	if (!len || !text[len] || text[len - 1] < '0' || text[len - 1] > '9')
		return len;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strncmp(next, units[i], strlen(units[i])) &&
		    strchr(" .,;:)", next[strlen(units[i])]))
			return len + 1 + strcspn(next, " ");
	return len;
}

void cli_wrap(struct strbuf *out, const char *text, unsigned int at, unsigned int indent,
	      unsigned int width)
{
	bool line_empty = true;

	if (strbuf__lacks(out, text))
		return;
	while (*text) {
		size_t len = word_len(text);
		unsigned int w = display_width(text, len);

		if (!line_empty && at + 1 + w > width) {
			strbuf__addc(out, '\n');
			strbuf__repeat(out, " ", indent);
			at = indent;
			line_empty = true;
		}
		if (!line_empty) {
			strbuf__addc(out, ' ');
			at++;
		}
		strbuf__add(out, text, len);
		at += w;
		line_empty = false;
		text += len;
		text += strspn(text, " ");
	}
	strbuf__addc(out, '\n');
}

static void help_option_line(const struct cli_option *opt, struct strbuf *out, unsigned int width)
{
	size_t start = out->len;
	unsigned int at;

	if (opt->letter)
		strbuf__addf(out, "  -%c, --%s", opt->letter, opt->name);
	else
		strbuf__addf(out, "      --%s", opt->name);
	if (opt->value)
		strbuf__addf(out, "%s%s", value_is_optional(opt) ? "" : " ", opt->value);
	at = (unsigned int)(out->len - start);
	if (at + 2 > HELP_INDENT) {
		strbuf__addc(out, '\n');
		at = 0;
	}
	strbuf__repeat(out, " ", HELP_INDENT - at);
	cli_wrap(out, opt->help, HELP_INDENT, HELP_INDENT, width);
}

void cli_help_options(const struct cli_option *options, struct strbuf *out, unsigned int width)
{
	for (; options->name; options++)
		help_option_line(options, out, width);
	help_option_line(&help_option, out, width);
}
