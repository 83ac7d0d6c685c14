// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* openmetrics.c - see openmetrics.h. */
#include "openmetrics.h"

#include <inttypes.h>
#include <string.h>

#include "escape.h"

void openmetrics__family(struct strbuf *b, const char *prefix, const char *name, const char *type,
			 const char *unit, const char *help)
{
	strbuf__addf(b, "# HELP %s%s %s\n# TYPE %s%s %s\n", prefix, name, help, prefix, name, type);
	if (unit)
		strbuf__addf(b, "# UNIT %s%s %s\n", prefix, name, unit);
}

void openmetrics__seconds(struct strbuf *b, uint64_t ns)
{
	strbuf__addf(b, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
}

void openmetrics__label(struct strbuf *b, const char *value)
{
	struct strbuf safe = {0};

	escape_add_data(&safe, value, strlen(value));
	for (const char *s = strbuf__str(&safe); *s; s++) {
		if (*s == '\\' || *s == '"')
			strbuf__addc(b, '\\');
		strbuf__addc(b, *s);
	}
	if (safe.failed)
		b->failed = true;
	strbuf__free(&safe);
}
