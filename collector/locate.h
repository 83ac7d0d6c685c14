/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * locate.h - from an address and a table of mappings to a module and the address its file gives it.
 *
 * Owns:     the arithmetic of loading: how far a file was moved, and what follows its mappings.
 * Must not: know which process or when (places.h), know symbols (symbols.h).
 *
 *   the file             in memory
 *   |headers|text|data|  |headers|text|data|.bss|
 *   0                    start              `-- no file: anonymous memory that belongs to it
 *                        |-- addr - start + vaddr of the first segment = link-time address --|
 */
#ifndef CPT_LOCATE_H
#define CPT_LOCATE_H

#include "modules.h"

/* What an address is in. */
struct place {
	const char *module;  /* "server", "[heap]", "[stack]", "[anon]", "[shared]", "[vdso]" ... */
	struct module *file; /* NULL: no file, or one that could not be opened */
	/* In an ELF file: its link-time address, which nm and addr2line take. In another file: the
	 * offset into it. Without a file: from the start of the mapping. */
	uint64_t offset;
	/* Of memory shared between processes: what is the same in all of them. */
	bool shared;
	uint32_t dev;
	uint64_t ino, file_off;
};

/* The program file of an address space, as its EXEC record tells. */
struct image {
	const char *path;    /* that was executed; "" not known */
	uint64_t ino;	     /* 0 not known */
	uint64_t start_code; /* where its lowest executable segment is; 0 not known */
	uint32_t dev;
	uint32_t module; /* as mapping.module */
};

#define LOCATE_NO_MODULE UINT32_MAX /* mapping.module, image.module: it was tried in vain */

/* What addr is in by a table of mappings. tid: a task that has them while it lives, to get at the files
 * (they are kept in mapping.module), 0 none. False: in none of them. */
bool locate__in_maps(struct modules *ms, pid_t tid, struct maps *maps, uint64_t addr,
		     struct place *place);

/* What addr is in by the program file alone. tid: a task that runs it, if it lives; 0 none. */
bool locate__in_image(struct modules *ms, pid_t tid, struct image *image, uint64_t addr,
		      struct place *place);

#endif /* CPT_LOCATE_H */
