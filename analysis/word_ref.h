/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * word_ref.h - from the facts of a blocking switch-out to the object it was on.
 *
 * Owns:     layouts: which futex word belongs to which object, and where that starts.
 * Must not: remember anything: one wait is judged by itself (words.h adds what many tell).
 *
 * Private to analysis/.
 */
#ifndef CPT_WORD_REF_H
#define CPT_WORD_REF_H

#include <stdbool.h>

#include "event.h"
#include "sysno.h"

struct word_ref {
	uint64_t addr; /* as cpt_word.addr */
	uint8_t kind;  /* CPT_WORD_*, as far as this one wait tells */
	bool shared;   /* a futex without FUTEX_PRIVATE_FLAG */
	bool unread;   /* the word could not be read: kind is not known */
};

/* sys: wait->sysno by the trace's table. False: the wait is on no word. */
bool word_ref__of(const struct cpt_wait *wait, enum cpt_sys sys, struct word_ref *ref);

/* Objects whose word an unread one may be, by operation, value and alignment; what starts at the word
 * itself is not among them. Returns how many. */
#define WORD_REFS_MAX 3
unsigned int word_ref__candidates(const struct cpt_wait *wait, struct word_ref refs[WORD_REFS_MAX]);

#endif /* CPT_WORD_REF_H */
