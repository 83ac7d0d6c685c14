// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * target_elf.c - the head of a program's file, its notes of probes, and machine code that may be a loop: read in the
 * tracer's own process. (Symbols and lines are libdw's, in a process of its own: symbols.h.)
 *
 * The input is an ELF file; its bytes are taken as code, too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../collector/elf_file.h"
#include "../../collector/spin_code.h"
#include "../../collector/usdt_note.h"
#include "../../probes/cpt_abi.h"
#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

/* A place that is given to the kernel lies in a file; a register in what it has saved of them. */
static void try_notes(int fd)
{
	struct usdt_site sites[USDT_SITES_MAX];
	const int cnt = usdt_note__find(fd, "cpartrace", "mark", sites);

	if (cnt > USDT_SITES_MAX || (cnt < 0 && cnt != -ENOMEM))
		abort();
	for (int i = 0; i < cnt; i++)
		if (sites[i].off > INT64_MAX || (sites[i].cookie & CPT_MARK_ARG_REG) > 31 * 8)
			abort();
}

static void try_file(const uint8_t *data, size_t sz)
{
	const int fd = memfd_create("elf", MFD_CLOEXEC);
	struct elf_file elf;

	if (fd < 0 || write(fd, data, sz) != (ssize_t)sz)
		abort();
	if (!elf_file__read(fd, &elf)) {
		if (elf.load_cnt > CPT_ELF_LOADS_MAX ||
		    strspn(elf.build_id, "0123456789abcdef") != strlen(elf.build_id))
			abort();
		for (uint32_t i = 0; i < elf.load_cnt; i++)
			elf_file__holds(&elf, elf.loads[i].vaddr);
		elf_file__holds(&elf, UINT64_MAX);
	}
	try_notes(fd);
	close(fd);
}

static void try_code(const uint8_t *data, size_t sz)
{
	uint8_t *code;

	sz = sz < 2 * SPIN_CODE_REACH ? sz : 2 * SPIN_CODE_REACH;
	/* No more than is looked at: what is read beyond it is seen. */
	code = malloc(sz ? sz : 1);
	if (!code)
		return;
	if (sz)
		memcpy(code, data, sz);
	for (size_t at = 0; at < sz; at++) {
		spin_code__is_loop(SPIN_X86_64, code, sz, at);
		spin_code__is_loop(SPIN_ARM64, code, sz, at);
	}
	free(code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
	try_file(data, sz);
	try_code(data, sz);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t sz, size_t max_sz, unsigned int seed)
{
	(void)seed;
	return LLVMFuzzerMutate(data, sz, max_sz);
}
