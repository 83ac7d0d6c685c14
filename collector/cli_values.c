// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cli_values.c - the kinds of values options take; see cli.h. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int cli_parse_number(const char *s, size_t len, uint64_t *n)
{
	uint64_t value = 0;
	size_t i;

	if (!len)
		return -EINVAL;
	for (i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s[i] - '0'), &value))
			return -EINVAL;
	}
	*n = value;
	return 0;
}

/* Digits with at most nine after a point, times `scale` (a power of ten, at least 1), exactly. */
static int parse_decimal(const char *s, size_t len, uint64_t scale, uint64_t *result)
{
	const char *point = memchr(s, '.', len);
	size_t whole_len = point ? (size_t)(point - s) : len, i;
	uint64_t whole = 0, fraction = 0;

	if (whole_len && cli_parse_number(s, whole_len, &whole) < 0)
		return -EINVAL;
	if (__builtin_mul_overflow(whole, scale, &whole))
		return -EINVAL;
	if (point) {
		uint64_t unit = scale;

		if (len - whole_len < 2)
			return -EINVAL;
		for (i = whole_len + 1; i < len; i++) {
			if (s[i] < '0' || s[i] > '9')
				return -EINVAL;
			unit /= 10;
			fraction += unit * (uint64_t)(s[i] - '0');
		}
	} else if (!whole_len) {
		return -EINVAL;
	}
	return __builtin_add_overflow(whole, fraction, result) ? -EINVAL : 0;
}

int cli_parse_duration(const char *s, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t scale; /* power of ten */
		uint64_t times;
	} units[] = {{"", 1000000000, 1},    {"s", 1000000000, 1}, {"ms", 1000000, 1},
		     {"us", 1000, 1},	     {"ns", 1, 1},	   {"m", 1000000000, 60},
		     {"h", 1000000000, 3600}};
	size_t len = strspn(s, "0123456789."), i;
	uint64_t value;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(s + len, units[i].name) != 0)
			continue;
		if (parse_decimal(s, len, units[i].scale, &value) < 0)
			return -EINVAL;
		return __builtin_mul_overflow(value, units[i].times, ns) ? -EINVAL : 0;
	}
	return -EINVAL;
}

int cli_set_flag(void *field, const char *value, const struct cli_option *opt, struct strbuf *why)
{
	*(bool *)field = true;
	return 0;
}

int cli_set_string(void *field, const char *value, const struct cli_option *opt, struct strbuf *why)
{
	if (!*value) {
		strbuf__addf(why, "the value is empty, %s is needed", opt->value);
		return -EINVAL;
	}
	*(const char **)field = value;
	return 0;
}

int cli_set_number(void *field, const char *value, const struct cli_option *opt, struct strbuf *why)
{
	uint64_t n;

	if (cli_parse_number(value, strlen(value), &n) < 0 || n < opt->min || n > opt->max) {
		strbuf__addf(why, "'%s' is not a number from %" PRIu64 " to %" PRIu64, value,
			     opt->min, opt->max);
		return -EINVAL;
	}
	*(uint32_t *)field = (uint32_t)n;
	return 0;
}

int cli_set_size(void *field, const char *value, const struct cli_option *opt, struct strbuf *why)
{
	static const char suffixes[] = "KMG";
	size_t digits = strspn(value, "0123456789");
	const char *rest = value + digits, *suffix = NULL;
	uint64_t n = 0;

	if (*rest) {
		suffix = strchr(suffixes, *rest >= 'a' ? *rest - 'a' + 'A' : *rest);
		rest++;
		if (*rest == 'i')
			rest++;
		if (*rest == 'B')
			rest++;
	}
	if (cli_parse_number(value, digits, &n) < 0 || *rest || (value[digits] && !suffix))
		goto bad;
	if (suffix && __builtin_mul_overflow(n, UINT64_C(1) << (10 * (suffix - suffixes + 1)), &n))
		goto bad;
	if (n < opt->min || n > opt->max)
		goto bad;
	*(uint64_t *)field = n;
	return 0;
bad:
	strbuf__addf(why, "'%s' is not a size from %" PRIu64 "K to %" PRIu64 "M (as 512K, 4M)",
		     value, opt->min >> 10, opt->max >> 20);
	return -EINVAL;
}

int cli_set_duration(void *field, const char *value, const struct cli_option *opt,
		     struct strbuf *why)
{
	uint64_t ns;

	if (cli_parse_duration(value, &ns) < 0 || ns < opt->min || ns > opt->max) {
		strbuf__addf(why, "'%s' is not a time in range (seconds, or as 1.5s, 250ms, 2m)",
			     value);
		return -EINVAL;
	}
	*(uint64_t *)field = ns;
	return 0;
}

static void say_words(const char *value, size_t len, const struct cli_option *opt,
		      struct strbuf *why)
{
	const char *const *w;
	const char *nearest;
	char word[64];
	size_t cnt = 0;

	while (opt->words[cnt])
		cnt++;
	len = len < sizeof(word) ? len : sizeof(word) - 1;
	memcpy(word, value, len);
	word[len] = '\0';
	strbuf__addf(why, "'%s' is none of", word);
	for (w = opt->words; *w; w++)
		strbuf__addf(why, "%s %s", w == opt->words ? "" : ",", *w);
	nearest = cli_nearest(word, opt->words, cnt);
	if (nearest)
		strbuf__addf(why, "; did you mean %s?", nearest);
}

static int word_index(const char *value, size_t len, const struct cli_option *opt)
{
	int i;

	for (i = 0; opt->words[i]; i++)
		if (strlen(opt->words[i]) == len && !strncmp(opt->words[i], value, len))
			return i;
	return -1;
}

int cli_set_word(void *field, const char *value, const struct cli_option *opt, struct strbuf *why)
{
	int i = word_index(value, strlen(value), opt);

	if (i < 0) {
		say_words(value, strlen(value), opt, why);
		return -EINVAL;
	}
	*(int *)field = i;
	return 0;
}

int cli_set_words(void *field, const char *value, const struct cli_option *opt, struct strbuf *why)
{
	for (;;) {
		size_t len = strcspn(value, ",");
		int i = word_index(value, len, opt);

		if (i < 0) {
			say_words(value, len, opt, why);
			return -EINVAL;
		}
		*(uint32_t *)field |= UINT32_C(1) << i;
		if (!value[len])
			return 0;
		value += len + 1;
	}
}
