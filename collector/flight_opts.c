// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* flight_opts.c - see flight_opts.h. */
#include "flight_opts.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* A time as 60s, 5m; or a size as 200M: units of sizes are capital letters, as those of times are not. */
static int set_part(struct flight_opts *o, const char *text, size_t len, struct strbuf *why)
{
	static const struct cli_option bounds = {.min = CPT_FLIGHT_BYTES_MIN,
						 .max = UINT64_C(1) << 50};
	char copy[32];

	if (len && len < sizeof(copy)) {
		memcpy(copy, text, len);
		copy[len] = '\0';
		if (!o->span_ns && !cli_parse_duration(copy, &o->span_ns) &&
		    o->span_ns >= CPT_FLIGHT_SPAN_MIN && o->span_ns <= CPT_FLIGHT_SPAN_MAX)
			return 0;
		if (!o->bytes && strpbrk(copy, "KMG")) {
			if (cli_set_size(&o->bytes, copy, &bounds, why))
				return -EINVAL;
			return 0;
		}
	}
	strbuf__addf(why,
		     "'%.*s' is neither a time from 0.5s (as 60s, 5m) nor a size from 2M (as "
		     "200M, 2G)",
		     (int)len, text);
	return -EINVAL;
}

int cli_set_flight(void *field, const char *value, const struct cli_option *opt, struct strbuf *why)
{
	struct flight_opts *o = field;
	const size_t len = strcspn(value, ",");

	o->span_ns = o->bytes = 0;
	if (set_part(o, value, len, why))
		return -EINVAL;
	return value[len] ? set_part(o, value + len + 1, strlen(value + len + 1), why) : 0;
}

int cli_set_trigger(void *field, const char *value, const struct cli_option *opt,
		    struct strbuf *why)
{
	return trigger__parse(field, value, why);
}
