/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trace_parts.h - several traces that are one recording, one after the other, to one trace.
 *
 * Owns:     reading the frame of a part, and taking its sections over as they are.
 * Must not: decode blocks, open files by name, print.
 *
 *   part 7     META │ carried over │ CARRIED │ BLOCK LATE BLOCK …          each is a trace of its own, too
 *   part 8     META │ carried over │ CARRIED │ BLOCK …
 *                   └──────────────────────┬ left out, but of the first
 *   together   META │ carried over │ CARRIED │ BLOCK LATE BLOCK … │ BLOCK …
 *
 * Late facts name their places by task and time: they find them in another part, and in what was carried
 * over, as well.
 */
#ifndef CPT_TRACE_PARTS_H
#define CPT_TRACE_PARTS_H

#include "trace_writer.h"

/* What a part says about itself; *data_pos: where its first section behind it stands. 0; -EBADMSG: it is no part
 * of a trace, or damaged; others from the system. trace_meta__clear (trace_format.h) frees. */
int trace_parts__meta(int fd, struct cpt_trace_meta *meta, uint64_t *data_pos);

/* Takes over the sections of the part up to end_pos (UINT64_MAX: up to its end), without META, WORDS and CLOSE;
 * not what it carried over, unless it is the first. *whole: nothing was cut off or damaged up to there. 0, or
 * -errno of reading or of w. */
int trace_parts__copy(struct trace_writer *w, int fd, uint64_t end_pos, bool first, bool *whole);

/* So many bytes that a reader accepts tasks up to `task` in a trace of that size: empty room. 0 or -errno. */
int trace_parts__make_room(struct trace_writer *w, uint32_t task);

#endif /* CPT_TRACE_PARTS_H */
