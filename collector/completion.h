/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * completion.h - completion for shells, made from the table of commands.
 *
 * Owns:     which kind of value an option takes, as far as its name for it tells.
 */
#ifndef CPT_COMPLETION_H
#define CPT_COMPLETION_H

#include "command.h"

void completion__bash(struct strbuf *out);
void completion__zsh(struct strbuf *out);

#endif /* CPT_COMPLETION_H */
