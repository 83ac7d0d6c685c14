/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * kallsyms.h - names of the running kernel's functions.
 *
 * Owns:     /proc/kallsyms, read once. Must not: know stacks.
 */
#ifndef CPT_KALLSYMS_H
#define CPT_KALLSYMS_H

#include <stdbool.h>
#include <stdint.h>

struct kallsyms;

struct kallsyms *kallsyms__new(void); /* NULL with errno: not there, or addresses are hidden */
struct kallsyms *kallsyms__parse(char *text); /* takes text over (malloc'd); NULL with errno */
void kallsyms__free(struct kallsyms *ks);     /* accepts NULL */

/* The function that addr is in; *module is "[kernel]" or its module's name in brackets. False: none.
 * ks may be NULL. Strings are ks's. */
bool kallsyms__find(const struct kallsyms *ks, uint64_t addr, const char **name,
		    const char **module);

#endif /* CPT_KALLSYMS_H */
