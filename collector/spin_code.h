/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * spin_code.h - does this code wait by spinning? A look at the bytes around an address.
 *
 * Owns:     what a spin loop looks like: a short backward jump over a PAUSE (x86-64) or YIELD (arm64).
 * Must not: read processes or files.
 */
#ifndef CPT_SPIN_CODE_H
#define CPT_SPIN_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes before and behind the address that are looked at: a longer loop does more than wait. */
#define SPIN_CODE_REACH 64

enum spin_arch { SPIN_X86_64, SPIN_ARM64, SPIN_ARCH_UNKNOWN };

/* By uname's machine. */
enum spin_arch spin_code__arch(const char *machine);

/* Is code[at], the instruction executed or about to be, in a loop within these sz bytes that holds a
 * PAUSE? Of x86-64 every offset is tried as the start of a jump, for where instructions begin is not
 * known before the address; that a constant looks like a jump over a PAUSE is rare. */
bool spin_code__is_loop(enum spin_arch arch, const uint8_t *code, size_t sz, size_t at);

#endif /* CPT_SPIN_CODE_H */
