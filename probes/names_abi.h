/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * names_abi.h - what probes and collector share about names of tasks.
 *
 * Owns:     what a task of another user is called where it may not be named.
 */
#ifndef CPT_NAMES_ABI_H
#define CPT_NAMES_ABI_H

#define CPT_NAMES_ALL 0xffffffffU	   /* no user's number: (uid_t)-1 */
#define CPT_NAMELESS  "another user\0\0\0" /* 16 bytes, as a task's name has them */

_Static_assert(sizeof(CPT_NAMELESS) == 16, "a task's name");

#endif /* CPT_NAMES_ABI_H */
