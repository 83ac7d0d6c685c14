/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * acct_bins.h - the accounts of accounts.h by bins of time.
 *
 * Owns:     what each bin's budget and demand are made of (struct cpt_grid_account).
 * Must not: have rules of its own: acct_charge.h has them. What bins add up to is what accounts that are
 *           open from the first one's start to the last one's end come to.
 *
 *   border            b                  b+1                 b+2
 *   CPU 1   ours |<---|----- stretch ----|-------->| its end tells what held the CPU
 *                | p0 |        p1        |    p2   |
 *
 * What holds a CPU is told at a stretch's end, bins later perhaps. So the integrals are kept as they were at
 * each border; a stretch that ends is cut at the borders it spans, and each part is charged in its bin. Of
 * demand the line that claims are on (claims.h) is kept in the same way. How a stretch is cut makes a
 * difference, as where `--time` begins does, only where things are told in proportion (account_facts.h).
 *
 * Memory: bins x (classes of CPUs, at most ACCT_BINS_CLASSES + masks). With more classes there are no
 * figures (acct_bins__take() says so).
 *
 * Private to analysis/.
 */
#ifndef CPT_ACCT_BINS_H
#define CPT_ACCT_BINS_H

#include "accounts.h"
#include "grid_facts.h"

#define ACCT_BINS_CLASSES 64

struct acct_bins;

enum acct_claim { ACCT_CLAIM_IDLE, ACCT_CLAIM_DOUBT, ACCT_CLAIM_CNT };

/* Bins of bin_ns each, at most bins_max. NULL with errno. */
struct acct_bins *acct_bins__new(uint64_t bin_ns, uint32_t bins_max);
void acct_bins__free(struct acct_bins *b); /* accepts NULL */

/* The first bin begins. */
void acct_bins__open(struct acct_bins *b, uint64_t now_ns);
/* A bin ends now. 0 or -ENOMEM. */
int acct_bins__border(struct acct_bins *b, struct accounts *a);

/* For accounts.c. A class is cut in two: what one was the other was, too. */
void acct_bins__twin(struct acct_bins *b, uint32_t old, uint32_t twin);
/* The stretch of c, which ends now, its class's sums being up to now; as accounts__seen() has it. */
void acct_bins__stretch(struct acct_bins *b, const struct accounts *a, const struct acct_cpu *c,
			enum acct_kind kind, uint64_t early_ns, uint64_t idle_ns,
			uint64_t other_ns);
/* claims__add(), and whose bins the gain falls into. */
void acct_bins__claim(struct acct_bins *b, uint32_t slot, struct claims *claims,
		      enum acct_claim what, uint64_t from, uint64_t to, uint64_t num, uint64_t den);

/* Of the bins, once accounts__finish() is through; malloc'd, as many as borders were passed. *out is NULL
 * where the machine has too many classes of CPUs. 0 or -ENOMEM. */
int acct_bins__take(struct acct_bins *b, struct cpt_grid_account **out);

#endif /* CPT_ACCT_BINS_H */
