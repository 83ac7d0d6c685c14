/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * varint.h - numbers of variable and of fixed length in a buffer.
 *
 * Owns:     LEB128 (7 bits a byte, lowest first, the top bit says that more follow; at most 10 bytes
 *           for 64 bits), zigzag for signed differences, little-endian fixed numbers, and the reading
 *           cursor that never passes its end.
 *
 * A cursor that is asked for more than there is, or meets a number that does not fit, goes `bad`,
 * stays so, and yields zeros: a reader may check once, at the end, as long as it bounds what it uses.
 */
#ifndef CPT_VARINT_H
#define CPT_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CPT_VARINT_MAX 10

struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

/* Writes v at p, which has room for CPT_VARINT_MAX bytes; returns the byte behind it. */
static inline uint8_t *put_varint(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

static inline uint64_t zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static inline int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

static inline uint64_t get_varint_long(struct cursor *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && c->at < c->end; shift += 7) {
		const uint8_t byte = *c->at++;

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (shift == 63 && byte > 1)
			break;
		return v;
	}
	c->bad = true;
	c->at = c->end;
	return 0;
}

static inline uint64_t get_varint(struct cursor *c)
{
	if (c->at < c->end && *c->at < 0x80)
		return *c->at++;
	return get_varint_long(c);
}

/* A varint that must fit 32 bits. */
static inline uint32_t get_varint32(struct cursor *c)
{
	const uint64_t v = get_varint(c);

	if (v <= UINT32_MAX)
		return (uint32_t)v;
	c->bad = true;
	c->at = c->end;
	return 0;
}

static inline uint8_t get_byte(struct cursor *c)
{
	if (c->at < c->end)
		return *c->at++;
	c->bad = true;
	return 0;
}

/* sz bytes, NULL when there are fewer. */
static inline const uint8_t *get_bytes(struct cursor *c, size_t sz)
{
	const uint8_t *p = c->at;

	if (sz > (size_t)(c->end - c->at)) {
		c->bad = true;
		c->at = c->end;
		return NULL;
	}
	c->at += sz;
	return p;
}

/* Read to the last byte, and nothing amiss. */
static inline bool cursor_done(const struct cursor *c)
{
	return !c->bad && c->at == c->end;
}

static inline void put_le(uint8_t *p, uint64_t v, unsigned sz)
{
	for (unsigned i = 0; i < sz; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static inline uint64_t get_le(const uint8_t *p, unsigned sz)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < sz; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

#endif /* CPT_VARINT_H */
