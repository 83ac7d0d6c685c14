/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * html_series.h - the grid's numbers as one compact block for the page.
 *
 * Owns:     their order, their encoding, and how many bins a page can afford.
 * Must not: know the page.
 *
 * A series is one number per bin. Each is written as LEB128 numbers, one series after the other, and
 * the whole is deflated (zlib's format) and put into base64, which no byte of a trace can get out of.
 * The list of series, in the same order, is JSON: ["split", "interleaved"], ["thread", 3, "running"] …
 */
#ifndef CPT_HTML_SERIES_H
#define CPT_HTML_SERIES_H

#include "analysis/report.h"

#include "json_obj.h"
#include "strbuf.h"

/* Adds "bin_ns", "bins" and "series" to o, and the block to out. Bins are joined in twos, fours … until the
 * block is at most max_sz bytes long. 0 or -ENOMEM. */
int html_series__put(struct json_obj *o, const struct cpt_grid *g, size_t max_sz,
		     struct strbuf *out);

/* Deflates len bytes at data and appends them in base64. 0 or -ENOMEM. */
int html_block__add(struct strbuf *out, const char *data, size_t len);

#endif /* CPT_HTML_SERIES_H */
