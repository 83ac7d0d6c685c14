// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * usdt_note.c - see usdt_note.h.
 *
 * A note of the owner "stapsdt", type 3, is in a section that is not loaded:
 *
 *   u64 address of the instruction | u64 address of .stapsdt.base | u64 semaphore | provider, name, arguments,
 *                                                                                  each with its NUL
 *
 * Addresses are link-time ones. The second serves for files whose addresses were changed after linking (prelink),
 * and is not looked at. An argument is SIZE@OPERAND, the operand as the assembler writes it.
 */
#include "usdt_note.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/cpt_abi.h"

#include "elf_file.h"

#define NOTES_SZ_MAX (4u << 20) /* of one section */
#define NOTES_MAX    64		/* sections of notes looked at */

#define OWNER	  "stapsdt"
#define NOTE_USDT 3
#define HEAD_SZ	  24 /* of a description: the three addresses */

struct find {
	int fd;
	const char *provider, *name;
	const struct elf_file *elf;
	struct usdt_site *sites;
	int cnt;
};

/* ---- the argument ---------------------------------------------------------------------------- */

#if defined(__x86_64__)
/* struct pt_regs, which is a contract of the kernel's with debuggers. */
static const struct {
	const char *name;
	uint32_t off;
} registers[] = {
	{"rax", 80}, {"rbx", 40},  {"rcx", 88}, {"rdx", 96}, {"rsi", 104}, {"rdi", 112},
	{"rbp", 32}, {"rsp", 152}, {"r8", 72},	{"r9", 64},  {"r10", 56},  {"r11", 48},
	{"r12", 24}, {"r13", 16},  {"r14", 8},	{"r15", 0},
};

static int register_at(const char *name)
{
	for (size_t i = 0; i < sizeof(registers) / sizeof(*registers); i++)
		if (!strcmp(registers[i].name, name))
			return (int)registers[i].off;
	return -1;
}

/* 8@%rdi, 8@-24(%rbp), 8@(%rax) */
static bool operand(const char *s, uint64_t *cookie)
{
	char name[8], end;
	int more = 0, len = 0, at;

	if (sscanf(s, "%%%7[a-z0-9] %c", name, &end) == 1) {
		at = register_at(name);
		*cookie = (uint64_t)at;
		return at >= 0;
	}
	if (*s != '(' && sscanf(s, "%9d%n", &more, &len) != 1)
		return false;
	s += len;
	if (sscanf(s, "(%%%7[a-z0-9]) %c", name, &end) != 1)
		return false;
	at = register_at(name);
	*cookie = (uint64_t)at | CPT_MARK_ARG_MEMORY | (uint64_t)(uint32_t)more << 32;
	return at >= 0 && s[1 + 1 + strlen(name)] == ')';
}
#elif defined(__aarch64__)
static int register_at(const char *name)
{
	unsigned int n;
	char end;

	if (!strcmp(name, "sp"))
		return 31 * 8;
	return sscanf(name, "x%2u%c", &n, &end) == 1 && n < 31 ? (int)n * 8 : -1;
}

/* 8@x0, 8@[sp, 16], 8@[x1] */
static bool operand(const char *s, uint64_t *cookie)
{
	char name[8], end;
	int more = 0, at;

	if (sscanf(s, "%7[a-z0-9] %c", name, &end) == 1) {
		at = register_at(name);
		*cookie = (uint64_t)at;
		return at >= 0;
	}
	if (sscanf(s, "[%7[a-z0-9], %9d", name, &more) < 1 || !strchr(s, ']'))
		return false;
	at = register_at(name);
	*cookie = (uint64_t)at | CPT_MARK_ARG_MEMORY | (uint64_t)(uint32_t)more << 32;
	return at >= 0;
}
#else
static bool operand(const char *s, uint64_t *cookie)
{
	(void)s;
	(void)cookie;
	return false;
}
#endif

static bool argument(const char *args, uint64_t *cookie)
{
	char first[32];
	size_t len = strcspn(args, " ");

	/* "[sp, 16]" has a blank of its own. */
	if (memchr(args, '[', len))
		len = strcspn(args, "]") + 1;
	if (len >= sizeof(first) || len > strlen(args))
		return false;
	memcpy(first, args, len);
	first[len] = '\0';
	if (strncmp(first, "8@", 2) != 0 && strncmp(first, "-8@", 3) != 0)
		return false;
	return operand(strchr(first, '@') + 1, cookie);
}

