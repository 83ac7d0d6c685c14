/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * picture.h - `export -f svg`: a trace to a picture.
 *
 * Owns:     which pictures there are.
 * Must not: draw (svg.h).
 */
#ifndef CPT_PICTURE_H
#define CPT_PICTURE_H

#include <stdio.h>

#include "analyse.h"

enum picture { PICTURE_TIMELINE, PICTURE_BOTTLE, PICTURE_LEDGER };
extern const char *const picture_words[]; /* "timeline" ..., NULL-terminated */

#define PICTURE_TOP 24 /* threads with a lane or a box of their own */

/* Draws the trace that a has opened, seen through opts' filter, which note says in words (or NULL). path and
 * to are for messages. The report is left in a. 0, or -errno after having said why. */
int picture__write(struct analysed *a, const char *path, const struct cpt_analysis_opts *opts,
		   const char *note, enum picture picture, uint32_t top, FILE *f, const char *to);

#endif /* CPT_PICTURE_H */
