/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stack_book.h - the stacks that a recording meets: their numbers now, their names when it ends.
 *
 * Owns:     numbers for the kernel's ids (an id means one stack in one address space), the mappings of
 *           the processes they belong to, taken while these live, and the naming of frames at the end.
 * Must not: know the probes' maps (bpf_session.h reads them), write the trace.
 *
 *   ring record ──take──► record with numbers ──► merge
 *                  │ a space not seen before
 *                  └─tick──► /proc/PID/maps        at the end: read each stack, locate, name ──► cpt_stacks
 *
 * A process that is gone before the tick that follows its first stack has frames without modules.
 */
#ifndef CPT_STACK_BOOK_H
#define CPT_STACK_BOOK_H

#include "../analysis/stacks.h"
#include "bpf_session.h"

struct stack_book;

struct stack_book *stack_book__new(void);    /* NULL with errno */
void stack_book__free(struct stack_book *b); /* accepts NULL */

/* cnt ring records with numbers in place of ids; the book's, until the next call. NULL without memory. */
const void *stack_book__take(struct stack_book *b, const void *recs, size_t cnt);

/* Looks at the processes that new stacks are of. */
void stack_book__tick(struct stack_book *b, uint64_t now_ns);

/* All stacks, named as far as that can be done in reasonable time. After bpf_session__finish. The
 * caller frees. NULL with errno. */
struct cpt_stacks *stack_book__name(struct stack_book *b, struct bpf_session *s);

#endif /* CPT_STACK_BOOK_H */
