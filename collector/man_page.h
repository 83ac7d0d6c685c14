/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * man_page.h - the manual, made from the table of commands: what --help says is what the manual says.
 *
 * Owns:     the layout of the pages, in the man(7) macros.
 * Must not: know options or commands beyond their tables.
 */
#ifndef CPT_MAN_PAGE_H
#define CPT_MAN_PAGE_H

#include "command.h"

/* cpartrace-NAME(1). */
void man_page__command(struct strbuf *out, const struct command *command);
/* cpartrace(1). */
void man_page__program(struct strbuf *out);

#endif /* CPT_MAN_PAGE_H */
