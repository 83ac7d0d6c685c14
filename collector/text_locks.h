/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* text_locks.h - the report's part on locks (text_report.c puts the parts in order). */
#ifndef CPT_TEXT_LOCKS_H
#define CPT_TEXT_LOCKS_H

#include "text_report.h"

/* The locks that were waited for most, what their holders did, and what lets one thread run at a time.
 * Nothing where hardly anything waited for a lock. */
void add_locks(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts);

/* The lock of this reason (CPT_REASON_CNT: of any) that was waited for longest; NULL if none is known. */
const struct cpt_lock *lock_most_waited(const struct cpt_report *r, enum cpt_reason reason);

/* A lock's name: "server:queue_lock", "mutex 0x55d0 ([heap])", "CPython's GIL", … */
void add_lock_name(struct strbuf *b, const struct cpt_lock *l, bool utf8);
/* Likewise in so many columns, as far as the object or the last part of a path is told for itself. */
void add_lock_short_name(struct strbuf *b, const struct cpt_lock *l, unsigned int columns,
			 bool utf8);
/* Likewise, not escaped: for whoever does that later, or compares. */
void add_raw_lock_name(struct strbuf *b, const struct cpt_lock *l);

#endif /* CPT_TEXT_LOCKS_H */
