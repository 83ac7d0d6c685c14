// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* table.c - see table.h. */
#include "table.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "digits.h"
#include "escape.h"
#include "probes/cpt_abi.h"

/*
 * Rows of millions of intervals are written here: what is the same in each row is made once, room for all
 * that has a bound is asked for once per row, and a string that needs no escape goes straight in.
 */

#define KEY_CHUNK 16
#define FIELD_MAX                                                                                  \
	DIGITS_ROOM /* a number, or a string that is not long, and what stands around it */

static double double_at(const char *field)
{
	double x;

	memcpy(&x, field, sizeof(x));
	return x;
}

/* At most six decimals, none that is not needed. */
static void add_double(struct strbuf *b, double x)
{
	char text[64];
	int len;

	if (!isfinite(x) || fabs(x) >= 1e18)
		x = 0;
	len = snprintf(text, sizeof(text), "%.6f", x);
	while (len && text[len - 1] == '0')
		len--;
	if (len && text[len - 1] == '.')
		len--;
	strbuf__add(b, text, (size_t)len);
}

static void add_csv_string(struct strbuf *b, const char *s, size_t len)
{
	struct strbuf text = {0};
	const char *p;

	escape_add_data(&text, s, len);
	if (text.failed)
		b->failed = true;
	p = strbuf__str(&text);
	if (!strpbrk(p, ",\"")) {
		strbuf__adds(b, p);
	} else {
		strbuf__addc(b, '"');
		for (; *p; p++)
			strbuf__adds(b, *p == '"' ? "\"\"" : (char[]){*p, '\0'});
		strbuf__addc(b, '"');
	}
	strbuf__free(&text);
}

static void add_json_string(struct strbuf *b, const char *s, size_t len)
{
	struct strbuf text = {0};
	const char *p;

	utf8_add_valid(&text, s, len);
	if (text.failed)
		b->failed = true;
	strbuf__addc(b, '"');
	for (p = strbuf__str(&text); *p; p++) {
		if (*p == '"' || *p == '\\')
			strbuf__addc(b, '\\');
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			strbuf__addf(b, "\\u%04x", (unsigned int)*p);
		else
			strbuf__addc(b, *p);
	}
	strbuf__addc(b, '"');
	strbuf__free(&text);
}

/* Of each byte: does it need an escape in one of the formats? */
static const bool is_special[256] = {
	[0 ... 0x1f] = true, ['"'] = true, [','] = true, ['\\'] = true, [0x7f ... 0xff] = true,
};

/* Room for the rest of the row at the end of what is there. NULL without memory. */
static char *row_room(struct table_out *t)
{
	return strbuf__room(&t->line, t->row_max);
}

static char *put_long_string(struct table_out *t, char *to, const char *s, size_t len)
{
	t->line.len = (size_t)(to - t->line.s);
	if (t->jsonl)
		add_json_string(&t->line, s, len);
	else
		add_csv_string(&t->line, s, len);
	return row_room(t);
}

static inline char *put_string(struct table_out *t, char *to, const char *s, size_t len)
{
	const size_t quote = t->jsonl;
	bool special = len > FIELD_MAX - 3;

	for (size_t i = 0; i < len && !special; i++) {
		special = is_special[(unsigned char)s[i]];
		to[quote + i] = s[i];
	}
	if (special)
		return put_long_string(t, to, s, len);
	if (quote)
		to[0] = to[len + 1] = '"';
	return to + len + 2 * quote;
}

static char *put_double(struct table_out *t, char *to, double x)
{
	t->line.len = (size_t)(to - t->line.s);
	add_double(&t->line, x);
	return row_room(t);
}

static inline char *put_text(char *to, const char *text)
{
	const size_t len = strlen(text);

	memcpy(to, text, len);
	return to + len;
}

/* At `to`, which has FIELD_MAX bytes. Returns where the row goes on, NULL without memory. */
static inline char *put_field(struct table_out *t, char *to, const struct table_col *col,
			      const void *row)
{
	const char *field = (const char *)row + col->off;
	const char *s;

	switch (col->type) {
	case TABLE_U16:
		return put_u64(to, *(const uint16_t *)field);
	case TABLE_U32:
		return put_u64(to, *(const uint32_t *)field);
	case TABLE_U64:
		return put_u64(to, *(const uint64_t *)field);
	case TABLE_DOUBLE:
		return put_double(t, to, double_at(field));
	case TABLE_ROUNDED:
		return put_u64(to, (uint64_t)(double_at(field) + 0.5));
	case TABLE_BOOL:
		return put_text(to, *(const bool *)field ? "true" : "false");
	case TABLE_COMM:
		return put_string(t, to, field, strnlen(field, CPT_COMM_LEN));
	case TABLE_STRING:
		memcpy(&s, field, sizeof(s));
		if (s)
			return put_string(t, to, s, strlen(s));
		return t->jsonl ? put_text(to, "null") : to;
	}
	return to;
}

static int write_line(struct table_out *t)
{
	if (t->line.failed)
		return -ENOMEM;
	errno = 0;
	if (fwrite_unlocked(t->line.s, 1, t->line.len, t->f) != t->line.len)
		return errno ? -errno : -EIO;
	t->line.len = 0;
	return 0;
}

/* Each with its length before it; and the room a row may take, but for what is long. */
static void make_keys(struct table_out *t)
{
	const struct table_col *col;

	for (col = t->cols; col->name; col++) {
		if (!t->jsonl) {
			strbuf__adds(&t->keys, "\1,");
		} else {
			strbuf__addc(&t->keys, (char)(strlen(col->name) + 4));
			strbuf__addf(&t->keys, "%c\"%s\":", col == t->cols ? '{' : ',', col->name);
		}
		t->row_max += FIELD_MAX;
	}
	t->row_max += t->keys.len + 2 * KEY_CHUNK;
	strbuf__repeat(&t->keys, " ", KEY_CHUNK); /* the last one may be read beyond its end */
}

/* In chunks of a size the compiler knows. Returns where the row goes on. */
static inline char *put_key(char *to, const char **key)
{
	const size_t len = (unsigned char)**key;
	const char *from = *key + 1;

	for (size_t i = 0; i < len; i += KEY_CHUNK)
		memcpy(to + i, from + i, KEY_CHUNK);
	*key = from + len;
	return to + len;
}

int table_out__head(struct table_out *t)
{
	const struct table_col *col;

	if (t->jsonl)
		return 0;
	for (col = t->cols; col->name; col++) {
		if (col != t->cols)
			strbuf__addc(&t->line, ',');
		strbuf__adds(&t->line, col->name);
	}
	strbuf__adds(&t->line, "\r\n");
	return write_line(t);
}

int table_out__row(struct table_out *t, const void *row)
{
	const struct table_col *col;
	const char *key;
	char *to;

	if (t->sink)
		return t->sink(t->sink_ctx, t->cols, row);
	if (!t->keys.len)
		make_keys(t);
	if (t->keys.failed)
		return -ENOMEM;
	key = strbuf__str(&t->keys);
	to = row_room(t);
	for (col = t->cols; to && col->name; col++) {
		if (t->jsonl || col != t->cols)
			to = put_key(to, &key);
		to = put_field(t, to, col, row);
	}
	if (!to)
		return -ENOMEM;
	to = put_text(to, t->jsonl ? "}\n" : "\r\n");
	t->line.len = (size_t)(to - t->line.s);
	return write_line(t);
}

void table_out__free(struct table_out *t)
{
	strbuf__free(&t->line);
	strbuf__free(&t->keys);
}
