// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* table.c - see table.h. */
#include "table.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "escape.h"
#include "probes/cpt_abi.h"

/*
 * Rows of millions of intervals are written here: a field that needs no escape goes straight into the
 * line, whose room is asked for once per field, and what is the same in each row is made once.
 */

#define KEY_CHUNK 16

#define ASCII_ZEROS UINT64_C(0x3030303030303030)

/*
 * The eight digits of n < 10^8, the first one in the lowest byte, all at once: halves of a part sit in
 * lanes beside each other, and each step divides all lanes by the same number (a multiplication and a
 * shift, exact for what fits a lane).
 *
 *	12345678 -> 1234|5678 -> 12|34|56|78 -> 1|2|3|4|5|6|7|8
 */
static uint64_t digits_of(uint32_t n)
{
	uint64_t v = n / 10000 | (uint64_t)(n % 10000) << 32, high;

	high = (v * 10486 >> 20) & UINT64_C(0x0000007f0000007f);
	v = high | (v - high * 100) << 16;
	high = (v * 103 >> 10) & UINT64_C(0x000f000f000f000f);
	return high | (v - high * 10) << 8;
}

static void put_8(char *to, uint32_t n)
{
	uint64_t text = htole64(digits_of(n) | ASCII_ZEROS);

	memcpy(to, &text, sizeof(text));
}

/* n < 10^8 without leading zeros; writes 8 bytes. Returns the digits. */
static unsigned int put_up_to_8(char *to, uint32_t n)
{
	uint64_t v = digits_of(n);
	unsigned int zeros = v ? (unsigned int)__builtin_ctzll(v) / 8 : 7;

	v = htole64((v | ASCII_ZEROS) >> 8 * zeros);
	memcpy(to, &v, sizeof(v));
	return 8 - zeros;
}

/* Many times faster than printf. */
static void add_u64(struct strbuf *b, uint64_t n)
{
	const uint32_t part = 100000000;
	char *to = strbuf__room(b, 24), *at = to;

	if (!to)
		return;
	if (n < part) {
		at += put_up_to_8(at, (uint32_t)n);
	} else {
		uint64_t high = n / part;

		if (high < part) {
			at += put_up_to_8(at, (uint32_t)high);
		} else {
			at += put_up_to_8(at, (uint32_t)(high / part));
			put_8(at, (uint32_t)(high % part));
			at += 8;
		}
		put_8(at, (uint32_t)(n % part));
		at += 8;
	}
	b->len += (size_t)(at - to);
}

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

/* Characters that stand for themselves in both formats. */
static bool is_plain(char c)
{
	return c >= ' ' && c <= '~' && c != '"' && c != ',' && c != '\\';
}

static void add_string(struct table_out *t, const char *s, size_t len)
{
	size_t quote = t->jsonl, i;
	char *to = strbuf__room(&t->line, len + 2 * quote);

	for (i = 0; to && i < len && is_plain(s[i]); i++)
		to[quote + i] = s[i];
	if (to && i == len) {
		if (quote)
			to[0] = to[len + 1] = '"';
		t->line.len += len + 2 * quote;
	} else if (t->jsonl) {
		add_json_string(&t->line, s, len);
	} else {
		add_csv_string(&t->line, s, len);
	}
}

static void add_field(struct table_out *t, const struct table_col *col, const void *row)
{
	const char *field = (const char *)row + col->off;
	const char *s;

	switch (col->type) {
	case TABLE_U16:
		add_u64(&t->line, *(const uint16_t *)field);
		break;
	case TABLE_U32:
		add_u64(&t->line, *(const uint32_t *)field);
		break;
	case TABLE_U64:
		add_u64(&t->line, *(const uint64_t *)field);
		break;
	case TABLE_DOUBLE:
		add_double(&t->line, double_at(field));
		break;
	case TABLE_ROUNDED:
		add_u64(&t->line, (uint64_t)(double_at(field) + 0.5));
		break;
	case TABLE_BOOL:
		strbuf__adds(&t->line, *(const bool *)field ? "true" : "false");
		break;
	case TABLE_COMM:
		add_string(t, field, strnlen(field, CPT_COMM_LEN));
		break;
	case TABLE_STRING:
		memcpy(&s, field, sizeof(s));
		if (s)
			add_string(t, s, strlen(s));
		else if (t->jsonl)
			strbuf__adds(&t->line, "null");
		break;
	}
}

static int write_line(struct table_out *t)
{
	if (t->line.failed || t->keys.failed)
		return -ENOMEM;
	errno = 0;
	if (fwrite_unlocked(t->line.s, 1, t->line.len, t->f) != t->line.len)
		return errno ? -errno : -EIO;
	t->line.len = 0;
	return 0;
}

/* Each with its length before it. */
static void make_keys(struct table_out *t)
{
	const struct table_col *col;

	for (col = t->cols; col->name; col++) {
		strbuf__addc(&t->keys, (char)(strlen(col->name) + 4));
		strbuf__addf(&t->keys, "%c\"%s\":", col == t->cols ? '{' : ',', col->name);
	}
	strbuf__repeat(&t->keys, " ", KEY_CHUNK); /* the last one may be read beyond its end */
}

/* In chunks of a size the compiler knows. Returns the next key. */
static const char *add_key(struct strbuf *b, const char *key)
{
	size_t len = (unsigned char)*key++, i;
	char *to = strbuf__room(b, len + KEY_CHUNK);

	for (i = 0; to && i < len; i += KEY_CHUNK)
		memcpy(to + i, key + i, KEY_CHUNK);
	b->len += to ? len : 0;
	return key + len;
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

	if (t->jsonl && !t->keys.len)
		make_keys(t);
	key = strbuf__str(&t->keys);
	for (col = t->cols; col->name; col++) {
		if (t->jsonl && !t->keys.failed) {
			key = add_key(&t->line, key);
		} else if (col != t->cols) {
			strbuf__addc(&t->line, ',');
		}
		add_field(t, col, row);
	}
	strbuf__adds(&t->line, t->jsonl ? "}\n" : "\r\n");
	return write_line(t);
}

void table_out__free(struct table_out *t)
{
	strbuf__free(&t->line);
	strbuf__free(&t->keys);
}
