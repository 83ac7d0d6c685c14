/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rng.h - random numbers that are the same on every machine, so that a seed names a case.
 *
 * Algorithm: splitmix64 (Steele, Lea, Flood 2014), written from its published description.
 */
#ifndef PROPERTIES_RNG_H
#define PROPERTIES_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_u64(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* 0..n-1 */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)(rng_u64(r) % n);
}

static inline bool rng_percent(struct rng *r, uint32_t percent)
{
	return rng_below(r, 100) < percent;
}

#endif /* PROPERTIES_RNG_H */
