/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stack_names.h - from a stack of addresses to frames with names.
 *
 * Owns:     what is asked of symbol tables and of code, each address once, within a bound of time.
 * Must not: know where stacks come from.
 */
#ifndef CPT_STACK_NAMES_H
#define CPT_STACK_NAMES_H

#include "../analysis/stacks.h"
#include "maps.h"

/* Of looking up symbols in all; frames that come later have their module and offset alone. */
#define STACK_NAMES_NS 5000000000u

struct stack_names;

struct stack_names *stack_names__new(void);    /* NULL without memory */
void stack_names__free(struct stack_names *n); /* accepts NULL */

/* Adds the stack to ss as its next number. maps: of the process (tid lives, or did), NULL: the kernel's
 * addresses. false without memory. */
bool stack_names__add(struct stack_names *n, struct cpt_stacks *ss, struct maps *maps, pid_t tid,
		      const uint64_t *ips, size_t cnt);

#endif /* CPT_STACK_NAMES_H */
