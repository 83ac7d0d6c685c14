/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hostile.h - traces to be mistreated, and what every reading of a mistreated trace must keep to.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "../../analysis/merge.h"

struct bytes {
	uint8_t *at;
	size_t sz;
};

/* A small closed trace with several blocks, every kind of event, marks of phases, and late facts of both kinds. */
struct bytes sample_trace(uint64_t seed, uint32_t steps);

/* The same trace with no column compressed, so that a changed byte reaches the decoder as it is. */
struct bytes store_columns(struct bytes trace);

/* Makes all check sums right again, as far as the sections can be followed: an attacker can, too. */
void repair_sums(uint8_t *data, size_t sz);

struct reading {
	int open_errno; /* 0: it opened */
	size_t event_cnt;
	bool incomplete;
	uint64_t hash; /* over all that was read */
};

/* Reads data as a trace, twice in a row, and aborts when the reader breaks its word: time goes back, a
 * number is out of bounds, a pointer is missing, the second reading differs, no reason is given. */
struct reading read_hostile(const uint8_t *data, size_t sz);

#endif /* HOSTILE_H */
