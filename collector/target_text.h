/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * target_text.h - what was recorded, as one line: a command, or what it was attached to.
 *
 * Owns:     the words for meta.target.
 * Must not: escape: the bytes are the trace's.
 */
#ifndef CPT_TARGET_TEXT_H
#define CPT_TARGET_TEXT_H

#include "analysis/report.h"

#include "json_obj.h"
#include "strbuf.h"

/* "./app --workers 4" as one could type it, "process 1234 (redis-server)", "the whole machine"; nothing
 * where the trace does not say. */
void target_text__add(struct strbuf *line, const struct cpt_report *r);

/* The key "target", where there was no command: as that of `stat`. */
void target_json__put(struct json_obj *o, const struct cpt_trace_meta *meta);

#endif /* CPT_TARGET_TEXT_H */
