/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stacks.h - stacks by number: what their frames are called and where they lie.
 *
 * Owns:     the table that a recording makes, a trace's STACKS sections hold and the analysis looks
 *           things up in; their bytes. Equal strings and equal frames are kept once.
 * Must not: read processes or files, know what a task did on a stack.
 *
 *   number 1, 2, …   ──►  frames, leaf first  ──►  module, offset, symbol, source line
 *
 * A stack is of the kernel or of one address space; 0 is "no stack". An inlined function is a frame of
 * its own, before the one it was inlined into.
 */
#ifndef CPT_STACKS_H
#define CPT_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPT_STACKS_MAX	     (1u << 22)
#define CPT_STACK_DEPTH_MAX  512u
#define CPT_STACK_STRING_MAX 4095u

#define CPT_FRAME_KERNEL  0x1
#define CPT_FRAME_INLINED 0x2 /* into the frame after it */
#define CPT_FRAME_PAUSE                                                                            \
	0x4 /* its address is in a short loop that holds a PAUSE (YIELD) instruction */

/* Strings are never NULL: "" is not known. */
struct cpt_frame {
	const char *symbol;
	const char *module; /* file name of the mapping; "[kernel]", "[anon]" */
	const char *file;   /* of the source */
	uint64_t
		offset; /* into the module's file; the address where no module is known, and in the kernel */
	uint32_t line; /* 0 not known */
	uint8_t flags; /* CPT_FRAME_* */
};

struct cpt_stacks;

struct cpt_stacks *stacks__new(void);	  /* NULL without memory */
void stacks__free(struct cpt_stacks *ss); /* accepts NULL */

/* Adds a stack of depth frames (copied, with their strings) as the next number, which is returned. 0 with
 * errno: ENOMEM; E2BIG beyond CPT_STACKS_MAX, CPT_STACK_DEPTH_MAX or CPT_STACK_STRING_MAX. */
uint32_t stacks__add(struct cpt_stacks *ss, const struct cpt_frame *frames, uint32_t depth);

uint32_t stacks__cnt(const struct cpt_stacks *ss); /* highest number; ss may be NULL */

/* Frames of a stack; 0 for a number that is not in the table. ss may be NULL. */
uint32_t stacks__depth(const struct cpt_stacks *ss, uint32_t number);
/* Frame idx < depth, 0 the leaf. Lives as long as ss. */
const struct cpt_frame *stacks__frame(const struct cpt_stacks *ss, uint32_t number, uint32_t idx);

/* The payload of a STACKS section with the stacks from *next on, as many as fit; *next is then the first
 * one that did not. malloc'd; NULL with errno. */
uint8_t *stacks__encode(struct cpt_stacks *ss, uint32_t *next, size_t *sz);
/* Adds what a payload holds. 0, -ENOMEM, -EBADMSG: ss is as before. */
int stacks__decode(struct cpt_stacks *ss, const uint8_t *in, size_t sz);

#endif /* CPT_STACKS_H */
