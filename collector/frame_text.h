/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * frame_text.h - what a frame is called in outputs, and stacks that are read as people read them.
 *
 * Owns:     names of frames without a symbol. Must not: escape (whoever prints does).
 */
#ifndef CPT_FRAME_TEXT_H
#define CPT_FRAME_TEXT_H

#include "analysis/sites.h"

#include "strbuf.h"

/* The symbol; else "module+0x1234"; else the address. */
void frame_text__add(struct strbuf *b, const struct cpt_frame *f);

/* The user frames of a stack, leaf first, joined by " < ", at most max of them, ending in what the kernel
 * does for the leaf where there are no user frames. "" without a stack. */
void frame_text__chain(struct strbuf *b, const struct cpt_stacks *table, uint32_t user,
		       uint32_t kernel, uint32_t max);

#endif /* CPT_FRAME_TEXT_H */
