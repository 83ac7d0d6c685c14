/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* main_help.h - what the program says when no command was understood. */
#ifndef CPT_MAIN_HELP_H
#define CPT_MAIN_HELP_H

#include "strbuf.h"

void main_help(struct strbuf *out);
/* Says that there is no such command and which is near; returns the exit status. */
int main_unknown(const char *name);

#endif /* CPT_MAIN_HELP_H */
