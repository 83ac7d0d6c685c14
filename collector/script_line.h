/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * script_line.h - what stands in most lines of `script`, made fast: a trace has millions of them.
 *
 * Owns:     the lines not yet written; the texts of waits seen before (a direct-mapped cache: there
 *           are few kinds of waits and many waits).
 * Must not: know events of other kinds than these pieces, or who is who (script_names.h does).
 */
#ifndef CPT_SCRIPT_LINE_H
#define CPT_SCRIPT_LINE_H

#include "script_names.h"

#define SCRIPT_WAITS	 256 /* a power of two */
#define SCRIPT_WAIT_TEXT 190

struct script_wait {
	struct cpt_wait wait;
	uint16_t len; /* of text; 0: free */
	char text[SCRIPT_WAIT_TEXT];
};

struct script_lines {
	struct strbuf out;   /* lines not yet written */
	uint64_t second;     /* whose digits are at hand */
	uint32_t second_len; /* 0: none are */
	char second_text[32];
	struct script_wait waits[SCRIPT_WAITS];
};

void script_lines__fini(struct script_lines *l);

/* "SECONDS [CPU] kind      ": how each line begins. */
void script_lines__begin(struct script_lines *l, uint64_t ts_ns, uint32_t cpu, const char *kind);

/* " in=read(0) on=pipe(2) args=0x3,0x0,0x0 state=S(0x1)": what a blocked task waits for. */
void script_lines__add_wait(struct script_lines *l, const struct script_names *names,
			    const struct cpt_wait *w);

/* Ends the line, and writes what has come together once it is much. 0 or -errno. */
int script_lines__end(struct script_lines *l);

/* Writes all there is to standard output's buffer. 0 or -errno. */
int script_lines__flush(struct script_lines *l);

#endif /* CPT_SCRIPT_LINE_H */
