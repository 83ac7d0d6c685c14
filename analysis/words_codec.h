/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * words_codec.h - the payload of a WORDS section.
 *
 * Private to analysis/.
 */
#ifndef CPT_WORDS_CODEC_H
#define CPT_WORDS_CODEC_H

#include "words.h"

/* malloc'd bytes, *sz of them, at most as many as a section holds: words that have no room are left
 * out, from the last on, and so are names when they take half of it. NULL with errno ENOMEM. */
uint8_t *words__encode(const struct cpt_words *ws, size_t *sz);

/* Adds what the payload says to ws, which is empty. 0, -EBADMSG (ws then holds a part), -ENOMEM. */
int words__decode(struct cpt_words *ws, const uint8_t *in, size_t sz, uint32_t task_max);

#endif /* CPT_WORDS_CODEC_H */
