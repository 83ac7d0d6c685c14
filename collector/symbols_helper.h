/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * symbols_helper.h - the process that reads symbols, seen from both ends of its socket.
 *
 * Owns:     questions and answers, one datagram each; the bounds the process sets itself.
 * Must not: trust anything in a question's file.
 */
#ifndef CPT_SYMBOLS_HELPER_H
#define CPT_SYMBOLS_HELPER_H

#include "symbols.h"

#define HELPER_FILES_MAX 64 /* open at once; the one opened first makes room */

enum helper_op {
	HELPER_OPEN = 1, /* with a descriptor; path is what it is called */
	HELPER_OBJECT,
	HELPER_FRAMES,
};

struct helper_question {
	uint32_t op; /* enum helper_op */
	uint32_t id; /* of the file, the asker's choice, not 0 */
	uint64_t addr;
	char path[CPT_MAPS_NAME_MAX];
};

/* An answer is the head and as many frames as it says. */
struct helper_answer {
	int32_t cnt; /* frames that follow; OBJECT: 0 or 1; OPEN: 1; -1: open the file first */
	uint32_t reserved;
	uint64_t off; /* OBJECT: of addr in the object of frames[0].function */
	struct symbol_frame frames[CPT_SYMBOL_FRAMES_MAX];
};

/* Serves one socket until its other end is closed; in a process of its own. Does not return. */
void symbols_helper__serve(int sock) __attribute__((noreturn));

#endif /* CPT_SYMBOLS_HELPER_H */
