/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * diff_out.h - the comparison of two sides, for people and as JSON.
 *
 * Owns:     layout, sentences, keys. Keys are a contract: added to, never renamed.
 * Must not: judge differences (diff_result.h).
 */
#ifndef CPT_DIFF_OUT_H
#define CPT_DIFF_OUT_H

#include <jansson.h>

#include "diff_result.h"
#include "text_report.h"

#define CPT_DIFF_JSON_SCHEMA 1

/* A side, for the head. */
struct diff_side {
	char *const *path;
	uint32_t cnt;
	char *command; /* arguments joined by spaces, raw; "" none; owned by the caller, as is */
	char *target;  /* what was recorded, in words (target_text.h), raw */
	uint32_t cpus_allowed;
};

struct diff_view {
	struct diff_side side[2];
	struct text_style style;
	unsigned int top; /* rows of a table of the text */
	const char *note; /* filters, or NULL */
};

/* Sentences that both forms share: what became of the whole, and the cause. */
void diff_words__summary(struct strbuf *b, const struct diff_result *d, bool utf8);
void diff_words__cause(struct strbuf *b, const struct diff_result *d, bool utf8);

/* Failure of memory is in out->failed. */
void diff_text__add(struct strbuf *out, const struct diff_result *d, const struct diff_view *view);
/* NULL: no memory. */
json_t *diff_json__build(const struct diff_result *d, const struct diff_view *view);

#endif /* CPT_DIFF_OUT_H */
