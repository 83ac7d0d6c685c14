/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report_said.h - what a part of a report says, and whether something is in it.
 */
#ifndef CPT_REPORT_SAID_H
#define CPT_REPORT_SAID_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "collector/text_report.h"

/* The text of one part; valid until the next one. */
static inline const char *said_by(void (*add)(struct strbuf *, const struct cpt_report *,
					      const struct text_report_opts *),
				  const struct cpt_report *r, unsigned int width, unsigned int top)
{
	static struct strbuf b;
	const struct text_report_opts opts = {.style = {.utf8 = true, .width = width}, .top = top};

	strbuf__clear(&b);
	add(&b, r, &opts);
	assert_false(b.failed);
	return strbuf__str(&b);
}

static inline void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

static inline void lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in:\n%s", part, text);
}

/* The integer below a key of a JSON object. */
static inline json_int_t number(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

#endif /* CPT_REPORT_SAID_H */
