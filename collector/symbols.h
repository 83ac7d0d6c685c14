/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * symbols.h - from an address of a module to what its programmer calls it.
 *
 * Owns:     symbol tables and debug information, also in files of their own (/usr/lib/debug by
 *           build-id, .gnu_debuglink, .gnu_debugdata), which libdw finds and checks.
 * Must not: know processes (addresses here are link-time ones, see elf_file.h). It asks no server: what
 *           is not on this machine is not known.
 *
 * The files come from whoever is traced, and the tracer is root. So libdw reads them in a process of
 * its own, with bounds on its memory and time, and as the user behind sudo:
 *
 *   symbols.c ──question, descriptor──► symbols_helper.c ── symbols_dw.c ── libdw
 *             ◄──────answer────────────
 *
 * A file that makes it crash or not answer costs that file's names, and nothing else. Names are raw
 * bytes of the file (whoever prints them escapes them), those of C++ are not demangled.
 */
#ifndef CPT_SYMBOLS_H
#define CPT_SYMBOLS_H

#include "modules.h"

#define CPT_SYMBOL_MAX	      200 /* bytes of a name with its NUL; longer ones are cut */
#define CPT_SYMBOL_FILE_MAX   256 /* likewise, of a source file's path; cut at its beginning */
#define CPT_SYMBOL_FRAMES_MAX 16  /* functions inlined into each other, at one address */

/* One function at an address: the innermost inlined one first, the one that has the code last. */
struct symbol_frame {
	char function[CPT_SYMBOL_MAX];	/* "" not known */
	char file[CPT_SYMBOL_FILE_MAX]; /* source file as the compiler was given it; "" not known */
	uint32_t line;	  /* in it: of the address, and in callers of the call; 0 not known */
	uint32_t inlined; /* 1: into the next one */
};

struct symbols;

/* Cheap: the process is made with the first question. NULL with errno. */
struct symbols *symbols__new(void);
void symbols__free(struct symbols *s);

/* Was this program built with what is needed? Without, every answer is "not known". */
bool symbols__available(void);

/* The data object that holds addr: "queue_lock", "cache+0x40" for what lies inside a larger one. False:
 * there is none known. name: at least CPT_SYMBOL_MAX + 19 bytes. */
bool symbols__object(struct symbols *s, struct module *m, uint64_t addr, char *name, size_t sz);

/* The functions at addr. Of a return address give the address less one: the call is meant. Returns
 * how many frames were filled, 0: not known. */
uint32_t symbols__frames(struct symbols *s, struct module *m, uint64_t addr,
			 struct symbol_frame frames[CPT_SYMBOL_FRAMES_MAX]);

#endif /* CPT_SYMBOLS_H */
