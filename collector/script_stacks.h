/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * script_stacks.h - what lines of `script` say of stacks and samples.
 *
 * Must not: know who is who; the caller names the tasks.
 */
#ifndef CPT_SCRIPT_STACKS_H
#define CPT_SCRIPT_STACKS_H

#include "analysis/event.h"
#include "analysis/stacks.h"

#include "strbuf.h"

/* The kind of event at the head of its line; NULL: it is neither. */
const char *script_stacks__kind(uint8_t type);

/* " user=leaf<caller<main kernel=schedule<…": frames from the leaf on, escaped; nothing without any. */
void script_stacks__add(struct strbuf *b, const struct cpt_stacks *table, uint32_t user,
			uint32_t kernel);

#endif /* CPT_SCRIPT_STACKS_H */
