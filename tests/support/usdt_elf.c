// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* usdt_elf.c - see usdt_elf.h. */
#include "usdt_elf.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define OWNER	  "stapsdt"
#define NOTE_USDT 3

static size_t put(uint8_t *out, size_t at, const void *bytes, size_t sz)
{
	if (at + sz > USDT_ELF_MAX)
		abort();
	memcpy(out + at, bytes, sz);
	return at + sz;
}

static size_t put_note(uint8_t *out, size_t at, const struct usdt_elf_note *n)
{
	const uint64_t addresses[3] = {n->vaddr, 0, 0};
	const char *texts[3] = {n->provider, n->name, n->args};
	Elf64_Nhdr head = {
		.n_namesz = sizeof(OWNER), .n_descsz = sizeof(addresses), .n_type = NOTE_USDT};

	for (int i = 0; i < 3; i++)
		head.n_descsz += (uint32_t)strlen(texts[i]) + 1;
	at = put(out, at, &head, sizeof(head));
	at = put(out, at, OWNER, sizeof(OWNER));
	at = put(out, at, addresses, sizeof(addresses));
	for (int i = 0; i < 3; i++)
		at = put(out, at, texts[i], strlen(texts[i]) + 1);
	return (at + 3) & ~(size_t)3;
}

size_t usdt_elf__make(uint8_t *out, const struct usdt_elf_note *notes, size_t cnt)
{
	Elf64_Ehdr head = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_EXEC,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(head),
		.e_phoff = sizeof(head),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
		.e_shoff = sizeof(head) + sizeof(Elf64_Phdr),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 2,
	};
	Elf64_Phdr load = {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = USDT_ELF_VADDR};
	Elf64_Shdr sections[2] = {{0}, {.sh_type = SHT_NOTE, .sh_addralign = 4}};
	const size_t begin = head.e_shoff + sizeof(sections);
	size_t at = begin;

	memset(out, 0, USDT_ELF_MAX);
	for (size_t i = 0; i < cnt; i++)
		at = put_note(out, at, &notes[i]);
	sections[1].sh_offset = begin;
	sections[1].sh_size = at - begin;
	load.p_filesz = load.p_memsz = at;
	put(out, 0, &head, sizeof(head));
	put(out, head.e_phoff, &load, sizeof(load));
	put(out, head.e_shoff, sections, sizeof(sections));
	return at;
}
