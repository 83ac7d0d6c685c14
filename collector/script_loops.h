/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* script_loops.h - what lines of `script` say of event loops. */
#ifndef CPT_SCRIPT_LOOPS_H
#define CPT_SCRIPT_LOOPS_H

#include "analysis/event.h"

#include "strbuf.h"

/* The kind of event at the head of its line; NULL: it is none of event loops. */
const char *script_loops__kind(uint8_t type);

/* All of the line behind its task: " instance=2 inbound opened=3 …". */
void script_loops__add(struct strbuf *b, const struct cpt_event *ev);

#endif /* CPT_SCRIPT_LOOPS_H */
