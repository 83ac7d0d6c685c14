// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* table_text.c - see table_text.h. */
#include "table_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

char *table_text(const struct table_col *cols,
		 int (*write)(struct table_out *, const struct cpt_report *),
		 const struct cpt_report *r, bool jsonl)
{
	char *text = NULL;
	size_t sz;
	struct table_out out = {.f = open_memstream(&text, &sz), .cols = cols, .jsonl = jsonl};

	assert_non_null(out.f);
	assert_int_equal(table_out__head(&out), 0);
	assert_int_equal(write(&out, r), 0);
	table_out__free(&out);
	assert_int_equal(fclose(out.f), 0);
	return text;
}
