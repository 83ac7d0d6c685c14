/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * examples.h - what one types, by command: in --help and in the manual, and each of them a test.
 *
 * Owns:     the examples. ./app stands for any program, cpartrace.data for a trace of it.
 */
#ifndef CPT_EXAMPLES_H
#define CPT_EXAMPLES_H

#include "strbuf.h"

struct example {
	const char *command; /* of cpartrace; NULL ends the list */
	const char *line;    /* a line for a shell */
	const char *what;    /* what it does, without full stop */
};

extern const struct example examples[];

/* Appends those of a command as --help shows them; nothing where there are none. */
void examples__help(struct strbuf *out, const char *command, unsigned int width);

#endif /* CPT_EXAMPLES_H */