/* ---- notes ----------------------------------------------------------------------------------- */

static bool file_offset(const struct elf_file *elf, uint64_t vaddr, uint64_t *off)
{
	for (uint32_t i = 0; i < elf->load_cnt; i++) {
		const struct elf_load *l = &elf->loads[i];

		if (!l->exec || vaddr - l->vaddr >= l->filesz || l->off > INT64_MAX - l->filesz)
			continue;
		*off = l->off + (vaddr - l->vaddr);
		return true;
	}
	return false;
}

/* The next string of a description; NULL: it does not end in it. */
static const char *next_string(const char **at, const char *end)
{
	const char *s = *at;
	const char *nul = s < end ? memchr(s, 0, (size_t)(end - s)) : NULL;

	*at = nul ? nul + 1 : end;
	return nul ? s : NULL;
}

static void take_note(struct find *f, const char *desc, size_t sz)
{
	const char *at = desc + HEAD_SZ, *end = desc + sz;
	const char *provider, *name, *args;
	struct usdt_site site = {0};
	uint64_t vaddr;

	if (sz < HEAD_SZ || f->cnt == USDT_SITES_MAX)
		return;
	memcpy(&vaddr, desc, sizeof(vaddr));
	provider = next_string(&at, end);
	name = next_string(&at, end);
	args = next_string(&at, end);
	if (!provider || !name || !args || strcmp(provider, f->provider) != 0 ||
	    strcmp(name, f->name) != 0)
		return;
	if (argument(args, &site.cookie) && file_offset(f->elf, vaddr, &site.off))
		f->sites[f->cnt++] = site;
}

static uint64_t padded(uint64_t n)
{
	return (n + 3) & ~UINT64_C(3);
}

static void take_notes(struct find *f, const char *notes, size_t sz)
{
	Elf64_Nhdr note;
	uint64_t pos = 0, desc, end;

	while (pos + sizeof(note) <= sz) {
		memcpy(&note, notes + pos, sizeof(note));
		desc = pos + sizeof(note) + padded(note.n_namesz);
		end = desc + note.n_descsz;
		if (end > sz)
			return;
		if (note.n_type == NOTE_USDT && note.n_namesz == sizeof(OWNER) &&
		    !memcmp(notes + pos + sizeof(note), OWNER, sizeof(OWNER)))
			take_note(f, notes + desc, note.n_descsz);
		pos = padded(end);
	}
}

/* ---- sections -------------------------------------------------------------------------------- */

static int take_section(struct find *f, const Elf64_Shdr *section)
{
	char *notes;
	int err;

	if (section->sh_size < sizeof(Elf64_Nhdr) || section->sh_size > NOTES_SZ_MAX)
		return 0;
	notes = malloc(section->sh_size);
	if (!notes)
		return -ENOMEM;
	err = elf_read_at(f->fd, notes, section->sh_size, section->sh_offset);
	if (!err)
		take_notes(f, notes, section->sh_size);
	free(notes);
	return err == -ENOEXEC ? 0 : err;
}

static int take_sections(struct find *f, const Elf64_Ehdr *head)
{
	uint32_t noted = 0;
	Elf64_Shdr section;
	int err = 0;

	for (uint64_t i = 0; !err && i < head->e_shnum && noted < NOTES_MAX; i++) {
		err = elf_read_at(f->fd, &section, sizeof(section),
				  head->e_shoff + i * sizeof(section));
		if (err || section.sh_type != SHT_NOTE)
			continue;
		noted++;
		err = take_section(f, &section);
	}
	return err == -ENOEXEC ? 0 : err;
}

int usdt_note__find(int fd, const char *provider, const char *name, struct usdt_site *sites)
{
	struct elf_file elf;
	struct find f = {.fd = fd, .provider = provider, .name = name, .elf = &elf, .sites = sites};
	Elf64_Ehdr head;
	int err = elf_file__read(fd, &elf);

	if (!err)
		err = elf_read_at(fd, &head, sizeof(head), 0);
	if (err == -ENOEXEC)
		return 0;
	if (err)
		return err;
	if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_shentsize != sizeof(Elf64_Shdr) ||
	    head.e_shoff > INT64_MAX / 2)
		return 0;
	err = take_sections(&f, &head);
	return err ? err : f.cnt;
}
