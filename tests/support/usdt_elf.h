/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * usdt_elf.h - a program's file with notes of USDT probes, made by hand.
 *
 *      +0    ELF header
 *      +64   one program header: all of the file is at USDT_ELF_VADDR, to be run
 *      +120  two section headers: none, and the notes
 *      +248  the notes, one after the other
 */
#ifndef USDT_ELF_H
#define USDT_ELF_H

#include <stddef.h>
#include <stdint.h>

#define USDT_ELF_VADDR 0x401000u
#define USDT_ELF_MAX   8192u

struct usdt_elf_note {
	uint64_t vaddr;
	const char *provider, *name, *args;
};

/* Its bytes into out[USDT_ELF_MAX]; how many. */
size_t usdt_elf__make(uint8_t *out, const struct usdt_elf_note *notes, size_t cnt);

#endif /* USDT_ELF_H */
