/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * late_index.h - where in a trace the late facts of a time are.
 *
 * Owns:     a list of the LATE sections, and for each which 256ths of its span have facts: a section whose
 *           facts are of its own time but for one wait that was very long need not be decoded for all that
 *           lies between.
 * Must not: do I/O, keep facts.
 *
 *   span     first ──────────────────────────────── last
 *   has       1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 1 1     all 1 until it has been decoded
 *
 * Memory: bounded; where there are more sections than parts, neighbours share one.
 */
#ifndef CPT_LATE_INDEX_H
#define CPT_LATE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#define LATE_PARTS_MAX 16384u
#define LATE_SPANS     256u

struct late_part {
	uint64_t pos, end_pos; /* of its sections in the file; others may stand between them */
	uint64_t first_ns, last_ns;
	uint64_t has[LATE_SPANS / 64];
};

struct late_index {
	struct late_part *parts;
	uint32_t cnt, cap;
	uint64_t bytes; /* of all their payloads */
};

/* A section, in order of the file. 0 or -ENOMEM. */
int late_index__add(struct late_index *idx, const struct late_part *section, uint64_t bytes);
/* May it have facts with from_ns <= time < until_ns? */
bool late_part__meets(const struct late_part *part, uint64_t from_ns, uint64_t until_ns);
/* It is decoded: what it has is what is noted from here on (times within its span). */
void late_part__begin(struct late_part *part);
void late_part__note(struct late_part *part, uint64_t ts_ns);
void late_index__clear(struct late_index *idx);

#endif /* CPT_LATE_INDEX_H */
