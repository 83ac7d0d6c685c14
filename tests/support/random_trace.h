/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * random_trace.h - draws a random but possible timeline with the trace builder.
 */
#ifndef RANDOM_TRACE_H
#define RANDOM_TRACE_H

#include "../properties/rng.h"
#include "trace_builder.h"

/* Several things may happen at one instant; then the order of the calls is only one of those that
 * can have happened. */
#define RANDOM_TIES 0x1
/* Losses, at any time: what a merger would not say like that. */
#define RANDOM_LOSS 0x2
/* Now and then a pause of up to minutes. */
#define RANDOM_PAUSES 0x4

/* tb: new, cpu_cnt as given to tb__new. Adds some `steps` calls. */
void random_trace(struct trace_builder *tb, struct rng *rng, uint32_t cpu_cnt, uint32_t steps,
		  uint32_t flags);

#endif /* RANDOM_TRACE_H */
