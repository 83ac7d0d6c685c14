/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tenants.h - who else used the machine: CPU time of all other processes while a recording lasted.
 *
 * Owns:     the two readings and their difference, by process, the largest first.
 * Must not: know how tasks are read (bpf_session.h does).
 *
 * A process that came and went between the readings leaves no trace in either.
 */
#ifndef CPT_TENANTS_H
#define CPT_TENANTS_H

#include "analysis/trace.h"

struct tenants;

struct tenants *tenants__new(void);    /* NULL without memory */
void tenants__free(struct tenants *t); /* accepts NULL */

/* One task of the first reading, of the second; ctx is the struct tenants. */
void tenants__first(void *ctx, const struct cpt_rec_tenant *task);
void tenants__last(void *ctx, const struct cpt_rec_tenant *task);

/* Fills in the tenants of close; the workload's tasks and process `self` are left out. If memory ran
 * out on the way, nobody looked. */
void tenants__finish(struct tenants *t, uint32_t self, struct cpt_trace_close *close);

#endif /* CPT_TENANTS_H */
