/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * words_tee.h - a merge's events to the trace and, beside it, to the table of words.
 *
 * Owns:     that the words never cost the trace: when there is no memory for them they end, and the
 *           trace goes on; a report then makes them out of the events.
 */
#ifndef CPT_WORDS_TEE_H
#define CPT_WORDS_TEE_H

#include "analysis/trace_writer.h"
#include "analysis/words.h"

struct words_tee {
	struct trace_writer *writer; /* borrowed */
	struct cpt_words *words;     /* owned; NULL: given up */
};

/* A sink for merge__new; the tee stays where it is until the merge is freed. */
struct cpt_merge_sink words_tee__sink(struct words_tee *tee, struct trace_writer *writer,
				      const char *machine);

/* Classifies the words and writes their section; behind it no events. 0 or -errno of the write. */
int words_tee__write(struct words_tee *tee);

void words_tee__free(struct words_tee *tee);

#endif /* CPT_WORDS_TEE_H */
