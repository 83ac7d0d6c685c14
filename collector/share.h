/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* share.h - a part of a whole that may be nothing. */
#ifndef CPT_SHARE_H
#define CPT_SHARE_H

#include <stdint.h>

/* 0 to 1; 0 of nothing. */
static inline double share(uint64_t part, uint64_t total)
{
	return total ? (double)part / (double)total : 0;
}

#endif /* CPT_SHARE_H */
