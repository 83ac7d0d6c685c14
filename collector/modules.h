/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * modules.h - the files that are mapped into the processes of a recording, each held once.
 *
 * Owns:     which file it really is: by device, inode, size and time of change, of a file that is
 *           open. While it is open, a file that is deleted or replaced by another remains the one
 *           that was mapped; and another one that has its name by then is never taken for it.
 * Must not: know symbols (symbols.h), know where anything is mapped (maps.h, places.h).
 *
 * A file that is open keeps its file system from being unmounted, which the workload may want to do. So
 * only those on the root file system are held open; of others a copy is, or their path is tried again.
 *
 * Memory: at most CPT_MODULES_MAX files, CPT_MODULE_FDS_MAX of them open, CPT_MODULE_COPIES_SZ of copies.
 */
#ifndef CPT_MODULES_H
#define CPT_MODULES_H

#include <sys/stat.h>

#include "elf_file.h"
#include "maps.h"

#define CPT_MODULES_MAX	     4096u
#define CPT_MODULE_FDS_MAX   256	 /* of the 1024 that a program may have open by default */
#define CPT_MODULE_COPY_MAX  (8u << 20)	 /* bytes of a file that is copied */
#define CPT_MODULE_COPIES_SZ (64u << 20) /* of all copies */

struct module {
	char *path;	     /* as its processes see it */
	const char *name;    /* its last part */
	struct elf_file elf; /* elf.load_cnt 0: no ELF file */
	struct stat st;
	int fd;		     /* -1: not kept open */
	uint32_t symbols_id; /* symbols.c's, 0 at first */
};

struct modules;
struct modules *modules__new(void); /* NULL with errno */
void modules__free(struct modules *ms);
uint32_t modules__cnt(const struct modules *ms);
struct module *modules__at(const struct modules *ms, uint32_t idx); /* idx below modules__cnt() */

/* The file behind a mapping of a process that lives, whatever mount namespace it is in and whether
 * or not the file still has a name; else the file of that name, if it is the same one. Index + 1, or
 * 0: it cannot be had, or it is no regular file. */
uint32_t modules__of_mapping(struct modules *ms, pid_t tid, const struct mapping *m);

/* The program file of a task that lives, else (or if it is another one by now) of the file at path, in
 * either case only if it is that inode. tid 0: only the path. Index + 1, or 0. */
uint32_t modules__of_exe(struct modules *ms, pid_t tid, const char *path, uint32_t dev,
			 uint64_t ino);

/* The ELF file at path, if it has this build-id (not ""). Index + 1, or 0. */
uint32_t modules__of_build_id(struct modules *ms, const char *path, const char *build_id);

/* An open file descriptor of the module: its own (not to be closed by the caller), or one that was
 * opened for this (*close_it). -1: the file is not there any more, or it is another one now. */
int modules__fd(const struct module *m, bool *close_it);

#endif /* CPT_MODULES_H */
