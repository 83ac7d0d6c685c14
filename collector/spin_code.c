// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* spin_code.c - see spin_code.h. */
#include "spin_code.h"

#include <string.h>

enum spin_arch spin_code__arch(const char *machine)
{
	if (!strcmp(machine, "x86_64"))
		return SPIN_X86_64;
	return !strcmp(machine, "aarch64") ? SPIN_ARM64 : SPIN_ARCH_UNKNOWN;
}

static int32_t le32(const uint8_t *p)
{
	return (int32_t)((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
			 (uint32_t)p[3] << 24);
}

/* A jump at code[i]: its length, and in *by where it leads to, from its end. 0: none. */
static size_t x86_jump(const uint8_t *code, size_t left, int32_t *by)
{
	const uint8_t op = code[0];

	if (left >= 2 && (op == 0xeb || (op & 0xf0) == 0x70 || (op >= 0xe0 && op <= 0xe3))) {
		*by = (int8_t)code[1];
		return 2;
	}
	if (left >= 5 && op == 0xe9) {
		*by = le32(code + 1);
		return 5;
	}
	if (left >= 6 && op == 0x0f && (code[1] & 0xf0) == 0x80) {
		*by = le32(code + 2);
		return 6;
	}
	return 0;
}

static bool x86_pause_between(const uint8_t *code, size_t from, size_t to)
{
	for (size_t i = from; i + 2 <= to; i++)
		if (code[i] == 0xf3 && code[i + 1] == 0x90)
			return true;
	return false;
}

static bool is_x86_loop(const uint8_t *code, size_t sz, size_t at)
{
	for (size_t i = 0; i < sz; i++) {
		int32_t by = 0;
		const size_t len = x86_jump(code + i, sz - i, &by), end = i + len;

		/* Backwards, and the address lies from its target to the jump itself. */
		if (!len || by >= 0 || (size_t) - (int64_t)by > end || at >= end ||
		    end - (size_t) - (int64_t)by > at)
			continue;
		if (x86_pause_between(code, end - (size_t) - (int64_t)by, i))
			return true;
	}
	return false;
}

#define ARM64_YIELD 0xd503203fu

/* A branch at word w that leads backwards: by how many words, 0 none. */
static int64_t arm64_back(uint32_t w)
{
	int64_t by = 0;

	if ((w & 0xfc000000u) == 0x14000000u) /* B */
		by = (int32_t)(w << 6) >> 6;
	else if ((w & 0xff000010u) == 0x54000000u || (w & 0x7e000000u) == 0x34000000u)
		by = (int32_t)(w << 8) >> 13; /* B.cond, CBZ, CBNZ */
	else if ((w & 0x7e000000u) == 0x36000000u)
		by = (int32_t)(w << 13) >> 18; /* TBZ, TBNZ */
	return by < 0 ? -by : 0;
}

static bool is_arm64_loop(const uint8_t *code, size_t sz, size_t at)
{
	const size_t words = sz / 4, here = at / 4;

	for (size_t i = here; i < words; i++) {
		const int64_t back = arm64_back((uint32_t)le32(code + 4 * i));

		if (!back || (size_t)back > i || i - (size_t)back > here)
			continue;
		for (size_t k = i - (size_t)back; k < i; k++)
			if ((uint32_t)le32(code + 4 * k) == ARM64_YIELD)
				return true;
	}
	return false;
}

bool spin_code__is_loop(enum spin_arch arch, const uint8_t *code, size_t sz, size_t at)
{
	if (at >= sz)
		return false;
	if (arch == SPIN_X86_64)
		return is_x86_loop(code, sz, at);
	return arch == SPIN_ARM64 && is_arm64_loop(code, sz, at);
}
