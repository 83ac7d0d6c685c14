/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * elf_file.h - what the head of an ELF file says: its loadable segments and its build-id.
 *
 * Owns:     the few bytes read of a file that may be hostile. No library, no mapping: a file that
 *           is cut short while we look at it is an error, and never a signal.
 * Must not: know symbols (symbols.h), processes (places.h).
 *
 * Link-time addresses are those of nm and addr2line: what the file's own headers count in. The
 * running program has them moved by its load bias.
 */
#ifndef CPT_ELF_FILE_H
#define CPT_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPT_ELF_LOADS_MAX    32 /* real files have 2 to 8 */
#define CPT_BUILD_ID_MAX_SZ  64 /* bytes; 20 from GNU ld, 8 to 32 from others */
#define CPT_BUILD_ID_HEX_LEN (2 * CPT_BUILD_ID_MAX_SZ + 1)

struct elf_load {
	uint64_t vaddr, memsz; /* memsz > filesz: the rest is zeroed memory (.bss) */
	uint64_t off, filesz;
	bool exec;
};

struct elf_file {
	uint32_t load_cnt; /* 0: nothing of it is ever mapped by its loader */
	struct elf_load loads[CPT_ELF_LOADS_MAX];
	uint64_t text_vaddr; /* of the lowest executable segment; UINT64_MAX: there is none */
	char build_id[CPT_BUILD_ID_HEX_LEN]; /* lower case hex; "" none */
};

/* Reads the headers of an open file by pread. 0; -ENOEXEC: no ELF file of this machine's byte order,
 * or one that makes no sense; -errno of a read. */
int elf_file__read(int fd, struct elf_file *elf);

/* sz bytes of it, all of them. 0; -ENOEXEC: it ends before; -errno. */
int elf_read_at(int fd, void *buf, size_t sz, uint64_t off);

/* Does one of its segments, as loaded, hold this link-time address? */
bool elf_file__holds(const struct elf_file *elf, uint64_t vaddr);

#endif /* CPT_ELF_FILE_H */
