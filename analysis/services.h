/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * services.h - what single descriptors of an instance took of its loops' turns.
 *
 * Owns:     the bytes of SERVICES sections.
 * Must not: do I/O.
 *
 * A loop's turn is at a descriptor from its first call on it, or from the wait before that, to the first
 * call on another one, or the next wait: what it computes there, and what it blocks in.
 */
#ifndef CPT_SERVICES_H
#define CPT_SERVICES_H

#include <stddef.h>
#include <stdint.h>

#include "loop_facts.h"

/* Instances and their descriptors, as read. */
struct cpt_services;

struct cpt_services *services__new(void);    /* NULL without memory */
void services__free(struct cpt_services *s); /* accepts NULL */

/* Those of an instance, most first, into out[CPT_LOOP_SERVICES]; returns how many. s may be NULL. */
uint32_t services__of(const struct cpt_services *s, uint32_t instance, struct cpt_service *out);

/* Adds what a payload holds; numbers of instances rise, over all payloads. 0, -ENOMEM, -EBADMSG. */
int services__decode(struct cpt_services *s, const uint8_t *in, size_t sz);

/* One instance's, 1 to CPT_LOOP_SERVICES, most first, for a payload at p, which has room for SERVICES_ROW_MAX
 * bytes. Returns the byte behind it. */
#define SERVICES_ROW_MAX (20 + CPT_LOOP_SERVICES * 50)
uint8_t *services__put(uint8_t *p, uint32_t instance, const struct cpt_service *tab, uint32_t cnt);

#endif /* CPT_SERVICES_H */
