/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * format.h - figures as people read them.
 *
 * Owns:     rounding. Three significant digits; a figure that is there is never printed as
 *           nothing, and one that is not all is never printed as all.
 *
 * Every function fills a buffer of FMT_SZ bytes and returns it.
 */
#ifndef CPT_FORMAT_H
#define CPT_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#define FMT_SZ 32

/* "0", "812 ns", "12.3 us" (µs with utf8), "505 ms", "1.46 s", "16 m 40 s", "2 h 05 m" */
char *fmt_duration(char *buf, uint64_t ns, bool utf8);

/* "0.0 %", "<0.1 %", "38.2 %", ">99.9 %", "100.0 %". total 0 counts as part 0. */
char *fmt_percent(char *buf, uint64_t part, uint64_t total);

/* An average of a count: "0", "<0.01", "1.03", "12.3", "118". */
char *fmt_average(char *buf, double x);

/* "1,234,567" */
char *fmt_count(char *buf, uint64_t n);

#endif /* CPT_FORMAT_H */
