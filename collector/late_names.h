/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * late_names.h - names that could not be had while recording, from files that are here now.
 *
 * Owns:     where a file of a certain build-id may be found on this machine.
 * Must not: believe a name: only a file with the very build-id that was mapped is asked.
 *
 * A recording may have been made without libdw, or before the debug symbols were installed; the trace
 * has each object's module, build-id and offset all the same.
 */
#ifndef CPT_LATE_NAMES_H
#define CPT_LATE_NAMES_H

#include "../analysis/words.h"

#define CPT_LATE_NAMES_NS 2000000000u /* spent at most */

/* Looks for the symbols that words lack: in /usr/lib/debug by build-id, at `program` (the command as it
 * was given; NULL: none) and in the folders of libraries. Returns how many were found: the words are
 * then to be classified again. */
uint32_t late_names__complete(struct cpt_words *ws, const char *program);

#endif /* CPT_LATE_NAMES_H */
