/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * word_names.h - gives the synchronisation objects of a recording the names their programmers know.
 *
 * Owns:     which of a word's facts come from places.h and symbols.h; that one object in memory shared
 *           by processes is one.
 * Must not: classify words (analysis/words.h does, from the symbol among others).
 */
#ifndef CPT_WORD_NAMES_H
#define CPT_WORD_NAMES_H

#include "../analysis/words.h"
#include "places.h"
#include "symbols.h"

#define CPT_NAMING_NS 3000000000u /* spent on symbols at most; module and offset all words get */

/* Sets symbol, module, build-id and offset of every word whose place is known, and `same`. 0 or
 * -ENOMEM. */
int word_names__set(struct cpt_words *ws, struct places *places, struct symbols *symbols);

#endif /* CPT_WORD_NAMES_H */
