// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* elf_file.c - see elf_file.h. */
#include "elf_file.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define NOTES_MAX 4096 /* bytes of one note segment looked at */
#define PHDRS_MAX 128  /* program headers of one file */

int elf_read_at(int fd, void *buf, size_t sz, uint64_t off)
{
	ssize_t n;

	if (off > INT64_MAX - sz)
		return -ENOEXEC;
	n = pread(fd, buf, sz, (off_t)off);
	if (n < 0)
		return -errno;
	return (size_t)n == sz ? 0 : -ENOEXEC;
}

/* ---- the two widths, made one ---------------------------------------------------------------- */

static int read_header(int fd, Elf64_Ehdr *head)
{
	unsigned char ident[EI_NIDENT];
	Elf32_Ehdr narrow;
	int err = elf_read_at(fd, ident, sizeof(ident), 0);

	if (err)
		return err;
	if (memcmp(ident, ELFMAG, SELFMAG) || ident[EI_VERSION] != EV_CURRENT)
		return -ENOEXEC;
	if (ident[EI_DATA] !=
	    (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB))
		return -ENOEXEC;
	if (ident[EI_CLASS] == ELFCLASS64) {
		err = elf_read_at(fd, head, sizeof(*head), 0);
		return !err && head->e_phentsize != sizeof(Elf64_Phdr) ? -ENOEXEC : err;
	}
	err = ident[EI_CLASS] == ELFCLASS32 ? elf_read_at(fd, &narrow, sizeof(narrow), 0)
					    : -ENOEXEC;
	if (err)
		return err;
	memcpy(head->e_ident, ident, sizeof(ident));
	head->e_phoff = narrow.e_phoff;
	head->e_phnum = narrow.e_phnum;
	head->e_phentsize = narrow.e_phentsize;
	return narrow.e_phentsize == sizeof(Elf32_Phdr) ? 0 : -ENOEXEC;
}

static int read_segment(int fd, const Elf64_Ehdr *head, uint32_t idx, Elf64_Phdr *seg)
{
	Elf32_Phdr narrow;
	int err;

	if (head->e_phoff > INT64_MAX / 2)
		return -ENOEXEC;
	if (head->e_ident[EI_CLASS] == ELFCLASS64)
		return elf_read_at(fd, seg, sizeof(*seg), head->e_phoff + idx * sizeof(*seg));
	err = elf_read_at(fd, &narrow, sizeof(narrow), head->e_phoff + idx * sizeof(narrow));
	if (err)
		return err;
	*seg = (Elf64_Phdr){
		.p_type = narrow.p_type,
		.p_flags = narrow.p_flags,
		.p_offset = narrow.p_offset,
		.p_vaddr = narrow.p_vaddr,
		.p_filesz = narrow.p_filesz,
		.p_memsz = narrow.p_memsz,
		.p_align = narrow.p_align,
	};
	return 0;
}

/* ---- what they say --------------------------------------------------------------------------- */

static int add_load(struct elf_file *elf, const Elf64_Phdr *seg)
{
	if (seg->p_vaddr + seg->p_memsz < seg->p_vaddr || seg->p_filesz > seg->p_memsz)
		return -ENOEXEC;
	if (elf->load_cnt == CPT_ELF_LOADS_MAX)
		return -ENOEXEC;
	elf->loads[elf->load_cnt++] = (struct elf_load){
		.vaddr = seg->p_vaddr,
		.memsz = seg->p_memsz,
		.off = seg->p_offset,
		.filesz = seg->p_filesz,
		.exec = seg->p_flags & PF_X,
	};
	if (seg->p_flags & PF_X && seg->p_vaddr < elf->text_vaddr)
		elf->text_vaddr = seg->p_vaddr;
	return 0;
}

static void set_build_id(struct elf_file *elf, const unsigned char *bytes, size_t sz)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < sz; i++) {
		elf->build_id[2 * i] = digits[bytes[i] >> 4];
		elf->build_id[2 * i + 1] = digits[bytes[i] & 15];
	}
	elf->build_id[2 * sz] = '\0';
}

static size_t align_up(size_t n, size_t align)
{
	return (n + align - 1) & ~(align - 1);
}

/* Notes: | namesz | descsz | type | name, padded | desc, padded |, padded to 4 bytes, or to 8 in a
 * segment that is aligned so. */
static void find_build_id(struct elf_file *elf, const unsigned char *notes, size_t sz, size_t align)
{
	Elf64_Nhdr note; /* the same in both widths */
	size_t pos = 0, desc;

	while (sz - pos > sizeof(note)) {
		memcpy(&note, notes + pos, sizeof(note));
		if (note.n_namesz > sz || note.n_descsz > sz)
			return;
		desc = align_up(pos + sizeof(note) + note.n_namesz, align);
		if (desc > sz || note.n_descsz > sz - desc)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof(ELF_NOTE_GNU) &&
		    !memcmp(notes + pos + sizeof(note), ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) &&
		    note.n_descsz && note.n_descsz <= CPT_BUILD_ID_MAX_SZ) {
			set_build_id(elf, notes + desc, note.n_descsz);
			return;
		}
		pos = align_up(desc + note.n_descsz, align);
		if (pos > sz)
			return;
	}
}

static void read_notes(int fd, struct elf_file *elf, const Elf64_Phdr *seg)
{
	unsigned char notes[NOTES_MAX];
	size_t sz = seg->p_filesz < sizeof(notes) ? seg->p_filesz : sizeof(notes);

	/* The linker writes its own note first or nearly so; a file that hides it has none. */
	if (!elf->build_id[0] && !elf_read_at(fd, notes, sz, seg->p_offset))
		find_build_id(elf, notes, sz, seg->p_align == 8 ? 8 : 4);
}

int elf_file__read(int fd, struct elf_file *elf)
{
	Elf64_Ehdr head = {};
	Elf64_Phdr seg;
	int err = read_header(fd, &head);

	memset(elf, 0, sizeof(*elf));
	elf->text_vaddr = UINT64_MAX;
	if (!err && (!head.e_phnum || head.e_phnum > PHDRS_MAX))
		err = -ENOEXEC;
	for (uint32_t i = 0; !err && i < head.e_phnum; i++) {
		err = read_segment(fd, &head, i, &seg);
		if (err)
			break;
		if (seg.p_type == PT_LOAD)
			err = add_load(elf, &seg);
		else if (seg.p_type == PT_NOTE)
			read_notes(fd, elf, &seg);
	}
	return err;
}

bool elf_file__holds(const struct elf_file *elf, uint64_t vaddr)
{
	for (uint32_t i = 0; i < elf->load_cnt; i++)
		if (vaddr - elf->loads[i].vaddr < elf->loads[i].memsz)
			return true;
	return false;
}
