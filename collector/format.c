// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* format.c - see format.h. */
#include "format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_SEC UINT64_C(1000000000)

/* Three significant digits of x < 999.5. */
static int three_digits(char *buf, size_t sz, double x)
{
	return snprintf(buf, sz, "%.*f", x < 9.995 ? 2 : x < 99.95 ? 1 : 0, x);
}

char *fmt_duration(char *buf, uint64_t ns, bool utf8)
{
	const char *const units[] = {"ns", utf8 ? "µs" : "us", "ms", "s"};
	double x = (double)ns;
	unsigned int unit = 0;
	int n;

	if (ns < 1000) {
		snprintf(buf, FMT_SZ, ns ? "%" PRIu64 " ns" : "%" PRIu64, ns);
		return buf;
	}
	if (ns >= 999500 * UINT64_C(1000000)) {
		uint64_t sec = (ns + NS_PER_SEC / 2) / NS_PER_SEC;

		if (sec < 3600)
			snprintf(buf, FMT_SZ, "%" PRIu64 " m %02" PRIu64 " s", sec / 60, sec % 60);
		else
			snprintf(buf, FMT_SZ, "%" PRIu64 " h %02" PRIu64 " m", sec / 3600,
				 sec / 60 % 60);
		return buf;
	}
	while (unit < 3 && x >= 999.5) {
		x /= 1000;
		unit++;
	}
	n = three_digits(buf, FMT_SZ, x);
	snprintf(buf + n, FMT_SZ - (size_t)n, " %s", units[unit]);
	return buf;
}

char *fmt_percent(char *buf, uint64_t part, uint64_t total)
{
	double percent = total ? 100.0 * (double)part / (double)total : 0;

	if (!part || !total)
		return strcpy(buf, "0.0 %");
	if (percent < 0.05)
		return strcpy(buf, "<0.1 %");
	if (part < total && percent >= 99.95)
		return strcpy(buf, ">99.9 %");
	snprintf(buf, FMT_SZ, "%.1f %%", percent);
	return buf;
}

char *fmt_average(char *buf, double x)
{
	if (!(x > 0))
		return strcpy(buf, "0");
	if (x < 0.005)
		return strcpy(buf, "<0.01");
	three_digits(buf, FMT_SZ, x);
	return buf;
}

char *fmt_count(char *buf, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n), i;
	char *out = buf;

	for (i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
	return buf;
}
