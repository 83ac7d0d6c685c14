/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * digits.h - numbers to text, many times faster than printf.
 *
 * Owns:     decimal and hexadecimal digits.
 * Must not: allocate: whoever calls has the room, DIGITS_ROOM bytes from `to` on, all of which may be
 *           written. No NUL.
 */
#ifndef CPT_DIGITS_H
#define CPT_DIGITS_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define DIGITS_ROOM 32

#define DIGITS_ZEROS UINT64_C(0x3030303030303030)

/*
 * The eight digits of n < 10^8, the first one in the lowest byte, all at once: halves of a part sit in
 * lanes beside each other, and each step divides all lanes by the same number (a multiplication and a
 * shift, exact for what fits a lane).
 *
 *	12345678 -> 1234|5678 -> 12|34|56|78 -> 1|2|3|4|5|6|7|8
 */
static inline uint64_t digits_of(uint32_t n)
{
	uint64_t v = n / 10000 | (uint64_t)(n % 10000) << 32, high;

	high = (v * 10486 >> 20) & UINT64_C(0x0000007f0000007f);
	v = high | (v - high * 100) << 16;
	high = (v * 103 >> 10) & UINT64_C(0x000f000f000f000f);
	return high | (v - high * 10) << 8;
}

/* n < 10^8, with leading zeros. Returns the byte behind it. */
static inline char *put_8_digits(char *to, uint32_t n)
{
	const uint64_t text = htole64(digits_of(n) | DIGITS_ZEROS);

	memcpy(to, &text, sizeof(text));
	return to + 8;
}

/* n < 10^9, with leading zeros: what stands behind the point of a time in seconds. */
static inline char *put_9_digits(char *to, uint32_t n)
{
	*to = (char)('0' + n / 100000000);
	return put_8_digits(to + 1, n % 100000000);
}

/* n < 10^8, without. */
static inline char *put_up_to_8_digits(char *to, uint32_t n)
{
	uint64_t v = digits_of(n);
	const unsigned int zeros = v ? (unsigned int)__builtin_ctzll(v) / 8 : 7;

	v = htole64((v | DIGITS_ZEROS) >> 8 * zeros);
	memcpy(to, &v, sizeof(v));
	return to + 8 - zeros;
}

static inline char *put_u64(char *to, uint64_t n)
{
	const uint32_t part = 100000000;
	uint64_t high;

	if (n < 10) {
		*to = (char)('0' + n);
		return to + 1;
	}
	if (n < part)
		return put_up_to_8_digits(to, (uint32_t)n);
	high = n / part;
	if (high < part) {
		to = put_up_to_8_digits(to, (uint32_t)high);
	} else {
		to = put_up_to_8_digits(to, (uint32_t)(high / part));
		to = put_8_digits(to, (uint32_t)(high % part));
	}
	return put_8_digits(to, (uint32_t)(n % part));
}

/* "0x" and as few digits as will do. */
static inline char *put_hex(char *to, uint64_t n)
{
	const int digits = n ? (67 - __builtin_clzll(n)) / 4 : 1;

	*to++ = '0';
	*to++ = 'x';
	for (int i = digits; i-- > 0; n >>= 4)
		to[i] = "0123456789abcdef"[n & 0xf];
	return to + digits;
}

#endif /* CPT_DIGITS_H */
