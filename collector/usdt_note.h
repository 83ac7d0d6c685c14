/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * usdt_note.h - where a file has a USDT probe of a name, and where its first argument is.
 *
 * Owns:     the sections of notes of a file that may be hostile: everything is bounded, nothing is mapped.
 * Must not: know what the probe is for, attach anything.
 */
#ifndef CPT_USDT_NOTE_H
#define CPT_USDT_NOTE_H

#include <stdint.h>

#define USDT_SITES_MAX 64 /* of one file: those beyond are not taken */

struct usdt_site {
	uint64_t off;	 /* in the file, of the instruction */
	uint64_t cookie; /* CPT_MARK_ARG_*: its first argument */
};

/* The places of provider:name in an open file, by pread. How many of them are in sites[USDT_SITES_MAX]; 0 also
 * where it is no program of this machine. -errno of a read, -ENOMEM. */
int usdt_note__find(int fd, const char *provider, const char *name, struct usdt_site *sites);

#endif /* CPT_USDT_NOTE_H */
