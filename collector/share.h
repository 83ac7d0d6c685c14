/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* share.h - a part of a whole that may be nothing. */
#ifndef CPT_SHARE_H
#define CPT_SHARE_H

#include <stdint.h>

#include "../analysis/bounds_facts.h"

/* 0 to 1; 0 of nothing. */
static inline double share(uint64_t part, uint64_t total)
{
	return total ? (double)part / (double)total : 0;
}

/* Between what the share of a part lies that has bounds, as the whole has: at the least it is of the largest whole, at
 * the most of the smallest, and never more than all. */
static inline struct cpt_real_bounds share_bounds(const struct cpt_ns_bounds *part,
						  const struct cpt_ns_bounds *whole)
{
	return (struct cpt_real_bounds){share(part->low, whole->high),
					part->high < whole->low ? share(part->high, whole->low)
								: 1};
}

#endif /* CPT_SHARE_H */
