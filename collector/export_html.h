/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * export_html.h - a trace as one page that a browser shows: `export -f html`.
 *
 * Owns:     the page as a file: its head, its policy, and the data in it. What it looks like and does is
 *           collector/page/, which is built into the program as it is.
 * Must not: let one byte of a trace be read as anything but data: names and commands are in the title,
 *           escaped, and in blocks of base64; the page sets them as text only.
 */
#ifndef CPT_EXPORT_HTML_H
#define CPT_EXPORT_HTML_H

#include <stdio.h>

#include "analyse.h"
#include "view.h"

/* Reads the trace twice: for the report, and for the bins once the length and the busiest threads are known.
 * 0 or -errno after having said why; to is for messages. a->report is there afterwards. */
int export_html(struct analysed *a, const char *path, struct view *view, FILE *f, const char *to);

#endif /* CPT_EXPORT_HTML_H */
