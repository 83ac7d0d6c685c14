// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A text that lacks a piece for want of memory says so, however the piece came to it. Linked with --wrap=realloc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../collector/cli.h"
#include "../../collector/draw.h"
#include "../../collector/escape.h"
#include "../../collector/json_obj.h"
#include "../../collector/strbuf.h"

static unsigned int fails_at, calls; /* counted from 1; 0: never */

void *__real_realloc(void *p, size_t sz);
void *__wrap_realloc(void *p, size_t sz);

void *__wrap_realloc(void *p, size_t sz)
{
	return ++calls == fails_at ? NULL : __real_realloc(p, sz);
}

/* Of one that had memory for its beginning and none for its end. */
static struct strbuf half(void)
{
	struct strbuf b = {0};

	calls = 0;
	fails_at = 2;
	strbuf__adds(&b, "a beginning");
	for (int i = 0; i < 200; i++)
		strbuf__adds(&b, " and more");
	fails_at = 0;
	assert_true(b.failed);
	assert_true(b.len > 0);
	return b;
}

static void whole(struct strbuf *out, const struct strbuf *piece)
{
	strbuf__adds(out, strbuf__str(piece));
}

static void shown(struct strbuf *out, const struct strbuf *piece)
{
	escape_add(out, strbuf__str(piece), piece->len, true);
}

static void as_data(struct strbuf *out, const struct strbuf *piece)
{
	escape_add_data(out, strbuf__str(piece), piece->len);
}

static void cut(struct strbuf *out, const struct strbuf *piece)
{
	escape_add_cut(out, strbuf__str(piece), piece->len, true, 20);
}

static void valid(struct strbuf *out, const struct strbuf *piece)
{
	utf8_add_valid(out, strbuf__str(piece), piece->len);
}

static void wrapped(struct strbuf *out, const struct strbuf *piece)
{
	cli_wrap(out, strbuf__str(piece), 0, 0, 80);
}

static void padded(struct strbuf *out, const struct strbuf *piece)
{
	draw_padded(out, strbuf__str(piece), 10, true);
}

static void beside(struct strbuf *out, const struct strbuf *piece)
{
	draw_beside(out, "left", strbuf__str(piece), 10);
}

static void clipped(struct strbuf *out, const struct strbuf *piece)
{
	const struct text_style style = {.width = 80};

	draw_clipped(out, strbuf__str(piece), &style);
}

static void what_is_made_of_a_lost_text_is_lost(void **state)
{
	void (*const ways[])(struct strbuf *, const struct strbuf *) = {
		whole, shown, as_data, cut, valid, wrapped, padded, beside, clipped};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct strbuf piece = half(), out = {0};

		strbuf__adds(&out, "before ");
		ways[i](&out, &piece);
		strbuf__adds(&out, " behind");
		assert_true(out.failed);
		assert_string_equal(strbuf__str(&out), "");
		strbuf__free(&piece);
		strbuf__free(&out);
	}
}

static void a_lost_text_is_no_value(void **state)
{
	struct strbuf piece = half();

	assert_null(json_value__string(strbuf__str(&piece)));
	assert_null(json_value__text(strbuf__str(&piece), piece.len));
	strbuf__free(&piece);
}

static void an_empty_text_is_whole(void **state)
{
	struct strbuf piece = {0}, out = {0};

	for (int i = 0; i < 2; i++) {
		strbuf__adds(&out, strbuf__str(&piece));
		assert_false(out.failed);
		strbuf__adds(&piece, "x");
		strbuf__clear(&piece);
	}
	strbuf__free(&piece);
	strbuf__free(&out);
}

/* jansson's own json_dumps() goes on behind a name that it had no memory for. */
static void json_is_dumped_whole_or_not_at_all(void **state)
{
	json_t *json = json_object();
	char *all, *text, name[80];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (char i = 'a'; i <= 'z'; i++) {
		name[0] = i;
		assert_int_equal(json_object_set_new(json, name, json_integer(i)), 0);
	}
	all = json_value__dump(json, JSON_COMPACT);
	assert_non_null(all);
	for (unsigned int at = 1;; at++) {
		calls = 0;
		fails_at = at;
		text = json_value__dump(json, JSON_COMPACT);
		fails_at = 0;
		if (calls < at)
			break;
		assert_null(text);
	}
	assert_string_equal(text, all);
	free(text);
	free(all);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_of_a_lost_text_is_lost),
		cmocka_unit_test(a_lost_text_is_no_value),
		cmocka_unit_test(an_empty_text_is_whole),
		cmocka_unit_test(json_is_dumped_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
