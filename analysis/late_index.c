// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* late_index.c - see late_index.h. */
#include "late_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Which 256th of the span a time lies in. */
static uint32_t span_of(const struct late_part *part, uint64_t ts_ns)
{
	return (uint32_t)((ts_ns - part->first_ns) /
			  ((part->last_ns - part->first_ns) / LATE_SPANS + 1));
}

static void know_nothing(struct late_part *part)
{
	memset(part->has, 0xff, sizeof(part->has));
}

/* Two neighbours become one. */
static void join(struct late_part *to, const struct late_part *a, const struct late_part *b)
{
	*to = (struct late_part){
		.pos = a->pos,
		.end_pos = b->end_pos,
		.first_ns = a->first_ns < b->first_ns ? a->first_ns : b->first_ns,
		.last_ns = a->last_ns > b->last_ns ? a->last_ns : b->last_ns,
	};
	know_nothing(to);
}

int late_index__add(struct late_index *idx, const struct late_part *section, uint64_t bytes)
{
	struct late_part *parts;
	uint32_t cap;

	if (idx->cnt == LATE_PARTS_MAX) {
		for (uint32_t i = 0; i < idx->cnt / 2; i++)
			join(&idx->parts[i], &idx->parts[2 * i], &idx->parts[2 * i + 1]);
		idx->cnt /= 2;
	}
	if (idx->cnt == idx->cap) {
		cap = idx->cap ? idx->cap * 2 : 64;
		parts = realloc(idx->parts, cap * sizeof(*parts));
		if (!parts)
			return -ENOMEM;
		idx->parts = parts;
		idx->cap = cap;
	}
	idx->parts[idx->cnt] = *section;
	know_nothing(&idx->parts[idx->cnt++]);
	idx->bytes += bytes;
	return 0;
}

bool late_part__meets(const struct late_part *part, uint64_t from_ns, uint64_t until_ns)
{
	uint32_t span, last;

	if (part->last_ns < from_ns || part->first_ns >= until_ns)
		return false;
	span = span_of(part, from_ns > part->first_ns ? from_ns : part->first_ns);
	last = span_of(part, until_ns <= part->last_ns ? until_ns - 1 : part->last_ns);
	for (; span <= last; span++)
		if (part->has[span / 64] >> (span % 64) & 1)
			return true;
	return false;
}

void late_part__begin(struct late_part *part)
{
	memset(part->has, 0, sizeof(part->has));
}

void late_part__note(struct late_part *part, uint64_t ts_ns)
{
	const uint32_t span = span_of(part, ts_ns);

	part->has[span / 64] |= UINT64_C(1) << (span % 64);
}

void late_index__clear(struct late_index *idx)
{
	free(idx->parts);
	memset(idx, 0, sizeof(*idx));
}
