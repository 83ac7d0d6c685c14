/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * script_words.h - which lock, condition variable, … a wait in a line of `script` was on.
 *
 * Must not: judge: kind, reason and name are those of the trace's table of words.
 */
#ifndef CPT_SCRIPT_WORDS_H
#define CPT_SCRIPT_WORDS_H

#include "analysis/words.h"

#include "strbuf.h"

/* Takes note of whose address space an address is in. words: the trace's, NULL none. 0 or -errno. */
int script_words__learn(struct cpt_words *words, const struct cpt_event *ev);

/* " word=mutex(server:queue_lock) reason=lock"; without a symbol " word=condvar(0x7f0000002000) …". Nothing
 * where the wait is on none that is known. */
void script_words__add(struct strbuf *b, const struct cpt_words *words, uint32_t task,
		       const struct cpt_wait *wait);

#endif /* CPT_SCRIPT_WORDS_H */
