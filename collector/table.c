// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* table.c - see table.h. */
#include "table.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "escape.h"
#include "probes/cpt_abi.h"

/* Faster than printf, which would take most of the time of an export of millions of intervals. */
static void add_u64(struct strbuf *b, uint64_t n)
{
	char digits[20];
	unsigned int pos = sizeof(digits);

	do {
		digits[--pos] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	strbuf__add(b, digits + pos, sizeof(digits) - pos);
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

static void add_string(struct table_out *t, const char *s, size_t len)
{
	if (t->jsonl)
		add_json_string(&t->line, s, len);
	else
		add_csv_string(&t->line, s, len);
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
	if (t->line.failed)
		return -ENOMEM;
	errno = 0;
	if (fwrite(t->line.s, 1, t->line.len, t->f) != t->line.len)
		return errno ? -errno : -EIO;
	strbuf__clear(&t->line);
	return 0;
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

	for (col = t->cols; col->name; col++) {
		if (col != t->cols)
			strbuf__addc(&t->line, ',');
		if (t->jsonl)
			strbuf__addf(&t->line, "%s\"%s\":", col == t->cols ? "{" : "", col->name);
		add_field(t, col, row);
	}
	strbuf__adds(&t->line, t->jsonl ? "}\n" : "\r\n");
	return write_line(t);
}

void table_out__free(struct table_out *t)
{
	strbuf__free(&t->line);
}
